package inet

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// Checksum returns the Internet checksum (RFC 1071) of b, ready to be stored:
// the one's complement of the one's complement sum of its 16-bit words, an odd
// last byte being padded with zero. initial is a sum to start from, as
// PseudoHeaderSum returns it, or 0. Over data that holds its own checksum the
// result is 0 where it is right.
func Checksum(b []byte, initial uint32) uint16 { return ^fold(uint64(initial) + uint64(sum(b))) }

// Sum returns the one's complement sum of b plus initial, without the final
// complement: what Checksum takes as initial for the bytes that follow. All
// parts but the last must have even lengths.
func Sum(b []byte, initial uint32) uint32 { return uint32(fold(uint64(initial) + uint64(sum(b)))) }

// PseudoHeaderSum returns the sum of the pseudo-header that UDP, ICMPv6 and
// RSVP's kin put before their message: IPv4's of RFC 768 where both addresses
// are IPv4, else IPv6's of RFC 8200 section 8.1. length is the upper layer's
// length in bytes.
func PseudoHeaderSum(src, dst netip.Addr, proto uint8, length int) uint32 {
	acc := uint64(proto) + uint64(uint32(length)>>16) + uint64(uint32(length)&0xffff)
	if src.Is4() && dst.Is4() {
		s, d := src.As4(), dst.As4()
		acc += uint64(binary.BigEndian.Uint32(s[:])) + uint64(binary.BigEndian.Uint32(d[:]))
		return uint32(fold(acc))
	}
	s, d := src.As16(), dst.As16()
	for i := 0; i < 16; i += 4 {
		acc += uint64(binary.BigEndian.Uint32(s[i:])) + uint64(binary.BigEndian.Uint32(d[i:]))
	}
	return uint32(fold(acc))
}

// sum returns the folded one's complement sum of b as big-endian words. It
// adds 64 bits at a time with carry in little-endian order: the sum does not
// depend on the order of bytes (RFC 1071 section 2), so the two bytes of the
// result are swapped at the end. Two chains of carries keep a processor busy
// that can add twice a cycle.
func sum(b []byte) uint16 {
	var x, y, carries, c uint64
	for len(b) >= 128 {
		p := (*[128]byte)(b)
		x, c = bits.Add64(x, binary.LittleEndian.Uint64(p[0:8]), 0)
		x, c = bits.Add64(x, binary.LittleEndian.Uint64(p[8:16]), c)
		x, c = bits.Add64(x, binary.LittleEndian.Uint64(p[16:24]), c)
		x, c = bits.Add64(x, binary.LittleEndian.Uint64(p[24:32]), c)
		x, c = bits.Add64(x, binary.LittleEndian.Uint64(p[32:40]), c)
		x, c = bits.Add64(x, binary.LittleEndian.Uint64(p[40:48]), c)
		x, c = bits.Add64(x, binary.LittleEndian.Uint64(p[48:56]), c)
		x, c = bits.Add64(x, binary.LittleEndian.Uint64(p[56:64]), c)
		carries += c
		y, c = bits.Add64(y, binary.LittleEndian.Uint64(p[64:72]), 0)
		y, c = bits.Add64(y, binary.LittleEndian.Uint64(p[72:80]), c)
		y, c = bits.Add64(y, binary.LittleEndian.Uint64(p[80:88]), c)
		y, c = bits.Add64(y, binary.LittleEndian.Uint64(p[88:96]), c)
		y, c = bits.Add64(y, binary.LittleEndian.Uint64(p[96:104]), c)
		y, c = bits.Add64(y, binary.LittleEndian.Uint64(p[104:112]), c)
		y, c = bits.Add64(y, binary.LittleEndian.Uint64(p[112:120]), c)
		y, c = bits.Add64(y, binary.LittleEndian.Uint64(p[120:128]), c)
		carries += c
		b = b[128:]
	}
	for len(b) >= 32 {
		p := (*[32]byte)(b)
		x, c = bits.Add64(x, binary.LittleEndian.Uint64(p[0:8]), 0)
		x, c = bits.Add64(x, binary.LittleEndian.Uint64(p[8:16]), c)
		x, c = bits.Add64(x, binary.LittleEndian.Uint64(p[16:24]), c)
		x, c = bits.Add64(x, binary.LittleEndian.Uint64(p[24:32]), c)
		carries += c
		b = b[32:]
	}
	for len(b) >= 8 {
		x, c = bits.Add64(x, binary.LittleEndian.Uint64(b), 0)
		carries += c
		b = b[8:]
	}
	x, c = bits.Add64(x, y, 0)
	x, c = bits.Add64(x, tail(b), c)
	x, c = bits.Add64(x, carries, c) // below 1<<58: with it x does not wrap twice
	return bits.ReverseBytes16(fold(x + c))
}

// tail returns the last 0 to 7 bytes as a little-endian number.
func tail(b []byte) uint64 {
	var v uint64
	if len(b) >= 4 {
		v = uint64(binary.LittleEndian.Uint32(b))
		b = b[4:]
		return v | tail3(b)<<32
	}
	return tail3(b)
}

func tail3(b []byte) uint64 {
	switch len(b) {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(b[0]) | uint64(b[1])<<8
	case 3:
		return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16
	}
	return 0
}

// fold adds the 16-bit words of v with end-around carry.
func fold(v uint64) uint16 {
	w, c := bits.Add32(uint32(v>>32), uint32(v), 0)
	w += c // c is 1 only where w is below the greatest
	h := uint32(uint16(w>>16)) + uint32(uint16(w))
	return uint16(h) + uint16(h>>16)
}

// UpdateChecksum returns what becomes of the checksum check when a 16-bit word
// under it changes from old to new (RFC 1624 equation 3). UDP's checksum of 0,
// which is none, must stay 0; where UDP's becomes 0, 0xffff is sent instead.
func UpdateChecksum(check, old, new uint16) uint16 {
	return ^fold(uint64(^check) + uint64(^old) + uint64(new))
}

// UpdateChecksumBytes is UpdateChecksum for a run of bytes, such as an address,
// that starts at an even offset of what is under the checksum. A run of an odd
// length must end it. The two need not be of one length.
func UpdateChecksumBytes(check uint16, old, new []byte) uint16 {
	return ^fold(uint64(^check) + uint64(^sum(old)) + uint64(sum(new)))
}

// DecrementTTL takes one off the TTL of the IPv4 packet in b, in place, and
// corrects its header checksum incrementally (UpdateChecksum), or off the
// hop limit of the IPv6 packet in b. It reports false, and changes nothing,
// where that would leave 0 (the packet has expired, RFC 1812 section 5.3.1)
// or b is neither.
func DecrementTTL(b []byte) bool {
	switch {
	case len(b) >= ipv4MinLen && b[0]>>4 == 4:
		if b[8] <= 1 {
			return false
		}
		old := binary.BigEndian.Uint16(b[8:])
		b[8]--
		check := UpdateChecksum(binary.BigEndian.Uint16(b[10:]), old, binary.BigEndian.Uint16(b[8:]))
		binary.BigEndian.PutUint16(b[10:], check)
		return true
	case len(b) >= HeaderLenIPv6 && b[0]>>4 == 6:
		if b[7] <= 1 {
			return false
		}
		b[7]--
		return true
	}
	return false
}
