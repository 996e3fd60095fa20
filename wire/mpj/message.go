package mpj

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/mpstack/mpstack/wire/object"
)

// Message is one message. An object counts only where its bit is in Has. The
// byte slices alias the decoder's input; see Clone.
type Message struct {
	Type        Type
	Flags       Flags
	DstTag      uint64 // the receiver's; 0 in a first JOIN
	SrcTag      uint64 // the sender's
	Transaction uint32

	Has Present

	Integrity   []byte // body as RFC 2747 has it
	Target      netip.AddrPort
	Caller      netip.AddrPort
	Role        Role
	QOS         QOS
	CallerData  []byte // at most MaxUserData bytes
	CalleeData  []byte
	SideData    []byte
	JoinLimits  JoinLimits
	Session     Session
	RootData    netip.AddrPort
	Timers      Timers
	Cookie      []byte // a multiple of 4 bytes, at most MaxCookie
	Reason      Reason
	Reservation Reservation
	PadLen      int // zeros in PAD's body; a multiple of 4

	// Unknown holds the objects of unknown classes that need not be understood
	// (class number 128 and up), in their order. They are encoded after the
	// known ones.
	Unknown []object.Object
}

// Parse decodes a message. Its byte slices alias b.
func Parse(b []byte) (Message, error) {
	var m Message
	err := m.Decode(b)
	return m, err
}

// Decode decodes b into m, which loses whatever it held but the memory of
// Unknown. Byte slices alias b. On an error m is empty.
func (m *Message) Decode(b []byte) error {
	*m = Message{Unknown: m.Unknown[:0]}
	err := m.decode(b)
	if err != nil {
		*m = Message{Unknown: m.Unknown[:0]}
	}
	return err
}

func (m *Message) decode(b []byte) error {
	h, rest, err := ParseHeader(b)
	if err != nil {
		return err
	}
	m.Type, m.Flags, m.DstTag, m.SrcTag, m.Transaction = h.Type, h.Flags, h.DstTag, h.SrcTag, h.Transaction
	for len(rest) > 0 {
		offset := len(b) - len(rest)
		var o object.Object
		if o, rest, err = object.Parse(rest); err != nil {
			return decodeError("object", offset, err)
		}
		if err := m.take(o, offset, rest); err != nil {
			return err
		}
	}
	return m.checkObjects()
}

// keep adds an unknown object, with room for those that follow: memory is in
// proportion to the input.
func (m *Message) keep(o object.Object, rest []byte) {
	if len(m.Unknown) == cap(m.Unknown) {
		m.Unknown = slices.Grow(m.Unknown, 1+countUnknown(rest))
	}
	m.Unknown = append(m.Unknown, o)
}

// countUnknown returns how many objects of b, up to the first that is broken,
// are of unknown classes.
func countUnknown(b []byte) (n int) {
	for len(b) > 0 {
		o, rest, err := object.Parse(b)
		if err != nil {
			return n
		}
		if _, known := ObjectInfoOf(o.Class, o.CType); !known {
			n++
		}
		b = rest
	}
	return n
}

// take decodes one object that starts at offset; rest is what follows it.
func (m *Message) take(o object.Object, offset int, rest []byte) error {
	info, known := ObjectInfoOf(o.Class, o.CType)
	switch {
	case !known && object.UnknownPolicy(o.Class) == object.Reject:
		return decodeError("object class", offset+2, fmt.Errorf("%d: %w", o.Class, ErrUnknownClass))
	case !known:
		m.keep(o, rest)
		return nil
	case info == nil:
		return decodeError("object C-Type", offset+3, fmt.Errorf("%d of class %d: %w", o.CType, o.Class, ErrUnknownCType))
	case m.Has&info.Bit != 0:
		return decodeError(info.Name, offset, ErrDuplicate)
	case len(o.Body) < info.MinLen || len(o.Body) > info.MaxLen:
		return decodeError(info.Name, offset, fmt.Errorf("body of %d bytes: %w", len(o.Body), object.ErrLength))
	}
	if err := checkZeros(info, o.Body, offset+object.HeaderLen); err != nil {
		return err
	}
	m.Has |= info.Bit
	if err := info.decode(m, o.Body); err != nil {
		return decodeError(info.Name, offset+object.HeaderLen, err)
	}
	return nil
}

// checkZeros checks the fields of an object that must be zero.
func checkZeros(info *ObjectInfo, body []byte, offset int) error {
	for i := range info.Fields {
		f := &info.Fields[i]
		if f.Kind != KindZero && f.Kind != KindZeros {
			continue
		}
		for j, c := range f.Bytes(body) {
			if c != 0 {
				return decodeError(info.Name+" "+f.Name, offset+f.Offset+j, ErrZero)
			}
		}
	}
	return nil
}

// checkObjects checks which objects the message has, and what they say
// together.
func (m *Message) checkObjects() error {
	info := MessageInfoOf(m.Type)
	if missing := info.Required &^ m.Has; missing != 0 {
		return decodeError(missing.Names(), HeaderLen, fmt.Errorf("%s: %w", info.Name, ErrMissing))
	}
	if extra := m.Has &^ (info.Required | info.Optional); extra != 0 {
		return decodeError(extra.Names(), HeaderLen, fmt.Errorf("%s: %w", info.Name, ErrUnexpected))
	}
	if m.Type == TypeJoin {
		if err := m.checkJoin(); err != nil {
			return err
		}
	}
	if m.Has&HasSession != 0 && m.Has&HasRootData != 0 && m.Session.Group.Addr().Is4() != m.RootData.Addr().Is4() {
		return decodeError("ROOT_DATA", HeaderLen, ErrFamily)
	}
	if m.Has&HasReason != 0 && m.Reason.Code.Message() != m.Type {
		return decodeError("REASON", HeaderLen, fmt.Errorf("%v in %s: %w", m.Reason.Code, info.Name, ErrValue))
	}
	return nil
}

// checkJoin checks a JOIN: one address family, and the session's objects
// exactly where the root asks.
func (m *Message) checkJoin() error {
	if m.Target.Addr().Is4() != m.Caller.Addr().Is4() {
		return decodeError("CALLER", HeaderLen, ErrFamily)
	}
	const ofRoot = HasSession | HasRootData | HasTimers
	if m.Role.Control == ControlLeaf {
		if extra := m.Has & ofRoot; extra != 0 {
			return decodeError(extra.Names(), HeaderLen, fmt.Errorf("JOIN of a leaf: %w", ErrUnexpected))
		}
		return nil
	}
	if missing := m.Role.OfSession() &^ m.Has; missing != 0 {
		return decodeError(missing.Names(), HeaderLen, fmt.Errorf("JOIN of a root: %w", ErrMissing))
	}
	return nil
}

// OfSession returns the objects by which the root tells the leaf the session
// of the planes in r: in ACCEPT where the root was asked, in JOIN where the
// root asks, since the leaf cannot know them. ROOT_DATA belongs to a rooted
// data plane only.
func (r Role) OfSession() Present {
	objects := HasSession | HasTimers
	if r.Planes&RootedData != 0 {
		objects |= HasRootData
	}
	return objects
}

// WireLen returns the length of the message in bytes.
func (m *Message) WireLen() int {
	n := HeaderLen
	for i := range Objects {
		if m.has(&Objects[i]) {
			n += object.HeaderLen + m.bodyLen(&Objects[i])
		}
	}
	for _, o := range m.Unknown {
		n += o.WireLen()
	}
	return n
}

// PadTo adds a PAD that makes the message n bytes long, or takes the PAD away
// where it is too long for one already.
func (m *Message) PadTo(n int) {
	m.Has &^= HasPad
	m.PadLen = 0
	if room := n - m.WireLen() - object.HeaderLen; room >= 0 {
		m.Has |= HasPad
		m.PadLen = room &^ 3
	}
}

// AppendTo appends the message: known objects in the table's order, then the
// unknown ones, then PAD. What would not decode again is an error.
func (m *Message) AppendTo(b []byte) ([]byte, error) {
	start := len(b)
	n := m.WireLen()
	h := Header{Version: Version, Type: m.Type, Flags: m.Flags, Length: uint16(n),
		DstTag: m.DstTag, SrcTag: m.SrcTag, Transaction: m.Transaction}
	if err := h.check(n); err != nil {
		return b, err
	}
	if err := m.checkObjects(); err != nil {
		return b, err
	}
	b = h.appendTo(b)
	var err error
	for i := range Objects {
		if m.has(&Objects[i]) && Objects[i].Bit != HasPad {
			if b, err = m.appendObject(b, &Objects[i]); err != nil {
				return b[:start], err
			}
		}
	}
	for _, o := range m.Unknown {
		if _, known := ObjectInfoOf(o.Class, o.CType); known || object.UnknownPolicy(o.Class) == object.Reject {
			return b[:start], decodeError("object class", len(b)-start, fmt.Errorf("%d: %w", o.Class, ErrUnexpected))
		}
		if b, err = o.AppendTo(b); err != nil {
			return b[:start], err
		}
	}
	if m.Has&HasPad != 0 {
		if b, err = m.appendObject(b, &Objects[len(Objects)-1]); err != nil {
			return b[:start], err
		}
	}
	return b, nil
}

// has reports whether the object of the row is in m: its bit is set, and of
// two address forms it is the one that fits.
func (m *Message) has(info *ObjectInfo) bool {
	if m.Has&info.Bit == 0 {
		return false
	}
	addr, ok := m.addrOf(info.Bit)
	return !ok || addr.Is4() == (info.CType == CTypeIPv4)
}

// addrOf returns the address that chooses an object's C-Type.
func (m *Message) addrOf(bit Present) (netip.Addr, bool) {
	switch bit {
	case HasTarget:
		return m.Target.Addr(), true
	case HasCaller:
		return m.Caller.Addr(), true
	case HasSession:
		return m.Session.Group.Addr(), true
	case HasRootData:
		return m.RootData.Addr(), true
	case HasReservation:
		return m.Reservation.Node, true
	}
	return netip.Addr{}, false
}

// bodyLen returns the length of an object's body, padding included.
func (m *Message) bodyLen(info *ObjectInfo) int {
	n := info.MinLen
	switch info.Bit {
	case HasIntegrity:
		n = len(m.Integrity)
	case HasCallerData:
		n += len(m.CallerData)
	case HasCalleeData:
		n += len(m.CalleeData)
	case HasSideData:
		n += len(m.SideData)
	case HasCookie:
		n = len(m.Cookie)
	case HasPad:
		n = m.PadLen
	}
	return (n + 3) &^ 3
}

// appendObject appends one object and checks it as a decoder would.
func (m *Message) appendObject(b []byte, info *ObjectInfo) ([]byte, error) {
	start := len(b)
	b = info.encode(m, object.Begin(b, info.Class, info.CType))
	body := b[start+object.HeaderLen:]
	if len(body) < info.MinLen || len(body) > info.MaxLen {
		return b, decodeError(info.Name, 0, fmt.Errorf("body of %d bytes: %w", len(body), object.ErrLength))
	}
	if err := m.checkValue(info.Bit); err != nil {
		return b, decodeError(info.Name, 0, err)
	}
	return object.End(b, start)
}

// Clone returns m with bytes of its own.
func (m *Message) Clone() Message {
	c := *m
	for _, p := range []*[]byte{&c.Integrity, &c.CallerData, &c.CalleeData, &c.SideData, &c.Cookie} {
		if *p != nil {
			*p = append([]byte{}, *p...)
		}
	}
	c.Unknown = nil
	for _, o := range m.Unknown {
		c.Unknown = append(c.Unknown, o.Clone())
	}
	return c
}
