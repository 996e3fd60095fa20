package node

// slab holds elements of one type under small numbers that stay theirs until
// they are released. Elements do not move, so pointers to them hold too. No
// element costs an allocation of its own.
type slab[T any] struct {
	chunks [][]T
	free   []uint32
	used   int
}

const slabChunk = 32

// alloc returns a zero element and its number.
func (s *slab[T]) alloc() (uint32, *T) {
	s.used++
	if n := len(s.free); n > 0 {
		id := s.free[n-1]
		s.free = s.free[:n-1]
		return id, s.at(id)
	}
	n := len(s.chunks)
	if n == 0 || len(s.chunks[n-1]) == slabChunk {
		s.chunks = append(s.chunks, make([]T, 0, slabChunk))
		n++
	}
	c := &s.chunks[n-1]
	*c = append(*c, *new(T))
	id := uint32((n-1)*slabChunk + len(*c) - 1)
	return id, s.at(id)
}

// at returns the element of a number that alloc gave.
func (s *slab[T]) at(id uint32) *T { return &s.chunks[id/slabChunk][id%slabChunk] }

// release empties an element and frees its number.
func (s *slab[T]) release(id uint32) {
	*s.at(id) = *new(T)
	s.free = append(s.free, id)
	s.used--
}
