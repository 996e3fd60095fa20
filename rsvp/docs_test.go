package rsvp_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/wire/object"
)

const document = "../docs/rsvp-objects.md"

// TestDocument: docs/rsvp-objects.md is what the registry says.
// MPSTACK_UPDATE=1 rewrites it.
func TestDocument(t *testing.T) {
	text := describe()
	if os.Getenv("MPSTACK_UPDATE") == "1" {
		if err := os.WriteFile(document, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(string(b), "\n"), strings.Split(text, "\n")); d != "" {
		t.Errorf("%s differs from the registry (MPSTACK_UPDATE=1 rewrites it; -file +registry):\n%s", document, d)
	}
}

const preface = `# RSVP messages and objects

What package ` + "`rsvp`" + ` reads and writes. This text is generated from its registry
(` + "`rsvp.Messages`, `rsvp.Classes`" + `); a test fails when they differ, and
` + "`MPSTACK_UPDATE=1 go test ./rsvp`" + ` rewrites it.

Every message is decoded into one ` + "`rsvp.Message`" + `, and encodes to the same bytes.
Objects of unknown classes are kept as they are. All numbers are big-endian.

## Messages

In *required* and *allowed* stand the objects that a message must and may carry. NULL
objects may be anywhere and are ignored.

`

const classesIntro = `
## Objects

*Length* is that of the object with its header of 4 bytes, in bytes. *Kept* classes
have no field in ` + "`rsvp.Message`" + `: they are checked and kept in ` + "`Other`" + `, or with the
FILTER_SPEC that they follow, and read by a function of their own. *Elsewhere* is what
a node that does not know the class does with it (RFC 2205 section 3.10): reject the
message, ignore the object, or forward it unread.

`

// describe returns the document.
func describe() string {
	var b strings.Builder
	b.WriteString(preface)
	b.WriteString("| type | name | RFC | required | allowed |\n|---|---|---|---|---|\n")
	for i, m := range rsvp.Messages {
		if m.Name == "" {
			continue
		}
		typ := rsvp.MessageType(i)
		required, allowed := messageClasses(typ)
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s |\n", i, m.Name, m.RFC, required, allowed)
	}
	b.WriteString("\nA Bundle has no objects but whole messages, one after the other, and no Bundle among\nthem. In a Notify, everything from the first SESSION on is kept unread.\n")
	b.WriteString(classesIntro)
	for c, info := range rsvp.Classes {
		if info.Name == "" {
			continue
		}
		fmt.Fprintf(&b, "### %d %s\n\n%s.", c, info.Name, info.RFC)
		if rsvp.Class(c) != rsvp.ClassNull {
			fmt.Fprintf(&b, " Elsewhere: %v.", object.UnknownPolicy(uint8(c)))
		}
		if info.Kept {
			b.WriteString(" Kept.")
		}
		fmt.Fprintf(&b, " In: %s.\n\n", messagesOf(info.Allowed))
		if len(info.CTypes) > 0 {
			b.WriteString("| C-Type | name | length | contents |\n|---|---|---|---|\n")
		}
		for _, ct := range info.CTypes {
			name := ct.Name
			if ct.RFC != "" {
				name = strings.TrimSpace(name + " (" + ct.RFC + ")")
			}
			fmt.Fprintf(&b, "| %d | %s | %s | %s |\n", ct.CType, name, lengthOf(ct), contents(ct))
		}
		if len(info.CTypes) > 0 {
			b.WriteString("\n")
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// messageClasses lists the classes that a message must carry and those that it
// may carry beside.
func messageClasses(t rsvp.MessageType) (required, allowed string) {
	var must, may []string
	for _, info := range rsvp.Classes {
		switch {
		case info.Name == "" || info.Name == "NULL":
		case info.Required.Has(t):
			must = append(must, info.Name)
		case info.Allowed.Has(t):
			may = append(may, info.Name)
		}
	}
	return strings.Join(must, ", "), strings.Join(may, ", ")
}

func messagesOf(s rsvp.MessageSet) string {
	var names []string
	for i, m := range rsvp.Messages {
		if s.Has(rsvp.MessageType(i)) {
			names = append(names, m.Name)
		}
	}
	return strings.Join(names, ", ")
}

func lengthOf(ct rsvp.CType) string {
	switch size := sizeOf(ct.Items); {
	case ct.Min == ct.Max:
		return fmt.Sprint(ct.Min + object.HeaderLen)
	case size > 0:
		return fmt.Sprintf("%d + %dn, at least %d", sizeOf(ct.Fields)+object.HeaderLen, size, ct.Min+object.HeaderLen)
	}
	return fmt.Sprintf("at least %d", ct.Min+object.HeaderLen)
}

func sizeOf(fields []rsvp.Field) (n int) {
	for _, f := range fields {
		n += f.Size
	}
	return n
}

// contents lists fields with their sizes, items in brackets, then the tail.
func contents(ct rsvp.CType) string {
	list := fieldList(ct.Fields)
	if len(ct.Items) > 0 {
		list = append(list, "["+strings.Join(fieldList(ct.Items), ", ")+"] …")
	}
	if ct.Tail != rsvp.TailNone {
		list = append(list, "then "+ct.Tail.String())
	}
	return strings.Join(list, ", ")
}

func fieldList(fields []rsvp.Field) (list []string) {
	for _, f := range fields {
		if f.Kind == rsvp.KindUnused {
			list = append(list, fmt.Sprintf("*unused* (%d)", f.Size))
			continue
		}
		list = append(list, fmt.Sprintf("%s (%d, %v)", f.Name, f.Size, f.Kind))
	}
	return list
}
