package cli

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/mpstack/mpstack/internal/netns"
	wiremp "github.com/mpstack/mpstack/wire/mpj"
)

// defaultPort is a name's port where none is given.
const defaultPort = 5000

// check reads the flags that both commands have, and refuses what cannot work,
// before anything is opened.
func (s *session) check() error {
	switch {
	case s.backend != backendRaw && s.backend != backendTAP:
		return usage("--backend %s: there are raw and tap", s.backend)
	case s.limit < 0:
		return usage("--for %v: give a time above zero, such as 90s", s.limit)
	case len(s.data) > wiremp.MaxUserData:
		return usage("--data: %d bytes are more than the %d that a join carries", len(s.data), wiremp.MaxUserData)
	}
	if err := s.checkAddrs(); err != nil {
		return err
	}
	if err := s.checkGateways(); err != nil {
		return err
	}
	return s.checkIface()
}

func (s *session) checkAddrs() error {
	kernel := kernelAddrs()
	for _, text := range s.addrs {
		p, err := netip.ParsePrefix(text)
		a := p.Addr()
		switch {
		case err != nil:
			return usage("--addr %s: give ADDRESS/LENGTH, such as 10.0.0.1/24 or fd00::1/64", text)
		case a.IsLinkLocalUnicast():
			return usage("--addr %s: it is link-local, by which no session can be named: give another", text)
		case !isHost(a) || a.Is4() && p.Bits() < 31 && (a == p.Masked().Addr() || a == broadcast(p)):
			return usage("--addr %s: it is no host's address: give one such as 10.0.0.1/24", text)
		case slices.Contains(kernel, a):
			return usage("--addr %s: the kernel has this address: give a free one of the same network", text)
		case slices.ContainsFunc(s.mine, func(q netip.Prefix) bool { return q.Addr() == a }):
			return usage("--addr %s is given twice", text)
		}
		s.mine = append(s.mine, p)
	}
	return nil
}

// isHost reports whether a can be a host's address on a link.
func isHost(a netip.Addr) bool {
	return a.IsValid() && !a.IsUnspecified() && !a.IsMulticast() && !a.IsLoopback() && !a.Is4In6() && a.Zone() == "" &&
		a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// broadcast returns the last address of an IPv4 network.
func broadcast(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	for i := range 32 - p.Bits() {
		b[3-i/8] |= 1 << (i % 8)
	}
	return netip.AddrFrom4(b)
}

// kernelAddrs returns the addresses of the kernel's own stack.
func kernelAddrs() []netip.Addr {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var all []netip.Addr
	for _, a := range list {
		if n, ok := a.(*net.IPNet); ok {
			ip, _ := netip.AddrFromSlice(n.IP)
			all = append(all, ip.Unmap())
		}
	}
	return all
}

func (s *session) checkGateways() error {
	for _, text := range s.gateway {
		via, err := netip.ParseAddr(text)
		switch {
		case err != nil || !isHost(via):
			return usage("--gateway %s: give a router's address", text)
		case !s.onLink(via):
			return usage("--gateway %s: it is in no network of --addr: give a neighbour", text)
		case slices.ContainsFunc(s.via, func(a netip.Addr) bool { return a.Is6() == via.Is6() }):
			return usage("--gateway %s: a second one of its family", text)
		}
		s.via = append(s.via, via)
	}
	return nil
}

// onLink reports whether a is in a network of ours.
func (s *session) onLink(a netip.Addr) bool {
	return slices.ContainsFunc(s.mine, func(p netip.Prefix) bool { return p.Masked().Contains(a) })
}

// isOurs reports whether a is one of our own addresses.
func (s *session) isOurs(a netip.Addr) bool {
	return slices.ContainsFunc(s.mine, func(p netip.Prefix) bool { return p.Addr() == a })
}

// checkIface asks that a raw interface is there, Ethernet and up, and that a
// TAP device is not there yet.
func (s *session) checkIface() error {
	ifi, err := net.InterfaceByName(s.iface)
	switch {
	case s.backend == backendTAP && err == nil:
		return usage("--iface %s: it is there already: give the name of a TAP device to make, or take --backend raw", s.iface)
	case s.backend == backendTAP && (s.iface == "" || len(s.iface) > netns.MaxName || strings.ContainsAny(s.iface, "/%: \t\n") || strings.Trim(s.iface, ".") == ""):
		return usage("--iface %q: an interface's name has 1 to %d bytes, no blanks and none of / : %%", s.iface, netns.MaxName)
	case s.backend == backendTAP:
		return nil
	case err != nil:
		return usage("--iface %s: there is no such interface: there are %s", s.iface, strings.Join(interfaceNames(), ", "))
	case len(ifi.HardwareAddr) != 6:
		return usage("--iface %s: it is no Ethernet: take a network card, a veth or a TAP device", s.iface)
	case ifi.Flags&net.FlagUp == 0:
		return usage("--iface %s: it is down: ip link set %s up", s.iface, s.iface)
	}
	return nil
}

func interfaceNames() []string {
	list, _ := net.Interfaces()
	var names []string
	for _, ifi := range list {
		names = append(names, ifi.Name)
	}
	return names
}

// parseName reads ADDRESS, ADDRESS:PORT, [ADDRESS] or [ADDRESS]:PORT.
func parseName(text string) (netip.AddrPort, error) {
	bare := text
	if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
		bare = text[1 : len(text)-1]
	}
	a, err := netip.ParseAddr(bare)
	name := netip.AddrPortFrom(a, defaultPort)
	if err != nil {
		name, err = netip.ParseAddrPort(text)
	}
	switch a = name.Addr(); {
	case err != nil:
		return name, usage("--name %s: give ADDRESS or ADDRESS:PORT, with IPv6 [ADDRESS]:PORT", text)
	case a.IsLinkLocalUnicast():
		return name, usage("--name %s: it is link-local, by which no session can be named: give another", text)
	case !isHost(a):
		return name, usage("--name %s: it is no host's address", text)
	}
	return name, nil
}

// hasFamily reports whether one of our addresses is of a's family.
func (s *session) hasFamily(a netip.Addr) bool {
	return slices.ContainsFunc(s.mine, func(p netip.Prefix) bool { return p.Addr().Is6() == a.Is6() })
}

// why says what ended a wait: a signal, or --for.
func (s *session) why(ctx context.Context) string {
	if ctx.Err() == context.DeadlineExceeded {
		return "within --for " + s.limit.String()
	}
	return "before we were stopped"
}
