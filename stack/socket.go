package stack

import (
	"net/netip"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/ip"
	"github.com/mpstack/mpstack/stack/mpj"
	"github.com/mpstack/mpstack/stack/qos"
	"github.com/mpstack/mpstack/stack/winsock"
	wirempj "github.com/mpstack/mpstack/wire/mpj"
)

// state is where a socket is in its life (winsock.md section 2.3).
type state uint8

const (
	stateCreated   state = iota
	stateBound           // has a local address
	stateListening       // takes join requests
	stateJoining         // about to become a member
	stateJoined          // member of a session
	stateBroken          // the session is over; only closing is left
	stateClosed
)

// defaultTTL is the data TTL of sessions made by the join protocol; the UDP
// entries start at 1 (W121).
const (
	defaultTTL    = 32
	defaultUDPTTL = 1
)

// Socket is a multipoint socket. Its calls may be made from any goroutine;
// Close ends those that block.
type Socket struct {
	st    *Stack
	proto Protocol
	flags uint32

	// What follows is guarded by the stack's lock.

	state       state
	local       netip.AddrPort
	udp         ip.UDPHandle // the binding of local; 0 where another socket's is used
	nonblocking bool
	reuse       bool
	ttl         uint8
	broken      winsock.Errno // why stateBroken
	ev          events
	inbox       inbox

	qos         *winsock.QOS // as SetQOS and joins state it; nil: not at all
	flow        qos.FlowID   // its part in an RSVP session; 0: none
	indications machine.Queue[QOSStatus]

	lis     *listener // while listening
	sess    *session  // of a c_root: the session it owns
	root    *Socket   // of a root's c_leaf socket: the c_root
	attempt *attempt  // the join that was asked for on s, or that makes s a member
	assoc   mpj.AssocID
	member
}

// member is what a socket knows of the session it joined. The zero value is no
// session.
type member struct {
	peer     netip.AddrPort // the association's other end, or the group
	dest     netip.AddrPort // where Send goes; invalid: it may not
	from     netip.AddrPort // rooted data: the only source that Recv shows
	group    netip.Addr     // joined group
	source   netip.Addr     // its source; invalid: any
	groupIf  int
	groupUDP ip.UDPHandle // the binding of the group; 0: that of local takes its data
	place    qos.Endpoint // in the RSVP session; Session is invalid where there is none
}

// WSABuf is Winsock's WSABUF as an in and out parameter: Len is the capacity
// offered before a call and the bytes used after it.
type WSABuf struct {
	Len uint32
	Buf []byte
}

// Socket makes a socket (WSASocket) of the catalogue entry p; flags are
// WSA_FLAG_ bits. It fails with WSAEINVAL where the roles do not fit the
// entry (W90-W96).
func (st *Stack) Socket(p Protocol, flags uint32) (*Socket, error) {
	st.begin()
	defer st.end()
	if st.closed {
		return nil, fail("WSASocket", winsock.WSANOTINITIALISED, "W49: the stack is closed")
	}
	if rule, ok := p.checkFlags(flags); !ok {
		return nil, fail("WSASocket", winsock.WSAEINVAL, rule)
	}
	s := &Socket{st: st, proto: p, flags: flags, ttl: defaultUDPTTL}
	if p.rooted() {
		s.ttl = defaultTTL
	}
	st.sockets[s] = struct{}{}
	return s, nil
}

func (s *Socket) isRoot() bool { return s.flags&winsock.WSA_FLAG_MULTIPOINT_C_ROOT != 0 }

func (s *Socket) isDataRoot() bool { return s.flags&winsock.WSA_FLAG_MULTIPOINT_D_ROOT != 0 }

func (s *Socket) multipoint() bool { return s.flags&(controlFlags|dataFlags) != 0 }

// check refuses calls on a closed stack (W49) or socket (W68).
func (s *Socket) check(call string) error {
	switch {
	case s.st.closed:
		return fail(call, winsock.WSANOTINITIALISED, "W49: the stack is closed")
	case s.state == stateClosed:
		return fail(call, winsock.WSAENOTSOCK, "W68: the socket is closed")
	}
	return nil
}

// Bind gives the socket its local address; port 0 takes a free dynamic port. It
// fails with WSAEINVAL on a socket that is bound (W18), WSAEADDRINUSE, and
// WSAEADDRNOTAVAIL for an address that is not this host's, groups among them
// (D17).
func (s *Socket) Bind(a netip.AddrPort) error {
	const call = "bind"
	now := s.st.begin()
	defer s.st.end()
	if err := s.check(call); err != nil {
		return err
	}
	switch {
	case !a.IsValid():
		return fail(call, winsock.WSAEFAULT, "no address")
	case s.state != stateCreated:
		return fail(call, winsock.WSAEINVAL, "W18: the socket is bound")
	case !s.proto.takes(a.Addr()):
		return fail(call, winsock.WSAEAFNOSUPPORT, "W52: address "+a.String()+" is not of the socket's family")
	case a.Addr().IsMulticast():
		return fail(call, winsock.WSAEADDRNOTAVAIL, "D17: "+a.Addr().String()+" is a group")
	case !a.Addr().IsUnspecified() && !s.st.isLocal(a.Addr()):
		return fail(call, winsock.WSAEADDRNOTAVAIL, a.Addr().String()+" is no address of this host")
	}
	return s.bind(now, call, a)
}

func (s *Socket) bind(now machine.Time, call string, a netip.AddrPort) error {
	h, err := s.st.ip.BindUDP(now, ip.Bind{Local: a, Reuse: s.reuse})
	if err != nil {
		return fail(call, errno(err), err.Error())
	}
	s.udp = h
	s.local, _ = s.st.ip.LocalAddr(h)
	s.st.udp[h] = s
	s.state = stateBound
	return nil
}

// bindImplicitly gives an unbound socket a unique port at addr (W18).
func (s *Socket) bindImplicitly(now machine.Time, call string, addr netip.Addr) error {
	if s.state != stateCreated {
		return nil
	}
	return s.bind(now, call, netip.AddrPortFrom(addr, 0))
}

func (s *Socket) unbind(now machine.Time) {
	if s.udp == 0 {
		return
	}
	_ = s.st.ip.CloseUDP(now, s.udp) // fails for unknown handles alone
	delete(s.st.udp, s.udp)
	s.udp = 0
}

// LocalAddr returns the bound address (getsockname); WSAEINVAL before bind.
func (s *Socket) LocalAddr() (netip.AddrPort, error) {
	s.st.drv.Lock()
	defer s.st.drv.Unlock()
	if err := s.check("getsockname"); err != nil {
		return netip.AddrPort{}, err
	}
	if !s.local.IsValid() {
		return netip.AddrPort{}, fail("getsockname", winsock.WSAEINVAL, "the socket is not bound")
	}
	return s.local, nil
}

// PeerAddr returns the session's or the association's other end (getpeername);
// WSAENOTCONN where there is none, or not yet (D7).
func (s *Socket) PeerAddr() (netip.AddrPort, error) {
	s.st.drv.Lock()
	defer s.st.drv.Unlock()
	if err := s.check("getpeername"); err != nil {
		return netip.AddrPort{}, err
	}
	if s.state != stateJoined {
		return netip.AddrPort{}, fail("getpeername", winsock.WSAENOTCONN, "")
	}
	return s.peer, nil
}

// SetReuseAddr sets SO_REUSEADDR, which counts when the socket is bound.
func (s *Socket) SetReuseAddr(on bool) {
	s.st.drv.Lock()
	defer s.st.drv.Unlock()
	s.reuse = on
}

// SetMulticastScope sets the TTL of multicast data (SIO_MULTICAST_SCOPE,
// W120-W122). A c_root's session takes it when it is made: at Listen or at the
// first JoinLeaf.
func (s *Socket) SetMulticastScope(ttl uint8) {
	s.st.drv.Lock()
	defer s.st.drv.Unlock()
	s.ttl = ttl
}

// SetNonblocking sets FIONBIO. It fails with WSAEINVAL for false while events
// are selected (E1).
func (s *Socket) SetNonblocking(on bool) error {
	s.st.drv.Lock()
	defer s.st.drv.Unlock()
	if err := s.check("ioctlsocket"); err != nil {
		return err
	}
	if !on && s.ev.mask != 0 {
		return fail("ioctlsocket", winsock.WSAEINVAL, "E1: events are selected")
	}
	s.nonblocking = on
	return nil
}

// Close closes the socket (closesocket): it leaves its session, cancels its
// pending join (W17), and, a c_root, ends the session for every leaf (W108).
// Calls that block on it end with WSAEINTR. It does not wait for the peers'
// answers: see [Stack.Linger].
func (s *Socket) Close() error {
	now := s.st.begin()
	defer s.st.end()
	if s.state == stateClosed {
		return fail("closesocket", winsock.WSAENOTSOCK, "W68: the socket is closed")
	}
	s.close(now, wirempj.Left)
	return nil
}

// close closes the socket; code is told to its association's other end.
func (s *Socket) close(now machine.Time, code wirempj.Code) {
	if s.root != nil && code == wirempj.Left {
		code = wirempj.Dropped
	}
	s.cancelAttempt(now)
	s.leaveSession(now, code)
	if s.lis != nil {
		s.closeListener(now)
	}
	s.dismantle(now)
	s.unbind(now)
	s.state = stateClosed
	delete(s.st.sockets, s)
}

// breakOff ends the session of s for a reason that came from outside: FD_CLOSE
// (E10), and nothing but closing is left (W47).
func (s *Socket) breakOff(now machine.Time, code winsock.Errno) {
	s.leaveSession(now, wirempj.Left)
	s.state, s.broken = stateBroken, code
	s.post(winsock.FD_CLOSE, code)
}

// leaveSession takes s out of what it joined; code is told to the
// association's other end, where there still is one.
func (s *Socket) leaveSession(now machine.Time, code wirempj.Code) {
	s.closeFlow(now)
	s.leaveGroup(now)
	s.dropAssoc(now, code)
	s.forgetMember()
	s.member = member{}
}

// dropAssoc tells the peer and forgets the association.
func (s *Socket) dropAssoc(now machine.Time, code wirempj.Code) {
	if s.assoc == 0 {
		return
	}
	// An association that has ended by itself has nobody to be told.
	_ = s.st.mpj.Leave(now, s.assoc, code)
	delete(s.st.assocs, s.assoc)
	s.assoc = 0
}

// Wait blocks until the socket's session is over or the timeout passes (never
// where it is 0), and returns FD_CLOSE's code and whether it is over: also
// where the socket was closed, with code 0.
func (s *Socket) Wait(timeout time.Duration) (winsock.Errno, bool) {
	s.st.begin()
	defer s.st.end()
	s.st.wait(func() bool { return s.state >= stateBroken || s.st.closed }, timeout)
	return s.broken, s.state >= stateBroken
}
