package golden

import (
	"fmt"
	"strings"
)

// Kind says how two captures differ in one place.
type Kind uint8

// Kinds of findings.
const (
	Changed Kind = iota // a frame is there, but not the same
	Missing             // a frame of the golden did not come
	Extra               // a frame came that the golden does not have
	Format              // the files differ, but not in a frame
)

// String returns "changed", "missing", "extra" or "format".
func (k Kind) String() string {
	return [...]string{"changed", "missing", "extra", "format"}[k]
}

// Finding is one difference between a golden and what came.
type Finding struct {
	Kind  Kind
	Want  int    // the frame's number in the golden, 0 where it has none
	Got   int    // the frame's number in what came, 0 where it has none
	Port  string // where the frame was seen
	About string // what the frame is: "mpj JOIN 10.0.1.2 > 10.0.9.9"
	// Fields lists what differs, by dissect's paths; "frame.time", "frame.dir"
	// and "frame.comment" are the capture's own.
	Fields []FieldDiff
	// Dump shows the bytes around the first one that differs, of both sides.
	Dump string
}

// FieldDiff is one field that differs. An empty text stands for a field that
// is not there.
type FieldDiff struct {
	Path      string
	Offset    int // in the golden's frame, or in what came where only that has the field; -1 for the capture's own
	Want, Got string
}

// String returns the field with both values.
func (d FieldDiff) String() string {
	return fmt.Sprintf("%s: golden %s, got %s", d.Path, orNone(d.Want), orNone(d.Got))
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}

// maxFields is how many fields of a finding are listed.
const maxFields = 16

// Line returns the finding in one line.
func (f Finding) Line() string {
	switch f.Kind {
	case Missing:
		return fmt.Sprintf("golden frame %d%s is missing: %s", f.Want, f.where(), f.About)
	case Extra:
		return fmt.Sprintf("frame %d%s is not in the golden: %s", f.Got, f.where(), f.About)
	case Format:
		return "the files differ, but no frame does: " + f.About
	}
	number := fmt.Sprintf("frame %d", f.Want)
	if f.Got != f.Want {
		number = fmt.Sprintf("golden frame %d, here %d,", f.Want, f.Got)
	}
	line := fmt.Sprintf("%s%s differs: %s", number, f.where(), f.About)
	if len(f.Fields) > 0 {
		line += ": " + f.Fields[0].String()
	}
	return line
}

func (f Finding) where() string {
	if f.Port == "" {
		return ""
	}
	return " at " + f.Port
}

// String returns the finding with its fields and bytes, in several lines.
func (f Finding) String() string {
	var b strings.Builder
	b.WriteString(f.Line())
	b.WriteByte('\n')
	for i, d := range f.Fields {
		if i == maxFields {
			fmt.Fprintf(&b, "    … and %d more fields\n", len(f.Fields)-i)
			break
		}
		fmt.Fprintf(&b, "    %s\n", d)
	}
	b.WriteString(f.Dump)
	return b.String()
}

// maxLines is how many findings a report lists.
const maxLines = 20

// Report returns the findings for a reader: the first one whole, the others by
// a line each. It is empty where there are none.
func Report(findings []Finding) string {
	if len(findings) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString(findings[0].String())
	for i, f := range findings[1:] {
		if i == maxLines {
			fmt.Fprintf(&b, "… and %d more\n", len(findings)-1-i)
			break
		}
		b.WriteString(f.Line())
		b.WriteByte('\n')
	}
	return b.String()
}
