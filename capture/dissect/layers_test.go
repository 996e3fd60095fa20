package dissect_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mpstack/mpstack/capture/capturetest"
	"github.com/mpstack/mpstack/capture/dissect"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/wire/igmp"
	"github.com/mpstack/mpstack/wire/inet"
	"github.com/mpstack/mpstack/wire/mpj"
	"github.com/mpstack/mpstack/wire/object"
)

var (
	v4, v6  = capturetest.Nets[0], capturetest.Nets[1]
	builder capturetest.Builder
)

// outline returns a tree's layers with their types and lengths:
// "eth 14, ipv4 20, icmp echo 12".
func outline(tree *dissect.Tree) string {
	var parts []string
	for _, l := range tree.Layers {
		s := l.Name
		if l.Type != "" {
			s += " " + l.Type
		}
		parts = append(parts, fmt.Sprintf("%s %d", s, l.Length))
	}
	return strings.Join(parts, ", ")
}

// values returns fields by their paths: "icmp.id 0x0001".
func values(tree *dissect.Tree, paths ...string) string {
	var parts []string
	for _, p := range paths {
		s := "nothing"
		if f := tree.Field(p); f != nil {
			s = f.Value.String()
			if f.Text != "" {
				s += " (" + f.Text + ")"
			}
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, ", ")
}

func ip4(proto uint8, payload []byte) []byte {
	return builder.IP(capturetest.Packet{Src: v4.Leaf, Dst: v4.Root, TTL: 64}, proto, payload)
}

func ip6(proto uint8, payload []byte) []byte {
	return builder.IP(capturetest.Packet{Src: v6.Leaf, Dst: v6.Root, TTL: 64}, proto, payload)
}

func icmp6(m inet.ICMP) []byte {
	b, err := m.AppendV6(nil, v6.Leaf, v6.Root)
	if err != nil && builder.Err == nil {
		builder.Err = err
	}
	return ip6(inet.ProtoICMPv6, b)
}

func member(dst netip.Addr, m igmp.Message) []byte {
	src := v4.Leaf
	if dst.Is6() {
		src = netip.MustParseAddr("fe80::1")
	}
	return builder.Membership(src, dst, &m)
}

// TestLayers builds one frame of each form that the samples do not have.
func TestLayers(t *testing.T) {
	arpFrame := builder.ARP(inet.ARP{Op: inet.ARPRequest, SenderIP: v4.Leaf, TargetIP: v4.Root})
	tagged := append(bytes.Clone(arpFrame[:12]), 0x88, 0xa8, 0x20, 0x07, 0x81, 0x00, 0x00, 0x2a)
	tagged = append(tagged, arpFrame[12:]...)
	ra := inet.RouterAdvertisement{HopLimit: 64, Flags: inet.NDPManaged, RouterLifetime: 1800 * time.Second, LinkAddr: inet.MAC{5: 9}, HasLinkAddr: true, MTU: 1400}
	prefix, err := inet.PrefixInformation{Prefix: netip.MustParsePrefix("2001:db8::/64"), OnLink: true, ValidLifetime: time.Hour}.AppendTo([]byte{99, 1, 1, 2, 3, 4, 5, 6})
	if err != nil {
		t.Fatal(err)
	}
	raOptions := inet.RouterAdvertisement{Options: prefix}
	rs := inet.RouterSolicitation{}
	quote := ip4(inet.ProtoUDP, make([]byte, 8))[14:]
	for _, tt := range []struct {
		name    string
		frame   []byte
		outline string
		paths   string
		values  string
	}{
		{"ARP reply", builder.ARP(inet.ARP{Op: 9, SenderIP: v4.Leaf, TargetIP: v4.Root}), "eth 14, arp 28", "arp.op arp.target_ip", "9, 10.0.0.9"},
		{"two VLAN tags", tagged, "eth 22, arp request 28", "eth.vlan eth.vlan#2 eth.type arp.sender_ip", "7, 42, 0x0806 (ARP), 10.0.0.1"},
		{"802.3", append(make([]byte, 12), 0, 3, 1, 2, 3), "eth 14, data 3", "eth.type data.bytes", "0x0003, 010203"},
		{"TCP", ip4(inet.ProtoTCP, []byte("syn!")), "eth 14, ipv4 20, data 4", "ipv4.protocol data.bytes", `6 (TCP), 73796e21 ("syn!")`},
		{"IGMP over IPv6", ip6(inet.ProtoIGMP, []byte("igmp")), "eth 14, ipv6 40, data 4", "ipv6.next_header", "2 (IGMP)"},
		{"no payload", ip4(inet.ProtoUDP, nil), "eth 14, ipv4 20", "ipv4.total_length", "20"},
		{"echo", ip4(inet.ProtoICMP, inet.NewEcho(inet.ICMPv4Echo, 1, 2, []byte("ping")).AppendV4(nil)), "eth 14, ipv4 20, icmp echo 12",
			"icmp.type icmp.checksum icmp.id icmp.sequence icmp.bytes", "8, 0x192c (correct), 0x0001, 2, 70696e67"},
		{"fragmentation needed", ip4(inet.ProtoICMP, inet.NewFragNeeded(1400, quote).AppendV4(nil)), "eth 14, ipv4 20, icmp unreachable 36",
			"icmp.code icmp.mtu", "4, 1400"},
		{"time exceeded", ip4(inet.ProtoICMP, inet.ICMP{Type: inet.ICMPv4TimeExceeded, Body: quote}.AppendV4(nil)), "eth 14, ipv4 20, icmp time-exceeded 36",
			"icmp.type", "11"},
		{"ICMP timestamp", ip4(inet.ProtoICMP, inet.ICMP{Type: 13, Body: make([]byte, 12)}.AppendV4(nil)), "eth 14, ipv4 20, icmp type-13 20", "icmp.body", strings.Repeat("00", 16)},
		{"echo v6", icmp6(inet.NewEcho(inet.ICMPv6Echo, 7, 8, nil)), "eth 14, ipv6 40, icmpv6 echo 8", "icmpv6.id icmpv6.sequence icmpv6.bytes", "0x0007, 8, "},
		{"packet too big", icmp6(inet.NewPacketTooBig(1280, []byte("quoted"))), "eth 14, ipv6 40, icmpv6 packet-too-big 14", "icmpv6.mtu icmpv6.quote", "1280, 71756f746564"},
		{"parameter problem", icmp6(inet.NewParamProblem(2, 40, nil)), "eth 14, ipv6 40, icmpv6 parameter-problem 8", "icmpv6.code icmpv6.pointer", "2, 40"},
		{"unreachable v6", icmp6(inet.ICMP{Type: inet.ICMPv6Unreachable, Code: 4, Body: []byte("q")}), "eth 14, ipv6 40, icmpv6 unreachable 9", "icmpv6.quote", "71"},
		{"unknown ICMPv6", icmp6(inet.ICMP{Type: 200, Body: []byte("b")}), "eth 14, ipv6 40, icmpv6 type-200 9", "icmpv6.body", "0000000062"},
		{"router solicitation", builder.ICMPv6(v6.Leaf, v6.Root, 255, rs.AppendTo), "eth 14, ipv6 40, icmpv6 router-solicitation 8", "icmpv6.code", "0"},
		{"router advertisement", builder.ICMPv6(v6.Leaf, v6.Root, 255, ra.AppendTo), "eth 14, ipv6 40, icmpv6 router-advertisement 32",
			"icmpv6.hop_limit icmpv6.flags icmpv6.router_lifetime icmpv6.source_link.link_address icmpv6.mtu.mtu", "64, 0x80, 1800 (s), 00:00:00:00:00:09, 1400"},
		{"its options", builder.ICMPv6(v6.Leaf, v6.Root, 255, raOptions.AppendTo), "eth 14, ipv6 40, icmpv6 router-advertisement 56",
			"icmpv6.option-99.bytes icmpv6.prefix.prefix_length icmpv6.prefix.on_link icmpv6.prefix.autonomous icmpv6.prefix.valid_lifetime icmpv6.prefix.prefix",
			"010203040506, 64, true, false, 3600 (s), 2001:db8::"},
		{"IGMPv1 query", member(igmp.AllSystems, igmp.Message{Kind: igmp.KindQuery, Query: igmp.Query{Version: 1}}), "eth 14, ipv4 24, igmp v1-query 8", "igmp.group igmp.qrv", "0.0.0.0, nothing"},
		{"IGMPv2 report", member(v4.Group, igmp.Message{Kind: igmp.KindReport, Report: igmp.Report{Version: 2, Group: v4.Group}}), "eth 14, ipv4 24, igmp v2-report 8", "igmp.type igmp.group", "0x16, 232.1.2.3"},
		{"IGMPv2 leave", member(igmp.AllRouters, igmp.Message{Kind: igmp.KindLeave, Leave: igmp.Leave{Group: v4.Group}}), "eth 14, ipv4 24, igmp leave 8", "igmp.group", "232.1.2.3"},
		{"IGMPv3 query for sources", member(v4.Group, igmp.Message{Kind: igmp.KindQuery, Query: igmp.Query{Version: 3, Group: v4.Group, Suppress: true, QRV: 7, QQI: 200 * time.Second,
			Sources: []netip.Addr{v4.Root, v4.Leaf}}}), "eth 14, ipv4 24, igmp v3-query 20", "igmp.suppress igmp.qrv igmp.qqic igmp.sources igmp.source igmp.source#2", "true, 7, 137 (3m20s), 2, 10.0.0.9, 10.0.0.1"},
		{"IGMPv3 report with aux data", member(igmp.AllV3Routers, igmp.Message{Kind: igmp.KindReport, Report: igmp.Report{Version: 3, Records: []igmp.Record{
			{Type: 9, Group: v4.Group, Sources: []netip.Addr{v4.Root}, Aux: []byte("auxi")}, {Type: igmp.ChangeToExclude, Group: v4.Group}}}}),
			"eth 14, ipv4 24, igmp v3-report 32", "igmp.records igmp.record.type igmp.record.aux igmp.record#2.type igmp.record#2.group", "2, 9 (record type 9), 61757869, 4 (TO_EX), 232.1.2.3"},
		{"DVMRP", member(igmp.AllSystems, igmp.Message{Kind: igmp.KindUnknown, Type: 0x13, Code: 1, Body: []byte{1, 2, 3, 4}}), "eth 14, ipv4 24, igmp unknown 8", "igmp.type igmp.code igmp.body", "0x13, 0x01, 01020304"},
		{"MLDv1 report", member(v6.Group, igmp.Message{Kind: igmp.KindReport, Report: igmp.Report{Version: 1, Group: v6.Group}}), "eth 14, ipv6 48, mld v1-report 24", "mld.type mld.group ipv6.router_alert", "131, ff3e::8000:1, 0"},
		{"MLDv1 done", member(igmp.AllRouters6, igmp.Message{Kind: igmp.KindLeave, Leave: igmp.Leave{Group: v6.Group}}), "eth 14, ipv6 48, mld leave 24", "mld.type mld.group", "132, ff3e::8000:1"},
		{"MLDv2 query", member(v6.Group, igmp.Message{Kind: igmp.KindQuery, Query: igmp.Query{Version: 2, Group: v6.Group, MaxResp: time.Second, Sources: []netip.Addr{v6.Root}}}),
			"eth 14, ipv6 48, mld v2-query 44", "mld.max_response_code mld.group mld.source", "1000 (1s), ff3e::8000:1, 2001:db8::9"},
		{"data on UDP", builder.UDP(netip.AddrPortFrom(v4.Leaf, 1), netip.AddrPortFrom(v4.Root, 2), 1, []byte("data")), "eth 14, ipv4 20, udp 8, data 4", "udp.src_port udp.dst_port udp.length data.bytes", `1, 2, 12, 64617461 ("data")`},
	} {
		tree := dissect.Frame(tt.frame)
		checkTree(t, tt.frame, tree)
		if tree.Err != nil || outline(tree) != tt.outline {
			t.Errorf("%s: %s, %v, want %s", tt.name, outline(tree), tree.Err, tt.outline)
		}
		if got := values(tree, strings.Fields(tt.paths)...); got != tt.values {
			t.Errorf("%s: %s is %s, want %s", tt.name, tt.paths, got, tt.values)
		}
	}
	if builder.Err != nil {
		t.Fatal(builder.Err)
	}
}

// TestFragments looks into no fragment.
func TestFragments(t *testing.T) {
	payload := []byte("part of a datagram......")
	frag4 := func(h inet.IPv4) []byte {
		h.Src, h.Dst, h.Proto, h.TTL = v4.Leaf, v4.Root, inet.ProtoUDP, 9
		b, err := h.AppendTo(inet.Ethernet{Type: inet.EtherTypeIPv4}.AppendTo(nil), len(payload))
		if err != nil {
			t.Fatal(err)
		}
		return append(b, payload...)
	}
	frag6 := func(f inet.FragmentHeader) []byte {
		h := inet.IPv6{Src: v6.Leaf, Dst: v6.Root, NextHeader: inet.ProtoUDP, Fragment: f, RouterAlert: true}
		b, err := h.AppendTo(inet.Ethernet{Type: inet.EtherTypeIPv6}.AppendTo(nil), len(payload))
		if err != nil {
			t.Fatal(err)
		}
		return append(b, payload...)
	}
	for _, tt := range []struct {
		frame           []byte
		outline, values string
	}{
		{frag4(inet.IPv4{MF: true}), "eth 14, ipv4 20, data fragment 24", "true, 0, nothing"},
		{frag4(inet.IPv4{FragOffset: 800}), "eth 14, ipv4 20, data fragment 24", "false, 800, nothing"},
		{frag6(inet.FragmentHeader{Present: true, More: true, ID: 5}), "eth 14, ipv6 56, data fragment 24", "true, 0, 0x00000005"},
		{frag6(inet.FragmentHeader{Present: true, Offset: 1232, ID: 5}), "eth 14, ipv6 56, data fragment 24", "false, 1232, 0x00000005"},
	} {
		tree := dissect.Frame(tt.frame)
		checkTree(t, tt.frame, tree)
		layer := tree.Layers[1].Name
		if got := values(tree, layer+".mf", layer+".fragment_offset", layer+".fragment_id"); outline(tree) != tt.outline || got != tt.values || tree.Err != nil {
			t.Errorf("%s with %s, %v, want %s with %s", outline(tree), got, tree.Err, tt.outline, tt.values)
		}
	}
	atomic := frag6(inet.FragmentHeader{Present: true, ID: 5})
	if tree := dissect.Frame(atomic); !strings.HasPrefix(outline(tree), "eth 14, ipv6 56, udp 8") && tree.Err == nil {
		t.Errorf("atomic fragment: %s, %v", outline(tree), tree.Err)
	}
}

// TestErrors breaks frames in one place: the error names layer, field and
// offset, and what came before stays.
func TestErrors(t *testing.T) {
	join := capturetest.Messages(v4)[0]
	path := capturetest.Reservation(v4)[0]
	joinFrame := builder.MPJ(v4.Leaf, v4.Root, &join)
	pathFrame := builder.RSVP(v4.Root, v4.Group, &path)
	rsvpAt := 14 + 24
	mpjAt := 14 + 20 + 8
	data := builder.UDP(netip.AddrPortFrom(v4.Leaf, 1), netip.AddrPortFrom(v4.Root, 2), 1, []byte("data"))
	data6 := builder.UDP(netip.AddrPortFrom(v6.Leaf, 1), netip.AddrPortFrom(v6.Root, 2), 1, []byte("data"))
	report := member(igmp.AllV3Routers, igmp.Message{Kind: igmp.KindReport, Report: igmp.Report{Version: 3, Records: []igmp.Record{{Type: 1, Group: v4.Group}}}})
	if builder.Err != nil {
		t.Fatal(builder.Err)
	}
	patch := func(frame []byte, at int, with ...byte) []byte {
		b := bytes.Clone(frame)
		copy(b[at:], with)
		return b
	}
	// An RSVP message without a checksum can be broken anywhere.
	quiet := func(at int, with ...byte) []byte { return patch(patch(pathFrame, rsvpAt+2, 0, 0), rsvpAt+at, with...) }
	// So can a UDP datagram over IPv4.
	mpjWith := func(at int, with ...byte) []byte { return patch(patch(joinFrame, mpjAt-2, 0, 0), mpjAt+at, with...) }
	for _, tt := range []struct {
		name    string
		frame   []byte
		layer   string
		field   string
		at      int
		err     error
		outline string
	}{
		{"ethernet", []byte{1, 2}, "eth", "header", 2, object.ErrTruncated, "data 2"},
		{"arp", append(make([]byte, 12), 8, 6, 0, 9, 8, 0, 6, 4, 0, 1), "arp", "hardware type", 14, inet.ErrUnsupported, "eth 14, data 8"},
		{"version", patch(data, 14, 0x65), "ipv4", "version", 14, inet.ErrVersion, "eth 14, data 32"},
		{"header checksum", patch(data, 14+8, 77), "ipv4", "header checksum", 14 + 10, inet.ErrChecksum, "eth 14, ipv4 20, udp 8, data 4"},
		{"cut", data[:40], "ipv4", "total length", 16, object.ErrTruncated, "eth 14, ipv4 20, data fragment 6"},
		{"cut v6", data6[:60], "ipv6", "payload length", 18, object.ErrTruncated, "eth 14, ipv6 40, data fragment 6"},
		{"version v6", patch(data6, 14, 0x45), "ipv6", "version", 14, inet.ErrVersion, "eth 14, data 52"},
		{"udp checksum", patch(data, 34+8, 'D'), "udp", "checksum", 34 + 6, inet.ErrChecksum, "eth 14, ipv4 20, udp 8, data 4"},
		{"udp length", patch(data, 34+4, 0, 7), "udp", "length", 34 + 4, object.ErrLength, "eth 14, ipv4 20, data 12"},
		{"udp long", patch(data, 34+4, 0, 99), "udp", "length", 34 + 4, object.ErrTruncated, "eth 14, ipv4 20, udp 8, data 4"},
		{"no udp checksum v6", patch(data6, 54+6, 0, 0), "udp", "checksum", 54 + 6, inet.ErrChecksum, "eth 14, ipv6 40, udp 8, data 4"},
		{"icmp short", ip4(inet.ProtoICMP, []byte{8, 0}), "icmp", "header", 36, object.ErrTruncated, "eth 14, ipv4 20, data 2"},
		{"icmp checksum", ip4(inet.ProtoICMP, make([]byte, 8)), "icmp", "checksum", 36, inet.ErrChecksum, "eth 14, ipv4 20, icmp echo-reply 8"},
		{"icmpv6 short", ip6(inet.ProtoICMPv6, []byte{8, 0}), "icmpv6", "header", 56, object.ErrTruncated, "eth 14, ipv6 40, data 2"},
		{"ndp without target", icmp6(inet.ICMP{Type: inet.ICMPv6NeighborSolicitation, Body: make([]byte, 3)}), "icmpv6", "header", 65, object.ErrTruncated, "eth 14, ipv6 40, icmpv6 neighbor-solicitation 11"},
		{"ndp option", icmp6(inet.ICMP{Type: inet.ICMPv6RouterSolicitation, Body: make([]byte, 8)}), "icmpv6", "option", 62, object.ErrLength, "eth 14, ipv6 40, icmpv6 router-solicitation 16"},
		{"igmp short", ip4(inet.ProtoIGMP, []byte{0x11}), "igmp", "message", 35, object.ErrTruncated, "eth 14, ipv4 20, data 1"},
		{"igmp checksum", patch(report, len(report)-1, 99), "igmp", "checksum", 38 + 2, inet.ErrChecksum, "eth 14, ipv4 24, igmp v3-report 16"},
		{"mpj short", builder.UDP(netip.AddrPortFrom(v4.Leaf, 1), netip.AddrPortFrom(v4.Root, mpj.Port), 1, []byte("data")), "mpj", "length", mpjAt, object.ErrTruncated, "eth 14, ipv4 20, udp 8, data 4"},
		{"mpj version", mpjWith(0, 3), "mpj", "version", mpjAt, mpj.ErrVersion, "eth 14, ipv4 20, udp 8, mpj JOIN 252"},
		{"mpj zero", mpjWith(6, 3), "mpj", "zero", mpjAt + 6, mpj.ErrZero, "eth 14, ipv4 20, udp 8, mpj JOIN 252"},
		{"mpj type", mpjWith(1, 77), "mpj", "type", mpjAt + 1, mpj.ErrType, "eth 14, ipv4 20, udp 8, mpj type 77 252"},
		{"mpj object length", mpjWith(32, 0, 6), "mpj", "object", mpjAt + 32, object.ErrLength, "eth 14, ipv4 20, udp 8, mpj JOIN 252"},
		{"mpj class", mpjWith(34, 9), "mpj", "object class", mpjAt + 34, mpj.ErrUnknownClass, "eth 14, ipv4 20, udp 8, mpj JOIN 252"},
		{"mpj C-Type", mpjWith(35, 9), "mpj", "object C-Type", mpjAt + 35, mpj.ErrUnknownCType, "eth 14, ipv4 20, udp 8, mpj JOIN 252"},
		{"rsvp short", ip4(inet.ProtoRSVP, []byte{0x10}), "rsvp", "header", 34, object.ErrTruncated, "eth 14, ipv4 20, data 1"},
		{"rsvp checksum", patch(pathFrame, len(pathFrame)-1, 99), "rsvp", "RSVP Checksum", rsvpAt + 2, rsvp.ErrChecksum, "eth 14, ipv4 24, rsvp Path 172"},
		{"rsvp version", quiet(0, 0x20), "rsvp", "Vers", rsvpAt, rsvp.ErrVersion, "eth 14, ipv4 24, rsvp Path 172"},
		{"rsvp length", quiet(6, 0, 8), "rsvp", "RSVP Length", rsvpAt + 6, object.ErrLength, "eth 14, ipv4 24, rsvp Path 172"},
		{"rsvp object length", quiet(8, 0, 3), "rsvp", "SESSION", rsvpAt + 8, object.ErrLength, "eth 14, ipv4 24, rsvp Path 172"},
		{"rsvp object past the end", quiet(20, 0xff, 0xfc), "rsvp", "RSVP_HOP", rsvpAt + 20, object.ErrTruncated, "eth 14, ipv4 24, rsvp Path 172"},
		{"rsvp parameter", quiet(52+12+2, 0, 9), "rsvp", "SENDER_TSPEC parameter length", rsvpAt + 52 + 12 + 2, object.ErrLength, "eth 14, ipv4 24, rsvp Path 172"},
	} {
		tree := dissect.Frame(tt.frame)
		checkTree(t, tt.frame, tree)
		if tree.Err == nil {
			t.Errorf("%s: no error, %s", tt.name, outline(tree))
			continue
		}
		if tree.Err.Layer != tt.layer || tree.Err.Field != tt.field || tree.ErrAt != tt.at || !errors.Is(tree.Err, tt.err) {
			t.Errorf("%s: %v at byte %d, want %s: %s at byte %d: %v", tt.name, tree.Err, tree.ErrAt, tt.layer, tt.field, tt.at, tt.err)
		}
		if outline(tree) != tt.outline {
			t.Errorf("%s: %s, want %s", tt.name, outline(tree), tt.outline)
		}
	}
	// The objects before the bad one stay, those after it too where their place
	// is certain.
	tree := dissect.Frame(quiet(20, 0xff, 0xfc))
	if o := tree.Layer(dissect.LayerRSVP).Objects; len(o) != 1 || o[0].Name != "SESSION" {
		t.Errorf("%+v", o)
	}
	tree = dissect.Frame(mpjWith(34, 9))
	if o := tree.Layer(dissect.LayerMPJ).Objects; len(o) != 8 || o[0].Name != "class-9" || o[1].Name != "CALLER" || o[7].Name != "PAD" {
		t.Errorf("%+v", o)
	}
}

// TestForeignRSVP shows what the registry does not know without calling it an
// error.
func TestForeignRSVP(t *testing.T) {
	b := []byte{0x10, 11, 0, 0, 1, 0, 0, 24, 0, 8, 17, 1, 1, 2, 3, 4, 0, 8, 1, 99, 5, 6, 7, 8}
	tree := dissect.Frame(ip4(inet.ProtoRSVP, b))
	if tree.Err != nil || outline(tree) != "eth 14, ipv4 20, rsvp type 11 24" {
		t.Errorf("%s, %v", outline(tree), tree.Err)
	}
	if got := values(tree, "rsvp.checksum", "rsvp.class-17.data", "rsvp.SESSION.data"); got != "0x0000 (none), 01020304, 05060708" {
		t.Error(got)
	}
	b = []byte{0x10, 12, 0, 0, 1, 0, 0, 28, 0x10, 13, 0, 0, 1, 0, 0, 20, 0, 12, 24, 1, 0, 0, 0, 5, 0, 0, 0, 9}
	tree = dissect.Frame(ip4(inet.ProtoRSVP, b))
	if tree.Err != nil || outline(tree) != "eth 14, ipv4 20, rsvp Bundle 8, rsvp Ack 20" {
		t.Errorf("%s, %v", outline(tree), tree.Err)
	}
	b = []byte{0x10, 1, 0, 0, 1, 0, 0, 24, 0, 16, 207, 7, 7, 6, 4, 5, 'R', '1', '_', 't', '1', 0, 0, 0}
	tree = dissect.Frame(ip4(inet.ProtoRSVP, b))
	if got := values(tree, "rsvp.SESSION_ATTRIBUTE.name_length", "rsvp.SESSION_ATTRIBUTE.session_name"); got != "5, 52315f7431 (\"R1_t1\")" {
		t.Error(got)
	}
}
