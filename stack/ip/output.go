package ip

import (
	"net/netip"

	"github.com/mpstack/mpstack/internal/machine"
)

// UDPHandle names a binding. Handles are never used twice; 0 names none.
type UDPHandle uint64

// Packet is an IP packet to send. Src may be foreign, and is chosen where it
// is invalid. OutIf is the interface to send from, 0 for the route's. TTL 0
// stands for DefaultTTL or DefaultMulticastTTL.
//
// With DF, in either family, a packet that exceeds the path MTU is refused with
// ErrMessageTooBig; without, it goes in fragments. With Probe, which implies DF,
// only the link's own MTU counts: so a path MTU that has grown is found out.
//
// Payload is valid during the call.
type Packet struct {
	Src, Dst    netip.Addr
	Proto       uint8
	TTL, TOS    uint8
	RouterAlert bool // IPv4 option; IPv6 Hop-by-Hop option, of RSVP's value where Proto is 46
	DF, Probe   bool
	OutIf       int
	Payload     []byte
	Cause       machine.Cause
}

// Datagram is a UDP datagram to send, or in an Output one received. Src's
// address is chosen where it is unspecified. OutIf, TTL, DF and Probe are as in
// Packet; a received one has OutIf 0 and no cause.
type Datagram struct {
	Src, Dst netip.AddrPort
	OutIf    int
	TTL, TOS uint8
	DF       bool
	Probe    bool
	Payload  []byte
	Cause    machine.Cause
}

// OutputKind says what an Output is and which of its fields count.
type OutputKind uint8

// Kinds of outputs.
const (
	KindFrame          OutputKind = iota + 1 // send Data on If: If, Data, Cause
	KindPacket                               // a packet for a registered protocol: InIf, Src, Dst, Proto, TTL, TOS, RouterAlert, ToUs, Payload
	KindDatagram                             // a datagram for a binding: Handle, Datagram, InIf, TTL, ChecksumZero
	KindUnreachable                          // what a binding sent did not arrive: Handle, Local, Remote, Reason, Soft, MTU
	KindMulticastRoute                       // a router's MulticastOutputs may have changed: Src, Group
	KindAddress                              // what became of an address: If, Prefix, Address; once with Handle 0, then with each binding to it unless it is ready
	KindRoute                                // RouteTo may have changed for destinations in Prefix, or where that is not valid for any
)

// String returns the kind's name.
func (k OutputKind) String() string {
	if k <= KindRoute {
		return [...]string{"none", "frame", "packet", "datagram", "unreachable", "multicast route", "address", "route"}[k]
	}
	return "unknown"
}

// Reason says why a datagram did not arrive.
type Reason uint8

// Reasons.
const (
	ReasonNone         Reason = iota
	ReasonPort                // nobody listens there
	ReasonHost                // no such host: it does not answer ARP or NDP, or a router says so
	ReasonNet                 // a router has no route
	ReasonPacketTooBig        // longer than MTU somewhere on the path
	ReasonProtocol            // the host does not know the protocol
	ReasonAdmin               // a router or host is told not to let it pass
	ReasonTTL                 // its lifetime ended on the way
	ReasonReassembly          // not all of its fragments arrived in time
	ReasonParamProblem        // its header was not understood
	numReasons
)

// String returns the reason's name.
func (r Reason) String() string {
	if r < numReasons {
		return [...]string{"none", "port unreachable", "host unreachable", "net unreachable", "packet too big",
			"protocol unreachable", "prohibited", "lifetime exceeded", "reassembly time exceeded", "parameter problem"}[r]
	}
	return "unknown"
}

// soft reports whether the next datagram may fare better: routes and filters
// change, while a host that has no such port says so itself (RFC 1122 section
// 4.2.3.9).
func (r Reason) soft() bool {
	switch r {
	case ReasonPort, ReasonProtocol, ReasonPacketTooBig:
		return false
	}
	return true
}

// Output is one output of the machine. Its bytes are valid until the next call
// into the machine.
type Output struct {
	Kind  OutputKind
	Cause machine.Cause

	If   int    // to send on
	Data []byte // a whole Ethernet frame without FCS

	InIf        int        // received on; of own packets, the interface they would have left by
	Src, Dst    netip.Addr // of a packet; Src of a route: invalid stands for every source
	Group       netip.Addr
	Prefix      netip.Prefix // of a route, or an address with its link's length
	Address     AddressChange
	Proto       uint8
	TTL, TOS    uint8 // as received
	RouterAlert bool
	ToUs        bool // addressed to this node, or to a group that it joined; otherwise intercepted
	Payload     []byte

	Handle        UDPHandle
	Datagram      Datagram
	ChecksumZero  bool           // UDP over IPv4 without checksum
	Local, Remote netip.AddrPort // Local sent, or the ICMP error says so, to Remote
	Reason        Reason
	Soft          bool // the next datagram may fare better (RFC 1122 section 4.2.3.9)
	MTU           int  // of ReasonPacketTooBig: the path MTU as it is known now
}
