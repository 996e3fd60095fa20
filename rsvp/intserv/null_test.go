package intserv_test

import (
	"errors"
	"testing"

	"github.com/mpstack/mpstack/rsvp/intserv"
)

// TestNullService: RFC 2997: a request for the Null service states M alone,
// merges to the smaller one and needs no bandwidth.
func TestNullService(t *testing.T) {
	null := func(m uint32) intserv.FlowSpec {
		return intserv.FlowSpec{Service: intserv.Null, TSpec: intserv.TSpec{MaxPacket: m}}
	}
	a, b := null(1400), null(1500)
	if a.Check() != nil || a.CheckStrict() != nil || null(0).Check() != nil {
		t.Errorf("%v %v %v", a.Check(), a.CheckStrict(), null(0).Check())
	}
	bad := a
	bad.TSpec.Rate = 1
	for _, f := range []intserv.FlowSpec{null(0), bad} {
		if !errors.Is(f.CheckStrict(), intserv.ErrBadTSpec) {
			t.Errorf("%v: %v", f, f.CheckStrict())
		}
	}
	if f, ok := intserv.LUB(a, b); !ok || f != a {
		t.Errorf("LUB %v", f)
	}
	if f, ok := intserv.GLB(a, b); !ok || f != a {
		t.Errorf("GLB %v", f)
	}
	if o := intserv.Compare(b, a); o != intserv.Greater {
		t.Errorf("a larger M is %v", o)
	}
	load := intserv.FlowSpec{Service: intserv.ControlledLoad, TSpec: intserv.TSpec{Rate: 1, Depth: 1, Peak: 1}}
	if o := intserv.Compare(a, load); o != intserv.Incompatible {
		t.Errorf("another service is %v", o)
	}
	if a.Bandwidth() != 0 || a.String() != "null M=1400" || intserv.Null.String() != "null" {
		t.Errorf("%v %v", a.Bandwidth(), a)
	}
}

// TestNullAd: the Null service's fragment gets its break bit from a node that
// does not offer the service, and its overrides are composed by one that does.
func TestNullAd(t *testing.T) {
	ad := intserv.NewAdSpec(intserv.Null)
	if !ad.Null.Present || !ad.Usable(intserv.Null) || ad.Usable(intserv.ControlledLoad) {
		t.Fatalf("%+v", ad)
	}
	ad.Null.Override = intserv.Params{Set: intserv.HasMTU, MTU: 1500}
	on := ad.Compose(intserv.Local{Null: true, MTU: 1400, Latency: 1})
	if on.Null.Break || on.Path(intserv.Null).MTU != 1400 || on.Path(intserv.Null).Hops != 1 {
		t.Errorf("offered: %+v", on)
	}
	off := on.Compose(intserv.Local{MTU: 1300})
	if !off.Null.Break || off.Usable(intserv.Null) || off.Null.Override.MTU != 1400 {
		t.Errorf("not offered: %+v", off)
	}
	bad := ad
	bad.Null.Override = intserv.Params{Set: intserv.HasBandwidth, Bandwidth: -1}
	if !errors.Is(bad.Check(), intserv.ErrBadAdSpec) {
		t.Errorf("%v", bad.Check())
	}
}
