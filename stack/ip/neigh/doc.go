// Package neigh resolves the addresses of neighbours: next hops on a link into
// Ethernet addresses. One table serves ARP (RFC 826) and IPv6 neighbour
// discovery (RFC 4861 section 7); both use the states of RFC 4861 section
// 7.3.2, for which [Step] is the one function:
//
//	                 packet                     answer
//	(no entry) ----------------> Incomplete -----------------> Reachable
//	     ^                           | 3 tries unanswered           | 15-45 s
//	     |<--------------------------+                              v
//	     |  3 tries unanswered    5 s without answer    packet    Stale
//	     +--------------- Probe <------------------- Delay <--------+
//
// A [Table] is a sans-I/O machine (see internal/machine). It writes no frames:
// its outputs ask for a solicitation, release a packet that waited, return a
// packet whose neighbour did not answer, and tell which neighbours were found
// and lost, so that routes can go by others. A Reachable entry has no timer:
// its age is looked at when the next packet wants it, so that an idle table
// never wakes its driver.
//
// What is bounded: the entries (the least recently used one that is not being
// asked gives way), those of them that are Incomplete (half), the packets
// waiting for one neighbour (the oldest gives way), and all waiting packets
// together. Each bound has a counter.
//
// What is not here: detection of address conflicts (package ip), confirmation
// of reachability by upper layers, proxying, redirects.
package neigh
