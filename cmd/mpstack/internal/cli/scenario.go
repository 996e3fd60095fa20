package cli

import (
	"bytes"
	"context"
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
	var unwritten error
	if p.pcap != nil {
		w, err := capture.NewWriter(p.pcap)
		if err != nil {
			return nil, usage("cannot write the capture: %w", err)
		}
		opt.Frame = func(f wire.Frame) {
			if unwritten == nil {
				unwritten = w.WriteFrame(f)
			}
		}
	}
	res, err := scenario.Run(ctx, p.sc, opt)
	switch {
	case errors.Is(err, context.Canceled):
		return res, &statusError{statusFinding, errInterrupted{p.sc.Name}}
	case errors.Is(err, netns.ErrUnavailable):
		return res, missing("%v", err)
	case err != nil:
		return res, finding("%v", err)
	case unwritten != nil:
		return res, usage("cannot write the capture: %w", unwritten)
	}
	return res, nil
}

// errInterrupted says that a signal ended a scenario.
type errInterrupted struct{ scenario string }

func (e errInterrupted) Error() string { return e.scenario + ": interrupted" }

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
			_, _ = p.json.Write(entryJSON(p.sc.Name, e))
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

// entryJSON renders an entry as a JSON line.
func entryJSON(name string, e scenario.Entry) []byte {
	return jsonLine("entry", e.At.UTC(), field{"scenario", name}, field{"kind", e.Kind},
		field{"node", e.Node}, field{"text", e.Text}, field{"bad", e.Bad})
}

// resultJSON renders the outcome of a scenario as a JSON line.
func resultJSON(res *scenario.Result, diff string) []byte {
	problems := problems(res)
	if problems == nil {
		problems = []string{}
	}
	return jsonLine("result", res.End.UTC(), field{"scenario", res.Scenario.Name}, field{"on", res.On}, field{"seed", res.Seed},
		field{"ok", res.OK() && diff == ""}, field{"checks", len(res.Checks)}, field{"failed", res.Failed()},
		field{"frames", len(res.Frames)}, field{"problems", problems}, field{"diff", diff})
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

// enterNetns makes sure that namespaces can be made: where this process may
// not, it runs the whole command again in a user namespace, and ran is true
// with the status of that.
func (p *program) enterNetns() (ran bool, err error) {
	err = netns.CanNetns()
	if err == nil {
		return false, nil
	}
	if netns.InUserNS() {
		return false, missing("%v", err)
	}
	status, refused := netns.ReexecInUserNS(p.args...)
	switch {
	case refused != nil && os.Geteuid() == 0: // root without privileges, as in a container
		return false, missing("%v", err)
	case refused != nil:
		return false, missing("%v", refused)
	case status != 0:
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
	return tapToVeth(sc), fmt.Sprintf("TAP devices are refused here, so veth takes their place: %v", err)
}

// tapToVeth returns a copy of the scenario whose TAP ports are on veth.
func tapToVeth(sc *scenario.Scenario) *scenario.Scenario {
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
	return &c
}
