package node_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/node"
	"github.com/mpstack/mpstack/rsvp/node/nodetest"
)

// prompt asks for an early Path.
func (a *app) prompt(src string) {
	a.t.Helper()
	a.call(func(now machine.Time, n *node.Node) error { return n.RefreshPath(now, a.id, port(src)) })
}

// times returns when messages of a cause left a host, since a given instant, and
// empties the log.
func times(n *nodetest.Net, host string, since machine.Time, causes ...machine.Cause) (list []time.Duration) {
	for _, s := range n.Log {
		if s.From == host && slices.Contains(causes, s.Cause) {
			list = append(list, s.At.Sub(since))
		}
	}
	n.Log = nil
	return list
}

// TestHostForgetsPaths: with the last registration of a session a host forgets
// the senders elsewhere, silently; a router and a host with another registration
// do not.
func TestHostForgetsPaths(t *testing.T) {
	l := newLine(t, nil).up(1000)
	second := register(t, l.D, lineDst)
	l.d.release()
	if c := l.D.Node.Counters(); c.Paths != 1 {
		t.Errorf("forgotten with a registration left: %+v", c)
	}
	l.Log, l.D.Upcalls = nil, nil
	second.release()
	if !l.D.Node.Quiet() || len(l.Log) != 0 || len(l.D.Upcalls) != 0 {
		t.Errorf("%v, log %v, upcalls %v", state(l.D), l.Log, l.D.Upcalls)
	}
	onRouter := register(t, l.R, lineDst)
	onRouter.release()
	if c := l.R.Node.Counters(); c.Paths != 1 {
		t.Errorf("the router's path state is gone: %+v", c)
	}
	finish(t, l.Net, l.s)
}

// TestHostForgetsPathsOfAllSenders: a registration that itself sends takes
// down its own sender with PathTear, and the others without a word.
func TestHostForgetsPathsOfAllSenders(t *testing.T) {
	n := nodetest.New(1)
	a := n.Segment()
	x, y := n.Host("X", nodetest.EndHost, nil), n.Host("Y", nodetest.EndHost, nil)
	x.Attach(a, "10.0.1.1")
	y.Attach(a, "10.0.1.2")
	x.Join(1, addr("224.2.2.2"))
	y.Join(1, addr("224.2.2.2"))
	ax, ay := register(t, x, group).sender("10.0.1.1:1", 1000), register(t, y, group).sender("10.0.1.2:2", 1000).sender("10.0.1.2:3", 1000)
	n.RunFor(time.Second)
	if c := x.Node.Counters(); c.Paths != 3 {
		t.Fatalf("%+v", c)
	}
	n.Log = nil
	ax.release()
	expect(t, "sent", texts(n), []string{}...)
	if !x.Node.Quiet() {
		t.Errorf("left: %s", state(x))
	}
	n.RunFor(time.Second)
	finish(t, n, ay)
}

// TestRefreshPath: a prompted Path goes out at once, once a second at most, and
// a request in between is served at the end of the second.
func TestRefreshPath(t *testing.T) {
	l := newLine(t, nil)
	l.s.sender(lineSrc, 1000)
	l.RunFor(5 * time.Second)
	start := l.Now
	l.Log = nil
	l.s.prompt(lineSrc)
	for range 8 {
		l.RunFor(300 * time.Millisecond)
		l.s.prompt(lineSrc)
	}
	l.RunFor(4 * time.Second)
	if got := times(l.Net, "S", start, node.CausePathPrompt); fmt.Sprint(got) != "[0s 1s 2s 3s]" {
		t.Errorf("sent at %v", got)
	}
	start = l.Now
	l.s.prompt(lineSrc)
	l.RunFor(100 * time.Millisecond)
	if got := times(l.Net, "S", start, node.CausePathPrompt); fmt.Sprint(got) != "[0s]" {
		t.Errorf("after a pause sent at %v", got)
	}
	finish(t, l.Net, l.s, l.d)
}

// TestRefreshPathServed: a Path that goes out for another reason serves a
// request that waits, and a prompted Path starts the refresh timer anew.
func TestRefreshPathServed(t *testing.T) {
	l := newLine(t, nil)
	l.s.sender(lineSrc, 1000)
	l.RunFor(5 * time.Second)
	l.s.prompt(lineSrc)
	l.s.prompt(lineSrc)
	start := l.Now
	l.Log = nil
	l.s.sender(lineSrc, 2000)
	l.RunFor(10 * time.Second)
	got := times(l.Net, "S", start, node.CausePathPrompt, node.CausePathChange, node.CausePathRefresh)
	if fmt.Sprint(got) != "[0s]" {
		t.Errorf("sent at %v", got)
	}
	finish(t, l.Net, l.s, l.d)
}

// TestRefreshPathEnds: a request that waits dies with its sender, and one for a
// sender without an outgoing interface does nothing.
func TestRefreshPathEnds(t *testing.T) {
	l := newLine(t, nil)
	l.s.sender(lineSrc, 1000)
	l.RunFor(time.Second)
	l.s.prompt(lineSrc)
	l.s.prompt(lineSrc)
	l.s.unsend(lineSrc)
	l.Log = nil
	l.RunFor(5 * time.Second)
	expect(t, "sent after its end", texts(l.Net, rsvp.Path))
	l.S.Link(1, false)
	l.s.sender(lineSrc, 1000)
	l.s.prompt(lineSrc)
	l.RunFor(5 * time.Second)
	expect(t, "sent without a link", texts(l.Net, rsvp.Path))
	for _, tc := range []struct {
		id   node.SessionID
		src  string
		want error
	}{{l.s.id, lineSrc, nil}, {l.s.id, "10.0.1.1:9", node.ErrNoSender}, {l.d.id, lineSrc, node.ErrSession}, {99, lineSrc, node.ErrSession}} {
		var err error
		l.S.Do(func(now machine.Time, n *node.Node) { err = n.RefreshPath(now, tc.id, port(tc.src)) })
		if l.d.id == l.s.id && tc.id == l.d.id { // one number on two hosts
			continue
		}
		if !errors.Is(err, tc.want) {
			t.Errorf("%d %s: %v, want %v", tc.id, tc.src, err, tc.want)
		}
	}
	finish(t, l.Net, l.s, l.d)
}

// within checks that instants lie in the given ranges of seconds.
func within(t *testing.T, what string, got []time.Duration, ranges ...[2]float64) {
	t.Helper()
	if len(got) != len(ranges) {
		t.Errorf("%s: %v, want %d", what, got, len(ranges))
		return
	}
	last := time.Duration(0)
	for i, at := range got {
		if d := (at - last).Seconds(); d < ranges[i][0] || d > ranges[i][1] {
			t.Errorf("%s: number %d comes %.3fs after the one before, not in %v", what, i, d, ranges[i])
		}
		last = at
	}
}

// TestFastRefresh: with FastRefresh 3, Path and Resv that say something new are
// repeated after about 0.5 s, 1 s and 2 s; then the period holds. Without it, or
// with a period that is shorter, nothing is repeated early.
func TestFastRefresh(t *testing.T) {
	stages := [][2]float64{{0, 0}, {0.25, 0.75}, {0.5, 1.5}, {1, 3}, {15, 45}}
	for count := 0; count <= 4; count++ {
		n := nodetest.New(uint64(count))
		fast := func(c *node.Config) { c.FastRefresh = count }
		s, d := n.Host("S", nodetest.EndHost, fast), n.Host("D", nodetest.EndHost, fast)
		a := n.Segment()
		s.Attach(a, "10.0.2.9")
		d.Attach(a, "10.0.2.1")
		as, ad := register(t, s, lineDst), register(t, d, lineDst)
		want := append(slices.Clone(stages[:1+min(count, node.MaxFastRefresh)]), stages[4])
		for round, rate := range []float32{1000, 2000} {
			start := n.Now
			as.sender("10.0.2.9:1", rate)
			n.RunFor(48*time.Second + 600*time.Millisecond)
			got := times(n, "S", start, node.CausePathNew, node.CausePathChange, node.CausePathFast, node.CausePathRefresh)
			within(t, fmt.Sprintf("Path %d with %d", round, count), got[:min(len(got), len(want))], want...)
			start = n.Now
			ad.reserve(rsvp.FF, flow(load(rate), "10.0.2.9:1"))
			n.RunFor(48*time.Second + 600*time.Millisecond)
			got = times(n, "D", start, node.CauseResvNew, node.CauseResvChange, node.CauseResvFast, node.CauseResvRefresh)
			within(t, fmt.Sprintf("Resv %d with %d", round, count), got[:min(len(got), len(want))], want...)
		}
		finish(t, n, as, ad)
	}
}

// TestFastRefreshShortPeriod: a stage that is not shorter than R is left out.
func TestFastRefreshShortPeriod(t *testing.T) {
	n := nodetest.New(1)
	h, d := n.Host("X", nodetest.EndHost, func(c *node.Config) { c.FastRefresh, c.RefreshPeriod = 3, 900*time.Millisecond }), n.Host("D", nodetest.EndHost, nil)
	a := n.Segment()
	h.Attach(a, "10.0.3.1")
	d.Attach(a, "10.0.3.9")
	x := register(t, h, "10.0.3.9:1").sender("10.0.3.1:1", 1000)

	n.RunFor(20 * time.Second)
	fast, normal := 0, 0
	for _, s := range n.Log {
		switch s.Cause {
		case node.CausePathFast:
			fast++
		case node.CausePathRefresh:
			normal++
		}
	}
	if fast != 1 || normal < 14 {
		t.Errorf("%d staged and %d normal refreshes", fast, normal)
	}
	finish(t, n, x)
}

// TestFastRefreshRecovers: the first Path and the first Resv on each link are
// lost; the reservation stands within three seconds all the same.
func TestFastRefreshRecovers(t *testing.T) {
	fast := func(c *node.Config) { c.FastRefresh = 3 }
	n := nodetest.New(3)
	s, r, d := n.Host("S", nodetest.EndHost, fast), n.Host("R", nodetest.Router, fast), n.Host("D", nodetest.EndHost, fast)
	a, b := n.Segment(), n.Segment()
	s.Attach(a, "10.0.1.1")
	r.Attach(a, "10.0.1.254")
	r.Attach(b, "10.0.2.254")
	d.Attach(b, "10.0.2.1")
	lost := map[string]bool{}
	n.Lose = func(m nodetest.Sent) bool {
		key := fmt.Sprint(m.From, m.Payload[1])
		defer func() { lost[key] = true }()
		return !lost[key]
	}
	as, ad := register(t, s, lineDst).sender(lineSrc, 1000), register(t, d, lineDst)
	ad.reserve(rsvp.FF, flow(load(1000), lineSrc))
	n.RunFor(3 * time.Second)
	expect(t, "sender", []string{state(s)}, "FF paths=1 resvs=1 if1[10.0.1.1:4000]{1000}")
	if len(lost) != 4 {
		t.Errorf("lost %v", lost)
	}
	finish(t, n, as, ad)
}

// TestFastRefreshRepair: a Path on a new interface is news, and the staged
// refreshes go out on all of them.
func TestFastRefreshRepair(t *testing.T) {
	n := nodetest.New(2)
	r, s, x, y := n.Host("R", nodetest.Router, func(c *node.Config) { c.FastRefresh = 1 }), n.Host("S", nodetest.EndHost, nil),
		n.Host("X", nodetest.EndHost, nil), n.Host("Y", nodetest.EndHost, nil)
	for i, h := range []*nodetest.Host{s, x, y} {
		seg := n.Segment()
		r.Attach(seg, fmt.Sprintf("10.0.%d.254", i+1))
		h.Attach(seg, fmt.Sprintf("10.0.%d.1", i+1))
	}
	g := addr("224.2.2.2")
	x.Join(1, g)
	as := register(t, s, group).sender("10.0.1.1:1", 1000)
	n.RunFor(10 * time.Second)
	start := n.Now
	n.Log = nil
	y.Join(1, g)
	n.RunFor(2 * time.Second)
	if got := times(n, "R", start, node.CausePathRepair, node.CausePathFast); len(got) != 3 || got[0] != 0 || got[1] != got[2] || got[1] > 750*time.Millisecond {
		t.Errorf("sent at %v", got)
	}
	finish(t, n, as)
}
