package node

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/intserv"
)

// Interfaces are numbered from 1. In state blocks, an outgoing interface of 0
// or less is the API of this node: 0 for a receiver on any interface, -i for a
// receiver on interface i.
const apiAny = 0

// session is everything about one (DestAddress, ProtocolId, DstPort).
type session struct {
	key   rsvp.Session // without flags
	style rsvp.Style   // of the reservations; 0 while there are none
	psbs  []*psb       // by sender, then by incoming interface
	rsbs  []*rsb       // by outgoing interface, next hop, application, filter
	tcsbs []*tcsb      // by outgoing interface, filter
	hops  []*hop       // previous hops, by incoming interface, address, LIH
	apps  []SessionID  // registrations, in their order
	used  int          // filters of all reservations, a wildcard counting as one
	dirty bool         // flush has something to do
	next  *session     // next session of the same destination address
}

// psb is a path state block (RFC 2209 section 1).
type psb struct {
	id      uint32
	s       *session
	sender  rsvp.SenderTemplate
	inIf    int           // where Path came in; 0 for a local sender
	app     SessionID     // registration of a local sender; 0 from the network
	hop     *hop          // previous hop; nil for a local sender
	tspec   intserv.TSpec // zero: none
	null    rsvp.NullTSpec
	adspec  intserv.AdSpec
	hasAd   bool
	nonRSVP bool   // a hop without RSVP lies before us
	ePolice bool   // nobody before us could police
	fixed   int    // outgoing interface that a local sender chose; 0: none
	ttl     uint8  // IP TTL to send Path with
	out     []int  // outgoing interfaces, ascending
	stage   uint8  // of the staged refreshes; 0: the period R
	extra   string // POLICY_DATA and classes to be forwarded unexamined, as on the wire

	prompted machine.Time // when RefreshPath last sent Path; 0: never

	times rsvp.TimeValues // of the Path: how long a summary refresh makes it live
	got   gotID           // the identifier of the Path
	ids   []sentID        // of ours, one for each outgoing interface that has one

	// sent is what the previous hop was last asked for, for this sender; zero:
	// nothing.
	sent  intserv.FlowSpec
	block blockade // RFC 2205 section 3.5, explicit styles
}

// blockade is a blockade state block (RFC 2209 section 1).
type blockade struct {
	flow  intserv.FlowSpec // Qb
	until machine.Time     // when Tb runs out
}

// blocks reports whether the blockade is up and keeps f from being merged: Qb
// is not strictly greater than f (RFC 2205 section 3.5).
func (b blockade) blocks(f intserv.FlowSpec, now machine.Time) bool {
	return !b.flow.IsZero() && now < b.until && intserv.Compare(b.flow, f) != intserv.Greater
}

// filter is a sender that a reservation selects.
type filter struct {
	spec  rsvp.FilterSpec
	until machine.Time // when it expires; 0: never
}

// rsb is a reservation state block (RFC 2209 section 1).
type rsb struct {
	id      uint32
	s       *session
	oi      int              // outgoing interface
	nhop    netip.Addr       // next hop; not valid for a local receiver
	app     SessionID        // registration of a local receiver; 0 from the network
	filters []filter         // FF: one; SE: many, ascending; WF: none
	until   machine.Time     // WF: when it expires; 0: never
	flow    intserv.FlowSpec // what the next hop asks for
	asked   intserv.FlowSpec // its flow when traffic control was last asked
	agreed  intserv.FlowSpec // what traffic control has accepted of this next hop; zero: nothing yet
	confirm netip.Addr       // RESV_CONFIRM that waits for traffic control
	ask     bool             // local receiver: a confirmation is wanted
	scoped  bool             // a SCOPE object came
	scope   []netip.Addr
	extra   string // POLICY_DATA and classes to be forwarded unexamined

	times rsvp.TimeValues // of the Resv
	got   gotID           // the identifier of the Resv
	same  uint32          // 1 + number of the next block with that identifier; 0: none
}

// tcsb is a traffic control state block (RFC 2209 section 1).
type tcsb struct {
	id      uint32
	tcid    TCID
	s       *session
	oi      int
	key     rsvp.FilterSpec // FF: the sender; zero for shared styles
	want    reservation     // what was last asked for
	have    reservation     // what is in place; have.flow zero: nothing
	counted uint64          // bytes per second that the interface's share is charged with
	pending bool            // traffic control has not answered for want
	again   bool            // something changed meanwhile
	confirm netip.Addr      // RESV_CONFIRM to be forwarded or answered
	passed  bool            // confirm went upstream, or was dropped by a blockade
}

// reservation is what traffic control is asked for.
type reservation struct {
	flow    intserv.FlowSpec // TC_Flowspec
	filters []rsvp.FilterSpec
	pathTe  intserv.TSpec
	police  PoliceFlags
	rate    uint64 // bytes per second that admission counts
}

func (r reservation) equal(q reservation) bool {
	return r.flow == q.flow && r.pathTe == q.pathTe && r.police == q.police && slices.Equal(r.filters, q.filters)
}

// hop is a previous hop: Resv refreshes go to it. The LIH is part of its name,
// because one message names one.
type hop struct {
	id    uint32
	s     *session
	inIf  int
	hop   rsvp.Hop
	refs  int        // path state blocks that came from it
	due   bool       // something that it was asked for may have changed
	force bool       // send Resv even if flowspecs and filters are as before
	stage uint8      // of the staged refreshes; 0: the period R
	style rsvp.Style // in which it was last asked
	ids   []sentID   // of the messages by which it was asked, in order
	block blockade   // wildcard style
}

// mark makes flush look at what the hop must be told.
func (h *hop) mark() { h.due, h.s.dirty = true, true }

// compareSessions orders sessions by destination, protocol and port.
func compareSessions(a, b rsvp.Session) int {
	return cmp.Or(a.Dst.Compare(b.Dst), cmp.Compare(a.Proto, b.Proto), cmp.Compare(a.DstPort, b.DstPort))
}

// routesTo reports whether p's data leaves through oi, or reaches the receiver
// that oi stands for.
func (p *psb) routesTo(oi int) bool {
	if oi <= apiAny {
		return p.app == 0 && (oi == apiAny || p.inIf == -oi)
	}
	_, ok := slices.BinarySearch(p.out, oi)
	return ok
}

// selects reports whether the filters, in ascending order, select p's sender; a
// wildcard selects all.
func selects(style rsvp.Style, filters []rsvp.FilterSpec, p *psb) bool {
	if style.Wildcard() {
		return true
	}
	_, ok := slices.BinarySearchFunc(filters, p.sender, rsvp.FilterSpec.Compare)
	return ok
}

// selects reports whether r selects p's sender at an interface that it leaves
// through.
func (r *rsb) selects(p *psb) bool {
	if !p.routesTo(r.oi) {
		return false
	}
	return r.s.style.Wildcard() || r.find(p.sender) >= 0
}

// find returns the place of a filter, or -1.
func (r *rsb) find(f rsvp.FilterSpec) int {
	i, ok := slices.BinarySearchFunc(r.filters, f, func(g filter, f rsvp.FilterSpec) int { return g.spec.Compare(f) })
	if !ok {
		return -1
	}
	return i
}

// key returns what names r's traffic control state at its interface.
func (r *rsb) key() rsvp.FilterSpec {
	if r.s.style.Shared() || len(r.filters) == 0 {
		return rsvp.FilterSpec{}
	}
	return r.filters[0].spec
}

// rsbName is what names a reservation state block in its session: (next hop,
// Filter_spec_list) of RFC 2209, with the interface, since one next hop may be
// reached through several, and for the distinct style the one sender.
type rsbName struct {
	oi     int
	nhop   netip.Addr
	app    SessionID
	sender rsvp.FilterSpec
}

func (r *rsb) name() rsbName { return rsbName{r.oi, r.nhop, r.app, r.key()} }

func (a rsbName) compare(b rsbName) int {
	return cmp.Or(cmp.Compare(a.oi, b.oi), a.nhop.Compare(b.nhop), cmp.Compare(a.app, b.app), a.sender.Compare(b.sender))
}

func (r *rsb) compare(q *rsb) int { return r.name().compare(q.name()) }

func (p *psb) compare(q *psb) int {
	return cmp.Or(p.sender.Compare(q.sender), cmp.Compare(p.inIf, q.inIf))
}

func (t *tcsb) compare(u *tcsb) int { return cmp.Or(cmp.Compare(t.oi, u.oi), t.key.Compare(u.key)) }

func (h *hop) compare(g *hop) int {
	return cmp.Or(cmp.Compare(h.inIf, g.inIf), h.hop.Addr.Compare(g.hop.Addr), cmp.Compare(h.hop.LIH, g.hop.LIH))
}

// insert puts x in its place in an ordered list.
func insert[T any](list []T, x T, compare func(a, b T) int) []T {
	i, _ := slices.BinarySearchFunc(list, x, compare)
	return slices.Insert(list, i, x)
}

// remove takes x out of an ordered list.
func remove[T comparable](list []T, x T) []T {
	if i := slices.Index(list, x); i >= 0 {
		return slices.Delete(list, i, i+1)
	}
	return list
}

// findPSB returns the path state of a sender. For a multicast session it must
// have come in where the message did; for a unicast session the previous hop
// may change at any time (RFC 2205 section 3.1.3).
func (s *session) findPSB(sender rsvp.SenderTemplate, inIf int) *psb {
	for _, p := range s.psbsOf(sender) {
		if p.inIf == inIf || p.app == 0 && inIf != 0 && !s.key.Dst.IsMulticast() {
			return p
		}
	}
	return nil
}

// psbsOf returns the path state of a sender: at most one block for each
// interface that Path came in through.
func (s *session) psbsOf(sender rsvp.SenderTemplate) []*psb {
	from, _ := slices.BinarySearchFunc(s.psbs, sender, func(p *psb, f rsvp.FilterSpec) int { return p.sender.Compare(f) })
	to := from
	for to < len(s.psbs) && s.psbs[to].sender == sender {
		to++
	}
	return s.psbs[from:to]
}

// rsbName returns the name of the reservation of a next hop or application at
// an interface that selects a sender.
func (s *session) rsbName(oi int, nhop netip.Addr, app SessionID, sender rsvp.FilterSpec) rsbName {
	if s.style.Shared() {
		sender = rsvp.FilterSpec{}
	}
	return rsbName{oi, nhop, app, sender}
}

func (s *session) findRSB(name rsbName) *rsb {
	i, ok := slices.BinarySearchFunc(s.rsbs, name, func(r *rsb, n rsbName) int { return r.name().compare(n) })
	if !ok {
		return nil
	}
	return s.rsbs[i]
}

func (s *session) findTCSB(oi int, key rsvp.FilterSpec) *tcsb {
	i, ok := slices.BinarySearchFunc(s.tcsbs, key, func(t *tcsb, key rsvp.FilterSpec) int {
		return cmp.Or(cmp.Compare(t.oi, oi), t.key.Compare(key))
	})
	if !ok {
		return nil
	}
	return s.tcsbs[i]
}

func (s *session) findHop(inIf int, h rsvp.Hop) *hop {
	for _, g := range s.hops {
		if g.inIf == inIf && g.hop == h {
			return g
		}
	}
	return nil
}

// empty reports that nothing is left of the session.
func (s *session) empty() bool {
	return len(s.psbs) == 0 && len(s.rsbs) == 0 && len(s.tcsbs) == 0 && len(s.apps) == 0
}
