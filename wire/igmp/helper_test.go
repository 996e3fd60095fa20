package igmp_test

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/mpstack/mpstack/wire/igmp"
	"github.com/mpstack/mpstack/wire/inet"
)

var (
	ll1     = addr("fe80::ff:fe00:1")
	group4  = addr("232.1.2.3")
	group6  = addr("ff3e::8000:1")
	source4 = addr("10.0.0.1")
	source6 = addr("2001:db8::1")
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// unhex returns the bytes of s, in which blanks do not count.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatalf("test data: %v", err)
	}
	return b
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// exported returns the exported fields of a message, for comparing.
func exported(m igmp.Message) igmp.Message {
	return igmp.Message{Kind: m.Kind, Type: m.Type, Query: m.Query, Report: m.Report, Leave: m.Leave,
		Code: m.Code, Body: m.Body, Additional: m.Additional}
}

// same fails the test unless got equals want in every exported field.
func same(t testing.TB, what string, got, want igmp.Message) {
	t.Helper()
	if got, want := exported(got), exported(want); !reflect.DeepEqual(got, want) {
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

// appended calls an encoder on a slice that holds something and has no room,
// and on one with used memory, and checks that it appended the same to both.
func appended(t testing.TB, encode func([]byte) ([]byte, error)) []byte {
	t.Helper()
	head := []byte{0xde, 0xad}
	tight, err := encode(head[:2:2])
	noError(t, err)
	dirty := make([]byte, 4096)
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

// protocol is what differs between the two in tests.
type protocol struct {
	name   string
	parse  func(b []byte) (igmp.Message, error)
	decode func(m *igmp.Message, b []byte) error
	encode func(m igmp.Message, b []byte) ([]byte, error)
	fix    func(b []byte) // sets the checksum
}

// mldDst is the destination of all MLD messages in tests.
var mldDst = igmp.AllV2Routers6

var (
	igmp4 = protocol{"igmp", igmp.ParseIGMP, (*igmp.Message).DecodeIGMP,
		func(m igmp.Message, b []byte) ([]byte, error) { return m.AppendIGMP(b) },
		func(b []byte) {
			b[2], b[3] = 0, 0
			sum := inet.Checksum(b, 0)
			b[2], b[3] = byte(sum>>8), byte(sum)
		}}
	mld6 = protocol{"mld",
		func(b []byte) (igmp.Message, error) { return igmp.ParseMLD(b, ll1, mldDst) },
		func(m *igmp.Message, b []byte) error { return m.DecodeMLD(b, ll1, mldDst) },
		func(m igmp.Message, b []byte) ([]byte, error) { return m.AppendMLD(b, ll1, mldDst) },
		func(b []byte) { inet.PutICMPv6Checksum(b, ll1, mldDst) }}
	protocols = []protocol{igmp4, mld6}
)
