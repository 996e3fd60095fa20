package stack

import (
	"net/netip"
	"time"

	"github.com/mpstack/mpstack/stack/ip"
	"github.com/mpstack/mpstack/stack/winsock"
)

// Causes of data frames.
const (
	causeMulticast = "data/multicast"
	causeUnicast   = "data/unicast"
)

// Send sends to the session: a root to every leaf, a leaf of a rooted session
// to the root, a member of a nonrooted one to the group. It fails with
// WSAENOTCONN outside of a session (D7), WSAEOPNOTSUPP where the socket is none
// that sends (W24, W131), WSAECONNRESET where the session is over (W47).
func (s *Socket) Send(b []byte) (int, error) {
	const call = "send"
	s.st.begin()
	defer s.st.end()
	if err := s.check(call); err != nil {
		return 0, err
	}
	s.rearm(winsock.FD_WRITE)
	if err := s.checkSend(call); err != nil {
		return 0, err
	}
	if !s.dest.IsValid() {
		return 0, fail(call, winsock.WSAENOTCONN, "the socket is in no session")
	}
	return s.send(call, b, s.dest)
}

// SendTo sends to dst, on the UDP entries to anywhere (D8). In a rooted session
// a leaf reaches the root alone and the root all leaves alone (W97). It fails
// as Send does.
func (s *Socket) SendTo(b []byte, dst netip.AddrPort) (int, error) {
	const call = "sendto"
	now := s.st.begin()
	defer s.st.end()
	if err := s.check(call); err != nil {
		return 0, err
	}
	s.rearm(winsock.FD_WRITE)
	switch {
	case !s.proto.takes(dst.Addr()):
		return 0, fail(call, winsock.WSAEAFNOSUPPORT, dst.String()+" is not of the socket's family")
	case dst.Addr().IsUnspecified() || dst.Port() == 0:
		return 0, fail(call, winsock.WSAEADDRNOTAVAIL, dst.String())
	}
	if err := s.checkSend(call); err != nil {
		return 0, err
	}
	switch {
	case s.proto.rooted() && !s.dest.IsValid():
		return 0, fail(call, winsock.WSAENOTCONN, "the socket is in no session")
	case s.proto.rooted() && dst != s.dest:
		return 0, fail(call, winsock.WSAEOPNOTSUPP, "W97: "+dst.String()+" is not the session's address")
	}
	if err := s.bindImplicitly(now, call, s.proto.any()); err != nil {
		return 0, err
	}
	return s.send(call, b, dst)
}

// checkSend refuses by what the socket is.
func (s *Socket) checkSend(call string) error {
	switch {
	case s.state == stateBroken:
		return fail(call, winsock.WSAECONNRESET, "W47: the session is over")
	case s.state == stateJoining:
		return fail(call, winsock.WSAENOTCONN, "D7: the join is pending")
	case s.root != nil:
		return fail(call, winsock.WSAEOPNOTSUPP, "W24: the root's socket for a leaf carries no data")
	case s.proto.rooted() && s.state == stateJoined && !s.dest.IsValid():
		return fail(call, winsock.WSAEOPNOTSUPP, "W131: the leaf only receives")
	}
	return nil
}

func (s *Socket) send(call string, b []byte, dst netip.AddrPort) (int, error) {
	d := ip.Datagram{Src: s.local, Dst: dst, Payload: b, DF: true, TTL: ip.DefaultTTL, Cause: causeUnicast}
	if dst.Addr().IsMulticast() {
		d.TTL, d.OutIf, d.Cause = s.ttl, s.groupIf, causeMulticast
		if d.OutIf == 0 {
			d.OutIf = s.groupInterface(dst.Addr())
		}
	}
	if s.sess != nil {
		d.Src, d.OutIf, d.TTL = s.sess.data, s.sess.ifIndex, s.sess.ttl
	}
	if d.TTL == 0 {
		return len(b), nil // W120: nothing on the wire
	}
	// An unspecified source is filled in by the IP layer.
	if err := s.st.ip.HandleSendUDP(s.st.drv.Now(), d); err != nil {
		return 0, fail(call, errno(err), err.Error())
	}
	return len(b), nil
}

// RecvFrom returns one datagram and where it came from. It copies at most
// len(b) bytes and fails with WSAEMSGSIZE where there are more; the rest is
// lost. Timeout bounds the wait (SO_RCVTIMEO; none where it is 0):
// WSAETIMEDOUT. After the end of the session what has come is returned first,
// then WSAEDISCON where the end was graceful, else FD_CLOSE's code.
func (s *Socket) RecvFrom(b []byte, timeout time.Duration) (int, netip.AddrPort, error) {
	d, err := s.receive(timeout)
	if err != nil {
		return 0, netip.AddrPort{}, err
	}
	n := copy(b, d.data)
	if n < len(d.data) {
		return n, d.from, fail(callRecv, winsock.WSAEMSGSIZE, "the buffer is too short")
	}
	return n, d.from, nil
}

const callRecv = "recvfrom"

// receive waits for one datagram.
func (s *Socket) receive(timeout time.Duration) (datagram, error) {
	s.st.begin()
	defer s.st.end()
	if err := s.check(callRecv); err != nil {
		return datagram{}, err
	}
	defer s.rearm(winsock.FD_READ)
	switch {
	case s.state == stateJoining:
		return datagram{}, fail(callRecv, winsock.WSAENOTCONN, "D7: the join is pending")
	case s.state == stateCreated:
		return datagram{}, fail(callRecv, winsock.WSAEINVAL, "the socket is not bound")
	case s.inbox.len() == 0 && s.nonblocking && s.state != stateBroken:
		return datagram{}, fail(callRecv, winsock.WSAEWOULDBLOCK, "no datagram waits")
	}
	s.st.wait(func() bool { return s.inbox.len() > 0 || s.state >= stateBroken || s.st.closed }, timeout)
	if s.state != stateClosed && !s.st.closed {
		if d, ok := s.inbox.get(); ok {
			return d, nil
		}
	}
	return datagram{}, s.nothing(timeout > 0)
}

// nothing says why no datagram came.
func (s *Socket) nothing(limited bool) error {
	switch {
	case s.state == stateClosed || s.st.closed:
		return fail(callRecv, winsock.WSAEINTR, "closed while waiting")
	case s.state == stateBroken && s.broken == 0:
		return fail(callRecv, winsock.WSAEDISCON, "the session is over")
	case s.state == stateBroken:
		return fail(callRecv, s.broken, "the session is over")
	case limited:
		return fail(callRecv, winsock.WSAETIMEDOUT, "no datagram came")
	}
	return fail(callRecv, winsock.WSAEINTR, "the driver was closed while waiting")
}

// deliver takes a datagram of one of the socket's bindings, where the socket
// may show it: a member's at the root, the root's at a leaf, a joined group's.
func (s *Socket) deliver(d *ip.Datagram) {
	group := d.Dst.Addr().IsMulticast()
	switch {
	case group && d.Dst.Addr() != s.group:
		s.st.drops.group++
	case !s.hears(d.Src, group):
		s.st.drops.source++
	case !s.inbox.put(d.Payload, d.Src):
		s.st.drops.full++
	default:
		s.post(winsock.FD_READ, 0)
	}
}

// hears reports whether data from src, to the socket's group or to itself, is
// the session's.
func (s *Socket) hears(src netip.AddrPort, group bool) bool {
	switch {
	case s.sess != nil:
		return s.sess.members[src] != nil
	case s.proto.rooted():
		return s.from.IsValid() && src == s.from
	}
	return !group || !s.source.IsValid() || src.Addr() == s.source
}
