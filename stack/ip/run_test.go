package ip_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/ip"
	"github.com/mpstack/mpstack/wire/igmp"
	"github.com/mpstack/mpstack/wire/inet"
)

// busy runs a varied exchange and returns all that came out of it.
func busy(t *testing.T) []byte {
	n := newRouted(t, ip.Config{Intercept: []ip.Intercept{{Proto: inet.ProtoRSVP, RouterAlert: true}}})
	for _, f := range families {
		for _, h := range []*node{n.x, n.y, n.z} {
			h.bind(join(unspecified(f.s), "5000"))
			h.join(1, f.ssm, f.s)
			h.join(1, f.asm, "")
		}
	}
	n.settle()
	for i := range 20 {
		for _, f := range families {
			n.s.udp(join(f.s, "1"), join(f.ssm, "5000"), 0, 5, fmt.Sprint(i))
			n.z.udp(join(f.z, "1"), join(f.asm, "5000"), 0, 5, fmt.Sprint(i))
			n.s.udp(join(f.s, "1"), join(f.x, "5000"), 0, 0, fmt.Sprint(i))
		}
		n.run(7 * time.Second)
		if i == 10 {
			n.x.leave(1, ssm4, "10.1.0.1")
			n.y.link(1, false)
		}
	}
	return n.history.Bytes()
}

func TestDeterminism(t *testing.T) {
	t.Parallel()
	a, b := busy(t), busy(t)
	if !bytes.Equal(a, b) {
		t.Error("two runs differ")
	}
	if len(a) < 10_000 {
		t.Errorf("only %d bytes of history", len(a))
	}
}

// TestStaleAndEarlyAdvance: Advance does nothing before its time, and time
// does not go back.
func TestStaleAndEarlyAdvance(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.a.udp("10.0.0.1:1", "10.0.0.9:7", 0, 0, "x")
	at, ok := p.a.Deadline()
	if !ok {
		t.Fatal("no deadline while asking")
	}
	for _, when := range []machine.Time{0, at - 1} {
		p.a.Advance(when)
		if _, ok := p.a.Next(); ok {
			t.Errorf("Advance(%v) did something", when)
		}
	}
	p.a.Advance(at.Add(time.Hour)) // late: one try, not thousands
	n := 0
	for _, ok := p.a.Next(); ok; _, ok = p.a.Next() {
		n++
	}
	if n != 1 {
		t.Errorf("%d outputs of a late Advance", n)
	}
}

// TestOutputsDoNotOverlap: several frames of one call keep their bytes.
func TestOutputsDoNotOverlap(t *testing.T) {
	t.Parallel()
	n := newRouted(t, ip.Config{})
	n.settle()
	n.x.join(1, asm4, "")
	n.z.join(1, asm4, "")
	n.run(2 * time.Second)
	data := ip4Frame(t, inet.IPv4{TTL: 9, Proto: 17, Src: addr("10.1.0.1"), Dst: addr(asm4)}, make([]byte, 1000))
	n.r.HandleFrame(n.now, 1, data)
	var frames [][]byte
	for o, ok := n.r.Next(); ok; o, ok = n.r.Next() {
		frames = append(frames, o.Data)
	}
	if len(frames) != 2 {
		t.Fatalf("%d frames", len(frames))
	}
	for i, f := range frames {
		if inet.MAC(f[6:12]) != macOf(2, i+2) || len(f) != len(data) || !bytes.Equal(f[34:], data[34:]) {
			t.Errorf("frame %d: % x", i, f[:34])
		}
		if cap(f) != len(f) {
			t.Errorf("frame %d can be appended to", i)
		}
	}
}

// TestDataPathAllocations: sending, forwarding and receiving a datagram
// allocate nothing.
func TestDataPathAllocations(t *testing.T) {
	n := newRouted(t, ip.Config{})
	n.settle()
	n.x.bind("0.0.0.0:5000")
	n.x.join(1, ssm4, "10.1.0.1")
	n.run(2 * time.Second)
	n.x.bind("10.2.0.1:7")
	n.s.udp("10.1.0.1:1", "10.2.0.1:7", 0, 0, "warm")
	n.run(time.Second)
	drain := func(m *node, keep *[]byte) {
		for o, ok := m.Next(); ok; o, ok = m.Next() {
			if keep != nil && o.Kind == ip.KindFrame {
				*keep = append((*keep)[:0], o.Data...)
			}
		}
	}
	for _, dst := range []string{"10.2.0.1:7", ssm4 + ":5000"} {
		var f1, f2 []byte
		d := ip.Datagram{Src: ap("10.1.0.1:1"), Dst: ap(dst), TTL: 9, DF: true, Payload: make([]byte, 1000)}
		allocs := testing.AllocsPerRun(100, func() {
			if err := n.s.HandleSendUDP(n.now, d); err != nil {
				t.Fatal(err)
			}
			drain(n.s, &f1)
			n.r.HandleFrame(n.now, 1, f1)
			drain(n.r, &f2)
			n.x.HandleFrame(n.now, 1, f2)
			drain(n.x, nil)
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations for a datagram", dst, allocs)
		}
	}
}

// FuzzHandleFrame feeds a router frames: it never panics, and what it keeps is
// bounded.
func FuzzHandleFrame(f *testing.F) {
	for _, s := range seedFrames(f) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m := ip.New(ip.Config{Forwarding: true, MaxNeighbors: 4, MaxListeners: 4, MaxListenSrcs: 4, MaxWaiting: 4,
			Rand: machine.Rand(1, "fuzz", "ip"), Intercept: []ip.Intercept{{Proto: inet.ProtoRSVP, RouterAlert: true}}})
		now := machine.VirtualEpoch
		for i, a := range [][]string{{"10.0.0.1/24", "2001:db8::1/64"}, {"10.0.1.1/24", "2001:db8:1::1/64"}} {
			in := ip.Interface{Index: i + 1, MAC: macOf(1, i+1), MTU: 1500, Up: true}
			for _, s := range a {
				in.Addrs = append(in.Addrs, netip.MustParsePrefix(s))
			}
			if err := m.AddInterface(now, in); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := m.BindUDP(now, ip.Bind{Local: ap("0.0.0.0:7")}); err != nil {
			t.Fatal(err)
		}
		feed(t, m, now, data)
		if len(m.Neighbors()) > 4 || len(m.Listeners()) > 4 {
			t.Fatalf("%d neighbours, %d listeners", len(m.Neighbors()), len(m.Listeners()))
		}
		for _, l := range m.Listeners() {
			if len(l.Sources)+len(l.Blocked) > 4 {
				t.Fatalf("listener %+v", l)
			}
		}
	})
}

// feed hands m a series of frames, each behind its length in one byte times
// four.
func feed(t *testing.T, m *ip.Machine, now machine.Time, data []byte) {
	for len(data) > 0 {
		n := min(int(data[0])*4, len(data)-1)
		frame := data[1 : 1+n]
		data = data[1+n:]
		if n >= 6 && frame[0]&1 == 0 {
			frame = append(macSlice(macOf(1, 1)), frame[6:]...)
		}
		m.HandleFrame(now, 1, frame)
		for o, ok := m.Next(); ok; o, ok = m.Next() {
			if o.Kind == ip.KindFrame && len(o.Data) > 1514 {
				t.Fatalf("a frame of %d bytes", len(o.Data))
			}
		}
		now = now.Add(100 * time.Millisecond)
		m.Advance(now)
		for _, ok := m.Next(); ok; _, ok = m.Next() {
		}
	}
}

// FuzzHandleFrameHost feeds frames to a host that finds routers, checks its
// addresses and puts fragments together: what it keeps is bounded.
func FuzzHandleFrameHost(f *testing.F) {
	for _, s := range seedFrames(f) {
		f.Add(s)
	}
	f.Add(discoverySeed(f))
	f.Fuzz(func(t *testing.T, data []byte) {
		m := ip.New(ip.Config{MaxNeighbors: 4, MaxWaiting: 4, MaxRouters: 2, MaxPrefixes: 3, MaxPathMTUs: 2, MaxReassembly: 4000,
			Rand: machine.Rand(1, "fuzz", "ip")})
		now := machine.VirtualEpoch
		err := m.AddInterface(now, ip.Interface{Index: 1, MAC: macOf(1, 1), MTU: 1500, Up: true, Autoconf: true, DetectConflicts: true,
			Addrs: []netip.Prefix{prefix("10.0.0.1/24"), prefix("2001:db8::1/64")}})
		if err != nil {
			t.Fatal(err)
		}
		for range 20 { // until the addresses are checked
			now = now.Add(time.Second)
			m.Advance(now)
			for _, ok := m.Next(); ok; _, ok = m.Next() {
			}
		}
		for _, local := range []string{"10.0.0.1:9", "[2001:db8::1]:9"} {
			if _, err := m.BindUDP(now, ip.Bind{Local: ap(local)}); err != nil {
				t.Fatal(err)
			}
		}
		feed(t, m, now, data)
		if n := len(m.SnapshotRoutes(ip.RouteInfo{}, 99)); n > 2+2+3 {
			t.Fatalf("%d routes", n)
		}
		if n, mtus := len(m.Addresses(1)), len(m.SnapshotPathMTUs(netip.Addr{}, 9)); n > 3+3 || mtus > 2 {
			t.Fatalf("%d addresses, %d path MTUs", n, mtus)
		}
		m.Advance(now.Add(100_000 * time.Hour))
	})
}

// discoverySeed is advertisements, a too-big error and fragments.
func discoverySeed(f *testing.F) []byte {
	w := newWorld(f)
	a, r := w.add("a", ip.Config{}), w.add("r", ip.Config{Forwarding: true})
	l := new(wire)
	w.plug(l, a, 1, func(in *ip.Interface) { in.Autoconf, in.DetectConflicts = true, true }, "10.0.0.1/24")
	w.advertising(l, r, 1, ip.Advertise{}, "2001:db8::fe/64", "10.0.0.254/24")
	w.run(20 * time.Second)
	r.send("10.0.0.254:9", "10.0.0.1:9", 1500)
	r.send("[2001:db8::fe]:9", join(slaac(1, "2001:db8::/64"), "9"), 1500)
	w.run(time.Second)
	var seed []byte
	for _, s := range w.frames {
		if s.from != "r/1" {
			continue
		}
		frame := append([]byte(nil), s.data[:min(len(s.data), 1020)]...)
		for len(frame)%4 != 0 {
			frame = append(frame, 0)
		}
		seed = append(append(seed, byte(len(frame)/4)), frame...)
	}
	return seed
}

func macSlice(m inet.MAC) []byte { return append([]byte(nil), m[:]...) }

// seedFrames returns inputs of FuzzHandleFrame: all frames of a busy run, and
// reports.
func seedFrames(f *testing.F) [][]byte {
	f.Helper()
	var seeds [][]byte
	add := func(frame []byte) {
		for len(frame)%4 != 0 {
			frame = append(frame, 0)
		}
		seeds = append(seeds, append([]byte{byte(len(frame) / 4)}, frame...))
	}
	p := newPair(f)
	p.b.bind("10.0.0.2:7")
	p.a.udp("10.0.0.1:1", "10.0.0.2:7", 0, 0, "x")
	p.a.udp("10.0.0.1:1", "10.0.0.2:8", 0, 0, "x")
	p.a.udp("[2001:db8::1]:1", "[2001:db8::2]:8", 0, 0, "x")
	p.a.join(1, ssm4, "10.0.0.2")
	p.a.join(1, ssm6, "2001:db8::2")
	p.run(20 * time.Second)
	for _, s := range p.frames {
		add(s.data)
	}
	for typ := igmp.ModeIsInclude; typ <= igmp.BlockOldSources; typ++ {
		body, err := igmp.Report{Version: 3, Records: []igmp.Record{{Type: typ, Group: addr(asm4), Sources: []netip.Addr{addr("10.0.0.9")}}}}.AppendIGMP(nil)
		p.ok(err)
		b := inet.Ethernet{Dst: inet.MulticastMAC(igmp.AllV3Routers), Src: macOf(9, 9), Type: inet.EtherTypeIPv4}.AppendTo(nil)
		b, err = inet.IPv4{TTL: 1, Proto: 2, Src: addr("10.0.0.9"), Dst: igmp.AllV3Routers, RouterAlert: true}.AppendTo(b, len(body))
		p.ok(err)
		add(append(b, body...))
	}
	return seeds
}
