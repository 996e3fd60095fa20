package dissect

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"

	"github.com/mpstack/mpstack/wire/inet"
	"github.com/mpstack/mpstack/wire/object"
)

// builder adds to a tree while it walks a frame. Offsets are those of the
// frame; the caller has checked that what it names is there.
type builder struct {
	*Tree
	b []byte // the frame
}

// layer begins a layer.
func (d *builder) layer(name string, at int) {
	d.Layers = append(d.Layers, Layer{
		Name: name, Offset: at,
		span: span{len(d.fields), len(d.fields), len(d.objects), len(d.objects)},
	})
}

// current returns the layer begun last.
func (d *builder) current() *Layer { return &d.Layers[len(d.Layers)-1] }

// kind names the layer's message.
func (d *builder) kind(s string) { d.current().Type = s }

// end closes the layer before offset at.
func (d *builder) end(at int) {
	l := d.current()
	l.Length = at - l.Offset
}

// object begins an object of the layer. The layer's own fields come before its
// first object.
func (d *builder) object(name string, class, ctype uint8, at, length int) {
	d.objects = append(d.objects, Object{
		Name: name, Class: class, CType: ctype, Offset: at, Length: length,
		span: span{fields: len(d.fields), fieldsEnd: len(d.fields)},
	})
	d.current().span.objectsEnd = len(d.objects)
}

// form names the C-Type of the object begun last.
func (d *builder) form(s string) { d.objects[len(d.objects)-1].Form = s }

// field adds a field to the object begun last, or to the layer where it has
// none.
func (d *builder) field(name string, at, n int, v Value) {
	if len(d.fields) == cap(d.fields) { // doubled: the steps of append cost more in all
		d.fields = slices.Grow(d.fields, len(d.fields))
	}
	d.fields = append(d.fields, Field{Name: name, Offset: at, Length: n, Value: v})
	l := d.current()
	if l.span.objectsEnd > l.span.objects {
		d.objects[len(d.objects)-1].span.fieldsEnd = len(d.fields)
		return
	}
	l.span.fieldsEnd = len(d.fields)
}

// text says what the field added last means.
func (d *builder) text(s string) { d.fields[len(d.fields)-1].Text = s }

// number returns the big-endian number of n bytes, 8 at most.
func (d *builder) number(at, n int) uint64 {
	var v uint64
	for _, c := range d.b[at : at+n] {
		v = v<<8 | uint64(c)
	}
	return v
}

func (d *builder) uint(name string, at, n int) uint64 {
	v := d.number(at, n)
	d.field(name, at, n, Uint(v))
	return v
}

func (d *builder) hex(name string, at, n int) uint64 {
	v := d.number(at, n)
	d.field(name, at, n, Hex(v, n))
	return v
}

func (d *builder) flag(name string, at int, mask byte) bool {
	v := d.b[at]&mask != 0
	d.field(name, at, 1, Bool(v))
	return v
}

func (d *builder) addr4(name string, at int) netip.Addr {
	a := netip.AddrFrom4([4]byte(d.b[at:]))
	d.field(name, at, 4, Addr(a))
	return a
}

func (d *builder) addr16(name string, at int) netip.Addr {
	a := netip.AddrFrom16([16]byte(d.b[at:]))
	d.field(name, at, 16, Addr(a))
	return a
}

func (d *builder) mac(name string, at int) {
	d.field(name, at, 6, MAC(inet.MAC(d.b[at:at+6])))
}

func (d *builder) bytes(name string, at, n int) {
	d.field(name, at, n, Bytes(d.b[at:at+n:at+n]))
}

// checksum adds a 16-bit checksum with the verdict on it.
func (d *builder) checksum(at int, good bool) {
	d.hex("checksum", at, 2)
	if good {
		d.text(checksumGood)
	} else {
		d.text(checksumBad)
	}
}

// What is said of a checksum.
const (
	checksumGood = "correct"
	checksumBad  = "incorrect"
	checksumNone = "none"
)

// data adds what is left, unless nothing is.
func (d *builder) data(at, end int) {
	if at >= end {
		return
	}
	d.layer(LayerData, at)
	d.bytes("bytes", at, end-at)
	if end-at <= maxQuoted {
		d.text(printable(d.b[at:end]))
	}
	d.end(end)
}

// maxQuoted is how long data may be to be shown as text too.
const maxQuoted = 64

// fail records an error about the layer that starts at base, under the tree's
// name for it. The first error stays.
func (d *builder) fail(layer string, base int, err error) {
	if d.Err != nil || err == nil {
		return
	}
	de := &object.DecodeError{Layer: layer, Err: err}
	if inner := (*object.DecodeError)(nil); errors.As(err, &inner) {
		de.Field, de.Offset, de.Err = inner.Field, inner.Offset, inner.Err
	}
	d.Err, d.ErrAt = de, base+de.Offset
}

// survivable reports whether err leaves the bytes where they are: a checksum,
// or a packet that is cut.
func survivable(err error) bool { return errors.Is(err, inet.ErrChecksum) }

func u16(b []byte, at int) int { return int(binary.BigEndian.Uint16(b[at:])) }
