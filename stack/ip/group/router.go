package group

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire/igmp"
)

// Limits of a router where its configuration names none.
const (
	DefaultMaxRecords       = 4096
	DefaultMaxRecordSources = 128
)

// RouterConfig configures a Router. Zero limits stand for the defaults.
type RouterConfig struct {
	Trace      machine.Tracer
	MaxRecords int // groups on all links
	MaxSources int // sources of one group on one link
}

// RouterCounters of a Router.
type RouterCounters struct {
	Records        uint64 // records of reports applied
	GeneralQueries uint64 // sent
	GroupQueries   uint64 // sent
	SourceQueries  uint64 // sent
	QueriesHeard   uint64 // from other routers
	Elections      uint64 // changes between Querier and NonQuerier
	TableFull      uint64 // records ignored: too many groups
	SourcesFull    uint64 // sources ignored: too many in one group
	SSMIgnored     uint64 // any-source records ignored for source-specific groups
	ScopeIgnored   uint64 // records ignored: no group, or one that is never forwarded
	TypeIgnored    uint64 // records ignored: unknown type, sources of the other family
}

// Router is the router side of membership. It is not safe for concurrent use.
type Router struct {
	cfg      RouterConfig
	clock    machine.Clock
	links    map[link]*routerLink
	records  map[member]*record
	timers   machine.Timers[routerTimer]
	out      machine.Queue[Output]
	counters RouterCounters
}

type routerLink struct {
	link
	addr    netip.Addr // our source address, for the election
	mtu     int
	state   QuerierState
	startup int    // startup queries left
	values  timing // the querier's
	records []*record
}

// timing are the values that a querier sets for its link.
type timing struct {
	robustness int
	interval   time.Duration
}

// membershipInterval is how long a report counts (RFC 3376 section 8.4).
func (t timing) membershipInterval() time.Duration {
	return time.Duration(t.robustness)*t.interval + QueryResponseInterval
}

// otherPresent is how long a silent querier is believed in (section 8.5).
func (t timing) otherPresent() time.Duration {
	return time.Duration(t.robustness)*t.interval + QueryResponseInterval/2
}

var ownTiming = timing{Robustness, QueryInterval}

// record is a group on a link.
type record struct {
	member
	state routerState

	// Queries left to send (RFC 3376 section 6.6.3).
	groupLeft   int
	sourcesLeft []sourceRef
}

type routerTimerKind uint8

const (
	timerQuerier routerTimerKind = iota // next general query, or the other querier's presence
	timerMember                         // group timer
	timerSource                         // source timer
	timerRepeat                         // next specific query
)

type routerTimer struct {
	kind routerTimerKind
	link
	group, source netip.Addr
}

func (r *record) timer(kind routerTimerKind, source netip.Addr) routerTimer {
	return routerTimer{kind: kind, link: r.link(), group: r.Group, source: source}
}

// NewRouter returns a router without interfaces.
func NewRouter(cfg RouterConfig) *Router {
	cfg.MaxRecords = cmp.Or(max(cfg.MaxRecords, 0), DefaultMaxRecords)
	cfg.MaxSources = cmp.Or(max(cfg.MaxSources, 0), DefaultMaxRecordSources)
	return &Router{cfg: cfg, links: make(map[link]*routerLink), records: make(map[member]*record)}
}

// AddInterface makes one family of an interface known. addr is what queries
// are sent from: the interface's IPv4 or link-local IPv6 address. A link that
// is up is queried at once.
func (r *Router) AddInterface(now machine.Time, ifIndex int, addr netip.Addr, mtu int, up bool) {
	now = r.clock.At(now)
	l := &routerLink{link: link{ifIndex, addr.Is6()}, addr: addr, mtu: mtu, values: ownTiming}
	r.links[l.link] = l
	if up {
		r.fireQuerier(now, l, querierUp, nil)
	}
}

// HandleLinkChange takes in that an interface went up or down. The members of
// a link that is down are forgotten.
func (r *Router) HandleLinkChange(now machine.Time, ifIndex int, up bool) {
	now = r.clock.At(now)
	for _, v6 := range [...]bool{false, true} {
		l := r.links[link{ifIndex, v6}]
		if l == nil {
			continue
		}
		if up {
			r.fireQuerier(now, l, querierUp, nil)
			continue
		}
		r.fireQuerier(now, l, querierGone, nil)
		for _, rec := range slices.Clone(l.records) {
			r.fire(now, l, rec, evReset, nil)
		}
	}
}

// HandleReport takes in the records of a report from a host on an interface.
// A report of an older version is a record IS_EX {}, a leave TO_IN {}.
// The records are not kept.
func (r *Router) HandleReport(now machine.Time, ifIndex int, v6 bool, records []igmp.Record) {
	now = r.clock.At(now)
	l := r.links[link{ifIndex, v6}]
	if l == nil || l.state == QuerierDown {
		return
	}
	for i := range records {
		r.handleRecord(now, l, &records[i])
	}
}

func (r *Router) handleRecord(now machine.Time, l *routerLink, in *igmp.Record) {
	e := routerEvent(in.Type)
	wrongFamily := func(a netip.Addr) bool { return a.Is6() != l.V6 || a.IsMulticast() }
	switch {
	case e < evIsIn || e > evBlock || slices.ContainsFunc(in.Sources, wrongFamily):
		r.counters.TypeIgnored++
		return
	case in.Group.Is6() != l.V6 || !IsReported(in.Group) || in.Group.IsLinkLocalMulticast():
		r.counters.ScopeIgnored++
		return
	case IsSSM(in.Group) && (e == evIsEx || e == evToEx):
		r.counters.SSMIgnored++
		return
	}
	rec := r.records[member{l.If, in.Group}]
	if rec == nil {
		if rec = r.add(l, in.Group); rec == nil {
			return
		}
	}
	r.counters.Records++
	r.fire(now, l, rec, e, r.within(rec.state, newSet(in.Sources)))
}

func (r *Router) add(l *routerLink, group netip.Addr) *record {
	if len(r.records) >= r.cfg.MaxRecords {
		r.counters.TableFull++
		return nil
	}
	rec := &record{member: member{l.If, group}}
	r.records[rec.member] = rec
	i, _ := slices.BinarySearchFunc(l.records, group, compareRecord)
	l.records = slices.Insert(l.records, i, rec)
	return rec
}

func compareRecord(r *record, group netip.Addr) int { return r.Group.Compare(group) }

// within returns b without the sources for which s has no room.
func (r *Router) within(s routerState, b set) set {
	room := r.cfg.MaxSources - len(s.active) - len(s.blocked)
	if len(b) <= room {
		return b
	}
	return b.filter(func(a netip.Addr) bool {
		if s.active.has(a) || s.blocked.has(a) {
			return true
		}
		if room--; room >= 0 {
			return true
		}
		r.counters.SourcesFull++
		return false
	})
}

// HandleQuery takes in another router's query on an interface. q is not kept.
func (r *Router) HandleQuery(now machine.Time, ifIndex int, src netip.Addr, q *igmp.Query) {
	now = r.clock.At(now)
	l := r.links[link{ifIndex, src.Is6()}]
	if l == nil || l.state == QuerierDown {
		return
	}
	r.counters.QueriesHeard++
	e := querierOther
	if !src.IsUnspecified() && src.Less(l.addr) {
		e = querierLower
	}
	r.fireQuerier(now, l, e, q)
	if q.General() || q.Suppress {
		return
	}
	if rec := r.records[member{ifIndex, q.Group}]; rec != nil {
		r.lower(now, rec, len(q.Sources) == 0, newSet(q.Sources))
	}
}

// lower lowers timers to the last member query time (RFC 3376 section 6.6.1).
func (r *Router) lower(now machine.Time, rec *record, group bool, sources set) {
	at := now.Add(LastMemberQueryTime)
	if group {
		r.lowerTimer(rec.timer(timerMember, netip.Addr{}), at)
	}
	for _, s := range sources {
		r.lowerTimer(rec.timer(timerSource, s), at)
	}
}

func (r *Router) lowerTimer(key routerTimer, at machine.Time) {
	if t, ok := r.timers.At(key); ok && t > at {
		r.timers.Set(key, at)
	}
}

// Advance fires what is due. Early and stale calls do nothing.
func (r *Router) Advance(now machine.Time) {
	now = r.clock.At(now)
	for {
		t, _, ok := r.timers.Pop(now)
		if !ok {
			return
		}
		l, rec := r.links[t.link], r.records[member{t.If, t.group}]
		switch t.kind {
		case timerQuerier:
			r.fireQuerier(now, l, querierTimer, nil)
		case timerMember:
			r.fire(now, l, rec, evGroupTimeout, nil)
		case timerSource:
			r.fire(now, l, rec, evSourceTimeout, set{t.source})
		case timerRepeat:
			r.repeatQueries(now, l, rec)
		}
	}
}

// Forwards reports whether datagrams from src to group are wanted on the link.
func (r *Router) Forwards(ifIndex int, group, src netip.Addr) bool {
	rec := r.records[member{ifIndex, group}]
	return rec != nil && rec.state.forwards(src)
}

// State returns what the router is on a link.
func (r *Router) State(ifIndex int, v6 bool) QuerierState {
	if l := r.links[link{ifIndex, v6}]; l != nil {
		return l.state
	}
	return QuerierDown
}

// Deadline returns when Advance has something to do.
func (r *Router) Deadline() (machine.Time, bool) { return r.timers.Next() }

// Next returns the oldest output, valid until the next call.
func (r *Router) Next() (*Output, bool) { return r.out.Pop() }

// Quiet reports whether no group has members and no output is left. General
// queries go on as long as a link is up.
func (r *Router) Quiet() bool { return len(r.records) == 0 && r.out.Len() == 0 }

// Counters returns a copy of the counters.
func (r *Router) Counters() RouterCounters { return r.counters }

// Listener is one group on one link for a reader.
type Listener struct {
	If      int
	Group   netip.Addr
	Mode    Mode
	Sources []netip.Addr // forwarded, with a timer of their own
	Blocked []netip.Addr // not forwarded
}

// Snapshot returns the membership table, sorted by interface and group.
func (r *Router) Snapshot() []Listener {
	all := make([]Listener, 0, len(r.records))
	for _, rec := range r.records {
		all = append(all, Listener{If: rec.If, Group: rec.Group, Mode: rec.state.mode, Sources: rec.state.active, Blocked: rec.state.blocked})
	}
	slices.SortFunc(all, func(a, b Listener) int {
		return cmp.Or(cmp.Compare(a.If, b.If), a.Group.Compare(b.Group))
	})
	return all
}
