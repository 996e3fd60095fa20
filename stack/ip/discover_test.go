package ip_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/ip"
	"github.com/mpstack/mpstack/wire/inet"
)

// slaac is the address that node a, the first one, forms from a prefix.
func slaac(node int, net string) string {
	b := prefix(net).Addr().As16()
	ll := inet.LinkLocal(macOf(node, 1)).As16()
	copy(b[8:], ll[8:])
	return netip.AddrFrom16(b).String()
}

// auto gives n an interface that finds routers.
func (w *world) auto(l *wire, n *node, index int, addrs ...string) {
	w.t.Helper()
	w.plug(l, n, index, func(in *ip.Interface) { in.Autoconf = true }, addrs...)
}

// advertising gives a router an interface that advertises itself.
func (w *world) advertising(l *wire, n *node, index int, a ip.Advertise, addrs ...string) {
	w.t.Helper()
	w.plug(l, n, index, func(in *ip.Interface) { in.Advertise = &a }, addrs...)
}

// said is a router advertisement as a test writes it.
type said struct {
	src      string
	hop      uint8
	ra       inet.RouterAdvertisement
	prefixes []inet.PrefixInformation
	mtu      uint32
	mac      inet.MAC
}

// hear hands n a router advertisement.
func (n *node) hear(s said) {
	n.w.t.Helper()
	if s.src == "" {
		s.src = "fe80::1"
	}
	if s.hop == 0 {
		s.hop = 255
	}
	var options []byte
	if s.mac != (inet.MAC{}) {
		options = append(append(options, inet.NDPOptSourceLink, 1), s.mac[:]...)
	}
	if s.mtu != 0 {
		options = append(options, inet.NDPOptMTU, 1, 0, 0, byte(s.mtu>>24), byte(s.mtu>>16), byte(s.mtu>>8), byte(s.mtu))
	}
	var err error
	for _, p := range s.prefixes {
		options, err = p.AppendTo(options)
		n.w.ok(err)
	}
	s.ra.Options = options
	body, err := s.ra.AppendTo(nil, addr(s.src), addr("ff02::1"))
	n.w.ok(err)
	n.frame(1, ip6FrameTo(n.w.t, inet.MAC{}, inet.IPv6{HopLimit: s.hop, NextHeader: inet.ProtoICMPv6, Src: addr(s.src), Dst: addr("ff02::1")}, body))
}

// info is a prefix on the link and for addresses.
func info(p string, valid, preferred time.Duration) inet.PrefixInformation {
	return inet.PrefixInformation{Prefix: prefix(p), OnLink: true, Autonomous: true, ValidLifetime: valid, PreferredLifetime: preferred}
}

func newAuto(t testing.TB, cfg ip.Config) (*world, *node) {
	w := newWorld(t)
	a := w.add("a", cfg)
	w.auto(new(wire), a, 1)
	return w, a
}

// TestRouterSolicitations: three, four seconds apart, after a random delay; an
// advertisement ends them.
func TestRouterSolicitations(t *testing.T) {
	t.Parallel()
	w, a := newAuto(t, ip.Config{})
	start := w.now
	if a.Quiet() {
		t.Error("quiet while routers are asked for")
	}
	w.run(time.Minute)
	sent := w.with(ip.CauseRouterSolicit)
	if len(sent) != 3 || len(w.frames) != 3 || !a.Quiet() {
		t.Fatalf("%q", w.causes())
	}
	if d := sent[0].at.Sub(start); d > time.Second {
		t.Errorf("the first after %v", d)
	}
	for i := range 2 {
		if d := sent[i+1].at.Sub(sent[i].at); d != 4*time.Second {
			t.Errorf("the next after %v", d)
		}
	}
	wantFrame(t, sent[0], `333300000002 020000000101 86dd
		60000000 0010 3a ff fe80000000000000000000fffe000101 ff020000000000000000000000000002
		85 00 `+checksumOf(t, sent[0])+` 00000000 01 01 020000000101`)
	a.link(1, false)
	a.link(1, true)
	w.forget()
	w.run(1500 * time.Millisecond)
	a.hear(said{ra: inet.RouterAdvertisement{RouterLifetime: time.Hour}})
	w.run(time.Minute)
	w.wantCauses("a/1 ip/ndp/router-solicit")
	a.wantCounter("discovery/solicits-sent", 4)
	a.link(1, false)
	a.link(1, true)
	a.link(1, false)
	w.forget()
	w.run(time.Minute)
	w.wantCauses()
}

// TestAutoconfiguration: a host and a router, from nothing to a datagram to
// another link and back.
func TestAutoconfiguration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, r, b := w.add("a", ip.Config{}), w.add("r", ip.Config{Forwarding: true}), w.add("b", ip.Config{})
	l1, l2 := new(wire), new(wire)
	w.plug(l1, a, 1, func(in *ip.Interface) { in.Autoconf, in.DetectConflicts = true, true })
	w.advertising(l1, r, 1, ip.Advertise{}, "2001:db8:1::fe/64")
	w.advertising(l2, r, 2, ip.Advertise{}, "2001:db8:2::fe/64")
	w.auto(l2, b, 1)
	w.run(10 * time.Second)
	local, peer := slaac(1, "2001:db8:1::/64"), slaac(3, "2001:db8:2::/64")
	a.wantChanges("ready fe80::ff:fe00:101/64 0", "ready "+local+"/64 0")
	b.wantChanges("ready " + peer + "/64 0")
	if got := a.Addresses(1); len(got) != 2 || !got[1].Auto || got[1].State != ip.AddrPreferred {
		t.Errorf("addresses %+v", got)
	}
	if out, src, hop, ok := a.RouteTo(addr(peer)); !ok || out != 1 || src != addr(local) || hop != inet.LinkLocal(macOf(2, 1)) {
		t.Errorf("route by %d from %v to %v", out, src, hop)
	}
	w.forget()
	a.bind(join(local, "7"))
	b.bind(join(peer, "7"))
	a.udp("[::]:7", join(peer, "7"), 0, 0, "there")
	w.run(time.Second)
	b.wantDatagrams(join(local, "7") + ">" + join(peer, "7") + " there")
	b.udp(join(peer, "7"), join(local, "7"), 0, 0, "back")
	w.run(time.Second)
	a.wantDatagrams(join(peer, "7") + ">" + join(local, "7") + " back")
	// Nothing was resolved to find the router: its advertisement told.
	for _, s := range w.with(ip.CauseNDPSolicit) {
		if s.from == "a/1" || s.from == "b/1" {
			t.Errorf("%s asked for its router", s.from)
		}
	}
	w.run(24 * time.Hour) // refreshed all the time
	if a.state(1, local) != ip.AddrPreferred {
		t.Errorf("after a day: %v", a.state(1, local))
	}
	a.wantRouteChanges()
}

// TestAdvertisementExactFrame: what a router says by default.
func TestAdvertisementExactFrame(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.add("r", ip.Config{Forwarding: true})
	w.advertising(new(wire), r, 1, ip.Advertise{}, "2001:db8:1::fe/64", "10.0.0.1/24", "2001:db8:1::fd/64")
	wantFrame(t, w.with(ip.CauseRouterAdvertise)[0], `333300000001 020000000101 86dd
		60000000 0040 3a ff fe80000000000000000000fffe000101 ff020000000000000000000000000001
		86 00 `+checksumOf(t, w.with(ip.CauseRouterAdvertise)[0])+` 40 00 0708 00000000 00000000
		01 01 020000000101
		05 01 0000 000005dc
		03 04 40 c0 00278d00 00093a80 00000000 20010db8000100000000000000000000`)
	if !r.Quiet() {
		t.Error("an idle router is not quiet")
	}
}

// checksumOf returns an ICMPv6 message's checksum, once it has been verified.
func checksumOf(t *testing.T, s sent) string {
	t.Helper()
	h, b := ipOf(t, s)
	if _, err := inet.ParseICMPv6(b, h.src, h.dst); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", b[2:4])
}

// TestAdvertisementTimes: three soon, then within the interval; answers to
// solicitations at once, but not sooner than three seconds after the last.
func TestAdvertisementTimes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.add("r", ip.Config{Forwarding: true})
	w.advertising(new(wire), r, 1, ip.Advertise{Interval: 30 * time.Second}, "2001:db8:1::fe/64")
	w.run(time.Hour)
	all := w.with(ip.CauseRouterAdvertise)
	for i := range all[:len(all)-1] {
		d, least, most := all[i+1].at.Sub(all[i].at), 10*time.Second, 30*time.Second
		if i < 2 {
			most = 16 * time.Second
		}
		if d < least || d > most {
			t.Errorf("advertisement %d after %v", i+1, d)
		}
	}
	if len(all) < 120 || len(all) > 360 {
		t.Errorf("%d in an hour", len(all))
	}
	solicit := func() {
		body, err := inet.RouterSolicitation{LinkAddr: macOf(9, 9), HasLinkAddr: true}.AppendTo(nil, addr("fe80::9"), addr("ff02::2"))
		w.ok(err)
		r.frame(1, ip6FrameTo(t, inet.MAC{}, inet.IPv6{HopLimit: 255, NextHeader: inet.ProtoICMPv6, Src: addr("fe80::9"), Dst: addr("ff02::2")}, body))
	}
	last := all[len(all)-1].at
	w.forget()
	w.run(last.Add(4 * time.Second).Sub(w.now)) // long enough after it, if it is not over already
	w.forget()
	at := w.now
	solicit()
	w.run(500 * time.Millisecond)
	first := w.with(ip.CauseRouterAdvertise)
	if len(first) != 1 || first[0].at.Sub(at) > 500*time.Millisecond {
		t.Fatalf("%q", w.causes())
	}
	solicit()
	solicit()
	w.run(5 * time.Second)
	second := w.with(ip.CauseRouterAdvertise)
	if len(second) != 2 {
		t.Fatalf("%q", w.causes())
	}
	if d := second[1].at.Sub(second[0].at); d < 3*time.Second || d > 3500*time.Millisecond {
		t.Errorf("the second answer after %v", d)
	}
	r.wantCounter("discovery/solicits-heard", 3)
	if n := r.Neighbors(); len(n) != 1 || n[0].MAC != macOf(9, 9) {
		t.Errorf("neighbours %+v", n)
	}
}

// TestCeasing: a router that ends says so, and its hosts look for another way
// at once; their addresses stay.
func TestCeasing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, r := w.add("a", ip.Config{}), w.add("r", ip.Config{Forwarding: true})
	l := new(wire)
	w.auto(l, a, 1)
	w.connect(l, r, 1, "2001:db8:1::fe/64")
	w.run(10 * time.Second)
	a.wantChanges()
	w.ok(r.Advertise(w.now, 1, &ip.Advertise{Interval: 10 * time.Second, HopLimit: 7}))
	r.drain()
	w.run(10 * time.Second)
	local := slaac(1, "2001:db8:1::/64")
	a.wantRouteChanges("::/0", "2001:db8:1::/64")
	if _, _, _, ok := a.RouteTo(addr("2001:db8:ffff::1")); !ok || !a.IsLocal(addr(local)) {
		t.Fatalf("%+v", a.Addresses(1))
	}
	w.forget()
	w.ok(r.Advertise(w.now, 1, nil))
	r.drain()
	w.run(time.Second)
	if len(w.with(ip.CauseRouterCease)) != 1 || len(w.with(ip.CauseRouterAdvertise)) != 0 {
		t.Errorf("%q", w.causes())
	}
	a.wantRouteChanges("::/0")
	if _, _, _, ok := a.RouteTo(addr("2001:db8:ffff::1")); ok || !a.IsLocal(addr(local)) {
		t.Errorf("still routed, or the address is gone: %+v", a.SnapshotRoutes(ip.RouteInfo{}, 9))
	}
	w.ok(r.Advertise(w.now, 1, nil)) // once more: nothing
	r.drain()
	w.run(time.Hour)
	if len(w.with(ip.CauseRouterCease)) != 1 || len(w.with(ip.CauseRouterAdvertise)) != 0 {
		t.Errorf("it goes on: %q", w.causes())
	}
}

func TestAdvertiseRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r, h := w.add("r", ip.Config{Forwarding: true}), w.add("h", ip.Config{})
	w.connect(new(wire), r, 1, "2001:db8:1::fe/64")
	w.connect(new(wire), r, 2, "10.0.0.1/24")
	w.connect(new(wire), h, 1, "2001:db8:1::1/64")
	for _, c := range []struct {
		name  string
		n     *node
		index int
		a     *ip.Advertise
		want  error
	}{
		{"no interface", r, 9, &ip.Advertise{}, ip.ErrNoInterface},
		{"a host", h, 1, &ip.Advertise{}, ip.ErrInterface},
		{"IPv4 alone", r, 2, &ip.Advertise{}, ip.ErrInterface},
		{"too often", r, 1, &ip.Advertise{Interval: time.Second}, ip.ErrInterface},
		{"too rarely", r, 1, &ip.Advertise{Interval: time.Hour}, ip.ErrInterface},
		{"too long", r, 1, &ip.Advertise{Lifetime: 24 * time.Hour}, ip.ErrInterface},
		{"shorter than the interval", r, 1, &ip.Advertise{Interval: time.Minute, Lifetime: time.Second}, ip.ErrInterface},
		{"IPv4 prefix", r, 1, &ip.Advertise{Prefixes: []netip.Prefix{prefix("10.0.0.0/24")}}, ip.ErrAddress},
		{"link-local prefix", r, 1, &ip.Advertise{Prefixes: []netip.Prefix{prefix("fe80::/64")}}, ip.ErrAddress},
		{"lifetimes", r, 1, &ip.Advertise{Valid: -1}, ip.ErrInterface},
		{"good", r, 1, &ip.Advertise{Prefixes: []netip.Prefix{}, Lifetime: -1}, nil},
	} {
		if err := c.n.Advertise(w.now, c.index, c.a); err != c.want {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	r.drain()
	last := w.with(ip.CauseRouterAdvertise)
	h2, b := ipOf(t, last[len(last)-1])
	m, err := inet.ParseICMPv6(b, h2.src, h2.dst)
	w.ok(err)
	if ra, err := inet.ParseRouterAdvertisement(m); err != nil || ra.RouterLifetime != 0 || len(ra.Options) != 16 {
		t.Errorf("no default router, no prefixes: %+v %v", ra, err)
	}
	for name, in := range map[string]ip.Interface{
		"a router that autoconfigures": {Autoconf: true},
		"a bad advertisement":          {Advertise: &ip.Advertise{Interval: 1}, Addrs: []netip.Prefix{prefix("2001:db8:9::1/64")}},
		"IPv4 alone":                   {Advertise: &ip.Advertise{}, Addrs: []netip.Prefix{prefix("10.9.0.1/24")}},
	} {
		in.Index, in.MTU, in.MAC = 7, 1500, macOf(7, 7)
		if err := r.AddInterface(w.now, in); err == nil {
			t.Errorf("%s: added", name)
		}
	}
}

// TestWhatAdvertisementsSet: hop limit, MTU, times of neighbours.
func TestWhatAdvertisementsSet(t *testing.T) {
	t.Parallel()
	w, a := newAuto(t, ip.Config{})
	a.hear(said{mac: macOf(50, 1), mtu: 1400, ra: inet.RouterAdvertisement{HopLimit: 33, RouterLifetime: time.Hour,
		ReachableTime: 5 * time.Second, RetransTimer: 200 * time.Millisecond}, prefixes: []inet.PrefixInformation{info("2001:db8:1::/64", time.Hour, time.Hour)}})
	local := slaac(1, "2001:db8:1::/64")
	if i, _ := a.Interface(1); i.MTU6 != 1400 || i.MTU != 1500 || a.PathMTU(addr("2001:db8:9::1")) != 1400 {
		t.Errorf("MTU %d, path MTU %d", i.MTU6, a.PathMTU(addr("2001:db8:9::1")))
	}
	for mtu, want := range map[uint32]int{1279: 1400, 1501: 1400, 1 << 31: 1400, 1280: 1280, 1500: 1500} {
		a.hear(said{mtu: 1400, ra: inet.RouterAdvertisement{RouterLifetime: time.Hour}})
		a.hear(said{mtu: mtu, ra: inet.RouterAdvertisement{RouterLifetime: time.Hour}})
		if i, _ := a.Interface(1); i.MTU6 != want {
			t.Errorf("MTU %d advertised: %d, want %d", mtu, i.MTU6, want)
		}
	}
	w.forget()
	a.udp(join(local, "7"), "[2001:db8:9::1]:7", 0, 0, "x")
	if h, _ := ipOf(t, w.frames[0]); h.ttl != 33 {
		t.Errorf("hop limit %d", h.ttl)
	}
	a.hear(said{ra: inet.RouterAdvertisement{RouterLifetime: time.Hour}}) // hop limit unspecified: it stays
	a.udp(join(local, "7"), "[2001:db8:9::1]:7", 0, 0, "x")
	if h, _ := ipOf(t, w.frames[1]); h.ttl != 33 {
		t.Errorf("hop limit %d", h.ttl)
	}
	w.forget()
	start := w.now
	a.udp(join(local, "7"), "[2001:db8:1::77]:7", 0, 0, "x") // nobody there
	w.run(time.Minute)
	asked := w.with(ip.CauseNDPSolicitAgain)
	if len(asked) != 2 || asked[0].at.Sub(start) != 200*time.Millisecond {
		t.Errorf("asked again at %v", asked)
	}
}

// TestAdvertisementsAreChecked (RFC 4861 section 6.1.2).
func TestAdvertisementsAreChecked(t *testing.T) {
	t.Parallel()
	good := said{ra: inet.RouterAdvertisement{RouterLifetime: time.Hour}, prefixes: []inet.PrefixInformation{info("2001:db8:1::/64", time.Hour, time.Hour)}}
	for _, c := range []struct {
		name    string
		change  func(*said)
		counter string
		taken   bool
	}{
		{"good", func(*said) {}, "discovery/adverts-heard", true},
		{"from afar", func(s *said) { s.hop = 254 }, "drop/ndp", false},
		{"global source", func(s *said) { s.src = "2001:db8:1::1" }, "drop/ndp", false},
		{"group's MAC", func(s *said) { s.mac = inet.Broadcast }, "drop/ndp", false},
	} {
		_, a := newAuto(t, ip.Config{})
		s := good
		c.change(&s)
		a.hear(s)
		a.wantCounter(c.counter, 1)
		if _, _, _, ok := a.RouteTo(addr("2001:db8:9::1")); ok != c.taken || (len(a.Addresses(1)) == 2) != c.taken {
			t.Errorf("%s: routed %v, %+v", c.name, ok, a.Addresses(1))
		}
	}
	p := newPair(t) // not asked for
	p.a.hear(good)
	p.a.wantCounter("drop/router-message", 1)
	r := newRouted(t, ip.Config{})
	r.r.hear(good)
	r.r.wantCounter("drop/router-message", 1)
}

// TestSolicitationsAreChecked (RFC 4861 section 6.1.1).
func TestSolicitationsAreChecked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, src string
		hop       uint8
		mac       inet.MAC
		counter   string
	}{
		{"good", "fe80::9", 255, macOf(9, 9), "discovery/solicits-heard"},
		{"without address", "fe80::9", 255, inet.MAC{}, "discovery/solicits-heard"},
		{"unspecified", "::", 255, inet.MAC{}, "discovery/solicits-heard"},
		{"unspecified with address", "::", 255, macOf(9, 9), "drop/ndp"},
		{"from afar", "fe80::9", 64, macOf(9, 9), "drop/ndp"},
		{"group's MAC", "fe80::9", 255, inet.Broadcast, "drop/ndp"},
	} {
		w := newWorld(t)
		r := w.add("r", ip.Config{Forwarding: true})
		w.advertising(new(wire), r, 1, ip.Advertise{}, "2001:db8:1::fe/64")
		body, err := inet.RouterSolicitation{LinkAddr: c.mac, HasLinkAddr: c.mac != (inet.MAC{})}.AppendTo(nil, addr(c.src), addr("ff02::2"))
		w.ok(err)
		r.frame(1, ip6FrameTo(t, inet.MAC{}, inet.IPv6{HopLimit: c.hop, NextHeader: inet.ProtoICMPv6, Src: addr(c.src), Dst: addr("ff02::2")}, body))
		r.wantCounter(c.counter, 1)
	}
}

// TestLifetimes: addresses age, are renewed and expire; so do prefixes and
// routers.
func TestLifetimes(t *testing.T) {
	t.Parallel()
	w, a := newAuto(t, ip.Config{})
	local := slaac(1, "2001:db8:1::/64")
	a.hear(said{ra: inet.RouterAdvertisement{RouterLifetime: 90 * time.Second}, prefixes: []inet.PrefixInformation{info("2001:db8:1::/64", 3*time.Minute, time.Minute)}})
	h := a.bind(join(local, "7"))
	wantRoutes := func(step string, want ...string) {
		t.Helper()
		var got []string
		for _, r := range a.SnapshotRoutes(ip.RouteInfo{}, 99) {
			got = append(got, fmt.Sprintf("%v via %v %v", r.Dst, r.Via, r.Origin))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: routes %q, want %q", step, got, want)
		}
	}
	const byRouter, link = "::/0 via fe80::1 advertised", "2001:db8:1::/64 via invalid IP advertised"
	wantRoutes("heard", byRouter, link)
	w.run(59 * time.Second)
	if a.state(1, local) != ip.AddrPreferred {
		t.Errorf("deprecated early: %v", a.state(1, local))
	}
	w.run(2 * time.Second)
	if a.state(1, local) != ip.AddrDeprecated || !a.IsLocal(addr(local)) {
		t.Errorf("not deprecated: %v", a.state(1, local))
	}
	w.run(30 * time.Second)
	wantRoutes("router expired", link)
	a.hear(said{prefixes: []inet.PrefixInformation{info("2001:db8:1::/64", 3*time.Minute, time.Minute)}})
	if a.state(1, local) != ip.AddrPreferred {
		t.Errorf("not renewed: %v", a.state(1, local))
	}
	w.forget()
	w.run(3*time.Minute - time.Second)
	a.wantChanges()
	w.run(2 * time.Second)
	a.wantChanges(fmt.Sprintf("gone %s/64 0", local), fmt.Sprintf("gone %s/64 %d", local, h))
	wantRoutes("all expired")
	if a.Addresses(1)[0].State != ip.AddrPreferred || len(a.Addresses(1)) != 1 {
		t.Errorf("%+v", a.Addresses(1))
	}
	if _, ok := a.Deadline(); ok {
		t.Error("a timer is left")
	}
	// Without end.
	a.hear(said{prefixes: []inet.PrefixInformation{info("2001:db8:1::/64", inet.NDPInfinite, inet.NDPInfinite)}})
	if _, ok := a.Deadline(); ok {
		t.Error("a timer for a lifetime without end")
	}
	w.run(10_000 * time.Hour)
	if a.state(1, local) != ip.AddrPreferred {
		t.Errorf("%v", a.state(1, local))
	}
	// Taken back: the link at once, the address in two hours.
	w.forget()
	a.hear(said{prefixes: []inet.PrefixInformation{info("2001:db8:1::/64", 0, 0)}})
	wantRoutes("taken back")
	if a.state(1, local) != ip.AddrDeprecated {
		t.Errorf("%v", a.state(1, local))
	}
	w.run(2*time.Hour + time.Second)
	a.wantChanges(fmt.Sprintf("gone %s/64 0", local), fmt.Sprintf("gone %s/64 %d", local, h))
}

// TestTwoHourRule (RFC 4862 section 5.5.3 e): the table of remaining and
// received lifetimes.
func TestTwoHourRule(t *testing.T) {
	t.Parallel()
	const h = time.Hour
	for _, c := range []struct{ left, received, want time.Duration }{
		{h, 90 * time.Minute, 90 * time.Minute}, // longer than what is left
		{h, 30 * time.Minute, h},                // shorter, and less than two hours are left
		{h, 0, h},
		{5 * h, 3 * h, 3 * h}, // more than two hours
		{5 * h, h, 2 * h},
		{5 * h, 0, 2 * h},
		{inet.NDPInfinite, h, 2 * h},
		{inet.NDPInfinite, 3 * h, 3 * h},
		{h, inet.NDPInfinite, 0},
	} {
		w, a := newAuto(t, ip.Config{})
		a.hear(said{prefixes: []inet.PrefixInformation{info("2001:db8:1::/64", c.left, min(c.left, h))}})
		a.hear(said{prefixes: []inet.PrefixInformation{info("2001:db8:1::/64", c.received, 0)}})
		x := a.Addresses(1)[1]
		if x.State != ip.AddrDeprecated {
			t.Errorf("%+v: %v", c, x.State)
		}
		if want := map[bool]machine.Time{true: 0, false: w.now.Add(c.want)}[c.want == 0]; x.Valid != want {
			t.Errorf("%v left, %v received: until %v, want %v", c.left, c.received, x.Valid, want)
		}
	}
}

// TestPrefixesThatGiveNoAddress.
func TestPrefixesThatGiveNoAddress(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		p       inet.PrefixInformation
		counter string
		route   bool
	}{
		{"not 64 bits", info("2001:db8::/48", time.Hour, time.Hour), "drop/prefix", true},
		{"preferred longer than valid", info("2001:db8::/64", time.Hour, 2*time.Hour), "drop/prefix", true},
		{"link-local", info("fe80::/64", time.Hour, time.Hour), "drop/prefix", false},
		{"multicast", info("ff05::/64", time.Hour, time.Hour), "drop/prefix", false},
		{"for no addresses", inet.PrefixInformation{Prefix: prefix("2001:db8::/64"), OnLink: true, ValidLifetime: time.Hour}, "", true},
		{"for nothing", inet.PrefixInformation{Prefix: prefix("2001:db8::/64"), ValidLifetime: time.Hour}, "", false},
		{"no longer valid", info("2001:db8::/64", 0, 0), "", false},
	} {
		_, a := newAuto(t, ip.Config{})
		a.hear(said{prefixes: []inet.PrefixInformation{c.p}})
		if len(a.Addresses(1)) != 1 {
			t.Errorf("%s: %+v", c.name, a.Addresses(1))
		}
		if got := len(a.SnapshotRoutes(ip.RouteInfo{}, 9)) == 1; got != c.route {
			t.Errorf("%s: a route %v", c.name, got)
		}
		if c.counter != "" {
			a.wantCounter(c.counter, 1)
		}
	}
}

// TestAddressWithoutLink: a prefix for addresses that is not on the link
// (RFC 5942): neighbours of it are reached by the router.
func TestAddressWithoutLink(t *testing.T) {
	t.Parallel()
	_, a := newAuto(t, ip.Config{})
	p := info("2001:db8:1::/64", time.Hour, time.Hour)
	p.OnLink = false
	a.hear(said{ra: inet.RouterAdvertisement{RouterLifetime: time.Hour}, prefixes: []inet.PrefixInformation{p}})
	if _, src, hop, ok := a.RouteTo(addr("2001:db8:1::77")); !ok || hop != addr("fe80::1") || src != addr(slaac(1, "2001:db8:1::/64")) {
		t.Errorf("from %v by %v", src, hop)
	}
}

// TestAddressGivenByHand is left alone by advertisements of its prefix.
func TestAddressGivenByHand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.add("a", ip.Config{})
	local := slaac(1, "2001:db8:1::/64")
	w.auto(new(wire), a, 1, local+"/64")
	a.hear(said{prefixes: []inet.PrefixInformation{info("2001:db8:1::/64", time.Minute, time.Minute)}})
	w.run(time.Hour)
	if a.state(1, local) != ip.AddrPreferred || a.Addresses(1)[0].Auto {
		t.Errorf("%+v", a.Addresses(1))
	}
	// The link's route, which the address gives too, stays.
	if _, _, hop, ok := a.RouteTo(addr("2001:db8:1::77")); !ok || hop != addr("2001:db8:1::77") {
		t.Errorf("by %v", hop)
	}
}

// TestDiscoveryIsBounded: routers, prefixes and addresses.
func TestDiscoveryIsBounded(t *testing.T) {
	t.Parallel()
	_, a := newAuto(t, ip.Config{MaxRouters: 3, MaxPrefixes: 4})
	for i := range 20 {
		a.hear(said{src: fmt.Sprintf("fe80::%d", i+1), ra: inet.RouterAdvertisement{RouterLifetime: time.Hour},
			prefixes: []inet.PrefixInformation{info(fmt.Sprintf("2001:db8:%d::/64", i), time.Hour, time.Hour)}})
	}
	a.wantCounter("drop/router-limit", 17)
	a.wantCounter("drop/prefix-limit", 32)
	if len(a.Addresses(1)) != 5 || len(a.SnapshotRoutes(ip.RouteInfo{}, 99)) != 7 {
		t.Errorf("%d addresses, %d routes", len(a.Addresses(1)), len(a.SnapshotRoutes(ip.RouteInfo{}, 99)))
	}
	// A router that goes makes room.
	a.hear(said{src: "fe80::2"})
	a.hear(said{src: "fe80::9", ra: inet.RouterAdvertisement{RouterLifetime: time.Hour}})
	a.wantCounter("drop/router-limit", 17)
}

// TestFormedAddressConflict: an address that turns out to be another's is not
// formed again by the next advertisement, until its link comes up anew.
func TestFormedAddressConflict(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.add("a", ip.Config{}), w.add("b", ip.Config{})
	l := new(wire)
	local := slaac(1, "2001:db8:1::/64")
	w.connect(l, b, 1, local+"/64")
	w.plug(l, a, 1, func(in *ip.Interface) { in.Autoconf, in.DetectConflicts = true, true })
	w.run(5 * time.Second)
	w.forget()
	for range 3 {
		a.hear(said{prefixes: []inet.PrefixInformation{info("2001:db8:1::/64", time.Hour, time.Hour)}})
		w.run(5 * time.Second)
	}
	a.wantChanges("conflict " + local + "/64 0")
	if a.state(1, local) != ip.AddrDuplicate || len(w.with(ip.CauseNDPAddressProbe)) != 1 {
		t.Errorf("%v, %q", a.state(1, local), w.causes())
	}
	b.link(1, false)
	a.link(1, false)
	a.link(1, true)
	w.run(5 * time.Second)
	if a.state(1, local) != ip.AddrPreferred {
		t.Errorf("%v", a.state(1, local))
	}
}

// TestAgedWhileChecked: an address whose preferred lifetime ends during its
// check is deprecated when it is checked.
func TestAgedWhileChecked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.add("a", ip.Config{})
	w.plug(new(wire), a, 1, func(in *ip.Interface) { in.Autoconf, in.DetectConflicts = true, true })
	w.run(10 * time.Second)
	a.hear(said{prefixes: []inet.PrefixInformation{info("2001:db8:1::/64", time.Minute, 0)}})
	local := slaac(1, "2001:db8:1::/64")
	if a.state(1, local) != ip.AddrTentative {
		t.Fatalf("%v", a.state(1, local))
	}
	w.run(5 * time.Second)
	if a.state(1, local) != ip.AddrDeprecated {
		t.Errorf("%v", a.state(1, local))
	}
	w.run(time.Minute)
	if a.state(1, local) != ip.AddrNone {
		t.Errorf("%v", a.state(1, local))
	}
}

// TestSourceAmongFormedAddresses: of the destination's prefix, as far as it
// goes, and not deprecated.
func TestSourceAmongFormedAddresses(t *testing.T) {
	t.Parallel()
	w, a := newAuto(t, ip.Config{})
	a.hear(said{ra: inet.RouterAdvertisement{RouterLifetime: 10 * time.Hour}, prefixes: []inet.PrefixInformation{
		info("2001:db8:1::/64", 10*time.Hour, 5*time.Hour), info("2001:db9:1::/64", 10*time.Hour, time.Hour), info("fd00:1::/64", 10*time.Hour, 5*time.Hour)}})
	want := func(dst, net string) {
		t.Helper()
		if _, src, _, ok := a.RouteTo(addr(dst)); !ok || src != addr(slaac(1, net)) {
			t.Errorf("to %s from %v, want one of %s", dst, src, net)
		}
	}
	want("2001:db8:7::1", "2001:db8:1::/64")
	want("2001:db9:7::1", "2001:db9:1::/64")
	want("fd00:2::1", "fd00:1::/64")
	w.run(2 * time.Hour) // the second is deprecated
	want("2001:db9:7::1", "2001:db8:1::/64")
	w.run(5 * time.Hour) // all are
	want("2001:db9:7::1", "2001:db9:1::/64")
}

// twoRouters is a host that finds two routers, both with a way to host z.
//
//	a --- r1 --- z      (routers on both links)
//	 \--- r2 ---/
func twoRouters(t testing.TB) (w *world, a, r1, r2, z *node) {
	w = newWorld(t)
	a, r1, r2, z = w.add("a", ip.Config{}), w.add("r1", ip.Config{Forwarding: true}), w.add("r2", ip.Config{Forwarding: true}), w.add("z", ip.Config{})
	l1, l2 := new(wire), new(wire)
	w.auto(l1, a, 1)
	w.connect(l2, z, 1, "2001:db8:2::1/64")
	w.advertising(l1, r1, 1, ip.Advertise{}, "2001:db8:1::fe/64")
	w.connect(l2, r1, 2, "2001:db8:2::fe/64")
	w.run(10 * time.Second) // so that r1 is the first
	w.advertising(l1, r2, 1, ip.Advertise{}, "2001:db8:1::fd/64")
	w.connect(l2, r2, 2, "2001:db8:2::fd/64")
	w.ok(z.AddRoute(w.now, ip.Route{Dst: prefix("::/0"), Via: addr("2001:db8:2::fe"), Metric: 1}))
	w.ok(z.AddRoute(w.now, ip.Route{Dst: prefix("::/0"), Via: addr("2001:db8:2::fd"), Metric: 2}))
	w.run(10 * time.Second)
	z.bind("[2001:db8:2::1]:7")
	a.bind("[::]:7")
	w.forget()
	return w, a, r1, r2, z
}

// TestNextDefaultRouter: a router that falls silent is noticed by what is sent
// to it, and the next one is used; when it is heard of again it may be used.
func TestNextDefaultRouter(t *testing.T) {
	t.Parallel()
	w, a, r1, r2, z := twoRouters(t)
	hop := func() netip.Addr {
		_, _, hop, _ := a.RouteTo(addr("2001:db8:2::1"))
		return hop
	}
	ll1, _ := r1.LinkLocal(1)
	ll2, _ := r2.LinkLocal(1)
	send := func(payload string) {
		a.udp("[::]:7", "[2001:db8:2::1]:7", 0, 0, payload)
		w.run(time.Second)
	}
	send("one")
	if hop() != ll1 || len(z.datagrams()) != 1 {
		t.Fatalf("by %v: %q", hop(), w.causes())
	}
	r1.link(1, false)
	for range 12 { // probed after five seconds, given up after three more
		send("lost or not")
	}
	if hop() != ll2 {
		t.Fatalf("still by %v", hop())
	}
	a.wantRouteChanges("::/0")
	w.forget()
	send("two")
	if got := z.datagrams(); len(got) != 1 || !strings.HasSuffix(got[0], "two") {
		t.Errorf("received %q", got)
	}
	routes := a.SnapshotRoutes(ip.RouteInfo{}, 9)
	if !routes[0].Suspect || routes[0].Via != ll1 || routes[1].Suspect {
		t.Errorf("routes %+v", routes)
	}
	w.forget()
	r1.link(1, true) // its advertisement tells
	w.run(time.Minute)
	if hop() != ll1 {
		t.Errorf("not back: by %v", hop())
	}
	a.wantRouteChanges("::/0")
}

// TestAllRoutersSilent: they are tried in turn.
func TestAllRoutersSilent(t *testing.T) {
	t.Parallel()
	w, a, r1, r2, _ := twoRouters(t)
	r1.link(1, false)
	r2.link(1, false)
	seen := make(map[netip.Addr]int)
	var last netip.Addr
	for range 120 {
		a.udp("[::]:7", "[2001:db8:2::1]:7", 0, 0, "x")
		w.run(time.Second)
		if _, _, hop, ok := a.RouteTo(addr("2001:db8:2::1")); ok && hop != last {
			last = hop
			seen[hop]++
		}
	}
	if len(seen) != 2 || seen[last] < 3 {
		t.Errorf("tried %v", seen)
	}
	r2.link(1, true)
	w.run(30 * time.Second)
	w.forget()
	a.udp("[::]:7", "[2001:db8:2::1]:7", 0, 0, "at last")
	w.run(20 * time.Second)
	if ll, _ := r2.LinkLocal(1); last != ll {
		_, _, hop, _ := a.RouteTo(addr("2001:db8:2::1"))
		if hop != ll {
			t.Errorf("by %v", hop)
		}
	}
}

// TestStaticGatewaysFailOver: the same for static routes, in both families
// (RFC 1122 section 3.3.1.4).
func TestStaticGatewaysFailOver(t *testing.T) {
	t.Parallel()
	w, _, r1, r2, z := twoRouters(t)
	z.forgetRouteChanges()
	r1.link(2, false)
	for range 80 { // as long as it counts as reachable, and the time of the probes
		z.udp("[::]:7", "[2001:db8:9::1]:9", 0, 0, "x")
		w.run(time.Second)
	}
	if _, _, hop, _ := z.RouteTo(addr("2001:db8:9::1")); hop != addr("2001:db8:2::fd") {
		t.Errorf("by %v", hop)
	}
	z.wantRouteChanges("::/0")
	r1.link(2, true)
	r2.link(2, false)
	for range 80 {
		z.udp("[::]:7", "[2001:db8:9::1]:9", 0, 0, "x")
		w.run(time.Second)
	}
	if _, _, hop, _ := z.RouteTo(addr("2001:db8:9::1")); hop != addr("2001:db8:2::fe") {
		t.Errorf("not back: by %v", hop)
	}

	w = newWorld(t)
	a := w.add("a", ip.Config{})
	g := w.add("g", ip.Config{Forwarding: true})
	l := new(wire)
	w.connect(l, a, 1, "10.0.0.1/24")
	w.connect(l, g, 1, "10.0.0.253/24")
	w.ok(a.AddRoute(w.now, ip.Route{Dst: prefix("0.0.0.0/0"), Via: addr("10.0.0.254")}))
	w.ok(a.AddRoute(w.now, ip.Route{Dst: prefix("0.0.0.0/0"), Via: addr("10.0.0.253"), Metric: 5}))
	a.forgetRouteChanges()
	a.udp("0.0.0.0:9", "192.0.2.1:9", 0, 0, "x")
	w.run(5 * time.Second)
	if _, _, hop, _ := a.RouteTo(addr("192.0.2.1")); hop != addr("10.0.0.253") {
		t.Errorf("by %v", hop)
	}
	a.wantRouteChanges("0.0.0.0/0")
	// The first gateway says hello.
	a.frame(1, unhex(t, `ffffffffffff 0200000000fe 0806 0001 0800 06 04 0001
		0200000000fe 0a0000fe 000000000000 0a0000fe`))
	if _, _, hop, _ := a.RouteTo(addr("192.0.2.1")); hop != addr("10.0.0.254") {
		t.Errorf("not back: by %v", hop)
	}
}

func (n *node) forgetRouteChanges() {
	n.drain()
	n.got = slices.DeleteFunc(n.got, func(o ip.Output) bool { return o.Kind == ip.KindRoute })
}

// TestRouterThatIsNone: one that advertises itself as a host is forgotten as a
// router (RFC 4861 section 7.3.3).
func TestRouterThatIsNone(t *testing.T) {
	t.Parallel()
	for _, router := range []bool{true, false} {
		_, a := newAuto(t, ip.Config{})
		a.hear(said{src: "fe80::1", mac: macOf(50, 1), ra: inet.RouterAdvertisement{RouterLifetime: time.Hour}})
		na, err := inet.NeighborAdvertisement{Router: router, Override: true, Target: addr("fe80::1"), LinkAddr: macOf(50, 1), HasLinkAddr: true}.
			AppendTo(nil, addr("fe80::1"), addr("ff02::1"))
		if err != nil {
			t.Fatal(err)
		}
		a.frame(1, ip6FrameTo(t, inet.MAC{}, inet.IPv6{HopLimit: 255, NextHeader: inet.ProtoICMPv6, Src: addr("fe80::1"), Dst: addr("ff02::1")}, na))
		if _, _, _, ok := a.RouteTo(addr("2001:db8::1")); ok != router {
			t.Errorf("router %v: routed %v", router, ok)
		}
	}
}

// TestDiscoveredRunIsDeterministic.
func TestDiscoveredRunIsDeterministic(t *testing.T) {
	t.Parallel()
	run := func() string {
		w, a, r1, _, _ := twoRouters(t)
		for i := range 60 {
			if i == 20 {
				r1.link(1, false)
			}
			a.udp("[::]:7", "[2001:db8:2::1]:7", 0, 0, "x")
			w.run(time.Second)
		}
		return w.history.String()
	}
	if a, b := run(), run(); a != b || len(a) < 1000 {
		t.Error("two runs differ, or nothing happens")
	}
}
