package node

import (
	"net/netip"
	"slices"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp"
)

// RouteChange says that routes may have changed: from Src (not valid: from
// anywhere) to Dst (not valid: to everywhere). What they are now is read from
// Routes.
type RouteChange struct{ Src, Dst netip.Addr }

// HandleRouteChange is RFC 2209's "ROUTE CHANGE NOTIFICATION". Path goes out
// new interfaces at once; reservations on interfaces that are gone are taken
// down.
func (n *Node) HandleRouteChange(now machine.Time, c RouteChange) {
	n.begin(now)
	defer n.end()
	if c.Dst.IsValid() {
		for s := n.byDst[c.Dst]; s != nil; s = s.next {
			n.routeChange(s, c.Src)
		}
		return
	}
	for _, key := range n.sortedKeys() {
		n.routeChange(n.sessions[key], c.Src)
	}
}

// sortedKeys lists the sessions in order.
func (n *Node) sortedKeys() []rsvp.Session {
	keys := make([]rsvp.Session, 0, len(n.sessions))
	for k := range n.sessions {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, compareSessions)
	return keys
}

// routeChange looks the routes of a session's senders up again.
func (n *Node) routeChange(s *session, src netip.Addr) {
	for _, p := range s.psbs {
		if src.IsValid() && p.sender.Src != src {
			continue
		}
		if added := n.setOut(p, n.routeOf(p)); len(added) > 0 {
			n.pathRefresh(p, added, CausePathRepair)
			n.updateSelecting(p)
		}
	}
	n.flush(s)
}

// HandleLinkChange says that an interface went up or down. Routes have changed
// already.
func (n *Node) HandleLinkChange(now machine.Time, ifIndex int, up bool) {
	n.iface(ifIndex).down = !up
	n.HandleRouteChange(now, RouteChange{})
}
