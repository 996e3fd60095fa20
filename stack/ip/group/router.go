package group

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire/igmp"
)

// Limits of a router where its configuration names none.
const (
	DefaultMaxRecords       = 4096
	DefaultMaxRecordSources = 128
	DefaultMaxAllSources    = 32768
)

// RouterConfig configures a Router. Zero limits stand for the defaults.
type RouterConfig struct {
	Trace         machine.Tracer
	MaxRecords    int // groups on all links
	MaxSources    int // sources of one group on one link
	MaxAllSources int // sources of all groups
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
	SourcesFull    uint64 // sources ignored: too many in one group, or in all
	SSMIgnored     uint64 // any-source records ignored for source-specific groups
	ScopeIgnored   uint64 // records ignored: no group, or one that is never forwarded
	TypeIgnored    uint64 // records ignored: unknown type, sources of the other family
}

// RouterDrops counts what a Router ignored because of versions, by reason.
type RouterDrops struct {
	OlderReports  uint64 // reports of older versions that were heeded
	OlderIgnored  uint64 // reports and leaves ignored: Settings.IgnoreOlder
	CompatIgnored uint64 // records and leaves ignored: the group's compatibility mode
	QueriesOlder  uint64 // queries of an older version than configured: to be mended by an administrator
	QueriesNewer  uint64 // queries of a newer version than configured: the same
	NothingKnown  uint64 // records ignored: they end what nobody asked for
}

// Table returns the counters by name, in a fixed order.
func (d *RouterDrops) Table() []Counter {
	return []Counter{
		{"router/older-reports", d.OlderReports}, {"router/older-ignored", d.OlderIgnored},
		{"router/compat-ignored", d.CompatIgnored}, {"router/queries-older", d.QueriesOlder},
		{"router/queries-newer", d.QueriesNewer}, {"router/nothing-known", d.NothingKnown},
	}
}

// Router is the router side of membership. It is not safe for concurrent use.
type Router struct {
	cfg      RouterConfig
	clock    machine.Clock
	links    map[link]*routerLink
	order    []*routerLink // by interface, IPv4 first
	records  map[member]*record
	sources  int // of all records
	timers   machine.Timers[routerTimer]
	out      machine.Queue[Output]
	counters RouterCounters
	drops    RouterDrops
}

type routerLink struct {
	link
	addr     netip.Addr // our source address, for the election
	mtu      int
	state    QuerierState
	querier  netip.Addr // who asks; invalid while the link is down
	settings Settings
	values   timing
	startup  int       // startup queries left
	records  []*record // by group
}

// record is a group on a link.
type record struct {
	member
	state routerState
	older compat // members of older versions

	// Queries under way, see specific.go.
	group   round
	sources []sourceRound // by address
}

// version returns the group's compatibility mode (RFC 3376 section 7.3.2, RFC
// 3810 section 8.3.2), which is never newer than the link's queries. rec may be
// nil.
func (l *routerLink) version(rec *record) uint8 {
	if rec == nil {
		return l.settings.Version
	}
	return min(l.settings.Version, rec.older.version(l.V6))
}

type routerTimerKind uint8

const (
	timerQuerier routerTimerKind = iota // next general query, or the other querier's presence
	timerMember                         // group timer
	timerSource                         // source timer
	timerRepeat                         // next specific query
	timerHostV2                         // IGMPv2 or MLDv1 host present in a group
	timerHostV1                         // IGMPv1 host present in a group
)

type routerTimer struct {
	kind routerTimerKind
	link
	group, source netip.Addr
}

func (r *record) timer(kind routerTimerKind, source netip.Addr) routerTimer {
	return routerTimer{kind: kind, link: r.link(), group: r.Group, source: source}
}

func (l *routerLink) timer() routerTimer { return routerTimer{kind: timerQuerier, link: l.link} }

// NewRouter returns a router without interfaces.
func NewRouter(cfg RouterConfig) *Router {
	cfg.MaxRecords = cmp.Or(max(cfg.MaxRecords, 0), DefaultMaxRecords)
	cfg.MaxSources = cmp.Or(max(cfg.MaxSources, 0), DefaultMaxRecordSources)
	cfg.MaxAllSources = cmp.Or(max(cfg.MaxAllSources, 0), DefaultMaxAllSources)
	return &Router{cfg: cfg, links: make(map[link]*routerLink), records: make(map[member]*record)}
}

// AddInterface makes one family of an interface known. addr is what queries
// are sent from: the interface's IPv4 or link-local IPv6 address. A link that
// is up is queried at once. Of a link that is known already it changes the
// address and the MTU alone.
func (r *Router) AddInterface(now machine.Time, ifIndex int, addr netip.Addr, mtu int, up bool) {
	now = r.clock.At(now)
	key := link{ifIndex, addr.Is6()}
	if l := r.links[key]; l != nil {
		if l.querier == l.addr {
			l.querier = addr
		}
		l.addr, l.mtu = addr, mtu
		return
	}
	l := &routerLink{link: key, addr: addr, mtu: mtu}
	l.settings, _ = Settings{}.settle(l.V6)
	r.links[key] = l
	i, _ := slices.BinarySearchFunc(r.order, key, compareRouterLink)
	r.order = slices.Insert(r.order, i, l)
	if up {
		r.fireQuerier(now, l, querierUp, netip.Addr{}, nil)
	}
}

func compareRouterLink(l *routerLink, key link) int { return l.link.compare(key) }

// Configure settles how a router queries one family of an interface. A link
// that is up is queried anew; what is known of its members stays.
func (r *Router) Configure(now machine.Time, ifIndex int, v6 bool, s Settings) error {
	now = r.clock.At(now)
	l := r.links[link{ifIndex, v6}]
	if l == nil {
		return ErrInterface
	}
	s, err := s.settle(v6)
	if err != nil {
		return err
	}
	l.settings = s
	r.askAnew(now, l)
	if l.state != QuerierDown {
		r.fireQuerier(now, l, querierGone, netip.Addr{}, nil)
		r.fireQuerier(now, l, querierUp, netip.Addr{}, nil)
	}
	return nil
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
			r.fireQuerier(now, l, querierUp, netip.Addr{}, nil)
			continue
		}
		r.fireQuerier(now, l, querierGone, netip.Addr{}, nil)
		for _, rec := range slices.Clone(l.records) {
			r.fire(now, l, rec, evReset, nil)
		}
	}
}

// HandleReport takes in a report from a host on an interface. It is not kept.
func (r *Router) HandleReport(now machine.Time, ifIndex int, v6 bool, rep *igmp.Report) {
	now = r.clock.At(now)
	l := r.links[link{ifIndex, v6}]
	if l == nil || l.state == QuerierDown {
		return
	}
	if e, older := heard(rep.Version, v6); older {
		r.handleOlder(now, l, rep.Group, e)
		return
	}
	for i := range rep.Records {
		r.handleRecord(now, l, &rep.Records[i])
	}
}

// HandleLeave takes in IGMPv2's Leave or MLDv1's Done from a host on an
// interface: TO_IN without sources (RFC 3376 section 7.3.2, RFC 3810 section
// 8.3.2).
func (r *Router) HandleLeave(now machine.Time, ifIndex int, group netip.Addr) {
	now = r.clock.At(now)
	l := r.links[link{ifIndex, group.Is6()}]
	switch {
	case l == nil || l.state == QuerierDown:
		return
	case l.settings.IgnoreOlder:
		r.drops.OlderIgnored++
		return
	case IsSSM(group): // RFC 4604: what is not source-specific is ignored
		r.counters.SSMIgnored++
		return
	}
	r.handleRecord(now, l, &igmp.Record{Type: igmp.ChangeToInclude, Group: group})
}

// handleOlder takes in a report of an older version: it is IS_EX without
// sources, and keeps the group in a compatibility mode for a while.
func (r *Router) handleOlder(now machine.Time, l *routerLink, group netip.Addr, e compatEvent) {
	if l.settings.IgnoreOlder {
		r.drops.OlderIgnored++
		return
	}
	in := igmp.Record{Type: igmp.ModeIsExclude, Group: group}
	if !r.acceptable(l, &in) {
		return
	}
	rec := r.record(l, group)
	if rec == nil {
		return
	}
	r.drops.OlderReports++
	kind := timerHostV2
	if e == compatHeardV1 {
		kind = timerHostV1
	}
	r.timers.Set(rec.timer(kind, netip.Addr{}), now.Add(l.values.membershipInterval()))
	r.fireCompat(now, l, rec, e)
	r.counters.Records++
	r.fire(now, l, rec, evIsEx, nil)
}

// fireCompat puts what is known of a group's older members through stepCompat.
// It is the only place where that changes.
func (r *Router) fireCompat(now machine.Time, l *routerLink, rec *record, e compatEvent) {
	from := rec.older
	to, reason := stepCompat(from, e)
	rec.older = to
	if from != to && r.cfg.Trace != nil {
		r.cfg.Trace(machine.Transition{At: now, Machine: "ip/group/members", Subject: fmt.Sprintf("%d/%v", l.If, rec.Group),
			From: from.String(), Event: e.String(), To: to.String(), Reason: reason})
	}
}

// handleRecord takes in one record of a report.
func (r *Router) handleRecord(now machine.Time, l *routerLink, in *igmp.Record) {
	if !r.acceptable(l, in) {
		return
	}
	rec := r.records[member{l.If, in.Group}]
	sources, ok := translate(l.version(rec), l.V6, in.Type, newSet(in.Sources))
	if !ok {
		r.drops.CompatIgnored++
		return
	}
	e := routerEvent(in.Type)
	if rec == nil && e != evIsEx && e != evToEx && (e == evBlock || len(sources) == 0) {
		r.drops.NothingKnown++
		return
	}
	if rec == nil {
		if rec = r.record(l, in.Group); rec == nil {
			return
		}
	}
	r.counters.Records++
	r.fire(now, l, rec, e, r.within(rec.state, e, sources))
}

// acceptable reports whether a record is one to heed, and counts it otherwise.
func (r *Router) acceptable(l *routerLink, in *igmp.Record) bool {
	wrongFamily := func(a netip.Addr) bool { return a.Is6() != l.V6 || a.IsMulticast() }
	switch {
	case !in.Type.Known() || slices.ContainsFunc(in.Sources, wrongFamily):
		r.counters.TypeIgnored++
	case in.Group.Is6() != l.V6 || !IsReported(in.Group) || in.Group.IsLinkLocalMulticast():
		r.counters.ScopeIgnored++
	case IsSSM(in.Group) && (in.Type == igmp.ModeIsExclude || in.Type == igmp.ChangeToExclude):
		r.counters.SSMIgnored++
	default:
		return true
	}
	return false
}

// record returns the record of a group, a new one where there is room.
func (r *Router) record(l *routerLink, group netip.Addr) *record {
	if rec := r.records[member{l.If, group}]; rec != nil {
		return rec
	}
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

// within returns b without the sources for which s has no room. IS_EX and TO_EX
// leave nothing of s that b does not name (RFC 3376 section 6.4): what s holds
// is room.
func (r *Router) within(s routerState, e routerEvent, b set) set {
	room := min(r.cfg.MaxSources-s.size(), r.cfg.MaxAllSources-r.sources)
	replaces := e == evIsEx || e == evToEx
	if replaces {
		room = min(r.cfg.MaxSources, r.cfg.MaxAllSources-r.sources+s.size())
	}
	if len(b) <= room {
		return b
	}
	return b.filter(func(a netip.Addr) bool {
		if !replaces && (s.active.has(a) || s.blocked.has(a)) {
			return true
		}
		if room--; room >= 0 {
			return true
		}
		r.counters.SourcesFull++
		return false
	})
}

// fire puts a group's record through step and does what it asks for. It is the
// only place where a record's state changes.
func (r *Router) fire(now machine.Time, l *routerLink, rec *record, e routerEvent, b set) {
	from := rec.state
	to, eff := step(from, e, b)
	rec.state = to
	r.sources += to.size() - from.size()
	if r.cfg.Trace != nil {
		r.cfg.Trace(machine.Transition{At: now, Machine: "ip/group/listener", Subject: fmt.Sprintf("%d/%v", rec.If, rec.Group),
			From: from.String(), Event: e.String(), To: to.String(), Reason: eff.reason})
	}
	r.setTimers(now, l, rec, from, eff)
	if l.state == Querier && (eff.query || len(eff.ask) > 0) {
		r.query(now, l, rec, eff)
	}
	if to.idle() {
		r.remove(l, rec)
	}
	r.tellChange(rec.member, from, to)
}

func (r *Router) setTimers(now machine.Time, l *routerLink, rec *record, from routerState, eff effect) {
	group := rec.timer(timerMember, netip.Addr{})
	for _, s := range from.active.minus(rec.state.active) {
		r.timers.Stop(rec.timer(timerSource, s))
		rec.forget(s)
	}
	end := now.Add(l.values.membershipInterval())
	for _, s := range eff.renew {
		r.timers.Set(rec.timer(timerSource, s), end)
	}
	if at, ok := r.timers.At(group); ok {
		for _, s := range eff.follow {
			r.timers.Set(rec.timer(timerSource, s), at)
		}
	}
	switch {
	case eff.groupTimer:
		r.timers.Set(group, end)
	case from.mode == Exclude && rec.state.mode == Include:
		r.timers.Stop(group)
		rec.group = round{}
	}
}

func (r *Router) remove(l *routerLink, rec *record) {
	for _, kind := range [...]routerTimerKind{timerRepeat, timerHostV1, timerHostV2} {
		r.timers.Stop(rec.timer(kind, netip.Addr{}))
	}
	delete(r.records, rec.member)
	if i, ok := slices.BinarySearchFunc(l.records, rec.Group, compareRecord); ok {
		l.records = slices.Delete(l.records, i, i+1)
	}
}

// tellChange emits what is forwarded differently in state b than in a.
func (r *Router) tellChange(m member, a, b routerState) {
	srcs, any := difference(a, b)
	if any {
		r.out.Push(Output{Kind: KindChange, If: m.If, V6: m.Group.Is6(), Group: m.Group})
		return
	}
	for _, s := range srcs {
		r.out.Push(Output{Kind: KindChange, If: m.If, V6: m.Group.Is6(), Src: s, Group: m.Group})
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
			r.fireQuerier(now, l, querierTimer, netip.Addr{}, nil)
		case timerMember:
			r.fire(now, l, rec, evGroupTimeout, nil)
		case timerSource:
			r.fire(now, l, rec, evSourceTimeout, set{t.source})
		case timerRepeat:
			r.repeatQueries(now, l, rec)
		case timerHostV2:
			r.fireCompat(now, l, rec, compatGoneV2)
		case timerHostV1:
			r.fireCompat(now, l, rec, compatGoneV1)
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

// Drops returns a copy of the counters of what was ignored.
func (r *Router) Drops() RouterDrops { return r.drops }
