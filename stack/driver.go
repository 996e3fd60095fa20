package stack

import (
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/link"
)

// Driver gives a Stack its time, its links' input and its way to block. The
// machines below know nothing of it. [RealTime] is the one for programs;
// package sim has the one for simulated time.
//
// Lock and Unlock guard one stack's machines. Now, Wake, Wait and Changed are
// called with the lock held; Attach, Serve and Close without it.
type Driver interface {
	Lock()
	Unlock()

	// Attach names the function that the driver calls, without the lock, at
	// the instants asked for by Wake. It is called once, before anything else.
	Attach(advance func())
	// Now returns the current instant. It may be called without the lock too.
	Now() machine.Time
	// Wake asks for a call of advance at at or soon after; an instant that has
	// passed means at once. A later call replaces an earlier one; ok false
	// takes the wish back. A call of advance too many does no harm.
	Wake(at machine.Time, ok bool)
	// Wait blocks the caller until cond holds, and reports whether it does.
	// It gives up, with false, after timeout (never where that is 0 or less)
	// and when the driver is closed. The lock is held while cond is called and
	// when Wait returns, and let go in between.
	Wait(cond func() bool, timeout time.Duration) bool
	// Changed makes waiting callers look at their conditions again.
	Changed()
	// Serve makes frames that arrive at l go to handle, one call a frame,
	// without the lock; the bytes are valid during the call. It returns at
	// once.
	Serve(l link.Link, handle func(data []byte)) error
	// Close ends Wait calls with false and stops calling advance. Links must
	// be closed before: Close waits until nothing more arrives from them.
	Close()
}
