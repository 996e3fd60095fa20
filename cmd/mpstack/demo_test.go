package main_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// read returns a file.
func read(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The demonstration gives the same text and capture each time, the golden one,
// and takes no time.
func TestDemo(t *testing.T) {
	want := read(t, goldens+"demo.pcapng")
	var texts []string
	began := time.Now()
	for range 2 {
		file := filepath.Join(t.TempDir(), "demo.pcapng")
		a := mpstack(t, "demo", "--pcap", file)
		a.is(t, 0)
		if a.stderr != "" {
			t.Errorf("standard error: %s", a.stderr)
		}
		if !bytes.Equal(read(t, file), want) {
			t.Error("the capture is not the golden one")
		}
		texts = append(texts, strings.ReplaceAll(a.stdout, file, "FILE"))
	}
	if texts[0] != texts[1] {
		t.Error("two runs say different things")
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("two runs took %v", took)
	}
	has(t, texts[0],
		"\nTwo leaves join it",
		`leaf1   s4 joined 10.0.1.10:5000 with caller data "I am leaf 1"; callee data "welcome, leaf 1"`,
		`leaf2   s6 joined [fd00:1::10]:5000 with caller data "I am leaf 2"; callee data "welcome, leaf 2"`,
		"PATH on eth0 for ", "RESV on eth0 for ", "WSA_QOS_REQUEST_CONFIRMED",
		"old     as expected, k6 received 20 datagrams",
		"root    s6 is closed",
		"demo on mem, seed 1: passed: ", "the capture equals its golden byte for byte\n",
		"capture: FILE (look at it with: mpstack decode FILE)\n",
	)
	if n := strings.Count(texts[0], "\n!"); n > 0 {
		t.Errorf("%d bad lines", n)
	}
}

// With --pcap - the capture is all that goes to standard output.
func TestDemoPcapStdout(t *testing.T) {
	a := mpstack(t, "demo", "--pcap", "-")
	a.is(t, 0)
	if a.stdout != string(read(t, goldens+"demo.pcapng")) {
		t.Error("standard output is not the golden capture")
	}
	has(t, a.stderr, "Two leaves join it", "passed: ", "byte for byte\n")
}

// Another seed draws otherwise, and alike each time.
func TestDemoSeed(t *testing.T) {
	golden := string(read(t, goldens+"demo.pcapng"))
	a, b := mpstack(t, "demo", "--seed", "7", "--pcap", "-"), mpstack(t, "demo", "--seed", "7", "--pcap", "-")
	for _, x := range []answer{a, b} {
		x.is(t, 0)
		has(t, x.stderr, "demo on mem, seed 7: passed: ", "; a second run with the same seed gave the same capture\n")
	}
	if a.stdout != b.stdout || a.stderr != b.stderr {
		t.Error("two runs differ")
	}
	if a.stdout == golden {
		t.Error("seed 7 gives seed 1's capture")
	}
	one := mpstack(t, "demo", "--seed", "1", "--pcap", "-")
	one.is(t, 0)
	has(t, one.stderr, "byte for byte")
	if one.stdout != golden {
		t.Error("--seed 1 is not what the golden was written with")
	}
}

// run compares with a golden; a changed byte fails and is named.
func TestRunGolden(t *testing.T) {
	want := read(t, goldens+"leaf-join.pcapng")
	a := mpstack(t, "run", "--golden", goldens+"leaf-join.pcapng", scenarios+"leaf-join.yaml")
	a.is(t, 0)
	has(t, a.stdout, "== leaf-join\n", "leaf-join on mem, seed 2: passed: ", "; the capture equals "+goldens+"leaf-join.pcapng\n")

	at := bytes.LastIndex(want, []byte("MPSD")) + 20 // in the middle of a datagram's payload
	changed := bytes.Clone(want)
	changed[at] ^= 0xff
	file := filepath.Join(t.TempDir(), "changed.pcapng")
	if err := os.WriteFile(file, changed, 0o644); err != nil {
		t.Fatal(err)
	}
	a = mpstack(t, "run", "--quiet", "--golden", file, scenarios+"leaf-join.yaml")
	a.is(t, 1)
	has(t, a.stdout, " differs: ", "golden ", "got ", "; the capture DIFFERS from "+file+"\n")
	if a.stderr != "" {
		t.Errorf("standard error: %s", a.stderr)
	}

	a = mpstack(t, "run", "--json", "--quiet", "--golden", file, scenarios+"leaf-join.yaml")
	a.is(t, 1)
	all := lines(t, a.stdout)
	if len(all) != 1 || all[0]["ok"] != false || all[0]["failed"] != 0.0 || !strings.Contains(all[0]["diff"].(string), " differs: ") {
		t.Errorf("%v", all)
	}
}

// run's --seed replaces the scenario's.
func TestRunSeed(t *testing.T) {
	a := mpstack(t, "run", "--seed", "77", "--golden", goldens+"leaf-join.pcapng", scenarios+"leaf-join.yaml")
	a.is(t, 1)
	has(t, a.stdout, "leaf-join on mem, seed 77: passed: ", "DIFFERS")
}

// failing writes the scenario leaf-join with an expectation that fails.
func failing(t *testing.T) string {
	t.Helper()
	text := string(read(t, scenarios+"leaf-join.yaml"))
	changed := strings.Replace(text, "received: ", "within: 100ms, received: 9", 1)
	if changed == text {
		t.Fatal("the scenario expects nothing to be received")
	}
	file := filepath.Join(t.TempDir(), "failing.yaml")
	if err := os.WriteFile(file, []byte(changed), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// Several files: all are run, the worst outcome is the command's, and a
// summary ends it. What cannot be read keeps all from running.
func TestRunSeveral(t *testing.T) {
	bad, good := failing(t), scenarios+"reject.yaml"
	a := mpstack(t, "run", bad, good)
	a.is(t, 1)
	has(t, a.stdout, "== leaf-join\n", "\n!", "\nFAILED: ", "leaf-join on mem, seed 2: FAILED: ", "== reject\n", "reject on mem, seed 4: passed: ", "\n1 of 2 scenarios passed\n")

	a = mpstack(t, "run", "--quiet", good, good)
	a.is(t, 0)
	if n := strings.Count(a.stdout, "\n"); n != 4 {
		t.Errorf("%d lines with --quiet:\n%s", n, a.stdout)
	}
	has(t, a.stdout, "\n2 of 2 scenarios passed\n")

	a = mpstack(t, "run", good, "nothing.yaml")
	a.complains(t, 2, "nothing.yaml: no such file")
	if a.stdout != "" {
		t.Errorf("something was run:\n%s", a.stdout)
	}
}

// The lines of run --json have the fields that its help lists, and no others.
func TestRunJSON(t *testing.T) {
	fields := map[string]string{
		"entry":   "scenario kind node text bad",
		"result":  "scenario on seed ok checks failed frames problems diff",
		"summary": "scenarios passed",
	}
	a := mpstack(t, "run", "--json", failing(t), scenarios+"reject.yaml")
	a.is(t, 1)
	all := lines(t, a.stdout)
	seen := documented(t, all, fields)
	if seen["entry"] < 10 || seen["result"] != 2 || seen["summary"] != 1 {
		t.Errorf("%v", seen)
	}
	last := all[len(all)-1]
	if last["type"] != "summary" || last["scenarios"] != 2.0 || last["passed"] != 1.0 {
		t.Errorf("%v", last)
	}
	var bad, failed int
	for _, m := range all {
		if m["bad"] == true {
			bad++
		}
		if m["type"] == "result" && m["ok"] == false {
			failed++
			if problems := m["problems"].([]any); len(problems) != int(m["failed"].(float64)) {
				t.Errorf("%v", m)
			}
		}
	}
	if bad == 0 || failed != 1 {
		t.Errorf("%d bad entries, %d failed scenarios", bad, failed)
	}

	a = mpstack(t, "run", "--json", "--quiet", "--pcap", "-", scenarios+"reject.yaml")
	a.is(t, 0)
	if a.stdout != string(read(t, goldens+"reject.pcapng")) {
		t.Error("standard output is not the capture")
	}
	if all := lines(t, a.stderr); len(all) != 1 || all[0]["type"] != "result" || all[0]["ok"] != true {
		t.Errorf("%s", a.stderr)
	}
}

// documented fails unless each line has the fields of its type, and counts the
// types.
func documented(t *testing.T, all []map[string]any, fields map[string]string) map[string]int {
	t.Helper()
	seen := make(map[string]int)
	for _, m := range all {
		kind, _ := m["type"].(string)
		names, known := fields[kind]
		if !known {
			t.Errorf("type %q: %v", kind, m)
			continue
		}
		seen[kind]++
		want := map[string]bool{"v": true, "type": true, "time": true}
		for _, f := range strings.Fields(names) {
			optional := strings.TrimSuffix(f, "?")
			want[optional] = true
			if _, there := m[optional]; !there && optional == f {
				t.Errorf("%s without %s: %v", kind, f, m)
			}
		}
		for f := range m {
			if !want[f] {
				t.Errorf("%s has %s, which is not documented: %v", kind, f, m)
			}
		}
	}
	return seen
}
