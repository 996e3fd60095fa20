package rsvp

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/mpstack/mpstack/wire/object"
)

// Hop is the RSVP_HOP object: class 3, C-Type 1 or 2 (RFC 2205 A.2). Going
// downstream it is the previous hop (PHOP), going upstream the next hop (NHOP).
type Hop struct {
	Addr netip.Addr // of the interface through which the message was sent
	// LIH is the logical interface handle. The sender of a Path chooses it;
	// messages back carry it unchanged. 0 is none.
	LIH uint32
}

// String returns "address lih N".
func (h Hop) String() string { return fmt.Sprintf("%v lih %d", h.Addr, h.LIH) }

// WireLen returns the length of the object.
func (h Hop) WireLen() int { return object.HeaderLen + addrLen(h.Addr) + 4 }

// AppendTo appends the object. It fails without an address.
func (h Hop) AppendTo(b []byte) ([]byte, error) {
	if !h.Addr.IsValid() {
		return b, fail("RSVP_HOP", len(b), ErrValue)
	}
	start := len(b)
	b = appendAddr(beginAddr(b, ClassHop, h.Addr), h.Addr)
	return object.End(binary.BigEndian.AppendUint32(b, h.LIH), start)
}

func parseHop(m *Message, body []byte) *object.DecodeError {
	a, rest := takeAddr(body, 4)
	m.Hop = Hop{Addr: a, LIH: binary.BigEndian.Uint32(rest)}
	if a.IsUnspecified() || a.IsMulticast() {
		return failf("RSVP_HOP", 0, ErrValue, "address %v", a)
	}
	return nil
}
