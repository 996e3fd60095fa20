package group

import (
	"fmt"
	"net/netip"
	"strconv"

	"github.com/mpstack/mpstack/wire/igmp"
)

// routerState is what a router knows of a group on a link (RFC 3376 section
// 6.2): INCLUDE(Active), or EXCLUDE(Active, Blocked) in the RFC's letters X
// and Y. The sources in Active have a running timer, those in Blocked have
// none and are not forwarded.
type routerState struct {
	mode    Mode
	active  set
	blocked set
}

// idle reports whether nobody listens: such a group has no record.
func (s routerState) idle() bool { return s.mode == Include && len(s.active) == 0 }

// size returns how many sources the state names.
func (s routerState) size() int { return len(s.active) + len(s.blocked) }

// String returns the state in the RFC's notation.
func (s routerState) String() string {
	if s.mode == Include {
		return fmt.Sprintf("INCLUDE(%v)", s.active)
	}
	return fmt.Sprintf("EXCLUDE(%v, %v)", s.active, s.blocked)
}

// routerEvent is what happens to a group's record: a record of a report, in
// the numbers of its type, or a timer.
type routerEvent uint8

const (
	evIsIn  = routerEvent(igmp.ModeIsInclude)
	evIsEx  = routerEvent(igmp.ModeIsExclude)
	evToIn  = routerEvent(igmp.ChangeToInclude)
	evToEx  = routerEvent(igmp.ChangeToExclude)
	evAllow = routerEvent(igmp.AllowNewSources)
	evBlock = routerEvent(igmp.BlockOldSources)

	evSourceTimeout routerEvent = 7 // of the sources given
	evGroupTimeout  routerEvent = 8
	evReset         routerEvent = 9 // the link went down
)

// String returns the event's name.
func (e routerEvent) String() string {
	names := [...]string{evIsIn: "IS_IN", evIsEx: "IS_EX", evToIn: "TO_IN", evToEx: "TO_EX", evAllow: "ALLOW", evBlock: "BLOCK",
		evSourceTimeout: "SourceTimeout", evGroupTimeout: "GroupTimeout", evReset: "Reset"}
	if int(e) < len(names) && names[e] != "" {
		return names[e]
	}
	return "routerEvent(" + strconv.Itoa(int(e)) + ")"
}

// effect is what a transition of a record asks for. Sources that leave Active
// lose their timers without being named.
type effect struct {
	renew      set  // source timers = group membership interval
	follow     set  // source timers = group timer, as it was
	groupTimer bool // group timer = group membership interval
	query      bool // Send Q(G)
	ask        set  // Send Q(G, sources)
	reason     string
}

// step is the transition function of a router's group record: the tables of
// RFC 3376 sections 6.4.1, 6.4.2 and 6.5, which RFC 3810 section 7 repeats. b
// is the record's source list.
func step(s routerState, e routerEvent, b set) (routerState, effect) {
	if e == evReset {
		return routerState{}, effect{reason: "link down"}
	}
	if s.mode == Include {
		return stepInclude(s.active, e, b)
	}
	return stepExclude(s.active, s.blocked, e, b)
}

func include(a set) routerState                   { return routerState{mode: Include, active: a} }
func exclude(x, y set) routerState                { return routerState{mode: Exclude, active: x, blocked: y} }
func ignored(s routerState) (routerState, effect) { return s, effect{reason: "nothing to do"} }

func stepInclude(a set, e routerEvent, b set) (routerState, effect) {
	switch e {
	case evIsIn, evAllow:
		return include(a.plus(b)), effect{renew: b, reason: "sources wanted"}
	case evToIn:
		return include(a.plus(b)), effect{renew: b, ask: a.minus(b), reason: "only these wanted by one"}
	case evBlock:
		return include(a), effect{ask: a.and(b), reason: "sources no longer wanted by one"}
	case evIsEx:
		return exclude(a.and(b), b.minus(a)), effect{groupTimer: true, reason: "all but these wanted"}
	case evToEx:
		return exclude(a.and(b), b.minus(a)), effect{groupTimer: true, ask: a.and(b), reason: "all but these wanted now"}
	case evSourceTimeout:
		return include(a.minus(b)), effect{reason: "nobody wants the source"}
	}
	return ignored(include(a))
}

func stepExclude(x, y set, e routerEvent, a set) (routerState, effect) {
	switch e {
	case evIsIn, evAllow:
		return exclude(x.plus(a), y.minus(a)), effect{renew: a, reason: "sources wanted"}
	case evToIn:
		return exclude(x.plus(a), y.minus(a)), effect{renew: a, ask: x.minus(a), query: true, reason: "only these wanted by one"}
	case evBlock:
		return exclude(x.plus(a.minus(y)), y), effect{follow: a.minus(x).minus(y), ask: a.minus(y), reason: "sources no longer wanted by one"}
	case evIsEx:
		return exclude(a.minus(y), y.and(a)), effect{renew: a.minus(x).minus(y), groupTimer: true, reason: "all but these wanted"}
	case evToEx:
		return exclude(a.minus(y), y.and(a)), effect{follow: a.minus(x).minus(y), groupTimer: true, ask: a.minus(y), reason: "all but these wanted now"}
	case evSourceTimeout:
		return exclude(x.minus(a), y.plus(x.and(a))), effect{reason: "nobody wants the source"}
	case evGroupTimeout:
		return include(x), effect{reason: "nobody wants all sources"}
	}
	return ignored(exclude(x, y))
}

// forwards reports whether datagrams from src are wanted.
func (s routerState) forwards(src netip.Addr) bool {
	if s.mode == Include {
		return s.active.has(src)
	}
	return !s.blocked.has(src)
}

// difference returns the sources of which a changes into b's forwarding; any
// means that it may be every source.
func difference(a, b routerState) (srcs set, any bool) {
	if a.mode != b.mode {
		return nil, true
	}
	x, y := a.active, b.active
	if a.mode == Exclude {
		x, y = a.blocked, b.blocked
	}
	return x.minus(y).plus(y.minus(x)), false
}
