package group

import (
	"net/netip"
	"slices"

	"github.com/mpstack/mpstack/internal/machine"
)

// filter is a reception state: of a socket, or of an interface for one group.
// The zero filter is that of a group which nobody joined.
type filter struct {
	mode    Mode
	sources set
}

func (f filter) idle() bool { return f.mode == Include && len(f.sources) == 0 }

func (f filter) equal(g filter) bool { return f.mode == g.mode && f.sources.equal(g.sources) }

// accepts reports whether datagrams from source are wanted.
func (f filter) accepts(source netip.Addr) bool {
	return f.sources.has(source) == (f.mode == Include)
}

// socketFilter is what one socket listens to.
type socketFilter struct {
	key SocketKey
	filter
}

func compareSocket(s socketFilter, key SocketKey) int {
	switch {
	case s.key < key:
		return -1
	case s.key > key:
		return 1
	}
	return 0
}

// membership is what this node listens to of one group on one link.
type membership struct {
	member
	state filter // of the interface, merged from the three that follow

	any     int            // joins without a source
	joins   []sourceRef    // joins of one source
	sockets []socketFilter // by key

	own bool // joined by the IP layer itself: never announced unasked

	// What the next state-change reports have to say (RFC 3376 section 5.1).
	modeLeft    int
	sourcesLeft []sourceRef

	// Sources that a pending query asked about; nil: the whole group.
	asked set

	// On a link with an older querier, see olderstate.go.
	older olderState
	last  bool          // this host reported last: it sends the leave
	why   machine.Cause // of the report that the timer sends
}

// sourceRef counts joins of a source, or reports left to send about it.
type sourceRef struct {
	addr netip.Addr
	n    int
}

// merge derives the interface's state from what sockets want: the rules of RFC
// 3376 section 3.2 and RFC 3810 section 4.2. Joins are sockets of their own,
// INCLUDE {source} or EXCLUDE {}.
func (m *membership) merge() filter {
	if m.any > 0 {
		return filter{mode: Exclude}
	}
	f := filter{mode: Include}
	for i := range m.sockets {
		switch s := &m.sockets[i]; {
		case s.mode == Include:
		case f.mode == Include:
			f = s.filter
		default:
			f.sources = f.sources.and(s.sources)
		}
	}
	if f.mode == Exclude {
		f.sources = f.sources.minus(m.included())
	} else {
		f.sources = m.included()
	}
	return f
}

// included returns the sources that are asked for by name.
func (m *membership) included() set {
	all := make(set, len(m.joins))
	for i := range m.joins {
		all[i] = m.joins[i].addr
	}
	for i := range m.sockets {
		if s := &m.sockets[i]; s.mode == Include {
			all = all.plus(s.sources)
		}
	}
	return all
}

// socket returns the filter of a socket, nil where it has none.
func (m *membership) socket(key SocketKey) *filter {
	if i, ok := slices.BinarySearchFunc(m.sockets, key, compareSocket); ok {
		return &m.sockets[i].filter
	}
	return nil
}

// setSocket replaces the filter of a socket; one that wants nothing is
// deleted (RFC 3376 section 3.1).
func (m *membership) setSocket(key SocketKey, f filter) {
	i, ok := slices.BinarySearchFunc(m.sockets, key, compareSocket)
	switch {
	case f.idle() && ok:
		m.sockets = slices.Delete(m.sockets, i, i+1)
	case f.idle():
	case ok:
		m.sockets[i].filter = f
	default:
		m.sockets = slices.Insert(m.sockets, i, socketFilter{key: key, filter: f})
	}
}

// wanted reports whether anyone listens.
func (m *membership) wanted() bool { return m.any > 0 || len(m.joins) > 0 || len(m.sockets) > 0 }

// private reports whether the IP layer alone listens to m.
func (m *membership) private() bool {
	return m.own && m.any == 1 && len(m.joins) == 0 && len(m.sockets) == 0
}

// speaks reports whether m has something to answer a query with.
func (m *membership) speaks() bool { return IsReported(m.Group) && !m.state.idle() }

// Join adds one join of group on an interface: of datagrams from source, or
// from anyone where source is invalid. It is the simple form of SetFilter, for
// callers who count joins instead of naming sockets.
func (h *Host) Join(now machine.Time, ifIndex int, group, source netip.Addr) error {
	now = h.clock.At(now)
	l, err := h.check(ifIndex, group, source)
	if err != nil {
		return err
	}
	if !source.IsValid() && IsSSM(group) {
		return ErrSSM
	}
	m, err := h.admit(l, group)
	if err != nil {
		return err
	}
	if !source.IsValid() {
		m.any++
		h.changed(now, l, m)
		return nil
	}
	if want := m.included(); !want.has(source) && len(want) >= h.cfg.MaxSources {
		h.counters.LimitReached++
		h.drops.GroupSources++
		h.dropIdle(l, m)
		return ErrLimit
	}
	addRef(&m.joins, source, 1)
	h.changed(now, l, m)
	return nil
}

// JoinOwn joins a group that the IP layer itself needs, such as a
// solicited-node group: it is told to those who ask, but not announced.
func (h *Host) JoinOwn(now machine.Time, ifIndex int, group netip.Addr) error {
	now = h.clock.At(now)
	l, err := h.check(ifIndex, group, netip.Addr{})
	if err != nil {
		return err
	}
	m, err := h.admit(l, group)
	if err != nil || m.own {
		return err
	}
	m.own = true
	m.any++
	if !m.private() {
		h.changed(now, l, m)
		return nil
	}
	m.state = m.merge()
	if l.fallenBack() && m.speaks() {
		h.fireOlder(now, l, m, olderFallback, 0)
	}
	return nil
}

// LeaveOwn takes JoinOwn back, unannounced too where nobody else joined.
func (h *Host) LeaveOwn(now machine.Time, ifIndex int, group netip.Addr) error {
	now = h.clock.At(now)
	l, err := h.check(ifIndex, group, netip.Addr{})
	if err != nil {
		return err
	}
	m := h.members[member{ifIndex, group}]
	if m == nil || !m.own {
		return ErrNotMember
	}
	if !m.private() {
		m.own = false
		m.any--
		h.changed(now, l, m)
		return nil
	}
	if m.older != olderNonMember {
		h.fireOlder(now, l, m, olderReset, 0)
	}
	m.own = false
	m.any--
	m.state = filter{}
	h.dropIdle(l, m)
	return nil
}

// Leave takes back one Join of the same.
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
	case source.IsValid() && refs(m.joins, source) == 0:
		return ErrNotMember
	case !source.IsValid() && (m.any == 0 || m.own && m.any == 1):
		return ErrNotMember
	}
	if source.IsValid() {
		addRef(&m.joins, source, -1)
	} else {
		m.any--
	}
	h.changed(now, l, m)
	return nil
}

// SetFilter sets what a socket listens to of a group on an interface: the
// service interface IPMulticastListen of RFC 3376 section 2 and RFC 3810
// section 3. It replaces what the socket asked for before; INCLUDE without
// sources ends it. sources is not kept.
func (h *Host) SetFilter(now machine.Time, key SocketKey, ifIndex int, group netip.Addr, mode Mode, sources []netip.Addr) error {
	now = h.clock.At(now)
	l, err := h.check(ifIndex, group, netip.Addr{})
	if err != nil {
		return err
	}
	want, err := h.checkFilter(group, mode, sources)
	if err != nil {
		return err
	}
	m := h.members[member{ifIndex, group}]
	if m == nil && want.idle() {
		return nil
	}
	if m, err = h.admit(l, group); err != nil {
		return err
	}
	var had filter
	if f := m.socket(key); f != nil {
		had = *f
	}
	m.setSocket(key, want)
	if mode == Include && len(m.included()) > h.cfg.MaxSources {
		m.setSocket(key, had)
		h.counters.LimitReached++
		h.drops.GroupSources++
		h.dropIdle(l, m)
		return ErrLimit
	}
	h.changed(now, l, m)
	return nil
}

// checkFilter returns the filter that a socket asks for.
func (h *Host) checkFilter(group netip.Addr, mode Mode, sources []netip.Addr) (filter, error) {
	switch {
	case mode > Exclude:
		return filter{}, ErrMode
	case mode == Exclude && IsSSM(group):
		return filter{}, ErrSSM
	}
	for _, s := range sources {
		if !goodSource(group, s) {
			return filter{}, ErrSource
		}
	}
	f := filter{mode: mode, sources: newSet(sources)}
	if len(f.sources) > h.cfg.MaxSocketSources {
		h.counters.LimitReached++
		h.drops.SocketSources++
		return filter{}, ErrLimit
	}
	return f, nil
}

// ReleaseSocket ends all that a socket listens to.
func (h *Host) ReleaseSocket(now machine.Time, key SocketKey) {
	now = h.clock.At(now)
	for _, l := range h.order {
		for _, m := range slices.Clone(l.groups) {
			if m.socket(key) != nil {
				m.setSocket(key, filter{})
				h.changed(now, l, m)
			}
		}
	}
}

// Filter returns what a socket listens to of a group on an interface; ok is
// false where it set nothing.
func (h *Host) Filter(key SocketKey, ifIndex int, group netip.Addr) (mode Mode, sources []netip.Addr, ok bool) {
	m := h.members[member{ifIndex, group}]
	if m == nil {
		return Include, nil, false
	}
	f := m.socket(key)
	if f == nil {
		return Include, nil, false
	}
	return f.mode, f.sources, true
}

// Accepts reports whether a datagram from source to group, received on the
// interface, is for a socket. A socket that set a filter for the group there
// gets what that wants; every other, what the joins without a socket want.
func (h *Host) Accepts(key SocketKey, ifIndex int, group, source netip.Addr) bool {
	m := h.members[member{ifIndex, group}]
	if m == nil {
		return isAllHosts(group)
	}
	if f := m.socket(key); f != nil {
		return f.accepts(source)
	}
	return m.any > 0 || refs(m.joins, source) > 0 || isAllHosts(group)
}

// Receives reports whether a datagram from source to group, received on the
// interface, is wanted by anyone here.
func (h *Host) Receives(ifIndex int, group, source netip.Addr) bool {
	m := h.members[member{ifIndex, group}]
	return m != nil && m.state.accepts(source)
}

func (h *Host) check(ifIndex int, group, source netip.Addr) (*hostLink, error) {
	if !group.IsMulticast() || group.Is4In6() || group.Zone() != "" {
		return nil, ErrGroup
	}
	l := h.links[link{ifIndex, group.Is6()}]
	if l == nil {
		return nil, ErrInterface
	}
	if source.IsValid() && !goodSource(group, source) {
		return nil, ErrSource
	}
	return l, nil
}

// goodSource reports whether source is a unicast address of group's family.
func goodSource(group, source netip.Addr) bool {
	return source.IsValid() && source.Is4() == group.Is4() && !source.Is4In6() &&
		!source.IsMulticast() && !source.IsUnspecified() && source.Zone() == ""
}

// admit returns the membership, a new one where there is room.
func (h *Host) admit(l *hostLink, group netip.Addr) (*membership, error) {
	key := member{l.If, group}
	if m := h.members[key]; m != nil {
		return m, nil
	}
	if len(h.members) >= h.cfg.MaxGroups {
		h.counters.LimitReached++
		h.drops.Groups++
		return nil, ErrLimit
	}
	m := &membership{member: key}
	h.members[key] = m
	i, _ := slices.BinarySearchFunc(l.groups, group, compareGroup)
	l.groups = slices.Insert(l.groups, i, m)
	return m, nil
}

func compareGroup(m *membership, group netip.Addr) int { return m.Group.Compare(group) }

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
