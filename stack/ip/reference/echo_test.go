//go:build netns

package reference_test

import (
	"encoding/binary"
	"net/netip"

	"github.com/mpstack/mpstack/wire/igmp"
	"github.com/mpstack/mpstack/wire/inet"
)

// echoed asks for an echo of n bytes.
func echoed(src, dst netip.Addr, n int) func(*bed) string {
	return asked(echoFrame(src, dst, echoID, 1, pattern(n)))
}

// echoBytes is a packet with an echo request of 8 bytes.
func echoBytes(src, dst netip.Addr) []byte {
	return packet(src, dst, protoICMP(dst), echo(src, dst, echoID, 1, pattern(8)))
}

// sumBroken is an echo request whose ICMP checksum is wrong.
func sumBroken(src, dst netip.Addr) []byte {
	b := echoBytes(src, dst)
	b[len(b)-1]++
	return b
}

func echo4Rows() []row {
	const reply = "echo reply (8 bytes)"
	toHost := func(change func(*inet.IPv4)) []byte {
		h := inet.IPv4{Src: prober4, Dst: host4, Proto: inet.ProtoICMP}
		if change != nil {
			change(&h)
		}
		return ether(proberMAC, packet4(h, echo(h.Src, h.Dst, echoID, 1, pattern(8))))
	}
	from := func(a string) func(*bed) string { return asked(toHost(func(h *inet.IPv4) { h.Src = addr(a) })) }
	whole := echoBytes(prober4, host4)
	change := func(at ...int) func(*bed) string { return asked(ether(proberMAC, fix4(altered(whole, at...)))) }
	return []row{
		{name: "echo request of 8 bytes", source: "RFC 792", do: echoed(prober4, host4, 8), want: expect(reply)},
		{name: "of 0 bytes", source: "RFC 792", do: echoed(prober4, host4, 0), want: expect("echo reply (0 bytes)")},
		{name: "of 1,472 bytes (fills the MTU)", source: "RFC 792", do: echoed(prober4, host4, 1472), want: expect("echo reply (1472 bytes)")},
		{name: "with TTL 1", source: "RFC 1122 §3.2.1.7", do: asked(toHost(func(h *inet.IPv4) { h.TTL = 1 })), want: expect(reply)},
		{name: "with TOS 0xb8", source: "RFC 1122 §3.2.2.6 leaves it open", do: asked(toHost(func(h *inet.IPv4) { h.TOS = 0xb8 })),
			want: expect(reply+", TOS 0xb8", reply)},
		{name: "followed by 6 bytes of Ethernet padding", source: "RFC 894", do: asked(append(toHost(nil), 1, 2, 3, 4, 5, 6)), want: expect(reply)},
		{name: "with a wrong ICMP checksum", source: "RFC 1122 §3.2.2", do: asked(ether(proberMAC, sumBroken(prober4, host4))), want: expect(none)},
		{name: "with a wrong header checksum", source: "RFC 1122 §3.2.1.2", do: asked(ether(proberMAC, altered(whole, 8, 63))), want: expect(none)},
		{name: "with IP version 5", source: "RFC 1122 §3.2.1.1", do: change(0, 0x55), want: expect(none)},
		{name: "with a header of 16 bytes", source: "RFC 791 §3.1", do: change(0, 0x44), want: expect(none)},
		{name: "with a total length above the frame's", source: "RFC 791 §3.1", do: change(3, len(whole)+1), want: expect(none)},
		{name: "with a total length below the header's", source: "RFC 791 §3.1", do: change(3, 19), want: expect(none)},
		{name: "with the reserved flag set", source: "RFC 791 §3.1: zero, with no word on receivers", do: change(6, 0x80), want: expect(reply)},
		{name: "to the link broadcast", source: "RFC 1122 §3.2.2.6: may be discarded", do: echoed(prober4, broadcast4, 8), want: expect(none, reply)},
		{name: "to 255.255.255.255", source: "RFC 1122 §3.2.2.6: may be discarded", do: echoed(prober4, limited4, 8), want: expect(none, reply)},
		{name: "to 224.0.0.1", source: "RFC 1122 §3.2.2.6: may be discarded", do: echoed(prober4, igmp.AllSystems, 8), want: expect(none, reply)},
		{name: "to the host's address in a broadcast frame", source: "RFC 1122 §3.3.6",
			do: asked(etherTo(inet.Broadcast, proberMAC, inet.EtherTypeIPv4, whole)), want: expect(none), why: linuxGroupFrames},
		{name: "to the host's address in a multicast frame", source: "RFC 1122 §3.3.6",
			do: asked(etherTo(inet.MulticastMAC(igmp.AllSystems), proberMAC, inet.EtherTypeIPv4, whole)), want: expect(none), why: linuxGroupFrames},
		{name: "to the host's address at another station", source: "IEEE 802.3",
			do: asked(etherTo(otherMAC, proberMAC, inet.EtherTypeIPv4, whole)), want: expect(none)},
		{name: "to another address at the host's station", source: "RFC 1122 §3.2.1.3", do: echoed(prober4, other4, 8), want: expect(none)},
		{name: "to 127.0.0.1", source: "RFC 1122 §3.2.1.3", do: echoed(prober4, addr("127.0.0.1"), 8), want: expect(none)},
		{name: "from 127.0.0.1", source: "RFC 1122 §3.2.1.3", do: from("127.0.0.1"), want: expect(none)},
		{name: "from 0.0.0.0", source: "RFC 1122 §3.2.1.3", do: from("0.0.0.0"), want: expect(none)},
		{name: "from 224.0.0.1", source: "RFC 1122 §3.2.1.3", do: from("224.0.0.1"), want: expect(none)},
		{name: "from 255.255.255.255", source: "RFC 1122 §3.2.1.3", do: from("255.255.255.255"), want: expect(none)},
		{name: "from the link broadcast", source: "RFC 1122 §3.2.1.3", do: from("192.0.2.255"), want: expect(none),
			why: "With reverse-path filtering off, the kernel's own default, Linux does not look up what kind of address a source is, and answers all stations."},
		{name: "from 240.0.0.1", source: "RFC 1812 §5.3.7: class E", do: from("240.0.0.1"), want: expect(none)},
		{name: "from the host's own address", source: "RFC 1812 §5.3.8 in spirit: spoofed", do: from("192.0.2.1"), want: expect(none)},
		{name: "echo reply that nobody asked for", source: "RFC 1122 §3.2.2.6",
			do: asked(icmpFrame(prober4, host4, inet.NewEcho(inet.ICMPv4EchoReply, 1, 1, pattern(8)))), want: expect(none)},
		{name: "ICMP message of an unknown type", source: "RFC 1122 §3.2.2: silently discarded",
			do: asked(icmpFrame(prober4, host4, inet.ICMP{Type: 200})), want: expect(none)},
		{name: "timestamp request", source: "RFC 1122 §3.2.2.8: may be answered",
			do: asked(icmpFrame(prober4, host4, inet.ICMP{Type: 13, Body: make([]byte, 12)})), want: expect("timestamp reply", none),
			why: "Answering is optional; `stack/ip` has no use for it."},
		{name: "address mask request", source: "RFC 1122 §3.2.2.9, RFC 6918",
			do: asked(icmpFrame(prober4, host4, inet.ICMP{Type: 17, Body: make([]byte, 4)})), want: expect(none)},
		{name: "ICMP message of 4 bytes", source: "RFC 792",
			do: asked(ether(proberMAC, packet(prober4, host4, inet.ProtoICMP, []byte{8, 0, 0xf7, 0xff}))), want: expect(none)},
	}
}

const (
	linuxGroupFrames = "Linux takes such packets unless drop_unicast_in_l2_multicast is set on the interface, which it is not by default."
)

func icmpFrame(src, dst netip.Addr, m inet.ICMP) []byte {
	return ether(proberMAC, packet(src, dst, protoICMP(dst), icmp(src, dst, m)))
}

func echo6Rows() []row {
	const reply = "echo reply (8 bytes)"
	whole := echoBytes(prober6, host6)
	to := func(dst netip.Addr) func(*bed) string { return echoed(prober6, dst, 8) }
	from := func(a string) func(*bed) string { return echoed(addr(a), host6, 8) }
	truncated := altered(whole)
	binary.BigEndian.PutUint16(truncated[4:], uint16(len(whole)-inet.HeaderLenIPv6+1))
	return []row{
		{name: "echo request of 8 bytes", source: "RFC 4443 §4.2", do: to(host6), want: expect(reply)},
		{name: "of 0 bytes", source: "RFC 4443 §4.2", do: echoed(prober6, host6, 0), want: expect("echo reply (0 bytes)")},
		{name: "of 1,452 bytes (fills the MTU)", source: "RFC 4443 §4.2", do: echoed(prober6, host6, 1452), want: expect("echo reply (1452 bytes)")},
		{name: "to and from link-local addresses", source: "RFC 4443 §4.2", do: echoed(proberLL, hostLL, 8), want: expect(reply)},
		{name: "from a link-local address to a global one", source: "RFC 4443 §4.2", do: echoed(proberLL, host6, 8), want: expect(reply)},
		{name: "with hop limit 1", source: "RFC 8200 §3", do: asked(ether(proberMAC, altered(whole, 7, 1))), want: expect(reply)},
		{name: "with hop limit 0", source: "RFC 8200 §3: concerns forwarding alone", do: asked(ether(proberMAC, altered(whole, 7, 0))), want: expect(reply, none)},
		{name: "followed by 6 bytes of Ethernet padding", source: "RFC 2464", do: asked(append(ether(proberMAC, whole), 1, 2, 3, 4, 5, 6)), want: expect(reply)},
		{name: "with a wrong checksum", source: "RFC 4443 §2.3", do: asked(ether(proberMAC, sumBroken(prober6, host6))), want: expect(none)},
		{name: "with IP version 5", source: "RFC 8200 §3", do: asked(ether(proberMAC, altered(whole, 0, 0x50))), want: expect(none)},
		{name: "with a payload length above the frame's", source: "RFC 8200 §3", do: asked(ether(proberMAC, truncated)), want: expect(none)},
		{name: "to ff02::1", source: "RFC 4443 §4.2: should be answered", do: to(igmp.AllNodes6), want: expect(reply)},
		{name: "to the solicited-node group", source: "RFC 4443 §4.2: should be answered", do: to(inet.SolicitedNode(host6)), want: expect(reply)},
		{name: "to a group that nobody joined", source: "RFC 4291 §2.7", do: to(mldFamily.group), want: expect(none)},
		{name: "to ff01::1 from the wire", source: "RFC 4291 §2.7: scope of an interface", do: to(addr("ff01::1")), want: expect(none)},
		{name: "to ff00::1", source: "RFC 4291 §2.7: reserved scope", do: to(addr("ff00::1")), want: expect(none)},
		{name: "to the host's address in a multicast frame", source: "RFC 8200 is silent",
			do: asked(etherTo(inet.MulticastMAC(igmp.AllNodes6), proberMAC, inet.EtherTypeIPv6, whole)), want: expect(none, reply),
			why: "RFC 1122's rule for IPv4 has no equal in IPv6. `stack/ip` keeps to it in both families, Linux (drop_unicast_in_l2_multicast off) in neither."},
		{name: "to the host's address at another station", source: "IEEE 802.3",
			do: asked(etherTo(otherMAC, proberMAC, inet.EtherTypeIPv6, whole)), want: expect(none)},
		{name: "to another address at the host's station", source: "RFC 8200 §3", do: to(other6), want: expect(none)},
		{name: "to ::1", source: "RFC 4291 §2.5.3", do: to(addr("::1")), want: expect(none)},
		{name: "from ::1", source: "RFC 4291 §2.5.3", do: from("::1"), want: expect(none)},
		{name: "from ::", source: "RFC 4291 §2.5.2", do: from("::"), want: expect(none)},
		{name: "from ff02::1", source: "RFC 4291 §2.7", do: from("ff02::1"), want: expect(none)},
		{name: "from the host's own address", source: "spoofed", do: from("2001:db8::1"), want: expect(none)},
		{name: "echo reply that nobody asked for", source: "RFC 4443 §4.2",
			do: asked(icmpFrame(prober6, host6, inet.NewEcho(inet.ICMPv6EchoReply, 1, 1, pattern(8)))), want: expect(none)},
		{name: "informational message of an unknown type", source: "RFC 4443 §2.4 (b): silently discarded",
			do: asked(icmpFrame(prober6, host6, inet.ICMP{Type: 200})), want: expect(none)},
		{name: "error message of an unknown type", source: "RFC 4443 §2.4 (e)",
			do: asked(icmpFrame(prober6, host6, inet.ICMP{Type: 100, Body: udpBytes(host6, prober6)})), want: expect(none)},
	}
}

// udpBytes is a packet with a datagram of 8 bytes to a port that is closed.
func udpBytes(src, dst netip.Addr) []byte {
	return packet(src, dst, inet.ProtoUDP, udp(src, dst, closedPort, pattern(8)))
}
