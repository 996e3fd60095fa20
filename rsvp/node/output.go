package node

import (
	"net/netip"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/intserv"
)

// OutputKind says which member of an Output is set.
type OutputKind uint8

// Kinds of output.
const (
	KindSend   OutputKind = iota + 1 // Send: an IP message of protocol 46
	KindUpcall                       // Upcall: for the application of a session
	KindTC                           // TC: a request to traffic control
)

// Output is one element of the node's output queue.
type Output struct {
	Kind   OutputKind
	Send   Send
	Upcall Upcall
	TC     TCRequest
}

// Send is an IP message of protocol 46. Src is the data sender's address for
// Path and PathTear, so it may be foreign.
type Send struct {
	Src, Dst    netip.Addr
	OutIf       int // 0: by route
	TTL         uint8
	TOS         uint8
	RouterAlert bool
	Payload     []byte // valid until the next call into the node
	Cause       machine.Cause
}

// UpcallKind is the type of an upcall: RFC 2205 section 3.11.1 and the two ends
// that its PATH_EVENT and RESV_EVENT leave out.
type UpcallKind uint8

// Kinds of upcall.
const (
	PathEvent   UpcallKind = iota + 1 // a sender's path state is new or changed
	PathTear                          // a sender is gone; Left counts those that remain
	ResvEvent                         // the reservation for our sender is new or changed
	ResvTear                          // the reservation for our sender is gone; Left counts those that remain
	PathError                         // PathErr for our sender
	ResvError                         // ResvErr for our reservation
	ResvConfirm                       // our reservation is confirmed
)

// String returns the kind's name.
func (k UpcallKind) String() string {
	return [...]string{"none", "PathEvent", "PathTear", "ResvEvent", "ResvTear", "PathError", "ResvError", "ResvConfirm"}[k]
}

// Upcall tells the application of one session registration what happened.
type Upcall struct {
	Session SessionID
	Kind    UpcallKind
	InIf    int // PathEvent: where the sender's data comes in

	// Sender is whom the upcall is about: the sender for PathEvent, PathTear and
	// PathError, our own sender for ResvEvent and ResvTear.
	Sender    netip.AddrPort
	TSpec     intserv.TSpec  // PathEvent; zero where the sender offers the Null service alone
	Null      rsvp.NullTSpec // PathEvent
	HasAdSpec bool           // PathEvent
	AdSpec    intserv.AdSpec // PathEvent
	Left      int            // PathTear: senders that remain; ResvTear: our senders that are still reserved for

	Style    rsvp.Style        // ResvEvent, ResvError, ResvConfirm
	FlowSpec intserv.FlowSpec  // ResvEvent: in place here; ResvError, ResvConfirm: from the message
	DClass   []uint8           // ResvEvent: code points that the network wants the flow to be marked with (RFC 2996)
	Filters  []rsvp.FilterSpec // ResvEvent, ResvError, ResvConfirm; valid until the next call

	Error rsvp.ErrorSpec // PathError, ResvError, ResvConfirm
}

// TCOp is what a TCRequest asks for.
type TCOp uint8

// Requests to traffic control (RFC 2205 section 3.11.2). Filters travel with
// the flowspec: TCModify says the whole new list.
const (
	TCAdd    TCOp = iota + 1 // wants an answer by HandleTCResult
	TCModify                 // wants an answer by HandleTCResult; a refusal leaves the old reservation in force
	TCRemove                 // wants none
)

// String returns the request's name.
func (o TCOp) String() string { return [...]string{"none", "add", "modify", "remove"}[o] }

// PoliceFlags tell traffic control where it must police (RFC 2205 section 3.8).
type PoliceFlags uint8

// Police flags.
const (
	PoliceEntry  PoliceFlags = 1 << iota // first node that is capable of it
	PoliceMerge                          // a shared reservation for more than one sender
	PoliceBranch                         // less than what another interface has
)

// TCID names a reservation between the node and traffic control; it stays the
// same through TCAdd, TCModify and TCRemove and is never used again.
type TCID uint64

// TCRequest asks traffic control to make, change or remove one reservation.
type TCRequest struct {
	ID        TCID
	Op        TCOp
	If        int // outgoing interface
	Session   rsvp.Session
	Style     rsvp.Style
	Filters   []rsvp.FilterSpec // empty: every sender; valid until the next call
	FlowSpec  intserv.FlowSpec  // effective flowspec: the least upper bound of the next hops' requests
	PathTSpec intserv.TSpec     // sum of the senders' Tspecs
	Effective intserv.TSpec     // minimum of both: what to install (RFC 2205 section 2.2)
	Police    PoliceFlags
}

// Causes of messages.
const (
	CausePathNew         machine.Cause = "rsvp/path/new"
	CausePathChange      machine.Cause = "rsvp/path/change"
	CausePathRefresh     machine.Cause = "rsvp/path/refresh"
	CausePathRepair      machine.Cause = "rsvp/path/repair"
	CausePathPrompt      machine.Cause = "rsvp/path/prompt" // RefreshPath
	CausePathFast        machine.Cause = "rsvp/path/fast"   // Config.FastRefresh
	CausePathTearRelease machine.Cause = "rsvp/pathtear/release"
	CausePathTearForward machine.Cause = "rsvp/pathtear/forward"
	CausePathTearExpire  machine.Cause = "rsvp/pathtear/expire"
	CausePathErrDetect   machine.Cause = "rsvp/patherr/detect"
	CausePathErrForward  machine.Cause = "rsvp/patherr/forward"
	CauseResvNew         machine.Cause = "rsvp/resv/new"
	CauseResvChange      machine.Cause = "rsvp/resv/change"
	CauseResvRefresh     machine.Cause = "rsvp/resv/refresh"
	CauseResvFast        machine.Cause = "rsvp/resv/fast" // Config.FastRefresh
	CauseResvTear        machine.Cause = "rsvp/resvtear/change"
	CauseResvErrDetect   machine.Cause = "rsvp/resverr/detect"
	CauseResvErrForward  machine.Cause = "rsvp/resverr/forward"
	CauseResvConfSend    machine.Cause = "rsvp/resvconf/send"
	CauseResvConfForward machine.Cause = "rsvp/resvconf/forward"
	CauseForward         machine.Cause = "rsvp/forward"
	CauseAck             machine.Cause = "rsvp/ack"
	CauseRapid           machine.Cause = "rsvp/rapid" // sent again for want of an acknowledgment
	CauseSummary         machine.Cause = "rsvp/srefresh"
	CauseBundle          machine.Cause = "rsvp/bundle"
	CausePathNack        machine.Cause = "rsvp/path/nack"          // a summary found no state
	CausePathFallback    machine.Cause = "rsvp/path/fallback"      // without MESSAGE_ID
	CauseResponse        machine.Cause = "rsvp/integrity/response" // to an Integrity Challenge
)
