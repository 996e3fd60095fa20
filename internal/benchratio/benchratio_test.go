package benchratio

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// handmade makes the clock one that work alone moves.
func handmade(t *testing.T) (work func(n int) func()) {
	at := time.Unix(0, 0)
	now = func() time.Time { return at }
	t.Cleanup(func() { now = time.Now })
	return func(n int) func() {
		return func() { at = at.Add(time.Duration(n)) }
	}
}

// TestRatio: a third of the work takes a third of the time, whichever side is
// measured first; a side that is disturbed in few rounds does not count.
func TestRatio(t *testing.T) {
	work := handmade(t)
	e := Effort{Rounds: 15, Slice: 200 * time.Microsecond}
	if r := e.Ratio(work(1000), work(3000)); math.Abs(r-1./3) > 1e-9 {
		t.Errorf("ratio %v, want 1/3", r)
	}
	calls := 0
	disturbed := func() {
		if calls++; calls%1000 == 0 {
			work(1e9)()
		}
		work(1000)()
	}
	if r := e.Ratio(disturbed, work(3000)); r > 0.5 {
		t.Errorf("ratio %v with few disturbed rounds", r)
	}
}

// TestLines: each result is a line of four words.
func TestLines(t *testing.T) {
	work := handmade(t)
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
