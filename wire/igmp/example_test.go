package igmp_test

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/mpstack/mpstack/wire/igmp"
	"github.com/mpstack/mpstack/wire/inet"
)

// An IGMPv3 report that joins (10.0.0.1, 232.1.2.3), as a frame to send.
func ExampleReport_AppendIGMP() {
	report := igmp.Report{Version: 3, Records: []igmp.Record{{
		Type: igmp.AllowNewSources, Group: netip.MustParseAddr("232.1.2.3"),
		Sources: []netip.Addr{netip.MustParseAddr("10.0.0.1")},
	}}}
	message, _ := report.AppendIGMP(nil)
	ip := inet.IPv4{Src: netip.MustParseAddr("10.0.0.2"), Dst: igmp.AllV3Routers,
		Proto: inet.ProtoIGMP, TTL: igmp.TTL, TOS: igmp.TOS, RouterAlert: true}
	eth := inet.Ethernet{Dst: inet.MulticastMAC(ip.Dst), Src: inet.MAC{2, 0, 0, 0, 0, 2}, Type: inet.EtherTypeIPv4}
	frame, _ := ip.AppendTo(eth.AppendTo(nil), len(message))
	frame = append(frame, message...)
	fmt.Printf("% x\n% x\n% x\n", frame[:14], frame[14:38], frame[38:])
	// Output:
	// 01 00 5e 00 00 16 02 00 00 00 00 02 08 00
	// 46 c0 00 2c 00 00 00 00 01 02 39 f4 0a 00 00 02 e0 00 00 16 94 04 00 00
	// 22 00 e4 f7 00 00 00 01 05 00 00 01 e8 01 02 03 0a 00 00 01
}

func ExampleParseIGMP() {
	m, err := igmp.ParseIGMP([]byte{
		0x11, 0x8a, 0xe5, 0xe7, 232, 1, 2, 3, 0x0a, 125, 0, 2, 10, 0, 0, 1, 10, 0, 0, 9,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	q := m.Query
	fmt.Println(m.Kind, "version", q.Version, "for", q.Group, q.Sources)
	fmt.Println("answer within", q.MaxResp, "robustness", q.QRV, "interval", q.QQI, "suppress", q.Suppress)
	// Output:
	// query version 3 for 232.1.2.3 [10.0.0.1 10.0.0.9]
	// answer within 20.8s robustness 2 interval 2m5s suppress true
}

// A general MLDv2 query, and a reader that uses its memory again and again.
func ExampleMessage_DecodeMLD() {
	src := netip.MustParseAddr("fe80::1")
	query, _ := igmp.Query{Version: 2, MaxResp: 10 * time.Second, QRV: 2, QQI: 125 * time.Second}.
		AppendMLD(nil, src, igmp.AllNodes6)
	report, _ := igmp.Report{Version: 2, Records: []igmp.Record{
		{Type: igmp.ModeIsExclude, Group: netip.MustParseAddr("ff1e::5")},
		{Type: igmp.ModeIsInclude, Group: netip.MustParseAddr("ff3e::8000:1"), Sources: []netip.Addr{netip.MustParseAddr("2001:db8::1")}},
	}}.AppendMLD(nil, src, igmp.AllNodes6)

	var m igmp.Message
	for _, b := range [][]byte{query, report} {
		if err := m.DecodeMLD(b, src, igmp.AllNodes6); err != nil {
			fmt.Println(err)
			continue
		}
		switch m.Kind {
		case igmp.KindQuery:
			fmt.Println("general query:", m.Query.General())
		case igmp.KindReport:
			fmt.Println(m.Report.Records)
		}
	}
	// Output:
	// general query: true
	// [IS_EX(ff1e::5) IS_IN(ff3e::8000:1; 2001:db8::1)]
}

// 1,000 sources do not fit an Ethernet frame.
func ExampleReport_Split() {
	record := igmp.Record{Type: igmp.AllowNewSources, Group: netip.MustParseAddr("232.1.2.3")}
	for i := range 1000 {
		record.Sources = append(record.Sources, netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}))
	}
	reports, err := igmp.Report{Version: 3, Records: []igmp.Record{record}}.Split(1500 - 24)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range reports {
		message, _ := r.AppendIGMP(nil)
		fmt.Println(len(r.Records[0].Sources), "sources,", len(message), "bytes")
	}
	// Output:
	// 365 sources, 1476 bytes
	// 365 sources, 1476 bytes
	// 270 sources, 1096 bytes
}
