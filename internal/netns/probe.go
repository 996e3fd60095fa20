package netns

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrUnavailable is matched by errors that mean that the system does not let
// this process do what is asked. Their text says what would.
var ErrUnavailable = errors.New("not available here")

// remedy is an error with what to do about it.
type remedy struct {
	err error
	do  string
}

func (r *remedy) Error() string   { return r.err.Error() + " (" + r.do + ")" }
func (r *remedy) Unwrap() []error { return []error{r.err, ErrUnavailable} }

// Explain adds what to do about it to an error of privilege or of a missing
// feature, which then matches ErrUnavailable. Other errors it returns as they
// are, nil among them. Errors of this package are explained already.
func Explain(err error) error {
	if err == nil || errors.Is(err, ErrUnavailable) {
		return err
	}
	for _, known := range []struct {
		errno unix.Errno
		do    string
	}{
		{unix.EPERM, privilegeRemedy()},
		{unix.EACCES, privilegeRemedy()},
		{unix.EROFS, "/proc/sys is read-only: in a container, run it privileged"},
		{unix.EOPNOTSUPP, "the kernel lacks it: load the module veth or tun"},
		{unix.ENOSYS, "the kernel lacks it"},
		{unix.ENOSPC, "the limit of namespaces is reached: see /proc/sys/user/max_net_namespaces"},
	} {
		if errors.Is(err, known.errno) {
			return &remedy{err: err, do: known.do}
		}
	}
	return err
}

func privilegeRemedy() string {
	if InUserNS() {
		return "the user namespace has no privileges: " + userNSRemedy()
	}
	return "run it as root, or with CAP_SYS_ADMIN and CAP_NET_ADMIN"
}

// CanNetns makes a namespace with a veth pair and takes it away again. It
// returns nil, or an error that says what the system lacks.
func CanNetns() error {
	n, err := New("probe")
	if err != nil {
		return err
	}
	defer n.Close()
	return Veth(
		Port{NS: n, Interface: Interface{Name: "probe0"}},
		Port{NS: n, Interface: Interface{Name: "probe1"}},
	)
}

// tunDevice makes TAP devices.
const tunDevice = "/dev/net/tun"

// CanTAP reports whether TAP devices can be made, by opening their device node.
func CanTAP() error {
	f, err := os.OpenFile(tunDevice, os.O_RDWR, 0)
	if err == nil {
		return f.Close()
	}
	do := "run it as root"
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENXIO) || errors.Is(err, unix.ENODEV) {
		do = "load the module tun"
	}
	return fmt.Errorf("netns: TAP devices: %w", &remedy{err: err, do: do})
}

// userNSRemedy names the setting that forbids user namespaces, as far as it
// can be told.
func userNSRemedy() string {
	for _, s := range []struct{ file, bad, good string }{
		{"kernel/unprivileged_userns_clone", "0", "1"},
		{"kernel/apparmor_restrict_unprivileged_userns", "1", "0"},
		{"user/max_user_namespaces", "0", "15000"},
		{"user/max_net_namespaces", "0", "15000"},
	} {
		b, err := os.ReadFile("/proc/sys/" + s.file)
		if err == nil && strings.TrimSpace(string(b)) == s.bad {
			return "run it as root, or allow them: sysctl -w " + strings.ReplaceAll(s.file, "/", ".") + "=" + s.good
		}
	}
	return "run it as root; a container's seccomp profile may forbid them"
}
