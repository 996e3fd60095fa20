package rsvp_test

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/mpstack/mpstack/capture/capturetest"
	"github.com/mpstack/mpstack/capture/dissect"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/wire/object"
)

// addObjects adds the objects of our samples and goldens, and one of each kind
// that the registry has, each once.
func addObjects(f *testing.F) {
	f.Helper()
	messages := append(registrySeeds(), capturetest.Seeds(f, dissect.LayerRSVP)...)
	for _, s := range samples() {
		b, err := s.msg.AppendTo(nil)
		if err != nil {
			f.Fatal(err)
		}
		messages = append(messages, b)
	}
	seen := make(map[string]bool)
	for _, b := range messages {
		for rest := b[min(rsvp.HeaderLen, len(b)):]; len(rest) > 0; {
			o, next, err := object.Parse(rest)
			if err != nil {
				break
			}
			if whole := rest[:o.WireLen()]; !seen[string(whole)] {
				seen[string(whole)] = true
				f.Add(whole)
			}
			rest = next
		}
	}
}

// again decodes b as an object, encodes the value and decodes that: the value is
// the same.
func again[T any](t *testing.T, o object.Object, parse func(object.Object) (T, error), encode func(T) ([]byte, error)) {
	t.Helper()
	v, err := parse(o)
	if err != nil {
		return
	}
	b, err := encode(v)
	if err != nil {
		t.Fatalf("%+v is read but not written: %v", v, err)
	}
	o2, rest, err := object.Parse(b)
	if err != nil || len(rest) != 0 || o2.Class != o.Class {
		t.Fatalf("%x: %v", b, err)
	}
	v2, err := parse(o2)
	if err != nil || !reflect.DeepEqual(v, v2) {
		t.Fatalf("%+v becomes %+v, %v", v, v2, err)
	}
}

// FuzzObject: what the parsers of single objects read is written again and read
// as the same.
func FuzzObject(f *testing.F) {
	addObjects(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		o, _, err := object.Parse(b)
		if err != nil {
			return
		}
		class := rsvp.Class(o.Class)
		again(t, o, rsvp.ParseLabel, func(l rsvp.Label) ([]byte, error) { return l.AppendAs(nil, class) })
		again(t, o, rsvp.ParseLabelSet, func(s rsvp.LabelSet) ([]byte, error) { return s.AppendAs(nil, class) })
		again(t, o, rsvp.ParseLabelRequest, func(r rsvp.LabelRequest) ([]byte, error) { return r.AppendTo(nil) })
		again(t, o, rsvp.ParseSessionAttribute, func(s rsvp.SessionAttribute) ([]byte, error) { return s.AppendTo(nil) })
		again(t, o, rsvp.ParseSessionOfInterest, func(s rsvp.Session) ([]byte, error) { return rsvp.AppendSessionOfInterest(nil, s) })
		again(t, o, rsvp.ParseRestartCap, func(r rsvp.RestartCap) ([]byte, error) { return r.AppendTo(nil) })
		again(t, o, rsvp.ParseAdminStatus, func(a rsvp.AdminStatus) ([]byte, error) { return a.AppendTo(nil) })
		again(t, o, rsvp.ParseProtection, func(p rsvp.Protection) ([]byte, error) { return p.AppendTo(nil) })
		again(t, o, rsvp.ParseUserError, func(u rsvp.UserError) ([]byte, error) { return u.AppendTo(nil) })
		if o.Class == uint8(rsvp.ClassDClass) && len(o.Body) > 0 {
			again(t, o, func(o object.Object) ([]uint8, error) { return rsvp.ParseDClass(nil, o) },
				func(d []uint8) ([]byte, error) { return rsvp.AppendDClass(nil, d) })
		}
		if a, err := rsvp.ParseNotifyRequest(o); err == nil {
			if out, err := rsvp.AppendNotifyRequest(nil, a); err != nil || !bytes.Equal(out, b[:o.WireLen()]) {
				t.Fatalf("%v: %x, %v", a, out, err)
			}
		}
	})
}

// FuzzPolicyElement: what is read of a policy element is written and read again
// the same.
func FuzzPolicyElement(f *testing.F) {
	for _, e := range policyData().Elements {
		f.Add(uint16(e.Type), e.Data)
	}
	f.Add(uint16(rsvp.PolicyUser), []byte{0, 8, 4, 0, 0, 0, 0, 1, 0, 5, 3, 0, 1, 0, 0, 0})
	f.Fuzz(func(t *testing.T, typ uint16, data []byte) {
		e := rsvp.PolicyElement{Type: rsvp.PolicyType(typ), Data: data}
		if p, err := rsvp.ParsePreemption(e); err == nil {
			out, err := p.Element()
			if err != nil {
				t.Fatalf("%+v: %v", p, err)
			}
			if p2, err := rsvp.ParsePreemption(out); err != nil || p2 != p {
				t.Fatalf("%+v becomes %+v, %v", p, p2, err)
			}
		}
		if id, err := rsvp.ParseIdentity(e); err == nil {
			out, err := id.Element()
			if err != nil {
				t.Fatalf("%+v: %v", id, err)
			}
			if id2, err := rsvp.ParseIdentity(out); err != nil || !reflect.DeepEqual(id2, id) {
				t.Fatalf("%+v becomes %+v, %v", id, id2, err)
			}
		}
	})
}

// FuzzParseLocator: what is read of a locator is written and read again the same.
func FuzzParseLocator(f *testing.F) {
	for _, s := range []string{"APP=SAP, VER=1.1, SAPP=Print", `APP="a, b; c=\"d\"", X= y\ `, `A=\,;B=";"`, "=", ",", `A="`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parts, err := rsvp.ParseLocator(text)
		if err != nil {
			return
		}
		out := rsvp.FormatLocator(parts)
		parts2, err := rsvp.ParseLocator(out)
		if err != nil || len(parts) != len(parts2) || len(parts) > 0 && !reflect.DeepEqual(parts, parts2) {
			t.Fatalf("%q: %q becomes %q of %q, %v", text, parts, parts2, out, err)
		}
	})
}

// FuzzParseTLV: a list of TLVs is written and read again the same; what is read
// is never more than there is.
func FuzzParseTLV(f *testing.F) {
	for _, t := range []rsvp.TLV{{Type: 3, Value: make([]byte, 8)}, {Type: 77, Value: []byte{1}}, {}} {
		b, _ := t.AppendTo(nil)
		f.Add(append(b, b...))
	}
	f.Add([]byte{0, 1, 0, 9, 1, 2, 3, 4, 5})
	f.Fuzz(func(t *testing.T, b []byte) {
		for len(b) > 0 {
			v, rest, err := rsvp.ParseTLV(b)
			if err != nil {
				return
			}
			if len(rest) >= len(b) {
				t.Fatalf("%d bytes left of %d", len(rest), len(b))
			}
			out, err := v.AppendTo(nil)
			if err != nil || len(out) != len(b)-len(rest) {
				t.Fatalf("%+v: %x, %v", v, out, err)
			}
			if v2, _, err := rsvp.ParseTLV(out); err != nil || !reflect.DeepEqual(v, v2) {
				t.Fatalf("%+v becomes %+v, %v", v, v2, err)
			}
			b = rest
		}
	})
}
