package rsvp

import (
	"slices"

	"github.com/mpstack/mpstack/rsvp/intserv"
	"github.com/mpstack/mpstack/wire/object"
)

// Decode makes m the message that fills b: the payload of one IP datagram.
// Byte slices in m alias b. Whatever m held is gone; its memory is reused.
//
// An error is an *object.DecodeError. After ErrUnknownClass or ErrUnknownCType
// the whole message was well-formed and m holds all of it, so that its sender
// can be told (RFC 2205 section 3.10): the error's Offset is that of the object
// that must be refused. After any other error m holds what came before it.
func (m *Message) Decode(b []byte) error {
	m.Reset()
	h, objects, err := ParseHeader(b)
	m.Type, m.Flags, m.SendTTL, m.NoChecksum = h.Type, h.Flags, h.SendTTL, h.Checksum == 0
	if err != nil {
		return err
	}
	if !h.Type.Typed() {
		return failf("Msg Type", 1, ErrType, "%v", h.Type)
	}
	var refused *object.DecodeError
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
	switch {
	case info.Name == "":
		m.keep(&m.Unknown, o, off)
		if object.UnknownPolicy(o.Class) == object.Reject {
			return failf(class.String(), off, ErrUnknownClass, "%d", o.Class), nil
		}
		return nil, nil
	case class == ClassNull:
		m.keep(&m.Unknown, o, off)
		return nil, nil
	case !info.Allowed.Has(m.Type):
		return nil, failf(info.Name, off, ErrNotAllowed, "%v", m.Type)
	}
	if err := m.checkOrder(class, off); err != nil {
		return nil, err
	}
	switch class {
	case ClassIntegrity:
		m.Integrity = Raw{o, off}
		m.received = append(m.received, slot{class: class, raw: true})
		return nil, nil
	case ClassPolicyData:
		m.keep(&m.Policy, o, off)
		return nil, nil
	}
	ct, ok := Lookup(class, o.CType)
	if !ok {
		m.keep(&m.Unknown, o, off)
		m.skipFlow(class)
		return failf(info.Name, off, ErrUnknownCType, "%d", o.CType), nil
	}
	return nil, m.takeTyped(ct, class, o.Body, off)
}

// keep appends an object to one of the lists of raw objects.
func (m *Message) keep(list *[]Raw, o object.Object, off int) {
	m.received = append(m.received, slot{class: Class(o.Class), raw: true, index: len(*list)})
	*list = append(*list, Raw{o, off})
}

func (m *Message) takeTyped(ct *CType, class Class, body []byte, off int) error {
	if len(body) < ct.Min || len(body) > ct.Max {
		return failf(class.String(), off, object.ErrLength, "%d bytes", len(body)+object.HeaderLen)
	}
	if class != ClassFlowSpec && class != ClassFilterSpec {
		m.received = append(m.received, slot{class: class})
	}
	if err := ct.parse(m, body); err != nil {
		err.Offset += off + object.HeaderLen
		return err
	}
	if class == ClassScope {
		m.HasScope = true
	}
	return nil
}

// checkOrder enforces what RFC 2205 requires of the order: INTEGRITY right
// after the header, STYLE and then the flow descriptors last (sections 3.1.3
// and 3.1.4); and that nothing comes twice but POLICY_DATA and the flow
// descriptors.
func (m *Message) checkOrder(class Class, off int) error {
	flow := class == ClassFlowSpec || class == ClassFilterSpec
	switch {
	case class == ClassIntegrity && off != HeaderLen:
		return failf("INTEGRITY", off, ErrOrder, "not right after the header")
	case flow && m.Style == 0:
		return failf(class.String(), off, ErrOrder, "before STYLE")
	case !flow && m.Style != 0 && !(class == ClassResvConfirm && m.Type == ResvTear):
		return failf(class.String(), off, ErrOrder, "after STYLE")
	case !flow && class != ClassPolicyData && m.Has(class):
		return fail(class.String(), off, ErrDuplicate)
	}
	return nil
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
	m.received = append(m.received, slot{class: ClassFlowSpec, index: len(m.Flows)})
	m.flow, m.hasFlow, m.fresh = f, true, true
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
	m.fresh = false
	m.received = append(m.received, slot{class: ClassFilterSpec, index: len(m.filters)})
	m.filters = append(m.filters, f)
	m.spans[len(m.spans)-1].to = len(m.filters)
	return nil
}

// skipFlow takes a FLOWSPEC or FILTER_SPEC of an unknown C-Type as read, so that
// what follows it is still judged rightly.
func (m *Message) skipFlow(class Class) {
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
	m.Flows = append(m.Flows, FlowDescriptor{FlowSpec: m.flow, Omitted: omitted})
	m.spans = append(m.spans, span{len(m.filters), len(m.filters)})
}

// finish checks what can be checked only at the end: required objects and
// complete flow descriptors. partial says that an object was refused, which may
// be the one that is missing.
func (m *Message) finish(end int, partial bool) error {
	for i, s := range m.spans {
		m.Flows[i].Filters = slices.Clip(m.filters[s.from:s.to])
	}
	for _, c := range requiredClasses {
		if Classes[c].Required.Has(m.Type) && !m.Has(c) && !partial {
			return fail(c.String(), end, ErrMissing)
		}
	}
	if partial {
		return nil
	}
	return m.finishFlows(end)
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
