package winsock

import "strconv"

// Values that stand for "none" and "failed" (winsock2.h).
const (
	INVALID_SOCKET     = ^uint32(0)
	SOCKET_ERROR       = -1
	FROM_PROTOCOL_INFO = -1
)

// Directions of WSAJoinLeaf's dwFlags. JL_BOTH is 4, not 3.
const (
	JL_SENDER_ONLY   = 0x01
	JL_RECEIVER_ONLY = 0x02
	JL_BOTH          = 0x04
)

// Flags of WSASocket.
const (
	WSA_FLAG_OVERLAPPED             = 0x01
	WSA_FLAG_MULTIPOINT_C_ROOT      = 0x02
	WSA_FLAG_MULTIPOINT_C_LEAF      = 0x04
	WSA_FLAG_MULTIPOINT_D_ROOT      = 0x08
	WSA_FLAG_MULTIPOINT_D_LEAF      = 0x10
	WSA_FLAG_ACCESS_SYSTEM_SECURITY = 0x40
	WSA_FLAG_NO_HANDLE_INHERIT      = 0x80
	WSA_FLAG_REGISTERED_IO          = 0x100
)

// Answers of WSAAccept's condition function.
const (
	CF_ACCEPT = 0
	CF_REJECT = 1
	CF_DEFER  = 2
)

// Socket groups.
const (
	SG_UNCONSTRAINED_GROUP = 1
	SG_CONSTRAINED_GROUP   = 2
)

// Directions of shutdown.
const (
	SD_RECEIVE = 0
	SD_SEND    = 1
	SD_BOTH    = 2
)

// Numbers of network events: indexes of WSANETWORKEVENTS.iErrorCode.
const (
	FD_READ_BIT = iota
	FD_WRITE_BIT
	FD_OOB_BIT
	FD_ACCEPT_BIT
	FD_CONNECT_BIT
	FD_CLOSE_BIT
	FD_QOS_BIT
	FD_GROUP_QOS_BIT
	FD_ROUTING_INTERFACE_CHANGE_BIT
	FD_ADDRESS_LIST_CHANGE_BIT
	FD_MAX_EVENTS
)

// Network events (WSAEventSelect's mask).
const (
	FD_READ                     = 1 << FD_READ_BIT
	FD_WRITE                    = 1 << FD_WRITE_BIT
	FD_OOB                      = 1 << FD_OOB_BIT
	FD_ACCEPT                   = 1 << FD_ACCEPT_BIT
	FD_CONNECT                  = 1 << FD_CONNECT_BIT
	FD_CLOSE                    = 1 << FD_CLOSE_BIT
	FD_QOS                      = 1 << FD_QOS_BIT
	FD_GROUP_QOS                = 1 << FD_GROUP_QOS_BIT
	FD_ROUTING_INTERFACE_CHANGE = 1 << FD_ROUTING_INTERFACE_CHANGE_BIT
	FD_ADDRESS_LIST_CHANGE      = 1 << FD_ADDRESS_LIST_CHANGE_BIT
	FD_ALL_EVENTS               = 1<<FD_MAX_EVENTS - 1
)

// eventNames is indexed by event number.
var eventNames = [FD_MAX_EVENTS]string{
	"FD_READ", "FD_WRITE", "FD_OOB", "FD_ACCEPT", "FD_CONNECT", "FD_CLOSE",
	"FD_QOS", "FD_GROUP_QOS", "FD_ROUTING_INTERFACE_CHANGE", "FD_ADDRESS_LIST_CHANGE",
}

// EventName returns the name of a mask of events: "FD_CONNECT|FD_CLOSE", "0".
func EventName(mask uint32) string { return flagNames(mask, eventNames[:]) }

// JoinFlagsName returns the name of WSAJoinLeaf's dwFlags: "JL_BOTH".
func JoinFlagsName(flags uint32) string {
	return flagNames(flags, []string{"JL_SENDER_ONLY", "JL_RECEIVER_ONLY", "JL_BOTH"})
}

// flagNames joins the names of the set bits; unknown bits follow in hexadecimal.
func flagNames(mask uint32, names []string) string {
	if mask == 0 {
		return "0"
	}
	var s string
	for i, name := range names {
		if bit := uint32(1) << i; mask&bit != 0 {
			s += "|" + name
			mask &^= bit
		}
	}
	if mask != 0 {
		s += "|0x" + strconv.FormatUint(uint64(mask), 16)
	}
	return s[1:]
}

// Bits of WSAPROTOCOL_INFO.dwServiceFlags1. The plane bits mean "rooted" and
// count only where XP1_SUPPORT_MULTIPOINT is set.
const (
	XP1_CONNECTIONLESS           = 0x00001
	XP1_GUARANTEED_DELIVERY      = 0x00002
	XP1_GUARANTEED_ORDER         = 0x00004
	XP1_MESSAGE_ORIENTED         = 0x00008
	XP1_PSEUDO_STREAM            = 0x00010
	XP1_GRACEFUL_CLOSE           = 0x00020
	XP1_EXPEDITED_DATA           = 0x00040
	XP1_CONNECT_DATA             = 0x00080
	XP1_DISCONNECT_DATA          = 0x00100
	XP1_SUPPORT_BROADCAST        = 0x00200
	XP1_SUPPORT_MULTIPOINT       = 0x00400
	XP1_MULTIPOINT_CONTROL_PLANE = 0x00800
	XP1_MULTIPOINT_DATA_PLANE    = 0x01000
	XP1_QOS_SUPPORTED            = 0x02000
	XP1_INTERRUPT                = 0x04000
	XP1_UNI_SEND                 = 0x08000
	XP1_UNI_RECV                 = 0x10000
	XP1_IFS_HANDLES              = 0x20000
	XP1_PARTIAL_MESSAGE          = 0x40000
	XP1_SAN_SUPPORT_SDP          = 0x80000
)

// Bits of WSAPROTOCOL_INFO.dwProviderFlags.
const (
	PFL_MULTIPLE_PROTO_ENTRIES  = 1
	PFL_RECOMMENDED_PROTO_ENTRY = 2
	PFL_HIDDEN                  = 4
	PFL_MATCHES_PROTOCOL_ZERO   = 8
)

// Parts of an ioctl code.
const (
	IOC_IN       = 0x80000000
	IOC_OUT      = 0x40000000
	IOC_INOUT    = IOC_IN | IOC_OUT
	IOC_VOID     = 0x20000000
	IOC_WS2      = 0x08000000
	IOC_PROTOCOL = 0x10000000
	IOC_VENDOR   = 0x18000000
)

// Ioctl codes of WSAIoctl.
const (
	SIO_GET_QOS                  = 0xC8000007
	SIO_GET_GROUP_QOS            = 0xC8000008
	SIO_MULTIPOINT_LOOPBACK      = 0x88000009
	SIO_MULTICAST_SCOPE          = 0x8800000A
	SIO_SET_QOS                  = 0x8800000B
	SIO_SET_GROUP_QOS            = 0x8800000C
	SIO_ROUTING_INTERFACE_QUERY  = 0xC8000014
	SIO_ROUTING_INTERFACE_CHANGE = 0x88000015
	SIO_ADDRESS_LIST_QUERY       = 0x48000016
	SIO_ADDRESS_LIST_CHANGE      = 0x28000017
	SIO_CHK_QOS                  = 0xDC000001
)

// Socket options at level SOL_SOCKET.
const (
	SO_REUSEADDR          = 0x0004
	SO_GROUP_ID           = 0x2001
	SO_GROUP_PRIORITY     = 0x2002
	SO_MAX_MSG_SIZE       = 0x2003
	SO_PROTOCOL_INFOA     = 0x2004
	SO_PROTOCOL_INFOW     = 0x2005
	PVD_CONFIG            = 0x3001
	SO_CONDITIONAL_ACCEPT = 0x3002
)

// Query codes and special values of SIO_CHK_QOS (qossp.h), and the address
// that QOS_DESTADDR takes for "any".
const (
	QOSSPBASE                  = 50000
	ALLOWED_TO_SEND_DATA       = QOSSPBASE + 1
	ABLE_TO_RECV_RSVP          = QOSSPBASE + 2
	LINE_RATE                  = QOSSPBASE + 3
	LOCAL_TRAFFIC_CONTROL      = QOSSPBASE + 4
	LOCAL_QOSABILITY           = QOSSPBASE + 5
	END_TO_END_QOSABILITY      = QOSSPBASE + 6
	INFO_NOT_AVAILABLE         = 0xFFFFFFFF
	ANY_DEST_ADDR              = 0xFFFFFFFF
	MODERATELY_DELAY_SENSITIVE = 0xFFFFFFFD
	HIGHLY_DELAY_SENSITIVE     = 0xFFFFFFFE
)
