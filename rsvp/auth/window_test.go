package auth_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/mpstack/mpstack/rsvp/auth"
)

func TestWindow(t *testing.T) {
	const max = ^uint64(0)
	for _, tc := range []struct {
		name string
		size int
		seqs []uint64
		want string // one letter each: y is taken
	}{
		{"no reordering", 1, []uint64{5, 5, 6, 8, 7, 8, 9}, "ynyynny"},
		{"two", 2, []uint64{5, 8, 7, 6, 9, 8}, "yyynyn"},
		{"four, sparse", 4, []uint64{10, 1000, 100, 50, 20, 100, 2000, 60, 1500}, "yyyyynyyy"},
		{"below the first", 8, []uint64{10, 9, 1, 0}, "ynnn"},
		{"across the wrap", 4, []uint64{max - 1, 0, max, 3, 1, max, 2, max - 5}, "yyyyynyn"},
		{"0 is as good as any", 4, []uint64{0, 1, 0}, "yyn"},
	} {
		w := auth.NewWindow(tc.size)
		got := ""
		for _, s := range tc.seqs {
			fresh, before := w.Fresh(s), w.Largest()
			if w.Take(s) {
				got += "y"
			} else {
				got += "n"
				if w.Largest() != before {
					t.Errorf("%s: %d was refused and remembered", tc.name, s)
				}
			}
			if fresh != (got[len(got)-1] == 'y') {
				t.Errorf("%s: Fresh(%d) is %v", tc.name, s, fresh)
			}
		}
		if got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}

// TestWindowModel: against a list of all numbers: none is taken twice, and one
// that comes within the window's reach is taken.
func TestWindowModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for size := 1; size <= 40; size += 13 {
		w := auth.NewWindow(size)
		var taken []uint64
		base := rng.Uint64()
		for range 5000 {
			base += uint64(rng.IntN(1000))
			seq := base - uint64(rng.IntN(8000))
			ok := w.Take(seq)
			seen := slices.Contains(taken, seq)
			if ok && seen {
				t.Fatalf("size %d: %d taken twice", size, seq)
			}
			greater := 0
			for _, s := range taken {
				if int64(s-seq) > 0 {
					greater++
				}
			}
			if want := !seen && (len(taken) == 0 || greater < size && int64(seq-taken[0]) > 0); ok != want {
				t.Fatalf("size %d: %d taken: %v; %d of %d are greater", size, seq, ok, greater, len(taken))
			}
			if ok {
				taken = append(taken, seq)
			}
		}
	}
}

// TestWindowOpen: a handshake forgets what was seen, and what was before it stays
// old.
func TestWindowOpen(t *testing.T) {
	w := auth.NewWindow(4)
	if w.IsOpen() {
		t.Error("open")
	}
	w.Take(100)
	w.Take(200)
	w.Open(50)
	if !w.IsOpen() || w.Largest() != 50 || w.Take(50) || w.Take(49) || !w.Take(100) || w.Largest() != 100 {
		t.Error("after a handshake")
	}
	if w := auth.NewWindow(1 << 20); w.Largest() != 0 {
		t.Error("largest")
	}
}
