package reasm_test

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/ip/reasm"
	"github.com/mpstack/mpstack/wire/inet"
)

// TestExactBytes: a packet in three fragments, all bytes written out.
func TestExactBytes(t *testing.T) {
	t.Parallel()
	unhex := func(s string) []byte {
		b, err := hex.DecodeString(string(bytes.ReplaceAll(bytes.ReplaceAll([]byte(s), []byte(" "), nil), []byte("\n"), nil)))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, c := range []struct {
		name      string
		fragments []string
		want      string
	}{
		{"IPv4", []string{
			"4500001c 00072000 4011 d6c6 c0000201 c0000202 0001000200140000",
			"4500001c 00072001 4011 d6c5 c0000201 c0000202 6162636465666768",
			"45000018 00070002 4011 f6c8 c0000201 c0000202 696a6b6c",
		}, "45000028 00070000 4011 f6ba c0000201 c0000202 0001000200140000 6162636465666768 696a6b6c"},
		{"IPv6", []string{
			"60000000 0010 2c 40 20010db8000000000000000000000001 20010db8000000000000000000000002 11000001 00000007 0001000200140000",
			"60000000 0010 2c 40 20010db8000000000000000000000001 20010db8000000000000000000000002 11000009 00000007 6162636465666768",
			"60000000 000c 2c 40 20010db8000000000000000000000001 20010db8000000000000000000000002 11000010 00000007 696a6b6c",
		}, "60000000 0014 11 40 20010db8000000000000000000000001 20010db8000000000000000000000002 0001000200140000 6162636465666768 696a6b6c"},
	} {
		r := newRun(t, reasm.Config{})
		r.want(reasm.Held, unhex(c.fragments[0]))
		r.want(reasm.Held, unhex(c.fragments[2]))
		got := r.want(reasm.Complete, unhex(c.fragments[1]))
		if want := unhex(c.want); !bytes.Equal(got.Whole, want) {
			t.Errorf("%s:\n%swant\n%s", c.name, hex.Dump(got.Whole), hex.Dump(want))
		}
		if !r.Quiet() || r.Bytes() != 0 || r.Len() != 0 {
			t.Errorf("%s: %d bytes of %d packets are left", c.name, r.Bytes(), r.Len())
		}
	}
}

// TestFates goes through what can become of one fragment. Of a packet of 64
// bytes, fragments [0,16) and [24,40) are there.
func TestFates(t *testing.T) {
	t.Parallel()
	payload := random(rand.New(rand.NewPCG(1, 1)), 64)
	other := bytes.Clone(payload)
	other[30] ^= 1
	for _, w := range families(t, 7, payload) {
		for _, c := range []struct {
			name   string
			packet []byte
			fate   reasm.Fate
			refuse bool
		}{
			{"the gap", w.fragment(piece{16, 24, true}), reasm.Held, false},
			{"after", w.fragment(piece{40, 48, true}), reasm.Held, false},
			{"the last", w.fragment(piece{40, 64, false}), reasm.Held, false},
			{"the last, odd length", w.fragment(piece{40, 61, false}), reasm.Held, false},
			{"copy of the first", w.fragment(piece{0, 16, true}), reasm.Duplicate, false},
			{"copy of the second", w.fragment(piece{24, 40, true}), reasm.Duplicate, false},
			{"same place, other bytes", w.with(piece{24, 40, true}, other[24:40]), reasm.Overlap, true},
			{"same place, shorter", w.fragment(piece{24, 32, true}), reasm.Overlap, true},
			{"same place, longer", w.fragment(piece{24, 48, true}), reasm.Overlap, true},
			{"same place, now the last", w.fragment(piece{24, 40, false}), reasm.Overlap, true},
			{"inside", w.fragment(piece{8, 16, true}), reasm.Overlap, true},
			{"across the gap", w.fragment(piece{8, 32, true}), reasm.Overlap, true},
			{"over the end of the first", w.fragment(piece{8, 24, true}), reasm.Overlap, true},
			{"over the begin of the second", w.fragment(piece{16, 32, true}), reasm.Overlap, true},
			{"over everything", w.fragment(piece{0, 64, false}), reasm.Overlap, true},
			{"end before what is there", w.fragment(piece{16, 24, false}), reasm.Inconsistent, true},
			{"empty", w.fragment(piece{16, 16, true}), reasm.Empty, false},
			{"empty and last", w.fragment(piece{40, 40, false}), reasm.Empty, false},
			{"misaligned", w.fragment(piece{16, 23, true}), reasm.Misaligned, false},
			{"beyond 65,535", w.with(piece{65528, 0, false}, payload), reasm.TooLong, false},
		} {
			r := newRun(t, reasm.Config{})
			r.want(reasm.Held, w.fragment(piece{0, 16, true}))
			r.want(reasm.Held, w.fragment(piece{24, 40, true}))
			if got := r.take(c.packet); got.Fate != c.fate {
				t.Errorf("v6 %v, %s: %v, want %v", w.v6, c.name, got.Fate, c.fate)
			}
			rest := reasm.Held
			if c.refuse {
				rest = reasm.Refused
			}
			if got := r.take(w.fragment(piece{48, 56, true})); got.Fate != rest && got.Fate != reasm.Overlap {
				t.Errorf("v6 %v, %s: the next fragment: %v, want %v", w.v6, c.name, got.Fate, rest)
			}
			if c.refuse && r.Len() != 1 {
				t.Errorf("v6 %v, %s: the packet is not remembered as refused", w.v6, c.name)
			}
		}
	}
}

// TestEndIsKnown: what contradicts the last fragment, which came first.
func TestEndIsKnown(t *testing.T) {
	t.Parallel()
	for _, w := range families(t, 7, make([]byte, 128)) {
		for _, c := range []struct {
			name string
			p    piece
			fate reasm.Fate
		}{
			{"before", piece{0, 16, true}, reasm.Held},
			{"copy", piece{16, 64, false}, reasm.Duplicate},
			{"beyond", piece{64, 72, true}, reasm.Inconsistent},
			{"another last beyond", piece{72, 80, false}, reasm.Inconsistent},
			{"another last before", piece{0, 8, false}, reasm.Inconsistent},
			{"over the end", piece{56, 72, true}, reasm.Overlap},
			{"no longer the last", piece{16, 64, true}, reasm.Overlap},
		} {
			r := newRun(t, reasm.Config{})
			r.want(reasm.Held, w.fragment(piece{16, 64, false}))
			if got := r.take(w.fragment(c.p)); got.Fate != c.fate && !(c.name == "before" && got.Fate == reasm.Complete) {
				t.Errorf("v6 %v, %s: %v, want %v", w.v6, c.name, got.Fate, c.fate)
			}
		}
	}
}

// TestRefusedIsSilentAndTemporary: of a refused packet nothing is kept and
// nobody is told, and its identification is free again when its time is up.
func TestRefusedIsSilentAndTemporary(t *testing.T) {
	t.Parallel()
	for _, w := range families(t, 7, make([]byte, 64)) {
		r := newRun(t, reasm.Config{})
		r.want(reasm.Held, w.fragment(piece{0, 32, true}))
		before := r.Bytes()
		r.want(reasm.Overlap, w.fragment(piece{24, 64, false}))
		if r.Bytes() >= before {
			t.Errorf("v6 %v: a refused packet takes %d bytes, more than the %d before", w.v6, r.Bytes(), before)
		}
		r.want(reasm.Refused, w.fragment(piece{32, 64, false}))
		r.want(reasm.Refused, w.fragment(piece{0, 32, true}))
		if outs := r.pass(2 * time.Minute); len(outs) != 0 || !r.Quiet() || r.Bytes() != 0 {
			t.Errorf("v6 %v: %d outputs, %d bytes are left", w.v6, len(outs), r.Bytes())
		}
		if c := r.Counters(); c.Overlaps != 1 || c.Refused != 2 || c.TimedOut != 0 {
			t.Errorf("v6 %v: %+v", w.v6, c)
		}
		r.want(reasm.Held, w.fragment(piece{0, 32, true}))
		r.wantWhole(w, w.fragment(piece{32, 64, false}))
	}
}

// TestTimeout: 30 s and 60 s after the first arrival, and not after the last
// one; the output quotes the first fragment, if it is there.
func TestTimeout(t *testing.T) {
	t.Parallel()
	for i, w := range families(t, 7, make([]byte, 4096)) {
		timeout := []time.Duration{30 * time.Second, 60 * time.Second}[i]
		first := w.fragment(piece{0, 2048, true})
		for _, withFirst := range []bool{true, false} {
			r := newRun(t, reasm.Config{})
			r.want(reasm.Held, w.fragment(piece{2048, 2056, true}))
			if outs := r.pass(timeout - time.Second); outs != nil {
				t.Fatalf("v6 %v: given up early", w.v6)
			}
			if withFirst {
				if got := r.takeOn(3, first); got.Fate != reasm.Held {
					t.Fatal(got)
				}
			}
			r.Advance(r.now) // early: nothing
			if r.Len() != 1 {
				t.Fatalf("v6 %v: an early Advance did something", w.v6)
			}
			outs := r.pass(time.Second)
			if c := r.Counters(); c.TimedOut != 1 || !r.Quiet() || r.Bytes() != 0 {
				t.Errorf("v6 %v: %+v, %d bytes left", w.v6, c, r.Bytes())
			}
			switch {
			case !withFirst && len(outs) != 0:
				t.Errorf("v6 %v: told without a first fragment", w.v6)
			case withFirst && (len(outs) != 1 || outs[0].If != 3 || outs[0].Key.ID != 7 || outs[0].Key.Src != w.src ||
				!bytes.Equal(outs[0].Packet, first[:1280])):
				t.Errorf("v6 %v: %+v", w.v6, outs)
			}
		}
	}
}

// TestLateAdvance gives up everything that is due, in the order of age.
func TestLateAdvance(t *testing.T) {
	t.Parallel()
	r := newRun(t, reasm.Config{})
	for id := range uint32(3) {
		for _, w := range families(t, id, make([]byte, 64)) {
			r.want(reasm.Held, w.fragment(piece{0, 32, true}))
		}
		r.now = r.now.Add(time.Second)
	}
	r.Advance(r.now.Add(time.Hour))
	var ids []uint32
	for o, ok := r.Next(); ok; o, ok = r.Next() {
		ids = append(ids, o.Key.ID)
	}
	if !reflect.DeepEqual(ids, []uint32{0, 1, 2, 0, 1, 2}) { // IPv4's time is the shorter one
		t.Errorf("given up: %v", ids)
	}
	if _, ok := r.Deadline(); ok {
		t.Error("a deadline with nothing left")
	}
}

// TestKeys: fragments of different packets do not meet.
func TestKeys(t *testing.T) {
	t.Parallel()
	w := packet4(t, 7, make([]byte, 32))
	change := func(at int, v byte) whole {
		x := w
		x.packet = bytes.Clone(w.packet)
		x.packet[at] = v
		return x
	}
	r := newRun(t, reasm.Config{})
	r.want(reasm.Held, w.fragment(piece{0, 16, true}))
	for name, x := range map[string]whole{
		"protocol": change(9, 1), "source": change(15, 77), "destination": change(19, 77), "identification": change(5, 8),
	} {
		if got := r.take(x.fragment(piece{16, 32, false})); got.Fate != reasm.Held {
			t.Errorf("another %s: %v", name, got.Fate)
		}
	}
	if got := r.takeOn(2, w.fragment(piece{16, 32, false})); got.Fate != reasm.Complete {
		t.Errorf("by another interface: %v", got.Fate)
	}
	for _, dst := range []string{"225.1.2.3", "169.254.0.1"} {
		a := netip.MustParseAddr(dst).As4()
		x := w
		x.packet = bytes.Clone(w.packet)
		copy(x.packet[16:], a[:])
		r.want(reasm.Held, x.fragment(piece{0, 16, true}))
		if got := r.takeOn(2, x.fragment(piece{16, 32, false})); got.Fate != reasm.Held {
			t.Errorf("to %s by another interface: %v", dst, got.Fate)
		}
		if got := r.takeOn(1, x.fragment(piece{16, 32, false})); got.Fate != reasm.Complete {
			t.Errorf("to %s by the same interface: %v", dst, got.Fate)
		}
	}
}

// TestFirstFragmentHoldsAllHeaders (RFC 7112).
func TestFirstFragmentHoldsAllHeaders(t *testing.T) {
	t.Parallel()
	destination := func(next byte) []byte { return []byte{next, 0, 1, 4, 0, 0, 0, 0} }
	for _, c := range []struct {
		name    string
		next    uint8
		payload []byte
		want    reasm.Fate
	}{
		{"UDP", inet.ProtoUDP, make([]byte, 8), reasm.Held},
		{"TCP", inet.ProtoTCP, make([]byte, 24), reasm.Held},
		{"TCP cut", inet.ProtoTCP, make([]byte, 16), reasm.NoHeaders},
		{"ICMPv6", inet.ProtoICMPv6, make([]byte, 8), reasm.Held},
		{"options and UDP", inet.ProtoDestination, append(destination(inet.ProtoUDP), make([]byte, 8)...), reasm.Held},
		{"options alone", inet.ProtoDestination, destination(inet.ProtoUDP), reasm.NoHeaders},
		{"options cut", inet.ProtoDestination, []byte{17, 1, 1, 12, 0, 0, 0, 0}, reasm.NoHeaders},
		{"options and nothing", inet.ProtoDestination, destination(inet.ProtoNoNext), reasm.Held},
		{"unknown", 200, make([]byte, 8), reasm.Held},
		{"options and unknown", inet.ProtoDestination, destination(200), reasm.NoHeaders},
	} {
		h := inet.IPv6{HopLimit: 9, NextHeader: c.next, Src: src6, Dst: dst6, Fragment: inet.FragmentHeader{Present: true, More: true, ID: 1}}
		b, err := h.AppendTo(nil, len(c.payload))
		if err != nil {
			t.Fatal(err)
		}
		r := newRun(t, reasm.Config{})
		if got := r.take(append(b, c.payload...)); got.Fate != c.want {
			t.Errorf("%s: %v, want %v", c.name, got.Fate, c.want)
		}
		if c.want == reasm.NoHeaders && (r.Len() != 0 || r.Counters().NoHeaders != 1) {
			t.Errorf("%s: kept or not counted", c.name)
		}
	}
}

// TestPointers: which field the sender of a bad IPv6 fragment hears of.
func TestPointers(t *testing.T) {
	t.Parallel()
	w := packet6(t, 7, make([]byte, 64)) // 40 bytes, Hop-by-Hop of 8, Fragment of 8
	r := newRun(t, reasm.Config{})
	if got := r.want(reasm.Misaligned, w.fragment(piece{0, 9, true})); got.Pointer != 4 {
		t.Errorf("payload length at %d", got.Pointer)
	}
	if got := r.want(reasm.TooLong, w.with(piece{65528, 0, false}, make([]byte, 8))); got.Pointer != 50 {
		t.Errorf("fragment offset at %d", got.Pointer)
	}
}

// TestGreatestPackets: 65,535 bytes fit, 65,536 do not.
func TestGreatestPackets(t *testing.T) {
	t.Parallel()
	// IPv4: a header of 24 bytes. IPv6: 8 bytes of extension header.
	for _, w := range []whole{packet4(t, 1, random(rand.New(rand.NewPCG(1, 1)), 65535-24)), packet6(t, 1, random(rand.New(rand.NewPCG(1, 1)), 65535-8))} {
		r := newRun(t, reasm.Config{})
		all := cut(len(w.payload()), 1448)
		for _, p := range all[1:] {
			r.want(reasm.Held, w.fragment(p))
		}
		r.wantWhole(w, w.fragment(all[0]))
		last := all[len(all)-1]
		r.want(reasm.TooLong, w.with(last, append(bytes.Clone(w.payload()[last.off:]), 0)))
	}
	// The first fragment alone has options, which make it too long in the end.
	w := packet4(t, 2, make([]byte, 65535-24))
	plain, err := inet.IPv4{TTL: 9, Proto: 17, Src: src4, Dst: dst4, ID: 2}.AppendTo(nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	bare := whole{packet: append(plain, make([]byte, 65535-20)...), header: 20, id: 2}
	r := newRun(t, reasm.Config{})
	r.want(reasm.Held, bare.fragment(piece{65504, 65515, false}))
	r.want(reasm.Held, bare.fragment(piece{32752, 65504, true}))
	r.want(reasm.TooLong, w.fragment(piece{0, 32752, true}))
	r.want(reasm.Refused, w.fragment(piece{0, 32752, true}))
}

// TestFragmentsOfOnePacket: the limit on their number.
func TestFragmentsOfOnePacket(t *testing.T) {
	t.Parallel()
	for _, w := range families(t, 7, make([]byte, 8*20)) {
		r := newRun(t, reasm.Config{MaxFragments: 10})
		for _, p := range cut(8*20, 8)[:10] {
			r.want(reasm.Held, w.fragment(p))
		}
		r.want(reasm.TooMany, w.fragment(piece{80, 88, true}))
		r.want(reasm.Refused, w.fragment(piece{88, 96, true}))
		ten := packet4(t, 8, make([]byte, 80))
		for _, p := range cut(80, 8)[1:] {
			r.want(reasm.Held, ten.fragment(p))
		}
		r.wantWhole(ten, ten.fragment(piece{0, 8, true}))
	}
}

// TestOldestGivesWay: the memory in all.
func TestOldestGivesWay(t *testing.T) {
	t.Parallel()
	r := newRun(t, reasm.Config{MaxBytes: 20_000, MaxSourceBytes: 20_000})
	var all []whole
	for i := range byte(12) {
		w := packet4From(t, netip.AddrFrom4([4]byte{10, 0, 0, i + 1}), uint32(i), random(rand.New(rand.NewPCG(uint64(i), 1)), 3000))
		all = append(all, w)
		r.want(reasm.Held, w.fragment(piece{0, 2048, true}))
		if r.Bytes() > 20_000 {
			t.Fatalf("%d bytes", r.Bytes())
		}
	}
	c := r.Counters()
	if c.Evicted == 0 || c.EvictedSource != 0 || r.Len() != 12-int(c.Evicted) {
		t.Errorf("%d evicted, %d left", c.Evicted, r.Len())
	}
	// The newest are there. Completing one needs room, for which the oldest
	// that is left may give way.
	for i := 11; i > int(c.Evicted); i-- {
		r.wantWhole(all[i], all[i].fragment(piece{2048, 3000, false}))
	}
	r.pass(time.Minute)
	if r.Bytes() != 0 {
		t.Errorf("%d bytes are left", r.Bytes())
	}
}

// TestSourceGivesWayToItself: one source's flood leaves others alone.
func TestSourceGivesWayToItself(t *testing.T) {
	t.Parallel()
	r := newRun(t, reasm.Config{MaxBytes: 100_000, MaxSourceBytes: 10_000})
	quiet := packet4From(t, netip.MustParseAddr("10.9.9.9"), 1, random(rand.New(rand.NewPCG(1, 1)), 3000))
	r.want(reasm.Held, quiet.fragment(piece{0, 2048, true}))
	for id := range uint32(1000) {
		r.want(reasm.Held, packet4(t, id, make([]byte, 3000)).fragment(piece{0, 2048, true}))
	}
	if c := r.Counters(); c.EvictedSource < 990 || c.Evicted != 0 {
		t.Errorf("%+v", c)
	}
	if r.Bytes() > 14_000 {
		t.Errorf("%d bytes", r.Bytes())
	}
	r.wantWhole(quiet, quiet.fragment(piece{2048, 3000, false}))
}

// TestPacketWithoutRoom: a packet that no room would do for gives way itself.
func TestPacketWithoutRoom(t *testing.T) {
	t.Parallel()
	for _, cfg := range []reasm.Config{{MaxBytes: 4000}, {MaxSourceBytes: 4000}} {
		r := newRun(t, cfg)
		w := packet4(t, 1, make([]byte, 9000))
		r.want(reasm.Held, w.fragment(piece{0, 1024, true}))
		r.want(reasm.NoRoom, w.fragment(piece{1024, 6000, true}))
		if r.Len() != 0 || r.Bytes() != 0 {
			t.Errorf("%d packets, %d bytes", r.Len(), r.Bytes())
		}
		if c := r.Counters(); c.NoRoom != 1 || c.Evicted+c.EvictedSource != 0 {
			t.Errorf("%+v", c)
		}
	}
	for _, cfg := range []reasm.Config{{MaxBytes: 10}, {MaxSourceBytes: 10}} {
		r := newRun(t, cfg)
		r.want(reasm.NoRoom, packet4(t, 1, make([]byte, 64)).fragment(piece{0, 32, true}))
		if !r.Quiet() {
			t.Error("something is left")
		}
	}
}

// TestTinyFragmentsAreNotCheap: 8 bytes of payload cost more than 8.
func TestTinyFragmentsAreNotCheap(t *testing.T) {
	t.Parallel()
	r := newRun(t, reasm.Config{})
	w := packet4(t, 1, make([]byte, 4096))
	for _, p := range cut(4096, 8)[:100] {
		r.want(reasm.Held, w.fragment(p))
	}
	if r.Bytes() < 100*128 {
		t.Errorf("100 fragments of 8 bytes cost %d bytes", r.Bytes())
	}
}

// TestECN: RFC 3168 section 5.3.
func TestECN(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		marks [2]byte
		want  byte
		fate  reasm.Fate
	}{
		{[2]byte{0, 0}, 0, reasm.Complete},
		{[2]byte{2, 2}, 2, reasm.Complete},
		{[2]byte{2, 3}, 3, reasm.Complete},
		{[2]byte{3, 2}, 3, reasm.Complete},
		{[2]byte{3, 3}, 3, reasm.Complete},
		{[2]byte{0, 2}, 0, reasm.Complete},
		{[2]byte{0, 3}, 0, reasm.MixedECN},
		{[2]byte{3, 0}, 0, reasm.MixedECN},
	} {
		for _, w := range families(t, 7, make([]byte, 32)) {
			mark := func(p piece, ecn byte) []byte {
				x := w
				x.packet = bytes.Clone(w.packet)
				if w.v6 {
					x.packet[1] |= ecn << 4
				} else {
					x.packet[1] |= ecn
				}
				return x.fragment(p)
			}
			r := newRun(t, reasm.Config{})
			r.want(reasm.Held, mark(piece{0, 16, true}, c.marks[0]))
			got := r.want(c.fate, mark(piece{16, 32, false}, c.marks[1]))
			if c.fate != reasm.Complete {
				continue
			}
			ecn := got.Whole[1] & 3
			if w.v6 {
				ecn = got.Whole[1] >> 4 & 3
			} else if inet.Checksum(got.Whole[:w.header], 0) != 0 {
				t.Error("header checksum")
			}
			if ecn != c.want {
				t.Errorf("v6 %v, marks %v: %d, want %d", w.v6, c.marks, ecn, c.want)
			}
		}
	}
}

// TestNextHeaderOfTheFirst: the first fragment's Fragment header says what the
// packet carries, whatever the others say (RFC 8200 section 4.5).
func TestNextHeaderOfTheFirst(t *testing.T) {
	t.Parallel()
	w := packet6(t, 7, make([]byte, 32))
	last := w.fragment(piece{16, 32, false})
	last[w.header] = inet.ProtoTCP
	last[7] = 1 // hop limit
	r := newRun(t, reasm.Config{})
	r.want(reasm.Held, last)
	r.wantWhole(w, w.fragment(piece{0, 16, true}))
}

// TestTimeDoesNotGoBack: an earlier now counts as the last one.
func TestTimeDoesNotGoBack(t *testing.T) {
	t.Parallel()
	r := newRun(t, reasm.Config{})
	r.Advance(r.now.Add(time.Hour))
	w := packet4(t, 1, make([]byte, 32))
	r.want(reasm.Held, w.fragment(piece{0, 16, true}))
	if at, ok := r.Deadline(); !ok || at != machine.VirtualEpoch.Add(time.Hour+30*time.Second) {
		t.Errorf("deadline %v", at)
	}
}

// TestFateNames: every fate has a name of its own.
func TestFateNames(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for f := reasm.Fate(0); f.String() != "unknown"; f++ {
		if seen[f.String()] {
			t.Errorf("two fates are called %q", f)
		}
		seen[f.String()] = true
	}
	if len(seen) != int(reasm.MixedECN)+1 {
		t.Errorf("%d names", len(seen))
	}
}
