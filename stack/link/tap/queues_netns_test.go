//go:build netns

package tap_test

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/mpstack/mpstack/internal/netns"
	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/stack/link/linktest"
	"github.com/mpstack/mpstack/stack/link/tap"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/inet"
)

var leafAddr, hostAddr = netip.MustParseAddr("192.0.2.2"), linktest.KernelAddr.Addr()

// queues opens a device with two queues behind which is a kernel host that
// knows the leaf's address.
func queues(t *testing.T) (n *netns.NS, links []*tap.Link) {
	t.Helper()
	n = linktest.NewNS(t, "router")
	links, err := tap.OpenQueues(n, "tap0", 2, tap.Options{Port: "leaf/eth0", MAC: leafMAC})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		t.Cleanup(func() { _ = l.Close() })
	}
	err = n.Configure(netns.Interface{Name: "tap0", MAC: deviceMAC, Kernel: true, Addrs: []netip.Prefix{linktest.KernelAddr}})
	if err != nil {
		t.Fatal(err)
	}
	return n, links
}

// packet is a UDP datagram between the leaf and the host in an Ethernet frame.
func packet(t *testing.T, srcPort, dstPort uint16, data string) wire.Frame {
	t.Helper()
	u := inet.UDP{SrcPort: srcPort, DstPort: dstPort}
	datagram, err := u.AppendTo(nil, leafAddr, hostAddr, []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	b := inet.Ethernet{Dst: deviceMAC, Src: leafMAC, Type: inet.EtherTypeIPv4}.AppendTo(nil)
	b, err = inet.IPv4{TTL: 64, Proto: inet.ProtoUDP, Src: leafAddr, Dst: hostAddr}.AppendTo(b, len(datagram))
	if err != nil {
		t.Fatal(err)
	}
	return wire.Frame{Data: append(b, datagram...)}
}

// arrival is a datagram of the host's that came in on a queue.
type arrival struct {
	queue   int
	srcPort uint16
	number  int
}

// collect reads all queues, each in a goroutine of its own, until n datagrams
// have come in, and closes them.
func collect(t *testing.T, links []*tap.Link, n int, meanwhile func()) []arrival {
	t.Helper()
	in := make(chan arrival, n)
	ended := make(chan error, len(links))
	for q, l := range links {
		go func() {
			buf := make([]byte, 2000)
			for {
				size, err := l.Recv(buf)
				if err != nil {
					ended <- err
					return
				}
				if port, number, ok := datagram(buf[:size]); ok {
					in <- arrival{q, port, number}
				}
			}
		}()
	}
	guard := linktest.Guard(links[0], links[1])
	meanwhile()
	var all []arrival
	for len(all) < n {
		select {
		case a := <-in:
			all = append(all, a)
		case err := <-ended:
			t.Fatalf("after %d datagrams: %v", len(all), err)
		}
	}
	guard.Stop()
	for _, l := range links {
		_ = l.Close()
	}
	for range links {
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Recv: %v", err)
		}
	}
	return all
}

// datagram reads the host's source port and the datagram's number.
func datagram(frame []byte) (port uint16, number int, ok bool) {
	_, b, err := inet.ParseEthernet(frame)
	if err != nil {
		return 0, 0, false
	}
	ip, b, err := inet.ParseIPv4(b)
	if err != nil || ip.Proto != inet.ProtoUDP {
		return 0, 0, false
	}
	u, data, err := inet.ParseUDP(b, ip.Src, ip.Dst)
	if err != nil || len(data) != 2 {
		return 0, 0, false
	}
	return u.SrcPort, int(binary.BigEndian.Uint16(data)), true
}

// senders opens UDP sockets of the host towards the leaf.
func senders(t *testing.T, n *netns.NS, flows int) []*net.UDPConn {
	t.Helper()
	var conns []*net.UDPConn
	err := n.Do(func() error {
		for range flows {
			c, err := net.DialUDP("udp4", &net.UDPAddr{IP: hostAddr.AsSlice()}, &net.UDPAddr{IP: leafAddr.AsSlice(), Port: 9})
			if err != nil {
				return err
			}
			t.Cleanup(func() { _ = c.Close() })
			conns = append(conns, c)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return conns
}

// answerARP tells the host where the leaf is.
func answerARP(t *testing.T, l link.Link) {
	t.Helper()
	reply := inet.ARP{Op: inet.ARPReply, SenderMAC: leafMAC, SenderIP: leafAddr, TargetMAC: deviceMAC, TargetIP: hostAddr}
	b, err := reply.AppendTo(inet.Ethernet{Dst: deviceMAC, Src: leafMAC, Type: inet.EtherTypeARP}.AppendTo(nil))
	if err != nil {
		t.Fatal(err)
	}
	linktest.Send(t, l, wire.Frame{Data: b})
}

// write sends the numbered datagrams of each flow in turns.
func write(t *testing.T, conns []*net.UDPConn, from, to int) {
	for i := from; i < to; i++ {
		for _, c := range conns {
			if _, err := c.Write(binary.BigEndian.AppendUint16(nil, uint16(i))); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestFlowsArePinnedToQueues(t *testing.T) {
	const flows, each = 32, 10
	n, links := queues(t)
	if err := n.SetSysctl("net/ipv4/conf/tap0/arp_accept", "1"); err != nil {
		t.Fatal(err)
	}
	answerARP(t, links[0]) // unasked: it makes an entry because of arp_accept
	conns := senders(t, n, flows)
	arrivals := collect(t, links, flows*each, func() { write(t, conns, 0, each) })
	queue, next := map[uint16]int{}, map[uint16]int{}
	used := map[int]int{}
	for _, a := range arrivals {
		if q, known := queue[a.srcPort]; known && q != a.queue {
			t.Errorf("flow %d moves from queue %d to %d", a.srcPort, q, a.queue)
		} else if !known {
			used[a.queue]++
		}
		queue[a.srcPort] = a.queue
		if a.number != next[a.srcPort] {
			t.Errorf("flow %d: datagram %d, want %d", a.srcPort, a.number, next[a.srcPort])
		}
		next[a.srcPort]++
	}
	if len(queue) != flows || len(used) != 2 {
		t.Errorf("%d flows, on queues %v", len(queue), used)
	}
	for q, l := range links {
		if c := l.Counters(); c.Received == 0 || c.SendErrors != 0 {
			t.Errorf("queue %d: %+v", q, c)
		}
	}
}

// What the leaf sends on a queue makes the host's answers come in there.
func TestAnsweredFlowFollows(t *testing.T) {
	for want := range 2 {
		n, links := queues(t)
		if err := n.SetSysctl("net/ipv4/conf/tap0/arp_accept", "1"); err != nil {
			t.Fatal(err)
		}
		answerARP(t, links[want])
		conns := senders(t, n, 8)
		for _, c := range conns {
			port := c.LocalAddr().(*net.UDPAddr).Port
			linktest.Send(t, links[want], packet(t, 9, uint16(port), "hello"))
		}
		for _, a := range collect(t, links, 8, func() { write(t, conns, 0, 1) }) {
			if a.queue != want {
				t.Errorf("flow %d was opened on queue %d and answered on %d", a.srcPort, want, a.queue)
			}
		}
	}
}

// The device lives until its last queue is closed.
func TestQueuesOfADevice(t *testing.T) {
	n, links := queues(t)
	if links[0].Info() != links[1].Info() || links[0].Info() != (link.Info{Port: "leaf/eth0", MAC: leafMAC, MTU: 1500}) {
		t.Errorf("%+v, %+v", links[0].Info(), links[1].Info())
	}
	for i, l := range links {
		if names, err := n.Interfaces(); err != nil || !slices.Contains(names, "tap0") {
			t.Errorf("with %d queues closed: %v, %v", i, names, err)
		}
		_ = l.Close()
	}
	if names, err := n.Interfaces(); err != nil || slices.Contains(names, "tap0") {
		t.Errorf("with all queues closed: %v, %v", names, err)
	}
	for _, count := range []int{1, 3} {
		links, err := tap.OpenQueues(n, "tap1", count, tap.Options{MAC: leafMAC})
		if err != nil || len(links) != count {
			t.Fatalf("%d queues: %d, %v", count, len(links), err)
		}
		if _, err := tap.OpenQueues(n, "tap1", 1, tap.Options{MAC: leafMAC}); err == nil || !strings.Contains(err.Error(), "busy") {
			t.Errorf("a device that is there already: %v", err)
		}
		for _, l := range links {
			_ = l.Close()
		}
	}
}
