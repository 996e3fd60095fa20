package ip

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire/inet"
)

// PathMTUAge is how long a path MTU is believed after the last error that told
// it. Then the next packet as large as the link allows is the probe (RFC 1191
// section 6.3, RFC 8201 section 5.3).
const PathMTUAge = 10 * time.Minute

// pathMTU is what is known of the way to a destination.
type pathMTU struct {
	mtu   int
	until machine.Time
}

// pathMTUs are the path MTUs that are lower than those of the links. Old ones
// are not removed when their time is up but no longer looked at, so that they
// need no timer.
type pathMTUs struct {
	entries map[netip.Addr]pathMTU
}

func (t *pathMTUs) lookup(now machine.Time, dst netip.Addr) (int, bool) {
	if len(t.entries) == 0 {
		return 0, false
	}
	e, ok := t.entries[dst]
	return e.mtu, ok && now < e.until
}

// set records a path MTU. Where there are most already, the oldest gives way,
// and set reports it unless its time was up.
func (t *pathMTUs) set(now machine.Time, dst netip.Addr, mtu, most int) (evicted bool) {
	if _, ok := t.entries[dst]; !ok && len(t.entries) >= most {
		evicted = t.evict(now)
	}
	if t.entries == nil {
		t.entries = make(map[netip.Addr]pathMTU)
	}
	t.entries[dst] = pathMTU{mtu: mtu, until: now.Add(PathMTUAge)}
	return evicted
}

func (t *pathMTUs) evict(now machine.Time) bool {
	var victim netip.Addr
	var until machine.Time
	for dst, e := range t.entries {
		if !victim.IsValid() || cmp.Or(cmp.Compare(e.until, until), dst.Compare(victim)) < 0 {
			victim, until = dst, e.until
		}
	}
	delete(t.entries, victim)
	return now < until
}

// PathMTU returns the greatest IP packet that can go to dst in one piece, as
// far as is known: the MTU of the link it leaves by, or what a router on the
// path said in the last ten minutes. It is 0 where there is no route.
func (m *Machine) PathMTU(dst netip.Addr) int {
	t, err := m.route(dst, nil)
	if err != nil {
		return 0
	}
	return m.mtuTo(t.out, dst)
}

// mtuTo returns the greatest packet to dst by the interface out.
func (m *Machine) mtuTo(out *iface, dst netip.Addr) int {
	mtu := out.mtuOf(dst.Is6())
	if path, ok := m.pmtu.lookup(m.clock.Now(), dst); ok {
		return min(mtu, path)
	}
	return mtu
}

// PathMTUInfo is a path MTU that is lower than its link's.
type PathMTUInfo struct {
	Dst     netip.Addr
	MTU     int
	Expires machine.Time
}

// SnapshotPathMTUs returns up to n path MTUs in the order of their destinations, those
// after the given one; the invalid Addr begins.
func (m *Machine) SnapshotPathMTUs(after netip.Addr, n int) []PathMTUInfo {
	var all []PathMTUInfo
	for dst, e := range m.pmtu.entries {
		if m.clock.Now() < e.until && dst.Compare(after) > 0 {
			all = append(all, PathMTUInfo{Dst: dst, MTU: e.mtu, Expires: e.until})
		}
	}
	slices.SortFunc(all, func(a, b PathMTUInfo) int { return a.Dst.Compare(b.Dst) })
	return all[:min(max(n, 0), len(all))]
}

// plateaus are common MTUs (RFC 1191 section 7.1), from which an estimate is
// made where a router does not tell its own.
var plateaus = [...]int{65535, 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68}

// plateau returns the greatest common MTU below n.
func plateau(n int) int {
	for _, p := range plateaus {
		if p < n {
			return p
		}
	}
	return plateaus[len(plateaus)-1]
}

// tooBig4 takes in an ICMPv4 "fragmentation needed" (RFC 1191 section 4).
func (m *Machine) tooBig4(now machine.Time, msg inet.ICMP) {
	q, err := inet.ParseQuote(msg.Body)
	if err != nil || q.Src.Is6() {
		m.counters.DropICMP++
		return
	}
	length := int(binary.BigEndian.Uint16(msg.Body[2:]))
	mtu := msg.FragNeededMTU()
	if mtu == 0 {
		mtu = plateau(length)
	}
	m.tooBig(now, &q, length, max(mtu, minMTU4))
}

// tooBig6 takes in a Packet Too Big. One below the minimum MTU is discarded
// (RFC 8201 section 4).
func (m *Machine) tooBig6(now machine.Time, msg inet.ICMP) {
	q, err := inet.ParseQuote(msg.Body)
	if err != nil || q.Src.Is4() {
		m.counters.DropICMP++
		return
	}
	mtu := msg.PacketTooBigMTU()
	if mtu < minMTU6 {
		m.counters.DropPathMTU++
		return
	}
	length := inet.HeaderLenIPv6 + int(binary.BigEndian.Uint16(msg.Body[4:]))
	m.tooBig(now, &q, length, int(min(mtu, 0xffff)))
}

// tooBig records that a packet of a length did not pass, and tells who sent
// it. Believed is what is about a packet that may have been ours and that the
// MTU would have kept from passing; an MTU never grows by it, and destinations
// on the link itself have none but the link's.
func (m *Machine) tooBig(now machine.Time, q *inet.Quote, length, mtu int) {
	b, sent := m.sender(q)
	switch {
	case !sent:
		m.counters.DropICMPUnmatched++
		return
	case length <= mtu || !forwardable(q.Dst) || q.Dst.IsLinkLocalMulticast() || m.IsLocal(q.Dst):
		m.counters.DropPathMTU++
		return
	}
	if known := m.PathMTU(q.Dst); known > 0 && mtu <= known {
		m.counters.PathMTUs++
		if m.pmtu.set(now, q.Dst, mtu, m.cfg.MaxPathMTUs) {
			m.counters.PathMTUsEvicted++
		}
	}
	if b != nil {
		m.pushUnreachable(b, q, ReasonPacketTooBig, mtu, CauseErrorReceived)
	}
}
