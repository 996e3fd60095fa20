// Package afpacket is a link on a network interface over an AF_PACKET socket of
// our own: what package raw is, for data. Frames go out and come in by the
// batch (link.BatchLink, link.BatchReader), the receive buffer is as large as
// the system allows, and what this host sends is not even offered to us.
//
// # Offloads
//
// A kernel that sends over veth leaves to hardware, which never comes, what its
// offloads promise: checksums are not computed, and segments not cut. The
// socket is told of both with every frame (PACKET_VNET_HDR). By default the
// checksum is computed on arrival, whatever the protocol, so that everything
// works with the offloads left on; Options.KeepPartial leaves the frame as it is
// and says link.ChecksumPartial. A super-frame stands for several datagrams and
// must not pass for one, however short it is: it is dropped and counted
// (Counters.SuperFrames). Where those count, switch segmentation off at the
// sender: Options.CheckOffloads makes Open refuse with the command,
// Options.MendOffloads runs it as far as we may.
//
// # VLAN tags
//
// The kernel takes the outermost tag off. With Options.Tagged tagged frames are
// received, and PACKET_AUXDATA puts the tag back where it was; without it they
// are dropped in the kernel.
//
// # Multicast
//
// veth and TAP hear every group. A network card has to be told: JoinGroup for
// one group, Options.AllMulticast for all, Options.Promiscuous for everything.
// The socket holds the membership, and its end ends it.
//
// # Sending
//
// Frames pass the interface's queueing discipline: HTB sees them. One that it
// drops fails with ENOBUFS. Options.BypassQdisc hands frames to the driver
// directly.
//
// What is not here: rings (TPACKET_V3 receives faster and, by default, tens of
// milliseconds late), fanout, AF_XDP.
package afpacket
