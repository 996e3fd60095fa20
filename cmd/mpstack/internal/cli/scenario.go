package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/mpstack/mpstack/capture"
	"github.com/mpstack/mpstack/capture/golden"
	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/internal/netns"
	"github.com/mpstack/mpstack/stack/scenario"
	"github.com/mpstack/mpstack/wire"
)

// play is one run of a scenario with what the user sees of it.
type play struct {
	sc    *scenario.Scenario
	on    string
	seed  *uint64
	lines io.Writer // the timeline; nil: none
	json  io.Writer // the timeline as JSON lines; nil: none
	pcap  io.Writer // the capture as it happens; nil: none
}

// run runs the scenario. The error has an exit status.
func (p *play) run(ctx context.Context) (*scenario.Result, error) {
	opt := scenario.Options{On: p.on, Seed: p.seed, Line: p.line()}
	if p.pcap != nil {
		w, err := capture.NewWriter(p.pcap)
		if err != nil {
			return nil, usage("cannot write the capture: %v", err)
		}
		var failed error
		opt.Frame = func(f wire.Frame) {
			if failed == nil {
				failed = w.WriteFrame(f)
			}
		}
		defer func() {
			if failed != nil && p.lines != nil {
				fmt.Fprintf(p.lines, "the capture is not whole: %v\n", failed)
			}
		}()
	}
	res, err := scenario.Run(ctx, p.sc, opt)
	switch {
	case err == nil:
		return res, nil
	case errors.Is(err, context.Canceled):
		return res, finding("%s: interrupted", p.sc.Name)
	case errors.Is(err, netns.ErrUnavailable):
		return res, missing("%v", err)
	}
	return res, finding("%v", err)
}

// line returns what shows an entry of the timeline.
func (p *play) line() func(scenario.Entry) {
	var start machine.Time
	return func(e scenario.Entry) {
		if start == 0 {
			start = e.At
		}
		if p.lines != nil {
			fmt.Fprintln(p.lines, entryLine(e, e.At.Sub(start)))
		}
		if p.json != nil {
			writeJSON(p.json, struct {
				V    int    `json:"v"`
				Type string `json:"type"`
				Time string `json:"time"`
				Kind string `json:"kind"`
				Node string `json:"node,omitempty"`
				Text string `json:"text"`
				Bad  bool   `json:"bad,omitempty"`
			}{1, "entry", e.At.String(), e.Kind, e.Node, e.Text, e.Bad})
		}
	}
}

// entryLine renders an entry of the timeline: seconds since the start, the
// node, what happened.
func entryLine(e scenario.Entry, since time.Duration) string {
	if e.Kind == scenario.EntryStep && e.Node == "" {
		return "\n" + e.Text
	}
	mark := " "
	switch {
	case e.Bad:
		mark = "!"
	case e.Kind == scenario.EntryCheck:
		mark = "+"
	}
	return fmt.Sprintf("%s%9.4f  %-7s %s", mark, since.Seconds(), e.Node, e.Text)
}

// problems lists what went wrong in a run.
func problems(res *scenario.Result) []string {
	var all []string
	for _, c := range res.Checks {
		if !c.OK {
			all = append(all, c.String())
		}
	}
	return append(all, res.Findings...)
}

// pcapBytes returns the run's capture.
func pcapBytes(res *scenario.Result) ([]byte, error) {
	var b bytes.Buffer
	if err := res.WriteCapture(&b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// compareGolden compares a run's capture with a golden one: byte by byte on
// mem, by structure on real interfaces. It returns what differs, for a reader;
// empty: nothing.
func compareGolden(res *scenario.Result, want []byte) (string, error) {
	findings, err := res.Compare(want)
	if err != nil {
		return "", err
	}
	return golden.Report(findings), nil
}

// openPcap opens the --pcap target: a file, "-" for standard output, "" for
// none.
func openPcap(name string, stdout io.Writer) (io.Writer, func() error, error) {
	switch name {
	case "":
		return nil, func() error { return nil }, nil
	case "-":
		return stdout, func() error { return nil }, nil
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, nil, usage("--pcap: %v", err)
	}
	return f, f.Close, nil
}

// enterNetns makes sure that namespaces can be made: where this process may
// not, it runs the whole command again in a user namespace, and ran is true
// with the status of that.
func enterNetns(args []string) (ran bool, err error) {
	err = netns.CanNetns()
	if err == nil || netns.InUserNS() || os.Geteuid() == 0 {
		if err != nil {
			return false, missing("%v", err)
		}
		return false, nil
	}
	status, err := netns.ReexecInUserNS(args...)
	if err != nil {
		return false, missing("%v", err)
	}
	if status != 0 {
		return true, &statusError{status, errShown}
	}
	return true, nil
}

// withoutTAP returns the scenario as it is where TAP devices can be made, else
// a copy whose TAP ports are on veth, and a note for the reader.
func withoutTAP(sc *scenario.Scenario) (*scenario.Scenario, string) {
	hasTAP := func(n scenario.Node) bool {
		return slices.ContainsFunc(n.Ports, func(p scenario.Port) bool { return p.Backend == scenario.BackendTap })
	}
	if !slices.ContainsFunc(sc.Nodes, hasTAP) {
		return sc, ""
	}
	err := netns.CanTAP()
	if err == nil {
		return sc, ""
	}
	c := *sc
	c.Nodes = slices.Clone(sc.Nodes)
	for i := range c.Nodes {
		c.Nodes[i].Ports = slices.Clone(c.Nodes[i].Ports)
		for j := range c.Nodes[i].Ports {
			if p := &c.Nodes[i].Ports[j]; p.Backend == scenario.BackendTap {
				p.Backend = scenario.BackendRaw
			}
		}
	}
	return &c, fmt.Sprintf("TAP devices are refused here, so veth takes their place: %v", err)
}

// writeJSON writes v as one line.
func writeJSON(w io.Writer, v any) { _ = json.NewEncoder(w).Encode(v) }
