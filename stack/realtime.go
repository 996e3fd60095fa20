package stack

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/wire"
)

// readBuffer holds the longest frame that a reader takes, a full IP packet
// behind an Ethernet header with VLAN tags.
const readBuffer = 65536 + 32

// RealTime is the driver for programs: the wall clock, one goroutine a link,
// callers that block on a condition variable.
type RealTime struct {
	start time.Time // carries the monotonic reading
	base  machine.Time

	mu      sync.Mutex
	cond    *sync.Cond // mu's
	advance func()     // nil before Attach
	timer   *time.Timer
	at      machine.Time // what timer is set for, where armed
	armed   bool
	closed  bool
	err     error // why the first reader that failed did
	readers sync.WaitGroup
}

var _ Driver = (*RealTime)(nil)

// NewRealTime returns a driver for one stack.
func NewRealTime() *RealTime {
	d := &RealTime{start: time.Now()}
	d.base = machine.FromTime(d.start)
	d.cond = sync.NewCond(&d.mu)
	return d
}

// Lock locks the stack.
func (d *RealTime) Lock() { d.mu.Lock() }

// Unlock unlocks the stack.
func (d *RealTime) Unlock() { d.mu.Unlock() }

// Attach implements [Driver].
func (d *RealTime) Attach(advance func()) {
	d.mu.Lock()
	d.advance = advance
	d.mu.Unlock()
}

// fire calls advance. A call that comes late, after another Wake, does no harm.
func (d *RealTime) fire() {
	d.mu.Lock()
	d.armed = false
	advance, closed := d.advance, d.closed
	d.mu.Unlock()
	if advance != nil && !closed {
		advance()
	}
}

// Now returns the wall clock at the driver's creation plus the monotonic time
// since.
func (d *RealTime) Now() machine.Time { return d.base.Add(time.Since(d.start)) }

// Wake implements [Driver].
func (d *RealTime) Wake(at machine.Time, ok bool) {
	switch {
	case !ok || d.closed:
		d.stopTimer()
	case d.armed && d.at == at:
	case d.timer == nil:
		d.at, d.armed = at, true
		d.timer = time.AfterFunc(d.until(at), d.fire)
	default:
		d.at, d.armed = at, true
		d.timer.Reset(d.until(at))
	}
}

func (d *RealTime) until(at machine.Time) time.Duration { return max(0, at.Sub(d.Now())) }

func (d *RealTime) stopTimer() {
	d.armed = false
	if d.timer != nil {
		d.timer.Stop()
	}
}

// Wait implements [Driver].
func (d *RealTime) Wait(cond func() bool, timeout time.Duration) bool {
	var expired bool
	if timeout > 0 && !cond() {
		t := time.AfterFunc(timeout, func() {
			d.mu.Lock()
			expired = true
			d.mu.Unlock()
			d.cond.Broadcast()
		})
		defer t.Stop()
	}
	for !cond() {
		if expired || d.closed {
			return false
		}
		d.cond.Wait()
	}
	return true
}

// Changed implements [Driver].
func (d *RealTime) Changed() { d.cond.Broadcast() }

// Serve reads l, which must be a [link.Reader], in a goroutine of its own until
// l is closed or fails for good; see [RealTime.Err].
func (d *RealTime) Serve(l link.Link, handle func(data []byte)) error {
	r, ok := l.(link.Reader)
	if !ok {
		return fmt.Errorf("stack: link %s cannot be read in real time", l.Info().Port)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return errors.New("stack: the driver is closed")
	}
	d.readers.Go(func() { d.read(r, handle) })
	return nil
}

func (d *RealTime) read(r link.Reader, handle func(data []byte)) {
	buf := make([]byte, readBuffer)
	for {
		n, err := r.Recv(buf)
		if err != nil {
			d.failed(r, err)
			return
		}
		link.Received(r, wire.Frame{Data: buf[:n], At: d.Now()})
		handle(buf[:n])
	}
}

func (d *RealTime) failed(r link.Reader, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err == nil && !d.closed && !errors.Is(err, net.ErrClosed) {
		d.err = fmt.Errorf("stack: reading %s: %w", r.Info().Port, err)
	}
}

// Err returns why a link failed for good, nil where none did.
func (d *RealTime) Err() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

// Close implements [Driver].
func (d *RealTime) Close() {
	d.mu.Lock()
	d.closed = true
	d.stopTimer()
	d.mu.Unlock()
	d.cond.Broadcast()
	d.readers.Wait()
}
