//go:build netns

package tap_test

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mpstack/mpstack/internal/netns"
	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/stack/link/afpacket"
	"github.com/mpstack/mpstack/stack/link/linktest"
	"github.com/mpstack/mpstack/stack/link/raw"
	"github.com/mpstack/mpstack/stack/link/tap"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/inet"
)

var leafMAC, deviceMAC = linktest.MACA, linktest.MACB

// open makes the device tap0 and configures it as its owner would.
func open(t testing.TB, n *netns.NS, o tap.Options, device netns.Interface) *tap.Link {
	t.Helper()
	o.MAC, device.Name, device.MAC = leafMAC, "tap0", deviceMAC
	l, err := tap.Open(n, "tap0", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	if err := n.Configure(device); err != nil {
		t.Fatal(err)
	}
	return l
}

// onTAP opens the descriptor's end and a packet socket on the device.
func onTAP(socket linktest.OpenPacket) linktest.Open {
	return func(t testing.TB) (a, b link.Reader) {
		t.Helper()
		n := linktest.NewNS(t, "router")
		l := open(t, n, tap.Options{Port: "leaf/eth0"}, netns.Interface{})
		device, err := socket(n, "tap0")
		if err != nil {
			t.Fatal(err)
		}
		return l, device
	}
}

func onRaw(n *netns.NS, ifname string) (link.Reader, error) {
	return linktest.Opened(raw.Open(n, ifname, raw.Options{Port: "router/eth0"}))
}

func onPacket(n *netns.NS, ifname string) (link.Reader, error) {
	return linktest.Opened(afpacket.Open(n, ifname, afpacket.Options{Port: "router/eth0", CheckOffloads: true}))
}

func TestLink(t *testing.T) {
	for name, pair := range map[string]linktest.Open{
		"tap on raw":      onTAP(onRaw),
		"raw on tap":      onTAP(onRaw).Swap(),
		"tap on afpacket": onTAP(onPacket),
		"afpacket on tap": onTAP(onPacket).Swap(),
	} {
		t.Run(name, func(t *testing.T) { linktest.Run(t, pair) })
	}
}

func TestDeviceLivesAsLongAsTheLink(t *testing.T) {
	n := linktest.NewNS(t, "router")
	l := open(t, n, tap.Options{Port: "leaf/eth0", MTU: 1400}, netns.Interface{})
	if got := l.Info(); got != (link.Info{Port: "leaf/eth0", MAC: leafMAC, MTU: 1400}) {
		t.Errorf("%+v", got)
	}
	var ifi *net.Interface
	err := n.Do(func() (err error) { ifi, err = net.InterfaceByName("tap0"); return err })
	if err != nil || ifi.MTU != 1400 || ifi.HardwareAddr.String() != deviceMAC.String() {
		t.Errorf("device %+v, %v", ifi, err)
	}
	o, err := n.Offloads("tap0")
	if o.Rx = false; err != nil || o.Any() {
		t.Errorf("offloads %v, %v", o, err)
	}
	if _, err := tap.Open(n, "tap0", tap.Options{MAC: leafMAC}); err == nil {
		t.Error("a device with the same name is made")
	}
	if sent := l.Counters(); sent != (link.Counters{}) {
		t.Errorf("counters %+v", sent)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if names, err := n.Interfaces(); err != nil || slices.Contains(names, "tap0") {
		t.Errorf("interfaces %v, %v", names, err)
	}
}

func TestFailedOpenLeavesNothing(t *testing.T) {
	n := linktest.NewNS(t, "router")
	_, err := tap.Open(n, "tap0", tap.Options{MAC: leafMAC, MTU: 67})
	if err == nil || !strings.Contains(err.Error(), "MTU") {
		t.Errorf("MTU 67: %v", err)
	}
	if names, err := n.Interfaces(); err != nil || slices.Contains(names, "tap0") {
		t.Errorf("interfaces %v, %v", names, err)
	}
}

// An ordinary kernel host at the device's end answers ARP.
func TestKernelBehindTheDevice(t *testing.T) {
	addr := netip.MustParsePrefix("192.0.2.2/24")
	l := open(t, linktest.NewNS(t, "router"), tap.Options{}, netns.Interface{Kernel: true, Addrs: []netip.Prefix{addr}})
	request := inet.ARP{Op: 1, SenderMAC: leafMAC, SenderIP: netip.MustParseAddr("192.0.2.1"), TargetIP: addr.Addr()}
	b := inet.Ethernet{Dst: inet.Broadcast, Src: leafMAC, Type: inet.EtherTypeARP}.AppendTo(nil)
	b, err := request.AppendTo(b)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Send(wire.Frame{Data: b}); err != nil {
		t.Fatal(err)
	}
	defer linktest.Guard(l).Stop()
	buf := make([]byte, 2000)
	for { // the kernel's IPv6 sends its own things first
		n, err := l.Recv(buf)
		if err != nil {
			t.Fatal(err)
		}
		h, payload, err := inet.ParseEthernet(buf[:n])
		if err != nil || h.Type != inet.EtherTypeARP {
			continue
		}
		reply, err := inet.ParseARP(payload)
		if err != nil || reply.Op != 2 || reply.SenderMAC != deviceMAC || reply.SenderIP != addr.Addr() {
			t.Errorf("reply %+v, %v", reply, err)
		}
		return
	}
}

func TestDeviceDown(t *testing.T) {
	n := linktest.NewNS(t, "router")
	l := open(t, n, tap.Options{}, netns.Interface{})
	if err := n.SetDown("tap0"); err != nil {
		t.Fatal(err)
	}
	f := wire.Frame{Data: inet.Ethernet{Dst: deviceMAC, Src: leafMAC, Type: inet.EtherTypeIPv4}.AppendTo(nil)}
	f.Data = append(f.Data, make([]byte, 46)...)
	if err := l.Send(f); !errors.Is(err, unix.EIO) {
		t.Errorf("sending while down: %v", err)
	}
	if err := n.SetUp("tap0"); err != nil {
		t.Fatal(err)
	}
	if err := l.Send(f); err != nil {
		t.Error(err)
	}
	if c := l.Counters(); c != (link.Counters{Sent: 1, SendErrors: 1}) {
		t.Errorf("%+v", c)
	}
}
