// Package ip is the IP layer of a host or router as one sans-I/O machine (see
// internal/machine): Ethernet frames go in and come out, and above it are UDP
// datagrams and the packets of registered protocols.
//
//	           HandleSendUDP  HandleSend   Join/Leave        KindDatagram  KindPacket  KindUnreachable
//	                 |            |            |                  ^            ^             ^
//	bindings         |            |         group.Host            |            |             |
//	                 v            v            |               demultiplexing, membership, ICMP
//	routes      ----------------------         |                            ^
//	neighbours        neigh.Table              |      forwarding, RPF, interception (routers)
//	                      |                    v                            |
//	                  KindFrame            KindFrame                   HandleFrame
//
// Several interfaces, IPv4 and IPv6 side by side. An interface with an IPv6
// address also has the link-local address that its Ethernet address makes (RFC
// 2464 section 5). Addresses come with the interface, by AddAddress, or by
// router advertisements where Interface.Autoconf asks for them. Where
// Interface.DetectConflicts asks for it, they are checked before they are used
// and defended afterwards; stepAddr is the one function of their states:
//
//	          check                nobody objects               aged
//	(none) ----------> tentative ----------------> preferred <--------> deprecated
//	   |                   |                        ^     |                 |
//	   |   taken as it is  | conflict               |     | lost            | lost
//	   +-------------------|------------------------+     v                 |
//	                       +------------------------> duplicate <-----------+
//
// Routes are those of the links, static ones with metrics, and advertised ones.
// Where the gateway of one does not answer, another to the same prefix is used
// until it is heard of again. KindRoute tells of every change.
//
// Packets that arrive in fragments are put together (package reasm). Packets
// without DF that exceed the path MTU leave in fragments, and routers cut IPv4
// packets without DF. Path MTUs are learnt from ICMP errors about packets that
// were sent here, kept for ten minutes, and applied to every send.
//
// A router (Config.Forwarding) forwards unicast packets, and multicast
// datagrams to the links whose membership table wants them, provided they came
// in by the interface that leads to their source and no boundary is in the way
// (Boundary, ScopeBoundary and TTLThreshold of Interface). What the Config
// intercepts is handed up whole (KindPacket) instead of being forwarded. On
// interfaces that ask for it a router advertises itself.
//
// Multicast sends leave by one interface alone, also on a router: what a
// router's own programs send is not forwarded by itself. Memberships are per
// interface: what came in by another one is not delivered.
//
// ICMP errors about a UDP datagram come out as KindUnreachable for the binding
// that sent it. Those after which the next datagram may fare better are Soft.
//
// The machine keeps to what RFC 1122, 1191, 1812, 4443, 4861, 4862, 5227, 8200
// and 8201 ask of the parts that it has. What it does not handle it drops and
// counts, each reason by itself (Counters): VLAN tags, redirects, and router
// messages where they are not asked for. There is no loopback network; packets
// to own addresses are delivered without leaving the machine. Not here: DHCP,
// temporary addresses, anycast, several link-local addresses of an interface,
// load sharing between routes, secure neighbour discovery.
//
// A machine is not safe for concurrent use. Each call may leave outputs: drain
// Next before the next call. Output bytes are valid until that call; those of
// KindDatagram and KindPacket may alias the frame or payload handed in.
package ip
