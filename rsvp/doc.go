// Package rsvp is the codec of RSVP version 1: the messages and objects of RFC
// 2205 with the integrated-services contents of RFC 2210, for IPv4 and IPv6.
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
// objects in any order that RFC 2205 permits; [Message.AppendTo] writes them in
// the order that it recommends, [Message.AppendAsReceived] in the order in
// which they came. A Message is reused by calling Decode again: every field is
// reset and nothing is allocated in the steady state.
//
// One table, [Classes], keyed by class and C-Type, drives parsing, validation,
// names, the fields that a dissector shows, and the seeds of the fuzz tests.
// Classes that it does not name, INTEGRITY and POLICY_DATA are kept as they
// are on the wire.
//
// Decoding never panics and never trusts a length. Errors are
// *object.DecodeError: they name the object and the offset from the message's
// first byte. Byte slices inside a decoded Message alias its input.
//
// What is not here: protocol rules (package rsvp/node), authentication,
// refresh reduction and diagnostics, and IP. Functions are safe for concurrent
// use; a Message is not.
package rsvp
