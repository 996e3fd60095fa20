package group

import "strconv"

// olderState is what a host is of a group on a link whose querier speaks an
// older version: the host states of RFC 2236 section 6 and RFC 2710 section 5.
// On other links it is olderNonMember.
type olderState uint8

const (
	olderNonMember olderState = iota
	olderDelaying             // a report is to be sent when the timer expires
	olderIdle                 // a member with nothing to say
	numOlderStates
)

// String returns the state's name.
func (s olderState) String() string {
	if s < numOlderStates {
		return [...]string{"NonMember", "DelayingMember", "IdleMember"}[s]
	}
	return "olderState(" + strconv.Itoa(int(s)) + ")"
}

// olderEvent is what happens to an olderState.
type olderEvent uint8

const (
	olderJoin     olderEvent = iota // the group was joined
	olderFallback                   // the link fell back to an older version after the group was joined
	olderLeave                      // the group was left
	olderQuery                      // a query, general or about the group
	olderReport                     // another host's report
	olderTimer                      // the timer expired
	olderReset                      // the link went down or changed its version
	numOlderEvents
)

func (e olderEvent) String() string {
	if e < numOlderEvents {
		return [...]string{"Join", "Fallback", "Leave", "Query", "Report", "Timer", "Reset"}[e]
	}
	return "olderEvent(" + strconv.Itoa(int(e)) + ")"
}

// olderAction is a set of things that a transition asks for.
type olderAction uint8

const (
	olderSend      olderAction = 1 << iota // send a report
	olderSendLeave                         // send a leave if the flag is set
	olderSetFlag                           // this host reported last
	olderClearFlag                         // another host did
	olderStart                             // start the timer
	olderSooner                            // start it anew where that may be sooner
	olderStop                              // stop it
)

// stepOlder is the transition function of an olderState.
func stepOlder(s olderState, e olderEvent) (olderState, olderAction, string) {
	switch s {
	case olderNonMember:
		switch e {
		case olderJoin:
			return olderDelaying, olderSend | olderSetFlag | olderStart, "joined"
		case olderFallback:
			return olderIdle, olderSetFlag, "joined before"
		}
	case olderDelaying:
		switch e {
		case olderLeave:
			return olderNonMember, olderStop | olderSendLeave, "left"
		case olderQuery:
			return olderDelaying, olderSooner, "asked again"
		case olderReport:
			return olderIdle, olderStop | olderClearFlag, "another host reported"
		case olderTimer:
			return olderIdle, olderSend | olderSetFlag, "time to report"
		case olderReset:
			return olderNonMember, olderStop, "version changed or link down"
		}
	case olderIdle:
		switch e {
		case olderLeave:
			return olderNonMember, olderSendLeave, "left"
		case olderQuery:
			return olderDelaying, olderStart, "asked"
		case olderReset:
			return olderNonMember, 0, "version changed or link down"
		}
	}
	return s, 0, "nothing to do"
}
