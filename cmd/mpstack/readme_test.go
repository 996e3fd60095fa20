package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const readme = "../../README.md"

// Each step of the README's join: what the ladder calls it, and the first
// frame of the demonstration's capture that shows it, after the one before.
var ladder = []struct{ label, frame string }{
	{"PATH", "root/eth0 out rsvp Path 10.0.1.10 > 232."},
	{"JOIN", "leaf1/eth0 out mpj JOIN 10.0.2.11 > 10.0.1.10"},
	{"PENDING", "root/eth0 out mpj PENDING 10.0.1.10 > 10.0.2.11"},
	{"ACCEPT", "root/eth0 out mpj ACCEPT 10.0.1.10 > 10.0.2.11"},
	{"CONFIRM", "leaf1/eth0 out mpj CONFIRM 10.0.2.11 > 10.0.1.10"},
	{"IGMPv3 report", "leaf1/eth0 out igmp v3-report 10.0.2.11 > 224.0.0.22"},
	{"PATH", "router/eth1 out rsvp Path 10.0.1.10 > 232."},
	{"RESV", "leaf1/eth0 out rsvp Resv 10.0.2.11 > 10.0.2.1"},
	{"RESV", "router/eth0 out rsvp Resv 10.0.1.1 > 10.0.1.10"},
	{"RESVCONF", "root/eth0 out rsvp ResvConf 10.0.1.10 > 10.0.2.11"},
	{"RESVCONF", "router/eth1 out rsvp ResvConf 10.0.2.1 > 10.0.2.11"},
	{"data to (S,G)", "root/eth0 out udp 10.0.1.10:5000 > 232."},
	{"data to (S,G)", "router/eth1 out udp 10.0.1.10:5000 > 232."},
	{"LEAVE", "leaf1/eth0 out mpj LEAVE 10.0.2.11 > 10.0.1.10"},
	{"RESVTEAR", "leaf1/eth0 out rsvp ResvTear 10.0.2.11 > 10.0.2.1"},
	{"LEAVE-ACK", "root/eth0 out mpj LEAVE-ACK 10.0.1.10 > 10.0.2.11"},
	{"PATHTEAR", "root/eth0 out rsvp PathTear 10.0.1.10 > 232."},
	{"PATHTEAR", "router/eth1 out rsvp PathTear 10.0.1.10 > 232."},
}

// The README's ladder has these steps in this order, and so has the capture.
func TestReadmeLadder(t *testing.T) {
	text := string(read(t, readme))
	_, text, _ = strings.Cut(text, "    leaf  ")
	drawn, _, found := strings.Cut(text, "\n\n")
	if !found {
		t.Fatal("the README has no ladder")
	}
	a := mpstack(t, "decode", goldens+"demo.pcapng")
	a.is(t, 0)
	var shown []string // the line of each frame, without number, time and length
	for _, m := range regexp.MustCompile(`(?m)^\d+ \S+ (\S+ out )\d+ bytes: (.*)$`).FindAllStringSubmatch(a.stdout, -1) {
		shown = append(shown, m[1]+m[2])
	}
	for _, step := range ladder {
		word := regexp.MustCompile(`(^|[^\w-])` + regexp.QuoteMeta(step.label) + `($|[^\w-])`)
		at := word.FindStringIndex(drawn)
		if at == nil {
			t.Fatalf("the ladder has no %s where the capture has %s", step.label, step.frame)
		}
		drawn = drawn[at[1]:]
		i := 0
		for i < len(shown) && !strings.HasPrefix(shown[i], step.frame) {
			i++
		}
		if i == len(shown) {
			t.Fatalf("the capture has no %s where the ladder has %s", step.frame, step.label)
		}
		shown = shown[i+1:]
	}
	if more := regexp.MustCompile(`[A-Z]{4,}`).FindString(regexp.MustCompile(`(WSA|FD)_\w+`).ReplaceAllString(drawn, "")); more != "" {
		t.Errorf("the ladder ends with %s, which this test does not know", more)
	}
}

// Commands in the README exist, with their flags; so do the files that it
// names.
func TestReadmeCommands(t *testing.T) {
	text := string(read(t, readme))
	known := make(map[string]string) // help by command
	n := 0
	for _, m := range regexp.MustCompile(`(?m)mpstack (demo|run|root|leaf|decode)\b([^|\n`+"`"+`]*)`).FindAllStringSubmatch(text, -1) {
		command, rest := m[1], m[2]
		if known[command] == "" {
			known[command] = mpstack(t, command, "--help").stdout
		}
		for _, flag := range regexp.MustCompile(`--[a-z]+`).FindAllString(rest, -1) {
			n++
			if !strings.Contains(known[command], flag+" ") {
				t.Errorf("mpstack %s has no %s", command, flag)
			}
		}
	}
	if len(known) != 5 || n < 15 {
		t.Errorf("%d commands, %d flags", len(known), n)
	}
	for _, file := range regexp.MustCompile(`\b(?:testdata|capture|cmd|wire|rsvp|stack|docs|internal)/[\w./*-]*|\./check\.sh`).FindAllString(text, -1) {
		file = filepath.Join("../..", strings.TrimSuffix(file, "."))
		if found, err := filepath.Glob(file); err != nil || len(found) == 0 {
			t.Errorf("no %s, %v", file, err)
		}
	}
}

// The exit statuses are the same in README, help and package comment.
func TestReadmeStatuses(t *testing.T) {
	fold := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	help := fold(mpstack(t, "--help").stdout)
	source, err := os.ReadFile("internal/cli/cli.go")
	if err != nil {
		t.Fatal(err)
	}
	want := "0 good; 1 a finding, a mismatch or a failed expectation; 2 usage, or a file that cannot be read or written; 3 a privilege or a tool is missing."
	for name, text := range map[string]string{"README": fold(string(read(t, readme))), "help": help} {
		if !strings.Contains(text, want) {
			t.Errorf("%s does not say: %s", name, want)
		}
	}
	for i, what := range []string{"good", "a finding", "usage", "a privilege"} {
		has(t, string(source), fmt.Sprintf("//\t%d  %s", i, what))
	}
}
