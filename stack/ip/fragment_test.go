package ip_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/ip"
	"github.com/mpstack/mpstack/wire/inet"
)

// bytesOf returns n bytes in which every place is told apart from its
// neighbours.
func bytesOf(n int) []byte {
	b := make([]byte, n)
	rng := rand.New(rand.NewPCG(uint64(n), 1))
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

// send sends a datagram of n bytes without DF.
func (n *node) send(src, dst string, size int) []byte {
	n.w.t.Helper()
	payload := bytesOf(size)
	n.w.ok(n.HandleSendUDP(n.w.now, ip.Datagram{Src: ap(src), Dst: ap(dst), TTL: 9, Payload: payload, Cause: "test/data"}))
	n.drain()
	return payload
}

func (n *node) wantPayloads(want ...[]byte) {
	n.w.t.Helper()
	got := n.kind(ip.KindDatagram)
	if len(got) != len(want) {
		n.w.t.Fatalf("%s received %d datagrams, want %d", n.name, len(got), len(want))
	}
	for i, o := range got {
		if !bytes.Equal(o.Datagram.Payload, want[i]) {
			n.w.t.Errorf("%s: datagram %d of %d bytes is not the one of %d bytes that was sent", n.name, i, len(o.Datagram.Payload), len(want[i]))
		}
	}
}

// TestFragmentsExactFrames: a datagram of 1473 bytes over an MTU of 1500.
func TestFragmentsExactFrames(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.b.bind("0.0.0.0:7")
	payload := p.a.send("0.0.0.0:1000", "10.0.0.2:7", 1473)
	p.run(time.Second)
	p.b.wantPayloads(payload)
	frames := p.with("test/data")
	if len(frames) != 2 {
		t.Fatalf("%q", p.causes())
	}
	wantFrame(t, sent{from: "first", data: frames[0].data[:42]}, `020000000201 020000000101 0800
		45 00 05dc 0001 2000 09 11 780e 0a000001 0a000002  03e8 0007 05c9`+fmt.Sprintf("%x", frames[0].data[40:42]))
	wantFrame(t, sent{from: "last", data: frames[1].data}, `020000000201 020000000101 0800
		45 00 0015 0001 00b9 09 11 9d1c 0a000001 0a000002`+fmt.Sprintf("%x", payload[1472:]))
	if !bytes.Equal(frames[0].data[42:], payload[:1472]) || len(frames[0].data) != 1514 {
		t.Errorf("the first fragment has %d bytes", len(frames[0].data))
	}
}

func TestFragmentsExactFrames6(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.b.bind("[::]:7")
	payload := p.a.send("[::]:1000", "[2001:db8::2]:7", 1453)
	p.run(time.Second)
	p.b.wantPayloads(payload)
	frames := p.with("test/data")
	if len(frames) != 2 {
		t.Fatalf("%q", p.causes())
	}
	id := fmt.Sprintf("%x", frames[0].data[58:62])
	sum := fmt.Sprintf("%x", frames[0].data[68:70])
	wantFrame(t, sent{from: "first", data: frames[0].data[:70]}, `020000000201 020000000101 86dd
		60000000 05b0 2c 09 20010db8000000000000000000000001 20010db8000000000000000000000002
		11 00 0001`+id+`03e8 0007 05b5`+sum)
	wantFrame(t, sent{from: "last", data: frames[1].data}, `020000000201 020000000101 86dd
		60000000 0015 2c 09 20010db8000000000000000000000001 20010db8000000000000000000000002
		11 00 05a8`+id+fmt.Sprintf("%x", payload[1440:]))
}

// TestFragmentsOfEverySize: what leaves in fragments arrives whole, by a router
// with a smaller MTU behind it, whose fragments are fragments of fragments.
func TestFragmentsOfEverySize(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 1272, 1273, 1472, 1473, 2944, 2945, 4000, 9000, 30_000, 65_000, 65_507} {
		w, a, r, b := narrow(t)
		for _, c := range [][2]string{{"10.1.0.1:9", "10.2.0.1:7"}, {"[2001:db8:1::1]:9", "[2001:db8:2::1]:7"}} {
			w.forget()
			a.bind(c[0])
			b.bind(c[1])
			a.send(c[0], c[1], 1) // so that neighbours are known
			w.run(time.Second)
			w.forget()
			payload := a.send(c[0], c[1], size)
			w.run(time.Second)
			if ap(c[1]).Addr().Is6() && size > 1252 {
				// The router tells the path MTU. What went first is lost.
				if len(b.kind(ip.KindDatagram)) != 0 || len(w.with(ip.CauseTooBig)) == 0 {
					t.Errorf("%d bytes over IPv6: %q", size, w.causes())
				}
				w.forget()
				payload = a.send(c[0], c[1], size)
				w.run(time.Second)
				if n := len(w.with(ip.CauseTooBig)); n != 0 {
					t.Errorf("%d bytes over IPv6: too big again", size)
				}
			}
			b.wantPayloads(payload)
			for _, s := range w.frames {
				if s.from == "r/2" && len(s.data) > 1300+14 || len(s.data) > 1500+14 {
					t.Errorf("a frame of %d bytes from %s", len(s.data), s.from)
				}
			}
		}
		if b.Counters().Reasm.Overlaps+b.Counters().Reasm.TimedOut+r.Counters().Reasm.Fragments != 0 {
			t.Errorf("%d bytes: %+v", size, b.Counters().Reasm)
		}
	}
}

// TestDFIsKept: routers cut nothing that has DF, and say so.
func TestDFIsKept(t *testing.T) {
	t.Parallel()
	w, a, r, b := narrow(t)
	b.bind("10.2.0.1:7")
	a.udp("10.1.0.1:9", "10.2.0.1:7", 0, 9, string(make([]byte, 1400)))
	w.run(time.Second)
	r.wantCounter("drop/forward-too-big", 1)
	r.wantCounter("packets/fragmented", 0)
	b.wantDatagrams()
	a.wantCounter("drop/icmp-unmatched", 1) // nobody is bound to port 9
}

// TestForwardedOptions: options that are to be copied stand in every fragment,
// the others in the first one alone.
func TestForwardedOptions(t *testing.T) {
	t.Parallel()
	w, _, r, _ := narrow(t)
	// A timestamp-like option (not copied, 5 bytes), a Router Alert (copied).
	options := []byte{68, 5, 1, 2, 3, 148, 4, 0, 0, 0, 0, 0}
	frame := ip4FrameTo(t, macOf(2, 1), inet.IPv4{TTL: 9, Proto: 200, ID: 77, Src: addr("10.1.0.1"), Dst: addr("10.2.0.1"), Options: options}, bytesOf(2600))
	r.frame(1, frame)
	w.run(time.Second)
	got := slices.DeleteFunc(w.with(ip.CauseForward), func(s sent) bool { return s.from != "r/2" })
	if len(got) != 3 {
		t.Fatalf("%q", w.causes())
	}
	var payload []byte
	for i, s := range got {
		h, part, err := inet.ParseIPv4(s.data[14:])
		w.ok(err)
		want := []byte{148, 4, 0, 0}
		if i == 0 {
			want = options
		}
		if !bytes.Equal(h.Options, want) || h.ID != 77 || h.TTL != 8 || h.FragOffset != len(payload) || h.MF != (i < 2) {
			t.Errorf("fragment %d: %+v", i, h)
		}
		payload = append(payload, part...)
	}
	if !bytes.Equal(payload, bytesOf(2600)) {
		t.Error("the payload was not kept")
	}
}

// TestMulticastFragments: multicast packets without DF are cut for the links
// that need it, and come back to members on the sender whole.
func TestMulticastFragments(t *testing.T) {
	t.Parallel()
	w, a, _, b := narrow(t)
	b.bind("0.0.0.0:7")
	b.join(1, asm4, "")
	a.bind("0.0.0.0:7")
	a.join(1, asm4, "")
	w.run(2 * time.Second)
	w.forget()
	payload := a.send("10.1.0.1:9", asm4+":7", 5000)
	w.run(time.Second)
	b.wantPayloads(payload)
	a.wantPayloads(payload)
	a.wantCounter("packets/looped-back", 1)
}

// TestRoutersReassembleForTheirMembers: a router that is a member itself hears
// the whole datagram while its fragments are forwarded one by one.
func TestRoutersReassembleForTheirMembers(t *testing.T) {
	t.Parallel()
	for _, f := range families {
		n := newRouted(t, ip.Config{})
		n.settle()
		n.r.bind(join(unspecified(f.s), "7"))
		n.x.bind(join(unspecified(f.s), "7"))
		n.r.join(1, f.asm, "")
		n.x.join(1, f.asm, "")
		n.run(2 * time.Second)
		payload := n.s.send(join(f.s, "9"), join(f.asm, "7"), 4000)
		n.run(time.Second)
		n.r.wantPayloads(payload)
		n.x.wantPayloads(payload)
		n.r.wantCounter("packets/multicast-forwarded", 3)
		n.r.wantCounter("reasm/whole", 1)
	}
}

// TestInterceptionOfFragments: what is to be intercepted is put together on
// the way.
func TestInterceptionOfFragments(t *testing.T) {
	t.Parallel()
	cfg := ip.Config{Intercept: []ip.Intercept{{Proto: inet.ProtoRSVP, RouterAlert: true}}}
	for _, f := range families {
		for _, dst := range []string{f.x, f.asm} {
			n := newRouted(t, cfg)
			n.settle()
			payload := bytesOf(3000)
			send := func(alert bool) {
				n.ok(n.s.HandleSend(n.now, ip.Packet{Dst: addr(dst), Proto: inet.ProtoRSVP, TTL: 9, RouterAlert: alert, Payload: payload}))
				n.s.drain()
				n.run(time.Second)
			}
			send(true)
			got := n.r.kind(ip.KindPacket)
			if len(got) != 1 || !bytes.Equal(got[0].Payload, payload) || !got[0].RouterAlert || got[0].ToUs {
				t.Fatalf("%s to %s: %d packets", f.name, dst, len(got))
			}
			n.r.wantCounter("packets/forwarded", 0)
			send(false)
			if len(n.r.kind(ip.KindPacket)) != 1 {
				t.Errorf("%s to %s: without Router Alert", f.name, dst)
			}
		}
	}
}

// TestReassemblyTimeExceeded: the sender of a packet that lost a fragment is
// told, and by a socket's binding; where the first one was lost it is not.
func TestReassemblyTimeExceeded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		src, dst string
		after    time.Duration
	}{
		{"10.0.0.1:9", "10.0.0.2:7", 30 * time.Second},
		{"[2001:db8::1]:9", "[2001:db8::2]:7", 60 * time.Second},
	} {
		for lost := range 3 {
			p := newPair(t)
			h := p.a.bind(c.src)
			p.b.bind(c.dst)
			seen := 0
			p.drop = func(s sent) bool {
				if s.cause == "test/data" {
					seen++
					return seen == lost+1
				}
				return false
			}
			p.a.send(c.src, c.dst, 4000)
			p.run(c.after - time.Second)
			if len(p.with(ip.CauseReassembly)) != 0 {
				t.Errorf("%s: too early", c.src)
			}
			p.run(2 * time.Second)
			p.b.wantCounter("reasm/timed-out", 1)
			if lost == 0 {
				if n := len(p.with(ip.CauseReassembly)); n != 0 {
					t.Errorf("%s: %d errors about a packet whose first fragment is missing", c.src, n)
				}
				continue
			}
			un := p.a.kind(ip.KindUnreachable)
			if len(p.with(ip.CauseReassembly)) != 1 || len(un) != 1 || un[0].Handle != h || un[0].Reason != ip.ReasonReassembly ||
				!un[0].Soft || un[0].Local != ap(c.src) || un[0].Remote != ap(c.dst) {
				t.Errorf("%s: %q, %+v", c.src, p.causes(), un)
			}
			if !p.b.Quiet() == (len(p.b.kind(ip.KindDatagram)) > 0) {
				t.Error("received in part")
			}
		}
	}
}

// fragment6 builds an IPv6 fragment to node b of a pair.
func fragment6(t *testing.T, next uint8, f inet.FragmentHeader, payload []byte) []byte {
	f.Present = true
	return ip6FrameTo(t, macOf(2, 1), inet.IPv6{HopLimit: 255, NextHeader: next, Src: addr("2001:db8::1"), Dst: addr("2001:db8::2"), Fragment: f}, payload)
}

// TestBadFragments6: what RFC 8200 section 4.5 and RFC 7112 ask to be reported.
func TestBadFragments6(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		frame   []byte
		code    uint8
		pointer uint32
		counter string
	}{
		{"length", fragment6(t, inet.ProtoUDP, inet.FragmentHeader{More: true}, make([]byte, 9)), inet.ICMPv6ErroneousField, 4, "reasm/misaligned"},
		{"too long", fragment6(t, inet.ProtoUDP, inet.FragmentHeader{Offset: 65528}, make([]byte, 9)), inet.ICMPv6ErroneousField, 42, "reasm/too-long"},
		{"too long, of ICMPv6", fragment6(t, inet.ProtoICMPv6, inet.FragmentHeader{Offset: 65528}, make([]byte, 9)), inet.ICMPv6ErroneousField, 42, "reasm/too-long"},
		{"headers", fragment6(t, inet.ProtoDestination, inet.FragmentHeader{More: true}, []byte{17, 0, 1, 4, 0, 0, 0, 0}), inet.ICMPv6IncompleteFragments, 0, "reasm/headers-missing"},
	} {
		p := newPair(t)
		p.b.frame(1, c.frame)
		p.run(2 * time.Second)
		p.b.wantCounter(c.counter, 1)
		sent := p.with(ip.CauseParamProblem)
		if len(sent) != 1 {
			t.Fatalf("%s: %q", c.name, p.causes())
		}
		h, b := ipOf(t, sent[0])
		m, err := inet.ParseICMPv6(b, h.src, h.dst)
		if err != nil || m.Type != inet.ICMPv6ParamProblem || m.Code != c.code || m.Pointer() != c.pointer {
			t.Errorf("%s: %+v %v", c.name, m, err)
		}
	}
}

// TestAtomicFragments pass as they are (RFC 6946), except for neighbour
// discovery (RFC 6980), also when it comes in true fragments.
func TestAtomicFragments(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.b.bind("[::]:7")
	udp, err := inet.UDP{SrcPort: 9, DstPort: 7}.AppendTo(nil, addr("2001:db8::1"), addr("2001:db8::2"), []byte("atom"))
	p.ok(err)
	for range 2 { // of the same identification
		p.b.frame(1, fragment6(t, inet.ProtoUDP, inet.FragmentHeader{ID: 5}, udp))
	}
	p.b.wantDatagrams("[2001:db8::1]:9>[2001:db8::2]:7 atom", "[2001:db8::1]:9>[2001:db8::2]:7 atom")
	p.b.wantCounter("reasm/fragments", 0)

	ns, err := inet.NeighborSolicitation{Target: addr("2001:db8::2"), LinkAddr: macOf(1, 1), HasLinkAddr: true}.AppendTo(nil, addr("2001:db8::1"), addr("2001:db8::2"))
	p.ok(err)
	p.b.frame(1, fragment6(t, inet.ProtoICMPv6, inet.FragmentHeader{ID: 6}, ns))
	p.b.wantCounter("drop/ndp", 1)
	p.b.frame(1, fragment6(t, inet.ProtoICMPv6, inet.FragmentHeader{ID: 7, More: true}, ns[:16]))
	p.b.frame(1, fragment6(t, inet.ProtoICMPv6, inet.FragmentHeader{ID: 7, Offset: 16}, ns[16:]))
	p.b.wantCounter("drop/ndp", 2)
	p.wantCauses()
}

// TestFragmentsInFragments are dropped: a whole packet is whole.
func TestFragmentsInFragments(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	inner := append([]byte{inet.ProtoUDP, 0, 0, 1, 0, 0, 0, 9}, make([]byte, 24)...)
	p.b.frame(1, fragment6(t, inet.ProtoFragment, inet.FragmentHeader{ID: 6, More: true}, inner[:16]))
	p.b.frame(1, fragment6(t, inet.ProtoFragment, inet.FragmentHeader{ID: 6, Offset: 16}, inner[16:]))
	p.b.wantCounter("drop/fragment", 1)
	// Headers in an order that cannot be, in fragments.
	wrong := append([]byte{inet.ProtoHopByHop, 0, 1, 4, 0, 0, 0, 0, inet.ProtoUDP, 0, 1, 4, 0, 0, 0, 0}, make([]byte, 16)...)
	p.b.frame(1, fragment6(t, inet.ProtoDestination, inet.FragmentHeader{ID: 7, More: true}, wrong[:24]))
	p.b.frame(1, fragment6(t, inet.ProtoDestination, inet.FragmentHeader{ID: 7, Offset: 24}, wrong[24:]))
	p.b.wantCounter("drop/header", 1)
	if len(p.b.got) != 0 {
		t.Errorf("%+v", p.b.got)
	}
}

// TestFragmentsWithoutRandom: identifications count up where nothing is random.
func TestFragmentsWithoutRandom(t *testing.T) {
	t.Parallel()
	m := ip.New(ip.Config{})
	now := machine.VirtualEpoch
	if err := m.AddInterface(now, ip.Interface{Index: 1, MAC: macOf(1, 1), MTU: 1500, Up: true, Addrs: []netip.Prefix{prefix("2001:db8::1/64")}}); err != nil {
		t.Fatal(err)
	}
	var ids []byte
	for range 3 {
		err := m.HandleSendUDP(now, ip.Datagram{Src: ap("[::]:9"), Dst: ap("[ff02::9]:9"), OutIf: 1, Payload: make([]byte, 2000)})
		if err != nil {
			t.Fatal(err)
		}
		for o, ok := m.Next(); ok; o, ok = m.Next() {
			h, _, err := inet.ParseIPv6(o.Data[14:])
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, byte(h.Fragment.ID))
		}
	}
	if !bytes.Equal(ids, []byte{1, 1, 2, 2, 3, 3}) {
		t.Errorf("identifications %v", ids)
	}
}

// TestFragmentedMembershipIsDropped: IGMP in fragments is nobody's.
func TestFragmentedMembershipIsDropped(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.b.frame(1, ip4Frame(t, inet.IPv4{TTL: 1, Proto: inet.ProtoIGMP, Src: addr("10.0.0.1"), Dst: addr("224.0.0.1"), MF: true}, make([]byte, 16)))
	p.b.wantCounter("drop/igmp", 1)
}

// TestBigEcho: answers to what came in fragments leave in fragments.
func TestBigEcho(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	body := bytesOf(20_000)
	p.ok(p.a.HandleSend(p.now, ip.Packet{Dst: addr("10.0.0.2"), Proto: inet.ProtoICMP, Payload: inet.NewEcho(inet.ICMPv4Echo, 5, 6, body).AppendV4(nil)}))
	p.a.drain()
	echo6, err := inet.NewEcho(inet.ICMPv6Echo, 5, 6, body).AppendV6(nil, addr("2001:db8::1"), addr("2001:db8::2"))
	p.ok(err)
	p.ok(p.a.HandleSend(p.now, ip.Packet{Dst: addr("2001:db8::2"), Proto: inet.ProtoICMPv6, Payload: echo6}))
	p.a.drain()
	p.run(time.Second)
	p.b.wantCounter("icmp/echo-replies", 2)
	p.a.wantCounter("reasm/whole", 2)
	p.a.wantCounter("drop/icmp", 0) // their checksums were right
	p.a.wantCounter("drop/icmp-type", 2)
}

// TestNeighborQueueHoldsWholePackets: a datagram of many fragments that waits
// for its neighbour counts as one.
func TestNeighborQueueHoldsWholePackets(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.b.bind("10.0.0.2:7")
	one := p.a.send("10.0.0.1:9", "10.0.0.2:7", 60_000)
	two := p.a.send("10.0.0.1:9", "10.0.0.2:7", 60_000)
	p.run(time.Second)
	p.b.wantPayloads(one, two)
	p.a.wantCounter("neigh/queue-full", 0)
}

// TestReassemblyIsBounded: a flood of fragments takes no more than it may, and
// whole datagrams still come through from others.
func TestReassemblyIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.add("a", ip.Config{}), w.add("b", ip.Config{MaxReassembly: 100_000, MaxSourceReassembly: 50_000})
	l := new(wire)
	w.connect(l, a, 1, "10.0.0.1/24")
	w.connect(l, b, 1, "10.0.0.2/24")
	b.bind("0.0.0.0:7")
	for id := range uint16(2000) {
		b.frame(1, ip4FrameTo(t, macOf(2, 1), inet.IPv4{TTL: 9, ID: id, Proto: inet.ProtoUDP, Src: addr("10.0.0.99"), Dst: addr("10.0.0.2"), MF: true}, make([]byte, 1400)))
	}
	if c := b.Counters().Reasm; c.EvictedSource < 1900 {
		t.Errorf("%+v", c)
	}
	payload := a.send("10.0.0.1:9", "10.0.0.2:7", 9000)
	w.run(time.Second)
	b.wantPayloads(payload)
	if b.Quiet() {
		t.Error("quiet with packets in parts")
	}
	w.run(time.Minute)
	if n := len(w.with(ip.CauseReassembly)); n > 20 {
		t.Errorf("%d errors at once, the rate allows 20", n)
	}
}

// TestFragmentedRunIsDeterministic: fragments and their errors come out alike.
func TestFragmentedRunIsDeterministic(t *testing.T) {
	t.Parallel()
	run := func() []byte {
		w, a, _, b := narrow(t)
		b.bind("[::]:7")
		n := 0
		w.drop = func(s sent) bool { n++; return n%7 == 0 }
		for i := range 20 {
			a.send("[2001:db8:1::1]:9", "[2001:db8:2::1]:7", 1000*i)
			a.send("10.1.0.1:9", "10.2.0.1:7", 1000*i)
			w.run(time.Duration(i) * time.Second)
		}
		w.run(2 * time.Minute)
		return w.history.Bytes()
	}
	if a, b := run(), run(); !bytes.Equal(a, b) || len(a) < 10_000 {
		t.Errorf("two runs of %d and %d bytes differ", len(a), len(b))
	}
}

// TestForwardingFragmentsOnce: a router forwards fragments one by one, without
// holding them.
func TestForwardingFragmentsOnce(t *testing.T) {
	t.Parallel()
	n := newRouted(t, ip.Config{})
	n.settle()
	n.x.bind("10.2.0.1:7")
	payload := n.s.send("10.1.0.1:9", "10.2.0.1:7", 4000)
	n.run(time.Second)
	n.x.wantPayloads(payload)
	n.r.wantCounter("packets/forwarded", 3)
	n.r.wantCounter("reasm/fragments", 0)
}

// TestErrorsAboutFragments: about the first one alone (RFC 1122 section 3.2.2),
// in IPv6 about each.
func TestErrorsAboutFragments(t *testing.T) {
	t.Parallel()
	for _, f := range families {
		want := map[string]int{"IPv4": 1, "IPv6": 3}[f.name]
		n := newRouted(t, ip.Config{})
		n.settle()
		n.ok(n.s.HandleSendUDP(n.now, ip.Datagram{Src: ap(join(f.s, "9")), Dst: ap(join(f.x, "7")), TTL: 1, Payload: bytesOf(4000)}))
		n.s.drain()
		n.run(time.Second)
		if got := len(n.with(ip.CauseTimeExceeded)); got != want {
			t.Errorf("%s: %d errors about three fragments, want %d", f.name, got, want)
		}
	}
}
