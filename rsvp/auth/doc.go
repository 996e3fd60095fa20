// Package auth is the cryptographic authentication of RFC 2747 with RFC 3097:
// keys with lifetimes, digests, sequence numbers with a replay window, and the
// challenge by which a receiver that has restarted learns a sender's sequence
// number. RSVP and the join protocol (MPJ) both use it.
//
// A [Key] is a secret with its algorithm: HMAC-MD5, which RFC 2747 asks of all;
// HMAC-SHA1, as Cisco's routers send it; HMAC-SHA-256. It makes and checks digests
// of any bytes: of a prefix that the caller gives (a pseudo-header, or nothing)
// and of a message, ranges of which count as zeros. [RSVPZeros] has those of an
// RSVP message and [SealRSVP] fills in its INTEGRITY.
//
// A [Signer] is the sending side of a security association, one for each secured
// interface: it picks the key that is in force, rolls over to the next one, and
// numbers messages. A [Verifier] is the receiving side: it finds the key by the
// sending system's address and the key identifier, checks the digest and then
// the sequence number, and runs the handshake. It is a machine without I/O (see
// internal/machine): challenges to send come out of [Verifier.Next]. [Policy] says
// what a receiver does with messages that are not signed.
//
// The sender of a message cannot be told by what it says: a digest is checked
// before anything is remembered, so that messages without a good digest leave no
// state, and cause no challenge.
//
// What is not here: sockets, files and clocks, key management protocols,
// Kerberos (RFC 2747 section 7), and confidentiality. A Key, Signer or Verifier is
// not safe for concurrent use.
package auth
