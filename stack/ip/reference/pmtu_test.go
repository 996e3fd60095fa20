//go:build netns

package reference_test

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/mpstack/mpstack/wire/inet"
)

// tooBig is a router's message about a packet of the host.
func (f *family) tooBig(mtu int, quoted []byte) []byte {
	m := inet.NewFragNeeded(uint16(mtu), quoted)
	if f.v6 {
		m = inet.NewPacketTooBig(uint32(mtu), quoted)
	}
	return icmpFrame(f.prober, f.host, m)
}

// sendAfter sends a datagram of 1,400 bytes, then a router's message about it
// or about a packet that was not sent, and says how the next one goes.
func (f *family) sendAfter(mtu int, forged bool, wait func(b *bed)) func(*bed) string {
	return func(b *bed) string {
		s, to := b.listen(f.host), netip.AddrPortFrom(f.prober, proberPort)
		mark := b.mark()
		b.check(s.send(to, pattern(1400)))
		b.barrier()
		quoted := packet(f.host, f.prober, inet.ProtoUDP,
			must(inet.UDP{SrcPort: closedPort, DstPort: proberPort}.AppendTo(nil, f.host, f.prober, pattern(1400))))
		if !forged {
			quoted = b.datagram(mark)
		}
		b.send(f.tooBig(mtu, quoted))
		b.barrier()
		if wait != nil {
			wait(b)
		}
		return b.look(view{}, func() { b.check(s.send(to, pattern(1400))) })
	}
}

// datagram returns the packet of the host's first datagram after a mark.
func (b *bed) datagram(mark int) []byte {
	for _, f := range b.since(mark) {
		e, p, err := inet.ParseEthernet(f.data)
		if err != nil || e.Type == inet.EtherTypeARP {
			continue
		}
		if x, err := parsePacket(e, p); err == nil && x.proto == inet.ProtoUDP {
			return p
		}
	}
	b.fail(fmt.Errorf("the host sent no datagram"))
	return nil
}

func pmtuRows() []row {
	var rows []row
	for _, f := range families {
		v, mtu, cut := "IPv4: ", 1000, 996
		found, later := "RFC 1191 §3", "RFC 1191 §6.3"
		if f.v6 {
			v, mtu, cut = "IPv6: ", 1280, 1280
			found, later = "RFC 8201 §4", "RFC 8201 §5.3"
		}
		const whole = "datagram to prober (1400 bytes)"
		fragments := fmt.Sprintf("%s in 2 fragments, the largest of %d bytes", whole, cut)
		send := func(n int, vw view) func(*bed) string {
			return func(b *bed) string {
				s := b.listen(f.host)
				return b.look(vw, func() { b.check(s.send(netip.AddrPortFrom(f.prober, proberPort), pattern(n))) })
			}
		}
		df := ""
		if !f.v6 {
			df = "Linux discovers path MTUs unless told not to, and so sets DF. With `stack/ip` it is the sender's choice, datagram by datagram, and this one did not ask for it."
		}
		rows = append(rows,
			row{name: v + "datagram of 8 bytes: TTL and DF", source: "RFC 1191 §3 wants DF of who discovers path MTUs", do: send(8, view{header: true}),
				want: expect("datagram to prober (8 bytes), TTL 64", "datagram to prober (8 bytes), TTL 64, DF"), why: df},
			row{name: v + "datagram of 3,000 bytes", source: "RFC 1122 §3.3.3, RFC 8200 §5", do: send(3000, view{}),
				want: expect(fmt.Sprintf("datagram to prober (3000 bytes) in 3 fragments, the largest of %d bytes", f.largest()))},
			row{name: v + fmt.Sprintf("datagram of 1,400 bytes, after a router told an MTU of %d", mtu), source: found, do: f.sendAfter(mtu, false, nil), want: expect(fragments)},
			row{name: v + "the same, ten minutes later", source: later, want: expect(whole),
				do: f.sendAfter(mtu, false, func(b *bed) { b.host.wait(2500*time.Millisecond, 21*time.Minute) })},
			row{name: v + "after a router told it about a packet that was not sent", source: "RFC 5927 §4, RFC 8201 §4", do: f.sendAfter(mtu, true, nil), want: expect(whole)},
			row{name: v + "after a router told an MTU of 2,000", source: found, do: f.sendAfter(2000, false, nil), want: expect(whole)},
		)
		if f.v6 {
			rows = append(rows, row{name: v + "after a router told an MTU of 1,000", source: "RFC 8201 §4: to be discarded", do: f.sendAfter(1000, false, nil), want: expect(whole)})
			continue
		}
		rows = append(rows,
			row{name: v + "after a router told no MTU", source: "RFC 1191 §5: the next plateau below is 1,006", do: f.sendAfter(0, false, nil),
				want: expect(whole + " in 2 fragments, the largest of 1004 bytes"),
				why:  "Linux goes down to its floor, net.ipv4.route.min_pmtu, 552 bytes, at once. `stack/ip` tries RFC 1191's plateaus."},
			row{name: v + "after a router told an MTU of 60", source: "RFC 1191 §3: never below 68", do: f.sendAfter(60, false, nil),
				want: expect(whole+" in 30 fragments, the largest of 68 bytes", whole, whole+" in 3 fragments, the largest of 572 bytes",
					whole+" in 3 fragments, the largest of 548 bytes"),
				why: "Each has a floor of its own, against messages that are meant to make it send dust: 576 bytes, and on Linux net.ipv4.route.min_pmtu, 552."})
	}
	return rows
}
