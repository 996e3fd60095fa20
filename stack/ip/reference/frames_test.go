//go:build netns

package reference_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/mpstack/mpstack/wire/inet"
)

// must returns v; the frames of the rows are constants, so that an encoder's
// error is a mistake in a row.
func must[T any](v T, err error) T {
	if err != nil {
		panic(fmt.Errorf("building a frame: %w", err))
	}
	return v
}

// pattern is n bytes of data that show what happened to them.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i + i>>8)
	}
	return b
}

// ether puts an Ethernet header before a packet, to the address that the
// packet's destination has on the wire: the host's unless it is a group.
func ether(src inet.MAC, packet []byte) []byte {
	dst, typ := netip.AddrFrom4([4]byte(packet[16:20])), inet.EtherTypeIPv4
	if packet[0]>>4 == 6 {
		dst, typ = netip.AddrFrom16([16]byte(packet[24:40])), inet.EtherTypeIPv6
	}
	mac := inet.MulticastMAC(dst)
	switch {
	case dst == broadcast4:
		mac = inet.Broadcast
	case mac.IsZero():
		mac = hostMAC
	}
	return etherTo(mac, src, typ, packet)
}

func etherTo(dst, src inet.MAC, typ inet.EtherType, packet []byte) []byte {
	return append(inet.Ethernet{Dst: dst, Src: src, Type: typ}.AppendTo(nil), packet...)
}

// packet is an IP packet from the prober to the host, of either family.
func packet(src, dst netip.Addr, proto uint8, payload []byte) []byte {
	if dst.Is4() {
		return packet4(inet.IPv4{Src: src, Dst: dst, Proto: proto}, payload)
	}
	return packet6(src, dst, 64, proto, payload)
}

// packet4 is an IPv4 packet; TTL 0 stands for 64.
func packet4(h inet.IPv4, payload []byte) []byte {
	if h.TTL == 0 {
		h.TTL = 64
	}
	return append(must(h.AppendTo(nil, len(payload))), payload...)
}

// packet6 is an IPv6 packet. next is the type of what the payload begins with,
// be it an extension header.
func packet6(src, dst netip.Addr, hops, next uint8, payload []byte) []byte {
	s, d := src.As16(), dst.As16()
	b := []byte{0x60, 0, 0, 0, byte(len(payload) >> 8), byte(len(payload)), next, hops}
	return append(append(append(b, s[:]...), d[:]...), payload...)
}

// fix4 sets the header checksum of an IPv4 packet whose header was altered.
func fix4(p []byte) []byte {
	p[10], p[11] = 0, 0
	binary.BigEndian.PutUint16(p[10:], inet.Checksum(p[:int(p[0]&15)*4], 0))
	return p
}

// altered returns a copy of b with bytes set: offset, value, offset, value …
func altered(b []byte, at ...int) []byte {
	b = append([]byte(nil), b...)
	for i := 0; i < len(at); i += 2 {
		b[at[i]] = byte(at[i+1])
	}
	return b
}

// protoICMP is ICMP's protocol in a's family.
func protoICMP(a netip.Addr) uint8 {
	if a.Is4() {
		return inet.ProtoICMP
	}
	return inet.ProtoICMPv6
}

// icmp is an ICMP message of either family.
func icmp(src, dst netip.Addr, m inet.ICMP) []byte {
	if dst.Is4() {
		return m.AppendV4(nil)
	}
	return must(m.AppendV6(nil, src, dst))
}

// echoID is the identifier of the rows' echo requests.
const echoID = 0x1234

func echo(src, dst netip.Addr, id, seq uint16, data []byte) []byte {
	typ := inet.ICMPv4Echo
	if dst.Is6() {
		typ = inet.ICMPv6Echo
	}
	return icmp(src, dst, inet.NewEcho(typ, id, seq, data))
}

func echoFrame(src, dst netip.Addr, id, seq uint16, data []byte) []byte {
	return ether(proberMAC, packet(src, dst, protoICMP(dst), echo(src, dst, id, seq, data)))
}

// Ports of the rows: one that a socket is bound to, one that nobody is.
const (
	openPort   = 7000
	closedPort = 7001
	proberPort = 6000
)

func udp(src, dst netip.Addr, port uint16, data []byte) []byte {
	return must(inet.UDP{SrcPort: proberPort, DstPort: port}.AppendTo(nil, src, dst, data))
}

func udpFrame(src, dst netip.Addr, port uint16, data []byte) []byte {
	return ether(proberMAC, packet(src, dst, inet.ProtoUDP, udp(src, dst, port, data)))
}

func arpFrame(src, dst inet.MAC, a inet.ARP) []byte {
	return etherTo(dst, src, inet.EtherTypeARP, must(a.AppendTo(nil)))
}

// ndFrame is a neighbour discovery message with a hop limit.
func ndFrame(srcMAC, dstMAC inet.MAC, src, dst netip.Addr, hops uint8, message []byte) []byte {
	return etherTo(dstMAC, srcMAC, inet.EtherTypeIPv6, packet6(src, dst, hops, inet.ProtoICMPv6, message))
}

// nsFrame is a solicitation from the prober, to dst's Ethernet address.
func nsFrame(src, dst netip.Addr, ns inet.NeighborSolicitation) []byte {
	mac := inet.MulticastMAC(dst)
	if mac.IsZero() {
		mac = hostMAC
	}
	return ndFrame(proberMAC, mac, src, dst, 255, must(ns.AppendTo(nil, src, dst)))
}

func naFrame(srcMAC, dstMAC inet.MAC, src, dst netip.Addr, na inet.NeighborAdvertisement) []byte {
	return ndFrame(srcMAC, dstMAC, src, dst, 255, must(na.AppendTo(nil, src, dst)))
}

// options is a Hop-by-Hop or Destination Options header with raw options, which
// it pads.
func options(typ, next uint8, raw ...byte) []byte {
	return must(inet.ExtensionHeader{Type: typ, Next: next, Data: inet.PadIPv6Options(raw)}.AppendTo(nil))
}

// fragmentHeader is an IPv6 Fragment header.
func fragmentHeader(next uint8, offset int, more bool, id uint32) []byte {
	field := uint16(offset)
	if more {
		field |= 1
	}
	b := binary.BigEndian.AppendUint16([]byte{next, 0}, field)
	return binary.BigEndian.AppendUint32(b, id)
}
