package ip

import (
	"net/netip"
	"slices"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire/inet"
)

// Least MTUs: RFC 1122 section 3.3.2 and RFC 8200 section 5.
const (
	minMTU4 = 576
	minMTU6 = 1280
)

// Groups of all routers on a link (RFC 1112, RFC 4291 section 2.7.1).
var (
	allRouters4 = netip.AddrFrom4([4]byte{224, 0, 0, 2})
	allRouters6 = netip.AddrFrom16([16]byte{0: 0xff, 1: 0x02, 15: 0x02})
)

// iface is an interface. addrs does not hold linkLocal.
type iface struct {
	index     int
	name      string
	mac       inet.MAC
	mtu       int
	up        bool
	addrs     []netip.Prefix
	v4, v6    bool
	linkLocal netip.Addr // invalid without IPv6
}

// InterfaceInfo describes an interface.
type InterfaceInfo struct {
	Index     int
	Name      string
	MAC       inet.MAC
	MTU       int
	Addrs     []netip.Prefix // as configured, without the link-local address
	LinkLocal netip.Addr     // invalid without IPv6
	Up        bool
}

func (f *iface) info() InterfaceInfo {
	return InterfaceInfo{Index: f.index, Name: f.name, MAC: f.mac, MTU: f.mtu,
		Addrs: slices.Clone(f.addrs), LinkLocal: f.linkLocal, Up: f.up}
}

// has reports whether the interface speaks the family.
func (f *iface) has(v6 bool) bool {
	if v6 {
		return f.v6
	}
	return f.v4
}

// mtuOf returns the greatest packet of a family.
func (f *iface) mtuOf(v6 bool) int { return f.mtu }

// owns reports whether addr is an address of the interface.
func (f *iface) owns(addr netip.Addr) bool {
	return addr == f.linkLocal && addr.IsValid() ||
		slices.ContainsFunc(f.addrs, func(p netip.Prefix) bool { return p.Addr() == addr })
}

// onLink reports whether addr is in a prefix of the interface.
func (f *iface) onLink(addr netip.Addr) bool {
	if f.v6 && addr.Is6() && addr.IsLinkLocalUnicast() {
		return true
	}
	return slices.ContainsFunc(f.addrs, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// isBroadcast reports whether addr is a broadcast address of the interface.
func (f *iface) isBroadcast(addr netip.Addr) bool {
	if !addr.Is4() {
		return false
	}
	if addr == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return true
	}
	return slices.ContainsFunc(f.addrs, func(p netip.Prefix) bool {
		return p.Contains(addr) && p.Bits() < 31 && addr == lastAddr4(p)
	})
}

// lastAddr4 returns the last address of an IPv4 prefix.
func lastAddr4(p netip.Prefix) netip.Addr {
	if !p.Addr().Is4() {
		return netip.Addr{}
	}
	a := p.Addr().As4()
	for i := range a {
		bits := min(max(p.Bits()-8*i, 0), 8)
		a[i] |= 0xff >> bits
	}
	return netip.AddrFrom4(a)
}

// source returns the interface's address for packets to dst whose next hop is
// hop: of dst's scope, and if possible of the hop's prefix.
func (f *iface) source(dst, hop netip.Addr) (netip.Addr, bool) {
	v6 := dst.Is6()
	if v6 && f.v6 && (dst.IsLinkLocalUnicast() || dst.IsLinkLocalMulticast()) {
		return f.linkLocal, true
	}
	var first netip.Addr
	for _, p := range f.addrs {
		if p.Addr().Is6() != v6 {
			continue
		}
		if p.Contains(hop) {
			return p.Addr(), true
		}
		if !first.IsValid() {
			first = p.Addr()
		}
	}
	if !first.IsValid() && v6 {
		first = f.linkLocal
	}
	return first, first.IsValid()
}

// AddInterface adds an interface. What it says first: a router that is up
// queries membership.
func (m *Machine) AddInterface(now machine.Time, in Interface) error {
	now = m.begin(now)
	f, err := m.newIface(&in)
	if err != nil {
		return err
	}
	i, _ := slices.BinarySearchFunc(m.ifaces, f.index, func(f *iface, index int) int { return f.index - index })
	m.ifaces = slices.Insert(m.ifaces, i, f)
	for _, p := range f.addrs {
		m.local[p.Addr()] = f
		m.routes.add(p.Masked(), route{out: f, origin: RouteConnected})
	}
	m.startGroups(now, f)
	m.drain(now)
	return nil
}

func (m *Machine) newIface(in *Interface) (*iface, error) {
	if in.Index < 1 || m.iface(in.Index) != nil || in.MAC.IsMulticast() || in.MAC.IsZero() {
		return nil, ErrInterface
	}
	f := &iface{index: in.Index, name: in.Name, mac: in.MAC, mtu: in.MTU, up: in.Up}
	for i, p := range in.Addrs {
		a := p.Addr()
		if err := m.checkAddr(p); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(in.Addrs[:i], func(q netip.Prefix) bool { return q.Addr() == a }) {
			return nil, ErrAddressInUse
		}
		f.v4, f.v6 = f.v4 || a.Is4(), f.v6 || a.Is6()
		if a.Is6() && a.IsLinkLocalUnicast() {
			f.linkLocal = a
			continue
		}
		f.addrs = append(f.addrs, p)
	}
	if f.mtu < minMTU4 || f.v6 && f.mtu < minMTU6 {
		return nil, ErrInterface
	}
	if f.v6 && !f.linkLocal.IsValid() {
		f.linkLocal = inet.LinkLocal(f.mac)
	}
	return f, nil
}

func (m *Machine) checkAddr(p netip.Prefix) error {
	a := p.Addr()
	switch {
	case !p.IsValid(), a.IsMulticast(), a.IsUnspecified(), a.IsLoopback(), a.Is4In6(), a.Zone() != "":
		return ErrAddress
	case a.Is4() && p.Bits() < 31 && (a == p.Masked().Addr() || a == lastAddr4(p)):
		return ErrAddress
	case m.local[a] != nil:
		return ErrAddressInUse
	}
	return nil
}

// startGroups tells the membership machines of a new interface.
func (m *Machine) startGroups(now machine.Time, f *iface) {
	for _, v6 := range [...]bool{false, true} {
		if !f.has(v6) {
			continue
		}
		m.host.AddInterface(now, f.index, v6, f.mtu, f.up)
		for _, g := range m.ownGroups(f, v6) {
			// A failure is the group table's limit, which it counts.
			if m.cfg.AnnounceOwnGroups {
				_ = m.host.Join(now, f.index, g, netip.Addr{})
			} else {
				_ = m.host.JoinOwn(now, f.index, g)
			}
		}
		if m.router != nil {
			src, _ := f.source(allRouters(v6), netip.Addr{})
			m.router.AddInterface(now, f.index, src, f.mtu, f.up)
		}
	}
}

func allRouters(v6 bool) netip.Addr {
	if v6 {
		return allRouters6
	}
	return allRouters4
}

// ownGroups returns the groups that IP itself listens to on the interface.
func (m *Machine) ownGroups(f *iface, v6 bool) []netip.Addr {
	var groups []netip.Addr
	if m.router != nil {
		groups = append(groups, allRouters(v6))
	}
	if !v6 {
		return groups
	}
	groups = append(groups, inet.SolicitedNode(f.linkLocal))
	for _, p := range f.addrs {
		if g := inet.SolicitedNode(p.Addr()); g.IsValid() && !slices.Contains(groups, g) {
			groups = append(groups, g)
		}
	}
	return groups
}

// HandleLinkChange takes in that an interface went up or down. While it is
// down nothing is sent or received on it and its routes do not count; its
// neighbours are forgotten; its memberships stay and are reported anew.
func (m *Machine) HandleLinkChange(now machine.Time, index int, up bool) {
	now = m.begin(now)
	f := m.iface(index)
	if f == nil || f.up == up {
		return
	}
	f.up = up
	if !up {
		m.neigh.HandleFlush(now, index)
	}
	m.host.HandleLinkChange(now, index, up)
	if m.router != nil {
		m.router.HandleLinkChange(now, index, up)
	}
	m.routeChanged(netip.Prefix{})
	m.drain(now)
}

// iface returns the interface of an index, or nil.
func (m *Machine) iface(index int) *iface {
	i, ok := slices.BinarySearchFunc(m.ifaces, index, func(f *iface, index int) int { return f.index - index })
	if !ok {
		return nil
	}
	return m.ifaces[i]
}

// Interfaces returns all interfaces, sorted by index.
func (m *Machine) Interfaces() []InterfaceInfo {
	all := make([]InterfaceInfo, len(m.ifaces))
	for i, f := range m.ifaces {
		all[i] = f.info()
	}
	return all
}

// Interface returns the interface of an index.
func (m *Machine) Interface(index int) (InterfaceInfo, bool) {
	if f := m.iface(index); f != nil {
		return f.info(), true
	}
	return InterfaceInfo{}, false
}

// InterfaceByAddr returns the interface that has an address.
func (m *Machine) InterfaceByAddr(addr netip.Addr) (InterfaceInfo, bool) {
	if f := m.owner(addr, nil); f != nil {
		return f.info(), true
	}
	return InterfaceInfo{}, false
}

// Address returns the first address of a family on an interface; for IPv6 the
// link-local one where there is no other.
func (m *Machine) Address(index int, v6 bool) (netip.Addr, bool) {
	f := m.iface(index)
	if f == nil {
		return netip.Addr{}, false
	}
	for _, p := range f.addrs {
		if p.Addr().Is6() == v6 {
			return p.Addr(), true
		}
	}
	return f.linkLocal, v6 && f.v6
}

// LinkLocal returns the IPv6 link-local address of an interface.
func (m *Machine) LinkLocal(index int) (netip.Addr, bool) {
	if f := m.iface(index); f != nil && f.v6 {
		return f.linkLocal, true
	}
	return netip.Addr{}, false
}

// IsLocal reports whether addr is an address of this node.
func (m *Machine) IsLocal(addr netip.Addr) bool { return m.owner(addr, nil) != nil }

// MTU returns the MTU of an interface, 0 where there is none.
func (m *Machine) MTU(index int) int {
	if f := m.iface(index); f != nil {
		return f.mtu
	}
	return 0
}

// owner returns the interface that has addr. Link-local addresses are looked
// for on the interface given alone, or on all where it is nil.
func (m *Machine) owner(addr netip.Addr, on *iface) *iface {
	if f := m.local[addr]; f != nil {
		return f
	}
	if !addr.Is6() || !addr.IsLinkLocalUnicast() {
		return nil
	}
	if on != nil {
		if addr == on.linkLocal {
			return on
		}
		return nil
	}
	for _, f := range m.ifaces {
		if addr == f.linkLocal {
			return f
		}
	}
	return nil
}
