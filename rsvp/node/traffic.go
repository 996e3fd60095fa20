package node

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/intserv"
)

// updateTrafficControl is RFC 2209's "UPDATE TRAFFIC CONTROL": it makes the
// reservation of an interface (and sender, for the distinct style) what path
// and reservation state call for. Previous hops that may have to be told are
// marked; flush tells them.
func (n *Node) updateTrafficControl(s *session, oi int, key rsvp.FilterSpec) {
	t := s.findTCSB(oi, key)
	want, ok := s.compute(oi, key)
	switch {
	case !ok && t == nil:
	case !ok:
		n.removeTCSB(t)
	case t == nil:
		n.ask(n.makeTCSB(s, oi, key), want)
	case t.pending:
		t.again = true
	case !t.have.equal(want):
		n.ask(t, want)
	default:
		n.settle(t)
	}
}

func (n *Node) makeTCSB(s *session, oi int, key rsvp.FilterSpec) *tcsb {
	id, t := n.tcsbs.alloc()
	n.lastTC++
	*t = tcsb{id: id, tcid: TCID(n.lastTC)<<32 | TCID(id), s: s, oi: oi, key: key}
	s.tcsbs = insert(s.tcsbs, t, (*tcsb).compare)
	return t
}

// ask puts a new or changed reservation before admission control and, where
// there is one, traffic control.
func (n *Node) ask(t *tcsb, want reservation) {
	t.want = want
	t.s.matching(t.oi, t.key, func(r *rsb) { r.asked = r.flow })
	if code, value, ok := n.admit(t, want); !ok {
		n.refused(t, code, value)
		return
	}
	if t.oi <= apiAny || !n.cfg.TrafficControl {
		n.accepted(t)
		return
	}
	n.charge(t, max(want.rate, t.have.rate))
	t.pending = true
	op := TCModify
	if t.have.flow.IsZero() {
		op = TCAdd
	}
	n.requestTC(t, op, want)
}

func (n *Node) requestTC(t *tcsb, op TCOp, r reservation) {
	n.out.Push(Output{Kind: KindTC, TC: TCRequest{
		ID: t.tcid, Op: op, If: t.oi, Session: t.s.key, Style: t.s.style, Filters: r.filters,
		FlowSpec: r.flow, PathTSpec: r.pathTe, Effective: r.flow.TSpec.Min(r.pathTe), Police: r.police,
	}})
}

// TCError is a refusal by traffic control with the code and value that ResvErr
// is to carry.
type TCError struct {
	Code  rsvp.ErrorCode
	Value uint16
}

// Error returns the refusal in one line.
func (e *TCError) Error() string {
	return fmt.Sprintf("traffic control: %v (%d/%d)", e.Code, uint8(e.Code), e.Value)
}

// HandleTCResult answers TCAdd or TCModify: nil is acceptance. An error that is
// not a *TCError counts as a system error (code 22).
func (n *Node) HandleTCResult(now machine.Time, id TCID, err error) {
	n.begin(now)
	defer n.end()
	t := n.tcOf(id)
	if t == nil || !t.pending {
		n.drop(DropStaleResult)
		return
	}
	s := t.s
	t.pending = false
	var e *TCError
	switch {
	case err == nil:
		n.accepted(t)
	case errors.As(err, &e):
		n.refused(t, e.Code, e.Value)
	default:
		n.refused(t, rsvp.CodeTrafficSystem, 0)
	}
	if t := n.tcOf(id); t != nil && t.again {
		t.again = false
		n.updateTrafficControl(s, t.oi, t.key)
	}
	n.flush(s)
	n.sweepSession(s)
}

// tcOf returns the block that a TCID names, or nil.
func (n *Node) tcOf(id TCID) *tcsb {
	i := uint32(id)
	if uint64(i) >= uint64(len(n.tcsbs.chunks))*slabChunk || int(i%slabChunk) >= len(n.tcsbs.chunks[i/slabChunk]) {
		return nil
	}
	if t := n.tcsbs.at(i); t.s != nil && t.tcid == id {
		return t
	}
	return nil
}

// accepted makes what was asked for the reservation in place.
func (n *Node) accepted(t *tcsb) {
	if t.have.flow.IsZero() {
		n.count.Installed++
		n.traceTC(t, "", "Added", "InPlace")
	} else {
		n.traceTC(t, "InPlace", "Modified", "InPlace")
	}
	t.have = t.want
	n.charge(t, t.have.rate)
	t.s.matching(t.oi, t.key, func(r *rsb) { r.agreed = r.asked })
	n.changed(t)
	n.settle(t)
}

// changed marks the previous hops of the senders that t is for, and tells the
// senders that are ours.
func (n *Node) changed(t *tcsb) {
	for _, p := range t.s.psbs {
		if !p.routesTo(t.oi) || !t.s.style.Shared() && p.sender != t.key {
			continue
		}
		if p.hop != nil {
			p.hop.mark()
		} else if t.s.covers(t, p) {
			n.resvEvent(p, t)
		}
	}
}

// refused undoes what admission or traffic control did not accept: the next
// hops whose request is new get ResvErr; a request that replaced another falls
// back to it, one that is new is deleted (RFC 2209, "RESV MESSAGE ARRIVES").
func (n *Node) refused(t *tcsb, code rsvp.ErrorCode, value uint16) {
	s, oi, key := t.s, t.oi, t.key
	n.count.Refused++
	flags := rsvp.ErrorFlags(0)
	if t.have.flow.IsZero() {
		n.traceTC(t, "", "Refused", "")
	} else {
		flags = rsvp.InPlace
		n.traceTC(t, "InPlace", "Refused", "InPlace")
	}
	n.charge(t, t.have.rate)
	t.confirm = netip.Addr{}
	var guilty []*rsb
	s.matching(oi, key, func(r *rsb) {
		if r.agreed != r.asked {
			guilty = append(guilty, r)
		}
	})
	for _, r := range guilty {
		n.resvError(r, rsvp.ErrorSpec{Flags: flags, Code: code, Value: value}, r.asked)
		r.confirm, r.ask = netip.Addr{}, false
		switch {
		case r.flow != r.asked: // changed again meanwhile
		case r.agreed.IsZero():
			n.removeRSB(r, "refused")
		default:
			r.flow = r.agreed
		}
	}
	if t.have.flow.IsZero() && !t.again {
		n.removeTCSB(t)
	}
}

// removeTCSB takes a reservation down.
func (n *Node) removeTCSB(t *tcsb) {
	s := t.s
	n.traceTC(t, "InPlace", "Removed", "")
	if t.oi > apiAny && n.cfg.TrafficControl && (t.pending || !t.have.flow.IsZero()) {
		n.requestTC(t, TCRemove, t.want)
	}
	n.charge(t, 0)
	had := t.have
	s.tcsbs = remove(s.tcsbs, t)
	if !had.flow.IsZero() {
		n.count.Installed--
		n.uncovered(t)
	}
	n.tcsbs.release(t.id)
}

// uncovered marks the previous hops of the senders that t was for, and tells
// those of our senders that nothing covers now.
func (n *Node) uncovered(t *tcsb) {
	s := t.s
	for _, p := range s.psbs {
		if !s.covers(t, p) {
			continue
		}
		if p.hop != nil {
			p.hop.mark()
		} else if f, _ := n.merged(p); f.IsZero() {
			n.resvGone(p)
		}
	}
}

// settle answers or passes on the confirmations that t's next hops wait for
// (RFC 2209, end of "UPDATE TRAFFIC CONTROL"): the biggest request's goes on
// upstream, the others are answered here.
func (n *Node) settle(t *tcsb) {
	s := t.s
	s.matching(t.oi, t.key, func(r *rsb) {
		if r.ask {
			r.confirm, r.ask = n.receiverAddress(t), false
		}
		if !r.confirm.IsValid() {
			return
		}
		if s.biggest(r) {
			t.confirm, t.passed, s.dirty = r.confirm, false, true
			n.confirmUpstream(t)
		} else {
			n.sendConf(s, r.confirm, t.oi, r.descriptor(), CauseResvConfSend)
		}
		r.confirm = netip.Addr{}
	})
}

// confirmUpstream makes flush send Resv with t's confirmation to every previous
// hop of the senders that t is for.
func (n *Node) confirmUpstream(t *tcsb) {
	for _, p := range t.s.psbs {
		if p.hop != nil && t.s.covers(t, p) {
			p.hop.mark()
		}
	}
}

// receiverAddress returns our address where the data for a local receiver comes
// in: the session's own if that is ours.
func (n *Node) receiverAddress(t *tcsb) netip.Addr {
	if dst := t.s.key.Dst; n.cfg.Routes.IsLocal(dst) {
		return dst
	}
	for _, p := range t.s.psbs {
		if t.s.covers(t, p) {
			a, _ := n.cfg.Routes.Address(p.inIf, !t.s.key.Dst.Is4())
			return a
		}
	}
	return netip.Addr{}
}

// descriptor returns r as a flow descriptor.
func (r *rsb) descriptor() rsvp.FlowDescriptor {
	d := rsvp.FlowDescriptor{FlowSpec: r.flow}
	for _, f := range r.filters {
		d.Filters = append(d.Filters, f.spec)
	}
	return d
}

// service returns the service of a session's reservations other than r; 0 if
// there are none. All must choose one (RFC 2210 section 2.2).
func (s *session) service(r *rsb) intserv.Service {
	for _, q := range s.rsbs {
		if q != r {
			return q.flow.Service
		}
	}
	return 0
}
