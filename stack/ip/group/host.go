package group

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire/igmp"
)

// Limits of a host where its configuration names none. RFC 3376 section 2
// forbids less than 64 sources a list.
const (
	DefaultMaxGroups        = 1024
	DefaultMaxSources       = 512
	DefaultMaxSocketSources = 128
)

// maxAsked is how many sources a host remembers of queries about a group. Of
// more, the whole state is told (RFC 3376 section 9.1).
const maxAsked = 128

// HostConfig configures a Host. Zero limits stand for the defaults.
type HostConfig struct {
	Rand             *rand.Rand // draws delays; nil: the greatest delay
	Trace            machine.Tracer
	MaxGroups        int // memberships in all
	MaxSources       int // sources asked for in one membership, by all sockets and joins
	MaxSocketSources int // sources of one socket's filter
}

// HostSettings are what one family of one interface is told to do. Zero fields
// stand for the defaults.
type HostSettings struct {
	Version     uint8 // newest version to speak: 1 to 3 in IGMP, 1 or 2 in MLD
	IgnoreOlder bool  // queries of older versions are ignored, and never fallen back to
	Robustness  int   // until a querier says otherwise
}

// maxRobustness bounds what may be configured; no message names more than 7.
const maxRobustness = 64

func (s HostSettings) check(v6 bool) (HostSettings, error) {
	s.Version = cmp.Or(s.Version, newest(v6))
	s.Robustness = cmp.Or(s.Robustness, Robustness)
	if s.Version > newest(v6) || s.Robustness < 1 || s.Robustness > maxRobustness {
		return s, ErrSettings
	}
	return s, nil
}

// HostCounters of a Host.
type HostCounters struct {
	Reports       uint64 // reports and leaves sent
	Queries       uint64 // queries heard
	QueriesIdle   uint64 // queries about nothing that is joined
	QueriesMerged uint64 // queries that a pending answer covers
	LimitReached  uint64 // joins and filters refused: too many groups or sources
}

// HostDrops counts what a Host did not do, by reason.
type HostDrops struct {
	Groups         uint64 // joins refused: HostConfig.MaxGroups
	GroupSources   uint64 // joins refused: HostConfig.MaxSources
	SocketSources  uint64 // filters refused: HostConfig.MaxSocketSources
	AskedOverflow  uint64 // queries answered with the whole state: too many sources
	QueriesOlder   uint64 // older queries ignored: HostSettings.IgnoreOlder
	Suppressed     uint64 // older reports not sent: another host reported
	LeavesUnsent   uint64 // older leaves not sent: another host reported last, or IGMPv1
	VersionChanges uint64 // pending reports dropped: the version to speak changed
}

// Table returns the counters by name, in a fixed order.
func (d *HostDrops) Table() []Counter {
	return []Counter{
		{"group/limit-groups", d.Groups}, {"group/limit-group-sources", d.GroupSources},
		{"group/limit-socket-sources", d.SocketSources}, {"group/asked-overflow", d.AskedOverflow},
		{"group/queries-older-ignored", d.QueriesOlder}, {"group/reports-suppressed", d.Suppressed},
		{"group/leaves-unsent", d.LeavesUnsent}, {"group/version-changes", d.VersionChanges},
	}
}

// Host is the host side of membership. It is not safe for concurrent use.
type Host struct {
	cfg      HostConfig
	clock    machine.Clock
	links    map[link]*hostLink
	order    []*hostLink // by interface, IPv4 first
	members  map[member]*membership
	timers   machine.Timers[hostTimer]
	out      machine.Queue[Output]
	counters HostCounters
	drops    HostDrops
}

type hostLink struct {
	link
	limit    int // greatest report in bytes, without the IP header
	up       bool
	settings HostSettings
	groups   []*membership // by group

	// What the queriers of the link say.
	older      compat        // versions whose queriers are present
	robustness int           // the querier's, RFC 3376 section 4.1.6
	interval   time.Duration // the querier's query interval, section 4.1.7
	response   time.Duration // and query response interval
	heardUntil machine.Time  // until when a querier is believed in
}

// version returns the version to speak on the link: the Host Compatibility
// Mode of RFC 3376 section 7.2.1, but never more than configured.
func (l *hostLink) version() uint8 { return min(l.settings.Version, l.older.version(l.V6)) }

// fallenBack reports whether the host speaks an older version.
func (l *hostLink) fallenBack() bool { return l.version() < newest(l.V6) }

// forgetQuerier goes back to what holds where no querier was heard.
func (l *hostLink) forgetQuerier() {
	l.robustness, l.interval, l.response, l.heardUntil = l.settings.Robustness, QueryInterval, QueryResponseInterval, 0
}

type hostTimerKind uint8

const (
	timerChange  hostTimerKind = iota // next state-change report of a link
	timerGeneral                      // answer to a general query on a link
	timerGroup                        // answer to a query about a group, or its older report
	timerOlderV2                      // IGMPv2 or MLDv1 querier present on a link
	timerOlderV1                      // IGMPv1 querier present on a link
)

type hostTimer struct {
	kind hostTimerKind
	link
	group netip.Addr
}

func (m *membership) timer() hostTimer {
	return hostTimer{kind: timerGroup, link: m.link(), group: m.Group}
}

// NewHost returns a host without interfaces.
func NewHost(cfg HostConfig) *Host {
	cfg.MaxGroups = cmp.Or(max(cfg.MaxGroups, 0), DefaultMaxGroups)
	cfg.MaxSources = cmp.Or(max(cfg.MaxSources, 0), DefaultMaxSources)
	cfg.MaxSocketSources = cmp.Or(max(cfg.MaxSocketSources, 0), DefaultMaxSocketSources)
	return &Host{cfg: cfg, links: make(map[link]*hostLink), members: make(map[member]*membership)}
}

// AddInterface makes one family of an interface known. mtu bounds reports. Of
// one that is known already it changes the MTU alone.
func (h *Host) AddInterface(now machine.Time, ifIndex int, v6 bool, mtu int, up bool) {
	h.clock.At(now)
	key := link{ifIndex, v6}
	if l := h.links[key]; l != nil {
		l.limit = reportLimit(mtu, v6)
		return
	}
	l := &hostLink{link: key, limit: reportLimit(mtu, v6), up: up}
	l.settings, _ = HostSettings{}.check(v6)
	l.forgetQuerier()
	h.links[key] = l
	i, _ := slices.BinarySearchFunc(h.order, key, compareHostLink)
	h.order = slices.Insert(h.order, i, l)
}

func compareHostLink(l *hostLink, key link) int { return l.link.compare(key) }

// compare orders links by interface, IPv4 first.
func (l link) compare(key link) int {
	c := cmp.Compare(l.If, key.If)
	switch {
	case c != 0 || l.V6 == key.V6:
		return c
	case key.V6:
		return -1
	}
	return 1
}

// Configure settles how one family of an interface behaves. What was to be
// reported is dropped where it changes the version to speak.
func (h *Host) Configure(now machine.Time, ifIndex int, v6 bool, s HostSettings) error {
	now = h.clock.At(now)
	l := h.links[link{ifIndex, v6}]
	if l == nil {
		return ErrInterface
	}
	s, err := s.check(v6)
	if err != nil {
		return err
	}
	from := l.version()
	if l.heardUntil == 0 {
		l.robustness = s.Robustness
	}
	l.settings = s
	if from != l.version() {
		h.changeVersion(now, l)
	}
	return nil
}

// HandleLinkChange takes in that an interface went up or down. Memberships
// outlast a link that is down and are reported anew when it is up; what was
// learnt of its queriers does not.
func (h *Host) HandleLinkChange(now machine.Time, ifIndex int, up bool) {
	now = h.clock.At(now)
	for _, v6 := range [...]bool{false, true} {
		l := h.links[link{ifIndex, v6}]
		if l == nil || l.up == up {
			continue
		}
		l.up = up
		if up {
			h.reportAnew(now, l)
			continue
		}
		h.forgetPending(now, l)
		h.fireCompat(now, l, compatReset)
		h.timers.Stop(hostTimer{kind: timerOlderV1, link: l.link})
		h.timers.Stop(hostTimer{kind: timerOlderV2, link: l.link})
		l.forgetQuerier()
	}
}

// ReportAnew reports all memberships of one family on an interface as if they
// had just begun: what is due when the interface got the address that reports
// are sent from (RFC 3810 section 5.2.13).
func (h *Host) ReportAnew(now machine.Time, ifIndex int, v6 bool) {
	now = h.clock.At(now)
	l := h.links[link{ifIndex, v6}]
	if l == nil || !l.up {
		return
	}
	h.forgetPending(now, l)
	h.reportAnew(now, l)
}

// forgetPending drops what was to be said on a link.
func (h *Host) forgetPending(now machine.Time, l *hostLink) {
	h.timers.Stop(hostTimer{kind: timerChange, link: l.link})
	h.timers.Stop(hostTimer{kind: timerGeneral, link: l.link})
	for _, m := range slices.Clone(l.groups) {
		if m.older != olderNonMember {
			h.fireOlder(now, l, m, olderReset, 0)
		}
		h.timers.Stop(m.timer())
		m.modeLeft, m.sourcesLeft, m.asked = 0, nil, nil
		h.dropIdle(l, m)
	}
}

// HandleQuery takes in a query on an interface and answers it after a random
// delay (RFC 3376 section 5.2). Who may ask is the caller's to check. q is not
// kept.
func (h *Host) HandleQuery(now machine.Time, ifIndex int, v6 bool, q *igmp.Query) {
	now = h.clock.At(now)
	l := h.links[link{ifIndex, v6}]
	if l == nil || !l.up {
		return
	}
	h.counters.Queries++
	if _, older := heard(q.Version, v6); older && l.settings.IgnoreOlder {
		h.drops.QueriesOlder++
		return
	}
	h.learn(now, l, q)
	h.schedule(now, l, q)
}

// HandleOwnQuery is HandleQuery for a query of the router on this very node:
// it is answered, for the sake of the link's other routers, with what programs
// joined (RFC 3376 sections 5 and 6, RFC 3810 section 7).
func (h *Host) HandleOwnQuery(now machine.Time, ifIndex int, v6 bool, q *igmp.Query) {
	now = h.clock.At(now)
	l := h.links[link{ifIndex, v6}]
	if l == nil || !l.up {
		return
	}
	h.learn(now, l, q)
	if slices.ContainsFunc(l.groups, func(m *membership) bool {
		return m.speaks() && !m.private() && !m.Group.IsLinkLocalMulticast() && (q.General() || q.Group == m.Group)
	}) {
		h.schedule(now, l, q)
	}
}

// learn takes over what a query says of its querier: its version (RFC 3376
// section 7.2.1, RFC 3810 section 8.2.1) and its values.
func (h *Host) learn(now machine.Time, l *hostLink, q *igmp.Query) {
	e, older := heard(q.Version, l.V6)
	if !older {
		l.robustness = cmp.Or(int(q.QRV), l.settings.Robustness)
		l.interval = cmp.Or(q.QQI, QueryInterval)
	}
	if q.General() {
		l.response = cmp.Or(maxResp(q, l.V6), QueryResponseInterval)
	}
	// RFC 3376 section 8.12, RFC 3810 section 9.12.
	until := now.Add(time.Duration(l.robustness)*l.interval + l.response)
	l.heardUntil = max(l.heardUntil, until)
	switch {
	case !older:
		return
	case e == compatHeardV1:
		h.timers.Set(hostTimer{kind: timerOlderV1, link: l.link}, until)
	case l.V6 || q.General():
		h.timers.Set(hostTimer{kind: timerOlderV2, link: l.link}, until)
	default: // a group-specific query of IGMPv2 says nothing
		return
	}
	h.fireCompat(now, l, e)
}

// maxResp returns the time within which to answer.
func maxResp(q *igmp.Query, v6 bool) time.Duration {
	if q.Version == 1 && !v6 {
		return igmp.RespV1
	}
	return q.MaxResp
}

// fireCompat puts what is known of a link's older queriers through stepCompat.
// It is the only place where that changes.
func (h *Host) fireCompat(now machine.Time, l *hostLink, e compatEvent) {
	from, speaks := l.older, l.version()
	to, reason := stepCompat(from, e)
	l.older = to
	if from != to && h.cfg.Trace != nil {
		h.cfg.Trace(machine.Transition{At: now, Machine: "ip/group/queriers", Subject: l.name(),
			From: from.String(), Event: e.String(), To: to.String(), Reason: reason})
	}
	if speaks != l.version() {
		h.changeVersion(now, l)
	}
}

func (l link) name() string {
	if l.V6 {
		return fmt.Sprintf("%d/mld", l.If)
	}
	return fmt.Sprintf("%d/igmp", l.If)
}

// changeVersion follows a change of the version to speak: all pending
// responses and retransmissions are cancelled (RFC 3376 section 7.2.1).
func (h *Host) changeVersion(now machine.Time, l *hostLink) {
	h.drops.VersionChanges++
	h.forgetPending(now, l)
	if !l.fallenBack() {
		return
	}
	for _, m := range l.groups {
		if m.speaks() {
			h.fireOlder(now, l, m, olderFallback, 0)
		}
	}
}

// schedule sets the timers of the answers to a query.
func (h *Host) schedule(now machine.Time, l *hostLink, q *igmp.Query) {
	var m *membership
	if q.General() {
		if !slices.ContainsFunc(l.groups, (*membership).speaks) {
			h.counters.QueriesIdle++
			return
		}
	} else if m = h.members[member{l.If, q.Group}]; m == nil || !m.speaks() {
		h.counters.QueriesIdle++
		return
	}
	if l.fallenBack() {
		h.scheduleOlder(now, l, m, maxResp(q, l.V6))
		return
	}
	general := hostTimer{kind: timerGeneral, link: l.link}
	at := now.Add(h.delay(maxResp(q, l.V6)))
	if pending, ok := h.timers.At(general); ok && pending <= at { // rule 1
		h.counters.QueriesMerged++
		return
	}
	if m == nil { // rule 2
		h.timers.Set(general, at)
		return
	}
	h.ask(m, at, q.Sources)
}

// ask notes that m has to answer at an instant (rules 3 to 5).
func (h *Host) ask(m *membership, at machine.Time, sources []netip.Addr) {
	pending, ok := h.timers.At(m.timer())
	switch {
	case !ok:
		m.asked = newSet(sources)
	case len(m.asked) == 0 || len(sources) == 0:
		m.asked = nil
	default:
		m.asked = m.asked.plus(newSet(sources))
	}
	if len(m.asked) > maxAsked { // as good as asking for all
		h.drops.AskedOverflow++
		m.asked = nil
	}
	if !ok || at < pending {
		h.timers.Set(m.timer(), at)
	}
}

// delay draws from (0, most].
func (h *Host) delay(most time.Duration) time.Duration {
	if h.cfg.Rand == nil || most <= 0 {
		return max(most, 0)
	}
	return 1 + time.Duration(h.cfg.Rand.Int64N(int64(most)))
}

// Advance fires what is due. Early and stale calls do nothing.
func (h *Host) Advance(now machine.Time) {
	now = h.clock.At(now)
	for {
		t, _, ok := h.timers.Pop(now)
		if !ok {
			return
		}
		l := h.links[t.link]
		switch t.kind {
		case timerChange:
			h.repeatChanges(now, l)
		case timerGeneral:
			h.answerGeneral(l)
		case timerGroup:
			h.answerGroup(now, l, h.members[member{t.If, t.group}])
		case timerOlderV1:
			h.fireCompat(now, l, compatGoneV1)
		case timerOlderV2:
			h.fireCompat(now, l, compatGoneV2)
		}
	}
}

// Deadline returns when Advance has something to do.
func (h *Host) Deadline() (machine.Time, bool) { return h.timers.Next() }

// Next returns the oldest output, valid until the next call.
func (h *Host) Next() (*Output, bool) { return h.out.Pop() }

// Quiet reports whether nothing is joined but by the IP layer itself, and
// nothing is left to say. Queriers that are remembered are quiet.
func (h *Host) Quiet() bool {
	timers := h.timers.Len()
	for _, l := range h.order {
		for _, kind := range [...]hostTimerKind{timerOlderV1, timerOlderV2} {
			if _, ok := h.timers.At(hostTimer{kind: kind, link: l.link}); ok {
				timers--
			}
		}
	}
	if timers > 0 || h.out.Len() > 0 {
		return false
	}
	for _, m := range h.members {
		if !m.private() {
			return false
		}
	}
	return true
}

// Counters returns a copy of the counters.
func (h *Host) Counters() HostCounters { return h.counters }

// Drops returns a copy of the counters of what was not done.
func (h *Host) Drops() HostDrops { return h.drops }

// Version returns the version that the host speaks on a link, 0 where there is
// no such link.
func (h *Host) Version(ifIndex int, v6 bool) uint8 {
	if l := h.links[link{ifIndex, v6}]; l != nil {
		return l.version()
	}
	return 0
}

// QuerierVersion returns the oldest version in which a link is queried: 1 to 3
// of IGMP, 1 or 2 of MLD. known is false where nobody was heard to query it
// lately: for as long as RFC 3376 section 8.12 believes in an older querier.
func (h *Host) QuerierVersion(now machine.Time, ifIndex int, v6 bool) (version int, known bool) {
	now = max(now, h.clock.Now())
	l := h.links[link{ifIndex, v6}]
	if l == nil || now >= l.heardUntil {
		return 0, false
	}
	return int(l.older.version(v6)), true
}
