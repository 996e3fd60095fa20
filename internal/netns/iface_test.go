package netns

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/mpstack/mpstack/wire/inet"
)

func TestCheck(t *testing.T) {
	addrs := []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24")}
	tests := []struct {
		i    Interface
		want string // "" is good
	}{
		{Interface{Name: "eth0"}, ""},
		{Interface{Name: "a23456789012345", MAC: inet.MAC{2}, MTU: 65535, Kernel: true, Addrs: addrs}, ""},
		{Interface{}, "names have 1 to 15 bytes"},
		{Interface{Name: "a234567890123456"}, "names have 1 to 15 bytes"},
		{Interface{Name: "a", MAC: inet.MAC{1}}, "group address"},
		{Interface{Name: "a", MTU: -1}, "out of range"},
		{Interface{Name: "a", MTU: 65536}, "out of range"},
		{Interface{Name: "a", Addrs: addrs}, "that the kernel does not use"},
		{Interface{Name: "a", Kernel: true, Addrs: []netip.Prefix{{}}}, "invalid address"},
	}
	for _, tt := range tests {
		err := tt.i.Check()
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v; want it to say %q", tt.i, err, tt.want)
		}
	}
}

func TestOffloadsString(t *testing.T) {
	all := Offloads{Rx: true, Tx: true, TSO: true, GSO: true, GRO: true, LRO: true}
	for _, tt := range []struct {
		o    Offloads
		want string
	}{
		{Offloads{}, "none"},
		{all, "gro, lro, tso, gso, tx, rx"},
		{all.Sending(), "tso, gso, tx"},
		{all.Receiving(), "gro, lro"},
	} {
		if got := tt.o.String(); got != tt.want {
			t.Errorf("%+v is %q, want %q", tt.o, got, tt.want)
		}
	}
}

func TestDumpRetries(t *testing.T) {
	calls := 0
	v, err := dump(func() (int, error) {
		if calls++; calls < 3 {
			return 1, netlink.ErrDumpInterrupted
		}
		return 2, nil
	})
	if v != 2 || err != nil || calls != 3 {
		t.Errorf("%d, %v after %d calls", v, err, calls)
	}
	calls = 0
	_, err = dump(func() (int, error) { calls++; return 0, netlink.ErrDumpInterrupted })
	if !errors.Is(err, netlink.ErrDumpInterrupted) || calls != dumpTries {
		t.Errorf("%v after %d calls", err, calls)
	}
	calls = 0
	_, err = dump(func() (int, error) { calls++; return 0, unix.EINVAL })
	if !errors.Is(err, unix.EINVAL) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

func TestExplain(t *testing.T) {
	err := Explain(Explain(unix.EPERM))
	if !errors.Is(err, ErrUnavailable) || !errors.Is(err, unix.EPERM) {
		t.Errorf("%v matches neither", err)
	}
	if n := strings.Count(err.Error(), "root"); n != 1 {
		t.Errorf("%q says it %d times", err, n)
	}
	if err := Explain(unix.EINVAL); err != unix.EINVAL {
		t.Errorf("%v", err)
	}
	if Explain(nil) != nil {
		t.Error("an error out of nothing")
	}
}
