// Package intserv is the arithmetic of integrated services: token-bucket
// traffic specifications, reservation specifications, the flowspecs made of
// them, the advertisements (ADSPEC) that a path collects hop by hop, and a
// running token bucket.
//
// Sources: RFC 2210 (use with RSVP), RFC 2211 (controlled load), RFC 2212
// (guaranteed service), RFC 2215 (general parameters).
//
// All types are comparable values. A zero Service means "no flowspec".
//
// Floating point: rates and depths are IEEE single precision because the wire
// carries them so. Every operation rounds explicitly; none is fused, so that a
// result is the same on every processor.
//
// What is not here: the wire format (package rsvp), protocol state (package
// rsvp/node), and schedulers that enforce a reservation.
package intserv
