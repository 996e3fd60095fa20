package rsvp

import (
	"encoding/binary"

	"github.com/mpstack/mpstack/wire/object"
)

// TLV is one element of an IF_ID object (RFC 3471 section 9.1.1).
type TLV struct {
	Type  uint16 // IPv4 1, IPv6 2, IF_INDEX 3, COMPONENT_IF_DOWNSTREAM 4, COMPONENT_IF_UPSTREAM 5
	Value []byte // aliases what was parsed
}

// ParseTLV returns the first TLV of b and the rest. Errors are
// *object.DecodeError with offsets from b's start.
func ParseTLV(b []byte) (t TLV, rest []byte, err error) {
	n, e := tlvLen(b, 0, "TLV")
	if e != nil {
		return TLV{}, b, e
	}
	size := int(binary.BigEndian.Uint16(b[2:]))
	return TLV{Type: binary.BigEndian.Uint16(b), Value: b[4:size:size]}, b[n:], nil
}

// AppendTo appends the TLV, padded with zeros to a multiple of 4.
func (t TLV) AppendTo(b []byte) ([]byte, error) {
	if len(t.Value) > 0xffff-4 {
		return b, failf("TLV", len(b), object.ErrTooLong, "%d bytes", len(t.Value))
	}
	b = binary.BigEndian.AppendUint16(b, t.Type)
	b = binary.BigEndian.AppendUint16(b, uint16(4+len(t.Value)))
	return appendPadded(b, t.Value), nil
}

// tlvLen returns how far the TLV at the start of b reaches, padding included.
// Its Length leaves the padding out.
func tlvLen(b []byte, off int, name string) (int, *object.DecodeError) {
	if len(b) < 4 {
		return 0, failf(name, off, object.ErrTruncated, "%d bytes left", len(b))
	}
	n := int(binary.BigEndian.Uint16(b[2:]))
	if n < 4 || padded(n) > len(b) {
		return 0, failf(name+" length", off+2, object.ErrLength, "%d, %d bytes left", n, len(b))
	}
	return padded(n), nil
}

// checkTLVs checks that body[off:] is a list of TLVs.
func checkTLVs(body []byte, off int, name string) *object.DecodeError {
	for off < len(body) {
		n, err := tlvLen(body[off:], off, name)
		if err != nil {
			return err
		}
		off += n
	}
	return nil
}

// padded returns n rounded up to a multiple of 4.
func padded(n int) int { return (n + 3) &^ 3 }

// appendPadded appends v and zeros up to a multiple of 4 of its length.
func appendPadded(b, v []byte) []byte {
	b = append(b, v...)
	for n := len(v); n%4 != 0; n++ {
		b = append(b, 0)
	}
	return b
}
