package qos

import (
	"net/netip"
	"slices"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/intserv"
	"github.com/mpstack/mpstack/rsvp/node"
	"github.com/mpstack/mpstack/stack/winsock"
	"github.com/mpstack/mpstack/wire/inet"
)

// FlowID names a flow; 0 is none.
type FlowID uint32

// Endpoint is a socket's place in an RSVP session.
type Endpoint struct {
	Session  netip.AddrPort // where the data goes: DestAddress and DstPort
	Sender   netip.AddrPort // the socket's sender template; invalid where it does not send
	Receives bool
	Filter   netip.AddrPort // the one sender that is reserved for (FF); invalid: any (WF, Q23)
	If       int            // where it sends and receives
	TTL      uint8          // of its data
}

// Indication is one answer of the network about a flow (Q33, Q35).
type Indication struct {
	Flow      FlowID
	Status    winsock.Errno // WSA_QOS_ code
	Extended1 uint32        // GQOS class
	Extended2 uint32        // GQOS value
	QOS       winsock.QOS   // the direction concerned; the other is NOCHANGE
}

// Agent keeps the flows of one host's sockets. Several may be in one RSVP
// session. It is a machine without timers over the node, whose outputs its
// owner hands to HandleUpcall. It is not safe for concurrent use.
type Agent struct {
	node   *node.Node
	flows  map[FlowID]*flow
	bySess map[node.SessionID]*flow
	last   FlowID
	out    machine.Queue[Indication]
}

// flow is the state of one socket's part in a session.
type flow struct {
	id        FlowID
	end       Endpoint
	session   node.SessionID // a registration of its own
	qos       winsock.QOS    // as asked for
	confirm   bool           // asked for and not reported yet (Q32)
	sending   bool           // the node has our sender
	reserved  bool           // the node has our reservation
	receivers bool           // a RESV has come
	senders   []sender       // those heard of by PATH, in the order of hearing
}

type sender struct {
	addr  netip.AddrPort
	tspec intserv.TSpec
	mtu   uint32 // of the path, 0: unknown
}

// New returns an agent over n.
func New(n *node.Node) *Agent {
	return &Agent{node: n, flows: make(map[FlowID]*flow), bySess: make(map[node.SessionID]*flow)}
}

// Next returns the next indication, valid until the next call.
func (a *Agent) Next() (*Indication, bool) { return a.out.Pop() }

// Quiet reports whether there is neither a flow nor an indication.
func (a *Agent) Quiet() bool { return len(a.flows) == 0 && a.out.Len() == 0 }

// Open starts a flow with the QoS q, which [Check] has passed. It fails where
// the node refuses the session or the sender, and then nothing is left.
func (a *Agent) Open(now machine.Time, e Endpoint, q winsock.QOS) (FlowID, error) {
	id, err := a.node.Session(now, node.SessionSpec{
		Dst: e.Session.Addr(), Proto: inet.ProtoUDP, DstPort: e.Session.Port(),
	})
	if err != nil {
		return 0, err
	}
	a.last++
	f := &flow{id: a.last, end: e, session: id, qos: winsock.DefaultQOS}
	a.flows[f.id] = f
	a.bySess[id] = f
	if err := a.apply(now, f, q); err != nil {
		a.Close(now, f.id)
		return 0, err
	}
	return f.id, nil
}

// Set changes the QoS of a running flow (Q12, Q44). Where it fails the flow
// goes on as it was.
func (a *Agent) Set(now machine.Time, id FlowID, q winsock.QOS) error {
	f := a.flows[id]
	if f == nil {
		return node.ErrSession
	}
	return a.apply(now, f, q)
}

// Close ends the flow: tears are sent (Q44). Indications of it that wait are
// dropped by whoever no longer knows it.
func (a *Agent) Close(now machine.Time, id FlowID) {
	f := a.flows[id]
	if f == nil {
		return
	}
	delete(a.flows, id)
	delete(a.bySess, f.session)
	_ = a.node.Release(now, f.session) // it is ours, so it is known
}

// Prompt has PATH sent early where the flow sends: a receiver is known to be
// new, and on a link without a router nothing else would tell RSVP so.
func (a *Agent) Prompt(now machine.Time, id FlowID) {
	if f := a.flows[id]; f != nil && f.sending {
		_ = a.node.RefreshPath(now, f.session, f.end.Sender) // a sender that is gone needs none
	}
}

// apply takes over the directions of q that are not NOCHANGE (Q31). Where one
// is refused, both are as before.
func (a *Agent) apply(now machine.Time, f *flow, q winsock.QOS) error {
	before, confirm := f.qos, f.confirm
	f.qos = Overlay(f.qos, q)
	if reserveInfo(q.ProviderSpecific).ConfirmRequest {
		f.confirm = true
	}
	err := a.send(now, f)
	if err == nil {
		err = a.reserve(now, f)
	}
	if err != nil {
		f.qos, f.confirm = before, confirm
		_ = a.send(now, f) // as it was admitted before
	}
	return err
}

// send starts, changes or ends the flow's PATH (Q7-Q11, Q44).
func (a *Agent) send(now machine.Time, f *flow) error {
	if !f.end.Sender.IsValid() {
		return nil // W44: the direction does not exist
	}
	if !signals(f.qos.Sending.ServiceType) {
		if f.sending {
			f.sending = false
			return a.node.ReleaseSender(now, f.session, f.end.Sender)
		}
		return nil
	}
	err := a.node.Sender(now, f.session, node.SenderSpec{
		Src: f.end.Sender, TSpec: senderTSpec(f.qos.Sending), TTL: f.end.TTL, OutIf: f.end.If,
		Services: offered(f.qos.Sending.ServiceType),
	})
	f.sending = f.sending || err == nil
	return err
}

// reserve starts, changes or ends the flow's RESV: only where the socket
// receives, asks for a service, and a PATH is there (Q15, Q16).
func (a *Agent) reserve(now machine.Time, f *flow) error {
	if !f.end.Receives || !signals(f.qos.Receiving.ServiceType) || len(f.senders) == 0 {
		if f.reserved {
			f.reserved = false
			return a.node.ReleaseReservation(now, f.session)
		}
		return nil
	}
	err := a.node.Reserve(now, f.session, f.reservation())
	f.reserved = f.reserved || err == nil
	return err
}

// reservation is the flow's request: FF for its one sender, or WF for all (Q23).
func (f *flow) reservation() node.ReserveSpec {
	spec := node.ReserveSpec{Style: rsvp.WF, InIf: f.end.If, Confirm: f.confirm}
	t, mtu := f.senders[0].tspec, f.senders[0].mtu
	if f.end.Filter.IsValid() {
		spec.Style = rsvp.FF
		spec.Flows = []node.FlowDescriptor{{
			Filters: []netip.AddrPort{f.end.Filter}, Flow: receiverFlowSpec(f.qos.Receiving, t, mtu),
		}}
		return spec
	}
	for _, s := range f.senders[1:] {
		t, mtu = t.Merge(s.tspec), lowerMTU(mtu, s.mtu)
	}
	spec.Flows = []node.FlowDescriptor{{Flow: receiverFlowSpec(f.qos.Receiving, t, mtu)}}
	return spec
}

// lowerMTU returns the smaller of two MTUs, of which 0 is unknown.
func lowerMTU(a, b uint32) uint32 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// HandleUpcall takes an upcall of the node. Those of flows that are closed are
// dropped.
func (a *Agent) HandleUpcall(now machine.Time, u node.Upcall) {
	f := a.bySess[u.Session]
	if f == nil {
		return
	}
	switch u.Kind {
	case node.PathEvent:
		a.pathCame(now, f, &u)
	case node.PathTear:
		a.pathGone(now, f, &u)
	case node.ResvEvent:
		if !f.receivers {
			f.receivers = true
			a.indicate(f, winsock.WSA_QOS_RECEIVERS, f.qos.Sending, true)
		}
	case node.ResvTear:
		if f.receivers && u.Left == 0 {
			f.receivers = false
			a.indicate(f, winsock.WSA_QOS_NO_RECEIVERS, f.qos.Sending, true)
		}
	case node.ResvConfirm:
		if f.confirm { // one confirmation per request (Q32)
			f.confirm = false
			a.indicate(f, winsock.WSA_QOS_REQUEST_CONFIRMED, f.qos.Receiving, false)
		}
	case node.PathError:
		a.failed(f, &u, f.qos.Sending, true)
	case node.ResvError:
		a.failed(f, &u, f.qos.Receiving, false)
	}
}

// pathCame notes a sender, and reserves for it where that was waited for. Of a
// flow with a filter only that sender counts.
func (a *Agent) pathCame(now machine.Time, f *flow, u *node.Upcall) {
	if !f.end.Receives || f.end.Filter.IsValid() && u.Sender != f.end.Filter {
		return
	}
	s := sender{addr: u.Sender, tspec: u.TSpec, mtu: pathMTU(u, f.qos.Receiving)}
	i := f.index(u.Sender)
	switch {
	case i < 0:
		f.senders = append(f.senders, s)
	case f.senders[i] == s:
		return // a change of what does not count here
	default:
		f.senders[i] = s
	}
	if i < 0 && len(f.senders) == 1 {
		a.indicate(f, winsock.WSA_QOS_SENDERS, flowSpecOf(u.TSpec, winsock.SERVICETYPE_GENERAL_INFORMATION), false)
	}
	a.reserveAgain(now, f)
}

// pathGone forgets a sender. What is left is what the reservation is then for;
// after the last there is none (Q15).
func (a *Agent) pathGone(now machine.Time, f *flow, u *node.Upcall) {
	i := f.index(u.Sender)
	if i < 0 {
		return
	}
	f.senders = slices.Delete(f.senders, i, i+1)
	a.reserveAgain(now, f)
	if len(f.senders) == 0 {
		a.indicate(f, winsock.WSA_QOS_NO_SENDERS, f.qos.Receiving, false)
	}
}

func (f *flow) index(addr netip.AddrPort) int {
	return slices.IndexFunc(f.senders, func(s sender) bool { return s.addr == addr })
}

// reserveAgain reserves for the senders that there are now. There is no call
// to refuse: the socket is told.
func (a *Agent) reserveAgain(now machine.Time, f *flow) {
	if err := a.reserve(now, f); err != nil {
		a.indicate(f, ErrnoOf(err), f.qos.Receiving, false)
	}
}

// failed reports an RSVP error.
func (a *Agent) failed(f *flow, u *node.Upcall, spec winsock.FlowSpec, sending bool) {
	i := f.indication(0, spec, sending)
	i.Status, i.Extended1, i.Extended2 = statusOf(u.Error.Code, u.Error.Value)
	a.out.Push(i)
}

// indicate queues an indication about one direction (Q35).
func (a *Agent) indicate(f *flow, status winsock.Errno, spec winsock.FlowSpec, sending bool) {
	a.out.Push(f.indication(status, spec, sending))
}

func (f *flow) indication(status winsock.Errno, spec winsock.FlowSpec, sending bool) Indication {
	i := Indication{Flow: f.id, Status: status, QOS: winsock.DefaultQOS}
	if sending {
		i.QOS.Sending = spec
	} else {
		i.QOS.Receiving = spec
	}
	return i
}
