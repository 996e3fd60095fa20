package mpj

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mpstack/mpstack/stack/winsock"
	wire "github.com/mpstack/mpstack/wire/mpj"
)

// joined makes a world in which a leaf has joined, and returns the ids at both
// ends. The root accepts everything.
func joined(t testing.TB) (w *world, root, leaf *node, atRoot, atLeaf AssocID, done func()) {
	w, root, leaf = pairOf(t)
	lid := root.listenRoot(16)
	root.accepts(Answer{})
	atLeaf = leaf.joinAsLeaf(root)
	w.run(time.Second)
	leaf.expect("joined")
	root.expect("request", "established")
	return w, root, leaf, root.last(EventEstablished).Assoc, atLeaf, func() {
		t.Helper()
		root.e.CloseListener(w.now, lid)
		w.settle()
	}
}

func TestLeave(t *testing.T) {
	for _, c := range []struct {
		byRoot bool
		code   wire.Code
		want   string
	}{
		{false, wire.Left, "closed LEFT"},
		{true, wire.Dropped, "closed DROPPED"},
		{true, wire.Dismantled, "closed DISMANTLED"},
		{true, wire.QOSFailed, "closed WSAEOPNOTSUPP QOS"},
		{false, wire.QOSFailed, "closed WSAECONNABORTED QOS"},
		{false, wire.AddressGone, "closed WSAECONNRESET ADDRESS_GONE"},
	} {
		for lost := range 6 { // the first so many LEAVEs, or LEAVE-ACKs
			for _, typ := range []wire.Type{wire.TypeLeave, wire.TypeLeaveAck} {
				w, root, leaf, atRoot, atLeaf, done := joined(t)
				from, to, id := leaf, root, atLeaf
				if c.byRoot {
					from, to, id = root, leaf, atRoot
				}
				numbers := []int{1, 2, 3, 4, 5, 6}[:lost]
				w.fate = lose(typ, numbers...)
				told := len(from.events)
				from.leave(id, c.code)
				w.run(8 * time.Second)
				if len(from.events) != told {
					t.Errorf("%v: the caller was told %q", c.code, from.told()[told:])
				}
				last := to.told()[len(to.told())-1]
				// Five transmissions; a leaf whose root is gone is told at its next HELLO.
				if (lost < 5 || typ == wire.TypeLeaveAck) && last != c.want {
					t.Errorf("%v, %d times %v lost: %q, want %q", c.code, lost, typ, last, c.want)
				}
				done()
				if last := to.told()[len(to.told())-1]; last != c.want && last != "closed WSAECONNRESET" {
					t.Errorf("%v, %d times %v lost: in the end %q", c.code, lost, typ, last)
				}
			}
		}
	}
}

// TestLostTombstoneAnswers: the root's LEAVEs are all lost; the leaf's next
// HELLO is answered with the LEAVE again.
func TestLostTombstoneAnswers(t *testing.T) {
	w, root, leaf, atRoot, _, done := joined(t)
	w.fate = lose(wire.TypeLeave, 1, 2, 3, 4, 5)
	root.leave(atRoot, wire.Dismantled)
	w.run(20 * time.Second)
	leaf.expect("joined", "closed DISMANTLED")
	if root.e.Counters().Sent[wire.TypeLeave] != 6 {
		t.Errorf("%d LEAVEs", root.e.Counters().Sent[wire.TypeLeave])
	}
	done()
}

func TestBothLeaveAtOnce(t *testing.T) {
	w, root, leaf, atRoot, atLeaf, done := joined(t)
	root.leave(atRoot, wire.Dropped)
	leaf.leave(atLeaf, wire.Left)
	if !root.e.Leaving() || !leaf.e.Leaving() {
		t.Error("no LEAVE is under way")
	}
	w.run(time.Second)
	if root.e.Leaving() || leaf.e.Leaving() {
		t.Error("a LEAVE is under way")
	}
	root.expect("request", "established")
	leaf.expect("joined")
	if n := len(w.lines); !strings.HasSuffix(w.lines[n-1], "LEAVE-ACK") {
		t.Errorf("wire: %q", w.lines)
	}
	done()
}

func TestLeafLeavesAndJoinsAgain(t *testing.T) {
	w, root, leaf, _, atLeaf, done := joined(t)
	for range 3 {
		leaf.leave(atLeaf, wire.Left)
		w.run(time.Millisecond)
		atLeaf = leaf.joinAsLeaf(root)
		w.run(time.Second)
	}
	if got := strings.Join(leaf.told(), ","); got != "joined,joined,joined,joined" {
		t.Errorf("leaf was told %s", got)
	}
	endBoth(w, leaf)
	done()
}

func TestHellos(t *testing.T) {
	w, root, leaf, _, _, done := joined(t)
	var at []time.Duration
	w.lines = nil
	for n := 0; w.now < w.start.Add(10*time.Minute); w.run(100 * time.Millisecond) {
		for ; n < len(w.lines); n++ {
			if w.lines[n] == "leaf>root HELLO" {
				at = append(at, w.now.Sub(w.start))
			}
		}
	}
	if len(at) < 45 || len(at) > 80 {
		t.Errorf("%d HELLOs in ten minutes", len(at))
	}
	for i := 1; i < len(at); i++ {
		if d := at[i] - at[i-1]; d < 4800*time.Millisecond || d > 15200*time.Millisecond {
			t.Errorf("a pause of %v", d)
		}
	}
	if len(at)*2 != len(w.lines) {
		t.Errorf("%d HELLOs, %d messages", len(at), len(w.lines))
	}
	root.expect("request", "established")
	leaf.expect("joined")
	endBoth(w, leaf)
	done()
}

// TestSomeHellosLost: an association survives what the hold time allows.
func TestSomeHellosLost(t *testing.T) {
	w, root, leaf, _, _, done := joined(t)
	n := 0
	w.fate = func(_ *Datagram, m *wire.Message) []time.Duration {
		if m.Type == wire.TypeHello {
			if n++; n%2 == 1 {
				return nil
			}
		}
		return []time.Duration{0}
	}
	w.run(time.Hour)
	root.expect("request", "established")
	leaf.expect("joined")
	endBoth(w, root)
	done()
}

func TestSilence(t *testing.T) {
	w, root, leaf, _, _, done := joined(t)
	w.fate = func(*Datagram, *wire.Message) []time.Duration { return nil }
	w.run(34 * time.Second)
	root.expect("request", "established")
	leaf.expect("joined")
	w.run(20 * time.Second)
	root.expect("request", "established", "closed WSAECONNRESET")
	leaf.expect("joined", "closed WSAECONNRESET")
	if !strings.Contains(strings.Join(w.lines, ","), "LEAVE SILENT") {
		t.Errorf("no LEAVE SILENT: %q", w.lines)
	}
	done()
}

// TestSilenceOneWay: the leaf hears nothing, the root hears it; its LEAVE tells
// the root.
func TestSilenceOneWay(t *testing.T) {
	w, root, leaf, _, _, done := joined(t)
	w.fate = func(d *Datagram, _ *wire.Message) []time.Duration {
		if d.Dst.Addr() == leaf.addr {
			return nil
		}
		return []time.Duration{0}
	}
	w.run(2 * time.Minute)
	leaf.expect("joined", "closed WSAECONNRESET")
	root.expect("request", "established", "closed WSAECONNRESET SILENT")
	done()
}

// TestRootCrashes: the root comes back without memory; the leaf's HELLO finds
// that out.
func TestRootCrashes(t *testing.T) {
	w, root, leaf, _, _, _ := joined(t)
	again := w.reborn(root)
	w.run(20 * time.Second)
	leaf.expect("joined", "closed WSAECONNRESET UNKNOWN")
	if c := again.e.Counters(); c.Unknowns != 1 || c.Dropped[DropUnknown] != 1 {
		t.Errorf("%d unknowns", c.Unknowns)
	}
	w.settle()
}

// TestAskedCrashesWhileWaiting: the next JOIN carries a tag that nobody knows.
func TestAskedCrashesWhileWaiting(t *testing.T) {
	w, root, leaf := pairOf(t)
	root.listenRoot(1)
	leaf.joinAsLeaf(root)
	w.run(time.Second)
	w.reborn(root)
	w.run(2 * time.Second)
	leaf.expect("refused WSAECONNREFUSED UNKNOWN")
	w.settle()
}

// TestAskerCrashes: PENDING or ACCEPT comes to one that knows nothing of it.
func TestAskerCrashes(t *testing.T) {
	for _, accepted := range []bool{false, true} {
		w, root, leaf := pairOf(t)
		lid := root.listenRoot(1)
		leaf.joinAsLeaf(root)
		if accepted {
			w.run(20 * time.Millisecond)
		} else {
			w.run(time.Millisecond)
		}
		w.reborn(leaf)
		if accepted {
			if err := root.e.Accept(w.now, root.last(EventRequest).Assoc, Answer{}); err != nil {
				t.Fatal(err)
			}
		}
		w.run(time.Second)
		if accepted {
			root.expect("request", "closed WSAECONNRESET UNKNOWN")
		} else {
			root.expect("request", "withdrawn WSAECONNRESET UNKNOWN")
		}
		root.e.CloseListener(w.now, lid)
		w.settle()
	}
}

func TestAddressGone(t *testing.T) {
	for name, gone := range map[string]func(n *node, now *world){
		"address":             func(n *node, w *world) { n.e.HandleAddressGone(w.now, n.addr, 0) },
		"address, interface":  func(n *node, w *world) { n.e.HandleAddressGone(w.now, n.addr, 1) },
		"the whole interface": func(n *node, w *world) { n.e.HandleAddressGone(w.now, netip.Addr{}, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			w, root, leaf, _, _, done := joined(t)
			leaf.e.HandleAddressGone(w.now, root.addr, 0)
			leaf.e.HandleAddressGone(w.now, leaf.addr, 2)
			w.drain()
			leaf.expect("joined")
			w.lines = nil
			gone(root, w)
			w.run(time.Millisecond)
			root.expect("request", "established", "closed WSAENETDOWN")
			if len(w.lines) != 0 {
				t.Errorf("sent %q", w.lines)
			}
			// The address is back when the leaf's HELLO comes.
			w.run(20 * time.Second)
			leaf.expect("joined", "closed WSAECONNRESET ADDRESS_GONE")
			done()
		})
	}
}

func TestAddressGoneInHandshake(t *testing.T) {
	w, root, leaf := pairOf(t)
	lid := root.listenRoot(5)
	leaf.joinAsLeaf(root)
	w.run(20 * time.Millisecond)
	leaf.e.HandleAddressGone(w.now, leaf.addr, 0)
	root.e.HandleAddressGone(w.now, root.addr, 0)
	w.drain()
	leaf.expect("refused WSAENETDOWN")
	root.expect("request", "withdrawn WSAENETDOWN")
	leaf.joinAsLeaf(root)
	leaf.e.HandleAddressGone(w.now, leaf.addr, 0)
	w.drain()
	leaf.expect("refused WSAENETDOWN", "refused WSAENETDOWN")
	root.e.CloseListener(w.now, lid)
	w.settle()
}

// TestIntervalGrowsWithTheLeaves: all leaves together send 2,000 HELLOs a
// second, and hear of a longer interval by HELLO-ACK.
func TestIntervalGrowsWithTheLeaves(t *testing.T) {
	w, root, leaf, atRoot, _, done := joined(t)
	info := func(n *node) AssocInfo { return n.e.Snapshot(0, 1)[0] }
	if a := info(leaf); a.Hello != 10*time.Second || a.Hold != 35*time.Second || a.Family != "leaf" || a.State != "Member" {
		t.Errorf("%+v", a)
	}
	root.e.members = 40000 // as if there were so many
	w.run(16 * time.Second)
	if a := info(leaf); a.Hello != 20*time.Second || a.Hold != 70*time.Second {
		t.Errorf("leaf: %+v", a)
	}
	if a := info(root); a.Hello != 20*time.Second || a.Hold != 70*time.Second || a.Family != "root" || a.ID != atRoot {
		t.Errorf("root: %+v", a)
	}
	// Shorter again: the root holds the leaf to the longer time until it has
	// heard from it once more.
	root.e.members = 1
	for info(root).Hello != 10*time.Second {
		w.run(time.Second)
	}
	if a := info(root); a.Hold != 70*time.Second {
		t.Errorf("root: %+v", a)
	}
	w.run(20 * time.Second)
	if a := info(root); a.Hold != 35*time.Second {
		t.Errorf("root: %+v", a)
	}
	endBoth(w, leaf)
	done()
}

func TestConfiguredInterval(t *testing.T) {
	w, root, leaf := pairOf(t)
	lid, err := root.e.Listen(w.now, Listener{Name: root.at(5000), ControlRoot: true, DataRoot: true, Planes: rooted,
		Session: root.session(), HelloInterval: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	root.accepts(Answer{})
	leaf.joinAsLeaf(root)
	leafListener := leaf.listenLeaf()
	leaf.accepts(Answer{})
	root.joinAsRoot(leaf, func(j *Join) { j.Local = root.at(5009); j.HelloInterval = 2 * time.Second })
	w.run(10 * time.Second)
	infos := leaf.e.Snapshot(0, 10)
	if len(infos) != 2 || infos[0].Hello != time.Second || infos[1].Hello != 2*time.Second || infos[1].Hold != 7*time.Second {
		t.Errorf("%+v", infos)
	}
	if got := leaf.e.Snapshot(infos[0].ID, 10); len(got) != 1 || got[0].ID != infos[1].ID {
		t.Errorf("from the first on: %+v", got)
	}
	root.e.CloseListener(w.now, lid)
	leaf.e.CloseListener(w.now, leafListener)
	endBoth(w, root)
	w.settle()
}

// TestFastHellosAreNotObeyed: a root that asks for an interval of 1 ms gets
// 100 ms.
func TestFastHellosAreNotObeyed(t *testing.T) {
	a := &assoc{}
	a.adopt(wire.Timers{HelloMS: 1, HoldMS: 1})
	if a.hello != 100*time.Millisecond || a.hold != 100*time.Millisecond {
		t.Errorf("%v, %v", a.hello, a.hold)
	}
}

// TestManyLeaves: 300 leaves join at once, stay, and are dismantled.
func TestManyLeaves(t *testing.T) {
	w := newWorld(t)
	root := w.add("root", "192.0.2.1")
	lid := root.listenRoot(1000)
	root.accepts(Answer{})
	var leaves []*node
	for i := range 300 {
		leaf := w.add(fmt.Sprint("leaf", i), fmt.Sprintf("198.51.%d.%d", i/250, i%250+1))
		leaves = append(leaves, leaf)
		leaf.joinAsLeaf(root)
	}
	w.run(time.Second)
	for _, leaf := range leaves {
		leaf.expect("joined")
	}
	if root.e.members != 300 || root.e.listeners[lid].undecided != 0 {
		t.Errorf("%d members, %d undecided", root.e.members, root.e.listeners[lid].undecided)
	}
	for _, a := range root.e.Snapshot(0, 1000) {
		root.leave(a.ID, wire.Dismantled)
	}
	w.run(time.Second)
	for _, leaf := range leaves {
		leaf.expect("joined", "closed DISMANTLED")
	}
	root.e.CloseListener(w.now, lid)
	w.settle()
}

func TestTransitionsAreCounted(t *testing.T) {
	w, root, leaf, _, _, done := joined(t)
	want := map[string]uint64{"asked/New/JOIN": 1, "asked/Requested/accept": 1, "asked/Accepted/CONFIRM": 1}
	for _, c := range root.e.Transitions() {
		key := c.Family + "/" + c.State + "/" + c.Event
		if want[key] != c.Count {
			t.Errorf("%s: %d, want %d", key, c.Count, want[key])
		}
		delete(want, key)
	}
	if len(want) != 0 {
		t.Errorf("not counted: %v", want)
	}
	c := leaf.e.Counters()
	names := map[string]uint64{}
	c.Each(func(name string, value uint64) {
		if _, twice := names[name]; twice {
			t.Errorf("%s occurs twice", name)
		}
		names[name] = value
	})
	if names["sent_JOIN"] != 1 || names["received_ACCEPT"] != 1 || names["transitions"] != 3 || names["dropped_malformed"] != 0 {
		t.Errorf("%v", names)
	}
	endBoth(w, leaf)
	done()
}

// TestNonrootedData: with nonrooted data there is no root's data address.
func TestNonrootedData(t *testing.T) {
	w, root, leaf := pairOf(t)
	session := root.session()
	session.Root = netip.AddrPort{}
	lid, err := root.e.Listen(w.now, Listener{Name: netip.MustParseAddrPort("0.0.0.0:5000"), ControlRoot: true, Planes: wire.RootedControl, Session: session})
	if err != nil {
		t.Fatal(err)
	}
	root.accepts(Answer{})
	leaf.joinAsLeaf(root, func(j *Join) { j.Role.Planes = wire.RootedControl })
	w.run(time.Second)
	leaf.expect("joined")
	if s := leaf.last(EventJoined).Session; s == nil || *s != *session {
		t.Errorf("session %+v", s)
	}
	if l := root.last(EventRequest).Local; l != root.at(5000) {
		t.Errorf("local name %v", l)
	}
	endBoth(w, leaf)
	root.e.CloseListener(w.now, lid)
	w.settle()
}

// TestSelfJoin: root and leaf are on one endpoint.
func TestSelfJoin(t *testing.T) {
	w := newWorld(t)
	n := w.add("n", "192.0.2.1")
	lid := n.listenRoot(1)
	n.accepts(Answer{})
	id := n.joinAsLeaf(n)
	w.run(time.Second)
	n.expect("request", "joined", "established")
	n.leave(id, wire.Left)
	w.run(time.Second)
	n.expect("request", "joined", "established", "closed LEFT")
	n.e.CloseListener(w.now, lid)
	w.settle()
}

func TestLinkLocal(t *testing.T) {
	w := newWorld(t)
	root, leaf := w.add("root", "fe80::1"), w.add("leaf", "fe80::2")
	if _, err := root.e.Listen(w.now, Listener{Name: root.at(5000), ControlRoot: true}); !isErrno(err, winsock.WSAEADDRNOTAVAIL) {
		t.Errorf("listening without zone: %v", err)
	}
	if _, err := leaf.e.Join(w.now, Join{Local: leaf.at(1), Target: root.at(5000), Role: leafRole}); !isErrno(err, winsock.WSAEADDRNOTAVAIL) {
		t.Errorf("joining without zone: %v", err)
	}
	session := root.session()
	l := Listener{Name: root.at(5000), IfIndex: 2, ControlRoot: true, DataRoot: true, Planes: rooted, Session: session}
	other, err := root.e.Listen(w.now, l)
	if err != nil {
		t.Fatal(err)
	}
	join := func() { leaf.joinAsLeaf(root, func(j *Join) { j.IfIndex = 1 }) }
	join()
	w.run(time.Second)
	leaf.expect("refused WSAECONNREFUSED NO_LISTENER")
	l.IfIndex = 1
	lid, err := root.e.Listen(w.now, l)
	if err != nil {
		t.Fatal(err)
	}
	root.accepts(Answer{})
	join()
	w.run(time.Second)
	leaf.expect("refused WSAECONNREFUSED NO_LISTENER", "joined")
	endBoth(w, leaf)
	root.e.CloseListener(w.now, lid)
	root.e.CloseListener(w.now, other)
	w.settle()
}
