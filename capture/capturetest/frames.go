package capturetest

import (
	"net/netip"

	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/wire/igmp"
	"github.com/mpstack/mpstack/wire/inet"
	"github.com/mpstack/mpstack/wire/mpj"
)

// Builder builds Ethernet frames. Its first failure stays in Err, and later
// calls return nothing.
type Builder struct{ Err error }

// MAC returns the address that the frames here give a host: 02:00 and the last
// four bytes of its IP address.
func MAC(a netip.Addr) inet.MAC {
	b := a.AsSlice()
	m := inet.MAC{0: 0x02}
	copy(m[2:], b[len(b)-4:])
	return m
}

// done passes b on unless something failed.
func (f *Builder) done(b []byte, err error) []byte {
	if f.Err == nil {
		f.Err = err
	}
	if f.Err != nil {
		return nil
	}
	return b
}

// Packet is what IP frames have in common.
type Packet struct {
	Src, Dst    netip.Addr
	TTL         uint8
	RouterAlert bool
	TOS         uint8
	DF          bool
}

// IP returns a frame with an IP packet.
func (f *Builder) IP(p Packet, proto uint8, payload []byte) []byte {
	if f.Err != nil {
		return nil
	}
	eth := inet.Ethernet{Src: MAC(p.Src), Dst: MAC(p.Dst), Type: inet.EtherTypeIPv4}
	if p.Dst.IsMulticast() {
		eth.Dst = inet.MulticastMAC(p.Dst)
	}
	if p.Dst.Is4() {
		h := inet.IPv4{TOS: p.TOS, ID: 0x1234, DF: p.DF, TTL: p.TTL, Proto: proto, Src: p.Src, Dst: p.Dst, RouterAlert: p.RouterAlert}
		b := f.done(h.AppendTo(eth.AppendTo(nil), len(payload)))
		return append(b, payload...)
	}
	eth.Type = inet.EtherTypeIPv6
	h := inet.IPv6{TrafficClass: p.TOS, HopLimit: p.TTL, Src: p.Src, Dst: p.Dst, NextHeader: proto, RouterAlert: p.RouterAlert}
	if proto == inet.ProtoRSVP {
		h.RouterAlertValue = inet.RouterAlertRSVP
	}
	b := f.done(h.AppendTo(eth.AppendTo(nil), len(payload)))
	return append(b, payload...)
}

// UDP returns a frame with a datagram.
func (f *Builder) UDP(src, dst netip.AddrPort, ttl uint8, payload []byte) []byte {
	u := inet.UDP{SrcPort: src.Port(), DstPort: dst.Port()}
	b := f.done(u.AppendTo(nil, src.Addr(), dst.Addr(), payload))
	return f.IP(Packet{Src: src.Addr(), Dst: dst.Addr(), TTL: ttl, DF: true}, inet.ProtoUDP, b)
}

// MPJ returns a frame with an MPJ message between the hosts.
func (f *Builder) MPJ(src, dst netip.Addr, m *mpj.Message) []byte {
	b := f.done(m.AppendTo(nil))
	return f.UDP(netip.AddrPortFrom(src, mpj.Port), netip.AddrPortFrom(dst, mpj.Port), mpj.TTL, b)
}

// RSVP returns a frame with an RSVP message; those that routers on the path
// examine have Router Alert, and the IP TTL is the message's.
func (f *Builder) RSVP(src, dst netip.Addr, m *rsvp.Message) []byte {
	b := f.done(m.AppendTo(nil))
	return f.IP(Packet{Src: src, Dst: dst, TTL: m.SendTTL, RouterAlert: m.Type.RouterAlert()}, inet.ProtoRSVP, b)
}

// Membership returns a frame with an IGMP or MLD message.
func (f *Builder) Membership(src, dst netip.Addr, m *igmp.Message) []byte {
	p := Packet{Src: src, Dst: dst, TTL: igmp.TTL, RouterAlert: true}
	if dst.Is4() {
		p.TOS = igmp.TOS
		return f.IP(p, inet.ProtoIGMP, f.done(m.AppendIGMP(nil)))
	}
	return f.IP(p, inet.ProtoICMPv6, f.done(m.AppendMLD(nil, src, dst)))
}

// ARP returns a frame with an ARP packet, broadcast if it is a request.
func (f *Builder) ARP(a inet.ARP) []byte {
	eth := inet.Ethernet{Src: a.SenderMAC, Dst: a.TargetMAC, Type: inet.EtherTypeARP}
	if a.Op == inet.ARPRequest {
		eth.Dst = inet.Broadcast
	}
	return f.done(a.AppendTo(eth.AppendTo(nil)))
}

// ICMPv6 returns a frame with a message that append writes, such as a
// neighbor solicitation's AppendTo.
func (f *Builder) ICMPv6(src, dst netip.Addr, ttl uint8, write func(b []byte, src, dst netip.Addr) ([]byte, error)) []byte {
	return f.IP(Packet{Src: src, Dst: dst, TTL: ttl}, inet.ProtoICMPv6, f.done(write(nil, src, dst)))
}
