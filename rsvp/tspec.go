package rsvp

import (
	"encoding/binary"

	"github.com/mpstack/mpstack/rsvp/intserv"
	"github.com/mpstack/mpstack/wire/object"
)

// NullTSpec is the Null service's Tspec in a SENDER_TSPEC (RFC 2997 section
// 4.3). It stands alone where the sender offers no other service, and else
// follows the token bucket.
type NullTSpec struct {
	Present   bool
	MaxPacket uint32 // M in bytes of IP datagram
}

// Lengths in words of the parameters of SENDER_TSPEC, headers included.
const (
	bucketWords = 1 + tspecWords
	nullWords   = 2
)

// senderTSpecLen returns the length of a SENDER_TSPEC object.
func senderTSpecLen(bucket bool, null NullTSpec) int {
	n := object.HeaderLen + 4
	return n + lenIf(bucket, 4+4*bucketWords) + lenIf(null.Present, 4+4*nullWords)
}

// AppendSenderTSpec appends a SENDER_TSPEC object with a token bucket: class 12,
// C-Type 2 (RFC 2210 section 3.1).
func AppendSenderTSpec(b []byte, t intserv.TSpec) ([]byte, error) {
	return AppendSenderTSpecs(b, &t, NullTSpec{})
}

// AppendSenderTSpecs appends a SENDER_TSPEC object with a token bucket, if t is
// not nil, and the Null service's Tspec, if there is one. It fails without both.
func AppendSenderTSpecs(b []byte, t *intserv.TSpec, null NullTSpec) ([]byte, error) {
	start := len(b)
	if t == nil && !null.Present {
		return b, fail("SENDER_TSPEC", start, ErrMissing)
	}
	b = beginServices(b, ClassSenderTSpec)
	if t != nil {
		b = appendTSpec(appendBlock(b, uint8(intserv.General), 0, bucketWords), *t)
	}
	if null.Present {
		b = appendNullTSpec(b, null.MaxPacket)
	}
	return endServices(b, start)
}

// appendNullTSpec appends the Null service's fragment of SENDER_TSPEC and
// FLOWSPEC.
func appendNullTSpec(b []byte, m uint32) []byte {
	b = appendBlock(b, uint8(intserv.Null), 0, nullWords)
	return appendWord(b, intserv.ParamNullTSpec, m)
}

// parseSenderTSpec takes a token bucket, the Null service's Tspec, or both in
// this order.
func parseSenderTSpec(m *Message, _ uint8, body []byte) *object.DecodeError {
	w, err := openServices(body, "SENDER_TSPEC service")
	if err != nil {
		return err
	}
	if w.peek() != uint8(intserv.Null) {
		s, err := w.only(uint8(intserv.General), bucketWords)
		if err != nil {
			return err
		}
		params := w.inside(s, "SENDER_TSPEC parameter")
		p, err := params.only(intserv.ParamTSpec, tspecWords)
		if err != nil {
			return err
		}
		m.TSpec, m.HasTSpec = tspecFrom(p.data), true
	}
	if w.more() && w.peek() == uint8(intserv.Null) {
		v, err := w.nullTSpec("SENDER_TSPEC parameter")
		if err != nil {
			return err
		}
		m.NullTSpec = NullTSpec{Present: true, MaxPacket: v}
	}
	return w.done()
}

// nullTSpec takes the Null service's fragment and returns M.
func (w *blocks) nullTSpec(name string) (uint32, *object.DecodeError) {
	s, err := w.only(uint8(intserv.Null), nullWords)
	if err != nil {
		return 0, err
	}
	params := w.inside(s, name)
	p, err := params.only(intserv.ParamNullTSpec, 1)
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint32(p.data), params.done()
}
