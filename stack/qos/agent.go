package qos

import (
	"net/netip"

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

// Agent keeps the flows of one host's sockets.
type Agent struct {
	node   *node.Node
	flows  map[FlowID]*flow
	bySess map[node.SessionID]*flow
	last   FlowID
	out    machine.Queue[Indication]
}

// flow is the state of one socket's part in a session.
type flow struct {
	id      FlowID
	end     Endpoint
	qos     winsock.QOS
	confirm bool // asked for and not reported yet (Q32)
	session node.SessionID
	sending bool
	// senders are those heard of by PATH; reserved those asked for by RESV.
	senders   []sender
	reserved  bool
	receivers bool // a RESV has come
}

type sender struct {
	addr  netip.AddrPort
	tspec intserv.TSpec
}

// New returns an agent over n.
func New(n *node.Node) *Agent {
	return &Agent{node: n, flows: make(map[FlowID]*flow), bySess: make(map[node.SessionID]*flow)}
}

// Next returns the next indication.
func (a *Agent) Next() (*Indication, bool) { return a.out.Pop() }

// Open starts a flow with the QoS q, which [Check] has passed. It fails where
// the node refuses the session or the sender.
func (a *Agent) Open(now machine.Time, e Endpoint, q winsock.QOS) (FlowID, error) {
	id, err := a.node.Session(now, node.SessionSpec{
		Dst: e.Session.Addr(), Proto: inet.ProtoUDP, DstPort: e.Session.Port(),
	})
	if err != nil {
		return 0, err
	}
	a.last++
	f := &flow{id: a.last, end: e, session: id}
	a.flows[f.id] = f
	a.bySess[id] = f
	if err := a.apply(now, f, q); err != nil {
		a.Close(now, f.id)
		return 0, err
	}
	return f.id, nil
}

// Set changes the QoS of a running flow (Q12, Q44).
func (a *Agent) Set(now machine.Time, id FlowID, q winsock.QOS) error {
	return a.apply(now, a.flows[id], q)
}

// Close ends the flow: tears are sent (Q44).
func (a *Agent) Close(now machine.Time, id FlowID) {
	f := a.flows[id]
	if f == nil {
		return
	}
	delete(a.flows, id)
	delete(a.bySess, f.session)
	a.node.Release(now, f.session)
}

// apply takes over the directions of q that are not NOCHANGE (Q31).
func (a *Agent) apply(now machine.Time, f *flow, q winsock.QOS) error {
	if q.Sending.ServiceType != winsock.SERVICETYPE_NOCHANGE {
		f.qos.Sending = q.Sending
		if err := a.send(now, f); err != nil {
			return err
		}
	}
	if info, _ := reserveInfo(q.ProviderSpecific); info.ConfirmRequest {
		f.confirm = true
	}
	if q.Receiving.ServiceType != winsock.SERVICETYPE_NOCHANGE {
		f.qos.Receiving = q.Receiving
		return a.reserve(now, f)
	}
	return nil
}

// send starts, changes or ends the flow's PATH (Q7-Q11, Q44).
func (a *Agent) send(now machine.Time, f *flow) error {
	if !f.end.Sender.IsValid() {
		return nil // W44: the direction does not exist
	}
	if !signals(f.qos.Sending.ServiceType) {
		if f.sending {
			f.sending = false
			a.node.ReleaseSender(now, f.session, f.end.Sender)
		}
		return nil
	}
	err := a.node.Sender(now, f.session, node.SenderSpec{
		Src: f.end.Sender, TSpec: senderTSpec(f.qos.Sending), TTL: f.end.TTL, OutIf: f.end.If,
	})
	f.sending = err == nil
	return err
}

// reserve starts, changes or ends the flow's RESV: only where the socket
// receives, asks for a service, and a PATH is there (Q15, Q16).
func (a *Agent) reserve(now machine.Time, f *flow) error {
	wanted := a.wanted(f)
	if !f.end.Receives || !signals(f.qos.Receiving.ServiceType) || len(wanted) == 0 {
		if f.reserved {
			f.reserved = false
			a.node.ReleaseReservation(now, f.session)
		}
		return nil
	}
	spec := node.ReserveSpec{Style: rsvp.WF, InIf: f.end.If, Confirm: f.confirm}
	if f.end.Filter.IsValid() {
		spec.Style = rsvp.FF
	}
	spec.Flows = a.descriptors(f, wanted, spec.Style)
	err := a.node.Reserve(now, f.session, spec)
	f.reserved = err == nil
	return err
}

// wanted returns the senders with PATH that the flow reserves for.
func (a *Agent) wanted(f *flow) []sender {
	if !f.end.Filter.IsValid() {
		return f.senders
	}
	for _, s := range f.senders {
		if s.addr == f.end.Filter {
			return []sender{s}
		}
	}
	return nil
}

// descriptors makes RESV's flow descriptors: a flowspec for each sender with
// FF, one for all with WF.
func (a *Agent) descriptors(f *flow, senders []sender, style rsvp.Style) []node.FlowDescriptor {
	if style == rsvp.FF {
		var list []node.FlowDescriptor
		for _, s := range senders {
			list = append(list, node.FlowDescriptor{
				Filters: []netip.AddrPort{s.addr}, Flow: receiverFlowSpec(f.qos.Receiving, s.tspec),
			})
		}
		return list
	}
	t := senders[0].tspec
	for _, s := range senders[1:] {
		t = t.Merge(s.tspec)
	}
	return []node.FlowDescriptor{{Flow: receiverFlowSpec(f.qos.Receiving, t)}}
}

// HandleUpcall takes an upcall of the node.
func (a *Agent) HandleUpcall(now machine.Time, u node.Upcall) {
	f := a.bySess[u.Session]
	if f == nil {
		return
	}
	switch u.Kind {
	case node.PathEvent:
		a.pathCame(now, f, u)
	case node.PathTear:
		a.pathGone(now, f, u)
	case node.ResvEvent:
		if !f.receivers {
			f.receivers = true
			a.indicate(f, winsock.WSA_QOS_RECEIVERS, f.qos.Sending, true)
		}
	case node.ResvTear:
		if f.receivers {
			f.receivers = false
			a.indicate(f, winsock.WSA_QOS_NO_RECEIVERS, f.qos.Sending, true)
		}
	case node.ResvConfirm:
		if f.confirm { // one confirmation per request (Q32)
			f.confirm = false
			a.indicate(f, winsock.WSA_QOS_REQUEST_CONFIRMED, f.qos.Receiving, false)
		}
	case node.PathError:
		a.failed(f, u, f.qos.Sending, true)
	case node.ResvError:
		a.failed(f, u, f.qos.Receiving, false)
	}
}

// pathCame notes a sender, and reserves for it where that was waited for.
func (a *Agent) pathCame(now machine.Time, f *flow, u node.Upcall) {
	if !f.end.Receives {
		return
	}
	first := len(f.senders) == 0
	known := false
	for i := range f.senders {
		if f.senders[i].addr == u.Sender {
			known = true
			if f.senders[i].tspec == u.TSpec {
				return
			}
			f.senders[i].tspec = u.TSpec
		}
	}
	if !known {
		f.senders = append(f.senders, sender{u.Sender, u.TSpec})
	}
	if first {
		a.indicate(f, winsock.WSA_QOS_SENDERS, flowSpecOf(u.TSpec, winsock.SERVICETYPE_GENERAL_INFORMATION), false)
	}
	if err := a.reserve(now, f); err != nil {
		a.indicate(f, winsock.WSA_QOS_GENERIC_ERROR, f.qos.Receiving, false)
	}
}

func (a *Agent) pathGone(now machine.Time, f *flow, u node.Upcall) {
	for i := range f.senders {
		if f.senders[i].addr == u.Sender {
			f.senders = append(f.senders[:i], f.senders[i+1:]...)
			if len(f.senders) == 0 {
				f.reserved = false
				a.indicate(f, winsock.WSA_QOS_NO_SENDERS, f.qos.Receiving, false)
				return
			}
			// What is left is what the reservation is now for.
			_ = a.reserve(now, f)
			return
		}
	}
}

// failed reports an RSVP error.
func (a *Agent) failed(f *flow, u node.Upcall, spec winsock.FlowSpec, sending bool) {
	i := a.indication(f, 0, spec, sending)
	i.Status, i.Extended1, i.Extended2 = statusOf(uint8(u.Error.Code), u.Error.Value)
	a.out.Push(i)
}

// indicate queues an indication about one direction (Q35).
func (a *Agent) indicate(f *flow, status winsock.Errno, spec winsock.FlowSpec, sending bool) {
	a.out.Push(a.indication(f, status, spec, sending))
}

func (a *Agent) indication(f *flow, status winsock.Errno, spec winsock.FlowSpec, sending bool) Indication {
	i := Indication{Flow: f.id, Status: status, QOS: winsock.DefaultQOS}
	if sending {
		i.QOS.Sending = spec
	} else {
		i.QOS.Receiving = spec
	}
	return i
}
