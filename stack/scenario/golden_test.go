package scenario_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mpstack/mpstack/capture/capturetest"
	"github.com/mpstack/mpstack/capture/dissector"
	"github.com/mpstack/mpstack/capture/golden"
	"github.com/mpstack/mpstack/stack/scenario"
)

const (
	scenarioDir = "../../testdata/scenarios"
	goldenDir   = "../../testdata/pcaps"
)

// load reads every committed scenario.
func load(t *testing.T) []*scenario.Scenario {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(scenarioDir, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	var all []*scenario.Scenario
	for _, file := range files {
		sc, err := scenario.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		if base := strings.TrimSuffix(filepath.Base(file), ".yaml"); base != sc.Name {
			t.Errorf("%s holds the scenario %q", file, sc.Name)
		}
		all = append(all, sc)
	}
	return all
}

// run runs a scenario on mem and returns what came of it, and its capture.
func run(t *testing.T, sc *scenario.Scenario, o scenario.Options) (*scenario.Result, []byte) {
	t.Helper()
	res, err := scenario.Run(t.Context(), sc, o)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := res.WriteCapture(&b); err != nil {
		t.Fatal(err)
	}
	return res, b.Bytes()
}

// report logs the timeline, and fails t for what was not as expected.
func report(t *testing.T, res *scenario.Result) {
	t.Helper()
	if !res.OK() {
		for _, e := range res.Timeline {
			t.Logf("%12.6f %v", e.At.Sub(res.Start).Seconds(), e)
		}
	}
	for _, c := range res.Checks {
		if !c.OK {
			t.Error(c)
		}
	}
	for _, f := range res.Findings {
		t.Error(f)
	}
}

// TestScenarios runs every scenario twice and compares its capture with itself
// and with the golden, which tshark then judges.
func TestScenarios(t *testing.T) {
	for _, sc := range load(t) {
		t.Run(sc.Name, func(t *testing.T) {
			res, got := run(t, sc, scenario.Options{})
			report(t, res)
			if _, again := run(t, sc, scenario.Options{}); !bytes.Equal(got, again) {
				t.Error("two runs gave different captures")
			}
			file := filepath.Join(goldenDir, sc.Name+".pcapng")
			if golden.Updating() && t.Failed() {
				t.Fatal("the golden is not rewritten from a run that failed")
			}
			golden.Check(t, got, file)
			if golden.Updating() {
				enter(t, sc)
				describe(t, file)
			}
			capturetest.MustPass(t, file, capturetest.Options{})
		})
	}
}

// TestSeed checks that another seed gives another capture, and the same outcome.
func TestSeed(t *testing.T) {
	sc, err := scenario.Load(filepath.Join(scenarioDir, "demo.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	_, want := run(t, sc, scenario.Options{})
	seed := sc.Seed + 1
	res, got := run(t, sc, scenario.Options{Seed: &seed})
	report(t, res)
	if bytes.Equal(got, want) {
		t.Error("two seeds gave the same capture")
	}
}

// manifest is testdata/pcaps/MANIFEST: file, what wrote it, sha256, the test
// that uses it, separated by tabs.
const manifest = goldenDir + "/MANIFEST"

// rows reads the manifest, by file.
func rows(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(manifest)
	if err != nil && !golden.Updating() {
		t.Fatal(err)
	}
	all := make(map[string][]string)
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(cells) != 4 {
			t.Fatalf("%s: %q has %d cells, not 4", manifest, line, len(cells))
		}
		all[cells[0]] = cells
	}
	return all
}

// enter writes a golden's row.
func enter(t *testing.T, sc *scenario.Scenario) {
	t.Helper()
	all := rows(t)
	file := sc.Name + ".pcapng"
	all[file] = []string{
		file, fmt.Sprintf("testdata/scenarios/%s.yaml on mem, seed %d", sc.Name, sc.Seed), sum(t, file), "stack/scenario " + t.Name(),
	}
	var lines []string
	for _, cells := range all {
		lines = append(lines, strings.Join(cells, "\t")+"\n")
	}
	slices.Sort(lines)
	if err := os.WriteFile(manifest, []byte(strings.Join(lines, "")), 0o644); err != nil {
		t.Fatal(err)
	}
}

func sum(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(goldenDir, file))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(b))
}

// describe writes tshark's text of a golden beside it, for review. It is not
// compared: it differs from version to version.
func describe(t *testing.T, file string) {
	t.Helper()
	lua := filepath.Join(t.TempDir(), "mpj.lua")
	if err := os.WriteFile(lua, dissector.Lua(), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("tshark", "-X", "lua_script:"+lua, "-t", "r", "-r", file)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "LC_ALL=C.UTF-8", "TZ=UTC")
	text, err := cmd.Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	if err := os.WriteFile(strings.TrimSuffix(file, ".pcapng")+".txt", text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestManifest checks that the manifest names every golden and nothing else,
// with its sum.
func TestManifest(t *testing.T) {
	if golden.Updating() {
		t.Log("the manifest is being written")
		return
	}
	all := rows(t)
	files, err := filepath.Glob(filepath.Join(goldenDir, "*.pcapng"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		file := filepath.Base(path)
		if all[file] == nil {
			t.Errorf("%s does not name %s", manifest, file)
		} else if got := sum(t, file); all[file][2] != got {
			t.Errorf("%s: %s has the sum %s, the file %s", manifest, file, all[file][2], got)
		}
		delete(all, file)
	}
	for file := range all {
		t.Errorf("%s names %s, which does not exist", manifest, file)
	}
}
