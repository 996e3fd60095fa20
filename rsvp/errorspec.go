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
	CodeConfirmation     ErrorCode = 0  // reserved for ResvConf
	CodeAdmission        ErrorCode = 1  // admission control failure
	CodePolicy           ErrorCode = 2  // policy control failure
	CodeNoPath           ErrorCode = 3  // no path information for this Resv
	CodeNoSender         ErrorCode = 4  // no sender information for this Resv
	CodeStyleConflict    ErrorCode = 5  // conflicting reservation style; value: the existing style
	CodeUnknownStyle     ErrorCode = 6  // unknown reservation style
	CodeDstPorts         ErrorCode = 7  // conflicting dest ports
	CodeSenderPorts      ErrorCode = 8  // conflicting sender ports
	CodePreempted        ErrorCode = 12 // service preempted
	CodeUnknownClass     ErrorCode = 13 // value: Class-Num and C-Type
	CodeUnknownCType     ErrorCode = 14 // value: Class-Num and C-Type
	CodeAPI              ErrorCode = 20 // reserved for the API
	CodeTrafficControl   ErrorCode = 21 // traffic control error
	CodeTrafficSystem    ErrorCode = 22 // traffic control system error
	CodeSystem           ErrorCode = 23 // RSVP system error
	ValueDelay           uint16    = 1  // CodeAdmission: delay bound cannot be met
	ValueBandwidth       uint16    = 2  // CodeAdmission: requested bandwidth unavailable
	ValueMTU             uint16    = 3  // CodeAdmission: MTU in flowspec larger than interface MTU
	ValueServiceConflict uint16    = 1  // CodeTrafficControl: trying to merge two incompatible services
	ValueUnsupported     uint16    = 2  // CodeTrafficControl: service unsupported
	ValueBadFlowSpec     uint16    = 3  // CodeTrafficControl: bad flowspec value
	ValueBadTSpec        uint16    = 4  // CodeTrafficControl: bad Tspec value
	ValueBadAdSpec       uint16    = 5  // CodeTrafficControl: bad Adspec value
)

var codeNames = [...]string{
	CodeConfirmation: "confirmation", CodeAdmission: "admission control failure", CodePolicy: "policy control failure",
	CodeNoPath: "no path information", CodeNoSender: "no sender information", CodeStyleConflict: "conflicting style",
	CodeUnknownStyle: "unknown style", CodeDstPorts: "conflicting dest ports", CodeSenderPorts: "conflicting sender ports",
	CodePreempted: "service preempted", CodeUnknownClass: "unknown object class", CodeUnknownCType: "unknown C-Type",
	CodeAPI: "API error", CodeTrafficControl: "traffic control error", CodeTrafficSystem: "traffic control system error",
	CodeSystem: "RSVP system error",
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

// ErrorSpec is the ERROR_SPEC object: class 6, C-Type 1 or 2 (RFC 2205 A.5).
type ErrorSpec struct {
	Node  netip.Addr // where the error was detected
	Flags ErrorFlags
	Code  ErrorCode
	Value uint16
}

// String returns the error in one line.
func (e ErrorSpec) String() string {
	return fmt.Sprintf("%v (%d/%d) at %v flags %#x", e.Code, uint8(e.Code), e.Value, e.Node, uint8(e.Flags))
}

// WireLen returns the length of the object.
func (e ErrorSpec) WireLen() int { return object.HeaderLen + addrLen(e.Node) + 4 }

// AppendTo appends the object. It fails without a node address.
func (e ErrorSpec) AppendTo(b []byte) ([]byte, error) {
	if !e.Node.IsValid() {
		return b, fail("ERROR_SPEC", len(b), ErrValue)
	}
	start := len(b)
	b = appendAddr(beginAddr(b, ClassErrorSpec, e.Node), e.Node)
	b = append(b, uint8(e.Flags), uint8(e.Code))
	return object.End(binary.BigEndian.AppendUint16(b, e.Value), start)
}

func parseErrorSpec(m *Message, body []byte) *object.DecodeError {
	a, rest := takeAddr(body, 4)
	m.Error = ErrorSpec{Node: a, Flags: ErrorFlags(rest[0]), Code: ErrorCode(rest[1]), Value: binary.BigEndian.Uint16(rest[2:])}
	return nil
}
