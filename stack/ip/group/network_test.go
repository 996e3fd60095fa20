package group

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire/igmp"
)

// station is a host, and a router too where router is set, on a link.
type station struct {
	name   string
	addr   netip.Addr
	host   *Host
	router *Router
}

// network is one link with stations in virtual time.
type network struct {
	t        testing.TB
	f        family
	now      machine.Time
	stations []*station
	flying   []message
	sent     int
	lose     func(n int) bool // decides about the nth message for one receiver
	log      strings.Builder
}

type message struct {
	at   machine.Time
	to   *station
	from netip.Addr
	out  Output
}

const travel = time.Millisecond

func newNetwork(t testing.TB, f family) *network {
	return &network{t: t, f: f, now: machine.VirtualEpoch, lose: func(int) bool { return false }}
}

// add adds a host that speaks a version, 0 for the newest.
func (n *network) add(version uint8) *station {
	i := len(n.stations) + 1
	s := &station{name: fmt.Sprintf("h%d", i), addr: n.address(byte(i)), host: NewHost(HostConfig{Rand: rand.New(rand.NewPCG(uint64(i), 77))})}
	s.host.AddInterface(n.now, 1, n.f.v6, 1500, true)
	if err := s.host.Configure(n.now, 1, n.f.v6, HostSettings{Version: version}); err != nil {
		n.t.Fatal(err)
	}
	n.stations = append(n.stations, s)
	return s
}

// addRouter adds a router that asks in a version.
func (n *network) addRouter(version uint8) *station {
	s := n.add(0)
	s.name = strings.Replace(s.name, "h", "r", 1)
	s.router = NewRouter(RouterConfig{})
	s.router.AddInterface(n.now, 1, s.addr, 1500, false)
	if err := s.router.Configure(n.now, 1, n.f.v6, Settings{Version: version}); err != nil {
		n.t.Fatal(err)
	}
	s.router.HandleLinkChange(n.now, 1, true)
	n.drain(s)
	return s
}

func (n *network) address(i byte) netip.Addr {
	b := n.f.low.AsSlice()
	b[len(b)-1] = i
	a, _ := netip.AddrFromSlice(b)
	return a
}

// drain sends what a station said.
func (n *network) drain(s *station) {
	for {
		o, ok := s.host.Next()
		if !ok && s.router != nil {
			o, ok = s.router.Next()
		}
		if !ok {
			return
		}
		fmt.Fprintln(&n.log, n.now, s.name, short(o))
		if o.Kind == KindChange {
			continue
		}
		out := *o
		for _, to := range n.stations {
			if to == s {
				continue
			}
			if n.sent++; !n.lose(n.sent) {
				n.flying = append(n.flying, message{n.now.Add(travel), to, s.addr, out})
			}
		}
		n.loop(s, &out)
	}
}

// loop lets a router hear what it said itself.
func (n *network) loop(s *station, o *Output) {
	switch {
	case s.router == nil:
	case o.Kind == KindQuery:
		s.host.HandleOwnQuery(n.now, 1, n.f.v6, &o.Query)
	case o.Kind == KindLeave:
		s.router.HandleLeave(n.now, 1, o.Group)
	case o.Kind == KindReport:
		s.router.HandleReport(n.now, 1, n.f.v6, &igmp.Report{Version: o.Version, Group: o.Group, Records: o.Records})
	}
}

// deliver hands a message to its receiver.
func (n *network) deliver(m *message) {
	h, r := m.to.host, m.to.router
	switch o := &m.out; {
	case o.Kind == KindQuery:
		h.HandleQuery(n.now, 1, n.f.v6, &o.Query)
		if r != nil {
			r.HandleQuery(n.now, 1, m.from, &o.Query)
		}
	case o.Kind == KindLeave && r != nil:
		r.HandleLeave(n.now, 1, o.Group)
	case o.Kind == KindReport:
		if o.Group.IsValid() {
			h.HandleReport(n.now, 1, o.Group)
		}
		if r != nil {
			r.HandleReport(n.now, 1, n.f.v6, &igmp.Report{Version: o.Version, Group: o.Group, Records: o.Records})
		}
	}
	n.drain(m.to)
}

// run lets time pass.
func (n *network) run(d time.Duration) {
	end := n.now.Add(d)
	for {
		var due machineOf
		var who *station
		at := end.Add(1)
		for _, s := range n.stations {
			if t, ok := s.host.Deadline(); ok && t < at {
				due, who, at = s.host, s, t
			}
			if s.router == nil {
				continue
			}
			if t, ok := s.router.Deadline(); ok && t < at {
				due, who, at = s.router, s, t
			}
		}
		switch {
		case len(n.flying) > 0 && n.flying[0].at <= min(at, end):
			m := n.flying[0]
			n.flying = n.flying[1:]
			n.now = max(n.now, m.at)
			n.deliver(&m)
		case due != nil && at <= end:
			n.now = max(n.now, at)
			due.Advance(n.now)
			n.drain(who)
		default:
			n.now = end
			return
		}
	}
}

// set sets a station's filter for the first group: "EX ab".
func (n *network) set(s *station, filter string) {
	n.t.Helper()
	mode, letters, _ := strings.Cut(filter, " ")
	m := Include
	if mode == "EX" {
		m = Exclude
	}
	if err := s.host.SetFilter(n.now, 1, 1, n.f.groups[0], m, n.f.src(letters)); err != nil {
		n.t.Fatal(err)
	}
	n.drain(s)
}

// wanted returns the letters that any station listens to.
func (n *network) wanted() string {
	return n.letters(func(a netip.Addr) bool {
		for _, s := range n.stations {
			if s.host.Receives(1, n.f.groups[0], a) {
				return true
			}
		}
		return false
	})
}

// forwarded returns the letters that a router forwards.
func (n *network) forwarded(r *station) string {
	return n.letters(func(a netip.Addr) bool { return r.router.Forwards(1, n.f.groups[0], a) })
}

func (n *network) letters(is func(netip.Addr) bool) string {
	var out []byte
	for _, c := range []byte(alphabet + "z") {
		if is(n.f.src(string(c))[0]) {
			out = append(out, c)
		}
	}
	return string(out)
}

const everyone = alphabet + "z"

// TestVersionsMatrix: hosts of every version with queriers of every version.
// Whoever listens is served, and nobody is served long after the last left: for
// LMQT where both know leaves, else for GMI.
func TestVersionsMatrix(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		for querier := uint8(1); querier <= newest(f.v6); querier++ {
			for version := uint8(1); version <= newest(f.v6); version++ {
				name := fmt.Sprintf("%s querier v%d, host v%d", f.name, querier, version)
				n := newNetwork(t, f)
				r := n.addRouter(querier)
				h := n.add(version)
				n.run(40 * time.Second) // the second startup query is heard
				spoken := min(querier, version)
				if got := h.host.Version(1, f.v6); got != spoken {
					t.Errorf("%s: speaks v%d", name, got)
				}
				n.set(h, "EX a")
				n.run(time.Second)
				want := everyone
				if spoken == newest(f.v6) {
					want = strings.ReplaceAll(everyone, "a", "")
				}
				for range 30 {
					n.run(30 * time.Second)
					if got := n.forwarded(r); got != want {
						t.Fatalf("%s: forwards %s, want %s\n%s", name, got, want, n.log.String())
					}
				}
				if got := r.router.Snapshot()[0].Version; got != spoken {
					t.Errorf("%s: the group is in version %d", name, got)
				}
				leave := 4 * time.Second
				if spoken == 1 && !f.v6 {
					leave = 261 * time.Second
				}
				n.set(h, "IN ")
				n.run(leave)
				if got := n.forwarded(r); got != "" {
					t.Errorf("%s: after the leave it forwards %s\n%s", name, got, n.log.String())
				}
			}
		}
	})
}

// TestMixedHosts: a source-specific listener, and for a while one of an older
// version. The group is forwarded from everyone as long as that needs it, then
// from the source alone.
func TestMixedHosts(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		n := newNetwork(t, f)
		r := n.addRouter(0)
		newer, older := n.add(0), n.add(f.older)
		n.set(newer, "IN a")
		n.run(time.Minute)
		check := func(step, want string) {
			t.Helper()
			if got := n.forwarded(r); got != want {
				t.Errorf("%s: forwards %s, want %s", step, got, want)
			}
		}
		check("one source", "a")
		n.set(older, "IN b") // which it cannot say
		n.run(10 * time.Minute)
		check("an older listener", everyone)
		n.set(newer, "IN ac")
		n.set(newer, "IN c")
		n.run(10 * time.Minute)
		check("BLOCK does nothing", everyone)
		n.set(older, "IN ")
		n.run(3 * time.Second)
		check("it left", "c")
		n.run(10 * time.Minute)
		check("later", "c")
	})
}

// TestElectionOnLink: routers that start one after the other; the lowest asks;
// when it is gone the next takes over, and no listener is ever forgotten.
func TestElectionOnLink(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		n := newNetwork(t, f)
		var routers []*station
		h := n.add(0)
		for range 3 {
			routers = append([]*station{n.addRouter(0)}, routers...) // a later one has a higher address
			n.run(7 * time.Second)
		}
		n.set(h, "EX ")
		n.run(time.Minute)
		states := func() string {
			var out []string
			for _, r := range routers {
				out = append(out, r.name+"="+r.router.State(1, f.v6).String())
			}
			return strings.Join(out, " ")
		}
		check := func(step, want string) {
			t.Helper()
			if got := states(); got != want {
				t.Errorf("%s: %s, want %s", step, got, want)
			}
			for _, r := range routers {
				if r.router.State(1, f.v6) != QuerierDown && n.forwarded(r) != everyone {
					t.Errorf("%s: %s forwards %q", step, r.name, n.forwarded(r))
				}
			}
		}
		check("three", "r4=NonQuerier r3=NonQuerier r2=Querier")
		routers[2].router.HandleLinkChange(n.now, 1, false)
		for range 20 { // 255 s since the last query, of which 50 s are over
			n.run(10 * time.Second)
			check("silence", "r4=NonQuerier r3=NonQuerier r2=Down")
		}
		n.run(10 * time.Second)
		check("taken over", "r4=NonQuerier r3=Querier r2=Down")
		n.run(10 * time.Minute)
		check("later", "r4=NonQuerier r3=Querier r2=Down")
		routers[2].router.HandleLinkChange(n.now, 1, true)
		n.drain(routers[2])
		n.run(time.Minute)
		check("back", "r4=NonQuerier r3=NonQuerier r2=Querier")
		// A leave is asked about by the querier alone and believed by all.
		n.set(h, "IN ")
		n.run(4 * time.Second)
		for _, r := range routers {
			if got := n.forwarded(r); got != "" {
				t.Errorf("%s still forwards %s", r.name, got)
			}
		}
	})
}

// TestRouterListens: programs on the querier itself are answered for, so that
// the link's other routers know of them.
func TestRouterListens(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		n := newNetwork(t, f)
		querier, other := n.addRouter(0), n.addRouter(0)
		n.run(time.Minute)
		n.set(querier, "IN a")
		for range 20 {
			n.run(time.Minute)
			if got := n.forwarded(other); got != "a" || querier.router.State(1, f.v6) != Querier {
				t.Fatalf("the other router forwards %q", got)
			}
		}
		n.set(querier, "IN ")
		n.run(5 * time.Second)
		if got := n.forwarded(other); got != "" {
			t.Errorf("after the leave the other router forwards %q", got)
		}
	})
}

// script is what the hosts of TestSingleLoss do, one filter of one host every
// ten seconds.
var script = []struct {
	host   int
	filter string
}{
	{0, "IN a"}, {1, "IN ab"}, {0, "IN "}, {1, "IN bc"}, {0, "IN bd"}, {2, "EX a"}, {0, "IN a"}, {2, "IN "},
	{1, "IN c"}, {0, "EX "}, {1, "IN "}, {0, "IN e"}, {1, "IN e"}, {0, "IN "}, {1, "IN f"},
}

// TestSingleLoss: with robustness 2 the protocol bears the loss of any one
// message (RFC 3376 section 8.1): ten seconds after each change everyone has
// what he wants. As long as all were in INCLUDE mode it is nothing else; a
// router that missed an answer in EXCLUDE mode may forward more for a while.
func TestSingleLoss(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		lossless := runScript(t, f, 0)
		if lossless < 100 {
			t.Fatalf("%d messages only", lossless)
		}
		for lost := 1; lost <= lossless; lost++ {
			runScript(t, f, lost)
		}
	})
}

// runScript runs the script with one message lost and returns how many there
// were.
func runScript(t *testing.T, f family, lost int) int {
	n := newNetwork(t, f)
	routers := []*station{n.addRouter(0), n.addRouter(0)}
	hosts := []*station{n.add(0), n.add(0), n.add(0)}
	n.run(time.Minute)
	n.sent = 0
	n.lose = func(i int) bool { return i == lost }
	exact := true
	for i, s := range script {
		n.set(hosts[s.host], s.filter)
		n.run(10 * time.Second)
		exact = exact && !strings.HasPrefix(s.filter, "EX")
		want := n.wanted()
		for _, r := range routers {
			got := n.forwarded(r)
			if missing := minus(want, got); missing != "" {
				t.Errorf("message %d lost, step %d: %s does not forward %s\n%s", lost, i, r.name, missing, n.log.String())
				return n.sent
			}
			if exact && got != want {
				t.Errorf("message %d lost, step %d: %s forwards %s, wanted is %s\n%s", lost, i, r.name, got, want, n.log.String())
				return n.sent
			}
		}
	}
	sent := n.sent
	n.run(10 * time.Minute)
	for _, r := range routers {
		if got, want := n.forwarded(r), n.wanted(); got != want {
			t.Errorf("message %d lost: in the end %s forwards %s, wanted is %s", lost, r.name, got, want)
		}
	}
	return sent
}

// minus returns the letters of a that b lacks.
func minus(a, b string) string {
	return strings.Map(func(c rune) rune {
		if strings.ContainsRune(b, c) {
			return -1
		}
		return c
	}, a)
}

// TestConvergence: random filters of hosts of random versions under heavy loss,
// then silence: in the end all routers forward what is wanted and no more.
func TestConvergence(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		for seed := range uint64(12) {
			rng := rand.New(rand.NewPCG(seed, 5))
			n := newNetwork(t, f)
			routers := []*station{n.addRouter(0), n.addRouter(0), n.addRouter(0)}
			var hosts []*station
			for range 4 {
				hosts = append(hosts, n.add(uint8(rng.IntN(int(newest(f.v6)+1)))))
			}
			n.lose = func(int) bool { return rng.IntN(100) < 30 }
			for range 60 {
				mode := [...]string{"IN ", "EX "}[rng.IntN(2)]
				n.set(hosts[rng.IntN(4)], mode+randomLetters(rng))
				n.run(time.Duration(rng.IntN(int(20 * time.Second))))
			}
			n.lose = func(int) bool { return false }
			if seed%2 == 0 { // the older ones end
				for _, h := range hosts {
					if h.host.Version(1, f.v6) < newest(f.v6) {
						n.set(h, "IN ")
					}
				}
			}
			n.run(20 * time.Minute)
			want := n.wanted()
			for _, h := range hosts {
				if h.host.Version(1, f.v6) < newest(f.v6) && want != "" {
					if _, _, ok := h.host.Filter(1, 1, f.groups[0]); ok {
						want = everyone
					}
				}
			}
			for _, r := range routers {
				if got := n.forwarded(r); got != want {
					t.Errorf("seed %d: %s forwards %s, want %s", seed, r.name, got, want)
				}
			}
		}
	})
}

// TestNetworkIsDeterministic: the same seeds, the same messages at the same
// instants.
func TestNetworkIsDeterministic(t *testing.T) {
	t.Parallel()
	run := func() string {
		rng := rand.New(rand.NewPCG(9, 9))
		n := newNetwork(t, families[1])
		n.addRouter(0)
		n.addRouter(0)
		hosts := []*station{n.add(0), n.add(1), n.add(2)}
		n.lose = func(int) bool { return rng.IntN(10) == 0 }
		for range 50 {
			n.set(hosts[rng.IntN(3)], "EX "+randomLetters(rng))
			n.run(time.Duration(rng.IntN(int(10 * time.Second))))
		}
		return n.log.String()
	}
	if a, b := run(), run(); a != b || len(a) < 3000 {
		t.Errorf("two runs differ, of %d bytes", len(a))
	}
}
