package rsvp

import "fmt"

// Class is an object's Class-Num (RFC 2205 Appendix A).
type Class uint8

// Classes of RFC 2205.
const (
	ClassNull           Class = 0
	ClassSession        Class = 1
	ClassHop            Class = 3
	ClassIntegrity      Class = 4
	ClassTimeValues     Class = 5
	ClassErrorSpec      Class = 6
	ClassScope          Class = 7
	ClassStyle          Class = 8
	ClassFlowSpec       Class = 9
	ClassFilterSpec     Class = 10
	ClassSenderTemplate Class = 11
	ClassSenderTSpec    Class = 12
	ClassAdSpec         Class = 13
	ClassPolicyData     Class = 14
	ClassResvConfirm    Class = 15
)

// Classes of the RFCs that extend it.
const (
	ClassLabel              Class = 16  // RFC 3209, RFC 3473
	ClassLabelRequest       Class = 19  // RFC 3209, RFC 3473
	ClassExplicitRoute      Class = 20  // RFC 3209
	ClassRecordRoute        Class = 21  // RFC 3209
	ClassHello              Class = 22  // RFC 3209
	ClassMessageID          Class = 23  // RFC 2961
	ClassMessageIDAck       Class = 24  // RFC 2961
	ClassMessageIDList      Class = 25  // RFC 2961
	ClassDiagnostic         Class = 30  // RFC 2745
	ClassRoute              Class = 31  // RFC 2745
	ClassDiagResponse       Class = 32  // RFC 2745
	ClassDiagSelect         Class = 33  // RFC 2745
	ClassRecoveryLabel      Class = 34  // RFC 3473
	ClassUpstreamLabel      Class = 35  // RFC 3473
	ClassLabelSet           Class = 36  // RFC 3473
	ClassProtection         Class = 37  // RFC 3473
	ClassChallenge          Class = 64  // RFC 2747
	ClassSuggestedLabel     Class = 129 // RFC 3473
	ClassAcceptableLabelSet Class = 130 // RFC 3473
	ClassRestartCap         Class = 131 // RFC 3473
	ClassSessionOfInterest  Class = 132 // RFC 4860
	ClassUserErrorSpec      Class = 194 // RFC 5284
	ClassNotifyRequest      Class = 195 // RFC 3473
	ClassAdminStatus        Class = 196 // RFC 3473
	ClassSessionAttribute   Class = 207 // RFC 3209
	ClassDClass             Class = 225 // RFC 2996
)

// String returns the class's name in capitals, as the RFC writes it.
func (c Class) String() string {
	if n := Classes[c].Name; n != "" {
		return n
	}
	return fmt.Sprintf("class %d", uint8(c))
}

// Known reports whether the class is in the registry.
func (c Class) Known() bool { return Classes[c].Name != "" }

// MessageSet is a set of message types.
type MessageSet uint32

// Has reports whether t is in s.
func (s MessageSet) Has(t MessageType) bool { return t < 32 && s&(1<<t) != 0 }

// Sets of messages that the registry uses.
const (
	inPath         MessageSet = 1 << Path
	inResv         MessageSet = 1 << Resv
	inPathErr      MessageSet = 1 << PathErr
	inResvErr      MessageSet = 1 << ResvErr
	inPathTear     MessageSet = 1 << PathTear
	inResvTear     MessageSet = 1 << ResvTear
	inResvConf     MessageSet = 1 << ResvConf
	inDiag         MessageSet = 1<<Diagnostic | 1<<DiagnosticReply
	inResvTearConf MessageSet = 1 << ResvTearConf
	inBundle       MessageSet = 1 << Bundle
	inAck          MessageSet = 1 << Ack
	inSrefresh     MessageSet = 1 << Srefresh
	inHello        MessageSet = 1 << Hello
	inNotify       MessageSet = 1 << Notify
	inChallenge    MessageSet = 1 << IntegrityChallenge
	inResponse     MessageSet = 1 << IntegrityResponse

	inSender    = inPath | inPathErr | inPathTear
	inFlows     = inResv | inResvErr | inResvTear | inResvConf | inResvTearConf
	inSession   = inSender | inFlows // messages about one session
	inErrors    = inPathErr | inResvErr | inNotify
	inStandard  = inSession | inDiag | inNotify // what RFC 2961 calls standard messages, Hello aside
	inSigned    = inStandard | inAck | inSrefresh | inHello | inResponse
	inLabelPath = inSender | inNotify
	inAny       = inSigned | inBundle | inChallenge
)
