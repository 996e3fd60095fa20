package rsvp

import (
	"github.com/mpstack/mpstack/rsvp/intserv"
	"github.com/mpstack/mpstack/wire/object"
)

// Decode makes m the message that fills b: the payload of one IP datagram, or
// one sub-message of a Bundle. Byte slices in m alias b. Whatever m held is
// gone; its memory is reused.
//
// An error is an *object.DecodeError. After ErrUnknownClass or ErrUnknownCType
// the whole message was well-formed and m holds all of it, so that its sender
// can be told (RFC 2205 section 3.10): the error's Offset is that of the object
// that must be refused. After any other error m holds what came before it.
func (m *Message) Decode(b []byte) error {
	m.Reset()
	h, objects, err := ParseHeader(b)
	m.Type, m.Flags, m.SendTTL, m.NoChecksum = h.Type, h.Flags, h.SendTTL, h.Checksum == 0
	switch {
	case err != nil:
		return err
	case !h.Type.Typed():
		return failf("Msg Type", 1, ErrType, "%v", h.Type)
	case h.Type == Bundle:
		m.Bundled = objects
		return checkBundle(objects, HeaderLen)
	}
	var refused *object.DecodeError
	m.objects = objects
	for off := HeaderLen; len(objects) > 0; {
		o, rest, err := object.Parse(objects)
		if err != nil {
			return fail(objectName(objects), off, err)
		}
		if r, err := m.take(o, off); err != nil {
			return err
		} else if refused == nil {
			refused = r
		}
		off, objects = off+len(objects)-len(rest), rest
	}
	if err := m.finish(len(b), refused != nil); err != nil {
		return err
	}
	if refused != nil {
		return refused
	}
	return nil
}

// objectName returns the name of an object whose framing is wrong.
func objectName(b []byte) string {
	if len(b) < object.HeaderLen {
		return "object"
	}
	return Class(b[2]).String()
}

// take adds one object. refused says that the message must be refused, but may
// be read on.
func (m *Message) take(o object.Object, off int) (refused *object.DecodeError, err error) {
	class := Class(o.Class)
	info := &Classes[class]
	optional := object.UnknownPolicy(o.Class) != object.Reject
	switch {
	case info.Name == "":
		m.keep(inUnknown, &m.Unknown, o, off)
		if !optional {
			return failf(class.String(), off, ErrUnknownClass, "%d", o.Class), nil
		}
		return nil, nil
	case class == ClassNull:
		m.keep(inUnknown, &m.Unknown, o, off)
		return nil, nil
	case !info.Allowed.Has(m.Type) && optional && class != ClassUserErrorSpec:
		// To a node that does not know the class this is no error.
		m.keep(inUnknown, &m.Unknown, o, off)
		return nil, nil
	case !info.Allowed.Has(m.Type):
		return nil, failf(info.Name, off, ErrNotAllowed, "%v", m.Type)
	case class == ClassPolicyData:
		m.keep(inPolicy, &m.Policy, o, off)
		return nil, m.checkOrder(class, off)
	}
	other := info.Kept || m.Type == Notify && (class == ClassSession || len(m.Other) > 0)
	if !other {
		if err := m.checkOrder(class, off); err != nil {
			return nil, err
		}
	}
	ct, ok := Lookup(class, o.CType)
	switch {
	case !ok:
		m.keep(inUnknown, &m.Unknown, o, off)
		m.skipFlow(class)
		if optional {
			return nil, nil
		}
		return failf(info.Name, off, ErrUnknownCType, "%d", o.CType), nil
	case !ct.fits(len(o.Body)):
		return nil, failf(info.Name, off, object.ErrLength, "%d bytes", len(o.Body)+object.HeaderLen)
	case other:
		return nil, m.takeOther(ct, class, o, off)
	}
	return nil, m.takeField(ct, class, o.Body, off)
}

// keep appends an object to one of the lists of raw objects.
func (m *Message) keep(l list, to *[]Raw, o object.Object, off int) {
	m.room(full(*to))
	m.note(Received{Class: Class(o.Class), CType: o.CType, list: l}, off, len(*to))
	*to = append(*to, Raw{o, off})
}

// note lists an object that came at off and is the one with that index in its
// list.
func (m *Message) note(r Received, off, index int) {
	r.Offset, r.index = uint16(off), uint16(index)
	m.received = append(m.received, r)
}

// takeField adds an object that has a field.
func (m *Message) takeField(ct *CType, class Class, body []byte, off int) error {
	index, more := 0, false
	switch class {
	case ClassFlowSpec:
		index, more = len(m.Flows), full(m.Flows)
	case ClassFilterSpec:
		index, more = len(m.filters), full(m.filters) || full(m.Flows)
	case ClassMessageIDAck:
		index, more = len(m.Acks), full(m.Acks)
	case ClassMessageIDList:
		index, more = len(m.IDLists), full(m.IDLists)
	case ClassDiagResponse:
		index, more = len(m.Responses), full(m.Responses)
	}
	m.room(more)
	if err := ct.parse(m, ct.CType, body); err != nil {
		return moved(err, off)
	}
	m.note(Received{Class: class, CType: ct.CType}, off, index)
	return nil
}

// takeOther checks an object that is kept as it is, and keeps it: with the
// filter that it follows, or in Other.
func (m *Message) takeOther(ct *CType, class Class, o object.Object, off int) error {
	if Classes[class].Kept { // a Notify's session list has other classes too
		if err := moved(ct.parse(m, ct.CType, o.Body), off); err != nil {
			return err
		}
	}
	if !m.attach {
		m.keep(inOther, &m.Other, o, off)
		return nil
	}
	m.room(full(m.Attached))
	m.note(Received{Class: class, CType: o.CType, list: inAttached}, off, len(m.Attached))
	m.Attached = append(m.Attached, Attached{Flow: len(m.Flows) - 1, Filter: len(m.filters) - 1 - m.first, Raw: Raw{o, off}})
	return nil
}

// moved returns an error whose offset counts from an object's body with one
// that counts from the message; off is where the object lies.
func moved(err *object.DecodeError, off int) error {
	if err == nil {
		return nil
	}
	err.Offset += off + object.HeaderLen
	return err
}

// checkOrder enforces what the RFCs require of the order: INTEGRITY right after
// the header, STYLE and then the flow descriptors last (RFC 2205 sections 3.1.3
// and 3.1.4), but for DCLASS and what belongs to a filter; and that nothing comes
// twice but what lists itself. RFC 2961's place for MESSAGE_ID, right after
// INTEGRITY, is where we send it, but not asked of others.
func (m *Message) checkOrder(class Class, off int) error {
	flow := class == ClassFlowSpec || class == ClassFilterSpec
	switch {
	case class == ClassIntegrity && off != HeaderLen:
		return failf("INTEGRITY", off, ErrOrder, "not right after the header")
	case flow && m.Style == 0:
		return failf(class.String(), off, ErrOrder, "before STYLE")
	case !flow && m.Style != 0 && class != ClassDClass && !(class == ClassResvConfirm && m.Type == ResvTear):
		return failf(class.String(), off, ErrOrder, "after STYLE")
	case !flow && !repeats(class) && m.Has(class):
		return fail(class.String(), off, ErrDuplicate)
	}
	return nil
}

// repeats reports whether a message may carry several objects of a class.
func repeats(c Class) bool {
	switch c {
	case ClassPolicyData, ClassMessageIDAck, ClassMessageIDList, ClassDiagResponse:
		return true
	}
	return false
}

// addFlowSpec takes a FLOWSPEC of the flow descriptor list. FF waits for the
// filter; WF and SE begin their only descriptor.
func (m *Message) addFlowSpec(f intserv.FlowSpec) *object.DecodeError {
	again := m.hasFlow
	if m.Style.Base() == FF {
		again = m.fresh
	}
	if again && m.Style.Known() {
		return fail("FLOWSPEC", -object.HeaderLen, ErrDuplicate)
	}
	m.flow, m.hasFlow, m.fresh, m.attach = f, true, true, false
	if m.Style.Base() != FF {
		m.openFlow(false)
	}
	return nil
}

// addFilter takes a FILTER_SPEC of the flow descriptor list.
func (m *Message) addFilter(f FilterSpec) *object.DecodeError {
	switch {
	case m.Style.Base() == WF:
		return failf("FILTER_SPEC", -object.HeaderLen, ErrNotAllowed, "style WF")
	case !m.hasFlow && m.Type != ResvTear && m.Style.Known():
		return failf("FILTER_SPEC", -object.HeaderLen, ErrOrder, "before FLOWSPEC")
	}
	if m.Style.Base() == FF || len(m.Flows) == 0 {
		m.openFlow(m.hasFlow && !m.fresh)
	}
	m.fresh, m.attach = false, true
	m.filters = append(m.filters, f)
	m.Flows[len(m.Flows)-1].Filters = m.filters[m.first:len(m.filters):len(m.filters)]
	return nil
}

// skipFlow takes a FLOWSPEC or FILTER_SPEC of an unknown C-Type as read, so that
// what follows it is still judged rightly.
func (m *Message) skipFlow(class Class) {
	if class == ClassFlowSpec || class == ClassFilterSpec {
		m.attach = false
	}
	switch {
	case class == ClassFlowSpec:
		m.flow, m.hasFlow, m.fresh = intserv.FlowSpec{}, true, false
	case class == ClassFilterSpec && m.fresh:
		if m.Style.Base() == FF {
			m.openFlow(false)
		}
		m.fresh = false
	}
}

// openFlow begins a flow descriptor.
func (m *Message) openFlow(omitted bool) {
	m.first = len(m.filters)
	m.Flows = append(m.Flows, FlowDescriptor{FlowSpec: m.flow, Omitted: omitted})
}

// finish checks what can be checked only at the end: required objects and
// complete flow descriptors. partial says that an object was refused, which may
// be the one that is missing.
func (m *Message) finish(end int, partial bool) error {
	if err := m.checkKinds(); err != nil {
		return err
	}
	for _, c := range requiredClasses {
		if Classes[c].Required.Has(m.Type) && !m.Has(c) && !partial {
			return fail(c.String(), end, ErrMissing)
		}
	}
	if partial {
		return nil
	}
	if _, ok := m.OtherOf(ClassUserErrorSpec); !ok && m.Error.Code == CodeUserError {
		return fail(ClassUserErrorSpec.String(), end, ErrMissing) // RFC 5284 section 4.2
	}
	return m.finishFlows(end)
}

// checkKinds refuses senders that are named in another way than the session's
// kind asks for: a "message formatting error" (RFC 2207 section 4.1, RFC 4860
// section 3.1).
func (m *Message) checkKinds() error {
	if !m.Session.Dst.IsValid() {
		return nil
	}
	if m.Sender.IsValid() && !m.Session.Kind.Takes(m.Sender.Kind) {
		return m.wrongKind(ClassSenderTemplate, m.Sender)
	}
	for _, f := range m.filters {
		if !m.Session.Kind.Takes(f.Kind) {
			return m.wrongKind(ClassFilterSpec, f)
		}
	}
	return nil
}

func (m *Message) wrongKind(class Class, f FilterSpec) error {
	off := 0
	for _, r := range m.received {
		if r.Class == class && r.CType == f.CType() {
			off = int(r.Offset)
			break
		}
	}
	return failf(class.String(), off, ErrKind, "%v in a session by %v", f, m.Session.Kind)
}

// finishFlows checks the flow descriptor list against the style (RFC 2205
// section 3.1.4). ResvErr may leave it out; ResvTear may leave out FLOWSPECs.
func (m *Message) finishFlows(end int) error {
	if !inFlows.Has(m.Type) || !m.Style.Known() || m.Type == ResvErr && len(m.Flows) == 0 && !m.fresh {
		return nil
	}
	wf := m.Style.Base() == WF
	switch {
	case !m.hasFlow && m.Type != ResvTear:
		return fail("FLOWSPEC", end, ErrMissing)
	case wf:
		return nil
	case m.fresh || len(m.filters) == 0:
		return fail("FILTER_SPEC", end, ErrMissing)
	}
	return nil
}
