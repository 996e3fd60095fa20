//go:build netns

package reference_test

import (
	"net/netip"
	"time"

	"github.com/mpstack/mpstack/wire/inet"
)

// arpRequest is a request by the prober, altered by change.
func arpRequest(change func(*inet.ARP)) inet.ARP {
	a := inet.ARP{Op: inet.ARPRequest, SenderMAC: proberMAC, SenderIP: prober4, TargetIP: host4}
	if change != nil {
		change(&a)
	}
	return a
}

func arpToAll(a inet.ARP) []byte { return arpFrame(a.SenderMAC, inet.Broadcast, a) }

// afterwards asks for an echo from an address at another station after frames
// that may tell the host where it is.
func afterwards(src netip.Addr, frames ...[]byte) func(*bed) string {
	return func(b *bed) string {
		b.answerFor(src, otherMAC)
		for _, f := range frames {
			b.send(f)
		}
		b.barrier()
		dst := host4
		if src.Is6() {
			dst = host6
		}
		f := echoFrame(src, dst, echoID, 1, pattern(8))
		copy(f[6:], otherMAC[:])
		return b.look(view{neighbors: true}, func() {
			mark := b.mark()
			b.send(f)
			b.await(mark, patience, func(frame []byte) bool { // it may have to ask for the address first
				id, _, ok := parseEchoReply(frame)
				return ok && id == echoID
			})
		})
	}
}

// unresolved sends to a neighbour that does not answer.
func unresolved(dst netip.Addr) func(*bed) string {
	return func(b *bed) string {
		s := b.listen(dst)
		return b.look(view{neighbors: true}, func() {
			b.check(s.send(netip.AddrPortFrom(dst, closedPort), pattern(8)))
			b.host.wait(1500*time.Millisecond, 20*time.Second)
		})
	}
}

// resolved sends several datagrams to a neighbour before it answers.
func resolved(dst netip.Addr) func(*bed) string {
	return func(b *bed) string {
		s := b.listen(dst)
		return b.look(view{neighbors: true}, func() {
			for n := range 3 {
				b.check(s.send(netip.AddrPortFrom(dst, closedPort), pattern(n)))
			}
			b.barrier()
			b.answerFor(dst, proberMAC)
			b.host.wait(600*time.Millisecond, 1100*time.Millisecond) // the second request
			b.barrier()
		})
	}
}

// stale is a neighbour that asked once, is answered, and is then silent.
func stale(src netip.Addr, introduction, question []byte) func(*bed) string {
	return func(b *bed) string {
		b.answerFor(src, inet.MAC{})
		b.send(introduction)
		b.barrier()
		return b.look(view{neighbors: true}, func() {
			b.send(question)
			b.barrier()
			b.host.wait(6500*time.Millisecond, 20*time.Second) // 5 s until the first probe
		})
	}
}

func arpRows() []row {
	s1 := igmpFamily.s1
	const reply = "echo reply (8 bytes), sent to other's address"
	announce := func(ip netip.Addr, mac inet.MAC) inet.ARP {
		return inet.ARP{Op: inet.ARPRequest, SenderMAC: mac, SenderIP: ip, TargetIP: ip}
	}
	return []row{
		{name: "request for the host's address, broadcast", source: "RFC 826",
			do: asked(arpToAll(arpRequest(nil))), want: expect("ARP reply to prober")},
		{name: "the same sent to the host alone (unicast poll)", source: "RFC 1122 §2.3.2.1",
			do: asked(arpFrame(proberMAC, hostMAC, arpRequest(nil))), want: expect("ARP reply to prober")},
		{name: "request for another address", source: "RFC 826",
			do: asked(arpToAll(arpRequest(func(a *inet.ARP) { a.TargetIP = other4 }))), want: expect(none)},
		{name: "request with a hardware type that is not Ethernet's (32)", source: "RFC 826",
			do: asked(altered(arpToAll(arpRequest(nil)), 15, 32)), want: expect(none)},
		{name: "request with the hardware type of IEEE 802 (6)", source: "RFC 826; RFC 1042 has both",
			do: asked(altered(arpToAll(arpRequest(nil)), 15, 6)), want: expect(none, "ARP reply to prober"),
			why: "Linux takes 6 for Ethernet's 1. Nothing that speaks Ethernet II sends it, and `stack/ip` knows 1 alone."},
		{name: "request in a frame that is cut short", source: "RFC 826",
			do: asked(arpToAll(arpRequest(nil))[:14+20]), want: expect(none)},
		{name: "unknown operation (3) for the host's address", source: "RFC 826",
			do: asked(arpToAll(arpRequest(func(a *inet.ARP) { a.Op = 3 }))), want: expect(none)},
		{name: "probe (sender 0.0.0.0) for the host's address", source: "RFC 5227 §2.1.1",
			do: asked(arpToAll(arpRequest(func(a *inet.ARP) { a.SenderIP = netip.IPv4Unspecified() }))), want: expect("ARP reply to 0.0.0.0")},
		{name: "announcement of another's own address", source: "RFC 5227 §2.3",
			do: asked(arpToAll(announce(prober4, proberMAC))), want: expect(none)},
		{name: "after a request for the host's address: echo from the asker", source: "RFC 826: the asker is learned",
			do:   afterwards(other4, arpFrame(otherMAC, inet.Broadcast, arpRequest(func(a *inet.ARP) { a.SenderMAC, a.SenderIP = otherMAC, other4 }))),
			want: expect("ARP reply to other; "+reply, reply)},
		{name: "after an announcement by an unknown neighbour: echo from it", source: "RFC 826: no new entry",
			do: afterwards(other4, arpToAll(announce(other4, otherMAC))), want: expect("ARP request for other; " + reply)},
		{name: "after an unsolicited reply of an unknown neighbour: echo from it", source: "RFC 826: no new entry",
			do: afterwards(other4, arpFrame(otherMAC, hostMAC, inet.ARP{Op: inet.ARPReply, SenderMAC: otherMAC, SenderIP: other4,
				TargetMAC: hostMAC, TargetIP: other4})), want: expect("ARP request for other; " + reply)},
		{name: "after an announcement by a known neighbour of a new station: echo from it", source: "RFC 826: the entry is updated",
			do: afterwards(prober4, arpToAll(announce(prober4, otherMAC))), want: expect(reply)},
		{name: "datagram to a neighbour that does not answer", source: "RFC 1122 §2.3.2.1: at most one request a second",
			do: unresolved(other4), want: expect("3 × ARP request for other")},
		{name: "three datagrams to a neighbour that answers the second request", source: "RFC 1122 §2.3.2.2: at least the latest is kept",
			do: resolved(other4), want: expect("2 × ARP request for other; datagram to other (0 bytes); datagram to other (1 bytes); datagram to other (2 bytes)")},
		{name: "echo from a neighbour that asked once and is silent then", source: "RFC 1122 §2.3.2.1 (2): unicast poll",
			do:   stale(s1, arpToAll(arpRequest(func(a *inet.ARP) { a.SenderIP = s1 })), echoFrame(s1, host4, echoID, 1, pattern(8))),
			want: expect("echo reply (8 bytes); 3 × unicast ARP request for S1")},
	}
}
