package scenario

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/mpstack/mpstack/stack"
	"github.com/mpstack/mpstack/stack/winsock"
)

// do runs one step. Its error ends the steps.
func (r *runner) do(s *Step) error {
	if s.About != "" {
		r.locked(func() { r.tell(EntryStep, "", false, "%s", s.About) })
	}
	switch {
	case s.Sleep != 0:
		r.sleep(s.Sleep)
		return nil
	case s.Link != nil:
		return r.doLink(s.Link)
	}
	n := r.node(s.On)
	switch {
	case s.Open != nil:
		_, err := n.doOpen(s.Open)
		return err
	case s.Listen != nil:
		return n.doListen(s.Listen)
	case s.Join != nil:
		return n.doJoin(s.Join)
	case s.Invite != nil:
		return n.doInvite((*Join)(s.Invite))
	case s.Member != nil:
		return n.doMember(s.Member)
	case s.Send != nil:
		return n.doSend(s.Send)
	case s.Expect != nil:
		return n.doExpect(s.Expect)
	}
	return n.doClose(s.Close)
}

func (r *runner) doLink(l *SetLink) error {
	name, port, _ := strings.Cut(l.Port, "/")
	n := r.node(name)
	for i, p := range n.def.Ports {
		if p.Name == port {
			word := map[bool]string{true: "up", false: "down"}[*l.Up]
			r.locked(func() { r.tell(EntryCall, name, false, "%s goes %s", port, word) })
			return r.sub.setLink(n, i, *l.Up)
		}
	}
	return fmt.Errorf("no port %s", l.Port)
}

// protocolEntry returns the catalogue's entry of that name.
func protocolEntry(name string) stack.Protocol {
	switch name {
	case MPJ4:
		return stack.MPJIPv4
	case MPJ6:
		return stack.MPJIPv6
	case UDP6:
		return stack.UDPIPv6
	}
	return stack.UDPIPv4
}

// doOpen makes a socket and binds it.
func (n *node) doOpen(o *Open) (*socket, error) {
	entry := protocolEntry(o.Protocol)
	s, err := n.st.Socket(entry, socketFlags(o.Role))
	if err != nil {
		return nil, err
	}
	sock := n.add(&socket{name: o.Socket, entry: entry, s: s})
	if o.TTL != 0 {
		s.SetMulticastScope(uint8(o.TTL))
	}
	if o.Bind.IsValid() {
		if err := s.Bind(o.Bind); err != nil {
			return nil, err
		}
	}
	if o.QOS != nil {
		if err := s.SetQOS(*o.QOS.winsock()); err != nil {
			return nil, err
		}
	}
	if o.Role == "" {
		err = sock.watch()
	}
	return sock, err
}

// openOr makes a socket where a step gives its protocol, and finds it where not.
func (n *node) openOr(o Open) (*socket, error) {
	if o.Protocol != "" {
		return n.doOpen(&o)
	}
	sock, err := n.get(o.Socket)
	if err != nil {
		return nil, err
	}
	if o.TTL != 0 {
		sock.s.SetMulticastScope(uint8(o.TTL))
	}
	if o.QOS != nil {
		err = sock.s.SetQOS(*o.QOS.winsock())
	}
	return sock, err
}

func (n *node) doListen(l *Listen) error {
	role := l.Role
	if role == "" {
		role = RoleRoot
	}
	sock, err := n.openOr(Open{
		Socket: l.Socket, Protocol: l.Protocol, Role: role, Bind: l.Bind, TTL: l.TTL, QOS: l.QOS,
	})
	if err != nil {
		return err
	}
	sock.accept = l.Accept
	backlog := l.Backlog
	if backlog == 0 {
		backlog = acceptBacklog
	}
	if err := sock.s.Listen(backlog); err != nil {
		return err
	}
	n.r.locked(func() {
		at, what := "", "for leaves"
		if l.Bind.IsValid() {
			at = " at " + l.Bind.String()
		}
		if role == RoleLeaf {
			what = "for a root's invitation"
		}
		n.tell("%s listens%s %s", sock.name, at, what)
	})
	return sock.watch()
}

// tell adds a call's entry. The lock is held.
func (n *node) tell(format string, args ...any) {
	n.r.tell(EntryCall, n.def.Name, false, format, args...)
}

// outcome is what a JoinLeaf came to.
type outcome struct {
	leaf   *stack.Socket
	err    error
	callee []byte
}

// joinLeaf calls JoinLeaf and waits for its end, for at most the step's bound.
func (s *socket) joinLeaf(j *Join) (outcome, error) {
	r := s.node.r
	within := j.Within
	if within == 0 {
		within = joinWithin
	}
	req := stack.Join{Name: j.To, Flags: joinFlags(j.Flags), SQOS: j.QOS.winsock()}
	if j.Caller != nil {
		req.CallerData = []byte(*j.Caller)
	}
	if j.Room > 0 {
		req.CalleeData = &stack.WSABuf{Len: uint32(j.Room), Buf: make([]byte, j.Room)}
	}
	var out outcome
	var done bool
	watched := s.watched()
	r.sub.spawn(s.String()+" joins", func() {
		leaf, err := s.s.JoinLeaf(req)
		r.locked(func() { out.leaf, out.err, done = leaf, err, true })
	})
	ended := func() bool {
		return done && (out.err != nil || !watched || s.connected != nil)
	}
	if s.entry.ServiceFlags1&winsock.XP1_MULTIPOINT_CONTROL_PLANE == 0 {
		ended = func() bool { return done }
	}
	if !r.await(ended, within) {
		_ = s.close() // which ends a call that blocks
		r.await(func() bool { return done }, defaultWithin)
		return outcome{}, fmt.Errorf("JoinLeaf to %v did not end within %v", j.To, within)
	}
	r.locked(func() {
		if s.connected != nil && *s.connected != 0 && out.err == nil {
			out.err = *s.connected
		}
		s.connected = nil
	})
	if out.err != nil && out.leaf != nil && out.leaf != s.s {
		_ = out.leaf.Close() // what a failed invitation made
	}
	if req.CalleeData != nil && out.err == nil {
		out.callee = req.CalleeData.Buf[:req.CalleeData.Len]
	}
	return out, nil
}

// judge compares a join's outcome with what the step expects. It reports
// whether the join stands.
func (s *socket) judge(j *Join, what string, out outcome) (bool, error) {
	r, name := s.node.r, s.node.def.Name
	if j.Fails != 0 {
		r.locked(func() {
			r.check(name, errors.Is(out.err, winsock.Errno(j.Fails)), errorText(out.err), "%s, which fails: %v", what, j.Fails)
		})
		return out.err == nil, nil
	}
	if out.err != nil {
		return false, fmt.Errorf("%s: %w", what, out.err)
	}
	r.locked(func() {
		s.node.tell("%s%s%s", what, quotedText(" with caller data ", j.Caller), quoted("; callee data ", out.callee))
		if j.Callee != nil {
			r.check(name, string(out.callee) == *j.Callee, fmt.Sprintf("%q", out.callee), "callee data %q", *j.Callee)
		}
	})
	return true, nil
}

func errorText(err error) string {
	if err == nil {
		return "success"
	}
	return err.Error()
}

func quotedText(words string, s *string) string {
	if s == nil {
		return ""
	}
	return quoted(words, []byte(*s))
}

func (n *node) doJoin(j *Join) error {
	sock, err := n.openOr(Open{Socket: j.Socket, Protocol: j.Protocol, Role: RoleLeaf, Bind: j.Bind, TTL: j.TTL})
	if err != nil {
		return err
	}
	out, err := sock.joinLeaf(j)
	if err != nil {
		return err
	}
	stands, err := sock.judge(j, fmt.Sprintf("%s joined %v", sock.name, j.To), out)
	if !stands {
		return err
	}
	return sock.watch()
}

func (n *node) doInvite(j *Join) error {
	sock, err := n.openOr(Open{Socket: j.Socket, Protocol: j.Protocol, Role: RoleRoot, Bind: j.Bind, TTL: j.TTL})
	if err != nil {
		return err
	}
	if sock.watched() {
		if err := sock.rewatch(); err != nil {
			return err
		}
	}
	out, err := sock.joinLeaf(j)
	if err != nil {
		return err
	}
	peer := n.r.nodeOf(j.To.Addr())
	stands, err := sock.judge(j, fmt.Sprintf("%s invited %s", sock.name, peer), out)
	if !stands {
		return err
	}
	watched := sock.watched()
	leaf := n.add(&socket{name: sock.name + "@" + peer, entry: sock.entry, s: out.leaf, made: true, events: watched})
	if watched {
		leaf.react() // to what came before the pump knew of it
		return nil
	}
	return errors.Join(sock.watch(), leaf.watch())
}

func (n *node) doMember(m *Member) error {
	group, source := m.Group, m.Source
	if m.Session != "" {
		ss, err := n.r.session(m)
		if err != nil {
			return err
		}
		group, source = ss.group, ss.root.Addr()
	}
	sock := &socket{name: m.Socket, entry: stack.UDPIPv4}
	if group.Addr().Is6() {
		sock.entry = stack.UDPIPv6
	}
	if err := n.openMember(sock, group, source); err != nil {
		return err
	}
	n.r.locked(func() { n.tell("%s receives group %v from source %v", sock.name, group, source) })
	return nil
}

// openMember opens a plain UDP socket with a source-specific membership.
func (n *node) openMember(sock *socket, group netip.AddrPort, source netip.Addr) error {
	if n.kernel != nil {
		closer, err := n.kernel.member(group, source, func(b []byte) {
			n.r.locked(func() { sock.tally.put(b) })
		})
		if err != nil {
			return err
		}
		sock.closer = closer
		n.add(sock)
		return nil
	}
	s, err := n.st.Socket(sock.entry, 0)
	if err != nil {
		return err
	}
	sock.s = s
	n.add(sock)
	any := netip.IPv4Unspecified()
	if group.Addr().Is6() {
		any = netip.IPv6Unspecified()
	}
	if err := s.Bind(netip.AddrPortFrom(any, group.Port())); err != nil {
		return err
	}
	if err := s.AddSourceMembership(group.Addr(), source); err != nil {
		return err
	}
	return sock.watch()
}

// session returns the session of a root's socket, once a join has shown it on
// the wire.
func (r *runner) session(m *Member) (session, error) {
	name, sockName, _ := strings.Cut(m.Session, "/")
	root := r.node(name)
	sock, err := root.get(sockName)
	if err != nil {
		return session{}, err
	}
	local, err := sock.s.LocalAddr()
	if err != nil {
		return session{}, err
	}
	var found session
	known := func() bool {
		for _, ss := range r.sessions {
			if ss.root.Port() == local.Port() && (ss.root == local || local.Addr().IsUnspecified() && root.has(ss.root.Addr())) {
				found = ss
			}
		}
		return found.group.IsValid()
	}
	if !r.await(known, bound(m.Within)) {
		return session{}, fmt.Errorf("no join has shown the group of session %s within %v", m.Session, bound(m.Within))
	}
	return found, nil
}

// bound returns a step's bound.
func bound(within time.Duration) time.Duration {
	if within == 0 {
		return defaultWithin
	}
	return within
}

func (n *node) doSend(s *Send) error {
	sock, err := n.get(s.Socket)
	if err != nil {
		return err
	}
	count, size := max(s.Count, 1), s.Size
	if size == 0 {
		size = 64
	}
	var buf []byte
	for i := range count {
		if i > 0 && s.Interval > 0 {
			n.r.sleep(s.Interval)
		}
		buf = appendPayload(buf[:0], sock.number, uint32(sock.sent)+1, size)
		if s.To.IsValid() {
			_, err = sock.s.SendTo(buf, s.To)
		} else {
			_, err = sock.s.Send(buf)
		}
		if err != nil || s.Fails != 0 {
			return n.sendFailed(sock, s, err)
		}
		n.r.locked(func() { sock.sent++ })
	}
	n.r.locked(func() {
		n.tell("%s sent %s of %d bytes", sock.name, plural(count, "datagram"), size)
	})
	return nil
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// sendFailed judges a refused datagram.
func (n *node) sendFailed(sock *socket, s *Send, err error) error {
	if s.Fails == 0 {
		return err
	}
	n.r.locked(func() {
		n.r.check(n.def.Name, errors.Is(err, winsock.Errno(s.Fails)), errorText(err), "%s cannot send: %v", sock.name, s.Fails)
	})
	return nil
}

func (n *node) doExpect(e *Expect) error {
	sock, err := n.get(e.Socket)
	if err != nil {
		return err
	}
	r := n.r
	come := func() bool { return sock.come(e) }
	if e.Received != nil && *e.Received == 0 {
		come = func() bool { return false } // that nothing comes shows when the bound is reached
	}
	r.await(come, bound(e.Within))
	r.locked(func() { sock.compare(e) })
	return nil
}

// come reports whether everything expected has come. The lock is held.
func (s *socket) come(e *Expect) bool {
	if e.Received != nil && s.tally.Received < *e.Received {
		return false
	}
	for _, c := range e.QOS {
		if !s.indicated(c) {
			return false
		}
	}
	return e.Closed == nil || s.hasClosed
}

func (s *socket) indicated(c Code) bool {
	for _, q := range s.qos {
		if q.Status == winsock.Errno(c) {
			return true
		}
	}
	return false
}

// compare notes the outcome of each thing expected. The lock is held.
func (s *socket) compare(e *Expect) {
	r, name := s.node.r, s.node.def.Name
	if e.Received != nil {
		t := s.tally
		ok := t.Received == *e.Received && t.Lost == 0 && t.Duplicated == 0 && t.Foreign == 0
		r.check(name, ok, fmt.Sprintf("%d (%d lost, %d twice, %d foreign)", t.Received, t.Lost, t.Duplicated, t.Foreign),
			"%s received %s", s.name, plural(*e.Received, "datagram"))
	}
	for _, c := range e.QOS {
		r.check(name, s.indicated(c), "none such", "%s was told %v", s.name, c)
	}
	if e.Closed != nil {
		got := "that it goes on"
		if s.hasClosed {
			got = Code(s.code).String()
		}
		r.check(name, s.hasClosed && s.code == winsock.Errno(*e.Closed), got, "the session of %s ended with %v", s.name, *e.Closed)
	}
}

func (n *node) doClose(c *Close) error {
	sock, err := n.get(c.Socket)
	if err != nil {
		return err
	}
	n.r.locked(func() { n.tell("%s is closed", sock.name) })
	return sock.close()
}
