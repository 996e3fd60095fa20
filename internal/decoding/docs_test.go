package decoding

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mpstack/mpstack/capture/capturetest"
	"github.com/mpstack/mpstack/wire"
)

// frame returns data as a frame.
func frame(data []byte) wire.Frame { return wire.Frame{Data: data} }

// checkDoc compares the part of docs/decoding.md between the markers of a name
// with want. MPSTACK_UPDATE=1 rewrites it.
func checkDoc(t *testing.T, name, want string) {
	t.Helper()
	file := filepath.Join(capturetest.ModuleRoot(t), "docs", "decoding.md")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- generated: "+name+" -->\n", "<!-- end: "+name+" -->\n"
	before, rest, ok := strings.Cut(string(b), begin)
	have, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("docs/decoding.md has no markers for %q", name)
	}
	want = "\n" + want + "\n"
	if have == want {
		return
	}
	if os.Getenv("MPSTACK_UPDATE") == "1" {
		if err := os.WriteFile(file, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("docs/decoding.md is stale (MPSTACK_UPDATE=1 go test ./internal/decoding rewrites it): %s", difference(have, want))
}

func difference(have, want string) string {
	h, w := strings.Split(have, "\n"), strings.Split(want, "\n")
	for i := range min(len(h), len(w)) {
		if h[i] != w[i] {
			return fmt.Sprintf("%q, want %q", h[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(h), len(w))
}

// TestDecodersDoc keeps the table of decoders.
func TestDecodersDoc(t *testing.T) {
	var b strings.Builder
	b.WriteString("| decoder | reads | memory for n bytes of input | fuzz target |\n|---|---|---|---|\n")
	for i := range decoders {
		d := &decoders[i]
		bound := fmt.Sprintf("%d n + %d", d.bound(1)-d.bound(0), d.bound(0))
		if d.why != "" {
			bound += ": " + d.why
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", d.name, d.reads, bound, d.target())
	}
	checkDoc(t, "decoders", b.String())
}
