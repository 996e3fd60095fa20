package ip_test

import (
	"testing"
	"time"

	"github.com/mpstack/mpstack/stack/ip"
	"github.com/mpstack/mpstack/wire/inet"
)

func TestEcho(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	echo4 := inet.NewEcho(inet.ICMPv4Echo, 5, 6, []byte("ping"))
	p.ok(p.a.HandleSend(p.now, ip.Packet{Dst: addr("10.0.0.2"), Proto: inet.ProtoICMP, Payload: echo4.AppendV4(nil), Cause: "test/ping"}))
	p.a.drain()
	src, dst := addr("2001:db8::1"), addr("2001:db8::2")
	echo6, err := inet.NewEcho(inet.ICMPv6Echo, 5, 6, []byte("ping")).AppendV6(nil, src, dst)
	p.ok(err)
	p.ok(p.a.HandleSend(p.now, ip.Packet{Dst: dst, Proto: inet.ProtoICMPv6, Payload: echo6, Cause: "test/ping"}))
	p.a.drain()
	p.run(time.Second)
	replies := p.with(ip.CauseEchoReply)
	if len(replies) != 2 {
		t.Fatalf("frames %q", p.causes())
	}
	_, b := ipOf(t, replies[0])
	m, err := inet.ParseICMPv4(b)
	if id, seq := m.Echo(); err != nil || m.Type != inet.ICMPv4EchoReply || id != 5 || seq != 6 || string(m.Body) != "ping" {
		t.Errorf("reply %+v %v", m, err)
	}
	_, b = ipOf(t, replies[1])
	m, err = inet.ParseICMPv6(b, dst, src)
	if id, seq := m.Echo(); err != nil || m.Type != inet.ICMPv6EchoReply || id != 5 || seq != 6 || string(m.Body) != "ping" {
		t.Errorf("reply %+v %v", m, err)
	}
}

// TestDrops hands one bad frame each and expects its counter, no output and no
// other drop.
func TestDrops(t *testing.T) {
	t.Parallel()
	me := macOf(2, 1) // node b: 10.0.0.2, 2001:db8::2
	h4 := inet.IPv4{TTL: 9, Proto: 200, Src: addr("10.0.0.1"), Dst: addr("10.0.0.2")}
	h6 := inet.IPv6{HopLimit: 9, NextHeader: 200, Src: addr("2001:db8::1"), Dst: addr("2001:db8::2")}
	with4 := func(change func(*inet.IPv4)) []byte {
		h := h4
		change(&h)
		return ip4FrameTo(t, me, h, make([]byte, 8))
	}
	with6 := func(change func(*inet.IPv6)) []byte {
		h := h6
		change(&h)
		return ip6FrameTo(t, me, h, make([]byte, 8))
	}
	patch := func(b []byte, at int, v byte) []byte {
		b[at] = v
		return b
	}
	good := func() []byte { return with4(func(*inet.IPv4) {}) }
	good6 := func() []byte { return with6(func(*inet.IPv6) {}) }
	for _, c := range []struct {
		counter string
		frame   []byte
		silent  bool
	}{
		{"drop/ethernet", []byte{1, 2, 3}, true},
		{"drop/ethernet", patch(patch(good(), 12, 0), 13, 100), true},
		{"drop/vlan", inet.Ethernet{Dst: me, Src: macOf(99, 1), Type: 0x0800, Tags: [2]inet.Tag{{Type: 0x8100, TCI: 5}}}.AppendTo(nil), true},
		{"drop/ether-type", patch(good(), 12, 0x99), true},
		{"drop/other-mac", patch(good(), 5, 77), true},
		{"drop/own-mac", append(append(append([]byte{}, me[:]...), me[:]...), 8, 0), true},
		{"drop/arp", inet.Ethernet{Dst: me, Src: macOf(99, 1), Type: 0x0806}.AppendTo(nil), true},
		{"drop/header-checksum", patch(good(), 24, 1), true},
		{"drop/truncated", good()[:20], true},
		{"drop/truncated", good6()[:60], true},
		{"drop/header", patch(good(), 14, 0x35), true},
		{"drop/source", with4(func(h *inet.IPv4) { h.Src = addr("224.0.0.1") }), true},
		{"drop/source", with4(func(h *inet.IPv4) { h.Src = addr("127.0.0.1") }), true},
		{"drop/source", with4(func(h *inet.IPv4) { h.Src = addr("10.0.0.255") }), true},
		{"drop/source", with4(func(h *inet.IPv4) { h.Src = addr("0.0.0.0") }), true},
		{"drop/source", with4(func(h *inet.IPv4) { h.Src = addr("250.0.0.1") }), true},
		{"drop/source", with6(func(h *inet.IPv6) { h.Src = addr("::1") }), true},
		{"drop/source", with6(func(h *inet.IPv6) { h.Src = addr("::ffff:10.0.0.1") }), true},
		{"drop/own-source", with4(func(h *inet.IPv4) { h.Src = addr("10.0.0.2") }), true},
		{"drop/own-source", with6(func(h *inet.IPv6) { h.Src = inet.LinkLocal(me) }), true},
		{"drop/destination", with4(func(h *inet.IPv4) { h.Dst = addr("127.0.0.1") }), true},
		{"drop/destination", with6(func(h *inet.IPv6) { h.Dst = addr("ff01::1") }), true},
		{"drop/destination", patch(good(), 0, 0x03), true}, // unicast packet in a group's frame
		{"drop/not-ours", with4(func(h *inet.IPv4) { h.Dst = addr("10.0.0.77") }), true},
		{"drop/not-member", with4(func(h *inet.IPv4) { h.Dst = addr("225.9.9.9") }), true},
		{"drop/protocol", good(), false},
		{"drop/protocol", good6(), false},
		{"drop/option", with6(func(h *inet.IPv6) { h.ExtensionType, h.Extensions = 0, []byte{200, 0, 0x40, 4, 0, 0, 0, 0} }), true},
		{"drop/option", with6(func(h *inet.IPv6) { h.ExtensionType, h.Extensions = 0, []byte{200, 0, 0x80, 4, 0, 0, 0, 0} }), false},
		{"drop/option", with6(func(h *inet.IPv6) { h.ExtensionType, h.Extensions = 60, []byte{200, 0, 0xc0, 4, 0, 0, 0, 0} }), false},
		{"drop/option", with6(func(h *inet.IPv6) { h.ExtensionType, h.Extensions = 43, []byte{200, 0, 0, 1, 0, 0, 0, 0} }), false},
		{"drop/no-next-header", with6(func(h *inet.IPv6) { h.NextHeader = inet.ProtoNoNext }), true},
		{"drop/source-route", with4(func(h *inet.IPv4) { h.Options = []byte{131, 7, 4, 10, 0, 0, 2, 0} }), true},
		{"drop/source-route", with4(func(h *inet.IPv4) { h.Options = []byte{1, 137, 7, 8, 10, 0, 0, 2} }), true},
		{"drop/header", hopByHopSecond(t, me), false},
		{"drop/icmp", ip4FrameTo(t, me, inet.IPv4{TTL: 9, Proto: inet.ProtoICMP, Src: h4.Src, Dst: h4.Dst}, make([]byte, 7)), true},
		{"drop/icmp", with6(func(h *inet.IPv6) { h.NextHeader = inet.ProtoICMPv6 }), true},
		{"drop/igmp", with4(func(h *inet.IPv4) { h.Proto = inet.ProtoIGMP; h.Dst = addr("224.0.0.1") }), true},
		{"drop/udp", with4(func(h *inet.IPv4) { h.Proto = inet.ProtoUDP }), true},
	} {
		p := newPair(t)
		before := p.b.Counters()
		p.b.frame(1, c.frame)
		p.b.wantCounter(c.counter, 1)
		if n := drops(p.b.Counters()) - drops(before); n != 1 {
			t.Errorf("%s: %d drops counted for one frame", c.counter, n)
		}
		if len(p.b.got) != 0 {
			t.Errorf("%s: handed up: %+v", c.counter, p.b.got)
		}
		p.run(5 * time.Second)
		if silent := len(p.frames) == 0; silent != c.silent {
			t.Errorf("%s: frames %q", c.counter, p.causes())
		}
	}
}

// hopByHopSecond is a packet whose Hop-by-Hop header follows Destination
// Options.
func hopByHopSecond(t *testing.T, to inet.MAC) []byte {
	b := ip6FrameTo(t, to, inet.IPv6{HopLimit: 9, NextHeader: 200, Src: addr("2001:db8::1"), Dst: addr("2001:db8::2"),
		ExtensionType: inet.ProtoDestination, Extensions: []byte{inet.ProtoDestination, 0, 1, 4, 0, 0, 0, 0, 200, 0, 1, 4, 0, 0, 0, 0}}, []byte("x"))
	b[14+40] = inet.ProtoHopByHop
	return b
}

// TestMisplacedHopByHop is reported as an unknown next header, where the packet
// is for this node.
func TestMisplacedHopByHop(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	frame := hopByHopSecond(t, macOf(2, 1))
	p.b.frame(1, frame)
	p.run(time.Second)
	sent := p.with(ip.CauseParamProblem)
	if len(sent) != 1 {
		t.Fatalf("%q", p.causes())
	}
	h, b := ipOf(t, sent[0])
	m, err := inet.ParseICMPv6(b, h.src, h.dst)
	if err != nil || h.src != addr("2001:db8::2") || h.dst != addr("2001:db8::1") || m.Code != inet.ICMPv6UnknownNextHeader || m.Pointer() != 40 {
		t.Errorf("%+v %+v %v", h, m, err)
	}
	frame[14+39] = 77 // to another
	p.b.frame(1, frame)
	frame[14+39], frame[14+23] = 2, 2 // from ourselves
	p.b.frame(1, frame)
	p.run(time.Second)
	if n := len(p.with(ip.CauseParamProblem)); n != 1 {
		t.Errorf("%d errors", n)
	}
}

// TestEchoToGroups: answered in IPv6, from an address of the answerer; not in
// IPv4.
func TestEchoToGroups(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		dst, from string
	}{
		{"ff02::1", "2001:db8::2"},
		{"ff02::1:ff00:2", "2001:db8::2"},
		{"ff02::77", ""}, // not a member
		{"224.0.0.1", ""},
		{"10.0.0.255", ""},
	} {
		p := newPair(t)
		body := inet.NewEcho(inet.ICMPv4Echo, 5, 6, nil).AppendV4(nil)
		proto, src := inet.ProtoICMP, addr("10.0.0.1")
		if addr(c.dst).Is6() {
			proto, src = inet.ProtoICMPv6, addr("2001:db8::1")
			var err error
			body, err = inet.NewEcho(inet.ICMPv6Echo, 5, 6, nil).AppendV6(nil, src, addr(c.dst))
			p.ok(err)
		}
		p.ok(p.a.HandleSend(p.now, ip.Packet{Src: src, Dst: addr(c.dst), Proto: proto, OutIf: 1, Payload: body}))
		p.a.drain()
		p.run(time.Second)
		replies := p.with(ip.CauseEchoReply)
		if c.from == "" {
			if len(replies) != 0 {
				t.Errorf("%s: %q", c.dst, p.causes())
			}
			continue
		}
		if len(replies) != 1 {
			t.Errorf("%s: %q", c.dst, p.causes())
			continue
		}
		if h, _ := ipOf(t, replies[0]); h.src != addr(c.from) || h.dst != src {
			t.Errorf("%s: %+v", c.dst, h)
		}
	}
}

func drops(c ip.Counters) (sum uint64) {
	for _, row := range c.Table() {
		if len(row.Name) > 5 && row.Name[:5] == "drop/" {
			sum += row.Value
		}
	}
	return sum
}

func TestFramesOnMissingAndDownInterfaces(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.a.frame(9, []byte{1})
	p.a.wantCounter("drop/unknown-interface", 1)
	p.a.link(1, false)
	p.a.frame(1, []byte{1})
	p.a.wantCounter("drop/interface-down", 1)
}

// TestUnknownProtocolPointer: the pointer of the Parameter Problem names the
// Next Header that is not known, also behind extension headers.
func TestUnknownProtocolPointer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		alert bool
		want  uint32
	}{{false, 6}, {true, 40}} {
		p := newPair(t)
		p.ok(p.a.HandleSend(p.now, ip.Packet{Dst: addr("2001:db8::2"), Proto: 200, RouterAlert: c.alert, Payload: []byte("x")}))
		p.a.drain()
		p.run(time.Second)
		sent := p.with(ip.CauseParamProblem)
		if len(sent) != 1 {
			t.Fatalf("frames %q", p.causes())
		}
		h, b := ipOf(t, sent[0])
		m, err := inet.ParseICMPv6(b, h.src, h.dst)
		if err != nil || m.Type != inet.ICMPv6ParamProblem || m.Code != inet.ICMPv6UnknownNextHeader || m.Pointer() != c.want {
			t.Errorf("%+v %v", m, err)
		}
	}
}

// TestICMPErrorsAreNotAnswered: no error about an error.
func TestICMPErrorsAreNotAnswered(t *testing.T) {
	t.Parallel()
	n := newRouted(t, ip.Config{})
	n.settle()
	msg := inet.ICMP{Type: inet.ICMPv4Unreachable, Body: make([]byte, 28)}
	n.ok(n.s.HandleSend(n.now, ip.Packet{Dst: addr("10.2.0.1"), Proto: inet.ProtoICMP, TTL: 1, Payload: msg.AppendV4(nil)}))
	n.s.drain()
	n.run(time.Second)
	n.r.wantCounter("drop/forward-ttl", 1)
	n.r.wantCounter("icmp/errors-sent", 0)
}

func TestForgedErrors(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.a.bind("10.0.0.1:9")
	quote := func(src string, port byte, proto uint8) []byte {
		b, err := inet.IPv4{TTL: 9, Proto: proto, Src: addr(src), Dst: addr("192.0.2.1")}.AppendTo(nil, 8)
		p.ok(err)
		return append(b, 0, port, 0, 7, 0, 8, 0, 0)
	}
	for _, c := range []struct {
		body      []byte
		unmatched uint64
		told      int
	}{
		{quote("10.0.0.1", 9, inet.ProtoUDP), 0, 1},
		{quote("10.0.0.5", 9, inet.ProtoUDP), 1, 1}, // not our packet
		{quote("10.0.0.1", 8, inet.ProtoUDP), 2, 1}, // not our port
		{quote("10.0.0.1", 9, inet.ProtoTCP), 3, 1},
		{[]byte{1}, 3, 1},
	} {
		msg := inet.ICMP{Type: inet.ICMPv4Unreachable, Code: inet.ICMPv4HostUnreachable, Body: c.body}
		p.a.frame(1, ip4FrameTo(t, macOf(1, 1), inet.IPv4{TTL: 9, Proto: inet.ProtoICMP, Src: addr("10.0.0.2"), Dst: addr("10.0.0.1")}, msg.AppendV4(nil)))
		p.a.wantCounter("drop/icmp-unmatched", c.unmatched)
		if got := p.a.kind(ip.KindUnreachable); len(got) != c.told {
			t.Errorf("told %d times, want %d", len(got), c.told)
		}
	}
	p.a.wantCounter("drop/icmp", 1)
}
