package rsvp

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/mpstack/mpstack/wire/object"
)

// SessionFlags are the flags of a SESSION object (RFC 2205 A.1).
type SessionFlags uint8

// EPolice says, in a Path message, that no node before could police the
// traffic (RFC 2205 section 3.8).
const EPolice SessionFlags = 0x01

// Session is the SESSION object: class 1, C-Type 1 or 2 (RFC 2205 A.1). With
// Flags zero it is comparable and names a session.
type Session struct {
	Dst     netip.Addr // unicast or multicast destination
	Proto   uint8      // IP protocol of the data; not zero
	Flags   SessionFlags
	DstPort uint16 // 0 where the protocol has no ports
}

// Key returns s without flags: what names the session.
func (s Session) Key() Session {
	s.Flags = 0
	return s
}

// String returns "destination/protocol:port".
func (s Session) String() string { return fmt.Sprintf("%v/%d:%d", s.Dst, s.Proto, s.DstPort) }

// WireLen returns the length of the object.
func (s Session) WireLen() int { return object.HeaderLen + addrLen(s.Dst) + 4 }

// AppendTo appends the object. It fails without a destination or protocol.
func (s Session) AppendTo(b []byte) ([]byte, error) {
	if !s.Dst.IsValid() || s.Proto == 0 {
		return b, failf("SESSION", len(b), ErrValue, "%v", s)
	}
	start := len(b)
	b = appendAddr(beginAddr(b, ClassSession, s.Dst), s.Dst)
	b = append(b, s.Proto, uint8(s.Flags))
	return object.End(binary.BigEndian.AppendUint16(b, s.DstPort), start)
}

func parseSession(m *Message, body []byte) *object.DecodeError {
	a, rest := takeAddr(body, 4)
	m.Session = Session{Dst: a, Proto: rest[0], Flags: SessionFlags(rest[1]), DstPort: binary.BigEndian.Uint16(rest[2:])}
	switch {
	case a.IsUnspecified():
		return fail("SESSION DestAddress", 0, ErrValue)
	case m.Session.Proto == 0:
		return fail("SESSION Protocol Id", len(body)-4, ErrValue)
	}
	return nil
}
