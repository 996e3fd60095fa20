package rsvp

import (
	"encoding/binary"

	"github.com/mpstack/mpstack/wire/object"
)

// UserError is the USER_ERROR_SPEC object: class 194, C-Type 1 (RFC 5284).
type UserError struct {
	Enterprise  uint32 // enterprise number
	Org         uint8  // sub-organization
	Value       uint16 // user error value
	Description []byte // UTF-8, up to 255 bytes; aliases what was parsed
	Subobjects  []byte // type, length and contents each, as on the wire; aliases what was parsed
}

// AppendTo appends the object. It fails for a description above 255 bytes and
// for subobjects that are not whole.
func (u UserError) AppendTo(b []byte) ([]byte, error) {
	start := len(b)
	if len(u.Description) > 0xff {
		return b, failf("USER_ERROR_SPEC", start, object.ErrTooLong, "description of %d bytes", len(u.Description))
	}
	if err := checkSubobjects(u.Subobjects, 0, "USER_ERROR_SPEC subobject"); err != nil {
		return b, err
	}
	b = binary.BigEndian.AppendUint32(object.Begin(b, uint8(ClassUserErrorSpec), 1), u.Enterprise)
	b = binary.BigEndian.AppendUint16(append(b, u.Org, uint8(len(u.Description))), u.Value)
	b = appendPadded(b, u.Description)
	return object.End(append(b, u.Subobjects...), start)
}

// ParseUserError reads a USER_ERROR_SPEC object.
func ParseUserError(o object.Object) (UserError, error) {
	if err := checkBody(o, ClassUserErrorSpec); err != nil {
		return UserError{}, err
	}
	if err := checkUserError(nil, o.CType, o.Body); err != nil {
		return UserError{}, err
	}
	n := int(o.Body[5])
	return UserError{
		Enterprise: binary.BigEndian.Uint32(o.Body), Org: o.Body[4], Value: binary.BigEndian.Uint16(o.Body[6:]),
		Description: o.Body[8 : 8+n], Subobjects: o.Body[8+padded(n):],
	}, nil
}

func checkUserError(_ *Message, _ uint8, body []byte) *object.DecodeError {
	n := padded(int(body[5]))
	if n > len(body)-8 {
		return failf("USER_ERROR_SPEC Err Desc Len", 5, object.ErrLength, "%d, %d bytes left", body[5], len(body)-8)
	}
	return checkSubobjects(body, 8+n, "USER_ERROR_SPEC subobject")
}

// checkSubobjects checks that body[off:] is a list of subobjects.
func checkSubobjects(body []byte, off int, name string) *object.DecodeError {
	for off < len(body) {
		n, err := subobjectLen(body[off:], off, name)
		if err != nil {
			return err
		}
		off += n
	}
	return nil
}
