package dissect_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/mpstack/mpstack/capture"
	"github.com/mpstack/mpstack/capture/capturetest"
	"github.com/mpstack/mpstack/capture/dissect"
	"github.com/mpstack/mpstack/wire"
)

// samples returns the samples as records.
func samples(t testing.TB) (all []capture.Record) {
	t.Helper()
	file, err := capturetest.Capture()
	if err != nil {
		t.Fatal(err)
	}
	for rec, err := range capture.Open(bytes.NewReader(file)) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rec.Clone())
	}
	return all
}

// golden compares got with a file of testdata, or writes it with
// MPSTACK_UPDATE=1.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if os.Getenv("MPSTACK_UPDATE") == "1" {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	w, g := strings.Split(string(want), "\n"), strings.Split(string(got), "\n")
	for i := range max(len(w), len(g)) {
		switch {
		case i >= len(g):
			t.Errorf("%s:%d: missing: %s", file, i+1, w[i])
		case i >= len(w):
			t.Errorf("%s:%d: extra: %s", file, i+1, g[i])
		case w[i] != g[i]:
			t.Errorf("%s:%d:\n  golden %s\n  got    %s", file, i+1, w[i], g[i])
		}
	}
}

// TestText pins the text of every kind of frame.
func TestText(t *testing.T) {
	var tree dissect.Tree
	var text []byte
	for _, rec := range samples(t) {
		tree.Dissect(rec.LinkType, rec.Data)
		if tree.Err != nil {
			t.Errorf("frame %d: %v", rec.Number, tree.Err)
		}
		text = dissect.AppendText(text, &rec, &tree)
	}
	golden(t, "testdata/samples.txt", text)
}

// line is a line of JSON, as its readers see it.
type line struct {
	V        int
	Frame    int
	Time     string
	Iface    string
	Dir      string
	Original int `json:"original_length"`
	Layers   []struct {
		Name, Type     string
		Offset, Length int
		Fields         []jsonField
		Objects        []struct {
			Class, CType   int
			Name, Form     string
			Offset, Length int
			Fields         []jsonField
		}
	}
	Error *struct {
		Layer, Field string
		Offset       int
		Reason       string
	}
	Comment string
}

type jsonField struct {
	Name           string
	Offset, Length int
	Value          any
	Text           string
}

func decode(t *testing.T, b []byte) (l line) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	if bytes.ContainsRune(b, '\n') {
		t.Errorf("more than one line: %s", b)
	}
	return l
}

// TestJSON pins the JSON of every kind of frame, and reads it again.
func TestJSON(t *testing.T) {
	var all []byte
	for _, rec := range samples(t) {
		tree := dissect.Frame(rec.Data)
		b := dissect.AppendJSON(nil, &rec, tree)
		l := decode(t, b)
		if l.V != 1 || l.Frame != rec.Number || l.Time != rec.At.String() || l.Iface != rec.Port || l.Dir != "out" ||
			l.Comment != rec.Comment || l.Error != nil || len(l.Layers) != len(tree.Layers) {
			t.Errorf("frame %d: %+v", rec.Number, l)
		}
		for i, got := range l.Layers {
			want := tree.Layers[i]
			if got.Name != want.Name || got.Type != want.Type || got.Offset != want.Offset || got.Length != want.Length ||
				len(got.Fields) != len(want.Fields) || len(got.Objects) != len(want.Objects) {
				t.Errorf("frame %d: layer %+v, want %+v", rec.Number, got, want)
			}
			for j, o := range got.Objects {
				w := want.Objects[j]
				if o.Name != w.Name || o.Form != w.Form || o.Class != int(w.Class) || o.CType != int(w.CType) || o.Offset != w.Offset || len(o.Fields) != len(w.Fields) {
					t.Errorf("frame %d: object %+v, want %+v", rec.Number, o, w)
				}
			}
		}
		all = append(append(all, b...), '\n')
	}
	golden(t, "testdata/samples.jsonl", all)
}

// TestJSONExtras are the parts of a line that samples do not have.
func TestJSONExtras(t *testing.T) {
	rec := capture.Record{Comment: "say \"hi\" \\ \x01\x7f\n\xff é", Number: 7, OrigLen: 2000, LinkType: capture.LinkTypeEthernet}
	rec.Port, rec.Data = "a\"b", []byte{1, 2, 3}
	b := dissect.AppendJSON(nil, &rec, dissect.Frame(rec.Data))
	l := decode(t, b)
	if l.Comment != "say \"hi\" \\ \x01\x7f\n\ufffd é" || l.Iface != "a\"b" || l.Original != 2000 || l.Dir != "" {
		t.Errorf("%+v", l)
	}
	if l.Error == nil || l.Error.Layer != "eth" || l.Error.Field != "header" || l.Error.Reason == "" {
		t.Errorf("%+v of %s", l.Error, b)
	}
	if len(l.Layers) != 1 || l.Layers[0].Name != "data" || l.Layers[0].Fields[0].Value != "010203" {
		t.Errorf("%+v", l.Layers)
	}
}

// TestSummaries pins what a frame is called in one line.
func TestSummaries(t *testing.T) {
	want := map[string]string{
		"sample/arp/request":      "arp request 10.0.0.1 > 10.0.0.9",
		"sample/group/query":      "igmp v3-query 10.0.0.1 > 224.0.0.1",
		"sample/mpj/JOIN":         "mpj JOIN 10.0.0.1 > 10.0.0.9",
		"sample/rsvp/Path":        "rsvp Path 10.0.0.1 > 232.1.2.3",
		"sample/data":             "udp 10.0.0.9:50001 > 232.1.2.3:50001",
		"sample/ndp/solicitation": "icmpv6 neighbor-solicitation 2001:db8::1 > ff02::1:ff00:9",
	}
	for _, rec := range samples(t) {
		if w, ok := want[string(rec.Cause)]; ok {
			if got := dissect.Frame(rec.Data).Summary(); got != w {
				t.Errorf("%s: %q, want %q", rec.Cause, got, w)
			}
			delete(want, string(rec.Cause))
		}
	}
	if len(want) != 0 {
		t.Errorf("no samples for %v", want)
	}
	six := dissect.Frame(samples(t)[53].Data).Summary()
	if six != "udp [2001:db8::9]:50001 > [ff3e::8000:1]:50001" {
		t.Errorf("%q", six)
	}
	if got := dissect.Frame(nil).Summary(); got != "data" {
		t.Errorf("nothing is %q", got)
	}
	other := make([]byte, 20)
	other[12] = 0x99
	if got := dissect.Frame(other).Summary(); got != "eth 00:00:00:00:00:00 > 00:00:00:00:00:00" {
		t.Errorf("%q", got)
	}
}

// TestSummaryIsClean keeps control characters of a file off the terminal.
func TestSummaryIsClean(t *testing.T) {
	rec := capture.Record{Comment: "\x1b[31mred\nline", Number: 1}
	rec.Port, rec.Dir = "a\x07b", wire.DirIn
	got := string(dissect.AppendSummary(nil, &rec, new(dissect.Tree)))
	if got != "1 1970-01-01T00:00:00.000000000Z a b in 0 bytes: data  [ [31mred line]" {
		t.Errorf("%q", got)
	}
}

func validJSON(b []byte) bool { return json.Valid(b) }
