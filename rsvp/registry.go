package rsvp

import "github.com/mpstack/mpstack/wire/object"

// ClassInfo describes a class.
type ClassInfo struct {
	Name     string
	Allowed  MessageSet // messages that may carry it
	Required MessageSet // messages that must
	CTypes   []CType    // nil: any C-Type, contents kept as they are
	RFC      string
}

// CType describes one C-Type of a class.
type CType struct {
	CType  uint8
	Name   string // what tells it from the class's other C-Types; empty if there are none
	Min    int    // least length of the body in bytes
	Max    int    // greatest
	Fields []Field
	Repeat bool // Fields repeat until the body ends
	// Services: after Fields, which is the message header of RFC 2210, come
	// service fragments with parameters.
	Services bool

	parse func(m *Message, body []byte) *object.DecodeError
}

// Kind says how a field is shown.
type Kind uint8

// Kinds of fields.
const (
	KindUint   Kind = iota // unsigned, big-endian
	KindHex                // unsigned, shown in hexadecimal
	KindFlags              // bit flags
	KindIPv4               // address
	KindIPv6               // address
	KindFloat              // IEEE single precision
	KindBytes              // opaque
	KindUnused             // sent as zero, ignored on receipt
)

// Field is one field of an object's body.
type Field struct {
	Name   string
	Offset int // from the start of the body, in bytes
	Size   int // in bytes
	Kind   Kind
}

// anyLen is the greatest body length.
const anyLen = object.MaxLen - object.HeaderLen

// Fields that several objects share.
var (
	addrPort4 = []Field{{"SrcAddress", 0, 4, KindIPv4}, {"unused", 4, 2, KindUnused}, {"SrcPort", 6, 2, KindUint}}
	addrPort6 = []Field{{"SrcAddress", 0, 16, KindIPv6}, {"unused", 16, 2, KindUnused}, {"SrcPort", 18, 2, KindUint}}
	addrLabel = []Field{{"SrcAddress", 0, 16, KindIPv6}, {"unused", 16, 1, KindUnused}, {"Flow Label", 17, 3, KindHex}}
	intservHd = []Field{{"Version", 0, 1, KindHex}, {"unused", 1, 1, KindUnused}, {"Length in words", 2, 2, KindUint}}
)

// Classes is the registry, indexed by Class-Num; each class lists its C-Types
// in ascending order. It is not to be changed. Classes without a name are
// unknown: their high bits say what to do (object.UnknownPolicy).
var Classes = [256]ClassInfo{
	ClassNull: {Name: "NULL", Allowed: inAll, RFC: "RFC 2205 section 3.1.2"},
	ClassSession: {Name: "SESSION", Allowed: inAll, Required: inAll, RFC: "RFC 2205 A.1", CTypes: []CType{
		{CType: 1, Name: "IPv4/UDP", Min: 8, Max: 8, parse: parseSession, Fields: []Field{
			{"DestAddress", 0, 4, KindIPv4}, {"Protocol Id", 4, 1, KindUint}, {"Flags", 5, 1, KindFlags}, {"DstPort", 6, 2, KindUint}}},
		{CType: 2, Name: "IPv6/UDP", Min: 20, Max: 20, parse: parseSession, Fields: []Field{
			{"DestAddress", 0, 16, KindIPv6}, {"Protocol Id", 16, 1, KindUint}, {"Flags", 17, 1, KindFlags}, {"DstPort", 18, 2, KindUint}}},
	}},
	ClassHop: {Name: "RSVP_HOP", Allowed: inPath | inResv | inResvErr | inPathTear | inResvTear,
		Required: inPath | inResv | inResvErr | inPathTear | inResvTear, RFC: "RFC 2205 A.2", CTypes: []CType{
			{CType: 1, Name: "IPv4", Min: 8, Max: 8, parse: parseHop, Fields: []Field{
				{"Hop Address", 0, 4, KindIPv4}, {"Logical Interface Handle", 4, 4, KindHex}}},
			{CType: 2, Name: "IPv6", Min: 20, Max: 20, parse: parseHop, Fields: []Field{
				{"Hop Address", 0, 16, KindIPv6}, {"Logical Interface Handle", 16, 4, KindHex}}},
		}},
	ClassIntegrity: {Name: "INTEGRITY", Allowed: inAll, RFC: "RFC 2205 A.3"},
	ClassTimeValues: {Name: "TIME_VALUES", Allowed: inPath | inResv, Required: inPath | inResv, RFC: "RFC 2205 A.4", CTypes: []CType{
		{CType: 1, Min: 4, Max: 4, parse: parseTimeValues, Fields: []Field{{"Refresh Period", 0, 4, KindUint}}},
	}},
	ClassErrorSpec: {Name: "ERROR_SPEC", Allowed: inPathErr | inResvErr | inResvConf,
		Required: inPathErr | inResvErr | inResvConf, RFC: "RFC 2205 A.5", CTypes: []CType{
			{CType: 1, Name: "IPv4", Min: 8, Max: 8, parse: parseErrorSpec, Fields: []Field{
				{"Error Node Address", 0, 4, KindIPv4}, {"Flags", 4, 1, KindFlags}, {"Error Code", 5, 1, KindUint}, {"Error Value", 6, 2, KindHex}}},
			{CType: 2, Name: "IPv6", Min: 20, Max: 20, parse: parseErrorSpec, Fields: []Field{
				{"Error Node Address", 0, 16, KindIPv6}, {"Flags", 16, 1, KindFlags}, {"Error Code", 17, 1, KindUint}, {"Error Value", 18, 2, KindHex}}},
		}},
	ClassScope: {Name: "SCOPE", Allowed: inResv | inResvErr | inResvTear, RFC: "RFC 2205 A.6", CTypes: []CType{
		{CType: 1, Name: "IPv4", Min: 0, Max: anyLen, Repeat: true, parse: parseScope4, Fields: []Field{{"Src Address", 0, 4, KindIPv4}}},
		{CType: 2, Name: "IPv6", Min: 0, Max: anyLen, Repeat: true, parse: parseScope6, Fields: []Field{{"Src Address", 0, 16, KindIPv6}}},
	}},
	ClassStyle: {Name: "STYLE", Allowed: inFlows, Required: inFlows, RFC: "RFC 2205 A.7", CTypes: []CType{
		{CType: 1, Min: 4, Max: 4, parse: parseStyle, Fields: []Field{{"Flags", 0, 1, KindFlags}, {"Option Vector", 1, 3, KindHex}}},
	}},
	ClassFlowSpec: {Name: "FLOWSPEC", Allowed: inFlows, RFC: "RFC 2205 A.8, RFC 2210 section 3.2", CTypes: []CType{
		{CType: 2, Name: "Int-serv", Min: 12, Max: anyLen, Services: true, parse: parseFlowSpec, Fields: intservHd},
	}},
	ClassFilterSpec: {Name: "FILTER_SPEC", Allowed: inFlows, RFC: "RFC 2205 A.9", CTypes: []CType{
		{CType: 1, Name: "IPv4", Min: 8, Max: 8, parse: parseFilterSpec, Fields: addrPort4},
		{CType: 2, Name: "IPv6", Min: 20, Max: 20, parse: parseFilterSpec, Fields: addrPort6},
		{CType: 3, Name: "IPv6 Flow-label", Min: 20, Max: 20, parse: parseFilterLabel, Fields: addrLabel},
	}},
	ClassSenderTemplate: {Name: "SENDER_TEMPLATE", Allowed: inSender, Required: inPath, RFC: "RFC 2205 A.10", CTypes: []CType{
		{CType: 1, Name: "IPv4", Min: 8, Max: 8, parse: parseSenderTemplate, Fields: addrPort4},
		{CType: 2, Name: "IPv6", Min: 20, Max: 20, parse: parseSenderTemplate, Fields: addrPort6},
		{CType: 3, Name: "IPv6 Flow-label", Min: 20, Max: 20, parse: parseSenderLabel, Fields: addrLabel},
	}},
	ClassSenderTSpec: {Name: "SENDER_TSPEC", Allowed: inSender, Required: inPath, RFC: "RFC 2205 A.11, RFC 2210 section 3.1", CTypes: []CType{
		{CType: 2, Name: "Int-serv", Min: 12, Max: anyLen, Services: true, parse: parseSenderTSpec, Fields: intservHd},
	}},
	ClassAdSpec: {Name: "ADSPEC", Allowed: inSender, RFC: "RFC 2205 A.12, RFC 2210 section 3.3", CTypes: []CType{
		{CType: 2, Name: "Int-serv", Min: 8, Max: anyLen, Services: true, parse: parseAdSpec, Fields: intservHd},
	}},
	ClassPolicyData: {Name: "POLICY_DATA", Allowed: inPath | inResv | inPathErr | inResvErr, RFC: "RFC 2205 A.13"},
	// RFC 2205 does not list RESV_CONFIRM for ResvTear, but routers send it
	// there to ask for a ResvTearConf; it is ignored.
	ClassResvConfirm: {Name: "RESV_CONFIRM", Allowed: inResv | inResvConf | inResvTear, Required: inResvConf, RFC: "RFC 2205 A.14", CTypes: []CType{
		{CType: 1, Name: "IPv4", Min: 4, Max: 4, parse: parseConfirm, Fields: []Field{{"Receiver Address", 0, 4, KindIPv4}}},
		{CType: 2, Name: "IPv6", Min: 16, Max: 16, parse: parseConfirm, Fields: []Field{{"Receiver Address", 0, 16, KindIPv6}}},
	}},
}

// Lookup returns the registry's entry for (class, C-Type).
func Lookup(class Class, ctype uint8) (*CType, bool) {
	types := Classes[class].CTypes
	for i := range types {
		if types[i].CType == ctype {
			return &types[i], true
		}
	}
	return nil, false
}
