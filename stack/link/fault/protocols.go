package fault

import (
	"fmt"
	"strings"

	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/wire/inet"
	"github.com/mpstack/mpstack/wire/mpj"
)

// protocol is one word that a matcher may begin with.
type protocol struct {
	name  string
	is    func(*view) bool
	has   func(v *view, value int) bool // where types or numbers exist
	types []typeName
	limit int // greatest number that may stand for a type; 0: no types
}

type typeName struct {
	name   string
	values []int
}

// protocols is the table of everything that a matcher may name.
var protocols = []protocol{
	{name: "any", is: func(*view) bool { return true }},
	{name: "arp", is: etherIs(inet.EtherTypeARP), has: hasARPOp, limit: 0xffff, types: []typeName{
		{"request", []int{1}}, {"reply", []int{2}},
	}},
	{name: "ipv4", is: etherIs(inet.EtherTypeIPv4), has: hasProto, limit: 0xff},
	{name: "ipv6", is: etherIs(inet.EtherTypeIPv6), has: hasProto, limit: 0xff},
	// RFC 792
	{name: "icmp", is: protoIs(inet.ProtoICMP), has: hasByte0, limit: 0xff, types: []typeName{
		{"echo-reply", []int{0}}, {"unreachable", []int{3}}, {"echo", []int{8}}, {"time-exceeded", []int{11}},
	}},
	// RFC 2236 section 2, RFC 3376 section 4
	{name: "igmp", is: protoIs(inet.ProtoIGMP), has: hasByte0, limit: 0xff, types: []typeName{
		{"query", []int{0x11}}, {"report", []int{0x12, 0x16, 0x22}}, {"leave", []int{0x17}},
	}},
	// RFC 4443, RFC 4861
	{name: "icmpv6", is: protoIs(inet.ProtoICMPv6), has: hasByte0, limit: 0xff, types: []typeName{
		{"unreachable", []int{1}}, {"too-big", []int{2}}, {"time-exceeded", []int{3}},
		{"echo", []int{128}}, {"echo-reply", []int{129}}, {"rs", []int{133}}, {"ra", []int{134}},
		{"ns", []int{135}}, {"na", []int{136}},
	}},
	// RFC 2710 section 3, RFC 3810 section 5
	{name: "mld", is: isMLD, has: hasByte0, limit: 0xff, types: []typeName{
		{"query", []int{130}}, {"report", []int{131, 143}}, {"done", []int{132}},
	}},
	{name: "udp", is: isUDP, has: hasUDPPort, limit: 0xffff},
	// RFC 2205 section 3.1.1: the message type is the second byte
	{name: "rsvp", is: protoIs(inet.ProtoRSVP), has: hasByte1, limit: 0xff, types: rsvpTypes()},
	{name: "mpj", is: isMPJ, has: hasMPJType, limit: 0xff, types: mpjTypes()},
}

// rsvpTypes names the messages of RFC 2205 as package rsvp does.
func rsvpTypes() []typeName {
	var types []typeName
	for t := rsvp.Path; t <= rsvp.ResvConf; t++ {
		types = append(types, typeName{t.String(), []int{int(t)}})
	}
	return types
}

// mpjTypes names the join protocol's messages as its registry does.
func mpjTypes() []typeName {
	var types []typeName
	for _, m := range mpj.Messages {
		types = append(types, typeName{m.Name, []int{int(m.Type)}})
	}
	return types
}

// Protocols returns the words that a matcher may begin with.
func Protocols() []string {
	names := make([]string, len(protocols))
	for i := range protocols {
		names[i] = protocols[i].name
	}
	return names
}

// Types returns the names that may follow a protocol in a matcher. Where a
// protocol has any types, or ports, their numbers may follow too.
func Types(protocol string) []string {
	p := findProtocol(protocol)
	if p == nil {
		return nil
	}
	names := make([]string, len(p.types))
	for i := range p.types {
		names[i] = p.types[i].name
	}
	return names
}

func findProtocol(name string) *protocol {
	for i := range protocols {
		if strings.EqualFold(protocols[i].name, name) {
			return &protocols[i]
		}
	}
	return nil
}

func (p *protocol) describeTypes() string {
	numbers := fmt.Sprintf("the numbers up to %d", p.limit)
	if len(p.types) == 0 {
		return numbers
	}
	return strings.Join(Types(p.name), ", ") + " and " + numbers
}

func etherIs(t inet.EtherType) func(*view) bool {
	return func(v *view) bool { return v.ether == t }
}

func protoIs(proto uint8) func(*view) bool {
	return func(v *view) bool { return v.proto == int(proto) }
}
