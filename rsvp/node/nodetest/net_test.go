package nodetest

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/mpstack/mpstack/rsvp/node"
)

// TestRoutes: shortest ways, trees along them, members only, and around a
// failed link.
func TestRoutes(t *testing.T) {
	n := New(1)
	a, b, r, x := n.Host("A", EndHost, nil), n.Host("B", EndHost, nil), n.Host("R", Router, nil), n.Host("X", NoRSVP, nil)
	la, lb, direct, over := n.Segment(), n.Segment(), n.Segment(), n.Segment()
	a.Attach(la, "10.0.1.1", "fe80::1", "2001:db8::1")
	r.Attach(la, "10.0.1.254")
	r.Attach(direct, "10.0.3.1")
	r.Attach(over, "10.0.4.1")
	x.Attach(over, "10.0.4.2")
	x.Attach(direct, "10.0.3.2")
	x.Attach(lb, "10.0.2.254")
	b.Attach(lb, "10.0.2.1")
	addr, group := netip.MustParseAddr, netip.MustParseAddr("224.1.1.1")
	way := func(h *Host, dst string) int {
		i, _ := routes{h}.Unicast(addr(dst))
		return i
	}
	if way(r, "10.0.1.1") != 1 || way(r, "10.0.2.1") != 2 || way(b, "10.0.1.1") != 1 || way(r, "10.9.9.9") != 0 {
		t.Error("ways")
	}
	tree := func(in int) []int { return routes{r}.Multicast(addr("10.0.1.1"), group, in) }
	if len(tree(1)) != 0 {
		t.Error("a tree without members")
	}
	b.Join(1, group)
	if got := tree(1); !slices.Equal(got, []int{2, 3}) || len(tree(2)) != 0 {
		t.Errorf("tree %v", got)
	}
	r.Link(2, false)
	if way(r, "10.0.2.1") != 3 || !slices.Equal(tree(1), []int{3}) {
		t.Error("not around the failed link")
	}
	if got, _ := (routes{a}).Address(1, true); got != addr("2001:db8::1") {
		t.Errorf("address %v", got)
	}
	if _, ok := (routes{b}).Address(1, true); ok {
		t.Error("an address of a family that is not there")
	}
	if _, ok := (routes{a}).Address(2, false); ok {
		t.Error("an address of an interface that is not there")
	}
	if x.Node != nil || !n.Quiet() {
		t.Error("a router without RSVP has a node")
	}
	var _ node.Routes = routes{}
}
