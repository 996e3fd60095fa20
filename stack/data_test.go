package stack_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/mpstack/mpstack/stack"
	"github.com/mpstack/mpstack/stack/link/mem"
	"github.com/mpstack/mpstack/stack/winsock"
	"github.com/mpstack/mpstack/wire/inet"
)

// counter returns a counter of a stack.
func counter(st *stack.Stack, name string) uint64 {
	all := st.Counters()
	if i := slices.IndexFunc(all, func(c stack.Counter) bool { return c.Name == name }); i >= 0 {
		return all[i].Value
	}
	return 0
}

// TestRootedData: W79-W81, W97: down to every leaf, up to the root alone; what
// no member sends shows nowhere.
func TestRootedData(t *testing.T) {
	inFamilies(t, 3, func(nw *network, f family) {
		var group, leaf1 netip.AddrPort
		nw.Go("root", func() {
			s := nw.listen(f)
			one, two := must(s.Accept(nil)), must(s.Accept(nil))
			nw.Sleep(200 * time.Millisecond)
			must(s.Send([]byte("down")))
			if from := nw.receive(s, "up"); from != must(one.PeerAddr()) {
				t.Errorf("up from %v", from)
			}
			nw.silent(s) // the stranger's datagram came, and that of leaf 2 who left
			nw.over("leaf 2", two, 0)
			nw.over("leaf 1", one, 0)
			for _, s := range []*stack.Socket{one, two, s} {
				ok(s.Close())
			}
		})
		nw.Go("leaf1", func() {
			s := nw.join(f, 1)
			leaf1 = must(s.LocalAddr())
			nw.receive(s, "down")
			nw.Sleep(100 * time.Millisecond)
			must(s.Send([]byte("up")))
			nw.silent(s) // W81: nothing of other leaves, or of strangers
			nw.Sleep(time.Second)
			ok(s.Close())
		})
		nw.Go("leaf2", func() {
			nw.Sleep(100 * time.Millisecond)
			s := nw.join(f, 2)
			me := must(s.LocalAddr())
			nw.receive(s, "down")
			ok(s.Close())
			plain := must(nw.leaves[1].Socket(f.udp, 0)) // the member's address, without a membership
			ok(plain.Bind(me))
			nw.Sleep(200 * time.Millisecond)
			must(plain.SendTo([]byte("late"), f.root()))
			nw.Sleep(time.Second)
			ok(plain.Close())
		})
		nw.Go("stranger", func() {
			nw.Sleep(450 * time.Millisecond)
			s := must(nw.leaves[2].Socket(f.udp, 0))
			must(s.SendTo([]byte("hello"), f.root()))
			group = nw.group
			must(s.SendTo([]byte("hello"), group))
			must(s.SendTo([]byte("hello"), leaf1))
			nw.Sleep(time.Second)
			ok(s.Close())
		})
		nw.run()
		if n := counter(nw.root, "data/drop/source"); n != 2 {
			t.Errorf("%d datagrams of strangers at the root", n)
		}
		if n := counter(nw.leaves[0], "data/drop/source"); n != 1 {
			t.Errorf("%d datagrams of strangers at the leaf", n)
		}
		if !group.Addr().IsMulticast() {
			t.Errorf("group %v", group)
		}
	})
}

// TestJoinDirections: W116: a leaf that only sends is no member of the group; an
// invited one has the mirror of the root's direction.
func TestJoinDirections(t *testing.T) {
	inFamilies(t, 2, func(nw *network, f family) {
		nw.Go("root", func() {
			nw.Sleep(10 * time.Millisecond)
			s := nw.listen(f)
			sender := must(s.Accept(nil))
			invited := must(s.JoinLeaf(stack.Join{Name: f.leaf(2), Flags: winsock.JL_SENDER_ONLY}))
			nw.Sleep(200 * time.Millisecond)
			must(s.Send([]byte("down")))
			nw.receive(s, "up")
			nw.over("sender", sender, 0)
			nw.over("invited", invited, 0)
			for _, s := range []*stack.Socket{sender, invited, s} {
				ok(s.Close())
			}
		})
		nw.Go("sender", func() {
			nw.Sleep(100 * time.Millisecond)
			s := nw.leafSocket(f, 1)
			must(s.JoinLeaf(stack.Join{Name: f.root(), Flags: winsock.JL_SENDER_ONLY}))
			nw.Sleep(300 * time.Millisecond)
			nw.silent(s)
			must(s.Send([]byte("up")))
			ok(s.Close())
		})
		nw.Go("invited", func() {
			s := nw.leafSocket(f, 2)
			ok(s.Bind(f.leaf(2)))
			ok(s.Listen(1))
			member := must(s.Accept(nil))
			nw.receive(member, "down")
			_, err := member.Send([]byte("up"))
			nw.fails("W131", err, winsock.WSAEOPNOTSUPP)
			ok(member.Close())
			ok(s.Close())
		})
		nw.run()
		if nw.seen("leaf1/eth0", "-report", "/join]") != 0 || nw.seen("leaf2/eth0", "-report", "/join]") == 0 {
			t.Error("W125: reports")
		}
	})
}

// TestTwoLeavesOneHost: two members of one session on one host each get their
// copy; one leaving takes nothing from the other.
func TestTwoLeavesOneHost(t *testing.T) {
	inFamilies(t, 1, func(nw *network, f family) {
		nw.Go("root", func() {
			s := nw.listen(f)
			one, two := must(s.Accept(nil)), must(s.Accept(nil))
			nw.Sleep(200 * time.Millisecond)
			must(s.Send([]byte("both")))
			nw.over("one", one, 0)
			must(s.Send([]byte("one left")))
			nw.over("two", two, 0)
			for _, s := range []*stack.Socket{one, two, s} {
				ok(s.Close())
			}
		})
		nw.Go("leaf", func() {
			one, two := nw.join(f, 1), nw.join(f, 1)
			nw.receive(one, "both")
			nw.receive(two, "both")
			ok(one.Close())
			nw.receive(two, "one left")
			nw.silent(two)
			ok(two.Close())
		})
		nw.run()
	})
}

// TestLeafOnRootsHost: root and leaf on one host.
func TestLeafOnRootsHost(t *testing.T) {
	inFamilies(t, 0, func(nw *network, f family) {
		nw.Go("root", func() {
			s := nw.listen(f)
			leaf := must(s.Accept(nil))
			nw.Sleep(100 * time.Millisecond)
			must(s.Send([]byte("down")))
			nw.receive(s, "up")
			nw.over("left", leaf, 0)
			ok(leaf.Close())
			ok(s.Close())
		})
		nw.Go("leaf", func() {
			nw.Sleep(10 * time.Millisecond)
			s := must(nw.root.Socket(f.mpj, cLeaf))
			must(s.JoinLeaf(stack.Join{Name: f.root(), Flags: winsock.JL_BOTH}))
			nw.receive(s, "down")
			must(s.Send([]byte("up")))
			nw.Sleep(100 * time.Millisecond)
			ok(s.Close())
		})
		nw.run()
	})
}

// TestTwoRootsOneHost: sessions of one host have groups of their own.
func TestTwoRootsOneHost(t *testing.T) {
	nw, f := newNetwork(t, 2, 1), families[0]
	for i := range 2 {
		name := netip.AddrPortFrom(f.host(0), uint16(5000+i))
		text := fmt.Sprint("session ", i)
		nw.Go("root", func() {
			s := must(nw.root.Socket(f.mpj, cRoot))
			ok(s.Bind(name))
			ok(s.Listen(1))
			leaf := must(s.Accept(nil))
			nw.Sleep(200 * time.Millisecond)
			must(s.Send([]byte(text)))
			nw.over("left", leaf, 0)
			ok(leaf.Close())
			ok(s.Close())
		})
		nw.Go("leaf", func() {
			s := nw.leafSocket(f, i+1)
			must(s.JoinLeaf(stack.Join{Name: name, Flags: winsock.JL_RECEIVER_ONLY}))
			nw.receive(s, text)
			nw.silent(s)
			ok(s.Close())
		})
	}
	nw.run()
}

// TestMessageSize: a datagram longer than the buffer is cut, and said so; an
// empty one is one.
func TestMessageSize(t *testing.T) {
	nw, f := newNetwork(t, 1, 1), families[0]
	s := must(nw.root.Socket(f.udp, 0))
	ok(s.Bind(f.root()))
	nw.Go("sender", func() {
		from := must(nw.leaves[0].Socket(f.udp, 0))
		for _, text := range []string{"longer", "", "x"} {
			must(from.SendTo([]byte(text), f.root()))
		}
		ok(from.Close())
	})
	nw.Go("receiver", func() {
		b := make([]byte, 3)
		n, from, err := s.RecvFrom(b, 0)
		nw.fails("too long", err, winsock.WSAEMSGSIZE)
		if string(b[:n]) != "lon" || from.Addr() != f.host(1) {
			t.Errorf("%q from %v", b[:n], from)
		}
		nw.receive(s, "")
		nw.receive(s, "x")
		ok(s.Close())
	})
	nw.run()
}

// TestReceiveLimit: what finds no room is dropped and counted, empty datagrams
// too.
func TestReceiveLimit(t *testing.T) {
	nw, f := newNetwork(t, 1, 1), families[0]
	s := must(nw.root.Socket(f.udp, 0))
	ok(s.Bind(f.root()))
	const sent = 20000
	nw.Go("sender", func() {
		from := must(nw.leaves[0].Socket(f.udp, 0))
		must(from.SendTo(nil, f.root()))
		nw.Sleep(time.Second)
		for i := range sent {
			must(from.SendTo(nil, f.root()))
			if i%1000 == 0 {
				nw.Sleep(time.Second)
			}
		}
		nw.Sleep(time.Second)
		ok(from.Close())
		ok(s.SetNonblocking(true))
		got := 0
		for {
			if _, _, err := s.RecvFrom(nil, 0); err != nil {
				break
			}
			got++
		}
		lost := counter(nw.root, "data/drop/full")
		if uint64(got)+lost != sent+1 || lost == 0 || got < 1000 {
			t.Errorf("%d received, %d lost", got, lost)
		}
	})
	nw.run()
	ok(s.Close())
}

// TestNonrooted: W29, W83, W103-W105, W113, W125-W127: members of a group hear
// each other; FD_CONNECT comes when the report is out; the local port is unique
// where none was bound (W18).
func TestNonrooted(t *testing.T) {
	inFamilies(t, 3, func(nw *network, f family) {
		ready := 0
		dirs := []uint32{winsock.JL_BOTH, winsock.JL_RECEIVER_ONLY, winsock.JL_SENDER_ONLY}
		for i, flags := range dirs {
			st := nw.leaves[i]
			nw.Go("leaf", func() {
				s := must(st.Socket(f.udp, cLeaf))
				if i == 0 {
					ok(s.Bind(netip.AddrPortFrom(f.any, f.grp.Port())))
				}
				s.SetMulticastScope(4)
				callee := stack.WSABuf{Len: 8, Buf: make([]byte, 8)}
				got := must(s.JoinLeaf(stack.Join{Name: f.grp, CallerData: []byte{}, CalleeData: &callee, Flags: flags}))
				if got != s || callee.Len != 0 {
					t.Errorf("W29, D3: socket %v, %d bytes of callee data", got == s, callee.Len)
				}
				if a := must(s.PeerAddr()); a != f.grp {
					t.Errorf("peer %v", a)
				}
				if a := must(s.LocalAddr()); i > 0 && a.Port() < 49152 {
					t.Errorf("W18: local address %v", a)
				}
				_, err := s.JoinLeaf(stack.Join{Name: netip.AddrPortFrom(f.grp.Addr().Next(), 1), Flags: flags})
				nw.fails("D4", err, winsock.WSAEISCONN)
				ready++
				nw.Wait(func() bool { return ready == 3 }, 0)
				nw.Sleep(time.Duration(i+1) * 100 * time.Millisecond)
				must(s.Send([]byte{byte('0' + i)}))
				switch i {
				case 0: // W117 is on by default: its own, too
					for _, text := range []string{"0", "1", "2"} {
						nw.receive(s, text)
					}
				case 1:
					for _, text := range []string{"0", "1", "2"} {
						nw.receive(s, text)
					}
				default:
					nw.silent(s)
				}
				nw.silent(s)
				ok(s.Close())
			})
		}
		nw.run()
		for i := range dirs {
			reports := nw.seen(fmt.Sprintf("leaf%d/eth0", i+1), "/join]")
			if want := i < 2; (reports == 1) != want {
				t.Errorf("leaf %d: %d reports", i+1, reports)
			}
			if leaves := nw.seen(fmt.Sprintf("leaf%d/eth0", i+1), "/leave]"); (leaves == 1) != (i < 2) {
				t.Errorf("W127: leaf %d: %d leaves", i+1, leaves)
			}
		}
	})
}

// TestSendToGroup: D8: a member may send elsewhere too; W120: scope 0 is nothing
// on the wire.
func TestSendToGroup(t *testing.T) {
	inFamilies(t, 1, func(nw *network, f family) {
		nw.Go("root", func() {
			s := must(nw.root.Socket(f.udp, 0))
			ok(s.Bind(f.root()))
			nw.receive(s, "aside")
			ok(s.Close())
		})
		nw.Go("leaf", func() {
			s := must(nw.leaves[0].Socket(f.udp, cLeaf))
			must(s.JoinLeaf(stack.Join{Name: f.grp, Flags: winsock.JL_SENDER_ONLY}))
			must(s.SendTo([]byte("aside"), f.root()))
			must(s.SendTo([]byte("there"), f.grp))
			s.SetMulticastScope(0)
			if n := must(s.SendTo([]byte("nowhere"), f.grp)); n != 7 {
				t.Errorf("W120: %d bytes", n)
			}
			ok(s.Close())
		})
		nw.run()
		if n := nw.seen("leaf1/eth0 udp", "> "+f.grp.String()); n != 1 {
			t.Errorf("%d datagrams to the group", n)
		}
	})
}

// TestSourceMembership: a plain UDP socket that joined (source, group) hears a
// root's session, and nobody else on its group; as the kernel's would.
func TestSourceMembership(t *testing.T) {
	inFamilies(t, 2, func(nw *network, f family) {
		var group netip.AddrPort
		nw.Go("root", func() {
			s := nw.listen(f)
			leaf := must(s.Accept(nil))
			nw.Sleep(200 * time.Millisecond)
			must(s.Send([]byte("first")))
			nw.Sleep(time.Second)
			must(s.Send([]byte("second")))
			nw.over("left", leaf, 0)
			ok(leaf.Close())
			ok(s.Close())
		})
		nw.Go("leaf", func() {
			s := nw.join(f, 1)
			nw.receive(s, "first")
			group = nw.group
			nw.receive(s, "second")
			ok(s.Close())
		})
		nw.Go("plain", func() {
			nw.Sleep(600 * time.Millisecond)
			s := must(nw.leaves[1].Socket(f.udp, 0))
			nw.fails("unbound", s.AddSourceMembership(group.Addr(), f.host(0)), winsock.WSAEINVAL)
			ok(s.Bind(netip.AddrPortFrom(f.any, group.Port())))
			nw.fails("no group", s.AddSourceMembership(f.host(0), f.host(0)), winsock.WSAEADDRNOTAVAIL)
			nw.fails("source-specific without source", s.AddSourceMembership(group.Addr(), netip.Addr{}), winsock.WSAEADDRNOTAVAIL)
			member := must(nw.leaves[1].Socket(f.udp, cLeaf))
			_, err := member.JoinLeaf(stack.Join{Name: netip.AddrPortFrom(group.Addr(), 6001), Flags: winsock.JL_BOTH})
			nw.fails("source-specific without source", err, winsock.WSAEADDRNOTAVAIL)
			free := must(nw.leaves[1].Socket(f.udp, 0))
			ok(free.Bind(f.group(6001))) // nothing holds the port of the failed join
			ok(free.Close())
			ok(member.Close())
			nw.fails("family", s.AddSourceMembership(families[0].grp.Addr(), families[1].host(0)), winsock.WSAEAFNOSUPPORT)
			ok(s.AddSourceMembership(group.Addr(), f.host(0)))
			nw.fails("a second one", s.AddSourceMembership(group.Addr(), f.host(0)), winsock.WSAEADDRNOTAVAIL)
			nw.receive(s, "second")
			nw.silent(s)
			ok(s.Close())
			mpj := nw.leafSocket(f, 2)
			nw.fails("MPJ", mpj.AddSourceMembership(group.Addr(), f.host(0)), winsock.WSAENOPROTOOPT)
			ok(mpj.Close())
		})
		nw.run()
	})
}

// TestGroupPorts: W50: a group's port that another socket holds for itself is
// WSAEADDRINUSE, and nothing stays; with SO_REUSEADDR both receive. A socket
// that is bound to an address receives its group too.
func TestGroupPorts(t *testing.T) {
	inFamilies(t, 1, func(nw *network, f family) {
		st := nw.leaves[0]
		j := stack.Join{Name: f.grp, Flags: winsock.JL_BOTH}
		nw.Go("leaf", func() {
			owner := must(st.Socket(f.udp, 0))
			ok(owner.Bind(netip.AddrPortFrom(f.any, f.grp.Port())))
			s := must(st.Socket(f.udp, cLeaf))
			_, err := s.JoinLeaf(j)
			nw.fails("W50", err, winsock.WSAEADDRINUSE)
			_, err = s.PeerAddr()
			nw.fails("not joined", err, winsock.WSAENOTCONN)
			ok(owner.Close())
			must(s.JoinLeaf(j)) // the same socket again
			shared := must(st.Socket(f.udp, cLeaf))
			shared.SetReuseAddr(true)
			ok(shared.Bind(netip.AddrPortFrom(f.any, f.grp.Port())))
			must(shared.JoinLeaf(j))
			bound := must(st.Socket(f.udp, cLeaf))
			bound.SetReuseAddr(true)
			ok(bound.Bind(netip.AddrPortFrom(f.host(1), f.grp.Port())))
			must(bound.JoinLeaf(j))
			must(bound.Send([]byte("x")))
			for _, s := range []*stack.Socket{s, shared, bound} {
				nw.receive(s, "x")
				nw.silent(s)
				ok(s.Close())
			}
		})
		nw.run()
	})
}

// TestGroupPortTaken: W50 on the join protocol: the session's port is held by
// another socket of the leaf's host: the join is undone, whoever asked.
func TestGroupPortTaken(t *testing.T) {
	inFamilies(t, 3, func(nw *network, f family) {
		var group netip.AddrPort
		nw.Go("root", func() {
			s := nw.listen(f)
			first, second := must(s.Accept(nil)), must(s.Accept(nil))
			nw.over("the second left at once", second, 0)
			nw.Sleep(time.Second)
			third := must(s.JoinLeaf(stack.Join{Name: f.leaf(3), Flags: winsock.JL_BOTH}))
			nw.over("the third left at once", third, 0)
			nw.over("the first left", first, 0)
			for _, s := range []*stack.Socket{first, second, third, s} {
				ok(s.Close())
			}
		})
		taken := func(st *stack.Stack) *stack.Socket {
			s := must(st.Socket(f.udp, 0))
			ok(s.Bind(netip.AddrPortFrom(f.any, group.Port())))
			return s
		}
		nw.Go("leaf1", func() {
			s := nw.join(f, 1)
			group = nw.group
			nw.Sleep(10 * time.Second)
			ok(s.Close())
		})
		nw.Go("leaf2", func() {
			nw.Sleep(100 * time.Millisecond)
			owner, s := taken(nw.leaves[1]), nw.leafSocket(f, 2)
			_, err := s.JoinLeaf(stack.Join{Name: f.root(), Flags: winsock.JL_BOTH})
			nw.fails("W50", err, winsock.WSAEADDRINUSE)
			ok(owner.Close())
			ok(s.Close())
		})
		nw.Go("leaf3", func() {
			nw.Sleep(100 * time.Millisecond)
			owner, s := taken(nw.leaves[2]), nw.leafSocket(f, 3)
			ok(s.Bind(f.leaf(3)))
			ok(s.Listen(1))
			_, err := s.Accept(nil)
			nw.fails("W50", err, winsock.WSAEADDRINUSE)
			ok(owner.Close())
			ok(s.Close())
		})
		nw.run()
	})
}

// TestTwoInterfaces: a leaf with two interfaces joins the group where the root's
// data comes from, whatever its default interface for multicast is (W124).
func TestTwoInterfaces(t *testing.T) {
	inFamilies(t, 1, func(nw *network, f family) {
		two := nw.stack("two", 1, false)
		nw.port(nw.Segment(mem.Config{Name: "aside"}), two, "eth0", inet.MAC{2, 0, 0, 0, 7, 0}, "10.9.9.9/24", "2001:db8:99::9/64")
		nw.port(nw.segs["l2"], two, "eth1", inet.MAC{2, 0, 0, 0, 7, 1}, "10.0.2.77/24", "2001:db8:2::77/64")
		nw.route(two, "10.0.0.0/16", "10.0.2.1")
		nw.route(two, "2001:db8:1::/64", "2001:db8:2::1")
		nw.Go("root", func() {
			s := nw.listen(f)
			leaf := must(s.Accept(nil))
			nw.Sleep(200 * time.Millisecond)
			must(s.Send([]byte("down")))
			nw.receive(s, "up")
			nw.over("left", leaf, 0)
			ok(leaf.Close())
			ok(s.Close())
		})
		nw.Go("two", func() {
			s := must(two.Socket(f.mpj, cLeaf))
			ok(s.Bind(netip.AddrPortFrom(f.any, 0)))
			must(s.JoinLeaf(stack.Join{Name: f.root(), Flags: winsock.JL_BOTH}))
			nw.receive(s, "down")
			must(s.Send([]byte("up")))
			nw.Sleep(time.Second)
			ok(s.Close())
		})
		nw.run()
	})
}

// TestClosedWithData: a receive that blocks when its socket is closed ends with
// WSAEINTR, whatever has come in the same instant.
func TestClosedWithData(t *testing.T) {
	nw, f := newNetwork(t, 0, 1), families[0]
	s := must(nw.root.Socket(f.udp, 0))
	ok(s.Bind(f.root()))
	nw.Go("receiver", func() {
		_, _, err := s.RecvFrom(nil, 0)
		nw.fails("RecvFrom", err, winsock.WSAEINTR)
	})
	nw.Go("sender", func() {
		must(s.SendTo([]byte("to myself"), f.root()))
		ok(s.Close())
	})
	nw.run()
}
