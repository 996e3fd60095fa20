package inet_test

import (
	"fmt"
	"net/netip"

	"github.com/mpstack/mpstack/wire/inet"
)

// A UDP datagram in a frame, built from the outside in and read again.
func Example() {
	src, dst := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("232.1.2.3")
	data := []byte("hello")

	frame := inet.Ethernet{
		Dst: inet.MulticastMAC(dst), Src: inet.MAC{2, 0, 0, 0, 0, 1}, Type: inet.EtherTypeIPv4,
	}.AppendTo(nil)
	frame, err := inet.IPv4{TTL: 1, Proto: inet.ProtoUDP, Src: src, Dst: dst}.
		AppendTo(frame, inet.HeaderLenUDP+len(data))
	if err != nil {
		fmt.Println(err)
		return
	}
	frame, err = inet.UDP{SrcPort: 5000, DstPort: 5000}.AppendTo(frame, src, dst, data)
	if err != nil {
		fmt.Println(err)
		return
	}

	eth, packet, _ := inet.ParseEthernet(frame)
	ip, segment, _ := inet.ParseIPv4(packet)
	udp, got, _ := inet.ParseUDP(segment, ip.Src, ip.Dst)
	fmt.Println(eth.Dst, eth.Type, ip.Src, ip.Dst, udp.DstPort, string(got))

	frame[len(frame)-1] = 'O'
	_, _, err = inet.ParseUDP(segment, ip.Src, ip.Dst)
	fmt.Println(err)
	// Output:
	// 01:00:5e:01:02:03 IPv4 10.0.0.1 232.1.2.3 5000 hello
	// udp: checksum at offset 6: bad checksum
}

// RSVP over IPv6 announces itself to routers with Router Alert, whatever
// options stand before it.
func ExampleParseIPv6() {
	packet, err := inet.IPv6{
		HopLimit: 255, NextHeader: inet.ProtoRSVP,
		Src: netip.MustParseAddr("2001:db8::1"), Dst: netip.MustParseAddr("2001:db8::2"),
		RouterAlert: true, RouterAlertValue: inet.RouterAlertRSVP,
	}.AppendTo(nil, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("% x\n", packet[inet.HeaderLenIPv6:])

	copy(packet[inet.HeaderLenIPv6:], []byte{inet.ProtoRSVP, 0, inet.IPv6OptPadN, 0, inet.IPv6OptRouterAlert, 2, 0, 1})
	h, _, err := inet.ParseIPv6(packet)
	fmt.Println(inet.ProtoName(h.NextHeader), h.RouterAlert, h.RouterAlertValue, err)
	// Output:
	// 2e 00 05 02 00 01 01 00
	// RSVP true 1 <nil>
}

// A router quotes the packet that it could not forward; the sender finds its
// ports in the quote.
func ExampleParseQuote() {
	src, dst := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.9.9.9")
	packet, _ := inet.IPv4{TTL: 64, Proto: inet.ProtoUDP, Src: src, Dst: dst, DF: true}.AppendTo(nil, inet.HeaderLenUDP+1400)
	packet, _ = inet.UDP{SrcPort: 5000, DstPort: 52205}.AppendTo(packet, src, dst, make([]byte, 1400))
	message := inet.NewFragNeeded(1280, packet).AppendV4(nil)

	m, err := inet.ParseICMPv4(message)
	if err != nil {
		fmt.Println(err)
		return
	}
	q, err := inet.ParseQuote(m.Body)
	if err != nil {
		fmt.Println(err)
		return
	}
	from, to, _ := q.Ports()
	fmt.Println(m.FragNeededMTU(), netip.AddrPortFrom(q.Src, from), netip.AddrPortFrom(q.Dst, to))
	// Output: 1280 10.0.0.1:5000 10.9.9.9:52205
}

func ExampleDecrementTTL() {
	packet, _ := inet.IPv4{TTL: 2, Proto: inet.ProtoUDP, Src: netip.MustParseAddr("10.0.0.1"), Dst: netip.MustParseAddr("10.0.0.2")}.AppendTo(nil, 0)
	fmt.Println(inet.DecrementTTL(packet))
	h, _, err := inet.ParseIPv4(packet)
	fmt.Println(h.TTL, err)
	fmt.Println(inet.DecrementTTL(packet)) // expired: send Time Exceeded instead
	// Output:
	// true
	// 1 <nil>
	// false
}
