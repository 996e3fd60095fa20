package golden

import (
	"net/netip"

	"github.com/mpstack/mpstack/capture/dissect"
	"github.com/mpstack/mpstack/wire/mpj"
)

// Class says which values of a volatile field may differ.
type Class uint8

// Classes of values.
const (
	Any         Class = iota // whatever it is; the field may also be absent
	RandomGroup              // two groups of the ranges that rooted sessions draw from
	LinkLocal                // two link-local addresses: they follow from the MAC address
	DynamicPort              // two ports from 49152 on, where systems draw their own
)

// randomGroups are the ranges of source-specific groups from which sessions
// draw theirs (docs/mpj.md, Data).
var randomGroups = []netip.Prefix{
	netip.MustParsePrefix("232.0.0.0/8"),
	netip.MustParsePrefix("ff30::/12"),
}

const firstDynamicPort = 49152 // RFC 6335 section 6

// has reports whether a value is one of the class.
func (c Class) has(v dissect.Value) bool {
	switch a := v.Addr(); c {
	case RandomGroup:
		for _, p := range randomGroups {
			if p.Contains(a) {
				return true
			}
		}
		return false
	case LinkLocal:
		return a.IsLinkLocalUnicast()
	case DynamicPort:
		n := v.Uint()
		return n >= firstDynamicPort && n <= 0xffff && n != mpj.Port
	}
	return true
}

// placeholder is how a value of the class is shown in a flow.
func (c Class) placeholder() string {
	return [...]string{Any: "*", RandomGroup: "group", LinkLocal: "link-local", DynamicPort: "port"}[c]
}

// Volatile is a field that may differ from run to run.
type Volatile struct {
	Path  string // as dissect.Match takes it: "*" is any name
	Class Class  // which values may stand for each other
	Why   string
}

// Rules say what a structural comparison looks at.
type Rules struct {
	Volatile []Volatile
	// Collapsed are layers of which only presence at a port counts: "arp", or
	// a layer and a type, "icmpv6 neighbor-solicitation".
	Collapsed []Collapse
	// IgnoreExtra and IgnoreMissing are ports, as path.Match patterns, on
	// which flows that only one side has are no finding: of kernel hosts, which
	// say more than ours, and which the golden has at a port of their own.
	IgnoreExtra   []string
	IgnoreMissing []string
}

// Collapse names frames that count as one.
type Collapse struct {
	Layer string
	Types []string // nil: all of the layer
	As    string   // what they are together
}

// DefaultRules returns the rules for a scenario on real interfaces. The caller
// may append to them.
func DefaultRules() Rules {
	return Rules{
		Volatile: []Volatile{
			{"frame.time", Any, "real time"},
			{"frame.comment", Any, "the first of several may have another cause"},
			{"eth.src", Any, "the kernel draws MAC addresses"},
			{"eth.dst", Any, "the kernel draws MAC addresses; a group's follows from the group"},
			{"ipv4.id", Any, "counts all packets of a host"},
			{"ipv6.flow_label", Any, "drawn at random"},
			{"*.checksum", Any, "follows from the rest; the judge looks at it"},
			{"*.src", RandomGroup, "drawn at random"},
			{"*.dst", RandomGroup, "drawn at random"},
			{"*.src", LinkLocal, "follows from the MAC address"},
			{"*.dst", LinkLocal, "follows from the MAC address"},
			{"*.src_port", DynamicPort, "drawn at random"},
			{"*.dst_port", DynamicPort, "drawn at random"},
			{"*.group", RandomGroup, "drawn at random"},
			{"*.record.group", RandomGroup, "drawn at random"},
			{"*.record.source", LinkLocal, "follows from the MAC address"},

			{"mpj.dst_tag", Any, "drawn at random"},
			{"mpj.src_tag", Any, "drawn at random"},
			{"mpj.transaction", Any, "begins at random"},
			{"mpj.JOIN_LIMITS.remaining_time", Any, "runs down"},
			{"mpj.COOKIE.cookie", Any, "drawn at random"},
			{"mpj.INTEGRITY.*", Any, "keys and sequence numbers follow the clock"},
			{"mpj.*.port", DynamicPort, "drawn at random"},
			{"mpj.*.addr", LinkLocal, "follows from the MAC address"},
			{"mpj.SESSION.group", RandomGroup, "drawn at random"},

			{"rsvp.TIME_VALUES.refresh_period", Any, "belongs to the refresh, not to the state"},
			{"rsvp.RSVP_HOP.logical_interface_handle", Any, "numbers interfaces as the system does"},
			{"rsvp.RSVP_HOP.hop_address", LinkLocal, "follows from the MAC address"},
			{"rsvp.INTEGRITY.*", Any, "keys and sequence numbers follow the clock"},
			{"rsvp.SESSION.dest_address", RandomGroup, "drawn at random"},
			{"rsvp.*.dst_port", DynamicPort, "drawn at random"},
			{"rsvp.*.src_port", DynamicPort, "drawn at random"},
		},
		Collapsed: []Collapse{
			{Layer: dissect.LayerARP, As: "address resolution"},
			{Layer: dissect.LayerICMPv6, Types: []string{"neighbor-solicitation", "neighbor-advertisement"}, As: "neighbor discovery"},
		},
	}
}

// same reports whether two values of a field may stand for each other. Either
// may be nil where a side does not have the field.
func (r *Rules) same(path string, w, g *dissect.Field) bool {
	for i := range r.Volatile {
		v := &r.Volatile[i]
		if !dissect.Match(v.Path, path) {
			continue
		}
		if v.Class == Any || w != nil && g != nil && v.Class.has(w.Value) && v.Class.has(g.Value) {
			return true
		}
	}
	return false
}

// normal returns a value of a flow as it is compared: what the rules call
// volatile becomes its class's placeholder.
func (r *Rules) normal(path string, f *dissect.Field) string {
	for i := range r.Volatile {
		v := &r.Volatile[i]
		if v.Class != Any && dissect.Match(v.Path, path) && v.Class.has(f.Value) {
			return v.Class.placeholder()
		}
	}
	return f.Value.String()
}
