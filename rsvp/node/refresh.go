package node

import (
	"net/netip"
	"slices"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/intserv"
)

// flush tells the previous hops of a session what changed for them: Resv,
// ResvTear or nothing. It ends every rule that touches reservations.
func (n *Node) flush(s *session) {
	if s.dirty {
		s.dirty = false
		n.tellHops(s)
	}
	if len(s.rsbs) == 0 && len(s.tcsbs) == 0 {
		s.style = 0
	}
}

// tellHops refreshes the previous hops that are due and answers or passes on
// the confirmations that traffic control let through.
func (n *Node) tellHops(s *session) {
	for _, t := range s.tcsbs {
		if t.confirm.IsValid() {
			n.confirmHere(t)
		}
	}
	for _, h := range s.hops {
		if h.due {
			n.resvRefresh(h, false)
		}
	}
	for _, t := range s.tcsbs {
		if t.confirm.IsValid() && !t.passed {
			n.sendConf(s, t.confirm, t.oi, t.descriptor(), CauseResvConfSend)
		}
		t.confirm, t.passed = netip.Addr{}, false
	}
}

// confirmHere sends ResvConf for t if one of its senders is ours: the request
// has come all the way.
func (n *Node) confirmHere(t *tcsb) {
	for _, p := range t.s.psbs {
		if p.app != 0 && t.s.covers(t, p) {
			n.sendConf(t.s, t.confirm, t.oi, t.descriptor(), CauseResvConfSend)
			t.passed = true
			return
		}
	}
}

// descriptor returns what is in place as a flow descriptor.
func (t *tcsb) descriptor() rsvp.FlowDescriptor {
	return rsvp.FlowDescriptor{FlowSpec: t.have.flow, Filters: t.have.filters}
}

// resvRefreshDue is the expiry of a previous hop's refresh timer.
func (n *Node) resvRefreshDue(h *hop) { n.resvRefresh(h, true) }

// resvRefresh is RFC 2209's "RESV REFRESH" towards one previous hop: it merges
// what is in place for each sender that came from there and sends the Resv. If
// periodic is not set, it does so only where something differs from what the
// hop was last asked for. What it was asked for and no longer is, a ResvTear
// takes back.
func (n *Node) resvRefresh(h *hop, periodic bool) {
	s := h.s
	r := &n.refresh
	*r = refresh{
		n: n, h: h, changed: h.force, filters: r.filters[:0],
		keep: r.keep[:0], flows: r.flows[:0], gone: r.gone[:0],
	}
	h.due, h.force = false, false
	if s.style != 0 && h.style != s.style {
		h.style = s.style
	}
	for _, p := range s.psbs {
		if p.hop == h {
			r.add(p)
		}
	}
	r.share()
	if len(r.gone) > 0 {
		r.sendTear()
	}
	key := timer{timerResvRefresh, h.id}
	switch {
	case len(r.keep) == 0:
		n.timers.Stop(key)
		h.ids = n.dropIDs(h.ids, 0)
		return
	case r.changed || r.confirm.IsValid():
	case !periodic:
		return
	case n.summarizeResv(h):
		h.stage = 0
		n.timers.Set(key, n.now().Add(n.refreshIn(&h.stage, false)))
		return
	}
	switch {
	case periodic && h.stage > 0:
		r.cause = CauseResvFast
	case periodic:
		r.cause = CauseResvRefresh
	case r.first:
		r.cause = CauseResvNew
	default:
		r.cause = CauseResvChange
	}
	n.timers.Set(key, n.now().Add(n.refreshIn(&h.stage, !periodic)))
	r.send()
}

// refresh is one run of resvRefresh; its memory is reused.
type refresh struct {
	n       *Node
	h       *hop
	filters []rsvp.FilterSpec  // behind the message's flow descriptors
	keep    []*psb             // senders that are reserved for
	flows   []intserv.FlowSpec // what for, one each
	gone    []*psb             // senders that no longer are
	changed bool
	// messages counts those that were sent with a MESSAGE_ID.
	messages int
	first    bool // nothing was asked of this hop before
	confirm  netip.Addr
	cause    machine.Cause
}

// add looks at one sender that came from the hop.
func (r *refresh) add(p *psb) {
	flow, _ := r.n.merged(p)
	switch {
	case !flow.IsZero():
		r.keep, r.flows = append(r.keep, p), append(r.flows, flow)
		r.takeConfirm(p)
	case !p.sent.IsZero():
		r.gone = append(r.gone, p)
	}
}

// takeConfirm takes a RESV_CONFIRM along if its request is the largest of those
// that are merged for p; a blockaded one is dropped (RFC 2205 section 3.1.4).
func (r *refresh) takeConfirm(p *psb) {
	s := r.h.s
	for _, t := range s.tcsbs {
		if !t.confirm.IsValid() || !s.covers(t, p) {
			continue
		}
		switch {
		case r.n.blockaded(p, t.have.flow):
			t.passed = true
		case r.n.largestFor(p, t):
			r.confirm, t.passed = t.confirm, true
		}
	}
}

// share applies the style: shared styles ask for one flowspec for all senders
// of the hop. It then notes what differs from what was asked before.
func (r *refresh) share() {
	h := r.h
	if h.style.Shared() {
		var all intserv.FlowSpec
		for _, f := range r.flows {
			if l, ok := intserv.LUB(all, f); ok {
				all = l
			}
		}
		for i := range r.flows {
			r.flows[i] = all
		}
	}
	r.first = true
	for i, p := range r.keep {
		r.first = r.first && p.sent.IsZero()
		if p.sent != r.flows[i] {
			p.sent, r.changed = r.flows[i], true
		}
	}
	r.first = r.first && len(r.gone) == 0
	if h.style.Wildcard() && len(r.keep) > 0 {
		for _, p := range r.gone {
			p.sent = intserv.FlowSpec{}
		}
		r.gone = nil
	}
}

// begin starts a message to the hop; it reports false if there is no address to
// send from.
func (r *refresh) begin(t rsvp.MessageType) (m *rsvp.Message, src netip.Addr, ok bool) {
	h := r.h
	src, ok = r.n.address(h.inIf, h.s.key.Dst)
	if !ok {
		return nil, src, false
	}
	m = r.n.respond(t, h.s.key)
	m.Hop = rsvp.Hop{Addr: src, LIH: h.hop.LIH}
	m.Style = h.style
	return m, src, true
}

// sendTear sends ResvTear for the senders that are no longer reserved for.
func (r *refresh) sendTear() {
	m, src, ok := r.begin(rsvp.ResvTear)
	for _, p := range r.gone {
		p.sent = intserv.FlowSpec{}
	}
	if !ok {
		return
	}
	for i, p := range r.gone {
		switch {
		case m.Style.Wildcard():
		case m.Style.Shared() && i > 0:
			m.Flows[0].Filters = append(m.Flows[0].Filters, p.sender)
		default:
			m.Flows = append(m.Flows, rsvp.FlowDescriptor{Filters: r.filter(p)})
		}
	}
	if r.n.neighborAt(r.h.inIf, r.h.hop.Addr) != nil {
		r.n.identifyTear()
	}
	r.n.sendUpstream(src, r.h.hop.Addr, r.h.inIf, CauseResvTear)
}

// filter returns p's sender as a list. Appending to it is allowed.
func (r *refresh) filter(p *psb) []rsvp.FilterSpec {
	r.filters = append(r.filters, p.sender)
	return r.filters[len(r.filters)-1 : len(r.filters) : len(r.filters)]
}

// send sends Resv for the senders that are reserved for. Distinct reservations
// that do not fit one packet of the interface go in several messages; shared
// ones cannot be split.
func (r *refresh) send() {
	m, src, ok := r.beginResv()
	if !ok {
		return
	}
	limit := r.n.cfg.Routes.MTU(r.h.inIf) - ipOverhead - r.n.signatureLen(r.h.inIf)
	for i, p := range r.keep {
		d := rsvp.FlowDescriptor{FlowSpec: r.flows[i], Filters: r.filter(p)}
		switch {
		case m.Style.Wildcard():
			d.Filters = nil
			fallthrough
		case m.Style.Shared() && i == 0:
			m.Flows = append(m.Flows[:0], d)
			continue
		case m.Style.Shared():
			m.Flows[0].Filters = append(m.Flows[0].Filters, p.sender)
			continue
		}
		m.Flows = append(m.Flows, d)
		if limit > 0 && len(m.Flows) > 1 && m.WireLen() > limit {
			m.Flows = m.Flows[:len(m.Flows)-1]
			r.sendOne(src)
			if m, src, ok = r.beginResv(); !ok {
				return
			}
			m.Confirm = netip.Addr{}
			m.Flows = append(m.Flows, d)
		}
	}
	r.sendOne(src)
	r.h.ids = r.n.dropIDs(r.h.ids, r.messages)
}

// sendOne sends n.rsp, one of the messages to the hop, with a MESSAGE_ID if the
// hop knows such.
func (r *refresh) sendOne(src netip.Addr) {
	n, h := r.n, r.h
	if n.neighborAt(h.inIf, h.hop.Addr) != nil {
		h.ids = n.identify(h.ids, r.messages, ref{refHop, h.id}, r.changed || r.confirm.IsValid())
		r.messages++
	}
	n.sendUpstream(src, h.hop.Addr, h.inIf, r.cause)
}

// ipOverhead is the room that IP's header takes: IPv6's, the larger one.
const ipOverhead = 40

// beginResv starts a Resv with all but its flow descriptors. It reports false
// if nothing may be sent: no address, or a wildcard whose scope is empty.
func (r *refresh) beginResv() (m *rsvp.Message, src netip.Addr, ok bool) {
	m, src, ok = r.begin(rsvp.Resv)
	if !ok {
		return m, src, false
	}
	m.TimeValues, m.Confirm = rsvp.NewTimeValues(r.n.cfg.RefreshPeriod), r.confirm
	extra := ""
	for _, b := range r.h.s.rsbs {
		if b.extra != "" && slices.ContainsFunc(r.keep, b.selects) {
			extra = mergeExtra(extra, b.extra)
		}
	}
	setExtra(m, extra)
	if m.Style.Wildcard() && r.h.s.needScope() {
		m.HasScope = true
		m.Scope = r.scope(m.Scope)
		return m, src, len(m.Scope) > 0
	}
	return m, src, true
}

// needScope reports whether wildcard Resv messages of the session need a SCOPE
// object: senders lie behind more than one previous hop, or a scope came in
// (RFC 2205 section 3.4).
func (s *session) needScope() bool {
	return len(s.hops) > 1 || slices.ContainsFunc(s.rsbs, func(r *rsb) bool { return r.scoped })
}

// scope appends the new scope for the hop: senders that came from it and that
// some reservation's scope lists; without a scope, those that route to the
// reservation's interface (RFC 2205 section 3.4).
func (r *refresh) scope(list []netip.Addr) []netip.Addr {
	for _, p := range r.keep {
		in := slices.ContainsFunc(r.h.s.rsbs, func(b *rsb) bool {
			return b.selects(p) && (!b.scoped || slices.Contains(b.scope, p.sender.Src))
		})
		if in && !slices.Contains(list, p.sender.Src) {
			list = insert(list, p.sender.Src, netip.Addr.Compare)
		}
	}
	return list
}

// scopeAt returns the senders of a scope whose data leaves through oi.
func (s *session) scopeAt(oi int, scope []netip.Addr) (out []netip.Addr) {
	for _, a := range scope {
		at := slices.ContainsFunc(s.psbs, func(p *psb) bool { return p.sender.Src == a && p.routesTo(oi) })
		if at && !slices.Contains(out, a) {
			out = insert(out, a, netip.Addr.Compare)
		}
	}
	return out
}
