package replay

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/inet"
)

// ErrClosed is what Send returns after Close.
var ErrClosed = errors.New("replay: link is closed")

// AsFast is the Config.Speed at which all frames arrive at Config.Start. A
// sequence without end must not be played so.
var AsFast = math.Inf(1)

// DefaultMTU holds where Config.Info has none.
const DefaultMTU = 1500

// Config says what is played, and how.
type Config struct {
	Info   link.Info            // of the link
	Frames iter.Seq[wire.Frame] // what comes in; of each frame Data, At and Cause count
	Start  machine.Time         // when the first frame arrives; 0 means when it was recorded
	Speed  float64              // times as fast as recorded; 0 means 1, AsFast at once
	Sent   func(wire.Frame)     // gets what is sent, Port and Dir filled in; may be nil
}

// Link plays a recording. Make one with New. It is not safe for concurrent use.
type Link struct {
	cfg      Config
	clock    machine.Clock
	pull     func() (wire.Frame, bool)
	stop     func()
	counters link.Counters
	closed   bool

	begun bool
	first machine.Time // recorded instant of the first frame
	due   machine.Time // of head, and never earlier than that of the frame before
	state headState
	head  wire.Frame
}

// headState says what Link.head holds.
type headState uint8

const (
	headNone   headState = iota // nothing: ask the sequence
	headWaits                   // the next frame
	headHanded                  // a frame that Next handed out
	headEnd                     // nothing, and the sequence has ended
)

var _ link.Link = (*Link)(nil)

// New returns a link that plays cfg.Frames. It refuses a speed that is negative
// or no number.
func New(cfg Config) (*Link, error) {
	if cfg.Speed < 0 || math.IsNaN(cfg.Speed) {
		return nil, fmt.Errorf("replay: speed %v: it is above 0, or 0 for the recorded one", cfg.Speed)
	}
	if cfg.Speed == 0 {
		cfg.Speed = 1
	}
	if cfg.Info.MTU == 0 {
		cfg.Info.MTU = DefaultMTU
	}
	if cfg.Frames == nil {
		cfg.Frames = func(func(wire.Frame) bool) {}
	}
	l := &Link{cfg: cfg}
	l.pull, l.stop = iter.Pull(cfg.Frames)
	return l, nil
}

// Info implements [link.Link].
func (l *Link) Info() link.Info { return l.cfg.Info }

// Counters returns what was counted so far. Received counts what Next handed
// out; SuperFrames counts recorded frames longer than the MTU allows.
func (l *Link) Counters() link.Counters { return l.counters }

// Send implements [link.Link]: it hands f to Config.Sent. It may be called while
// a frame that Next handed out is being read.
func (l *Link) Send(f wire.Frame) error {
	var err error
	switch {
	case l.closed:
		err = ErrClosed
	case len(f.Data) > l.limit():
		err = fmt.Errorf("replay: sending on %s: %w: %d bytes, MTU %d", l.cfg.Info.Port, link.ErrTooLong, len(f.Data), l.cfg.Info.MTU)
	default:
		l.counters.Sent++
		if l.cfg.Sent != nil {
			f.Port, f.Dir = l.cfg.Info.Port, wire.DirOut
			l.cfg.Sent(f)
		}
		return nil
	}
	l.counters.SendErrors++
	return err
}

func (l *Link) limit() int { return l.cfg.Info.MTU + inet.HeaderLenEthernet }

// Advance brings the instant up to which frames arrive. Early and stale calls
// do nothing.
func (l *Link) Advance(now machine.Time) { l.clock.At(now) }

// Deadline returns when the next frame arrives, false where none will.
func (l *Link) Deadline() (machine.Time, bool) {
	if !l.peek() {
		return 0, false
	}
	return l.due, true
}

// Next returns the next frame that has arrived: Dir in, At the instant of its
// arrival. The frame and its bytes are valid until the next call of Next,
// Deadline, Quiet or Close.
func (l *Link) Next() (*wire.Frame, bool) {
	if !l.peek() || l.due > l.clock.Now() {
		return nil, false
	}
	l.state = headHanded
	l.counters.Received++
	l.head.At, l.head.Port, l.head.Dir, l.head.Fate = l.due, l.cfg.Info.Port, wire.DirIn, ""
	return &l.head, true
}

// Quiet reports whether the recording has ended, or the link is closed.
func (l *Link) Quiet() bool { return !l.peek() }

// Close ends the recording. A second Close does nothing.
func (l *Link) Close() error {
	l.closed = true
	l.end()
	return nil
}

func (l *Link) end() {
	l.stop()
	l.state, l.head = headEnd, wire.Frame{}
}

// peek makes head the next frame, and reports whether there is one.
func (l *Link) peek() bool {
	for l.state == headNone || l.state == headHanded {
		f, ok := l.pull()
		if !ok {
			l.end()
			break
		}
		l.state = headNone
		l.schedule(f.At)
		if l.takes(f.Data) {
			l.head, l.state = f, headWaits
		}
	}
	return l.state == headWaits
}

// takes decides whether a frame goes up, and counts it where not.
func (l *Link) takes(data []byte) bool {
	switch {
	case len(data) > l.limit():
		l.counters.SuperFrames++
	case len(data) < inet.HeaderLenEthernet:
		l.counters.Runts++
	case inet.MAC(data[6:12]) == l.cfg.Info.MAC:
		l.counters.Own++
	default:
		return true
	}
	return false
}

// schedule sets due for a frame that was recorded at an instant. The first
// frame sets the time, even where it does not go up.
func (l *Link) schedule(recorded machine.Time) {
	if !l.begun {
		l.begun, l.first = true, recorded
		if l.cfg.Start == 0 {
			l.cfg.Start = recorded
		}
		l.due = l.cfg.Start
	}
	l.due = max(l.due, l.cfg.Start.Add(l.scale(recorded.Sub(l.first))))
}

// farthest is the greatest scaled time, some 73 years.
const farthest = 1 << 61

// scale divides a recorded time by the speed. One division is rounded alike on
// every processor.
func (l *Link) scale(d time.Duration) time.Duration {
	if l.cfg.Speed == 1 {
		return d
	}
	return time.Duration(max(-farthest, min(float64(d)/l.cfg.Speed, farthest)))
}
