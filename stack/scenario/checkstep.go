package scenario

import (
	"fmt"
	"net/netip"
	"strings"
)

// action is the one action of a step, by its key.
type action struct {
	key     string
	present bool
	check   func(path string, n *Node)
}

func (c *checker) step(path string, s *Step) {
	actions := []action{
		{"listen", s.Listen != nil, func(p string, n *Node) { c.listen(p, n, s.Listen) }},
		{"join", s.Join != nil, func(p string, n *Node) { c.join(p, n, s.Join) }},
		{"invite", s.Invite != nil, func(p string, n *Node) { c.invite(p, n, s.Invite) }},
		{"open", s.Open != nil, func(p string, n *Node) { c.open(p, n, s.Open) }},
		{"member", s.Member != nil, func(p string, n *Node) { c.member(p, n, s.Member) }},
		{"send", s.Send != nil, func(p string, n *Node) { c.send(p, n, s.Send) }},
		{"expect", s.Expect != nil, func(p string, n *Node) { c.expect(p, n, s.Expect) }},
		{"close", s.Close != nil, func(p string, n *Node) { c.close(p, n, s.Close) }},
		{"sleep", s.Sleep != 0, nil},
		{"link", s.Link != nil, nil},
	}
	var set []action
	var all []string
	for _, a := range actions {
		all = append(all, a.key)
		if a.present {
			set = append(set, a)
		}
	}
	switch {
	case len(set) == 0:
		c.fail(path, "no action; a step has one of %s", names(all...))
	case len(set) > 1:
		c.fail(path, "both %s and %s; a step has one action", set[0].key, set[1].key)
	case set[0].check == nil:
		c.place(path, s)
	default:
		c.acts(path, s.On, set[0])
	}
}

// place checks a step that belongs to no node.
func (c *checker) place(path string, s *Step) {
	if s.On != "" {
		c.fail(path+".on", "sleep and link belong to no node; leave it out")
	}
	c.positive(path+".sleep", s.Sleep)
	if s.Link == nil {
		return
	}
	if !c.ports[s.Link.Port] {
		c.fail(path+".link.port", "no port %q; write NODE/PORT", s.Link.Port)
	}
	if s.Link.Up == nil {
		c.fail(path+".link.up", "is missing; write true or false")
	}
}

// acts checks a step of a node.
func (c *checker) acts(path, on string, a action) {
	i := c.sc.nodeIndex(on)
	if i < 0 {
		c.fail(path+".on", "no node %q; there are: %s", on, strings.Join(c.sc.nodeNames(), ", "))
		return
	}
	n := &c.sc.Nodes[i]
	switch {
	case n.Kind == KindKernel && a.key != "member" && a.key != "expect" && a.key != "close":
		c.fail(path+"."+a.key, "node %s is of kind kernel: it can only member, expect and close", n.Name)
		return
	}
	a.check(path+"."+a.key, n)
}

// make declares a socket that a step opens, or finds the one that is open.
func (c *checker) make(path string, n *Node, socket, protocol, role string, bind netip.AddrPort) *declared {
	if protocol == "" {
		d := c.use(path, n, socket)
		if d != nil && bind.IsValid() {
			c.fail(path+".bind", "socket %q is open and bound; leave it out", socket)
		}
		return d
	}
	if strings.Contains(socket, "@") {
		c.fail(path+".socket", "%q: names with @ are given to the sockets that accept and invite make", socket)
		return nil
	}
	if !c.name(path+".socket", socket, maxName) {
		return nil
	}
	key := n.Name + "/" + socket
	if d := c.sockets[key]; d != nil && !d.closed {
		c.fail(path+".protocol", "socket %s is open already; leave the protocol out, or take another name", key)
		return nil
	}
	d := &declared{protocol: protocol, role: role, kernel: n.Kind == KindKernel}
	c.sockets[key] = d
	c.oneOf(path+".protocol", protocol, protocolNames...)
	if bind.IsValid() && bind.Addr().Is6() != isV6(protocol) {
		c.fail(path+".bind", "%v is not of the family of %s", bind, protocol)
	}
	return d
}

// use finds an open socket, also one that an accept or an invitation will have
// made; its declaration is nil where nothing is known.
func (c *checker) use(path string, n *Node, socket string) *declared {
	if d := c.sockets[n.Name+"/"+socket]; d != nil {
		if d.closed {
			c.fail(path+".socket", "socket %s/%s was closed before", n.Name, socket)
			return nil
		}
		return d
	}
	base, peer, made := strings.Cut(socket, "@")
	if d := c.sockets[n.Name+"/"+base]; made && d != nil && d.makes {
		if peer, _, _ := strings.Cut(peer, "#"); c.sc.nodeIndex(peer) < 0 {
			c.fail(path+".socket", "%q: no node %q", socket, peer)
		}
		return &declared{protocol: d.protocol, role: RoleLeaf}
	}
	if socket == "" {
		c.fail(path+".socket", "is missing; name the socket")
	} else {
		c.fail(path+".socket", "node %s has no socket %q open here; open it by giving its protocol", n.Name, socket)
	}
	return nil
}

func (c *checker) ttl(path string, ttl int) { c.between(path, ttl, 0, 255) }

func (c *checker) open(path string, n *Node, o *Open) {
	if o.Protocol == "" {
		c.fail(path+".protocol", "is missing; give one of %s", names(protocolNames...))
		return
	}
	c.oneOf(path+".role", o.Role, RoleRoot, RoleLeaf)
	if isMPJ(o.Protocol) && o.Role == "" {
		c.fail(path+".role", "is missing: a socket of %s is a root or a leaf", o.Protocol)
	}
	if !isMPJ(o.Protocol) && o.Role == RoleRoot {
		c.fail(path+".role", "%s has no roots", o.Protocol)
	}
	c.make(path, n, o.Socket, o.Protocol, o.Role, o.Bind)
	c.ttl(path+".ttl", o.TTL)
	c.qos(path+".qos", o.QOS)
}

func (c *checker) listen(path string, n *Node, l *Listen) {
	role := l.Role
	if role == "" {
		role = RoleRoot
	}
	c.oneOf(path+".role", l.Role, RoleRoot, RoleLeaf)
	d := c.make(path, n, l.Socket, l.Protocol, role, l.Bind)
	if d != nil {
		if l.Protocol != "" && !l.Bind.IsValid() {
			c.fail(path+".bind", "is missing: give the name that others join, an address with a port")
		}
		if !isMPJ(d.protocol) {
			c.fail(path+".protocol", "a socket of %s cannot listen; use mpj4 or mpj6", d.protocol)
		}
		d.listening, d.makes = true, true
	}
	c.between(path+".backlog", l.Backlog, 0, 1<<16)
	c.ttl(path+".ttl", l.TTL)
	c.qos(path+".qos", l.QOS)
	for i := range l.Accept {
		c.accept(fmt.Sprintf("%s.accept[%d]", path, i), &l.Accept[i])
	}
}

func (c *checker) accept(path string, a *Accept) {
	if a.From != "" && c.sc.nodeIndex(a.From) < 0 {
		c.fail(path+".from", "no node %q; there are: %s", a.From, strings.Join(c.sc.nodeNames(), ", "))
	}
	c.oneOf(path+".verdict", a.Verdict, VerdictAccept, VerdictReject, VerdictDefer)
	if (a.Verdict == VerdictDefer) != (a.Delay > 0) {
		c.fail(path+".delay", "goes with the verdict defer, and the verdict defer with a delay")
	}
	c.userData(path+".callee", a.Callee)
	if a.Lower != nil {
		c.flow(path+".lower", a.Lower, false)
	}
}

func (c *checker) userData(path string, s *string) {
	if s != nil && len(*s) > maxUserData {
		c.fail(path, "%d bytes are more than %d", len(*s), maxUserData)
	}
}

// ask is what Join and Invite have in common.
func (c *checker) ask(path string, d *declared, j *Join) {
	switch {
	case !j.To.IsValid():
		c.fail(path+".to", "is missing; give an address with a port")
	case d != nil && j.To.Addr().Is6() != isV6(d.protocol):
		c.fail(path+".to", "%v is not of the family of %s", j.To, d.protocol)
	}
	c.oneOf(path+".flags", j.Flags, FlagsSender, FlagsReceiver, FlagsBoth)
	c.userData(path+".caller", j.Caller)
	c.between(path+".room", j.Room, 0, maxUserData)
	if j.Callee != nil && len(*j.Callee) > j.Room && j.Fails == 0 {
		c.fail(path+".room", "%d bytes cannot hold the %d of callee data that are expected", j.Room, len(*j.Callee))
	}
	c.ttl(path+".ttl", j.TTL)
	c.qos(path+".qos", j.QOS)
	c.positive(path+".within", j.Within)
}

func (c *checker) join(path string, n *Node, j *Join) {
	d := c.make(path, n, j.Socket, j.Protocol, RoleLeaf, j.Bind)
	c.ask(path, d, j)
	if d != nil && !isMPJ(d.protocol) && (j.Caller != nil || j.Callee != nil || j.Room != 0) && j.Fails == 0 {
		c.fail(path, "%s carries no caller and callee data", d.protocol)
	}
}

func (c *checker) invite(path string, n *Node, v *Invite) {
	d := c.make(path, n, v.Socket, v.Protocol, RoleRoot, v.Bind)
	c.ask(path, d, (*Join)(v))
	if d == nil {
		return
	}
	d.makes = true
	if !isMPJ(d.protocol) || d.role != RoleRoot {
		c.fail(path, "only a root of mpj4 or mpj6 invites")
	}
}

func (c *checker) member(path string, n *Node, m *Member) {
	protocol := UDP4
	if m.Session == "" && m.Group.Addr().Is6() {
		protocol = UDP6
	}
	d := c.make(path, n, m.Socket, protocol, "", netip.AddrPort{})
	c.positive(path+".within", m.Within)
	if m.Session == "" {
		if !m.Group.Addr().IsMulticast() || m.Group.Port() == 0 {
			c.fail(path+".group", "is no group with a port; give one, or a session")
		}
		if !m.Source.IsValid() || m.Source.Is6() != m.Group.Addr().Is6() {
			c.fail(path+".source", "is missing, or not of the group's family")
		}
		return
	}
	if m.Group.IsValid() || m.Source.IsValid() {
		c.fail(path, "both a session and a group; give one of them")
	}
	root := c.sockets[m.Session]
	switch {
	case root == nil || root.role != RoleRoot || !isMPJ(root.protocol):
		c.fail(path+".session", "%q is no root's socket that is open here; write NODE/SOCKET", m.Session)
	case d != nil && isV6(root.protocol):
		d.protocol = UDP6
	}
}

func (c *checker) send(path string, n *Node, s *Send) {
	d := c.use(path, n, s.Socket)
	if s.To.IsValid() && d != nil && s.To.Addr().Is6() != isV6(d.protocol) {
		c.fail(path+".to", "%v is not of the family of %s", s.To, d.protocol)
	}
	c.between(path+".count", s.Count, 0, maxCount)
	if s.Size != 0 {
		c.between(path+".size", s.Size, payloadHeader, maxSize)
	}
	c.positive(path+".interval", s.Interval)
}

func (c *checker) expect(path string, n *Node, e *Expect) {
	d := c.use(path, n, e.Socket)
	if e.Received == nil && len(e.QOS) == 0 && e.Closed == nil {
		c.fail(path, "nothing; give received, qos or closed")
	}
	if e.Received != nil {
		c.between(path+".received", *e.Received, 0, maxCount)
	}
	if d != nil && d.kernel && (len(e.QOS) > 0 || e.Closed != nil) {
		c.fail(path, "a kernel's socket has no events; expect received alone")
	}
	c.positive(path+".within", e.Within)
}

func (c *checker) close(path string, n *Node, s *Close) {
	if d := c.use(path, n, s.Socket); d != nil {
		d.closed = true
	}
}

func (c *checker) qos(path string, q *QOS) {
	if q == nil {
		return
	}
	if q.Sending != nil {
		c.flow(path+".sending", q.Sending, true)
	}
	if q.Receiving != nil {
		c.flow(path+".receiving", q.Receiving, true)
	}
}

func (c *checker) flow(path string, f *Flow, service bool) {
	if f.Service == "" && service {
		c.fail(path+".service", "is missing; give one of %s", names(serviceNames()...))
		return
	}
	c.oneOf(path+".service", f.Service, serviceNames()...)
}

func serviceNames() []string {
	var all []string
	for _, s := range services {
		all = append(all, s.name)
	}
	return all
}
