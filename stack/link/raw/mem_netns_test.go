//go:build netns

package raw_test

import (
	"fmt"
	"net"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/stack/link/mem"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/inet"
)

// memLinks drives a memory segment without delay from several goroutines.
type memLinks struct {
	mu    sync.Mutex
	seg   *mem.Segment
	ports map[mem.PortID]*memLink
}

// memLink is one port as a link.Reader.
type memLink struct {
	s      *memLinks
	id     mem.PortID
	in     chan []byte
	once   sync.Once
	closed chan struct{}
}

var _ link.Reader = (*memLink)(nil)

func newMemLinks(cfg mem.Config) *memLinks {
	return &memLinks{seg: mem.New(cfg), ports: make(map[mem.PortID]*memLink)}
}

func (s *memLinks) attach(name string, mac inet.MAC) *memLink {
	l := &memLink{s: s, id: s.seg.Attach(name, mac), in: make(chan []byte, 100), closed: make(chan struct{})}
	s.ports[l.id] = l
	return l
}

func (l *memLink) Info() link.Info { return l.s.seg.Info(l.id) }

func (l *memLink) Send(f wire.Frame) error {
	select {
	case <-l.closed:
		return net.ErrClosed
	default:
	}
	if len(f.Data) > l.Info().MTU+inet.HeaderLenEthernet {
		return fmt.Errorf("%d bytes: %w", len(f.Data), unix.EMSGSIZE)
	}
	const now = machine.VirtualEpoch // time stands still
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	l.s.seg.HandleSend(now, l.id, f)
	l.s.seg.Advance(now)
	for d, ok := l.s.seg.Next(); ok; d, ok = l.s.seg.Next() {
		l.s.ports[d.Port].in <- append([]byte(nil), d.Frame.Data...)
	}
	return nil
}

func (l *memLink) Recv(buf []byte) (int, error) {
	for {
		select {
		case <-l.closed:
			return 0, net.ErrClosed
		case f := <-l.in:
			if len(f) <= len(buf) {
				return copy(buf, f), nil
			}
		}
	}
}

func (l *memLink) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}
