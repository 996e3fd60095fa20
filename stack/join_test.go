package stack_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mpstack/mpstack/stack"
	"github.com/mpstack/mpstack/stack/winsock"
)

// TestLeafJoins: W28, W30, W31, W34-W37, W101: a leaf asks a listening root;
// data of both goes with the handshake, then through the session.
func TestLeafJoins(t *testing.T) {
	inFamilies(t, 2, func(nw *network, f family) {
		joined := 0
		nw.Go("root", func() {
			s := nw.listen(f)
			var leaves []*stack.Socket
			for i := range 2 {
				leaf := must(s.Accept(func(r *stack.Request) int {
					if r.CalleeID != f.root() || r.CallerID.Addr() != f.host(i+1) || string(r.CallerData) != "hello" {
						t.Errorf("request: %+v", r)
					}
					r.CalleeData = []byte("welcome")
					return winsock.CF_ACCEPT
				}))
				if leaf == s {
					t.Error("W31: the accepted socket is the root's own")
				}
				leaves = append(leaves, leaf)
				if a := must(leaf.PeerAddr()); a.Addr() != f.host(i+1) {
					t.Errorf("leaf %d: peer %v", i+1, a)
				}
				if a := must(leaf.LocalAddr()); a != f.root() {
					t.Errorf("leaf %d: local address %v", i+1, a)
				}
			}
			nw.Wait(func() bool { return joined == 2 }, 0)
			nw.Sleep(100 * time.Millisecond) // the last report reaches the router
			if n := s.Leaves(); n != 2 {
				t.Errorf("%d leaves", n)
			}
			must(s.Send([]byte("to all")))
			nw.receive(s, "up")
			nw.receive(s, "up")
			for _, leaf := range leaves {
				nw.over("the leaf left", leaf, 0)
				ok(leaf.Close())
			}
			if n := s.Leaves(); n != 0 {
				t.Errorf("%d leaves after all left", n)
			}
			ok(s.Close())
		})
		for i := range 2 {
			nw.Go("leaf", func() {
				nw.Sleep(time.Duration(i+1) * 100 * time.Millisecond)
				s := nw.leafSocket(f, i+1)
				callee := stack.WSABuf{Len: 10, Buf: make([]byte, 16)}
				got := must(s.JoinLeaf(stack.Join{
					Name: f.root(), CallerData: []byte("hello"), CalleeData: &callee, Flags: winsock.JL_BOTH,
				}))
				if got != s {
					t.Error("W28: the descriptor is not the same")
				}
				if b := string(callee.Buf[:callee.Len]); b != "welcome" {
					t.Errorf("callee data %q", b)
				}
				if a := must(s.LocalAddr()); a.Addr() != f.host(i+1) || a.Port() == 0 {
					t.Errorf("W18: local address %v", a)
				}
				checkCode(t, "W18: a second bind", s.Bind(netip.AddrPortFrom(f.any, 0)), winsock.WSAEINVAL)
				if a := must(s.PeerAddr()); a != f.root() {
					t.Errorf("peer %v", a)
				}
				joined++
				if from := nw.receive(s, "to all"); from != f.root() {
					t.Errorf("data from %v", from)
				}
				must(s.Send([]byte("up")))
				nw.Sleep(time.Second)
				ok(s.Close())
			})
		}
		nw.run()
	})
}

// TestRootInvites: W22, W23, W98-W100: the root asks a listening leaf.
func TestRootInvites(t *testing.T) {
	inFamilies(t, 1, func(nw *network, f family) {
		nw.Go("root", func() {
			nw.Sleep(100 * time.Millisecond)
			s := must(nw.root.Socket(f.mpj, cRoot))
			ok(s.Bind(f.root()))
			callee := stack.WSABuf{Len: 16, Buf: make([]byte, 16)}
			leaf := must(s.JoinLeaf(stack.Join{
				Name: f.leaf(1), CallerData: []byte("come in"), CalleeData: &callee, Flags: winsock.JL_BOTH,
			}))
			if leaf == s {
				t.Error("W22: no new descriptor")
			}
			if b := string(callee.Buf[:callee.Len]); b != "here I am" {
				t.Errorf("callee data %q", b)
			}
			if a := must(leaf.PeerAddr()); a != f.leaf(1) {
				t.Errorf("peer %v", a)
			}
			_, err := leaf.Send([]byte("x"))
			checkCode(t, "W24: data on the leaf's socket", err, winsock.WSAEOPNOTSUPP)
			_, err = leaf.JoinLeaf(stack.Join{Name: f.leaf(1), Flags: winsock.JL_BOTH})
			checkCode(t, "W13: a join on the leaf's socket", err, winsock.WSAEISCONN)
			nw.Sleep(100 * time.Millisecond)
			must(s.Send([]byte("down")))
			if from := nw.receive(s, "up"); from != f.leaf(1) {
				t.Errorf("data from %v", from)
			}
			ok(leaf.Close())
			ok(s.Close())
		})
		nw.Go("leaf", func() {
			s := nw.leafSocket(f, 1)
			ok(s.Bind(f.leaf(1)))
			ok(s.Listen(1))
			member := must(s.Accept(func(r *stack.Request) int {
				if r.CalleeID != f.leaf(1) || r.CallerID != f.root() || string(r.CallerData) != "come in" {
					t.Errorf("request: %+v", r)
				}
				r.CalleeData = []byte("here I am")
				return winsock.CF_ACCEPT
			}))
			nw.receive(member, "down")
			must(member.Send([]byte("up")))
			nw.over("W27: the root dropped the leaf", member, 0)
			ok(member.Close())
			ok(s.Close())
		})
		nw.run()
	})
}

// TestWildcardNames: a root and a listening leaf that are bound to any address
// are found by their hosts' addresses, and data flows.
func TestWildcardNames(t *testing.T) {
	inFamilies(t, 2, func(nw *network, f family) {
		nw.Go("leaf1", func() {
			s := nw.leafSocket(f, 1)
			ok(s.Bind(netip.AddrPortFrom(f.any, f.leaf(1).Port())))
			ok(s.Listen(1))
			member := must(s.Accept(nil))
			if a := must(member.LocalAddr()); a != f.leaf(1) {
				t.Errorf("accepted socket's local address %v", a)
			}
			nw.receive(member, "down")
			must(member.Send([]byte("up")))
			nw.over("root closed", member, 0)
			ok(member.Close())
			ok(s.Close())
		})
		nw.Go("root", func() {
			s := must(nw.root.Socket(f.mpj, cRoot))
			ok(s.Bind(netip.AddrPortFrom(f.any, f.root().Port())))
			ok(s.Listen(1))
			leaf := must(s.JoinLeaf(stack.Join{Name: f.leaf(1), Flags: winsock.JL_BOTH}))
			other := must(s.Accept(nil))
			nw.Sleep(100 * time.Millisecond)
			must(s.Send([]byte("down")))
			nw.receive(s, "up")
			ok(s.Close())
			nw.over("W108", leaf, 0)
			nw.over("W108", other, 0)
			ok(leaf.Close())
			ok(other.Close())
		})
		nw.Go("leaf2", func() {
			nw.Sleep(50 * time.Millisecond)
			s := nw.join(f, 2)
			nw.receive(s, "down")
			nw.over("root closed", s, 0)
			ok(s.Close())
		})
		nw.run()
	})
}

// TestNoCallerData: W35, A11: no caller data is nil, empty data is not; W37,
// W39: callee data that nobody sent, that nobody wants.
func TestNoCallerData(t *testing.T) {
	nw, f := newNetwork(t, 1, 1), families[0]
	nw.Go("root", func() {
		s := nw.listen(f)
		for _, want := range []bool{true, false} {
			leaf := must(s.Accept(func(r *stack.Request) int {
				if (r.CallerData == nil) != want || len(r.CallerData) > 0 {
					t.Errorf("caller data %v", r.CallerData)
				}
				if r.SQOS != nil {
					t.Error("QoS out of nothing")
				}
				if want {
					r.CalleeData = []byte("unwanted")
				}
				return winsock.CF_ACCEPT
			}))
			nw.over("leaf left", leaf, 0)
			ok(leaf.Close())
		}
		ok(s.Close())
	})
	nw.Go("leaf", func() {
		s := nw.join(f, 1)
		ok(s.Close())
		s = nw.leafSocket(f, 1)
		callee := stack.WSABuf{Len: 4, Buf: make([]byte, 4)}
		must(s.JoinLeaf(stack.Join{Name: f.root(), CallerData: []byte{}, CalleeData: &callee, Flags: winsock.JL_BOTH}))
		if callee.Len != 0 {
			t.Errorf("W37: %d bytes of callee data", callee.Len)
		}
		ok(s.Close())
	})
	nw.run()
}

// TestRejectThenRetry: W15, W54, W102, A3: a refused leaf may ask again.
func TestRejectThenRetry(t *testing.T) {
	inFamilies(t, 1, func(nw *network, f family) {
		nw.Go("root", func() {
			s := nw.listen(f)
			_, err := s.Accept(func(r *stack.Request) int {
				r.CalleeData = []byte("no")
				return winsock.CF_REJECT
			})
			nw.fails("A3", err, winsock.WSAECONNREFUSED)
			leaf := must(s.Accept(nil))
			nw.over("leaf left", leaf, 0)
			ok(leaf.Close())
			ok(s.Close())
		})
		nw.Go("leaf", func() {
			s := nw.leafSocket(f, 1)
			callee := stack.WSABuf{Len: 8, Buf: make([]byte, 8)}
			j := stack.Join{Name: f.root(), CalleeData: &callee, Flags: winsock.JL_BOTH}
			got, err := s.JoinLeaf(j)
			nw.fails("W54", err, winsock.WSAECONNREFUSED)
			if got != nil || string(callee.Buf[:callee.Len]) != "no" {
				t.Errorf("refused: socket %v, callee data %q", got, callee.Buf[:callee.Len])
			}
			_, err = s.Send([]byte("x"))
			nw.fails("data after a failed join", err, winsock.WSAENOTCONN)
			callee.Len = 8
			must(s.JoinLeaf(j))
			if callee.Len != 0 {
				t.Error("W37: callee data of before")
			}
			ok(s.Close())
		})
		nw.run()
	})
}

// TestNobodyListens: W54, W98: refusals from hosts without a listener, and
// outcomes of the network.
func TestNobodyListens(t *testing.T) {
	inFamilies(t, 1, func(nw *network, f family) {
		nw.Go("leaf", func() {
			s := nw.leafSocket(f, 1)
			_, err := s.JoinLeaf(stack.Join{Name: f.root(), Flags: winsock.JL_BOTH})
			nw.fails("no listener", err, winsock.WSAECONNREFUSED)
			nobody := netip.AddrPortFrom(f.host(0).Next(), 5000)
			_, err = s.JoinLeaf(stack.Join{Name: nobody, Flags: winsock.JL_BOTH})
			nw.fails("W66: no such host", err, winsock.WSAENETUNREACH)
			nowhere := netip.AddrPortFrom(f.host(99), 5000)
			_, err = s.JoinLeaf(stack.Join{Name: nowhere, Flags: winsock.JL_BOTH})
			nw.fails("W66: no such net", err, winsock.WSAENETUNREACH)
			ok(s.Close())
		})
		nw.Go("root", func() {
			s := must(nw.root.Socket(f.mpj, cRoot))
			ok(s.Bind(f.root()))
			for range 2 { // W15
				leaf, err := s.JoinLeaf(stack.Join{Name: f.leaf(1), Flags: winsock.JL_BOTH})
				nw.fails("no listening leaf", err, winsock.WSAECONNREFUSED)
				if leaf != nil {
					t.Error("a socket of a failed invitation")
				}
			}
			ok(s.Close())
		})
		nw.run()
	})
}

// TestLostJoin: a JOIN that is lost is repeated.
func TestLostJoin(t *testing.T) {
	inFamilies(t, 1, func(nw *network, f family) {
		nw.lose("l2", "mpj JOIN", 1)
		nw.Go("root", func() {
			s := nw.listen(f)
			leaf := must(s.Accept(nil))
			nw.over("leaf left", leaf, 0)
			ok(leaf.Close())
			ok(s.Close())
		})
		nw.Go("leaf", func() {
			start := nw.Now()
			s := nw.join(f, 1)
			if d := nw.Now().Sub(start); d < 250*time.Millisecond || d > time.Second {
				t.Errorf("joined after %v", d)
			}
			ok(s.Close())
		})
		nw.run()
		if nw.seen("leaf1/eth0 mpj JOIN", "lost") != 1 || nw.seen("leaf1/eth0 mpj JOIN") != 2 {
			t.Error("the JOIN was not lost once and repeated once")
		}
	})
}

// TestJoinTimesOut: W71: nobody decides within 30 s; the root's Accept then
// says that the request is gone (A8), and the leaf may ask again (W15).
func TestJoinTimesOut(t *testing.T) {
	inFamilies(t, 1, func(nw *network, f family) {
		nw.Go("root", func() {
			s := nw.listen(f)
			nw.Sleep(40 * time.Second)
			_, err := s.Accept(nil)
			nw.fails("A8", err, winsock.WSAEACCES)
			leaf := must(s.Accept(nil))
			nw.over("leaf left", leaf, 0)
			ok(leaf.Close())
			ok(s.Close())
		})
		nw.Go("leaf", func() {
			nw.Sleep(100 * time.Millisecond)
			s := nw.leafSocket(f, 1)
			start := nw.Now()
			_, err := s.JoinLeaf(stack.Join{Name: f.root(), Flags: winsock.JL_BOTH})
			nw.fails("W71", err, winsock.WSAETIMEDOUT)
			if d := nw.Now().Sub(start); d != 30*time.Second {
				t.Errorf("timed out after %v", d)
			}
			if !strings.Contains(err.Error(), "WSAJoinLeaf") || !errors.Is(err, winsock.WSAETIMEDOUT) {
				t.Errorf("error %q", err)
			}
			nw.Sleep(15 * time.Second)
			must(s.JoinLeaf(stack.Join{Name: f.root(), Flags: winsock.JL_BOTH}))
			ok(s.Close())
		})
		nw.run()
	})
}

// TestNobodyAnswers: W71: the router is silent.
func TestNobodyAnswers(t *testing.T) {
	nw, f := newNetwork(t, 1, 1), families[0]
	nw.Go("leaf", func() {
		s := nw.leafSocket(f, 1)
		_, err := s.JoinLeaf(stack.Join{Name: f.root(), Flags: winsock.JL_BOTH})
		nw.fails("no listener", err, winsock.WSAECONNREFUSED) // the neighbour is known now
		nw.ports["r1/eth0"].SetUp(false)
		_, err = s.JoinLeaf(stack.Join{Name: f.root(), Flags: winsock.JL_BOTH})
		nw.fails("W71", err, winsock.WSAETIMEDOUT)
		ok(s.Close())
	})
	nw.run()
}

// TestCalleeRoom: W57, W60 and their twin at the root: the join stands on
// neither side, and the leaf may ask again.
func TestCalleeRoom(t *testing.T) {
	inFamilies(t, 1, func(nw *network, f family) {
		nw.Go("root", func() {
			s := nw.listen(f)
			answer := func(n int) stack.Condition {
				return func(r *stack.Request) int {
					r.CalleeData = make([]byte, n)
					return winsock.CF_ACCEPT
				}
			}
			_, err := s.Accept(answer(8))
			nw.fails("no room", err, winsock.WSAECONNABORTED)
			if n := s.Leaves(); n != 0 {
				t.Errorf("%d leaves", n)
			}
			_, err = s.Accept(answer(897))
			nw.fails("A14: too much for the protocol", err, winsock.WSAEFAULT)
			leaf := must(s.Accept(answer(896))) // the same request
			nw.over("leaf left", leaf, 0)
			ok(leaf.Close())
			ok(s.Close())
		})
		nw.Go("leaf", func() {
			s := nw.leafSocket(f, 1)
			callee := stack.WSABuf{Len: 7, Buf: make([]byte, 1000)}
			j := stack.Join{Name: f.root(), CalleeData: &callee, Flags: winsock.JL_BOTH}
			_, err := s.JoinLeaf(j)
			nw.fails("W57", err, winsock.WSAEFAULT)
			if callee.Len != 0 {
				t.Errorf("%d bytes of callee data", callee.Len)
			}
			callee.Len = 1000
			must(s.JoinLeaf(j))
			if callee.Len != 896 {
				t.Errorf("%d bytes of callee data", callee.Len)
			}
			ok(s.Close())
		})
		nw.run()
	})
}

// TestDefer: A4: a deferred request stays at the head of the backlog until it
// is decided.
func TestDefer(t *testing.T) {
	inFamilies(t, 2, func(nw *network, f family) {
		nw.Go("root", func() {
			s := nw.listen(f)
			later := func(r *stack.Request) int {
				if r.CallerID.Addr() != f.host(1) {
					t.Errorf("A4: the head is %v", r.CallerID)
				}
				return winsock.CF_DEFER
			}
			for range 3 {
				_, err := s.Accept(later)
				nw.fails("A4", err, winsock.WSATRY_AGAIN)
				nw.Sleep(time.Second)
			}
			for i := range 2 {
				leaf := must(s.Accept(nil))
				if a := must(leaf.PeerAddr()); a.Addr() != f.host(i+1) {
					t.Errorf("leaf %d is %v", i, a)
				}
				nw.over("leaf left", leaf, 0)
				ok(leaf.Close())
			}
			ok(s.Close())
		})
		for i := range 2 {
			nw.Go("leaf", func() {
				nw.Sleep(time.Duration(i) * 100 * time.Millisecond)
				ok(nw.join(f, i+1).Close())
			})
		}
		nw.run()
	})
}

// TestOtherVerdict: A7: any other answer leaves the request where it is.
func TestOtherVerdict(t *testing.T) {
	nw, f := newNetwork(t, 1, 1), families[0]
	nw.Go("root", func() {
		s := nw.listen(f)
		_, err := s.Accept(func(*stack.Request) int { return 7 })
		nw.fails("A7", err, winsock.WSAEINVAL)
		leaf := must(s.Accept(nil))
		nw.over("leaf left", leaf, 0)
		ok(leaf.Close())
		ok(s.Close())
	})
	nw.Go("leaf", func() { ok(nw.join(f, 1).Close()) })
	nw.run()
}

// TestBacklogFull: a request too many is refused at once.
func TestBacklogFull(t *testing.T) {
	nw, f := newNetwork(t, 2, 1), families[0]
	nw.Go("root", func() {
		s := must(nw.root.Socket(f.mpj, cRoot))
		ok(s.Bind(f.root()))
		ok(s.Listen(1))
		ok(s.Listen(5)) // which changes nothing
		nw.Sleep(time.Second)
		leaf := must(s.Accept(nil))
		nw.over("leaf left", leaf, 0)
		ok(leaf.Close())
		ok(s.Close())
	})
	nw.Go("leaf1", func() {
		nw.Sleep(100 * time.Millisecond)
		ok(nw.join(f, 1).Close())
	})
	nw.Go("leaf2", func() {
		nw.Sleep(300 * time.Millisecond)
		s := nw.leafSocket(f, 2)
		_, err := s.JoinLeaf(stack.Join{Name: f.root(), Flags: winsock.JL_BOTH})
		nw.fails("a full backlog", err, winsock.WSAECONNREFUSED)
		ok(s.Close())
	})
	nw.run()
}
