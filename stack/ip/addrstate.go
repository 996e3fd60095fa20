package ip

import "strconv"

// AddrState is the state of an address of an interface (RFC 4862 section 5.5.4
// for IPv6; IPv4's are the same but for deprecation, RFC 5227). AddrNone, the
// zero value, is that of an address that is not there, or whose interface was
// never up to check it.
type AddrState uint8

// States.
const (
	AddrNone       AddrState = iota
	AddrTentative            // being checked: not used, and not answered for
	AddrPreferred            // in use
	AddrDeprecated           // in use, but for nothing new
	AddrDuplicate            // somebody else has it: not used
	numAddrStates
)

// String returns the state's name.
func (s AddrState) String() string {
	if s < numAddrStates {
		return [...]string{"none", "tentative", "preferred", "deprecated", "duplicate"}[s]
	}
	return "AddrState(" + strconv.Itoa(int(s)) + ")"
}

// usable reports whether packets are sent from and received for the address.
func (s AddrState) usable() bool { return s == AddrPreferred || s == AddrDeprecated }

// addrEvent is what happens to an address.
type addrEvent uint8

const (
	evAssign   addrEvent = iota // it is to be used without a check
	evCheck                     // it is to be checked: it is new, or its link came up
	evTimeout                   // time for the next probe or announcement
	evChecked                   // nobody objected
	evConflict                  // somebody else uses it, or is about to
	evLost                      // the same, soon after it was defended
	evAged                      // its preferred lifetime is over
	evRenewed                   // it is preferred again
	evRemove                    // it is taken away, or its valid lifetime is over
	numAddrEvents
)

func (e addrEvent) String() string {
	if e < numAddrEvents {
		return [...]string{"assign", "check", "timeout", "checked", "conflict", "lost", "aged", "renewed", "remove"}[e]
	}
	return "addrEvent(" + strconv.Itoa(int(e)) + ")"
}

// addrAction is a set of things that a transition asks for.
type addrAction uint16

const (
	actUse      addrAction = 1 << iota // send from it and receive for it
	actUnuse                           // and no longer
	actSchedule                        // probe after a random delay
	actProbe                           // ask whether somebody has it
	actAnnounce                        // tell that we have it
	actDefend                          // tell so to who uses it too
	actReorder                         // source selection looks at it anew
	actStop                            // stop its timers
	actReady                           // say that it can be used
	actConflict                        // say that somebody else has it
	actGone                            // say that it is gone
)

// stepAddr is the transition function of an address: what becomes of state s
// when e happens, what is to be done, and why.
func stepAddr(s AddrState, e addrEvent) (AddrState, addrAction, string) {
	switch s {
	case AddrNone:
		switch e {
		case evAssign:
			return AddrPreferred, actUse, "taken as it is"
		case evCheck:
			return AddrTentative, actSchedule, "to be checked"
		}
		return AddrNone, 0, "not there"
	case AddrTentative:
		return stepTentative(e)
	case AddrPreferred, AddrDeprecated:
		return stepUsable(s, e)
	case AddrDuplicate:
		switch e {
		case evCheck:
			return AddrTentative, actSchedule, "to be checked anew"
		case evRemove:
			return AddrNone, actStop, "taken away"
		}
		return AddrDuplicate, 0, "somebody else has it"
	}
	return s, 0, "no such state"
}

func stepTentative(e addrEvent) (AddrState, addrAction, string) {
	switch e {
	case evCheck:
		return AddrTentative, actStop | actSchedule, "to be checked anew"
	case evTimeout:
		return AddrTentative, actProbe, "time to ask"
	case evChecked:
		return AddrPreferred, actUse | actReady | actAnnounce, "nobody objected"
	case evConflict, evLost:
		return AddrDuplicate, actStop | actConflict, "somebody else has it"
	case evRemove:
		return AddrNone, actStop | actGone, "taken away"
	}
	return AddrTentative, 0, "being checked"
}

func stepUsable(s AddrState, e addrEvent) (AddrState, addrAction, string) {
	switch e {
	case evCheck:
		return AddrTentative, actUnuse | actStop | actSchedule, "to be checked anew"
	case evTimeout:
		return s, actAnnounce, "time to tell again"
	case evConflict:
		return s, actDefend, "somebody uses it too"
	case evLost:
		return AddrDuplicate, actUnuse | actStop | actConflict, "somebody goes on using it"
	case evAged:
		if s == AddrPreferred {
			return AddrDeprecated, actReorder, "preferred lifetime over"
		}
	case evRenewed:
		if s == AddrDeprecated {
			return AddrPreferred, actReorder, "preferred again"
		}
	case evRemove:
		return AddrNone, actUnuse | actStop | actGone, "taken away"
	}
	return s, 0, "in use"
}
