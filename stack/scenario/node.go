package scenario

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack"
	"github.com/mpstack/mpstack/stack/winsock"
	"github.com/mpstack/mpstack/wire/inet"
)

// node is a host or router of a run.
type node struct {
	r       *runner
	def     *Node
	index   int
	st      *stack.Stack // nil for Linux's own
	event   *stack.Event // of every socket
	sockets []*socket
	kernel  kernelHost // where st is nil
	closed  bool
}

// kernelHost is a node on Linux's own IP stack.
type kernelHost interface {
	// member opens a UDP socket at the group's port that receives from source,
	// and gives each datagram to got until it is closed.
	member(group netip.AddrPort, source netip.Addr, got func([]byte)) (closer func() error, err error)
}

// mac returns the address of a port.
func mac(node, port int) inet.MAC { return inet.MAC{2, 0, 0, 0, byte(node + 1), byte(port + 1)} }

// newStack makes the stack of a node, without ports.
func (r *runner) newStack(i int, cfg stack.Config) (*node, error) {
	def := &r.sc.Nodes[i]
	cfg.Name, cfg.Seed, cfg.Refresh = def.Name, r.seed, r.sc.Refresh
	cfg.Router = def.Kind == KindRouter
	st, err := stack.New(cfg)
	if err != nil {
		return nil, err
	}
	return &node{r: r, def: def, index: i, st: st, event: st.NewEvent()}, nil
}

// addRoutes gives a stack the node's routes.
func (n *node) addRoutes() error {
	for _, g := range n.def.Gateways {
		any := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
		if g.Is6() {
			any = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
		}
		if err := n.st.AddRoute(any, g); err != nil {
			return fmt.Errorf("node %s: gateway %v: %w", n.def.Name, g, err)
		}
	}
	for _, route := range n.def.Routes {
		if err := n.st.AddRoute(route.To, route.Via); err != nil {
			return fmt.Errorf("node %s: route to %v: %w", n.def.Name, route.To, err)
		}
	}
	return nil
}

// start lets the node react to what its sockets are told.
func (n *node) start() {
	if n.st != nil {
		n.r.sub.spawn(n.def.Name, n.pump)
	}
}

// close ends the node: calls that block in it return.
func (n *node) close() {
	var already bool
	n.r.locked(func() { already, n.closed = n.closed, true })
	if already {
		return
	}
	if n.st != nil {
		if err := n.st.Close(); err != nil {
			n.r.locked(func() { n.r.find("closing node %s: %v", n.def.Name, err) })
		}
	}
	for _, s := range n.all() {
		if s.closer != nil {
			_ = s.close()
		}
	}
}

// socket is a socket of a run.
type socket struct {
	node   *node
	name   string
	number uint32 // in the datagrams it sends
	entry  stack.Protocol
	s      *stack.Socket
	closer func() error // of a kernel's socket
	accept []Accept     // of a listening socket
	made   bool         // by accept or invite

	// Guarded by the runner's lock.
	events    bool // EventSelect was called: the socket does not block
	open      bool
	tally     Tally
	sent      int
	qos       []QOSIndication
	hasClosed bool
	code      winsock.Errno
	connected *winsock.Errno // FD_CONNECT, until it is taken
	deferred  machine.Time   // when a deferred request is decided again; 0: none
}

// String returns "node/name".
func (s *socket) String() string { return s.node.def.Name + "/" + s.name }

func (s *socket) result() SocketResult {
	return SocketResult{
		Node: s.node.def.Name, Socket: s.name, Sent: s.sent, Tally: s.tally, QOS: s.qos, Closed: s.hasClosed, Code: s.code,
	}
}

// add takes a socket into the node. For one made by accept or invite the name
// is completed where it is taken.
func (n *node) add(s *socket) *socket {
	n.r.locked(func() {
		n.r.sockets++
		s.node, s.number, s.open = n, n.r.sockets, true
		base := s.name
		for i := 2; s.made && n.find(s.name) != nil; i++ {
			s.name = fmt.Sprintf("%s#%d", base, i)
		}
		n.sockets = append(n.sockets, s)
	})
	return s
}

// find returns the latest socket of that name, or nil. The lock is held.
func (n *node) find(name string) *socket {
	for i := len(n.sockets) - 1; i >= 0; i-- {
		if n.sockets[i].name == name {
			return n.sockets[i]
		}
	}
	return nil
}

// get returns the socket that a step names. One that accept makes may be about
// to come: it is waited for.
func (n *node) get(name string) (*socket, error) {
	var s *socket
	there := func() bool { s = n.find(name); return s != nil || !strings.Contains(name, "@") }
	n.r.await(there, defaultWithin)
	if s == nil {
		return nil, fmt.Errorf("node %s has no socket %q", n.def.Name, name)
	}
	return s, nil
}

// all returns the node's sockets as they are now.
func (n *node) all() []*socket {
	n.r.drv.Lock()
	defer n.r.drv.Unlock()
	return append([]*socket(nil), n.sockets...)
}

// events are what a node's pump is told of.
const events = winsock.FD_READ | winsock.FD_ACCEPT | winsock.FD_CONNECT | winsock.FD_CLOSE | winsock.FD_QOS

// watch makes the node's pump hear of s, which does not block from now on.
func (s *socket) watch() error {
	var already bool
	s.node.r.locked(func() { already, s.events = s.events, true })
	if already {
		return nil
	}
	return s.s.EventSelect(s.node.event, events)
}

// rewatch makes FD_CONNECT possible once more, which no call re-enables (E4).
// What was recorded is gone (E2); what has a queue is read.
func (s *socket) rewatch() error {
	err := s.s.EventSelect(s.node.event, events)
	s.readQOS()
	return err
}

// pump reacts to what the node's sockets are told, until the stack is closed.
func (n *node) pump() {
	for {
		_, err := n.st.WaitForMultipleEvents(n.nextDeferred(), n.event)
		if errors.Is(err, winsock.WSAEINTR) {
			return
		}
		n.event.Reset()
		for _, s := range n.all() {
			if s.watched() {
				s.react()
			}
		}
	}
}

func (s *socket) isOpen() bool {
	s.node.r.drv.Lock()
	defer s.node.r.drv.Unlock()
	return s.open
}

// watched reports whether s is open and the pump's.
func (s *socket) watched() bool {
	s.node.r.drv.Lock()
	defer s.node.r.drv.Unlock()
	return s.open && s.events
}

// nextDeferred returns how long the pump may wait; 0 is for ever.
func (n *node) nextDeferred() (wait time.Duration) {
	n.r.drv.Lock()
	defer n.r.drv.Unlock()
	for _, s := range n.sockets {
		if s.deferred == 0 || !s.open {
			continue
		}
		if d := max(s.deferred.Sub(n.r.drv.Now()), 1); wait == 0 || d < wait {
			wait = d
		}
	}
	return wait
}

// react takes what is recorded for s.
func (s *socket) react() {
	ev, err := s.s.EnumNetworkEvents(nil)
	if err != nil {
		return
	}
	if ev.Events&winsock.FD_CONNECT != 0 {
		code := ev.Code(winsock.FD_CONNECT)
		s.node.r.locked(func() { s.connected = &code })
	}
	if ev.Events&winsock.FD_ACCEPT != 0 || s.isDue() {
		s.acceptAll()
	}
	if ev.Events&winsock.FD_READ != 0 {
		s.read()
	}
	if ev.Events&winsock.FD_QOS != 0 {
		s.readQOS()
	}
	if ev.Events&winsock.FD_CLOSE != 0 {
		s.read()
		s.over(ev.Code(winsock.FD_CLOSE))
	}
}

// read takes every datagram that waits.
func (s *socket) read() {
	buf := make([]byte, 1<<16)
	for {
		n, _, err := s.s.RecvFrom(buf, 0)
		if err != nil && !errors.Is(err, winsock.WSAEMSGSIZE) {
			return
		}
		s.node.r.locked(func() { s.tally.put(buf[:n]) })
	}
}

// readQOS takes every indication that waits.
func (s *socket) readQOS() {
	for {
		q, err := s.s.GetQOS()
		if err != nil {
			return
		}
		r := s.node.r
		r.locked(func() {
			s.qos = append(s.qos, QOSIndication{At: r.drv.Now(), QOSStatus: q})
			r.tell(EntryCall, s.node.def.Name, false, "%s is told %s%s", s.name, Code(q.Status), describeQOS(q))
		})
	}
}

// describeQOS says more of an indication, where there is more.
func describeQOS(q stack.QOSStatus) string {
	if q.Extended1 != 0 {
		return fmt.Sprintf(" (%d/%d)", q.Extended1, q.Extended2)
	}
	if rate := q.QOS.Receiving.TokenRate; rate != winsock.QOS_NOT_SPECIFIED {
		return fmt.Sprintf(" (%d B/s)", rate)
	}
	return ""
}

// over notes FD_CLOSE. What accept and invite made is closed.
func (s *socket) over(code winsock.Errno) {
	r := s.node.r
	r.locked(func() {
		s.hasClosed, s.code = true, code
		how := "is over"
		if code != 0 {
			how = "broke: " + Code(code).String()
		}
		r.tell(EntryCall, s.node.def.Name, false, "%s: the session %s", s.name, how)
	})
	if s.made {
		_ = s.close() // it is over: there is nobody to be told
	}
}

// close closes the socket.
func (s *socket) close() error {
	var open bool
	s.node.r.locked(func() { open, s.open = s.open, false })
	switch {
	case !open:
		return nil
	case s.closer != nil:
		return s.closer()
	}
	return s.s.Close()
}
