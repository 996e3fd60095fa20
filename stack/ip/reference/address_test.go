//go:build netns

package reference_test

import (
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/mpstack/mpstack/wire/igmp"
	"github.com/mpstack/mpstack/wire/inet"
)

// What router advertisements lead to.
var (
	prefix6 = netip.MustParsePrefix("2001:db8:1::/64")
	formed6 = func() netip.Addr { // the host's address in prefix6
		a, ll := prefix6.Addr().As16(), hostLL.As16()
		copy(a[8:], ll[8:])
		return netip.AddrFrom16(a)
	}()
	far6    = addr("2001:db8:f::1") // off the link
	otherLL = inet.LinkLocal(otherMAC)
)

func init() {
	names[formed6], names[far6], names[otherLL] = "the formed address", "far", "other's link-local address"
}

// upShort and upFull are how long a host takes from link up until its
// addresses can be used, and routers were asked for.
const upShort, upFull = 4 * time.Second, time.Minute

// only keeps the parts of an answer that hold a text.
func only(answer, text string) string {
	var list []string
	for part := range strings.SplitSeq(answer, "; ") {
		if strings.Contains(part, text) {
			list = append(list, part)
		}
	}
	if list == nil {
		return none
	}
	return strings.Join(list, "; ")
}

// linkUp says what of a text the host sends when its link comes up.
func linkUp(text string) func(*bed) string {
	return func(b *bed) string {
		b.check(b.host.setLink(false))
		mark := b.mark()
		b.check(b.host.setLink(true))
		b.host.wait(upShort, upFull)
		b.check(b.greet())
		return only(view{}.summary(b.since(mark)), text)
	}
}

// contested takes the link up, claims an address when the host checks it, and
// says how the host answers for it then.
func contested(probe, answer string, claim, question []byte) func(*bed) string {
	return func(b *bed) string {
		b.check(b.host.setLink(false))
		mark := b.mark()
		b.check(b.host.setLink(true))
		b.await(mark, 2*patience, func(frame []byte) bool {
			return strings.Contains(view{}.summary([]heard{{data: frame}}), probe)
		})
		b.send(claim)
		b.watch(500 * time.Millisecond) // nobody can be asked whether it has arrived
		b.host.wait(1500*time.Millisecond, upFull)
		mark = b.mark()
		b.send(question)
		b.watch(200 * time.Millisecond)
		return only(view{}.summary(b.since(mark)), answer)
	}
}

// ra is a router advertisement of the prober.
func ra(change func(*inet.RouterAdvertisement)) []byte {
	return raFrom(proberLL, 255, change)
}

func raFrom(src netip.Addr, hops uint8, change func(*inet.RouterAdvertisement)) []byte {
	info := inet.PrefixInformation{Prefix: prefix6, OnLink: true, Autonomous: true, ValidLifetime: time.Hour, PreferredLifetime: time.Hour}
	a := inet.RouterAdvertisement{RouterLifetime: 30 * time.Minute, Options: must(info.AppendTo(nil))}
	if change != nil {
		change(&a)
	}
	dst := igmp.AllNodes6
	return ndFrame(proberMAC, inet.MulticastMAC(dst), src, dst, hops, must(a.AppendTo(nil, src, dst)))
}

// advertised sends advertisements and says how the host answers for the address
// that they let it form.
func advertised(frames ...[]byte) func(*bed) string {
	return func(b *bed) string {
		for _, f := range frames {
			b.send(f)
		}
		b.barrier()
		b.host.wait(2500*time.Millisecond, 10*time.Second)
		return only(b.ask(view{}, nsFrame(prober6, inet.SolicitedNode(formed6), nsFor(formed6))), "NA ")
	}
}

// routed sends advertisements, and says how a datagram goes to who is off the
// link.
func routed(v view, n int, frames ...[]byte) func(*bed) string {
	return func(b *bed) string {
		for _, f := range frames {
			b.send(f)
		}
		b.barrier()
		b.host.wait(0, time.Second)
		s := b.listen(host6)
		var err error
		answer := b.look(v, func() { err = s.send(netip.AddrPortFrom(far6, proberPort), pattern(n)) })
		if errors.Is(err, errNoRoute) {
			return "refused: no route"
		}
		b.check(err)
		return answer
	}
}

const noACD = "Linux has no address conflict detection for IPv4: it leaves that to programs."

func addressRows() []row {
	group := inet.SolicitedNode(hostLL)
	claimNA := naFrame(otherMAC, inet.MulticastMAC(igmp.AllNodes6), hostLL, igmp.AllNodes6,
		inet.NeighborAdvertisement{Override: true, Target: hostLL, LinkAddr: otherMAC, HasLinkAddr: true})
	claimNS := ndFrame(otherMAC, inet.MulticastMAC(group), netip.IPv6Unspecified(), group, 255,
		must(inet.NeighborSolicitation{Target: hostLL}.AppendTo(nil, netip.IPv6Unspecified(), group)))
	question := nsFrame(proberLL, group, nsFor(hostLL))
	announcement := inet.ARP{Op: inet.ARPRequest, SenderMAC: otherMAC, SenderIP: host4, TargetIP: host4}
	const defended, na = "ARP announcement of host", "NA S O, to prober, for the formed address"
	const far = "datagram to far (8 bytes)"
	rows := []row{
		{name: "link up: IPv4 address", source: "RFC 5227 §2.1, §2.3", do: linkUp("ARP"), want: expect("3 × ARP probe for host; 2 × ARP announcement of host"), why: noACD},
		{name: "link up: IPv6 link-local address", source: "RFC 4862 §5.4.2", do: linkUp("for host's link-local"), want: expect("DAD NS for host's link-local address")},
		{name: "ARP announcement of the probed address by another, then a request", source: "RFC 5227 §2.1.1",
			do: contested("ARP probe", "ARP reply", arpToAll(announcement), arpToAll(arpRequest(nil))), want: expect(none), why: noACD},
		{name: "NA for the address being checked, then an NS", source: "RFC 4862 §5.4.4", do: contested("DAD NS for host's link-local", "NA ", claimNA, question), want: expect(none)},
		{name: "NS from :: for the address being checked, then an NS", source: "RFC 4862 §5.4.3", do: contested("DAD NS for host's link-local", "NA ", claimNS, question), want: expect(none)},
		{name: "ARP announcement of the host's address by another", source: "RFC 5227 §2.4", do: asked(arpToAll(announcement)), want: expect(defended), why: noACD},
		{name: "the same from a reply", source: "RFC 5227 §2.4", do: asked(arpFrame(otherMAC, hostMAC, inet.ARP{Op: inet.ARPReply, SenderMAC: otherMAC,
			SenderIP: host4, TargetMAC: hostMAC, TargetIP: host4})), want: expect(defended), why: noACD},
		{name: "NA by another for the host's address in use", source: "RFC 4862 §5.4.4 leaves it open", do: asked(naFrame(otherMAC, inet.MulticastMAC(igmp.AllNodes6), host6, igmp.AllNodes6,
			inet.NeighborAdvertisement{Override: true, Target: host6, LinkAddr: otherMAC, HasLinkAddr: true})), want: expect(none, "NA O, to all nodes")},
	}
	for i := range rows {
		rows[i].knobs.detect = true
	}
	auto := []row{
		{name: "link up: router solicitations", source: "RFC 4861 §6.3.7", do: linkUp("router solicitation"), want: expect("3 × router solicitation")},
		{name: "NS for an address in the prefix of an advertisement", source: "RFC 4862 §5.5.3", do: advertised(ra(nil)), want: expect(na)},
		{name: "the same, the prefix not autonomous", source: "RFC 4862 §5.5.3 (a)", do: advertised(raPrefix(func(p *inet.PrefixInformation) { p.Autonomous = false })), want: expect(none)},
		{name: "the same, the prefix of 48 bits", source: "RFC 4862 §5.5.3 (d)", do: advertised(raPrefix(func(p *inet.PrefixInformation) {
			p.Prefix = netip.PrefixFrom(prefix6.Addr(), 48)
		})), want: expect(none)},
		{name: "the same, a valid lifetime of 0", source: "RFC 4862 §5.5.3 (d)", do: advertised(raPrefix(func(p *inet.PrefixInformation) { p.ValidLifetime, p.PreferredLifetime = 0, 0 })), want: expect(none)},
		{name: "the same, preferred longer than valid", source: "RFC 4862 §5.5.3 (c)", do: advertised(raPrefix(func(p *inet.PrefixInformation) { p.ValidLifetime = time.Minute })), want: expect(none)},
		{name: "the same, the advertisement with hop limit 254", source: "RFC 4861 §6.1.2", do: advertised(raFrom(proberLL, 254, nil)), want: expect(none)},
		{name: "the same, the advertisement from a global address", source: "RFC 4861 §6.1.2", do: advertised(raFrom(prober6, 255, nil)), want: expect(none)},
		{name: "the same, then one with a valid lifetime of 0", source: "RFC 4862 §5.5.3 (e): kept for two hours", do: advertised(ra(nil), raPrefix(func(p *inet.PrefixInformation) {
			p.ValidLifetime, p.PreferredLifetime = 0, 0
		})), want: expect(na)},
		{name: "datagram off the link, without an advertisement", source: "RFC 4861 §5.2", do: routed(view{}, 8), want: expect("refused: no route")},
		{name: "datagram off the link, after an advertisement", source: "RFC 4861 §6.3.4", do: routed(view{}, 8, ra(nil)), want: expect(far)},
		{name: "the same, after one more with a router lifetime of 0", source: "RFC 4861 §6.3.4", do: routed(view{}, 8, ra(nil), ra(func(a *inet.RouterAdvertisement) { a.RouterLifetime = 0 })), want: expect("refused: no route")},
		{name: "datagram after an advertisement with hop limit 33", source: "RFC 4861 §6.3.4", do: routed(view{header: true}, 8, ra(func(a *inet.RouterAdvertisement) { a.HopLimit = 33 })), want: expect(far + ", TTL 33")},
		{name: "datagram of 1,400 bytes after an advertisement with an MTU of 1,300", source: "RFC 4861 §6.3.4", do: routed(view{}, 1400, ra(func(a *inet.RouterAdvertisement) {
			a.Options = append(a.Options, 5, 1, 0, 0, 0, 0, 5, 0x14)
		})), want: expect("datagram to far (1400 bytes) in 2 fragments, the largest of 1296 bytes")},
		{name: "datagram of 1,400 bytes after an advertisement with an MTU of 1,000", source: "RFC 4861 §6.3.4: to be ignored", do: routed(view{}, 1400, ra(func(a *inet.RouterAdvertisement) {
			a.Options = append(a.Options, 5, 1, 0, 0, 0, 0, 3, 0xe8)
		})), want: expect("datagram to far (1400 bytes)")},
		{name: "datagram after a redirect of its destination to another router", source: "RFC 4861 §8.3", do: redirected(), want: expect(far + ", by other's address"),
			why: "`stack/ip` ignores redirects, and counts them: routes come from the configuration or from router advertisements. RFC 4861 says that a host should follow them."},
	}
	for i := range auto {
		auto[i].knobs.autoconf = true
	}
	return append(rows, auto...)
}

// raPrefix is an advertisement whose prefix is altered.
func raPrefix(change func(*inet.PrefixInformation)) []byte {
	return ra(func(a *inet.RouterAdvertisement) {
		info := inet.PrefixInformation{Prefix: prefix6, OnLink: true, Autonomous: true, ValidLifetime: time.Hour, PreferredLifetime: time.Hour}
		change(&info)
		a.Options = must(info.AppendTo(nil))
	})
}

// redirected sends a datagram by the advertised router, which says that another
// is better, and a second one.
func redirected() func(*bed) string {
	return func(b *bed) string {
		b.answerFor(otherLL, otherMAC)
		b.send(ra(nil))
		b.barrier()
		s, to := b.listen(host6), netip.AddrPortFrom(far6, proberPort)
		mark := b.mark()
		b.check(s.send(to, pattern(8)))
		b.barrier()
		sent := b.datagram(mark)
		src := netip.AddrFrom16([16]byte(sent[8:24]))
		r := inet.Redirect{Target: otherLL, Destination: far6, LinkAddr: otherMAC, HasLinkAddr: true}
		b.send(ndFrame(proberMAC, hostMAC, proberLL, src, 255, must(r.AppendTo(nil, proberLL, src))))
		b.barrier()
		return b.look(view{}, func() { b.check(s.send(to, pattern(8))) })
	}
}
