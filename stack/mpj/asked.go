package mpj

import (
	"maps"

	"github.com/mpstack/mpstack/stack/winsock"
	wire "github.com/mpstack/mpstack/wire/mpj"
)

// askedFamily is the handshake of the side that a JOIN reaches (docs/mpj.md,
// Handshake).
var askedFamily = newFamily(1, "asked", []state{stateNew, stateRequested, stateDeferred, stateAccepted},
	rows{
		{stateNew, evJOIN}: {to: stateRequested, do: doPending | doLimit | doRequest,
			reason: "a request enters the backlog"},
		{stateRequested, evDefer}: {to: stateDeferred,
			reason: "the condition function deferred it"},
		{stateDeferred, evDefer}: {to: stateDeferred,
			reason: "deferred again"},
	},
	undecidedRows(stateRequested),
	undecidedRows(stateDeferred),
	rows{
		{stateAccepted, evJOIN}: {to: stateAccepted, do: doAgain,
			reason: "a duplicate: the answer was lost or is slow"},
		{stateAccepted, evCONFIRM}: {to: stateMember, do: doEstablished | doMember | doSettle,
			reason: "confirmed"},
		{stateAccepted, evHELLO}: {to: stateMember, do: doHelloAck | doEstablished | doMember | doSettle,
			reason: "confirmed by a HELLO"},
		{stateAccepted, evHELLOACK}: {to: stateMember, do: doEstablished | doMember | doSettle,
			reason: "confirmed by a HELLO-ACK"},
		{stateAccepted, evOther}: {to: stateMember, do: doEstablished | doMember | doSettle,
			reason: "confirmed by a later message"},
		{stateAccepted, evLEAVE}: {to: stateClosed, do: doLeaveAck | doEstablished | doClosed | doBury,
			reason: "joined and ended before the CONFIRM came"},
		{stateAccepted, evCANCEL}: {to: stateClosed, do: doLeaveAck | doClosed | doBury,
			reason: "the asker called the join off"},
		{stateAccepted, evLEAVET}: {to: stateClosed, do: doClosed | doBury, wsa: winsock.WSAECONNRESET,
			reason: "the asker knows nothing of the join any more"},
		{stateAccepted, evRetransmit}: {to: stateAccepted, do: doAgain | doBackoff,
			reason: "not confirmed yet"},
		{stateAccepted, evLimit}: {to: stateLeaving, do: doLeave | doBackoff | doClosed | doRelease, code: wire.Unconfirmed, wsa: winsock.WSAECONNABORTED,
			reason: "never confirmed"},
		{stateAccepted, evLeave}: {to: stateLeaving, do: doLeave | doBackoff | doRelease,
			reason: "the application closed"},
		{stateAccepted, evAddressGone}: {to: stateLost, do: doClosed | doBury, code: wire.AddressGone, wsa: winsock.WSAENETDOWN,
			reason: "our address went away"},
		{stateAccepted, evRival}: {to: stateLeaving, do: doLeave | doBackoff | doClosed | doRelease, code: wire.Cancel, wsa: winsock.WSAECONNABORTED,
			reason: "the crossing join was first"},
	})

// undecidedRows are the rows that a request has before its decision, whether
// it was deferred or not.
func undecidedRows(s state) rows {
	r := rows{
		{s, evJOIN}: {to: s, do: doAgain,
			reason: "a duplicate"},
		{s, evAccept}: {to: stateAccepted, do: doSendMade | doBackoff | doLimit | doSettleLeaf,
			reason: "the application accepted"},
		{s, evCalleeRoom}: {to: stateClosed, do: doReject | doBury, code: wire.CalleeRoom,
			reason: "the callee data does not fit"},
		{s, evReject}: {to: stateClosed, do: doReject | doBury,
			reason: "the application refused"},
		{s, evLeave}: {to: stateClosed, do: doReject | doBury, code: wire.Refused,
			reason: "the application closed"},
		{s, evListenerClosed}: {to: stateClosed, do: doReject | doBury, code: wire.NoListener,
			reason: "the listener closed"},
	}
	maps.Copy(r, rows{
		{s, evLEAVE}: {to: stateClosed, do: doLeaveAck | doWithdrawn | doBury, wsa: winsock.WSAEACCES,
			reason: "the asker withdrew"},
		{s, evCANCEL}: {to: stateClosed, do: doLeaveAck | doWithdrawn | doBury, wsa: winsock.WSAEACCES,
			reason: "the asker withdrew"},
		{s, evLEAVET}: {to: stateClosed, do: doWithdrawn | doBury, wsa: winsock.WSAECONNRESET,
			reason: "the asker knows nothing of the join any more"},
		{s, evLimit}: {to: stateClosed, do: doReject | doWithdrawn | doBury, code: wire.Refused, wsa: winsock.WSAEACCES,
			reason: "the asker's time is over"},
		{s, evAddressGone}: {to: stateClosed, do: doWithdrawn | doBury, wsa: winsock.WSAENETDOWN,
			reason: "our address went away"},
		{s, evRival}: {to: stateClosed, do: doReject | doWithdrawn | doBury, code: wire.AlreadyMember, wsa: winsock.WSAEACCES,
			reason: "the crossing join was first"},
	})
	return r
}
