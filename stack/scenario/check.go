package scenario

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/mpstack/mpstack/stack/link/fault"
)

// Limits of a scenario.
const (
	maxPorts    = 250  // of one node, and nodes: they are numbered in MAC addresses
	maxName     = 32   // bytes of a name
	maxPortName = 15   // bytes of an interface's name (IFNAMSIZ)
	minMTU      = 1280 // IPv6's least (RFC 8200 section 5)
	maxMTU      = 65535
	maxCount    = 1_000_000
	maxSize     = 65_507 // of a UDP datagram over IPv4
	maxUserData = 896    // of caller and callee data
)

// Check reports every mistake in the scenario, each as an [Error], joined.
func (sc *Scenario) Check() error {
	c := &checker{sc: sc, sockets: make(map[string]*declared), ports: make(map[string]bool)}
	c.head()
	c.topology()
	c.faults()
	for i := range sc.Steps {
		c.step(fmt.Sprintf("steps[%d]", i), &sc.Steps[i])
	}
	return errors.Join(c.errs...)
}

// declared is a socket that earlier steps made.
type declared struct {
	protocol  string
	role      string
	kernel    bool
	listening bool
	makes     bool // sockets named SOCKET@NODE come from it
	closed    bool
}

type checker struct {
	sc      *Scenario
	sockets map[string]*declared // by "node/socket"
	ports   map[string]bool      // by "node/port"
	errs    []error
}

// fail notes a mistake at the value at path, or at what encloses it.
func (c *checker) fail(path, format string, args ...any) {
	e := &Error{File: c.sc.file, Path: path, Text: fmt.Sprintf(format, args...)}
	for p := path; ; p = p[:max(strings.LastIndexAny(p, ".["), 0)] {
		if at, ok := c.sc.at[p]; ok {
			e.Line, e.Column = at.line, at.column
			break
		}
		if p == "" {
			break
		}
	}
	c.errs = append(c.errs, e)
}

// name checks an identifier.
func (c *checker) name(path, s string, limit int) bool {
	switch {
	case s == "":
		c.fail(path, "is missing; give it a name")
	case len(s) > limit:
		c.fail(path, "%q is longer than %d bytes", s, limit)
	case strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "":
		c.fail(path, "%q: a name has letters, digits, dashes, dots and underscores only", s)
	case strings.Trim(s, ".") == "":
		c.fail(path, "%q is no name", s)
	default:
		return true
	}
	return false
}

// oneOf checks a word that may be empty.
func (c *checker) oneOf(path, s string, words ...string) {
	if s == "" {
		return
	}
	for _, w := range words {
		if s == w {
			return
		}
	}
	c.fail(path, "%q where %s belongs", s, names(words...))
}

func (c *checker) between(path string, n, low, high int) {
	if n < low || n > high {
		c.fail(path, "%d is not between %d and %d", n, low, high)
	}
}

func (c *checker) positive(path string, d time.Duration) {
	if d < 0 {
		c.fail(path, "%v is below zero", d)
	}
}

func (c *checker) head() {
	c.name("name", c.sc.Name, maxName)
	c.positive("refresh", c.sc.Refresh)
	if len(c.sc.Links) == 0 {
		c.fail("links", "there are none; a network needs at least one")
	}
	if len(c.sc.Nodes) == 0 {
		c.fail("nodes", "there are none")
	}
	if len(c.sc.Steps) == 0 {
		c.fail("steps", "there are none; nothing would happen")
	}
}

func (c *checker) topology() {
	seen := make(map[string]bool)
	for i, l := range c.sc.Links {
		path := fmt.Sprintf("links[%d]", i)
		if c.name(path+".name", l.Name, maxName) && seen[l.Name] {
			c.fail(path+".name", "a second link %q", l.Name)
		}
		seen[l.Name] = true
		c.positive(path+".delay", l.Delay)
		if l.MTU != 0 {
			c.between(path+".mtu", l.MTU, minMTU, maxMTU)
		}
	}
	if len(c.sc.Nodes) > maxPorts {
		c.fail("nodes", "%d are more than %d", len(c.sc.Nodes), maxPorts)
	}
	addrs := make(map[netip.Addr]string)
	for i := range c.sc.Nodes {
		c.node(fmt.Sprintf("nodes[%d]", i), i, addrs)
	}
}

func (c *checker) node(path string, i int, addrs map[netip.Addr]string) {
	n := &c.sc.Nodes[i]
	if c.name(path+".name", n.Name, maxName) && c.sc.nodeIndex(n.Name) != i {
		c.fail(path+".name", "a second node %q", n.Name)
	}
	c.oneOf(path+".kind", n.Kind, KindHost, KindRouter, KindKernel)
	if len(n.Ports) == 0 || len(n.Ports) > maxPorts {
		c.fail(path+".ports", "%d ports; a node has 1 to %d", len(n.Ports), maxPorts)
	}
	for j := range n.Ports {
		c.port(fmt.Sprintf("%s.ports[%d]", path, j), n, &n.Ports[j], addrs)
	}
	for j, g := range n.Gateways {
		c.gateway(fmt.Sprintf("%s.gateways[%d]", path, j), n, g)
	}
	for j, r := range n.Routes {
		at := fmt.Sprintf("%s.routes[%d]", path, j)
		if !r.To.IsValid() {
			c.fail(at+".to", "is missing; give the network that the route leads to")
		} else if r.To.Masked() != r.To {
			c.fail(at+".to", "%v has host bits; did you mean %v?", r.To, r.To.Masked())
		}
		c.gateway(at+".via", n, r.Via)
	}
}

func (c *checker) port(path string, n *Node, p *Port, addrs map[netip.Addr]string) {
	full := n.Name + "/" + p.Name
	if c.name(path+".name", p.Name, maxPortName) {
		if c.ports[full] {
			c.fail(path+".name", "a second port %q of node %s", p.Name, n.Name)
		}
		c.ports[full] = true
	}
	if c.sc.linkIndex(p.Link) < 0 {
		c.fail(path+".link", "no link %q; there are: %s", p.Link, strings.Join(c.sc.linkNames(), ", "))
	}
	c.oneOf(path+".backend", p.Backend, BackendAuto, BackendRaw, BackendTap)
	if n.Kind == KindKernel && p.Backend == BackendRaw || n.Kind != "" && n.Kind != KindHost && p.Backend == BackendTap {
		c.fail(path+".backend", "a node of kind %s cannot have a %s port", n.Kind, p.Backend)
	}
	for i, a := range p.Addrs {
		at := fmt.Sprintf("%s.addrs[%d]", path, i)
		switch owner, twice := addrs[a.Addr()]; {
		case !a.IsValid() || a.Addr().IsUnspecified() || a.Addr().IsMulticast() || a.Addr().Is4In6():
			c.fail(at, "%v is no host address", a)
		case twice && !a.Addr().IsLinkLocalUnicast():
			c.fail(at, "%v belongs to %s already", a.Addr(), owner)
		case a.Addr().Is4() && a.Bits() < 31 && a.Addr() == a.Masked().Addr():
			c.fail(at, "%v is the network's own address; write a host address such as %v/%d", a, a.Addr().Next(), a.Bits())
		}
		addrs[a.Addr()] = full
	}
}

// gateway checks that a neighbour can be reached from the node.
func (c *checker) gateway(path string, n *Node, g netip.Addr) {
	if !g.IsValid() {
		c.fail(path, "is missing; give the address of a neighbour")
		return
	}
	for _, p := range n.Ports {
		for _, a := range p.Addrs {
			if a.Addr() == g {
				c.fail(path, "%v is the node's own address", g)
				return
			}
			if a.Masked().Contains(g) {
				return
			}
		}
	}
	c.fail(path, "%v is in no network of node %s; a gateway is a neighbour", g, n.Name)
}

func (c *checker) faults() {
	for i, f := range c.sc.Faults {
		path := fmt.Sprintf("faults[%d]", i)
		if c.sc.linkIndex(f.Link) < 0 {
			c.fail(path+".link", "no link %q; there are: %s", f.Link, strings.Join(c.sc.linkNames(), ", "))
		}
		if _, err := fault.ParseMatch(f.Drop); err != nil {
			c.fail(path+".drop", "%v", err)
		}
	}
}

func (sc *Scenario) nodeIndex(name string) int {
	for i := range sc.Nodes {
		if sc.Nodes[i].Name == name {
			return i
		}
	}
	return -1
}

func (sc *Scenario) linkIndex(name string) int {
	for i := range sc.Links {
		if sc.Links[i].Name == name {
			return i
		}
	}
	return -1
}

func (sc *Scenario) linkNames() []string {
	var all []string
	for _, l := range sc.Links {
		all = append(all, l.Name)
	}
	return all
}

func (sc *Scenario) nodeNames() []string {
	var all []string
	for i := range sc.Nodes {
		all = append(all, sc.Nodes[i].Name)
	}
	return all
}
