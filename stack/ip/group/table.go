package group

import (
	"net/netip"
	"slices"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
)

// Cursor is a place in a table that is read page by page: after a group on an
// interface. The zero Cursor is the table's beginning.
type Cursor struct {
	If    int
	Group netip.Addr
}

func (c Cursor) link() link { return link{If: c.If, V6: c.Group.Is6()} }

// Membership is one joined group for a reader.
type Membership struct {
	If      int
	Group   netip.Addr
	Mode    Mode
	Sources []netip.Addr // wanted in mode Include, not wanted in mode Exclude
	Sockets int          // sockets with a filter
	Joins   int          // joins without a socket
}

// Snapshot returns what is joined, sorted by interface and group.
func (h *Host) Snapshot() []Membership {
	all, _, _ := h.Page(Cursor{}, len(h.members))
	return all
}

// Page returns up to n of what is joined after a cursor, the cursor after
// them, and whether there are more. It is sorted by interface and group, and
// never changes.
func (h *Host) Page(after Cursor, n int) (page []Membership, next Cursor, more bool) {
	n = max(n, 0)
	page = make([]Membership, 0, min(n, len(h.members)))
	i, _ := slices.BinarySearchFunc(h.order, after.link(), compareHostLink)
	for _, l := range h.order[i:] {
		j := 0
		if l.link == after.link() {
			j = begin(l.groups, after.Group, compareGroup)
		}
		for _, m := range l.groups[j:] {
			if m.state.idle() {
				continue
			}
			if len(page) == n {
				return page, after, true
			}
			page = append(page, m.row())
			after = Cursor(m.member)
		}
	}
	return page, after, false
}

// begin returns the index after group in a sorted list.
func begin[E any](list []E, group netip.Addr, compare func(E, netip.Addr) int) int {
	i, ok := slices.BinarySearchFunc(list, group, compare)
	if ok {
		i++
	}
	return i
}

func (m *membership) row() Membership {
	row := Membership{If: m.If, Group: m.Group, Mode: m.state.mode, Sources: m.state.sources, Sockets: len(m.sockets), Joins: m.any}
	for _, s := range m.joins {
		row.Joins += s.n
	}
	return row
}

// Listener is one group on one link for a reader. Timers are instants.
type Listener struct {
	If      int
	Group   netip.Addr
	Version uint8 // compatibility mode: 1 to 3 of IGMP, 1 or 2 of MLD
	Mode    Mode
	Until   machine.Time   // group timer; 0 in mode Include
	Sources []netip.Addr   // forwarded, with a timer of their own
	Expire  []machine.Time // their timers
	Blocked []netip.Addr   // not forwarded
}

// Snapshot returns the membership table, sorted by interface and group.
func (r *Router) Snapshot() []Listener {
	all, _, _ := r.Page(Cursor{}, len(r.records))
	return all
}

// Page returns up to n groups of the membership table after a cursor, the
// cursor after them, and whether there are more. It is sorted by interface and
// group, and never changes.
func (r *Router) Page(after Cursor, n int) (page []Listener, next Cursor, more bool) {
	n = max(n, 0)
	page = make([]Listener, 0, min(n, len(r.records)))
	i, _ := slices.BinarySearchFunc(r.order, after.link(), compareRouterLink)
	for _, l := range r.order[i:] {
		j := 0
		if l.link == after.link() {
			j = begin(l.records, after.Group, compareRecord)
		}
		for _, rec := range l.records[j:] {
			if len(page) == n {
				return page, after, true
			}
			page = append(page, r.row(l, rec))
			after = Cursor(rec.member)
		}
	}
	return page, after, false
}

func (r *Router) row(l *routerLink, rec *record) Listener {
	row := Listener{If: rec.If, Group: rec.Group, Version: l.version(rec), Mode: rec.state.mode,
		Sources: rec.state.active, Blocked: rec.state.blocked}
	row.Until, _ = r.timers.At(rec.timer(timerMember, netip.Addr{}))
	for _, s := range rec.state.active {
		at, _ := r.timers.At(rec.timer(timerSource, s))
		row.Expire = append(row.Expire, at)
	}
	return row
}

// LinkInfo is what a router knows of one family of an interface.
type LinkInfo struct {
	State    QuerierState
	Querier  netip.Addr // who asks, itself included; invalid while the link is down
	Settings Settings   // as configured, with the defaults

	// The values in force, which are the querier's.
	Robustness            int
	QueryInterval         time.Duration
	QueryResponseInterval time.Duration

	Next   machine.Time // the next general query, or the end of belief in another querier
	Groups int          // in the membership table
}

// Link returns what the router knows of one family of an interface.
func (r *Router) Link(ifIndex int, v6 bool) (LinkInfo, bool) {
	l := r.links[link{ifIndex, v6}]
	if l == nil {
		return LinkInfo{}, false
	}
	next, _ := r.timers.At(l.timer())
	return LinkInfo{State: l.state, Querier: l.querier, Settings: l.settings, Robustness: l.values.robustness,
		QueryInterval: l.values.interval, QueryResponseInterval: l.values.response, Next: next, Groups: len(l.records)}, true
}
