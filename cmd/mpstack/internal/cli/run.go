package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/mpstack/mpstack/stack/scenario"
)

func (p *program) newRun() *cobra.Command {
	r := runner{program: p}
	var seed uint64
	cmd := &cobra.Command{
		Use:   "run SCENARIO…",
		Short: "Run scenario files",
		Long: `run runs scenario files (YAML: nodes, links, steps, expectations) in simulated
time (--on mem) or on real interfaces in network namespaces (--on netns), and
says which expectations came true. With --golden the capture is compared, on mem
byte by byte, on netns by structure.

Exit status: 0 all good; 1 an expectation failed, a capture differs or a run was
interrupted; 2 a file cannot be read or written; 3 namespaces cannot be made.

With --json each line begins {"v":1,"type":"…","time":"…". The types are:
  entry    what happened: scenario, kind (step, call, wire, check), node, text,
           bad (a failed expectation or call, a lost frame)
  note     what is otherwise than asked: scenario, text
  result   one a scenario: scenario, on, seed, ok, checks, failed, frames,
           problems (strings), diff (against --golden)
  summary  at the end of several: scenarios, passed`,
		Example: `  mpstack run testdata/scenarios/*.yaml
  mpstack run --on netns --pcap join.pcapng testdata/scenarios/leaf-join.yaml
  mpstack run --golden testdata/pcaps/reject.pcapng testdata/scenarios/reject.yaml`,
		Args: someFiles,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return []cobra.Completion{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("seed") {
				r.seed = &seed
			}
			ctx, stop := orderly(cmd)
			defer stop()
			return r.all(ctx, args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.on, "on", scenario.OnMem, "`WHERE`: mem or netns")
	f.StringVar(&r.pcap, "pcap", "", "write the capture to `FILE`; - is standard output, the rest then goes to standard error (one scenario only)")
	f.StringVar(&r.golden, "golden", "", "compare the capture with `FILE` (one scenario only)")
	f.Uint64Var(&seed, "seed", 0, "seed `N` instead of the scenario's own")
	f.BoolVar(&r.json, "json", false, "print JSON lines")
	f.BoolVarP(&r.quiet, "quiet", "q", false, "print no timeline")
	complete(cmd, "on", scenario.OnMem, scenario.OnNetns)
	complete(cmd, "seed")
	return cmd
}

// runner is one call of the command.
type runner struct {
	*program
	on     string
	pcap   string
	golden string
	seed   *uint64
	json   bool
	quiet  bool
}

// lines is where everything but the capture goes.
func (r *runner) lines() io.Writer { return r.besides(r.pcap) }

// all runs every file; the worst outcome is the command's.
func (r *runner) all(ctx context.Context, files []string) error {
	if err := r.check(files); err != nil {
		return err
	}
	scenarios, err := load(files)
	if err != nil {
		return err
	}
	if r.on == scenario.OnNetns {
		if ran, err := r.enterNetns(); ran || err != nil {
			return err
		}
	}
	good := 0
	for _, sc := range scenarios {
		ok, err := r.one(ctx, sc)
		if err != nil {
			if _, stopped := errors.AsType[errInterrupted](err); stopped || len(scenarios) == 1 || status(err) != statusFinding {
				return err
			}
			fmt.Fprintln(r.err, "mpstack: "+oneLine(err.Error())) // and on with the others
		}
		if ok {
			good++
		}
	}
	r.summary(good, len(scenarios))
	if good < len(scenarios) {
		return &statusError{statusFinding, errShown}
	}
	return nil
}

// check refuses flags that do not fit together.
func (r *runner) check(files []string) error {
	switch {
	case r.on != scenario.OnMem && r.on != scenario.OnNetns:
		return usage("--on %s: there are mem and netns", r.on)
	case len(files) > 1 && (r.pcap != "" || r.golden != ""):
		return usage("--pcap and --golden take one scenario, %d are given: run them one by one", len(files))
	case r.pcap != "" && r.golden != "" && sameFile(r.pcap, r.golden):
		return usage("--pcap would overwrite the golden %s: give it another file", r.golden)
	}
	return nil
}

func sameFile(a, b string) bool {
	ai, err := os.Stat(a)
	if err != nil {
		return false
	}
	bi, err := os.Stat(b)
	return err == nil && os.SameFile(ai, bi)
}

func load(files []string) ([]*scenario.Scenario, error) {
	all := make([]*scenario.Scenario, len(files))
	for i, f := range files {
		sc, err := scenario.Load(f)
		if err != nil {
			return nil, usage("%v", err)
		}
		all[i] = sc
	}
	return all, nil
}

// one runs one scenario and reports whether all was good.
func (r *runner) one(ctx context.Context, sc *scenario.Scenario) (bool, error) {
	want, err := r.readGolden()
	if err != nil {
		return false, err
	}
	p := play{on: r.on, seed: r.seed}
	p.sc = r.begin(&p, sc)
	w, closePcap, err := r.openPcap(r.pcap)
	if err != nil {
		return false, err
	}
	p.pcap = w
	res, err := p.run(ctx)
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

// begin says where p shows its timeline, prints the heading, and returns the
// scenario as it can be run here.
func (r *runner) begin(p *play, sc *scenario.Scenario) *scenario.Scenario {
	note := ""
	if r.on == scenario.OnNetns {
		sc, note = withoutTAP(sc)
	}
	w := r.lines()
	switch {
	case r.json && note != "":
		_, _ = w.Write(jsonLine("note", time.Now(), field{"scenario", sc.Name}, field{"text", note}))
	case !r.json && !r.quiet:
		fmt.Fprintf(w, "\n== %s\n", sc.Name)
	}
	if note != "" && !r.json {
		fmt.Fprintln(w, note)
	}
	switch {
	case r.quiet:
	case r.json:
		p.json = w
	default:
		p.lines = w
	}
	return sc
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
	w := r.lines()
	if r.json {
		_, _ = w.Write(resultJSON(res, diff))
		return
	}
	for _, p := range problems(res) {
		fmt.Fprintln(w, p)
	}
	fmt.Fprint(w, diff)
	verdict := ""
	switch {
	case diff != "":
		verdict = "; the capture DIFFERS from " + r.golden
	case r.golden != "" && r.on == scenario.OnMem:
		verdict = "; the capture equals " + r.golden
	case r.golden != "":
		verdict = "; the capture has the structure of " + r.golden
	}
	fmt.Fprintf(w, "%s%s\n", res.Summary(), verdict)
}

// summary counts the scenarios, where there are several.
func (r *runner) summary(good, all int) {
	switch {
	case all < 2:
	case r.json:
		_, _ = r.lines().Write(jsonLine("summary", time.Now(), field{"scenarios", all}, field{"passed", good}))
	default:
		fmt.Fprintf(r.lines(), "\n%d of %d scenarios passed\n", good, all)
	}
}
