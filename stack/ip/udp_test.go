package ip_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/mpstack/mpstack/stack/ip"
	"github.com/mpstack/mpstack/wire/inet"
)

func TestBindConflicts(t *testing.T) {
	t.Parallel()
	type b = ip.Bind
	for _, c := range []struct {
		name   string
		first  b
		second b
		want   error
	}{
		{"same", b{ap("10.0.0.1:7"), false}, b{ap("10.0.0.1:7"), false}, ip.ErrAddressInUse},
		{"wildcard second", b{ap("10.0.0.1:7"), false}, b{ap("0.0.0.0:7"), false}, ip.ErrAddressInUse},
		{"wildcard first", b{ap("0.0.0.0:7"), false}, b{ap("10.0.0.1:7"), false}, ip.ErrAddressInUse},
		{"reuse by one", b{ap("0.0.0.0:7"), true}, b{ap("0.0.0.0:7"), false}, ip.ErrAddressInUse},
		{"reuse by both", b{ap("0.0.0.0:7"), true}, b{ap("0.0.0.0:7"), true}, nil},
		{"other port", b{ap("10.0.0.1:7"), false}, b{ap("10.0.0.1:8"), false}, nil},
		{"other family", b{ap("0.0.0.0:7"), false}, b{ap("[::]:7"), false}, nil},
		{"address and group", b{ap("10.0.0.1:7"), false}, b{ap("225.1.2.3:7"), false}, nil},
	} {
		p := newPair(t)
		if _, err := p.a.BindUDP(p.now, c.first); err != nil {
			t.Fatalf("%s: first bind: %v", c.name, err)
		}
		if _, err := p.a.BindUDP(p.now, c.second); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestBindRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.add("a", ip.Config{MaxBindings: 2})
	w.connect(new(wire), n, 1, "10.0.0.1/24")
	for _, c := range []struct {
		local ip.Bind
		want  error
	}{
		{ip.Bind{}, ip.ErrAddress},
		{ip.Bind{Local: ap("10.0.0.9:7")}, ip.ErrAddressNotAvailable},
		{ip.Bind{Local: ap("[::ffff:10.0.0.1]:7")}, ip.ErrAddress},
	} {
		if _, err := n.BindUDP(w.now, c.local); err != c.want {
			t.Errorf("%v: %v, want %v", c.local, err, c.want)
		}
	}
	h := n.bind("10.0.0.1:7")
	n.bind("10.0.0.1:8")
	if _, err := n.BindUDP(w.now, ip.Bind{Local: ap("10.0.0.1:9")}); err != ip.ErrLimit {
		t.Errorf("beyond the limit: %v", err)
	}
	w.ok(n.CloseUDP(w.now, h))
	if err := n.CloseUDP(w.now, h); err != ip.ErrHandle {
		t.Errorf("closed twice: %v", err)
	}
	if _, ok := n.LocalAddr(h); ok {
		t.Error("a closed binding has an address")
	}
	if h2 := n.bind("10.0.0.1:7"); h2 == h {
		t.Error("a handle was used twice")
	}
}

func TestDynamicPorts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.add("a", ip.Config{MaxBindings: 1 << 16})
	w.connect(new(wire), n, 1, "10.0.0.1/24")
	seen := make(map[uint16]bool)
	for range 16384 {
		a, _ := n.LocalAddr(n.bind("10.0.0.1:0"))
		if a.Port() < 49152 || seen[a.Port()] {
			t.Fatalf("port %d", a.Port())
		}
		seen[a.Port()] = true
	}
	if _, err := n.BindUDP(w.now, ip.Bind{Local: ap("0.0.0.0:0")}); err != ip.ErrNoPorts {
		t.Errorf("all ports are in use: %v", err)
	}
}

func TestDemultiplexing(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	reuse := func(local string) ip.UDPHandle {
		h, err := p.b.BindUDP(p.now, ip.Bind{Local: ap(local), Reuse: true})
		p.ok(err)
		return h
	}
	any1, any2, exact, grp := reuse("0.0.0.0:7"), reuse("0.0.0.0:7"), reuse("10.0.0.2:7"), reuse(asm4+":7")
	p.b.join(1, asm4, "")
	handles := func() (out []ip.UDPHandle) {
		p.run(time.Second)
		for _, o := range p.b.kind(ip.KindDatagram) {
			out = append(out, o.Handle)
		}
		p.b.got = nil
		return out
	}
	p.a.udp("0.0.0.0:9", "10.0.0.2:7", 0, 0, "x")
	if got := handles(); !slices.Equal(got, []ip.UDPHandle{exact}) {
		t.Errorf("unicast to %v, want %v", got, exact)
	}
	p.ok(p.b.CloseUDP(p.now, exact))
	p.a.udp("0.0.0.0:9", "10.0.0.2:7", 0, 0, "x")
	if got := handles(); !slices.Equal(got, []ip.UDPHandle{any1}) {
		t.Errorf("unicast to %v, want the first, %v", got, any1)
	}
	p.a.udp("0.0.0.0:9", asm4+":7", 0, 0, "x")
	if got := handles(); !slices.Equal(got, []ip.UDPHandle{any1, any2, grp}) {
		t.Errorf("multicast to %v", got)
	}
	p.a.udp("0.0.0.0:9", "10.0.0.255:7", 0, 0, "x")
	if got := handles(); !slices.Equal(got, []ip.UDPHandle{any1, any2}) {
		t.Errorf("broadcast to %v", got)
	}
	p.a.udp("0.0.0.0:9", "255.255.255.255:7", 1, 0, "x")
	if got := handles(); !slices.Equal(got, []ip.UDPHandle{any1, any2}) {
		t.Errorf("limited broadcast to %v", got)
	}
	p.a.udp("0.0.0.0:9", asm4+":8", 0, 0, "x")
	if got := handles(); got != nil {
		t.Errorf("another port: %v", got)
	}
	p.b.wantCounter("drop/no-group-port", 1)
}

// TestSourceFilter: membership decides by source.
func TestSourceFilter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b, c := w.add("a", ip.Config{}), w.add("b", ip.Config{}), w.add("c", ip.Config{})
	l := new(wire)
	w.connect(l, a, 1, "10.0.0.1/24")
	w.connect(l, b, 1, "10.0.0.2/24")
	w.connect(l, c, 1, "10.0.0.3/24")
	c.bind("0.0.0.0:7")
	c.join(1, ssm4, "10.0.0.1")
	send := func() {
		c.got = nil
		a.udp("0.0.0.0:9", ssm4+":7", 0, 0, "a")
		b.udp("0.0.0.0:9", ssm4+":7", 0, 0, "b")
		w.run(time.Second)
	}
	send()
	c.wantDatagrams("10.0.0.1:9>" + ssm4 + ":7 a")
	c.join(1, ssm4, "10.0.0.2")
	send()
	c.wantDatagrams("10.0.0.1:9>"+ssm4+":7 a", "10.0.0.2:9>"+ssm4+":7 b")
	c.leave(1, ssm4, "10.0.0.1")
	send()
	c.wantDatagrams("10.0.0.2:9>" + ssm4 + ":7 b")
	c.leave(1, ssm4, "10.0.0.2")
	send()
	c.wantDatagrams()
}

func TestPortUnreachable(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{{"10.0.0.1:9", "10.0.0.2:7"}, {"[2001:db8::1]:9", "[2001:db8::2]:7"}} {
		p := newPair(t)
		h := p.a.bind(c[0])
		p.a.udp(c[0], c[1], 0, 0, "anyone?")
		p.run(time.Second)
		if len(p.with(ip.CausePortUnreachable)) != 1 {
			t.Fatalf("frames %q", p.causes())
		}
		un := p.a.kind(ip.KindUnreachable)
		if len(un) != 1 || un[0].Handle != h || un[0].Local != ap(c[0]) || un[0].Remote != ap(c[1]) || un[0].Reason != ip.ReasonPort {
			t.Errorf("unreachable: %+v", un)
		}
		// Nobody is told about a socket that is gone.
		p.ok(p.a.CloseUDP(p.now, h))
		p.a.udp(c[0], c[1], 0, 0, "anyone?")
		p.run(time.Second)
		p.a.wantCounter("drop/icmp-unmatched", 1)
	}
}

func TestNoErrorsAboutGroups(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.b.join(1, asm4, "")
	p.b.join(1, asm6, "")
	p.run(2 * time.Second)
	p.forget()
	p.a.udp("0.0.0.0:9", asm4+":7", 0, 0, "x")
	p.a.udp("[::]:9", "["+asm6+"]:7", 0, 0, "x")
	p.a.udp("0.0.0.0:9", "10.0.0.255:7", 0, 0, "x")
	p.run(time.Second)
	p.wantCauses("a/1 test/data", "a/1 test/data", "a/1 test/data")
}

func TestErrorRate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.add("a", ip.Config{}), w.add("b", ip.Config{ICMPRate: 10, ICMPBurst: 3})
	l := new(wire)
	w.connect(l, a, 1, "10.0.0.1/24")
	w.connect(l, b, 1, "10.0.0.2/24")
	a.udp("10.0.0.1:9", "10.0.0.2:7", 0, 0, "x")
	w.run(time.Second)
	w.forget()
	for range 10 {
		a.udp("10.0.0.1:9", "10.0.0.2:7", 0, 0, "x")
	}
	w.run(time.Millisecond)
	if n := len(w.with(ip.CausePortUnreachable)); n != 3 {
		t.Errorf("%d errors at once, want 3", n)
	}
	b.wantCounter("drop/icmp-limited", 7)
	w.run(time.Second)
	for range 10 {
		a.udp("10.0.0.1:9", "10.0.0.2:7", 0, 0, "x")
		w.run(100 * time.Millisecond)
	}
	b.wantCounter("drop/icmp-limited", 7)
}

func TestLocalDelivery(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{{"10.0.0.1:9", "10.0.0.1:7"}, {"[2001:db8::1]:9", "[2001:db8::1]:7"}} {
		p := newPair(t)
		p.a.bind(c[1])
		p.a.udp(c[0], c[1], 0, 0, "to myself")
		p.a.wantDatagrams(c[0] + ">" + c[1] + " to myself")
		h := p.a.bind(c[0])
		p.a.udp(c[0], join(ap(c[1]).Addr().String(), "8"), 0, 0, "nobody")
		un := p.a.kind(ip.KindUnreachable)
		if len(un) != 1 || un[0].Handle != h || un[0].Reason != ip.ReasonPort {
			t.Errorf("%+v", un)
		}
		p.wantCauses()
	}
}

func TestMulticastLoopback(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.a.bind("0.0.0.0:7")
	p.a.udp("0.0.0.0:9", asm4+":7", 1, 0, "before")
	p.a.join(1, asm4, "")
	p.a.udp("0.0.0.0:9", asm4+":7", 1, 0, "after")
	p.a.wantDatagrams("10.0.0.1:9>" + asm4 + ":7 after")
	if len(p.with("test/data")) != 2 {
		t.Error("a looped datagram did not go out")
	}
}

func TestUDPChecksums(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.b.bind("0.0.0.0:7")
	udp := []byte{0, 9, 0, 7, 0, 9, 0, 0, 'x'}
	h := inet.IPv4{TTL: 9, Proto: inet.ProtoUDP, Src: addr("10.0.0.1"), Dst: addr("10.0.0.2")}
	p.b.frame(1, ip4FrameTo(t, macOf(2, 1), h, udp))
	got := p.b.kind(ip.KindDatagram)
	if len(got) != 1 || !got[0].ChecksumZero {
		t.Fatalf("without checksum: %+v", got)
	}
	udp[7] = 1
	p.b.frame(1, ip4FrameTo(t, macOf(2, 1), h, udp))
	p.b.wantCounter("drop/udp-checksum", 1)
	udp[5] = 20
	p.b.frame(1, ip4FrameTo(t, macOf(2, 1), h, udp))
	p.b.wantCounter("drop/udp", 1)
	p.b.frame(1, ip6FrameTo(t, macOf(2, 1), inet.IPv6{HopLimit: 9, NextHeader: inet.ProtoUDP, Src: addr("2001:db8::1"), Dst: addr("2001:db8::2")},
		[]byte{0, 9, 0, 7, 0, 9, 0, 0, 'x'}))
	p.b.wantCounter("drop/udp-checksum", 2)
}

func TestSendRefusals(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	for _, c := range []struct {
		name string
		d    ip.Datagram
		want error
	}{
		{"no destination", ip.Datagram{Src: ap("10.0.0.1:9")}, ip.ErrAddress},
		{"unspecified", ip.Datagram{Src: ap("10.0.0.1:9"), Dst: ap("0.0.0.0:7")}, ip.ErrAddress},
		{"families", ip.Datagram{Src: ap("10.0.0.1:9"), Dst: ap("[2001:db8::2]:7")}, ip.ErrAddress},
		{"port 0", ip.Datagram{Src: ap("10.0.0.1:9"), Dst: ap("10.0.0.2:0")}, ip.ErrAddress},
		{"no route", ip.Datagram{Src: ap("10.0.0.1:9"), Dst: ap("192.0.2.1:7")}, ip.ErrNoRoute},
		{"interface", ip.Datagram{Src: ap("10.0.0.1:9"), Dst: ap(asm4 + ":7"), OutIf: 5}, ip.ErrNoInterface},
		{"too big", ip.Datagram{Src: ap("10.0.0.1:9"), Dst: ap("10.0.0.2:7"), DF: true, Payload: make([]byte, 1473)}, ip.ErrMessageTooBig},
		{"far too big", ip.Datagram{Src: ap("10.0.0.1:9"), Dst: ap("10.0.0.2:7"), Payload: make([]byte, 70000)}, ip.ErrMessageTooBig},
		{"far too big for IPv6", ip.Datagram{Src: ap("[::]:9"), Dst: ap("[2001:db8::2]:7"), Payload: make([]byte, 65528)}, ip.ErrMessageTooBig},
		{"a probe too big for the link", ip.Datagram{Src: ap("10.0.0.1:9"), Dst: ap("10.0.0.2:7"), Probe: true, Payload: make([]byte, 1473)}, ip.ErrMessageTooBig},
		{"too big for IPv6", ip.Datagram{Src: ap("[::]:9"), Dst: ap("[2001:db8::2]:7"), DF: true, Payload: make([]byte, 1453)}, ip.ErrMessageTooBig},
	} {
		if err := p.a.HandleSendUDP(p.now, c.d); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if _, ok := p.a.Next(); ok {
			t.Errorf("%s: a refused send left an output", c.name)
		}
	}
	if err := p.a.HandleSend(p.now, ip.Packet{Src: addr("192.0.2.9"), Dst: addr("10.0.0.2"), Proto: 46}); err != nil {
		t.Errorf("a foreign source: %v", err)
	}
	p.a.link(1, false)
	if err := p.a.HandleSendUDP(p.now, ip.Datagram{Src: ap("10.0.0.1:9"), Dst: ap(asm4 + ":7"), OutIf: 1}); err != ip.ErrInterfaceDown {
		t.Errorf("interface down: %v", err)
	}
}
