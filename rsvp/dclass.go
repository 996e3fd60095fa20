package rsvp

import "github.com/mpstack/mpstack/wire/object"

// dclassLen returns the length of a DCLASS object.
func dclassLen(n int) int { return object.HeaderLen + 4*n }

// AppendDClass appends a DCLASS object: class 225, C-Type 1 (RFC 2996 section 2).
// Code points have 6 bits; the order is kept. It fails without any.
func AppendDClass(b []byte, dscps []uint8) ([]byte, error) {
	start := len(b)
	if len(dscps) == 0 {
		return b, fail("DCLASS", start, ErrValue)
	}
	b = object.Begin(b, uint8(ClassDClass), 1)
	for _, d := range dscps {
		if d > 63 {
			return b[:start], failf("DCLASS", start, ErrValue, "code point %d", d)
		}
		b = append(b, 0, 0, 0, d<<2)
	}
	return object.End(b, start)
}

// ParseDClass appends the code points of a DCLASS object: the six high bits of
// each word's last byte.
func ParseDClass(dst []uint8, o object.Object) ([]uint8, error) {
	if err := checkBody(o, ClassDClass); err != nil {
		return dst, err
	}
	return dclassFrom(dst, o.Body), nil
}

func dclassFrom(dst []uint8, body []byte) []uint8 {
	for ; len(body) > 0; body = body[4:] {
		dst = append(dst, body[3]>>2)
	}
	return dst
}

func parseDClass(m *Message, _ uint8, body []byte) *object.DecodeError {
	m.DClass = dclassFrom(withRoom(m.DClass, len(body)/4), body)
	return nil
}
