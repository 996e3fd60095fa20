// Package group holds multicast membership: the host side and the router side
// of IGMPv3 (RFC 3376) and MLDv2 (RFC 3810), which are one protocol in two
// encodings, with what they ask of both where IGMPv1, IGMPv2 or MLDv1 is
// spoken (RFC 1112, RFC 2236, RFC 2710). The rules below are written once for
// both; a group's address says which it is.
//
// [Host] keeps what the sockets of a node listen to. A socket has one filter
// for a group on an interface, INCLUDE or EXCLUDE a list of sources
// ([Host.SetFilter]); [Host.Join] is the simple form for who counts joins
// instead of naming sockets. From these the state of the interface is merged
// (RFC 3376 section 3.2). Its changes are reported at once and again after
// random intervals, as often as the querier's robustness says; queries are
// answered after a random delay. [Host.Accepts] is the filter that datagrams
// pass to a socket.
//
// A host whose link has an older querier speaks that version, until the
// querier was silent for long enough ([Host.Version], [Host.QuerierVersion]):
// then there are no source filters on the wire, reports go out group by group,
// and those of other hosts suppress them.
//
// [Router] keeps what the hosts of each attached link listen to, asks for it
// as a querier, and tells which links want a datagram. Its group records
// follow the tables of RFC 3376 section 6.4 (function step), those with older
// members in the compatibility mode of section 7.3.2 (function translate).
// Which version it asks in is set by an administrator ([Router.Configure]).
//
// Both are sans-I/O machines (see internal/machine). Their outputs are
// messages for stack/ip to encode and send, and, from Router, changes of what
// is forwarded. A link is served once for each family.
//
// # State families
//
//	compat       which older versions are present; of a host's link, of a router's group
//	olderState   a host's membership towards an older querier (RFC 2236 section 6)
//	QuerierState what a router is on a link
//	routerState  a router's record of a group
//
// # Choices where the RFCs leave one
//
// Source-specific groups ([IsSSM]) know no any-source joins: a host refuses
// them, and a router ignores reports in mode EXCLUDE and older reports and
// leaves for them (RFC 4604). A host with an older querier reports them all
// the same, since that is all it can do.
//
// One timer serves the state-change reports of all groups of a link, so that
// they share messages. A specific query is repeated once every last member
// query interval, however often the report comes that caused it: queries that
// follow each other sooner get one answer, whose loss would prune what is still
// wanted. A record for which nothing is known and that asks for nothing is
// ignored. A router without an address never becomes querier before one that
// has. A router adopts the robustness of the query that it heard last, even as
// querier; it never adopts an older version.
//
// A router that listens itself hears its own messages ([Host.HandleOwnQuery],
// [Router.HandleReport]), so that the other routers of a link know of its
// programs as long as it asks.
//
// What is not here: proxying (RFC 4605), tracking of single hosts, the
// suppression of new reports by older ones (which RFC 3376 section 7.2.2
// merely allows), and the encoding and checking of messages.
package group
