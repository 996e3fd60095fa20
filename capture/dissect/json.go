package dissect

import (
	"strconv"

	"github.com/mpstack/mpstack/capture"
	"github.com/mpstack/mpstack/wire"
)

// AppendJSON appends rec and its tree as one line of JSON, without the newline:
//
//	{"v":1,"frame":1,"time":"2000-01-01T00:00:00.000000000Z","iface":"leaf/eth0","dir":"out",
//	 "layers":[{"name":"rsvp","type":"Path","offset":34,"length":132,
//	   "fields":[{"name":"send_ttl","offset":38,"length":1,"value":63}],
//	   "objects":[{"class":1,"ctype":1,"name":"SESSION","form":"IPv4/UDP","offset":42,"length":12,"fields":[…]}]}],
//	 "comment":"rsvp/path/new"}
//
// Offsets count from the start of the frame, also that of "error":{"layer",
// "field","offset","reason"}. What is not there (interface, direction, comment,
// error, an object's class) is left out. Addresses, bytes (in hexadecimal) and
// numbers read in hexadecimal are strings; other numbers and flags are not.
func AppendJSON(b []byte, rec *capture.Record, t *Tree) []byte {
	b = append(b, `{"v":1,"frame":`...)
	b = strconv.AppendInt(b, int64(rec.Number), 10)
	b = append(b, `,"time":"`...)
	b = rec.At.UTC().AppendFormat(b, timeLayout)
	b = append(b, '"')
	if rec.Port != "" {
		b = appendMember(b, "iface", rec.Port)
	}
	if rec.Dir != wire.DirUnknown {
		b = appendMember(b, "dir", rec.Dir.String())
	}
	if rec.Truncated() {
		b = append(b, `,"original_length":`...)
		b = strconv.AppendInt(b, int64(rec.OrigLen), 10)
	}
	b = append(b, `,"layers":[`...)
	for i := range t.Layers {
		b = appendLayer(comma(b, i), &t.Layers[i])
	}
	b = append(b, ']')
	if t.Err != nil {
		b = appendError(b, t)
	}
	if rec.Comment != "" {
		b = appendMember(b, "comment", rec.Comment)
	}
	return append(b, '}')
}

// timeLayout is RFC 3339 in UTC with nine digits.
const timeLayout = "2006-01-02T15:04:05.000000000Z"

func comma(b []byte, i int) []byte {
	if i > 0 {
		return append(b, ',')
	}
	return b
}

// appendMember appends ,"key":"value".
func appendMember(b []byte, key, value string) []byte {
	b = append(b, ',', '"')
	b = append(b, key...)
	b = append(b, '"', ':')
	return appendString(b, value)
}

func appendExtent(b []byte, offset, length int) []byte {
	b = append(b, `,"offset":`...)
	b = strconv.AppendInt(b, int64(offset), 10)
	b = append(b, `,"length":`...)
	return strconv.AppendInt(b, int64(length), 10)
}

func appendLayer(b []byte, l *Layer) []byte {
	b = append(b, `{"name":`...)
	b = appendString(b, l.Name)
	if l.Type != "" {
		b = appendMember(b, "type", l.Type)
	}
	b = appendExtent(b, l.Offset, l.Length)
	b = appendFields(b, l.Fields)
	if len(l.Objects) > 0 {
		b = append(b, `,"objects":[`...)
		for i := range l.Objects {
			b = appendObject(comma(b, i), &l.Objects[i])
		}
		b = append(b, ']')
	}
	return append(b, '}')
}

func appendObject(b []byte, o *Object) []byte {
	b = append(b, '{')
	if o.CType != 0 || o.Class != 0 {
		b = append(b, `"class":`...)
		b = strconv.AppendUint(b, uint64(o.Class), 10)
		b = append(b, `,"ctype":`...)
		b = strconv.AppendUint(b, uint64(o.CType), 10)
		b = append(b, ',')
	}
	b = append(b, `"name":`...)
	b = appendString(b, o.Name)
	if o.Form != "" {
		b = appendMember(b, "form", o.Form)
	}
	b = appendExtent(b, o.Offset, o.Length)
	b = appendFields(b, o.Fields)
	return append(b, '}')
}

func appendFields(b []byte, fields []Field) []byte {
	if len(fields) == 0 {
		return b
	}
	b = append(b, `,"fields":[`...)
	for i := range fields {
		f := &fields[i]
		b = append(comma(b, i), `{"name":`...)
		b = appendString(b, f.Name)
		b = appendExtent(b, f.Offset, f.Length)
		b = append(b, `,"value":`...)
		b = f.Value.AppendJSON(b)
		if f.Text != "" {
			b = appendMember(b, "text", f.Text)
		}
		b = append(b, '}')
	}
	return append(b, ']')
}

func appendError(b []byte, t *Tree) []byte {
	b = append(b, `,"error":{"layer":`...)
	b = appendString(b, t.Err.Layer)
	b = appendMember(b, "field", t.Err.Field)
	b = append(b, `,"offset":`...)
	b = strconv.AppendInt(b, int64(t.ErrAt), 10)
	b = appendMember(b, "reason", t.Err.Err.Error())
	return append(b, '}')
}

// appendString appends s as a JSON string. Comments and port names come from
// files: what is not UTF-8 becomes U+FFFD.
func appendString(b []byte, s string) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', byte(c))
		case c == '\n':
			b = append(b, '\\', 'n')
		case c < ' ' || c == 0x7f:
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&0xf])
		default:
			b = append(b, string(c)...)
		}
	}
	return append(b, '"')
}
