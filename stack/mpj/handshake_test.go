package mpj

import (
	"testing"
	"time"

	"github.com/mpstack/mpstack/stack/winsock"
	wire "github.com/mpstack/mpstack/wire/mpj"
)

// bothDirections runs a test for a leaf's join and for a root's.
func bothDirections(t *testing.T, f func(t *testing.T, w *world, asker, asked *node, join func(...func(*Join)) AssocID, listener ListenerID)) {
	t.Run("leaf asks", func(t *testing.T) {
		w, root, leaf := pairOf(t)
		id := root.listenRoot(5)
		f(t, w, leaf, root, func(c ...func(*Join)) AssocID { return leaf.joinAsLeaf(root, c...) }, id)
		root.e.CloseListener(w.now, id)
		w.settle()
	})
	t.Run("root asks", func(t *testing.T) {
		w, root, leaf := pairOf(t)
		id := leaf.listenLeaf()
		f(t, w, root, leaf, func(c ...func(*Join)) AssocID { return root.joinAsRoot(leaf, c...) }, id)
		leaf.e.CloseListener(w.now, id)
		w.settle()
	})
}

// endBoth ends what stands, so that a world can settle.
func endBoth(w *world, nodes ...*node) {
	for _, n := range nodes {
		for _, a := range n.e.Snapshot(0, 100) {
			if a.State == "Member" {
				n.leave(a.ID, wire.Left)
			}
		}
	}
	w.run(time.Second)
}

func TestFirstMessagesLost(t *testing.T) {
	for _, c := range []struct {
		typ  wire.Type
		lost []int
		wait time.Duration // for the join to stand at both sides
		want []string      // of the wire, "J" for JOIN and so on
	}{
		{wire.TypeJoin, []int{1}, 300 * time.Millisecond, []string{"J", "J", "P", "A", "C"}},
		{wire.TypeJoin, []int{1, 2, 3}, 1800 * time.Millisecond, []string{"J", "J", "J", "J", "P", "A", "C"}},
		// PENDING lost: the ACCEPT that follows does as well.
		{wire.TypePending, []int{1}, 100 * time.Millisecond, []string{"J", "P", "A", "C"}},
		{wire.TypeAccept, []int{1}, 300 * time.Millisecond, []string{"J", "P", "A", "A", "C"}},
		{wire.TypeAccept, []int{1, 2, 3}, 2300 * time.Millisecond, []string{"J", "P", "A", "A", "A", "A", "C"}},
		{wire.TypeConfirm, []int{1}, 300 * time.Millisecond, []string{"J", "P", "A", "C", "A", "C"}},
		{wire.TypeConfirm, []int{1, 2}, 800 * time.Millisecond, []string{"J", "P", "A", "C", "A", "C", "A", "C"}},
	} {
		bothDirections(t, func(t *testing.T, w *world, asker, asked *node, join func(...func(*Join)) AssocID, _ ListenerID) {
			asked.accepts(Answer{})
			w.fate = lose(c.typ, c.lost...)
			join()
			w.run(c.wait)
			asker.expect("joined")
			asked.expect("request", "established")
			var want []string
			for _, l := range c.want {
				line := asker.name + ">" + asked.name
				if l == "P" || l == "A" {
					line = asked.name + ">" + asker.name
				}
				want = append(want, line+map[string]string{"J": " JOIN", "P": " PENDING", "A": " ACCEPT", "C": " CONFIRM"}[l])
			}
			w.expectLines(want...)
			w.fate = nil
			endBoth(w, asker)
			asked.expect("request", "established", "closed LEFT")
		})
	}
}

func TestRetransmissionTimes(t *testing.T) {
	w, root, leaf := pairOf(t)
	w.fate = func(*Datagram, *wire.Message) []time.Duration { return nil }
	leaf.joinAsLeaf(root)
	var at []time.Duration
	for n := 0; w.now < w.start.Add(31*time.Second); w.run(time.Millisecond) {
		for ; n < len(w.lines); n++ {
			at = append(at, w.now.Sub(w.start))
		}
	}
	want := []float64{0, .25, .75, 1.75, 3.75, 5.75, 7.75, 9.75, 11.75, 13.75, 15.75, 17.75, 19.75, 21.75, 23.75, 25.75, 27.75, 29.75}
	if len(at) != len(want) {
		t.Fatalf("JOINs at %v", at)
	}
	for i := range at {
		if d := at[i].Seconds() - want[i]; d < 0 || d > 0.002 {
			t.Errorf("JOIN %d at %v, want %v s", i, at[i], want[i])
		}
	}
	leaf.expect("refused WSAETIMEDOUT")
	w.settle()
}

func TestPendingSlowsTheJoin(t *testing.T) {
	bothDirections(t, func(t *testing.T, w *world, asker, asked *node, join func(...func(*Join)) AssocID, _ ListenerID) {
		join(func(j *Join) { j.Timeout = 9 * time.Second })
		w.run(7 * time.Second)
		// JOIN at 0, then every 2 s; each is answered.
		w.expectLines(repeat(4, asker.name+">"+asked.name+" JOIN", asked.name+">"+asker.name+" PENDING")...)
		req := asked.last(EventRequest)
		if err := asked.e.Defer(w.now, req.Assoc); err != nil {
			t.Fatal(err)
		}
		w.run(500 * time.Millisecond)
		if err := asked.e.Accept(w.now, req.Assoc, Answer{}); err != nil {
			t.Fatal(err)
		}
		w.run(time.Second)
		asker.expect("joined")
		asked.expect("request", "established")
		endBoth(w, asked)
	})
}

func repeat(n int, lines ...string) []string {
	var all []string
	for range n {
		all = append(all, lines...)
	}
	return all
}

func TestNobodyDecides(t *testing.T) {
	bothDirections(t, func(t *testing.T, w *world, asker, asked *node, join func(...func(*Join)) AssocID, _ ListenerID) {
		join(func(j *Join) { j.Timeout = 3 * time.Second })
		w.run(10 * time.Second)
		asker.expect("refused WSAETIMEDOUT")
		asked.expect("request", "withdrawn WSAEACCES CANCEL")
		if err := asked.e.Accept(w.now, asked.last(EventRequest).Assoc, Answer{}); !isErrno(err, winsock.WSAEACCES) {
			t.Errorf("accepting it: %v", err)
		}
	})
}

// TestAskedSideGivesUpByItself: the asker's LEAVE never arrives.
func TestAskedSideGivesUpByItself(t *testing.T) {
	w, root, leaf := pairOf(t)
	lid := root.listenRoot(1)
	w.fate = lose(wire.TypeLeave, 1, 2, 3, 4, 5)
	leaf.joinAsLeaf(root, func(j *Join) { j.Timeout = 3 * time.Second })
	w.run(3100 * time.Millisecond)
	leaf.expect("refused WSAETIMEDOUT")
	root.expect("request", "withdrawn WSAEACCES")
	w.run(10 * time.Second)
	root.e.CloseListener(w.now, lid)
	w.settle()
}

func TestReject(t *testing.T) {
	bothDirections(t, func(t *testing.T, w *world, asker, asked *node, join func(...func(*Join)) AssocID, _ ListenerID) {
		join()
		w.run(20 * time.Millisecond)
		// The first REJECT is lost: the JOIN, repeated, is answered again.
		w.fate = lose(wire.TypeReject, 1)
		if err := asked.e.Reject(w.now, asked.last(EventRequest).Assoc, 0, []byte("sorry")); err != nil {
			t.Fatal(err)
		}
		w.run(3 * time.Second)
		asker.expect("refused WSAECONNREFUSED REFUSED")
		asked.expect("request")
		if ev := asker.last(EventRefused); string(ev.CalleeData) != "sorry" || !ev.HasCalleeData {
			t.Errorf("callee data %q", ev.CalleeData)
		}
		a, b := asker.name, asked.name
		w.expectLines(a+">"+b+" JOIN", b+">"+a+" PENDING", b+">"+a+" REJECT REFUSED", a+">"+b+" JOIN", b+">"+a+" REJECT REFUSED")

		// The same names may try again.
		asked.accepts(Answer{})
		join()
		w.run(time.Second)
		asker.expect("refused WSAECONNREFUSED REFUSED", "joined")
		endBoth(w, asker)
	})
}

func TestRejectDataThatDoesNotFitIsLeftOut(t *testing.T) {
	w, root, leaf := pairOf(t)
	lid := root.listenRoot(1)
	leaf.joinAsLeaf(root, func(j *Join) { j.CalleeRoom = 3 })
	w.run(20 * time.Millisecond)
	if err := root.e.Reject(w.now, root.last(EventRequest).Assoc, wire.Busy, []byte("long")); err != nil {
		t.Fatal(err)
	}
	w.run(time.Second)
	leaf.expect("refused WSAECONNREFUSED BUSY")
	if leaf.last(EventRefused).HasCalleeData {
		t.Error("callee data without room")
	}
	root.e.CloseListener(w.now, lid)
	w.settle()
}

func TestCalleeRoom(t *testing.T) {
	for _, c := range []struct {
		room  uint16
		data  int
		given bool // data reaches the asker
		fits  bool
	}{
		{100, 100, true, true}, {100, 101, false, false}, {0, 0, true, true}, {0, 1, false, false},
		{wire.RoomDiscard, 500, false, true}, {896, 896, true, true},
	} {
		bothDirections(t, func(t *testing.T, w *world, asker, asked *node, join func(...func(*Join)) AssocID, _ ListenerID) {
			join(func(j *Join) { j.CalleeRoom = c.room })
			w.run(20 * time.Millisecond)
			err := asked.e.Accept(w.now, asked.last(EventRequest).Assoc, Answer{CalleeData: make([]byte, c.data), HasCalleeData: true})
			w.run(time.Second)
			if !c.fits {
				if !isErrno(err, winsock.WSAECONNABORTED) {
					t.Errorf("room %d, data %d: Accept: %v", c.room, c.data, err)
				}
				asker.expect("refused WSAEFAULT CALLEE_ROOM")
				asked.expect("request")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			asker.expect("joined")
			if ev := asker.last(EventJoined); ev.HasCalleeData != c.given || c.given && len(ev.CalleeData) != c.data {
				t.Errorf("room %d, data %d: got %d bytes, %v", c.room, c.data, len(ev.CalleeData), ev.HasCalleeData)
			}
			endBoth(w, asker)
		})
	}
}

func TestCancelBeforeAnyAnswer(t *testing.T) {
	bothDirections(t, func(t *testing.T, w *world, asker, asked *node, join func(...func(*Join)) AssocID, _ ListenerID) {
		id := join()
		w.run(time.Millisecond)
		asker.leave(id, wire.Left)
		w.run(time.Second)
		asker.expect()
		asked.expect("request", "withdrawn WSAEACCES CANCEL")
		a, b := asker.name, asked.name
		w.expectLines(a+">"+b+" JOIN", b+">"+a+" PENDING", a+">"+b+" LEAVE CANCEL", b+">"+a+" LEAVE-ACK")
		if err := asker.e.Leave(w.now, id, wire.Left); !isErrno(err, winsock.WSAENOTCONN) {
			t.Errorf("leaving again: %v", err)
		}
	})
}

func TestCancelWhileWaiting(t *testing.T) {
	bothDirections(t, func(t *testing.T, w *world, asker, asked *node, join func(...func(*Join)) AssocID, _ ListenerID) {
		id := join()
		w.run(time.Second)
		w.fate = lose(wire.TypeLeave, 1, 2)
		asker.leave(id, wire.Left)
		w.run(time.Second)
		asker.expect()
		asked.expect("request", "withdrawn WSAEACCES CANCEL")
	})
}

// TestCancelCrossesAccept: the asked side has accepted when the LEAVE comes.
func TestCancelCrossesAccept(t *testing.T) {
	bothDirections(t, func(t *testing.T, w *world, asker, asked *node, join func(...func(*Join)) AssocID, _ ListenerID) {
		id := join()
		w.run(20 * time.Millisecond)
		asker.leave(id, wire.Left)
		if err := asked.e.Accept(w.now, asked.last(EventRequest).Assoc, Answer{}); err != nil {
			t.Fatal(err)
		}
		w.run(time.Second)
		asker.expect()
		asked.expect("request", "closed WSAECONNRESET CANCEL")
	})
}

// TestJoinAgainRightAfterCancel: the new JOIN meets the old request, waits for
// its end, and succeeds.
func TestJoinAgainRightAfterCancel(t *testing.T) {
	bothDirections(t, func(t *testing.T, w *world, asker, asked *node, join func(...func(*Join)) AssocID, _ ListenerID) {
		id := join()
		w.run(time.Millisecond)
		asker.leave(id, wire.Left)
		join()
		w.run(time.Second)
		if got := asked.told(); len(got) != 3 || got[0] != "request" || got[1] != "withdrawn WSAEACCES CANCEL" || got[2] != "request" {
			t.Errorf("asked was told %q", got)
		}
		if n := asked.e.Counters().Dropped[DropRival]; n != 1 {
			t.Errorf("%d rivals dropped", n)
		}
		if err := asked.e.Accept(w.now, asked.last(EventRequest).Assoc, Answer{}); err != nil {
			t.Fatal(err)
		}
		w.run(time.Second)
		asker.expect("joined")
		endBoth(w, asker)
	})
}

func TestNeverConfirmed(t *testing.T) {
	bothDirections(t, func(t *testing.T, w *world, asker, asked *node, join func(...func(*Join)) AssocID, _ ListenerID) {
		asked.accepts(Answer{})
		// Everything that the asker says after its JOIN is lost, for a while.
		w.fate = func(_ *Datagram, m *wire.Message) []time.Duration {
			if w.now > w.start.Add(testDelay) && m.Type != wire.TypeAccept && m.Type != wire.TypeLeave {
				return nil
			}
			return []time.Duration{0}
		}
		join()
		w.run(29 * time.Second)
		asker.expect("joined")
		asked.expect("request")
		w.run(10 * time.Second)
		asker.expect("joined", "closed WSAECONNRESET UNCONFIRMED")
		asked.expect("request", "closed WSAECONNABORTED")
	})
}

// TestAcceptedAndLeft: the leaf joined and left, but its CONFIRMs were lost.
func TestAcceptedAndLeft(t *testing.T) {
	bothDirections(t, func(t *testing.T, w *world, asker, asked *node, join func(...func(*Join)) AssocID, _ ListenerID) {
		asked.accepts(Answer{})
		w.fate = lose(wire.TypeConfirm, 1, 2, 3, 4, 5, 6)
		id := join()
		w.run(100 * time.Millisecond)
		asker.leave(id, wire.Left)
		w.run(time.Second)
		asker.expect("joined")
		asked.expect("request", "established", "closed LEFT")
	})
}

// TestAskedClosesBeforeAcceptArrives: accepted and closed at once; the ACCEPT
// is lost.
func TestAskedClosesBeforeAcceptArrives(t *testing.T) {
	bothDirections(t, func(t *testing.T, w *world, asker, asked *node, join func(...func(*Join)) AssocID, _ ListenerID) {
		w.fate = lose(wire.TypeAccept, 1)
		join()
		w.run(20 * time.Millisecond)
		id := asked.last(EventRequest).Assoc
		if err := asked.e.Accept(w.now, id, Answer{}); err != nil {
			t.Fatal(err)
		}
		asked.leave(id, wire.Dropped)
		w.run(time.Second)
		asker.expect("refused WSAECONNREFUSED DROPPED")
		asked.expect("request")
	})
}

func TestAskedLeavesUndecided(t *testing.T) {
	bothDirections(t, func(t *testing.T, w *world, asker, asked *node, join func(...func(*Join)) AssocID, _ ListenerID) {
		join()
		w.run(20 * time.Millisecond)
		asked.leave(asked.last(EventRequest).Assoc, wire.Left)
		w.run(time.Second)
		asker.expect("refused WSAECONNREFUSED REFUSED")
		asked.expect("request")
	})
}

func TestListenerCloses(t *testing.T) {
	bothDirections(t, func(t *testing.T, w *world, asker, asked *node, join func(...func(*Join)) AssocID, listener ListenerID) {
		join()
		w.run(20 * time.Millisecond)
		asked.e.CloseListener(w.now, listener)
		asked.e.CloseListener(w.now, listener)
		w.run(time.Second)
		asker.expect("refused WSAECONNREFUSED NO_LISTENER")
		asked.expect("request")
	})
}

// TestListenerClosesAfterAccept: what was accepted goes on.
func TestListenerClosesAfterAccept(t *testing.T) {
	bothDirections(t, func(t *testing.T, w *world, asker, asked *node, join func(...func(*Join)) AssocID, listener ListenerID) {
		asked.accepts(Answer{})
		w.fate = lose(wire.TypeAccept, 1)
		join()
		w.run(20 * time.Millisecond)
		asked.e.CloseListener(w.now, listener)
		w.run(time.Second)
		asker.expect("joined")
		asked.expect("request", "established")
		endBoth(w, asked)
		asker.expect("joined", "closed LEFT")
	})
}

func TestUnreachable(t *testing.T) {
	for reason, want := range map[UnreachableReason]string{
		UnreachablePort: "refused WSAECONNREFUSED", UnreachableHost: "refused WSAENETUNREACH", UnreachableNet: "refused WSAENETUNREACH",
	} {
		w, root, leaf := pairOf(t)
		leaf.joinAsLeaf(root)
		w.drain()
		u := Unreachable{Src: leaf.at(wire.Port), Dst: root.at(wire.Port), Reason: PacketTooBig}
		leaf.e.HandleUnreachable(w.now, u)
		u.Reason = reason
		other := u
		other.Dst = root.at(9)
		leaf.e.HandleUnreachable(w.now, other)
		w.drain()
		leaf.expect()
		leaf.e.HandleUnreachable(w.now, u)
		w.run(time.Second)
		leaf.expect(want)
		if c := leaf.e.Counters(); c.Dropped[DropTooBig] != 1 || c.Dropped[DropUnreachable] != 1 {
			t.Errorf("counters %v", c.Dropped)
		}
		// A standing association does not listen to ICMP.
		lid := root.listenRoot(1)
		root.accepts(Answer{})
		leaf.joinAsLeaf(root)
		w.run(time.Second)
		leaf.e.HandleUnreachable(w.now, u)
		leaf.expect(want, "joined")
		endBoth(w, leaf)
		root.e.CloseListener(w.now, lid)
		w.settle()
	}
}

// TestUnreachableWhileWaiting: PENDING has come before.
func TestUnreachableWhileWaiting(t *testing.T) {
	w, root, leaf := pairOf(t)
	lid := root.listenRoot(1)
	leaf.joinAsLeaf(root)
	w.run(time.Second)
	leaf.e.HandleUnreachable(w.now, Unreachable{Src: leaf.at(wire.Port), Dst: root.at(wire.Port), Reason: UnreachablePort})
	w.run(10 * time.Second)
	leaf.expect("refused WSAECONNREFUSED")
	root.expect("request")
	root.e.CloseListener(w.now, lid)
	w.settle()
}

func TestCrossingJoins(t *testing.T) {
	// The leaf listens at the port that its own join uses, so that the names are
	// the same both ways.
	start := func(t *testing.T) (w *world, root, leaf *node, ids [2]AssocID, done func()) {
		w, root, leaf = pairOf(t)
		rid, lid := root.listenRoot(1), leaf.listenLeaf()
		ids[0] = root.joinAsRoot(leaf)
		ids[1] = leaf.joinAsLeaf(root, func(j *Join) { j.Local = leaf.at(6000) })
		w.run(50 * time.Millisecond)
		return w, root, leaf, ids, func() {
			endBoth(w, root)
			root.e.CloseListener(w.now, rid)
			leaf.e.CloseListener(w.now, lid)
			w.settle()
		}
	}
	accept := func(t *testing.T, w *world, n *node) {
		t.Helper()
		if err := n.e.Accept(w.now, n.last(EventRequest).Assoc, Answer{}); err != nil {
			t.Fatal(err)
		}
	}
	members := func(t *testing.T, w *world, nodes ...*node) {
		t.Helper()
		for _, n := range nodes {
			stand := 0
			for _, a := range n.e.Snapshot(0, 10) {
				stand += count(a.State == "Member")
			}
			if stand != 1 {
				t.Errorf("%s has %d members: %+v\n%s", n.name, stand, n.e.Snapshot(0, 10), w.log.String())
			}
		}
	}

	t.Run("the leaf accepts", func(t *testing.T) {
		w, root, leaf, _, done := start(t)
		accept(t, w, leaf)
		w.run(time.Second)
		members(t, w, root, leaf)
		root.expect("request", "joined", "withdrawn WSAEACCES")
		leaf.expect("request", "refused WSAEISCONN", "established")
		done()
	})
	t.Run("the root accepts", func(t *testing.T) {
		w, root, leaf, _, done := start(t)
		accept(t, w, root)
		w.run(time.Second)
		members(t, w, root, leaf)
		leaf.expect("request", "joined", "withdrawn WSAEACCES")
		root.expect("request", "established", "refused WSAEISCONN")
		done()
	})
	t.Run("both accept at once", func(t *testing.T) {
		w, root, leaf, _, done := start(t)
		accept(t, w, root)
		accept(t, w, leaf)
		w.run(time.Second)
		members(t, w, root, leaf)
		leaf.expect("request", "refused WSAEISCONN", "established")
		done()
	})
	t.Run("both accept at once, and lose messages", func(t *testing.T) {
		for seed := range uint64(50) {
			w, root, leaf, _, done := start(t)
			w.fate = chaos(seed, 0.4, 0.2, 100*time.Millisecond)
			accept(t, w, root)
			w.run(time.Duration(seed%3) * 5 * time.Millisecond)
			for _, a := range leaf.e.Snapshot(0, 10) {
				if a.State == "Requested" {
					accept(t, w, leaf)
				}
			}
			w.run(15 * time.Second)
			w.fate = nil
			w.run(10 * time.Second)
			members(t, w, root, leaf)
			done()
		}
	})
}

func TestAlreadyMember(t *testing.T) {
	bothDirections(t, func(t *testing.T, w *world, asker, asked *node, join func(...func(*Join)) AssocID, _ ListenerID) {
		asked.accepts(Answer{})
		id := join()
		w.run(time.Second)
		// The asker's endpoint refuses a second join by itself.
		a := asker.e.byID[id]
		j := Join{Local: a.local, Target: a.peer, Role: a.role}
		if a.root {
			j.Session = asker.session()
		}
		if _, err := asker.e.Join(w.now, j); !isErrno(err, winsock.WSAEISCONN) {
			t.Errorf("second join: %v", err)
		}
		// One that lost its memory is refused by the asked side.
		again := w.reborn(asker)
		if _, err := again.e.Join(w.now, j); err != nil {
			t.Fatal(err)
		}
		w.run(time.Second)
		again.expect("refused WSAEISCONN ALREADY_MEMBER")
		asked.expect("request", "established")
		// The old association ends when the hold time is over, or, where the asked
		// side is the leaf, when its HELLO is answered.
		w.run(2 * time.Minute)
		end := "closed WSAECONNRESET"
		if !a.root {
			asked.expect("request", "established", end)
		} else {
			asked.expect("request", "established", end+" UNKNOWN")
		}
		if _, err := again.e.Join(w.now, j); err != nil {
			t.Fatal(err)
		}
		w.run(time.Second)
		again.expect("refused WSAEISCONN ALREADY_MEMBER", "joined")
		endBoth(w, again)
	})
}

// reborn replaces a node by one with the same addresses and no memory. Where
// the asked side is the leaf, its next HELLO finds that out.
func (w *world) reborn(n *node) *node {
	again := w.add(n.name, n.addr.String(), func(c *Config) {
		c.Entropy = seededEntropy(99)
	})
	for i, old := range w.nodes {
		if old == n {
			w.nodes[i] = again
		}
	}
	w.nodes = w.nodes[:len(w.nodes)-1]
	n.e = New(Config{})
	return again
}
