package ip_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/mpstack/mpstack/stack/ip"
	"github.com/mpstack/mpstack/wire/inet"
)

// tooBig hands n, an end of a routed topology or pair, a too-big error about a
// UDP datagram of length bytes from src to dst, as its router would send it.
func (n *node) tooBig(router, src, dst string, length, mtu int) {
	n.w.t.Helper()
	s, d, r := ap(src), ap(dst), addr(router)
	mac := n.Interfaces()[0].MAC
	udp := inet.UDP{SrcPort: s.Port(), DstPort: d.Port()}
	if r.Is4() {
		h := inet.IPv4{TTL: 60, Proto: inet.ProtoUDP, DF: true, Src: s.Addr(), Dst: d.Addr()}
		b, err := h.AppendTo(nil, length-h.WireLen())
		n.w.ok(err)
		b, err = udp.AppendTo(b, s.Addr(), d.Addr(), make([]byte, length-h.WireLen()-8))
		n.w.ok(err)
		msg := inet.NewFragNeeded(uint16(mtu), b)
		n.frame(1, ip4FrameTo(n.w.t, mac, inet.IPv4{TTL: 60, Proto: inet.ProtoICMP, Src: r, Dst: s.Addr()}, msg.AppendV4(nil)))
		return
	}
	h := inet.IPv6{HopLimit: 60, NextHeader: inet.ProtoUDP, Src: s.Addr(), Dst: d.Addr()}
	b, err := h.AppendTo(nil, length-h.WireLen())
	n.w.ok(err)
	b, err = udp.AppendTo(b, s.Addr(), d.Addr(), make([]byte, length-h.WireLen()-8))
	n.w.ok(err)
	body, err := inet.NewPacketTooBig(uint32(mtu), b).AppendV6(nil, r, s.Addr())
	n.w.ok(err)
	n.frame(1, ip6FrameTo(n.w.t, mac, inet.IPv6{HopLimit: 60, NextHeader: inet.ProtoICMPv6, Src: r, Dst: s.Addr()}, body))
}

// far are destinations behind the router of the routed topology.
var far = []struct{ name, router, src, dst string }{
	{"IPv4", "10.1.0.254", "10.1.0.1:9", "192.0.2.1:7"},
	{"IPv6", "2001:db8:1::fe", "[2001:db8:1::1]:9", "[2001:db8:ffff::1]:7"},
}

func (n *node) wantPathMTU(dst string, want int) {
	n.w.t.Helper()
	if got := n.PathMTU(ap(dst).Addr()); got != want {
		n.w.t.Errorf("%s: path MTU to %s is %d, want %d", n.name, dst, got, want)
	}
}

// TestPathMTULife: learnt, shrunk, never grown by an error, aged after ten
// minutes.
func TestPathMTULife(t *testing.T) {
	t.Parallel()
	for _, f := range far {
		n := newRouted(t, ip.Config{})
		n.settle()
		h := n.s.bind(f.src)
		n.s.wantPathMTU(f.dst, 1500)
		n.s.tooBig(f.router, f.src, f.dst, 1500, 1400)
		n.s.wantPathMTU(f.dst, 1400)
		un := n.s.kind(ip.KindUnreachable)
		if len(un) != 1 || un[0].Handle != h || un[0].MTU != 1400 || un[0].Reason != ip.ReasonPacketTooBig || un[0].Soft {
			t.Errorf("%s: %+v", f.name, un)
		}
		n.run(5 * time.Minute)
		n.s.tooBig(f.router, f.src, f.dst, 1400, 1300)
		n.s.wantPathMTU(f.dst, 1300)
		// An older packet's error, on the way for long: it does not grow.
		n.s.tooBig(f.router, f.src, f.dst, 1500, 1400)
		n.s.wantPathMTU(f.dst, 1300)
		n.run(ip.PathMTUAge - time.Nanosecond)
		n.s.wantPathMTU(f.dst, 1300)
		if _, ok := n.s.Deadline(); ok {
			t.Errorf("%s: a path MTU has a timer", f.name)
		}
		n.run(time.Nanosecond)
		n.s.Advance(n.now)
		n.s.wantPathMTU(f.dst, 1500)
		if n.s.SnapshotPathMTUs(netip.Addr{}, 10) != nil {
			t.Errorf("%s: an old path MTU is shown", f.name)
		}
		n.s.wantCounter("pmtu/learnt", 2)
	}
}

// TestPathMTUBounds: what is believed of an error, and what it makes of the
// path.
func TestPathMTUBounds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		v6          int
		length, mtu int
		want        int
		told        int
		counter     string
	}{
		{"plain", 0, 1500, 1000, 1000, 1, "pmtu/learnt"},
		{"the least", 0, 1500, 576, 576, 1, "pmtu/learnt"},
		{"below the least", 0, 1500, 300, 576, 1, "pmtu/learnt"},
		{"nothing", 0, 1500, 68, 576, 1, "pmtu/learnt"},
		{"no MTU: the next plateau", 0, 1500, 0, 1492, 1, "pmtu/learnt"},
		{"no MTU: the plateau after", 0, 1492, 0, 1006, 1, "pmtu/learnt"},
		{"no MTU: below all", 0, 600, 0, 576, 1, "pmtu/learnt"},
		{"greater than the packet", 0, 1000, 1200, 1500, 0, "drop/path-mtu"},
		{"as large as the packet", 0, 1000, 1000, 1500, 0, "drop/path-mtu"},
		{"plain", 1, 1500, 1400, 1400, 1, "pmtu/learnt"},
		{"the least", 1, 1500, 1280, 1280, 1, "pmtu/learnt"},
		{"below the least", 1, 1500, 1279, 1500, 0, "drop/path-mtu"},
		{"nothing", 1, 1500, 0, 1500, 0, "drop/path-mtu"},
		{"as large as the packet", 1, 1300, 1300, 1500, 0, "drop/path-mtu"},
		{"far too large", 1, 1300, 1 << 30, 1500, 0, "drop/path-mtu"},
	} {
		f := far[c.v6]
		n := newRouted(t, ip.Config{})
		n.settle()
		n.s.bind(f.src)
		n.s.tooBig(f.router, f.src, f.dst, c.length, c.mtu)
		if got := n.s.PathMTU(ap(f.dst).Addr()); got != c.want {
			t.Errorf("%s, %s: %d, want %d", f.name, c.name, got, c.want)
		}
		if got := len(n.s.kind(ip.KindUnreachable)); got != c.told {
			t.Errorf("%s, %s: told %d times, want %d", f.name, c.name, got, c.told)
		}
		n.s.wantCounter(c.counter, 1)
	}
}

// TestForgedTooBig: errors about what was not sent here, or about the link
// itself, change nothing.
func TestForgedTooBig(t *testing.T) {
	t.Parallel()
	for _, f := range far {
		for _, c := range []struct {
			name, src, dst string
			counter        string
		}{
			{"another port", join(ap(f.src).Addr().String(), "10"), f.dst, "drop/icmp-unmatched"},
			{"another source", join(ap(f.dst).Addr().String(), "9"), f.dst, "drop/icmp-unmatched"},
			{"to ourselves", f.src, f.src, "drop/path-mtu"},
		} {
			n := newRouted(t, ip.Config{})
			n.settle()
			n.s.bind(f.src)
			// Its destination is the node; the quoted source may be another.
			src, dst := c.src, c.dst
			forge(n.s, f.router, f.src, src, dst, 1500, 1400)
			n.s.wantPathMTU(f.dst, 1500)
			n.s.wantCounter(c.counter, 1)
			if len(n.s.got) != 0 {
				t.Errorf("%s, %s: %+v", f.name, c.name, n.s.got)
			}
		}
	}
	n := newRouted(t, ip.Config{})
	n.settle()
	la, _ := n.s.LinkLocal(1)
	lr, _ := n.r.LinkLocal(1)
	n.s.bind("[::]:9")
	n.s.tooBig("2001:db8:1::fe", join(la.String(), "9"), join(lr.String(), "7"), 1500, 1400)
	n.s.tooBig("2001:db8:1::fe", join(la.String(), "9"), "[ff02::9]:7", 1500, 1400)
	n.s.wantCounter("drop/path-mtu", 2)
}

// forge is tooBig about a packet from src, sent to node's own address to.
func forge(n *node, router, to, src, dst string, length, mtu int) {
	n.w.t.Helper()
	s, d := ap(src), ap(dst)
	var quote []byte
	var err error
	udp := []byte{byte(s.Port() >> 8), byte(s.Port()), byte(d.Port() >> 8), byte(d.Port()), 0, 0, 0, 0}
	mac := n.Interfaces()[0].MAC
	if s.Addr().Is4() {
		quote, err = inet.IPv4{TTL: 9, Proto: inet.ProtoUDP, Src: s.Addr(), Dst: d.Addr()}.AppendTo(nil, length-20)
		n.w.ok(err)
		msg := inet.NewFragNeeded(uint16(mtu), append(quote, udp...))
		n.frame(1, ip4FrameTo(n.w.t, mac, inet.IPv4{TTL: 60, Proto: inet.ProtoICMP, Src: addr(router), Dst: ap(to).Addr()}, msg.AppendV4(nil)))
		return
	}
	quote, err = inet.IPv6{HopLimit: 9, NextHeader: inet.ProtoUDP, Src: s.Addr(), Dst: d.Addr()}.AppendTo(nil, length-40)
	n.w.ok(err)
	body, err := inet.NewPacketTooBig(uint32(mtu), append(quote, udp...)).AppendV6(nil, addr(router), ap(to).Addr())
	n.w.ok(err)
	n.frame(1, ip6FrameTo(n.w.t, mac, inet.IPv6{HopLimit: 60, NextHeader: inet.ProtoICMPv6, Src: addr(router), Dst: ap(to).Addr()}, body))
}

// TestPathMTUOfRegisteredProtocols: RSVP's packets and answers to echo
// requests have nobody to tell, but their path is learnt.
func TestPathMTUOfRegisteredProtocols(t *testing.T) {
	t.Parallel()
	quote := func(proto uint8, first byte) []byte {
		b, err := inet.IPv6{HopLimit: 9, NextHeader: proto, Src: addr("2001:db8:1::1"), Dst: addr("2001:db8:ffff::1")}.AppendTo(nil, 1460)
		if err != nil {
			t.Fatal(err)
		}
		return append(b, first, 0, 0, 0, 0, 0, 0, 0)
	}
	for _, c := range []struct {
		name  string
		quote []byte
		mtu   int
	}{
		{"RSVP", quote(inet.ProtoRSVP, 0x10), 1400},
		{"TCP", quote(inet.ProtoTCP, 0), 1500},
		{"echo reply", quote(inet.ProtoICMPv6, inet.ICMPv6EchoReply), 1400},
		{"echo request", quote(inet.ProtoICMPv6, inet.ICMPv6Echo), 1500},
	} {
		n := newRouted(t, ip.Config{Intercept: []ip.Intercept{{Proto: inet.ProtoRSVP, RouterAlert: true}}})
		s := n.add("s2", ip.Config{Intercept: []ip.Intercept{{Proto: inet.ProtoRSVP, RouterAlert: true}}})
		n.connect(new(wire), s, 1, "2001:db8:1::1/64")
		n.ok(s.AddRoute(n.now, ip.Route{Dst: prefix("::/0"), Via: addr("2001:db8:1::fe")}))
		body, err := inet.NewPacketTooBig(1400, c.quote).AppendV6(nil, addr("2001:db8:1::fe"), addr("2001:db8:1::1"))
		n.ok(err)
		s.frame(1, ip6FrameTo(t, s.Interfaces()[0].MAC, inet.IPv6{HopLimit: 60, NextHeader: inet.ProtoICMPv6,
			Src: addr("2001:db8:1::fe"), Dst: addr("2001:db8:1::1")}, body))
		if got := s.PathMTU(addr("2001:db8:ffff::1")); got != c.mtu {
			t.Errorf("%s: %d, want %d", c.name, got, c.mtu)
		}
		if len(s.kind(ip.KindUnreachable)) != 0 {
			t.Errorf("%s: somebody was told", c.name)
		}
	}
}

// TestSendsMindThePathMTU: with DF they are refused, without they go in
// fragments of the path's size, as probes they go out.
func TestSendsMindThePathMTU(t *testing.T) {
	t.Parallel()
	for i, f := range far {
		n := newRouted(t, ip.Config{})
		n.settle()
		n.s.bind(f.src)
		n.s.tooBig(f.router, f.src, f.dst, 1500, 1400)
		n.forget()
		header := []int{28, 48}[i]
		d := ip.Datagram{Src: ap(f.src), Dst: ap(f.dst), DF: true, Cause: "test/data", Payload: make([]byte, 1400-header)}
		n.ok(n.s.HandleSendUDP(n.now, d))
		d.Payload = make([]byte, 1401-header)
		if err := n.s.HandleSendUDP(n.now, d); err != ip.ErrMessageTooBig {
			t.Errorf("%s: one byte more: %v", f.name, err)
		}
		p := ip.Packet{Dst: ap(f.dst).Addr(), Proto: 200, DF: true, Payload: make([]byte, 1401-header+8)}
		if err := n.s.HandleSend(n.now, p); err != ip.ErrMessageTooBig {
			t.Errorf("%s: a packet: %v", f.name, err)
		}
		d.DF = false
		n.ok(n.s.HandleSendUDP(n.now, d))
		d.Probe, d.Payload = true, make([]byte, 1500-header)
		n.ok(n.s.HandleSendUDP(n.now, d))
		d.Payload = make([]byte, 1501-header)
		if err := n.s.HandleSendUDP(n.now, d); err != ip.ErrMessageTooBig {
			t.Errorf("%s: a probe beyond the link: %v", f.name, err)
		}
		n.s.drain()
		n.run(time.Second)
		var sizes []int
		for _, s := range n.with("test/data") {
			sizes = append(sizes, len(s.data)-14)
		}
		want := [][]int{{1400, 1396, 25, 1500}, {1400, 1400, 57, 1500}}[i]
		if fmt.Sprint(sizes) != fmt.Sprint(want) {
			t.Errorf("%s: packets of %v bytes, want %v", f.name, sizes, want)
		}
	}
}

// TestPathMTULimit: the oldest gives way.
func TestPathMTULimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.add("a", ip.Config{MaxPathMTUs: 3})
	w.connect(new(wire), n, 1, "10.1.0.1/24")
	w.ok(n.AddRoute(w.now, ip.Route{Dst: prefix("0.0.0.0/0"), Via: addr("10.1.0.254")}))
	n.bind("10.1.0.1:9")
	dst := func(i int) string { return fmt.Sprintf("192.0.2.%d:7", i) }
	for i := range 5 {
		n.tooBig("10.1.0.254", "10.1.0.1:9", dst(i), 1500, 1000+i)
		w.run(time.Second)
	}
	n.tooBig("10.1.0.254", "10.1.0.1:9", dst(2), 1000, 900) // one that is there
	for i, want := range []int{1500, 1500, 900, 1003, 1004} {
		n.wantPathMTU(dst(i), want)
	}
	n.wantCounter("pmtu/evicted", 2)
	if got := n.SnapshotPathMTUs(netip.Addr{}, 2); len(got) != 2 || got[0].Dst != addr("192.0.2.2") || got[0].MTU != 900 || got[1].Dst != addr("192.0.2.3") {
		t.Errorf("first page %+v", got)
	} else if next := n.SnapshotPathMTUs(got[1].Dst, 2); len(next) != 1 || next[0].MTU != 1004 || next[0].Expires != w.now.Add(ip.PathMTUAge-time.Second) {
		t.Errorf("second page %+v", next)
	}
	w.run(time.Hour)
	n.tooBig("10.1.0.254", "10.1.0.1:9", dst(9), 1500, 800)
	n.wantCounter("pmtu/evicted", 2) // an old one gives way without a word
}

// TestPathMTUOfGroups: Packet Too Big about a group (RFC 8201 section 3).
func TestPathMTUOfGroups(t *testing.T) {
	t.Parallel()
	w, a, _, b := narrow(t)
	b.bind("[::]:7")
	b.join(1, asm6, "")
	a.bind("[2001:db8:1::1]:9")
	w.run(2 * time.Second)
	w.forget()
	a.udp("[2001:db8:1::1]:9", "["+asm6+"]:7", 0, 9, string(make([]byte, 1400)))
	w.run(time.Second)
	if got := a.PathMTU(addr(asm6)); got != 1300 {
		t.Errorf("path MTU of the group is %d", got)
	}
	payload := a.send("[2001:db8:1::1]:9", "["+asm6+"]:7", 1400)
	w.run(time.Second)
	b.wantPayloads(payload)
	if n := a.PathMTU(addr("10.99.0.1")); n != 1500 {
		t.Errorf("by the default route: %d", n)
	}
}

// TestPathMTUWithoutRoute is 0.
func TestPathMTUWithoutRoute(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	for dst, want := range map[string]int{"192.0.2.1": 0, "10.0.0.2": 1500, "10.0.0.1": 1500, "2001:db8::2": 1500, "2001:db8:1::1": 0} {
		if got := p.a.PathMTU(addr(dst)); got != want {
			t.Errorf("%s: %d, want %d", dst, got, want)
		}
	}
}

// TestICMPReasons: what a socket hears of each error.
func TestICMPReasons(t *testing.T) {
	t.Parallel()
	type row struct {
		typ, code uint8
		reason    ip.Reason
		soft      bool
	}
	v4 := []row{
		{3, 0, ip.ReasonNet, true}, {3, 1, ip.ReasonHost, true}, {3, 2, ip.ReasonProtocol, false}, {3, 3, ip.ReasonPort, false},
		{3, 5, ip.ReasonNet, true}, {3, 6, ip.ReasonNet, true}, {3, 7, ip.ReasonHost, true}, {3, 8, ip.ReasonHost, true},
		{3, 9, ip.ReasonAdmin, true}, {3, 10, ip.ReasonAdmin, true}, {3, 11, ip.ReasonNet, true}, {3, 12, ip.ReasonHost, true},
		{3, 13, ip.ReasonAdmin, true}, {3, 14, ip.ReasonAdmin, true}, {3, 15, ip.ReasonAdmin, true},
		{11, 0, ip.ReasonTTL, true}, {11, 1, ip.ReasonReassembly, true}, {12, 0, ip.ReasonParamProblem, true},
		{4, 0, ip.ReasonNone, false}, // source quench: RFC 6633
	}
	v6 := []row{
		{1, 0, ip.ReasonNet, true}, {1, 1, ip.ReasonAdmin, true}, {1, 2, ip.ReasonNet, true}, {1, 3, ip.ReasonHost, true},
		{1, 4, ip.ReasonPort, false}, {1, 5, ip.ReasonAdmin, true}, {1, 6, ip.ReasonNet, true},
		{3, 0, ip.ReasonTTL, true}, {3, 1, ip.ReasonReassembly, true},
		{4, 0, ip.ReasonParamProblem, true}, {4, 1, ip.ReasonProtocol, false}, {4, 2, ip.ReasonParamProblem, true},
		{100, 0, ip.ReasonNone, false},
	}
	for i, rows := range [][]row{v4, v6} {
		for _, c := range rows {
			p := newPair(t)
			local := []string{"10.0.0.1:9", "[2001:db8::1]:9"}[i]
			h := p.a.bind(local)
			if i == 0 {
				b, err := inet.IPv4{TTL: 9, Proto: inet.ProtoUDP, Src: addr("10.0.0.1"), Dst: addr("192.0.2.1")}.AppendTo(nil, 8)
				p.ok(err)
				msg := inet.ICMP{Type: c.typ, Code: c.code, Body: append(b, 0, 9, 0, 7, 0, 8, 0, 0)}
				p.a.frame(1, ip4FrameTo(t, macOf(1, 1), inet.IPv4{TTL: 9, Proto: inet.ProtoICMP, Src: addr("10.0.0.2"), Dst: addr("10.0.0.1")}, msg.AppendV4(nil)))
			} else {
				b, err := inet.IPv6{HopLimit: 9, NextHeader: inet.ProtoUDP, Src: addr("2001:db8::1"), Dst: addr("2001:db8:9::1")}.AppendTo(nil, 8)
				p.ok(err)
				msg, err := inet.ICMP{Type: c.typ, Code: c.code, Body: append(b, 0, 9, 0, 7, 0, 8, 0, 0)}.AppendV6(nil, addr("2001:db8::2"), addr("2001:db8::1"))
				p.ok(err)
				p.a.frame(1, ip6FrameTo(t, macOf(1, 1), inet.IPv6{HopLimit: 9, NextHeader: inet.ProtoICMPv6, Src: addr("2001:db8::2"), Dst: addr("2001:db8::1")}, msg))
			}
			un := p.a.kind(ip.KindUnreachable)
			if c.reason == ip.ReasonNone {
				if len(un) != 0 {
					t.Errorf("type %d: %+v", c.typ, un)
				}
				p.a.wantCounter("drop/icmp-type", 1)
				continue
			}
			if len(un) != 1 || un[0].Handle != h || un[0].Reason != c.reason || un[0].Soft != c.soft {
				t.Errorf("type %d code %d: %+v, want %v", c.typ, c.code, un, c.reason)
			}
		}
	}
}

// TestNames: every kind and reason has a name of its own.
func TestNames(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for r := ip.ReasonNone; r <= ip.ReasonParamProblem; r++ {
		if s := r.String(); s == "unknown" || seen[s] {
			t.Errorf("reason %d: %q", r, s)
		}
		seen[r.String()] = true
	}
	seen = make(map[string]bool)
	for k := ip.OutputKind(0); k.String() != "unknown"; k++ {
		if seen[k.String()] {
			t.Errorf("kind %d: %q", k, k)
		}
		seen[k.String()] = true
	}
}
