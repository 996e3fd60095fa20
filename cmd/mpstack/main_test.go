package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"
)

// bound is the longest that a test waits for anything.
const bound = 60 * time.Second

var (
	binary     string   // the program, built once for all tests
	buildFlags []string // with the race detector where the tests have it
)

const (
	scenarios = "../../testdata/scenarios/"
	goldens   = "../../testdata/pcaps/"
)

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

// runTests builds the program where an ordinary user can run it.
func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "mpstack-test")
	if err == nil {
		defer os.RemoveAll(dir)
		err = os.Chmod(dir, 0o755)
	}
	if err == nil {
		binary = filepath.Join(dir, "mpstack")
		build := exec.Command("go", append(append([]string{"build", "-buildvcs=false"}, buildFlags...), "-o", binary, ".")...)
		build.Stdout, build.Stderr = os.Stderr, os.Stderr
		err = build.Run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "building mpstack:", err)
		return 1
	}
	return m.Run()
}

// answer is what a finished command gave.
type answer struct {
	stdout, stderr string
	status         int            // -1: a signal ended it
	signal         syscall.Signal // 0: none
}

// mpstack runs the program to its end.
func mpstack(t *testing.T, args ...string) answer {
	t.Helper()
	return finish(t, exec.Command(binary, args...))
}

// finish runs a command to its end.
func finish(t *testing.T, cmd *exec.Cmd) answer {
	t.Helper()
	return start(t, cmd).wait()
}

// process is a command that runs.
type process struct {
	t           *testing.T
	cmd         *exec.Cmd
	out, errout spool
	ended       chan struct{}
}

// start starts a command, which is killed at the test's end. What of its
// streams is set stays as it is; the rest is collected.
func start(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := prepare(t, cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.follow()
	return p
}

// prepare is the part of start before the command runs, follow the one after.
func prepare(t *testing.T, cmd *exec.Cmd) *process {
	p := &process{t: t, cmd: cmd, ended: make(chan struct{})}
	if cmd.Stdout == nil {
		cmd.Stdout = &p.out
	}
	if cmd.Stderr == nil {
		cmd.Stderr = &p.errout
	}
	cmd.WaitDelay = bound
	return p
}

func (p *process) follow() {
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait()
		p.out.end()
		p.errout.end()
	}()
	p.t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
	})
}

// wait waits for the end.
func (p *process) wait() answer {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(bound):
		p.t.Fatalf("%v does not end\n%s", p.cmd.Args, short(p.out.String(), p.errout.String()))
	}
	a := answer{stdout: p.out.String(), stderr: p.errout.String(), status: p.cmd.ProcessState.ExitCode()}
	if ws, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		a.signal = ws.Signal()
	}
	return a
}

// send sends a signal.
func (p *process) send(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// says waits until standard output has a text that matches, and returns the
// match and its groups.
func (p *process) says(pattern string) []string {
	p.t.Helper()
	m, ok := p.out.await(regexp.MustCompile(pattern))
	if !ok {
		p.t.Fatalf("%v does not say %q\n%s", p.cmd.Args, pattern, short(p.out.String(), p.errout.String()))
	}
	return m
}

// spool collects an output, and lets others wait for a part of it.
type spool struct {
	mu   sync.Mutex
	b    bytes.Buffer
	grew chan struct{}
	over bool
}

func (s *spool) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.b.Write(b)
	s.wake()
	return len(b), nil
}

func (s *spool) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	s.wake()
}

// wake makes waiters look again. The lock is held.
func (s *spool) wake() {
	if s.grew != nil {
		close(s.grew)
		s.grew = nil
	}
}

func (s *spool) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// await waits until r matches.
func (s *spool) await(r *regexp.Regexp) ([]string, bool) {
	late := time.After(bound)
	for {
		s.mu.Lock()
		m, over := r.FindStringSubmatch(s.b.String()), s.over
		if s.grew == nil {
			s.grew = make(chan struct{})
		}
		grew := s.grew
		s.mu.Unlock()
		if m != nil || over {
			return m, m != nil
		}
		select {
		case <-grew:
		case <-late:
			return nil, false
		}
	}
}

// short is what of an output goes into a message: its end, in one line where
// it is no text.
func short(outputs ...string) string {
	const most = 3000
	var b strings.Builder
	for _, s := range outputs {
		if n := len(s) - most; n > 0 {
			s = fmt.Sprintf("(%d bytes more)…%s", n, s[n:])
		}
		if !utf8.ValidString(s) {
			s = fmt.Sprintf("%.300q…\n", s)
		}
		b.WriteString(s)
	}
	return b.String()
}

// has fails the test unless text contains every one of wants.
func has(t *testing.T, text string, wants ...string) {
	t.Helper()
	for _, w := range wants {
		if !strings.Contains(text, w) {
			t.Errorf("no %q in:\n%s", w, short(text))
		}
	}
}

// is fails the test unless the command ended with the status.
func (a answer) is(t *testing.T, status int) {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d, signal %v, want status %d\n%s", a.status, a.signal, status, short(a.stdout, a.stderr))
	}
}

// complains fails the test unless the command failed with the status and one
// line that contains every one of wants.
func (a answer) complains(t *testing.T, status int, wants ...string) {
	t.Helper()
	a.is(t, status)
	if strings.Count(a.stderr, "\n") != 1 || !strings.HasPrefix(a.stderr, "mpstack: ") || !strings.HasSuffix(a.stderr, "\n") {
		t.Errorf("not one line of mpstack's:\n%s", a.stderr)
	}
	has(t, a.stderr, wants...)
}

// lines decodes JSON lines, each of which is to begin with "v":1.
func lines(t *testing.T, text string) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(text) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil || !strings.HasPrefix(line, `{"v":1,`) {
			t.Fatalf("%q: %v", line, err)
		}
		if at, ok := m["time"]; ok && !instant.MatchString(fmt.Sprint(at)) {
			t.Errorf("time %v", at)
		}
		all = append(all, m)
	}
	return all
}

// instant is UTC with nine digits.
var instant = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$`)

// Every line of this table is one command that says at once what it has to say.
func TestCommands(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	empty, text := file("empty", ""), file("text", "hello, world\n")
	wrong := file("wrong.yaml", "name: x\nlinks: []\n")
	broken := file("broken.yaml", "name: [\n")
	hello := scenarios + "leaf-join.yaml"
	cable := []string{"--backend", "tap", "--iface", "mpstest0"} // nothing is made: the flags are checked before
	with := func(command string, args ...string) []string {
		return append(append([]string{command}, cable...), args...)
	}
	for _, c := range []struct {
		args   []string
		status int
		want   string // on standard output, or in the complaint
	}{
		{[]string{"--help"}, 0, "Available Commands:"},
		{[]string{"help"}, 0, "Available Commands:"},
		{[]string{"help", "demo"}, 0, "--netns"},
		{[]string{"help", "nothing"}, 2, `there is no command "nothing"`},
		{[]string{"--version"}, 0, "mpstack "},
		{[]string{"version"}, 0, "mpstack "},
		{[]string{"version", "--json"}, 0, `{"v":1,"type":"version",`},
		{[]string{"version", "x"}, 2, `not "x"`},
		{[]string{"nothing"}, 2, `there is no command "nothing": see mpstack --help`},
		{[]string{"dmeo", "--netns"}, 2, "did you mean demo?"},
		{[]string{"--nothing"}, 2, "unknown flag: --nothing: see mpstack --help"},
		{[]string{"completion", "bash"}, 0, "__start_mpstack"},
		{[]string{"completion", "zsh"}, 0, "#compdef mpstack"},
		{[]string{"completion", "fish"}, 0, "complete -c mpstack"},
		{[]string{"completion"}, 2, "bash, zsh, fish"},
		{[]string{"completion", "tcsh"}, 2, "bash, zsh, fish"},

		{[]string{"demo", "x"}, 2, "see mpstack demo --help"},
		{[]string{"demo", "--nothing"}, 2, "see mpstack demo --help"},
		{[]string{"demo", "--seed", "x"}, 2, `"x" for "--seed"`},
		{[]string{"demo", "--seed", "-1"}, 2, "give a number in range"},
		{[]string{"demo", "--pcap"}, 2, "needs an argument"},
		{[]string{"demo", "--pcap", dir}, 2, "is a directory"},
		{[]string{"demo", "--pcap", dir + "/no/file"}, 2, "no such file"},
		{[]string{"demo", "--pcap", "/dev/full"}, 2, "no space left"},

		{[]string{"run"}, 2, "takes one file or more"},
		{[]string{"run", dir + "/nothing"}, 2, "no such file"},
		{[]string{"run", dir}, 2, "is a directory"},
		{[]string{"run", hello, wrong}, 2, "wrong.yaml:2:"},
		{[]string{"run", broken}, 2, "broken.yaml:1:"},
		{[]string{"run", "--on", "mars", hello}, 2, "mem and netns"},
		{[]string{"run", "--seed", "x", hello}, 2, "give a number in range"},
		{[]string{"run", "--pcap", "x", hello, hello}, 2, "one scenario"},
		{[]string{"run", "--golden", "x", hello, hello}, 2, "one scenario"},
		{[]string{"run", "--golden", dir + "/nothing", hello}, 2, "no such file"},
		{[]string{"run", "--golden", text, "-q", hello}, 2, "text: "},
		{[]string{"run", "--golden", text, "--pcap", text, hello}, 2, "overwrite the golden"},

		{[]string{"decode"}, 2, "takes one file"},
		{[]string{"decode", "a", "b"}, 2, "takes one file"},
		{[]string{"decode", dir + "/nothing"}, 2, "no such file"},
		{[]string{"decode", dir}, 2, "is a directory"},
		{[]string{"decode", empty}, 2, "is empty"},
		{[]string{"decode", text}, 2, "neither pcapng nor pcap"},
		{[]string{"decode", "/dev/null"}, 2, "truncated"},

		{[]string{"root"}, 2, "give --iface, --addr: see mpstack root --help"},
		{[]string{"leaf"}, 2, "give --iface, --addr, --name: see mpstack leaf --help"},
		{[]string{"leaf", "--iface", "lo", "--name", "10.9.0.1"}, 2, "give --addr: "},
		{[]string{"root", "--iface", "nothing0", "--addr", "10.9.0.1/24"}, 2, "there are lo"},
		{[]string{"root", "--iface", "lo", "--addr", "10.9.0.1/24"}, 2, "no Ethernet"},
		{[]string{"root", "--backend", "tap", "--iface", "lo", "--addr", "10.9.0.1/24"}, 2, "is there already"},
		{[]string{"root", "--backend", "tap", "--iface", "a/b", "--addr", "10.9.0.1/24"}, 2, "1 to 15 bytes"},
		{[]string{"root", "--backend", "tap", "--iface", "sixteen-bytes-ab", "--addr", "10.9.0.1/24"}, 2, "1 to 15 bytes"},
		{[]string{"root", "--backend", "wifi", "--iface", "lo", "--addr", "10.9.0.1/24"}, 2, "raw and tap"},
		{with("root", "--addr", "10.9.0.1"), 2, "ADDRESS/LENGTH"},
		{with("root", "--addr", "10.9.0.0/24"), 2, "no host's address"},
		{with("root", "--addr", "10.9.0.255/24"), 2, "no host's address"},
		{with("root", "--addr", "224.0.0.1/24"), 2, "no host's address"},
		{with("root", "--addr", "::1/128"), 2, "no host's address"},
		{with("root", "--addr", "127.0.0.1/8"), 2, "no host's address"},
		{with("root", "--addr", "10.9.0.1/24,10.9.0.1/16"), 2, "given twice"},
		{with("root", "--addr", "10.9.0.1/24", "--for", "3"), 2, "missing unit"},
		{with("root", "--addr", "10.9.0.1/24", "--for", "-3s"), 2, "above zero"},
		{with("root", "--addr", "10.9.0.1/24", "--rate", "-1"), 2, "give a number in range"},
		{with("root", "--addr", "10.9.0.1/24", "--rate", "4294967296"), 2, "give a number in range"},
		{with("root", "--addr", "10.9.0.1/24", "--data", strings.Repeat("x", 897)), 2, "897 bytes are more than the 896"},
		{with("root", "--addr", "10.9.0.1/24", "--gateway", "x"), 2, "a router's address"},
		{with("root", "--addr", "10.9.0.1/24", "--gateway", "10.8.0.1"), 2, "in no network of --addr"},
		{with("root", "--addr", "10.9.0.1/24", "--gateway", "10.9.0.2,10.9.0.3"), 2, "a second one"},
		{with("root", "--addr", "10.9.0.1/24", "--name", "10.9.0.2"), 2, "none of --addr"},
		{with("root", "--addr", "10.9.0.1/24", "--name", "x"), 2, "[ADDRESS]:PORT"},
		{with("leaf", "--addr", "10.9.0.2/24"), 2, "give --name: "},
		{with("leaf", "--addr", "10.9.0.2/24", "--name", "root"), 2, "[ADDRESS]:PORT"},
		{with("leaf", "--addr", "10.9.0.2/24", "--name", "224.0.0.1"), 2, "no host's address"},
		{with("leaf", "--addr", "10.9.0.2/24", "--name", "10.9.0.1:0"), 2, "the port at which the root listens"},
		{with("leaf", "--addr", "10.9.0.2/24", "--name", "10.9.0.2"), 2, "our own --addr"},
		{with("leaf", "--addr", "10.9.0.2/24", "--name", "fd00::1"), 2, "of its family"},
		{with("leaf", "--addr", "10.9.0.2/24", "--name", "10.8.0.1"), 2, "give a --gateway"},
		{with("leaf", "--addr", "fd09::2/64", "--name", "fe80::1%eth9"), 2, "it is link-local"},
		{with("root", "--addr", "fe80::1/64"), 2, "it is link-local"},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			a := mpstack(t, c.args...)
			if c.status != 0 {
				a.complains(t, c.status, c.want)
				return
			}
			a.is(t, 0)
			has(t, a.stdout, c.want)
			if a.stderr != "" {
				t.Errorf("standard error: %s", a.stderr)
			}
		})
	}
}

// Without a command there is nothing to do: the help, as an error.
func TestNoCommand(t *testing.T) {
	a := mpstack(t)
	a.is(t, 2)
	has(t, a.stderr, "Usage:", "mpstack demo", "Available Commands:")
	if a.stdout != "" {
		t.Errorf("standard output: %s", a.stdout)
	}
}

// Every command has help that fits a terminal, with an example; what prints
// JSON says which fields; what can fail says with which status.
func TestHelp(t *testing.T) {
	for _, c := range []string{"demo", "run", "root", "leaf", "decode", "completion", "version"} {
		a := mpstack(t, c, "--help")
		a.is(t, 0)
		has(t, a.stdout, "mpstack "+c)
		if c != "version" {
			has(t, a.stdout, "Examples:\n  ")
		}
		if strings.Contains(a.stdout, "--json") {
			has(t, a.stdout, `{"v":1,`)
		}
		if c != "completion" && c != "version" && !strings.Contains(a.stdout, "Exit status") {
			t.Errorf("%s: no exit status", c)
		}
		for line := range strings.Lines(a.stdout) {
			if n := len([]rune(line)) - 1; n > 132 {
				t.Errorf("%s: %d columns: %s", c, n, line)
			}
		}
	}
}

// What cannot be written is not passed over.
func TestFull(t *testing.T) {
	for _, args := range [][]string{
		{"version"}, {"run", scenarios + "leaf-join.yaml"}, {"decode", goldens + "reject.pcapng"}, {"demo", "--pcap", "-"},
	} {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(binary, args...)
		cmd.Stdout = full
		a := finish(t, cmd)
		full.Close()
		a.is(t, 2)
		has(t, a.stderr, "no space left on device\n")
		if args[0] != "demo" {
			a.complains(t, 2)
		}
	}
}

// A reader that goes away ends us without a word.
func TestClosedPipe(t *testing.T) {
	for _, args := range [][]string{{"demo"}, {"demo", "--pcap", "-"}, {"decode", goldens + "demo.pcapng"}, {"help"}} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		cmd := exec.Command(binary, args...)
		cmd.Stdout = w
		a := finish(t, cmd)
		w.Close()
		if a.signal != syscall.SIGPIPE {
			t.Errorf("%v: status %d, signal %v", args, a.status, a.signal)
		}
		if strings.Contains(a.stderr, "mpstack:") || strings.Contains(a.stderr, "panic") {
			t.Errorf("%v: %s", args, a.stderr)
		}
	}
}

// head returns the first n bytes that a command writes, and lets it end.
func head(t *testing.T, n int, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, n)
	_, err = io.ReadFull(out, b)
	out.Close()
	if waited := cmd.Wait(); err != nil {
		t.Fatal(errors.Join(err, waited))
	}
	return b
}

// As in a shell: mpstack demo --pcap - | head.
func TestHead(t *testing.T) {
	want, err := os.ReadFile(goldens + "demo.pcapng")
	if err != nil {
		t.Fatal(err)
	}
	if got := head(t, 1000, "demo", "--pcap", "-"); !bytes.Equal(got, want[:1000]) {
		t.Errorf("% x", got)
	}
}
