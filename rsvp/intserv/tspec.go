package intserv

import (
	"errors"
	"fmt"
	"math"
	"strconv"
)

// Errors of Check. Each is a reason for RSVP's error code 21 (traffic control
// error): "malformed or unreasonable request" (RFC 2205 Appendix B).
var (
	ErrBadTSpec   = errors.New("bad Tspec value")
	ErrBadRSpec   = errors.New("bad Rspec value")
	ErrBadAdSpec  = errors.New("bad Adspec value")
	ErrBadService = errors.New("unknown service")
)

// MaxRate is the greatest rate, in bytes per second, that services must be
// able to express: 40 terabytes per second (RFC 2215 section 3.6).
const MaxRate = 40e12

// MaxDepth is the greatest bucket depth in bytes: 250 gigabytes (RFC 2215
// section 3.6).
const MaxDepth = 250e9

// TSpec describes traffic as a token bucket with a peak rate (RFC 2215 section
// 3.6, TOKEN_BUCKET_TSPEC).
type TSpec struct {
	Rate      float32 // r: bytes of IP datagrams per second
	Depth     float32 // b: bytes
	Peak      float32 // p: bytes of IP datagrams per second; +Inf where unknown
	MinUnit   uint32  // m: minimum policed unit in bytes of IP datagram; 0: not stated
	MaxPacket uint32  // M: maximum packet size in bytes of IP datagram; 0: not stated
}

// Infinity is the peak rate that says "unknown" (RFC 2210 section 3.1).
func Infinity() float32 { return float32(math.Inf(1)) }

// Check reports whether t is a traffic specification that can be worked with: r
// and b from 1 to their bounds, p at least r or infinite, m at most M (RFC 2212
// "Invocation Information", RFC 2215 section 3.6).
//
// RFC 2215 forbids m and M of 0, but routers send them, M for lack of an MTU to
// state. They pass here, as not stated; CheckStrict refuses them.
func (t TSpec) Check() error {
	switch {
	case !inRange(t.Rate, MaxRate):
		return fmt.Errorf("%w: r = %v", ErrBadTSpec, t.Rate)
	case !inRange(t.Depth, MaxDepth):
		return fmt.Errorf("%w: b = %v", ErrBadTSpec, t.Depth)
	case !inRange(t.Peak, MaxRate) && !math.IsInf(float64(t.Peak), 1):
		return fmt.Errorf("%w: p = %v", ErrBadTSpec, t.Peak)
	case t.Peak < t.Rate:
		return fmt.Errorf("%w: p = %v is less than r = %v", ErrBadTSpec, t.Peak, t.Rate)
	case t.MinUnit > t.limit():
		return fmt.Errorf("%w: m = %d, M = %d", ErrBadTSpec, t.MinUnit, t.MaxPacket)
	}
	return nil
}

// CheckStrict is Check for a Tspec of our own: m and M must be positive too.
func (t TSpec) CheckStrict() error {
	if t.MinUnit == 0 || t.MaxPacket == 0 {
		return fmt.Errorf("%w: m = %d, M = %d", ErrBadTSpec, t.MinUnit, t.MaxPacket)
	}
	return t.Check()
}

// limit returns M, or the greatest number where it is not stated.
func (t TSpec) limit() uint32 {
	if t.MaxPacket == 0 {
		return math.MaxUint32
	}
	return t.MaxPacket
}

// stated is the opposite of limit.
func stated(limit uint32) uint32 {
	if limit == math.MaxUint32 {
		return 0
	}
	return limit
}

// inRange reports 1 <= v <= limit; it is false for NaN.
func inRange(v float32, limit float64) bool { return v >= 1 && float64(v) <= limit }

// String returns t as "r=… b=… p=… m=… M=…".
func (t TSpec) String() string {
	return fmt.Sprintf("r=%s b=%s p=%s m=%d M=%d", number(t.Rate), number(t.Depth), number(t.Peak), t.MinUnit, t.MaxPacket)
}

func number(v float32) string {
	if math.IsInf(float64(v), 1) {
		return "inf"
	}
	return strconv.FormatFloat(float64(v), 'g', -1, 32)
}

// AtLeast reports whether t is a substitute for u, "as good or better than"
// (RFC 2211 section 8, RFC 2212 "Ordering and Merging"): r, b, p and M are no
// smaller and m is no larger.
func (t TSpec) AtLeast(u TSpec) bool {
	return t.Rate >= u.Rate && t.Depth >= u.Depth && t.Peak >= u.Peak && t.MinUnit <= u.MinUnit && t.limit() >= u.limit()
}

// Merge returns the merged Tspec of t and u: the largest r, b and p, the
// smallest m, and the smallest M, so that the packet size passes every branch
// (RFC 2211 section 8, RFC 2212).
func (t TSpec) Merge(u TSpec) TSpec {
	return TSpec{
		Rate: max(t.Rate, u.Rate), Depth: max(t.Depth, u.Depth), Peak: max(t.Peak, u.Peak),
		MinUnit: min(t.MinUnit, u.MinUnit), MaxPacket: stated(min(t.limit(), u.limit())),
	}
}

// LeastCommon returns a Tspec that describes the traffic of either: as Merge,
// but with the largest M (RFC 2211 section 8, RFC 2212).
func (t TSpec) LeastCommon(u TSpec) TSpec {
	l := t.Merge(u)
	l.MaxPacket = stated(max(t.limit(), u.limit()))
	return l
}

// Sum returns the Tspec of both flows together: sums of r, b and p, the
// smallest m, the largest M (RFC 2211 section 8, RFC 2212). The zero TSpec is
// neutral.
func (t TSpec) Sum(u TSpec) TSpec {
	switch (TSpec{}) {
	case t:
		return u
	case u:
		return t
	}
	return TSpec{
		Rate: float32(t.Rate + u.Rate), Depth: float32(t.Depth + u.Depth), Peak: float32(t.Peak + u.Peak),
		MinUnit: min(t.MinUnit, u.MinUnit), MaxPacket: stated(max(t.limit(), u.limit())),
	}
}

// Min returns the minimum of t and u: the smaller where they can be ordered,
// else the smaller r, p, m and M with the larger b (RFC 2211 section 8, RFC
// 2212). Traffic control installs the minimum of the senders' sum and the
// receivers' request.
func (t TSpec) Min(u TSpec) TSpec {
	switch {
	case u.AtLeast(t):
		return t
	case t.AtLeast(u):
		return u
	}
	return TSpec{
		Rate: min(t.Rate, u.Rate), Depth: max(t.Depth, u.Depth), Peak: min(t.Peak, u.Peak),
		MinUnit: min(t.MinUnit, u.MinUnit), MaxPacket: stated(min(t.limit(), u.limit())),
	}
}
