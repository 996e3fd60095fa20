package qos

import (
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/stack/winsock"
)

// statusRow maps one RSVP error code to a status, a class, and a value: that of
// values where it has the error's, else base.
type statusRow struct {
	code   rsvp.ErrorCode
	status winsock.Errno
	class  uint32
	base   uint32
	values map[uint16]uint32
}

// statusTable is the one table from RSVP's ERROR_SPEC (RFC 2205 Appendix B) to
// Winsock's status (winsock.md section 5.8).
var statusTable = [...]statusRow{
	{rsvp.CodeAdmission, winsock.WSA_QOS_ADMISSION_FAILURE, winsock.GQOS_NET_ADMISSION, winsock.GQOS_OTHER, map[uint16]uint32{
		rsvp.ValueDelay: winsock.GQOS_DELAYBND, rsvp.ValueBandwidth: winsock.GQOS_BANDWIDTH, rsvp.ValueMTU: winsock.GQOS_MTU,
		0x8001: winsock.GQOS_FLOW_RATE, 0x8003: winsock.GQOS_PEAK_RATE}},
	{rsvp.CodePolicy, winsock.WSA_QOS_POLICY_FAILURE, winsock.GQOS_NET_POLICY, winsock.GQOS_NET_POLICY, nil},
	{rsvp.CodeNoPath, winsock.WSA_QOS_GENERIC_ERROR, winsock.GQOS_RSVP, winsock.GQOS_NO_PATH, nil},
	{rsvp.CodeNoSender, winsock.WSA_QOS_GENERIC_ERROR, winsock.GQOS_RSVP, winsock.GQOS_NO_SENDER, nil},
	{rsvp.CodeStyleConflict, winsock.WSA_QOS_BAD_STYLE, winsock.GQOS_RSVP, winsock.GQOS_BAD_STYLE, nil},
	{rsvp.CodeUnknownStyle, winsock.WSA_QOS_BAD_STYLE, winsock.GQOS_RSVP, winsock.GQOS_UNKNOWN_STYLE, nil},
	{rsvp.CodeDstPorts, winsock.WSA_QOS_GENERIC_ERROR, winsock.GQOS_RSVP, winsock.GQOS_BAD_DSTPORT, nil},
	{rsvp.CodeSenderPorts, winsock.WSA_QOS_GENERIC_ERROR, winsock.GQOS_RSVP, winsock.GQOS_BAD_SNDPORT, nil},
	{9, winsock.WSA_QOS_BAD_OBJECT, winsock.GQOS_RSVP, winsock.GQOS_AMBIG_FILTER, nil}, // reserved in RFC 2205
	{rsvp.CodePreempted, winsock.WSA_QOS_ADMISSION_FAILURE, winsock.GQOS_RSVP, winsock.GQOS_PREEMPTED, nil},
	{rsvp.CodeUnknownClass, winsock.WSA_QOS_BAD_OBJECT, winsock.GQOS_RSVP, winsock.GQOS_UNKN_OBJ_CLASS, nil},
	{rsvp.CodeUnknownCType, winsock.WSA_QOS_BAD_OBJECT, winsock.GQOS_RSVP, winsock.GQOS_UNKNOWN_CTYPE, nil},
	{rsvp.CodeAPI, winsock.WSA_QOS_GENERIC_ERROR, winsock.GQOS_API, 0, nil},
	{rsvp.CodeTrafficControl, winsock.WSA_QOS_TRAFFIC_CTRL_ERROR, winsock.GQOS_KERNEL_TC, 0, map[uint16]uint32{
		rsvp.ValueServiceConflict: winsock.GQOS_CONFLICT_SERV, rsvp.ValueUnsupported: winsock.GQOS_NO_SERV,
		rsvp.ValueBadFlowSpec: winsock.GQOS_BAD_FLOWSPEC, rsvp.ValueBadTSpec: winsock.GQOS_BAD_TSPEC,
		rsvp.ValueBadAdSpec: winsock.GQOS_BAD_ADSPEC}},
	{rsvp.CodeTrafficSystem, winsock.WSA_QOS_TRAFFIC_CTRL_ERROR, winsock.GQOS_KERNEL_TC_SYS, winsock.GQOS_TC_GENERIC, nil},
	{rsvp.CodeSystem, winsock.WSA_QOS_GENERIC_ERROR, winsock.GQOS_RSVP_SYS, 0, map[uint16]uint32{
		1: winsock.GQOS_MEMORY_SYS, 2: winsock.GQOS_API_SYS}},
}

// policyValues is how many values of a policy failure have a status of their
// own.
const policyValues = 57

// statusOf maps an RSVP error to a status and its extended codes.
func statusOf(code rsvp.ErrorCode, value uint16) (status winsock.Errno, class, ext uint32) {
	for i := range statusTable {
		r := &statusTable[i]
		if r.code != code {
			continue
		}
		if v, ok := r.values[value]; ok {
			return r.status, r.class, v
		}
		if code == rsvp.CodePolicy && value <= policyValues {
			return r.status, r.class, r.base + uint32(value)
		}
		return r.status, r.class, r.base
	}
	return winsock.WSA_QOS_GENERIC_ERROR, winsock.GQOS_ERRORCODE_UNKNOWN, 0
}
