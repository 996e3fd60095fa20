package auth

import (
	"fmt"
	"slices"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp"
)

// DefaultResponses is how many challenges a Signer answers a second where
// SignerConfig says nothing: a challenge is not authenticated, so anyone can send
// it.
const DefaultResponses = 10

// MaxKeys is how many keys a Signer, or a Verifier for one sender, holds.
const MaxKeys = 64

// SignerConfig makes a Signer.
type SignerConfig struct {
	// Handshake says in every INTEGRITY that challenges are answered (RFC 2747
	// section 4.3, HF).
	Handshake bool
	Responses int // challenges to answer a second; DefaultResponses if 0
}

// Signer is the sending side of a security association: what signs the messages
// of one interface, or those to one destination. It holds several keys, so that
// they can be rolled over (RFC 2747 section 5.1).
type Signer struct {
	cfg      SignerConfig
	clock    machine.Clock
	keys     []*signing // by begin of validity
	answered int        // challenges since second
	second   machine.Time
	count    SignerCounters
}

// signing is a key and the last sequence number that was used with it.
type signing struct {
	key  *Key
	last uint64
	used bool
}

// SignerCounters count what a Signer did.
type SignerCounters struct {
	Signed   uint64 // messages that were numbered
	Expired  uint64 // of these, with a key whose lifetime was over, for want of another
	Answered uint64 // challenges
	Unknown  uint64 // challenges for a key that is not there
	Limited  uint64 // challenges above the rate
}

// NewSigner returns a Signer without keys.
func NewSigner(cfg SignerConfig) *Signer {
	if cfg.Responses <= 0 {
		cfg.Responses = DefaultResponses
	}
	return &Signer{cfg: cfg}
}

// AddKey adds a key. Its identifier must be new.
func (s *Signer) AddKey(k *Key) error {
	if s.find(k.id) != nil {
		return fmt.Errorf("%w: %012x", ErrKeyInUse, k.id)
	}
	if len(s.keys) >= MaxKeys {
		return fmt.Errorf("%w: %d are there", ErrKeyInUse, MaxKeys)
	}
	i, _ := slices.BinarySearchFunc(s.keys, k, func(a *signing, k *Key) int {
		if a.key.from <= k.from {
			return -1
		}
		return 1
	})
	s.keys = slices.Insert(s.keys, i, &signing{key: k})
	return nil
}

// DeleteKey takes a key away.
func (s *Signer) DeleteKey(id uint64) error {
	k := s.find(id)
	if k == nil {
		return fmt.Errorf("%w: %012x", ErrNoKey, id)
	}
	s.keys = slices.DeleteFunc(s.keys, func(q *signing) bool { return q == k })
	return nil
}

// Keys returns the keys by begin of validity.
func (s *Signer) Keys() []*Key {
	list := make([]*Key, len(s.keys))
	for i, k := range s.keys {
		list[i] = k.key
	}
	return list
}

func (s *Signer) find(id uint64) *signing {
	for _, k := range s.keys {
		if k.key.id == id {
			return k
		}
	}
	return nil
}

// Counters returns the counters as they are now.
func (s *Signer) Counters() SignerCounters { return s.count }

// Select returns the key that signs at an instant. Where the lifetimes of two
// keys overlap, the newer one is taken from the middle of the overlap on, when
// every receiver is expected to have it (RFC 2747 section 5.1); if the older one
// never ends, from the begin of the newer one. If the last key has expired, it
// goes on being used and expired is true, so that somebody can be told: to send
// unsigned messages would be worse (section 5.3). Without any key whose lifetime
// has begun it returns nil.
func (s *Signer) Select(now machine.Time) (key *Key, expired bool) {
	k, expired := s.choose(s.clock.At(now))
	if k == nil {
		return nil, false
	}
	return k.key, expired
}

func (s *Signer) choose(now machine.Time) (chosen *signing, expired bool) {
	for _, k := range s.keys {
		if !k.key.ValidAt(now) {
			continue
		}
		if chosen == nil || now >= switchOver(chosen.key, k.key) {
			chosen = k
		}
	}
	if chosen != nil {
		return chosen, false
	}
	for _, k := range s.keys {
		if k.key.from <= now && (chosen == nil || k.key.until > chosen.key.until) {
			chosen = k
		}
	}
	return chosen, chosen != nil
}

// switchOver returns when the newer of two keys takes over from the older one.
func switchOver(old, next *Key) machine.Time {
	if old.until == 0 {
		return next.from
	}
	return next.from + (old.until-next.from)/2
}

// Integrity returns the INTEGRITY of the next message: flags, the key that is in
// force, the next sequence number, and a digest of zeros that the key is to fill
// in. It fails without a key.
//
// Sequence numbers are NTP timestamps of now, or one more than the number before
// where that is larger (RFC 2747 section 3.2): with a clock that does not go back,
// they rise across restarts too.
func (s *Signer) Integrity(now machine.Time) (rsvp.Integrity, *Key, error) {
	now = s.clock.At(now)
	k, expired := s.choose(now)
	if k == nil {
		return rsvp.Integrity{}, nil, fmt.Errorf("%w: none is valid at %v", ErrNoKey, now)
	}
	if expired {
		s.count.Expired++
	}
	return s.number(k, now), k.key, nil
}

// number returns the INTEGRITY of the next message signed with a key.
func (s *Signer) number(k *signing, now machine.Time) rsvp.Integrity {
	seq := ntp(now)
	if k.used && int64(seq-k.last) <= 0 {
		seq = k.last + 1
	}
	k.last, k.used = seq, true
	s.count.Signed++
	i := rsvp.Integrity{KeyID: k.key.id, Sequence: seq, Digest: zeros[:k.key.algorithm.Size():k.key.algorithm.Size()]}
	if s.cfg.Handshake {
		i.Flags = rsvp.Handshake
	}
	return i
}

// ntp returns the 64-bit NTP timestamp of an instant: seconds since 1900 and
// their fraction.
func ntp(t machine.Time) uint64 {
	const epoch = 2208988800 // seconds from 1900 to 1970
	s, f := int64(t)/int64(time.Second), int64(t)%int64(time.Second)
	if f < 0 {
		s, f = s-1, f+int64(time.Second)
	}
	return uint64(s+epoch)<<32 | uint64(f)<<32/uint64(time.Second)
}

// Last returns the last sequence number that was used with a key; ok is false if
// none was. It is what must survive a restart where the clock does not.
func (s *Signer) Last(id uint64) (seq uint64, ok bool) {
	if k := s.find(id); k != nil {
		return k.last, k.used
	}
	return 0, false
}

// Resume makes the numbers of a key go on behind seq.
func (s *Signer) Resume(id, seq uint64) error {
	k := s.find(id)
	if k == nil {
		return fmt.Errorf("%w: %012x", ErrNoKey, id)
	}
	k.last, k.used = seq, true
	return nil
}

// AppendMessage appends an RSVP message, signed: it sets m's Integrity and
// NoChecksum (RFC 2747 section 4.1).
func (s *Signer) AppendMessage(now machine.Time, b []byte, m *rsvp.Message) ([]byte, error) {
	i, k, err := s.Integrity(now)
	if err != nil {
		return b, err
	}
	return appendSealed(b, m, i, k)
}

func appendSealed(b []byte, m *rsvp.Message, i rsvp.Integrity, k *Key) ([]byte, error) {
	m.Integrity, m.NoChecksum = i, true
	start := len(b)
	b, err := m.AppendTo(b)
	if err != nil {
		return b, err
	}
	return b, SealRSVP(k, b[start:])
}

// Answer returns the INTEGRITY of the answer to a challenge, and the key that is
// to sign it: the one that the challenge names (RFC 2747 section 4.2). It fails
// for a key that is not there, and above SignerConfig.Responses a second.
func (s *Signer) Answer(now machine.Time, c rsvp.Challenge) (rsvp.Integrity, *Key, error) {
	now = s.clock.At(now)
	k := s.find(c.KeyID)
	switch {
	case k == nil:
		s.count.Unknown++
		return rsvp.Integrity{}, nil, fmt.Errorf("%w: %012x", ErrNoKey, c.KeyID)
	case now.Sub(s.second) >= time.Second:
		s.second, s.answered = now, 0
	case s.answered >= s.cfg.Responses:
		s.count.Limited++
		return rsvp.Integrity{}, nil, ErrRate
	}
	s.answered++
	s.count.Answered++
	return s.number(k, now), k.key, nil
}

// AppendResponse appends the signed Integrity Response to a challenge.
func (s *Signer) AppendResponse(now machine.Time, b []byte, c rsvp.Challenge, ttl uint8) ([]byte, error) {
	i, k, err := s.Answer(now, c)
	if err != nil {
		return b, err
	}
	return appendSealed(b, &rsvp.Message{Type: rsvp.IntegrityResponse, SendTTL: ttl, HasChallenge: true, Challenge: c}, i, k)
}
