package group

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire/igmp"
)

// query hands the host a query of the newest version.
func (h *oneHost) query(q igmp.Query) {
	h.HandleQuery(h.now, 1, h.f.v6, &q)
}

// settle lets pending reports go out and forgets them.
func (h *oneHost) settle() {
	advance(h, &h.now, time.Minute)
	drain(h)
}

// TestStateChangeTable is the table of RFC 3376 section 5.1 (RFC 3810 section
// 6.1), each row with lists that overlap, are empty, and are the same.
func TestStateChangeTable(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		for _, c := range []struct{ row, from, to, want string }{
			{"INCLUDE (A) INCLUDE (B)", "IN abc", "IN bcd", "ALLOW(d) BLOCK(a)"},
			{"INCLUDE (A) INCLUDE (B), more", "IN a", "IN abc", "ALLOW(bc)"},
			{"INCLUDE (A) INCLUDE (B), fewer", "IN abc", "IN b", "BLOCK(ac)"},
			{"INCLUDE (A) INCLUDE (B), all anew", "IN ab", "IN cd", "ALLOW(cd) BLOCK(ab)"},
			{"INCLUDE (A) INCLUDE (B), the same", "IN ab", "IN ba", ""},
			{"EXCLUDE (A) EXCLUDE (B)", "EX abc", "EX bcd", "ALLOW(a) BLOCK(d)"},
			{"EXCLUDE (A) EXCLUDE (B), more", "EX a", "EX ab", "BLOCK(b)"},
			{"EXCLUDE (A) EXCLUDE (B), fewer", "EX ab", "EX ", "ALLOW(ab)"},
			{"EXCLUDE (A) EXCLUDE (B), the same", "EX a", "EX a", ""},
			{"INCLUDE (A) EXCLUDE (B)", "IN ab", "EX bc", "TO_EX(bc)"},
			{"INCLUDE (A) EXCLUDE (B), no list", "IN ab", "EX ", "TO_EX()"},
			{"EXCLUDE (A) INCLUDE (B)", "EX ab", "IN bc", "TO_IN(bc)"},
			{"no state INCLUDE (B)", "IN ", "IN ab", "ALLOW(ab)"},
			{"no state EXCLUDE (B)", "IN ", "EX a", "TO_EX(a)"},
			{"INCLUDE (A) no state", "IN ab", "IN ", "BLOCK(ab)"},
			{"EXCLUDE (A) no state", "EX a", "IN ", "TO_IN()"},
		} {
			for _, robustness := range []uint8{0, 1, 2, 3, 7} {
				h := newOneHost(t, f, HostConfig{})
				h.query(igmp.Query{QRV: robustness})
				h.mustSet(1, c.from)
				h.settle()
				h.mustSet(1, c.to)
				got := drain(h)
				advance(h, &h.now, time.Minute)
				again := drain(h)
				count := int(robustness)
				if count == 0 { // section 4.1.6: the default
					count = Robustness
				}
				if c.want == "" {
					count = 1
				}
				step := fmt.Sprintf("%s section %s: %s, robustness %d", f.rfc, f.section("5.1"), c.row, robustness)
				if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || !strings.HasSuffix(got[0], " "+c.want)) {
					t.Errorf("%s: said %q, want %q", step, got, c.want)
				}
				if len(again) != count-1 || slices.ContainsFunc(again, func(s string) bool { return s != "report-again "+c.want }) {
					t.Errorf("%s: again %q", step, again)
				}
			}
		}
	})
}

// TestRetransmissionsMerge is the rest of RFC 3376 section 5.1: changes before
// all retransmissions are out. Each script runs one step at a time: a filter of
// socket 1, or "." for the next report of the timer.
func TestRetransmissionsMerge(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		for _, c := range []struct {
			name       string
			robustness uint8
			script     []string // filter or ".", then what is said
		}{
			{"each source is told as often as robustness says", 3, []string{
				"IN a", "join ALLOW(a)", "IN ab", "join ALLOW(ab)", ".", "report-again ALLOW(ab)", ".", "report-again ALLOW(b)", ".", "-"}},
			{"a source that comes and goes", 2, []string{
				"IN a", "join ALLOW(a)", "IN ", "leave BLOCK(a)", "IN a", "join ALLOW(a)", ".", "report-again ALLOW(a)", ".", "-"}},
			{"ALLOW and BLOCK of the state as it is when sent", 3, []string{
				"EX ab", "join TO_EX(ab)", ".", "report-again TO_EX(ab)", ".", "report-again TO_EX(ab)",
				"EX bc", "join ALLOW(a) BLOCK(c)", "EX ac", "join ALLOW(b) BLOCK(ac)", ".", "report-again ALLOW(b) BLOCK(ac)", ".", "report-again ALLOW(b) BLOCK(a)", ".", "-"}},
			{"a mode change is told as often, whatever lists change meanwhile", 2, []string{
				"IN a", "join ALLOW(a)", "EX b", "join TO_EX(b)", "EX bc", "leave TO_EX(bc)", ".", "report-again BLOCK(c)", ".", "-"}},
			{"list changes outlast it", 3, []string{
				"EX ", "join TO_EX()", ".", "report-again TO_EX()", "EX a", "leave TO_EX(a)", ".", "report-again BLOCK(a)", ".", "report-again BLOCK(a)", ".", "-"}},
			{"a second mode change begins anew", 2, []string{
				"EX a", "join TO_EX(a)", "IN b", "leave TO_IN(b)", "EX ", "join TO_EX()", ".", "report-again TO_EX()", ".", "-"}},
			{"a mode change takes in what lists had to say", 2, []string{
				"IN ab", "join ALLOW(ab)", "IN b", "leave ALLOW(b) BLOCK(a)", "EX ", "join TO_EX()", ".", "report-again TO_EX()", ".", "-"}},
			{"nothing at all in the end", 2, []string{
				"EX a", "join TO_EX(a)", "IN ", "leave TO_IN()", ".", "report-again TO_IN()", ".", "-"}},
		} {
			h := newOneHost(t, f, HostConfig{})
			h.query(igmp.Query{QRV: c.robustness})
			for i := 0; i < len(c.script); i += 2 {
				h.step(c.script[i])
				var want []string
				if c.script[i+1] != "-" {
					want = []string{c.script[i+1]}
				}
				wantSaid(t, fmt.Sprintf("%s: step %d (%s)", c.name, i/2, c.script[i]), drain(h), want...)
			}
		}
	})
}

// step sets a filter, or for "." lets time pass until the next report.
func (h *oneHost) step(s string) {
	h.t.Helper()
	if s != "." {
		h.mustSet(1, s)
		return
	}
	if at, ok := h.Deadline(); ok {
		if d := at.Sub(h.now); d <= 0 || d > UnsolicitedReportInterval {
			h.t.Errorf("the next report comes after %v", d)
		}
		h.now = at
		h.Advance(at)
	}
}

// TestReportsOfGroupsShareMessages: retransmissions of several groups go out
// together, each as often as it has to.
func TestReportsOfGroupsShareMessages(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		h := newOneHost(t, f, HostConfig{})
		h.query(igmp.Query{QRV: 3})
		for _, g := range f.groups {
			must(t, h.SetFilter(h.now, 1, 1, g, Exclude, nil))
		}
		wantSaid(t, "at once", drain(h), "join TO_EX()", "join TO_EX()", "join TO_EX()")
		h.step(".")
		wantSaid(t, "again", drain(h), "report-again TO_EX() TO_EX() TO_EX()")
		must(t, h.SetFilter(h.now, 1, 1, f.groups[1], Include, nil))
		wantSaid(t, "leave", drain(h), "leave TO_IN()")
		h.step(".")
		wantSaid(t, "again", drain(h), "report-again TO_EX() TO_IN() TO_EX()")
		h.step(".")
		wantSaid(t, "the rest", drain(h), "report-again TO_IN()")
		if c := h.Counters(); c.Reports != 7 || c.Queries != 1 {
			t.Errorf("counters %+v", c)
		}
	})
}

// TestAnswerTable is the table of RFC 3376 section 5.2 (RFC 3810 section 6.3)
// and the other two kinds of answers, which tell the whole state.
func TestAnswerTable(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		g := f.groups[0]
		for _, c := range []struct{ row, state, asked, want string }{
			{"general INCLUDE (A)", "IN ab", "*", "IS_IN(ab)"},
			{"general EXCLUDE (A)", "EX ab", "*", "IS_EX(ab)"},
			{"general EXCLUDE ()", "EX ", "*", "IS_EX()"},
			{"group INCLUDE (A)", "IN ab", "", "IS_IN(ab)"},
			{"group EXCLUDE (A)", "EX ab", "", "IS_EX(ab)"},
			{"group and sources INCLUDE (A)", "IN abc", "bcd", "IS_IN(bc)"},
			{"group and sources INCLUDE (A), none of them", "IN abc", "de", ""},
			{"group and sources EXCLUDE (A)", "EX abc", "bcd", "IS_IN(d)"},
			{"group and sources EXCLUDE (A), all of them", "EX abc", "bc", ""},
			{"group and sources EXCLUDE ()", "EX ", "bc", "IS_IN(bc)"},
			{"general, no state", "IN ", "*", ""},
			{"group, no state", "IN ", "", ""},
			{"group and sources, no state", "IN ", "ab", ""},
		} {
			c.row = fmt.Sprintf("%s section %s: %s", f.rfc, f.section("5.2"), c.row)
			h := newOneHost(t, f, HostConfig{})
			h.mustSet(1, c.state)
			h.settle()
			q := igmp.Query{MaxResp: 10 * time.Second}
			if c.asked != "*" {
				q.Group, q.Sources = g, f.src(c.asked)
			}
			h.query(q)
			at, ok := h.Deadline()
			if ok != (c.state != "IN ") || ok && (at <= h.now || at > h.now.Add(q.MaxResp)) {
				t.Errorf("%s: answers at %v after %v, %v", c.row, at, h.now, ok)
			}
			advance(h, &h.now, time.Minute)
			var want []string
			if c.want != "" {
				want = []string{"answer " + c.want}
			}
			wantSaid(t, c.row, drain(h), want...)
		}
	})
}

// TestAnswerRules is the five rules of RFC 3376 section 5.2 (RFC 3810 section
// 6.2), with the instants of the answers. Without a random source a delay is
// the whole response time.
func TestAnswerRules(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		type ask struct {
			at, resp int // seconds
			sources  string
		}
		const general, whole = "*", ""
		for _, c := range []struct {
			name string
			asks []ask
			want []string // "second what"
		}{
			{"1: a sooner general answer covers a general query", []ask{{0, 5, general}, {1, 9, general}}, []string{"5 IS_IN(abc)"}},
			{"1: and one for the group", []ask{{0, 5, general}, {1, 4, whole}}, []string{"5 IS_IN(abc)"}},
			{"1: and one for sources", []ask{{0, 5, general}, {1, 9, "a"}}, []string{"5 IS_IN(abc)"}},
			{"2: a later general answer is brought forward", []ask{{0, 9, general}, {1, 2, general}}, []string{"3 IS_IN(abc)"}},
			{"2: a general query leaves answers for a group alone", []ask{{0, 5, "a"}, {1, 2, general}}, []string{"3 IS_IN(abc)", "5 IS_IN(a)"}},
			{"3: sooner than the general answer", []ask{{0, 9, general}, {1, 2, "a"}}, []string{"3 IS_IN(a)", "9 IS_IN(abc)"}},
			{"3: for the group", []ask{{0, 4, whole}}, []string{"4 IS_IN(abc)"}},
			{"4: the earlier of two", []ask{{0, 4, whole}, {1, 9, whole}}, []string{"4 IS_IN(abc)"}},
			{"4: the new one is earlier", []ask{{0, 9, whole}, {1, 2, whole}}, []string{"3 IS_IN(abc)"}},
			{"4: a query for the group clears the sources", []ask{{0, 4, "a"}, {1, 9, whole}}, []string{"4 IS_IN(abc)"}},
			{"4: sources do not narrow it", []ask{{0, 4, whole}, {1, 9, "a"}}, []string{"4 IS_IN(abc)"}},
			{"5: sources add up", []ask{{0, 4, "a"}, {1, 9, "b"}}, []string{"4 IS_IN(ab)"}},
			{"5: at the earlier instant", []ask{{0, 9, "a"}, {1, 2, "bz"}}, []string{"3 IS_IN(ab)"}},
			{"the source list is cleared by the answer", []ask{{0, 1, "a"}, {2, 1, "b"}}, []string{"1 IS_IN(a)", "3 IS_IN(b)"}},
		} {
			h := &oneHost{Host: NewHost(HostConfig{}), t: t, f: f, now: machine.VirtualEpoch}
			h.AddInterface(h.now, 1, f.v6, 1500, true)
			h.mustSet(1, "IN abc")
			h.settle()
			start := h.now
			var got []string
			hear := func(until machine.Time) {
				for {
					at, ok := h.Deadline()
					if !ok || at > until {
						break
					}
					h.now = at
					h.Advance(at)
					for _, s := range drain(h) {
						got = append(got, fmt.Sprintf("%d %s", int(at.Sub(start)/time.Second), strings.TrimPrefix(s, "answer ")))
					}
				}
				h.now = until
			}
			for _, a := range c.asks {
				hear(start.Add(time.Duration(a.at) * time.Second))
				q := igmp.Query{MaxResp: time.Duration(a.resp) * time.Second}
				if a.sources != general {
					q.Group, q.Sources = f.groups[0], f.src(a.sources)
				}
				h.query(q)
			}
			hear(start.Add(time.Hour))
			wantSaid(t, c.name, got, c.want...)
		}
	})
}

// TestAnswerAfterLeave: what was asked about is left before the answer is due.
func TestAnswerAfterLeave(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		h := newOneHost(t, f, HostConfig{})
		h.mustSet(1, "IN a")
		h.settle()
		h.query(igmp.Query{MaxResp: 10 * time.Second})
		h.query(igmp.Query{Group: f.groups[0], MaxResp: time.Second})
		h.mustSet(1, "IN ")
		wantSaid(t, "leave", drain(h), "leave BLOCK(a)")
		advance(h, &h.now, time.Minute)
		wantSaid(t, "no answers", drain(h), "report-again BLOCK(a)")
	})
}

// TestReportSize is RFC 3376 section 4.2.16 and RFC 3810 section 5.2.15: long
// INCLUDE lists are split, EXCLUDE lists are cut, always to the same sources.
func TestReportSize(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		const mtu, n = 576, 300
		h := NewHost(HostConfig{MaxSources: n, MaxSocketSources: n})
		now := machine.VirtualEpoch
		h.AddInterface(now, 1, f.v6, mtu, true)
		var sources []netip.Addr
		for i := range n {
			b := f.sourceBase.AsSlice()
			b[len(b)-2], b[len(b)-1] = byte(1+i>>8), byte(i)
			a, _ := netip.AddrFromSlice(b)
			sources = append(sources, a)
		}
		fits := func(o *Output) {
			t.Helper()
			r := igmp.Report{Version: o.Version, Records: o.Records}
			b, err := r.AppendIGMP(nil)
			size := len(b) + 24
			if f.v6 {
				b, err = r.AppendMLD(nil, f.self, f.groups[0])
				size = len(b) + 48
			}
			if err != nil || size > mtu {
				t.Errorf("a report of %d bytes: %v", size, err)
			}
		}
		heard := func() (all []netip.Addr, messages int, typ igmp.RecordType) {
			for {
				o, ok := h.Next()
				if !ok {
					return all, messages, typ
				}
				fits(o)
				messages++
				for _, r := range o.Records {
					all, typ = append(all, r.Sources...), r.Type
				}
			}
		}
		per := (mtu - 24 - 8 - 8) / 4
		if f.v6 {
			per = (mtu - 48 - 8 - 20) / 16
		}
		must(t, h.SetFilter(now, 1, 1, f.groups[0], Include, sources))
		if all, messages, typ := heard(); !slices.Equal(all, sources) || messages != (n+per-1)/per || typ != igmp.AllowNewSources {
			t.Errorf("%v: %d sources in %d messages", typ, len(all), messages)
		}
		must(t, h.SetFilter(now, 1, 1, f.groups[0], Exclude, sources))
		for i := range 2 {
			if all, messages, typ := heard(); !slices.Equal(all, sources[:per]) || messages != 1 || typ != igmp.ChangeToExclude {
				t.Errorf("%v, time %d: %d sources in %d messages", typ, i, len(all), messages)
			}
			advance(h, &now, time.Second)
		}
	})
}

// TestRobustnessFollowsTheQuerier: the querier's QRV decides from its next
// query on, a link that was down knows none.
func TestRobustnessFollowsTheQuerier(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		h := newOneHost(t, f, HostConfig{})
		count := func(step string, want int) {
			t.Helper()
			h.mustSet(1, "IN a")
			advance(h, &h.now, time.Minute)
			if got := len(drain(h)); got != want {
				t.Errorf("%s: %d reports, want %d", step, got, want)
			}
			h.mustSet(1, "IN ")
			h.settle()
		}
		count("no querier", 2)
		h.query(igmp.Query{QRV: 5})
		count("QRV 5", 5)
		h.query(igmp.Query{QRV: 0})
		count("QRV 0", 2)
		must(t, h.Configure(h.now, 1, f.v6, HostSettings{Robustness: 4}))
		h.query(igmp.Query{QRV: 0})
		count("configured 4", 4)
		h.query(igmp.Query{QRV: 1})
		count("QRV 1", 1)
		h.HandleLinkChange(h.now, 1, false)
		h.HandleLinkChange(h.now, 1, true)
		count("after link down", 4)
	})
}

// TestReportAnew: what was acquired before there was an address to report from
// is reported when there is one.
func TestReportAnew(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		h := newOneHost(t, f, HostConfig{})
		h.mustSet(1, "EX a")
		must(t, h.SetFilter(h.now, 1, 1, f.groups[1], Include, f.src("b")))
		h.settle()
		h.ReportAnew(h.now, 1, f.v6)
		wantSaid(t, "anew", drain(h), "join TO_EX(a) ALLOW(b)")
		advance(h, &h.now, time.Minute)
		wantSaid(t, "again", drain(h), "report-again TO_EX(a) ALLOW(b)")
		h.ReportAnew(h.now, 9, f.v6)
		h.HandleLinkChange(h.now, 1, false)
		h.ReportAnew(h.now, 1, f.v6)
		wantSaid(t, "not on a link that is down or absent", drain(h))
	})
}

// TestOwnQueries: a router's own query is answered with what programs joined,
// for other routers of the link.
func TestOwnQueries(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		h := newOneHost(t, f, HostConfig{})
		own := netip.MustParseAddr("224.0.0.2")
		if f.v6 {
			own = netip.MustParseAddr("ff02::2")
		}
		must(t, h.JoinOwn(h.now, 1, own))
		q := igmp.Query{MaxResp: time.Second}
		h.HandleOwnQuery(h.now, 1, f.v6, &q)
		h.HandleOwnQuery(h.now, 2, f.v6, &q)
		advance(h, &h.now, time.Minute)
		wantSaid(t, "IP's own groups are nobody's business", drain(h))
		h.mustSet(1, "IN a")
		h.settle()
		h.HandleOwnQuery(h.now, 1, f.v6, &igmp.Query{Group: f.groups[1], MaxResp: time.Second})
		advance(h, &h.now, time.Minute)
		wantSaid(t, "another group", drain(h))
		h.HandleOwnQuery(h.now, 1, f.v6, &igmp.Query{Group: f.groups[0], MaxResp: time.Second})
		advance(h, &h.now, time.Minute)
		wantSaid(t, "the group", drain(h), "answer IS_IN(a)")
		h.HandleOwnQuery(h.now, 1, f.v6, &q)
		advance(h, &h.now, time.Minute)
		wantSaid(t, "general", drain(h), "answer IS_EX() IS_IN(a)")
	})
}

// TestReportsAreDeterministic: the same calls and seed, the same reports at the
// same instants.
func TestReportsAreDeterministic(t *testing.T) {
	t.Parallel()
	run := func() string {
		var out strings.Builder
		rng := rand.New(rand.NewPCG(3, 3))
		h := newOneHost(t, families[0], HostConfig{})
		for range 200 {
			must(t, h.SetFilter(h.now, SocketKey(rng.IntN(3)), 1, h.f.groups[rng.IntN(3)], Mode(rng.IntN(2)), h.f.src(randomLetters(rng))))
			if rng.IntN(4) == 0 {
				h.query(igmp.Query{Version: uint8(1 + rng.IntN(3)), MaxResp: time.Second, QRV: uint8(rng.IntN(4))})
			}
			advance(h, &h.now, time.Duration(rng.IntN(int(time.Second))))
			fmt.Fprintln(&out, h.now, drain(h))
		}
		return out.String()
	}
	if a, b := run(), run(); a != b || len(a) < 5000 {
		t.Errorf("two runs differ, of %d bytes", len(a))
	}
}
