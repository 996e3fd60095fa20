package rsvp

import (
	"encoding/binary"
	"fmt"

	"github.com/mpstack/mpstack/wire/inet"
	"github.com/mpstack/mpstack/wire/object"
)

// WireLen returns the length of the message that AppendTo appends.
func (m *Message) WireLen() int {
	n := HeaderLen + m.rawLen()
	n += lenIf(m.Has(ClassSession), m.Session.WireLen()) + lenIf(m.Has(ClassHop), m.Hop.WireLen())
	n += lenIf(m.Has(ClassTimeValues), m.TimeValues.WireLen()) + lenIf(m.Has(ClassErrorSpec), m.Error.WireLen())
	n += lenIf(m.Has(ClassResvConfirm), object.HeaderLen+addrLen(m.Confirm)) + lenIf(m.HasScope, scopeLen(m.Scope))
	n += lenIf(m.Has(ClassStyle), m.Style.WireLen())
	n += lenIf(m.Sender.IsValid(), m.Sender.WireLen()) + lenIf(m.HasTSpec, senderTSpecLen) + lenIf(m.HasAdSpec, adSpecLen(m.AdSpec))
	for i := range m.Flows {
		n += m.Flows[i].wireLen()
	}
	return n
}

func lenIf(there bool, n int) int {
	if there {
		return n
	}
	return 0
}

func (m *Message) rawLen() int {
	n := lenIf(m.Integrity.Class != 0, m.Integrity.WireLen())
	for _, o := range m.Policy {
		n += o.WireLen()
	}
	for _, o := range m.Unknown {
		n += lenIf(Class(o.Class) != ClassNull, o.WireLen())
	}
	return n
}

func (d *FlowDescriptor) wireLen() int {
	n := lenIf(d.hasFlowSpec(), flowSpecLen(d.FlowSpec))
	for _, f := range d.Filters {
		n += f.WireLen()
	}
	return n
}

func (d *FlowDescriptor) hasFlowSpec() bool { return !d.Omitted && !d.FlowSpec.IsZero() }

// AppendTo appends the message with its objects in the order that RFC 2205
// section 3.1 recommends and with its checksum. POLICY_DATA has its place
// there; unknown objects follow the sender descriptor, or come before STYLE;
// NULL objects are left out. It fails if a required object is missing or one is
// not allowed, or if the message would be longer than MaxLen.
func (m *Message) AppendTo(b []byte) ([]byte, error) {
	if err := m.check(); err != nil {
		return b, err
	}
	e := encoder{b: m.begin(b), start: len(b)}
	e.raw(&m.Integrity, m.Integrity.Class != 0)
	e.object(m.Has(ClassSession), m.Session.AppendTo)
	e.object(m.Has(ClassHop), m.Hop.AppendTo)
	e.object(m.Has(ClassTimeValues), m.TimeValues.AppendTo)
	e.object(m.Has(ClassErrorSpec), m.Error.AppendTo)
	if m.Confirm.IsValid() {
		e.done(AppendConfirm(e.b, m.Confirm))
	}
	if m.HasScope {
		e.done(AppendScope(e.b, m.Scope))
	}
	e.raws(m.Policy)
	m.appendSender(&e)
	e.raws(m.Unknown)
	e.object(m.Style != 0, m.Style.AppendTo)
	for i := range m.Flows {
		e.flow(&m.Flows[i])
	}
	return m.end(&e)
}

// appendSender appends the sender descriptor.
func (m *Message) appendSender(e *encoder) {
	e.object(m.Sender.IsValid(), m.Sender.AppendTemplate)
	if m.HasTSpec {
		e.done(AppendSenderTSpec(e.b, m.TSpec))
	}
	if m.HasAdSpec {
		e.done(AppendAdSpec(e.b, m.AdSpec))
	}
}

// AppendAsReceived appends the message that Decode took, object by object in
// the order in which they came, each encoded anew from its value. Objects that
// were added to m since are not in it.
func (m *Message) AppendAsReceived(b []byte) ([]byte, error) {
	e := encoder{b: m.begin(b), start: len(b)}
	policy, unknown := m.Policy, m.Unknown
	for _, s := range m.received {
		switch {
		case !s.raw:
			m.appendSlot(&e, s)
		case s.class == ClassIntegrity:
			e.raw(&m.Integrity, true)
		case s.class == ClassPolicyData:
			e.raw(&policy[s.index], true)
		default:
			e.raw(&unknown[s.index], true)
		}
	}
	return m.end(&e)
}

// appendSlot appends one typed object that was received.
func (m *Message) appendSlot(e *encoder, s slot) {
	switch s.class {
	case ClassSession:
		e.done(m.Session.AppendTo(e.b))
	case ClassHop:
		e.done(m.Hop.AppendTo(e.b))
	case ClassTimeValues:
		e.done(m.TimeValues.AppendTo(e.b))
	case ClassErrorSpec:
		e.done(m.Error.AppendTo(e.b))
	case ClassScope:
		e.done(AppendScope(e.b, m.Scope))
	case ClassStyle:
		e.done(m.Style.AppendTo(e.b))
	case ClassFlowSpec:
		if s.index < len(m.Flows) {
			e.done(AppendFlowSpec(e.b, m.Flows[s.index].FlowSpec))
		}
	case ClassFilterSpec:
		e.done(m.filters[s.index].AppendTo(e.b))
	case ClassSenderTemplate:
		e.done(m.Sender.AppendTemplate(e.b))
	case ClassSenderTSpec:
		e.done(AppendSenderTSpec(e.b, m.TSpec))
	case ClassAdSpec:
		e.done(AppendAdSpec(e.b, m.AdSpec))
	case ClassResvConfirm:
		e.done(AppendConfirm(e.b, m.Confirm))
	}
}

// check verifies that what is required is there and nothing is that the type
// does not allow.
func (m *Message) check() error {
	if !m.Type.Typed() {
		return failf("Msg Type", 1, ErrType, "%v", m.Type)
	}
	for c := ClassSession; c <= ClassResvConfirm; c++ {
		info := &Classes[c]
		switch there := m.Has(c); {
		case there && !info.Allowed.Has(m.Type):
			return failf(info.Name, 0, ErrNotAllowed, "%v", m.Type)
		case !there && info.Required.Has(m.Type):
			return failf(info.Name, 0, ErrMissing, "%v", m.Type)
		}
	}
	return m.checkFlows()
}

// checkFlows verifies the flow descriptors against the style (RFC 2205 section
// 3.1.4); finishFlows does the same for a message that came in.
func (m *Message) checkFlows() error {
	style := m.Style.Base()
	if !style.Known() || m.Type == ResvErr && len(m.Flows) == 0 {
		return nil
	}
	if len(m.Flows) == 0 && !(style == WF && m.Type == ResvTear) {
		return fail("flow descriptor list", 0, ErrMissing)
	}
	if len(m.Flows) > 1 && style != FF {
		return failf("flow descriptor list", 0, ErrNotAllowed, "%d descriptors in style %v", len(m.Flows), style)
	}
	for i := range m.Flows {
		d := &m.Flows[i]
		switch n := len(d.Filters); {
		case style == WF && n != 0, style == FF && n != 1, style == SE && n == 0:
			return failf("FILTER_SPEC", 0, ErrNotAllowed, "%d in a descriptor of style %v", n, style)
		case m.Type != ResvTear && (d.FlowSpec.IsZero() || d.Omitted && i == 0):
			return fail("FLOWSPEC", 0, ErrMissing)
		}
	}
	return nil
}

// begin appends the common header; end fills in length and checksum.
func (m *Message) begin(b []byte) []byte {
	return append(b, Version<<4|m.Flags&0x0f, uint8(m.Type), 0, 0, m.SendTTL, 0, 0, 0)
}

func (m *Message) end(e *encoder) ([]byte, error) {
	out := e.b[e.start:]
	if e.err == nil && len(out) > MaxLen {
		e.err = fmt.Errorf("rsvp: %v of %d bytes: %w", m.Type, len(out), object.ErrTooLong)
	}
	if e.err != nil {
		return e.b[:e.start], e.err
	}
	binary.BigEndian.PutUint16(out[6:], uint16(len(out)))
	if !m.NoChecksum {
		binary.BigEndian.PutUint16(out[2:], checksum(out))
	}
	return e.b, nil
}

// checksum returns the checksum of a message whose checksum field is zero. A
// sum of zero is sent as all ones, its other form, because zero means that no
// checksum was sent (RFC 2205 section 3.1.1).
func checksum(b []byte) uint16 {
	if c := inet.Checksum(b, 0); c != 0 {
		return c
	}
	return 0xffff
}

// encoder appends objects until one fails.
type encoder struct {
	b     []byte
	start int
	err   error
}

func (e *encoder) done(b []byte, err error) {
	if e.err == nil {
		e.b, e.err = b, err
	}
}

func (e *encoder) object(there bool, appendTo func([]byte) ([]byte, error)) {
	if there {
		e.done(appendTo(e.b))
	}
}

func (e *encoder) raw(o *Raw, there bool) {
	if there {
		e.done(o.AppendTo(e.b))
	}
}

func (e *encoder) raws(list []Raw) {
	for i := range list {
		e.raw(&list[i], Class(list[i].Class) != ClassNull)
	}
}

func (e *encoder) flow(d *FlowDescriptor) {
	if d.hasFlowSpec() {
		e.done(AppendFlowSpec(e.b, d.FlowSpec))
	}
	for _, f := range d.Filters {
		e.done(f.AppendTo(e.b))
	}
}
