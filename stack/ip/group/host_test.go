package group

import (
	"errors"
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

var (
	ssm    = netip.MustParseAddr("232.1.1.1")
	asm    = netip.MustParseAddr("225.1.1.1")
	asm2   = netip.MustParseAddr("225.1.1.2")
	ssm6   = netip.MustParseAddr("ff3e::8000:1")
	anySrc = netip.Addr{}
)

func src(c string) netip.Addr { return letters(c)[0] }

// hostRun is a host on links 1 (up) in virtual time.
type hostRun struct {
	t   *testing.T
	now machine.Time
	*Host
}

func newHostRun(t *testing.T, cfg HostConfig) *hostRun {
	cfg.Rand = rand.New(rand.NewPCG(1, 2))
	h := &hostRun{t: t, now: machine.VirtualEpoch, Host: NewHost(cfg)}
	h.AddInterface(h.now, 1, false, 1500, true)
	h.AddInterface(h.now, 1, true, 1500, true)
	return h
}

// said drains the outputs: "cause RECORD RECORD".
func (h *hostRun) said() (out []string) {
	for {
		o, ok := h.Next()
		if !ok {
			return out
		}
		s := string(o.Cause)
		for _, r := range o.Records {
			s += " " + r.Type.String() + "(" + r.Group.String()
			for _, a := range r.Sources {
				if a.Is4() {
					s += " " + string(rune(a.As4()[3]))
				} else {
					s += " " + a.String()
				}
			}
			s += ")"
		}
		out = append(out, s)
	}
}

func (h *hostRun) want(step string, want ...string) {
	h.t.Helper()
	if got := h.said(); !slices.Equal(got, want) {
		h.t.Errorf("%s:\n\t%s\nwant\n\t%s", step, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func (h *hostRun) ok(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// run lets time pass and returns what was said.
func (h *hostRun) run(d time.Duration) {
	end := h.now.Add(d)
	for {
		at, ok := h.Deadline()
		if !ok || at > end {
			break
		}
		h.now = at
		h.Advance(at)
	}
	h.now = end
}

// TestStateChangeReports follows RFC 3376 section 5.1: what a change says, how
// often, and how changes merge.
func TestStateChangeReports(t *testing.T) {
	t.Parallel()
	h := newHostRun(t, HostConfig{})
	h.ok(h.Join(h.now, 1, ssm, src("a")))
	h.want("join a", "ip/igmp/join ALLOW(232.1.1.1 a)")
	h.run(time.Second)
	h.want("again", "ip/igmp/report-again ALLOW(232.1.1.1 a)")
	h.run(time.Minute)
	h.want("no more")

	h.ok(h.Join(h.now, 1, ssm, src("b")))
	h.want("join b", "ip/igmp/join ALLOW(232.1.1.1 b)")
	h.ok(h.Leave(h.now, 1, ssm, src("a")))
	h.want("leave a before b was repeated", "ip/igmp/leave ALLOW(232.1.1.1 b) BLOCK(232.1.1.1 a)")
	h.run(time.Second)
	h.want("again: a alone is left", "ip/igmp/report-again BLOCK(232.1.1.1 a)")

	h.ok(h.Join(h.now, 1, asm, src("a")))
	h.ok(h.Join(h.now, 1, asm, anySrc))
	h.want("a source, then all", "ip/igmp/join ALLOW(225.1.1.1 a)", "ip/igmp/join TO_EX(225.1.1.1)")
	h.ok(h.Leave(h.now, 1, asm, anySrc))
	h.want("back to the source", "ip/igmp/leave TO_IN(225.1.1.1 a)")
	h.ok(h.Join(h.now, 1, asm, src("c")))
	h.want("a source while the mode is reported", "ip/igmp/join TO_IN(225.1.1.1 a c)")
	h.run(2 * time.Second)
	h.want("then the source", "ip/igmp/report-again ALLOW(225.1.1.1 c)")
	h.run(time.Minute)
	h.want("no more")

	h.ok(h.Leave(h.now, 1, ssm, src("b")))
	h.ok(h.Leave(h.now, 1, asm, src("a")))
	h.ok(h.Leave(h.now, 1, asm, src("c")))
	h.said()
	h.run(2 * time.Second)
	if !h.Quiet() && len(h.said()) == 0 || len(h.Snapshot()) != 0 || len(h.members) != 0 {
		t.Errorf("left over: %+v", h.Snapshot())
	}
}

func TestRejoinWhileLeaving(t *testing.T) {
	t.Parallel()
	h := newHostRun(t, HostConfig{})
	h.ok(h.Join(h.now, 1, asm, anySrc))
	h.ok(h.Leave(h.now, 1, asm, anySrc))
	h.ok(h.Join(h.now, 1, asm, anySrc))
	h.want("three changes", "ip/igmp/join TO_EX(225.1.1.1)", "ip/igmp/leave TO_IN(225.1.1.1)", "ip/igmp/join TO_EX(225.1.1.1)")
	h.run(2 * time.Second)
	h.want("again", "ip/igmp/report-again TO_EX(225.1.1.1)")
	if !h.Receives(1, asm, src("q")) {
		t.Error("not a member")
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	h := newHostRun(t, HostConfig{})
	h.ok(h.Join(h.now, 1, ssm, src("a")))
	h.ok(h.Join(h.now, 1, ssm, src("b")))
	h.ok(h.Join(h.now, 1, asm, anySrc))
	h.ok(h.JoinOwn(h.now, 1, asm2))
	h.run(2 * time.Second)
	h.said()
	ask := func(q igmp.Query) {
		h.HandleQuery(h.now, 1, false, &q)
		h.run(time.Minute)
	}
	ask(igmp.Query{MaxResp: 10 * time.Second})
	h.want("general", "ip/igmp/answer IS_EX(225.1.1.1) IS_EX(225.1.1.2) IS_IN(232.1.1.1 a b)")
	ask(igmp.Query{Group: asm, MaxResp: time.Second})
	h.want("group", "ip/igmp/answer IS_EX(225.1.1.1)")
	ask(igmp.Query{Group: ssm, MaxResp: time.Second})
	h.want("group with sources", "ip/igmp/answer IS_IN(232.1.1.1 a b)")
	ask(igmp.Query{Group: ssm, Sources: letters("bc"), MaxResp: time.Second})
	h.want("sources of INCLUDE", "ip/igmp/answer IS_IN(232.1.1.1 b)")
	ask(igmp.Query{Group: ssm, Sources: letters("c"), MaxResp: time.Second})
	h.want("sources that are not joined")
	ask(igmp.Query{Group: asm, Sources: letters("bc"), MaxResp: time.Second})
	h.want("sources of EXCLUDE", "ip/igmp/answer IS_IN(225.1.1.1 b c)")
	ask(igmp.Query{Group: netip.MustParseAddr("225.9.9.9"), MaxResp: time.Second})
	h.want("not a member")
	h.HandleQuery(h.now, 1, true, &igmp.Query{MaxResp: time.Second})
	h.HandleQuery(h.now, 2, false, &igmp.Query{MaxResp: time.Second})
	h.run(time.Minute)
	h.want("nothing to say in IPv6, no such link")
}

// TestAnswerMerging is RFC 3376 section 5.2's five rules.
func TestAnswerMerging(t *testing.T) {
	t.Parallel()
	general := igmp.Query{MaxResp: time.Second}
	group := igmp.Query{Group: ssm, MaxResp: time.Second}
	one := igmp.Query{Group: ssm, Sources: letters("a"), MaxResp: time.Second}
	two := igmp.Query{Group: ssm, Sources: letters("b"), MaxResp: time.Second}
	late := igmp.Query{Group: ssm, MaxResp: time.Hour}
	whole := "ip/igmp/answer IS_IN(232.1.1.1 a b)"
	for _, c := range []struct {
		name    string
		queries []igmp.Query
		want    []string
	}{
		{"1: a pending general answer covers a later one", []igmp.Query{general, late}, []string{whole}},
		{"4: group after group", []igmp.Query{group, group}, []string{whole}},
		{"4: sources, then group", []igmp.Query{one, group}, []string{whole}},
		{"4: group, then sources", []igmp.Query{group, one}, []string{whole}},
		{"5: sources after sources", []igmp.Query{one, two}, []string{whole}},
		{"5: the same sources", []igmp.Query{one, one}, []string{"ip/igmp/answer IS_IN(232.1.1.1 a)"}},
	} {
		h := newHostRun(t, HostConfig{})
		h.ok(h.Join(h.now, 1, ssm, src("a")))
		h.ok(h.Join(h.now, 1, ssm, src("b")))
		h.run(2 * time.Second)
		h.said()
		for i := range c.queries {
			h.HandleQuery(h.now, 1, false, &c.queries[i])
		}
		if at, _ := h.Deadline(); at.Sub(h.now) > time.Second {
			t.Errorf("%s: answers after %v", c.name, at.Sub(h.now))
		}
		h.run(2 * time.Hour)
		h.want(c.name, c.want...)
	}
}

func TestReportsAreSplitByMTU(t *testing.T) {
	t.Parallel()
	h := newHostRun(t, HostConfig{MaxGroups: 1000, MaxSources: 1000})
	for i := range 300 {
		h.ok(h.Join(h.now, 1, netip.AddrFrom4([4]byte{225, 2, byte(i / 250), byte(1 + i%250)}), anySrc))
	}
	for i := range 200 {
		a := [16]byte{0: 0x20, 1: 1, 14: byte(i / 250), 15: byte(1 + i%250)}
		h.ok(h.Join(h.now, 1, ssm6, netip.AddrFrom16(a)))
	}
	h.run(time.Minute)
	h.said()
	groups, sources := 0, 0
	h.HandleQuery(h.now, 1, false, &igmp.Query{MaxResp: time.Second})
	h.HandleQuery(h.now, 1, true, &igmp.Query{MaxResp: time.Second})
	h.run(time.Minute)
	for {
		o, ok := h.Next()
		if !ok {
			break
		}
		r := igmp.Report{Version: 3, Records: o.Records}
		b, err := r.AppendIGMP(nil)
		head := 24
		if o.V6 {
			r.Version, head = 2, 48
			b, err = r.AppendMLD(nil, netip.IPv6LinkLocalAllNodes(), netip.IPv6LinkLocalAllNodes())
			for _, rec := range o.Records {
				sources += len(rec.Sources)
			}
		} else {
			groups += len(o.Records)
		}
		if err != nil || head+len(b) > 1500 {
			t.Errorf("a report of %d bytes: %v", head+len(b), err)
		}
	}
	if groups != 300 || sources != 200 {
		t.Errorf("%d groups, %d sources reported, want 300 and 200", groups, sources)
	}
}

func TestHostLimits(t *testing.T) {
	t.Parallel()
	h := newHostRun(t, HostConfig{MaxGroups: 2, MaxSources: 2})
	h.ok(h.Join(h.now, 1, ssm, src("a")))
	h.ok(h.Join(h.now, 1, ssm, src("b")))
	h.ok(h.Join(h.now, 1, ssm, src("a")))
	if err := h.Join(h.now, 1, ssm, src("c")); !errors.Is(err, ErrLimit) {
		t.Errorf("a third source: %v", err)
	}
	h.ok(h.Join(h.now, 1, asm, anySrc))
	if err := h.Join(h.now, 1, asm2, anySrc); !errors.Is(err, ErrLimit) {
		t.Errorf("a third group: %v", err)
	}
	if err := h.JoinOwn(h.now, 1, asm2); !errors.Is(err, ErrLimit) {
		t.Errorf("a third group of IP's own: %v", err)
	}
	if h.Counters().LimitReached != 3 {
		t.Errorf("counters %+v", h.Counters())
	}
	// What a query may make a host remember is bounded too.
	var many []netip.Addr
	for i := range maxAsked + 1 {
		many = append(many, netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}))
	}
	h.HandleQuery(h.now, 1, false, &igmp.Query{Group: asm, Sources: many[:maxAsked], MaxResp: time.Second})
	h.HandleQuery(h.now, 1, false, &igmp.Query{Group: asm, Sources: many[maxAsked:], MaxResp: time.Second})
	if h.Drops().AskedOverflow != 1 {
		t.Errorf("drops %+v", h.Drops())
	}
	h.said()
	h.run(time.Minute)
	if got := h.said(); !slices.Contains(got, "ip/igmp/answer IS_EX(225.1.1.1)") {
		t.Errorf("answers %q", got)
	}
}

func TestUnreportedGroups(t *testing.T) {
	t.Parallel()
	h := newHostRun(t, HostConfig{})
	for _, g := range []string{"224.0.0.1", "ff02::1", "ff01::5", "ff10::5"} {
		a := netip.MustParseAddr(g)
		h.ok(h.Join(h.now, 1, a, anySrc))
		h.HandleQuery(h.now, 1, a.Is6(), &igmp.Query{MaxResp: time.Second})
		if !h.Receives(1, a, src("a")) {
			t.Errorf("%s was not joined", g)
		}
		h.ok(h.Leave(h.now, 1, a, anySrc))
	}
	h.run(time.Minute)
	h.want("nothing is ever said about them")
	if len(h.members) != 0 {
		t.Error("something is left")
	}
}

func TestHostLinkChange(t *testing.T) {
	t.Parallel()
	h := newHostRun(t, HostConfig{})
	h.ok(h.JoinOwn(h.now, 1, asm2))
	h.ok(h.Join(h.now, 1, ssm, src("a")))
	h.HandleQuery(h.now, 1, false, &igmp.Query{MaxResp: time.Second})
	h.said()
	h.HandleLinkChange(h.now, 1, false)
	h.ok(h.Join(h.now, 1, asm, anySrc))
	h.ok(h.Join(h.now, 1, ssm, src("b")))
	h.ok(h.Leave(h.now, 1, ssm, src("a")))
	h.HandleQuery(h.now, 1, false, &igmp.Query{MaxResp: time.Second})
	h.run(time.Minute)
	h.want("nothing while down")
	h.HandleLinkChange(h.now, 1, true)
	h.HandleLinkChange(h.now, 1, true)
	h.HandleLinkChange(h.now, 7, true)
	h.want("up", "ip/igmp/join TO_EX(225.1.1.1) ALLOW(232.1.1.1 b)")
	h.run(time.Minute)
	h.want("again", "ip/igmp/report-again TO_EX(225.1.1.1) ALLOW(232.1.1.1 b)")
}

func TestClassesOfGroups(t *testing.T) {
	t.Parallel()
	for g, want := range map[string]string{
		"232.0.0.1": "ssm reported", "231.255.255.255": "reported", "233.0.0.1": "reported",
		"224.0.0.1": "", "224.0.0.2": "reported", "10.0.0.1": "",
		"ff3e::1": "ssm reported", "ff32::8000:1": "ssm reported", "ff3e:0:1::1": "ssm reported", "ff3e:1::1": "reported",
		"ff1e::1": "reported", "ff02::1": "", "ff02::2": "reported", "ff31::1": "ssm", "ff01::1": "",
	} {
		var got []string
		a := netip.MustParseAddr(g)
		if IsSSM(a) {
			got = append(got, "ssm")
		}
		if IsReported(a) {
			got = append(got, "reported")
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s: %q, want %q", g, s, want)
		}
	}
}

func ExampleHost() {
	h := NewHost(HostConfig{})
	now := machine.VirtualEpoch
	h.AddInterface(now, 1, false, 1500, true)
	group, source := netip.MustParseAddr("232.1.2.3"), netip.MustParseAddr("192.0.2.1")
	if err := h.Join(now, 1, group, source); err != nil {
		fmt.Println(err)
	}
	for o, ok := h.Next(); ok; o, ok = h.Next() {
		fmt.Println(o.Cause, o.Records)
	}
	// Output: ip/igmp/join [ALLOW(232.1.2.3; 192.0.2.1)]
}
