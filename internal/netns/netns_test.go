//go:build netns

package netns_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mpstack/mpstack/internal/netns"
	"github.com/mpstack/mpstack/wire/inet"
)

// deadline bounds every wait of these tests.
const deadline = 5 * time.Second

func newNS(t *testing.T, name string) *netns.NS {
	t.Helper()
	n, err := netns.New(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

// here identifies the namespace of the calling thread.
func here() string {
	s, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		return err.Error()
	}
	return s
}

func inside(t *testing.T, n *netns.NS) string {
	t.Helper()
	var id string
	if err := n.Do(func() error { id = here(); return nil }); err != nil {
		t.Error(err)
	}
	return id
}

func TestDo(t *testing.T) {
	home := here()
	a, b := newNS(t, "a"), newNS(t, "b")
	idA, idB := inside(t, a), inside(t, b)
	if idA == home || idB == home || idA == idB {
		t.Errorf("namespaces %s, %s, home %s", idA, idB, home)
	}
	if got := inside(t, nil); got != home {
		t.Errorf("nil NS is %s, home %s", got, home)
	}
	want := errors.New("mine")
	if err := a.Do(func() error { return want }); err != want {
		t.Errorf("Do returns %v", err)
	}
	var nested string
	err := a.Do(func() error { return b.Do(func() error { nested = here(); return nil }) })
	if err != nil || nested != idB {
		t.Errorf("nested Do: %v in %s, want %s", err, nested, idB)
	}
	if err := a.Do(func() error { runtime.Goexit(); return nil }); err == nil {
		t.Error("a function that ends its goroutine counts as a success")
	}
	if a.Name() != "a" || (*netns.NS)(nil).Name() != "host" {
		t.Error("names")
	}
}

func TestDoFromManyGoroutines(t *testing.T) {
	home := here()
	spaces := []*netns.NS{newNS(t, "a"), newNS(t, "b"), nil}
	ids := []string{inside(t, spaces[0]), inside(t, spaces[1]), home}
	var wg sync.WaitGroup
	for g := range 24 {
		wg.Go(func() {
			for i := range 20 {
				k := (g + i) % len(spaces)
				err := spaces[k].Do(func() error {
					if got := here(); got != ids[k] {
						t.Errorf("Do in %s, want %s", got, ids[k])
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
				if got := here(); got != home {
					t.Errorf("a goroutine outside is in %s", got)
				}
			}
		})
	}
	wg.Wait()
}

func TestClose(t *testing.T) {
	n, err := netns.New("x")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := n.Do(func() error { return nil }); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Do after Close: %v", err)
	}
	if err := (*netns.NS)(nil).Close(); err != nil {
		t.Error(err)
	}
}

func TestNewHasLoopbackOnly(t *testing.T) {
	n := newNS(t, "a")
	names, err := n.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	// Kernels with tunnel modules put their fallback devices everywhere.
	if len(names) == 0 || names[0] != "lo" {
		t.Errorf("interfaces %v", names)
	}
	var conn net.PacketConn
	err = n.Do(func() (err error) {
		conn, err = net.ListenPacket("udp4", "127.0.0.1:0")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	echo(t, conn, conn)
}

// echo sends a datagram from a to b's address and waits for it there.
func echo(t *testing.T, a, b net.PacketConn) {
	t.Helper()
	until := time.Now().Add(deadline)
	if err := errors.Join(a.SetDeadline(until), b.SetDeadline(until)); err != nil {
		t.Fatal(err)
	}
	if _, err := a.WriteTo([]byte("hello"), b.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	n, from, err := b.ReadFrom(buf)
	if err != nil || string(buf[:n]) != "hello" || from.String() != a.LocalAddr().String() {
		t.Errorf("received %q from %v, %v; want it from %v", buf[:n], from, err, a.LocalAddr())
	}
}

func prefixes(list ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

func port(n *netns.NS, i netns.Interface) netns.Port { return netns.Port{NS: n, Interface: i} }

func TestVethForUserspaceIsSilent(t *testing.T) {
	a, b := newNS(t, "a"), newNS(t, "b")
	macA, macB := inet.MAC{2, 0, 0, 0, 0, 1}, inet.MAC{2, 0, 0, 0, 0, 2}
	err := netns.Veth(
		port(a, netns.Interface{Name: "eth0", MAC: macA, MTU: 1400}),
		port(b, netns.Interface{Name: "eth0", MAC: macB}),
	)
	if err != nil {
		t.Fatal(err)
	}
	for n, mac := range map[*netns.NS]inet.MAC{a: macA, b: macB} {
		checkSilent(t, n, mac, 1400)
	}
}

func checkSilent(t *testing.T, n *netns.NS, mac inet.MAC, mtu int) {
	t.Helper()
	var ifi *net.Interface
	if err := n.Do(func() (err error) { ifi, err = net.InterfaceByName("eth0"); return err }); err != nil {
		t.Fatal(err)
	}
	if ifi.HardwareAddr.String() != mac.String() || ifi.MTU != mtu || ifi.Flags&net.FlagUp == 0 {
		t.Errorf("%s: %+v", n.Name(), ifi)
	}
	if addrs, err := n.Addrs("eth0"); err != nil || len(addrs) != 0 {
		t.Errorf("%s: addresses %v, %v", n.Name(), addrs, err)
	}
	if v, err := n.Sysctl("net/ipv6/conf/eth0/disable_ipv6"); v != "1" || err != nil {
		t.Errorf("%s: disable_ipv6 = %q, %v", n.Name(), v, err)
	}
	o, err := n.Offloads("eth0")
	if o.Rx = false; err != nil || o.Any() {
		t.Errorf("%s: offloads %v, %v", n.Name(), o, err)
	}
	if sent, err := statistic(n, "tx_packets"); sent != "0" || err != nil {
		t.Errorf("%s: sent %s frames, %v", n.Name(), sent, err)
	}
}

// statistic reads a counter of eth0 from /proc/net/dev's thread view.
func statistic(n *netns.NS, name string) (string, error) {
	column := map[string]int{"rx_packets": 1, "tx_packets": 9}[name]
	var value string
	err := n.Do(func() error {
		b, err := os.ReadFile("/proc/thread-self/net/dev")
		for line := range strings.Lines(string(b)) {
			if _, rest, ok := strings.Cut(line, "eth0:"); ok {
				value = strings.Fields(rest)[column]
			}
		}
		return err
	})
	return value, err
}

func TestKernelHostsTalkAtOnce(t *testing.T) {
	a, b := newNS(t, "a"), newNS(t, "b")
	err := netns.Veth(
		port(a, netns.Interface{Name: "eth0", Kernel: true, Addrs: prefixes("192.0.2.1/24", "2001:db8::1/64")}),
		port(b, netns.Interface{Name: "eth0", Kernel: true, Addrs: prefixes("192.0.2.2/24", "2001:db8::2/64")}),
	)
	if err != nil {
		t.Fatal(err)
	}
	got, err := a.Addrs("eth0")
	if err != nil {
		t.Fatal(err)
	}
	// the kernel adds a link-local address
	if diff := cmp.Diff(prefixes("192.0.2.1/24", "2001:db8::1/64"), got[:min(2, len(got))], comparePrefix); diff != "" {
		t.Error(diff)
	}
	for _, addrs := range [][2]string{{"192.0.2.1:0", "192.0.2.2:0"}, {"[2001:db8::1]:0", "[2001:db8::2]:0"}} {
		ca, cb := listen(t, a, addrs[0]), listen(t, b, addrs[1])
		echo(t, ca, cb)
		echo(t, cb, ca)
	}
}

var comparePrefix = cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })

// listen opens a UDP socket inside n; it is used outside.
func listen(t *testing.T, n *netns.NS, addr string) net.PacketConn {
	t.Helper()
	var conn net.PacketConn
	err := n.Do(func() (err error) {
		conn, err = net.ListenPacket("udp", addr)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// Two kernel hosts behind a kernel router: routes and forwarding.
func TestRoutes(t *testing.T) {
	a, r, b := newNS(t, "a"), newNS(t, "r"), newNS(t, "b")
	for _, pair := range [][2]netns.Port{
		{port(a, netns.Interface{Name: "eth0", Kernel: true, Addrs: prefixes("192.0.2.1/25", "2001:db8:a::1/64")}),
			port(r, netns.Interface{Name: "r-a", Kernel: true, Addrs: prefixes("192.0.2.126/25", "2001:db8:a::f/64")})},
		{port(b, netns.Interface{Name: "eth0", Kernel: true, Addrs: prefixes("192.0.2.129/25", "2001:db8:b::1/64")}),
			port(r, netns.Interface{Name: "r-b", Kernel: true, Addrs: prefixes("192.0.2.254/25", "2001:db8:b::f/64")})},
	} {
		if err := netns.Veth(pair[0], pair[1]); err != nil {
			t.Fatal(err)
		}
	}
	err := errors.Join(
		r.SetSysctl("net/ipv4/ip_forward", "1"),
		r.SetSysctl("net/ipv6/conf/all/forwarding", "1"),
		a.AddRoute(netip.MustParsePrefix("0.0.0.0/0"), netip.MustParseAddr("192.0.2.126"), "eth0"),
		a.AddRoute(netip.MustParsePrefix("2001:db8:b::/64"), netip.MustParseAddr("2001:db8:a::f"), "eth0"),
		b.AddRoute(netip.MustParsePrefix("192.0.2.0/25"), netip.MustParseAddr("192.0.2.254"), "eth0"),
		b.AddRoute(netip.MustParsePrefix("::/0"), netip.MustParseAddr("2001:db8:b::f"), "eth0"),
		a.AddRoute(netip.MustParsePrefix("232.0.0.0/8"), netip.Addr{}, "eth0"),
	)
	if err != nil {
		t.Fatal(err)
	}
	echo(t, listen(t, a, "192.0.2.1:0"), listen(t, b, "192.0.2.129:0"))
	echo(t, listen(t, a, "[2001:db8:a::1]:0"), listen(t, b, "[2001:db8:b::1]:0"))
	err = a.AddRoute(netip.MustParsePrefix("198.51.100.0/24"), netip.MustParseAddr("203.0.113.1"), "eth0")
	if err == nil || !strings.Contains(err.Error(), "198.51.100.0/24") {
		t.Errorf("route by an unreachable router: %v", err)
	}
}

func TestVethInOneNamespace(t *testing.T) {
	n := newNS(t, "a")
	if err := netns.Veth(port(n, netns.Interface{Name: "x0"}), port(n, netns.Interface{Name: "x1"})); err != nil {
		t.Fatal(err)
	}
	if err := n.SetDown("x0"); err != nil {
		t.Error(err)
	}
	if err := n.SetUp("x0"); err != nil {
		t.Error(err)
	}
	if err := n.Configure(netns.Interface{Name: "x0", MTU: 1300}); err != nil {
		t.Error(err)
	}
	if err := n.Delete("x1"); err != nil {
		t.Error(err)
	}
	for _, err := range []error{n.SetUp("x0"), n.Delete("x0"), n.Configure(netns.Interface{Name: "x0"})} {
		if err == nil || !strings.Contains(err.Error(), "x0") {
			t.Errorf("on a deleted interface: %v", err)
		}
	}
}

// With one end in the process's own namespace, as a program on a real machine
// would have it.
func TestVethToHost(t *testing.T) {
	const name = "mpstest0"
	n := newNS(t, "a")
	if err := netns.Veth(port(nil, netns.Interface{Name: name}), port(n, netns.Interface{Name: "eth0"})); err != nil {
		t.Fatal(err)
	}
	var host *netns.NS
	if o, err := host.Offloads(name); err != nil || o.Sending().Any() {
		t.Errorf("offloads %v, %v", o, err)
	}
	if err := host.Delete(name); err != nil {
		t.Error(err)
	}
}

func TestVethErrors(t *testing.T) {
	a, b := newNS(t, "a"), newNS(t, "b")
	good := netns.Interface{Name: "eth0"}
	if err := netns.Veth(port(a, good), port(b, good)); err != nil {
		t.Fatal(err)
	}
	if err := netns.Veth(port(a, good), port(b, netns.Interface{Name: "eth1"})); err == nil {
		t.Error("a name that exists is taken")
	}
	// fails after the pair was made: nothing stays
	bad := netns.Interface{Name: "eth2", MTU: 67} // IPv6 needs 1280, Ethernet 68
	if err := netns.Veth(port(a, netns.Interface{Name: "eth2"}), port(b, bad)); err == nil {
		t.Error("MTU 67 is taken")
	}
	for _, n := range []*netns.NS{a, b} {
		names, err := n.Interfaces()
		if s := strings.Join(names, " "); err != nil || strings.Contains(s, "eth1") || strings.Contains(s, "eth2") {
			t.Errorf("%s has %s, %v", n.Name(), s, err)
		}
	}
}

func TestSysctlIsTheNamespacesOwn(t *testing.T) {
	const name = "net/ipv4/ip_default_ttl"
	a := newNS(t, "a")
	before, err := (*netns.NS)(nil).Sysctl(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.SetSysctl(name, "77"); err != nil {
		t.Fatal(err)
	}
	if v, err := a.Sysctl(name); v != "77" || err != nil {
		t.Errorf("inside: %q, %v", v, err)
	}
	if v, err := (*netns.NS)(nil).Sysctl(name); v != before || err != nil {
		t.Errorf("outside: %q, was %q, %v", v, before, err)
	}
	if err := a.SetSysctl(name, "nonsense"); err == nil {
		t.Error("nonsense is taken")
	}
	if err := a.SetSysctl("net/ipv4/nothing", "1"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("unknown sysctl: %v", err)
	}
	for _, bad := range []string{"kernel/hostname", "net/../kernel/hostname", "", "net"} {
		if err := a.SetSysctl(bad, "x"); err == nil {
			t.Errorf("%q is taken", bad)
		}
		if _, err := a.Sysctl(bad); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}

func TestOffloadErrors(t *testing.T) {
	a := newNS(t, "a")
	for _, name := range []string{"", "nothing0", "a-name-that-is-too-long"} {
		if _, err := a.Offloads(name); err == nil {
			t.Errorf("offloads of %q", name)
		}
		if err := a.DisableOffloads(name); err == nil {
			t.Errorf("offloads of %q are switched off", name)
		}
	}
	if o, err := a.Offloads("lo"); err != nil || !o.Sending().Any() {
		t.Errorf("loopback: %v, %v", o, err)
	}
	// loopback's checksum offload is fixed
	err := a.DisableOffloads("lo")
	if err == nil || !strings.Contains(err.Error(), "ethtool -K lo") || !strings.Contains(err.Error(), "tx") {
		t.Errorf("loopback: %v", err)
	}
}

// check asks for the traps on ifname and that the answer says so much; without
// words, that there is none.
func check(t *testing.T, n *netns.NS, ifname string, words ...string) {
	t.Helper()
	err := n.CheckOffloads(ifname)
	if err != nil && len(words) == 0 {
		t.Error(err)
	}
	for _, want := range words {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

// Both ends in one namespace: the peer's sending is what counts.
func TestTrapsOfAVisiblePeer(t *testing.T) {
	a := newNS(t, "a")
	as := func(name string) netns.Port {
		return netns.Port{NS: a, Interface: netns.Interface{Name: name, KeepOffloads: true}}
	}
	if err := netns.Veth(as("x0"), as("x1")); err != nil {
		t.Fatal(err)
	}
	check(t, a, "x0", "x1 (tso, gso, tx)", "run: "+netns.OffloadCommand("x1"))
	if err := a.DisableOffloads("x0"); err != nil {
		t.Error(err)
	}
	check(t, a, "x1")
	check(t, a, "x0", "x1 (tso, gso, tx)")
	if err := a.MendOffloads("x0"); err != nil {
		t.Error(err)
	}
	check(t, a, "x0")
	if o, err := a.Offloads("x1"); err != nil || !o.Rx || o.Sending().Any() {
		t.Errorf("x1 has %v, %v: only what spoils is switched off", o, err)
	}
}

// The other end in another namespace: this end speaks for it, and is not
// silenced by mending.
func TestTrapsOfAHiddenPeer(t *testing.T) {
	a, b := newNS(t, "a"), newNS(t, "b")
	keep := netns.Interface{Name: "x0", KeepOffloads: true}
	if err := netns.Veth(netns.Port{NS: a, Interface: keep}, netns.Port{NS: b, Interface: keep}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		check(t, a, "x0", "x0 (tso, gso, tx)", netns.OffloadCommand("x0")+", and the same for the other end")
		if err := a.MendOffloads("x0"); err != nil {
			t.Error(err)
		}
	}
	if err := a.DisableOffloads("x0"); err != nil {
		t.Error(err)
	}
	check(t, a, "x0")
}

func TestTrapsElsewhere(t *testing.T) {
	a := newNS(t, "a")
	check(t, a, "nothing0", "nothing0")
	check(t, a, "lo", "lo (gro)", netns.OffloadCommand("lo"))
	if err := a.MendOffloads("lo"); err != nil {
		t.Error(err)
	}
	check(t, a, "lo")
	if err := a.MendOffloads("nothing0"); err == nil {
		t.Error("a missing interface is mended")
	}
}

func TestProbes(t *testing.T) {
	if err := netns.CanNetns(); err != nil {
		t.Error(err)
	}
	if err := netns.CanTAP(); err != nil {
		t.Error(err)
	}
}

// Settle returns at once where there is nothing to wait for. That what is sent
// after it arrives is what the links' tests live by.
func TestSettle(t *testing.T) {
	a, b := newNS(t, "a"), newNS(t, "b")
	x := netns.Interface{Name: "x0"}
	if err := netns.Veth(netns.Port{NS: a, Interface: x}, netns.Port{NS: b, Interface: x}); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"other end down", func() error { return b.SetDown("x0") }},
		{"without a carrier", func() error { return a.Settle("x0") }},
		{"other end up", func() error { return b.SetUp("x0") }},
		{"with a carrier", func() error { return a.Settle("x0") }},
		{"this end down", func() error { return a.SetDown("x0") }},
		{"itself down", func() error { return a.Settle("x0") }},
		{"loopback", func() error { return a.Settle("lo") }},
	} {
		if err := step.do(); err != nil {
			t.Errorf("%s: %v", step.name, err)
		}
	}
	if err := a.Settle("nothing0"); err == nil || !strings.Contains(err.Error(), "nothing0") {
		t.Errorf("a missing interface: %v", err)
	}
}
