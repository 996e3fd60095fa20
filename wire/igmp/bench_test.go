package igmp_test

import (
	"net/netip"
	"reflect"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/mpstack/mpstack/internal/benchratio"
	"github.com/mpstack/mpstack/wire/igmp"
	"github.com/mpstack/mpstack/wire/inet"
)

// frame returns an Ethernet frame with an IPv4 packet.
func frame(b *testing.B, h inet.IPv4, payload []byte) []byte {
	b.Helper()
	eth := inet.Ethernet{Dst: inet.MulticastMAC(h.Dst), Src: inet.MAC{2, 0, 0, 0, 0, 2}, Type: inet.EtherTypeIPv4}
	f, err := h.AppendTo(eth.AppendTo(nil), len(payload))
	noError(b, err)
	return append(f, payload...)
}

// reportFrame returns an IGMPv3 report that joins one source of one group.
func reportFrame(b *testing.B) []byte {
	b.Helper()
	message, err := igmp.Report{Version: 3, Records: []igmp.Record{
		{Type: igmp.AllowNewSources, Group: group4, Sources: []netip.Addr{source4}}}}.AppendIGMP(nil)
	noError(b, err)
	return frame(b, inet.IPv4{Src: addr("10.0.0.2"), Dst: igmp.AllV3Routers, Proto: inet.ProtoIGMP, TTL: igmp.TTL, TOS: igmp.TOS, RouterAlert: true}, message)
}

// gopacketUDP returns a function that has gopacket's DecodingLayerParser decode
// Ethernet, IPv4 and UDP: the measure, since gopacket's IGMP is no layer that
// one could compare with.
func gopacketUDP(b *testing.B) func() {
	h := inet.IPv4{TTL: 64, Proto: inet.ProtoUDP, Src: source4, Dst: group4}
	datagram, err := inet.UDP{SrcPort: 5000, DstPort: 5000}.AppendTo(nil, h.Src, h.Dst, make([]byte, 1400))
	noError(b, err)
	f := frame(b, h, datagram)
	var eth layers.Ethernet
	var ip layers.IPv4
	var udp layers.UDP
	var payload gopacket.Payload
	parser := gopacket.NewDecodingLayerParser(layers.LayerTypeEthernet, &eth, &ip, &udp, &payload)
	var found []gopacket.LayerType
	return func() {
		if err := parser.DecodeLayers(f, &found); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDecodeReport decodes Ethernet, IPv4 with Router Alert and an IGMPv3
// report, all checksums included.
func BenchmarkDecodeReport(b *testing.B) {
	f := reportFrame(b)
	var m igmp.Message
	ours := func() {
		_, packet, err := inet.ParseEthernet(f)
		if err != nil {
			b.Fatal(err)
		}
		_, message, err := inet.ParseIPv4(packet)
		if err != nil {
			b.Fatal(err)
		}
		if err := m.DecodeIGMP(message); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ours()
		}
	})
	benchratio.AtMost("decode/igmpv3-report", 1.2, ours, gopacketUDP(b))
}

func BenchmarkEncodeReport(b *testing.B) {
	r := igmp.Report{Version: 3, Records: []igmp.Record{{Type: igmp.AllowNewSources, Group: group4, Sources: []netip.Addr{source4}}}}
	out := make([]byte, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		_, err := r.AppendIGMP(out)
		noError(b, err)
	}
}

// TestSizes bounds what a decoded record and message take, in bytes.
func TestSizes(t *testing.T) {
	for _, tt := range []struct {
		v    any
		most uintptr
	}{{igmp.Record{}, 80}, {igmp.Query{}, 80}, {igmp.Message{}, 320}} {
		if n := reflect.TypeOf(tt.v).Size(); n > tt.most {
			t.Errorf("%T has %d bytes, at most %d", tt.v, n, tt.most)
		}
	}
}
