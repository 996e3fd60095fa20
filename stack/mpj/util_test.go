package mpj

import (
	"errors"
	"io"
	"testing"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/winsock"
)

func isErrno(err error, want winsock.Errno) bool { return errors.Is(err, want) }

func seededEntropy(seed uint64) io.Reader { return machine.SeededEntropy(seed, "again", "mpj") }

func TestBucket(t *testing.T) {
	b := newBucket(10)
	now := machine.VirtualEpoch
	takes := func(n int) (taken int) {
		for range n {
			taken += count(b.take(now))
		}
		return taken
	}
	if got := takes(20); got != 10 {
		t.Errorf("at once: %d", got)
	}
	now = now.Add(250e6)
	if got := takes(20); got != 2 {
		t.Errorf("after 250 ms: %d", got)
	}
	now = now.Add(3600e9)
	if got := takes(20); got != 10 {
		t.Errorf("after an hour: %d", got)
	}
	if b := newBucket(2_000_000_000); b.cost != 1 {
		t.Errorf("cost %d", b.cost)
	}
}
