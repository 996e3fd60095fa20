package rsvp

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/mpstack/mpstack/wire/object"
)

// ErrorCode is the Error Code of an ERROR_SPEC (RFC 2205 Appendix B).
type ErrorCode uint8

// Error codes.
const (
	CodeConfirmation   ErrorCode = 0  // reserved for ResvConf
	CodeAdmission      ErrorCode = 1  // admission control failure
	CodePolicy         ErrorCode = 2  // policy control failure
	CodeNoPath         ErrorCode = 3  // no path information for this Resv
	CodeNoSender       ErrorCode = 4  // no sender information for this Resv
	CodeStyleConflict  ErrorCode = 5  // conflicting reservation style; value: the existing style
	CodeUnknownStyle   ErrorCode = 6  // unknown reservation style
	CodeDstPorts       ErrorCode = 7  // conflicting dest ports
	CodeSenderPorts    ErrorCode = 8  // conflicting sender ports
	CodePreempted      ErrorCode = 12 // service preempted
	CodeUnknownClass   ErrorCode = 13 // value: Class-Num and C-Type
	CodeUnknownCType   ErrorCode = 14 // value: Class-Num and C-Type
	CodeAPI            ErrorCode = 20 // reserved for the API
	CodeTrafficControl ErrorCode = 21 // traffic control error
	CodeTrafficSystem  ErrorCode = 22 // traffic control system error
	CodeSystem         ErrorCode = 23 // RSVP system error
	CodeRouting        ErrorCode = 24 // routing problem (RFC 3209 section 7.3)
	CodeNotify         ErrorCode = 25 // notification (RFC 3209 section 7.3)
	CodeNewAggregate   ErrorCode = 26 // new aggregate needed (RFC 3175 section 3.2)
	CodeUserError      ErrorCode = 33 // details in USER_ERROR_SPEC (RFC 5284 section 2)
)

// Error values of CodeAdmission.
const (
	ValueDelay     uint16 = 1 // delay bound cannot be met
	ValueBandwidth uint16 = 2 // requested bandwidth unavailable
	ValueMTU       uint16 = 3 // MTU in flowspec larger than interface MTU
)

// Error values of CodeTrafficControl.
const (
	ValueServiceConflict uint16 = 1 // trying to merge two incompatible services
	ValueUnsupported     uint16 = 2 // service unsupported
	ValueBadFlowSpec     uint16 = 3 // bad flowspec value
	ValueBadTSpec        uint16 = 4 // bad Tspec value
	ValueBadAdSpec       uint16 = 5 // bad Adspec value
)

// Error values of CodePolicy (RFC 2750 Appendix A).
const (
	ValuePolicyInfo           uint16 = 0   // information reporting
	ValuePolicyWarn           uint16 = 1   // warning
	ValuePolicyUnknown        uint16 = 2   // reason unknown
	ValuePolicyReject         uint16 = 3   // generic policy rejection
	ValuePolicyExceed         uint16 = 4   // quota or accounting violation
	ValuePolicyPreempt        uint16 = 5   // flow was preempted
	ValuePolicyExpired        uint16 = 6   // previously installed policy expired
	ValuePolicyReplaced       uint16 = 7   // previous policy data was replaced and caused rejection
	ValuePolicyMerge          uint16 = 8   // policies could not be merged
	ValuePolicyPDP            uint16 = 9   // PDP down or not functioning
	ValuePolicyServer         uint16 = 10  // third party server unavailable
	ValuePolicySyntax         uint16 = 11  // POLICY_DATA object has bad syntax
	ValuePolicyIntegrity      uint16 = 12  // POLICY_DATA object failed integrity check
	ValuePolicyElement        uint16 = 13  // policy element has bad syntax
	ValuePolicyMissing        uint16 = 14  // mandatory policy element missing
	ValuePolicyResources      uint16 = 15  // PEP out of resources to handle policies
	ValuePolicyRSVP           uint16 = 16  // PDP encountered bad RSVP objects or syntax
	ValuePolicyService        uint16 = 17  // service type was rejected
	ValuePolicyStyle          uint16 = 18  // reservation style was rejected
	ValuePolicyFlowSpec       uint16 = 19  // flowspec was rejected as too large
	ValuePolicyPartialPreempt uint16 = 102 // flow was preempted in part (RFC 4495 section 5.1)
)

var codeNames = [...]string{
	CodeConfirmation: "confirmation", CodeAdmission: "admission control failure", CodePolicy: "policy control failure",
	CodeNoPath: "no path information", CodeNoSender: "no sender information", CodeStyleConflict: "conflicting style",
	CodeUnknownStyle: "unknown style", CodeDstPorts: "conflicting dest ports", CodeSenderPorts: "conflicting sender ports",
	CodePreempted: "service preempted", CodeUnknownClass: "unknown object class", CodeUnknownCType: "unknown C-Type",
	CodeAPI: "API error", CodeTrafficControl: "traffic control error", CodeTrafficSystem: "traffic control system error",
	CodeSystem: "RSVP system error", CodeRouting: "routing problem", CodeNotify: "notify", CodeNewAggregate: "new aggregate needed",
	CodeUserError: "user error",
}

// String returns the code's name.
func (c ErrorCode) String() string {
	if int(c) < len(codeNames) && codeNames[c] != "" {
		return codeNames[c]
	}
	return fmt.Sprintf("code %d", uint8(c))
}

// ErrorFlags are the flags of an ERROR_SPEC (RFC 2205 A.5).
type ErrorFlags uint8

// Error flags.
const (
	InPlace   ErrorFlags = 0x01 // a reservation was, and is, in place at the failure point
	NotGuilty ErrorFlags = 0x02 // what failed was strictly greater than what this receiver asked for
)

// ErrorSpec is the ERROR_SPEC object: class 6, C-Type 1 or 2 (RFC 2205 A.5), or
// 3 or 4 (RFC 3473 section 8.2.1).
type ErrorSpec struct {
	Node  netip.Addr // where the error was detected
	Flags ErrorFlags
	Code  ErrorCode
	Value uint16
	// IFID says that the object is an IF_ID ERROR_SPEC: C-Type 3 or 4. Its TLVs
	// are Message.ErrorTLVs.
	IFID bool
}

// String returns the error in one line.
func (e ErrorSpec) String() string {
	return fmt.Sprintf("%v (%d/%d) at %v flags %#x", e.Code, uint8(e.Code), e.Value, e.Node, uint8(e.Flags))
}

// CType returns the C-Type in which e is sent.
func (e ErrorSpec) CType() uint8 { return ifidCType(e.Node, e.IFID) }

// WireLen returns the length of the object, TLVs aside.
func (e ErrorSpec) WireLen() int { return object.HeaderLen + addrLen(e.Node) + 4 }

// AppendTo appends the object without TLVs. It fails without a node address.
func (e ErrorSpec) AppendTo(b []byte) ([]byte, error) { return e.appendWith(b, nil) }

func (e ErrorSpec) appendWith(b, tlvs []byte) ([]byte, error) {
	if !e.Node.IsValid() {
		return b, fail("ERROR_SPEC", len(b), ErrValue)
	}
	start := len(b)
	b = appendAddr(object.Begin(b, uint8(ClassErrorSpec), e.CType()), e.Node)
	b = append(b, uint8(e.Flags), uint8(e.Code))
	b = binary.BigEndian.AppendUint16(b, e.Value)
	return endTLVs(b, start, e.IFID, tlvs)
}

func parseErrorSpec(m *Message, ctype uint8, body []byte) *object.DecodeError {
	a, rest := splitAddr(body, ctype%2 == 0)
	m.Error = ErrorSpec{Node: a, Flags: ErrorFlags(rest[0]), Code: ErrorCode(rest[1]), Value: binary.BigEndian.Uint16(rest[2:]), IFID: ctype > 2}
	m.ErrorTLVs = rest[4:]
	return checkTLVs(body, len(body)-len(m.ErrorTLVs), "ERROR_SPEC TLV")
}
