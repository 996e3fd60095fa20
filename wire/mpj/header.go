package mpj

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/mpstack/mpstack/wire/object"
)

// Constants of the carriage (docs/mpj.md, Carriage).
const (
	Version     = 1
	Port        = 52205 // UDP, both ends
	TTL         = 64    // IP TTL or hop limit of every message
	HeaderLen   = 32
	MaxLen      = 1232 // of the UDP payload; fits the smallest IPv6 MTU
	MaxUserData = 896  // bytes of caller, callee or side data
	MaxCookie   = 64

	// RoomDiscard as callee room says that the asker wants no callee data.
	RoomDiscard = 0xFFFF
)

// Errors that callers branch on; they come wrapped in a *object.DecodeError
// from decoding. object.ErrTruncated, ErrLength and ErrTooLong occur too.
var (
	ErrVersion      = errors.New("unknown version")
	ErrType         = errors.New("unknown message type")
	ErrFlags        = errors.New("flag without meaning here")
	ErrZero         = errors.New("zero field is not zero")
	ErrTag          = errors.New("tag is zero or set where it must not be")
	ErrTransaction  = errors.New("transaction is zero")
	ErrMissing      = errors.New("object is missing")
	ErrUnexpected   = errors.New("object has no place in this message")
	ErrDuplicate    = errors.New("object occurs twice")
	ErrUnknownClass = errors.New("unknown object class")
	ErrUnknownCType = errors.New("unknown C-Type")
	ErrValue        = errors.New("bad value")
	ErrFamily       = errors.New("address families differ")
)

// Type is a message type.
type Type uint8

// Message types.
const (
	TypeJoin      Type = 1
	TypeChallenge Type = 2
	TypePending   Type = 3
	TypeAccept    Type = 4
	TypeReject    Type = 5
	TypeConfirm   Type = 6
	TypeStatus    Type = 7
	TypeStatusAck Type = 8
	TypeLeave     Type = 9
	TypeLeaveAck  Type = 10
	TypeHello     Type = 11
	TypeHelloAck  Type = 12
	TypeSide      Type = 13

	// NumTypes is one more than the greatest type: the length of an array
	// indexed by type.
	NumTypes = 14
)

// String returns the type's name: "JOIN".
func (t Type) String() string {
	if info := MessageInfoOf(t); info != nil {
		return info.Name
	}
	return fmt.Sprintf("type %d", uint8(t))
}

// Flags is a set of header flags.
type Flags uint16

// Header flags.
const (
	FlagQ Flags = 0x0001 // JOIN: complete with the reservation
	FlagT Flags = 0x0002 // LEAVE: answers a message for an unknown association
	FlagB Flags = 0x0004 // HELLO: the root's beacon to the group
)

// String returns the flags' letters: "Q", "QT", "" for none; unknown bits
// follow in hexadecimal.
func (f Flags) String() string {
	var s string
	for _, v := range flagValues {
		if bit := Flags(v.Number); f&bit != 0 {
			s += v.Name
			f &^= bit
		}
	}
	if f != 0 {
		s += fmt.Sprintf("+0x%x", uint16(f))
	}
	return s
}

// Header is the fixed part of a message.
type Header struct {
	Version     uint8
	Type        Type
	Flags       Flags
	Length      uint16 // of the whole message in bytes
	DstTag      uint64 // the receiver's tag; 0 in a first JOIN and in a beacon
	SrcTag      uint64 // the sender's tag, never 0
	Transaction uint32 // of the request, repeated in its answers; never 0
}

// ParseHeader reads the header of the message b and returns the bytes of its
// objects. It checks version, type, flags, zero fields, tags, and that the
// length is b's and within MaxLen. Where b has at least HeaderLen bytes the
// returned header is filled in even if err is not nil, so that a refusal can
// be sent: tags and transaction stand at the same place in every version.
func ParseHeader(b []byte) (h Header, rest []byte, err error) {
	if len(b) < HeaderLen {
		return h, b, decodeError("length", 0, fmt.Errorf("%d bytes, header needs %d: %w", len(b), HeaderLen, object.ErrTruncated))
	}
	h = Header{
		Version:     b[0],
		Type:        Type(b[1]),
		Flags:       Flags(binary.BigEndian.Uint16(b[2:])),
		Length:      binary.BigEndian.Uint16(b[4:]),
		DstTag:      binary.BigEndian.Uint64(b[8:]),
		SrcTag:      binary.BigEndian.Uint64(b[16:]),
		Transaction: binary.BigEndian.Uint32(b[24:]),
	}
	if h.Version != Version {
		return h, b, decodeError("version", 0, fmt.Errorf("%d: %w", h.Version, ErrVersion))
	}
	if binary.BigEndian.Uint16(b[6:]) != 0 {
		return h, b, decodeError("zero", 6, ErrZero)
	}
	if binary.BigEndian.Uint32(b[28:]) != 0 {
		return h, b, decodeError("zero", 28, ErrZero)
	}
	if err := h.check(len(b)); err != nil {
		return h, b, err
	}
	return h, b[HeaderLen:], nil
}

// check holds the rules that encoder and decoder share. n is the length of
// the whole message.
func (h Header) check(n int) error {
	info := MessageInfoOf(h.Type)
	switch {
	case info == nil:
		return decodeError("type", 1, fmt.Errorf("%d: %w", uint8(h.Type), ErrType))
	case h.Flags&^info.Flags != 0:
		return decodeError("flags", 2, fmt.Errorf("0x%04x in %s: %w", uint16(h.Flags), info.Name, ErrFlags))
	case n > MaxLen:
		return decodeError("length", 4, fmt.Errorf("%d bytes, at most %d: %w", n, MaxLen, object.ErrTooLong))
	case int(h.Length) != n:
		return decodeError("length", 4, fmt.Errorf("%d, have %d bytes: %w", h.Length, n, object.ErrLength))
	case !h.dstTagOK():
		return decodeError("destination tag", 8, ErrTag)
	case h.SrcTag == 0:
		return decodeError("source tag", 16, ErrTag)
	case h.Transaction == 0:
		return decodeError("transaction", 24, ErrTransaction)
	}
	return nil
}

// dstTagOK reports whether the destination tag may be what it is: a JOIN may
// have none, a beacon (to a group) must have none, anything else must have one.
func (h Header) dstTagOK() bool {
	switch {
	case h.Flags&FlagB != 0:
		return h.DstTag == 0
	case h.Type == TypeJoin:
		return true
	}
	return h.DstTag != 0
}

// appendTo appends the header.
func (h Header) appendTo(b []byte) []byte {
	b = append(b, h.Version, byte(h.Type))
	b = binary.BigEndian.AppendUint16(b, uint16(h.Flags))
	b = binary.BigEndian.AppendUint16(b, h.Length)
	b = append(b, 0, 0)
	b = binary.BigEndian.AppendUint64(b, h.DstTag)
	b = binary.BigEndian.AppendUint64(b, h.SrcTag)
	b = binary.BigEndian.AppendUint32(b, h.Transaction)
	return append(b, 0, 0, 0, 0)
}

// decodeError returns a *object.DecodeError of this layer.
func decodeError(field string, offset int, err error) error {
	return &object.DecodeError{Layer: "mpj", Field: field, Offset: offset, Err: err}
}
