//go:build netns

package reference_test

import (
	"net/netip"

	"github.com/mpstack/mpstack/wire/igmp"
	"github.com/mpstack/mpstack/wire/inet"
)

// nsFor is a solicitation for the host with the prober's Ethernet address.
func nsFor(target netip.Addr) inet.NeighborSolicitation {
	return inet.NeighborSolicitation{Target: target, LinkAddr: proberMAC, HasLinkAddr: true}
}

// rawNS is a solicitation for the host to its solicited-node group as bytes,
// altered and with the checksum set again.
func rawNS(src netip.Addr, hops uint8, at ...int) []byte {
	dst := inet.SolicitedNode(host6)
	m := altered(must(nsFor(host6).AppendTo(nil, src, dst)), at...)
	inet.PutICMPv6Checksum(m, src, dst)
	return ndFrame(proberMAC, inet.MulticastMAC(dst), src, dst, hops, m)
}

func ndpRows() []row {
	const na = "NA S O, to prober"
	any, group := netip.IPv6Unspecified(), inet.SolicitedNode(host6)
	bare := inet.NeighborSolicitation{Target: host6}
	badSum := nsFrame(prober6, group, nsFor(host6))
	badSum = altered(badSum, len(badSum)-1, int(badSum[len(badSum)-1])+1)
	s1 := mldFamily.s1
	unsolicited := func(target netip.Addr, override bool) []byte {
		return naFrame(otherMAC, inet.MulticastMAC(igmp.AllNodes6), target, igmp.AllNodes6,
			inet.NeighborAdvertisement{Override: override, Target: target, LinkAddr: otherMAC, HasLinkAddr: true})
	}
	const reply = "echo reply (8 bytes)"
	const toOther = reply + ", sent to other's address"
	rows := []row{
		{name: "NS to the solicited-node group", source: "RFC 4861 §7.2.4",
			do: asked(nsFrame(prober6, group, nsFor(host6))), want: expect(na)},
		{name: "NS to the host's address (unreachability detection)", source: "RFC 4861 §7.2.4: the link-layer address may be left out, Override then too",
			do: asked(nsFrame(prober6, host6, bare)), want: expect(na, "NA S, no link-layer address, to prober"),
			why: "RFC 4861 lets one leave the link-layer address out, and with it Override, towards an asker who evidently has it. Linux does; `stack/ip` always tells it."},
		{name: "NS for the link-local address", source: "RFC 4861 §7.2.4",
			do:   asked(nsFrame(proberLL, inet.SolicitedNode(hostLL), nsFor(hostLL))),
			want: expect("NA S O, to prober's link-local address, for host's link-local address")},
		{name: "NS from :: (duplicate address detection by another)", source: "RFC 4861 §7.2.4, RFC 4862 §5.4.3",
			do: asked(nsFrame(any, group, bare)), want: expect("NA O, to all nodes")},
		{name: "NS for another address, to the host's group", source: "RFC 4861 §7.2.3",
			do: asked(nsFrame(prober6, group, nsFor(addr("2001:db8::7:0:1")))), want: expect(none)},
		{name: "NS for a group", source: "RFC 4861 §7.1.1",
			do: asked(rawNS(prober6, 255, 8, 0xff)), want: expect(none)},
		{name: "NS with hop limit 254", source: "RFC 4861 §7.1.1",
			do: asked(rawNS(prober6, 254)), want: expect(none)},
		{name: "NS with a wrong checksum", source: "RFC 4861 §7.1.1",
			do: asked(badSum), want: expect(none)},
		{name: "NS with code 1", source: "RFC 4861 §7.1.1",
			do: asked(rawNS(prober6, 255, 1, 1)), want: expect(none)},
		{name: "NS with an option of length 0", source: "RFC 4861 §7.1.1",
			do: asked(rawNS(prober6, 255, 25, 0)), want: expect(none)},
		{name: "NS of 16 bytes", source: "RFC 4861 §7.1.1",
			do:   asked(ndFrame(proberMAC, inet.MulticastMAC(group), prober6, group, 255, short(bare, prober6, group))),
			want: expect(none)},
		{name: "NS from :: with a link-layer address", source: "RFC 4861 §7.1.1",
			do: asked(nsFrame(any, group, nsFor(host6))), want: expect(none)},
		{name: "NS from :: to the host's address", source: "RFC 4861 §7.1.1",
			do: asked(nsFrame(any, host6, bare)), want: expect(none)},
		{name: "NS to the group without a link-layer address", source: "RFC 4861 §7.2.4",
			do: asked(nsFrame(prober6, group, bare)), want: expect(na)},
		{name: "NS with an unknown option before the link-layer address", source: "RFC 4861 §4.6",
			do: asked(nsFrame(prober6, group, inet.NeighborSolicitation{Target: host6,
				Options: append([]byte{200, 1, 1, 2, 3, 4, 5, 6, 1, 1}, proberMAC[:]...)})), want: expect(na)},
		{name: "NA by another station for the host's address", source: "RFC 4862 §5.4.4: only a tentative address is concerned",
			do:   asked(unsolicited(host6, true)),
			want: expect(none)},
		{name: "after an NS by an unknown neighbour: echo from it", source: "RFC 4861 §7.2.3: the asker is learned",
			do: afterwards(other6, ndFrame(otherMAC, inet.MulticastMAC(group), other6, group, 255,
				must(inet.NeighborSolicitation{Target: host6, LinkAddr: otherMAC, HasLinkAddr: true}.AppendTo(nil, other6, group)))),
			want: expect(toOther)},
		{name: "after an unsolicited NA of an unknown neighbour: echo from it", source: "RFC 4861 §7.2.5: no new entry",
			do: afterwards(other6, unsolicited(other6, true)), want: expect("NS for other; " + toOther)},
		{name: "after an unsolicited NA with Override of a known neighbour's new station: echo from it", source: "RFC 4861 §7.2.5",
			do: afterwards(prober6, unsolicited(prober6, true)), want: expect(toOther)},
		{name: "the same without Override", source: "RFC 4861 §7.2.5: the address stays",
			do: afterwards(prober6, unsolicited(prober6, false)), want: expect(reply)},
		{name: "datagram to a neighbour that does not answer", source: "RFC 4861 §7.2.2: three solicitations",
			do: unresolved(other6), want: expect("3 × NS for other")},
		{name: "three datagrams to a neighbour that answers the second solicitation", source: "RFC 4861 §7.2.2: at least one is kept",
			do: resolved(other6), want: expect("2 × NS for other; datagram to other (0 bytes); datagram to other (1 bytes); datagram to other (2 bytes)")},
		{name: "echo from a neighbour that asked once and is silent then", source: "RFC 4861 §7.3.3: three unicast solicitations",
			do:   stale(s1, nsFrame(s1, group, nsFor(host6)), echoFrame(s1, host6, echoID, 1, pattern(8))),
			want: expect("echo reply (8 bytes); 3 × unicast NS for S1")},
	}
	return rows
}

// short is the start of a solicitation with a right checksum.
func short(ns inet.NeighborSolicitation, src, dst netip.Addr) []byte {
	m := must(ns.AppendTo(nil, src, dst))[:16]
	inet.PutICMPv6Checksum(m, src, dst)
	return m
}
