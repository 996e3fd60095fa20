package group

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire/igmp"
)

// timed runs the router and returns what it said as "seconds what".
func (r *oneRouter) timed(d time.Duration) (said []string) {
	start, end := r.now, r.now.Add(d)
	for {
		for _, s := range drain(r) {
			said = append(said, fmt.Sprintf("%v %s", r.now.Sub(start).Seconds(), s))
		}
		at, ok := r.Deadline()
		if !ok || at > end {
			r.now = end
			return said
		}
		r.now = at
		r.Advance(at)
	}
}

// configure settles the link and forgets the queries that it begins with.
func (r *oneRouter) configure(s Settings) {
	r.t.Helper()
	must(r.t, r.Configure(r.now, 1, r.f.v6, s))
	drain(r)
}

// TestElection is RFC 3376 section 6.6.2 and RFC 3810 section 7.6.2: the lowest
// address asks, and who is silent for the Other Querier Present Interval has
// gone (sections 8.5 and 9.5: 255 s).
func TestElection(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		r := newOneRouter(t, f, RouterConfig{})
		is := func(step string, state QuerierState, querier netip.Addr) {
			t.Helper()
			info, ok := r.Link(1, f.v6)
			if !ok || info.State != state || info.Querier != querier || r.State(1, f.v6) != state {
				t.Errorf("%s: %v, asked by %v; want %v, %v", step, info.State, info.Querier, state, querier)
			}
		}
		is("at first", Querier, f.self)
		r.query("high", igmp.Query{})
		is("a higher address", Querier, f.self)
		if !f.v6 {
			r.HandleQuery(r.now, 1, netip.IPv4Unspecified(), &igmp.Query{})
			is("no address", Querier, f.self)
		}
		r.query("low", igmp.Query{Group: f.groups[0]})
		is("a lower address, whatever it asks", NonQuerier, f.low)
		wantSaid(t, "it is silent", r.timed(250*time.Second))
		r.query("low", igmp.Query{})
		r.query("high", igmp.Query{})
		wantSaid(t, "until the other was", r.timed(300*time.Second), "255 Q()")
		is("taken over", Querier, f.self)
		wantSaid(t, "it goes on at the query interval", r.timed(200*time.Second), "80 Q()")
		if c := r.Counters(); c.Elections != 2 || c.QueriesHeard != map[bool]uint64{false: 5, true: 4}[f.v6] || c.GeneralQueries < 3 {
			t.Errorf("counters %+v", c)
		}
		r.HandleLinkChange(r.now, 1, false)
		is("down", QuerierDown, netip.Addr{})
	})
	// MLDv2 compares interface identifiers, not prefixes.
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"fe80::1", "fe80::2", true}, {"fe80::2", "fe80::1", false}, {"fe80::1", "fe80::1", false},
		{"fe80:0:0:1::1", "fe80::2", true}, {"fe80::2", "fe80:0:0:1::1", false}, {"::", "fe80::1", false},
		{"10.0.0.1", "10.0.0.2", true}, {"9.255.255.255", "10.0.0.0", true}, {"0.0.0.0", "10.0.0.1", false},
	} {
		if got := beats(netip.MustParseAddr(c.a), netip.MustParseAddr(c.b)); got != c.want {
			t.Errorf("beats(%s, %s) = %v", c.a, c.b, got)
		}
	}
}

// TestAdoption is RFC 3376 sections 4.1.6 and 4.1.7 (RFC 3810 sections 5.1.8
// and 5.1.9): robustness of the most recent query in any case, intervals of the
// querier's, defaults where it says zero.
func TestAdoption(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		r := newOneRouter(t, f, RouterConfig{})
		r.configure(Settings{Robustness: 4, QueryInterval: 100 * time.Second})
		is := func(step string, robustness int, interval, response time.Duration) {
			t.Helper()
			if i, _ := r.Link(1, f.v6); i.Robustness != robustness || i.QueryInterval != interval || i.QueryResponseInterval != response {
				t.Errorf("%s: %d, %v, %v; want %d, %v, %v", step, i.Robustness, i.QueryInterval, i.QueryResponseInterval, robustness, interval, response)
			}
		}
		is("configured", 4, 100*time.Second, 10*time.Second)
		r.query("high", igmp.Query{QRV: 3, QQI: 50 * time.Second, MaxResp: 5 * time.Second})
		is("of one who loses, the robustness", 3, 100*time.Second, 10*time.Second)
		r.query("low", igmp.Query{QRV: 5, QQI: 60 * time.Second, MaxResp: 8 * time.Second})
		is("of the querier, all", 5, 60*time.Second, 8*time.Second)
		r.query("low", igmp.Query{Group: f.groups[0], QRV: 6, QQI: 61 * time.Second, MaxResp: time.Second})
		is("of its specific queries, not the response time", 6, 61*time.Second, 8*time.Second)
		r.query("low", igmp.Query{})
		is("zero: as configured", 4, 100*time.Second, 10*time.Second)
		r.query("low", igmp.Query{Version: f.older, MaxResp: 7 * time.Second})
		is("an older version says less", 4, 100*time.Second, 7*time.Second)
		r.query("low", igmp.Query{QRV: 2, QQI: 20 * time.Second, MaxResp: 4 * time.Second})
		r.hear("ALLOW(a)")
		wantSaid(t, "the other querier present 2*20+2 s, the member 2*20+4 s", r.timed(45*time.Second), "0 change a", "42 Q()", "44 change a")
		is("taken over", 2, 100*time.Second, 10*time.Second)
		r.HandleLinkChange(r.now, 1, false)
		r.HandleLinkChange(r.now, 1, true)
		is("up again", 4, 100*time.Second, 10*time.Second)
	})
}

// TestTimerUpdates is the table of RFC 3376 section 6.6.1 (RFC 3810 section
// 7.6.1): queries heard lower timers, those with the S flag do not.
func TestTimerUpdates(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		g := f.groups[0]
		for _, c := range []struct {
			name  string
			q     igmp.Query
			want  string
			state string
		}{
			{"Q(G,A)", igmp.Query{Group: g, Sources: f.src("axq"), MaxResp: time.Second}, "G 210, a 2, b 230, c 230", "EXCLUDE (X,Y)"},
			{"Q(G)", igmp.Query{Group: g, MaxResp: time.Second}, "G 2, a 230, b 230, c 230", "EXCLUDE (X,Y)"},
			{"S Q(G,A)", igmp.Query{Group: g, Sources: f.src("a"), MaxResp: time.Second, Suppress: true}, "G 210, a 230, b 230, c 230", "EXCLUDE (X,Y)"},
			{"S Q(G)", igmp.Query{Group: g, MaxResp: time.Second, Suppress: true}, "G 210, a 230, b 230, c 230", "EXCLUDE (X,Y)"},
			{"Q()", igmp.Query{MaxResp: 10 * time.Second}, "G 210, a 230, b 230, c 230", "EXCLUDE (X,Y)"},
			{"another group", igmp.Query{Group: f.groups[1], MaxResp: time.Second}, "G 210, a 230, b 230, c 230", "EXCLUDE (X,Y)"},
			{"INCLUDE Q(G,A)", igmp.Query{Group: g, Sources: f.src("ab"), MaxResp: time.Second}, "a 2, b 2, c 210", "INCLUDE (A)"},
			{"INCLUDE Q(G)", igmp.Query{Group: g, MaxResp: time.Second}, "a 210, b 210, c 210", "INCLUDE (A)"},
			{"the querier's own interval", igmp.Query{Group: g, MaxResp: 3 * time.Second}, "G 6, a 230, b 230, c 230", "EXCLUDE (X,Y)"},
			{"never raised", igmp.Query{Group: g, MaxResp: 1000 * time.Second}, "G 210, a 230, b 230, c 230", "EXCLUDE (X,Y)"},
			{"no interval", igmp.Query{Group: g}, "G 2, a 230, b 230, c 230", "EXCLUDE (X,Y)"},
			{"an older one", igmp.Query{Version: f.older, Group: g, MaxResp: time.Second}, "G 2, a 230, b 230, c 230", "EXCLUDE (X,Y)"},
		} {
			r := withState(t, f, c.state, false)
			c.q.QRV = 2
			r.query("low", c.q)
			if got := r.timersLeft(); got != c.want {
				t.Errorf("%s: timers %s, want %s", c.name, got, c.want)
			}
		}
	})
}

// TestSpecificQueries is RFC 3376 section 6.6.3 (RFC 3810 section 7.6.3): how
// often and when, the two halves with and without the S flag, merging of rounds
// that overlap.
func TestSpecificQueries(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		three := Settings{Robustness: 3}
		// GMI is 3*125+10 s, LMQT 3 s.
		r := newOneRouter(t, f, RouterConfig{})
		r.configure(three)
		r.run(100 * time.Second) // past the startup queries
		drain(r)
		r.hear("ALLOW(abc)")
		drain(r)
		r.hear("BLOCK(abc)")
		wantSaid(t, "three times", r.timed(1500*time.Millisecond), "0 Q(G,abc)", "1 Q(G,abc)")
		r.hear("IS_IN(b)")
		wantSaid(t, "b was answered for: the S half comes first", r.timed(10*time.Second),
			"0.5 S Q(G,b)", "0.5 Q(G,ac)", "1.5 change a", "1.5 change c")
		if got := r.timersLeft(); got != "b 375" {
			t.Errorf("timers %s", got)
		}

		r.hear("TO_EX()")
		drain(r)
		r.hear("TO_IN(a)")
		wantSaid(t, "the group and what is left of it", r.timed(10*time.Second),
			"0 Q(G)", "1 Q(G)", "2 Q(G)", "3 change *")
		if got := r.timersLeft(); got != "a 375" {
			t.Errorf("timers %s", got)
		}

		r.hear("TO_EX()")
		r.hear("ALLOW(b)")
		r.hear("IS_IN(a)")
		drain(r)
		r.hear("TO_IN()")
		r.run(500 * time.Millisecond)
		wantSaid(t, "both kinds", drain(r), "Q(G)", "Q(G,ab)")
		r.hear("IS_EX()")
		r.hear("ALLOW(ab)")
		drain(r)
		wantSaid(t, "answered: S in both; the source half with S may be left out", r.timed(10*time.Second),
			"0.5 S Q(G)", "1.5 S Q(G)")

		r.hear("ALLOW(cd)")
		r.hear("BLOCK(c)")
		wantSaid(t, "one source", r.timed(1500*time.Millisecond), "0 Q(G,c)", "1 Q(G,c)")
		r.hear("BLOCK(d)")
		wantSaid(t, "a second joins its round", r.timed(10*time.Second),
			"0 Q(G,cd)", "0.5 Q(G,cd)", "1 Q(G,d)", "1.5 change c", "2 Q(G,d)", "3 change d")
		r.hear("BLOCK(d)")
		r.hear("ALLOW(e)")
		r.hear("BLOCK(e)")
		drain(r)
		r.run(300 * time.Millisecond)
		r.hear("BLOCK(e)")
		r.hear("BLOCK(e)")
		wantSaid(t, "a report that is repeated changes nothing", r.timed(10*time.Second),
			"0.7 Q(G,e)", "1.7 Q(G,e)", "2.7 change e")
		r.hear("TO_EX()")
		r.hear("TO_IN()")
		drain(r)
		r.run(300 * time.Millisecond)
		r.hear("TO_IN()")
		wantSaid(t, "nor one that leaves the group", r.timed(10*time.Second),
			"0.7 Q(G)", "1.7 Q(G)", "2.7 change *")
		if n := r.Counters(); n.GroupQueries != 9 || n.SourceQueries != 3+1+1+2+4+3 {
			t.Errorf("counters %+v", n)
		}
	})
}

// TestQuietAndRounds: a leave after the last query of a round is asked about
// anew, and a router is not quiet while it has something to say.
func TestQuietAndRounds(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		r := newOneRouter(t, f, RouterConfig{})
		r.hear("TO_EX()")
		r.hear("TO_IN()")
		wantSaid(t, "a round", r.timed(1500*time.Millisecond), "0 change *", "0 Q(G)", "1 Q(G)")
		r.hear("TO_IN()")
		r.run(500 * time.Millisecond)
		if len(r.records) != 0 || r.Quiet() {
			t.Errorf("state %s, quiet %v before all is told", r.state(), r.Quiet())
		}
		wantSaid(t, "another", drain(r), "Q(G)", "change *")
		if !r.Quiet() {
			t.Error("not quiet")
		}
		r.hear("IS_EX()")
		drain(r)
		if r.Quiet() {
			t.Error("quiet with a member")
		}
	})
}

// TestLastMemberSettings: count and interval of their own (RFC 3376 sections
// 8.8 to 8.10).
func TestLastMemberSettings(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		r := newOneRouter(t, f, RouterConfig{})
		r.configure(Settings{LastMemberQueryInterval: 200 * time.Millisecond, LastMemberQueryCount: 4})
		r.hear("ALLOW(a)")
		drain(r)
		r.hear("BLOCK(a)")
		wantSaid(t, "four in 0.8 s", r.timed(10*time.Second),
			"0 Q(G,a)", "0.2 Q(G,a)", "0.4 Q(G,a)", "0.6 Q(G,a)", "0.8 change a")
	})
}

func TestStartupSettings(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		r := newOneRouter(t, f, RouterConfig{})
		must(t, r.Configure(r.now, 1, f.v6, Settings{QueryInterval: 40 * time.Second, StartupQueryCount: 3, StartupQueryInterval: 2 * time.Second}))
		wantSaid(t, "three, then at intervals", r.timed(50*time.Second), "0 Q()", "2 Q()", "4 Q()", "44 Q()")
		must(t, r.Configure(r.now, 1, f.v6, Settings{QueryInterval: 40 * time.Second, Robustness: 3}))
		wantSaid(t, "defaults", r.timed(60*time.Second), "0 Q()", "10 Q()", "20 Q()", "60 Q()")
	})
}

// TestOlderQuerier is RFC 3376 section 7.3.1 and RFC 3810 section 8.3.1: a
// router that is told to speak an older version.
func TestOlderQuerier(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		r := newOneRouter(t, f, RouterConfig{})
		must(t, r.Configure(r.now, 1, f.v6, Settings{Version: f.older}))
		o, _ := r.Next()
		if q := o.Query; q.Version != f.older || q.MaxResp != 10*time.Second || q.QRV != 0 || q.QQI != 0 || !q.General() {
			t.Errorf("general query %+v", q)
		}
		drain(r)
		r.hear(fmt.Sprintf("v%d", f.older))
		drain(r)
		r.hear("Leave")
		o, _ = r.Next()
		if q := o.Query; q.Version != f.older || q.MaxResp != time.Second || q.Group != f.groups[0] || q.Suppress {
			t.Errorf("query about a group %+v", q)
		}
		wantSaid(t, "twice, then gone", r.timed(10*time.Second), "1 Q(G)", "2 change *")
		// Newer reports are heeded as in the compatibility mode, and what would
		// be asked of sources is asked of the group.
		r.hear("ALLOW(ab)")
		drain(r)
		r.hear("BLOCK(a)")
		wantSaid(t, "BLOCK is ignored", r.timed(0))
		r.hear("TO_IN(b)")
		wantSaid(t, "of the group", r.timed(10*time.Second), "0 Q(G)", "1 Q(G)", "2 change a")
		r.query("high", igmp.Query{Version: newest(f.v6)})
		if d := r.Drops(); d.QueriesNewer != 1 || d.CompatIgnored != 1 || d.OlderReports != 1 {
			t.Errorf("drops %+v", d)
		}
		if s := r.Snapshot(); len(s) != 1 || s[0].Version != f.older {
			t.Errorf("table %+v", s)
		}
		// A round under way goes on in the version that is set meanwhile.
		r.hear("TO_IN()")
		wantSaid(t, "begun", drain(r), "Q(G)")
		must(t, r.Configure(r.now, 1, f.v6, Settings{}))
		r.hear("ALLOW(cd)")
		wantSaid(t, "asked on", r.timed(1500*time.Millisecond), "0 Q()", "0 change c", "0 change d", "1 Q(G)")
		r.hear("BLOCK(cd)")
		wantSaid(t, "of sources", drain(r), "Q(G,cd)")
		must(t, r.Configure(r.now, 1, f.v6, Settings{Version: f.older}))
		wantSaid(t, "of the group", r.timed(10*time.Second), "0 Q()", "0 Q(G)", "0.5 change b", "1 Q(G)", "2 change c", "2 change d")
		must(t, r.Configure(r.now, 1, f.v6, Settings{}))
		drain(r)
		r.query("high", igmp.Query{Version: f.older})
		if d := r.Drops(); d.QueriesOlder != 1 || r.State(1, f.v6) != Querier {
			t.Errorf("drops %+v: an older version is never fallen back to", d)
		}
	})
	r := newOneRouter(t, families[0], RouterConfig{})
	must(t, r.Configure(r.now, 1, false, Settings{Version: 1}))
	if o, _ := r.Next(); o.Query.Version != 1 {
		t.Errorf("query %+v", o.Query)
	}
	r.hear("v1")
	r.hear("TO_EX(a)")
	r.hear("Leave")
	r.hear("TO_IN()")
	r.hear("ALLOW(a)")
	wantSaid(t, "IGMPv1 never asks about a group", r.timed(10*time.Second), "0 change *")
	if d := r.Drops(); d.CompatIgnored != 2 {
		t.Errorf("drops %+v", d)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	r := newOneRouter(t, families[0], RouterConfig{})
	r.AddInterface(r.now, 1, families[1].self, 1500, true)
	drain(r)
	for _, c := range []struct {
		s          Settings
		good, mld6 bool
	}{
		{Settings{}, true, true},
		{Settings{Version: 3}, true, false},
		{Settings{Version: 4}, false, false},
		{Settings{Robustness: -1}, false, false},
		{Settings{Robustness: 65}, false, false},
		{Settings{Robustness: 64}, true, true},
		{Settings{QueryInterval: 5 * time.Second}, false, false}, // below the response interval
		{Settings{QueryInterval: 5 * time.Second, QueryResponseInterval: time.Second}, true, true},
		{Settings{QueryInterval: -1}, false, false},
		{Settings{QueryInterval: 40000 * time.Second}, false, false},
		{Settings{QueryResponseInterval: 50 * time.Millisecond}, false, true},
		{Settings{Version: 2, QueryResponseInterval: 30 * time.Second}, false, true},
		{Settings{Version: 1, QueryInterval: 1000 * time.Second, QueryResponseInterval: 70 * time.Second}, false, false},
		{Settings{Version: 1, QueryResponseInterval: 30 * time.Second}, false, true},
		{Settings{QueryInterval: 1000 * time.Second, QueryResponseInterval: 70 * time.Second}, true, true},
		{Settings{LastMemberQueryInterval: time.Microsecond}, false, false},
		{Settings{LastMemberQueryInterval: 3 * time.Hour}, false, false},
		{Settings{LastMemberQueryCount: -1}, false, false},
		{Settings{StartupQueryInterval: time.Millisecond}, false, false},
		{Settings{StartupQueryCount: 1000}, false, false},
	} {
		for v6, good := range map[bool]bool{false: c.good, true: c.mld6} {
			err := r.Configure(r.now, 1, v6, c.s)
			if good != (err == nil) || err != nil && !errors.Is(err, ErrSettings) {
				t.Errorf("IPv6 %v %+v: %v", v6, c.s, err)
			}
		}
	}
	if err := r.Configure(r.now, 2, false, Settings{}); !errors.Is(err, ErrInterface) {
		t.Errorf("no such interface: %v", err)
	}
	if _, ok := r.Link(2, false); ok {
		t.Error("a link that is not there")
	}
	// A robustness that the field cannot say is sent as zero (section 4.1.6).
	for robustness, want := range map[int]uint8{1: 1, 7: 7, 8: 0} {
		r.configure(Settings{Robustness: robustness})
		r.hear("TO_EX()")
		r.hear("TO_IN()")
		r.Next()
		if o, _ := r.Next(); o.Query.QRV != want {
			t.Errorf("robustness %d is sent as %d", robustness, o.Query.QRV)
		}
		r.run(time.Minute)
		drain(r)
	}
}

// TestConfigureKeepsMembers: settings of a link that has members and is down.
func TestConfigureKeepsMembers(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		r := newOneRouter(t, f, RouterConfig{})
		r.hear("IS_EX(a)")
		must(t, r.Configure(r.now, 1, f.v6, Settings{QueryInterval: time.Minute}))
		if r.state() != "EX /a" {
			t.Errorf("state %s", r.state())
		}
		r.HandleLinkChange(r.now, 1, false)
		drain(r)
		must(t, r.Configure(r.now, 1, f.v6, Settings{QueryInterval: 20 * time.Second}))
		wantSaid(t, "down", r.timed(time.Minute))
		r.HandleLinkChange(r.now, 1, true)
		wantSaid(t, "up", r.timed(30*time.Second), "0 Q()", "5 Q()", "25 Q()")
		// A known interface changes its address.
		r.AddInterface(r.now, 1, f.low, 1500, true)
		r.query("high", igmp.Query{})
		if i, _ := r.Link(1, f.v6); i.Querier != f.low {
			t.Errorf("querier %v", i.Querier)
		}
		wantSaid(t, "no new start", r.timed(10*time.Second))
	})
}

// TestIgnoreOlder is the switch of RFC 3376 section 9.2 and RFC 3810 section
// 10.2.
func TestIgnoreOlder(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		r := newOneRouter(t, f, RouterConfig{})
		r.configure(Settings{IgnoreOlder: true})
		r.hear("IS_EX(a)")
		drain(r)
		r.hear(fmt.Sprintf("v%d", f.older))
		r.hear("Leave")
		wantSaid(t, "ignored", r.timed(0))
		if d := r.Drops(); d.OlderIgnored != 2 || r.state() != "EX /a" {
			t.Errorf("drops %+v, state %s", d, r.state())
		}
	})
}

// TestOlderIgnoredForSSM: source-specific groups know no older messages (RFC
// 4604), nor do groups that are never forwarded, nor links that are not there.
func TestOlderIgnoredForSSM(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		r := newOneRouter(t, f, RouterConfig{})
		r.HandleReport(r.now, 1, f.v6, &igmp.Report{Records: []igmp.Record{{Type: igmp.AllowNewSources, Group: f.ssm, Sources: f.src("a")}}})
		drain(r)
		r.HandleReport(r.now, 1, f.v6, &igmp.Report{Version: f.older, Group: f.ssm})
		r.HandleLeave(r.now, 1, f.ssm)
		local := netip.MustParseAddr("224.0.0.9")
		if f.v6 {
			local = netip.MustParseAddr("ff02::9")
		}
		r.HandleReport(r.now, 1, f.v6, &igmp.Report{Version: f.older, Group: local})
		r.HandleLeave(r.now, 1, local)
		r.HandleReport(r.now, 2, f.v6, &igmp.Report{Version: f.older, Group: f.groups[0]})
		r.HandleLeave(r.now, 2, f.groups[0])
		wantSaid(t, "ignored", r.timed(0))
		if s := r.Snapshot(); len(s) != 1 || s[0].Version != newest(f.v6) || s[0].Mode != Include {
			t.Errorf("table %+v", s)
		}
		if c := r.Counters(); c.SSMIgnored != 2 || c.ScopeIgnored != 2 {
			t.Errorf("counters %+v", c)
		}
		r.HandleLinkChange(r.now, 1, false)
		drain(r)
		r.hear(fmt.Sprintf("v%d", f.older))
		r.hear("Leave")
		wantSaid(t, "nor links that are down", r.timed(0))
	})
}

// TestRouterSourceLimits: sources of one group and of all, older reports for
// too many groups, and records about nothing.
func TestRouterSourceLimits(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		r := newOneRouter(t, f, RouterConfig{MaxRecords: 2, MaxSources: 4, MaxAllSources: 5})
		report := func(i int, typ igmp.RecordType, letters string) {
			r.HandleReport(r.now, 1, f.v6, &igmp.Report{Records: []igmp.Record{{Type: typ, Group: f.groups[i], Sources: f.src(letters)}}})
		}
		report(0, igmp.AllowNewSources, "abcdef")
		report(1, igmp.AllowNewSources, "abc")
		s := r.Snapshot()
		if lettersOf(s[0].Sources)+" "+lettersOf(s[1].Sources) != "abcd a" || r.Counters().SourcesFull != 4 {
			t.Errorf("table %+v, counters %+v", s, r.Counters())
		}
		r.HandleReport(r.now, 1, f.v6, &igmp.Report{Version: f.older, Group: f.groups[2]})
		if r.Counters().TableFull != 1 {
			t.Errorf("counters %+v", r.Counters())
		}
		// What a list takes back frees its room.
		r.hear("TO_EX()")
		report(1, igmp.AllowNewSources, "bcd")
		if s = r.Snapshot(); lettersOf(s[1].Sources) != "abcd" || r.sources != 4 {
			t.Errorf("table %+v", s)
		}
		for _, what := range []igmp.RecordType{igmp.BlockOldSources, igmp.ModeIsInclude, igmp.ChangeToInclude, igmp.AllowNewSources} {
			report(2, what, "")
		}
		report(2, igmp.BlockOldSources, "a")
		if r.Drops().NothingKnown != 5 {
			t.Errorf("drops %+v", r.Drops())
		}
		r.run(time.Hour)
		if r.sources != 0 || len(r.records) != 0 {
			t.Errorf("%d sources of %d groups are left", r.sources, len(r.records))
		}
	})
}

func TestListenerPages(t *testing.T) {
	t.Parallel()
	r := NewRouter(RouterConfig{})
	now := machine.VirtualEpoch
	rng := rand.New(rand.NewPCG(1, 1))
	for _, i := range rng.Perm(3) {
		for _, f := range families {
			r.AddInterface(now, i+1, f.self, 1500, true)
			for _, j := range rng.Perm(3) {
				r.HandleReport(now, i+1, f.v6, &igmp.Report{Records: []igmp.Record{{Type: igmp.ModeIsExclude, Group: f.groups[j]}}})
			}
		}
	}
	var want []member
	for _, l := range r.Snapshot() {
		want = append(want, member{l.If, l.Group})
	}
	if len(want) != 18 {
		t.Fatalf("snapshot %v", want)
	}
	for n := 1; n < 20; n++ {
		var got []member
		at, more := Cursor{}, true
		for more {
			var page []Listener
			page, at, more = r.Page(at, n)
			for _, l := range page {
				got = append(got, member{l.If, l.Group})
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("pages of %d: %v", n, got)
		}
	}
	if _, _, more := r.Page(Cursor{}, 0); !more {
		t.Error("a page of nothing is not the end")
	}
	// A cursor at a group that is gone goes on after it.
	r.HandleLinkChange(now, 1, false)
	if page, _, _ := r.Page(Cursor(want[0]), 1); len(page) != 1 || page[0].If != 2 {
		t.Errorf("after what is gone: %v", page)
	}
}

// TestQuerySize is the arithmetic of RFC 3376 section 4.1.8 and RFC 3810
// section 5.1.10: how many sources a query holds.
func TestQuerySize(t *testing.T) {
	t.Parallel()
	for i, want := range []int{366, 89} {
		f := families[i]
		r := newOneRouter(t, f, RouterConfig{MaxSources: 400})
		var sources []netip.Addr
		for i := range 400 {
			b := f.sourceBase.AsSlice()
			b[len(b)-2], b[len(b)-1] = byte(1+i>>8), byte(i)
			a, _ := netip.AddrFromSlice(b)
			sources = append(sources, a)
		}
		for _, typ := range []igmp.RecordType{igmp.AllowNewSources, igmp.BlockOldSources} {
			drain(r)
			r.HandleReport(r.now, 1, f.v6, &igmp.Report{Records: []igmp.Record{{Type: typ, Group: f.groups[0], Sources: sources}}})
		}
		o, _ := r.Next()
		if got := len(o.Query.Sources); got != want {
			t.Errorf("%s: %d sources in a query, want %d", f.name, got, want)
		}
	}
}
