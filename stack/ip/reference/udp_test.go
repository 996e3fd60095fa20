//go:build netns

package reference_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"

	"github.com/mpstack/mpstack/wire/igmp"
	"github.com/mpstack/mpstack/wire/inet"
)

// delivered sends frames to a host with a socket and says what the socket got,
// and what else came of it.
func delivered(family netip.Addr, frames ...[]byte) func(*bed) string {
	return func(b *bed) string {
		s := b.listen(family)
		answer := b.ask(view{}, frames...)
		in, err := s.received()
		b.check(err)
		if len(in) == 0 {
			return "not delivered" + unlessNone(answer)
		}
		var list []string
		for _, d := range in {
			list = append(list, size(d.data))
		}
		return fmt.Sprintf("delivered (%s)%s", strings.Join(list, ", "), unlessNone(answer))
	}
}

func unlessNone(answer string) string {
	if answer == none {
		return ""
	}
	return "; " + answer
}

// datagramBytes is a UDP datagram of 8 bytes to the open port, altered.
func datagramBytes(src, dst netip.Addr, at ...int) []byte {
	return altered(udp(src, dst, openPort, pattern(8)), at...)
}

// summed sets the checksum of a UDP datagram.
func summed(src, dst netip.Addr, b []byte) []byte {
	b[6], b[7] = 0, 0
	binary.BigEndian.PutUint16(b[6:], inet.Checksum(b, inet.PseudoHeaderSum(src, dst, inet.ProtoUDP, len(b))))
	return b
}

func udpRows() []row {
	var rows []row
	for _, f := range families {
		rows = append(rows, udpFamilyRows(f)...)
	}
	return rows
}

func udpFamilyRows(f *family) []row {
	host, prober, v := f.host, f.prober, "IPv4: "
	port, rfc, size := "port unreachable (3/3)", "RFC 1122 §", 576
	if f.v6 {
		v, port, rfc, size = "IPv6: ", "port unreachable (1/4)", "RFC 4443 §", 1280
	}
	either := func(v4, v6 string) string {
		if f.v6 {
			return v6
		}
		return v4
	}
	send := func(payload []byte) func(*bed) string {
		return delivered(host, ether(proberMAC, packet(prober, host, inet.ProtoUDP, payload)))
	}
	const got, lost = "delivered (8 bytes)", "not delivered"
	all := either("224.0.0.1", "ff02::1")
	rows := []row{
		{name: v + "datagram to an open port", source: "RFC 768", do: send(datagramBytes(prober, host)), want: expect(got)},
		{name: v + "to an open port, without data", source: "RFC 768", do: send(udp(prober, host, openPort, nil)), want: expect("delivered (0 bytes)")},
		{name: v + "to a closed port", source: rfc + either("4.1.3.1", "3.1"), do: asked(udpFrame(prober, host, closedPort, pattern(8))), want: expect(port)},
		{name: v + "of 1,400 bytes to a closed port: how much is quoted", source: either("RFC 1812 §4.3.2.3: up to 576 bytes", "RFC 4443 §2.4 (c): up to 1,280 bytes"),
			do: asked(udpFrame(prober, host, closedPort, pattern(1400))), want: expect(fmt.Sprintf("%s of %d bytes", port, size))},
		{name: v + "to a closed port of " + all, source: rfc + either("3.2.2", "2.4 (e)"), do: asked(udpFrame(prober, addr(all), closedPort, pattern(8))), want: expect(none)},
		{name: v + "to port 0", source: "RFC 768 does not forbid it", do: asked(udpFrame(prober, host, 0, pattern(8))), want: expect(port, none)},
		{name: v + "from port 0", source: "RFC 768: no answer is wanted", do: send(summed(prober, host, datagramBytes(prober, host, 0, 0, 1, 0))), want: expect(got)},
		{name: v + "with checksum 0", source: either("RFC 1122 §4.1.3.4: none", "RFC 8200 §8.1: to be discarded"), do: send(datagramBytes(prober, host, 6, 0, 7, 0)), want: expect(either(got, lost))},
		{name: v + "with a wrong checksum", source: "RFC 1122 §4.1.3.4", do: send(datagramBytes(prober, host, 15, 99)), want: expect(lost)},
		{name: v + "with a wrong checksum, to a closed port", source: "RFC 1122 §4.1.3.4", do: asked(ether(proberMAC,
			packet(prober, host, inet.ProtoUDP, altered(udp(prober, host, closedPort, pattern(8)), 15, 99)))), want: expect(none)},
		{name: v + "with a length above the packet's", source: "RFC 768", do: send(summed(prober, host, datagramBytes(prober, host, 5, 17))), want: expect(lost)},
		{name: v + "with a length below the header's", source: "RFC 768", do: send(datagramBytes(prober, host, 5, 7)), want: expect(lost)},
		{name: v + "with length 0", source: either("RFC 768", "RFC 2675 §4: jumbograms alone"), do: send(summed(prober, host, datagramBytes(prober, host, 4, 0, 5, 0))), want: expect(lost),
			why: either("", "Linux takes a length of 0 for the packet's, whether it is a jumbogram or not.")},
		{name: v + "with 4 bytes behind its length", source: "RFC 768", do: send(append(datagramBytes(prober, host), 1, 2, 3, 4)), want: expect(got)},
		{name: v + "of 4 bytes", source: "RFC 768", do: send([]byte{1, 2, 3, 4}), want: expect(lost)},
		{name: v + "packet of an unknown protocol (253)", source: either("RFC 1122 §3.2.2.1", "RFC 8200 §4"), do: asked(ether(proberMAC, packet(prober, host, 253, pattern(8)))),
			want: expect(either("protocol unreachable (3/2)", "unrecognized next header (4/1) at 6"))},
		{name: v + "packet of an unknown protocol to " + all, source: rfc + either("3.2.2", "2.4 (e.3)"), do: asked(ether(proberMAC, packet(prober, addr(all), 253, pattern(8)))), want: expect(none)},
		{name: v + "port unreachable from another about a datagram that was not sent", source: rfc + either("3.2.2.1", "2.4 (d)"),
			do: asked(icmpFrame(prober, host, portError(f, udpBytes(host, prober)))), want: expect(none)},
	}
	if f.v6 {
		return append(rows, row{name: v + "packet without a next header (59)", source: "RFC 8200 §4.7",
			do: asked(ether(proberMAC, packet(prober, host, inet.ProtoNoNext, pattern(8)))), want: expect(none)},
			row{name: v + "to a closed port, from ::", source: "RFC 4443 §2.4 (e.6)",
				do: asked(udpFrame(netip.IPv6Unspecified(), host, closedPort, pattern(8))), want: expect(none)})
	}
	return append(rows,
		row{name: v + "to a closed port of the link broadcast", source: "RFC 1122 §3.2.2", do: asked(udpFrame(prober, broadcast4, closedPort, pattern(8))), want: expect(none)},
		row{name: v + "to an open port of the link broadcast", source: "RFC 1122 §3.3.6", do: delivered(host, udpFrame(prober, broadcast4, openPort, pattern(8))), want: expect(got)},
		row{name: v + "to an open port of 255.255.255.255", source: "RFC 1122 §3.3.6", do: delivered(host, udpFrame(prober, limited4, openPort, pattern(8))), want: expect(got)},
		row{name: v + "to an open port of 224.0.0.1, which the socket did not join", source: "RFC 1112 §7.2 leaves it open", do: delivered(host, udpFrame(prober, igmp.AllSystems, openPort, pattern(8))), want: expect(lost, got),
			why: "Every host is a member of this group. The sockets of Linux have IP_MULTICAST_ALL off here, so that their own filters can be seen; with it, which is the default, the datagram is delivered."},
		row{name: v + "to a closed port, in a broadcast frame", source: "RFC 1122 §3.2.2",
			do: asked(etherTo(inet.Broadcast, proberMAC, inet.EtherTypeIPv4, udpBytes(prober, host))), want: expect(none)})
}

// portError is a port unreachable message about a packet.
func portError(f *family, quoted []byte) inet.ICMP {
	if f.v6 {
		return inet.NewErrorV6(inet.ICMPv6Unreachable, inet.ICMPv6PortUnreachable, quoted)
	}
	return inet.NewErrorV4(inet.ICMPv4Unreachable, inet.ICMPv4PortUnreachable, quoted)
}
