//go:build netns

package reference_test

import (
	"fmt"
	"time"

	"github.com/mpstack/mpstack/wire/inet"
)

const fragmentID = 0x2222

// piece is a fragment with the bytes [from, to) of a message of the family's
// ICMP.
func (f *family) piece(message []byte, id uint16, from, to int, more bool) []byte {
	if f.v6 {
		payload := append(fragmentHeader(inet.ProtoICMPv6, from, more, uint32(id)), message[from:to]...)
		return ether(proberMAC, packet6(f.prober, f.host, 64, inet.ProtoFragment, payload))
	}
	h := inet.IPv4{Src: f.prober, Dst: f.host, Proto: inet.ProtoICMP, ID: id, FragOffset: from, MF: more}
	return ether(proberMAC, packet4(h, message[from:to]))
}

// pieces cuts a message at offsets.
func (f *family) pieces(message []byte, id uint16, cuts ...int) [][]byte {
	var frames [][]byte
	from := 0
	for _, to := range append(cuts, len(message)) {
		frames = append(frames, f.piece(message, id, from, to, to < len(message)))
		from = to
	}
	return frames
}

// timeless sends fragments of which some are missing and waits until the host
// gives up.
func timeless(frames ...[]byte) func(*bed) string {
	return func(b *bed) string {
		return b.look(view{}, func() {
			for _, f := range frames {
				b.send(f)
			}
			b.barrier()
			b.host.wait(2*time.Second, 3*time.Minute)
		})
	}
}

func fragmentRows() []row {
	var rows []row
	for _, f := range families {
		rows = append(rows, fragmentFamilyRows(f)...)
	}
	return append(rows, fragment6Rows()...)
}

func fragmentFamilyRows(f *family) []row {
	message := echo(f.prober, f.host, echoID, 1, pattern(992)) // 1,000 bytes
	big := echo(f.prober, f.host, echoID, 1, pattern(3000))
	p := f.pieces(message, fragmentID, 400, 800)
	const reply = "echo reply (992 bytes)"
	v, source, expired, first := "IPv4: ", "RFC 791 §3.2", "reassembly time exceeded (11/1)", "RFC 1122 §3.3.2"
	if f.v6 {
		v, source, expired, first = "IPv6: ", "RFC 8200 §4.5", "reassembly time exceeded (3/1)", "RFC 8200 §4.5"
	}
	other := echo(f.prober, f.host, echoID, 2, make([]byte, 992))
	overlap, overlapSource := expect(none), "RFC 5722, RFC 8200 §4.5: to be discarded"
	if !f.v6 {
		overlap, overlapSource = expect(none, reply), "RFC 791 §3.2 takes either; RFC 1858 warns of it"
	}
	tail := func(b []byte) []byte { // 4 bytes cut off
		if f.v6 {
			b = altered(b[:len(b)-4], 14+4, 0, 14+5, int(b[14+5])-4)
			return b
		}
		ip := altered(b[14:len(b)-4], 3, int(b[14+3])-4)
		return append(append([]byte(nil), b[:14]...), fix4(ip)...)
	}
	odd := f.pieces(message, fragmentID, 408)
	rows := []row{
		{name: "three fragments in order", do: asked(p...), want: expect(reply)},
		{name: "in reverse", do: asked(p[2], p[1], p[0]), want: expect(reply)},
		{name: "the middle one last", do: asked(p[0], p[2], p[1]), want: expect(reply)},
		{name: "one twice", source: "RFC 791 §3.2, RFC 8200 §4.5: may be ignored or not", do: asked(p[0], p[1], p[1], p[2]), want: expect(reply, none)},
		{name: "the first 8 bytes alone in the first one", source: "RFC 1858 §3 is about TCP", do: asked(f.pieces(message, fragmentID, 8)...), want: expect(reply)},
		{name: "125 fragments of 8 bytes", do: asked(f.pieces(message, fragmentID, every(8, len(message))...)...), want: expect(reply)},
		{name: "two packets' fragments mixed", do: asked(mixed(p, f.pieces(message, fragmentID+1, 400, 800))...), want: expect("2 × " + reply)},
		{name: "fragments of two identifications that would make one packet", do: asked(p[0], f.piece(message, fragmentID+1, 400, 1000, false)), want: expect(none)},
		{name: "3,008 bytes in three fragments; the reply is fragmented too", source: "RFC 1122 §3.3.2, RFC 8200 §5", do: asked(f.pieces(big, fragmentID, 1440, 2880)...),
			want: expect(fmt.Sprintf("echo reply (3000 bytes) in 3 fragments, the largest of %d bytes", f.largest()))},
		{name: "an overlap with other data", source: overlapSource, do: asked(p[0], f.piece(other, fragmentID, 200, 600, true), f.piece(message, fragmentID, 400, 1000, false)), want: overlap},
		{name: "an overlap with the same data", source: overlapSource, do: asked(p[0], f.piece(message, fragmentID, 200, 800, true), p[2]), want: overlap},
		{name: "after an overlap: the fragments once more, the same identification", source: "RFC 8200 §4.5: late ones start anew",
			do: asked(append([][]byte{p[0], f.piece(message, fragmentID, 200, 600, true)}, p...)...), want: expect(reply, none),
			why: "`stack/ip` remembers the refused packet until its time is over, and discards what still comes of it, as RFC 5722 says of fragments \"not yet received\". Linux forgets it at once."},
		{name: "two last fragments of different ends", do: asked(p[0], p[2], f.piece(message, fragmentID, 400, 600, false)), want: expect(none)},
		{name: "a fragment behind the end", do: asked(p[2], f.piece(append(message, pattern(80)...), fragmentID, 1000, 1080, true), p[0], p[1]), want: expect(none, reply)},
		{name: "the last fragment does not come", source: first, do: timeless(p[0], p[1]), want: expect(expired)},
		{name: "the first fragment does not come", source: first, do: timeless(p[1], p[2]), want: expect(none)},
		{name: "a first fragment whose length is no multiple of 8", source: lengthSource(f), do: asked(tail(odd[0]), odd[1]), want: lengthWant(f)},
		{name: "a fragment that would end behind 65,535 bytes", source: sizeSource(f), do: asked(f.huge(), p[0]), want: sizeWant(f)},
	}
	for i := range rows {
		rows[i].name = v + rows[i].name
		if rows[i].source == "" {
			rows[i].source = source
		}
	}
	return rows
}

// largest is the length of the largest fragment on a link of 1,500 bytes: what
// is in it is a multiple of 8.
func (f *family) largest() int {
	if f.v6 {
		return 1496
	}
	return 1500
}

func every(step, n int) []int {
	var cuts []int
	for at := step; at < n; at += step {
		cuts = append(cuts, at)
	}
	return cuts
}

func mixed(a, b [][]byte) [][]byte {
	var all [][]byte
	for i := range a {
		all = append(all, a[i], b[i])
	}
	return all
}

func lengthSource(f *family) string {
	if f.v6 {
		return "RFC 8200 §4.5"
	}
	return "RFC 791 §3.2: cannot be"
}

func lengthWant(f *family) []string {
	if f.v6 {
		return expect("erroneous header field (4/0) at 4")
	}
	return expect(none)
}

// huge is a last fragment of 80 bytes at offset 65,528.
func (f *family) huge() []byte {
	if f.v6 {
		payload := append(fragmentHeader(inet.ProtoICMPv6, 65528, false, fragmentID), pattern(80)...)
		return ether(proberMAC, packet6(f.prober, f.host, 64, inet.ProtoFragment, payload))
	}
	h := inet.IPv4{Src: f.prober, Dst: f.host, Proto: inet.ProtoICMP, ID: fragmentID, FragOffset: 65528}
	return ether(proberMAC, packet4(h, pattern(80)))
}

func sizeSource(f *family) string {
	if f.v6 {
		return "RFC 8200 §4.5"
	}
	return "RFC 791 §3.1"
}

func sizeWant(f *family) []string {
	if f.v6 {
		return expect("erroneous header field (4/0) at 42")
	}
	return expect(none)
}

// fragment6Rows are about what IPv6 alone has.
func fragment6Rows() []row {
	message := echo(prober6, host6, echoID, 1, pattern(992))
	p := mldFamily.pieces(message, fragmentID, 400, 800)
	atomic := func(id uint16) []byte {
		small := echo(prober6, host6, echoID, 2, pattern(8))
		return mldFamily.piece(small, id, 0, len(small), false)
	}
	fragment := func(next uint8, from int, more bool, payload []byte) []byte {
		return ether(proberMAC, packet6(prober6, host6, 64, inet.ProtoFragment, append(fragmentHeader(next, from, more, fragmentID), payload...)))
	}
	const small, reply = "echo reply (8 bytes)", "echo reply (992 bytes)"
	chain := append(options(inet.ProtoDestination, inet.ProtoICMPv6, 0x1e, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), message...)
	return []row{
		{name: "IPv6: an atomic fragment", source: "RFC 6946 §4, RFC 8200 §4.5", do: asked(atomic(fragmentID)), want: expect(small)},
		{name: "IPv6: an atomic fragment among fragments of its identification", source: "RFC 6946 §4: by itself", do: asked(p[0], p[1], atomic(fragmentID), p[2]),
			want: expect(small + "; " + reply)},
		{name: "IPv6: a first fragment that ends inside an extension header", source: "RFC 8200 §4.5, RFC 7112 §5: to be discarded, may be reported",
			do: asked(fragment(inet.ProtoDestination, 0, true, chain[:8]), fragment(inet.ProtoDestination, 8, false, chain[8:])), want: expect("incomplete header chain (4/3) at 0", none)},
		{name: "IPv6: a first fragment that ends before the upper header", source: "RFC 8200 §4.5, RFC 7112 §5: to be discarded, may be reported",
			do: asked(fragment(inet.ProtoDestination, 0, true, chain[:16]), fragment(inet.ProtoDestination, 16, false, chain[16:])), want: expect("incomplete header chain (4/3) at 0", none)},
		{name: "IPv6: Destination Options inside the fragmented part", source: "RFC 8200 §4.5",
			do: asked(fragment(inet.ProtoDestination, 0, true, chain[:800]), fragment(inet.ProtoDestination, 800, false, chain[800:])), want: expect(reply)},
		{name: "IPv6: later fragments that name another next header", source: "RFC 8200 §4.5: the first one's counts",
			do: asked(p[0], fragment(inet.ProtoUDP, 400, false, message[400:])), want: expect(reply)},
		{name: "IPv6: a packet of an unknown protocol in two fragments", source: "RFC 8200 §4.5",
			do: func(b *bed) string {
				whole := packet6(prober6, host6, 64, 253, pattern(16))
				b.sent = append(b.sent, whole) // that is what is quoted
				return b.ask(view{}, fragment(253, 0, true, pattern(16)[:8]), fragment(253, 8, false, pattern(16)[8:]))
			}, want: expect("unrecognized next header (4/1) at 40", "unrecognized next header (4/1) at 6")},
	}
}
