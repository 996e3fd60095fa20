package stack

import (
	"net/netip"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/ip"
	"github.com/mpstack/mpstack/stack/mpj"
	"github.com/mpstack/mpstack/stack/qos"
	"github.com/mpstack/mpstack/stack/winsock"
	wirempj "github.com/mpstack/mpstack/wire/mpj"
)

// session is what a c_root owns: the source-specific group that its data goes
// to, and its leaves.
type session struct {
	data    netip.AddrPort // the root's data address and port
	group   netip.AddrPort
	ifIndex int
	ttl     uint8
	leaves  map[*Socket]struct{}
	members map[netip.AddrPort]*Socket // by the leaf's data address
	order   []*Socket                  // leaves, in the order of joining
}

// session returns the root's session, made at listen or at the first join.
func (s *Socket) session(call string) (*session, error) {
	if s.sess != nil {
		return s.sess, nil
	}
	data := s.local
	if data.Addr().IsUnspecified() {
		_, src, _, ok := s.st.ip.RouteTo(s.st.anyGroup(s.proto.IPv6))
		if !ok {
			return nil, fail(call, winsock.WSAENETUNREACH, "W66: no interface for multicast")
		}
		data = netip.AddrPortFrom(src, data.Port())
	}
	info, ok := s.st.ip.InterfaceByAddr(data.Addr())
	if !ok {
		return nil, fail(call, winsock.WSAEADDRNOTAVAIL, data.Addr().String()+" is no address of this host")
	}
	s.sess = &session{
		data: data, group: s.st.newGroup(s.proto.IPv6), ifIndex: info.Index, ttl: s.ttl,
		leaves: make(map[*Socket]struct{}), members: make(map[netip.AddrPort]*Socket),
	}
	s.dest = s.sess.group
	return s.sess, nil
}

// anyGroup returns a group of the range that sessions use.
func (st *Stack) anyGroup(v6 bool) netip.Addr {
	if v6 {
		return netip.MustParseAddr("ff38::8000:0")
	}
	return netip.MustParseAddr("232.0.1.0")
}

// newGroup draws a source-specific group and a dynamic port that no session of
// this stack uses: 232.0.1.0-232.255.255.255, or ff38::8000:0-ff38::ffff:ffff
// (RFC 4607, RFC 3307; scope 8, organization-local).
func (st *Stack) newGroup(v6 bool) netip.AddrPort {
	for {
		g := st.anyGroup(v6)
		if v6 {
			b := g.As16()
			n := st.rand.Uint32N(1<<31) | 1<<31
			b[12], b[13], b[14], b[15] = byte(n>>24), byte(n>>16), byte(n>>8), byte(n)
			g = netip.AddrFrom16(b)
		} else {
			n := 0xe8000100 + st.rand.Uint32N(0xe9000000-0xe8000100)
			g = netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
		}
		ap := netip.AddrPortFrom(g, uint16(49152+st.rand.Uint32N(16384)))
		if !st.groupInUse(ap) {
			return ap
		}
	}
}

func (st *Stack) groupInUse(ap netip.AddrPort) bool {
	for s := range st.sockets {
		if s.sess != nil && s.sess.group == ap || s.dest == ap {
			return true
		}
	}
	return false
}

// offer is the session as the join protocol carries it.
func (ss *session) offer() *mpj.Session {
	return &mpj.Session{Group: ss.group, TTL: ss.ttl, Mode: wirempj.Multicast, Root: ss.data}
}

// add makes leaf, a root's c_leaf socket, a member.
func (ss *session) add(leaf *Socket) {
	ss.leaves[leaf] = struct{}{}
	ss.members[leaf.peer] = leaf
	ss.order = append(ss.order, leaf)
}

// forgetMember takes s off its root's session.
func (s *Socket) forgetMember() {
	if s.root == nil || s.root.sess == nil {
		return
	}
	ss := s.root.sess
	delete(ss.leaves, s)
	if ss.members[s.peer] == s {
		delete(ss.members, s.peer)
	}
	for i, l := range ss.order {
		if l == s {
			ss.order = append(ss.order[:i], ss.order[i+1:]...)
			break
		}
	}
}

// dismantle ends the root's session: every leaf is told, and the root's own
// c_leaf sockets get FD_CLOSE (W108, W114).
func (s *Socket) dismantle(now machine.Time) {
	if s.sess == nil {
		return
	}
	for _, leaf := range append([]*Socket(nil), s.sess.order...) {
		leaf.dropAssoc(now, wirempj.Dismantled)
		leaf.state = stateBroken
		leaf.post(winsock.FD_CLOSE, 0)
	}
	s.sess = nil
}

// enterData gives a leaf's socket its place in the data plane of the session
// it was admitted to: the source-specific group where it receives, the root's
// data address where it sends, its part in the reservation.
func (s *Socket) enterData(now machine.Time, ss *mpj.Session, receives, sends bool) error {
	s.dest, s.from = ss.Root, ss.Root
	if receives {
		if err := s.joinGroup(now, ss.Group, ss.Root.Addr()); err != nil {
			return err
		}
	}
	if q := s.qos; q != nil {
		return s.openFlow(now, qos.Endpoint{
			Session: ss.Group, Sender: netip.AddrPort{}, Filter: ss.Root, If: s.groupIf, TTL: ss.TTL, Receives: receives,
		}, q)
	}
	_ = sends // upstream data is plain unicast; it has no reservation of its own yet
	return nil
}

// joinGroup receives (source, group); an invalid source is any.
func (s *Socket) joinGroup(now machine.Time, group netip.AddrPort, source netip.Addr) error {
	ifIndex := s.interfaceFor(group.Addr())
	if ifIndex == 0 {
		return fail("WSAJoinLeaf", winsock.WSAENETUNREACH, "W66: no interface for multicast")
	}
	if group.Port() != s.local.Port() {
		h, err := s.st.ip.BindUDP(now, ip.Bind{Local: netip.AddrPortFrom(s.proto.any(), group.Port()), Reuse: true})
		if err != nil {
			return fail("WSAJoinLeaf", errno(err), err.Error())
		}
		s.groupUDP = h
		s.st.udp[h] = &binding{sock: s, group: true}
	}
	if err := s.st.ip.Join(now, ifIndex, group.Addr(), source); err != nil {
		s.leaveData(now)
		return fail("WSAJoinLeaf", errno(err), err.Error())
	}
	s.group, s.source, s.groupIf = group.Addr(), source, ifIndex
	return nil
}

// interfaceFor returns the interface on which groups are joined: that of the
// bound address, else the one toward the group; 0 where there is none.
func (s *Socket) interfaceFor(group netip.Addr) int {
	if a := s.local.Addr(); a.IsValid() && !a.IsUnspecified() {
		info, _ := s.st.ip.InterfaceByAddr(a)
		return info.Index
	}
	i, _, _, _ := s.st.ip.RouteTo(group)
	return i
}

// leaveData undoes enterData and joinGroup.
func (s *Socket) leaveData(now machine.Time) {
	s.closeFlow(now)
	if s.group.IsValid() {
		_ = s.st.ip.Leave(now, s.groupIf, s.group, s.source)
		s.group = netip.Addr{}
	}
	if s.groupUDP != 0 {
		s.st.ip.CloseUDP(now, s.groupUDP)
		delete(s.st.udp, s.groupUDP)
		s.groupUDP = 0
	}
}
