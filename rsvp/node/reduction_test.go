package node_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/node"
	"github.com/mpstack/mpstack/rsvp/node/nodetest"
)

func reducing(c *node.Config) { c.RefreshReduction = true }

// newReducing is the line of three, those named with refresh reduction.
func newReducing(t *testing.T, names string) *line {
	n := nodetest.New(1)
	host := func(name string, kind nodetest.Kind) *nodetest.Host {
		if strings.Contains(names, name) {
			return n.Host(name, kind, reducing)
		}
		return n.Host(name, kind, nil)
	}
	l := &line{Net: n, S: host("S", nodetest.EndHost), R: host("R", nodetest.Router), D: host("D", nodetest.EndHost)}
	a, b := n.Segment(), n.Segment()
	l.S.Attach(a, "10.0.1.1")
	l.R.Attach(b, "10.0.2.254")
	l.R.Attach(a, "10.0.1.254")
	l.D.Attach(b, "10.0.2.1")
	l.s, l.d = register(t, l.S, lineDst), register(t, l.D, lineDst)
	return l
}

// count counts the messages of the log by host and type, those in Bundles too,
// and empties the log.
func count(t *testing.T, n *nodetest.Net) map[string]int {
	t.Helper()
	c := map[string]int{}
	var m rsvp.Message
	for _, s := range n.Log {
		c[fmt.Sprint(s.From, " ", rsvp.MessageType(s.Payload[1]))]++
		if err := m.Decode(s.Payload); err != nil {
			t.Errorf("%v: %v", s, err)
		}
		for sub := range rsvp.SubMessages(m.Bundled) {
			c[fmt.Sprint(s.From, " ", rsvp.MessageType(sub[1]))]++
		}
	}
	n.Log = nil
	return c
}

// TestReductionLine: between neighbors that are capable, the steady state is
// refreshed by summaries alone, and lives on (RFC 2961 section 5).
func TestReductionLine(t *testing.T) {
	l := newReducing(t, "SRD")
	l.up(1000)
	l.RunFor(3 * time.Minute) // until every Path has met a neighbor, and been acknowledged
	l.Log = nil
	l.RunFor(20 * time.Minute)
	c := count(t, l.Net)
	for _, k := range []string{"S Path", "R Path", "R Resv", "D Resv", "S Ack", "D Ack"} {
		if c[k] != 0 {
			t.Errorf("%d of %s", c[k], k)
		}
	}
	for _, k := range []string{"S Srefresh", "R Srefresh", "D Srefresh"} {
		if c[k] < 20 {
			t.Errorf("%d of %s", c[k], k)
		}
	}
	expect(t, "sender", []string{state(l.S)}, "FF paths=1 resvs=1 if1[10.0.1.1:4000]{1000}")
	if k := l.R.Node.Counters(); k.PathExpired+k.ResvExpired+k.Nacked+k.Retransmitted != 0 || k.Summarized < 40 {
		t.Errorf("%+v", k)
	}
	// A change goes out in full at once, and is acknowledged.
	l.s.sender(lineSrc, 2000)
	l.RunFor(time.Second)
	if c := count(t, l.Net); c["S Path"] != 1 || c["R Path"] != 1 || c["R Ack"]+c["D Ack"] != 2 {
		t.Errorf("%v", c)
	}
	l.d.unreserve()
	l.RunFor(time.Second)
	expect(t, "sender", []string{state(l.S)}, "style 0x0 paths=1 resvs=0")
	l.RunFor(10 * time.Minute)
	noDrops(t, l.Net)
	finish(t, l.Net, l.s, l.d)
}

// TestReductionNegotiated: with a neighbor that is not capable everything is as
// without (RFC 2961 section 2).
func TestReductionNegotiated(t *testing.T) {
	for _, names := range []string{"", "S", "R", "D", "SD", "SR", "RD"} {
		l := newReducing(t, names)
		l.up(1000)
		l.RunFor(20 * time.Minute)
		c := count(t, l.Net)
		for _, pair := range []struct{ up, down string }{{"S", "R"}, {"R", "D"}} {
			both := strings.Contains(names, pair.up) && strings.Contains(names, pair.down)
			if few := c[pair.up+" Path"] < 10; few != both {
				t.Errorf("%q: %d Path by %s", names, c[pair.up+" Path"], pair.up)
			}
			if few := c[pair.down+" Resv"] < 10; few != both {
				t.Errorf("%q: %d Resv by %s", names, c[pair.down+" Resv"], pair.down)
			}
		}
		expect(t, names, []string{state(l.S)}, "FF paths=1 resvs=1 if1[10.0.1.1:4000]{1000}")
		noDrops(t, l.Net)
		finish(t, l.Net, l.s, l.d)
	}
}

// TestReductionLost: a message that is not acknowledged is sent again after 0.5
// s, then 1 s, with the same identifier; three times in all (RFC 2961 section 6).
func TestReductionLost(t *testing.T) {
	for _, lose := range []int{1, 2, 3} {
		l := newReducing(t, "SRD")
		l.up(1000)
		l.RunFor(3 * time.Minute)
		start := l.Now
		lost := 0
		l.Lose = func(s nodetest.Sent) bool {
			if s.From == "S" && rsvp.MessageType(s.Payload[1]) == rsvp.Path && lost < lose {
				lost++
				return true
			}
			return false
		}
		l.Log = nil
		l.s.sender(lineSrc, 2000)
		l.RunFor(10 * time.Second)
		var at []time.Duration
		ids := map[uint32]bool{}
		for _, s := range l.Log {
			var m rsvp.Message
			if s.From == "S" && m.Decode(s.Payload) == nil && m.Type == rsvp.Path {
				at = append(at, s.At.Sub(start))
				ids[m.MessageID.ID] = true
				if m.MessageID.Flags != rsvp.AckDesired {
					t.Errorf("%v", m.MessageID)
				}
			}
		}
		want := []time.Duration{0, 500 * time.Millisecond, 1500 * time.Millisecond}[:min(lose+1, 3)]
		if !slices.Equal(at, want) || len(ids) != 1 {
			t.Errorf("%d lost: sent at %v, %d identifiers", lose, at, len(ids))
		}
		k := l.S.Node.Counters()
		if int(k.Retransmitted) != len(want)-1 || (k.Unacknowledged == 1) != (lose == 3) {
			t.Errorf("%d lost: %+v", lose, k)
		}
		l.RunFor(2 * time.Minute) // the refresh in full is acknowledged
		l.Log = nil
		l.RunFor(5 * time.Minute)
		if c := count(t, l.Net); c["S Path"] != 0 || c["S Srefresh"] == 0 {
			t.Errorf("%d lost: %v", lose, c)
		}
		finish(t, l.Net, l.s, l.d)
	}
}

// TestReductionNack: a neighbor that does not have what a summary names says so,
// and gets it in full (RFC 2961 section 5.4).
func TestReductionNack(t *testing.T) {
	l := newReducing(t, "SRD")
	l.up(1000)
	l.RunFor(3 * time.Minute)
	l.d.release() // and forgets the sender, silently
	l.d = register(t, l.D, lineDst)
	l.D.Upcalls = nil
	l.Log = nil
	l.RunFor(2 * time.Minute)
	if len(l.D.Events(node.PathEvent)) != 1 {
		t.Errorf("%v", l.D.Upcalls)
	}
	var causes []machine.Cause
	for _, s := range l.Log {
		if s.From == "R" && rsvp.MessageType(s.Payload[1]) == rsvp.Path {
			causes = append(causes, s.Cause)
		}
	}
	if !slices.Equal(causes, []machine.Cause{node.CausePathNack}) || l.R.Node.Counters().Nacked != 1 {
		t.Errorf("%v", causes)
	}
	finish(t, l.Net, l.s, l.d)
}

// TestReductionResvNack: the same for a reservation that the previous hop lost.
func TestReductionResvNack(t *testing.T) {
	l := newReducing(t, "SRD")
	l.up(1000)
	l.RunFor(3 * time.Minute)
	tear := rsvp.Message{Type: rsvp.ResvTear, SendTTL: 255, Session: rsvp.Session{Dst: addr("10.0.2.1"), Proto: 17, DstPort: 5000}, Flags: rsvp.RefreshReduction,
		Hop: rsvp.Hop{Addr: addr("10.0.2.1")}, Style: rsvp.FF, Flows: []rsvp.FlowDescriptor{{Filters: []rsvp.FilterSpec{rsvp.NewFilterSpec(port(lineSrc))}}}}
	inject(t, l.R, 1, "10.0.2.1", "10.0.2.254", tear) // that the receiver does not know of
	expect(t, "torn", []string{state(l.R)}, "style 0x0 paths=1 resvs=0")
	l.RunFor(2 * time.Minute)
	expect(t, "again", []string{state(l.R)}, "FF paths=1 resvs=1 if1[10.0.1.1:4000]{1000}")
	if k := l.D.Node.Counters(); k.Nacked != 1 {
		t.Errorf("%+v", k)
	}
	finish(t, l.Net, l.s, l.d)
}

// TestReductionOutOfOrder: a message that is older than what its state has is
// ignored, and not acknowledged (RFC 2961 section 4.5).
func TestReductionOutOfOrder(t *testing.T) {
	l := newReducing(t, "R")
	path := rsvp.Message{Type: rsvp.Path, Flags: rsvp.RefreshReduction, Session: rsvp.Session{Dst: addr("10.0.2.1"), Proto: 17, DstPort: 5000}, Hop: rsvp.Hop{Addr: addr("10.0.1.1"), LIH: 1},
		TimeValues: rsvp.TimeValues{RefreshMS: 30000}, Sender: rsvp.NewFilterSpec(port(lineSrc)), HasTSpec: true, TSpec: tspec(1000), HasMessageID: true}
	for i, tc := range []struct {
		epoch, id uint32
		rate      float32
		taken     bool
	}{{1, 5, 1000, true}, {1, 4, 2000, false}, {1, 5, 1000, true}, {2, 3, 3000, true}, {2, 0x80000004, 4000, false}, {2, 4, 5000, true}} {
		m := path
		m.MessageID, m.TSpec = rsvp.MessageID{Flags: rsvp.AckDesired, Epoch: tc.epoch, ID: tc.id}, tspec(tc.rate)
		before := l.R.Node.Counters().Drops[node.DropOutOfOrder]
		inject(t, l.R, 2, "10.0.1.1", "10.0.2.1", m)
		got := l.R.Node.Snapshot(rsvp.Session{}, 1)[0].Paths[0].TSpec.Rate
		if taken := l.R.Node.Counters().Drops[node.DropOutOfOrder] == before; taken != tc.taken || taken != (got == tc.rate) {
			t.Errorf("%d: taken %v, rate %v", i, taken, got)
		}
	}
	tear := path
	tear.Type, tear.TimeValues, tear.MessageID = rsvp.PathTear, rsvp.TimeValues{}, rsvp.MessageID{Epoch: 2, ID: 1}
	inject(t, l.R, 2, "10.0.1.1", "10.0.2.1", tear)
	if c := l.R.Node.Counters(); c.Paths != 1 {
		t.Error("an old PathTear")
	}
	l.RunFor(time.Second)
	var acked []uint32
	for _, s := range l.Log {
		var m rsvp.Message
		if m.Decode(s.Payload) == nil {
			for _, a := range m.Acks {
				acked = append(acked, a.ID)
			}
		}
	}
	if !slices.Equal(acked, []uint32{5, 5, 3, 4}) {
		t.Errorf("acknowledged %v", acked)
	}
}

// TestReductionRefused: a neighbor that says it is capable and then calls
// MESSAGE_ID unknown gets everything without, at once (RFC 2961 section 4.8).
func TestReductionRefused(t *testing.T) {
	l := newReducing(t, "SR")
	l.up(1000)
	l.RunFor(3 * time.Minute)
	l.s.sender(lineSrc, 2000)
	l.RunFor(time.Second)
	e := rsvp.Message{Type: rsvp.PathErr, Flags: rsvp.RefreshReduction, Session: rsvp.Session{Dst: addr("10.0.2.1"), Proto: 17, DstPort: 5000},
		Error: rsvp.ErrorSpec{Node: addr("10.0.1.254"), Code: rsvp.CodeUnknownClass, Value: 23<<8 | 1}, Sender: rsvp.NewFilterSpec(port(lineSrc)), HasTSpec: true, TSpec: tspec(2000)}
	l.Log, l.S.Upcalls = nil, nil
	inject(t, l.S, 1, "10.0.1.254", "10.0.1.1", e)
	if s, m := last(t, l.Net); m.Type != rsvp.Path || m.HasMessageID || s.Cause != node.CausePathFallback {
		t.Errorf("%v", m)
	}
	if len(l.S.Upcalls) != 0 {
		t.Errorf("the application was told: %v", l.S.Upcalls)
	}
	l.RunFor(10 * time.Minute)
	if c := count(t, l.Net); c["S Path"] < 10 || c["S Srefresh"] != 0 {
		t.Errorf("%v", c)
	}
	resv := e
	resv.Type, resv.Sender, resv.HasTSpec = rsvp.ResvErr, rsvp.FilterSpec{}, false
	resv.Hop, resv.Style = rsvp.Hop{Addr: addr("10.0.1.1"), LIH: 1}, rsvp.FF
	inject(t, l.R, 2, "10.0.1.1", "10.0.1.254", resv)
	if s, m := last(t, l.Net); m.Type != rsvp.Resv || m.HasMessageID || s.Cause != node.CauseResvRefresh {
		t.Errorf("%v", m)
	}
	finish(t, l.Net, l.s, l.d)
}

// TestReductionBundle: what one call sends to one neighbor goes in one Bundle (RFC
// 2961 section 3).
func TestReductionBundle(t *testing.T) {
	l := newReducing(t, "SRD")
	l.s.sender(lineSrc, 1000)
	l.d.reserve(rsvp.WF, flow(load(1000), ""))
	l.RunFor(3 * time.Minute)
	l.Log = nil
	l.d.reserve(rsvp.FF, flow(load(1000), lineSrc))
	if s, m := last(t, l.Net); m.Type != rsvp.Bundle || s.Cause != node.CauseBundle || s.RouterAlert || s.Dst != addr("10.0.2.254") {
		t.Errorf("%v", m)
	}
	l.RunFor(time.Second)
	c := count(t, l.Net)
	if c["D Bundle"] != 1 || c["D ResvTear"] != 1 || c["D Resv"] != 1 || c["R Bundle"] != 1 {
		t.Errorf("%v", c)
	}
	expect(t, "sender", []string{state(l.S)}, "FF paths=1 resvs=1 if1[10.0.1.1:4000]{1000}")
	if k := l.R.Node.Counters(); k.Received[rsvp.Bundle] != 1 || k.Received[rsvp.ResvTear] != 1 {
		t.Errorf("%+v", k)
	}
	noDrops(t, l.Net)
	finish(t, l.Net, l.s, l.d)
}

// TestReductionBundleTTL: a sub-message is judged by the Send_TTL of the Bundle
// (RFC 2961 section 3.4).
func TestReductionBundleTTL(t *testing.T) {
	l := newReducing(t, "R")
	path := rsvp.Message{Type: rsvp.Path, SendTTL: 9, Session: rsvp.Session{Dst: addr("10.0.2.1"), Proto: 17, DstPort: 5000}, Hop: rsvp.Hop{Addr: addr("10.0.1.1"), LIH: 1},
		TimeValues: rsvp.TimeValues{RefreshMS: 30000}, Sender: rsvp.NewFilterSpec(port(lineSrc)), HasTSpec: true, TSpec: tspec(1000)}
	b, err := path.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, ttl := range []uint8{64, 63} {
		bundle := rsvp.Message{Type: rsvp.Bundle, SendTTL: 64, Bundled: b}
		w, err := bundle.AppendTo(nil)
		if err != nil {
			t.Fatal(err)
		}
		l.R.Do(func(now machine.Time, n *node.Node) {
			n.HandleMessage(now, node.Incoming{InIf: 2, Src: addr("10.0.1.1"), Dst: addr("10.0.1.254"), TTL: ttl, Payload: w})
		})
		if p := l.R.Node.Snapshot(rsvp.Session{}, 1)[0].Paths[0]; p.NonRSVP != (ttl != 64) {
			t.Errorf("TTL %d: %+v", ttl, p)
		}
	}
	// Without refresh reduction a Bundle is of no type that is known.
	plain := newReducing(t, "")
	inject(t, plain.R, 2, "10.0.1.1", "10.0.1.254", rsvp.Message{Type: rsvp.Bundle, Bundled: b})
	if c := plain.R.Node.Counters(); c.Paths != 0 || c.Drops[node.DropType] != 1 {
		t.Errorf("%+v", c)
	}
}

// TestReductionGroup: path state of groups is refreshed by lists with sources to
// the group; a NACK comes from members only (RFC 2961 section 5.3).
func TestReductionGroup(t *testing.T) {
	n := nodetest.New(4)
	r, s, d, e := n.Host("R", nodetest.Router, reducing), n.Host("S", nodetest.EndHost, reducing), n.Host("D", nodetest.EndHost, reducing), n.Host("E", nodetest.EndHost, reducing)
	a, b := n.Segment(), n.Segment()
	r.Attach(a, "10.0.1.254")
	r.Attach(b, "10.0.2.254")
	s.Attach(a, "10.0.1.1")
	d.Attach(b, "10.0.2.1")
	e.Attach(b, "10.0.2.2")
	g := port(group).Addr()
	d.Join(1, g)
	e.Join(1, g)
	as, ad, ae := register(t, s, group).sender("10.0.1.1:1", 1000), register(t, d, group), register(t, e, group)
	ad.reserve(rsvp.FF, flow(load(1000), "10.0.1.1:1"))
	ae.reserve(rsvp.FF, flow(load(500), "10.0.1.1:1"))
	n.RunFor(4 * time.Minute)
	n.Log = nil
	n.RunFor(10 * time.Minute)
	var m rsvp.Message
	lists := 0
	for _, x := range n.Log {
		if err := m.Decode(x.Payload); err != nil {
			t.Fatal(err)
		}
		if m.Type == rsvp.Path || m.Type == rsvp.Resv {
			t.Errorf("%v", x)
		}
		if x.From == "R" && x.Dst == g {
			lists++
			if l := m.IDLists[0]; l.CType != 2 || l.At(0).Src != addr("10.0.1.1") || !x.RouterAlert || x.Src != addr("10.0.2.254") {
				t.Errorf("%+v %v", x, l)
			}
		}
	}
	if lists < 10 {
		t.Errorf("%d lists to the group", lists)
	}
	// One receiver forgets: it gets the Path again, and its NACK does not keep the
	// other from being refreshed.
	ae.release()
	ae = register(t, e, group)
	e.Upcalls = nil
	n.RunFor(2 * time.Minute)
	if len(e.Events(node.PathEvent)) != 1 || r.Node.Counters().Nacked != 1 {
		t.Errorf("%v %+v", e.Upcalls, r.Node.Counters())
	}
	// Without a registration it does not care.
	ae.release()
	n.RunFor(5 * time.Minute)
	if k := r.Node.Counters(); k.Nacked != 1 || k.Unacknowledged != 0 {
		t.Errorf("%+v", k)
	}
	finish(t, n, as, ad)
}

// TestReductionLimits: neighbors and messages that wait are bounded.
func TestReductionLimits(t *testing.T) {
	l := newReducing(t, "SD")
	r := l.Host("Q", nodetest.Router, func(c *node.Config) {
		c.RefreshReduction, c.Limits = true, node.Limits{Neighbors: 2, Pending: 1}
	})
	r.Attach(l.Segment(), "10.0.9.254")
	r.Attach(l.Segment(), "10.0.8.254")
	for i := range 5 {
		inject(t, r, 1, fmt.Sprintf("10.0.9.%d", i+1), "10.0.9.254", rsvp.Message{Type: rsvp.Ack, Flags: rsvp.RefreshReduction, Acks: []rsvp.MessageAck{{ID: 1}}})
	}
	if c := r.Node.Counters(); c.Drops[node.DropNeighbors] != 3 || c.Received[rsvp.Ack] != 2 || !r.Node.Quiet() {
		t.Errorf("%+v", c)
	}
}

// TestReductionConvergence: random calls under loss end where they end without,
// with all hosts, or only some, taking part.
func TestReductionConvergence(t *testing.T) {
	for _, style := range []rsvp.Style{rsvp.FF, rsvp.WF, rsvp.SE} {
		for seed := range uint64(40) {
			some := func(c *node.Config) {
				c.RefreshReduction = seed%2 == 0 || (len(c.Node)+int(c.Node[len(c.Node)-1]))%3 != 0
			}
			newTreeOf(t, seed, style, some).run(t, seed)
			if t.Failed() {
				return
			}
		}
	}
}
