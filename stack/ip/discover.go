package ip

import (
	"net/netip"
	"slices"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/ip/neigh"
	"github.com/mpstack/mpstack/wire/inet"
)

// CauseRouterSolicit is the cause of router solicitations.
const CauseRouterSolicit machine.Cause = "ip/ndp/router-solicit"

// Protocol constants of RFC 4861 section 10 and RFC 4862 section 5.5.3.
const (
	solicitDelay    = time.Second     // MAX_RTR_SOLICITATION_DELAY
	solicitInterval = 4 * time.Second // RTR_SOLICITATION_INTERVAL
	solicitNum      = 3               // MAX_RTR_SOLICITATIONS
	twoHours        = 2 * time.Hour
)

// discovery is what an interface knows from router advertisements.
type discovery struct {
	left     int            // solicitations still to send
	routers  []netip.Addr   // default routers, in the order in which they were heard
	prefixes []netip.Prefix // on the link
}

// startDiscovery begins to ask for routers, where the interface is to find
// them and can ask (RFC 4861 section 6.3.7).
func (m *Machine) startDiscovery(now machine.Time, f *iface) {
	if f.found == nil || !f.up || f.linkLocal.IsUnspecified() {
		return
	}
	f.found.left = solicitNum
	m.timers.Set(timer{kind: timerSolicit, index: f.index}, now.Add(m.random(0, solicitDelay)))
}

func (m *Machine) solicitRouters(now machine.Time, f *iface) {
	h := header{src: f.linkLocal, dst: allRouters6, proto: inet.ProtoICMPv6, ttl: hopLimitNDP}
	var err error
	m.scratch, err = inet.RouterSolicitation{LinkAddr: f.mac, HasLinkAddr: true}.AppendTo(m.scratch[:0], h.src, h.dst)
	m.pushMessage(f, inet.MulticastMAC(h.dst), &h, err, CauseRouterSolicit)
	m.counters.RouterSolicits++
	if f.found.left--; f.found.left > 0 {
		m.timers.Set(timer{kind: timerSolicit, index: f.index}, now.Add(solicitInterval))
	}
}

// handleRouterAdvertisement takes in what a router says (RFC 4861 section
// 6.3.4).
func (m *Machine) handleRouterAdvertisement(now machine.Time, p *packet, msg inet.ICMP) {
	f := p.in
	if f.found == nil {
		m.counters.DropRouterMessage++
		return
	}
	ra, err := inet.ParseRouterAdvertisement(msg)
	if err != nil || p.ttl != hopLimitNDP || p.looped || !p.src.IsLinkLocalUnicast() ||
		ra.HasLinkAddr && (ra.LinkAddr.IsMulticast() || ra.LinkAddr.IsZero()) {
		m.counters.DropNDP++
		return
	}
	m.counters.RouterAdvertsHeard++
	if ra.HopLimit != 0 {
		f.hopLimit = ra.HopLimit
	}
	if ra.ReachableTime > 0 || ra.RetransTimer > 0 {
		m.neigh.Configure(now, f.index, min(ra.ReachableTime, time.Hour), min(ra.RetransTimer, time.Hour))
	}
	if ra.MTU >= minMTU6 && int64(ra.MTU) <= int64(f.mtu) {
		f.mtu6 = int(ra.MTU)
	}
	key := neigh.Key{If: f.index, Addr: p.src}
	if ra.HasLinkAddr {
		m.neigh.HandleSolicitation(now, key, ra.LinkAddr)
	}
	m.routesChanged(m.routes.found(key))
	if ra.RouterLifetime > 0 {
		m.timers.Stop(timer{kind: timerSolicit, index: f.index})
	}
	m.setRouter(now, f, p.src, ra.RouterLifetime)
	for rest := ra.Options; len(rest) > 0; {
		o, after, err := inet.NextNDPOption(rest)
		if err != nil { // they were walked before
			return
		}
		if info, err := inet.ParsePrefixInformation(o); err == nil {
			m.setPrefix(now, f, &info)
		}
		rest = after
	}
}

// hostPrefix returns the prefix that is one address.
func hostPrefix(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

var defaultRoute6 = netip.PrefixFrom(netip.IPv6Unspecified(), 0)

// setRouter adds, refreshes or removes a default router.
func (m *Machine) setRouter(now machine.Time, f *iface, addr netip.Addr, lifetime time.Duration) {
	key := timer{timerRouter, f.index, hostPrefix(addr)}
	known := slices.Contains(f.found.routers, addr)
	switch {
	case lifetime == 0 && known:
		m.timers.Stop(key)
		m.removeRouter(f, addr)
		return
	case lifetime == 0:
		return
	case !known && len(f.found.routers) >= m.cfg.MaxRouters:
		m.counters.DropRouterLimit++
		return
	case !known:
		f.found.routers = append(f.found.routers, addr)
		if m.routes.add(defaultRoute6, route{via: addr, out: f, metric: advertisedMetric, origin: RouteAdvertised}) {
			m.routeChanged(defaultRoute6)
		}
	}
	m.timers.Set(key, now.Add(lifetime))
}

// removeRouter forgets a default router.
func (m *Machine) removeRouter(f *iface, addr netip.Addr) {
	f.found.routers = slices.DeleteFunc(f.found.routers, func(a netip.Addr) bool { return a == addr })
	if m.routes.remove(defaultRoute6, addr, f, RouteAdvertised) {
		m.routeChanged(defaultRoute6)
	}
}

// noRouter forgets a default router that advertises itself as a host (RFC 4861
// section 7.3.3).
func (m *Machine) noRouter(f *iface, addr netip.Addr) {
	if f.found != nil && slices.Contains(f.found.routers, addr) {
		m.timers.Stop(timer{timerRouter, f.index, hostPrefix(addr)})
		m.removeRouter(f, addr)
	}
}

// setPrefix takes in an advertised prefix: as on the link (RFC 4861 section
// 6.3.4), and to form an address from (RFC 4862 section 5.5.3).
func (m *Machine) setPrefix(now machine.Time, f *iface, info *inet.PrefixInformation) {
	if a := info.Prefix.Addr(); a.IsLinkLocalUnicast() || a.IsMulticast() || a.Is4In6() {
		m.counters.DropPrefix++
		return
	}
	if info.OnLink {
		m.setOnLink(now, f, info.Prefix, info.ValidLifetime)
	}
	switch {
	case !info.Autonomous:
	case info.Prefix.Bits() != 64 || info.PreferredLifetime > info.ValidLifetime:
		m.counters.DropPrefix++
	default:
		m.setAutoAddress(now, f, info)
	}
}

func (m *Machine) setOnLink(now machine.Time, f *iface, p netip.Prefix, valid time.Duration) {
	key := timer{timerOnLink, f.index, p}
	known := slices.Contains(f.found.prefixes, p)
	switch {
	case valid == 0 && known:
		m.timers.Stop(key)
		m.removeOnLink(f, p)
		return
	case valid == 0:
		return
	case !known && len(f.found.prefixes) >= m.cfg.MaxPrefixes:
		m.counters.DropPrefixLimit++
		return
	case !known:
		f.found.prefixes = append(f.found.prefixes, p)
		if m.routes.add(p, route{out: f, origin: RouteAdvertised}) {
			m.routeChanged(p)
		}
	}
	m.until(key, now, valid)
}

func (m *Machine) removeOnLink(f *iface, p netip.Prefix) {
	f.found.prefixes = slices.DeleteFunc(f.found.prefixes, func(q netip.Prefix) bool { return q == p })
	if m.routes.remove(p, netip.Addr{}, f, RouteAdvertised) {
		m.routeChanged(p)
	}
}

// until sets a timer for a lifetime, which may have no end.
func (m *Machine) until(key timer, now machine.Time, lifetime time.Duration) {
	if lifetime >= inet.NDPInfinite {
		m.timers.Stop(key)
		return
	}
	m.timers.Set(key, now.Add(lifetime))
}

// deadline returns the end of a lifetime, 0 for none.
func deadline(now machine.Time, lifetime time.Duration) machine.Time {
	if lifetime >= inet.NDPInfinite {
		return 0
	}
	return now.Add(lifetime)
}

// autoAddress returns the address of a prefix whose interface identifier is
// made from the Ethernet address (RFC 4862 section 5.5.3 d, RFC 2464 section 4).
func (f *iface) autoAddress(p netip.Prefix) netip.Addr {
	b, id := p.Addr().As16(), inet.LinkLocal(f.mac).As16()
	copy(b[8:], id[8:])
	return netip.AddrFrom16(b)
}

// setAutoAddress forms an address, or refreshes the one that was formed.
func (m *Machine) setAutoAddress(now machine.Time, f *iface, info *inet.PrefixInformation) {
	addr := f.autoAddress(info.Prefix)
	a := f.address(addr)
	switch {
	case a != nil && !a.auto: // given by hand
		return
	case a != nil:
		m.renew(now, f, a, info)
		return
	case info.ValidLifetime == 0:
		return
	case m.local[addr] != nil:
		m.counters.DropPrefix++
		return
	case f.autoCount() >= m.cfg.MaxPrefixes:
		m.counters.DropPrefixLimit++
		return
	}
	a = &address{prefix: netip.PrefixFrom(addr, 64), auto: true, valid: deadline(now, info.ValidLifetime), preferred: deadline(now, info.PreferredLifetime)}
	m.addAddress(now, f, a)
	if a.state == AddrPreferred { // it was not to be checked
		m.tellAddress(f, a, actReady)
	}
	m.checkLifetime(now, f, a)
}

func (f *iface) autoCount() (n int) {
	for _, a := range f.all {
		if a.auto {
			n++
		}
	}
	return n
}

// renew sets the lifetimes of an address that was formed. Who cannot prove to
// be the router shortens the valid one to two hours at most (RFC 4862 section
// 5.5.3 e).
func (m *Machine) renew(now machine.Time, f *iface, a *address, info *inet.PrefixInformation) {
	a.preferred = deadline(now, info.PreferredLifetime)
	left := inet.NDPInfinite
	if a.valid != 0 {
		left = a.valid.Sub(now)
	}
	switch {
	case info.ValidLifetime > twoHours || info.ValidLifetime > left:
		a.valid = deadline(now, info.ValidLifetime)
	case left > twoHours:
		a.valid = now.Add(twoHours)
	}
	if a.state == AddrDeprecated && (a.preferred == 0 || a.preferred > now) {
		m.fireAddr(now, f, a, evRenewed)
	}
	m.checkLifetime(now, f, a)
}

// checkLifetime lets an address age, and asks to be called when it does next.
func (m *Machine) checkLifetime(now machine.Time, f *iface, a *address) {
	key := timer{timerLifetime, f.index, a.prefix}
	switch {
	case a.valid != 0 && a.valid <= now:
		m.timers.Stop(key)
		m.removeAddress(now, f, a)
	case a.preferred != 0 && a.preferred <= now:
		m.fireAddr(now, f, a, evAged)
		if a.valid != 0 {
			m.timers.Set(key, a.valid)
		}
	case a.preferred != 0:
		m.timers.Set(key, a.preferred)
	case a.valid != 0:
		m.timers.Set(key, a.valid)
	default:
		m.timers.Stop(key)
	}
}
