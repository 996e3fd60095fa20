// Package reasm puts fragmented IP packets together again: IPv4 (RFC 791
// section 3.2, RFC 815) and IPv6 (RFC 8200 section 4.5).
//
// A [Table] is a sans-I/O machine (see internal/machine). Fragments go in by
// HandleIPv4 and HandleIPv6; the one that completes a packet brings the whole
// packet back, headers included, as it would have arrived in one piece. What
// does not become whole in time comes out of Next, so that its sender can be
// told by ICMP, provided the first fragment was there.
//
// What is refused, each with a counter:
//
//   - Overlaps refuse the whole packet and every fragment of it that is still
//     to come, without a word to the sender: RFC 5722 for IPv6, and the same
//     for IPv4, whose overlaps have no use but to hide something. An exact
//     copy of a fragment is dropped alone (RFC 8200 section 4.5).
//   - A first fragment of IPv6 holds all headers up to the upper layer's (RFC
//     7112), or is dropped.
//   - Fragments with a length that cannot be, with an end beyond 65,535 bytes,
//     or empty are dropped alone.
//
// What is bounded: the fragments of a packet, the memory of all packets of one
// source, and the memory of all; where there is no room, the oldest packet
// gives way. Buffers are used again. Memory is counted as it is allocated,
// with what a packet and a fragment cost besides their bytes, so that many
// small fragments cost what they cost.
//
// What is not here: atomic fragments (RFC 6946), which are whole as they are
// and never get here; fragmentation; ICMP.
package reasm
