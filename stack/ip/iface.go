package ip

import (
	"math/bits"
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

// iface is an interface.
type iface struct {
	index     int
	name      string
	mac       inet.MAC
	mtu       int
	mtu6      int   // as a router advertises it; 0 for mtu
	hopLimit  uint8 // of IPv6 packets, as a router advertises it; 0 for DefaultTTL
	up        bool
	added     bool // AddInterface is done with it
	detect    bool // addresses are checked before they are used
	v4, v6    bool
	all       []*address
	addrs     []netip.Prefix // those of all that can be used but linkLocal, the deprecated ones last
	linkLocal netip.Addr     // invalid without IPv6; unspecified while it cannot be used
	boundary  []netip.Prefix // multicast that is not forwarded over the interface
	scope     uint8          // IPv6 multicast of this scope or less is not either
	threshold uint8          // nor what has no greater lifetime than this
	found     *discovery     // nil: routers are not looked for
	adv       *advertiser    // nil: nothing is advertised
}

// InterfaceInfo describes an interface.
type InterfaceInfo struct {
	Index     int
	Name      string
	MAC       inet.MAC
	MTU       int
	Addrs     []netip.Prefix // that can be used, without the link-local address
	LinkLocal netip.Addr     // invalid without IPv6, and while it is being checked
	MTU6      int            // greatest IPv6 packet: MTU, or less where a router advertises it
	Up        bool
}

func (f *iface) info() InterfaceInfo {
	x := InterfaceInfo{Index: f.index, Name: f.name, MAC: f.mac, MTU: f.mtu, MTU6: f.mtuOf(true), Addrs: slices.Clone(f.addrs), Up: f.up}
	if !f.linkLocal.IsUnspecified() {
		x.LinkLocal = f.linkLocal
	}
	return x
}

// has reports whether the interface speaks the family.
func (f *iface) has(v6 bool) bool {
	if v6 {
		return f.v6
	}
	return f.v4
}

// mtuOf returns the greatest packet of a family.
func (f *iface) mtuOf(v6 bool) int {
	if v6 && f.mtu6 > 0 {
		return f.mtu6
	}
	return f.mtu
}

// owns reports whether addr is an address of the interface.
func (f *iface) owns(addr netip.Addr) bool {
	return addr == f.linkLocal && addr.IsValid() && !addr.IsUnspecified() ||
		slices.ContainsFunc(f.addrs, func(p netip.Prefix) bool { return p.Addr() == addr })
}

// onLink reports whether addr is in a prefix of the interface.
func (f *iface) onLink(addr netip.Addr) bool {
	if f.v6 && addr.Is6() && addr.IsLinkLocalUnicast() {
		return true
	}
	contains := func(p netip.Prefix) bool { return p.Contains(addr) }
	return slices.ContainsFunc(f.addrs, contains) || f.found != nil && slices.ContainsFunc(f.found.prefixes, contains)
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
// hop: of dst's scope, and if possible of the hop's prefix; in IPv6 else the
// one that has most in common with dst (RFC 6724 section 5, rules 2, 3 and 8).
func (f *iface) source(dst, hop netip.Addr) (netip.Addr, bool) {
	v6 := dst.Is6()
	if v6 && f.v6 && (dst.IsLinkLocalUnicast() || dst.IsLinkLocalMulticast()) {
		return f.linkLocal, !f.linkLocal.IsUnspecified()
	}
	var best netip.Addr
	most, old := 0, false
	for _, p := range f.addrs {
		if p.Addr().Is6() != v6 {
			continue
		}
		if p.Contains(hop) {
			return p.Addr(), true
		}
		if best.IsValid() && (!v6 || f.found == nil) {
			continue
		}
		common, deprecated := commonBits(p.Addr(), dst), f.deprecated(p.Addr())
		if !best.IsValid() || common > most && deprecated == old { // the deprecated ones are last
			best, most, old = p.Addr(), common, deprecated
		}
	}
	if !best.IsValid() && v6 && !f.linkLocal.IsUnspecified() {
		best = f.linkLocal
	}
	return best, best.IsValid()
}

func (f *iface) deprecated(addr netip.Addr) bool {
	a := f.address(addr)
	return a != nil && a.state == AddrDeprecated
}

// commonBits returns how many leading bits two addresses share, as far as
// IPv6's prefixes go.
func commonBits(a, b netip.Addr) int {
	x, y := a.As16(), b.As16()
	for i := range 8 {
		if d := x[i] ^ y[i]; d != 0 {
			return 8*i + bits.LeadingZeros8(d)
		}
	}
	return 64
}

// AddInterface adds an interface. What it says first: a router that is up
// queries membership and, where it is to, advertises itself; addresses that are
// to be checked are probed, and hosts that are to find routers ask for them.
func (m *Machine) AddInterface(now machine.Time, in Interface) error {
	now = m.begin(now)
	f, err := m.newIface(&in)
	if err != nil {
		return err
	}
	i, _ := slices.BinarySearchFunc(m.ifaces, f.index, func(f *iface, index int) int { return f.index - index })
	m.ifaces = slices.Insert(m.ifaces, i, f)
	if !f.detect {
		m.assignAll(now, f)
	}
	for _, v6 := range [...]bool{false, true} {
		if f.has(v6) {
			m.startFamily(now, f, v6)
		}
	}
	if f.detect {
		m.assignAll(now, f)
	}
	f.added = true
	m.startDiscovery(now, f)
	m.startAdvertising(now, f)
	m.drain(now)
	return nil
}

func (m *Machine) assignAll(now machine.Time, f *iface) {
	for _, a := range f.all {
		m.assign(now, f, a)
	}
}

func (m *Machine) newIface(in *Interface) (*iface, error) {
	if in.Index < 1 || m.iface(in.Index) != nil || in.MAC.IsMulticast() || in.MAC.IsZero() || len(in.Addrs) >= maxAddresses {
		return nil, ErrInterface
	}
	f := &iface{index: in.Index, name: in.Name, mac: in.MAC, mtu: in.MTU, up: in.Up, detect: in.DetectConflicts,
		boundary: slices.Clone(in.Boundary), scope: in.ScopeBoundary, threshold: in.TTLThreshold}
	if slices.ContainsFunc(f.boundary, func(p netip.Prefix) bool { return !p.IsValid() || !p.Addr().IsMulticast() }) || f.scope > 0xf {
		return nil, ErrInterface
	}
	var linkLocal *address
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
			linkLocal = &address{prefix: p, linkLocal: true}
			continue
		}
		f.all = append(f.all, &address{prefix: p})
	}
	f.v6 = f.v6 || in.Autoconf
	if f.mtu < minMTU4 || f.v6 && f.mtu < minMTU6 {
		return nil, ErrInterface
	}
	if f.v6 {
		f.enable(true, linkLocal)
	}
	return f, m.setDiscovery(f, in)
}

// setDiscovery sets the two sides of router discovery: hosts find routers, and
// routers advertise themselves.
func (m *Machine) setDiscovery(f *iface, in *Interface) error {
	if in.Autoconf {
		if m.router != nil {
			return ErrInterface
		}
		f.found = new(discovery)
	}
	if in.Advertise != nil {
		if m.router == nil || !f.v6 {
			return ErrInterface
		}
		if err := in.Advertise.check(); err != nil {
			return err
		}
		f.adv = &advertiser{Advertise: in.Advertise.setDefaults()}
	}
	return nil
}

// enable turns a family on. IPv6 needs a link-local address: a, where it is
// one, or one made from the Ethernet address.
func (f *iface) enable(v6 bool, a *address) {
	if !v6 {
		f.v4 = true
		return
	}
	f.v6, f.linkLocal = true, netip.IPv6Unspecified()
	if a == nil || !a.linkLocal {
		a = &address{prefix: netip.PrefixFrom(inet.LinkLocal(f.mac), 64), linkLocal: true}
	}
	f.all = append(f.all, a)
}

func (m *Machine) checkAddr(p netip.Prefix) error {
	a := p.Addr()
	switch {
	case !p.IsValid(), a.IsMulticast(), a.IsUnspecified(), a.IsLoopback(), a.Is4In6(), a.Zone() != "":
		return ErrAddress
	case a.Is4() && p.Bits() < 31 && (a == p.Masked().Addr() || a == lastAddr4(p)):
		return ErrAddress
	case a.Is6() && a.IsLinkLocalUnicast(): // the same one may be on several links
		return nil
	}
	for _, f := range m.ifaces {
		if f.address(a) != nil {
			return ErrAddressInUse
		}
	}
	return nil
}

// startFamily tells the membership machines that an interface speaks a family.
func (m *Machine) startFamily(now machine.Time, f *iface, v6 bool) {
	m.host.AddInterface(now, f.index, v6, f.mtu, f.up)
	for _, g := range m.ownGroups(f, v6) {
		m.joinOwn(now, f, g)
	}
	m.setQuerier(now, f, v6)
}

// joinOwn joins a group that IP itself needs. A failure is the group table's
// limit, which it counts.
func (m *Machine) joinOwn(now machine.Time, f *iface, g netip.Addr) {
	switch {
	case !g.IsValid():
	case m.cfg.AnnounceOwnGroups:
		_ = m.host.Join(now, f.index, g, netip.Addr{})
	default:
		_ = m.host.JoinOwn(now, f.index, g)
	}
}

// leaveOwn takes back joinOwn. What was refused then is refused again.
func (m *Machine) leaveOwn(now machine.Time, f *iface, g netip.Addr) {
	if m.cfg.AnnounceOwnGroups {
		_ = m.host.Leave(now, f.index, g, netip.Addr{})
	} else {
		_ = m.host.LeaveOwn(now, f.index, g)
	}
}

// setQuerier begins the router side of membership, as soon as there is an
// address to ask from, and changes that address.
func (m *Machine) setQuerier(now machine.Time, f *iface, v6 bool) {
	if m.router == nil {
		return
	}
	if src, ok := f.source(allRouters(v6), netip.Addr{}); ok {
		m.router.AddInterface(now, f.index, src, f.mtu, f.up)
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
	for _, first := range [...]bool{true, false} { // that of the link-local address first
		for _, a := range f.all {
			if g := inet.SolicitedNode(a.addr()); a.linkLocal == first && g.IsValid() && !slices.Contains(groups, g) {
				groups = append(groups, g)
			}
		}
	}
	return groups
}

// HandleLinkChange takes in that an interface went up or down. While it is
// down nothing is sent or received on it and its routes do not count; its
// neighbours are forgotten; its memberships stay and are reported anew. Where
// it detects conflicts, its addresses are checked anew when it is up.
func (m *Machine) HandleLinkChange(now machine.Time, index int, up bool) {
	now = m.begin(now)
	f := m.iface(index)
	if f == nil || f.up == up {
		return
	}
	f.up = up
	if !up {
		m.neigh.HandleFlush(now, index)
		m.stopTimers(f)
	}
	m.host.HandleLinkChange(now, index, up)
	if m.router != nil {
		m.router.HandleLinkChange(now, index, up)
	}
	m.routeChanged(netip.Prefix{})
	if up {
		if f.detect { // RFC 5227 section 2.1, RFC 4862 section 5.4
			for _, a := range f.all {
				m.fireAddr(now, f, a, evCheck)
			}
		}
		m.startDiscovery(now, f)
		m.startAdvertising(now, f)
	}
	m.drain(now)
}

// stopTimers stops what sends on an interface by itself.
func (m *Machine) stopTimers(f *iface) {
	for _, a := range f.all {
		m.timers.Stop(timer{timerProbe, f.index, a.prefix})
	}
	m.timers.Stop(timer{kind: timerSolicit, index: f.index})
	m.timers.Stop(timer{kind: timerAdvertise, index: f.index})
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
	if !v6 || !f.v6 || f.linkLocal.IsUnspecified() {
		return netip.Addr{}, false
	}
	return f.linkLocal, true
}

// LinkLocal returns the IPv6 link-local address of an interface.
func (m *Machine) LinkLocal(index int) (netip.Addr, bool) {
	if f := m.iface(index); f != nil && f.v6 && !f.linkLocal.IsUnspecified() {
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
