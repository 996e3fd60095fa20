package machine_test

import (
	"fmt"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
)

// beacon is a machine in small: it sends something every second until it is
// closed.
type beacon struct {
	clock  machine.Clock
	timers machine.Timers[string]
	out    machine.Queue[string]
	sent   int
}

func (b *beacon) HandleOpen(now machine.Time) {
	b.timers.Set("send", b.clock.At(now))
	b.Advance(now)
}

func (b *beacon) HandleClose(now machine.Time) {
	b.clock.At(now)
	b.timers.Stop("send")
	b.out.Push("bye")
}

func (b *beacon) Advance(now machine.Time) {
	now = b.clock.At(now)
	for {
		key, at, ok := b.timers.Pop(now)
		if !ok {
			return
		}
		b.sent++
		b.out.Push(fmt.Sprintf("beacon %d", b.sent))
		b.timers.Set(key, at.Add(time.Second))
	}
}

func (b *beacon) Deadline() (machine.Time, bool) { return b.timers.Next() }
func (b *beacon) Next() (*string, bool)          { return b.out.Pop() }
func (b *beacon) Quiet() bool                    { return b.timers.Len() == 0 && b.out.Len() == 0 }

// A caller gives every call its instant, drains the outputs after it, and
// advances the machine at its deadline. Here time is a variable.
func Example() {
	var b beacon
	now := machine.VirtualEpoch
	drain := func() {
		for {
			out, ok := b.Next()
			if !ok {
				return
			}
			fmt.Println(now, *out)
		}
	}
	b.HandleOpen(now)
	drain()
	for range 2 {
		now, _ = b.Deadline()
		b.Advance(now)
		drain()
	}
	now = now.Add(time.Millisecond)
	b.HandleClose(now)
	drain()
	fmt.Println("quiet:", b.Quiet())
	// Output:
	// 2000-01-01T00:00:00.000000000Z beacon 1
	// 2000-01-01T00:00:01.000000000Z beacon 2
	// 2000-01-01T00:00:02.000000000Z beacon 3
	// 2000-01-01T00:00:02.001000000Z bye
	// quiet: true
}
