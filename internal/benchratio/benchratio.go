// Package benchratio measures how fast something is beside something else, in
// the same run: absolute figures move with the machine and its load, ratios
// hold. Benchmarks print what it finds; it fails no test.
//
// A ratio is measured interleaved: both sides run in turn, for a few
// milliseconds each and in alternating order, many times; the median of the
// rounds' ratios counts. With -benchtime=1x, which only asks whether benchmarks
// run, rounds are few and short.
//
// Each result is one line of words that are separated by spaces:
//
//	name measured target PASS|FAIL|INFO
package benchratio

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"time"
)

// Printed is where lines go: the standard output of the benchmark's process.
var Printed = os.Stdout

// now is the clock; tests have one of their own.
var now = time.Now

// Effort says how long to measure.
type Effort struct {
	Rounds int
	Slice  time.Duration // for each side in a round
}

// effort follows -benchtime.
func effort() Effort {
	if f := flag.Lookup("test.benchtime"); f != nil && f.Value.String() == "1x" {
		return Effort{Rounds: 3, Slice: 50 * time.Microsecond}
	}
	return Effort{Rounds: 41, Slice: 4 * time.Millisecond}
}

// AtMost prints the ratio of ours to theirs, and whether it is at most target.
func AtMost(name string, target float64, ours, theirs func()) {
	r := effort().Ratio(ours, theirs)
	Line(name, fmt.Sprintf("%.3f", r), fmt.Sprintf("<=%.2f", target), verdict(r <= target))
}

// Compare prints the ratio of ours to theirs, of which nothing is asked.
func Compare(name string, ours, theirs func()) {
	Line(name, fmt.Sprintf("%.3f", effort().Ratio(ours, theirs)), "-", "INFO")
}

func verdict(ok bool) string {
	if ok {
		return "PASS"
	}
	return "FAIL"
}

// Line prints one result.
func Line(name, measured, target, verdict string) {
	fmt.Fprintf(Printed, "%-44s %12s %8s %s\n", name, measured, target, verdict)
}

// Ratio returns the median over the rounds of the time that ours takes by the
// time that theirs takes.
func (e Effort) Ratio(ours, theirs func()) float64 {
	n, m := e.calibrate(ours), e.calibrate(theirs)
	ratios := make([]float64, e.Rounds)
	for i := range ratios {
		var a, b float64
		if i%2 == 0 {
			a = each(ours, n)
			b = each(theirs, m)
		} else {
			b = each(theirs, m)
			a = each(ours, n)
		}
		ratios[i] = a / b
	}
	slices.Sort(ratios)
	return ratios[len(ratios)/2]
}

// calibrate returns how often f runs in one slice, at least once.
func (e Effort) calibrate(f func()) int {
	n := 1
	for {
		took := each(f, n) * float64(n)
		if took >= float64(e.Slice)/2 || n > 1<<28 {
			return max(1, int(float64(n)*float64(e.Slice)/max(took, 1)))
		}
		n *= 4
	}
}

// each returns the nanoseconds that a call of f takes, over n calls.
func each(f func(), n int) float64 {
	start := now()
	for range n {
		f()
	}
	return float64(max(now().Sub(start), 1)) / float64(n)
}
