package node

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/intserv"
)

// resvArrives is RFC 2209's "RESV MESSAGE ARRIVES".
func (n *Node) resvArrives(in Incoming, m *rsvp.Message) {
	oi, ok := n.outInterface(m.Hop.LIH, in.InIf)
	if !ok {
		n.drop(DropLIH)
		return
	}
	s := n.session(m.Session)
	switch {
	case n.dstPortConflict(m.Session):
		n.refuseResv(m, oi, rsvp.CodeDstPorts, 0)
	case s == nil || len(s.psbs) == 0:
		n.refuseResv(m, oi, rsvp.CodeNoPath, 0)
	case !m.Style.Known():
		n.refuseResv(m, oi, rsvp.CodeUnknownStyle, 0)
	case s.style != 0 && s.style != m.Style.Base():
		n.refuseResv(m, oi, rsvp.CodeStyleConflict, uint16(s.style))
	default:
		extra := keepExtra(m)
		for i := range m.Flows {
			n.resvDescriptor(s, oi, m, m.Flows[i], extra)
		}
		n.flush(s)
		n.sweepSession(s)
	}
}

// resvDescriptor processes one flow descriptor of a Resv.
func (n *Node) resvDescriptor(s *session, oi int, m *rsvp.Message, d rsvp.FlowDescriptor, extra string) {
	if code, value, ok := checkFlow(d.FlowSpec); !ok {
		n.refuseFlow(m, oi, d, code, value)
		return
	}
	senders, ok := s.sendersAt(n.senders[:0], oi, m.Style, d.Filters)
	n.senders = senders
	if !ok {
		n.refuseFlow(m, oi, d, rsvp.CodeNoSender, 0)
		return
	}
	if s.style == 0 {
		s.style = m.Style.Base()
	}
	var first rsvp.FilterSpec
	if len(senders) > 0 {
		first = senders[0]
	}
	r := s.findRSB(s.rsbName(oi, m.Hop.Addr, 0, first))
	if v := s.service(r); v != 0 && v != d.FlowSpec.Service {
		n.refuseFlow(m, oi, d, rsvp.CodeTrafficControl, rsvp.ValueServiceConflict)
		return
	}
	created := r == nil
	if created {
		if r = n.newRSB(s, oi, m.Hop.Addr, first); r == nil {
			return
		}
	}
	if changed := n.updateRSB(r, m, d.FlowSpec, senders, extra); created || changed {
		n.traceResv(r, created, "Resv")
		n.updateTrafficControl(s, oi, r.key())
	}
}

// checkFlow reports whether a flowspec is possible, or the error to answer with.
func checkFlow(f intserv.FlowSpec) (code rsvp.ErrorCode, value uint16, ok bool) {
	switch err := f.Check(); {
	case err == nil:
		return 0, 0, true
	case errors.Is(err, intserv.ErrBadService):
		return rsvp.CodeTrafficControl, rsvp.ValueUnsupported, false
	}
	return rsvp.CodeTrafficControl, rsvp.ValueBadFlowSpec, false
}

// sendersAt returns the filters that name a sender whose data leaves through oi,
// ascending, appended to list, which must be empty. It reports false if there is
// none; for a wildcard, if no sender's data leaves there.
func (s *session) sendersAt(list []rsvp.FilterSpec, oi int, style rsvp.Style, filters []rsvp.FilterSpec) ([]rsvp.FilterSpec, bool) {
	leaves := func(p *psb) bool { return p.routesTo(oi) }
	if style.Wildcard() {
		return list, slices.ContainsFunc(s.psbs, leaves)
	}
	for _, f := range filters {
		if slices.ContainsFunc(s.psbsOf(f), leaves) {
			list = addFilter(list, f)
		}
	}
	return list, len(list) > 0
}

// newRSB makes a reservation state block, within the limits; for explicit
// styles with its first sender.
func (n *Node) newRSB(s *session, oi int, nhop netip.Addr, first rsvp.FilterSpec) *rsb {
	switch {
	case n.rsbs.used >= n.cfg.Limits.Reservations:
		n.drop(DropReservations)
		return nil
	case s.used >= n.cfg.Limits.ReservationsPerSession:
		n.drop(DropReservationsOfOne)
		return nil
	}
	id, r := n.rsbs.alloc()
	*r = rsb{id: id, s: s, oi: oi, nhop: nhop}
	if first.IsValid() {
		r.filters = []filter{{spec: first}}
	}
	s.used++
	s.rsbs = insert(s.rsbs, r, (*rsb).compare)
	return r
}

// updateRSB copies a received flow descriptor into its state block and reports
// NeworMod: whether anything is new.
func (n *Node) updateRSB(r *rsb, m *rsvp.Message, flow intserv.FlowSpec, senders []rsvp.FilterSpec, extra string) (changed bool) {
	until := n.now().Add(n.lifetime(m.TimeValues))
	r.until, r.times = until, m.TimeValues
	if n.red.on {
		n.storeResvID(r, n.red.now)
	}
	for _, f := range senders {
		changed = n.addSender(r, f, until) || changed
	}
	n.timers.Set(timer{timerResvCleanup, r.id}, r.earliest())
	if r.flow != flow {
		r.flow, changed = flow, true
	}
	if r.extra != extra || r.scoped != m.HasScope || !slices.Equal(r.scope, m.Scope) {
		news := r.extra != extra
		r.extra, r.scoped, r.scope, changed = extra, m.HasScope, slices.Clone(m.Scope), true
		n.forceHops(r)
		if news {
			n.extraChanged(r)
		}
	}
	if m.Confirm.IsValid() {
		r.confirm, changed = m.Confirm, true
	}
	return changed
}

// addSender selects one more sender, or refreshes one, and reports whether it
// is new.
func (n *Node) addSender(r *rsb, f rsvp.FilterSpec, until machine.Time) bool {
	if i := r.find(f); i >= 0 {
		r.filters[i].until = until
		return false
	}
	if r.s.used >= n.cfg.Limits.ReservationsPerSession {
		n.drop(DropReservationsOfOne)
		return false
	}
	if len(r.filters) > 0 {
		r.s.used++
	}
	r.filters = insert(r.filters, filter{f, until}, func(a, b filter) int { return a.spec.Compare(b.spec) })
	return true
}

// earliest returns when the first of r's filters expires; of a wildcard, when
// it does.
func (r *rsb) earliest() machine.Time {
	at := r.until
	for _, f := range r.filters {
		at = min(at, f.until)
	}
	return at
}

// forceHops makes flush send Resv to the previous hops of r's senders, even if
// neither flowspec nor filters changed.
func (n *Node) forceHops(r *rsb) {
	for _, p := range r.s.psbs {
		if p.hop != nil && r.selects(p) {
			p.hop.mark()
			p.hop.force = true
		}
	}
}

// removeRSB deletes a reservation state block. Traffic control is the caller's
// next step.
func (n *Node) removeRSB(r *rsb, reason string) {
	s := r.s
	n.traceGone(r, reason)
	if r.extra != "" || r.scoped {
		n.forceHops(r)
	}
	n.timers.Stop(timer{timerResvCleanup, r.id})
	if n.red.on {
		n.dropResvID(r)
	}
	s.used -= max(1, len(r.filters))
	s.rsbs = remove(s.rsbs, r)
	n.rsbs.release(r.id)
}

// removeFilter takes one sender out of an explicit reservation, which goes with
// the last one.
func (n *Node) removeFilter(r *rsb, i int, reason string) {
	if len(r.filters) == 1 {
		n.removeRSB(r, reason)
		return
	}
	r.s.used--
	r.filters = slices.Delete(r.filters, i, i+1)
}

// resvExpires is the end of the lifetime of some of r's filters.
func (n *Node) resvExpires(r *rsb) {
	n.count.ResvExpired++
	s, oi, key := r.s, r.oi, r.key()
	if n.dropExpired(r) {
		n.timers.Set(timer{timerResvCleanup, r.id}, r.earliest())
	}
	n.updateTrafficControl(s, oi, key)
	n.flush(s)
	n.sweepSession(s)
}

// dropExpired takes the senders whose time is over out of r and reports whether
// any is left.
func (n *Node) dropExpired(r *rsb) bool {
	if len(r.filters) == 0 {
		n.removeRSB(r, "expired")
		return false
	}
	for i := len(r.filters) - 1; i >= 0; i-- {
		if r.filters[i].until > n.now() {
			continue
		}
		last := len(r.filters) == 1
		if n.removeFilter(r, i, "expired"); last {
			return false
		}
	}
	return true
}

// resvTearArrives is RFC 2209's "RTEAR MESSAGE ARRIVES".
func (n *Node) resvTearArrives(in Incoming, m *rsvp.Message) {
	oi, ok := n.outInterface(m.Hop.LIH, in.InIf)
	if !ok {
		n.drop(DropLIH)
		return
	}
	s := n.session(m.Session)
	switch {
	case s == nil || len(s.rsbs) == 0:
		n.drop(DropNoState)
		return
	case s.style != m.Style.Base():
		n.drop(DropStyle)
		return
	}
	found := false
	if s.style.Wildcard() {
		found = n.tear(s, oi, m.Hop.Addr, rsvp.FilterSpec{})
	}
	for i := range m.Flows {
		for _, f := range m.Flows[i].Filters {
			found = n.tear(s, oi, m.Hop.Addr, f) || found
		}
	}
	if !found {
		n.drop(DropNoState)
	}
	if s.style.Shared() {
		n.updateTrafficControl(s, oi, rsvp.FilterSpec{})
	}
	n.flush(s)
	n.sweepSession(s)
}

// tear takes one sender, or the wildcard, out of a next hop's reservation. For
// shared styles traffic control is the caller's next step.
func (n *Node) tear(s *session, oi int, nhop netip.Addr, f rsvp.FilterSpec) bool {
	r := s.findRSB(s.rsbName(oi, nhop, 0, f))
	if r == nil {
		return false
	}
	if s.style.Wildcard() {
		n.removeRSB(r, "ResvTear")
	} else if i := r.find(f); i >= 0 {
		n.removeFilter(r, i, "ResvTear")
	} else {
		return false
	}
	if !s.style.Shared() {
		n.updateTrafficControl(s, oi, f)
	}
	return true
}

// refuseResv answers a Resv as a whole: one ResvErr a flow descriptor (RFC 2205
// section 3.1.8).
func (n *Node) refuseResv(m *rsvp.Message, oi int, code rsvp.ErrorCode, value uint16) {
	for i := range m.Flows {
		n.refuseFlow(m, oi, m.Flows[i], code, value)
	}
}

// refuseFlow sends ResvErr for one flow descriptor to the next hop that it came
// from.
func (n *Node) refuseFlow(m *rsvp.Message, oi int, d rsvp.FlowDescriptor, code rsvp.ErrorCode, value uint16) {
	d.Omitted = false
	e := rsvp.ErrorSpec{Code: code, Value: value}
	n.sendResvErr(m.Session.Key(), oi, m.Hop.Addr, m.Style, d, e, m.Scope, m.HasScope, CauseResvErrDetect)
}

// sendResvErr sends a ResvErr to a next hop on an interface. Without an error
// node it is our address there.
func (n *Node) sendResvErr(key rsvp.Session, oi int, nhop netip.Addr, style rsvp.Style, d rsvp.FlowDescriptor, e rsvp.ErrorSpec, scope []netip.Addr, scoped bool, cause machine.Cause) {
	a, ok := n.address(oi, key.Dst)
	if !ok {
		return
	}
	if !e.Node.IsValid() {
		e.Node = a
	}
	r := n.respond(rsvp.ResvErr, key)
	r.Hop = rsvp.Hop{Addr: a, LIH: n.lih(oi)}
	r.Error, r.Style, r.HasScope = e, style, scoped
	r.Scope = append(r.Scope, scope...)
	r.Flows = append(r.Flows, d)
	n.send(Send{Src: a, Dst: nhop, OutIf: viaIf(nhop, oi), TTL: hopTTL, Cause: cause})
}

// resvError reports an error that was found here to the next hop, or to the
// application, that asked for r.
func (n *Node) resvError(r *rsb, e rsvp.ErrorSpec, failed intserv.FlowSpec) {
	d := r.descriptor()
	d.FlowSpec = failed
	if r.app != 0 {
		n.resvErrorUpcall(r, e, d)
		return
	}
	n.sendResvErr(r.s.key, r.oi, r.nhop, r.s.style, d, e, r.scope, r.scoped, CauseResvErrDetect)
}

// resvErrArrives is RFC 2209's "RERR MESSAGE ARRIVES": blockade state after an
// admission failure, then on to the next hops whose requests caused it.
func (n *Node) resvErrArrives(in Incoming, m *rsvp.Message) {
	s := n.session(m.Session)
	if s == nil || len(s.psbs) == 0 {
		n.drop(DropNoState)
		return
	}
	var d rsvp.FlowDescriptor
	if len(m.Flows) > 0 {
		d = m.Flows[0]
	}
	admission := m.Error.Code == rsvp.CodeAdmission
	if admission && !d.FlowSpec.IsZero() {
		n.blockade(s, in, m, d)
	}
	found := false
	for _, r := range s.rsbs {
		common, ok := r.common(m.Style, d.Filters)
		if r.oi == in.InIf || !ok {
			continue
		}
		found = true
		greater := intserv.Compare(d.FlowSpec, r.flow) == intserv.Greater
		if admission && m.Error.Flags&rsvp.InPlace != 0 && greater {
			continue
		}
		n.passResvErr(r, m, rsvp.FlowDescriptor{FlowSpec: d.FlowSpec, Filters: common}, greater)
	}
	if !found {
		n.drop(DropNoState)
	}
	n.flush(s)
}

// passResvErr hands a ResvErr to the application or next hop of one reservation.
func (n *Node) passResvErr(r *rsb, m *rsvp.Message, d rsvp.FlowDescriptor, greater bool) {
	e := m.Error
	if r.app != 0 {
		if greater && e.Code == rsvp.CodeAdmission {
			e.Flags |= rsvp.NotGuilty
		}
		n.resvErrorUpcall(r, e, d)
		return
	}
	var scope []netip.Addr
	if m.HasScope {
		if scope = r.s.scopeAt(r.oi, m.Scope); len(scope) == 0 {
			return
		}
	}
	n.sendResvErr(r.s.key, r.oi, r.nhop, r.s.style, d, e, scope, m.HasScope, CauseResvErrForward)
}

// common returns the filters that r has in common with a ResvErr; wildcards
// match.
func (r *rsb) common(style rsvp.Style, filters []rsvp.FilterSpec) (both []rsvp.FilterSpec, ok bool) {
	if r.s.style != style.Base() {
		return nil, false
	}
	if style.Wildcard() {
		return nil, true
	}
	for _, f := range r.filters {
		if slices.Contains(filters, f.spec) {
			both = append(both, f.spec)
		}
	}
	return both, len(both) > 0
}

// blockade creates or refreshes blockade state from an admission failure: for
// each filter of explicit styles, for the previous hop of the wildcard (RFC 2205
// section 3.5). What is not blockaded goes upstream at once.
func (n *Node) blockade(s *session, in Incoming, m *rsvp.Message, d rsvp.FlowDescriptor) {
	b := blockade{flow: d.FlowSpec, until: n.now().Add(time.Duration(n.cfg.Kb) * n.cfg.RefreshPeriod)}
	for _, p := range s.psbs {
		named := m.Style.Wildcard() || slices.Contains(d.Filters, p.sender)
		if p.hop == nil || p.inIf != in.InIf || !named {
			continue
		}
		if !m.Style.Wildcard() {
			p.block = b
		} else if p.hop.hop.Addr == m.Hop.Addr {
			p.hop.block = b
		} else {
			continue
		}
		if _, all := n.merged(p); !all {
			p.hop.mark()
		}
	}
}

// resvConfArrives is RFC 2209's "RESV CONFIRM ARRIVES".
func (n *Node) resvConfArrives(in Incoming, m *rsvp.Message) {
	if n.cfg.Routes.IsLocal(m.Confirm) {
		s := n.session(m.Session)
		if s == nil || !n.confirmed(s, m) {
			n.drop(DropNoState)
		}
		return
	}
	out, ok := n.cfg.Routes.Unicast(m.Confirm)
	switch {
	case !n.cfg.Router || in.Dst != m.Confirm:
		n.drop(DropNotForUs)
		return
	case !ok:
		n.drop(DropNoRoute)
		return
	case in.TTL <= 1:
		n.drop(DropTTL)
		return
	}
	src, ok := n.address(out, m.Confirm)
	if !ok {
		return
	}
	c := n.respond(rsvp.ResvConf, m.Session)
	c.Error, c.Confirm, c.Style = m.Error, m.Confirm, m.Style
	c.Flows = append(c.Flows, m.Flows...)
	setExtra(c, keepExtra(m))
	n.send(Send{Src: src, Dst: m.Confirm, OutIf: viaIf(m.Confirm, out), TTL: in.TTL - 1, Cause: CauseResvConfForward})
}
