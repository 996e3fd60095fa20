package mpj

import (
	wire "github.com/mpstack/mpstack/wire/mpj"
)

// Drop is a reason for which something received had no effect.
type Drop uint8

// Reasons.
const (
	DropChecksumZero Drop = iota // no UDP checksum
	DropAddress                  // a source or destination that no unicast datagram has
	DropMalformed                // does not decode
	DropVersion                  // another version
	DropUnknown                  // no association with this tag
	DropWrongAddress             // the tag is known, its addresses are others
	DropWrongIf                  // the tag is known, its interface is another
	DropStaleTag                 // the peer's tag is not the association's
	DropTransaction              // an answer to nothing that we asked, or an old request
	DropWrongRole                // a message that this side does not take
	DropBeacon                   // a beacon
	DropRival                    // a JOIN of a pair that has a pending one with another tag
	DropTooBig                   // ICMP says packet too big
	DropUnreachable              // ICMP error about nothing that is pending
	DropLimited                  // an answer was withheld by its rate limit
	DropBudget                   // a message was withheld: the asker is unproved and has sent too little
	DropEntropy                  // no random bytes for a tag
	DropBacklog                  // a request refused: the backlog is full
	DropAssociations             // a request refused: too many associations
	DropTombstone                // a tombstone forgotten early
	DropEncode                   // a message that did not encode
	numDrops
)

var dropNames = [numDrops]string{
	"checksum_zero", "address", "malformed", "version", "unknown_association", "wrong_address",
	"wrong_interface", "stale_tag", "transaction", "wrong_role", "beacon", "rival", "packet_too_big",
	"unreachable", "rate_limited", "unproved_budget", "entropy", "backlog_full", "too_many_associations",
	"tombstone_evicted", "encode",
}

// String returns the reason's name as counters show it.
func (d Drop) String() string { return dropNames[d] }

// Counters count what an endpoint did since it was made.
type Counters struct {
	Received [wire.NumTypes]uint64 // messages that decoded, by type
	Sent     [wire.NumTypes]uint64
	Dropped  [numDrops]uint64

	Ignored     uint64 // events that mean nothing in their state
	Transitions uint64 // all others
	Refusals    uint64 // REJECTs that left no state
	Unknowns    uint64 // LEAVEs with flag T
}

// Each calls f for every counter, in a fixed order.
func (c *Counters) Each(f func(name string, value uint64)) {
	for _, info := range wire.Messages {
		f("received_"+info.Name, c.Received[info.Type])
	}
	for _, info := range wire.Messages {
		f("sent_"+info.Name, c.Sent[info.Type])
	}
	for d := range numDrops {
		f("dropped_"+d.String(), c.Dropped[d])
	}
	f("ignored", c.Ignored)
	f("transitions", c.Transitions)
	f("refusals", c.Refusals)
	f("unknowns", c.Unknowns)
}

// Counters returns a copy of the counters.
func (e *Endpoint) Counters() Counters { return e.counters }

// TransitionCount says how often a transition was taken.
type TransitionCount struct {
	Family, State, Event string
	Count                uint64
}

// Transitions returns how often each transition was taken, without those that
// never were.
func (e *Endpoint) Transitions() []TransitionCount {
	var all []TransitionCount
	for i, f := range [...]*family{askerFamily, askedFamily, rootFamily, leafFamily} {
		for s := range numStates {
			for ev := range numEvents {
				if n := e.taken[i][s][ev]; n > 0 {
					all = append(all, TransitionCount{f.name, s.String(), ev.String(), n})
				}
			}
		}
	}
	return all
}
