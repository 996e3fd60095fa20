package group

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire/igmp"
)

// tape reads a fuzzer's bytes as choices; at its end all are zero.
type tape struct{ b []byte }

func (t *tape) n(most int) int {
	if len(t.b) == 0 {
		return 0
	}
	v := int(t.b[0])
	t.b = t.b[1:]
	return v % most
}

func (t *tape) sources(f family) []netip.Addr {
	var all []netip.Addr
	for bits := t.n(256); bits > 0; bits >>= 1 {
		all = append(all, f.src(string(rune('a' + len(all))))[0])
	}
	if len(all) > 0 && t.n(2) == 0 {
		all = all[len(all)/2:]
	}
	return all
}

// group picks one of the groups; some are not reported, source-specific or of
// the other family.
func (t *tape) group(f family) netip.Addr {
	odd := [...]string{"224.0.0.1", "ff02::1", "224.0.0.9", "ff01::9", "10.0.0.1"}
	switch i := t.n(12); {
	case i < 6:
		return f.groups[i%3]
	case i == 6:
		return f.ssm
	default:
		return netip.MustParseAddr(odd[i-7])
	}
}

func (t *tape) query(f family) igmp.Query {
	q := igmp.Query{Version: uint8(t.n(5)), MaxResp: time.Duration(t.n(20)) * time.Second, QRV: uint8(t.n(8)),
		QQI: time.Duration(t.n(100)) * time.Second, Suppress: t.n(3) == 0}
	if t.n(2) == 0 {
		q.Group = t.group(f)
	}
	if t.n(2) == 0 && !q.General() {
		q.Sources = t.sources(f)
	}
	return q
}

func (t *tape) time() time.Duration { return time.Duration(t.n(64)*t.n(64)) * 40 * time.Millisecond }

// seeds are random choices: long runs reach more than single steps.
func seeds(add func(args ...any)) {
	rng := rand.New(rand.NewPCG(4, 4))
	for i := range 60 {
		b := make([]byte, 10+i*8)
		for j := range b {
			b[j] = byte(rng.IntN(256))
		}
		add(i%2 == 0, b)
	}
}

// FuzzHost makes any calls in any order. Limits hold, everything said can be
// encoded in the MTU, nothing is due after Advance, and who gives all up is
// forgotten.
func FuzzHost(f *testing.F) {
	seeds(f.Add)
	f.Fuzz(func(t *testing.T, v6 bool, b []byte) {
		fam := families[0]
		if v6 {
			fam = families[1]
		}
		tp := &tape{b}
		h := NewHost(HostConfig{Rand: rand.New(rand.NewPCG(1, 1)), MaxGroups: 4, MaxSources: 6, MaxSocketSources: 5})
		now := machine.VirtualEpoch
		h.AddInterface(now, 1, v6, 576, true)
		joined := make(map[netip.Addr]int)
		for len(tp.b) > 0 {
			hostStep(h, tp, fam, &now, joined)
			checkHost(t, h, now, fam)
		}
		for key := range SocketKey(4) {
			h.ReleaseSocket(now, key)
		}
		for g, n := range joined {
			for range n {
				must(t, h.Leave(now, 1, g, netip.Addr{}))
			}
		}
		advance(h, &now, time.Hour)
		checkHost(t, h, now, fam)
		if !h.Quiet() || len(h.members) != 0 || h.timers.Len() != 0 || h.Version(1, v6) != h.links[link{1, v6}].settings.Version {
			t.Errorf("left over: %+v", h.Snapshot())
		}
	})
}

func hostStep(h *Host, tp *tape, f family, now *machine.Time, joined map[netip.Addr]int) {
	switch tp.n(10) {
	case 0, 1, 2:
		_ = h.SetFilter(*now, SocketKey(tp.n(4)), 1, tp.group(f), Mode(tp.n(3)), tp.sources(f))
	case 3:
		if g := tp.group(f); h.Join(*now, 1, g, netip.Addr{}) == nil {
			joined[g]++
		}
	case 4:
		if g := tp.group(f); joined[g] > 0 && h.Leave(*now, 1, g, netip.Addr{}) == nil {
			joined[g]--
		}
	case 5:
		q := tp.query(f)
		h.HandleQuery(*now, 1, f.v6, &q)
	case 6:
		h.HandleReport(*now, 1, tp.group(f))
	case 7:
		h.HandleLinkChange(*now, 1, tp.n(3) > 0)
	case 8:
		_ = h.Configure(*now, 1, f.v6, HostSettings{Version: uint8(tp.n(4)), IgnoreOlder: tp.n(4) == 0, Robustness: tp.n(4)})
	default:
		advance(h, now, tp.time())
	}
}

func checkHost(t *testing.T, h *Host, now machine.Time, f family) {
	t.Helper()
	for {
		o, ok := h.Next()
		if !ok {
			break
		}
		checkSaid(t, o, f)
	}
	if at, ok := h.Deadline(); ok && at < now {
		t.Fatalf("due at %v, now %v", at, now)
	}
	if len(h.members) > h.cfg.MaxGroups || len(h.links[link{1, f.v6}].groups) != len(h.members) {
		t.Fatalf("%d groups", len(h.members))
	}
	l := h.links[link{1, f.v6}]
	for _, m := range h.members {
		if len(m.included()) > h.cfg.MaxSources || !m.state.equal(m.merge()) || !slices.IsSortedFunc(m.state.sources, netip.Addr.Compare) {
			t.Fatalf("membership %+v", m)
		}
		_, armed := h.timers.At(m.timer())
		if m.older != olderNonMember && (!l.fallenBack() || !m.speaks()) || (m.older == olderDelaying) != (armed && l.fallenBack()) {
			t.Fatalf("%v is %v in version %d, timer %v", m.Group, m.older, l.version(), armed)
		}
		if _, armed = h.timers.At(hostTimer{kind: timerChange, link: l.link}); m.pending() && !armed {
			t.Fatalf("%v has reports left and no timer", m.Group)
		}
	}
}

// checkSaid checks that a message can be sent.
func checkSaid(t *testing.T, o *Output, f family) {
	t.Helper()
	groups := []netip.Addr{o.Group}
	var b []byte
	var err error
	m := igmp.Message{Kind: igmp.KindReport, Report: igmp.Report{Version: o.Version, Group: o.Group, Records: o.Records}}
	switch o.Kind {
	case KindLeave:
		m = igmp.Message{Kind: igmp.KindLeave, Leave: igmp.Leave{Group: o.Group}}
	case KindQuery:
		m, groups = igmp.Message{Kind: igmp.KindQuery, Query: o.Query}, nil
	case KindReport:
		if !o.Group.IsValid() {
			groups = nil
			for _, r := range o.Records {
				groups = append(groups, r.Group)
			}
			if len(groups) == 0 {
				t.Fatal("an empty report")
			}
		}
	}
	size := header4
	if f.v6 {
		size = header6
		b, err = m.AppendMLD(nil, f.self, f.groups[0])
	} else {
		b, err = m.AppendIGMP(nil)
	}
	if err != nil || size+len(b) > 576 || o.Cause == "" || o.V6 != f.v6 || o.If != 1 {
		t.Fatalf("%+v: %d bytes, %v", o, size+len(b), err)
	}
	for _, g := range groups {
		if !IsReported(g) {
			t.Fatalf("said something of %v", g)
		}
	}
}

// FuzzRouter makes any calls in any order. Limits hold, records and timers
// agree, everything said can be encoded in the MTU, and silence ends all.
func FuzzRouter(f *testing.F) {
	seeds(f.Add)
	f.Fuzz(func(t *testing.T, v6 bool, b []byte) {
		fam := families[0]
		if v6 {
			fam = families[1]
		}
		tp := &tape{b}
		r := NewRouter(RouterConfig{MaxRecords: 3, MaxSources: 6, MaxAllSources: 10})
		now := machine.VirtualEpoch
		r.AddInterface(now, 1, fam.self, 576, true)
		for len(tp.b) > 0 {
			routerStep(r, tp, fam, &now)
			checkRouter(t, r, now, fam)
		}
		advance(r, &now, time.Hour)
		checkRouter(t, r, now, fam)
		if len(r.records) != 0 || r.sources != 0 || r.timers.Len() > 1 {
			t.Errorf("left over: %+v", r.Snapshot())
		}
	})
}

func routerStep(r *Router, tp *tape, f family, now *machine.Time) {
	switch tp.n(8) {
	case 0, 1, 2:
		rep := igmp.Report{Records: []igmp.Record{{Type: igmp.RecordType(tp.n(8)), Group: tp.group(f), Sources: tp.sources(f)}}}
		r.HandleReport(*now, 1, f.v6, &rep)
	case 3:
		g := tp.group(f)
		r.HandleReport(*now, 1, g.Is6(), &igmp.Report{Version: uint8(1 + tp.n(3)), Group: g})
	case 4:
		r.HandleLeave(*now, 1, tp.group(f))
	case 5:
		q := tp.query(f)
		r.HandleQuery(*now, 1, [...]netip.Addr{f.low, f.high, f.self.Prev()}[tp.n(3)], &q)
	case 6:
		if tp.n(3) == 0 {
			r.HandleLinkChange(*now, 1, tp.n(3) > 0)
			return
		}
		_ = r.Configure(*now, 1, f.v6, Settings{Version: uint8(tp.n(4)), IgnoreOlder: tp.n(4) == 0, Robustness: tp.n(8),
			LastMemberQueryCount: tp.n(4), QueryInterval: time.Duration(tp.n(100)) * time.Second})
	default:
		advance(r, now, tp.time())
	}
}

func checkRouter(t *testing.T, r *Router, now machine.Time, f family) {
	t.Helper()
	for {
		o, ok := r.Next()
		if !ok {
			break
		}
		if o.Kind != KindChange {
			checkSaid(t, o, f)
		}
	}
	if at, ok := r.Deadline(); ok && at < now {
		t.Fatalf("due at %v, now %v", at, now)
	}
	sources := 0
	for _, rec := range r.records {
		sources += rec.state.size()
		checkRecord(t, r, rec)
	}
	if sources != r.sources || sources > r.cfg.MaxAllSources || len(r.records) > r.cfg.MaxRecords {
		t.Fatalf("%d sources of %d, %d records", sources, r.sources, len(r.records))
	}
}

func checkRecord(t *testing.T, r *Router, rec *record) {
	t.Helper()
	s := rec.state
	armed := func(kind routerTimerKind, a netip.Addr) bool {
		_, ok := r.timers.At(rec.timer(kind, a))
		return ok
	}
	if s.idle() || s.size() > r.cfg.MaxSources || len(s.active.and(s.blocked)) > 0 || s.mode == Include && len(s.blocked) > 0 {
		t.Fatalf("%v: %v", rec.Group, s)
	}
	if armed(timerMember, netip.Addr{}) != (s.mode == Exclude) {
		t.Fatalf("%v: %v, group timer %v", rec.Group, s, armed(timerMember, netip.Addr{}))
	}
	for _, a := range s.active {
		if !armed(timerSource, a) {
			t.Fatalf("%v: %v has no timer", rec.Group, a)
		}
	}
	for _, a := range s.blocked {
		if armed(timerSource, a) {
			t.Fatalf("%v: %v is blocked and has a timer", rec.Group, a)
		}
	}
	for _, a := range rec.sources {
		if !s.active.has(a.addr) || a.left <= 0 {
			t.Fatalf("%v: %v is asked for, %+v", rec.Group, a.addr, a)
		}
	}
	if (rec.group.left > 0 || len(rec.sources) > 0) && !armed(timerRepeat, netip.Addr{}) {
		t.Fatalf("%v: nobody goes on asking", rec.Group)
	}
	if armed(timerHostV1, netip.Addr{}) != (rec.older&compatV1 != 0) || armed(timerHostV2, netip.Addr{}) != (rec.older&compatV2 != 0) {
		t.Fatalf("%v: %v", rec.Group, rec.older)
	}
}
