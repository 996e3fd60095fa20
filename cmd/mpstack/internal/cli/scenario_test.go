package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mpstack/mpstack/stack/scenario"
)

// load1 returns a committed scenario.
func load1(t *testing.T, name string) *scenario.Scenario {
	t.Helper()
	all, err := load([]string{"../../../../testdata/scenarios/" + name + ".yaml"})
	if err != nil {
		t.Fatal(err)
	}
	return all[0]
}

func playOnce(t *testing.T, name string, seed uint64) *scenario.Result {
	t.Helper()
	res, err := (&play{sc: load1(t, name), on: scenario.OnMem, seed: &seed}).run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// Two runs with one seed have the same capture, and with two seeds not.
func TestSameCapture(t *testing.T) {
	one := playOnce(t, "reject", 4)
	if diff, err := sameCapture(one, playOnce(t, "reject", 4)); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if diff, err := sameCapture(one, playOnce(t, "reject", 5)); !strings.Contains(diff, "differs") || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

// The last line of the demonstration, and its status.
func TestConclude(t *testing.T) {
	good := playOnce(t, "reject", 4)
	bad := playOnce(t, "reject", 4)
	bad.Findings = []string{"left at the end: a socket"}
	for _, c := range []struct {
		name, pcap string
		res        *scenario.Result
		diff       string
		err        error
		status     int
		wants      []string
	}{
		{name: "good", res: good, wants: []string{"; all the same\n"}},
		{name: "with a capture", pcap: "x.pcapng", res: good, wants: []string{"; all the same\n", "capture: x.pcapng ("}},
		{name: "to standard output", pcap: "-", res: good, wants: []string{"; all the same\n"}},
		{name: "different", res: good, diff: "frame 1 differs\n", status: 1, wants: []string{"frame 1 differs\n", "; the capture DIFFERS, see above\n"}},
		{name: "bad", res: bad, status: 1, wants: []string{"left at the end: a socket\n", "1 findings", "; all the same\n"}},
		{name: "not comparable", res: good, err: errors.New("no golden"), status: 1},
	} {
		var out, errout bytes.Buffer
		d := demo{program: &program{out: &output{w: &out}, err: &output{w: &errout}}, pcap: c.pcap}
		err := d.conclude(c.res, "all the same", c.diff, c.err)
		text := out.String()
		if c.pcap == "-" {
			text = errout.String()
		}
		if status(err) != c.status {
			t.Errorf("%s: %v", c.name, err)
		}
		for _, w := range c.wants {
			if !strings.Contains(text, w) {
				t.Errorf("%s: no %q in %q", c.name, w, text)
			}
		}
		if c.pcap == "-" && out.Len() > 0 {
			t.Errorf("%s: text on standard output: %q", c.name, &out)
		}
	}
}

// A run that a signal ends says so.
func TestPlayInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := (&play{sc: load1(t, "reject"), on: scenario.OnMem}).run(ctx)
	if _, ok := errors.AsType[errInterrupted](err); !ok || status(err) != statusFinding || err.Error() != "reject: interrupted" {
		t.Errorf("%v", err)
	}
}

// A capture that cannot be written whole is an error, and the run goes on.
func TestPlayUnwritten(t *testing.T) {
	for _, n := range []int{0, 1000} {
		res, err := (&play{sc: load1(t, "reject"), on: scenario.OnMem, pcap: &limited{n: n, err: syscall.ENOSPC}}).run(t.Context())
		if !errors.Is(err, syscall.ENOSPC) || status(err) != statusUsage {
			t.Errorf("after %d bytes: %v", n, err)
		}
		if n > 0 && (res == nil || !res.OK()) {
			t.Errorf("the run did not end well: %v", res)
		}
	}
}

// The timeline starts at zero and goes to both writers.
func TestPlayLines(t *testing.T) {
	var text, json bytes.Buffer
	if _, err := (&play{sc: load1(t, "reject"), on: scenario.OnMem, lines: &text, json: &json}).run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "    0.0000  root ") || !strings.HasPrefix(json.String(), `{"v":1,"type":"entry","time":"2000-01-01T00:00:00.000000000Z","scenario":"reject","kind":`) {
		t.Errorf("%s\n%s", &text, &json)
	}
	if a, b := strings.Count(json.String(), "\n"), strings.Count(text.String(), "\n"); a == 0 || b < a {
		t.Errorf("%d JSON lines, %d lines", a, b)
	}
}

func TestRunnerCheck(t *testing.T) {
	golden := filepath.Join(t.TempDir(), "golden")
	if err := os.WriteFile(golden, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		r     runner
		files int
		want  string
	}{
		{runner{on: "mem"}, 1, ""},
		{runner{on: "netns", json: true, quiet: true}, 3, ""},
		{runner{on: "mem", pcap: "-", json: true, golden: golden}, 1, ""},
		{runner{on: ""}, 1, "--on"},
		{runner{on: "mem", pcap: "x"}, 2, "one scenario"},
		{runner{on: "mem", golden: golden}, 2, "one scenario"},
		{runner{on: "mem", golden: golden, pcap: golden}, 1, "overwrite"},
	} {
		err := c.r.check(make([]string, c.files))
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || status(err) != statusUsage) {
			t.Errorf("%+v, %d files: %v", c.r, c.files, err)
		}
	}
}

// Where no TAP port is asked for, nothing is looked at or changed.
func TestWithoutTAP(t *testing.T) {
	sc := load1(t, "reject")
	if got, note := withoutTAP(sc); got != sc || note != "" {
		t.Errorf("%p, %q", got, note)
	}
}

// What is said about wrong usage names the command's help.
func TestFlagErrors(t *testing.T) {
	for args, want := range map[string]string{
		"demo --sed 1":      "unknown flag: --sed: see mpstack demo --help",
		"demo -x":           "unknown shorthand flag: 'x' in -x: see mpstack demo --help",
		"run --seed 1e3 x":  `invalid argument "1e3" for "--seed" flag: give a number in range: see mpstack run --help`,
		"demo --netns=ja":   `invalid argument "ja" for "--netns" flag: give true or false: see mpstack demo --help`,
		"root --for 5":      `invalid argument "5" for "--for" flag: time: missing unit in duration "5": see mpstack root --help`,
		"leav --name x":     `there is no command "leav": did you mean leaf?`,
		"zzz":               `there is no command "zzz": see mpstack --help`,
		"help run x":        `there is no command "run x": see mpstack --help`,
		"version --json=no": `invalid argument "no" for "--json" flag: give true or false: see mpstack version --help`,
	} {
		var errout bytes.Buffer
		if got := Main(strings.Fields(args), io.Discard, &errout); got != statusUsage || errout.String() != "mpstack: "+want+"\n" {
			t.Errorf("%s: %d, %s", args, got, &errout)
		}
	}
}
