package rsvp

import (
	"encoding/binary"
	"fmt"
	"iter"
	"net/netip"

	"github.com/mpstack/mpstack/wire/object"
)

// SubobjectType is the type of an element of EXPLICIT_ROUTE or RECORD_ROUTE (RFC
// 3209 sections 4.3.3 and 4.4.1, RFC 3473 section 5).
type SubobjectType uint8

// Types of subobjects.
const (
	SubobjectIPv4  SubobjectType = 1
	SubobjectIPv6  SubobjectType = 2
	SubobjectLabel SubobjectType = 3
	SubobjectAS    SubobjectType = 32
)

// Subobject is one element of an EXPLICIT_ROUTE (class 20) or RECORD_ROUTE
// (class 21). Of the members only those of its type count.
type Subobject struct {
	Type   SubobjectType
	Loose  bool         // EXPLICIT_ROUTE: the L bit
	Prefix netip.Prefix // SubobjectIPv4, SubobjectIPv6: hop and its prefix length
	Flags  uint8        // of an address or, without the U bit, a label in a RECORD_ROUTE
	AS     uint16       // SubobjectAS
	Up     bool         // SubobjectLabel: the U bit, upstream
	Label  Label        // SubobjectLabel
	Raw    []byte       // any other type: contents after type and length; aliases what was parsed
}

// String returns what the element names.
func (s Subobject) String() string {
	text := ""
	switch s.Type {
	case SubobjectIPv4, SubobjectIPv6:
		text = s.Prefix.String()
	case SubobjectLabel:
		text = s.Label.String()
	case SubobjectAS:
		text = fmt.Sprintf("AS %d", s.AS)
	default:
		text = fmt.Sprintf("type %d %x", uint8(s.Type), s.Raw)
	}
	if s.Loose {
		text += " loose"
	}
	return text
}

// AppendTo appends the element. It fails for an address of the other family and
// for contents that are not a multiple of 4 bytes, less two, or too long.
func (s Subobject) AppendTo(b []byte) ([]byte, error) {
	start := len(b)
	typ := uint8(s.Type)
	if s.Loose {
		typ |= 0x80
	}
	b = append(b, typ, 0)
	switch s.Type {
	case SubobjectIPv4, SubobjectIPv6:
		if !s.Prefix.IsValid() || s.Prefix.Addr().Is4() != (s.Type == SubobjectIPv4) {
			return b[:start], failf("subobject", start, ErrValue, "%v", s)
		}
		b = append(appendAddr(b, s.Prefix.Addr()), uint8(s.Prefix.Bits()), s.Flags)
	case SubobjectLabel:
		flags := s.Flags
		if s.Up {
			flags |= 0x80
		}
		var err error
		if b, err = s.Label.appendBody(append(b, flags, s.Label.CType)); err != nil {
			return b[:start], err
		}
	case SubobjectAS:
		b = binary.BigEndian.AppendUint16(b, s.AS)
	default:
		b = append(b, s.Raw...)
	}
	n := len(b) - start
	if n%4 != 0 || n < 4 || n > 0xff {
		return b[:start], failf("subobject", start, ErrValue, "%d bytes", n)
	}
	b[start+1] = uint8(n)
	return b, nil
}

// AppendExplicitRoute appends an EXPLICIT_ROUTE object: class 20, C-Type 1.
func AppendExplicitRoute(b []byte, route []Subobject) ([]byte, error) {
	return appendSubobjects(b, ClassExplicitRoute, route)
}

// AppendRecordRoute appends a RECORD_ROUTE object: class 21, C-Type 1. An empty
// one is illegal.
func AppendRecordRoute(b []byte, route []Subobject) ([]byte, error) {
	if len(route) == 0 {
		return b, fail("RECORD_ROUTE", len(b), ErrMissing)
	}
	return appendSubobjects(b, ClassRecordRoute, route)
}

func appendSubobjects(b []byte, class Class, route []Subobject) ([]byte, error) {
	start := len(b)
	b = object.Begin(b, uint8(class), 1)
	for _, s := range route {
		var err error
		if b, err = s.AppendTo(b); err != nil {
			return b[:start], err
		}
	}
	return object.End(b, start)
}

// Subobjects returns the elements of an EXPLICIT_ROUTE or RECORD_ROUTE object.
func Subobjects(o object.Object) (iter.Seq[Subobject], error) {
	if err := checkBody(o, ClassExplicitRoute, ClassRecordRoute); err != nil {
		return nil, err
	}
	loose := Class(o.Class) == ClassExplicitRoute
	if err := walkSubobjects(o.Body, 0, loose, "subobject", nil); err != nil {
		return nil, err
	}
	return func(yield func(Subobject) bool) { walkSubobjects(o.Body, 0, loose, "", yield) }, nil
}

// walkSubobjects checks the elements in body[off:] and gives each to yield, if
// that is not nil, until it reports false. loose says that the type's high bit
// is the L bit.
func walkSubobjects(body []byte, off int, loose bool, name string, yield func(Subobject) bool) *object.DecodeError {
	for off < len(body) {
		n, err := subobjectLen(body[off:], off, name)
		if err != nil {
			return err
		}
		s, err := subobjectFrom(body[off:off+n], off, loose, name)
		if err != nil {
			return err
		}
		if yield != nil && !yield(s) {
			return nil
		}
		off += n
	}
	return nil
}

// subobjectLen returns the length of the subobject that b begins with: a
// multiple of 4, at least 4 (RFC 3209 section 4.3.3).
func subobjectLen(b []byte, off int, name string) (int, *object.DecodeError) {
	if len(b) < 4 {
		return 0, failf(name, off, object.ErrTruncated, "%d bytes left", len(b))
	}
	n := int(b[1])
	if n < 4 || n%4 != 0 || n > len(b) {
		return 0, failf(name+" length", off+1, object.ErrLength, "%d, %d bytes left", n, len(b))
	}
	return n, nil
}

// subobjectFrom reads one element, which fills b.
func subobjectFrom(b []byte, off int, loose bool, name string) (Subobject, *object.DecodeError) {
	s := Subobject{Type: SubobjectType(b[0])}
	if loose {
		s.Type, s.Loose = s.Type&0x7f, b[0]&0x80 != 0
	}
	if want := s.Type.size(); want != 0 && len(b) != want {
		return s, failf(name+" length", off+1, object.ErrLength, "%d, not %d", len(b), want)
	}
	switch s.Type {
	case SubobjectIPv4, SubobjectIPv6:
		a, rest := splitAddr(b[2:], s.Type == SubobjectIPv6)
		s.Prefix, s.Flags = netip.PrefixFrom(a, int(rest[0])), rest[1]
		if !s.Prefix.IsValid() {
			return s, failf(name+" prefix length", off+len(b)-2, ErrValue, "%d", rest[0])
		}
	case SubobjectLabel:
		s.Up, s.Flags = b[2]&0x80 != 0, b[2]&0x7f
		if !labelFits(b[3], len(b)-4) {
			return s, failf(name+" label", off+3, object.ErrLength, "%d bytes in C-Type %d", len(b)-4, b[3])
		}
		s.Label = labelFrom(b[3], b[4:])
	case SubobjectAS:
		s.AS = binary.BigEndian.Uint16(b[2:])
	default:
		s.Raw = b[2:]
	}
	return s, nil
}

// size returns the length that subobjects of a type must have; 0: it varies.
func (t SubobjectType) size() int {
	switch t {
	case SubobjectIPv4:
		return 8
	case SubobjectIPv6:
		return 20
	case SubobjectAS:
		return 4
	}
	return 0
}

func labelFits(ctype uint8, n int) bool {
	switch ctype {
	case 1:
		return n == 4
	case 2:
		return n >= 4
	case 3:
		return n == 12
	}
	return false
}

func checkExplicitRoute(_ *Message, _ uint8, body []byte) *object.DecodeError {
	return walkSubobjects(body, 0, true, "EXPLICIT_ROUTE subobject", nil)
}

func checkRecordRoute(_ *Message, _ uint8, body []byte) *object.DecodeError {
	return walkSubobjects(body, 0, false, "RECORD_ROUTE subobject", nil)
}

// SessionAttribute is the SESSION_ATTRIBUTE object: class 207, C-Type 7, or 1
// with resource affinities (RFC 3209 section 4.7).
type SessionAttribute struct {
	Affinities bool // the next three count
	ExcludeAny uint32
	IncludeAny uint32
	IncludeAll uint32
	Setup      uint8 // priority from 0, the highest, to 7
	Hold       uint8 // priority from 0 to 7
	Flags      uint8 // 1: local protection, 2: label recording, 4: SE style desired
	Name       []byte
}

// AppendTo appends the object. It fails for a name above 255 bytes.
func (s SessionAttribute) AppendTo(b []byte) ([]byte, error) {
	start := len(b)
	if len(s.Name) > 0xff {
		return b, failf("SESSION_ATTRIBUTE", start, object.ErrTooLong, "name of %d bytes", len(s.Name))
	}
	if !s.Affinities {
		b = object.Begin(b, uint8(ClassSessionAttribute), 7)
	} else {
		b = object.Begin(b, uint8(ClassSessionAttribute), 1)
		b = binary.BigEndian.AppendUint32(b, s.ExcludeAny)
		b = binary.BigEndian.AppendUint32(b, s.IncludeAny)
		b = binary.BigEndian.AppendUint32(b, s.IncludeAll)
	}
	b = append(b, s.Setup, s.Hold, s.Flags, uint8(len(s.Name)))
	return object.End(appendPadded(b, s.Name), start)
}

// ParseSessionAttribute reads a SESSION_ATTRIBUTE object. Name aliases it.
func ParseSessionAttribute(o object.Object) (SessionAttribute, error) {
	if err := checkBody(o, ClassSessionAttribute); err != nil {
		return SessionAttribute{}, err
	}
	if err := checkAttribute(nil, o.CType, o.Body); err != nil {
		return SessionAttribute{}, err
	}
	s, b := SessionAttribute{Affinities: o.CType == 1}, o.Body
	if s.Affinities {
		be := binary.BigEndian
		s.ExcludeAny, s.IncludeAny, s.IncludeAll = be.Uint32(b), be.Uint32(b[4:]), be.Uint32(b[8:])
		b = b[12:]
	}
	s.Setup, s.Hold, s.Flags, s.Name = b[0], b[1], b[2], b[4:4+b[3]]
	return s, nil
}

// checkAttribute checks that the name fills what is left. Some routers pad it
// with more zeros than they must, to 8 bytes.
func checkAttribute(_ *Message, ctype uint8, body []byte) *object.DecodeError {
	at := 3
	if ctype == 1 {
		at = 15
	}
	if n := int(body[at]); n > len(body)-at-1 {
		return failf("SESSION_ATTRIBUTE Name Length", at, object.ErrLength, "%d, %d bytes left", n, len(body)-at-1)
	}
	return nil
}
