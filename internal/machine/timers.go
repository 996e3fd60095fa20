package machine

// Timers is a queue of timers named by keys of type K. Timers due at the same
// instant fire in the order in which they were set. The zero value is ready.
// Set, Stop and Pop cost O(log n).
type Timers[K comparable] struct {
	heap []timer[K]
	pos  map[K]int
	seq  uint64
}

type timer[K comparable] struct {
	at  Time
	seq uint64
	key K
}

// Set arms the timer named key for at, replacing an earlier setting.
func (q *Timers[K]) Set(key K, at Time) {
	q.seq++
	t := timer[K]{at: at, seq: q.seq, key: key}
	if i, ok := q.pos[key]; ok {
		q.heap[i] = t
		q.fix(i)
		return
	}
	if q.pos == nil {
		q.pos = make(map[K]int)
	}
	q.heap = append(q.heap, t)
	q.pos[key] = len(q.heap) - 1
	q.up(len(q.heap) - 1)
}

// Stop disarms the timer named key and reports whether it was armed.
func (q *Timers[K]) Stop(key K) bool {
	i, ok := q.pos[key]
	if ok {
		q.remove(i)
	}
	return ok
}

// At returns the instant for which key is armed.
func (q *Timers[K]) At(key K) (Time, bool) {
	i, ok := q.pos[key]
	if !ok {
		return 0, false
	}
	return q.heap[i].at, true
}

// Next returns the earliest instant for which a timer is armed.
func (q *Timers[K]) Next() (Time, bool) {
	if len(q.heap) == 0 {
		return 0, false
	}
	return q.heap[0].at, true
}

// Pop removes and returns the earliest timer that is due at now.
func (q *Timers[K]) Pop(now Time) (key K, at Time, ok bool) {
	if len(q.heap) == 0 || q.heap[0].at > now {
		return key, 0, false
	}
	t := q.heap[0]
	q.remove(0)
	return t.key, t.at, true
}

// Len returns how many timers are armed.
func (q *Timers[K]) Len() int { return len(q.heap) }

func (q *Timers[K]) less(i, j int) bool {
	a, b := &q.heap[i], &q.heap[j]
	return a.at < b.at || a.at == b.at && a.seq < b.seq
}

func (q *Timers[K]) swap(i, j int) {
	q.heap[i], q.heap[j] = q.heap[j], q.heap[i]
	q.pos[q.heap[i].key] = i
	q.pos[q.heap[j].key] = j
}

func (q *Timers[K]) remove(i int) {
	last := len(q.heap) - 1
	delete(q.pos, q.heap[i].key)
	if i != last {
		q.heap[i] = q.heap[last]
		q.pos[q.heap[i].key] = i
	}
	q.heap[last] = timer[K]{}
	q.heap = q.heap[:last]
	if i != last {
		q.fix(i)
	}
}

func (q *Timers[K]) fix(i int) {
	if !q.down(i) {
		q.up(i)
	}
}

func (q *Timers[K]) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !q.less(i, parent) {
			return
		}
		q.swap(i, parent)
		i = parent
	}
}

func (q *Timers[K]) down(i int) bool {
	moved := false
	for {
		child := 2*i + 1
		if child >= len(q.heap) {
			return moved
		}
		if r := child + 1; r < len(q.heap) && q.less(r, child) {
			child = r
		}
		if !q.less(child, i) {
			return moved
		}
		q.swap(i, child)
		i, moved = child, true
	}
}
