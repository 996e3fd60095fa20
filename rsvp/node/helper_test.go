package node_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/intserv"
	"github.com/mpstack/mpstack/rsvp/node"
	"github.com/mpstack/mpstack/rsvp/node/nodetest"
)

func addr(s string) netip.Addr     { return netip.MustParseAddr(s) }
func port(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func tspec(rate float32) intserv.TSpec {
	return intserv.TSpec{Rate: rate, Depth: 1500, Peak: intserv.Infinity(), MinUnit: 64, MaxPacket: 1500}
}

// load is controlled load at a rate.
func load(rate float32) intserv.FlowSpec {
	return intserv.FlowSpec{Service: intserv.ControlledLoad, TSpec: tspec(rate)}
}

// guaranteed is guaranteed service: Tspec rate r, reserved rate R.
func guaranteed(r, R float32) intserv.FlowSpec {
	return intserv.FlowSpec{Service: intserv.Guaranteed, TSpec: tspec(r), RSpec: intserv.RSpec{Rate: R}}
}

// app is one registration on a host.
type app struct {
	t    *testing.T
	h    *nodetest.Host
	id   node.SessionID
	gone bool
}

func register(t *testing.T, h *nodetest.Host, dst string) *app {
	t.Helper()
	a := &app{t: t, h: h}
	d := port(dst)
	h.Do(func(now machine.Time, n *node.Node) {
		id, err := n.Session(now, node.SessionSpec{Dst: d.Addr(), Proto: 17, DstPort: d.Port()})
		if err != nil {
			t.Fatal(err)
		}
		a.id = id
	})
	return a
}

// call makes an API call that must succeed.
func (a *app) call(f func(now machine.Time, n *node.Node) error) {
	a.t.Helper()
	a.h.Do(func(now machine.Time, n *node.Node) {
		if err := f(now, n); err != nil {
			a.t.Fatalf("%s: %v", a.h.Name, err)
		}
	})
}

func (a *app) sender(src string, rate float32) *app {
	a.t.Helper()
	a.call(func(now machine.Time, n *node.Node) error {
		return n.Sender(now, a.id, node.SenderSpec{Src: port(src), TSpec: tspec(rate)})
	})
	return a
}

func (a *app) unsend(src string) {
	a.t.Helper()
	a.call(func(now machine.Time, n *node.Node) error { return n.ReleaseSender(now, a.id, port(src)) })
}

// flow is a flow descriptor: "10.0.0.1:1 10.0.0.2:2" and a flowspec.
func flow(f intserv.FlowSpec, filters string) node.FlowDescriptor {
	d := node.FlowDescriptor{Flow: f}
	for _, s := range strings.Fields(filters) {
		d.Filters = append(d.Filters, port(s))
	}
	return d
}

func (a *app) reserve(style rsvp.Style, flows ...node.FlowDescriptor) *app {
	a.t.Helper()
	a.call(func(now machine.Time, n *node.Node) error {
		return n.Reserve(now, a.id, node.ReserveSpec{Style: style, Flows: flows})
	})
	return a
}

func (a *app) confirm(style rsvp.Style, flows ...node.FlowDescriptor) *app {
	a.t.Helper()
	a.call(func(now machine.Time, n *node.Node) error {
		return n.Reserve(now, a.id, node.ReserveSpec{Style: style, Flows: flows, Confirm: true})
	})
	return a
}

func (a *app) unreserve() {
	a.t.Helper()
	a.call(func(now machine.Time, n *node.Node) error { return n.ReleaseReservation(now, a.id) })
}

func (a *app) release() {
	a.t.Helper()
	a.gone = true
	a.call(func(now machine.Time, n *node.Node) error { return n.Release(now, a.id) })
}

// finish releases what is left of the applications; then nothing may remain
// anywhere.
func finish(t *testing.T, n *nodetest.Net, apps ...*app) {
	t.Helper()
	n.Lose = nil
	for _, a := range apps {
		if !a.gone {
			a.release()
		}
		n.RunFor(time.Second)
	}
	if !n.Quiet() {
		for _, h := range n.Hosts {
			if h.Node != nil && !h.Node.Quiet() {
				t.Errorf("%s is not quiet: %+v", h.Name, h.Node.Snapshot(rsvp.Session{}, 10))
			}
		}
	}
}

// texts returns the messages of the log of some types, as "from>if text", and
// empties the log.
func texts(n *nodetest.Net, types ...rsvp.MessageType) (list []string) {
	for _, s := range n.Log {
		for _, typ := range types {
			if rsvp.MessageType(s.Payload[1]) == typ {
				list = append(list, s.From+" "+nodetest.Text(s.Payload))
			}
		}
	}
	n.Log = nil
	return list
}

func expect(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if len(got) == 0 && len(want) == 0 {
		return
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// noDrops checks that no node counted a drop but of the reasons given.
func noDrops(t *testing.T, n *nodetest.Net, but ...node.Drop) {
	t.Helper()
	for _, h := range n.Hosts {
		if h.Node == nil {
			continue
		}
		c := h.Node.Counters()
		for _, d := range but {
			c.Drops[d] = 0
		}
		for _, d := range node.Drops() {
			if c.Drops[d] != 0 {
				t.Errorf("%s dropped %d: %v", h.Name, c.Drops[d], d)
			}
		}
	}
}

// inject gives a host a message as if it had come in.
func inject(t *testing.T, h *nodetest.Host, inIf int, src, dst string, m rsvp.Message) {
	t.Helper()
	if m.SendTTL == 0 {
		m.SendTTL = 64
	}
	b, err := m.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	h.Do(func(now machine.Time, n *node.Node) {
		n.HandleMessage(now, node.Incoming{InIf: inIf, Src: addr(src), Dst: addr(dst), TTL: m.SendTTL, Payload: b})
	})
}

// last decodes the latest message of the log.
func last(t *testing.T, n *nodetest.Net) (nodetest.Sent, *rsvp.Message) {
	t.Helper()
	if len(n.Log) == 0 {
		t.Fatal("nothing was sent")
	}
	s := n.Log[len(n.Log)-1]
	var m rsvp.Message
	if err := m.Decode(s.Payload); err != nil {
		t.Fatal(err)
	}
	return s, &m
}

// state is a session's state in short: "style paths=N resvs=N installed=N".
func state(h *nodetest.Host) string {
	var b strings.Builder
	for _, s := range h.Node.Snapshot(rsvp.Session{}, 100) {
		fmt.Fprintf(&b, "%v paths=%d resvs=%d", s.Style, len(s.Paths), len(s.Reservations))
		for _, i := range s.Installed {
			fmt.Fprintf(&b, " if%d%v{%g}", i.If, i.Filters, i.Flow.Bandwidth())
		}
	}
	return b.String()
}

// line is sender S, router R, receiver D, unicast.
type line struct {
	*nodetest.Net
	S, R, D *nodetest.Host
	s, d    *app
}

const (
	lineSrc = "10.0.1.1:4000"
	lineDst = "10.0.2.1:5000"
)

func newLine(t *testing.T, change func(*node.Config)) *line {
	n := nodetest.New(1)
	l := &line{Net: n, S: n.Host("S", nodetest.EndHost, nil), R: n.Host("R", nodetest.Router, change), D: n.Host("D", nodetest.EndHost, nil)}
	a, b := n.Segment(), n.Segment()
	l.S.Attach(a, "10.0.1.1", "2001:db8:1::1")
	l.R.Attach(b, "10.0.2.254", "2001:db8:2::fe") // so that interface 1 leads down: the LIH must not be the index
	l.R.Attach(a, "10.0.1.254", "2001:db8:1::fe")
	l.D.Attach(b, "10.0.2.1", "2001:db8:2::1")
	l.s, l.d = register(t, l.S, lineDst), register(t, l.D, lineDst)
	return l
}

// up makes the line's reservation.
func (l *line) up(rate float32) *line {
	l.s.sender(lineSrc, rate)
	l.RunFor(time.Second)
	l.d.reserve(rsvp.FF, flow(load(rate), lineSrc))
	l.RunFor(time.Second)
	return l
}
