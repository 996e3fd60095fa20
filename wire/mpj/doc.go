// Package mpj is the codec of the multipoint join protocol, version 1: the
// frames by which a leaf joins a root's session, or a root invites a leaf.
//
// A message is a header of 32 bytes and objects in RSVP's framing (package
// wire/object), all big-endian, in one UDP datagram to port 52205:
//
//	 0             1             2             3
//	+-------------+-------------+-------------+-------------+
//	|  version 1  |    type     |           flags           |
//	+-------------+-------------+-------------+-------------+
//	|          length           |           zero            |
//	+-------------+-------------+-------------+-------------+
//	|                  destination tag (64)                 |
//	|                                                       |
//	+-------------+-------------+-------------+-------------+
//	|                    source tag (64)                    |
//	|                                                       |
//	+-------------+-------------+-------------+-------------+
//	|                      transaction                      |
//	+-------------+-------------+-------------+-------------+
//	|                         zero                          |
//	+-------------+-------------+-------------+-------------+
//	|                      objects …                        |
//
// [Message] holds a whole message as a value, with a bit for each object that
// is there. [Message.AppendTo] and [Message.Decode] are exact: what is encoded
// decodes to the same value, and what is decoded encodes to the same bytes
// where its objects came in the canonical order (rising class, PAD last).
// Decoding is strict: version, lengths, zero fields, tags, flags, and which
// objects the message must and may carry.
//
// [Objects], [Messages], [Reasons] and [HeaderFields] are the protocol's tables.
// The codec, docs/mpj.md, the generic dissector and the generated Wireshark
// dissector are all made from them.
//
// What is not here: any behaviour (package stack/mpj), and the check of an
// INTEGRITY object's digest (package rsvp/auth); its body is kept as it came.
//
// Source: docs/mpj.md, which is normative.
package mpj
