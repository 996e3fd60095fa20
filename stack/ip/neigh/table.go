package neigh

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire/inet"
)

// Protocol constants of RFC 4861 section 10, used for ARP as well.
const (
	DefaultReachableTime = 30 * time.Second // REACHABLE_TIME
	DefaultRetransTime   = time.Second      // RETRANS_TIMER
	DefaultDelayTime     = 5 * time.Second  // DELAY_FIRST_PROBE_TIME
	DefaultTries         = 3                // MAX_MULTICAST_SOLICIT, MAX_UNICAST_SOLICIT
)

// Limits where Config names none.
const (
	DefaultMaxEntries = 1024
	DefaultMaxQueue   = 16
	DefaultMaxWaiting = 1024
)

// Causes of solicitations.
const (
	CauseSolicit machine.Cause = "ip/neigh/solicit"
	CauseRetry   machine.Cause = "ip/neigh/solicit-again"
	CauseProbe   machine.Cause = "ip/neigh/probe"
)

// Config of a table. Zero values stand for the defaults above.
type Config struct {
	Rand  *rand.Rand // draws reachable times; nil: always DefaultReachableTime's mean
	Trace machine.Tracer

	MaxEntries int // neighbours
	MaxQueue   int // packets waiting for one neighbour
	MaxWaiting int // packets waiting in all

	ReachableTime time.Duration // mean; an entry's is 0.5 to 1.5 times this
	RetransTime   time.Duration
	DelayTime     time.Duration
	Tries         int
}

// Key names a neighbour.
type Key struct {
	If   int // interface index
	Addr netip.Addr
}

// Packet is an IP packet for a neighbour. Tag is the caller's own.
type Packet struct {
	Data  []byte
	Cause machine.Cause
	Tag   uint64
}

// OutputKind says what an Output asks for.
type OutputKind uint8

// Kinds of outputs.
const (
	KindSolicit OutputKind = iota + 1 // ask for Key.Addr: all neighbours, or MAC alone where it is set
	KindRelease                       // send Packet to MAC
	KindFail                          // Key did not answer: Packet was not sent
	KindFound                         // an address of Key is known, which was not before
	KindLost                          // Key does not answer, and is forgotten
)

// Output is one request of the table. Packet.Data is the receiver's to keep.
type Output struct {
	Kind   OutputKind
	Key    Key
	MAC    inet.MAC
	Packet Packet
	Cause  machine.Cause // of a solicitation; Packet has its own
}

// Counters of a table.
type Counters struct {
	Solicits        uint64 // solicitations to all neighbours
	Probes          uint64 // solicitations to one neighbour
	Answers         uint64 // entries that became Reachable
	Failures        uint64 // neighbours that did not answer
	QueueFull       uint64 // packets dropped: too many for one neighbour
	WaitingFull     uint64 // packets dropped: too many in all
	TableFull       uint64 // packets dropped: no entry could give way, or half of all are Incomplete
	Evicted         uint64 // stale entries that gave way to others
	LearnRefused    uint64 // heard neighbours not learnt: the table is full
	PacketsFailed   uint64 // waiting packets returned
	AddressChanged  uint64 // entries whose Ethernet address changed
	Contradictions  uint64 // answers that may not override
	UnsolicitedOnly uint64 // advertisements for which there is no entry
}

type entry struct {
	key     Key
	state   State
	mac     inet.MAC
	tries   int
	until   machine.Time // of Reachable
	used    uint64       // when last sent to, in t.uses; 0: never
	waiting []Packet
}

// Table is the machine. It is not safe for concurrent use.
type Table struct {
	cfg        Config
	clock      machine.Clock
	entries    map[Key]*entry
	timers     machine.Timers[Key]
	out        machine.Queue[Output]
	times      map[int]times
	waiting    int // packets
	unresolved int // entries in state Incomplete
	uses       uint64
	counters   Counters
}

// times are an interface's own.
type times struct{ reachable, retrans time.Duration }

// Configure sets the mean reachable time and the retransmission time of an
// interface's neighbours, as a router advertises them (RFC 4861 section
// 6.3.4); 0 leaves what there is.
func (t *Table) Configure(now machine.Time, ifIndex int, reachable, retrans time.Duration) {
	t.clock.At(now)
	v := t.timesOf(ifIndex)
	if reachable > 0 {
		v.reachable = reachable
	}
	if retrans > 0 {
		v.retrans = retrans
	}
	if t.times == nil {
		t.times = make(map[int]times)
	}
	t.times[ifIndex] = v
}

func (t *Table) timesOf(ifIndex int) times {
	if v, ok := t.times[ifIndex]; ok {
		return v
	}
	return times{t.cfg.ReachableTime, t.cfg.RetransTime}
}

// New returns an empty table.
func New(cfg Config) *Table {
	setDefault(&cfg.MaxEntries, DefaultMaxEntries)
	setDefault(&cfg.MaxQueue, DefaultMaxQueue)
	setDefault(&cfg.MaxWaiting, DefaultMaxWaiting)
	setDefault(&cfg.ReachableTime, DefaultReachableTime)
	setDefault(&cfg.RetransTime, DefaultRetransTime)
	setDefault(&cfg.DelayTime, DefaultDelayTime)
	setDefault(&cfg.Tries, DefaultTries)
	return &Table{cfg: cfg, entries: make(map[Key]*entry)}
}

func setDefault[T int | time.Duration](p *T, d T) {
	if *p <= 0 {
		*p = d
	}
}

// Resolve returns the Ethernet address to which p may be sent now. Where none
// is known, p waits (its bytes are copied) and comes back as an output of kind
// KindRelease or KindFail, or was dropped and counted.
func (t *Table) Resolve(now machine.Time, key Key, p Packet) (inet.MAC, bool) {
	now = t.clock.At(now)
	e := t.entries[key]
	if e == nil {
		if t.unresolved < max(t.cfg.MaxEntries/2, 1) {
			e = t.add(key)
		}
		if e == nil {
			t.counters.TableFull++
			return inet.MAC{}, false
		}
	}
	t.uses++
	e.used = t.uses
	if e.state == Reachable && now >= e.until {
		t.fire(now, e, EventExpired, inet.MAC{})
	}
	if e.state == Reachable {
		return e.mac, true
	}
	act := t.fire(now, e, EventSend, inet.MAC{})
	if act&ActQueue != 0 {
		t.enqueue(e, p)
	}
	return e.mac, act&ActTransmit != 0
}

// Advertisement is what an ARP reply or a Neighbor Advertisement says.
type Advertisement struct {
	MAC       inet.MAC
	HasMAC    bool // ARP: always
	Solicited bool // it answers a question of ours
	Override  bool // ARP: always
}

// HandleAdvertisement takes in an ARP reply or a Neighbor Advertisement (RFC
// 4861 section 7.2.5). It never makes an entry.
func (t *Table) HandleAdvertisement(now machine.Time, key Key, a Advertisement) {
	now = t.clock.At(now)
	e := t.entries[key]
	if e == nil {
		t.counters.UnsolicitedOnly++
		return
	}
	if !a.HasMAC {
		if e.state == Incomplete {
			return
		}
		a.MAC = inet.MAC{}
	}
	t.fire(now, e, classify(e, a), a.MAC)
}

// classify names the event that a is for e.
func classify(e *entry, a Advertisement) Event {
	known := e.state != Incomplete
	switch {
	case known && a.HasMAC && a.MAC != e.mac && !a.Override:
		return EventContradicted
	case a.Solicited:
		return EventConfirmed
	case !a.HasMAC || known && a.MAC == e.mac:
		return EventRepeated
	}
	return EventChanged
}

// HandleSolicitation takes in the address of a neighbour that asked for one of
// ours (RFC 826; RFC 4861 section 7.2.3). It may make an entry.
func (t *Table) HandleSolicitation(now machine.Time, key Key, mac inet.MAC) {
	now = t.clock.At(now)
	e := t.entries[key]
	if e == nil {
		if e = t.add(key); e == nil {
			t.counters.LearnRefused++
			return
		}
	}
	ev := EventChanged
	if e.state > Incomplete && e.mac == mac {
		ev = EventRepeated
	}
	t.fire(now, e, ev, mac)
}

// HandleFlush forgets the neighbours on an interface. What waited comes back
// as KindFail.
func (t *Table) HandleFlush(now machine.Time, ifIndex int) {
	now = t.clock.At(now)
	for _, key := range t.keys(ifIndex) {
		t.fire(now, t.entries[key], EventFlushed, inet.MAC{})
	}
}

// Advance fires the timers that are due. Early and stale calls do nothing.
func (t *Table) Advance(now machine.Time) {
	now = t.clock.At(now)
	for {
		key, _, ok := t.timers.Pop(now)
		if !ok {
			return
		}
		e := t.entries[key]
		ev := EventTimeout
		if e.state != Delay && e.tries >= t.cfg.Tries {
			ev = EventExhausted
		}
		t.fire(now, e, ev, inet.MAC{})
	}
}

// Deadline returns when Advance has something to do.
func (t *Table) Deadline() (machine.Time, bool) { return t.timers.Next() }

// Next returns the oldest output, valid until the next call.
func (t *Table) Next() (*Output, bool) { return t.out.Pop() }

// Quiet reports whether no neighbour is being asked and no output is left.
// Addresses that are merely remembered are quiet.
func (t *Table) Quiet() bool { return t.timers.Len() == 0 && t.out.Len() == 0 && t.waiting == 0 }

// Counters returns a copy of the counters.
func (t *Table) Counters() Counters { return t.counters }

// Len returns how many neighbours the table holds.
func (t *Table) Len() int { return len(t.entries) }

// Waiting returns how many packets wait.
func (t *Table) Waiting() int { return t.waiting }
