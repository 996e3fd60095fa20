package stack

import (
	"net/netip"
	"slices"

	"github.com/mpstack/mpstack/internal/machine"
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
	leaves  []*Socket                  // c_leaf sockets, in the order of joining
	members map[netip.AddrPort]*Socket // the same, by the leaf's data address
}

// session returns the root's session, made at listen or at the first join.
func (s *Socket) session(call string) (*session, error) {
	if s.sess != nil {
		return s.sess, nil
	}
	data := s.local
	if data.Addr().IsUnspecified() {
		_, src, _, ok := s.st.ip.RouteTo(anyGroup(s.proto.IPv6))
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
		members: make(map[netip.AddrPort]*Socket),
	}
	s.dest = s.sess.group
	s.place = qos.Endpoint{Session: s.sess.group, Sender: data, If: info.Index, TTL: s.ttl}
	return s.sess, nil
}

// anyGroup returns the first group of the range that sessions use.
func anyGroup(v6 bool) netip.Addr {
	if v6 {
		return netip.AddrFrom16([16]byte{0xff, 0x38, 12: 0x80}) // ff38::8000:0
	}
	return netip.AddrFrom4([4]byte{232, 0, 1, 0})
}

// newGroup draws a source-specific group and a dynamic port that no session of
// this stack uses: 232.0.1.0-232.255.255.255, or ff38::8000:0-ff38::ffff:ffff
// (RFC 4607, RFC 3307; scope 8, organization-local).
func (st *Stack) newGroup(v6 bool) netip.AddrPort {
	for {
		g := anyGroup(v6)
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

// groupInUse reports whether a socket of this stack sends to the group or
// receives from it. Its answer does not depend on the order of the map.
func (st *Stack) groupInUse(ap netip.AddrPort) bool {
	for s := range st.sockets {
		if s.dest == ap || s.group == ap.Addr() {
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
	ss.members[leaf.peer] = leaf
	ss.leaves = append(ss.leaves, leaf)
}

func (ss *session) remove(leaf *Socket) {
	if ss.members[leaf.peer] == leaf {
		delete(ss.members, leaf.peer)
	}
	if i := slices.Index(ss.leaves, leaf); i >= 0 {
		ss.leaves = slices.Delete(ss.leaves, i, i+1)
	}
}

// forgetMember takes s, a root's c_leaf socket, off its root's session.
func (s *Socket) forgetMember() {
	if s.root != nil && s.root.sess != nil {
		s.root.sess.remove(s)
	}
}

// Leaves returns how many leaves the session of a c_root has.
func (s *Socket) Leaves() int {
	s.st.drv.Lock()
	defer s.st.drv.Unlock()
	if s.sess == nil {
		return 0
	}
	return len(s.sess.leaves)
}

// dismantle ends the root's session: every leaf is told, and the root's own
// c_leaf sockets get FD_CLOSE (W108, W114).
func (s *Socket) dismantle(now machine.Time) {
	if s.sess == nil {
		return
	}
	leaves := s.sess.leaves
	s.sess = nil
	for _, leaf := range leaves {
		leaf.leaveSession(now, wirempj.Dismantled)
		leaf.state = stateBroken
		leaf.post(winsock.FD_CLOSE, 0)
	}
}

// enterData gives a leaf's socket its place in the data plane of the session
// it was admitted to: the source-specific group where it receives, its part in
// the reservation of that, and the root's data address where it sends.
func (s *Socket) enterData(now machine.Time, call string, ss *mpj.Session, dir joinDir) error {
	s.from = ss.Root
	if dir.sends { // plain unicast, which has no reservation of its own
		s.dest = ss.Root
	}
	if !dir.receives || ss.Mode != wirempj.Multicast {
		return nil
	}
	ifIndex := s.groupInterface(ss.Root.Addr()) // where the data comes from
	if ifIndex == 0 {
		return fail(call, winsock.WSAENETUNREACH, "W66: no route to "+ss.Root.Addr().String())
	}
	if err := s.joinGroup(now, call, ss.Group, ss.Root.Addr(), ifIndex); err != nil {
		return err
	}
	s.place = qos.Endpoint{Session: ss.Group, Filter: ss.Root, If: ifIndex, TTL: ss.TTL, Receives: true}
	return s.openFlow(now)
}
