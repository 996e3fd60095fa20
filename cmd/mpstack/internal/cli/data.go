package cli

import (
	"encoding/binary"
	"time"
)

// Sizes of the datagrams that root sends; headroom is for the IP and UDP
// headers of either family.
const (
	datagramSize = 500
	headroom     = 48
)

// A datagram begins with "MPSR", four zero bytes and its number from 0, all
// big-endian. Zeros follow.
const (
	dataMagic  = 0x4d505352
	dataHeader = 16
)

// putNumber writes a datagram's header.
func putNumber(b []byte, n uint64) {
	binary.BigEndian.PutUint32(b, dataMagic)
	binary.BigEndian.PutUint32(b[4:], 0)
	binary.BigEndian.PutUint64(b[8:], n)
}

// number returns a datagram's number; ok is false where root did not send it.
func number(b []byte) (n uint64, ok bool) {
	if len(b) < dataHeader || binary.BigEndian.Uint32(b) != dataMagic {
		return 0, false
	}
	return binary.BigEndian.Uint64(b[8:]), true
}

// count is what a leaf has received.
type count struct {
	received uint64
	lost     uint64 // gaps in the numbers
	late     uint64 // came after a greater number, or twice
	next     uint64
}

// add notes the datagram with the number n. Those before the first are not
// lost: the leaf was not there.
func (c *count) add(n uint64) {
	switch {
	case c.received == 0 || n == c.next:
	case n > c.next:
		c.lost += n - c.next
	default:
		c.late++
	}
	c.received++
	c.next = max(c.next, n+1)
}

// pace says when datagrams are due.
type pace struct {
	rate   float64 // bytes a second
	credit float64 // bytes
	last   time.Time
}

// Bounds of a pace: how often it is looked at, and how much of what was
// missed is made up for.
const (
	paceOften  = time.Millisecond
	paceSeldom = 100 * time.Millisecond
	paceBurst  = 2 * paceSeldom
)

func newPace(rate uint32, now time.Time) *pace { return &pace{rate: float64(rate), last: now} }

// interval returns how often due is to be asked.
func (p *pace) interval() time.Duration {
	if p.rate == 0 {
		return paceSeldom
	}
	return min(max(time.Duration(datagramSize/p.rate*float64(time.Second)), paceOften), paceSeldom)
}

// due returns how many datagrams to send now: none while there is nobody to
// send to.
func (p *pace) due(now time.Time, wanted bool) int {
	elapsed := now.Sub(p.last)
	p.last = now
	if !wanted {
		p.credit = 0
		return 0
	}
	p.credit += float64(p.rate) * min(elapsed, paceBurst).Seconds()
	n := int(p.credit / datagramSize)
	p.credit -= float64(n) * datagramSize
	return n
}
