//go:build netns

package scenario_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mpstack/mpstack/capture/golden"
	"github.com/mpstack/mpstack/stack/scenario"
)

// onNetns lists the scenarios that also run in network namespaces: those whose
// links have two ports, and that do not wait for long.
var onNetns = []string{"demo", "leaf-join", "root-invite", "reject", "reservation", "first-join-lost"}

// TestNetns runs scenarios on real interfaces and compares their structure with
// the goldens that mem wrote.
func TestNetns(t *testing.T) {
	for _, name := range onNetns {
		t.Run(name, func(t *testing.T) {
			sc, err := scenario.Load(filepath.Join(scenarioDir, name+".yaml"))
			if err != nil {
				t.Fatal(err)
			}
			res, got := run(t, sc, scenario.Options{On: scenario.OnNetns})
			report(t, res)
			want, err := os.ReadFile(filepath.Join(goldenDir, name+".pcapng"))
			if err != nil {
				t.Fatal(err)
			}
			findings, err := res.Compare(want)
			if err != nil {
				t.Fatal(err)
			}
			if len(findings) > 0 {
				t.Error(golden.Report(findings))
			}
			if t.Failed() {
				file := filepath.Join(t.ArtifactDir(), name+".pcapng")
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestNetnsStopped stops a run on netns in the middle.
func TestNetnsStopped(t *testing.T) {
	sc, err := scenario.Parse("test.yaml", []byte(network+"steps:"+listens+"  - {sleep: 1h}\n"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	res, err := scenario.Run(ctx, sc, scenario.Options{On: scenario.OnNetns, Line: func(e scenario.Entry) {
		if strings.Contains(e.Text, "joined") {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || res == nil {
		t.Fatalf("got %v, %v", res, err)
	}
}

// TestNetnsRefused checks what netns cannot build.
func TestNetnsRefused(t *testing.T) {
	for text, want := range map[string]string{
		strings.Replace(network, "  - {name: leaf, ", "  - {name: more, ports: [{name: eth0, link: lan}]}\n  - {name: leaf, ", 1): "link lan has 3 ports; on netns a link has 2",
		strings.ReplaceAll(network, "link: lan,", "link: lan, backend: tap,"):                                                     "both leaf/eth0 and root/eth0 have the backend tap",
	} {
		sc, err := scenario.Parse("test.yaml", []byte(text+"steps: [{sleep: 1s}]"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := scenario.Run(t.Context(), sc, scenario.Options{On: scenario.OnNetns}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestNetnsLink takes a link down and up again.
func TestNetnsLink(t *testing.T) {
	sc, err := scenario.Parse("test.yaml", []byte(network+"steps:"+listens+`
  - {link: {port: leaf/eth0, up: false}}
  - {on: root, send: {socket: s}}
  - {on: leaf, expect: {socket: s, received: 0, within: 100ms}}
  - {link: {port: leaf/eth0, up: true}}
  - {sleep: 200ms}
  - {on: root, send: {socket: s}}
  - {on: leaf, expect: {socket: s, received: 1}}
  - {on: leaf, close: {socket: s}}
  - {on: root, expect: {socket: s@leaf, closed: 0}}
  - {on: root, close: {socket: s}}
`))
	if err != nil {
		t.Fatal(err)
	}
	res, _ := run(t, sc, scenario.Options{On: scenario.OnNetns})
	report(t, res)
}
