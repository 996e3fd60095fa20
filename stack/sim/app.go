package sim

import (
	"iter"
	"slices"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
)

// app is application code as a coroutine: it runs until it waits.
type app struct {
	name  string
	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool
	cond  func() bool // what it waits for
	until machine.Time
	timed bool // it also ends its wait at until
}

// Go starts fn as an application. It first runs when Run does, and may use
// the blocking calls of every stack of this world.
func (w *World) Go(name string, fn func()) {
	a := &app{name: name, cond: func() bool { return true }}
	a.next, a.stop = iter.Pull(func(yield func(struct{}) bool) {
		a.yield = yield
		fn()
	})
	w.apps = append(w.apps, a)
}

// Wait suspends the application that calls it until cond holds, and reports
// whether it does; it gives up after timeout (never where that is 0) and when
// the world is closed. The scheduler calls cond after every step: it must have
// no effects. Outside an application Wait panics unless cond holds: there is
// nobody to suspend.
func (w *World) Wait(cond func() bool, timeout time.Duration) bool {
	if cond() {
		return true
	}
	a := w.current
	if a == nil {
		panic("sim: a call that blocks outside an application: see World.Go")
	}
	a.cond, a.timed = cond, timeout > 0
	if a.timed {
		a.until = w.now.Add(timeout)
	}
	if !a.yield(struct{}{}) {
		return false
	}
	a.timed = false
	return cond()
}

// Sleep suspends the application that calls it for d.
func (w *World) Sleep(d time.Duration) {
	if d > 0 {
		w.Wait(func() bool { return false }, d)
	}
}

// runApps resumes the applications whose wait is over, in the order in which
// they were started, until all wait.
func (w *World) runApps() {
	w.flush()
	for again := true; again; {
		again = false
		for i := 0; i < len(w.apps); i++ {
			a := w.apps[i]
			if !(a.timed && a.until <= w.now) && !a.cond() {
				continue
			}
			again = true
			if !w.resume(a) {
				w.apps = slices.Delete(w.apps, i, i+1)
				i--
			}
		}
	}
}

// resume runs an application until it waits or ends, and reports whether it
// waits.
func (w *World) resume(a *app) bool {
	w.current = a
	defer func() { w.current = nil }()
	_, waits := a.next()
	w.flush()
	return waits
}

// end makes an application end: every wait of it gives up.
func (w *World) end(a *app) {
	w.current = a
	defer func() { w.current = nil }()
	a.stop()
	w.flush()
}
