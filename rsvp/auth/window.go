package auth

import "slices"

// MaxWindow is the greatest replay window.
const MaxWindow = 1024

// Window tells new sequence numbers from those that were seen (RFC 2747 section
// 4.2). It remembers as many of the latest numbers as it has room for; a number
// is new if it is larger than all of them, or lies between them and is none of
// them. What is below the least of them, when it is full, or below the first
// number that it was given, is old. Numbers compare modulo 2^64.
type Window struct {
	size  int
	floor uint64   // every number up to it is old
	seen  []uint64 // above floor, ascending from it
	open  bool     // there is a floor
}

// NewWindow returns a window for messages that are reordered within size
// messages; 1 is no reordering. Sizes are from 1 to MaxWindow.
func NewWindow(size int) Window { return Window{size: min(max(size, 1), MaxWindow)} }

// Open makes seq the largest number seen and forgets the others: what a handshake
// does.
func (w *Window) Open(seq uint64) {
	w.floor, w.seen, w.open = seq, w.seen[:0], true
}

// IsOpen reports whether the window has a number to start from.
func (w *Window) IsOpen() bool { return w.open }

// Largest returns the largest number seen.
func (w *Window) Largest() uint64 {
	if n := len(w.seen); n > 0 {
		return w.seen[n-1]
	}
	return w.floor
}

// Fresh reports whether seq would be taken.
func (w *Window) Fresh(seq uint64) bool {
	_, ok := w.place(seq)
	return ok
}

// Take reports whether seq is new, and remembers it if it is. The first number
// opens the window.
func (w *Window) Take(seq uint64) bool {
	i, ok := w.place(seq)
	switch {
	case !ok:
		return false
	case !w.open:
		w.Open(seq)
		return true
	}
	// The floor is the oldest number of a full window.
	w.seen = slices.Insert(w.seen, i, seq)
	if len(w.seen) >= w.size {
		w.floor = w.seen[0]
		w.seen = slices.Delete(w.seen, 0, 1)
	}
	return true
}

// place returns where seq belongs among those seen, if it is new.
func (w *Window) place(seq uint64) (int, bool) {
	if !w.open {
		return 0, true
	}
	if int64(seq-w.floor) <= 0 {
		return 0, false
	}
	i, found := slices.BinarySearchFunc(w.seen, seq, func(a, b uint64) int {
		switch d := int64(a - b); {
		case d < 0:
			return -1
		case d > 0:
			return 1
		}
		return 0
	})
	return i, !found
}
