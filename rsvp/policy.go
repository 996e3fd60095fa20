package rsvp

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"github.com/mpstack/mpstack/wire/object"
)

// PolicyData is the contents of a POLICY_DATA object, class 14, C-Type 1 (RFC
// 2750 section 3). To RSVP itself they are opaque: Message keeps such objects as
// they are, and ParsePolicyData reads them for a policy decision.
type PolicyData struct {
	// Options. Filters and Scope exclude each other; without both the data is
	// about every flow of the session.
	Filters   []FilterSpec
	HasScope  bool
	Scope     []netip.Addr
	Origin    Hop        // the policy node that made it; not there: the RSVP_HOP of the message
	Target    Hop        // the policy node that it is for; only after Origin
	Integrity Integrity  // there where Digest is not empty; Appendix B says what it covers
	Refresh   TimeValues // policy refresh period
	Unknown   []Raw      // other options, Offset from the start of the body

	Elements []PolicyElement
}

// PolicyType is the P-Type of a policy element.
type PolicyType uint16

// P-Types.
const (
	PolicyPreemption  PolicyType = 1 // RFC 3181
	PolicyUser        PolicyType = 2 // AUTH_USER, RFC 3182
	PolicyApplication PolicyType = 3 // AUTH_APP, RFC 3182 and RFC 2872
)

// PolicyElement is one policy element (RFC 2750 section 3.3). One without Data
// deletes the state of its type (section 3.4).
type PolicyElement struct {
	Type PolicyType
	Data []byte // a multiple of 4 bytes; aliases what was parsed
}

// ParsePolicyData reads a POLICY_DATA object. Errors are *object.DecodeError
// with offsets from the start of the body. Slices of bytes alias it.
func ParsePolicyData(o object.Object) (PolicyData, error) {
	if err := checkBody(o, ClassPolicyData); err != nil {
		return PolicyData{}, err
	}
	// The data offset counts from the object's header.
	at := int(binary.BigEndian.Uint16(o.Body)) - object.HeaderLen
	if at < 4 || at%4 != 0 || at > len(o.Body) {
		return PolicyData{}, failf("POLICY_DATA Data Offset", 0, object.ErrLength, "%d in %d bytes", at+object.HeaderLen, len(o.Body))
	}
	var p PolicyData
	if err := p.options(o.Body[4:at]); err != nil {
		return p, err
	}
	return p, orNil(p.elements(o.Body, at))
}

// options reads the option list, which begins at offset 4 of the body.
func (p *PolicyData) options(b []byte) error {
	var m Message // takes the options' values
	filters, others := countOptions(b)
	p.Filters, p.Unknown = withRoom(p.Filters, filters), withRoom(p.Unknown, others)
	for off := 4; len(b) > 0; {
		o, rest, err := object.Parse(b)
		if err != nil {
			return fail("POLICY_DATA option", off, err)
		}
		if err := p.option(&m, o, off); err != nil {
			err.Offset += off
			return err
		}
		off, b = off+len(b)-len(rest), rest
	}
	return nil
}

// countOptions returns how many of the options in b go to Filters and to
// Unknown.
func countOptions(b []byte) (filters, others int) {
	for {
		o, rest, err := object.Parse(b)
		if err != nil {
			return filters, others
		}
		_, known := Lookup(Class(o.Class), o.CType)
		switch class := Class(o.Class); {
		case known && class == ClassFilterSpec:
			filters++
		case !known || class != ClassScope && class != ClassHop && class != ClassIntegrity && class != ClassTimeValues:
			others++
		}
		b = rest
	}
}

// option reads one option; offsets of its errors count from its header.
func (p *PolicyData) option(m *Message, o object.Object, off int) *object.DecodeError {
	class := Class(o.Class)
	ct, known := Lookup(class, o.CType)
	if known && !ct.fits(len(o.Body)) {
		return failf("POLICY_DATA "+class.String(), 0, object.ErrLength, "%d bytes", len(o.Body)+object.HeaderLen)
	}
	var err *object.DecodeError
	switch {
	case !known:
		p.Unknown = append(p.Unknown, Raw{o, off})
	case class == ClassFilterSpec:
		var f FilterSpec
		if f, err = filterFrom(o.CType, o.Body, "POLICY_DATA FILTER_SPEC"); err == nil && p.HasScope {
			return fail("POLICY_DATA FILTER_SPEC", 0, ErrNotAllowed)
		}
		p.Filters = append(p.Filters, f)
	case class == ClassScope && (p.HasScope || len(p.Filters) > 0):
		return fail("POLICY_DATA SCOPE", 0, ErrNotAllowed)
	case class == ClassScope:
		err = ct.parse(m, o.CType, o.Body)
		p.HasScope, p.Scope = true, m.Scope
	case class == ClassHop && p.Target.Addr.IsValid():
		return fail("POLICY_DATA RSVP_HOP", 0, ErrDuplicate)
	case class == ClassHop:
		err = ct.parse(m, o.CType, o.Body)
		if !p.Origin.Addr.IsValid() {
			p.Origin = m.Hop
		} else {
			p.Target = m.Hop
		}
	case class == ClassIntegrity:
		err = ct.parse(m, o.CType, o.Body)
		p.Integrity = m.Integrity
	case class == ClassTimeValues:
		err = ct.parse(m, o.CType, o.Body)
		p.Refresh = m.TimeValues
	default:
		p.Unknown = append(p.Unknown, Raw{o, off})
	}
	if err != nil {
		err.Offset += object.HeaderLen
	}
	return err
}

// elements reads the policy elements in body[off:].
func (p *PolicyData) elements(body []byte, off int) *object.DecodeError {
	n := 0
	for at := off; at < len(body); n++ {
		_, size, err := policyElement(body[at:], at)
		if err != nil {
			break
		}
		at += size
	}
	p.Elements = withRoom(p.Elements, n)
	for off < len(body) {
		e, n, err := policyElement(body[off:], off)
		if err != nil {
			return err
		}
		p.Elements = append(p.Elements, e)
		off += n
	}
	return nil
}

func policyElement(b []byte, off int) (PolicyElement, int, *object.DecodeError) {
	if len(b) < 4 {
		return PolicyElement{}, 0, failf("policy element", off, object.ErrTruncated, "%d bytes left", len(b))
	}
	n := int(binary.BigEndian.Uint16(b))
	if n < 4 || n%4 != 0 || n > len(b) {
		return PolicyElement{}, 0, failf("policy element length", off, object.ErrLength, "%d, %d bytes left", n, len(b))
	}
	return PolicyElement{Type: PolicyType(binary.BigEndian.Uint16(b[2:])), Data: b[4:n:n]}, n, nil
}

// AppendTo appends the POLICY_DATA object, its options in the order of RFC 2750
// section 3.2. IF_ID hops lose their TLVs.
func (p PolicyData) AppendTo(b []byte) ([]byte, error) {
	start := len(b)
	if len(p.Filters) > 0 && p.HasScope || p.Target.Addr.IsValid() && !p.Origin.Addr.IsValid() {
		return b, fail("POLICY_DATA options", start, ErrNotAllowed)
	}
	e := encoder{b: append(object.Begin(b, uint8(ClassPolicyData), 1), 0, 0, 0, 0), start: start}
	for _, f := range p.Filters {
		e.done(f.AppendTo(e.b))
	}
	if p.HasScope {
		e.done(AppendScope(e.b, p.Scope))
	}
	for _, h := range []Hop{p.Origin, p.Target} {
		if h.Addr.IsValid() {
			e.done(h.AppendTo(e.b))
		}
	}
	if len(p.Integrity.Digest) > 0 {
		e.done(p.Integrity.AppendTo(e.b))
	}
	if p.Refresh.RefreshMS != 0 {
		e.done(p.Refresh.AppendTo(e.b))
	}
	for _, o := range p.Unknown {
		e.done(o.AppendTo(e.b))
	}
	offset := len(e.b) - start
	for _, el := range p.Elements {
		e.done(el.AppendTo(e.b))
	}
	if e.err == nil && offset > 0xffff {
		e.err = failf("POLICY_DATA Data Offset", start, object.ErrTooLong, "%d", offset)
	}
	if e.err != nil {
		return b[:start], e.err
	}
	binary.BigEndian.PutUint16(e.b[start+4:], uint16(offset))
	return object.End(e.b, start)
}

// AppendTo appends the element. It fails for data that is not a multiple of 4
// bytes or too long.
func (e PolicyElement) AppendTo(b []byte) ([]byte, error) {
	if len(e.Data)%4 != 0 || len(e.Data) > 0xffff-4 {
		return b, failf("policy element", len(b), object.ErrLength, "%d bytes", len(e.Data))
	}
	b = binary.BigEndian.AppendUint16(b, uint16(4+len(e.Data)))
	b = binary.BigEndian.AppendUint16(b, uint16(e.Type))
	return append(b, e.Data...), nil
}

// MergeStrategy says how priorities of merged reservations are merged (RFC 3181
// section 5.1).
type MergeStrategy uint8

// Merging strategies.
const (
	MergeHighestQoS MergeStrategy = 1 // the priority of the highest QoS
	MergeHighest    MergeStrategy = 2 // the highest priority
	MergeError      MergeStrategy = 3 // an error where QoS differs
)

// Error codes of a preemption priority element (RFC 3181 section 4).
const (
	PriorityOK            uint8 = 0
	PriorityPreempted     uint8 = 1 // this previously admitted flow was preempted
	PriorityHeterogeneous uint8 = 2 // the element met a heterogeneous merge
)

// Preemption is the PREEMPTION_PRI policy element (RFC 3181 section 4).
type Preemption struct {
	Strategy  MergeStrategy
	Error     uint8
	Priority  uint16 // against the defending priorities of admitted flows; larger is higher
	Defending uint16 // once admitted; at least Priority
}

// ErrPolicyType says that a policy element is of another type than was asked for.
var ErrPolicyType = errors.New("another policy element")

// Element returns the policy element. It fails for priorities in the wrong order.
func (p Preemption) Element() (PolicyElement, error) {
	if p.Defending < p.Priority {
		return PolicyElement{}, failf("PREEMPTION_PRI", 0, ErrValue, "priority %d, defending %d", p.Priority, p.Defending)
	}
	b := []byte{0, uint8(p.Strategy), p.Error, 0}
	b = binary.BigEndian.AppendUint16(b, p.Priority)
	return PolicyElement{Type: PolicyPreemption, Data: binary.BigEndian.AppendUint16(b, p.Defending)}, nil
}

// ParsePreemption reads a PREEMPTION_PRI policy element.
func ParsePreemption(e PolicyElement) (Preemption, error) {
	switch {
	case e.Type != PolicyPreemption:
		return Preemption{}, failf("PREEMPTION_PRI", 0, ErrPolicyType, "P-Type %d", e.Type)
	case len(e.Data) != 8:
		return Preemption{}, failf("PREEMPTION_PRI length", 0, object.ErrLength, "%d bytes", 4+len(e.Data))
	}
	be := binary.BigEndian
	p := Preemption{Strategy: MergeStrategy(e.Data[1]), Error: e.Data[2], Priority: be.Uint16(e.Data[4:]), Defending: be.Uint16(e.Data[6:])}
	switch {
	case p.Strategy < MergeHighestQoS || p.Strategy > MergeError:
		return p, failf("PREEMPTION_PRI Merge Strategy", 1, ErrValue, "%d", p.Strategy)
	case p.Defending < p.Priority:
		return p, failf("PREEMPTION_PRI Defending Priority", 6, ErrValue, "%d below %d", p.Defending, p.Priority)
	}
	return p, nil
}
