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
// Several interfaces, IPv4 and IPv6 side by side; addresses and routes are
// static. An interface with an IPv6 address also has the link-local address
// that its Ethernet address makes (RFC 2464 section 5). A router (Config.
// Forwarding) forwards unicast packets, and multicast datagrams to the links
// whose membership table wants them, provided they came in by the interface
// that leads to their source. Packets that Config.Intercept names are handed
// up (KindPacket) instead of being forwarded.
//
// Multicast sends leave by one interface alone, also on a router: what a
// router's own programs send is not forwarded by itself. Memberships are per
// interface: what came in by another one is not delivered.
//
// The machine keeps to what RFC 1122, 1812, 4443, 4861 and 8200 ask of the
// parts that it has. It drops and counts, each reason by itself (Counters),
// what it cannot handle yet: fragments, VLAN tags, router advertisements and
// redirects. Sends that do not fit the interface's MTU are refused
// (ErrMessageTooBig): nothing is fragmented, with DF or without. There is no
// duplicate address detection, no path MTU memory and no loopback network;
// packets to own addresses are delivered without leaving the machine.
//
// A machine is not safe for concurrent use. Each call may leave outputs: drain
// Next before the next call. Output bytes are valid until that call; those of
// KindDatagram and KindPacket may alias the frame or payload handed in.
package ip
