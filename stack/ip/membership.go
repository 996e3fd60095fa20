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
	if m.igmp.Kind == igmp.KindQuery {
		m.host.HandleQuery(now, p.in.index, p.v6(), &m.igmp.Query)
		if m.router != nil {
			m.router.HandleQuery(now, p.in.index, p.src, &m.igmp.Query)
		}
		return
	}
	if m.router == nil {
		m.counters.DropNotMember++ // a host does not listen to reports
		return
	}
	m.router.HandleReport(now, p.in.index, p.v6(), m.reportRecords())
}

// reportRecords returns the records of the report or leave in m.igmp; older
// versions' in terms of version 3 (RFC 3376 section 7.3.2).
func (m *Machine) reportRecords() []igmp.Record {
	switch {
	case m.igmp.Kind == igmp.KindLeave:
		m.oneRecord[0] = igmp.Record{Type: igmp.ChangeToInclude, Group: m.igmp.Leave.Group}
	case len(m.igmp.Report.Records) == 0 && m.igmp.Report.Group.IsValid():
		m.oneRecord[0] = igmp.Record{Type: igmp.ModeIsExclude, Group: m.igmp.Report.Group}
	default:
		return m.igmp.Report.Records
	}
	return m.oneRecord[:]
}

// trusted reports whether a membership message comes from the link: lifetime
// 1, Router Alert (which IGMPv1 lacks), and a source of the link, which may be
// unspecified but in MLD queries (RFC 3376 sections 4.2.13 and 9, RFC 3810
// sections 5.1.14, 5.2.13 and 6.2).
func trusted(p *packet, msg *igmp.Message) bool {
	if p.ttl != igmp.TTL {
		return false
	}
	query := msg.Kind == igmp.KindQuery
	if p.v6() {
		return p.routerAlert && (p.src.IsLinkLocalUnicast() || !query && p.src.IsUnspecified())
	}
	v1 := query && msg.Query.Version == 1 || msg.Kind == igmp.KindReport && msg.Report.Version == 1
	return (p.routerAlert || v1) && (p.src.IsUnspecified() || p.in.onLink(p.src))
}

// handleGroup does what the membership machines ask for.
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
}

func (m *Machine) sendIGMP(out *iface, o *group.Output) {
	h := header{dst: igmp.AllV3Routers, proto: inet.ProtoIGMP, ttl: igmp.TTL, tos: igmp.TOS, routerAlert: true, df: true}
	h.src, _ = out.source(h.dst, netip.Addr{})
	var err error
	if o.Kind == group.KindReport {
		m.scratch, err = igmp.Report{Version: 3, Records: o.Records}.AppendIGMP(m.scratch[:0])
	} else {
		h.dst = queryTarget(&o.Query, igmp.AllSystems)
		m.scratch, err = o.Query.AppendIGMP(m.scratch[:0])
	}
	m.pushMessage(out, inet.MulticastMAC(h.dst), &h, err, o.Cause)
}

func (m *Machine) sendMLD(out *iface, o *group.Output) {
	h := header{src: out.linkLocal, dst: igmp.AllV2Routers6, proto: inet.ProtoICMPv6, ttl: igmp.TTL, routerAlert: true}
	var err error
	if o.Kind == group.KindReport {
		m.scratch, err = igmp.Report{Version: 2, Records: o.Records}.AppendMLD(m.scratch[:0], h.src, h.dst)
	} else {
		h.dst = queryTarget(&o.Query, igmp.AllNodes6)
		m.scratch, err = o.Query.AppendMLD(m.scratch[:0], h.src, h.dst)
	}
	m.pushMessage(out, inet.MulticastMAC(h.dst), &h, err, o.Cause)
}

// queryTarget returns where a query is sent: to its group, or to all nodes.
func queryTarget(q *igmp.Query, all netip.Addr) netip.Addr {
	if q.General() {
		return all
	}
	return q.Group
}
