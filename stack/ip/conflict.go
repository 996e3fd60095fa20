package ip

import (
	"net/netip"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire/inet"
)

// Causes of the frames that check and defend addresses.
const (
	CauseARPAddressProbe machine.Cause = "ip/arp/address-probe"
	CauseARPAnnounce     machine.Cause = "ip/arp/announce"
	CauseARPDefend       machine.Cause = "ip/arp/defend"
	CauseNDPAddressProbe machine.Cause = "ip/ndp/address-probe"
)

// Protocol constants of RFC 5227 section 1.1.
const (
	probeWait        = time.Second // PROBE_WAIT
	probeNum         = 3           // PROBE_NUM
	probeMin         = time.Second // PROBE_MIN
	probeMax         = 2 * time.Second
	announceWait     = 2 * time.Second  // ANNOUNCE_WAIT
	announceNum      = 2                // ANNOUNCE_NUM
	announceInterval = 2 * time.Second  // ANNOUNCE_INTERVAL
	defendInterval   = 10 * time.Second // DEFEND_INTERVAL
)

// Protocol constants of RFC 4862 section 5.1 and RFC 4861 section 10.
const (
	dadTransmits = 1           // DupAddrDetectTransmits
	dadDelay     = time.Second // MAX_RTR_SOLICITATION_DELAY
	dadRetrans   = time.Second // RETRANS_TIMER
)

// random draws from [from, to).
func (m *Machine) random(from, to time.Duration) time.Duration {
	if m.cfg.Rand == nil || to <= from {
		return from
	}
	return from + time.Duration(m.cfg.Rand.Int64N(int64(to-from)))
}

// probeAddr does the part of fireAddr that probes and announces.
func (m *Machine) probeAddr(now machine.Time, f *iface, a *address, act addrAction) {
	v6 := a.addr().Is6()
	key := timer{timerProbe, f.index, a.prefix}
	switch {
	case act&actSchedule != 0 && v6:
		a.left = dadTransmits
		m.timers.Set(key, now.Add(m.random(0, dadDelay)))
	case act&actSchedule != 0:
		a.left = probeNum
		m.timers.Set(key, now.Add(m.random(0, probeWait)))
	case act&actProbe != 0:
		a.left--
		m.counters.AddressProbes++
		switch {
		case v6:
			m.probeNDP(f, a)
			m.timers.Set(key, now.Add(dadRetrans))
		case a.left > 0:
			m.probeARP(f, a)
			m.timers.Set(key, now.Add(m.random(probeMin, probeMax)))
		default:
			m.probeARP(f, a)
			m.timers.Set(key, now.Add(announceWait))
		}
	case act&actAnnounce != 0 && !v6:
		if act&actUse != 0 {
			a.left = announceNum
		}
		if a.left--; a.left > 0 {
			m.timers.Set(key, now.Add(announceInterval))
		}
		m.announceARP(f, a, CauseARPAnnounce)
	case act&actDefend != 0 && !v6:
		a.defended = now
		m.announceARP(f, a, CauseARPDefend)
	}
}

// probeTimer is the end of a probe's or announcement's time.
func (m *Machine) probeTimer(now machine.Time, f *iface, a *address) {
	if a.state == AddrTentative && a.left == 0 {
		m.fireAddr(now, f, a, evChecked)
		m.checkLifetime(now, f, a)
		return
	}
	m.fireAddr(now, f, a, evTimeout)
}

// probeARP asks whether somebody has an address (RFC 5227 section 2.1.1).
func (m *Machine) probeARP(f *iface, a *address) {
	m.pushARP(f, inet.Broadcast, inet.ARP{Op: inet.ARPRequest, SenderMAC: f.mac, SenderIP: netip.IPv4Unspecified(),
		TargetIP: a.addr()}, CauseARPAddressProbe)
}

// announceARP tells that an address is ours (RFC 5227 section 2.3).
func (m *Machine) announceARP(f *iface, a *address, cause machine.Cause) {
	m.counters.AddressAnnouncements++
	m.pushARP(f, inet.Broadcast, inet.ARP{Op: inet.ARPRequest, SenderMAC: f.mac, SenderIP: a.addr(), TargetIP: a.addr()}, cause)
}

// probeNDP asks whether somebody has an address (RFC 4862 section 5.4.2).
func (m *Machine) probeNDP(f *iface, a *address) {
	h := header{src: netip.IPv6Unspecified(), dst: inet.SolicitedNode(a.addr()), proto: inet.ProtoICMPv6, ttl: hopLimitNDP}
	var err error
	m.scratch, err = inet.NeighborSolicitation{Target: a.addr()}.AppendTo(m.scratch[:0], h.src, h.dst)
	m.pushMessage(f, inet.MulticastMAC(h.dst), &h, err, CauseNDPAddressProbe)
}

// conflict takes in that somebody else uses an address of f. An address in use
// is defended once in ten seconds; where the other goes on meanwhile, a host
// gives it up, while a router, on which others depend, goes on (RFC 5227
// section 2.4 b and c).
func (m *Machine) conflict(now machine.Time, f *iface, a *address) {
	m.counters.DropAddressConflict++
	if !f.detect {
		return
	}
	ev := evConflict
	if a.state.usable() && a.defended != 0 && now.Sub(a.defended) < defendInterval {
		if m.router != nil {
			return
		}
		ev = evLost
	}
	m.fireAddr(now, f, a, ev)
}

// conflictARP reports whether an ARP packet shows that somebody else uses one
// of our addresses, or is about to use one that we are about to use.
func (m *Machine) conflictARP(now machine.Time, f *iface, p *inet.ARP) bool {
	if a := f.address(p.SenderIP); a != nil && a.state != AddrNone && a.state != AddrDuplicate {
		m.conflict(now, f, a)
		return true
	}
	if m.owner(p.SenderIP, f) != nil { // of another interface of ours
		m.counters.DropAddressConflict++
		return true
	}
	if p.Op == inet.ARPRequest && p.SenderIP.IsUnspecified() {
		if a := f.address(p.TargetIP); a != nil && a.state == AddrTentative {
			m.conflict(now, f, a)
			return true
		}
	}
	return false
}

// conflictNDP takes in that target, an address that is being checked, is
// claimed by another: by an advertisement of it, or by a check of its own (RFC
// 4862 section 5.4.3). It reports whether target is being checked.
func (m *Machine) conflictNDP(now machine.Time, f *iface, target netip.Addr, claimed bool) bool {
	a := f.address(target)
	if a == nil || a.state != AddrTentative {
		return false
	}
	if claimed {
		m.conflict(now, f, a)
	} else {
		m.counters.DropNotOurs++ // resolution of an address that is nobody's yet
	}
	return true
}
