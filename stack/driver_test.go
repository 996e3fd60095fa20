package stack_test

import (
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack"
	"github.com/mpstack/mpstack/stack/link/tee"
	"github.com/mpstack/mpstack/wire"
)

// clock is a driver whose calls of advance are noted, in seconds after its
// making.
type clock struct {
	*stack.RealTime
	start machine.Time
	fired []time.Duration
}

func newClock() *clock {
	c := &clock{RealTime: stack.NewRealTime()}
	c.start = c.Now()
	c.Attach(func() {
		c.Lock()
		defer c.Unlock()
		c.fired = append(c.fired, c.Now().Sub(c.start))
	})
	return c
}

// wake asks for advance after d, counted from the making.
func (c *clock) wake(d time.Duration, ok bool) {
	c.Lock()
	defer c.Unlock()
	c.Wake(c.start.Add(d), ok)
}

// expect checks when advance was called, after a while.
func (c *clock) expect(t *testing.T, want ...time.Duration) {
	t.Helper()
	time.Sleep(time.Minute)
	c.Lock()
	defer c.Unlock()
	if len(c.fired) != len(want) {
		t.Errorf("advance at %v, want %v", c.fired, want)
		return
	}
	for i := range want {
		if c.fired[i] != want[i] {
			t.Errorf("advance at %v, want %v", c.fired, want)
		}
	}
}

// TestWake: advance is called once, at the latest wish.
func TestWake(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		name string
		run  func(c *clock)
		want []time.Duration
	}{
		{"once", func(c *clock) { c.wake(s, true) }, []time.Duration{s}},
		{"never", func(c *clock) { c.wake(s, false) }, nil},
		{"later", func(c *clock) { c.wake(s, true); c.wake(3*s, true) }, []time.Duration{3 * s}},
		{"earlier", func(c *clock) { c.wake(3*s, true); c.wake(s, true) }, []time.Duration{s}},
		{"the same twice", func(c *clock) { c.wake(s, true); c.wake(s, true) }, []time.Duration{s}},
		{"taken back", func(c *clock) { c.wake(s, true); c.wake(s, false) }, nil},
		{"taken back, and again", func(c *clock) { c.wake(s, true); c.wake(s, false); c.wake(s, true) }, []time.Duration{s}},
		{"the same after it was", func(c *clock) { c.wake(s, true); time.Sleep(2 * s); c.wake(s, true) }, []time.Duration{s, 2 * s}},
		{"in the past", func(c *clock) { time.Sleep(5 * s); c.wake(s, true) }, []time.Duration{5 * s}},
		{"after the end", func(c *clock) { c.Close(); c.wake(s, true) }, nil},
		{"before the end", func(c *clock) { c.wake(s, true); c.Close() }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newClock()
				c.run(d)
				d.expect(t, c.want...)
				d.Close()
			})
		})
	}
}

// TestUnattached: a driver without a stack, as a program may use it for its own
// waits, calls nothing.
func TestUnattached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := stack.NewRealTime()
		d.Lock()
		d.Wake(d.Now(), false)
		d.Wake(d.Now(), true)
		d.Unlock()
		synctest.Wait()
		d.Close()
		d.Close()
	})
}

// TestNow: the wall clock, as time passes.
func TestNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := stack.NewRealTime()
		first := d.Now()
		if first != machine.FromTime(time.Now()) {
			t.Errorf("%v at %v", first, time.Now())
		}
		time.Sleep(90 * time.Minute)
		if got := d.Now().Sub(first); got != 90*time.Minute {
			t.Errorf("%v passed", got)
		}
	})
}

// TestDriverWait: what ends a wait, and what Wait says of it.
func TestDriverWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := stack.NewRealTime()
		flag := false
		cond := func() bool { return flag }
		wait := func(cond func() bool, timeout time.Duration) (bool, time.Duration) {
			start := time.Now()
			d.Lock()
			defer d.Unlock()
			return d.Wait(cond, timeout), time.Since(start)
		}
		if held, took := wait(func() bool { return true }, time.Second); !held || took != 0 {
			t.Errorf("a condition that holds: %v after %v", held, took)
		}
		if held, took := wait(cond, time.Second); held || took != time.Second {
			t.Errorf("a time limit: %v after %v", held, took)
		}
		set := func(value bool, changed bool) {
			d.Lock()
			defer d.Unlock()
			if flag = value; changed {
				d.Changed()
			}
		}
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if held, took := wait(cond, time.Minute); !held || took != 2*time.Second {
					t.Errorf("a change: %v after %v", held, took)
				}
			})
		}
		wg.Go(func() {
			if held, took := wait(cond, -1); !held || took != 2*time.Second {
				t.Errorf("a change without limit: %v after %v", held, took)
			}
		})
		time.Sleep(time.Second)
		d.Lock()
		d.Changed() // which changes nothing
		d.Unlock()
		time.Sleep(time.Second)
		set(true, true)
		wg.Wait()
		set(false, false)
		for range 2 {
			wg.Go(func() {
				if held, took := wait(cond, 0); held || took != time.Second {
					t.Errorf("the end: %v after %v", held, took)
				}
			})
		}
		time.Sleep(time.Second)
		d.Close()
		wg.Wait()
		if held, took := wait(cond, time.Hour); held || took != 0 {
			t.Errorf("after the end: %v after %v", held, took)
		}
	})
}

// TestServe: one reader a link, frames in order, stamped for those who watch
// the link; it ends with its link, and says why where that was not asked for.
func TestServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newPipe("a/eth0", "b/eth0")
		d := stack.NewRealTime()
		var got []string
		var stamps []machine.Time
		watched := tee.NewReader(b, func(f wire.Frame) { stamps = append(stamps, f.At) })
		if err := d.Serve(&wired{}, nil); err == nil {
			t.Error("a link that cannot be read is served")
		}
		ok(d.Serve(watched, func(data []byte) {
			d.Lock() // handle is called without it
			defer d.Unlock()
			got = append(got, string(data))
		}))
		start := d.Now()
		for _, text := range []string{"one", "", "three"} {
			ok(a.Send(wire.Frame{Data: []byte(text)}))
			time.Sleep(time.Second)
		}
		synctest.Wait()
		d.Lock()
		if len(got) != 3 || got[0] != "one" || got[1] != "" || got[2] != "three" {
			t.Errorf("%q", got)
		}
		if len(stamps) != 3 || stamps[2] != start.Add(2*time.Second) {
			t.Errorf("stamps %v", stamps)
		}
		d.Unlock()
		ok(b.Close())
		d.Close()
		if err := d.Err(); err != nil {
			t.Errorf("a closed link is no failure: %v", err)
		}
		if err := d.Serve(watched, nil); err == nil {
			t.Error("a closed driver serves")
		}
	})
}

// TestReaderFails: the first final error of a reader is kept.
func TestReaderFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := stack.NewRealTime()
		gone := errors.New("interface is gone")
		for i, final := range []error{net.ErrClosed, gone, errors.New("another")} {
			a, b := newPipe("a/eth0", "b/eth0")
			a.final = final
			ok(d.Serve(a, nil))
			ok(a.Close())
			ok(b.Close())
			synctest.Wait()
			if err := d.Err(); errors.Is(err, gone) != (i > 0) {
				t.Errorf("after %v: %v", final, err)
			}
		}
		d.Close()
	})
}
