package node

import (
	"fmt"

	"github.com/mpstack/mpstack/internal/machine"
)

// tracePath records a transition of path state. Nothing is built without a
// tracer.
func (n *Node) tracePath(p *psb, from, event, to, reason string, cause machine.Cause) {
	if n.cfg.Trace == nil {
		return
	}
	n.cfg.Trace(machine.Transition{
		At: n.now(), Machine: "rsvp/path", Subject: fmt.Sprintf("%s %v from %v", n.cfg.Node, p.s.key, p.sender),
		From: from, Event: event, To: to, Reason: reason, Cause: cause,
	})
}

// traceResv records new or changed reservation state.
func (n *Node) traceResv(r *rsb, created bool, event string) {
	if n.cfg.Trace == nil {
		return
	}
	from, reason := "Stored", "changed"
	if created {
		from, reason = "", "new request"
	}
	n.traceRSB(r, from, event, "Stored", reason)
}

// traceGone records the end of reservation state.
func (n *Node) traceGone(r *rsb, reason string) {
	if n.cfg.Trace != nil {
		n.traceRSB(r, "Stored", "Gone", "", reason)
	}
}

func (n *Node) traceRSB(r *rsb, from, event, to, reason string) {
	who := "API"
	if r.nhop.IsValid() {
		who = r.nhop.String()
	}
	n.cfg.Trace(machine.Transition{
		At: n.now(), Machine: "rsvp/resv", Subject: fmt.Sprintf("%s %v %v by %s", n.cfg.Node, r.s.key, r.s.style, who),
		From: from, Event: event, To: to, Reason: fmt.Sprintf("%s: %v", reason, r.flow),
	})
}

// traceTC records a change of what is reserved on an interface.
func (n *Node) traceTC(t *tcsb, from, event, to string) {
	if n.cfg.Trace == nil {
		return
	}
	n.cfg.Trace(machine.Transition{
		At: n.now(), Machine: "rsvp/tc", Subject: fmt.Sprintf("%s %v if %d", n.cfg.Node, t.s.key, t.oi),
		From: from, Event: event, To: to, Reason: t.want.flow.String(),
	})
}
