//go:build netns

package netns_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/netns"
)

// roleEnv makes the test binary play a program that needs namespaces.
const roleEnv = "MPSTACK_TEST_ROLE"

func TestMain(m *testing.M) {
	role := os.Getenv(roleEnv)
	switch {
	case role == "":
		os.Exit(m.Run())
	case !netns.InUserNS():
		status, err := netns.ReexecInUserNS("-from-parent")
		if err != nil {
			fmt.Println("parent:", err)
			os.Exit(3)
		}
		os.Exit(status)
	}
	os.Exit(child(role))
}

// child is the program inside the user namespace.
func child(role string) int {
	if len(os.Args) != 2 || os.Args[1] != "-from-parent" {
		fmt.Println("arguments", os.Args)
		return 1
	}
	switch role {
	case "probe":
		if _, err := netns.ReexecInUserNS(); !errors.Is(err, netns.ErrUnavailable) {
			fmt.Println("a loop is possible:", err)
			return 1
		}
		if err := netns.CanNetns(); err != nil {
			fmt.Println(err)
			return 1
		}
		fmt.Println("uid", os.Getuid())
		return 7
	case "forbidden":
		return forbidden()
	case "signal":
		got := make(chan os.Signal, 1)
		signal.Notify(got, syscall.SIGTERM)
		fmt.Println("ready")
		select {
		case <-got:
			return 9
		case <-time.After(deadline):
			return 1
		}
	case "hang":
		fmt.Println("ready")
		time.Sleep(time.Minute) // it is killed long before
	case "suicide":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		time.Sleep(time.Minute)
	}
	return 1
}

// forbidden makes user namespaces impossible in this one, which changes nothing
// outside, and tries.
func forbidden() int {
	err := errors.Join(
		os.WriteFile("/proc/sys/user/max_user_namespaces", []byte("0"), 0),
		os.Unsetenv("MPSTACK_USERNS"),
	)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	_, err = netns.ReexecInUserNS("-never")
	fmt.Println(err)
	if !errors.Is(err, netns.ErrUnavailable) {
		return 1
	}
	return 5
}

// program starts the test binary in a role, as root or as nobody. Its standard
// output ends when it and its child have ended.
func program(t *testing.T, role string, uid uint32) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), roleEnv+"="+role)
	if uid != 0 && os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	cmd.Stdout, cmd.Stderr = w, os.Stderr
	err = cmd.Start()
	_ = w.Close()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.SetReadDeadline(time.Now().Add(deadline)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd, bufio.NewReader(r)
}

// status waits for the program and returns its output and exit status.
func status(t *testing.T, cmd *exec.Cmd, out io.Reader) (string, int) {
	t.Helper()
	b, err := io.ReadAll(out)
	if err != nil {
		t.Errorf("its output does not end: %v", err)
	}
	_ = cmd.Wait()
	return strings.TrimSpace(string(b)), cmd.ProcessState.ExitCode()
}

func TestReexecInUserNS(t *testing.T) {
	for name, uid := range map[string]uint32{"root": 0, "nobody": 65534} {
		t.Run(name, func(t *testing.T) {
			cmd, out := program(t, "probe", uid)
			if text, code := status(t, cmd, out); text != "uid 0" || code != 7 {
				t.Errorf("%q, status %d", text, code)
			}
		})
	}
}

func TestReexecWhereForbidden(t *testing.T) {
	cmd, out := program(t, "forbidden", 65534)
	text, code := status(t, cmd, out)
	if want := "sysctl -w user.max_user_namespaces="; code != 5 || !strings.Contains(text, want) {
		t.Errorf("%q, status %d; want it to say %q", text, code, want)
	}
}

func TestReexecForwardsSignals(t *testing.T) {
	cmd, out := program(t, "signal", 65534)
	if line, err := out.ReadString('\n'); line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if text, code := status(t, cmd, out); text != "" || code != 9 {
		t.Errorf("%q, status %d", text, code)
	}
}

func TestReexecReportsASignal(t *testing.T) {
	cmd, out := program(t, "suicide", 65534)
	if text, code := status(t, cmd, out); text != "" || code != 128+int(syscall.SIGKILL) {
		t.Errorf("%q, status %d", text, code)
	}
}

// The child must not survive its parent, whatever ends it.
func TestReexecDiesWithParent(t *testing.T) {
	for name, uid := range map[string]uint32{"root": 0, "nobody": 65534} {
		t.Run(name, func(t *testing.T) {
			cmd, out := program(t, "hang", uid)
			if line, err := out.ReadString('\n'); line != "ready\n" {
				t.Fatalf("%q, %v", line, err)
			}
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			// The child holds the pipe's other end: it ends with the child.
			status(t, cmd, out)
		})
	}
}
