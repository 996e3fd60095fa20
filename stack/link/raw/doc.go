// Package raw is a link on a network interface, over mdlayher/raw: an AF_PACKET
// socket for signalling and first tries. It sends and receives the frames of
// ARP, IPv4 and IPv6 without VLAN tags, with a filter in the kernel, and never
// sees what this host sends.
//
// Packet sockets get frames as the peer's kernel left them. On veth that means
// checksums that were never computed and super-frames longer than the MTU,
// unless both ends have their offloads off; Open verifies what it can see (the
// interface itself) and refuses with the command that mends it. Super-frames
// that come in nevertheless are counted as Oversize.
//
// What is not here, because mdlayher/raw cannot: batched calls, a receive buffer
// above the system's default (floods lose frames: Counters.KernelDrops), VLAN
// tags, the joining of link-layer groups. veth and TAP need none; a network card
// may need all-multicast mode to hear multicast.
package raw
