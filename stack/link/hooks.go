package link

import (
	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire"
)

// Fates of frames that a medium did not deliver, for wire.Frame.Fate.
const (
	FateLost      = "lost"
	FatePortDown  = "lost: port down"
	FateOversize  = "lost: longer than the MTU"
	FateRunt      = "lost: shorter than an Ethernet header"
	FateQueueFull = "lost: queue full"
)

// Verdict is what a fault decides about one frame. The zero value lets the
// frame pass.
type Verdict struct {
	Drop bool
	Fate string // why, for the capture; empty counts as FateLost
}

// Fault decides about each frame that is sent. It is called once per frame, in
// the order of sending, with Dir out, At and Port set; it keeps nothing of
// f.Data.
type Fault interface {
	Apply(now machine.Time, f wire.Frame) Verdict
}

// Observer is a link that wants to hear of received frames. No reader has a
// clock, so its Recv cannot say when a frame arrived: the driver that called
// Recv stamps the frame and tells the link through [Received].
type Observer interface {
	Received(f wire.Frame)
}

// Received tells l that f was read from it, if l observes. f.At is the instant
// of the reading; Port and Dir are filled in by the observer.
func Received(l Link, f wire.Frame) {
	if o, ok := l.(Observer); ok {
		o.Received(f)
	}
}
