package stack

import (
	"slices"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp/node"
	"github.com/mpstack/mpstack/stack/ip"
	"github.com/mpstack/mpstack/stack/mpj"
	"github.com/mpstack/mpstack/stack/qos"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/inet"
)

// advance runs what is due.
func (st *Stack) advance() {
	now := st.begin()
	defer st.end()
	if st.closed {
		return
	}
	st.ip.Advance(now)
	st.settle(now)
	st.mpj.Advance(now)
	st.settle(now)
	st.node.Advance(now)
}

// begin locks the stack and returns the instant. Its counterpart is end.
func (st *Stack) begin() machine.Time {
	st.drv.Lock()
	return st.drv.Now()
}

// end lets every consequence run its course, sends, and unlocks.
func (st *Stack) end() {
	st.flush()
	st.drv.Unlock()
}

// flush lets every consequence of what was done run its course and sends what
// came of it. While frames are sent the lock is let go; whoever comes next
// waits for its turn to send with the lock held, so frames leave in order.
func (st *Stack) flush() {
	now := st.drv.Now()
	st.settle(now)
	st.wake()
	st.drv.Changed()
	if len(st.tx.frames) == 0 {
		return
	}
	st.txMu.Lock()
	out := st.tx
	st.tx = batch{}
	st.drv.Unlock()
	transmit(now, out)
	st.txMu.Unlock()
	st.drv.Lock()
	st.tx.reuse(out)
}

// wait blocks the caller, inside begin and end, until cond holds; see
// [Driver.Wait]. What the caller has caused so far goes out first.
func (st *Stack) wait(cond func() bool, timeout time.Duration) bool {
	st.flush()
	return st.drv.Wait(cond, timeout)
}

func transmit(now machine.Time, out batch) {
	for _, f := range out.frames {
		err := f.port.link.Send(wire.Frame{
			Data: out.buf[f.from:f.to], At: now, Port: f.port.name, Dir: wire.DirOut, Cause: f.cause,
		})
		if err != nil {
			f.port.lost.Add(1)
		}
	}
}

// wake tells the driver when the machines want to be called next.
func (st *Stack) wake() {
	first, found := st.ip.Deadline()
	for _, m := range [...]interface{ Deadline() (machine.Time, bool) }{st.mpj, st.node} {
		if at, ok := m.Deadline(); ok && (!found || at < first) {
			first, found = at, true
		}
	}
	st.drv.Wake(first, found)
}

// later runs f when the outputs of every machine are drained: what reacts to
// an output by calling the machine that gave it goes through here.
func (st *Stack) later(f func(now machine.Time)) { st.todo = append(st.todo, f) }

// settle hands the outputs of each machine to the next until nothing is left.
// The IP layer is drained first, since its output bytes live shortest.
func (st *Stack) settle(now machine.Time) {
	for {
		if o, ok := st.ip.Next(); ok {
			st.fromIP(now, o)
		} else if o, ok := st.mpj.Next(); ok {
			st.fromMPJ(now, o)
		} else if o, ok := st.node.Next(); ok {
			st.fromNode(now, o)
		} else if i, ok := st.qos.Next(); ok {
			st.fromQOS(i)
		} else if len(st.todo) > 0 {
			f := st.todo[0]
			st.todo = slices.Delete(st.todo, 0, 1)
			f(now)
		} else {
			return
		}
	}
}

// fromIP takes an output of the IP layer. It calls that layer for nothing but
// pure reads.
func (st *Stack) fromIP(now machine.Time, o *ip.Output) {
	switch o.Kind {
	case ip.KindFrame:
		st.tx.add(st.port(o.If), o.Data, o.Cause)
	case ip.KindDatagram:
		st.deliver(now, o)
	case ip.KindPacket:
		if o.Proto == inet.ProtoRSVP {
			st.node.HandleMessage(now, node.Incoming{
				InIf: o.InIf, Src: o.Src, Dst: o.Dst, TTL: o.TTL, RouterAlert: o.RouterAlert, Payload: o.Payload,
			})
		}
	case ip.KindUnreachable:
		st.unreachable(now, o)
	case ip.KindMulticastRoute:
		st.node.HandleRouteChange(now, node.RouteChange{Src: o.Src, Dst: o.Group})
	case ip.KindAddress:
		st.addressGone(now, o)
	case ip.KindRoute: // it decides about destinations, and about what comes from sources
		st.node.HandleRouteChange(now, node.RouteChange{})
	}
}

// addressGone ends the associations of an address that went away. A link-local
// one may be on several interfaces.
func (st *Stack) addressGone(now machine.Time, o *ip.Output) {
	if o.Address == ip.AddressReady || o.Handle != 0 {
		return
	}
	ifIndex := 0
	if o.Prefix.Addr().IsLinkLocalUnicast() {
		ifIndex = o.If
	}
	st.mpj.HandleAddressGone(now, o.Prefix.Addr(), ifIndex)
}

// deliver hands a datagram to the join protocol or to a socket.
func (st *Stack) deliver(now machine.Time, o *ip.Output) {
	d := &o.Datagram
	if st.isMPJ(o.Handle) {
		st.mpj.HandleDatagram(now, mpj.Datagram{
			Src: d.Src, Dst: d.Dst, IfIndex: o.InIf, TTL: d.TTL, Payload: d.Payload, ChecksumZero: o.ChecksumZero,
		})
	} else if s := st.udp[o.Handle]; s != nil {
		s.deliver(d)
	}
}

func (st *Stack) isMPJ(h ip.UDPHandle) bool { return h == st.mpjUDP[0] || h == st.mpjUDP[1] }

// unreachable tells the join protocol what ICMP said. Data is not answered
// for: UDP sockets of a session hear nothing of it.
func (st *Stack) unreachable(now machine.Time, o *ip.Output) {
	if !st.isMPJ(o.Handle) {
		return
	}
	switch o.Reason {
	case ip.ReasonTTL, ip.ReasonReassembly, ip.ReasonParamProblem:
		return // the next one may arrive
	}
	reasons := [...]mpj.UnreachableReason{
		ip.ReasonPort: mpj.UnreachablePort, ip.ReasonProtocol: mpj.UnreachablePort, ip.ReasonHost: mpj.UnreachableHost,
		ip.ReasonNet: mpj.UnreachableNet, ip.ReasonAdmin: mpj.UnreachableNet, ip.ReasonPacketTooBig: mpj.PacketTooBig,
	}
	st.mpj.HandleUnreachable(now, mpj.Unreachable{Src: o.Local, Dst: o.Remote, Reason: reasons[o.Reason]})
}

func (st *Stack) fromMPJ(now machine.Time, o *mpj.Output) {
	if o.Kind == mpj.KindEvent {
		e := o.Event // its handling may call the protocol again
		st.later(func(now machine.Time) { st.react(now, &e) })
		return
	}
	err := st.ip.HandleSendUDP(now, ip.Datagram{
		Src: o.Datagram.Src, Dst: o.Datagram.Dst, OutIf: o.Datagram.IfIndex, TTL: o.Datagram.TTL, DF: true,
		Payload: o.Datagram.Payload, Cause: o.Datagram.Cause,
	})
	if err != nil { // lost, as on any wire: the protocol repeats
		st.drops.join++
	}
}

func (st *Stack) fromNode(now machine.Time, o *node.Output) {
	switch o.Kind {
	case node.KindSend:
		err := st.ip.HandleSend(now, ip.Packet{
			Src: o.Send.Src, Dst: o.Send.Dst, Proto: inet.ProtoRSVP, TTL: o.Send.TTL, TOS: o.Send.TOS,
			RouterAlert: o.Send.RouterAlert, OutIf: o.Send.OutIf, Payload: o.Send.Payload, Cause: o.Send.Cause,
		})
		if err != nil {
			st.drops.rsvp++
		}
	case node.KindUpcall:
		st.qos.HandleUpcall(now, o.Upcall)
	}
}

func (st *Stack) fromQOS(i *qos.Indication) {
	if s := st.flows[i.Flow]; s != nil {
		s.indicate(i)
	}
}
