package ip

import (
	"net/netip"
	"slices"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire/inet"
)

// Causes of forwarded frames.
const (
	CauseForward          machine.Cause = "ip/forward/unicast"
	CauseForwardMulticast machine.Cause = "ip/forward/multicast"
)

// forward sends a unicast packet on its way, or hands it up where it is to be
// intercepted.
func (m *Machine) forward(now machine.Time, p *packet) {
	if m.intercepts(p) {
		m.intercept(now, p, false)
		return
	}
	if !forwardable(p.src) || !forwardable(p.dst) {
		m.counters.DropForwardScope++
		if p.v6() && forwardable(p.dst) {
			m.sendUnreachable(now, p, 0, inet.ICMPv6BeyondScope)
		}
		return
	}
	if p.ttl <= 1 {
		m.counters.DropForwardTTL++
		m.sendTimeExceeded(now, p)
		return
	}
	r, ok := m.routes.lookup(p.dst, nil)
	if !ok {
		m.counters.DropForwardNoRoute++
		m.sendUnreachable(now, p, inet.ICMPv4NetUnreachable, inet.ICMPv6NoRoute)
		return
	}
	if r.out.isBroadcast(p.dst) { // RFC 2644
		m.counters.DropForwardScope++
		return
	}
	if mtu := r.out.mtuOf(p.v6()); len(p.raw) > mtu && p.df {
		m.counters.DropForwardTooBig++
		m.sendTooBig(now, p, mtu)
		return
	}
	hop := p.dst
	if r.via.IsValid() {
		hop = r.via
	}
	m.counters.Forwarded++
	start := m.frame(r.out, p.v6())
	m.arena = append(m.arena, p.raw...)
	inet.DecrementTTL(m.arena[start+inet.HeaderLenEthernet:])
	m.transmit(now, r.out, hop, start, CauseForward, tagForwarded)
}

// forwardable reports whether packets from or to a unicast address leave their
// link.
func forwardable(a netip.Addr) bool {
	return !a.IsLinkLocalUnicast() && !a.IsLoopback() && !a.IsUnspecified()
}

// forwardMulticast copies a multicast packet to the links that want it. It
// must have come by the interface that leads to its source.
func (m *Machine) forwardMulticast(now machine.Time, p *packet, member bool) {
	switch {
	case p.dst.IsLinkLocalMulticast() || p.v6() && p.dst.IsInterfaceLocalMulticast() || !forwardable(p.src):
		if !member {
			m.counters.DropNotMember++
		}
		return
	case p.ttl <= 1:
		m.counters.DropForwardTTL++ // RFC 1122 section 3.2.2: no error about multicast
		return
	case p.in.bounds(p.dst):
		m.counters.DropForwardBoundary++
		return
	case !m.reversePath(p.src, p.in):
		m.counters.DropRPF++
		return
	}
	var bounded bool
	m.outIfs, bounded = m.appendOutputs(m.outIfs[:0], p.src, p.dst, p.in.index)
	switch {
	case bounded:
		m.counters.DropForwardBoundary++
	case len(m.outIfs) == 0 && !member:
		m.counters.DropNoListener++
	}
	for _, index := range m.outIfs {
		out := m.iface(index)
		if p.ttl <= out.threshold {
			m.counters.DropForwardThreshold++
			continue
		}
		if mtu := out.mtuOf(p.v6()); len(p.raw) > mtu && p.df {
			m.counters.DropForwardTooBig++
			if p.v6() {
				m.sendTooBig(now, p, mtu) // RFC 4443 section 3.2: also about multicast
			}
			continue
		}
		m.counters.MulticastForwarded++
		start := m.frame(out, p.v6())
		m.arena = append(m.arena, p.raw...)
		inet.DecrementTTL(m.arena[start+inet.HeaderLenEthernet:])
		m.transmit(now, out, p.dst, start, CauseForwardMulticast, tagForwarded)
	}
}

// reversePath reports whether unicast packets to src would leave by in.
func (m *Machine) reversePath(src netip.Addr, in *iface) bool {
	r, ok := m.routes.lookup(src, nil)
	return ok && r.out == in
}

// bounds reports whether a group is not forwarded over the interface.
func (f *iface) bounds(group netip.Addr) bool {
	if group.Is6() && group.As16()[1]&0xf <= f.scope {
		return true
	}
	return slices.ContainsFunc(f.boundary, func(p netip.Prefix) bool { return p.Contains(group) })
}

// appendOutputs appends the interfaces but inIf on which datagrams from src to
// group are wanted, and reports whether a boundary keeps them from another.
func (m *Machine) appendOutputs(list []int, src, group netip.Addr, inIf int) (_ []int, bounded bool) {
	for _, f := range m.ifaces {
		switch {
		case f.index == inIf || !f.up || !m.router.Forwards(f.index, group, src):
		case f.bounds(group):
			bounded = true
		default:
			list = append(list, f.index)
		}
	}
	return list, bounded
}

// MulticastOutputs returns, sorted, the interfaces by which a router forwards
// datagrams from src to group that come in by inIf; none where src is not
// reached by inIf or a boundary is in the way. With inIf 0, for a sender on
// this node, they are all that have members. A host forwards by none.
func (m *Machine) MulticastOutputs(src, group netip.Addr, inIf int) []int {
	if m.router == nil || !group.IsMulticast() || group.IsLinkLocalMulticast() || group.IsInterfaceLocalMulticast() {
		return nil
	}
	if inIf != 0 {
		if in := m.iface(inIf); in == nil || in.bounds(group) || !m.reversePath(src, in) {
			return nil
		}
	}
	list, _ := m.appendOutputs(nil, src, group, inIf)
	return list
}
