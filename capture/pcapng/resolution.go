package pcapng

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/mpstack/mpstack/internal/machine"
)

// resolution converts a block's time to nanoseconds since 1970.
type resolution struct {
	binary   bool  // units of 2^-exponent s, else of 10^-exponent s
	exponent uint8 // at most 63, or 19
	offset   int64 // seconds to add
}

// microseconds is the resolution of interfaces that name none.
var microseconds = resolution{exponent: 6}

// set takes if_tsresol: the high bit chooses the base, the rest is the
// negative exponent.
func (c *resolution) set(v uint8) error {
	c.binary, c.exponent = v&0x80 != 0, v&0x7f
	if c.binary && c.exponent > 63 || !c.binary && c.exponent > 19 {
		return fmt.Errorf("%#02x: resolution finer than 64 bits hold: %w", v, ErrTime)
	}
	return nil
}

// time converts ts units. It fails with ErrTime outside of machine.Time.
func (c resolution) time(ts uint64) (machine.Time, error) {
	sec, ns := c.split(ts)
	const limit = math.MaxInt64 / 1_000_000_000
	if sec > limit || c.offset > limit || c.offset < -limit {
		return 0, fmt.Errorf("%d s and %d s: %w", sec, c.offset, ErrTime)
	}
	s := int64(sec) + c.offset
	if s >= limit || s <= -limit {
		return 0, fmt.Errorf("%d s: %w", s, ErrTime)
	}
	return machine.Time(s*1e9 + int64(ns)), nil
}

// split returns ts as seconds and nanoseconds, rounded down.
func (c resolution) split(ts uint64) (sec, ns uint64) {
	if c.binary {
		sec = ts >> c.exponent
		hi, lo := bits.Mul64(ts&(1<<c.exponent-1), 1e9)
		return sec, hi<<(64-c.exponent) | lo>>c.exponent
	}
	unit := uint64(1)
	for range c.exponent {
		unit *= 10
	}
	sec = ts / unit
	hi, lo := bits.Mul64(ts%unit, 1e9)
	ns, _ = bits.Div64(hi, lo, unit)
	return sec, ns
}
