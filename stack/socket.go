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
	stateJoining         // a join is under way
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

// Socket is a multipoint socket.
type Socket struct {
	st          *Stack
	proto       Protocol
	flags       uint32
	state       state
	local       netip.AddrPort
	udp         ip.UDPHandle // the binding of local
	nonblocking bool
	reuse       bool
	ttl         uint8
	broken      winsock.Errno // why stateBroken
	outcome     winsock.Errno // of the join last ended
	ev          events
	inbox       inbox

	qos         *winsock.QOS // SIO_SET_QOS
	flow        qos.FlowID
	indications machine.Queue[QOSStatus]

	lis   *listener // while listening
	sess  *session  // of a c_root: the session it owns
	root  *Socket   // of a root's c_leaf socket: the c_root
	asked *Socket   // where a pending join posts its outcome: s, or the c_root
	assoc mpj.AssocID
	member
}

// member is what a socket knows of the session it joined.
type member struct {
	peer     netip.AddrPort // the association's other end: data comes from, or goes to, it
	dest     netip.AddrPort // where Send goes
	from     netip.AddrPort // the only source that Recv shows; invalid: any
	group    netip.Addr     // joined group
	source   netip.Addr     // its source; invalid: any
	groupIf  int
	groupUDP ip.UDPHandle
	callee   *WSABuf
	join     joinDir // of a pending or complete join
	joining  bool    // of a c_root: a join it asked for is pending
}

// binding is one UDP binding of the IP layer and the socket behind it.
type binding struct {
	sock  *Socket
	group bool // takes the session's downstream data
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
	now := st.begin()
	defer st.end(now)
	if st.closed {
		return nil, fail("WSASocket", winsock.WSAENETDOWN, "the stack is closed")
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

func (s *Socket) multipoint() bool { return s.flags&(controlFlags|dataFlags) != 0 }

// check refuses calls on a closed socket or stack.
func (s *Socket) check(call string) error {
	switch {
	case s.state == stateClosed:
		return fail(call, winsock.WSAENOTSOCK, "the socket is closed")
	case s.st.closed:
		return fail(call, winsock.WSAENETDOWN, "the stack is closed")
	}
	return nil
}

// Bind gives the socket its local address; port 0 takes a free dynamic port.
func (s *Socket) Bind(a netip.AddrPort) error {
	now := s.st.begin()
	defer s.st.end(now)
	if err := s.check("bind"); err != nil {
		return err
	}
	switch {
	case s.state != stateCreated:
		return fail("bind", winsock.WSAEINVAL, "W18: the socket is bound")
	case !s.proto.takes(a.Addr()):
		return fail("bind", winsock.WSAEAFNOSUPPORT, "W52: address "+a.String()+" is not of the socket's family")
	case a.Addr().IsMulticast():
		return fail("bind", winsock.WSAEADDRNOTAVAIL, "D17: "+a.Addr().String()+" is a group")
	case !a.Addr().IsUnspecified() && !s.st.isLocal(a.Addr()):
		return fail("bind", winsock.WSAEADDRNOTAVAIL, a.Addr().String()+" is no address of this host")
	}
	return s.bind(now, "bind", a)
}

func (s *Socket) bind(now machine.Time, call string, a netip.AddrPort) error {
	h, err := s.st.ip.BindUDP(now, ip.Bind{Local: a, Reuse: s.reuse})
	if err != nil {
		return fail(call, errno(err), err.Error())
	}
	s.udp = h
	s.local, _ = s.st.ip.LocalAddr(h)
	s.st.udp[h] = &binding{sock: s}
	s.state = stateBound
	return nil
}

// bindImplicitly binds an unbound socket to any address (W18).
func (s *Socket) bindImplicitly(now machine.Time, call string, port uint16) error {
	if s.state != stateCreated {
		return nil
	}
	return s.bind(now, call, netip.AddrPortFrom(s.proto.any(), port))
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
// WSAENOTCONN where there is none.
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

// SetReuseAddr sets SO_REUSEADDR.
func (s *Socket) SetReuseAddr(on bool) {
	s.st.drv.Lock()
	s.reuse = on
	s.st.drv.Unlock()
}

// SetMulticastScope sets the TTL of multicast data (SIO_MULTICAST_SCOPE,
// W120-W122). Sessions take it when they are made.
func (s *Socket) SetMulticastScope(ttl uint8) {
	s.st.drv.Lock()
	s.ttl = ttl
	s.st.drv.Unlock()
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
func (s *Socket) Close() error {
	now := s.st.begin()
	defer s.st.end(now)
	if s.state == stateClosed {
		return fail("closesocket", winsock.WSAENOTSOCK, "the socket is closed")
	}
	s.close(now)
	return nil
}

func (s *Socket) close(now machine.Time) {
	s.leaveData(now)
	if s.lis != nil {
		s.closeListener(now)
	}
	if s.isRoot() && s.root == nil {
		s.dismantle(now)
	} else {
		s.leave(now)
	}
	if s.udp != 0 {
		s.st.ip.CloseUDP(now, s.udp)
		delete(s.st.udp, s.udp)
		s.udp = 0
	}
	s.state = stateClosed
	delete(s.st.sockets, s)
}

// leave ends the socket's association.
func (s *Socket) leave(now machine.Time) {
	if s.assoc == 0 {
		return
	}
	code := wirempj.Left
	if s.root != nil {
		code = wirempj.Dropped
	}
	s.dropAssoc(now, code)
}

// dropAssoc tells the peer and forgets the association.
func (s *Socket) dropAssoc(now machine.Time, code wirempj.Code) {
	if s.assoc == 0 {
		return
	}
	// An association that has ended by itself has nobody to be told.
	_ = s.st.mpj.Leave(now, s.assoc, code)
	delete(s.st.assocs, s.assoc)
	s.forgetMember()
	s.assoc = 0
	if s.asked != nil {
		s.asked.joining = false
		s.asked = nil
	}
}

// break ends the session of s for a reason that came from outside: FD_CLOSE
// (E10), and nothing but closing is left (W47).
func (s *Socket) breakOff(now machine.Time, code winsock.Errno) {
	s.leaveData(now)
	s.forgetMember()
	delete(s.st.assocs, s.assoc)
	s.assoc = 0
	s.state, s.broken = stateBroken, code
	s.post(winsock.FD_CLOSE, code)
}

// isLocal reports whether a is an address of this stack.
func (st *Stack) isLocal(a netip.Addr) bool {
	return st.ip.IsLocal(a)
}

// Wait blocks until the socket's session is over or the timeout passes (never
// where it is 0), and returns FD_CLOSE's code and whether it is over.
func (s *Socket) Wait(timeout time.Duration) (winsock.Errno, bool) {
	now := s.st.begin()
	defer s.st.end(now)
	ok := s.st.wait(func() bool { return s.state >= stateBroken || s.st.closed }, timeout)
	return s.broken, ok && s.state >= stateBroken
}
