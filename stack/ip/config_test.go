package ip_test

import (
	"errors"
	"net/netip"
	"reflect"
	"testing"

	"github.com/mpstack/mpstack/stack/ip"
	"github.com/mpstack/mpstack/wire/inet"
)

func TestAddInterfaceRefusals(t *testing.T) {
	t.Parallel()
	good := func() ip.Interface {
		return ip.Interface{Index: 2, MAC: macOf(9, 9), MTU: 1500, Addrs: []netip.Prefix{prefix("10.9.0.1/24")}}
	}
	for _, c := range []struct {
		name   string
		change func(*ip.Interface)
		want   error
	}{
		{"good", func(*ip.Interface) {}, nil},
		{"index 0", func(i *ip.Interface) { i.Index = 0 }, ip.ErrInterface},
		{"index taken", func(i *ip.Interface) { i.Index = 1 }, ip.ErrInterface},
		{"no MAC", func(i *ip.Interface) { i.MAC = inet.MAC{} }, ip.ErrInterface},
		{"group MAC", func(i *ip.Interface) { i.MAC[0] = 3 }, ip.ErrInterface},
		{"MTU", func(i *ip.Interface) { i.MTU = 500 }, ip.ErrInterface},
		{"MTU of IPv6", func(i *ip.Interface) { i.MTU, i.Addrs = 1000, []netip.Prefix{prefix("2001:db8:9::1/64")} }, ip.ErrInterface},
		{"address taken", func(i *ip.Interface) { i.Addrs = []netip.Prefix{prefix("10.0.0.1/24")} }, ip.ErrAddressInUse},
		{"address twice", func(i *ip.Interface) { i.Addrs = append(i.Addrs, i.Addrs[0]) }, ip.ErrAddressInUse},
		{"network address", func(i *ip.Interface) { i.Addrs = []netip.Prefix{prefix("10.9.0.0/24")} }, ip.ErrAddress},
		{"broadcast address", func(i *ip.Interface) { i.Addrs = []netip.Prefix{prefix("10.9.0.255/24")} }, ip.ErrAddress},
		{"point to point", func(i *ip.Interface) { i.Addrs = []netip.Prefix{prefix("10.9.0.0/31")} }, nil},
		{"group", func(i *ip.Interface) { i.Addrs = []netip.Prefix{prefix("225.0.0.1/24")} }, ip.ErrAddress},
		{"loopback", func(i *ip.Interface) { i.Addrs = []netip.Prefix{prefix("127.0.0.1/8")} }, ip.ErrAddress},
		{"no prefix", func(i *ip.Interface) { i.Addrs = []netip.Prefix{{}} }, ip.ErrAddress},
	} {
		p := newPair(t)
		in := good()
		c.change(&in)
		if err := p.a.AddInterface(p.now, in); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestInterfaceReads(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	in, ok := p.a.Interface(1)
	if !ok || in.LinkLocal != addr("fe80::ff:fe00:101") || len(in.Addrs) != 2 || !in.Up || in.MTU != 1500 {
		t.Errorf("interface %+v", in)
	}
	if _, ok := p.a.Interface(2); ok || p.a.MTU(2) != 0 || p.a.MTU(1) != 1500 {
		t.Error("an interface that is not there, or its MTU")
	}
	for a, want := range map[string]bool{"10.0.0.1": true, "2001:db8::1": true, "fe80::ff:fe00:101": true, "10.0.0.2": false, "fe80::1": false} {
		if p.a.IsLocal(addr(a)) != want {
			t.Errorf("IsLocal(%s) is not %v", a, want)
		}
		if _, ok := p.a.InterfaceByAddr(addr(a)); ok != want {
			t.Errorf("InterfaceByAddr(%s) is not %v", a, want)
		}
	}
	a4, ok4 := p.a.Address(1, false)
	a6, ok6 := p.a.Address(1, true)
	if !ok4 || !ok6 || a4 != addr("10.0.0.1") || a6 != addr("2001:db8::1") {
		t.Errorf("addresses %v %v", a4, a6)
	}
	w := newWorld(t)
	n := w.add("a", ip.Config{})
	w.connect(new(wire), n, 1, "fe80::7/64")
	if a, ok := n.Address(1, true); !ok || a != addr("fe80::7") {
		t.Errorf("a link-local address of one's own choice: %v", a)
	}
	if _, ok := n.Address(1, false); ok {
		t.Error("an IPv4 address without any")
	}
	if a, ok := n.LinkLocal(1); !ok || a != addr("fe80::7") {
		t.Errorf("LinkLocal: %v", a)
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.add("r", ip.Config{MaxRoutes: 4})
	w.connect(new(wire), n, 1, "10.1.0.1/24", "2001:db8:1::1/64")
	w.connect(new(wire), n, 2, "10.2.0.1/24", "2001:db8:2::1/64")
	add := func(dst, via string, out int) error {
		return n.AddRoute(w.now, ip.Route{Dst: prefix(dst), Via: addr(via), OutIf: out})
	}
	want := func(dst string, out int, src, hop string) {
		t.Helper()
		o, s, h, ok := n.RouteTo(addr(dst))
		if out == 0 {
			if ok {
				t.Errorf("%s: route by %d", dst, o)
			}
			return
		}
		if !ok || o != out || s != addr(src) || h != addr(hop) {
			t.Errorf("%s: by %d from %v to %v (%v), want %d, %s, %s", dst, o, s, h, ok, out, src, hop)
		}
	}
	want("192.0.2.1", 0, "", "")
	w.ok(add("0.0.0.0/0", "10.1.0.254", 0))
	w.ok(add("192.0.2.0/24", "10.2.0.254", 0))
	w.ok(add("192.0.2.128/25", "", 1))
	w.ok(add("::/0", "fe80::1", 2))
	want("198.51.100.1", 1, "10.1.0.1", "10.1.0.254")
	want("192.0.2.1", 2, "10.2.0.1", "10.2.0.254")
	want("192.0.2.200", 1, "10.1.0.1", "192.0.2.200")
	want("10.2.0.9", 2, "10.2.0.1", "10.2.0.9")
	want("10.2.0.1", 2, "10.2.0.1", "10.2.0.1")
	want("2001:db8:ff::1", 2, "2001:db8:2::1", "fe80::1")
	want("225.0.0.1", 1, "10.1.0.1", "225.0.0.1") // by the default route
	want("fe80::9", 0, "", "")                    // on which link?
	for _, c := range []struct {
		dst, via string
		out      int
		want     error
	}{
		{"10.9.0.0/16", "10.1.0.9", 0, ip.ErrLimit},
		{"10.9.0.0/16", "192.0.2.1", 0, ip.ErrNoRoute},
		{"10.9.0.0/16", "10.1.0.9", 2, ip.ErrNoRoute},
		{"10.9.0.0/16", "10.1.0.9", 7, ip.ErrNoInterface},
		{"10.9.0.0/16", "", 0, ip.ErrNoInterface},
		{"10.9.0.0/16", "2001:db8:1::9", 0, ip.ErrAddress},
		{"10.9.0.0/16", "10.1.0.1", 0, ip.ErrAddress},
	} {
		if err := add(c.dst, c.via, c.out); !errors.Is(err, c.want) {
			t.Errorf("AddRoute(%s, %s, %d): %v, want %v", c.dst, c.via, c.out, err, c.want)
		}
	}
	w.ok(n.RemoveRoute(w.now, ip.Route{Dst: prefix("192.0.2.128/25"), OutIf: 1}))
	want("192.0.2.200", 2, "10.2.0.1", "10.2.0.254")
	if err := n.RemoveRoute(w.now, ip.Route{Dst: prefix("10.1.0.0/24")}); err != ip.ErrNoRoute {
		t.Errorf("a connected route was removed: %v", err)
	}
	if err := add("0.0.0.0/0", "10.1.0.254", 0); err != ip.ErrRouteExists {
		t.Errorf("the same route twice: %v", err)
	}
	n.link(2, false)
	want("192.0.2.1", 1, "10.1.0.1", "10.1.0.254")
	want("10.2.0.9", 1, "10.1.0.1", "10.1.0.254")
	want("fe80::9", 1, "fe80::ff:fe00:101", "fe80::9") // the only one left
}

func TestRouteToGroupsWithoutRoute(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.add("a", ip.Config{})
	w.connect(new(wire), n, 1, "2001:db8:1::1/64")
	w.connect(new(wire), n, 2, "10.2.0.1/24")
	if out, src, _, ok := n.RouteTo(addr("225.0.0.1")); !ok || out != 2 || src != addr("10.2.0.1") {
		t.Errorf("IPv4 group by %d from %v", out, src)
	}
	if out, src, _, ok := n.RouteTo(addr("ff02::9")); !ok || out != 1 || !src.IsLinkLocalUnicast() {
		t.Errorf("link-local group by %d from %v", out, src)
	}
	if out, src, _, ok := n.RouteTo(addr("ff1e::9")); !ok || out != 1 || src != addr("2001:db8:1::1") {
		t.Errorf("global group by %d from %v", out, src)
	}
	if out, _, _, ok := n.RouteTo(netip.Addr{}); ok {
		t.Errorf("no address by %d", out)
	}
}

// TestCounterTableIsComplete: every counter has a row of its own.
func TestCounterTableIsComplete(t *testing.T) {
	t.Parallel()
	var c ip.Counters
	next := uint64(1)
	var fill func(v reflect.Value)
	fill = func(v reflect.Value) {
		for i := range v.NumField() {
			if f := v.Field(i); f.Kind() == reflect.Struct {
				fill(f)
			} else {
				f.SetUint(next)
				next++
			}
		}
	}
	fill(reflect.ValueOf(&c).Elem())
	names, values := make(map[string]bool), make(map[uint64]bool)
	for _, row := range c.Table() {
		if names[row.Name] || values[row.Value] {
			t.Errorf("%s is there twice", row.Name)
		}
		names[row.Name], values[row.Value] = true, true
	}
	if uint64(len(values)) != next-1 {
		t.Errorf("%d rows for %d counters", len(values), next-1)
	}
}
