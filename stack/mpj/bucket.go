package mpj

import (
	"time"

	"github.com/mpstack/mpstack/internal/machine"
)

// bucket limits how often something happens: rate times a second, and as many
// at once.
type bucket struct {
	cost int64 // of one, in nanoseconds of saving
	have int64 // savings, at most a second
	last machine.Time
}

func newBucket(rate int) bucket {
	return bucket{cost: max(int64(time.Second)/int64(rate), 1), have: int64(time.Second)}
}

// take reports whether it may happen now, and counts it.
func (b *bucket) take(now machine.Time) bool {
	if gone := now.Sub(b.last); gone >= time.Second {
		b.have = int64(time.Second)
	} else {
		b.have = min(b.have+int64(gone), int64(time.Second))
	}
	b.last = now
	if b.have < b.cost {
		return false
	}
	b.have -= b.cost
	return true
}
