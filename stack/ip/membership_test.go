package ip_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/ip"
	"github.com/mpstack/mpstack/stack/ip/group"
	"github.com/mpstack/mpstack/wire/igmp"
	"github.com/mpstack/mpstack/wire/inet"
)

const (
	ssm4 = "232.1.2.3"
	asm4 = "225.1.2.3"
	ssm6 = "ff3e::8000:1"
	asm6 = "ff1e::101"
)

func TestIGMPJoinExactFrames(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	start := p.now
	p.a.join(1, ssm4, "10.0.0.2")
	p.run(2 * time.Second)
	p.wantCauses("a/1 ip/igmp/join", "a/1 ip/igmp/report-again")
	for _, s := range p.frames {
		wantFrame(t, s, `01005e000016 020000000101 0800
			46 c0 002c 0000 4000 01 02 f9f4 0a000001 e0000016 94040000
			22 00 e4f6 0000 0001  05 00 0001 e8010203 0a000002`)
	}
	if d := p.frames[1].at.Sub(start); d <= 0 || d > time.Second {
		t.Errorf("repeated after %v, want within 1 s", d)
	}
	p.forget()
	p.a.leave(1, ssm4, "10.0.0.2")
	p.run(2 * time.Second)
	p.wantCauses("a/1 ip/igmp/leave", "a/1 ip/igmp/report-again")
	wantFrame(t, p.frames[0], `01005e000016 020000000101 0800
		46 c0 002c 0000 4000 01 02 f9f4 0a000001 e0000016 94040000
		22 00 e3f6 0000 0001  06 00 0001 e8010203 0a000002`)
	p.forget()
	p.a.join(1, asm4, "")
	p.run(2 * time.Second)
	wantFrame(t, p.frames[1], `01005e000016 020000000101 0800
		46 c0 0028 0000 4000 01 02 f9f8 0a000001 e0000016 94040000
		22 00 f6f9 0000 0001  04 00 0000 e1010203`)
	p.forget()
	p.a.leave(1, asm4, "")
	p.run(2 * time.Second)
	wantFrame(t, p.frames[1], `01005e000016 020000000101 0800
		46 c0 0028 0000 4000 01 02 f9f8 0a000001 e0000016 94040000
		22 00 f7f9 0000 0001  03 00 0000 e1010203`)
	if !p.a.Quiet() {
		t.Error("something is left")
	}
}

func TestMLDJoinExactFrame(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.a.join(1, ssm6, "2001:db8::2")
	p.run(2 * time.Second)
	p.wantCauses("a/1 ip/mld/join", "a/1 ip/mld/report-again")
	for _, s := range p.frames {
		wantFrame(t, s, `333300000016 020000000101 86dd
			60000000 0034 00 01 fe80000000000000000000fffe000101 ff020000000000000000000000000016
			3a 00 0502 0000 0100
			8f 00 c100 0000 0001  05 00 0001 ff3e0000000000000000000080000001 20010db8000000000000000000000002`)
	}
}

func TestQuerierExactFrames(t *testing.T) {
	t.Parallel()
	n := newRouted(t, ip.Config{})
	wantFrame(t, n.with("ip/igmp/query-startup")[0], `01005e000001 020000000201 0800
		46 c0 0024 0000 4000 01 02 f913 0a0100fe e0000001 94040000
		11 64 ec1e 00000000 02 7d 0000`)
	wantFrame(t, n.with("ip/mld/query-startup")[0], `333300000001 020000000201 86dd
		60000000 0024 00 01 fe80000000000000000000fffe000201 ff020000000000000000000000000001
		3a 00 0502 0000 0100
		82 00 5596 2710 0000 00000000000000000000000000000000 02 7d 0000`)
	n.x.join(1, ssm4, "10.1.0.1")
	n.x.join(1, ssm6, "2001:db8:1::1")
	n.settle()
	n.x.leave(1, ssm4, "10.1.0.1")
	n.x.leave(1, ssm6, "2001:db8:1::1")
	n.run(time.Second / 2)
	wantFrame(t, n.with("ip/igmp/query-source")[0], `01005e010203 020000000202 0800
		46 c0 0028 0000 4000 01 02 ef0b 0a0200fe e8010203 94040000
		11 0a f870 e8010203 02 7d 0001 0a010001`)
	wantFrame(t, n.with("ip/mld/query-source")[0], `333380000001 020000000202 86dd
		60000000 0034 00 01 fe80000000000000000000fffe000202 ff3e0000000000000000000080000001
		3a 00 0502 0000 0100
		82 00 4b74 03e8 0000 ff3e0000000000000000000080000001 02 7d 0001 20010db8000100000000000000000001`)
}

func TestJoinsAreCounted(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	for range 3 {
		p.a.join(1, ssm4, "10.0.0.2")
	}
	p.run(2 * time.Second)
	if n := len(p.frames); n != 2 {
		t.Errorf("%d reports for three joins of the same", n)
	}
	p.forget()
	p.a.leave(1, ssm4, "10.0.0.2")
	p.a.leave(1, ssm4, "10.0.0.2")
	p.wantCauses()
	p.a.leave(1, ssm4, "10.0.0.2")
	p.wantCauses("a/1 ip/igmp/leave")
	if err := p.a.Leave(p.now, 1, addr(ssm4), addr("10.0.0.2")); !errors.Is(err, group.ErrNotMember) {
		t.Errorf("one leave too many: %v", err)
	}
}

func TestJoinRefusals(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	for _, c := range []struct {
		index         int
		group, source string
		want          error
	}{
		{2, asm4, "", group.ErrInterface},
		{1, "10.0.0.2", "", group.ErrGroup},
		{1, ssm4, "", group.ErrSSM},
		{1, ssm6, "", group.ErrSSM},
		{1, ssm4, "2001:db8::2", group.ErrSource},
		{1, ssm4, "224.0.0.9", group.ErrSource},
	} {
		if err := p.a.Join(p.now, c.index, addr(c.group), addr(c.source)); !errors.Is(err, c.want) {
			t.Errorf("Join(%d, %s, %s): %v, want %v", c.index, c.group, c.source, err, c.want)
		}
	}
	if !p.a.Quiet() {
		t.Error("a refused join left something")
	}
}

func TestMembershipOutlastsLinkDown(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.a.join(1, ssm4, "10.0.0.2")
	p.a.join(1, asm6, "")
	p.run(2 * time.Second)
	p.a.link(1, false)
	p.forget()
	p.run(time.Minute)
	p.a.join(1, asm4, "")
	p.run(time.Minute)
	p.wantCauses()
	p.a.link(1, true)
	p.run(2 * time.Second)
	if c := p.causes(); len(c) != 4 || c[0] != "a/1 ip/igmp/join" || c[1] != "a/1 ip/mld/join" {
		t.Fatalf("frames %q", c)
	}
	recs := reportOf(t, p.frames[0]).Records
	if len(recs) != 2 || recs[0].Type != igmp.ChangeToExclude || recs[1].Type != igmp.AllowNewSources {
		t.Errorf("reported anew: %v", recs)
	}
}

// reportOf decodes a membership report.
func reportOf(t *testing.T, s sent) igmp.Report {
	t.Helper()
	eth, b, err := inet.ParseEthernet(s.data)
	if err != nil {
		t.Fatal(err)
	}
	var m igmp.Message
	if eth.Type == inet.EtherTypeIPv4 {
		var body []byte
		if _, body, err = inet.ParseIPv4(b); err == nil {
			m, err = igmp.ParseIGMP(body)
		}
	} else {
		h, body, e := inet.ParseIPv6(b)
		if err = e; err == nil {
			m, err = igmp.ParseMLD(body, h.Src, h.Dst)
		}
	}
	if err != nil || m.Kind != igmp.KindReport {
		t.Fatalf("not a report: %v %v", m.Kind, err)
	}
	return m.Report
}

func TestQueriesAreAnswered(t *testing.T) {
	t.Parallel()
	n := newRouted(t, ip.Config{})
	n.x.join(1, ssm4, "10.1.0.1")
	n.x.join(1, asm4, "")
	n.settle()
	n.run(3 * time.Minute) // the second startup query and the first of the regular ones
	answers := slices.DeleteFunc(n.with("ip/igmp/answer"), func(s sent) bool { return s.from != "x/1" })
	if len(answers) != 2 {
		t.Fatalf("%d answers by x: %q", len(answers), n.causes())
	}
	for _, s := range answers {
		recs := reportOf(t, s).Records
		if len(recs) != 2 || recs[0].Type != igmp.ModeIsExclude || recs[1].Type != igmp.ModeIsInclude {
			t.Errorf("answer %v", recs)
		}
	}
	if len(n.r.Listeners()) == 0 {
		t.Error("the router forgot")
	}
}

func TestAnswersComeWithinTheResponseTime(t *testing.T) {
	t.Parallel()
	n := newRouted(t, ip.Config{})
	asked := n.now
	n.run(20 * time.Second)
	answers := n.with("ip/mld/answer")
	if len(answers) != 4 { // every host has solicited-node groups
		t.Fatalf("%d answers to the first MLD query, want 4: %q", len(answers), n.causes())
	}
	var at []machine.Time
	for _, s := range answers {
		if d := s.at.Sub(asked); d <= 0 || d > 10*time.Second+wireDelay {
			t.Errorf("%s answers after %v", s.from, d)
		}
		at = append(at, s.at)
	}
	if len(slices.Compact(at)) != 4 {
		t.Error("answers are not spread")
	}
}

func TestOwnGroupsAnnouncedOnDemand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.add("a", ip.Config{AnnounceOwnGroups: true})
	w.connect(new(wire), n, 1, "2001:db8::1/64")
	w.run(2 * time.Second)
	if len(w.with("ip/mld/join")) == 0 {
		t.Fatalf("nothing announced: %q", w.causes())
	}
	rec := reportOf(t, w.frames[0]).Records[0]
	if rec.Type != igmp.ChangeToExclude || rec.Group != inet.SolicitedNode(inet.LinkLocal(macOf(1, 1))) {
		t.Errorf("announced %v", rec)
	}
}

// TestUntrustedMembershipMessages: wrong TTL, no Router Alert, a source off
// the link.
func TestUntrustedMembershipMessages(t *testing.T) {
	t.Parallel()
	good := inet.IPv4{TTL: 1, Proto: inet.ProtoIGMP, Src: addr("10.2.0.1"), Dst: igmp.AllV3Routers, RouterAlert: true}
	for _, c := range []struct {
		name   string
		change func(*inet.IPv4)
		drops  uint64
	}{
		{"good", func(*inet.IPv4) {}, 0},
		{"unspecified source", func(h *inet.IPv4) { h.Src = addr("0.0.0.0") }, 0},
		{"TTL", func(h *inet.IPv4) { h.TTL = 2 }, 1},
		{"Router Alert", func(h *inet.IPv4) { h.RouterAlert = false }, 1},
		{"source", func(h *inet.IPv4) { h.Src = addr("10.9.0.1") }, 1},
	} {
		n := newRouted(t, ip.Config{})
		h := good
		c.change(&h)
		body, err := igmp.Report{Version: 3, Records: []igmp.Record{{Type: igmp.ChangeToExclude, Group: addr(asm4)}}}.AppendIGMP(nil)
		n.ok(err)
		n.r.frame(2, ip4Frame(t, h, body))
		n.r.wantCounter("drop/igmp-untrusted", c.drops)
		if got := uint64(1 - len(n.r.Listeners())); got != c.drops {
			t.Errorf("%s: %v", c.name, n.r.Listeners())
		}
	}
}

// ip4Frame wraps an IPv4 packet in a frame from a strange station.
func ip4Frame(t testing.TB, h inet.IPv4, body []byte) []byte {
	t.Helper()
	dst := inet.MulticastMAC(h.Dst)
	if dst.IsZero() {
		dst = inet.Broadcast
	}
	return ip4FrameTo(t, dst, h, body)
}

func ip4FrameTo(t testing.TB, dst inet.MAC, h inet.IPv4, body []byte) []byte {
	t.Helper()
	b := inet.Ethernet{Dst: dst, Src: macOf(99, 1), Type: inet.EtherTypeIPv4}.AppendTo(nil)
	b, err := h.AppendTo(b, len(body))
	if err != nil {
		t.Fatal(err)
	}
	return append(b, body...)
}

func ip6FrameTo(t testing.TB, dst inet.MAC, h inet.IPv6, body []byte) []byte {
	t.Helper()
	if dst.IsZero() {
		dst = inet.MulticastMAC(h.Dst)
	}
	b := inet.Ethernet{Dst: dst, Src: macOf(99, 1), Type: inet.EtherTypeIPv6}.AppendTo(nil)
	b, err := h.AppendTo(b, len(body))
	if err != nil {
		t.Fatal(err)
	}
	return append(b, body...)
}

// TestOlderVersionsReports: IGMPv2 and MLDv1 members count as any-source ones.
func TestOlderVersionsReports(t *testing.T) {
	t.Parallel()
	n := newRouted(t, ip.Config{})
	body, err := igmp.Report{Version: 2, Group: addr(asm4)}.AppendIGMP(nil)
	n.ok(err)
	n.r.frame(2, ip4Frame(t, inet.IPv4{TTL: 1, Proto: inet.ProtoIGMP, Src: addr("10.2.0.1"), Dst: addr(asm4), RouterAlert: true}, body))
	src, dst := addr("fe80::9"), addr(asm6)
	body, err = igmp.Report{Version: 1, Group: dst}.AppendMLD(nil, src, dst)
	n.ok(err)
	n.r.frame(2, ip6FrameTo(t, inet.MAC{}, inet.IPv6{HopLimit: 1, NextHeader: inet.ProtoICMPv6, Src: src, Dst: dst, RouterAlert: true}, body))
	ls := n.r.Listeners()
	if len(ls) != 2 || ls[0].Mode != group.Exclude || ls[1].Mode != group.Exclude {
		t.Fatalf("listeners %+v", ls)
	}
	body, err = igmp.Leave{Group: addr(asm4)}.AppendIGMP(nil)
	n.ok(err)
	n.forget()
	n.r.frame(2, ip4Frame(t, inet.IPv4{TTL: 1, Proto: inet.ProtoIGMP, Src: addr("10.2.0.1"), Dst: igmp.AllRouters, RouterAlert: true}, body))
	n.wantCauses("r/2 ip/igmp/query-group")
	n.run(3 * time.Second)
	if ls := n.r.Listeners(); len(ls) != 1 {
		t.Errorf("after the leave: %+v", ls)
	}
}
