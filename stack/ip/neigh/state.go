package neigh

import "strconv"

// State is the state of an entry (RFC 4861 section 7.3.2). None, the zero
// value, is the state of a neighbour without an entry.
type State uint8

// States.
const (
	None       State = iota
	Incomplete       // asked, no answer yet; packets wait
	Reachable        // answered lately
	Stale            // an address is known, its age is not
	Delay            // in use since it went stale; a probe follows unless confirmed
	Probe            // asked by unicast, no answer yet
	numStates
)

// String returns the state's name as RFC 4861 writes it.
func (s State) String() string {
	if s < numStates {
		return [...]string{"NONE", "INCOMPLETE", "REACHABLE", "STALE", "DELAY", "PROBE"}[s]
	}
	return "State(" + strconv.Itoa(int(s)) + ")"
}

// Event is what happens to an entry.
type Event uint8

// Events.
const (
	EventSend         Event = iota // a packet wants the address
	EventConfirmed                 // a solicited answer whose address may be used
	EventRepeated                  // an unsolicited message with the address that is known
	EventChanged                   // an unsolicited message with an address that is new and may be used
	EventContradicted              // an answer with another address that may not override (RFC 4861 section 7.2.5, I)
	EventTimeout                   // a timer fired, tries are left
	EventExhausted                 // a timer fired after the last try
	EventExpired                   // the reachable time has passed
	EventFlushed                   // the link went down or the address left the link
	numEvents
)

// String returns the event's name.
func (e Event) String() string {
	if e < numEvents {
		return [...]string{"Send", "Confirmed", "Repeated", "Changed", "Contradicted",
			"Timeout", "Exhausted", "Expired", "Flushed"}[e]
	}
	return "Event(" + strconv.Itoa(int(e)) + ")"
}

// Action is a set of things that a transition asks for.
type Action uint16

// Actions.
const (
	ActQueue     Action = 1 << iota // let the packet wait
	ActTransmit                     // send the packet to the known address
	ActSolicit                      // ask all neighbours
	ActProbe                        // ask the known address
	ActRetrans                      // set the timer for the next try
	ActDelay                        // set the timer of DELAY_FIRST_PROBE_TIME
	ActReachable                    // draw a new reachable time
	ActLearn                        // record the address that was heard
	ActRelease                      // send what waits
	ActFail                         // return what waits
	ActStop                         // stop the timer
)

// Step is the transition function of a neighbour: what becomes of state s when
// e happens, what is to be done, and why.
func Step(s State, e Event) (State, Action, string) {
	if e == EventFlushed && s != None {
		return None, ActStop | ActFail, "flushed"
	}
	switch s {
	case None:
		return stepNone(e)
	case Incomplete:
		return stepIncomplete(e)
	case Reachable:
		return stepReachable(e)
	case Stale:
		return stepStale(e)
	case Delay:
		return stepDelay(e)
	case Probe:
		return stepProbe(e)
	}
	return s, 0, "no such state"
}

func stepNone(e Event) (State, Action, string) {
	switch e {
	case EventSend:
		return Incomplete, ActQueue | ActSolicit | ActRetrans, "first packet"
	case EventChanged:
		return Stale, ActLearn, "it asked for us"
	}
	return None, 0, "no entry"
}

func stepIncomplete(e Event) (State, Action, string) {
	switch e {
	case EventSend:
		return Incomplete, ActQueue, "answer awaited"
	case EventConfirmed:
		return Reachable, ActLearn | ActReachable | ActStop | ActRelease, "it answered"
	case EventChanged:
		return Stale, ActLearn | ActStop | ActRelease, "it was heard"
	case EventTimeout:
		return Incomplete, ActSolicit | ActRetrans, "no answer, try again"
	case EventExhausted:
		return None, ActFail, "no answer to any try"
	}
	return Incomplete, 0, "no address known"
}

func stepReachable(e Event) (State, Action, string) {
	switch e {
	case EventSend:
		return Reachable, ActTransmit, "reachable"
	case EventConfirmed:
		return Reachable, ActLearn | ActReachable, "confirmed again"
	case EventChanged:
		return Stale, ActLearn, "another address was heard"
	case EventContradicted:
		return Stale, 0, "another address, without override"
	case EventExpired:
		return Stale, 0, "reachable time passed"
	}
	return Reachable, 0, "reachable"
}

func stepStale(e Event) (State, Action, string) {
	switch e {
	case EventSend:
		return Delay, ActTransmit | ActDelay, "in use again"
	case EventConfirmed:
		return Reachable, ActLearn | ActReachable, "it answered"
	case EventChanged:
		return Stale, ActLearn, "another address was heard"
	}
	return Stale, 0, "stale"
}

func stepDelay(e Event) (State, Action, string) {
	switch e {
	case EventSend:
		return Delay, ActTransmit, "probe is due soon"
	case EventConfirmed:
		return Reachable, ActLearn | ActReachable | ActStop, "it answered"
	case EventChanged:
		return Stale, ActLearn | ActStop, "another address was heard"
	case EventTimeout, EventExhausted:
		return Probe, ActProbe | ActRetrans, "not confirmed meanwhile"
	}
	return Delay, 0, "probe is due soon"
}

func stepProbe(e Event) (State, Action, string) {
	switch e {
	case EventSend:
		return Probe, ActTransmit, "answer to the probe awaited"
	case EventConfirmed:
		return Reachable, ActLearn | ActReachable | ActStop, "it answered the probe"
	case EventChanged:
		return Stale, ActLearn | ActStop, "another address was heard"
	case EventTimeout:
		return Probe, ActProbe | ActRetrans, "no answer, try again"
	case EventExhausted:
		return None, 0, "no answer to any probe"
	}
	return Probe, 0, "answer to the probe awaited"
}
