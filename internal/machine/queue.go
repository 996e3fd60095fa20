package machine

// Queue is a first-in first-out queue whose memory is reused. The zero value
// is ready. A machine keeps its outputs in one Queue, so that their order is
// the order in which they were caused.
type Queue[T any] struct {
	buf  []T
	head int
}

// Push appends v. Where the memory is used up and at least half of it is
// behind the head, it is reused instead of grown.
func (q *Queue[T]) Push(v T) {
	if len(q.buf) == cap(q.buf) && q.head >= (len(q.buf)+1)/2 && q.head > 0 {
		n := copy(q.buf, q.buf[q.head:])
		clear(q.buf[n:])
		q.buf, q.head = q.buf[:n], 0
	}
	q.buf = append(q.buf, v)
}

// Pop removes the oldest element and returns a pointer to it, valid until the
// next Push or Pop.
func (q *Queue[T]) Pop() (*T, bool) {
	if q.head == len(q.buf) {
		clear(q.buf)
		q.buf, q.head = q.buf[:0], 0
		return nil, false
	}
	v := &q.buf[q.head]
	q.head++
	return v, true
}

// Len returns how many elements wait.
func (q *Queue[T]) Len() int { return len(q.buf) - q.head }
