package inet

import (
	"fmt"
	"net/netip"
)

// MAC is a 48-bit Ethernet address. It is comparable.
type MAC [6]byte

// Broadcast is the address of all stations. It is not to be changed.
var Broadcast = MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

const hexDigits = "0123456789abcdef"

// ParseMAC reads six pairs of hexadecimal digits separated by colons or, all
// of them, by hyphens.
func ParseMAC(s string) (MAC, error) {
	var m MAC
	if len(s) != 17 || s[2] != ':' && s[2] != '-' {
		return MAC{}, fmt.Errorf("inet: %q is not an Ethernet address", s)
	}
	for i := range m {
		hi, lo := nibble(s[3*i]), nibble(s[3*i+1])
		if hi > 15 || lo > 15 || i < 5 && s[3*i+2] != s[2] {
			return MAC{}, fmt.Errorf("inet: %q is not an Ethernet address", s)
		}
		m[i] = hi<<4 | lo
	}
	return m, nil
}

// nibble returns the value of a hexadecimal digit, or 255.
func nibble(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}

// String returns m as "02:00:00:00:00:01".
func (m MAC) String() string {
	var b [17]byte
	return string(m.appendText(b[:0]))
}

func (m MAC) appendText(b []byte) []byte {
	for i, c := range m {
		if i > 0 {
			b = append(b, ':')
		}
		b = append(b, hexDigits[c>>4], hexDigits[c&15])
	}
	return b
}

// AppendText appends m in the form of String.
func (m MAC) AppendText(b []byte) ([]byte, error) { return m.appendText(b), nil }

// MarshalText returns m in the form of String.
func (m MAC) MarshalText() ([]byte, error) { return m.appendText(nil), nil }

// UnmarshalText reads what ParseMAC reads.
func (m *MAC) UnmarshalText(text []byte) error {
	v, err := ParseMAC(string(text))
	if err == nil {
		*m = v
	}
	return err
}

// IsMulticast reports whether m is a group address; Broadcast is one.
func (m MAC) IsMulticast() bool { return m[0]&1 != 0 }

// IsZero reports whether m is 00:00:00:00:00:00.
func (m MAC) IsZero() bool { return m == MAC{} }

// MulticastMAC returns the group address to which a multicast packet for addr
// is sent: 01:00:5e and the low 23 bits of an IPv4 group (RFC 1112 section
// 6.4), 33:33 and the low 32 bits of an IPv6 group (RFC 2464 section 7). For
// 255.255.255.255 it is Broadcast, and for any other address, which has to be
// resolved instead, the zero MAC. Directed broadcasts are not recognized.
func MulticastMAC(addr netip.Addr) MAC {
	switch {
	case addr.Is4() && addr.IsMulticast():
		a := addr.As4()
		return MAC{0x01, 0x00, 0x5e, a[1] & 0x7f, a[2], a[3]}
	case addr.Is6() && addr.IsMulticast():
		a := addr.As16()
		return MAC{0x33, 0x33, a[12], a[13], a[14], a[15]}
	case addr.Is4() && addr.As4() == [4]byte{255, 255, 255, 255}:
		return Broadcast
	}
	return MAC{}
}

// LinkLocal returns the link-local IPv6 address whose interface identifier is
// the modified EUI-64 of m (RFC 4291 appendix A, RFC 2464 section 5).
func LinkLocal(m MAC) netip.Addr {
	return netip.AddrFrom16([16]byte{
		0xfe, 0x80, 8: m[0] ^ 0x02, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5],
	})
}

// SolicitedNode returns the solicited-node multicast address of an IPv6
// address: ff02::1:ff and its low 24 bits (RFC 4291 section 2.7.1). For an
// address of another family it is the invalid Addr.
func SolicitedNode(addr netip.Addr) netip.Addr {
	if !addr.Is6() {
		return netip.Addr{}
	}
	a := addr.As16()
	return netip.AddrFrom16([16]byte{0: 0xff, 1: 0x02, 11: 0x01, 12: 0xff, 13: a[13], 14: a[14], 15: a[15]})
}
