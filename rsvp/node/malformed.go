package node

import (
	"errors"

	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/wire/object"
)

// supported gives, for the classes that a node acts on, the greatest C-Type: the
// objects of RFC 2205, 2207, 2210 and 2747. What the codec knows beyond that is to
// the node as if it were unknown.
var supported = [256]uint8{
	rsvp.ClassSession: 4, rsvp.ClassHop: 2, rsvp.ClassIntegrity: 1, rsvp.ClassTimeValues: 1, rsvp.ClassErrorSpec: 2, rsvp.ClassScope: 2,
	rsvp.ClassStyle: 1, rsvp.ClassFlowSpec: 2, rsvp.ClassFilterSpec: 5, rsvp.ClassSenderTemplate: 5, rsvp.ClassSenderTSpec: 2,
	rsvp.ClassAdSpec: 2, rsvp.ClassPolicyData: 255, rsvp.ClassResvConfirm: 2, rsvp.ClassChallenge: 1,
}

// reducing is supported for what comes with refresh reduction.
var reducing = [256]uint8{rsvp.ClassMessageID: 1, rsvp.ClassMessageIDAck: 2, rsvp.ClassMessageIDList: 5}

// unsupported returns the error for the first object of a decoded message that
// must be refused because the node does not know its class or C-Type (RFC 2205
// section 3.10).
func (n *Node) unsupported(m *rsvp.Message) error {
	for _, r := range m.Received() {
		limit := supported[r.Class]
		if n.red.on && limit == 0 {
			limit = reducing[r.Class]
		}
		switch {
		case r.Class == rsvp.ClassNull || r.CType <= limit:
		case limit > 0:
			return &object.DecodeError{Layer: "rsvp", Field: r.Class.String(), Offset: int(r.Offset), Err: rsvp.ErrUnknownCType}
		case object.UnknownPolicy(uint8(r.Class)) == object.Reject:
			return &object.DecodeError{Layer: "rsvp", Field: r.Class.String(), Offset: int(r.Offset), Err: rsvp.ErrUnknownClass}
		}
	}
	return nil
}

// malformed deals with a message that did not decode, or is not supported.
// Almost all errors are counted only; an unknown class or C-Type is reported to
// where the message came from, for the end system may know another form (RFC 2205
// section 3.10 and the end of Appendix B).
func (n *Node) malformed(in Incoming, m *rsvp.Message, err error) {
	n.drop(dropOf(err))
	code := rsvp.CodeUnknownClass
	switch {
	case errors.Is(err, rsvp.ErrUnknownCType):
		code = rsvp.CodeUnknownCType
	case !errors.Is(err, rsvp.ErrUnknownClass):
		return
	}
	de, ok := errors.AsType[*object.DecodeError](err)
	if !ok || !m.Session.Dst.IsValid() || !m.Hop.Addr.IsValid() || !n.consistent(m) {
		return
	}
	value := uint16(in.Payload[de.Offset+2])<<8 | uint16(in.Payload[de.Offset+3])
	switch m.Type {
	case rsvp.Path:
		n.refusePath(in, m, code, value)
	case rsvp.Resv:
		oi, ok := n.outInterface(m.Hop.LIH, in.InIf)
		if ok && m.Style != 0 {
			n.refuseUnread(m, oi, code, value)
		}
	}
}

// refuseUnread answers a Resv whose flow descriptors may not have been read: a
// ResvErr may do without (RFC 2205 section 3.1.8), but not with half of one.
func (n *Node) refuseUnread(m *rsvp.Message, oi int, code rsvp.ErrorCode, value uint16) {
	if len(m.Flows) == 0 {
		n.refuseFlow(m, oi, rsvp.FlowDescriptor{}, code, value)
	}
	for _, d := range m.Flows {
		if d.FlowSpec.IsZero() || len(d.Filters) == 0 && !m.Style.Wildcard() {
			d = rsvp.FlowDescriptor{}
		}
		n.refuseFlow(m, oi, d, code, value)
	}
}
