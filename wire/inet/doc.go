// Package inet holds the codecs below MPJ, RSVP and IGMP: Ethernet (with VLAN
// tags), ARP, IPv4 with its options, IPv6 with its extension headers, UDP,
// ICMPv4, ICMPv6, neighbor discovery, and the Internet checksum.
//
// # Shape
//
// A parser takes a slice and returns a value and what the header carries:
//
//	eth, packet, err := inet.ParseEthernet(frame)
//	ip, segment, err := inet.ParseIPv4(packet)
//	udp, data, err := inet.ParseUDP(segment, ip.Src, ip.Dst)
//
// Fixed fields are copied into the value. Payloads and the raw parts (IPv4
// options, IPv6 extension headers, ICMP bodies, NDP options) alias the input.
// Encoders append to a slice and return it; on an error they return it as it
// came. Neither side allocates, apart from growing the slice and from errors.
//
// No parser reads past its input or panics, whatever the input. A parser
// never trusts a length: what is cut short is ErrTruncated, what contradicts
// itself ErrLength. Errors are *DecodeError and name layer, field and offset.
//
// # Checksums
//
// Parsers verify. Where only the checksum is wrong, and where an IP packet is
// shorter than its header says, the header and what there is of the payload
// are returned together with the error, so that a dissector can show them and
// a link with partial checksums can go on.
//
// UpdateChecksum and UpdateChecksumBytes correct a checksum for a change of what
// is under it, without looking at the rest (RFC 1624).
//
// # Raw parts
//
// What this package would not build itself survives decoding and encoding:
// IPv4.Options, IPv6.Extensions and the Options of NDP messages hold the wire
// bytes, and an encoder writes them as they are where they are not nil. Where
// they are nil it builds the options that the typed fields ask for.
//
// NextIPv4Option, NextExtension, NextIPv6Option and NextNDPOption walk the raw
// parts; each has its counterpart (Option.AppendIPv4, ExtensionHeader.AppendTo,
// Option.AppendIPv6, NDPOption.AppendTo), and some options have a type of their
// own: IPv4Route, IPv4Timestamp, PrefixInformation, RecursiveDNS.
//
// # What it does not do
//
// Reassembly, address resolution, option processing, and the validity rules
// that need more than one header (hop limit 255, link-local sources) are
// stack/ip's. IPsec headers (AH, ESP), jumbograms and minimum-size padding of
// Ethernet frames are not supported; AH and ESP are left as upper protocols.
//
// Sources: RFC 791, 768, 792, 826, 894, 1071, 1108, 1112, 1122, 1624, 1812,
// 2113, 2464, 2711, 4291, 4443, 4861, 6814, 6946, 7042, 8106, 8200; IEEE 802.1Q.
package inet
