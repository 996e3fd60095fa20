package stack

import (
	"net/netip"

	"github.com/mpstack/mpstack/internal/machine"
)

// inboxLimit bounds the bytes that wait in one socket, as SO_RCVBUF does. Each
// datagram counts as its data and datagramCost, so that empty ones are bounded
// too.
const (
	inboxLimit   = 1 << 20
	datagramCost = 64
)

// datagram is one received datagram.
type datagram struct {
	data []byte
	from netip.AddrPort
}

func (d datagram) cost() int { return len(d.data) + datagramCost }

// inbox is a socket's bounded receive queue.
type inbox struct {
	queue machine.Queue[datagram]
	cost  int
}

// put copies the datagram to the queue; it reports false where there is no
// room.
func (b *inbox) put(data []byte, from netip.AddrPort) bool {
	if b.cost+len(data)+datagramCost > inboxLimit {
		return false
	}
	d := datagram{data: append([]byte(nil), data...), from: from}
	b.queue.Push(d)
	b.cost += d.cost()
	return true
}

func (b *inbox) get() (datagram, bool) {
	p, ok := b.queue.Pop()
	if !ok {
		return datagram{}, false
	}
	d := *p
	*p = datagram{}
	b.cost -= d.cost()
	return d, true
}

func (b *inbox) len() int { return b.queue.Len() }
