package stack

import (
	"cmp"
	"slices"

	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/node"
)

// drops counts what the socket layer itself lost or refused to show.
type drops struct {
	source uint64 // data from somebody whom the socket must not hear
	group  uint64 // data to a group that the socket did not join
	full   uint64 // data that found no room in its socket
	join   uint64 // messages of the join protocol that could not be sent
	rsvp   uint64 // messages of RSVP that could not be sent
}

// Counter is one counter: "layer/name" and its value.
type Counter struct {
	Name  string
	Value uint64
}

// Counters returns the stack's nonzero counters by name, sorted: "ip/…",
// "mpj/…", "rsvp/…" of the machines, "data/…" of the sockets, "port/…" of the
// links.
func (st *Stack) Counters() []Counter {
	st.drv.Lock()
	defer st.drv.Unlock()
	var all []Counter
	add := func(name string, value uint64) {
		if value != 0 {
			all = append(all, Counter{name, value})
		}
	}
	ip := st.ip.Counters()
	for _, c := range ip.Table() {
		add("ip/"+c.Name, c.Value)
	}
	for _, c := range st.ip.MembershipDrops() {
		add("ip/"+c.Name, c.Value)
	}
	mpj := st.mpj.Counters()
	mpj.Each(func(name string, value uint64) { add("mpj/"+name, value) })
	addRSVP(st.node.Counters(), add)
	add("data/drop/source", st.drops.source)
	add("data/drop/group", st.drops.group)
	add("data/drop/full", st.drops.full)
	add("mpj/unsent", st.drops.join)
	add("rsvp/unsent", st.drops.rsvp)
	for _, p := range st.ports {
		add("port/lost/"+p.name, p.Lost())
	}
	slices.SortFunc(all, func(a, b Counter) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

func addRSVP(c node.Counters, add func(string, uint64)) {
	for t := range c.Received {
		add("rsvp/received/"+rsvp.MessageType(t).String(), c.Received[t])
		add("rsvp/sent/"+rsvp.MessageType(t).String(), c.Sent[t])
	}
	for _, d := range node.Drops() {
		add("rsvp/drop/"+d.String(), c.Drops[d])
	}
	add("rsvp/forwarded", c.Forwarded)
	add("rsvp/refused", c.Refused)
	add("rsvp/path-expired", c.PathExpired)
	add("rsvp/resv-expired", c.ResvExpired)
}
