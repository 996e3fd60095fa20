package stack

import (
	"cmp"
	"crypto/rand"
	"io"
	mathrand "math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp/node"
	"github.com/mpstack/mpstack/stack/ip"
	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/stack/mpj"
	"github.com/mpstack/mpstack/stack/qos"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/inet"
	wirempj "github.com/mpstack/mpstack/wire/mpj"
)

// Config configures a Stack. Name and Driver are needed.
type Config struct {
	Name    string         // the node's name in captures and traces
	Driver  Driver         // time, and a way to block; of this stack alone
	Seed    uint64         // of every random stream that is no secret
	Entropy io.Reader      // of tags and cookies; nil is crypto/rand. Seeded entropy is for simulation alone
	Router  bool           // forward, query for members, take part in RSVP as a router
	Refresh time.Duration  // RSVP's refresh period R; 0 is 30 s (RFC 2205 section 3.7)
	Trace   machine.Tracer // sees every transition; must not call the stack
}

// Stack is one host or router.
type Stack struct {
	name    string
	drv     Driver
	rand    *mathrand.Rand
	ip      *ip.Machine
	mpj     *mpj.Endpoint
	node    *node.Node
	qos     *qos.Agent
	ports   []*Port
	mpjUDP  [2]ip.UDPHandle // IPv4, IPv6
	udp     map[ip.UDPHandle]*binding
	assocs  map[mpj.AssocID]*Socket
	listens map[mpj.ListenerID]*Socket
	flows   map[qos.FlowID]*Socket
	sockets map[*Socket]struct{}
	todo    []func(now machine.Time) // runs when every machine's output is drained
	closed  bool

	txMu sync.Mutex // taken before the driver's lock is let go, so that frames leave in order
	tx   []txFrame
	buf  []byte // the bytes of tx
}

// txFrame is one frame to send: buf[from:to].
type txFrame struct {
	port     *Port
	from, to int
	cause    machine.Cause
}

// Port is one interface of a stack.
type Port struct {
	st    *Stack
	link  link.Link
	index int
	lost  uint64
}

// New returns a stack without ports.
func New(cfg Config) (*Stack, error) {
	if cfg.Entropy == nil {
		cfg.Entropy = rand.Reader
	}
	st := &Stack{
		name:    cfg.Name,
		drv:     cfg.Driver,
		rand:    machine.Rand(cfg.Seed, cfg.Name, "session"),
		udp:     make(map[ip.UDPHandle]*binding),
		assocs:  make(map[mpj.AssocID]*Socket),
		listens: make(map[mpj.ListenerID]*Socket),
		flows:   make(map[qos.FlowID]*Socket),
		sockets: make(map[*Socket]struct{}),
	}
	st.ip = ip.New(ip.Config{
		Node: cfg.Name, Rand: machine.Rand(cfg.Seed, cfg.Name, "ip"), Trace: cfg.Trace, Forwarding: cfg.Router,
		// A host takes RSVP that is addressed to it; a router also what passes with Router Alert.
		Intercept: []ip.Intercept{{Proto: inet.ProtoRSVP, RouterAlert: true}},
	})
	st.mpj = mpj.New(mpj.Config{
		Node: cfg.Name, Rand: machine.Rand(cfg.Seed, cfg.Name, "mpj"), Entropy: cfg.Entropy, Trace: cfg.Trace,
	})
	st.node = node.New(node.Config{
		Node: cfg.Name, Rand: machine.Rand(cfg.Seed, cfg.Name, "rsvp"), Trace: cfg.Trace,
		Router: cfg.Router, Routes: routes{st.ip}, RefreshPeriod: cfg.Refresh,
	})
	st.qos = qos.New(st.node)
	st.drv.Attach(st.advance)
	return st, nil
}

// Name returns the node's name.
func (st *Stack) Name() string { return st.name }

// AddPort gives the stack an interface on l with addrs, host addresses with
// the length of their networks' prefixes, and starts to take its frames.
func (st *Stack) AddPort(l link.Link, addrs ...netip.Prefix) (*Port, error) {
	now := st.begin()
	info := l.Info()
	p := &Port{st: st, link: l, index: len(st.ports) + 1}
	err := st.ip.AddInterface(now, ip.Interface{
		Index: p.index, Name: info.Port, MAC: info.MAC, MTU: info.MTU, Addrs: addrs, Up: true,
	})
	if err == nil {
		st.ports = append(st.ports, p)
		err = st.bindMPJ(now, addrs)
	}
	st.end(now)
	if err != nil {
		return nil, err
	}
	return p, st.drv.Serve(l, p.handle)
}

// bindMPJ binds the join protocol's port when the first address of a family
// appears.
func (st *Stack) bindMPJ(now machine.Time, addrs []netip.Prefix) error {
	for i, any := range []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
		has := slices.ContainsFunc(addrs, func(p netip.Prefix) bool { return p.Addr().Is6() == any.Is6() })
		if !has || st.mpjUDP[i] != 0 {
			continue
		}
		h, err := st.ip.BindUDP(now, ip.Bind{Local: netip.AddrPortFrom(any, wirempj.Port)})
		if err != nil {
			return err
		}
		st.mpjUDP[i] = h
	}
	return nil
}

// AddRoute adds a route to dst through the neighbour via.
func (st *Stack) AddRoute(dst netip.Prefix, via netip.Addr) error {
	now := st.begin()
	defer st.end(now)
	return st.ip.AddRoute(now, ip.Route{Dst: dst, Via: via})
}

// Quiet reports whether nothing is left in the stack: no socket, binding,
// association or reservation state, nor a timer of these.
func (st *Stack) Quiet() bool {
	st.drv.Lock()
	defer st.drv.Unlock()
	return len(st.sockets) == 0 && len(st.udp) == 0 && st.mpj.Quiet() && st.node.Quiet()
}

// Close closes every socket without a goodbye, the links and the driver.
// Blocking calls end.
func (st *Stack) Close() error {
	st.drv.Lock()
	st.closed = true
	st.drv.Changed()
	st.drv.Unlock()
	var first error
	for _, p := range st.ports {
		if err := p.link.Close(); err != nil && first == nil {
			first = err
		}
	}
	st.drv.Close()
	return first
}

// handle takes a frame from the port's link.
func (p *Port) handle(data []byte) {
	now := p.st.begin()
	p.st.ip.HandleFrame(now, p.index, data)
	p.st.end(now)
}

// Lost returns how many frames the port's link refused to send.
func (p *Port) Lost() uint64 { return p.lost }

// advance runs what is due.
func (st *Stack) advance() {
	now := st.begin()
	st.ip.Advance(now)
	st.settle(now)
	st.mpj.Advance(now)
	st.settle(now)
	st.node.Advance(now)
	st.end(now)
}

// begin locks the stack and returns the instant. Its counterpart is end.
func (st *Stack) begin() machine.Time {
	st.drv.Lock()
	return st.drv.Now()
}

// end lets every consequence run its course, unlocks, and sends.
func (st *Stack) end(now machine.Time) {
	st.settle(now)
	st.wake()
	st.drv.Changed()
	st.txMu.Lock()
	tx, buf := st.tx, st.buf
	st.tx, st.buf = nil, nil
	st.drv.Unlock()
	st.transmit(now, tx, buf)
	st.txMu.Unlock()
	if cap(buf) <= 1<<16 {
		st.recycle(tx, buf)
	}
}

// recycle gives the memory of sent frames back.
func (st *Stack) recycle(tx []txFrame, buf []byte) {
	st.drv.Lock()
	if st.tx == nil && st.buf == nil {
		st.tx, st.buf = tx[:0], buf[:0]
	}
	st.drv.Unlock()
}

// wait blocks the caller, inside begin and end, until cond holds; see
// [Driver.Wait]. What the caller has caused so far goes out first.
func (st *Stack) wait(cond func() bool, timeout time.Duration) bool {
	now := st.drv.Now()
	st.settle(now)
	st.wake()
	st.drv.Changed()
	st.txMu.Lock()
	st.transmit(now, st.tx, st.buf)
	st.tx, st.buf = st.tx[:0], st.buf[:0]
	st.txMu.Unlock()
	return st.drv.Wait(cond, timeout)
}

func (st *Stack) transmit(now machine.Time, tx []txFrame, buf []byte) {
	for _, f := range tx {
		err := f.port.link.Send(wire.Frame{
			Data: buf[f.from:f.to], At: now, Port: f.port.link.Info().Port, Dir: wire.DirOut, Cause: f.cause,
		})
		if err != nil {
			f.port.lost++
		}
	}
}

// wake tells the driver when the machines want to be called next.
func (st *Stack) wake() {
	var first machine.Time
	found := false
	for _, deadline := range []func() (machine.Time, bool){st.ip.Deadline, st.mpj.Deadline, st.node.Deadline} {
		if at, ok := deadline(); ok && (!found || at < first) {
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
			st.fromIP(now, *o)
		} else if o, ok := st.mpj.Next(); ok {
			st.fromMPJ(now, *o)
		} else if o, ok := st.node.Next(); ok {
			st.fromNode(now, *o)
		} else if i, ok := st.qos.Next(); ok {
			st.fromQOS(*i)
		} else if len(st.todo) > 0 {
			f := st.todo[0]
			st.todo = slices.Delete(st.todo, 0, 1)
			f(now)
		} else {
			return
		}
	}
}

func (st *Stack) port(index int) *Port { return st.ports[index-1] }

func (st *Stack) fromIP(now machine.Time, o ip.Output) {
	switch o.Kind {
	case ip.KindFrame:
		from := len(st.buf)
		st.buf = append(st.buf, o.Data...)
		st.tx = append(st.tx, txFrame{port: st.port(o.If), from: from, to: len(st.buf), cause: o.Cause})
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
	}
}

// deliver hands a datagram to the join protocol or to a socket.
func (st *Stack) deliver(now machine.Time, o ip.Output) {
	d := o.Datagram
	if o.Handle == st.mpjUDP[0] || o.Handle == st.mpjUDP[1] {
		st.mpj.HandleDatagram(now, mpj.Datagram{
			Src: d.Src, Dst: d.Dst, IfIndex: o.InIf, TTL: d.TTL, Payload: d.Payload, ChecksumZero: o.ChecksumZero,
		})
		return
	}
	if b := st.udp[o.Handle]; b != nil {
		b.deliver(o)
	}
}

func (st *Stack) unreachable(now machine.Time, o ip.Output) {
	reasons := [...]mpj.UnreachableReason{
		ip.ReasonPort: mpj.UnreachablePort, ip.ReasonHost: mpj.UnreachableHost,
		ip.ReasonNet: mpj.UnreachableNet, ip.ReasonPacketTooBig: mpj.PacketTooBig,
	}
	if o.Handle == st.mpjUDP[0] || o.Handle == st.mpjUDP[1] {
		st.mpj.HandleUnreachable(now, mpj.Unreachable{Src: o.Local, Dst: o.Remote, Reason: reasons[o.Reason]})
	}
}

func (st *Stack) fromMPJ(now machine.Time, o mpj.Output) {
	if o.Kind == mpj.KindEvent {
		e := o.Event // its handling may call the protocol again
		st.later(func(now machine.Time) { st.react(now, e) })
		return
	}
	// A datagram that cannot go is lost, as on any wire: the protocol repeats.
	_ = st.ip.HandleSendUDP(now, ip.Datagram{
		Src: o.Datagram.Src, Dst: o.Datagram.Dst, OutIf: o.Datagram.IfIndex, TTL: o.Datagram.TTL, DF: true,
		Payload: o.Datagram.Payload, Cause: o.Datagram.Cause,
	})
}

func (st *Stack) fromNode(now machine.Time, o node.Output) {
	switch o.Kind {
	case node.KindSend:
		_ = st.ip.HandleSend(now, ip.Packet{
			Src: o.Send.Src, Dst: o.Send.Dst, Proto: inet.ProtoRSVP, TTL: o.Send.TTL, TOS: o.Send.TOS,
			RouterAlert: o.Send.RouterAlert, OutIf: o.Send.OutIf, Payload: o.Send.Payload, Cause: o.Send.Cause,
		})
	case node.KindUpcall:
		st.qos.HandleUpcall(now, o.Upcall)
	}
}

func (st *Stack) fromQOS(i qos.Indication) {
	if s := st.flows[i.Flow]; s != nil {
		s.indicate(i)
	}
}

// routes lets the RSVP node read the IP layer's tables.
type routes struct{ m *ip.Machine }

func (r routes) Unicast(dst netip.Addr) (int, bool) {
	out, _, _, ok := r.m.RouteTo(dst)
	return out, ok
}

func (r routes) Multicast(src, group netip.Addr, inIf int) []int {
	return r.m.MulticastOutputs(src, group, inIf)
}

func (r routes) Address(ifIndex int, v6 bool) (netip.Addr, bool) { return r.m.Address(ifIndex, v6) }

func (r routes) IsLocal(a netip.Addr) bool { return r.m.IsLocal(a) }

func (r routes) MTU(ifIndex int) int { return r.m.MTU(ifIndex) }

// Counters returns the stack's nonzero counters by name, sorted.
func (st *Stack) Counters() []Counter {
	st.drv.Lock()
	defer st.drv.Unlock()
	var all []Counter
	counters := st.ip.Counters()
	for _, c := range counters.Table() {
		all = append(all, Counter{"ip/" + c.Name, c.Value})
	}
	all = slices.DeleteFunc(all, func(c Counter) bool { return c.Value == 0 })
	slices.SortFunc(all, func(a, b Counter) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// Counter is one counter: "layer/name" and its value.
type Counter struct {
	Name  string
	Value uint64
}
