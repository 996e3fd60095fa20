package inet

import "fmt"

// IP protocol numbers and IPv6 next-header values (IANA "Assigned Internet
// Protocol Numbers").
const (
	ProtoHopByHop    uint8 = 0 // RFC 8200 section 4.3; only right after the IPv6 header
	ProtoICMP        uint8 = 1
	ProtoIGMP        uint8 = 2
	ProtoTCP         uint8 = 6
	ProtoUDP         uint8 = 17
	ProtoRouting     uint8 = 43 // RFC 8200 section 4.4
	ProtoFragment    uint8 = 44 // RFC 8200 section 4.5
	ProtoRSVP        uint8 = 46
	ProtoESP         uint8 = 50
	ProtoAH          uint8 = 51
	ProtoICMPv6      uint8 = 58
	ProtoNoNext      uint8 = 59 // RFC 8200 section 4.7
	ProtoDestination uint8 = 60 // RFC 8200 section 4.6
	ProtoPIM         uint8 = 103
)

// ProtoName returns the usual name of an IP protocol, or "protocol N".
func ProtoName(proto uint8) string {
	switch proto {
	case ProtoHopByHop:
		return "Hop-by-Hop"
	case ProtoICMP:
		return "ICMP"
	case ProtoIGMP:
		return "IGMP"
	case ProtoTCP:
		return "TCP"
	case ProtoUDP:
		return "UDP"
	case ProtoRouting:
		return "Routing"
	case ProtoFragment:
		return "Fragment"
	case ProtoRSVP:
		return "RSVP"
	case ProtoESP:
		return "ESP"
	case ProtoAH:
		return "AH"
	case ProtoICMPv6:
		return "ICMPv6"
	case ProtoNoNext:
		return "no next header"
	case ProtoDestination:
		return "Destination Options"
	case ProtoPIM:
		return "PIM"
	}
	return fmt.Sprintf("protocol %d", proto)
}
