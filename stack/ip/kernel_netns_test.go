//go:build netns

package ip_test

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/internal/netns"
	"github.com/mpstack/mpstack/stack"
	"github.com/mpstack/mpstack/stack/ip"
	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/stack/link/raw"
	mpwire "github.com/mpstack/mpstack/wire"
)

// beside is a machine in real time on one end of a wire whose other end is the
// kernel's, in a namespace of its own.
type beside struct {
	t      *testing.T
	kernel *netns.NS
	drv    *stack.RealTime
	link   link.Reader
	m      *ip.Machine

	mu  sync.Mutex
	got []ip.Output
}

const kernelIf = "eth0"

func newBeside(t *testing.T, cfg ip.Config, in ip.Interface, sysctls ...string) *beside {
	t.Helper()
	b := &beside{t: t, drv: stack.NewRealTime()}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ours, err := netns.New("ours")
	must(err)
	t.Cleanup(func() { _ = ours.Close() })
	b.kernel, err = netns.New("kernel")
	must(err)
	t.Cleanup(func() { _ = b.kernel.Close() })
	must(netns.Veth(netns.Port{NS: ours, Interface: netns.Interface{Name: "p0", MAC: macOf(1, 1)}},
		netns.Port{NS: b.kernel, Interface: netns.Interface{Name: kernelIf, MAC: macOf(2, 1), Kernel: true, Addrs: []netip.Prefix{prefix("10.0.0.2/24")}}}))
	for _, s := range sysctls {
		must(b.kernel.SetSysctl("net/ipv6/conf/"+kernelIf+"/"+s, "1"))
	}
	must(b.kernel.SetDown(kernelIf))
	must(b.kernel.SetUp(kernelIf))
	b.link, err = raw.Open(ours, "p0", raw.Options{})
	must(err)
	cfg.Rand = machine.Rand(1, "ours", "ip")
	b.m = ip.New(cfg)
	b.drv.Attach(func() { b.call(b.m.Advance) })
	t.Cleanup(func() {
		_ = b.link.Close()
		b.drv.Close()
	})
	in.Index, in.MAC, in.MTU, in.Up = 1, macOf(1, 1), 1500, true
	b.call(func(now machine.Time) { must(b.m.AddInterface(now, in)) })
	must(b.drv.Serve(b.link, func(data []byte) {
		b.call(func(now machine.Time) { b.m.HandleFrame(now, 1, data) })
	}))
	return b
}

// call lets f at the machine and sends what comes out.
func (b *beside) call(f func(now machine.Time)) {
	b.drv.Lock()
	defer b.drv.Unlock()
	f(b.drv.Now())
	for o, ok := b.m.Next(); ok; o, ok = b.m.Next() {
		if o.Kind == ip.KindFrame {
			_ = b.link.Send(mpwire.Frame{Data: o.Data}) // what is lost shows
			continue
		}
		c := *o
		c.Datagram.Payload = bytes.Clone(o.Datagram.Payload)
		b.mu.Lock()
		b.got = append(b.got, c)
		b.mu.Unlock()
	}
	at, ok := b.m.Deadline()
	b.drv.Wake(at, ok)
}

// await waits until something holds.
func (b *beside) await(what string, holds func() bool) {
	b.t.Helper()
	for range 750 {
		if holds() {
			return
		}
		b.drv.Lock() // the kernel does not tell: look again after 20 ms
		b.drv.Wait(func() bool { return false }, 20*time.Millisecond)
		b.drv.Unlock()
	}
	b.t.Fatalf("%s: not in 15 s", what)
}

func (b *beside) seen(holds func(ip.Output) bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.got, holds)
}

func (b *beside) kernelHas(p string) bool {
	addrs, err := b.kernel.Addrs(kernelIf)
	if err != nil {
		b.t.Fatal(err)
	}
	return slices.Contains(addrs, prefix(p))
}

// udp exchanges a datagram of a size with the kernel, both ways.
func (b *beside) udp(local, kernel string, size int) {
	b.t.Helper()
	var conn *net.UDPConn
	b.await("the kernel's socket at "+kernel, func() bool { // its address may still be checked
		return b.kernel.Do(func() (err error) {
			conn, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(ap(kernel)))
			return err
		}) == nil
	})
	defer conn.Close()
	var h ip.UDPHandle
	var err error
	b.call(func(now machine.Time) { h, err = b.m.BindUDP(now, ip.Bind{Local: ap(local)}) })
	if err != nil {
		b.t.Fatal(err)
	}
	sent := bytesOf(size)
	b.call(func(now machine.Time) {
		err = b.m.HandleSendUDP(now, ip.Datagram{Src: ap(local), Dst: ap(kernel), Payload: sent})
	})
	if err != nil {
		b.t.Fatal(err)
	}
	buf := make([]byte, 1<<16)
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	n, from, err := conn.ReadFromUDPAddrPort(buf)
	if err != nil || !bytes.Equal(buf[:n], sent) {
		b.t.Fatalf("%s, %d bytes to the kernel: %d arrived, %v", local, size, n, err)
	}
	if _, err := conn.WriteToUDPAddrPort(buf[:n], from); err != nil {
		b.t.Fatal(err)
	}
	b.await(fmt.Sprintf("%s, %d bytes from the kernel", local, size), func() bool {
		return b.seen(func(o ip.Output) bool {
			return o.Kind == ip.KindDatagram && o.Handle == h && bytes.Equal(o.Datagram.Payload, sent)
		})
	})
	b.call(func(now machine.Time) { _ = b.m.CloseUDP(now, h) })
}

// TestKernelHostAutoconfigures: from our router's advertisements the kernel
// takes address, link and default route, and reaches us by them.
func TestKernelHostAutoconfigures(t *testing.T) {
	b := newBeside(t, ip.Config{Forwarding: true}, ip.Interface{Addrs: []netip.Prefix{prefix("2001:db8:1::fe/64")}, Advertise: &ip.Advertise{}},
		"accept_ra", "autoconf")
	kernel := slaac(2, "2001:db8:1::/64")
	b.await("the kernel's address", func() bool { return b.kernelHas(kernel + "/64") })
	b.udp("[2001:db8:1::fe]:7", join(kernel, "8"), 100)
	// By the default route: an address of ours that is not on the link.
	b.call(func(now machine.Time) {
		if err := b.m.AddAddress(now, 1, prefix("2001:db8:ffff::1/128")); err != nil {
			t.Error(err)
		}
	})
	b.udp("[2001:db8:ffff::1]:7", join(kernel, "8"), 100)
}

// TestKernelFragments: what leaves in fragments on either side arrives on the
// other.
func TestKernelFragments(t *testing.T) {
	b := newBeside(t, ip.Config{Forwarding: true}, ip.Interface{Addrs: []netip.Prefix{prefix("10.0.0.1/24"), prefix("2001:db8:1::fe/64")},
		Advertise: &ip.Advertise{}}, "accept_ra", "autoconf")
	kernel := slaac(2, "2001:db8:1::/64")
	b.await("the kernel's address", func() bool { return b.kernelHas(kernel + "/64") })
	for _, size := range []int{1452, 1453, 1473, 3000, 20_000, 65_000} {
		b.udp("10.0.0.1:7", "10.0.0.2:8", size)
		b.udp("[2001:db8:1::fe]:7", join(kernel, "8"), size)
	}
	// Of the kernel's, four over IPv4 and five over IPv6 exceeded the MTU.
	if c := b.m.Counters(); c.Reasm.Whole != 9 || c.Reasm.Overlaps+c.Reasm.NoHeaders != 0 {
		t.Errorf("%+v", c.Reasm)
	}
}

// TestKernelDefendsItsAddress: our check finds the address that the kernel
// has, in both families.
func TestKernelDefendsItsAddress(t *testing.T) {
	b := newBeside(t, ip.Config{}, ip.Interface{DetectConflicts: true, Addrs: []netip.Prefix{prefix("10.0.0.2/24"), prefix("10.0.0.3/24")}})
	address := func(a string, change ip.AddressChange) func() bool {
		return func() bool {
			return b.seen(func(o ip.Output) bool {
				return o.Kind == ip.KindAddress && o.Prefix.Addr() == addr(a) && o.Address == change
			})
		}
	}
	b.await("the conflict", address("10.0.0.2", ip.AddressConflict))
	b.await("the free address", address("10.0.0.3", ip.AddressReady))
	ll := netip.PrefixFrom(addr("fe80::ff:fe00:201"), 64) // the kernel's own
	b.await("the kernel's link-local address", func() bool { return b.kernelHas(ll.String()) })
	b.call(func(now machine.Time) {
		if err := b.m.AddAddress(now, 1, ll); err != nil {
			t.Error(err)
		}
	})
	b.await("the conflict in IPv6", address(ll.Addr().String(), ip.AddressConflict))
}
