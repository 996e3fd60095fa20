package auth

import (
	"cmp"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp"
)

// Defaults of VerifierConfig.
const (
	DefaultWindow       = 32 // the example of RFC 2747 section 4.2
	DefaultRetry        = time.Second
	DefaultTries        = 5
	DefaultAssociations = 1 << 16
)

// VerifierConfig makes a Verifier. Zero members get defaults.
type VerifierConfig struct {
	Node       string // name, for traces
	Trace      machine.Tracer
	Entropy    io.Reader // cookies; not needed where Handshakes is Never
	Handshakes Handshakes
	Window     int           // messages that may be reordered; 1: none
	Retry      time.Duration // before a challenge is repeated; doubled each time
	Tries      int           // challenges before the handshake has failed
	// Associations is how many pairs of sender and key are remembered. With keys
	// for one sender each, there are as many as keys; a key for any sender makes
	// one for each that has used it.
	Associations int
}

// Verdict is what becomes of a signed message.
type Verdict uint8

// Verdicts. All but Good are reasons to drop the message.
const (
	Good      Verdict = iota
	NoKey             // no key of this identifier for this sender
	Lifetime          // the key is not valid now
	BadDigest         // it was changed, or signed with another secret
	Replayed          // its number is old
	Awaiting          // the sender's number has been asked for
	Refusing          // its sender does not shake hands, and must
	Stray             // a response to no challenge
	NoEntropy         // no cookie to be had
	Full              // limit of associations
	numVerdicts
)

var verdictNames = [numVerdicts]string{
	"good", "no-key", "lifetime", "bad-digest", "replayed", "awaiting", "refusing", "stray", "no-entropy", "full",
}

// String returns the verdict's name.
func (v Verdict) String() string { return verdictNames[v] }

// Verdicts lists every verdict.
func Verdicts() []Verdict {
	all := make([]Verdict, numVerdicts)
	for i := range all {
		all[i] = Verdict(i)
	}
	return all
}

// VerifierCounters count what a Verifier did. Verdicts is indexed by Verdict.
type VerifierCounters struct {
	Verdicts     [numVerdicts]uint64
	Challenges   uint64 // sent, repetitions included
	Failed       uint64 // handshakes without a response
	Expired      uint64 // messages taken with a key whose lifetime was over, for want of another
	Associations int    // now
}

// OutputKind says what an Output asks for.
type OutputKind uint8

// Kinds of output.
const (
	SendChallenge OutputKind = iota + 1 // send Challenge to Peer
	KeyExpired                          // tell somebody: the last key of Peer has expired (RFC 2747 section 5.3)
)

// Causes of outputs.
const (
	CauseChallenge machine.Cause = "auth/challenge/new"
	CauseRepeat    machine.Cause = "auth/challenge/repeat"
	CauseExpired   machine.Cause = "auth/key/expired"
)

// Output is one element of the Verifier's output queue.
type Output struct {
	Kind      OutputKind
	Peer      netip.Addr
	KeyID     uint64
	Challenge rsvp.Challenge // SendChallenge
	Cause     machine.Cause
}

// Signed is a message with its INTEGRITY.
type Signed struct {
	// Peer is the sending system: the address in RSVP_HOP, or where there is none
	// the IP source (RFC 2747 section 4).
	Peer      netip.Addr
	Integrity rsvp.Integrity
	Prefix    []byte // what the digest covers before the message; RSVP: nothing
	Message   []byte
	Zeros     Zeros
}

// RSVPSigned returns an RSVP message as Verify takes it: m decoded, b its bytes,
// from the IP source src.
func RSVPSigned(m *rsvp.Message, b []byte, src netip.Addr) Signed {
	peer := src
	if m.Hop.Addr.IsValid() {
		peer = m.Hop.Addr
	}
	return Signed{Peer: peer, Integrity: m.Integrity, Message: b, Zeros: RSVPZeros(len(m.Integrity.Digest))}
}

// association names a sender's use of a key.
type association struct {
	peer netip.Addr
	id   uint64
}

// sender is what is known of one association.
type sender struct {
	state  State
	window Window
	cookie [8]byte
	tries  int
	retry  time.Duration
}

// Verifier is the receiving side: keys by sender, digests, sequence numbers and
// the handshake.
type Verifier struct {
	cfg    VerifierConfig
	clock  machine.Clock
	out    machine.Queue[Output]
	timers machine.Timers[association]
	rings  map[netip.Addr][]*Key // by identifier; the invalid address: any sender
	known  map[association]*sender
	warned map[association]bool // KeyExpired has gone out
	count  VerifierCounters
}

// NewVerifier returns a Verifier without keys.
func NewVerifier(cfg VerifierConfig) *Verifier {
	if cfg.Window <= 0 {
		cfg.Window = DefaultWindow
	}
	if cfg.Retry <= 0 {
		cfg.Retry = DefaultRetry
	}
	if cfg.Tries <= 0 {
		cfg.Tries = DefaultTries
	}
	if cfg.Associations <= 0 {
		cfg.Associations = DefaultAssociations
	}
	return &Verifier{cfg: cfg, rings: map[netip.Addr][]*Key{}, known: map[association]*sender{}, warned: map[association]bool{}}
}

// AddKey adds a key for messages of one sending system, or with an invalid
// address of any. Its identifier must be new for that sender.
func (v *Verifier) AddKey(peer netip.Addr, k *Key) error {
	ring := v.rings[peer]
	i, found := slices.BinarySearchFunc(ring, k.id, byID)
	if found || len(ring) >= MaxKeys {
		return fmt.Errorf("%w: %012x of %v", ErrKeyInUse, k.id, peer)
	}
	v.rings[peer] = slices.Insert(ring, i, k)
	return nil
}

func byID(k *Key, id uint64) int { return cmp.Compare(k.id, id) }

// DeleteKey takes a key away, with what is known of the numbers used with it.
func (v *Verifier) DeleteKey(peer netip.Addr, id uint64) error {
	ring := v.rings[peer]
	i, found := slices.BinarySearchFunc(ring, id, byID)
	if !found {
		return fmt.Errorf("%w: %012x of %v", ErrNoKey, id, peer)
	}
	if ring = slices.Delete(ring, i, i+1); len(ring) > 0 {
		v.rings[peer] = ring
	} else {
		delete(v.rings, peer)
	}
	for a := range v.known {
		if _, of := v.key(a); a.id == id && of == nil {
			delete(v.known, a)
			delete(v.warned, a)
			v.timers.Stop(a)
		}
	}
	return nil
}

// key returns the key of an association, and the ring that it is in.
func (v *Verifier) key(a association) (*Key, []*Key) {
	for _, peer := range [...]netip.Addr{a.peer, {}} {
		ring := v.rings[peer]
		if i, found := slices.BinarySearchFunc(ring, a.id, byID); found {
			return ring[i], ring
		}
	}
	return nil, nil
}

// Verify decides on a signed message that is no Integrity Response (RFC 2747
// section 4.2).
func (v *Verifier) Verify(now machine.Time, s Signed) Verdict {
	now = v.clock.At(now)
	a := association{s.Peer, s.Integrity.KeyID}
	verdict := v.digest(a, now, s)
	if verdict == Good {
		verdict = v.message(a, s.Integrity)
	}
	v.count.Verdicts[verdict]++
	return verdict
}

// digest finds the key and checks lifetime and digest.
func (v *Verifier) digest(a association, now machine.Time, s Signed) Verdict {
	k, ring := v.key(a)
	switch {
	case k == nil:
		return NoKey
	case !k.ValidAt(now) && !lastToExpire(k, ring, now):
		return Lifetime
	case !k.Verify(s.Integrity.Digest, s.Prefix, s.Message, s.Zeros):
		return BadDigest
	case !k.ValidAt(now):
		v.expired(a)
	}
	return Good
}

// lastToExpire reports whether k's lifetime is over, and no other key of the
// ring is valid or expired later: then it goes on being valid (RFC 2747 section
// 5.3).
func lastToExpire(k *Key, ring []*Key, now machine.Time) bool {
	if now < k.from {
		return false
	}
	return !slices.ContainsFunc(ring, func(q *Key) bool {
		return q != k && (q.ValidAt(now) || now >= q.from && q.until > k.until)
	})
}

// expired counts a message that was taken with an expired key, and says so once.
func (v *Verifier) expired(a association) {
	v.count.Expired++
	if !v.warned[a] && len(v.warned) < v.cfg.Associations {
		v.warned[a] = true
		v.out.Push(Output{Kind: KeyExpired, Peer: a.peer, KeyID: a.id, Cause: CauseExpired})
	}
}

// message decides on the number of a message whose digest is good.
func (v *Verifier) message(a association, i rsvp.Integrity) Verdict {
	s, ok := v.sender(a)
	if !ok {
		return Full
	}
	e := eventPlain
	switch shakes := i.Flags&(rsvp.Handshake|rsvp.HandshakeLow) != 0; {
	case v.cfg.Handshakes == Always && !shakes:
		e = eventRefusing
	case v.cfg.Handshakes != Never && shakes:
		e = eventWilling
	}
	return v.step(a, s, e, i.Sequence)
}

// sender returns what is known of an association, made if it is new. It reports
// false at the limit.
func (v *Verifier) sender(a association) (*sender, bool) {
	s := v.known[a]
	if s == nil {
		if len(v.known) >= v.cfg.Associations {
			return nil, false
		}
		s = &sender{window: NewWindow(v.cfg.Window)}
		v.known[a] = s
	}
	return s, true
}

// step makes a transition and does what it asks for.
func (v *Verifier) step(a association, s *sender, e event, seq uint64) Verdict {
	next, do, reason := step(s.state, e)
	if do == actChallenge && !v.newCookie(s) {
		return NoEntropy
	}
	v.trace(a, s.state, e, next, reason)
	s.state = next
	switch do {
	case actTake:
		if !s.window.Take(seq) {
			return Replayed
		}
	case actChallenge:
		s.tries, s.retry = 1, v.cfg.Retry
		v.challenge(a, s, CauseChallenge)
		return Awaiting
	case actRepeat:
		s.tries, s.retry = s.tries+1, 2*s.retry
		v.challenge(a, s, CauseRepeat)
	case actOpen:
		v.timers.Stop(a)
		s.window.Open(seq)
	case actHold:
		return Awaiting
	case actRefuse:
		return Refusing
	case actForget:
		v.count.Failed++
	case actNothing:
		return Stray
	}
	return Good
}

func (v *Verifier) newCookie(s *sender) bool {
	if v.cfg.Entropy == nil {
		return false
	}
	_, err := io.ReadFull(v.cfg.Entropy, s.cookie[:])
	return err == nil
}

// challenge puts a challenge out and starts its timer.
func (v *Verifier) challenge(a association, s *sender, cause machine.Cause) {
	v.count.Challenges++
	v.timers.Set(a, v.clock.Now().Add(s.retry))
	v.out.Push(Output{Kind: SendChallenge, Peer: a.peer, KeyID: a.id, Challenge: rsvp.Challenge{KeyID: a.id, Cookie: s.cookie}, Cause: cause})
}

// Challenge begins a handshake with a sender without waiting for its first
// message, as a receiver may when it starts (RFC 2747 section 4.3). It fails for
// an unknown key, without entropy and at the limit.
func (v *Verifier) Challenge(now machine.Time, peer netip.Addr, id uint64) error {
	v.clock.At(now)
	a := association{peer, id}
	if k, _ := v.key(a); k == nil {
		return fmt.Errorf("%w: %012x of %v", ErrNoKey, id, peer)
	}
	s, ok := v.sender(a)
	if !ok {
		return fmt.Errorf("auth: %v: %d", Full, v.cfg.Associations)
	}
	if got := v.step(a, s, eventStart, 0); got != Awaiting && s.state != Challenged {
		return fmt.Errorf("auth: %v", got)
	}
	return nil
}

// Response decides on an Integrity Response with its CHALLENGE. Good ends the
// handshake; the message has no other effect.
func (v *Verifier) Response(now machine.Time, s Signed, c rsvp.Challenge) Verdict {
	now = v.clock.At(now)
	a := association{s.Peer, s.Integrity.KeyID}
	verdict := v.digest(a, now, s)
	if verdict == Good {
		verdict = v.response(a, s.Integrity.Sequence, c)
	}
	v.count.Verdicts[verdict]++
	return verdict
}

func (v *Verifier) response(a association, seq uint64, c rsvp.Challenge) Verdict {
	s := v.known[a]
	if s == nil {
		return Stray
	}
	e := eventStray
	if s.state == Challenged && c == (rsvp.Challenge{KeyID: a.id, Cookie: s.cookie}) {
		e = eventResponse
	}
	return v.step(a, s, e, seq)
}

// Advance repeats challenges that were not answered in time. Early or stale calls
// do nothing.
func (v *Verifier) Advance(now machine.Time) {
	now = v.clock.At(now)
	for {
		a, _, ok := v.timers.Pop(now)
		if !ok {
			return
		}
		s, e := v.known[a], eventTimeout
		if s.tries >= v.cfg.Tries {
			e = eventGiveUp
		}
		v.step(a, s, e, 0)
	}
}

// Deadline returns when to call Advance next.
func (v *Verifier) Deadline() (machine.Time, bool) { return v.timers.Next() }

// Next removes and returns the oldest output. It is valid until the next call.
func (v *Verifier) Next() (*Output, bool) { return v.out.Pop() }

// Quiet reports that no handshake is going on and no output waits. Keys and
// numbers stay.
func (v *Verifier) Quiet() bool { return v.timers.Len() == 0 && v.out.Len() == 0 }

// Counters returns the counters as they are now.
func (v *Verifier) Counters() VerifierCounters {
	c := v.count
	c.Associations = len(v.known)
	return c
}

// Sender is a copy of what is known of one sender's use of a key.
type Sender struct {
	Peer    netip.Addr
	KeyID   uint64
	State   State
	Largest uint64 // sequence number; 0 while the state is not Open
}

// Snapshot returns what is known of all senders, in order of address and key.
func (v *Verifier) Snapshot() []Sender {
	list := make([]Sender, 0, len(v.known))
	for a, s := range v.known {
		x := Sender{Peer: a.peer, KeyID: a.id, State: s.state}
		if s.state == Open {
			x.Largest = s.window.Largest()
		}
		list = append(list, x)
	}
	slices.SortFunc(list, func(a, b Sender) int { return cmp.Or(a.Peer.Compare(b.Peer), cmp.Compare(a.KeyID, b.KeyID)) })
	return list
}

// trace records a transition; what leaves the state as it was is not one.
func (v *Verifier) trace(a association, from State, e event, to State, reason string) {
	if v.cfg.Trace == nil || from == to {
		return
	}
	v.cfg.Trace(machine.Transition{
		At: v.clock.Now(), Machine: "auth/receive", Subject: fmt.Sprintf("%s %v key %012x", v.cfg.Node, a.peer, a.id),
		From: from.String(), Event: e.String(), To: to.String(), Reason: reason,
	})
}
