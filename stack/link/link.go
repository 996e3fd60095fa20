// Package link is the interface between a stack and a medium. Links without a
// kernel are in mem, fault, tee and replay; kernel links are in raw, afpacket
// and tap.
//
// Link and Reader are what every link has. What only some have are interfaces
// of their own (InfoReader, BatchReader, BatchLink, Observer); the functions
// RecvInfo, RecvBatch, SendBatch and Received take any link and make do without.
package link

import (
	"errors"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/inet"
)

// ErrTooLong is matched by the refusal to send a frame that is longer than the
// MTU allows. Links of the kernel match EMSGSIZE too.
var ErrTooLong = errors.New("frame longer than the MTU allows")

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
	// call. f.At is the sending instant. A frame that is longer than the MTU
	// allows is refused with an error that matches ErrTooLong.
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

// Handler takes a frame from a medium that is driven by calls.
type Handler func(now machine.Time, f wire.Frame)
