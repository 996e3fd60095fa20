//go:build netns

package reference_test

import (
	"fmt"
	"net/netip"
	"strings"
)

// filterRows are about which datagrams arrive.
func filterRows(f *family) []row {
	s1, s2 := f.s1, f.s2
	v := "IPv4: "
	if f.v6 {
		v = "IPv6: "
	}
	hears := func(name string, want string, filters ...filter) row {
		return row{name: v + name, source: f.section("3.1", "4.1"), want: expect(want), do: func(b *bed) string {
			s := b.listen(f.host)
			for _, x := range filters {
				b.check(s.filter(f.group, x))
			}
			return b.arrivals(f, s)
		}}
	}
	return []row{
		hears("no membership", "nobody", nobody),
		hears("any source", "S1, S2, S3", anybody),
		hears("INCLUDE S1", "S1", include(s1)),
		hears("INCLUDE S1,S2", "S1, S2", include(s1, s2)),
		hears("EXCLUDE S1", "S2, S3", exclude(s1)),
		hears("INCLUDE S1, then EXCLUDE S2", "S1, S3", include(s1), exclude(s2)),
		hears("EXCLUDE S1, then INCLUDE S1", "S1", exclude(s1), include(s1)),
		hears("INCLUDE S1, then no membership", "nobody", include(s1), nobody),
		hears("any source, then no membership", "nobody", anybody, nobody),
		{name: v + "two sockets, INCLUDE S1 and EXCLUDE S1", source: f.section("3.1", "4.1"), do: func(b *bed) string {
			one, two := b.listen(f.host), b.listen(f.host)
			b.check(one.filter(f.group, include(s1)))
			b.check(two.filter(f.group, exclude(s1)))
			return b.arrivals(f, one, two)
		}, want: expect("S1 and S2, S3")},
		{name: v + "datagram of the host's own to a group that it joined", source: "RFC 1112 §6.1, RFC 3493 §5.2: a copy comes back", do: func(b *bed) string {
			s := b.member(f, f.group, anybody)
			answer := b.look(view{}, func() { b.check(s.send(netip.AddrPortFrom(f.group, openPort), pattern(8))) })
			in, err := s.received()
			b.check(err)
			return fmt.Sprintf("%d received; %s", len(in), answer)
		}, want: expect("1 received; datagram to G (8 bytes)")},
	}
}

// arrivals sends datagrams to the group from each source and says whose each
// socket received.
func (b *bed) arrivals(f *family, sockets ...socket) string {
	for _, src := range []netip.Addr{f.s1, f.s2, f.s3} {
		b.send(udpFrame(src, f.group, openPort, pattern(8)))
	}
	b.barrier()
	var all []string
	for _, s := range sockets {
		in, err := s.received()
		b.check(err)
		list := make([]string, len(in))
		for i, d := range in {
			list[i] = nameOf(d.src.Addr())
		}
		if len(in) == 0 {
			list = []string{"nobody"}
		}
		all = append(all, strings.Join(list, ", "))
	}
	return strings.Join(all, " and ")
}
