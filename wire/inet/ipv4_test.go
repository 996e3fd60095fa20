package inet_test

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"

	"github.com/mpstack/mpstack/wire/inet"
)

// fixSum sets the checksum of the IPv4 header in b, of the length it claims.
func fixSum(b []byte) []byte {
	n := min(int(b[0]&15)*4, len(b))
	b[10], b[11] = 0, 0
	binary.BigEndian.PutUint16(b[10:], reference(b[:n], 0))
	return b
}

// raw reads the options that a test expects to be kept.
func raw(t *testing.T, s string) []byte {
	if s == "" {
		return nil
	}
	return unhex(t, s)
}

func TestIPv4Bytes(t *testing.T) {
	tests := []struct {
		name    string
		h       inet.IPv4
		built   bool // the options are what AppendTo builds: encode without them too
		options string
		payload string
		hex     string
	}{
		{"UDP with DF",
			inet.IPv4{ID: 0x1234, DF: true, TTL: 64, Proto: inet.ProtoUDP, Src: addr("10.0.0.1"), Dst: addr("10.0.0.2"), TotalLen: 33},
			false, "", "1388cbed000dc88968656c6c6f",
			"4500 0021 1234 4000 4011 1496 0a000001 0a000002"},
		{"IGMP with Router Alert",
			inet.IPv4{TOS: 0xc0, DF: true, TTL: 1, Proto: inet.ProtoIGMP, Src: addr("10.0.0.2"), Dst: addr("224.0.0.22"), RouterAlert: true, TotalLen: 32},
			true, "94040000", "1600f9fcef010101",
			"46c0 0020 0000 4000 0102 f9ff 0a000002 e0000016 94040000"},
		{"a Router Alert of another value",
			inet.IPv4{TTL: 255, Proto: inet.ProtoRSVP, Src: addr("10.0.0.1"), Dst: addr("10.0.0.9"), RouterAlert: true, RouterAlertValue: 5, TotalLen: 24},
			true, "94040005", "",
			"4600 0018 0000 0000 ff2e 12a5 0a000001 0a000009 94040005"},
		{"padding before Router Alert, and after",
			inet.IPv4{TTL: 9, Proto: 46, Src: addr("10.0.0.1"), Dst: addr("10.0.0.9"), RouterAlert: true, TotalLen: 28},
			false, "01 94040000 00 eeee", "", // bytes after End are kept
			"4700 001c 0000 0000 092e a728 0a000001 0a000009 0194040000 00eeee"},
		{"record route",
			inet.IPv4{TTL: 9, Proto: 1, Src: addr("10.0.0.1"), Dst: addr("10.0.0.9"), TotalLen: 28},
			false, "07 07 04 00000000 00", "",
			"4700 001c 0000 0000 0901 90d1 0a000001 0a000009 07070400 00000000"},
		{"middle fragment with the reserved flag",
			inet.IPv4{ID: 0xffff, Reserved: true, MF: true, FragOffset: 65528, TTL: 1, Proto: 17, Src: addr("0.0.0.0"), Dst: addr("255.255.255.255"), TotalLen: 28},
			false, "", "0000000000000000",
			"4500 001c ffff bfff 0111 f9d2 00000000 ffffffff"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			payload := unhex(t, tt.payload)
			header := unhex(t, tt.hex)
			tt.h.Options = raw(t, tt.options)
			encode := func(b []byte) ([]byte, error) { return tt.h.AppendTo(b, len(payload)) }
			sameBytes(t, "encoded", appended(t, encode), header)
			if tt.h.WireLen() != len(header) {
				t.Errorf("WireLen %d, want %d", tt.h.WireLen(), len(header))
			}
			packet := append(header, payload...)
			got, rest, err := inet.ParseIPv4(append(packet, 0xaa)) // a byte of padding
			noError(t, err)
			same(t, "decoded", got, tt.h)
			sameBytes(t, "payload", rest, payload)
			if tt.built {
				tt.h.Options = nil
				sameBytes(t, "built", appended(t, encode), header)
				if tt.h.WireLen() != len(header) {
					t.Errorf("WireLen %d, want %d", tt.h.WireLen(), len(header))
				}
			}
		})
	}
}

// The checksums of two headers were computed by others: that of the UDP packet
// is also in tshark's reading of it.
func TestIPv4ChecksumBytes(t *testing.T) {
	for _, s := range []string{
		"4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7",
		"4500 0021 1234 4000 4011 1496 0a00 0001 0a00 0002",
		"46c0 0034 0000 4000 0102 f9eb 0a00 0002 e000 0016 9404 0000",
	} {
		b := unhex(t, s)
		b = append(b, make([]byte, int(b[3])-len(b))...)
		h, payload, err := inet.ParseIPv4(b)
		noError(t, err)
		out, err := h.AppendTo(nil, len(payload))
		noError(t, err)
		sameBytes(t, "encoded again", out, b[:len(out)])
	}
}

func TestIPv4Errors(t *testing.T) {
	good := fixSum(unhex(t, "4500 001c 0000 0000 4011 0000 0a000001 0a000002 1122334455667788"))
	long := fixSum(unhex(t, "4600 0018 0000 0000 4011 0000 0a000001 0a000002 94040000"))
	option := func(s string) []byte {
		return fixSum(append(append([]byte(nil), long[:20]...), unhex(t, s)...))
	}
	tests := []struct {
		name   string
		b      []byte
		field  string
		offset int
		err    error
		kept   bool // header and payload are returned
	}{
		{"empty", nil, "header", 0, inet.ErrTruncated, false},
		{"19 bytes", good[:19], "header", 19, inet.ErrTruncated, false},
		{"version 6", broken(good, set(0, 0x65)), "version", 0, inet.ErrVersion, false},
		{"header of 16 bytes", broken(good, set(0, 0x44)), "header length", 0, inet.ErrLength, false},
		{"header past the end", broken(long, cut(20)), "header length", 0, inet.ErrTruncated, false},
		{"total length below the header's", fixSum(broken(long, set(3, 23))), "total length", 2, inet.ErrLength, false},
		{"total length past the end", broken(good, cut(27)), "total length", 2, inet.ErrTruncated, true},
		{"checksum", broken(good, set(8, 63)), "header checksum", 10, inet.ErrChecksum, true},
		{"option without length", option("01010194"), "options", 23, inet.ErrTruncated, false},
		{"option past the end", option("01019404"), "options", 22, inet.ErrTruncated, false},
		{"option of length 0", option("94000000"), "options", 20, inet.ErrLength, false},
		{"option of length 1", option("01940100"), "options", 21, inet.ErrLength, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, payload, err := inet.ParseIPv4(tt.b)
			wantDecodeError(t, err, "ipv4", tt.field, tt.offset, tt.err)
			if h.Src.IsValid() != tt.kept || (payload != nil) != tt.kept {
				t.Errorf("header %+v, payload % x", h, payload)
			}
			if tt.kept && len(payload) != len(tt.b)-20 {
				t.Errorf("payload of %d bytes", len(payload))
			}
		})
	}
}

func TestIPv4TwoByteOption(t *testing.T) {
	// Legal, if rare: an option of 2 bytes has no data.
	b := fixSum(unhex(t, "4600 0018 0000 0000 4011 0000 0a000001 0a000002 8802 9402"))
	h, _, err := inet.ParseIPv4(b)
	noError(t, err)
	if h.RouterAlert {
		t.Error("a Router Alert without a value counts")
	}
	sameBytes(t, "options", h.Options, unhex(t, "88029402"))
}

func TestNextIPv4Option(t *testing.T) {
	rest := unhex(t, "01 94040007 8803ff 00 99")
	want := []inet.Option{{Type: 1}, {Type: 148, Data: []byte{0, 7}}, {Type: 0x88, Data: []byte{0xff}}, {Type: 0}}
	for i, w := range want {
		var o inet.Option
		var err error
		o, rest, err = inet.NextIPv4Option(rest)
		noError(t, err)
		same(t, "option", o, w)
		if i == len(want)-1 && len(rest) != 1 {
			t.Errorf("%d bytes left", len(rest))
		}
	}
	if _, _, err := inet.NextIPv4Option(nil); !errors.Is(err, inet.ErrTruncated) {
		t.Errorf("no option: %v", err)
	}
}

func TestIPv4Refuses(t *testing.T) {
	good := inet.IPv4{TTL: 1, Src: addr("10.0.0.1"), Dst: addr("10.0.0.2")}
	tests := []struct {
		name    string
		change  func(h *inet.IPv4)
		payload int
		err     error
	}{
		{"no source", func(h *inet.IPv4) { h.Src = netip.Addr{} }, 0, inet.ErrAddress},
		{"IPv6 source", func(h *inet.IPv4) { h.Src = addr("fe80::1") }, 0, inet.ErrAddress},
		{"mapped destination", func(h *inet.IPv4) { h.Dst = addr("::ffff:10.0.0.1") }, 0, inet.ErrAddress},
		{"offset below 0", func(h *inet.IPv4) { h.FragOffset = -8 }, 0, inet.ErrRange},
		{"odd offset", func(h *inet.IPv4) { h.FragOffset = 12 }, 0, inet.ErrRange},
		{"offset too great", func(h *inet.IPv4) { h.FragOffset = 65536 }, 0, inet.ErrRange},
		{"3 bytes of options", func(h *inet.IPv4) { h.Options = make([]byte, 3) }, 0, inet.ErrLength},
		{"44 bytes of options", func(h *inet.IPv4) { h.Options = make([]byte, 44) }, 0, inet.ErrTooLong},
		{"negative payload", func(h *inet.IPv4) {}, -1, inet.ErrRange},
		{"70000 bytes", func(h *inet.IPv4) {}, 70000, inet.ErrTooLong},
		{"65536 bytes in all", func(h *inet.IPv4) { h.RouterAlert = true }, 65536 - 24, inet.ErrTooLong},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := good
			tt.change(&h)
			wantRefused(t, func(b []byte) ([]byte, error) { return h.AppendTo(b, tt.payload) }, tt.err)
		})
	}
	good.RouterAlert = true
	if _, err := good.AppendTo(nil, 65535-24); err != nil {
		t.Errorf("65535 bytes in all: %v", err)
	}
}

func TestIPv4Fragment(t *testing.T) {
	for _, tt := range []struct {
		h    inet.IPv4
		want bool
	}{{inet.IPv4{}, false}, {inet.IPv4{DF: true}, false}, {inet.IPv4{MF: true}, true}, {inet.IPv4{FragOffset: 8}, true}} {
		if tt.h.Fragment() != tt.want {
			t.Errorf("%+v: %v", tt.h, tt.h.Fragment())
		}
	}
}

func TestPayloadCannotGrowIntoInput(t *testing.T) {
	b := fixSum(unhex(t, "4600 001a 0000 0000 4011 0000 0a000001 0a000002 94040000 aabb"))
	b = append(b, 0xcc)
	h, payload, err := inet.ParseIPv4(b)
	noError(t, err)
	_ = append(h.Options, 0)
	_ = append(payload, 0)
	if b[24] != 0xaa || b[26] != 0xcc {
		t.Error("appending to a part changed the input behind it")
	}
}
