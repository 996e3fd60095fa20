package mpj

import (
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/winsock"
	wire "github.com/mpstack/mpstack/wire/mpj"
)

// input is what comes with an event.
type input struct {
	msg     *wire.Message // of a message
	code    wire.Code     // of a LEAVE or REJECT, received or to be sent
	wsa     winsock.Errno // what the event means to the application
	payload []byte        // the answer that the call made
	data    []byte        // callee data of a REJECT
}

// step takes an association through one transition: the table says where to
// and what to do; it is counted, traced and done here and nowhere else.
func (e *Endpoint) step(a *assoc, ev event, in input) {
	f := a.family()
	s := f.next(a.state, ev)
	if !f.listed[a.state][ev] {
		e.counters.Ignored++
		return
	}
	e.counters.Transitions++
	e.taken[f.index][a.state][ev]++
	if e.cfg.Trace != nil {
		e.cfg.Trace(machine.Transition{
			At: e.clock.Now(), Machine: "mpj/" + f.name, Subject: e.cfg.Node + " " + a.String(),
			From: a.state.String(), Event: ev.String(), To: s.to.String(), Reason: s.reason, Cause: s.cause,
		})
	}
	if s.code != 0 {
		in.code = s.code
	}
	if s.wsa != 0 {
		in.wsa = s.wsa
	}
	e.enter(a, s.to)
	for do := s.do; do != 0; do &= do - 1 {
		e.perform(a, do&-do, s, &in)
	}
}

// enter changes the state, and the sums that depend on it.
func (e *Endpoint) enter(a *assoc, to state) {
	if l := e.listeners[a.listener]; l != nil {
		l.undecided += count(to.undecided()) - count(a.state.undecided())
	}
	if a.root {
		e.members += count(to == stateMember) - count(a.state == stateMember)
	}
	e.leaving += count(to == stateLeaving) - count(a.state == stateLeaving)
	if to != a.state {
		a.tries = 0
	}
	a.state = to
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// perform does one action.
func (e *Endpoint) perform(a *assoc, do action, s *step, in *input) {
	switch do {
	case doLearn:
		a.peerTag = in.msg.SrcTag
	case doSendJoin:
		e.send(a, e.joinMessage(a), s.cause)
	case doPending:
		e.answer(a, e.message(a, wire.TypePending, a.joinTx), s.cause)
	case doSendMade:
		a.answer = in.payload
		e.sendAgain(a, s.cause)
	case doReject:
		e.answer(a, e.rejectMessage(a, in), s.cause)
	case doAgain:
		e.sendAgain(a, s.cause)
	case doConfirm:
		e.send(a, e.message(a, wire.TypeConfirm, a.joinTx), s.cause)
	case doLeave, doLeaveAgain:
		e.send(a, e.leaveMessage(a, in.code), s.cause)
	case doLeaveAck:
		e.send(a, e.message(a, wire.TypeLeaveAck, in.msg.Transaction), s.cause)
	case doHello:
		e.send(a, e.helloMessage(a), s.cause)
		e.armHello(a)
	case doHelloAck:
		e.send(a, e.helloAckMessage(a, in.msg), s.cause)
	default:
		e.performLocal(a, do, s, in)
	}
}

// performLocal does an action that sends nothing.
func (e *Endpoint) performLocal(a *assoc, do action, s *step, in *input) {
	now := e.clock.Now()
	switch do {
	case doRelease:
		e.release(a)
	case doBackoff:
		a.tries++
		e.timers.Set(timerKey{a.id, timerRetransmit}, now.Add(retransmitAfter(a.tries)))
	case doSlow:
		e.timers.Set(timerKey{a.id, timerRetransmit}, now.Add(MaxRetransmit))
	case doLimit:
		e.timers.Set(timerKey{a.id, timerLimit}, a.limit(now))
	case doRequest, doWithdrawn, doJoined, doRefused, doEstablished, doClosed:
		e.raise(a, eventKindOf(do), in)
	case doMember:
		e.startLifetime(a, in.msg)
	case doAdopt:
		a.adopt(in.msg.Timers)
		e.timers.Set(timerKey{a.id, timerHold}, a.heard.Add(a.hold))
	case doSettle:
		e.settle(a)
	case doSettleLeaf:
		if !a.root {
			e.settle(a)
		}
	case doBury:
		a.leaveCode = tombstoneCode(a.leaveCode, in.code)
		e.bury(a)
	case doForget:
		e.forget(a)
	}
}

// limit returns when the present state of a handshake has lasted too long.
func (a *assoc) limit(now machine.Time) machine.Time {
	if a.state == stateAccepted {
		return now.Add(JoinLimit)
	}
	return a.pending.deadline
}

// tombstoneCode returns the code of the LEAVE by which a tombstone answers:
// that of the LEAVE that was sent, else what the step says, if it is one.
func tombstoneCode(sent, code wire.Code) wire.Code {
	switch {
	case sent != 0:
		return sent
	case code != 0 && code.Message() == wire.TypeLeave:
		return code
	}
	return wire.Unknown
}

// settle ends the crossing join of the same pair of names, which lost.
func (e *Endpoint) settle(a *assoc) {
	if rival := e.byPair[a.pairKey(!a.asker)]; rival != nil {
		e.step(rival, evRival, input{})
	}
}

// startLifetime frees what only the handshake needed and starts the liveness
// timers, which a leaf that asked learns from the ACCEPT.
func (e *Endpoint) startLifetime(a *assoc, m *wire.Message) {
	a.pending, a.answer = nil, nil
	if a.asker && !a.root {
		a.adopt(m.Timers)
	}
	a.heard = e.clock.Now()
	e.timers.Stop(timerKey{a.id, timerRetransmit})
	e.timers.Stop(timerKey{a.id, timerLimit})
	e.timers.Set(timerKey{a.id, timerHold}, a.heard.Add(a.hold))
	if !a.root {
		e.armHello(a)
	}
}

// armHello sets the next HELLO: the interval, jittered by 0.5 to 1.5.
func (e *Endpoint) armHello(a *assoc) {
	after := a.hello/2 + time.Duration(e.cfg.Rand.Int64N(int64(a.hello)))
	e.timers.Set(timerKey{a.id, timerHello}, e.clock.Now().Add(after))
}

// adopt takes over the root's timers.
func (a *assoc) adopt(t wire.Timers) {
	a.hello = max(time.Duration(t.HelloMS)*time.Millisecond, minHello)
	a.hold = max(time.Duration(t.HoldMS)*time.Millisecond, a.hello)
}

// eventKindOf returns the kind of event that an action raises.
func eventKindOf(do action) EventKind {
	switch do {
	case doRequest:
		return EventRequest
	case doWithdrawn:
		return EventWithdrawn
	case doJoined:
		return EventJoined
	case doRefused:
		return EventRefused
	case doEstablished:
		return EventEstablished
	}
	return EventClosed
}

// raise puts an event into the queue.
func (e *Endpoint) raise(a *assoc, kind EventKind, in *input) {
	ev := Event{
		Kind: kind, Assoc: a.id, Listener: a.listener, Local: a.local, Peer: a.peer,
		IfIndex: a.ifIndex, Role: a.role,
	}
	switch kind {
	case EventRequest:
		e.fillRequest(&ev, a, in.msg)
	case EventJoined:
		fillAnswer(&ev, a, in.msg)
	case EventRefused:
		fillAnswer(&ev, a, in.msg)
		ev.Reason, ev.WSA = in.reason(), in.wsa
	case EventWithdrawn, EventClosed:
		ev.Reason, ev.WSA = in.reason(), in.wsa
	}
	e.out.Push(Output{Kind: KindEvent, Event: ev})
}

// reason returns the code that was received, if any was.
func (in *input) reason() wire.Code {
	if in.msg != nil && in.msg.Has&wire.HasReason != 0 {
		return in.msg.Reason.Code
	}
	return 0
}

// fillRequest copies what the asker said.
func (e *Endpoint) fillRequest(ev *Event, a *assoc, m *wire.Message) {
	if m.Has&wire.HasCallerData != 0 {
		ev.CallerData, ev.HasCallerData = append([]byte{}, m.CallerData...), true
	}
	ev.QOS = qosOf(m)
	ev.CalleeRoom = m.JoinLimits.CalleeRoom
	ev.Expires = a.pending.deadline
	ev.WithReservation = m.Flags&wire.FlagQ != 0
	ev.Session = sessionOf(m)
}

// fillAnswer copies what the asked side said; callee data only where it was
// wanted and fits.
func fillAnswer(ev *Event, a *assoc, m *wire.Message) {
	if m == nil || m.Type != wire.TypeAccept && m.Type != wire.TypeReject {
		return
	}
	wanted := a.pending != nil && a.pending.room != wire.RoomDiscard && a.pending.fits(m.CalleeData)
	if m.Has&wire.HasCalleeData != 0 && wanted {
		ev.CalleeData, ev.HasCalleeData = append([]byte{}, m.CalleeData...), true
	}
	ev.QOS = qosOf(m)
	ev.Session = sessionOf(m)
}

func qosOf(m *wire.Message) *winsock.QOS {
	if m.Has&wire.HasQOS == 0 {
		return nil
	}
	return &winsock.QOS{Sending: m.QOS.Sending, Receiving: m.QOS.Receiving}
}

func sessionOf(m *wire.Message) *Session {
	if m.Has&wire.HasSession == 0 {
		return nil
	}
	return &Session{Group: m.Session.Group, TTL: m.Session.TTL, Mode: m.Session.Mode, Root: m.RootData}
}
