-- Wireshark dissector of the multipoint join protocol (MPJ), version 1.
--
--     tshark -X lua_script:mpj.lua -r capture.pcapng -Y mpj
--
-- Generated from the registry of github.com/mpstack/mpstack/wire/mpj by
-- "go generate ./capture/dissector". Do not edit.

local mpj = Proto("mpj", "Multipoint Join Protocol")

local PORT = 52205
local VERSION = 1
local HEADER_LENGTH = 32
local OBJECT_HEADER_LENGTH = 4
local MAX_LENGTH = 1232

local class_names = {
	[4] = "INTEGRITY",
	[96] = "TARGET",
	[97] = "CALLER",
	[98] = "ROLE",
	[99] = "QOS",
	[100] = "USER_DATA",
	[101] = "JOIN_LIMITS",
	[102] = "SESSION",
	[103] = "ROOT_DATA",
	[104] = "TIMERS",
	[105] = "COOKIE",
	[106] = "REASON",
	[107] = "RESERVATION",
	[108] = "PAD",
}

local type_names = {
	[1] = "JOIN",
	[2] = "CHALLENGE",
	[3] = "PENDING",
	[4] = "ACCEPT",
	[5] = "REJECT",
	[6] = "CONFIRM",
	[7] = "STATUS",
	[8] = "STATUS-ACK",
	[9] = "LEAVE",
	[10] = "LEAVE-ACK",
	[11] = "HELLO",
	[12] = "HELLO-ACK",
	[13] = "SIDE",
}

local winsock_errors = {
	[995] = "WSA_OPERATION_ABORTED",
	[997] = "WSA_IO_PENDING",
	[10004] = "WSAEINTR",
	[10009] = "WSAEBADF",
	[10013] = "WSAEACCES",
	[10014] = "WSAEFAULT",
	[10022] = "WSAEINVAL",
	[10024] = "WSAEMFILE",
	[10035] = "WSAEWOULDBLOCK",
	[10036] = "WSAEINPROGRESS",
	[10037] = "WSAEALREADY",
	[10038] = "WSAENOTSOCK",
	[10039] = "WSAEDESTADDRREQ",
	[10040] = "WSAEMSGSIZE",
	[10041] = "WSAEPROTOTYPE",
	[10042] = "WSAENOPROTOOPT",
	[10043] = "WSAEPROTONOSUPPORT",
	[10044] = "WSAESOCKTNOSUPPORT",
	[10045] = "WSAEOPNOTSUPP",
	[10046] = "WSAEPFNOSUPPORT",
	[10047] = "WSAEAFNOSUPPORT",
	[10048] = "WSAEADDRINUSE",
	[10049] = "WSAEADDRNOTAVAIL",
	[10050] = "WSAENETDOWN",
	[10051] = "WSAENETUNREACH",
	[10052] = "WSAENETRESET",
	[10053] = "WSAECONNABORTED",
	[10054] = "WSAECONNRESET",
	[10055] = "WSAENOBUFS",
	[10056] = "WSAEISCONN",
	[10057] = "WSAENOTCONN",
	[10058] = "WSAESHUTDOWN",
	[10059] = "WSAETOOMANYREFS",
	[10060] = "WSAETIMEDOUT",
	[10061] = "WSAECONNREFUSED",
	[10062] = "WSAELOOP",
	[10063] = "WSAENAMETOOLONG",
	[10064] = "WSAEHOSTDOWN",
	[10065] = "WSAEHOSTUNREACH",
	[10066] = "WSAENOTEMPTY",
	[10067] = "WSAEPROCLIM",
	[10068] = "WSAEUSERS",
	[10069] = "WSAEDQUOT",
	[10070] = "WSAESTALE",
	[10071] = "WSAEREMOTE",
	[10091] = "WSASYSNOTREADY",
	[10092] = "WSAVERNOTSUPPORTED",
	[10093] = "WSANOTINITIALISED",
	[10101] = "WSAEDISCON",
	[10102] = "WSAENOMORE",
	[10103] = "WSAECANCELLED",
	[10104] = "WSAEINVALIDPROCTABLE",
	[10105] = "WSAEINVALIDPROVIDER",
	[10106] = "WSAEPROVIDERFAILEDINIT",
	[10107] = "WSASYSCALLFAILURE",
	[10108] = "WSASERVICE_NOT_FOUND",
	[10109] = "WSATYPE_NOT_FOUND",
	[10110] = "WSA_E_NO_MORE",
	[10111] = "WSA_E_CANCELLED",
	[10112] = "WSAEREFUSED",
	[11001] = "WSAHOST_NOT_FOUND",
	[11002] = "WSATRY_AGAIN",
	[11003] = "WSANO_RECOVERY",
	[11004] = "WSANO_DATA",
	[11005] = "WSA_QOS_RECEIVERS",
	[11006] = "WSA_QOS_SENDERS",
	[11007] = "WSA_QOS_NO_SENDERS",
	[11008] = "WSA_QOS_NO_RECEIVERS",
	[11009] = "WSA_QOS_REQUEST_CONFIRMED",
	[11010] = "WSA_QOS_ADMISSION_FAILURE",
	[11011] = "WSA_QOS_POLICY_FAILURE",
	[11012] = "WSA_QOS_BAD_STYLE",
	[11013] = "WSA_QOS_BAD_OBJECT",
	[11014] = "WSA_QOS_TRAFFIC_CTRL_ERROR",
	[11015] = "WSA_QOS_GENERIC_ERROR",
	[11016] = "WSA_QOS_ESERVICETYPE",
	[11017] = "WSA_QOS_EFLOWSPEC",
	[11018] = "WSA_QOS_EPROVSPECBUF",
	[11019] = "WSA_QOS_EFILTERSTYLE",
	[11020] = "WSA_QOS_EFILTERTYPE",
	[11021] = "WSA_QOS_EFILTERCOUNT",
	[11022] = "WSA_QOS_EOBJLENGTH",
	[11023] = "WSA_QOS_EFLOWCOUNT",
	[11024] = "WSA_QOS_EUNKNOWNPSOBJ",
	[11025] = "WSA_QOS_EPOLICYOBJ",
	[11026] = "WSA_QOS_EFLOWDESC",
	[11027] = "WSA_QOS_EPSFLOWSPEC",
	[11028] = "WSA_QOS_EPSFILTERSPEC",
	[11029] = "WSA_QOS_ESDMODEOBJ",
	[11030] = "WSA_QOS_ESHAPERATEOBJ",
	[11031] = "WSA_QOS_RESERVED_PETYPE",
}

local f = {}
f["version"] = ProtoField.uint8("mpj.version", "Version", base.DEC)
f["type"] = ProtoField.uint8("mpj.type", "Type", base.DEC, { [1] = "JOIN", [2] = "CHALLENGE", [3] = "PENDING", [4] = "ACCEPT", [5] = "REJECT", [6] = "CONFIRM", [7] = "STATUS", [8] = "STATUS-ACK", [9] = "LEAVE", [10] = "LEAVE-ACK", [11] = "HELLO", [12] = "HELLO-ACK", [13] = "SIDE" })
f["flags"] = ProtoField.uint16("mpj.flags", "Flags", base.HEX)
f["flags.q"] = ProtoField.bool("mpj.flags.q", "Q", 16, nil, 0x1)
f["flags.t"] = ProtoField.bool("mpj.flags.t", "T", 16, nil, 0x2)
f["flags.b"] = ProtoField.bool("mpj.flags.b", "B", 16, nil, 0x4)
f["length"] = ProtoField.uint16("mpj.length", "Length", base.DEC)
f["dst_tag"] = ProtoField.uint64("mpj.dst_tag", "Destination tag", base.HEX)
f["src_tag"] = ProtoField.uint64("mpj.src_tag", "Source tag", base.HEX)
f["transaction"] = ProtoField.uint32("mpj.transaction", "Transaction", base.DEC)
f["integrity"] = ProtoField.none("mpj.integrity", "INTEGRITY")
f["integrity.flags"] = ProtoField.uint8("mpj.integrity.flags", "Flags", base.HEX)
f["integrity.key_identifier"] = ProtoField.uint64("mpj.integrity.key_identifier", "Key identifier", base.HEX)
f["integrity.sequence_number"] = ProtoField.uint64("mpj.integrity.sequence_number", "Sequence number", base.DEC)
f["integrity.digest"] = ProtoField.bytes("mpj.integrity.digest", "Digest")
f["target"] = ProtoField.none("mpj.target", "TARGET")
f["target.addr"] = ProtoField.ipv4("mpj.target.addr", "Address")
f["target.port"] = ProtoField.uint16("mpj.target.port", "Port", base.DEC)
f["target.addr6"] = ProtoField.ipv6("mpj.target.addr6", "Address")
f["caller"] = ProtoField.none("mpj.caller", "CALLER")
f["caller.addr"] = ProtoField.ipv4("mpj.caller.addr", "Address")
f["caller.port"] = ProtoField.uint16("mpj.caller.port", "Port", base.DEC)
f["caller.addr6"] = ProtoField.ipv6("mpj.caller.addr6", "Address")
f["role"] = ProtoField.none("mpj.role", "ROLE")
f["role.control_role"] = ProtoField.uint8("mpj.role.control_role", "Control role", base.DEC, { [1] = "c_root", [2] = "c_leaf" })
f["role.data_role"] = ProtoField.uint8("mpj.role.data_role", "Data role", base.DEC, { [1] = "d_root", [2] = "d_leaf" })
f["role.planes"] = ProtoField.uint8("mpj.role.planes", "Planes", base.HEX)
f["role.planes.rooted_control"] = ProtoField.bool("mpj.role.planes.rooted_control", "rooted control", 8, nil, 0x1)
f["role.planes.rooted_data"] = ProtoField.bool("mpj.role.planes.rooted_data", "rooted data", 8, nil, 0x2)
f["role.jl"] = ProtoField.uint8("mpj.role.jl", "JL", base.DEC, { [1] = "JL_SENDER_ONLY", [2] = "JL_RECEIVER_ONLY", [4] = "JL_BOTH" })
f["qos"] = ProtoField.none("mpj.qos", "QOS")
f["qos.sending_token_rate"] = ProtoField.uint32("mpj.qos.sending_token_rate", "Sending TokenRate", base.DEC)
f["qos.sending_token_bucket_size"] = ProtoField.uint32("mpj.qos.sending_token_bucket_size", "Sending TokenBucketSize", base.DEC)
f["qos.sending_peak_bandwidth"] = ProtoField.uint32("mpj.qos.sending_peak_bandwidth", "Sending PeakBandwidth", base.DEC)
f["qos.sending_latency"] = ProtoField.uint32("mpj.qos.sending_latency", "Sending Latency", base.DEC)
f["qos.sending_delay_variation"] = ProtoField.uint32("mpj.qos.sending_delay_variation", "Sending DelayVariation", base.DEC)
f["qos.sending_service_type"] = ProtoField.uint32("mpj.qos.sending_service_type", "Sending ServiceType", base.HEX)
f["qos.sending_max_sdu_size"] = ProtoField.uint32("mpj.qos.sending_max_sdu_size", "Sending MaxSduSize", base.DEC)
f["qos.sending_minimum_policed_size"] = ProtoField.uint32("mpj.qos.sending_minimum_policed_size", "Sending MinimumPolicedSize", base.DEC)
f["qos.receiving_token_rate"] = ProtoField.uint32("mpj.qos.receiving_token_rate", "Receiving TokenRate", base.DEC)
f["qos.receiving_token_bucket_size"] = ProtoField.uint32("mpj.qos.receiving_token_bucket_size", "Receiving TokenBucketSize", base.DEC)
f["qos.receiving_peak_bandwidth"] = ProtoField.uint32("mpj.qos.receiving_peak_bandwidth", "Receiving PeakBandwidth", base.DEC)
f["qos.receiving_latency"] = ProtoField.uint32("mpj.qos.receiving_latency", "Receiving Latency", base.DEC)
f["qos.receiving_delay_variation"] = ProtoField.uint32("mpj.qos.receiving_delay_variation", "Receiving DelayVariation", base.DEC)
f["qos.receiving_service_type"] = ProtoField.uint32("mpj.qos.receiving_service_type", "Receiving ServiceType", base.HEX)
f["qos.receiving_max_sdu_size"] = ProtoField.uint32("mpj.qos.receiving_max_sdu_size", "Receiving MaxSduSize", base.DEC)
f["qos.receiving_minimum_policed_size"] = ProtoField.uint32("mpj.qos.receiving_minimum_policed_size", "Receiving MinimumPolicedSize", base.DEC)
f["user_data"] = ProtoField.none("mpj.user_data", "USER_DATA")
f["user_data.length"] = ProtoField.uint16("mpj.user_data.length", "Length", base.DEC)
f["user_data.data"] = ProtoField.bytes("mpj.user_data.data", "Data")
f["join_limits"] = ProtoField.none("mpj.join_limits", "JOIN_LIMITS")
f["join_limits.remaining_time"] = ProtoField.uint32("mpj.join_limits.remaining_time", "Remaining time (ms)", base.DEC)
f["join_limits.callee_room"] = ProtoField.uint16("mpj.join_limits.callee_room", "Callee room", base.DEC)
f["session"] = ProtoField.none("mpj.session", "SESSION")
f["session.group"] = ProtoField.ipv4("mpj.session.group", "Group")
f["session.port"] = ProtoField.uint16("mpj.session.port", "Port", base.DEC)
f["session.ttl"] = ProtoField.uint8("mpj.session.ttl", "TTL", base.DEC)
f["session.mode"] = ProtoField.uint8("mpj.session.mode", "Mode", base.DEC, { [1] = "multicast", [2] = "unicast copies" })
f["session.group6"] = ProtoField.ipv6("mpj.session.group6", "Group")
f["root_data"] = ProtoField.none("mpj.root_data", "ROOT_DATA")
f["root_data.addr"] = ProtoField.ipv4("mpj.root_data.addr", "Address")
f["root_data.port"] = ProtoField.uint16("mpj.root_data.port", "Port", base.DEC)
f["root_data.addr6"] = ProtoField.ipv6("mpj.root_data.addr6", "Address")
f["timers"] = ProtoField.none("mpj.timers", "TIMERS")
f["timers.hello_interval"] = ProtoField.uint32("mpj.timers.hello_interval", "HELLO interval (ms)", base.DEC)
f["timers.hold_time"] = ProtoField.uint32("mpj.timers.hold_time", "Hold time (ms)", base.DEC)
f["cookie"] = ProtoField.none("mpj.cookie", "COOKIE")
f["cookie.cookie"] = ProtoField.bytes("mpj.cookie.cookie", "Cookie")
f["reason"] = ProtoField.none("mpj.reason", "REASON")
f["reason.code"] = ProtoField.uint16("mpj.reason.code", "Code", base.DEC, { [1] = "NO_LISTENER", [2] = "REFUSED", [3] = "BUSY", [4] = "CALLEE_ROOM", [5] = "ALREADY_MEMBER", [6] = "VERSION", [7] = "BAD_IDENTITY", [8] = "NOT_AUTHENTIC", [9] = "PLANE", [10] = "MALFORMED", [32] = "LEFT", [33] = "DROPPED", [34] = "DISMANTLED", [35] = "CANCEL", [36] = "UNCONFIRMED", [37] = "UNKNOWN", [38] = "SILENT", [39] = "QOS", [40] = "ADDRESS_GONE" })
f["reason.winsock_error"] = ProtoField.uint32("mpj.reason.winsock_error", "Winsock error", base.DEC, winsock_errors)
f["reservation"] = ProtoField.none("mpj.reservation", "RESERVATION")
f["reservation.error_code"] = ProtoField.uint8("mpj.reservation.error_code", "Error code", base.DEC)
f["reservation.flags"] = ProtoField.uint8("mpj.reservation.flags", "Flags", base.HEX)
f["reservation.error_value"] = ProtoField.uint16("mpj.reservation.error_value", "Error value", base.HEX)
f["reservation.error_node"] = ProtoField.ipv4("mpj.reservation.error_node", "Error node")
f["reservation.error_node6"] = ProtoField.ipv6("mpj.reservation.error_node6", "Error node")
f["pad"] = ProtoField.none("mpj.pad", "PAD")
f["object"] = ProtoField.none("mpj.object", "Object")
f["object.length"] = ProtoField.uint16("mpj.object.length", "Object length", base.DEC)
f["object.class"] = ProtoField.uint8("mpj.object.class", "Class", base.DEC, class_names)
f["object.ctype"] = ProtoField.uint8("mpj.object.ctype", "C-Type", base.DEC)
f["object.body"] = ProtoField.bytes("mpj.object.body", "Body")
mpj.fields = f

local malformed = ProtoExpert.new("mpj.malformed", "Malformed MPJ message", expert.group.MALFORMED, expert.severity.ERROR)
local suspicious = ProtoExpert.new("mpj.suspicious", "Suspicious MPJ message", expert.group.PROTOCOL, expert.severity.WARN)
mpj.experts = { malformed, suspicious }

-- A row of a layout is a field: where it lies, and how far it goes. "rest"
-- goes to the end of the body, "counted" as far as the body's first two bytes
-- say, "zero" has no name and must be zero.
local header_layout = {
	{ offset = 0, size = 1, field = f["version"] },
	{ offset = 1, size = 1, field = f["type"] },
	{ offset = 2, size = 2, field = f["flags"], bits = { f["flags.q"], f["flags.t"], f["flags.b"] } },
	{ offset = 4, size = 2, field = f["length"] },
	{ offset = 6, size = 2, zero = true },
	{ offset = 8, size = 8, field = f["dst_tag"] },
	{ offset = 16, size = 8, field = f["src_tag"] },
	{ offset = 24, size = 4, field = f["transaction"] },
	{ offset = 28, size = 4, zero = true },
}

-- Objects by class * 256 + C-Type.
local objects = {
	[1025] = { -- INTEGRITY
		item = f["integrity"], form = "", min = 20, max = 80,
		layout = {
			{ offset = 0, size = 1, field = f["integrity.flags"] },
			{ offset = 1, size = 1, zero = true },
			{ offset = 2, size = 6, field = f["integrity.key_identifier"] },
			{ offset = 8, size = 8, field = f["integrity.sequence_number"] },
			{ offset = 16, size = 0, field = f["integrity.digest"], rest = true },
		},
	},
	[24577] = { -- TARGET IPv4
		item = f["target"], form = "IPv4", min = 8, max = 8,
		layout = {
			{ offset = 0, size = 4, field = f["target.addr"] },
			{ offset = 4, size = 2, field = f["target.port"] },
			{ offset = 6, size = 2, zero = true },
		},
	},
	[24578] = { -- TARGET IPv6
		item = f["target"], form = "IPv6", min = 20, max = 20,
		layout = {
			{ offset = 0, size = 16, field = f["target.addr6"] },
			{ offset = 16, size = 2, field = f["target.port"] },
			{ offset = 18, size = 2, zero = true },
		},
	},
	[24833] = { -- CALLER IPv4
		item = f["caller"], form = "IPv4", min = 8, max = 8,
		layout = {
			{ offset = 0, size = 4, field = f["caller.addr"] },
			{ offset = 4, size = 2, field = f["caller.port"] },
			{ offset = 6, size = 2, zero = true },
		},
	},
	[24834] = { -- CALLER IPv6
		item = f["caller"], form = "IPv6", min = 20, max = 20,
		layout = {
			{ offset = 0, size = 16, field = f["caller.addr6"] },
			{ offset = 16, size = 2, field = f["caller.port"] },
			{ offset = 18, size = 2, zero = true },
		},
	},
	[25089] = { -- ROLE
		item = f["role"], form = "", min = 4, max = 4,
		layout = {
			{ offset = 0, size = 1, field = f["role.control_role"] },
			{ offset = 1, size = 1, field = f["role.data_role"] },
			{ offset = 2, size = 1, field = f["role.planes"], bits = { f["role.planes.rooted_control"], f["role.planes.rooted_data"] } },
			{ offset = 3, size = 1, field = f["role.jl"] },
		},
	},
	[25345] = { -- QOS
		item = f["qos"], form = "", min = 64, max = 64,
		layout = {
			{ offset = 0, size = 4, field = f["qos.sending_token_rate"] },
			{ offset = 4, size = 4, field = f["qos.sending_token_bucket_size"] },
			{ offset = 8, size = 4, field = f["qos.sending_peak_bandwidth"] },
			{ offset = 12, size = 4, field = f["qos.sending_latency"] },
			{ offset = 16, size = 4, field = f["qos.sending_delay_variation"] },
			{ offset = 20, size = 4, field = f["qos.sending_service_type"] },
			{ offset = 24, size = 4, field = f["qos.sending_max_sdu_size"] },
			{ offset = 28, size = 4, field = f["qos.sending_minimum_policed_size"] },
			{ offset = 32, size = 4, field = f["qos.receiving_token_rate"] },
			{ offset = 36, size = 4, field = f["qos.receiving_token_bucket_size"] },
			{ offset = 40, size = 4, field = f["qos.receiving_peak_bandwidth"] },
			{ offset = 44, size = 4, field = f["qos.receiving_latency"] },
			{ offset = 48, size = 4, field = f["qos.receiving_delay_variation"] },
			{ offset = 52, size = 4, field = f["qos.receiving_service_type"] },
			{ offset = 56, size = 4, field = f["qos.receiving_max_sdu_size"] },
			{ offset = 60, size = 4, field = f["qos.receiving_minimum_policed_size"] },
		},
	},
	[25601] = { -- USER_DATA caller
		item = f["user_data"], form = "caller", min = 4, max = 900,
		layout = {
			{ offset = 0, size = 2, field = f["user_data.length"] },
			{ offset = 2, size = 2, zero = true },
			{ offset = 4, size = 0, field = f["user_data.data"], counted = true },
		},
	},
	[25602] = { -- USER_DATA callee
		item = f["user_data"], form = "callee", min = 4, max = 900,
		layout = {
			{ offset = 0, size = 2, field = f["user_data.length"] },
			{ offset = 2, size = 2, zero = true },
			{ offset = 4, size = 0, field = f["user_data.data"], counted = true },
		},
	},
	[25603] = { -- USER_DATA side
		item = f["user_data"], form = "side", min = 4, max = 900,
		layout = {
			{ offset = 0, size = 2, field = f["user_data.length"] },
			{ offset = 2, size = 2, zero = true },
			{ offset = 4, size = 0, field = f["user_data.data"], counted = true },
		},
	},
	[25857] = { -- JOIN_LIMITS
		item = f["join_limits"], form = "", min = 8, max = 8,
		layout = {
			{ offset = 0, size = 4, field = f["join_limits.remaining_time"] },
			{ offset = 4, size = 2, field = f["join_limits.callee_room"] },
			{ offset = 6, size = 2, zero = true },
		},
	},
	[26113] = { -- SESSION IPv4
		item = f["session"], form = "IPv4", min = 8, max = 8,
		layout = {
			{ offset = 0, size = 4, field = f["session.group"] },
			{ offset = 4, size = 2, field = f["session.port"] },
			{ offset = 6, size = 1, field = f["session.ttl"] },
			{ offset = 7, size = 1, field = f["session.mode"] },
		},
	},
	[26114] = { -- SESSION IPv6
		item = f["session"], form = "IPv6", min = 20, max = 20,
		layout = {
			{ offset = 0, size = 16, field = f["session.group6"] },
			{ offset = 16, size = 2, field = f["session.port"] },
			{ offset = 18, size = 1, field = f["session.ttl"] },
			{ offset = 19, size = 1, field = f["session.mode"] },
		},
	},
	[26369] = { -- ROOT_DATA IPv4
		item = f["root_data"], form = "IPv4", min = 8, max = 8,
		layout = {
			{ offset = 0, size = 4, field = f["root_data.addr"] },
			{ offset = 4, size = 2, field = f["root_data.port"] },
			{ offset = 6, size = 2, zero = true },
		},
	},
	[26370] = { -- ROOT_DATA IPv6
		item = f["root_data"], form = "IPv6", min = 20, max = 20,
		layout = {
			{ offset = 0, size = 16, field = f["root_data.addr6"] },
			{ offset = 16, size = 2, field = f["root_data.port"] },
			{ offset = 18, size = 2, zero = true },
		},
	},
	[26625] = { -- TIMERS
		item = f["timers"], form = "", min = 8, max = 8,
		layout = {
			{ offset = 0, size = 4, field = f["timers.hello_interval"] },
			{ offset = 4, size = 4, field = f["timers.hold_time"] },
		},
	},
	[26881] = { -- COOKIE
		item = f["cookie"], form = "", min = 4, max = 64,
		layout = {
			{ offset = 0, size = 0, field = f["cookie.cookie"], rest = true },
		},
	},
	[27137] = { -- REASON
		item = f["reason"], form = "", min = 8, max = 8,
		layout = {
			{ offset = 0, size = 2, field = f["reason.code"] },
			{ offset = 2, size = 2, zero = true },
			{ offset = 4, size = 4, field = f["reason.winsock_error"] },
		},
	},
	[27393] = { -- RESERVATION IPv4
		item = f["reservation"], form = "IPv4", min = 8, max = 8,
		layout = {
			{ offset = 0, size = 1, field = f["reservation.error_code"] },
			{ offset = 1, size = 1, field = f["reservation.flags"] },
			{ offset = 2, size = 2, field = f["reservation.error_value"] },
			{ offset = 4, size = 4, field = f["reservation.error_node"] },
		},
	},
	[27394] = { -- RESERVATION IPv6
		item = f["reservation"], form = "IPv6", min = 20, max = 20,
		layout = {
			{ offset = 0, size = 1, field = f["reservation.error_code"] },
			{ offset = 1, size = 1, field = f["reservation.flags"] },
			{ offset = 2, size = 2, field = f["reservation.error_value"] },
			{ offset = 4, size = 16, field = f["reservation.error_node6"] },
		},
	},
	[27649] = { -- PAD
		item = f["pad"], form = "", min = 0, max = 1196,
		layout = {
			{ offset = 0, size = 0, zero = true, rest = true },
		},
	},
}

-- all_zero tells whether a range holds nothing but zeros.
local function all_zero(range)
	return range:bytes():tohex():find("[^0]") == nil
end

-- printable returns a range's bytes in quotes if all of them are printable.
local function printable(range)
	local s = range:raw()
	if s:find("[^ -~]") then
		return nil
	end
	return '"' .. s .. '"'
end

-- part returns the range of a row within a body, or nil if it does not fit.
local function part(row, body)
	local size = row.size
	if row.rest then
		size = body:len() - row.offset
	elseif row.counted then
		size = body(0, 2):uint()
	end
	if size < 0 or row.offset + size > body:len() then
		return nil, 0
	end
	if size == 0 then
		return nil, size
	end
	return body(row.offset, size), size
end

-- add_row adds one row and returns its text for the line above.
local function add_row(tree, row, body)
	local range, size = part(row, body)
	if range == nil then
		if size == 0 and not row.rest and not (row.counted and body(0, 2):uint() == 0) then
			tree:add_proto_expert_info(malformed, "A field lies outside of its object")
		end
		return nil
	end
	if row.zero then
		if not all_zero(range) then
			tree:add_proto_expert_info(suspicious, "Bytes that must be zero are not")
		end
		return nil
	end
	local item = tree:add(row.field, range)
	if row.bits then
		for _, bit in ipairs(row.bits) do
			item:add(bit, range)
		end
	end
	if row.counted then
		local text = printable(range)
		if text then
			item:append_text(" " .. text)
			return text
		end
	end
	return item.text
end

-- add_rows adds all rows of a layout, and returns their texts in one line.
local function add_rows(tree, layout, body)
	local texts = {}
	for _, row in ipairs(layout) do
		local text = add_row(tree, row, body)
		if text and #texts < 6 then
			table.insert(texts, text)
		end
	end
	return table.concat(texts, ", ")
end

-- add_object adds the object that a range holds.
local function add_object(tree, range)
	local class, ctype = range(2, 1):uint(), range(3, 1):uint()
	local info = objects[class * 256 + ctype]
	local item = tree:add(info and info.item or f["object"], range)
	local title = class_names[class] or string.format("Class %d", class)
	if info and info.form ~= "" then
		title = title .. " (" .. info.form .. ")"
	end
	item:set_text(title)
	item:add(f["object.length"], range(0, 2))
	item:add(f["object.class"], range(2, 1))
	item:add(f["object.ctype"], range(3, 1))
	local size = range:len() - OBJECT_HEADER_LENGTH
	local body = size > 0 and range(OBJECT_HEADER_LENGTH, size) or nil
	if info == nil then
		if body then
			item:add(f["object.body"], body)
		end
		if class < 128 then
			item:add_proto_expert_info(suspicious, "Object that must be known is not")
		end
		return
	end
	if size < info.min or size > info.max then
		item:add_proto_expert_info(malformed, string.format("Object of %d bytes", range:len()))
		return
	end
	if body then
		local text = add_rows(item, info.layout, body)
		if text ~= "" then
			item:append_text(": " .. text)
		end
	end
end

-- add_objects adds the objects from an offset of the message on.
local function add_objects(tree, message, offset)
	while offset < message:len() do
		local left = message:len() - offset
		if left < OBJECT_HEADER_LENGTH then
			tree:add_proto_expert_info(malformed, string.format("%d bytes after the last object", left))
			return
		end
		local size = message(offset, 2):uint()
		if size < OBJECT_HEADER_LENGTH or size % 4 ~= 0 or size > left then
			tree:add_proto_expert_info(malformed, string.format("Object length %d, %d bytes left", size, left))
			return
		end
		add_object(tree, message(offset, size))
		offset = offset + size
	end
end

function mpj.dissector(tvb, pinfo, root)
	pinfo.cols.protocol:set("MPJ")
	local message = tvb()
	local tree = root:add(mpj, message)
	if message:len() < HEADER_LENGTH then
		tree:add_proto_expert_info(malformed, string.format("%d bytes, the header needs %d", message:len(), HEADER_LENGTH))
		return
	end
	add_rows(tree, header_layout, message(0, HEADER_LENGTH))
	local name = type_names[message(1, 1):uint()] or string.format("type %d", message(1, 1):uint())
	tree:append_text(", " .. name)
	pinfo.cols.info:set(name)
	if message(0, 1):uint() ~= VERSION then
		tree:add_proto_expert_info(malformed, string.format("Version %d", message(0, 1):uint()))
		return
	end
	if message(4, 2):uint() ~= message:len() or message:len() > MAX_LENGTH then
		tree:add_proto_expert_info(malformed, string.format("Length %d in a datagram of %d bytes", message(4, 2):uint(), message:len()))
		return
	end
	add_objects(tree, message, HEADER_LENGTH)
end

DissectorTable.get("udp.port"):add(PORT, mpj)
