package ip

import (
	"errors"
	"net/netip"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/ip/neigh"
	"github.com/mpstack/mpstack/wire/inet"
)

// Tags of packets in the neighbour table.
const (
	tagOwn       = iota // of this node: a binding learns that it was not sent
	tagForwarded        // of another node: ICMP tells it
	tagUncut            // of this node, and not to be sent in fragments
)

// header is what an IP header to build says.
type header struct {
	src, dst    netip.Addr
	proto       uint8
	ttl, tos    uint8
	routerAlert bool
	df          bool
	probe       bool
}

// tag returns the tag of packets with the header.
func (h *header) tag() uint64 {
	if h.df || h.probe {
		return tagUncut
	}
	return tagOwn
}

// target is where a packet goes.
type target struct {
	out   *iface
	hop   netip.Addr
	local bool // to this node: out is where dst is
}

// HandleSend sends an IP packet. It is refused where there is no route or
// address for it, where it exceeds 65,535 bytes and, with DF, where it exceeds
// the path MTU. A packet to one of our own addresses is delivered here; one to
// a group goes out alone.
func (m *Machine) HandleSend(now machine.Time, p Packet) error {
	now = m.begin(now)
	t, src, err := m.resolveTarget(p.Src, p.Dst, p.OutIf)
	if err != nil {
		return err
	}
	h := header{src: src, dst: p.Dst, proto: p.Proto, ttl: p.TTL, tos: p.TOS, routerAlert: p.RouterAlert,
		df: p.DF || p.Probe, probe: p.Probe}
	start, err := m.build(t.out, &h, len(p.Payload))
	if err != nil {
		return err
	}
	m.arena = append(m.arena, p.Payload...)
	m.dispatch(now, t, start, p.Cause, h.tag())
	m.drain(now)
	return nil
}

// HandleSendUDP sends a UDP datagram from an address of this node. It is
// refused as HandleSend refuses. A datagram to a group that is joined on the
// interface it leaves by comes back to the bindings here.
func (m *Machine) HandleSendUDP(now machine.Time, d Datagram) error {
	now = m.begin(now)
	t, src, err := m.resolveTarget(d.Src.Addr(), d.Dst.Addr(), d.OutIf)
	switch {
	case err != nil:
		return err
	case d.Src.Port() == 0 || d.Dst.Port() == 0:
		return ErrAddress
	case !m.IsLocal(src):
		return ErrAddressNotAvailable
	}
	h := header{src: src, dst: d.Dst.Addr(), proto: inet.ProtoUDP, ttl: d.TTL, tos: d.TOS, df: d.DF || d.Probe, probe: d.Probe}
	start, err := m.build(t.out, &h, inet.HeaderLenUDP+len(d.Payload))
	if err != nil {
		return err
	}
	u := inet.UDP{SrcPort: d.Src.Port(), DstPort: d.Dst.Port()}
	if m.arena, err = u.AppendTo(m.arena, src, h.dst, d.Payload); err != nil {
		m.arena = m.arena[:start]
		return err
	}
	loop := h.dst.IsMulticast() && (isAllHosts(h.dst) || m.host.Receives(t.out.index, h.dst, src))
	packet := m.arena[start+inet.HeaderLenEthernet : len(m.arena) : len(m.arena)]
	m.dispatch(now, t, start, d.Cause, h.tag())
	if loop {
		m.loopBack(now, t.out, packet)
	}
	m.drain(now)
	return nil
}

// resolveTarget finds interface, next hop and source address.
func (m *Machine) resolveTarget(src, dst netip.Addr, outIf int) (target, netip.Addr, error) {
	none := netip.Addr{}
	if !dst.IsValid() || dst.IsUnspecified() || dst.Is4In6() || dst.Zone() != "" {
		return target{}, none, ErrAddress
	}
	if src.IsValid() && (src.Is4() != dst.Is4() || src.IsMulticast() || src.Zone() != "") {
		return target{}, none, ErrAddress
	}
	var on *iface
	if outIf != 0 {
		if on = m.iface(outIf); on == nil {
			return target{}, none, ErrNoInterface
		}
	}
	t, err := m.route(dst, on)
	if err != nil {
		return target{}, none, err
	}
	if src.IsValid() && !src.IsUnspecified() {
		return t, src, nil
	}
	if t.local {
		return t, dst, nil
	}
	if src, ok := t.out.source(dst, t.hop); ok {
		return t, src, nil
	}
	return target{}, none, ErrAddressNotAvailable
}

// route finds interface and next hop for dst, by on alone where it is given.
func (m *Machine) route(dst netip.Addr, on *iface) (target, error) {
	if f := m.owner(dst, on); f != nil {
		return target{out: f, hop: dst, local: true}, nil
	}
	switch {
	case on != nil && !on.up:
		return target{}, ErrInterfaceDown
	case on != nil && !on.has(dst.Is6()):
		return target{}, ErrNoRoute
	case on != nil && (dst.IsMulticast() || on.isBroadcast(dst)):
		return target{out: on, hop: dst}, nil
	case dst.Is6() && dst.IsLinkLocalUnicast():
		return m.routeLinkLocal(dst, on)
	}
	if r, ok := m.routes.lookup(dst, on); ok {
		hop := dst
		if r.via.IsValid() && !dst.IsMulticast() && !r.out.isBroadcast(dst) {
			hop = r.via
		}
		return target{out: r.out, hop: hop}, nil
	}
	if dst.IsMulticast() {
		for _, f := range m.ifaces {
			if f.up && f.has(dst.Is6()) {
				return target{out: f, hop: dst}, nil
			}
		}
	}
	return target{}, ErrNoRoute
}

// routeLinkLocal finds the interface for a link-local address: the one given,
// or the only one there is.
func (m *Machine) routeLinkLocal(dst netip.Addr, on *iface) (target, error) {
	if on == nil {
		for _, f := range m.ifaces {
			if f.up && f.v6 {
				if on != nil {
					return target{}, ErrNoRoute
				}
				on = f
			}
		}
	}
	if on == nil || !on.v6 {
		return target{}, ErrNoRoute
	}
	return target{out: on, hop: dst}, nil
}

// RouteTo tells how packets to dst leave: by which interface, from which
// source address, to which next hop. A group goes by its route or else by the
// first interface that is up and speaks its family.
func (m *Machine) RouteTo(dst netip.Addr) (outIf int, src, nextHop netip.Addr, ok bool) {
	t, src, err := m.resolveTarget(netip.Addr{}, dst, 0)
	if err != nil {
		return 0, netip.Addr{}, netip.Addr{}, false
	}
	return t.out.index, src, t.hop, true
}

// frame begins a frame on an interface: an Ethernet header whose destination
// transmit fills in. It returns where the frame starts.
func (m *Machine) frame(out *iface, v6 bool) (start int) {
	start = len(m.arena)
	h := inet.Ethernet{Src: out.mac, Type: inet.EtherTypeIPv4}
	if v6 {
		h.Type = inet.EtherTypeIPv6
	}
	m.arena = h.AppendTo(m.arena)
	return start
}

// build begins a frame with an IP packet of payloadLen bytes, which the caller
// appends.
func (m *Machine) build(out *iface, h *header, payloadLen int) (start int, err error) {
	start = m.frame(out, h.dst.Is6())
	if h.ttl == 0 {
		h.ttl = out.defaultTTL(h.dst)
	}
	n := 0
	if h.dst.Is4() {
		x := h.ipv4(&m.ipID)
		n = x.WireLen()
		m.arena, err = x.AppendTo(m.arena, payloadLen)
	} else {
		x := h.ipv6()
		n = x.WireLen()
		m.arena, err = x.AppendTo(m.arena, payloadLen)
	}
	if errors.Is(err, inet.ErrTooLong) || h.df && n+payloadLen > m.limit(out, h) {
		err = ErrMessageTooBig
	}
	if err != nil {
		m.arena = m.arena[:start]
	}
	return start, err
}

// defaultTTL returns the lifetime of packets that name none.
func (f *iface) defaultTTL(dst netip.Addr) uint8 {
	switch {
	case dst.IsMulticast():
		return DefaultMulticastTTL
	case dst.Is6() && f.hopLimit != 0:
		return f.hopLimit
	}
	return DefaultTTL
}

// limit returns the greatest packet with the header that is sent uncut.
func (m *Machine) limit(out *iface, h *header) int {
	if h.probe {
		return out.mtuOf(h.dst.Is6())
	}
	return m.mtuTo(out, h.dst)
}

// ipv4 returns the header in IPv4. Packets with DF need no identification (RFC
// 6864 section 4.1).
func (h *header) ipv4(id *uint16) inet.IPv4 {
	x := inet.IPv4{TOS: h.tos, TTL: h.ttl, Proto: h.proto, Src: h.src, Dst: h.dst, RouterAlert: h.routerAlert, DF: h.df}
	if !h.df {
		*id++
		x.ID = *id
	}
	return x
}

func (h *header) ipv6() inet.IPv6 {
	x := inet.IPv6{TrafficClass: h.tos, HopLimit: h.ttl, NextHeader: h.proto, Src: h.src, Dst: h.dst, RouterAlert: h.routerAlert}
	if h.proto == inet.ProtoRSVP {
		x.RouterAlertValue = inet.RouterAlertRSVP
	}
	return x
}

// dispatch sends the frame at m.arena[start:], or delivers its packet here.
func (m *Machine) dispatch(now machine.Time, t target, start int, cause machine.Cause, tag uint64) {
	if t.local {
		m.loopBack(now, t.out, m.arena[start+inet.HeaderLenEthernet:len(m.arena):len(m.arena)])
		return
	}
	m.transmit(now, t.out, t.hop, start, cause, tag)
}

// loopBack takes in a packet of our own as if received on an interface.
func (m *Machine) loopBack(now machine.Time, f *iface, b []byte) {
	m.counters.LoopedBack++
	p := packet{in: f, looped: true}
	if err := p.parse(b); err != nil {
		m.counters.DropEncode++
		return
	}
	m.deliver(now, &p)
}

// transmit sends the frame at m.arena[start:], the last one there, to its next
// hop. Where that has to be resolved first, the neighbour table takes a copy.
func (m *Machine) transmit(now machine.Time, out *iface, hop netip.Addr, start int, cause machine.Cause, tag uint64) {
	frame := m.arena[start:len(m.arena):len(m.arena)]
	mac := inet.MulticastMAC(hop)
	if mac.IsZero() && out.isBroadcast(hop) {
		mac = inet.Broadcast
	}
	if !out.up {
		m.counters.DropInterfaceDown++
		m.arena = m.arena[:start]
		return
	}
	if mac.IsZero() {
		var ok bool
		mac, ok = m.neigh.Resolve(now, neigh.Key{If: out.index, Addr: hop},
			neigh.Packet{Data: frame[inet.HeaderLenEthernet:], Cause: cause, Tag: tag})
		if !ok {
			m.arena = m.arena[:start]
			return
		}
	}
	m.emit(out, mac, start, cause, tag)
}

// emit sends the frame at m.arena[start:], the last one there, to mac: in
// fragments where it is too large for its way.
func (m *Machine) emit(out *iface, mac inet.MAC, start int, cause machine.Cause, tag uint64) {
	frame := m.arena[start:len(m.arena):len(m.arena)]
	packet := frame[inet.HeaderLenEthernet:]
	mtu := out.mtuOf(packet[0]>>4 == 6)
	if tag == tagOwn && len(m.pmtu.entries) > 0 {
		mtu = m.mtuTo(out, packetDst(packet))
	}
	if len(packet) > mtu && tag != tagUncut {
		m.pushFragments(out, mac, packet, mtu, cause)
		return
	}
	m.push(out, mac, frame, cause)
}

// push emits a frame whose destination it fills in.
func (m *Machine) push(out *iface, mac inet.MAC, frame []byte, cause machine.Cause) {
	copy(frame, mac[:])
	m.counters.FramesOut++
	m.out.Push(Output{Kind: KindFrame, If: out.index, Data: frame, Cause: cause})
}

// sendMessage sends a message that this node's own protocols made. Failures
// are counted: there is nobody to tell.
func (m *Machine) sendMessage(now machine.Time, out *iface, hop netip.Addr, h *header, payload []byte, cause machine.Cause) {
	start, err := m.build(out, h, len(payload))
	if err != nil {
		m.counters.DropEncode++
		return
	}
	m.arena = append(m.arena, payload...)
	m.transmit(now, out, hop, start, cause, h.tag())
}
