package mpj

import (
	"github.com/mpstack/mpstack/stack/winsock"
	wire "github.com/mpstack/mpstack/wire/mpj"
)

// askerFamily is the handshake of the side that sends JOIN (docs/mpj.md,
// Handshake). In Joining the asked side's tag is unknown, so that a join that
// ends there cannot be called off: its tombstone (Lost) answers what comes
// later with LEAVE(CANCEL).
var askerFamily = newFamily(0, "asker", []state{stateNew, stateJoining, stateWaiting}, rows{
	{stateNew, evAsk}: {to: stateJoining, do: doSendJoin | doBackoff | doLimit,
		reason: "the application joins"},

	{stateJoining, evPENDING}: {to: stateWaiting, do: doLearn | doSlow,
		reason: "the request waits at the asked side"},
	{stateJoining, evACCEPT}: {to: stateMember, do: doLearn | doConfirm | doJoined | doMember | doSettle,
		reason: "accepted"},
	{stateJoining, evBadACCEPT}: {to: stateLeaving, do: doLearn | doLeave | doBackoff | doRefused | doRelease, code: wire.Cancel,
		reason: "the ACCEPT is not usable"},
	{stateJoining, evREJECT}: {to: stateLost, do: doRefused | doBury, code: wire.Cancel,
		reason: "refused"},
	{stateJoining, evLEAVE}: {to: stateClosed, do: doLearn | doLeaveAck | doRefused | doBury, wsa: winsock.WSAECONNREFUSED,
		reason: "accepted and ended before the ACCEPT came"},
	{stateJoining, evCANCEL}: {to: stateClosed, do: doLearn | doLeaveAck | doRefused | doBury, wsa: winsock.WSAECONNREFUSED,
		reason: "accepted and ended before the ACCEPT came"},
	{stateJoining, evRetransmit}: {to: stateJoining, do: doSendJoin | doBackoff,
		reason: "no answer yet"},
	{stateJoining, evLimit}: {to: stateLost, do: doRefused | doBury, code: wire.Cancel, wsa: winsock.WSAETIMEDOUT,
		reason: "no answer in time"},
	{stateJoining, evLeave}: {to: stateLost, do: doBury, code: wire.Cancel,
		reason: "the application cancelled"},
	{stateJoining, evUnreachable}: {to: stateLost, do: doRefused | doBury, code: wire.Cancel,
		reason: "ICMP says unreachable"},
	{stateJoining, evAddressGone}: {to: stateLost, do: doRefused | doBury, code: wire.Cancel, wsa: winsock.WSAENETDOWN,
		reason: "our address went away"},
	{stateJoining, evRival}: {to: stateLost, do: doRefused | doBury, code: wire.Cancel, wsa: winsock.WSAEISCONN,
		reason: "the crossing join was first"},

	{stateWaiting, evPENDING}: {to: stateWaiting,
		reason: "still waiting"},
	{stateWaiting, evACCEPT}: {to: stateMember, do: doConfirm | doJoined | doMember | doSettle,
		reason: "accepted"},
	{stateWaiting, evBadACCEPT}: {to: stateLeaving, do: doLeave | doBackoff | doRefused | doRelease, code: wire.Cancel,
		reason: "the ACCEPT is not usable"},
	{stateWaiting, evREJECT}: {to: stateLost, do: doRefused | doBury, code: wire.Cancel,
		reason: "refused"},
	{stateWaiting, evLEAVE}: {to: stateClosed, do: doLeaveAck | doRefused | doBury, wsa: winsock.WSAECONNREFUSED,
		reason: "accepted and ended before the ACCEPT came"},
	{stateWaiting, evCANCEL}: {to: stateClosed, do: doLeaveAck | doRefused | doBury, wsa: winsock.WSAECONNREFUSED,
		reason: "accepted and ended before the ACCEPT came"},
	{stateWaiting, evLEAVET}: {to: stateClosed, do: doRefused | doBury, wsa: winsock.WSAECONNREFUSED,
		reason: "the asked side knows nothing of the request any more"},
	{stateWaiting, evRetransmit}: {to: stateWaiting, do: doSendJoin | doSlow,
		reason: "still waiting"},
	{stateWaiting, evLimit}: {to: stateLeaving, do: doLeave | doBackoff | doRefused | doRelease, code: wire.Cancel, wsa: winsock.WSAETIMEDOUT,
		reason: "no decision in time"},
	{stateWaiting, evLeave}: {to: stateLeaving, do: doLeave | doBackoff | doRelease, code: wire.Cancel,
		reason: "the application cancelled"},
	{stateWaiting, evUnreachable}: {to: stateLost, do: doRefused | doBury, code: wire.Cancel,
		reason: "ICMP says unreachable"},
	{stateWaiting, evAddressGone}: {to: stateLost, do: doRefused | doBury, code: wire.Cancel, wsa: winsock.WSAENETDOWN,
		reason: "our address went away"},
	{stateWaiting, evRival}: {to: stateLeaving, do: doLeave | doBackoff | doRefused | doRelease, code: wire.Cancel, wsa: winsock.WSAEISCONN,
		reason: "the crossing join was first"},
})
