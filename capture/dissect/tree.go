package dissect

import (
	"iter"
	"strconv"
	"strings"

	"github.com/mpstack/mpstack/wire/object"
)

// Names of layers.
const (
	LayerEthernet = "eth"
	LayerARP      = "arp"
	LayerIPv4     = "ipv4"
	LayerIPv6     = "ipv6"
	LayerUDP      = "udp"
	LayerICMP     = "icmp"
	LayerICMPv6   = "icmpv6" // neighbor discovery included
	LayerIGMP     = "igmp"
	LayerMLD      = "mld"
	LayerMPJ      = "mpj"
	LayerRSVP     = "rsvp"
	LayerData     = "data" // bytes that no layer claims
)

// Tree is one frame. The zero value is ready for Dissect.
type Tree struct {
	Layers []Layer // in the order of the frame
	// Err is the first thing found wrong, nil where nothing was. Its Offset
	// counts from the start of its layer, ErrAt from the start of the frame.
	Err   *object.DecodeError
	ErrAt int

	fields  []Field // of all layers and objects; they hold parts of it
	objects []Object
	scratch scratch
}

// Layer is one protocol's part of a frame: its header, for the last one all
// there is.
type Layer struct {
	Name    string // LayerEthernet, …
	Type    string // the kind of message, where the protocol has several: "JOIN", "Path"
	Offset  int
	Length  int
	Fields  []Field
	Objects []Object

	span span
}

// Object is a part of a layer that repeats or is optional: an MPJ or RSVP
// object, a group record of a membership report, an option of IPv4 or of
// neighbor discovery, an IPv6 extension header.
type Object struct {
	Name   string
	Class  uint8 // MPJ and RSVP: class and C-Type; else 0
	CType  uint8
	Form   string // what the C-Type is called, where the class has several
	Offset int
	Length int
	Fields []Field

	span span
}

// Field is one value.
type Field struct {
	Name   string
	Offset int
	Length int // in bytes; parts of one byte share it
	Value  Value
	Text   string // what the value means, where there is more to say
}

// span is where a layer's or an object's parts stand in the tree's slices,
// until the tree is complete.
type span struct{ fields, fieldsEnd, objects, objectsEnd int }

// reset empties t and keeps its memory. A new tree begins with room for a usual
// frame.
func (t *Tree) reset() {
	if t.Layers == nil {
		t.Layers, t.fields = make([]Layer, 0, 5), make([]Field, 0, 32)
	}
	t.Layers, t.fields, t.objects = t.Layers[:0], t.fields[:0], t.objects[:0]
	t.Err, t.ErrAt = nil, 0
}

// finish gives layers and objects their parts, once those no longer move.
func (t *Tree) finish() {
	for i := range t.objects {
		o := &t.objects[i]
		o.Fields = t.fields[o.span.fields:o.span.fieldsEnd:o.span.fieldsEnd]
	}
	for i := range t.Layers {
		l := &t.Layers[i]
		l.Fields = t.fields[l.span.fields:l.span.fieldsEnd:l.span.fieldsEnd]
		l.Objects = t.objects[l.span.objects:l.span.objectsEnd:l.span.objectsEnd]
	}
}

// Layer returns the first layer of that name, or nil.
func (t *Tree) Layer(name string) *Layer {
	for i := range t.Layers {
		if t.Layers[i].Name == name {
			return &t.Layers[i]
		}
	}
	return nil
}

// Top returns the last layer that is not data, or nil where there is none:
// what the frame is about.
func (t *Tree) Top() *Layer {
	for i := len(t.Layers) - 1; i >= 0; i-- {
		if t.Layers[i].Name != LayerData {
			return &t.Layers[i]
		}
	}
	return nil
}

// Field returns the layer's first field of that name, or nil.
func (l *Layer) Field(name string) *Field { return findField(l.Fields, name) }

// Object returns the layer's first object of that name, or nil.
func (l *Layer) Object(name string) *Object {
	for i := range l.Objects {
		if l.Objects[i].Name == name {
			return &l.Objects[i]
		}
	}
	return nil
}

// Field returns the object's first field of that name, or nil.
func (o *Object) Field(name string) *Field { return findField(o.Fields, name) }

func findField(fields []Field, name string) *Field {
	for i := range fields {
		if fields[i].Name == name {
			return &fields[i]
		}
	}
	return nil
}

// Field returns the field at path ("rsvp.SESSION.destination"), or nil.
func (t *Tree) Field(path string) *Field {
	for p, f := range t.Walk() {
		if p == path {
			return f
		}
	}
	return nil
}

// Walk yields every field with its path, in the order of the frame.
func (t *Tree) Walk() iter.Seq2[string, *Field] {
	return func(yield func(string, *Field) bool) {
		layers := make(counter)
		for i := range t.Layers {
			l := &t.Layers[i]
			if !l.walk(layers.name(l.Name), yield) {
				return
			}
		}
	}
}

func (l *Layer) walk(path string, yield func(string, *Field) bool) bool {
	if !walkFields(path, l.Fields, yield) {
		return false
	}
	objects := make(counter)
	for i := range l.Objects {
		o := &l.Objects[i]
		if !walkFields(path+"."+objects.name(o.Name), o.Fields, yield) {
			return false
		}
	}
	return true
}

func walkFields(path string, fields []Field, yield func(string, *Field) bool) bool {
	seen := make(counter)
	for i := range fields {
		if !yield(path+"."+seen.name(fields[i].Name), &fields[i]) {
			return false
		}
	}
	return true
}

// counter numbers names that come again.
type counter map[string]int

func (c counter) name(s string) string {
	c[s]++
	if n := c[s]; n > 1 {
		return s + "#" + strconv.Itoa(n)
	}
	return s
}

// Match reports whether path is what pattern says: the same path, where "*"
// stands for any one name and a name without number also for its repetitions.
func Match(pattern, path string) bool {
	for {
		p, prest, pmore := strings.Cut(pattern, ".")
		s, srest, smore := strings.Cut(path, ".")
		if p != "*" && p != s {
			if name, _, numbered := strings.Cut(s, "#"); !numbered || p != name {
				return false
			}
		}
		if pmore != smore {
			return false
		}
		if !pmore {
			return true
		}
		pattern, path = prest, srest
	}
}
