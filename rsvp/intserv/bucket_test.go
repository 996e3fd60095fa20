package intserv

import (
	"math/rand/v2"
	"testing"
)

const second = 1_000_000_000

func TestBucket(t *testing.T) {
	spec := TSpec{Rate: 1000, Depth: 3000, Peak: inf, MinUnit: 100, MaxPacket: 1500}
	b := NewBucket(spec, 5*second)
	steps := []struct {
		at   int64
		n    int
		want bool
	}{
		{5 * second, 1501, false}, // longer than M
		{5 * second, 1500, true},
		{5 * second, 1500, true},
		{5 * second, 1, false}, // empty; m counts
		{5*second + second/10, 1, true},
		{5*second + second/10, 1, false},
		{6 * second, 900, true},
		{6 * second, 100, false},
		{3 * second, 100, false}, // time does not go back
		{100 * second, 1500, true},
		{100 * second, 1500, true}, // full again, not more
		{100 * second, 100, false},
	}
	for i, s := range steps {
		if got := b.Take(s.at, s.n); got != s.want {
			t.Errorf("step %d: %v", i, got)
		}
	}
	if b.Spec() != spec {
		t.Error("spec")
	}
}

// TestBucketPeak: within a burst the peak rate spaces packets.
func TestBucketPeak(t *testing.T) {
	b := NewBucket(TSpec{Rate: 1000, Depth: 10000, Peak: 10000, MinUnit: 1, MaxPacket: 1000}, 0)
	if !b.Take(0, 1000) || b.Take(0, 1000) {
		t.Error("the second packet came too soon")
	}
	if at, ok := b.When(0, 1000); !ok || at != second/10 {
		t.Errorf("%d %v", at, ok)
	}
	if !b.Take(second/10, 1000) {
		t.Error("the second packet at its time")
	}
}

func TestBucketWhen(t *testing.T) {
	b := NewBucket(TSpec{Rate: 1000, Depth: 1000, Peak: inf, MinUnit: 1, MaxPacket: 1500}, 0)
	if _, ok := b.When(0, 1001); ok {
		t.Error("more than the depth never conforms")
	}
	if _, ok := b.When(0, 1501); ok {
		t.Error("more than M never conforms")
	}
	if at, ok := b.When(7, 1000); !ok || at != 7 {
		t.Errorf("at once: %d %v", at, ok)
	}
	b.Take(7, 1000)
	if at, ok := b.When(7, 250); !ok || at != 7+second/4 {
		t.Errorf("later: %d %v", at, ok)
	}
	var zero Bucket
	if _, ok := zero.When(0, 1); ok || zero.Take(0, 1) {
		t.Error("the zero bucket conforms")
	}
}

func TestBucketForceAndChange(t *testing.T) {
	b := NewBucket(TSpec{Rate: 1000, Depth: 1000, Peak: 2000, MinUnit: 1, MaxPacket: 1000}, 0)
	b.Force(0, 900)
	b.Force(0, 900)
	if at, ok := b.When(0, 100); !ok || at != second/10 {
		t.Errorf("not empty, or below: %d %v", at, ok)
	}
	b.Change(TSpec{Rate: 100, Depth: 200, Peak: inf, MinUnit: 1, MaxPacket: 1000}, 10*second)
	if !b.Take(10*second, 200) || b.Take(10*second, 1) {
		t.Error("the new depth does not bound")
	}
}

// TestBucketLaws: what conforms stays within rt+b, and a waiter that comes back
// when told conforms.
func TestBucketLaws(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		spec := TSpec{Rate: 1 + r.Float32()*1e6, Depth: 1500 + r.Float32()*1e5, MinUnit: 1, MaxPacket: 1500}
		spec.Peak = spec.Rate * (1 + r.Float32()*9)
		b := NewBucket(spec, 0)
		now, sent := int64(0), 0.0
		for range 500 {
			n := 1 + r.IntN(1500)
			at, ok := b.When(now, n)
			if !ok || at < now {
				t.Fatalf("%v: %d at %d: %d %v", spec, n, now, at, ok)
			}
			if at > now && b.Take(at-max(1, (at-now)/2), n) {
				t.Fatalf("%v: conforms before its time", spec)
			}
			if !b.Take(at, n) {
				t.Fatalf("%v: does not conform at its time", spec)
			}
			now, sent = at, sent+float64(n)
			if bound := float64(spec.Rate)*float64(now)/1e9 + float64(spec.Depth) + 1; sent > bound {
				t.Fatalf("%v: %v bytes by %d, bound %v", spec, sent, now, bound)
			}
		}
	}
}
