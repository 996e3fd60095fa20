package ip

import (
	"net/netip"
	"slices"
)

// route is an entry of the routing table.
type route struct {
	via       netip.Addr // invalid: on the link
	out       *iface
	connected bool
}

// routes is the routing table of both families: for each prefix length in use
// a probe of the map finds the longest match.
type routes struct {
	lengths [2][]int // by family, longest first
	entries map[netip.Prefix][]route
	static  int
}

func family(v6 bool) int {
	if v6 {
		return 1
	}
	return 0
}

// add adds an entry unless the same is there. dst is masked.
func (t *routes) add(dst netip.Prefix, r route) bool {
	same := func(have route) bool { return have.out == r.out && have.via == r.via }
	if slices.ContainsFunc(t.entries[dst], same) {
		return false
	}
	if t.entries == nil {
		t.entries = make(map[netip.Prefix][]route)
	}
	t.entries[dst] = append(t.entries[dst], r)
	lengths := &t.lengths[family(dst.Addr().Is6())]
	if i, ok := slices.BinarySearchFunc(*lengths, dst.Bits(), func(a, b int) int { return b - a }); !ok {
		*lengths = slices.Insert(*lengths, i, dst.Bits())
	}
	if !r.connected {
		t.static++
	}
	return true
}

// remove removes a static entry. The list of lengths keeps a length that is no
// longer used: it costs a probe.
func (t *routes) remove(dst netip.Prefix, via netip.Addr, out *iface) bool {
	list := t.entries[dst]
	i := slices.IndexFunc(list, func(r route) bool {
		return !r.connected && r.via == via && (out == nil || r.out == out)
	})
	if i < 0 {
		return false
	}
	t.static--
	if list = slices.Delete(list, i, i+1); len(list) == 0 {
		delete(t.entries, dst)
		return true
	}
	t.entries[dst] = list
	return true
}

// lookup returns the first entry of the longest prefix of dst whose interface
// is up, and is out where that is not nil.
func (t *routes) lookup(dst netip.Addr, out *iface) (route, bool) {
	for _, bits := range t.lengths[family(dst.Is6())] {
		prefix, err := dst.Prefix(bits)
		if err != nil {
			return route{}, false
		}
		for _, r := range t.entries[prefix] {
			if r.out.up && (out == nil || r.out == out) {
				return r, true
			}
		}
	}
	return route{}, false
}
