package mpj

import (
	"fmt"

	"github.com/mpstack/mpstack/stack/winsock"
)

// Code is the code of a REASON object: 1 to 31 in REJECT, 32 and up in LEAVE.
type Code uint16

// Codes in REJECT.
const (
	NoListener    Code = 1
	Refused       Code = 2
	Busy          Code = 3
	CalleeRoom    Code = 4
	AlreadyMember Code = 5
	BadVersion    Code = 6
	BadIdentity   Code = 7
	NotAuthentic  Code = 8
	WrongPlane    Code = 9
	Malformed     Code = 10
)

// Codes in LEAVE.
const (
	Left        Code = 32
	Dropped     Code = 33
	Dismantled  Code = 34
	Cancel      Code = 35
	Unconfirmed Code = 36
	Unknown     Code = 37
	Silent      Code = 38
	QOSFailed   Code = 39
	AddressGone Code = 40
)

// firstLeaveCode divides the codes of REJECT from those of LEAVE.
const firstLeaveCode = 32

// String returns the code's name: "NO_LISTENER".
func (c Code) String() string {
	if info := ReasonInfoOf(c); info != nil {
		return info.Name
	}
	return fmt.Sprintf("reason %d", uint16(c))
}

// Message returns the message that carries the code: TypeReject or TypeLeave.
func (c Code) Message() Type {
	if c < firstLeaveCode {
		return TypeReject
	}
	return TypeLeave
}

// ReasonInfo is one row of the table of reasons.
type ReasonInfo struct {
	Code  Code
	Name  string
	Errno winsock.Errno // what the receiver's application sees; 0: a graceful close
	Text  string
}

// Reasons is the table of reasons in the order of their codes.
var Reasons = []ReasonInfo{
	{NoListener, "NO_LISTENER", winsock.WSAECONNREFUSED, "nobody listens at TARGET"},
	{Refused, "REFUSED", winsock.WSAECONNREFUSED, "the application refused"},
	{Busy, "BUSY", winsock.WSAECONNREFUSED, "the backlog or a table is full"},
	{CalleeRoom, "CALLEE_ROOM", winsock.WSAEFAULT, "the callee data does not fit the asker's buffer"},
	{AlreadyMember, "ALREADY_MEMBER", winsock.WSAEISCONN, "CALLER is a member already, or a crossing join was first"},
	{BadVersion, "VERSION", winsock.WSAECONNREFUSED, "the version is not spoken"},
	{BadIdentity, "BAD_IDENTITY", winsock.WSAECONNREFUSED, "CALLER, TARGET or a data address is not the datagram's"},
	{NotAuthentic, "NOT_AUTHENTIC", winsock.WSAECONNREFUSED, "INTEGRITY is missing or wrong"},
	{WrongPlane, "PLANE", winsock.WSAECONNREFUSED, "the roles or planes do not fit the listener's"},
	{Malformed, "MALFORMED", winsock.WSAECONNREFUSED, "the JOIN does not decode"},
	{Left, "LEFT", 0, "the leaf left"},
	{Dropped, "DROPPED", 0, "the root dropped this leaf"},
	{Dismantled, "DISMANTLED", 0, "the root ended the session"},
	{Cancel, "CANCEL", winsock.WSAECONNRESET, "the asker closed or gave up its pending join"},
	{Unconfirmed, "UNCONFIRMED", winsock.WSAECONNRESET, "ACCEPT was never confirmed"},
	{Unknown, "UNKNOWN", winsock.WSAECONNRESET, "the association is unknown here (with flag T)"},
	{Silent, "SILENT", winsock.WSAECONNRESET, "nothing was heard for the hold time"},
	{QOSFailed, "QOS", winsock.WSAEOPNOTSUPP, "the reservation failed and the join was to complete with it"},
	{AddressGone, "ADDRESS_GONE", winsock.WSAECONNRESET, "the sender's address or interface went away"},
}

// ReasonInfoOf returns the row of a code, or nil.
func ReasonInfoOf(c Code) *ReasonInfo {
	for i := range Reasons {
		if Reasons[i].Code == c {
			return &Reasons[i]
		}
	}
	return nil
}

// ReasonOf returns the REASON object for a code of the table.
func ReasonOf(c Code) Reason {
	if info := ReasonInfoOf(c); info != nil {
		return Reason{Code: c, Errno: info.Errno}
	}
	return Reason{Code: c}
}
