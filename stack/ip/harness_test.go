package ip_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/ip"
	"github.com/mpstack/mpstack/wire/inet"
)

// wireDelay is how long a frame travels.
const wireDelay = 10 * time.Microsecond

// port is one interface on a wire.
type port struct {
	n     *node
	index int
}

// wire is a segment: what one port sends all others receive.
type wire struct{ ports []port }

// sent is a frame as a node sent it.
type sent struct {
	at    machine.Time
	from  string // node/interface
	cause machine.Cause
	data  []byte
}

// node is a machine with what came out of it.
type node struct {
	*ip.Machine
	w     *world
	name  string
	wires map[int]*wire
	mtu   int
	got   []ip.Output // everything but frames, with bytes of its own
}

type delivery struct {
	at   machine.Time
	to   port
	data []byte
}

// world is a topology in virtual time.
type world struct {
	t       testing.TB
	now     machine.Time
	nodes   []*node
	flying  []delivery
	frames  []sent
	drop    func(s sent) bool
	history bytes.Buffer // everything that came out of every node
}

func newWorld(t testing.TB) *world { return &world{t: t, now: machine.VirtualEpoch} }

// add adds a node.
func (w *world) add(name string, cfg ip.Config) *node {
	cfg.Node = name
	cfg.Rand = machine.Rand(1, name, "ip")
	n := &node{Machine: ip.New(cfg), w: w, name: name, wires: make(map[int]*wire)}
	w.nodes = append(w.nodes, n)
	return n
}

// connect gives n an interface on a wire, with the addresses given as
// prefixes. Its MAC is 02:00:00:00:NODE:INDEX.
func (w *world) connect(l *wire, n *node, index int, addrs ...string) {
	w.t.Helper()
	w.plug(l, n, index, func(*ip.Interface) {}, addrs...)
}

// plug is connect with changes to the interface's description.
func (w *world) plug(l *wire, n *node, index int, change func(*ip.Interface), addrs ...string) {
	w.t.Helper()
	in := ip.Interface{Index: index, Name: fmt.Sprintf("eth%d", index), MAC: macOf(slices.Index(w.nodes, n)+1, index), MTU: 1500, Up: true}
	if n.mtu > 0 {
		in.MTU = n.mtu
	}
	for _, a := range addrs {
		in.Addrs = append(in.Addrs, netip.MustParsePrefix(a))
	}
	change(&in)
	l.ports = append(l.ports, port{n, index})
	n.wires[index] = l
	w.ok(n.AddInterface(w.now, in))
	n.drain()
}

func macOf(node, index int) inet.MAC {
	return inet.MAC{0x02, 0, 0, 0, byte(node), byte(index)}
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// drain takes what came out of n: frames fly, the rest is kept.
func (n *node) drain() {
	for {
		o, ok := n.Next()
		if !ok {
			return
		}
		if o.Kind == ip.KindFrame {
			n.w.send(n, o)
			continue
		}
		c := *o
		c.Payload = bytes.Clone(o.Payload)
		c.Datagram.Payload = bytes.Clone(o.Datagram.Payload)
		n.got = append(n.got, c)
		fmt.Fprintf(&n.w.history, "%v %s %+v\n", n.w.now, n.name, c)
	}
}

func (w *world) send(n *node, o *ip.Output) {
	s := sent{at: w.now, from: fmt.Sprintf("%s/%d", n.name, o.If), cause: o.Cause, data: bytes.Clone(o.Data)}
	fmt.Fprintf(&w.history, "%v %s %s %x\n", s.at, s.from, s.cause, s.data)
	w.frames = append(w.frames, s)
	if w.drop != nil && w.drop(s) {
		return
	}
	for _, p := range n.wires[o.If].ports {
		if p.n != n || p.index != o.If {
			w.flying = append(w.flying, delivery{w.now.Add(wireDelay), p, s.data})
		}
	}
}

// step lets the next thing happen, if it is due by end.
func (w *world) step(end machine.Time) bool {
	var due *node
	at := end.Add(1)
	for _, n := range w.nodes {
		if t, ok := n.Deadline(); ok && t < at {
			due, at = n, t
		}
	}
	if len(w.flying) > 0 && w.flying[0].at <= at { // one delay: they fly in order
		d := w.flying[0]
		if d.at > end {
			return false
		}
		w.flying = w.flying[1:]
		w.now = max(w.now, d.at)
		d.to.n.HandleFrame(w.now, d.to.index, d.data)
		d.to.n.drain()
		return true
	}
	if due == nil {
		return false
	}
	w.now = max(w.now, at)
	due.Advance(w.now)
	due.drain()
	return true
}

// run lets time pass.
func (w *world) run(d time.Duration) {
	w.t.Helper()
	end := w.now.Add(d)
	for i := 0; w.step(end); i++ {
		if i > 100_000 {
			w.t.Fatal("the world does not come to rest")
		}
	}
	w.now = end
}

// settle runs for 20 s, in which start-up queries are answered, and forgets
// what was seen.
func (w *world) settle() {
	w.t.Helper()
	w.run(20 * time.Second)
	w.forget()
}

func (w *world) forget() {
	w.frames = nil
	for _, n := range w.nodes {
		n.got = nil
	}
}

// causes lists the frames seen as "node/if cause".
func (w *world) causes() []string {
	var out []string
	for _, s := range w.frames {
		out = append(out, s.from+" "+string(s.cause))
	}
	return out
}

// with returns the frames of a cause.
func (w *world) with(cause machine.Cause) []sent {
	var out []sent
	for _, s := range w.frames {
		if s.cause == cause {
			out = append(out, s)
		}
	}
	return out
}

func (w *world) wantCauses(want ...string) {
	w.t.Helper()
	if got := w.causes(); !slices.Equal(got, want) {
		w.t.Fatalf("frames:\n\t%s\nwant:\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// bind binds a port of n.
func (n *node) bind(local string) ip.UDPHandle {
	n.w.t.Helper()
	h, err := n.BindUDP(n.w.now, ip.Bind{Local: ap(local)})
	n.w.ok(err)
	return h
}

// udp sends a datagram.
func (n *node) udp(src, dst string, outIf int, ttl uint8, payload string) {
	n.w.t.Helper()
	n.w.ok(n.HandleSendUDP(n.w.now, ip.Datagram{Src: ap(src), Dst: ap(dst), OutIf: outIf, TTL: ttl, DF: true,
		Payload: []byte(payload), Cause: "test/data"}))
	n.drain()
}

// join joins a group; an empty source is any.
func (n *node) join(index int, group, source string) {
	n.w.t.Helper()
	n.w.ok(n.Join(n.w.now, index, addr(group), addr(source)))
	n.drain()
}

func (n *node) leave(index int, group, source string) {
	n.w.t.Helper()
	n.w.ok(n.Leave(n.w.now, index, addr(group), addr(source)))
	n.drain()
}

// link takes an interface up or down.
func (n *node) link(index int, up bool) {
	n.HandleLinkChange(n.w.now, index, up)
	n.drain()
}

// frame hands n a frame.
func (n *node) frame(index int, data []byte) {
	n.HandleFrame(n.w.now, index, data)
	n.drain()
}

// datagrams lists what n received: "source>destination payload".
func (n *node) datagrams() []string {
	var out []string
	for _, o := range n.kind(ip.KindDatagram) {
		out = append(out, fmt.Sprintf("%v>%v %s", o.Datagram.Src, o.Datagram.Dst, o.Datagram.Payload))
	}
	return out
}

func (n *node) kind(k ip.OutputKind) []ip.Output {
	var out []ip.Output
	for _, o := range n.got {
		if o.Kind == k {
			out = append(out, o)
		}
	}
	return out
}

func (n *node) wantDatagrams(want ...string) {
	n.w.t.Helper()
	if got := n.datagrams(); !slices.Equal(got, want) {
		n.w.t.Fatalf("%s received %q, want %q", n.name, got, want)
	}
}

// wantCounter checks one counter by its name in the table.
func (n *node) wantCounter(name string, want uint64) {
	n.w.t.Helper()
	c := n.Counters()
	for _, row := range c.Table() {
		if row.Name == name {
			if row.Value != want {
				n.w.t.Errorf("%s: %s = %d, want %d", n.name, name, row.Value, want)
			}
			return
		}
	}
	n.w.t.Errorf("no counter %s", name)
}

func ap(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func addr(s string) netip.Addr {
	if s == "" {
		return netip.Addr{}
	}
	return netip.MustParseAddr(s)
}

// unhex reads hexadecimal text with blanks, newlines and comments from "#".
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	var digits strings.Builder
	for line := range strings.Lines(s) {
		line, _, _ = strings.Cut(line, "#")
		digits.WriteString(strings.Join(strings.Fields(line), ""))
	}
	b, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// wantFrame compares a frame with hexadecimal text.
func wantFrame(t testing.TB, got sent, want string) {
	t.Helper()
	if w := unhex(t, want); !bytes.Equal(got.data, w) {
		t.Errorf("frame of %s, cause %s:\n%swant:\n%s", got.from, got.cause, hex.Dump(got.data), hex.Dump(w))
	}
}

// pair is two hosts on one wire, both families.
type pair struct {
	*world
	a, b *node
}

func newPair(t testing.TB) *pair {
	w := newWorld(t)
	p := &pair{world: w, a: w.add("a", ip.Config{}), b: w.add("b", ip.Config{})}
	l := new(wire)
	w.connect(l, p.a, 1, "10.0.0.1/24", "2001:db8::1/64")
	w.connect(l, p.b, 1, "10.0.0.2/24", "2001:db8::2/64")
	return p
}

// routed is host s - router r - hosts x and y on one wire, host z on another.
//
//	s 10.1.0.1 --- 1 r 2 --- x 10.2.0.1, y 10.2.0.2
//	                 3 ----- z 10.3.0.1
type routed struct {
	*world
	s, r, x, y, z *node
}

func newRouted(t testing.TB, cfg ip.Config) *routed {
	w := newWorld(t)
	cfg.Forwarding = true
	n := &routed{world: w, s: w.add("s", ip.Config{}), r: w.add("r", cfg), x: w.add("x", ip.Config{}), y: w.add("y", ip.Config{}), z: w.add("z", ip.Config{})}
	wires := [4]*wire{1: new(wire), 2: new(wire), 3: new(wire)}
	host := func(h *node, net, number int) {
		w.connect(wires[net], h, 1, fmt.Sprintf("10.%d.0.%d/24", net, number), fmt.Sprintf("2001:db8:%d::%d/64", net, number))
		for _, r := range [][2]string{{"0.0.0.0/0", fmt.Sprintf("10.%d.0.254", net)}, {"::/0", fmt.Sprintf("2001:db8:%d::fe", net)}} {
			w.ok(h.AddRoute(w.now, ip.Route{Dst: netip.MustParsePrefix(r[0]), Via: addr(r[1])}))
		}
	}
	host(n.s, 1, 1)
	host(n.x, 2, 1)
	host(n.y, 2, 2)
	host(n.z, 3, 1)
	for i := 1; i <= 3; i++ {
		w.connect(wires[i], n.r, i, fmt.Sprintf("10.%d.0.254/24", i), fmt.Sprintf("2001:db8:%d::fe/64", i))
	}
	return n
}

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// ipHeader is what tests look at in either family's header.
type ipHeader struct {
	src, dst netip.Addr
	ttl      uint8
	proto    uint8
	alert    bool
}

func ipOf(t testing.TB, s sent) (ipHeader, []byte) {
	t.Helper()
	eth, b, err := inet.ParseEthernet(s.data)
	if err != nil {
		t.Fatal(err)
	}
	if eth.Type == inet.EtherTypeIPv4 {
		h, payload, err := inet.ParseIPv4(b)
		if err != nil {
			t.Fatal(err)
		}
		return ipHeader{h.Src, h.Dst, h.TTL, h.Proto, h.RouterAlert}, payload
	}
	h, payload, err := inet.ParseIPv6(b)
	if err != nil {
		t.Fatal(err)
	}
	return ipHeader{h.Src, h.Dst, h.HopLimit, h.NextHeader, h.RouterAlert}, payload
}
