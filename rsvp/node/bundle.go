package node

import "github.com/mpstack/mpstack/rsvp"

// held is a message to a neighbor that waits for the end of the call, so that
// others may travel with it.
type held struct {
	to  Send
	oi  int
	out bool // it is gone
}

// hold keeps a message to a capable neighbor until the end of the call. Messages
// that all stem from one event are bundled without being delayed (RFC 2961 section
// 3.3).
func (n *Node) hold(to Send, oi int) { n.red.held = append(n.red.held, held{to: to, oi: oi}) }

// end ends a call: what is held goes out, in the order in which it was sent,
// messages to one neighbor as Bundles.
func (n *Node) end() {
	if !n.red.on {
		return
	}
	for i := range n.red.held {
		if !n.red.held[i].out {
			n.bundle(i)
		}
	}
	n.red.held = n.red.held[:0]
}

// bundle sends held message i, with those behind it that go to the same neighbor
// as far as they fit one packet.
func (n *Node) bundle(i int) {
	list := n.red.held
	first := &list[i]
	limit := n.cfg.Routes.MTU(first.oi)
	if limit <= ipOverhead {
		limit = rsvp.MaxLen
	}
	room := limit - ipOverhead - rsvp.HeaderLen
	start := len(n.buf)
	count := 0
	for j := i; j < len(list); j++ {
		h := &list[j]
		if h.out || !sameWay(h.to, first.to) || len(h.to.Payload) > room && j > i {
			continue
		}
		room -= len(h.to.Payload)
		n.buf = append(n.buf, h.to.Payload...)
		h.out = true
		count++
	}
	if count == 1 {
		n.buf = n.buf[:start]
		n.out.Push(Output{Kind: KindSend, Send: first.to})
		return
	}
	m := &n.rsp
	m.Reset()
	m.Type, m.Flags, m.SendTTL, m.Bundled = rsvp.Bundle, rsvp.RefreshReduction, first.to.TTL, n.buf[start:]
	mid := len(n.buf)
	b, err := m.AppendTo(n.buf)
	if err != nil {
		n.drop(DropUnsendable)
		return
	}
	n.buf = b
	n.count.Sent[rsvp.Bundle]++
	to := first.to
	to.Payload = b[mid:len(b):len(b)]
	to.Cause = CauseBundle
	n.out.Push(Output{Kind: KindSend, Send: to})
}

func sameWay(a, b Send) bool {
	return a.Dst == b.Dst && a.Src == b.Src && a.OutIf == b.OutIf && a.TTL == b.TTL
}

// bundleArrives processes the messages of a Bundle one by one, with the Send_TTL
// of the Bundle (RFC 2961 section 3.4).
func (n *Node) bundleArrives(in Incoming, m *rsvp.Message) {
	n.count.Received[m.Type]++
	subs, ttl := m.Bundled, int(m.SendTTL)
	for sub := range rsvp.SubMessages(subs) {
		n.red.bundled = ttl
		in.Payload = sub
		n.message(in)
	}
	n.red.bundled = -1
}

// holds reports whether a message may wait for others: it goes to one capable
// neighbor, straight.
func (n *Node) holds(to Send, oi int) bool {
	return n.red.on && !to.RouterAlert && !to.Dst.IsMulticast() && n.neighborAt(oi, to.Dst) != nil
}
