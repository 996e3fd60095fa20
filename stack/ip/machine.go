package ip

import (
	"net/netip"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/ip/group"
	"github.com/mpstack/mpstack/stack/ip/neigh"
	"github.com/mpstack/mpstack/stack/ip/reasm"
	"github.com/mpstack/mpstack/wire/igmp"
)

// Machine is the IP layer of one node.
type Machine struct {
	cfg    Config
	clock  machine.Clock
	ifaces []*iface              // by index
	local  map[netip.Addr]*iface // own addresses but the link-local ones
	routes routes
	neigh  *neigh.Table
	host   *group.Host
	router *group.Router // nil on hosts
	reasm  *reasm.Table
	pmtu   pathMTUs
	udp    bindings
	timers machine.Timers[timer]

	out      machine.Queue[Output]
	arena    []byte       // backs the frames of the outputs
	scratch  []byte       // a message being built
	igmp     igmp.Message // reused by every decode
	outIfs   []int        // reused by every multicast lookup
	ipID     uint16       // of the last IPv4 packet sent without DF
	ip6ID    uint32       // of the last IPv6 packet sent in fragments, where there is no Rand
	icmpFree machine.Time // when the rate of ICMP errors is used up to, see allowICMP
	counters Counters
}

// maxArena is how much memory the machine keeps between calls.
const maxArena = 1 << 20

// New returns a machine without interfaces.
func New(cfg Config) *Machine {
	cfg.setDefaults()
	m := &Machine{
		cfg:   cfg,
		local: make(map[netip.Addr]*iface),
		neigh: neigh.New(cfg.neighbors()),
		host:  group.NewHost(cfg.host()),
		reasm: reasm.New(cfg.reassembly()),
	}
	if cfg.Forwarding {
		m.router = group.NewRouter(cfg.router())
	}
	return m
}

// begin starts a call: it settles the instant and, where the outputs of
// earlier calls were taken, reuses their memory.
func (m *Machine) begin(now machine.Time) machine.Time {
	if m.out.Len() == 0 {
		if cap(m.arena) > maxArena {
			m.arena = nil
		}
		m.arena = m.arena[:0]
	}
	return m.clock.At(now)
}

// Advance fires what is due, in the order in which it is due. Early and stale
// calls do nothing.
func (m *Machine) Advance(now machine.Time) {
	now = m.begin(now)
	for {
		part, at := m.earliest()
		if part == nil || at > now {
			return
		}
		part.Advance(now)
		m.drain(now)
	}
}

// timed is a machine with timers.
type timed interface {
	Advance(machine.Time)
	Deadline() (machine.Time, bool)
}

// earliest returns the part that is due first; of several, the first in a
// fixed order.
func (m *Machine) earliest() (first timed, at machine.Time) {
	parts := [...]timed{m.neigh, m.host, nil, m.reasm, own{m}}
	if m.router != nil {
		parts[2] = m.router
	}
	for _, p := range parts {
		if p == nil {
			continue
		}
		if t, ok := p.Deadline(); ok && (first == nil || t < at) {
			first, at = p, t
		}
	}
	return first, at
}

// Deadline returns when Advance has something to do. The answer may change
// with every call but Next.
func (m *Machine) Deadline() (machine.Time, bool) {
	part, at := m.earliest()
	return at, part != nil
}

// Next returns the oldest output, valid until the next call.
func (m *Machine) Next() (*Output, bool) { return m.out.Pop() }

// Quiet reports whether nothing is bound, joined, listened for or under way
// and no output is left. Configuration, remembered neighbours, advertised
// lifetimes, and a router's general queries and advertisements are quiet.
func (m *Machine) Quiet() bool {
	return m.out.Len() == 0 && m.udp.len() == 0 && m.neigh.Quiet() && m.host.Quiet() && m.reasm.Quiet() && !m.settling() && (m.router == nil || m.router.Quiet())
}

// Counters returns a copy of the counters.
func (m *Machine) Counters() Counters {
	c := m.counters
	c.Neigh, c.Host, c.Reasm = m.neigh.Counters(), m.host.Counters(), m.reasm.Counters()
	if m.router != nil {
		c.Router = m.router.Counters()
	}
	return c
}

// Neighbors returns the neighbour table, sorted by interface and address.
func (m *Machine) Neighbors() []neigh.Neighbor { return m.neigh.Snapshot(neigh.Key{}, m.neigh.Len()) }

// SnapshotNeighbors returns up to n neighbours in the order of interface and
// address, those after the given one; the zero Key begins.
func (m *Machine) SnapshotNeighbors(after neigh.Key, n int) []neigh.Neighbor {
	return m.neigh.Snapshot(after, n)
}

// Memberships returns what this node joined, sorted by interface and group.
func (m *Machine) Memberships() []group.Membership { return m.host.Snapshot() }

// Listeners returns a router's membership table, sorted by interface and
// group.
func (m *Machine) Listeners() []group.Listener {
	if m.router == nil {
		return nil
	}
	return m.router.Snapshot()
}

// drain turns what the parts ask for into outputs.
func (m *Machine) drain(now machine.Time) {
	for {
		if o, ok := m.neigh.Next(); ok {
			m.handleNeigh(now, *o)
			continue
		}
		if o, ok := m.host.Next(); ok {
			m.handleGroup(now, *o)
			continue
		}
		if m.router != nil {
			if o, ok := m.router.Next(); ok {
				m.handleGroup(now, *o)
				continue
			}
		}
		if o, ok := m.reasm.Next(); ok {
			m.incomplete(now, o)
			continue
		}
		return
	}
}
