package ip

import (
	"net/netip"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/ip/group"
	"github.com/mpstack/mpstack/wire/igmp"
	"github.com/mpstack/mpstack/wire/inet"
)

// CauseListeners is the cause of KindMulticastRoute.
const CauseListeners machine.Cause = "ip/group/listeners"

// SocketKey names a socket that sets source filters. A binding is named by
// SocketKey(its handle).
type SocketKey = group.SocketKey

// Join joins a group on an interface: datagrams from source, or from anyone
// where source is invalid. Joins of the same are counted. Groups of the
// source-specific ranges need a source.
func (m *Machine) Join(now machine.Time, ifIndex int, grp, source netip.Addr) error {
	now = m.begin(now)
	err := m.host.Join(now, ifIndex, grp, source)
	m.drain(now)
	return err
}

// Leave takes back one Join of the same.
func (m *Machine) Leave(now machine.Time, ifIndex int, grp, source netip.Addr) error {
	now = m.begin(now)
	err := m.host.Leave(now, ifIndex, grp, source)
	m.drain(now)
	return err
}

// SetFilter sets what a socket listens to of a group on an interface: the
// sources given (group.Include), or all but them (group.Exclude). It replaces
// what the socket asked for before; group.Include without sources ends it (RFC
// 3376 section 2, RFC 3810 section 3).
func (m *Machine) SetFilter(now machine.Time, key SocketKey, ifIndex int, grp netip.Addr, mode group.Mode, sources []netip.Addr) error {
	now = m.begin(now)
	err := m.host.SetFilter(now, key, ifIndex, grp, mode, sources)
	m.drain(now)
	return err
}

// ReleaseFilters ends all that a socket listens to by SetFilter.
func (m *Machine) ReleaseFilters(now machine.Time, key SocketKey) {
	now = m.begin(now)
	m.host.ReleaseSocket(now, key)
	m.drain(now)
}

// Accepts reports whether a datagram from source to a group, received on an
// interface, is for a socket: by its filter for the group there, or, where it
// set none, by the Joins.
func (m *Machine) Accepts(key SocketKey, ifIndex int, grp, source netip.Addr) bool {
	return m.host.Accepts(key, ifIndex, grp, source)
}

// QuerierVersion returns the oldest version in which IGMP (1 to 3) or MLD (1
// or 2) queries come on an interface; known is false where none came lately. A
// link whose version is below 3, or 2, has no source-specific multicast.
func (m *Machine) QuerierVersion(ifIndex int, v6 bool) (version int, known bool) {
	return m.host.QuerierVersion(m.clock.Now(), ifIndex, v6)
}

// ConfigureHost settles how this node reports memberships in one family on an
// interface.
func (m *Machine) ConfigureHost(now machine.Time, ifIndex int, v6 bool, s group.HostSettings) error {
	now = m.begin(now)
	err := m.host.Configure(now, ifIndex, v6, s)
	m.drain(now)
	return err
}

// ConfigureQuerier settles how a router asks for memberships in one family on
// an interface.
func (m *Machine) ConfigureQuerier(now machine.Time, ifIndex int, v6 bool, s group.Settings) error {
	now = m.begin(now)
	if m.router == nil {
		return group.ErrInterface
	}
	err := m.router.Configure(now, ifIndex, v6, s)
	m.drain(now)
	return err
}

// MembershipPage returns up to n of what this node joined after a cursor, the
// cursor after them, and whether there are more.
func (m *Machine) MembershipPage(after group.Cursor, n int) ([]group.Membership, group.Cursor, bool) {
	return m.host.Page(after, n)
}

// ListenerPage returns up to n groups of a router's membership table after a
// cursor, the cursor after them, and whether there are more.
func (m *Machine) ListenerPage(after group.Cursor, n int) ([]group.Listener, group.Cursor, bool) {
	if m.router == nil {
		return nil, after, false
	}
	return m.router.Page(after, n)
}

// Querier returns what a router knows of the queriers of one family on an
// interface.
func (m *Machine) Querier(ifIndex int, v6 bool) (group.LinkInfo, bool) {
	if m.router == nil {
		return group.LinkInfo{}, false
	}
	return m.router.Link(ifIndex, v6)
}

// MembershipDrops returns what membership refused or ignored, one counter for
// each reason, in a fixed order.
func (m *Machine) MembershipDrops() []Counter {
	h := m.host.Drops()
	rows := h.Table()
	if m.router != nil {
		r := m.router.Drops()
		rows = append(rows, r.Table()...)
	}
	out := make([]Counter, len(rows))
	for i, row := range rows {
		out[i] = Counter(row)
	}
	return out
}

// isMembershipMessage reports whether p is IGMP or MLD.
func (m *Machine) isMembershipMessage(p *packet) bool {
	if !p.v6() {
		return p.proto == inet.ProtoIGMP
	}
	if p.proto != inet.ProtoICMPv6 || len(p.payload) == 0 {
		return false
	}
	switch p.payload[0] {
	case igmp.TypeMLDQuery, igmp.TypeMLDv1Report, igmp.TypeMLDv1Done, igmp.TypeMLDv2Report:
		return true
	}
	return false
}

// handleMembership takes in an IGMP or MLD message.
func (m *Machine) handleMembership(now machine.Time, p *packet) {
	if p.fragment || p.looped {
		m.counters.DropIGMP++
		return
	}
	var err error
	if p.v6() {
		err = m.igmp.DecodeMLD(p.payload, p.src, p.dst)
	} else {
		err = m.igmp.DecodeIGMP(p.payload)
	}
	switch {
	case err != nil:
		m.counters.DropIGMP++
		return
	case m.igmp.Kind == igmp.KindUnknown:
		m.counters.DropIGMPType++
		return
	case !trusted(p, &m.igmp):
		m.counters.DropIGMPUntrusted++
		return
	}
	switch m.igmp.Kind {
	case igmp.KindQuery:
		m.handleQuery(now, p)
	case igmp.KindReport:
		m.handleReport(now, p)
	case igmp.KindLeave:
		if m.router == nil {
			m.counters.DropNotMember++ // a host does not listen to leaves
			return
		}
		m.router.HandleLeave(now, p.in.index, m.igmp.Leave.Group)
	}
}

func (m *Machine) handleQuery(now machine.Time, p *packet) {
	m.host.HandleQuery(now, p.in.index, p.v6(), &m.igmp.Query)
	if m.router != nil {
		m.router.HandleQuery(now, p.in.index, p.src, &m.igmp.Query)
	}
}

// handleReport takes in a report. Hosts listen to those of older versions,
// which name one group.
func (m *Machine) handleReport(now machine.Time, p *packet) {
	r := &m.igmp.Report
	older := r.Group.IsValid()
	if older {
		m.host.HandleReport(now, p.in.index, r.Group)
	}
	switch {
	case m.router != nil:
		m.router.HandleReport(now, p.in.index, p.v6(), r)
	case !older:
		m.counters.DropNotMember++
	}
}

// trusted reports whether a membership message comes from the link: lifetime
// 1, Router Alert (which IGMPv1 lacks), and a source of the link; in IGMP it
// may be unspecified (RFC 3376 sections 4.2.13 and 9, RFC 3810 sections 5.1.14,
// 5.2.13 and 6.2). General queries to a group other than that of all hosts are
// not heeded (RFC 3376 section 9.1).
func trusted(p *packet, msg *igmp.Message) bool {
	if p.ttl != igmp.TTL {
		return false
	}
	query := msg.Kind == igmp.KindQuery
	if query && msg.Query.General() && p.dst.IsMulticast() && !isAllHosts(p.dst) {
		return false
	}
	if p.v6() {
		return p.routerAlert && p.src.IsLinkLocalUnicast()
	}
	v1 := query && msg.Query.Version == 1 || msg.Kind == igmp.KindReport && msg.Report.Version == 1
	return (p.routerAlert || v1) && (p.src.IsUnspecified() || p.in.onLink(p.src))
}

// handleGroup does what the membership machines ask for. A router that listens
// itself hears its own messages too (RFC 3376 section 5, RFC 3810 section 6).
func (m *Machine) handleGroup(now machine.Time, o group.Output) {
	if o.Kind == group.KindChange {
		m.out.Push(Output{Kind: KindMulticastRoute, Src: o.Src, Group: o.Group, Cause: CauseListeners})
		return
	}
	out := m.iface(o.If)
	if o.V6 {
		m.sendMLD(out, &o)
	} else {
		m.sendIGMP(out, &o)
	}
	if m.router == nil {
		return
	}
	switch o.Kind {
	case group.KindQuery:
		m.host.HandleOwnQuery(now, o.If, o.V6, &o.Query)
	case group.KindLeave:
		m.router.HandleLeave(now, o.If, o.Group)
	case group.KindReport:
		m.router.HandleReport(now, o.If, o.V6, &igmp.Report{Version: o.Version, Group: o.Group, Records: o.Records})
	}
}

func (m *Machine) sendIGMP(out *iface, o *group.Output) {
	h := header{dst: messageTarget(o), proto: inet.ProtoIGMP, ttl: igmp.TTL, tos: igmp.TOS, routerAlert: true, df: true}
	var ok bool
	if h.src, ok = out.source(h.dst, netip.Addr{}); !ok {
		h.src = netip.IPv4Unspecified() // RFC 3376 section 4.2.13
	}
	var err error
	switch o.Kind {
	case group.KindReport:
		m.scratch, err = igmp.Report{Version: o.Version, Group: o.Group, Records: o.Records}.AppendIGMP(m.scratch[:0])
	case group.KindLeave:
		m.scratch, err = igmp.Leave{Group: o.Group}.AppendIGMP(m.scratch[:0])
	default:
		m.scratch, err = o.Query.AppendIGMP(m.scratch[:0])
	}
	m.pushMessage(out, inet.MulticastMAC(h.dst), &h, err, o.Cause)
}

func (m *Machine) sendMLD(out *iface, o *group.Output) {
	h := header{src: out.linkLocal, dst: messageTarget(o), proto: inet.ProtoICMPv6, ttl: igmp.TTL, routerAlert: true}
	if !h.src.IsValid() || h.src.IsUnspecified() && o.Kind == group.KindQuery { // RFC 3810 section 5.1.14
		m.counters.DropEncode++
		return
	}
	var err error
	switch o.Kind {
	case group.KindReport:
		m.scratch, err = igmp.Report{Version: o.Version, Group: o.Group, Records: o.Records}.AppendMLD(m.scratch[:0], h.src, h.dst)
	case group.KindLeave:
		m.scratch, err = igmp.Leave{Group: o.Group}.AppendMLD(m.scratch[:0], h.src, h.dst)
	default:
		m.scratch, err = o.Query.AppendMLD(m.scratch[:0], h.src, h.dst)
	}
	m.pushMessage(out, inet.MulticastMAC(h.dst), &h, err, o.Cause)
}

// messageTarget returns where a message is sent: reports to all routers of the
// newest version, older ones to their group; leaves to all routers; queries to
// their group, or to all hosts (RFC 3376 sections 4.1.12 and 4.2.14, RFC 2236
// section 9, RFC 3810 sections 5.1.15 and 5.2.14, RFC 2710 section 5).
func messageTarget(o *group.Output) netip.Addr {
	switch {
	case o.Kind == group.KindLeave:
		return allRouters(o.V6)
	case o.Kind == group.KindReport && o.Group.IsValid():
		return o.Group
	case o.Kind == group.KindReport && o.V6:
		return igmp.AllV2Routers6
	case o.Kind == group.KindReport:
		return igmp.AllV3Routers
	case !o.Query.General():
		return o.Query.Group
	case o.V6:
		return igmp.AllNodes6
	}
	return igmp.AllSystems
}
