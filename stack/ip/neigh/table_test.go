package neigh

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire/inet"
)

var (
	macA = inet.MAC{2, 0, 0, 0, 0, 0xa}
	macB = inet.MAC{2, 0, 0, 0, 0, 0xb}
)

func key(last byte) Key { return Key{If: 1, Addr: netip.AddrFrom4([4]byte{10, 0, 0, last})} }

// run is a table in virtual time.
type run struct {
	t   *testing.T
	now machine.Time
	*Table
}

func newRun(t *testing.T, cfg Config) *run {
	return &run{t: t, now: machine.VirtualEpoch, Table: New(cfg)}
}

// send resolves and says where the packet went.
func (r *run) send(k Key, data string) string {
	mac, ok := r.Resolve(r.now, k, Packet{Data: []byte(data), Tag: uint64(len(data))})
	if !ok {
		return "waits"
	}
	return mac.String()
}

func (r *run) pass(d time.Duration) {
	end := r.now.Add(d)
	for {
		at, ok := r.Deadline()
		if !ok || at > end {
			break
		}
		r.now = at
		r.Advance(at)
	}
	r.now = end
}

func (r *run) said() (out []string) {
	for {
		o, ok := r.Next()
		if !ok {
			return out
		}
		switch o.Kind {
		case KindSolicit:
			out = append(out, fmt.Sprintf("%s %v %v", o.Cause, o.Key.Addr, o.MAC.IsZero()))
		case KindRelease:
			out = append(out, fmt.Sprintf("release %s %v", o.Packet.Data, o.MAC))
		case KindFail:
			out = append(out, fmt.Sprintf("fail %s", o.Packet.Data))
		}
	}
}

func (r *run) want(step string, want ...string) {
	r.t.Helper()
	if got := r.said(); !slices.Equal(got, want) {
		r.t.Errorf("%s:\n\t%s\nwant\n\t%s", step, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func (r *run) state(k Key) State {
	for _, n := range r.Snapshot(Key{}, 1<<20) {
		if n.Key == k {
			return n.State
		}
	}
	return None
}

func answer(mac inet.MAC) Advertisement {
	return Advertisement{MAC: mac, HasMAC: true, Solicited: true, Override: true}
}

func TestLifeOfAnEntry(t *testing.T) {
	t.Parallel()
	r := newRun(t, Config{})
	k := key(1)
	if got := r.send(k, "one"); got != "waits" {
		t.Errorf("first packet: %s", got)
	}
	r.send(k, "two")
	r.want("asked", "ip/neigh/solicit 10.0.0.1 true")
	r.pass(1500 * time.Millisecond)
	r.want("asked again", "ip/neigh/solicit-again 10.0.0.1 true")
	r.HandleAdvertisement(r.now, k, answer(macA))
	r.want("answered", "release one "+macA.String(), "release two "+macA.String())
	if _, ok := r.Deadline(); ok || !r.Quiet() || r.Waiting() != 0 {
		t.Error("a reachable entry has a timer, or a packet waits")
	}
	if got := r.send(k, "three"); got != macA.String() || r.state(k) != Reachable {
		t.Errorf("reachable: %s, %v", got, r.state(k))
	}
	r.pass(31 * time.Second)
	r.send(k, "four")
	if r.state(k) != Delay {
		t.Errorf("after the reachable time: %v", r.state(k))
	}
	r.pass(5 * time.Second)
	r.want("probe", "ip/neigh/probe 10.0.0.1 false")
	r.HandleAdvertisement(r.now, k, Advertisement{Solicited: true})
	if r.state(k) != Reachable {
		t.Errorf("an answer without an address: %v", r.state(k))
	}
	r.pass(time.Hour)
	r.want("nothing more")
}

func TestNoAnswer(t *testing.T) {
	t.Parallel()
	r := newRun(t, Config{})
	r.send(key(1), "one")
	r.pass(2999 * time.Millisecond)
	r.want("three tries", "ip/neigh/solicit 10.0.0.1 true", "ip/neigh/solicit-again 10.0.0.1 true", "ip/neigh/solicit-again 10.0.0.1 true")
	r.pass(time.Millisecond)
	r.want("given up", "fail one")
	if r.Len() != 0 || !r.Quiet() {
		t.Error("something is left")
	}
	r.send(key(1), "two")
	r.pass(time.Minute)
	if c := r.Counters(); c.Failures != 2 || c.PacketsFailed != 2 || c.Solicits != 6 {
		t.Errorf("counters %+v", c)
	}
}

func TestNoAnswerToProbes(t *testing.T) {
	t.Parallel()
	r := newRun(t, Config{})
	r.HandleSolicitation(r.now, key(1), macA)
	if got := r.send(key(1), "one"); got != macA.String() {
		t.Errorf("stale: %s", got)
	}
	r.pass(5*time.Second + 2999*time.Millisecond)
	if c := r.Counters(); c.Probes != 3 || r.state(key(1)) != Probe {
		t.Errorf("counters %+v, state %v", c, r.state(key(1)))
	}
	if got := r.send(key(1), "two"); got != macA.String() {
		t.Errorf("while probing: %s", got)
	}
	r.pass(time.Millisecond)
	if r.Len() != 0 || r.Counters().Failures != 1 {
		t.Errorf("after the last probe: %v", r.Snapshot(Key{}, 1<<20))
	}
}

// TestAdvertisements is RFC 4861 section 7.2.5 in a table: what an
// advertisement does to an entry in each state.
func TestAdvertisements(t *testing.T) {
	t.Parallel()
	type ad = Advertisement
	prepare := map[State]func(r *run){
		None:       func(*run) {},
		Incomplete: func(r *run) { r.send(key(1), "x") },
		Reachable: func(r *run) {
			r.send(key(1), "x")
			r.HandleAdvertisement(r.now, key(1), answer(macA))
		},
		Stale: func(r *run) { r.HandleSolicitation(r.now, key(1), macA) },
		Delay: func(r *run) {
			r.HandleSolicitation(r.now, key(1), macA)
			r.send(key(1), "x")
		},
	}
	for _, c := range []struct {
		name  string
		from  State
		ad    ad
		state State
		mac   inet.MAC
	}{
		{"no entry", None, answer(macB), None, inet.MAC{}},
		{"no address", Incomplete, ad{Solicited: true, Override: true}, Incomplete, inet.MAC{}},
		{"solicited", Incomplete, ad{MAC: macB, HasMAC: true, Solicited: true}, Reachable, macB},
		{"unsolicited", Incomplete, ad{MAC: macB, HasMAC: true}, Stale, macB},
		{"contradiction", Reachable, ad{MAC: macB, HasMAC: true, Solicited: true}, Stale, macA},
		{"contradiction", Stale, ad{MAC: macB, HasMAC: true, Solicited: true}, Stale, macA},
		{"contradiction", Delay, ad{MAC: macB, HasMAC: true, Solicited: true}, Delay, macA},
		{"override", Reachable, ad{MAC: macB, HasMAC: true, Override: true}, Stale, macB},
		{"override, solicited", Stale, answer(macB), Reachable, macB},
		{"same, solicited", Delay, ad{MAC: macA, HasMAC: true, Solicited: true}, Reachable, macA},
		{"same, unsolicited", Delay, ad{MAC: macA, HasMAC: true}, Delay, macA},
		{"no address, unsolicited", Stale, ad{}, Stale, macA},
		{"no address, solicited", Stale, ad{Solicited: true}, Reachable, macA},
		{"garbage where there is no address", Stale, ad{MAC: macB, Solicited: true}, Reachable, macA},
	} {
		r := newRun(t, Config{})
		prepare[c.from](r)
		if r.state(key(1)) != c.from {
			t.Fatalf("%s: prepared %v", c.name, r.state(key(1)))
		}
		r.HandleAdvertisement(r.now, key(1), c.ad)
		if r.state(key(1)) != c.state {
			t.Errorf("%s from %v: %v, want %v", c.name, c.from, r.state(key(1)), c.state)
		}
		if s := r.Snapshot(Key{}, 1<<20); len(s) > 0 && s[0].MAC != c.mac {
			t.Errorf("%s from %v: %v, want %v", c.name, c.from, s[0].MAC, c.mac)
		}
	}
}

func TestSolicitations(t *testing.T) {
	t.Parallel()
	r := newRun(t, Config{})
	r.HandleSolicitation(r.now, key(1), macA)
	r.HandleSolicitation(r.now, key(1), macA)
	if r.state(key(1)) != Stale || r.Counters().AddressChanged != 0 {
		t.Error("a neighbour that asked is not stale, or changed")
	}
	r.HandleSolicitation(r.now, key(1), macB)
	if s := r.Snapshot(Key{}, 1<<20); s[0].MAC != macB || r.Counters().AddressChanged != 1 {
		t.Errorf("a new address: %+v", s)
	}
	r.send(key(2), "x")
	r.HandleSolicitation(r.now, key(2), macA)
	r.want("who asks is reachable enough", "ip/neigh/solicit 10.0.0.2 true", "release x "+macA.String())
}

func TestQueueLimits(t *testing.T) {
	t.Parallel()
	r := newRun(t, Config{MaxQueue: 2, MaxWaiting: 3})
	for _, d := range []string{"a", "b", "c"} {
		r.send(key(1), d)
	}
	r.send(key(2), "d")
	r.send(key(3), "e")
	r.said()
	if c := r.Counters(); c.QueueFull != 1 || c.WaitingFull != 1 || r.Waiting() != 3 {
		t.Errorf("counters %+v, %d wait", c, r.Waiting())
	}
	r.HandleAdvertisement(r.now, key(1), answer(macA))
	r.want("the newest stay", "release b "+macA.String(), "release c "+macA.String())
	r.HandleAdvertisement(r.now, key(3), answer(macA))
	r.want("a neighbour whose packet found no room")
	if r.Waiting() != 1 {
		t.Errorf("%d wait", r.Waiting())
	}
}

func TestTableLimit(t *testing.T) {
	t.Parallel()
	r := newRun(t, Config{MaxEntries: 4})
	r.HandleSolicitation(r.now, key(1), macA)
	r.HandleSolicitation(r.now, key(2), macA)
	r.send(key(2), "x") // in use, by its timer
	r.send(key(3), "x")
	r.send(key(4), "x")
	if got := r.send(key(5), "x"); got != "waits" || r.Counters().TableFull != 1 {
		t.Errorf("more than half unresolved: %s, %+v", got, r.Counters())
	}
	r.HandleSolicitation(r.now, key(6), macA) // drives out 1
	if r.state(key(1)) != None || r.state(key(6)) != Stale || r.Counters().Evicted != 1 {
		t.Errorf("table %v", r.Snapshot(Key{}, 1<<20))
	}
	r.HandleSolicitation(r.now, key(7), macA) // drives out 6
	r.send(key(7), "x")
	r.HandleSolicitation(r.now, key(8), macA)
	if r.Counters().LearnRefused != 1 || r.Len() != 4 {
		t.Errorf("all in use: %v", r.Snapshot(Key{}, 1<<20))
	}
}

// TestFloodSparesThoseTalkedTo: strangers drive out each other.
func TestFloodSparesThoseTalkedTo(t *testing.T) {
	t.Parallel()
	r := newRun(t, Config{MaxEntries: 8})
	r.send(key(1), "x")
	r.HandleAdvertisement(r.now, key(1), answer(macA))
	for i := range 100 {
		r.HandleSolicitation(r.now, key(byte(100+i)), macB)
	}
	if r.state(key(1)) != Reachable || r.Len() != 8 {
		t.Errorf("table %v", r.Snapshot(Key{}, 1<<20))
	}
}

func TestFlush(t *testing.T) {
	t.Parallel()
	r := newRun(t, Config{})
	r.send(key(2), "b")
	r.send(key(1), "a")
	other := Key{If: 2, Addr: key(1).Addr}
	r.HandleSolicitation(r.now, other, macA)
	r.HandleSolicitation(r.now, key(3), macA)
	r.said()
	r.HandleFlush(r.now, 1)
	r.want("in the order of addresses", "fail a", "fail b")
	if r.Len() != 1 || r.state(other) != Stale || !r.Quiet() {
		t.Errorf("left %v", r.Snapshot(Key{}, 1<<20))
	}
}

func TestReachableTimeIsSpread(t *testing.T) {
	t.Parallel()
	r := newRun(t, Config{Rand: rand.New(rand.NewPCG(1, 1))})
	seen := make(map[time.Duration]bool)
	for range 100 {
		d := r.reachableTime(1)
		if d < 15*time.Second || d > 45*time.Second {
			t.Fatalf("reachable for %v", d)
		}
		seen[d] = true
	}
	if len(seen) < 90 {
		t.Errorf("%d different times of 100", len(seen))
	}
}

func TestTrace(t *testing.T) {
	t.Parallel()
	var got []string
	r := newRun(t, Config{Trace: func(tr machine.Transition) { got = append(got, tr.String()) }})
	r.send(key(1), "x")
	r.HandleAdvertisement(r.now, key(1), answer(macA))
	r.send(key(1), "x")
	want := []string{
		"ip/neigh 1/10.0.0.1: NONE --Send--> INCOMPLETE (first packet)",
		"ip/neigh 1/10.0.0.1: INCOMPLETE --Confirmed--> REACHABLE (it answered)",
	}
	if !slices.Equal(got, want) {
		t.Errorf("traces %q", got)
	}
}

// TestPacketsAreCopied: what waits does not alias the caller's bytes.
func TestPacketsAreCopied(t *testing.T) {
	t.Parallel()
	r := newRun(t, Config{})
	data := []byte("good")
	r.Resolve(r.now, key(1), Packet{Data: data})
	copy(data, "evil")
	r.HandleAdvertisement(r.now, key(1), answer(macA))
	r.want("copied", "ip/neigh/solicit 10.0.0.1 true", "release good "+macA.String())
}

func ExampleTable() {
	t := New(Config{})
	now := machine.VirtualEpoch
	hop := Key{If: 1, Addr: netip.MustParseAddr("192.0.2.1")}
	if _, ok := t.Resolve(now, hop, Packet{Data: []byte("an IP packet")}); !ok {
		fmt.Println("it waits")
	}
	t.HandleAdvertisement(now, hop, Advertisement{MAC: inet.MAC{2, 0, 0, 0, 0, 1}, HasMAC: true, Solicited: true, Override: true})
	for o, ok := t.Next(); ok; o, ok = t.Next() {
		switch o.Kind {
		case KindSolicit:
			fmt.Println("who has", o.Key.Addr)
		case KindRelease:
			fmt.Printf("%s to %v\n", o.Packet.Data, o.MAC)
		}
	}
	// Output:
	// it waits
	// who has 192.0.2.1
	// an IP packet to 02:00:00:00:00:01
}
