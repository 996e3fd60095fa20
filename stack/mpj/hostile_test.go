package mpj

import (
	"net/netip"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	wire "github.com/mpstack/mpstack/wire/mpj"
)

var (
	rootAddr = netip.MustParseAddr("192.0.2.1")
	evilAddr = netip.MustParseAddr("192.0.2.66")
)

// hostile returns a datagram with a JOIN from 192.0.2.66 to a root at
// 192.0.2.2:5000 (the leaf of other tests is not there); change may alter it.
func hostile(change func(m *wire.Message)) Datagram {
	target := netip.MustParseAddrPort("192.0.2.2:5000")
	m := wire.Message{
		Type: wire.TypeJoin, SrcTag: 7, Transaction: 1,
		Has:    wire.HasTarget | wire.HasCaller | wire.HasRole | wire.HasJoinLimits,
		Target: target, Caller: netip.AddrPortFrom(evilAddr, 40000), Role: leafRole,
		JoinLimits: wire.JoinLimits{RemainingMS: 30000, CalleeRoom: 896},
	}
	if change != nil {
		change(&m)
	}
	b, err := m.AppendTo(nil)
	if err != nil {
		panic(err)
	}
	return Datagram{Src: netip.AddrPortFrom(evilAddr, wire.Port), Dst: netip.AddrPortFrom(target.Addr(), wire.Port), IfIndex: 1, Payload: b}
}

// victim returns an endpoint at 192.0.2.2 with a listening root.
func victim(t testing.TB, change ...func(*Config)) *Endpoint {
	cfg := Config{Rand: machine.Rand(1, "v", "mpj"), Entropy: machine.SeededEntropy(1, "v", "mpj")}
	for _, c := range change {
		c(&cfg)
	}
	e := New(cfg)
	if _, err := e.Listen(machine.VirtualEpoch, Listener{Name: netip.MustParseAddrPort("192.0.2.2:5000"), ControlRoot: true, DataRoot: true,
		Planes: rooted, Backlog: 2, Session: &Session{Group: netip.MustParseAddrPort("232.1.1.1:50000"), Mode: wire.Multicast, Root: netip.MustParseAddrPort("192.0.2.2:50001")}}); err != nil {
		t.Fatal(err)
	}
	return e
}

// answersOf takes the outputs: the messages, and how many events there were.
func answersOf(t testing.TB, e *Endpoint) (sent []wire.Message, bytes, events int) {
	t.Helper()
	for out, ok := e.Next(); ok; out, ok = e.Next() {
		if out.Kind == KindEvent {
			events++
			continue
		}
		m, err := wire.Parse(out.Datagram.Payload)
		if err != nil {
			t.Fatal(err)
		}
		sent = append(sent, m.Clone())
		bytes += len(out.Datagram.Payload)
	}
	return sent, bytes, events
}

func TestRefusalsWithoutState(t *testing.T) {
	for name, c := range map[string]struct {
		d    Datagram
		want wire.Code
	}{
		"no listener, port":    {hostile(func(m *wire.Message) { m.Target = netip.MustParseAddrPort("192.0.2.2:5001") }), wire.NoListener},
		"target is elsewhere":  {hostile(func(m *wire.Message) { m.Target = netip.MustParseAddrPort("192.0.2.3:5000") }), wire.BadIdentity},
		"caller is elsewhere":  {hostile(func(m *wire.Message) { m.Caller = netip.MustParseAddrPort("192.0.2.3:40000") }), wire.BadIdentity},
		"a root asks a root":   {rootJoin(rootRole, evilAddr), wire.WrongPlane},
		"data is elsewhere":    {rootJoin(rootRole, rootAddr), wire.BadIdentity},
		"two data roots":       {hostile(func(m *wire.Message) { m.Role.Data = wire.DataRoot }), wire.WrongPlane},
		"other planes":         {hostile(func(m *wire.Message) { m.Role.Planes = wire.RootedControl }), wire.WrongPlane},
		"version 2":            {changed(hostile(nil), 0, 2), wire.BadVersion},
		"zero field":           {changed(hostile(nil), 7, 1), wire.Malformed},
		"bad role":             {changed(hostile(nil), wire.HeaderLen+24+4, 9), wire.Malformed},
		"length of the object": {changed(hostile(nil), wire.HeaderLen+1, 200), wire.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			e := victim(t)
			for range 3 {
				e.HandleDatagram(machine.VirtualEpoch, c.d)
			}
			sent, bytes, events := answersOf(t, e)
			if len(sent) != 3 || events != 0 || bytes > 3*len(c.d.Payload) {
				t.Fatalf("%d answers of %d bytes, %d events", len(sent), bytes, events)
			}
			for _, m := range sent {
				if m.Type != wire.TypeReject || m.Reason != wire.ReasonOf(c.want) || m.DstTag != 7 || m.SrcTag == 0 || m.Transaction != 1 {
					t.Errorf("answer %+v", m)
				}
			}
			if len(e.byID) != 0 || len(e.byTag) != 0 || e.Counters().Refusals != 3 {
				t.Errorf("state: %+v", e.Snapshot(0, 9))
			}
		})
	}
}

// rootJoin is a hostile root's JOIN with a data address.
func rootJoin(role wire.Role, data netip.Addr) Datagram {
	return hostile(func(m *wire.Message) {
		m.Role = role
		m.Has |= role.OfSession()
		m.Session = wire.Session{Group: netip.MustParseAddrPort("232.1.1.1:5"), Mode: wire.Multicast}
		m.RootData = netip.AddrPortFrom(data, 5)
		m.Timers = wire.Timers{HelloMS: 1, HoldMS: 1}
	})
}

func changed(d Datagram, offset int, v byte) Datagram {
	d.Payload[offset] = v
	return d
}

// TestNotAnswered: what must not be answered, with the counter that it raises.
func TestNotAnswered(t *testing.T) {
	message := func(typ wire.Type, change func(m *wire.Message)) Datagram {
		d := hostile(nil)
		m := wire.Message{Type: typ, DstTag: 5, SrcTag: 6, Transaction: 7}
		if change != nil {
			change(&m)
		}
		b, err := m.AppendTo(nil)
		if err != nil {
			t.Fatal(err)
		}
		d.Payload = b
		return d
	}
	reason := func(c wire.Code) func(m *wire.Message) {
		return func(m *wire.Message) { m.Has, m.Reason = wire.HasReason, wire.ReasonOf(c) }
	}
	with := func(change func(d *Datagram)) Datagram {
		d := hostile(nil)
		change(&d)
		return d
	}
	for name, c := range map[string]struct {
		d    Datagram
		want Drop
	}{
		"no checksum":         {with(func(d *Datagram) { d.ChecksumZero = true }), DropChecksumZero},
		"to a group":          {with(func(d *Datagram) { d.Dst = netip.MustParseAddrPort("232.1.1.1:52205") }), DropAddress},
		"to another port":     {with(func(d *Datagram) { d.Dst = netip.AddrPortFrom(d.Dst.Addr(), 9) }), DropAddress},
		"from a group":        {with(func(d *Datagram) { d.Src = netip.MustParseAddrPort("232.1.1.1:52205") }), DropAddress},
		"from nowhere":        {with(func(d *Datagram) { d.Src = netip.MustParseAddrPort("0.0.0.0:52205") }), DropAddress},
		"from everybody":      {with(func(d *Datagram) { d.Src = netip.MustParseAddrPort("255.255.255.255:52205") }), DropAddress},
		"from port 0":         {with(func(d *Datagram) { d.Src = netip.AddrPortFrom(evilAddr, 0) }), DropAddress},
		"from another family": {with(func(d *Datagram) { d.Src = netip.MustParseAddrPort("[2001:db8::1]:52205") }), DropAddress},
		"empty":               {with(func(d *Datagram) { d.Payload = nil }), DropMalformed},
		"31 bytes":            {with(func(d *Datagram) { d.Payload = d.Payload[:31] }), DropMalformed},
		"JOIN without tag":    {changed(hostile(nil), 23, 0), DropMalformed},
		"version, not JOIN":   {changed(message(wire.TypeHello, nil), 0, 3), DropVersion},
		"malformed, not JOIN": {changed(message(wire.TypeHello, nil), 7, 3), DropMalformed},
		"beacon": {message(wire.TypeHello, func(m *wire.Message) {
			m.Flags, m.DstTag = wire.FlagB, 0
		}), DropBeacon},
		"LEAVE with flag T": {message(wire.TypeLeave, func(m *wire.Message) {
			m.Flags = wire.FlagT
			reason(wire.Unknown)(m)
		}), DropUnknown},
		"REJECT":    {message(wire.TypeReject, reason(wire.Refused)), DropUnknown},
		"LEAVE-ACK": {message(wire.TypeLeaveAck, nil), DropUnknown},
		"CHALLENGE": {message(wire.TypeChallenge, func(m *wire.Message) {
			m.Has, m.Cookie = wire.HasCookie, []byte{1, 2, 3, 4}
		}), DropUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			e := victim(t)
			e.HandleDatagram(machine.VirtualEpoch, c.d)
			if e.out.Len() != 0 || len(e.byID) != 0 {
				t.Errorf("%d outputs, %d associations", e.out.Len(), len(e.byID))
			}
			got := e.Counters().Dropped
			for d := range numDrops {
				if want := uint64(count(d == c.want)); got[d] != want {
					t.Errorf("%v: %d, want %d", d, got[d], want)
				}
			}
		})
	}

	t.Run("a JOIN shorter than its refusal", func(t *testing.T) {
		e := victim(t)
		d := hostile(nil)
		d.Payload = d.Payload[:wire.HeaderLen]
		d.Payload[4], d.Payload[5] = 0, wire.HeaderLen
		e.HandleDatagram(machine.VirtualEpoch, d)
		if c := e.Counters(); e.out.Len() != 0 || c.Dropped[DropMalformed] != 1 || c.Dropped[DropBudget] != 1 {
			t.Errorf("%d outputs, drops %v", e.out.Len(), c.Dropped)
		}
	})
}

// TestUnknownAssociation: which messages are answered with flag T.
func TestUnknownAssociation(t *testing.T) {
	e := victim(t)
	for _, typ := range []wire.Type{wire.TypePending, wire.TypeAccept, wire.TypeConfirm, wire.TypeStatusAck, wire.TypeHello} {
		m := wire.Message{Type: typ, DstTag: 5, SrcTag: 6, Transaction: 7}
		d := hostile(nil)
		d.Payload, _ = m.AppendTo(nil)
		e.HandleDatagram(machine.VirtualEpoch, d)
		sent, _, _ := answersOf(t, e)
		if len(sent) != 1 || sent[0].Type != wire.TypeLeave || sent[0].Flags != wire.FlagT || sent[0].DstTag != 6 ||
			sent[0].SrcTag != 5 || sent[0].Transaction != 7 || sent[0].Reason.Code != wire.Unknown {
			t.Errorf("%v: %+v", typ, sent)
		}
	}
}

func TestAnswersAreRateLimited(t *testing.T) {
	e := victim(t, func(c *Config) { c.RefusalRate, c.UnknownRate = 5, 3 })
	refused := hostile(func(m *wire.Message) { m.Target = netip.MustParseAddrPort("192.0.2.2:1") })
	m := wire.Message{Type: wire.TypeHello, DstTag: 5, SrcTag: 6, Transaction: 7}
	unknown := hostile(nil)
	unknown.Payload, _ = m.AppendTo(nil)
	for range 20 {
		e.HandleDatagram(machine.VirtualEpoch, refused)
		e.HandleDatagram(machine.VirtualEpoch, unknown)
	}
	sent, _, _ := answersOf(t, e)
	if c := e.Counters(); len(sent) != 8 || c.Refusals != 5 || c.Unknowns != 3 || c.Dropped[DropLimited] != 32 {
		t.Errorf("%d answers, %d refusals, %d unknowns, %d limited", len(sent), c.Refusals, c.Unknowns, c.Dropped[DropLimited])
	}
	e.HandleDatagram(machine.VirtualEpoch.Add(time.Second), unknown)
	if sent, _, _ := answersOf(t, e); len(sent) != 1 {
		t.Errorf("a second later: %d answers", len(sent))
	}
}

// TestFloodOfRequests: forged JOINs fill the backlog and no more, and the
// backlog empties by itself.
func TestFloodOfRequests(t *testing.T) {
	e := victim(t)
	now := machine.VirtualEpoch
	received, sentBytes := 0, 0
	for i := range 100 {
		d := hostile(func(m *wire.Message) {
			m.Caller = netip.AddrPortFrom(evilAddr, uint16(1000+i))
			m.SrcTag = uint64(i + 1)
			m.JoinLimits.RemainingMS = 1<<32 - 1
		})
		received += len(d.Payload)
		e.HandleDatagram(now, d)
		sent, bytes, events := answersOf(t, e)
		sentBytes += bytes
		if want := count(i < 2); events != want || len(sent) != 1 {
			t.Fatalf("JOIN %d: %d events, %d answers", i, events, len(sent))
		}
		if i >= 2 && sent[0].Reason.Code != wire.Busy {
			t.Fatalf("JOIN %d: %+v", i, sent[0])
		}
	}
	if sentBytes > received {
		t.Errorf("%d bytes for %d", sentBytes, received)
	}
	if c := e.Counters(); len(e.byID) != 2 || c.Dropped[DropBacklog] != 98 {
		t.Errorf("%d associations, %d dropped", len(e.byID), c.Dropped[DropBacklog])
	}
	// Five minutes is what a request may ask for at most.
	for range 20 {
		if at, ok := e.Deadline(); ok {
			now = at
			e.Advance(now)
		}
	}
	answersOf(t, e)
	if len(e.byID) != 0 || now.Sub(machine.VirtualEpoch) != maxRemaining+TombstoneLife {
		t.Errorf("%d associations after %v", len(e.byID), now.Sub(machine.VirtualEpoch))
	}
}

// TestUnprovedBudget: an asker that forged its address, and did not pad its
// JOIN, gets no more bytes than it sent, whatever the application answers.
func TestUnprovedBudget(t *testing.T) {
	for name, pad := range map[string]int{"short": 0, "padded": wire.MaxLen} {
		t.Run(name, func(t *testing.T) {
			e := victim(t)
			now := machine.VirtualEpoch
			received, sent := 0, 0
			join := func() {
				d := hostile(func(m *wire.Message) { m.PadTo(pad) })
				received += len(d.Payload)
				e.HandleDatagram(now, d)
			}
			check := func() (types []wire.Type) {
				t.Helper()
				msgs, bytes, _ := answersOf(t, e)
				if sent += bytes; sent > received {
					t.Fatalf("%d bytes for %d", sent, received)
				}
				for _, m := range msgs {
					types = append(types, m.Type)
				}
				return types
			}
			join()
			check()
			if err := e.Accept(now, 1, Answer{CalleeData: make([]byte, 896), HasCalleeData: true}); err != nil {
				t.Fatal(err)
			}
			if got := check(); (len(got) == 1) != (pad > 0) {
				t.Errorf("ACCEPT: %v", got)
			}
			for e.byID[1].state == stateAccepted {
				now, _ = e.Deadline()
				e.Advance(now)
				check()
				if now.Sub(machine.VirtualEpoch) < 5*time.Second {
					join()
					check()
				}
			}
			if now.Sub(machine.VirtualEpoch) != JoinLimit {
				t.Errorf("given up after %v", now.Sub(machine.VirtualEpoch))
			}
			for len(e.byID) > 0 {
				now, _ = e.Deadline()
				e.Advance(now)
				check()
			}
			if e.Counters().Dropped[DropBudget] == 0 {
				t.Error("nothing was withheld")
			}
		})
	}
}

// TestBigAcceptIsSentWhenTheBudgetAllows: a large answer to an unpadded JOIN
// waits for more JOINs, and the join works in the end.
func TestBigAcceptIsSentWhenTheBudgetAllows(t *testing.T) {
	w, root, leaf := pairOf(t)
	lid := root.listenRoot(1)
	root.accepts(Answer{CalleeData: make([]byte, 100), HasCalleeData: true})
	w.fate = func(d *Datagram, m *wire.Message) []time.Duration {
		if m.Type == wire.TypePending {
			return nil // so that no JOIN carries our tag
		}
		if m.Type == wire.TypeJoin {
			m.Has &^= wire.HasPad
			d.Payload, _ = m.AppendTo(nil)
		}
		return []time.Duration{0}
	}
	leaf.joinAsLeaf(root)
	w.run(3 * time.Second)
	leaf.expect("joined")
	if root.e.Counters().Dropped[DropBudget] == 0 {
		t.Error("nothing was withheld")
	}
	endBoth(w, leaf)
	root.e.CloseListener(w.now, lid)
	w.settle()
}

// TestStrayMessages: messages with a right tag and something else wrong change
// nothing.
func TestStrayMessages(t *testing.T) {
	w, root, leaf, atRoot, atLeaf, done := joined(t)
	a, b := root.e.byID[atRoot], leaf.e.byID[atLeaf]
	toRoot := func(m wire.Message, change func(*Datagram)) Datagram {
		m.DstTag, m.SrcTag = a.tag, a.peerTag
		if m.Transaction == 0 {
			m.Transaction = 50
		}
		payload, err := m.AppendTo(nil)
		if err != nil {
			t.Fatal(err)
		}
		d := Datagram{Src: leaf.at(wire.Port), Dst: root.at(wire.Port), IfIndex: 1, Payload: payload}
		if change != nil {
			change(&d)
		}
		return d
	}
	leave := wire.Message{Type: wire.TypeLeave, Has: wire.HasReason, Reason: wire.ReasonOf(wire.Left)}
	unknown := leave
	unknown.Flags, unknown.Reason = wire.FlagT, wire.ReasonOf(wire.Unknown)
	acked := wire.Message{Type: wire.TypeHelloAck, Has: wire.HasTimers, Timers: wire.Timers{HelloMS: 1, HoldMS: 1}}
	for name, c := range map[string]struct {
		n    *node
		d    Datagram
		want Drop
	}{
		"another source":       {root, toRoot(leave, func(d *Datagram) { d.Src = netip.AddrPortFrom(evilAddr, wire.Port) }), DropWrongAddress},
		"another source port":  {root, toRoot(leave, func(d *Datagram) { d.Src = leaf.at(9) }), DropWrongAddress},
		"another destination":  {root, toRoot(leave, func(d *Datagram) { d.Dst = netip.AddrPortFrom(evilAddr, wire.Port) }), DropWrongAddress},
		"another interface":    {root, toRoot(leave, func(d *Datagram) { d.IfIndex = 2 }), DropWrongIf},
		"another tag":          {root, toRoot(leave, func(d *Datagram) { d.Payload[16] ^= 1 }), DropStaleTag},
		"another tag, T":       {root, toRoot(unknown, func(d *Datagram) { d.Payload[16] ^= 1 }), DropStaleTag},
		"ACCEPT to the asked":  {root, toRoot(wire.Message{Type: wire.TypeAccept}, nil), DropWrongRole},
		"PENDING to the asked": {root, toRoot(wire.Message{Type: wire.TypePending}, nil), DropWrongRole},
		"HELLO-ACK to a root":  {root, toRoot(acked, nil), DropWrongRole},
		"CONFIRM of another":   {root, toRoot(wire.Message{Type: wire.TypeConfirm}, nil), DropTransaction},
		"LEAVE-ACK unasked":    {root, toRoot(wire.Message{Type: wire.TypeLeaveAck}, nil), DropTransaction},
		"STATUS-ACK unasked":   {root, toRoot(wire.Message{Type: wire.TypeStatusAck}, nil), DropTransaction},
	} {
		before := c.n.e.Counters()
		c.n.e.HandleDatagram(w.now, c.d)
		after := c.n.e.Counters()
		for d := range numDrops {
			if got, want := after.Dropped[d]-before.Dropped[d], uint64(count(d == c.want)); got != want {
				t.Errorf("%s: %v raised by %d, want %d", name, d, got, want)
			}
		}
		if c.n.e.out.Len() != 0 {
			t.Errorf("%s: answered", name)
			w.drain()
		}
	}
	if a.state != stateMember || b.state != stateMember {
		t.Fatalf("states %v, %v", a.state, b.state)
	}

	// An old HELLO, a HELLO to a leaf, an old LEAVE.
	hello := wire.Message{Type: wire.TypeHello, Transaction: 10}
	root.e.HandleDatagram(w.now, toRoot(hello, nil))
	hello.Transaction = 9
	root.e.HandleDatagram(w.now, toRoot(hello, nil))
	leave.Transaction = 8
	root.e.HandleDatagram(w.now, toRoot(leave, nil))
	hello.DstTag, hello.SrcTag = b.tag, b.peerTag
	payload, _ := hello.AppendTo(nil)
	leaf.e.HandleDatagram(w.now, Datagram{Src: root.at(wire.Port), Dst: leaf.at(wire.Port), IfIndex: 1, Payload: payload})
	if root.e.Counters().Sent[wire.TypeHelloAck] != 1 || root.e.Counters().Dropped[DropTransaction] != 5 || leaf.e.Counters().Dropped[DropWrongRole] != 1 {
		t.Errorf("root %v, leaf %v", root.e.Counters().Dropped, leaf.e.Counters().Dropped)
	}
	w.drain()
	a.rxSeq = 1
	endBoth(w, leaf)
	done()
}

// TestJoinDuplicateWithAnotherTransaction: the same tag, another request.
func TestJoinDuplicateWithAnotherTransaction(t *testing.T) {
	e := victim(t)
	e.HandleDatagram(machine.VirtualEpoch, hostile(nil))
	e.HandleDatagram(machine.VirtualEpoch, hostile(func(m *wire.Message) { m.Transaction = 2 }))
	sent, _, events := answersOf(t, e)
	if len(sent) != 1 || events != 1 || e.Counters().Dropped[DropTransaction] != 1 {
		t.Errorf("%d answers, %d events", len(sent), events)
	}
}

// TestLateDuplicates: copies that the network kept back change nothing.
func TestLateDuplicates(t *testing.T) {
	w, root, leaf := pairOf(t)
	lid := root.listenRoot(1)
	root.accepts(Answer{})
	var kept []Datagram
	w.fate = func(d *Datagram, m *wire.Message) []time.Duration {
		c := *d
		c.Payload = append([]byte(nil), d.Payload...)
		c.IfIndex = 1
		kept = append(kept, c)
		return []time.Duration{0}
	}
	again := func() {
		for _, d := range kept {
			for _, n := range w.nodes {
				if n.addr == d.Dst.Addr() {
					n.e.HandleDatagram(w.now, d)
				}
			}
		}
		w.drain()
	}
	id := leaf.joinAsLeaf(root)
	w.run(time.Second)
	again()
	root.expect("request", "established")
	leaf.expect("joined")
	leaf.leave(id, wire.Left)
	w.run(time.Second)
	again()
	w.run(time.Second)
	root.expect("request", "established", "closed LEFT")
	leaf.expect("joined")
	w.fate = nil
	root.e.CloseListener(w.now, lid)
	w.settle()
}

// TestChallengeIsIgnored: cookies come later.
func TestChallengeIsIgnored(t *testing.T) {
	w, root, leaf := pairOf(t)
	lid := root.listenRoot(1)
	id := leaf.joinAsLeaf(root)
	w.run(time.Second)
	a := leaf.e.byID[id]
	m := wire.Message{Type: wire.TypeChallenge, DstTag: a.tag, SrcTag: a.peerTag, Transaction: a.joinTx, Has: wire.HasCookie, Cookie: make([]byte, 64)}
	payload, _ := m.AppendTo(nil)
	leaf.e.HandleDatagram(w.now, Datagram{Src: root.at(wire.Port), Dst: leaf.at(wire.Port), IfIndex: 1, Payload: payload})
	if leaf.e.Counters().Ignored != 1 || a.state != stateWaiting {
		t.Errorf("state %v, counters %+v", a.state, leaf.e.Counters())
	}
	leaf.leave(id, wire.Left)
	w.run(time.Second)
	root.e.CloseListener(w.now, lid)
	w.settle()
}

// TestListenerOfAnotherInterface: a name may be bound to one interface.
func TestListenerOfAnotherInterface(t *testing.T) {
	w, root, leaf := pairOf(t)
	lid, err := root.e.Listen(w.now, Listener{Name: root.at(5000), IfIndex: 2, ControlRoot: true, DataRoot: true, Planes: rooted, Session: root.session()})
	if err != nil {
		t.Fatal(err)
	}
	leaf.joinAsLeaf(root)
	w.run(time.Second)
	leaf.expect("refused WSAECONNREFUSED NO_LISTENER")
	root.e.CloseListener(w.now, lid)
	w.settle()
}

func TestTooManyAssociations(t *testing.T) {
	e := victim(t, func(c *Config) { c.MaxAssociations = 1 })
	e.HandleDatagram(machine.VirtualEpoch, hostile(nil))
	e.HandleDatagram(machine.VirtualEpoch, hostile(func(m *wire.Message) {
		m.SrcTag, m.Caller = 8, netip.AddrPortFrom(evilAddr, 1)
	}))
	sent, _, _ := answersOf(t, e)
	if len(sent) != 2 || sent[1].Reason.Code != wire.Busy || e.Counters().Dropped[DropAssociations] != 1 {
		t.Errorf("%+v", sent)
	}
}

// TestTombstonesAreLimited: the oldest is forgotten early.
func TestTombstonesAreLimited(t *testing.T) {
	e := victim(t, func(c *Config) { c.MaxTombstones = 3 })
	now := machine.VirtualEpoch
	for i := range 10 {
		e.HandleDatagram(now, hostile(func(m *wire.Message) {
			m.SrcTag, m.Caller = uint64(i+1), netip.AddrPortFrom(evilAddr, uint16(i+1))
		}))
		if err := e.Reject(now, AssocID(i+1), 0, nil); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Second)
	}
	answersOf(t, e)
	if infos := e.Snapshot(0, 10); len(infos) != 3 || infos[0].ID != 8 || e.Counters().Dropped[DropTombstone] != 7 {
		t.Errorf("%+v", infos)
	}
	for range 10 {
		if at, ok := e.Deadline(); ok {
			e.Advance(at)
		}
	}
	if len(e.byID) != 0 {
		t.Errorf("left: %+v", e.Snapshot(0, 10))
	}
}

// TestBadAccept: an asker does not take an ACCEPT that lacks the session, comes
// with a foreign data address, or with more data than there is room for.
func TestBadAccept(t *testing.T) {
	for name, c := range map[string]struct {
		change func(m *wire.Message)
		want   string
	}{
		"no session":      {func(m *wire.Message) { m.Has &^= wire.HasSession }, "refused WSAECONNREFUSED"},
		"no timers":       {func(m *wire.Message) { m.Has &^= wire.HasTimers }, "refused WSAECONNREFUSED"},
		"no root data":    {func(m *wire.Message) { m.Has &^= wire.HasRootData }, "refused WSAECONNREFUSED"},
		"data elsewhere":  {func(m *wire.Message) { m.RootData = netip.AddrPortFrom(evilAddr, 1) }, "refused WSAECONNREFUSED"},
		"too much data":   {func(m *wire.Message) { m.Has |= wire.HasCalleeData; m.CalleeData = make([]byte, 101) }, "refused WSAEFAULT"},
		"data, none room": {func(m *wire.Message) { m.Has |= wire.HasCalleeData; m.CalleeData = make([]byte, 100) }, "joined"},
	} {
		for _, pending := range []bool{true, false} {
			w, root, leaf := pairOf(t)
			lid := root.listenRoot(1)
			root.accepts(Answer{})
			w.fate = func(d *Datagram, m *wire.Message) []time.Duration {
				if m.Type == wire.TypePending && !pending {
					return nil
				}
				if m.Type == wire.TypeAccept {
					c.change(m)
					d.Payload, _ = m.AppendTo(nil)
				}
				return []time.Duration{0}
			}
			leaf.joinAsLeaf(root)
			w.run(time.Second)
			leaf.expect(c.want)
			if c.want != "joined" {
				root.expect("request", "closed WSAECONNRESET CANCEL")
			}
			endBoth(w, leaf)
			root.e.CloseListener(w.now, lid)
			w.settle()
			if t.Failed() {
				t.Fatalf("%s\n%s", name, w.log.String())
			}
		}
	}
}
