package ip_test

import (
	"testing"
	"time"

	"github.com/mpstack/mpstack/stack/ip"
	"github.com/mpstack/mpstack/wire/igmp"
	"github.com/mpstack/mpstack/wire/inet"
)

// FuzzMembership hands any bytes as IGMP and MLD messages, with checksums put
// right, to a host that listens and to a router: both go on, and what they say
// afterwards can be read.
func FuzzMembership(f *testing.F) {
	rec := func(v6 bool) igmp.Record {
		if v6 {
			return igmp.Record{Type: igmp.AllowNewSources, Group: addr(ssm6), Sources: sources(true, "27")}
		}
		return igmp.Record{Type: igmp.ChangeToExclude, Group: addr(asm4), Sources: sources(false, "27")}
	}
	for _, m := range []igmp.Message{
		{Kind: igmp.KindQuery, Query: igmp.Query{Version: 1}},
		{Kind: igmp.KindQuery, Query: igmp.Query{Version: 2, MaxResp: time.Second}},
		{Kind: igmp.KindQuery, Query: igmp.Query{Version: 3, Group: addr(asm4), MaxResp: time.Second, Sources: sources(false, "1"), QRV: 7}},
		{Kind: igmp.KindReport, Report: igmp.Report{Version: 1, Group: addr(asm4)}},
		{Kind: igmp.KindReport, Report: igmp.Report{Version: 2, Group: addr(asm4)}},
		{Kind: igmp.KindReport, Report: igmp.Report{Version: 3, Records: []igmp.Record{rec(false), rec(false)}}},
		{Kind: igmp.KindLeave, Leave: igmp.Leave{Group: addr(asm4)}},
	} {
		if b, err := m.AppendIGMP(nil); err == nil {
			f.Add(false, b)
		}
	}
	for _, m := range []igmp.Message{
		{Kind: igmp.KindQuery, Query: igmp.Query{Version: 1, MaxResp: time.Second}},
		{Kind: igmp.KindQuery, Query: igmp.Query{Version: 2, Group: addr(asm6), MaxResp: time.Second, Sources: sources(true, "1"), QRV: 7}},
		{Kind: igmp.KindReport, Report: igmp.Report{Version: 1, Group: addr(asm6)}},
		{Kind: igmp.KindReport, Report: igmp.Report{Version: 2, Records: []igmp.Record{rec(true)}}},
		{Kind: igmp.KindLeave, Leave: igmp.Leave{Group: addr(asm6)}},
	} {
		if b, err := m.AppendMLD(nil, addr("fe80::1"), igmp.AllNodes6); err == nil {
			f.Add(true, b)
		}
	}
	f.Fuzz(func(t *testing.T, v6 bool, body []byte) {
		if len(body) < 4 || len(body) > 1200 || v6 && (body[0] < igmp.TypeMLDQuery || body[0] > igmp.TypeMLDv1Done) && body[0] != igmp.TypeMLDv2Report {
			return
		}
		n := newRouted(t, ip.Config{})
		n.x.filter(1, 1, asm4, "EX 27")
		n.x.filter(1, 1, asm6, "IN 27")
		n.run(2 * time.Second)
		frame := membershipFrame(t, v6, body)
		n.x.frame(1, frame)
		n.r.frame(2, frame)
		n.run(20 * time.Second)
		for _, s := range n.frames {
			if h, b := ipOf(t, s); h.proto == inet.ProtoIGMP {
				if _, err := igmp.ParseIGMP(b); err != nil {
					t.Errorf("%s: %v", s.cause, err)
				}
			}
		}
	})
}

// membershipFrame wraps a message of a station on the link, its checksum put
// right.
func membershipFrame(t *testing.T, v6 bool, body []byte) []byte {
	body = append([]byte(nil), body...)
	body[2], body[3] = 0, 0
	if v6 {
		src, dst := addr("fe80::1"), igmp.AllNodes6
		inet.PutICMPv6Checksum(body, src, dst)
		return ip6FrameTo(t, inet.MulticastMAC(dst), inet.IPv6{HopLimit: 1, NextHeader: inet.ProtoICMPv6, Src: src, Dst: dst, RouterAlert: true}, body)
	}
	sum := inet.Checksum(body, 0)
	body[2], body[3] = byte(sum>>8), byte(sum)
	return ip4FrameTo(t, inet.MulticastMAC(igmp.AllSystems), inet.IPv4{TTL: 1, Proto: inet.ProtoIGMP, Src: addr("10.2.0.77"), Dst: igmp.AllSystems, RouterAlert: true}, body)
}
