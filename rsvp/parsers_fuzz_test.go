package rsvp_test

import (
	"bytes"
	"testing"

	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/wire/object"
)

// objectParsers read objects that a message keeps as they are.
var objectParsers = []func(object.Object) error{
	reader(rsvp.ParseRestartCap), reader(rsvp.ParseNotifyRequest), reader(rsvp.ParseAdminStatus),
	reader(rsvp.ParseProtection), reader(rsvp.ParseLabel), reader(rsvp.ParseLabelSet),
	reader(rsvp.ParseLabelRequest), reader(rsvp.ParseSessionAttribute), reader(rsvp.ParseSessionOfInterest),
	reader(rsvp.ParseUserError), reader(rsvp.ParsePolicyData),
}

func reader[T any](parse func(object.Object) (T, error)) func(object.Object) error {
	return func(o object.Object) error {
		_, err := parse(o)
		return err
	}
}

// FuzzObject: no object makes a reader panic, and at most the readers of its own
// class take it.
func FuzzObject(f *testing.F) {
	for c, info := range rsvp.Classes {
		for _, ct := range info.CTypes {
			f.Add(uint8(c), ct.CType, bytes.Repeat([]byte{0, 1}, ct.Min/2))
		}
	}
	f.Fuzz(func(t *testing.T, class, ctype uint8, body []byte) {
		taken := 0
		for _, read := range objectParsers {
			if read(object.Object{Class: class, CType: ctype, Body: body}) == nil {
				taken++
			}
		}
		if taken > 1 {
			t.Errorf("%d readers take class %d", taken, class)
		}
	})
}

// FuzzPolicyElement: no element makes a reader panic, and what is read encodes
// to an element that reads the same.
func FuzzPolicyElement(f *testing.F) {
	f.Add(uint16(rsvp.PolicyPreemption), []byte{0, 1, 0, 0, 0, 5, 0, 9})
	f.Add(uint16(rsvp.PolicyApplication), []byte{0, 8, 1, 1, 'A', '=', 'b', 0})
	f.Fuzz(func(t *testing.T, typ uint16, data []byte) {
		e := rsvp.PolicyElement{Type: rsvp.PolicyType(typ), Data: data}
		if p, err := rsvp.ParsePreemption(e); err == nil {
			again, err := p.Element()
			if err != nil {
				t.Fatalf("%+v: %v", p, err)
			}
			if q, err := rsvp.ParsePreemption(again); err != nil || q != p {
				t.Errorf("%+v became %+v, %v", p, q, err)
			}
		}
		if i, err := rsvp.ParseIdentity(e); err == nil && typ != uint16(rsvp.PolicyUser) && typ != uint16(rsvp.PolicyApplication) {
			t.Errorf("an identity of P-Type %d: %+v", typ, i)
		}
	})
}

// FuzzParseLocator: no text panics, and no key is empty.
func FuzzParseLocator(f *testing.F) {
	f.Add(`APP=SAP, VER=1.1, SAPP="Print, out"`)
	f.Fuzz(func(t *testing.T, text string) {
		parts, err := rsvp.ParseLocator(text)
		for _, p := range parts {
			if p.Key == "" && err == nil {
				t.Errorf("%q has an empty key", text)
			}
		}
	})
}

// FuzzParseTLV: what is read encodes to what was read, but for its padding.
func FuzzParseTLV(f *testing.F) {
	f.Add([]byte{0, 1, 0, 8, 10, 0, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		v, rest, err := rsvp.ParseTLV(b)
		if err != nil {
			return
		}
		out, err := v.AppendTo(nil)
		if err != nil || len(out)+len(rest) != len(b) || !bytes.Equal(out[:4+len(v.Value)], b[:4+len(v.Value)]) {
			t.Errorf("% x became % x, %v", b, out, err)
		}
	})
}
