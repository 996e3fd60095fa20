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
// result are swapped at the end.
func sum(b []byte) uint16 {
	var acc, carry uint64
	for len(b) >= 64 {
		acc, carry = bits.Add64(acc, binary.LittleEndian.Uint64(b), carry)
		acc, carry = bits.Add64(acc, binary.LittleEndian.Uint64(b[8:]), carry)
		acc, carry = bits.Add64(acc, binary.LittleEndian.Uint64(b[16:]), carry)
		acc, carry = bits.Add64(acc, binary.LittleEndian.Uint64(b[24:]), carry)
		acc, carry = bits.Add64(acc, binary.LittleEndian.Uint64(b[32:]), carry)
		acc, carry = bits.Add64(acc, binary.LittleEndian.Uint64(b[40:]), carry)
		acc, carry = bits.Add64(acc, binary.LittleEndian.Uint64(b[48:]), carry)
		acc, carry = bits.Add64(acc, binary.LittleEndian.Uint64(b[56:]), carry)
		b = b[64:]
	}
	for len(b) >= 8 {
		acc, carry = bits.Add64(acc, binary.LittleEndian.Uint64(b), carry)
		b = b[8:]
	}
	acc, carry = bits.Add64(acc, tail(b), carry)
	// acc+carry cannot overflow: tail is below 1<<56.
	return bits.ReverseBytes16(fold(acc + carry))
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
	v = v>>32 + v&0xffffffff
	v = v>>32 + v&0xffffffff
	v = v>>16 + v&0xffff
	v = v>>16 + v&0xffff
	return uint16(v>>16 + v&0xffff)
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
