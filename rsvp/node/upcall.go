package node

import (
	"slices"

	"github.com/mpstack/mpstack/rsvp"
)

func (n *Node) upcall(u Upcall) { n.out.Push(Output{Kind: KindUpcall, Upcall: u}) }

// pathEvent tells the session's applications of a sender on the network (RFC
// 2205 section 3.11.1). Our own senders are not reported.
func (n *Node) pathEvent(p *psb) {
	if p.app != 0 {
		return
	}
	for _, id := range p.s.apps {
		n.pathEventTo(id, p)
	}
}

func (n *Node) pathEventTo(id SessionID, p *psb) {
	n.upcall(Upcall{
		Session: id, Kind: PathEvent, InIf: p.inIf, Sender: p.sender.AddrPort(),
		TSpec: p.tspec, Null: p.null, HasAdSpec: p.hasAd, AdSpec: p.adspec,
	})
}

// pathGone tells the session's applications that a sender is gone.
func (n *Node) pathGone(p *psb) {
	left := 0
	for _, q := range p.s.psbs {
		if q != p && q.app == 0 {
			left++
		}
	}
	for _, id := range p.s.apps {
		n.upcall(Upcall{Session: id, Kind: PathTear, InIf: p.inIf, Sender: p.sender.AddrPort(), Left: left})
	}
}

// resvEvent tells the application that sends what is reserved for it.
func (n *Node) resvEvent(p *psb, t *tcsb) {
	n.upcall(Upcall{
		Session: p.app, Kind: ResvEvent, Sender: p.sender.AddrPort(),
		Style: t.s.style, FlowSpec: t.have.flow, Filters: t.have.filters, DClass: dclassOf(p, t),
	})
}

// dclassOf returns the code points of the DCLASS objects that came with the
// reservations of an interface for p's sender, each once, in order.
func dclassOf(p *psb, t *tcsb) (all []uint8) {
	t.s.matching(t.oi, t.key, func(r *rsb) {
		if r.extra == "" || !r.selects(p) {
			return
		}
		for _, o := range rawObjects(r.extra) {
			list, err := rsvp.ParseDClass(nil, o.Object)
			if err != nil {
				continue // another class
			}
			for _, d := range list {
				if !slices.Contains(all, d) {
					all = append(all, d)
				}
			}
		}
	})
	return all
}

// extraChanged tells our senders that r selects of new code points, where its
// reservation is in place already.
func (n *Node) extraChanged(r *rsb) {
	t := r.s.findTCSB(r.oi, r.key())
	if t == nil {
		return
	}
	for _, p := range r.s.psbs {
		if p.app != 0 && r.selects(p) && r.s.covers(t, p) {
			n.resvEvent(p, t)
		}
	}
}

// resvGone tells the application that sends that nothing is reserved for it any
// more.
func (n *Node) resvGone(p *psb) {
	left := 0
	for _, q := range p.s.psbs {
		if q != p && q.app == p.app {
			if f, _ := n.merged(q); !f.IsZero() {
				left++
			}
		}
	}
	n.upcall(Upcall{Session: p.app, Kind: ResvTear, Sender: p.sender.AddrPort(), Left: left})
}

// resvErrorUpcall tells the application that asked for r of an error.
func (n *Node) resvErrorUpcall(r *rsb, e rsvp.ErrorSpec, d rsvp.FlowDescriptor) {
	n.upcall(Upcall{Session: r.app, Kind: ResvError, Style: r.s.style, FlowSpec: d.FlowSpec, Filters: d.Filters, Error: e})
}

// confirmed tells the applications that have a reservation of a ResvConf; it
// reports whether there was one.
func (n *Node) confirmed(s *session, m *rsvp.Message) bool {
	if len(m.Flows) == 0 {
		return false
	}
	told := false
	filters := allFilters(m.Flows)
	for _, id := range s.apps {
		asked := slices.ContainsFunc(s.rsbs, func(r *rsb) bool {
			_, ok := r.common(m.Style, filters)
			return r.app == id && ok
		})
		if asked {
			told = true
			n.upcall(Upcall{Session: id, Kind: ResvConfirm, Style: m.Style, FlowSpec: m.Flows[0].FlowSpec, Filters: filters, Error: m.Error})
		}
	}
	return told
}

// allFilters returns the filters of a flow descriptor list.
func allFilters(flows []rsvp.FlowDescriptor) (all []rsvp.FilterSpec) {
	for i := range flows {
		all = append(all, flows[i].Filters...)
	}
	return all
}
