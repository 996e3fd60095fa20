package group

import (
	"net/netip"
	"testing"
)

// letters makes a set of the sources a to z: 10.0.0.'a' and so on.
func letters(s string) set {
	var addrs []netip.Addr
	for _, c := range []byte(s) {
		addrs = append(addrs, netip.AddrFrom4([4]byte{10, 0, 0, c}))
	}
	return newSet(addrs)
}

func same(a, b set) bool { return len(a) == 0 && len(b) == 0 || a.equal(b) }

// TestRouterStep states the tables of RFC 3376 sections 6.4.1 and 6.4.2 and
// the timers of 6.5, a row each for both modes. State and event sources are
// letters: INCLUDE(A) has A = abc, EXCLUDE(X,Y) has X = abc, Y = xyz, and
// record names bcdy.
func TestRouterStep(t *testing.T) {
	t.Parallel()
	type want struct {
		mode            Mode
		active, blocked string
		renew, follow   string
		groupTimer      bool
		query           bool
		ask             string
	}
	const b = "bcdy" // of a: bc known; of x,y: y blocked; d new
	inc, exc := include(letters("abc")), exclude(letters("abc"), letters("xyz"))
	for _, c := range []struct {
		state routerState
		event routerEvent
		want  want
	}{
		// INCLUDE(A)
		{inc, evIsIn, want{mode: Include, active: "abcdy", renew: b}},
		{inc, evIsEx, want{mode: Exclude, active: "bc", blocked: "dy", groupTimer: true}},
		{inc, evAllow, want{mode: Include, active: "abcdy", renew: b}},
		{inc, evBlock, want{mode: Include, active: "abc", ask: "bc"}},
		{inc, evToEx, want{mode: Exclude, active: "bc", blocked: "dy", groupTimer: true, ask: "bc"}},
		{inc, evToIn, want{mode: Include, active: "abcdy", renew: b, ask: "a"}},
		{inc, evSourceTimeout, want{mode: Include, active: "a"}},
		{inc, evGroupTimeout, want{mode: Include, active: "abc"}},
		{inc, evReset, want{}},
		// EXCLUDE(X,Y)
		{exc, evIsIn, want{mode: Exclude, active: "abcdy", blocked: "xz", renew: b}},
		{exc, evIsEx, want{mode: Exclude, active: "bcd", blocked: "y", renew: "d", groupTimer: true}},
		{exc, evAllow, want{mode: Exclude, active: "abcdy", blocked: "xz", renew: b}},
		{exc, evBlock, want{mode: Exclude, active: "abcd", blocked: "xyz", follow: "d", ask: "bcd"}},
		{exc, evToEx, want{mode: Exclude, active: "bcd", blocked: "y", follow: "d", groupTimer: true, ask: "bcd"}},
		{exc, evToIn, want{mode: Exclude, active: "abcdy", blocked: "xz", renew: b, query: true, ask: "a"}},
		{exc, evSourceTimeout, want{mode: Exclude, active: "a", blocked: "bcxyz"}},
		{exc, evGroupTimeout, want{mode: Include, active: "abc"}},
		{exc, evReset, want{}},
	} {
		to, eff := step(c.state, c.event, letters(b))
		w := c.want
		if to.mode != w.mode || !same(to.active, letters(w.active)) || !same(to.blocked, letters(w.blocked)) {
			t.Errorf("%v + %v: %v, want %v(%s, %s)", c.state, c.event, to, w.mode, w.active, w.blocked)
		}
		if !same(eff.renew, letters(w.renew)) || !same(eff.follow, letters(w.follow)) || !same(eff.ask, letters(w.ask)) ||
			eff.groupTimer != w.groupTimer || eff.query != w.query {
			t.Errorf("%v + %v: effect %+v", c.state, c.event, eff)
		}
		if eff.reason == "" {
			t.Errorf("%v + %v: no reason", c.state, c.event)
		}
	}
}

func TestRouterStepUnknownEvent(t *testing.T) {
	t.Parallel()
	for _, s := range []routerState{include(letters("a")), exclude(letters("a"), letters("b"))} {
		to, eff := step(s, 200, letters("c"))
		if to.String() != s.String() || eff.groupTimer || eff.query || len(eff.ask)+len(eff.renew) > 0 {
			t.Errorf("%v became %v", s, to)
		}
	}
	if got := routerEvent(200).String() + routerEvent(0).String() + (evReset + 1).String(); got != "routerEvent(200)routerEvent(0)routerEvent(10)" {
		t.Errorf("names: %s", got)
	}
}

func TestForwardsAndDifference(t *testing.T) {
	t.Parallel()
	a, x, q := letters("a")[0], letters("x")[0], letters("q")[0]
	inc, exc := include(letters("ab")), exclude(letters("ab"), letters("xy"))
	if !inc.forwards(a) || inc.forwards(x) || !exc.forwards(a) || exc.forwards(x) || !exc.forwards(q) {
		t.Error("forwards is wrong")
	}
	for _, c := range []struct {
		from, to routerState
		srcs     string
		any      bool
	}{
		{inc, include(letters("bc")), "ac", false},
		{inc, inc, "", false},
		{exc, exclude(letters("ab"), letters("yz")), "xz", false},
		{exc, exclude(letters("abc"), letters("xy")), "", false},
		{inc, exc, "", true},
		{exc, routerState{}, "", true},
	} {
		srcs, any := difference(c.from, c.to)
		if any != c.any || !same(srcs, letters(c.srcs)) {
			t.Errorf("difference(%v, %v) = %v, %v", c.from, c.to, srcs, any)
		}
	}
}

func TestQuerierStep(t *testing.T) {
	t.Parallel()
	type want struct {
		to  QuerierState
		act querierAction
	}
	table := [numQuerierStates][numQuerierEvents]want{
		QuerierDown: {
			querierUp:    {Querier, querierStartup | querierSend},
			querierGone:  {QuerierDown, 0},
			querierTimer: {QuerierDown, 0},
			querierLower: {QuerierDown, 0},
			querierOther: {QuerierDown, 0},
		},
		Querier: {
			querierUp:    {Querier, 0},
			querierGone:  {QuerierDown, querierStop},
			querierTimer: {Querier, querierSend},
			querierLower: {NonQuerier, querierAdopt},
			querierOther: {Querier, 0},
		},
		NonQuerier: {
			querierUp:    {NonQuerier, 0},
			querierGone:  {QuerierDown, querierStop},
			querierTimer: {Querier, querierSend},
			querierLower: {NonQuerier, querierAdopt},
			querierOther: {NonQuerier, 0},
		},
	}
	for s := range numQuerierStates {
		for e := range numQuerierEvents {
			to, act, reason := stepQuerier(s, e)
			if (want{to, act}) != table[s][e] {
				t.Errorf("stepQuerier(%v, %v) = %v, %#x; want %v, %#x", s, e, to, act, table[s][e].to, table[s][e].act)
			}
			if reason == "" {
				t.Errorf("stepQuerier(%v, %v) gives no reason", s, e)
			}
		}
	}
	if got := numQuerierStates.String() + numQuerierEvents.String(); got != "QuerierState(3)querierEvent(5)" {
		t.Errorf("names beyond the tables: %s", got)
	}
}

func TestSets(t *testing.T) {
	t.Parallel()
	a, b := letters("cab"), letters("dcb")
	if got := newSet(append(append([]netip.Addr{{}}, a...), a...)); !got.equal(letters("abc")) {
		t.Errorf("newSet: %v", got)
	}
	if !a.plus(b).equal(letters("abcd")) || !a.plus(nil).equal(a) || !set(nil).plus(a).equal(a) {
		t.Error("plus is wrong")
	}
	if !a.minus(b).equal(letters("a")) || !a.and(b).equal(letters("bc")) || a.has(b[2]) {
		t.Error("minus, and, or has is wrong")
	}
	if !a.equal(letters("abc")) {
		t.Error("an operation changed its operand")
	}
}
