package auth

import (
	"fmt"

	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/wire/object"
)

// digestAt is where the digest begins in an RSVP message: INTEGRITY comes right
// after the header (RFC 2205 section 3.1.3).
const digestAt = rsvp.HeaderLen + rsvp.DigestOffset

// RSVPZeros returns what counts as zeros in the digest of an RSVP message whose
// INTEGRITY has a digest of n bytes: checksum and digest (RFC 2747 section 4.1).
func RSVPZeros(n int) Zeros { return Zeros{{2, 4}, {digestAt, digestAt + n}} }

// sealable reports whether message has an INTEGRITY right behind its header with
// room for the key's digest, and returns an error if not.
func sealable(k *Key, message []byte) error {
	if len(message) < digestAt+k.algorithm.Size() || rsvp.Class(message[rsvp.HeaderLen+2]) != rsvp.ClassIntegrity {
		return fmt.Errorf("%w: %d bytes", ErrMessage, len(message))
	}
	o, _, err := object.Parse(message[rsvp.HeaderLen:])
	if err != nil || o.WireLen() != rsvp.DigestOffset+k.algorithm.Size() {
		return fmt.Errorf("%w: it is of another length", ErrMessage)
	}
	return nil
}

// SealRSVP fills in the digest of an encoded RSVP message, which has an INTEGRITY
// with the rest of its fields and a digest of the key's length, as
// Signer.Integrity gives it. The checksum is left as it is: 0 where
// Message.NoChecksum was set, which is what receivers expect.
func SealRSVP(k *Key, message []byte) error {
	if err := sealable(k, message); err != nil {
		return err
	}
	k.sum = k.Digest(k.sum[:0], nil, message, RSVPZeros(k.algorithm.Size()))
	copy(message[digestAt:], k.sum)
	return nil
}

// VerifyRSVP reports whether an RSVP message has an INTEGRITY with the key's
// digest. The caller has chosen the key; sequence numbers are the Verifier's.
func VerifyRSVP(k *Key, message []byte) bool {
	n := k.algorithm.Size()
	return sealable(k, message) == nil && k.Verify(message[digestAt:digestAt+n], nil, message, RSVPZeros(n))
}

// DigestPolicyData appends the digest of a POLICY_DATA object that has an
// INTEGRITY option whose digest is at the given offset: it covers the object and,
// behind it, the message's SESSION without flags (RFC 2750 Appendix B).
func DigestPolicyData(dst []byte, k *Key, policy []byte, at int, session rsvp.Session) ([]byte, error) {
	whole, err := session.Key().AppendTo(append([]byte(nil), policy...))
	if err != nil {
		return dst, err
	}
	return k.Digest(dst, nil, whole, Zeros{{at, at + k.algorithm.Size()}}), nil
}
