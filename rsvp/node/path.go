package node

import (
	"net/netip"
	"slices"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/intserv"
)

// pathArrives is RFC 2209's "PATH MESSAGE ARRIVES".
func (n *Node) pathArrives(in Incoming, m *rsvp.Message) {
	switch {
	case m.HasTSpec && m.TSpec.Check() != nil:
		n.refusePath(in, m, rsvp.CodeTrafficControl, rsvp.ValueBadTSpec)
		return
	case m.HasAdSpec && m.AdSpec.Check() != nil:
		n.refusePath(in, m, rsvp.CodeTrafficControl, rsvp.ValueBadAdSpec)
		return
	case n.dstPortConflict(m.Session):
		n.refusePath(in, m, rsvp.CodeDstPorts, 0)
		return
	}
	s := n.session(m.Session)
	if s != nil && s.senderPortConflict(m.Sender) {
		n.refusePath(in, m, rsvp.CodeSenderPorts, 0)
		return
	}
	var p *psb
	if s != nil {
		p = s.findPSB(m.Sender, in.InIf)
	}
	created := p == nil
	if created {
		if p = n.newPSB(m); p == nil {
			return
		}
	}
	c := n.updatePSB(p, in, m)
	c.created = created
	n.pathUpdated(p, c)
}

// pathChange says what a Path message changed.
type pathChange struct {
	created bool
	path    bool // Path_Refresh_Needed
	resv    bool // Resv_Refresh_Needed: another previous hop
}

// newPSB makes a path state block for a sender of a session, within the limits.
func (n *Node) newPSB(m *rsvp.Message) *psb {
	if n.psbs.used >= n.cfg.Limits.Paths {
		n.drop(DropPaths)
		return nil
	}
	s := n.makeSession(m.Session)
	switch {
	case s == nil:
		n.drop(DropSessions)
		return nil
	case len(s.psbs) >= n.cfg.Limits.PathsPerSession:
		n.drop(DropPathsOfOne)
		return nil
	}
	id, p := n.psbs.alloc()
	*p = psb{id: id, s: s, sender: m.Sender}
	return p
}

// updatePSB copies a received Path into its state block.
func (n *Node) updatePSB(p *psb, in Incoming, m *rsvp.Message) (c pathChange) {
	if p.hop == nil || p.hop.hop != m.Hop || p.inIf != in.InIf {
		n.leaveHop(p.hop)
		isNew := p.hop == nil
		p.inIf, p.hop = in.InIf, n.hopFor(p.s, in.InIf, m.Hop)
		p.sent.Service, p.block = 0, blockade{}
		c.path, c.resv = true, true
		if isNew {
			p.s.psbs = insert(p.s.psbs, p, (*psb).compare)
		}
	}
	nonRSVP, ePolice, extra := in.TTL != m.SendTTL, m.Session.Flags&rsvp.EPolice != 0, keepExtra(m)
	if p.tspec != m.TSpec || p.null != m.NullTSpec || p.hasAd != m.HasAdSpec || p.adspec != m.AdSpec || p.nonRSVP != nonRSVP || p.ePolice != ePolice || p.extra != extra {
		c.path = true
	}
	p.tspec, p.null = m.TSpec, m.NullTSpec
	p.hasAd, p.adspec, p.nonRSVP, p.ePolice, p.extra = m.HasAdSpec, m.AdSpec, nonRSVP, ePolice, extra
	p.ttl = in.TTL - min(in.TTL, 1)
	p.times = m.TimeValues
	if n.red.on {
		n.storePathID(p, n.gotOf(in, m))
	}
	n.timers.Set(timer{timerPathCleanup, p.id}, n.now().Add(n.lifetime(m.TimeValues)))
	return c
}

// pathUpdated does what new or changed path state asks for: routes, Path to
// outgoing interfaces, upcalls, traffic control and Resv to the previous hop.
func (n *Node) pathUpdated(p *psb, c pathChange) {
	added := n.setOut(p, n.routeOf(p))
	switch {
	case c.created:
		n.tracePath(p, "", "Path", "Stored", "new sender", CausePathNew)
		n.pathRefresh(p, p.out, CausePathNew)
	case c.path:
		n.tracePath(p, "Stored", "Path", "Stored", "changed", CausePathChange)
		n.pathRefresh(p, p.out, CausePathChange)
	case len(added) > 0:
		n.pathRefresh(p, added, CausePathRepair)
	}
	if c.created || c.path {
		n.pathEvent(p)
		n.updateSelecting(p)
		if p.hop != nil && c.resv {
			p.hop.mark()
			n.updateLocal(p.s)
		}
	}
	n.flush(p.s)
}

// routeOf asks routing for p's outgoing interfaces. The interface where it came
// in is never one (RFC 2205 section 2.3).
func (n *Node) routeOf(p *psb) []int {
	dst := p.s.key.Dst
	switch {
	case p.fixed != 0 && n.iface(p.fixed).down:
		return nil
	case p.fixed != 0:
		return []int{p.fixed}
	case p.app == 0 && !n.cfg.Router:
		return nil
	case dst.IsMulticast():
		out := n.cfg.Routes.Multicast(p.sender.Src, dst, p.inIf)
		if p.app != 0 && len(out) > 1 {
			out = out[:1]
		}
		return out
	case n.cfg.Routes.IsLocal(dst):
		return nil
	}
	if oi, ok := n.cfg.Routes.Unicast(dst); ok && oi != p.inIf {
		return []int{oi}
	}
	return nil
}

// setOut makes out p's outgoing interfaces and returns those that are new.
// Reservations on those that are gone are taken down. The previous hop is told
// at once, unless there are new interfaces: then it keeps its reservation until
// the next refresh, for the new way is likely to ask for it again.
func (n *Node) setOut(p *psb, out []int) (added []int) {
	if slices.Equal(p.out, out) {
		return nil
	}
	old := p.out
	had, _ := n.merged(p)
	p.out = slices.Clone(out)
	slices.Sort(p.out)
	for _, oi := range p.out {
		if !slices.Contains(old, oi) {
			added = append(added, oi)
		}
	}
	for _, oi := range old {
		if !slices.Contains(p.out, oi) {
			n.tracePath(p, "Stored", "RouteChange", "Stored", "interface gone", "")
			n.unselect(p, oi)
		}
	}
	if len(p.out) == 0 {
		n.timers.Stop(timer{timerPathRefresh, p.id})
	}
	if n.red.on {
		p.ids = n.forgetIDs(p.ids, p.out)
	}
	if has, _ := n.merged(p); p.hop != nil && len(added) == 0 {
		p.hop.mark()
	} else if p.hop == nil && has.IsZero() && !had.IsZero() {
		n.resvGone(p)
	}
	return added
}

// pathRefreshDue is the expiry of p's refresh timer.
func (n *Node) pathRefreshDue(p *psb) {
	cause := CausePathRefresh
	if p.stage > 0 {
		cause = CausePathFast
	}
	out := p.out
	if n.red.on {
		out = n.red.full[:0]
		for _, oi := range p.out {
			if !n.summarizePath(p, oi) {
				out = append(out, oi)
			}
		}
		n.red.full = out
	}
	if len(out) == 0 && len(p.out) > 0 {
		p.stage = 0
		n.timers.Set(timer{timerPathRefresh, p.id}, n.now().Add(n.refreshIn(&p.stage, false)))
		return
	}
	n.pathRefresh(p, out, cause)
}

// promptPath sends Path for a local sender because RefreshPath asked for it, at
// most once in promptInterval. What comes too early waits for its turn; a Path
// that goes out meanwhile for another reason serves as well.
func (n *Node) promptPath(p *psb) {
	if next := p.prompted.Add(promptInterval); p.prompted != 0 && n.now() < next {
		n.timers.Set(timer{timerPathPrompt, p.id}, next)
		return
	}
	p.prompted = n.now()
	n.pathRefresh(p, p.out, CausePathPrompt)
}

// pathRefresh is RFC 2209's "PATH REFRESH": it sends Path out the interfaces
// given. A refresh of all of them, or one with news where refreshes are staged,
// starts the refresh timer anew.
func (n *Node) pathRefresh(p *psb, out []int, cause machine.Cause) {
	key := timer{timerPathRefresh, p.id}
	if len(p.out) == 0 {
		n.timers.Stop(key)
		return
	}
	all, news := len(out) == len(p.out), cause != CausePathRefresh && cause != CausePathFast
	if _, armed := n.timers.At(key); !armed || all || news && n.cfg.FastRefresh > 0 {
		n.timers.Set(key, n.now().Add(n.refreshIn(&p.stage, news)))
	}
	if all && p.prompted != 0 {
		n.timers.Stop(timer{timerPathPrompt, p.id})
	}
	if p.ttl == 0 {
		n.drop(DropTTL)
		return
	}
	m := n.respond(rsvp.Path, p.s.key)
	if p.ePolice && !n.cfg.TrafficControl {
		m.Session.Flags |= rsvp.EPolice
	}
	m.TimeValues = rsvp.NewTimeValues(n.cfg.RefreshPeriod)
	p.describe(m)
	m.HasAdSpec = p.hasAd
	setExtra(m, p.extra)
	for _, oi := range out {
		if p.hasAd {
			m.AdSpec = n.advertise(p, oi)
		}
		if n.red.on {
			n.identifyPath(p, oi, cause)
		}
		n.sendDownstream(p, oi, cause)
	}
}

// identifyPath gives n.rsp, a Path for p, a MESSAGE_ID where all who get it know
// such, and none else.
func (n *Node) identifyPath(p *psb, oi int, cause machine.Cause) {
	m := &n.rsp
	m.HasMessageID, m.Acks = false, m.Acks[:0]
	if !n.pathReduces(p, oi) {
		p.ids = slices.DeleteFunc(p.ids, func(s sentID) bool {
			if s.oi == oi {
				n.forgetID(s.id)
			}
			return s.oi == oi
		})
		return
	}
	news := cause == CausePathNew || cause == CausePathChange || cause == CausePathRepair
	p.ids = n.identify(p.ids, oi, ref{refPath, p.id}, news)
}

// describe gives a message p's SENDER_TEMPLATE and SENDER_TSPEC.
func (p *psb) describe(m *rsvp.Message) {
	m.Sender, m.HasTSpec, m.TSpec, m.NullTSpec = p.sender, p.tspec != intserv.TSpec{}, p.tspec, p.null
}

// sendDownstream sends n.rsp, a Path or PathTear for p, out one interface.
func (n *Node) sendDownstream(p *psb, oi int, cause machine.Cause) {
	a, ok := n.address(oi, p.s.key.Dst)
	if !ok {
		return
	}
	n.rsp.Hop = rsvp.Hop{Addr: a, LIH: n.lih(oi)}
	n.send(Send{Src: p.sender.Src, Dst: p.s.key.Dst, OutIf: oi, TTL: p.ttl, Cause: cause})
}

// pathTearArrives is RFC 2209's "PTEAR MESSAGE ARRIVES". The previous hop must
// match too, and for a multicast session the interface (RFC 2205 section 3.1.5).
func (n *Node) pathTearArrives(in Incoming, m *rsvp.Message) {
	s := n.session(m.Session)
	if s == nil || !m.Sender.IsValid() {
		n.drop(DropNoState)
		return
	}
	p := s.findPSB(m.Sender, in.InIf)
	if p == nil || p.hop == nil || p.hop.hop.Addr != m.Hop.Addr {
		n.drop(DropNoState)
		return
	}
	n.removePSB(p, CausePathTearForward, "PathTear")
}

// pathExpires is the end of p's lifetime: as if a PathTear had come.
func (n *Node) pathExpires(p *psb) {
	n.count.PathExpired++
	n.removePSB(p, CausePathTearExpire, "Expired")
}

// removePSB deletes path state: PathTear goes downstream, reservations that
// depend on the sender are taken down, applications are told. Nothing goes
// upstream, where the sender is gone already (RFC 2205 section 3.1.5).
func (n *Node) removePSB(p *psb, tear machine.Cause, event string) {
	s := p.s
	n.tracePath(p, "Stored", event, "", "torn", tear)
	n.sendPathTear(p, tear)
	n.timers.Stop(timer{timerPathRefresh, p.id})
	n.timers.Stop(timer{timerPathCleanup, p.id})
	n.timers.Stop(timer{timerPathPrompt, p.id})
	if n.red.on {
		p.ids = n.forgetIDs(p.ids, nil)
		n.dropPathID(p)
	}
	s.psbs = remove(s.psbs, p)
	for _, oi := range p.out {
		n.unselect(p, oi)
	}
	n.updateSelecting(p)
	for _, h := range s.hops {
		h.due, h.force = false, false
	}
	if p.app == 0 {
		n.pathGone(p)
	}
	n.leaveHop(p.hop)
	n.psbs.release(p.id)
	n.sweepSession(s)
}

// sendPathTear sends PathTear for p to every outgoing interface.
func (n *Node) sendPathTear(p *psb, cause machine.Cause) {
	if p.ttl == 0 {
		return
	}
	m := n.respond(rsvp.PathTear, p.s.key)
	p.describe(m)
	for _, oi := range p.out {
		if m.HasMessageID, m.Acks = false, m.Acks[:0]; n.pathReduces(p, oi) {
			n.identifyTear()
		}
		n.sendDownstream(p, oi, cause)
	}
}

// refusePath sends PathErr for a Path that was not accepted to where it came
// from (RFC 2205 section 3.1.3).
func (n *Node) refusePath(in Incoming, m *rsvp.Message, code rsvp.ErrorCode, value uint16) {
	a, ok := n.address(in.InIf, m.Session.Dst)
	if !ok {
		return
	}
	e := n.respond(rsvp.PathErr, m.Session.Key())
	e.Error = rsvp.ErrorSpec{Node: a, Code: code, Value: value}
	copySender(e, m)
	setExtra(e, keepExtra(m))
	n.sendUpstream(a, m.Hop.Addr, in.InIf, CausePathErrDetect)
}

// copySender copies the sender descriptor of a message.
func copySender(to, from *rsvp.Message) {
	to.Sender, to.HasTSpec, to.TSpec, to.NullTSpec = from.Sender, from.HasTSpec, from.TSpec, from.NullTSpec
	to.HasAdSpec, to.AdSpec = from.HasAdSpec, from.AdSpec
}

// sendUpstream sends n.rsp from src to a previous hop on an interface.
func (n *Node) sendUpstream(src, phop netip.Addr, inIf int, cause machine.Cause) {
	n.send(Send{Src: src, Dst: phop, OutIf: viaIf(phop, inIf), TTL: hopTTL, Cause: cause})
}

// pathErrArrives is RFC 2209's "PERR MESSAGE ARRIVES": to the application that
// sends, or on to the previous hop.
func (n *Node) pathErrArrives(m *rsvp.Message) {
	found := false
	if s := n.session(m.Session); s != nil {
		for _, p := range s.psbsOf(m.Sender) {
			if len(p.out) == 0 {
				continue
			}
			found = true
			if p.app != 0 {
				n.upcall(Upcall{Session: p.app, Kind: PathError, Sender: p.sender.AddrPort(), Error: m.Error})
			} else if a, ok := n.address(p.inIf, m.Session.Dst); ok {
				e := n.respond(rsvp.PathErr, m.Session.Key())
				e.Error = m.Error
				copySender(e, m)
				setExtra(e, keepExtra(m))
				n.sendUpstream(a, p.hop.hop.Addr, p.inIf, CausePathErrForward)
			}
		}
	}
	if !found {
		n.drop(DropNoState)
	}
}

// updateSelecting updates traffic control for every reservation that selects
// p's sender.
func (n *Node) updateSelecting(p *psb) {
	s := p.s
	for i := 0; i < len(s.rsbs); {
		r := s.rsbs[i]
		if r.selects(p) {
			n.updateTrafficControl(s, r.oi, r.key())
		}
		if i < len(s.rsbs) && s.rsbs[i] == r { // it may have been refused
			i++
		}
	}
}

// updateLocal updates every local reservation: a sender that now comes in
// elsewhere may have left one that is for an interface.
func (n *Node) updateLocal(s *session) {
	for i := 0; i < len(s.rsbs) && s.rsbs[i].oi < apiAny; i++ {
		n.updateTrafficControl(s, s.rsbs[i].oi, s.rsbs[i].key())
	}
}

// unselect takes p's sender out of the reservations on an interface that its
// data no longer leaves through: explicit filters go, a wildcard goes with its
// last sender (RFC 2209, PTEAR).
func (n *Node) unselect(p *psb, oi int) {
	s := p.s
	others := slices.ContainsFunc(s.psbs, func(q *psb) bool {
		return q != p && q.routesTo(oi) && (s.style.Wildcard() || q.sender == p.sender)
	})
	if others {
		return
	}
	for i := len(s.rsbs) - 1; i >= 0; i-- {
		r := s.rsbs[i]
		if r.oi != oi {
			continue
		}
		key := r.key()
		if s.style.Wildcard() {
			n.removeRSB(r, "sender gone")
		} else if j := r.find(p.sender); j >= 0 {
			n.removeFilter(r, j, "sender gone")
		} else {
			continue
		}
		n.updateTrafficControl(s, oi, key)
		i = min(i, len(s.rsbs))
	}
}
