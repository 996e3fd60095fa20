//go:build netns

package cli

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/netns"
)

// callVariable makes the test binary call Main with the arguments that it
// holds, which are not the process's own.
const callVariable = "MPSTACK_TEST_CALL"

// TestMain is also what the test binary runs in the user namespace: then its
// arguments are those that Main was called with.
func TestMain(m *testing.M) {
	switch call := os.Getenv(callVariable); {
	case netns.InUserNS():
		os.Exit(Main(os.Args[1:], os.Stdout, os.Stderr))
	case call != "":
		os.Exit(Main(strings.Fields(call), os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// What runs again in a user namespace gets the arguments of Main.
func TestNetnsArguments(t *testing.T) {
	exe := public(t, os.Args[0])
	scenario, err := os.ReadFile("../../../../testdata/scenarios/reject.yaml")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(filepath.Dir(exe), "reject.yaml")
	if err := os.WriteFile(file, scenario, 0o644); err != nil {
		t.Fatal(err)
	}
	for call, want := range map[string]struct {
		status int
		text   string
	}{
		"run --on netns --quiet " + file:           {0, "reject on netns, seed 4: passed: "},
		"run --on netns --quiet --seed 5 " + file:  {0, "reject on netns, seed 5: passed: "},
		"demo --netns --pcap /nothing/demo.pcapng": {2, "mpstack: --pcap: open /nothing/demo.pcapng: no such file or directory\n"},
	} {
		cmd := exec.CommandContext(t.Context(), exe, "-test.run=none")
		cmd.Env = append(os.Environ(), callVariable+"="+call)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		cmd.WaitDelay = time.Minute
		out, err := cmd.CombinedOutput()
		if failed, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
			t.Fatal(err)
		} else if ok && failed.ExitCode() != want.status || !ok && want.status != 0 {
			t.Errorf("%s: %v, want status %d", call, err, want.status)
		}
		if !strings.Contains(string(out), want.text) {
			t.Errorf("%s does not say %q:\n%s", call, want.text, out)
		}
	}
}

// public copies a program to where everybody can run it.
func public(t *testing.T, program string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "mpstack-cli")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	exe := filepath.Join(dir, "program")
	err = errors.Join(os.Chmod(dir, 0o755), copyFile(exe, program))
	if err != nil {
		t.Fatal(err)
	}
	return exe
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
