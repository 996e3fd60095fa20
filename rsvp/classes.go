package rsvp

// Fields that several objects share.
var (
	addrPort4 = []Field{{"SrcAddress", 0, 4, KindIPv4}, {"unused", 4, 2, KindUnused}, {"SrcPort", 6, 2, KindUint}}
	addrPort6 = []Field{{"SrcAddress", 0, 16, KindIPv6}, {"unused", 16, 2, KindUnused}, {"SrcPort", 18, 2, KindUint}}
	addrLabel = []Field{{"SrcAddress", 0, 16, KindIPv6}, {"unused", 16, 1, KindUnused}, {"Flow Label", 17, 3, KindHex}}
	addrGPI4  = []Field{{"SrcAddress", 0, 4, KindIPv4}, {"Generalized Port Identifier", 4, 4, KindHex}}
	addrGPI6  = []Field{{"SrcAddress", 0, 16, KindIPv6}, {"Generalized Port Identifier", 16, 4, KindHex}}
	tunnel4   = []Field{{"Tunnel Sender Address", 0, 4, KindIPv4}, {"unused", 4, 2, KindUnused}, {"LSP ID", 6, 2, KindUint}}
	tunnel6   = []Field{{"Tunnel Sender Address", 0, 16, KindIPv6}, {"unused", 16, 2, KindUnused}, {"LSP ID", 18, 2, KindUint}}
	aggr4     = []Field{{"Aggregator Address", 0, 4, KindIPv4}}
	aggr6     = []Field{{"Aggregator Address", 0, 16, KindIPv6}}
	generic4  = []Field{
		{"DestAddress", 0, 4, KindIPv4}, {"unused", 4, 1, KindUnused}, {"Flags", 5, 1, KindFlags}, {"PHB-ID", 6, 2, KindHex},
		{"unused", 8, 2, KindUnused}, {"vDstPort", 10, 2, KindUint}, {"Extended vDstPort", 12, 4, KindHex}}
	generic6 = []Field{
		{"DestAddress", 0, 16, KindIPv6}, {"unused", 16, 1, KindUnused}, {"Flags", 17, 1, KindFlags}, {"PHB-ID", 18, 2, KindHex},
		{"unused", 20, 2, KindUnused}, {"vDstPort", 22, 2, KindUint}, {"Extended vDstPort", 24, 16, KindBytes}}
	hop4      = []Field{{"Hop Address", 0, 4, KindIPv4}, {"Logical Interface Handle", 4, 4, KindHex}}
	hop6      = []Field{{"Hop Address", 0, 16, KindIPv6}, {"Logical Interface Handle", 16, 4, KindHex}}
	error4    = []Field{{"Error Node Address", 0, 4, KindIPv4}, {"Flags", 4, 1, KindFlags}, {"Error Code", 5, 1, KindUint}, {"Error Value", 6, 2, KindHex}}
	error6    = []Field{{"Error Node Address", 0, 16, KindIPv6}, {"Flags", 16, 1, KindFlags}, {"Error Code", 17, 1, KindUint}, {"Error Value", 18, 2, KindHex}}
	intservHd = []Field{{"Version", 0, 1, KindHex}, {"unused", 1, 1, KindUnused}, {"Length in words", 2, 2, KindUint}}
	messageID = []Field{{"Flags", 0, 1, KindFlags}, {"Epoch", 1, 3, KindHex}, {"Message_Identifier", 4, 4, KindUint}}
	idList    = messageID[:2]
	instances = []Field{{"Src_Instance", 0, 4, KindHex}, {"Dst_Instance", 4, 4, KindHex}}
	waveband  = []Field{{"Waveband Id", 0, 4, KindHex}, {"Start Label", 4, 4, KindHex}, {"End Label", 8, 4, KindHex}}
	labelSet  = []Field{{"Action", 0, 1, KindUint}, {"Reserved and Label Type", 1, 3, KindHex}}
	priority  = []Field{
		{"Setup Prio", 0, 1, KindUint}, {"Holding Prio", 1, 1, KindUint}, {"Flags", 2, 1, KindFlags}, {"Name Length", 3, 1, KindUint}}
	l3pid = []Field{{"unused", 0, 2, KindUnused}, {"L3PID", 2, 2, KindHex}}
)

// labels are the C-Types of LABEL, which other classes share (RFC 3473 section
// 2.3 and 2.4).
var labels = []CType{
	{CType: 1, Name: "MPLS", Min: 4, Max: 4, parse: checkLabel, Fields: []Field{{"Label", 0, 4, KindUint}}},
	{CType: 2, Name: "Generalized", Min: 4, Max: anyLen, parse: checkLabel, Tail: TailBytes, RFC: "RFC 3473 section 2.3"},
	{CType: 3, Name: "Waveband", Min: 12, Max: 12, parse: checkLabel, Fields: waveband, RFC: "RFC 3473 section 2.4"},
}

// labelSets is the C-Type of LABEL_SET and ACCEPTABLE_LABEL_SET.
var labelSets = []CType{{CType: 1, Min: 4, Max: anyLen, parse: checkLabelSet, Fields: labelSet, Tail: TailBytes}}

// Classes is the registry, indexed by Class-Num; each class lists its C-Types
// in ascending order. It is not to be changed. Classes without a name are
// unknown: their high bits say what to do (object.UnknownPolicy).
var Classes = [256]ClassInfo{
	ClassNull: {Name: "NULL", Allowed: inAny, RFC: "RFC 2205 section 3.1.2"},
	ClassSession: {Name: "SESSION", Allowed: inSession | inDiag | inNotify, Required: inSession | inDiag, RFC: "RFC 2205 A.1", CTypes: []CType{
		{CType: 1, Name: "IPv4/UDP", Min: 8, Max: 8, parse: parseSession, Fields: []Field{
			{"DestAddress", 0, 4, KindIPv4}, {"Protocol Id", 4, 1, KindUint}, {"Flags", 5, 1, KindFlags}, {"DstPort", 6, 2, KindUint}}},
		{CType: 2, Name: "IPv6/UDP", Min: 20, Max: 20, parse: parseSession, Fields: []Field{
			{"DestAddress", 0, 16, KindIPv6}, {"Protocol Id", 16, 1, KindUint}, {"Flags", 17, 1, KindFlags}, {"DstPort", 18, 2, KindUint}}},
		{CType: 3, Name: "IPv4/GPI", Min: 8, Max: 8, parse: parseSession, RFC: "RFC 2207 section 3.1", Fields: []Field{
			{"DestAddress", 0, 4, KindIPv4}, {"Protocol Id", 4, 1, KindUint}, {"Flags", 5, 1, KindFlags}, {"vDstPort", 6, 2, KindUint}}},
		{CType: 4, Name: "IPv6/GPI", Min: 20, Max: 20, parse: parseSession, RFC: "RFC 2207 section 3.1", Fields: []Field{
			{"DestAddress", 0, 16, KindIPv6}, {"Protocol Id", 16, 1, KindUint}, {"Flags", 17, 1, KindFlags}, {"vDstPort", 18, 2, KindUint}}},
		{CType: 7, Name: "LSP_TUNNEL_IPv4", Min: 12, Max: 12, parse: parseSession, RFC: "RFC 3209 section 4.6.1.1", Fields: []Field{
			{"Tunnel End Point Address", 0, 4, KindIPv4}, {"unused", 4, 2, KindUnused}, {"Tunnel ID", 6, 2, KindUint}, {"Extended Tunnel ID", 8, 4, KindHex}}},
		{CType: 8, Name: "LSP_TUNNEL_IPv6", Min: 36, Max: 36, parse: parseSession, RFC: "RFC 3209 section 4.6.1.2", Fields: []Field{
			{"Tunnel End Point Address", 0, 16, KindIPv6}, {"unused", 16, 2, KindUnused}, {"Tunnel ID", 18, 2, KindUint}, {"Extended Tunnel ID", 20, 16, KindBytes}}},
		{CType: 9, Name: "RSVP-AGGREGATE-IP4", Min: 8, Max: 8, parse: parseSession, RFC: "RFC 3175 section 3.3", Fields: []Field{
			{"Session Address", 0, 4, KindIPv4}, {"unused", 4, 1, KindUnused}, {"Flags", 5, 1, KindFlags}, {"unused", 6, 1, KindUnused}, {"DSCP", 7, 1, KindUint}}},
		{CType: 10, Name: "RSVP-AGGREGATE-IP6", Min: 20, Max: 20, parse: parseSession, RFC: "RFC 3175 section 3.3", Fields: []Field{
			{"Session Address", 0, 16, KindIPv6}, {"unused", 16, 1, KindUnused}, {"Flags", 17, 1, KindFlags}, {"unused", 18, 1, KindUnused}, {"DSCP", 19, 1, KindUint}}},
		{CType: 17, Name: "GENERIC-AGGREGATE-IP4", Min: 16, Max: 16, parse: parseSession, RFC: "RFC 4860 section 2.1", Fields: generic4},
		{CType: 18, Name: "GENERIC-AGGREGATE-IP6", Min: 40, Max: 40, parse: parseSession, RFC: "RFC 4860 section 2.1", Fields: generic6},
	}},
	ClassHop: {Name: "RSVP_HOP", Allowed: inPath | inResv | inResvErr | inPathTear | inResvTear | inDiag,
		Required: inPath | inResv | inResvErr | inPathTear | inResvTear | inDiag, RFC: "RFC 2205 A.2", CTypes: []CType{
			{CType: 1, Name: "IPv4", Min: 8, Max: 8, parse: parseHop, Fields: hop4},
			{CType: 2, Name: "IPv6", Min: 20, Max: 20, parse: parseHop, Fields: hop6},
			{CType: 3, Name: "IPv4 IF_ID", Min: 8, Max: anyLen, parse: parseHop, Fields: hop4, Tail: TailTLVs, RFC: "RFC 3473 section 8.1.1"},
			{CType: 4, Name: "IPv6 IF_ID", Min: 20, Max: anyLen, parse: parseHop, Fields: hop6, Tail: TailTLVs, RFC: "RFC 3473 section 8.1.1"},
		}},
	ClassIntegrity: {Name: "INTEGRITY", Allowed: inSigned, Required: inResponse, RFC: "RFC 2747 section 2.1", CTypes: []CType{
		{CType: 1, Min: 20, Max: anyLen, parse: parseIntegrity, Tail: TailBytes, Fields: []Field{
			{"Flags", 0, 1, KindFlags}, {"unused", 1, 1, KindUnused}, {"Key Identifier", 2, 6, KindHex}, {"Sequence Number", 8, 8, KindUint}}},
	}},
	ClassTimeValues: {Name: "TIME_VALUES", Allowed: inPath | inResv, Required: inPath | inResv, RFC: "RFC 2205 A.4", CTypes: []CType{
		{CType: 1, Min: 4, Max: 4, parse: parseTimeValues, Fields: []Field{{"Refresh Period", 0, 4, KindUint}}},
	}},
	ClassErrorSpec: {Name: "ERROR_SPEC", Allowed: inErrors | inResvConf | inResvTearConf,
		Required: inErrors | inResvConf, RFC: "RFC 2205 A.5", CTypes: []CType{
			{CType: 1, Name: "IPv4", Min: 8, Max: 8, parse: parseErrorSpec, Fields: error4},
			{CType: 2, Name: "IPv6", Min: 20, Max: 20, parse: parseErrorSpec, Fields: error6},
			{CType: 3, Name: "IPv4 IF_ID", Min: 8, Max: anyLen, parse: parseErrorSpec, Fields: error4, Tail: TailTLVs, RFC: "RFC 3473 section 8.2.1"},
			{CType: 4, Name: "IPv6 IF_ID", Min: 20, Max: anyLen, parse: parseErrorSpec, Fields: error6, Tail: TailTLVs, RFC: "RFC 3473 section 8.2.1"},
		}},
	ClassScope: {Name: "SCOPE", Allowed: inResv | inResvErr | inResvTear, RFC: "RFC 2205 A.6", CTypes: []CType{
		{CType: 1, Name: "IPv4", Min: 0, Max: anyLen, parse: parseScope, Items: []Field{{"Src Address", 0, 4, KindIPv4}}},
		{CType: 2, Name: "IPv6", Min: 0, Max: anyLen, parse: parseScope, Items: []Field{{"Src Address", 0, 16, KindIPv6}}},
	}},
	ClassStyle: {Name: "STYLE", Allowed: inFlows, Required: inFlows &^ inResvTearConf, RFC: "RFC 2205 A.7", CTypes: []CType{
		{CType: 1, Min: 4, Max: 4, parse: parseStyle, Fields: []Field{{"Flags", 0, 1, KindFlags}, {"Option Vector", 1, 3, KindHex}}},
	}},
	ClassFlowSpec: {Name: "FLOWSPEC", Allowed: inFlows | inNotify, RFC: "RFC 2205 A.8, RFC 2210 section 3.2, RFC 2997 section 4.4", CTypes: []CType{
		{CType: 2, Name: "Int-serv", Min: 12, Max: anyLen, Tail: TailServices, parse: parseFlowSpec, Fields: intservHd},
	}},
	ClassFilterSpec: {Name: "FILTER_SPEC", Allowed: inFlows | inNotify, RFC: "RFC 2205 A.9", CTypes: []CType{
		{CType: 1, Name: "IPv4", Min: 8, Max: 8, parse: parseFilterSpec, Fields: addrPort4},
		{CType: 2, Name: "IPv6", Min: 20, Max: 20, parse: parseFilterSpec, Fields: addrPort6},
		{CType: 3, Name: "IPv6 Flow-label", Min: 20, Max: 20, parse: parseFilterSpec, Fields: addrLabel},
		{CType: 4, Name: "IPv4/GPI", Min: 8, Max: 8, parse: parseFilterSpec, Fields: addrGPI4, RFC: "RFC 2207 section 3.2"},
		{CType: 5, Name: "IPv6/GPI", Min: 20, Max: 20, parse: parseFilterSpec, Fields: addrGPI6, RFC: "RFC 2207 section 3.2"},
		{CType: 7, Name: "LSP_TUNNEL_IPv4", Min: 8, Max: 8, parse: parseFilterSpec, Fields: tunnel4, RFC: "RFC 3209 section 4.6.3.1"},
		{CType: 8, Name: "LSP_TUNNEL_IPv6", Min: 20, Max: 20, parse: parseFilterSpec, Fields: tunnel6, RFC: "RFC 3209 section 4.6.3.2"},
		{CType: 9, Name: "RSVP-AGGREGATE-IP4", Min: 4, Max: 4, parse: parseFilterSpec, Fields: aggr4, RFC: "RFC 3175 section 3.5"},
		{CType: 10, Name: "RSVP-AGGREGATE-IP6", Min: 16, Max: 16, parse: parseFilterSpec, Fields: aggr6, RFC: "RFC 3175 section 3.5"},
	}},
	ClassSenderTemplate: {Name: "SENDER_TEMPLATE", Allowed: inSender | inNotify, Required: inPath, RFC: "RFC 2205 A.10", CTypes: []CType{
		{CType: 1, Name: "IPv4", Min: 8, Max: 8, parse: parseSenderTemplate, Fields: addrPort4},
		{CType: 2, Name: "IPv6", Min: 20, Max: 20, parse: parseSenderTemplate, Fields: addrPort6},
		{CType: 3, Name: "IPv6 Flow-label", Min: 20, Max: 20, parse: parseSenderTemplate, Fields: addrLabel},
		{CType: 4, Name: "IPv4/GPI", Min: 8, Max: 8, parse: parseSenderTemplate, Fields: addrGPI4, RFC: "RFC 2207 section 3.3"},
		{CType: 5, Name: "IPv6/GPI", Min: 20, Max: 20, parse: parseSenderTemplate, Fields: addrGPI6, RFC: "RFC 2207 section 3.3"},
		{CType: 7, Name: "LSP_TUNNEL_IPv4", Min: 8, Max: 8, parse: parseSenderTemplate, Fields: tunnel4, RFC: "RFC 3209 section 4.6.2.1"},
		{CType: 8, Name: "LSP_TUNNEL_IPv6", Min: 20, Max: 20, parse: parseSenderTemplate, Fields: tunnel6, RFC: "RFC 3209 section 4.6.2.2"},
		{CType: 9, Name: "RSVP-AGGREGATE-IP4", Min: 4, Max: 4, parse: parseSenderTemplate, Fields: aggr4, RFC: "RFC 3175 section 3.4"},
		{CType: 10, Name: "RSVP-AGGREGATE-IP6", Min: 16, Max: 16, parse: parseSenderTemplate, Fields: aggr6, RFC: "RFC 3175 section 3.4"},
	}},
	ClassSenderTSpec: {Name: "SENDER_TSPEC", Allowed: inSender | inNotify, Required: inPath, RFC: "RFC 2205 A.11, RFC 2210 section 3.1, RFC 2997 section 4.3", CTypes: []CType{
		{CType: 2, Name: "Int-serv", Min: 12, Max: anyLen, Tail: TailServices, parse: parseSenderTSpec, Fields: intservHd},
	}},
	ClassAdSpec: {Name: "ADSPEC", Allowed: inSender | inNotify, RFC: "RFC 2205 A.12, RFC 2210 section 3.3, RFC 2997 section 4.2", CTypes: []CType{
		{CType: 2, Name: "Int-serv", Min: 8, Max: anyLen, Tail: TailServices, parse: parseAdSpec, Fields: intservHd},
	}},
	// The contents are opaque to RSVP: ParsePolicyData reads them.
	ClassPolicyData: {Name: "POLICY_DATA", Allowed: inPath | inResv | inErrors, RFC: "RFC 2205 A.13, RFC 2750 section 3.1", CTypes: []CType{
		{CType: 1, Min: 4, Max: anyLen, Tail: TailPolicy, Fields: []Field{{"Data Offset", 0, 2, KindUint}, {"unused", 2, 2, KindUnused}}},
	}},
	// RFC 2205 does not list RESV_CONFIRM for ResvTear, but routers send it
	// there to ask for a ResvTearConf; it is ignored.
	ClassResvConfirm: {Name: "RESV_CONFIRM", Allowed: inResv | inResvConf | inResvTear | inResvTearConf, Required: inResvConf, RFC: "RFC 2205 A.14", CTypes: []CType{
		{CType: 1, Name: "IPv4", Min: 4, Max: 4, parse: parseConfirm, Fields: []Field{{"Receiver Address", 0, 4, KindIPv4}}},
		{CType: 2, Name: "IPv6", Min: 16, Max: 16, parse: parseConfirm, Fields: []Field{{"Receiver Address", 0, 16, KindIPv6}}},
	}},

	// Refresh overhead reduction.
	ClassMessageID: {Name: "MESSAGE_ID", Allowed: inStandard | inSrefresh | inHello, RFC: "RFC 2961 section 4.2", CTypes: []CType{
		{CType: 1, Min: 8, Max: 8, parse: parseMessageID, Fields: messageID},
	}},
	ClassMessageIDAck: {Name: "MESSAGE_ID_ACK", Allowed: inStandard | inAck | inSrefresh | inHello, Required: inAck, RFC: "RFC 2961 section 4.3", CTypes: []CType{
		{CType: 1, Name: "ACK", Min: 8, Max: 8, parse: parseMessageIDAck, Fields: messageID},
		{CType: 2, Name: "NACK", Min: 8, Max: 8, parse: parseMessageIDAck, Fields: messageID},
	}},
	ClassMessageIDList: {Name: "MESSAGE_ID_LIST", Allowed: inSrefresh, Required: inSrefresh, RFC: "RFC 2961 section 5.1", CTypes: []CType{
		{CType: 1, Name: "LIST", Min: 8, Max: anyLen, parse: parseIDList, Fields: idList, Items: []Field{{"Message_Identifier", 0, 4, KindUint}}},
		{CType: 2, Name: "IPv4 SRC_LIST", Min: 12, Max: anyLen, parse: parseIDList, Fields: idList, Items: []Field{
			{"Message_Identifier", 0, 4, KindUint}, {"Source_IP_Address", 4, 4, KindIPv4}}},
		{CType: 3, Name: "IPv6 SRC_LIST", Min: 24, Max: anyLen, parse: parseIDList, Fields: idList, Items: []Field{
			{"Message_Identifier", 0, 4, KindUint}, {"Source_IP_Address", 4, 16, KindIPv6}}},
		{CType: 4, Name: "IPv4 MCAST_LIST", Min: 16, Max: anyLen, parse: parseIDList, Fields: idList, Items: []Field{
			{"Message_Identifier", 0, 4, KindUint}, {"Source_IP_Address", 4, 4, KindIPv4}, {"Destination_IP_Address", 8, 4, KindIPv4}}},
		{CType: 5, Name: "IPv6 MCAST_LIST", Min: 40, Max: anyLen, parse: parseIDList, Fields: idList, Items: []Field{
			{"Message_Identifier", 0, 4, KindUint}, {"Source_IP_Address", 4, 16, KindIPv6}, {"Destination_IP_Address", 20, 16, KindIPv6}}},
	}},

	// Diagnostics.
	ClassDiagnostic: {Name: "DIAGNOSTIC", Allowed: inDiag, Required: inDiag, RFC: "RFC 2745 section 3.3", CTypes: []CType{
		{CType: 1, Name: "IPv4", Min: 32, Max: 40, parse: parseDiagnostic, Tail: TailObjects, Fields: []Field{
			{"Max-RSVP-hops", 0, 1, KindUint}, {"RSVP-hop-count", 1, 1, KindUint}, {"Flags", 2, 2, KindFlags}, {"Request ID", 4, 4, KindHex},
			{"Path MTU", 8, 2, KindUint}, {"Fragment Offset", 10, 2, KindUint}, {"LAST-HOP Address", 12, 4, KindIPv4}}},
		{CType: 2, Name: "IPv6", Min: 68, Max: 76, parse: parseDiagnostic, Tail: TailObjects, Fields: []Field{
			{"Max-RSVP-hops", 0, 1, KindUint}, {"RSVP-hop-count", 1, 1, KindUint}, {"Flags", 2, 2, KindFlags}, {"Request ID", 4, 4, KindHex},
			{"Path MTU", 8, 2, KindUint}, {"Fragment Offset", 10, 2, KindUint}, {"LAST-HOP Address", 12, 16, KindIPv6}}},
	}},
	ClassRoute: {Name: "ROUTE", Allowed: inDiag, RFC: "RFC 2745 section 3.5", CTypes: []CType{
		{CType: 1, Name: "IPv4", Min: 4, Max: anyLen, parse: parseRoute, Fields: []Field{{"unused", 0, 3, KindUnused}, {"R-pointer", 3, 1, KindUint}},
			Items: []Field{{"RSVP Node", 0, 4, KindIPv4}}},
		{CType: 2, Name: "IPv6", Min: 4, Max: anyLen, parse: parseRoute, Fields: []Field{{"unused", 0, 3, KindUnused}, {"R-pointer", 3, 1, KindUint}},
			Items: []Field{{"RSVP Node", 0, 16, KindIPv6}}},
	}},
	ClassDiagResponse: {Name: "DIAG_RESPONSE", Allowed: inDiag, RFC: "RFC 2745 section 3.6", CTypes: []CType{
		{CType: 1, Name: "IPv4", Min: 20, Max: anyLen, parse: parseDiagResponse, Tail: TailObjects, Fields: []Field{
			{"DREQ Arrival Time", 0, 4, KindHex}, {"Incoming Interface Address", 4, 4, KindIPv4}, {"Outgoing Interface Address", 8, 4, KindIPv4},
			{"Previous-RSVP-Hop Router Address", 12, 4, KindIPv4}, {"D-TTL", 16, 1, KindUint}, {"M, R-error and K", 17, 1, KindHex}, {"Timer value", 18, 2, KindUint}}},
		{CType: 2, Name: "IPv6", Min: 56, Max: anyLen, parse: parseDiagResponse, Tail: TailObjects, Fields: []Field{
			{"DREQ Arrival Time", 0, 4, KindHex}, {"Incoming Interface Address", 4, 16, KindIPv6}, {"Outgoing Interface Address", 20, 16, KindIPv6},
			{"Previous-RSVP-Hop Router Address", 36, 16, KindIPv6}, {"D-TTL", 52, 1, KindUint}, {"M, R-error and K", 53, 1, KindHex}, {"Timer value", 54, 2, KindUint}}},
	}},
	ClassDiagSelect: {Name: "DIAG_SELECT", Allowed: inDiag, RFC: "RFC 2745 section 3.4", CTypes: []CType{
		{CType: 1, Min: 4, Max: anyLen, parse: parseDiagSelect, Items: []Field{{"class", 0, 1, KindUint}, {"C-Type", 1, 1, KindUint}}},
	}},

	// Authentication.
	ClassChallenge: {Name: "CHALLENGE", Allowed: inChallenge | inResponse, Required: inChallenge | inResponse, RFC: "RFC 2747 section 4.3", CTypes: []CType{
		{CType: 1, Min: 16, Max: 16, parse: parseChallenge, Fields: []Field{
			{"unused", 0, 2, KindUnused}, {"Key Identifier", 2, 6, KindHex}, {"Challenge Cookie", 8, 8, KindBytes}}},
	}},

	// Differentiated services, aggregation, errors.
	ClassDClass: {Name: "DCLASS", Allowed: inSession | inNotify, RFC: "RFC 2996 section 2", CTypes: []CType{
		{CType: 1, Min: 4, Max: anyLen, parse: parseDClass, Items: []Field{{"unused", 0, 3, KindUnused}, {"DSCP", 3, 1, KindHex}}},
	}},
	ClassSessionOfInterest: {Name: "SESSION-OF-INTEREST", Allowed: inSession, Kept: true, RFC: "RFC 4860 section 2.2", CTypes: []CType{
		{CType: 1, Name: "GENERIC-AGG-IP4-SOI", Min: 16, Max: 16, parse: checkInterest, Fields: generic4},
		{CType: 2, Name: "GENERIC-AGG-IP6-SOI", Min: 40, Max: 40, parse: checkInterest, Fields: generic6},
	}},
	ClassUserErrorSpec: {Name: "USER_ERROR_SPEC", Allowed: inErrors, Kept: true, RFC: "RFC 5284 section 3", CTypes: []CType{
		{CType: 1, Min: 8, Max: anyLen, parse: checkUserError, Tail: TailError, Fields: []Field{
			{"Enterprise Number", 0, 4, KindUint}, {"Sub Org", 4, 1, KindUint}, {"Err Desc Len", 5, 1, KindUint}, {"User Error Value", 6, 2, KindUint}}},
	}},

	// Traffic engineering.
	ClassLabel: {Name: "LABEL", Allowed: inFlows | inNotify, Kept: true, RFC: "RFC 3209 section 4.1", CTypes: labels},
	ClassLabelRequest: {Name: "LABEL_REQUEST", Allowed: inLabelPath, Kept: true, RFC: "RFC 3209 section 4.2", CTypes: []CType{
		{CType: 1, Name: "without range", Min: 4, Max: 4, parse: checkNothing, Fields: l3pid},
		{CType: 2, Name: "ATM", Min: 12, Max: 12, parse: checkNothing, Fields: []Field{
			{"unused", 0, 2, KindUnused}, {"L3PID", 2, 2, KindHex}, {"M and Minimum VPI", 4, 2, KindHex}, {"Minimum VCI", 6, 2, KindUint},
			{"Maximum VPI", 8, 2, KindUint}, {"Maximum VCI", 10, 2, KindUint}}},
		{CType: 3, Name: "Frame Relay", Min: 12, Max: 12, parse: checkNothing, Fields: []Field{
			{"unused", 0, 2, KindUnused}, {"L3PID", 2, 2, KindHex}, {"DLI and Minimum DLCI", 4, 4, KindHex}, {"Maximum DLCI", 8, 4, KindUint}}},
		{CType: 4, Name: "Generalized", Min: 4, Max: 4, parse: checkNothing, RFC: "RFC 3473 section 2.1", Fields: []Field{
			{"LSP Enc. Type", 0, 1, KindUint}, {"Switching Type", 1, 1, KindUint}, {"G-PID", 2, 2, KindUint}}},
	}},
	ClassExplicitRoute: {Name: "EXPLICIT_ROUTE", Allowed: inLabelPath, Kept: true, RFC: "RFC 3209 section 4.3", CTypes: []CType{
		{CType: 1, Min: 0, Max: anyLen, parse: checkExplicitRoute, Tail: TailSubobjects},
	}},
	ClassRecordRoute: {Name: "RECORD_ROUTE", Allowed: inSession | inNotify, Kept: true, RFC: "RFC 3209 section 4.4", CTypes: []CType{
		{CType: 1, Min: 4, Max: anyLen, parse: checkRecordRoute, Tail: TailSubobjects},
	}},
	ClassHello: {Name: "HELLO", Allowed: inHello, Required: inHello, RFC: "RFC 3209 section 5.2", CTypes: []CType{
		{CType: 1, Name: "REQUEST", Min: 8, Max: 8, parse: parseHello, Fields: instances},
		{CType: 2, Name: "ACK", Min: 8, Max: 8, parse: parseHello, Fields: instances},
	}},
	ClassSessionAttribute: {Name: "SESSION_ATTRIBUTE", Allowed: inLabelPath, Kept: true, RFC: "RFC 3209 section 4.7", CTypes: []CType{
		{CType: 1, Name: "LSP_TUNNEL_RA", Min: 16, Max: anyLen, parse: checkAttribute, Tail: TailName, Fields: []Field{
			{"Exclude-any", 0, 4, KindHex}, {"Include-any", 4, 4, KindHex}, {"Include-all", 8, 4, KindHex},
			{"Setup Prio", 12, 1, KindUint}, {"Holding Prio", 13, 1, KindUint}, {"Flags", 14, 1, KindFlags}, {"Name Length", 15, 1, KindUint}}},
		{CType: 7, Name: "LSP_TUNNEL", Min: 4, Max: anyLen, parse: checkAttribute, Tail: TailName, Fields: priority},
	}},

	// Generalized labels.
	ClassRecoveryLabel: {Name: "RECOVERY_LABEL", Allowed: inLabelPath, Kept: true, RFC: "RFC 3473 section 9.3", CTypes: labels},
	ClassUpstreamLabel: {Name: "UPSTREAM_LABEL", Allowed: inLabelPath, Kept: true, RFC: "RFC 3473 section 3", CTypes: labels},
	ClassLabelSet:      {Name: "LABEL_SET", Allowed: inLabelPath, Kept: true, RFC: "RFC 3473 section 2.6", CTypes: labelSets},
	ClassProtection: {Name: "PROTECTION", Allowed: inLabelPath, Kept: true, RFC: "RFC 3473 section 6", CTypes: []CType{
		{CType: 1, Min: 4, Max: 4, parse: checkNothing, Fields: []Field{{"S and Link Flags", 0, 4, KindFlags}}},
	}},
	ClassSuggestedLabel:     {Name: "SUGGESTED_LABEL", Allowed: inLabelPath, Kept: true, RFC: "RFC 3473 section 2.5", CTypes: labels},
	ClassAcceptableLabelSet: {Name: "ACCEPTABLE_LABEL_SET", Allowed: inErrors, Kept: true, RFC: "RFC 3473 section 4.1", CTypes: labelSets},
	ClassRestartCap: {Name: "RESTART_CAP", Allowed: inHello, Kept: true, RFC: "RFC 3473 section 9.1", CTypes: []CType{
		{CType: 1, Min: 8, Max: 8, parse: checkNothing, Fields: []Field{{"Restart Time", 0, 4, KindUint}, {"Recovery Time", 4, 4, KindUint}}},
	}},
	ClassNotifyRequest: {Name: "NOTIFY_REQUEST", Allowed: inPath | inResv, Kept: true, RFC: "RFC 3473 section 4.2", CTypes: []CType{
		{CType: 1, Name: "IPv4", Min: 4, Max: 4, parse: checkNothing, Fields: []Field{{"Notify Node Address", 0, 4, KindIPv4}}},
		{CType: 2, Name: "IPv6", Min: 16, Max: 16, parse: checkNothing, Fields: []Field{{"Notify Node Address", 0, 16, KindIPv6}}},
	}},
	ClassAdminStatus: {Name: "ADMIN_STATUS", Allowed: inPath | inResv | inNotify, Kept: true, RFC: "RFC 3473 section 7.1", CTypes: []CType{
		{CType: 1, Min: 4, Max: 4, parse: checkNothing, Fields: []Field{{"Flags", 0, 4, KindFlags}}},
	}},
}
