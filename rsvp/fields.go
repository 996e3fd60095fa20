package rsvp

import (
	"encoding/binary"

	"github.com/mpstack/mpstack/rsvp/intserv"
)

// AppendFields appends the fields of an object's body as the registry describes
// them: fixed fields, repeated ones, and the fragments and parameters of RFC
// 2210. It is lenient: it shows what is there as far as lengths allow, and the
// rest as opaque bytes. Unknown classes are one opaque field.
func AppendFields(dst []Field, class Class, ctype uint8, body []byte) []Field {
	ct, ok := Lookup(class, ctype)
	if !ok {
		return appendRest(dst, body, 0)
	}
	off := 0
	for {
		size := 0
		for _, f := range ct.Fields {
			if off+f.Offset+f.Size > len(body) {
				return appendRest(dst, body, off+size)
			}
			size = max(size, f.Offset+f.Size)
			f.Offset += off
			dst = append(dst, f)
		}
		off += size
		if !ct.Repeat || off >= len(body) || size == 0 {
			break
		}
	}
	if ct.Services {
		dst, off = appendServices(dst, body, off)
	}
	return appendRest(dst, body, off)
}

// appendRest appends what is left of the body, if anything, as opaque bytes.
func appendRest(dst []Field, body []byte, off int) []Field {
	if off >= len(body) {
		return dst
	}
	return append(dst, Field{"data", off, len(body) - off, KindBytes})
}

// appendServices appends the fields of service fragments and returns the
// offset behind them.
func appendServices(dst []Field, body []byte, off int) ([]Field, int) {
	for off+4 <= len(body) {
		end := off + 4 + 4*int(binary.BigEndian.Uint16(body[off+2:]))
		if end > len(body) {
			return dst, off
		}
		dst = append(dst, Field{"Service", off, 1, KindUint}, Field{"Break bit", off + 1, 1, KindFlags}, Field{"Service length in words", off + 2, 2, KindUint})
		dst, off = appendParamFields(dst, body[:end], off+4)
		if off != end {
			dst, off = appendRest(dst, body[:end], off), end
		}
	}
	return dst, off
}

// appendParamFields appends the fields of the parameters in body[off:].
func appendParamFields(dst []Field, body []byte, off int) ([]Field, int) {
	for off+4 <= len(body) {
		end := off + 4 + 4*int(binary.BigEndian.Uint16(body[off+2:]))
		if end > len(body) {
			return dst, off
		}
		dst = append(dst, Field{"Parameter", off, 1, KindUint}, Field{"Parameter flags", off + 1, 1, KindFlags}, Field{"Parameter length in words", off + 2, 2, KindUint})
		at := off + 4
		for _, v := range paramValues(body[off]) {
			if at+v.Size > end {
				break
			}
			v.Offset = at
			at += v.Size
			dst = append(dst, v)
		}
		dst = appendRest(dst, body[:end], at)
		off = end
	}
	return dst, off
}

// paramValues returns the fields of a parameter's contents (RFC 2210 section 3,
// RFC 2212, RFC 2215).
func paramValues(id uint8) []Field {
	switch id {
	case intserv.ParamHops:
		return []Field{{"IS hop count", 0, 4, KindUint}}
	case intserv.ParamBandwidth:
		return []Field{{"Path bandwidth estimate", 0, 4, KindFloat}}
	case intserv.ParamLatency:
		return []Field{{"Minimum path latency", 0, 4, KindUint}}
	case intserv.ParamMTU:
		return []Field{{"Composed MTU", 0, 4, KindUint}}
	case intserv.ParamTSpec:
		return []Field{
			{"Token Bucket Rate [r]", 0, 4, KindFloat}, {"Token Bucket Size [b]", 4, 4, KindFloat}, {"Peak Data Rate [p]", 8, 4, KindFloat},
			{"Minimum Policed Unit [m]", 12, 4, KindUint}, {"Maximum Packet Size [M]", 16, 4, KindUint}}
	case intserv.ParamRSpec:
		return []Field{{"Rate [R]", 0, 4, KindFloat}, {"Slack Term [S]", 4, 4, KindUint}}
	case intserv.ParamCtot:
		return []Field{{"Ctot", 0, 4, KindUint}}
	case intserv.ParamDtot:
		return []Field{{"Dtot", 0, 4, KindUint}}
	case intserv.ParamCsum:
		return []Field{{"Csum", 0, 4, KindUint}}
	case intserv.ParamDsum:
		return []Field{{"Dsum", 0, 4, KindUint}}
	}
	return nil
}
