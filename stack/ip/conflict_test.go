package ip_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/ip"
	"github.com/mpstack/mpstack/wire/inet"
)

// checked gives n an interface that detects conflicts.
func (w *world) checked(l *wire, n *node, index int, up bool, addrs ...string) {
	w.t.Helper()
	w.plug(l, n, index, func(in *ip.Interface) { in.DetectConflicts, in.Up = true, up }, addrs...)
}

// TestARPProbesExactFrames: three probes, an announcement, and another two
// seconds later (RFC 5227 sections 2.1.1 and 2.3).
func TestARPProbesExactFrames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.add("a", ip.Config{})
	start := w.now
	w.checked(new(wire), a, 1, true, "10.0.0.1/24")
	if a.Quiet() {
		t.Error("quiet while an address is checked")
	}
	w.run(20 * time.Second)
	w.wantCauses("a/1 ip/arp/address-probe", "a/1 ip/arp/address-probe", "a/1 ip/arp/address-probe", "a/1 ip/arp/announce", "a/1 ip/arp/announce")
	for i, s := range w.frames {
		sender := []string{"00000000", "00000000", "00000000", "0a000001", "0a000001"}[i]
		wantFrame(t, s, `ffffffffffff 020000000101 0806 0001 0800 06 04 0001
			020000000101 `+sender+` 000000000000 0a000001`)
	}
	for i, d := range [][2]time.Duration{{0, time.Second}, {time.Second, 2 * time.Second}, {time.Second, 2 * time.Second},
		{2 * time.Second, 2 * time.Second}, {2 * time.Second, 2 * time.Second}} {
		if got := w.frames[i].at.Sub(start); got < d[0] || got > d[1] {
			t.Errorf("frame %d after %v, want %v to %v", i, got, d[0], d[1])
		}
		start = w.frames[i].at
	}
	a.wantChanges("ready 10.0.0.1/24 0")
	if !a.IsLocal(addr("10.0.0.1")) || a.state(1, "10.0.0.1") != ip.AddrPreferred || !a.Quiet() {
		t.Errorf("the address is %v", a.state(1, "10.0.0.1"))
	}
	a.wantCounter("address/probes", 3)
	a.wantCounter("address/announcements", 2)
}

// TestNDPProbesExactFrames: one solicitation for each address (RFC 4862
// section 5.4.2), and a second of silence.
func TestNDPProbesExactFrames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.add("a", ip.Config{})
	w.checked(new(wire), a, 1, true, "2001:db8::1/64")
	w.run(20 * time.Second)
	probes := w.with(ip.CauseNDPAddressProbe)
	if len(probes) != 2 || len(w.frames) != 2 {
		t.Fatalf("%q", w.causes())
	}
	for _, s := range probes {
		h, b := ipOf(t, s)
		m, err := inet.ParseICMPv6(b, h.src, h.dst)
		w.ok(err)
		ns, err := inet.ParseNeighborSolicitation(m)
		if err != nil || !h.src.IsUnspecified() || h.dst != inet.SolicitedNode(ns.Target) || h.ttl != 255 || ns.HasLinkAddr ||
			inet.MAC(s.data[:6]) != inet.MulticastMAC(h.dst) {
			t.Errorf("probe %+v %+v %v", h, ns, err)
		}
		if ns.Target == addr("2001:db8::1") {
			wantFrame(t, s, `3333ff000001 020000000101 86dd
				60000000 0018 3a ff 00000000000000000000000000000000 ff0200000000000000000001ff000001
				87 00 4ced 00000000 20010db8000000000000000000000001`)
		}
	}
	if len(a.changes()) != 2 || a.state(1, "2001:db8::1") != ip.AddrPreferred {
		t.Errorf("%q", a.changes())
	}
}

// TestTentativeAddresses do not answer, do not receive and cannot be used;
// then they can.
func TestTentativeAddresses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ a, b, local, peer string }{
		{"10.0.0.1/24", "10.0.0.2/24", "10.0.0.1", "10.0.0.2"},
		{"2001:db8::1/64", "2001:db8::2/64", "2001:db8::1", "2001:db8::2"},
	} {
		w := newWorld(t)
		a, b := w.add("a", ip.Config{}), w.add("b", ip.Config{})
		l := new(wire)
		w.checked(l, a, 1, true, c.a)
		w.connect(l, b, 1, c.b)
		if _, err := a.BindUDP(w.now, ip.Bind{Local: ap(join(c.local, "7"))}); err != ip.ErrAddressNotAvailable {
			t.Errorf("%s: bound: %v", c.local, err)
		}
		if err := a.HandleSendUDP(w.now, ip.Datagram{Src: ap(join(c.local, "7")), Dst: ap(join(c.peer, "7"))}); err == nil {
			t.Errorf("%s: sent from", c.local)
		}
		if _, ok := a.LinkLocal(1); ok {
			t.Errorf("%s: a link-local address without a check", c.local)
		}
		b.udp(join(c.peer, "9"), join(c.local, "7"), 0, 0, "x")
		w.run(900 * time.Millisecond)
		if n := len(w.with(ip.CauseARPReply)) + len(w.with(ip.CauseNDPAdvertise)); n != 0 {
			t.Errorf("%s: it answers", c.local)
		}
		if a.state(1, c.local) != ip.AddrTentative {
			t.Fatalf("%s: %v", c.local, a.state(1, c.local))
		}
		w.run(20 * time.Second)
		w.forget()
		a.bind(join(c.local, "7"))
		b.udp(join(c.peer, "9"), join(c.local, "7"), 0, 0, "y")
		w.run(time.Second)
		a.wantDatagrams(join(c.peer, "9") + ">" + join(c.local, "7") + " y")
	}
}

// TestConflicts: each way in which an address turns out to be another's.
func TestConflicts(t *testing.T) {
	t.Parallel()
	const other = "020000000909"
	for _, c := range []struct {
		name, address, frame string
		conflict             bool
	}{
		{"its user asks", "10.0.0.1/24", "ffffffffffff " + other + " 0806 0001 0800 06 04 0001 " + other + " 0a000001 000000000000 0a000009", true},
		{"its user answers", "10.0.0.1/24", "020000000101 " + other + " 0806 0001 0800 06 04 0002 " + other + " 0a000001 020000000101 00000000", true},
		{"announced", "10.0.0.1/24", "ffffffffffff " + other + " 0806 0001 0800 06 04 0001 " + other + " 0a000001 000000000000 0a000001", true},
		{"another probes", "10.0.0.1/24", "ffffffffffff " + other + " 0806 0001 0800 06 04 0001 " + other + " 00000000 000000000000 0a000001", true},
		{"asked for", "10.0.0.1/24", "ffffffffffff " + other + " 0806 0001 0800 06 04 0001 " + other + " 0a000009 000000000000 0a000001", false},
		{"another address", "10.0.0.1/24", "ffffffffffff " + other + " 0806 0001 0800 06 04 0001 " + other + " 0a000002 000000000000 0a000002", false},
		{"our own, come back", "10.0.0.1/24", "ffffffffffff " + other + " 0806 0001 0800 06 04 0001 020000000101 00000000 000000000000 0a000001", false},
		{"another probes", "2001:db8::1/64", "3333ff000001 " + other + ` 86dd
			60000000 0018 3a ff 00000000000000000000000000000000 ff0200000000000000000001ff000001
			87 00 4ced 00000000 20010db8000000000000000000000001`, true},
		{"asked for", "2001:db8::1/64", "3333ff000001 " + other + ` 86dd
			60000000 0020 3a ff 20010db8000000000000000000000009 ff0200000000000000000001ff000001
			87 00 0918 00000000 20010db8000000000000000000000001 01 01 ` + other, false},
		{"its user answers", "2001:db8::1/64", "333300000001 " + other + ` 86dd
			60000000 0020 3a ff 20010db8000000000000000000000001 ff020000000000000000000000000001
			88 00 e01c 20000000 20010db8000000000000000000000001 02 01 ` + other, true},
	} {
		w := newWorld(t)
		a := w.add("a", ip.Config{})
		w.checked(new(wire), a, 1, true, c.address)
		w.run(300 * time.Millisecond)
		frame := unhex(t, c.frame)
		if frame[12] == 0x86 {
			inet.PutICMPv6Checksum(frame[54:], netip.AddrFrom16([16]byte(frame[22:38])), netip.AddrFrom16([16]byte(frame[38:54])))
		}
		a.frame(1, frame)
		want := ip.AddrTentative
		if c.conflict {
			want = ip.AddrDuplicate
			a.wantChanges("conflict " + c.address + " 0")
		} else {
			a.wantChanges()
		}
		local := prefix(c.address).Addr().String()
		if got := a.state(1, local); got != want {
			t.Errorf("%s, %s: %v, want %v", c.address, c.name, got, want)
		}
		a.wantCounter("drop/icmp", 0)
		w.run(time.Minute)
		if a.IsLocal(addr(local)) == c.conflict {
			t.Errorf("%s, %s: local is %v", c.address, c.name, !c.conflict)
		}
		a.wantCounter("address/conflicts", map[bool]uint64{true: 1}[c.conflict])
	}
}

// TestTwoOfOneAddress: of two machines with one address that start together at
// most one has it in the end, and none if both ask at once.
func TestTwoOfOneAddress(t *testing.T) {
	t.Parallel()
	for _, p := range []string{"10.0.0.1/24", "2001:db8::1/64"} {
		w := newWorld(t)
		a, b, c := w.add("a", ip.Config{}), w.add("b", ip.Config{}), w.add("c", ip.Config{})
		l := new(wire)
		w.checked(l, a, 1, true, p)
		w.checked(l, b, 1, true, p)
		w.run(time.Minute)
		local := prefix(p).Addr()
		if a.IsLocal(local) && b.IsLocal(local) {
			t.Fatalf("%s: both have it", p)
		}
		// One more, when the matter is settled.
		had := a.IsLocal(local) || b.IsLocal(local)
		w.forget()
		w.checked(l, c, 1, true, p)
		w.run(time.Minute)
		if c.IsLocal(local) == had {
			t.Errorf("%s: the third has it %v, one of the first %v", p, !had, had)
		}
	}
}

// TestDefence: an address in use is defended once in ten seconds, and given up
// by a host when the other goes on.
func TestDefence(t *testing.T) {
	t.Parallel()
	claim := unhex(t, `ffffffffffff 020000000909 0806 0001 0800 06 04 0001
		020000000909 0a000001 000000000000 0a000001`)
	start := func(cfg ip.Config) (*world, *node) {
		w := newWorld(t)
		a := w.add("a", cfg)
		w.checked(new(wire), a, 1, true, "10.0.0.1/24")
		w.run(40 * time.Second)
		w.forget()
		return w, a
	}
	w, a := start(ip.Config{})
	h := a.bind("10.0.0.1:7")
	for range 3 { // far apart: defended each time
		a.frame(1, claim)
		w.run(11 * time.Second)
	}
	w.wantCauses("a/1 ip/arp/defend", "a/1 ip/arp/defend", "a/1 ip/arp/defend")
	wantFrame(t, w.frames[0], `ffffffffffff 020000000101 0806 0001 0800 06 04 0001
		020000000101 0a000001 000000000000 0a000001`)
	w.forget()
	a.frame(1, claim)
	w.run(9 * time.Second)
	a.frame(1, claim)
	a.wantChanges("conflict 10.0.0.1/24 0", "conflict 10.0.0.1/24 1")
	if h != 1 || a.IsLocal(addr("10.0.0.1")) || len(w.with(ip.CauseARPDefend)) != 1 {
		t.Errorf("not given up: %q", w.causes())
	}
	a.wantRouteChanges("10.0.0.0/24")
	a.frame(1, claim) // it is the other's now
	a.wantCounter("drop/address-conflict", 5)

	w, r := start(ip.Config{Forwarding: true})
	for range 5 {
		r.frame(1, claim)
		w.run(3 * time.Second)
	}
	if n := len(w.with(ip.CauseARPDefend)); n != 2 || !r.IsLocal(addr("10.0.0.1")) {
		t.Errorf("a router defends %d times in 15 s", n)
	}

	p := newPair(t) // without detection: counted, and nothing else
	p.a.frame(1, claim)
	p.a.frame(1, claim)
	p.wantCauses()
	p.a.wantCounter("drop/address-conflict", 2)
}

// TestCheckAfterLinkUp: addresses are checked whenever the link comes up, also
// those that somebody else had.
func TestCheckAfterLinkUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.add("a", ip.Config{}), w.add("b", ip.Config{})
	l := new(wire)
	w.connect(l, b, 1, "10.0.0.1/24")
	w.checked(l, a, 1, false, "10.0.0.1/24", "10.0.0.2/24", "2001:db8::1/64")
	w.run(time.Minute)
	w.wantCauses()
	if a.state(1, "10.0.0.1") != ip.AddrNone {
		t.Errorf("checked on a link that is down: %v", a.state(1, "10.0.0.1"))
	}
	a.link(1, true)
	w.run(time.Minute)
	if a.IsLocal(addr("10.0.0.1")) || !a.IsLocal(addr("10.0.0.2")) || !a.IsLocal(addr("2001:db8::1")) {
		t.Errorf("%q", a.changes())
	}
	h := a.bind("10.0.0.2:7")
	a.link(1, false)
	w.run(time.Second)
	b.link(1, false)
	w.forget()
	a.link(1, true)
	if a.IsLocal(addr("10.0.0.2")) {
		t.Error("in use while it is checked anew")
	}
	a.link(1, false)
	w.run(time.Minute) // in the middle of the check
	if n := len(w.frames); n != 0 {
		t.Errorf("%d frames on a link that is down", n)
	}
	a.link(1, true)
	w.run(time.Minute)
	for _, s := range []string{"10.0.0.1", "10.0.0.2", "2001:db8::1"} {
		if a.state(1, s) != ip.AddrPreferred {
			t.Errorf("%s is %v", s, a.state(1, s))
		}
	}
	if _, ok := a.LocalAddr(h); !ok {
		t.Error("the binding did not survive")
	}
}

// TestRemoveWhileChecking: nothing is left of an address that is taken away
// while it is probed.
func TestRemoveWhileChecking(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.add("a", ip.Config{})
	w.checked(new(wire), a, 1, true)
	for _, p := range []string{"10.0.0.1/24", "2001:db8::1/64"} {
		a.addAddress(1, p)
		w.run(500 * time.Millisecond)
		a.removeAddress(1, prefix(p).Addr().String())
		a.wantChanges("gone " + p + " 0")
		w.run(time.Minute)
		w.forget()
		w.run(time.Minute)
		w.wantCauses()
	}
	if !a.Quiet() {
		t.Error("not quiet")
	}
}

// TestRoutersWaitForTheirAddresses: membership is asked for when there is an
// address to ask from.
func TestRoutersWaitForTheirAddresses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.add("r", ip.Config{Forwarding: true})
	w.checked(new(wire), r, 1, true, "10.0.0.1/24", "2001:db8::1/64")
	w.run(time.Minute)
	var asked []machine.Time
	for _, s := range w.frames {
		if s.cause == "ip/igmp/query-startup" || s.cause == "ip/mld/query-startup" {
			h, _ := ipOf(t, s)
			if h.src.IsUnspecified() || !r.IsLocal(h.src) {
				t.Errorf("a query from %v", h.src)
			}
			asked = append(asked, s.at)
		}
	}
	if len(asked) < 2 {
		t.Errorf("%q", w.causes())
	}
}

// TestReportsBeforeTheAddress: MLD reports leave from the unspecified address
// while the link-local one is checked (RFC 3590).
func TestReportsBeforeTheAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.add("a", ip.Config{AnnounceOwnGroups: true})
	w.checked(new(wire), a, 1, true, "2001:db8::1/64")
	if len(w.with("ip/mld/join")) == 0 {
		t.Fatalf("%q", w.causes())
	}
	if h, _ := ipOf(t, w.with("ip/mld/join")[0]); !h.src.IsUnspecified() || h.dst != addr("ff02::16") {
		t.Errorf("report %+v", h)
	}
}

// TestCheckedRunIsDeterministic: the delays are drawn from the node's stream.
func TestCheckedRunIsDeterministic(t *testing.T) {
	t.Parallel()
	run := func() string {
		w := newWorld(t)
		l := new(wire)
		for _, name := range []string{"a", "b", "c"} {
			w.checked(l, w.add(name, ip.Config{}), 1, true, "10.0.0.1/24", "2001:db8::1/64")
		}
		w.run(time.Minute)
		return w.history.String()
	}
	if a, b := run(), run(); a != b || len(a) < 1000 {
		t.Error("two runs differ, or nothing happens")
	}
}
