package intserv

import (
	"errors"
	"math"
	"testing"
)

var hop = Local{Bandwidth: 1e6, Latency: 100, MTU: 1500, Guaranteed: true, C: 10, D: 20, ControlledLoad: true}

// TestCompose: RFC 2215 section 3 and RFC 2212, one rule a line.
func TestCompose(t *testing.T) {
	start := NewAdSpec(Guaranteed, ControlledLoad)
	if err := start.Check(); err != nil || start.General.Hops != 0 {
		t.Fatalf("%+v: %v", start, err)
	}
	one := start.Compose(hop)
	slow := hop
	slow.Bandwidth, slow.MTU, slow.Latency = 5e5, 1400, Indeterminate
	tests := []struct {
		name      string
		got, want any
	}{
		{"first hop", one.General, Params{HasAll, 1, 1e6, 100, 1500}},
		{"two hops", one.Compose(hop).General, Params{HasAll, 2, 1e6, 200, 1500}},
		{"minima, latency unknown", one.Compose(slow).General, Params{HasAll, 2, 5e5, Indeterminate, 1400}},
		{"unknown stays unknown", one.Compose(slow).Compose(hop).General.Latency, uint32(Indeterminate)},
		{"bandwidth unknown", one.Compose(Local{MTU: 9000}).General.Bandwidth, float32(0)},
		{"error terms", one.Compose(hop).Guaranteed, GuaranteedAd{Present: true, Filled: true, Ctot: 20, Dtot: 40, Csum: 20, Dsum: 40}},
		{"controlled load untouched", one.ControlledLoad, ControlledLoadAd{Present: true}},
		{"no break", one.Break, false},
		{"usable", one.Usable(Guaranteed) && one.Usable(ControlledLoad), true},
	}
	for _, tc := range tests {
		if tc.got != tc.want {
			t.Errorf("%s: %+v, want %+v", tc.name, tc.got, tc.want)
		}
	}
}

func TestReshaping(t *testing.T) {
	r := hop
	r.Reshapes = true
	g := NewAdSpec(Guaranteed).Compose(hop).Compose(hop).Compose(r).Guaranteed
	if want := (GuaranteedAd{Present: true, Filled: true, Ctot: 30, Dtot: 60, Csum: 10, Dsum: 20}); g != want {
		t.Errorf("%+v, want %+v", g, want)
	}
}

// TestBreakBits: global where a hop knows no RSVP, by service where one does
// not offer it; absent fragments stay absent.
func TestBreakBits(t *testing.T) {
	a := NewAdSpec(Guaranteed, ControlledLoad).Compose(Local{NonRSVP: true, Guaranteed: true, ControlledLoad: true}).Compose(hop)
	if !a.Break || a.Guaranteed.Break || a.ControlledLoad.Break || a.Usable(Guaranteed) || a.Usable(ControlledLoad) {
		t.Errorf("hop without RSVP: %+v", a)
	}
	one := NewAdSpec(Guaranteed, ControlledLoad).Compose(Local{ControlledLoad: true}).Compose(hop)
	if one.Break || !one.Guaranteed.Break || one.ControlledLoad.Break || one.Usable(Guaranteed) || !one.Usable(ControlledLoad) {
		t.Errorf("hop without guaranteed service: %+v", one)
	}
	if one.Guaranteed.Ctot != 10 {
		t.Errorf("values go on after a break: %+v", one.Guaranteed)
	}
	two := NewAdSpec(ControlledLoad).Compose(Local{Guaranteed: true})
	if two.Guaranteed.Present || !two.ControlledLoad.Break || two.Usable(Guaranteed) || two.Usable(General) {
		t.Errorf("no guaranteed fragment: %+v", two)
	}
}

// TestEmptyFragment: a header-only guaranteed fragment is filled in by the
// first node that offers the service, its break bit preserved (RFC 2210 section
// 3.3.3); a node that does not leaves it empty.
func TestEmptyFragment(t *testing.T) {
	a := AdSpec{General: Params{Set: HasAll}, Guaranteed: GuaranteedAd{Present: true, Break: true}}
	if g := a.Compose(Local{}).Guaranteed; g.Filled {
		t.Errorf("filled: %+v", g)
	}
	if g := a.Compose(hop).Guaranteed; g != (GuaranteedAd{Present: true, Break: true, Filled: true, Ctot: 10, Dtot: 20, Csum: 10, Dsum: 20}) {
		t.Errorf("%+v", g)
	}
}

// TestOverrides: a service's own values hold for it and are composed with the
// local default (RFC 2215 section 2 rule 4).
func TestOverrides(t *testing.T) {
	a := NewAdSpec(Guaranteed, ControlledLoad).Compose(hop)
	a.Guaranteed.Override = Params{Set: HasMTU | HasHops, MTU: 250, Hops: 1}
	a.ControlledLoad.Override = Params{Set: HasBandwidth | HasLatency, Bandwidth: 2e6, Latency: 5}
	a = a.Compose(hop)
	if p := a.Path(Guaranteed); p != (Params{HasAll, 2, 1e6, 200, 250}) {
		t.Errorf("guaranteed: %+v", p)
	}
	if p := a.Path(ControlledLoad); p != (Params{HasAll, 2, 1e6, 105, 1500}) {
		t.Errorf("controlled load: %+v", p)
	}
	if p := a.Path(General); p != (Params{HasAll, 2, 1e6, 200, 1500}) {
		t.Errorf("general: %+v", p)
	}
}

// TestOtherServices: what we do not offer gets its break bit and stays (RFC
// 2210 section 3.3).
func TestOtherServices(t *testing.T) {
	a := AdSpec{Other: "\x03\x00\x00\x01abcd\x07\x80\x00\x00"}
	if got := a.Compose(hop).Other; got != "\x03\x80\x00\x01abcd\x07\x80\x00\x00" {
		t.Errorf("%q", got)
	}
	set := "\x07\x80\x00\x00"
	if n := testing.AllocsPerRun(10, func() { set = AdSpec{Other: set}.Compose(hop).Other }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if got := (AdSpec{Other: "\x03\x00\xff\xffab"}).Compose(hop).Other; got != "\x03\x80\xff\xffab" {
		t.Errorf("length past the end: %q", got)
	}
}

func TestClamp(t *testing.T) {
	a := NewAdSpec(Guaranteed)
	a.Guaranteed.Ctot, a.Guaranteed.Dtot, a.General.Hops = math.MaxUint32-5, math.MaxUint32-20, math.MaxUint32
	a = a.Compose(hop)
	if a.Guaranteed.Ctot != math.MaxUint32 || a.Guaranteed.Dtot != math.MaxUint32 || a.General.Hops != math.MaxUint32 {
		t.Errorf("%+v", a)
	}
}

func TestAdSpecCheck(t *testing.T) {
	for _, v := range []float32{-1, inf, float32(math.NaN()), float32(math.Copysign(0, -1))} {
		for i := range 3 {
			var a AdSpec
			[]*Params{&a.General, &a.Guaranteed.Override, &a.ControlledLoad.Override}[i].Bandwidth = v
			if err := a.Check(); !errors.Is(err, ErrBadAdSpec) {
				t.Errorf("bandwidth %v in %d: %v", v, i, err)
			}
		}
	}
}
