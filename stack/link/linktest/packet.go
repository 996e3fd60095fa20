package linktest

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mpstack/mpstack/internal/netns"
	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/inet"
)

// RunPacket tests what holds for every link over a packet socket, and Run's
// part on a veth pair. open must refuse an interface with offloads that spoil
// what it sees.
func RunPacket(t *testing.T, open OpenPacket) {
	t.Run("Veth", func(t *testing.T) { Run(t, open.Pair) })
	for _, test := range []struct {
		name string
		run  func(t *testing.T, open OpenPacket)
	}{
		{"FilterInTheKernel", testFilter},
		{"ErrorsAreTheKernels", testErrors},
		{"LinkDownIsWaitedOut", testDown},
		{"InterfaceRemoved", testRemoved},
		{"OpenRefuses", testRefusals},
		{"OpenChecksOffloads", testOffloads},
		{"KernelSender", testKernelSender},
		{"KernelDropsAreCounted", testKernelDrops},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open) })
	}
}

// pair opens both ends of a veth pair and returns the namespaces too.
func pair(t *testing.T, open OpenPacket) (a, b link.Reader, nsA, nsB *netns.NS) {
	t.Helper()
	nsA, nsB = Veth(t, netns.Interface{}, netns.Interface{})
	return open.On(t, nsA), open.On(t, nsB), nsA, nsB
}

// TaggedFrame is an IPv4 frame with a tag of VLAN 5.
func TaggedFrame(dst, src inet.MAC, typ inet.EtherType, n int, mark byte) wire.Frame {
	f := Frame(dst, src, typ, n, mark)
	binary.BigEndian.PutUint16(f.Data[14:], 5)
	binary.BigEndian.PutUint16(f.Data[16:], uint16(inet.EtherTypeIPv4))
	return f
}

func testFilter(t *testing.T, open OpenPacket) {
	a, b, _, nsB := pair(t, open)
	other := open.On(t, nsB) // what another socket of the host sends is its own, too
	Send(t, other, Frame(MACA, MACB, inet.EtherTypeIPv4, 60, 1))
	Send(t, b, Frame(inet.Broadcast, inet.MAC{2, 9}, inet.EtherTypeARP, 60, 2)) // whatever its source
	Send(t, a, Frame(MACB, MACA, 0x88b5, 60, 3))
	Send(t, a, TaggedFrame(MACB, MACA, inet.EtherTypeVLAN, 60, 4))
	Send(t, a, Frame(MACB, MACB, inet.EtherTypeIPv4, 60, 5)) // reflected: our own address
	Send(t, a, Frame(MACB, MACA, inet.EtherTypeIPv6, 60, 6))
	if got := Mark(t, b); got != 6 {
		t.Errorf("first frame at b is %d, want 6", got)
	}
	expectCounters(t, "b", b, link.Counters{Sent: 1, Received: 1, Own: 1})
	expectMarks(t, "a", RecvMarks(t, a, 2, 1), 1, 2)
}

// Callers may look for the kernel's own errors.
func testErrors(t *testing.T, open OpenPacket) {
	a, b, nsA, _ := pair(t, open)
	if err := a.Send(Between(a, b, MTU+15, 1)); !errors.Is(err, unix.EMSGSIZE) {
		t.Errorf("too long: %v", err)
	}
	if err := nsA.SetDown("eth0"); err != nil {
		t.Fatal(err)
	}
	if err := a.Send(Between(a, b, 60, 1)); !errors.Is(err, unix.ENETDOWN) {
		t.Errorf("sending while down: %v", err)
	}
	if n, err := link.SendBatch(a, Frames(a, b, 60, 1, 2)); n != 0 || !errors.Is(err, unix.ENETDOWN) {
		t.Errorf("sending a batch while down: %d, %v", n, err)
	}
	expectCounters(t, "a", a, link.Counters{SendErrors: 4})
}

func testDown(t *testing.T, open OpenPacket) {
	a, b, nsA, nsB := pair(t, open)
	for i := range byte(3) {
		if err := nsB.SetDown("eth0"); err != nil {
			t.Fatal(err)
		}
		upAgain(t, nsA, nsB)
		Send(t, a, Between(a, b, 60, i))
		if got := Mark(t, b); got != i {
			t.Errorf("frame %d, want %d", got, i)
		}
	}
	// A reader that waits while the interface goes down goes on waiting.
	frames := make(chan []byte, 1)
	go func() {
		buf := make([]byte, 2000)
		n, _ := b.Recv(buf)
		frames <- buf[:n]
	}()
	defer Guard(b).Stop()
	if err := nsB.SetDown("eth0"); err != nil {
		t.Fatal(err)
	}
	upAgain(t, nsA, nsB)
	Send(t, a, Between(a, b, 60, 9))
	if got := <-frames; len(got) != 60 || got[59] != 9 {
		t.Errorf("received %x", got)
	}
	expectCounters(t, "b", b, link.Counters{Received: 4})
}

// upAgain takes b's end up and waits until a's sends.
func upAgain(t *testing.T, nsA, nsB *netns.NS) {
	t.Helper()
	if err := errors.Join(nsB.SetUp("eth0"), nsA.Settle("eth0")); err != nil {
		t.Fatal(err)
	}
}

func testRemoved(t *testing.T, open OpenPacket) {
	_, b, nsA, _ := pair(t, open)
	if err := nsA.Delete("eth0"); err != nil {
		t.Fatal(err)
	}
	if err := b.Send(Frame(MACA, MACB, inet.EtherTypeIPv4, 60, 0)); err == nil {
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
	expectClosed(t, "Recv", <-done)
}

func testRefusals(t *testing.T, open OpenPacket) {
	n := NewNS(t, "a")
	for ifname, want := range map[string]string{"eth7": "eth7 in a", "lo": "not Ethernet's"} {
		if _, err := open(n, ifname); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want it to say %q", ifname, err, want)
		}
	}
}

func testOffloads(t *testing.T, open OpenPacket) {
	n := BarePair(t)
	_, err := open(n, "x0")
	if err == nil || !strings.Contains(err.Error(), "ethtool -K x1 tx off rx off gso off gro off tso off") {
		t.Errorf("with offloads: %v", err)
	}
	if err := n.DisableOffloads("x1"); err != nil {
		t.Fatal(err)
	}
	l, err := open(n, "x0")
	if err != nil {
		t.Fatal(err)
	}
	if got := l.Info().Port; got != "x0" {
		t.Errorf("Port %q", got)
	}
	_ = l.Close()
}

// TestMending tests a packet socket that switches offloads off when it is
// opened.
func TestMending(t *testing.T, open OpenPacket) {
	n := BarePair(t)
	l, err := open(n, "x0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	if o, err := n.Offloads("x1"); err != nil || o.Sending().Any() {
		t.Errorf("the peer has %v, %v", o, err)
	}
}

// What a kernel host sends arrives with checksums and in frames that were cut
// to the MTU, even where the sender asks for segmentation offload.
func testKernelSender(t *testing.T, open OpenPacket) {
	s := NewKernelSender(t, false)
	b := open.On(t, s.Peer)
	s.Write(t, "plain")
	s.WriteSegments(t, 4096, 1000)
	for i, want := range []int{5, 1000, 1000, 1000, 1000, 96} {
		if d := RecvUDP(t, b); len(d.Payload) != want || d.Err != nil {
			t.Errorf("datagram %d has %d bytes, %v; want %d", i, len(d.Payload), d.Err, want)
		}
	}
	if c, _ := link.CountersOf(b); c.SuperFrames+c.Oversize+c.ChecksumsPartial != 0 {
		t.Errorf("%+v", c)
	}
}

// A flood that nobody reads is lost in the kernel, and counted, also after the
// end.
func testKernelDrops(t *testing.T, open OpenPacket) {
	a, b, _, _ := pair(t, open)
	f := Between(a, b, MTU+14, 0)
	drops := func() uint64 {
		c, _ := link.CountersOf(b)
		return c.KernelDrops
	}
	for until := time.Now().Add(Deadline); drops() == 0; {
		if time.Now().After(until) {
			t.Fatal("nothing was dropped")
		}
		for range 100 {
			if err := a.Send(f); err != nil && !errors.Is(err, unix.ENOBUFS) {
				t.Fatal(err)
			}
		}
	}
	before := drops()
	_ = b.Close()
	if after := drops(); after < before {
		t.Errorf("%d frames dropped, after Close %d", before, after)
	}
}

// KernelSender is a kernel host that sends UDP datagrams to a group, in a
// namespace with a veth to Peer.
type KernelSender struct {
	NS, Peer *netns.NS
	conn     *net.UDPConn
}

// KernelAddr is the address of a KernelSender.
var KernelAddr = netip.MustParsePrefix("192.0.2.1/24")

// NewKernelSender makes the pair and the socket. The interfaces keep their
// offloads or not.
func NewKernelSender(t testing.TB, keepOffloads bool) *KernelSender {
	t.Helper()
	s := &KernelSender{}
	s.NS, s.Peer = Veth(t,
		netns.Interface{Kernel: true, Addrs: []netip.Prefix{KernelAddr}, KeepOffloads: keepOffloads},
		netns.Interface{KeepOffloads: keepOffloads})
	if err := s.NS.AddRoute(netip.MustParsePrefix("232.0.0.0/8"), netip.Addr{}, "eth0"); err != nil {
		t.Fatal(err)
	}
	err := s.NS.Do(func() (err error) {
		s.conn, err = net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.IPv4(232, 1, 1, 1), Port: 5000})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.conn.Close() })
	return s
}

// Write sends one datagram.
func (s *KernelSender) Write(t testing.TB, data string) {
	t.Helper()
	if _, err := s.conn.Write([]byte(data)); err != nil {
		t.Fatal(err)
	}
}

// WriteSegments hands the kernel n bytes to send as datagrams of size each.
func (s *KernelSender) WriteSegments(t testing.TB, n, size int) {
	t.Helper()
	rc, err := s.conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	cerr := rc.Control(func(fd uintptr) {
		if err = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT, size); err == nil {
			_, err = unix.Write(int(fd), make([]byte, n))
		}
	})
	if err := errors.Join(cerr, err); err != nil {
		t.Fatal(err)
	}
}

// UDP is a datagram that a link received.
type UDP struct {
	Payload []byte
	Err     error // what inet.ParseUDP says, of the checksum for example
	Info    link.FrameInfo
}

// RecvUDP reads frames up to the next UDP datagram over IPv4.
func RecvUDP(t testing.TB, l link.Reader) UDP {
	t.Helper()
	for {
		frame, info := RecvInfo(t, l, 65536)
		h, packet, err := inet.ParseEthernet(frame)
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
		return UDP{Payload: data, Err: err, Info: info}
	}
}
