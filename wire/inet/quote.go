package inet

import (
	"encoding/binary"
	"net/netip"
)

// QuoteIPv4 returns what an ICMPv4 error quotes of packet: as much as keeps
// the error within 576 bytes with a header of 20 (RFC 1812 section 4.3.2.3).
// The result aliases packet.
func QuoteIPv4(packet []byte) []byte {
	return packet[:min(len(packet), 576-ipv4MinLen-HeaderLenICMP)]
}

// QuoteIPv6 returns what an ICMPv6 error quotes of packet: as much as keeps
// the error within the minimum MTU of 1280 bytes (RFC 4443 section 2.4). The
// result aliases packet.
func QuoteIPv6(packet []byte) []byte {
	return packet[:min(len(packet), minMTU-HeaderLenIPv6-HeaderLenICMP)]
}

const minMTU = 1280 // RFC 8200 section 5

// Quote is what an ICMP error says about the packet that it quotes.
type Quote struct {
	Src, Dst   netip.Addr // of the packet in error: Src is who sent it
	Proto      uint8      // upper protocol
	FragOffset int        // in bytes; the payload starts with no upper header unless 0
	// Payload is the quoted part of the packet's payload; it aliases the input
	// and is rarely all of it.
	Payload []byte
}

// ParseQuote reads the packet quoted in the Body of an ICMP error. It goes
// easy on what routers do to quotes: the packet may be cut anywhere after its
// IP header, and the total length and header checksum of IPv4 are not looked
// at.
func ParseQuote(body []byte) (Quote, error) {
	if len(body) > 0 && body[0]>>4 == 6 {
		return parseQuote6(body)
	}
	hlen, err := ipv4HeaderLen(body)
	if err != nil {
		return Quote{}, err
	}
	var h IPv4
	h.fixed(body)
	return Quote{Src: h.Src, Dst: h.Dst, Proto: h.Proto, FragOffset: h.FragOffset,
		Payload: body[hlen:len(body):len(body)]}, nil
}

func parseQuote6(body []byte) (Quote, error) {
	h, payload, err := ParseIPv6(body)
	if err != nil && !h.Src.IsValid() {
		return Quote{}, err
	}
	return Quote{Src: h.Src, Dst: h.Dst, Proto: h.NextHeader, FragOffset: h.Fragment.Offset, Payload: payload}, nil
}

// Ports returns the ports of a quoted UDP or TCP packet, from Src's port to
// Dst's; ok is false where the quote has none.
func (q Quote) Ports() (src, dst uint16, ok bool) {
	if q.FragOffset != 0 || len(q.Payload) < 4 || q.Proto != ProtoUDP && q.Proto != ProtoTCP {
		return 0, 0, false
	}
	return binary.BigEndian.Uint16(q.Payload), binary.BigEndian.Uint16(q.Payload[2:]), true
}
