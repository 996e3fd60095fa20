package scenario

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/internal/netns"
	"github.com/mpstack/mpstack/stack"
	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/stack/link/fault"
	"github.com/mpstack/mpstack/stack/link/mem"
	"github.com/mpstack/mpstack/stack/link/raw"
	"github.com/mpstack/mpstack/stack/link/tap"
	"github.com/mpstack/mpstack/stack/link/tee"
	"github.com/mpstack/mpstack/wire"
)

// Times of netns, all real.
const (
	netnsRest  = 3 * time.Second        // how long frames may still come at the end
	netnsQuiet = 300 * time.Millisecond // how long none has come where the network rests
)

// netnsSubstrate is one anonymous namespace a node, and veth pairs or TAP
// devices between them.
type netnsSubstrate struct {
	drv    *stack.RealTime
	spaces []*netns.NS // by node; of a stack on TAP the same, without interfaces
	links  []link.Reader
	apps   sync.WaitGroup
}

func newNetns() *netnsSubstrate {
	s := &netnsSubstrate{drv: stack.NewRealTime()}
	s.drv.Attach(func() {}) // the runner has no machines
	return s
}

func (s *netnsSubstrate) driver() stack.Driver { return s.drv }

// end is one of the two ends of a link.
type end struct {
	n    *node
	port int
}

func (e end) def() *Port   { return &e.n.def.Ports[e.port] }
func (e end) name() string { return e.n.def.Name + "/" + e.def().Name }

func (s *netnsSubstrate) build(r *runner) error {
	if err := r.makeFaults(); err != nil {
		return err
	}
	for i := range r.sc.Nodes {
		if err := s.addNode(r, i); err != nil {
			return err
		}
	}
	for i := range r.sc.Links {
		ends := r.ends(i)
		if len(ends) != 2 {
			return fmt.Errorf("link %s has %s; on netns a link has 2: put a router between the nodes", r.sc.Links[i].Name, plural(len(ends), "port"))
		}
		if err := s.connect(r, i, ends[0], ends[1]); err != nil {
			return fmt.Errorf("link %s: %w", r.sc.Links[i].Name, err)
		}
	}
	for i, n := range r.nodes {
		if err := s.addRoutes(i, n); err != nil {
			return err
		}
	}
	return nil
}

// ends returns the ports on a link.
func (r *runner) ends(l int) []end {
	var all []end
	for _, n := range r.nodes {
		for j, p := range n.def.Ports {
			if r.sc.linkIndex(p.Link) == l {
				all = append(all, end{n, j})
			}
		}
	}
	return all
}

func (s *netnsSubstrate) addNode(r *runner, i int) error {
	def := &r.sc.Nodes[i]
	ns, err := netns.New(def.Name)
	if err != nil {
		return err
	}
	s.spaces = append(s.spaces, ns)
	n := &node{r: r, def: def, index: i, kernel: &kernelNode{s: s, ns: ns, def: def}}
	if def.Kind != KindKernel {
		if n, err = r.newStack(i, stack.Config{Driver: stack.NewRealTime()}); err != nil {
			return err
		}
	}
	r.nodes = append(r.nodes, n)
	return nil
}

// connect makes a link and gives both nodes their ports on it.
func (s *netnsSubstrate) connect(r *runner, l int, a, b end) error {
	if a.def().Backend == BackendTap {
		a, b = b, a
	}
	if b.def().Backend == BackendTap {
		done, err := s.connectTap(r, l, a, b)
		if done || err != nil {
			return err
		}
	}
	err := netns.Veth(
		netns.Port{NS: s.spaces[a.n.index], Interface: s.device(r, l, a)},
		netns.Port{NS: s.spaces[b.n.index], Interface: s.device(r, l, b)})
	if err != nil {
		return err
	}
	return errors.Join(s.attachRaw(r, l, a, b), s.attachRaw(r, l, b, a))
}

// device returns how a port's interface is to be.
func (s *netnsSubstrate) device(r *runner, l int, e end) netns.Interface {
	i := netns.Interface{Name: e.def().Name, MAC: mac(e.n.index, e.port), MTU: r.mtu(l)}
	if e.n.kernel != nil {
		i.Kernel, i.Addrs = true, e.def().Addrs
	}
	return i
}

func (r *runner) mtu(l int) int {
	if mtu := r.sc.Links[l].MTU; mtu != 0 {
		return mtu
	}
	return mem.DefaultMTU
}

// connectTap makes a link whose end b holds the descriptor of a TAP device
// that is the other's port. It reports false where the system has no TAP
// devices for us: then veth serves.
func (s *netnsSubstrate) connectTap(r *runner, l int, a, b end) (bool, error) {
	if a.def().Backend == BackendTap {
		return false, fmt.Errorf("both %s and %s have the backend tap; one of them holds the other's device", a.name(), b.name())
	}
	dev := s.device(r, l, a)
	t, err := tap.Open(s.spaces[a.n.index], dev.Name, tap.Options{Port: b.name(), MAC: mac(b.n.index, b.port), MTU: dev.MTU})
	if errors.Is(err, os.ErrPermission) || errors.Is(err, os.ErrNotExist) || errors.Is(err, netns.ErrUnavailable) {
		r.locked(func() {
			r.tell(EntryCall, b.n.def.Name, false, "%s uses veth: the system allows no TAP device here (%v)", b.def().Name, err)
		})
		return false, nil
	}
	if err != nil {
		return false, err
	}
	s.links = append(s.links, t)
	if err := s.spaces[a.n.index].Configure(dev); err != nil {
		return false, err
	}
	return true, errors.Join(s.attachRaw(r, l, a, b), s.attach(r, l, b, a, t))
}

// attachRaw gives a stack its port through a packet socket.
func (s *netnsSubstrate) attachRaw(r *runner, l int, e, peer end) error {
	if e.n.st == nil {
		return nil
	}
	lk, err := raw.Open(s.spaces[e.n.index], e.def().Name, raw.Options{Port: e.name()})
	if err != nil {
		return err
	}
	s.links = append(s.links, lk)
	return s.attach(r, l, e, peer, lk)
}

// attach gives a stack its port on lk. Each frame is captured once, at its
// sender's port; those of Linux's own stack at ours, when they come in.
func (s *netnsSubstrate) attach(r *runner, l int, e, peer end, lk link.Reader) error {
	see := func(f wire.Frame) {
		if f.Dir == wire.DirOut || peer.n.st == nil {
			r.saw(f)
		}
	}
	var port link.Reader = tee.NewReader(lk, see)
	if in := r.watch.faults[l]; in != nil {
		port = fault.NewReader(port, &lockedFault{r: r, f: in}, r.saw)
	}
	_, err := e.n.st.AddPort(port, e.def().Addrs...)
	return err
}

// lockedFault lets several stacks share a link's faults.
type lockedFault struct {
	r *runner
	f link.Fault
}

// Apply implements [link.Fault].
func (l *lockedFault) Apply(now machine.Time, f wire.Frame) (v link.Verdict) {
	l.r.locked(func() { v = l.f.Apply(now, f) })
	return v
}

// addRoutes gives a node its routes, once its ports are there.
func (s *netnsSubstrate) addRoutes(i int, n *node) error {
	if n.st != nil {
		return n.addRoutes()
	}
	return n.kernel.(*kernelNode).addRoutes()
}

func (s *netnsSubstrate) run(ctx context.Context, r *runner, conduct func()) error {
	ended, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-ctx.Done():
			r.stop()
		case <-ended:
		}
	}()
	s.spawn("conductor", conduct)
	s.apps.Wait()
	close(ended)
	<-watched
	return nil
}

func (s *netnsSubstrate) spawn(_ string, fn func()) { s.apps.Go(fn) }

func (s *netnsSubstrate) setLink(n *node, port int, up bool) error {
	ns, name := s.spaces[n.index], n.def.Ports[port].Name
	if up {
		return ns.SetUp(name)
	}
	return ns.SetDown(name)
}

// rest waits until no frame comes any more. What is left is what a scenario
// left open: the protocols' memory of what ended takes a minute to fade.
func (s *netnsSubstrate) rest(r *runner) []string {
	for end := s.drv.Now().Add(netnsRest); s.drv.Now() < end && !r.isStopped(); {
		n := r.frames()
		r.sleep(netnsQuiet)
		if r.frames() == n {
			break
		}
	}
	var left []string
	for _, n := range r.nodes {
		for _, sock := range n.all() {
			if sock.isOpen() {
				left = append(left, "socket "+sock.String())
			}
		}
	}
	return left
}

func (r *runner) frames() int {
	r.drv.Lock()
	defer r.drv.Unlock()
	return len(r.res.Frames)
}

// close closes what no stack took over, and gives the namespaces up: with
// their last descriptor the kernel removes them and what is in them.
func (s *netnsSubstrate) close() error {
	s.drv.Close()
	for _, l := range s.links {
		_ = l.Close() // most are closed already, by their stacks
	}
	var errs []error
	for _, ns := range s.spaces {
		errs = append(errs, ns.Close())
	}
	return errors.Join(errs...)
}
