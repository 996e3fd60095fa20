package node

import (
	"slices"
	"time"

	"github.com/mpstack/mpstack/rsvp"
)

// ref names the state block that an identifier stands for.
type ref struct {
	kind refKind
	id   uint32 // of the block
}

type refKind uint8

const (
	refPath refKind = iota // psb
	refHop                 // hop: Resv to it
	refResv                // rsb: first of those that one Resv made, linked by same
)

// sentID is an identifier that stands for state we have told a neighbor of.
type sentID struct {
	oi    int // path state: the interface; reservations: which message to the hop, from 0
	id    uint32
	acked bool // the neighbor has it: summaries will do
}

// pending is a message that waits for its acknowledgment.
type pending struct {
	send  Send // Payload is a copy
	tries int
	wait  time.Duration
}

// nextID returns a new Message_Identifier: greater than all before.
func (n *Node) nextID() uint32 {
	n.red.last++
	return n.red.last
}

// identify gives n.rsp a MESSAGE_ID for state that is sent to a neighbor: a new
// one if the message says something new, else the one it had (RFC 2961 section
// 4.5). An acknowledgment is asked for until there was one.
func (n *Node) identify(ids []sentID, oi int, r ref, news bool) []sentID {
	i := slices.IndexFunc(ids, func(s sentID) bool { return s.oi == oi })
	if i < 0 {
		ids = append(ids, sentID{oi: oi})
		i, news = len(ids)-1, true
	}
	s := &ids[i]
	if news {
		n.forgetID(s.id)
		*s = sentID{oi: oi, id: n.nextID()}
		n.red.sent[s.id] = r
	}
	n.rsp.HasMessageID, n.rsp.MessageID = true, rsvp.MessageID{Epoch: n.red.epoch, ID: s.id}
	if !s.acked {
		n.rsp.MessageID.Flags = rsvp.AckDesired
	}
	return ids
}

// identifyTear gives n.rsp, a message that takes state back, a MESSAGE_ID of its
// own, so that it is sent again if it is lost.
func (n *Node) identifyTear() {
	n.rsp.HasMessageID, n.rsp.MessageID = true, rsvp.MessageID{Flags: rsvp.AckDesired, Epoch: n.red.epoch, ID: n.nextID()}
}

// forgetID ends an identifier of ours.
func (n *Node) forgetID(id uint32) {
	if id == 0 {
		return
	}
	delete(n.red.sent, id)
	if n.red.pending[id] != nil {
		delete(n.red.pending, id)
		n.timers.Stop(timer{timerRapid, id})
	}
}

// forgetIDs ends the identifiers of state that is gone, or those of interfaces
// that keep does not list.
func (n *Node) forgetIDs(ids []sentID, keep []int) []sentID {
	return slices.DeleteFunc(ids, func(s sentID) bool {
		if slices.Contains(keep, s.oi) {
			return false
		}
		n.forgetID(s.id)
		return true
	})
}

// dropIDs ends the identifiers from the one with index i on.
func (n *Node) dropIDs(ids []sentID, i int) []sentID {
	for _, s := range ids[min(i, len(ids)):] {
		n.forgetID(s.id)
	}
	return ids[:min(i, len(ids))]
}

// await keeps a message until it is acknowledged.
func (n *Node) await(to Send, id uint32) {
	if p := n.red.pending[id]; p != nil {
		return
	}
	if len(n.red.pending) >= n.cfg.Limits.Pending {
		n.drop(DropPending)
		return
	}
	to.Payload = retain(to.Payload)
	n.red.pending[id] = &pending{send: to, tries: 1, wait: rapidInterval}
	n.timers.Set(timer{timerRapid, id}, n.now().Add(rapidInterval))
}

// rapidDue sends a message again that was not acknowledged in time, up to Rl times
// in all; then the refreshes of its state must do (RFC 2961 section 6.3).
func (n *Node) rapidDue(id uint32) {
	p := n.red.pending[id]
	if p.tries >= rapidLimit {
		delete(n.red.pending, id)
		n.count.Unacknowledged++
		return
	}
	p.tries, p.wait = p.tries+1, 2*p.wait
	n.timers.Set(timer{timerRapid, id}, n.now().Add(p.wait))
	m := &n.rsp
	if err := m.Decode(p.send.Payload); err != nil {
		return
	}
	m.Acks, m.Integrity, m.NoChecksum = m.Acks[:0], rsvp.Integrity{}, false
	n.count.Retransmitted++
	again := p.send
	again.Cause = CauseRapid
	n.send(again)
}

// acknowledged takes a MESSAGE_ID_ACK or MESSAGE_ID_NACK.
func (n *Node) acknowledged(a rsvp.MessageAck) {
	if a.Epoch != n.red.epoch {
		return
	}
	if p := n.red.pending[a.ID]; p != nil && !a.Nack {
		delete(n.red.pending, a.ID)
		n.timers.Stop(timer{timerRapid, a.ID})
	}
	r, ok := n.red.sent[a.ID]
	if !ok {
		return
	}
	switch r.kind {
	case refPath:
		p := n.psbs.at(r.id)
		if s := findID(p.ids, a.ID); s != nil {
			s.acked = !a.Nack
			if a.Nack {
				n.count.Nacked++
				n.pathRefresh(p, []int{s.oi}, CausePathNack)
			}
		}
	case refHop:
		h := n.hops.at(r.id)
		if s := findID(h.ids, a.ID); s != nil {
			s.acked = !a.Nack
			if a.Nack {
				n.count.Nacked++
				n.resvRefresh(h, true)
			}
		}
	}
}

func findID(ids []sentID, id uint32) *sentID {
	for i := range ids {
		if ids[i].id == id {
			return &ids[i]
		}
	}
	return nil
}

// allAcked reports whether summaries will do for all of a list, and there is one.
func allAcked(ids []sentID) bool {
	return len(ids) > 0 && !slices.ContainsFunc(ids, func(s sentID) bool { return !s.acked })
}

// gotKey names state by the identifier that a neighbor gave it.
type gotKey struct {
	neighbor uint32
	id       uint32
}

// gotID is the identifier under which a neighbor told us of state.
type gotID struct {
	neighbor  uint32
	epoch, id uint32
	there     bool
}

func (g gotID) key() gotKey { return gotKey{g.neighbor, g.id} }

// gotOf returns the identifier of a received message.
func (n *Node) gotOf(in Incoming, m *rsvp.Message) gotID {
	b := n.red.neighbors[neighborKey{in.InIf, m.Hop.Addr}]
	if b == nil || !m.HasMessageID {
		return gotID{}
	}
	return gotID{neighbor: b.num, epoch: m.MessageID.Epoch, id: m.MessageID.ID, there: true}
}

// storePathID remembers the identifier of path state.
func (n *Node) storePathID(p *psb, g gotID) {
	if p.got == g {
		return
	}
	n.dropPathID(p)
	if p.got = g; g.there {
		n.red.got[g.key()] = ref{refPath, p.id}
	}
}

func (n *Node) dropPathID(p *psb) {
	if p.got.there {
		if r := n.red.got[p.got.key()]; r == (ref{refPath, p.id}) {
			delete(n.red.got, p.got.key())
		}
		p.got = gotID{}
	}
}

// storeResvID remembers the identifier of reservation state. Several blocks may
// have one, which their message had.
func (n *Node) storeResvID(r *rsb, g gotID) {
	if r.got == g {
		return
	}
	n.dropResvID(r)
	if r.got = g; !g.there {
		return
	}
	first, ok := n.red.got[g.key()]
	if ok && first.kind == refResv {
		r.same = first.id + 1
	}
	n.red.got[g.key()] = ref{refResv, r.id}
}

// dropResvID takes a block out of the list of its identifier.
func (n *Node) dropResvID(r *rsb) {
	if !r.got.there {
		return
	}
	key := r.got.key()
	first, ok := n.red.got[key]
	switch {
	case !ok || first.kind != refResv:
	case first.id == r.id && r.same == 0:
		delete(n.red.got, key)
	case first.id == r.id:
		n.red.got[key] = ref{refResv, r.same - 1}
	default:
		for q := n.rsbs.at(first.id); q.same != 0; q = n.rsbs.at(q.same - 1) {
			if q.same-1 == r.id {
				q.same = r.same
				break
			}
		}
	}
	r.got, r.same = gotID{}, 0
}

// outOfOrder reports whether a message is older than the one that its state has
// from the same sender (RFC 2961 section 4.5).
func (n *Node) outOfOrder(in Incoming, m *rsvp.Message) bool {
	s := n.session(m.Session)
	g := n.gotOf(in, m)
	if s == nil || !g.there {
		return false
	}
	older := func(have gotID) bool {
		return have.there && have.neighbor == g.neighbor && have.epoch == g.epoch && m.MessageID.Before(rsvp.MessageID{ID: have.id})
	}
	switch m.Type {
	case rsvp.Path, rsvp.PathTear:
		p := s.findPSB(m.Sender, in.InIf)
		return p != nil && older(p.got)
	case rsvp.Resv, rsvp.ResvTear:
		oi, ok := n.outInterface(m.Hop.LIH, in.InIf)
		if !ok {
			return false
		}
		var first rsvp.FilterSpec
		if len(m.Flows) > 0 && len(m.Flows[0].Filters) > 0 {
			first = m.Flows[0].Filters[0]
		}
		r := s.findRSB(s.rsbName(oi, m.Hop.Addr, 0, first))
		return r != nil && older(r.got)
	}
	return false
}
