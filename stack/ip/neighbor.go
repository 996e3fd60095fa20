package ip

import (
	"net/netip"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/ip/neigh"
	"github.com/mpstack/mpstack/wire/igmp"
	"github.com/mpstack/mpstack/wire/inet"
)

// Causes of ARP and neighbour discovery frames.
const (
	CauseARPRequest      machine.Cause = "ip/arp/request"
	CauseARPRequestAgain machine.Cause = "ip/arp/request-again"
	CauseARPProbe        machine.Cause = "ip/arp/probe"
	CauseARPReply        machine.Cause = "ip/arp/reply"
	CauseNDPSolicit      machine.Cause = "ip/ndp/solicit"
	CauseNDPSolicitAgain machine.Cause = "ip/ndp/solicit-again"
	CauseNDPProbe        machine.Cause = "ip/ndp/probe"
	CauseNDPAdvertise    machine.Cause = "ip/ndp/advertise"
)

const hopLimitNDP = 255 // RFC 4861 section 4

// solicitCause returns the frame's cause for that of the neighbour table.
func solicitCause(c machine.Cause, v6 bool) machine.Cause {
	switch {
	case c == neigh.CauseRetry && v6:
		return CauseNDPSolicitAgain
	case c == neigh.CauseProbe && v6:
		return CauseNDPProbe
	case v6:
		return CauseNDPSolicit
	case c == neigh.CauseRetry:
		return CauseARPRequestAgain
	case c == neigh.CauseProbe:
		return CauseARPProbe
	}
	return CauseARPRequest
}

// handleNeigh does what the neighbour table asks for.
func (m *Machine) handleNeigh(now machine.Time, o neigh.Output) {
	out := m.iface(o.Key.If)
	switch o.Kind {
	case neigh.KindSolicit:
		if o.Key.Addr.Is6() {
			m.solicitNDP(out, &o)
		} else {
			m.solicitARP(out, &o)
		}
	case neigh.KindRelease:
		start := m.frame(out, o.Key.Addr.Is6())
		m.arena = append(m.arena, o.Packet.Data...)
		m.emit(out, o.MAC, start, o.Packet.Cause, o.Packet.Tag)
	case neigh.KindFail:
		m.unresolved(now, &o)
	case neigh.KindLost:
		m.routesChanged(m.routes.lost(o.Key))
	case neigh.KindFound:
		m.routesChanged(m.routes.found(o.Key))
	}
}

// unresolved deals with a packet whose neighbour does not answer.
func (m *Machine) unresolved(now machine.Time, o *neigh.Output) {
	q, err := inet.ParseQuote(o.Packet.Data)
	if err != nil {
		m.counters.DropEncode++
		return
	}
	if o.Packet.Tag == tagForwarded {
		m.counters.DropForwardNeighbor++
		p := packet{raw: o.Packet.Data, payload: q.Payload, src: q.Src, dst: q.Dst, proto: q.Proto}
		p.later = q.FragOffset > 0 // no error about it (RFC 1122 section 3.2.2)
		m.sendUnreachable(now, &p, inet.ICMPv4HostUnreachable, inet.ICMPv6AddressUnreachable)
		return
	}
	m.counters.DropUnresolved++
	if b, _ := m.sender(&q); b != nil {
		m.pushUnreachable(b, &q, ReasonHost, 0, CauseNoNeighbor)
	}
}

// solicitARP asks for an IPv4 neighbour.
func (m *Machine) solicitARP(out *iface, o *neigh.Output) {
	src, ok := out.source(o.Key.Addr, o.Key.Addr)
	if !ok {
		m.counters.DropEncode++
		return
	}
	a := inet.ARP{Op: inet.ARPRequest, SenderMAC: out.mac, SenderIP: src, TargetMAC: o.MAC, TargetIP: o.Key.Addr}
	mac := o.MAC
	if mac.IsZero() {
		mac = inet.Broadcast
	}
	m.pushARP(out, mac, a, solicitCause(o.Cause, false))
}

func (m *Machine) pushARP(out *iface, mac inet.MAC, a inet.ARP, cause machine.Cause) {
	start := len(m.arena)
	b := inet.Ethernet{Src: out.mac, Type: inet.EtherTypeARP}.AppendTo(m.arena)
	b, err := a.AppendTo(b)
	if err != nil {
		m.counters.DropEncode++
		return
	}
	m.arena = b
	m.push(out, mac, b[start:len(b):len(b)], cause)
}

// handleARP takes in an ARP packet (RFC 826, RFC 5227 section 2.4). Addresses
// are learnt from those who ask for us or answer us; what we know already is
// kept up to date by all others.
func (m *Machine) handleARP(now machine.Time, f *iface, b []byte) {
	a, err := inet.ParseARP(b)
	if err != nil || a.SenderMAC.IsMulticast() || a.SenderMAC.IsZero() || a.SenderIP.IsMulticast() ||
		a.Op != inet.ARPRequest && a.Op != inet.ARPReply {
		m.counters.DropARP++
		return
	}
	if a.SenderMAC == f.mac {
		m.counters.DropOwnMAC++
		return
	}
	if m.conflictARP(now, f, &a) {
		return
	}
	forUs := f.owns(a.TargetIP)
	key := neigh.Key{If: f.index, Addr: a.SenderIP}
	m.routesChanged(m.routes.found(key))
	known := !a.SenderIP.IsUnspecified() && f.onLink(a.SenderIP) && !f.isBroadcast(a.SenderIP)
	asked := a.Op == inet.ARPRequest && forUs
	switch {
	case known && asked:
		m.neigh.HandleSolicitation(now, key, a.SenderMAC)
	case known:
		m.neigh.HandleAdvertisement(now, key, neigh.Advertisement{MAC: a.SenderMAC, HasMAC: true, Override: true,
			Solicited: a.Op == inet.ARPReply && forUs && a.TargetMAC == f.mac})
	}
	if asked {
		m.pushARP(f, a.SenderMAC, inet.ARP{Op: inet.ARPReply, SenderMAC: f.mac, SenderIP: a.TargetIP,
			TargetMAC: a.SenderMAC, TargetIP: a.SenderIP}, CauseARPReply)
	}
}

// solicitNDP asks for an IPv6 neighbour (RFC 4861 section 7.2.2).
func (m *Machine) solicitNDP(out *iface, o *neigh.Output) {
	target := o.Key.Addr
	src, ok := out.source(target, target)
	if !ok {
		m.counters.DropEncode++
		return
	}
	h := header{src: src, dst: target, proto: inet.ProtoICMPv6, ttl: hopLimitNDP}
	mac := o.MAC
	if mac.IsZero() {
		h.dst = inet.SolicitedNode(target)
		mac = inet.MulticastMAC(h.dst)
	}
	ns := inet.NeighborSolicitation{Target: target, LinkAddr: out.mac, HasLinkAddr: true}
	var err error
	m.scratch, err = ns.AppendTo(m.scratch[:0], h.src, h.dst)
	m.pushMessage(out, mac, &h, err, solicitCause(o.Cause, true))
}

// pushMessage emits the message in m.scratch in a frame to mac, unless
// encoding it failed.
func (m *Machine) pushMessage(out *iface, mac inet.MAC, h *header, err error, cause machine.Cause) {
	if err != nil {
		m.counters.DropEncode++
		return
	}
	start, err := m.build(out, h, len(m.scratch))
	if err != nil {
		m.counters.DropEncode++
		return
	}
	m.arena = append(m.arena, m.scratch...)
	m.push(out, mac, m.arena[start:len(m.arena):len(m.arena)], cause)
}

// handleSolicitation answers a Neighbor Solicitation for one of our addresses
// (RFC 4861 section 7.2.3).
func (m *Machine) handleSolicitation(now machine.Time, p *packet, msg inet.ICMP) {
	ns, err := inet.ParseNeighborSolicitation(msg)
	dad := p.src.IsUnspecified()
	if err != nil || p.ttl != hopLimitNDP || p.looped || dad && (ns.HasLinkAddr || p.dst != inet.SolicitedNode(ns.Target)) {
		m.counters.DropNDP++
		return
	}
	if m.conflictNDP(now, p.in, ns.Target, dad) {
		return
	}
	if !p.in.owns(ns.Target) {
		m.counters.DropNotOurs++
		return
	}
	usable := ns.HasLinkAddr && !ns.LinkAddr.IsMulticast() && !ns.LinkAddr.IsZero()
	key := neigh.Key{If: p.in.index, Addr: p.src}
	if usable && p.in.onLink(p.src) {
		m.neigh.HandleSolicitation(now, key, ns.LinkAddr)
	}
	na := inet.NeighborAdvertisement{Router: m.router != nil, Solicited: !dad, Override: true, Target: ns.Target,
		LinkAddr: p.in.mac, HasLinkAddr: true}
	h := header{src: ns.Target, dst: p.src, proto: inet.ProtoICMPv6, ttl: hopLimitNDP}
	if dad {
		m.counters.DropAddressConflict++
		h.dst = igmp.AllNodes6
	}
	m.scratch, err = na.AppendTo(m.scratch[:0], h.src, h.dst)
	switch {
	case dad:
		m.pushMessage(p.in, inet.MulticastMAC(h.dst), &h, err, CauseNDPAdvertise)
	case usable:
		m.pushMessage(p.in, ns.LinkAddr, &h, err, CauseNDPAdvertise)
	case err == nil:
		m.sendMessage(now, p.in, h.dst, &h, m.scratch, CauseNDPAdvertise)
	}
}

// handleAdvertisement takes in a Neighbor Advertisement (RFC 4861 section
// 7.2.5).
func (m *Machine) handleAdvertisement(now machine.Time, p *packet, msg inet.ICMP) {
	na, err := inet.ParseNeighborAdvertisement(msg)
	if err != nil || p.ttl != hopLimitNDP || p.looped || p.dst.IsMulticast() && na.Solicited ||
		na.HasLinkAddr && (na.LinkAddr.IsMulticast() || na.LinkAddr.IsZero()) {
		m.counters.DropNDP++
		return
	}
	if m.conflictNDP(now, p.in, na.Target, true) {
		return
	}
	if p.in.owns(na.Target) {
		m.counters.DropAddressConflict++
		return
	}
	if !na.Router {
		m.noRouter(p.in, na.Target)
	}
	key := neigh.Key{If: p.in.index, Addr: na.Target}
	m.routesChanged(m.routes.found(key))
	m.neigh.HandleAdvertisement(now, key,
		neigh.Advertisement{MAC: na.LinkAddr, HasMAC: na.HasLinkAddr, Solicited: na.Solicited, Override: na.Override})
}

// allHosts are the groups that every node listens to.
var allHosts4, allHosts6 = igmp.AllSystems, igmp.AllNodes6

// isAllHosts reports whether every node listens to a group.
func isAllHosts(group netip.Addr) bool { return group == allHosts4 || group == allHosts6 }
