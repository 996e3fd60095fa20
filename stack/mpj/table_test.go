package mpj

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/winsock"
	wire "github.com/mpstack/mpstack/wire/mpj"
)

// expected says where every pair leads that is not ignored.
const expected = `
asker New: join>Joining
asker Joining: PENDING>Waiting ACCEPT>Member ACCEPT(bad)>Leaving REJECT>Lost LEAVE>Closed LEAVE(CANCEL)>Closed
  retransmit>Joining limit>Lost leave>Lost unreachable>Lost address-gone>Lost rival>Lost
asker Waiting: PENDING>Waiting ACCEPT>Member ACCEPT(bad)>Leaving REJECT>Lost LEAVE>Closed LEAVE(CANCEL)>Closed LEAVE(T)>Closed
  retransmit>Waiting limit>Leaving leave>Leaving unreachable>Lost address-gone>Lost rival>Leaving

asked New: JOIN>Requested
asked Requested: JOIN>Requested accept>Accepted callee-room>Closed reject>Closed defer>Deferred leave>Closed listener-closed>Closed
  LEAVE>Closed LEAVE(CANCEL)>Closed LEAVE(T)>Closed limit>Closed address-gone>Closed rival>Closed
asked Deferred: JOIN>Deferred accept>Accepted callee-room>Closed reject>Closed defer>Deferred leave>Closed listener-closed>Closed
  LEAVE>Closed LEAVE(CANCEL)>Closed LEAVE(T)>Closed limit>Closed address-gone>Closed rival>Closed
asked Accepted: JOIN>Accepted CONFIRM>Member HELLO>Member HELLO-ACK>Member other>Member LEAVE>Closed LEAVE(CANCEL)>Closed LEAVE(T)>Closed
  retransmit>Accepted limit>Leaving leave>Leaving address-gone>Lost rival>Leaving

root Member: HELLO>Member ACCEPT>Member CONFIRM>Member LEAVE>Closed LEAVE(CANCEL)>Closed LEAVE(T)>Closed leave>Leaving hold-over>Leaving address-gone>Lost
leaf Member: HELLO-ACK>Member hello-due>Member ACCEPT>Member CONFIRM>Member LEAVE>Closed LEAVE(CANCEL)>Closed LEAVE(T)>Closed leave>Leaving hold-over>Leaving address-gone>Lost
both Leaving: LEAVE>Closed LEAVE(CANCEL)>Closed REJECT>Closed LEAVE-ACK>Closed LEAVE(T)>Closed retransmit>Leaving limit>Lost address-gone>Lost
both Lost: LEAVE>Closed LEAVE(CANCEL)>Closed LEAVE-ACK>Closed LEAVE(T)>Closed expire>Gone
  PENDING>Lost ACCEPT>Lost ACCEPT(bad)>Lost CONFIRM>Lost HELLO>Lost HELLO-ACK>Lost other>Lost
both Closed: JOIN>Closed LEAVE>Closed LEAVE(CANCEL)>Closed expire>Gone
`

// expectedTable reads expected: family, state and event to the next state.
func expectedTable(t *testing.T) map[[3]string]string {
	all := map[[3]string]string{}
	var family, state string
	for line := range strings.Lines(expected) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		if head, rest, ok := strings.Cut(line, ": "); ok && !strings.HasPrefix(line, " ") {
			family, state, _ = strings.Cut(head, " ")
			line = rest
		}
		for _, word := range strings.Fields(line) {
			ev, to, ok := strings.Cut(word, ">")
			if !ok {
				t.Fatalf("%q", word)
			}
			names := []string{family}
			if family == "both" {
				names = []string{"root", "leaf"}
			}
			for _, name := range names {
				all[[3]string{name, state, ev}] = to
			}
		}
	}
	return all
}

var allFamilies = []*family{askerFamily, askedFamily, rootFamily, leafFamily}

func TestEveryPairOfTheTables(t *testing.T) {
	want := expectedTable(t)
	seen := 0
	for _, f := range allFamilies {
		for s := range numStates {
			for e := range numEvents {
				key := [3]string{f.name, s.String(), e.String()}
				to, listed := want[key]
				st := f.next(s, e)
				if f.listed[s][e] != listed {
					t.Errorf("%v: listed %v, want %v", key, f.listed[s][e], listed)
					continue
				}
				if !listed {
					if st.to != s || st.do != 0 || st.reason != "ignored" {
						t.Errorf("%v: %+v, want ignored", key, st)
					}
					continue
				}
				seen++
				if st.to.String() != to {
					t.Errorf("%v leads to %v, want %s", key, st.to, to)
				}
				checkStep(t, key, s, e, st)
			}
		}
	}
	if seen != len(want) {
		t.Errorf("%d of %d expected rows were seen", seen, len(want))
	}
}

// checkStep checks what every row must keep.
func checkStep(t *testing.T, key [3]string, from state, ev event, st *step) {
	t.Helper()
	message := ev >= evJOIN && ev <= evOther
	rule := func(ok bool, text string) {
		if !ok {
			t.Errorf("%v: %s: %v", key, text, st.do.names())
		}
	}
	does := func(do action) bool { return st.do&do != 0 }
	enters := func(s state) bool { return st.to == s && from != s }

	rule(st.reason != "" && st.cause == machine.Cause("mpj/"+strings.Join(key[:], "/")), "reason and cause")
	rule(message || !does(doLearn|doLeaveAck|doHelloAck|doAdopt|doRequest|doJoined), "needs a message")
	rule(does(doMember) == enters(stateMember), "starts a lifetime on the way to Member, only")
	rule(does(doForget) == enters(stateGone), "forgets on the way to Gone, only")
	rule(does(doBury) == (st.to.over() && st.to != stateGone && !from.over()), "buries on the way to a tombstone, only")
	rule(does(doRelease) == (enters(stateLeaving)), "releases on the way to Leaving, only")
	rule(!enters(stateLeaving) || does(doLeave) && does(doBackoff), "sends LEAVE on the way to Leaving")
	rule(!does(doLeave) || st.to == stateLeaving || st.to == stateLost, "LEAVE is sent by those who end it")

	// Who hears of it.
	api := ev == evLeave || ev == evReject || ev == evCalleeRoom || ev == evListenerClosed
	ends := from < stateLeaving && st.to >= stateLeaving
	rule(!api || !does(doRefused|doWithdrawn|doClosed), "a call has no event")
	switch from {
	case stateJoining, stateWaiting:
		rule(does(doRefused) == (ends && !api), "an asker that fails is told")
		rule(does(doJoined) == (st.to == stateMember), "an asker that joins is told")
	case stateRequested, stateDeferred:
		rule(does(doWithdrawn) == (ends && !api), "the end of a request is told")
	case stateAccepted:
		rule(does(doClosed) == (ends && !api), "the end of an accepted one is told")
		rule(does(doEstablished) == (st.to == stateMember || ev == evLEAVE), "confirmation is told")
	case stateMember:
		rule(does(doClosed) == (ends && !api), "the end of a member is told")
	default:
		rule(!does(doRefused|doWithdrawn|doClosed|doJoined|doEstablished), "nobody is told twice")
	}
	if st.code != 0 {
		rule(does(doLeave|doReject|doBury), "a code needs a use")
		rule(does(doReject) == (st.code.Message() == wire.TypeReject), "the code is of the right message")
	}
}

// inState returns an endpoint with one association that was put into a state.
func inState(t *testing.T, f *family, s state) (*Endpoint, *assoc) {
	t.Helper()
	e := New(Config{Rand: machine.Rand(1, "n", "mpj"), Entropy: machine.SeededEntropy(1, "n", "mpj")})
	e.clock.At(machine.VirtualEpoch)
	local, peer := netip.MustParseAddrPort("192.0.2.1:5000"), netip.MustParseAddrPort("192.0.2.2:40000")
	l := &listener{id: 1, Listener: Listener{ControlRoot: true}}
	e.listeners[1] = l
	a := &assoc{
		asker: f == askerFamily || f == leafFamily, root: f == askedFamily || f == rootFamily,
		role: leafRole, local: local, peer: peer, ifIndex: 1,
		src: netip.AddrPortFrom(local.Addr(), wire.Port), dst: netip.AddrPortFrom(peer.Addr(), wire.Port),
		tag: 1, peerTag: 2, joinTx: 1, txSeq: 1, proved: true, hello: HelloInterval, hold: holdOf(HelloInterval),
		answer:  []byte{1, byte(wire.TypePending)},
		pending: &pending{join: Join{Local: local, Target: peer, Role: leafRole, Timeout: JoinLimit}, deadline: machine.VirtualEpoch.Add(JoinLimit)},
	}
	if !a.asker {
		a.listener = 1
	}
	if s == stateJoining || s == stateNew && a.asker {
		a.peerTag = 0
	}
	e.add(a)
	e.enter(a, s)
	switch {
	case s.over():
		e.bury(a)
	case s == stateLeaving:
		e.release(a)
		e.timers.Set(timerKey{a.id, timerRetransmit}, e.clock.Now())
	}
	return e, a
}

// messageFor returns a message that could cause an event.
func messageFor(ev event) *wire.Message {
	m := &wire.Message{DstTag: 1, SrcTag: 2, Transaction: 1}
	switch ev {
	case evJOIN:
		m.Type = wire.TypeJoin
	case evACCEPT, evBadACCEPT:
		m.Type, m.Has, m.Timers = wire.TypeAccept, wire.HasTimers, wire.Timers{HelloMS: 1000, HoldMS: 3500}
	case evREJECT:
		m.Type, m.Has, m.Reason = wire.TypeReject, wire.HasReason, wire.ReasonOf(wire.Refused)
	case evHELLOACK:
		m.Type, m.Timers = wire.TypeHelloAck, wire.Timers{HelloMS: 1000, HoldMS: 3500}
	case evLEAVE, evCANCEL, evLEAVET:
		m.Type, m.Has, m.Reason = wire.TypeLeave, wire.HasReason, wire.ReasonOf(wire.Left)
	default:
		m.Type = wire.TypeConfirm
	}
	return m
}

// TestEveryPairIsPerformed takes a real association through every pair: the
// outputs are those that the row's actions announce, and nothing is left of it
// once it is forgotten.
func TestEveryPairIsPerformed(t *testing.T) {
	for _, f := range allFamilies {
		for _, s := range f.states {
			for ev := range numEvents {
				st := f.next(s, ev)
				e, a := inState(t, f, s)
				in := input{msg: messageFor(ev), code: wire.Left, payload: []byte{1, byte(wire.TypeAccept)}}
				if ev == evReject {
					in.code = wire.Refused
				}
				before := e.counters
				e.step(a, ev, in)
				name := f.name + "/" + s.String() + "/" + ev.String()
				if a.state != st.to {
					t.Errorf("%s: state %v, want %v", name, a.state, st.to)
				}
				if ignored := e.counters.Ignored - before.Ignored; (ignored == 1) == f.listed[s][ev] {
					t.Errorf("%s: counted as ignored %d times", name, ignored)
				}
				var datagrams, events int
				for out, ok := e.Next(); ok; out, ok = e.Next() {
					if out.Kind == KindDatagram {
						datagrams++
					} else {
						events++
					}
				}
				if want := onesOf(st.do & (doSendJoin | doPending | doSendMade | doReject | doAgain | doConfirm | doLeave | doLeaveAgain | doLeaveAck | doHello | doHelloAck)); datagrams != want {
					t.Errorf("%s: %d datagrams, want %d (%v)", name, datagrams, want, st.do.names())
				}
				if want := onesOf(st.do & (doRequest | doWithdrawn | doJoined | doRefused | doEstablished | doClosed)); events != want {
					t.Errorf("%s: %d events, want %d", name, events, want)
				}
				if e.counters.Dropped[DropEncode] != 0 {
					t.Errorf("%s: a message did not encode", name)
				}
				finish(t, name, e, a)
			}
		}
	}
}

func onesOf(do action) int { return len(do.names()) }

// finish ends an association from any state, and checks that nothing is left.
func finish(t *testing.T, name string, e *Endpoint, a *assoc) {
	t.Helper()
	if a.state < stateLeaving {
		e.step(a, evAddressGone, input{})
		if a.state == stateNew { // not in the tables of a real endpoint
			return
		}
	}
	for range 100 {
		at, ok := e.Deadline()
		if !ok {
			break
		}
		e.Advance(at)
	}
	for _, ok := e.Next(); ok; _, ok = e.Next() {
	}
	if l := e.listeners[1]; l.undecided != 0 && a.listener != 0 {
		t.Errorf("%s: %d requests are left in the backlog", name, l.undecided)
	}
	delete(e.listeners, 1)
	if !e.Quiet() || len(e.byTag)+len(e.byPair)+len(e.byJoin)+e.live+e.members+e.leaving+e.graves.n != 0 || e.graves.first != nil || e.graves.last != nil {
		t.Errorf("%s: left over: state %v, tables %d %d %d %d, live %d, members %d, graves %d, timers %d", name, a.state,
			len(e.byID), len(e.byTag), len(e.byPair), len(e.byJoin), e.live, e.members, e.graves.n, e.timers.Len())
	}
}

func TestNamesAreComplete(t *testing.T) {
	if slices.Contains(stateNames[:], "") || slices.Contains(eventNames[:], "") || slices.Contains(dropNames[:], "") {
		t.Error("a state, event or drop has no name")
	}
	if 1<<len(actionNames) != int(endActions) {
		t.Errorf("%d actions have names", len(actionNames))
	}
	for k, want := range map[EventKind]string{EventRequest: "request", EventClosed: "closed", 0: "none", 99: "unknown"} {
		if k.String() != want {
			t.Errorf("kind %d is %q", k, k.String())
		}
	}
	families := Families()
	if len(families) != 4 || families[0].Name != "asker" || len(families[3].Transitions) == 0 {
		t.Errorf("families %+v", families)
	}
}

func TestErrnoOf(t *testing.T) {
	for _, c := range []struct {
		r     wire.Reason
		asker bool
		want  winsock.Errno
	}{
		{wire.ReasonOf(wire.Left), true, 0},
		{wire.ReasonOf(wire.QOSFailed), true, winsock.WSAEOPNOTSUPP},
		{wire.ReasonOf(wire.QOSFailed), false, winsock.WSAECONNABORTED},
		{wire.Reason{Code: wire.Refused, Errno: 0}, true, winsock.WSAECONNREFUSED},
		{wire.Reason{Code: 20, Errno: winsock.WSAENOBUFS}, true, winsock.WSAENOBUFS},
		{wire.Reason{Code: 20}, true, winsock.WSAECONNREFUSED},
		{wire.Reason{Code: 20, Errno: 4711}, true, winsock.WSAECONNREFUSED},
		{wire.Reason{Code: 99}, true, winsock.WSAECONNRESET},
	} {
		if got := ErrnoOf(c.r, c.asker); got != c.want {
			t.Errorf("ErrnoOf(%v, %v) = %v, want %v", c.r, c.asker, got, c.want)
		}
	}
}
