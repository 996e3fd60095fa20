package stack

import (
	"net/netip"
	"slices"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/mpj"
	"github.com/mpstack/mpstack/stack/qos"
	"github.com/mpstack/mpstack/stack/winsock"
	wirempj "github.com/mpstack/mpstack/wire/mpj"
)

const callAccept = "WSAAccept"

// listener is the listening half of a socket.
type listener struct {
	id      mpj.ListenerID
	limit   int        // requests that may wait, as Listen was told
	backlog []*request // oldest first
}

// request is a join request that waits in the backlog.
type request struct {
	ev       mpj.Event
	deferred bool
	deciding bool          // a condition function runs for it
	decider  uint64        // the goroutine that runs it
	gone     winsock.Errno // withdrawn or timed out: what WSAAccept is to say of it (A8)
}

// next returns the first request that no other call decides, or nil.
func (l *listener) next() *request {
	for _, r := range l.backlog {
		if !r.deciding {
			return r
		}
	}
	return nil
}

// acceptable reports whether FD_ACCEPT's condition holds: a deferred request
// at the head silences it (A5).
func (l *listener) acceptable() bool {
	r := l.next()
	return r != nil && !r.deferred
}

// add takes a request. Those that are gone are forgotten, the oldest first, when
// they are what fills the backlog: the join protocol counts the others alone.
func (l *listener) add(r *request) {
	if len(l.backlog) >= l.limit {
		if i := slices.IndexFunc(l.backlog, func(r *request) bool { return r.gone != 0 && !r.deciding }); i >= 0 {
			l.backlog = slices.Delete(l.backlog, i, i+1)
		}
	}
	l.backlog = append(l.backlog, r)
}

// calls reports whether the caller is a condition function of this listener
// (W64).
func (l *listener) calls() bool {
	if !slices.ContainsFunc(l.backlog, func(r *request) bool { return r.deciding }) {
		return false
	}
	id := goroutineID()
	return slices.ContainsFunc(l.backlog, func(r *request) bool { return r.deciding && r.decider == id && id != 0 })
}

func (l *listener) drop(r *request) {
	if i := slices.Index(l.backlog, r); i >= 0 {
		l.backlog = slices.Delete(l.backlog, i, i+1)
	}
}

// Request is what a condition function sees of a join request; it is valid
// during the call.
type Request struct {
	CallerID   netip.AddrPort // the requester's address (A10)
	CalleeID   netip.AddrPort // the name it asked for (A10)
	CallerData []byte         // nil: none came (A11)
	// SQOS is the caller's QoS as the caller sees it, nil where it gave none;
	// the function may lower it, and what it leaves is what the leaf gets (A12).
	SQOS *winsock.QOS
	// CalleeData is for the function to set: it goes back to the requester,
	// CalleeRoom bytes at most (A14).
	CalleeData []byte
	CalleeRoom int
}

// Condition is WSAAccept's condition function. It returns winsock.CF_ACCEPT,
// CF_REJECT or CF_DEFER. The stack is not locked meanwhile: the function may
// block and may call it, but for Accept and JoinLeaf on the listening socket
// (W64).
type Condition func(r *Request) int

// Listen makes the socket take join requests, at most backlog waiting at once:
// on a c_root those of leaves, on a c_leaf a root's invitations (W30, W98).
// Listening again changes nothing. It fails with WSAEINVAL on a socket that is
// not bound, WSAEISCONN on one that joins or joined, WSAEOPNOTSUPP on the
// nonrooted entries.
func (s *Socket) Listen(backlog int) error {
	const call = "listen"
	now := s.st.begin()
	defer s.st.end()
	if err := s.check(call); err != nil {
		return err
	}
	switch {
	case !s.proto.rooted():
		return fail(call, winsock.WSAEOPNOTSUPP, "the protocol has no connections")
	case s.state == stateCreated:
		return fail(call, winsock.WSAEINVAL, "the socket is not bound")
	case s.state == stateListening:
		return nil
	case s.state != stateBound:
		return fail(call, winsock.WSAEISCONN, "the socket is in use")
	}
	return s.listen(now, call, min(max(backlog, 1), mpj.MaxBacklog))
}

func (s *Socket) listen(now machine.Time, call string, backlog int) error {
	cfg := mpj.Listener{
		Name: s.local, Backlog: backlog,
		ControlRoot: s.isRoot(), DataRoot: s.isDataRoot(), Planes: s.proto.planes(),
	}
	if s.isRoot() {
		ss, err := s.session(call)
		if err != nil {
			return err
		}
		// Data comes from one address, and a leaf takes an answer from no other.
		cfg.Name, cfg.Session = ss.data, ss.offer()
		if err := s.openFlow(now); err != nil {
			return err
		}
	}
	id, err := s.st.mpj.Listen(now, cfg)
	if err != nil {
		return fail(call, codeOf(err, winsock.WSAENOBUFS), err.Error())
	}
	s.lis = &listener{id: id, limit: cfg.Backlog}
	s.st.listens[id] = s
	s.state = stateListening
	return nil
}

func (s *Socket) closeListener(now machine.Time) {
	s.st.mpj.CloseListener(now, s.lis.id)
	delete(s.st.listens, s.lis.id)
	s.lis = nil
}

// Accept takes the oldest request of the backlog (WSAAccept): cond decides; nil
// admits everybody. It returns a new c_leaf socket: at a root the leaf's, at a
// leaf the session's (W31). Several goroutines may call it: each decides about
// a request of its own.
//
// It fails with WSAEINPROGRESS in a condition function of the socket (W64),
// WSAEWOULDBLOCK on a nonblocking socket with no request (A9),
// WSAECONNREFUSED after CF_REJECT (A3), WSATRY_AGAIN after CF_DEFER: the
// request stays where it is (A4); WSAEINVAL after any other answer (A7) and on
// a socket that does not listen, WSAECONNABORTED where the callee data found no
// room, WSAEACCES where the request was withdrawn or its time ran out, and
// WSAECONNRESET where its asker is gone (A8), WSAEINTR where the socket was
// closed meanwhile.
func (s *Socket) Accept(cond Condition) (*Socket, error) {
	s.st.begin()
	defer s.st.end()
	r, err := s.takeRequest()
	if err != nil {
		return nil, err
	}
	lis := s.lis
	answer, verdict := s.decide(r, cond)
	switch {
	case s.lis != lis || s.st.closed:
		return nil, fail(callAccept, winsock.WSAEINTR, "closed while the condition function ran")
	case r.gone != 0:
		return nil, s.reportGone(r)
	}
	return s.answer(s.st.drv.Now(), r, answer, verdict)
}

// takeRequest waits for a request and returns it; it stays in the backlog.
func (s *Socket) takeRequest() (*request, error) {
	if err := s.check(callAccept); err != nil {
		return nil, err
	}
	switch {
	case !s.proto.rooted():
		return nil, fail(callAccept, winsock.WSAEOPNOTSUPP, "A9: the protocol has no connections")
	case s.lis == nil:
		return nil, fail(callAccept, winsock.WSAEINVAL, "A9: the socket does not listen")
	case s.lis.calls():
		return nil, fail(callAccept, winsock.WSAEINPROGRESS, "W64: called from a condition function of the socket")
	case s.lis.next() == nil && s.nonblocking:
		s.rearm(winsock.FD_ACCEPT)
		return nil, fail(callAccept, winsock.WSAEWOULDBLOCK, "A9: no request is pending")
	}
	s.st.wait(func() bool { return s.lis == nil || s.lis.next() != nil || s.st.closed }, 0)
	if s.lis == nil || s.lis.next() == nil || s.st.closed {
		return nil, fail(callAccept, winsock.WSAEINTR, "closed while waiting")
	}
	r := s.lis.next()
	if r.gone != 0 {
		return nil, s.reportGone(r)
	}
	return r, nil
}

// reportGone forgets a request that is gone and says so (A8).
func (s *Socket) reportGone(r *request) error {
	s.lis.drop(r)
	s.rearm(winsock.FD_ACCEPT)
	return fail(callAccept, r.gone, "A8: the request is gone")
}

// answer is what a condition function left.
type answer struct {
	callee []byte
	qos    *winsock.QOS // as the caller sees it; nil where it gave none
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
	verdict := s.unlocked(r, func() int { return cond(req) })
	a := answer{callee: req.CalleeData, qos: r.ev.QOS}
	if r.ev.QOS != nil && req.SQOS != nil {
		q := qos.Lower(*r.ev.QOS, *req.SQOS)
		a.qos = &q
	}
	return a, verdict
}

// unlocked calls f without the lock, and takes it again even where f panics.
func (s *Socket) unlocked(r *request, f func() int) int {
	r.deciding, r.decider = true, goroutineID()
	s.st.end()
	defer func() {
		s.st.begin()
		r.deciding = false
	}()
	return f()
}

// answer carries the verdict out.
func (s *Socket) answer(now machine.Time, r *request, a answer, verdict int) (*Socket, error) {
	if verdict == winsock.CF_DEFER { // which does not re-enable FD_ACCEPT (A6)
		r.deferred = true
		_ = s.st.mpj.Defer(now, r.ev.Assoc) // it is undecided: nothing refuses
		return nil, fail(callAccept, winsock.WSATRY_AGAIN, "A4: CF_DEFER")
	}
	defer s.rearm(winsock.FD_ACCEPT)
	switch {
	case verdict != winsock.CF_ACCEPT && verdict != winsock.CF_REJECT:
		return nil, fail(callAccept, winsock.WSAEINVAL, "A7: the condition function's value")
	case len(a.callee) > wirempj.MaxUserData:
		return nil, fail(callAccept, winsock.WSAEFAULT, "A14: callee data of more than 896 bytes")
	}
	s.lis.drop(r)
	if verdict == winsock.CF_REJECT {
		_ = s.st.mpj.Reject(now, r.ev.Assoc, wirempj.Refused, a.callee)
		return nil, fail(callAccept, winsock.WSAECONNREFUSED, "A3: CF_REJECT")
	}
	ans := mpj.Answer{CalleeData: a.callee, HasCalleeData: len(a.callee) > 0, QOS: a.qos}
	if s.isRoot() {
		ans.Session = s.sess.offer()
	}
	if err := s.st.mpj.Accept(now, r.ev.Assoc, ans); err != nil {
		_ = s.st.mpj.Reject(now, r.ev.Assoc, wirempj.Refused, nil) // where it is not over anyway
		return nil, fail(callAccept, codeOf(err, winsock.WSAECONNABORTED), err.Error())
	}
	return s.admit(now, r, a)
}

// admit makes the accepted socket.
func (s *Socket) admit(now machine.Time, r *request, a answer) (*Socket, error) {
	leaf := s.newLeaf()
	leaf.assoc, leaf.peer, leaf.local = r.ev.Assoc, r.ev.Peer, r.ev.Local
	s.st.assocs[r.ev.Assoc] = leaf
	if s.isRoot() {
		s.sess.add(leaf)
	} else if err := leaf.enterInvited(now, s.qos, r, a); err != nil {
		leave := wirempj.Left
		if codeOf(joinFailure(err), 0) == winsock.WSAEOPNOTSUPP {
			leave = wirempj.QOSFailed
		}
		leaf.close(now, leave)
		return nil, err
	}
	leaf.state = stateJoined
	leaf.post(winsock.FD_WRITE, 0)
	return leaf, nil
}

// enterInvited gives the socket of an invited leaf its place in the session,
// with the listening socket's QoS where the answer states none (Q45). Roles and
// directions mirror the asker's.
func (s *Socket) enterInvited(now machine.Time, own *winsock.QOS, r *request, a answer) error {
	if own != nil {
		q := own.Clone()
		s.qos = &q
	}
	if a.qos != nil {
		q := qos.Mirror(*a.qos)
		if s.qos != nil {
			q.ProviderSpecific = s.qos.ProviderSpecific
		}
		s.qos = overlay(s.qos, &q)
	}
	jl := r.ev.Role.JL.Mirror()
	dir := joinDir{sends: jl != wirempj.ReceiverOnly, receives: jl != wirempj.SenderOnly}
	return s.enterData(now, callAccept, r.ev.Session, dir)
}
