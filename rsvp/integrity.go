package rsvp

import (
	"encoding/binary"
	"fmt"

	"github.com/mpstack/mpstack/wire/object"
)

// MaxKeyID is the greatest key identifier: 48 bits (RFC 2747 section 2.1).
const MaxKeyID = 1<<48 - 1

// IntegrityFlags are the flags of an INTEGRITY object.
type IntegrityFlags uint8

// Handshake says that the sender answers Integrity Challenges: bit 0 of the
// flags, HF, which is the high one (RFC 2747 section 2.1). Cisco's routers set the
// low one, HandshakeLow, as tshark reads it.
const (
	Handshake    IntegrityFlags = 0x80
	HandshakeLow IntegrityFlags = 0x01
)

// Integrity is the INTEGRITY object: class 4, C-Type 1 (RFC 2747 section 2.1). It
// is there where Digest is not empty. Package rsvp/auth makes and checks digests.
type Integrity struct {
	Flags    IntegrityFlags
	KeyID    uint64 // 48 bits; with the sender's address it names the key
	Sequence uint64
	Digest   []byte // a multiple of 4 bytes; aliases what was decoded
}

// DigestOffset is where the digest begins in an INTEGRITY object, header
// included.
const DigestOffset = object.HeaderLen + 16

// String returns flags, key identifier and sequence number.
func (i Integrity) String() string {
	return fmt.Sprintf("key %012x sequence %d flags %#02x digest %x", i.KeyID, i.Sequence, uint8(i.Flags), i.Digest)
}

// WireLen returns the length of the object.
func (i Integrity) WireLen() int { return DigestOffset + len(i.Digest) }

// AppendTo appends the object. It fails for a key identifier above MaxKeyID and
// for a digest that is empty or not a multiple of 4 bytes.
func (i Integrity) AppendTo(b []byte) ([]byte, error) {
	if i.KeyID > MaxKeyID || len(i.Digest) == 0 || len(i.Digest)%4 != 0 {
		return b, failf("INTEGRITY", len(b), ErrValue, "key %#x, digest of %d bytes", i.KeyID, len(i.Digest))
	}
	start := len(b)
	b = object.Begin(b, uint8(ClassIntegrity), 1)
	b = appendKeyID(append(b, uint8(i.Flags), 0), i.KeyID)
	b = binary.BigEndian.AppendUint64(b, i.Sequence)
	return object.End(append(b, i.Digest...), start)
}

func parseIntegrity(m *Message, _ uint8, body []byte) *object.DecodeError {
	m.Integrity = Integrity{
		Flags: IntegrityFlags(body[0]), KeyID: keyID(body[2:]), Sequence: binary.BigEndian.Uint64(body[8:]), Digest: body[16:],
	}
	return nil
}

// keyID returns the 48-bit number that b begins with.
func keyID(b []byte) uint64 {
	return uint64(binary.BigEndian.Uint16(b))<<32 | uint64(binary.BigEndian.Uint32(b[2:]))
}

func appendKeyID(b []byte, id uint64) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(id>>32))
	return binary.BigEndian.AppendUint32(b, uint32(id))
}

// Challenge is the CHALLENGE object: class 64, C-Type 1 (RFC 2747 section 4.3).
type Challenge struct {
	KeyID  uint64 // of the key whose sequence number is asked for; 48 bits
	Cookie [8]byte
}

// String returns key identifier and cookie.
func (c Challenge) String() string { return fmt.Sprintf("key %012x cookie %x", c.KeyID, c.Cookie) }

// WireLen returns the length of the object.
func (c Challenge) WireLen() int { return object.HeaderLen + 16 }

// AppendTo appends the object. It fails for a key identifier above MaxKeyID.
func (c Challenge) AppendTo(b []byte) ([]byte, error) {
	if c.KeyID > MaxKeyID {
		return b, failf("CHALLENGE", len(b), ErrValue, "key %#x", c.KeyID)
	}
	start := len(b)
	b = appendKeyID(append(object.Begin(b, uint8(ClassChallenge), 1), 0, 0), c.KeyID)
	return object.End(append(b, c.Cookie[:]...), start)
}

func parseChallenge(m *Message, _ uint8, body []byte) *object.DecodeError {
	m.Challenge, m.HasChallenge = Challenge{KeyID: keyID(body[2:]), Cookie: [8]byte(body[8:])}, true
	return nil
}
