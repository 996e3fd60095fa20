package mpj

import (
	"fmt"
	"strings"
)

// Kind says how a field is to be read and shown.
type Kind uint8

// Kinds of fields. All numbers are big-endian.
const (
	KindUint    Kind = iota // unsigned number of Size bytes, decimal
	KindHex                 // unsigned number of Size bytes, hexadecimal
	KindTag                 // 8 bytes, hexadecimal
	KindMS                  // unsigned number of milliseconds
	KindPort                // port number
	KindAddr                // IPv4 (Size 4) or IPv6 address (Size 16)
	KindEnum                // one of Values
	KindFlags               // sum of Values
	KindErrno               // Winsock error number
	KindZero                // must be zero
	KindCount               // number of bytes in the field of kind KindCounted
	KindCounted             // as many bytes as the object's KindCount field says, then padding
	KindBytes               // opaque bytes up to the object's end
	KindZeros               // zeros up to the object's end
)

// Value is a named number of a KindEnum or KindFlags field.
type Value struct {
	Number uint64
	Name   string
}

// Field is one field of the header or of an object's body.
type Field struct {
	Name   string
	Offset int // in bytes from the header's or body's start
	Size   int // in bytes; 0 where the kind says how far it goes
	Kind   Kind
	Values []Value // for KindEnum and KindFlags
}

// Present is a set of objects, one bit each; both address forms of an object
// share a bit, each kind of user data has its own.
type Present uint32

// Bits of Present, in the order in which objects are encoded.
const (
	HasIntegrity Present = 1 << iota
	HasTarget
	HasCaller
	HasRole
	HasQOS
	HasCallerData
	HasCalleeData
	HasSideData
	HasJoinLimits
	HasSession
	HasRootData
	HasTimers
	HasCookie
	HasReason
	HasReservation
	HasPad
)

// Object classes.
const (
	ClassIntegrity   = 4
	ClassTarget      = 96
	ClassCaller      = 97
	ClassRole        = 98
	ClassQOS         = 99
	ClassUserData    = 100
	ClassJoinLimits  = 101
	ClassSession     = 102
	ClassRootData    = 103
	ClassTimers      = 104
	ClassCookie      = 105
	ClassReason      = 106
	ClassReservation = 107
	ClassPad         = 108
)

// C-Types.
const (
	CTypeOnly = 1 // where an object has one form
	CTypeIPv4 = 1 // where an address is inside
	CTypeIPv6 = 2

	CTypeCallerData = 1 // of USER_DATA
	CTypeCalleeData = 2
	CTypeSideData   = 3
)

// ObjectInfo is one row of the table of objects: a class and C-Type.
type ObjectInfo struct {
	Class  uint8
	CType  uint8
	Name   string // of the class: "TARGET"
	Form   string // of the C-Type: "IPv4", "caller"; empty where there is one
	Bit    Present
	MinLen int // of the body in bytes
	MaxLen int
	Fields []Field
	Text   string

	decode func(m *Message, body []byte) error
	encode func(m *Message, b []byte) []byte
}

// MessageInfo is one row of the table of messages.
type MessageInfo struct {
	Type     Type
	Name     string
	SentBy   string
	Flags    Flags   // that it may carry
	Required Present // objects that it must carry
	Optional Present // objects that it may carry besides
	Text     string
}

// Values of enumerated fields.
var (
	flagValues = []Value{{uint64(FlagQ), "Q"}, {uint64(FlagT), "T"}, {uint64(FlagB), "B"}}

	controlRoleValues = []Value{{uint64(ControlRoot), "c_root"}, {uint64(ControlLeaf), "c_leaf"}}
	dataRoleValues    = []Value{{uint64(DataRoot), "d_root"}, {uint64(DataLeaf), "d_leaf"}}
	planeValues       = []Value{{uint64(RootedControl), "rooted control"}, {uint64(RootedData), "rooted data"}}
	directionValues   = []Value{{uint64(SenderOnly), "JL_SENDER_ONLY"}, {uint64(ReceiverOnly), "JL_RECEIVER_ONLY"}, {uint64(Both), "JL_BOTH"}}
	modeValues        = []Value{{uint64(Multicast), "multicast"}, {uint64(UnicastCopies), "unicast copies"}}
)

// HeaderFields is the layout of the header.
var HeaderFields = []Field{
	{Name: "version", Offset: 0, Size: 1, Kind: KindUint},
	{Name: "type", Offset: 1, Size: 1, Kind: KindEnum, Values: typeValues()},
	{Name: "flags", Offset: 2, Size: 2, Kind: KindFlags, Values: flagValues},
	{Name: "length", Offset: 4, Size: 2, Kind: KindUint},
	{Name: "zero", Offset: 6, Size: 2, Kind: KindZero},
	{Name: "destination tag", Offset: 8, Size: 8, Kind: KindTag},
	{Name: "source tag", Offset: 16, Size: 8, Kind: KindTag},
	{Name: "transaction", Offset: 24, Size: 4, Kind: KindUint},
	{Name: "zero", Offset: 28, Size: 4, Kind: KindZero},
}

// Messages is the table of messages in the order of their types.
var Messages = []MessageInfo{
	{TypeJoin, "JOIN", "asker", FlagQ,
		HasTarget | HasCaller | HasRole | HasJoinLimits,
		HasIntegrity | HasQOS | HasCallerData | HasSession | HasRootData | HasTimers | HasCookie | HasPad,
		"asks to join; SESSION, ROOT_DATA and TIMERS where the root asks"},
	{TypeChallenge, "CHALLENGE", "asked", 0, HasCookie, HasIntegrity,
		"asks for the JOIN again, with this cookie"},
	{TypePending, "PENDING", "asked", 0, 0, HasIntegrity,
		"the request waits; slows the JOIN down"},
	{TypeAccept, "ACCEPT", "asked", 0, 0,
		HasIntegrity | HasQOS | HasCalleeData | HasSession | HasRootData | HasTimers,
		"admits; SESSION, ROOT_DATA and TIMERS where the root was asked"},
	{TypeReject, "REJECT", "asked", 0, HasReason, HasIntegrity | HasCalleeData,
		"refuses"},
	{TypeConfirm, "CONFIRM", "asker", 0, 0, HasIntegrity,
		"the association stands"},
	{TypeStatus, "STATUS", "data receiver", 0, HasReservation, HasIntegrity,
		"result of the reservation"},
	{TypeStatusAck, "STATUS-ACK", "data sender", 0, 0, HasIntegrity,
		"STATUS has arrived"},
	{TypeLeave, "LEAVE", "either", FlagT, HasReason, HasIntegrity,
		"ends the association"},
	{TypeLeaveAck, "LEAVE-ACK", "either", 0, 0, HasIntegrity,
		"LEAVE has arrived"},
	{TypeHello, "HELLO", "leaf; root as beacon", FlagB, 0, HasIntegrity | HasSession | HasTimers,
		"the sender is there"},
	{TypeHelloAck, "HELLO-ACK", "root", 0, HasTimers, HasIntegrity,
		"so is the root; the next interval and hold time"},
	{TypeSide, "SIDE", "either", 0, HasSideData, HasIntegrity,
		"one datagram of side chat, at most once"},
}

// Field lists that several objects share.
var (
	endpoint4 = []Field{
		{Name: "address", Offset: 0, Size: 4, Kind: KindAddr},
		{Name: "port", Offset: 4, Size: 2, Kind: KindPort},
		{Name: "zero", Offset: 6, Size: 2, Kind: KindZero},
	}
	endpoint6 = []Field{
		{Name: "address", Offset: 0, Size: 16, Kind: KindAddr},
		{Name: "port", Offset: 16, Size: 2, Kind: KindPort},
		{Name: "zero", Offset: 18, Size: 2, Kind: KindZero},
	}
	userData = []Field{
		{Name: "length", Offset: 0, Size: 2, Kind: KindCount},
		{Name: "zero", Offset: 2, Size: 2, Kind: KindZero},
		{Name: "data", Offset: 4, Kind: KindCounted},
	}
)

// Lengths of bodies.
const (
	endpoint4Len = 8
	endpoint6Len = 20
	qosLen       = 64
	dataHeadLen  = 4

	integrityMin = 20 // RFC 2747 section 2: 16 bytes and a digest
	integrityMax = 80
)

// Objects is the table of objects in the order of class and C-Type, which is
// the order in which they are encoded.
var Objects = []ObjectInfo{
	{Class: ClassIntegrity, CType: CTypeOnly, Name: "INTEGRITY", Bit: HasIntegrity, MinLen: integrityMin, MaxLen: integrityMax,
		Text:   "authentication, laid out as in RFC 2747",
		Fields: integrityFields, decode: decodeIntegrity, encode: encodeIntegrity},
	{Class: ClassTarget, CType: CTypeIPv4, Name: "TARGET", Form: "IPv4", Bit: HasTarget, MinLen: endpoint4Len, MaxLen: endpoint4Len,
		Text:   "the name that is asked for: the listener's address and port",
		Fields: endpoint4, decode: decodeTarget, encode: encodeTarget},
	{Class: ClassTarget, CType: CTypeIPv6, Name: "TARGET", Form: "IPv6", Bit: HasTarget, MinLen: endpoint6Len, MaxLen: endpoint6Len,
		Fields: endpoint6, decode: decodeTarget, encode: encodeTarget},
	{Class: ClassCaller, CType: CTypeIPv4, Name: "CALLER", Form: "IPv4", Bit: HasCaller, MinLen: endpoint4Len, MaxLen: endpoint4Len,
		Text:   "the asker's bound address, which must be the datagram's source, and port",
		Fields: endpoint4, decode: decodeCaller, encode: encodeCaller},
	{Class: ClassCaller, CType: CTypeIPv6, Name: "CALLER", Form: "IPv6", Bit: HasCaller, MinLen: endpoint6Len, MaxLen: endpoint6Len,
		Fields: endpoint6, decode: decodeCaller, encode: encodeCaller},
	{Class: ClassRole, CType: CTypeOnly, Name: "ROLE", Bit: HasRole, MinLen: 4, MaxLen: 4,
		Text: "the asker's roles, the planes, its JL direction",
		Fields: []Field{
			{Name: "control role", Offset: 0, Size: 1, Kind: KindEnum, Values: controlRoleValues},
			{Name: "data role", Offset: 1, Size: 1, Kind: KindEnum, Values: dataRoleValues},
			{Name: "planes", Offset: 2, Size: 1, Kind: KindFlags, Values: planeValues},
			{Name: "JL", Offset: 3, Size: 1, Kind: KindEnum, Values: directionValues},
		}, decode: decodeRole, encode: encodeRole},
	{Class: ClassQOS, CType: CTypeOnly, Name: "QOS", Bit: HasQOS, MinLen: qosLen, MaxLen: qosLen,
		Text:   "Winsock's flowspecs, as the asker sees them; in ACCEPT as negotiated",
		Fields: qosFields(), decode: decodeQOS, encode: encodeQOS},
	{Class: ClassUserData, CType: CTypeCallerData, Name: "USER_DATA", Form: "caller", Bit: HasCallerData, MinLen: dataHeadLen, MaxLen: dataHeadLen + MaxUserData,
		Text:   "connect data, or one datagram of side chat",
		Fields: userData, decode: decodeCallerData, encode: encodeCallerData},
	{Class: ClassUserData, CType: CTypeCalleeData, Name: "USER_DATA", Form: "callee", Bit: HasCalleeData, MinLen: dataHeadLen, MaxLen: dataHeadLen + MaxUserData,
		Fields: userData, decode: decodeCalleeData, encode: encodeCalleeData},
	{Class: ClassUserData, CType: CTypeSideData, Name: "USER_DATA", Form: "side", Bit: HasSideData, MinLen: dataHeadLen, MaxLen: dataHeadLen + MaxUserData,
		Fields: userData, decode: decodeSideData, encode: encodeSideData},
	{Class: ClassJoinLimits, CType: CTypeOnly, Name: "JOIN_LIMITS", Bit: HasJoinLimits, MinLen: 8, MaxLen: 8,
		Text: "how long the asker will wait, and how much callee data it takes (65535: it wants none)",
		Fields: []Field{
			{Name: "remaining time", Offset: 0, Size: 4, Kind: KindMS},
			{Name: "callee room", Offset: 4, Size: 2, Kind: KindUint},
			{Name: "zero", Offset: 6, Size: 2, Kind: KindZero},
		}, decode: decodeJoinLimits, encode: encodeJoinLimits},
	{Class: ClassSession, CType: CTypeIPv4, Name: "SESSION", Form: "IPv4", Bit: HasSession, MinLen: endpoint4Len, MaxLen: endpoint4Len,
		Text: "where the session's data goes",
		Fields: []Field{
			{Name: "group", Offset: 0, Size: 4, Kind: KindAddr},
			{Name: "port", Offset: 4, Size: 2, Kind: KindPort},
			{Name: "TTL", Offset: 6, Size: 1, Kind: KindUint},
			{Name: "mode", Offset: 7, Size: 1, Kind: KindEnum, Values: modeValues},
		}, decode: decodeSession, encode: encodeSession},
	{Class: ClassSession, CType: CTypeIPv6, Name: "SESSION", Form: "IPv6", Bit: HasSession, MinLen: endpoint6Len, MaxLen: endpoint6Len,
		Fields: []Field{
			{Name: "group", Offset: 0, Size: 16, Kind: KindAddr},
			{Name: "port", Offset: 16, Size: 2, Kind: KindPort},
			{Name: "TTL", Offset: 18, Size: 1, Kind: KindUint},
			{Name: "mode", Offset: 19, Size: 1, Kind: KindEnum, Values: modeValues},
		}, decode: decodeSession, encode: encodeSession},
	{Class: ClassRootData, CType: CTypeIPv4, Name: "ROOT_DATA", Form: "IPv4", Bit: HasRootData, MinLen: endpoint4Len, MaxLen: endpoint4Len,
		Text:   "the root's data address, which must be the datagram's source, and port",
		Fields: endpoint4, decode: decodeRootData, encode: encodeRootData},
	{Class: ClassRootData, CType: CTypeIPv6, Name: "ROOT_DATA", Form: "IPv6", Bit: HasRootData, MinLen: endpoint6Len, MaxLen: endpoint6Len,
		Fields: endpoint6, decode: decodeRootData, encode: encodeRootData},
	{Class: ClassTimers, CType: CTypeOnly, Name: "TIMERS", Bit: HasTimers, MinLen: 8, MaxLen: 8,
		Text: "mean interval of the leaf's HELLOs, and the silence after which a side gives up",
		Fields: []Field{
			{Name: "HELLO interval", Offset: 0, Size: 4, Kind: KindMS},
			{Name: "hold time", Offset: 4, Size: 4, Kind: KindMS},
		}, decode: decodeTimers, encode: encodeTimers},
	{Class: ClassCookie, CType: CTypeOnly, Name: "COOKIE", Bit: HasCookie, MinLen: 4, MaxLen: MaxCookie,
		Text:   "opaque to the asker; a multiple of 4 bytes",
		Fields: []Field{{Name: "cookie", Offset: 0, Kind: KindBytes}}, decode: decodeCookie, encode: encodeCookie},
	{Class: ClassReason, CType: CTypeOnly, Name: "REASON", Bit: HasReason, MinLen: 8, MaxLen: 8,
		Text: "why; the Winsock error counts where the code is unknown",
		Fields: []Field{
			{Name: "code", Offset: 0, Size: 2, Kind: KindEnum, Values: reasonValues()},
			{Name: "zero", Offset: 2, Size: 2, Kind: KindZero},
			{Name: "Winsock error", Offset: 4, Size: 4, Kind: KindErrno},
		}, decode: decodeReason, encode: encodeReason},
	{Class: ClassReservation, CType: CTypeIPv4, Name: "RESERVATION", Form: "IPv4", Bit: HasReservation, MinLen: 8, MaxLen: 8,
		Text:   "an RSVP error (RFC 2205 appendix B); code 0: the reservation stands",
		Fields: reservationFields(4), decode: decodeReservation, encode: encodeReservation},
	{Class: ClassReservation, CType: CTypeIPv6, Name: "RESERVATION", Form: "IPv6", Bit: HasReservation, MinLen: 20, MaxLen: 20,
		Fields: reservationFields(16), decode: decodeReservation, encode: encodeReservation},
	{Class: ClassPad, CType: CTypeOnly, Name: "PAD", Bit: HasPad, MinLen: 0, MaxLen: MaxLen - HeaderLen - 4,
		Text:   "zeros that let the answers be as long as the JOIN",
		Fields: []Field{{Name: "zeros", Offset: 0, Kind: KindZeros}}, decode: decodePad, encode: encodePad},
}

// integrityFields is the layout of RFC 2747 section 2.
var integrityFields = []Field{
	{Name: "flags", Offset: 0, Size: 1, Kind: KindHex},
	{Name: "zero", Offset: 1, Size: 1, Kind: KindZero},
	{Name: "key identifier", Offset: 2, Size: 6, Kind: KindHex},
	{Name: "sequence number", Offset: 8, Size: 8, Kind: KindUint},
	{Name: "digest", Offset: 16, Kind: KindBytes},
}

// flowSpecMembers are FLOWSPEC's members in Winsock's order.
var flowSpecMembers = [...]string{
	"TokenRate", "TokenBucketSize", "PeakBandwidth", "Latency",
	"DelayVariation", "ServiceType", "MaxSduSize", "MinimumPolicedSize",
}

func qosFields() []Field {
	var fields []Field
	for _, direction := range [...]string{"sending ", "receiving "} {
		for _, member := range flowSpecMembers {
			f := Field{Name: direction + member, Offset: 4 * len(fields), Size: 4, Kind: KindUint}
			if member == "ServiceType" {
				f.Kind = KindHex
			}
			fields = append(fields, f)
		}
	}
	return fields
}

func reservationFields(addrLen int) []Field {
	return []Field{
		{Name: "error code", Offset: 0, Size: 1, Kind: KindUint},
		{Name: "flags", Offset: 1, Size: 1, Kind: KindHex},
		{Name: "error value", Offset: 2, Size: 2, Kind: KindHex},
		{Name: "error node", Offset: 4, Size: addrLen, Kind: KindAddr},
	}
}

func typeValues() []Value {
	var values []Value
	for _, m := range Messages {
		values = append(values, Value{uint64(m.Type), m.Name})
	}
	return values
}

func reasonValues() []Value {
	var values []Value
	for _, r := range Reasons {
		values = append(values, Value{uint64(r.Code), r.Name})
	}
	return values
}

// MessageInfoOf returns the row of a message type, or nil.
func MessageInfoOf(t Type) *MessageInfo {
	if t == 0 || int(t) > len(Messages) {
		return nil
	}
	return &Messages[t-1]
}

// ObjectInfoOf returns the row of a class and C-Type, or nil. known tells
// whether the class is known at all.
func ObjectInfoOf(class, ctype uint8) (info *ObjectInfo, known bool) {
	for i := range Objects {
		if Objects[i].Class != class {
			continue
		}
		known = true
		if Objects[i].CType == ctype {
			return &Objects[i], true
		}
	}
	return nil, known
}

// Names returns the names of the objects in the set: "TARGET, CALLER".
func (p Present) Names() string {
	var names []string
	var seen Present
	for i := range Objects {
		o := &Objects[i]
		if p&o.Bit == 0 || seen&o.Bit != 0 {
			continue
		}
		seen |= o.Bit
		name := o.Name
		if o.Class == ClassUserData {
			name += " (" + o.Form + ")"
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// valueName returns the name of a number, or the number.
func valueName(values []Value, n uint64) string {
	for _, v := range values {
		if v.Number == n {
			return v.Name
		}
	}
	return fmt.Sprint(n)
}

// flagNames returns the names of the set bits, or "none"; unknown bits follow
// in hexadecimal.
func flagNames(values []Value, n uint64) string {
	var names []string
	for _, v := range values {
		if n&v.Number != 0 {
			names = append(names, v.Name)
			n &^= v.Number
		}
	}
	if n != 0 {
		names = append(names, fmt.Sprintf("0x%x", n))
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// Show returns a field's bytes in words, as dissectors do: raw holds the
// field's bytes and no more.
func (f Field) Show(raw []byte) string {
	var n uint64
	if len(raw) <= 8 {
		for _, c := range raw {
			n = n<<8 | uint64(c)
		}
	}
	return showKind(f, n, raw)
}
