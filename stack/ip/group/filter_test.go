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
)

// oneHost is a host with one link that is up, in virtual time.
type oneHost struct {
	*Host
	t   *testing.T
	f   family
	now machine.Time
}

func newOneHost(t *testing.T, f family, cfg HostConfig) *oneHost {
	cfg.Rand = rand.New(rand.NewPCG(7, 7))
	h := &oneHost{Host: NewHost(cfg), t: t, f: f, now: machine.VirtualEpoch}
	h.AddInterface(h.now, 1, f.v6, 1500, true)
	return h
}

// set calls SetFilter for the first group: set(1, "EX ab").
func (h *oneHost) set(key SocketKey, filter string) error {
	mode, letters, _ := strings.Cut(filter, " ")
	m := Include
	if mode == "EX" {
		m = Exclude
	}
	return h.SetFilter(h.now, key, 1, h.f.groups[0], m, h.f.src(letters))
}

func (h *oneHost) mustSet(key SocketKey, filter string) {
	h.t.Helper()
	must(h.t, h.set(key, filter))
}

// state returns the interface's state for the first group, "IN ab".
func (h *oneHost) state() string {
	for _, m := range h.Snapshot() {
		if m.Group == h.f.groups[0] {
			return m.Mode.String()[:2] + " " + lettersOf(m.Sources)
		}
	}
	return "IN "
}

// TestInterfaceState is the examples of RFC 3376 section 3.2, which RFC 3810
// section 4.2 repeats, and their neighbours.
func TestInterfaceState(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		for _, c := range []struct {
			name    string
			sockets []string
			want    string
		}{
			{"one", []string{"IN abc"}, "IN abc"},
			{"two in INCLUDE", []string{"IN abc", "IN bcd"}, "IN abcd"},
			{"two in EXCLUDE and one in INCLUDE", []string{"EX abcd", "EX bcde", "IN def"}, "EX bc"},
			{"and a fourth that excludes nothing", []string{"EX abcd", "EX bcde", "IN def", "EX "}, "EX "},
			{"three in INCLUDE", []string{"IN abc", "IN bcd", "IN ef"}, "IN abcdef"},
			{"what one excludes another includes", []string{"EX a", "IN a"}, "EX "},
			{"disjoint exclusions", []string{"EX a", "EX b"}, "EX "},
			{"a socket changes its mind", []string{"EX a", "IN a"}, "EX "},
			{"sources twice and out of order", []string{"IN cabba"}, "IN abc"},
			{"nothing", []string{"IN "}, "IN "},
		} {
			h := newOneHost(t, f, HostConfig{})
			for i, s := range c.sockets {
				h.mustSet(SocketKey(10-i), s)
			}
			if got := h.state(); got != c.want {
				t.Errorf("%s: %s, want %s", c.name, got, c.want)
			}
		}
	})
}

// TestSocketState is RFC 3376 section 3.1 (RFC 3810 section 4.1): a request
// replaces the one before; INCLUDE {} deletes the entry.
func TestSocketState(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		h := newOneHost(t, f, HostConfig{})
		for _, s := range []string{"IN ", "IN ab", "EX c", "EX ", "IN d", "IN "} {
			h.mustSet(1, s)
			if got := h.state(); got != s {
				t.Errorf("after %q: %q", s, got)
			}
			mode, sources, ok := h.Filter(1, 1, f.groups[0])
			if got := mode.String()[:2] + " " + lettersOf(sources); got != s || ok != (s != "IN ") {
				t.Errorf("after %q the socket has %q, %v", s, got, ok)
			}
		}
		advance(h, &h.now, time.Minute)
		drain(h)
		if len(h.members) != 0 || !h.Quiet() {
			t.Error("something is left")
		}
	})
}

// TestAccepts is the delivery filter of RFC 3376 section 3.2: by the socket's
// own state, whatever the interface receives for others.
func TestAccepts(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		h := newOneHost(t, f, HostConfig{})
		h.mustSet(1, "IN ab")
		h.mustSet(2, "EX bc")
		must(t, h.Join(h.now, 1, f.groups[0], f.src("d")[0]))
		for key, want := range map[SocketKey]string{1: "ab", 2: "adefg", 3: "d"} {
			var got strings.Builder
			for _, c := range "abcdefg" {
				if h.Accepts(key, 1, f.groups[0], f.src(string(c))[0]) {
					got.WriteRune(c)
				}
			}
			if got.String() != want {
				t.Errorf("socket %d accepts %q, want %q", key, got.String(), want)
			}
		}
		// c is refused by 2, asked for by nobody: EXCLUDE {b,c} minus {a,b,d}.
		if h.Receives(1, f.groups[0], f.src("c")[0]) || !h.Receives(1, f.groups[0], f.src("b")[0]) {
			t.Errorf("the interface is in %s", h.state())
		}
		if h.Accepts(1, 2, f.groups[0], f.src("a")[0]) || h.Accepts(1, 1, f.groups[1], f.src("a")[0]) {
			t.Error("another interface or group")
		}
		must(t, h.Join(h.now, 1, f.groups[0], netip.Addr{}))
		if !h.Accepts(3, 1, f.groups[0], f.src("c")[0]) || h.Accepts(1, 1, f.groups[0], f.src("c")[0]) {
			t.Error("a join for any source concerns sockets without a filter alone")
		}
		h.ReleaseSocket(h.now, 1)
		h.ReleaseSocket(h.now, 1)
		if _, _, ok := h.Filter(1, 1, f.groups[0]); ok {
			t.Error("the released socket has a filter")
		}
	})
}

func TestAllHostsAreAccepted(t *testing.T) {
	t.Parallel()
	for _, g := range []string{"224.0.0.1", "ff02::1"} {
		group := netip.MustParseAddr(g)
		f := families[0]
		if group.Is6() {
			f = families[1]
		}
		h := newOneHost(t, f, HostConfig{})
		if !h.Accepts(1, 1, group, f.src("a")[0]) {
			t.Errorf("%s is not accepted unasked", g)
		}
		must(t, h.SetFilter(h.now, 1, 1, group, Include, f.src("b")))
		if h.Accepts(1, 1, group, f.src("a")[0]) || !h.Accepts(1, 1, group, f.src("b")[0]) || !h.Accepts(2, 1, group, f.src("a")[0]) {
			t.Errorf("%s: a filter counts, for its own socket", g)
		}
		advance(h, &h.now, time.Minute)
		wantSaid(t, g, drain(h))
	}
}

func TestFilterRefusals(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		other := families[0]
		if !f.v6 {
			other = families[1]
		}
		h := newOneHost(t, f, HostConfig{})
		ok := f.src("a")
		for _, c := range []struct {
			name    string
			index   int
			group   netip.Addr
			mode    Mode
			sources []netip.Addr
			want    error
		}{
			{"no such interface", 2, f.groups[0], Include, ok, ErrInterface},
			{"other family", 1, other.groups[0], Include, other.src("a"), ErrInterface},
			{"no group", 1, f.src("a")[0], Include, ok, ErrGroup},
			{"mapped group", 1, netip.MustParseAddr("::ffff:225.1.1.1"), Include, ok, ErrGroup},
			{"group with zone", 1, netip.MustParseAddr("ff02::5%eth0"), Include, ok, ErrGroup},
			{"mode", 1, f.groups[0], 2, ok, ErrMode},
			{"EXCLUDE of a source-specific group", 1, f.ssm, Exclude, nil, ErrSSM},
			{"EXCLUDE with sources of one", 1, f.ssm, Exclude, ok, ErrSSM},
			{"source of the other family", 1, f.groups[0], Include, other.src("a"), ErrSource},
			{"a group as source", 1, f.groups[0], Exclude, []netip.Addr{ok[0], f.groups[1]}, ErrSource},
			{"no source", 1, f.groups[0], Include, []netip.Addr{{}}, ErrSource},
			{"source with zone", 1, f.groups[0], Include, []netip.Addr{netip.MustParseAddr("fe80::1%eth0")}, ErrSource},
			{"mapped source", 1, f.groups[0], Include, []netip.Addr{netip.MustParseAddr("::ffff:10.0.0.1")}, ErrSource},
		} {
			if err := h.SetFilter(h.now, 1, c.index, c.group, c.mode, c.sources); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", c.name, err, c.want)
			}
		}
		if len(h.members) != 0 || len(drain(h)) != 0 {
			t.Error("a refusal left something")
		}
	})
}

// TestFilterLimits: too many sources of a socket, of a group, too many groups;
// a refused request changes nothing, and giving up never fails.
func TestFilterLimits(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		h := newOneHost(t, f, HostConfig{MaxGroups: 2, MaxSources: 4, MaxSocketSources: 3})
		refused := func(step string, err error) {
			t.Helper()
			if !errors.Is(err, ErrLimit) {
				t.Errorf("%s: %v", step, err)
			}
		}
		h.mustSet(1, "IN abc")
		refused("four sources of a socket", h.set(1, "IN abcd"))
		refused("four excluded", h.set(2, "EX abcd"))
		refused("five of the group", h.set(2, "IN de"))
		h.mustSet(2, "IN cd")
		refused("five by a join", h.Join(h.now, 1, f.groups[0], f.src("e")[0]))
		must(t, h.Join(h.now, 1, f.groups[0], f.src("a")[0]))
		h.mustSet(3, "EX xyz") // excluded ones take no room of the group
		refused("from EXCLUDE to INCLUDE", h.set(3, "IN e"))
		if got := h.state(); got != "EX xyz" {
			t.Errorf("a refused change left %s", got)
		}
		must(t, h.SetFilter(h.now, 1, 1, f.groups[1], Exclude, nil))
		refused("a third group", h.SetFilter(h.now, 1, 1, f.groups[2], Exclude, nil))
		must(t, h.SetFilter(h.now, 1, 1, f.groups[2], Include, nil))
		if d := h.Drops(); d.SocketSources != 2 || d.GroupSources != 3 || d.Groups != 1 || h.Counters().LimitReached != 6 {
			t.Errorf("counters %+v, %+v", d, h.Counters())
		}
		for _, key := range []SocketKey{1, 2, 3} {
			h.ReleaseSocket(h.now, key)
		}
		must(t, h.Leave(h.now, 1, f.groups[0], f.src("a")[0]))
		advance(h, &h.now, time.Minute)
		drain(h)
		if len(h.members) != 0 {
			t.Error("something is left")
		}
		// A refused first filter leaves no group.
		h = newOneHost(t, f, HostConfig{MaxSources: 2})
		refused("three of the group", h.set(1, "IN abc"))
		if len(h.members) != 0 || h.Page1() != 0 {
			t.Error("a refused filter left a group")
		}
	})
}

// Page1 counts what is joined by reading pages of one.
func (h *oneHost) Page1() (n int) {
	var at Cursor
	for more := true; more; {
		var page []Membership
		page, at, more = h.Page(at, 1)
		n += len(page)
	}
	return n
}

// naive is RFC 3376 section 3.2 by direct application: every source is asked
// about by itself.
type naive map[SocketKey]struct {
	mode    Mode
	letters string
}

const alphabet = "abcdefgh"

func (n naive) state() string {
	exclude := false
	for _, s := range n {
		exclude = exclude || s.mode == Exclude
	}
	out := []byte("IN ")
	if exclude {
		out = []byte("EX ")
	}
	for _, c := range []byte(alphabet) {
		included, excludedByAll := false, true
		for _, s := range n {
			listed := strings.IndexByte(s.letters, c) >= 0
			included = included || s.mode == Include && listed
			excludedByAll = excludedByAll && (s.mode == Include || listed)
		}
		if exclude && excludedByAll && !included || !exclude && included {
			out = append(out, c)
		}
	}
	return string(out)
}

func (n naive) accepts(key SocketKey, c string) bool {
	s, ok := n[key]
	return ok && strings.Contains(s.letters, c) == (s.mode == Include)
}

// TestMergingAgainstModel: random sockets set random filters; after each step
// the interface's state, what it receives and what each socket accepts are
// those of the naive model.
func TestMergingAgainstModel(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		for seed := range uint64(20) {
			rng := rand.New(rand.NewPCG(seed, 1))
			h := newOneHost(t, f, HostConfig{})
			model := make(naive)
			for step := range 300 {
				key := SocketKey(rng.IntN(5))
				mode, letters := Mode(rng.IntN(2)), randomLetters(rng)
				if rng.IntN(8) == 0 {
					h.ReleaseSocket(h.now, key)
					delete(model, key)
				} else {
					must(t, h.SetFilter(h.now, key, 1, f.groups[0], mode, f.src(letters)))
					model[key] = struct {
						mode    Mode
						letters string
					}{mode, letters}
				}
				if mode == Include && letters == "" {
					if s := model[key]; s.mode == Include && s.letters == "" {
						delete(model, key)
					}
				}
				checkModel(t, h, model, fmt.Sprintf("seed %d step %d", seed, step))
				if rng.IntN(3) == 0 {
					advance(h, &h.now, time.Duration(rng.IntN(int(2*time.Second))))
				}
				drain(h)
			}
		}
	})
}

func randomLetters(rng *rand.Rand) string {
	var b strings.Builder
	for _, i := range rng.Perm(len(alphabet))[:rng.IntN(len(alphabet))] {
		b.WriteByte(alphabet[i])
	}
	return b.String()
}

func checkModel(t *testing.T, h *oneHost, model naive, when string) {
	t.Helper()
	if got, want := h.state(), model.state(); got != want {
		t.Fatalf("%s: state %q, want %q for %v", when, got, want, model)
	}
	for _, c := range strings.Split(alphabet, "") {
		a := h.f.src(c)[0]
		anyone := false
		for key := range SocketKey(5) {
			want := model.accepts(key, c)
			anyone = anyone || want
			if got := h.Accepts(key, 1, h.f.groups[0], a); got != want {
				t.Fatalf("%s: socket %d accepts %s: %v, want %v", when, key, c, got, want)
			}
		}
		if got := h.Receives(1, h.f.groups[0], a); got != anyone {
			t.Fatalf("%s: receives %s: %v, want %v", when, c, got, anyone)
		}
	}
}

func TestOwnGroups(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, f family) {
		h := newOneHost(t, f, HostConfig{})
		g := f.groups[0]
		must(t, h.JoinOwn(h.now, 1, g))
		must(t, h.JoinOwn(h.now, 1, g))
		if err := h.Leave(h.now, 1, g, netip.Addr{}); !errors.Is(err, ErrNotMember) {
			t.Errorf("a program left IP's own group: %v", err)
		}
		wantSaid(t, "never announced", drain(h))
		if !h.Quiet() || h.state() != "EX " {
			t.Errorf("state %s, quiet %v", h.state(), h.Quiet())
		}
		// A program's join changes nothing on the wire, and outlives IP's.
		must(t, h.Join(h.now, 1, g, netip.Addr{}))
		must(t, h.LeaveOwn(h.now, 1, g))
		wantSaid(t, "the same state", drain(h))
		must(t, h.Leave(h.now, 1, g, netip.Addr{}))
		wantSaid(t, "left", drain(h), "leave TO_IN()")
		advance(h, &h.now, time.Minute)
		drain(h)
		if err := h.LeaveOwn(h.now, 1, g); !errors.Is(err, ErrNotMember) {
			t.Errorf("left twice: %v", err)
		}
		must(t, h.Join(h.now, 1, g, f.src("a")[0]))
		must(t, h.JoinOwn(h.now, 1, g))
		wantSaid(t, "IP joins what a program reported", drain(h), "join ALLOW(a)", "join TO_EX()")
		must(t, h.LeaveOwn(h.now, 1, g))
		wantSaid(t, "and leaves", drain(h), "leave TO_IN(a)")
		must(t, h.Leave(h.now, 1, g, f.src("a")[0]))
		advance(h, &h.now, time.Minute)
		drain(h)
		must(t, h.JoinOwn(h.now, 1, g))
		must(t, h.LeaveOwn(h.now, 1, g))
		wantSaid(t, "unannounced both ways", drain(h))
		if len(h.members) != 0 {
			t.Error("something is left")
		}
		for _, err := range []error{h.JoinOwn(h.now, 2, g), h.LeaveOwn(h.now, 2, g)} {
			if !errors.Is(err, ErrInterface) {
				t.Errorf("no such interface: %v", err)
			}
		}
	})
}

func TestHostPages(t *testing.T) {
	t.Parallel()
	h := NewHost(HostConfig{})
	now := machine.VirtualEpoch
	var want []member
	for i := 3; i >= 1; i-- {
		for _, f := range families {
			h.AddInterface(now, i, f.v6, 1500, true)
			for _, g := range f.groups {
				must(t, h.Join(now, i, g, netip.Addr{}))
			}
		}
	}
	// One that was left but is still reported is not joined.
	must(t, h.Leave(now, 2, families[0].groups[1], netip.Addr{}))
	for _, m := range h.Snapshot() {
		want = append(want, member{m.If, m.Group})
	}
	if len(want) != 17 || !slices.IsSortedFunc(want, func(a, b member) int {
		return (a.If-b.If)*1000 + a.Group.Compare(b.Group)
	}) {
		t.Fatalf("snapshot %v", want)
	}
	for n := 1; n < 20; n++ {
		var got []member
		at, more := Cursor{}, true
		for more {
			var page []Membership
			page, at, more = h.Page(at, n)
			if len(page) > n || more && len(page) < n {
				t.Fatalf("page of %d with %d, more %v", n, len(page), more)
			}
			for _, m := range page {
				got = append(got, member{m.If, m.Group})
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("pages of %d: %v", n, got)
		}
	}
	if page, _, more := h.Page(Cursor{If: 3}, 100); len(page) != 6 || more {
		t.Errorf("from interface 3: %v", page)
	}
	if page, at, more := h.Page(Cursor{}, -1); len(page) != 0 || !more || at != (Cursor{}) {
		t.Errorf("a page of nothing: %v %v %v", page, at, more)
	}
}

// TestDataPathDoesNotAllocate: what every datagram passes.
func TestDataPathDoesNotAllocate(t *testing.T) {
	inBothNow(func(f family) {
		h := newOneHost(t, f, HostConfig{})
		h.mustSet(1, "EX abcdefgh")
		h.mustSet(2, "IN abcd")
		r := newOneRouter(t, f, RouterConfig{})
		r.hear("IS_EX(abcdefgh)")
		a := f.src("c")[0]
		if n := testing.AllocsPerRun(100, func() {
			h.Receives(1, f.groups[0], a)
			h.Accepts(1, 1, f.groups[0], a)
			h.Accepts(3, 1, f.groups[0], a)
			r.Forwards(1, f.groups[0], a)
		}); n != 0 {
			t.Errorf("%s: %v allocations", f.name, n)
		}
	})
}
