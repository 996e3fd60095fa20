// Package raw is a link on a network interface, over mdlayher/raw: an AF_PACKET
// socket for signalling and first tries. It sends and receives the frames of
// ARP, IPv4 and IPv6 without VLAN tags, with a filter in the kernel, and never
// sees what this host sends.
//
// Packet sockets get frames as the sender's kernel left them. On veth that
// means checksums that were never computed and super-frames that were never
// cut, unless both ends have their offloads off; Open verifies what it can see
// and refuses with the command that mends it. Super-frames that come in
// nevertheless are counted where they are longer than the MTU; shorter ones, and
// missing checksums, cannot be told from here.
//
// What is not here, because mdlayher/raw cannot: what package afpacket does
// better. It takes batches, has a receive buffer above the system's default
// (here floods lose frames: Counters.KernelDrops), completes checksums,
// recognizes every super-frame, and knows VLAN tags and link-layer groups.
package raw
