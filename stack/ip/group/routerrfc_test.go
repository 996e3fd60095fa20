package group

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire/igmp"
)

// oneRouter is a router with one link that is up, in virtual time.
type oneRouter struct {
	*Router
	t   *testing.T
	f   family
	now machine.Time
}

func newOneRouter(t *testing.T, f family, cfg RouterConfig) *oneRouter {
	r := &oneRouter{Router: NewRouter(cfg), t: t, f: f, now: machine.VirtualEpoch}
	r.AddInterface(r.now, 1, f.self, 1500, true)
	drain(r)
	return r
}

var recordTypes = map[string]igmp.RecordType{"IS_IN": igmp.ModeIsInclude, "IS_EX": igmp.ModeIsExclude, "TO_IN": igmp.ChangeToInclude,
	"TO_EX": igmp.ChangeToExclude, "ALLOW": igmp.AllowNewSources, "BLOCK": igmp.BlockOldSources}

// hear hands the router a report about the first group: "TO_EX(ab)", "v2", "v1"
// or "Leave".
func (r *oneRouter) hear(what string) {
	g := r.f.groups[0]
	name, list, ok := strings.Cut(strings.TrimSuffix(what, ")"), "(")
	switch {
	case ok:
		rec := igmp.Record{Type: recordTypes[name], Group: g, Sources: r.f.src(list)}
		r.HandleReport(r.now, 1, r.f.v6, &igmp.Report{Records: []igmp.Record{rec}})
	case name == "Leave":
		r.HandleLeave(r.now, 1, g)
	default:
		r.HandleReport(r.now, 1, r.f.v6, &igmp.Report{Version: name[1] - '0', Group: g})
	}
}

// query hands the router a query of another one.
func (r *oneRouter) query(from string, q igmp.Query) {
	src := r.f.low
	if from == "high" {
		src = r.f.high
	}
	r.HandleQuery(r.now, 1, src, &q)
}

func (r *oneRouter) run(d time.Duration) { advance(r, &r.now, d) }

// state writes the first group's record: "EX ab/xy" for EXCLUDE (ab,xy).
func (r *oneRouter) state() string {
	for _, l := range r.Snapshot() {
		if l.Group != r.f.groups[0] {
			continue
		}
		if l.Mode == Include {
			return "IN " + lettersOf(l.Sources)
		}
		return "EX " + lettersOf(l.Sources) + "/" + lettersOf(l.Blocked)
	}
	return "none"
}

// timers writes what is left of the first group's timers in seconds: "G 260,
// a 2, b 260". The group timer is left out in mode INCLUDE.
func (r *oneRouter) timersLeft() string {
	var out []string
	for _, l := range r.Snapshot() {
		if l.Group != r.f.groups[0] {
			continue
		}
		if l.Mode == Exclude {
			out = append(out, fmt.Sprintf("G %v", l.Until.Sub(r.now).Seconds()))
		}
		for i, a := range l.Sources {
			out = append(out, fmt.Sprintf("%s %v", lettersOf(l.Sources[i:i+1]), l.Expire[i].Sub(r.now).Seconds()))
			if !r.Forwards(1, l.Group, a) {
				r.t.Errorf("%v is not forwarded", a)
			}
		}
	}
	return strings.Join(out, ", ")
}

// withState makes a router whose record of the first group is INCLUDE(abc) with
// 210 s left of each, or EXCLUDE(abc,xyz) with 230 s left of the sources and
// 210 s of the group.
func withState(t *testing.T, f family, state string, querier bool) *oneRouter {
	r := newOneRouter(t, f, RouterConfig{})
	if !querier {
		r.query("low", igmp.Query{QRV: 2, QQI: 125 * time.Second, MaxResp: 10 * time.Second})
	}
	switch state {
	case "INCLUDE (A)":
		r.hear("ALLOW(abc)")
	case "EXCLUDE (X,Y)":
		r.hear("IS_EX(xyz)")
		r.run(20 * time.Second)
		r.hear("ALLOW(abc)")
	}
	if state == "INCLUDE (A)" {
		r.run(20 * time.Second)
	}
	r.run(30 * time.Second)
	drain(r)
	return r
}

// TestRouterTables is every row of RFC 3376 sections 6.4.1 and 6.4.2, which RFC
// 3810 sections 7.4.1 and 7.4.2 repeat, with the record's list overlapping both
// sets of the state, and empty. GMI is 260 s, LMQT 2 s. As querier, what is
// asked for is lowered to LMQT; as non-querier it is not.
func TestRouterTables(t *testing.T) {
	t.Parallel()
	const inc, exc = "INCLUDE (A)", "EXCLUDE (X,Y)"
	for _, c := range []struct {
		section, state, report string
		want                   string
		querier, nonQuerier    string // timers
		queries                string
	}{
		{"6.4.1", inc, "IS_IN(bcdy)", "IN abcdy", "a 210, b 260, c 260, d 260, y 260", "", ""},
		{"6.4.1", inc, "IS_IN()", "IN abc", "a 210, b 210, c 210", "", ""},
		{"6.4.1", inc, "IS_EX(bcdy)", "EX bc/dy", "G 260, b 210, c 210", "", ""},
		{"6.4.1", inc, "IS_EX()", "EX /", "G 260", "", ""},
		{"6.4.1", exc, "IS_IN(bcdy)", "EX abcdy/xz", "G 210, a 230, b 260, c 260, d 260, y 260", "", ""},
		{"6.4.1", exc, "IS_IN()", "EX abc/xyz", "G 210, a 230, b 230, c 230", "", ""},
		{"6.4.1", exc, "IS_EX(bcdy)", "EX bcd/y", "G 260, b 230, c 230, d 260", "", ""},
		{"6.4.1", exc, "IS_EX()", "EX /", "G 260", "", ""},

		{"6.4.2", inc, "ALLOW(bcdy)", "IN abcdy", "a 210, b 260, c 260, d 260, y 260", "", ""},
		{"6.4.2", inc, "ALLOW()", "IN abc", "a 210, b 210, c 210", "", ""},
		{"6.4.2", inc, "BLOCK(bcdy)", "IN abc", "a 210, b 2, c 2", "a 210, b 210, c 210", "Q(G,bc)"},
		{"6.4.2", inc, "BLOCK(dy)", "IN abc", "a 210, b 210, c 210", "", ""},
		{"6.4.2", inc, "TO_EX(bcdy)", "EX bc/dy", "G 260, b 2, c 2", "G 260, b 210, c 210", "Q(G,bc)"},
		{"6.4.2", inc, "TO_EX()", "EX /", "G 260", "", ""},
		{"6.4.2", inc, "TO_IN(bcdy)", "IN abcdy", "a 2, b 260, c 260, d 260, y 260", "a 210, b 260, c 260, d 260, y 260", "Q(G,a)"},
		{"6.4.2", inc, "TO_IN()", "IN abc", "a 2, b 2, c 2", "a 210, b 210, c 210", "Q(G,abc)"},
		{"6.4.2", exc, "ALLOW(bcdy)", "EX abcdy/xz", "G 210, a 230, b 260, c 260, d 260, y 260", "", ""},
		{"6.4.2", exc, "ALLOW()", "EX abc/xyz", "G 210, a 230, b 230, c 230", "", ""},
		{"6.4.2", exc, "BLOCK(bcdy)", "EX abcd/xyz", "G 210, a 230, b 2, c 2, d 2", "G 210, a 230, b 230, c 230, d 210", "Q(G,bcd)"},
		{"6.4.2", exc, "BLOCK(xy)", "EX abc/xyz", "G 210, a 230, b 230, c 230", "", ""},
		{"6.4.2", exc, "TO_EX(bcdy)", "EX bcd/y", "G 260, b 2, c 2, d 2", "G 260, b 230, c 230, d 210", "Q(G,bcd)"},
		{"6.4.2", exc, "TO_EX()", "EX /", "G 260", "", ""},
		{"6.4.2", exc, "TO_IN(bcdy)", "EX abcdy/xz", "G 2, a 2, b 260, c 260, d 260, y 260", "G 210, a 230, b 260, c 260, d 260, y 260", "Q(G) Q(G,a)"},
		{"6.4.2", exc, "TO_IN()", "EX abc/xyz", "G 2, a 2, b 2, c 2", "G 210, a 230, b 230, c 230", "Q(G) Q(G,abc)"},
	} {
		inBothNow(func(f family) {
			for _, querier := range []bool{true, false} {
				timers, asked := c.querier, c.queries
				if !querier && c.nonQuerier != "" {
					timers = c.nonQuerier
				}
				if !querier {
					asked = ""
				}
				name := fmt.Sprintf("%s section %s: %s %s, querier %v", f.rfc, f.section(c.section), c.state, c.report, querier)
				t.Run(name, func(t *testing.T) {
					r := withState(t, f, c.state, querier)
					r.hear(c.report)
					if got := queries(drain(r)); got != asked {
						t.Errorf("queries %q, want %q", got, asked)
					}
					if got := r.state(); got != c.want {
						t.Errorf("state %s, want %s", got, c.want)
					}
					if got := r.timersLeft(); got != timers {
						t.Errorf("timers %s, want %s", got, timers)
					}
				})
			}
		})
	}
}

// queries returns what was said but for changes.
func queries(said []string) string {
	said = slices.DeleteFunc(said, func(s string) bool { return strings.HasPrefix(s, "change") })
	return strings.Join(said, " ")
}

func inBothNow(test func(f family)) {
	for _, f := range families {
		test(f)
	}
}

// TestRouterTimers is RFC 3376 sections 6.2.2, 6.2.3, 6.3 and 6.5 (RFC 3810
// sections 7.2.2, 7.2.3, 7.3 and 7.5): what expiry does in either mode, and what
// is forwarded before and after.
func TestRouterTimers(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		forwarded := func(r *oneRouter) string {
			var out string
			for _, c := range "abcxyzq" {
				if r.Forwards(1, f.groups[0], f.src(string(c))[0]) {
					out += string(c)
				}
			}
			return out
		}
		check := func(r *oneRouter, step, state, wanted string) {
			t.Helper()
			if got := r.state(); got != state {
				t.Errorf("%s: %s, want %s", step, got, state)
			}
			if got := forwarded(r); got != wanted {
				t.Errorf("%s: forwards %s, want %s", step, got, wanted)
			}
		}
		r := withState(t, f, "INCLUDE (A)", true)
		check(r, "INCLUDE, timers > 0", "IN abc", "abc")
		r.hear("IS_IN(a)")
		r.run(210*time.Second - 1)
		check(r, "INCLUDE, not yet", "IN abc", "abc")
		r.run(1)
		check(r, "INCLUDE, timers == 0: the records go", "IN a", "a")
		r.run(50 * time.Second)
		check(r, "INCLUDE, no source: the group goes", "none", "")

		r = withState(t, f, "EXCLUDE (X,Y)", true)
		check(r, "EXCLUDE, timers > 0, == 0, and none", "EX abc/xyz", "abcq")
		r.hear("IS_EX(abcxyz)")
		r.hear("IS_IN(a)")
		r.run(230 * time.Second)
		check(r, "EXCLUDE, b and c expired: the records stay", "EX a/bcxyz", "aq")
		r.run(30*time.Second - 1)
		check(r, "EXCLUDE, group timer > 0", "EX a/bcxyz", "aq")
		r.run(1)
		check(r, "the group timer and a's were set together", "none", "")

		r = withState(t, f, "EXCLUDE (X,Y)", true)
		r.run(210*time.Second - 1)
		check(r, "before the switch", "EX abc/xyz", "abcq")
		r.run(1)
		check(r, "section 6.5: EXCLUDE(X,Y) becomes INCLUDE(X)", "IN abc", "abc")
		r.run(20 * time.Second)
		check(r, "and ends", "none", "")

		r = newOneRouter(t, f, RouterConfig{})
		r.hear("IS_EX(x)")
		r.run(260 * time.Second)
		check(r, "EXCLUDE without running sources is deleted", "none", "")
		if !r.Quiet() && len(drain(r)) == 0 {
			t.Error("something is left")
		}
	})
}

// TestRouterCompatibilityMode is RFC 3376 section 7.3.2 and RFC 3810 section
// 8.3.2: what older messages mean, what is ignored beside them, and when the
// group is back in the newest version.
func TestRouterCompatibilityMode(t *testing.T) {
	t.Parallel()
	type row struct{ hear, state, queries string }
	igmp4 := []family{families[0]}
	mld := []family{families[1]}
	for _, c := range []struct {
		name     string
		families []family
		version  uint8
		rows     []row
	}{
		{"IGMPv2 report is IS_EX({}), Leave is TO_IN({})", igmp4, 2, []row{
			{"v2", "EX /", ""}, {"Leave", "EX /", "Q(G)"}, {"v2", "EX /", ""}}},
		{"MLDv1 report is IS_EX({}), Done is TO_IN({})", mld, 1, []row{
			{"v1", "EX /", ""}, {"Leave", "EX /", "Q(G)"}, {"v1", "EX /", ""}}},
		{"IGMPv2 mode: BLOCK is ignored, TO_EX loses its list", igmp4, 2, []row{
			{"v2", "EX /", ""}, {"BLOCK(a)", "EX /", ""}, {"TO_EX(a)", "EX /", ""}, {"ALLOW(b)", "EX b/", ""},
			{"IS_IN(c)", "EX bc/", ""}, {"TO_IN(b)", "EX bc/", "Q(G) Q(G,c)"}, {"IS_EX(bd)", "EX bd/", ""}}},
		{"MLDv1 mode: the same", mld, 1, []row{
			{"v1", "EX /", ""}, {"BLOCK(a)", "EX /", ""}, {"TO_EX(a)", "EX /", ""}, {"ALLOW(b)", "EX b/", ""},
			{"IS_IN(c)", "EX bc/", ""}, {"TO_IN(b)", "EX bc/", "Q(G) Q(G,c)"}, {"IS_EX(bd)", "EX bd/", ""}}},
		{"IGMPv1 mode: Leave and TO_IN are ignored too", igmp4, 1, []row{
			{"v1", "EX /", ""}, {"v2", "EX /", ""}, {"Leave", "EX /", ""}, {"TO_IN(a)", "EX /", ""}, {"BLOCK(a)", "EX /", ""},
			{"TO_EX(a)", "EX /", ""}, {"IS_IN(a)", "EX a/", ""}, {"ALLOW(b)", "EX ab/", ""}}},
		{"IGMPv1 after IGMPv2", igmp4, 1, []row{
			{"v2", "EX /", ""}, {"Leave", "EX /", "Q(G)"}, {"v1", "EX /", ""}, {"Leave", "EX /", ""}}},
		{"an IGMPv2 member ends the filter of others", igmp4, 2, []row{
			{"IS_EX(xyz)", "EX /xyz", ""}, {"ALLOW(a)", "EX a/xyz", ""}, {"v2", "EX /", ""}}},
		{"and an MLDv1 member", mld, 1, []row{
			{"IS_EX(xyz)", "EX /xyz", ""}, {"ALLOW(a)", "EX a/xyz", ""}, {"v1", "EX /", ""}}},
	} {
		for _, f := range c.families {
			r := newOneRouter(t, f, RouterConfig{})
			for i, row := range c.rows {
				r.hear(row.hear)
				asked := queries(drain(r))
				if got := r.state(); got != row.state {
					t.Errorf("%s: step %d, %s: %s, want %s", c.name, i, row.hear, got, row.state)
				}
				if asked != row.queries {
					t.Errorf("%s: step %d, %s: queries %q, want %q", c.name, i, row.hear, asked, row.queries)
				}
			}
			if got := r.Snapshot()[0].Version; got != c.version {
				t.Errorf("%s: version %d, want %d", c.name, got, c.version)
			}
		}
	}
}

// TestOlderHostPresent: the timers of RFC 3376 sections 7.3.2 and 8.13, RFC
// 3810 sections 8.3.2 and 9.13.
func TestOlderHostPresent(t *testing.T) {
	t.Parallel()
	version := func(r *oneRouter, step string, want uint8) {
		t.Helper()
		if s := r.Snapshot(); len(s) != 1 || s[0].Version != want {
			t.Errorf("%s: %+v, want version %d", step, s, want)
		}
	}
	inBothNow(func(f family) {
		r := newOneRouter(t, f, RouterConfig{})
		r.hear(fmt.Sprintf("v%d", f.older))
		r.run(200 * time.Second)
		r.hear("IS_EX(a)") // keeps the group without keeping the mode
		r.run(60*time.Second - 1)
		version(r, "not yet", f.older)
		r.run(1)
		version(r, "260 s after the report", newest(f.v6))
		r.hear("TO_EX(b)")
		if got := r.state(); got != "EX b/" && got != "EX b/a" {
			t.Errorf("filters are heeded again: %s", got)
		}
	})
	r := newOneRouter(t, families[0], RouterConfig{})
	r.hear("v1")
	r.run(100 * time.Second)
	r.hear("v2")
	version(r, "both", 1)
	r.run(160 * time.Second)
	version(r, "version 2 is left", 2)
	r.hear("v1")
	version(r, "version 1 again", 1)
	r.run(100 * time.Second)
	version(r, "version 2 is gone first", 1)
	r.hear("IS_EX()")
	r.run(160 * time.Second)
	version(r, "all are gone", 3)
	// A record that ends takes its mode with it.
	r.hear("v2")
	r.hear("Leave")
	r.run(2 * time.Second)
	r.hear("ALLOW(a)")
	version(r, "a new record", 3)
}
