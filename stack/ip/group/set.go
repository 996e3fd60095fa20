package group

import (
	"net/netip"
	"slices"
)

// set is a sorted list of distinct addresses. Its methods never change it.
type set []netip.Addr

// newSet returns the distinct valid members of addrs in order.
func newSet(addrs []netip.Addr) set {
	s := make(set, 0, len(addrs))
	for _, a := range addrs {
		if a.IsValid() {
			s = append(s, a)
		}
	}
	slices.SortFunc(s, netip.Addr.Compare)
	return slices.Compact(s)
}

func (s set) has(a netip.Addr) bool {
	_, ok := slices.BinarySearchFunc(s, a, netip.Addr.Compare)
	return ok
}

// plus returns the members of s and b.
func (s set) plus(b set) set {
	switch {
	case len(s) == 0:
		return b
	case len(b) == 0:
		return s
	}
	out := make(set, 0, len(s)+len(b))
	i, j := 0, 0
	for i < len(s) && j < len(b) {
		switch c := s[i].Compare(b[j]); {
		case c < 0:
			out, i = append(out, s[i]), i+1
		case c > 0:
			out, j = append(out, b[j]), j+1
		default:
			out, i, j = append(out, s[i]), i+1, j+1
		}
	}
	return append(append(out, s[i:]...), b[j:]...)
}

// minus returns the members of s that are not in b.
func (s set) minus(b set) set { return s.filter(func(a netip.Addr) bool { return !b.has(a) }) }

// and returns the members of both.
func (s set) and(b set) set { return s.filter(b.has) }

func (s set) filter(keep func(netip.Addr) bool) set {
	var out set
	for _, a := range s {
		if keep(a) {
			out = append(out, a)
		}
	}
	return out
}

func (s set) equal(b set) bool { return slices.Equal(s, b) }
