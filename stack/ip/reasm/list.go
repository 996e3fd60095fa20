package reasm

// list is a list of packets, the oldest first. A packet is in two: that of the
// table, and that of its source.
type list struct {
	first, last *packet
	source      bool // links by srcPrev and srcNxt
}

// links returns the links of p that the list uses.
func (l *list) links(p *packet) (prev, next **packet) {
	if l.source {
		return &p.srcPrev, &p.srcNxt
	}
	return &p.prev, &p.nxt
}

func (l *list) push(p *packet) {
	prev, next := l.links(p)
	*prev, *next = l.last, nil
	if l.last == nil {
		l.first = p
	} else {
		_, after := l.links(l.last)
		*after = p
	}
	l.last = p
}

func (l *list) remove(p *packet) {
	prev, next := l.links(p)
	if *prev == nil {
		l.first = *next
	} else {
		_, after := l.links(*prev)
		*after = *next
	}
	if *next == nil {
		l.last = *prev
	} else {
		before, _ := l.links(*next)
		*before = *prev
	}
	*prev, *next = nil, nil
}
