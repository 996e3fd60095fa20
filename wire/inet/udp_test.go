package inet_test

import (
	"net/netip"
	"testing"

	"github.com/mpstack/mpstack/wire/inet"
)

var (
	v4a, v4b = addr("10.0.0.1"), addr("10.0.0.2")
	v6a, v6b = addr("2001:db8::1"), addr("2001:db8::2")
)

func TestUDPBytes(t *testing.T) {
	tests := []struct {
		name     string
		src, dst netip.Addr
		u        inet.UDP
		payload  string
		hex      string
	}{
		{"over IPv4", v4a, v4b, inet.UDP{SrcPort: 5000, DstPort: 52205, Checksum: 0xc889, Length: 13},
			"68656c6c6f", "1388 cbed 000d c889 68656c6c6f"},
		{"over IPv6", v6a, v6b, inet.UDP{SrcPort: 5000, DstPort: 52205, Checksum: 0x8117, Length: 13},
			"68656c6c6f", "1388 cbed 000d 8117 68656c6c6f"},
		{"empty", v6a, v6b, inet.UDP{SrcPort: 1, DstPort: 2, Checksum: 0xa466, Length: 8},
			"", "0001 0002 0008 a466"},
		// The sum of pseudo-header and data is 0xffff: the checksum computes to 0.
		{"0 is sent as ffff over IPv4", v4a, v4b, inet.UDP{SrcPort: 1, DstPort: 2, Checksum: 0xffff, Length: 10},
			"ebd4", "0001 0002 000a ffff ebd4"},
		{"0 is sent as ffff over IPv6", v6a, v6b, inet.UDP{SrcPort: 1, DstPort: 2, Checksum: 0xffff, Length: 10},
			"a462", "0001 0002 000a ffff a462"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			payload, wire := unhex(t, tt.payload), unhex(t, tt.hex)
			encode := func(b []byte) ([]byte, error) { return tt.u.AppendTo(b, tt.src, tt.dst, payload) }
			sameBytes(t, "encoded", appended(t, encode), wire)
			got, rest, err := inet.ParseUDP(append(wire, 0xaa), tt.src, tt.dst) // one byte after the length
			noError(t, err)
			same(t, "decoded", got, tt.u)
			sameBytes(t, "payload", rest, payload)
			// Whatever Checksum and Length say, AppendTo computes them.
			tt.u.Checksum, tt.u.Length = 0x1234, 0
			sameBytes(t, "encoded with other values", appended(t, encode), wire)
		})
	}
}

// No payload makes a checksum of 0 on the wire: RFC 768 keeps it for "none".
func TestUDPNeverSendsZero(t *testing.T) {
	for i := range 0x10000 {
		payload := []byte{byte(i >> 8), byte(i)}
		b, err := inet.UDP{SrcPort: 7, DstPort: 9}.AppendTo(nil, v4a, v4b, payload)
		noError(t, err)
		if b[6] == 0 && b[7] == 0 {
			t.Fatalf("payload % x is sent with checksum 0", payload)
		}
		if _, _, err := inet.ParseUDP(b, v4a, v4b); err != nil {
			t.Fatalf("payload % x: %v", payload, err)
		}
	}
}

func TestUDPWithoutChecksum(t *testing.T) {
	b := unhex(t, "0001 0002 0009 0000 ff")
	u, payload, err := inet.ParseUDP(b, v4a, v4b)
	noError(t, err)
	if u.Checksum != 0 || len(payload) != 1 {
		t.Errorf("%+v, payload % x", u, payload)
	}
	u, payload, err = inet.ParseUDP(b, v6a, v6b)
	wantDecodeError(t, err, "udp", "checksum", 6, inet.ErrChecksum)
	if u.Length != 9 || len(payload) != 1 {
		t.Errorf("%+v, payload % x", u, payload)
	}
}

func TestUDPErrors(t *testing.T) {
	good := unhex(t, "1388 cbed 000d c889 68656c6c6f")
	tests := []struct {
		name   string
		b      []byte
		field  string
		offset int
		err    error
		kept   int // bytes of payload returned, -1 for none and no header
	}{
		{"empty", nil, "header", 0, inet.ErrTruncated, -1},
		{"7 bytes", good[:7], "header", 7, inet.ErrTruncated, -1},
		{"length 7", broken(good, set(5, 7)), "length", 4, inet.ErrLength, -1},
		{"length 0", broken(good, set(5, 0)), "length", 4, inet.ErrLength, -1},
		{"cut short", good[:12], "length", 4, inet.ErrTruncated, 4},
		{"bit error", broken(good, set(12, 0x6e)), "checksum", 6, inet.ErrChecksum, 5},
		{"other port", broken(good, set(1, 0x89)), "checksum", 6, inet.ErrChecksum, 5},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			u, payload, err := inet.ParseUDP(tt.b, v4a, v4b)
			wantDecodeError(t, err, "udp", tt.field, tt.offset, tt.err)
			if tt.kept < 0 && (u != inet.UDP{} || payload != nil) || tt.kept >= 0 && (u.Length != 13 || len(payload) != tt.kept) {
				t.Errorf("%+v, payload % x", u, payload)
			}
		})
	}
	_, _, err := inet.ParseUDP(good, v4a, addr("10.0.0.3"))
	wantDecodeError(t, err, "udp", "checksum", 6, inet.ErrChecksum)
	if _, _, err := inet.ParseUDPHeader(broken(good, set(12, 0))); err != nil {
		t.Errorf("ParseUDPHeader looks at the checksum: %v", err)
	}
}

func TestUDPRefuses(t *testing.T) {
	encode := func(src, dst netip.Addr, n int) func([]byte) ([]byte, error) {
		return func(b []byte) ([]byte, error) { return inet.UDP{}.AppendTo(b, src, dst, make([]byte, n)) }
	}
	wantRefused(t, encode(v4a, v4b, inet.MaxUDPPayload+1), inet.ErrTooLong)
	wantRefused(t, encode(v4a, v6b, 0), inet.ErrAddress)
	wantRefused(t, encode(v6a, v4b, 0), inet.ErrAddress)
	wantRefused(t, encode(netip.Addr{}, netip.Addr{}, 0), inet.ErrAddress)
	b, err := encode(v4a, v4b, inet.MaxUDPPayload)(nil)
	noError(t, err)
	if _, payload, err := inet.ParseUDP(b, v4a, v4b); err != nil || len(payload) != inet.MaxUDPPayload {
		t.Errorf("the longest datagram: %d bytes, %v", len(payload), err)
	}
}
