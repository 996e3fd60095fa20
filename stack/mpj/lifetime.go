package mpj

import (
	"github.com/mpstack/mpstack/stack/winsock"
	wire "github.com/mpstack/mpstack/wire/mpj"
)

// lifetimeStates are the states of the root and leaf families.
var lifetimeStates = []state{stateMember, stateLeaving, stateLost, stateClosed}

// lifetimeRows are what root and leaf have in common (docs/mpj.md, Lifetime).
func lifetimeRows() rows {
	r := memberRows()
	for p, st := range endingRows() {
		r[p] = st
	}
	return r
}

func memberRows() rows {
	return rows{
		{stateMember, evACCEPT}: {to: stateMember, do: doConfirm,
			reason: "a duplicate: the CONFIRM was lost or is slow"},
		{stateMember, evCONFIRM}: {to: stateMember,
			reason: "a duplicate"},
		{stateMember, evLEAVE}: {to: stateClosed, do: doLeaveAck | doClosed | doBury,
			reason: "the peer ended it"},
		{stateMember, evCANCEL}: {to: stateClosed, do: doLeaveAck | doClosed | doBury,
			reason: "the peer called the join off"},
		{stateMember, evLEAVET}: {to: stateClosed, do: doClosed | doBury, wsa: winsock.WSAECONNRESET,
			reason: "the peer knows nothing of it any more"},
		{stateMember, evLeave}: {to: stateLeaving, do: doLeave | doBackoff | doRelease,
			reason: "the application closed"},
		{stateMember, evHold}: {to: stateLeaving, do: doLeave | doBackoff | doClosed | doRelease, code: wire.Silent, wsa: winsock.WSAECONNRESET,
			reason: "nothing was heard for the hold time"},
		{stateMember, evAddressGone}: {to: stateLost, do: doClosed | doBury, code: wire.AddressGone, wsa: winsock.WSAENETDOWN,
			reason: "our address went away"},
	}
}

// endingRows are the way from LEAVE to the end.
func endingRows() rows {
	r := rows{
		{stateLeaving, evLEAVE}: {to: stateClosed, do: doLeaveAck | doBury,
			reason: "both ended it at once"},
		{stateLeaving, evCANCEL}: {to: stateClosed, do: doLeaveAck | doBury,
			reason: "both ended it at once"},
		{stateLeaving, evREJECT}: {to: stateClosed, do: doBury,
			reason: "refused while we called it off"},
		{stateLeaving, evLEAVEACK}: {to: stateClosed, do: doBury,
			reason: "the peer knows"},
		{stateLeaving, evLEAVET}: {to: stateClosed, do: doBury,
			reason: "the peer has forgotten it already"},
		{stateLeaving, evRetransmit}: {to: stateLeaving, do: doLeaveAgain | doBackoff,
			reason: "no LEAVE-ACK yet"},
		{stateLeaving, evLimit}: {to: stateLost, do: doBury,
			reason: "no LEAVE-ACK"},
		{stateLeaving, evAddressGone}: {to: stateLost, do: doBury,
			reason: "our address went away"},

		{stateLost, evLEAVE}: {to: stateClosed, do: doLearn | doLeaveAck,
			reason: "the peer ended it too"},
		{stateLost, evCANCEL}: {to: stateClosed, do: doLearn | doLeaveAck,
			reason: "the peer ended it too"},
		{stateLost, evLEAVEACK}: {to: stateClosed,
			reason: "the peer knows"},
		{stateLost, evLEAVET}: {to: stateClosed,
			reason: "the peer has forgotten it"},
		{stateLost, evExpire}: {to: stateGone, do: doForget,
			reason: "the tombstone's time is over"},

		{stateClosed, evJOIN}: {to: stateClosed, do: doAgain,
			reason: "a duplicate: the REJECT was lost or is slow"},
		{stateClosed, evLEAVE}: {to: stateClosed, do: doLeaveAck,
			reason: "a duplicate: the LEAVE-ACK was lost or is slow"},
		{stateClosed, evCANCEL}: {to: stateClosed, do: doLeaveAck,
			reason: "a duplicate: the LEAVE-ACK was lost or is slow"},
		{stateClosed, evExpire}: {to: stateGone, do: doForget,
			reason: "the tombstone's time is over"},
	}
	// Whoever speaks to a tombstone as if the association stood is told that
	// it does not. The asker's tombstone learns the tag of the asked side so.
	for _, ev := range [...]event{evPENDING, evACCEPT, evBadACCEPT, evCONFIRM, evHELLO, evHELLOACK, evOther} {
		r[pair{stateLost, ev}] = step{to: stateLost, do: doLearn | doLeave, reason: "the peer does not know that it is over"}
	}
	return r
}
