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

// takeAddr splits the address off a body whose length tells its family: rest is
// how many bytes follow the address.
func takeAddr(body []byte, rest int) (netip.Addr, []byte) {
	if len(body) == 4+rest {
		return netip.AddrFrom4([4]byte(body)), body[4:]
	}
	return netip.AddrFrom16([16]byte(body)), body[16:]
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

// beginAddr appends the header of an object whose C-Type is a's family.
func beginAddr(b []byte, class Class, a netip.Addr) []byte {
	return object.Begin(b, uint8(class), addrCType(a))
}
