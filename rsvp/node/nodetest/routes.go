package nodetest

import (
	"net/netip"
	"slices"
)

// routes answers node.Routes from the network's present shape.
type routes struct{ h *Host }

// Unicast returns the interface of the shortest way to dst.
func (r routes) Unicast(dst netip.Addr) (int, bool) {
	p, q := r.h.nextHop(dst)
	if q == nil {
		return 0, false
	}
	return p.index, true
}

// Multicast returns the interfaces behind which group has members. The incoming
// interface must be the one towards src.
func (r routes) Multicast(src, group netip.Addr, inIf int) (out []int) {
	if inIf != 0 {
		if i, ok := r.Unicast(src); !ok || i != inIf {
			return nil
		}
	}
	for _, p := range r.h.ports {
		if p.index == inIf || p.down {
			continue
		}
		if inIf == 0 || hasMember(p, group, []*Host{r.h}) {
			out = append(out, p.index)
		}
	}
	return out
}

// hasMember reports whether group has a member on p's segment or behind it.
func hasMember(p *port, group netip.Addr, seen []*Host) bool {
	for _, q := range p.seg.ports {
		if q == p || q.down || slices.Contains(seen, q.host) {
			continue
		}
		if q.members[group] {
			return true
		}
		if q.host.kind == EndHost {
			continue
		}
		for _, o := range q.host.ports {
			if o != q && !o.down && hasMember(o, group, append(seen, q.host)) {
				return true
			}
		}
	}
	return false
}

// Address returns the interface's first address of the family; a link-local one
// only if there is no other.
func (r routes) Address(index int, v6 bool) (found netip.Addr, ok bool) {
	if index < 1 || index > len(r.h.ports) {
		return netip.Addr{}, false
	}
	for _, a := range r.h.port(index).addrs {
		if a.Is4() != v6 && (!ok || found.IsLinkLocalUnicast() && !a.IsLinkLocalUnicast()) {
			found, ok = a, true
		}
	}
	return found, ok
}

// IsLocal reports whether a is an address of the host.
func (r routes) IsLocal(a netip.Addr) bool {
	return slices.ContainsFunc(r.h.ports, func(p *port) bool { return slices.Contains(p.addrs, a) })
}

// MTU is 1,500 bytes everywhere.
func (r routes) MTU(int) int { return 1500 }

// nextHop returns our port and the next one on the shortest way to dst: breadth
// first, in the order of construction.
func (h *Host) nextHop(dst netip.Addr) (from, to *port) {
	type way struct{ from, to, at *port }
	var queue []way
	seen := []*Host{h}
	spread := func(x *Host, first way) {
		for _, p := range x.ports {
			if p.down {
				continue
			}
			for _, q := range p.seg.ports {
				if q.down || slices.Contains(seen, q.host) {
					continue
				}
				w := first
				if w.from == nil {
					w = way{from: p, to: q}
				}
				w.at = q
				seen = append(seen, q.host)
				queue = append(queue, w)
			}
		}
	}
	for spread(h, way{}); len(queue) > 0; {
		w := queue[0]
		queue = queue[1:]
		if (routes{w.at.host}).IsLocal(dst) {
			return w.from, w.to
		}
		if w.at.host.kind != EndHost {
			spread(w.at.host, w)
		}
	}
	return nil, nil
}
