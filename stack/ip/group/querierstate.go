package group

import "strconv"

// QuerierState is what a router is on a link (RFC 3376 section 6.6.2, in the
// states of RFC 2236 section 7).
type QuerierState uint8

// States of a querier.
const (
	QuerierDown QuerierState = iota // the link is down
	Querier                         // this router asks
	NonQuerier                      // a router with a lower address asks
	numQuerierStates
)

// String returns the state's name.
func (s QuerierState) String() string {
	if s < numQuerierStates {
		return [...]string{"Down", "Querier", "NonQuerier"}[s]
	}
	return "QuerierState(" + strconv.Itoa(int(s)) + ")"
}

// querierEvent is what happens to a querier.
type querierEvent uint8

const (
	querierUp    querierEvent = iota // the link came up
	querierGone                      // the link went down
	querierTimer                     // the next query, or the loss of the other querier, is due
	querierLower                     // a query from a lower address
	querierOther                     // a query from a higher address, or from none
	numQuerierEvents
)

func (e querierEvent) String() string {
	if e < numQuerierEvents {
		return [...]string{"Up", "Gone", "Timer", "Lower", "Other"}[e]
	}
	return "querierEvent(" + strconv.Itoa(int(e)) + ")"
}

// querierAction is a set of things that a transition asks for.
type querierAction uint8

const (
	querierStartup querierAction = 1 << iota // begin the startup queries
	querierSend                              // send a general query and set the timer of the next
	querierAdopt                             // take over the other's values, set its presence timer
	querierStop                              // stop the timer
)

// stepQuerier is the transition function of a querier.
func stepQuerier(s QuerierState, e querierEvent) (QuerierState, querierAction, string) {
	if e == querierGone && s != QuerierDown {
		return QuerierDown, querierStop, "link down"
	}
	switch s {
	case QuerierDown:
		if e == querierUp {
			return Querier, querierStartup | querierSend, "link up"
		}
	case Querier:
		switch e {
		case querierTimer:
			return Querier, querierSend, "query interval passed"
		case querierLower:
			return NonQuerier, querierAdopt, "a lower address asks"
		}
	case NonQuerier:
		switch e {
		case querierTimer:
			return Querier, querierSend, "the other querier is gone"
		case querierLower:
			return NonQuerier, querierAdopt, "the other querier is there"
		}
	}
	return s, 0, "nothing to do"
}
