package inet_test

import (
	"encoding/binary"
	"reflect"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/mpstack/mpstack/internal/benchratio"
	"github.com/mpstack/mpstack/wire/inet"
)

// udpFrame returns a frame with n bytes of UDP payload.
func udpFrame(b testing.TB, n int) []byte {
	b.Helper()
	f := inet.Ethernet{Dst: mac2, Src: mac1, Type: inet.EtherTypeIPv4}.AppendTo(nil)
	f, err := inet.IPv4{TTL: 64, Proto: inet.ProtoUDP, Src: v4a, Dst: v4b}.AppendTo(f, inet.HeaderLenUDP+n)
	noError(b, err)
	f, err = inet.UDP{SrcPort: 5000, DstPort: 52205}.AppendTo(f, v4a, v4b, make([]byte, n))
	noError(b, err)
	return f
}

// decode returns a function that decodes Ethernet, IPv4 and UDP with all
// checksums.
func decode(b *testing.B, f []byte) func() {
	return func() {
		_, packet, err := inet.ParseEthernet(f)
		if err != nil {
			b.Fatal(err)
		}
		h, segment, err := inet.ParseIPv4(packet)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err = inet.ParseUDP(segment, h.Src, h.Dst); err != nil {
			b.Fatal(err)
		}
	}
}

// decodeUnsummed is decode without UDP's checksum: as a link with checksum
// offload needs it, and as gopacket does it.
func decodeUnsummed(b *testing.B, f []byte) func() {
	return func() {
		_, packet, err := inet.ParseEthernet(f)
		if err != nil {
			b.Fatal(err)
		}
		_, segment, err := inet.ParseIPv4(packet)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err = inet.ParseUDPHeader(segment); err != nil {
			b.Fatal(err)
		}
	}
}

// gopacketDecode returns a function that has gopacket's DecodingLayerParser
// decode the frame. It verifies no checksum.
func gopacketDecode(b *testing.B, f []byte) func() {
	var eth layers.Ethernet
	var ip layers.IPv4
	var udp layers.UDP
	var payload gopacket.Payload
	parser := gopacket.NewDecodingLayerParser(layers.LayerTypeEthernet, &eth, &ip, &udp, &payload)
	var found []gopacket.LayerType
	return func() {
		if err := parser.DecodeLayers(f, &found); err != nil || len(found) != 4 {
			b.Fatal(found, err)
		}
	}
}

func loop(b *testing.B, name string, f func()) {
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			f()
		}
	})
}

// BenchmarkDecode decodes Ethernet, IPv4 and UDP beside gopacket: a frame of 60
// bytes with all checksums, and one of 1,442 with what gopacket does, too.
func BenchmarkDecode(b *testing.B) {
	short, long := udpFrame(b, 18), udpFrame(b, 1400)
	loop(b, "60", decode(b, short))
	loop(b, "60-gopacket", gopacketDecode(b, short))
	loop(b, "1442", decode(b, long))
	loop(b, "1442-unsummed", decodeUnsummed(b, long))
	loop(b, "1442-gopacket", gopacketDecode(b, long))
	benchratio.AtMost("decode/udp4-60", 0.8, decode(b, short), gopacketDecode(b, short))
	benchratio.AtMost("decode/udp4-1442", 0.8, decodeUnsummed(b, long), gopacketDecode(b, long))
	benchratio.Compare("decode/udp4-1442-with-udp-checksum", decode(b, long), gopacketDecode(b, long))
}

// pairs is the loop over pairs of bytes that checksums are written as at first.
func pairs(b []byte) uint16 {
	var acc uint32
	for i := 0; i+1 < len(b); i += 2 {
		acc += uint32(b[i])<<8 | uint32(b[i+1])
	}
	for acc>>16 != 0 {
		acc = acc&0xffff + acc>>16
	}
	return ^uint16(acc)
}

func BenchmarkChecksum(b *testing.B) {
	buf := udpFrame(b, 1458) // 1,500 bytes
	var a, c uint16
	ours := func() { a = inet.Checksum(buf, 0) }
	theirs := func() { c = pairs(buf) }
	loop(b, "1500", ours)
	loop(b, "1500-pairs", theirs)
	benchratio.AtMost("checksum/1500", 0.2, ours, theirs)
	if a != c {
		b.Fatalf("%#04x, %#04x", a, c)
	}
}

// BenchmarkUpdateChecksum changes one word under a checksum.
func BenchmarkUpdateChecksum(b *testing.B) {
	buf := udpFrame(b, 64)
	ip := buf[14:]
	b.ReportAllocs()
	for b.Loop() {
		binary.BigEndian.PutUint16(ip[10:], inet.UpdateChecksum(binary.BigEndian.Uint16(ip[10:]), 0x4011, 0x3f11))
	}
}

// BenchmarkEncode writes the same frame.
func BenchmarkEncode(b *testing.B) {
	payload, out := make([]byte, 1400), make([]byte, 0, 2048)
	eth := inet.Ethernet{Dst: mac2, Src: mac1, Type: inet.EtherTypeIPv4}
	h, u := inet.IPv4{TTL: 64, Proto: inet.ProtoUDP, Src: v4a, Dst: v4b}, inet.UDP{SrcPort: 5000, DstPort: 52205}
	b.ReportAllocs()
	for b.Loop() {
		f, err := h.AppendTo(eth.AppendTo(out), inet.HeaderLenUDP+len(payload))
		noError(b, err)
		_, err = u.AppendTo(f, v4a, v4b, payload)
		noError(b, err)
	}
}

// TestSizes bounds what is passed around by value on the hot path, in bytes.
func TestSizes(t *testing.T) {
	for _, tt := range []struct {
		v    any
		most uintptr
	}{
		{inet.Ethernet{}, 24}, {inet.ARP{}, 64}, {inet.IPv4{}, 120}, {inet.IPv6{}, 184}, {inet.UDP{}, 16}, {inet.ICMP{}, 32},
		{inet.NeighborSolicitation{}, 56}, {inet.NeighborAdvertisement{}, 64}, {inet.Option{}, 32},
	} {
		if n := reflect.TypeOf(tt.v).Size(); n > tt.most {
			t.Errorf("%T has %d bytes, at most %d", tt.v, n, tt.most)
		}
	}
}
