package mpj

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	wire "github.com/mpstack/mpstack/wire/mpj"
)

// chaosRun lets a root and some leaves join, decide, leave and crash at random
// over a bad wire, and returns what happened. In the end the wire is good and
// everybody leaves: then nothing may be left, and both ends of every
// association must have been told the same.
func chaosRun(t *testing.T, seed uint64) string {
	w := newWorld(t)
	root := w.add("root", "192.0.2.1")
	leaves := []*node{w.add("a", "192.0.2.11"), w.add("b", "192.0.2.12"), w.add("c", "192.0.2.13")}
	r := rand.New(rand.NewPCG(seed, 1))
	w.fate = chaos(seed, 0.25, 0.15, 80*time.Millisecond)
	rid := root.listenRoot(2)
	var lids []ListenerID
	for _, n := range leaves {
		lids = append(lids, n.listenLeaf())
	}
	decide := func(n *node, ev Event) {
		if ev.Kind != EventRequest {
			return
		}
		switch r.IntN(6) {
		case 0:
			_ = n.e.Reject(w.now, ev.Assoc, 0, []byte("no"))
		case 1:
			_ = n.e.Defer(w.now, ev.Assoc)
		case 2: // never
		case 3:
			_ = n.e.Accept(w.now, ev.Assoc, Answer{CalleeData: make([]byte, 200), HasCalleeData: true})
		default:
			_ = n.e.Accept(w.now, ev.Assoc, Answer{CalleeData: []byte("yes"), HasCalleeData: true})
		}
	}
	for _, n := range w.nodes {
		n.on = func(ev Event) { decide(n, ev) }
	}
	for range 120 {
		leaf := leaves[r.IntN(len(leaves))]
		switch r.IntN(5) {
		case 0, 1:
			_, _ = leaf.e.Join(w.now, Join{Local: leaf.at(uint16(6000 + r.IntN(2))), Target: root.at(5000), Role: leafRole, CalleeRoom: 100,
				Timeout: time.Duration(1+r.IntN(8)) * time.Second})
		case 2:
			_, _ = root.e.Join(w.now, Join{Local: root.at(5000), Target: leaf.at(6000), Role: rootRole, CalleeRoom: 100, Session: root.session()})
		case 3:
			n := w.nodes[r.IntN(len(w.nodes))]
			if infos := n.e.Snapshot(0, 50); len(infos) > 0 {
				_ = n.e.Leave(w.now, infos[r.IntN(len(infos))].ID, wire.Left)
			}
		case 4:
			n := w.nodes[r.IntN(len(w.nodes))]
			n.e.HandleUnreachable(w.now, Unreachable{Src: n.at(wire.Port), Dst: root.at(wire.Port), Reason: UnreachableReason(r.IntN(4))})
		}
		w.run(time.Duration(r.IntN(1500)) * time.Millisecond)
	}
	w.fate = nil
	for _, n := range w.nodes {
		n.on = nil
	}
	w.run(time.Minute)
	checkAgreement(t, w, seed)
	root.e.CloseListener(w.now, rid)
	for i, n := range leaves {
		n.e.CloseListener(w.now, lids[i])
	}
	endBoth(w, w.nodes...)
	w.settle()
	for _, n := range w.nodes {
		checkStories(t, n, seed)
		if n.e.Counters().Dropped[DropEncode] != 0 {
			t.Errorf("seed %d: %s made a message that did not encode", seed, n.name)
		}
	}
	return w.log.String()
}

// checkAgreement: what stands at one end stands at the other.
func checkAgreement(t *testing.T, w *world, seed uint64) {
	t.Helper()
	tags := map[string]int{}
	for _, n := range w.nodes {
		for _, a := range n.e.Snapshot(0, 100) {
			if a.State == "Member" {
				tags[fmt.Sprint(min(a.Tag, a.PeerTag), max(a.Tag, a.PeerTag))]++
			}
		}
	}
	for pair, n := range tags {
		if n != 2 {
			t.Errorf("seed %d: %s stands at %d ends\n", seed, pair, n)
		}
	}
}

// stories are the orders in which an association's events may come.
var stories = map[string]bool{
	"joined": true, "joined closed": true, "refused": true,
	"request": true, "request withdrawn": true, "request closed": true,
	"request established": true, "request established closed": true,
}

func checkStories(t *testing.T, n *node, seed uint64) {
	t.Helper()
	byAssoc := map[AssocID][]string{}
	for _, ev := range n.events {
		byAssoc[ev.Assoc] = append(byAssoc[ev.Assoc], ev.Kind.String())
	}
	for id, kinds := range byAssoc {
		if story := strings.Join(kinds, " "); !stories[story] {
			t.Errorf("seed %d: %s: association %d: %s", seed, n.name, id, story)
		}
	}
}

func TestChaos(t *testing.T) {
	for seed := range uint64(40) {
		chaosRun(t, seed)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// TestSameInputsSameBytes: determinism.
func TestSameInputsSameBytes(t *testing.T) {
	for seed := range uint64(3) {
		first, second := chaosRun(t, seed), chaosRun(t, seed)
		if first != second {
			t.Fatalf("seed %d: two runs differ", seed)
		}
		if !strings.Contains(first, "Accepted --CONFIRM--> Member") {
			t.Errorf("seed %d: nothing was joined", seed)
		}
	}
}

// FuzzHandleDatagram throws datagrams at an endpoint that has associations in
// every state. It must not fail, must not grow without limit, must not send
// more than it got where the sender is unproved, and must become quiet.
func FuzzHandleDatagram(f *testing.F) {
	seeds := []Datagram{hostile(nil), hostile(func(m *wire.Message) { m.DstTag = 1 }), rootJoin(rootRole, evilAddr)}
	for _, d := range seeds {
		f.Add(d.Payload, false, uint16(100))
	}
	for ev := evJOIN; ev < evOther; ev++ {
		m := messageFor(ev)
		if b, err := m.AppendTo(nil); err == nil {
			f.Add(b, true, uint16(3000))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, ours bool, wait uint16) {
		for _, fam := range allFamilies {
			for _, s := range fam.states {
				if s == stateNew {
					continue
				}
				e, a := inState(t, fam, s)
				a.proved = false
				switch {
				case s < stateMember:
					e.timers.Set(timerKey{a.id, timerLimit}, a.limit(machine.VirtualEpoch))
				case s == stateMember:
					a.heard = machine.VirtualEpoch
					e.timers.Set(timerKey{a.id, timerHold}, a.heard.Add(a.hold))
				}
				l := e.listeners[1]
				l.Name, l.Planes, l.Backlog = a.local, rooted, 2
				e.byName[nameKey{l.Name, 0}] = l
				d := hostile(nil)
				d.Dst = a.src
				if ours {
					d.Src = a.dst
				}
				d.Payload = b
				now := machine.VirtualEpoch
				for range 3 {
					e.HandleDatagram(now, d)
					now = now.Add(time.Duration(wait) * time.Millisecond)
					e.Advance(now)
				}
				if e.live > 4 || len(e.byID) > 5 {
					t.Fatalf("%d associations", len(e.byID))
				}
				e.CloseListener(now, 1)
				for range 200 {
					at, ok := e.Deadline()
					if !ok {
						break
					}
					if a := e.byID[1]; a != nil && a.state == stateMember {
						_ = e.Leave(at, 1, wire.Left)
					}
					e.Advance(at)
				}
				for out, ok := e.Next(); ok; out, ok = e.Next() {
					if out.Kind == KindDatagram {
						if _, err := wire.Parse(out.Datagram.Payload); err != nil && out.Datagram.Payload[1] != byte(wire.TypePending) {
							t.Fatalf("sent % x: %v", out.Datagram.Payload, err)
						}
					}
				}
				if len(e.byID) != 0 || e.timers.Len() != 0 {
					t.Fatalf("%s/%v: left over %+v", fam.name, s, e.Snapshot(0, 10))
				}
			}
		}
	})
}
