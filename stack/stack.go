package stack

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp/node"
	"github.com/mpstack/mpstack/stack/ip"
	"github.com/mpstack/mpstack/stack/mpj"
	"github.com/mpstack/mpstack/stack/qos"
	"github.com/mpstack/mpstack/wire/inet"
	wirempj "github.com/mpstack/mpstack/wire/mpj"
)

// Config configures a Stack. Name and Driver are needed.
type Config struct {
	Name    string         // the node's name in captures and traces
	Driver  Driver         // time, and a way to block; of this stack alone
	Seed    uint64         // of every random stream that is no secret; 0: drawn from Entropy
	Entropy io.Reader      // of tags and cookies; nil is crypto/rand. Seeded entropy is for simulation alone
	Router  bool           // forward, query for members, take part in RSVP as a router
	Refresh time.Duration  // RSVP's refresh period R; 0 is 30 s (RFC 2205 section 3.7)
	Trace   machine.Tracer // sees every transition; must not call the stack
}

// Stack is one host or router.
type Stack struct {
	name string
	drv  Driver

	// What follows is guarded by the driver's lock.

	rand   *mathrand.Rand // groups and ports of sessions
	ip     *ip.Machine
	mpj    *mpj.Endpoint
	node   *node.Node
	qos    *qos.Agent
	ports  []*Port         // by interface index - 1
	mpjUDP [2]ip.UDPHandle // the join protocol's port: IPv4, IPv6

	sockets     map[*Socket]struct{}
	udp         map[ip.UDPHandle]*Socket // who gets the datagrams of a binding
	assocs      map[mpj.AssocID]*Socket
	listens     map[mpj.ListenerID]*Socket
	flows       map[qos.FlowID]*Socket
	memberships int // joins that the IP layer counts for sockets

	todo   []func(now machine.Time) // runs when every machine's output is drained
	tx     batch                    // frames to send when the lock is let go
	drops  drops
	closed bool

	txMu sync.Mutex // held while frames are sent, so that they leave in order; see flush
}

// New returns a stack without ports.
func New(cfg Config) (*Stack, error) {
	if cfg.Driver == nil {
		return nil, errors.New("stack: no driver")
	}
	if cfg.Entropy == nil {
		cfg.Entropy = rand.Reader
	}
	if cfg.Seed == 0 {
		var b [8]byte
		if _, err := io.ReadFull(cfg.Entropy, b[:]); err != nil {
			return nil, fmt.Errorf("stack: entropy: %w", err)
		}
		cfg.Seed = binary.BigEndian.Uint64(b[:])
	}
	st := &Stack{
		name:    cfg.Name,
		drv:     cfg.Driver,
		rand:    machine.Rand(cfg.Seed, cfg.Name, "session"),
		sockets: make(map[*Socket]struct{}),
		udp:     make(map[ip.UDPHandle]*Socket),
		assocs:  make(map[mpj.AssocID]*Socket),
		listens: make(map[mpj.ListenerID]*Socket),
		flows:   make(map[qos.FlowID]*Socket),
	}
	st.makeMachines(cfg)
	st.drv.Attach(st.advance)
	return st, nil
}

func (st *Stack) makeMachines(cfg Config) {
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
}

// Name returns the node's name.
func (st *Stack) Name() string { return st.name }

// AddRoute adds a route to dst through the neighbour via. A link-local via
// needs its port's name or number as zone ("fe80::1%root/eth0"), unless the
// stack has one port alone.
func (st *Stack) AddRoute(dst netip.Prefix, via netip.Addr) error {
	now := st.begin()
	defer st.end()
	r := ip.Route{Dst: dst, Via: via.WithZone("")}
	if via.IsLinkLocalUnicast() && via.Is6() {
		r.OutIf = st.zone(via.Zone())
		if r.OutIf == 0 {
			return fmt.Errorf("stack: route to %v by %v: the zone names no port", dst, via)
		}
	}
	if err := st.ip.AddRoute(now, r); err != nil {
		return fmt.Errorf("stack: route to %v by %v: %w", dst, via, err)
	}
	st.node.HandleRouteChange(now, node.RouteChange{})
	return nil
}

// zone returns the index of the port that an IPv6 zone names, 0 for none.
func (st *Stack) zone(name string) int {
	for _, p := range st.ports {
		if name == p.Name() || name == strconv.Itoa(p.index) || name == "" && len(st.ports) == 1 {
			return p.index
		}
	}
	return 0
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
			return fmt.Errorf("stack: the join protocol's port: %w", err)
		}
		st.mpjUDP[i] = h
	}
	return nil
}

// Quiet reports whether nothing is left of what sockets and peers did: no
// socket, membership, association with its tombstone, flow or RSVP state, nor a
// timer of these. Routes, neighbours and the queries of a router may be there.
func (st *Stack) Quiet() bool {
	st.drv.Lock()
	defer st.drv.Unlock()
	tables := len(st.sockets) + len(st.udp) + len(st.assocs) + len(st.listens) + len(st.flows) + st.memberships
	return tables == 0 && len(st.todo) == 0 && st.mpj.Quiet() && st.node.Quiet()
}

// Close ends the stack at once: its links and driver are closed, blocking calls
// end with WSAEINTR and later ones fail with WSANOTINITIALISED. Nobody is told;
// to say goodbye, close the sockets and [Stack.Linger] first.
func (st *Stack) Close() error {
	st.drv.Lock()
	already := st.closed
	ports := slices.DeleteFunc(slices.Clone(st.ports), func(p *Port) bool { return !p.served })
	st.closed = true
	st.drv.Changed()
	st.drv.Unlock()
	if already {
		return nil
	}
	var errs []error
	for _, p := range ports {
		errs = append(errs, p.link.Close())
	}
	st.drv.Close()
	return errors.Join(errs...)
}

// Linger waits until the goodbyes of closed sockets have been answered or
// given up, at most for the time given, and reports whether they were. A
// program calls it before Close.
func (st *Stack) Linger(limit time.Duration) bool {
	st.begin()
	defer st.end()
	return st.wait(func() bool { return !st.mpj.Leaving() || st.closed }, limit) && !st.closed
}

// isLocal reports whether a is an address of this stack.
func (st *Stack) isLocal(a netip.Addr) bool { return st.ip.IsLocal(a) }

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
