package auth

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp"
)

// Algorithm is a keyed hash. It is a property of the key: nothing in a message
// names it (RFC 2747 section 2.2).
type Algorithm uint8

// Algorithms.
const (
	HMACMD5    Algorithm = iota + 1 // RFC 2747 section 6: every implementation has it
	HMACSHA1                        // as Cisco's routers use it
	HMACSHA256                      // ours, and MPJ's
)

var algorithms = [...]struct {
	name string
	size int
	make func() hash.Hash
}{
	HMACMD5:    {"hmac-md5", md5.Size, md5.New},
	HMACSHA1:   {"hmac-sha1", sha1.Size, sha1.New},
	HMACSHA256: {"hmac-sha256", sha256.Size, sha256.New},
}

// Valid reports whether a is one of the algorithms.
func (a Algorithm) Valid() bool { return a >= HMACMD5 && int(a) < len(algorithms) }

// Size returns the length of a digest in bytes, a multiple of 4; 0 if a is not
// valid.
func (a Algorithm) Size() int {
	if !a.Valid() {
		return 0
	}
	return algorithms[a].size
}

// String returns the algorithm's name, as ParseAlgorithm takes it.
func (a Algorithm) String() string {
	if !a.Valid() {
		return fmt.Sprintf("algorithm %d", uint8(a))
	}
	return algorithms[a].name
}

// ParseAlgorithm returns the algorithm of a name.
func ParseAlgorithm(name string) (Algorithm, error) {
	for a := HMACMD5; a.Valid(); a++ {
		if a.String() == name {
			return a, nil
		}
	}
	return 0, fmt.Errorf("%w: %q", ErrAlgorithm, name)
}

// Refusals.
var (
	ErrAlgorithm = errors.New("auth: unknown algorithm")
	ErrKey       = errors.New("auth: not a possible key")
	ErrKeyInUse  = errors.New("auth: key identifier is in use")
	ErrNoKey     = errors.New("auth: no such key")
	ErrRate      = errors.New("auth: too many challenges")
	ErrMessage   = errors.New("auth: message without a fitting INTEGRITY")
)

// KeySpec describes a key (RFC 2747 sections 2.2 and 5).
type KeySpec struct {
	ID        uint64 // at most rsvp.MaxKeyID; unique for its sender
	Algorithm Algorithm
	Secret    []byte // not empty; copied
	// From and Until are the key's lifetime: KeyStartValid and KeyEndValid. An
	// Until of 0 is no end.
	From, Until machine.Time
}

// Key is a key that can be used. It does not change.
type Key struct {
	id          uint64
	algorithm   Algorithm
	from, until machine.Time
	mac         hash.Hash // in its initial state between calls
	sum         []byte    // scratch
}

// NewKey makes a key. A secret of the digest's length or more is advised (RFC
// 2104 section 3); a shorter one is taken, for that is what people configure.
func NewKey(s KeySpec) (*Key, error) {
	switch {
	case !s.Algorithm.Valid():
		return nil, fmt.Errorf("%w: %d", ErrAlgorithm, s.Algorithm)
	case s.ID > rsvp.MaxKeyID:
		return nil, fmt.Errorf("%w: identifier %#x has more than 48 bits", ErrKey, s.ID)
	case len(s.Secret) == 0:
		return nil, fmt.Errorf("%w: no secret", ErrKey)
	case s.Until != 0 && s.Until <= s.From:
		return nil, fmt.Errorf("%w: ends at %v, before it begins", ErrKey, s.Until)
	}
	return &Key{
		id: s.ID, algorithm: s.Algorithm, from: s.From, until: s.Until,
		mac: hmac.New(algorithms[s.Algorithm].make, s.Secret), sum: make([]byte, 0, s.Algorithm.Size()),
	}, nil
}

// ID returns the key identifier.
func (k *Key) ID() uint64 { return k.id }

// Algorithm returns the key's algorithm.
func (k *Key) Algorithm() Algorithm { return k.algorithm }

// Lifetime returns from when the key is valid and until when; 0: without end.
func (k *Key) Lifetime() (from, until machine.Time) { return k.from, k.until }

// ValidAt reports whether t lies in the key's lifetime.
func (k *Key) ValidAt(t machine.Time) bool { return t >= k.from && (k.until == 0 || t < k.until) }

// String returns identifier, algorithm and lifetime, not the secret.
func (k *Key) String() string {
	s := fmt.Sprintf("key %012x %v", k.id, k.algorithm)
	if k.from != 0 {
		s += fmt.Sprintf(" from %v", k.from)
	}
	if k.until != 0 {
		s += fmt.Sprintf(" until %v", k.until)
	}
	return s
}

// Span is a range of bytes of a message, [From, To). An empty one is none.
type Span struct{ From, To int }

// Zeros are the ranges of a message that count as zeros in its digest: the
// digest itself, and what is set after it. They are in ascending order.
type Zeros [2]Span

var zeros [64]byte

// Digest appends the digest of a prefix and of a message in which the ranges
// count as zeros. The prefix may be empty: RSVP has none.
func (k *Key) Digest(dst, prefix, message []byte, z Zeros) []byte {
	k.mac.Reset()
	k.mac.Write(prefix)
	at := 0
	for _, s := range z {
		from, to := min(max(s.From, at), len(message)), min(s.To, len(message))
		if from >= to {
			continue
		}
		k.mac.Write(message[at:from])
		for n := to - from; n > 0; n -= len(zeros) {
			k.mac.Write(zeros[:min(n, len(zeros))])
		}
		at = to
	}
	k.mac.Write(message[at:])
	return k.mac.Sum(dst)
}

// Verify reports whether digest is that of a prefix and a message. It takes as
// long for any digest of the right length.
func (k *Key) Verify(digest, prefix, message []byte, z Zeros) bool {
	k.sum = k.Digest(k.sum[:0], prefix, message, z)
	return hmac.Equal(k.sum, digest)
}
