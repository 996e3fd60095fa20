package ip_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/ip"
	"github.com/mpstack/mpstack/wire/inet"
)

// changes lists what n told of its addresses: "change address handle".
func (n *node) changes() (out []string) {
	for _, o := range n.kind(ip.KindAddress) {
		out = append(out, fmt.Sprintf("%v %v %d", o.Address, o.Prefix, o.Handle))
	}
	return out
}

func (n *node) wantChanges(want ...string) {
	n.w.t.Helper()
	if got := n.changes(); !slices.Equal(got, want) {
		n.w.t.Errorf("%s: address changes %q, want %q", n.name, got, want)
	}
}

// routeChanges lists the prefixes whose routes n told to have changed.
func (n *node) routeChanges() (out []string) {
	for _, o := range n.kind(ip.KindRoute) {
		s := "any"
		if o.Prefix.IsValid() {
			s = o.Prefix.String()
		}
		out = append(out, s)
	}
	return out
}

func (n *node) wantRouteChanges(want ...string) {
	n.w.t.Helper()
	if got := n.routeChanges(); !slices.Equal(got, want) {
		n.w.t.Errorf("%s: route changes %q, want %q", n.name, got, want)
	}
}

func (n *node) addAddress(index int, p string) {
	n.w.t.Helper()
	n.w.ok(n.AddAddress(n.w.now, index, prefix(p)))
	n.drain()
}

func (n *node) removeAddress(index int, a string) {
	n.w.t.Helper()
	n.w.ok(n.RemoveAddress(n.w.now, index, addr(a)))
	n.drain()
}

// state returns the state of an address.
func (n *node) state(index int, a string) ip.AddrState {
	for _, x := range n.Addresses(index) {
		if x.Prefix.Addr() == addr(a) {
			return x.State
		}
	}
	return ip.AddrNone
}

// TestAddressesComeAndGo: an added address is answered for, routed to and
// sent from at once; a removed one no longer.
func TestAddressesComeAndGo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ prefix, addr, peer, net string }{
		{"10.7.0.1/24", "10.7.0.1", "10.7.0.2", "10.7.0.0/24"},
		{"2001:db8:7::1/64", "2001:db8:7::1", "2001:db8:7::2", "2001:db8:7::/64"},
	} {
		p := newPair(t)
		p.a.addAddress(1, c.prefix)
		p.a.wantRouteChanges(c.net)
		p.a.wantChanges()
		bits := prefix(c.prefix).Bits()
		p.b.addAddress(1, fmt.Sprintf("%s/%d", c.peer, bits))
		h := p.a.bind(join(c.addr, "7"))
		other := p.a.bind(join(unspecified(c.addr), "8"))
		p.b.udp(join(unspecified(c.addr), "9"), join(c.addr, "7"), 0, 0, "x")
		p.run(time.Second)
		p.a.wantDatagrams(join(c.peer, "9") + ">" + join(c.addr, "7") + " x")
		if out, src, _, ok := p.a.RouteTo(addr(c.peer)); !ok || out != 1 || src != addr(c.addr) {
			t.Errorf("%s: route by %d from %v", c.peer, out, src)
		}
		p.forget()
		p.a.removeAddress(1, c.addr)
		p.a.wantChanges(fmt.Sprintf("gone %s 0", c.prefix), fmt.Sprintf("gone %s %d", c.prefix, h))
		p.a.wantRouteChanges(c.net)
		if _, ok := p.a.LocalAddr(h); !ok || p.a.IsLocal(addr(c.addr)) {
			t.Errorf("%s: the binding is gone, or the address is not", c.addr)
		}
		if _, _, _, ok := p.a.RouteTo(addr(c.peer)); ok {
			t.Errorf("%s: its link is still routed to", c.addr)
		}
		if err := p.a.HandleSendUDP(p.now, ip.Datagram{Src: ap(join(c.addr, "7")), Dst: ap(join(c.peer, "9"))}); err == nil {
			t.Errorf("%s: it is still sent from", c.addr)
		}
		if _, err := p.a.BindUDP(p.now, ip.Bind{Local: ap(join(c.addr, "17"))}); err != ip.ErrAddressNotAvailable {
			t.Errorf("%s: bound: %v", c.addr, err)
		}
		p.b.link(1, false) // forget the neighbour
		p.b.link(1, true)
		p.forget()
		p.b.udp(join(unspecified(c.addr), "9"), join(c.addr, "7"), 0, 0, "x")
		p.run(5 * time.Second)
		p.a.wantDatagrams()
		if n := len(p.with(ip.CauseARPReply)) + len(p.with(ip.CauseNDPAdvertise)); n != 0 {
			t.Errorf("%s: it is still answered for", c.addr)
		}
		p.ok(p.a.CloseUDP(p.now, h))
		p.ok(p.a.CloseUDP(p.now, other))
		p.a.addAddress(1, c.prefix) // and back
		p.a.bind(join(c.addr, "7"))
		p.b.udp(join(unspecified(c.addr), "9"), join(c.addr, "7"), 0, 0, "again")
		p.run(time.Second)
		p.a.wantDatagrams(join(c.peer, "9") + ">" + join(c.addr, "7") + " again")
	}
}

// TestSharedLinkPrefix: the route of a link stays with its last address.
func TestSharedLinkPrefix(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.a.addAddress(1, "10.0.0.7/24")
	p.a.wantRouteChanges()
	p.a.removeAddress(1, "10.0.0.1")
	p.a.wantRouteChanges()
	if _, src, _, ok := p.a.RouteTo(addr("10.0.0.2")); !ok || src != addr("10.0.0.7") {
		t.Errorf("from %v", src)
	}
	p.a.removeAddress(1, "10.0.0.7")
	p.a.wantRouteChanges("10.0.0.0/24")
}

// TestFirstAddressOfAFamily turns it on.
func TestFirstAddressOfAFamily(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.add("a", ip.Config{Forwarding: true}), w.add("b", ip.Config{})
	l := new(wire)
	w.connect(l, a, 1)
	w.connect(l, b, 1)
	w.run(time.Minute)
	w.wantCauses()
	if _, ok := a.Address(1, true); ok {
		t.Error("an address without any")
	}
	for i, n := range []*node{a, b} {
		n.addAddress(1, fmt.Sprintf("10.0.0.%d/24", i+1))
		n.addAddress(1, fmt.Sprintf("2001:db8::%d/64", i+1))
	}
	if len(w.with("ip/igmp/query-startup")) != 1 || len(w.with("ip/mld/query-startup")) != 1 {
		t.Errorf("a router with its first addresses does not ask: %q", w.causes())
	}
	b.join(1, asm4, "")
	b.join(1, asm6, "")
	for _, dst := range []string{"10.0.0.2:7", "[2001:db8::2]:7"} {
		b.bind(dst)
		a.udp(join(unspecified(ap(dst).Addr().String()), "9"), dst, 0, 0, "x")
	}
	w.run(2 * time.Second)
	b.wantDatagrams("10.0.0.1:9>10.0.0.2:7 x", "[2001:db8::1]:9>[2001:db8::2]:7 x")
	if ll, ok := a.LinkLocal(1); !ok || ll != inet.LinkLocal(macOf(1, 1)) {
		t.Errorf("link-local address %v", ll)
	}
	if got := a.Addresses(1); len(got) != 3 || got[1].Prefix.Addr() != inet.LinkLocal(macOf(1, 1)) {
		t.Errorf("addresses %+v", got)
	}
}

func TestAddressRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.add("a", ip.Config{})
	w.connect(new(wire), n, 1, "10.0.0.1/24", "2001:db8::1/64")
	n.mtu = 1000
	w.connect(new(wire), n, 2, "10.1.0.1/24")
	for _, c := range []struct {
		index  int
		prefix string
		want   error
	}{
		{9, "10.2.0.1/24", ip.ErrNoInterface},
		{1, "10.0.0.1/24", ip.ErrAddressInUse},
		{2, "10.0.0.1/24", ip.ErrAddressInUse},
		{1, "10.2.0.0/24", ip.ErrAddress},
		{1, "225.0.0.1/24", ip.ErrAddress},
		{1, "fe80::9/64", ip.ErrAddressInUse},
		{2, "2001:db8:2::1/64", ip.ErrInterface}, // its MTU
		{1, "10.2.0.1/24", nil},
	} {
		if err := n.AddAddress(w.now, c.index, prefix(c.prefix)); err != c.want {
			t.Errorf("add %s to %d: %v, want %v", c.prefix, c.index, err, c.want)
		}
	}
	for _, c := range []struct {
		index int
		addr  string
		want  error
	}{
		{9, "10.2.0.1", ip.ErrNoInterface},
		{2, "10.2.0.1", ip.ErrAddressNotAvailable},
		{1, inet.LinkLocal(macOf(1, 1)).String(), ip.ErrAddress},
		{1, "10.2.0.1", nil},
		{1, "10.2.0.1", ip.ErrAddressNotAvailable},
	} {
		if err := n.RemoveAddress(w.now, c.index, addr(c.addr)); err != c.want {
			t.Errorf("remove %s from %d: %v, want %v", c.addr, c.index, err, c.want)
		}
	}
	full := 0
	for i := range 300 {
		if n.AddAddress(w.now, 1, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 9, byte(i / 250), byte(1 + i%250)}), 16)) == ip.ErrLimit {
			full++
		}
	}
	if len(n.Addresses(1)) != 256 || full != 300-253 {
		t.Errorf("%d addresses, %d refused", len(n.Addresses(1)), full)
	}
	if n.Addresses(7) != nil {
		t.Error("addresses of no interface")
	}
}

// TestSolicitedNodeGroupsFollow: they are joined and left with the addresses
// that need them.
func TestSolicitedNodeGroupsFollow(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	has := func(g string) bool {
		for _, m := range p.a.Memberships() {
			if m.Group == addr(g) {
				return true
			}
		}
		return false
	}
	const group = "ff02::1:ff77:1"
	p.a.addAddress(1, "2001:db8::77:1/64")
	p.a.addAddress(1, "2001:db8:5::77:1/64") // the same low 24 bits
	if !has(group) {
		t.Error("not joined")
	}
	p.a.removeAddress(1, "2001:db8::77:1")
	if !has(group) {
		t.Error("left while another address needs it")
	}
	p.a.removeAddress(1, "2001:db8:5::77:1")
	p.run(5 * time.Second)
	if has(group) || !p.a.Quiet() {
		t.Error("not left")
	}
}

// TestRejoinAfterLinkUp: what is joined is reported anew when the link is up,
// and datagrams flow again.
func TestRejoinAfterLinkUp(t *testing.T) {
	t.Parallel()
	for _, f := range families {
		n := newRouted(t, ip.Config{})
		n.settle()
		n.x.bind(join(unspecified(f.s), "5000"))
		n.x.join(1, f.ssm, f.s)
		n.run(2 * time.Second)
		for range 3 {
			n.x.link(1, false)
			n.run(300 * time.Second) // the router forgets
			if got := n.r.MulticastOutputs(addr(f.s), addr(f.ssm), 1); len(got) != 0 {
				t.Errorf("%s: still forwarded to %v", f.name, got)
			}
			n.forget()
			n.x.link(1, true)
			n.run(2 * time.Second)
			if !slices.ContainsFunc(n.causes(), func(c string) bool { return c == "x/1 ip/igmp/join" || c == "x/1 ip/mld/join" }) {
				t.Fatalf("%s: not reported anew: %q", f.name, n.causes())
			}
			n.s.udp(join(f.s, "9"), join(f.ssm, "5000"), 0, 5, "back")
			n.run(time.Second)
			n.x.wantDatagrams(join(f.s, "9") + ">" + join(f.ssm, "5000") + " back")
		}
	}
}

// TestResolveAfterLinkUp: neighbours are asked for anew, and a route by a
// neighbour works again.
func TestResolveAfterLinkUp(t *testing.T) {
	t.Parallel()
	for _, f := range families {
		n := newRouted(t, ip.Config{})
		n.settle()
		n.x.bind(join(f.x, "7"))
		n.s.udp(join(f.s, "9"), join(f.x, "7"), 0, 0, "one")
		n.run(time.Second)
		n.r.link(2, false)
		n.r.wantRouteChanges("any")
		n.forget()
		n.s.udp(join(f.s, "9"), join(f.x, "7"), 0, 0, "lost")
		n.run(time.Second)
		n.x.wantDatagrams()
		n.r.wantCounter("drop/forward-no-route", 1)
		n.r.link(2, true)
		n.r.wantRouteChanges("any")
		n.forget()
		n.s.udp(join(f.s, "9"), join(f.x, "7"), 0, 0, "two")
		n.run(time.Second)
		n.x.wantDatagrams(join(f.s, "9") + ">" + join(f.x, "7") + " two")
	}
}

// TestAnnouncedGroupsAreLeft: where own groups are announced, they are left by
// a report too.
func TestAnnouncedGroupsAreLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.add("a", ip.Config{AnnounceOwnGroups: true})
	w.connect(new(wire), a, 1, "2001:db8::1/64")
	w.run(5 * time.Second)
	w.forget()
	a.addAddress(1, "2001:db8::2/64")
	w.run(5 * time.Second)
	a.removeAddress(1, "2001:db8::2")
	w.run(5 * time.Second)
	w.wantCauses("a/1 ip/mld/join", "a/1 ip/mld/report-again", "a/1 ip/mld/leave", "a/1 ip/mld/report-again")
}

// TestAddressTrace: every change of an address's state is told to the tracer.
func TestAddressTrace(t *testing.T) {
	t.Parallel()
	var steps []string
	w := newWorld(t)
	a := w.add("a", ip.Config{Trace: func(x machine.Transition) {
		if x.Machine == "ip/address" && x.Subject == "1/10.0.0.1" {
			steps = append(steps, x.From+" "+x.Event+" "+x.To)
		}
	}})
	w.checked(new(wire), a, 1, true, "10.0.0.1/24")
	w.run(20 * time.Second)
	a.removeAddress(1, "10.0.0.1")
	want := []string{"none check tentative", "tentative timeout tentative", "tentative timeout tentative", "tentative timeout tentative",
		"tentative checked preferred", "preferred timeout preferred", "preferred remove none"}
	if !slices.Equal(steps, want) {
		t.Errorf("%q", steps)
	}
}

// TestQuerierFollowsItsAddress: a router asks from an address that it has.
func TestQuerierFollowsItsAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.add("r", ip.Config{Forwarding: true})
	w.connect(new(wire), r, 1, "10.0.0.1/24", "10.0.0.2/24")
	w.run(10 * time.Minute)
	r.removeAddress(1, "10.0.0.1")
	w.forget()
	w.run(10 * time.Minute)
	queries := w.with("ip/igmp/query")
	if len(queries) < 3 {
		t.Fatalf("%q", w.causes())
	}
	for _, s := range queries {
		if h, _ := ipOf(t, s); h.src != addr("10.0.0.2") {
			t.Errorf("a query from %v", h.src)
		}
	}
	if q, ok := r.Querier(1, false); !ok || q.Querier != addr("10.0.0.2") {
		t.Errorf("querier %+v", q)
	}
}

// TestConflictOfAnotherInterface: somebody on one link uses an address of
// another link: it is counted, and nothing else.
func TestConflictOfAnotherInterface(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.add("a", ip.Config{})
	w.connect(new(wire), a, 1, "10.0.0.1/24")
	w.checked(new(wire), a, 2, true, "10.1.0.1/24")
	w.run(20 * time.Second)
	w.forget()
	a.frame(1, unhex(t, `ffffffffffff 020000000909 0806 0001 0800 06 04 0001
		020000000909 0a010001 000000000000 0a000001`))
	a.wantCounter("drop/address-conflict", 1)
	w.wantCauses()
}
