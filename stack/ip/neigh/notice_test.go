package neigh

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// notices drains the table and lists what it tells of neighbours.
func (r *run) notices() (out []string) {
	for {
		o, ok := r.Next()
		if !ok {
			return out
		}
		switch o.Kind {
		case KindFound:
			out = append(out, fmt.Sprintf("found %v %v", o.Key.Addr, o.MAC))
		case KindLost:
			out = append(out, fmt.Sprintf("lost %v", o.Key.Addr))
		case KindFail:
			out = append(out, "fail "+string(o.Packet.Data))
		}
	}
}

// TestFoundAndLost: told once when an address is known, and when a neighbour
// does not answer; not when the link goes down, whose routes do not count, or
// when an entry gives way to another.
func TestFoundAndLost(t *testing.T) {
	t.Parallel()
	want := func(r *run, step string, list ...string) {
		t.Helper()
		if got := r.notices(); !slices.Equal(got, list) {
			t.Errorf("%s: %q, want %q", step, got, list)
		}
	}
	r := newRun(t, Config{MaxEntries: 2})
	r.send(key(1), "one")
	want(r, "asked")
	r.HandleAdvertisement(r.now, key(1), answer(macA))
	want(r, "answered", "found 10.0.0.1 "+macA.String())
	r.HandleAdvertisement(r.now, key(1), answer(macA))
	r.HandleAdvertisement(r.now, key(1), answer(macB))
	want(r, "answered again")
	r.HandleSolicitation(r.now, key(2), macB)
	want(r, "it asked", "found 10.0.0.2 "+macB.String())
	r.pass(time.Minute)
	r.send(key(1), "two")
	r.pass(time.Minute)
	want(r, "no answer to the probes", "lost 10.0.0.1")
	r.send(key(3), "three")
	r.pass(time.Minute)
	want(r, "no answer", "fail three", "lost 10.0.0.3")
	r.HandleSolicitation(r.now, key(4), macA)
	want(r, "another", "found 10.0.0.4 "+macA.String())
	r.HandleSolicitation(r.now, key(5), macA) // one gives way
	want(r, "one gives way", "found 10.0.0.5 "+macA.String())
	r.HandleFlush(r.now, 1)
	want(r, "the link is down")
}

// TestConfigure: an interface's own times, of its neighbours alone.
func TestConfigure(t *testing.T) {
	t.Parallel()
	r := newRun(t, Config{})
	other := Key{If: 2, Addr: key(1).Addr}
	r.Configure(r.now, 2, 4*time.Second, 100*time.Millisecond)
	start := r.now
	r.send(key(1), "x")
	r.send(other, "x")
	r.said()
	r.pass(150 * time.Millisecond)
	r.want("asked again", "ip/neigh/solicit-again 10.0.0.1 true")
	if at, ok := r.Deadline(); !ok || at != start.Add(200*time.Millisecond) {
		t.Errorf("next at %v", at)
	}
	r.HandleAdvertisement(r.now, key(1), answer(macA))
	r.HandleAdvertisement(r.now, other, answer(macA))
	r.pass(5 * time.Second)
	r.send(key(1), "y")
	r.send(other, "y")
	if r.state(key(1)) != Reachable || r.state(other) != Delay {
		t.Errorf("%v and %v", r.state(key(1)), r.state(other))
	}
	r.Configure(r.now, 2, 0, 0) // nothing new
	if got := r.timesOf(2); got != (times{4 * time.Second, 100 * time.Millisecond}) {
		t.Errorf("%+v", got)
	}
	if got := r.timesOf(1); got != (times{DefaultReachableTime, DefaultRetransTime}) {
		t.Errorf("%+v", got)
	}
}

// TestSnapshotPages: pages of any size make up the table, in order.
func TestSnapshotPages(t *testing.T) {
	t.Parallel()
	r := newRun(t, Config{})
	for i := range byte(10) {
		r.HandleSolicitation(r.now, Key{If: 1 + int(i)%2, Addr: netip.AddrFrom4([4]byte{10, 0, 0, 200 - i})}, macA)
	}
	all := r.Snapshot(Key{}, 100)
	for size := 1; size <= 11; size++ {
		var got []Neighbor
		for after := (Key{}); ; {
			page := r.Snapshot(after, size)
			if len(page) == 0 {
				break
			}
			got = append(got, page...)
			after = page[len(page)-1].Key
		}
		if !slices.Equal(got, all) || len(got) != 10 {
			t.Errorf("pages of %d: %v", size, got)
		}
	}
	if !slices.IsSortedFunc(all, func(a, b Neighbor) int { return compareKeys(a.Key, b.Key) }) {
		t.Errorf("%v", all)
	}
	if got := r.Snapshot(Key{}, -1); len(got) != 0 {
		t.Errorf("%v", got)
	}
}
