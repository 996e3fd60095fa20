package scenario_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mpstack/mpstack/stack/scenario"
	"github.com/mpstack/mpstack/wire"
)

// network is two hosts on one link, and the head of a scenario.
const network = `name: test
seed: 1
links: [{name: lan, delay: 1ms}]
nodes:
  - {name: root, ports: [{name: eth0, link: lan, addrs: [10.0.1.10/24]}]}
  - {name: leaf, ports: [{name: eth0, link: lan, addrs: [10.0.1.11/24]}]}
`

// small runs steps on two hosts.
func small(t *testing.T, steps string) *scenario.Result {
	t.Helper()
	sc, err := scenario.Parse("test.yaml", []byte(network+steps))
	if err != nil {
		t.Fatal(err)
	}
	res, _ := run(t, sc, scenario.Options{})
	return res
}

// timeline returns the timeline's entries in one text.
func timeline(res *scenario.Result) string {
	var b strings.Builder
	for _, e := range res.Timeline {
		b.WriteString(e.String() + "\n")
	}
	return b.String()
}

const listens = `
  - {on: root, listen: {socket: s, protocol: mpj4, bind: "10.0.1.10:5000"}}
  - {on: leaf, join: {socket: s, protocol: mpj4, to: "10.0.1.10:5000"}}
`

// TestWhatPasses runs steps that the committed scenarios do not have.
func TestWhatPasses(t *testing.T) {
	for _, tt := range []struct {
		name, steps string
		lines       []string // of the timeline
	}{
		{"the condition function defers, then accepts", `
steps:
  - {on: root, listen: {socket: s, protocol: mpj4, bind: "10.0.1.10:5000", accept: [{verdict: defer, delay: 3s, callee: late}]}}
  - {on: leaf, join: {socket: s, protocol: mpj4, to: "10.0.1.10:5000", room: 10, callee: late}}
  - {on: leaf, close: {socket: s}}
  - {on: root, expect: {socket: s@leaf, closed: 0}}
  - {on: root, close: {socket: s}}
`, []string{"root: s lets leaf wait", `root: s admits leaf as s@leaf, callee data "late"`}},
		{"plain datagrams", `
steps:
  - {on: root, open: {socket: p, protocol: udp4, bind: "10.0.1.10:9000"}}
  - {on: leaf, open: {socket: p, protocol: udp4, bind: "10.0.1.11:9000"}}
  - {on: leaf, send: {socket: p, to: "10.0.1.10:9000", count: 4, interval: 1s}}
  - {on: root, expect: {socket: p, received: 4}}
  - {on: leaf, send: {socket: p, to: "10.0.1.10:9000", size: 1473, fails: WSAEMSGSIZE}}
  - {on: root, close: {socket: p}}
  - {on: leaf, close: {socket: p}}
`, []string{"leaf: p sent 4 datagrams of 64 bytes"}},
		{"a member of a group and source that are given", `
steps:
  - {on: leaf, member: {socket: m, group: "232.1.2.3:6000", source: 10.0.1.10}}
  - {on: root, open: {socket: p, protocol: udp4, bind: "10.0.1.10:7000", ttl: 3}}
  - {on: root, send: {socket: p, to: "232.1.2.3:6000", count: 2}}
  - {on: leaf, expect: {socket: m, received: 2}}
  - {on: root, close: {socket: p}}
  - {on: leaf, close: {socket: m}}
`, []string{"leaf: m receives group 232.1.2.3:6000 from source 10.0.1.10"}},
		{"a root that listens also invites, and is turned down once", `
steps:
  - {on: leaf, listen: {socket: l, protocol: mpj4, role: leaf, bind: "10.0.1.11:7000"}}
  - {on: root, listen: {socket: s, protocol: mpj4, bind: "10.0.1.10:5000"}}
  - {on: root, invite: {socket: s, to: "10.0.1.11:7001", fails: WSAECONNREFUSED}}
  - {on: root, invite: {socket: s, to: "10.0.1.11:7000", flags: sender}}
  - {on: root, send: {socket: s, count: 2}}
  - {on: leaf, expect: {socket: l@root, received: 2}}
  - {on: root, close: {socket: s}}
  - {on: leaf, expect: {socket: l@root, closed: 0}}
  - {on: leaf, close: {socket: l}}
`, []string{"leaf: l admits root as l@root", "root: s invited leaf"}},
		{"a leaf that joins again", `
steps:
  - {on: root, listen: {socket: s, protocol: mpj4, bind: "10.0.1.10:5000"}}
  - {on: leaf, join: {socket: s, protocol: mpj4, to: "10.0.1.10:5000"}}
  - {on: leaf, close: {socket: s}}
  - {on: leaf, join: {socket: s, protocol: mpj4, to: "10.0.1.10:5000"}}
  - {on: leaf, close: {socket: s}}
  - {on: root, expect: {socket: "s@leaf#2", closed: 0}}
  - {on: root, close: {socket: s}}
`, []string{"root: s admits leaf as s@leaf#2"}},
		{"nobody is there", `
steps:
  - {link: {port: root/eth0, up: false}}
  - {on: leaf, join: {socket: s, protocol: mpj4, to: "10.0.1.10:5000", fails: WSAENETUNREACH}}
  - {on: leaf, close: {socket: s}}
  - {link: {port: root/eth0, up: true}}
`, []string{"root: eth0 goes down", "root: eth0 goes up"}},
		{"callee data finds no room", `
steps:
  - {on: root, listen: {socket: s, protocol: mpj4, bind: "10.0.1.10:5000", accept: [{callee: too much of it}]}}
  - {on: leaf, join: {socket: s, protocol: mpj4, to: "10.0.1.10:5000", room: 4, fails: WSAEFAULT}}
  - {on: leaf, close: {socket: s}}
  - {on: root, close: {socket: s}}
`, []string{"root: s cannot admit leaf, which has no room for the callee data"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res := small(t, tt.steps)
			report(t, res)
			text := timeline(res)
			for _, line := range tt.lines {
				if !strings.Contains(text, line+"\n") {
					t.Errorf("no %q in\n%s", line, text)
				}
			}
		})
	}
}

// TestWhatFails checks that each kind of failure shows, and where.
func TestWhatFails(t *testing.T) {
	for _, tt := range []struct {
		name, steps string
		checks      []string // that failed
		findings    []string
	}{
		{"fewer datagrams", "steps:" + listens + `
  - {on: root, send: {socket: s, count: 2}}
  - {on: leaf, expect: {socket: s, received: 3, within: 1s}}
  - {on: leaf, close: {socket: s}}
  - {on: root, close: {socket: s}}
`, []string{"FAILED: leaf: s received 3 datagrams; got 2 (0 lost, 0 twice, 0 foreign)"}, nil},
		{"datagrams where none should come", "steps:" + listens + `
  - {on: root, send: {socket: s, count: 2}}
  - {on: leaf, expect: {socket: s, received: 0, within: 1s}}
  - {on: leaf, close: {socket: s}}
  - {on: root, close: {socket: s}}
`, []string{"FAILED: leaf: s received 0 datagrams; got 2 (0 lost, 0 twice, 0 foreign)"}, nil},
		{"lost datagrams", "faults: [{link: lan, drop: udp 5000 from root, nth: 2}]\nsteps:" + listens + `
  - {on: root, send: {socket: s, count: 3}}
  - {on: leaf, expect: {socket: s, received: 2}}
  - {on: leaf, close: {socket: s}}
  - {on: root, close: {socket: s}}
`, []string{"FAILED: leaf: s received 2 datagrams; got 2 (1 lost, 0 twice, 0 foreign)"}, nil},
		{"no indication, no end", "steps:" + listens + `
  - {on: leaf, expect: {socket: s, qos: [WSA_QOS_SENDERS], closed: WSAECONNRESET, within: 1s}}
  - {on: leaf, close: {socket: s}}
  - {on: root, close: {socket: s}}
`, []string{
			"FAILED: leaf: s was told WSA_QOS_SENDERS; got none such",
			"FAILED: leaf: the session of s ended with WSAECONNRESET; got that it goes on",
		}, nil},
		{"another end", "steps:" + listens + `
  - {on: root, close: {socket: s}}
  - {on: leaf, expect: {socket: s, closed: WSAECONNRESET}}
  - {on: leaf, close: {socket: s}}
`, []string{"FAILED: leaf: the session of s ended with WSAECONNRESET; got 0"}, nil},
		{"a join that succeeds", `
steps:
  - {on: root, listen: {socket: s, protocol: mpj4, bind: "10.0.1.10:5000", accept: [{caller: hello, callee: yes}]}}
  - {on: leaf, join: {socket: s, protocol: mpj4, to: "10.0.1.10:5000", caller: hullo, fails: WSAECONNREFUSED}}
  - {on: leaf, close: {socket: s}}
  - {on: root, close: {socket: s}}
`, []string{
			`FAILED: root: leaf asks with caller data "hello"; got "hullo"`,
			"FAILED: leaf: s joined 10.0.1.10:5000, which fails: WSAECONNREFUSED; got success",
		}, nil},
		{"a call that fails ends the steps", `
steps:
  - {on: leaf, join: {socket: s, protocol: mpj4, to: "10.0.1.10:5000"}}
  - {on: leaf, close: {socket: s}}
`, nil, []string{
			"test.yaml:9: s joined 10.0.1.10:5000: WSAJoinLeaf: to the name given: WSAECONNREFUSED (10061)…",
			"0 of 2 steps were run", "left at the end: node leaf is not quiet",
		}},
		{"a bound that is reached", `
steps:
  - {link: {port: root/eth0, up: false}}
  - {on: leaf, join: {socket: s, protocol: mpj4, to: "10.0.1.10:5000", within: 1s}}
`, nil, []string{"test.yaml:10: JoinLeaf to 10.0.1.10:5000 did not end within 1s", "1 of 2 steps were run"}},
		{"a fault that meets nothing", `
faults: [{link: lan, drop: mpj JOIN, nth: 2}]
steps:
  - {sleep: 1s}
`, nil, []string{`the fault "mpj JOIN" on link lan met no frame to drop`}},
		{"a socket left open", `
steps:
  - {on: leaf, open: {socket: p, protocol: udp4, bind: "10.0.1.11:9000"}}
`, nil, []string{"left at the end: node leaf is not quiet"}},
		{"a session that nobody has joined", `
steps:
  - {on: root, listen: {socket: s, protocol: mpj4, bind: "10.0.1.10:5000"}}
  - {on: leaf, member: {socket: m, session: root/s, within: 1s}}
`, nil, []string{
			"test.yaml:10: no join has shown the group of session root/s within 1s", "1 of 2 steps were run",
			"left at the end: node root is not quiet",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res := small(t, tt.steps)
			if res.OK() {
				t.Error("the run passed")
			}
			var failed []string
			for _, c := range res.Checks {
				if !c.OK {
					failed = append(failed, c.String())
				}
			}
			same(t, "failed checks", failed, tt.checks)
			same(t, "findings", res.Findings, tt.findings)
		})
	}
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	ok := len(got) == len(want)
	for i := 0; ok && i < len(got); i++ {
		begin, open := strings.CutSuffix(want[i], "…")
		ok = got[i] == want[i] || open && strings.HasPrefix(got[i], begin)
	}
	if !ok {
		t.Errorf("%s:\n got %s\nwant %s", what, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

// TestCallbacks checks that entries and frames are handed on as they happen.
func TestCallbacks(t *testing.T) {
	sc, err := scenario.Parse("test.yaml", []byte(network+"steps:"+listens+`
  - {on: leaf, close: {socket: s}}
  - {on: root, close: {socket: s}}
`))
	if err != nil {
		t.Fatal(err)
	}
	var lines, frames int
	res, _ := run(t, sc, scenario.Options{
		Line:  func(scenario.Entry) { lines++ },
		Frame: func(f wire.Frame) { frames += min(1, len(f.Data)) },
	})
	if lines != len(res.Timeline) || frames != len(res.Frames) || lines == 0 || frames == 0 {
		t.Errorf("%d of %d lines, %d of %d frames", lines, len(res.Timeline), frames, len(res.Frames))
	}
	if len(res.Sockets) != 3 || res.Sockets[2].Socket != "s" && res.Sockets[2].Socket != "s@leaf" {
		t.Errorf("sockets are %+v", res.Sockets)
	}
	if want := "test on mem, seed 1: passed: 0 of 0 expectations"; !strings.HasPrefix(res.Summary(), want) {
		t.Errorf("summary is %q", res.Summary())
	}
	if findings, err := res.Compare(nil); err == nil && len(findings) == 0 {
		t.Error("an empty golden is the same")
	}
}

// TestStopped checks that a run whose context is done ends, and says so.
func TestStopped(t *testing.T) {
	sc, err := scenario.Parse("test.yaml", []byte(network+"steps:"+listens+"  - {sleep: 1h}\n  - {sleep: 1h}\n"))
	if err != nil {
		t.Fatal(err)
	}
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	res, err := scenario.Run(ctx, sc, scenario.Options{Line: func(e scenario.Entry) {
		if strings.Contains(e.Text, "admits") {
			cancel(why)
		}
	}})
	if !errors.Is(err, why) || res == nil {
		t.Fatalf("got %v, %v", res, err)
	}
	if d := res.End.Sub(res.Start); d > time.Hour {
		t.Errorf("it went on for %v", d)
	}
}

func TestRefused(t *testing.T) {
	if _, err := scenario.Run(t.Context(), &scenario.Scenario{}, scenario.Options{}); err == nil {
		t.Error("an empty scenario runs")
	}
	sc, err := scenario.Parse("test.yaml", []byte(network+"steps: [{sleep: 1s}]"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := scenario.Run(t.Context(), sc, scenario.Options{On: "moon"}); err == nil || !strings.Contains(err.Error(), "there are mem and netns") {
		t.Errorf("got %v", err)
	}
}
