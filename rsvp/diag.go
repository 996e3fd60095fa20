package rsvp

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"github.com/mpstack/mpstack/wire/object"
)

// DiagHeader is the DIAGNOSTIC object: class 30, C-Type 1 or 2 (RFC 2745 section
// 3.3). It is there where LastHop is valid.
type DiagHeader struct {
	MaxHops   uint8 // RSVP hops to collect information of; 0: no limit
	Hops      uint8 // RSVP hops that were passed
	More      bool  // MF: more fragments
	RequestID uint32
	PathMTU   uint16 // bytes
	Offset    uint16 // of this fragment in bytes
	LastHop   netip.Addr
	Sender    SenderTemplate // whose path is looked at
	Requester FilterSpec     // where the reply goes
}

// mfFlag is the last bit of the word after the hop counts.
const mfFlag = 0x0001

// WireLen returns the length of the object.
func (d DiagHeader) WireLen() int {
	return object.HeaderLen + 12 + addrLen(d.LastHop) + d.Sender.WireLen() + d.Requester.WireLen()
}

// AppendTo appends the object. It fails unless all addresses are of one family.
func (d DiagHeader) AppendTo(b []byte) ([]byte, error) {
	start := len(b)
	if !d.LastHop.IsValid() || d.Sender.Src.Is4() != d.LastHop.Is4() || d.Requester.Src.Is4() != d.LastHop.Is4() {
		return b, failf("DIAGNOSTIC", start, ErrValue, "last hop %v, sender %v, requester %v", d.LastHop, d.Sender, d.Requester)
	}
	be := binary.BigEndian
	b = append(beginAddr(b, ClassDiagnostic, d.LastHop), d.MaxHops, d.Hops, 0, 0)
	if d.More {
		b[len(b)-1] = mfFlag
	}
	b = be.AppendUint16(be.AppendUint16(be.AppendUint32(b, d.RequestID), d.PathMTU), d.Offset)
	b = appendAddr(b, d.LastHop)
	e := encoder{b: b, start: start}
	e.done(d.Sender.AppendTemplate(e.b))
	e.done(d.Requester.AppendTo(e.b))
	if e.err != nil {
		return b[:start], e.err
	}
	return object.End(e.b, start)
}

func parseDiagnostic(m *Message, ctype uint8, body []byte) *object.DecodeError {
	be := binary.BigEndian
	d := DiagHeader{
		MaxHops: body[0], Hops: body[1], More: body[3]&mfFlag != 0,
		RequestID: be.Uint32(body[4:]), PathMTU: be.Uint16(body[8:]), Offset: be.Uint16(body[10:]),
	}
	var rest []byte
	d.LastHop, rest = splitAddr(body[12:], ctype == 2)
	if d.LastHop.IsUnspecified() {
		return failf("DIAGNOSTIC LAST-HOP Address", 12, ErrValue, "%v", d.LastHop)
	}
	var err *object.DecodeError
	off := len(body) - len(rest)
	if d.Sender, off, err = nestedFilter(body, off, ClassSenderTemplate, ctype == 2); err != nil {
		return err
	}
	if d.Requester, off, err = nestedFilter(body, off, ClassFilterSpec, ctype == 2); err != nil {
		return err
	}
	if off != len(body) {
		return failf("DIAGNOSTIC", off, object.ErrLength, "%d bytes more", len(body)-off)
	}
	m.Diag = d
	return nil
}

// nestedFilter reads the SENDER_TEMPLATE or FILTER_SPEC at body[off:] and returns
// the offset behind it.
func nestedFilter(body []byte, off int, class Class, v6 bool) (FilterSpec, int, *object.DecodeError) {
	name := "DIAGNOSTIC SENDER_TEMPLATE"
	if class == ClassFilterSpec {
		name = "DIAGNOSTIC FILTER_SPEC"
	}
	o, _, err := object.Parse(body[off:])
	switch {
	case err != nil:
		return FilterSpec{}, off, fail(name, off, err)
	case Class(o.Class) != class:
		return FilterSpec{}, off, failf(name, off, ErrMissing, "class %d", o.Class)
	case o.CType == 0 || int(o.CType) >= len(filterForms) || o.CType == 6 || filterForms[o.CType].v6 != v6:
		return FilterSpec{}, off, failf(name, off, ErrUnknownCType, "%d", o.CType)
	}
	want := (FilterSpec{Src: familyAddr(v6), Kind: filterForms[o.CType].kind}).WireLen()
	if o.WireLen() != want {
		return FilterSpec{}, off, failf(name, off, object.ErrLength, "%d bytes, not %d", o.WireLen(), want)
	}
	f, bad := filterFrom(o.CType, o.Body, name)
	if bad != nil {
		bad.Offset += off + object.HeaderLen
	}
	return f, off + want, bad
}

// familyAddr returns some address of a family.
func familyAddr(v6 bool) netip.Addr {
	if v6 {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}

// DiagRoute is the ROUTE object: class 31, C-Type 1 or 2 (RFC 2745 section 3.5).
type DiagRoute struct {
	Present bool
	V6      bool // C-Type 2
	Pointer uint8
	Nodes   []netip.Addr // from the LAST-HOP to the last node visited
}

// WireLen returns the length of the object.
func (r *DiagRoute) WireLen() int {
	return object.HeaderLen + 4 + len(r.Nodes)*addrLen(familyAddr(r.V6))
}

// AppendTo appends the object. It fails unless all nodes are of the family.
func (r *DiagRoute) AppendTo(b []byte) ([]byte, error) {
	start := len(b)
	b = append(beginAddr(b, ClassRoute, familyAddr(r.V6)), 0, 0, 0, r.Pointer)
	for _, a := range r.Nodes {
		if !a.IsValid() || a.Is4() == r.V6 {
			return b[:start], failf("ROUTE", start, ErrValue, "node %v", a)
		}
		b = appendAddr(b, a)
	}
	return object.End(b, start)
}

func parseRoute(m *Message, ctype uint8, body []byte) *object.DecodeError {
	r := &m.Route
	r.Present, r.V6, r.Pointer = true, ctype == 2, body[3]
	r.Nodes = withRoom(r.Nodes, len(body[4:])/addrLen(familyAddr(r.V6)))
	for rest := body[4:]; len(rest) > 0; {
		var a netip.Addr
		a, rest = splitAddr(rest, r.V6)
		r.Nodes = append(r.Nodes, a)
	}
	return nil
}

// DiagSelect is an element of the DIAG_SELECT object: class 33, C-Type 1 (RFC
// 2745 section 3.4). CType 0 matches any.
type DiagSelect struct {
	Class Class
	CType uint8
}

// diagSelectLen returns the length of a DIAG_SELECT object.
func diagSelectLen(n int) int { return object.HeaderLen + padded(2*n) }

// AppendDiagSelect appends a DIAG_SELECT object. It fails without elements and
// for class 0, which stands for padding.
func AppendDiagSelect(b []byte, list []DiagSelect) ([]byte, error) {
	start := len(b)
	if len(list) == 0 {
		return b, fail("DIAG_SELECT", start, ErrMissing)
	}
	b = object.Begin(b, uint8(ClassDiagSelect), 1)
	for _, s := range list {
		if s.Class == 0 {
			return b[:start], failf("DIAG_SELECT", start, ErrValue, "class 0")
		}
		b = append(b, uint8(s.Class), s.CType)
	}
	return object.End(b, start)
}

// parseDiagSelect takes the pairs; an odd number of them is followed by one of
// zeros.
func parseDiagSelect(m *Message, _ uint8, body []byte) *object.DecodeError {
	m.DiagSelect = withRoom(m.DiagSelect, len(body)/2)
	for i := 0; i < len(body); i += 2 {
		if body[i] == 0 {
			if i != len(body)-2 || body[i+1] != 0 {
				return failf("DIAG_SELECT", i, ErrValue, "class 0")
			}
			continue
		}
		m.DiagSelect = append(m.DiagSelect, DiagSelect{Class(body[i]), body[i+1]})
	}
	return nil
}

// DiagError is the R-error field of a DIAG_RESPONSE: 3 bits.
type DiagError uint8

// Bits of DiagError.
const (
	DiagNoPath   DiagError = 1 // no path state
	DiagTooBig   DiagError = 2 // packet too big
	DiagRouteBig DiagError = 4 // ROUTE object too big
)

// DiagResponse is the DIAG_RESPONSE object: class 32, C-Type 1 or 2 (RFC 2745
// section 3.6). Addresses that are not known are not valid.
type DiagResponse struct {
	V6       bool       // C-Type 2
	Arrival  uint32     // of the DREQ: the middle 32 bits of an NTP timestamp
	Incoming netip.Addr // interface where messages from the sender come in
	Outgoing netip.Addr // interface through which the DREQ came
	PHop     netip.Addr // previous RSVP hop
	TTL      uint8      // D-TTL: IP hops from the RSVP node before
	Merged   bool       // M
	Error    DiagError
	K        uint8  // 4 bits
	Timer    uint16 // refresh period in seconds
	Objects  []byte // TUNNEL and response objects, as on the wire; aliases what was decoded
}

// NTPTime returns the middle 32 bits of the NTP timestamp of an instant in
// nanoseconds since 1970: 16 bits of seconds and 16 of their fraction.
func NTPTime(ns int64) uint32 {
	const epoch = 2208988800 // seconds from 1900 to 1970
	s, f := ns/int64(time.Second), ns%int64(time.Second)
	if f < 0 {
		s, f = s-1, f+int64(time.Second)
	}
	return uint32(uint64(s+epoch)<<16) | uint32(uint64(f)<<16/uint64(time.Second))
}

// WireLen returns the length of the object.
func (r DiagResponse) WireLen() int {
	return object.HeaderLen + 8 + 3*addrLen(familyAddr(r.V6)) + len(r.Objects)
}

// AppendTo appends the object. It fails for addresses of the other family, for
// more than 4 bits of K or 3 of Error, and for Objects that are not whole.
func (r DiagResponse) AppendTo(b []byte) ([]byte, error) {
	start := len(b)
	if r.K > 15 || r.Error > 7 {
		return b, failf("DIAG_RESPONSE", start, ErrValue, "K %d, R-error %d", r.K, r.Error)
	}
	if err := checkObjects(r.Objects, 0, "DIAG_RESPONSE object"); err != nil {
		return b, err
	}
	b = binary.BigEndian.AppendUint32(beginAddr(b, ClassDiagResponse, familyAddr(r.V6)), r.Arrival)
	for _, a := range [...]netip.Addr{r.Incoming, r.Outgoing, r.PHop} {
		if a.IsValid() && a.Is4() == r.V6 {
			return b[:start], failf("DIAG_RESPONSE", start, ErrValue, "address %v", a)
		}
		b = appendAddrOr(b, a, r.V6)
	}
	bits := uint8(r.Error)<<4 | r.K
	if r.Merged {
		bits |= 0x80
	}
	b = binary.BigEndian.AppendUint16(append(b, r.TTL, bits), r.Timer)
	return object.End(append(b, r.Objects...), start)
}

// String returns addresses and errors in one line.
func (r DiagResponse) String() string {
	return fmt.Sprintf("in %v out %v phop %v ttl %d error %d", r.Incoming, r.Outgoing, r.PHop, r.TTL, r.Error)
}

func parseDiagResponse(m *Message, ctype uint8, body []byte) *object.DecodeError {
	r := DiagResponse{V6: ctype == 2, Arrival: binary.BigEndian.Uint32(body)}
	rest := body[4:]
	for _, a := range [...]*netip.Addr{&r.Incoming, &r.Outgoing, &r.PHop} {
		*a, rest = splitAddr(rest, r.V6)
		*a = orNone(*a)
	}
	r.TTL, r.Merged, r.Error, r.K = rest[0], rest[1]&0x80 != 0, DiagError(rest[1]>>4&7), rest[1]&15
	r.Timer, r.Objects = binary.BigEndian.Uint16(rest[2:]), rest[4:]
	m.Responses = append(m.Responses, r)
	return checkObjects(body, len(body)-len(r.Objects), "DIAG_RESPONSE object")
}

// checkObjects checks that body[off:] is a list of objects.
func checkObjects(body []byte, off int, name string) *object.DecodeError {
	for off < len(body) {
		o, _, err := object.Parse(body[off:])
		if err != nil {
			return fail(name, off, err)
		}
		off += o.WireLen()
	}
	return nil
}
