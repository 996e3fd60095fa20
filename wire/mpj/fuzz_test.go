package mpj_test

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/mpstack/mpstack/capture/capturetest"
	"github.com/mpstack/mpstack/capture/dissect"
	"github.com/mpstack/mpstack/wire/mpj"
	"github.com/mpstack/mpstack/wire/object"
)

// seeds adds messages of every type with every object, those of the goldens and,
// while MPSTACK_CORPUS is set, of captures by others.
func seeds(f *testing.F) {
	for _, n := range capturetest.Nets {
		for _, m := range capturetest.Messages(n) {
			m.Unknown = []object.Object{{Class: 0x90, CType: 7, Body: []byte{1, 2, 3, 4}}, {Class: 0xf0, CType: 1, Body: []byte{}}}
			b, err := m.AppendTo(nil)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b)
		}
	}
	for _, b := range capturetest.Seeds(f, dissect.LayerMPJ) {
		f.Add(b)
	}
}

// refused fails the test where err is none that a decoder may return for b.
func refused(t *testing.T, b []byte, err error) {
	t.Helper()
	de, ok := errors.AsType[*object.DecodeError](err)
	if !ok || de.Layer != "mpj" || de.Field == "" || de.Err == nil || de.Offset < 0 || de.Offset > len(b) {
		t.Fatalf("error %v", err)
	}
}

// same reports whether a and b are the same; of an empty body and none it makes
// no difference.
func same(a, b mpj.Message) bool {
	if len(a.Unknown) == 0 && len(b.Unknown) == 0 {
		a.Unknown, b.Unknown = nil, nil
	}
	return reflect.DeepEqual(a, b)
}

func FuzzParse(f *testing.F) {
	seeds(f)
	var reused mpj.Message
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := mpj.Parse(b)
		if err2 := reused.Decode(b); (err == nil) != (err2 == nil) || !same(m, reused) {
			t.Fatalf("a reused message decodes to %+v, %v; want %+v, %v", reused, err2, m, err)
		}
		if err != nil {
			refused(t, b, err)
			return
		}
		out, err := m.AppendTo(nil)
		if err != nil {
			t.Fatalf("%+v does not encode: %v", m, err)
		}
		if len(out) != len(b) || m.WireLen() != len(b) {
			t.Fatalf("%d bytes became %d, WireLen %d", len(b), len(out), m.WireLen())
		}
		again, err := mpj.Parse(out)
		if err != nil || !same(again, m) {
			t.Fatalf("again: %+v, %v; first %+v", again, err, m)
		}
		if out2, _ := again.AppendTo(nil); !bytes.Equal(out, out2) {
			t.Fatal("the canonical form is not stable")
		}
	})
}

func FuzzParseHeader(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		h, rest, err := mpj.ParseHeader(b)
		if err != nil {
			refused(t, b, err)
			return
		}
		if int(h.Length) != len(b) || len(rest) != len(b)-mpj.HeaderLen || mpj.MessageInfoOf(h.Type) == nil || h.SrcTag == 0 {
			t.Fatalf("%+v and %d bytes from % x", h, len(rest), b)
		}
	})
}
