package ip_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/ip"
	"github.com/mpstack/mpstack/stack/ip/group"
	"github.com/mpstack/mpstack/wire/igmp"
	"github.com/mpstack/mpstack/wire/inet"
)

// protocol is IGMP or MLD in tests over whole frames.
type protocol struct {
	name     string
	v6       bool
	newest   uint8
	grp, ssm string
	s        string // the sender
}

var protocols = []protocol{
	{"igmp", false, 3, asm4, ssm4, "10.1.0.1"},
	{"mld", true, 2, asm6, ssm6, "2001:db8:1::1"},
}

func (p protocol) cause(what string) machine.Cause { return machine.Cause("ip/" + p.name + "/" + what) }

// outputs returns by which interfaces the router forwards from s to the group.
func (n *routed) outputs(p protocol, grp string) []int {
	return n.r.MulticastOutputs(addr(p.s), addr(grp), 1)
}

// send sends a datagram from s to the group and lets it arrive.
func (n *routed) send(p protocol, grp, text string) {
	n.t.Helper()
	n.s.udp(join(unspecified(p.s), "9"), join(grp, "5000"), 0, 5, text)
	n.run(10 * time.Millisecond)
}

// TestVersionsOverFrames: two hosts of every version with a querier of every
// version, in whole frames: both are served, one may leave without the other
// losing, and in the end nothing is forwarded.
func TestVersionsOverFrames(t *testing.T) {
	t.Parallel()
	for _, p := range protocols {
		for querier := uint8(1); querier <= p.newest; querier++ {
			for host := uint8(1); host <= p.newest; host++ {
				t.Run(fmt.Sprintf("%s querier v%d host v%d", p.name, querier, host), func(t *testing.T) {
					t.Parallel()
					versionsOverFrames(t, p, querier, host)
				})
			}
		}
	}
}

func versionsOverFrames(t *testing.T, p protocol, querier, host uint8) {
	n := newRouted(t, ip.Config{})
	n.ok(n.r.ConfigureQuerier(n.now, 2, p.v6, group.Settings{Version: querier}))
	n.r.drain()
	for _, h := range []*node{n.x, n.y} {
		n.ok(h.ConfigureHost(n.now, 1, p.v6, group.HostSettings{Version: host}))
		h.bind(join(unspecified(p.s), "5000"))
	}
	n.run(time.Minute)
	for _, h := range []*node{n.x, n.y} {
		if v, known := h.QuerierVersion(1, p.v6); v != int(querier) || !known {
			t.Errorf("%s hears a querier of version %d, %v", h.name, v, known)
		}
		h.join(1, p.grp, "")
	}
	n.run(10 * time.Minute)
	n.forget()
	n.send(p, p.grp, "both")
	if x, y := n.x.datagrams(), n.y.datagrams(); len(x) != 1 || len(y) != 1 {
		t.Errorf("x got %q, y got %q", x, y)
	}
	n.x.leave(1, p.grp, "")
	for range 60 {
		n.run(10 * time.Second)
		if got := n.outputs(p, p.grp); !slices.Equal(got, []int{2}) {
			t.Fatalf("one is left, forwarded to %v\n%s", got, strings.Join(n.causes(), "\n"))
		}
	}
	n.y.leave(1, p.grp, "")
	after := 5 * time.Second
	if !p.v6 && min(querier, host) == 1 { // which has no leave
		after = 270 * time.Second
	}
	n.run(after)
	if got := n.outputs(p, p.grp); len(got) != 0 {
		t.Errorf("all left, forwarded to %v\n%s", got, strings.Join(n.causes(), "\n"))
	}
	if spoken := min(querier, host); spoken < p.newest {
		for _, s := range n.frames {
			if s.from == "y/1" && strings.HasPrefix(string(s.cause), "ip/"+p.name) && versionOf(t, s) != spoken {
				t.Errorf("%s of version %d", s.cause, versionOf(t, s))
			}
		}
	}
}

// versionOf returns the version of a report, or of the protocol that has
// leaves.
func versionOf(t *testing.T, s sent) uint8 {
	t.Helper()
	h, body := ipOf(t, s)
	var m igmp.Message
	var err error
	if h.src.Is4() {
		m, err = igmp.ParseIGMP(body)
	} else {
		m, err = igmp.ParseMLD(body, h.src, h.dst)
	}
	switch {
	case err != nil:
		t.Fatal(err)
	case m.Kind == igmp.KindLeave && h.src.Is4():
		return 2
	case m.Kind == igmp.KindLeave:
		return 1
	}
	return m.Report.Version
}

// TestSuppressionOverFrames: of the members of an older version one answers,
// in one message for the group.
func TestSuppressionOverFrames(t *testing.T) {
	t.Parallel()
	for _, p := range protocols {
		n := newRouted(t, ip.Config{})
		n.ok(n.r.ConfigureQuerier(n.now, 2, p.v6, group.Settings{Version: p.newest - 1}))
		n.r.drain()
		n.run(time.Minute)
		n.x.join(1, p.grp, "")
		n.y.join(1, p.grp, "")
		n.run(20 * time.Second)
		n.forget()
		for range 4 {
			n.run(125 * time.Second)
		}
		queries, answers := 0, 0
		for _, s := range n.with(p.cause("query")) {
			if s.from == "r/2" {
				queries++
			}
		}
		for _, s := range n.with(p.cause("answer")) {
			if h, _ := ipOf(t, s); h.dst == addr(p.grp) {
				answers++
			}
		}
		if queries != 4 || answers != 4 {
			t.Errorf("%s: %d answers to %d queries", p.name, answers, queries)
		}
		suppressed := uint64(0)
		for _, h := range []*node{n.x, n.y} {
			for _, row := range h.MembershipDrops() {
				if row.Name == "group/reports-suppressed" {
					suppressed += row.Value
				}
			}
		}
		if suppressed < 4 {
			t.Errorf("%s: %d reports suppressed", p.name, suppressed)
		}
	}
}

// TestQuerierVersionOfLink: what a leaf looks at before it asks for multicast.
func TestQuerierVersionOfLink(t *testing.T) {
	t.Parallel()
	for _, p := range protocols {
		w := newPair(t)
		want := func(step string, version int, known bool) {
			t.Helper()
			if v, ok := w.a.QuerierVersion(1, p.v6); v != version || ok != known {
				t.Errorf("%s %s: version %d, %v, want %d, %v", p.name, step, v, ok, version, known)
			}
		}
		want("nobody asks", 0, false)
		w.a.asked(1, igmp.Query{Version: p.newest, MaxResp: 10 * time.Second}, p.v6)
		want("the newest", int(p.newest), true)
		w.a.asked(1, igmp.Query{Version: 1, MaxResp: 10 * time.Second}, p.v6)
		want("and the oldest", 1, true)
		w.run(259 * time.Second)
		want("still", 1, true)
		w.run(2 * time.Second)
		w.a.Advance(w.now)
		want("silence", 0, false)
		if _, ok := w.a.QuerierVersion(9, p.v6); ok {
			t.Error("a querier on no link")
		}
	}
	// A router knows its own.
	n := newRouted(t, ip.Config{})
	if v, ok := n.r.QuerierVersion(2, true); v != 2 || !ok {
		t.Errorf("the router's own version is %d, %v", v, ok)
	}
	if q, ok := n.r.Querier(2, false); !ok || q.State != group.Querier || q.Querier != addr("10.2.0.254") {
		t.Errorf("querier %+v, %v", q, ok)
	}
	if _, ok := n.x.Querier(1, false); ok {
		t.Error("a host is no querier")
	}
	if err := n.x.ConfigureQuerier(n.now, 1, false, group.Settings{}); err == nil {
		t.Error("a host cannot be configured as querier")
	}
}

// TestMembershipSources: MLD messages from other than link-local addresses are
// not heeded, nor general queries to a group (RFC 3810 sections 5.1.14 and
// 5.2.13, RFC 3376 section 9.1).
func TestMembershipSources(t *testing.T) {
	t.Parallel()
	report := func(t *testing.T, src string) []byte {
		body, err := igmp.Report{Version: 2, Records: []igmp.Record{{Type: igmp.ChangeToExclude, Group: addr(asm6)}}}.AppendMLD(nil, addr(src), igmp.AllV2Routers6)
		if err != nil {
			t.Fatal(err)
		}
		return ip6FrameTo(t, inet.MulticastMAC(igmp.AllV2Routers6), inet.IPv6{HopLimit: 1, NextHeader: inet.ProtoICMPv6, Src: addr(src),
			Dst: igmp.AllV2Routers6, RouterAlert: true}, body)
	}
	for src, heeded := range map[string]bool{"fe80::99": true, "::": false, "2001:db8:2::99": false} {
		n := newRouted(t, ip.Config{})
		n.r.frame(2, report(t, src))
		if got := len(n.r.Listeners()) == 1; got != heeded {
			t.Errorf("report from %s heeded: %v", src, got)
		}
	}
	for dst, heeded := range map[string]bool{"224.0.0.1": true, "10.0.0.1": true, "224.0.0.22": false, asm4: false} {
		w := newPair(t)
		w.a.join(1, asm4, "")
		w.run(5 * time.Second)
		w.forget()
		body, err := igmp.Query{Version: 3, MaxResp: time.Second}.AppendIGMP(nil)
		w.ok(err)
		mac := inet.MulticastMAC(addr(dst))
		if !addr(dst).IsMulticast() {
			mac = macOf(1, 1)
		}
		w.a.frame(1, ip4FrameTo(t, mac, inet.IPv4{TTL: 1, Proto: inet.ProtoIGMP, Src: addr("10.0.0.9"), Dst: addr(dst), RouterAlert: true}, body))
		w.run(2 * time.Second)
		if got := len(w.with("ip/igmp/answer")) == 1; got != heeded {
			t.Errorf("general query to %s answered: %v", dst, got)
		}
	}
}

// TestFiltersOverFrames: EXCLUDE and INCLUDE filters of sockets reach the
// router, and each socket gets what it asked for.
func TestFiltersOverFrames(t *testing.T) {
	t.Parallel()
	for _, p := range protocols {
		n := newRouted(t, ip.Config{})
		n.settle()
		from := []netip.Addr{addr(p.s)}
		set := func(h *node, key ip.SocketKey, mode group.Mode, sources []netip.Addr) {
			t.Helper()
			n.ok(h.SetFilter(n.now, key, 1, addr(p.grp), mode, sources))
			h.drain()
			n.run(3 * time.Second)
		}
		check := func(step string, want ...int) {
			t.Helper()
			if got := n.outputs(p, p.grp); !slices.Equal(got, want) {
				t.Errorf("%s %s: forwarded to %v, want %v", p.name, step, got, want)
			}
		}
		first := n.x.bind(join(unspecified(p.s), "5000"))
		set(n.x, ip.SocketKey(first), group.Exclude, from)
		check("all but s")
		if n.x.Accepts(ip.SocketKey(first), 1, addr(p.grp), addr(p.s)) {
			t.Error("the source is refused")
		}
		set(n.x, 77, group.Include, from)
		check("another socket wants s", 2)
		n.forget()
		n.send(p, p.grp, "not for the first")
		n.x.wantDatagrams()
		set(n.x, ip.SocketKey(first), group.Exclude, nil)
		n.send(p, p.grp, "for the first")
		n.x.wantDatagrams(fmt.Sprintf("%v>%v %s", ap(join(p.s, "9")), ap(join(p.grp, "5000")), "for the first"))
		set(n.y, 1, group.Include, from)
		n.x.ReleaseFilters(n.now, ip.SocketKey(first))
		n.x.ReleaseFilters(n.now, 77)
		n.x.drain()
		n.run(5 * time.Second)
		check("y alone", 2)
		if got := n.r.Listeners(); len(got) != 1 || got[0].Mode != group.Include {
			t.Errorf("%s: table %+v", p.name, got)
		}
		set(n.y, 1, group.Include, nil)
		check("nobody")
	}
}

// TestLongListsOverFrames: a list that no report holds arrives whole.
func TestLongListsOverFrames(t *testing.T) {
	t.Parallel()
	for _, p := range protocols {
		n := newRouted(t, ip.Config{MaxListenSrcs: 500})
		n.settle()
		var sources []netip.Addr
		for i := range 120 {
			sources = append(sources, addr(fmt.Sprintf("2001:db8:1::1:%x", i+1)))
			if !p.v6 {
				sources[i] = addr(fmt.Sprintf("10.1.1.%d", i+1))
			}
		}
		n.ok(n.x.SetFilter(n.now, 1, 1, addr(p.grp), group.Include, sources))
		n.x.drain()
		n.run(time.Second)
		ls := n.r.Listeners()
		if len(ls) != 1 || !slices.Equal(ls[0].Sources, sources) {
			t.Errorf("%s: %d groups", p.name, len(ls))
		}
		if frames := len(n.with(p.cause("join"))); p.v6 && frames != 2 || !p.v6 && frames != 1 {
			t.Errorf("%s: %d frames", p.name, frames)
		}
		for _, s := range n.frames {
			if len(s.data) > 1500+inet.HeaderLenEthernet {
				t.Errorf("a frame of %d bytes", len(s.data))
			}
		}
		// Page by page, and the counters' table.
		if page, _, more := n.r.ListenerPage(group.Cursor{}, 10); len(page) != 1 || more {
			t.Errorf("%s: page %v", p.name, page)
		}
		if page, _, _ := n.x.ListenerPage(group.Cursor{}, 10); page != nil {
			t.Error("a host has listeners")
		}
		if page, at, _ := n.x.MembershipPage(group.Cursor{}, 1); len(page) != 1 || at.If != 1 {
			t.Errorf("%s: page %v", p.name, page)
		}
		if rows := n.r.MembershipDrops(); len(rows) != 14 {
			t.Errorf("%d rows", len(rows))
		}
	}
}

// TestRouterIsMember: programs on a router are known to the link's other
// routers and to its own table, as long as they listen.
func TestRouterIsMember(t *testing.T) {
	t.Parallel()
	for _, p := range protocols {
		n := newRouted(t, ip.Config{})
		other := n.add("q", ip.Config{Forwarding: true})
		n.connect(n.r.wires[2], other, 1, "10.2.0.253/24", "2001:db8:2::fd/64", "fe80::ffff:1/64")
		n.settle()
		n.r.join(2, p.grp, p.s)
		known := func(r *node) bool {
			return slices.ContainsFunc(r.Listeners(), func(l group.Listener) bool { return l.Group == addr(p.grp) })
		}
		for range 10 {
			n.run(time.Minute)
			if !known(n.r) || !known(other) {
				t.Fatalf("%s: r knows %v, q knows %v", p.name, known(n.r), known(other))
			}
		}
		n.r.leave(2, p.grp, p.s)
		n.run(10 * time.Second)
		if known(n.r) || known(other) {
			t.Errorf("%s: after the leave r knows %v, q knows %v", p.name, known(n.r), known(other))
		}
	}
}

// TestMembershipIsDeterministic: a mixed topology, run twice, gives the same
// frames at the same instants.
func TestMembershipIsDeterministic(t *testing.T) {
	t.Parallel()
	run := func() []byte {
		n := newRouted(t, ip.Config{})
		n.ok(n.x.ConfigureHost(n.now, 1, false, group.HostSettings{Version: 2}))
		n.ok(n.y.ConfigureHost(n.now, 1, true, group.HostSettings{Version: 1}))
		for i, grp := range []string{asm4, asm6, "225.9.9.9", "ff1e::99"} {
			n.x.filter(1, 1, grp, "EX 2")
			n.run(time.Duration(i) * 777 * time.Millisecond)
			n.y.filter(1, 1, grp, "IN 23")
			n.run(time.Minute)
			n.y.filter(1, 1, grp, "EX 3")
			n.x.filter(1, 1, grp, "")
		}
		n.run(10 * time.Minute)
		return n.history.Bytes()
	}
	if a, b := run(), run(); !bytes.Equal(a, b) || len(a) < 10000 {
		t.Errorf("two runs differ, of %d bytes", len(a))
	}
}
