// Package link is the interface between a stack and a medium. Links without a
// kernel are in mem, fault, tee and replay; kernel links are in raw, afpacket
// and tap.
package link

import (
	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/inet"
)

// Info describes a link.
type Info struct {
	Port string   // "node/port", for captures and messages
	MAC  inet.MAC // our address on it
	MTU  int      // greatest IP packet in bytes
}

// Link sends Ethernet frames.
type Link interface {
	Info() Info
	// Send hands one frame to the medium. f.Data is valid only during the
	// call. f.At is the sending instant.
	Send(f wire.Frame) error
	Close() error
}

// Reader is a link that is read by a blocking call, as kernel links are. A
// driver runs one reader per link; Close ends a Recv that is under way.
type Reader interface {
	Link
	// Recv waits for one frame that came in, copies it to buf and returns its
	// length. Frames longer than buf are dropped and counted, not cut.
	// Passing troubles (an interrupted call, an interface that is down) are
	// waited out inside: an error is final. After Close it matches
	// net.ErrClosed.
	Recv(buf []byte) (int, error)
}

// Counters of a link.
type Counters struct {
	Sent, Received uint64
	SendErrors     uint64
	Oversize       uint64 // frames longer than the reader's buffer
	Own            uint64 // own frames that came back and were dropped
	KernelDrops    uint64 // frames that the kernel dropped because the reader was slow
}

// Handler takes a frame from a medium that is driven by calls.
type Handler func(now machine.Time, f wire.Frame)
