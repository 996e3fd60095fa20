package ip_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/mpstack/mpstack/stack/ip"
	"github.com/mpstack/mpstack/stack/ip/neigh"
	"github.com/mpstack/mpstack/wire/inet"
)

// bounded is the routed topology with a boundary on one of the router's
// interfaces: s on 1, x on 2, z on 3.
func bounded(t *testing.T, index int, change func(*ip.Interface)) *routed {
	w := newWorld(t)
	n := &routed{world: w, s: w.add("s", ip.Config{}), r: w.add("r", ip.Config{Forwarding: true}), x: w.add("x", ip.Config{}), z: w.add("z", ip.Config{})}
	wires := [4]*wire{1: new(wire), 2: new(wire), 3: new(wire)}
	for net, h := range map[int]*node{1: n.s, 2: n.x, 3: n.z} {
		w.connect(wires[net], h, 1, fmt.Sprintf("10.%d.0.1/24", net), fmt.Sprintf("2001:db8:%d::1/64", net))
	}
	for i := 1; i <= 3; i++ {
		w.plug(wires[i], n.r, i, func(in *ip.Interface) {
			if i == index {
				change(in)
			}
		}, fmt.Sprintf("10.%d.0.254/24", i), fmt.Sprintf("2001:db8:%d::fe/64", i))
	}
	w.settle()
	return n
}

// TestMulticastBoundaries: what passes which boundary, in both directions.
func TestMulticastBoundaries(t *testing.T) {
	t.Parallel()
	prefixes := func(list ...string) func(*ip.Interface) {
		return func(in *ip.Interface) {
			for _, p := range list {
				in.Boundary = append(in.Boundary, prefix(p))
			}
		}
	}
	scope := func(s uint8) func(*ip.Interface) { return func(in *ip.Interface) { in.ScopeBoundary = s } }
	for _, c := range []struct {
		name, group string
		change      func(*ip.Interface)
		passes      bool
	}{
		{"none", "239.1.2.3", prefixes(), true},
		{"local scope", "239.255.1.2", prefixes("239.255.0.0/16"), false},
		{"outside it", "239.254.1.2", prefixes("239.255.0.0/16"), true},
		{"organization", "239.192.1.2", prefixes("239.255.0.0/16", "239.192.0.0/14"), false},
		{"global", "225.1.2.3", prefixes("239.0.0.0/8"), true},
		{"IPv6 by prefix", "ff15::1:2", prefixes("ff15::/16"), false},
		{"other flags", "ff05::1:2", prefixes("ff15::/16"), true},
		{"admin-local", "ff14::1:2", scope(5), false},
		{"site-local", "ff05::1:2", scope(5), false},
		{"site-local, transient", "ff15::1:2", scope(5), false},
		{"site-local, source-specific", "ff35::1:2", scope(5), false},
		{"organization-local", "ff18::1:2", scope(5), true},
		{"admin boundary", "ff15::1:2", scope(4), true},
		{"global IPv6", "ff1e::1:2", scope(0xd), true},
		{"no boundary", "ff13::1:2", scope(0), true},
	} {
		for _, index := range []int{1, 2} { // where it comes in, where it would go out
			n := bounded(t, index, c.change)
			src := "10.1.0.1"
			if addr(c.group).Is6() {
				src = "2001:db8:1::1"
			}
			source := ""
			if c.name == "site-local, source-specific" {
				source = src
			}
			n.x.bind(join(unspecified(src), "7"))
			n.x.join(1, c.group, source)
			n.run(2 * time.Second)
			n.forget()
			n.s.udp(join(src, "9"), join(c.group, "7"), 0, 9, "x")
			n.run(time.Second)
			if got := len(n.x.datagrams()) == 1; got != c.passes {
				t.Errorf("%s, %s by %d: passes %v", c.name, c.group, index, got)
			}
			if got := len(n.r.MulticastOutputs(addr(src), addr(c.group), 1)) == 1; got != c.passes {
				t.Errorf("%s, %s by %d: outputs %v", c.name, c.group, index, got)
			}
			n.r.wantCounter("drop/forward-boundary", map[bool]uint64{false: 1}[c.passes])
		}
	}
}

// TestBoundaryOfOneOutput: the others get their copy.
func TestBoundaryOfOneOutput(t *testing.T) {
	t.Parallel()
	n := bounded(t, 3, func(in *ip.Interface) { in.Boundary = []netip.Prefix{prefix("239.255.0.0/16")} })
	for _, h := range []*node{n.x, n.z} {
		h.bind("0.0.0.0:7")
		h.join(1, "239.255.1.2", "")
	}
	n.run(2 * time.Second)
	n.s.udp("10.1.0.1:9", "239.255.1.2:7", 0, 9, "x")
	n.run(time.Second)
	n.x.wantDatagrams("10.1.0.1:9>239.255.1.2:7 x")
	n.z.wantDatagrams()
	if got := n.r.MulticastOutputs(addr("10.1.0.1"), addr("239.255.1.2"), 1); !slices.Equal(got, []int{2}) {
		t.Errorf("outputs %v", got)
	}
	n.r.wantCounter("drop/forward-boundary", 1)
	n.r.wantCounter("packets/multicast-forwarded", 1)
}

// TestTTLThreshold: the lifetime must exceed it.
func TestTTLThreshold(t *testing.T) {
	t.Parallel()
	for _, f := range families {
		n := bounded(t, 2, func(in *ip.Interface) { in.TTLThreshold = 16 })
		n.x.bind(join(unspecified(f.s), "7"))
		n.x.join(1, f.asm, "")
		n.run(2 * time.Second)
		for _, ttl := range []uint8{2, 16, 17, 64} {
			n.s.udp(join(f.s, "9"), join(f.asm, "7"), 0, ttl, fmt.Sprint(ttl))
		}
		n.run(time.Second)
		n.x.wantDatagrams(join(f.s, "9")+">"+join(f.asm, "7")+" 17", join(f.s, "9")+">"+join(f.asm, "7")+" 64")
		n.r.wantCounter("drop/forward-threshold", 2)
	}
}

func TestBoundaryRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.add("r", ip.Config{Forwarding: true})
	for name, in := range map[string]ip.Interface{
		"unicast": {Boundary: []netip.Prefix{prefix("10.0.0.0/8")}},
		"none":    {Boundary: []netip.Prefix{{}}},
		"scope":   {ScopeBoundary: 16},
	} {
		in.Index, in.MTU, in.MAC = 1, 1500, macOf(1, 1)
		if err := r.AddInterface(w.now, in); err != ip.ErrInterface {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBeyondScope: a packet from a link-local address to a global one is not
// forwarded, and its sender is told (RFC 4443 section 3.1).
func TestBeyondScope(t *testing.T) {
	t.Parallel()
	n := newRouted(t, ip.Config{})
	n.settle()
	ll, _ := n.s.LinkLocal(1)
	h := n.s.bind(join(ll.String(), "9"))
	n.s.udp(join(ll.String(), "9"), "[2001:db8:2::1]:7", 0, 9, "x")
	n.run(time.Second)
	un := n.s.kind(ip.KindUnreachable)
	if len(un) != 1 || un[0].Handle != h || un[0].Reason != ip.ReasonNet {
		t.Errorf("%+v, %q", un, n.causes())
	}
	n.r.wantCounter("drop/forward-scope", 1)
	// IPv4's link-local addresses stay on their link without a word.
	n.forget()
	n.ok(n.s.HandleSend(n.now, ip.Packet{Src: addr("169.254.1.1"), Dst: addr("10.2.0.1"), Proto: 200, Payload: []byte("x")}))
	n.s.drain()
	n.run(time.Second)
	n.r.wantCounter("drop/forward-scope", 2)
	n.r.wantCounter("icmp/errors-sent", 1)
}

// TestMartians: addresses that no packet on a link may have, on a router with a
// route to everywhere.
func TestMartians(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ src, dst, counter string }{
		{"0.1.2.3", "10.2.0.1", "drop/source"},
		{"0.0.0.0", "10.2.0.1", "drop/source"},
		{"127.1.2.3", "10.2.0.1", "drop/source"},
		{"224.0.0.9", "10.2.0.1", "drop/source"},
		{"240.0.0.1", "10.2.0.1", "drop/source"},
		{"255.255.255.255", "10.2.0.1", "drop/source"},
		{"10.1.0.255", "10.2.0.1", "drop/source"},
		{"10.1.0.254", "10.2.0.1", "drop/own-source"},
		{"10.2.0.254", "10.2.0.1", "drop/own-source"},
		{"10.1.0.1", "0.0.0.0", "drop/destination"},
		{"10.1.0.1", "0.1.2.3", "drop/destination"},
		{"10.1.0.1", "127.0.0.1", "drop/destination"},
		{"10.1.0.1", "240.0.0.1", "drop/destination"},
		{"10.1.0.1", "255.255.255.254", "drop/destination"},
		{"::", "2001:db8:2::1", "drop/source"},
		{"::1", "2001:db8:2::1", "drop/source"},
		{"ff02::1", "2001:db8:2::1", "drop/source"},
		{"::ffff:10.1.0.1", "2001:db8:2::1", "drop/source"},
		{"2001:db8:1::1", "::1", "drop/destination"},
		{"2001:db8:1::1", "::", "drop/destination"},
		{"2001:db8:1::1", "ff01::5", "drop/destination"},
		{"2001:db8:1::1", "ff10::5", "drop/destination"},
	} {
		n := newRouted(t, ip.Config{})
		n.ok(n.r.AddRoute(n.now, ip.Route{Dst: prefix("0.0.0.0/0"), Via: addr("10.3.0.1")}))
		n.ok(n.r.AddRoute(n.now, ip.Route{Dst: prefix("::/0"), Via: addr("2001:db8:3::1")}))
		n.settle()
		mac := macOf(2, 1)
		var frame []byte
		if s := addr(c.src); s.Is4() {
			frame = ip4FrameTo(t, mac, inet.IPv4{TTL: 9, Proto: 200, Src: s, Dst: addr(c.dst)}, []byte("x"))
		} else {
			if addr(c.dst).IsMulticast() {
				mac = inet.MAC{}
			}
			frame = ip6FrameTo(t, mac, inet.IPv6{HopLimit: 9, NextHeader: 200, Src: s, Dst: addr(c.dst)}, []byte("x"))
		}
		n.r.frame(1, frame)
		n.r.wantCounter(c.counter, 1)
		n.run(time.Second)
		n.wantCauses()
	}
}

// TestRouteMetrics: the least metric whose interface is up.
func TestRouteMetrics(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.add("r", ip.Config{})
	for i := 1; i <= 3; i++ {
		w.connect(new(wire), n, i, fmt.Sprintf("10.%d.0.1/24", i))
	}
	for i, metric := range map[int]int{1: 30, 2: 10, 3: 20} {
		w.ok(n.AddRoute(w.now, ip.Route{Dst: prefix("192.0.2.0/24"), Via: addr(fmt.Sprintf("10.%d.0.254", i)), Metric: metric}))
	}
	n.drain()
	n.wantRouteChanges("192.0.2.0/24", "192.0.2.0/24", "192.0.2.0/24")
	by := func(want int) {
		t.Helper()
		out, _, _, _ := n.RouteTo(addr("192.0.2.1"))
		if out != want {
			t.Errorf("by %d, want %d", out, want)
		}
	}
	by(2)
	n.link(2, false)
	by(3)
	n.link(3, false)
	by(1)
	n.link(2, true)
	by(2)
	w.ok(n.RemoveRoute(w.now, ip.Route{Dst: prefix("192.0.2.0/24"), Via: addr("10.2.0.254")}))
	by(1)
	n.link(3, true)
	by(3)
	w.ok(n.AddRoute(w.now, ip.Route{Dst: prefix("192.0.2.0/25"), OutIf: 1, Metric: 1000}))
	by(1) // the longer prefix, whatever its metric
	if err := n.AddRoute(w.now, ip.Route{Dst: prefix("192.0.3.0/24"), OutIf: 1, Metric: -1}); err != ip.ErrAddress {
		t.Errorf("a negative metric: %v", err)
	}
	if err := n.AddRoute(w.now, ip.Route{Dst: prefix("192.0.2.0/25"), OutIf: 1, Metric: 5}); err != ip.ErrRouteExists {
		t.Errorf("the same route with another metric: %v", err)
	}
	n.forgetRouteChanges()
	if err := n.RemoveRoute(w.now, ip.Route{Dst: prefix("192.0.9.0/24")}); err != ip.ErrNoRoute {
		t.Errorf("no such route: %v", err)
	}
	n.drain()
	n.wantRouteChanges()
}

// TestSnapshotRoutes: pages, whatever their size, make up the whole table.
func TestSnapshotRoutes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.add("r", ip.Config{})
	w.connect(new(wire), n, 1, "10.1.0.1/24", "2001:db8:1::1/64")
	w.connect(new(wire), n, 2, "10.2.0.1/24")
	for i := range 7 {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, byte(i % 3), 0}), 24)
		w.ok(n.AddRoute(w.now, ip.Route{Dst: p, Via: addr(fmt.Sprintf("10.%d.0.%d", 1+i%2, 100+i)), Metric: i / 2}))
	}
	w.ok(n.AddRoute(w.now, ip.Route{Dst: prefix("::/0"), Via: addr("fe80::1"), OutIf: 1}))
	n.link(2, false)
	all := n.SnapshotRoutes(ip.RouteInfo{}, 99)
	if len(all) != 11 {
		t.Fatalf("%d routes", len(all))
	}
	for size := 1; size < 12; size++ {
		var got []ip.RouteInfo
		for after := (ip.RouteInfo{}); ; {
			page := n.SnapshotRoutes(after, size)
			if len(page) == 0 {
				break
			}
			got = append(got, page...)
			after = page[len(page)-1]
		}
		if !slices.Equal(got, all) {
			t.Errorf("pages of %d: %+v", size, got)
		}
	}
	for _, r := range all {
		if r.Up != (r.OutIf == 1) || (r.Origin == ip.RouteConnected) == r.Via.IsValid() {
			t.Errorf("%+v", r)
		}
	}
	if n.SnapshotRoutes(ip.RouteInfo{}, 0) != nil && len(n.SnapshotRoutes(ip.RouteInfo{}, -1)) != 0 {
		t.Error("a page of nothing holds something")
	}
	for o, want := range map[ip.RouteOrigin]string{ip.RouteConnected: "connected", ip.RouteStatic: "static", ip.RouteAdvertised: "advertised", 9: "unknown"} {
		if o.String() != want {
			t.Errorf("origin %d is called %q", o, o)
		}
	}
}

// TestSnapshotNeighbors: the same of neighbours.
func TestSnapshotNeighbors(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	for i := range 9 {
		p.a.frame(1, unhex(t, fmt.Sprintf(`ffffffffffff 0200000000%02x 0806 0001 0800 06 04 0001
			0200000000%02x 0a0000%02x 000000000000 0a000001`, 99-i, 99-i, 99-i)))
	}
	all := p.a.Neighbors()
	if len(all) != 9 {
		t.Fatalf("%d neighbours", len(all))
	}
	var got []neigh.Neighbor
	for after := (neigh.Key{}); ; {
		page := p.a.SnapshotNeighbors(after, 4)
		if len(page) == 0 {
			break
		}
		got = append(got, page...)
		after = page[len(page)-1].Key
	}
	if !slices.Equal(got, all) || !slices.IsSortedFunc(got, func(a, b neigh.Neighbor) int { return a.Key.Addr.Compare(b.Key.Addr) }) {
		t.Errorf("%+v", got)
	}
	if got := p.a.SnapshotNeighbors(neigh.Key{}, -1); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

// TestSourceFiltersOfBindings: two bindings of one port, each with a filter of
// its own.
func TestSourceFiltersOfBindings(t *testing.T) {
	t.Parallel()
	n := newRouted(t, ip.Config{})
	n.settle()
	bind := func() ip.UDPHandle {
		h, err := n.x.BindUDP(n.now, ip.Bind{Local: ap("0.0.0.0:7"), Reuse: true})
		n.ok(err)
		return h
	}
	one, two := bind(), bind()
	n.ok(n.x.SetFilter(n.now, ip.SocketKey(one), 1, addr(asm4), 0, []netip.Addr{addr("10.1.0.1")}))
	n.ok(n.x.SetFilter(n.now, ip.SocketKey(two), 1, addr(asm4), 1, []netip.Addr{addr("10.1.0.1")}))
	n.x.drain()
	n.run(2 * time.Second)
	n.s.udp("10.1.0.1:9", asm4+":7", 0, 9, "from s")
	n.z.udp("10.3.0.1:9", asm4+":7", 0, 9, "from z")
	n.run(time.Second)
	got := make(map[ip.UDPHandle][]string)
	for _, o := range n.x.kind(ip.KindDatagram) {
		got[o.Handle] = append(got[o.Handle], string(o.Datagram.Payload))
	}
	if !slices.Equal(got[one], []string{"from s"}) || !slices.Equal(got[two], []string{"from z"}) {
		t.Errorf("received %v", got)
	}
	n.x.wantCounter("drop/filtered", 2)
}
