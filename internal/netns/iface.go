package netns

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/vishvananda/netlink"
	vns "github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/mpstack/mpstack/wire/inet"
)

// MaxName is the greatest length of an interface's name in bytes.
const MaxName = unix.IFNAMSIZ - 1

// Interface says how an interface is to be.
type Interface struct {
	Name string   // 1 to MaxName bytes
	MAC  inet.MAC // zero: the kernel's choice
	MTU  int      // 0: the kernel's choice, 1500

	// Kernel says that the kernel's own IP stack uses the interface. Otherwise
	// a stack in userspace does: the kernel then gets no address on it, and
	// IPv6 and the answering of ARP are switched off before it comes up, so
	// that nothing is sent on it that we did not send.
	Kernel bool
	// Addrs are the kernel's addresses with the length of their network; for
	// interfaces with Kernel only. IPv6 addresses are used at once, without
	// duplicate address detection.
	Addrs []netip.Prefix

	// KeepOffloads leaves the offloads as they are. Otherwise they are
	// switched off.
	KeepOffloads bool
}

// Check says what is wrong with i.
func (i Interface) Check() error {
	switch {
	case i.Name == "" || len(i.Name) > MaxName:
		return fmt.Errorf("netns: interface name %q: names have 1 to %d bytes", i.Name, MaxName)
	case i.MAC.IsMulticast():
		return fmt.Errorf("netns: %s: %s is a group address", i.Name, i.MAC)
	case i.MTU < 0 || i.MTU > 65535:
		return fmt.Errorf("netns: %s: MTU %d is out of range", i.Name, i.MTU)
	case len(i.Addrs) > 0 && !i.Kernel:
		return fmt.Errorf("netns: %s: addresses on an interface that the kernel does not use", i.Name)
	}
	for _, a := range i.Addrs {
		if !a.IsValid() {
			return fmt.Errorf("netns: %s: invalid address", i.Name)
		}
	}
	return nil
}

// Configure makes an existing interface as i says, its offloads switched off
// (DisableOffloads) unless i keeps them, and takes it up.
func (n *NS) Configure(i Interface) error {
	if err := i.Check(); err != nil {
		return err
	}
	err := n.with(func(h *netlink.Handle) error {
		l, err := h.LinkByName(i.Name)
		if err != nil {
			return err
		}
		return configure(h, l, i)
	})
	if err != nil {
		return n.failed("configuring "+i.Name, err)
	}
	return n.Settle(i.Name)
}

func configure(h *netlink.Handle, l netlink.Link, i Interface) error {
	if err := quieten(i); err != nil {
		return err
	}
	if !i.MAC.IsZero() {
		if err := h.LinkSetHardwareAddr(l, net.HardwareAddr(i.MAC[:])); err != nil {
			return fmt.Errorf("setting the address: %w", err)
		}
	}
	if i.MTU != 0 {
		if err := h.LinkSetMTU(l, i.MTU); err != nil {
			return fmt.Errorf("setting the MTU: %w", err)
		}
	}
	if !i.KeepOffloads {
		if err := disableOffloads(i.Name, allOffloads); err != nil {
			return err
		}
	}
	if err := h.LinkSetUp(l); err != nil {
		return fmt.Errorf("taking it up: %w", err)
	}
	for _, a := range i.Addrs {
		if err := addAddr(h, l, a); err != nil {
			return fmt.Errorf("adding %s: %w", a, err)
		}
	}
	return nil
}

// quieten sets what keeps the kernel from speaking unasked. It comes before
// the interface is up: link-up alone makes the kernel send MLD reports,
// neighbour and router solicitations.
func quieten(i Interface) error {
	settings := [][2]string{
		{"net/ipv6/conf/" + i.Name + "/disable_ipv6", "1"},
		{"net/ipv4/conf/" + i.Name + "/arp_ignore", "8"},
	}
	if i.Kernel {
		settings = [][2]string{
			{"net/ipv6/conf/" + i.Name + "/accept_ra", "0"},
			{"net/ipv6/conf/" + i.Name + "/autoconf", "0"},
			{"net/ipv6/conf/" + i.Name + "/router_solicitations", "0"},
			{"net/ipv6/conf/" + i.Name + "/accept_dad", "0"},
			{"net/ipv6/conf/" + i.Name + "/dad_transmits", "0"},
		}
	}
	for _, s := range settings {
		// Without IPv6 in the kernel there is nothing to switch off.
		if err := setSysctl(s[0], s[1]); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

func addAddr(h *netlink.Handle, l netlink.Link, p netip.Prefix) error {
	a := &netlink.Addr{IPNet: ipNet(p)}
	if p.Addr().Is6() {
		a.Flags = unix.IFA_F_NODAD
	}
	return h.AddrAdd(l, a)
}

func ipNet(p netip.Prefix) *net.IPNet {
	a := p.Addr().Unmap()
	return &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(p.Bits(), a.BitLen())}
}

// Port is an interface in a namespace.
type Port struct {
	NS *NS
	Interface
}

// Veth makes a pair of interfaces, each in its namespace, configured and up.
// Where MTU is set on one end only, it holds for both.
func Veth(a, b Port) error {
	if err := errors.Join(a.Check(), b.Check()); err != nil {
		return err
	}
	if a.MTU == 0 {
		a.MTU = b.MTU
	}
	if b.MTU == 0 {
		b.MTU = a.MTU
	}
	if err := addVeth(a, b); err != nil {
		return a.NS.failed(fmt.Sprintf("making veth %s and %s in %s", a.Name, b.Name, b.NS.Name()), err)
	}
	err := a.NS.Configure(a.Interface)
	if err == nil {
		err = b.NS.Configure(b.Interface)
	}
	if err == nil { // b made the carrier of a
		err = a.NS.Settle(a.Name)
	}
	if err != nil {
		_ = a.NS.Delete(a.Name)
	}
	return err
}

func addVeth(a, b Port) error {
	peer, done, err := b.NS.ref()
	if err != nil {
		return err
	}
	defer done()
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.NumTxQueues, attrs.NumRxQueues = a.Name, 1, 1
	v := netlink.NewVeth(attrs)
	v.PeerName, v.PeerNumTxQueues, v.PeerNumRxQueues = b.Name, 1, 1
	v.PeerNamespace = netlink.NsFd(peer)
	return a.NS.with(func(h *netlink.Handle) error { return h.LinkAdd(v) })
}

// ref returns a descriptor of the namespace, valid until done is called.
func (n *NS) ref() (fd int, done func(), err error) {
	if n != nil {
		return int(n.fd), func() {}, nil
	}
	own, err := vns.Get()
	if err != nil {
		return -1, nil, err
	}
	return int(own), func() { _ = own.Close() }, nil
}

// Delete removes an interface; of a veth pair, both ends.
func (n *NS) Delete(ifname string) error {
	return n.link("deleting", ifname, (*netlink.Handle).LinkDel)
}

// SetUp takes an interface up and settles it. The other end of a veth may have
// to be settled too before it sends.
func (n *NS) SetUp(ifname string) error {
	if err := n.link("taking up", ifname, (*netlink.Handle).LinkSetUp); err != nil {
		return err
	}
	return n.Settle(ifname)
}

// Settle waits until an interface that has a carrier sends what it is given. The
// kernel notes a new carrier at once and acts on it later, up to a second;
// what is sent in between it drops without a word.
func (n *NS) Settle(ifname string) error {
	const tries, pause = 2000, time.Millisecond
	return n.link("waiting for", ifname, func(h *netlink.Handle, l netlink.Link) error {
		for range tries {
			if a := l.Attrs(); a.RawFlags&unix.IFF_LOWER_UP == 0 || a.OperState == netlink.OperUp || a.OperState == netlink.OperUnknown {
				return nil
			}
			time.Sleep(pause)
			var err error
			if l, err = h.LinkByName(ifname); err != nil { // newer kernels act because of the question
				return err
			}
		}
		return errors.New("it has a carrier, and the kernel does not use it")
	})
}

// SetDown takes an interface down.
func (n *NS) SetDown(ifname string) error {
	return n.link("taking down", ifname, (*netlink.Handle).LinkSetDown)
}

func (n *NS) link(doing, ifname string, do func(*netlink.Handle, netlink.Link) error) error {
	err := n.with(func(h *netlink.Handle) error {
		l, err := h.LinkByName(ifname)
		if err != nil {
			return err
		}
		return do(h, l)
	})
	if err != nil {
		return n.failed(doing+" "+ifname, err)
	}
	return nil
}

func setUp(h *netlink.Handle, ifname string) error {
	l, err := h.LinkByName(ifname)
	if err != nil {
		return err
	}
	return h.LinkSetUp(l)
}

// AddRoute makes the kernel reach dst through the router via, on interface
// ifname; without a valid via, dst is on the link. The unspecified prefix is
// the default route.
func (n *NS) AddRoute(dst netip.Prefix, via netip.Addr, ifname string) error {
	err := n.link("adding a route by", ifname, func(h *netlink.Handle, l netlink.Link) error {
		r := &netlink.Route{LinkIndex: l.Attrs().Index, Dst: ipNet(dst.Masked())}
		if via.IsValid() {
			r.Gw = via.Unmap().AsSlice()
		} else {
			r.Scope = netlink.SCOPE_LINK
		}
		return h.RouteAdd(r)
	})
	if err != nil {
		return fmt.Errorf("%w (to %s)", err, dst)
	}
	return nil
}

// Addrs returns the kernel's addresses on an interface, IPv4 first.
func (n *NS) Addrs(ifname string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	err := n.link("reading the addresses of", ifname, func(h *netlink.Handle, l netlink.Link) error {
		for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
			list, err := dump(func() ([]netlink.Addr, error) { return h.AddrList(l, family) })
			if err != nil {
				return err
			}
			for _, a := range list {
				ip, _ := netip.AddrFromSlice(a.IP)
				bits, _ := a.Mask.Size()
				out = append(out, netip.PrefixFrom(ip.Unmap(), bits))
			}
		}
		return nil
	})
	return out, err
}

// Interfaces returns the names of the namespace's interfaces, in the order of
// their numbers.
func (n *NS) Interfaces() ([]string, error) {
	var names []string
	err := n.with(func(h *netlink.Handle) error {
		links, err := dump(h.LinkList)
		for _, l := range links {
			names = append(names, l.Attrs().Name)
		}
		return err
	})
	if err != nil {
		return nil, n.failed("listing interfaces", err)
	}
	return names, nil
}
