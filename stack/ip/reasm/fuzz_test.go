package reasm_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/ip/reasm"
	"github.com/mpstack/mpstack/wire/inet"
)

// FuzzHandle feeds a table a series of packets, each behind its length in two
// bytes; those that parse as fragments are taken in. It never panics, stays
// within its limits, and what becomes whole is a packet.
func FuzzHandle(f *testing.F) {
	series := func(packets ...[]byte) []byte {
		var b []byte
		for _, p := range packets {
			b = append(append(b, byte(len(p)>>8), byte(len(p))), p...)
		}
		return b
	}
	for _, w := range families(f, 7, []byte("0123456789abcdefghijklmnopqrstuvwxyz")) {
		f.Add(series(w.fragment(piece{0, 16, true}), w.fragment(piece{16, 36, false})))
		f.Add(series(w.fragment(piece{16, 36, false}), w.fragment(piece{0, 16, true})))
		f.Add(series(w.fragment(piece{0, 16, true}), w.fragment(piece{8, 36, false})))
		f.Add(series(w.fragment(piece{0, 16, true}), w.fragment(piece{0, 16, true}), w.fragment(piece{24, 32, true})))
		f.Add(series(w.fragment(piece{0, 9, true}), w.fragment(piece{8, 8, true}), w.with(piece{65528, 0, false}, make([]byte, 40))))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		const most, mostOfOne = 8000, 4000
		table := reasm.New(reasm.Config{MaxBytes: most, MaxSourceBytes: mostOfOne, MaxFragments: 8})
		now := machine.VirtualEpoch
		for len(data) > 2 {
			n := min(int(data[0])<<8|int(data[1]), len(data)-2)
			packet := data[2 : 2+n]
			data = data[2+n:]
			got, ok := feed(table, now, packet)
			if !ok {
				continue
			}
			now = now.Add(time.Second)
			table.Advance(now)
			for o, ok := table.Next(); ok; o, ok = table.Next() {
				if _, err := inet.ParseQuote(o.Packet); err != nil {
					t.Fatalf("quote: %v", err)
				}
			}
			if table.Bytes() > most {
				t.Fatalf("%d bytes", table.Bytes())
			}
			if got.Fate == reasm.Complete {
				checkWhole(t, packet, got.Whole)
			}
		}
		table.Advance(now.Add(time.Hour))
		if table.Bytes() != 0 || table.Len() != 0 {
			t.Fatalf("%d bytes of %d packets are left", table.Bytes(), table.Len())
		}
	})
}

// feed takes in a packet where it is a fragment.
func feed(table *reasm.Table, now machine.Time, packet []byte) (reasm.Result, bool) {
	if len(packet) > 0 && packet[0]>>4 == 4 {
		h, _, err := inet.ParseIPv4(packet)
		if err != nil || !h.Fragment() {
			return reasm.Result{}, false
		}
		return table.HandleIPv4(now, 1, &h, packet[:h.TotalLen]), true
	}
	h, _, err := inet.ParseIPv6(packet)
	if err != nil || !h.Fragment.Present || !h.Fragment.More && h.Fragment.Offset == 0 {
		return reasm.Result{}, false
	}
	return table.HandleIPv6(now, 1, &h, packet[:inet.HeaderLenIPv6+h.PayloadLen]), true
}

// checkWhole looks at a whole packet and its last fragment.
func checkWhole(t *testing.T, fragment, whole []byte) {
	if whole[0]>>4 == 4 {
		h, payload, err := inet.ParseIPv4(whole)
		if err != nil || h.Fragment() || h.TotalLen != len(whole) {
			t.Fatalf("%+v, %v", h, err)
		}
		f, part, _ := inet.ParseIPv4(fragment)
		if !bytes.Equal(payload[f.FragOffset:f.FragOffset+len(part)], part) || h.Src != f.Src || h.Dst != f.Dst || h.Proto != f.Proto {
			t.Fatal("the fragment is not where it belongs")
		}
		return
	}
	// What was in fragments may be anything: another Fragment header, or
	// extension headers that cannot be.
	h, _, err := inet.ParseIPv6(whole)
	if err == nil && h.PayloadLen != len(whole)-inet.HeaderLenIPv6 {
		t.Fatalf("payload length %d of %d", h.PayloadLen, len(whole))
	}
	f, part, _ := inet.ParseIPv6(fragment)
	start := len(fragment) - len(part) - 8
	if len(fragment) != inet.HeaderLenIPv6+f.PayloadLen { // bytes behind the packet
		return
	}
	if err == nil && (h.Src != f.Src || h.Dst != f.Dst) || f.Fragment.Offset == 0 && !bytes.Equal(whole[start:start+len(part)], part) {
		t.Fatal("the fragment is not where it belongs")
	}
}
