package rsvp

import (
	"errors"
	"fmt"

	"github.com/mpstack/mpstack/wire/object"
)

// Reasons that decoding and encoding wrap in an *object.DecodeError, beside
// object.ErrTruncated, object.ErrLength and object.ErrTooLong. RFC 2205 lists
// them at the end of Appendix B.
var (
	ErrVersion      = errors.New("unsupported version")
	ErrChecksum     = errors.New("bad checksum")
	ErrType         = errors.New("unknown message type")
	ErrUnknownClass = errors.New("unknown object class")
	ErrUnknownCType = errors.New("unknown C-Type")
	ErrMissing      = errors.New("missing")
	ErrDuplicate    = errors.New("appears twice")
	ErrNotAllowed   = errors.New("not allowed in this message")
	ErrOrder        = errors.New("out of order")
	ErrValue        = errors.New("impossible value")
	ErrService      = errors.New("unsupported service or parameter")
)

const layer = "rsvp"

// fail returns a decoding error of one object; off counts from the start of
// the object's body until Decode adds where the body lies.
func fail(field string, off int, err error) *object.DecodeError {
	return &object.DecodeError{Layer: layer, Field: field, Offset: off, Err: err}
}

func failf(field string, off int, err error, format string, args ...any) *object.DecodeError {
	return fail(field, off, fmt.Errorf("%w: %s", err, fmt.Sprintf(format, args...)))
}
