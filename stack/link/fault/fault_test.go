package fault

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/inet"
)

var (
	v4a, v4b = netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	v6a, v6b = netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")
)

func ether(t inet.EtherType, payload []byte) []byte {
	h := inet.Ethernet{Dst: inet.MAC{2, 0, 0, 0, 0, 2}, Src: inet.MAC{2, 0, 0, 0, 0, 1}, Type: t}
	return append(h.AppendTo(nil), payload...)
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// ip4 is a frame with an IPv4 packet; it changes the header by edit, if given.
func ip4(proto uint8, payload []byte, edit ...func(*inet.IPv4)) []byte {
	h := inet.IPv4{TTL: 64, Proto: proto, Src: v4a, Dst: v4b}
	for _, e := range edit {
		e(&h)
	}
	return ether(inet.EtherTypeIPv4, append(must(h.AppendTo(nil, len(payload))), payload...))
}

func ip6(proto uint8, payload []byte, edit ...func(*inet.IPv6)) []byte {
	h := inet.IPv6{HopLimit: 64, NextHeader: proto, Src: v6a, Dst: v6b}
	for _, e := range edit {
		e(&h)
	}
	return ether(inet.EtherTypeIPv6, append(must(h.AppendTo(nil, len(payload))), payload...))
}

// udp is a UDP datagram without a checksum.
func udp(src, dst int, payload ...byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(src))
	b = binary.BigEndian.AppendUint16(b, uint16(dst))
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(payload)))
	return append(append(b, 0, 0), payload...)
}

func arp(op uint16) []byte {
	b := make([]byte, 28)
	binary.BigEndian.PutUint16(b[6:], op)
	return ether(inet.EtherTypeARP, b)
}

// samples holds one frame of each sort; the tests name them.
var samples = map[string][]byte{
	"arp request": arp(1),
	"arp reply":   arp(2),
	"echo":        ip4(inet.ProtoICMP, []byte{8, 0, 0, 0}),
	"igmp query":  ip4(inet.ProtoIGMP, []byte{0x11, 0, 0, 0}),
	"igmp v1":     ip4(inet.ProtoIGMP, []byte{0x12, 0, 0, 0}),
	"igmp v2":     ip4(inet.ProtoIGMP, []byte{0x16, 0, 0, 0}),
	"igmp v3":     ip4(inet.ProtoIGMP, []byte{0x22, 0, 0, 0}, func(h *inet.IPv4) { h.RouterAlert = true }),
	"igmp leave":  ip4(inet.ProtoIGMP, []byte{0x17, 0, 0, 0}),
	"mld report":  ip6(inet.ProtoICMPv6, []byte{143, 0, 0, 0}, func(h *inet.IPv6) { h.RouterAlert = true }),
	"mld done":    ip6(inet.ProtoICMPv6, []byte{132, 0, 0, 0}),
	"ns":          ip6(inet.ProtoICMPv6, []byte{135, 0, 0, 0}),
	"data v4":     ip4(inet.ProtoUDP, udp(5000, 5004, 1, 2, 3)),
	"data v6":     ip6(inet.ProtoUDP, udp(5004, 5000, 1, 2, 3)),
	"data first fragment": ip4(inet.ProtoUDP, udp(5000, 5004, 1, 2, 3, 4, 5, 6, 7, 8),
		func(h *inet.IPv4) { h.MF = true }),
	"data later fragment": ip4(inet.ProtoUDP, udp(5000, 5004),
		func(h *inet.IPv4) { h.FragOffset = 16 }),
	"path":      ip4(inet.ProtoRSVP, []byte{0x10, 1, 0, 0}, func(h *inet.IPv4) { h.RouterAlert = true }),
	"resv":      ip4(inet.ProtoRSVP, []byte{0x10, 2, 0, 0}),
	"resv v6":   ip6(inet.ProtoRSVP, []byte{0x10, 2, 0, 0}),
	"join":      ip4(inet.ProtoUDP, udp(52205, 52205, 1, 1)),
	"join v6":   ip6(inet.ProtoUDP, udp(52205, 52205, 1, 1)),
	"accept":    ip4(inet.ProtoUDP, udp(52205, 52205, 1, 4)),
	"mpj short": ip4(inet.ProtoUDP, udp(52205, 52205)),
	"other":     ether(0x88b5, []byte("hello")),
	"garbage":   ether(inet.EtherTypeIPv4, []byte("not a packet at all")),
	"runt":      {1, 2, 3},
}

func TestMatch(t *testing.T) {
	tests := []struct {
		text string
		want string // samples, in alphabetical order
	}{
		{"arp", "arp reply, arp request"},
		{"ARP Request", "arp request"},
		{"arp.reply", "arp reply"},
		{"arp 2", "arp reply"},
		{"icmp", "echo"},
		{"icmp echo", "echo"},
		{"icmp 0", ""},
		{"igmp", "igmp leave, igmp query, igmp v1, igmp v2, igmp v3"},
		{"igmp report", "igmp v1, igmp v2, igmp v3"},
		{"igmp 34", "igmp v3"},
		{"igmp leave", "igmp leave"},
		{"mld", "mld done, mld report"},
		{"mld report", "mld report"},
		{"icmpv6", "mld done, mld report, ns"},
		{"icmpv6 ns", "ns"},
		{"udp 5000", "data first fragment, data v4, data v6"},
		{"udp 5004 from a/0", "data first fragment, data v4, data v6"},
		{"udp 5004 from a", "data first fragment, data v4, data v6"},
		{"udp 5004 from b", ""},
		{"udp 5004 from a/1", ""},
		{"udp", "accept, data first fragment, data later fragment, data v4, data v6, join, join v6, mpj short"},
		{"rsvp", "path, resv, resv v6"},
		{"rsvp Path", "path"},
		{"rsvp resv", "resv, resv v6"},
		{"rsvp.Resv from a", "resv, resv v6"},
		{"mpj", "accept, join, join v6, mpj short"},
		{"mpj JOIN", "join, join v6"},
		{"mpj.join", "join, join v6"},
		{"mpj 4", "accept"},
		{"mpj HELLO", ""},
		{"ipv6 46", "resv v6"},
		{"ipv4 46", "path, resv"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			m, err := ParseMatch(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, strings.Join(matching(m), ", ")); diff != "" {
				t.Error(diff)
			}
			again, err := ParseMatch(m.String())
			if err != nil || again.String() != m.String() {
				t.Errorf("%q reads back as %q, %v", m, again, err)
			}
		})
	}
}

func matching(m Match) []string {
	var got []string
	for _, name := range sampleNames {
		if m.Frame(wire.Frame{Data: samples[name], Port: "a/0"}) {
			got = append(got, name)
		}
	}
	return got
}

func TestMatchAny(t *testing.T) {
	m, err := ParseMatch("any")
	if err != nil {
		t.Fatal(err)
	}
	if got := matching(m); len(got) != len(samples) {
		t.Errorf("any means %d of %d frames", len(got), len(samples))
	}
	if got := matching(Match{}); got != nil {
		t.Errorf("the zero Match means %v", got)
	}
	if (Match{}).String() != "" {
		t.Errorf("the zero Match is %q", Match{})
	}
}

func TestMatchString(t *testing.T) {
	for text, want := range map[string]string{
		"MPJ.join  FROM leaf1/eth0": "mpj JOIN from leaf1/eth0",
		"igmp 0034":                 "igmp 34",
		"any from x":                "any from x",
	} {
		m, err := ParseMatch(text)
		if err != nil || m.String() != want {
			t.Errorf("%q becomes %q, %v; want %q", text, m, err, want)
		}
	}
}

func TestParseMatchErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                    "it is empty",
		"  ":                  "it is empty",
		"tcp":                 `no protocol "tcp"; there are any, arp, `,
		"from a":              `no protocol "from"`,
		"any JOIN":            "any has no types",
		"mpj JION":            `mpj has no "JION"; there are JOIN, CHALLENGE`,
		"mpj 256":             `mpj has no "256"`,
		"mpj -1":              `mpj has no "-1"`,
		"mpj.":                `mpj has no ""`,
		"udp 65536":           `udp has no "65536"; there are the numbers up to 65535`,
		"udp 99999999999":     `udp has no "99999999999"`,
		"mpj JOIN from":       `"from" lacks its port`,
		"mpj JOIN leaf":       `"leaf" where "from PORT" was expected`,
		"mpj JOIN from a b":   `"b" after the port`,
		"mpj.JOIN JOIN":       `"JOIN" where "from PORT" was expected`,
		"arp request reply x": `"reply" where`,
	} {
		_, err := ParseMatch(text)
		if !errors.Is(err, ErrMatch) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want it to say %q", text, err, want)
		}
	}
}

// Names must be unambiguous: no type may be a number or "from".
func TestTable(t *testing.T) {
	for _, p := range protocols {
		seen := map[string]bool{}
		for _, typ := range Types(p.name) {
			low := strings.ToLower(typ)
			if seen[low] || low == "from" || strings.ContainsAny(low, ". ") || low[0] >= '0' && low[0] <= '9' {
				t.Errorf("%s: type name %q is ambiguous", p.name, typ)
			}
			seen[low] = true
		}
		if (p.limit == 0) != (p.has == nil) {
			t.Errorf("%s: limit %d without a key, or a key without a limit", p.name, p.limit)
		}
	}
	if got := strings.Join(Types("rsvp"), " "); got != "Path Resv PathErr ResvErr PathTear ResvTear ResvConf" {
		t.Errorf("rsvp has %s", got)
	}
	if got := Types("mpj"); len(got) != 13 || got[0] != "JOIN" || got[12] != "SIDE" {
		t.Errorf("mpj has %v", got)
	}
	if Types("nothing") != nil {
		t.Error("a protocol that does not exist has types")
	}
}

func TestInjector(t *testing.T) {
	rule := func(match string, nth int) Rule {
		r, err := ParseRule(match, nth)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	in := New(rule("mpj JOIN", 2), rule("udp", 3), rule("udp 52205", 3), Rule{})
	var got []string
	for i, name := range []string{"join", "arp reply", "join", "data v4", "accept", "join"} {
		v := in.Apply(machine.VirtualEpoch, wire.Frame{Data: samples[name], Port: "a/0"})
		if v.Drop != (v.Fate != "") {
			t.Errorf("verdict %+v", v)
		}
		if v.Drop {
			got = append(got, fmt.Sprint(i, " ", v.Fate))
		}
	}
	want := []string{"2 lost: mpj JOIN #2", "3 lost: udp #3", "4 lost: udp 52205 #3"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var counts []string
	for _, c := range in.Counts() {
		counts = append(counts, fmt.Sprint(c.Rule, " ", c.Seen, " ", c.Dropped))
	}
	if diff := cmp.Diff([]string{"mpj JOIN #2 3 1", "udp #3 5 1", "udp 52205 #3 4 1", " #1 0 0"}, counts); diff != "" {
		t.Error(diff)
	}
	if in.Done() {
		t.Error("Done with a rule that never fired")
	}
	if !New().Done() || New().Apply(0, wire.Frame{}).Drop {
		t.Error("an injector without rules does something")
	}
}

func TestParseRuleErrors(t *testing.T) {
	if _, err := ParseRule("mpj JOIN", 0); err == nil || !strings.Contains(err.Error(), "count from 1") {
		t.Errorf("nth 0: %v", err)
	}
	if _, err := ParseRule("mpj", -1); err == nil {
		t.Error("nth -1 is taken")
	}
	if _, err := ParseRule("nonsense", 1); !errors.Is(err, ErrMatch) {
		t.Errorf("bad matcher: %v", err)
	}
}

func TestApplyMakesNoGarbage(t *testing.T) {
	r, err := ParseRule("mpj JOIN", 1)
	if err != nil {
		t.Fatal(err)
	}
	in := New(r)
	f := wire.Frame{Data: samples["join v6"], Port: "a/0"}
	if n := testing.AllocsPerRun(100, func() { in.Apply(0, f) }); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

// pipe is a link that keeps what is sent.
type pipe struct {
	sent     []wire.Frame
	received []wire.Frame
	closed   bool
}

func (p *pipe) Info() link.Info         { return link.Info{Port: "a/0", MTU: 1500} }
func (p *pipe) Send(f wire.Frame) error { p.sent = append(p.sent, f); return nil }
func (p *pipe) Close() error            { p.closed = true; return nil }
func (p *pipe) Received(f wire.Frame)   { p.received = append(p.received, f) }
func (p *pipe) Recv(buf []byte) (int, error) {
	if p.closed {
		return 0, net.ErrClosed
	}
	return copy(buf, "frame"), nil
}

func TestReader(t *testing.T) {
	rule, err := ParseRule("arp from a", 1)
	if err != nil {
		t.Fatal(err)
	}
	var lost []wire.Frame
	inner := &pipe{}
	l := NewReader(inner, New(rule), func(f wire.Frame) { lost = append(lost, f) })
	for range 2 {
		if err := l.Send(wire.Frame{Data: samples["arp request"], At: 7, Cause: "ip/arp"}); err != nil {
			t.Error(err)
		}
	}
	if len(inner.sent) != 1 || inner.sent[0].Fate != "" {
		t.Errorf("sent %+v", inner.sent)
	}
	want := []wire.Frame{{Data: samples["arp request"], At: 7, Cause: "ip/arp", Port: "a/0",
		Dir: wire.DirOut, Fate: "lost: arp from a #1"}}
	if diff := cmp.Diff(want, lost); diff != "" {
		t.Error(diff)
	}
	link.Received(l, wire.Frame{At: 9})
	if len(inner.received) != 1 || inner.received[0].At != 9 {
		t.Errorf("received %+v", inner.received)
	}
	buf := make([]byte, 10)
	if n, err := l.Recv(buf); n != 5 || err != nil {
		t.Errorf("Recv: %d, %v", n, err)
	}
	if err := l.Close(); err != nil || !inner.closed {
		t.Errorf("Close: %v", err)
	}
	if _, err := l.Recv(buf); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Recv after Close: %v", err)
	}
	if l.Info() != inner.Info() || l.Unwrap() != link.Link(inner) {
		t.Error("Info or Unwrap differ")
	}
}

type dropAll struct{}

func (dropAll) Apply(machine.Time, wire.Frame) link.Verdict { return link.Verdict{Drop: true} }

func TestReaderWithBareVerdict(t *testing.T) {
	var fate string
	l := NewReader(&pipe{}, dropAll{}, func(f wire.Frame) { fate = f.Fate })
	if err := l.Send(wire.Frame{}); err != nil || fate != link.FateLost {
		t.Errorf("%v, fate %q", err, fate)
	}
	if err := NewReader(&pipe{}, dropAll{}, nil).Send(wire.Frame{}); err != nil {
		t.Error(err)
	}
}

func mustMatch(t *testing.T, text string) Match {
	t.Helper()
	m, err := ParseMatch(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Of a batch every frame is judged once, and what is dropped counts as sent.
func TestReaderBatches(t *testing.T) {
	var lost []string
	p := &pipe{}
	arp := Rule{Match: mustMatch(t, "arp"), Nth: 2}
	r := NewReader(p, New(arp), func(f wire.Frame) { lost = append(lost, f.Port+": "+f.Fate) })
	var frames []wire.Frame
	for _, name := range []string{"arp request", "echo", "arp reply", "arp request"} {
		frames = append(frames, wire.Frame{Data: samples[name]})
	}
	if n, err := link.SendBatch(r, frames); n != 4 || err != nil {
		t.Errorf("sent %d, %v", n, err)
	}
	if diff := cmp.Diff([]wire.Frame{frames[0], frames[1], frames[3]}, p.sent); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"a/0: lost: arp #2"}, lost); diff != "" {
		t.Error(diff)
	}
	bufs, infos := [][]byte{make([]byte, 9)}, make([]link.FrameInfo, 1)
	if n, err := link.RecvBatch(r, bufs, infos); n != 1 || err != nil {
		t.Errorf("RecvBatch: %d, %v", n, err)
	}
	if info, err := link.RecvInfo(r, bufs[0]); err != nil || info != infos[0] {
		t.Errorf("RecvInfo: %+v, %v; by batch %+v", info, err, infos[0])
	}
}

func FuzzParseMatch(f *testing.F) {
	for _, s := range []string{"mpj JOIN", "udp 5000 from a/0", "rsvp.Resv", "igmp report from", "any"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ParseMatch(text)
		if err != nil {
			return
		}
		again, err := ParseMatch(m.String())
		if err != nil || again.String() != m.String() {
			t.Errorf("%q becomes %q, which becomes %q, %v", text, m, again, err)
		}
	})
}

func FuzzFrame(f *testing.F) {
	for _, name := range sampleNames {
		f.Add(samples[name])
	}
	var all []Match
	for _, p := range protocols {
		all = append(all, Match{proto: &p})
		for _, typ := range p.types {
			all = append(all, Match{proto: &p, values: typ.values})
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, m := range all {
			m.Frame(wire.Frame{Data: data}) // must not panic
		}
	})
}

func ExampleParseRule() {
	rule, err := ParseRule("mpj.JOIN from leaf1", 1)
	fmt.Println(rule, err)
	_, err = ParseRule("mpj JION", 1)
	fmt.Println(err != nil)
	// Output:
	// mpj JOIN from leaf1 #1 <nil>
	// true
}
