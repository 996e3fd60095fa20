//go:build netns

package raw_test

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mpstack/mpstack/internal/netns"
	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/stack/link/raw"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/inet"
)

// deadline bounds every wait of these tests.
const deadline = 5 * time.Second

var macA, macB = inet.MAC{2, 0, 0, 0, 0, 1}, inet.MAC{2, 0, 0, 0, 0, 2}

func newNS(t *testing.T, name string) *netns.NS {
	t.Helper()
	n, err := netns.New(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	return n
}

// veth makes two namespaces with a pair of interfaces named eth0.
func veth(t *testing.T, a, b netns.Interface) (nsA, nsB *netns.NS) {
	t.Helper()
	nsA, nsB = newNS(t, "a"), newNS(t, "b")
	a.Name, a.MAC, b.Name, b.MAC = "eth0", macA, "eth0", macB
	if err := netns.Veth(netns.Port{NS: nsA, Interface: a}, netns.Port{NS: nsB, Interface: b}); err != nil {
		t.Fatal(err)
	}
	return nsA, nsB
}

func open(t *testing.T, n *netns.NS, ifname string) *raw.Link {
	t.Helper()
	l, err := raw.Open(n, ifname, raw.Options{Port: n.Name() + "/" + ifname})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func recv(t *testing.T, l link.Reader) []byte {
	t.Helper()
	return recvIn(t, l, 65536)
}

// recvIn reads one frame into so many bytes, or closes the link when that takes
// too long.
func recvIn(t *testing.T, l link.Reader, room int) []byte {
	t.Helper()
	buf := make([]byte, room)
	timer := time.AfterFunc(deadline, func() { _ = l.Close() })
	n, err := l.Recv(buf)
	timer.Stop()
	if err != nil {
		t.Fatal(err)
	}
	return buf[:n]
}

// frame is an Ethernet frame of n bytes marked with a number.
func frame(dst, src inet.MAC, etherType inet.EtherType, n int, mark byte) wire.Frame {
	b := inet.Ethernet{Dst: dst, Src: src, Type: etherType}.AppendTo(nil)
	for i := len(b); i < n; i++ {
		b = append(b, byte(i))
	}
	b[n-1] = mark
	return wire.Frame{Data: b}
}

func send(t *testing.T, l link.Link, f wire.Frame) {
	t.Helper()
	if err := l.Send(f); err != nil {
		t.Fatal(err)
	}
}

// mark reads a frame and returns its mark.
func mark(t *testing.T, l link.Reader) byte {
	t.Helper()
	f := recv(t, l)
	return f[len(f)-1]
}

func TestFilterInTheKernel(t *testing.T) {
	nsA, nsB := veth(t, netns.Interface{}, netns.Interface{})
	a, b := open(t, nsA, "eth0"), open(t, nsB, "eth0")
	other := open(t, nsB, "eth0") // what another socket of the host sends is its own, too
	send(t, other, frame(macA, macB, inet.EtherTypeIPv4, 60, 1))
	send(t, b, frame(inet.Broadcast, inet.MAC{2, 9}, inet.EtherTypeARP, 60, 2)) // whatever its source
	send(t, a, frame(macB, macA, 0x88b5, 60, 3))
	tagged := frame(macB, macA, inet.EtherTypeVLAN, 60, 4)
	binary.BigEndian.PutUint16(tagged.Data[14:], 5)
	binary.BigEndian.PutUint16(tagged.Data[16:], uint16(inet.EtherTypeIPv4))
	send(t, a, tagged)
	send(t, a, frame(macB, macB, inet.EtherTypeIPv4, 60, 5)) // reflected: our own address
	send(t, a, frame(macB, macA, inet.EtherTypeIPv6, 60, 6))
	if got := mark(t, b); got != 6 {
		t.Errorf("first frame at b is %d, want 6", got)
	}
	if c := b.Counters(); c != (link.Counters{Sent: 1, Received: 1, Own: 1}) {
		t.Errorf("b: %+v", c)
	}
	for want := byte(1); want <= 2; want++ {
		if got := mark(t, a); got != want {
			t.Errorf("frame at a is %d, want %d", got, want)
		}
	}
}

func TestLinkDownIsWaitedOut(t *testing.T) {
	nsA, nsB := veth(t, netns.Interface{}, netns.Interface{})
	a, b := open(t, nsA, "eth0"), open(t, nsB, "eth0")
	for i := range byte(3) {
		if err := nsB.SetDown("eth0"); err != nil {
			t.Fatal(err)
		}
		if err := b.Send(frame(macA, macB, inet.EtherTypeIPv4, 60, 0)); !errors.Is(err, unix.ENETDOWN) {
			t.Errorf("sending while down: %v", err)
		}
		if err := nsB.SetUp("eth0"); err != nil {
			t.Fatal(err)
		}
		send(t, a, frame(macB, macA, inet.EtherTypeIPv4, 60, i))
		if got := mark(t, b); got != i {
			t.Errorf("frame %d, want %d", got, i)
		}
	}
	if c := b.Counters(); c.SendErrors != 3 || c.Received != 3 {
		t.Errorf("%+v", c)
	}
}

func TestInterfaceRemoved(t *testing.T) {
	nsA, nsB := veth(t, netns.Interface{}, netns.Interface{})
	b := open(t, nsB, "eth0")
	if err := nsA.Delete("eth0"); err != nil {
		t.Fatal(err)
	}
	if err := b.Send(frame(macA, macB, inet.EtherTypeIPv4, 60, 0)); err == nil {
		t.Error("sending on a removed interface is a success")
	}
	done := make(chan error, 1)
	go func() {
		_, err := b.Recv(make([]byte, 2000))
		done <- err
	}()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Recv: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	n := newNS(t, "a")
	if _, err := raw.Open(n, "eth7", raw.Options{}); err == nil || !strings.Contains(err.Error(), "eth7 in a") {
		t.Errorf("missing interface: %v", err)
	}
	if _, err := raw.Open(n, "lo", raw.Options{}); err == nil || !strings.Contains(err.Error(), "not Ethernet's") {
		t.Errorf("loopback: %v", err)
	}
}

func TestOpenVerifiesOffloads(t *testing.T) {
	n := newNS(t, "a")
	if err := makeBareVeth(n); err != nil {
		t.Fatal(err)
	}
	if err := n.SetUp("x0"); err != nil {
		t.Fatal(err)
	}
	_, err := raw.Open(n, "x0", raw.Options{})
	if err == nil || !strings.Contains(err.Error(), "ethtool -K x0 tx off rx off gso off gro off tso off") {
		t.Errorf("with offloads: %v", err)
	}
	l, err := raw.Open(n, "x0", raw.Options{AnyOffloads: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := l.Info().Port; got != "x0" {
		t.Errorf("Port %q", got)
	}
	_ = l.Close()
	if err := n.DisableOffloads("x0"); err != nil {
		t.Fatal(err)
	}
	if l, err = raw.Open(n, "x0", raw.Options{}); err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
}

// What a kernel host sends must arrive with checksums and in frames that were
// cut to the MTU, even where the sender asks for segmentation offload.
func TestKernelSenderOnVeth(t *testing.T) {
	src := netip.MustParsePrefix("192.0.2.1/24")
	nsA, nsB := veth(t, netns.Interface{Kernel: true, Addrs: []netip.Prefix{src}}, netns.Interface{})
	if err := nsA.AddRoute(netip.MustParsePrefix("232.0.0.0/8"), netip.Addr{}, "eth0"); err != nil {
		t.Fatal(err)
	}
	b := open(t, nsB, "eth0")
	err := nsA.Do(func() error {
		conn, err := net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.IPv4(232, 1, 1, 1), Port: 5000})
		if err != nil {
			return err
		}
		defer conn.Close()
		if _, err := conn.Write([]byte("plain")); err != nil {
			return err
		}
		return sendSegmented(conn)
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{5, 1000, 1000, 1000, 1000, 96} {
		if n := udpLength(t, b); n != want {
			t.Errorf("datagram %d has %d bytes, want %d", i, n, want)
		}
	}
	if c := b.Counters(); c.Oversize != 0 {
		t.Errorf("%d frames longer than the MTU", c.Oversize)
	}
}

// sendSegmented hands the kernel 4,096 bytes to send as datagrams of 1,000.
func sendSegmented(conn *net.UDPConn) error {
	rc, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	cerr := rc.Control(func(fd uintptr) {
		if err = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT, 1000); err == nil {
			_, err = unix.Write(int(fd), make([]byte, 4096))
		}
	})
	return errors.Join(cerr, err)
}

// udpLength reads frames up to the next UDP datagram, verifies it, and returns
// the length of its payload.
func udpLength(t *testing.T, l link.Reader) int {
	t.Helper()
	for {
		h, packet, err := inet.ParseEthernet(recv(t, l))
		if err != nil || h.Type != inet.EtherTypeIPv4 {
			continue
		}
		ip, payload, err := inet.ParseIPv4(packet)
		if err != nil {
			t.Fatal(err)
		}
		if ip.Proto != inet.ProtoUDP {
			continue
		}
		_, data, err := inet.ParseUDP(payload, ip.Src, ip.Dst)
		if err != nil {
			t.Fatal(err)
		}
		return len(data)
	}
}

// A flood that nobody reads is lost in the kernel, and counted.
func TestKernelDropsAreCounted(t *testing.T) {
	nsA, nsB := veth(t, netns.Interface{}, netns.Interface{})
	a, b := open(t, nsA, "eth0"), open(t, nsB, "eth0")
	f := frame(macB, macA, inet.EtherTypeIPv4, 1514, 0)
	until := time.Now().Add(deadline)
	for b.Counters().KernelDrops == 0 {
		if time.Now().After(until) {
			t.Fatal("nothing was dropped")
		}
		for range 100 {
			if err := a.Send(f); err != nil && !errors.Is(err, syscall.ENOBUFS) {
				t.Fatal(err)
			}
		}
	}
}
