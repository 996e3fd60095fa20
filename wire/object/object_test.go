package object_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mpstack/mpstack/capture/capturetest"
	"github.com/mpstack/mpstack/capture/dissect"
	"github.com/mpstack/mpstack/wire/object"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestExactBytes(t *testing.T) {
	for _, tc := range []struct {
		name string
		obj  object.Object
		want string
	}{
		{"no body", object.Object{Class: 1, CType: 2}, "0004 01 02"},
		// RFC 2205 A.1: SESSION 10.1.2.3, UDP, port 5000.
		{"session", object.Object{Class: 1, CType: 1, Body: []byte{10, 1, 2, 3, 17, 0, 0x13, 0x88}}, "000c 01 01 0a010203 11 00 1388"},
		{"padded by 1", object.Object{Class: 255, CType: 255, Body: []byte{1, 2, 3}}, "0008 ff ff 010203 00"},
		{"padded by 2", object.Object{Class: 64, CType: 0, Body: []byte{1, 2}}, "0008 40 00 0102 0000"},
		{"padded by 3", object.Object{Class: 64, CType: 0, Body: []byte{1, 2, 3, 4, 5}}, "000c 40 00 01020304 05 000000"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			want := unhex(t, tc.want)
			got, err := tc.obj.AppendTo(nil)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("AppendTo = %x, %v, want %x", got, err, want)
			}
			if tc.obj.WireLen() != len(want) {
				t.Errorf("WireLen = %d, want %d", tc.obj.WireLen(), len(want))
			}
			back, rest, err := object.Parse(append(got, 0xee))
			if err != nil || !bytes.Equal(rest, []byte{0xee}) {
				t.Fatalf("Parse leaves %x, %v, want ee", rest, err)
			}
			if back.Class != tc.obj.Class || back.CType != tc.obj.CType || !bytes.HasPrefix(back.Body, tc.obj.Body) {
				t.Errorf("Parse = %+v, want %+v and padding", back, tc.obj)
			}
		})
	}
}

// TestAppendKeepsWhatIsThere: an object goes behind what b holds, aligned to
// its own start whatever stands before it, and stale memory does not show in
// the padding.
func TestAppendKeepsWhatIsThere(t *testing.T) {
	b := append(make([]byte, 0, 64), "abc"...)
	for i := range b[3:64] {
		b[3:64][i] = 0xee
	}
	got, err := object.Object{Class: 3, CType: 1, Body: []byte{9}}.AppendTo(b)
	if want := append([]byte("abc"), 0, 8, 3, 1, 9, 0, 0, 0); err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %x, %v, want %x", got, err, want)
	}
}

func TestBeginEnd(t *testing.T) {
	b := []byte{0xaa}
	start := len(b)
	b = object.Begin(b, 5, 6)
	b = append(b, 1, 2, 3, 4, 5, 6)
	b, err := object.End(b, start)
	if want := unhex(t, "aa 000c 05 06 010203040506 0000"); err != nil || !bytes.Equal(b, want) {
		t.Errorf("got %x, %v, want %x", b, err, want)
	}
}

func TestGreatestLength(t *testing.T) {
	for _, tc := range []struct {
		body int
		ok   bool
	}{
		{object.MaxLen - object.HeaderLen, true},
		{object.MaxLen - object.HeaderLen - 3, true},
		{object.MaxLen - object.HeaderLen + 1, false},
		{1 << 17, false},
	} {
		o := object.Object{Class: 7, CType: 1, Body: make([]byte, tc.body)}
		got, err := o.AppendTo([]byte("before"))
		if !tc.ok {
			if !errors.Is(err, object.ErrTooLong) || string(got) != "before" {
				t.Errorf("body of %d: %q, %v, want ErrTooLong and nothing appended", tc.body, got, err)
			}
			continue
		}
		if err != nil || len(got) != len("before")+o.WireLen() {
			t.Errorf("body of %d: %d bytes, %v", tc.body, len(got), err)
			continue
		}
		if back, rest, err := object.Parse(got[len("before"):]); err != nil || len(rest) != 0 || len(back.Body) != object.MaxLen-object.HeaderLen {
			t.Errorf("body of %d: parsed to %d and %d more, %v", tc.body, len(back.Body), len(rest), err)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		is       error
		text     string
	}{
		{"nothing", "", object.ErrTruncated, "object header needs 4 bytes, 0 left: truncated"},
		{"half a header", "000401", object.ErrTruncated, "object header needs 4 bytes, 3 left: truncated"},
		{"length 0", "0000 01 01 00000000", object.ErrLength, "object length 0 of class 1: bad length"},
		{"length 3", "0003 01 01", object.ErrLength, "object length 3 of class 1: bad length"},
		{"length 6", "0006 09 01 00000000", object.ErrLength, "object length 6 of class 9: bad length"},
		{"length 65535", "ffff 09 01", object.ErrLength, "object length 65535 of class 9: bad length"},
		{"one byte short", "0008 0a 01 000000", object.ErrTruncated, "object length 8 of class 10, 7 bytes left: truncated"},
		{"length 65532", "fffc 0a 01", object.ErrTruncated, "object length 65532 of class 10, 4 bytes left: truncated"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := unhex(t, tc.in)
			o, rest, err := object.Parse(in)
			if !errors.Is(err, tc.is) || err.Error() != tc.text {
				t.Errorf("got %v, want %q", err, tc.text)
			}
			if diff := cmp.Diff(object.Object{}, o); diff != "" || !bytes.Equal(rest, in) {
				t.Errorf("a refused object leaves %x and %s", rest, diff)
			}
		})
	}
}

// TestBodyAliases: the body is the input itself, and no append to it can reach
// the next object.
func TestBodyAliases(t *testing.T) {
	in := unhex(t, "0008 01 01 01020304 0004 02 02")
	o, rest, err := object.Parse(in)
	if err != nil {
		t.Fatal(err)
	}
	own := o.Clone()
	in[4] = 0xff
	if o.Body[0] != 0xff {
		t.Error("the body does not alias the input")
	}
	if own.Body[0] != 1 {
		t.Error("the clone aliases the input")
	}
	_ = append(o.Body, 0xee)
	if rest[0] != 0 {
		t.Error("an append to the body wrote over the next object")
	}
}

func TestUnknownPolicy(t *testing.T) {
	for class := range 256 {
		want := object.Reject
		switch {
		case class >= 0xc0:
			want = object.Forward
		case class >= 0x80:
			want = object.Ignore
		}
		if got := object.UnknownPolicy(uint8(class)); got != want {
			t.Errorf("class %d: %v, want %v", class, got, want)
		}
	}
	for p, want := range map[object.Policy]string{object.Reject: "reject", object.Ignore: "ignore", object.Forward: "forward", 9: "Policy(9)"} {
		if got := p.String(); got != want {
			t.Errorf("String of %d = %q, want %q", uint8(p), got, want)
		}
	}
}

func TestDecodeError(t *testing.T) {
	err := error(&object.DecodeError{Layer: "rsvp", Field: "SESSION", Offset: 8, Err: object.ErrTruncated})
	if want := "rsvp: SESSION at offset 8: truncated"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	if !errors.Is(err, object.ErrTruncated) || errors.Is(err, object.ErrLength) {
		t.Error("errors.Is does not see the reason")
	}
	if e, ok := errors.AsType[*object.DecodeError](err); !ok || e.Offset != 8 {
		t.Error("errors.AsType does not see the place")
	}
}

func TestNoAllocation(t *testing.T) {
	buf := make([]byte, 0, 256)
	body := make([]byte, 9)
	var err error
	if n := testing.AllocsPerRun(100, func() {
		buf, err = object.Object{Class: 1, CType: 1, Body: body}.AppendTo(buf[:0])
	}); n != 0 || err != nil {
		t.Errorf("AppendTo: %v allocations, %v", n, err)
	}
	if n := testing.AllocsPerRun(100, func() {
		if _, _, err := object.Parse(buf); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("Parse: %v allocations", n)
	}
}

// FuzzParse walks a list of objects. What was parsed is encoded again to the
// very same bytes: padding is part of the body here.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"", "0004 01 02", "000c 01 01 0a010203 11 00 1388", "0008 ff ff 01020300 0004 00 00",
		"0000 01 01", "0006 01 01 0000", "fffc 01 01", "0008 01 01 00",
	} {
		f.Add(unhex(f, s))
	}
	for layer, header := range map[string]int{dissect.LayerMPJ: 32, dissect.LayerRSVP: 8} {
		for _, b := range capturetest.Seeds(f, layer) {
			f.Add(b[min(header, len(b)):])
		}
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		rest := in
		var out []byte
		for len(rest) > 0 {
			o, left, err := object.Parse(rest)
			if err != nil {
				if !errors.Is(err, object.ErrTruncated) && !errors.Is(err, object.ErrLength) {
					t.Fatalf("an error without a class: %v", err)
				}
				break
			}
			if len(left) != len(rest)-o.WireLen() {
				t.Fatalf("%d bytes of %d left after an object of %d", len(left), len(rest), o.WireLen())
			}
			rest = left
			if out, err = o.AppendTo(out); err != nil {
				t.Fatal(err)
			}
		}
		if want := in[:len(in)-len(rest)]; !bytes.Equal(out, want) {
			t.Fatalf("%x was encoded again as %x", want, out)
		}
	})
}

// FuzzRoundTrip encodes any body; it comes back with nothing but zeros added.
func FuzzRoundTrip(f *testing.F) {
	f.Add(uint8(1), uint8(1), []byte{10, 1, 2, 3, 17, 0, 0x13, 0x88})
	f.Add(uint8(0), uint8(0), []byte(nil))
	f.Add(uint8(255), uint8(255), []byte{1})
	f.Fuzz(func(t *testing.T, class, ctype uint8, body []byte) {
		o := object.Object{Class: class, CType: ctype, Body: body}
		b, err := o.AppendTo(nil)
		if err != nil {
			if len(body) <= object.MaxLen-object.HeaderLen || !errors.Is(err, object.ErrTooLong) {
				t.Fatalf("body of %d: %v", len(body), err)
			}
			return
		}
		back, rest, err := object.Parse(b)
		if err != nil || len(rest) != 0 || back.Class != class || back.CType != ctype {
			t.Fatalf("%x parsed to %+v, %x, %v", b, back, rest, err)
		}
		pad, ok := bytes.CutPrefix(back.Body, body)
		if !ok || len(pad) > 3 || len(bytes.Trim(pad, "\x00")) != 0 {
			t.Fatalf("body %x came back as %x", body, back.Body)
		}
	})
}

func BenchmarkAppendTo(b *testing.B) {
	buf := make([]byte, 0, 256)
	o := object.Object{Class: 1, CType: 1, Body: make([]byte, 8)}
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = o.AppendTo(buf[:0])
	}
}

func BenchmarkParse(b *testing.B) {
	in := []byte{0, 12, 1, 1, 10, 1, 2, 3, 17, 0, 0x13, 0x88}
	b.ReportAllocs()
	for b.Loop() {
		_, _, _ = object.Parse(in)
	}
}
