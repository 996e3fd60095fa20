package inet

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// IPv4 option types (IANA "IP Option Numbers"). The high bit says that
// fragments carry a copy: IPv4OptCopied.
const (
	IPv4OptEnd         uint8 = 0   // RFC 791: one byte, ends the options
	IPv4OptNop         uint8 = 1   // RFC 791: one byte, between options
	IPv4OptRecordRoute uint8 = 7   // RFC 791: IPv4Route
	IPv4OptTimestamp   uint8 = 68  // RFC 791: IPv4Timestamp
	IPv4OptSecurity    uint8 = 130 // RFC 1108
	IPv4OptLooseRoute  uint8 = 131 // RFC 791: IPv4Route
	IPv4OptStreamID    uint8 = 136 // RFC 791, deprecated by RFC 6814; 4 bytes
	IPv4OptStrictRoute uint8 = 137 // RFC 791: IPv4Route
	IPv4OptRouterAlert uint8 = 148 // RFC 2113: IPv4.RouterAlert; 4 bytes
)

// IPv4OptName returns the name of an option's type, or "option N".
func IPv4OptName(typ uint8) string {
	switch typ {
	case IPv4OptEnd:
		return "End of Options"
	case IPv4OptNop:
		return "No Operation"
	case IPv4OptRecordRoute:
		return "Record Route"
	case IPv4OptTimestamp:
		return "Timestamp"
	case IPv4OptSecurity:
		return "Security"
	case IPv4OptLooseRoute:
		return "Loose Source Route"
	case IPv4OptStreamID:
		return "Stream ID"
	case IPv4OptStrictRoute:
		return "Strict Source Route"
	case IPv4OptRouterAlert:
		return "Router Alert"
	}
	return fmt.Sprintf("option %d", typ)
}

// IPv4OptCopied reports whether an option of this type stands in every fragment
// of a packet, and not in the first alone (RFC 791 section 3.1).
func IPv4OptCopied(typ uint8) bool { return typ&0x80 != 0 }

// Option is one option of an IPv4 header or of an IPv6 options header.
type Option struct {
	Type uint8
	Data []byte // without type and length; aliases the input
}

// NextIPv4Option returns the first option of b and what follows it, so that
// options can be walked:
//
//	for rest := h.Options; len(rest) > 0; {
//		var o inet.Option
//		if o, rest, err = inet.NextIPv4Option(rest); err != nil || o.Type == inet.IPv4OptEnd {
//			break
//		}
//	}
//
// End and No Operation are one byte long. Errors are ErrTruncated and, for a
// length below 2, ErrLength, at an offset from the start of b.
func NextIPv4Option(b []byte) (o Option, rest []byte, err error) {
	if o, rest, err = nextIPv4Option(b); err != nil {
		return Option{}, nil, decodeError(LayerIPv4, "options", 0, err)
	}
	return o, rest, nil
}

// nextIPv4Option is NextIPv4Option with the bare reason as its error.
func nextIPv4Option(b []byte) (o Option, rest []byte, err error) {
	if len(b) == 0 {
		return Option{}, nil, ErrTruncated
	}
	if b[0] == IPv4OptEnd || b[0] == IPv4OptNop {
		return Option{Type: b[0]}, b[1:], nil
	}
	return tlvOption(b, 2)
}

// tlvOption returns the option of b whose second byte is its length, counted
// from overhead bytes on: 2 in IPv4, where it includes type and length, and 0
// in IPv6.
func tlvOption(b []byte, overhead int) (o Option, rest []byte, err error) {
	if len(b) < 2 {
		return Option{}, nil, ErrTruncated
	}
	n := int(b[1]) - overhead
	if n < 0 {
		return Option{}, nil, ErrLength
	}
	if 2+n > len(b) {
		return Option{}, nil, ErrTruncated
	}
	return Option{Type: b[0], Data: b[2 : 2+n : 2+n]}, b[2+n:], nil
}

// AppendIPv4 appends the option for IPv4.Options, which PadIPv4Options ends. It
// fails with ErrTooLong where it would fit no header, and with ErrLength for
// data in an option that has one byte.
func (o Option) AppendIPv4(b []byte) ([]byte, error) {
	switch {
	case o.Type == IPv4OptEnd || o.Type == IPv4OptNop:
		if len(o.Data) > 0 {
			return b, encodeError(LayerIPv4, "options", ErrLength)
		}
		return append(b, o.Type), nil
	case len(o.Data) > MaxIPv4Options-2:
		return b, encodeError(LayerIPv4, "options", ErrTooLong)
	}
	return append(append(b, o.Type, byte(len(o.Data)+2)), o.Data...), nil
}

// PadIPv4Options appends End of Options to the options that are all of b until
// they fill 4-byte words.
func PadIPv4Options(b []byte) []byte {
	for len(b)%4 != 0 {
		b = append(b, IPv4OptEnd)
	}
	return b
}

// IPv4Route is a Record Route, Loose Source Route or Strict Source Route option
// (RFC 791 section 3.1).
type IPv4Route struct {
	Type uint8 // IPv4OptRecordRoute, IPv4OptLooseRoute or IPv4OptStrictRoute
	// Pointer is the position, from the option's first byte as 1, of the address
	// to be used or filled in next: 4 for the first. Beyond the last it is done.
	Pointer uint8
	Route   []byte // the addresses, 4 bytes each; aliases the input
}

const routePointer = 4 // the least pointer: type, length and pointer come first

// ParseIPv4Route reads the option. It fails with ErrUnsupported for another
// type, with ErrLength where the data are not addresses, and with ErrRange for
// a pointer to no address.
func ParseIPv4Route(o Option) (IPv4Route, error) {
	switch o.Type {
	case IPv4OptRecordRoute, IPv4OptLooseRoute, IPv4OptStrictRoute:
	default:
		return IPv4Route{}, decodeError(LayerIPv4, "option type", 0, ErrUnsupported)
	}
	if len(o.Data)%4 != 1 {
		return IPv4Route{}, decodeError(LayerIPv4, IPv4OptName(o.Type), 1, ErrLength)
	}
	r := IPv4Route{Type: o.Type, Pointer: o.Data[0], Route: o.Data[1:]}
	if r.Pointer < routePointer || r.Pointer%4 != 0 {
		return IPv4Route{}, decodeError(LayerIPv4, IPv4OptName(o.Type)+" pointer", 2, ErrRange)
	}
	return r, nil
}

// Len returns how many addresses the route has room for.
func (r IPv4Route) Len() int { return len(r.Route) / 4 }

// Addr returns the address number i, from 0 to Len()-1.
func (r IPv4Route) Addr(i int) netip.Addr { return netip.AddrFrom4([4]byte(r.Route[4*i:])) }

// Next returns the number of the address to be used or filled in next; Len()
// and more is none.
func (r IPv4Route) Next() int { return int(r.Pointer)/4 - 1 }

// AppendTo appends the option, for IPv4.Options. It fails with ErrLength and
// ErrTooLong where the addresses do not fit, and with what ParseIPv4Route would
// say about type and pointer.
func (r IPv4Route) AppendTo(b []byte) ([]byte, error) {
	if len(r.Route) > MaxIPv4Options-3 {
		return b, encodeError(LayerIPv4, IPv4OptName(r.Type), ErrTooLong)
	}
	out := append(b, r.Type, byte(3+len(r.Route)), r.Pointer)
	out = append(out, r.Route...)
	if _, err := ParseIPv4Route(Option{Type: r.Type, Data: out[len(b)+2:]}); err != nil {
		return b, err
	}
	return out, nil
}

// What the entries of an IPv4Timestamp are (RFC 791 section 3.1).
const (
	TimestampOnly         uint8 = 0 // times alone
	TimestampAddress      uint8 = 1 // each with the address of who registers it
	TimestampPrespecified uint8 = 3 // each with the address of who shall
)

// IPv4Timestamp is a Timestamp option (RFC 791 section 3.1).
type IPv4Timestamp struct {
	Pointer  uint8  // as in IPv4Route: 5 for the first entry
	Overflow uint8  // how many nodes found no room, at most 15
	Flag     uint8  // TimestampOnly, TimestampAddress or TimestampPrespecified
	Entries  []byte // 4 bytes each, or 8 with an address; aliases the input
}

const timestampPointer = 5

// size returns the length of an entry, 0 where the flag is not known.
func (t IPv4Timestamp) size() int {
	switch t.Flag {
	case TimestampOnly:
		return 4
	case TimestampAddress, TimestampPrespecified:
		return 8
	}
	return 0
}

// ParseIPv4Timestamp reads the option. It fails with ErrUnsupported for another
// type or an unknown flag, with ErrLength where the data are not entries, and
// with ErrRange for a pointer to none.
func ParseIPv4Timestamp(o Option) (IPv4Timestamp, error) {
	if o.Type != IPv4OptTimestamp {
		return IPv4Timestamp{}, decodeError(LayerIPv4, "option type", 0, ErrUnsupported)
	}
	if len(o.Data) < 2 {
		return IPv4Timestamp{}, decodeError(LayerIPv4, "Timestamp", 1, ErrLength)
	}
	t := IPv4Timestamp{Pointer: o.Data[0], Overflow: o.Data[1] >> 4, Flag: o.Data[1] & 0x0f, Entries: o.Data[2:]}
	switch size := t.size(); {
	case size == 0:
		return IPv4Timestamp{}, decodeError(LayerIPv4, "Timestamp flag", 3, ErrUnsupported)
	case len(t.Entries)%size != 0:
		return IPv4Timestamp{}, decodeError(LayerIPv4, "Timestamp", 1, ErrLength)
	case t.Pointer < timestampPointer || (int(t.Pointer)-timestampPointer)%size != 0:
		return IPv4Timestamp{}, decodeError(LayerIPv4, "Timestamp pointer", 2, ErrRange)
	}
	return t, nil
}

// Len returns how many entries the option has room for.
func (t IPv4Timestamp) Len() int {
	size := t.size()
	if size == 0 {
		return 0
	}
	return len(t.Entries) / size
}

// Next returns the number of the entry to be filled in next; Len() and more is
// none.
func (t IPv4Timestamp) Next() int {
	size := t.size()
	if size == 0 {
		return 0
	}
	return (int(t.Pointer) - timestampPointer) / size
}

// Entry returns the entry number i, from 0 to Len()-1: the address, invalid
// with TimestampOnly, and the time, in milliseconds since midnight UT or, with
// the high bit, in units of its own.
func (t IPv4Timestamp) Entry(i int) (addr netip.Addr, at uint32) {
	if t.Flag == TimestampOnly {
		return netip.Addr{}, binary.BigEndian.Uint32(t.Entries[4*i:])
	}
	e := t.Entries[8*i : 8*i+8]
	return netip.AddrFrom4([4]byte(e)), binary.BigEndian.Uint32(e[4:])
}

// AppendTo appends the option, for IPv4.Options. It fails with ErrRange for an
// overflow above 15, with ErrTooLong where the entries do not fit, and with
// what ParseIPv4Timestamp would say about the rest.
func (t IPv4Timestamp) AppendTo(b []byte) ([]byte, error) {
	if t.Overflow > 15 || t.Flag > 15 {
		return b, encodeError(LayerIPv4, "Timestamp overflow", ErrRange)
	}
	if len(t.Entries) > MaxIPv4Options-4 {
		return b, encodeError(LayerIPv4, "Timestamp", ErrTooLong)
	}
	out := append(b, IPv4OptTimestamp, byte(4+len(t.Entries)), t.Pointer, t.Overflow<<4|t.Flag)
	out = append(out, t.Entries...)
	if _, err := ParseIPv4Timestamp(Option{Type: IPv4OptTimestamp, Data: out[len(b)+2:]}); err != nil {
		return b, err
	}
	return out, nil
}
