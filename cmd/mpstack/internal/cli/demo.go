package cli

import (
	"bytes"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/mpstack/mpstack/stack/scenario"
	"github.com/mpstack/mpstack/testdata"
)

func newDemo() *cobra.Command {
	var (
		inNetns bool
		pcap    string
		seed    uint64
	)
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run a root, two leaves, a router and a plain receiver",
		Long: `demo runs one root, two leaves, one router and one ordinary UDP receiver, over
IPv4 and IPv6: the leaves join with caller data and flowspecs and get callee
data back, RSVP reserves for them, multicast data flows, all leave. It prints
what happens as it happens and compares the capture with the golden one that is
built in; with another seed it runs twice and compares the two.

Without --netns everything is simulated, in virtual time and without privilege.
With --netns every node has a network namespace of its own, which vanishes with
this process; it needs root or user namespaces.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := demo{cmd: cmd, pcap: pcap, args: []string{"demo"}}
			if cmd.Flags().Changed("seed") {
				d.seed = &seed
			}
			if inNetns {
				return d.onNetns()
			}
			return d.onMem()
		},
	}
	cmd.Flags().BoolVar(&inNetns, "netns", false, "on real interfaces, in network namespaces")
	cmd.Flags().StringVar(&pcap, "pcap", "", "write the capture to `FILE`; - is standard output")
	cmd.Flags().Uint64Var(&seed, "seed", 1, "seed of every random stream")
	return cmd
}

// demo is one call of the command.
type demo struct {
	cmd  *cobra.Command
	pcap string
	seed *uint64
	args []string
}

// out is where the timeline goes: standard error when the capture takes
// standard output.
func (d *demo) out() io.Writer {
	if d.pcap == "-" {
		return d.cmd.ErrOrStderr()
	}
	return d.cmd.OutOrStdout()
}

// run runs the scenario once, timeline and all.
func (d *demo) run(sc *scenario.Scenario, on string) (*scenario.Result, error) {
	w, closePcap, err := openPcap(d.pcap, d.cmd.OutOrStdout())
	if err != nil {
		return nil, err
	}
	p := play{sc: sc, on: on, seed: d.seed, lines: d.out(), pcap: w}
	res, err := p.run(d.cmd.Context())
	if closeErr := closePcap(); closeErr != nil && err == nil {
		err = usage("--pcap: %v", closeErr)
	}
	return res, err
}

// scenario returns the scenario that is built in.
func (d *demo) scenario() (*scenario.Scenario, error) {
	return scenario.Parse("demo.yaml", testdata.DemoScenario)
}

func (d *demo) onMem() error {
	sc, err := d.scenario()
	if err != nil {
		return err
	}
	res, err := d.run(sc, scenario.OnMem)
	if err != nil {
		return err
	}
	if d.seed == nil || *d.seed == sc.Seed {
		diff, err := compareGolden(res, testdata.DemoGolden)
		return d.conclude(res, "the capture equals its golden byte for byte", diff, err)
	}
	again, err := (&play{sc: sc, on: scenario.OnMem, seed: d.seed}).run(d.cmd.Context())
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

func (d *demo) onNetns() error {
	args := []string{"demo", "--netns", "--pcap", d.pcap}
	if d.seed != nil {
		args = append(args, "--seed", strconv.FormatUint(*d.seed, 10))
	}
	if ran, err := enterNetns(args); ran || err != nil {
		return err
	}
	sc, err := d.scenario()
	if err != nil {
		return err
	}
	sc, note := withoutTAP(sc)
	if note != "" {
		fmt.Fprintln(d.out(), note)
	}
	res, err := d.run(sc, scenario.OnNetns)
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
	w := d.out()
	for _, p := range problems(res) {
		fmt.Fprintln(w, p)
	}
	if diff != "" {
		fmt.Fprint(w, diff)
		same = "the capture DIFFERS, see above"
	}
	fmt.Fprintf(w, "\n%s; %s\n", res.Summary(), same)
	if d.pcap != "" && d.pcap != "-" {
		fmt.Fprintf(w, "capture: %s (look at it with: mpstack decode %s)\n", d.pcap, d.pcap)
	}
	if diff != "" || !res.OK() {
		return &statusError{statusFinding, errShown}
	}
	return nil
}
