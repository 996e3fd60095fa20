package scenario

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"github.com/mpstack/mpstack/internal/netns"
)

// kernelNode is a node on Linux's own IP stack.
type kernelNode struct {
	s   *netnsSubstrate
	ns  *netns.NS
	def *Node
}

func (k *kernelNode) addRoutes() error {
	var errs []error
	for _, g := range k.def.Gateways {
		any := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
		if g.Is6() {
			any = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
		}
		errs = append(errs, k.ns.AddRoute(any, g, k.portTo(g)))
	}
	for _, r := range k.def.Routes {
		errs = append(errs, k.ns.AddRoute(r.To, r.Via, k.portTo(r.Via)))
	}
	return errors.Join(errs...)
}

// portTo returns the port in whose network the neighbour is.
func (k *kernelNode) portTo(a netip.Addr) string {
	for _, p := range k.def.Ports {
		for _, q := range p.Addrs {
			if q.Masked().Contains(a) {
				return p.Name
			}
		}
	}
	return ""
}

// member opens an ordinary UDP socket bound to the group, so that it gets
// nothing else, and joins it for the one source (MCAST_JOIN_SOURCE_GROUP).
func (k *kernelNode) member(group netip.AddrPort, source netip.Addr, got func([]byte)) (func() error, error) {
	var conn *net.UDPConn
	err := k.ns.Do(func() (err error) {
		conn, err = listenGroup(group)
		if err != nil {
			return err
		}
		return joinSource(conn, k.portToward(group.Addr()), group.Addr(), source)
	})
	if err != nil {
		if conn != nil {
			_ = conn.Close()
		}
		return nil, fmt.Errorf("node %s: %w", k.def.Name, err)
	}
	k.s.apps.Go(func() { receive(conn, got) })
	return conn.Close, nil
}

// portToward returns the first port with an address of the group's family.
func (k *kernelNode) portToward(group netip.Addr) string {
	for _, p := range k.def.Ports {
		for _, a := range p.Addrs {
			if a.Addr().Is6() == group.Is6() {
				return p.Name
			}
		}
	}
	return ""
}

func listenGroup(group netip.AddrPort) (*net.UDPConn, error) {
	network := "udp4"
	if group.Addr().Is6() {
		network = "udp6"
	}
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		cerr := c.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
		})
		return errors.Join(cerr, err)
	}}
	c, err := lc.ListenPacket(context.Background(), network, group.String())
	if err != nil {
		return nil, err
	}
	return c.(*net.UDPConn), nil
}

func joinSource(conn *net.UDPConn, port string, group, source netip.Addr) error {
	ifi, err := net.InterfaceByName(port)
	if err != nil {
		return err
	}
	g, s := &net.UDPAddr{IP: group.AsSlice()}, &net.UDPAddr{IP: source.AsSlice()}
	if group.Is6() {
		return ipv6.NewPacketConn(conn).JoinSourceSpecificGroup(ifi, g, s)
	}
	return ipv4.NewPacketConn(conn).JoinSourceSpecificGroup(ifi, g, s)
}

// receive gives each datagram to got until the socket is closed.
func receive(conn *net.UDPConn, got func([]byte)) {
	buf := make([]byte, 1<<16)
	for {
		n, _, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		got(buf[:n])
	}
}
