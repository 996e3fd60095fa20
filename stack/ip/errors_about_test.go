package ip_test

import (
	"testing"
	"time"

	"github.com/mpstack/mpstack/stack/ip"
	"github.com/mpstack/mpstack/wire/inet"
)

// TestNoErrorAboutBroadcastFragment: a broadcast whose fragments stay out gets no
// ICMP error (RFC 1122 section 3.2.2).
func TestNoErrorAboutBroadcastFragment(t *testing.T) {
	for _, dst := range []string{"10.0.0.255", "255.255.255.255"} {
		p := newPair(t)
		p.settle()
		h := inet.IPv4{Src: addr("10.0.0.1"), Dst: addr(dst), Proto: inet.ProtoUDP, TTL: 9, MF: true, ID: 7}
		p.b.frame(1, ip4FrameTo(t, inet.Broadcast, h, make([]byte, 64)))
		p.run(40 * time.Second)
		if n := len(p.with(ip.CauseReassembly)); n > 0 {
			t.Errorf("%s: %d errors", dst, n)
		}
	}
}

// TestNoErrorAboutLaterFragment: a router that finds nobody says so about first
// fragments alone (RFC 1122 section 3.2.2).
func TestNoErrorAboutLaterFragment(t *testing.T) {
	for offset, want := range map[int]int{0: 1, 64: 0} {
		n := newRouted(t, ip.Config{})
		n.settle()
		h := inet.IPv4{Src: addr("10.1.0.1"), Dst: addr("10.2.0.99"), Proto: inet.ProtoUDP, TTL: 9, MF: offset == 0, FragOffset: offset, ID: 7}
		n.r.frame(1, ip4FrameTo(t, macOf(2, 1), h, make([]byte, 64)))
		n.run(10 * time.Second)
		if got := len(n.with(ip.CauseUnreachable)); got != want {
			t.Errorf("offset %d: %d errors, want %d", offset, got, want)
		}
	}
}

// TestRouteOrigins: what an advertisement takes back is not what an address has
// made.
func TestRouteOrigins(t *testing.T) {
	w, a := newAuto(t, ip.Config{})
	w.settle()
	hear := func(valid time.Duration) {
		a.hear(said{ra: inet.RouterAdvertisement{RouterLifetime: time.Hour}, prefixes: []inet.PrefixInformation{{
			Prefix: prefix("2001:db8::/64"), OnLink: true, ValidLifetime: valid, PreferredLifetime: valid,
		}}})
	}
	onLink := func() int {
		n := 0
		for _, r := range a.SnapshotRoutes(ip.RouteInfo{}, 99) {
			if r.Dst == prefix("2001:db8::/64") {
				n++
			}
		}
		return n
	}
	hear(time.Hour)
	w.ok(a.AddAddress(w.now, 1, prefix("2001:db8::5/64")))
	a.drain()
	w.run(5 * time.Second)
	if n := onLink(); n != 2 {
		t.Errorf("%d on-link routes, want the advertised and the address's", n)
	}
	hear(0)
	w.run(5 * time.Second)
	if n := onLink(); n != 1 {
		t.Errorf("%d on-link routes after the prefix was taken back, want the address's", n)
	}
	if err := a.AddRoute(w.now, ip.Route{Dst: prefix("::/0"), Via: addr("fe80::1"), OutIf: 1}); err != nil {
		t.Errorf("a route of our own beside the advertised one: %v", err)
	}
}
