package stack_test

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mpstack/mpstack/capture/dissect"
	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack"
	"github.com/mpstack/mpstack/stack/link/fault"
	"github.com/mpstack/mpstack/stack/link/mem"
	"github.com/mpstack/mpstack/stack/sim"
	"github.com/mpstack/mpstack/stack/winsock"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/inet"
)

// Roles of sockets.
const (
	cRoot = winsock.WSA_FLAG_MULTIPOINT_C_ROOT | winsock.WSA_FLAG_MULTIPOINT_D_ROOT
	cLeaf = winsock.WSA_FLAG_MULTIPOINT_C_LEAF | winsock.WSA_FLAG_MULTIPOINT_D_LEAF
)

// network is a world of a root and leaves, each on a segment of its own, around
// a router. Every host has an IPv4 and an IPv6 address; see family. When the
// test is over the network comes to rest, and then every stack must be quiet.
type network struct {
	*sim.World
	t      testing.TB
	root   *stack.Stack
	router *stack.Stack
	leaves []*stack.Stack

	ports  map[string]*sim.Port    // "leaf1/eth0", "r1/eth1"
	stacks map[string]*stack.Port  // the same, as the stacks have them
	segs   map[string]*sim.Segment // "l1" is the root's, "l2" leaf1's …
	log    bytes.Buffer            // one line a frame
	group  netip.AddrPort          // of the first session that a join named
}

// family is one address family of a network.
type family struct {
	name string
	mpj  stack.Protocol
	udp  stack.Protocol
	any  netip.Addr
	host func(i int) netip.Addr // of the root (0) or of a leaf (1…)
	grp  netip.AddrPort         // an any-source group
}

var families = []family{
	{"IPv4", stack.MPJIPv4, stack.UDPIPv4, netip.IPv4Unspecified(),
		func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(i + 1), 10}) },
		netip.MustParseAddrPort("239.1.2.3:6000")},
	{"IPv6", stack.MPJIPv6, stack.UDPIPv6, netip.IPv6Unspecified(),
		func(i int) netip.Addr {
			return netip.AddrFrom16([16]byte{0: 0x20, 1: 0x01, 2: 0x0d, 3: 0xb8, 5: byte(i + 1), 15: 0x10})
		},
		netip.MustParseAddrPort("[ff15::1:2:3]:6000")},
}

// root returns the root's name.
func (f family) root() netip.AddrPort { return netip.AddrPortFrom(f.host(0), 5000) }

// leaf returns a name of leaf i, from 1 on.
func (f family) leaf(i int) netip.AddrPort { return netip.AddrPortFrom(f.host(i), 7000) }

// group returns the address that sockets of a group are bound to.
func (f family) group(port uint16) netip.AddrPort { return netip.AddrPortFrom(f.any, port) }

// inFamilies runs a test over IPv4 and over IPv6, on a network of its own with
// n leaves.
func inFamilies(t *testing.T, n int, test func(nw *network, f family)) {
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) { test(newNetwork(t, n, 1), f) })
	}
}

// newNetwork builds a root on segment l1, n leaves on l2…, and a router.
func newNetwork(t testing.TB, n int, seed uint64) *network {
	nw := &network{t: t, ports: map[string]*sim.Port{}, stacks: map[string]*stack.Port{}, segs: map[string]*sim.Segment{}}
	nw.World = sim.New(sim.Config{Tap: func(f wire.Frame) {
		tree := dissect.Frame(f.Data)
		fmt.Fprintf(&nw.log, "%v %s %s [%s]\n", f.At, f.Port, tree.Summary(), f.Comment())
		if group, port := tree.Field("mpj.SESSION.group"), tree.Field("mpj.SESSION.port"); group != nil && port != nil && !nw.group.IsValid() {
			nw.group = netip.AddrPortFrom(group.Value.Addr(), uint16(port.Value.Uint()))
		}
	}})
	nw.router = nw.stack("r1", seed, true)
	for i := range n + 1 {
		seg := nw.Segment(mem.Config{Name: fmt.Sprintf("l%d", i+1), Delay: time.Millisecond})
		nw.segs[seg.Mem().Name()] = seg
		name := "root"
		if i > 0 {
			name = fmt.Sprintf("leaf%d", i)
		}
		host := nw.stack(name, seed, false)
		v4, v6 := fmt.Sprintf("10.0.%d.", i+1), fmt.Sprintf("2001:db8:%x::", i+1)
		nw.port(seg, nw.router, fmt.Sprintf("eth%d", i), inet.MAC{2, 0, 0, 0, 1, byte(i)}, v4+"1/24", v6+"1/64")
		nw.port(seg, host, "eth0", inet.MAC{2, 0, 0, 0, byte(i + 2), 0}, v4+"10/24", v6+"10/64")
		nw.route(host, "0.0.0.0/0", v4+"1")
		nw.route(host, "::/0", v6+"1")
		if i == 0 {
			nw.root = host
		} else {
			nw.leaves = append(nw.leaves, host)
		}
	}
	t.Cleanup(nw.rest)
	return nw
}

func (nw *network) stack(name string, seed uint64, router bool) *stack.Stack {
	st, err := stack.New(stack.Config{
		Name: name, Driver: nw.Driver(), Seed: seed, Router: router,
		Entropy: machine.SeededEntropy(seed, name, "entropy"),
	})
	if err != nil {
		nw.t.Fatal(err)
	}
	return st
}

func (nw *network) port(seg *sim.Segment, st *stack.Stack, name string, mac inet.MAC, addrs ...string) {
	name = st.Name() + "/" + name
	nw.ports[name] = seg.Port(name, mac)
	p, err := st.AddPort(nw.ports[name], prefixes(addrs...)...)
	if err != nil {
		nw.t.Fatal(err)
	}
	nw.stacks[name] = p
}

func prefixes(list ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, p := range list {
		all = append(all, netip.MustParsePrefix(p))
	}
	return all
}

func (nw *network) route(st *stack.Stack, dst, via string) {
	if err := st.AddRoute(netip.MustParsePrefix(dst), netip.MustParseAddr(via)); err != nil {
		nw.t.Fatal(err)
	}
}

// all returns every stack.
func (nw *network) all() []*stack.Stack {
	return append([]*stack.Stack{nw.root, nw.router}, nw.leaves...)
}

// run runs the applications to their end.
func (nw *network) run() {
	nw.t.Helper()
	if err := nw.Run(time.Hour); err != nil {
		nw.t.Error(err)
	}
}

// lose drops the nth frame on a segment that the matcher means.
func (nw *network) lose(segment, match string, nth int) {
	rule, err := fault.ParseRule(match, nth)
	if err != nil {
		nw.t.Fatal(err)
	}
	nw.segs[segment].Mem().SetFault(fault.New(rule))
}

// restsIn is longer than anything lasts that nobody keeps alive: tombstones of
// the join protocol (60 s after up to 40 s of LEAVE), RSVP state that no tear
// reached (157.5 s), a router's listeners (260 s).
const restsIn = 5 * time.Minute

// rest checks that nothing is left of a test.
func (nw *network) rest() {
	if !nw.t.Failed() {
		nw.Settle(restsIn)
		for _, st := range nw.all() {
			if !st.Quiet() {
				nw.t.Errorf("%s is not quiet: %v", st.Name(), st.Counters())
			}
		}
	}
	if nw.t.Failed() {
		nw.t.Log("\n" + nw.story())
	}
}

// story is the log without what only keeps a network alive.
func (nw *network) story() string {
	var b strings.Builder
	for line := range strings.Lines(nw.log.String()) {
		if !strings.Contains(line, "query") && !strings.Contains(line, " arp ") && !strings.Contains(line, " nd ") && !strings.Contains(line, "answer") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// lines are the log's lines that have all the words.
func (nw *network) lines(words ...string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for line := range strings.Lines(nw.log.String()) {
			hit := true
			for _, w := range words {
				hit = hit && strings.Contains(line, w)
			}
			if hit && !yield(line) {
				return
			}
		}
	}
}

// seen returns how many frames were sent whose line has all the words.
func (nw *network) seen(words ...string) (n int) {
	for range nw.lines(words...) {
		n++
	}
	return n
}

// must returns a call's value. Where the call failed it panics: an application
// of a world has no other way out, and the world hands the panic on.
func must[T any](v T, err error) T {
	ok(err)
	return v
}

// ok panics where a call failed.
func ok(err error) {
	if err != nil {
		panic(err)
	}
}

// fails checks a call's error; code 0 means that it must succeed.
func (nw *network) fails(what string, err error, code winsock.Errno) {
	nw.t.Helper()
	checkCode(nw.t, what, err, code)
}

func checkCode(t testing.TB, what string, err error, code winsock.Errno) {
	t.Helper()
	if code == 0 && err == nil {
		return
	}
	if got, is := errors.AsType[*stack.Error](err); !is || got.Code != code {
		t.Errorf("%s: %v, want %v", what, err, code)
	}
}

// listen returns a listening c_root.
func (nw *network) listen(f family) *stack.Socket {
	s := must(nw.root.Socket(f.mpj, cRoot))
	ok(s.Bind(f.root()))
	ok(s.Listen(8))
	return s
}

// leafSocket returns a c_leaf socket of leaf i, from 1 on.
func (nw *network) leafSocket(f family, i int) *stack.Socket {
	return must(nw.leaves[i-1].Socket(f.mpj, cLeaf))
}

// join joins leaf i to the root.
func (nw *network) join(f family, i int) *stack.Socket {
	s := nw.leafSocket(f, i)
	must(s.JoinLeaf(stack.Join{Name: f.root(), Flags: winsock.JL_BOTH}))
	return s
}

// receive takes one datagram, which must be text.
func (nw *network) receive(s *stack.Socket, text string) (from netip.AddrPort) {
	nw.t.Helper()
	b := make([]byte, 2000)
	n, from, err := s.RecvFrom(b, time.Minute)
	if err != nil || string(b[:n]) != text {
		nw.t.Errorf("received %q, %v, want %q", b[:n], err, text)
	}
	return from
}

// silent checks that nothing comes for a while.
func (nw *network) silent(s *stack.Socket) {
	nw.t.Helper()
	b := make([]byte, 2000)
	n, from, err := s.RecvFrom(b, 500*time.Millisecond)
	if !errors.Is(err, winsock.WSAETIMEDOUT) {
		nw.t.Errorf("received %q from %v, %v, want nothing", b[:n], from, err)
	}
}

// over checks that a session ends with FD_CLOSE's code.
func (nw *network) over(what string, s *stack.Socket, code winsock.Errno) {
	nw.t.Helper()
	if got, over := s.Wait(2 * time.Minute); !over || got != code {
		nw.t.Errorf("%s: FD_CLOSE %v, over %v; want %v", what, got, over, code)
	}
}

// events checks what is recorded on a socket.
func (nw *network) events(what string, s *stack.Socket, want stack.NetworkEvents) {
	nw.t.Helper()
	if got := must(s.EnumNetworkEvents(nil)); got != want {
		nw.t.Errorf("%s: events %#x codes %v, want %#x %v", what, got.Events, got.Codes, want.Events, want.Codes)
	}
}

// recorded returns a record of events, each with its code.
func recorded(pairs ...any) (n stack.NetworkEvents) {
	for i := 0; i < len(pairs); i += 2 {
		fd := pairs[i].(int)
		n.Events |= uint32(fd)
		for bit := range n.Codes {
			if fd == 1<<bit {
				n.Codes[bit] = winsock.Errno(pairs[i+1].(winsock.Errno))
			}
		}
	}
	return n
}

// sendControlledLoad is what a sender of rate bytes a second asks for.
func sendControlledLoad(rate uint32) winsock.QOS {
	q := winsock.DefaultQOS
	q.Sending.ServiceType, q.Sending.TokenRate = winsock.SERVICETYPE_CONTROLLEDLOAD, rate
	q.Sending.TokenBucketSize = 4000
	return q
}

// receiveControlledLoad is what a receiver asks for, with confirmation.
func receiveControlledLoad() winsock.QOS {
	q := winsock.DefaultQOS
	q.Receiving.ServiceType = winsock.SERVICETYPE_CONTROLLEDLOAD
	q.ProviderSpecific, _ = winsock.ReserveInfo{ConfirmRequest: true}.AppendTo(nil)
	return q
}

// statuses takes the QoS indications that wait, by name.
func statuses(s *stack.Socket) string {
	var names []string
	for {
		i, err := s.GetQOS()
		if err != nil {
			return strings.Join(names, " ")
		}
		names = append(names, strings.TrimPrefix(i.Status.Name(), "WSA_QOS_"))
	}
}
