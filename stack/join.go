package stack

import (
	"errors"
	"net/netip"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/mpj"
	"github.com/mpstack/mpstack/stack/qos"
	"github.com/mpstack/mpstack/stack/winsock"
	wirempj "github.com/mpstack/mpstack/wire/mpj"
)

const callJoin = "WSAJoinLeaf"

// Join is the inputs of WSAJoinLeaf beside the socket. Name is the root's or
// the leaf's address, or the session's group on a UDP entry. Nothing that it
// points to is kept after the call, but for CalleeData, which is written when
// the join ends (W33).
type Join struct {
	Name       netip.AddrPort
	CallerData []byte       // goes to the peer's condition function; nil: none
	CalleeData *WSABuf      // Len is the room offered; valid when the join is complete; nil: discard (W39)
	SQOS       *winsock.QOS // overrides an earlier SetQOS (W41); nil leaves it in force (W46)
	GQOS       *winsock.QOS // reserved, and not looked at (D11)
	Flags      uint32       // JL_ bits
}

// joinDir is what JL_ flags ask for, seen from the asker.
type joinDir struct{ sends, receives bool }

// attempt is a join under way.
type attempt struct {
	asker    *Socket // gets FD_CONNECT
	leaf     *Socket // becomes a member: the asker, or a c_root's new socket
	dir      joinDir
	callee   *WSABuf
	blocking bool
	over     bool
	outcome  winsock.Errno // of one that is over
}

// JoinLeaf joins a leaf to a session (WSAJoinLeaf). On a c_leaf socket it
// joins s to the root or group named, and returns s (W28, W29). On a c_root it
// invites the leaf named, and returns a new c_leaf socket for it (W22). A
// blocking socket waits for the outcome. A nonblocking one gets its descriptor
// at once and FD_CONNECT on s when the join is over (W4-W8); until then the
// descriptor is good for Close alone, which cancels the join (W16, W17).
//
// Refusals come in the order of D16: WSANOTINITIALISED, WSAENOTSOCK,
// WSAEINPROGRESS (W64: called from a condition function of s),
// WSAEFAULT (no name), WSAEINVAL (no multipoint socket, flags, a listening
// c_leaf, a broken session), WSAEAFNOSUPPORT, WSAEADDRNOTAVAIL, WSAEALREADY
// (W11), WSAEISCONN (W13), WSAEPROTONOSUPPORT (W70), WSAEFAULT (sizes), the
// WSA_QOS codes of bad QoS, WSAEADDRINUSE, WSAENOBUFS, WSAENETUNREACH. The
// network's outcomes are WSAECONNREFUSED, WSAENETUNREACH, WSAETIMEDOUT, after
// which s may join again (W15), WSAEFAULT where the callee data found no room,
// WSAEOPNOTSUPP where the QoS cannot be had, and WSAEINTR where s was closed.
func (s *Socket) JoinLeaf(j Join) (*Socket, error) {
	now := s.st.begin()
	defer s.st.end()
	dir, err := s.checkJoin(&j)
	if err != nil {
		return nil, err
	}
	if j.CalleeData != nil && !s.proto.has(winsock.XP1_CONNECT_DATA) {
		j.CalleeData.Len = 0 // D3
	}
	before := s.qos
	if j.SQOS != nil {
		s.qos = overlay(s.qos, j.SQOS)
	}
	a, err := s.start(now, j, dir)
	switch {
	case err != nil:
		s.qos = before
		return nil, err
	case a.over || !a.blocking:
		return a.leaf, nil
	}
	return s.await(a)
}

// start starts a join. A nonrooted one is over at once.
func (s *Socket) start(now machine.Time, j Join, dir joinDir) (*attempt, error) {
	if !s.proto.rooted() {
		return &attempt{leaf: s, over: true}, s.joinNonrooted(now, j.Name, dir)
	}
	return s.ask(now, j, dir)
}

// await blocks until the join is over.
func (s *Socket) await(a *attempt) (*Socket, error) {
	s.st.wait(func() bool { return a.over || s.st.closed }, 0)
	switch {
	case !a.over:
		return nil, fail(callJoin, winsock.WSAEINTR, "W63: the stack was closed while the join was pending")
	case a.outcome == winsock.WSAEINTR:
		return nil, fail(callJoin, a.outcome, "W63: closed while the join was pending")
	case a.outcome != 0:
		return nil, fail(callJoin, a.outcome, "to the name given")
	}
	return a.leaf, nil
}

// checkJoin refuses in the order of D16.
func (s *Socket) checkJoin(j *Join) (joinDir, error) {
	if err := s.check(callJoin); err != nil {
		return joinDir{}, err
	}
	dir, known := joinDirOf(j.Flags)
	refuse := func(code winsock.Errno, reason string) (joinDir, error) {
		return joinDir{}, fail(callJoin, code, reason)
	}
	switch {
	case s.lis != nil && s.lis.calls():
		return refuse(winsock.WSAEINPROGRESS, "W64: called from a condition function of the socket")
	case !j.Name.IsValid():
		return refuse(winsock.WSAEFAULT, "W55: no name")
	case !s.multipoint():
		return refuse(winsock.WSAEINVAL, "W61: the socket was made without multipoint flags")
	case !known:
		return refuse(winsock.WSAEINVAL, "D6: dwFlags")
	case s.lis != nil && !s.isRoot():
		return refuse(winsock.WSAEINVAL, "D14: a listening leaf")
	case s.state == stateBroken:
		return refuse(winsock.WSAEINVAL, "W47: the session broke; make a new socket")
	case !s.proto.takes(j.Name.Addr()):
		return refuse(winsock.WSAEAFNOSUPPORT, "W52: "+j.Name.String()+" is not of the socket's family")
	case !s.proto.nameable(j.Name, dir):
		return refuse(winsock.WSAEADDRNOTAVAIL, "W51: "+j.Name.String())
	case s.attempt != nil:
		return refuse(winsock.WSAEALREADY, "W11: a join is pending")
	case s.state == stateJoined:
		return refuse(winsock.WSAEISCONN, "W13: the socket is a member")
	}
	return dir, s.checkJoinData(j)
}

// nameable reports whether a session or peer can have the name: a group with a
// port, which a receiver may leave to its bound one (D5), on the nonrooted
// entries; on the rooted ones a unicast address with a port, link-local ones
// not among them, since the arrival interface is their zone.
func (p Protocol) nameable(name netip.AddrPort, dir joinDir) bool {
	a := name.Addr()
	if !p.rooted() {
		return a.IsMulticast() && (name.Port() != 0 || !dir.sends)
	}
	return name.Port() != 0 && !a.IsUnspecified() && !a.IsMulticast() && !a.IsLinkLocalUnicast()
}

// checkJoinData checks connect data and QoS.
func (s *Socket) checkJoinData(j *Join) error {
	switch {
	case len(j.CallerData) > 0 && !s.proto.has(winsock.XP1_CONNECT_DATA):
		return fail(callJoin, winsock.WSAEPROTONOSUPPORT, "W70: the protocol carries no caller data")
	case len(j.CallerData) > wirempj.MaxUserData:
		return fail(callJoin, winsock.WSAEFAULT, "W60: caller data of more than 896 bytes")
	case j.CalleeData != nil && int64(j.CalleeData.Len) > int64(len(j.CalleeData.Buf)):
		return fail(callJoin, winsock.WSAEFAULT, "W57: callee data buffer is shorter than its length")
	case j.SQOS == nil:
		return nil
	case !s.proto.has(winsock.XP1_QOS_SUPPORTED):
		return fail(callJoin, winsock.WSAEOPNOTSUPP, "W43: the protocol has no QoS")
	}
	if code := qos.Check(j.SQOS); code != 0 {
		return fail(callJoin, code, "Q40: lpSQOS")
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

// ask starts the join protocol's handshake.
func (s *Socket) ask(now machine.Time, j Join, dir joinDir) (*attempt, error) {
	ifIndex, src, _, ok := s.st.ip.RouteTo(j.Name.Addr())
	if !ok {
		return nil, fail(callJoin, winsock.WSAENETUNREACH, "W66: no route to "+j.Name.Addr().String())
	}
	if err := s.bindImplicitly(now, callJoin, src); err != nil {
		return nil, err
	}
	req, leaf := s.request(&j, dir, ifIndex, src), s
	if s.isRoot() {
		if err := s.invite(now, &j, &req); err != nil {
			return nil, err
		}
		leaf = s.newLeaf()
	}
	id, err := s.st.mpj.Join(now, req)
	if err != nil {
		if leaf != s {
			leaf.close(now, wirempj.Cancel)
		}
		return nil, fail(callJoin, codeOf(err, winsock.WSAENOBUFS), err.Error())
	}
	leaf.state, leaf.assoc, leaf.peer, leaf.local = stateJoining, id, j.Name, leaf.localOr(req.Local)
	s.st.assocs[id] = leaf
	a := &attempt{asker: s, leaf: leaf, dir: dir, callee: j.CalleeData, blocking: !s.nonblocking}
	s.attempt, leaf.attempt = a, a
	s.ev.renew(winsock.FD_CONNECT)
	return a, nil
}

// request is what JOIN says; src is our address on the way to the peer.
func (s *Socket) request(j *Join, dir joinDir, ifIndex int, src netip.Addr) mpj.Join {
	if a := s.local.Addr(); !a.IsUnspecified() {
		src = a
	}
	req := mpj.Join{
		Local: netip.AddrPortFrom(src, s.local.Port()), IfIndex: ifIndex, Target: j.Name,
		CallerData: j.CallerData, HasCallerData: j.CallerData != nil,
		CalleeRoom: wirempj.RoomDiscard, Role: s.role(dir), QOS: s.qos,
	}
	if j.CalleeData != nil {
		req.CalleeRoom = uint16(min(j.CalleeData.Len, wirempj.MaxUserData))
	}
	return req
}

// invite makes a request the invitation to a root's session, which takes over
// the QoS of the call.
func (s *Socket) invite(now machine.Time, j *Join, req *mpj.Join) error {
	ss, err := s.session(callJoin)
	if err != nil {
		return err
	}
	if err := s.applyQOS(now, j.SQOS); err != nil {
		return joinFailure(err)
	}
	req.Local, req.Session = ss.data, ss.offer()
	return nil
}

// localOr returns the local address of a socket with a binding, else a.
func (s *Socket) localOr(a netip.AddrPort) netip.AddrPort {
	if s.udp != 0 {
		return s.local
	}
	return a
}

// role is the socket's role as JOIN states it.
func (s *Socket) role(dir joinDir) wirempj.Role {
	r := wirempj.Role{Control: wirempj.ControlLeaf, Data: wirempj.DataLeaf, Planes: s.proto.planes()}
	if s.isRoot() {
		r.Control = wirempj.ControlRoot
	}
	if s.isDataRoot() {
		r.Data = wirempj.DataRoot
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

// newLeaf returns a c_leaf socket for a member of s's session, or for the
// session that s, a listening leaf, was invited to: it has the properties of s,
// events included (W22, W23, A2, E3).
func (s *Socket) newLeaf() *Socket {
	leaf := &Socket{
		st: s.st, proto: s.proto, nonblocking: s.nonblocking, ttl: s.ttl, local: s.local,
		flags: s.flags&^(controlFlags|dataFlags) | winsock.WSA_FLAG_MULTIPOINT_C_LEAF | winsock.WSA_FLAG_MULTIPOINT_D_LEAF,
		ev:    events{object: s.ev.object, mask: s.ev.mask},
	}
	if s.isRoot() {
		leaf.root = s
	}
	s.st.sockets[leaf] = struct{}{}
	return leaf
}

// joined takes the association's answer to the join that makes s a member.
func (s *Socket) joined(now machine.Time, e *mpj.Event) {
	a := s.attempt
	a.fill(e)
	if err := s.enter(now, a.dir, e); err != nil {
		leave := wirempj.Left
		if code := codeOf(joinFailure(err), winsock.WSAENOBUFS); code == winsock.WSAEOPNOTSUPP {
			leave = wirempj.QOSFailed
		}
		s.joinFailed(now, codeOf(joinFailure(err), winsock.WSAENOBUFS), leave)
		return
	}
	s.state = stateJoined
	a.end(now, 0)
}

// enter gives the joined socket its place in the session: at the root among
// the members, at a leaf in the data plane, with the QoS that was negotiated
// (A12).
func (s *Socket) enter(now machine.Time, dir joinDir, e *mpj.Event) error {
	if s.root != nil {
		s.root.sess.add(s)
		return nil
	}
	if s.qos != nil && e.QOS != nil {
		q := qos.Lower(*s.qos, *e.QOS)
		s.qos = &q
	}
	return s.enterData(now, callJoin, e.Session, dir)
}

// refused takes the association's refusal.
func (s *Socket) refused(now machine.Time, e *mpj.Event) {
	a := s.attempt
	a.fill(e)
	s.joinFailed(now, e.WSA, wirempj.Cancel)
}

// joinFailed ends the join that was to make s a member: s may try again (W15),
// a root's new c_leaf socket is of no more use.
func (s *Socket) joinFailed(now machine.Time, code winsock.Errno, leave wirempj.Code) {
	s.leaveSession(now, leave)
	s.state = stateBound
	if s.root != nil {
		s.state, s.broken = stateBroken, code
	}
	s.attempt.end(now, code)
}

// fill hands over the callee data: none, where the peer sent none (W36, W37).
func (a *attempt) fill(e *mpj.Event) {
	if a.callee != nil {
		a.callee.Len = uint32(copy(a.callee.Buf, e.CalleeData))
	}
}

// end ends the attempt and posts FD_CONNECT on the socket that asked (W6-W8),
// unless the call reports the failure itself (W72). Where no descriptor was
// handed out for a failed invitation, its socket goes.
func (a *attempt) end(now machine.Time, code winsock.Errno) {
	a.over, a.outcome = true, code
	a.asker.attempt, a.leaf.attempt = nil, nil
	if code == 0 || !a.blocking {
		a.asker.post(winsock.FD_CONNECT, code)
	}
	if code == 0 {
		a.asker.post(winsock.FD_WRITE, 0)
	} else if a.blocking && a.leaf != a.asker {
		a.leaf.close(now, wirempj.Cancel)
	}
}

// cancelAttempt calls off the join in which s, about to be closed, takes part:
// nothing is posted on the asker (W17). An invited leaf's socket that outlives
// its root breaks.
func (s *Socket) cancelAttempt(now machine.Time) {
	a := s.attempt
	if a == nil {
		return
	}
	a.over, a.outcome = true, winsock.WSAEINTR
	a.asker.attempt, a.leaf.attempt = nil, nil
	switch {
	case a.leaf == s:
	case a.blocking:
		a.leaf.close(now, wirempj.Cancel)
	default:
		a.leaf.breakOff(now, winsock.WSAECONNABORTED)
	}
}

// joinFailure turns what the RSVP node refused into what a join reports of it:
// the flowspecs cannot be satisfied (W43, W69).
func joinFailure(err error) error {
	var e *Error
	if errors.As(err, &e) && e.Code >= winsock.WSA_QOS_RECEIVERS && e.Code <= winsock.WSA_QOS_GENERIC_ERROR {
		return fail(callJoin, winsock.WSAEOPNOTSUPP, "W69: "+e.Error())
	}
	return err
}
