package netns

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/vishvananda/netlink"
	vns "github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// NS is a network namespace. A nil *NS is the one that the process runs in.
// Its methods may be called from several goroutines; Close comes last.
type NS struct {
	name   string
	fd     vns.NsHandle
	handle *netlink.Handle
}

// errGoexit is what Do returns where fn ended its goroutine.
var errGoexit = errors.New("netns: the function ended its goroutine")

// New makes a network namespace with nothing in it but its loopback, which is
// up. The name appears in messages only.
func New(name string) (*NS, error) {
	n := &NS{name: name, fd: vns.None()}
	err := onThread(func() (restored bool, err error) {
		home, err := vns.Get()
		if err != nil {
			return true, err
		}
		defer home.Close()
		if n.fd, err = vns.New(); err != nil {
			return errors.Is(err, unix.EPERM), err
		}
		if n.handle, err = netlink.NewHandle(unix.NETLINK_ROUTE); err == nil {
			err = setUp(n.handle, "lo")
		}
		return vns.Set(home) == nil, err
	})
	if err != nil {
		_ = n.Close()
		return nil, fmt.Errorf("netns: making namespace %s: %w", name, Explain(err))
	}
	return n, nil
}

// Name returns the name given to New, "host" for the process's own namespace.
func (n *NS) Name() string {
	if n == nil {
		return "host"
	}
	return n.name
}

// Close gives up the namespace. What still has sockets in it keeps it alive.
// On a nil NS it does nothing; so does a second Close.
func (n *NS) Close() error {
	if n == nil || !n.fd.IsOpen() {
		return nil
	}
	if n.handle != nil {
		n.handle.Close()
	}
	return n.fd.Close()
}

// Do runs fn in the namespace, on a locked thread, and returns fn's error. The
// package comment says what fn must not do.
func (n *NS) Do(fn func() error) error {
	return onThread(func() (restored bool, err error) {
		if n == nil {
			return true, fn()
		}
		if !n.fd.IsOpen() {
			return true, fmt.Errorf("netns: namespace %s: %w", n.name, os.ErrClosed)
		}
		home, err := vns.Get()
		if err != nil {
			return true, n.failed("leaving the thread's own namespace", err)
		}
		defer home.Close()
		if err := vns.Set(n.fd); err != nil {
			return true, n.failed("entering", err)
		}
		err = fn()
		return vns.Set(home) == nil, err
	})
}

// onThread runs fn on a locked thread of a goroutine of its own. Unless fn
// reports that the thread is as it was, the thread ends with the goroutine.
func onThread(fn func() (restored bool, err error)) error {
	err := errGoexit
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		var restored bool
		if restored, err = fn(); restored {
			runtime.UnlockOSThread()
		}
	}()
	<-done
	return err
}

// failed adds namespace and action to an error.
func (n *NS) failed(doing string, err error) error {
	return fmt.Errorf("netns: %s: %s: %w", n.Name(), doing, Explain(err))
}

// with calls fn inside the namespace with a netlink handle.
func (n *NS) with(fn func(h *netlink.Handle) error) error {
	return n.Do(func() error {
		if n != nil {
			return fn(n.handle)
		}
		h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
		if err != nil {
			return err
		}
		defer h.Close()
		return fn(h)
	})
}

// dumpTries is how often an interrupted dump is asked for.
const dumpTries = 10

// dump calls a netlink dump again while it was interrupted: netlink then
// returns a part of the answer only.
func dump[T any](ask func() (T, error)) (T, error) {
	for i := 1; ; i++ {
		v, err := ask()
		if i == dumpTries || !errors.Is(err, netlink.ErrDumpInterrupted) {
			return v, err
		}
	}
}
