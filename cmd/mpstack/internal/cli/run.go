package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/mpstack/mpstack/stack/scenario"
)

func newRun() *cobra.Command {
	var r runner
	var seed uint64
	cmd := &cobra.Command{
		Use:   "run SCENARIO…",
		Short: "Run scenario files",
		Long: `run runs scenario files (YAML: nodes, links, steps, expectations) in simulated
time (--on mem) or on real interfaces in network namespaces (--on netns), and
says which expectations came true. With --golden the capture is compared, on mem
byte by byte, on netns by structure.

Exit status: 0 all good; 1 an expectation failed or a capture differs; 2 a file
cannot be read; 3 a privilege is missing.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r.cmd = cmd
			if cmd.Flags().Changed("seed") {
				r.seed = &seed
			}
			return r.all(args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.on, "on", scenario.OnMem, "where: mem or netns")
	f.StringVar(&r.pcap, "pcap", "", "write the capture to `FILE`; - is standard output (one scenario only)")
	f.StringVar(&r.golden, "golden", "", "compare the capture with `FILE` (one scenario only)")
	f.Uint64Var(&seed, "seed", 1, "seed, instead of the scenario's own")
	f.BoolVar(&r.json, "json", false, "print JSON lines")
	f.BoolVarP(&r.quiet, "quiet", "q", false, "print no timeline")
	return cmd
}

// runner is one call of the command.
type runner struct {
	cmd    *cobra.Command
	on     string
	pcap   string
	golden string
	seed   *uint64
	json   bool
	quiet  bool
}

// all runs every file; the worst outcome is the command's.
func (r *runner) all(files []string) error {
	switch {
	case r.on != scenario.OnMem && r.on != scenario.OnNetns:
		return usage("--on %s: there are mem and netns", r.on)
	case len(files) > 1 && (r.pcap != "" || r.golden != ""):
		return usage("--pcap and --golden take one scenario, %d are given", len(files))
	case r.pcap == "-" && r.json:
		return usage("--pcap - and --json both want standard output: give --pcap a file")
	}
	scenarios := make([]*scenario.Scenario, len(files))
	for i, f := range files {
		sc, err := scenario.Load(f)
		if err != nil {
			return usage("%v", err)
		}
		scenarios[i] = sc
	}
	if r.on == scenario.OnNetns {
		if ran, err := enterNetns(os.Args[1:]); ran || err != nil {
			return err
		}
	}
	good := 0
	for _, sc := range scenarios {
		ok, err := r.one(sc)
		if err != nil {
			return err
		}
		if ok {
			good++
		}
	}
	if len(files) > 1 && !r.json {
		fmt.Fprintf(r.out(), "\n%d of %d scenarios passed\n", good, len(files))
	}
	if good < len(files) {
		return &statusError{statusFinding, errShown}
	}
	return nil
}

func (r *runner) out() io.Writer {
	if r.pcap == "-" {
		return r.cmd.ErrOrStderr()
	}
	return r.cmd.OutOrStdout()
}

// one runs one scenario and reports whether all was good.
func (r *runner) one(sc *scenario.Scenario) (bool, error) {
	want, err := r.readGolden()
	if err != nil {
		return false, err
	}
	note := ""
	if r.on == scenario.OnNetns {
		sc, note = withoutTAP(sc)
	}
	w, closePcap, err := openPcap(r.pcap, r.cmd.OutOrStdout())
	if err != nil {
		return false, err
	}
	p := play{sc: sc, on: r.on, seed: r.seed, pcap: w}
	switch {
	case r.json:
		p.json = r.out()
	case !r.quiet:
		p.lines = r.out()
		fmt.Fprintf(p.lines, "\n== %s\n", sc.Name)
	}
	if note != "" && p.lines != nil {
		fmt.Fprintln(p.lines, note)
	}
	res, err := p.run(r.cmd.Context())
	if closeErr := closePcap(); closeErr != nil && err == nil {
		err = usage("--pcap: %v", closeErr)
	}
	if err != nil {
		return false, err
	}
	diff := ""
	if want != nil {
		if diff, err = compareGolden(res, want); err != nil {
			return false, usage("--golden %s: %v", r.golden, err)
		}
	}
	r.report(res, diff)
	return res.OK() && diff == "", nil
}

func (r *runner) readGolden() ([]byte, error) {
	if r.golden == "" {
		return nil, nil
	}
	b, err := os.ReadFile(r.golden)
	if err != nil {
		return nil, usage("--golden: %v", err)
	}
	return b, nil
}

// report prints the outcome of one scenario.
func (r *runner) report(res *scenario.Result, diff string) {
	bad := problems(res)
	if r.json {
		writeJSON(r.out(), struct {
			V        int      `json:"v"`
			Type     string   `json:"type"`
			Scenario string   `json:"scenario"`
			On       string   `json:"on"`
			Seed     uint64   `json:"seed"`
			OK       bool     `json:"ok"`
			Checks   int      `json:"checks"`
			Failed   int      `json:"failed"`
			Frames   int      `json:"frames"`
			Problems []string `json:"problems,omitempty"`
			Diff     string   `json:"diff,omitempty"`
		}{1, "result", res.Scenario.Name, res.On, res.Seed, res.OK() && diff == "", len(res.Checks), res.Failed(), len(res.Frames), bad, diff})
		return
	}
	w := r.out()
	for _, p := range bad {
		fmt.Fprintln(w, p)
	}
	fmt.Fprint(w, diff)
	verdict := ""
	if r.golden != "" {
		verdict = "; the capture equals " + r.golden
		if diff != "" {
			verdict = "; the capture DIFFERS from " + r.golden
		}
	}
	fmt.Fprintf(w, "%s%s\n", res.Summary(), verdict)
}
