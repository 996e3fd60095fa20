package dissect

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/intserv"
	"github.com/mpstack/mpstack/wire/inet"
	"github.com/mpstack/mpstack/wire/object"
)

// rsvp adds an RSVP message: its header, and each object with the fields that
// the registry gives it. What RFC 2205 forbids is an error, found where
// package rsvp finds it; message types, classes and C-Types that the registry
// does not know are not.
func (d *builder) rsvp(at, end int) {
	b := d.b[at:end]
	err := d.scratch.rsvp.Decode(b)
	if !errors.Is(err, rsvp.ErrUnknownClass) && !errors.Is(err, rsvp.ErrUnknownCType) && !errors.Is(err, rsvp.ErrType) {
		d.fail(LayerRSVP, at, err)
	}
	if len(b) < rsvp.HeaderLen {
		d.data(at, end)
		return
	}
	d.layer(LayerRSVP, at)
	d.kind(rsvp.MessageType(b[1]).String())
	d.field("version", at, 1, Uint(uint64(b[0]>>4)))
	d.field("flags", at, 1, Hex(uint64(b[0]&0x0f), 1))
	d.uint("type", at+1, 1)
	d.checksum(at+2, inet.Checksum(b, 0) == 0)
	if d.number(at+2, 2) == 0 {
		d.text(checksumNone)
	}
	d.uint("send_ttl", at+4, 1)
	d.uint("length", at+6, 2)
	d.end(end)
	if b[0]>>4 != rsvp.Version {
		d.bytes("bytes", at+rsvp.HeaderLen, end-at-rsvp.HeaderLen)
		return
	}
	if rsvp.MessageType(b[1]) == rsvp.Bundle && err == nil {
		d.bundle(at, end)
		return
	}
	d.framedObjects(LayerRSVP, at, at+rsvp.HeaderLen, end, d.rsvpObject)
}

// bundle adds the sub-messages of a well-formed Bundle, each as a layer of its
// own behind that of the Bundle's header.
func (d *builder) bundle(at, end int) {
	at += rsvp.HeaderLen
	d.end(at)
	for sub := range rsvp.SubMessages(d.b[at:end]) {
		d.rsvp(at, at+len(sub))
		at += len(sub)
	}
}

// framedObjects walks objects in the framing that RSVP and MPJ share; each adds
// the inside of one.
func (d *builder) framedObjects(layer string, base, at, end int, each func(o object.Object, at int)) {
	for at < end {
		o, rest, err := object.Parse(d.b[at:end])
		if err != nil {
			d.fail(layer, base, &object.DecodeError{Field: "object", Offset: at - base, Err: err})
			return
		}
		each(o, at)
		at = end - len(rest)
	}
}

// rsvpObject adds one object.
func (d *builder) rsvpObject(o object.Object, at int) {
	class := rsvp.Class(o.Class)
	d.object(rsvpClassName(class), o.Class, o.CType, at, object.HeaderLen+len(o.Body))
	if info, ok := rsvp.Lookup(class, o.CType); ok {
		d.form(info.Name)
	}
	d.scratch.fields = rsvp.AppendFields(d.scratch.fields[:0], class, o.CType, o.Body)
	for i := range d.scratch.fields {
		d.rsvpField(class, &d.scratch.fields[i], at+object.HeaderLen)
	}
}

func rsvpClassName(c rsvp.Class) string {
	if c.Known() {
		return c.String()
	}
	return unknownClass(uint8(c))
}

// unknownClass returns "class-20".
func unknownClass(class uint8) string { return "class-" + strconv.Itoa(int(class)) }

// rsvpField adds one field of the body that starts at base.
func (d *builder) rsvpField(class rsvp.Class, f *rsvp.Field, base int) {
	at, name := base+f.Offset, d.scratch.spell(f.Name)
	switch f.Kind {
	case rsvp.KindUint:
		v := d.uint(name, at, f.Size)
		d.rsvpText(class, name, v)
	case rsvp.KindHex, rsvp.KindFlags:
		v := d.hex(name, at, f.Size)
		d.rsvpText(class, name, v)
	case rsvp.KindIPv4, rsvp.KindIPv6:
		d.address(name, at, f.Size)
	case rsvp.KindFloat:
		d.field(name, at, f.Size, Float(math.Float32frombits(uint32(d.number(at, f.Size)))))
		d.rsvpText(class, name, 0)
	case rsvp.KindBytes:
		d.bytes(name, at, f.Size)
	case rsvp.KindText:
		d.bytes(name, at, f.Size)
		d.text(strconv.Quote(string(d.b[at : at+f.Size])))
	}
}

// spell returns FieldName of a registry's name, and remembers it.
func (s *scratch) spell(name string) string {
	if short, ok := s.names[name]; ok {
		return short
	}
	if s.names == nil {
		s.names = make(map[string]string)
	}
	short := FieldName(name)
	s.names[name] = short
	return short
}

// FieldName returns a registry's field name in this package's spelling:
// "dst_tag" for "destination tag", "hop_address" for "Hop Address",
// "token_bucket_rate" for "Token Bucket Rate [r]".
func FieldName(name string) string {
	switch name {
	case "destination tag":
		return "dst_tag"
	case "source tag":
		return "src_tag"
	case "address":
		return "addr"
	}
	name, _, _ = strings.Cut(name, " [")
	return snake(name)
}

// snake returns "dest_address" for "DestAddress" and "Dest Address".
func snake(s string) string {
	var b strings.Builder
	lower := false // whether the last letter was lower case
	for _, c := range s {
		switch {
		case c == ' ' || c == '-':
			b.WriteByte('_')
			lower = false
		case c >= 'A' && c <= 'Z':
			if lower {
				b.WriteByte('_')
			}
			b.WriteRune(c - 'A' + 'a')
			lower = false
		default:
			b.WriteRune(c)
			lower = true
		}
	}
	return b.String()
}

// rsvpText says what a value means, where it has a name or a unit.
func (d *builder) rsvpText(class rsvp.Class, name string, v uint64) {
	switch name {
	case "protocol_id":
		d.text(inet.ProtoName(uint8(v)))
	case "refresh_period":
		d.text("ms")
	case "error_code":
		d.text(rsvp.ErrorCode(v).String())
	case "option_vector":
		if s := rsvp.Style(v); class == rsvp.ClassStyle && s.Known() {
			d.text(s.String())
		}
	case "service":
		d.text(serviceName(uint8(v)))
	case "token_bucket_rate", "peak_data_rate", "rate", "path_bandwidth_estimate":
		d.text("bytes/s")
	case "token_bucket_size", "minimum_policed_unit", "maximum_packet_size", "composed_mtu", "ctot", "csum":
		d.text("bytes")
	case "minimum_path_latency", "slack_term", "dtot", "dsum":
		d.text("us")
	}
}

// serviceName returns the name of an integrated service, if it has one.
func serviceName(id uint8) string {
	switch intserv.Service(id) {
	case intserv.General:
		return "general"
	case intserv.Guaranteed:
		return "guaranteed"
	case intserv.ControlledLoad:
		return "controlled load"
	}
	return ""
}
