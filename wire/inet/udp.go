package inet

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// HeaderLenUDP is the length of a UDP header in bytes.
const HeaderLenUDP = 8

// MaxUDPPayload is the greatest payload that UDP's length field can name; IP
// can carry less.
const MaxUDPPayload = 0xffff - HeaderLenUDP

// UDP is a UDP header (RFC 768). It is comparable.
type UDP struct {
	SrcPort, DstPort uint16
	// Checksum and Length (of header and payload, in bytes) are as received;
	// AppendTo computes them. A Checksum of 0 is none at all.
	Checksum uint16
	Length   int
}

// ParseUDPHeader is ParseUDP without the checksum, for links with partial
// checksums and for packets quoted in ICMP errors. The header and the payload
// as far as it goes are also returned where b is shorter than the length
// (ErrTruncated, field "length").
func ParseUDPHeader(b []byte) (u UDP, payload []byte, err error) {
	if len(b) < HeaderLenUDP {
		return UDP{}, nil, short(LayerUDP, len(b), HeaderLenUDP)
	}
	u.SrcPort = binary.BigEndian.Uint16(b)
	u.DstPort = binary.BigEndian.Uint16(b[2:])
	u.Length = int(binary.BigEndian.Uint16(b[4:]))
	u.Checksum = binary.BigEndian.Uint16(b[6:])
	if u.Length < HeaderLenUDP {
		return UDP{}, nil, decodeError(LayerUDP, "length", 4, ErrLength)
	}
	end := min(u.Length, len(b))
	payload = b[HeaderLenUDP:end:end]
	if u.Length > len(b) {
		return u, payload, decodeError(LayerUDP, "length", 4,
			fmt.Errorf("%d, %d bytes left: %w", u.Length, len(b), ErrTruncated))
	}
	return u, payload, nil
}

// ParseUDP returns the header and the payload, cut to the header's length, and
// verifies the checksum, for which it needs the IP addresses. Over IPv4 a
// checksum of 0 is none and accepted; the caller sees Checksum == 0. Over IPv6
// it is ErrChecksum (RFC 8200 section 8.1). Header and payload are returned
// with ErrChecksum too.
func ParseUDP(b []byte, src, dst netip.Addr) (u UDP, payload []byte, err error) {
	u, payload, err = ParseUDPHeader(b)
	if err != nil {
		return u, payload, err
	}
	if u.Checksum == 0 {
		if dst.Is4() {
			return u, payload, nil
		}
		return u, payload, decodeError(LayerUDP, "checksum", 6, fmt.Errorf("0 over IPv6: %w", ErrChecksum))
	}
	if Checksum(b[:u.Length], PseudoHeaderSum(src, dst, ProtoUDP, u.Length)) != 0 {
		return u, payload, decodeError(LayerUDP, "checksum", 6, ErrChecksum)
	}
	return u, payload, nil
}

// AppendTo appends header and payload, with the checksum for a packet from src
// to dst; one that computes to 0 is sent as 0xffff (RFC 768). It fails with
// ErrTooLong above MaxUDPPayload and with ErrAddress where the addresses are
// not of one family.
func (u UDP) AppendTo(b []byte, src, dst netip.Addr, payload []byte) ([]byte, error) {
	if len(payload) > MaxUDPPayload {
		return b, encodeError(LayerUDP, "length", ErrTooLong)
	}
	if !sameFamily(src, dst) {
		return b, encodeError(LayerUDP, "addresses", ErrAddress)
	}
	start := len(b)
	length := HeaderLenUDP + len(payload)
	b = binary.BigEndian.AppendUint16(b, u.SrcPort)
	b = binary.BigEndian.AppendUint16(b, u.DstPort)
	b = binary.BigEndian.AppendUint16(b, uint16(length))
	b = append(b, 0, 0)
	b = append(b, payload...)
	sum := Checksum(b[start:], PseudoHeaderSum(src, dst, ProtoUDP, length))
	if sum == 0 {
		sum = 0xffff
	}
	binary.BigEndian.PutUint16(b[start+6:], sum)
	return b, nil
}

func sameFamily(a, b netip.Addr) bool { return a.IsValid() && a.BitLen() == b.BitLen() }
