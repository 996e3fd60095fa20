//go:build netns

package reference_test

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mpstack/mpstack/wire/igmp"
	"github.com/mpstack/mpstack/wire/inet"
)

// Times of the queries. A host that keeps them answers within maxResp. What is
// later by less than tolerance is the machine's business: Linux does all of its
// MLD in one queue, which the namespaces of this test share.
const (
	maxResp   = 300 * time.Millisecond
	tolerance = 1500 * time.Millisecond
)

// settled is how long a host takes to repeat what it reports unasked, on
// Linux with the intervals that the testbed sets, and by the RFCs.
const settledShort, settledFull = 300 * time.Millisecond, 30 * time.Second

// Versions of a family: that with sources, the one before it, and IGMPv1.
func (f *family) currentVersion() uint8 {
	if f.v6 {
		return 2
	}
	return 3
}

func (f *family) olderVersion() uint8 { return f.currentVersion() - 1 }

// query is a query as a router sends it.
func (f *family) query(q igmp.Query) []byte { return f.queryTo(q, f.target(q), igmp.TTL, true) }

// target is where a query goes.
func (f *family) target(q igmp.Query) netip.Addr {
	switch {
	case !q.General():
		return q.Group
	case f.v6:
		return igmp.AllNodes6
	}
	return igmp.AllSystems
}

func (f *family) queryTo(q igmp.Query, dst netip.Addr, ttl uint8, alert bool) []byte {
	if f.v6 {
		return f.mld(must(q.AppendMLD(nil, f.router, dst)), f.router, dst, ttl, alert)
	}
	return f.igmp(must(q.AppendIGMP(nil)), dst, ttl, alert && q.Version > 1)
}

func (f *family) igmp(message []byte, dst netip.Addr, ttl uint8, alert bool) []byte {
	h := inet.IPv4{TOS: igmp.TOS, Src: f.router, Dst: dst, Proto: inet.ProtoIGMP, TTL: ttl, RouterAlert: alert}
	return ether(proberMAC, packet4(h, message))
}

func (f *family) mld(message []byte, src, dst netip.Addr, hops uint8, alert bool) []byte {
	if !alert {
		return ether(proberMAC, packet6(src, dst, hops, inet.ProtoICMPv6, message))
	}
	return ether(proberMAC, packet6(src, dst, hops, inet.ProtoHopByHop,
		append(options(inet.ProtoHopByHop, inet.ProtoICMPv6, inet.IPv6OptRouterAlert, 2, 0, 0), message...)))
}

// general is a general query of a version.
func (f *family) general(version uint8) igmp.Query {
	q := igmp.Query{Version: version, MaxResp: maxResp}
	if version == f.currentVersion() {
		q.QRV, q.QQI = 2, 125*time.Second
	}
	return q
}

// specific is a query for a group, with sources in the current version.
func (f *family) specific(version uint8, group netip.Addr, sources ...netip.Addr) igmp.Query {
	q := f.general(version)
	q.Group, q.Sources = group, sources
	return q
}

// isMembership reports whether a frame of the host reports or leaves a group
// that a row is about.
func isMembership(frame []byte) bool {
	s := view{}.summary([]heard{{data: frame}})
	return strings.Contains(s, "IGMP") || strings.Contains(s, "MLD")
}

// reply sends frames and says what comes within the time that the last of them
// gives. What is late says so; what may be silence is waited for longer.
func (b *bed) reply(v view, within time.Duration, frames ...[]byte) string {
	mark := b.mark()
	for _, f := range frames {
		b.send(f)
	}
	start := time.Now()
	if within >= time.Second { // one answer will do
		b.await(mark, within+tolerance, isMembership)
		b.watch(slack)
	} else {
		b.watch(within + slack)
		b.await(mark, tolerance, isMembership)
	}
	b.barrier()
	v.sent = b.quotable()
	record := b.since(mark)
	answer := v.summary(record)
	if slices.ContainsFunc(record, func(h heard) bool { return isMembership(h.data) && h.at.Sub(start) > within+tolerance*2/3 }) {
		answer += ", late"
	}
	return answer
}

// member makes a socket that hears a group, and lets its reports pass.
func (b *bed) member(f *family, group netip.Addr, x filter) socket {
	s := b.listen(f.host)
	b.set(s, group, x)
	return s
}

// set changes a filter and lets the reports pass.
func (b *bed) set(s socket, group netip.Addr, x filter) {
	mark := b.mark()
	b.check(s.filter(group, x))
	b.settle(mark)
}

// settle waits until the host has reported a change for the second time, or has
// had the time for it.
func (b *bed) settle(mark int) {
	b.host.wait(settledShort, settledFull)
	b.barrier()
	reports := 0
	b.await(mark, tolerance, func(frame []byte) bool {
		if isMembership(frame) {
			reports++
		}
		return reports == 2
	})
	b.barrier()
}

// change says what a socket's change of its filter brings about.
func (b *bed) change(s socket, group netip.Addr, x filter) string {
	return sorted(b.look(view{}, func() { b.set(s, group, x) }))
}

// older puts the host into an older version's mode: it hears a query of it and
// answers.
func (b *bed) older(f *family, version uint8) {
	q := f.general(version)
	if version > 1 || f.v6 {
		q.MaxResp = 100 * time.Millisecond
	} else {
		q.MaxResp = igmp.RespV1
	}
	b.send(f.query(q))
	b.barrier()
	b.host.wait(settledShort, settledFull)
	b.barrier()
}

// replies is a row: with a filter in force, a query is answered.
func (f *family) replies(name, source string, x filter, q igmp.Query, want ...string) row {
	return row{name: name, source: source, want: want, do: func(b *bed) string {
		b.member(f, f.group, x)
		return b.reply(view{}, q.MaxResp, f.query(q))
	}}
}

// changes is a row: one filter takes another's place.
func (f *family) changes(name, source string, from, to filter, want ...string) row {
	return row{name: name, source: source, want: want, do: func(b *bed) string {
		if from.exclude || len(from.sources) > 0 {
			return b.change(b.member(f, f.group, from), f.group, to)
		}
		return b.change(b.listen(f.host), f.group, to)
	}}
}

// section names the RFCs' sections for both families.
func (f *family) section(igmpSection, mldSection string) string {
	if f.v6 {
		return "RFC 3810 §" + mldSection
	}
	return "RFC 3376 §" + igmpSection
}

func memberRows(f *family) []row {
	return slices.Concat(f.changeRows(), f.queryRows(), f.olderRows(), f.oddRows())
}

// record is the text of a report with one record.
func (f *family) record(typ string, sources ...string) string {
	s := f.current + " " + typ + "(G"
	if len(sources) > 0 {
		s += ": " + strings.Join(sources, ",")
	}
	return s + ")"
}

func twice(s string) string { return "2 × " + s }

func (f *family) changeRows() []row {
	s1, s2 := f.s1, f.s2
	change := f.section("5.1", "6.1")
	x := func(name string, from, to filter, want ...string) row {
		for i := range want {
			want[i] = twice(want[i])
		}
		return f.changes(name, change, from, to, want...)
	}
	r := f.record
	return []row{
		x("join from any source", nobody, anybody, r("TO_EX")),
		x("leave", anybody, nobody, r("TO_IN")),
		x("join from S1", nobody, include(s1), r("ALLOW", "S1")),
		x("INCLUDE S1 to INCLUDE S1,S2", include(s1), include(s1, s2), r("ALLOW", "S2")),
		x("INCLUDE S1,S2 to INCLUDE S1", include(s1, s2), include(s1), r("BLOCK", "S2")),
		x("INCLUDE S1 to INCLUDE S2", include(s1), include(s2), r("ALLOW", "S2")+"; 2 × "+r("BLOCK", "S1")),
		x("leave S1, the only source", include(s1), nobody, r("BLOCK", "S1")),
		x("EXCLUDE nobody to EXCLUDE S1", anybody, exclude(s1), r("BLOCK", "S1")),
		x("EXCLUDE S1 to EXCLUDE nobody", exclude(s1), anybody, r("ALLOW", "S1")),
		x("EXCLUDE S1 to EXCLUDE S2", exclude(s1), exclude(s2), r("ALLOW", "S1")+"; 2 × "+r("BLOCK", "S2")),
		x("INCLUDE S1 to EXCLUDE S2", include(s1), exclude(s2), r("TO_EX", "S2")),
		x("EXCLUDE S2 to INCLUDE S1", exclude(s2), include(s1), r("TO_IN", "S1")),
		x("EXCLUDE S1 to no membership", exclude(s1), nobody, r("TO_IN")),
		f.second("second socket: INCLUDE S1 with INCLUDE S2", include(s1), include(s2), twice(r("ALLOW", "S2"))),
		f.second("second socket: INCLUDE S1 with INCLUDE S1", include(s1), include(s1), none),
		f.second("second socket: any source with INCLUDE S1", anybody, include(s1), none),
		f.second("second socket: EXCLUDE S1,S2 with INCLUDE S1", exclude(s1, s2), include(s1), twice(r("ALLOW", "S1"))),
		f.second("second socket: EXCLUDE S1,S2 with EXCLUDE S1", exclude(s1, s2), anybodyBut(s1), twice(r("ALLOW", "S2"))).because(
			"A socket of Linux has to join before it can set a list: for an instant the group is heard from everyone, and S1 is blocked again afterwards."),
		f.second("second socket: INCLUDE S1,S2 with EXCLUDE S1", include(s1, s2), exclude(s1), twice(r("TO_EX"))),
		{name: "link down and up with a membership", source: f.section("5.1", "6.1") + ": as a join", want: expect(r("TO_EX")), do: func(b *bed) string {
			b.member(f, f.group, anybody)
			return b.relink()
		}},
		{name: "link down and up with INCLUDE S1", source: f.section("5.1", "6.1") + ": as a join", want: expect(r("ALLOW", "S1")), do: func(b *bed) string {
			b.member(f, f.group, include(s1))
			return b.relink()
		}},
		{name: "join of the group of all hosts", source: f.section("5", "6") + ": never reported", want: expect(none), do: func(b *bed) string {
			s := b.listen(f.host)
			return b.look(view{}, func() { b.set(s, f.target(f.general(1)), anybody) })
		}},
	}
}

// anybodyBut is exclude, to be read beside include.
func anybodyBut(sources ...netip.Addr) filter { return exclude(sources...) }

// second has one socket with a filter, and says what a second one's brings
// about.
func (f *family) second(name string, first, then filter, want ...string) row {
	return row{name: name, source: f.section("3.2", "4.2"), want: want, do: func(b *bed) string {
		b.member(f, f.group, first)
		return b.change(b.listen(f.host), f.group, then)
	}}
}

// relink takes the link down and up.
func (b *bed) relink() string {
	b.check(b.host.setLink(false))
	mark := b.mark()
	b.check(b.host.setLink(true))
	b.check(b.greet())
	b.settle(mark)
	return uncounted(view{}.summary(b.since(mark)))
}

func robustnessWhy(f *family) string {
	if f.v6 {
		return "Linux takes no less from an MLD querier than the sysctl mld_qrv, 2."
	}
	return ""
}

const wholeState = "In mode EXCLUDE Linux answers such a query as if it were for the group: with its mode and list, which says no less."

func (f *family) queryRows() []row {
	s1, s2, s3 := f.s1, f.s2, f.s3
	v, r := f.currentVersion(), f.record
	answer := f.section("5.2", "6.2")
	asks := func(name string, x filter, q igmp.Query, want ...string) row {
		return f.replies(f.current+" "+name, answer, x, q, want...)
	}
	general := f.general(v)
	atOnce := general
	atOnce.MaxResp = 0
	suppressed := f.specific(v, f.group)
	suppressed.Suppress = true
	return []row{
		asks("general query: any source", anybody, general, r("IS_EX")),
		asks("general query: INCLUDE S1,S2", include(s1, s2), general, r("IS_IN", "S1,S2")),
		asks("general query: EXCLUDE S1", exclude(s1), general, r("IS_EX", "S1")),
		asks("general query with response time 0", anybody, atOnce, r("IS_EX")),
		asks("query for the group: any source", anybody, f.specific(v, f.group), r("IS_EX")),
		asks("query for the group with the S flag", anybody, suppressed, r("IS_EX")),
		asks("query for the group: INCLUDE S1", include(s1), f.specific(v, f.group), r("IS_IN", "S1")),
		asks("query for the group: EXCLUDE S1", exclude(s1), f.specific(v, f.group), r("IS_EX", "S1")),
		asks("query for a group that is not joined", anybody, f.specific(v, f.group2), none),
		asks("query for the group and S1,S3: INCLUDE S1,S2", include(s1, s2), f.specific(v, f.group, s1, s3), r("IS_IN", "S1")),
		asks("query for the group and S3: INCLUDE S1,S2", include(s1, s2), f.specific(v, f.group, s3), none),
		asks("query for the group and S1,S2: any source", anybody, f.specific(v, f.group, s1, s2), r("IS_IN", "S1,S2")).because(wholeState),
		asks("query for the group and S1,S2: EXCLUDE S1", exclude(s1), f.specific(v, f.group, s1, s2), r("IS_IN", "S2")).because(wholeState),
		asks("query for the group and S1: EXCLUDE S1", exclude(s1), f.specific(v, f.group, s1), none),
		{name: f.current + " general query with two groups joined", source: answer + ": one report", do: func(b *bed) string {
			s := b.member(f, f.group, anybody)
			b.set(s, f.group2, include(s1))
			return sorted(b.reply(view{}, maxResp, f.query(general)))
		}, want: expect(f.current + " IS_EX(G); " + f.current + " IS_IN(G2: S1)")},
		{name: f.current + " query for the group and S1, then for S2, before the answer", source: answer + ": rule 5", do: func(b *bed) string {
			b.member(f, f.group, include(s1, s2))
			return b.reply(view{}, maxResp, f.query(f.specific(v, f.group, s1)), f.query(f.specific(v, f.group, s2)))
		}, want: expect(r("IS_IN", "S1,S2"))},
		{name: "join, after an " + f.current + " query with a robustness of 1", source: f.section("8.1", "9.1") + "; adopting the querier's is a router's duty", do: func(b *bed) string {
			q := general
			q.QRV = 1
			b.reply(view{}, maxResp, f.query(q))
			return b.change(b.listen(f.host), f.group, anybody)
		}, want: expect(r("TO_EX"), twice(r("TO_EX"))), why: robustnessWhy(f)},
		{name: f.current + " general query after the group was left", source: answer, do: func(b *bed) string {
			b.set(b.member(f, f.group, anybody), f.group, nobody)
			return b.reply(view{}, maxResp, f.query(general))
		}, want: expect(none)},
	}
}

// sorted puts the parts of an answer in order, where the order does not count.
func sorted(answer string) string {
	parts := strings.Split(answer, "; ")
	slices.SortFunc(parts, func(a, b string) int { return strings.Compare(uncounted(a), uncounted(b)) })
	return strings.Join(parts, "; ")
}

var counts = regexp.MustCompile(`\d+ × `)

// uncounted leaves out how often each part of an answer came.
func uncounted(answer string) string { return counts.ReplaceAllString(answer, "") }

// olderRows are about queriers of older versions.
func (f *family) olderRows() []row {
	old, s1 := f.olderVersion(), f.s1
	report := f.older + " report G"
	answer := f.section("7.2.1", "8.2.1")
	leave := "IGMPv2 leave G"
	if f.v6 {
		leave = "MLDv1 done G"
	}
	rows := []row{
		f.replies(f.older+" general query: any source", answer, anybody, f.general(old), report),
		f.replies(f.older+" general query: INCLUDE S1", answer, include(s1), f.general(old), report),
		f.replies(f.older+" query for the group", specificSource(f, answer), anybody, f.specific(old, f.group), specificWant(f, report)).because(specificWhy(f)),
		f.replies(f.older+" query for a group that is not joined", answer, anybody, f.specific(old, f.group2), none),
		f.compat("join, after an "+f.older+" query", old, nobody, anybody, twice(report)),
		f.compat("join from S1, after an "+f.older+" query", old, nobody, include(s1), twice(report)),
		f.compat("INCLUDE S1 to INCLUDE S1,S2, after an "+f.older+" query", old, include(s1), include(s1, f.s2), none),
		f.compat("leave, after an "+f.older+" query", old, anybody, nobody, leave),
		{name: f.current + " query for the group, after an " + f.older + " query", source: answer + ": still the older version", do: func(b *bed) string {
			b.member(f, f.group, anybody)
			b.older(f, old)
			return b.reply(view{}, maxResp, f.query(f.specific(f.currentVersion(), f.group)))
		}, want: expect(report)},
		{name: f.current + " general query, when the " + f.older + " querier's time is over", source: answer + ", " + f.section("8.12", "9.12"), do: func(b *bed) string {
			b.member(f, f.group, anybody)
			first := f.general(f.currentVersion())
			first.QRV, first.QQI = 1, time.Second
			b.reply(view{}, maxResp, f.query(first))
			b.older(f, old)
			b.host.wait(2500*time.Millisecond, 5*time.Minute)
			return b.reply(view{}, maxResp, f.query(f.general(f.currentVersion())))
		}, want: expect(f.record("IS_EX"))},
		{name: f.older + " general query, then another host's report of the group", source: oldSection(f) + ": the answer is not needed", do: func(b *bed) string {
			b.member(f, f.group, anybody)
			q := f.general(old)
			q.MaxResp = 2 * time.Second
			return b.silence(2*time.Second, f.query(q), f.report(f.s1))
		}, want: expect(none)},
	}
	if f.v6 {
		return rows
	}
	v1 := igmp.Query{Version: 1, MaxResp: igmp.RespV1}
	const reportV1 = "IGMPv1 report G"
	return append(rows,
		f.replies("IGMPv1 query: any source", answer, anybody, v1, reportV1),
		f.compat("join, after an IGMPv1 query", 1, nobody, anybody, twice(reportV1)),
		f.compat("leave, after an IGMPv1 query", 1, anybody, nobody, none),
		row{name: "IGMPv2 query for the group, after an IGMPv1 query", source: answer + ": still version 1", do: func(b *bed) string {
			b.member(f, f.group, anybody)
			b.send(f.query(v1))
			return b.reply(view{}, igmp.RespV1, f.query(f.specific(2, f.group)))
		}, want: expect(reportV1)})
}

// specificSource and specificWant: an IGMPv2 query for a group does not change
// the host's mode, an MLDv1 query does, whatever it asks for.
func specificSource(f *family, source string) string {
	if f.v6 {
		return source
	}
	return source + ": general queries alone change the mode"
}

func specificWhy(f *family) string {
	if f.v6 {
		return ""
	}
	return "Linux changes its mode with every IGMPv2 query. By the letter general queries alone do that; a router that asks for groups asks in general too, so that it comes to the same."
}

func specificWant(f *family, report string) string {
	if f.v6 {
		return report
	}
	return f.record("IS_EX")
}

func oldSection(f *family) string {
	if f.v6 {
		return "RFC 2710 §4"
	}
	return "RFC 2236 §3"
}

// report is the report of another host, in the older version.
func (f *family) report(src netip.Addr) []byte {
	r := igmp.Report{Version: f.olderVersion(), Group: f.group}
	if f.v6 {
		src = addr("fe80::11")
		return f.mld(must(r.AppendMLD(nil, src, f.group)), src, f.group, igmp.TTL, true)
	}
	h := inet.IPv4{Src: src, Dst: f.group, Proto: inet.ProtoIGMP, TTL: igmp.TTL, RouterAlert: true}
	return ether(proberMAC, packet4(h, must(r.AppendIGMP(nil))))
}

// silence listens for so long, whatever comes.
func (b *bed) silence(d time.Duration, frames ...[]byte) string {
	return b.look(view{}, func() {
		for _, f := range frames {
			b.send(f)
		}
		b.watch(d + slack)
	})
}

// compat is a change of filters in an older version's mode.
func (f *family) compat(name string, version uint8, from, to filter, want ...string) row {
	return row{name: name, source: f.section("7.2.1", "8.2.1"), want: want, do: func(b *bed) string {
		var s socket
		if from.exclude || len(from.sources) > 0 {
			s = b.member(f, f.group, from)
		} else {
			s = b.listen(f.host)
		}
		b.older(f, version)
		if version == 1 && !f.v6 && (from.exclude || len(from.sources) > 0) { // the answer comes when it likes
			b.await(0, igmp.RespV1+tolerance, isMembershipV1)
		}
		return b.change(s, f.group, to)
	}}
}

func isMembershipV1(frame []byte) bool {
	return strings.Contains(view{}.summary([]heard{{data: frame}}), "IGMPv1")
}

// oddRows are queries that are not as they should be.
func (f *family) oddRows() []row {
	v := f.currentVersion()
	general := f.general(v)
	answer := f.record("IS_EX")
	odd := func(name, source string, frame []byte, want ...string) row {
		return row{name: f.current + " general query " + name, source: source, want: want, do: func(b *bed) string {
			b.member(f, f.group, anybody)
			return b.reply(view{}, maxResp, frame)
		}}
	}
	careless := ""
	if !f.v6 {
		careless = "Linux looks at none of TTL, Router Alert and source of an IGMP query. `stack/ip` takes queries from the link alone, and as RFC 3376 §4 has routers send them."
	}
	to := f.target(general)
	broken := f.query(general)
	broken = altered(broken, len(broken)-1, 1)
	rows := []row{
		odd("without Router Alert", f.section("9.1: should be ignored", "6.2: to be ignored"), f.queryTo(general, to, 1, false), none).because(careless),
		odd("with a TTL or hop limit of 2", f.section("9 is silent on receivers", "6.2: to be ignored"), f.queryTo(general, to, 2, true), ttlWant(f, answer)...).because(careless),
		odd("to the host's own address", f.section("4.1.12: to be accepted", "5.1.15: to be accepted"), f.queryTo(general, f.ownAddress(), 1, true), answer),
		odd("with a wrong checksum", f.section("4.1.2", "5.1.2"), broken, none),
		{name: f.current + " general query with no group joined", source: f.section("5.2", "6.2"), want: idleWant(f), do: func(b *bed) string {
			b.host.wait(settledShort, settledFull)
			return sorted(b.replyOwn(f.query(general)))
		}},
	}
	if f.v6 {
		dst := f.target(general)
		m := must(general.AppendMLD(nil, f.prober, dst))
		return append(rows,
			odd("from a global address", "RFC 3810 §6.2: to be ignored", f.mld(m, f.prober, dst, 1, true), none),
			odd("of 26 bytes", "RFC 3810 §8.1: to be ignored", f.sized(26), none),
			odd("of 32 bytes, the last 4 beyond what it says", "RFC 3810 §5.1.12: ignored", f.sized(32), answer))
	}
	return append(rows,
		odd("of 10 bytes", "RFC 3376 §7.1: to be ignored", f.sized(10), none),
		odd("of 16 bytes, the last 4 beyond what it says", "RFC 3376 §4.1.10: ignored", f.sized(16), answer),
		odd("from an address that is not on the link", "RFC 3376 §9.1 is about routers", offLink(general), answer, none).because(careless))
}

// replyOwn is reply with the groups that IP itself joined.
func (b *bed) replyOwn(frame []byte) string { return b.reply(view{own: true}, maxResp, frame) }

func ttlWant(f *family, answer string) []string {
	if f.v6 {
		return expect(none)
	}
	return expect(answer, none)
}

// ownAddress is the host's address for a query: in MLD a link-local one.
func (f *family) ownAddress() netip.Addr {
	if f.v6 {
		return hostLL
	}
	return f.host
}

// idleWant is what a host says that joined what IP needs alone: in IPv6 the
// solicited-node groups of its two addresses.
func idleWant(f *family) []string {
	if !f.v6 {
		return expect(none)
	}
	var list []string
	for _, a := range []netip.Addr{host6, hostLL} {
		list = append(list, fmt.Sprintf("MLDv2 IS_EX(%s)", nameOf(inet.SolicitedNode(a))))
	}
	slices.Sort(list)
	return expect(strings.Join(slices.Compact(list), "; "))
}

// sized is a general query with its message cut or lengthened to n bytes.
func (f *family) sized(n int) []byte {
	q := f.general(f.currentVersion())
	dst := f.target(q)
	if f.v6 {
		m := append(must(q.AppendMLD(nil, f.router, dst)), make([]byte, 8)...)[:n]
		inet.PutICMPv6Checksum(m, f.router, dst)
		return f.mld(m, f.router, dst, 1, true)
	}
	m := append(must(q.AppendIGMP(nil)), make([]byte, 8)...)[:n]
	m[2], m[3] = 0, 0
	sum := inet.Checksum(m, 0)
	m[2], m[3] = byte(sum>>8), byte(sum)
	return f.igmp(m, dst, 1, true)
}

func offLink(q igmp.Query) []byte {
	h := inet.IPv4{TOS: igmp.TOS, Src: addr("198.51.100.1"), Dst: igmp.AllSystems, Proto: inet.ProtoIGMP, TTL: 1, RouterAlert: true}
	return ether(proberMAC, packet4(h, must(q.AppendIGMP(nil))))
}
