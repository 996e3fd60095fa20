package rsvp_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"net/netip"

	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/intserv"
	"github.com/mpstack/mpstack/wire/object"
)

const golden = "testdata/messages.txt"

// TestGolden compares every sample with the bytes that are committed, which
// were checked with tshark: names, fields, checksums.
func TestGolden(t *testing.T) {
	var out strings.Builder
	for _, s := range samples() {
		b, err := s.msg.AppendTo(nil)
		if err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		if n := s.msg.WireLen(); n != len(b) {
			t.Errorf("%s: WireLen %d, length %d", s.name, n, len(b))
		}
		fmt.Fprintf(&out, "%s %x\n", s.name, b)
	}
	if os.Getenv("MPSTACK_UPDATE") == "1" {
		if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(out.String(), "\n")); d != "" {
		t.Errorf("bytes differ (-want +got):\n%s", d)
	}
}

// ignoreDecoding leaves out what only Decode sets.
var ignoreDecoding = cmp.Options{
	cmpopts.IgnoreUnexported(rsvp.Message{}),
	cmpopts.IgnoreFields(rsvp.Raw{}, "Offset"),
	cmpopts.EquateEmpty(),
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
}

// TestRoundTrip decodes every sample into one reused message: the values are
// the sample's, and both encoders give the bytes back.
func TestRoundTrip(t *testing.T) {
	var m rsvp.Message
	all := samples()
	for _, i := range append(order(len(all)), reversed(len(all))...) {
		s := all[i]
		b, err := s.msg.AppendTo([]byte("prefix"))
		if err != nil {
			t.Fatal(err)
		}
		b = b[len("prefix"):]
		if err := m.Decode(b); err != nil {
			t.Fatalf("%s: %v\n%s", s.name, err, hex.Dump(b))
		}
		if d := cmp.Diff(s.msg, m, ignoreDecoding); d != "" {
			t.Errorf("%s differs (-want +got):\n%s", s.name, d)
		}
		for name, f := range map[string]func([]byte) ([]byte, error){"AppendTo": m.AppendTo, "AppendAsReceived": m.AppendAsReceived} {
			if got, err := f(nil); err != nil || !bytes.Equal(got, b) {
				t.Errorf("%s %s: %v\n got %x\nwant %x", s.name, name, err, got, b)
			}
		}
	}
}

func order(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

func reversed(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = n - 1 - i
	}
	return list
}

// TestFlowSpecOmitted: FF repeats the flowspec before where the object is left
// out (RFC 2205 section 3.1.4).
func TestFlowSpecOmitted(t *testing.T) {
	b := encoded(t, "resv-ff-v4")
	var m rsvp.Message
	if err := m.Decode(b); err != nil {
		t.Fatal(err)
	}
	if len(m.Flows) != 2 || m.Flows[1].FlowSpec != load || !m.Flows[1].Omitted || m.Flows[0].Omitted {
		t.Errorf("flows %+v", m.Flows)
	}
	m.Flows[1].Omitted = false
	full, err := m.AppendTo(nil)
	if err != nil || len(full) != len(b)+36 {
		t.Errorf("%d bytes, %v; want %d", len(full), err, len(b)+36)
	}
}

// encoded returns a sample's bytes.
func encoded(t testing.TB, name string) []byte {
	t.Helper()
	for _, s := range samples() {
		if s.name == name {
			b, err := s.msg.AppendTo(nil)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
	}
	t.Fatalf("no sample %q", name)
	return nil
}

// objects splits a message into its objects.
func objects(t testing.TB, b []byte) (list [][]byte) {
	t.Helper()
	for b = b[rsvp.HeaderLen:]; len(b) > 0; {
		o, rest, err := object.Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, b[:o.WireLen()])
		b = rest
	}
	return list
}

// message builds a message of a type from objects.
func message(typ rsvp.MessageType, list ...[]byte) []byte {
	b := []byte{0x10, byte(typ), 0, 0, 64, 0, 0, 0}
	for _, o := range list {
		b = append(b, o...)
	}
	b[6], b[7] = byte(len(b)>>8), byte(len(b))
	return b
}

// TestOrderOnReceipt: objects come in any order but INTEGRITY first and STYLE
// with the flow descriptors last (RFC 2205 sections 3.1.3 and 3.1.4).
func TestOrderOnReceipt(t *testing.T) {
	o := objects(t, encoded(t, "path-v4"))
	var m, want rsvp.Message
	if err := want.Decode(encoded(t, "path-v4")); err != nil {
		t.Fatal(err)
	}
	b := message(rsvp.Path, o[5], o[4], o[3], o[2], o[1], o[0])
	if err := m.Decode(b); err != nil {
		t.Fatal(err)
	}
	m.NoChecksum = false
	if d := cmp.Diff(want, m, ignoreDecoding); d != "" {
		t.Error(d)
	}
	m.NoChecksum = true
	if got, err := m.AppendAsReceived(nil); err != nil || !bytes.Equal(got, b) {
		t.Errorf("as received: %v\n got %x\nwant %x", err, got, b)
	}
	m.NoChecksum = false
	if got, err := m.AppendTo(nil); err != nil || !bytes.Equal(got, encoded(t, "path-v4")) {
		t.Errorf("recommended order: %v %x", err, got)
	}
}

func cut(b []byte, n int) []byte { return b[:len(b)-n] }

// patch returns b with bytes replaced at an offset.
func patch(b []byte, off int, v ...byte) []byte {
	b = bytes.Clone(b)
	copy(b[off:], v)
	return b
}

// TestDecodeErrors: each error names the object and the offset.
func TestDecodeErrors(t *testing.T) {
	path, ff, wf, tear := encoded(t, "path-v4"), encoded(t, "resv-ff-v4"), encoded(t, "resv-wf-v4"), encoded(t, "resv-tear-ff-v4")
	p, r, w := objects(t, path), objects(t, ff), objects(t, wf)
	tt := objects(t, tear)
	const null = "\x00\x08\x00\x01any!"
	tests := []struct {
		name  string
		bytes []byte
		want  error
		field string
		off   int
	}{
		{"empty", nil, object.ErrTruncated, "header", 0},
		{"short header", path[:7], object.ErrTruncated, "header", 0},
		{"version 2", patch(path, 0, 0x20), rsvp.ErrVersion, "Vers", 0},
		{"length above datagram", cut(path, 4), object.ErrLength, "RSVP Length", 6},
		{"length below datagram", append(bytes.Clone(path), 0, 0, 0, 0), object.ErrLength, "RSVP Length", 6},
		{"checksum", patch(path, 2, 1, 2), rsvp.ErrChecksum, "RSVP Checksum", 2},
		{"type 0", message(0, p...), rsvp.ErrType, "Msg Type", 1},
		{"type 11", message(11, p...), rsvp.ErrType, "Msg Type", 1},
		{"object length 0", message(rsvp.Path, p[0], patch(p[1], 0, 0, 0)), object.ErrLength, "RSVP_HOP", 20},
		{"object length 7", message(rsvp.Path, p[0], patch(p[1], 0, 0, 7)), object.ErrLength, "RSVP_HOP", 20},
		{"object past the end", message(rsvp.Path, p[0], patch(p[1], 0, 0, 16)), object.ErrTruncated, "RSVP_HOP", 20},
		{"session too long", message(rsvp.Path, patch(append(bytes.Clone(p[0]), 0, 0, 0, 0), 1, 16)), object.ErrLength, "SESSION", 8},
		{"no session", message(rsvp.Path, p[1:]...), rsvp.ErrMissing, "SESSION", len(path) - 12},
		{"no hop", message(rsvp.Path, p[0], p[2], p[3], p[4]), rsvp.ErrMissing, "RSVP_HOP", 8 + 12 + 8 + 12 + 36},
		{"no template", message(rsvp.Path, p[0], p[1], p[2], p[4]), rsvp.ErrMissing, "SENDER_TEMPLATE", 8 + 12 + 12 + 8 + 36},
		{"no tspec", message(rsvp.Path, p[0], p[1], p[2], p[3]), rsvp.ErrMissing, "SENDER_TSPEC", 8 + 12 + 12 + 8 + 12},
		{"session twice", message(rsvp.Path, p[0], p[0]), rsvp.ErrDuplicate, "SESSION", 20},
		{"style in Path", message(rsvp.Path, p[0], tt[2]), rsvp.ErrNotAllowed, "STYLE", 20},
		{"integrity late", message(rsvp.Path, p[0], []byte("\x00\x04\x04\x01")), rsvp.ErrOrder, "INTEGRITY", 20},
		{"destination 0", message(rsvp.Path, patch(p[0], 4, 0, 0, 0, 0)), rsvp.ErrValue, "SESSION DestAddress", 12},
		{"protocol 0", message(rsvp.Path, patch(p[0], 8, 0)), rsvp.ErrValue, "SESSION Protocol Id", 16},
		{"hop 0", message(rsvp.Path, p[0], patch(p[1], 4, 0, 0, 0, 0)), rsvp.ErrValue, "RSVP_HOP", 24},
		{"hop a group", message(rsvp.Path, p[0], patch(p[1], 4, 224, 0, 0, 1)), rsvp.ErrValue, "RSVP_HOP", 24},
		{"refresh 0", message(rsvp.Path, p[0], p[1], patch(p[2], 4, 0, 0, 0, 0)), rsvp.ErrValue, "TIME_VALUES", 36},
		{"sender 0", message(rsvp.Path, patch(p[3], 4, 0, 0, 0, 0)), rsvp.ErrValue, "SENDER_TEMPLATE", 12},
		{"tspec version", message(rsvp.Path, patch(p[4], 4, 0x10)), rsvp.ErrVersion, "SENDER_TSPEC service message version", 12},
		{"tspec message length", message(rsvp.Path, patch(p[4], 7, 6)), object.ErrLength, "SENDER_TSPEC service message length", 14},
		{"tspec service", message(rsvp.Path, patch(p[4], 8, 5)), rsvp.ErrService, "SENDER_TSPEC service", 16},
		{"tspec service length", message(rsvp.Path, patch(p[4], 11, 7)), object.ErrLength, "SENDER_TSPEC service length", 18},
		{"tspec parameter", message(rsvp.Path, patch(p[4], 12, 126)), rsvp.ErrService, "SENDER_TSPEC parameter", 20},
		{"tspec parameter length swapped", message(rsvp.Path, patch(p[4], 14, 5, 0)), object.ErrLength, "SENDER_TSPEC parameter length", 22},
		{"adspec without general", message(rsvp.Path, patch(p[5], 8, 2)), rsvp.ErrOrder, "ADSPEC service", 16},
		{"adspec order", message(rsvp.Path, patch(p[5], 44, 1)), rsvp.ErrOrder, "ADSPEC service", 52},
		{"adspec parameter order", message(rsvp.Path, patch(p[5], 20, 4)), rsvp.ErrOrder, "ADSPEC parameter", 28},
		{"adspec parameter", message(rsvp.Path, patch(p[5], 12, 5)), rsvp.ErrService, "ADSPEC parameter", 20},
		{"adspec empty", message(rsvp.Path, []byte("\x00\x0c\x0d\x02\x00\x00\x00\x01\x01\x00\x00\x00")), rsvp.ErrMissing, "SESSION", 20},
		{"style 0", message(rsvp.Resv, patch(r[4], 4, 0, 0, 0, 0)), rsvp.ErrValue, "STYLE", 12},
		{"flow before style", message(rsvp.Resv, r[0], r[5]), rsvp.ErrOrder, "FLOWSPEC", 20},
		{"session after style", message(rsvp.Resv, r[4], r[0]), rsvp.ErrOrder, "SESSION", 16},
		{"filter before flowspec", message(rsvp.Resv, r[0], r[4], r[6]), rsvp.ErrOrder, "FILTER_SPEC", 28},
		{"two flowspecs", message(rsvp.Resv, r[0], r[4], r[5], r[5]), rsvp.ErrDuplicate, "FLOWSPEC", 64},
		{"no flowspec", message(rsvp.Resv, r[:5]...), rsvp.ErrMissing, "FLOWSPEC", 8 + 12 + 12 + 8 + 8 + 8},
		{"flowspec without filter", message(rsvp.Resv, r[:6]...), rsvp.ErrMissing, "FILTER_SPEC", 8 + 12 + 12 + 8 + 8 + 8 + 36},
		{"filter in WF", message(rsvp.Resv, append(w[:len(w):len(w)], r[6])...), rsvp.ErrNotAllowed, "FILTER_SPEC", len(wf)},
		{"two flowspecs in WF", message(rsvp.Resv, append(w[:len(w):len(w)], r[5])...), rsvp.ErrDuplicate, "FLOWSPEC", len(wf)},
		{"flowspec service", message(rsvp.Resv, r[0], r[4], patch(r[5], 8, 7)), rsvp.ErrService, "FLOWSPEC service", 36},
		{"guaranteed without Rspec", message(rsvp.Resv, r[0], r[4], patch(r[5], 8, 2)), object.ErrTruncated, "FLOWSPEC parameter header", 64},
		{"scope of 3 bytes more", message(rsvp.Resv, r[0], []byte("\x00\x0c\x07\x02\x01\x02\x03\x04\x05\x06\x07\x08")), object.ErrLength, "SCOPE", 20},
		{"no filter in ResvTear", message(rsvp.ResvTear, tt[0], tt[1], tt[2]), rsvp.ErrMissing, "FILTER_SPEC", 8 + 12 + 12 + 8},
		{"unknown class", message(rsvp.Path, append(p[:len(p):len(p)], []byte("\x00\x04\x11\x01"))...), rsvp.ErrUnknownClass, "class 17", len(path)},
		{"unknown C-Type", message(rsvp.Path, append([][]byte{[]byte(null), patch(p[3], 3, 99)}, p...)...), rsvp.ErrUnknownCType, "SENDER_TEMPLATE", 16},
		{"unknown beats missing", message(rsvp.Path, p[0], []byte("\x00\x04\x11\x01")), rsvp.ErrUnknownClass, "class 17", 20},
	}
	var m rsvp.Message
	for _, tc := range tests {
		err := m.Decode(tc.bytes)
		de, ok := errors.AsType[*object.DecodeError](err)
		if !ok || !errors.Is(err, tc.want) || de.Field != tc.field || de.Offset != tc.off || de.Layer != "rsvp" {
			t.Errorf("%s: %v; want %q at %d: %v", tc.name, err, tc.field, tc.off, tc.want)
		}
	}
}

// TestUnknown: the high bits of an unknown class say whether the message is
// refused; in any case the objects stay, in order (RFC 2205 section 3.10).
func TestUnknown(t *testing.T) {
	p := objects(t, encoded(t, "path-v4"))
	extra := [][]byte{[]byte("\x00\x08\x70\x01abcd"), []byte("\x00\x04\x80\x07"), []byte("\x00\x08\xc0\x01wxyz"), []byte("\x00\x08\x00\x63null")}
	var m rsvp.Message
	for i, o := range extra {
		b := message(rsvp.Path, append([][]byte{p[0], o}, p[1:]...)...)
		err := m.Decode(b)
		if refused := i == 0; errors.Is(err, rsvp.ErrUnknownClass) != refused || err != nil != refused {
			t.Errorf("class %#x: %v", o[2], err)
		}
		if len(m.Unknown) != 1 || m.Unknown[0].Offset != 20 || m.Unknown[0].Class != o[2] || !bytes.Equal(m.Unknown[0].Body, o[4:]) {
			t.Errorf("class %#x: kept %+v", o[2], m.Unknown)
		}
		if got, err := m.AppendAsReceived(nil); err != nil || !bytes.Equal(got, b) {
			t.Errorf("class %#x: %v %x", o[2], err, got)
		}
	}
}

// TestUnknownFlows: flow descriptors with objects of unknown C-Types are read
// to the end, so that the sender can be told.
func TestUnknownFlows(t *testing.T) {
	for _, name := range []string{"resv-ff-v4", "resv-se-v4", "resv-wf-v4"} {
		o := objects(t, encoded(t, name))
		for i := range o {
			for _, class := range []rsvp.Class{rsvp.ClassFlowSpec, rsvp.ClassFilterSpec, rsvp.ClassStyle} {
				if o[i][2] != byte(class) {
					continue
				}
				list := append([][]byte(nil), o...)
				list[i] = patch(o[i], 3, 99)
				b := message(rsvp.Resv, list...)
				var m rsvp.Message
				err := m.Decode(b)
				if class != rsvp.ClassStyle && !errors.Is(err, rsvp.ErrUnknownCType) {
					t.Errorf("%s %v: %v", name, class, err)
				}
				if got, _ := m.AppendAsReceived(nil); class != rsvp.ClassStyle && !bytes.Equal(got, b) {
					t.Errorf("%s %v:\n got %x\nwant %x", name, class, got, b)
				}
			}
		}
	}
}

// TestEncodeErrors: nothing is encoded that could not be decoded.
func TestEncodeErrors(t *testing.T) {
	base := func() rsvp.Message { return samples()[0].msg }
	tests := []struct {
		name   string
		change func(*rsvp.Message)
		want   error
	}{
		{"type", func(m *rsvp.Message) { m.Type = 11 }, rsvp.ErrType},
		{"no session", func(m *rsvp.Message) { m.Session = rsvp.Session{} }, rsvp.ErrMissing},
		{"no protocol", func(m *rsvp.Message) { m.Session.Proto = 0 }, rsvp.ErrValue},
		{"no times", func(m *rsvp.Message) { m.TimeValues = rsvp.TimeValues{} }, rsvp.ErrMissing},
		{"style in Path", func(m *rsvp.Message) { m.Style = rsvp.FF }, rsvp.ErrNotAllowed},
		{"label of 25 bits", func(m *rsvp.Message) {
			m.Sender = rsvp.FilterSpec{Src: families()[1].sender, Kind: rsvp.FilterLabel, ID: 1 << 24}
		}, rsvp.ErrValue},
		{"too long", func(m *rsvp.Message) { m.Policy = []rsvp.Raw{raw(14, 1, 65000), raw(14, 1, 1000)} }, object.ErrTooLong},
		{"object too long", func(m *rsvp.Message) { m.Policy = []rsvp.Raw{raw(14, 1, 65532)} }, object.ErrTooLong},
	}
	for _, tc := range tests {
		m := base()
		tc.change(&m)
		if b, err := m.AppendTo([]byte("x")); !errors.Is(err, tc.want) || string(b) != "x" {
			t.Errorf("%s: %v, %d bytes; want %v", tc.name, err, len(b), tc.want)
		}
	}
	m := rsvp.Message{Type: rsvp.Resv, Session: base().Session, Hop: base().Hop, TimeValues: base().TimeValues, Style: rsvp.FF,
		Flows: []rsvp.FlowDescriptor{{FlowSpec: intserv.FlowSpec{Service: 7}, Filters: []rsvp.FilterSpec{{Src: families()[0].sender}}}}}
	if _, err := m.AppendTo(nil); !errors.Is(err, rsvp.ErrService) {
		t.Errorf("service: %v", err)
	}
	m.Flows[0].FlowSpec, m.Flows[0].Filters = load, []rsvp.FilterSpec{{Src: families()[0].sender}}
	m.HasScope, m.Scope = true, []netip.Addr{families()[0].other, families()[0].sender}
	if _, err := m.AppendTo(nil); !errors.Is(err, rsvp.ErrValue) {
		t.Errorf("scope order: %v", err)
	}
}

// TestEncodeFlows: flow descriptors fit their style (RFC 2205 section 3.1.4).
func TestEncodeFlows(t *testing.T) {
	f := []rsvp.FilterSpec{{Src: families()[0].sender}}
	d := func(flow intserv.FlowSpec, filters ...rsvp.FilterSpec) rsvp.FlowDescriptor {
		return rsvp.FlowDescriptor{FlowSpec: flow, Filters: filters}
	}
	none := intserv.FlowSpec{}
	omitted := d(load, f...)
	omitted.Omitted = true
	tests := []struct {
		typ   rsvp.MessageType
		style rsvp.Style
		flows []rsvp.FlowDescriptor
		want  error
	}{
		{rsvp.Resv, rsvp.FF, nil, rsvp.ErrMissing},
		{rsvp.Resv, rsvp.FF, []rsvp.FlowDescriptor{d(load)}, rsvp.ErrNotAllowed},
		{rsvp.Resv, rsvp.FF, []rsvp.FlowDescriptor{d(load, f[0], f[0])}, rsvp.ErrNotAllowed},
		{rsvp.Resv, rsvp.FF, []rsvp.FlowDescriptor{d(none, f...)}, rsvp.ErrMissing},
		{rsvp.Resv, rsvp.FF, []rsvp.FlowDescriptor{omitted}, rsvp.ErrMissing},
		{rsvp.Resv, rsvp.FF, []rsvp.FlowDescriptor{d(load, f...), omitted}, nil},
		{rsvp.Resv, rsvp.SE, []rsvp.FlowDescriptor{d(load)}, rsvp.ErrNotAllowed},
		{rsvp.Resv, rsvp.SE, []rsvp.FlowDescriptor{d(load, f...), d(load, f...)}, rsvp.ErrNotAllowed},
		{rsvp.Resv, rsvp.WF, []rsvp.FlowDescriptor{d(load, f...)}, rsvp.ErrNotAllowed},
		{rsvp.Resv, rsvp.WF, []rsvp.FlowDescriptor{d(none)}, rsvp.ErrMissing},
		{rsvp.ResvTear, rsvp.WF, nil, nil},
		{rsvp.ResvTear, rsvp.FF, nil, rsvp.ErrMissing},
		{rsvp.ResvTear, rsvp.SE, []rsvp.FlowDescriptor{d(none, f...)}, nil},
		{rsvp.ResvErr, rsvp.FF, nil, nil},
		{rsvp.ResvErr, rsvp.FF, []rsvp.FlowDescriptor{d(none, f...)}, rsvp.ErrMissing},
	}
	for i, tc := range tests {
		m := rsvp.Message{Type: tc.typ, Session: samples()[0].msg.Session, Hop: samples()[0].msg.Hop, Style: tc.style, Flows: tc.flows}
		switch tc.typ {
		case rsvp.Resv:
			m.TimeValues.RefreshMS = 1
		case rsvp.ResvErr:
			m.Error.Node = families()[0].node
		}
		b, err := m.AppendTo(nil)
		if !errors.Is(err, tc.want) {
			t.Errorf("%d: %v, want %v", i, err, tc.want)
		}
		if err == nil {
			if err := m.Decode(b); err != nil {
				t.Errorf("%d does not decode: %v", i, err)
			}
		}
	}
}

// TestChecksumZero: a sum of zero is sent as all ones, since zero means none.
func TestChecksumZero(t *testing.T) {
	m := samples()[0].msg
	for lih := range uint32(1 << 16) {
		m.Hop.LIH = lih
		b, err := m.AppendTo(nil)
		if err != nil {
			t.Fatal(err)
		}
		if b[2] == 0 && b[3] == 0 {
			t.Fatal("checksum 0 was sent")
		}
		if b[2] == 0xff && b[3] == 0xff {
			if err := m.Decode(b); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatal("no message with such a sum")
}

// TestNoAllocation: decoding into a reused message and encoding into a reused
// buffer allocate nothing.
func TestNoAllocation(t *testing.T) {
	var m rsvp.Message
	var out []byte
	for _, s := range samples() {
		b := encoded(t, s.name)
		n := testing.AllocsPerRun(20, func() {
			if err := m.Decode(b); err != nil {
				t.Fatal(err)
			}
			out, _ = m.AppendTo(out[:0])
			out, _ = m.AppendAsReceived(out[:0])
		})
		if n != 0 {
			t.Errorf("%s: %v allocations", s.name, n)
		}
	}
}

// TestRoom: every list of a new message gets the room that it needs, no more.
func TestRoom(t *testing.T) {
	for _, s := range samples() {
		var m rsvp.Message
		if err := m.Decode(encoded(t, s.name)); err != nil {
			t.Fatal(err)
		}
		for list, spare := range map[string]int{
			"Received": cap(m.Received()) - len(m.Received()), "Flows": cap(m.Flows) - len(m.Flows), "Attached": cap(m.Attached) - len(m.Attached),
			"Acks": cap(m.Acks) - len(m.Acks), "IDLists": cap(m.IDLists) - len(m.IDLists), "Responses": cap(m.Responses) - len(m.Responses),
			"Policy": cap(m.Policy) - len(m.Policy), "Other": cap(m.Other) - len(m.Other), "Unknown": cap(m.Unknown) - len(m.Unknown),
			"Scope": cap(m.Scope) - len(m.Scope), "DClass": cap(m.DClass) - len(m.DClass), "nodes": cap(m.Route.Nodes) - len(m.Route.Nodes),
		} {
			if spare != 0 {
				t.Errorf("%s: room for %d more in %s", s.name, spare, list)
			}
		}
	}
}
