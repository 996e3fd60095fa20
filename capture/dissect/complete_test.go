package dissect_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/netip"
	"path/filepath"
	"reflect"
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

// shown says where a frame's tree shows the fields of one type of the codecs.
type shown struct {
	typ    any
	frame  []byte
	fields map[string]string // paths by the name of a field; "-" and a reason where it is no field of the wire
}

// options4, extensions6 and their like are frames with everything of a kind.
func options4(t *testing.T) []byte {
	var raw []byte
	for _, put := range []func([]byte) ([]byte, error){
		inet.Option{Type: inet.IPv4OptRouterAlert, Data: []byte{0, 1}}.AppendIPv4,
		inet.IPv4Route{Type: inet.IPv4OptLooseRoute, Pointer: 4, Route: []byte{10, 0, 0, 7}}.AppendTo,
		inet.IPv4Timestamp{Pointer: 5, Flag: inet.TimestampAddress, Entries: []byte{10, 0, 0, 8, 0, 0, 0, 9}}.AppendTo,
		inet.Option{Type: inet.IPv4OptStreamID, Data: []byte{0, 5}}.AppendIPv4,
	} {
		var err error
		if raw, err = put(raw); err != nil {
			t.Fatal(err)
		}
	}
	h := inet.IPv4{TOS: 1, ID: 2, DF: true, TTL: 3, Proto: 4, Src: v4.Leaf, Dst: v4.Root, Options: inet.PadIPv4Options(raw)}
	return headed(t, inet.EtherTypeIPv4, h.AppendTo)
}

func extensions6(t *testing.T) []byte {
	alert, err := inet.Option{Type: inet.IPv6OptRouterAlert, Data: []byte{0, 1}}.AppendIPv6(nil)
	if err != nil {
		t.Fatal(err)
	}
	unknown, err := inet.Option{Type: 0xc9, Data: []byte{1, 2}}.AppendIPv6(nil)
	if err != nil {
		t.Fatal(err)
	}
	route := append([]byte{0, 1, 0, 0, 0, 0}, v6.Root.AsSlice()...)
	h := inet.IPv6{TrafficClass: 1, FlowLabel: 2, HopLimit: 3, Src: v6.Leaf, Dst: v6.Root, NextHeader: inet.ProtoNoNext, ExtensionType: inet.ProtoHopByHop}
	for _, x := range []inet.ExtensionHeader{
		{Type: inet.ProtoHopByHop, Next: inet.ProtoDestination, Data: inet.PadIPv6Options(alert)},
		{Type: inet.ProtoDestination, Next: inet.ProtoRouting, Data: inet.PadIPv6Options(unknown)},
		{Type: inet.ProtoRouting, Next: inet.ProtoFragment, Data: route},
		{Type: inet.ProtoFragment, Next: inet.ProtoNoNext, Data: []byte{0, 9, 0, 0, 0, 7}},
	} {
		if h.Extensions, err = x.AppendTo(h.Extensions); err != nil {
			t.Fatal(err)
		}
	}
	return headed(t, inet.EtherTypeIPv6, h.AppendTo)
}

func headed(t *testing.T, typ inet.EtherType, header func([]byte, int) ([]byte, error)) []byte {
	t.Helper()
	b, err := header(inet.Ethernet{Type: typ}.AppendTo(nil), 0)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func ndpOptions(t *testing.T) []byte {
	prefix := inet.PrefixInformation{Prefix: netip.MustParsePrefix("2001:db8::/64"), OnLink: true, Autonomous: true, ValidLifetime: time.Hour, PreferredLifetime: time.Minute}
	b, err := prefix.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	if b, err = (inet.RecursiveDNS{Lifetime: time.Hour, Servers: v6.Root.AsSlice()}).AppendTo(b); err != nil {
		t.Fatal(err)
	}
	b = append(b, inet.NDPOptSourceLink, 1, 2, 0, 0, 0, 0, 1, inet.NDPOptMTU, 1, 0, 0, 0, 0, 5, 0x78)
	return append(b, 200, 1, 1, 2, 3, 4, 5, 6)
}

func completeTable(t *testing.T) []shown {
	tagged := inet.Ethernet{Type: 0x9999, Tags: [2]inet.Tag{{Type: inet.EtherTypeQinQ, TCI: 0x2007}, {Type: inet.EtherTypeVLAN, TCI: 0x302a}}}.AppendTo(nil)
	quoted := builder.UDP(netip.AddrPortFrom(v4.Leaf, 1), netip.AddrPortFrom(v4.Root, 2), 9, []byte("quoted"))[14:]
	quoted6 := builder.UDP(netip.AddrPortFrom(v6.Leaf, 1), netip.AddrPortFrom(v6.Root, 2), 9, []byte("quoted"))[14:]
	redirect, err := inet.NewRedirectV4(inet.ICMPv4RedirectHost, v4.Root, quoted)
	if err != nil {
		t.Fatal(err)
	}
	icmp4 := func(m inet.ICMP) []byte { return ip4(inet.ProtoICMP, m.AppendV4(nil)) }
	ndp := func(write func(b []byte, src, dst netip.Addr) ([]byte, error)) []byte {
		return builder.ICMPv6(v6.Leaf, v6.Root, 255, write)
	}
	mac := inet.MAC{2, 0, 0, 0, 0, 9}
	ns := inet.NeighborSolicitation{Target: v6.Root, LinkAddr: mac, HasLinkAddr: true}
	na := inet.NeighborAdvertisement{Target: v6.Root, LinkAddr: mac, HasLinkAddr: true}
	rs := inet.RouterSolicitation{LinkAddr: mac, HasLinkAddr: true}
	ra := inet.RouterAdvertisement{HopLimit: 64, Options: ndpOptions(t)}
	re := inet.Redirect{Target: v6.Root, Destination: v6.Root, LinkAddr: mac, HasLinkAddr: true, Packet: quoted6}
	query := igmp.Message{Kind: igmp.KindQuery, Query: igmp.Query{Version: 3, Group: v4.Group, MaxResp: time.Second, Sources: []netip.Addr{v4.Root}}}
	query6 := igmp.Message{Kind: igmp.KindQuery, Query: igmp.Query{Version: 2, Group: v6.Group, MaxResp: time.Second, Sources: []netip.Addr{v6.Root}}}
	record := igmp.Record{Type: igmp.ModeIsExclude, Group: v4.Group, Sources: []netip.Addr{v4.Root}, Aux: []byte("auxi")}
	report := igmp.Message{Kind: igmp.KindReport, Report: igmp.Report{Version: 3, Records: []igmp.Record{record}}}
	unknown := igmp.Message{Type: 0x13, Code: 1, Body: []byte{1, 2, 3, 4}}
	more, err := igmp.Report{Version: 2, Group: v4.Group}.AppendIGMP(nil)
	if err != nil {
		t.Fatal(err)
	}
	withMore := ip4(inet.ProtoIGMP, append(more, 0, 0, 0, 0)) // zeros leave the checksum right
	const version = "- the type and length of the message say it"
	return []shown{
		{inet.Ethernet{}, tagged, map[string]string{"Dst": "eth.dst", "Src": "eth.src", "Type": "eth.type", "Tags": "eth.vlan eth.vlan#2"}},
		{inet.Tag{}, tagged, map[string]string{"Type": "eth.tag_type eth.tag_type#2", "TCI": "eth.priority eth.drop_eligible eth.vlan eth.priority#2"}},
		{inet.ARP{}, builder.ARP(inet.ARP{Op: 1, SenderIP: v4.Leaf, TargetIP: v4.Root}), map[string]string{
			"Op": "arp.op", "SenderMAC": "arp.sender_mac", "TargetMAC": "arp.target_mac", "SenderIP": "arp.sender_ip", "TargetIP": "arp.target_ip"}},
		{inet.IPv4{}, options4(t), map[string]string{"TOS": "ipv4.tos", "ID": "ipv4.id", "Reserved": "ipv4.reserved", "DF": "ipv4.df", "MF": "ipv4.mf",
			"FragOffset": "ipv4.fragment_offset", "TTL": "ipv4.ttl", "Proto": "ipv4.protocol", "Src": "ipv4.src", "Dst": "ipv4.dst", "RouterAlert": "ipv4.router_alert",
			"RouterAlertValue": "ipv4.router_alert", "Options": "ipv4.options", "TotalLen": "ipv4.total_length"}},
		{inet.Option{}, options4(t), map[string]string{"Type": "ipv4.option.type ipv4.option#2.type", "Data": "ipv4.option.data ipv4.option#4.data"}},
		{inet.Option{}, extensions6(t), map[string]string{"Type": "ipv6.hop_by_hop.option ipv6.destination.option", "Data": "ipv6.hop_by_hop.data ipv6.destination.data"}},
		{inet.IPv4Route{}, options4(t), map[string]string{"Type": "ipv4.option#2.type", "Pointer": "ipv4.option#2.pointer", "Route": "ipv4.option#2.address"}},
		{inet.IPv4Timestamp{}, options4(t), map[string]string{"Pointer": "ipv4.option#3.pointer", "Overflow": "ipv4.option#3.overflow", "Flag": "ipv4.option#3.flag",
			"Entries": "ipv4.option#3.address ipv4.option#3.time"}},
		{inet.IPv6{}, extensions6(t), map[string]string{"TrafficClass": "ipv6.traffic_class", "FlowLabel": "ipv6.flow_label", "HopLimit": "ipv6.hop_limit", "Src": "ipv6.src",
			"Dst": "ipv6.dst", "NextHeader": "ipv6.fragment.next_header", "HasHopByHop": "ipv6.next_header", "RouterAlert": "ipv6.router_alert",
			"RouterAlertValue": "ipv6.router_alert", "Fragment": "ipv6.fragment_id", "Routing": "ipv6.routing_type", "HopByHopProblem": "ipv6.hop_by_hop.option",
			"DestinationProblem": "ipv6.destination.option", "Extensions": "ipv6.hop_by_hop.data", "ExtensionType": "ipv6.next_header", "PayloadLen": "ipv6.payload_length"}},
		{inet.FragmentHeader{}, extensions6(t), map[string]string{"Present": "ipv6.fragment_id", "More": "ipv6.mf", "Offset": "ipv6.fragment_offset", "ID": "ipv6.fragment_id"}},
		{inet.RoutingHeader{}, extensions6(t), map[string]string{"Present": "ipv6.routing_type", "Type": "ipv6.routing_type", "SegmentsLeft": "ipv6.segments_left",
			"Offset": "- where the field is"}},
		{inet.OptionProblem{}, extensions6(t), map[string]string{"Type": "ipv6.destination.option", "Offset": "- where the field is"}},
		{inet.ExtensionHeader{}, extensions6(t), map[string]string{"Type": "ipv6.next_header ipv6.hop_by_hop.next_header", "Next": "ipv6.routing.next_header ipv6.fragment.next_header",
			"Data": "ipv6.hop_by_hop.length ipv6.routing.address"}},
		{inet.UDP{}, builder.UDP(netip.AddrPortFrom(v4.Leaf, 1), netip.AddrPortFrom(v4.Root, 2), 9, nil), map[string]string{
			"SrcPort": "udp.src_port", "DstPort": "udp.dst_port", "Checksum": "udp.checksum", "Length": "udp.length"}},
		{inet.ICMP{}, icmp4(inet.NewEcho(inet.ICMPv4Echo, 1, 2, []byte("ping"))), map[string]string{"Type": "icmp.type", "Code": "icmp.code", "Rest": "icmp.id icmp.sequence", "Body": "icmp.bytes"}},
		{inet.ICMP{}, icmp4(inet.NewErrorV4(inet.ICMPv4TimeExceeded, 0, quoted)), map[string]string{"Type": "icmp.type", "Code": "icmp.code", "Rest": "icmp.unused", "Body": "icmp.quote"}},
		{inet.ICMP{}, icmp4(inet.NewFragNeeded(1400, quoted)), map[string]string{"Type": "icmp.type", "Code": "icmp.code", "Rest": "icmp.mtu", "Body": "icmp.quote"}},
		{inet.ICMP{}, icmp4(redirect), map[string]string{"Type": "icmp.type", "Code": "icmp.code", "Rest": "icmp.gateway", "Body": "icmp.quote"}},
		{inet.ICMP{}, icmp4(inet.NewParamProblemV4(0, 20, quoted)), map[string]string{"Type": "icmp.type", "Code": "icmp.code", "Rest": "icmp.pointer", "Body": "icmp.quote"}},
		{inet.ICMP{}, icmp6(inet.NewErrorV6(inet.ICMPv6Unreachable, 4, quoted6)), map[string]string{"Type": "icmpv6.type", "Code": "icmpv6.code", "Rest": "icmpv6.unused", "Body": "icmpv6.quote"}},
		{inet.ICMP{}, icmp6(inet.NewPacketTooBig(1280, quoted6)), map[string]string{"Type": "icmpv6.type", "Code": "icmpv6.code", "Rest": "icmpv6.mtu", "Body": "icmpv6.quote"}},
		{inet.ICMP{}, icmp6(inet.NewParamProblem(1, 6, quoted6)), map[string]string{"Type": "icmpv6.type", "Code": "icmpv6.code", "Rest": "icmpv6.pointer", "Body": "icmpv6.quote"}},
		{inet.ICMP{}, icmp6(inet.ICMP{Type: 200, Body: []byte("b")}), map[string]string{"Type": "icmpv6.type", "Code": "icmpv6.code", "Rest": "icmpv6.body", "Body": "icmpv6.body"}},
		{inet.Quote{}, icmp4(inet.NewErrorV4(inet.ICMPv4Unreachable, 3, quoted)), map[string]string{"Src": "icmp.quote_src", "Dst": "icmp.quote_dst", "Proto": "icmp.quote_protocol",
			"FragOffset": "icmp.quote_fragment_offset", "Payload": "icmp.quote icmp.quote_src_port icmp.quote_dst_port"}},
		{inet.Quote{}, icmp6(inet.NewErrorV6(inet.ICMPv6Unreachable, 4, quoted6)), map[string]string{"Src": "icmpv6.quote_src", "Dst": "icmpv6.quote_dst", "Proto": "icmpv6.quote_protocol",
			"FragOffset": "icmpv6.quote_fragment_offset", "Payload": "icmpv6.quote icmpv6.quote_src_port icmpv6.quote_dst_port"}},
		{inet.NeighborSolicitation{}, ndp(ns.AppendTo), map[string]string{"Target": "icmpv6.target", "LinkAddr": "icmpv6.source_link.link_address",
			"HasLinkAddr": "icmpv6.source_link.link_address", "Options": "icmpv6.source_link.link_address"}},
		{inet.NeighborAdvertisement{}, ndp(na.AppendTo), map[string]string{"Router": "icmpv6.router", "Solicited": "icmpv6.solicited", "Override": "icmpv6.override",
			"Target": "icmpv6.target", "LinkAddr": "icmpv6.target_link.link_address", "HasLinkAddr": "icmpv6.target_link.link_address", "Options": "icmpv6.target_link.link_address"}},
		{inet.RouterSolicitation{}, ndp(rs.AppendTo), map[string]string{"LinkAddr": "icmpv6.source_link.link_address", "HasLinkAddr": "icmpv6.source_link.link_address",
			"Options": "icmpv6.source_link.link_address"}},
		{inet.RouterAdvertisement{}, ndp(ra.AppendTo), map[string]string{"HopLimit": "icmpv6.hop_limit", "Flags": "icmpv6.flags", "RouterLifetime": "icmpv6.router_lifetime",
			"ReachableTime": "icmpv6.reachable_time", "RetransTimer": "icmpv6.retrans_timer", "LinkAddr": "icmpv6.source_link.link_address",
			"HasLinkAddr": "icmpv6.source_link.link_address", "MTU": "icmpv6.mtu.mtu", "Options": "icmpv6.option-200.bytes"}},
		{inet.Redirect{}, ndp(re.AppendTo), map[string]string{"Target": "icmpv6.target", "Destination": "icmpv6.destination", "LinkAddr": "icmpv6.target_link.link_address",
			"HasLinkAddr": "icmpv6.target_link.link_address", "Packet": "icmpv6.redirected.quote icmpv6.redirected.quote_dst icmpv6.redirected.quote_dst_port", "Options": "icmpv6.redirected.quote"}},
		{inet.NDPOption{}, ndp(ra.AppendTo), map[string]string{"Type": "- its object's name", "Data": "icmpv6.option-200.bytes"}},
		{inet.PrefixInformation{}, ndp(ra.AppendTo), map[string]string{"Prefix": "icmpv6.prefix.prefix icmpv6.prefix.prefix_length", "OnLink": "icmpv6.prefix.on_link",
			"Autonomous": "icmpv6.prefix.autonomous", "ValidLifetime": "icmpv6.prefix.valid_lifetime", "PreferredLifetime": "icmpv6.prefix.preferred_lifetime"}},
		{inet.RecursiveDNS{}, ndp(ra.AppendTo), map[string]string{"Lifetime": "icmpv6.rdnss.lifetime", "Servers": "icmpv6.rdnss.server"}},
		{igmp.Query{}, member(v4.Group, query), map[string]string{"Version": version, "Group": "igmp.group", "MaxResp": "igmp.code", "Suppress": "igmp.suppress",
			"QRV": "igmp.qrv", "QQI": "igmp.qqic", "Sources": "igmp.sources igmp.source"}},
		{igmp.Query{}, member(v6.Group, query6), map[string]string{"Version": version, "Group": "mld.group", "MaxResp": "mld.max_response_code", "Suppress": "mld.suppress",
			"QRV": "mld.qrv", "QQI": "mld.qqic", "Sources": "mld.sources mld.source"}},
		{igmp.Report{}, withMore, map[string]string{"Version": version, "Group": "igmp.group", "Records": "- in version 3, below"}},
		{igmp.Report{}, member(igmp.AllV3Routers, report), map[string]string{"Version": version, "Group": "- in versions 1 and 2, above", "Records": "igmp.records igmp.record.type"}},
		{igmp.Record{}, member(igmp.AllV3Routers, report), map[string]string{"Type": "igmp.record.type", "Group": "igmp.record.group",
			"Sources": "igmp.record.sources igmp.record.source", "Aux": "igmp.record.aux_length igmp.record.aux"}},
		{igmp.Leave{}, member(igmp.AllRouters, igmp.Message{Kind: igmp.KindLeave, Leave: igmp.Leave{Group: v4.Group}}), map[string]string{"Group": "igmp.group"}},
		{igmp.Message{}, member(igmp.AllSystems, unknown), map[string]string{"Kind": "- the layer's type", "Type": "igmp.type", "Query": "- above", "Report": "- above", "Leave": "- above",
			"Code": "igmp.code", "Body": "igmp.body", "Additional": "- below"}},
		{igmp.Message{}, withMore, map[string]string{"Kind": "- the layer's type", "Type": "igmp.type", "Query": "- above", "Report": "- above", "Leave": "- above",
			"Code": "igmp.code", "Body": "- above", "Additional": "igmp.additional.bytes"}},
	}
}

// TestEveryField: the tree shows every field of every type of wire/inet and
// wire/igmp. That MPJ's and RSVP's fields are all there follows from their
// registries: TestRegistryFields.
func TestEveryField(t *testing.T) {
	seen := make(map[string]bool)
	for _, s := range completeTable(t) {
		typ := reflect.TypeOf(s.typ)
		seen[typ.String()] = true
		tree := dissect.Frame(s.frame)
		checkTree(t, s.frame, tree)
		if tree.Err != nil {
			t.Errorf("%v: %v", typ, tree.Err)
		}
		for i := range typ.NumField() {
			f := typ.Field(i)
			paths, ok := s.fields[f.Name]
			if f.IsExported() && !ok {
				t.Errorf("%v.%s is shown nowhere", typ, f.Name)
			}
			if strings.HasPrefix(paths, "- ") {
				continue
			}
			for _, p := range strings.Fields(paths) {
				if tree.Field(p) == nil {
					t.Errorf("%v.%s: the tree has no %s", typ, f.Name, p)
				}
			}
		}
	}
	if builder.Err != nil {
		t.Fatal(builder.Err)
	}
	for _, room := range []string{"inet", "igmp"} {
		for _, name := range structs(t, filepath.Join("..", "..", "wire", room)) {
			if !seen[room+"."+name] {
				t.Errorf("%s.%s is shown nowhere", room, name)
			}
		}
	}
}

// structs lists the exported struct types of a package.
func structs(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.TypeSpec); ok && s.Name.IsExported() {
				if _, ok := s.Type.(*ast.StructType); ok {
					names = append(names, s.Name.Name)
				}
			}
			return true
		})
		return nil
	})
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: %d types, %v", dir, len(names), err)
	}
	return names
}

// TestQuotedRSVP: RSVP inside an ICMP error is no RSVP; that it is quoted shows.
func TestQuotedRSVP(t *testing.T) {
	path := capturetest.Reservation(v4)[0]
	packet := builder.RSVP(v4.Leaf, v4.Group, &path)[14:]
	path6 := capturetest.Reservation(v6)[0]
	packet6 := builder.RSVP(v6.Leaf, v6.Group, &path6)[14:]
	for _, frame := range [][]byte{
		ip4(inet.ProtoICMP, inet.NewErrorV4(inet.ICMPv4Unreachable, 1, packet).AppendV4(nil)),
		icmp6(inet.NewErrorV6(inet.ICMPv6Unreachable, 0, packet6)),
	} {
		tree := dissect.Frame(frame)
		if tree.Err != nil || tree.Layer(dissect.LayerRSVP) != nil || len(tree.Layers) != 3 {
			t.Errorf("%s, %v", outline(tree), tree.Err)
		}
		layer := tree.Top().Name
		if got := values(tree, layer+".quote_protocol", layer+".quote_src"); !strings.HasPrefix(got, "46 (RSVP), ") {
			t.Errorf("%s: %s", outline(tree), got)
		}
	}
}

// TestRegistryFields: every field that the registries of MPJ and RSVP give to an
// object is shown with it, but for those that must be zero or are not used.
func TestRegistryFields(t *testing.T) {
	objects := make(map[[2]uint8]*dissect.Object)
	collect := func(tree *dissect.Tree, layer string) {
		for i := range tree.Layer(layer).Objects {
			o := &tree.Layer(layer).Objects[i]
			objects[[2]uint8{o.Class, o.CType}] = o
		}
	}
	for _, n := range capturetest.Nets {
		messages := capturetest.Messages(n)
		for i := range messages {
			collect(dissect.Frame(builder.MPJ(n.Leaf, n.Root, &messages[i])), dissect.LayerMPJ)
		}
	}
	for i := range mpj.Objects {
		info := &mpj.Objects[i]
		o := objects[[2]uint8{info.Class, info.CType}]
		if o == nil {
			t.Errorf("no sample of %s %s", info.Name, info.Form)
			continue
		}
		for _, f := range info.Fields {
			if f.Kind != mpj.KindZero && f.Kind != mpj.KindZeros && o.Field(dissect.FieldName(f.Name)) == nil {
				t.Errorf("%s: %s is not shown", info.Name, f.Name)
			}
		}
	}
	clear(objects)
	list := []byte{0x10, byte(rsvp.Path), 0, 0, 1, 0, 0, 0}
	for class := range rsvp.Classes {
		for _, ct := range rsvp.Classes[class].CTypes {
			size := ct.Min
			for _, f := range ct.Fields {
				size = max(size, f.Offset+f.Size)
			}
			var err error
			if list, err = (object.Object{Class: uint8(class), CType: ct.CType, Body: make([]byte, size)}).AppendTo(list); err != nil {
				t.Fatal(err)
			}
		}
	}
	collect(dissect.Frame(ip4(inet.ProtoRSVP, list)), dissect.LayerRSVP)
	for class := range rsvp.Classes {
		for _, ct := range rsvp.Classes[class].CTypes {
			o := objects[[2]uint8{uint8(class), ct.CType}]
			if o == nil {
				t.Errorf("%s %s is not shown", rsvp.Classes[class].Name, ct.Name)
				continue
			}
			for _, f := range ct.Fields {
				if f.Kind != rsvp.KindUnused && o.Field(dissect.FieldName(f.Name)) == nil {
					t.Errorf("%s: %s is not shown", o.Name, f.Name)
				}
			}
		}
	}
}
