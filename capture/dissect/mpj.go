package dissect

import (
	"strconv"
	"strings"

	"github.com/mpstack/mpstack/stack/winsock"
	"github.com/mpstack/mpstack/wire/inet"
	"github.com/mpstack/mpstack/wire/mpj"
	"github.com/mpstack/mpstack/wire/object"
)

func (d *builder) isMPJ(u inet.UDP) bool { return u.SrcPort == mpj.Port || u.DstPort == mpj.Port }

// mpj adds an MPJ message as the registry lays it out. What a receiver would
// refuse is an error, found where wire/mpj finds it; what can be shown is
// shown all the same.
func (d *builder) mpj(at, end int) {
	b := d.b[at:end]
	d.fail(LayerMPJ, at, d.scratch.mpj.Decode(b))
	if len(b) < mpj.HeaderLen {
		d.data(at, end)
		return
	}
	d.layer(LayerMPJ, at)
	d.kind(mpj.Type(b[1]).String())
	d.mpjFields(mpj.HeaderFields, at, at+mpj.HeaderLen)
	d.end(end)
	if b[0] != mpj.Version {
		d.bytes("bytes", at+mpj.HeaderLen, end-at-mpj.HeaderLen)
		return
	}
	d.framedObjects(LayerMPJ, at, at+mpj.HeaderLen, end, d.mpjObject)
}

// mpjObject adds one object. What is wrong inside it, Decode has said.
func (d *builder) mpjObject(o object.Object, at int) {
	length := object.HeaderLen + len(o.Body)
	body := at + object.HeaderLen
	info, known := mpj.ObjectInfoOf(o.Class, o.CType)
	if info != nil {
		d.object(info.Name, o.Class, o.CType, at, length)
		d.form(info.Form)
		d.mpjFields(info.Fields, body, at+length)
		if info.Bit == mpj.HasQOS {
			d.flowSpecText()
		}
		return
	}
	name := unknownClass(o.Class)
	if known {
		name = mpjClassName(o.Class)
	}
	d.object(name, o.Class, o.CType, at, length)
	d.bytes("body", body, len(o.Body))
}

// flowSpecText says what Winsock's numbers mean in the object added last.
func (d *builder) flowSpecText() {
	for i := d.objects[len(d.objects)-1].span.fields; i < len(d.fields); i++ {
		f := &d.fields[i]
		switch v := f.Value.Uint(); {
		case f.Value.Kind() == KindHex:
			f.Text = winsock.ServiceTypeName(uint32(v))
		case v == winsock.QOS_NOT_SPECIFIED:
			f.Text = "not specified"
		}
	}
}

func mpjClassName(class uint8) string {
	for i := range mpj.Objects {
		if mpj.Objects[i].Class == class {
			return mpj.Objects[i].Name
		}
	}
	return ""
}

// mpjFields adds the fields of the header or body between base and end, as far
// as they are there. Fields that must be zero are left out.
func (d *builder) mpjFields(fields []mpj.Field, base, end int) {
	for i := range fields {
		f := &fields[i]
		raw := f.Bytes(d.b[base:end])
		if raw == nil || f.Kind == mpj.KindZero || f.Kind == mpj.KindZeros {
			continue
		}
		d.mpjField(f, d.scratch.spell(f.Name), base+f.Offset, len(raw))
	}
}

func (d *builder) mpjField(f *mpj.Field, name string, at, n int) {
	switch f.Kind {
	case mpj.KindHex, mpj.KindTag:
		d.hex(name, at, n)
	case mpj.KindAddr:
		d.address(name, at, n)
	case mpj.KindFlags:
		d.text(flagNames(f.Values, d.hex(name, at, n)))
	case mpj.KindEnum:
		d.text(valueName(f.Values, d.uint(name, at, n)))
	case mpj.KindErrno:
		d.text(winsock.Errno(d.uint(name, at, n)).Name())
	case mpj.KindMS:
		d.uint(name, at, n)
		d.text("ms")
	case mpj.KindCounted, mpj.KindBytes:
		d.bytes(name, at, n)
		if f.Kind == mpj.KindCounted {
			d.text(printable(d.b[at : at+n]))
		}
	default:
		d.uint(name, at, n)
	}
}

func valueName(values []mpj.Value, n uint64) string {
	for i := range values {
		if values[i].Number == n {
			return values[i].Name
		}
	}
	return ""
}

// flagNames returns the names of the set bits that have one.
func flagNames(values []mpj.Value, n uint64) string {
	var only string
	var names []string
	for i := range values {
		if v := &values[i]; n&v.Number != 0 {
			only = v.Name
			names = append(names, v.Name)
		}
	}
	if len(names) <= 1 {
		return only
	}
	return strings.Join(names, ", ")
}

// printable returns b in quotes where all of it is printable ASCII, else
// nothing.
func printable(b []byte) string {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return ""
		}
	}
	return strconv.Quote(string(b))
}
