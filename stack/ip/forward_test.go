package ip_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/ip"
	"github.com/mpstack/mpstack/wire/inet"
)

// families are the addresses of the routed topology by family.
var families = []struct {
	name, s, x, y, z, ssm, asm string
}{
	{name: "IPv4", s: "10.1.0.1", x: "10.2.0.1", y: "10.2.0.2", z: "10.3.0.1", ssm: ssm4, asm: asm4},
	{name: "IPv6", s: "2001:db8:1::1", x: "2001:db8:2::1", y: "2001:db8:2::2", z: "2001:db8:3::1", ssm: ssm6, asm: asm6},
}

func join(a, port string) string {
	if addr(a).Is6() {
		return "[" + a + "]:" + port
	}
	return a + ":" + port
}

func TestUnicastForwarding(t *testing.T) {
	t.Parallel()
	for _, f := range families {
		n := newRouted(t, ip.Config{})
		n.settle()
		n.x.bind(join(f.x, "7"))
		n.s.bind(join(f.s, "1000"))
		n.s.udp(join(f.s, "1000"), join(f.x, "7"), 0, 20, "there")
		n.run(time.Second)
		n.x.wantDatagrams(join(f.s, "1000") + ">" + join(f.x, "7") + " there")
		if ttl := n.x.kind(ip.KindDatagram)[0].TTL; ttl != 19 {
			t.Errorf("%s: TTL %d, want 19", f.name, ttl)
		}
		n.x.udp(join(f.x, "7"), join(f.s, "1000"), 0, 0, "back")
		n.run(time.Second)
		n.s.wantDatagrams(join(f.x, "7") + ">" + join(f.s, "1000") + " back")
		n.r.wantCounter("packets/forwarded", 2)
	}
}

func TestForwardingErrors(t *testing.T) {
	t.Parallel()
	for _, f := range families {
		far := map[string]string{"IPv4": "192.0.2.1", "IPv6": "2001:db8:ffff::1"}[f.name]
		nobody := map[string]string{"IPv4": "10.2.0.99", "IPv6": "2001:db8:2::99"}[f.name]
		for _, c := range []struct {
			name, dst string
			ttl       uint8
			cause     machine.Cause
			reason    ip.Reason
			counter   string
			mtu       int
		}{
			{"TTL", f.x, 1, ip.CauseTimeExceeded, ip.ReasonTTL, "drop/forward-ttl", 0},
			{"no route", far, 9, ip.CauseUnreachable, ip.ReasonNet, "drop/forward-no-route", 0},
			{"no neighbour", nobody, 9, ip.CauseUnreachable, ip.ReasonHost, "drop/forward-neighbour", 0},
		} {
			n := newRouted(t, ip.Config{})
			n.settle()
			h := n.s.bind(join(f.s, "1000"))
			n.s.udp(join(f.s, "1000"), join(c.dst, "7"), 0, c.ttl, "x")
			n.run(10 * time.Second)
			if len(n.with(c.cause)) != 1 {
				t.Errorf("%s, %s: %q", f.name, c.name, n.causes())
			}
			n.r.wantCounter(c.counter, 1)
			un := n.s.kind(ip.KindUnreachable)
			if len(un) != 1 || un[0].Reason != c.reason || !un[0].Soft || un[0].Handle != h || un[0].Remote != ap(join(c.dst, "7")) {
				t.Errorf("%s, %s: %+v", f.name, c.name, un)
			}
		}
	}
}

// narrow is host a - router - host b, where b's link has a lower MTU.
func narrow(t *testing.T) (w *world, a, r, b *node) {
	w = newWorld(t)
	a, r, b = w.add("a", ip.Config{}), w.add("r", ip.Config{Forwarding: true}), w.add("b", ip.Config{})
	l1, l2 := new(wire), new(wire)
	w.connect(l1, a, 1, "10.1.0.1/24", "2001:db8:1::1/64")
	w.connect(l1, r, 1, "10.1.0.254/24", "2001:db8:1::fe/64")
	r.mtu, b.mtu = 1300, 1300
	w.connect(l2, r, 2, "10.2.0.254/24", "2001:db8:2::fe/64")
	w.connect(l2, b, 1, "10.2.0.1/24", "2001:db8:2::1/64")
	for _, n := range []*node{a, b} {
		in := n.Interfaces()[0]
		for _, gw := range []string{"10.1.0.254", "10.2.0.254", "2001:db8:1::fe", "2001:db8:2::fe"} {
			if g := addr(gw); slices.ContainsFunc(in.Addrs, func(p netip.Prefix) bool { return p.Contains(g) }) {
				all := "0.0.0.0/0"
				if g.Is6() {
					all = "::/0"
				}
				w.ok(n.AddRoute(w.now, ip.Route{Dst: prefix(all), Via: g}))
			}
		}
	}
	w.settle()
	return w, a, r, b
}

func TestPacketTooBig(t *testing.T) {
	t.Parallel()
	w, a, r, b := narrow(t)
	big := string(make([]byte, 1400))
	for _, c := range [][2]string{{"10.1.0.1:9", "10.2.0.1:7"}, {"[2001:db8:1::1]:9", "[2001:db8:2::1]:7"}} {
		w.forget()
		a.bind(c[0])
		b.bind(c[1])
		a.udp(c[0], c[1], 0, 0, big)
		w.run(time.Second)
		un := a.kind(ip.KindUnreachable)
		if len(un) != 1 || un[0].Reason != ip.ReasonPacketTooBig || un[0].MTU != 1300 || un[0].Remote != ap(c[1]) {
			t.Errorf("%s: %+v", c[1], un)
		}
	}
	r.wantCounter("drop/forward-too-big", 2)
	// The path MTU is known now: with DF, nothing greater is sent.
	for _, c := range []struct {
		payload int
		want    error
	}{{1272, nil}, {1273, ip.ErrMessageTooBig}} {
		err := a.HandleSendUDP(w.now, ip.Datagram{Src: ap("10.1.0.1:9"), Dst: ap("10.2.0.1:7"), Payload: make([]byte, c.payload), DF: true})
		if err != c.want {
			t.Errorf("%d bytes: %v, want %v", c.payload, err, c.want)
		}
	}
}

func TestMulticastForwarding(t *testing.T) {
	t.Parallel()
	for _, f := range families {
		n := newRouted(t, ip.Config{})
		n.settle()
		group := join(f.ssm, "5000")
		for _, h := range []*node{n.x, n.y, n.z} {
			h.bind(join(unspecified(f.s), "5000"))
		}
		n.x.join(1, f.ssm, f.s)
		n.z.join(1, f.ssm, f.x) // another source
		n.run(2 * time.Second)
		if got := n.r.MulticastOutputs(addr(f.s), addr(f.ssm), 1); !slices.Equal(got, []int{2}) {
			t.Errorf("%s: outputs %v", f.name, got)
		}
		n.s.udp(join(f.s, "1000"), group, 0, 5, "data")
		n.run(time.Second)
		n.x.wantDatagrams(join(f.s, "1000") + ">" + group + " data")
		n.y.wantDatagrams() // on x's link, but no member
		n.z.wantDatagrams()
		if n.y.Counters().DropNotMember == 0 {
			t.Errorf("%s: y counts no drop", f.name)
		}
		if ttl := n.x.kind(ip.KindDatagram)[0].TTL; ttl != 4 {
			t.Errorf("%s: TTL %d, want 4", f.name, ttl)
		}
		n.s.udp(join(f.s, "1000"), group, 0, 1, "too near")
		n.run(time.Second)
		n.r.wantCounter("drop/forward-ttl", 1)
		if len(n.x.datagrams()) != 1 {
			t.Errorf("%s: TTL 1 was forwarded", f.name)
		}
	}
}

func unspecified(a string) string {
	if addr(a).Is6() {
		return "::"
	}
	return "0.0.0.0"
}

func TestAnySourceForwarding(t *testing.T) {
	t.Parallel()
	for _, f := range families {
		n := newRouted(t, ip.Config{})
		n.settle()
		group := join(f.asm, "5000")
		n.x.bind(join(unspecified(f.s), "5000"))
		n.x.join(1, f.asm, "")
		n.run(2 * time.Second)
		n.s.udp(join(f.s, "1"), group, 0, 5, "from s")
		n.z.udp(join(f.z, "1"), group, 0, 5, "from z")
		n.run(time.Second)
		n.x.wantDatagrams(join(f.s, "1")+">"+group+" from s", join(f.z, "1")+">"+group+" from z")
	}
}

func TestLinkScopeIsNotForwarded(t *testing.T) {
	t.Parallel()
	n := newRouted(t, ip.Config{})
	n.settle()
	n.x.join(1, "224.0.0.200", "")
	n.x.join(1, "ff02::200", "")
	n.run(2 * time.Second)
	n.forget()
	n.s.udp("10.1.0.1:1", "224.0.0.200:5000", 0, 9, "x")
	n.s.udp("[::]:1", "[ff02::200]:5000", 0, 9, "x")
	n.run(time.Second)
	n.wantCauses("s/1 test/data", "s/1 test/data")
	if got := n.r.MulticastOutputs(addr("10.1.0.1"), addr("224.0.0.200"), 1); got != nil {
		t.Errorf("outputs of a link-local group: %v", got)
	}
	// A unicast packet from a link-local source.
	n.s.bind("[::]:1")
	ll, _ := n.s.LinkLocal(1)
	n.ok(n.s.HandleSendUDP(n.now, ip.Datagram{Src: ap("[" + ll.String() + "]:1"), Dst: ap("[2001:db8:2::1]:7")}))
	n.s.drain()
	n.run(time.Second)
	n.r.wantCounter("drop/forward-scope", 1)
}

func TestReversePathCheck(t *testing.T) {
	t.Parallel()
	n := newRouted(t, ip.Config{})
	n.settle()
	n.x.join(1, asm4, "")
	n.run(2 * time.Second)
	n.forget()
	// z sends with s's address: it comes in by the wrong interface.
	n.ok(n.z.HandleSend(n.now, ip.Packet{Src: addr("10.1.0.1"), Dst: addr(asm4), Proto: inet.ProtoUDP, TTL: 5, OutIf: 1,
		Payload: []byte{0, 1, 0, 1, 0, 8, 0, 0}, Cause: "test/spoofed"}))
	n.z.drain()
	n.run(time.Second)
	n.wantCauses("z/1 test/spoofed")
	n.r.wantCounter("drop/rpf", 1)
	if got := n.r.MulticastOutputs(addr("10.1.0.1"), addr(asm4), 3); got != nil {
		t.Errorf("outputs for the wrong interface: %v", got)
	}
	if got := n.r.MulticastOutputs(addr("10.1.0.254"), addr(asm4), 0); !slices.Equal(got, []int{2}) {
		t.Errorf("outputs for a local sender: %v", got)
	}
}

func TestInterception(t *testing.T) {
	t.Parallel()
	cfg := ip.Config{Intercept: []ip.Intercept{{Proto: inet.ProtoRSVP, RouterAlert: true}}}
	for _, f := range families {
		n := newRouted(t, cfg)
		n.settle()
		n.x.join(1, f.ssm, f.s)
		n.run(2 * time.Second)
		n.forget()
		send := func(from *node, src, dst string, alert bool, outIf int) {
			n.ok(from.HandleSend(n.now, ip.Packet{Src: addr(src), Dst: addr(dst), Proto: inet.ProtoRSVP, TTL: 63, RouterAlert: alert,
				OutIf: outIf, Payload: []byte("path"), Cause: "test/path"}))
			from.drain()
			n.run(time.Second)
		}
		send(n.s, f.s, f.ssm, true, 1)     // PATH to the group
		send(n.s, f.s, f.x, true, 0)       // PATH to a host
		send(n.s, f.s, rOf(f.s), false, 0) // to the router itself
		send(n.s, f.s, f.x, false, 0)      // without Router Alert: forwarded
		got := n.r.kind(ip.KindPacket)
		want := []struct {
			dst   string
			toUs  bool
			alert bool
		}{{f.ssm, false, true}, {f.x, false, true}, {rOf(f.s), true, false}}
		if len(got) != len(want) {
			t.Fatalf("%s: %d packets handed up", f.name, len(got))
		}
		for i, o := range got {
			if o.InIf != 1 || o.Src != addr(f.s) || o.Dst != addr(want[i].dst) || o.ToUs != want[i].toUs || o.TTL != 63 ||
				o.RouterAlert != want[i].alert || o.Proto != inet.ProtoRSVP || string(o.Payload) != "path" {
				t.Errorf("%s: packet %d: %+v", f.name, i, o)
			}
		}
		n.r.wantCounter("packets/intercepted", 2)
		n.r.wantCounter("packets/forwarded", 2) // the last, and x's answer that it has no such protocol
		// The router sends PATH on, with the sender's address, by the interface it chose.
		n.forget()
		n.ok(n.r.HandleSend(n.now, ip.Packet{Src: addr(f.s), Dst: addr(f.ssm), Proto: inet.ProtoRSVP, TTL: 62, RouterAlert: true,
			OutIf: 2, Payload: []byte("path"), Cause: "test/path"}))
		n.r.drain()
		n.run(time.Second)
		n.wantCauses("r/2 test/path")
		h, payload := ipOf(t, n.frames[0])
		if h.src != addr(f.s) || h.dst != addr(f.ssm) || h.ttl != 62 || !h.alert || string(payload) != "path" {
			t.Errorf("%s: sent on: %+v %q", f.name, h, payload)
		}
		n.x.wantCounter("drop/protocol", 2) // forwarded and sent on: x has no RSVP
	}
}

func rOf(host string) string {
	if addr(host).Is6() {
		return "2001:db8:1::fe"
	}
	return "10.1.0.254"
}

// TestHostsReceiveRegisteredProtocols: a host gets PATH for a group that it
// joined, and nothing else.
func TestHostsReceiveRegisteredProtocols(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cfg := ip.Config{Intercept: []ip.Intercept{{Proto: inet.ProtoRSVP, RouterAlert: true}}}
	a, b := w.add("a", cfg), w.add("b", cfg)
	l := new(wire)
	w.connect(l, a, 1, "10.0.0.1/24")
	w.connect(l, b, 1, "10.0.0.2/24")
	send := func() {
		w.ok(a.HandleSend(w.now, ip.Packet{Dst: addr(ssm4), Proto: inet.ProtoRSVP, TTL: 9, RouterAlert: true, Payload: []byte("path")}))
		a.drain()
		w.run(time.Second)
	}
	send()
	b.join(1, ssm4, "10.0.0.1")
	send()
	b.leave(1, ssm4, "10.0.0.1")
	b.join(1, ssm4, "10.0.0.7")
	send()
	got := b.kind(ip.KindPacket)
	if len(got) != 1 || !got[0].ToUs || got[0].Src != addr("10.0.0.1") {
		t.Errorf("received %+v", got)
	}
	if len(a.kind(ip.KindPacket)) != 0 {
		t.Error("a packet came back to its sender")
	}
	b.wantCounter("drop/not-member", 2)
}

func TestMulticastRouteOutputs(t *testing.T) {
	t.Parallel()
	n := newRouted(t, ip.Config{})
	n.settle()
	routes := func() (out []string) {
		for _, o := range n.r.kind(ip.KindMulticastRoute) {
			src := "*"
			if o.Src.IsValid() {
				src = o.Src.String()
			}
			out = append(out, src+" "+o.Group.String())
		}
		n.r.got = nil
		return out
	}
	want := func(step string, list ...string) {
		t.Helper()
		if got := routes(); !slices.Equal(got, list) {
			t.Errorf("%s: route changes %q, want %q", step, got, list)
		}
	}
	n.x.join(1, ssm4, "10.1.0.1")
	n.run(2 * time.Second)
	want("join", "10.1.0.1 "+ssm4)
	n.y.join(1, ssm4, "10.1.0.1")
	n.run(2 * time.Second)
	want("join of another on the link")
	n.y.join(1, asm4, "")
	n.run(2 * time.Second)
	want("any source", "* "+asm4)
	n.x.leave(1, ssm4, "10.1.0.1")
	n.run(5 * time.Second)
	want("leave while another stays")
	n.y.leave(1, ssm4, "10.1.0.1")
	n.run(5 * time.Second)
	want("last leave", "10.1.0.1 "+ssm4)
	n.r.link(2, false)
	want("link down", "* "+asm4)
	n.r.link(2, true)
	n.run(15 * time.Second)
	want("link up", "* "+asm4)
}

// TestLeaveLatency: forwarding stops when the last member query time has
// passed, and not before.
func TestLeaveLatency(t *testing.T) {
	t.Parallel()
	n := newRouted(t, ip.Config{})
	n.settle()
	n.x.join(1, ssm4, "10.1.0.1")
	n.run(2 * time.Second)
	n.forget()
	n.x.leave(1, ssm4, "10.1.0.1")
	n.run(1900 * time.Millisecond)
	if got := n.r.MulticastOutputs(addr("10.1.0.1"), addr(ssm4), 1); len(got) != 1 {
		t.Error("forwarding stopped early")
	}
	n.run(200 * time.Millisecond)
	if got := n.r.MulticastOutputs(addr("10.1.0.1"), addr(ssm4), 1); len(got) != 0 {
		t.Error("forwarding goes on")
	}
	if q := n.with("ip/igmp/query-source"); len(q) != 2 {
		t.Errorf("%d queries for the source, want 2", len(q))
	}
}

// TestMembershipExpires: a member that vanishes without a word.
func TestMembershipExpires(t *testing.T) {
	t.Parallel()
	n := newRouted(t, ip.Config{})
	n.settle()
	n.x.join(1, ssm4, "10.1.0.1")
	n.run(2 * time.Second)
	n.x.link(1, false)
	n.run(255 * time.Second)
	if len(n.r.MulticastOutputs(addr("10.1.0.1"), addr(ssm4), 1)) == 0 {
		t.Error("expired early")
	}
	n.run(10 * time.Second)
	if len(n.r.MulticastOutputs(addr("10.1.0.1"), addr(ssm4), 1)) != 0 {
		t.Error("never expires")
	}
}

// TestQuerierElection: of two routers on a link the lower address asks, and
// the other takes over when it is gone.
func TestQuerierElection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	low, high := w.add("low", ip.Config{Forwarding: true}), w.add("high", ip.Config{Forwarding: true})
	l := new(wire)
	w.connect(l, low, 1, "10.0.0.1/24", "2001:db8::1/64")
	w.connect(l, high, 1, "10.0.0.2/24", "2001:db8::2/64")
	w.run(time.Minute)
	w.forget()
	w.run(10 * time.Minute)
	for _, s := range w.frames {
		if s.from == "high/1" && (s.cause == "ip/igmp/query" || s.cause == "ip/mld/query") {
			t.Fatalf("the higher address asks at %v", s.at)
		}
	}
	high.wantCounter("router/elections", 2)
	low.link(1, false)
	w.forget()
	w.run(5 * time.Minute)
	if len(w.with("ip/igmp/query")) == 0 || len(w.with("ip/mld/query")) == 0 {
		t.Errorf("nobody took over: %q", w.causes())
	}
	low.link(1, true)
	w.run(time.Second)
	high.wantCounter("router/elections", 6)
}
