// Package mem is an Ethernet segment without a kernel: a sans-I/O machine to
// which any number of ports are attached. It behaves as a switch that knows
// its stations: unicast for a known address goes to the port of that address,
// unicast for an unknown one, multicast and broadcast go to every port but the
// sender's.
//
// A frame takes Config.Delay to cross the segment, after the time that its bits
// take at Config.Rate where one is set. Frames arrive in the order of their
// arrival instants, and in the order of sending where those are equal. A
// segment reorders, duplicates and damages nothing of its own accord; loss
// comes from the Fault, from ports that are down, and from the limits.
//
// The contract is that of every machine (package internal/machine): HandleSend
// and SetLink bring input, Advance fires what is due, Deadline says when, Next
// hands out deliveries. It is not safe for concurrent use.
//
// What is not here: learning of addresses, VLANs, IGMP snooping, half duplex.
package mem
