package ip

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/ip/neigh"
)

// CauseRoute is the cause of KindRoute.
const CauseRoute machine.Cause = "ip/route/change"

// RouteOrigin says where a route comes from.
type RouteOrigin uint8

// Origins.
const (
	RouteConnected  RouteOrigin = iota + 1 // the link of an address
	RouteStatic                            // AddRoute
	RouteAdvertised                        // a router advertisement
)

// String returns the origin's name.
func (o RouteOrigin) String() string {
	if o >= RouteConnected && o <= RouteAdvertised {
		return [...]string{"connected", "static", "advertised"}[o-1]
	}
	return "unknown"
}

// advertisedMetric is the metric of advertised routes: static ones go first.
const advertisedMetric = 1024

// route is an entry of the routing table.
type route struct {
	via     netip.Addr // invalid: on the link
	out     *iface
	metric  int
	origin  RouteOrigin
	suspect bool // via did not answer
}

// routes is the routing table of both families: for each prefix length in use
// a probe of the map finds the longest match. The entries of a prefix are in
// the order of their metrics, and among equals in that of their age.
type routes struct {
	lengths  [2][]int // by family, longest first
	entries  map[netip.Prefix][]route
	static   int
	suspects int
}

func family(v6 bool) int {
	if v6 {
		return 1
	}
	return 0
}

// add adds an entry unless the same is there. dst is masked.
func (t *routes) add(dst netip.Prefix, r route) bool {
	list := t.entries[dst]
	// Entries of several origins may be alike: each goes with its own origin.
	if slices.ContainsFunc(list, func(have route) bool {
		return have.out == r.out && have.via == r.via && have.origin == r.origin
	}) {
		return false
	}
	if t.entries == nil {
		t.entries = make(map[netip.Prefix][]route)
	}
	at := slices.IndexFunc(list, func(have route) bool { return have.metric > r.metric })
	if at < 0 {
		at = len(list)
	}
	t.entries[dst] = slices.Insert(list, at, r)
	lengths := &t.lengths[family(dst.Addr().Is6())]
	if i, ok := slices.BinarySearchFunc(*lengths, dst.Bits(), func(a, b int) int { return b - a }); !ok {
		*lengths = slices.Insert(*lengths, i, dst.Bits())
	}
	if r.origin == RouteStatic {
		t.static++
	}
	return true
}

// remove removes an entry of an origin, by any interface where out is nil. The
// list of lengths keeps a length that is no longer used: it costs a probe.
func (t *routes) remove(dst netip.Prefix, via netip.Addr, out *iface, origin RouteOrigin) bool {
	list := t.entries[dst]
	i := slices.IndexFunc(list, func(r route) bool {
		return r.origin == origin && r.via == via && (out == nil || r.out == out)
	})
	if i < 0 {
		return false
	}
	if origin == RouteStatic {
		t.static--
	}
	if list[i].suspect {
		t.suspects--
	}
	if list = slices.Delete(list, i, i+1); len(list) == 0 {
		delete(t.entries, dst)
		return true
	}
	t.entries[dst] = list
	return true
}

// lookup returns the entry of the longest prefix of dst whose interface is up,
// and is out where that is not nil: of several the first whose router is not
// known to be silent, or else the first.
func (t *routes) lookup(dst netip.Addr, out *iface) (route, bool) {
	for _, bits := range t.lengths[family(dst.Is6())] {
		prefix, err := dst.Prefix(bits)
		if err != nil {
			return route{}, false
		}
		list := t.entries[prefix]
		first := -1
		for i := range list {
			r := &list[i]
			if !r.out.up || out != nil && r.out != out {
				continue
			}
			if !r.suspect {
				return *r, true
			}
			if first < 0 {
				first = i
			}
		}
		if first >= 0 {
			return list[first], true
		}
	}
	return route{}, false
}

// lost marks the routes by a router that does not answer, so that others are
// used (RFC 4861 section 6.3.6, RFC 1122 section 3.3.1.4). Where no other of a
// prefix is left, they are tried anew in turn. It returns the prefixes that go
// another way now, sorted.
func (t *routes) lost(key neigh.Key) (changed []netip.Prefix) {
	for dst, list := range t.entries {
		by := func(r route) bool { return r.via == key.Addr && r.out.index == key.If }
		others := func(r route) bool { return !by(r) }
		if !slices.ContainsFunc(list, func(r route) bool { return by(r) && !r.suspect }) || !slices.ContainsFunc(list, others) {
			continue
		}
		// Where nobody is left, the others get another chance.
		left := slices.ContainsFunc(list, func(r route) bool { return !by(r) && !r.suspect })
		for i := range list {
			was := list[i].suspect
			list[i].suspect = by(list[i]) || was && left
			switch {
			case list[i].suspect && !was:
				t.suspects++
			case was && !list[i].suspect:
				t.suspects--
			}
		}
		changed = append(changed, dst)
	}
	slices.SortFunc(changed, comparePrefixes)
	return changed
}

// found takes back lost: the router was heard of.
func (t *routes) found(key neigh.Key) (changed []netip.Prefix) {
	if t.suspects == 0 {
		return nil
	}
	for dst, list := range t.entries {
		for i := range list {
			if r := &list[i]; r.suspect && r.via == key.Addr && r.out.index == key.If {
				r.suspect = false
				t.suspects--
				changed = append(changed, dst)
			}
		}
	}
	slices.SortFunc(changed, comparePrefixes)
	return changed
}

func comparePrefixes(a, b netip.Prefix) int {
	return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
}

// routeChanged tells that unicast packets to a prefix may go another way now;
// the zero Prefix stands for any.
func (m *Machine) routeChanged(dst netip.Prefix) {
	m.out.Push(Output{Kind: KindRoute, Prefix: dst, Cause: CauseRoute})
}

func (m *Machine) routesChanged(list []netip.Prefix) {
	for _, dst := range list {
		m.routeChanged(dst)
	}
}

// AddRoute adds a static route.
func (m *Machine) AddRoute(now machine.Time, r Route) error {
	m.begin(now)
	dst, out, err := m.checkRoute(r)
	if err != nil {
		return err
	}
	if m.routes.static >= m.cfg.MaxRoutes {
		return ErrLimit
	}
	if !m.routes.add(dst, route{via: r.Via, out: out, metric: r.Metric, origin: RouteStatic}) {
		return ErrRouteExists
	}
	m.routeChanged(dst)
	return nil
}

// RemoveRoute removes a static route. OutIf 0 stands for any, and the metric
// does not count.
func (m *Machine) RemoveRoute(now machine.Time, r Route) error {
	m.begin(now)
	if !r.Dst.IsValid() || !m.routes.remove(r.Dst.Masked(), r.Via, m.iface(r.OutIf), RouteStatic) {
		return ErrNoRoute
	}
	m.routeChanged(r.Dst.Masked())
	return nil
}

func (m *Machine) checkRoute(r Route) (netip.Prefix, *iface, error) {
	none := netip.Prefix{}
	if !r.Dst.IsValid() || r.Metric < 0 || r.Via.IsValid() && (r.Via.Is4() != r.Dst.Addr().Is4() || r.Via.IsMulticast() || m.IsLocal(r.Via)) {
		return none, nil, ErrAddress
	}
	out := m.iface(r.OutIf)
	switch {
	case r.OutIf != 0 && out == nil:
		return none, nil, ErrNoInterface
	case out == nil && !r.Via.IsValid():
		return none, nil, ErrNoInterface
	case out == nil:
		for _, f := range m.ifaces {
			if f.onLink(r.Via) && !r.Via.IsLinkLocalUnicast() {
				out = f
				break
			}
		}
		if out == nil {
			return none, nil, ErrNoRoute
		}
	case r.Via.IsValid() && !out.onLink(r.Via):
		return none, nil, ErrNoRoute
	}
	return r.Dst.Masked(), out, nil
}

// RouteInfo is one entry of the routing table for a reader.
type RouteInfo struct {
	Dst     netip.Prefix
	Metric  int
	OutIf   int
	Via     netip.Addr // invalid: on the link
	Origin  RouteOrigin
	Up      bool // its interface is
	Suspect bool // Via did not answer, and others are preferred
}

func compareRoutes(a, b RouteInfo) int {
	return cmp.Or(comparePrefixes(a.Dst, b.Dst), cmp.Compare(a.Metric, b.Metric), cmp.Compare(a.OutIf, b.OutIf), a.Via.Compare(b.Via))
}

// SnapshotRoutes returns up to n routes in the order of destination, metric,
// interface and gateway, those after the given one; the zero RouteInfo begins.
func (m *Machine) SnapshotRoutes(after RouteInfo, n int) []RouteInfo {
	var all []RouteInfo
	for dst, list := range m.routes.entries {
		for _, r := range list {
			x := RouteInfo{Dst: dst, Metric: r.metric, OutIf: r.out.index, Via: r.via, Origin: r.origin, Up: r.out.up, Suspect: r.suspect}
			if !after.Dst.IsValid() || compareRoutes(x, after) > 0 {
				all = append(all, x)
			}
		}
	}
	slices.SortFunc(all, compareRoutes)
	return all[:min(max(n, 0), len(all))]
}
