// Package object is the object framing that the join protocol (MPJ) and RSVP
// share (RFC 2205 section 3.1.2):
//
//	 0             1              2             3
//	+-------------+-------------+-------------+-------------+
//	|       Length (bytes)      |  Class-Num  |   C-Type    |
//	+-------------+-------------+-------------+-------------+
//	|                  (Object contents)                    |
//
// Length counts the header and the contents and is a multiple of 4, at least 4.
// A body that is not a multiple of 4 is padded with zeros by its own codec.
package object

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// HeaderLen is the length of an object's header in bytes.
const HeaderLen = 4

// MaxLen is the greatest length of an object, header included.
const MaxLen = 65532

// Errors that callers branch on; Decode wraps them in a *DecodeError.
var (
	ErrTruncated = errors.New("truncated")
	ErrLength    = errors.New("bad length")
	ErrTooLong   = errors.New("too long")
)

// DecodeError says where decoding stopped.
type DecodeError struct {
	Layer  string // "mpj", "rsvp", "ipv4", …
	Field  string // the field or object, by its standard name
	Offset int    // byte offset from the start of the layer
	Err    error
}

// Error returns "layer: field at offset N: reason".
func (e *DecodeError) Error() string {
	return fmt.Sprintf("%s: %s at offset %d: %v", e.Layer, e.Field, e.Offset, e.Err)
}

// Unwrap returns the reason.
func (e *DecodeError) Unwrap() error { return e.Err }

// Object is one object in its framing. Body aliases the decoder's input.
type Object struct {
	Class uint8
	CType uint8
	Body  []byte
}

// Policy is what a receiver does with an object of an unknown class; the two
// high bits of the class say it (RFC 2205 section 3.10).
type Policy uint8

// Policies for unknown classes.
const (
	Reject  Policy = iota // 0bbbbbbb: refuse the message
	Ignore                // 10bbbbbb: drop the object silently
	Forward               // 11bbbbbb: keep the object, unexamined
)

// String returns the policy's name.
func (p Policy) String() string {
	switch p {
	case Reject:
		return "reject"
	case Ignore:
		return "ignore"
	case Forward:
		return "forward"
	}
	return fmt.Sprintf("Policy(%d)", uint8(p))
}

// UnknownPolicy returns what to do with an unknown class.
func UnknownPolicy(class uint8) Policy {
	switch {
	case class&0x80 == 0:
		return Reject
	case class&0x40 == 0:
		return Ignore
	}
	return Forward
}

// WireLen returns the length of the object on the wire.
func (o Object) WireLen() int { return HeaderLen + (len(o.Body)+3)&^3 }

// Clone returns o with a body of its own.
func (o Object) Clone() Object {
	o.Body = append([]byte(nil), o.Body...)
	return o
}

// AppendTo appends the object, its body padded with zeros to a multiple of 4.
func (o Object) AppendTo(b []byte) ([]byte, error) {
	b = Begin(b, o.Class, o.CType)
	start := len(b) - HeaderLen
	return End(append(b, o.Body...), start)
}

// Begin appends an object header whose length End fills in. The object starts
// at len(b) as it was before the call.
func Begin(b []byte, class, ctype uint8) []byte { return append(b, 0, 0, class, ctype) }

// End pads the object that starts at b[start:] with zeros to a multiple of 4
// and fills in its length. It fails with ErrTooLong above MaxLen bytes.
func End(b []byte, start int) ([]byte, error) {
	for (len(b)-start)%4 != 0 {
		b = append(b, 0)
	}
	n := len(b) - start
	if n > MaxLen {
		return b[:start], fmt.Errorf("object: class %d of %d bytes: %w", b[start+2], n, ErrTooLong)
	}
	binary.BigEndian.PutUint16(b[start:], uint16(n))
	return b, nil
}

// Parse returns the first object of b and the rest. Errors are ErrTruncated
// (fewer bytes than the header or its length say) and ErrLength (below 4, or
// not a multiple of 4), with no position: the caller knows layer and offset.
func Parse(b []byte) (o Object, rest []byte, err error) {
	if len(b) < HeaderLen {
		return Object{}, b, fmt.Errorf("object header needs %d bytes, %d left: %w", HeaderLen, len(b), ErrTruncated)
	}
	n := int(binary.BigEndian.Uint16(b))
	if n < HeaderLen || n%4 != 0 {
		return Object{}, b, fmt.Errorf("object length %d of class %d: %w", n, b[2], ErrLength)
	}
	if n > len(b) {
		return Object{}, b, fmt.Errorf("object length %d of class %d, %d bytes left: %w", n, b[2], len(b), ErrTruncated)
	}
	return Object{Class: b[2], CType: b[3], Body: b[HeaderLen:n:n]}, b[n:], nil
}
