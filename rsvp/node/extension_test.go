package node_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/intserv"
	"github.com/mpstack/mpstack/rsvp/node"
	"github.com/mpstack/mpstack/wire/object"
)

// rawOf is an object of a message's raw lists.
func rawOf(t *testing.T, b []byte, err error) rsvp.Raw {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	o, _, err := object.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return rsvp.Raw{Object: o}
}

// TestGPI: RFC 2207: sessions and senders named by a virtual port and a GPI are
// carried through a router as others are; a filter with another GPI names no
// sender.
func TestGPI(t *testing.T) {
	l := newLine(t, nil)
	session := rsvp.Session{Kind: rsvp.SessionGPI, Dst: addr("10.0.2.1"), Proto: 50, DstPort: 9000}
	spi := rsvp.FilterSpec{Kind: rsvp.FilterGPI, Src: addr("10.0.1.1"), ID: 0xcafe0001}
	path := rsvp.Message{Type: rsvp.Path, Session: session, Hop: rsvp.Hop{Addr: addr("10.0.1.1"), LIH: 1},
		TimeValues: rsvp.TimeValues{RefreshMS: 30000}, Sender: spi, HasTSpec: true, TSpec: tspec(1000)}
	inject(t, l.R, 2, "10.0.1.1", "10.0.2.1", path)
	if _, m := last(t, l.Net); m.Type != rsvp.Path || m.Session.Key() != session || m.Sender != spi {
		t.Errorf("%v", m)
	}
	// A session of another kind with the same numbers is another session.
	plain := path
	plain.Session.Kind, plain.Session.DstPort, plain.Sender = rsvp.SessionPorts, 0, rsvp.FilterSpec{Src: spi.Src}
	inject(t, l.R, 2, "10.0.1.1", "10.0.2.1", plain)
	if c := l.R.Node.Counters(); c.Sessions != 2 || c.Paths != 2 {
		t.Errorf("%+v", c)
	}
	resv := rsvp.Message{Type: rsvp.Resv, Session: session, Hop: rsvp.Hop{Addr: addr("10.0.2.1"), LIH: 1}, TimeValues: path.TimeValues, Style: rsvp.FF,
		Flows: []rsvp.FlowDescriptor{{FlowSpec: load(1000), Filters: []rsvp.FilterSpec{spi}}}}
	inject(t, l.R, 1, "10.0.2.1", "10.0.2.254", resv)
	if _, m := last(t, l.Net); m.Type != rsvp.Resv || m.Flows[0].Filters[0] != spi {
		t.Errorf("%v", m)
	}
	resv.Flows[0].Filters = []rsvp.FilterSpec{{Kind: rsvp.FilterGPI, Src: spi.Src, ID: 1}}
	inject(t, l.R, 1, "10.0.2.1", "10.0.2.254", resv)
	if _, m := last(t, l.Net); m.Type != rsvp.ResvErr || m.Error.Code != rsvp.CodeNoSender {
		t.Errorf("%v", m)
	}
}

// TestLabelSwitching: a node without label switching answers what RFC 3209
// sections 4.2.4 and 4.6 say: unknown C-Type of the SESSION, unknown class of a
// LABEL_REQUEST.
func TestLabelSwitching(t *testing.T) {
	l := newLine(t, nil)
	path := rsvp.Message{Type: rsvp.Path, Session: rsvp.Session{Kind: rsvp.SessionTunnel, Dst: addr("10.0.2.1"), DstPort: 7}, Hop: rsvp.Hop{Addr: addr("10.0.1.1"), LIH: 1},
		TimeValues: rsvp.TimeValues{RefreshMS: 30000}, Sender: rsvp.FilterSpec{Kind: rsvp.FilterTunnel, Src: addr("10.0.1.1"), Port: 1}, HasTSpec: true, TSpec: tspec(1000)}
	inject(t, l.R, 2, "10.0.1.1", "10.0.2.1", path)
	s, m := last(t, l.Net)
	if m.Type != rsvp.PathErr || m.Error.Code != rsvp.CodeUnknownCType || m.Error.Value != 1<<8|7 || m.Session != path.Session || m.Sender != path.Sender || s.Dst != addr("10.0.1.1") {
		t.Errorf("%v", m)
	}
	path.Session = rsvp.Session{Dst: addr("10.0.2.1"), Proto: 17, DstPort: 5000}
	path.Sender = rsvp.NewFilterSpec(port(lineSrc))
	b, err := rsvp.LabelRequest{CType: 1, L3PID: 0x0800}.AppendTo(nil)
	path.Other = []rsvp.Raw{rawOf(t, b, err)}
	inject(t, l.R, 2, "10.0.1.1", "10.0.2.1", path)
	if _, m := last(t, l.Net); m.Type != rsvp.PathErr || m.Error.Code != rsvp.CodeUnknownClass || m.Error.Value != 19<<8|1 {
		t.Errorf("%v", m)
	}
	if c := l.R.Node.Counters(); c.Paths != 0 || c.Drops[node.DropUnknownCType] != 1 || c.Drops[node.DropUnknownClass] != 1 {
		t.Errorf("%+v", c)
	}
}

// TestForwardedClasses: what the codec knows and the node does not act on is
// forwarded or ignored as its high bits say.
func TestForwardedClasses(t *testing.T) {
	l := newLine(t, nil)
	path := rsvp.Message{Type: rsvp.Path, Session: rsvp.Session{Dst: addr("10.0.2.1"), Proto: 17, DstPort: 5000}, Hop: rsvp.Hop{Addr: addr("10.0.1.1"), LIH: 1},
		TimeValues: rsvp.TimeValues{RefreshMS: 30000}, Sender: rsvp.NewFilterSpec(port(lineSrc)), HasTSpec: true, TSpec: tspec(1000), DClass: []uint8{10}}
	b, err := rsvp.SessionAttribute{Name: []byte("x")}.AppendTo(nil)
	attr := rawOf(t, b, err)
	b, err = rsvp.Label{CType: 1}.AppendAs(nil, rsvp.ClassSuggestedLabel) // 10bbbbbb: ignored
	path.Other = []rsvp.Raw{attr, rawOf(t, b, err)}
	inject(t, l.R, 2, "10.0.1.1", "10.0.2.1", path)
	if _, m := last(t, l.Net); m.Type != rsvp.Path || len(m.Other) != 1 || m.Other[0].Class != attr.Class || len(m.DClass) != 1 || m.DClass[0] != 10 {
		t.Errorf("%v", m)
	}
}

// TestResvTearConf: seen in the field, and tolerated.
func TestResvTearConf(t *testing.T) {
	l := newLine(t, nil).up(1000)
	before := state(l.R)
	l.Log = nil
	inject(t, l.R, 1, "10.0.2.1", "10.0.2.254", rsvp.Message{Type: rsvp.ResvTearConf, Session: rsvp.Session{Dst: addr("10.0.2.1"), Proto: 17, DstPort: 5000}})
	if c := l.R.Node.Counters(); c.Received[rsvp.ResvTearConf] != 1 || state(l.R) != before || len(l.Log) != 0 {
		t.Errorf("%+v", c)
	}
	noDrops(t, l.Net)
	finish(t, l.Net, l.s, l.d)
}

// TestNullServiceLine: RFC 2997: a sender states M alone, the routers offer the
// service, and a request for it is admitted without taking bandwidth.
func TestNullServiceLine(t *testing.T) {
	l := newLine(t, nil)
	l.R.Do(func(now machine.Time, n *node.Node) { n.Configure(now, node.Interface{Index: 1, Rate: 1000}) })
	l.s.call(func(now machine.Time, n *node.Node) error {
		return n.Sender(now, l.s.id, node.SenderSpec{Src: port(lineSrc), Null: 1400})
	})
	l.RunFor(time.Second)
	e := l.D.Events(node.PathEvent)
	if len(e) != 1 || e[0].TSpec != (intserv.TSpec{}) || e[0].Null != (rsvp.NullTSpec{Present: true, MaxPacket: 1400}) ||
		!e[0].AdSpec.Usable(intserv.Null) || e[0].AdSpec.Usable(intserv.ControlledLoad) || e[0].AdSpec.General.Hops != 2 {
		t.Fatalf("%+v", e)
	}
	null := intserv.FlowSpec{Service: intserv.Null, TSpec: intserv.TSpec{MaxPacket: 1400}}
	l.d.reserve(rsvp.FF, flow(null, lineSrc))
	l.RunFor(time.Second)
	expect(t, "sender", []string{state(l.S)}, "FF paths=1 resvs=1 if1[10.0.1.1:4000]{0}")
	if used, _ := l.R.Node.Reserved(1); used != 0 {
		t.Errorf("%d bytes/s are taken", used)
	}
	if e := l.S.Events(node.ResvEvent); len(e) != 1 || e[0].FlowSpec != null {
		t.Errorf("%+v", e)
	}
	noDrops(t, l.Net)
	// Beside a token bucket, both travel.
	l.s.call(func(now machine.Time, n *node.Node) error {
		return n.Sender(now, l.s.id, node.SenderSpec{Src: port(lineSrc), TSpec: tspec(500), Null: 1300})
	})
	l.RunFor(time.Second)
	if e := l.D.Events(node.PathEvent); len(e) != 2 || e[1].TSpec != tspec(500) || e[1].Null.MaxPacket != 1300 || !e[1].AdSpec.Usable(intserv.ControlledLoad) {
		t.Errorf("%+v", e)
	}
	finish(t, l.Net, l.s, l.d)
}

// TestDClass: the code points that the network puts into a Resv reach the
// application that sends, when they come and when they change (RFC 2996).
func TestDClass(t *testing.T) {
	l := newLine(t, nil)
	l.s.sender(lineSrc, 1000)
	l.RunFor(time.Second)
	resv := rsvp.Message{Type: rsvp.Resv, SendTTL: 255, Session: rsvp.Session{Dst: addr("10.0.2.1"), Proto: 17, DstPort: 5000}, Hop: rsvp.Hop{Addr: addr("10.0.2.1")},
		TimeValues: rsvp.TimeValues{RefreshMS: 30000}, Style: rsvp.FF, Flows: []rsvp.FlowDescriptor{{FlowSpec: load(1000), Filters: []rsvp.FilterSpec{rsvp.NewFilterSpec(port(lineSrc))}}}}
	for _, dscps := range [][]uint8{{10, 12}, {10, 12}, {46}, nil} {
		resv.DClass = dscps
		inject(t, l.R, 1, "10.0.2.1", "10.0.2.254", resv)
		l.RunFor(time.Second)
	}
	var got [][]uint8
	for _, e := range l.S.Events(node.ResvEvent) {
		got = append(got, e.DClass)
	}
	if d := cmp.Diff([][]uint8{{10, 12}, {46}, nil}, got); d != "" {
		t.Error(d)
	}
}
