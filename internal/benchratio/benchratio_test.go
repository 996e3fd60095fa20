package benchratio

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// work keeps the processor busy for n steps.
func work(n int) func() {
	x := 0
	return func() {
		for i := range n {
			x += i ^ x
		}
	}
}

// TestRatio: a third of the work takes about a third of the time.
func TestRatio(t *testing.T) {
	e := Effort{Rounds: 15, Slice: 200 * time.Microsecond}
	if r := e.Ratio(work(1000), work(3000)); r < 0.05 || r > 0.8 {
		t.Errorf("ratio %.3f, about 0.333 was due", r)
	}
}

// TestLines: each result is a line of four words.
func TestLines(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "lines"))
	if err != nil {
		t.Fatal(err)
	}
	old := Printed
	Printed = file
	defer func() { Printed = old }()
	AtMost("name/of-it", 1000, work(10), work(1000))
	AtMost("other", 0.000001, work(10), work(1000))
	Compare("only", work(10), work(10))
	Line("frames/s", "12345", "-", "INFO")
	b, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`^name/of-it +\d+\.\d{3} +<=1000\.00 PASS
other +\d+\.\d{3} +<=0\.00 FAIL
only +\d+\.\d{3} +- INFO
frames/s +12345 +- INFO
$`)
	if !want.Match(b) {
		t.Errorf("%s", b)
	}
	for line := range strings.Lines(string(b)) {
		if len(strings.Fields(line)) != 4 {
			t.Errorf("%q", line)
		}
	}
}
