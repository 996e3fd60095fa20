package ip

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/ip/neigh"
	"github.com/mpstack/mpstack/wire/igmp"
	"github.com/mpstack/mpstack/wire/inet"
)

// Causes of router advertisements.
const (
	CauseRouterAdvertise machine.Cause = "ip/ndp/router-advertise"
	CauseRouterCease     machine.Cause = "ip/ndp/router-cease"
)

// Protocol constants of RFC 4861 section 10, and defaults of section 6.2.1.
const (
	initialInterval = 16 * time.Second       // MAX_INITIAL_RTR_ADVERT_INTERVAL
	initialNum      = 3                      // MAX_INITIAL_RTR_ADVERTISEMENTS
	advertiseApart  = 3 * time.Second        // MIN_DELAY_BETWEEN_RAS
	answerDelay     = 500 * time.Millisecond // MAX_RA_DELAY_TIME

	DefaultAdvertiseInterval = 600 * time.Second
	DefaultAdvertiseHopLimit = 64
	DefaultValidLifetime     = 30 * 24 * time.Hour
	DefaultPreferredLifetime = 7 * 24 * time.Hour
)

// Advertise is what a router advertises on an interface (RFC 4861 section
// 6.2.1). Zero values stand for the defaults.
type Advertise struct {
	Interval time.Duration // MaxRtrAdvInterval, 4 s to 30 min; 10 min
	Lifetime time.Duration // as a default router, up to 18.2 h; three intervals. Below 0: not a default router
	HopLimit uint8         // 64
	// Prefixes are on the link, and for addresses where they are 64 bits long.
	// Nil stands for those of the interface's own addresses.
	Prefixes         []netip.Prefix
	Valid, Preferred time.Duration // of the prefixes; 30 and 7 days
}

func (a *Advertise) check() error {
	if a.Interval != 0 && (a.Interval < 4*time.Second || a.Interval > 30*time.Minute) || a.Lifetime > 0xffff*time.Second ||
		a.Lifetime > 0 && a.Lifetime < a.Interval || a.Valid < 0 || a.Valid > inet.NDPInfinite || a.Preferred < 0 || a.Preferred > inet.NDPInfinite {
		return ErrInterface
	}
	for _, p := range a.Prefixes {
		if !p.IsValid() || !p.Addr().Is6() || p.Addr().Is4In6() || p.Addr().IsMulticast() || p.Addr().IsLinkLocalUnicast() {
			return ErrAddress
		}
	}
	return nil
}

// setDefaults returns a with what the zero values stand for.
func (a Advertise) setDefaults() Advertise {
	a.Interval = cmp.Or(a.Interval, DefaultAdvertiseInterval)
	a.Lifetime = max(cmp.Or(a.Lifetime, 3*a.Interval), 0)
	a.HopLimit = cmp.Or(a.HopLimit, DefaultAdvertiseHopLimit)
	a.Valid = cmp.Or(a.Valid, DefaultValidLifetime)
	a.Preferred = min(cmp.Or(a.Preferred, DefaultPreferredLifetime), a.Valid)
	a.Prefixes = slices.Clone(a.Prefixes)
	return a
}

// advertiser is a router's side of router discovery on an interface.
type advertiser struct {
	Advertise
	sent int          // advertisements since the beginning, as far as they count
	last machine.Time // when the last one was sent
}

// Advertise begins, changes or, where a is nil, ends a router's
// advertisements on an interface. At the end hosts are told (RFC 4861 section
// 6.2.5).
func (m *Machine) Advertise(now machine.Time, index int, a *Advertise) error {
	now = m.begin(now)
	f := m.iface(index)
	switch {
	case f == nil:
		return ErrNoInterface
	case m.router == nil || !f.v6:
		return ErrInterface
	}
	if a == nil {
		m.stopAdvertising(f)
		return nil
	}
	if err := a.check(); err != nil {
		return err
	}
	f.adv = &advertiser{Advertise: a.setDefaults()}
	m.startAdvertising(now, f)
	return nil
}

// startAdvertising sends the first advertisement, where the interface is to
// send them and can.
func (m *Machine) startAdvertising(now machine.Time, f *iface) {
	if f.adv == nil || !f.up || f.linkLocal.IsUnspecified() {
		return
	}
	f.adv.sent = 0
	m.advertise(now, f)
}

func (m *Machine) stopAdvertising(f *iface) {
	if f.adv == nil {
		return
	}
	m.timers.Stop(timer{kind: timerAdvertise, index: f.index})
	if f.up && !f.linkLocal.IsUnspecified() {
		f.adv.Lifetime = 0
		m.pushAdvertisement(f, CauseRouterCease)
	}
	f.adv = nil
}

// advertise sends an advertisement to all hosts and sets the time of the next
// one (RFC 4861 section 6.2.4).
func (m *Machine) advertise(now machine.Time, f *iface) {
	m.pushAdvertisement(f, CauseRouterAdvertise)
	a := f.adv
	a.last = now
	least := a.Interval
	if a.Interval >= 9*time.Second {
		least = a.Interval / 3
	}
	next := m.random(least, a.Interval)
	if a.sent++; a.sent < initialNum {
		next = min(next, initialInterval)
	}
	m.timers.Set(timer{kind: timerAdvertise, index: f.index}, now.Add(next))
}

func (m *Machine) pushAdvertisement(f *iface, cause machine.Cause) {
	m.counters.RouterAdvertsSent++
	h := header{src: f.linkLocal, dst: igmp.AllNodes6, proto: inet.ProtoICMPv6, ttl: hopLimitNDP}
	options, err := f.advertisedOptions()
	if err == nil {
		m.scratch, err = inet.RouterAdvertisement{HopLimit: f.adv.HopLimit, RouterLifetime: f.adv.Lifetime, Options: options}.AppendTo(m.scratch[:0], h.src, h.dst)
	}
	m.pushMessage(f, inet.MulticastMAC(h.dst), &h, err, cause)
}

// advertisedOptions returns the options of an advertisement: link address, MTU
// and prefixes.
func (f *iface) advertisedOptions() ([]byte, error) {
	b := append([]byte{inet.NDPOptSourceLink, 1}, f.mac[:]...)
	b = append(b, inet.NDPOptMTU, 1, 0, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(f.mtu))
	var err error
	for _, p := range f.advertisedPrefixes() {
		info := inet.PrefixInformation{Prefix: p, OnLink: true, Autonomous: p.Bits() == 64,
			ValidLifetime: f.adv.Valid, PreferredLifetime: f.adv.Preferred}
		if b, err = info.AppendTo(b); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (f *iface) advertisedPrefixes() []netip.Prefix {
	if f.adv.Prefixes != nil {
		return f.adv.Prefixes
	}
	var list []netip.Prefix
	seen := make(map[netip.Prefix]bool)
	for _, a := range f.all {
		if p := a.prefix.Masked(); a.addr().Is6() && !a.linkLocal && a.state.usable() && !seen[p] {
			seen[p] = true
			list = append(list, p)
		}
	}
	return list
}

// handleRouterSolicitation answers a host that asks for routers: all hosts
// hear the answer, after a random delay and not sooner than three seconds after
// the last one (RFC 4861 section 6.2.6).
func (m *Machine) handleRouterSolicitation(now machine.Time, p *packet, msg inet.ICMP) {
	f := p.in
	if f.adv == nil || f.linkLocal.IsUnspecified() {
		m.counters.DropRouterMessage++
		return
	}
	rs, err := inet.ParseRouterSolicitation(msg)
	if err != nil || p.ttl != hopLimitNDP || p.looped || rs.HasLinkAddr && (p.src.IsUnspecified() || rs.LinkAddr.IsMulticast() || rs.LinkAddr.IsZero()) {
		m.counters.DropNDP++
		return
	}
	m.counters.RouterSolicitsHeard++
	if rs.HasLinkAddr && f.onLink(p.src) {
		m.neigh.HandleSolicitation(now, neigh.Key{If: f.index, Addr: p.src}, rs.LinkAddr)
	}
	at := max(now, f.adv.last.Add(advertiseApart)).Add(m.random(0, answerDelay))
	key := timer{kind: timerAdvertise, index: f.index}
	if due, armed := m.timers.At(key); !armed || at < due {
		m.timers.Set(key, at)
	}
}
