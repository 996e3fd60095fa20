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

// SessionKind is what a SESSION names its flows by.
type SessionKind uint8

// Kinds of sessions.
const (
	SessionPorts     SessionKind = iota // destination, protocol and port (RFC 2205)
	SessionGPI                          // destination, protocol and virtual port, for IPsec (RFC 2207)
	SessionTunnel                       // LSP tunnel (RFC 3209)
	SessionAggregate                    // deaggregator and DSCP (RFC 3175)
	SessionGeneric                      // deaggregator, PHB and virtual ports (RFC 4860)
)

// sessionCTypes gives each kind's C-Type for IPv4; that for IPv6 is one more.
var sessionCTypes = [...]uint8{SessionPorts: 1, SessionGPI: 3, SessionTunnel: 7, SessionAggregate: 9, SessionGeneric: 17}

var sessionKindNames = [...]string{"ports", "GPI", "LSP tunnel", "aggregate", "generic aggregate"}

// String returns the kind's name.
func (k SessionKind) String() string {
	if int(k) < len(sessionKindNames) {
		return sessionKindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Takes reports whether senders of a session of kind k are named by filters of
// kind f (RFC 2207 section 4.1, RFC 3209 section 4.6, RFC 4860 section 3.1).
func (k SessionKind) Takes(f FilterKind) bool {
	switch k {
	case SessionPorts:
		return f == FilterPort || f == FilterLabel
	case SessionGPI:
		return f == FilterGPI
	case SessionTunnel:
		return f == FilterTunnel
	}
	return f == FilterAggregate
}

// Session is the SESSION object: class 1 (RFC 2205 A.1 and the RFCs at
// SessionKind). With Flags zero it is comparable and names a session. Kind says
// which members count; the others are zero.
type Session struct {
	Dst     netip.Addr   // unicast or multicast destination; end point of the tunnel; deaggregator
	Proto   uint8        // SessionPorts, SessionGPI: IP protocol of the data; not zero
	Flags   SessionFlags // all but SessionTunnel
	DstPort uint16       // port, 0 where the protocol has none; virtual port; SessionTunnel: Tunnel ID
	Kind    SessionKind
	PHB     uint16 // SessionAggregate: DSCP; SessionGeneric: PHB-ID
	// Extended is the Extended Tunnel ID or extended virtual port, in the first
	// 4 bytes for IPv4.
	Extended [16]byte
}

// Key returns s without flags: what names the session.
func (s Session) Key() Session {
	s.Flags = 0
	return s
}

// CType returns the C-Type in which s is sent.
func (s Session) CType() uint8 {
	c := sessionCTypes[s.Kind]
	if s.Dst.Is4() {
		return c
	}
	return c + 1
}

// String returns "destination/protocol:port"; sessions of other kinds than
// ports say so.
func (s Session) String() string {
	switch s.Kind {
	case SessionPorts:
		return fmt.Sprintf("%v/%d:%d", s.Dst, s.Proto, s.DstPort)
	case SessionGPI:
		return fmt.Sprintf("%v/%d:%d GPI", s.Dst, s.Proto, s.DstPort)
	case SessionTunnel:
		return fmt.Sprintf("%v tunnel %d extended %x", s.Dst, s.DstPort, s.extended())
	case SessionAggregate:
		return fmt.Sprintf("%v aggregate DSCP %d", s.Dst, s.PHB)
	case SessionGeneric:
		return fmt.Sprintf("%v aggregate PHB %#x port %d extended %x", s.Dst, s.PHB, s.DstPort, s.extended())
	}
	return fmt.Sprintf("%v %v", s.Dst, s.Kind)
}

// extended returns the bytes of Extended that count.
func (s *Session) extended() []byte { return s.Extended[:addrLen(s.Dst)] }

// WireLen returns the length of the object.
func (s Session) WireLen() int {
	n := object.HeaderLen + addrLen(s.Dst) + 4
	switch s.Kind {
	case SessionTunnel:
		n += addrLen(s.Dst)
	case SessionGeneric:
		n += 4 + addrLen(s.Dst)
	}
	return n
}

// valid reports whether s can be sent.
func (s Session) valid() bool {
	switch s.Kind {
	case SessionPorts:
		return s.Dst.IsValid() && s.Proto != 0
	case SessionGPI:
		return s.Dst.IsValid() && s.Proto != 0 && s.DstPort != 0
	case SessionAggregate:
		return s.Dst.IsValid() && s.PHB <= 0xff
	}
	return s.Dst.IsValid() && s.Kind <= SessionGeneric
}

// AppendTo appends the object. It fails without a destination or, where the
// kind needs it, protocol or virtual port.
func (s Session) AppendTo(b []byte) ([]byte, error) {
	if !s.valid() {
		return b, failf("SESSION", len(b), ErrValue, "%v", s)
	}
	start := len(b)
	return object.End(s.appendBody(object.Begin(b, uint8(ClassSession), s.CType())), start)
}

func (s Session) appendBody(b []byte) []byte {
	b = appendAddr(b, s.Dst)
	be := binary.BigEndian
	switch s.Kind {
	case SessionTunnel:
		b = be.AppendUint16(append(b, 0, 0), s.DstPort)
		return append(b, s.extended()...)
	case SessionAggregate:
		return append(b, 0, uint8(s.Flags), 0, uint8(s.PHB))
	case SessionGeneric:
		b = be.AppendUint16(append(b, 0, uint8(s.Flags)), s.PHB)
		b = be.AppendUint16(append(b, 0, 0), s.DstPort)
		return append(b, s.extended()...)
	}
	return be.AppendUint16(append(b, s.Proto, uint8(s.Flags)), s.DstPort)
}

// sessionForms is the opposite of sessionCTypes.
var sessionForms = [...]SessionKind{
	1: SessionPorts, 2: SessionPorts, 3: SessionGPI, 4: SessionGPI, 7: SessionTunnel, 8: SessionTunnel,
	9: SessionAggregate, 10: SessionAggregate, 17: SessionGeneric, 18: SessionGeneric,
}

func parseSession(m *Message, ctype uint8, body []byte) (err *object.DecodeError) {
	kind := sessionForms[ctype]
	m.Session, err = sessionFrom(kind, ctype != sessionCTypes[kind], body)
	return err
}

// sessionFrom reads a body whose length fits. A virtual port of 0 is illegal in
// a GPI session (RFC 2207 section 4.1).
func sessionFrom(kind SessionKind, v6 bool, body []byte) (Session, *object.DecodeError) {
	a, rest := splitAddr(body, v6)
	s, at := Session{Kind: kind, Dst: a}, len(body)-len(rest)
	if a.IsUnspecified() {
		return Session{}, fail("SESSION DestAddress", 0, ErrValue)
	}
	be := binary.BigEndian
	switch kind {
	case SessionTunnel:
		s.DstPort = be.Uint16(rest[2:])
		copy(s.Extended[:], rest[4:])
		return s, nil
	case SessionAggregate:
		s.Flags, s.PHB = SessionFlags(rest[1]), uint16(rest[3])
		return s, nil
	case SessionGeneric:
		s.Flags, s.PHB, s.DstPort = SessionFlags(rest[1]), be.Uint16(rest[2:]), be.Uint16(rest[6:])
		copy(s.Extended[:], rest[8:])
		return s, nil
	}
	s.Proto, s.Flags, s.DstPort = rest[0], SessionFlags(rest[1]), be.Uint16(rest[2:])
	switch {
	case s.Proto == 0:
		return s, fail("SESSION Protocol Id", at, ErrValue)
	case kind == SessionGPI && s.DstPort == 0:
		return s, fail("SESSION vDstPort", at+2, ErrValue)
	}
	return s, nil
}

// AppendSessionOfInterest appends a SESSION-OF-INTEREST object: class 132,
// C-Type 1 or 2, with a session of kind SessionGeneric (RFC 4860 section 2.2).
func AppendSessionOfInterest(b []byte, s Session) ([]byte, error) {
	if s.Kind != SessionGeneric || !s.valid() {
		return b, failf("SESSION-OF-INTEREST", len(b), ErrValue, "%v", s)
	}
	start := len(b)
	return object.End(s.appendBody(beginAddr(b, ClassSessionOfInterest, s.Dst)), start)
}

// ParseSessionOfInterest returns the session that a SESSION-OF-INTEREST names.
func ParseSessionOfInterest(o object.Object) (Session, error) {
	if err := checkBody(o, ClassSessionOfInterest); err != nil {
		return Session{}, err
	}
	s, err := sessionFrom(SessionGeneric, o.CType == 2, o.Body)
	return s, orNil(err)
}

func checkInterest(_ *Message, ctype uint8, body []byte) *object.DecodeError {
	_, err := sessionFrom(SessionGeneric, ctype == 2, body)
	return err
}
