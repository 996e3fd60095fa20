package group

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire/igmp"
)

// routerRun is a router on links 1 and 2 in virtual time.
type routerRun struct {
	t   *testing.T
	now machine.Time
	*Router
}

func newRouterRun(t *testing.T, cfg RouterConfig) *routerRun {
	r := &routerRun{t: t, now: machine.VirtualEpoch, Router: NewRouter(cfg)}
	r.AddInterface(r.now, 1, netip.MustParseAddr("10.9.0.5"), 1500, true)
	r.AddInterface(r.now, 1, netip.MustParseAddr("fe80::5"), 1500, true)
	r.AddInterface(r.now, 2, netip.MustParseAddr("10.8.0.5"), 1500, true)
	r.said()
	return r
}

// said drains the outputs: "cause Q(group, sources)", with S where it is set,
// and "change source group".
func (r *routerRun) said() (out []string) {
	for {
		o, ok := r.Next()
		if !ok {
			return out
		}
		if o.Kind == KindChange {
			s := "*"
			if o.Src.IsValid() {
				s = name(o.Src)
			}
			out = append(out, fmt.Sprintf("change %s %v", s, o.Group))
			continue
		}
		q := &o.Query
		s := fmt.Sprintf("%s Q(", o.Cause)
		if !q.General() {
			s += q.Group.String()
		}
		for _, a := range q.Sources {
			s += " " + name(a)
		}
		s += ")"
		if q.Suppress {
			s += " S"
		}
		out = append(out, s)
	}
}

func name(a netip.Addr) string {
	if a.Is4() {
		return string(rune(a.As4()[3]))
	}
	return a.String()
}

func (r *routerRun) want(step string, want ...string) {
	r.t.Helper()
	if got := r.said(); !slices.Equal(got, want) {
		r.t.Errorf("%s:\n\t%s\nwant\n\t%s", step, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func (r *routerRun) run(d time.Duration) {
	end := r.now.Add(d)
	for {
		at, ok := r.Deadline()
		if !ok || at > end {
			break
		}
		r.now = at
		r.Advance(at)
	}
	r.now = end
}

func (r *routerRun) report(typ igmp.RecordType, group netip.Addr, sources string) {
	r.HandleReport(r.now, 1, group.Is6(), &igmp.Report{Records: []igmp.Record{{Type: typ, Group: group, Sources: letters(sources)}}})
}

func TestGeneralQueryTimes(t *testing.T) {
	t.Parallel()
	r := &routerRun{t: t, now: machine.VirtualEpoch, Router: NewRouter(RouterConfig{})}
	r.AddInterface(r.now, 1, netip.MustParseAddr("10.9.0.5"), 1500, true)
	var at []time.Duration
	for range 4 {
		for _, ok := r.Next(); ok; _, ok = r.Next() {
			at = append(at, r.now.Sub(machine.VirtualEpoch))
		}
		next, _ := r.Deadline()
		r.now = next
		r.Advance(next)
	}
	want := []time.Duration{0, 31250 * time.Millisecond, 156250 * time.Millisecond, 281250 * time.Millisecond}
	if !slices.Equal(at, want) {
		t.Errorf("general queries at %v, want %v", at, want)
	}
}

func TestSourceLeave(t *testing.T) {
	t.Parallel()
	r := newRouterRun(t, RouterConfig{})
	r.report(igmp.AllowNewSources, ssm, "ab")
	r.want("join", "change a 232.1.1.1", "change b 232.1.1.1")
	r.report(igmp.BlockOldSources, ssm, "a")
	r.want("leave", "ip/igmp/query-source Q(232.1.1.1 a)")
	r.run(time.Second)
	r.want("again", "ip/igmp/query-source Q(232.1.1.1 a)")
	if !r.Forwards(1, ssm, src("a")) {
		t.Error("a is not forwarded while it is asked for")
	}
	r.run(time.Second)
	r.want("gone", "change a 232.1.1.1")
	if r.Forwards(1, ssm, src("a")) || !r.Forwards(1, ssm, src("b")) {
		t.Error("forwarding is wrong")
	}
	r.report(igmp.BlockOldSources, ssm, "b")
	r.report(igmp.ModeIsInclude, ssm, "b")
	r.want("asked and answered", "ip/igmp/query-source Q(232.1.1.1 b)")
	r.run(time.Second)
	r.want("the repetition tells other routers to keep it", "ip/igmp/query-source Q(232.1.1.1 b) S")
	r.run(20 * time.Second)
	r.want("it stays")
	if len(r.Snapshot()) != 1 {
		t.Errorf("table %+v", r.Snapshot())
	}
}

func TestGroupLeave(t *testing.T) {
	t.Parallel()
	r := newRouterRun(t, RouterConfig{})
	r.report(igmp.ChangeToExclude, asm, "x")
	r.want("join of all but x", "change * 225.1.1.1")
	if r.Forwards(1, asm, src("x")) || !r.Forwards(1, asm, src("q")) || r.Forwards(2, asm, src("q")) {
		t.Error("forwarding is wrong")
	}
	r.report(igmp.ChangeToInclude, asm, "")
	r.want("leave", "ip/igmp/query-group Q(225.1.1.1)")
	r.run(time.Second)
	r.want("again", "ip/igmp/query-group Q(225.1.1.1)")
	r.run(time.Second)
	r.want("gone", "change * 225.1.1.1")
	if len(r.Snapshot()) != 0 || !r.Quiet() {
		t.Errorf("left over %+v", r.Snapshot())
	}
}

// TestModeSwitch: when the last EXCLUDE member is gone, the sources with
// timers stay in mode INCLUDE (RFC 3376 section 6.5).
func TestModeSwitch(t *testing.T) {
	t.Parallel()
	r := newRouterRun(t, RouterConfig{})
	r.report(igmp.ChangeToExclude, asm, "")
	r.run(200 * time.Second)
	r.report(igmp.AllowNewSources, asm, "a")
	r.run(70 * time.Second)
	s := r.Snapshot()
	if len(s) != 1 || s[0].Mode != Include || len(s[0].Sources) != 1 {
		t.Errorf("table %+v", s)
	}
	r.run(200 * time.Second)
	if len(r.Snapshot()) != 0 {
		t.Errorf("table %+v", r.Snapshot())
	}
}

func TestNonQuerier(t *testing.T) {
	t.Parallel()
	r := newRouterRun(t, RouterConfig{})
	low := netip.MustParseAddr("10.9.0.1")
	r.report(igmp.AllowNewSources, ssm, "a")
	r.report(igmp.ChangeToExclude, asm, "")
	r.said()
	r.HandleQuery(r.now, 1, netip.MustParseAddr("10.9.0.9"), &igmp.Query{})
	r.HandleQuery(r.now, 1, netip.IPv4Unspecified(), &igmp.Query{})
	if r.State(1, false) != Querier {
		t.Error("a higher address or none won")
	}
	query := func(q igmp.Query) {
		q.QRV, q.QQI = 3, 50*time.Second
		r.HandleQuery(r.now, 1, low, &q)
	}
	query(igmp.Query{})
	if r.State(1, false) != NonQuerier || r.State(1, true) != Querier {
		t.Error("the lower address did not win, or in the wrong family")
	}
	r.report(igmp.BlockOldSources, ssm, "a")
	r.want("a non-querier does not ask")
	// It follows the querier's queries: S keeps timers, without it they fall.
	query(igmp.Query{Group: ssm, Sources: letters("a"), Suppress: true})
	r.run(5 * time.Second)
	r.want("S")
	query(igmp.Query{Group: ssm, Sources: letters("a")})
	query(igmp.Query{Group: asm})
	r.run(2 * time.Second)
	r.want("not yet: the count is the querier's robustness")
	r.run(time.Second)
	r.want("timers fell", "change a 232.1.1.1", "change * 225.1.1.1")
	// The querier's values count: 3*50 s + 10 s.
	r.report(igmp.AllowNewSources, ssm, "b")
	r.said()
	r.run(150 * time.Second)
	if !r.Forwards(1, ssm, src("b")) {
		t.Error("expired early")
	}
	r.run(10 * time.Second)
	if r.Forwards(1, ssm, src("b")) {
		t.Error("expires late")
	}
	// After 3*50 s + 5 s of silence it asks again.
	if r.State(1, false) != Querier {
		t.Error("it did not take over")
	}
}

// TestQuerierStepsDownWhileAsking: pending specific queries end.
func TestQuerierStepsDownWhileAsking(t *testing.T) {
	t.Parallel()
	r := newRouterRun(t, RouterConfig{})
	r.report(igmp.AllowNewSources, ssm, "a")
	r.report(igmp.BlockOldSources, ssm, "a")
	r.said()
	r.HandleQuery(r.now, 1, netip.MustParseAddr("10.9.0.1"), &igmp.Query{})
	r.run(time.Second)
	r.want("no second query")
	r.run(time.Second)
	r.want("gone all the same", "change a 232.1.1.1")
}

func TestRouterIgnores(t *testing.T) {
	t.Parallel()
	r := newRouterRun(t, RouterConfig{})
	r.report(igmp.ChangeToExclude, ssm, "")
	r.report(igmp.ModeIsExclude, ssm6, "")
	r.report(igmp.ModeIsExclude, netip.MustParseAddr("224.0.0.5"), "")
	r.report(igmp.ModeIsExclude, netip.MustParseAddr("10.0.0.5"), "")
	r.report(99, asm, "")
	r.report(igmp.AllowNewSources, ssm6, "a") // an IPv4 source
	r.HandleReport(r.now, 9, false, &igmp.Report{Records: []igmp.Record{{Type: igmp.ModeIsExclude, Group: asm}}})
	r.want("ignored")
	c := r.Counters()
	if c.SSMIgnored != 2 || c.ScopeIgnored != 2 || c.TypeIgnored != 2 || c.Records != 0 || len(r.Snapshot()) != 0 {
		t.Errorf("counters %+v, table %+v", c, r.Snapshot())
	}
	// Records that change nothing leave nothing.
	r.report(igmp.BlockOldSources, ssm, "a")
	r.report(igmp.ChangeToInclude, asm, "")
	r.want("no members, no change")
	if !r.Quiet() {
		t.Error("state is left")
	}
}

func TestRouterLimits(t *testing.T) {
	t.Parallel()
	r := newRouterRun(t, RouterConfig{MaxRecords: 2, MaxSources: 3})
	r.report(igmp.AllowNewSources, ssm, "abcdef")
	if s := r.Snapshot(); len(s) != 1 || len(s[0].Sources) != 3 {
		t.Errorf("table %+v", s)
	}
	r.report(igmp.AllowNewSources, ssm, "cz")
	r.report(igmp.ModeIsExclude, asm, "abcdef")
	r.report(igmp.ModeIsExclude, asm2, "")
	c := r.Counters()
	if len(r.Snapshot()) != 2 || c.SourcesFull != 3+1+3 || c.TableFull != 1 {
		t.Errorf("counters %+v, table %+v", c, r.Snapshot())
	}
}

func TestQueriesAreSplitByMTU(t *testing.T) {
	t.Parallel()
	r := newRouterRun(t, RouterConfig{})
	var sources []netip.Addr
	for i := range 120 {
		sources = append(sources, netip.AddrFrom16([16]byte{0: 0x20, 15: byte(i + 1)}))
	}
	rec := igmp.Record{Type: igmp.AllowNewSources, Group: ssm6, Sources: sources}
	r.HandleReport(r.now, 1, true, &igmp.Report{Records: []igmp.Record{rec}})
	r.said()
	rec.Type = igmp.BlockOldSources
	r.HandleReport(r.now, 1, true, &igmp.Report{Records: []igmp.Record{rec}})
	total, queries := 0, 0
	for {
		o, ok := r.Next()
		if !ok {
			break
		}
		b, err := o.Query.AppendMLD(nil, sources[0], ssm6)
		if err != nil || len(b)+48 > 1500 {
			t.Errorf("a query of %d bytes: %v", len(b)+48, err)
		}
		total, queries = total+len(o.Query.Sources), queries+1
	}
	if total != 120 || queries != 2 {
		t.Errorf("%d sources in %d queries", total, queries)
	}
}

func TestRouterLinkDown(t *testing.T) {
	t.Parallel()
	r := newRouterRun(t, RouterConfig{})
	r.report(igmp.AllowNewSources, ssm, "ab")
	r.report(igmp.ChangeToExclude, asm, "x")
	r.report(igmp.BlockOldSources, ssm, "a")
	r.said()
	r.HandleLinkChange(r.now, 1, false)
	r.want("down", "change * 225.1.1.1", "change a 232.1.1.1", "change b 232.1.1.1")
	r.report(igmp.AllowNewSources, ssm, "ab")
	r.HandleQuery(r.now, 1, netip.MustParseAddr("10.9.0.1"), &igmp.Query{})
	r.want("deaf while down")
	if r.State(1, false) != QuerierDown || r.State(9, false) != QuerierDown || len(r.Snapshot()) != 0 {
		t.Error("state on a link that is down")
	}
	r.HandleLinkChange(r.now, 1, true)
	r.want("up", "ip/igmp/query-startup Q()", "ip/mld/query-startup Q()")
	r.HandleLinkChange(r.now, 1, true)
	r.want("up twice")
}

func TestTraces(t *testing.T) {
	t.Parallel()
	var got []string
	r := newRouterRun(t, RouterConfig{Trace: func(tr machine.Transition) { got = append(got, tr.String()) }})
	r.report(igmp.ChangeToExclude, asm, "x")
	want := "ip/group/listener 1/225.1.1.1: INCLUDE([]) --TO_EX--> EXCLUDE([], [10.0.0.120]) (all but these wanted now)"
	if len(got) != 4 || got[3] != want || !strings.HasPrefix(got[0], "ip/group/querier 1/10.9.0.5: Down --Up--> Querier") {
		t.Errorf("traces %q", got)
	}
}
