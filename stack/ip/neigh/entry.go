package neigh

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire/inet"
)

// fire puts e through Step and does what it asks for. It is the only place
// where an entry's state changes.
func (t *Table) fire(now machine.Time, e *entry, ev Event, mac inet.MAC) Action {
	from := e.state
	to, act, reason := Step(from, ev)
	e.state = to
	t.unresolved += isIncomplete(to) - isIncomplete(from)
	if t.cfg.Trace != nil && (from != to || act&^ActTransmit != 0) {
		t.cfg.Trace(machine.Transition{At: now, Machine: "ip/neigh", Subject: fmt.Sprintf("%d/%v", e.key.If, e.key.Addr),
			From: from.String(), Event: ev.String(), To: to.String(), Reason: reason, Cause: causeOf(from, act)})
	}
	t.count(from, to, ev, e, mac)
	if act&ActLearn != 0 && mac != (inet.MAC{}) {
		e.mac = mac
	}
	if act&ActReachable != 0 {
		e.until = now.Add(t.reachableTime(e.key.If))
	}
	if act&ActStop != 0 {
		t.timers.Stop(e.key)
		e.tries = 0
	}
	t.solicit(now, e, from, act)
	switch {
	case act&ActRelease != 0:
		t.drain(e, KindRelease)
	case act&ActFail != 0:
		t.drain(e, KindFail)
	}
	switch {
	case to == None:
		t.timers.Stop(e.key)
		delete(t.entries, e.key)
		if ev == EventExhausted {
			t.out.Push(Output{Kind: KindLost, Key: e.key})
		}
	case from <= Incomplete && to > Incomplete:
		t.out.Push(Output{Kind: KindFound, Key: e.key, MAC: e.mac})
	}
	return act
}

func isIncomplete(s State) int {
	if s == Incomplete {
		return 1
	}
	return 0
}

func causeOf(from State, act Action) machine.Cause {
	switch {
	case act&ActProbe != 0:
		return CauseProbe
	case act&ActSolicit != 0 && from == Incomplete:
		return CauseRetry
	case act&ActSolicit != 0:
		return CauseSolicit
	}
	return ""
}

func (t *Table) count(from, to State, ev Event, e *entry, mac inet.MAC) {
	c := &t.counters
	switch {
	case ev == EventContradicted:
		c.Contradictions++
	case ev == EventExhausted && to == None:
		c.Failures++
	case to == Reachable && from != Reachable:
		c.Answers++
	}
	if from > Incomplete && (ev == EventChanged || ev == EventConfirmed) && mac != (inet.MAC{}) && mac != e.mac {
		c.AddressChanged++
	}
}

func (t *Table) solicit(now machine.Time, e *entry, from State, act Action) {
	if act&(ActSolicit|ActProbe) != 0 {
		if from != to(act) {
			e.tries = 0
		}
		e.tries++
		out := Output{Kind: KindSolicit, Key: e.key, Cause: causeOf(from, act)}
		if act&ActProbe != 0 {
			out.MAC = e.mac
			t.counters.Probes++
		} else {
			t.counters.Solicits++
		}
		t.out.Push(out)
	}
	switch {
	case act&ActRetrans != 0:
		t.timers.Set(e.key, now.Add(t.timesOf(e.key.If).retrans))
	case act&ActDelay != 0:
		t.timers.Set(e.key, now.Add(t.cfg.DelayTime))
	}
}

// to returns the state in which the solicitation of act is repeated.
func to(act Action) State {
	if act&ActProbe != 0 {
		return Probe
	}
	return Incomplete
}

// reachableTime draws a reachable time of 0.5 to 1.5 times the mean (RFC 4861
// section 6.3.2).
func (t *Table) reachableTime(ifIndex int) time.Duration {
	mean := t.timesOf(ifIndex).reachable
	if t.cfg.Rand == nil {
		return mean
	}
	return mean/2 + time.Duration(t.cfg.Rand.Int64N(int64(mean)+1))
}

// enqueue lets a copy of p wait for e. Where e's queue is full, its oldest
// packet gives way (RFC 4861 section 7.2.2).
func (t *Table) enqueue(e *entry, p Packet) {
	if len(e.waiting) >= t.cfg.MaxQueue {
		t.counters.QueueFull++
		e.waiting = slices.Delete(e.waiting, 0, 1)
		t.waiting--
	}
	if t.waiting >= t.cfg.MaxWaiting {
		t.counters.WaitingFull++
		return
	}
	p.Data = slices.Clone(p.Data)
	e.waiting = append(e.waiting, p)
	t.waiting++
}

func (t *Table) drain(e *entry, kind OutputKind) {
	for _, p := range e.waiting {
		t.out.Push(Output{Kind: kind, Key: e.key, MAC: e.mac, Packet: p})
		if kind == KindFail {
			t.counters.PacketsFailed++
		}
	}
	t.waiting -= len(e.waiting)
	e.waiting = nil
}

// add makes an entry in state None, whose next event gives it another; it
// returns nil where the table is full of neighbours in use.
func (t *Table) add(key Key) *entry {
	if len(t.entries) >= t.cfg.MaxEntries && !t.evict() {
		return nil
	}
	e := &entry{key: key}
	t.entries[key] = e
	return e
}

// evict removes the least recently used entry among those without a timer:
// the Stale ones and, as their age is looked at late, the Reachable ones. Those
// that only ever asked for us go first, so that a flood of strangers does not
// drive out who is talked to.
func (t *Table) evict() bool {
	var victim *entry
	for _, e := range t.entries {
		if e.state != Stale && e.state != Reachable {
			continue
		}
		if victim == nil || e.used < victim.used || e.used == victim.used && compareKeys(e.key, victim.key) < 0 {
			victim = e
		}
	}
	if victim == nil {
		return false
	}
	t.counters.Evicted++
	t.fire(t.clock.Now(), victim, EventFlushed, inet.MAC{})
	return true
}

// keys returns the neighbours of an interface in the order of their addresses.
func (t *Table) keys(ifIndex int) []Key {
	var keys []Key
	for key := range t.entries {
		if key.If == ifIndex {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, compareKeys)
	return keys
}

func compareKeys(a, b Key) int {
	return cmp.Or(cmp.Compare(a.If, b.If), a.Addr.Compare(b.Addr))
}

// Neighbor is one entry for a reader.
type Neighbor struct {
	Key   Key
	State State
	MAC   inet.MAC // zero while Incomplete
}

// Snapshot returns up to n entries in the order of interface and address,
// those after the given key; the zero Key begins.
func (t *Table) Snapshot(after Key, n int) []Neighbor {
	keys := make([]Key, 0, len(t.entries))
	for key := range t.entries {
		if compareKeys(key, after) > 0 {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, compareKeys)
	keys = keys[:min(max(n, 0), len(keys))]
	all := make([]Neighbor, len(keys))
	for i, key := range keys {
		e := t.entries[key]
		all[i] = Neighbor{Key: key, State: e.state, MAC: e.mac}
	}
	return all
}
