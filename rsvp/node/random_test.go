package node_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/intserv"
	"github.com/mpstack/mpstack/rsvp/node"
	"github.com/mpstack/mpstack/rsvp/node/nodetest"
)

// tree is two routers in a row: senders X and Y and receivers on a LAN behind
// the first, receivers on a LAN and one alone behind the second, and Z, which
// sends and receives.
type tree struct {
	*nodetest.Net
	senders   []*app
	sources   []string
	receivers []*app
	asks      []ask // what each receiver asks for now
	style     rsvp.Style
}

// ask is a receiver's reservation: a flowspec and whether each source is
// selected.
type ask struct {
	rate    float32
	sources [3]bool
}

func newTree(t *testing.T, seed uint64, style rsvp.Style) *tree {
	return newTreeOf(t, seed, style, nil)
}

// newTreeOf makes a tree whose hosts are configured by change.
func newTreeOf(t *testing.T, seed uint64, style rsvp.Style, change func(*node.Config)) *tree {
	n := nodetest.New(seed)
	x := &tree{Net: n, style: style}
	r1, r2 := n.Host("R1", nodetest.Router, change), n.Host("R2", nodetest.Router, change)
	nets := []*nodetest.Segment{n.Segment(), n.Segment(), n.Segment(), n.Segment()}
	r1.Attach(nets[0], "10.0.0.254")
	r1.Attach(nets[1], "10.0.1.254")
	r2.Attach(nets[1], "10.0.1.253")
	r2.Attach(nets[2], "10.0.2.254")
	r2.Attach(nets[3], "10.0.3.254")
	host := func(i int, ip string) *app {
		h := n.Host(fmt.Sprintf("H%s", ip[5:]), nodetest.EndHost, change)
		h.Attach(nets[i], ip)
		h.Join(1, port(group).Addr())
		return register(t, h, group)
	}
	z := host(3, "10.0.3.9")
	x.senders = []*app{host(0, "10.0.0.1"), host(1, "10.0.1.1"), z}
	x.sources = []string{"10.0.0.1:1", "10.0.1.1:2", "10.0.3.9:3"}
	x.receivers = []*app{host(0, "10.0.0.2"), host(0, "10.0.0.3"), host(2, "10.0.2.1"), host(2, "10.0.2.2"), z}
	x.asks = make([]ask, len(x.receivers))
	return x
}

// step makes one random call.
func (x *tree) step(r *rand.Rand) {
	if i := r.IntN(len(x.senders) + 2*len(x.receivers)); i < len(x.senders) {
		if r.IntN(3) == 0 {
			x.senders[i].h.Do(func(now machine.Time, n *node.Node) { n.ReleaseSender(now, x.senders[i].id, port(x.sources[i])) })
		} else {
			x.senders[i].sender(x.sources[i], 1000*float32(1+r.IntN(3)))
		}
		return
	}
	i := r.IntN(len(x.receivers))
	if r.IntN(4) == 0 {
		x.asks[i] = ask{}
		x.receivers[i].unreserve()
		return
	}
	a := ask{rate: 1000 * float32(1+r.IntN(5))}
	var filters []string
	for j := range a.sources {
		if r.IntN(2) == 0 || x.style.Wildcard() {
			a.sources[j], filters = true, append(filters, x.sources[j])
		}
	}
	if len(filters) == 0 {
		return
	}
	x.asks[i] = a
	x.receivers[i].reserve(x.style, x.flows(a, filters)...)
}

func (x *tree) flows(a ask, filters []string) (list []node.FlowDescriptor) {
	switch {
	case x.style.Wildcard():
		return []node.FlowDescriptor{flow(load(a.rate), "")}
	case x.style.Shared():
		return []node.FlowDescriptor{flow(load(a.rate), strings.Join(filters, " "))}
	}
	for _, f := range filters {
		list = append(list, flow(load(a.rate), f))
	}
	return list
}

// settle lets the network come to rest: every sender sends, nothing is lost, and
// what was not refreshed expires.
func (x *tree) settle() {
	x.Lose = nil
	for i, a := range x.senders {
		a.sender(x.sources[i], 2000)
	}
	x.RunFor(6 * time.Minute)
}

// want returns what is to be reserved for a source at its own host: the least
// upper bound of the receivers that select it, its own host's apart. That holds
// for FF and WF; what SE merges on the way depends on the topology.
func (x *tree) want(source int) (f intserv.FlowSpec) {
	for i, a := range x.asks {
		if a.rate == 0 || !a.sources[source] || x.receivers[i].h == x.senders[source].h {
			continue
		}
		f, _ = intserv.LUB(f, load(a.rate))
	}
	return f
}

func (x *tree) check(t *testing.T, seed uint64) {
	t.Helper()
	for i, a := range x.senders {
		var got intserv.FlowSpec
		for _, in := range a.h.Node.Snapshot(rsvp.Session{}, 1)[0].Installed {
			if in.If == 1 && (x.style.Wildcard() || slices.Contains(in.Filters, rsvp.NewFilterSpec(port(x.sources[i])))) {
				got = in.Flow
			}
		}
		want := x.want(i)
		if x.style == rsvp.SE && got.IsZero() == want.IsZero() && got.TSpec.AtLeast(want.TSpec) {
			continue
		}
		if got != want {
			t.Errorf("seed %d, %v, sender %s: %v, want %v (asked: %+v)", seed, x.style, x.sources[i], got, want, x.asks)
		}
	}
}

// run makes random calls under loss, then settles, checks, releases and waits
// until nothing is left. It returns the log.
func (x *tree) run(t *testing.T, seed uint64) []nodetest.Sent {
	t.Helper()
	r := machine.Rand(seed, "test", "calls")
	loss := r.IntN(3) * 20
	x.Lose = func(nodetest.Sent) bool { return r.IntN(100) < loss }
	for range 25 {
		x.step(r)
		x.RunFor(time.Duration(r.IntN(40_000)) * time.Millisecond)
	}
	x.settle()
	x.check(t, seed)
	log := x.Log
	for _, i := range r.Perm(len(x.receivers) - 1) {
		x.receivers[i].release()
	}
	for _, a := range x.senders {
		a.release()
	}
	x.RunFor(5 * time.Second) // for acknowledgments that do not come
	if !x.Quiet() {
		for _, h := range x.Hosts {
			t.Errorf("seed %d, %v: %s: %+v", seed, x.style, h.Name, h.Node.Snapshot(rsvp.Session{}, 1))
		}
	}
	return log
}

// TestConvergence: random calls in random order under loss always end in the
// reservations that the requests merge to, and in nothing after all tears.
func TestConvergence(t *testing.T) {
	for _, style := range []rsvp.Style{rsvp.FF, rsvp.WF, rsvp.SE} {
		for seed := range uint64(60) {
			newTree(t, seed, style).run(t, seed)
			if t.Failed() {
				return
			}
		}
	}
}

// TestDeterminism: the same calls and seed send the same bytes at the same time;
// another seed does not.
func TestDeterminism(t *testing.T) {
	var logs [3][]nodetest.Sent
	for i, seed := range []uint64{11, 11, 12} {
		logs[i] = newTree(t, seed, rsvp.FF).run(t, seed)
	}
	same := func(a, b nodetest.Sent) bool {
		return a.At == b.At && a.From == b.From && a.Dst == b.Dst && string(a.Payload) == string(b.Payload) && a.Cause == b.Cause
	}
	if !slices.EqualFunc(logs[0], logs[1], same) {
		t.Error("two runs differ")
	}
	if slices.EqualFunc(logs[0], logs[2], same) {
		t.Error("two seeds do not differ")
	}
}
