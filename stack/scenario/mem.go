package scenario

import (
	"context"
	"fmt"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack"
	"github.com/mpstack/mpstack/stack/link/mem"
	"github.com/mpstack/mpstack/stack/sim"
	"github.com/mpstack/mpstack/wire"
)

// Times of mem, all virtual.
const (
	// memLimit bounds a run: every step has a bound of its own.
	memLimit = 365 * 24 * time.Hour
	// memFades is how long the join protocol remembers what ended, and more.
	memFades = 65 * time.Second
	// restStep is how often it is looked at.
	restStep = 100 * time.Millisecond

	defaultRefresh = 30 * time.Second
)

// memSubstrate is package sim.
type memSubstrate struct {
	world *sim.World
	drv   stack.Driver
	r     *runner
	segs  []*sim.Segment // by link
	ports [][]memPort    // by node and port
}

// memPort is a port's place: its segment, and its number there.
type memPort struct {
	link int
	id   mem.PortID
}

func newMem() *memSubstrate {
	m := &memSubstrate{}
	m.world = sim.New(sim.Config{Tap: func(f wire.Frame) { m.r.saw(f) }})
	m.drv = m.world.Driver()
	return m
}

func (m *memSubstrate) driver() stack.Driver { return m.drv }

func (m *memSubstrate) build(r *runner) error {
	m.r = r
	if err := r.makeFaults(); err != nil {
		return err
	}
	for i, l := range r.sc.Links {
		cfg := mem.Config{Name: l.Name, Delay: l.Delay, MTU: l.MTU}
		if cfg.MTU == 0 {
			cfg.MTU = mem.DefaultMTU
		}
		if in := r.watch.faults[i]; in != nil {
			cfg.Fault = in
		}
		m.segs = append(m.segs, m.world.Segment(cfg))
	}
	for i := range r.sc.Nodes {
		n, err := r.newStack(i, stack.Config{
			Driver: m.world.Driver(), Entropy: machine.SeededEntropy(r.seed, r.sc.Nodes[i].Name, "entropy"),
		})
		if err != nil {
			return err
		}
		r.nodes = append(r.nodes, n)
		if err := m.addPorts(r, n); err != nil {
			return err
		}
	}
	return nil
}

func (m *memSubstrate) addPorts(r *runner, n *node) error {
	var ports []memPort
	for j, p := range n.def.Ports {
		l := r.sc.linkIndex(p.Link)
		port := m.segs[l].Port(n.def.Name+"/"+p.Name, mac(n.index, j))
		ports = append(ports, memPort{l, mem.PortID(m.segs[l].Mem().Ports())})
		if _, err := n.st.AddPort(port, p.Addrs...); err != nil {
			return fmt.Errorf("port %s/%s: %w", n.def.Name, p.Name, err)
		}
	}
	m.ports = append(m.ports, ports)
	return n.addRoutes()
}

func (m *memSubstrate) run(ctx context.Context, r *runner, conduct func()) error {
	m.world.Go("conductor", conduct)
	err := m.world.Run(memLimit)
	if err != nil {
		m.world.Close()
	}
	return err
}

func (m *memSubstrate) spawn(name string, fn func()) { m.world.Go(name, fn) }

func (m *memSubstrate) setLink(n *node, port int, up bool) error {
	p := m.ports[n.index][port]
	m.segs[p.link].Mem().SetLink(m.world.Now(), p.id, up)
	return nil
}

// fades returns how long a network may take to come to rest: what the join
// protocol remembers, and RSVP state that no tear reached (RFC 2205 section
// 3.7: (K + 0.5) * 1.5 * R with K = 3).
func (r *runner) fades() time.Duration {
	refresh := r.sc.Refresh
	if refresh == 0 {
		refresh = defaultRefresh
	}
	return memFades + refresh*21/4
}

func (m *memSubstrate) rest(r *runner) []string {
	var left []string
	for end := m.world.Now().Add(r.fades()); ; r.sleep(restStep) {
		left = left[:0]
		for _, n := range r.nodes {
			if !n.st.Quiet() {
				left = append(left, "node "+n.def.Name+" is not quiet")
			}
		}
		if len(left) == 0 || m.world.Now() >= end || r.isStopped() {
			return left
		}
	}
}

func (m *memSubstrate) close() error { return nil }
