package winsock

import "fmt"

// Special values of FLOWSPEC members.
const (
	QOS_NOT_SPECIFIED      = 0xFFFFFFFF
	POSITIVE_INFINITY_RATE = 0xFFFFFFFE
)

// Service types of a FLOWSPEC.
const (
	SERVICETYPE_NOTRAFFIC           = 0x0 // no traffic in this direction
	SERVICETYPE_BESTEFFORT          = 0x1
	SERVICETYPE_CONTROLLEDLOAD      = 0x2
	SERVICETYPE_GUARANTEED          = 0x3
	SERVICETYPE_NETWORK_UNAVAILABLE = 0x4 // status: network lost
	SERVICETYPE_GENERAL_INFORMATION = 0x5 // sender only: all services offered
	SERVICETYPE_NOCHANGE            = 0x6 // leave this direction as it is
	SERVICETYPE_NONCONFORMING       = 0x9
	SERVICETYPE_NETWORK_CONTROL     = 0xA
	SERVICETYPE_QUALITATIVE         = 0xD
)

// Older bit forms of service types, and the bits that may be added to any.
// Bit 31 is part of several: mask with ServiceTypeOf before comparing.
const (
	SERVICE_BESTEFFORT         = 0x80010000
	SERVICE_CONTROLLEDLOAD     = 0x80020000
	SERVICE_GUARANTEED         = 0x80040000
	SERVICE_QUALITATIVE        = 0x80200000
	SERVICE_NO_TRAFFIC_CONTROL = 0x81000000
	SERVICE_NO_QOS_SIGNALING   = 0x40000000
)

// Bits of a service type that are no type.
const (
	noTrafficControlBit = 0x01000000
	noSignalingBit      = 0x40000000
	serviceBits         = 0xC1000000
)

// ServiceTypeOf returns the plain type (SERVICETYPE_*) in t, older bit forms
// translated, and which additions it carries.
func ServiceTypeOf(t uint32) (plain uint32, noTrafficControl, noSignaling bool) {
	if t == QOS_NOT_SPECIFIED {
		return t, false, false
	}
	plain = t &^ serviceBits
	switch plain {
	case SERVICE_BESTEFFORT &^ serviceBits:
		plain = SERVICETYPE_BESTEFFORT
	case SERVICE_CONTROLLEDLOAD &^ serviceBits:
		plain = SERVICETYPE_CONTROLLEDLOAD
	case SERVICE_GUARANTEED &^ serviceBits:
		plain = SERVICETYPE_GUARANTEED
	case SERVICE_QUALITATIVE &^ serviceBits:
		plain = SERVICETYPE_QUALITATIVE
	}
	return plain, t&noTrafficControlBit != 0, t&noSignalingBit != 0
}

// ServiceTypeName returns a service type in words, additions included:
// "SERVICETYPE_GUARANTEED|SERVICE_NO_QOS_SIGNALING".
func ServiceTypeName(t uint32) string {
	plain, noTC, noSignaling := ServiceTypeOf(t)
	name, ok := serviceTypeNames[plain]
	if !ok {
		name = fmt.Sprintf("service type 0x%x", plain)
	}
	if noTC {
		name += "|SERVICE_NO_TRAFFIC_CONTROL"
	}
	if noSignaling {
		name += "|SERVICE_NO_QOS_SIGNALING"
	}
	return name
}

var serviceTypeNames = map[uint32]string{
	SERVICETYPE_NOTRAFFIC:           "SERVICETYPE_NOTRAFFIC",
	SERVICETYPE_BESTEFFORT:          "SERVICETYPE_BESTEFFORT",
	SERVICETYPE_CONTROLLEDLOAD:      "SERVICETYPE_CONTROLLEDLOAD",
	SERVICETYPE_GUARANTEED:          "SERVICETYPE_GUARANTEED",
	SERVICETYPE_NETWORK_UNAVAILABLE: "SERVICETYPE_NETWORK_UNAVAILABLE",
	SERVICETYPE_GENERAL_INFORMATION: "SERVICETYPE_GENERAL_INFORMATION",
	SERVICETYPE_NOCHANGE:            "SERVICETYPE_NOCHANGE",
	SERVICETYPE_NONCONFORMING:       "SERVICETYPE_NONCONFORMING",
	SERVICETYPE_NETWORK_CONTROL:     "SERVICETYPE_NETWORK_CONTROL",
	SERVICETYPE_QUALITATIVE:         "SERVICETYPE_QUALITATIVE",
	QOS_NOT_SPECIFIED:               "QOS_NOT_SPECIFIED",
}

// Provider-specific objects (QOS_OBJECT_HDR.ObjectType).
const (
	RSVP_OBJECT_STATUS_INFO     = 1000
	RSVP_OBJECT_RESERVE_INFO    = 1001
	RSVP_OBJECT_ADSPEC          = 1002
	RSVP_OBJECT_POLICY_INFO     = 1003
	RSVP_OBJECT_FILTERSPEC_LIST = 1004
	QOS_OBJECT_END_OF_LIST      = 2001
	QOS_OBJECT_SD_MODE          = 2002
	QOS_OBJECT_SHAPING_RATE     = 2003
	QOS_OBJECT_DESTADDR         = 2004
	QOS_OBJECT_DS_CLASS         = 4001
	QOS_OBJECT_TRAFFIC_CLASS    = 4002
	QOS_OBJECT_DIFFSERV         = 4003
	QOS_OBJECT_TCP_TRAFFIC      = 4004
	QOS_OBJECT_FRIENDLY_NAME    = 4005
)

// Modes of QOS_OBJECT_SD_MODE (traffic.h).
const (
	TC_NONCONF_BORROW      = 0
	TC_NONCONF_SHAPE       = 1
	TC_NONCONF_DISCARD     = 2
	TC_NONCONF_BORROW_PLUS = 3
)

// Reservation styles of RSVP_RESERVE_INFO.
const (
	RSVP_DEFAULT_STYLE         = 0
	RSVP_WILDCARD_STYLE        = 1
	RSVP_FIXED_FILTER_STYLE    = 2
	RSVP_SHARED_EXPLICIT_STYLE = 3
)

// Filter types of RSVP_FILTERSPEC.
const (
	FILTERSPECV4          = 1
	FILTERSPECV6          = 2
	FILTERSPECV6_FLOW     = 3
	FILTERSPECV4_GPI      = 4
	FILTERSPECV6_GPI      = 5
	FILTERSPEC_END        = 6
	AD_FLAG_BREAK_BIT     = 1
	INDETERMINATE_LATENCY = 0xFFFFFFFF
)

// Extended status classes (RSVP_STATUS_INFO.ExtendedStatus1; qossp.h).
const (
	GQOS_NO_ERRORCODE      = 0
	GQOS_NET_ADMISSION     = 56100
	GQOS_NET_POLICY        = 56200
	GQOS_RSVP              = 56300
	GQOS_API               = 56400
	GQOS_KERNEL_TC_SYS     = 56500
	GQOS_RSVP_SYS          = 56600
	GQOS_KERNEL_TC         = 56700
	GQOS_ERRORCODE_UNKNOWN = 0xFFFFFFFF
)

// Extended status values (RSVP_STATUS_INFO.ExtendedStatus2; qossp.h) that the
// mapping from RSVP's ERROR_SPEC uses.
const (
	GQOS_OTHER         = GQOS_NET_ADMISSION + 1
	GQOS_DELAYBND      = GQOS_NET_ADMISSION + 2
	GQOS_BANDWIDTH     = GQOS_NET_ADMISSION + 3
	GQOS_MTU           = GQOS_NET_ADMISSION + 4
	GQOS_FLOW_RATE     = GQOS_NET_ADMISSION + 5
	GQOS_PEAK_RATE     = GQOS_NET_ADMISSION + 6
	GQOS_AGG_PEAK_RATE = GQOS_NET_ADMISSION + 7

	GQOS_NO_PATH        = GQOS_RSVP + 1
	GQOS_NO_SENDER      = GQOS_RSVP + 2
	GQOS_BAD_STYLE      = GQOS_RSVP + 3
	GQOS_UNKNOWN_STYLE  = GQOS_RSVP + 4
	GQOS_BAD_DSTPORT    = GQOS_RSVP + 5
	GQOS_BAD_SNDPORT    = GQOS_RSVP + 6
	GQOS_AMBIG_FILTER   = GQOS_RSVP + 7
	GQOS_PREEMPTED      = GQOS_RSVP + 8
	GQOS_UNKN_OBJ_CLASS = GQOS_RSVP + 9
	GQOS_UNKNOWN_CTYPE  = GQOS_RSVP + 10
	GQOS_INVALID        = GQOS_RSVP + 11

	GQOS_API_BADSEND  = GQOS_API + 1
	GQOS_API_BADRECV  = GQOS_API + 2
	GQOS_API_BADSPORT = GQOS_API + 3

	GQOS_TC_GENERIC = GQOS_KERNEL_TC_SYS + 1
	GQOS_TC_INVALID = GQOS_KERNEL_TC_SYS + 2

	GQOS_OTHER_SYS  = GQOS_RSVP_SYS + 1
	GQOS_MEMORY_SYS = GQOS_RSVP_SYS + 2
	GQOS_API_SYS    = GQOS_RSVP_SYS + 3

	GQOS_CONFLICT_SERV = GQOS_KERNEL_TC + 1
	GQOS_NO_SERV       = GQOS_KERNEL_TC + 2
	GQOS_BAD_FLOWSPEC  = GQOS_KERNEL_TC + 3
	GQOS_BAD_TSPEC     = GQOS_KERNEL_TC + 4
	GQOS_BAD_ADSPEC    = GQOS_KERNEL_TC + 5
)
