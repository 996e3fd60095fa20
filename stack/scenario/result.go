package scenario

import (
	"fmt"
	"io"
	"time"

	"github.com/mpstack/mpstack/capture"
	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack"
	"github.com/mpstack/mpstack/stack/winsock"
	"github.com/mpstack/mpstack/wire"
)

// Kinds of timeline entries.
const (
	EntryStep  = "step"  // a step's heading
	EntryCall  = "call"  // what a call did, or what a socket was told
	EntryWire  = "wire"  // a frame worth telling of
	EntryCheck = "check" // an expectation
)

// Entry is one line of the timeline.
type Entry struct {
	At   machine.Time
	Kind string // an Entry constant
	Node string // empty for what belongs to none
	Text string
	Bad  bool // a failed expectation or call, or a lost frame
}

// String returns the entry in one line, without its time.
func (e Entry) String() string {
	if e.Node == "" {
		return e.Text
	}
	return e.Node + ": " + e.Text
}

// Check is the outcome of one expectation.
type Check struct {
	At   machine.Time
	Step int    // index in Scenario.Steps
	Node string // where it was looked at
	Text string // what was expected
	OK   bool
	Got  string // what came instead; empty where OK
}

// String returns the outcome in one line.
func (c Check) String() string {
	if c.OK {
		return "ok: " + c.Node + ": " + c.Text
	}
	return "FAILED: " + c.Node + ": " + c.Text + "; got " + c.Got
}

// SocketResult is what one socket sent, received and was told.
type SocketResult struct {
	Node, Socket string
	Sent         int
	Tally
	QOS    []QOSIndication
	Closed bool          // FD_CLOSE came
	Code   winsock.Errno // with this code
}

// QOSIndication is one answer of the network about a socket's flow.
type QOSIndication struct {
	At machine.Time
	stack.QOSStatus
}

// NodeCounters are the counters of one node that are not zero.
type NodeCounters struct {
	Node     string
	Counters []stack.Counter
}

// Result is what came of a run.
type Result struct {
	Scenario *Scenario
	On       string // the substrate
	Seed     uint64
	Start    machine.Time
	End      machine.Time // after the network came to rest
	Checks   []Check
	Timeline []Entry
	Frames   []wire.Frame // each once, in the order of time
	Sockets  []SocketResult
	Counters []NodeCounters
	Findings []string // what else is wrong: steps not run, faults that met no frame, what was left
}

// OK reports whether every expectation came true and nothing else was found.
func (r *Result) OK() bool { return r.Failed() == 0 && len(r.Findings) == 0 }

// Failed returns how many expectations failed.
func (r *Result) Failed() int {
	n := 0
	for _, c := range r.Checks {
		if !c.OK {
			n++
		}
	}
	return n
}

// Summary returns the outcome in one line.
func (r *Result) Summary() string {
	verdict, clock := "passed", "real"
	if r.On == OnMem {
		clock = "simulated"
	}
	if !r.OK() {
		verdict = "FAILED"
	}
	s := fmt.Sprintf("%s on %s, seed %d: %s: %d of %d expectations, %d frames, %v of %s time",
		r.Scenario.Name, r.On, r.Seed, verdict, len(r.Checks)-r.Failed(), len(r.Checks), len(r.Frames),
		r.End.Sub(r.Start).Round(time.Millisecond), clock)
	if n := len(r.Findings); n > 0 {
		s += fmt.Sprintf(", %d findings", n)
	}
	return s
}

// WriteCapture writes the frames as pcapng.
func (r *Result) WriteCapture(w io.Writer) error {
	c, err := capture.NewWriter(w)
	if err != nil {
		return err
	}
	for _, f := range r.Frames {
		if err := c.WriteFrame(f); err != nil {
			return err
		}
	}
	return nil
}
