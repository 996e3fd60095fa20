package mpj

import (
	"encoding/binary"
	"io"
	"net/netip"
	"slices"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	wire "github.com/mpstack/mpstack/wire/mpj"
)

// Endpoint is one node's end of the protocol. See the package documentation
// for its use.
type Endpoint struct {
	cfg   Config
	clock machine.Clock

	byID      map[AssocID]*assoc
	byTag     map[uint64]*assoc
	byJoin    map[joinKey]*assoc // asked ones
	byPair    map[pairKey]*assoc // those that are not leaving or over
	lastAssoc AssocID

	listeners    map[ListenerID]*listener
	byName       map[nameKey]*listener
	lastListener ListenerID

	live    int // associations that are no tombstones
	members int // of which we are the root and which stand
	leaving int // whose LEAVE waits for its answer
	graves  struct {
		first, last *assoc
		n           int
	}

	timers machine.Timers[timerKey]
	out    machine.Queue[Output]
	arena  []byte // payloads of the outputs that wait

	refusals, unknowns bucket

	in, made wire.Message // scratch: decoded, to be encoded
	counters Counters
	taken    [4][numStates][numEvents]uint64
}

// timerKey names a timer: an association's, or the tombstones'.
type timerKey struct {
	id   AssocID
	kind timerKind
}

type timerKind uint8

const (
	timerRetransmit timerKind = iota
	timerLimit
	timerHello
	timerHold
	timerGraves // the oldest tombstone's end; its id is 0
)

// New returns an endpoint without listeners and associations. Config's Rand
// and Entropy must be set.
func New(cfg Config) *Endpoint {
	setDefault(&cfg.MaxAssociations, DefaultAssociations)
	setDefault(&cfg.MaxTombstones, DefaultTombstones)
	setDefault(&cfg.MaxListeners, DefaultListeners)
	setDefault(&cfg.RefusalRate, DefaultRefusalRate)
	setDefault(&cfg.UnknownRate, DefaultUnknownRate)
	return &Endpoint{
		cfg:       cfg,
		byID:      make(map[AssocID]*assoc),
		byTag:     make(map[uint64]*assoc),
		byJoin:    make(map[joinKey]*assoc),
		byPair:    make(map[pairKey]*assoc),
		listeners: make(map[ListenerID]*listener),
		byName:    make(map[nameKey]*listener),
		refusals:  newBucket(cfg.RefusalRate),
		unknowns:  newBucket(cfg.UnknownRate),
	}
}

func setDefault(v *int, d int) {
	if *v <= 0 {
		*v = d
	}
}

// begin starts a call: it fixes the instant and gives the payloads' memory
// back where the outputs were taken.
func (e *Endpoint) begin(now machine.Time) machine.Time {
	if e.out.Len() == 0 {
		e.arena = e.arena[:0]
	}
	return e.clock.At(now)
}

// Next removes the oldest output. It is valid until the next call.
func (e *Endpoint) Next() (*Output, bool) { return e.out.Pop() }

// Deadline returns when to call Advance next. Calling it earlier or later does
// no harm but what lateness does.
func (e *Endpoint) Deadline() (machine.Time, bool) { return e.timers.Next() }

// Quiet reports that nothing is left: no listener, association, tombstone,
// timer or output.
func (e *Endpoint) Quiet() bool {
	return len(e.byID) == 0 && len(e.listeners) == 0 && e.timers.Len() == 0 && e.out.Len() == 0
}

// Leaving reports whether a LEAVE still waits for its answer: the owner may
// want to go on until it does not.
func (e *Endpoint) Leaving() bool { return e.leaving > 0 }

// Advance fires what is due at now.
func (e *Endpoint) Advance(now machine.Time) {
	now = e.begin(now)
	for {
		key, _, ok := e.timers.Pop(now)
		if !ok {
			return
		}
		if key.kind == timerGraves {
			e.expire(now)
		} else if a := e.byID[key.id]; a != nil {
			e.fire(a, key.kind, now)
		}
	}
}

// fire turns an association's timer into an event.
func (e *Endpoint) fire(a *assoc, kind timerKind, now machine.Time) {
	switch kind {
	case timerRetransmit:
		if a.state == stateLeaving && a.tries >= leaveTries {
			e.step(a, evLimit, input{})
			return
		}
		e.step(a, evRetransmit, input{})
	case timerLimit:
		e.step(a, evLimit, input{})
	case timerHello:
		e.step(a, evHello, input{})
	case timerHold:
		if end := a.heard.Add(a.hold); end > now {
			e.timers.Set(timerKey{a.id, timerHold}, end)
			return
		}
		e.step(a, evHold, input{})
	}
}

// expire forgets the tombstones whose time is over.
func (e *Endpoint) expire(now machine.Time) {
	for a := e.graves.first; a != nil && a.buried <= now; a = e.graves.first {
		e.step(a, evExpire, input{})
	}
	if a := e.graves.first; a != nil {
		e.timers.Set(timerKey{0, timerGraves}, a.buried)
	}
}

// HandleAddressGone ends the associations that use an address of ours that
// went away; an invalid addr means that the whole interface did. ifIndex 0
// means any interface.
func (e *Endpoint) HandleAddressGone(now machine.Time, addr netip.Addr, ifIndex int) {
	e.begin(now)
	addr = addr.WithZone("")
	e.each(evAddressGone, input{}, func(a *assoc) bool {
		return (!addr.IsValid() || a.src.Addr() == addr) &&
			(ifIndex == 0 || a.ifIndex == 0 || a.ifIndex == ifIndex)
	})
}

// HandleUnreachable takes an ICMP error about a datagram of ours. It ends
// pending joins to that destination: WSAECONNREFUSED for a port, WSAENETUNREACH
// for a host or net. Standing associations rely on their hold time.
func (e *Endpoint) HandleUnreachable(now machine.Time, u Unreachable) {
	e.begin(now)
	if u.Reason == PacketTooBig {
		e.drop(DropTooBig)
		return
	}
	hit := e.each(evUnreachable, input{wsa: u.Reason.errno()}, func(a *assoc) bool {
		return a.asker && a.state < stateMember && a.src == u.Src && a.dst == u.Dst
	})
	if hit == 0 {
		e.drop(DropUnreachable)
	}
}

// each steps every association that match selects, in the order of their ids,
// tombstones left out, and returns how many there were.
func (e *Endpoint) each(ev event, in input, match func(a *assoc) bool) int {
	var ids []AssocID
	for id, a := range e.byID {
		if !a.state.over() && match(a) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	for _, id := range ids {
		if a := e.byID[id]; a != nil {
			e.step(a, ev, in)
		}
	}
	return len(ids)
}

// newTag draws a tag that is not 0 and not in use.
func (e *Endpoint) newTag() (uint64, bool) {
	if e.cfg.Entropy == nil || e.cfg.Rand == nil {
		return 0, false
	}
	for range 8 {
		var b [8]byte
		if _, err := io.ReadFull(e.cfg.Entropy, b[:]); err != nil {
			return 0, false
		}
		tag := binary.BigEndian.Uint64(b[:])
		if tag != 0 && e.byTag[tag] == nil {
			return tag, true
		}
	}
	return 0, false
}

// add makes a complete and enters it in the tables.
func (e *Endpoint) add(a *assoc) {
	e.lastAssoc++
	a.id = e.lastAssoc
	e.byID[a.id] = a
	e.byTag[a.tag] = a
	e.byPair[a.pairKey(a.asker)] = a
	if !a.asker {
		e.byJoin[a.joinKey()] = a
	}
	e.live++
}

// release frees the pair of names and what only the handshake needed, and
// stops the timers. The answer to JOIN stays.
func (e *Endpoint) release(a *assoc) {
	a.pending = nil
	if key := a.pairKey(a.asker); e.byPair[key] == a {
		delete(e.byPair, key)
	}
	for _, kind := range [...]timerKind{timerRetransmit, timerLimit, timerHello, timerHold} {
		e.timers.Stop(timerKey{a.id, kind})
	}
}

// bury releases a and keeps its tombstone.
func (e *Endpoint) bury(a *assoc) {
	e.release(a)
	e.live--
	a.buried = e.clock.Now().Add(TombstoneLife)
	if e.graves.last == nil {
		e.graves.first = a
		e.timers.Set(timerKey{0, timerGraves}, a.buried)
	} else {
		e.graves.last.next = a
	}
	e.graves.last = a
	e.graves.n++
	if e.graves.n > e.cfg.MaxTombstones {
		e.drop(DropTombstone)
		e.step(e.graves.first, evExpire, input{})
	}
}

// forget removes the oldest tombstone, which a is.
func (e *Endpoint) forget(a *assoc) {
	e.graves.first = a.next
	if a.next == nil {
		e.graves.last = nil
		e.timers.Stop(timerKey{0, timerGraves})
	}
	e.graves.n--
	delete(e.byID, a.id)
	delete(e.byTag, a.tag)
	if !a.asker {
		delete(e.byJoin, a.joinKey())
	}
}

func (e *Endpoint) drop(d Drop) { e.counters.Dropped[d]++ }

// helloInterval returns the interval that a root asks for: its least, but so
// long that all leaves together stay below their rate.
func (e *Endpoint) helloInterval(least time.Duration) time.Duration {
	if least <= 0 {
		least = HelloInterval
	}
	return max(least, minHello, time.Duration(e.members)*HelloPerLeaf)
}

// holdOf returns the hold time that goes with an interval: 3.5 of them.
func holdOf(interval time.Duration) time.Duration { return interval * 7 / 2 }
