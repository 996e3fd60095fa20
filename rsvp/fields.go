package rsvp

import (
	"encoding/binary"

	"github.com/mpstack/mpstack/rsvp/intserv"
	"github.com/mpstack/mpstack/wire/object"
)

// AppendFields appends the fields of an object's body as the registry describes
// them: fixed fields, items that repeat, and what its tail is made of. It is
// lenient: it shows what is there as far as lengths allow, and the rest as
// opaque bytes. Unknown classes are one opaque field.
func AppendFields(dst []Field, class Class, ctype uint8, body []byte) []Field {
	return appendObjectFields(dst, class, ctype, body, 0, 0)
}

// maxNesting is how deep objects inside objects are shown.
const maxNesting = 2

// appendObjectFields shows body[off:], which is the body of an object.
func appendObjectFields(dst []Field, class Class, ctype uint8, body []byte, off, depth int) []Field {
	ct, ok := Lookup(class, ctype)
	if !ok {
		return appendRest(dst, body, off)
	}
	start := off
	dst, off, ok = appendFixed(dst, ct.Fields, body, off)
	for size := sizeOf(ct.Items); ok && size > 0 && off+size <= len(body); {
		dst, off, ok = appendFixed(dst, ct.Items, body, off)
	}
	if ok && ct.Tail != TailNone {
		dst, off = appendTail(dst, ct, body, start, off, depth)
	}
	return appendRest(dst, body, off)
}

// appendFixed appends fields at body[off:] and returns the offset behind them.
// It reports false where the body ends before they do.
func appendFixed(dst, fields []Field, body []byte, off int) ([]Field, int, bool) {
	end := off
	for _, f := range fields {
		f.Offset += off
		if f.Offset+f.Size > len(body) {
			return dst, end, false
		}
		end = f.Offset + f.Size
		dst = append(dst, f)
	}
	return dst, end, true
}

// appendTail appends what follows the fixed fields of the body that starts at
// start.
func appendTail(dst []Field, ct *CType, body []byte, start, off, depth int) ([]Field, int) {
	switch ct.Tail {
	case TailServices:
		return appendServices(dst, body, off)
	case TailObjects:
		return appendObjects(dst, body, off, len(body), depth)
	case TailPolicy:
		// The data offset counts from the object's header.
		data := start - object.HeaderLen + int(binary.BigEndian.Uint16(body[start:]))
		if data >= off && data <= len(body) {
			dst, off = appendObjects(dst, body, off, data, depth)
		}
		return appendElements(dst, body, off)
	case TailSubobjects:
		return appendSubobjectFields(dst, body, off, true)
	case TailTLVs:
		return appendTLVFields(dst, body, off)
	case TailName:
		return appendText(dst, "Session Name", body, off, int(body[off-1]))
	case TailError:
		dst, off = appendText(dst, "Error Description", body, off, int(body[off-3]))
		return appendSubobjectFields(dst, body, off, false)
	}
	return dst, off
}

// appendObjects appends the fields of the objects in body[off:end].
func appendObjects(dst []Field, body []byte, off, end, depth int) ([]Field, int) {
	for off < end {
		o, _, err := object.Parse(body[off:end])
		if err != nil || depth >= maxNesting {
			break
		}
		dst = append(dst, Field{"Object length", off, 2, KindUint}, Field{"Object class", off + 2, 1, KindUint}, Field{"Object C-Type", off + 3, 1, KindUint})
		dst = appendObjectFields(dst, Class(o.Class), o.CType, body[:off+o.WireLen()], off+object.HeaderLen, depth+1)
		off += o.WireLen()
	}
	if off < end {
		return appendRest(dst, body[:end], off), end
	}
	return dst, off
}

// appendElements appends policy elements (RFC 2750 section 3.3).
func appendElements(dst []Field, body []byte, off int) ([]Field, int) {
	for off < len(body) {
		e, n, err := policyElement(body[off:], off)
		if err != nil {
			break
		}
		dst = append(dst, Field{"Element length", off, 2, KindUint}, Field{"P-Type", off + 2, 2, KindUint})
		at := off + 4
		switch {
		case e.Type == PolicyPreemption && n == 12:
			dst, at, _ = appendFixed(dst, preemptionFields, body, at)
		case e.Type == PolicyUser || e.Type == PolicyApplication:
			dst, at = appendAttributes(dst, body[:off+n], at)
		}
		dst = appendRest(dst, body[:off+n], at)
		off += n
	}
	return dst, off
}

var preemptionFields = []Field{
	{"Flags", 0, 1, KindFlags}, {"Merge Strategy", 1, 1, KindUint}, {"Preemption Error Code", 2, 1, KindUint}, {"unused", 3, 1, KindUnused},
	{"Preemption Priority", 4, 2, KindUint}, {"Defending Priority", 6, 2, KindUint},
}

// appendAttributes appends authentication attributes (RFC 3182 section 3.3).
func appendAttributes(dst []Field, body []byte, off int) ([]Field, int) {
	for off < len(body) {
		n, err := tlvAttribute(body[off:], off)
		if err != nil {
			break
		}
		dst = append(dst, Field{"Attribute length", off, 2, KindUint}, Field{"A-Type", off + 2, 1, KindUint}, Field{"SubType", off + 3, 1, KindUint})
		kind := KindBytes
		switch typ, sub := AttributeType(body[off+2]), body[off+3]; {
		case typ == AttributeLocator && sub == LocatorASCII, typ == AttributeCredential && sub == CredentialASCII:
			kind = KindText
		}
		if n > 4 {
			dst = append(dst, Field{"Value", off + 4, n - 4, kind})
		}
		dst = appendPadding(dst, off+n, off+padded(n))
		off += padded(n)
	}
	return dst, off
}

// appendText appends a text of n bytes and its padding, which is the rest of
// the body or up to a multiple of 4.
func appendText(dst []Field, name string, body []byte, off, n int) ([]Field, int) {
	if off+padded(n) > len(body) {
		return dst, off
	}
	if n > 0 {
		dst = append(dst, Field{name, off, n, KindText})
	}
	return appendPadding(dst, off+n, off+padded(n)), off + padded(n)
}

func appendPadding(dst []Field, from, to int) []Field {
	if from < to {
		dst = append(dst, Field{"padding", from, to - from, KindUnused})
	}
	return dst
}

// appendSubobjectFields appends subobjects; those of types that EXPLICIT_ROUTE
// and RECORD_ROUTE have in parts, if route is set.
func appendSubobjectFields(dst []Field, body []byte, off int, route bool) ([]Field, int) {
	for off < len(body) {
		n, err := subobjectLen(body[off:], off, "")
		if err != nil {
			break
		}
		dst = append(dst, Field{"Type", off, 1, KindHex}, Field{"Length", off + 1, 1, KindUint})
		if route {
			dst = appendSubobjectBody(dst, SubobjectType(body[off]&0x7f), n, off)
		} else {
			dst = append(dst, Field{"data", off + 2, n - 2, KindBytes})
		}
		off += n
	}
	return dst, off
}

// appendSubobjectBody appends the contents of the subobject of n bytes at off.
func appendSubobjectBody(dst []Field, typ SubobjectType, n, off int) []Field {
	switch {
	case typ == SubobjectIPv4 && n == 8:
		return append(dst, Field{"Address", off + 2, 4, KindIPv4}, Field{"Prefix Length", off + 6, 1, KindUint}, Field{"Flags", off + 7, 1, KindFlags})
	case typ == SubobjectIPv6 && n == 20:
		return append(dst, Field{"Address", off + 2, 16, KindIPv6}, Field{"Prefix Length", off + 18, 1, KindUint}, Field{"Flags", off + 19, 1, KindFlags})
	case typ == SubobjectLabel && n == 8:
		return append(dst, Field{"Flags", off + 2, 1, KindFlags}, Field{"C-Type", off + 3, 1, KindUint}, Field{"Label", off + 4, 4, KindUint})
	case typ == SubobjectAS && n == 4:
		return append(dst, Field{"AS number", off + 2, 2, KindUint})
	}
	return append(dst, Field{"data", off + 2, n - 2, KindBytes})
}

// appendTLVFields appends the TLVs of an IF_ID object (RFC 3471 section 9.1.1).
func appendTLVFields(dst []Field, body []byte, off int) ([]Field, int) {
	for off < len(body) {
		n, err := tlvLen(body[off:], off, "")
		if err != nil {
			break
		}
		dst = append(dst, Field{"TLV type", off, 2, KindUint}, Field{"TLV length", off + 2, 2, KindUint})
		size := int(binary.BigEndian.Uint16(body[off+2:]))
		switch typ := binary.BigEndian.Uint16(body[off:]); {
		case typ == 1 && size == 8:
			dst = append(dst, Field{"IPv4 address", off + 4, 4, KindIPv4})
		case typ == 2 && size == 20:
			dst = append(dst, Field{"IPv6 address", off + 4, 16, KindIPv6})
		case typ >= 3 && typ <= 5 && size == 12:
			dst = append(dst, Field{"IPv4 address", off + 4, 4, KindIPv4}, Field{"Interface ID", off + 8, 4, KindUint})
		case size > 4:
			dst = append(dst, Field{"Value", off + 4, size - 4, KindBytes})
		}
		dst = appendPadding(dst, off+size, off+n)
		off += n
	}
	return dst, off
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
	case intserv.ParamNullTSpec:
		return []Field{{"Maximum Packet Size [M]", 0, 4, KindUint}}
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
