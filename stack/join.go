package stack

import (
	"net/netip"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/mpj"
	"github.com/mpstack/mpstack/stack/qos"
	"github.com/mpstack/mpstack/stack/winsock"
	wirempj "github.com/mpstack/mpstack/wire/mpj"
)

// Join is the inputs of WSAJoinLeaf beside the socket. Name is the root's or
// the leaf's address, or the session's group on a UDP entry.
type Join struct {
	Name       netip.AddrPort
	CallerData []byte       // goes to the peer's condition function; nil: none
	CalleeData *WSABuf      // Len is the room offered; valid when the join is complete; nil: discard (W39)
	SQOS       *winsock.QOS // overrides an earlier SetQOS (W41); nil leaves it in force (W46)
	GQOS       *winsock.QOS // reserved
	Flags      uint32       // JL_ bits
}

// JoinLeaf joins a leaf to a session (WSAJoinLeaf). On a c_leaf socket it
// joins s to the root or group named, and returns s. On a c_root it invites
// the leaf named, and returns a new c_leaf socket for it. A nonblocking socket
// gets its descriptor at once and FD_CONNECT on s when the join is over.
func (s *Socket) JoinLeaf(j Join) (*Socket, error) {
	now := s.st.begin()
	defer s.st.end(now)
	dir, err := s.checkJoin(&j)
	if err != nil {
		return nil, err
	}
	if j.SQOS != nil {
		q := j.SQOS.Clone()
		s.qos = &q
	}
	if !s.proto.rooted() {
		return s, s.joinGroupSession(now, j.Name, dir)
	}
	leaf, err := s.ask(now, j, dir)
	if err != nil || s.nonblocking {
		return leaf, err
	}
	return s.awaitJoin(leaf)
}

// awaitJoin blocks until the join of leaf, asked for on s, is over.
func (s *Socket) awaitJoin(leaf *Socket) (*Socket, error) {
	s.st.wait(func() bool { return leaf.state != stateJoining || s.st.closed }, 0)
	switch {
	case leaf.state == stateJoined:
		return leaf, nil
	case s.st.closed || leaf.state == stateClosed:
		return nil, fail("WSAJoinLeaf", winsock.WSAEINTR, "W63: closed while the join was pending")
	}
	return nil, fail("WSAJoinLeaf", leaf.outcome, "to the name given")
}

// joinDir is what JL_ flags ask for, seen from the asker.
type joinDir struct{ sends, receives bool }

// checkJoin refuses in the order of D16.
func (s *Socket) checkJoin(j *Join) (joinDir, error) {
	const call = "WSAJoinLeaf"
	var none joinDir
	if err := s.check(call); err != nil {
		return none, err
	}
	dir, ok := joinDirOf(j.Flags)
	pending := s.state == stateJoining || s.joining
	switch {
	case !j.Name.IsValid():
		return none, fail(call, winsock.WSAEFAULT, "W55: no name")
	case !s.multipoint():
		return none, fail(call, winsock.WSAEINVAL, "W61: the socket was made without multipoint flags")
	case !ok:
		return none, fail(call, winsock.WSAEINVAL, "D6: dwFlags")
	case s.state == stateListening && !s.isRoot():
		return none, fail(call, winsock.WSAEINVAL, "D14: a listening leaf")
	case !s.proto.takes(j.Name.Addr()):
		return none, fail(call, winsock.WSAEAFNOSUPPORT, "W52: "+j.Name.String()+" is not of the socket's family")
	case j.Name.Addr().IsUnspecified(), s.proto.rooted() && (j.Name.Port() == 0 || j.Name.Addr().IsMulticast()):
		return none, fail(call, winsock.WSAEADDRNOTAVAIL, "W51: "+j.Name.String())
	case pending:
		return none, fail(call, winsock.WSAEALREADY, "W11: a join is pending")
	case s.state == stateJoined:
		return none, fail(call, winsock.WSAEISCONN, "W13: the socket is a member")
	case s.state == stateBroken:
		return none, fail(call, winsock.WSAEINVAL, "W47: the session broke; make a new socket")
	}
	return dir, s.checkJoinData(j)
}

// checkJoinData checks connect data and QoS.
func (s *Socket) checkJoinData(j *Join) error {
	const call = "WSAJoinLeaf"
	connectData := s.proto.has(winsock.XP1_CONNECT_DATA)
	switch {
	case len(j.CallerData) > 0 && !connectData:
		return fail(call, winsock.WSAEPROTONOSUPPORT, "W70: the protocol carries no caller data")
	case len(j.CallerData) > wirempj.MaxUserData:
		return fail(call, winsock.WSAEFAULT, "W60: caller data of more than 896 bytes")
	}
	if j.CalleeData != nil {
		if int(j.CalleeData.Len) > len(j.CalleeData.Buf) {
			return fail(call, winsock.WSAEFAULT, "W57: callee data buffer is shorter than its length")
		}
		if !connectData {
			j.CalleeData.Len = 0
		}
	}
	if j.SQOS != nil {
		if code := qos.Check(j.SQOS); code != 0 {
			return fail(call, code, "lpSQOS")
		}
	}
	return nil
}

// joinDirOf reads JL_ flags; JL_SENDER_ONLY|JL_RECEIVER_ONLY is JL_BOTH (D6).
func joinDirOf(flags uint32) (joinDir, bool) {
	const both = winsock.JL_SENDER_ONLY | winsock.JL_RECEIVER_ONLY
	if flags == 0 || flags&^uint32(both|winsock.JL_BOTH) != 0 {
		return joinDir{}, false
	}
	all := flags&winsock.JL_BOTH != 0
	return joinDir{
		sends:    all || flags&winsock.JL_SENDER_ONLY != 0,
		receives: all || flags&winsock.JL_RECEIVER_ONLY != 0,
	}, true
}

// joinGroupSession joins a nonrooted session: a group membership (W29, W103-W105).
func (s *Socket) joinGroupSession(now machine.Time, name netip.AddrPort, dir joinDir) error {
	const call = "WSAJoinLeaf"
	if !name.Addr().IsMulticast() {
		return fail(call, winsock.WSAEADDRNOTAVAIL, name.Addr().String()+" is no group")
	}
	if err := s.bindImplicitly(now, call, name.Port()); err != nil {
		return err
	}
	if name.Port() == 0 { // D5
		if dir.sends {
			return fail(call, winsock.WSAEADDRNOTAVAIL, "D5: a sender needs a port")
		}
		name = netip.AddrPortFrom(name.Addr(), s.local.Port())
	}
	ifIndex := s.interfaceFor(name.Addr())
	if ifIndex == 0 {
		return fail(call, winsock.WSAENETUNREACH, "W66: no interface for multicast")
	}
	if dir.receives { // W125: a sender is no member
		if err := s.joinGroup(now, name, netip.Addr{}); err != nil {
			return err
		}
	}
	s.dest, s.peer, s.groupIf, s.state = name, name, ifIndex, stateJoined
	if s.qos != nil {
		if err := s.openFlow(now, s.groupEndpoint(name, dir), s.qos); err != nil {
			s.leaveData(now)
			s.dest, s.state = netip.AddrPort{}, stateBound
			return err
		}
	}
	s.post(winsock.FD_CONNECT, 0)
	s.post(winsock.FD_WRITE, 0)
	return nil
}

// groupEndpoint is the socket's place in the RSVP session of a group (Q8, Q9).
func (s *Socket) groupEndpoint(name netip.AddrPort, dir joinDir) qos.Endpoint {
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

// ask starts the join protocol's handshake.
func (s *Socket) ask(now machine.Time, j Join, dir joinDir) (*Socket, error) {
	const call = "WSAJoinLeaf"
	if err := s.bindImplicitly(now, call, 0); err != nil {
		return nil, err
	}
	ifIndex, src, _, ok := s.st.ip.RouteTo(j.Name.Addr())
	if !ok {
		return nil, fail(call, winsock.WSAENETUNREACH, "W66: no route to "+j.Name.Addr().String())
	}
	if a := s.local.Addr(); !a.IsUnspecified() {
		src = a
	}
	leaf := s
	req := mpj.Join{
		Local: netip.AddrPortFrom(src, s.local.Port()), IfIndex: ifIndex, Target: j.Name,
		CallerData: j.CallerData, HasCallerData: j.CallerData != nil,
		CalleeRoom: wirempj.RoomDiscard, Role: s.role(dir),
	}
	if j.CalleeData != nil {
		req.CalleeRoom = uint16(min(j.CalleeData.Len, wirempj.MaxUserData))
	}
	if s.qos != nil {
		req.QOS = s.qos
	}
	if s.isRoot() {
		ss, err := s.session(call)
		if err != nil {
			return nil, err
		}
		if err := s.openRootFlow(now); err != nil {
			return nil, err
		}
		req.Local, req.Session = ss.data, ss.offer()
		leaf = s.newLeaf()
	}
	id, err := s.st.mpj.Join(now, req)
	if err != nil {
		if leaf != s {
			leaf.close(now)
		}
		return nil, fail(call, codeOf(err, winsock.WSAENOBUFS), err.Error())
	}
	leaf.state, leaf.assoc, leaf.asked, leaf.callee = stateJoining, id, s, j.CalleeData
	leaf.peer = j.Name
	leaf.join = dir
	s.joining = true
	s.st.assocs[id] = leaf
	return leaf, nil
}

// role is the socket's role as JOIN states it.
func (s *Socket) role(dir joinDir) wirempj.Role {
	r := wirempj.Role{Control: wirempj.ControlLeaf, Data: wirempj.DataLeaf}
	if s.flags&winsock.WSA_FLAG_MULTIPOINT_C_ROOT != 0 {
		r.Control = wirempj.ControlRoot
	}
	if s.flags&winsock.WSA_FLAG_MULTIPOINT_D_ROOT != 0 {
		r.Data = wirempj.DataRoot
	}
	if s.proto.has(winsock.XP1_MULTIPOINT_CONTROL_PLANE) {
		r.Planes |= wirempj.RootedControl
	}
	if s.proto.has(winsock.XP1_MULTIPOINT_DATA_PLANE) {
		r.Planes |= wirempj.RootedData
	}
	switch {
	case dir.sends && dir.receives:
		r.JL = wirempj.Both
	case dir.sends:
		r.JL = wirempj.SenderOnly
	default:
		r.JL = wirempj.ReceiverOnly
	}
	return r
}

// newLeaf returns a root's c_leaf socket: the root's properties, events
// included (W22, W23, A2).
func (s *Socket) newLeaf() *Socket {
	leaf := &Socket{
		st: s.st, proto: s.proto, nonblocking: s.nonblocking, ttl: s.ttl, local: s.local,
		flags: winsock.WSA_FLAG_MULTIPOINT_C_LEAF | winsock.WSA_FLAG_MULTIPOINT_D_LEAF,
	}
	leaf.ev.object, leaf.ev.mask = s.ev.object, s.ev.mask
	if s.isRoot() {
		leaf.root = s
	}
	s.st.sockets[leaf] = struct{}{}
	return leaf
}

// joined ends a join with success.
func (s *Socket) joined(now machine.Time, e mpj.Event) {
	if err := s.enter(now, e.Session); err != nil {
		s.joinFailed(now, winsock.WSAENOBUFS, wirempj.Left)
		return
	}
	if s.callee != nil {
		s.callee.Len = uint32(copy(s.callee.Buf, e.CalleeData))
	}
	s.state = stateJoined
	s.endJoin(0)
}

// enter gives the joined socket its place in the session: at the root among
// the members, at a leaf in the data plane.
func (s *Socket) enter(now machine.Time, ss *mpj.Session) error {
	if s.root != nil {
		s.root.sess.add(s)
		return nil
	}
	return s.enterData(now, ss, s.join.receives, s.join.sends)
}

// joinFailed ends a join without success: the socket may try again (W15); a
// root's new c_leaf socket is of no more use.
func (s *Socket) joinFailed(now machine.Time, code winsock.Errno, leave wirempj.Code) {
	asked := s.asked
	s.leaveData(now)
	s.dropAssoc(now, leave)
	s.outcome = code
	if s.root != nil {
		s.state, s.broken = stateBroken, code
	} else {
		s.state = stateBound
	}
	s.asked = asked
	s.endJoin(code)
}

// endJoin posts FD_CONNECT on the socket that asked (W6-W8).
func (s *Socket) endJoin(code winsock.Errno) {
	asked := s.asked
	s.asked = nil
	asked.joining = false
	asked.post(winsock.FD_CONNECT, code)
	if code == 0 {
		asked.post(winsock.FD_WRITE, 0)
	}
}
