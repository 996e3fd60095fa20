package tap

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mpstack/mpstack/wire/inet"
)

// nowhere is a namespace that must not be entered.
type nowhere struct{ t *testing.T }

func (nowhere) Name() string { return "nowhere" }

func (n nowhere) Do(func() error) error {
	n.t.Error("Do was called")
	return nil
}

func TestOpenRefusesAddresses(t *testing.T) {
	for _, mac := range []inet.MAC{{}, inet.Broadcast, {0x33, 0x33}} {
		_, err := Open(nowhere{t}, "tap0", Options{MAC: mac})
		if err == nil || !strings.Contains(err.Error(), "cannot have the address "+mac.String()) {
			t.Errorf("%s: %v", mac, err)
		}
	}
}

func TestOpenQueuesRefuses(t *testing.T) {
	for _, n := range []int{-1, 0, MaxQueues + 1} {
		_, err := OpenQueues(nowhere{t}, "tap0", n, Options{MAC: inet.MAC{2}})
		if err == nil || !strings.Contains(err.Error(), "1 to 256") {
			t.Errorf("%d queues: %v", n, err)
		}
	}
}

func TestPrivilege(t *testing.T) {
	tests := []struct {
		err        error
		permission bool
		want       string
	}{
		{unix.EACCES, true, "opening /dev/net/tun: permission denied (run it as root)"},
		{errors.New("Tuntap IOCTL TUNSETIFF failed [0], errno operation not permitted"), true, "CAP_NET_ADMIN"},
		{unix.ENOENT, false, "no such file"},
	}
	for _, tt := range tests {
		got := privilege(tt.err)
		if errors.Is(got, os.ErrPermission) != tt.permission || !strings.Contains(got.Error(), tt.want) {
			t.Errorf("%v becomes %v", tt.err, got)
		}
	}
}
