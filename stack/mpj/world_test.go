package mpj

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	wire "github.com/mpstack/mpstack/wire/mpj"
)

// world is a few endpoints on a wire, in virtual time.
type world struct {
	t     testing.TB
	start machine.Time
	now   machine.Time
	nodes []*node
	delay time.Duration
	// fate says what the wire does to a datagram: how many copies arrive, each
	// after the delay and an extra one. Nil delivers one.
	fate func(d *Datagram, m *wire.Message) []time.Duration

	flight []packet
	seq    int
	lines  []string // what passed: "a>b JOIN"
	log    strings.Builder
}

type packet struct {
	at  machine.Time
	seq int
	d   Datagram
}

// node is an endpoint and what it told.
type node struct {
	w      *world
	name   string
	addr   netip.Addr
	e      *Endpoint
	events []Event
	// on is called for every event, so that a test can answer requests.
	on func(Event)
}

const testDelay = 5 * time.Millisecond

func newWorld(t testing.TB) *world {
	return &world{t: t, start: machine.VirtualEpoch, now: machine.VirtualEpoch, delay: testDelay}
}

// add adds a node with an address; change may alter its configuration.
func (w *world) add(name, addr string, change ...func(*Config)) *node {
	cfg := Config{
		Node:    name,
		Rand:    machine.Rand(1, name, "mpj"),
		Entropy: machine.SeededEntropy(1, name, "mpj"),
		Trace:   func(t machine.Transition) { fmt.Fprintln(&w.log, t.At, t) },
	}
	for _, c := range change {
		c(&cfg)
	}
	n := &node{w: w, name: name, addr: netip.MustParseAddr(addr), e: New(cfg)}
	w.nodes = append(w.nodes, n)
	return n
}

// drain takes the outputs of every node until there are none.
func (w *world) drain() {
	for again := true; again; {
		again = false
		for _, n := range w.nodes {
			for {
				out, ok := n.e.Next()
				if !ok {
					break
				}
				again = true
				if out.Kind == KindDatagram {
					w.send(n, out.Datagram)
					continue
				}
				n.events = append(n.events, out.Event)
				fmt.Fprintf(&w.log, "%v %s event %v %v %v\n", w.now, n.name, out.Event.Kind, out.Event.Reason, out.Event.WSA.Name())
				if n.on != nil {
					n.on(out.Event)
				}
			}
		}
	}
}

// send puts a datagram on the wire.
func (w *world) send(from *node, d Datagram) {
	var m wire.Message
	if err := m.Decode(d.Payload); err != nil {
		w.t.Fatalf("%s sent what does not decode: %v", from.name, err)
	}
	if d.TTL != 64 || !d.DF || d.Src.Port() != wire.Port || d.Dst.Port() != wire.Port || d.Cause == "" {
		w.t.Errorf("%s sent %v with TTL %d, DF %v, %v > %v, cause %q", from.name, m.Type, d.TTL, d.DF, d.Src, d.Dst, d.Cause)
	}
	if d.Src.Addr() != from.addr {
		w.t.Errorf("%s sent from %v", from.name, d.Src)
	}
	line := fmt.Sprintf("%s>%s %v", from.name, w.nameOf(d.Dst.Addr()), m.Type)
	if m.Has&wire.HasReason != 0 {
		line += " " + m.Reason.Code.String()
	}
	if m.Flags&wire.FlagT != 0 {
		line += " T"
	}
	w.lines = append(w.lines, line)
	fmt.Fprintf(&w.log, "%v %s %x (%s)\n", w.now, line, d.Payload, d.Cause)
	d.Payload = slices.Clone(d.Payload)
	d.Cause = ""
	after := []time.Duration{0}
	if w.fate != nil {
		after = w.fate(&d, &m)
	}
	for _, extra := range after {
		w.seq++
		w.flight = append(w.flight, packet{w.now.Add(w.delay + extra), w.seq, d})
	}
}

func (w *world) nameOf(a netip.Addr) string {
	for _, n := range w.nodes {
		if n.addr == a {
			return n.name
		}
	}
	return "?"
}

// next returns when something happens next.
func (w *world) next() (machine.Time, bool) {
	var at machine.Time
	found := false
	earlier := func(t machine.Time) {
		if !found || t < at {
			at, found = t, true
		}
	}
	for _, p := range w.flight {
		earlier(p.at)
	}
	for _, n := range w.nodes {
		if t, ok := n.e.Deadline(); ok {
			earlier(t)
		}
	}
	return at, found
}

// run lets the given time pass.
func (w *world) run(d time.Duration) {
	end := w.now.Add(d)
	w.drain()
	for {
		at, ok := w.next()
		if !ok || at > end {
			break
		}
		w.now = max(w.now, at)
		w.deliver()
		for _, n := range w.nodes {
			n.e.Advance(w.now)
			w.drain()
		}
	}
	w.now = end
}

// deliver hands over what is due.
func (w *world) deliver() {
	for {
		due := -1
		for i, p := range w.flight {
			if p.at <= w.now && (due < 0 || p.at < w.flight[due].at || p.at == w.flight[due].at && p.seq < w.flight[due].seq) {
				due = i
			}
		}
		if due < 0 {
			return
		}
		d := w.flight[due].d
		w.flight = slices.Delete(w.flight, due, due+1)
		for _, n := range w.nodes {
			if n.addr == d.Dst.Addr() {
				d.IfIndex = 1
				n.e.HandleDatagram(w.now, d)
				clear(d.Payload) // nothing may keep it
				w.drain()
				break
			}
		}
	}
}

// settle runs until nothing is left to happen, and checks that every node is
// quiet. Listeners must be closed before.
func (w *world) settle() {
	w.t.Helper()
	w.run(5 * time.Minute)
	for _, n := range w.nodes {
		if !n.e.Quiet() {
			w.t.Errorf("%s is not quiet: %+v", n.name, n.e.Snapshot(0, 10))
		}
	}
}

// expectLines checks what passed the wire, repeated HELLOs left out.
func (w *world) expectLines(want ...string) {
	w.t.Helper()
	got := slices.DeleteFunc(slices.Clone(w.lines), func(l string) bool { return strings.Contains(l, "HELLO") })
	if !slices.Equal(got, want) {
		w.t.Errorf("on the wire:\n  %s\nwant:\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// told returns the node's events in short: "refused WSAECONNREFUSED REFUSED".
func (n *node) told() []string {
	var all []string
	for _, ev := range n.events {
		s := ev.Kind.String()
		if ev.WSA != 0 {
			s += " " + ev.WSA.Name()
		}
		if ev.Reason != 0 {
			s += " " + ev.Reason.String()
		}
		all = append(all, s)
	}
	return all
}

func (n *node) expect(want ...string) {
	n.w.t.Helper()
	if got := n.told(); !slices.Equal(got, want) {
		n.w.t.Errorf("%s was told %q, want %q", n.name, got, want)
	}
}

// last returns the last event of a kind.
func (n *node) last(kind EventKind) Event {
	n.w.t.Helper()
	for _, ev := range slices.Backward(n.events) {
		if ev.Kind == kind {
			return ev
		}
	}
	n.w.t.Fatalf("%s was told of no %v: %q", n.name, kind, n.told())
	return Event{}
}

func (n *node) at(port uint16) netip.AddrPort { return netip.AddrPortFrom(n.addr, port) }

const rooted = wire.RootedControl | wire.RootedData

var (
	leafRole = wire.Role{Control: wire.ControlLeaf, Data: wire.DataLeaf, Planes: rooted, JL: wire.ReceiverOnly}
	rootRole = wire.Role{Control: wire.ControlRoot, Data: wire.DataRoot, Planes: rooted, JL: wire.SenderOnly}
)

// session is the session of a root at this node.
func (n *node) session() *Session {
	group := netip.MustParseAddr("232.1.2.3")
	if n.addr.Is6() {
		group = netip.MustParseAddr("ff3e::8000:1")
	}
	return &Session{Group: netip.AddrPortFrom(group, 50000), TTL: 32, Mode: wire.Multicast, Root: n.at(50001)}
}

// listenRoot opens a root's listener at port 5000.
func (n *node) listenRoot(backlog int) ListenerID {
	n.w.t.Helper()
	id, err := n.e.Listen(n.w.now, Listener{Name: n.at(5000), ControlRoot: true, DataRoot: true, Planes: rooted,
		Backlog: backlog, Session: n.session()})
	if err != nil {
		n.w.t.Fatal(err)
	}
	return id
}

// listenLeaf opens a leaf's listener at port 6000.
func (n *node) listenLeaf() ListenerID {
	n.w.t.Helper()
	id, err := n.e.Listen(n.w.now, Listener{Name: n.at(6000), Planes: rooted, Backlog: 1})
	if err != nil {
		n.w.t.Fatal(err)
	}
	return id
}

// joinAsLeaf asks the root at port 5000; change may alter the request.
func (n *node) joinAsLeaf(root *node, change ...func(*Join)) AssocID {
	n.w.t.Helper()
	j := Join{Local: n.at(40000), Target: root.at(5000), Role: leafRole, CalleeRoom: 100}
	for _, c := range change {
		c(&j)
	}
	id, err := n.e.Join(n.w.now, j)
	if err != nil {
		n.w.t.Fatal(err)
	}
	return id
}

// joinAsRoot invites the leaf at port 6000.
func (n *node) joinAsRoot(leaf *node, change ...func(*Join)) AssocID {
	n.w.t.Helper()
	j := Join{Local: n.at(5000), Target: leaf.at(6000), Role: rootRole, CalleeRoom: 100, Session: n.session()}
	for _, c := range change {
		c(&j)
	}
	id, err := n.e.Join(n.w.now, j)
	if err != nil {
		n.w.t.Fatal(err)
	}
	return id
}

// accepts makes the node accept every request at once.
func (n *node) accepts(ans Answer) {
	n.on = func(ev Event) {
		if ev.Kind == EventRequest {
			if err := n.e.Accept(n.w.now, ev.Assoc, ans); err != nil {
				n.w.t.Errorf("%s: %v", n.name, err)
			}
		}
	}
}

// leave ends the association of the last event of a kind.
func (n *node) leave(id AssocID, code wire.Code) {
	n.w.t.Helper()
	if err := n.e.Leave(n.w.now, id, code); err != nil {
		n.w.t.Error(err)
	}
}

// lose drops the n-th message (from 1) of a type.
func lose(typ wire.Type, numbers ...int) func(*Datagram, *wire.Message) []time.Duration {
	seen := 0
	return func(_ *Datagram, m *wire.Message) []time.Duration {
		if m.Type != typ {
			return []time.Duration{0}
		}
		if seen++; slices.Contains(numbers, seen) {
			return nil
		}
		return []time.Duration{0}
	}
}

// chaos loses, duplicates and delays at random.
func chaos(seed uint64, loss, dup float64, jitter time.Duration) func(*Datagram, *wire.Message) []time.Duration {
	r := rand.New(rand.NewPCG(seed, 7))
	return func(*Datagram, *wire.Message) []time.Duration {
		var after []time.Duration
		copies := 1
		if r.Float64() < loss {
			copies = 0
		} else if r.Float64() < dup {
			copies = 2
		}
		for range copies {
			after = append(after, time.Duration(r.Int64N(int64(jitter)+1)))
		}
		return after
	}
}
