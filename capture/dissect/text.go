package dissect

import (
	"bytes"
	"strconv"
	"unicode"

	"github.com/mpstack/mpstack/capture"
	"github.com/mpstack/mpstack/wire"
)

// AppendText appends rec and its tree for a reader: a line of summary, then a
// line for each layer and each object, each with its offset and length, and
// what was found wrong.
//
//	1 2000-01-01T00:00:00.000000000Z leaf/eth0 out 166 bytes: rsvp Path 10.0.1.2 > 232.1.1.1  [rsvp/path/new]
//	    eth        0+14   dst 01:00:5e:01:01:01, src 02:00:00:00:00:01, type 0x0800 (IPv4)
//	    ipv4      14+24   …
//	    rsvp      38+128  Path: version 1, flags 0x00, type 1, checksum 0x2b1c (correct), send_ttl 63, length 128
//	      SESSION 1.1 IPv4/UDP  46+12   dest_address 232.1.1.1, protocol_id 17 (UDP), flags 0x00, dst_port 5000
func AppendText(b []byte, rec *capture.Record, t *Tree) []byte {
	b = AppendSummary(b, rec, t)
	b = append(b, '\n')
	for i := range t.Layers {
		b = appendLayerText(b, &t.Layers[i])
	}
	if t.Err != nil {
		b = append(b, "    error at byte "...)
		b = strconv.AppendInt(b, int64(t.ErrAt), 10)
		b = append(b, ": "...)
		b = appendClean(b, t.Err.Error())
		b = append(b, '\n')
	}
	return b
}

// AppendSummary appends AppendText's first line, without its newline.
func AppendSummary(b []byte, rec *capture.Record, t *Tree) []byte {
	b = strconv.AppendInt(b, int64(rec.Number), 10)
	b = append(b, ' ')
	b = rec.At.UTC().AppendFormat(b, timeLayout)
	if rec.Port != "" {
		b = append(b, ' ')
		b = appendClean(b, rec.Port)
	}
	if rec.Dir != wire.DirUnknown {
		b = append(b, ' ')
		b = append(b, rec.Dir.String()...)
	}
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(len(rec.Data)), 10)
	if rec.Truncated() {
		b = append(b, " of "...)
		b = strconv.AppendInt(b, int64(rec.OrigLen), 10)
	}
	b = append(b, " bytes: "...)
	b = t.appendAbout(b)
	if rec.Comment != "" {
		b = append(b, "  ["...)
		b = appendClean(b, rec.Comment)
		b = append(b, ']')
	}
	return b
}

// Summary returns what the frame is and between whom: "mpj JOIN 10.0.1.2 >
// 10.0.9.9", "udp data 10.0.9.9:5000 > 232.1.1.1:50001".
func (t *Tree) Summary() string { return string(t.appendAbout(nil)) }

func (t *Tree) appendAbout(b []byte) []byte {
	top := t.Top()
	if top == nil {
		return append(b, LayerData...)
	}
	b = append(b, top.Name...)
	if top.Type != "" {
		b = append(b, ' ')
		b = append(b, top.Type...)
	}
	from, to, ports := t.ends()
	if from == nil || to == nil {
		return b
	}
	b = append(b, ' ')
	b = appendEnd(b, from, top, ports, "src_port")
	b = append(b, " > "...)
	return appendEnd(b, to, top, ports, "dst_port")
}

// ends returns the fields that say between whom the frame goes, of the
// outermost layer that does so for people, and whether ports belong to it.
func (t *Tree) ends() (from, to *Field, ports bool) {
	for i := len(t.Layers) - 1; i >= 0; i-- {
		l := &t.Layers[i]
		switch l.Name {
		case LayerARP:
			return l.Field("sender_ip"), l.Field("target_ip"), false
		case LayerIPv4, LayerIPv6, LayerEthernet:
			return l.Field("src"), l.Field("dst"), true
		}
	}
	return nil, nil, false
}

// appendEnd appends an address, and its port where the frame is plain UDP.
func appendEnd(b []byte, addr *Field, top *Layer, ports bool, name string) []byte {
	port := top.Field(name)
	if !ports || port == nil {
		return addr.Value.AppendText(b)
	}
	six := addr.Value.Addr().Is6()
	if six {
		b = append(b, '[')
	}
	b = addr.Value.AppendText(b)
	if six {
		b = append(b, ']')
	}
	b = append(b, ':')
	return port.Value.AppendText(b)
}

// Columns of layers: name, then offset and length.
const (
	nameColumn   = 11
	extentColumn = 9
)

func appendLayerText(b []byte, l *Layer) []byte {
	b = append(b, "    "...)
	b = appendPadded(b, l.Name, nameColumn)
	b = appendExtentText(b, l.Offset, l.Length)
	if l.Type != "" {
		b = append(b, l.Type...)
		if len(l.Fields) > 0 {
			b = append(b, ": "...)
		}
	}
	b = appendFieldsText(b, l.Fields)
	b = append(bytes.TrimRight(b, " "), '\n')
	for i := range l.Objects {
		b = appendObjectText(b, &l.Objects[i])
	}
	return b
}

func appendObjectText(b []byte, o *Object) []byte {
	b = append(b, "      "...)
	b = append(b, o.Name...)
	if o.Class != 0 || o.CType != 0 {
		b = append(b, ' ')
		b = strconv.AppendUint(b, uint64(o.Class), 10)
		b = append(b, '.')
		b = strconv.AppendUint(b, uint64(o.CType), 10)
	}
	if o.Form != "" {
		b = append(b, ' ')
		b = append(b, o.Form...)
	}
	b = append(b, "  "...)
	b = appendExtentText(b, o.Offset, o.Length)
	b = appendFieldsText(b, o.Fields)
	return append(bytes.TrimRight(b, " "), '\n')
}

func appendExtentText(b []byte, offset, length int) []byte {
	start := len(b)
	b = strconv.AppendInt(b, int64(offset), 10)
	b = append(b, '+')
	b = strconv.AppendInt(b, int64(length), 10)
	for len(b)-start < extentColumn {
		b = append(b, ' ')
	}
	return b
}

func appendPadded(b []byte, s string, width int) []byte {
	b = append(b, s...)
	for range width - len(s) {
		b = append(b, ' ')
	}
	return b
}

// maxBytesText is how many bytes of a field are shown to a reader.
const maxBytesText = 32

// plumbing are the fields that people do without: they only hold others
// together.
var plumbing = map[string]bool{
	"length_in_words": true, "service_length_in_words": true,
	"parameter": true, "parameter_flags": true, "parameter_length_in_words": true,
}

func appendFieldsText(b []byte, fields []Field) []byte {
	start := len(b)
	for i := range fields {
		f := &fields[i]
		if plumbing[f.Name] {
			continue
		}
		if len(b) > start {
			b = append(b, ", "...)
		}
		b = append(b, f.Name...)
		b = append(b, ' ')
		b = appendValueText(b, f.Value)
		if f.Text != "" {
			b = append(b, " ("...)
			b = append(b, f.Text...)
			b = append(b, ')')
		}
	}
	return b
}

func appendValueText(b []byte, v Value) []byte {
	if n := len(v.Bytes()); n > maxBytesText {
		b = Bytes(v.Bytes()[:maxBytesText]).AppendText(b)
		b = append(b, "… ("...)
		b = strconv.AppendInt(b, int64(n), 10)
		return append(b, " bytes)"...)
	}
	return v.AppendText(b)
}

// appendClean appends what came from a file to a line for a terminal: what
// would move the cursor becomes a space.
func appendClean(b []byte, s string) []byte {
	for _, c := range s {
		if !unicode.IsPrint(c) {
			c = ' '
		}
		b = append(b, string(c)...)
	}
	return b
}
