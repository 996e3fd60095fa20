package mpj

import (
	"fmt"
	"net/netip"

	"github.com/mpstack/mpstack/stack/winsock"
)

// ControlRole is a socket's role in the control plane.
type ControlRole uint8

// Control roles.
const (
	ControlRoot ControlRole = 1 // c_root
	ControlLeaf ControlRole = 2 // c_leaf
)

// String returns "c_root" or "c_leaf".
func (r ControlRole) String() string { return valueName(controlRoleValues, uint64(r)) }

// DataRole is a socket's role in the data plane.
type DataRole uint8

// Data roles.
const (
	DataRoot DataRole = 1 // d_root
	DataLeaf DataRole = 2 // d_leaf
)

// String returns "d_root" or "d_leaf".
func (r DataRole) String() string { return valueName(dataRoleValues, uint64(r)) }

// Planes says which planes of the session are rooted.
type Planes uint8

// Planes.
const (
	RootedControl Planes = 1
	RootedData    Planes = 2
)

// String returns "rooted control, rooted data" or the part that is set.
func (p Planes) String() string { return flagNames(planeValues, uint64(p)) }

// Direction is the asker's JL direction.
type Direction uint8

// Directions, numbered as Winsock does: both is 4, not 3.
const (
	SenderOnly   Direction = winsock.JL_SENDER_ONLY
	ReceiverOnly Direction = winsock.JL_RECEIVER_ONLY
	Both         Direction = winsock.JL_BOTH
)

// String returns the constant's Winsock name: "JL_BOTH".
func (d Direction) String() string { return valueName(directionValues, uint64(d)) }

// Mirror returns the direction as the asked side has it.
func (d Direction) Mirror() Direction {
	switch d {
	case SenderOnly:
		return ReceiverOnly
	case ReceiverOnly:
		return SenderOnly
	}
	return d
}

// Mode is how the root's data reaches a leaf.
type Mode uint8

// Delivery modes.
const (
	Multicast     Mode = 1 // to the session's group
	UnicastCopies Mode = 2 // one copy for each leaf
)

// String returns "multicast" or "unicast copies".
func (m Mode) String() string { return valueName(modeValues, uint64(m)) }

// Role is the ROLE object: what the asker is and which planes it means.
type Role struct {
	Control ControlRole
	Data    DataRole
	Planes  Planes
	JL      Direction
}

// Valid reports whether every member has a defined value.
func (r Role) Valid() bool { return r.check() == nil }

func (r Role) check() error {
	switch {
	case r.Control != ControlRoot && r.Control != ControlLeaf:
		return fmt.Errorf("control role %d: %w", r.Control, ErrValue)
	case r.Data != DataRoot && r.Data != DataLeaf:
		return fmt.Errorf("data role %d: %w", r.Data, ErrValue)
	case r.Planes&^(RootedControl|RootedData) != 0:
		return fmt.Errorf("planes 0x%x: %w", uint8(r.Planes), ErrValue)
	case r.JL != SenderOnly && r.JL != ReceiverOnly && r.JL != Both:
		return fmt.Errorf("JL %d: %w", r.JL, ErrValue)
	}
	return nil
}

// QOS is the QOS object: Winsock's two flowspecs as they are, seen from the
// asker, also in the answer.
type QOS struct {
	Sending, Receiving winsock.FlowSpec
}

// JoinLimits is the JOIN_LIMITS object.
type JoinLimits struct {
	RemainingMS uint32 // time that the asker will wait, from its first JOIN on
	CalleeRoom  uint16 // bytes of callee data it takes; RoomDiscard: it wants none
}

// Session is the SESSION object: where the root's data goes.
type Session struct {
	Group netip.AddrPort // multicast group and port; with UnicastCopies the port counts
	TTL   uint8          // of the data
	Mode  Mode
}

// Timers is the TIMERS object.
type Timers struct {
	HelloMS uint32 // mean interval of the leaf's HELLOs
	HoldMS  uint32 // silence after which either side gives the other up
}

// Reason is the REASON object: a code, and the Winsock error that stands for
// it at the receiver where the code is unknown.
type Reason struct {
	Code  Code
	Errno winsock.Errno
}

// Reservation is the RESERVATION object: an RSVP error (RFC 2205 appendix B)
// as the data receiver saw it, code 0 where the reservation stands.
type Reservation struct {
	Code  uint8
	Flags uint8
	Value uint16
	Node  netip.Addr // where the error was detected
}
