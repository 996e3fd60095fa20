package mpj

import (
	"io"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/winsock"
	wire "github.com/mpstack/mpstack/wire/mpj"
)

// Time constants of the protocol (docs/mpj.md, Timers).
const (
	FirstRetransmit = 250 * time.Millisecond // doubled at each retransmission
	MaxRetransmit   = 2 * time.Second        // also the pace of JOIN after PENDING
	JoinLimit       = 30 * time.Second       // of a join, and of an unconfirmed ACCEPT
	TombstoneLife   = 60 * time.Second
	HelloInterval   = 10 * time.Second // the least that a root asks for by default

	// HelloPerLeaf times the number of leaves is the least interval: all
	// leaves together send 2,000 HELLOs a second at most.
	HelloPerLeaf = time.Second / 2000

	// leaveTries is how often a LEAVE is sent before its sender gives up.
	leaveTries = 5
	// minHello keeps a peer from asking for HELLOs in a fast loop.
	minHello = 100 * time.Millisecond
	// maxRemaining bounds how long a request may ask to be kept.
	maxRemaining = 5 * time.Minute
)

// Default limits.
const (
	DefaultAssociations = 131072
	DefaultTombstones   = 65536
	DefaultListeners    = 1024
	MaxBacklog          = 16384
	DefaultRefusalRate  = 1000
	DefaultUnknownRate  = 100
)

// Config of an endpoint. Rand and Entropy are required.
type Config struct {
	Node    string         // for traces
	Rand    *rand.Rand     // jitter of HELLO
	Entropy io.Reader      // tags: crypto/rand's Reader outside of simulations
	Trace   machine.Tracer // may be nil

	MaxAssociations int // pending, standing and leaving ones together; 0: DefaultAssociations
	MaxTombstones   int // the oldest are forgotten early; 0: DefaultTombstones
	MaxListeners    int // 0: DefaultListeners
	RefusalRate     int // REJECTs a second to JOINs that leave no state; 0: DefaultRefusalRate
	UnknownRate     int // LEAVEs with flag T a second; 0: DefaultUnknownRate
}

// AssocID names an association of one endpoint; never 0, never used again.
type AssocID uint64

// ListenerID names a listener of one endpoint; never 0, never used again.
type ListenerID uint64

// Session is where a session's data goes, as its root says.
type Session struct {
	Group netip.AddrPort
	TTL   uint8
	Mode  wire.Mode
	Root  netip.AddrPort // root's data address and port; only with a rooted data plane
}

// Listener says which requests to take.
type Listener struct {
	Name        netip.AddrPort // TARGET; the address may be unspecified: any of its family
	IfIndex     int            // required for a link-local name; else 0
	ControlRoot bool           // c_root: takes leaves; else c_leaf: takes roots
	DataRoot    bool           // d_root
	Planes      wire.Planes    // must be the asker's
	Backlog     int            // undecided requests; below 1: 1; above MaxBacklog: MaxBacklog

	Session       *Session      // of a c_root; Answer.Session overrides it
	HelloInterval time.Duration // of a c_root; 0: the constant
}

// Join says what to ask for.
type Join struct {
	Local   netip.AddrPort // CALLER; its address is the datagrams' source
	IfIndex int            // required where an address is link-local; else 0 lets the first answer decide
	Target  netip.AddrPort // TARGET: the listener's name
	Role    wire.Role

	CallerData    []byte // copied; at most wire.MaxUserData bytes
	HasCallerData bool
	QOS           *winsock.QOS // nil: none; ProviderSpecific stays here
	CalleeRoom    uint16       // bytes of callee data wanted; wire.RoomDiscard: none
	Timeout       time.Duration

	Session       *Session      // required where Role is c_root's, else nil
	HelloInterval time.Duration // of a c_root; 0: the constant
}

// Answer is what goes with an acceptance.
type Answer struct {
	CalleeData    []byte
	HasCalleeData bool
	QOS           *winsock.QOS // as negotiated, seen from the asker; nil: none
	Session       *Session     // of a c_root; nil: the listener's
}

// Datagram is one UDP datagram, in or out.
type Datagram struct {
	Src, Dst     netip.AddrPort
	IfIndex      int // interface; 0 out: the route decides
	TTL          uint8
	DF           bool   // out: always set
	ChecksumZero bool   // in: it came without a UDP checksum
	Payload      []byte // in: valid during the call; out: until the next call
	Cause        machine.Cause
}

// UnreachableReason is what an ICMP error said.
type UnreachableReason uint8

// Reasons of unreachability.
const (
	UnreachableNet UnreachableReason = iota
	UnreachableHost
	UnreachablePort
	PacketTooBig
)

// Unreachable is an ICMP error about a datagram that the endpoint sent.
type Unreachable struct {
	Src, Dst netip.AddrPort // of the datagram
	Reason   UnreachableReason
}

// EventKind says what happened.
type EventKind uint8

// Kinds of events.
const (
	EventRequest     EventKind = 1 + iota // asked: a request entered the backlog
	EventWithdrawn                        // asked: an undecided request is over; WSA for WSAAccept
	EventEstablished                      // asked: the asker confirmed
	EventJoined                           // asker: the join stands
	EventRefused                          // asker: the join failed; WSA says why
	EventClosed                           // either: an accepted or joined association ended; WSA 0: gracefully
)

// String returns the kind's name in lower case.
func (k EventKind) String() string {
	names := [...]string{"none", "request", "withdrawn", "established", "joined", "refused", "closed"}
	if int(k) < len(names) {
		return names[k]
	}
	return "unknown"
}

// Event tells the owner what happened to an association. It holds no memory
// of the endpoint: it may be kept.
type Event struct {
	Kind     EventKind
	Assoc    AssocID
	Listener ListenerID // asked: who was asked
	Local    netip.AddrPort
	Peer     netip.AddrPort // the other's name: CALLER at the asked side, TARGET at the asker
	IfIndex  int

	Role            wire.Role // the asker's
	CallerData      []byte    // Request
	HasCallerData   bool
	CalleeData      []byte // Joined, Refused
	HasCalleeData   bool
	QOS             *winsock.QOS // Request: the asker's; Joined: as negotiated; seen from the asker
	CalleeRoom      uint16       // Request
	Expires         machine.Time // Request: when the asker gives up
	WithReservation bool         // Request: flag Q

	Session *Session // where this side is the leaf: Request, Joined

	Reason wire.Code     // REJECT's or LEAVE's code; 0 where none was received
	WSA    winsock.Errno // Withdrawn, Refused, Closed
}

// OutputKind says which part of an Output counts.
type OutputKind uint8

// Kinds of outputs.
const (
	KindDatagram OutputKind = 1 + iota
	KindEvent
)

// Output is something for the owner to do.
type Output struct {
	Kind     OutputKind
	Datagram Datagram
	Event    Event
}
