package sim

import (
	"errors"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack"
	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/stack/link/mem"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/inet"
)

// Driver is a stack's driver in virtual time.
type Driver struct {
	w       *World
	advance func()
	at      machine.Time
	armed   bool
	closed  bool
}

var _ stack.Driver = (*Driver)(nil)

// Lock does nothing: a world is single-threaded.
func (d *Driver) Lock() {}

// Unlock does nothing.
func (d *Driver) Unlock() {}

// Attach implements [stack.Driver].
func (d *Driver) Attach(advance func()) { d.advance = advance }

// Now returns the world's instant.
func (d *Driver) Now() machine.Time { return d.w.now }

// Wake implements [stack.Driver].
func (d *Driver) Wake(at machine.Time, ok bool) { d.at, d.armed = at, ok && !d.closed }

// Wait suspends the calling application.
func (d *Driver) Wait(cond func() bool, timeout time.Duration) bool {
	d.w.Wait(func() bool { return d.closed || cond() }, timeout)
	return cond()
}

// Changed does nothing: the scheduler looks at every condition after each step.
func (d *Driver) Changed() {}

// Serve makes frames that arrive at l, a port of this world, go to handle.
func (d *Driver) Serve(l link.Link, handle func(data []byte)) error {
	p := portOf(l)
	if p == nil || p.seg.w != d.w {
		return errors.New("sim: link " + l.Info().Port + " is no port of this world")
	}
	p.handle = func(f wire.Frame) {
		link.Received(l, f)
		handle(f.Data)
	}
	return nil
}

// Close implements [stack.Driver].
func (d *Driver) Close() { d.closed, d.armed = true, false }

func (d *Driver) fire() {
	if d.armed && d.at <= d.w.now {
		d.armed = false
		d.advance()
		d.w.flush()
	}
}

// Segment is an Ethernet segment of a world.
type Segment struct {
	w     *World
	seg   *mem.Segment
	ports map[mem.PortID]*Port
}

// Port attaches a port, named "node/port", with the address mac.
func (s *Segment) Port(name string, mac inet.MAC) *Port {
	id := s.seg.Attach(name, mac)
	p := &Port{seg: s, id: id, info: s.seg.Info(id)}
	s.ports[id] = p
	return p
}

// Mem returns the segment's machine, to take links down or to set faults.
func (s *Segment) Mem() *mem.Segment { return s.seg }

// fire delivers what is due.
func (s *Segment) fire() {
	s.seg.Advance(s.w.now)
	for {
		d, ok := s.seg.Next()
		if !ok {
			return
		}
		if p := s.ports[d.Port]; p.handle != nil {
			p.handle(d.Frame)
		}
	}
}

// Port is a stack's end of a segment.
type Port struct {
	seg    *Segment
	id     mem.PortID
	info   link.Info
	handle func(wire.Frame)
	closed bool
}

var _ link.Link = (*Port)(nil)

// Info implements [link.Link].
func (p *Port) Info() link.Info { return p.info }

// Send implements [link.Link]: the frame reaches the segment when the stack's
// step is over.
func (p *Port) Send(f wire.Frame) error {
	if p.closed {
		return errors.New("sim: port " + p.info.Port + " is closed")
	}
	w := p.seg.w
	f.Data = append(w.buffer(), f.Data...)
	w.sends.Push(send{port: p, f: f})
	return nil
}

// Close implements [link.Link].
func (p *Port) Close() error {
	p.closed, p.handle = true, nil
	return nil
}

// SetUp takes the port's end of the segment up or down: while it is down
// nothing passes it in either direction. The stack is not told.
func (p *Port) SetUp(up bool) { p.seg.seg.SetLink(p.seg.w.now, p.id, up) }

// portOf returns the port under l, through wrappers such as tee.
func portOf(l link.Link) *Port {
	for {
		switch v := l.(type) {
		case *Port:
			return v
		case interface{ Unwrap() link.Link }:
			l = v.Unwrap()
		default:
			return nil
		}
	}
}
