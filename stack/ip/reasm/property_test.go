package reasm_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/ip4defrag"
	"github.com/google/gopacket/layers"

	"github.com/mpstack/mpstack/stack/ip/reasm"
)

// TestAnyOrder: packets of every size up to the greatest, cut anywhere, in any
// order and with copies, come out as they went in.
func TestAnyOrder(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	sizes := []int{1, 7, 8, 9, 16, 1480, 1481, 65535 - 24}
	for range 50 {
		sizes = append(sizes, 1+rng.IntN(65535-24))
	}
	r := newRun(t, reasm.Config{MaxFragments: 10_000, MaxSourceBytes: 4 << 20})
	for i, n := range sizes {
		for _, w := range families(t, uint32(i), random(rng, n)) {
			most := 1 + rng.IntN(4000)
			all := cutRandomly(rng, n, most)
			rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			for i, p := range all[:len(all)-1] {
				r.want(reasm.Held, w.fragment(p))
				if rng.IntN(3) == 0 {
					r.want(reasm.Duplicate, w.fragment(all[rng.IntN(i+1)]))
				}
			}
			if r.Len() > 1 {
				t.Fatalf("%d packets at once", r.Len())
			}
			r.wantWhole(w, w.fragment(all[len(all)-1]))
			if r.Bytes() != 0 {
				t.Fatalf("%d bytes are left", r.Bytes())
			}
		}
	}
}

// TestInterleaved: fragments of many packets, in any order, some lost. Those
// whose fragments are all there become whole, and the others are given up.
func TestInterleaved(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	for round := range 20 {
		type flying struct {
			w whole
			p piece
		}
		var all []flying
		want, whole := 0, 0
		for id := range uint32(30) {
			w := families(t, id, random(rng, 1+rng.IntN(5000)))[rng.IntN(2)]
			pieces := cutRandomly(rng, len(w.payload()), 800)
			lost := -1
			if rng.IntN(4) == 0 && len(pieces) > 1 {
				lost = rng.IntN(len(pieces))
			} else {
				want++
			}
			for i, p := range pieces {
				if i != lost {
					all = append(all, flying{w, p})
				}
			}
		}
		rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		r := newRun(t, reasm.Config{})
		for _, f := range all {
			if got := r.take(f.w.fragment(f.p)); got.Fate == reasm.Complete {
				whole++
				if !bytes.Equal(got.Whole, f.w.packet) {
					t.Fatal("fragments were mixed up")
				}
			} else if got.Fate != reasm.Held {
				t.Fatalf("round %d: %v", round, got.Fate)
			}
		}
		if whole != want || r.Len() != 30-want {
			t.Errorf("round %d: %d whole, want %d; %d left", round, whole, want, r.Len())
		}
		r.pass(time.Minute)
		if !r.Quiet() || r.Bytes() != 0 {
			t.Errorf("round %d: %d bytes are left", round, r.Bytes())
		}
	}
}

// TestOverlapsNeverPass: a packet becomes whole before the first fragment that
// overlaps another, or never.
func TestOverlapsNeverPass(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		n := 64 + rng.IntN(2000)
		w := families(t, 1, random(rng, n))[rng.IntN(2)]
		all := cutRandomly(rng, n, 400)
		if len(all) < 2 {
			continue
		}
		off := 8 * rng.IntN(n/8)
		bad := piece{off, min(off+8*(1+rng.IntN(40)), n), true}
		bad.more = bad.end < n
		if slices.Contains(all, bad) || bad.end-bad.off == n {
			continue
		}
		order := slices.Insert(slices.Clone(all), rng.IntN(len(all)), bad) // not last
		rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		r := newRun(t, reasm.Config{})
		for i, p := range order {
			if got := r.take(w.fragment(p)); got.Fate == reasm.Complete {
				if anyOverlap(order[:i+1]) {
					t.Fatalf("piece %d of %v completes, %v overlaps", i, order, bad)
				}
				r.Table = reasm.New(reasm.Config{}) // what still comes is of another packet
			}
		}
		if c := r.Counters(); c.Overlaps+c.Inconsistent == 1 && len(r.pass(time.Hour)) != 0 {
			t.Fatalf("the sender is told about an overlap: %v, %v", order, bad)
		}
	}
}

func anyOverlap(all []piece) bool {
	for i, a := range all {
		for _, b := range all[:i] {
			if a.off < b.end && b.off < a.end {
				return true
			}
		}
	}
	return false
}

// model is reassembly without limits, as plainly as it can be written: a byte
// map of each packet.
type model struct{ packets map[reasm.Key]*modelPacket }

type modelPacket struct {
	data    map[int]byte
	from    map[int]piece // of each byte: the fragment that it came in
	total   int
	refused bool
}

func (m *model) take(key reasm.Key, p piece, payload []byte) (fate reasm.Fate, whole []byte) {
	x := m.packets[key]
	if x == nil {
		x = &modelPacket{data: make(map[int]byte), from: make(map[int]piece), total: -1}
		m.packets[key] = x
	}
	if x.refused {
		return reasm.Refused, nil
	}
	same, overlap := true, false
	for i, b := range payload {
		from, there := x.from[p.off+i]
		overlap = overlap || there
		same = same && there && from == p && x.data[p.off+i] == b
	}
	switch {
	case same:
		return reasm.Duplicate, nil
	case overlap:
		x.refused = true
		return reasm.Overlap, nil
	}
	for at := range x.data {
		if !p.more && at >= p.end {
			x.refused = true
			return reasm.Inconsistent, nil
		}
	}
	if x.total >= 0 && (!p.more || p.end > x.total) {
		x.refused = true
		return reasm.Inconsistent, nil
	}
	for i, b := range payload {
		x.data[p.off+i], x.from[p.off+i] = b, p
	}
	if !p.more {
		x.total = p.end
	}
	if len(x.data) != x.total {
		return reasm.Held, nil
	}
	for i := range x.total {
		whole = append(whole, x.data[i])
	}
	delete(m.packets, key)
	return reasm.Complete, whole
}

// TestAgainstModel: random fragments, most of them at odds with each other,
// fare as in the model.
func TestAgainstModel(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(7, 8))
	seen := make(map[reasm.Fate]int)
	for range 300 {
		r := newRun(t, reasm.Config{})
		m := model{packets: make(map[reasm.Key]*modelPacket)}
		wholes := families(t, uint32(rng.IntN(1000)), random(rng, 96))
		for range 40 {
			w := wholes[rng.IntN(2)]
			key := reasm.Key{Src: src6, Dst: dst6, ID: w.id}
			if !w.v6 {
				key = reasm.Key{Src: src4, Dst: dst4, Proto: 17, ID: w.id}
			}
			p := cut(96, 24)[rng.IntN(4)]
			if rng.IntN(8) == 0 {
				p.off = 8 * rng.IntN(11)
				p.end = min(p.off+8*(1+rng.IntN(3)), 96)
				p.more = p.end < 96 && rng.IntN(4) > 0
			}
			payload := bytes.Clone(w.payload()[p.off:p.end])
			if rng.IntN(20) == 0 {
				payload[0] ^= 1
			}
			got := r.take(w.with(p, payload))
			fate, whole := m.take(key, p, payload)
			seen[fate]++
			if got.Fate != fate {
				t.Fatalf("%+v: %v, want %v", p, got.Fate, fate)
			}
			if fate == reasm.Complete && !bytes.Equal(got.Whole[w.header:], whole) {
				t.Fatalf("whole packet differs")
			}
		}
	}
	for _, f := range []reasm.Fate{reasm.Held, reasm.Complete, reasm.Duplicate, reasm.Overlap, reasm.Inconsistent, reasm.Refused} {
		if seen[f] < 10 {
			t.Errorf("%v happened %d times: the test does not test it", f, seen[f])
		}
	}
}

// TestMemoryIsAccounted: whatever comes, what the table says it takes is
// within its limits, and nothing is left when all is given up.
func TestMemoryIsAccounted(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(9, 10))
	const most, mostOfOne = 150_000, 60_000
	r := newRun(t, reasm.Config{MaxBytes: most, MaxSourceBytes: mostOfOne, MaxFragments: 12})
	payload := make([]byte, 20_000)
	for range 8_000 {
		id := uint32(rng.IntN(12))
		w := packet4From(t, netip.AddrFrom4([4]byte{10, 0, 0, byte(rng.IntN(3))}), id, payload[:1000*(1+id%20)])
		if rng.IntN(3) == 0 {
			w = packet6(t, id, payload[:1000*(1+id%20)])
		}
		pieces := cut(len(w.payload()), 8*(1+int(id)*20))
		r.take(w.fragment(pieces[rng.IntN(len(pieces))]))
		if r.Bytes() > most || r.Bytes() < 256*r.Len() {
			t.Fatalf("%d bytes for %d packets", r.Bytes(), r.Len())
		}
		if rng.IntN(50) == 0 {
			r.pass(time.Duration(rng.IntN(int(20 * time.Second))))
		}
	}
	c := r.Counters()
	if c.Whole == 0 || c.Evicted == 0 || c.EvictedSource == 0 || c.TimedOut == 0 || c.TooMany == 0 || c.Duplicates == 0 {
		t.Errorf("the run is too tame: %+v", c)
	}
	r.pass(time.Hour)
	if r.Bytes() != 0 || !r.Quiet() {
		t.Errorf("%d bytes are left", r.Bytes())
	}
}

// TestBuffersAreReused: reassembly in a steady state allocates nothing.
func TestBuffersAreReused(t *testing.T) {
	for _, w := range families(t, 1, make([]byte, 8000)) {
		r := newRun(t, reasm.Config{})
		var fragments [][]byte
		for _, p := range cut(8000, 1448) {
			fragments = append(fragments, w.fragment(p))
		}
		allocs := testing.AllocsPerRun(50, func() {
			for _, f := range fragments {
				r.take(f)
			}
		})
		if allocs != 0 {
			t.Errorf("v6 %v: %v allocations for a packet", w.v6, allocs)
		}
	}
}

// TestInputIsCopied: a whole packet stays as it is until the next call,
// and the fragments handed in may change at once.
func TestInputIsCopied(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(11, 12))
	for _, w := range families(t, 1, random(rng, 3000)) {
		r := newRun(t, reasm.Config{})
		for _, p := range cut(3000, 1000) {
			f := w.fragment(p)
			if p.more {
				r.want(reasm.Held, f)
			} else {
				r.wantWhole(w, f)
			}
			clear(f)
		}
	}
}

// TestAgainstGopacket: gopacket's ip4defrag is right about packets without
// options, in any order and with copies, as long as nothing overlaps and
// nothing is lost.
func TestAgainstGopacket(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(13, 14))
	r := newRun(t, reasm.Config{MaxFragments: 10_000, MaxSourceBytes: 4 << 20})
	theirs := ip4defrag.NewIPv4Defragmenter()
	for id := range uint16(80) {
		payload := random(rng, 16+8*rng.IntN(7500)) // it refuses last fragments of less than 8 bytes
		w := packet4(t, uint32(id), payload)
		w.packet, w.header = append(bytes.Clone(w.packet[:20]), payload...), 20
		w.packet[0] = 0x45
		binary.BigEndian.PutUint16(w.packet[2:], uint16(len(w.packet)))
		all := cutRandomly(rng, len(payload), 100+rng.IntN(3000))
		if len(all) < 2 {
			continue
		}
		rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		if rng.IntN(2) == 0 {
			all = slices.Insert(all, 1, all[0])
		}
		for i, p := range all {
			f := w.fragment(p)
			ours := r.take(f)
			var layer layers.IPv4
			if err := layer.DecodeFromBytes(f, gopacket.NilDecodeFeedback); err != nil {
				t.Fatal(err)
			}
			out, err := theirs.DefragIPv4WithTimestamp(&layer, r.now.UTC())
			if err != nil {
				t.Fatalf("gopacket: %v", err)
			}
			if (out != nil) != (ours.Fate == reasm.Complete) {
				t.Fatalf("packet %d, fragment %d of %d: ours %v, gopacket's whole %v", id, i, len(all), ours.Fate, out != nil)
			}
			if out != nil && !bytes.Equal(out.Payload, ours.Whole[20:]) {
				t.Fatalf("packet %d: payloads differ", id)
			}
		}
	}
	if c := r.Counters(); c.Whole < 60 {
		t.Errorf("%d whole packets", c.Whole)
	}
}
