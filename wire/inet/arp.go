package inet

import (
	"encoding/binary"
	"net/netip"
)

// ARPLen is the length of an ARP packet for IPv4 over Ethernet in bytes.
const ARPLen = 28

// ARP operations (RFC 826).
const (
	ARPRequest uint16 = 1
	ARPReply   uint16 = 2
)

const arpHardwareEthernet = 1 // RFC 826, IANA "ARP Parameters"

// ARP is an ARP packet for IPv4 over Ethernet (RFC 826). It is comparable.
type ARP struct {
	Op                   uint16 // ARPRequest, ARPReply, or as received
	SenderMAC, TargetMAC MAC
	SenderIP, TargetIP   netip.Addr // IPv4
}

// ParseARP reads an ARP packet; what follows it (padding) is ignored. Packets
// of another hardware or protocol fail with ErrUnsupported, and those whose
// address lengths disagree with their types with ErrLength.
func ParseARP(b []byte) (ARP, error) {
	if len(b) < 8 {
		return ARP{}, short(LayerARP, len(b), 8)
	}
	switch {
	case binary.BigEndian.Uint16(b) != arpHardwareEthernet:
		return ARP{}, decodeError(LayerARP, "hardware type", 0, ErrUnsupported)
	case EtherType(binary.BigEndian.Uint16(b[2:])) != EtherTypeIPv4:
		return ARP{}, decodeError(LayerARP, "protocol type", 2, ErrUnsupported)
	case b[4] != 6:
		return ARP{}, decodeError(LayerARP, "hardware address length", 4, ErrLength)
	case b[5] != 4:
		return ARP{}, decodeError(LayerARP, "protocol address length", 5, ErrLength)
	case len(b) < ARPLen:
		return ARP{}, short(LayerARP, len(b), ARPLen)
	}
	return ARP{
		Op:        binary.BigEndian.Uint16(b[6:]),
		SenderMAC: MAC(b[8:14]),
		SenderIP:  netip.AddrFrom4([4]byte(b[14:18])),
		TargetMAC: MAC(b[18:24]),
		TargetIP:  netip.AddrFrom4([4]byte(b[24:28])),
	}, nil
}

// WireLen returns ARPLen.
func (a ARP) WireLen() int { return ARPLen }

// AppendTo appends the packet. It fails with ErrAddress where an address is
// not IPv4.
func (a ARP) AppendTo(b []byte) ([]byte, error) {
	if !a.SenderIP.Is4() {
		return b, encodeError(LayerARP, "sender address", ErrAddress)
	}
	if !a.TargetIP.Is4() {
		return b, encodeError(LayerARP, "target address", ErrAddress)
	}
	sender, target := a.SenderIP.As4(), a.TargetIP.As4()
	b = append(b, 0, arpHardwareEthernet, byte(EtherTypeIPv4>>8), byte(EtherTypeIPv4&0xff), 6, 4)
	b = binary.BigEndian.AppendUint16(b, a.Op)
	b = append(b, a.SenderMAC[:]...)
	b = append(b, sender[:]...)
	b = append(b, a.TargetMAC[:]...)
	return append(b, target[:]...), nil
}
