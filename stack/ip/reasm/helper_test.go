package reasm_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/ip/reasm"
	"github.com/mpstack/mpstack/wire/inet"
)

var (
	src4, dst4 = netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	src6, dst6 = netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")
)

// piece is a fragment to build: its place in the packet's payload.
type piece struct {
	off, end int
	more     bool
}

// cut places fragments of size bytes, a multiple of 8, over n bytes.
func cut(n, size int) (all []piece) {
	for off := 0; off < n; off += size {
		end := min(off+size, n)
		all = append(all, piece{off, end, end < n})
	}
	return all
}

// cutRandomly places fragments of random sizes.
func cutRandomly(rng *rand.Rand, n, most int) (all []piece) {
	for off := 0; off < n; {
		end := min(off+8*(1+rng.IntN(max(most/8, 1))), n)
		all = append(all, piece{off, end, end < n})
		off = end
	}
	return all
}

// proto6 is an upper protocol of one byte's header.
const proto6 = 200

// whole is a packet and the way to its fragments.
type whole struct {
	v6     bool
	packet []byte
	header int // of the packet
	id     uint32
	src    netip.Addr
}

// packet4 is an IPv4 packet with options: a Router Alert, which every fragment
// has, in the first header as in the others.
func packet4(t testing.TB, id uint32, payload []byte) whole { return packet4From(t, src4, id, payload) }

func packet4From(t testing.TB, src netip.Addr, id uint32, payload []byte) whole {
	t.Helper()
	h := inet.IPv4{TTL: 9, Proto: 17, Src: src, Dst: dst4, ID: uint16(id), RouterAlert: true}
	b, err := h.AppendTo(nil, len(payload))
	if err != nil {
		t.Fatal(err)
	}
	return whole{packet: append(b, payload...), header: h.WireLen(), id: id, src: src}
}

// packet6 is an IPv6 packet with a Hop-by-Hop header.
func packet6(t testing.TB, id uint32, payload []byte) whole {
	t.Helper()
	h := inet.IPv6{HopLimit: 9, NextHeader: proto6, Src: src6, Dst: dst6, RouterAlert: true}
	b, err := h.AppendTo(nil, len(payload))
	if err != nil {
		t.Fatal(err)
	}
	return whole{v6: true, packet: append(b, payload...), header: h.WireLen(), id: id, src: src6}
}

func families(t testing.TB, id uint32, payload []byte) []whole {
	return []whole{packet4(t, id, payload), packet6(t, id, payload)}
}

func (w whole) payload() []byte { return w.packet[w.header:] }

// fragment builds one fragment of w by hand.
func (w whole) fragment(p piece) []byte { return w.with(p, w.payload()[p.off:p.end]) }

// with builds a fragment with any payload.
func (w whole) with(p piece, payload []byte) []byte {
	field := uint16(p.off)
	if w.v6 {
		if p.more {
			field |= 1
		}
		b := bytes.Clone(w.packet[:w.header])
		next := b[inet.HeaderLenIPv6]
		b[inet.HeaderLenIPv6] = inet.ProtoFragment
		b = append(b, next, 0)
		b = binary.BigEndian.AppendUint16(b, field)
		b = binary.BigEndian.AppendUint32(b, w.id)
		b = append(b, payload...)
		binary.BigEndian.PutUint16(b[4:], uint16(len(b)-inet.HeaderLenIPv6))
		return b
	}
	field /= 8
	if p.more {
		field |= 0x2000
	}
	b := append(bytes.Clone(w.packet[:w.header]), payload...)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	binary.BigEndian.PutUint16(b[6:], field)
	b[10], b[11] = 0, 0
	binary.BigEndian.PutUint16(b[10:], inet.Checksum(b[:w.header], 0))
	return b
}

// run is a table in virtual time.
type run struct {
	t testing.TB
	*reasm.Table
	now machine.Time
}

func newRun(t testing.TB, cfg reasm.Config) *run {
	return &run{t: t, Table: reasm.New(cfg), now: machine.VirtualEpoch}
}

// take hands the table a fragment as it came by interface 1.
func (r *run) take(packet []byte) reasm.Result { return r.takeOn(1, packet) }

func (r *run) takeOn(ifIndex int, packet []byte) reasm.Result {
	r.t.Helper()
	if packet[0]>>4 == 4 {
		h, _, err := inet.ParseIPv4(packet)
		if err != nil {
			r.t.Fatal(err)
		}
		return r.HandleIPv4(r.now, ifIndex, &h, packet)
	}
	h, _, err := inet.ParseIPv6(packet)
	if err != nil {
		r.t.Fatal(err)
	}
	return r.HandleIPv6(r.now, ifIndex, &h, packet)
}

// want hands the table a fragment and checks its fate.
func (r *run) want(fate reasm.Fate, packet []byte) reasm.Result {
	r.t.Helper()
	got := r.take(packet)
	if got.Fate != fate {
		r.t.Fatalf("fate %v, want %v", got.Fate, fate)
	}
	if (got.Whole != nil) != (fate == reasm.Complete) {
		r.t.Fatalf("fate %v with %d bytes", fate, len(got.Whole))
	}
	return got
}

// wantWhole hands the table the fragment that completes w.
func (r *run) wantWhole(w whole, packet []byte) {
	r.t.Helper()
	got := r.want(reasm.Complete, packet)
	if !bytes.Equal(got.Whole, w.packet) {
		r.t.Fatalf("whole packet of %d bytes is not the one of %d bytes that was sent", len(got.Whole), len(w.packet))
	}
}

// pass lets time pass and returns what comes out.
func (r *run) pass(d time.Duration) (outs []reasm.Output) {
	end := r.now.Add(d)
	for {
		at, ok := r.Deadline()
		if !ok || at > end {
			break
		}
		r.now = at
		r.Advance(at)
		for o, ok := r.Next(); ok; o, ok = r.Next() {
			outs = append(outs, *o)
		}
	}
	r.now = end
	return outs
}

func random(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}
