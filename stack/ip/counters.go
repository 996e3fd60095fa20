package ip

import (
	"slices"

	"github.com/mpstack/mpstack/stack/ip/group"
	"github.com/mpstack/mpstack/stack/ip/neigh"
	"github.com/mpstack/mpstack/stack/ip/reasm"
)

// Counters of a machine, one for each reason of a drop.
type Counters struct {
	FramesIn, FramesOut   uint64
	PacketsIn             uint64 // IP packets accepted from links
	Delivered             uint64 // datagrams and packets handed up
	Forwarded             uint64 // unicast packets
	MulticastForwarded    uint64 // copies of multicast packets
	Intercepted           uint64
	LoopedBack            uint64 // own packets delivered here
	EchoReplies           uint64
	ICMPErrorsSent        uint64
	UnreachablesDelivered uint64
	Fragmented            uint64 // packets sent in fragments
	FragmentsSent         uint64
	PathMTUs              uint64 // path MTUs learnt or confirmed
	PathMTUsEvicted       uint64 // path MTUs forgotten for others
	AddressProbes         uint64 // questions whether somebody has an address
	AddressAnnouncements  uint64 // addresses announced or defended
	AddressesReady        uint64 // addresses checked or formed
	AddressConflicts      uint64 // addresses given up: somebody else has them
	RouterSolicits        uint64 // sent
	RouterSolicitsHeard   uint64
	RouterAdvertsSent     uint64
	RouterAdvertsHeard    uint64

	DropInterfaceDown    uint64 // frame from, or packet to, an interface that is down
	DropUnknownIf        uint64 // frame from an interface that is not there
	DropEthernet         uint64 // not Ethernet
	DropVLAN             uint64
	DropEtherType        uint64
	DropOtherMAC         uint64 // to another station
	DropOwnMAC           uint64 // from ourselves
	DropFamily           uint64 // an IP version that the interface does not have
	DropARP              uint64 // malformed, or with impossible addresses
	DropHeader           uint64 // malformed IP header
	DropHeaderChecksum   uint64
	DropTruncated        uint64 // shorter than its IP header says
	DropFragment         uint64 // fragments in fragments, or whose parts disagree about the protocol
	DropSource           uint64 // impossible source address
	DropOwnSource        uint64 // from one of our own addresses
	DropDestination      uint64 // impossible destination address
	DropNotOurs          uint64 // to another node, and this one does not forward
	DropNotMember        uint64 // to a group that nobody here joined
	DropOption           uint64 // an IPv6 option that demands it, or a routing header
	DropSourceRoute      uint64 // IPv4 source routes
	DropNoNext           uint64 // IPv6 packets that say that they carry nothing
	DropProtocol         uint64 // no such protocol here
	DropUDP              uint64 // malformed UDP
	DropUDPChecksum      uint64
	DropNoPort           uint64 // no binding for a unicast datagram
	DropNoGroupPort      uint64 // no binding for a multicast or broadcast datagram
	DropFiltered         uint64 // multicast that a binding's source filter keeps from it
	DropICMP             uint64 // malformed or with a wrong checksum
	DropICMPType         uint64 // nothing to do for this type
	DropICMPUnmatched    uint64 // an error about a packet that no binding sent
	DropEcho             uint64 // IPv4 echo request to a group or broadcast address
	DropNDP              uint64 // malformed, or not from the link
	DropRouterMessage    uint64 // router discovery where it is not wanted
	DropRedirect         uint64 // redirects are ignored
	DropRouterLimit      uint64 // advertised routers: too many
	DropPrefix           uint64 // advertised prefixes from which no address can be formed, or that are none
	DropPrefixLimit      uint64 // advertised prefixes: too many
	DropPathMTU          uint64 // too-big errors that cannot be true
	DropIGMP             uint64 // malformed IGMP or MLD
	DropIGMPUntrusted    uint64 // wrong TTL, Router Alert or source
	DropIGMPType         uint64 // unknown type
	DropAddressConflict  uint64 // someone else uses one of our addresses
	DropForwardScope     uint64 // not to be forwarded: its scope is the link, or a directed broadcast
	DropForwardBoundary  uint64 // multicast behind a boundary
	DropForwardThreshold uint64 // multicast whose lifetime does not exceed the interface's threshold
	DropForwardTTL       uint64
	DropForwardNoRoute   uint64
	DropForwardTooBig    uint64
	DropForwardNeighbor  uint64 // the next hop does not answer
	DropRPF              uint64 // multicast by the wrong interface
	DropNoListener       uint64 // multicast that no link wants
	DropICMPLimited      uint64 // errors not sent: rate limit
	DropEncode           uint64 // own packets that could not be encoded
	DropUnresolved       uint64 // own packets whose neighbour does not answer

	Reasm  reasm.Counters
	Neigh  neigh.Counters
	Host   group.HostCounters
	Router group.RouterCounters
}

// Counter is one row of the counters' table.
type Counter struct {
	Name  string
	Value uint64
}

// Table returns the counters by name, in a fixed order.
func (c *Counters) Table() []Counter {
	return slices.Concat(c.traffic(), c.drops(), c.reassembly(), c.neighbors(), c.membership())
}

func (c *Counters) traffic() []Counter {
	return []Counter{
		{"frames/in", c.FramesIn}, {"frames/out", c.FramesOut},
		{"packets/in", c.PacketsIn}, {"packets/delivered", c.Delivered},
		{"packets/forwarded", c.Forwarded}, {"packets/multicast-forwarded", c.MulticastForwarded},
		{"packets/intercepted", c.Intercepted}, {"packets/looped-back", c.LoopedBack},
		{"icmp/echo-replies", c.EchoReplies}, {"icmp/errors-sent", c.ICMPErrorsSent},
		{"icmp/unreachables", c.UnreachablesDelivered},
		{"packets/fragmented", c.Fragmented}, {"packets/fragments-sent", c.FragmentsSent},
		{"pmtu/learnt", c.PathMTUs}, {"pmtu/evicted", c.PathMTUsEvicted},
		{"address/probes", c.AddressProbes}, {"address/announcements", c.AddressAnnouncements},
		{"address/ready", c.AddressesReady}, {"address/conflicts", c.AddressConflicts},
		{"discovery/solicits-sent", c.RouterSolicits}, {"discovery/solicits-heard", c.RouterSolicitsHeard},
		{"discovery/adverts-sent", c.RouterAdvertsSent}, {"discovery/adverts-heard", c.RouterAdvertsHeard},
	}
}

func (c *Counters) drops() []Counter {
	return []Counter{
		{"drop/interface-down", c.DropInterfaceDown}, {"drop/unknown-interface", c.DropUnknownIf},
		{"drop/ethernet", c.DropEthernet}, {"drop/vlan", c.DropVLAN},
		{"drop/ether-type", c.DropEtherType}, {"drop/other-mac", c.DropOtherMAC},
		{"drop/own-mac", c.DropOwnMAC}, {"drop/family", c.DropFamily},
		{"drop/arp", c.DropARP}, {"drop/header", c.DropHeader},
		{"drop/header-checksum", c.DropHeaderChecksum}, {"drop/truncated", c.DropTruncated},
		{"drop/fragment", c.DropFragment}, {"drop/source", c.DropSource},
		{"drop/own-source", c.DropOwnSource}, {"drop/destination", c.DropDestination},
		{"drop/not-ours", c.DropNotOurs}, {"drop/not-member", c.DropNotMember},
		{"drop/source-route", c.DropSourceRoute}, {"drop/no-next-header", c.DropNoNext},
		{"drop/option", c.DropOption}, {"drop/protocol", c.DropProtocol},
		{"drop/udp", c.DropUDP}, {"drop/udp-checksum", c.DropUDPChecksum},
		{"drop/no-port", c.DropNoPort}, {"drop/no-group-port", c.DropNoGroupPort},
		{"drop/filtered", c.DropFiltered},
		{"drop/icmp", c.DropICMP}, {"drop/icmp-type", c.DropICMPType},
		{"drop/icmp-unmatched", c.DropICMPUnmatched}, {"drop/echo", c.DropEcho},
		{"drop/ndp", c.DropNDP}, {"drop/router-message", c.DropRouterMessage},
		{"drop/redirect", c.DropRedirect}, {"drop/path-mtu", c.DropPathMTU},
		{"drop/router-limit", c.DropRouterLimit}, {"drop/prefix", c.DropPrefix},
		{"drop/prefix-limit", c.DropPrefixLimit},
		{"drop/igmp", c.DropIGMP}, {"drop/igmp-untrusted", c.DropIGMPUntrusted},
		{"drop/igmp-type", c.DropIGMPType}, {"drop/address-conflict", c.DropAddressConflict},
		{"drop/forward-boundary", c.DropForwardBoundary}, {"drop/forward-threshold", c.DropForwardThreshold},
		{"drop/forward-scope", c.DropForwardScope}, {"drop/forward-ttl", c.DropForwardTTL},
		{"drop/forward-no-route", c.DropForwardNoRoute}, {"drop/forward-too-big", c.DropForwardTooBig},
		{"drop/forward-neighbour", c.DropForwardNeighbor}, {"drop/rpf", c.DropRPF},
		{"drop/no-listener", c.DropNoListener}, {"drop/icmp-limited", c.DropICMPLimited},
		{"drop/encode", c.DropEncode}, {"drop/unresolved", c.DropUnresolved},
	}
}

func (c *Counters) reassembly() []Counter {
	r := &c.Reasm
	return []Counter{
		{"reasm/fragments", r.Fragments}, {"reasm/whole", r.Whole},
		{"reasm/duplicate", r.Duplicates}, {"reasm/empty", r.Empty},
		{"reasm/misaligned", r.Misaligned}, {"reasm/too-long", r.TooLong},
		{"reasm/headers-missing", r.NoHeaders}, {"reasm/refused", r.Refused},
		{"reasm/overlap", r.Overlaps}, {"reasm/inconsistent", r.Inconsistent},
		{"reasm/too-many", r.TooMany}, {"reasm/mixed-ecn", r.MixedECN},
		{"reasm/evicted", r.Evicted}, {"reasm/evicted-source", r.EvictedSource},
		{"reasm/no-room", r.NoRoom}, {"reasm/timed-out", r.TimedOut},
	}
}

func (c *Counters) neighbors() []Counter {
	n := &c.Neigh
	return []Counter{
		{"neigh/solicits", n.Solicits}, {"neigh/probes", n.Probes},
		{"neigh/answers", n.Answers}, {"neigh/failures", n.Failures},
		{"neigh/queue-full", n.QueueFull}, {"neigh/waiting-full", n.WaitingFull},
		{"neigh/table-full", n.TableFull}, {"neigh/evicted", n.Evicted},
		{"neigh/learn-refused", n.LearnRefused}, {"neigh/packets-failed", n.PacketsFailed},
		{"neigh/address-changed", n.AddressChanged}, {"neigh/contradictions", n.Contradictions},
		{"neigh/unsolicited", n.UnsolicitedOnly},
	}
}

func (c *Counters) membership() []Counter {
	h, r := &c.Host, &c.Router
	return []Counter{
		{"group/reports", h.Reports}, {"group/queries-heard", h.Queries},
		{"group/queries-idle", h.QueriesIdle}, {"group/queries-merged", h.QueriesMerged},
		{"group/joins-refused", h.LimitReached},
		{"router/records", r.Records}, {"router/general-queries", r.GeneralQueries},
		{"router/group-queries", r.GroupQueries}, {"router/source-queries", r.SourceQueries},
		{"router/queries-heard", r.QueriesHeard}, {"router/elections", r.Elections},
		{"router/table-full", r.TableFull}, {"router/sources-full", r.SourcesFull},
		{"router/ssm-ignored", r.SSMIgnored}, {"router/scope-ignored", r.ScopeIgnored},
		{"router/type-ignored", r.TypeIgnored},
	}
}
