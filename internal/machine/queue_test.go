package machine

import (
	"math/rand/v2"
	"testing"
)

// TestQueueAgainstModel does random pushes and pops on a Queue and a slice.
func TestQueueAgainstModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var q Queue[int]
	var model []int
	for step := range 20000 {
		// Long runs of one kind make the queue grow, empty and be reused.
		if push := rng.IntN(10) < 3+step/1000%5; push {
			q.Push(step)
			model = append(model, step)
		} else {
			v, ok := q.Pop()
			if ok != (len(model) > 0) {
				t.Fatalf("step %d: Pop says %v with %d waiting", step, ok, len(model))
			}
			if ok {
				if *v != model[0] {
					t.Fatalf("step %d: Pop = %d, want %d", step, *v, model[0])
				}
				model = model[1:]
			}
		}
		if q.Len() != len(model) {
			t.Fatalf("step %d: Len = %d, want %d", step, q.Len(), len(model))
		}
	}
}

// TestQueueReusesMemory: a queue that is drained after every call, as a
// machine's is, does not grow and does not allocate.
func TestQueueReusesMemory(t *testing.T) {
	var q Queue[[64]byte]
	round := func() {
		for range 16 {
			q.Push([64]byte{})
		}
		for {
			if _, ok := q.Pop(); !ok {
				return
			}
		}
	}
	round()
	before := cap(q.buf)
	if n := testing.AllocsPerRun(100, round); n != 0 {
		t.Errorf("%v allocations a round, want 0", n)
	}
	if cap(q.buf) != before {
		t.Errorf("capacity went from %d to %d", before, cap(q.buf))
	}
}

// TestQueueNeverQuiteEmpty: one element always waits, and memory must not
// grow with the number of elements that went through.
func TestQueueNeverQuiteEmpty(t *testing.T) {
	var q Queue[int]
	q.Push(0)
	for i := range 100_000 {
		q.Push(i + 1)
		if v, ok := q.Pop(); !ok || *v != i {
			t.Fatalf("Pop = %v, %v, want %d", v, ok, i)
		}
	}
	if cap(q.buf) > 64 {
		t.Errorf("two elements at most, capacity %d", cap(q.buf))
	}
}

// TestQueueForgets: what was popped is not kept alive once the queue is
// drained.
func TestQueueForgets(t *testing.T) {
	var q Queue[*int]
	q.Push(new(int))
	q.Pop()
	q.Pop()
	for i, p := range q.buf[:cap(q.buf)] {
		if p != nil {
			t.Errorf("element %d is still referenced", i)
		}
	}
}

// TestQueuePointerStays: the pointer that Pop returned holds its value until
// the next call.
func TestQueuePointerStays(t *testing.T) {
	var q Queue[int]
	q.Push(7)
	v, _ := q.Pop()
	if *v != 7 || q.Len() != 0 {
		t.Errorf("Pop = %d with %d left", *v, q.Len())
	}
}
