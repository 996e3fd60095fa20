package stack

import (
	"errors"
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
	mu      sync.Mutex
	cond    *sync.Cond
	start   time.Time // carries the monotonic reading
	base    machine.Time
	advance func()
	timer   *time.Timer
	closed  bool
	readers sync.WaitGroup
}

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
	d.advance = advance
	d.timer = time.AfterFunc(time.Hour, d.fire)
	d.timer.Stop()
}

func (d *RealTime) fire() {
	d.mu.Lock()
	closed := d.closed
	d.mu.Unlock()
	if !closed {
		d.advance()
	}
}

// Now returns the wall clock at the driver's creation plus the monotonic time
// since.
func (d *RealTime) Now() machine.Time { return d.base.Add(time.Since(d.start)) }

// Wake implements [Driver].
func (d *RealTime) Wake(at machine.Time, ok bool) {
	if !ok || d.closed {
		d.timer.Stop()
		return
	}
	d.timer.Reset(max(0, at.Sub(d.Now())))
}

// Wait implements [Driver].
func (d *RealTime) Wait(cond func() bool, timeout time.Duration) bool {
	var expired bool
	if timeout > 0 {
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
// l is closed or fails for good.
func (d *RealTime) Serve(l link.Link, handle func(data []byte)) error {
	r, ok := l.(link.Reader)
	if !ok {
		return errors.New("stack: link " + l.Info().Port + " cannot be read in real time")
	}
	d.readers.Add(1)
	go func() {
		defer d.readers.Done()
		buf := make([]byte, readBuffer)
		for {
			n, err := r.Recv(buf)
			if err != nil {
				return
			}
			link.Received(l, wire.Frame{Data: buf[:n], At: d.Now()})
			handle(buf[:n])
		}
	}()
	return nil
}

// Close implements [Driver].
func (d *RealTime) Close() {
	d.mu.Lock()
	d.closed = true
	d.timer.Stop()
	d.mu.Unlock()
	d.cond.Broadcast()
	d.readers.Wait()
}
