//go:build netns

package reference_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

const docFile = "../../../docs/kernel-reference.md"

// document is docs/kernel-reference.md: text by hand, and between markers the
// tables.
type document struct {
	text    string
	release string             // of the kernel whose answers it has
	answers map[string]answers // by area and row
}

func readDocument() (*document, error) {
	b, err := os.ReadFile(docFile)
	if err != nil {
		return nil, err
	}
	d := &document{text: string(b), answers: make(map[string]answers)}
	d.release, _, _ = strings.Cut(strings.TrimPrefix(strings.TrimSpace(d.part("kernel")), "Linux "), ": ")
	for _, a := range areas() {
		for _, line := range strings.Split(d.part(a.key), "\n") {
			cells := strings.Split(strings.Trim(line, "| "), " | ")
			if len(cells) == 5 {
				d.answers[a.key+"/"+cells[0]] = answers{ours: unmarked(cells[2]), linux: unmarked(cells[3])}
			}
		}
	}
	return d, nil
}

// agrees reports whether the document has the answers to x, or does not know
// the question. On another kernel Linux's answer does not count.
func (d *document) agrees(x *result, release string) bool {
	known, ok := d.answers[x.key()]
	return !ok || known.ours == x.ours && (known.linux == x.linux || release != d.release)
}

func markers(key string) (begin, end string) {
	return "<!-- generated: " + key + " -->\n", "<!-- end: " + key + " -->\n"
}

// part returns what is between the markers of a key.
func (d *document) part(key string) string {
	begin, end := markers(key)
	_, rest, _ := strings.Cut(d.text, begin)
	part, _, _ := strings.Cut(rest, end)
	return part
}

// replace returns text with another part between the markers of a key.
func replace(t *testing.T, text, key, part string) string {
	begin, end := markers(key)
	before, rest, ok := strings.Cut(text, begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no markers for %q", docFile, key)
	}
	return before + begin + "\n" + part + "\n" + end + after
}

// compare holds the results to the document, and rewrites it where the
// environment asks for it.
func (d *document) compare(t *testing.T, release string, results []*result) {
	update := os.Getenv("MPSTACK_UPDATE") == "1"
	if release != d.release && !update {
		d.otherKernel(t, release, results)
		release = d.release
	}
	for _, x := range results {
		switch equal := x.answers.equal(x.row); {
		case !equal && x.why == "":
			t.Errorf("%s: no explanation: ours %q, Linux %q, expected %q", x.key(), x.ours, x.linux, x.want)
		case equal && x.why != "":
			t.Errorf("%s: explains a difference that is not there any more", x.key())
		}
	}
	want := replace(t, d.text, "kernel", "Linux "+release+": "+census(results)+"\n")
	for _, a := range areas() {
		want = replace(t, want, a.key, table(a, results))
	}
	if want == d.text {
		return
	}
	if update {
		if err := os.WriteFile(docFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("%s says something else (MPSTACK_UPDATE=1 rewrites it): %s", docFile, firstDifference(d.text, want))
}

// census counts.
func census(results []*result) string {
	var same, ours, linux int
	for _, x := range results {
		if x.ours == x.linux {
			same++
		}
		if !slices.Contains(x.want, x.ours) {
			ours++
		}
		if !slices.Contains(x.want, x.linux) {
			linux++
		}
	}
	return fmt.Sprintf("%d questions, %d with the same answer from both; %d answers of ours and %d of Linux are not among the expected ones.",
		len(results), same, ours, linux)
}

// otherKernel puts the document's Linux in place of the running one, and says
// where they differ.
func (d *document) otherKernel(t *testing.T, release string, results []*result) {
	t.Logf("this is Linux %s, the document tells of %s: Linux's column is not held to account", release, d.release)
	for _, x := range results {
		known, ok := d.answers[x.key()]
		if ok && known.linux != x.linux {
			t.Logf("%s: %q here, %q there", x.key(), x.linux, known.linux)
			x.linux = known.linux
		}
	}
}

func firstDifference(have, want string) string {
	h, w := strings.Split(have, "\n"), strings.Split(want, "\n")
	for i := range min(len(h), len(w)) {
		if h[i] != w[i] {
			return fmt.Sprintf("line %d is\n%s\nwant\n%s", i+1, h[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(h), len(w))
}

// table is the table of an area with its notes.
func table(a area, results []*result) string {
	var b strings.Builder
	b.WriteString("| asked | source | ours | Linux | expected |\n|---|---|---|---|---|\n")
	notes := make(map[string][]string) // the rows that an explanation is for
	var order []string
	for _, x := range results {
		if x.area != a.key {
			continue
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", x.name, x.source, marked(x.ours, x.row), marked(x.linux, x.row), strings.Join(x.want, " *or* "))
		if x.why == "" {
			continue
		}
		if notes[x.why] == nil {
			order = append(order, x.why)
		}
		notes[x.why] = append(notes[x.why], "*"+x.name+"*")
	}
	if order != nil {
		b.WriteString("\nUnequal:\n\n")
	}
	for _, why := range order {
		fmt.Fprintf(&b, "- %s: %s\n", strings.Join(notes[why], "; "), why)
	}
	return b.String()
}

// marked is an answer, in bold where it is not an expected one.
func marked(answer string, r row) string {
	for _, w := range r.want {
		if answer == w {
			return answer
		}
	}
	return "**" + answer + "**"
}

func unmarked(cell string) string { return strings.Trim(cell, "*") }
