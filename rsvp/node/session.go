package node

import (
	"slices"

	"github.com/mpstack/mpstack/rsvp"
)

// session returns the state of a session, or nil.
func (n *Node) session(key rsvp.Session) *session { return n.sessions[key.Key()] }

// makeSession returns the state of a session and makes it if there is none. It
// returns nil at the limit.
func (n *Node) makeSession(key rsvp.Session) *session {
	key = key.Key()
	if s := n.sessions[key]; s != nil {
		return s
	}
	if len(n.sessions) >= n.cfg.Limits.Sessions {
		return nil
	}
	s := &session{key: key, next: n.byDst[key.Dst]}
	n.sessions[key], n.byDst[key.Dst] = s, s
	return s
}

// sweepSession forgets a session of which nothing is left.
func (n *Node) sweepSession(s *session) {
	if !s.empty() || n.sessions[s.key] != s {
		return
	}
	delete(n.sessions, s.key)
	if n.byDst[s.key.Dst] == s {
		if n.byDst[s.key.Dst] = s.next; s.next == nil {
			delete(n.byDst, s.key.Dst)
		}
		return
	}
	for q := n.byDst[s.key.Dst]; q != nil; q = q.next {
		if q.next == s {
			q.next = s.next
			return
		}
	}
}

// dstPortConflict reports whether path or reservation state exists for the same
// destination and protocol where one DstPort is zero and the other is not (RFC
// 2205 section 3.2 rule 1).
func (n *Node) dstPortConflict(key rsvp.Session) bool {
	if key.DstPort != 0 {
		key.DstPort = 0
		s := n.session(key)
		return s != nil && len(s.psbs) > 0
	}
	for s := n.byDst[key.Dst]; s != nil; s = s.next {
		if s.key.Kind == key.Kind && s.key.Proto == key.Proto && s.key.DstPort != 0 && len(s.psbs) > 0 {
			return true
		}
	}
	return false
}

// senderPortConflict reports whether path state exists for the same sender host
// where one SrcPort is zero and the other is not (RFC 2205 section 3.2 rule 3).
func (s *session) senderPortConflict(f rsvp.FilterSpec) bool {
	from, _ := slices.BinarySearchFunc(s.psbs, f, func(p *psb, f rsvp.FilterSpec) int { return p.sender.Src.Compare(f.Src) })
	for _, p := range s.psbs[from:] {
		if p.sender.Src != f.Src {
			break
		}
		if p.sender.Kind == rsvp.FilterPort && f.Kind == rsvp.FilterPort && (p.sender.Port == 0) != (f.Port == 0) {
			return true
		}
	}
	return false
}

// hopFor returns the previous hop of a session and counts one more path state
// block that came from it.
func (n *Node) hopFor(s *session, inIf int, h rsvp.Hop) *hop {
	g := s.findHop(inIf, h)
	if g == nil {
		var id uint32
		id, g = n.hops.alloc()
		*g = hop{id: id, s: s, inIf: inIf, hop: h}
		s.hops = insert(s.hops, g, (*hop).compare)
	}
	g.refs++
	return g
}

// leaveHop counts one path state block less and forgets a hop without any.
func (n *Node) leaveHop(g *hop) {
	if g == nil {
		return
	}
	if g.refs--; g.refs > 0 {
		return
	}
	n.timers.Stop(timer{timerResvRefresh, g.id})
	if n.red.on {
		g.ids = n.dropIDs(g.ids, 0)
	}
	g.s.hops = remove(g.s.hops, g)
	n.hops.release(g.id)
}

// lih returns the logical interface handle of an interface: a number of our own
// table, given at first use.
func (n *Node) lih(oi int) uint32 {
	i := slices.Index(n.lihs, oi)
	if i < 0 {
		n.lihs = append(n.lihs, oi)
		i = len(n.lihs) - 1
	}
	return uint32(i + 1)
}

// outInterface returns the interface that a handle of ours names; 0 in a message
// is no handle, and then the interface where it came in counts (RFC 2209,
// "Determine the Outgoing Interface OI").
func (n *Node) outInterface(lih uint32, inIf int) (int, bool) {
	if lih == 0 {
		return inIf, true
	}
	if uint64(lih) > uint64(len(n.lihs)) {
		return 0, false
	}
	return n.lihs[lih-1], true
}
