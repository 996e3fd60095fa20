package stack_test

import (
	"testing"
	"time"

	"github.com/mpstack/mpstack/stack"
	"github.com/mpstack/mpstack/stack/winsock"
)

const (
	fdAll     = winsock.FD_ALL_EVENTS
	fdAccept  = winsock.FD_ACCEPT
	fdConnect = winsock.FD_CONNECT
	fdClose   = winsock.FD_CLOSE
	fdRead    = winsock.FD_READ
	fdWrite   = winsock.FD_WRITE
	fdQOS     = winsock.FD_QOS

	good = winsock.Errno(0)
)

// await waits for an event object, resets it and checks what was recorded.
func (nw *network) await(what string, st *stack.Stack, e *stack.Event, s *stack.Socket, want stack.NetworkEvents) {
	nw.t.Helper()
	if _, err := st.WaitForMultipleEvents(time.Minute, e); err != nil {
		nw.t.Errorf("%s: %v", what, err)
		return
	}
	if got := must(s.EnumNetworkEvents(e)); got != want {
		nw.t.Errorf("%s: events %#x codes %v, want %#x %v", what, got.Events, got.Codes, want.Events, want.Codes)
	}
	if e.IsSet() {
		nw.t.Errorf("%s: E8: the event is still set", what)
	}
}

// TestConnectEvent: W4-W7, W72, E1, E8: FD_CONNECT once, on the socket that
// asked, with the outcome; then FD_READ and FD_CLOSE.
func TestConnectEvent(t *testing.T) {
	inFamilies(t, 1, func(nw *network, f family) {
		st := nw.leaves[0]
		nw.Go("root", func() {
			s := nw.listen(f)
			_, err := s.Accept(func(*stack.Request) int { return winsock.CF_REJECT })
			nw.fails("A3", err, winsock.WSAECONNREFUSED)
			leaf := must(s.Accept(nil))
			nw.Sleep(time.Second)
			must(s.Send([]byte("data")))
			nw.Sleep(time.Second)
			ok(leaf.Close())
			ok(s.Close())
		})
		nw.Go("leaf", func() {
			s, e := nw.leafSocket(f, 1), st.NewEvent()
			ok(s.EventSelect(e, fdAll))
			nw.fails("E1: blocking again", s.SetNonblocking(false), winsock.WSAEINVAL)
			j := stack.Join{Name: f.root(), Flags: winsock.JL_BOTH}
			must(s.JoinLeaf(j))
			nw.await("W7", st, e, s, recorded(fdConnect, winsock.WSAECONNREFUSED))
			nw.events("W72: reported twice", s, stack.NetworkEvents{})
			must(s.JoinLeaf(j)) // W15
			nw.await("W6", st, e, s, recorded(fdConnect, good, fdWrite, good))
			nw.await("FD_READ", st, e, s, recorded(fdRead, good))
			nw.await("E10: FD_CLOSE alone", st, e, s, recorded(fdClose, good))
			nw.receive(s, "data")
			nw.events("at the end", s, stack.NetworkEvents{})
			ok(s.Close())
			_, err := s.EnumNetworkEvents(nil)
			nw.fails("W68", err, winsock.WSAENOTSOCK)
			nw.fails("W68", s.EventSelect(e, 0), winsock.WSAENOTSOCK)
		})
		nw.run()
	})
}

// TestInvitationEvents: W8, W14, W23, A2, E3, E14: an invitation's outcome shows
// on the c_root, each time; both ends' new sockets inherit the registration.
func TestInvitationEvents(t *testing.T) {
	inFamilies(t, 2, func(nw *network, f family) {
		for i := range 2 {
			st := nw.leaves[i]
			nw.Go("leaf", func() {
				s, e := nw.leafSocket(f, i+1), st.NewEvent()
				ok(s.Bind(f.leaf(i + 1)))
				ok(s.Listen(1))
				ok(s.EventSelect(e, fdAll))
				nw.await("E14: FD_ACCEPT", st, e, s, recorded(fdAccept, good))
				member := must(s.Accept(nil))
				nw.await("E3, E7: FD_WRITE on the member", st, e, member, recorded(fdWrite, good))
				nw.events("the listener", s, stack.NetworkEvents{})
				nw.await("FD_CLOSE on the member", st, e, member, recorded(fdClose, good))
				ok(member.Close())
				ok(s.Close())
			})
		}
		nw.Go("root", func() {
			nw.Sleep(10 * time.Millisecond)
			s, e := must(nw.root.Socket(f.mpj, cRoot)), nw.root.NewEvent()
			ok(s.Bind(f.root()))
			ok(s.EventSelect(e, fdAll))
			var leaves []*stack.Socket
			for i := range 2 {
				leaf := must(s.JoinLeaf(stack.Join{Name: f.leaf(i + 1), Flags: winsock.JL_BOTH}))
				leaves = append(leaves, leaf)
				want := recorded(fdConnect, good, fdWrite, good)
				if i > 0 { // nothing was sent since: FD_WRITE was not re-enabled
					want = recorded(fdConnect, good)
				}
				nw.await("W8", nw.root, e, s, want)
				nw.events("the leaf's socket", leaf, stack.NetworkEvents{})
			}
			nw.Sleep(time.Second)
			ok(s.Close())
			must(nw.root.WaitForMultipleEvents(0, e))
			for _, leaf := range leaves {
				nw.events("W108", leaf, recorded(fdClose, good))
				ok(leaf.Close())
			}
		})
		nw.run()
	})
}

// TestAcceptEvent: E4-E6, A5, A6: FD_ACCEPT is recorded once and again after
// accept while requests wait; a deferred request at the head silences it, until
// it is decided or gone.
func TestAcceptEvent(t *testing.T) {
	inFamilies(t, 3, func(nw *network, f family) {
		nw.Go("root", func() {
			s, e := nw.listen(f), nw.root.NewEvent()
			ok(s.EventSelect(e, fdAccept))
			nw.Sleep(time.Second) // three requests wait
			one := recorded(fdAccept, good)
			nw.await("E4", nw.root, e, s, one)
			nw.events("E4: silent until accept", s, stack.NetworkEvents{})
			first := must(s.Accept(nil))
			nw.await("E6: level", nw.root, e, s, one)
			_, err := s.Accept(func(*stack.Request) int { return winsock.CF_DEFER })
			nw.fails("A4", err, winsock.WSATRY_AGAIN)
			nw.Sleep(time.Second)
			nw.events("A5, A6", s, stack.NetworkEvents{})
			_, err = s.Accept(func(*stack.Request) int { return winsock.CF_REJECT })
			nw.fails("A3", err, winsock.WSAECONNREFUSED)
			nw.await("E5: after a refusal", nw.root, e, s, one)
			third := must(s.Accept(nil))
			nw.events("nobody waits", s, stack.NetworkEvents{})
			_, err = s.Accept(nil)
			nw.fails("A9", err, winsock.WSAEWOULDBLOCK)
			for _, s := range []*stack.Socket{first, third, s} {
				ok(s.Close())
			}
		})
		for i := range 3 {
			nw.Go("leaf", func() {
				nw.Sleep(time.Duration(i) * 100 * time.Millisecond)
				s := nw.leafSocket(f, i+1)
				_, err := s.JoinLeaf(stack.Join{Name: f.root(), Flags: winsock.JL_BOTH})
				if i == 1 {
					nw.fails("refused", err, winsock.WSAECONNREFUSED)
				} else {
					ok(err)
					nw.over("root closed", s, 0)
				}
				ok(s.Close())
			})
		}
		nw.run()
	})
}

// TestDeferredGone: A8: a deferred request that is withdrawn is announced.
func TestDeferredGone(t *testing.T) {
	nw, f := newNetwork(t, 1, 1), families[0]
	nw.Go("root", func() {
		s, e := nw.listen(f), nw.root.NewEvent()
		ok(s.EventSelect(e, fdAccept))
		nw.await("request", nw.root, e, s, recorded(fdAccept, good))
		_, err := s.Accept(func(*stack.Request) int { return winsock.CF_DEFER })
		nw.fails("A4", err, winsock.WSATRY_AGAIN)
		nw.Sleep(2 * time.Second)
		nw.events("A6: not enabled", s, stack.NetworkEvents{})
		ok(s.EventSelect(e, fdAccept))
		nw.events("E9: there is something to say", s, recorded(fdAccept, good))
		_, err = s.Accept(nil)
		nw.fails("A8", err, winsock.WSAEACCES)
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

// TestReadEvent: E4-E6: FD_READ is level-like: it comes again after each receive
// while data waits, and once more only when it is fetched.
func TestReadEvent(t *testing.T) {
	nw, f := newNetwork(t, 1, 1), families[0]
	st := nw.leaves[0]
	nw.Go("root", func() {
		s := nw.listen(f)
		leaf := must(s.Accept(nil))
		nw.Sleep(time.Second)
		for range 3 {
			must(s.Send([]byte("x")))
		}
		nw.receive(s, "more, please")
		must(s.Send([]byte("more")))
		nw.over("left", leaf, 0)
		ok(leaf.Close())
		ok(s.Close())
	})
	nw.Go("leaf", func() {
		s, e := nw.join(f, 1), st.NewEvent()
		ok(s.EventSelect(e, fdRead))
		read := recorded(fdRead, good)
		for range 3 {
			nw.await("FD_READ", st, e, s, read)
			nw.Sleep(time.Second)
			nw.events("E4", s, stack.NetworkEvents{})
			nw.receive(s, "x")
		}
		nw.events("E6: nothing waits", s, stack.NetworkEvents{})
		must(s.SendTo([]byte("more, please"), f.root()))
		must(st.WaitForMultipleEvents(0, e))
		nw.receive(s, "more") // not fetched, and gone
		ok(s.EventSelect(e, fdRead))
		nw.events("E2: a level that no longer holds", s, stack.NetworkEvents{})
		_, _, err := s.RecvFrom(nil, 0)
		nw.fails("nothing waits", err, winsock.WSAEWOULDBLOCK)
		ok(s.Close())
	})
	nw.run()
}

// TestSelectLater: E2, E9: what happened before interest was registered is
// recorded then; what was recorded and not fetched as well; a level that no
// longer holds is not.
func TestSelectLater(t *testing.T) {
	nw, f := newNetwork(t, 1, 1), families[0]
	st := nw.leaves[0]
	nw.Go("root", func() {
		s := nw.listen(f)
		leaf := must(s.Accept(nil))
		nw.Sleep(100 * time.Millisecond)
		must(s.Send([]byte("x")))
		nw.Sleep(time.Second)
		ok(leaf.Close())
		ok(s.Close())
	})
	nw.Go("leaf", func() {
		s, e, late := nw.join(f, 1), st.NewEvent(), st.NewEvent()
		nw.receive(s, "x")
		nw.over("dropped", s, 0)
		ok(s.EventSelect(e, fdRead|fdConnect))
		nw.await("E9: what holds, and what happened", st, e, s, recorded(fdConnect, good))
		ok(s.EventSelect(e, fdWrite))
		ok(s.EventSelect(late, fdAll))
		nw.await("E2: and what was not fetched", st, late, s, recorded(fdWrite, good, fdClose, good))
		ok(s.EventSelect(late, fdAll))
		nw.events("fetched once", s, stack.NetworkEvents{})
		ok(s.EventSelect(nil, 0)) // E2: cancelled
		ok(s.SetNonblocking(false))
		ok(s.Close())
	})
	nw.run()
}

// TestFailedBlockingJoin: W72: what a blocking call returned is not announced
// as well.
func TestFailedBlockingJoin(t *testing.T) {
	nw, f := newNetwork(t, 1, 1), families[0]
	nw.Go("leaf", func() {
		s := nw.leafSocket(f, 1)
		_, err := s.JoinLeaf(stack.Join{Name: f.root(), Flags: winsock.JL_BOTH})
		nw.fails("no listener", err, winsock.WSAECONNREFUSED)
		ok(s.EventSelect(nw.leaves[0].NewEvent(), fdAll))
		nw.events("W72", s, stack.NetworkEvents{})
		ok(s.Close())
	})
	nw.run()
}

// TestEventRefusals: what the calls on events refuse.
func TestEventRefusals(t *testing.T) {
	nw, f := newNetwork(t, 1, 1), families[0]
	s, foreign := must(nw.root.Socket(f.mpj, cRoot)), nw.leaves[0].NewEvent()
	nw.fails("unknown bits", s.EventSelect(nw.root.NewEvent(), 1<<10), winsock.WSAEINVAL)
	nw.fails("no event", s.EventSelect(nil, fdRead), winsock.WSAEINVAL)
	nw.fails("foreign event", s.EventSelect(foreign, fdRead), winsock.WSAEINVAL)
	_, err := s.EnumNetworkEvents(foreign)
	nw.fails("foreign event", err, winsock.WSAEINVAL)
	for _, events := range [][]*stack.Event{nil, {nil}, {foreign}} {
		_, err := nw.root.WaitForMultipleEvents(time.Second, events...)
		nw.fails("bad events", err, winsock.WSAEINVAL)
	}
	if (stack.NetworkEvents{}).Code(0) != 0 || (stack.NetworkEvents{}).Code(1<<20) != 0 {
		t.Error("a code of no event")
	}
	ok(s.Close())
}

// TestWaitForEvents: the first event that is set, E15: and again until it is
// reset; WSAETIMEDOUT.
func TestWaitForEvents(t *testing.T) {
	nw, f := newNetwork(t, 1, 1), families[0]
	st := nw.leaves[0]
	nw.Go("leaf", func() {
		s, idle, e := must(st.Socket(f.udp, cLeaf)), st.NewEvent(), st.NewEvent()
		start := nw.Now()
		_, err := st.WaitForMultipleEvents(3*time.Second, idle, e)
		nw.fails("nothing is set", err, winsock.WSAETIMEDOUT)
		if d := nw.Now().Sub(start); d != 3*time.Second {
			t.Errorf("after %v", d)
		}
		ok(s.EventSelect(e, fdConnect))
		must(s.JoinLeaf(stack.Join{Name: f.grp, Flags: winsock.JL_BOTH}))
		for range 2 {
			if i := must(st.WaitForMultipleEvents(0, idle, e)); i != 1 {
				t.Errorf("event %d", i)
			}
		}
		e.Reset()
		if e.IsSet() {
			t.Error("still set")
		}
		ok(s.Close())
	})
	nw.run()
}
