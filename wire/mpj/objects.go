package mpj

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/mpstack/mpstack/stack/winsock"
	"github.com/mpstack/mpstack/wire/object"
)

// Each object has a decoder, which takes a body of a length that the table
// allows, and an encoder, which appends the body. checkValue holds the rules
// for values that both apply.

func decodeIntegrity(m *Message, body []byte) error {
	m.Integrity = body
	return m.checkValue(HasIntegrity)
}

func encodeIntegrity(m *Message, b []byte) []byte { return append(b, m.Integrity...) }

func decodeTarget(m *Message, body []byte) error {
	m.Target, _ = endpointOf(body)
	return m.checkValue(HasTarget)
}

func encodeTarget(m *Message, b []byte) []byte { return appendEndpoint(b, m.Target, 0) }

func decodeCaller(m *Message, body []byte) error {
	m.Caller, _ = endpointOf(body)
	return m.checkValue(HasCaller)
}

func encodeCaller(m *Message, b []byte) []byte { return appendEndpoint(b, m.Caller, 0) }

func decodeRole(m *Message, body []byte) error {
	m.Role = Role{ControlRole(body[0]), DataRole(body[1]), Planes(body[2]), Direction(body[3])}
	return m.checkValue(HasRole)
}

func encodeRole(m *Message, b []byte) []byte {
	return append(b, byte(m.Role.Control), byte(m.Role.Data), byte(m.Role.Planes), byte(m.Role.JL))
}

func decodeQOS(m *Message, body []byte) error {
	m.QOS = QOS{Sending: flowSpecOf(body), Receiving: flowSpecOf(body[qosLen/2:])}
	return nil
}

func encodeQOS(m *Message, b []byte) []byte {
	for _, f := range [...]winsock.FlowSpec{m.QOS.Sending, m.QOS.Receiving} {
		for _, w := range f.Words() {
			b = binary.BigEndian.AppendUint32(b, w)
		}
	}
	return b
}

func flowSpecOf(body []byte) winsock.FlowSpec {
	var w [8]uint32
	for i := range w {
		w[i] = binary.BigEndian.Uint32(body[4*i:])
	}
	return winsock.FlowSpecOf(w)
}

func decodeCallerData(m *Message, body []byte) (err error) {
	m.CallerData, err = dataOf(body)
	return err
}

func encodeCallerData(m *Message, b []byte) []byte { return appendData(b, m.CallerData) }

func decodeCalleeData(m *Message, body []byte) (err error) {
	m.CalleeData, err = dataOf(body)
	return err
}

func encodeCalleeData(m *Message, b []byte) []byte { return appendData(b, m.CalleeData) }

func decodeSideData(m *Message, body []byte) (err error) {
	m.SideData, err = dataOf(body)
	return err
}

func encodeSideData(m *Message, b []byte) []byte { return appendData(b, m.SideData) }

// dataOf returns the bytes of a USER_DATA object, never nil. Its length must
// be the body's but for less than 4 bytes of zeros.
func dataOf(body []byte) ([]byte, error) {
	n := int(binary.BigEndian.Uint16(body))
	end := dataHeadLen + n
	if (end+3)&^3 != len(body) {
		return nil, fmt.Errorf("length %d in a body of %d bytes: %w", n, len(body), object.ErrLength)
	}
	for _, c := range body[end:] {
		if c != 0 {
			return nil, fmt.Errorf("padding: %w", ErrZero)
		}
	}
	return body[dataHeadLen:end:end], nil
}

func appendData(b, data []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(data)))
	b = append(append(b, 0, 0), data...)
	for range -len(data) & 3 {
		b = append(b, 0)
	}
	return b
}

func decodeJoinLimits(m *Message, body []byte) error {
	m.JoinLimits = JoinLimits{RemainingMS: binary.BigEndian.Uint32(body), CalleeRoom: binary.BigEndian.Uint16(body[4:])}
	return nil
}

func encodeJoinLimits(m *Message, b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, m.JoinLimits.RemainingMS)
	b = binary.BigEndian.AppendUint16(b, m.JoinLimits.CalleeRoom)
	return append(b, 0, 0)
}

func decodeSession(m *Message, body []byte) error {
	group, last := endpointOf(body)
	m.Session = Session{Group: group, TTL: uint8(last >> 8), Mode: Mode(last & 0xff)}
	return m.checkValue(HasSession)
}

func encodeSession(m *Message, b []byte) []byte {
	return appendEndpoint(b, m.Session.Group, uint16(m.Session.TTL)<<8|uint16(m.Session.Mode))
}

func decodeRootData(m *Message, body []byte) error {
	m.RootData, _ = endpointOf(body)
	return m.checkValue(HasRootData)
}

func encodeRootData(m *Message, b []byte) []byte { return appendEndpoint(b, m.RootData, 0) }

func decodeTimers(m *Message, body []byte) error {
	m.Timers = Timers{HelloMS: binary.BigEndian.Uint32(body), HoldMS: binary.BigEndian.Uint32(body[4:])}
	return m.checkValue(HasTimers)
}

func encodeTimers(m *Message, b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, m.Timers.HelloMS)
	return binary.BigEndian.AppendUint32(b, m.Timers.HoldMS)
}

func decodeCookie(m *Message, body []byte) error {
	m.Cookie = body
	return nil
}

func encodeCookie(m *Message, b []byte) []byte { return append(b, m.Cookie...) }

func decodeReason(m *Message, body []byte) error {
	m.Reason = Reason{Code: Code(binary.BigEndian.Uint16(body)), Errno: winsock.Errno(binary.BigEndian.Uint32(body[4:]))}
	return m.checkValue(HasReason)
}

func encodeReason(m *Message, b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(m.Reason.Code))
	b = append(b, 0, 0)
	return binary.BigEndian.AppendUint32(b, uint32(m.Reason.Errno))
}

func decodeReservation(m *Message, body []byte) error {
	node, _ := netip.AddrFromSlice(body[4:])
	m.Reservation = Reservation{Code: body[0], Flags: body[1], Value: binary.BigEndian.Uint16(body[2:]), Node: node}
	return m.checkValue(HasReservation)
}

func encodeReservation(m *Message, b []byte) []byte {
	b = append(b, m.Reservation.Code, m.Reservation.Flags)
	b = binary.BigEndian.AppendUint16(b, m.Reservation.Value)
	return append(b, m.Reservation.Node.AsSlice()...)
}

func decodePad(m *Message, body []byte) error {
	m.PadLen = len(body)
	return nil
}

func encodePad(m *Message, b []byte) []byte {
	for range (m.PadLen + 3) &^ 3 {
		b = append(b, 0)
	}
	return b
}

// endpointOf reads an address, a port and the two bytes that follow.
func endpointOf(body []byte) (netip.AddrPort, uint16) {
	n := len(body) - 4
	addr, _ := netip.AddrFromSlice(body[:n])
	return netip.AddrPortFrom(addr, binary.BigEndian.Uint16(body[n:])), binary.BigEndian.Uint16(body[n+2:])
}

func appendEndpoint(b []byte, ap netip.AddrPort, last uint16) []byte {
	if ap.Addr().Is4() {
		a := ap.Addr().As4()
		b = append(b, a[:]...)
	} else {
		a := ap.Addr().As16()
		b = append(b, a[:]...)
	}
	b = binary.BigEndian.AppendUint16(b, ap.Port())
	return binary.BigEndian.AppendUint16(b, last)
}

// checkValue checks the value of one object.
func (m *Message) checkValue(bit Present) error {
	switch bit {
	case HasIntegrity:
		if len(m.Integrity) > 1 && m.Integrity[1] != 0 {
			return fmt.Errorf("second byte: %w", ErrZero)
		}
		return multipleOf4(m.Integrity)
	case HasTarget:
		return checkUnicast(m.Target)
	case HasCaller:
		return checkUnicast(m.Caller)
	case HasRole:
		return m.Role.check()
	case HasCookie:
		return multipleOf4(m.Cookie)
	case HasSession:
		return m.Session.check()
	case HasRootData:
		return checkUnicast(m.RootData)
	case HasTimers:
		if m.Timers.HelloMS == 0 || m.Timers.HoldMS < m.Timers.HelloMS {
			return fmt.Errorf("interval %d ms, hold %d ms: %w", m.Timers.HelloMS, m.Timers.HoldMS, ErrValue)
		}
	case HasReason:
		if m.Reason.Code == 0 {
			return fmt.Errorf("code 0: %w", ErrValue)
		}
	case HasReservation:
		return checkAddr(m.Reservation.Node)
	}
	return nil
}

// check checks a session: a port, a known mode, and a multicast group where
// the data goes to one.
func (s Session) check() error {
	switch {
	case s.Mode != Multicast && s.Mode != UnicastCopies:
		return fmt.Errorf("mode %d: %w", s.Mode, ErrValue)
	case s.Group.Port() == 0:
		return fmt.Errorf("port 0: %w", ErrValue)
	case s.Mode == Multicast && !s.Group.Addr().IsMulticast():
		return fmt.Errorf("group %v: %w", s.Group.Addr(), ErrValue)
	}
	return checkAddr(s.Group.Addr())
}

// checkUnicast checks an address and port that one socket can have.
func checkUnicast(ap netip.AddrPort) error {
	a := ap.Addr()
	if ap.Port() == 0 || a.IsUnspecified() || a.IsMulticast() {
		return fmt.Errorf("%v: %w", ap, ErrValue)
	}
	return checkAddr(a)
}

// checkAddr checks that an address has the one form that the wire knows: no
// zone, no IPv4 inside IPv6.
func checkAddr(a netip.Addr) error {
	if !a.IsValid() || a.Zone() != "" || a.Is4In6() {
		return fmt.Errorf("address %v: %w", a, ErrValue)
	}
	return nil
}

func multipleOf4(b []byte) error {
	if len(b)%4 != 0 {
		return fmt.Errorf("%d bytes, not a multiple of 4: %w", len(b), object.ErrLength)
	}
	return nil
}
