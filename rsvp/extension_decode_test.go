package rsvp_test

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/wire/object"
)

// TestExtensionErrors: each error names the object, or the field in it, and the
// offset.
func TestExtensionErrors(t *testing.T) {
	path := objects(t, encoded(t, "path-v4"))
	te, resv := objects(t, encoded(t, "path-te-v4")), objects(t, encoded(t, "resv-te-ff-v4"))
	tree := objects(t, encoded(t, "resv-ff-v4"))
	diag := objects(t, encoded(t, "diag-request-v4"))
	in := func(typ rsvp.MessageType, o []byte) []byte { return message(typ, o) }
	at := func(n int) int { return rsvp.HeaderLen + n }
	withTail := func(list [][]byte, o []byte) []byte { return message(rsvp.Path, append(slices.Clone(list), o)...) }
	end := at(len(bytes.Join(te, nil)))
	null := func(w ...uint32) []byte { return words(12, 2, w...) }
	tests := []struct {
		name  string
		bytes []byte
		want  error
		field string
		off   int
	}{
		{"virtual port 0", in(rsvp.Path, words(1, 3, a4, 50<<24)), rsvp.ErrValue, "SESSION vDstPort", at(10)},
		{"GPI without protocol", in(rsvp.Path, words(1, 4, six(9)...)), rsvp.ErrValue, "SESSION Protocol Id", at(20)},
		{"tunnel to nowhere", in(rsvp.Path, words(1, 7, 0, 1, 1)), rsvp.ErrValue, "SESSION DestAddress", at(4)},
		{"tunnel of 12 bytes", in(rsvp.Path, words(1, 7, a4, 1)), object.ErrLength, "SESSION", at(0)},
		{"aggregate of 16 bytes", in(rsvp.Path, words(1, 9, a4, 1, 2)), object.ErrLength, "SESSION", at(0)},
		{"port of a GPI session's sender", message(rsvp.Path, words(1, 3, a4, 50<<24|9), path[3]), rsvp.ErrKind, "SENDER_TEMPLATE", at(12)},
		{"GPI of a session with ports", message(rsvp.Path, path[0], words(11, 4, a4, 9)), rsvp.ErrKind, "SENDER_TEMPLATE", at(12)},
		{"aggregate filter in a tunnel", message(rsvp.Resv, resv[0], resv[1], resv[2], resv[3], resv[4], words(10, 9, a4)), rsvp.ErrKind, "FILTER_SPEC", at(16 + 12 + 8 + 8 + 36)},
		{"TLV past the end", in(rsvp.Path, words(3, 3, a4, 1, 1<<16|12, 5)), object.ErrLength, "RSVP_HOP TLV length", at(14)},
		{"TLV of 3", in(rsvp.PathErr, words(6, 3, a4, 1, 1<<16|3)), object.ErrLength, "ERROR_SPEC TLV length", at(14)},
		{"digest of nothing", in(rsvp.Path, words(4, 1, 0, 0, 0, 0)), object.ErrLength, "INTEGRITY", at(0)},
		{"INTEGRITY in a challenge", in(rsvp.IntegrityChallenge, words(4, 1, 0, 0, 0, 0, 1)), rsvp.ErrNotAllowed, "INTEGRITY", at(0)},
		{"challenge of 8", in(rsvp.IntegrityChallenge, words(64, 1, 0, 0)), object.ErrLength, "CHALLENGE", at(0)},
		{"no challenge", message(rsvp.IntegrityChallenge), rsvp.ErrMissing, "CHALLENGE", at(0)},
		{"unsigned response", in(rsvp.IntegrityResponse, words(64, 1, 0, 0, 0, 0)), rsvp.ErrMissing, "INTEGRITY", at(20)},
		{"two identifiers", message(rsvp.Path, words(23, 1, 0, 0), words(23, 1, 0, 0)), rsvp.ErrDuplicate, "MESSAGE_ID", at(12)},
		{"identifier of 4", in(rsvp.Path, words(23, 1, 0)), object.ErrLength, "MESSAGE_ID", at(0)},
		{"identifier in an Ack", in(rsvp.Ack, words(23, 1, 0, 0)), rsvp.ErrNotAllowed, "MESSAGE_ID", at(0)},
		{"identifier behind STYLE", message(rsvp.Resv, tree[0], tree[4], words(23, 1, 0, 0)), rsvp.ErrOrder, "MESSAGE_ID", at(20)},
		{"empty Ack", message(rsvp.Ack), rsvp.ErrMissing, "MESSAGE_ID_ACK", at(0)},
		{"list of nothing", in(rsvp.Srefresh, words(25, 1, 7)), object.ErrLength, "MESSAGE_ID_LIST", at(0)},
		{"half an entry", in(rsvp.Srefresh, words(25, 2, 7, 1, a4, 2)), object.ErrLength, "MESSAGE_ID_LIST", at(0)},
		{"source list with another", message(rsvp.Srefresh, words(25, 1, 7, 1), words(25, 2, 7, 1, a4)), rsvp.ErrNotAllowed, "MESSAGE_ID_LIST", at(12)},
		{"empty Srefresh", message(rsvp.Srefresh), rsvp.ErrMissing, "MESSAGE_ID_LIST", at(0)},
		{"hello of instance 0", in(rsvp.Hello, words(22, 1, 0, 1)), rsvp.ErrValue, "HELLO", at(4)},
		{"no hello", in(rsvp.Hello, words(131, 1, 1, 1)), rsvp.ErrMissing, "HELLO", at(12)},
		{"empty bundle", message(rsvp.Bundle), rsvp.ErrMissing, "sub-message", at(0)},
		{"half a header in a bundle", message(rsvp.Bundle, []byte{0x10, 1, 0, 0}), object.ErrTruncated, "sub-message header", at(0)},
		{"version 2 in a bundle", message(rsvp.Bundle, []byte{0x20, 1, 0, 0, 0, 0, 0, 8}), rsvp.ErrVersion, "sub-message Vers", at(0)},
		{"length past the bundle", message(rsvp.Bundle, []byte{0x10, 1, 0, 0, 0, 0, 0, 12}), object.ErrLength, "sub-message RSVP Length", at(6)},
		{"bundle in a bundle", message(rsvp.Bundle, message(rsvp.Ack), message(rsvp.Bundle)), rsvp.ErrNotAllowed, "sub-message Msg Type", at(9)},
		{"no last hop", in(rsvp.Diagnostic, patch(diag[2], 16, 0, 0, 0, 0)), rsvp.ErrValue, "DIAGNOSTIC LAST-HOP Address", at(16)},
		{"diagnostic without requester", in(rsvp.Diagnostic, patch(diag[2], 34, 11)), rsvp.ErrMissing, "DIAGNOSTIC FILTER_SPEC", at(32)},
		{"diagnostic of two families", in(rsvp.Diagnostic, patch(diag[2], 23, 2)), rsvp.ErrUnknownCType, "DIAGNOSTIC SENDER_TEMPLATE", at(20)},
		{"diagnostic, sender of 8", in(rsvp.Diagnostic, patch(diag[2], 21, 8)), object.ErrLength, "DIAGNOSTIC SENDER_TEMPLATE", at(20)},
		{"diagnostic for sender 0", in(rsvp.Diagnostic, patch(diag[2], 24, 0, 0, 0, 0)), rsvp.ErrValue, "DIAGNOSTIC SENDER_TEMPLATE", at(24)},
		{"route and a half", in(rsvp.Diagnostic, words(31, 2, 0, 1)), object.ErrLength, "ROUTE", at(0)},
		{"class 0 first", in(rsvp.Diagnostic, words(33, 1, 9<<24, 0)), rsvp.ErrValue, "DIAG_SELECT", at(6)},
		{"half an object in a response", in(rsvp.DiagnosticReply, words(32, 1, 0, 0, 0, 0, 0, 8<<16)), object.ErrTruncated, "DIAG_RESPONSE object", at(24)},
		{"no diagnostic", message(rsvp.Diagnostic, diag[0], diag[1]), rsvp.ErrMissing, "DIAGNOSTIC", at(24)},
		{"DCLASS of nothing", in(rsvp.Resv, words(225, 1)), object.ErrLength, "DCLASS", at(0)},
		{"Null Tspec of two words", in(rsvp.Path, null(3, 6<<24|2, 128<<24|2, 1)), object.ErrLength, "SENDER_TSPEC parameter length", at(14)},
		{"Null Tspec alone of another parameter", in(rsvp.Path, null(3, 6<<24|2, 127<<24|1, 1)), rsvp.ErrService, "SENDER_TSPEC parameter", at(12)},
		{"two Null Tspecs", in(rsvp.Path, null(6, 6<<24|2, 128<<24|1, 1, 6<<24|2, 128<<24|1, 1)), rsvp.ErrService, "SENDER_TSPEC service", at(20)},
		{"Null flowspec and more", message(rsvp.Resv, tree[4], words(9, 2, 4, 6<<24|2, 128<<24|1, 1, 5<<24)), rsvp.ErrService, "FLOWSPEC service", at(8 + 20)},
		{"label of 8", withTail(te, words(35, 1, 1, 2)), object.ErrLength, "UPSTREAM_LABEL", end},
		{"two kinds of labels", withTail(te, append(words(35, 1, 1), words(34, 2, 1)...)), rsvp.ErrNotAllowed, "label C-Type", end + 11},
		{"LABEL in a Path", withTail(te, words(16, 1, 1)), rsvp.ErrNotAllowed, "LABEL", end},
		{"label set of no action", withTail(te, words(36, 1, 4<<24|1)), rsvp.ErrValue, "LABEL_SET Action", end + 4},
		{"empty route record", withTail(te, words(21, 1)), object.ErrLength, "RECORD_ROUTE", end},
		{"subobject of 0", withTail(te, words(20, 1, 1<<24)), object.ErrLength, "EXPLICIT_ROUTE subobject length", end + 5},
		{"subobject past the end", withTail(te, words(21, 1, 9<<24|8<<16)), object.ErrLength, "RECORD_ROUTE subobject length", end + 5},
		{"IPv4 hop of 12", withTail(te, words(20, 1, 1<<24|12<<16, 0, 0)), object.ErrLength, "EXPLICIT_ROUTE subobject length", end + 5},
		{"prefix of 33", withTail(te, words(20, 1, 1<<24|8<<16|0x0a01, 0x0203<<16|33<<8)), rsvp.ErrValue, "EXPLICIT_ROUTE subobject prefix length", end + 10},
		{"label hop of no kind", withTail(te, words(21, 1, 3<<24|8<<16|9, 0)), object.ErrLength, "RECORD_ROUTE subobject label", end + 7},
		{"name past the end", withTail(te, words(207, 7, 9, 0)), object.ErrLength, "SESSION_ATTRIBUTE Name Length", end + 7},
		{"description past the end", in(rsvp.PathErr, words(194, 1, 9, 5<<16, 0)), object.ErrLength, "USER_ERROR_SPEC Err Desc Len", at(9)},
		{"user error, half a subobject", in(rsvp.PathErr, words(194, 1, 9, 4<<16, 0, 1<<24|8<<16)), object.ErrLength, "USER_ERROR_SPEC subobject length", at(17)},
		{"user error in a Path", in(rsvp.Path, words(194, 1, 9, 0)), rsvp.ErrNotAllowed, "USER_ERROR_SPEC", at(0)},
		{"user error announced", message(rsvp.PathErr, path[0], words(6, 1, a4, 33<<16)), rsvp.ErrMissing, "USER_ERROR_SPEC", at(24)},
		{"interest in nowhere", withTail(path, words(132, 1, 0, 0, 0, 0)), rsvp.ErrValue, "SESSION DestAddress", at(len(bytes.Join(path, nil)) + 4)},
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

// TestOptionalClasses: a class that may be ignored or forwarded is no error
// where it has no place, or another C-Type: to a node that does not know it, it
// would be none.
func TestOptionalClasses(t *testing.T) {
	p := objects(t, encoded(t, "path-v4"))
	var m rsvp.Message
	for _, o := range [][]byte{words(131, 1, 1, 1), words(225, 9, 1), words(207, 99), words(130, 1, 0)} {
		b := message(rsvp.Path, append(slices.Clone(p), o)...)
		if err := m.Decode(b); err != nil || len(m.Unknown) != 1 || len(m.DClass) != 0 {
			t.Errorf("%v: %v, %+v", rsvp.Class(o[2]), err, m.Unknown)
		}
		if got, err := m.AppendAsReceived(nil); err != nil || !bytes.Equal(got, b) {
			t.Errorf("%v: %v %x", rsvp.Class(o[2]), err, got)
		}
	}
}

// TestAttached: LABEL and RECORD_ROUTE belong to the FILTER_SPEC before them (RFC
// 3209 section 3.2).
func TestAttached(t *testing.T) {
	var m rsvp.Message
	if err := m.Decode(encoded(t, "resv-te-se-v4")); err != nil {
		t.Fatal(err)
	}
	attached := func() (all [][3]int) {
		for _, a := range m.Attached {
			all = append(all, [3]int{a.Flow, a.Filter, int(a.Class)})
		}
		return all
	}
	if d := cmp.Diff([][3]int{{0, 0, 16}, {0, 1, 16}, {0, 1, 21}}, attached()); d != "" {
		t.Error(d)
	}
	if err := m.Decode(encoded(t, "resv-te-ff-v4")); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([][3]int{{0, 0, 16}, {0, 0, 21}, {1, 0, 16}}, attached()); d != "" {
		t.Error(d)
	}
	m.Attached = append(m.Attached, rsvp.Attached{Flow: 2, Raw: m.Attached[0].Raw})
	if _, err := m.AppendTo(nil); !errors.Is(err, rsvp.ErrOrder) {
		t.Errorf("a label for a flow that is not there: %v", err)
	}
	// One that comes before any filter belongs to none.
	o := objects(t, encoded(t, "resv-te-ff-v4"))
	b := message(rsvp.Resv, o[0], o[1], o[2], o[3], o[4], o[6], o[5])
	if err := m.Decode(b); err != nil || len(m.Other) != 1 || len(m.Attached) != 0 {
		t.Errorf("%v %+v", err, m.Other)
	}
	if got, err := m.AppendAsReceived(nil); err != nil || !bytes.Equal(got, b) {
		t.Errorf("%v %x", err, got)
	}
}

// TestReceived lists the objects of a message with their places.
func TestReceived(t *testing.T) {
	var m rsvp.Message
	b := encoded(t, "path-te-v6")
	if err := m.Decode(b); err != nil {
		t.Fatal(err)
	}
	for _, r := range m.Received() {
		if b[r.Offset+2] != byte(r.Class) || b[r.Offset+3] != r.CType {
			t.Errorf("%+v", r)
		}
	}
	if n := len(m.Received()); n != len(objects(t, b)) {
		t.Errorf("%d objects", n)
	}
	if o, ok := m.OtherOf(rsvp.ClassLabelRequest); !ok || o.CType != 1 {
		t.Errorf("%+v", o)
	}
	if _, ok := m.OtherOf(rsvp.ClassLabel); ok {
		t.Error("a label in a Path")
	}
}

// TestSubMessages: a Bundle's messages come out whole and in order; the walk
// ends where the framing does.
func TestSubMessages(t *testing.T) {
	var m rsvp.Message
	if err := m.Decode(encoded(t, "bundle-v4")); err != nil {
		t.Fatal(err)
	}
	var got [][]byte
	for sub := range rsvp.SubMessages(m.Bundled) {
		got = append(got, sub)
	}
	if d := cmp.Diff([][]byte{encoded(t, "path-gpi-v4"), encoded(t, "resv-gpi-v4")}, got); d != "" {
		t.Error(d)
	}
	for range rsvp.SubMessages(append(m.Bundled[:20:20], 1, 2)) {
		t.Error("a message that is not whole")
	}
	for range rsvp.SubMessages(m.Bundled) {
		break
	}
	bad := rsvp.Message{Type: rsvp.Bundle}
	if b, err := bad.AppendTo([]byte("x")); !refusedWhole(b, err) || !errors.Is(err, rsvp.ErrMissing) {
		t.Errorf("an empty bundle: %v", err)
	}
}

// TestIDs: identifiers compare across the wrap (RFC 2961 section 4.5), and lists
// give their entries back.
func TestIDs(t *testing.T) {
	id := func(n uint32) rsvp.MessageID { return rsvp.MessageID{ID: n} }
	for _, tc := range []struct {
		a, b uint32
		want bool
	}{{1, 2, true}, {2, 1, false}, {2, 2, false}, {0xffffffff, 0, true}, {0, 0xffffffff, false}} {
		if got := id(tc.a).Before(id(tc.b)); got != tc.want {
			t.Errorf("%d before %d: %v", tc.a, tc.b, got)
		}
	}
	var m rsvp.Message
	if err := m.Decode(encoded(t, "srefresh-v6")); err != nil {
		t.Fatal(err)
	}
	f := families()[1]
	var got []rsvp.IDEntry
	for _, l := range m.IDLists {
		for e := range l.All() {
			got = append(got, e)
		}
		for range l.All() {
			break
		}
	}
	want := []rsvp.IDEntry{{ID: 1}, {ID: 2}, {ID: 3, Src: f.sender, Dst: f.group}}
	if d := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
		t.Error(d)
	}
}

// TestExtensionNames: what errors and traces show.
func TestExtensionNames(t *testing.T) {
	for got, want := range map[string]string{
		rsvp.Session{Kind: rsvp.SessionGPI, Dst: v4, Proto: 50, DstPort: 9}.String():                     "10.1.2.3/50:9 GPI",
		rsvp.Session{Kind: rsvp.SessionTunnel, Dst: v4, DstPort: 9, Extended: [16]byte{1}}.String():      "10.1.2.3 tunnel 9 extended 01000000",
		rsvp.Session{Kind: rsvp.SessionAggregate, Dst: v4, PHB: 46}.String():                             "10.1.2.3 aggregate DSCP 46",
		rsvp.Session{Kind: rsvp.SessionGeneric, Dst: v4, PHB: 46, DstPort: 5}.String():                   "10.1.2.3 aggregate PHB 0x2e port 5 extended 00000000",
		rsvp.Session{Kind: 9, Dst: v4}.String():                                                          "10.1.2.3 kind 9",
		rsvp.SessionGPI.String():                                                                         "GPI",
		rsvp.FilterSpec{Kind: rsvp.FilterGPI, Src: v4, ID: 9}.String():                                   "10.1.2.3 GPI 0x9",
		rsvp.FilterSpec{Kind: rsvp.FilterTunnel, Src: v4, Port: 9}.String():                              "10.1.2.3 LSP 9",
		rsvp.FilterSpec{Kind: rsvp.FilterAggregate, Src: v4}.String():                                    "10.1.2.3 aggregate",
		rsvp.Integrity{KeyID: 1, Sequence: 2, Digest: []byte{3}}.String():                                "key 000000000001 sequence 2 flags 0x00 digest 03",
		rsvp.Challenge{KeyID: 1}.String():                                                                "key 000000000001 cookie 0000000000000000",
		rsvp.MessageID{Epoch: 1, ID: 2}.String():                                                         "000001/2",
		rsvp.MessageAck{Epoch: 1, ID: 2}.String():                                                        "ack 000001/2",
		rsvp.MessageAck{Nack: true, Epoch: 1, ID: 2}.String():                                            "nack 000001/2",
		rsvp.HelloObject{Src: 1, Dst: 2}.String():                                                        "request src 0x1 dst 0x2",
		rsvp.HelloObject{Ack: true, Src: 1}.String():                                                     "ack src 0x1 dst 0x0",
		rsvp.Label{CType: 1, Value: 17}.String():                                                         "label 17",
		rsvp.Label{CType: 2, Opaque: []byte{1}}.String():                                                 "label 01",
		rsvp.Label{CType: 3, Band: [3]uint32{1, 2, 3}}.String():                                          "waveband 0x1 from 0x2 to 0x3",
		rsvp.Subobject{Type: 1, Loose: true, Prefix: netip.PrefixFrom(v4, 24)}.String():                  "10.1.2.3/24 loose",
		rsvp.Subobject{Type: 3, Label: rsvp.Label{CType: 1}}.String():                                    "label 0",
		rsvp.Subobject{Type: 32, AS: 5}.String():                                                         "AS 5",
		rsvp.Subobject{Type: 64, Raw: []byte{1, 2}}.String():                                             "type 64 0102",
		rsvp.DiagResponse{Incoming: v4, Outgoing: v4, PHop: v4, TTL: 1, Error: rsvp.DiagNoPath}.String(): "in 10.1.2.3 out 10.1.2.3 phop 10.1.2.3 ttl 1 error 1",
		rsvp.CodeUserError.String():                                                                      "user error",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestNTPTime: the middle 32 bits of NTP timestamps.
func TestNTPTime(t *testing.T) {
	for ns, want := range map[int64]uint32{
		0:                                 0x7e80 << 16, // 2208988800 = 0x83aa7e80
		946_684_800_500_000_000:           0xc200<<16 | 0x8000,
		-500_000_000:                      0x7e7f<<16 | 0x8000,
		(0xffff - 0x7e80) * 1_000_000_000: 0xffff << 16,
	} {
		if got := rsvp.NTPTime(ns); got != want {
			t.Errorf("%d: %#x, want %#x", ns, got, want)
		}
	}
}

// TestParseDClass: the object alone.
func TestParseDClass(t *testing.T) {
	o, _, err := object.Parse(words(225, 1, 10<<2, 46<<2|3))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := rsvp.ParseDClass(nil, o); err != nil || !slices.Equal(got, []uint8{10, 46}) {
		t.Errorf("%v %v", got, err)
	}
	for _, bad := range []object.Object{{Class: 1, CType: 1, Body: o.Body}, {Class: 225, CType: 2, Body: o.Body}, {Class: 225, CType: 1}} {
		if got, err := rsvp.ParseDClass(nil, bad); err == nil || len(got) != 0 {
			t.Errorf("%+v was taken", bad)
		}
	}
}
