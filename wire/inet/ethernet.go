package inet

import (
	"encoding/binary"
	"fmt"
)

// HeaderLenEthernet is the length of an untagged Ethernet header in bytes.
const HeaderLenEthernet = 14

// MaxTags is how many VLAN tags ParseEthernet takes off; a further one stays
// in the payload.
const MaxTags = 2

const tagLen = 4

// EtherType says what an Ethernet frame carries; values below 0x0600 are the
// length of an IEEE 802.3 frame instead.
type EtherType uint16

// Ethernet types (IANA "IEEE 802 Numbers").
const (
	EtherTypeIPv4 EtherType = 0x0800
	EtherTypeARP  EtherType = 0x0806
	EtherTypeVLAN EtherType = 0x8100 // IEEE 802.1Q customer tag
	EtherTypeIPv6 EtherType = 0x86dd
	EtherTypeQinQ EtherType = 0x88a8 // IEEE 802.1Q service tag
)

// IsLength reports whether t is the length of an IEEE 802.3 frame.
func (t EtherType) IsLength() bool { return t < 0x0600 }

func (t EtherType) isTag() bool { return t == EtherTypeVLAN || t == EtherTypeQinQ }

// String returns the protocol's name, or the number in hexadecimal.
func (t EtherType) String() string {
	switch t {
	case EtherTypeIPv4:
		return "IPv4"
	case EtherTypeARP:
		return "ARP"
	case EtherTypeVLAN:
		return "VLAN"
	case EtherTypeIPv6:
		return "IPv6"
	case EtherTypeQinQ:
		return "QinQ"
	}
	return fmt.Sprintf("0x%04x", uint16(t))
}

// Tag is an IEEE 802.1Q tag. The zero Tag stands for none.
type Tag struct {
	Type EtherType // EtherTypeVLAN or EtherTypeQinQ
	TCI  uint16    // priority (3 bits), drop eligible (1), VLAN (12)
}

// VLAN returns the VLAN identifier.
func (t Tag) VLAN() uint16 { return t.TCI & 0x0fff }

// Ethernet is an Ethernet II header with its tags. It is comparable.
type Ethernet struct {
	Dst, Src MAC
	Type     EtherType    // what follows the tags
	Tags     [MaxTags]Tag // outermost first; a zero Tag ends them
}

// ParseEthernet returns the header and what follows it, padding included. The
// payload of an IEEE 802.3 frame (Type.IsLength) is not cut to its length.
func ParseEthernet(b []byte) (h Ethernet, payload []byte, err error) {
	if len(b) < HeaderLenEthernet {
		return Ethernet{}, nil, short(LayerEthernet, len(b), HeaderLenEthernet)
	}
	h.Dst, h.Src = MAC(b[0:6]), MAC(b[6:12])
	h.Type = EtherType(binary.BigEndian.Uint16(b[12:]))
	at := HeaderLenEthernet
	for i := 0; i < MaxTags && h.Type.isTag(); i++ {
		if len(b) < at+tagLen {
			return Ethernet{}, nil, decodeError(LayerEthernet, "VLAN tag", at, ErrTruncated)
		}
		h.Tags[i] = Tag{Type: h.Type, TCI: binary.BigEndian.Uint16(b[at:])}
		h.Type = EtherType(binary.BigEndian.Uint16(b[at+2:]))
		at += tagLen
	}
	return h, b[at:], nil
}

// WireLen returns the length of the header with its tags in bytes.
func (h Ethernet) WireLen() int {
	n := HeaderLenEthernet
	for _, t := range h.Tags {
		if t.Type == 0 {
			break
		}
		n += tagLen
	}
	return n
}

// AppendTo appends the header. Nothing is padded: the minimum frame size of a
// physical Ethernet is the link's concern.
func (h Ethernet) AppendTo(b []byte) []byte {
	b = append(b, h.Dst[:]...)
	b = append(b, h.Src[:]...)
	for _, t := range h.Tags {
		if t.Type == 0 {
			break
		}
		b = binary.BigEndian.AppendUint16(b, uint16(t.Type))
		b = binary.BigEndian.AppendUint16(b, t.TCI)
	}
	return binary.BigEndian.AppendUint16(b, uint16(h.Type))
}
