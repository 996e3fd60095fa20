package machine

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// naive is Timers as a list in the order of setting.
type naive struct{ list []timer[int] }

func (n *naive) index(key int) int {
	return slices.IndexFunc(n.list, func(t timer[int]) bool { return t.key == key })
}

func (n *naive) set(key int, at Time) {
	n.stop(key)
	n.list = append(n.list, timer[int]{at: at, key: key})
}

func (n *naive) stop(key int) bool {
	i := n.index(key)
	if i >= 0 {
		n.list = slices.Delete(n.list, i, i+1)
	}
	return i >= 0
}

// first returns the index of the earliest timer, the longest set among equals.
func (n *naive) first() int {
	best := -1
	for i, t := range n.list {
		if best < 0 || t.at < n.list[best].at {
			best = i
		}
	}
	return best
}

func (n *naive) pop(now Time) (key int, at Time, ok bool) {
	i := n.first()
	if i < 0 || n.list[i].at > now {
		return 0, 0, false
	}
	t := n.list[i]
	n.list = slices.Delete(n.list, i, i+1)
	return t.key, t.at, true
}

// TestTimersAgainstModel does random operations on Timers and on the model.
// Few instants and few keys make equals and replacements frequent.
func TestTimersAgainstModel(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var q Timers[int]
		var model naive
		for step := range 2000 {
			key, at := rng.IntN(24), Time(rng.IntN(12))
			switch rng.IntN(8) {
			case 0, 1, 2, 3:
				q.Set(key, at)
				model.set(key, at)
			case 4:
				if got, want := q.Stop(key), model.stop(key); got != want {
					t.Fatalf("seed %d step %d: Stop(%d) = %v, want %v", seed, step, key, got, want)
				}
			default:
				gotKey, gotAt, gotOK := q.Pop(at)
				wantKey, wantAt, wantOK := model.pop(at)
				if gotKey != wantKey || gotAt != wantAt || gotOK != wantOK {
					t.Fatalf("seed %d step %d: Pop(%d) = %d, %d, %v, want %d, %d, %v",
						seed, step, at, gotKey, gotAt, gotOK, wantKey, wantAt, wantOK)
				}
			}
			compareTimers(t, &q, &model)
		}
	}
}

func compareTimers(t *testing.T, q *Timers[int], model *naive) {
	t.Helper()
	if q.Len() != len(model.list) {
		t.Fatalf("Len() = %d, want %d", q.Len(), len(model.list))
	}
	next, ok := q.Next()
	if i := model.first(); ok != (i >= 0) || ok && next != model.list[i].at {
		t.Fatalf("Next() = %d, %v, the model has %v", next, ok, model.list)
	}
	for key := range 24 {
		at, ok := q.At(key)
		if i := model.index(key); ok != (i >= 0) || ok && at != model.list[i].at {
			t.Fatalf("At(%d) = %d, %v, the model has %v", key, at, ok, model.list)
		}
	}
	if len(q.pos) != len(q.heap) {
		t.Fatalf("%d positions for %d timers", len(q.pos), len(q.heap))
	}
}

func TestTimersFIFOAmongEquals(t *testing.T) {
	var q Timers[string]
	for _, key := range []string{"d", "a", "c", "b"} {
		q.Set(key, 10)
	}
	q.Set("early", 9)
	q.Set("a", 10) // set again: now the last of its instant
	q.Stop("c")
	var got []string
	for {
		key, at, ok := q.Pop(10)
		if !ok {
			break
		}
		if at > 10 {
			t.Errorf("%s popped at %d", key, at)
		}
		got = append(got, key)
	}
	if want := []string{"early", "d", "b", "a"}; !slices.Equal(got, want) {
		t.Errorf("popped %q, want %q", got, want)
	}
}

func TestTimersZeroValue(t *testing.T) {
	var q Timers[string]
	if _, ok := q.Next(); ok {
		t.Error("Next of an empty queue")
	}
	if _, _, ok := q.Pop(1 << 62); ok {
		t.Error("Pop of an empty queue")
	}
	if q.Stop("x") {
		t.Error("Stop of an empty queue")
	}
	if _, ok := q.At("x"); ok {
		t.Error("At of an empty queue")
	}
	if q.Len() != 0 {
		t.Error("Len of an empty queue")
	}
}

func TestTimersNotDue(t *testing.T) {
	var q Timers[int]
	q.Set(1, 100)
	if _, _, ok := q.Pop(99); ok {
		t.Error("popped before its instant")
	}
	key, at, ok := q.Pop(100)
	if key != 1 || at != 100 || !ok {
		t.Errorf("Pop(100) = %d, %d, %v", key, at, ok)
	}
}

// TestTimersNoAllocation: an armed timer set again and again, as refreshes
// are, costs no memory.
func TestTimersNoAllocation(t *testing.T) {
	var q Timers[int]
	for key := range 64 {
		q.Set(key, Time(key))
	}
	at := Time(100)
	n := testing.AllocsPerRun(200, func() {
		key, _, _ := q.Pop(at)
		q.Set(key, at)
		at++
	})
	if n != 0 {
		t.Errorf("%v allocations a round, want 0", n)
	}
}

func BenchmarkTimersSetPop(b *testing.B) {
	var q Timers[int]
	for key := range 1024 {
		q.Set(key, Time(key))
	}
	b.ReportAllocs()
	at := Time(1024)
	for b.Loop() {
		key, _, _ := q.Pop(at)
		q.Set(key, at)
		at++
	}
}
