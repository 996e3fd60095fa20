package node

import (
	"net/netip"
	"slices"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/intserv"
)

// SessionInfo is a copy of one session's state.
type SessionInfo struct {
	Session      rsvp.Session
	Style        rsvp.Style // 0 without reservations
	Local        int        // registrations of applications
	Paths        []PathInfo
	Reservations []ResvInfo
	Installed    []InstalledInfo
}

// PathInfo is a copy of a path state block.
type PathInfo struct {
	Sender  rsvp.FilterSpec
	Local   bool     // a sender of this node
	InIf    int      // 0 for a local sender
	PHop    rsvp.Hop // zero for a local sender
	OutIfs  []int
	TSpec   intserv.TSpec // zero where the sender offers the Null service alone
	Null    rsvp.NullTSpec
	HasAd   bool
	AdSpec  intserv.AdSpec // as received
	NonRSVP bool
	Expires machine.Time     // 0: never
	Asked   intserv.FlowSpec // what the previous hop was last asked for; zero: nothing
}

// ResvInfo is a copy of a reservation state block.
type ResvInfo struct {
	Local   bool // asked for by an application here
	If      int  // outgoing interface; of a local receiver the incoming one, 0 for any
	NHop    netip.Addr
	Filters []rsvp.FilterSpec
	Flow    intserv.FlowSpec
	Expires machine.Time // 0: never
}

// InstalledInfo is a copy of a traffic control state block.
type InstalledInfo struct {
	If      int // outgoing interface; 0 or less: local receivers, no traffic control
	Filters []rsvp.FilterSpec
	Flow    intserv.FlowSpec // in place; zero while traffic control has not answered
	Rate    uint64           // bytes per second that count against the share
	Police  PoliceFlags
	Pending bool
}

// Snapshot returns up to limit sessions in order of destination, protocol and
// port, those after the given one; the zero Session begins.
func (n *Node) Snapshot(after rsvp.Session, limit int) []SessionInfo {
	keys := n.sortedKeys()
	from := 0
	if after.Dst.IsValid() {
		i, found := slices.BinarySearchFunc(keys, after.Key(), compareSessions)
		if from = i; found {
			from++
		}
	}
	keys = keys[from:]
	list := make([]SessionInfo, 0, min(max(limit, 0), len(keys)))
	for _, k := range keys[:cap(list)] {
		list = append(list, n.info(n.sessions[k]))
	}
	return list
}

func (n *Node) info(s *session) SessionInfo {
	i := SessionInfo{Session: s.key, Style: s.style, Local: len(s.apps)}
	for _, p := range s.psbs {
		x := PathInfo{
			Sender: p.sender, Local: p.app != 0, InIf: p.inIf, OutIfs: slices.Clone(p.out), TSpec: p.tspec, Null: p.null,
			HasAd: p.hasAd, AdSpec: p.adspec, NonRSVP: p.nonRSVP, Asked: p.sent,
		}
		if p.hop != nil {
			x.PHop = p.hop.hop
		}
		x.Expires, _ = n.timers.At(timer{timerPathCleanup, p.id})
		i.Paths = append(i.Paths, x)
	}
	for _, r := range s.rsbs {
		x := ResvInfo{Local: r.app != 0, If: max(r.oi, -r.oi), NHop: r.nhop, Filters: r.descriptor().Filters, Flow: r.flow}
		x.Expires, _ = n.timers.At(timer{timerResvCleanup, r.id})
		i.Reservations = append(i.Reservations, x)
	}
	for _, t := range s.tcsbs {
		i.Installed = append(i.Installed, InstalledInfo{
			If: t.oi, Filters: slices.Clone(t.have.filters), Flow: t.have.flow, Rate: t.counted, Police: t.have.police, Pending: t.pending,
		})
	}
	return i
}

// Reserved returns the bytes per second that are admitted on an interface and
// the limit; a limit of math.MaxUint64 is none.
func (n *Node) Reserved(ifIndex int) (used, limit uint64) {
	f := n.iface(ifIndex)
	return f.used, f.reservable()
}
