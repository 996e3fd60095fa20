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

// TestOlderStep states every transition of a host towards an older querier:
// RFC 2236 section 6 and RFC 2710 section 5.
func TestOlderStep(t *testing.T) {
	t.Parallel()
	type want struct {
		to  olderState
		act olderAction
	}
	table := [numOlderStates][numOlderEvents]want{
		olderNonMember: {
			olderJoin:     {olderDelaying, olderSend | olderSetFlag | olderStart},
			olderFallback: {olderIdle, olderSetFlag},
			olderLeave:    {olderNonMember, 0},
			olderQuery:    {olderNonMember, 0},
			olderReport:   {olderNonMember, 0},
			olderTimer:    {olderNonMember, 0},
			olderReset:    {olderNonMember, 0},
		},
		olderDelaying: {
			olderJoin:     {olderDelaying, 0},
			olderFallback: {olderDelaying, 0},
			olderLeave:    {olderNonMember, olderStop | olderSendLeave},
			olderQuery:    {olderDelaying, olderSooner},
			olderReport:   {olderIdle, olderStop | olderClearFlag},
			olderTimer:    {olderIdle, olderSend | olderSetFlag},
			olderReset:    {olderNonMember, olderStop},
		},
		olderIdle: {
			olderJoin:     {olderIdle, 0},
			olderFallback: {olderIdle, 0},
			olderLeave:    {olderNonMember, olderSendLeave},
			olderQuery:    {olderDelaying, olderStart},
			olderReport:   {olderIdle, 0},
			olderTimer:    {olderIdle, 0},
			olderReset:    {olderNonMember, 0},
		},
	}
	for s := range numOlderStates {
		for e := range numOlderEvents {
			to, act, reason := stepOlder(s, e)
			if (want{to, act}) != table[s][e] || reason == "" {
				t.Errorf("stepOlder(%v, %v) = %v, %#x, %q; want %v, %#x", s, e, to, act, reason, table[s][e].to, table[s][e].act)
			}
		}
	}
	if got := numOlderStates.String() + numOlderEvents.String(); got != "olderState(3)olderEvent(7)" {
		t.Errorf("names beyond the tables: %s", got)
	}
}

// hear hands the host a general query of a version.
func (h *oneHost) hear(version uint8, resp time.Duration) {
	h.query(igmp.Query{Version: version, MaxResp: resp})
}

func (h *oneHost) wantVersion(step string, want uint8) {
	h.t.Helper()
	if got := h.Version(1, h.f.v6); got != want {
		h.t.Errorf("%s: speaks version %d, want %d", step, got, want)
	}
}

// TestHostCompatibilityMode is RFC 3376 section 7.2.1 and RFC 3810 section
// 8.2.1 with the timeout of sections 8.12 and 9.12: robustness times query
// interval plus the response time.
func TestHostCompatibilityMode(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		h := newOneHost(t, f, HostConfig{})
		newest := newest(f.v6)
		h.wantVersion("at first", newest)
		h.hear(f.older, 10*time.Second)
		h.wantVersion("an older querier", f.older)
		advance(h, &h.now, 260*time.Second-1)
		h.wantVersion("still there", f.older)
		h.hear(newest, 10*time.Second)
		h.wantVersion("a newer querier beside it", f.older)
		advance(h, &h.now, 1)
		h.wantVersion("it is gone", newest)
		// The values of the last querier that named them count.
		h.query(igmp.Query{QRV: 3, QQI: 20 * time.Second, MaxResp: 10 * time.Second})
		h.hear(f.older, 5*time.Second)
		advance(h, &h.now, 65*time.Second-1)
		h.wantVersion("3*20+5 s", f.older)
		advance(h, &h.now, 1)
		h.wantVersion("after them", newest)
		h.HandleLinkChange(h.now, 1, false)
		h.HandleLinkChange(h.now, 1, true)
		h.hear(f.older, 10*time.Second)
		h.HandleLinkChange(h.now, 1, false)
		h.wantVersion("link down", newest)
		if !h.Quiet() {
			t.Error("something is left")
		}
		if h.Version(9, f.v6) != 0 {
			t.Error("a version on no link")
		}
	})
}

// TestIGMPv1QuerierPresent: IGMPv1 before IGMPv2 before IGMPv3, each with a
// timer of its own (RFC 3376 section 7.2.1).
func TestIGMPv1QuerierPresent(t *testing.T) {
	t.Parallel()
	h := newOneHost(t, families[0], HostConfig{})
	h.hear(1, 0) // its response time is 10 s
	advance(h, &h.now, 100*time.Second)
	h.hear(2, 10*time.Second)
	h.wantVersion("both", 1)
	advance(h, &h.now, 160*time.Second-1)
	h.wantVersion("260 s after version 1", 1)
	advance(h, &h.now, 1)
	h.wantVersion("version 2 is left", 2)
	h.hear(1, 0)
	h.wantVersion("version 1 again", 1)
	advance(h, &h.now, 100*time.Second)
	h.wantVersion("version 2 is gone", 1)
	advance(h, &h.now, 160*time.Second)
	h.wantVersion("all are gone", 3)
	// A group-specific query of IGMPv2 is no sign of a querier of that version.
	h.query(igmp.Query{Version: 2, Group: h.f.groups[0], MaxResp: time.Second})
	h.wantVersion("group-specific", 3)
	m := newOneHost(t, families[1], HostConfig{})
	m.query(igmp.Query{Version: 1, Group: m.f.groups[0], MaxResp: time.Second})
	m.wantVersion("in MLDv1 any query is", 1)
}

// TestVersionChangeCancels: pending responses and retransmissions are dropped
// both ways.
func TestVersionChangeCancels(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		h := newOneHost(t, f, HostConfig{})
		h.mustSet(1, "IN a")
		h.hear(0, 10*time.Second)
		h.query(igmp.Query{Group: f.groups[0], Sources: f.src("a"), MaxResp: 10 * time.Second})
		wantSaid(t, "join", drain(h), "join ALLOW(a)")
		h.hear(f.older, 10*time.Second)
		advance(h, &h.now, 30*time.Second)
		wantSaid(t, "the older answer alone", drain(h), fmt.Sprintf("answer v%d", f.older))
		h.hear(f.older, 200*time.Second)
		h.mustSet(1, "IN b") // nothing that an older version could tell
		must(t, h.SetFilter(h.now, 1, 1, f.groups[1], Exclude, nil))
		wantSaid(t, "older join", drain(h), fmt.Sprintf("join v%d", f.older))
		h.HandleLinkChange(h.now, 1, false)
		advance(h, &h.now, time.Hour)
		wantSaid(t, "down", drain(h))
		if h.Drops().VersionChanges != 2 {
			t.Errorf("drops %+v", h.Drops())
		}
	})
}

// TestOlderConversation is a host's life on a link with a querier of version 1
// or 2: RFC 2236 sections 3 and 6, RFC 2710 section 4.
func TestOlderConversation(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		f       family
		version uint8
	}{{families[0], 1}, {families[0], 2}, {families[1], 1}} {
		t.Run(fmt.Sprintf("%sv%d", c.f.name, c.version), func(t *testing.T) {
			t.Parallel()
			olderConversation(t, c.f, c.version)
		})
	}
}

func olderConversation(t *testing.T, f family, version uint8) {
	h := newOneHost(t, f, HostConfig{})
	v := fmt.Sprintf("v%d", version)
	leave := []string{"leave Leave"}
	if version == 1 && !f.v6 {
		leave = nil
	}
	h.hear(version, 10*time.Second)
	h.mustSet(1, "IN a")
	wantSaid(t, "join, though of one source", drain(h), "join "+v)
	at, _ := h.Deadline()
	if d := at.Sub(h.now); d <= 0 || d > UnsolicitedReportIntervalOld {
		t.Errorf("repeated after %v", d)
	}
	advance(h, &h.now, UnsolicitedReportIntervalOld)
	wantSaid(t, "again, once", drain(h), "report-again "+v)
	h.mustSet(1, "EX b")
	h.mustSet(2, "EX ")
	wantSaid(t, "filters are not told", drain(h))

	h.hear(version, 10*time.Second)
	advance(h, &h.now, 10*time.Second)
	wantSaid(t, "answer to a general query", drain(h), "answer "+v)
	h.query(igmp.Query{Version: version, Group: f.groups[0], MaxResp: time.Second})
	h.query(igmp.Query{Version: version, Group: f.groups[1], MaxResp: time.Second})
	advance(h, &h.now, 10*time.Second)
	wantSaid(t, "answer to one about the group", drain(h), "answer "+v)
	h.query(igmp.Query{Group: f.groups[0], Sources: f.src("z"), MaxResp: time.Second})
	advance(h, &h.now, 10*time.Second)
	wantSaid(t, "newer queries are answered in the older version", drain(h), "answer "+v)

	h.hear(version, 10*time.Second)
	h.HandleReport(h.now, 1, f.groups[0])
	h.HandleReport(h.now, 1, f.groups[0])
	advance(h, &h.now, 10*time.Second)
	wantSaid(t, "another host's report suppresses ours", drain(h))
	h.mustSet(1, "IN ")
	wantSaid(t, "still joined", drain(h))
	h.mustSet(2, "IN ")
	wantSaid(t, "the other host reported last: no leave", drain(h))
	if d := h.Drops(); d.Suppressed != 1 || d.LeavesUnsent != 1 {
		t.Errorf("drops %+v", d)
	}

	h.mustSet(1, "EX ")
	h.mustSet(1, "IN ")
	wantSaid(t, "join and leave", drain(h), append([]string{"join " + v}, leave...)...)
	advance(h, &h.now, time.Minute)
	wantSaid(t, "nothing more", drain(h))
	if !h.Quiet() || len(h.members) != 0 {
		t.Error("something is left")
	}
}

// TestFallbackOfMembers: who was joined before the fallback is a member that
// answers, leaves with a message, and is suppressed.
func TestFallbackOfMembers(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		v := fmt.Sprintf("v%d", f.older)
		h := newOneHost(t, f, HostConfig{})
		for _, g := range f.groups {
			must(t, h.SetFilter(h.now, 1, 1, g, Exclude, nil))
		}
		h.settle()
		h.hear(f.older, 10*time.Second)
		h.HandleReport(h.now, 1, f.groups[1])
		advance(h, &h.now, 10*time.Second)
		wantSaid(t, "one message for each group but the suppressed one", drain(h), "answer "+v, "answer "+v)
		for _, g := range f.groups {
			must(t, h.SetFilter(h.now, 1, 1, g, Include, nil))
		}
		wantSaid(t, "leaves", drain(h), "leave Leave", "leave Leave")
		// Back in the newest version nothing is announced; the next query is
		// answered.
		must(t, h.SetFilter(h.now, 1, 1, f.groups[0], Exclude, f.src("a")))
		drain(h)
		advance(h, &h.now, time.Hour)
		drain(h)
		h.wantVersion("later", newest(f.v6))
		h.hear(0, time.Second)
		advance(h, &h.now, time.Second)
		wantSaid(t, "answer", drain(h), "answer IS_EX(a)")
		// A newest host does not heed older reports (section 7.2.2: MAY).
		h.hear(0, time.Second)
		h.HandleReport(h.now, 1, f.groups[0])
		advance(h, &h.now, time.Second)
		wantSaid(t, "not suppressed", drain(h), "answer IS_EX(a)")
	})
}

// TestOlderTimers: a query shortens a running timer where its response time is
// below what is left, and else leaves it (RFC 2236 section 3).
func TestOlderTimers(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		h := &oneHost{Host: NewHost(HostConfig{}), t: t, f: f, now: machine.VirtualEpoch}
		h.AddInterface(h.now, 1, f.v6, 1500, true)
		h.mustSet(1, "EX ")
		h.settle()
		start := h.now
		due := func(step string, want time.Duration) {
			t.Helper()
			at, ok := h.timers.At(h.members[member{1, f.groups[0]}].timer())
			if got := at.Sub(start); !ok || got != want {
				t.Errorf("%s: due at %v, %v, want %v", step, got, ok, want)
			}
		}
		h.hear(f.older, 10*time.Second)
		due("asked", 10*time.Second)
		h.hear(f.older, 20*time.Second)
		due("a later one", 10*time.Second)
		advance(h, &h.now, 5*time.Second)
		h.hear(f.older, 5*time.Second)
		due("the same", 10*time.Second)
		h.hear(f.older, 2*time.Second)
		due("a sooner one", 7*time.Second)
		if h.Counters().QueriesMerged != 2 {
			t.Errorf("counters %+v", h.Counters())
		}
	})
}

// TestHostSettings: a host can be told to speak an older version, or never to
// fall back.
func TestHostSettings(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		h := newOneHost(t, f, HostConfig{})
		h.mustSet(1, "EX ")
		h.settle()
		must(t, h.Configure(h.now, 1, f.v6, HostSettings{Version: f.older}))
		h.wantVersion("told", f.older)
		h.hear(0, time.Second)
		advance(h, &h.now, time.Second)
		wantSaid(t, "answers the newest querier in the older version", drain(h), fmt.Sprintf("answer v%d", f.older))
		must(t, h.JoinOwn(h.now, 1, f.groups[2]))
		h.HandleLinkChange(h.now, 1, false)
		must(t, h.SetFilter(h.now, 1, 1, f.groups[1], Exclude, nil))
		h.HandleLinkChange(h.now, 1, true)
		wantSaid(t, "link up: all that programs joined", drain(h), fmt.Sprintf("join v%d", f.older), fmt.Sprintf("join v%d", f.older))
		h.settle()
		h.query(igmp.Query{Group: f.groups[2], MaxResp: time.Second})
		advance(h, &h.now, time.Second)
		wantSaid(t, "IP's own group when asked", drain(h), fmt.Sprintf("answer v%d", f.older))
		must(t, h.LeaveOwn(h.now, 1, f.groups[2]))
		wantSaid(t, "and never unasked", drain(h))

		must(t, h.Configure(h.now, 1, f.v6, HostSettings{IgnoreOlder: true}))
		h.hear(f.older, time.Second)
		advance(h, &h.now, time.Second)
		h.wantVersion("ignored", newest(f.v6))
		wantSaid(t, "ignored", drain(h))
		if d := h.Drops(); d.QueriesOlder != 1 {
			t.Errorf("drops %+v", d)
		}
		for _, s := range []HostSettings{{Version: 4}, {Robustness: -1}, {Robustness: 1000}} {
			if err := h.Configure(h.now, 1, f.v6, s); !errors.Is(err, ErrSettings) {
				t.Errorf("%+v: %v", s, err)
			}
		}
		if err := h.Configure(h.now, 2, f.v6, HostSettings{}); !errors.Is(err, ErrInterface) {
			t.Errorf("no such interface: %v", err)
		}
	})
}

func TestQuerierVersion(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		h := newOneHost(t, f, HostConfig{})
		want := func(step string, version int, known bool) {
			t.Helper()
			if v, ok := h.QuerierVersion(h.now, 1, f.v6); v != version || ok != known {
				t.Errorf("%s: version %d, %v, want %d, %v", step, v, ok, version, known)
			}
		}
		want("at first", 0, false)
		h.hear(newest(f.v6), 10*time.Second)
		want("a query", int(newest(f.v6)), true)
		h.now = h.now.Add(260*time.Second - 1)
		want("before it is forgotten", int(newest(f.v6)), true)
		h.now = h.now.Add(1)
		want("after", 0, false)
		h.hear(f.older, 10*time.Second)
		want("an older one", int(f.older), true)
		h.hear(newest(f.v6), 10*time.Second)
		want("two queriers: the older", int(f.older), true)
		must(t, h.Configure(h.now, 1, f.v6, HostSettings{Version: 1}))
		want("what the host is told to speak does not matter", int(f.older), true)
		h.HandleLinkChange(h.now, 1, false)
		want("link down", 0, false)
		if _, ok := h.QuerierVersion(h.now, 2, f.v6); ok {
			t.Error("a querier on no link")
		}
	})
}

// TestHostTraces: every transition of the compatibility mode and of the older
// states is traced.
func TestHostTraces(t *testing.T) {
	t.Parallel()
	var got []string
	f := families[0]
	h := newOneHost(t, f, HostConfig{Trace: func(tr machine.Transition) { got = append(got, tr.String()) }})
	h.hear(2, time.Second)
	h.mustSet(1, "EX ")
	h.HandleReport(h.now, 1, f.groups[0])
	h.mustSet(1, "IN ")
	h.HandleLinkChange(h.now, 1, false)
	want := []string{
		"ip/group/queriers 1/igmp: Newest --HeardV2--> V2 (an older version is present)",
		"ip/group/older 1/225.1.1.1: NonMember --Join--> DelayingMember (joined)",
		"ip/group/older 1/225.1.1.1: DelayingMember --Report--> IdleMember (another host reported)",
		"ip/group/older 1/225.1.1.1: IdleMember --Leave--> NonMember (left)",
		"ip/group/queriers 1/igmp: V2 --Reset--> Newest (link down)",
	}
	wantSaid(t, "traces", got, want...)
}

// TestSuppression: of many hosts of an older version in a group few report
// (RFC 2236 section 3); nobody's group is forgotten.
func TestSuppression(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		const n = 50
		now := machine.VirtualEpoch
		var hosts []*Host
		for i := range n {
			h := NewHost(HostConfig{Rand: rand.New(rand.NewPCG(uint64(i), 9))})
			h.AddInterface(now, 1, f.v6, 1500, true)
			must(t, h.Configure(now, 1, f.v6, HostSettings{Version: f.older}))
			must(t, h.SetFilter(now, 1, 1, f.groups[0], Exclude, nil))
			drainHost(h)
			hosts = append(hosts, h)
		}
		reports := 0
		hear := func(end machine.Time) {
			for {
				i, at := earliestHost(hosts)
				if at > end {
					return
				}
				now = at
				hosts[i].Advance(now)
				for range drainHost(hosts[i]) {
					reports++
					for _, other := range hosts {
						if other != hosts[i] {
							other.HandleReport(now, 1, f.groups[0])
						}
					}
				}
			}
		}
		hear(now.Add(time.Minute))
		reports = 0
		for range 10 {
			for _, h := range hosts {
				h.HandleQuery(now, 1, f.v6, &igmp.Query{Version: f.older, MaxResp: 10 * time.Second})
			}
			hear(now.Add(20 * time.Second))
		}
		if reports != 10 {
			t.Errorf("%d reports to 10 queries of %d hosts without delay on the wire", reports, n)
		}
		// The one who reported last leaves with a message, the others without.
		leaves := 0
		for _, h := range hosts {
			must(t, h.SetFilter(now, 1, 1, f.groups[0], Include, nil))
			leaves += len(drainHost(h))
		}
		if leaves != 1 {
			t.Errorf("%d leaves", leaves)
		}
	})
}

func drainHost(h *Host) (groups []netip.Addr) {
	for {
		o, ok := h.Next()
		if !ok {
			return groups
		}
		groups = append(groups, o.Group)
	}
}

func earliestHost(hosts []*Host) (index int, at machine.Time) {
	at = 1 << 62
	for i, h := range hosts {
		if t, ok := h.Deadline(); ok && t < at {
			index, at = i, t
		}
	}
	return index, at
}

// TestCounterTables: every counter of what was not done has a row.
func TestCounterTables(t *testing.T) {
	t.Parallel()
	h := HostDrops{1, 2, 3, 4, 5, 6, 7, 8}
	r := RouterDrops{9, 10, 11, 12, 13, 14}
	rows := append(h.Table(), r.Table()...)
	var names []string
	for i, row := range rows {
		if row.Value != uint64(i+1) {
			t.Errorf("row %s is %d", row.Name, row.Value)
		}
		names = append(names, row.Name)
	}
	slices.Sort(names)
	if len(slices.Compact(names)) != 14 {
		t.Errorf("%d names", len(names))
	}
}
