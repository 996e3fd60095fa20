//go:build netns

package reference_test

import (
	"net/netip"

	"github.com/mpstack/mpstack/wire/igmp"
	"github.com/mpstack/mpstack/wire/inet"
)

// with4 is an echo request with IPv4 options, which fill whole words.
func with4(options ...byte) func(*bed) string {
	h := inet.IPv4{Src: prober4, Dst: host4, Proto: inet.ProtoICMP, Options: options}
	return asked(ether(proberMAC, packet4(h, echo(prober4, host4, echoID, 1, pattern(8)))))
}

// with6 is an echo request behind extension headers, the first of type first.
// A header names its successor itself.
func with6(dst netip.Addr, first uint8, headers ...[]byte) []byte {
	var payload []byte
	for _, h := range headers {
		payload = append(payload, h...)
	}
	return ether(proberMAC, packet6(prober6, dst, 64, first, append(payload, echo(prober6, dst, echoID, 1, pattern(8))...)))
}

// routing is a Routing header with one address.
func routing(next, typ, left uint8) []byte {
	a := other6.As16()
	return append([]byte{next, 2, typ, left, 0, 0, 0, 0}, a[:]...)
}

func optionRows() []row { return append(option4Rows(), option6Rows()...) }

func option4Rows() []row {
	const reply = "echo reply (8 bytes)"
	host := host4.As4()
	route := func(typ, pointer byte, entries ...byte) []byte {
		return inet.PadIPv4Options(append([]byte{typ, byte(3 + len(entries)), pointer}, entries...))
	}
	asked4 := func(name, source string, options []byte, want ...string) row {
		return row{name: "IPv4: echo request with " + name, source: source, do: with4(options...), want: want}
	}
	return []row{
		asked4("Router Alert", "RFC 2113", []byte{inet.IPv4OptRouterAlert, 4, 0, 0}, reply, reply+", options 94 04 00 00"),
		asked4("No Operation and End of Options", "RFC 1122 §3.2.1.8", []byte{1, 1, 0, 0}, reply),
		asked4("an unknown option", "RFC 1122 §3.2.1.8: to be ignored", []byte{30, 4, 0, 0}, reply),
		asked4("an option of length 1", "RFC 1122 §3.2.2.5: may be reported", []byte{30, 1, 0, 0}, "parameter problem (12/0) at 20", "parameter problem (12/0) at 21", none, reply).because(dropsBadOptions),
		asked4("an option beyond the header", "RFC 1122 §3.2.2.5: may be reported", []byte{30, 8, 0, 0}, "parameter problem (12/0) at 20", "parameter problem (12/0) at 21", none, reply).because(dropsBadOptions),
		asked4("Record Route with room for one address", "RFC 1122 §3.2.2.6: recorded and returned", route(7, 4, 0, 0, 0, 0),
			reply+", options 07 07 08 c0 00 02 01 00").because(ignoresOptions),
		asked4("Record Route, full", "RFC 1122 §3.2.2.6: returned", route(7, 8, host[:]...), reply+", options 07 07 08 c0 00 02 01 00").because(ignoresOptions),
		asked4("a finished source route", "RFC 1122 §3.2.2.6: returned in reverse; RFC 7126 §4.3: dropped", route(131, 8, 192, 0, 2, 99), none,
			reply+", options 83 07 04 c0 00 02 63 00"),
		asked4("a source route to go on", "RFC 1122 §3.3.5: not for this host; RFC 7126 §4.3: dropped", route(131, 4, 192, 0, 2, 99), none, "ICMP error (3/5)"),
		{name: "IPv4: datagram with Router Alert to a closed port", source: "RFC 2113", do: asked(ether(proberMAC, packet4(
			inet.IPv4{Src: prober4, Dst: host4, Proto: inet.ProtoUDP, RouterAlert: true}, udp(prober4, host4, closedPort, pattern(8))))),
			want: expect("port unreachable (3/3)")},
	}
}

const (
	strictPadding   = "Linux drops padding of more than 7 bytes and padding that is not zero, since it may hide a channel (RFC 4942 §2.1.9.5). `stack/ip` skips padding, whatever is in it."
	dropsBadOptions = "`stack/ip` drops and counts what it cannot read; the report is no duty."
	ignoresOptions  = "`stack/ip` ignores every IPv4 option but Router Alert. RFC 1122 says that echo replies should return this one."
)

func option6Rows() []row {
	const reply = "echo reply (8 bytes)"
	const hop, dst, next = inet.ProtoHopByHop, inet.ProtoDestination, inet.ProtoICMPv6
	problem := "unrecognized option (4/2) at 42"
	var rows []row
	add := func(name, source string, frame []byte, want ...string) *row {
		rows = append(rows, row{name: "IPv6: " + name, source: source, do: asked(frame), want: want})
		return &rows[len(rows)-1]
	}
	for _, x := range []struct {
		name string
		typ  uint8
	}{{"Hop-by-Hop", hop}, {"Destination Options", dst}} {
		const source = "RFC 8200 §4.2"
		option := func(to netip.Addr, o byte) []byte { return with6(to, x.typ, options(x.typ, next, o, 2, 0, 0)) }
		add("unknown "+x.name+" option 0x1e (00: skip)", source, option(host6, 0x1e), reply)
		add("unknown "+x.name+" option 0x5e (01: discard)", source, option(host6, 0x5e), none)
		add("unknown "+x.name+" option 0x9e (10: report)", source, option(host6, 0x9e), problem)
		add("unknown "+x.name+" option 0xde (11: report unless multicast)", source, option(host6, 0xde), problem)
		add("unknown "+x.name+" option 0x9e to ff02::1", source, option(igmp.AllNodes6, 0x9e), problem)
		add("unknown "+x.name+" option 0xde to ff02::1", source, option(igmp.AllNodes6, 0xde), none)
	}
	padded := append([]byte{inet.IPv6OptPadN, 12}, make([]byte, 12)...)
	const order = "RFC 8200 §4.1"
	add("unknown option 0x9e after a known one", "RFC 8200 §4.2", with6(host6, dst, options(dst, next, 1, 0, 0, 0x9e, 0)), "unrecognized option (4/2) at 45")
	add("Router Alert after padding", "RFC 8200 §4.2: options in any order", with6(host6, hop, options(hop, next, 1, 0, 5, 2, 0, 0)), reply)
	add("Hop-by-Hop option beyond its header", "RFC 8200 §4.2", with6(host6, hop, options(hop, next, 0x1e, 9, 0, 0)), none, "erroneous header field (4/0) at 43")
	add("Hop-by-Hop header beyond the packet", "RFC 8200 §4.3", ether(proberMAC, packet6(prober6, host6, 64, hop, []byte{next, 9, 1, 4, 0, 0, 0, 0})), none, "erroneous header field (4/0) at 41")
	add("14 bytes of padding", "RFC 8200 §4.2; RFC 4942 §2.1.9.5 lets one drop", with6(host6, hop, options(hop, next, padded...)), reply, none).why = strictPadding
	add("padding that is not zero", "RFC 8200 §4.2: ignored", with6(host6, hop, options(hop, next, 1, 4, 1, 2, 3, 4)), reply, none).why = strictPadding
	add("Hop-by-Hop after Destination Options", "RFC 8200 §4.1: as an unknown next header", with6(host6, dst, options(dst, hop), options(hop, next)), "unrecognized next header (4/1) at 40")
	add("Destination Options twice", order, with6(host6, dst, options(dst, dst), options(dst, next)), reply)
	add("Destination Options, Routing without segments left, Destination Options", order,
		with6(host6, dst, options(dst, inet.ProtoRouting), routing(dst, 253, 0), options(dst, next)), reply)
	add("Routing of type 0 with a segment left", "RFC 5095 §3", with6(host6, inet.ProtoRouting, routing(next, 0, 1)), "erroneous header field (4/0) at 42")
	add("Routing of an unknown type with a segment left", "RFC 8200 §4.4", with6(host6, inet.ProtoRouting, routing(next, 253, 1)), "erroneous header field (4/0) at 42")
	add("Routing of an unknown type without segments left", "RFC 8200 §4.4", with6(host6, inet.ProtoRouting, routing(next, 253, 0)), reply)
	add("unknown next header behind Destination Options", "RFC 8200 §4", ether(proberMAC, packet6(prober6, host6, 64, dst, append(options(dst, 253), pattern(8)...))),
		"unrecognized next header (4/1) at 40")
	add("ICMPv6 error message with option 0x9e", "RFC 4443 §2.4 (e.1)", ether(proberMAC, packet6(prober6, host6, 64, dst,
		append(options(dst, next, 0x9e, 0), icmp(prober6, host6, inet.NewErrorV6(1, 4, udpBytes(host6, prober6)))...))), none)
	add("option 0x9e from ::", "RFC 4443 §2.4 (e.6)", ether(proberMAC, packet6(netip.IPv6Unspecified(), host6, 64, dst,
		append(options(dst, inet.ProtoUDP, 0x9e, 0), udp(prober6, host6, closedPort, nil)...))), none)
	return rows
}
