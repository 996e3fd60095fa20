package rsvp

import (
	"net/netip"

	"github.com/mpstack/mpstack/wire/object"
)

// addrCType returns the C-Type that objects with an address use: 1 for IPv4, 2
// for IPv6.
func addrCType(a netip.Addr) uint8 {
	if a.Is4() {
		return 1
	}
	return 2
}

// addrLen returns the length of a on the wire.
func addrLen(a netip.Addr) int {
	if a.Is4() {
		return 4
	}
	return 16
}

// splitAddr splits the address off a body that is long enough.
func splitAddr(body []byte, v6 bool) (netip.Addr, []byte) {
	if v6 {
		return netip.AddrFrom16([16]byte(body)), body[16:]
	}
	return netip.AddrFrom4([4]byte(body)), body[4:]
}

// appendAddr appends an address without its zone.
func appendAddr(b []byte, a netip.Addr) []byte {
	if a.Is4() {
		v := a.As4()
		return append(b, v[:]...)
	}
	v := a.As16()
	return append(b, v[:]...)
}

// appendAddrOr appends a, or zeros of the family where it is not valid.
func appendAddrOr(b []byte, a netip.Addr, v6 bool) []byte {
	switch {
	case a.IsValid():
		return appendAddr(b, a)
	case v6:
		return append(b, make([]byte, 16)...)
	}
	return append(b, 0, 0, 0, 0)
}

// orNone returns a, or the invalid address where a is unspecified.
func orNone(a netip.Addr) netip.Addr {
	if a.IsUnspecified() {
		return netip.Addr{}
	}
	return a
}

// beginAddr appends the header of an object whose C-Type is a's family.
func beginAddr(b []byte, class Class, a netip.Addr) []byte {
	return object.Begin(b, uint8(class), addrCType(a))
}
