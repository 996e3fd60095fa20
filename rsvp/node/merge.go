package node

import (
	"math"
	"slices"

	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/intserv"
)

// What differs by style in merging is in this file: what one interface's
// reservation is made of, and what a previous hop is asked for.

// matching calls f for each reservation that one traffic control state block is
// made of: those of the interface and, for the distinct style, of the sender.
func (s *session) matching(oi int, key rsvp.FilterSpec, f func(*rsb)) {
	for _, r := range s.rsbs {
		if r.oi == oi && r.key() == key {
			f(r)
		}
	}
}

// compute returns what traffic control should have for an interface and, for
// the distinct style, a sender (RFC 2209, "UPDATE TRAFFIC CONTROL", first part).
// It reports false if there should be nothing: no reservation, or no sender
// that routes there.
func (s *session) compute(oi int, key rsvp.FilterSpec) (want reservation, ok bool) {
	s.matching(oi, key, func(r *rsb) {
		if f, ok := intserv.LUB(want.flow, r.flow); ok {
			want.flow = f
		}
		for _, g := range r.filters {
			want.filters = addFilter(want.filters, g.spec)
		}
	})
	if want.flow.IsZero() {
		return reservation{}, false
	}
	senders := 0
	for _, p := range s.psbs {
		if !p.routesTo(oi) || !selects(s.style, want.filters, p) {
			continue
		}
		senders++
		want.pathTe = want.pathTe.Sum(p.tspec)
		if p.ePolice {
			want.police |= PoliceEntry
		}
	}
	if s.style.Shared() && senders > 1 {
		want.police |= PoliceMerge
	}
	if s.branches(oi, key, want) {
		want.police |= PoliceBranch
	}
	want.rate = rateOf(want)
	return want, senders > 0
}

// branches reports whether a reservation elsewhere for the same senders is
// larger than want, or incomparable (RFC 2205 section 3.8, B_Police_Flag).
func (s *session) branches(oi int, key rsvp.FilterSpec, want reservation) bool {
	for _, r := range s.rsbs {
		if r.oi == oi || r.key() != key {
			continue
		}
		if o := intserv.Compare(want.flow, r.flow); o == intserv.Less || o == intserv.Incomparable {
			return true
		}
	}
	return false
}

// rateOf returns the bytes per second that a reservation takes of a link,
// rounded up: R for guaranteed service, for controlled load the rate of the
// minimum of what the senders send and the receivers ask for.
func rateOf(r reservation) uint64 {
	v := r.flow.Bandwidth()
	if r.flow.Service == intserv.ControlledLoad {
		v = r.flow.TSpec.Min(r.pathTe).Rate
	}
	return uint64(math.Ceil(float64(v)))
}

// addFilter adds f to an ascending list without repetition.
func addFilter(list []rsvp.FilterSpec, f rsvp.FilterSpec) []rsvp.FilterSpec {
	i, found := slices.BinarySearchFunc(list, f, rsvp.FilterSpec.Compare)
	if found {
		return list
	}
	return slices.Insert(list, i, f)
}

// biggest reports whether r's flowspec is larger than all others that make up
// its interface's reservation (RFC 2209, Is_Biggest).
func (s *session) biggest(r *rsb) bool {
	is := true
	s.matching(r.oi, r.key(), func(q *rsb) {
		if q != r && intserv.Compare(r.flow, q.flow) != intserv.Greater {
			is = false
		}
	})
	return is
}

// merged returns what p's previous hop should be asked for on behalf of p's
// sender: the least upper bound of what is in place on the interfaces that its
// data leaves through, leaving blockaded reservations out; if all of them are,
// their greatest lower bound (RFC 2209, "RESV REFRESH" steps 1 to 4; RFC 2205
// section 3.5). blocked tells that the latter is the case.
func (n *Node) merged(p *psb) (flow intserv.FlowSpec, blocked bool) {
	s := p.s
	var lub, glb intserv.FlowSpec
	for _, t := range s.tcsbs {
		if !s.covers(t, p) {
			continue
		}
		if glb.IsZero() {
			glb = t.have.flow
		} else if g, ok := intserv.GLB(glb, t.have.flow); ok {
			glb = g
		}
		if n.blockaded(p, t.have.flow) {
			continue
		}
		if l, ok := intserv.LUB(lub, t.have.flow); ok {
			lub = l
		}
	}
	if lub.IsZero() && !glb.IsZero() {
		return glb, true
	}
	return lub, false
}

// covers reports whether t's reservation is in place and for p's sender.
func (s *session) covers(t *tcsb, p *psb) bool {
	return !t.have.flow.IsZero() && p.routesTo(t.oi) && selects(s.style, t.have.filters, p)
}

// blockaded reports whether a blockade keeps f from being merged for p: of p's
// sender for explicit styles, of its previous hop for the wildcard.
func (n *Node) blockaded(p *psb, f intserv.FlowSpec) bool {
	if p.s.style.Wildcard() {
		return p.hop != nil && p.hop.block.blocks(f, n.now())
	}
	return p.block.blocks(f, n.now())
}

// largestFor reports whether t's flowspec is larger than every other one that
// is merged for p's previous hop, so that its RESV_CONFIRM goes on (RFC 2209,
// "RESV REFRESH" step 4).
func (n *Node) largestFor(p *psb, t *tcsb) bool {
	s := p.s
	for _, u := range s.tcsbs {
		if u != t && s.covers(u, p) && !n.blockaded(p, u.have.flow) && intserv.Compare(t.have.flow, u.have.flow) != intserv.Greater {
			return false
		}
	}
	return true
}
