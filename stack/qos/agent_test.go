package qos_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/node"
	"github.com/mpstack/mpstack/rsvp/node/nodetest"
	"github.com/mpstack/mpstack/stack/qos"
	"github.com/mpstack/mpstack/stack/winsock"
)

var (
	group   = netip.MustParseAddr("232.1.2.3")
	session = netip.AddrPortFrom(group, 6000)
)

// net is hosts around a router r, each with an agent: host i has the address
// 10.0.i.10, for i from 1 on.
type net struct {
	*nodetest.Net
	t      *testing.T
	router *nodetest.Host
	hosts  []*host
}

// host is a host with its agent.
type host struct {
	*nodetest.Host
	net   *net
	agent *qos.Agent
	addr  netip.Addr
	taken int // of Upcalls
	told  []qos.Indication
}

func newNet(t *testing.T, n int) *net {
	w := &net{Net: nodetest.New(1), t: t}
	w.router = w.Net.Host("r", nodetest.Router, func(c *node.Config) { c.TrafficControl = true })
	w.router.Answer = func(node.TCRequest) error { return nil }
	for i := range n {
		h := &host{Host: w.Net.Host(fmt.Sprint("h", i+1), nodetest.EndHost, nil), net: w}
		h.addr = netip.MustParseAddr(fmt.Sprintf("10.0.%d.10", i+1))
		seg := w.Segment()
		w.router.Attach(seg, fmt.Sprintf("10.0.%d.1", i+1))
		h.Attach(seg, h.addr.String())
		h.agent = qos.New(h.Node)
		w.hosts = append(w.hosts, h)
	}
	return w
}

// do calls a host's agent and takes what comes of it.
func (h *host) do(f func(now machine.Time, a *qos.Agent)) {
	h.Do(func(now machine.Time, _ *node.Node) { f(now, h.agent) })
	h.pump()
}

// pump hands the node's upcalls to the agent.
func (h *host) pump() {
	for h.taken < len(h.Upcalls) {
		u := h.Upcalls[h.taken]
		h.taken++
		h.Do(func(now machine.Time, _ *node.Node) { h.agent.HandleUpcall(now, u) })
	}
	for {
		i, ok := h.agent.Next()
		if !ok {
			return
		}
		h.told = append(h.told, *i)
	}
}

// pass lets time pass.
func (w *net) pass(d time.Duration) {
	for end := w.Now.Add(d); w.Now < end; {
		w.RunFor(time.Millisecond)
		for _, h := range w.hosts {
			h.pump()
		}
	}
}

// take returns the statuses that a host was told since the last call, each with
// its flow and the rate it concerns.
func (h *host) take() string {
	var all []string
	for _, i := range h.told {
		rate := i.QOS.Receiving.TokenRate
		if i.QOS.Receiving.ServiceType == winsock.SERVICETYPE_NOCHANGE {
			rate = i.QOS.Sending.TokenRate
		}
		s := fmt.Sprintf("%d:%s", i.Flow, strings.TrimPrefix(i.Status.Name(), "WSA_QOS_"))
		if rate != winsock.QOS_NOT_SPECIFIED {
			s += fmt.Sprintf("(%d)", rate)
		}
		all = append(all, s)
	}
	h.told = nil
	return strings.Join(all, " ")
}

func (h *host) told1(want string) {
	h.net.t.Helper()
	if got := h.take(); got != want {
		h.net.t.Errorf("%s was told %q, want %q", h.Name, got, want)
	}
}

// open opens a flow, which must succeed.
func (h *host) open(e qos.Endpoint, q winsock.QOS) (id qos.FlowID) {
	h.net.t.Helper()
	h.do(func(now machine.Time, a *qos.Agent) {
		var err error
		if id, err = a.Open(now, e, q); err != nil {
			h.net.t.Fatalf("%s: %v", h.Name, err)
		}
	})
	return id
}

func (h *host) set(id qos.FlowID, q winsock.QOS) (err error) {
	h.do(func(now machine.Time, a *qos.Agent) { err = a.Set(now, id, q) })
	return err
}

func (h *host) close(id qos.FlowID) {
	h.do(func(now machine.Time, a *qos.Agent) { a.Close(now, id) })
}

// sender is an endpoint that sends from port 5000.
func (h *host) sender() qos.Endpoint {
	return qos.Endpoint{Session: session, Sender: netip.AddrPortFrom(h.addr, 5000), If: 1, TTL: 16}
}

// receiver is an endpoint that receives, from one sender where from is given.
func (h *host) receiver(from *host) qos.Endpoint {
	e := qos.Endpoint{Session: session, Receives: true, If: 1, TTL: 16}
	if from != nil {
		e.Filter = netip.AddrPortFrom(from.addr, 5000)
	}
	h.Host.Join(1, group)
	return e
}

// sends asks for a rate to send at, receives for one to receive at.
func sends(rate uint32) winsock.QOS {
	q := winsock.DefaultQOS
	q.Sending.ServiceType, q.Sending.TokenRate = winsock.SERVICETYPE_GENERAL_INFORMATION, rate
	return q
}

func receives(serviceType, rate uint32) winsock.QOS {
	q := winsock.DefaultQOS
	q.Receiving.ServiceType, q.Receiving.TokenRate = serviceType, rate
	return q
}

func confirmed(q winsock.QOS) winsock.QOS {
	q.ProviderSpecific, _ = winsock.ReserveInfo{ConfirmRequest: true}.AppendTo(nil)
	return q
}

const (
	any  = winsock.QOS_NOT_SPECIFIED
	cl   = winsock.SERVICETYPE_CONTROLLEDLOAD
	gs   = winsock.SERVICETYPE_GUARANTEED
	none = winsock.SERVICETYPE_NOTRAFFIC
)

// rests checks that nothing is left when all flows are closed.
func (w *net) rests() {
	w.t.Helper()
	w.pass(10 * time.Second)
	if !w.Quiet() {
		w.t.Error("the network is not quiet")
	}
	for _, h := range w.hosts {
		if !h.agent.Quiet() {
			w.t.Errorf("%s's agent is not quiet", h.Name)
		}
	}
	if w.t.Failed() {
		w.t.Log(strings.Join(w.Take(), "\n"))
	}
}

// count returns how many messages a host sent whose line has the words.
func (w *net) count(from string, words ...string) (n int) {
	for _, s := range w.Log {
		line := s.String()
		hit := s.From == from
		for _, word := range words {
			hit = hit && strings.Contains(line, word)
		}
		if hit {
			n++
		}
	}
	return n
}

// TestEitherOrder: Q7, Q12, Q15, Q16: PATH needs session and QoS, RESV needs QoS
// and PATH, in either order; Q32: one confirmation.
func TestEitherOrder(t *testing.T) {
	for _, receiverFirst := range []bool{true, false} {
		w := newNet(t, 2)
		a, b := w.hosts[0], w.hosts[1]
		var fa, fb qos.FlowID
		steps := []func(){
			func() { fa = a.open(a.sender(), sends(1000)) },
			func() { fb = b.open(b.receiver(a), confirmed(receives(cl, any))) },
		}
		if receiverFirst {
			steps[0], steps[1] = steps[1], steps[0]
		}
		for _, step := range steps {
			if w.count("h2", "Resv ") > 0 {
				t.Error("RESV without PATH")
			}
			step()
			w.pass(100 * time.Millisecond)
		}
		a.told1("1:RECEIVERS(1000)")
		b.told1("1:SENDERS(1000) 1:REQUEST_CONFIRMED")
		w.pass(2 * time.Minute) // refreshes change nothing
		a.told1("")
		b.told1("")
		if err := b.set(fb, confirmed(winsock.DefaultQOS)); err != nil {
			t.Error(err)
		}
		w.pass(100 * time.Millisecond)
		b.told1("1:REQUEST_CONFIRMED")
		b.close(fb)
		w.pass(100 * time.Millisecond)
		a.told1("1:NO_RECEIVERS(1000)")
		a.close(fa)
		a.close(fa) // which does nothing
		w.rests()
		a.told1("")
		b.told1("")
	}
}

// TestDirectionsEnd: Q31, Q44: NOTRAFFIC and BESTEFFORT end one direction,
// NOCHANGE leaves it alone.
func TestDirectionsEnd(t *testing.T) {
	w := newNet(t, 2)
	a, b := w.hosts[0], w.hosts[1]
	fa := a.open(a.sender(), sends(1000))
	fb := b.open(b.receiver(nil), receives(cl, any))
	w.pass(100 * time.Millisecond)
	b.take()
	for _, end := range []uint32{none, winsock.SERVICETYPE_BESTEFFORT, cl | winsock.SERVICE_NO_QOS_SIGNALING} {
		w.Log = nil
		if err := b.set(fb, receives(end, any)); err != nil {
			t.Error(err)
		}
		if err := b.set(fb, sends(5)); err != nil { // W44: it does not send
			t.Error(err)
		}
		w.pass(100 * time.Millisecond)
		if w.count("h2", "ResvTear") != 1 || w.count("h2", "Path") != 0 {
			t.Errorf("service type %#x does not end the reservation alone", end)
		}
		if err := b.set(fb, receives(cl, any)); err != nil {
			t.Error(err)
		}
		w.pass(100 * time.Millisecond)
	}
	if err := a.set(fa, receives(cl, any)); err != nil { // NOCHANGE for what it sends
		t.Error(err)
	}
	a.take()
	b.told1("")
	w.Log = nil
	stop := winsock.DefaultQOS
	stop.Sending.ServiceType = none
	if err := a.set(fa, stop); err != nil {
		t.Error(err)
	}
	w.pass(100 * time.Millisecond)
	if w.count("h1", "PathTear") != 1 {
		t.Error("NOTRAFFIC does not end the sender")
	}
	b.told1("1:NO_SENDERS")
	a.close(fa)
	b.close(fb)
	w.rests()
}

// TestWildcard: Q22, Q23, Q27: one wildcard reservation for all senders, of the
// largest; Q33: first and last sender are told.
func TestWildcard(t *testing.T) {
	w := newNet(t, 3)
	a, b, c := w.hosts[0], w.hosts[1], w.hosts[2]
	fc := c.open(c.receiver(nil), receives(cl, any))
	fa, fb := a.open(a.sender(), sends(1000)), b.open(b.sender(), sends(3000))
	w.pass(100 * time.Millisecond)
	c.told1("1:SENDERS(1000)")
	if w.count("h3", "Resv ", "WF", "{3000}") == 0 || w.count("h3", " FF ") > 0 {
		t.Error("no wildcard reservation of 3000")
	}
	w.Log = nil
	b.close(fb)
	w.pass(100 * time.Millisecond)
	c.told1("")
	if w.count("h3", "Resv ", "{1000}") == 0 {
		t.Error("the reservation is not lowered to what is left")
	}
	a.close(fa)
	w.pass(100 * time.Millisecond)
	c.told1("1:NO_SENDERS")
	c.close(fc)
	w.rests()
}

// TestFilter: a flow with a filter hears of its sender alone.
func TestFilter(t *testing.T) {
	w := newNet(t, 3)
	a, b, c := w.hosts[0], w.hosts[1], w.hosts[2]
	fc := c.open(c.receiver(b), receives(cl, any))
	fa := a.open(a.sender(), sends(1000))
	w.pass(100 * time.Millisecond)
	c.told1("")
	fb := b.open(b.sender(), sends(3000))
	w.pass(100 * time.Millisecond)
	c.told1("1:SENDERS(3000)")
	if w.count("h3", "Resv ", "FF", "10.0.2.10", "{3000}") == 0 || w.count("h3", "10.0.1.10") > 0 {
		t.Error("no reservation for the one sender alone")
	}
	a.close(fa)
	w.pass(100 * time.Millisecond)
	c.told1("")
	b.close(fb)
	w.pass(100 * time.Millisecond)
	c.told1("1:NO_SENDERS")
	c.close(fc)
	w.rests()
}

// TestSenderChanges: a changed Tspec changes the reservation, not the statuses.
func TestSenderChanges(t *testing.T) {
	w := newNet(t, 2)
	a, b := w.hosts[0], w.hosts[1]
	fa := a.open(a.sender(), sends(1000))
	fb := b.open(b.receiver(a), receives(cl, any))
	w.pass(100 * time.Millisecond)
	a.take()
	b.take()
	if err := a.set(fa, sends(2000)); err != nil {
		t.Error(err)
	}
	w.pass(100 * time.Millisecond)
	a.told1("")
	b.told1("")
	if w.count("h2", "Resv ", "{2000}") == 0 {
		t.Error("the reservation did not follow")
	}
	a.close(fa)
	b.close(fb)
	w.rests()
}

// TestFlowsOfOneSession: two flows of one host in one RSVP session, each with
// its own end.
func TestFlowsOfOneSession(t *testing.T) {
	w := newNet(t, 2)
	a, b := w.hosts[0], w.hosts[1]
	fa := a.open(a.sender(), sends(4000))
	one := b.open(b.receiver(a), confirmed(receives(cl, 1000)))
	two := b.open(b.receiver(a), confirmed(receives(cl, 2000)))
	w.pass(100 * time.Millisecond)
	a.told1("1:RECEIVERS(4000)")
	b.told1("1:SENDERS(4000) 2:SENDERS(4000) 1:REQUEST_CONFIRMED(1000) 2:REQUEST_CONFIRMED(2000)")
	b.close(two)
	w.pass(100 * time.Millisecond)
	a.told1("")
	if err := b.set(one, receives(cl, 1500)); err != nil {
		t.Error(err)
	}
	w.pass(100 * time.Millisecond)
	b.close(one)
	w.pass(100 * time.Millisecond)
	a.told1("1:NO_RECEIVERS(4000)")
	a.close(fa)
	w.rests()
}

// TestRefusals: what the node refuses leaves things as they were.
func TestRefusals(t *testing.T) {
	w := newNet(t, 2)
	a, b := w.hosts[0], w.hosts[1]
	fa := a.open(a.sender(), sends(4000))
	a.do(func(now machine.Time, g *qos.Agent) {
		if _, err := g.Open(now, a.sender(), sends(1)); !errors.Is(err, node.ErrInUse) {
			t.Errorf("a second sender of one template: %v", err)
		}
		if _, err := g.Open(now, qos.Endpoint{}, sends(1)); !errors.Is(err, node.ErrAddress) {
			t.Errorf("no session: %v", err)
		}
		if err := g.Set(now, 99, sends(1)); !errors.Is(err, node.ErrSession) {
			t.Errorf("an unknown flow: %v", err)
		}
	})
	one := b.open(b.receiver(a), receives(cl, 1000))
	two := b.open(b.receiver(a), receives(none, any))
	w.pass(100 * time.Millisecond)
	b.told1("1:SENDERS(4000) 2:SENDERS(4000)")
	// All receivers of a session choose one service (RFC 2210 section 2.2).
	err := b.set(two, receives(gs, any))
	if !errors.Is(err, node.ErrService) || qos.ErrnoOf(err) != winsock.WSA_QOS_TRAFFIC_CTRL_ERROR {
		t.Errorf("two services in one session: %v", err)
	}
	three := b.open(b.receiver(a), receives(gs, any)) // PATH is known after the call
	w.pass(100 * time.Millisecond)
	b.told1("3:SENDERS(4000) 3:TRAFFIC_CTRL_ERROR")
	if err := b.set(one, receives(gs, any)); err != nil { // the only reservation may
		t.Error(err)
	}
	w.pass(100 * time.Millisecond)
	for _, id := range []qos.FlowID{one, two, three} {
		b.close(id)
	}
	a.close(fa)
	w.rests()
}

// TestNetworkErrors: ResvErr and PathErr become statuses (Q40).
func TestNetworkErrors(t *testing.T) {
	w := newNet(t, 2)
	a, b := w.hosts[0], w.hosts[1]
	w.router.Answer = func(node.TCRequest) error {
		return &node.TCError{Code: rsvp.CodeAdmission, Value: rsvp.ValueDelay}
	}
	fa := a.open(a.sender(), sends(4000))
	fb := b.open(b.receiver(a), receives(cl, 1000))
	w.pass(100 * time.Millisecond)
	i := b.told[len(b.told)-1]
	if i.Extended1 != winsock.GQOS_NET_ADMISSION || i.Extended2 != winsock.GQOS_DELAYBND ||
		i.QOS.Sending.ServiceType != winsock.SERVICETYPE_NOCHANGE {
		t.Errorf("%+v", i)
	}
	b.told1("1:SENDERS(4000) 1:ADMISSION_FAILURE(1000)")
	a.told1("")
	u := node.Upcall{Session: 1, Kind: node.PathError, Error: rsvp.ErrorSpec{Code: rsvp.CodePolicy, Value: 3}}
	a.do(func(now machine.Time, g *qos.Agent) { g.HandleUpcall(now, u) })
	a.told1("1:POLICY_FAILURE(4000)")
	u.Session = 77
	a.do(func(now machine.Time, g *qos.Agent) { g.HandleUpcall(now, u) })
	a.told1("")
	a.close(fa)
	b.close(fb)
	w.rests()
}
