package node_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/node"
	"github.com/mpstack/mpstack/rsvp/node/nodetest"
)

const unicast = "10.0.2.1/17:5000"

// TestSetUp is the whole exchange, message by message, with confirmation.
func TestSetUp(t *testing.T) {
	l := newLine(t, nil)
	l.s.sender(lineSrc, 1000)
	l.d.confirm(rsvp.FF, flow(guaranteed(1000, 2000), lineSrc))
	l.RunFor(time.Second)
	l.d.unreserve()
	l.RunFor(time.Second)
	l.s.release()
	l.RunFor(time.Second)
	expect(t, "messages", l.Take(),
		"0s S>1 Path "+unicast+" 10.0.1.1:4000 [rsvp/path/new]",
		"1ms R>1 Path "+unicast+" 10.0.1.1:4000 [rsvp/path/new]",
		"2ms D>0 Resv "+unicast+" FF [10.0.1.1:4000]{2000} confirm 10.0.2.1 [rsvp/resv/new]",
		"3ms R>0 Resv "+unicast+" FF [10.0.1.1:4000]{2000} confirm 10.0.2.1 [rsvp/resv/new]",
		"4ms S>0 ResvConf "+unicast+" FF [10.0.1.1:4000]{2000} confirm 10.0.2.1 [rsvp/resvconf/send]",
		"5ms R>0 ResvConf "+unicast+" FF [10.0.1.1:4000]{2000} confirm 10.0.2.1 [rsvp/resvconf/forward]",
		"1s D>0 ResvTear "+unicast+" FF [10.0.1.1:4000]{0} [rsvp/resvtear/change]",
		"1.001s R>0 ResvTear "+unicast+" FF [10.0.1.1:4000]{0} [rsvp/resvtear/change]",
		"2s S>1 PathTear "+unicast+" 10.0.1.1:4000 [rsvp/pathtear/release]",
		"2.001s R>1 PathTear "+unicast+" 10.0.1.1:4000 [rsvp/pathtear/forward]")
	for i, want := range []struct {
		h    *nodetest.Host
		kind []node.UpcallKind
	}{{l.S, []node.UpcallKind{node.ResvEvent, node.ResvTear}}, {l.D, []node.UpcallKind{node.PathEvent, node.ResvConfirm, node.PathTear}}} {
		var got []node.UpcallKind
		for _, u := range want.h.Upcalls {
			got = append(got, u.Kind)
		}
		if !slices.Equal(got, want.kind) {
			t.Errorf("%d: upcalls %v, want %v", i, got, want.kind)
		}
	}
	e := l.S.Upcalls[0]
	if e.Sender != port(lineSrc) || e.Style != rsvp.FF || e.FlowSpec != guaranteed(1000, 2000) || len(e.Filters) != 1 || e.Session != l.s.id {
		t.Errorf("%+v", e)
	}
	c := l.D.Upcalls[1]
	if c.FlowSpec != guaranteed(1000, 2000) || c.Error.Node != addr("10.0.1.1") || c.Error.Code != 0 || c.Session != l.d.id {
		t.Errorf("%+v", c)
	}
	noDrops(t, l.Net)
	finish(t, l.Net, l.s, l.d)
}

// TestResvOnTheWire: RFC 2205 section 3.1.4: hop by hop to the previous hop, its
// handle given back, our address as next hop, TTL 255, no Router Alert.
func TestResvOnTheWire(t *testing.T) {
	l := newLine(t, nil).up(1000)
	for _, s := range l.Log {
		var m rsvp.Message
		if err := m.Decode(s.Payload); err != nil || m.Type != rsvp.Resv {
			continue
		}
		want := map[string][3]string{"D": {"10.0.2.1", "10.0.2.254", "10.0.2.1"}, "R": {"10.0.1.254", "10.0.1.1", "10.0.1.254"}}[s.From]
		if s.Src != addr(want[0]) || s.Dst != addr(want[1]) || m.Hop.Addr != addr(want[2]) || s.TTL != 255 || m.SendTTL != 255 || s.RouterAlert || m.Hop.LIH != 1 {
			t.Errorf("%v %+v", s, m.Hop)
		}
	}
	finish(t, l.Net, l.s, l.d)
}

// TestLIH: the reservation goes on the interface that the handle names, wherever
// the message comes in; an unknown handle is dropped (RFC 2205 section 2.9).
func TestLIH(t *testing.T) {
	l := newLine(t, nil)
	l.s.sender(lineSrc, 1000)
	l.RunFor(time.Second)
	_, p := last(t, l.Net)
	m := rsvp.Message{Type: rsvp.Resv, Session: p.Session.Key(), Hop: rsvp.Hop{Addr: addr("10.0.2.1"), LIH: p.Hop.LIH},
		TimeValues: rsvp.TimeValues{RefreshMS: 1000}, Style: rsvp.FF,
		Flows: []rsvp.FlowDescriptor{{FlowSpec: load(1000), Filters: []rsvp.FilterSpec{p.Sender}}}}
	bad := m
	bad.Hop.LIH = 77
	inject(t, l.R, 2, "10.0.2.1", "10.0.1.254", bad)
	bad.Type, bad.TimeValues = rsvp.ResvTear, rsvp.TimeValues{}
	inject(t, l.R, 2, "10.0.2.1", "10.0.1.254", bad)
	if c := l.R.Node.Counters(); c.Drops[node.DropLIH] != 2 || c.Reservations != 0 {
		t.Errorf("%+v", c)
	}
	inject(t, l.R, 2, "10.0.2.1", "10.0.1.254", m) // came in from the wrong side
	expect(t, "by handle", []string{state(l.R)}, "FF paths=1 resvs=1 if1[10.0.1.1:4000]{1000}")
	m.Hop.LIH = 0
	inject(t, l.R, 1, "10.0.2.1", "10.0.2.254", m) // no handle: where it came in
	expect(t, "without", []string{state(l.R)}, "FF paths=1 resvs=1 if1[10.0.1.1:4000]{1000}")
	finish(t, l.Net, l.s, l.d)
}

// TestResvErrors: RFC 2205 Appendix B, as far as a Resv can cause them: ResvErr
// to the next hop, one a flow descriptor, with style, descriptor and our
// address; no state is left.
func TestResvErrors(t *testing.T) {
	good := rsvp.Message{Type: rsvp.Resv, Session: rsvp.Session{Dst: addr("10.0.2.1"), Proto: 17, DstPort: 5000},
		Hop: rsvp.Hop{Addr: addr("10.0.2.9")}, TimeValues: rsvp.TimeValues{RefreshMS: 30000}, Style: rsvp.FF,
		Flows: []rsvp.FlowDescriptor{{FlowSpec: load(1000), Filters: []rsvp.FilterSpec{rsvp.NewFilterSpec(port(lineSrc))}}}}
	other := []rsvp.FilterSpec{rsvp.NewFilterSpec(port("10.0.1.1:4001"))}
	tests := []struct {
		name   string
		change func(*rsvp.Message)
		code   rsvp.ErrorCode
		value  uint16
		count  int
	}{
		{"no path", func(m *rsvp.Message) { m.Session.DstPort++ }, rsvp.CodeNoPath, 0, 1},
		{"no path, two descriptors", func(m *rsvp.Message) {
			m.Session.DstPort++
			m.Flows = append(m.Flows, rsvp.FlowDescriptor{FlowSpec: load(1000), Omitted: true, Filters: other})
		}, rsvp.CodeNoPath, 0, 2},
		{"no sender", func(m *rsvp.Message) { m.Flows[0].Filters = other }, rsvp.CodeNoSender, 0, 1},
		{"style conflict", func(m *rsvp.Message) { m.Style = rsvp.SE }, rsvp.CodeStyleConflict, uint16(rsvp.FF), 1},
		{"unknown style", func(m *rsvp.Message) { m.Style = 0x1b }, rsvp.CodeUnknownStyle, 0, 1},
		{"dest ports", func(m *rsvp.Message) {
			m.Session.DstPort, m.Flows[0].Filters = 0, []rsvp.FilterSpec{{Src: addr("10.0.1.1")}}
		}, rsvp.CodeDstPorts, 0, 1},
		{"bad flowspec", func(m *rsvp.Message) { m.Flows[0].FlowSpec.TSpec.Depth = 0 }, rsvp.CodeTrafficControl, rsvp.ValueBadFlowSpec, 1},
		{"service conflict", func(m *rsvp.Message) { m.Flows[0].FlowSpec = guaranteed(1000, 1000) }, rsvp.CodeTrafficControl, rsvp.ValueServiceConflict, 1},
		{"unknown class", func(m *rsvp.Message) { m.Unknown = []rsvp.Raw{rawObject(99, 5)} }, rsvp.CodeUnknownClass, 99<<8 | 5, 1},
	}
	for _, tc := range tests {
		l := newLine(t, nil).up(1000)
		l.Log = nil
		m := good
		m.Flows = slices.Clone(good.Flows)
		tc.change(&m)
		inject(t, l.R, 1, "10.0.2.9", "10.0.2.254", m)
		if len(l.Log) != tc.count {
			t.Fatalf("%s: %v", tc.name, l.Log)
		}
		for i, s := range l.Log {
			var e rsvp.Message
			if err := e.Decode(s.Payload); err != nil {
				t.Fatal(err)
			}
			if e.Type != rsvp.ResvErr || s.Dst != addr("10.0.2.9") || s.Src != addr("10.0.2.254") || e.Hop.Addr != s.Src || e.Style != m.Style ||
				e.Error != (rsvp.ErrorSpec{Node: addr("10.0.2.254"), Code: tc.code, Value: tc.value}) || e.Flows[0].FlowSpec != m.Flows[i].FlowSpec ||
				!slices.Equal(e.Flows[0].Filters, m.Flows[i].Filters) {
				t.Errorf("%s: %v %+v", tc.name, s, e.Error)
			}
		}
		if c := l.R.Node.Counters(); c.Reservations != 1 || c.Installed != 1 || c.Sessions != 1 {
			t.Errorf("%s left state: %+v", tc.name, c)
		}
		l.RunFor(time.Second)
		finish(t, l.Net, l.s, l.d)
	}
}

// TestPartlyGood: of two FF descriptors the good one is kept (RFC 2205 section
// 3.1.8); of SE filters those without sender are left out (RFC 2209).
func TestPartlyGood(t *testing.T) {
	for _, style := range []rsvp.Style{rsvp.FF, rsvp.SE} {
		l := newLine(t, nil)
		l.s.sender(lineSrc, 1000)
		l.RunFor(time.Second)
		l.Log = nil
		one, two := rsvp.NewFilterSpec(port(lineSrc)), rsvp.NewFilterSpec(port("10.0.1.1:1"))
		m := rsvp.Message{Type: rsvp.Resv, Session: rsvp.Session{Dst: addr("10.0.2.1"), Proto: 17, DstPort: 5000},
			Hop: rsvp.Hop{Addr: addr("10.0.2.9")}, TimeValues: rsvp.TimeValues{RefreshMS: 1000}, Style: style}
		errs := 0
		if style == rsvp.FF {
			m.Flows, errs = []rsvp.FlowDescriptor{{FlowSpec: load(1000), Filters: []rsvp.FilterSpec{two}}, {FlowSpec: load(1000), Filters: []rsvp.FilterSpec{one}}}, 1
		} else {
			m.Flows = []rsvp.FlowDescriptor{{FlowSpec: load(1000), Filters: []rsvp.FilterSpec{two, one}}}
		}
		inject(t, l.R, 1, "10.0.2.9", "10.0.2.254", m)
		if n := len(texts(l.Net, rsvp.ResvErr)); n != errs {
			t.Errorf("%v: %d ResvErr", style, n)
		}
		expect(t, "state", []string{state(l.R)}, style.String()+" paths=1 resvs=1 if1[10.0.1.1:4000]{1000}")
		l.RunFor(time.Minute)
		finish(t, l.Net, l.s, l.d)
	}
}

// TestResvExpiry: a receiver that falls silent is torn down all the way (RFC
// 2205 section 2.4); with SE each filter has its own time.
func TestResvExpiry(t *testing.T) {
	l := newLine(t, nil)
	l.s.sender(lineSrc, 1000).sender("10.0.1.1:4001", 1000)
	l.RunFor(time.Second)
	l.d.reserve(rsvp.SE, flow(load(1000), lineSrc+" 10.0.1.1:4001"))
	l.RunFor(time.Second)
	l.d.reserve(rsvp.SE, flow(load(1000), lineSrc)) // sends ResvTear for the other; it is lost below
	l.Lose = func(s nodetest.Sent) bool { return s.From == "D" && s.Payload[1] == byte(rsvp.ResvTear) }
	l.Run(l.Now)
	l.RunFor(10 * time.Minute)
	expect(t, "one filter", []string{state(l.R)}, "SE paths=2 resvs=1 if1[10.0.1.1:4000]{1000}")
	l.Lose = func(s nodetest.Sent) bool { return s.From == "D" }
	l.Log = nil
	l.RunFor(10 * time.Minute)
	expect(t, "router", []string{state(l.R)}, "style 0x0 paths=2 resvs=0")
	if got := texts(l.Net, rsvp.ResvTear); !slices.Contains(got, "R ResvTear "+unicast+" SE [10.0.1.1:4000]{0}") {
		t.Errorf("%v", got)
	}
	if c := l.R.Node.Counters(); c.ResvExpired == 0 {
		t.Errorf("%+v", c)
	}
	finish(t, l.Net, l.s, l.d)
}

// TestSharedTear: several senders of a shared reservation are taken back in one
// ResvTear.
func TestSharedTear(t *testing.T) {
	l := newLine(t, nil)
	l.s.sender("10.0.1.1:1", 1000).sender("10.0.1.1:2", 1000).sender("10.0.1.1:3", 1000)
	l.RunFor(time.Second)
	l.d.reserve(rsvp.SE, flow(load(1000), "10.0.1.1:1 10.0.1.1:2 10.0.1.1:3"))
	l.RunFor(time.Second)
	l.Log = nil
	l.d.reserve(rsvp.SE, flow(load(1000), "10.0.1.1:2"))
	l.RunFor(time.Second)
	expect(t, "some", texts(l.Net, rsvp.Resv, rsvp.ResvTear),
		"D ResvTear "+unicast+" SE [10.0.1.1:1 10.0.1.1:3]{0}", "R ResvTear "+unicast+" SE [10.0.1.1:1 10.0.1.1:3]{0}")
	l.d.unreserve()
	l.RunFor(time.Second)
	expect(t, "the rest", texts(l.Net, rsvp.Resv, rsvp.ResvTear),
		"D ResvTear "+unicast+" SE [10.0.1.1:2]{0}", "R ResvTear "+unicast+" SE [10.0.1.1:2]{0}")
	noDrops(t, l.Net)
	finish(t, l.Net, l.s, l.d)
}

// TestResvTearMatch: a tear of another style, next hop or sender changes nothing.
func TestResvTearMatch(t *testing.T) {
	l := newLine(t, nil).up(1000)
	l.Log = nil
	tear := rsvp.Message{Type: rsvp.ResvTear, Session: rsvp.Session{Dst: addr("10.0.2.1"), Proto: 17, DstPort: 5000},
		Hop: rsvp.Hop{Addr: addr("10.0.2.1"), LIH: 1}, Style: rsvp.SE, Flows: []rsvp.FlowDescriptor{{Filters: []rsvp.FilterSpec{rsvp.NewFilterSpec(port(lineSrc))}}}}
	inject(t, l.R, 1, "10.0.2.1", "10.0.2.254", tear)
	tear.Style, tear.Hop.Addr = rsvp.FF, addr("10.0.2.7")
	inject(t, l.R, 1, "10.0.2.7", "10.0.2.254", tear)
	tear.Hop.Addr, tear.Flows[0].Filters[0].Port = addr("10.0.2.1"), 1
	inject(t, l.R, 1, "10.0.2.1", "10.0.2.254", tear)
	tear.Session.DstPort++
	inject(t, l.R, 1, "10.0.2.1", "10.0.2.254", tear)
	if c := l.R.Node.Counters(); c.Drops[node.DropStyle] != 1 || c.Drops[node.DropNoState] != 3 || c.Reservations != 1 || len(l.Log) != 0 {
		t.Errorf("%+v %v", c, l.Log)
	}
	finish(t, l.Net, l.s, l.d)
}

// TestConfirmAtMergePoint: a request that is no larger is confirmed where it
// merges, a larger one by the sender; once for each request (RFC 2205 section
// 2.6).
func TestConfirmAtMergePoint(t *testing.T) {
	f := newFigure4(t)
	f.r2.reserve(rsvp.FF, flow(load(3*B), addr1))
	f.RunFor(time.Second)
	confs := func() []string {
		f.RunFor(time.Second)
		return texts(f.Net, rsvp.ResvConf)
	}
	confs()
	f.r3.confirm(rsvp.FF, flow(load(B), addr1)) // smaller, same interface
	expect(t, "smaller, same interface", confs(), "R ResvConf "+sess+" FF [10.0.1.1:1]{1000} confirm 10.0.4.3")
	f.r3.confirm(rsvp.FF, flow(load(3*B), addr1)) // equal
	expect(t, "equal", confs(), "R ResvConf "+sess+" FF [10.0.1.1:1]{3000} confirm 10.0.4.3")
	f.r1.confirm(rsvp.FF, flow(load(2*B), addr1)) // smaller, another interface
	expect(t, "another interface", confs(), "R ResvConf "+sess+" FF [10.0.1.1:1]{2000} confirm 10.0.3.1")
	f.r1.confirm(rsvp.FF, flow(load(4*B), addr1)) // larger
	expect(t, "larger", confs(), "S1 ResvConf "+sess+" FF [10.0.1.1:1]{4000} confirm 10.0.3.1", "R ResvConf "+sess+" FF [10.0.1.1:1]{4000} confirm 10.0.3.1")
	f.r1.confirm(rsvp.FF, flow(load(4*B), addr1)) // the same again, asked again
	expect(t, "again", confs(), "S1 ResvConf "+sess+" FF [10.0.1.1:1]{4000} confirm 10.0.3.1", "R ResvConf "+sess+" FF [10.0.1.1:1]{4000} confirm 10.0.3.1")
	f.RunFor(5 * time.Minute)
	expect(t, "refreshes", confs())
	if n := len(f.r1.h.Events(node.ResvConfirm)); n != 3 {
		t.Errorf("%d confirmations at R1", n)
	}
	f.end(t)
}

// TestConfirmWildcard: with two previous hops the larger wildcard request is
// confirmed by each sender.
func TestConfirmWildcard(t *testing.T) {
	f := newFigure4(t)
	f.r1.confirm(rsvp.WF, flow(load(4*B), ""))
	f.RunFor(time.Second)
	if n := len(f.r1.h.Events(node.ResvConfirm)); n != 3 {
		t.Errorf("%d confirmations", n)
	}
	f.end(t)
}

// TestAdmission: the sum of what is admitted stays within the share; a request
// beyond it gets ResvErr 01/2; one in place stays and InPlace says so (RFC 2205
// sections 2.5 and 3.1.8).
func TestAdmission(t *testing.T) {
	l := newLine(t, nil)
	l.R.Do(func(now machine.Time, n *node.Node) {
		n.Configure(now, node.Interface{Index: 1, Rate: 10_000, Share: 0.5})
	})
	l.up(3000)
	if used, limit := l.R.Node.Reserved(1); used != 3000 || limit != 5000 {
		t.Errorf("%d of %d", used, limit)
	}
	l.s.sender("10.0.1.1:4001", 3000)
	l.RunFor(time.Second)
	l.Log = nil
	l.d.reserve(rsvp.FF, flow(load(3000), lineSrc), flow(load(3000), "10.0.1.1:4001"))
	l.RunFor(time.Second)
	expect(t, "second flow", texts(l.Net, rsvp.Resv, rsvp.ResvErr),
		"D Resv "+unicast+" FF [10.0.1.1:4000]{3000} [10.0.1.1:4001]{3000}",
		"R ResvErr "+unicast+" FF [10.0.1.1:4001]{3000} admission control failure (1/2) at 10.0.2.254 flags 0x0")
	if e := l.D.Events(node.ResvError); len(e) != 1 || e[0].Error.Code != rsvp.CodeAdmission || e[0].FlowSpec != load(3000) || e[0].Filters[0].Port != 4001 || e[0].Error.Flags != 0 {
		t.Errorf("%+v", e)
	}
	expect(t, "router", []string{state(l.R)}, "FF paths=2 resvs=1 if1[10.0.1.1:4000]{3000}")
	l.s.sender(lineSrc, 6000)
	l.RunFor(time.Second)
	l.Log = nil
	l.d.reserve(rsvp.FF, flow(load(6000), lineSrc))
	l.RunFor(time.Second)
	expect(t, "more for the first", texts(l.Net, rsvp.ResvErr),
		"R ResvErr "+unicast+" FF [10.0.1.1:4000]{6000} admission control failure (1/2) at 10.0.2.254 flags 0x1")
	expect(t, "left in place", []string{state(l.R)}, "FF paths=2 resvs=1 if1[10.0.1.1:4000]{3000}")
	if e := l.D.Events(node.ResvError); len(e) != 2 || e[1].Error.Flags != rsvp.InPlace {
		t.Errorf("%+v", e)
	}
	l.d.reserve(rsvp.FF, flow(load(5000), lineSrc))
	l.RunFor(time.Second)
	if used, _ := l.R.Node.Reserved(1); used != 5000 {
		t.Errorf("%d admitted", used)
	}
	if c := l.R.Node.Counters(); c.Refused < 2 || c.Installed != 1 {
		t.Errorf("%+v", c)
	}
	l.d.unreserve()
	l.RunFor(time.Second)
	if used, _ := l.R.Node.Reserved(1); used != 0 {
		t.Errorf("%d still admitted", used)
	}
	finish(t, l.Net, l.s, l.d)
}

// TestAdmissionCounts: controlled load counts the minimum of request and
// senders, guaranteed service counts R; other services are refused.
func TestAdmissionCounts(t *testing.T) {
	l := newLine(t, nil)
	l.up(1000)
	l.d.reserve(rsvp.FF, flow(load(9000), lineSrc))
	l.RunFor(time.Second)
	if used, _ := l.R.Node.Reserved(1); used != 1000 {
		t.Errorf("controlled load: %d", used)
	}
	l.d.reserve(rsvp.FF, flow(guaranteed(9000, 9500), lineSrc))
	l.RunFor(time.Second)
	if used, _ := l.R.Node.Reserved(1); used != 9500 {
		t.Errorf("guaranteed: %d", used)
	}
	l.d.unreserve()
	l.RunFor(time.Second)
	long := load(1000)
	long.TSpec.MaxPacket = 1501
	l.d.reserve(rsvp.FF, flow(long, lineSrc))
	l.RunFor(time.Second)
	if e := l.D.Events(node.ResvError); len(e) != 1 || e[0].Error.Code != rsvp.CodeAdmission || e[0].Error.Value != rsvp.ValueMTU {
		t.Errorf("packets longer than the MTU: %+v", e)
	}
	l.d.unreserve()
	l.RunFor(time.Second)
	l.D.Upcalls = nil
	l.R.Do(func(now machine.Time, n *node.Node) { n.Configure(now, node.Interface{Index: 1, NoGuaranteed: true}) })
	l.d.reserve(rsvp.FF, flow(guaranteed(1000, 1500), lineSrc))
	l.RunFor(time.Second)
	if e := l.D.Events(node.ResvError); len(e) != 1 || e[0].Error.Code != rsvp.CodeTrafficControl || e[0].Error.Value != rsvp.ValueUnsupported {
		t.Errorf("%+v", e)
	}
	finish(t, l.Net, l.s, l.d)
}

// TestKillerReservation: RFC 2205 section 3.5 and Figure 12 for one sender: a
// request that fails upstream is blockaded, so that a smaller one gets through;
// the blockade ends, the larger one fails again; the smaller receiver is never
// told.
func TestKillerReservation(t *testing.T) {
	n := nodetest.New(5)
	s, r0, r := n.Host("S", nodetest.EndHost, nil), n.Host("R0", nodetest.Router, nil), n.Host("R", nodetest.Router, nil)
	d1, d2 := n.Host("D1", nodetest.EndHost, nil), n.Host("D2", nodetest.EndHost, nil)
	a, b, c, d := n.Segment(), n.Segment(), n.Segment(), n.Segment()
	s.Attach(a, "10.0.1.1")
	r0.Attach(a, "10.0.1.254")
	narrow := r0.Attach(b, "10.0.9.1")
	r.Attach(b, "10.0.9.2")
	r.Attach(c, "10.0.2.254")
	r.Attach(d, "10.0.3.254")
	d1.Attach(c, "10.0.2.1")
	d2.Attach(d, "10.0.3.1")
	for _, h := range []*nodetest.Host{d1, d2} {
		h.Join(1, port(group).Addr())
	}
	r0.Do(func(now machine.Time, n *node.Node) { n.Configure(now, node.Interface{Index: narrow, Rate: 3 * B}) })
	sa, a1, a2 := register(t, s, group), register(t, d1, group), register(t, d2, group)
	sa.sender(addr1, 4*B)
	n.RunFor(time.Second)
	a1.confirm(rsvp.FF, flow(load(4*B), addr1))
	n.RunFor(time.Second)
	if e := d1.Events(node.ResvError); len(e) != 1 || e[0].Error.Code != rsvp.CodeAdmission || e[0].Error.Flags != 0 {
		t.Fatalf("%+v", e)
	}
	a2.reserve(rsvp.FF, flow(load(2*B), addr1))
	n.RunFor(time.Second)
	expect(t, "narrow link", []string{state(r0)}, "FF paths=1 resvs=1 if2[10.0.1.1:1]{2000}")
	if e := s.Events(node.ResvEvent); len(e) != 1 || e[0].FlowSpec != load(2*B) {
		t.Errorf("%+v", e)
	}
	if len(d1.Events(node.ResvConfirm)) != 0 {
		t.Error("a blockaded request was confirmed")
	}
	n.RunFor(20 * time.Minute)
	expect(t, "narrow link, later", []string{state(r0)}, "FF paths=1 resvs=1 if2[10.0.1.1:1]{2000}")
	if e := d1.Events(node.ResvError); len(e) < 5 || len(e) > 20 || e[len(e)-1].Error.Flags != rsvp.InPlace {
		t.Errorf("%d errors at the larger receiver", len(e))
	}
	if len(d2.Events(node.ResvError)) != 0 || len(s.Events(node.ResvTear)) != 0 {
		t.Errorf("the smaller one suffers: %+v", d2.Upcalls)
	}
	finish(t, n, sa, a1, a2)
}

// TestNotGuilty: without a reservation in place an admission failure is told to
// every receiver; one whose request is smaller than what failed is not guilty
// (RFC 2205 section 3.11.1).
func TestNotGuilty(t *testing.T) {
	f := newFigure4(t)
	f.s1.h.Do(func(now machine.Time, n *node.Node) { n.Configure(now, node.Interface{Index: 1, Rate: B / 2}) })
	f.s1.sender(addr1, 5*B)
	f.RunFor(time.Second)
	f.r2.reserve(rsvp.FF, flow(load(B), addr1))
	f.r3.reserve(rsvp.FF, flow(load(3*B), addr1))
	f.RunFor(50 * time.Second)
	guilty, innocent := f.r3.h.Events(node.ResvError), f.r2.h.Events(node.ResvError)
	if len(guilty) == 0 || guilty[0].Error.Flags&rsvp.NotGuilty != 0 || guilty[0].Error.Node != addr("10.0.1.1") {
		t.Errorf("guilty: %+v", guilty)
	}
	if len(innocent) < 2 || innocent[len(innocent)-1].Error.Flags != rsvp.NotGuilty {
		t.Errorf("innocent: %+v", innocent)
	}
	f.end(t)
}

// TestTrafficControl: with traffic control, Resv goes on and confirmations are
// given only when it has accepted (RFC 2209, UPDATE TRAFFIC CONTROL).
func TestTrafficControl(t *testing.T) {
	l := newLine(t, func(c *node.Config) { c.TrafficControl = true })
	l.up(1000)
	if len(l.R.TC) != 1 || len(texts(l.Net, rsvp.Resv)) != 1 || len(l.S.Upcalls) != 0 {
		t.Fatalf("before the result: %+v %v", l.R.TC, l.S.Upcalls)
	}
	r := l.R.TC[0]
	if r.Op != node.TCAdd || r.If != 1 || r.Style != rsvp.FF || len(r.Filters) != 1 || r.FlowSpec != load(1000) || r.PathTSpec != tspec(1000) ||
		r.Effective != tspec(1000) || r.Police != node.PoliceEntry || r.Session.Dst != addr("10.0.2.1") {
		t.Errorf("%+v", r)
	}
	result := func(err error) {
		r := l.R.TC[len(l.R.TC)-1]
		l.R.Do(func(now machine.Time, n *node.Node) { n.HandleTCResult(now, r.ID, err) })
		l.RunFor(time.Second)
	}
	result(nil)
	if len(texts(l.Net, rsvp.Resv)) != 1 || len(l.S.Events(node.ResvEvent)) != 1 {
		t.Errorf("after the result: %v", l.S.Upcalls)
	}
	result(nil)
	if l.R.Node.Counters().Drops[node.DropStaleResult] != 1 {
		t.Error("a second result counts")
	}
	// A larger request is refused: the old one stays in force.
	l.d.confirm(rsvp.FF, flow(load(2000), lineSrc))
	l.RunFor(time.Second)
	if r := l.R.TC[1]; r.Op != node.TCModify || r.ID != l.R.TC[0].ID || r.FlowSpec != load(2000) {
		t.Errorf("%+v", r)
	}
	result(&node.TCError{Code: rsvp.CodeAdmission, Value: rsvp.ValueDelay})
	if e := l.D.Events(node.ResvError); len(e) != 1 || e[0].Error.Code != rsvp.CodeAdmission || e[0].Error.Value != rsvp.ValueDelay || e[0].Error.Flags != rsvp.InPlace {
		t.Errorf("%+v", e)
	}
	expect(t, "in place", []string{state(l.R)}, "FF paths=1 resvs=1 if1[10.0.1.1:4000]{1000}")
	// Two changes while one is open: the second waits for the first's result.
	l.d.reserve(rsvp.FF, flow(load(1100), lineSrc))
	l.RunFor(time.Second)
	l.d.reserve(rsvp.FF, flow(load(1200), lineSrc))
	l.RunFor(time.Second)
	if n := len(l.R.TC); n != 3 {
		t.Errorf("%d requests", n)
	}
	result(nil)
	if n := len(l.R.TC); n != 4 || l.R.TC[3].FlowSpec != load(1200) {
		t.Errorf("%d requests: %+v", n, l.R.TC)
	}
	// Taken down while that is open: removed at once, the late result is stale.
	l.d.unreserve()
	l.RunFor(time.Second)
	if r := l.R.TC[4]; r.Op != node.TCRemove || r.ID != l.R.TC[0].ID {
		t.Errorf("%+v", r)
	}
	result(nil)
	if l.R.Node.Counters().Drops[node.DropStaleResult] != 2 {
		t.Error("the late result counts")
	}
	// A new one fails for reasons of the system: nothing is left.
	l.d.reserve(rsvp.FF, flow(load(500), lineSrc))
	l.RunFor(time.Second)
	result(errors.New("no buffers"))
	if e := l.D.Events(node.ResvError); len(e) != 2 || e[1].Error.Code != rsvp.CodeTrafficSystem || e[1].Error.Flags != 0 {
		t.Errorf("%+v", e)
	}
	if c := l.R.Node.Counters(); c.Installed != 0 || c.Reservations != 0 {
		t.Errorf("%+v", c)
	}
	l.d.unreserve()
	l.RunFor(time.Second)
	finish(t, l.Net, l.s, l.d)
}

// TestEPolice: the first node that polices turns the flag off (RFC 2205 section
// 3.8).
func TestEPolice(t *testing.T) {
	l := newLine(t, func(c *node.Config) { c.TrafficControl = true })
	l.s.sender(lineSrc, 1000)
	l.RunFor(time.Second)
	for i, want := range []rsvp.SessionFlags{rsvp.EPolice, 0} {
		var m rsvp.Message
		if err := m.Decode(l.Log[i].Payload); err != nil || m.Session.Flags != want {
			t.Errorf("%d: flags %v, %v", i, m.Session.Flags, err)
		}
	}
	finish(t, l.Net, l.s, l.d)
}

// TestPolice: the flags for merging and branching (RFC 2205 section 3.8).
func TestPolice(t *testing.T) {
	f := newFigure4(t)
	f.r1.reserve(rsvp.WF, flow(load(4*B), ""))
	f.r2.reserve(rsvp.WF, flow(load(3*B), ""))
	f.RunFor(time.Second)
	i := f.router.Node.Snapshot(rsvp.Session{}, 1)[0].Installed
	if len(i) != 2 || i[0].Police&^node.PoliceEntry != node.PoliceMerge {
		t.Errorf("larger: %+v", i)
	}
	if i[1].Police&^node.PoliceEntry != node.PoliceMerge|node.PoliceBranch {
		t.Errorf("smaller: %+v", i)
	}
	f.end(t)
}

// TestMerging upstream: M is the smallest, so that packets fit every branch (RFC
// 2211 section 8), and a change of it alone goes upstream.
func TestMergedMTU(t *testing.T) {
	f := newFigure4(t)
	small := load(B)
	small.TSpec.MaxPacket = 1000
	f.r1.reserve(rsvp.FF, flow(load(B), addr1))
	f.RunFor(time.Second)
	f.r2.reserve(rsvp.FF, flow(small, addr1))
	f.RunFor(time.Second)
	if e := f.s1.h.Events(node.ResvEvent); len(e) != 2 || e[1].FlowSpec != small {
		t.Errorf("%+v", e)
	}
	f.end(t)
}

// TestPacked: FF descriptors that do not fit one packet go in several messages,
// the confirmation in the first.
func TestPacked(t *testing.T) {
	l := newLine(t, nil)
	var flows []node.FlowDescriptor
	for i := range 60 {
		src := "10.0.1.1:" + string(rune('1'+i/10)) + string(rune('0'+i%10))
		l.s.sender(src, 1000)
		flows = append(flows, flow(load(1000), src))
	}
	l.RunFor(time.Second)
	l.Log = nil
	l.d.confirm(rsvp.FF, flows...)
	l.RunFor(time.Second)
	sent, count, confirms := 0, 0, 0
	for _, s := range l.Log {
		var m rsvp.Message
		if err := m.Decode(s.Payload); err != nil || len(s.Payload) > 1500-40 {
			t.Errorf("%d bytes, %v", len(s.Payload), err)
		}
		if m.Type == rsvp.Resv && s.From == "D" {
			sent++
			count += len(m.Flows)
			if m.Confirm.IsValid() {
				confirms++
			}
		}
	}
	if sent != 3 || count != 60 || confirms != 1 {
		t.Errorf("%d messages, %d descriptors, %d confirmations", sent, count, confirms)
	}
	if n := len(l.S.Events(node.ResvEvent)); n != 60 {
		t.Errorf("%d reservations", n)
	}
	finish(t, l.Net, l.s, l.d)
}

// TestScope is RFC 2205 Figure 11: scopes that came in bound the scope that goes
// out, and an empty one stops the message.
func TestScope(t *testing.T) {
	f := newFigure4(t)
	resv := rsvp.Message{Type: rsvp.Resv, Session: rsvp.Session{Dst: port(group).Addr(), Proto: 17, DstPort: 5000},
		Hop: rsvp.Hop{Addr: addr("10.0.3.9")}, TimeValues: rsvp.TimeValues{RefreshMS: 30000}, Style: rsvp.WF,
		HasScope: true, Flows: []rsvp.FlowDescriptor{{FlowSpec: load(B)}}}
	resv.Scope = append(resv.Scope, addr("10.0.1.1"), addr("10.0.2.3"), addr("10.0.7.7"))
	inject(t, f.router, 3, "10.0.3.9", "10.0.3.254", resv)
	expect(t, "scoped", texts(f.Net, rsvp.Resv), "R Resv "+sess+" WF []{1000} scope [10.0.1.1]", "R Resv "+sess+" WF []{1000} scope [10.0.2.3]")
	// ResvErr with a scope goes on with those of it that route there.
	e := rsvp.Message{Type: rsvp.ResvErr, Session: resv.Session, Hop: rsvp.Hop{Addr: addr("10.0.1.1"), LIH: 1}, Style: rsvp.WF,
		Error: rsvp.ErrorSpec{Node: addr("10.0.1.1"), Code: rsvp.CodePreempted}, HasScope: true, Flows: resv.Flows}
	e.Scope = append(e.Scope, addr("10.0.1.1"), addr("10.0.9.9"))
	inject(t, f.router, 1, "10.0.1.1", "10.0.1.254", e)
	expect(t, "error", texts(f.Net, rsvp.ResvErr), "R ResvErr "+sess+" WF []{1000} scope [10.0.1.1] service preempted (12/0) at 10.0.1.1 flags 0x0")
	e.Scope = e.Scope[1:]
	inject(t, f.router, 1, "10.0.1.1", "10.0.1.254", e)
	expect(t, "error without senders", texts(f.Net, rsvp.ResvErr))
	f.RunFor(10 * time.Minute)
	finish(t, f.Net, f.r1, f.r2, f.r3, f.s1, f.s2, f.s3)
}

// TestResvErrForwarding: to the next hops that have the filter, not out the
// interface that it came from, with the filters in common.
func TestResvErrForwarding(t *testing.T) {
	f := newFigure4(t)
	f.figure6()
	f.Log = nil
	e := rsvp.Message{Type: rsvp.ResvErr, Session: rsvp.Session{Dst: port(group).Addr(), Proto: 17, DstPort: 5000},
		Hop: rsvp.Hop{Addr: addr("10.0.1.1"), LIH: 1}, Style: rsvp.FF, Error: rsvp.ErrorSpec{Node: addr("10.0.1.1"), Code: rsvp.CodePolicy},
		Flows: []rsvp.FlowDescriptor{{FlowSpec: load(4 * B), Filters: []rsvp.FilterSpec{rsvp.NewFilterSpec(port(addr1))}}}}
	inject(t, f.router, 1, "10.0.1.1", "10.0.1.254", e)
	var to []string
	for _, s := range f.Log {
		to = append(to, s.Dst.String())
	}
	expect(t, "next hops", to, "10.0.3.1", "10.0.4.2", "10.0.4.3")
	f.RunFor(time.Second)
	for _, a := range []*app{f.r1, f.r2, f.r3} {
		if u := a.h.Events(node.ResvError); len(u) != 1 || u[0].Error != e.Error || u[0].FlowSpec != load(4*B) {
			t.Errorf("%s: %+v", a.h.Name, u)
		}
	}
	e.Style = rsvp.WF
	e.Flows[0].Filters = nil
	inject(t, f.router, 1, "10.0.1.1", "10.0.1.254", e) // no such reservation
	e.Session.DstPort++
	inject(t, f.router, 1, "10.0.1.1", "10.0.1.254", e) // no such session
	if n := f.router.Node.Counters().Drops[node.DropNoState]; n != 2 {
		t.Errorf("%d drops", n)
	}
	finish(t, f.Net, f.r1, f.r2, f.r3, f.s1, f.s2, f.s3)
}
