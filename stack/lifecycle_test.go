package stack_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/mpstack/mpstack/stack"
	"github.com/mpstack/mpstack/stack/winsock"
)

// TestLeafLeaves: W26: the root's socket for the leaf gets FD_CLOSE 0, the
// others go on.
func TestLeafLeaves(t *testing.T) {
	inFamilies(t, 2, func(nw *network, f family) {
		nw.Go("root", func() {
			s := nw.listen(f)
			first, second := must(s.Accept(nil)), must(s.Accept(nil))
			nw.over("the first left", first, 0)
			if _, over := second.Wait(100 * time.Millisecond); over {
				t.Error("the second is over too")
			}
			must(s.Send([]byte("still here")))
			nw.over("the second left", second, 0)
			for _, s := range []*stack.Socket{first, second, s} {
				ok(s.Close())
			}
		})
		nw.Go("leaf1", func() {
			s := nw.join(f, 1)
			nw.Sleep(time.Second)
			ok(s.Close())
		})
		nw.Go("leaf2", func() {
			nw.Sleep(100 * time.Millisecond)
			s := nw.join(f, 2)
			nw.receive(s, "still here")
			ok(s.Close())
		})
		nw.run()
	})
}

// TestRootDropsOne: W27: one leaf gets FD_CLOSE 0, the others are untouched; what
// the leaf had received is still there (E10), then nothing works (W47).
func TestRootDropsOne(t *testing.T) {
	inFamilies(t, 2, func(nw *network, f family) {
		nw.Go("root", func() {
			s := nw.listen(f)
			first, second := must(s.Accept(nil)), must(s.Accept(nil))
			nw.Sleep(time.Second)
			must(s.Send([]byte("one")))
			must(s.Send([]byte("two")))
			nw.Sleep(time.Second)
			ok(first.Close())
			if n := s.Leaves(); n != 1 {
				t.Errorf("%d leaves", n)
			}
			nw.Sleep(time.Second)
			must(s.Send([]byte("three")))
			nw.over("the second left", second, 0)
			ok(second.Close())
			ok(s.Close())
		})
		nw.Go("leaf1", func() {
			s := nw.join(f, 1)
			nw.over("dropped", s, 0)
			nw.receive(s, "one")
			nw.receive(s, "two")
			b := make([]byte, 10)
			_, _, err := s.RecvFrom(b, 0)
			nw.fails("after the data", err, winsock.WSAEDISCON)
			_, _, err = s.RecvFrom(b, 0)
			nw.fails("again", err, winsock.WSAEDISCON)
			_, err = s.Send(b)
			nw.fails("W47: send", err, winsock.WSAECONNRESET)
			_, err = s.SendTo(b, f.root())
			nw.fails("W47: sendto", err, winsock.WSAECONNRESET)
			_, err = s.PeerAddr()
			nw.fails("W47: getpeername", err, winsock.WSAENOTCONN)
			_, err = s.JoinLeaf(stack.Join{Name: f.root(), Flags: winsock.JL_BOTH})
			nw.fails("W47: join", err, winsock.WSAEINVAL)
			ok(s.Close())
			s = nw.leafSocket(f, 1) // but with a new socket the host may come back
			_, err = s.JoinLeaf(stack.Join{Name: f.root(), Flags: winsock.JL_BOTH, CallerData: []byte("x")})
			nw.fails("nobody accepts any more", err, winsock.WSAECONNREFUSED)
			ok(s.Close())
		})
		nw.Go("leaf2", func() {
			nw.Sleep(100 * time.Millisecond)
			s := nw.join(f, 2)
			for _, text := range []string{"one", "two", "three"} {
				nw.receive(s, text)
			}
			ok(s.Close())
		})
		nw.run()
	})
}

// TestRootCloses: W73, W108, W114, W115: every leaf is told, and every c_leaf
// socket at the root, made by either direction of join.
func TestRootCloses(t *testing.T) {
	inFamilies(t, 2, func(nw *network, f family) {
		nw.Go("leaf1", func() {
			s := nw.leafSocket(f, 1)
			ok(s.Bind(f.leaf(1)))
			ok(s.Listen(1))
			member := must(s.Accept(nil))
			nw.over("leaf 1", member, 0)
			ok(member.Close())
			ok(s.Close())
		})
		nw.Go("leaf2", func() {
			nw.Sleep(100 * time.Millisecond)
			s := nw.join(f, 2)
			nw.over("leaf 2", s, 0)
			ok(s.Close())
		})
		nw.Go("root", func() {
			nw.Sleep(10 * time.Millisecond)
			s := nw.listen(f)
			invited := must(s.JoinLeaf(stack.Join{Name: f.leaf(1), Flags: winsock.JL_BOTH}))
			accepted := must(s.Accept(nil))
			nw.Sleep(time.Second)
			ok(s.Close())
			nw.over("invited", invited, 0)
			nw.over("accepted", accepted, 0)
			ok(invited.Close())
			ok(accepted.Close())
			s = nw.listen(f) // the name is free again
			ok(s.Close())
		})
		nw.run()
	})
}

// TestSilence: both sides of an association whose way is cut give up after the
// hold time, with WSAECONNRESET (E10), whoever lost the link.
func TestSilence(t *testing.T) {
	for _, cut := range []string{"leaf1/eth0", "r1/eth0", "root/eth0"} {
		t.Run(cut, func(t *testing.T) {
			nw, f := newNetwork(t, 2, 1), families[0]
			ended := 0
			nw.Go("root", func() {
				s := nw.listen(f)
				first, second := must(s.Accept(nil)), must(s.Accept(nil))
				nw.Sleep(20 * time.Second) // some HELLOs
				nw.ports[cut].SetUp(false)
				start := nw.Now()
				nw.over("the first", first, winsock.WSAECONNRESET)
				if d := nw.Now().Sub(start); d < 20*time.Second || d > 36*time.Second {
					t.Errorf("given up after %v", d)
				}
				if cut == "leaf1/eth0" {
					if _, over := second.Wait(time.Minute); over {
						t.Error("the second leaf is over too")
					}
				} else {
					nw.over("the second", second, winsock.WSAECONNRESET)
				}
				nw.Wait(func() bool { return ended > 0 }, 0)
				nw.ports[cut].SetUp(true)
				for _, s := range []*stack.Socket{first, second, s} {
					ok(s.Close())
				}
			})
			for i := range 2 {
				nw.Go("leaf", func() {
					nw.Sleep(time.Duration(i) * 100 * time.Millisecond)
					s := nw.join(f, i+1)
					if i == 1 && cut == "leaf1/eth0" {
						nw.over("leaf 2", s, 0)
						ok(s.Close())
						return
					}
					nw.over("the leaf", s, winsock.WSAECONNRESET)
					_, _, err := s.RecvFrom(make([]byte, 1), 0)
					nw.fails("W47", err, winsock.WSAECONNRESET)
					ok(s.Close())
					ended++
				})
			}
			nw.run()
		})
	}
}

// TestCancelPending: W16, W17, D7: a pending descriptor is good for closing
// alone, which cancels the join.
func TestCancelPending(t *testing.T) {
	inFamilies(t, 1, func(nw *network, f family) {
		nw.Go("root", func() {
			s := nw.listen(f)
			nw.Sleep(2 * time.Second)
			_, err := s.Accept(nil)
			nw.fails("A8: withdrawn", err, winsock.WSAEACCES)
			ok(s.Close())
		})
		nw.Go("leaf", func() {
			s := nw.leafSocket(f, 1)
			ok(s.SetNonblocking(true))
			got := must(s.JoinLeaf(stack.Join{Name: f.root(), Flags: winsock.JL_BOTH}))
			if got != s {
				t.Error("W28: another descriptor")
			}
			nw.Sleep(time.Second)
			b := make([]byte, 1)
			_, err := s.Send(b)
			nw.fails("D7: send", err, winsock.WSAENOTCONN)
			_, err = s.SendTo(b, f.root())
			nw.fails("D7: sendto", err, winsock.WSAENOTCONN)
			_, _, err = s.RecvFrom(b, 0)
			nw.fails("D7: recvfrom", err, winsock.WSAENOTCONN)
			_, err = s.PeerAddr()
			nw.fails("D7: getpeername", err, winsock.WSAENOTCONN)
			_, err = s.JoinLeaf(stack.Join{Name: f.root(), Flags: winsock.JL_BOTH})
			nw.fails("W11", err, winsock.WSAEALREADY)
			nw.fails("listen", s.Listen(1), winsock.WSAEISCONN)
			ok(s.Close())
		})
		nw.run()
		if nw.seen("leaf1/eth0 mpj LEAVE") == 0 {
			t.Error("no LEAVE(CANCEL)")
		}
	})
}

// TestCancelInvitation: W12, W17, W14: the same for a root's invitation; the
// root may then invite again.
func TestCancelInvitation(t *testing.T) {
	inFamilies(t, 1, func(nw *network, f family) {
		nw.Go("root", func() {
			nw.Sleep(10 * time.Millisecond)
			s := must(nw.root.Socket(f.mpj, cRoot))
			ok(s.Bind(f.root()))
			ok(s.SetNonblocking(true))
			j := stack.Join{Name: f.leaf(1), Flags: winsock.JL_BOTH}
			leaf := must(s.JoinLeaf(j))
			_, err := s.JoinLeaf(j)
			nw.fails("W12", err, winsock.WSAEALREADY)
			_, err = leaf.JoinLeaf(j)
			nw.fails("W11", err, winsock.WSAEALREADY)
			nw.Sleep(time.Second)
			_, err = leaf.PeerAddr()
			nw.fails("D7", err, winsock.WSAENOTCONN)
			ok(leaf.Close())
			nw.Sleep(time.Second)
			leaf = must(s.JoinLeaf(j))
			nw.Sleep(2 * time.Second)
			if a := must(leaf.PeerAddr()); a != f.leaf(1) {
				t.Errorf("peer %v", a)
			}
			_, err = s.JoinLeaf(j)
			nw.fails("the same leaf twice", err, winsock.WSAEISCONN)
			ok(leaf.Close())
			ok(s.Close())
		})
		nw.Go("leaf", func() {
			s := nw.leafSocket(f, 1)
			ok(s.Bind(f.leaf(1)))
			ok(s.Listen(1))
			nw.Sleep(1500 * time.Millisecond)
			_, err := s.Accept(nil)
			nw.fails("A8", err, winsock.WSAEACCES)
			member := must(s.Accept(nil))
			nw.over("dropped", member, 0)
			ok(member.Close())
			ok(s.Close())
		})
		nw.run()
	})
}

// TestRootClosesWhileInviting: an invitation under way ends with its root.
func TestRootClosesWhileInviting(t *testing.T) {
	for _, blocking := range []bool{true, false} {
		nw, f := newNetwork(t, 1, 1), families[0]
		var s *stack.Socket
		nw.Go("root", func() {
			nw.Sleep(10 * time.Millisecond)
			s = must(nw.root.Socket(f.mpj, cRoot))
			ok(s.Bind(f.root()))
			ok(s.SetNonblocking(!blocking))
			leaf, err := s.JoinLeaf(stack.Join{Name: f.leaf(1), Flags: winsock.JL_BOTH})
			if blocking {
				nw.fails("W63", err, winsock.WSAEINTR)
				return
			}
			nw.over("the invited leaf's socket", leaf, winsock.WSAECONNABORTED)
			ok(leaf.Close())
		})
		nw.Go("closer", func() {
			nw.Sleep(time.Second)
			ok(s.Close())
		})
		nw.Go("leaf", func() {
			s := nw.leafSocket(f, 1)
			ok(s.Bind(f.leaf(1)))
			ok(s.Listen(1))
			nw.Sleep(2 * time.Second)
			_, err := s.Accept(nil)
			nw.fails("A8", err, winsock.WSAEACCES)
			ok(s.Close())
		})
		nw.run()
	}
}

// TestCloseEndsCalls: W63: JoinLeaf, Accept, RecvFrom and Wait that block end
// when their socket is closed.
func TestCloseEndsCalls(t *testing.T) {
	inFamilies(t, 1, func(nw *network, f family) {
		var listening, joining, bound, joined *stack.Socket
		nw.Go("accept", func() {
			listening = nw.listen(f)
			leaf := must(listening.Accept(nil))
			_, err := listening.Accept(nil)
			nw.fails("Accept", err, winsock.WSAEINTR)
			nw.over("root closed", leaf, 0)
			ok(leaf.Close())
		})
		nw.Go("joined", func() {
			nw.Sleep(100 * time.Millisecond)
			joined = nw.join(f, 1)
			if code, over := joined.Wait(0); code != 0 || !over {
				t.Errorf("Wait: %v %v", code, over)
			}
		})
		nw.Go("join", func() {
			nw.Sleep(200 * time.Millisecond)
			joining = nw.leafSocket(f, 1)
			_, err := joining.JoinLeaf(stack.Join{Name: netip.AddrPortFrom(f.host(0).Next(), 5000), Flags: winsock.JL_BOTH})
			nw.fails("JoinLeaf", err, winsock.WSAEINTR)
		})
		nw.Go("receive", func() {
			bound = must(nw.root.Socket(f.udp, 0))
			ok(bound.Bind(netip.AddrPortFrom(f.any, 0)))
			_, _, err := bound.RecvFrom(make([]byte, 1), 0)
			nw.fails("RecvFrom", err, winsock.WSAEINTR)
		})
		nw.Go("close", func() {
			nw.Sleep(time.Second)
			for _, s := range []*stack.Socket{joined, joining, bound, listening} {
				ok(s.Close())
			}
		})
		nw.run()
	})
}

// TestCloseListener: requests that wait when their listener closes are refused;
// a condition function that runs then decides nothing.
func TestCloseListener(t *testing.T) {
	inFamilies(t, 2, func(nw *network, f family) {
		nw.Go("root", func() {
			s := nw.listen(f)
			_, err := s.Accept(func(*stack.Request) int {
				nw.Sleep(time.Second)
				ok(s.Close())
				return winsock.CF_ACCEPT
			})
			nw.fails("Accept", err, winsock.WSAEINTR)
		})
		for i := range 2 {
			nw.Go("leaf", func() {
				s := nw.leafSocket(f, i+1)
				_, err := s.JoinLeaf(stack.Join{Name: f.root(), Flags: winsock.JL_BOTH})
				nw.fails("the listener closed", err, winsock.WSAECONNREFUSED)
				ok(s.Close())
			})
		}
		nw.run()
	})
}

// TestStackCloses: blocking calls end, later ones fail, and nobody is told: the
// peer finds out by silence.
func TestStackCloses(t *testing.T) {
	nw, f := newNetwork(t, 1, 1), families[0]
	leaf := nw.leaves[0]
	nw.Go("root", func() {
		s := nw.listen(f)
		member := must(s.Accept(nil))
		nw.over("silence", member, winsock.WSAECONNRESET)
		ok(member.Close())
		ok(s.Close())
	})
	nw.Go("leaf", func() {
		s := nw.join(f, 1)
		nw.Go("closer", func() {
			nw.Sleep(time.Second)
			ok(leaf.Close())
			ok(leaf.Close()) // which does nothing
		})
		_, _, err := s.RecvFrom(make([]byte, 1), 0)
		nw.fails("RecvFrom", err, winsock.WSAEINTR)
		_, err = s.Send([]byte("x"))
		nw.fails("W49: send", err, winsock.WSANOTINITIALISED)
		_, err = leaf.Socket(f.mpj, cLeaf)
		nw.fails("W49: socket", err, winsock.WSANOTINITIALISED)
		_, err = leaf.WaitForMultipleEvents(0, leaf.NewEvent())
		nw.fails("events", err, winsock.WSAEINTR)
		if leaf.Linger(time.Second) {
			t.Error("a closed stack has said goodbye")
		}
		ok(s.Close())
	})
	nw.run()
	nw.leaves = nil // a closed stack never comes to rest
	if nw.seen("leaf1/eth0 mpj LEAVE") != 0 {
		t.Error("a closed stack sent")
	}
}

// TestLinger: it waits for the answers to goodbyes, and no longer than asked.
func TestLinger(t *testing.T) {
	nw, f := newNetwork(t, 1, 1), families[0]
	st := nw.leaves[0]
	nw.Go("root", func() {
		s := nw.listen(f)
		for range 2 {
			leaf := must(s.Accept(nil))
			nw.over("left", leaf, 0)
			ok(leaf.Close())
		}
		ok(s.Close())
	})
	nw.Go("leaf", func() {
		if start := nw.Now(); !st.Linger(time.Minute) || nw.Now() != start {
			t.Error("waited for nothing")
		}
		s := nw.join(f, 1)
		ok(s.Close())
		if start := nw.Now(); !st.Linger(time.Minute) || nw.Now().Sub(start) != 4*time.Millisecond {
			t.Errorf("the answer came after %v", nw.Now().Sub(start))
		}
		s = nw.join(f, 1)
		nw.ports["leaf1/eth0"].SetUp(false)
		ok(s.Close())
		if start := nw.Now(); st.Linger(time.Second) || nw.Now().Sub(start) != time.Second {
			t.Errorf("gave up after %v", nw.Now().Sub(start))
		}
		nw.ports["leaf1/eth0"].SetUp(true)
	})
	nw.run()
}

// TestWithdrawnRequests: requests that come and go do not pile up: the backlog
// keeps no more of them than it has room for.
func TestWithdrawnRequests(t *testing.T) {
	nw, f := newNetwork(t, 1, 1), families[0]
	nw.Go("root", func() {
		s := nw.listen(f) // a backlog of 8
		nw.Sleep(10 * time.Second)
		ok(s.SetNonblocking(true))
		gone := 0
		for {
			_, err := s.Accept(nil)
			if err != nil && err.(*stack.Error).Code == winsock.WSAEWOULDBLOCK {
				break
			}
			nw.fails("A8", err, winsock.WSAEACCES)
			gone++
		}
		if gone != 8 {
			t.Errorf("%d requests were kept", gone)
		}
		ok(s.Close())
	})
	nw.Go("leaf", func() {
		for range 30 {
			s := nw.leafSocket(f, 1)
			ok(s.SetNonblocking(true))
			must(s.JoinLeaf(stack.Join{Name: f.root(), Flags: winsock.JL_BOTH}))
			nw.Sleep(100 * time.Millisecond)
			ok(s.Close())
		}
	})
	nw.run()
}

// TestPortDown: W65: what goes down ends what uses it, with WSAENETDOWN: members
// and pending joins at once, and new ones cannot begin; a group's members hear
// again when it is up, and a new socket joins.
func TestPortDown(t *testing.T) {
	inFamilies(t, 1, func(nw *network, f family) {
		port := nw.stacks["leaf1/eth0"]
		nw.Go("root", func() {
			s := nw.listen(f)
			first := must(s.Accept(nil))
			nw.Sleep(time.Second)
			lost := must(s.Accept(nil)) // the pending one, which never confirms
			nw.over("the pending one", lost, winsock.WSAECONNABORTED)
			nw.over("the first", first, winsock.WSAECONNRESET)
			second := must(s.Accept(nil))
			nw.over("the second left", second, 0)
			group := must(nw.root.Socket(f.udp, cLeaf))
			group.SetMulticastScope(8)
			must(group.JoinLeaf(stack.Join{Name: f.grp, Flags: winsock.JL_SENDER_ONLY}))
			must(group.Send([]byte("again")))
			for _, s := range []*stack.Socket{first, lost, second, group, s} {
				ok(s.Close())
			}
		})
		nw.Go("leaf", func() {
			s := nw.join(f, 1)
			group := must(nw.leaves[0].Socket(f.udp, cLeaf))
			must(group.JoinLeaf(stack.Join{Name: f.grp, Flags: winsock.JL_RECEIVER_ONLY}))
			pending, e := nw.leafSocket(f, 1), nw.leaves[0].NewEvent()
			ok(pending.EventSelect(e, fdConnect))
			must(pending.JoinLeaf(stack.Join{Name: f.root(), Flags: winsock.JL_BOTH}))
			nw.Sleep(100 * time.Millisecond)
			port.SetUp(false)
			nw.over("W65", s, winsock.WSAENETDOWN)
			nw.await("W65", nw.leaves[0], e, pending, recorded(fdConnect, winsock.WSAENETDOWN))
			_, err := pending.JoinLeaf(stack.Join{Name: f.root(), Flags: winsock.JL_BOTH})
			nw.fails("W66: while it is down", err, winsock.WSAENETUNREACH)
			nw.Sleep(40 * time.Second)
			port.SetUp(true)
			nw.Sleep(time.Second)
			must(pending.JoinLeaf(stack.Join{Name: f.root(), Flags: winsock.JL_BOTH}))
			nw.await("W15", nw.leaves[0], e, pending, recorded(fdConnect, good))
			nw.Sleep(time.Second)
			ok(pending.Close())
			nw.receive(group, "again")
			ok(group.Close())
			ok(s.Close())
		})
		nw.run()
	})
}
