package rsvp

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"net/netip"
	"strconv"

	"github.com/mpstack/mpstack/wire/object"
)

// AppendText appends an object in one line, as the registry describes it: class,
// C-Type and the fields that are in use.
//
//	SESSION IPv4/UDP: DestAddress 10.1.2.3, Protocol Id 17, Flags 0x00, DstPort 5000
func AppendText(dst []byte, o object.Object) []byte {
	class := Class(o.Class)
	dst = append(dst, class.String()...)
	if name := formName(class, o.CType); name != "" {
		dst = append(append(dst, ' '), name...)
	}
	dst = append(dst, ':')
	sep := " "
	for _, f := range AppendFields(nil, class, o.CType, o.Body) {
		if f.Kind == KindUnused {
			continue
		}
		dst = append(append(dst, sep...), f.Name...)
		dst = appendValue(append(dst, ' '), f, o.Body[f.Offset:f.Offset+f.Size], false)
		sep = ", "
	}
	return dst
}

// formName returns the name of a C-Type, which is empty for a class's only one;
// of one that is not known, the number.
func formName(class Class, ctype uint8) string {
	ct, ok := Lookup(class, ctype)
	if !ok {
		return "C-Type " + strconv.Itoa(int(ctype))
	}
	return ct.Name
}

// AppendJSON appends an object as a JSON object without a line end. Addresses,
// text, bytes in hexadecimal and numbers read in hexadecimal are strings, as is a
// float that is not finite; other numbers are not. Field names may repeat where
// items do, so fields are a list; those that are not in use are left out.
//
//	{"class":1,"ctype":1,"name":"SESSION","form":"IPv4/UDP","fields":[{"name":"DestAddress","value":"10.1.2.3"},…]}
func AppendJSON(dst []byte, o object.Object) []byte {
	class := Class(o.Class)
	dst = strconv.AppendUint(append(dst, `{"class":`...), uint64(o.Class), 10)
	dst = strconv.AppendUint(append(dst, `,"ctype":`...), uint64(o.CType), 10)
	if class.Known() {
		dst = appendString(append(dst, `,"name":`...), class.String())
	}
	if ct, ok := Lookup(class, o.CType); ok && ct.Name != "" {
		dst = appendString(append(dst, `,"form":`...), ct.Name)
	}
	dst = append(dst, `,"fields":[`...)
	first := true
	for _, f := range AppendFields(nil, class, o.CType, o.Body) {
		if f.Kind == KindUnused {
			continue
		}
		dst = appendString(append(comma(dst, &first), `{"name":`...), f.Name)
		dst = append(appendValue(append(dst, `,"value":`...), f, o.Body[f.Offset:f.Offset+f.Size], true), '}')
	}
	return append(dst, "]}"...)
}

// appendValue appends a field's value. With quote it is a JSON value.
func appendValue(dst []byte, f Field, b []byte, quote bool) []byte {
	text := ""
	switch f.Kind {
	case KindUint:
		if len(b) <= 8 {
			return strconv.AppendUint(dst, number(b), 10)
		}
		text = hex.EncodeToString(b)
	case KindHex, KindFlags:
		text = "0x" + hex.EncodeToString(b)
	case KindIPv4, KindIPv6:
		a, _ := netip.AddrFromSlice(b)
		text = a.String()
	case KindFloat:
		v := float64(math.Float32frombits(binary.BigEndian.Uint32(b)))
		text = strconv.FormatFloat(v, 'g', -1, 32)
		if !math.IsInf(v, 0) && !math.IsNaN(v) {
			return append(dst, text...)
		}
	case KindText:
		if !quote {
			return strconv.AppendQuote(dst, string(b))
		}
		text = string(b)
	default:
		text = hex.EncodeToString(b)
	}
	if quote {
		return appendString(dst, text)
	}
	return append(dst, text...)
}

// number returns the big-endian number of at most 8 bytes.
func number(b []byte) (v uint64) {
	for _, c := range b {
		v = v<<8 | uint64(c)
	}
	return v
}

// appendString appends s as a JSON string. Bytes that are not printable ASCII
// are escaped as the characters of Latin-1.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < 0x20 || c >= 0x7f:
			dst = append(dst, `\u00`...)
			dst = append(dst, hex.EncodeToString([]byte{c})...)
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

// String returns the message for a reader: its type and one line for each
// object, in the order in which AppendTo writes them. A message that cannot be
// encoded shows the error.
func (m *Message) String() string {
	b, err := m.AppendTo(nil)
	if err != nil {
		return m.Type.String() + ": " + err.Error()
	}
	return string(AppendMessageText(nil, b))
}

// AppendMessageText appends a message on the wire for a reader: its type and one
// line for each object. It is lenient: it ends where the framing does.
func AppendMessageText(dst, message []byte) []byte {
	if len(message) < HeaderLen {
		return dst
	}
	typ := MessageType(message[1])
	dst = append(append(dst, typ.String()...), " ttl "...)
	dst = strconv.AppendUint(dst, uint64(message[4]), 10)
	body := message[HeaderLen:]
	if typ == Bundle {
		for sub := range SubMessages(body) {
			dst = AppendMessageText(append(dst, '\n'), sub)
		}
		return dst
	}
	for len(body) > 0 {
		o, rest, err := object.Parse(body)
		if err != nil {
			break
		}
		dst = AppendText(append(dst, "\n  "...), o)
		body = rest
	}
	return dst
}

// AppendMessageJSON appends a message on the wire as a JSON object: header, and
// objects as AppendJSON has them, or for a Bundle its sub-messages. It is
// lenient as AppendMessageText is.
func AppendMessageJSON(dst, message []byte) []byte {
	if len(message) < HeaderLen {
		return append(dst, "{}"...)
	}
	typ := MessageType(message[1])
	dst = appendString(append(dst, `{"type":`...), typ.String())
	dst = strconv.AppendUint(append(dst, `,"flags":`...), uint64(message[0]&0x0f), 10)
	dst = strconv.AppendUint(append(dst, `,"send_ttl":`...), uint64(message[4]), 10)
	dst = strconv.AppendUint(append(dst, `,"length":`...), uint64(binary.BigEndian.Uint16(message[6:])), 10)
	body := message[HeaderLen:]
	if typ == Bundle {
		dst = append(dst, `,"messages":[`...)
		first := true
		for sub := range SubMessages(body) {
			dst = AppendMessageJSON(comma(dst, &first), sub)
		}
		return append(dst, "]}"...)
	}
	dst = append(dst, `,"objects":[`...)
	for first := true; len(body) > 0; {
		o, rest, err := object.Parse(body)
		if err != nil {
			break
		}
		dst = AppendJSON(comma(dst, &first), o)
		body = rest
	}
	return append(dst, "]}"...)
}

// comma appends a comma but before the first element.
func comma(dst []byte, first *bool) []byte {
	if !*first {
		dst = append(dst, ',')
	}
	*first = false
	return dst
}
