package inet_test

import (
	"testing"

	"github.com/mpstack/mpstack/wire/inet"
)

// wantNoAllocs fails the test where f allocates.
func wantNoAllocs(t *testing.T, what string, f func()) {
	t.Helper()
	if n := testing.AllocsPerRun(100, f); n != 0 {
		t.Errorf("%s: %v allocations", what, n)
	}
}

func TestParsingDoesNotAllocate(t *testing.T) {
	for name, f := range frames(t) {
		wantNoAllocs(t, name, func() {
			if !readFrame(f) {
				t.Fatal("not read")
			}
		})
	}
}

// readFrame decodes all layers of a frame and reports whether they are right.
func readFrame(frame []byte) bool {
	eth, packet, err := inet.ParseEthernet(frame)
	if err != nil {
		return false
	}
	switch eth.Type {
	case inet.EtherTypeARP:
		_, err = inet.ParseARP(packet)
	case inet.EtherTypeIPv4:
		var h inet.IPv4
		var payload []byte
		if h, payload, err = inet.ParseIPv4(packet); err != nil {
			return false
		}
		switch h.Proto {
		case inet.ProtoUDP:
			_, _, err = inet.ParseUDP(payload, h.Src, h.Dst)
		case inet.ProtoICMP:
			var m inet.ICMP
			if m, err = inet.ParseICMPv4(payload); err == nil && m.IsErrorV4() {
				_, err = inet.ParseQuote(m.Body)
			}
		}
	case inet.EtherTypeIPv6:
		var h inet.IPv6
		var payload []byte
		if h, payload, err = inet.ParseIPv6(packet); err != nil {
			return false
		}
		switch {
		case h.Fragment.More:
		case h.NextHeader == inet.ProtoUDP:
			_, _, err = inet.ParseUDP(payload, h.Src, h.Dst)
		case h.NextHeader == inet.ProtoICMPv6:
			err = readICMPv6(payload, h)
		}
	}
	return err == nil
}

func readICMPv6(b []byte, h inet.IPv6) error {
	m, err := inet.ParseICMPv6(b, h.Src, h.Dst)
	if err != nil {
		return err
	}
	switch m.Type {
	case inet.ICMPv6NeighborSolicitation:
		_, err = inet.ParseNeighborSolicitation(m)
	case inet.ICMPv6NeighborAdvertisement:
		_, err = inet.ParseNeighborAdvertisement(m)
	case inet.ICMPv6RouterSolicitation:
		_, err = inet.ParseRouterSolicitation(m)
	case inet.ICMPv6RouterAdvertisement:
		_, err = inet.ParseRouterAdvertisement(m)
	case inet.ICMPv6Redirect:
		_, err = inet.ParseRedirect(m)
	case inet.ICMPv6PacketTooBig:
		_, err = inet.ParseQuote(m.Body)
	}
	return err
}

func TestAppendingDoesNotAllocate(t *testing.T) {
	buf := make([]byte, 0, 2048)
	data := make([]byte, 1400)
	eth := inet.Ethernet{Dst: mac2, Src: mac1, Type: inet.EtherTypeIPv4}
	h4 := inet.IPv4{TTL: 64, Proto: inet.ProtoUDP, Src: v4a, Dst: v4b, RouterAlert: true}
	h6 := base()
	h6.RouterAlert = true
	raw6 := base()
	raw6.Extensions = unhex(t, "1100000005020001")
	udp := inet.UDP{SrcPort: 5000, DstPort: 52205}
	ns := inet.NeighborSolicitation{Target: target, LinkAddr: mac1, HasLinkAddr: true}
	echo := inet.NewEcho(inet.ICMPv4Echo, 1, 1, data[:56])
	arp := inet.ARP{Op: inet.ARPRequest, SenderMAC: mac1, SenderIP: v4a, TargetIP: v4b}
	redirect := inet.Redirect{Target: ll2, Destination: v6b, Packet: data}
	route := inet.IPv4Route{Type: inet.IPv4OptStrictRoute, Pointer: 4, Route: data[:36]}
	var err error
	tests := map[string]func(b []byte) ([]byte, error){
		"Ethernet, IPv4, UDP": func(b []byte) ([]byte, error) {
			b, err := h4.AppendTo(eth.AppendTo(b), inet.HeaderLenUDP+len(data))
			if err != nil {
				return b, err
			}
			return udp.AppendTo(b, h4.Src, h4.Dst, data)
		},
		"IPv6, UDP": func(b []byte) ([]byte, error) {
			b, err := h6.AppendTo(b, inet.HeaderLenUDP+len(data))
			if err != nil {
				return b, err
			}
			return udp.AppendTo(b, h6.Src, h6.Dst, data)
		},
		"IPv6 with raw extension headers": func(b []byte) ([]byte, error) { return raw6.AppendTo(b, 0) },
		"neighbor solicitation":           func(b []byte) ([]byte, error) { return ns.AppendTo(b, ll1, ll2) },
		"ICMPv4 echo":                     func(b []byte) ([]byte, error) { return echo.AppendV4(b), nil },
		"ICMPv6 echo":                     func(b []byte) ([]byte, error) { return echo.AppendV6(b, v6a, v6b) },
		"ARP":                             arp.AppendTo,
		"redirect":                        func(b []byte) ([]byte, error) { return redirect.AppendTo(b, ll1, v6a) },
		"a source route":                  route.AppendTo,
	}
	for name, f := range tests {
		wantNoAllocs(t, name, func() { _, err = f(buf) })
		noError(t, err)
	}
}

// A parse error costs its error value and nothing that grows with the input.
func TestErrorsAllocateLittle(t *testing.T) {
	huge := make([]byte, 60000)
	parsers := map[string]func(){
		"ethernet": func() { inet.ParseEthernet(huge[:13]) },
		"arp":      func() { inet.ParseARP(huge) },
		"ipv4":     func() { inet.ParseIPv4(huge) },
		"ipv6":     func() { inet.ParseIPv6(huge) },
		"udp":      func() { inet.ParseUDP(huge, v4a, v4b) },
		"icmp":     func() { inet.ParseICMPv4(huge) },
		"quote":    func() { inet.ParseQuote(huge) },
	}
	for name, f := range parsers {
		if n := testing.AllocsPerRun(20, f); n > 6 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
