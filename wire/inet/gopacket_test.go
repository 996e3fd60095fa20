package inet_test

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/mpstack/mpstack/wire/inet"
)

// gopacket v1.1.19 is the reference where it is right: not for Hop-by-Hop
// headers, options of unusual lengths, UDP checksums that compute to 0, or
// lengths over 65535.

// gopacketUDP has gopacket build an Ethernet frame with a UDP datagram.
func gopacketUDP(t *testing.T, ip gopacket.NetworkLayer, typ layers.EthernetType, u inet.UDP, data []byte) []byte {
	t.Helper()
	udp := &layers.UDP{SrcPort: layers.UDPPort(u.SrcPort), DstPort: layers.UDPPort(u.DstPort)}
	noError(t, udp.SetNetworkLayerForChecksum(ip))
	buf := gopacket.NewSerializeBuffer()
	noError(t, gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		&layers.Ethernet{DstMAC: mac2[:], SrcMAC: mac1[:], EthernetType: typ},
		ip.(gopacket.SerializableLayer), udp, gopacket.Payload(data)))
	return buf.Bytes()
}

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func TestGopacketIPv4UDP(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for range 500 {
		src, dst := netip.AddrFrom4([4]byte(randomBytes(r, 4))), netip.AddrFrom4([4]byte(randomBytes(r, 4)))
		h := inet.IPv4{TOS: uint8(r.Uint32()), ID: uint16(r.Uint32()), DF: r.IntN(2) == 0,
			TTL: uint8(r.Uint32()), Proto: inet.ProtoUDP, Src: src, Dst: dst}
		u := inet.UDP{SrcPort: uint16(r.Uint32()), DstPort: 52205}
		data := randomBytes(r, 60+r.IntN(1000)) // gopacket pads shorter frames
		g := &layers.IPv4{Version: 4, TOS: h.TOS, Id: h.ID, TTL: h.TTL, Protocol: layers.IPProtocolUDP,
			SrcIP: net.IP(src.AsSlice()), DstIP: net.IP(dst.AsSlice())}
		if h.DF {
			g.Flags = layers.IPv4DontFragment
		}
		want := gopacketUDP(t, g, layers.EthernetTypeIPv4, u, data)

		out := inet.Ethernet{Dst: mac2, Src: mac1, Type: inet.EtherTypeIPv4}.AppendTo(nil)
		out, err := h.AppendTo(out, inet.HeaderLenUDP+len(data))
		noError(t, err)
		out, err = u.AppendTo(out, src, dst, data)
		noError(t, err)
		if out[40] != 0xff || out[41] != 0xff { // else gopacket sends 0
			sameBytes(t, "frame", out, want)
		}
	}
}

func TestGopacketIPv6UDP(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for range 500 {
		src, dst := netip.AddrFrom16([16]byte(randomBytes(r, 16))), netip.AddrFrom16([16]byte(randomBytes(r, 16)))
		h := inet.IPv6{TrafficClass: uint8(r.Uint32()), FlowLabel: r.Uint32() & 0xfffff,
			HopLimit: uint8(r.Uint32()), NextHeader: inet.ProtoUDP, Src: src, Dst: dst}
		u := inet.UDP{SrcPort: uint16(r.Uint32()), DstPort: 52205}
		data := randomBytes(r, r.IntN(1000))
		g := &layers.IPv6{Version: 6, TrafficClass: h.TrafficClass, FlowLabel: h.FlowLabel, HopLimit: h.HopLimit,
			NextHeader: layers.IPProtocolUDP, SrcIP: net.IP(src.AsSlice()), DstIP: net.IP(dst.AsSlice())}
		want := gopacketUDP(t, g, layers.EthernetTypeIPv6, u, data)

		out := inet.Ethernet{Dst: mac2, Src: mac1, Type: inet.EtherTypeIPv6}.AppendTo(nil)
		out, err := h.AppendTo(out, inet.HeaderLenUDP+len(data))
		noError(t, err)
		out, err = u.AppendTo(out, src, dst, data)
		noError(t, err)
		if out[60] != 0xff || out[61] != 0xff {
			sameBytes(t, "frame", out, want[:len(out)])
		}
	}
}

// Both read the same from our frames.
func TestGopacketReadsFrames(t *testing.T) {
	for name, b := range frames(t) {
		p := gopacket.NewPacket(b, layers.LayerTypeEthernet, gopacket.Default)
		eth, packet, err := inet.ParseEthernet(b)
		noError(t, err)
		ge := p.Layer(layers.LayerTypeEthernet).(*layers.Ethernet)
		if ge.DstMAC.String() != eth.Dst.String() || ge.SrcMAC.String() != eth.Src.String() {
			t.Errorf("%s: %v, gopacket %v", name, eth, ge)
		}
		if l, ok := p.Layer(layers.LayerTypeDot1Q).(*layers.Dot1Q); ok && l.VLANIdentifier != eth.Tags[0].VLAN() {
			t.Errorf("%s: tag %v, gopacket %+v", name, eth.Tags, l)
		}
		switch l := p.NetworkLayer().(type) {
		case *layers.IPv4:
			h, payload, err := inet.ParseIPv4(packet)
			noError(t, err)
			g := inet.IPv4{TOS: l.TOS, ID: l.Id, DF: l.Flags&layers.IPv4DontFragment != 0, MF: l.Flags&layers.IPv4MoreFragments != 0,
				FragOffset: int(l.FragOffset) * 8, TTL: l.TTL, Proto: uint8(l.Protocol), TotalLen: int(l.Length)}
			g.Src, _ = netip.AddrFromSlice(l.SrcIP)
			g.Dst, _ = netip.AddrFromSlice(l.DstIP)
			for _, o := range l.Options {
				g.RouterAlert = g.RouterAlert || o.OptionType == inet.IPv4OptRouterAlert
			}
			g.Options = h.Options
			same(t, name, h, g)
			sameBytes(t, name+" payload", payload, l.Payload)
		case *layers.IPv6:
			h, _, err := inet.ParseIPv6(packet)
			noError(t, err)
			src, _ := netip.AddrFromSlice(l.SrcIP)
			dst, _ := netip.AddrFromSlice(l.DstIP)
			if h.TrafficClass != l.TrafficClass || h.FlowLabel != l.FlowLabel || h.HopLimit != l.HopLimit ||
				h.PayloadLen != int(l.Length) || h.Src != src || h.Dst != dst {
				t.Errorf("%s: %+v, gopacket %+v", name, h, l)
			}
		}
		if l, ok := p.Layer(layers.LayerTypeARP).(*layers.ARP); ok {
			a, err := inet.ParseARP(packet)
			noError(t, err)
			if a.Op != l.Operation || string(a.SenderMAC[:]) != string(l.SourceHwAddress) || a.TargetIP.String() != net.IP(l.DstProtAddress).String() {
				t.Errorf("%s: %+v, gopacket %+v", name, a, l)
			}
		}
	}
}

func TestGopacketNeighborDiscovery(t *testing.T) {
	all := frames(t)
	for _, name := range []string{"ns", "na", "ra"} {
		p := gopacket.NewPacket(all[name], layers.LayerTypeEthernet, gopacket.Default)
		_, packet, err := inet.ParseEthernet(all[name])
		noError(t, err)
		h, segment, err := inet.ParseIPv6(packet)
		noError(t, err)
		m, err := inet.ParseICMPv6(segment, h.Src, h.Dst)
		noError(t, err)
		v, err := decodeNDP(m)
		noError(t, err)
		switch v := v.(type) {
		case inet.NeighborSolicitation:
			l := p.Layer(layers.LayerTypeICMPv6NeighborSolicitation).(*layers.ICMPv6NeighborSolicitation)
			if v.Target.String() != l.TargetAddress.String() || string(v.LinkAddr[:]) != string(l.Options[0].Data) {
				t.Errorf("%+v, gopacket %+v", v, l)
			}
		case inet.NeighborAdvertisement:
			l := p.Layer(layers.LayerTypeICMPv6NeighborAdvertisement).(*layers.ICMPv6NeighborAdvertisement)
			if v.Target.String() != l.TargetAddress.String() || v.Router != l.Router() || v.Solicited != l.Solicited() || v.Override != l.Override() {
				t.Errorf("%+v, gopacket %+v", v, l)
			}
		case inet.RouterAdvertisement:
			l := p.Layer(layers.LayerTypeICMPv6RouterAdvertisement).(*layers.ICMPv6RouterAdvertisement)
			if v.HopLimit != l.HopLimit || v.RouterLifetime.Seconds() != float64(l.RouterLifetime) ||
				v.ReachableTime.Milliseconds() != int64(l.ReachableTime) || len(l.Options) != 3 {
				t.Errorf("%+v, gopacket %+v", v, l)
			}
		}
	}
}

// gopacketWrites has gopacket write layers, from the outermost.
func gopacketWrites(t *testing.T, all ...gopacket.SerializableLayer) []byte {
	t.Helper()
	buf := gopacket.NewSerializeBuffer()
	noError(t, gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, all...))
	return buf.Bytes()
}

// ARP, ICMP and VLAN tags, whose encoders of gopacket are right.
func TestGopacketWritesTheSame(t *testing.T) {
	r := random{rand.New(rand.NewPCG(9, 9))}
	for range 200 {
		a := r.arp()
		want := gopacketWrites(t, &layers.ARP{AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4,
			Operation: a.Op, SourceHwAddress: a.SenderMAC[:], SourceProtAddress: a.SenderIP.AsSlice(), DstHwAddress: a.TargetMAC[:], DstProtAddress: a.TargetIP.AsSlice()})
		sameBytes(t, "ARP", appended(t, a.AppendTo), want)

		id, seq, data := r.u16(), r.u16(), r.bytes(r.IntN(60))
		want = gopacketWrites(t, &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(8, 0), Id: id, Seq: seq}, gopacket.Payload(data))
		sameBytes(t, "ICMPv4", inet.NewEcho(inet.ICMPv4Echo, id, seq, data).AppendV4(nil), want)

		src, dst := r.v6(), r.v6()
		g := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(128, 0)}
		noError(t, g.SetNetworkLayerForChecksum(&layers.IPv6{SrcIP: src.AsSlice(), DstIP: dst.AsSlice()}))
		want = gopacketWrites(t, g, &layers.ICMPv6Echo{Identifier: id, SeqNumber: seq}, gopacket.Payload(data))
		got, err := inet.NewEcho(inet.ICMPv6Echo, id, seq, data).AppendV6(nil, src, dst)
		noError(t, err)
		sameBytes(t, "ICMPv6", got, want)

		tci := r.u16()
		want = gopacketWrites(t, &layers.Ethernet{DstMAC: mac2[:], SrcMAC: mac1[:], EthernetType: layers.EthernetTypeDot1Q},
			&layers.Dot1Q{Priority: uint8(tci >> 13), DropEligible: tci&0x1000 != 0, VLANIdentifier: tci & 0xfff, Type: layers.EthernetTypeIPv4})
		eth := inet.Ethernet{Dst: mac2, Src: mac1, Type: inet.EtherTypeIPv4, Tags: [inet.MaxTags]inet.Tag{{Type: inet.EtherTypeVLAN, TCI: tci}}}
		sameBytes(t, "VLAN", eth.AppendTo(nil), want[:18]) // gopacket pads
	}
}
