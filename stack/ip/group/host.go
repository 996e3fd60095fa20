package group

import (
	"cmp"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire/igmp"
)

// Limits of a host where its configuration names none.
const (
	DefaultMaxGroups  = 1024
	DefaultMaxSources = 64
)

// HostConfig configures a Host. Zero limits stand for the defaults.
type HostConfig struct {
	Rand       *rand.Rand // draws delays; nil: the greatest delay
	MaxGroups  int        // memberships in all
	MaxSources int        // sources of one membership
}

// HostCounters of a Host.
type HostCounters struct {
	Reports       uint64 // reports sent
	Queries       uint64 // queries heard
	QueriesIdle   uint64 // queries about nothing that is joined
	QueriesMerged uint64 // queries that a pending answer covers
	LimitReached  uint64 // joins refused: too many groups or sources
}

// Host is the host side of membership. It is not safe for concurrent use.
type Host struct {
	cfg      HostConfig
	clock    machine.Clock
	links    map[link]*hostLink
	members  map[member]*membership
	timers   machine.Timers[hostTimer]
	out      machine.Queue[Output]
	counters HostCounters
}

type hostLink struct {
	link
	mtu    int
	up     bool
	groups []*membership // by group
}

// membership is what this node listens to of one group on one link.
type membership struct {
	member
	any     int // joins without a source
	sources []sourceRef
	own     bool // joined by the IP layer itself: never announced unasked

	// What the next state-change reports have to say (RFC 3376 section 5.1).
	modeLeft    int
	sourcesLeft []sourceRef

	// Sources that a pending query asked about; nil: the whole group.
	asked set
}

// sourceRef counts joins of a source, or reports left to send about it.
type sourceRef struct {
	addr netip.Addr
	n    int
}

type hostTimerKind uint8

const (
	timerChange  hostTimerKind = iota // next state-change report of a link
	timerGeneral                      // answer to a general query on a link
	timerGroup                        // answer to a query about a group
)

type hostTimer struct {
	kind hostTimerKind
	link
	group netip.Addr
}

// NewHost returns a host without interfaces.
func NewHost(cfg HostConfig) *Host {
	cfg.MaxGroups = cmp.Or(max(cfg.MaxGroups, 0), DefaultMaxGroups)
	cfg.MaxSources = cmp.Or(max(cfg.MaxSources, 0), DefaultMaxSources)
	return &Host{cfg: cfg, links: make(map[link]*hostLink), members: make(map[member]*membership)}
}

// AddInterface makes one family of an interface known. mtu bounds reports.
func (h *Host) AddInterface(now machine.Time, ifIndex int, v6 bool, mtu int, up bool) {
	h.clock.At(now)
	l := link{ifIndex, v6}
	h.links[l] = &hostLink{link: l, mtu: mtu, up: up}
}

// Join adds one join of group on an interface: of datagrams from source, or
// from anyone where source is invalid.
func (h *Host) Join(now machine.Time, ifIndex int, group, source netip.Addr) error {
	now = h.clock.At(now)
	l, err := h.check(ifIndex, group, source)
	if err != nil {
		return err
	}
	if !source.IsValid() && IsSSM(group) {
		return ErrSSM
	}
	m, err := h.admit(l, group, source)
	if err != nil {
		return err
	}
	before := m.filter()
	if source.IsValid() {
		addRef(&m.sources, source, 1)
	} else {
		m.any++
	}
	h.changed(now, l, m, before)
	return nil
}

// JoinOwn joins a group that the IP layer itself needs, such as a
// solicited-node group: it is told to those who ask, but not announced.
func (h *Host) JoinOwn(now machine.Time, ifIndex int, group netip.Addr) error {
	h.clock.At(now)
	l, err := h.check(ifIndex, group, netip.Addr{})
	if err != nil {
		return err
	}
	m, err := h.admit(l, group, netip.Addr{})
	if err != nil || m.own {
		return err
	}
	m.own = true
	m.any++
	return nil
}

// Leave takes back one join.
func (h *Host) Leave(now machine.Time, ifIndex int, group, source netip.Addr) error {
	now = h.clock.At(now)
	l, err := h.check(ifIndex, group, source)
	if err != nil {
		return err
	}
	m := h.members[member{ifIndex, group}]
	switch {
	case m == nil:
		return ErrNotMember
	case source.IsValid() && refs(m.sources, source) == 0:
		return ErrNotMember
	case !source.IsValid() && m.any == 0:
		return ErrNotMember
	}
	before := m.filter()
	if source.IsValid() {
		addRef(&m.sources, source, -1)
	} else {
		m.any--
	}
	h.changed(now, l, m, before)
	return nil
}

func (h *Host) check(ifIndex int, group, source netip.Addr) (*hostLink, error) {
	if !group.IsMulticast() || group.Is4In6() || group.Zone() != "" {
		return nil, ErrGroup
	}
	l := h.links[link{ifIndex, group.Is6()}]
	if l == nil {
		return nil, ErrInterface
	}
	if source.IsValid() && (source.Is4() != group.Is4() || source.IsMulticast() || source.IsUnspecified() || source.Zone() != "") {
		return nil, ErrSource
	}
	return l, nil
}

// admit returns the membership, a new one where there is room.
func (h *Host) admit(l *hostLink, group, source netip.Addr) (*membership, error) {
	key := member{l.If, group}
	m := h.members[key]
	if m != nil {
		if source.IsValid() && refs(m.sources, source) == 0 && len(m.sources) >= h.cfg.MaxSources {
			h.counters.LimitReached++
			return nil, ErrLimit
		}
		return m, nil
	}
	if len(h.members) >= h.cfg.MaxGroups {
		h.counters.LimitReached++
		return nil, ErrLimit
	}
	m = &membership{member: key}
	h.members[key] = m
	i, _ := slices.BinarySearchFunc(l.groups, group, compareGroup)
	l.groups = slices.Insert(l.groups, i, m)
	return m, nil
}

func compareGroup(m *membership, group netip.Addr) int { return m.Group.Compare(group) }

// Receives reports whether a datagram from source to group, received on the
// interface, is wanted by anyone here.
func (h *Host) Receives(ifIndex int, group, source netip.Addr) bool {
	m := h.members[member{ifIndex, group}]
	return m != nil && (m.any > 0 || refs(m.sources, source) > 0)
}

// HandleLinkChange takes in that an interface went up or down. Memberships
// outlast a link that is down and are reported anew when it is up.
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
		} else {
			h.forgetPending(l)
		}
	}
}

// forgetPending drops what was to be said on a link.
func (h *Host) forgetPending(l *hostLink) {
	h.timers.Stop(hostTimer{kind: timerChange, link: l.link})
	h.timers.Stop(hostTimer{kind: timerGeneral, link: l.link})
	for _, m := range slices.Clone(l.groups) {
		h.timers.Stop(hostTimer{kind: timerGroup, link: l.link, group: m.Group})
		m.modeLeft, m.sourcesLeft, m.asked = 0, nil, nil
		h.dropIdle(l, m)
	}
}

// HandleQuery answers a query after a random delay (RFC 3376 section 5.2).
// Who may ask is the caller's to check. q is not kept.
func (h *Host) HandleQuery(now machine.Time, ifIndex int, v6 bool, q *igmp.Query) {
	now = h.clock.At(now)
	l := h.links[link{ifIndex, v6}]
	if l == nil || !l.up {
		return
	}
	h.counters.Queries++
	general := hostTimer{kind: timerGeneral, link: l.link}
	var m *membership
	if q.General() {
		if !slices.ContainsFunc(l.groups, (*membership).speaks) {
			h.counters.QueriesIdle++
			return
		}
	} else if m = h.members[member{ifIndex, q.Group}]; m == nil || !m.speaks() {
		h.counters.QueriesIdle++
		return
	}
	at := now.Add(h.delay(q.MaxResp))
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
	key := hostTimer{kind: timerGroup, link: m.link(), group: m.Group}
	pending, ok := h.timers.At(key)
	switch {
	case !ok:
		m.asked = newSet(sources)
	case len(m.asked) == 0 || len(sources) == 0:
		m.asked = nil
	default:
		m.asked = m.asked.plus(newSet(sources))
	}
	if len(m.asked) > h.cfg.MaxSources { // as good as asking for all
		m.asked = nil
	}
	if !ok || at < pending {
		h.timers.Set(key, at)
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
			h.answerGroup(l, h.members[member{t.If, t.group}])
		}
	}
}

// Deadline returns when Advance has something to do.
func (h *Host) Deadline() (machine.Time, bool) { return h.timers.Next() }

// Next returns the oldest output, valid until the next call.
func (h *Host) Next() (*Output, bool) { return h.out.Pop() }

// Quiet reports whether nothing is joined but by the IP layer itself, and
// nothing is left to say.
func (h *Host) Quiet() bool {
	if h.timers.Len() > 0 || h.out.Len() > 0 {
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

// Membership is one joined group for a reader.
type Membership struct {
	If      int
	Group   netip.Addr
	Mode    Mode
	Sources []netip.Addr // of mode Include
}

// Snapshot returns what is joined, sorted by interface and group.
func (h *Host) Snapshot() []Membership {
	all := make([]Membership, 0, len(h.members))
	for _, m := range h.members {
		if f := m.filter(); !f.idle() {
			all = append(all, Membership{If: m.If, Group: m.Group, Mode: f.mode, Sources: f.sources})
		}
	}
	slices.SortFunc(all, func(a, b Membership) int {
		return cmp.Or(cmp.Compare(a.If, b.If), a.Group.Compare(b.Group))
	})
	return all
}

// refs returns the count of addr.
func refs(list []sourceRef, addr netip.Addr) int {
	i, ok := slices.BinarySearchFunc(list, addr, compareSource)
	if !ok {
		return 0
	}
	return list[i].n
}

// addRef adds n to the count of addr and forgets it at zero.
func addRef(list *[]sourceRef, addr netip.Addr, n int) {
	i, ok := slices.BinarySearchFunc(*list, addr, compareSource)
	if !ok {
		*list = slices.Insert(*list, i, sourceRef{addr: addr})
	}
	(*list)[i].n += n
	if (*list)[i].n <= 0 {
		*list = slices.Delete(*list, i, i+1)
	}
}

func compareSource(r sourceRef, addr netip.Addr) int { return r.addr.Compare(addr) }
