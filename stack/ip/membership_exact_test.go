package ip_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/ip"
	"github.com/mpstack/mpstack/stack/ip/group"
	"github.com/mpstack/mpstack/wire/igmp"
	"github.com/mpstack/mpstack/wire/inet"
)

// sources returns the sources of a family that digits name: 10.0.0.DIGIT or
// 2001:db8::DIGIT.
func sources(v6 bool, digits string) []netip.Addr {
	var all []netip.Addr
	for _, c := range digits {
		if v6 {
			all = append(all, addr("2001:db8::"+string(c)))
		} else {
			all = append(all, addr("10.0.0."+string(c)))
		}
	}
	return all
}

// filter sets a socket's filter: "EX 27" or "IN 27", "" for nothing at all.
func (n *node) filter(key ip.SocketKey, index int, grp, filter string) {
	n.w.t.Helper()
	mode := group.Include
	if len(filter) > 1 && filter[:2] == "EX" {
		mode = group.Exclude
	}
	g := addr(grp)
	n.w.ok(n.SetFilter(n.w.now, key, index, g, mode, sources(g.Is6(), filter[min(len(filter), 3):])))
	n.drain()
}

// asked hands n a membership query of a version from a stranger on the link.
func (n *node) asked(index int, q igmp.Query, v6 bool) {
	n.w.t.Helper()
	if v6 {
		src, dst := addr("fe80::99"), igmp.AllNodes6
		if !q.General() {
			dst = q.Group
		}
		body, err := q.AppendMLD(nil, src, dst)
		n.w.ok(err)
		n.frame(index, ip6FrameTo(n.w.t, inet.MulticastMAC(dst), inet.IPv6{HopLimit: 1, NextHeader: inet.ProtoICMPv6, Src: src, Dst: dst, RouterAlert: true}, body))
		return
	}
	dst := igmp.AllSystems
	if !q.General() {
		dst = q.Group
	}
	body, err := q.AppendIGMP(nil)
	n.w.ok(err)
	n.frame(index, ip4FrameTo(n.w.t, inet.MulticastMAC(dst), inet.IPv4{TTL: 1, Proto: inet.ProtoIGMP, Src: addr("0.0.0.0"), Dst: dst, RouterAlert: true}, body))
}

// TestReportExactFrames states every type of record in both families, byte by
// byte: what socket 1 has, what it sets then ("?": it is asked), what is said.
func TestReportExactFrames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, has, sets, igmp, mld string }{
		{"ALLOW", "", "IN 27",
			`01005e000016 020000000101 0800
			46 c0 0030 0000 4000 01 02 f9f0 0a000001 e0000016 94040000
			22 00 e1ee 0000000105000002e10102030a0000020a000007`,
			`333300000016 020000000101 86dd
			60000000 0044 00 01 fe80000000000000000000fffe000101 ff020000000000000000000000000016 3a00 05020000 0100
			8f 00 1250 00000001 05000002ff1e000000000000000000000000010120010db800000000000000000000000220010db8000000000000000000000007`},
		{"BLOCK", "IN 27", "",
			`01005e000016 020000000101 0800
			46 c0 0030 0000 4000 01 02 f9f0 0a000001 e0000016 94040000
			22 00 e0ee 0000000106000002e10102030a0000020a000007`,
			`333300000016 020000000101 86dd
			60000000 0044 00 01 fe80000000000000000000fffe000101 ff020000000000000000000000000016 3a00 05020000 0100
			8f 00 1150 00000001 06000002ff1e000000000000000000000000010120010db800000000000000000000000220010db8000000000000000000000007`},
		{"TO_IN", "EX ", "IN 27",
			`01005e000016 020000000101 0800
			46 c0 0030 0000 4000 01 02 f9f0 0a000001 e0000016 94040000
			22 00 e3ee 0000000103000002e10102030a0000020a000007`,
			`333300000016 020000000101 86dd
			60000000 0044 00 01 fe80000000000000000000fffe000101 ff020000000000000000000000000016 3a00 05020000 0100
			8f 00 1450 00000001 03000002ff1e000000000000000000000000010120010db800000000000000000000000220010db8000000000000000000000007`},
		{"TO_EX", "", "EX 27",
			`01005e000016 020000000101 0800
			46 c0 0030 0000 4000 01 02 f9f0 0a000001 e0000016 94040000
			22 00 e2ee 0000000104000002e10102030a0000020a000007`,
			`333300000016 020000000101 86dd
			60000000 0044 00 01 fe80000000000000000000fffe000101 ff020000000000000000000000000016 3a00 05020000 0100
			8f 00 1350 00000001 04000002ff1e000000000000000000000000010120010db800000000000000000000000220010db8000000000000000000000007`},
		{"IS_IN", "IN 27", "?",
			`01005e000016 020000000101 0800
			46 c0 0030 0000 4000 01 02 f9f0 0a000001 e0000016 94040000
			22 00 e5ee 0000000101000002e10102030a0000020a000007`,
			`333300000016 020000000101 86dd
			60000000 0044 00 01 fe80000000000000000000fffe000101 ff020000000000000000000000000016 3a00 05020000 0100
			8f 00 1650 00000001 01000002ff1e000000000000000000000000010120010db800000000000000000000000220010db8000000000000000000000007`},
		{"IS_EX", "EX 27", "?",
			`01005e000016 020000000101 0800
			46 c0 0030 0000 4000 01 02 f9f0 0a000001 e0000016 94040000
			22 00 e4ee 0000000102000002e10102030a0000020a000007`,
			`333300000016 020000000101 86dd
			60000000 0044 00 01 fe80000000000000000000fffe000101 ff020000000000000000000000000016 3a00 05020000 0100
			8f 00 1550 00000001 02000002ff1e000000000000000000000000010120010db800000000000000000000000220010db8000000000000000000000007`},
		{"ALLOW and BLOCK", "IN 7", "IN 2",
			`01005e000016 020000000101 0800
			46 c0 0038 0000 4000 01 02 f9e8 0a000001 e0000016 94040000
			22 00 f8e8 0000000205000001e10102030a00000206000001e10102030a000007`,
			`333300000016 020000000101 86dd
			60000000 0058 00 01 fe80000000000000000000fffe000101 ff020000000000000000000000000016 3a00 05020000 0100
			8f 00 0c1b 00000002 05000001ff1e000000000000000000000000010120010db800000000000000000000000206000001ff1e000000000000000000000000010120010db8000000000000000000000007`},
	} {
		for grp, want := range map[string]string{asm4: c.igmp, asm6: c.mld} {
			p := newPair(t)
			v6 := addr(grp).Is6()
			if c.has != "" {
				p.a.filter(1, 1, grp, c.has)
			}
			p.run(5 * time.Second)
			p.forget()
			if c.sets == "?" {
				version := uint8(3)
				if v6 {
					version = 2
				}
				p.a.asked(1, igmp.Query{Version: version, Group: addr(grp), MaxResp: time.Second}, v6)
				p.run(2 * time.Second)
			} else {
				p.a.filter(1, 1, grp, c.sets)
			}
			if len(p.frames) != 1 {
				t.Errorf("%s of %s: %q", c.name, grp, p.causes())
				continue
			}
			wantFrame(t, p.frames[0], want)
		}
	}
}

// exact are messages of a link with router 10.2.0.254 and host 10.2.0.1.
var exact = map[string]string{
	"IGMPv1 general query": `01005e000001 020000000202 0800
		46 c0 0020 0000 4000 01 02 f916 0a0200fe e0000001 94040000
		11 00 eeff 00000000`,
	"IGMPv1 report": `01005e010203 020000000301 0800
		46 c0 0020 0000 4000 01 02 f710 0a020001 e1010203 94040000
		12 00 0afb e1010203`,
	"IGMPv2 general query": `01005e000001 020000000202 0800
		46 c0 0020 0000 4000 01 02 f916 0a0200fe e0000001 94040000
		11 64 ee9b 00000000`,
	"IGMPv2 report": `01005e010203 020000000301 0800
		46 c0 0020 0000 4000 01 02 f710 0a020001 e1010203 94040000
		16 00 06fb e1010203`,
	"IGMPv2 leave": `01005e000002 020000000301 0800
		46 c0 0020 0000 4000 01 02 fa12 0a020001 e0000002 94040000
		17 00 05fb e1010203`,
	"IGMPv2 group query": `01005e010203 020000000202 0800
		46 c0 0020 0000 4000 01 02 f613 0a0200fe e1010203 94040000
		11 0a 0bf1 e1010203`,
	"MLDv1 general query": `333300000001 020000000202 86dd
		60000000 0020 00 01 fe80000000000000000000fffe000202 ff020000000000000000000000000001 3a00 05020000 0100
		82 00 5816 27100000 00000000000000000000000000000000`,
	"MLDv1 report": `333300000101 020000000301 86dd
		60000000 0020 00 01 fe80000000000000000000fffe000301 ff1e0000000000000000000000000101 3a00 05020000 0100
		83 00 7beb 00000000 ff1e0000000000000000000000000101`,
	"MLDv1 done": `333300000002 020000000301 86dd
		60000000 0020 00 01 fe80000000000000000000fffe000301 ff020000000000000000000000000002 3a00 05020000 0100
		84 00 7c06 00000000 ff1e0000000000000000000000000101`,
	"MLDv1 group query": `333300000101 020000000202 86dd
		60000000 0020 00 01 fe80000000000000000000fffe000202 ff1e0000000000000000000000000101 3a00 05020000 0100
		82 00 7a02 03e80000 ff1e0000000000000000000000000101`,
	"IGMPv3 group query": `01005e010203 020000000202 0800
		46 c0 0024 0000 4000 01 02 f60f 0a0200fe e1010203 94040000
		11 0a 0974 e1010203027d0000`,
	"IGMPv3 group query with S": `01005e010203 020000000202 0800
		46 c0 0024 0000 4000 01 02 f60f 0a0200fe e1010203 94040000
		11 0a 0174 e10102030a7d0000`,
	"MLDv2 group query": `333300000101 020000000202 86dd
		60000000 0024 00 01 fe80000000000000000000fffe000202 ff1e0000000000000000000000000101 3a00 05020000 0100
		82 00 7781 03e80000 ff1e0000000000000000000000000101027d0000`,
	"MLDv2 group query with S": `333300000101 020000000202 86dd
		60000000 0024 00 01 fe80000000000000000000fffe000202 ff1e0000000000000000000000000101 3a00 05020000 0100
		82 00 6f81 03e80000 ff1e00000000000000000000000001010a7d0000`,
	"IGMPv3 source query with S": `01005e010203 020000000202 0800
		46 c0 0028 0000 4000 01 02 f60b 0a0200fe e1010203 94040000
		11 0a f770 e10102030a7d00010a010001`,
	"MLDv2 source query with S": `333300000101 020000000202 86dd
		60000000 0034 00 01 fe80000000000000000000fffe000202 ff1e0000000000000000000000000101 3a00 05020000 0100
		82 00 41b5 03e80000 ff1e00000000000000000000000001010a7d000120010db8000100000000000000000001`,
}

// wantExact compares the first frame of a cause with one of exact.
func (w *world) wantExact(cause, name string) {
	w.t.Helper()
	frames := w.with(machine.Cause(cause))
	if len(frames) == 0 {
		w.t.Errorf("no frame of %s: %q", cause, w.causes())
		return
	}
	wantFrame(w.t, frames[0], exact[name])
}

// TestOlderExactFrames is a conversation with a router of each older version.
func TestOlderExactFrames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, proto, grp string
		version          uint8
		leave, question  string
	}{
		{"IGMPv1", "igmp", asm4, 1, "", ""},
		{"IGMPv2", "igmp", asm4, 2, "leave", "group query"},
		{"MLDv1", "mld", asm6, 1, "done", "group query"},
	} {
		n := newRouted(t, ip.Config{})
		v6 := c.proto == "mld"
		n.settle()
		n.ok(n.r.ConfigureQuerier(n.now, 2, v6, group.Settings{Version: c.version}))
		n.r.drain()
		n.wantExact("ip/"+c.proto+"/query-startup", c.name+" general query")
		n.run(20 * time.Second)
		if v, known := n.x.QuerierVersion(1, v6); v != int(c.version) || !known {
			t.Errorf("%s: x hears version %d, %v", c.name, v, known)
		}
		n.forget()
		n.x.join(1, c.grp, "")
		n.wantExact("ip/"+c.proto+"/join", c.name+" report")
		n.run(20 * time.Second)
		n.wantExact("ip/"+c.proto+"/report-again", c.name+" report")
		n.run(20 * time.Second)
		n.x.leave(1, c.grp, "")
		n.run(100 * time.Millisecond)
		if c.leave == "" {
			if got := n.with("ip/igmp/leave"); len(got) != 0 {
				t.Errorf("%s knows no leave", c.name)
			}
			continue
		}
		n.wantExact("ip/"+c.proto+"/leave", c.name+" "+c.leave)
		n.wantExact("ip/"+c.proto+"/query-group", c.name+" "+c.question)
	}
}

// TestSpecificQueryExactFrames: queries about a group and about a source, and
// those with the S flag that follow an answer.
func TestSpecificQueryExactFrames(t *testing.T) {
	t.Parallel()
	for proto, c := range map[string]struct{ name, grp, source string }{
		"igmp": {"IGMPv3", asm4, "10.1.0.1"},
		"mld":  {"MLDv2", asm6, "2001:db8:1::1"},
	} {
		n := newRouted(t, ip.Config{})
		n.settle()
		n.y.join(1, c.grp, "")
		n.x.join(1, c.grp, "")
		n.run(2 * time.Second)
		n.forget()
		n.x.leave(1, c.grp, "") // y stays and answers
		n.run(5 * time.Second)
		queries := n.with(machine.Cause("ip/" + proto + "/query-group"))
		if len(queries) < 2 {
			t.Fatalf("%s: %q", c.name, n.causes())
		}
		wantFrame(t, queries[0], exact[c.name+" group query"])
		wantFrame(t, queries[len(queries)-1], exact[c.name+" group query with S"])

		n.y.leave(1, c.grp, "")
		n.run(5 * time.Second)
		n.y.join(1, c.grp, c.source)
		n.x.join(1, c.grp, c.source)
		n.run(2 * time.Second)
		n.forget()
		n.x.leave(1, c.grp, c.source)
		n.run(5 * time.Second)
		queries = n.with(machine.Cause("ip/" + proto + "/query-source"))
		if len(queries) < 2 {
			t.Fatalf("%s: %q", c.name, n.causes())
		}
		wantFrame(t, queries[len(queries)-1], exact[c.name+" source query with S"])
	}
}
