package inet

import "encoding/binary"

// IPv6 option types (RFC 8200 section 4.2, RFC 2711 section 2.1).
const (
	IPv6OptPad1        uint8 = 0
	IPv6OptPadN        uint8 = 1
	IPv6OptRouterAlert uint8 = 5 // alignment 2n+0; at most one a header
)

// Action is what a node does with a packet that has an option it does not know
// (RFC 8200 section 4.2); the two high bits of the option's type say it.
type Action uint8

// Actions on an unknown option.
const (
	ActionSkip            Action = iota // 00: skip the option
	ActionDiscard                       // 01: discard the packet
	ActionReport                        // 10: discard it and send a Parameter Problem, code 2
	ActionReportIfUnicast               // 11: the same, unless the destination is multicast
)

// String returns the action's name.
func (a Action) String() string {
	return [...]string{"skip", "discard", "report", "report if unicast"}[a&3]
}

// OptionAction returns what to do with an unknown IPv6 option of this type.
func OptionAction(optionType uint8) Action { return Action(optionType >> 6) }

// NextIPv6Option returns the first option of b, which holds the options of a
// Hop-by-Hop or Destination Options header, and what follows it. Pad1 is one
// byte long. The only error is ErrTruncated, at an offset from the start of b.
func NextIPv6Option(b []byte) (o Option, rest []byte, err error) {
	if o, rest, err = nextIPv6Option(b); err != nil {
		return Option{}, nil, decodeError(LayerIPv6, "option", 0, err)
	}
	return o, rest, nil
}

// nextIPv6Option is NextIPv6Option with the bare reason as its error.
func nextIPv6Option(b []byte) (o Option, rest []byte, err error) {
	if len(b) == 0 {
		return Option{}, nil, ErrTruncated
	}
	if b[0] == IPv6OptPad1 {
		return Option{Type: IPv6OptPad1}, b[1:], nil
	}
	return tlvOption(b, 0)
}

// AppendIPv6 appends the option for the Data of an ExtensionHeader, which
// PadIPv6Options ends. It fails with ErrTooLong above 255 bytes of data and with
// ErrLength for data in Pad1, which has one byte.
func (o Option) AppendIPv6(b []byte) ([]byte, error) {
	switch {
	case o.Type == IPv6OptPad1:
		if len(o.Data) > 0 {
			return b, encodeError(LayerIPv6, "option", ErrLength)
		}
		return append(b, IPv6OptPad1), nil
	case len(o.Data) > 0xff:
		return b, encodeError(LayerIPv6, "option", ErrTooLong)
	}
	return append(append(b, o.Type, byte(len(o.Data))), o.Data...), nil
}

// PadIPv6Options appends Pad1 or PadN to the options that are all of b until
// they fill a Hop-by-Hop or Destination Options header.
func PadIPv6Options(b []byte) []byte {
	switch n := -(len(b) + 2) & 7; n {
	case 0:
		return b
	case 1:
		return append(b, IPv6OptPad1)
	default:
		var zeros [8]byte
		return append(append(b, IPv6OptPadN, byte(n-2)), zeros[:n-2]...)
	}
}

// ExtensionHeader is one IPv6 extension header of the kinds that NextExtension
// walks.
type ExtensionHeader struct {
	Type uint8  // ProtoHopByHop, ProtoRouting, ProtoFragment or ProtoDestination
	Next uint8  // the type of what follows
	Data []byte // after next header and length, to the header's end; aliases the input
}

// IsExtension reports whether proto is an extension header that NextExtension
// walks.
func IsExtension(proto uint8) bool {
	switch proto {
	case ProtoHopByHop, ProtoRouting, ProtoFragment, ProtoDestination:
		return true
	}
	return false
}

// NextExtension returns the extension header of type proto at the start of b
// and what follows it. Errors are ErrUnsupported, where IsExtension is false,
// and ErrTruncated, at an offset from the start of b. The options of a
// Hop-by-Hop or Destination Options header are its Data, for NextIPv6Option.
func NextExtension(proto uint8, b []byte) (x ExtensionHeader, rest []byte, err error) {
	if x, rest, err = nextExtension(proto, b); err != nil {
		return ExtensionHeader{}, nil, decodeError(LayerIPv6, ProtoName(proto), 0, err)
	}
	return x, rest, nil
}

// nextExtension is NextExtension with the bare reason as its error.
func nextExtension(proto uint8, b []byte) (x ExtensionHeader, rest []byte, err error) {
	if !IsExtension(proto) {
		return ExtensionHeader{}, nil, ErrUnsupported
	}
	if len(b) < 8 {
		return ExtensionHeader{}, nil, ErrTruncated
	}
	n := 8
	if proto != ProtoFragment { // whose second byte is reserved
		n += int(b[1]) * 8
	}
	if n > len(b) {
		return ExtensionHeader{}, nil, ErrTruncated
	}
	return ExtensionHeader{Type: proto, Next: b[0], Data: b[2:n:n]}, b[n:], nil
}

// AppendTo appends the header, for IPv6.Extensions. It fails with ErrUnsupported
// where IsExtension is false, with ErrLength where the data do not fill units
// of 8 bytes, of which the first has 6, and with ErrTooLong above 2048 bytes.
func (x ExtensionHeader) AppendTo(b []byte) ([]byte, error) {
	n := len(x.Data) + 2
	switch {
	case !IsExtension(x.Type):
		return b, encodeError(LayerIPv6, ProtoName(x.Type), ErrUnsupported)
	case n%8 != 0 || x.Type == ProtoFragment && n != 8:
		return b, encodeError(LayerIPv6, ProtoName(x.Type), ErrLength)
	case n > 256*8:
		return b, encodeError(LayerIPv6, ProtoName(x.Type), ErrTooLong)
	}
	return append(append(b, x.Next, byte(n/8-1)), x.Data...), nil
}

// walk reads the extension headers at the start of b, whose first is of type
// next, into h, and returns their length.
func (h *IPv6) walk(next uint8, b []byte) (n int, err error) {
	rest := b
	for IsExtension(next) && !h.fragmented() {
		at := HeaderLenIPv6 + len(b) - len(rest)
		x, after, err := nextExtension(next, rest)
		if err != nil {
			return 0, decodeError(LayerIPv6, ProtoName(next), at, err)
		}
		if err := h.extension(x, at); err != nil {
			return 0, err
		}
		next, rest = x.Next, after
	}
	h.NextHeader = next
	return len(b) - len(rest), nil
}

func (h *IPv6) fragmented() bool {
	return h.Fragment.Present && (h.Fragment.More || h.Fragment.Offset != 0)
}

// extension takes one extension header, at bytes after the start of the IPv6
// header, into h.
func (h *IPv6) extension(x ExtensionHeader, at int) error {
	switch x.Type {
	case ProtoHopByHop:
		if at != HeaderLenIPv6 { // RFC 8200 section 4.1: only right after the IPv6 header
			return decodeError(LayerIPv6, "Hop-by-Hop", at, ErrUnsupported)
		}
		h.HasHopByHop = true
		return h.options(x, at+2, &h.HopByHopProblem)
	case ProtoDestination:
		return h.options(x, at+2, &h.DestinationProblem)
	case ProtoRouting:
		if !h.Routing.Present {
			h.Routing = RoutingHeader{Present: true, Type: x.Data[0], SegmentsLeft: x.Data[1], Offset: at + 2}
		}
	case ProtoFragment:
		field := binary.BigEndian.Uint16(x.Data)
		h.Fragment = FragmentHeader{
			Present: true,
			More:    field&1 != 0,
			Offset:  int(field &^ 7),
			ID:      binary.BigEndian.Uint32(x.Data[2:]),
		}
	}
	return nil
}

// options walks the options of x, which start at bytes after the start of the
// IPv6 header. They may come in any order and padding may precede any of them.
func (h *IPv6) options(x ExtensionHeader, at int, problem *OptionProblem) error {
	rest := x.Data
	for len(rest) > 0 {
		pos := at + len(x.Data) - len(rest)
		o, next, err := nextIPv6Option(rest)
		if err != nil {
			return decodeError(LayerIPv6, ProtoName(x.Type)+" option", pos, err)
		}
		switch {
		case o.Type == IPv6OptRouterAlert && x.Type == ProtoHopByHop:
			if len(o.Data) != 2 {
				return decodeError(LayerIPv6, "Router Alert", pos, ErrLength)
			}
			if !h.RouterAlert {
				h.RouterAlert = true
				h.RouterAlertValue = binary.BigEndian.Uint16(o.Data)
			}
		case OptionAction(o.Type) != ActionSkip && *problem == OptionProblem{}:
			*problem = OptionProblem{Type: o.Type, Offset: pos}
		}
		rest = next
	}
	return nil
}
