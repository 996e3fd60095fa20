package sim

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/link/mem"
	"github.com/mpstack/mpstack/wire"
)

// Errors of Run.
var (
	// ErrStuck: applications wait, and nothing is left that could wake them.
	ErrStuck = errors.New("sim: applications wait for what will never happen")
	// ErrLimit: the time limit passed before all applications ended.
	ErrLimit = errors.New("sim: time limit reached")
)

// Config configures a World.
type Config struct {
	Start machine.Time     // the first instant; machine.VirtualEpoch where 0
	Tap   func(wire.Frame) // sees each frame once, at its sender's port, with its fate; its bytes are valid during the call
}

// World is one simulated network: segments, stacks and applications.
// It is not safe for concurrent use.
type World struct {
	now      machine.Time
	tap      func(wire.Frame)
	drivers  []*Driver
	segments []*Segment
	apps     []*app
	current  *app
	sends    machine.Queue[send]
	free     [][]byte
}

type send struct {
	port *Port
	f    wire.Frame
}

// New returns an empty world.
func New(cfg Config) *World {
	if cfg.Start == 0 {
		cfg.Start = machine.VirtualEpoch
	}
	return &World{now: cfg.Start, tap: cfg.Tap}
}

// Now returns the current instant.
func (w *World) Now() machine.Time { return w.now }

// Segment adds an Ethernet segment.
func (w *World) Segment(cfg mem.Config) *Segment {
	cfg.Tap = w.tap
	s := &Segment{w: w, seg: mem.New(cfg), ports: make(map[mem.PortID]*Port)}
	w.segments = append(w.segments, s)
	return s
}

// Driver returns a driver for one stack.
func (w *World) Driver() *Driver {
	d := &Driver{w: w}
	w.drivers = append(w.drivers, d)
	return d
}

// Run runs the world until every application has ended, for at most limit of
// virtual time. What is under way in stacks and segments then stays as it is:
// Settle goes on.
func (w *World) Run(limit time.Duration) error {
	return w.run(w.now.Add(limit), func() bool { return len(w.apps) == 0 })
}

// Settle lets d of virtual time pass, applications and all.
func (w *World) Settle(d time.Duration) {
	end := w.now.Add(d)
	// An idle world has nothing to do until end.
	_ = w.run(end, func() bool { return false })
	w.now = end
}

// Close ends every application: its blocking calls return false or an error,
// also those that it makes from then on, so that it has to return.
func (w *World) Close() {
	for len(w.apps) > 0 {
		a := w.apps[0]
		w.apps = slices.Delete(w.apps, 0, 1)
		w.end(a)
	}
}

func (w *World) run(end machine.Time, done func() bool) error {
	for {
		w.runApps()
		if done() {
			return nil
		}
		at, ok := w.deadline()
		if !ok {
			return w.stuck(ErrStuck)
		}
		if at > end {
			return w.stuck(ErrLimit)
		}
		w.now = max(w.now, at)
		w.fire()
	}
}

// stuck names the applications that still wait.
func (w *World) stuck(err error) error {
	var names []string
	for _, a := range w.apps {
		names = append(names, a.name)
	}
	return fmt.Errorf("%w at %v: %s", err, w.now, strings.Join(names, ", "))
}

// deadline returns when something happens next.
func (w *World) deadline() (machine.Time, bool) {
	var first machine.Time
	found := false
	look := func(at machine.Time, ok bool) {
		if ok && (!found || at < first) {
			first, found = at, true
		}
	}
	for _, s := range w.segments {
		look(s.seg.Deadline())
	}
	for _, d := range w.drivers {
		look(d.at, d.armed)
	}
	for _, a := range w.apps {
		look(a.until, a.timed)
	}
	return first, found
}

// fire delivers the frames and runs the timers that are due, in the order in
// which segments and stacks were made.
func (w *World) fire() {
	for _, s := range w.segments {
		s.fire()
	}
	for _, d := range w.drivers {
		d.fire()
	}
}

// flush hands to the segments what stacks have sent meanwhile.
func (w *World) flush() {
	for {
		s, ok := w.sends.Pop()
		if !ok {
			return
		}
		v := *s
		v.port.seg.seg.HandleSend(w.now, v.port.id, v.f)
		w.free = append(w.free, v.f.Data[:0])
	}
}

// buffer returns an empty buffer for one frame.
func (w *World) buffer() []byte {
	if n := len(w.free); n > 0 {
		b := w.free[n-1]
		w.free = w.free[:n-1]
		return b
	}
	return make([]byte, 0, 2048)
}
