package reasm

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sort"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire/inet"
)

// What a packet and a fragment cost besides their buffers, in bytes.
const (
	packetCost = 256
	pieceCost  = 32
)

// packet is a packet in parts.
type packet struct {
	key     Key
	until   machine.Time // when it is given up
	refused bool         // nothing of it is kept, what comes is dropped
	pieces  []piece      // by offset; no two overlap
	have    int          // bytes of them
	total   int          // length of the fragmented part, 0 until the last fragment is there
	ecn     uint8        // congestion marks seen: bit 1<<mark
	cost    int
	src     *source

	// Of the first fragment; head is nil until it is there.
	head    []byte
	ifIndex int
	next    uint8
	nextAt  int

	prev, nxt       *packet // by age in the table
	srcPrev, srcNxt *packet // by age among those of the source
}

// piece is the payload of one fragment.
type piece struct {
	off int
	buf []byte
}

func (x piece) end() int { return x.off + len(x.buf) }

// timeout returns how long the packets of a key are waited for.
func (t *Table) timeout(key Key) (family int, d time.Duration) {
	if key.Src.Is6() {
		return 1, t.cfg.Timeout6
	}
	return 0, t.cfg.Timeout4
}

// open makes the packet of a fragment, where there is room for it.
func (t *Table) open(now machine.Time, f *fragment) *packet {
	src := t.sources[f.key.Src]
	if !t.makeRoom(src, packetCost, nil) {
		t.counters.NoRoom++
		return nil
	}
	if src = t.sources[f.key.Src]; src == nil { // the last one may have given way
		src = t.newSource()
		t.sources[f.key.Src] = src
	}
	p := t.newPacket()
	family, d := t.timeout(f.key)
	*p = packet{key: f.key, until: now.Add(d), pieces: p.pieces[:0], src: src}
	t.packets[p.key] = p
	t.byAge[family].push(p)
	src.byAge.push(p)
	t.charge(p, packetCost)
	return p
}

func (t *Table) newPacket() *packet {
	if n := len(t.free); n > 0 {
		p := t.free[n-1]
		t.free = t.free[:n-1]
		return p
	}
	return new(packet)
}

func (t *Table) newSource() *source {
	if n := len(t.freeSrc); n > 0 {
		s := t.freeSrc[n-1]
		t.freeSrc = t.freeSrc[:n-1]
		return s
	}
	return &source{byAge: list{source: true}}
}

func (t *Table) charge(p *packet, n int) {
	p.cost += n
	p.src.bytes += n
	t.bytes += n
}

// makeRoom lets packets give way, the oldest first, until n more bytes fit for
// own. It reports false where they do not fit even then.
func (t *Table) makeRoom(src *source, n int, own *packet) bool {
	for src != nil && src.bytes+n > t.cfg.MaxSourceBytes {
		victim := src.byAge.first
		if victim == own && own != nil {
			victim = own.srcNxt
		}
		if victim == nil {
			break
		}
		t.counters.EvictedSource++
		t.close(victim)
	}
	for t.bytes+n > t.cfg.MaxBytes {
		victim := t.oldest(own)
		if victim == nil {
			break
		}
		t.counters.Evicted++
		t.close(victim)
	}
	return t.bytes+n <= t.cfg.MaxBytes && n <= t.cfg.MaxSourceBytes && (own == nil || own.src.bytes+n <= t.cfg.MaxSourceBytes)
}

// close forgets a packet. Its memory is used again.
func (t *Table) close(p *packet) {
	t.release(p)
	family, _ := t.timeout(p.key)
	t.byAge[family].remove(p)
	p.src.byAge.remove(p)
	t.charge(p, -p.cost)
	if p.src.byAge.first == nil {
		delete(t.sources, p.key.Src)
		if len(t.freeSrc) < maxFree {
			t.freeSrc = append(t.freeSrc, p.src)
		}
	}
	delete(t.packets, p.key)
	p.src = nil
	if len(t.free) < maxFree {
		t.free = append(t.free, p)
	}
}

// maxFree is how many packets, and sources, are kept to be used again.
const maxFree = 64

// release gives back the buffers of a packet.
func (t *Table) release(p *packet) {
	n := 0
	for i := range p.pieces {
		n += pieceCost + t.pool.put(p.pieces[i].buf)
		p.pieces[i].buf = nil
	}
	if p.head != nil {
		n += t.pool.put(p.head)
		p.head = nil
	}
	p.pieces, p.have = p.pieces[:0], 0
	t.charge(p, -n)
}

// refuse drops what there is of a packet and, until its time is up, what is
// still to come.
func (t *Table) refuse(p *packet, why *uint64, fate Fate) Result {
	*why++
	t.release(p)
	p.refused = true
	return Result{Fate: fate}
}

// insert adds a fragment to its packet.
func (t *Table) insert(p *packet, f *fragment) Result {
	if p.refused {
		t.counters.Refused++
		return Result{Fate: Refused}
	}
	i := sort.Search(len(p.pieces), func(i int) bool { return p.pieces[i].off >= f.off })
	switch {
	case p.holds(i, f):
		t.counters.Duplicates++
		return Result{Fate: Duplicate}
	case p.overlaps(i, f):
		return t.refuse(p, &t.counters.Overlaps, Overlap)
	case p.contradicts(f):
		return t.refuse(p, &t.counters.Inconsistent, Inconsistent)
	case len(p.pieces) >= t.cfg.MaxFragments:
		return t.refuse(p, &t.counters.TooMany, TooMany)
	}
	if !t.store(p, i, f) {
		return Result{Fate: NoRoom}
	}
	if p.total == 0 || p.have < p.total {
		return Result{Fate: Held}
	}
	return t.complete(p)
}

// holds reports whether f is an exact copy of the piece at i.
func (p *packet) holds(i int, f *fragment) bool {
	return i < len(p.pieces) && p.pieces[i].off == f.off && bytes.Equal(p.pieces[i].buf, f.payload) &&
		f.more == (p.total == 0 || f.end() != p.total)
}

// overlaps reports whether f, whose place is before the piece at i, shares
// bytes with its neighbours.
func (p *packet) overlaps(i int, f *fragment) bool {
	return i > 0 && p.pieces[i-1].end() > f.off || i < len(p.pieces) && p.pieces[i].off < f.end()
}

// contradicts reports whether f and the pieces disagree about the end.
func (p *packet) contradicts(f *fragment) bool {
	if p.total > 0 {
		return !f.more || f.end() > p.total
	}
	return !f.more && len(p.pieces) > 0 && p.pieces[len(p.pieces)-1].end() > f.end()
}

// store copies a fragment to its place.
func (t *Table) store(p *packet, i int, f *fragment) bool {
	first := f.off == 0
	n := pieceCost + classSize(len(f.payload))
	if first {
		n += classSize(len(f.head))
	}
	if !t.makeRoom(p.src, n, p) {
		t.counters.NoRoom++
		t.close(p)
		return false
	}
	t.charge(p, n)
	p.pieces = slices.Insert(p.pieces, i, piece{off: f.off, buf: t.pool.clone(f.payload)})
	p.have += len(f.payload)
	p.ecn |= 1 << (f.tos & 3)
	if first {
		p.head, p.ifIndex, p.next, p.nextAt = t.pool.clone(f.head), f.ifIndex, f.next, f.nextAt
	}
	if !f.more {
		p.total = f.end()
	}
	return true
}

// Congestion marks (RFC 3168 section 5).
const (
	notECT = 1 << 0
	ce     = 1 << 3
)

// complete builds the whole packet. All of it is there: no pieces overlap, and
// as many bytes as the last one's end says.
func (t *Table) complete(p *packet) Result {
	if p.ecn&(notECT|ce) == notECT|ce {
		return t.refuse(p, &t.counters.MixedECN, MixedECN)
	}
	v6 := p.key.Src.Is6()
	var n int // length as the header says it
	t.whole = t.whole[:0]
	if v6 {
		t.whole = append(t.whole, p.head[:len(p.head)-fragmentHeaderLen]...)
		n = len(t.whole) - inet.HeaderLenIPv6 + p.total
	} else {
		t.whole = append(t.whole, p.head...)
		n = len(t.whole) + p.total
	}
	if n > maxLength { // the first fragment has more headers than others
		return t.refuse(p, &t.counters.TooLong, TooLong)
	}
	for _, x := range p.pieces {
		t.whole = append(t.whole, x.buf...)
	}
	if v6 {
		finish6(t.whole, n, p)
	} else {
		finish4(t.whole, n, len(p.head), p.ecn)
	}
	t.counters.Whole++
	t.close(p)
	return Result{Fate: Complete, Whole: t.whole[:len(t.whole):len(t.whole)]}
}

// finish4 makes the first fragment's header the whole packet's.
func finish4(b []byte, total, header int, ecn uint8) {
	binary.BigEndian.PutUint16(b[2:], uint16(total))
	b[6] &^= 0x3f // more fragments, and the offset's high bits
	b[7] = 0
	if ecn&ce != 0 {
		b[1] |= 3
	}
	b[10], b[11] = 0, 0
	binary.BigEndian.PutUint16(b[10:], inet.Checksum(b[:header], 0))
}

// finish6 makes the unfragmentable part the whole packet's: what named the
// Fragment header names what it named.
func finish6(b []byte, payload int, p *packet) {
	binary.BigEndian.PutUint16(b[payloadLengthAt:], uint16(payload))
	b[p.nextAt] = p.next
	if p.ecn&ce != 0 {
		b[1] |= 0x30
	}
}

// maxQuote is as much as an ICMP error can quote (RFC 4443 section 2.4 c).
const maxQuote = 1280

// quote returns the packet's first fragment, or its beginning.
func (p *packet) quote() []byte {
	b := append([]byte(nil), p.head...)
	b = append(b, p.pieces[0].buf...)
	return b[:min(len(b), maxQuote)]
}
