package rsvp

import (
	"errors"
	"fmt"
	"slices"

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
	ErrKind         = errors.New("does not fit the kind of session")
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

// orNil returns err as an error, which is nil where err is.
func orNil(err *object.DecodeError) error {
	if err == nil {
		return nil
	}
	return err
}

// checkBody reports whether o is of one of the classes and has a C-Type and a
// length that the registry knows. The offset of errors is that of the body.
func checkBody(o object.Object, classes ...Class) error {
	class := Class(o.Class)
	if !slices.Contains(classes, class) {
		return failf(classes[0].String(), 0, ErrUnknownClass, "%v", class)
	}
	ct, ok := Lookup(class, o.CType)
	switch {
	case !ok:
		return failf(class.String(), 0, ErrUnknownCType, "%d", o.CType)
	case !ct.fits(len(o.Body)):
		return failf(class.String(), 0, object.ErrLength, "%d bytes", len(o.Body)+object.HeaderLen)
	}
	return nil
}
