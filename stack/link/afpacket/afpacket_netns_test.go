//go:build netns

package afpacket_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/mpstack/mpstack/internal/netns"
	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/stack/link/afpacket"
	"github.com/mpstack/mpstack/stack/link/fault"
	"github.com/mpstack/mpstack/stack/link/linktest"
	"github.com/mpstack/mpstack/stack/link/raw"
	"github.com/mpstack/mpstack/stack/link/tee"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/inet"
)

// with opens links with options.
func with(o afpacket.Options) linktest.OpenPacket {
	return func(ns *netns.NS, ifname string) (link.Reader, error) {
		o.Port = linktest.PortName(ns, ifname)
		return linktest.Opened(afpacket.Open(ns, ifname, o))
	}
}

var (
	plain = with(afpacket.Options{})
	likes = with(afpacket.Options{CheckOffloads: true}) // raw
)

func openRaw(ns *netns.NS, ifname string) (link.Reader, error) {
	return linktest.Opened(raw.Open(ns, ifname, raw.Options{Port: linktest.PortName(ns, ifname)}))
}

func open(t *testing.T, n *netns.NS, o afpacket.Options) *afpacket.Link {
	t.Helper()
	return with(o).On(t, n).(*afpacket.Link)
}

func TestLink(t *testing.T) { linktest.RunPacket(t, likes) }

func TestMixed(t *testing.T) {
	wrap := func(l link.Reader) link.Reader {
		return tee.NewReader(fault.NewReader(l, fault.New(), nil), func(wire.Frame) {})
	}
	for name, pair := range map[string]linktest.Open{
		"wrapped":         linktest.Open(plain.Pair).Wrap(wrap),
		"afpacket on raw": linktest.OnVeth(plain, openRaw),
		"raw on afpacket": linktest.OnVeth(openRaw, plain),
		"tagged":          with(afpacket.Options{Tagged: true}).Pair,
		"past the qdisc":  with(afpacket.Options{BypassQdisc: true}).Pair,
	} {
		t.Run(name, func(t *testing.T) { linktest.Run(t, pair) })
	}
}

func TestMendOffloads(t *testing.T) {
	linktest.TestMending(t, with(afpacket.Options{MendOffloads: true, CheckOffloads: true}))
}

// With the kernel's own offloads everything works but what cannot.
func TestOffloadsLeftOn(t *testing.T) {
	s := linktest.NewKernelSender(t, true)
	b := open(t, s.Peer, afpacket.Options{})
	s.WriteSegments(t, 4096, 1000) // longer than the MTU
	s.WriteSegments(t, 500, 100)   // as long as one datagram may be
	s.Write(t, "whole")
	d := linktest.RecvUDP(t, b)
	if string(d.Payload) != "whole" || d.Err != nil || d.Info.Checksum != link.ChecksumValid {
		t.Errorf("received %q, %v, checksum %s", d.Payload, d.Err, d.Info.Checksum)
	}
	c := b.Counters()
	if c.SuperFrames != 2 || c.ChecksumsPartial != 1 || c.ChecksumsCompleted != 1 {
		t.Errorf("%+v", c)
	}
}

func TestKeepPartial(t *testing.T) {
	s := linktest.NewKernelSender(t, true)
	b := open(t, s.Peer, afpacket.Options{KeepPartial: true})
	s.Write(t, "bare")
	d := linktest.RecvUDP(t, b)
	if string(d.Payload) != "bare" || !errors.Is(d.Err, inet.ErrChecksum) || d.Info.Checksum != link.ChecksumPartial {
		t.Errorf("received %q, %v, checksum %s", d.Payload, d.Err, d.Info.Checksum)
	}
	if c := b.Counters(); c.ChecksumsPartial != 1 || c.ChecksumsCompleted != 0 {
		t.Errorf("%+v", c)
	}
}

// TCP's segments are completed where RecvUDP cannot look.
func TestTCPChecksumIsCompleted(t *testing.T) {
	s := linktest.NewKernelSender(t, true)
	b := open(t, s.Peer, afpacket.Options{})
	// the kernel believes its peer to be at MACB, and connects in vain
	err := s.NS.Do(func() error {
		l, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		return netlink.NeighAdd(&netlink.Neigh{LinkIndex: l.Attrs().Index, State: netlink.NUD_PERMANENT,
			IP: net.IPv4(192, 0, 2, 2), HardwareAddr: linktest.MACB[:]})
	})
	if err != nil {
		t.Fatal(err)
	}
	err = s.NS.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return err
		}
		t.Cleanup(func() { _ = unix.Close(fd) })
		err = unix.Connect(fd, &unix.SockaddrInet4{Port: 80, Addr: [4]byte{192, 0, 2, 2}})
		if errors.Is(err, unix.EINPROGRESS) {
			return nil
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for {
		frame := linktest.Recv(t, b)
		ip, segment, err := inet.ParseIPv4(frame[inet.HeaderLenEthernet:])
		if err != nil || ip.Proto != unix.IPPROTO_TCP {
			continue
		}
		if sum := inet.Checksum(segment, inet.PseudoHeaderSum(ip.Src, ip.Dst, ip.Proto, len(segment))); sum != 0 {
			t.Errorf("the checksum is off by %#04x", sum)
		}
		return
	}
}

func TestTags(t *testing.T) {
	nsA, nsB := linktest.Veth(t, netns.Interface{}, netns.Interface{})
	a, b := open(t, nsA, afpacket.Options{}), open(t, nsB, afpacket.Options{Tagged: true})
	without := open(t, nsB, afpacket.Options{})
	frames := []wire.Frame{
		linktest.TaggedFrame(linktest.MACB, linktest.MACA, inet.EtherTypeVLAN, 60, 1),
		linktest.TaggedFrame(linktest.MACB, linktest.MACA, inet.EtherTypeQinQ, 60, 2),
		linktest.Frame(linktest.MACB, linktest.MACA, inet.EtherTypeIPv4, 60, 3),
		linktest.TaggedFrame(linktest.MACB, linktest.MACA, inet.EtherTypeVLAN, linktest.MTU+14, 4),
	}
	twice := linktest.TaggedFrame(linktest.MACB, linktest.MACA, inet.EtherTypeQinQ, 60, 5)
	copy(twice.Data[16:], []byte{0x81, 0x00, 0, 6, 0x08, 0x00})
	frames = append(frames, twice)
	if n, err := link.SendBatch(a, frames); n != len(frames) || err != nil {
		t.Fatalf("sent %d, %v", n, err)
	}
	for _, f := range frames {
		if got := linktest.RecvIn(t, b, len(f.Data)); !bytes.Equal(got, f.Data) {
			t.Errorf("sent %x, received %x", f.Data, got)
		}
	}
	if got := linktest.Mark(t, without); got != 3 {
		t.Errorf("without Tagged, the first frame is %d", got)
	}
	// no room for the tag alone
	linktest.Send(t, a, frames[0])
	linktest.Send(t, a, frames[2])
	if got := linktest.RecvIn(t, b, 60); got[59] != 1 {
		t.Errorf("received %x", got)
	}
	linktest.Send(t, a, linktest.TaggedFrame(linktest.MACB, linktest.MACA, inet.EtherTypeVLAN, 61, 6))
	linktest.Send(t, a, frames[2])
	for range 2 {
		if got := linktest.RecvIn(t, b, 60); got[59] != 3 {
			t.Errorf("received %x", got)
		}
	}
	if c := b.Counters(); c.Oversize != 1 {
		t.Errorf("%+v", c)
	}
}

func TestWithoutPrivilege(t *testing.T) {
	linktest.TestPrivilege(t, func(weak linktest.Weak, ifname string) error {
		_, err := afpacket.Open(weak, ifname, afpacket.Options{})
		return err
	})
}

// Without CAP_NET_ADMIN the buffer is what the system allows.
func TestReceiveBufferWithoutPrivilege(t *testing.T) {
	_, nsB := linktest.Veth(t, netns.Interface{}, netns.Interface{})
	l, err := afpacket.Open(linktest.Weak{NS: nsB, Lacks: unix.CAP_NET_ADMIN}, "eth0", afpacket.Options{ReceiveBuffer: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b, err := os.ReadFile("/proc/sys/net/core/rmem_max")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(l.ReceiveBuffer()), strings.TrimSpace(string(b)); got != want {
		t.Errorf("%s bytes, want %s", got, want)
	}
}

// The buffer is as large as asked for, whatever the system's limit, and holds a
// burst that the default would not.
func TestReceiveBuffer(t *testing.T) {
	nsA, nsB := linktest.Veth(t, netns.Interface{}, netns.Interface{})
	a, b := open(t, nsA, afpacket.Options{}), open(t, nsB, afpacket.Options{})
	small := open(t, nsB, afpacket.Options{ReceiveBuffer: 100_000})
	if b.ReceiveBuffer() != afpacket.DefaultReceiveBuffer || small.ReceiveBuffer() != 100_000 {
		t.Errorf("%d and %d bytes", b.ReceiveBuffer(), small.ReceiveBuffer())
	}
	const burst = 2000
	frames := linktest.Frames(a, b, linktest.MTU+14, make([]byte, burst)...)
	if n, err := link.SendBatch(a, frames); n != burst || err != nil {
		t.Fatalf("sent %d, %v", n, err)
	}
	linktest.RecvMarks(t, b, burst, afpacket.MaxBatch)
	if c := b.Counters(); c != (link.Counters{Received: burst}) {
		t.Errorf("%+v", c)
	}
	if c := small.Counters(); c.KernelDrops == 0 || c.KernelDrops >= burst {
		t.Errorf("the small buffer: %+v", c)
	}
	_ = b.Close()
	if n := b.ReceiveBuffer(); n != 0 {
		t.Errorf("after Close %d", n)
	}
}

// device reads what the kernel says about eth0.
func device(t *testing.T, n *netns.NS) (promisc, allmulti bool, groups string) {
	t.Helper()
	err := n.Do(func() error {
		l, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		ask := nl.NewNetlinkRequest(unix.RTM_GETLINK, 0)
		i := nl.NewIfInfomsg(unix.AF_UNSPEC)
		i.Index = int32(l.Attrs().Index)
		ask.AddData(i)
		answer, err := ask.Execute(unix.NETLINK_ROUTE, 0)
		if err != nil {
			return err
		}
		attrs, err := nl.ParseRouteAttr(answer[0][unix.SizeofIfInfomsg:])
		for _, a := range attrs {
			on := len(a.Value) == 4 && binary.NativeEndian.Uint32(a.Value) > 0
			switch a.Attr.Type {
			case unix.IFLA_PROMISCUITY:
				promisc = on
			case unix.IFLA_ALLMULTI:
				allmulti = on
			}
		}
		if err != nil {
			return err
		}
		b, err := os.ReadFile("/proc/thread-self/net/dev_mcast")
		groups = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return promisc, allmulti, groups
}

func TestMemberships(t *testing.T) {
	nsA, _ := linktest.Veth(t, netns.Interface{}, netns.Interface{})
	expect := func(when string, promisc, allmulti, joined bool) {
		t.Helper()
		p, a, groups := device(t, nsA)
		if has := strings.Contains(groups, "01005e010203"); p != promisc || a != allmulti || has != joined {
			t.Errorf("%s: promiscuous %v, all-multicast %v, group %v", when, p, a, has)
		}
	}
	expect("before", false, false, false)
	p, m := open(t, nsA, afpacket.Options{Promiscuous: true}), open(t, nsA, afpacket.Options{AllMulticast: true})
	expect("with both", true, true, false)
	_, _ = p.Close(), m.Close()
	expect("closed", false, false, false)
	l := open(t, nsA, afpacket.Options{})
	group := inet.MAC{1, 0, 0x5e, 1, 2, 3}
	for range 2 {
		if err := l.JoinGroup(group); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.LeaveGroup(group); err != nil {
		t.Error(err)
	}
	expect("joined", false, false, true)
	if err := l.LeaveGroup(group); err != nil {
		t.Error(err)
	}
	expect("left", false, false, false)
	if err := l.JoinGroup(group); err != nil {
		t.Error(err)
	}
	_ = l.Close()
	expect("joined and closed", false, false, false)
	if err := l.JoinGroup(group); !errors.Is(err, net.ErrClosed) {
		t.Errorf("JoinGroup after Close: %v", err)
	}
}

// What we send passes the queueing discipline by the protocol of its frame, or
// with BypassQdisc passes it by.
func TestQdisc(t *testing.T) {
	nsA, nsB := linktest.Veth(t, netns.Interface{}, netns.Interface{})
	htb(t, nsA)
	b := open(t, nsB, afpacket.Options{})
	for _, tt := range []struct {
		o    afpacket.Options
		want uint32
	}{{afpacket.Options{}, 3}, {afpacket.Options{BypassQdisc: true}, 3}} {
		a := open(t, nsA, tt.o)
		linktest.Send(t, a, linktest.Between(a, b, 60, 1))
		if _, err := link.SendBatch(a, linktest.Frames(a, b, 60, 2, 3)); err != nil {
			t.Fatal(err)
		}
		linktest.RecvMarks(t, b, 3, 3)
		if got := classPackets(t, nsA); got != tt.want {
			t.Errorf("%+v: the class has seen %d packets, want %d", tt.o, got, tt.want)
		}
	}
}

var root, class = netlink.MakeHandle(1, 0), netlink.MakeHandle(1, 1)

// htb makes a class on eth0 for IPv4 alone; the rest passes directly.
func htb(t *testing.T, n *netns.NS) {
	t.Helper()
	err := n.Do(func() error {
		l, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		index := l.Attrs().Index
		err = netlink.QdiscAdd(netlink.NewHtb(netlink.QdiscAttrs{LinkIndex: index, Handle: root, Parent: netlink.HANDLE_ROOT}))
		if err != nil {
			return err
		}
		err = netlink.ClassAdd(netlink.NewHtbClass(netlink.ClassAttrs{LinkIndex: index, Parent: root, Handle: class},
			netlink.HtbClassAttrs{Rate: 1e9, Ceil: 1e9, Buffer: 100_000, Cbuffer: 100_000}))
		if err != nil {
			return err
		}
		return netlink.FilterAdd(&netlink.U32{
			FilterAttrs: netlink.FilterAttrs{LinkIndex: index, Parent: root, Priority: 1, Protocol: unix.ETH_P_IP},
			ClassId:     class,
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func classPackets(t *testing.T, n *netns.NS) (packets uint32) {
	t.Helper()
	err := n.Do(func() error {
		l, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		classes, err := netlink.ClassList(l, root)
		for _, c := range classes {
			if a := c.Attrs(); a.Handle == class && a.Statistics != nil {
				packets = a.Statistics.Basic.Packets
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return packets
}

// Neither sending nor receiving allocates.
func TestAllocations(t *testing.T) {
	nsA, nsB := linktest.Veth(t, netns.Interface{}, netns.Interface{})
	a, b := open(t, nsA, afpacket.Options{}), open(t, nsB, afpacket.Options{})
	defer linktest.Guard(b).Stop()
	f := linktest.Between(a, b, 100, 1)
	frames := []wire.Frame{f, f, f}
	bufs, infos := linktest.Buffers(8)
	n := testing.AllocsPerRun(100, func() {
		if a.Send(f) != nil {
			t.Error("Send fails")
		}
		if _, err := b.Recv(bufs[0]); err != nil {
			t.Error(err)
		}
		if _, err := a.SendBatch(frames); err != nil {
			t.Error(err)
		}
		for got := 0; got < len(frames); {
			n, err := b.RecvBatch(bufs, infos)
			if err != nil {
				t.Fatal(err)
			}
			got += n
		}
	})
	if n != 0 {
		t.Errorf("%v allocations a round", n)
	}
}
