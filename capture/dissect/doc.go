// Package dissect turns a captured frame into one tree of layers, objects and
// fields, each with its name, offset, length and value. Everything that looks
// at captures works on this tree: decoding for people and for programs,
// comparing, masking, drawing.
//
//	frame
//	  layer   eth, arp, ipv4, ipv6, udp, icmp, icmpv6, igmp, mld, mpj, rsvp, data
//	    field   name, offset, length, value, text
//	    object  class, C-Type, name, offset, length
//	      field
//
// Offsets count from the start of the frame. Names are stable: they are what
// masks, scenarios and golden comparisons refer to, as paths of layer, object
// and field joined by dots ("ipv4.ttl", "rsvp.TIME_VALUES.refresh_period";
// "#2", "#3" … follow a name that comes again beside itself). RSVP and MPJ
// objects come from the registries of those packages.
//
// What does not decode stops the walk: [Tree.Err] says where and why, the
// layers and objects before it stay. A wrong checksum is reported and walked
// past.
//
// A Tree is meant to be used again for the next frame: Dissect then allocates
// nothing, once it has grown. Its slices and values alias the frame and are
// valid until the next call.
//
// Not here: reassembly of fragments, judgement of what is well-formed but wrong
// (package check), anything that needs more than one frame.
package dissect
