package mpj

import (
	"errors"
	"net/netip"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/winsock"
	wire "github.com/mpstack/mpstack/wire/mpj"
)

// HandleDatagram takes a datagram that came to port 52205.
//
// What an unproved JOIN (one whose sender may have forged its source) can do
// is bounded: it enters the backlog, it is answered with at most as many bytes
// as came, and it changes no association. A JOIN of a pair of names that is a
// member already, with a new tag, is refused (ALREADY_MEMBER); one whose pair
// has an undecided or unconfirmed request with another tag is dropped, so that
// its sender's retransmission succeeds as soon as the old request is over.
func (e *Endpoint) HandleDatagram(now machine.Time, d Datagram) {
	now = e.begin(now)
	d.Src, d.Dst = plain(d.Src), plain(d.Dst)
	if drop, bad := carriageFault(&d); bad {
		e.drop(drop)
		return
	}
	if err := e.in.Decode(d.Payload); err != nil {
		e.undecodable(now, &d, err)
		return
	}
	m := &e.in
	e.counters.Received[m.Type]++
	switch {
	case m.Flags&wire.FlagB != 0:
		e.drop(DropBeacon)
	case m.Type == wire.TypeJoin && m.DstTag == 0:
		e.receiveJoin(now, &d, m)
	default:
		e.receiveTagged(now, &d, m)
	}
}

// carriageFault checks what UDP and IP say.
func carriageFault(d *Datagram) (Drop, bool) {
	src, dst := d.Src.Addr(), d.Dst.Addr()
	switch {
	case d.ChecksumZero:
		return DropChecksumZero, true
	case !unicast(src) || !unicast(dst) || src.Is4() != dst.Is4() || d.Src.Port() == 0 || d.Dst.Port() != wire.Port:
		return DropAddress, true
	}
	return 0, false
}

func unicast(a netip.Addr) bool {
	return a.IsValid() && !a.IsUnspecified() && !a.IsMulticast() && a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// undecodable counts a datagram that does not decode, and refuses it where it
// is a first JOIN.
func (e *Endpoint) undecodable(now machine.Time, d *Datagram, err error) {
	code, drop := wire.Malformed, DropMalformed
	if errors.Is(err, wire.ErrVersion) {
		code, drop = wire.BadVersion, DropVersion
	}
	e.drop(drop)
	if len(d.Payload) < wire.HeaderLen {
		return
	}
	h, _, _ := wire.ParseHeader(d.Payload)
	if h.Type == wire.TypeJoin && h.DstTag == 0 && h.SrcTag != 0 && h.Transaction != 0 {
		e.refuseJoin(now, d, h.SrcTag, h.Transaction, code)
	}
}

// refuseJoin answers a JOIN with a REJECT that leaves no state. It is never
// longer than the JOIN, and its rate is limited.
func (e *Endpoint) refuseJoin(now machine.Time, d *Datagram, tag uint64, transaction uint32, code wire.Code) {
	if !e.refusals.take(now) {
		e.drop(DropLimited)
		return
	}
	own, ok := e.newTag()
	if !ok {
		e.drop(DropEntropy)
		return
	}
	e.made = wire.Message{Type: wire.TypeReject, DstTag: tag, SrcTag: own, Transaction: transaction,
		Has: wire.HasReason, Reason: wire.ReasonOf(code)}
	payload, ok := e.encode(&e.made)
	switch {
	case !ok:
	case len(payload) > len(d.Payload):
		e.drop(DropBudget)
	default:
		e.counters.Refusals++
		e.reply(d, payload, refusalCauses[code])
	}
}

// reply sends a datagram back to where d came from.
func (e *Endpoint) reply(d *Datagram, payload []byte, cause machine.Cause) {
	e.push(Datagram{Src: d.Dst, Dst: d.Src, IfIndex: d.IfIndex, Payload: payload, Cause: cause})
}

// causeUnknown is the cause of a LEAVE with flag T.
const causeUnknown machine.Cause = "mpj/unknown-association"

// refusalCauses are the causes of REJECTs that leave no state.
var refusalCauses = func() map[wire.Code]machine.Cause {
	causes := make(map[wire.Code]machine.Cause)
	for _, r := range wire.Reasons {
		causes[r.Code] = machine.Cause("mpj/refusal/" + r.Name)
	}
	return causes
}()

// receiveJoin takes a JOIN without a tag of ours: a duplicate, or a request.
func (e *Endpoint) receiveJoin(now machine.Time, d *Datagram, m *wire.Message) {
	if a := e.byJoin[joinKey{d.Dst.Addr(), d.IfIndex, d.Src, m.SrcTag}]; a != nil {
		if m.Transaction != a.joinTx {
			e.drop(DropTransaction)
			return
		}
		a.received += len(d.Payload)
		e.step(a, evJOIN, input{msg: m})
		return
	}
	l, code := e.listenerFor(d, m)
	if code != 0 {
		e.refuseJoin(now, d, m.SrcTag, m.Transaction, code)
		return
	}
	if code, ok := e.admissible(d, m, l); !ok {
		if code != 0 {
			e.refuseJoin(now, d, m.SrcTag, m.Transaction, code)
		}
		return
	}
	e.admit(now, d, m, l)
}

// listenerFor finds the listener that a JOIN names, or the reason to refuse it.
func (e *Endpoint) listenerFor(d *Datagram, m *wire.Message) (*listener, wire.Code) {
	if m.Caller.Addr() != d.Src.Addr() || m.Target.Addr() != d.Dst.Addr() ||
		m.Has&wire.HasRootData != 0 && m.RootData.Addr() != d.Src.Addr() {
		return nil, wire.BadIdentity
	}
	l := e.byName[nameKey{m.Target, zoneOf(m.Target.Addr(), d.IfIndex)}]
	if l == nil {
		l = e.byName[nameKey{netip.AddrPortFrom(unspecified(m.Target.Addr()), m.Target.Port()), 0}]
	}
	switch {
	case l == nil:
		return nil, wire.NoListener
	case l.IfIndex != 0 && l.IfIndex != d.IfIndex:
		return nil, wire.NoListener
	case !l.takes(m.Role):
		return nil, wire.WrongPlane
	}
	return l, 0
}

func unspecified(a netip.Addr) netip.Addr {
	if a.Is4() {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

// takes reports whether the asker's role fits: a root takes leaves and a leaf
// roots, of the same planes, with at most one data root.
func (l *listener) takes(r wire.Role) bool {
	return (r.Control == wire.ControlRoot) != l.ControlRoot &&
		r.Planes == l.Planes &&
		!(r.Data == wire.DataRoot && l.DataRoot)
}

// admissible reports whether there is room for a request, and no other of the
// same names. Where it is not, the code says how to refuse it; 0: not at all.
func (e *Endpoint) admissible(d *Datagram, m *wire.Message, l *listener) (wire.Code, bool) {
	key := pairKey{m.Target, m.Caller, zoneOf(m.Target.Addr(), d.IfIndex), true}
	if own := e.byPair[key]; own != nil && own.state == stateMember {
		return wire.AlreadyMember, false
	}
	key.asker = false
	if old := e.byPair[key]; old != nil {
		if old.state == stateMember {
			return wire.AlreadyMember, false
		}
		e.drop(DropRival)
		return 0, false
	}
	switch {
	case l.undecided >= l.Backlog:
		e.drop(DropBacklog)
		return wire.Busy, false
	case e.live >= e.cfg.MaxAssociations:
		e.drop(DropAssociations)
		return wire.Busy, false
	}
	return 0, true
}

// admit makes a request of a JOIN.
func (e *Endpoint) admit(now machine.Time, d *Datagram, m *wire.Message, l *listener) {
	tag, ok := e.newTag()
	if !ok {
		e.drop(DropEntropy)
		return
	}
	remaining := min(time.Duration(m.JoinLimits.RemainingMS)*time.Millisecond, maxRemaining)
	a := &assoc{
		root: l.ControlRoot, role: m.Role, listener: l.id,
		local: m.Target, peer: m.Caller, src: d.Dst, dst: d.Src, ifIndex: d.IfIndex,
		tag: tag, peerTag: m.SrcTag, rxSeq: m.Transaction, joinTx: m.Transaction, received: len(d.Payload),
		pending: &pending{room: m.JoinLimits.CalleeRoom, deadline: now.Add(remaining)},
	}
	if !a.root {
		a.adopt(m.Timers)
	}
	e.add(a)
	e.step(a, evJOIN, input{msg: m})
}

// receiveTagged takes a message that carries a tag of ours.
func (e *Endpoint) receiveTagged(now machine.Time, d *Datagram, m *wire.Message) {
	a := e.byTag[m.DstTag]
	if a == nil {
		e.unknown(now, d, m)
		return
	}
	if drop, bad := a.mismatch(d, m); bad {
		e.drop(drop)
		return
	}
	ev, in, ok := e.classify(a, d, m)
	if !ok {
		return
	}
	if a.asker && a.ifIndex == 0 {
		a.ifIndex = d.IfIndex
	}
	a.received += len(d.Payload)
	a.proved = true
	if a.state == stateMember {
		a.heard = now
	}
	e.step(a, ev, in)
}

// unknown answers a message for an association that is not there with LEAVE
// and flag T, echoing its tags, so that the peer ends it. What ends or answers
// something is not answered.
func (e *Endpoint) unknown(now machine.Time, d *Datagram, m *wire.Message) {
	e.drop(DropUnknown)
	switch {
	case m.Flags&wire.FlagT != 0, m.Type == wire.TypeReject, m.Type == wire.TypeLeaveAck, m.Type == wire.TypeChallenge:
		return
	case !e.unknowns.take(now):
		e.drop(DropLimited)
		return
	}
	e.made = wire.Message{Type: wire.TypeLeave, Flags: wire.FlagT, DstTag: m.SrcTag, SrcTag: m.DstTag,
		Transaction: m.Transaction, Has: wire.HasReason, Reason: wire.ReasonOf(wire.Unknown)}
	if payload, ok := e.encode(&e.made); ok {
		e.counters.Unknowns++
		e.reply(d, payload, causeUnknown)
	}
}

// mismatch checks that a message belongs to the association whose tag it
// carries: addresses, interface, the peer's tag.
func (a *assoc) mismatch(d *Datagram, m *wire.Message) (Drop, bool) {
	switch {
	case d.Src != a.dst || d.Dst != a.src:
		return DropWrongAddress, true
	case a.ifIndex != 0 && d.IfIndex != a.ifIndex:
		return DropWrongIf, true
	case m.SrcTag != a.peerTag && !a.takesAnyTag():
		return DropStaleTag, true
	}
	return 0, false
}

// takesAnyTag reports whether the peer's tag is still open: an asker learns it
// from the first answer, and its tombstone answers whoever asks.
func (a *assoc) takesAnyTag() bool {
	return a.asker && (a.state == stateJoining || a.state == stateLost)
}

// classify turns a message into an event. It checks that the message is one
// that this side takes, and that it answers or repeats what it may.
func (e *Endpoint) classify(a *assoc, d *Datagram, m *wire.Message) (event, input, bool) {
	in := input{msg: m}
	ev, drop, bad := evOther, Drop(0), false
	switch m.Type {
	case wire.TypeJoin, wire.TypeConfirm:
		ev, drop, bad = answerTo(m, a.joinTx, !a.asker)
	case wire.TypePending, wire.TypeAccept, wire.TypeReject:
		ev, drop, bad = answerTo(m, a.joinTx, a.asker)
	case wire.TypeChallenge:
		_, drop, bad = answerTo(m, a.joinTx, a.asker)
	case wire.TypeLeaveAck:
		ev, drop, bad = answerTo(m, a.leaveTx, true)
	case wire.TypeHelloAck:
		ev, drop, bad = a.ackEvent(m, evHELLOACK, !a.root)
	case wire.TypeStatusAck:
		ev, drop, bad = a.ackEvent(m, evOther, true)
	case wire.TypeLeave:
		ev, drop, bad = a.leaveEvent(m)
		in.code, in.wsa = 0, ErrnoOf(m.Reason, a.asker)
	case wire.TypeHello:
		ev, drop, bad = a.helloEvent(m)
	default:
		ev, drop, bad = a.requestEvent(m, evOther)
	}
	if bad {
		e.drop(drop)
		return 0, in, false
	}
	switch ev {
	case evACCEPT:
		ev, in.wsa = a.acceptEvent(d, m)
	case evREJECT:
		in.wsa = ErrnoOf(m.Reason, true)
	}
	return ev, in, true
}

// answers maps the types that repeat a request's transaction to events.
var answers = [wire.NumTypes]event{
	wire.TypeJoin: evJOIN, wire.TypeConfirm: evCONFIRM, wire.TypePending: evPENDING,
	wire.TypeAccept: evACCEPT, wire.TypeReject: evREJECT, wire.TypeLeaveAck: evLEAVEACK,
	wire.TypeChallenge: evOther,
}

// answerTo classifies a message that must carry a certain transaction and come
// to the right side.
func answerTo(m *wire.Message, transaction uint32, rightSide bool) (event, Drop, bool) {
	switch {
	case !rightSide:
		return 0, DropWrongRole, true
	case m.Transaction != transaction:
		return 0, DropTransaction, true
	}
	return answers[m.Type], 0, false
}

// requestEvent classifies a message with a transaction of its own: an older
// one than the last has no effect, the last one repeated is answered again.
func (a *assoc) requestEvent(m *wire.Message, ev event) (event, Drop, bool) {
	if m.Transaction < a.rxSeq {
		return 0, DropTransaction, true
	}
	a.rxSeq = m.Transaction
	return ev, 0, false
}

// ackEvent classifies an answer to any of our requests so far.
func (a *assoc) ackEvent(m *wire.Message, ev event, rightSide bool) (event, Drop, bool) {
	switch {
	case !rightSide:
		return 0, DropWrongRole, true
	case m.Transaction > a.txSeq:
		return 0, DropTransaction, true
	}
	return ev, 0, false
}

func (a *assoc) helloEvent(m *wire.Message) (event, Drop, bool) {
	if !a.root {
		return 0, DropWrongRole, true
	}
	return a.requestEvent(m, evHELLO)
}

func (a *assoc) leaveEvent(m *wire.Message) (event, Drop, bool) {
	switch {
	case m.Flags&wire.FlagT != 0:
		return evLEAVET, 0, false
	case m.Reason.Code == wire.Cancel:
		return a.requestEvent(m, evCANCEL)
	}
	return a.requestEvent(m, evLEAVE)
}

// acceptEvent checks an ACCEPT: where we are the leaf it must name the session
// of the planes that we asked for, the root's data address must be the
// datagram's source, and callee data must fit.
func (a *assoc) acceptEvent(d *Datagram, m *wire.Message) (event, winsock.Errno) {
	switch {
	case a.state != stateJoining && a.state != stateWaiting:
		return evACCEPT, 0
	case !a.root && a.role.OfSession()&^m.Has != 0,
		m.Has&wire.HasRootData != 0 && m.RootData.Addr() != d.Src.Addr():
		return evBadACCEPT, winsock.WSAECONNREFUSED
	case !a.pending.fits(m.CalleeData):
		return evBadACCEPT, winsock.WSAEFAULT
	}
	return evACCEPT, 0
}
