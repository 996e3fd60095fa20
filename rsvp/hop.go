package rsvp

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/mpstack/mpstack/wire/object"
)

// Hop is the RSVP_HOP object: class 3, C-Type 1 or 2 (RFC 2205 A.2), or 3 or 4
// (RFC 3473 section 8.1.1). Going downstream it is the previous hop (PHOP),
// going upstream the next hop (NHOP).
type Hop struct {
	Addr netip.Addr // of the interface through which the message was sent
	// LIH is the logical interface handle. The sender of a Path chooses it;
	// messages back carry it unchanged. 0 is none.
	LIH uint32
	// IFID says that the object is an IF_ID RSVP_HOP: C-Type 3 or 4. Its TLVs
	// are Message.HopTLVs.
	IFID bool
}

// String returns "address lih N".
func (h Hop) String() string { return fmt.Sprintf("%v lih %d", h.Addr, h.LIH) }

// CType returns the C-Type in which h is sent.
func (h Hop) CType() uint8 { return ifidCType(h.Addr, h.IFID) }

// WireLen returns the length of the object, TLVs aside.
func (h Hop) WireLen() int { return object.HeaderLen + addrLen(h.Addr) + 4 }

// AppendTo appends the object without TLVs. It fails without an address.
func (h Hop) AppendTo(b []byte) ([]byte, error) { return h.appendWith(b, nil) }

func (h Hop) appendWith(b, tlvs []byte) ([]byte, error) {
	if !h.Addr.IsValid() {
		return b, fail("RSVP_HOP", len(b), ErrValue)
	}
	start := len(b)
	b = appendAddr(object.Begin(b, uint8(ClassHop), h.CType()), h.Addr)
	b = binary.BigEndian.AppendUint32(b, h.LIH)
	return endTLVs(b, start, h.IFID, tlvs)
}

func parseHop(m *Message, ctype uint8, body []byte) *object.DecodeError {
	a, rest := splitAddr(body, ctype%2 == 0)
	m.Hop = Hop{Addr: a, LIH: binary.BigEndian.Uint32(rest), IFID: ctype > 2}
	m.HopTLVs = rest[4:]
	if a.IsUnspecified() || a.IsMulticast() {
		return failf("RSVP_HOP", 0, ErrValue, "address %v", a)
	}
	return checkTLVs(body, len(body)-len(m.HopTLVs), "RSVP_HOP TLV")
}

// ifidCType returns the C-Type of an object that has an IF_ID form: 1 and 2
// without, 3 and 4 with TLVs.
func ifidCType(a netip.Addr, ifid bool) uint8 {
	c := addrCType(a)
	if ifid {
		c += 2
	}
	return c
}

// endTLVs ends an object with its TLVs, which must be well formed and go with
// the IF_ID form only.
func endTLVs(b []byte, start int, ifid bool, tlvs []byte) ([]byte, error) {
	if !ifid && len(tlvs) > 0 {
		return b[:start], failf("TLVs", start, ErrNotAllowed, "in C-Type %d", b[start+3])
	}
	if err := checkTLVs(tlvs, 0, "TLV"); err != nil {
		return b[:start], err
	}
	return object.End(append(b, tlvs...), start)
}
