package intserv

import "math"

// Bucket is a running token bucket: it says which packets conform to a Tspec.
// Time is in nanoseconds from any fixed instant and never read from a clock; a
// now earlier than the last one counts as the last one.
//
// A packet conforms if it is no longer than M, the bucket (r, b) holds its
// length, and the peak bucket (p, M) does too; packets shorter than m count as
// m (RFC 2211 section 3, RFC 2212 "Policing"). The zero Bucket conforms to
// nothing; use NewBucket.
type Bucket struct {
	spec   TSpec
	last   int64
	tokens float64 // in the bucket (r, b)
	peak   float64 // in the bucket (p, M)
}

// NewBucket returns a full bucket for t.
func NewBucket(t TSpec, now int64) Bucket {
	return Bucket{spec: t, last: now, tokens: float64(t.Depth), peak: float64(t.MaxPacket)}
}

// Spec returns the Tspec that the bucket polices.
func (b *Bucket) Spec() TSpec { return b.spec }

// Change makes t the Tspec; tokens in hand stay, up to the new depths.
func (b *Bucket) Change(t TSpec, now int64) {
	b.fill(now)
	b.spec = t
	b.tokens = min(b.tokens, float64(t.Depth))
	b.peak = min(b.peak, float64(t.MaxPacket))
}

// Take reports whether a packet of n bytes conforms at now and, if so, takes
// its tokens.
func (b *Bucket) Take(now int64, n int) bool {
	b.fill(now)
	size := b.size(n)
	if n > int(b.spec.MaxPacket) || size-slack > b.tokens || b.limited() && size-slack > b.peak {
		return false
	}
	b.spend(size)
	return true
}

// Force takes the tokens of a packet of n bytes whether it conforms or not; the
// bucket does not fall below empty.
func (b *Bucket) Force(now int64, n int) {
	b.fill(now)
	b.spend(b.size(n))
	b.tokens, b.peak = max(b.tokens, 0), max(b.peak, 0)
}

// When returns the earliest instant from now on at which a packet of n bytes
// conforms, if nothing else is sent before. It reports false if it never will.
func (b *Bucket) When(now int64, n int) (int64, bool) {
	b.fill(now)
	size := b.size(n)
	if n > int(b.spec.MaxPacket) || size > float64(b.spec.Depth) {
		return 0, false
	}
	wait := nanoseconds(size-b.tokens, float64(b.spec.Rate))
	if b.limited() {
		wait = max(wait, nanoseconds(size-b.peak, float64(b.spec.Peak)))
	}
	if wait > math.MaxInt64/2 {
		return 0, false
	}
	return b.last + int64(wait), true
}

// slack makes up for rounding: a waiter that comes back at the instant that
// When gave must find its tokens. It is far below a byte.
const slack = 1e-3

func (b *Bucket) fill(now int64) {
	if now <= b.last {
		return
	}
	dt := float64(float64(now-b.last) / 1e9)
	b.last = now
	b.tokens = min(b.tokens+float64(dt*float64(b.spec.Rate)), float64(b.spec.Depth))
	if b.limited() {
		b.peak = min(b.peak+float64(dt*float64(b.spec.Peak)), float64(b.spec.MaxPacket))
	}
}

func (b *Bucket) spend(size float64) {
	b.tokens -= size
	if b.limited() {
		b.peak -= size
	}
}

// size is the length that counts: at least m.
func (b *Bucket) size(n int) float64 { return max(float64(n), float64(b.spec.MinUnit)) }

func (b *Bucket) limited() bool { return !math.IsInf(float64(b.spec.Peak), 1) }

// nanoseconds returns how long a bucket of the given rate needs for the tokens
// that it lacks, rounded up.
func nanoseconds(lack, rate float64) float64 {
	if lack <= 0 {
		return 0
	}
	return math.Ceil(float64(lack/rate) * 1e9)
}
