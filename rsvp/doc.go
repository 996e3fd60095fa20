// Package rsvp is the codec of RSVP version 1, for IPv4 and IPv6: the messages and
// objects of RFC 2205 with the integrated-services contents of RFC 2210, and
// those of the RFCs that extend them: 2207 (IPsec), 2745 (diagnostics), 2747 and
// 3097 (authentication), 2750, 3181, 3182, 2872 (policy data), 2961 (refresh
// reduction), 2996 (DCLASS), 2997 (Null service), 3175 and 4860 (aggregation),
// 4495 (partial preemption), 5284 (user errors), and, for reading what others
// send, 3209 and 3473 (label switching). docs/rsvp-objects.md lists them all.
//
// A message is a common header and a sequence of objects:
//
//	 0             1              2             3
//	+-------------+-------------+-------------+-------------+
//	| Vers | Flags|  Msg Type   |       RSVP Checksum       |
//	+-------------+-------------+-------------+-------------+
//	|  Send_TTL   | (Reserved)  |        RSVP Length        |
//	+-------------+-------------+-------------+-------------+
//	|       Length (bytes)      |  Class-Num  |   C-Type    |
//	+-------------+-------------+-------------+-------------+
//	|                  (Object contents)                    |
//
// [Message] holds one message as typed values. [Message.Decode] takes the
// objects in any order that the RFCs permit; [Message.AppendTo] writes them in
// the order that they recommend, [Message.AppendAsReceived] in the order in
// which they came. A Message is reused by calling Decode again: every field is
// reset and nothing is allocated in the steady state.
//
// Two tables, [Messages] and [Classes], keyed by class and C-Type, drive parsing,
// validation, text and JSON ([AppendText], [AppendJSON]), the fields that a
// dissector shows ([AppendFields]), the documentation, and the seeds of the fuzz
// tests. Objects that this stack does not act on have no field in Message: they
// are checked, kept in [Message].Other and read by a function of their class, as
// [ParseLabel]. The contents of POLICY_DATA, which are opaque to RSVP, are read by
// [ParsePolicyData]. Classes that the registry does not name are kept as they are
// on the wire.
//
// Decoding never panics and never trusts a length. Errors are
// *object.DecodeError: they name the object and the offset from the message's
// first byte. Byte slices inside a decoded Message alias its input.
//
// What is not here: protocol rules (package rsvp/node), digests and their checks
// (package rsvp/auth), and IP. Functions are safe for concurrent use; a Message
// is not.
package rsvp
