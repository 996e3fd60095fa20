package inet

import (
	"encoding/binary"
	"net/netip"
)

// HeaderLenICMP is the length of an ICMP header with its four type-specific
// bytes.
const HeaderLenICMP = 8

// ICMPv4 types (RFC 792).
const (
	ICMPv4EchoReply    uint8 = 0
	ICMPv4Unreachable  uint8 = 3
	ICMPv4Redirect     uint8 = 5
	ICMPv4Echo         uint8 = 8
	ICMPv4TimeExceeded uint8 = 11
	ICMPv4ParamProblem uint8 = 12
)

// Codes of ICMPv4 errors (RFC 792, RFC 1812 section 5.2.7.1).
const (
	ICMPv4NetUnreachable      uint8 = 0
	ICMPv4HostUnreachable     uint8 = 1
	ICMPv4ProtocolUnreachable uint8 = 2
	ICMPv4PortUnreachable     uint8 = 3
	ICMPv4FragNeeded          uint8 = 4 // and DF set; RFC 1191
	ICMPv4SourceRouteFailed   uint8 = 5
	ICMPv4AdminProhibited     uint8 = 13

	ICMPv4TTLExceeded        uint8 = 0
	ICMPv4ReassemblyExceeded uint8 = 1

	ICMPv4RedirectNet  uint8 = 0
	ICMPv4RedirectHost uint8 = 1

	ICMPv4ErroneousField uint8 = 0
	ICMPv4MissingOption  uint8 = 1 // RFC 1122 section 3.2.2.5
)

// ICMPv6 types (RFC 4443, RFC 4861, RFC 2710, RFC 3810).
const (
	ICMPv6Unreachable           uint8 = 1
	ICMPv6PacketTooBig          uint8 = 2
	ICMPv6TimeExceeded          uint8 = 3
	ICMPv6ParamProblem          uint8 = 4
	ICMPv6Echo                  uint8 = 128
	ICMPv6EchoReply             uint8 = 129
	ICMPv6MLDQuery              uint8 = 130
	ICMPv6MLDv1Report           uint8 = 131
	ICMPv6MLDv1Done             uint8 = 132
	ICMPv6RouterSolicitation    uint8 = 133
	ICMPv6RouterAdvertisement   uint8 = 134
	ICMPv6NeighborSolicitation  uint8 = 135
	ICMPv6NeighborAdvertisement uint8 = 136
	ICMPv6Redirect              uint8 = 137
	ICMPv6MLDv2Report           uint8 = 143
)

// Codes of ICMPv6 errors (RFC 4443 section 3).
const (
	ICMPv6NoRoute            uint8 = 0
	ICMPv6AdminProhibited    uint8 = 1
	ICMPv6BeyondScope        uint8 = 2
	ICMPv6AddressUnreachable uint8 = 3
	ICMPv6PortUnreachable    uint8 = 4

	ICMPv6HopLimitExceeded   uint8 = 0
	ICMPv6ReassemblyExceeded uint8 = 1

	ICMPv6ErroneousField      uint8 = 0
	ICMPv6UnknownNextHeader   uint8 = 1
	ICMPv6UnknownOption       uint8 = 2
	ICMPv6IncompleteFragments uint8 = 3 // RFC 7112
)

// ICMP is an ICMPv4 (RFC 792) or ICMPv6 (RFC 4443) message.
type ICMP struct {
	Type, Code uint8
	// Rest are the four bytes after the checksum: identifier and sequence of
	// an echo, the MTU of Packet Too Big, reserved bytes.
	Rest [4]byte
	// Body is what follows; it aliases the input. Error messages quote the
	// packet in error there: ParseQuote.
	Body []byte
}

// ParseICMPv4 reads an ICMPv4 message and verifies its checksum. The message
// is returned with ErrChecksum too.
func ParseICMPv4(b []byte) (ICMP, error) {
	if len(b) < HeaderLenICMP {
		return ICMP{}, short(LayerICMPv4, len(b), HeaderLenICMP)
	}
	m := newICMP(b)
	if Checksum(b, 0) != 0 {
		return m, decodeError(LayerICMPv4, "checksum", 2, ErrChecksum)
	}
	return m, nil
}

// ParseICMPv6 reads an ICMPv6 message of a packet from src to dst and verifies
// its checksum. The message is returned with ErrChecksum too.
func ParseICMPv6(b []byte, src, dst netip.Addr) (ICMP, error) {
	if len(b) < HeaderLenICMP {
		return ICMP{}, short(LayerICMPv6, len(b), HeaderLenICMP)
	}
	m := newICMP(b)
	if Checksum(b, PseudoHeaderSum(src, dst, ProtoICMPv6, len(b))) != 0 {
		return m, decodeError(LayerICMPv6, "checksum", 2, ErrChecksum)
	}
	return m, nil
}

func newICMP(b []byte) ICMP {
	return ICMP{Type: b[0], Code: b[1], Rest: [4]byte(b[4:8]), Body: b[8:len(b):len(b)]}
}

// WireLen returns the length of the message in bytes.
func (m ICMP) WireLen() int { return HeaderLenICMP + len(m.Body) }

// AppendV4 appends the message as ICMPv4, with its checksum.
func (m ICMP) AppendV4(b []byte) []byte {
	start := len(b)
	b = m.append(b)
	binary.BigEndian.PutUint16(b[start+2:], Checksum(b[start:], 0))
	return b
}

// AppendV6 appends the message as ICMPv6, with the checksum for a packet from
// src to dst. It fails with ErrAddress unless both are IPv6.
func (m ICMP) AppendV6(b []byte, src, dst netip.Addr) ([]byte, error) {
	if !src.Is6() || !dst.Is6() {
		return b, encodeError(LayerICMPv6, "addresses", ErrAddress)
	}
	start := len(b)
	b = m.append(b)
	PutICMPv6Checksum(b[start:], src, dst)
	return b, nil
}

func (m ICMP) append(b []byte) []byte {
	b = append(b, m.Type, m.Code, 0, 0)
	b = append(b, m.Rest[:]...)
	return append(b, m.Body...)
}

// PutICMPv6Checksum sets the checksum of the ICMPv6 message that is all of
// message, of at least 4 bytes, for a packet from src to dst.
func PutICMPv6Checksum(message []byte, src, dst netip.Addr) {
	message[2], message[3] = 0, 0
	sum := Checksum(message, PseudoHeaderSum(src, dst, ProtoICMPv6, len(message)))
	binary.BigEndian.PutUint16(message[2:], sum)
}

// NewEcho returns an echo message: typ is ICMPv4Echo, ICMPv4EchoReply,
// ICMPv6Echo or ICMPv6EchoReply.
func NewEcho(typ uint8, id, seq uint16, data []byte) ICMP {
	m := ICMP{Type: typ, Body: data}
	binary.BigEndian.PutUint16(m.Rest[:], id)
	binary.BigEndian.PutUint16(m.Rest[2:], seq)
	return m
}

// Echo returns identifier and sequence number of an echo message.
func (m ICMP) Echo() (id, seq uint16) {
	return binary.BigEndian.Uint16(m.Rest[:]), binary.BigEndian.Uint16(m.Rest[2:])
}

// NewErrorV4 returns an ICMPv4 error message that quotes packet; what its type
// puts before the quote is zero.
func NewErrorV4(typ, code uint8, packet []byte) ICMP {
	return ICMP{Type: typ, Code: code, Body: QuoteIPv4(packet)}
}

// NewErrorV6 returns an ICMPv6 error message that quotes packet; what its type
// puts before the quote is zero.
func NewErrorV6(typ, code uint8, packet []byte) ICMP {
	return ICMP{Type: typ, Code: code, Body: QuoteIPv6(packet)}
}

// NewFragNeeded returns the ICMPv4 error "fragmentation needed and DF set"
// with the next hop's MTU (RFC 1191 section 4), quoting packet.
func NewFragNeeded(mtu uint16, packet []byte) ICMP {
	m := NewErrorV4(ICMPv4Unreachable, ICMPv4FragNeeded, packet)
	binary.BigEndian.PutUint16(m.Rest[2:], mtu)
	return m
}

// NewPacketTooBig returns the ICMPv6 error of RFC 4443 section 3.2, quoting
// packet.
func NewPacketTooBig(mtu uint32, packet []byte) ICMP {
	m := NewErrorV6(ICMPv6PacketTooBig, 0, packet)
	binary.BigEndian.PutUint32(m.Rest[:], mtu)
	return m
}

// NewParamProblem returns the ICMPv6 error of RFC 4443 section 3.4, quoting
// packet; pointer is the offset in it of what is wrong.
func NewParamProblem(code uint8, pointer uint32, packet []byte) ICMP {
	m := NewErrorV6(ICMPv6ParamProblem, code, packet)
	binary.BigEndian.PutUint32(m.Rest[:], pointer)
	return m
}

// NewParamProblemV4 returns the ICMPv4 error of RFC 792, "parameter problem",
// quoting packet; with code 0 pointer is the offset in it of what is wrong.
func NewParamProblemV4(code, pointer uint8, packet []byte) ICMP {
	m := NewErrorV4(ICMPv4ParamProblem, code, packet)
	m.Rest[0] = pointer
	return m
}

// NewRedirectV4 returns the ICMPv4 redirect of RFC 792 to gateway, quoting
// packet. It fails with ErrAddress unless gateway is IPv4.
func NewRedirectV4(code uint8, gateway netip.Addr, packet []byte) (ICMP, error) {
	if !gateway.Is4() {
		return ICMP{}, encodeError(LayerICMPv4, "gateway", ErrAddress)
	}
	m := NewErrorV4(ICMPv4Redirect, code, packet)
	m.Rest = gateway.As4()
	return m, nil
}

// FragNeededMTU returns the MTU of NewFragNeeded's message; 0 comes from
// routers before RFC 1191.
func (m ICMP) FragNeededMTU() int { return int(binary.BigEndian.Uint16(m.Rest[2:])) }

// PacketTooBigMTU returns the MTU of NewPacketTooBig's message.
func (m ICMP) PacketTooBigMTU() uint32 { return binary.BigEndian.Uint32(m.Rest[:]) }

// Pointer returns the pointer of NewParamProblem's message.
func (m ICMP) Pointer() uint32 { return binary.BigEndian.Uint32(m.Rest[:]) }

// PointerV4 returns the pointer of NewParamProblemV4's message.
func (m ICMP) PointerV4() uint8 { return m.Rest[0] }

// Gateway returns the gateway of NewRedirectV4's message.
func (m ICMP) Gateway() netip.Addr { return netip.AddrFrom4(m.Rest) }

// IsErrorV4 reports whether m, as ICMPv4, is an error message: those quote a
// packet and must never be answered by one (RFC 1122 section 3.2.2).
func (m ICMP) IsErrorV4() bool {
	switch m.Type {
	case ICMPv4Unreachable, ICMPv4Redirect, ICMPv4TimeExceeded, ICMPv4ParamProblem, icmpv4SourceQuench:
		return true
	}
	return false
}

const icmpv4SourceQuench = 4 // RFC 792; deprecated by RFC 6633

// IsErrorV6 reports whether m, as ICMPv6, is an error message (RFC 4443
// section 2.1: types below 128).
func (m ICMP) IsErrorV6() bool { return m.Type < 128 }
