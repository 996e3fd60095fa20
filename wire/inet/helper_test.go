package inet_test

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/mpstack/mpstack/wire/inet"
)

// unhex returns the bytes of s, in which blanks and line ends do not count.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatalf("test data: %v", err)
	}
	return b
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// same fails the test unless got equals want in every field.
func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

// sameBytes fails the test with both dumps unless got equals want.
func sameBytes(t testing.TB, what string, got, want []byte) {
	t.Helper()
	if string(got) != string(want) {
		t.Errorf("%s:\ngot\n%swant\n%s", what, hex.Dump(got), hex.Dump(want))
	}
}

// noError ends the test on an error.
func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantDecodeError fails the test unless err is a DecodeError of that layer,
// field and offset wrapping target.
func wantDecodeError(t testing.TB, err error, layer, field string, offset int, target error) {
	t.Helper()
	de, ok := errors.AsType[*inet.DecodeError](err)
	if !ok {
		t.Fatalf("error %v is no *DecodeError", err)
	}
	if de.Layer != layer || de.Field != field || de.Offset != offset || !errors.Is(err, target) {
		t.Errorf("error %q, want %s: %s at offset %d: %v", err, layer, field, offset, target)
	}
}

// appended calls an encoder on a slice that holds something and has no room,
// and on one that has room, and checks that it appended the same to both.
func appended(t testing.TB, encode func([]byte) ([]byte, error)) []byte {
	t.Helper()
	head := []byte{0xde, 0xad}
	tight, err := encode(head[:2:2])
	noError(t, err)
	dirty := make([]byte, 256)
	for i := range dirty {
		dirty[i] = 0xee
	}
	roomy, err := encode(dirty[:0])
	noError(t, err)
	if string(tight[:2]) != string(head) {
		t.Errorf("encoder changed what it appends to: % x", tight[:2])
	}
	sameBytes(t, "appended to a slice with used memory", roomy, tight[2:])
	return roomy
}

// broken returns b with f applied to a copy.
func broken(b []byte, f func(b []byte) []byte) []byte { return f(append([]byte(nil), b...)) }

// set returns a function for broken that sets the byte at i.
func set(i int, v byte) func([]byte) []byte {
	return func(b []byte) []byte { b[i] = v; return b }
}

// cut returns a function for broken that keeps n bytes.
func cut(n int) func([]byte) []byte { return func(b []byte) []byte { return b[:n:n] } }

// wantRefused fails the test unless encode fails with target and returns the
// slice as it came.
func wantRefused(t testing.TB, encode func([]byte) ([]byte, error), target error) {
	t.Helper()
	in := append(make([]byte, 0, 4096), 0xde, 0xad)
	out, err := encode(in)
	if err == nil || !errors.Is(err, target) {
		t.Errorf("error %v, want %v", err, target)
	}
	if string(out) != string(in) {
		t.Errorf("a refused encoding returned % x", out)
	}
}
