package mpj_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	stackmpj "github.com/mpstack/mpstack/stack/mpj"
	"github.com/mpstack/mpstack/stack/winsock"
	"github.com/mpstack/mpstack/wire/mpj"
	"github.com/mpstack/mpstack/wire/object"
)

const docFile = "../../docs/mpj.md"

// generated are the parts of docs/mpj.md between the markers of their names.
var generated = map[string]func() string{
	"header":   headerDoc,
	"flags":    flagsDoc,
	"messages": messagesDoc,
	"bodies":   bodiesDoc,
	"objects":  objectsDoc,
	"layouts":  layoutsDoc,
	"reasons":  reasonsDoc,
	"timers":   timersDoc,
	"limits":   limitsDoc,
	"diagrams": diagramsDoc,
	"states":   statesDoc,
}

// TestDocIsCurrent compares docs/mpj.md with the tables that it is made from.
// MPSTACK_UPDATE=1 rewrites it.
func TestDocIsCurrent(t *testing.T) {
	b, err := os.ReadFile(docFile)
	if err != nil {
		t.Fatal(err)
	}
	have := string(b)
	want := have
	for name, make := range generated {
		begin, end := "<!-- generated: "+name+" -->\n", "<!-- end: "+name+" -->\n"
		before, rest, ok := strings.Cut(want, begin)
		_, after, ok2 := strings.Cut(rest, end)
		if !ok || !ok2 {
			t.Fatalf("docs/mpj.md has no markers for %q", name)
		}
		want = before + begin + "\n" + make() + "\n" + end + after
	}
	if strings.Count(have, "<!-- generated: ") != len(generated) {
		t.Error("docs/mpj.md has a marker that nothing generates")
	}
	if have == want {
		return
	}
	if os.Getenv("MPSTACK_UPDATE") == "1" {
		if err := os.WriteFile(docFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("docs/mpj.md is stale (MPSTACK_UPDATE=1 go test ./wire/mpj rewrites it): %s", firstDifference(have, want))
}

// TestDocSpeaksOfAll: the text around the tables has a word on every message,
// object, flag and reason that has rules of its own.
func TestDocSpeaksOfAll(t *testing.T) {
	b, err := os.ReadFile(docFile)
	if err != nil {
		t.Fatal(err)
	}
	prose := string(b)
	for name := range generated {
		before, rest, _ := strings.Cut(prose, "<!-- generated: "+name+" -->\n")
		_, after, _ := strings.Cut(rest, "<!-- end: "+name+" -->\n")
		prose = before + after
	}
	for _, m := range mpj.Messages {
		if !strings.Contains(prose, m.Name) {
			t.Errorf("nothing is said of %s", m.Name)
		}
		if f := m.Flags; f != 0 && !strings.Contains(prose, "lag "+f.String()) {
			t.Errorf("nothing is said of flag %v", f)
		}
	}
	for _, o := range mpj.Objects {
		if !strings.Contains(prose, o.Name) {
			t.Errorf("nothing is said of %s", o.Name)
		}
	}
}

func firstDifference(have, want string) string {
	h, w := strings.Split(have, "\n"), strings.Split(want, "\n")
	for i := range min(len(h), len(w)) {
		if h[i] != w[i] {
			return fmt.Sprintf("line %d is %q, want %q", i+1, h[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(h), len(w))
}

func headerDoc() string { return diagram(mpj.HeaderFields) }

func flagsDoc() string {
	var b strings.Builder
	b.WriteString("| flag | value | in |\n|---|---|---|\n")
	for _, f := range mpj.HeaderFields {
		if f.Name != "flags" {
			continue
		}
		for _, v := range f.Values {
			var in []string
			for _, m := range mpj.Messages {
				if m.Flags&mpj.Flags(v.Number) != 0 {
					in = append(in, m.Name)
				}
			}
			fmt.Fprintf(&b, "| %s | 0x%04x | %s |\n", v.Name, v.Number, strings.Join(in, ", "))
		}
	}
	return b.String()
}

func messagesDoc() string {
	var b strings.Builder
	b.WriteString("| type | message | sent by | must carry | may carry | meaning |\n|---|---|---|---|---|---|\n")
	for _, m := range mpj.Messages {
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s | %s |\n", m.Type, m.Name, m.SentBy,
			orDash(m.Required.Names()), orDash(m.Optional.Names()), m.Text)
	}
	return b.String()
}

// bodiesDoc draws each message as what it consists of.
func bodiesDoc() string {
	const rule = "    +-------------------------------------------+--------------------+\n"
	var b strings.Builder
	for i, m := range mpj.Messages {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "%s (type %d), sent by: %s\n\n", m.Name, m.Type, m.SentBy)
		head := fmt.Sprintf("header, type %d", m.Type)
		if m.Flags != 0 {
			head += ", may have flag " + m.Flags.String()
		}
		row := func(what, size string) { fmt.Fprintf(&b, "    | %-41s | %12s bytes |\n%s", what, size, rule) }
		b.WriteString(rule)
		row(head, fmt.Sprint(mpj.HeaderLen))
		for bit := mpj.Present(1); bit <= mpj.HasPad; bit <<= 1 {
			switch name := bit.Names(); {
			case m.Required&bit != 0:
				row(name, objectSize(bit))
			case m.Optional&bit != 0:
				row("["+name+"]", objectSize(bit))
			}
		}
	}
	return b.String()
}

// objectSize returns the lengths that an object may have, header included:
// "12 or 24" of one with an address, "8-904" of one with a range.
func objectSize(bit mpj.Present) string {
	var sizes []string
	for _, o := range mpj.Objects {
		if o.Bit != bit {
			continue
		}
		size := fmt.Sprint(object.HeaderLen + o.MinLen)
		if o.MaxLen != o.MinLen {
			size = fmt.Sprintf("%d-%d", object.HeaderLen+o.MinLen, object.HeaderLen+o.MaxLen)
		}
		sizes = append(sizes, size)
	}
	return strings.Join(sizes, " or ")
}

// diagramsDoc draws each family of states; events with the same ends share an
// arrow, and what changes no state is left to the tables.
func diagramsDoc() string {
	var b strings.Builder
	for i, f := range stackmpj.Families() {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "%s:\n\n```mermaid\nstateDiagram-v2\n", f.Name)
		var arrows []string
		events := make(map[string][]string)
		for _, tr := range f.Transitions {
			if tr.State == tr.To {
				continue
			}
			arrow := tr.State + " --> " + tr.To
			if events[arrow] == nil {
				arrows = append(arrows, arrow)
			}
			events[arrow] = append(events[arrow], tr.Event)
		}
		for _, a := range arrows {
			fmt.Fprintf(&b, "    %s: %s\n", a, strings.Join(events[a], ", "))
		}
		b.WriteString("```\n")
	}
	return b.String()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func objectsDoc() string {
	var b strings.Builder
	b.WriteString("| class | C-Type | object | body in bytes | meaning |\n|---|---|---|---|---|\n")
	for _, o := range mpj.Objects {
		name, length := o.Name, fmt.Sprint(o.MinLen)
		if o.Form != "" {
			name += ", " + o.Form
		}
		if o.MaxLen != o.MinLen {
			length = fmt.Sprintf("%d-%d", o.MinLen, o.MaxLen)
		}
		fmt.Fprintf(&b, "| %d | %d | %s | %s | %s |\n", o.Class, o.CType, name, length, o.Text)
	}
	return b.String()
}

func layoutsDoc() string {
	var b strings.Builder
	seen := map[uint8]bool{}
	for _, o := range mpj.Objects {
		// Both address forms of an object differ in the address alone, the kinds of
		// user data not at all.
		if seen[o.Class] {
			continue
		}
		seen[o.Class] = true
		fmt.Fprintf(&b, "%s (class %d)", o.Name, o.Class)
		if o.Form == "IPv4" {
			b.WriteString(", IPv4; with C-Type 2 the address has 16 bytes")
		}
		b.WriteString(":\n\n" + diagram(o.Fields))
		for _, f := range o.Fields {
			if len(f.Values) == 0 || o.Class == mpj.ClassReason {
				continue
			}
			var values []string
			for _, v := range f.Values {
				values = append(values, fmt.Sprintf("%d %s", v.Number, v.Name))
			}
			fmt.Fprintf(&b, "\n%s: %s.\n", f.Name, strings.Join(values, ", "))
		}
		b.WriteString("\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// cell is the width of a byte in a diagram.
const cell = 14

// diagram draws fields in rows of 4 bytes.
func diagram(fields []mpj.Field) string {
	rule := "    " + strings.Repeat("+"+strings.Repeat("-", cell-1), 4) + "+\n"
	var b strings.Builder
	b.WriteString("     0             1             2             3\n" + rule)
	for i := 0; i < len(fields); {
		b.WriteString("    ")
		if f := fields[i]; f.Size == 0 || f.Size >= 4 && f.Offset%4 == 0 {
			fmt.Fprintf(&b, "|%s|\n%s", center(label(f), 4*cell-1), rule)
			i++
			continue
		}
		for used := 0; used < 4 && i < len(fields); i++ {
			size := min(fields[i].Size, 4-used)
			fmt.Fprintf(&b, "|%s", center(label(fields[i]), size*cell-1))
			used += size
			if rest := fields[i].Size - size; rest > 0 {
				fmt.Fprintf(&b, "|\n    |%s", center("", rest*cell-1))
			}
		}
		b.WriteString("|\n" + rule)
	}
	return b.String()
}

func label(f mpj.Field) string {
	switch {
	case f.Size == 0:
		return f.Name + " ..."
	case f.Size > 4:
		return fmt.Sprintf("%s (%d bytes)", f.Name, f.Size)
	case f.Kind == mpj.KindMS:
		return f.Name + " (ms)"
	}
	return f.Name
}

func center(s string, width int) string {
	left := max((width-len(s))/2, 0)
	return strings.Repeat(" ", left) + s + strings.Repeat(" ", max(width-left-len(s), 0))
}

func reasonsDoc() string {
	var b strings.Builder
	b.WriteString("| code | name | in | Winsock error at the receiver | meaning |\n|---|---|---|---|---|\n")
	for _, r := range mpj.Reasons {
		errno := "0 (graceful)"
		if r.Errno != 0 {
			errno = fmt.Sprintf("%d %s", uint32(r.Errno), r.Errno.Name())
		}
		fmt.Fprintf(&b, "| %d | %s | %v | %s | %s |\n", r.Code, r.Name, r.Code.Message(), errno, r.Text)
	}
	return b.String()
}

func timersDoc() string {
	var b strings.Builder
	b.WriteString("| timer | value |\n|---|---|\n")
	for _, row := range []struct {
		name  string
		value time.Duration
	}{
		{"first retransmission of JOIN, ACCEPT, LEAVE; then doubled", stackmpj.FirstRetransmit},
		{"greatest pause between retransmissions; JOIN after PENDING", stackmpj.MaxRetransmit},
		{"limit of a join, and of an unconfirmed ACCEPT", stackmpj.JoinLimit},
		{"HELLO interval, the least by default", stackmpj.HelloInterval},
		{"HELLO interval, added least for each leaf", stackmpj.HelloPerLeaf},
		{"tombstone", stackmpj.TombstoneLife},
	} {
		fmt.Fprintf(&b, "| %s | %v |\n", row.name, row.value)
	}
	b.WriteString("| hold time | 3.5 HELLO intervals |\n| jitter of HELLO | 0.5 to 1.5 intervals |\n")
	return b.String()
}

func limitsDoc() string {
	var b strings.Builder
	b.WriteString("| limit | value |\n|---|---|\n")
	for _, row := range []struct {
		name  string
		value int
	}{
		{"UDP payload of a message, bytes", mpj.MaxLen},
		{"header, bytes", mpj.HeaderLen},
		{"an object's header, bytes", object.HeaderLen},
		{"caller, callee or side data, bytes", mpj.MaxUserData},
		{"cookie, bytes", mpj.MaxCookie},
		{"associations of an endpoint, default", stackmpj.DefaultAssociations},
		{"tombstones of an endpoint, default; then the oldest is forgotten early", stackmpj.DefaultTombstones},
		{"listeners of an endpoint, default", stackmpj.DefaultListeners},
		{"backlog of a listener", stackmpj.MaxBacklog},
		{"REJECTs a second that leave no state, default", stackmpj.DefaultRefusalRate},
		{"LEAVEs with flag T a second, default", stackmpj.DefaultUnknownRate},
	} {
		fmt.Fprintf(&b, "| %s | %d |\n", row.name, row.value)
	}
	return b.String()
}

func statesDoc() string {
	var b strings.Builder
	for i, f := range stackmpj.Families() {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "### %s: %s\n\n", f.Name, strings.Join(f.States, ", "))
		b.WriteString("| state | event | next | actions | why |\n|---|---|---|---|---|\n")
		for _, tr := range f.Transitions {
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", tr.State, tr.Event, tr.To, actions(tr), tr.Reason)
		}
	}
	return b.String()
}

// actions returns a transition's actions, with the code and error that are its
// own.
func actions(tr stackmpj.Transition) string {
	s := orDash(strings.Join(tr.Actions, ", "))
	var own []string
	if tr.Code != 0 {
		own = append(own, tr.Code.String())
	}
	if tr.WSA != winsock.Errno(0) {
		own = append(own, tr.WSA.Name())
	}
	if len(own) > 0 {
		s += " (" + strings.Join(own, ", ") + ")"
	}
	return s
}
