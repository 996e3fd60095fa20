package inet

import (
	"errors"
	"fmt"

	"github.com/mpstack/mpstack/wire/object"
)

// DecodeError says where decoding stopped. Offset counts from the start of
// the layer named, as an ICMPv6 Parameter Problem's pointer does.
type DecodeError = object.DecodeError

// Classes of errors that callers branch on with errors.Is.
var (
	// ErrTruncated: fewer bytes than a header or its length says.
	ErrTruncated = object.ErrTruncated
	// ErrLength: a length that contradicts its header.
	ErrLength = object.ErrLength
	// ErrTooLong: what is to be encoded does not fit its length field.
	ErrTooLong = object.ErrTooLong
	// ErrChecksum: the checksum does not match, or is missing where UDP over
	// IPv6 requires one.
	ErrChecksum = errors.New("bad checksum")
	// ErrVersion: the IP version is not the parser's.
	ErrVersion = errors.New("wrong IP version")
	// ErrUnsupported: a hardware type, protocol type or order of headers that
	// this package does not know.
	ErrUnsupported = errors.New("unsupported")
	// ErrAddress: an address of the wrong family or kind.
	ErrAddress = errors.New("wrong address")
	// ErrRange: a value that its field cannot hold.
	ErrRange = errors.New("out of range")
)

// Layer names, as in DecodeError.Layer.
const (
	LayerEthernet = "ethernet"
	LayerARP      = "arp"
	LayerIPv4     = "ipv4"
	LayerIPv6     = "ipv6"
	LayerUDP      = "udp"
	LayerICMPv4   = "icmpv4"
	LayerICMPv6   = "icmpv6"
)

func decodeError(layer, field string, offset int, err error) error {
	return &DecodeError{Layer: layer, Field: field, Offset: offset, Err: err}
}

// short is the error of a layer that has fewer bytes than its fixed part.
func short(layer string, have, want int) error {
	return decodeError(layer, "header", have, fmt.Errorf("%d bytes of %d: %w", have, want, ErrTruncated))
}

// encodeError names layer and field of what cannot be encoded.
func encodeError(layer, field string, err error) error {
	return fmt.Errorf("%s: %s: %w", layer, field, err)
}
