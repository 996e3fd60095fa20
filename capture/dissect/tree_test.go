package dissect_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/mpstack/mpstack/capture"
	"github.com/mpstack/mpstack/capture/capturetest"
	"github.com/mpstack/mpstack/capture/dissect"
	"github.com/mpstack/mpstack/wire/inet"
)

// checkTree checks what holds for every tree: layers follow each other without
// gap and end with the frame; objects and fields lie within what they belong
// to; the error lies within the frame.
func checkTree(t testing.TB, frame []byte, tree *dissect.Tree) {
	t.Helper()
	at := 0
	for i := range tree.Layers {
		l := &tree.Layers[i]
		if l.Offset != at || l.Length < 0 {
			t.Errorf("layer %s at %d of %d bytes, the one before ends at %d", l.Name, l.Offset, l.Length, at)
		}
		at = l.Offset + l.Length
		checkFields(t, l.Name, l.Fields, l.Offset, at)
		end := l.Offset
		for j := range l.Objects {
			o := &l.Objects[j]
			if o.Offset < end || o.Offset+o.Length > at {
				t.Errorf("object %s.%s at %d of %d bytes outside of %d to %d", l.Name, o.Name, o.Offset, o.Length, end, at)
			}
			end = o.Offset + o.Length
			checkFields(t, o.Name, o.Fields, o.Offset, end)
		}
	}
	if at != len(frame) {
		t.Errorf("layers end at %d of %d bytes", at, len(frame))
	}
	if tree.Err != nil && (tree.ErrAt < 0 || tree.ErrAt > len(frame) || tree.Err.Layer == "" || tree.Err.Err == nil) {
		t.Errorf("error %v at %d of %d bytes", tree.Err, tree.ErrAt, len(frame))
	}
}

func checkFields(t testing.TB, name string, fields []dissect.Field, from, to int) {
	t.Helper()
	for _, f := range fields {
		if f.Name == "" || strings.ContainsAny(f.Name, " .#\"") || f.Offset < from || f.Length < 0 || f.Offset+f.Length > to || f.Value.Kind() == dissect.KindNone {
			t.Errorf("field %s.%s at %d of %d bytes outside of %d to %d", name, f.Name, f.Offset, f.Length, from, to)
		}
	}
}

// TestTrees checks the samples whole, cut at every length, and with random
// bytes changed.
func TestTrees(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var tree dissect.Tree
	for _, rec := range samples(t) {
		for n := range len(rec.Data) + 1 {
			tree.Dissect(rec.LinkType, rec.Data[:n])
			checkTree(t, rec.Data[:n], &tree)
			if (tree.Err == nil) != (n == len(rec.Data)) {
				t.Errorf("frame %d cut to %d of %d bytes: %v", rec.Number, n, len(rec.Data), tree.Err)
			}
		}
		for range 200 {
			b := bytes.Clone(rec.Data)
			for range 1 + r.IntN(4) {
				b[r.IntN(len(b))] = byte(r.Uint32())
			}
			tree.Dissect(rec.LinkType, b)
			checkTree(t, b, &tree)
		}
	}
}

// equal reports whether two trees say the same.
func equal(a, b *dissect.Tree) bool {
	var rec capture.Record
	return bytes.Equal(dissect.AppendJSON(nil, &rec, a), dissect.AppendJSON(nil, &rec, b)) &&
		bytes.Equal(dissect.AppendText(nil, &rec, a), dissect.AppendText(nil, &rec, b))
}

// TestReuse dissects each sample after each other one: nothing stays of it.
func TestReuse(t *testing.T) {
	all := samples(t)
	for i := range all {
		all[i].Data = all[i].Data[:len(all[i].Data)-i%3] // some of them broken
	}
	var reused dissect.Tree
	for _, before := range all {
		for _, rec := range all {
			reused.Dissect(before.LinkType, before.Data)
			reused.Dissect(rec.LinkType, rec.Data)
			if !equal(&reused, dissect.Frame(rec.Data)) {
				t.Fatalf("frame %d differs after frame %d", rec.Number, before.Number)
			}
		}
	}
}

// TestAllocations bounds what a reused tree allocates: nothing for most kinds
// of frames, strings and tables of parameters for some.
func TestAllocations(t *testing.T) {
	var tree dissect.Tree
	var rec capture.Record
	var b []byte
	all := samples(t)
	for range 2 {
		for _, s := range all {
			tree.Dissect(s.LinkType, s.Data)
		}
	}
	for _, s := range all {
		n := testing.AllocsPerRun(20, func() { tree.Dissect(s.LinkType, s.Data) })
		if n > 24 {
			t.Errorf("%s: %v allocations", s.Cause, n)
		}
		b = dissect.AppendJSON(b[:0], &rec, &tree)
		if n := testing.AllocsPerRun(20, func() { b = dissect.AppendJSON(b[:0], &rec, &tree) }); n > 0 {
			t.Errorf("%s: %v allocations for the JSON", s.Cause, n)
		}
	}
}

// TestPaths looks fields up.
func TestPaths(t *testing.T) {
	var path dissect.Tree
	for _, rec := range samples(t) {
		if rec.Cause == "sample/rsvp/Path" {
			path.Dissect(rec.LinkType, rec.Data)
			break
		}
	}
	for p, want := range map[string]string{
		"eth.type": "0x0800", "ipv4.ttl": "63", "ipv4.router_alert": "0", "rsvp.send_ttl": "63",
		"rsvp.SESSION.dest_address": "232.1.2.3", "rsvp.ADSPEC.service": "1", "rsvp.ADSPEC.service#2": "2", "rsvp.ADSPEC.service#3": "5",
		"rsvp.SENDER_TSPEC.token_bucket_rate": "125000",
	} {
		if f := path.Field(p); f == nil || f.Value.String() != want {
			t.Errorf("%s is %+v, want %s", p, f, want)
		}
	}
	for _, p := range []string{"", "rsvp", "rsvp.SESSION", "rsvp.nothing", "rsvp.ADSPEC.service#4", "udp.src_port"} {
		if f := path.Field(p); f != nil {
			t.Errorf("%s is %+v", p, f)
		}
	}
	rsvp := path.Layer(dissect.LayerRSVP)
	if rsvp == nil || rsvp != path.Top() || rsvp.Type != "Path" {
		t.Fatalf("%+v", rsvp)
	}
	if o := rsvp.Object("SENDER_TEMPLATE"); o == nil || o.Class != 11 || o.Field("src_port").Value.Uint() != capturetest.DataPort || o.Field("none") != nil {
		t.Errorf("%+v", o)
	}
	if rsvp.Object("none") != nil || rsvp.Field("none") != nil || path.Layer("none") != nil {
		t.Error("found what is not there")
	}
}

// TestWalk checks that paths are unique, and that a walk can be left.
func TestWalk(t *testing.T) {
	for _, rec := range samples(t) {
		tree := dissect.Frame(rec.Data)
		seen := map[string]bool{}
		n := 0
		for p := range tree.Walk() {
			if seen[p] {
				t.Errorf("%s: %s comes twice", rec.Cause, p)
			}
			seen[p] = true
			n++
		}
		for stop := range n {
			left := stop
			for range tree.Walk() {
				if left--; left < 0 {
					break
				}
			}
		}
	}
}

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		pattern, path string
		want          bool
	}{
		{"ipv4.ttl", "ipv4.ttl", true},
		{"ipv4.ttl", "ipv6.ttl", false},
		{"*.ttl", "ipv6.ttl", true},
		{"*.ttl", "rsvp.SESSION.ttl", false},
		{"rsvp.*.ttl", "rsvp.SESSION.ttl", true},
		{"rsvp.SESSION.*", "rsvp.SESSION.ttl", true},
		{"rsvp.SESSION", "rsvp.SESSION.ttl", false},
		{"rsvp.SESSION.ttl", "rsvp.SESSION", false},
		{"igmp.record.group", "igmp.record#2.group", true},
		{"igmp.record#2.group", "igmp.record#2.group", true},
		{"igmp.record#2.group", "igmp.record.group", false},
		{"igmp.record.source", "igmp.record.source#3", true},
		{"igmp.rec.source", "igmp.record.source", false},
		{"*", "frame", true},
	} {
		if got := dissect.Match(tt.pattern, tt.path); got != tt.want {
			t.Errorf("%q and %q: %v", tt.pattern, tt.path, got)
		}
	}
}

func TestFieldName(t *testing.T) {
	for name, want := range map[string]string{
		"destination tag": "dst_tag", "source tag": "src_tag", "address": "addr", "HELLO interval": "hello_interval", "JL": "jl",
		"sending TokenRate": "sending_token_rate", "DestAddress": "dest_address", "Protocol Id": "protocol_id", "Src Address": "src_address",
		"Token Bucket Rate [r]": "token_bucket_rate", "IS hop count": "is_hop_count", "Flow Label": "flow_label",
	} {
		if got := dissect.FieldName(name); got != want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
}

func TestValues(t *testing.T) {
	for _, tt := range []struct {
		v          dissect.Value
		text, json string
	}{
		{dissect.Value{}, "", "null"},
		{dissect.Uint(1 << 63), "9223372036854775808", "9223372036854775808"},
		{dissect.Hex(0xab, 2), "0x00ab", `"0x00ab"`},
		{dissect.Hex(1<<63, 8), "0x8000000000000000", `"0x8000000000000000"`},
		{dissect.Bool(true), "true", "true"},
		{dissect.Bool(false), "false", "false"},
		{dissect.Float(1.5e6), "1.5e+06", "1.5e+06"},
		{dissect.Float(float32(math.Inf(1))), "+Inf", `"+Inf"`},
		{dissect.Addr(netip.MustParseAddr("2001:db8::1")), "2001:db8::1", `"2001:db8::1"`},
		{dissect.MAC(inet.MAC{1, 2, 3, 0xa, 0xb, 0xc}), "01:02:03:0a:0b:0c", `"01:02:03:0a:0b:0c"`},
		{dissect.Bytes([]byte{0, 0xff}), "00ff", `"00ff"`},
		{dissect.Bytes(nil), "", `""`},
	} {
		if tt.v.String() != tt.text || string(tt.v.AppendJSON(nil)) != tt.json {
			t.Errorf("%v: %q and %s, want %q and %s", tt.v.Kind(), tt.v.String(), tt.v.AppendJSON(nil), tt.text, tt.json)
		}
	}
	all := []dissect.Value{{}, dissect.Uint(1), dissect.Uint(2), dissect.Hex(1, 1), dissect.Hex(1, 2), dissect.Bool(true), dissect.Float(1),
		dissect.Addr(netip.MustParseAddr("1.2.3.4")), dissect.MAC(inet.MAC{1}), dissect.Bytes([]byte{1}), dissect.Bytes([]byte{2})}
	for i, v := range all {
		for j, w := range all {
			if v.Equal(w) != (i == j) {
				t.Errorf("%v and %v: %v", v, w, v.Equal(w))
			}
		}
	}
	if dissect.Uint(7).Uint() != 7 || !dissect.Bool(true).Bool() || dissect.Uint(1).Bool() || dissect.Float(2).Float() != 2 || dissect.Uint(2).Float() != 0 ||
		dissect.MAC(inet.MAC{5: 1}).MAC() != (inet.MAC{5: 1}) || dissect.Uint(2).MAC() != (inet.MAC{}) || dissect.Float(2).Uint() != 0 || dissect.Bytes([]byte{1}).Bytes()[0] != 1 {
		t.Error("a value does not give back what it was made of")
	}
}

// TestOtherLinkTypes are one layer of data.
func TestOtherLinkTypes(t *testing.T) {
	var tree dissect.Tree
	tree.Dissect(113, []byte("whatever"))
	checkTree(t, []byte("whatever"), &tree)
	if tree.Err != nil || len(tree.Layers) != 1 || tree.Layers[0].Name != dissect.LayerData || tree.Top() != nil {
		t.Errorf("%+v", tree.Layers)
	}
	tree.Dissect(113, nil)
	if len(tree.Layers) != 0 {
		t.Errorf("%+v", tree.Layers)
	}
}

// TestPadding is a layer of its own at the end.
func TestPadding(t *testing.T) {
	for _, rec := range samples(t) {
		b := append(slices.Clip(rec.Data), 0, 0, 0)
		tree := dissect.Frame(b)
		checkTree(t, b, tree)
		last := tree.Layers[len(tree.Layers)-1]
		if last.Type != "padding" || last.Length != 3 || tree.Err != nil {
			t.Errorf("%s: %+v, %v", rec.Cause, last, tree.Err)
		}
	}
}

// FuzzDissect takes anything for a frame.
func FuzzDissect(f *testing.F) {
	for _, rec := range samples(f) {
		f.Add(rec.Data)
	}
	for _, b := range capturetest.Seeds(f, dissect.LayerEthernet) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		var tree dissect.Tree
		tree.Dissect(capture.LinkTypeEthernet, frame)
		checkTree(t, frame, &tree)
		rec := capture.Record{Number: 1}
		rec.Data = frame
		_ = dissect.AppendText(nil, &rec, &tree)
		if b := dissect.AppendJSON(nil, &rec, &tree); !validJSON(b) {
			t.Errorf("not JSON: %s", b)
		}
	})
}
