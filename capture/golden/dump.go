package golden

import (
	"fmt"
	"strings"
)

// firstDifference returns the offset of the first byte that differs.
func firstDifference(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// Lines of a dump and how many of them surround the difference.
const (
	dumpLine    = 16
	dumpContext = 1
)

// dump shows the bytes of both sides around an offset; below them, what
// differs is marked.
func dump(want, got []byte, at int) string {
	var b strings.Builder
	first := max(at/dumpLine-dumpContext, 0)
	for line := first; line <= at/dumpLine+dumpContext; line++ {
		start := line * dumpLine
		w, g := slice(want, start), slice(got, start)
		if len(w) == 0 && len(g) == 0 {
			break
		}
		if string(w) == string(g) {
			fmt.Fprintf(&b, "    both   %04x  %s\n", start, hexLine(w))
			continue
		}
		fmt.Fprintf(&b, "    golden %04x  %s\n", start, hexLine(w))
		fmt.Fprintf(&b, "    got    %04x  %s\n", start, hexLine(g))
		fmt.Fprintf(&b, "                 %s\n", marks(w, g))
	}
	return b.String()
}

func slice(b []byte, start int) []byte {
	if start >= len(b) {
		return nil
	}
	return b[start:min(start+dumpLine, len(b))]
}

// hexLine returns the bytes in hexadecimal and as text.
func hexLine(b []byte) string {
	var text strings.Builder
	for _, c := range b {
		if c < ' ' || c > '~' {
			c = '.'
		}
		text.WriteByte(c)
	}
	return fmt.Sprintf("%-*s  %s", 3*dumpLine-1, fmt.Sprintf("% x", b), text.String())
}

// marks points at the bytes that differ, or that one side does not have.
func marks(w, g []byte) string {
	var b strings.Builder
	for i := range max(len(w), len(g)) {
		if i < len(w) && i < len(g) && w[i] == g[i] {
			b.WriteString("   ")
		} else {
			b.WriteString("^^ ")
		}
	}
	return strings.TrimRight(b.String(), " ")
}
