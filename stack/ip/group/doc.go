// Package group holds multicast membership: the host side and the router side
// of IGMPv3 (RFC 3376) and MLDv2 (RFC 3810), which are one protocol in two
// encodings. The rules below are written once for both; a group's address
// says which it is.
//
// [Host] keeps what the programs of a node listen to. A join names a source,
// or none for any source; joins of the same are counted. A group that anyone
// joined without a source is in mode EXCLUDE with an empty list, otherwise in
// mode INCLUDE with the sources joined. Changes are reported at once and again
// after a random interval; queries are answered after a random delay.
//
// [Router] keeps what the hosts of each attached link listen to, asks for it
// as a querier, and tells which links want a datagram. Its group records
// follow the tables of RFC 3376 section 6.4 (function step).
//
// Both are sans-I/O machines (see internal/machine). Their outputs are
// messages for stack/ip to encode and send, and, from Router, changes of what
// is forwarded. A link is served once for each family.
//
// Source-specific groups ([IsSSM]) know no any-source joins: a host refuses
// them and a router ignores reports in mode EXCLUDE for them (RFC 4604
// sections 2.2 and 2.3 of the host and router rules).
//
// What is not here: EXCLUDE lists on the host side (nothing above asks for
// them), the host's fallback to IGMPv1/v2 and MLDv1 queriers, and the router's
// compatibility timers; reports of the older versions are taken as their
// version 3 equals.
package group
