package stack_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/mpstack/mpstack/stack/link/mem"
	"github.com/mpstack/mpstack/wire/inet"
)

// TestLinkLocalGateway: a route may lead by a link-local neighbour, whose port
// is the zone, or the only one there is.
func TestLinkLocalGateway(t *testing.T) {
	nw := newNetwork(t, 0, 1)
	seg := nw.Segment(mem.Config{Name: "two", Delay: time.Millisecond})
	dst := netip.MustParsePrefix("2001:db8:77::/48")
	add := func(via string) error { return nw.router.AddRoute(dst, netip.MustParseAddr(via)) }
	nw.port(seg, nw.router, "eth1", inet.MAC{2, 0, 0, 0, 9, 9}, "2001:db8:9::1/64")

	if err := nw.root.AddRoute(dst, netip.MustParseAddr("fe80::1")); err != nil {
		t.Errorf("with one port: %v", err)
	}
	if err := add("fe80::1"); err == nil {
		t.Error("without a zone, with two ports: no error")
	}
	if err := add("fe80::1%r1/eth7"); err == nil {
		t.Error("with the zone of no port: no error")
	}
	if err := add("fe80::1%r1/eth1"); err != nil {
		t.Errorf("with a port's name: %v", err)
	}
}
