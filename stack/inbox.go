package stack

import (
	"net/netip"

	"github.com/mpstack/mpstack/internal/machine"
)

// inboxLimit bounds the bytes that wait in one socket, as SO_RCVBUF does.
const inboxLimit = 1 << 20

// datagram is one received datagram.
type datagram struct {
	data []byte
	from netip.AddrPort
}

// inbox is a socket's bounded receive queue.
type inbox struct {
	queue   machine.Queue[datagram]
	bytes   int
	dropped uint64
}

// put copies the datagram to the queue; where there is no room it counts the
// loss and reports false.
func (b *inbox) put(data []byte, from netip.AddrPort) bool {
	if b.bytes+len(data) > inboxLimit {
		b.dropped++
		return false
	}
	b.queue.Push(datagram{data: append([]byte(nil), data...), from: from})
	b.bytes += len(data)
	return true
}

func (b *inbox) get() (datagram, bool) {
	p, ok := b.queue.Pop()
	if !ok {
		return datagram{}, false
	}
	d := *p
	*p = datagram{}
	b.bytes -= len(d.data)
	return d, true
}

func (b *inbox) len() int { return b.queue.Len() }
