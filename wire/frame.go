// Package wire defines Frame, what links, captures and stacks hand to each
// other. The codecs live in the packages below it.
package wire

import "github.com/mpstack/mpstack/internal/machine"

// Dir says which way a frame passed its port.
type Dir uint8

// Directions as pcapng's epb_flags has them.
const (
	DirUnknown Dir = 0
	DirIn      Dir = 1
	DirOut     Dir = 2
)

// String returns "in", "out" or "unknown".
func (d Dir) String() string {
	switch d {
	case DirIn:
		return "in"
	case DirOut:
		return "out"
	}
	return "unknown"
}

// Frame is one Ethernet frame at one port.
type Frame struct {
	Data  []byte        // from the destination address on, without FCS; valid during the call that hands it over
	At    machine.Time  // when it passed the port
	Port  string        // "node/port"
	Dir   Dir           // seen from Port
	Cause machine.Cause // the transition that sent it; empty where unknown
	Fate  string        // what the medium did to it ("lost", "duplicated", …); empty where it was delivered
}

// Clone returns f with bytes of its own.
func (f Frame) Clone() Frame {
	f.Data = append([]byte(nil), f.Data...)
	return f
}

// Comment returns the text for the frame's capture comment: its cause, then
// its fate.
func (f Frame) Comment() string {
	switch {
	case f.Fate == "":
		return string(f.Cause)
	case f.Cause == "":
		return f.Fate
	}
	return string(f.Cause) + "; " + f.Fate
}
