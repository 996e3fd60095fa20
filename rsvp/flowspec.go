package rsvp

import (
	"encoding/binary"

	"github.com/mpstack/mpstack/rsvp/intserv"
	"github.com/mpstack/mpstack/wire/object"
)

// flowSpecLen returns the length of a FLOWSPEC object.
func flowSpecLen(f intserv.FlowSpec) int {
	if f.Service == intserv.Null {
		return object.HeaderLen + 4 + 4 + 4*nullWords
	}
	n := object.HeaderLen + 4 + 4 + 4 + 4*tspecWords
	if f.Service == intserv.Guaranteed {
		n += 4 + 4*rspecWords
	}
	return n
}

// AppendFlowSpec appends a FLOWSPEC object: class 9, C-Type 2 (RFC 2210 section
// 3.2, RFC 2997 section 4.4). It fails for services other than controlled load,
// guaranteed and Null.
func AppendFlowSpec(b []byte, f intserv.FlowSpec) ([]byte, error) {
	start := len(b)
	words := 1 + tspecWords
	switch f.Service {
	case intserv.ControlledLoad:
	case intserv.Null:
		return endServices(appendNullTSpec(beginServices(b, ClassFlowSpec), f.TSpec.MaxPacket), start)
	case intserv.Guaranteed:
		words += 1 + rspecWords
	default:
		return b, failf("FLOWSPEC", start, ErrService, "%v", f.Service)
	}
	b = appendBlock(beginServices(b, ClassFlowSpec), uint8(f.Service), 0, words)
	b = appendTSpec(b, f.TSpec)
	if f.Service == intserv.Guaranteed {
		b = appendFloat(appendBlock(b, intserv.ParamRSpec, 0, rspecWords), f.RSpec.Rate)
		b = binary.BigEndian.AppendUint32(b, f.RSpec.Slack)
	}
	return endServices(b, start)
}

func parseFlowSpec(m *Message, _ uint8, body []byte) *object.DecodeError {
	f, err := flowSpecFrom(body)
	if err != nil {
		return err
	}
	return m.addFlowSpec(f)
}

func flowSpecFrom(body []byte) (f intserv.FlowSpec, err *object.DecodeError) {
	w, err := openServices(body, "FLOWSPEC service")
	if err != nil {
		return f, err
	}
	if w.peek() == uint8(intserv.Null) {
		f.Service = intserv.Null
		if f.TSpec.MaxPacket, err = w.nullTSpec("FLOWSPEC parameter"); err != nil {
			return f, err
		}
		return f, w.done()
	}
	s, err := w.next()
	if err != nil {
		return f, err
	}
	f.Service = intserv.Service(s.id)
	if f.Service != intserv.ControlledLoad && f.Service != intserv.Guaranteed {
		return f, failf("FLOWSPEC service", s.off, ErrService, "%v", f.Service)
	}
	params := w.inside(s, "FLOWSPEC parameter")
	t, err := params.only(intserv.ParamTSpec, tspecWords)
	if err != nil {
		return f, err
	}
	f.TSpec = tspecFrom(t.data)
	if f.Service == intserv.Guaranteed {
		r, err := params.only(intserv.ParamRSpec, rspecWords)
		if err != nil {
			return f, err
		}
		f.RSpec = intserv.RSpec{Rate: float(r.data), Slack: binary.BigEndian.Uint32(r.data[4:])}
	}
	if err := params.done(); err != nil {
		return f, err
	}
	return f, w.done()
}
