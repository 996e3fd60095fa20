package igmp

import (
	"fmt"
	"math/bits"
	"time"

	"github.com/mpstack/mpstack/wire/inet"
)

// Greatest times that fit their fields.
const (
	MaxRespV2   = 255 * 100 * time.Millisecond        // IGMPv2: tenths of a second in 8 bits, RFC 2236 section 2.2
	MaxRespV3   = 0x1f << 10 * 100 * time.Millisecond // IGMPv3, RFC 3376 section 4.1.1
	MaxRespMLD1 = 0xffff * time.Millisecond           // MLDv1: milliseconds in 16 bits, RFC 2710 section 3.4
	MaxRespMLD2 = 0x1fff << 10 * time.Millisecond     // MLDv2, RFC 3810 section 5.1.3
	MaxQQI      = 0x1f << 10 * time.Second            // RFC 3376 section 4.1.7, RFC 3810 section 5.1.9
)

// DecodeCode8 returns the value of an 8-bit time code (RFC 3376 sections 4.1.1
// and 4.1.7, RFC 3810 section 5.1.9):
//
//	 0 1 2 3 4 5 6 7
//	+-+-+-+-+-+-+-+-+
//	|1| exp | mant  |   (mant | 0x10) << (exp + 3)
//	+-+-+-+-+-+-+-+-+
//
// Codes below 128 are their own value.
func DecodeCode8(code uint8) uint32 { return decodeCode(uint32(code), 8, 4) }

// EncodeCode8 returns the code of the greatest value that an 8-bit time code
// can name and that is not above v; ok is false where v is above the greatest,
// 31744.
func EncodeCode8(v uint32) (code uint8, ok bool) {
	c, ok := encodeCode(v, 8, 4)
	return uint8(c), ok
}

// DecodeCode16 returns the value of a 16-bit time code (RFC 3810 section
// 5.1.3): (mant | 0x1000) << (exp + 3) with 12 bits of mant. Codes below 32768
// are their own value.
func DecodeCode16(code uint16) uint32 { return decodeCode(uint32(code), 16, 12) }

// EncodeCode16 returns the code of the greatest value that a 16-bit time code
// can name and that is not above v; ok is false where v is above the greatest,
// 8387584.
func EncodeCode16(v uint32) (code uint16, ok bool) {
	c, ok := encodeCode(v, 16, 12)
	return uint16(c), ok
}

// decodeCode decodes a code of size bits: one flag, three of exponent, and the
// mantissa.
func decodeCode(code uint32, size, mant int) uint32 {
	if code < 1<<(size-1) {
		return code
	}
	exp := code >> mant & 7
	return (code&(1<<mant-1) | 1<<mant) << (exp + 3)
}

func encodeCode(v uint32, size, mant int) (code uint32, ok bool) {
	switch greatest := uint32(1<<(mant+1)-1) << 10; {
	case v < 1<<(size-1):
		return v, true
	case v > greatest:
		return 1<<size - 1, false
	}
	shift := bits.Len32(v) - (mant + 1) // leaves the mantissa and its leading 1
	return 1<<(size-1) | uint32(shift-3)<<mant | v>>shift&(1<<mant-1), true
}

// units returns how many whole units d has; it fails with ErrRange where d is
// negative or above limit.
func units(layer, field string, d, unit, limit time.Duration) (uint32, error) {
	if d < 0 || d > limit {
		return 0, fmt.Errorf("%s: %s %v: %w", layer, field, d, inet.ErrRange)
	}
	return uint32(d / unit), nil
}
