package rsvp

import (
	"encoding/binary"
	"fmt"

	"github.com/mpstack/mpstack/wire/inet"
	"github.com/mpstack/mpstack/wire/object"
)

// WireLen returns the length of the message that AppendTo appends.
func (m *Message) WireLen() int {
	n := HeaderLen + len(m.Bundled) + m.rawLen() + m.extraLen()
	n += lenIf(m.Has(ClassSession), m.Session.WireLen()) + lenIf(m.Has(ClassHop), m.Hop.WireLen()+len(m.HopTLVs))
	n += lenIf(m.Has(ClassTimeValues), m.TimeValues.WireLen()) + lenIf(m.Has(ClassErrorSpec), m.Error.WireLen()+len(m.ErrorTLVs))
	n += lenIf(m.Has(ClassResvConfirm), object.HeaderLen+addrLen(m.Confirm)) + lenIf(m.HasScope, scopeLen(m.Scope))
	n += lenIf(m.Has(ClassStyle), m.Style.WireLen())
	n += lenIf(m.Sender.IsValid(), m.Sender.WireLen()) + lenIf(m.HasAdSpec, adSpecLen(m.AdSpec))
	n += lenIf(m.Has(ClassSenderTSpec), senderTSpecLen(m.HasTSpec, m.NullTSpec))
	for i := range m.Flows {
		n += m.Flows[i].wireLen()
	}
	return n
}

// extraLen returns the length of what extends RFC 2205.
func (m *Message) extraLen() int {
	n := lenIf(m.Has(ClassIntegrity), m.Integrity.WireLen()) + lenIf(m.HasChallenge, m.Challenge.WireLen())
	n += len(m.Acks)*(object.HeaderLen+8) + lenIf(m.HasMessageID, m.MessageID.WireLen())
	for i := range m.IDLists {
		n += m.IDLists[i].WireLen()
	}
	n += lenIf(m.Has(ClassHello), m.Hello.WireLen()) + lenIf(len(m.DClass) > 0, dclassLen(len(m.DClass)))
	n += lenIf(m.Has(ClassDiagnostic), m.Diag.WireLen()) + lenIf(len(m.DiagSelect) > 0, diagSelectLen(len(m.DiagSelect)))
	n += lenIf(m.Route.Present, m.Route.WireLen())
	for i := range m.Responses {
		n += m.Responses[i].WireLen()
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
	n := 0
	for _, o := range m.Policy {
		n += o.WireLen()
	}
	for _, o := range m.Other {
		n += o.WireLen()
	}
	for i := range m.Attached {
		n += m.Attached[i].WireLen()
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

// AppendTo appends the message with its objects in the order that the RFCs
// recommend and with its checksum: INTEGRITY, MESSAGE_ID_ACK, MESSAGE_ID, then
// as RFC 2205 section 3.1 and RFC 3209 section 3 list them. Unknown objects
// follow the sender descriptor, or come before STYLE; NULL objects are left out.
// It fails if a required object is missing or one is not allowed, or if the
// message would be longer than MaxLen.
func (m *Message) AppendTo(b []byte) ([]byte, error) {
	if m.Type == Bundle {
		return m.appendBundle(b)
	}
	if err := m.check(); err != nil {
		return b, err
	}
	e := encoder{b: m.begin(b), start: len(b)}
	m.appendHead(&e)
	m.appendSession(&e)
	m.appendDiag(&e)
	if m.Hello.Src != 0 {
		e.done(m.Hello.AppendTo(e.b))
	}
	e.others(m.Other, false)
	e.raws(m.Policy)
	m.appendSender(&e)
	e.others(m.Other, true)
	if len(m.DClass) > 0 {
		e.done(AppendDClass(e.b, m.DClass))
	}
	e.raws(m.Unknown)
	if m.Style != 0 {
		e.done(m.Style.AppendTo(e.b))
	}
	m.appendFlows(&e)
	for i := range m.IDLists {
		e.done(m.IDLists[i].AppendTo(e.b))
	}
	return m.end(&e)
}

// appendHead appends what comes first in every message.
func (m *Message) appendHead(e *encoder) {
	if len(m.Integrity.Digest) > 0 {
		e.done(m.Integrity.AppendTo(e.b))
	}
	for i := range m.Acks {
		e.done(m.Acks[i].AppendTo(e.b))
	}
	if m.HasMessageID {
		e.done(m.MessageID.AppendTo(e.b))
	}
	if m.HasChallenge {
		e.done(m.Challenge.AppendTo(e.b))
	}
}

// appendSession appends what is about the session as a whole.
func (m *Message) appendSession(e *encoder) {
	if m.Session.Dst.IsValid() {
		e.done(m.Session.AppendTo(e.b))
	}
	if m.Hop.Addr.IsValid() {
		e.done(m.Hop.appendWith(e.b, m.HopTLVs))
	}
	if m.TimeValues.RefreshMS != 0 {
		e.done(m.TimeValues.AppendTo(e.b))
	}
	if m.Error.Node.IsValid() {
		e.done(m.Error.appendWith(e.b, m.ErrorTLVs))
	}
	if m.Confirm.IsValid() {
		e.done(AppendConfirm(e.b, m.Confirm))
	}
	if m.HasScope {
		e.done(AppendScope(e.b, m.Scope))
	}
}

// appendDiag appends the diagnostic objects.
func (m *Message) appendDiag(e *encoder) {
	if m.Diag.LastHop.IsValid() {
		e.done(m.Diag.AppendTo(e.b))
	}
	if len(m.DiagSelect) > 0 {
		e.done(AppendDiagSelect(e.b, m.DiagSelect))
	}
	if m.Route.Present {
		e.done(m.Route.AppendTo(e.b))
	}
	for i := range m.Responses {
		e.done(m.Responses[i].AppendTo(e.b))
	}
}

// appendSender appends the sender descriptor.
func (m *Message) appendSender(e *encoder) {
	if m.Sender.IsValid() {
		e.done(m.Sender.AppendTemplate(e.b))
	}
	m.appendTSpec(e)
	if m.HasAdSpec {
		e.done(AppendAdSpec(e.b, m.AdSpec))
	}
}

func (m *Message) appendTSpec(e *encoder) {
	switch {
	case m.HasTSpec:
		e.done(AppendSenderTSpecs(e.b, &m.TSpec, m.NullTSpec))
	case m.NullTSpec.Present:
		e.done(AppendSenderTSpecs(e.b, nil, m.NullTSpec))
	}
}

// AppendAsReceived appends the message that Decode took, object by object in
// the order in which they came, each encoded anew from its value. Objects that
// were added to m since are not in it.
func (m *Message) AppendAsReceived(b []byte) ([]byte, error) {
	if m.Type == Bundle {
		return m.appendBundle(b)
	}
	e := encoder{b: m.begin(b), start: len(b)}
	for _, r := range m.received {
		switch r.list {
		case inUnknown:
			e.done(m.Unknown[r.index].AppendTo(e.b))
		case inPolicy:
			e.done(m.Policy[r.index].AppendTo(e.b))
		case inOther:
			e.done(m.Other[r.index].AppendTo(e.b))
		case inAttached:
			e.done(m.Attached[r.index].AppendTo(e.b))
		default:
			m.appendReceived(&e, r)
		}
	}
	return m.end(&e)
}

// appendReceived appends one object that was received and has a field.
func (m *Message) appendReceived(e *encoder, r Received) {
	switch r.Class {
	case ClassSession:
		e.done(m.Session.AppendTo(e.b))
	case ClassHop:
		e.done(m.Hop.appendWith(e.b, m.HopTLVs))
	case ClassTimeValues:
		e.done(m.TimeValues.AppendTo(e.b))
	case ClassErrorSpec:
		e.done(m.Error.appendWith(e.b, m.ErrorTLVs))
	case ClassScope:
		e.done(AppendScope(e.b, m.Scope))
	case ClassStyle:
		e.done(m.Style.AppendTo(e.b))
	case ClassFlowSpec:
		if int(r.index) < len(m.Flows) {
			e.done(AppendFlowSpec(e.b, m.Flows[r.index].FlowSpec))
		}
	case ClassFilterSpec:
		e.done(m.filters[r.index].AppendTo(e.b))
	case ClassSenderTemplate:
		e.done(m.Sender.AppendTemplate(e.b))
	case ClassSenderTSpec:
		m.appendTSpec(e)
	case ClassAdSpec:
		e.done(AppendAdSpec(e.b, m.AdSpec))
	case ClassResvConfirm:
		e.done(AppendConfirm(e.b, m.Confirm))
	default:
		m.appendMore(e, r)
	}
}

// appendMore is appendReceived for what extends RFC 2205.
func (m *Message) appendMore(e *encoder, r Received) {
	switch r.Class {
	case ClassIntegrity:
		e.done(m.Integrity.AppendTo(e.b))
	case ClassChallenge:
		e.done(m.Challenge.AppendTo(e.b))
	case ClassMessageID:
		e.done(m.MessageID.AppendTo(e.b))
	case ClassMessageIDAck:
		e.done(m.Acks[r.index].AppendTo(e.b))
	case ClassMessageIDList:
		e.done(m.IDLists[r.index].AppendTo(e.b))
	case ClassHello:
		e.done(m.Hello.AppendTo(e.b))
	case ClassDClass:
		e.done(AppendDClass(e.b, m.DClass))
	case ClassDiagnostic:
		e.done(m.Diag.AppendTo(e.b))
	case ClassDiagSelect:
		e.done(AppendDiagSelect(e.b, m.DiagSelect))
	case ClassRoute:
		e.done(m.Route.AppendTo(e.b))
	case ClassDiagResponse:
		e.done(m.Responses[r.index].AppendTo(e.b))
	}
}

// check verifies that what is required is there and nothing is that the type
// does not allow.
func (m *Message) check() error {
	if !m.Type.Typed() {
		return failf("Msg Type", 1, ErrType, "%v", m.Type)
	}
	for _, c := range fieldClasses {
		info := &Classes[c]
		switch there := m.Has(c); {
		case there && !info.Allowed.Has(m.Type):
			return failf(info.Name, 0, ErrNotAllowed, "%v", m.Type)
		case !there && info.Required.Has(m.Type):
			return failf(info.Name, 0, ErrMissing, "%v", m.Type)
		}
	}
	if m.Sender.IsValid() && !m.Session.Kind.Takes(m.Sender.Kind) {
		return failf("SENDER_TEMPLATE", 0, ErrKind, "%v in a session by %v", m.Sender, m.Session.Kind)
	}
	return m.checkFlows()
}

// fieldClasses are the classes that have a field in Message.
var fieldClasses = [...]Class{
	ClassSession, ClassHop, ClassIntegrity, ClassTimeValues, ClassErrorSpec, ClassScope, ClassStyle, ClassFlowSpec, ClassFilterSpec,
	ClassSenderTemplate, ClassSenderTSpec, ClassAdSpec, ClassPolicyData, ClassResvConfirm, ClassHello, ClassMessageID, ClassMessageIDAck,
	ClassMessageIDList, ClassDiagnostic, ClassRoute, ClassDiagResponse, ClassDiagSelect, ClassChallenge, ClassDClass,
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
		for _, f := range d.Filters {
			if !m.Session.Kind.Takes(f.Kind) {
				return failf("FILTER_SPEC", 0, ErrKind, "%v in a session by %v", f, m.Session.Kind)
			}
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

func (e *encoder) raws(list []Raw) {
	for i := range list {
		if Class(list[i].Class) != ClassNull {
			e.done(list[i].AppendTo(e.b))
		}
	}
}

// others appends objects without a field: those that belong before the sender
// descriptor, or behind it (RFC 3209 section 3.1, RFC 3473 section 10).
func (e *encoder) others(list []Raw, behind bool) {
	for i := range list {
		if behindSender(Class(list[i].Class)) == behind {
			e.done(list[i].AppendTo(e.b))
		}
	}
}

func behindSender(c Class) bool {
	return c == ClassRecordRoute || c == ClassSuggestedLabel || c == ClassRecoveryLabel || c == ClassUpstreamLabel
}

// appendFlows appends the flow descriptors and what is attached to their filters.
func (m *Message) appendFlows(e *encoder) {
	attached := m.Attached
	for i := range m.Flows {
		d := &m.Flows[i]
		if d.hasFlowSpec() {
			e.done(AppendFlowSpec(e.b, d.FlowSpec))
		}
		for k, f := range d.Filters {
			e.done(f.AppendTo(e.b))
			for ; len(attached) > 0 && attached[0].Flow == i && attached[0].Filter == k; attached = attached[1:] {
				e.done(attached[0].AppendTo(e.b))
			}
		}
	}
	if e.err == nil && len(attached) > 0 {
		e.err = failf(Class(attached[0].Class).String(), len(e.b), ErrOrder, "filter %d of flow %d", attached[0].Filter, attached[0].Flow)
	}
}
