package node

import (
	"net/netip"
	"time"

	"github.com/mpstack/mpstack/rsvp"
)

// summaryDelay is how long a summary waits for more to refresh, at most.
const summaryDelay = time.Second

// targetKey is where a summary refresh goes: a neighbor, or a session's
// destination through an interface (RFC 2961 section 5.3).
type targetKey struct {
	oi    int
	dst   netip.Addr
	ctype uint8 // of the list: 1, or 2 and 3 for the path state of groups
}

// target is a summary that is being gathered.
type target struct {
	num  uint32
	key  targetKey
	hop  bool // dst is a neighbor
	list rsvp.IDList
}

// summarize adds an identifier to the summary for a target.
func (n *Node) summarize(key targetKey, hop bool, e rsvp.IDEntry) {
	t := n.red.targets[key]
	if t == nil {
		n.red.lastList++
		t = &target{num: n.red.lastList, key: key, hop: hop, list: rsvp.IDList{CType: key.ctype, Epoch: n.red.epoch}}
		n.red.targets[key], n.red.byNumber[t.num] = t, t
		n.timers.Set(timer{timerSummary, t.num}, n.now().Add(min(summaryDelay, n.cfg.RefreshPeriod/10)))
	}
	if t.list.Append(e) == nil {
		n.count.Summarized++
	}
}

// summarizePath refreshes p on an interface by a summary if that will do, and
// reports whether it does: the state there has been acknowledged.
func (n *Node) summarizePath(p *psb, oi int) bool {
	if !n.pathReduces(p, oi) {
		return false
	}
	i := -1
	for j := range p.ids {
		if p.ids[j].oi == oi && p.ids[j].acked {
			i = j
		}
	}
	if i < 0 {
		return false
	}
	dst := p.s.key.Dst
	e := rsvp.IDEntry{ID: p.ids[i].id}
	switch {
	case dst.IsMulticast():
		e.Src = p.sender.Src
		ctype := uint8(2)
		if !dst.Is4() {
			ctype = 3
		}
		n.summarize(targetKey{oi, dst, ctype}, false, e)
	default:
		if nhop, ok := p.nextHop(oi); ok {
			n.summarize(targetKey{oi, nhop, 1}, true, e)
		} else {
			n.summarize(targetKey{oi, dst, 1}, false, e)
		}
	}
	return true
}

// nextHop returns the next RSVP hop of a unicast session: whoever asks for a
// reservation there.
func (p *psb) nextHop(oi int) (netip.Addr, bool) {
	for _, r := range p.s.rsbs {
		if r.oi == oi && r.nhop.IsValid() {
			return r.nhop, true
		}
	}
	return netip.Addr{}, false
}

// pathReduces reports whether Path messages for p on an interface may have a
// MESSAGE_ID.
func (n *Node) pathReduces(p *psb, oi int) bool {
	if !n.red.on {
		return false
	}
	if !p.s.key.Dst.IsMulticast() {
		if nhop, ok := p.nextHop(oi); ok {
			return n.neighborAt(oi, nhop) != nil
		}
	}
	return n.allReduce(oi)
}

// summarizeResv refreshes what a previous hop has been asked for by a summary if
// that will do.
func (n *Node) summarizeResv(h *hop) bool {
	if n.neighborAt(h.inIf, h.hop.Addr) == nil || !allAcked(h.ids) {
		return false
	}
	for _, s := range h.ids {
		n.summarize(targetKey{h.inIf, h.hop.Addr, 1}, true, rsvp.IDEntry{ID: s.id})
	}
	return true
}

// summaryDue sends a summary, in as many messages as its interface's MTU asks for
// (RFC 2961 section 5.2). Entries that have no state any more are left out.
func (n *Node) summaryDue(t *target) {
	delete(n.red.targets, t.key)
	delete(n.red.byNumber, t.num)
	src, ok := n.address(t.key.oi, t.key.dst)
	if !ok {
		return
	}
	const fixed = ipOverhead + 8 /* Router Alert */ + rsvp.HeaderLen + 8 /* object and epoch */ + maxAcks*12
	room := n.cfg.Routes.MTU(t.key.oi) - fixed - n.signatureLen(t.key.oi)
	size := len(t.list.Entries) / max(t.list.Len(), 1)
	for all := t.list.Entries; len(all) > 0; {
		k := len(all)
		if room > 0 {
			k = min(k, max(room/size, 1)*size)
		}
		m := &n.rsp
		m.Reset()
		m.Type = rsvp.Srefresh
		part := t.list
		part.Entries, all = all[:k:k], all[k:]
		m.IDLists = append(m.IDLists, part)
		to := Send{Src: src, Dst: t.key.dst, OutIf: t.key.oi, TTL: hopTTL, RouterAlert: !t.hop, Cause: CauseSummary}
		if t.hop {
			to.OutIf = viaIf(t.key.dst, t.key.oi)
		}
		n.send(to)
	}
}

// srefreshArrives refreshes the state that the lists name; what they name and is
// not there is answered by a NACK (RFC 2961 section 5.3).
func (n *Node) srefreshArrives(in Incoming, m *rsvp.Message, b *neighbor) {
	for _, l := range m.IDLists {
		for i := range l.Len() {
			e := l.At(i)
			if n.refreshed(b, l, e) {
				continue
			}
			group := e.Dst
			if l.CType == 2 || l.CType == 3 {
				group = in.Dst
			}
			if l.CType > 1 && !n.wants(e.Src, group, in.InIf) {
				continue
			}
			n.oweAck(b, rsvp.MessageAck{Nack: true, Epoch: l.Epoch, ID: e.ID}, in.Dst.IsMulticast())
		}
	}
}

// wants reports whether data from src to a group that comes in through an
// interface is for somebody here or beyond: the check before a NACK for path
// state of groups.
func (n *Node) wants(src, group netip.Addr, inIf int) bool {
	if len(n.cfg.Routes.Multicast(src, group, inIf)) > 0 {
		return true
	}
	for s := n.byDst[group]; s != nil; s = s.next {
		if len(s.apps) > 0 {
			return true
		}
	}
	return false
}

// refreshed extends the life of the state that an entry names, as its Path or Resv
// would, and reports whether it is there.
func (n *Node) refreshed(b *neighbor, l rsvp.IDList, e rsvp.IDEntry) bool {
	r, ok := n.red.got[gotKey{b.num, e.ID}]
	if !ok {
		return false
	}
	if r.kind == refPath {
		p := n.psbs.at(r.id)
		group := p.s.key.Dst.IsMulticast()
		if p.got.epoch != l.Epoch || group != (l.CType > 1) || group && e.Src != p.sender.Src {
			return false
		}
		n.timers.Set(timer{timerPathCleanup, p.id}, n.now().Add(n.lifetime(p.times)))
		return true
	}
	if l.CType > 1 || n.rsbs.at(r.id).got.epoch != l.Epoch {
		return false
	}
	for id := r.id + 1; id != 0; {
		q := n.rsbs.at(id - 1)
		n.extend(q)
		id = q.same
	}
	return true
}

// extend extends the life of a reservation, and of the filters that its last
// message named.
func (n *Node) extend(r *rsb) {
	until := n.now().Add(n.lifetime(r.times))
	for i := range r.filters {
		if r.filters[i].until == r.until {
			r.filters[i].until = until
		}
	}
	r.until = until
	n.timers.Set(timer{timerResvCleanup, r.id}, r.earliest())
}
