package inet

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

const (
	ipv4MinLen = 20
	ipv4MaxLen = 60
)

// MaxIPv4Options is the greatest length of IPv4 options in bytes.
const MaxIPv4Options = ipv4MaxLen - ipv4MinLen

const (
	ipv4Reserved = 0x8000
	ipv4DF       = 0x4000
	ipv4MF       = 0x2000
)

// IPv4 is an IPv4 header (RFC 791 section 3.1).
type IPv4 struct {
	TOS         uint8
	ID          uint16
	Reserved    bool // the flag that RFC 791 keeps zero
	DF, MF      bool
	FragOffset  int // in bytes, a multiple of 8, at most 65528
	TTL, Proto  uint8
	Src, Dst    netip.Addr
	RouterAlert bool // RFC 2113: routers on the path examine the packet
	// RouterAlertValue is the option's value: 0 for "examine packet", others
	// registered by RFC 5350.
	RouterAlertValue uint16
	// Options are the raw options with their padding; parsed ones alias the
	// input. AppendTo writes them as they are where they are not nil, and
	// otherwise builds a Router Alert option where RouterAlert is set.
	Options []byte
	// TotalLen is the length of header and payload in bytes as received;
	// AppendTo computes it.
	TotalLen int
}

// Fragment reports whether the packet is one fragment of several.
func (h IPv4) Fragment() bool { return h.MF || h.FragOffset != 0 }

// ParseIPv4 returns the header and its payload, cut to the total length: what
// follows (Ethernet padding) is dropped. It verifies version, header length,
// checksum, total length and the framing of the options, in this order. Header
// and payload are also returned with ErrChecksum, and, the payload as far as
// it goes, where b is shorter than the total length (ErrTruncated, field
// "total length").
func ParseIPv4(b []byte) (h IPv4, payload []byte, err error) {
	hlen, err := ipv4HeaderLen(b)
	if err != nil {
		return IPv4{}, nil, err
	}
	h.fixed(b)
	var optErr error
	if hlen > ipv4MinLen {
		h.Options = b[ipv4MinLen:hlen:hlen]
		optErr = h.scanOptions()
	}
	end := max(hlen, min(h.TotalLen, len(b)))
	payload = b[hlen:end:end]
	switch {
	case headerSum(b[:hlen]) != 0xffff:
		return h, payload, decodeError(LayerIPv4, "header checksum", 10, ErrChecksum)
	case h.TotalLen < hlen:
		return IPv4{}, nil, decodeError(LayerIPv4, "total length", 2,
			fmt.Errorf("%d with a header of %d bytes: %w", h.TotalLen, hlen, ErrLength))
	case optErr != nil:
		return IPv4{}, nil, optErr
	case h.TotalLen > len(b):
		return h, payload, decodeError(LayerIPv4, "total length", 2,
			fmt.Errorf("%d, %d bytes left: %w", h.TotalLen, len(b), ErrTruncated))
	}
	return h, payload, nil
}

// headerSum is sum for a header: at least 20 bytes, in words of 4.
func headerSum(b []byte) uint16 {
	p := (*[ipv4MinLen]byte)(b)
	acc := uint64(binary.BigEndian.Uint32(p[0:4])) + uint64(binary.BigEndian.Uint32(p[4:8])) +
		uint64(binary.BigEndian.Uint32(p[8:12])) + uint64(binary.BigEndian.Uint32(p[12:16])) + uint64(binary.BigEndian.Uint32(p[16:20]))
	for b = b[ipv4MinLen:]; len(b) >= 4; b = b[4:] {
		acc += uint64(binary.BigEndian.Uint32(b))
	}
	return fold(acc)
}

// ipv4HeaderLen checks version and header length.
func ipv4HeaderLen(b []byte) (int, error) {
	if len(b) < ipv4MinLen {
		return 0, short(LayerIPv4, len(b), ipv4MinLen)
	}
	if b[0]>>4 != 4 {
		return 0, decodeError(LayerIPv4, "version", 0, ErrVersion)
	}
	hlen := int(b[0]&0x0f) * 4
	if hlen < ipv4MinLen {
		return 0, decodeError(LayerIPv4, "header length", 0, ErrLength)
	}
	if hlen > len(b) {
		return 0, decodeError(LayerIPv4, "header length", 0, ErrTruncated)
	}
	return hlen, nil
}

// fixed fills h from the first 20 bytes.
func (h *IPv4) fixed(b []byte) {
	_ = b[ipv4MinLen-1]
	frag := binary.BigEndian.Uint16(b[6:])
	h.TOS = b[1]
	h.TotalLen = int(binary.BigEndian.Uint16(b[2:]))
	h.ID = binary.BigEndian.Uint16(b[4:])
	h.Reserved = frag&ipv4Reserved != 0
	h.DF = frag&ipv4DF != 0
	h.MF = frag&ipv4MF != 0
	h.FragOffset = int(frag&0x1fff) * 8
	h.TTL = b[8]
	h.Proto = b[9]
	h.Src = netip.AddrFrom4([4]byte(b[12:16]))
	h.Dst = netip.AddrFrom4([4]byte(b[16:20]))
}

// scanOptions checks the framing of h.Options and looks for Router Alert; the
// first one counts.
func (h *IPv4) scanOptions() error {
	rest := h.Options
	for len(rest) > 0 {
		at := ipv4MinLen + len(h.Options) - len(rest)
		o, next, err := nextIPv4Option(rest)
		if err != nil {
			return decodeError(LayerIPv4, "options", at, err)
		}
		if o.Type == IPv4OptEnd {
			return nil
		}
		if o.Type == IPv4OptRouterAlert && len(o.Data) == 2 && !h.RouterAlert {
			h.RouterAlert = true
			h.RouterAlertValue = binary.BigEndian.Uint16(o.Data)
		}
		rest = next
	}
	return nil
}

// WireLen returns the length of the header with its options in bytes.
func (h IPv4) WireLen() int {
	switch {
	case h.Options != nil:
		return ipv4MinLen + len(h.Options)
	case h.RouterAlert:
		return ipv4MinLen + 4
	}
	return ipv4MinLen
}

// AppendTo appends the header for a payload of payloadLen bytes, which the
// caller appends next. It computes total length and checksum. It fails with
// ErrAddress where an address is not IPv4, ErrRange for a fragment offset,
// ErrLength for options that are not a multiple of 4 bytes, and ErrTooLong
// above 40 bytes of options or 65535 bytes in all.
func (h IPv4) AppendTo(b []byte, payloadLen int) ([]byte, error) {
	if err := h.check(payloadLen); err != nil {
		return b, err
	}
	start := len(b)
	hlen := h.WireLen()
	src, dst := h.Src.As4(), h.Dst.As4()
	b = append(b, 0x40|byte(hlen/4), h.TOS)
	b = binary.BigEndian.AppendUint16(b, uint16(hlen+payloadLen))
	b = binary.BigEndian.AppendUint16(b, h.ID)
	b = binary.BigEndian.AppendUint16(b, h.flags())
	b = append(b, h.TTL, h.Proto, 0, 0)
	b = append(b, src[:]...)
	b = append(b, dst[:]...)
	switch {
	case h.Options != nil:
		b = append(b, h.Options...)
	case h.RouterAlert:
		b = append(b, IPv4OptRouterAlert, 4, byte(h.RouterAlertValue>>8), byte(h.RouterAlertValue))
	}
	binary.BigEndian.PutUint16(b[start+10:], ^sum(b[start:]))
	return b, nil
}

func (h IPv4) check(payloadLen int) error {
	switch {
	case !h.Src.Is4():
		return encodeError(LayerIPv4, "source", ErrAddress)
	case !h.Dst.Is4():
		return encodeError(LayerIPv4, "destination", ErrAddress)
	case h.FragOffset < 0 || h.FragOffset > 0x1fff*8 || h.FragOffset%8 != 0:
		return encodeError(LayerIPv4, "fragment offset", ErrRange)
	case len(h.Options)%4 != 0:
		return encodeError(LayerIPv4, "options", ErrLength)
	case len(h.Options) > MaxIPv4Options:
		return encodeError(LayerIPv4, "options", ErrTooLong)
	case payloadLen < 0:
		return encodeError(LayerIPv4, "payload length", ErrRange)
	case h.WireLen()+payloadLen > 0xffff:
		return encodeError(LayerIPv4, "total length", ErrTooLong)
	}
	return nil
}

func (h IPv4) flags() uint16 {
	v := uint16(h.FragOffset / 8)
	if h.Reserved {
		v |= ipv4Reserved
	}
	if h.DF {
		v |= ipv4DF
	}
	if h.MF {
		v |= ipv4MF
	}
	return v
}
