package node

import (
	"errors"

	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/wire/object"
)

// malformed deals with a message that did not decode. Almost all errors are
// counted only; an unknown class or C-Type is reported to where the message
// came from, for the end system may know another form (RFC 2205 section 3.10
// and the end of Appendix B).
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
