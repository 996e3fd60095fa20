//go:build netns

package raw_test

import (
	"github.com/vishvananda/netlink"

	"github.com/mpstack/mpstack/internal/netns"
)

// makeBareVeth makes the pair x0, x1 as the kernel makes it, offloads and all.
func makeBareVeth(n *netns.NS) error {
	return n.Do(func() error {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = "x0"
		return netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "x1"})
	})
}
