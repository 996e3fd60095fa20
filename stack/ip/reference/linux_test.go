//go:build netns

package reference_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/mpstack/mpstack/internal/netns"
)

// linux is the kernel's IP stack in a namespace of its own.
type linux struct {
	ns      *netns.NS
	index   int // of its interface
	sockets []*linuxSocket
}

const linuxIf = "eth0"

// settings make the kernel's timers short and take its rate limits away;
// nothing else about it is changed.
var settings = [][2]string{
	{"net/ipv4/icmp_ratelimit", "0"},
	{"net/ipv4/icmp_msgs_per_sec", "100000"},
	{"net/ipv4/icmp_msgs_burst", "100000"},
	{"net/ipv6/icmp/ratelimit", "0"},
	{"net/ipv4/ipfrag_time", "1"},
	{"net/ipv6/ip6frag_time", "1"},
	{"net/ipv4/route/mtu_expires", "2"},
	{"net/ipv6/route/mtu_expires", "2"},
	{"net/ipv6/conf/all/keep_addr_on_down", "1"},
	{"net/ipv4/conf/all/rp_filter", "0"},
	{"net/ipv4/conf/default/rp_filter", "0"},
	{"net/ipv4/conf/default/igmpv2_unsolicited_report_interval", "50"},
	{"net/ipv4/conf/default/igmpv3_unsolicited_report_interval", "50"},
	{"net/ipv6/conf/default/mldv1_unsolicited_report_interval", "50"},
	{"net/ipv6/conf/default/mldv2_unsolicited_report_interval", "50"},
}

// linkSettings are those that exist with the interface only.
var linkSettings = [][2]string{
	{"net/ipv4/neigh/" + linuxIf + "/retrans_time_ms", "300"},
	{"net/ipv6/neigh/" + linuxIf + "/retrans_time_ms", "300"},
	{"net/ipv4/neigh/" + linuxIf + "/locktime", "0"},
}

// linuxHost is the subject that the kernel is.
func linuxHost(wire *netns.NS, prober netns.Interface, k knobs) (host, error) {
	ns, err := netns.New("linux")
	if err != nil {
		return nil, err
	}
	h := &linux{ns: ns}
	if err := h.setUp(wire, prober, k); err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

func (h *linux) setUp(wire *netns.NS, prober netns.Interface, k knobs) error {
	if err := h.set(settings); err != nil {
		return err
	}
	end := netns.Interface{Name: linuxIf, MAC: hostMAC, Kernel: true, Addrs: []netip.Prefix{hostNet4, hostNet6}}
	if err := netns.Veth(netns.Port{NS: h.ns, Interface: end}, netns.Port{NS: wire, Interface: prober}); err != nil {
		return err
	}
	if err := h.set(linkSettings); err != nil {
		return err
	}
	if err := h.relink(k); err != nil {
		return err
	}
	return h.ns.Do(func() error {
		i, err := net.InterfaceByName(linuxIf)
		if err == nil {
			h.index = i.Index
		}
		return err
	})
}

// relink switches on what package netns switched off and starts the link anew
// with it.
func (h *linux) relink(k knobs) error {
	const conf = "net/ipv6/conf/" + linuxIf
	var list [][2]string
	if k.detect {
		list = append(list, [2]string{conf + "/accept_dad", "1"}, [2]string{conf + "/dad_transmits", "1"})
	}
	if k.autoconf {
		list = append(list, [2]string{conf + "/accept_ra", "1"}, [2]string{conf + "/autoconf", "1"},
			[2]string{conf + "/router_solicitations", "3"}, [2]string{conf + "/router_solicitation_interval", "1"},
			[2]string{conf + "/router_solicitation_delay", "0"})
	}
	if len(list) == 0 {
		return nil
	}
	if err := h.set(list); err != nil {
		return err
	}
	if err := h.setLink(false); err != nil {
		return err
	}
	return h.setLink(true)
}

// set writes sysctls; older kernels lack some.
func (h *linux) set(settings [][2]string) error {
	for _, s := range settings {
		if err := h.ns.SetSysctl(s[0], s[1]); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// wait lets the shortened time pass.
func (h *linux) wait(shortened, _ time.Duration) { <-time.After(shortened) }

func (h *linux) setLink(up bool) error {
	if up {
		return h.ns.SetUp(linuxIf)
	}
	return h.ns.SetDown(linuxIf)
}

func (h *linux) close() {
	for _, s := range h.sockets {
		_ = s.conn.Close()
	}
	_ = h.ns.Close()
}

// linuxSocket is a UDP socket of the kernel.
type linuxSocket struct {
	h      *linux
	v6     bool
	conn   *net.UDPConn
	joined map[netip.Addr]filter
}

// Options that package syscall does not name (<linux/in.h>, <linux/in6.h>).
const (
	ipMulticastAll   = 49
	ipv6MulticastAll = 29

	mcastJoinGroup   = 42
	mcastBlockSource = 43
	mcastLeaveGroup  = 45
	mcastJoinSource  = 46
	mcastMSFilter    = 48
)

func (h *linux) listen(a netip.AddrPort) (socket, error) {
	s := &linuxSocket{h: h, v6: a.Addr().Is6(), joined: make(map[netip.Addr]filter)}
	network, level, all := "udp4", syscall.IPPROTO_IP, ipMulticastAll
	if s.v6 {
		network, level, all = "udp6", syscall.IPPROTO_IPV6, ipv6MulticastAll
	}
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		cerr := c.Control(func(fd uintptr) {
			err = errors.Join(
				syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1),
				syscall.SetsockoptInt(int(fd), level, all, 0), // its own memberships count alone
			)
		})
		return errors.Join(cerr, err)
	}}
	err := h.ns.Do(func() error {
		c, err := lc.ListenPacket(context.Background(), network, a.String())
		if err == nil {
			s.conn = c.(*net.UDPConn)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	h.sockets = append(h.sockets, s)
	return s, nil
}

func (s *linuxSocket) send(dst netip.AddrPort, data []byte) error {
	if dst.Addr().IsMulticast() {
		if err := s.multicastIf(); err != nil {
			return err
		}
	}
	_, err := s.conn.WriteToUDPAddrPort(data, dst)
	if errors.Is(err, syscall.ENETUNREACH) {
		return errNoRoute
	}
	return err
}

// multicastIf makes the kernel send to groups from the only interface, which no
// route does.
func (s *linuxSocket) multicastIf() error {
	return s.control(func(fd int) error {
		if s.v6 {
			return syscall.SetsockoptInt(fd, syscall.IPPROTO_IPV6, syscall.IPV6_MULTICAST_IF, s.h.index)
		}
		return syscall.SetsockoptIPMreqn(fd, syscall.IPPROTO_IP, syscall.IP_MULTICAST_IF, &syscall.IPMreqn{Ifindex: int32(s.h.index)})
	})
}

func (s *linuxSocket) received() ([]datagram, error) {
	rc, err := s.conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	var in []datagram
	buf := make([]byte, 65536)
	cerr := rc.Read(func(fd uintptr) bool {
		for {
			n, from, rerr := syscall.Recvfrom(int(fd), buf, syscall.MSG_DONTWAIT)
			if rerr != nil {
				if rerr != syscall.EAGAIN {
					err = rerr
				}
				return true
			}
			in = append(in, datagram{src: addrPort(from), data: slices.Clone(buf[:n])})
		}
	})
	return in, errors.Join(cerr, err)
}

func addrPort(a syscall.Sockaddr) netip.AddrPort {
	switch a := a.(type) {
	case *syscall.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *syscall.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port))
	}
	return netip.AddrPort{}
}

func (s *linuxSocket) control(do func(fd int) error) error {
	rc, err := s.conn.SyscallConn()
	if err != nil {
		return err
	}
	cerr := rc.Control(func(fd uintptr) { err = do(int(fd)) })
	return errors.Join(cerr, err)
}

// filter joins where there was no membership, and otherwise sets the whole
// filter at once (RFC 3678 section 5.2).
func (s *linuxSocket) filter(group netip.Addr, f filter) error {
	old := s.joined[group]
	s.joined[group] = f
	switch {
	case old.exclude || len(old.sources) > 0:
		if !f.exclude && len(f.sources) == 0 {
			return s.option(mcastLeaveGroup, s.request(group))
		}
		return s.option(mcastMSFilter, s.sourceFilter(group, f))
	case f.exclude:
		err := s.option(mcastJoinGroup, s.request(group))
		for _, a := range f.sources {
			err = errors.Join(err, s.option(mcastBlockSource, s.request(group, a)))
		}
		return err
	}
	var err error
	for _, a := range f.sources {
		err = errors.Join(err, s.option(mcastJoinSource, s.request(group, a)))
	}
	return err
}

func (s *linuxSocket) option(name int, value []byte) error {
	level := syscall.IPPROTO_IP
	if s.v6 {
		level = syscall.IPPROTO_IPV6
	}
	err := s.control(func(fd int) error { return syscall.SetsockoptString(fd, level, name, string(value)) })
	if err != nil {
		return fmt.Errorf("option %d: %w", name, err)
	}
	return nil
}

// request is a group_req, or with a source a group_source_req.
func (s *linuxSocket) request(addrs ...netip.Addr) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(s.h.index))
	b = append(b, 0, 0, 0, 0) // alignment
	for _, a := range addrs {
		b = appendSockaddr(b, a)
	}
	return b
}

// sourceFilter is a group_filter.
func (s *linuxSocket) sourceFilter(group netip.Addr, f filter) []byte {
	mode := uint32(1) // MCAST_INCLUDE
	if f.exclude {
		mode = 0
	}
	b := s.request(group)
	b = binary.NativeEndian.AppendUint32(b, mode)
	b = binary.NativeEndian.AppendUint32(b, uint32(len(f.sources)))
	for _, a := range f.sources {
		b = appendSockaddr(b, a)
	}
	return b
}

// appendSockaddr appends a sockaddr_storage.
func appendSockaddr(b []byte, a netip.Addr) []byte {
	var s [128]byte
	if a.Is4() {
		binary.NativeEndian.PutUint16(s[:], syscall.AF_INET)
		copy(s[4:], a.AsSlice())
	} else {
		binary.NativeEndian.PutUint16(s[:], syscall.AF_INET6)
		copy(s[8:], a.AsSlice())
	}
	return append(b, s[:]...)
}

// kernelRelease is the first two numbers of the running kernel's version.
func kernelRelease() (string, error) {
	b, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return "", err
	}
	var major, minor int
	if _, err := fmt.Sscanf(string(b), "%d.%d", &major, &minor); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d.%d", major, minor), nil
}
