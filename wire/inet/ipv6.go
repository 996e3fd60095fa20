package inet

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// HeaderLenIPv6 is the length of the fixed IPv6 header in bytes.
const HeaderLenIPv6 = 40

// Router Alert values (RFC 2711 section 2.1).
const (
	RouterAlertMLD  uint16 = 0
	RouterAlertRSVP uint16 = 1
)

// FragmentHeader is the IPv6 Fragment header (RFC 8200 section 4.5).
type FragmentHeader struct {
	Present bool
	More    bool
	Offset  int // in bytes, a multiple of 8, at most 65528
	ID      uint32
}

// RoutingHeader says that a Routing header is there (RFC 8200 section 4.4);
// the first one counts.
type RoutingHeader struct {
	Present      bool
	Type         uint8
	SegmentsLeft uint8
	Offset       int // of the Routing Type, from the start of the IPv6 header
}

// OptionProblem names the first option that is not known here and whose type
// tells a node that does not know it to discard the packet (RFC 8200 section
// 4.2). The zero value stands for none. Its Type's two high bits say what
// else: OptionAction.
type OptionProblem struct {
	Type   uint8
	Offset int // of the option, from the start of the IPv6 header
}

// IPv6 is an IPv6 header with the extension headers that follow it (RFC 8200).
// It is for the Hop-by-Hop Options, Routing, Destination Options and Fragment
// headers; what follows them is the upper protocol.
type IPv6 struct {
	TrafficClass uint8
	FlowLabel    uint32 // 20 bits
	HopLimit     uint8
	Src, Dst     netip.Addr
	// NextHeader is the protocol of the payload: the upper protocol, or of a
	// fragment whatever its Fragment header names.
	NextHeader uint8

	HasHopByHop      bool
	RouterAlert      bool // RFC 2711, in the Hop-by-Hop header; implies HasHopByHop
	RouterAlertValue uint16
	Fragment         FragmentHeader
	Routing          RoutingHeader // read only: AppendTo writes it from Extensions

	// HopByHopProblem concerns every node on the path, DestinationProblem the
	// destination alone. Both are read only.
	HopByHopProblem    OptionProblem
	DestinationProblem OptionProblem

	// Extensions are the raw extension headers and ExtensionType the type of
	// the first of them, where they are not what AppendTo would build from
	// the fields above; they alias the input. Where Extensions is not nil,
	// AppendTo writes it as it is, and the last header in it must name
	// NextHeader.
	Extensions    []byte
	ExtensionType uint8

	// PayloadLen is the length of extension headers and payload in bytes as
	// received; AppendTo computes it.
	PayloadLen int
}

// ParseIPv6 returns the header and the payload after its extension headers,
// cut to the payload length. The walk ends at a Fragment header unless it is
// an atomic fragment (RFC 6946): what follows is then part of the packet to be
// reassembled. A Hop-by-Hop header anywhere but first is ErrUnsupported. The
// header and the payload as far as it goes are also returned where b is
// shorter than the payload length (ErrTruncated, field "payload length").
func ParseIPv6(b []byte) (h IPv6, payload []byte, err error) {
	if len(b) < HeaderLenIPv6 {
		return IPv6{}, nil, short(LayerIPv6, len(b), HeaderLenIPv6)
	}
	if b[0]>>4 != 6 {
		return IPv6{}, nil, decodeError(LayerIPv6, "version", 0, ErrVersion)
	}
	first := binary.BigEndian.Uint32(b)
	h.TrafficClass = uint8(first >> 20)
	h.FlowLabel = first & 0xfffff
	h.PayloadLen = int(binary.BigEndian.Uint16(b[4:]))
	h.HopLimit = b[7]
	h.Src = netip.AddrFrom16([16]byte(b[8:24]))
	h.Dst = netip.AddrFrom16([16]byte(b[24:40]))

	end := min(HeaderLenIPv6+h.PayloadLen, len(b))
	n, err := h.walk(b[6], b[HeaderLenIPv6:end])
	if err != nil {
		return IPv6{}, nil, err
	}
	h.keepRaw(b[6], b[HeaderLenIPv6:HeaderLenIPv6+n:HeaderLenIPv6+n])
	payload = b[HeaderLenIPv6+n : end : end]
	if HeaderLenIPv6+h.PayloadLen > len(b) {
		return h, payload, decodeError(LayerIPv6, "payload length", 4,
			fmt.Errorf("%d, %d bytes left: %w", h.PayloadLen, len(b)-HeaderLenIPv6, ErrTruncated))
	}
	return h, payload, nil
}

// keepRaw keeps the extension headers unless AppendTo would build the same.
func (h *IPv6) keepRaw(first uint8, raw []byte) {
	if len(raw) == 0 {
		return
	}
	var buf [builtExtensionsMax]byte
	built, builtFirst := h.buildExtensions(buf[:0])
	if first == builtFirst && string(raw) == string(built) {
		return
	}
	h.Extensions, h.ExtensionType = raw, first
}

// builtExtensionsMax is the length of what buildExtensions builds at most.
const builtExtensionsMax = 16

// buildExtensions appends the extension headers that the typed fields ask for
// and returns the type of the first header, or NextHeader where there is none.
func (h *IPv6) buildExtensions(b []byte) (_ []byte, first uint8) {
	first = h.NextHeader
	if h.Fragment.Present {
		first = ProtoFragment
	}
	if h.HasHopByHop || h.RouterAlert {
		b = append(b, first, 0)
		if h.RouterAlert {
			b = append(b, IPv6OptRouterAlert, 2, byte(h.RouterAlertValue>>8), byte(h.RouterAlertValue))
			b = append(b, IPv6OptPadN, 0)
		} else {
			b = append(b, IPv6OptPadN, 4, 0, 0, 0, 0)
		}
		first = ProtoHopByHop
	}
	if h.Fragment.Present {
		field := uint16(h.Fragment.Offset)
		if h.Fragment.More {
			field |= 1
		}
		b = append(b, h.NextHeader, 0)
		b = binary.BigEndian.AppendUint16(b, field)
		b = binary.BigEndian.AppendUint32(b, h.Fragment.ID)
	}
	return b, first
}

// WireLen returns the length of the header and its extension headers in bytes.
func (h IPv6) WireLen() int {
	n := HeaderLenIPv6
	if h.Extensions != nil {
		return n + len(h.Extensions)
	}
	if h.HasHopByHop || h.RouterAlert {
		n += 8
	}
	if h.Fragment.Present {
		n += 8
	}
	return n
}

// AppendTo appends the header and its extension headers for a payload of
// payloadLen bytes, which the caller appends next. It fails with ErrAddress
// where an address is not IPv6, ErrRange for a flow label or a fragment
// offset, ErrTooLong above 65535 bytes after the fixed header, and with what
// ParseIPv6 would say about Extensions.
func (h IPv6) AppendTo(b []byte, payloadLen int) ([]byte, error) {
	if err := h.check(payloadLen); err != nil {
		return b, err
	}
	start := len(b)
	src, dst := h.Src.As16(), h.Dst.As16()
	b = binary.BigEndian.AppendUint32(b, 6<<28|uint32(h.TrafficClass)<<20|h.FlowLabel)
	b = binary.BigEndian.AppendUint16(b, uint16(h.WireLen()-HeaderLenIPv6+payloadLen))
	b = append(b, h.ExtensionType, h.HopLimit)
	b = append(b, src[:]...)
	b = append(b, dst[:]...)
	if h.Extensions != nil {
		return append(b, h.Extensions...), nil
	}
	b, first := h.buildExtensions(b)
	b[start+6] = first
	return b, nil
}

func (h *IPv6) check(payloadLen int) error {
	switch {
	case !h.Src.Is6():
		return encodeError(LayerIPv6, "source", ErrAddress)
	case !h.Dst.Is6():
		return encodeError(LayerIPv6, "destination", ErrAddress)
	case h.FlowLabel > 0xfffff:
		return encodeError(LayerIPv6, "flow label", ErrRange)
	case h.Fragment.Offset < 0 || h.Fragment.Offset > 0xfff8 || h.Fragment.Offset%8 != 0:
		return encodeError(LayerIPv6, "fragment offset", ErrRange)
	case payloadLen < 0:
		return encodeError(LayerIPv6, "payload length", ErrRange)
	case h.WireLen()-HeaderLenIPv6+payloadLen > 0xffff:
		return encodeError(LayerIPv6, "payload length", ErrTooLong)
	}
	if h.Extensions == nil {
		return nil
	}
	var w IPv6
	n, err := w.walk(h.ExtensionType, h.Extensions)
	if err != nil {
		return err
	}
	if n != len(h.Extensions) || w.NextHeader != h.NextHeader {
		return encodeError(LayerIPv6, "extension headers", ErrLength)
	}
	return nil
}
