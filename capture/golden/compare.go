package golden

import (
	"bytes"
	"fmt"

	"github.com/mpstack/mpstack/capture"
	"github.com/mpstack/mpstack/capture/dissect"
)

// Compare compares two captures byte by byte and returns how they differ,
// frame by frame; nothing where they are the same. A capture that cannot be
// read is an error.
func Compare(want, got []byte) ([]Finding, error) {
	if bytes.Equal(want, got) {
		return nil, nil
	}
	w, err := read(want)
	if err != nil {
		return nil, fmt.Errorf("golden: the golden: %w", err)
	}
	g, err := read(got)
	if err != nil {
		return nil, fmt.Errorf("golden: what came: %w", err)
	}
	var findings []Finding
	for _, p := range pair(w, g) {
		if f, differs := judge(p); differs {
			findings = append(findings, f)
		}
	}
	if len(findings) == 0 {
		findings = append(findings, format(want, got))
	}
	return findings, nil
}

// read returns the frames of a capture with bytes of their own.
func read(file []byte) (all []capture.Record, err error) {
	for rec, err := range capture.Open(bytes.NewReader(file)) {
		if err != nil {
			return nil, err
		}
		all = append(all, rec.Clone())
	}
	return all, nil
}

// format is the finding about files whose frames are all the same.
func format(want, got []byte) Finding {
	at := firstDifference(want, got)
	return Finding{
		Kind:  Format,
		About: fmt.Sprintf("at byte %d of %d and %d", at, len(want), len(got)),
		Dump:  dump(want, got, at),
	}
}

// judge compares what was paired.
func judge(p pairing) (Finding, bool) {
	switch {
	case p.got == nil:
		return Finding{Kind: Missing, Want: p.want.Number, Port: p.want.Port, About: about(p.want)}, true
	case p.want == nil:
		return Finding{Kind: Extra, Got: p.got.Number, Port: p.got.Port, About: about(p.got)}, true
	}
	f := Finding{Kind: Changed, Want: p.want.Number, Got: p.got.Number, Port: p.want.Port, About: about(p.want)}
	f.Fields = recordDiffs(p.want, p.got)
	if !bytes.Equal(p.want.Data, p.got.Data) {
		f.Fields = append(f.Fields, fieldDiffs(tree(p.want), tree(p.got), nil)...)
		f.Dump = dump(p.want.Data, p.got.Data, firstDifference(p.want.Data, p.got.Data))
	}
	return f, len(f.Fields) > 0 || f.Dump != ""
}

func tree(rec *capture.Record) *dissect.Tree {
	t := new(dissect.Tree)
	t.Dissect(rec.LinkType, rec.Data)
	return t
}

func about(rec *capture.Record) string { return tree(rec).Summary() }

// recordDiffs compares what the capture says beside the frame's bytes.
func recordDiffs(want, got *capture.Record) (diffs []FieldDiff) {
	add := func(name, w, g string) {
		if w != g {
			diffs = append(diffs, FieldDiff{Path: "frame." + name, Offset: -1, Want: w, Got: g})
		}
	}
	add("port", want.Port, got.Port)
	add("time", want.At.String(), got.At.String())
	add("dir", want.Dir.String(), got.Dir.String())
	add("comment", want.Comment, got.Comment)
	add("link_type", fmt.Sprint(want.LinkType), fmt.Sprint(got.LinkType))
	add("original_length", fmt.Sprint(want.OrigLen), fmt.Sprint(got.OrigLen))
	return diffs
}

// field is one field of a tree with its path.
type field struct {
	path string
	*dissect.Field
}

func fields(t *dissect.Tree) (all []field) {
	for path, f := range t.Walk() {
		all = append(all, field{path, f})
	}
	return all
}

// fieldDiffs lists the fields in which two frames differ, in the golden's
// order, then those that only the other has. same may hold two values for the
// same although they differ; nil stands for none of that.
func fieldDiffs(want, got *dissect.Tree, same func(path string, w, g *dissect.Field) bool) (diffs []FieldDiff) {
	theirs := make(map[string]*dissect.Field)
	rest := fields(got)
	for _, f := range rest {
		theirs[f.path] = f.Field
	}
	for _, f := range fields(want) {
		g := theirs[f.path]
		delete(theirs, f.path)
		if g != nil && f.Value.Equal(g.Value) || same != nil && same(f.path, f.Field, g) {
			continue
		}
		diffs = append(diffs, FieldDiff{Path: f.path, Offset: f.Offset, Want: show(f.Field), Got: show(g)})
	}
	for _, f := range rest {
		if theirs[f.path] == nil || same != nil && same(f.path, nil, f.Field) {
			continue
		}
		diffs = append(diffs, FieldDiff{Path: f.path, Offset: f.Offset, Got: show(f.Field)})
	}
	return diffs
}

// maxShown is how many characters of a value are shown.
const maxShown = 120

// show returns a field's value for a reader.
func show(f *dissect.Field) string {
	if f == nil {
		return ""
	}
	s := f.Value.String()
	if len(s) > maxShown {
		s = fmt.Sprintf("%s… (%d bytes)", s[:maxShown], len(f.Value.Bytes()))
	}
	if f.Text != "" && len(f.Text) < maxShown {
		s += " (" + f.Text + ")"
	}
	if s == "" {
		return "(empty)"
	}
	return s
}
