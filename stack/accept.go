package stack

import (
	"net/netip"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/mpj"
	"github.com/mpstack/mpstack/stack/winsock"
	wirempj "github.com/mpstack/mpstack/wire/mpj"
)

// listener is the listening half of a socket.
type listener struct {
	id       mpj.ListenerID
	backlog  []*request
	deciding bool // a condition function runs
}

// request is a join request that waits in the backlog.
type request struct {
	assoc    mpj.AssocID
	ev       mpj.Event
	deferred bool
	gone     winsock.Errno // withdrawn or timed out (A8)
}

// acceptable reports whether FD_ACCEPT's condition holds: a deferred request
// at the head silences it (A5).
func (l *listener) acceptable() bool { return len(l.backlog) > 0 && !l.backlog[0].deferred }

// Request is what a condition function sees of a join request; it is valid
// during the call.
type Request struct {
	CallerID   netip.AddrPort // the requester's address
	CalleeID   netip.AddrPort // the name it asked for
	CallerData []byte         // nil: none came (A11)
	// SQOS is the caller's QoS, nil where it gave none; the function may
	// lower it, and what it leaves is what the leaf gets (A12).
	SQOS *winsock.QOS
	// CalleeData is for the function to set: it goes back to the requester,
	// CalleeRoom bytes at most (A14).
	CalleeData []byte
	CalleeRoom int
}

// Condition is WSAAccept's condition function. It returns winsock.CF_ACCEPT,
// CF_REJECT or CF_DEFER. It must not call the listening socket.
type Condition func(r *Request) int

// Listen makes the socket take join requests, at most backlog waiting at once:
// on a c_root those of leaves, on a c_leaf a root's invitations (W30, W98).
func (s *Socket) Listen(backlog int) error {
	now := s.st.begin()
	defer s.st.end(now)
	if err := s.check("listen"); err != nil {
		return err
	}
	switch {
	case !s.proto.rooted():
		return fail("listen", winsock.WSAEOPNOTSUPP, "the protocol has no connections")
	case s.state == stateCreated:
		return fail("listen", winsock.WSAEINVAL, "the socket is not bound")
	case s.state != stateBound && !(s.isRoot() && s.state == stateListening):
		return fail("listen", winsock.WSAEISCONN, "the socket is in use")
	}
	cfg := mpj.Listener{
		Name: s.local, Backlog: max(backlog, 1), ControlRoot: s.isRoot(),
		DataRoot: s.flags&winsock.WSA_FLAG_MULTIPOINT_D_ROOT != 0,
		Planes:   wirempj.RootedControl | wirempj.RootedData,
	}
	if s.isRoot() {
		ss, err := s.session("listen")
		if err != nil {
			return err
		}
		cfg.Session = ss.offer()
		if err := s.openRootFlow(now); err != nil {
			return err
		}
	}
	id, err := s.st.mpj.Listen(now, cfg)
	if err != nil {
		return fail("listen", codeOf(err, winsock.WSAENOBUFS), err.Error())
	}
	s.lis = &listener{id: id}
	s.st.listens[id] = s
	s.state = stateListening
	return nil
}

func (s *Socket) closeListener(now machine.Time) {
	s.st.mpj.CloseListener(now, s.lis.id)
	delete(s.st.listens, s.lis.id)
	for _, r := range s.lis.backlog {
		delete(s.st.assocs, r.assoc)
	}
	s.lis = nil
}

// Accept takes the request at the head of the backlog (WSAAccept): cond, where
// it is not nil, decides. It returns a new c_leaf socket: at a root the leaf's,
// at a leaf the session's. It fails with WSAEWOULDBLOCK on a nonblocking socket
// with no request, WSAECONNREFUSED after CF_REJECT, WSATRY_AGAIN after
// CF_DEFER, WSAECONNABORTED where the callee data found no room, WSAEACCES
// where the request was withdrawn.
func (s *Socket) Accept(cond Condition) (*Socket, error) {
	now := s.st.begin()
	defer func() { s.st.end(s.st.drv.Now()) }()
	r, err := s.takeRequest()
	if err != nil {
		return nil, err
	}
	now = s.st.drv.Now()
	if r.gone != 0 {
		s.lis.backlog = s.lis.backlog[1:]
		s.rearm(winsock.FD_ACCEPT)
		return nil, fail("WSAAccept", r.gone, "A8: the request is gone")
	}
	answer, verdict := s.decide(r, cond)
	if s.lis == nil || r.gone != 0 {
		return nil, fail("WSAAccept", winsock.WSAEACCES, "A8: the request is gone")
	}
	return s.answer(now, r, answer, verdict)
}

// takeRequest waits for a request and returns it; it stays in the backlog.
func (s *Socket) takeRequest() (*request, error) {
	const call = "WSAAccept"
	if err := s.check(call); err != nil {
		return nil, err
	}
	switch {
	case !s.proto.rooted():
		return nil, fail(call, winsock.WSAEOPNOTSUPP, "A9: the protocol has no connections")
	case s.lis == nil:
		return nil, fail(call, winsock.WSAEINVAL, "A9: the socket does not listen")
	case s.lis.deciding:
		return nil, fail(call, winsock.WSAEINPROGRESS, "W64: called from a condition function")
	case len(s.lis.backlog) == 0 && s.nonblocking:
		s.rearm(winsock.FD_ACCEPT)
		return nil, fail(call, winsock.WSAEWOULDBLOCK, "A9: no request is pending")
	}
	s.st.wait(func() bool { return s.lis == nil || len(s.lis.backlog) > 0 || s.st.closed }, 0)
	if s.lis == nil || s.st.closed {
		return nil, fail(call, winsock.WSAEINTR, "closed while waiting")
	}
	return s.lis.backlog[0], nil
}

// answer is what a condition function left.
type answer struct {
	callee []byte
	qos    *winsock.QOS
}

// decide runs the condition function with the stack unlocked.
func (s *Socket) decide(r *request, cond Condition) (answer, int) {
	if cond == nil {
		return answer{qos: r.ev.QOS}, winsock.CF_ACCEPT
	}
	req := &Request{CallerID: r.ev.Peer, CalleeID: r.ev.Local, CalleeRoom: wirempj.MaxUserData}
	if r.ev.HasCallerData {
		req.CallerData = append([]byte{}, r.ev.CallerData...)
	}
	if r.ev.QOS != nil {
		q := r.ev.QOS.Clone()
		req.SQOS = &q
	}
	s.lis.deciding = true
	s.st.end(s.st.drv.Now())
	verdict := cond(req)
	s.st.begin()
	if s.lis != nil {
		s.lis.deciding = false
	}
	return answer{callee: req.CalleeData, qos: req.SQOS}, verdict
}

// answer carries the verdict out.
func (s *Socket) answer(now machine.Time, r *request, a answer, verdict int) (*Socket, error) {
	const call = "WSAAccept"
	switch verdict {
	case winsock.CF_ACCEPT:
	case winsock.CF_REJECT:
		s.dropRequest(r)
		_ = s.st.mpj.Reject(now, r.assoc, wirempj.Refused, a.callee)
		return nil, fail(call, winsock.WSAECONNREFUSED, "A3: CF_REJECT")
	case winsock.CF_DEFER:
		r.deferred = true
		s.st.mpj.Defer(now, r.assoc)
		return nil, fail(call, winsock.WSATRY_AGAIN, "A4: CF_DEFER")
	default:
		return nil, fail(call, winsock.WSAEINVAL, "A7: the condition function's value")
	}
	if len(a.callee) > wirempj.MaxUserData {
		return nil, fail(call, winsock.WSAEFAULT, "A14: callee data of more than 896 bytes")
	}
	s.dropRequest(r)
	ans := mpj.Answer{CalleeData: a.callee, HasCalleeData: len(a.callee) > 0, QOS: a.qos}
	if s.isRoot() {
		ans.Session = s.sess.offer()
	}
	if err := s.st.mpj.Accept(now, r.assoc, ans); err != nil {
		return nil, fail(call, winsock.WSAECONNABORTED, err.Error())
	}
	return s.admit(now, r, a)
}

// admit makes the accepted socket.
func (s *Socket) admit(now machine.Time, r *request, a answer) (*Socket, error) {
	leaf := s.newLeaf()
	leaf.state, leaf.assoc, leaf.peer = stateJoined, r.assoc, r.ev.Peer
	leaf.qos = s.qos
	s.st.assocs[r.assoc] = leaf
	if leaf.root != nil {
		s.sess.add(leaf)
	} else {
		leaf.qos = a.qos
		// The asked side's direction mirrors the asker's.
		jl := r.ev.Role.JL.Mirror()
		dir := joinDir{sends: jl != wirempj.ReceiverOnly, receives: jl != wirempj.SenderOnly}
		if err := leaf.enterData(now, r.ev.Session, dir.receives, dir.sends); err != nil {
			leaf.close(now)
			return nil, err
		}
	}
	s.rearm(winsock.FD_ACCEPT)
	leaf.post(winsock.FD_WRITE, 0)
	return leaf, nil
}

func (s *Socket) dropRequest(r *request) {
	for i, q := range s.lis.backlog {
		if q == r {
			s.lis.backlog = append(s.lis.backlog[:i], s.lis.backlog[i+1:]...)
			break
		}
	}
	s.ev.disabled &^= winsock.FD_ACCEPT
}

// react takes an event of the join protocol.
func (st *Stack) react(now machine.Time, e mpj.Event) {
	if e.Kind == mpj.EventRequest {
		s := st.listens[e.Listener]
		if s == nil {
			_ = st.mpj.Reject(now, e.Assoc, wirempj.NoListener, nil)
			return
		}
		s.lis.backlog = append(s.lis.backlog, &request{assoc: e.Assoc, ev: e})
		s.repost()
		return
	}
	if e.Kind == mpj.EventWithdrawn {
		st.withdrawn(e)
		return
	}
	s := st.assocs[e.Assoc]
	if s == nil {
		return
	}
	switch e.Kind {
	case mpj.EventJoined:
		s.joined(now, e)
	case mpj.EventRefused:
		s.assoc = 0
		delete(st.assocs, e.Assoc)
		s.joinFailed(now, e.WSA, wirempj.Left)
	case mpj.EventClosed:
		s.breakOff(now, e.WSA)
	}
}

// withdrawn marks a waiting request as gone: WSAAccept reports it (A8).
func (st *Stack) withdrawn(e mpj.Event) {
	s := st.listens[e.Listener]
	if s == nil {
		return
	}
	for _, r := range s.lis.backlog {
		if r.assoc == e.Assoc {
			r.gone = e.WSA
			r.deferred = false
		}
	}
	s.repost()
}
