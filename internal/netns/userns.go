package netns

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// marker is the environment variable by which a program knows that it was
// started by ReexecInUserNS.
const marker = "MPSTACK_USERNS"

// forwarded are the signals that the child gets when we do.
var forwarded = []os.Signal{
	syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2,
}

// InUserNS reports whether this process was started by ReexecInUserNS.
func InUserNS() bool { return os.Getenv(marker) != "" }

// ReexecInUserNS runs this program again with the given arguments (without the
// program's name) in a user namespace in which our user is root, and in a
// network namespace of its own, and returns the child's exit status: 128 and
// the signal's number where a signal ended it. The child has our standard
// streams, gets our signals, and dies with us, whatever kills us. Its process
// group is its own, so that a Ctrl-C reaches it once.
//
// Where the system does not allow this, and in a child that was started this
// way, the error matches ErrUnavailable.
func ReexecInUserNS(args ...string) (status int, err error) {
	if InUserNS() {
		return 0, fmt.Errorf("netns: user namespace: %w: this is one already", ErrUnavailable)
	}
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Args[0] = os.Args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), marker+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
		Setpgid:     true,
	}
	if err := onThread(func() (bool, error) { return true, run(cmd) }); err != nil {
		return 0, err
	}
	return exitStatus(cmd.ProcessState), nil
}

// run starts cmd and waits for its end. The calling goroutine is locked to its
// thread, because Pdeathsig means the end of the thread that forked.
func run(cmd *exec.Cmd) error {
	signals := make(chan os.Signal, len(forwarded))
	signal.Notify(signals, forwarded...)
	defer signal.Stop(signals)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("netns: user namespace: %w", &remedy{err: err, do: userNSRemedy()})
	}
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		for {
			select {
			case s := <-signals:
				_ = cmd.Process.Signal(s) // it may have ended just now
			case <-ended:
				return
			}
		}
	}()
	err := cmd.Wait()
	if _, failed := errors.AsType[*exec.ExitError](err); failed {
		return nil
	}
	return err
}

func exitStatus(s *os.ProcessState) int {
	if ws, ok := s.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return s.ExitCode()
}
