package igmp_test

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/mpstack/mpstack/wire/igmp"
)

// gopacket v1.1.19 reads IGMP and MLD; it is the reference where it is right:
// not for time codes from 128 on, for the query interval of IGMPv3, for aux
// data, or for a layer that is decoded into twice. It writes only MLD.

func ips(list []netip.Addr) []net.IP {
	var out []net.IP
	for _, a := range list {
		out = append(out, net.IP(a.AsSlice()))
	}
	return out
}

func sameIPs(t *testing.T, what string, got []netip.Addr, want []net.IP) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %v, gopacket %v", what, got, want)
		return
	}
	for i := range got {
		if string(got[i].AsSlice()) != string(want[i]) {
			t.Errorf("%s: %v, gopacket %v", what, got, want)
		}
	}
}

func TestGopacketIGMP(t *testing.T) {
	r := random{Rand: rand.New(rand.NewPCG(11, 11))}
	for range 500 {
		m := r.message()
		for i := range m.Report.Records {
			m.Report.Records[i].Aux = nil
		}
		if m.Kind == igmp.KindUnknown || m.Query.Version == 3 && m.Query.MaxResp >= 12800*time.Millisecond ||
			m.Query.Version == 2 && m.Query.MaxResp >= 12800*time.Millisecond {
			continue
		}
		b, err := m.AppendIGMP(nil)
		noError(t, err)
		switch l := gopacket.NewPacket(b, layers.LayerTypeIGMP, gopacket.Default).Layers()[0].(type) {
		case *layers.IGMPv1or2:
			group := []netip.Addr{m.Query.Group, m.Report.Group, m.Leave.Group}[m.Kind-igmp.KindQuery]
			if uint8(l.Type) != b[0] || string(l.GroupAddress) != string(group.AsSlice()) || l.MaxResponseTime != m.Query.MaxResp {
				t.Fatalf("%+v, gopacket %+v", m, l)
			}
		case *layers.IGMP:
			if l.Type == layers.IGMPMembershipQuery {
				q := m.Query
				if q.Version != 3 || l.MaxResponseTime != q.MaxResp || l.SupressRouterProcessing != q.Suppress ||
					l.RobustnessValue != q.QRV || string(l.GroupAddress) != string(q.Group.AsSlice()) {
					t.Fatalf("%+v, gopacket %+v", q, l)
				}
				sameIPs(t, "sources", q.Sources, l.SourceAddresses)
				continue
			}
			if len(l.GroupRecords) != len(m.Report.Records) {
				t.Fatalf("%+v, gopacket %+v", m.Report, l)
			}
			for i, g := range l.GroupRecords {
				rec := m.Report.Records[i]
				if uint8(g.Type) != uint8(rec.Type) || string(g.MulticastAddress) != string(rec.Group.AsSlice()) {
					t.Fatalf("record %v, gopacket %+v", rec, g)
				}
				sameIPs(t, "sources", rec.Sources, g.SourceAddresses)
			}
		default:
			t.Fatalf("gopacket reads %+v as %v", m, l.LayerType())
		}
	}
}

// mldBody is what gopacket takes as the layer after ICMPv6's first 4 bytes.
const mldBody = 4

func TestGopacketReadsMLD(t *testing.T) {
	r := random{rand.New(rand.NewPCG(12, 12)), true}
	for range 500 {
		m := r.message()
		for i := range m.Report.Records {
			m.Report.Records[i].Aux = nil
		}
		b, err := m.AppendMLD(nil, ll1, mldDst)
		noError(t, err)
		switch {
		case m.Kind == igmp.KindQuery && m.Query.Version == 2:
			var l layers.MLDv2MulticastListenerQueryMessage
			noError(t, l.DecodeFromBytes(b[mldBody:], gopacket.NilDecodeFeedback))
			q := m.Query
			if time.Duration(igmp.DecodeCode16(l.MaximumResponseCode))*time.Millisecond != q.MaxResp ||
				time.Duration(igmp.DecodeCode8(l.QueriersQueryIntervalCode))*time.Second != q.QQI ||
				l.SuppressRoutersideProcessing != q.Suppress || l.QueriersRobustnessVariable != q.QRV ||
				string(l.MulticastAddress) != string(q.Group.AsSlice()) {
				t.Fatalf("%+v, gopacket %+v", q, l)
			}
			sameIPs(t, "sources", q.Sources, l.SourceAddresses)
		case m.Kind == igmp.KindQuery:
			var l layers.MLDv1MulticastListenerQueryMessage
			noError(t, l.DecodeFromBytes(b[mldBody:], gopacket.NilDecodeFeedback))
			if l.MaximumResponseDelay != m.Query.MaxResp || string(l.MulticastAddress) != string(m.Query.Group.AsSlice()) {
				t.Fatalf("%+v, gopacket %+v", m.Query, l)
			}
		case m.Kind == igmp.KindReport && m.Report.Version == 2:
			var l layers.MLDv2MulticastListenerReportMessage
			noError(t, l.DecodeFromBytes(b[mldBody:], gopacket.NilDecodeFeedback))
			if len(l.MulticastAddressRecords) != len(m.Report.Records) {
				t.Fatalf("%+v, gopacket %+v", m.Report, l)
			}
			for i, g := range l.MulticastAddressRecords {
				rec := m.Report.Records[i]
				if uint8(g.RecordType) != uint8(rec.Type) || string(g.MulticastAddress) != string(rec.Group.AsSlice()) {
					t.Fatalf("record %v, gopacket %+v", rec, g)
				}
				sameIPs(t, "sources", rec.Sources, g.SourceAddresses)
			}
		}
	}
}

// gopacket's own MLDv2 messages, inside its ICMPv6, are read by us as they
// were meant, and have our checksum.
func TestGopacketWritesMLD(t *testing.T) {
	r := random{rand.New(rand.NewPCG(13, 13)), true}
	ip := &layers.IPv6{Version: 6, SrcIP: ll1.AsSlice(), DstIP: mldDst.AsSlice(), NextHeader: layers.IPProtocolICMPv6}
	write := func(typ uint8, l gopacket.SerializableLayer) []byte {
		icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(typ, 0)}
		noError(t, icmp.SetNetworkLayerForChecksum(ip))
		buf := gopacket.NewSerializeBuffer()
		noError(t, gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, icmp, l))
		return buf.Bytes()
	}
	for range 200 {
		rec := igmp.Record{Type: igmp.RecordType(1 + r.IntN(6)), Group: r.addr(), Sources: r.addrs(9)}
		got, err := igmp.Report{Version: 2, Records: []igmp.Record{rec, rec}}.AppendMLD(nil, ll1, mldDst)
		noError(t, err)
		g := layers.MLDv2MulticastAddressRecord{RecordType: layers.MLDv2MulticastAddressRecordType(rec.Type),
			MulticastAddress: rec.Group.AsSlice(), SourceAddresses: ips(rec.Sources)}
		sameBytes(t, "report", got, write(igmp.TypeMLDv2Report, &layers.MLDv2MulticastListenerReportMessage{
			MulticastAddressRecords: []layers.MLDv2MulticastAddressRecord{g, g}}))

		q := r.query(2, 2)
		got, err = q.AppendMLD(nil, ll1, mldDst)
		noError(t, err)
		resp, ok := igmp.EncodeCode16(uint32(q.MaxResp / time.Millisecond))
		qqic, ok8 := igmp.EncodeCode8(uint32(q.QQI / time.Second))
		if !ok || !ok8 {
			t.Fatalf("%+v has no codes", q)
		}
		sameBytes(t, "query", got, write(igmp.TypeMLDQuery, &layers.MLDv2MulticastListenerQueryMessage{
			MaximumResponseCode: resp, MulticastAddress: q.Group.AsSlice(), SuppressRoutersideProcessing: q.Suppress,
			QueriersRobustnessVariable: q.QRV, QueriersQueryIntervalCode: qqic, SourceAddresses: ips(q.Sources)}))
		if t.Failed() {
			return
		}
	}
}
