package intserv

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func TestQueueingDelay(t *testing.T) {
	spec := TSpec{Rate: 1000, Depth: 5000, Peak: 4000, MinUnit: 64, MaxPacket: 1000}
	for _, tc := range []struct {
		name string
		spec TSpec
		rate float32
		want float64
	}{
		{"p > R", spec, 2000, (4000.0/2000*(4000-2000)/(4000-1000)+(1000.0+200)/2000)*1e6 + 300},
		{"R = r", spec, 1000, (4000.0/1000+(1000.0+200)/1000)*1e6 + 300},
		{"R = p", spec, 4000, (1000.0+200)/4000*1e6 + 300},
		{"R > p", spec, 8000, (1000.0+200)/8000*1e6 + 300},
		{"p unknown", TSpec{1000, 5000, inf, 64, 1000}, 2000, (4000.0/2000+(1000.0+200)/2000)*1e6 + 300},
	} {
		if got := QueueingDelay(tc.spec, tc.rate, 200, 300); got < tc.want-1e-3 || got > tc.want+1e-3 {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}

// TestRateFor: the rate keeps the bound, and a smaller one does not.
func TestRateFor(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 5000 {
		spec := TSpec{Rate: 1 + r.Float32()*1e6, Depth: 1500 + r.Float32()*1e5, MinUnit: 1, MaxPacket: 1500}
		spec.Peak = []float32{inf, spec.Rate, spec.Rate * (1 + r.Float32()*9)}[r.IntN(3)]
		c, d := uint32(r.IntN(5000)), uint32(r.IntN(5000))
		delay := float64(d) + 1 + r.Float64()*1e7
		rate, ok := RateFor(spec, delay, c, d)
		if !ok {
			t.Fatalf("%v: no rate for %v", spec, delay)
		}
		if got := QueueingDelay(spec, rate, c, d); got > delay {
			t.Fatalf("%v: R = %v gives %v, wanted %v", spec, rate, got, delay)
		}
		if less := rate * 0.999; less > spec.Rate && QueueingDelay(spec, less, c, d) <= delay {
			t.Fatalf("%v: R = %v is more than needed for %v", spec, rate, delay)
		}
	}
	if _, ok := RateFor(base, 300, 200, 300); ok {
		t.Error("D takes it all")
	}
	if _, ok := RateFor(base, 300+1e-12, 200, 300); ok {
		t.Error("above the greatest rate")
	}
}

// What a path says about itself, hop by hop, and what a receiver makes of it.
func Example() {
	t := TSpec{Rate: 10000, Depth: 3000, Peak: Infinity(), MinUnit: 64, MaxPacket: 1500}
	link := Local{Bandwidth: 125000, Latency: 500, MTU: 1500, Guaranteed: true, C: 1500, D: 1000, ControlledLoad: true}
	a := NewAdSpec(Guaranteed, ControlledLoad).Compose(link).Compose(link)
	fmt.Println(a.General.Hops, a.General.Latency, a.Usable(Guaranteed))

	rate, ok := RateFor(t, 200_000, a.Guaranteed.Ctot, a.Guaranteed.Dtot)
	fmt.Printf("%.0f %v\n", rate, ok)
	// Output:
	// 2 1000 true
	// 30303 true
}
