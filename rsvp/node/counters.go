package node

import (
	"errors"

	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/wire/object"
)

// Drop is a reason for which a received message, or a part of it, had no
// effect, or for which one was not sent.
type Drop uint8

// Reasons.
const (
	DropTruncated         Drop = iota // fewer bytes than a header or length says
	DropLength                        // RSVP Length or an object's length is wrong
	DropVersion                       // not version 1
	DropChecksum                      // bad checksum
	DropType                          // unknown message type
	DropMissing                       // a required object is missing
	DropDuplicate                     // an object comes twice
	DropNotAllowed                    // an object that this message must not carry
	DropOrder                         // objects out of order
	DropValue                         // an impossible value
	DropService                       // a service or parameter that is not supported
	DropUnknownClass                  // an unknown class that is to be refused; the sender is told
	DropUnknownCType                  // an unknown C-Type; the sender is told
	DropPorts                         // source port in a session without ports, or ports in conflict
	DropHop                           // RSVP_HOP address that cannot be: ours, or of the other family
	DropOwn                           // our own message came back
	DropLIH                           // a logical interface handle that we did not give
	DropFamily                        // objects of IPv4 and IPv6 mixed
	DropNotForUs                      // addressed to another node, and we do not forward
	DropNoState                       // a tear, error or confirmation that matches no state
	DropStyle                         // ResvTear of another style
	DropTTL                           // its TTL is used up
	DropNoRoute                       // no route to its destination
	DropNoAddress                     // no address of its family on the outgoing interface
	DropUnsendable                    // would be longer than an IP datagram
	DropSessions                      // limit of sessions
	DropPaths                         // limit of path state
	DropReservations                  // limit of reservation state
	DropPathsOfOne                    // limit of path state of one session
	DropReservationsOfOne             // limit of reservation state of one session
	DropStaleResult                   // HandleTCResult for nothing that was asked
	DropUnsigned                      // came in unsigned where messages must be signed
	DropIntegrity                     // signed, and not taken; auth.VerifierCounters say why
	DropNeighbors                     // limit of neighbors
	DropPending                       // limit of messages that wait for acknowledgments; this one is sent once
	DropOutOfOrder                    // an older message than the one that its state has
	DropNoSigningKey                  // could not be signed, or answered to a challenge, for want of a key
	numDrops
)

var dropNames = [numDrops]string{
	"truncated", "length", "version", "checksum", "type", "missing", "duplicate", "not-allowed", "order", "value", "service",
	"unknown-class", "unknown-c-type", "ports", "hop", "own", "lih", "family", "not-for-us", "no-state", "style", "ttl", "no-route",
	"no-address", "unsendable", "sessions", "paths", "reservations", "paths-of-one-session", "reservations-of-one-session", "stale-result",
	"unsigned", "integrity", "neighbors", "pending", "out-of-order", "no-signing-key",
}

// String returns the reason's name.
func (d Drop) String() string { return dropNames[d] }

// Drops lists every reason.
func Drops() []Drop {
	all := make([]Drop, numDrops)
	for i := range all {
		all[i] = Drop(i)
	}
	return all
}

// Counters of a node. Arrays of messages are indexed by rsvp.MessageType, Drops
// by Drop.
type Counters struct {
	Received       [rsvp.IntegrityResponse + 1]uint64 // well-formed messages
	Sent           [rsvp.IntegrityResponse + 1]uint64
	Forwarded      uint64 // messages for other nodes that were passed on unread
	Drops          [numDrops]uint64
	Sessions       int // now
	Paths          int // now
	Reservations   int // now
	Installed      int // reservations that admission or traffic control has accepted, now
	Refused        uint64
	Retransmitted  uint64 // messages sent again for want of an acknowledgment
	Unacknowledged uint64 // messages given up so
	Summarized     uint64 // states that we refreshed by a summary
	Nacked         uint64 // summaries that a neighbor could not match
	KeysExpired    uint64 // keys that go on being used beyond their end, for want of others
	PathExpired    uint64
	ResvExpired    uint64
}

// decodeDrops maps decoding errors to reasons.
var decodeDrops = []struct {
	err  error
	drop Drop
}{
	{object.ErrTruncated, DropTruncated}, {object.ErrLength, DropLength}, {rsvp.ErrVersion, DropVersion},
	{rsvp.ErrChecksum, DropChecksum}, {rsvp.ErrType, DropType}, {rsvp.ErrMissing, DropMissing},
	{rsvp.ErrDuplicate, DropDuplicate}, {rsvp.ErrNotAllowed, DropNotAllowed}, {rsvp.ErrOrder, DropOrder},
	{rsvp.ErrService, DropService}, {rsvp.ErrUnknownClass, DropUnknownClass}, {rsvp.ErrUnknownCType, DropUnknownCType},
}

// dropOf returns the reason that stands for a decoding error.
func dropOf(err error) Drop {
	for _, d := range decodeDrops {
		if errors.Is(err, d.err) {
			return d.drop
		}
	}
	return DropValue
}

func (n *Node) drop(d Drop) { n.count.Drops[d]++ }
