package stack

import (
	"net/netip"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/ip"
	"github.com/mpstack/mpstack/stack/qos"
	"github.com/mpstack/mpstack/stack/winsock"
)

// joinGroup receives (source, group) on an interface; an invalid source is any.
func (s *Socket) joinGroup(now machine.Time, call string, group netip.AddrPort, source netip.Addr, ifIndex int) error {
	if err := s.bindGroup(now, call, group); err != nil {
		return err
	}
	if err := s.st.ip.Join(now, ifIndex, group.Addr(), source); err != nil {
		s.unbindGroup(now)
		return fail(call, errno(err), err.Error())
	}
	s.st.memberships++
	s.group, s.source, s.groupIf = group.Addr(), source, ifIndex
	return nil
}

// bindGroup makes the group's data reach s: by the binding of its local address
// where that takes every address of the group's port, else by one of the group,
// which several sockets may have. It fails with WSAEADDRINUSE where another
// socket holds the port for itself (W50).
func (s *Socket) bindGroup(now machine.Time, call string, group netip.AddrPort) error {
	if s.udp != 0 && s.local == netip.AddrPortFrom(s.proto.any(), group.Port()) {
		return nil
	}
	h, err := s.st.ip.BindUDP(now, ip.Bind{Local: group, Reuse: true})
	if err != nil {
		return fail(call, errno(err), "W50: "+err.Error())
	}
	s.groupUDP = h
	s.st.udp[h] = s
	return nil
}

func (s *Socket) unbindGroup(now machine.Time) {
	if s.groupUDP == 0 {
		return
	}
	_ = s.st.ip.CloseUDP(now, s.groupUDP) // fails for unknown handles alone
	delete(s.st.udp, s.groupUDP)
	s.groupUDP = 0
}

// leaveGroup undoes joinGroup.
func (s *Socket) leaveGroup(now machine.Time) {
	if s.group.IsValid() {
		_ = s.st.ip.Leave(now, s.groupIf, s.group, s.source) // fails where nothing is joined
		s.st.memberships--
		s.group, s.source = netip.Addr{}, netip.Addr{}
	}
	s.unbindGroup(now)
}

// groupInterface returns the interface on which groups are joined (W124): that
// of the bound address, else the one toward the group; 0 where there is none.
func (s *Socket) groupInterface(group netip.Addr) int {
	if a := s.local.Addr(); a.IsValid() && !a.IsUnspecified() {
		info, _ := s.st.ip.InterfaceByAddr(a)
		return info.Index
	}
	i, _, _, _ := s.st.ip.RouteTo(group)
	return i
}

// AddSourceMembership receives (source, group) on a plain UDP socket
// (IP_ADD_SOURCE_MEMBERSHIP, MCAST_JOIN_SOURCE_GROUP), from anyone where source
// is invalid (IP_ADD_MEMBERSHIP): one membership a socket. It never has QoS
// (Q19).
func (s *Socket) AddSourceMembership(group, source netip.Addr) error {
	const call = "setsockopt"
	now := s.st.begin()
	defer s.st.end()
	if err := s.check(call); err != nil {
		return err
	}
	switch {
	case s.proto.rooted():
		return fail(call, winsock.WSAENOPROTOOPT, "the join protocol's sockets join with WSAJoinLeaf")
	case s.state != stateBound:
		return fail(call, winsock.WSAEINVAL, "the socket is not bound, or joined")
	case !s.proto.takes(group) || source.IsValid() && !s.proto.takes(source):
		return fail(call, winsock.WSAEAFNOSUPPORT, group.String()+" is not of the socket's family")
	case !group.IsMulticast() || s.group.IsValid():
		return fail(call, winsock.WSAEADDRNOTAVAIL, group.String()+" is no group, or another is joined")
	}
	ifIndex := s.groupInterface(group)
	if ifIndex == 0 {
		return fail(call, winsock.WSAENETUNREACH, "W66: no interface for multicast")
	}
	return s.joinGroup(now, call, netip.AddrPortFrom(group, s.local.Port()), source, ifIndex)
}

// joinNonrooted joins a session of the UDP entries: a group membership (W29,
// W103-W105), which is complete at once.
func (s *Socket) joinNonrooted(now machine.Time, name netip.AddrPort, dir joinDir) error {
	if err := s.bindImplicitly(now, callJoin, s.proto.any()); err != nil {
		return err
	}
	if name.Port() == 0 { // D5: of a receiver
		name = netip.AddrPortFrom(name.Addr(), s.local.Port())
	}
	ifIndex := s.groupInterface(name.Addr())
	if ifIndex == 0 {
		return fail(callJoin, winsock.WSAENETUNREACH, "W66: no interface for multicast")
	}
	if dir.receives { // W125: a sender is no member
		if err := s.joinGroup(now, callJoin, name, netip.Addr{}, ifIndex); err != nil {
			return err
		}
	}
	s.dest, s.peer, s.groupIf = name, name, ifIndex
	s.place = s.groupPlace(name, dir)
	if err := s.openFlow(now); err != nil {
		s.leaveSession(now, 0)
		return joinFailure(err)
	}
	s.state = stateJoined
	s.ev.renew(winsock.FD_CONNECT)
	s.post(winsock.FD_CONNECT, 0)
	s.post(winsock.FD_WRITE, 0)
	return nil
}

// groupPlace is the socket's place in the RSVP session of a group (Q8, Q9).
func (s *Socket) groupPlace(name netip.AddrPort, dir joinDir) qos.Endpoint {
	e := qos.Endpoint{Session: name, If: s.groupIf, TTL: s.ttl, Receives: dir.receives}
	if dir.sends {
		src := s.local.Addr()
		if src.IsUnspecified() {
			_, src, _, _ = s.st.ip.RouteTo(name.Addr())
		}
		e.Sender = netip.AddrPortFrom(src, s.local.Port())
	}
	return e
}
