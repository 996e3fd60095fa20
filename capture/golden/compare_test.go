package golden_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/mpstack/mpstack/capture"
	"github.com/mpstack/mpstack/capture/capturetest"
	"github.com/mpstack/mpstack/capture/golden"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/object"
)

func samples(t testing.TB) []wire.Frame {
	t.Helper()
	frames, err := capturetest.Samples()
	if err != nil {
		t.Fatal(err)
	}
	return frames
}

func file(t testing.TB, frames ...wire.Frame) []byte {
	t.Helper()
	b, err := capturetest.File(frames...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func compare(t testing.TB, want, got []byte) []golden.Finding {
	t.Helper()
	findings, err := golden.Compare(want, got)
	if err != nil {
		t.Fatal(err)
	}
	return findings
}

// lines returns the findings by a line each.
func lines(findings []golden.Finding) string {
	var b strings.Builder
	for _, f := range findings {
		b.WriteString(f.Line() + "\n")
	}
	return b.String()
}

func TestSameIsNothing(t *testing.T) {
	b := file(t, samples(t)...)
	if f := compare(t, b, bytes.Clone(b)); len(f) != 0 || golden.Report(f) != "" {
		t.Errorf("%v", f)
	}
	if f := compare(t, nil, nil); len(f) != 0 {
		t.Errorf("%v", f)
	}
}

// TestEveryByteCounts changes one byte of one frame at a time, wherever it
// lies: there is one finding, it is about that frame, and it shows the byte.
func TestEveryByteCounts(t *testing.T) {
	frames := samples(t)
	want := file(t, frames...)
	for i := range frames {
		for at := i % 23; at < len(frames[i].Data); at += 23 {
			changed := slices.Clone(frames)
			changed[i] = changed[i].Clone()
			changed[i].Data[at] ^= 0x01
			findings := compare(t, want, file(t, changed...))
			if len(findings) != 1 {
				// What made it another message is one frame missing, one extra.
				if len(findings) != 2 || findings[0].Want+findings[1].Want != i+1 || findings[0].Got+findings[1].Got != i+1 {
					t.Fatalf("frame %d, byte %d: %s", i+1, at, lines(findings))
				}
				continue
			}
			f := findings[0]
			if f.Kind != golden.Changed || f.Want != i+1 || f.Got != i+1 || f.Port != frames[i].Port || f.Dump == "" || f.About == "" {
				t.Errorf("frame %d, byte %d: %+v", i+1, at, f)
			}
			if !strings.Contains(f.Dump, "^^") || !strings.Contains(f.Dump, "golden") {
				t.Errorf("frame %d, byte %d: dump\n%s", i+1, at, f.Dump)
			}
		}
	}
}

// TestOneField changes one field and sees that field and nothing else.
func TestOneField(t *testing.T) {
	var f capturetest.Builder
	n := capturetest.Nets[0]
	path := capturetest.Reservation(n)[0]
	m := capturetest.Messages(n)[0]
	a := []wire.Frame{{Data: f.RSVP(n.Root, n.Group, &path), Port: "r/p"}, {Data: f.MPJ(n.Leaf, n.Root, &m), Port: "l/p"}}
	path.TimeValues.RefreshMS++
	m.Transaction++
	b := []wire.Frame{{Data: f.RSVP(n.Root, n.Group, &path), Port: "r/p"}, {Data: f.MPJ(n.Leaf, n.Root, &m), Port: "l/p"}}
	if f.Err != nil {
		t.Fatal(f.Err)
	}
	findings := compare(t, file(t, a...), file(t, b...))
	var paths []string
	for _, finding := range findings {
		for _, d := range finding.Fields {
			paths = append(paths, d.Path)
		}
	}
	want := []string{"rsvp.checksum", "rsvp.TIME_VALUES.refresh_period", "udp.checksum", "mpj.transaction"}
	if !slices.Equal(paths, want) {
		t.Errorf("%v, want %v", paths, want)
	}
	const line = "frame 1 at r/p differs: rsvp Path 10.0.0.9 > 232.1.2.3: rsvp.checksum: golden 0x24cd (correct), got 0x24cc (correct)"
	if got := findings[0].Line(); got != line {
		t.Errorf("%q, want %q", got, line)
	}
}

// TestRecordDifferences changes what the capture says beside the bytes.
func TestRecordDifferences(t *testing.T) {
	base := samples(t)[:10]
	want := file(t, base...)
	for _, tt := range []struct {
		change func(f *wire.Frame)
		want   string
	}{
		{func(f *wire.Frame) { f.At++ }, "frame 4 at leaf/eth0 differs: igmp v3-report 10.0.0.1 > 224.0.0.22: frame.time: golden 2000-01-01T00:00:00.004000000Z, got 2000-01-01T00:00:00.004000001Z\n"},
		{func(f *wire.Frame) { f.Dir = wire.DirIn }, "frame 4 at leaf/eth0 differs: igmp v3-report 10.0.0.1 > 224.0.0.22: frame.dir: golden out, got in\n"},
		{func(f *wire.Frame) { f.Fate = "lost" }, "frame 4 at leaf/eth0 differs: igmp v3-report 10.0.0.1 > 224.0.0.22: frame.comment: golden sample/group/report, got sample/group/report; lost\n"},
		{func(f *wire.Frame) { f.Cause = "" }, "frame 4 at leaf/eth0 differs: igmp v3-report 10.0.0.1 > 224.0.0.22: frame.comment: golden sample/group/report, got (none)\n"},
		{func(f *wire.Frame) { f.Port = "x" }, "golden frame 4 at leaf/eth0 is missing: igmp v3-report 10.0.0.1 > 224.0.0.22\nframe 4 at x is not in the golden: igmp v3-report 10.0.0.1 > 224.0.0.22\n"},
	} {
		changed := slices.Clone(base)
		tt.change(&changed[3])
		if got := lines(compare(t, want, file(t, changed...))); got != tt.want {
			t.Errorf("got\n%swant\n%s", got, tt.want)
		}
	}
}

// TestMissingAndExtra takes frames away, adds some, and moves one.
func TestMissingAndExtra(t *testing.T) {
	base := samples(t)[:12]
	want := file(t, base...)
	for _, tt := range []struct {
		name   string
		frames []wire.Frame
		want   string
	}{
		{"first", base[1:], "golden frame 1 at leaf/eth0 is missing: arp request 10.0.0.1 > 10.0.0.9\n"},
		{"last", base[:11], "golden frame 12 at leaf/eth0 is missing: mpj STATUS 10.0.0.1 > 10.0.0.9\n"},
		{"middle", slices.Concat(base[:4], base[6:]), "golden frame 5 at leaf/eth0 is missing: mpj JOIN 10.0.0.1 > 10.0.0.9\ngolden frame 6 at leaf/eth0 is missing: mpj JOIN 10.0.0.1 > 10.0.0.9\n"},
		{"extra", slices.Concat(base[:4], base[2:3], base[4:]), "frame 5 at leaf/eth0 is not in the golden: igmp v3-query 10.0.0.1 > 224.0.0.1\n"},
		{"none", nil, ""},
		{"moved", slices.Concat(base[:2], base[3:8], base[2:3], base[8:]),
			"golden frame 3 at leaf/eth0 is missing: igmp v3-query 10.0.0.1 > 224.0.0.1\nframe 8 at leaf/eth0 is not in the golden: igmp v3-query 10.0.0.1 > 224.0.0.1\n"},
	} {
		findings := compare(t, want, file(t, tt.frames...))
		if tt.frames == nil {
			if len(findings) != 12 {
				t.Errorf("%s: %s", tt.name, lines(findings))
			}
			continue
		}
		if got := lines(findings); got != tt.want {
			t.Errorf("%s: got\n%swant\n%s", tt.name, got, tt.want)
		}
	}
}

// TestChangedAmongMissing pairs frames of one kind that are not the same.
func TestChangedAmongMissing(t *testing.T) {
	base := samples(t)[:10]
	changed := slices.Clone(base)
	changed[6] = changed[6].Clone()
	changed[6].Data[len(changed[6].Data)-1] ^= 1
	changed = slices.Delete(changed, 4, 5)
	got := compare(t, file(t, base...), file(t, changed...))
	if len(got) != 2 || got[0].Kind != golden.Missing || got[0].Want != 5 || got[1].Kind != golden.Changed || got[1].Want != 7 || got[1].Got != 6 {
		t.Fatalf("%s", lines(got))
	}
	if line := got[1].Line(); !strings.HasPrefix(line, "golden frame 7, here 6, at leaf/eth0 differs: mpj CHALLENGE ") {
		t.Errorf("%q", line)
	}
}

// TestManyFrames compares captures that are too long for a table.
func TestManyFrames(t *testing.T) {
	sample := samples(t)[26]
	var a, b []wire.Frame
	for i := range 2500 {
		f := sample.Clone()
		f.Data[42], f.Data[43] = byte(i), byte(i>>8)
		a = append(a, f)
		g := f.Clone()
		g.Data[44] ^= byte(i & 1)
		b = append(b, g)
	}
	findings := compare(t, file(t, a...), file(t, b...))
	if len(findings) != 1250 {
		t.Errorf("%d findings", len(findings))
	}
	report := golden.Report(findings)
	if n := strings.Count(report, "\n"); n > 60 || !strings.Contains(report, "… and 1229 more\n") {
		t.Errorf("a report of %d lines:\n%s", n, report)
	}
}

// TestFormat finds what no frame says.
func TestFormat(t *testing.T) {
	b := file(t, samples(t)[:3]...)
	other := bytes.Replace(b, []byte("mpstack\x00"), []byte("MPSTACK\x00"), 1)
	findings := compare(t, b, other)
	if len(findings) != 1 || findings[0].Kind != golden.Format || !strings.HasPrefix(findings[0].Line(), "the files differ, but no frame does: at byte 28 of ") {
		t.Fatalf("%+v", findings)
	}
	if want := "    golden 0010  ff ff ff ff ff ff ff ff 04 00 07 00 6d 70 73 74  ............mpst\n" +
		"    got    0010  ff ff ff ff ff ff ff ff 04 00 07 00 4d 50 53 54  ............MPST\n" +
		"                                                     ^^ ^^ ^^ ^^\n"; !strings.Contains(findings[0].Dump, want) {
		t.Errorf("got\n%swant in it\n%s", findings[0].Dump, want)
	}
}

// TestDumpEdges shows the end of a frame that is longer on one side.
func TestDumpEdges(t *testing.T) {
	a := wire.Frame{Data: bytes.Repeat([]byte{0x41}, 20), Port: "p"}
	b := wire.Frame{Data: bytes.Repeat([]byte{0x41}, 23), Port: "p"}
	for _, tt := range []struct{ want, got wire.Frame }{{a, b}, {b, a}} {
		findings := compare(t, file(t, tt.want), file(t, tt.got))
		if len(findings) != 1 || !strings.Contains(findings[0].Dump, "^^ ^^ ^^\n") || !strings.Contains(findings[0].Dump, "    both   0000  41 41") {
			t.Errorf("%+v\n%s", findings, findings[0].Dump)
		}
	}
}

func TestUnreadable(t *testing.T) {
	good := file(t, samples(t)[:3]...)
	for _, tt := range []struct {
		want, got []byte
		text      string
		err       error
	}{
		{good, good[:50], "golden: what came: ", object.ErrTruncated},
		{good[:len(good)-1], good, "golden: the golden: ", object.ErrTruncated},
		{[]byte("hello, world"), good, "golden: the golden: ", capture.ErrFormat},
	} {
		if _, err := golden.Compare(tt.want, tt.got); !errors.Is(err, tt.err) || !strings.HasPrefix(err.Error(), tt.text) {
			t.Errorf("Compare: %v", err)
		}
		if _, err := golden.Structural(tt.want, tt.got, golden.DefaultRules()); !errors.Is(err, tt.err) || !strings.HasPrefix(err.Error(), tt.text) {
			t.Errorf("Structural: %v", err)
		}
	}
}

func TestReport(t *testing.T) {
	f := golden.Finding{Kind: golden.Changed, Want: 2, Got: 2, Port: "a/b", About: "mpj JOIN", Dump: "    dump\n"}
	for range 20 {
		f.Fields = append(f.Fields, golden.FieldDiff{Path: "x.y", Want: "1", Got: "2"})
	}
	got := golden.Report([]golden.Finding{f, {Kind: golden.Extra, Got: 9, About: "udp"}})
	want := "frame 2 at a/b differs: mpj JOIN: x.y: golden 1, got 2\n" + strings.Repeat("    x.y: golden 1, got 2\n", 16) +
		"    … and 4 more fields\n    dump\nframe 9 is not in the golden: udp\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	for k, want := range []string{"changed", "missing", "extra", "format"} {
		if golden.Kind(k).String() != want {
			t.Errorf("%v", golden.Kind(k))
		}
	}
}
