package ip_test

import (
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/ip"
	"github.com/mpstack/mpstack/wire/inet"
)

func TestSilentStart(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.run(time.Hour)
	p.wantCauses()
	if _, ok := p.a.Deadline(); ok || !p.a.Quiet() {
		t.Error("an idle host has a deadline or is not quiet")
	}
}

func TestARPExactFrames(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.b.bind("10.0.0.2:7")
	p.a.udp("0.0.0.0:1000", "10.0.0.2:7", 0, 0, "hello")
	p.run(time.Second)
	p.b.wantDatagrams("10.0.0.1:1000>10.0.0.2:7 hello")
	p.wantCauses("a/1 ip/arp/request", "b/1 ip/arp/reply", "a/1 test/data")
	wantFrame(t, p.frames[0], `ffffffffffff 020000000101 0806
		0001 0800 06 04 0001
		020000000101 0a000001
		000000000000 0a000002`)
	wantFrame(t, p.frames[1], `020000000101 020000000201 0806
		0001 0800 06 04 0002
		020000000201 0a000002
		020000000101 0a000001`)
	wantFrame(t, p.frames[2], `020000000201 020000000101 0800
		45 00 0021 0000 4000 40 11 26ca 0a000001 0a000002
		03e8 0007 000d a410 68656c6c6f`)
}

func TestNDPExactFrames(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.b.bind("[2001:db8::2]:7")
	p.a.udp("[::]:1000", "[2001:db8::2]:7", 0, 0, "hello")
	p.run(time.Second)
	p.b.wantDatagrams("[2001:db8::1]:1000>[2001:db8::2]:7 hello")
	p.wantCauses("a/1 ip/ndp/solicit", "b/1 ip/ndp/advertise", "a/1 test/data")
	wantFrame(t, p.frames[0], `3333ff000002 020000000101 86dd
		60000000 0020 3a ff 20010db8000000000000000000000001 ff0200000000000000000001ff000002
		87 00 1b27 00000000 20010db8000000000000000000000002
		01 01 020000000101`)
	wantFrame(t, p.frames[1], `020000000101 020000000201 86dd
		60000000 0020 3a ff 20010db8000000000000000000000002 20010db8000000000000000000000001
		88 00 8872 60000000 20010db8000000000000000000000002
		02 01 020000000201`)
}

func TestResolutionFailure(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ dst, src, cause string }{
		{"10.0.0.9:7", "10.0.0.1:1000", "ip/arp/request"},
		{"[2001:db8::9]:7", "[2001:db8::1]:1000", "ip/ndp/solicit"},
	} {
		p := newPair(t)
		h := p.a.bind(c.src)
		start := p.now
		p.a.udp(c.src, c.dst, 0, 0, "one")
		p.a.udp(c.src, c.dst, 0, 0, "two")
		p.run(10 * time.Second)
		p.wantCauses("a/1 "+c.cause, "a/1 "+c.cause+"-again", "a/1 "+c.cause+"-again")
		for i, s := range p.frames {
			if s.at != start.Add(time.Duration(i)*time.Second) {
				t.Errorf("try %d at %v", i, s.at)
			}
		}
		un := p.a.kind(ip.KindUnreachable)
		if len(un) != 2 {
			t.Fatalf("%d unreachables, want one for each datagram", len(un))
		}
		if o := un[0]; o.Handle != h || o.Local != ap(c.src) || o.Remote != ap(c.dst) || o.Reason != ip.ReasonHost {
			t.Errorf("unreachable: %+v", o)
		}
		p.a.wantCounter("drop/unresolved", 2)
		p.a.wantCounter("neigh/failures", 1)
		if len(p.a.Neighbors()) != 0 {
			t.Error("the entry outlives its failure")
		}
		p.a.udp(c.src, c.dst, 0, 0, "again")
		if len(p.with(machine.Cause(c.cause))) != 2 {
			t.Error("a later datagram does not ask anew")
		}
	}
}

func TestResolutionSurvivesLoss(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.b.bind("10.0.0.2:7")
	lost := 0
	p.drop = func(s sent) bool {
		if s.cause == ip.CauseARPReply && lost < 2 {
			lost++
			return true
		}
		return false
	}
	for _, data := range []string{"one", "two", "three"} {
		p.a.udp("0.0.0.0:1000", "10.0.0.2:7", 0, 0, data)
	}
	p.run(5 * time.Second)
	p.b.wantDatagrams("10.0.0.1:1000>10.0.0.2:7 one", "10.0.0.1:1000>10.0.0.2:7 two", "10.0.0.1:1000>10.0.0.2:7 three")
}

func TestNeighborQueueIsBounded(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.b.bind("10.0.0.2:7")
	for i := range 20 {
		p.a.udp("0.0.0.0:1000", "10.0.0.2:7", 0, 0, string(rune('a'+i)))
	}
	p.run(time.Second)
	got := p.b.datagrams()
	if len(got) != 16 || got[0] != "10.0.0.1:1000>10.0.0.2:7 e" {
		t.Errorf("received %q: want the last 16", got)
	}
	p.a.wantCounter("neigh/queue-full", 4)
}

// TestNeighborAging follows an entry through Reachable, Stale, Delay and
// Probe: the unicast probe comes 5 s after use, and the answer ends it.
func TestNeighborAging(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		src, dst      string
		probe, answer machine.Cause
	}{
		{"10.0.0.1:1000", "10.0.0.2:7", ip.CauseARPProbe, ip.CauseARPReply},
		{"[2001:db8::1]:1000", "[2001:db8::2]:7", ip.CauseNDPProbe, ip.CauseNDPAdvertise},
	} {
		p := newPair(t)
		p.b.bind(c.dst)
		p.a.udp(c.src, c.dst, 0, 0, "x")
		p.run(time.Minute)
		if len(p.frames) != 3 {
			t.Fatalf("an idle neighbour is asked for: %q", p.causes())
		}
		p.forget()
		p.a.udp(c.src, c.dst, 0, 0, "y")
		at := p.now
		p.run(time.Minute)
		p.wantCauses("a/1 test/data", "a/1 "+string(c.probe), "b/1 "+string(c.answer))
		if probe := p.frames[1]; probe.at != at.Add(5*time.Second) || inet.MAC(probe.data[:6]) != macOf(2, 1) {
			t.Errorf("probe at %v to %v", probe.at, inet.MAC(probe.data[:6]))
		}
	}
}

func TestProbeUnanswered(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.b.bind("10.0.0.2:7")
	p.a.udp("10.0.0.1:1000", "10.0.0.2:7", 0, 0, "x")
	p.run(time.Minute)
	p.b.link(1, false)
	p.forget()
	p.a.udp("10.0.0.1:1000", "10.0.0.2:7", 0, 0, "y")
	p.run(time.Minute)
	p.wantCauses("a/1 test/data", "a/1 ip/arp/probe", "a/1 ip/arp/probe", "a/1 ip/arp/probe")
	if len(p.a.Neighbors()) != 0 {
		t.Error("a dead neighbour is remembered")
	}
	p.a.wantCounter("neigh/probes", 3)
}

func TestAddressConflictAndSpoofedARP(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	// Someone claims 10.0.0.1.
	p.a.frame(1, unhex(t, `ffffffffffff 020000000909 0806 0001 0800 06 04 0001
		020000000909 0a000001 000000000000 0a000001`))
	p.a.wantCounter("drop/address-conflict", 1)
	// An unasked reply for an unknown neighbour makes no entry.
	p.a.frame(1, unhex(t, `020000000101 020000000909 0806 0001 0800 06 04 0002
		020000000909 0a000002 020000000101 0a000001`))
	if len(p.a.Neighbors()) != 0 {
		t.Error("an unasked reply made an entry")
	}
	// A sender that is not of the link is answered but not learnt.
	p.a.frame(1, unhex(t, `ffffffffffff 020000000909 0806 0001 0800 06 04 0001
		020000000909 c0a80001 000000000000 0a000001`))
	if len(p.a.Neighbors()) != 0 || len(p.with(ip.CauseARPReply)) != 1 {
		t.Error("a stranger was learnt or not answered")
	}
}

func TestLinkDownForgetsNeighbours(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.b.bind("10.0.0.2:7")
	h := p.a.bind("10.0.0.1:1000")
	p.a.udp("10.0.0.1:1000", "10.0.0.2:7", 0, 0, "x")
	p.run(time.Second)
	p.a.udp("10.0.0.1:1000", "10.0.0.9:7", 0, 0, "waits")
	p.a.link(1, false)
	if len(p.a.Neighbors()) != 0 {
		t.Error("neighbours are remembered on a link that is down")
	}
	if un := p.a.kind(ip.KindUnreachable); len(un) != 1 || un[0].Handle != h {
		t.Errorf("the waiting datagram: %+v", un)
	}
	if err := p.a.HandleSendUDP(p.now, ip.Datagram{Src: ap("10.0.0.1:1000"), Dst: ap("10.0.0.2:7")}); err != ip.ErrNoRoute {
		t.Errorf("send on a link that is down: %v", err)
	}
	p.a.link(1, true)
	p.forget()
	p.a.udp("10.0.0.1:1000", "10.0.0.2:7", 0, 0, "y")
	p.run(time.Second)
	p.wantCauses("a/1 ip/arp/request", "b/1 ip/arp/reply", "a/1 test/data")
}

func TestDuplicateAddressDetectionOfOthers(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	// NS from :: for 2001:db8::1: somebody is about to take our address.
	p.a.frame(1, unhex(t, `3333ff000001 020000000909 86dd
		60000000 0018 3a ff 00000000000000000000000000000000 ff0200000000000000000001ff000001
		87 00 4ced 00000000 20010db8000000000000000000000001`))
	p.a.wantCounter("drop/icmp", 0)
	p.a.wantCounter("drop/address-conflict", 1)
	p.wantCauses("a/1 ip/ndp/advertise")
	wantFrame(t, p.frames[0], `333300000001 020000000101 86dd
		60000000 0020 3a ff 20010db8000000000000000000000001 ff020000000000000000000000000001
		88 00 f82a 20000000 20010db8000000000000000000000001
		02 01 020000000101`)
}
