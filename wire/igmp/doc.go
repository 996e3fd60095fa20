// Package igmp holds the codecs of group membership: IGMPv1, v2 and v3 (RFC
// 1112, 2236, 3376) and MLDv1 and v2 (RFC 2710, 3810). It can be imported
// alone.
//
// An IGMP message is the payload of an IPv4 packet with protocol 2, TTL 1, TOS
// 0xc0 and Router Alert; its checksum covers the message. An MLD message is an
// ICMPv6 message with hop limit 1 and Router Alert in a Hop-by-Hop header; its
// checksum covers a pseudo-header too, so that its functions take the IP
// addresses. Both protocols share the types here: the version and the family
// of the addresses say which is meant.
//
//	          Query                     Report                    Leave
//	IGMP  v1  0x11, code 0, 8 bytes     0x12                      -
//	      v2  0x11, 8 bytes             0x16                      0x17
//	      v3  0x11, 12 bytes and more   0x22 with records         in a report
//	MLD   v1  130, 24 bytes             131                       132 (Done)
//	      v2  130, 28 bytes and more    143 with records          in a report
//
// Parsing never panics and takes memory in proportion to its input at most.
// Message.DecodeIGMP and DecodeMLD reuse the memory of an earlier decode, and
// allocate nothing once it suffices. Aux data, additional data and bodies of
// unknown messages alias the input; sources are copied.
//
// Receivers must ignore reserved fields, and senders zero them, so they are
// not kept. Unknown types of messages and of records are kept and can be
// encoded again.
//
// What is not here: the state machines of hosts and routers (stack/ip/group),
// checks of the IP header (TTL, Router Alert, link-local sources), and other
// protocols over IP protocol 2 (DVMRP, PIMv1, mtrace), which are KindUnknown.
package igmp
