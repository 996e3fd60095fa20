// Package qos turns a socket's Winsock QoS into RSVP and RSVP's upcalls back
// into WSA_QOS indications: the GQoS rules Q1-Q54 of a socket's flows, as a
// machine over an RSVP node.
//
// A socket's part in an RSVP session is a flow ([Agent.Open]). A sender's PATH
// starts when the session and its flowspec are known (Q7); a receiver's RESV
// when it joined, asked for a service, and a PATH has come (Q15, Q16). What the
// network answers comes out of [Agent.Next].
//
// Not here: policy objects, and shaping of what is sent.
package qos
