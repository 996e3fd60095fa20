package inet_test

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/mpstack/mpstack/wire/inet"
)

// reference is the checksum as RFC 1071 section 4.1 writes it down.
func reference(b []byte, initial uint32) uint16 {
	acc := uint64(initial)
	for len(b) > 1 {
		acc += uint64(binary.BigEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) > 0 {
		acc += uint64(b[0]) << 8
	}
	for acc>>16 != 0 {
		acc = acc&0xffff + acc>>16
	}
	return ^uint16(acc)
}

func TestChecksumVectors(t *testing.T) {
	tests := []struct {
		name    string
		hex     string
		initial uint32
		want    uint16
	}{
		{"empty", "", 0, 0xffff},
		{"RFC 1071 section 3", "00 01 f2 03 f4 f5 f6 f7", 0, ^uint16(0xddf2)},
		{"an IPv4 header", "4500 0073 0000 4000 4011 0000 c0a8 0001 c0a8 00c7", 0, 0xb861},
		{"the same with its checksum", "4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7", 0, 0},
		{"one byte", "80", 0, 0x7fff},
		{"three bytes", "0001 02", 0, ^uint16(0x0201)},
		{"initial", "0001", 0xfffe, 0},
		{"an initial that is not folded", "0001", 0x1fffe, 0xffff - 1},
	}
	for _, tt := range tests {
		if got := inet.Checksum(unhex(t, tt.hex), tt.initial); got != tt.want {
			t.Errorf("%s: %#04x, want %#04x", tt.name, got, tt.want)
		}
	}
}

func TestChecksumMatchesReference(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	buf := make([]byte, 400)
	fill := map[string]func() byte{
		"random": func() byte { return byte(r.Uint32()) },
		"ones":   func() byte { return 0xff },
		"zeros":  func() byte { return 0 },
	}
	for name, f := range fill {
		for i := range buf {
			buf[i] = f()
		}
		for n := range 330 {
			for off := range 9 { // every alignment
				b, initial := buf[off:off+n], r.Uint32()
				if got, want := inet.Checksum(b, initial), reference(b, initial); got != want {
					t.Fatalf("%s, %d bytes at %d, initial %#x: %#04x, want %#04x", name, n, off, initial, got, want)
				}
			}
		}
	}
}

func TestSumJoins(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	b := make([]byte, 301)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	for cut := 0; cut < len(b); cut += 2 {
		if got, want := inet.Checksum(b[cut:], inet.Sum(b[:cut], 7)), inet.Checksum(b, 7); got != want {
			t.Fatalf("joined at %d: %#04x, want %#04x", cut, got, want)
		}
	}
}

func TestPseudoHeaderSum(t *testing.T) {
	tests := []struct {
		src, dst string
		proto    uint8
		length   int
		hex      string // the pseudo-header, written out
	}{
		{"10.0.0.1", "10.0.0.2", 17, 13, "0a000001 0a000002 00 11 000d"},
		{"255.255.255.255", "255.255.255.255", 255, 65535, "ffffffff ffffffff 00 ff ffff"},
		{"2001:db8::1", "2001:db8::2", 58, 70000,
			"20010db8000000000000000000000001 20010db8000000000000000000000002 00011170 000000 3a"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 0, 0,
			"ffffffffffffffffffffffffffffffff ffffffffffffffffffffffffffffffff 00000000 000000 00"},
	}
	for _, tt := range tests {
		got := inet.Checksum(nil, inet.PseudoHeaderSum(addr(tt.src), addr(tt.dst), tt.proto, tt.length))
		if want := reference(unhex(t, tt.hex), 0); got != want {
			t.Errorf("%s > %s: %#04x, want %#04x", tt.src, tt.dst, got, want)
		}
	}
}

// The example of RFC 1624 section 4: equation 3 gives 0x0000 where the older one
// gave 0xffff.
func TestUpdateChecksum(t *testing.T) {
	if got := inet.UpdateChecksum(0xdd2f, 0x5555, 0x3285); got != 0 {
		t.Errorf("%#04x, want 0x0000", got)
	}
	if got := inet.UpdateChecksumBytes(0xdd2f, []byte{0x55, 0x55}, []byte{0x32, 0x85}); got != 0 {
		t.Errorf("%#04x, want 0x0000", got)
	}
}

// What is updated is as right as what is computed anew.
func TestUpdateChecksumBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for range 20000 {
		b := randomBytes(r, 20+r.IntN(60))
		b[0] |= 1 // sums of nothing but zeros have a form of their own
		binary.BigEndian.PutUint16(b[2:], 0)
		binary.BigEndian.PutUint16(b[2:], reference(b, 0))
		at := 4 + 2*r.IntN((len(b)-4)/2)
		n := 2 * r.IntN((len(b)-at)/2+1)
		if at+n == len(b)-1 && r.IntN(2) == 0 {
			n++ // an odd run at the end
		}
		old := string(b[at : at+n])
		copy(b[at:at+n], randomBytes(r, n))
		check := inet.UpdateChecksumBytes(binary.BigEndian.Uint16(b[2:]), []byte(old), b[at:at+n])
		if n == 2 {
			word := inet.UpdateChecksum(binary.BigEndian.Uint16(b[2:]), uint16(old[0])<<8|uint16(old[1]), binary.BigEndian.Uint16(b[at:]))
			if word != check {
				t.Fatalf("%#04x for a word, %#04x for two bytes", word, check)
			}
		}
		binary.BigEndian.PutUint16(b[2:], check)
		if inet.Checksum(b, 0) != 0 {
			t.Fatalf("%d bytes at %d of %d: checksum %#04x is wrong", n, at, len(b), check)
		}
	}
}

// Every TTL, and identifications that move the checksum through all its
// values: the incremental update equals the full computation.
func TestDecrementTTLv4(t *testing.T) {
	for id := 0; id < 0x10000; id += 0x29 {
		h := inet.IPv4{ID: uint16(id), TTL: uint8(id%254) + 2, Proto: uint8(id >> 4), Src: addr("10.0.0.1"), Dst: addr("10.0.0.2")}
		got, err := h.AppendTo(nil, 0)
		noError(t, err)
		if !inet.DecrementTTL(got) {
			t.Fatalf("TTL %d has expired", h.TTL)
		}
		h.TTL--
		want, err := h.AppendTo(nil, 0)
		noError(t, err)
		// 0x0000 and 0xffff are the same sum; neither is told apart by a receiver.
		if _, _, err := inet.ParseIPv4(got); err != nil {
			t.Fatalf("%+v: %v", h, err)
		}
		got[10], got[11], want[10], want[11] = 0, 0, 0, 0
		sameBytes(t, "header", got, want)
	}
}

func TestDecrementTTL(t *testing.T) {
	v4 := unhex(t, "4500 0014 0000 0000 0211 0000 0a000001 0a000002")
	v6 := append(unhex(t, "6000 0000 0000 3b02"), make([]byte, 32)...)
	for _, b := range [][]byte{v4, v6} {
		if !inet.DecrementTTL(b) {
			t.Error("2 has expired")
		}
		if inet.DecrementTTL(b) {
			t.Error("1 has not expired")
		}
	}
	for name, b := range map[string][]byte{
		"empty": nil, "short IPv4": v4[:19], "short IPv6": v6[:39],
		"no IP": make([]byte, 40), "TTL 0": broken(v4, set(8, 0)), "hop limit 0": broken(v6, set(7, 0)),
	} {
		before := string(b)
		if inet.DecrementTTL(b) || string(b) != before {
			t.Errorf("%s: decremented", name)
		}
	}
}

func TestPseudoHeaderOfMixedFamilies(t *testing.T) {
	// Not a packet that exists; it must not panic, whatever it gives.
	inet.PseudoHeaderSum(addr("10.0.0.1"), addr("fe80::1"), 17, 8)
	defer func() {
		if recover() != nil {
			t.Error("PseudoHeaderSum panics on an invalid address")
		}
	}()
	inet.PseudoHeaderSum(netip.Addr{}, netip.Addr{}, 17, 8)
}
