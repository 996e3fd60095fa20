package stack

import (
	"errors"
	"net/netip"
	"time"

	"github.com/mpstack/mpstack/stack/ip"
	"github.com/mpstack/mpstack/stack/ip/group"
	"github.com/mpstack/mpstack/stack/winsock"
)

// Causes of data frames.
const (
	causeMulticast = "data/multicast"
	causeUnicast   = "data/unicast"
)

// Send sends to the session: a root to every leaf, a leaf of a rooted session
// to the root, a member of a nonrooted one to the group.
func (s *Socket) Send(b []byte) (int, error) {
	now := s.st.begin()
	defer s.st.end(now)
	if err := s.check("send"); err != nil {
		return 0, err
	}
	s.rearm(winsock.FD_WRITE)
	if !s.dest.IsValid() || s.state == stateJoining {
		return 0, fail("send", winsock.WSAENOTCONN, "the socket is in no session")
	}
	return s.sendTo("send", b, s.dest)
}

// SendTo sends to dst. In a rooted session a leaf reaches the root alone (W97).
func (s *Socket) SendTo(b []byte, dst netip.AddrPort) (int, error) {
	now := s.st.begin()
	defer s.st.end(now)
	if err := s.check("sendto"); err != nil {
		return 0, err
	}
	s.rearm(winsock.FD_WRITE)
	switch {
	case !s.proto.takes(dst.Addr()):
		return 0, fail("sendto", winsock.WSAEAFNOSUPPORT, dst.String()+" is not of the socket's family")
	case dst.Addr().IsUnspecified() || dst.Port() == 0:
		return 0, fail("sendto", winsock.WSAEADDRNOTAVAIL, dst.String())
	case s.state == stateJoining:
		return 0, fail("sendto", winsock.WSAENOTCONN, "D7: the join is pending")
	case s.proto.rooted() && dst != s.dest:
		return 0, fail("sendto", winsock.WSAEOPNOTSUPP, "W97: "+dst.String()+" is not the session's address")
	}
	if err := s.bindImplicitly(now, "sendto", 0); err != nil {
		return 0, err
	}
	return s.sendTo("sendto", b, dst)
}

func (s *Socket) sendTo(call string, b []byte, dst netip.AddrPort) (int, error) {
	if s.state == stateBroken {
		return 0, fail(call, winsock.WSAECONNRESET, "W47: the session is over")
	}
	d := ip.Datagram{Src: s.local, Dst: dst, Payload: b, DF: true, TTL: 64, Cause: causeUnicast}
	if dst.Addr().IsMulticast() {
		d.TTL, d.OutIf, d.Cause = s.ttl, s.groupIf, causeMulticast
		if d.OutIf == 0 {
			d.OutIf = s.interfaceFor(dst.Addr())
		}
		if s.ttl == 0 {
			return len(b), nil // W120: nothing on the wire
		}
	}
	if s.sess != nil {
		d.Src, d.OutIf, d.TTL = s.sess.data, s.sess.ifIndex, s.sess.ttl
	}
	if d.Src.Addr().IsUnspecified() {
		_, src, _, ok := s.st.ip.RouteTo(dst.Addr())
		if !ok {
			return 0, fail(call, winsock.WSAENETUNREACH, "no route to "+dst.Addr().String())
		}
		d.Src = netip.AddrPortFrom(src, s.local.Port())
	}
	if err := s.st.ip.HandleSendUDP(s.st.drv.Now(), d); err != nil {
		return 0, fail(call, errno(err), err.Error())
	}
	return len(b), nil
}

// RecvFrom returns one datagram and where it came from. It copies at most
// len(b) bytes and fails with WSAEMSGSIZE where there are more. Timeout bounds
// the wait (SO_RCVTIMEO; none where it is 0): WSAETIMEDOUT.
func (s *Socket) RecvFrom(b []byte, timeout time.Duration) (int, netip.AddrPort, error) {
	now := s.st.begin()
	defer s.st.end(now)
	var from netip.AddrPort
	if err := s.check("recvfrom"); err != nil {
		return 0, from, err
	}
	switch {
	case s.state == stateJoining:
		return 0, from, fail("recvfrom", winsock.WSAENOTCONN, "D7: the join is pending")
	case s.state == stateCreated:
		return 0, from, fail("recvfrom", winsock.WSAEINVAL, "the socket is not bound")
	case s.inbox.len() == 0 && s.nonblocking && s.state != stateBroken:
		s.rearm(winsock.FD_READ)
		return 0, from, fail("recvfrom", winsock.WSAEWOULDBLOCK, "")
	}
	s.st.wait(func() bool { return s.inbox.len() > 0 || s.state >= stateBroken || s.st.closed }, timeout)
	d, ok := s.inbox.get()
	s.rearm(winsock.FD_READ)
	switch {
	case ok:
	case s.state == stateBroken && s.broken == 0:
		return 0, from, fail("recvfrom", winsock.WSAEDISCON, "the session is over")
	case s.state == stateBroken:
		return 0, from, fail("recvfrom", s.broken, "the session is over")
	case s.state == stateClosed || s.st.closed:
		return 0, from, fail("recvfrom", winsock.WSAEINTR, "closed while waiting")
	default:
		return 0, from, fail("recvfrom", winsock.WSAETIMEDOUT, "")
	}
	n := copy(b, d.data)
	if n < len(d.data) {
		return n, d.from, fail("recvfrom", winsock.WSAEMSGSIZE, "the buffer is too short")
	}
	return n, d.from, nil
}

// AddSourceMembership receives (source, group) on a plain UDP socket
// (IP_ADD_SOURCE_MEMBERSHIP, MCAST_JOIN_SOURCE_GROUP): one membership a socket.
func (s *Socket) AddSourceMembership(group, source netip.Addr) error {
	const call = "setsockopt"
	now := s.st.begin()
	defer s.st.end(now)
	if err := s.check(call); err != nil {
		return err
	}
	switch {
	case s.proto.rooted():
		return fail(call, winsock.WSAENOPROTOOPT, "the join protocol's sockets join with WSAJoinLeaf")
	case s.state != stateBound:
		return fail(call, winsock.WSAEINVAL, "the socket is not bound, or joined")
	case !group.IsMulticast() || s.group.IsValid():
		return fail(call, winsock.WSAEADDRNOTAVAIL, group.String())
	}
	if err := s.joinGroup(now, netip.AddrPortFrom(group, s.local.Port()), source); err != nil {
		return err
	}
	return nil
}

// deliver gives a datagram to the socket behind the binding, where its source
// may be shown: a member's at the root, the root's at a leaf.
func (b *binding) deliver(o ip.Output) {
	s, d := b.sock, o.Datagram
	switch {
	case s.sess != nil:
		if s.sess.members[d.Src] == nil {
			return
		}
	case s.proto.rooted():
		if d.Src != s.from || d.Dst.Addr().IsMulticast() != b.group {
			return
		}
	case d.Dst.Addr().IsMulticast():
		if d.Dst.Addr() != s.group || s.source.IsValid() && d.Src.Addr() != s.source {
			return
		}
	}
	if s.inbox.put(d.Payload, d.Src) {
		s.post(winsock.FD_READ, 0)
	}
}

// errno is the one table from the IP layer's refusals to Winsock's numbers.
func errno(err error) winsock.Errno {
	for _, e := range []struct {
		err  error
		code winsock.Errno
	}{
		{ip.ErrMessageTooBig, winsock.WSAEMSGSIZE},
		{ip.ErrNoRoute, winsock.WSAENETUNREACH},
		{ip.ErrAddressInUse, winsock.WSAEADDRINUSE},
		{ip.ErrAddressNotAvailable, winsock.WSAEADDRNOTAVAIL},
		{ip.ErrAddress, winsock.WSAEADDRNOTAVAIL},
		{ip.ErrInterfaceDown, winsock.WSAENETDOWN},
		{ip.ErrNoInterface, winsock.WSAENETUNREACH},
		{ip.ErrNoPorts, winsock.WSAENOBUFS},
		{ip.ErrLimit, winsock.WSAENOBUFS},
		{group.ErrLimit, winsock.WSAENOBUFS},
	} {
		if errors.Is(err, e.err) {
			return e.code
		}
	}
	return winsock.WSAEINVAL
}
