package node

import (
	"net/netip"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp"
)

// hopTTL is the TTL of messages that go from hop to hop.
const hopTTL = 255

// send encodes n.rsp and puts it out. SendTTL of the message becomes the IP TTL.
func (n *Node) send(to Send) {
	m := &n.rsp
	m.SendTTL = to.TTL
	oi := 0
	if n.red.on {
		oi = n.outIfOf(to)
		m.Flags |= rsvp.RefreshReduction
		if b := n.neighborAt(oi, to.Dst); b != nil {
			n.takeAcks(b, m)
		}
	}
	start := len(n.buf)
	b, err := n.encode(to)
	if err != nil {
		return
	}
	n.buf = b
	n.count.Sent[m.Type]++
	to.TOS, to.RouterAlert = n.cfg.TOS, to.RouterAlert || m.Type.RouterAlert()
	to.Payload = b[start:len(b):len(b)]
	if m.HasMessageID && m.MessageID.Flags&rsvp.AckDesired != 0 && !repeats(to.Cause) {
		n.await(to, m.MessageID.ID)
	}
	if n.holds(to, oi) {
		n.hold(to, oi)
		return
	}
	n.out.Push(Output{Kind: KindSend, Send: to})
}

// repeats reports whether a message says nothing new, so that it is not sent
// again until it is acknowledged.
func repeats(c machine.Cause) bool {
	switch c {
	case CausePathRefresh, CausePathFast, CausePathPrompt, CauseResvRefresh, CauseResvFast, CauseRapid:
		return true
	}
	return false
}

// respond starts a message of a session in n.rsp.
func (n *Node) respond(t rsvp.MessageType, key rsvp.Session) *rsvp.Message {
	m := &n.rsp
	m.Reset()
	m.Type, m.Session = t, key
	return m
}

// address returns our address on an interface, of the family of like.
func (n *Node) address(ifIndex int, like netip.Addr) (netip.Addr, bool) {
	a, ok := n.cfg.Routes.Address(ifIndex, !like.Is4())
	if !ok {
		n.drop(DropNoAddress)
	}
	return a, ok
}

// viaIf returns the interface that must be named for a hop's address: that of a
// link-local address, which means nothing elsewhere; else routing decides.
func viaIf(a netip.Addr, ifIndex int) int {
	if a.IsLinkLocalUnicast() {
		return ifIndex
	}
	return 0
}

// setExtra gives a message the objects that state carries unread.
func setExtra(m *rsvp.Message, extra string) {
	for _, o := range rawObjects(extra) {
		if rsvp.Class(o.Class) == rsvp.ClassPolicyData {
			m.Policy = append(m.Policy, o)
		} else {
			m.Unknown = append(m.Unknown, o)
		}
	}
}

// sendConf sends a ResvConf to a receiver (RFC 2205 section 3.1.9), or makes the
// upcall at once if the receiver is ours. oi is the interface that carries the
// confirmed reservation.
func (n *Node) sendConf(s *session, receiver netip.Addr, oi int, d rsvp.FlowDescriptor, cause machine.Cause) {
	m := n.respond(rsvp.ResvConf, s.key)
	m.Confirm, m.Style = receiver, s.style
	m.Flows = append(m.Flows, d)
	if n.cfg.Routes.IsLocal(receiver) {
		m.Error.Node = receiver
		n.confirmed(s, m)
		return
	}
	out, ok := n.cfg.Routes.Unicast(receiver)
	if !ok {
		n.drop(DropNoRoute)
		return
	}
	src, ok := n.address(out, receiver)
	if !ok {
		return
	}
	if m.Error.Node = src; oi > apiAny {
		if a, ok := n.cfg.Routes.Address(oi, !receiver.Is4()); ok {
			m.Error.Node = a
		}
	}
	n.send(Send{Src: src, Dst: receiver, OutIf: viaIf(receiver, out), TTL: hopTTL, Cause: cause})
}
