package rsvp

import (
	"github.com/mpstack/mpstack/rsvp/intserv"
	"github.com/mpstack/mpstack/wire/object"
)

// senderTSpecLen is the length of a SENDER_TSPEC object.
const senderTSpecLen = object.HeaderLen + 4 + 4 + 4 + 4*tspecWords

// AppendSenderTSpec appends a SENDER_TSPEC object: class 12, C-Type 2 (RFC 2210
// section 3.1).
func AppendSenderTSpec(b []byte, t intserv.TSpec) ([]byte, error) {
	start := len(b)
	b = appendBlock(beginServices(b, ClassSenderTSpec), uint8(intserv.General), 0, 1+tspecWords)
	return endServices(appendTSpec(b, t), start)
}

func parseSenderTSpec(m *Message, body []byte) *object.DecodeError {
	w, err := openServices(body, "SENDER_TSPEC service")
	if err != nil {
		return err
	}
	s, err := w.only(uint8(intserv.General), 1+tspecWords)
	if err != nil {
		return err
	}
	params := w.inside(s, "SENDER_TSPEC parameter")
	p, err := params.only(intserv.ParamTSpec, tspecWords)
	if err != nil {
		return err
	}
	m.TSpec, m.HasTSpec = tspecFrom(p.data), true
	return w.done()
}
