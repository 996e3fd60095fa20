package rsvp

import (
	"encoding/binary"

	"github.com/mpstack/mpstack/wire/object"
)

// Decode takes memory for a list once: when a list is full, the objects of the
// message are counted and every list gets the room that it will need. A message
// that is used again has it already, and counts nothing.

// full reports whether list has no room for one more.
func full[T any](list []T) bool { return len(list) == cap(list) }

// withRoom returns list with a capacity of at least n.
func withRoom[T any](list []T, n int) []T {
	if n <= cap(list) {
		return list
	}
	return append(make([]T, 0, n), list...)
}

// room makes room for one more object, whose list may be full.
func (m *Message) room(full bool) {
	if full || len(m.received) == cap(m.received) {
		m.makeRoom()
	}
}

// makeRoom makes every list hold what the objects of the message need.
func (m *Message) makeRoom() {
	n := tally{typ: m.Type}
	for b := m.objects; len(b) > 0; {
		o, rest, err := object.Parse(b)
		if err != nil {
			break
		}
		n.count(o)
		b = rest
	}
	m.received = withRoom(m.received, n.received)
	m.Unknown, m.Policy = withRoom(m.Unknown, n.unknown), withRoom(m.Policy, n.policy)
	m.Other, m.Attached = withRoom(m.Other, n.other), withRoom(m.Attached, n.attached)
	m.Flows, m.filters = withRoom(m.Flows, n.flows), withRoom(m.filters, n.filters)
	m.Acks, m.IDLists, m.Responses = withRoom(m.Acks, n.acks), withRoom(m.IDLists, n.ids), withRoom(m.Responses, n.responses)
}

// tally says how many elements each list of a message will have, if none of its
// objects is refused. It follows what take does.
type tally struct {
	typ   MessageType
	style Style

	received, unknown, policy, other, attached, flows, filters, acks, ids, responses int

	fresh, attach bool // as in Message
}

func (n *tally) count(o object.Object) {
	n.received++
	class := Class(o.Class)
	info := &Classes[class]
	_, known := Lookup(class, o.CType)
	switch {
	case info.Name == "" || class == ClassNull || !info.Allowed.Has(n.typ):
		n.unknown++
	case class == ClassPolicyData:
		n.policy++
	case !known:
		n.unknown++
		n.skip(class)
	case !info.Kept && !(n.typ == Notify && (class == ClassSession || n.other > 0)):
		n.field(class, o.Body)
	case n.attach:
		n.attached++
	default:
		n.other++
	}
}

// field counts an object that has a field.
func (n *tally) field(class Class, body []byte) {
	switch class {
	case ClassStyle:
		if len(body) == 4 {
			n.style = Style(binary.BigEndian.Uint32(body))
		}
	case ClassFlowSpec:
		n.fresh, n.attach = true, false
		if n.style.Base() != FF {
			n.flows++
		}
	case ClassFilterSpec:
		if n.style.Base() == FF || n.flows == 0 {
			n.flows++
		}
		n.fresh, n.attach = false, true
		n.filters++
	case ClassMessageIDAck:
		n.acks++
	case ClassMessageIDList:
		n.ids++
	case ClassDiagResponse:
		n.responses++
	}
}

// skip counts what skipFlow does.
func (n *tally) skip(class Class) {
	switch class {
	case ClassFlowSpec:
		n.fresh, n.attach = false, false
	case ClassFilterSpec:
		if n.fresh && n.style.Base() == FF {
			n.flows++
		}
		n.fresh, n.attach = false, false
	}
}
