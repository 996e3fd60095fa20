package linktest

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mpstack/mpstack/internal/netns"
	"github.com/mpstack/mpstack/stack/link"
)

// OpenPacket opens a packet socket on an interface of a namespace.
type OpenPacket func(ns *netns.NS, ifname string) (link.Reader, error)

// Opened makes the result of a package's Open that of an OpenPacket.
func Opened[L link.Reader](l L, err error) (link.Reader, error) {
	if err != nil {
		return nil, err
	}
	return l, nil
}

// PortName is the name that a link gets where the test has two of them.
func PortName(ns *netns.NS, ifname string) string {
	if ifname != "eth0" {
		return ""
	}
	return ns.Name() + "/" + ifname
}

// BarePair makes a veth pair x0, x1 in one namespace, with the offloads that the
// kernel gives it.
func BarePair(t testing.TB) *netns.NS {
	t.Helper()
	n := NewNS(t, "a")
	as := func(name string) netns.Port {
		return netns.Port{NS: n, Interface: netns.Interface{Name: name, KeepOffloads: true}}
	}
	if err := netns.Veth(as("x0"), as("x1")); err != nil {
		t.Fatal(err)
	}
	return n
}

// NewNS makes a namespace for the duration of a test.
func NewNS(t testing.TB, name string) *netns.NS {
	t.Helper()
	n, err := netns.New(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	return n
}

// Veth makes two namespaces, a and b, with a pair of interfaces named eth0 that
// have the addresses MACA and MACB. Of a and b the rest counts.
func Veth(t testing.TB, a, b netns.Interface) (nsA, nsB *netns.NS) {
	t.Helper()
	nsA, nsB = NewNS(t, "a"), NewNS(t, "b")
	a.Name, a.MAC, b.Name, b.MAC = "eth0", MACA, "eth0", MACB
	if err := netns.Veth(netns.Port{NS: nsA, Interface: a}, netns.Port{NS: nsB, Interface: b}); err != nil {
		t.Fatal(err)
	}
	return nsA, nsB
}

// On opens the interface eth0 of a namespace for the duration of a test.
func (open OpenPacket) On(t testing.TB, ns *netns.NS) link.Reader {
	t.Helper()
	l, err := open(ns, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// Pair opens both ends of a veth pair.
func (open OpenPacket) Pair(t testing.TB) (a, b link.Reader) {
	t.Helper()
	return OnVeth(open, open)(t)
}

// OnVeth opens the ends of a veth pair, each in its own way.
func OnVeth(openA, openB OpenPacket) Open {
	return func(t testing.TB) (a, b link.Reader) {
		t.Helper()
		nsA, nsB := Veth(t, netns.Interface{}, netns.Interface{})
		return openA.On(t, nsA), openB.On(t, nsB)
	}
}

// Weak is a namespace inside which a capability is missing.
type Weak struct {
	*netns.NS
	Lacks int // unix.CAP_NET_RAW, for example
}

// Do runs fn inside, on a thread without the capability.
func (w Weak) Do(fn func() error) error {
	return w.NS.Do(func() error {
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var had, has [2]unix.CapUserData
		if err := unix.Capget(&header, &had[0]); err != nil {
			return err
		}
		has = had
		has[w.Lacks/32].Effective &^= 1 << (w.Lacks % 32)
		if err := unix.Capset(&header, &has[0]); err != nil {
			return err
		}
		err := fn()
		return errors.Join(err, unix.Capset(&header, &had[0]))
	})
}

// TestPrivilege tests what open says without CAP_NET_RAW.
func TestPrivilege(t *testing.T, open func(weak Weak, ifname string) error) {
	_, b := Veth(t, netns.Interface{}, netns.Interface{})
	err := open(Weak{b, unix.CAP_NET_RAW}, "eth0")
	if !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), "CAP_NET_RAW") {
		t.Errorf("%v", err)
	}
}
