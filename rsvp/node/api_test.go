package node_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/intserv"
	"github.com/mpstack/mpstack/rsvp/node"
	"github.com/mpstack/mpstack/rsvp/node/nodetest"
)

// TestRefusals: each misuse of the API is refused at once and changes nothing.
func TestRefusals(t *testing.T) {
	l := newLine(t, nil)
	other := register(t, l.D, lineDst)
	l.d.reserve(rsvp.FF, flow(load(1000), lineSrc))
	l.s.sender(lineSrc, 1000)
	l.RunFor(time.Second)
	noPorts := register(t, l.D, "10.0.2.1:0")
	D := func(f func(now machine.Time, n *node.Node) error) (err error) {
		l.D.Do(func(now machine.Time, n *node.Node) { err = f(now, n) })
		return err
	}
	session := func(dst string, proto uint8) func(machine.Time, *node.Node) error {
		return func(now machine.Time, n *node.Node) error {
			a, _ := netip.ParseAddr(dst)
			_, err := n.Session(now, node.SessionSpec{Dst: a, Proto: proto})
			return err
		}
	}
	sender := func(a *app, src string, t intserv.TSpec) func(machine.Time, *node.Node) error {
		return func(now machine.Time, n *node.Node) error {
			return n.Sender(now, a.id, node.SenderSpec{Src: port(src), TSpec: t})
		}
	}
	reserve := func(a *app, style rsvp.Style, flows ...node.FlowDescriptor) func(machine.Time, *node.Node) error {
		return func(now machine.Time, n *node.Node) error {
			return n.Reserve(now, a.id, node.ReserveSpec{Style: style, Flows: flows})
		}
	}
	nobody := &app{id: 999}
	tests := []struct {
		name string
		call func(machine.Time, *node.Node) error
		want error
	}{
		{"no destination", session("", 17), node.ErrAddress},
		{"destination 0", session("0.0.0.0", 17), node.ErrAddress},
		{"no protocol", session("10.0.0.1", 0), node.ErrAddress},
		{"sender of no session", sender(nobody, lineSrc, tspec(1)), node.ErrSession},
		{"sender of the other family", sender(l.d, "[::1]:1", tspec(1)), node.ErrAddress},
		{"sender a group", sender(l.d, "224.0.0.1:1", tspec(1)), node.ErrAddress},
		{"sender with a bad Tspec", sender(l.d, "10.0.2.1:1", intserv.TSpec{}), intserv.ErrBadTSpec},
		{"sender with and without port", sender(l.d, "10.0.1.1:0", tspec(1)), node.ErrPorts},
		{"port in a session without ports", sender(noPorts, "10.0.2.1:1", tspec(1)), node.ErrPorts},
		{"session with and without port", sender(noPorts, "10.0.2.1:0", tspec(1)), node.ErrPorts},
		{"reservation of no session", reserve(nobody, rsvp.WF, flow(load(1), "")), node.ErrSession},
		{"unknown style", reserve(other, 7, flow(load(1), "")), node.ErrFlows},
		{"no flows", reserve(other, rsvp.FF), node.ErrFlows},
		{"FF without filter", reserve(other, rsvp.FF, flow(load(1), "")), node.ErrFlows},
		{"FF with two filters", reserve(other, rsvp.FF, flow(load(1), "10.0.1.1:1 10.0.1.1:2")), node.ErrFlows},
		{"FF with a filter twice", reserve(other, rsvp.FF, flow(load(1), lineSrc), flow(load(2), lineSrc)), node.ErrFlows},
		{"SE with two flows", reserve(other, rsvp.SE, flow(load(1), lineSrc), flow(load(2), lineSrc)), node.ErrFlows},
		{"WF with a filter", reserve(other, rsvp.WF, flow(load(1), lineSrc)), node.ErrFlows},
		{"filter of the other family", reserve(other, rsvp.FF, flow(load(1), "[::1]:1")), node.ErrAddress},
		{"filter port in a session without ports", reserve(noPorts, rsvp.FF, flow(load(1), lineSrc)), node.ErrPorts},
		{"bad flowspec", reserve(other, rsvp.FF, flow(load(0), lineSrc)), intserv.ErrBadTSpec},
		{"no flowspec", reserve(other, rsvp.FF, flow(intserv.FlowSpec{}, lineSrc)), intserv.ErrBadService},
		{"another style", reserve(other, rsvp.SE, flow(load(1), lineSrc)), node.ErrStyle},
		{"another service", reserve(other, rsvp.FF, flow(guaranteed(1, 1), lineSrc)), node.ErrService},
		{"two services", reserve(other, rsvp.FF, flow(load(1), lineSrc), flow(guaranteed(1, 1), "10.0.1.1:1")), node.ErrService},
		{"release of no session", func(now machine.Time, n *node.Node) error { return n.Release(now, 999) }, node.ErrSession},
		{"release of no reservation's session", func(now machine.Time, n *node.Node) error { return n.ReleaseReservation(now, 999) }, node.ErrSession},
		{"release of no sender", func(now machine.Time, n *node.Node) error { return n.ReleaseSender(now, l.d.id, port(lineSrc)) }, node.ErrNoSender},
		{"release of no sender's session", func(now machine.Time, n *node.Node) error { return n.ReleaseSender(now, 999, port(lineSrc)) }, node.ErrSession},
	}
	before := state(l.D)
	for _, tc := range tests {
		if err := D(tc.call); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, err, tc.want)
		}
		if after := state(l.D); after != before {
			t.Errorf("%s changed state: %s", tc.name, after)
		}
	}
	finish(t, l.Net, other, noPorts, l.s, l.d)
}

// TestLocalRegistrations: several registrations of a session on one host have
// reservations of their own that merge; path state that is there already is
// reported; a sender belongs to one of them.
func TestLocalRegistrations(t *testing.T) {
	l := newLine(t, nil).up(1000)
	second := register(t, l.D, lineDst)
	if e := l.D.Events(node.PathEvent); len(e) != 2 || e[1].Session != second.id {
		t.Errorf("%+v", e)
	}
	l.Log = nil
	second.confirm(rsvp.FF, flow(load(500), lineSrc))
	l.RunFor(time.Second)
	expect(t, "smaller", texts(l.Net, rsvp.Resv, rsvp.ResvConf))
	if e := l.D.Events(node.ResvConfirm); len(e) == 0 || e[len(e)-1].FlowSpec != load(500) || e[len(e)-1].Error.Node != addr("10.0.2.1") {
		t.Errorf("confirmed at home: %+v", e)
	}
	second.reserve(rsvp.FF, flow(load(700), lineSrc), flow(load(700), "10.0.1.1:1"))
	l.RunFor(time.Second)
	expect(t, "no path yet", texts(l.Net, rsvp.Resv))
	l.d.release()
	l.RunFor(time.Second)
	expect(t, "the larger one leaves", texts(l.Net, rsvp.Resv, rsvp.ResvTear),
		"D Resv "+unicast+" FF [10.0.1.1:4000]{700}", "R Resv "+unicast+" FF [10.0.1.1:4000]{700}")
	third := register(t, l.S, lineDst)
	var err error
	l.S.Do(func(now machine.Time, n *node.Node) {
		err = n.Sender(now, third.id, node.SenderSpec{Src: port(lineSrc), TSpec: tspec(1)})
	})
	if !errors.Is(err, node.ErrInUse) {
		t.Errorf("%v", err)
	}
	l.S.Do(func(now machine.Time, n *node.Node) { err = n.ReleaseSender(now, third.id, port(lineSrc)) })
	if !errors.Is(err, node.ErrNoSender) {
		t.Errorf("%v", err)
	}
	finish(t, l.Net, second, third, l.s, l.d)
}

// TestStyleChange: the old reservation is torn down before the new style goes
// out.
func TestStyleChange(t *testing.T) {
	l := newLine(t, nil)
	l.s.sender(lineSrc, 1000)
	l.d.reserve(rsvp.WF, flow(load(1000), ""))
	l.RunFor(time.Second)
	l.Log = nil
	l.d.reserve(rsvp.FF, flow(load(1000), lineSrc))
	l.RunFor(time.Second)
	expect(t, "sent", texts(l.Net, rsvp.Resv, rsvp.ResvTear),
		"D ResvTear "+unicast+" WF", "D Resv "+unicast+" FF [10.0.1.1:4000]{1000}",
		"R ResvTear "+unicast+" WF", "R Resv "+unicast+" FF [10.0.1.1:4000]{1000}")
	expect(t, "sender", []string{state(l.S)}, "FF paths=1 resvs=1 if1[10.0.1.1:4000]{1000}")
	finish(t, l.Net, l.s, l.d)
}

// TestBothAtOnce: a host that sends to and receives from a group: it reserves
// for the other's flow only.
func TestBothAtOnce(t *testing.T) {
	n := nodetest.New(6)
	r, x, y := n.Host("R", nodetest.Router, nil), n.Host("X", nodetest.EndHost, nil), n.Host("Y", nodetest.EndHost, nil)
	a, b := n.Segment(), n.Segment()
	r.Attach(a, "10.0.1.254")
	r.Attach(b, "10.0.2.254")
	x.Attach(a, "10.0.1.1")
	y.Attach(b, "10.0.2.1")
	ax, ay := register(t, x, group), register(t, y, group)
	for _, h := range []*nodetest.Host{x, y} {
		h.Join(1, port(group).Addr())
	}
	ax.sender("10.0.1.1:1", 1000)
	ay.sender("10.0.2.1:2", 2000)
	n.RunFor(time.Second)
	ax.confirm(rsvp.WF, flow(load(2000), ""))
	ay.confirm(rsvp.WF, flow(load(1000), ""))
	n.RunFor(time.Second)
	expect(t, "independent in both directions", []string{state(r)}, "WF paths=2 resvs=2 if1[]{2000} if2[]{1000}")
	for _, h := range []*nodetest.Host{x, y} {
		if len(h.Events(node.PathEvent)) != 1 || len(h.Events(node.ResvEvent)) != 1 || len(h.Events(node.ResvConfirm)) != 1 {
			t.Errorf("%s: %+v", h.Name, h.Upcalls)
		}
	}
	noDrops(t, n)
	finish(t, n, ax, ay)
}

// TestSeveralInterfaces: a receiver with two interfaces reserves where it says;
// a sender sends where it says.
func TestSeveralInterfaces(t *testing.T) {
	n := nodetest.New(7)
	x, y, d := n.Host("X", nodetest.EndHost, nil), n.Host("Y", nodetest.EndHost, nil), n.Host("D", nodetest.EndHost, nil)
	a, b := n.Segment(), n.Segment()
	x.Attach(a, "10.0.1.1")
	y.Attach(b, "10.0.2.1")
	d.Attach(a, "10.0.1.9")
	d.Attach(b, "10.0.2.9")
	ax, ay, ad := register(t, x, group), register(t, y, group), register(t, d, group)
	d.Join(1, port(group).Addr())
	d.Join(2, port(group).Addr())
	ax.sender("10.0.1.1:1", 1000)
	ay.sender("10.0.2.1:2", 1000)
	n.RunFor(time.Second)
	ad.call(func(now machine.Time, n *node.Node) error {
		return n.Reserve(now, ad.id, node.ReserveSpec{Style: rsvp.WF, InIf: 2, Flows: []node.FlowDescriptor{flow(load(1000), "")}})
	})
	n.RunFor(time.Second)
	if len(x.Events(node.ResvEvent)) != 0 || len(y.Events(node.ResvEvent)) != 1 {
		t.Errorf("%+v %+v", x.Upcalls, y.Upcalls)
	}
	if e := d.Events(node.PathEvent); len(e) != 2 || e[0].InIf != 1 || e[1].InIf != 2 {
		t.Errorf("%+v", e)
	}
	n.Log = nil
	ad.call(func(now machine.Time, n *node.Node) error {
		return n.Sender(now, ad.id, node.SenderSpec{Src: port("10.0.2.9:9"), TSpec: tspec(1), OutIf: 2})
	})
	if s, m := last(t, n); s.OutIf != 2 || m.Hop.Addr != addr("10.0.2.9") || len(n.Log) != 1 {
		t.Errorf("%+v", s)
	}
	d.Link(2, false)
	n.Log = nil
	n.RunFor(time.Minute)
	for _, s := range n.Log {
		if s.From == "D" && s.OutIf == 2 {
			t.Errorf("sent out a dead interface: %v", s)
		}
	}
	d.Link(2, true)
	n.RunFor(time.Second)
	if got := strings.Join(texts(n, rsvp.Path), "\n"); !strings.Contains(got, "D Path") {
		t.Errorf("no Path after the interface came back: %s", got)
	}
	finish(t, n, ad, ax, ay)
}

// TestLimits: remote input makes no more state than allowed, and each limit has
// its counter.
func TestLimits(t *testing.T) {
	l := newLine(t, func(c *node.Config) {
		c.Limits = node.Limits{Sessions: 3, Paths: 4, Reservations: 3, PathsPerSession: 2, ReservationsPerSession: 2}
	})
	path := rsvp.Message{Type: rsvp.Path, Session: rsvp.Session{Dst: addr("10.0.2.1"), Proto: 17, DstPort: 1},
		Hop: rsvp.Hop{Addr: addr("10.0.1.1"), LIH: 1}, TimeValues: rsvp.TimeValues{RefreshMS: 1000}, HasTSpec: true, TSpec: tspec(1000)}
	for dst := range uint16(5) {
		for src := range uint16(5) {
			path.Session.DstPort, path.Sender = 1+dst, rsvp.FilterSpec{Src: addr("10.0.1.1"), Port: 1 + src}
			inject(t, l.R, 2, "10.0.1.1", "10.0.2.1", path)
		}
	}
	if c := l.R.Node.Counters(); c.Sessions != 2 || c.Paths != 4 || c.Drops[node.DropPathsOfOne] != 3 || c.Drops[node.DropPaths] != 18 {
		t.Errorf("%+v", c)
	}
	resv := rsvp.Message{Type: rsvp.Resv, Session: path.Session, Hop: rsvp.Hop{Addr: addr("10.0.2.1")}, TimeValues: path.TimeValues, Style: rsvp.FF}
	for dst := range uint16(2) {
		for nhop := range byte(4) {
			resv.Session.DstPort, resv.Hop.Addr = 1+dst, netip.AddrFrom4([4]byte{10, 0, 2, 1 + nhop})
			resv.Flows = []rsvp.FlowDescriptor{{FlowSpec: load(1), Filters: []rsvp.FilterSpec{{Src: addr("10.0.1.1"), Port: 1}}}}
			inject(t, l.R, 1, "10.0.2.1", "10.0.2.254", resv)
		}
	}
	if c := l.R.Node.Counters(); c.Reservations != 3 || c.Drops[node.DropReservationsOfOne] != 2 || c.Drops[node.DropReservations] != 3 {
		t.Errorf("%+v", c)
	}
	l.RunFor(time.Minute)
	ids := []*app{register(t, l.R, "10.0.9.1:1"), register(t, l.R, "10.0.9.1:2"), register(t, l.R, "10.0.9.1:3")}
	l.R.Do(func(now machine.Time, n *node.Node) {
		if _, err := n.Session(now, node.SessionSpec{Dst: addr("10.0.9.1"), Proto: 17, DstPort: 4}); !errors.Is(err, node.ErrLimit) {
			t.Errorf("session: %v", err)
		}
		if err := n.Reserve(now, ids[0].id, node.ReserveSpec{Style: rsvp.SE, Flows: []node.FlowDescriptor{flow(load(1), "10.0.1.1:1 10.0.1.1:2 10.0.1.1:3")}}); !errors.Is(err, node.ErrLimit) {
			t.Errorf("reserve: %v", err)
		}
		for i, want := range []error{nil, nil, node.ErrLimit} {
			src := netip.AddrPortFrom(addr("10.0.1.254"), uint16(1+i))
			if err := n.Sender(now, ids[0].id, node.SenderSpec{Src: src, TSpec: tspec(1)}); !errors.Is(err, want) {
				t.Errorf("sender %d: %v", i, err)
			}
		}
	})
	path.Session.DstPort, path.Session.Dst = 77, addr("10.0.2.1")
	inject(t, l.R, 2, "10.0.1.1", "10.0.2.1", path)
	if c := l.R.Node.Counters(); c.Drops[node.DropSessions] != 1 {
		t.Errorf("%+v", c)
	}
	finish(t, l.Net, append(ids, l.s, l.d)...)
}

// TestSELimit: filters beyond the limit of a session are left out.
func TestSELimit(t *testing.T) {
	l := newLine(t, func(c *node.Config) { c.Limits.ReservationsPerSession = 2 })
	l.s.sender("10.0.1.1:1", 1000).sender("10.0.1.1:2", 1000).sender("10.0.1.1:3", 1000)
	l.RunFor(time.Second)
	l.d.reserve(rsvp.SE, flow(load(1000), "10.0.1.1:1 10.0.1.1:2 10.0.1.1:3"))
	l.RunFor(time.Second)
	expect(t, "router", []string{state(l.R)}, "SE paths=3 resvs=1 if1[10.0.1.1:1 10.0.1.1:2]{1000}")
	finish(t, l.Net, l.s, l.d)
}

// TestNotForUs: messages for other nodes are passed on unread by a router and
// dropped by a host (RFC 2205 section 2.9).
func TestNotForUs(t *testing.T) {
	l := newLine(t, nil)
	m := rsvp.Message{Type: rsvp.Resv, SendTTL: 255, Session: rsvp.Session{Dst: addr("10.0.2.1"), Proto: 17, DstPort: 5000},
		Hop: rsvp.Hop{Addr: addr("10.0.2.1"), LIH: 9}, TimeValues: rsvp.TimeValues{RefreshMS: 1000}, Style: rsvp.WF, Flows: []rsvp.FlowDescriptor{{FlowSpec: load(1)}}}
	b, err := m.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	give := func(h *nodetest.Host, dst string, ttl uint8) {
		h.Do(func(now machine.Time, n *node.Node) {
			n.HandleMessage(now, node.Incoming{InIf: 1, Src: addr("10.0.2.1"), Dst: addr(dst), TTL: ttl, Payload: b})
		})
	}
	give(l.R, "10.0.1.1", 60)
	if s := l.Log[0]; s.Dst != addr("10.0.1.1") || s.Src != addr("10.0.2.1") || s.TTL != 59 || s.OutIf != 2 || string(s.Payload) != string(b) || s.Cause != node.CauseForward {
		t.Errorf("%+v", s)
	}
	give(l.R, "10.0.1.1", 1)
	give(l.R, "10.9.9.9", 60)
	give(l.R, "224.1.1.1", 60)
	give(l.S, "10.0.2.1", 60)
	r, s := l.R.Node.Counters(), l.S.Node.Counters()
	if len(l.Log) != 1 || r.Forwarded != 1 || r.Drops[node.DropTTL] != 1 || r.Drops[node.DropNoRoute] != 1 || r.Drops[node.DropNotForUs] != 1 || s.Drops[node.DropNotForUs] != 1 {
		t.Errorf("%v %+v", l.Log, r)
	}
	// ResvConf for a third node at a host; without route or TTL at a router.
	conf := rsvp.Message{Type: rsvp.ResvConf, Session: m.Session, Error: rsvp.ErrorSpec{Node: addr("10.0.1.1")}, Confirm: addr("10.0.2.1"), Style: rsvp.WF, Flows: m.Flows}
	inject(t, l.S, 1, "10.0.1.9", "10.0.2.1", conf)
	inject(t, l.D, 1, "10.0.1.9", "10.0.2.1", conf) // for us, but nobody asked
	conf.SendTTL = 1
	inject(t, l.R, 2, "10.0.1.1", "10.0.2.1", conf)
	conf.SendTTL, conf.Confirm = 9, addr("10.9.9.9")
	inject(t, l.R, 2, "10.0.1.1", "10.9.9.9", conf)
	inject(t, l.R, 2, "10.0.1.1", "10.0.2.1", conf) // addressed to another than it names
	r, s = l.R.Node.Counters(), l.S.Node.Counters()
	if s.Drops[node.DropNotForUs] != 2 || l.D.Node.Counters().Drops[node.DropNoState] != 1 || r.Drops[node.DropTTL] != 2 || r.Drops[node.DropNoRoute] != 2 || r.Drops[node.DropNotForUs] != 2 {
		t.Errorf("%+v %+v", r, s)
	}
	finish(t, l.Net, l.s, l.d)
}

// TestMalformed: each way to be malformed has its counter and leaves nothing.
func TestMalformed(t *testing.T) {
	l := newLine(t, nil)
	path := rsvp.Message{Type: rsvp.Path, SendTTL: 64, Session: rsvp.Session{Dst: addr("10.0.2.1"), Proto: 17, DstPort: 5000},
		Hop: rsvp.Hop{Addr: addr("10.0.1.1"), LIH: 1}, TimeValues: rsvp.TimeValues{RefreshMS: 1000}, Sender: rsvp.NewFilterSpec(port(lineSrc)), HasTSpec: true, TSpec: tspec(1000)}
	tests := []struct {
		name   string
		change func(*rsvp.Message)
		patch  func([]byte) []byte
		want   node.Drop
	}{
		{"short", nil, func(b []byte) []byte { return b[:4] }, node.DropTruncated},
		{"length", nil, func(b []byte) []byte { return b[:len(b)-4] }, node.DropLength},
		{"version", nil, func(b []byte) []byte { b[0] = 0x20; return b }, node.DropVersion},
		{"checksum", nil, func(b []byte) []byte { b[2]++; return b }, node.DropChecksum},
		{"type", nil, func(b []byte) []byte { b[1], b[2], b[3] = 13, 0, 0; return b }, node.DropType},
		{"missing", nil, func(b []byte) []byte { b = append(b[:8:8], b[20:]...); b[2], b[3], b[7] = 0, 0, byte(len(b)); return b }, node.DropMissing},
		{"order", nil, func(b []byte) []byte { b[2], b[3], b[22] = 0, 0, 4; return b }, node.DropOrder},
		{"value", nil, func(b []byte) []byte { b[2], b[3], b[16] = 0, 0, 0; return b }, node.DropValue},
		{"duplicate", nil, func(b []byte) []byte { b[2], b[3], b[22] = 0, 0, 1; return b }, node.DropDuplicate},
		{"not allowed", nil, func(b []byte) []byte { b[2], b[3], b[22] = 0, 0, 6; return b }, node.DropNotAllowed},
		{"ports", func(m *rsvp.Message) { m.Session.DstPort = 0 }, nil, node.DropPorts},
		{"family of the hop", func(m *rsvp.Message) { m.Hop.Addr = addr("2001:db8::1") }, nil, node.DropFamily},
		{"family of the sender", func(m *rsvp.Message) { m.Sender.Src = addr("2001:db8::1") }, nil, node.DropFamily},
		{"our own", func(m *rsvp.Message) { m.Hop.Addr = addr("10.0.2.254") }, nil, node.DropOwn},
	}
	for _, tc := range tests {
		m := path
		if tc.change != nil {
			tc.change(&m)
		}
		b, err := m.AppendTo(nil)
		if err != nil {
			t.Fatal(err)
		}
		if tc.patch != nil {
			b = tc.patch(b)
		}
		before := l.R.Node.Counters()
		l.R.Do(func(now machine.Time, n *node.Node) {
			n.HandleMessage(now, node.Incoming{InIf: 2, Src: addr("10.0.1.1"), Dst: addr("10.0.1.254"), TTL: 64, Payload: b})
		})
		c := l.R.Node.Counters()
		if c.Drops[tc.want] != before.Drops[tc.want]+1 || c.Sessions != 0 || len(l.Log) != 0 {
			t.Errorf("%s: %v", tc.name, c.Drops)
		}
	}
	finish(t, l.Net, l.s, l.d)
}

// TestNames: every counter of drops has a name of its own.
func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range node.Drops() {
		if d.String() == "" || seen[d.String()] {
			t.Errorf("drop %d: %q", d, d)
		}
		seen[d.String()] = true
	}
	for k := node.PathEvent; k <= node.ResvConfirm; k++ {
		if k.String() == "" {
			t.Errorf("upcall %d has no name", k)
		}
	}
	if node.TCAdd.String() != "add" || (&node.TCError{Code: 1, Value: 2}).Error() != "traffic control: admission control failure (1/2)" {
		t.Error("names")
	}
}

// TestSnapshot pages through sessions in order.
func TestSnapshot(t *testing.T) {
	l := newLine(t, nil)
	var apps []*app
	for _, dst := range []string{"10.0.2.1:7", "10.0.1.9:8", "10.0.2.1:6", "[2001:db8::1]:1"} {
		apps = append(apps, register(t, l.R, dst))
	}
	var got []string
	for after := (rsvp.Session{}); ; {
		page := l.R.Node.Snapshot(after, 3)
		if len(page) == 0 {
			break
		}
		for _, s := range page {
			got = append(got, s.Session.String())
			after = s.Session
		}
	}
	expect(t, "order", got, "10.0.1.9/17:8", "10.0.2.1/17:6", "10.0.2.1/17:7", "2001:db8::1/17:1")
	l.up(1000)
	i := l.R.Node.Snapshot(rsvp.Session{Dst: addr("10.0.2.1"), Proto: 17, DstPort: 4999}, 1)[0]
	p, r := i.Paths[0], i.Reservations[0]
	if p.Local || p.InIf != 2 || p.PHop.Addr != addr("10.0.1.1") || p.OutIfs[0] != 1 || p.Expires <= l.Now || p.Asked != load(1000) || p.TSpec != tspec(1000) || !p.HasAd {
		t.Errorf("%+v", p)
	}
	if r.Local || r.If != 1 || r.NHop != addr("10.0.2.1") || r.Flow != load(1000) || r.Expires <= l.Now || i.Installed[0].Rate != 1000 || i.Installed[0].Pending {
		t.Errorf("%+v %+v", r, i.Installed)
	}
	d := l.D.Node.Snapshot(rsvp.Session{}, 1)[0]
	if d.Local != 1 || !d.Reservations[0].Local || d.Reservations[0].Expires != 0 || d.Installed[0].If != 0 {
		t.Errorf("%+v", d)
	}
	if n := len(l.R.Node.Snapshot(rsvp.Session{}, -1)); n != 0 {
		t.Errorf("%d sessions for a negative limit", n)
	}
	finish(t, l.Net, append(apps, l.s, l.d)...)
}

// TestTrace: transitions are recorded as they happen, with a reason.
func TestTrace(t *testing.T) {
	var got []string
	l := newLine(t, func(c *node.Config) { c.Trace = func(x machine.Transition) { got = append(got, x.String()) } })
	l.up(1000)
	l.s.sender(lineSrc, 1200)
	l.RunFor(time.Second)
	l.d.unreserve()
	l.RunFor(time.Second)
	l.s.release()
	l.RunFor(time.Second)
	const spec = "controlled-load r=1000 b=1500 p=inf m=64 M=1500"
	expect(t, "transitions", got,
		"rsvp/path R 10.0.2.1/17:5000 from 10.0.1.1:4000:  --Path--> Stored (new sender)",
		"rsvp/resv R 10.0.2.1/17:5000 FF by 10.0.2.1:  --Resv--> Stored (new request: "+spec+")",
		"rsvp/tc R 10.0.2.1/17:5000 if 1:  --Added--> InPlace ("+spec+")",
		"rsvp/path R 10.0.2.1/17:5000 from 10.0.1.1:4000: Stored --Path--> Stored (changed)",
		"rsvp/tc R 10.0.2.1/17:5000 if 1: InPlace --Modified--> InPlace ("+spec+")",
		"rsvp/resv R 10.0.2.1/17:5000 FF by 10.0.2.1: Stored --Gone-->  (ResvTear: "+spec+")",
		"rsvp/tc R 10.0.2.1/17:5000 if 1: InPlace --Removed-->  ("+spec+")",
		"rsvp/path R 10.0.2.1/17:5000 from 10.0.1.1:4000: Stored --PathTear-->  (torn)")
	finish(t, l.Net, l.s, l.d)
}
