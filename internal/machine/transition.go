package machine

import "fmt"

// Cause is the stable id of the transition or rule that produced an output,
// such as "mpj/asked/Pending/Accept" or "rsvp/path/refresh". It travels with
// the frame into the capture's comment. Causes are constants or table entries:
// none is built per packet.
type Cause string

// Transition is the record of one step of a state machine.
type Transition struct {
	At      Time
	Machine string // family: "mpj/asker", "rsvp/path", "ip/neigh"
	Subject string // which instance: addresses, tag
	From    string
	Event   string
	To      string
	Reason  string // why, for a reader
	Cause   Cause
}

// String returns the transition in one line.
func (t Transition) String() string {
	return fmt.Sprintf("%s %s: %s --%s--> %s (%s)", t.Machine, t.Subject, t.From, t.Event, t.To, t.Reason)
}

// Tracer receives the transitions of a machine as they happen; it must not
// call back into the machine. A nil Tracer is allowed wherever one is taken.
type Tracer func(Transition)
