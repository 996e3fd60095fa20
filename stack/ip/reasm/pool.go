package reasm

import "math/bits"

// Buffers come in sizes of powers of two.
const (
	minClass  = 7  // 128 bytes
	maxClass  = 17 // 131,072 bytes, more than the headers of any packet
	maxPooled = 1 << 18
)

// pool keeps buffers that are not in use.
type pool struct {
	free  [maxClass + 1][][]byte
	bytes int
}

// class returns the size class of n bytes: less than 1<<maxClass, as is all that is in a packet.
func class(n int) int { return max(bits.Len(uint(max(n-1, 0))), minClass) }

// classSize returns how large the buffer for n bytes is.
func classSize(n int) int { return 1 << class(n) }

// clone returns a copy of b in a buffer of the pool.
func (p *pool) clone(b []byte) []byte {
	c := class(len(b))
	free := p.free[c]
	if n := len(free); n > 0 {
		buf := free[n-1]
		p.free[c] = free[:n-1]
		p.bytes -= 1 << c
		return append(buf[:0], b...)
	}
	return append(make([]byte, 0, 1<<c), b...)
}

// put takes a buffer of clone back and returns its size. What is too much for
// the pool is left to the garbage collector.
func (p *pool) put(buf []byte) int {
	size := cap(buf)
	if p.bytes+size <= maxPooled {
		p.bytes += size
		p.free[class(size)] = append(p.free[class(size)], buf)
	}
	return size
}
