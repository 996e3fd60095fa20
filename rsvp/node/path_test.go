package node_test

import (
	"slices"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/intserv"
	"github.com/mpstack/mpstack/rsvp/node"
	"github.com/mpstack/mpstack/rsvp/node/nodetest"
)

// TestPathOnTheWire: RFC 2205 sections 3.1.3, 3.3 and 3.8: a Path has the data's
// addresses, Router Alert, a TTL equal to Send_TTL and one less at each hop, and
// our address and handle in RSVP_HOP.
func TestPathOnTheWire(t *testing.T) {
	l := newLine(t, nil)
	l.s.call(func(now machine.Time, n *node.Node) error {
		return n.Sender(now, l.s.id, node.SenderSpec{Src: port(lineSrc), TSpec: tspec(1000), TTL: 9})
	})
	l.RunFor(time.Second)
	if len(l.Log) != 2 {
		t.Fatalf("%d messages", len(l.Log))
	}
	for i, want := range []struct {
		from  string
		outIf int
		ttl   uint8
		hop   string
		hops  uint32
	}{{"S", 1, 9, "10.0.1.1", 1}, {"R", 1, 8, "10.0.2.254", 2}} {
		s := l.Log[i]
		var m rsvp.Message
		if err := m.Decode(s.Payload); err != nil {
			t.Fatal(err)
		}
		if s.From != want.from || s.OutIf != want.outIf || s.TTL != want.ttl || m.SendTTL != want.ttl || !s.RouterAlert || s.TOS != node.DefaultTOS ||
			s.Src != addr("10.0.1.1") || s.Dst != addr("10.0.2.1") {
			t.Errorf("%+v", s)
		}
		if m.Hop.Addr != addr(want.hop) || m.Hop.LIH == 0 || m.TimeValues.Refresh() != 30*time.Second || m.Session.Flags != rsvp.EPolice {
			t.Errorf("%+v", m)
		}
		if m.AdSpec.General.Hops != want.hops || m.AdSpec.General.MTU != 1500 || m.AdSpec.Break {
			t.Errorf("ADSPEC %+v", m.AdSpec)
		}
	}
	if e := l.D.Events(node.PathEvent); len(e) != 1 || e[0].Sender != port(lineSrc) || e[0].TSpec != tspec(1000) || !e[0].HasAdSpec || e[0].AdSpec.General.Hops != 2 || e[0].InIf != 1 {
		t.Errorf("upcalls %+v", e)
	}
	finish(t, l.Net, l.s, l.d)
}

// TestPathTTL: a Path whose TTL is used up is not sent on (RFC 2209, PATH
// REFRESH), though its state is kept.
func TestPathTTL(t *testing.T) {
	l := newLine(t, nil)
	l.s.call(func(now machine.Time, n *node.Node) error {
		return n.Sender(now, l.s.id, node.SenderSpec{Src: port(lineSrc), TSpec: tspec(1000), TTL: 1})
	})
	l.RunFor(time.Second)
	expect(t, "sent", texts(l.Net, rsvp.Path), "S Path 10.0.2.1/17:5000 10.0.1.1:4000")
	if c := l.R.Node.Counters(); c.Paths != 1 || c.Drops[node.DropTTL] != 1 {
		t.Errorf("%+v", c)
	}
	finish(t, l.Net, l.s, l.d)
}

// TestADSPEC: each outgoing interface's own values are composed in (RFC 2205
// section 2.1, RFC 2210 section 3.3).
func TestADSPEC(t *testing.T) {
	l := newLine(t, nil)
	l.R.Do(func(now machine.Time, n *node.Node) {
		n.Configure(now, node.Interface{Index: 1, Rate: 1_000_000, Share: 0.5, Latency: 300 * time.Microsecond, C: 7, D: 9, NoControlledLoad: true})
	})
	l.S.Do(func(now machine.Time, n *node.Node) {
		n.Configure(now, node.Interface{Index: 1, Rate: 2_000_000, Latency: time.Millisecond, C: 1, D: 2})
	})
	l.s.sender(lineSrc, 1000)
	l.RunFor(time.Second)
	_, m := last(t, l.Net)
	want := intserv.AdSpec{
		General:        intserv.Params{Set: intserv.HasAll, Hops: 2, Bandwidth: 500_000, Latency: 1300, MTU: 1500},
		Guaranteed:     intserv.GuaranteedAd{Present: true, Filled: true, Ctot: 8, Dtot: 11, Csum: 8, Dsum: 11},
		ControlledLoad: intserv.ControlledLoadAd{Present: true, Break: true},
	}
	if m.AdSpec != want {
		t.Errorf("%+v\nwant %+v", m.AdSpec, want)
	}
	finish(t, l.Net, l.s, l.d)
}

// TestOffers: a sender can leave the ADSPEC out, or services out of it.
func TestOffers(t *testing.T) {
	l := newLine(t, nil)
	for i, spec := range []node.SenderSpec{
		{Src: port(lineSrc), TSpec: tspec(1), NoAdSpec: true},
		{Src: port(lineSrc), TSpec: tspec(1), Services: []intserv.Service{intserv.ControlledLoad}},
		{Src: port(lineSrc), TSpec: tspec(1), Services: []intserv.Service{}},
	} {
		l.s.call(func(now machine.Time, n *node.Node) error { return n.Sender(now, l.s.id, spec) })
		l.RunFor(time.Second)
		_, m := last(t, l.Net)
		if m.HasAdSpec != (i != 0) || m.AdSpec.Guaranteed.Present || m.AdSpec.ControlledLoad.Present != (i == 1) {
			t.Errorf("%d: %+v", i, m.AdSpec)
		}
	}
	finish(t, l.Net, l.s, l.d)
}

// TestNonRSVPHop: a hop without RSVP shows in the TTL; it sets the global break
// bit (RFC 2205 sections 2.9 and 3.8), and Resv still finds its way.
func TestNonRSVPHop(t *testing.T) {
	n := nodetest.New(1)
	s, x, r, d := n.Host("S", nodetest.EndHost, nil), n.Host("X", nodetest.NoRSVP, nil), n.Host("R", nodetest.Router, nil), n.Host("D", nodetest.EndHost, nil)
	a, b, c := n.Segment(), n.Segment(), n.Segment()
	s.Attach(a, "10.0.1.1")
	x.Attach(a, "10.0.1.254")
	x.Attach(b, "10.0.9.1")
	r.Attach(b, "10.0.9.254")
	r.Attach(c, "10.0.2.254")
	d.Attach(c, "10.0.2.1")
	sa, da := register(t, s, lineDst), register(t, d, lineDst)
	sa.sender(lineSrc, 1000)
	n.RunFor(time.Second)
	e := d.Events(node.PathEvent)
	if len(e) != 1 || !e[0].AdSpec.Break || e[0].AdSpec.General.Hops != 2 {
		t.Fatalf("%+v", e)
	}
	da.confirm(rsvp.FF, flow(load(1000), lineSrc))
	n.RunFor(time.Second)
	if len(s.Events(node.ResvEvent)) != 1 || len(d.Events(node.ResvConfirm)) != 1 {
		t.Errorf("reservation: %v, %v", s.Upcalls, d.Upcalls)
	}
	if i := r.Node.Snapshot(rsvp.Session{}, 1); !i[0].Paths[0].NonRSVP {
		t.Errorf("%+v", i)
	}
	finish(t, n, sa, da)
}

// TestPathChange: a changed Tspec goes through at once and is reported; an equal
// one is a refresh and is not (RFC 2205 section 2.3).
func TestPathChange(t *testing.T) {
	l := newLine(t, nil)
	l.up(1000)
	l.Log = nil
	l.s.sender(lineSrc, 1500)
	l.RunFor(time.Second)
	expect(t, "sent", texts(l.Net, rsvp.Path, rsvp.Resv), "S Path 10.0.2.1/17:5000 10.0.1.1:4000", "R Path 10.0.2.1/17:5000 10.0.1.1:4000")
	if e := l.D.Events(node.PathEvent); len(e) != 2 || e[1].TSpec != tspec(1500) {
		t.Errorf("%+v", e)
	}
	l.RunFor(5 * time.Minute)
	if e := l.D.Events(node.PathEvent); len(e) != 2 {
		t.Errorf("%d upcalls after refreshes", len(e))
	}
	finish(t, l.Net, l.s, l.d)
}

// TestRefreshAndExpiry: RFC 2205 section 3.7: refreshes come at random times in
// [0.5R, 1.5R]; state lives (K+0.5)*1.5*R after the last one.
func TestRefreshAndExpiry(t *testing.T) {
	l := newLine(t, nil)
	l.s.sender(lineSrc, 1000)
	l.RunFor(3 * time.Hour)
	var times []machine.Time
	for _, s := range l.Log {
		if s.From == "S" {
			times = append(times, s.At)
		}
	}
	low, high := time.Hour, time.Duration(0)
	for i := 1; i < len(times); i++ {
		d := times[i].Sub(times[i-1])
		low, high = min(low, d), max(high, d)
	}
	if low < 15*time.Second || high > 45*time.Second || low > 17*time.Second || high < 43*time.Second || len(times) < 300 {
		t.Errorf("%d refreshes, %v to %v apart", len(times), low, high)
	}
	l.Lose = func(s nodetest.Sent) bool { return s.From == "S" }
	received := times[len(times)-1].Add(nodetest.Delay)
	const lifetime = 157500 * time.Millisecond // (3+0.5)*1.5*30 s
	l.Run(received.Add(lifetime - 1))
	if l.R.Node.Counters().Paths != 1 {
		t.Error("gone before its time")
	}
	l.Log = nil
	l.Run(received.Add(lifetime))
	if c := l.R.Node.Counters(); c.Paths != 0 || c.PathExpired != 1 {
		t.Errorf("%+v", c)
	}
	if s, m := last(t, l.Net); m.Type != rsvp.PathTear || s.Cause != node.CausePathTearExpire {
		t.Errorf("%v", s)
	}
	l.RunFor(time.Second)
	if e := l.D.Events(node.PathTear); len(e) != 1 || e[0].Left != 0 {
		t.Errorf("%+v", e)
	}
	finish(t, l.Net, l.s, l.d)
}

// TestTwoLossesOfThree: K = 3 tolerates two losses in a row (RFC 2205 section
// 3.7).
func TestTwoLossesOfThree(t *testing.T) {
	l := newLine(t, nil).up(1000)
	i := map[string]int{}
	l.Lose = func(s nodetest.Sent) bool {
		key := s.From + nodetest.Text(s.Payload)
		i[key]++
		return i[key]%3 != 0
	}
	l.RunFor(4 * time.Hour)
	for _, h := range l.Hosts {
		if c := h.Node.Counters(); c.PathExpired+c.ResvExpired != 0 {
			t.Errorf("%s: %+v", h.Name, c)
		}
	}
	if len(l.S.Events(node.ResvEvent)) != 1 || len(l.S.Events(node.ResvTear)) != 0 {
		t.Errorf("%v", l.S.Upcalls)
	}
	finish(t, l.Net, l.s, l.d)
}

// TestPathTear: RFC 2205 section 3.1.5: the tear takes reservations along, goes
// on downstream with the sender's address, and sends nothing upstream.
func TestPathTear(t *testing.T) {
	l := newLine(t, nil).up(1000)
	l.Log = nil
	l.s.unsend(lineSrc)
	l.RunFor(time.Second)
	expect(t, "sent", l.Take(),
		"2s S>1 PathTear 10.0.2.1/17:5000 10.0.1.1:4000 [rsvp/pathtear/release]",
		"2.001s R>1 PathTear 10.0.2.1/17:5000 10.0.1.1:4000 [rsvp/pathtear/forward]")
	expect(t, "router", []string{state(l.R)}, "")
	if used, _ := l.R.Node.Reserved(1); used != 0 {
		t.Errorf("%d bytes/s still admitted", used)
	}
	// The receiver's request stands: when the sender comes back, so does Resv.
	l.s.sender(lineSrc, 1000)
	l.RunFor(time.Second)
	expect(t, "again", texts(l.Net, rsvp.Resv),
		"D Resv 10.0.2.1/17:5000 FF [10.0.1.1:4000]{1000}", "R Resv 10.0.2.1/17:5000 FF [10.0.1.1:4000]{1000}")
	finish(t, l.Net, l.s, l.d)
}

// TestPathTearMatch: a tear from another previous hop, interface or sender
// changes nothing.
func TestPathTearMatch(t *testing.T) {
	l := newLine(t, nil).up(1000)
	l.Log = nil
	tear := rsvp.Message{Type: rsvp.PathTear, Session: rsvp.Session{Dst: addr("10.0.2.1"), Proto: 17, DstPort: 5000},
		Hop: rsvp.Hop{Addr: addr("10.0.1.9"), LIH: 1}, Sender: rsvp.NewFilterSpec(port(lineSrc)), HasTSpec: true, TSpec: tspec(1000)}
	inject(t, l.R, 2, "10.0.1.1", "10.0.2.1", tear)
	tear.Hop.Addr, tear.Sender.Port = addr("10.0.1.1"), 4001
	inject(t, l.R, 2, "10.0.1.1", "10.0.2.1", tear)
	tear.Session.DstPort++
	inject(t, l.R, 2, "10.0.1.1", "10.0.2.1", tear)
	tear.Sender = rsvp.FilterSpec{}
	tear.HasTSpec = false
	inject(t, l.R, 2, "10.0.1.1", "10.0.2.1", tear)
	if c := l.R.Node.Counters(); len(l.Log) != 0 || c.Paths != 1 || c.Drops[node.DropNoState] != 4 {
		t.Errorf("%+v, sent %v", c, l.Log)
	}
	finish(t, l.Net, l.s, l.d)
}

// TestPathErrors: what is wrong with a Path is answered to its previous hop and
// reaches the sending application (RFC 2205 section 3.1.7 and Appendix B).
func TestPathErrors(t *testing.T) {
	good := rsvp.Message{Type: rsvp.Path, Session: rsvp.Session{Dst: addr("10.0.2.1"), Proto: 17, DstPort: 5000},
		Hop: rsvp.Hop{Addr: addr("10.0.1.1"), LIH: 1}, TimeValues: rsvp.TimeValues{RefreshMS: 30000},
		Sender: rsvp.NewFilterSpec(port(lineSrc)), HasTSpec: true, TSpec: tspec(1000)}
	tests := []struct {
		name   string
		change func(*rsvp.Message)
		code   rsvp.ErrorCode
		value  uint16
	}{
		{"bad Tspec", func(m *rsvp.Message) { m.TSpec.Rate = -1 }, rsvp.CodeTrafficControl, rsvp.ValueBadTSpec},
		{"bad Adspec", func(m *rsvp.Message) {
			m.HasAdSpec, m.AdSpec = true, intserv.AdSpec{General: intserv.Params{Set: intserv.HasAll, Bandwidth: intserv.Infinity()}}
		}, rsvp.CodeTrafficControl, rsvp.ValueBadAdSpec},
		{"conflicting dest ports", func(m *rsvp.Message) { m.Session.DstPort, m.Sender.Port = 0, 0 }, rsvp.CodeDstPorts, 0},
		{"conflicting sender ports", func(m *rsvp.Message) { m.Sender.Port = 0 }, rsvp.CodeSenderPorts, 0},
		{"unknown class", func(m *rsvp.Message) { m.Unknown = []rsvp.Raw{rawObject(99, 5)} }, rsvp.CodeUnknownClass, 99<<8 | 5},
	}
	for _, tc := range tests {
		l := newLine(t, nil).up(1000)
		l.Log = nil
		m := good
		tc.change(&m)
		inject(t, l.R, 2, "10.0.1.1", "10.0.2.1", m)
		if s, e := last(t, l.Net); e.Type != rsvp.PathErr || s.Dst != addr("10.0.1.1") || s.Src != addr("10.0.1.254") || s.RouterAlert ||
			e.Error != (rsvp.ErrorSpec{Node: addr("10.0.1.254"), Code: tc.code, Value: tc.value}) || e.Sender != m.Sender {
			t.Errorf("%s: %v", tc.name, s)
		}
		if c := l.R.Node.Counters(); c.Paths != 1 || c.Sessions != 1 {
			t.Errorf("%s left state: %+v", tc.name, c)
		}
		finish(t, l.Net, l.s, l.d)
	}
}

// TestUnknownCType: a sender template of an unknown form is answered with error
// 14 (RFC 2205 section 3.10).
func TestUnknownCType(t *testing.T) {
	l := newLine(t, nil)
	m := rsvp.Message{Type: rsvp.Path, SendTTL: 64, Session: rsvp.Session{Dst: addr("10.0.2.1"), Proto: 17, DstPort: 5000},
		Hop: rsvp.Hop{Addr: addr("10.0.1.1"), LIH: 1}, TimeValues: rsvp.TimeValues{RefreshMS: 30000},
		Sender: rsvp.NewFilterSpec(port(lineSrc)), HasTSpec: true, TSpec: tspec(1000), NoChecksum: true}
	b, err := m.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.Index(b, byte(rsvp.ClassSenderTemplate))
	b[i+1] = 77
	l.R.Do(func(now machine.Time, n *node.Node) {
		n.HandleMessage(now, node.Incoming{InIf: 2, Src: addr("10.0.1.1"), Dst: addr("10.0.2.1"), TTL: 64, Payload: b})
	})
	if _, e := last(t, l.Net); e.Type != rsvp.PathErr || e.Error.Code != rsvp.CodeUnknownCType || e.Error.Value != 11<<8|77 || e.Sender.IsValid() {
		t.Errorf("%+v", e)
	}
	finish(t, l.Net, l.s, l.d)
}

// TestPathErrReachesSender: hop by hop, and the application is told.
func TestPathErrReachesSender(t *testing.T) {
	l := newLine(t, nil).up(1000)
	l.Log = nil
	m := rsvp.Message{Type: rsvp.PathErr, Session: rsvp.Session{Dst: addr("10.0.2.1"), Proto: 17, DstPort: 5000},
		Error: rsvp.ErrorSpec{Node: addr("10.0.2.1"), Code: rsvp.CodePolicy, Value: 5}, Sender: rsvp.NewFilterSpec(port(lineSrc)), HasTSpec: true, TSpec: tspec(1000),
		Unknown: []rsvp.Raw{rawObject(0xc9, 1)}}
	inject(t, l.R, 1, "10.0.2.1", "10.0.2.254", m)
	if s, e := last(t, l.Net); s.Dst != addr("10.0.1.1") || e.Error != m.Error || len(e.Unknown) != 1 {
		t.Errorf("%v", s)
	}
	l.RunFor(time.Second)
	if e := l.S.Events(node.PathError); len(e) != 1 || e[0].Error != m.Error || e[0].Sender != port(lineSrc) || e[0].Session != l.s.id {
		t.Errorf("%+v", e)
	}
	m.Sender.Port++
	inject(t, l.R, 1, "10.0.2.1", "10.0.2.254", m)
	if l.R.Node.Counters().Drops[node.DropNoState] != 1 {
		t.Error("no drop")
	}
	finish(t, l.Net, l.s, l.d)
}

func rawObject(class, ctype uint8) rsvp.Raw {
	var r rsvp.Raw
	r.Class, r.CType, r.Body = class, ctype, []byte("data")
	return r
}

// TestUnknownForwarded: classes 11bbbbbb and POLICY_DATA are kept with the state
// and sent on with it; 10bbbbbb are dropped (RFC 2205 section 3.10).
func TestUnknownForwarded(t *testing.T) {
	l := newLine(t, nil)
	m := rsvp.Message{Type: rsvp.Path, Session: rsvp.Session{Dst: addr("10.0.2.1"), Proto: 17, DstPort: 5000},
		Hop: rsvp.Hop{Addr: addr("10.0.1.1"), LIH: 1}, TimeValues: rsvp.TimeValues{RefreshMS: 30000},
		Sender: rsvp.NewFilterSpec(port(lineSrc)), HasTSpec: true, TSpec: tspec(1000),
		Policy: []rsvp.Raw{rawObject(14, 1)}, Unknown: []rsvp.Raw{rawObject(0xc8, 1), rawObject(0x88, 1), rawObject(0xc9, 2)}}
	inject(t, l.R, 2, "10.0.1.1", "10.0.2.1", m)
	check := func(m *rsvp.Message) {
		t.Helper()
		if len(m.Policy) != 1 || len(m.Unknown) != 2 || m.Unknown[0].Class != 0xc8 || m.Unknown[1].Class != 0xc9 || string(m.Unknown[1].Body) != "data" {
			t.Errorf("%+v %+v", m.Policy, m.Unknown)
		}
	}
	_, p := last(t, l.Net)
	check(p)
	lih := p.Hop.LIH
	l.RunFor(50 * time.Second)
	_, p = last(t, l.Net)
	check(p)
	// Resv: the union over the requests that are merged.
	for i, u := range []uint8{0xd1, 0xd2} {
		inject(t, l.R, 1, "10.0.2.1", "10.0.2.254", rsvp.Message{Type: rsvp.Resv, Session: m.Session, Hop: rsvp.Hop{Addr: addr("10.0.2.1").Next(), LIH: lih},
			TimeValues: m.TimeValues, Style: rsvp.WF, Flows: []rsvp.FlowDescriptor{{FlowSpec: load(1000)}}, Unknown: []rsvp.Raw{rawObject(0xd0, 1), rawObject(u, 1)}})
		if _, r := last(t, l.Net); r.Type != rsvp.Resv || len(r.Unknown) != 2 {
			t.Errorf("%d: %+v", i, r.Unknown)
		}
	}
	inject(t, l.R, 1, "10.0.2.1", "10.0.2.254", rsvp.Message{Type: rsvp.Resv, Session: m.Session, Hop: rsvp.Hop{Addr: addr("10.0.2.1"), LIH: lih},
		TimeValues: m.TimeValues, Style: rsvp.WF, Flows: []rsvp.FlowDescriptor{{FlowSpec: load(1000)}}, Unknown: []rsvp.Raw{rawObject(0xd0, 1), rawObject(0xd3, 1)}})
	if _, r := last(t, l.Net); len(r.Unknown) != 3 {
		t.Errorf("union: %+v", r.Unknown)
	}
	l.RunFor(10 * time.Minute)
	finish(t, l.Net, l.s, l.d)
}

// TestRouteGrowsAndShrinks: RFC 2205 section 3.6 and RFC 2209, route change: a
// new branch gets Path at once; on a branch that goes, reservations go.
func TestRouteGrowsAndShrinks(t *testing.T) {
	n := nodetest.New(2)
	r := n.Host("R", nodetest.Router, nil)
	a, b, c := n.Segment(), n.Segment(), n.Segment()
	s, d1, d2 := n.Host("S", nodetest.EndHost, nil), n.Host("D1", nodetest.EndHost, nil), n.Host("D2", nodetest.EndHost, nil)
	s.Attach(a, "10.0.1.1")
	r.Attach(a, "10.0.1.254")
	r.Attach(b, "10.0.2.254")
	r.Attach(c, "10.0.3.254")
	d1.Attach(b, "10.0.2.1")
	d2.Attach(c, "10.0.3.1")
	sa, a1, a2 := register(t, s, group), register(t, d1, group), register(t, d2, group)
	sa.sender(addr1, B)
	n.RunFor(time.Second)
	expect(t, "no member", texts(n, rsvp.Path), "S Path "+sess+" "+addr1)
	g := port(group).Addr()
	d1.Join(1, g)
	n.RunFor(time.Second)
	if s := n.Take(); len(s) != 1 || s[0] != "1s R>2 Path "+sess+" "+addr1+" [rsvp/path/repair]" {
		t.Errorf("first branch: %v", s)
	}
	d2.Join(1, g)
	n.RunFor(time.Second)
	if s := n.Take(); len(s) != 1 || s[0] != "2s R>3 Path "+sess+" "+addr1+" [rsvp/path/repair]" {
		t.Errorf("second branch: %v", s)
	}
	a1.reserve(rsvp.FF, flow(load(B), addr1))
	a2.reserve(rsvp.FF, flow(load(3*B), addr1))
	n.RunFor(time.Second)
	texts(n)
	d2.Leave(1, g)
	n.RunFor(time.Second)
	expect(t, "larger branch gone", texts(n, rsvp.Resv, rsvp.ResvTear), "R Resv "+sess+" FF ["+addr1+"]{1000}")
	expect(t, "router", []string{state(r)}, "FF paths=1 resvs=1 if2["+addr1+"]{1000}")
	d1.Leave(1, g)
	n.RunFor(time.Second)
	expect(t, "last branch gone", texts(n, rsvp.Resv, rsvp.ResvTear), "R ResvTear "+sess+" FF ["+addr1+"]{0}")
	if e := s.Events(node.ResvTear); len(e) != 1 || e[0].Left != 0 || e[0].Sender != port(addr1) {
		t.Errorf("%+v", e)
	}
	n.RunFor(10 * time.Minute) // D1 and D2 have not been told: their path state expires
	finish(t, n, sa, a1, a2)
}

// TestUnicastReroute: when the way changes, Path takes the new one, Resv follows
// it to the new previous hop at once, and the old way's state expires.
func TestUnicastReroute(t *testing.T) {
	n := nodetest.New(3)
	s, r1, r2, r3, d := n.Host("S", nodetest.EndHost, nil), n.Host("R1", nodetest.Router, nil), n.Host("R2", nodetest.Router, nil), n.Host("R3", nodetest.Router, nil), n.Host("D", nodetest.EndHost, nil)
	a, b, c, e, f := n.Segment(), n.Segment(), n.Segment(), n.Segment(), n.Segment()
	s.Attach(a, "10.0.1.1")
	r1.Attach(a, "10.0.1.254")
	up := r1.Attach(b, "10.0.11.1") // R1 to R3 directly
	r3.Attach(b, "10.0.11.2")
	r1.Attach(c, "10.0.12.1") // and by R2
	r2.Attach(c, "10.0.12.2")
	r2.Attach(e, "10.0.13.1")
	r3.Attach(e, "10.0.13.2")
	r3.Attach(f, "10.0.2.254")
	d.Attach(f, "10.0.2.1")
	sa, da := register(t, s, lineDst), register(t, d, lineDst)
	sa.sender(lineSrc, 1000)
	n.RunFor(time.Second)
	da.reserve(rsvp.FF, flow(load(1000), lineSrc))
	n.RunFor(time.Second)
	expect(t, "R2", []string{state(r2)}, "")
	n.Log = nil
	r1.Link(up, false)
	n.RunFor(time.Second)
	expect(t, "repair", texts(n, rsvp.Path, rsvp.Resv, rsvp.ResvTear, rsvp.PathTear),
		"R1 Path 10.0.2.1/17:5000 10.0.1.1:4000",
		"R2 Path 10.0.2.1/17:5000 10.0.1.1:4000",
		"R3 Path 10.0.2.1/17:5000 10.0.1.1:4000",
		"R3 Resv 10.0.2.1/17:5000 FF [10.0.1.1:4000]{1000}",
		"R2 Resv 10.0.2.1/17:5000 FF [10.0.1.1:4000]{1000}") // R1 keeps what S has
	for _, h := range []*nodetest.Host{r1, r2, r3} {
		if c := h.Node.Counters(); c.Paths != 1 || c.Reservations != 1 || c.Installed != 1 {
			t.Errorf("%s: %+v", h.Name, c)
		}
	}
	n.RunFor(10 * time.Minute)
	if len(s.Events(node.ResvTear)) != 0 || len(s.Events(node.ResvEvent)) != 1 {
		t.Errorf("%+v", s.Upcalls)
	}
	finish(t, n, sa, da)
}

// TestTwoPathsOneSender: the same sender's Path from two interfaces of a router:
// only the one from the interface that routing expects is forwarded (RFC 2205
// section 3.1.3).
func TestTwoPathsOneSender(t *testing.T) {
	f := newFigure4(t)
	m := rsvp.Message{Type: rsvp.Path, Session: rsvp.Session{Dst: port(group).Addr(), Proto: 17, DstPort: 5000},
		Hop: rsvp.Hop{Addr: addr("10.0.2.9"), LIH: 1}, TimeValues: rsvp.TimeValues{RefreshMS: 1000},
		Sender: rsvp.NewFilterSpec(port(addr1)), HasTSpec: true, TSpec: tspec(B)}
	inject(t, f.router, 2, "10.0.1.1", "224.2.2.2", m)
	if len(f.Log) != 0 || f.router.Node.Counters().Paths != 4 {
		t.Errorf("%v", f.Log)
	}
	f.r1.reserve(rsvp.FF, flow(load(B), addr1))
	f.RunFor(time.Second)
	expect(t, "Resv", texts(f.Net, rsvp.Resv), "R1 Resv "+sess+" FF [10.0.1.1:1]{1000}", "R Resv "+sess+" FF [10.0.1.1:1]{1000}")
	f.RunFor(time.Minute) // the stray one expires
	if f.router.Node.Counters().Paths != 3 {
		t.Error("the stray path state is still there")
	}
	f.end(t)
}

// TestIPv6: the line over IPv6, guaranteed service, confirmed.
func TestIPv6(t *testing.T) {
	l := newLine(t, nil)
	const src, dst = "[2001:db8:1::1]:4000", "[2001:db8:2::1]:5000"
	sa, da := register(t, l.S, dst), register(t, l.D, dst)
	sa.sender(src, 1000)
	l.RunFor(time.Second)
	da.confirm(rsvp.FF, flow(guaranteed(1000, 2000), src))
	l.RunFor(time.Second)
	expect(t, "sent", texts(l.Net, rsvp.Path, rsvp.Resv, rsvp.ResvConf),
		"S Path 2001:db8:2::1/17:5000 [2001:db8:1::1]:4000",
		"R Path 2001:db8:2::1/17:5000 [2001:db8:1::1]:4000",
		"D Resv 2001:db8:2::1/17:5000 FF [[2001:db8:1::1]:4000]{2000} confirm 2001:db8:2::1",
		"R Resv 2001:db8:2::1/17:5000 FF [[2001:db8:1::1]:4000]{2000} confirm 2001:db8:2::1",
		"S ResvConf 2001:db8:2::1/17:5000 FF [[2001:db8:1::1]:4000]{2000} confirm 2001:db8:2::1",
		"R ResvConf 2001:db8:2::1/17:5000 FF [[2001:db8:1::1]:4000]{2000} confirm 2001:db8:2::1")
	noDrops(t, l.Net)
	finish(t, l.Net, sa, da, l.s, l.d)
}

// TestLinkLocalHop: a previous hop with a link-local address is answered on its
// interface; others by route.
func TestLinkLocalHop(t *testing.T) {
	l := newLine(t, nil)
	const src, dst = "[2001:db8:1::1]:4000", "[2001:db8:2::1]:5000"
	da := register(t, l.D, dst)
	da.reserve(rsvp.FF, flow(load(1000), src))
	for _, tc := range []struct {
		hop   string
		outIf int
	}{{"fe80::9", 1}, {"2001:db8:2::9", 0}} {
		inject(t, l.D, 1, "2001:db8:1::1", "2001:db8:2::1", rsvp.Message{Type: rsvp.Path,
			Session: rsvp.Session{Dst: port(dst).Addr(), Proto: 17, DstPort: 5000}, Hop: rsvp.Hop{Addr: addr(tc.hop), LIH: 1},
			TimeValues: rsvp.TimeValues{RefreshMS: 1000}, Sender: rsvp.NewFilterSpec(port(src)), HasTSpec: true, TSpec: tspec(1000)})
		if s, m := last(t, l.Net); m.Type != rsvp.Resv || s.Dst != addr(tc.hop) || s.OutIf != tc.outIf || s.Src != addr("2001:db8:2::1") || s.TTL != 255 || m.SendTTL != 255 || s.RouterAlert {
			t.Errorf("%+v", s)
		}
	}
	l.RunFor(10 * time.Second)
	finish(t, l.Net, da, l.s, l.d)
}
