package nodetest

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/node"
)

// Delay is how long a segment takes to deliver a message.
const Delay = time.Millisecond

// Net is a network. Make hosts and segments, attach, then Run.
type Net struct {
	Seed  uint64
	Now   machine.Time
	Hosts []*Host
	// Lose, if set, is asked for each message as it is sent; true loses it.
	Lose func(Sent) bool
	// Log has every message sent, lost ones included, in order.
	Log []Sent

	wire []inFlight
	seq  int
}

// New returns an empty network whose time begins at the virtual epoch.
func New(seed uint64) *Net { return &Net{Seed: seed, Now: machine.VirtualEpoch} }

// Sent is one message as it left a host.
type Sent struct {
	At   machine.Time
	From string // host
	Lost bool
	node.Send
}

// String returns the message in one line: when, from where, what.
func (s Sent) String() string {
	return fmt.Sprintf("%v %s>%d %s [%s]", s.At.Sub(machine.VirtualEpoch), s.From, s.OutIf, Text(s.Payload), s.Cause)
}

// Text returns an RSVP message in one line: type, styles, filters and rates.
func Text(payload []byte) string {
	var m rsvp.Message
	if err := m.Decode(payload); err != nil {
		return err.Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%v %v", m.Type, m.Session)
	if m.Sender.IsValid() {
		fmt.Fprintf(&b, " %v", m.Sender)
	}
	if m.Style != 0 {
		fmt.Fprintf(&b, " %v", m.Style)
	}
	for _, d := range m.Flows {
		fmt.Fprintf(&b, " %v{%g}", d.Filters, d.FlowSpec.Bandwidth())
	}
	if m.HasScope {
		fmt.Fprintf(&b, " scope %v", m.Scope)
	}
	if m.Confirm.IsValid() {
		fmt.Fprintf(&b, " confirm %v", m.Confirm)
	}
	if m.Has(rsvp.ClassErrorSpec) && m.Type != rsvp.ResvConf {
		fmt.Fprintf(&b, " %v", m.Error)
	}
	return b.String()
}

// inFlight is a message on a segment.
type inFlight struct {
	at   machine.Time
	seq  int
	to   *port
	from netip.Addr
	dst  netip.Addr
	ttl  uint8
	ra   bool
	data []byte
}

// Segment is a broadcast medium.
type Segment struct{ ports []*port }

// port attaches a host to a segment.
type port struct {
	host    *Host
	index   int
	seg     *Segment
	addrs   []netip.Addr
	down    bool
	members map[netip.Addr]bool // groups joined here
}

// Kind of a host.
type Kind uint8

// Kinds of hosts.
const (
	EndHost Kind = iota
	Router       // with RSVP
	NoRSVP       // a router without RSVP: passes everything on
)

// Host is a node of the network.
type Host struct {
	Name    string
	Node    *node.Node // nil for NoRSVP
	Upcalls []node.Upcall
	TC      []node.TCRequest
	// Answer, if set, answers requests to traffic control at once. Without it
	// they stay open.
	Answer func(node.TCRequest) error

	net      *Net
	kind     Kind
	ports    []*port
	answered int // of TC
}

// Host adds a host. change, if not nil, edits its configuration.
func (n *Net) Host(name string, kind Kind, change func(*node.Config)) *Host {
	h := &Host{Name: name, net: n, kind: kind}
	n.Hosts = append(n.Hosts, h)
	if kind == NoRSVP {
		return h
	}
	cfg := node.Config{
		Node: name, Rand: machine.Rand(n.Seed, name, "rsvp"), Router: kind == Router, Routes: routes{h},
	}
	if change != nil {
		change(&cfg)
	}
	h.Node = node.New(cfg)
	return h
}

// Segment adds a segment without hosts.
func (n *Net) Segment() *Segment { return &Segment{} }

// Attach gives a host an interface on a segment and returns its number, from 1.
func (h *Host) Attach(s *Segment, addrs ...string) int {
	p := &port{host: h, index: len(h.ports) + 1, seg: s, members: map[netip.Addr]bool{}}
	for _, a := range addrs {
		p.addrs = append(p.addrs, netip.MustParseAddr(a))
	}
	h.ports, s.ports = append(h.ports, p), append(s.ports, p)
	return p.index
}

// Join makes a host a member of a group on an interface and tells the routers.
func (h *Host) Join(index int, group netip.Addr) {
	h.port(index).members[group] = true
	h.net.routeChange(group)
}

// Leave is the opposite of Join.
func (h *Host) Leave(index int, group netip.Addr) {
	delete(h.port(index).members, group)
	h.net.routeChange(group)
}

// Link takes an interface down or up and tells every node.
func (h *Host) Link(index int, up bool) {
	h.port(index).down = !up
	for _, g := range h.net.Hosts {
		switch {
		case g.Node == nil:
			continue
		case g == h:
			g.Node.HandleLinkChange(h.net.Now, index, up)
		default:
			g.Node.HandleRouteChange(h.net.Now, node.RouteChange{})
		}
		g.drain()
	}
}

func (n *Net) routeChange(dst netip.Addr) {
	for _, h := range n.Hosts {
		if h.Node != nil && h.kind == Router {
			h.Node.HandleRouteChange(n.Now, node.RouteChange{Dst: dst})
			h.drain()
		}
	}
}

func (h *Host) port(index int) *port { return h.ports[index-1] }

// Do calls f with the host's node, then takes the outputs.
func (h *Host) Do(f func(now machine.Time, n *node.Node)) {
	f(h.net.Now, h.Node)
	h.drain()
	h.AnswerAll()
}

// Events returns the host's upcalls of one kind.
func (h *Host) Events(kind node.UpcallKind) (list []node.Upcall) {
	for _, u := range h.Upcalls {
		if u.Kind == kind {
			list = append(list, u)
		}
	}
	return list
}

// drain takes the node's outputs: messages go on the wire.
func (h *Host) drain() {
	for {
		o, ok := h.Node.Next()
		if !ok {
			return
		}
		switch o.Kind {
		case node.KindSend:
			h.send(o.Send)
		case node.KindUpcall:
			u := o.Upcall
			u.Filters = slices.Clone(u.Filters)
			h.Upcalls = append(h.Upcalls, u)
		case node.KindTC:
			r := o.TC
			r.Filters = slices.Clone(r.Filters)
			h.TC = append(h.TC, r)
		}
	}
}

// AnswerAll lets Answer answer the requests that are open.
func (h *Host) AnswerAll() {
	for ; h.Answer != nil && h.answered < len(h.TC); h.answered++ {
		if r := h.TC[h.answered]; r.Op != node.TCRemove {
			h.Node.HandleTCResult(h.net.Now, r.ID, h.Answer(r))
			h.drain()
		}
	}
}

func (h *Host) send(s node.Send) {
	s.Payload = slices.Clone(s.Payload)
	sent := Sent{At: h.net.Now, From: h.Name, Send: s}
	sent.Lost = h.net.Lose != nil && h.net.Lose(sent)
	h.net.Log = append(h.net.Log, sent)
	if !sent.Lost {
		h.transmit(s.OutIf, s.Src, s.Dst, s.TTL, s.RouterAlert, s.Payload)
	}
}

// transmit puts a message on a segment: to everyone for a group, else to the
// next host on the way.
func (h *Host) transmit(out int, src, dst netip.Addr, ttl uint8, ra bool, data []byte) {
	if dst.IsMulticast() {
		p := h.port(out)
		for _, q := range p.seg.ports {
			if q != p {
				h.net.fly(p, q, src, dst, ttl, ra, data)
			}
		}
		return
	}
	p, q := h.nextHop(dst)
	if q != nil {
		h.net.fly(p, q, src, dst, ttl, ra, data)
	}
}

func (n *Net) fly(p, q *port, src, dst netip.Addr, ttl uint8, ra bool, data []byte) {
	if p.down || q.down {
		return
	}
	n.seq++
	n.wire = append(n.wire, inFlight{n.Now.Add(Delay), n.seq, q, src, dst, ttl, ra, data})
}

// receive is what a host does with a message that came in.
func (h *Host) receive(f inFlight) {
	local := routes{h}.IsLocal(f.dst) || f.to.members[f.dst]
	take := local || h.kind == Router && f.ra
	switch {
	case h.Node != nil && take:
		h.Node.HandleMessage(h.net.Now, node.Incoming{
			InIf: f.to.index, Src: f.from, Dst: f.dst, TTL: f.ttl, RouterAlert: f.ra, Payload: f.data,
		})
		h.drain()
		h.AnswerAll()
	case h.kind == EndHost || f.ttl <= 1:
	case f.dst.IsMulticast():
		for _, out := range (routes{h}).Multicast(f.from, f.dst, f.to.index) {
			h.transmit(out, f.from, f.dst, f.ttl-1, f.ra, f.data)
		}
	default:
		h.transmit(0, f.from, f.dst, f.ttl-1, f.ra, f.data)
	}
}

// RunFor lets time pass.
func (n *Net) RunFor(d time.Duration) { n.Run(n.Now.Add(d)) }

// Run processes everything that is due up to an instant.
func (n *Net) Run(until machine.Time) {
	for n.step(until) {
	}
	n.Now = max(n.Now, until)
}

// step does what is due first: a delivery before a timer at the same instant.
func (n *Net) step(until machine.Time) bool {
	at, i := until+1, -1
	for j, f := range n.wire {
		if f.at < at || f.at == at && i >= 0 && f.seq < n.wire[i].seq {
			at, i = f.at, j
		}
	}
	var due *Host
	for _, h := range n.Hosts {
		if h.Node == nil {
			continue
		}
		if d, ok := h.Node.Deadline(); ok && d < at {
			at, due = d, h
		}
	}
	switch {
	case at > until:
		return false
	case due != nil:
		n.Now = max(n.Now, at)
		due.Node.Advance(n.Now)
		due.drain()
		due.AnswerAll()
	default:
		f := n.wire[i]
		n.wire = slices.Delete(n.wire, i, i+1)
		n.Now = f.at
		f.to.host.receive(f)
	}
	return true
}

// Quiet reports that no node has anything left and nothing is in flight.
func (n *Net) Quiet() bool {
	for _, h := range n.Hosts {
		if h.Node != nil && !h.Node.Quiet() {
			return false
		}
	}
	return len(n.wire) == 0
}

// Take returns the log as lines and empties it.
func (n *Net) Take() []string {
	lines := make([]string, len(n.Log))
	for i, s := range n.Log {
		lines[i] = s.String()
	}
	n.Log = nil
	return lines
}
