package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/mpstack/mpstack/stack/scenario"
	"github.com/mpstack/mpstack/testdata"
)

func (p *program) newDemo() *cobra.Command {
	d := demo{program: p}
	var (
		inNetns bool
		seed    uint64
	)
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run a root, two leaves, a router and a plain receiver",
		Long: `demo runs one root, two leaves, one router and one ordinary UDP receiver, over
IPv4 and IPv6: the leaves join with caller data and flowspecs and get callee
data back, RSVP reserves for them, multicast data flows, all leave. It prints
what happens as it happens and compares the capture with the golden one that is
built in; in simulation with another seed it runs twice and compares the two.

Without --netns everything is simulated, in virtual time and without privilege.
With --netns every node has a network namespace of its own, which vanishes with
this process; it needs root or user namespaces.

Exit status: 0 all good; 1 something differs or was interrupted; 2 the capture
cannot be written; 3 namespaces cannot be made.`,
		Example: `  mpstack demo
  mpstack demo --pcap demo.pcapng --seed 7
  mpstack demo --netns --pcap - | wireshark -k -i -`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("seed") {
				d.seed = &seed
			}
			ctx, stop := orderly(cmd)
			defer stop()
			if inNetns {
				return d.onNetns(ctx)
			}
			return d.onMem(ctx)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&inNetns, "netns", false, "on real interfaces, in network namespaces")
	f.StringVar(&d.pcap, "pcap", "", "write the capture to `FILE`; - is standard output, the rest then goes to standard error")
	f.Uint64Var(&seed, "seed", 1, "seed `N` of every random stream")
	complete(cmd, "seed")
	return cmd
}

// demo is one call of the command.
type demo struct {
	*program
	pcap string
	seed *uint64 // nil: the scenario's own
}

// lines is where the timeline goes.
func (d *demo) lines() io.Writer { return d.besides(d.pcap) }

// play runs the scenario once, timeline and all.
func (d *demo) play(ctx context.Context, sc *scenario.Scenario, on string) (*scenario.Result, error) {
	w, closePcap, err := d.openPcap(d.pcap)
	if err != nil {
		return nil, err
	}
	p := play{sc: sc, on: on, seed: d.seed, lines: d.lines(), pcap: w}
	res, err := p.run(ctx)
	if closeErr := closePcap(); closeErr != nil && err == nil {
		err = usage("--pcap: %v", closeErr)
	}
	return res, err
}

// scenario returns the scenario that is built in.
func (d *demo) scenario() (*scenario.Scenario, error) {
	return scenario.Parse(testdata.DemoName, testdata.DemoScenario)
}

func (d *demo) onMem(ctx context.Context) error {
	sc, err := d.scenario()
	if err != nil {
		return err
	}
	res, err := d.play(ctx, sc, scenario.OnMem)
	if err != nil {
		return err
	}
	if d.seed == nil || *d.seed == sc.Seed {
		diff, err := compareGolden(res, testdata.DemoGolden)
		return d.conclude(res, "the capture equals its golden byte for byte", diff, err)
	}
	again, err := (&play{sc: sc, on: scenario.OnMem, seed: d.seed}).run(ctx)
	if err != nil {
		return err
	}
	diff, err := sameCapture(res, again)
	return d.conclude(res, "a second run with the same seed gave the same capture", diff, err)
}

// sameCapture compares the captures of two runs.
func sameCapture(a, b *scenario.Result) (string, error) {
	want, err := pcapBytes(a)
	if err != nil {
		return "", err
	}
	got, err := pcapBytes(b)
	if err != nil || bytes.Equal(want, got) {
		return "", err
	}
	return compareGolden(b, want)
}

func (d *demo) onNetns(ctx context.Context) error {
	if ran, err := d.enterNetns(); ran || err != nil {
		return err
	}
	sc, err := d.scenario()
	if err != nil {
		return err
	}
	sc, note := withoutTAP(sc)
	if note != "" {
		fmt.Fprintln(d.lines(), note)
	}
	res, err := d.play(ctx, sc, scenario.OnNetns)
	if err != nil {
		return err
	}
	diff, err := compareGolden(res, testdata.DemoGolden)
	return d.conclude(res, "the capture has the golden's structure", diff, err)
}

// conclude prints the summary line; anything wrong comes before it.
func (d *demo) conclude(res *scenario.Result, same, diff string, err error) error {
	if err != nil {
		return finding("cannot compare the capture: %v", err)
	}
	w := d.lines()
	fmt.Fprintln(w)
	for _, p := range problems(res) {
		fmt.Fprintln(w, p)
	}
	if diff != "" {
		fmt.Fprint(w, diff)
		same = "the capture DIFFERS, see above"
	}
	fmt.Fprintf(w, "%s; %s\n", res.Summary(), same)
	if d.pcap != "" && d.pcap != "-" {
		fmt.Fprintf(w, "capture: %s (look at it with: mpstack decode %s)\n", d.pcap, d.pcap)
	}
	if diff != "" || !res.OK() {
		return &statusError{statusFinding, errShown}
	}
	return nil
}
