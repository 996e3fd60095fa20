package intserv

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

var inf = Infinity()

// base is a Tspec that the tests vary.
var base = TSpec{Rate: 1000, Depth: 2000, Peak: 5000, MinUnit: 64, MaxPacket: 1500}

func TestTSpecCheck(t *testing.T) {
	nan := float32(math.NaN())
	tests := []struct {
		name   string
		change func(*TSpec)
		ok     bool
	}{
		{"base", func(*TSpec) {}, true},
		{"peak unknown", func(t *TSpec) { t.Peak = inf }, true},
		{"peak equal to rate", func(t *TSpec) { t.Peak = t.Rate }, true},
		{"m equal to M", func(t *TSpec) { t.MinUnit = 1500 }, true},
		{"greatest", func(t *TSpec) { t.Rate, t.Depth, t.Peak = 40e12, 250e9, 40e12 }, true},
		{"rate 0", func(t *TSpec) { t.Rate = 0 }, false},
		{"rate below 1", func(t *TSpec) { t.Rate = 0.5 }, false},
		{"rate negative", func(t *TSpec) { t.Rate = -1 }, false},
		{"rate NaN", func(t *TSpec) { t.Rate = nan }, false},
		{"rate infinite", func(t *TSpec) { t.Rate, t.Peak = inf, inf }, false},
		{"rate too great", func(t *TSpec) { t.Rate, t.Peak = 41e12, inf }, false},
		{"depth 0", func(t *TSpec) { t.Depth = 0 }, false},
		{"depth infinite", func(t *TSpec) { t.Depth = inf }, false},
		{"peak below rate", func(t *TSpec) { t.Peak = 999 }, false},
		{"peak NaN", func(t *TSpec) { t.Peak = nan }, false},
		{"m not stated", func(t *TSpec) { t.MinUnit = 0 }, true},
		{"M not stated", func(t *TSpec) { t.MaxPacket = 0 }, true},
		{"m above M", func(t *TSpec) { t.MinUnit = 1501 }, false},
	}
	for _, tc := range tests {
		s := base
		tc.change(&s)
		if err := s.Check(); (err == nil) != tc.ok || err != nil && !errors.Is(err, ErrBadTSpec) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

// TestCheckStrict: what others send, we do not.
func TestCheckStrict(t *testing.T) {
	for _, change := range []func(*TSpec){func(t *TSpec) { t.MinUnit = 0 }, func(t *TSpec) { t.MaxPacket = 0 }, func(t *TSpec) { t.Rate = 0 }} {
		s := base
		change(&s)
		f := FlowSpec{Service: ControlledLoad, TSpec: s}
		if !errors.Is(s.CheckStrict(), ErrBadTSpec) || !errors.Is(f.CheckStrict(), ErrBadTSpec) {
			t.Errorf("%v passes", s)
		}
	}
	if base.CheckStrict() != nil || (FlowSpec{Service: ControlledLoad, TSpec: base}).CheckStrict() != nil {
		t.Error("the base does not pass")
	}
}

// TestTSpecArithmetic: RFC 2211 section 8 and RFC 2212 "Ordering and Merging".
func TestTSpecArithmetic(t *testing.T) {
	a := TSpec{Rate: 1000, Depth: 9000, Peak: 5000, MinUnit: 64, MaxPacket: 1500}
	b := TSpec{Rate: 2000, Depth: 3000, Peak: 4000, MinUnit: 32, MaxPacket: 1400}
	tests := []struct {
		name      string
		got, want TSpec
	}{
		{"merge", a.Merge(b), TSpec{2000, 9000, 5000, 32, 1400}},
		{"least common", a.LeastCommon(b), TSpec{2000, 9000, 5000, 32, 1500}},
		{"sum", a.Sum(b), TSpec{3000, 12000, 9000, 32, 1500}},
		{"sum with unknown peak", a.Sum(TSpec{1, 1, inf, 64, 64}), TSpec{1001, 9001, inf, 64, 1500}},
		{"sum with nothing", a.Sum(TSpec{}), a},
		{"nothing summed", TSpec{}.Sum(a), a},
		{"merge, M not stated", a.Merge(TSpec{1, 1, 1, 0, 0}), TSpec{1000, 9000, 5000, 0, 1500}},
		{"merge, M stated by none", TSpec{1, 1, 1, 0, 0}.Merge(TSpec{1, 1, 1, 0, 0}), TSpec{1, 1, 1, 0, 0}},
		{"sum, M not stated", a.Sum(TSpec{1, 1, 1, 1, 0}), TSpec{1001, 9001, 5001, 1, 0}},
		{"minimum, unordered", a.Min(b), TSpec{1000, 9000, 4000, 32, 1400}},
		{"minimum, ordered", a.Min(TSpec{2000, 9000, 5000, 64, 1500}), a},
		{"minimum, ordered the other way", TSpec{2000, 9000, 5000, 64, 1500}.Min(a), a},
	}
	for _, tc := range tests {
		if tc.got != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, tc.got, tc.want)
		}
	}
}

// TestAtLeast varies one parameter at a time: the ordering rule has five.
func TestAtLeast(t *testing.T) {
	better := []func(*TSpec){
		func(t *TSpec) { t.Rate++ }, func(t *TSpec) { t.Depth++ }, func(t *TSpec) { t.Peak++ },
		func(t *TSpec) { t.MinUnit-- }, func(t *TSpec) { t.MaxPacket++ },
	}
	if !base.AtLeast(base) {
		t.Error("not as good as itself")
	}
	for i, f := range better {
		s := base
		f(&s)
		if !s.AtLeast(base) || base.AtLeast(s) {
			t.Errorf("parameter %d does not order", i)
		}
		for j, g := range better {
			if i == j {
				continue
			}
			u := base
			g(&u)
			if s.AtLeast(u) || u.AtLeast(s) {
				t.Errorf("parameters %d and %d: ordered", i, j)
			}
		}
	}
}

// randomTSpec returns one of few values for each parameter, so that equal and
// ordered pairs occur.
func randomTSpec(r *rand.Rand) TSpec {
	rate := float32(1000 * (1 + r.IntN(3)))
	return TSpec{Rate: rate, Depth: float32(1500 * (1 + r.IntN(3))), Peak: []float32{rate, 4000, inf}[r.IntN(3)],
		MinUnit: uint32(64 * r.IntN(3)), MaxPacket: uint32(500 * r.IntN(3))}
}

func randomFlow(r *rand.Rand) FlowSpec {
	f := FlowSpec{Service: ControlledLoad, TSpec: randomTSpec(r)}
	if r.IntN(2) == 0 {
		f.Service = Guaranteed
		f.RSpec = RSpec{Rate: float32(3000 + 1000*r.IntN(3)), Slack: uint32(r.IntN(3))}
	}
	return f
}

// TestLaws: properties of the arithmetic over random values.
func TestLaws(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		a, b, c := randomFlow(r), randomFlow(r), randomFlow(r)
		o, p := Compare(a, b), Compare(b, a)
		opposite := map[Order]Order{Equal: Equal, Greater: Less, Less: Greater, Incomparable: Incomparable, Incompatible: Incompatible}
		if p != opposite[o] {
			t.Fatalf("%v and %v: %v and %v", a, b, o, p)
		}
		l, ok := LUB(a, b)
		l2, _ := LUB(b, a)
		g, gok := GLB(a, b)
		g2, _ := GLB(b, a)
		if ok != (o != Incompatible) || gok != ok || l != l2 || g != g2 {
			t.Fatalf("%v and %v: %v %v %v %v", a, b, l, l2, g, g2)
		}
		if !ok {
			continue
		}
		// A bound in every parameter but M, which merging lowers.
		l.TSpec.MaxPacket, g.TSpec.MinUnit = 0, math.MaxUint32
		for _, f := range []FlowSpec{a, b} {
			if !l.atLeast(f) || !f.atLeast(g) {
				t.Fatalf("%v and %v: bounds %v %v", a, b, l, g)
			}
		}
		if a.Service != c.Service {
			continue
		}
		ab, _ := LUB(a, b)
		bc, _ := LUB(b, c)
		x, _ := LUB(ab, c)
		y, _ := LUB(a, bc)
		if x != y {
			t.Fatalf("LUB is not associative: %v, %v, %v", a, b, c)
		}
		if again, _ := LUB(x, a); again != x {
			t.Fatalf("LUB is not idempotent: %v, %v", x, a)
		}
	}
}

func TestFlowSpec(t *testing.T) {
	load := FlowSpec{Service: ControlledLoad, TSpec: base}
	rate := FlowSpec{Service: Guaranteed, TSpec: base, RSpec: RSpec{Rate: 3000, Slack: 10}}
	tests := []struct {
		f    FlowSpec
		want error
	}{
		{load, nil}, {rate, nil},
		{FlowSpec{}, ErrBadService}, {FlowSpec{Service: 7, TSpec: base}, ErrBadService},
		{FlowSpec{Service: ControlledLoad}, ErrBadTSpec},
		{FlowSpec{Service: Guaranteed, TSpec: base, RSpec: RSpec{Rate: 999}}, ErrBadRSpec},
		{FlowSpec{Service: Guaranteed, TSpec: base, RSpec: RSpec{Rate: inf}}, ErrBadRSpec},
	}
	for _, tc := range tests {
		if err := tc.f.Check(); !errors.Is(err, tc.want) {
			t.Errorf("%v: %v, want %v", tc.f, err, tc.want)
		}
	}
	if load.Bandwidth() != 1000 || rate.Bandwidth() != 3000 || !(FlowSpec{}).IsZero() || load.IsZero() {
		t.Error("bandwidth or zero")
	}
	more, less := rate, rate
	more.RSpec.Rate, less.RSpec.Slack = 4000, 5 // a larger R; a smaller S
	for _, tc := range []struct {
		a, b FlowSpec
		want Order
	}{
		{rate, rate, Equal}, {more, rate, Greater}, {rate, more, Less}, {less, rate, Greater}, {more, less, Incomparable}, {load, rate, Incompatible},
	} {
		if got := Compare(tc.a, tc.b); got != tc.want {
			t.Errorf("%v and %v: %v, want %v", tc.a, tc.b, got, tc.want)
		}
	}
	if l, ok := LUB(more, less); !ok || l.RSpec != (RSpec{4000, 5}) {
		t.Errorf("LUB %v", l)
	}
	if g, ok := GLB(more, less); !ok || g.RSpec != (RSpec{3000, 10}) {
		t.Errorf("GLB %v", g)
	}
	if l, ok := LUB(FlowSpec{}, load); !ok || l != load {
		t.Errorf("LUB with nothing: %v", l)
	}
	if g, ok := GLB(load, FlowSpec{}); !ok || g != load {
		t.Errorf("GLB with nothing: %v", g)
	}
	if _, ok := GLB(load, rate); ok {
		t.Error("GLB of two services")
	}
	small, large := load, load
	small.TSpec.MaxPacket, large.TSpec.MinUnit = 100, 1400
	if g, _ := GLB(small, large); g.Check() != nil {
		t.Errorf("GLB %v is impossible", g)
	}
}

func TestNames(t *testing.T) {
	for got, want := range map[string]string{
		FlowSpec{Service: ControlledLoad, TSpec: TSpec{1e6, 1500, inf, 64, 1500}}.String():        "controlled-load r=1e+06 b=1500 p=inf m=64 M=1500",
		FlowSpec{Service: Guaranteed, TSpec: base, RSpec: RSpec{Rate: 2500.5, Slack: 3}}.String(): "guaranteed r=1000 b=2000 p=5000 m=64 M=1500 R=2500.5 S=3",
		Service(0).String(): "none", General.String(): "general", Service(7).String(): "service 7",
		Equal.String(): "equal", Incompatible.String(): "incompatible",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
