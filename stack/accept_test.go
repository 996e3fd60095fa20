package stack_test

import (
	"testing"
	"time"

	"github.com/mpstack/mpstack/stack"
	"github.com/mpstack/mpstack/stack/winsock"
)

// TestConcurrentAccepts: each call decides about a request of its own, however
// long a condition function takes; what is deferred stays the head.
func TestConcurrentAccepts(t *testing.T) {
	inFamilies(t, 3, func(nw *network, f family) {
		var s *stack.Socket
		running, most := 0, 0
		accept := func(delay time.Duration, verdict int) (*stack.Socket, error) {
			return s.Accept(func(*stack.Request) int {
				running++
				most = max(most, running)
				nw.Sleep(delay)
				running--
				return verdict
			})
		}
		nw.Go("slow", func() {
			s = nw.listen(f)
			_, err := accept(2*time.Second, winsock.CF_DEFER)
			nw.fails("A4", err, winsock.WSATRY_AGAIN)
			leaf := must(s.Accept(func(r *stack.Request) int {
				if r.CallerID.Addr() != f.host(1) {
					t.Errorf("A4: the head is %v", r.CallerID)
				}
				return winsock.CF_ACCEPT
			}))
			nw.Sleep(time.Second)
			ok(leaf.Close())
			ok(s.Close())
		})
		nw.Go("quick", func() {
			nw.Sleep(time.Millisecond)
			for range 2 {
				leaf := must(accept(500*time.Millisecond, winsock.CF_ACCEPT))
				nw.over("left", leaf, 0)
				ok(leaf.Close())
			}
		})
		for i := range 3 {
			nw.Go("leaf", func() {
				nw.Sleep(time.Duration(i+1) * 100 * time.Millisecond)
				s := nw.join(f, i+1)
				if i > 0 {
					ok(s.Close())
					return
				}
				nw.over("dropped", s, 0)
				ok(s.Close())
			})
		}
		nw.run()
		if most != 2 {
			t.Errorf("%d condition functions ran at once", most)
		}
	})
}

// TestCallsFromCondition: W64: JoinLeaf and Accept on the listening socket are
// refused in its condition function; other calls are not, nor the same ones by
// others meanwhile.
func TestCallsFromCondition(t *testing.T) {
	nw, f := newNetwork(t, 1, 1), families[0]
	nw.Go("root", func() {
		s := nw.listen(f)
		leaf := must(s.Accept(func(*stack.Request) int {
			_, err := s.JoinLeaf(stack.Join{})
			nw.fails("W64", err, winsock.WSAEINPROGRESS)
			_, err = s.Accept(nil)
			nw.fails("W64", err, winsock.WSAEINPROGRESS)
			done := false
			nw.Go("another", func() {
				_, err := s.JoinLeaf(stack.Join{Name: f.leaf(1), Flags: winsock.JL_BOTH})
				nw.fails("no listener", err, winsock.WSAECONNREFUSED)
				done = true
			})
			nw.Wait(func() bool { return done }, 0)
			ok(s.SetQOS(sendControlledLoad(1000)))
			other := must(nw.root.Socket(f.udp, 0))
			ok(other.Close())
			return winsock.CF_ACCEPT
		}))
		nw.over("left", leaf, 0)
		ok(leaf.Close())
		_, err := s.JoinLeaf(stack.Join{})
		nw.fails("afterwards", err, winsock.WSAEFAULT)
		ok(s.Close())
	})
	nw.Go("leaf", func() { ok(nw.join(f, 1).Close()) })
	nw.run()
}

// TestGoneWhileDeciding: A8: the request is withdrawn while the condition
// function runs: said once, whatever the function answers.
func TestGoneWhileDeciding(t *testing.T) {
	for _, verdict := range []int{winsock.CF_ACCEPT, winsock.CF_REJECT, winsock.CF_DEFER} {
		nw, f := newNetwork(t, 1, 1), families[0]
		nw.Go("root", func() {
			s := nw.listen(f)
			_, err := s.Accept(func(*stack.Request) int {
				nw.Sleep(3 * time.Second)
				return verdict
			})
			nw.fails("A8", err, winsock.WSAEACCES)
			ok(s.SetNonblocking(true))
			_, err = s.Accept(nil)
			nw.fails("said once", err, winsock.WSAEWOULDBLOCK)
			ok(s.Close())
		})
		nw.Go("leaf", func() {
			s := nw.leafSocket(f, 1)
			ok(s.SetNonblocking(true))
			must(s.JoinLeaf(stack.Join{Name: f.root(), Flags: winsock.JL_BOTH}))
			nw.Sleep(time.Second)
			ok(s.Close())
		})
		nw.run()
	}
}

// TestRootJoinsWhileListening: W32: both directions on one root at once.
func TestRootJoinsWhileListening(t *testing.T) {
	inFamilies(t, 2, func(nw *network, f family) {
		var s *stack.Socket
		nw.Go("accepts", func() {
			s = nw.listen(f)
			leaf := must(s.Accept(nil))
			nw.over("root closed", leaf, 0)
			ok(leaf.Close())
		})
		nw.Go("invites", func() {
			nw.Sleep(50 * time.Millisecond)
			leaf := must(s.JoinLeaf(stack.Join{Name: f.leaf(1), Flags: winsock.JL_BOTH}))
			nw.Sleep(100 * time.Millisecond)
			if n := s.Leaves(); n != 2 {
				t.Errorf("%d leaves", n)
			}
			must(s.Send([]byte("all")))
			nw.Sleep(100 * time.Millisecond)
			ok(s.Close())
			nw.over("root closed", leaf, 0)
			ok(leaf.Close())
		})
		nw.Go("leaf1", func() {
			s := nw.leafSocket(f, 1)
			ok(s.Bind(f.leaf(1)))
			ok(s.Listen(1))
			member := must(s.Accept(nil))
			nw.receive(member, "all")
			nw.over("root closed", member, 0)
			ok(member.Close())
			ok(s.Close())
		})
		nw.Go("leaf2", func() {
			nw.Sleep(50 * time.Millisecond)
			s := nw.join(f, 2)
			nw.receive(s, "all")
			nw.over("root closed", s, 0)
			ok(s.Close())
		})
		nw.run()
	})
}
