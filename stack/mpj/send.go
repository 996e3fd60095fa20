package mpj

import (
	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/winsock"
	wire "github.com/mpstack/mpstack/wire/mpj"
)

// message returns the scratch message, with header fields of the association.
func (e *Endpoint) message(a *assoc, t wire.Type, transaction uint32) *wire.Message {
	e.made = wire.Message{Type: t, DstTag: a.peerTag, SrcTag: a.tag, Transaction: transaction}
	return &e.made
}

// joinMessage returns the JOIN of an asker, padded so that the answers may be
// as long as they need. Its transmissions are equal but for the destination
// tag, which PENDING makes known.
func (e *Endpoint) joinMessage(a *assoc) *wire.Message {
	j := &a.pending.join
	m := e.message(a, wire.TypeJoin, a.joinTx)
	m.Has = wire.HasTarget | wire.HasCaller | wire.HasRole | wire.HasJoinLimits
	m.Target, m.Caller, m.Role = j.Target, j.Local, j.Role
	m.JoinLimits = wire.JoinLimits{RemainingMS: ms(j.Timeout), CalleeRoom: j.CalleeRoom}
	if j.HasCallerData {
		m.Has |= wire.HasCallerData
		m.CallerData = j.CallerData
	}
	setQOS(m, j.QOS)
	if j.Session != nil {
		setSession(m, a, j.Session)
	}
	m.PadTo(wire.MaxLen)
	return m
}

// acceptMessage returns the ACCEPT that answers a request, and fixes the
// timers where this side is the root.
func (e *Endpoint) acceptMessage(a *assoc, ans *Answer) *wire.Message {
	m := e.message(a, wire.TypeAccept, a.joinTx)
	if ans.HasCalleeData && a.pending.room != wire.RoomDiscard {
		m.Has |= wire.HasCalleeData
		m.CalleeData = ans.CalleeData
	}
	setQOS(m, ans.QOS)
	if !a.root {
		return m
	}
	session := ans.Session
	if l := e.listeners[a.listener]; l != nil {
		a.least = l.HelloInterval
		if session == nil {
			session = l.Session
		}
	}
	if session == nil {
		session = &Session{} // does not encode
	}
	a.hello = e.helloInterval(a.least)
	a.hold = holdOf(a.hello)
	setSession(m, a, session)
	return m
}

// rejectMessage returns the REJECT that ends a request.
func (e *Endpoint) rejectMessage(a *assoc, in *input) *wire.Message {
	m := e.message(a, wire.TypeReject, a.joinTx)
	m.Has = wire.HasReason
	m.Reason = wire.ReasonOf(in.code)
	if len(in.data) > 0 && a.pending != nil && a.pending.room != wire.RoomDiscard && a.pending.fits(in.data) {
		m.Has |= wire.HasCalleeData
		m.CalleeData = in.data
	}
	return m
}

// leaveMessage returns the association's LEAVE: the first call makes it, with
// a transaction of its own, and the others repeat it.
func (e *Endpoint) leaveMessage(a *assoc, code wire.Code) *wire.Message {
	if a.leaveTx == 0 {
		a.txSeq++
		a.leaveTx = a.txSeq
		if a.leaveCode == 0 {
			a.leaveCode = code
		}
	}
	m := e.message(a, wire.TypeLeave, a.leaveTx)
	m.Has = wire.HasReason
	m.Reason = wire.ReasonOf(a.leaveCode)
	return m
}

func (e *Endpoint) helloMessage(a *assoc) *wire.Message {
	a.txSeq++
	return e.message(a, wire.TypeHello, a.txSeq)
}

// helloAckMessage answers a HELLO with the timers of now; a duplicate is
// answered with those of before. Until the next HELLO shows that the leaf has
// them, it is held to the longer of the old and new hold times.
func (e *Endpoint) helloAckMessage(a *assoc, hello *wire.Message) *wire.Message {
	if hello.Transaction != a.acked {
		a.acked = hello.Transaction
		before := holdOf(a.hello)
		a.hello = e.helloInterval(a.least)
		if hold := max(before, holdOf(a.hello)); hold != a.hold {
			a.hold = hold
			e.timers.Set(timerKey{a.id, timerHold}, a.heard.Add(hold))
		}
	}
	m := e.message(a, wire.TypeHelloAck, hello.Transaction)
	m.Has = wire.HasTimers
	m.Timers = a.timers()
	return m
}

// timers returns what a root tells a leaf.
func (a *assoc) timers() wire.Timers {
	return wire.Timers{HelloMS: ms(a.hello), HoldMS: ms(holdOf(a.hello))}
}

func setQOS(m *wire.Message, q *winsock.QOS) {
	if q != nil {
		m.Has |= wire.HasQOS
		m.QOS = wire.QOS{Sending: q.Sending, Receiving: q.Receiving}
	}
}

// setSession adds what a root tells a leaf: session, timers and, with a rooted
// data plane, the root's data address.
func setSession(m *wire.Message, a *assoc, s *Session) {
	m.Has |= a.role.OfSession()
	m.Session = wire.Session{Group: plain(s.Group), TTL: s.TTL, Mode: s.Mode}
	m.RootData = plain(s.Root)
	m.Timers = a.timers()
}

// send encodes and sends a message of an association.
func (e *Endpoint) send(a *assoc, m *wire.Message, cause machine.Cause) {
	payload, ok := e.encode(m)
	if ok {
		e.transmit(a, payload, cause)
	}
}

// answer sends a message and keeps it as the answer to the JOIN's duplicates.
func (e *Endpoint) answer(a *assoc, m *wire.Message, cause machine.Cause) {
	payload, ok := e.encode(m)
	if !ok {
		return
	}
	a.answer = append(a.answer[:0], payload...)
	e.transmit(a, payload, cause)
}

// sendAgain sends the kept answer.
func (e *Endpoint) sendAgain(a *assoc, cause machine.Cause) {
	if len(a.answer) == 0 {
		return
	}
	start := len(e.arena)
	e.arena = append(e.arena, a.answer...)
	e.transmit(a, e.arena[start:len(e.arena):len(e.arena)], cause)
}

// encode appends a message to the arena and returns its bytes.
func (e *Endpoint) encode(m *wire.Message) ([]byte, bool) {
	start := len(e.arena)
	b, err := m.AppendTo(e.arena)
	if err != nil {
		e.drop(DropEncode)
		return nil, false
	}
	e.arena = b
	return b[start:len(b):len(b)], true
}

// transmit puts an association's datagram into the queue, unless the asker is
// unproved and has sent less than it would have got.
func (e *Endpoint) transmit(a *assoc, payload []byte, cause machine.Cause) {
	if !a.proved && a.sent+len(payload) > a.received {
		e.drop(DropBudget)
		return
	}
	a.sent += len(payload)
	e.push(Datagram{Src: a.src, Dst: a.dst, IfIndex: a.ifIndex, Payload: payload, Cause: cause})
}

// push puts a datagram into the queue and counts it.
func (e *Endpoint) push(d Datagram) {
	d.TTL, d.DF = wire.TTL, true
	e.counters.Sent[d.Payload[1]]++
	e.out.Push(Output{Kind: KindDatagram, Datagram: d})
}
