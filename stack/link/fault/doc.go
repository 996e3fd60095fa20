// Package fault makes a link lose chosen frames. A [Rule] names frames by a
// matcher, a short text as scenario files hold it, and drops the nth of them:
//
//	mpj JOIN                     join requests, to or from UDP port 52205
//	rsvp Resv from leaf1/eth0    reservations that this port sends
//	udp 5000 from root           datagrams from or to port 5000, from any port of node root
//	igmp report                  reports of any IGMP version
//	arp                          every ARP packet
//
// A matcher is a protocol, optionally a type or number of it, optionally "from"
// and a port ("node/port") or a node. Words are separated by spaces, or the
// first two by a dot ("mpj.JOIN"); case does not matter except in the port's
// name. [Protocols] lists what there is.
//
// An [Injector] holds rules; it is the Fault of a mem.Segment, or of a [Reader]
// around a kernel link. It is deterministic and not safe for concurrent use.
//
// What is not here: loss by chance, delay, duplication, damage.
package fault
