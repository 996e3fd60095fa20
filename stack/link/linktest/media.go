package linktest

import (
	"fmt"
	"iter"
	"net"
	"sync"
	"testing"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/stack/link/mem"
	"github.com/mpstack/mpstack/stack/link/replay"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/inet"
)

// inbox is what has arrived at a link that a machine drives, so that several
// goroutines may read it.
type inbox struct {
	frames chan []byte
	once   sync.Once
	closed chan struct{}
}

func newInbox() *inbox {
	return &inbox{frames: make(chan []byte, 1000), closed: make(chan struct{})}
}

func (in *inbox) put(f wire.Frame) { in.frames <- f.Clone().Data }

// Recv implements link.Reader.
func (in *inbox) Recv(buf []byte) (int, error) {
	for {
		select {
		case <-in.closed:
			return 0, net.ErrClosed
		case f := <-in.frames:
			if len(f) <= len(buf) {
				return copy(buf, f), nil
			}
		}
	}
}

// Close implements link.Link.
func (in *inbox) Close() error {
	in.once.Do(func() { close(in.closed) })
	return nil
}

// sendable refuses what a link of the kernel would.
func (in *inbox) sendable(f wire.Frame, mtu int) error {
	select {
	case <-in.closed:
		return net.ErrClosed
	default:
	}
	if len(f.Data) > mtu+inet.HeaderLenEthernet {
		return fmt.Errorf("%w: %d bytes", link.ErrTooLong, len(f.Data))
	}
	return nil
}

// segment drives a memory segment without delay from several goroutines.
type segment struct {
	mu    sync.Mutex
	seg   *mem.Segment
	ports map[mem.PortID]*memLink
}

// memLink is one of its ports as a link.Reader.
type memLink struct {
	*inbox
	s  *segment
	id mem.PortID
}

// OnMem opens two ports of a memory segment.
func OnMem(testing.TB) (a, b link.Reader) {
	s := &segment{seg: mem.New(mem.Config{Name: "test", MTU: MTU}), ports: make(map[mem.PortID]*memLink)}
	return s.attach("a/eth0", MACA), s.attach("b/eth0", MACB)
}

func (s *segment) attach(name string, mac inet.MAC) *memLink {
	l := &memLink{inbox: newInbox(), s: s, id: s.seg.Attach(name, mac)}
	s.ports[l.id] = l
	return l
}

func (l *memLink) Info() link.Info { return l.s.seg.Info(l.id) }

func (l *memLink) Send(f wire.Frame) error {
	if err := l.sendable(f, MTU); err != nil {
		return err
	}
	const now = machine.VirtualEpoch // time stands still
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	l.s.seg.HandleSend(now, l.id, f)
	l.s.seg.Advance(now)
	for d, ok := l.s.seg.Next(); ok; d, ok = l.s.seg.Next() {
		l.s.ports[d.Port].put(d.Frame)
	}
	return nil
}

// player is a replay link as a link.Reader. What the other end sends is its
// recording, while it is being made.
type player struct {
	*inbox  // the recording
	l       *replay.Link
	sending sync.Mutex // a link that sends and one that plays have nothing in common
	playing sync.Mutex
}

// OnReplay opens two replay links, each of which plays what the other sends.
func OnReplay(t testing.TB) (a, b link.Reader) {
	one, other := &player{inbox: newInbox()}, &player{inbox: newInbox()}
	one.play(t, link.Info{Port: "a/eth0", MAC: MACA, MTU: MTU}, other)
	other.play(t, link.Info{Port: "b/eth0", MAC: MACB, MTU: MTU}, one)
	return one, other
}

func (p *player) play(t testing.TB, info link.Info, peer *player) {
	var err error
	p.l, err = replay.New(replay.Config{Info: info, Frames: p.recording(), Sent: peer.put})
	if err != nil {
		t.Fatal(err)
	}
}

// recording has a frame every millisecond.
func (p *player) recording() iter.Seq[wire.Frame] {
	return func(yield func(wire.Frame) bool) {
		for at := machine.VirtualEpoch; ; at += 1e6 {
			select {
			case <-p.closed:
				return
			case f := <-p.frames:
				if !yield(wire.Frame{Data: f, At: at}) {
					return
				}
			}
		}
	}
}

func (p *player) Info() link.Info { return p.l.Info() }

func (p *player) Send(f wire.Frame) error {
	if err := p.sendable(f, MTU); err != nil {
		return err
	}
	p.sending.Lock()
	defer p.sending.Unlock()
	return p.l.Send(f)
}

// Recv waits for the next frame of the recording, and makes it now.
func (p *player) Recv(buf []byte) (int, error) {
	p.playing.Lock()
	defer p.playing.Unlock()
	for {
		at, ok := p.l.Deadline()
		if !ok {
			return 0, net.ErrClosed
		}
		p.l.Advance(at)
		if f, ok := p.l.Next(); ok && len(f.Data) <= len(buf) {
			return copy(buf, f.Data), nil
		}
	}
}
