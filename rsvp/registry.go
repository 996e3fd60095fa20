package rsvp

import "github.com/mpstack/mpstack/wire/object"

// ClassInfo describes a class.
type ClassInfo struct {
	Name     string
	Allowed  MessageSet // messages that may carry it
	Required MessageSet // messages that must
	// Kept says that Message has no field for the class: its objects are checked
	// when they come and kept as they are, in Message.Other or beside the
	// FILTER_SPEC that they follow.
	Kept   bool
	CTypes []CType // ascending; nil: any C-Type, contents kept as they are
	RFC    string
}

// CType describes one C-Type of a class. A body has its fixed fields, then
// items that repeat to its end, then what Tail says.
type CType struct {
	CType  uint8
	Name   string // what tells it from the class's other C-Types; empty if there are none
	Min    int    // least length of the body in bytes
	Max    int    // greatest
	Fields []Field
	Items  []Field // fields of one item, offsets from its start
	Tail   Tail
	RFC    string // where it is not that of the class

	// parse takes a body of a length that fits into m, or checks one that is
	// kept as it is. Offsets of its errors count from the start of the body.
	parse func(m *Message, ctype uint8, body []byte) *object.DecodeError
}

// Tail is what a body has after its fixed fields.
type Tail uint8

// Tails.
const (
	TailNone       Tail = iota
	TailServices        // service fragments with parameters (RFC 2210 section 3)
	TailObjects         // objects in RSVP's own framing
	TailPolicy          // options, which are objects, up to the data offset, then policy elements (RFC 2750)
	TailSubobjects      // subobjects of type and length (RFC 3209 section 4.3.3)
	TailTLVs            // type, length and value with padding (RFC 3471 section 9.1.1)
	TailName            // a name of as many bytes as the last field says, padded
	TailError           // a description as TailName's, then subobjects (RFC 5284)
	TailBytes           // opaque
)

var tailNames = [...]string{
	"", "service fragments", "objects", "options and policy elements", "subobjects", "TLVs", "name", "description and subobjects", "opaque bytes",
}

// String returns what the tail is, for documentation.
func (t Tail) String() string { return tailNames[t] }

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
	KindText               // characters
)

var kindNames = [...]string{"uint", "hex", "flags", "IPv4", "IPv6", "float", "bytes", "unused", "text"}

// String returns the kind's name.
func (k Kind) String() string { return kindNames[k] }

// Field is one field of an object's body.
type Field struct {
	Name   string
	Offset int // from the start of the body, in bytes
	Size   int // in bytes
	Kind   Kind
}

// anyLen is the greatest body length.
const anyLen = object.MaxLen - object.HeaderLen

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

// fits reports whether a body of n bytes has an allowed length.
func (t *CType) fits(n int) bool {
	if n < t.Min || n > t.Max {
		return false
	}
	if size := sizeOf(t.Items); size > 0 {
		return (n-sizeOf(t.Fields))%size == 0
	}
	return true
}

// sizeOf returns how many bytes fields take.
func sizeOf(fields []Field) int {
	if len(fields) == 0 {
		return 0
	}
	last := &fields[len(fields)-1]
	return last.Offset + last.Size
}
