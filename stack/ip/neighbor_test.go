package ip_test

import (
	"testing"
	"time"

	"github.com/mpstack/mpstack/stack/ip"
	"github.com/mpstack/mpstack/stack/ip/neigh"
	"github.com/mpstack/mpstack/wire/inet"
)

// ndp hands node b of a pair an NDP message from 2001:db8::9.
func ndp(t *testing.T, p *pair, dst string, hop uint8, message []byte) {
	t.Helper()
	src := addr("2001:db8::9")
	inet.PutICMPv6Checksum(message, src, addr(dst))
	mac := macOf(2, 1)
	if addr(dst).IsMulticast() {
		mac = inet.MAC{}
	}
	p.b.frame(1, ip6FrameTo(t, mac, inet.IPv6{HopLimit: hop, NextHeader: inet.ProtoICMPv6, Src: src, Dst: addr(dst)}, message))
}

func solicitation(t *testing.T, ns inet.NeighborSolicitation) []byte {
	t.Helper()
	b, err := ns.AppendTo(nil, addr("2001:db8::9"), addr("2001:db8::2"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func advertisement(t *testing.T, na inet.NeighborAdvertisement) []byte {
	t.Helper()
	b, err := na.AppendTo(nil, addr("2001:db8::9"), addr("2001:db8::2"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestSolicitationWithoutAddress: the asker's Ethernet address has to be
// found before it can be answered (RFC 4861 section 7.2.4).
func TestSolicitationWithoutAddress(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	ndp(t, p, "2001:db8::2", 255, solicitation(t, inet.NeighborSolicitation{Target: addr("2001:db8::2")}))
	p.wantCauses("b/1 ip/ndp/solicit")
	ndp(t, p, "2001:db8::2", 255, advertisement(t, inet.NeighborAdvertisement{Target: addr("2001:db8::9"), Solicited: true, Override: true,
		LinkAddr: macOf(99, 1), HasLinkAddr: true}))
	p.wantCauses("b/1 ip/ndp/solicit", "b/1 ip/ndp/advertise")
	if h, _ := ipOf(t, p.frames[1]); h.dst != addr("2001:db8::9") || inet.MAC(p.frames[1].data[:6]) != macOf(99, 1) || h.ttl != 255 {
		t.Errorf("answered %+v", h)
	}
}

func TestNDPIsCheckedForTheLink(t *testing.T) {
	t.Parallel()
	with := inet.NeighborSolicitation{Target: addr("2001:db8::2"), LinkAddr: macOf(99, 1), HasLinkAddr: true}
	na := inet.NeighborAdvertisement{Target: addr("2001:db8::9"), LinkAddr: macOf(99, 1), HasLinkAddr: true}
	group := na
	group.Solicited = true
	bad := na
	bad.LinkAddr = inet.Broadcast
	mine := na
	mine.Target = addr("2001:db8::2")
	other := with
	other.Target = addr("2001:db8::77")
	for _, c := range []struct {
		name, dst string
		hop       uint8
		message   []byte
		counter   string
	}{
		{"from afar", "2001:db8::2", 64, solicitation(t, with), "drop/ndp"},
		{"for another", "2001:db8::2", 255, solicitation(t, other), "drop/not-ours"},
		{"advertisement from afar", "2001:db8::2", 254, advertisement(t, na), "drop/ndp"},
		{"solicited to all", "ff02::1", 255, advertisement(t, group), "drop/ndp"},
		{"group address", "2001:db8::2", 255, advertisement(t, bad), "drop/ndp"},
		{"conflict", "ff02::1", 255, advertisement(t, mine), "drop/address-conflict"},
		{"router advertisement", "ff02::1", 255, append([]byte{inet.ICMPv6RouterAdvertisement}, make([]byte, 15)...), "drop/router-message"},
		{"redirect", "2001:db8::2", 255, append([]byte{inet.ICMPv6Redirect}, make([]byte, 39)...), "drop/redirect"},
		{"unknown type", "2001:db8::2", 255, append([]byte{200}, make([]byte, 7)...), "drop/icmp-type"},
	} {
		p := newPair(t)
		ndp(t, p, c.dst, c.hop, c.message)
		p.b.wantCounter(c.counter, 1)
		p.wantCauses()
		if n := p.b.Neighbors(); len(n) != 0 {
			t.Errorf("%s: learnt %v", c.name, n)
		}
	}
}

// TestUnsolicitedAdvertisement updates what is known and makes nothing new.
func TestUnsolicitedAdvertisement(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	na := inet.NeighborAdvertisement{Target: addr("2001:db8::9"), Override: true, LinkAddr: macOf(98, 1), HasLinkAddr: true}
	ndp(t, p, "ff02::1", 255, advertisement(t, na))
	if len(p.b.Neighbors()) != 0 {
		t.Error("an unsolicited advertisement made an entry")
	}
	ndp(t, p, "2001:db8::2", 255, solicitation(t, inet.NeighborSolicitation{Target: addr("2001:db8::2"), LinkAddr: macOf(99, 1), HasLinkAddr: true}))
	ndp(t, p, "ff02::1", 255, advertisement(t, na))
	n := p.b.Neighbors()
	if len(n) != 1 || n[0].MAC != macOf(98, 1) || n[0].State != neigh.Stale {
		t.Errorf("neighbours %+v", n)
	}
}

// TestGratuitousARP updates what is known.
func TestGratuitousARP(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.b.bind("10.0.0.2:7")
	p.a.udp("10.0.0.1:1", "10.0.0.2:7", 0, 0, "x")
	p.run(time.Second)
	p.a.frame(1, unhex(t, `ffffffffffff 020000000909 0806 0001 0800 06 04 0001
		020000000909 0a000002 000000000000 0a000002`))
	n := p.a.Neighbors()
	if len(n) != 1 || n[0].MAC != macOf(9, 9) || n[0].State != neigh.Stale {
		t.Errorf("neighbours %+v", n)
	}
	p.forget()
	p.a.frame(1, unhex(t, `ffffffffffff 020000000909 0806 0001 0800 06 04 0001
		020000000909 00000000 000000000000 0a000001`)) // a probe (RFC 5227)
	p.wantCauses("a/1 ip/arp/reply")
}

// TestLinkLocalNeighbors: link-local addresses resolve on the interface named.
func TestLinkLocalNeighbors(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.b.bind("[::]:7")
	la, _ := p.a.LinkLocal(1)
	lb, _ := p.b.LinkLocal(1)
	p.a.udp("[::]:9", join(lb.String(), "7"), 1, 0, "x")
	p.run(time.Second)
	p.b.wantDatagrams(join(la.String(), "9") + ">" + join(lb.String(), "7") + " x")
	p.wantCauses("a/1 ip/ndp/solicit", "b/1 ip/ndp/advertise", "a/1 test/data")
}

// TestMulticastTooBig: IPv6 routers say so about groups too, IPv4 ones do not.
func TestMulticastTooBig(t *testing.T) {
	t.Parallel()
	w, a, r, b := narrow(t)
	b.join(1, asm4, "")
	b.join(1, asm6, "")
	w.run(2 * time.Second)
	w.forget()
	h := a.bind("[2001:db8:1::1]:9")
	big := string(make([]byte, 1400))
	a.udp("10.1.0.1:9", asm4+":7", 0, 9, big)
	a.udp("[2001:db8:1::1]:9", "["+asm6+"]:7", 0, 9, big)
	w.run(time.Second)
	r.wantCounter("drop/forward-too-big", 2)
	un := a.kind(ip.KindUnreachable)
	if len(un) != 1 || un[0].Handle != h || un[0].Reason != ip.ReasonPacketTooBig || un[0].MTU != 1300 {
		t.Errorf("%+v", un)
	}
}

// TestDirectedBroadcast is not forwarded to the link it names (RFC 2644).
func TestDirectedBroadcast(t *testing.T) {
	t.Parallel()
	n := newRouted(t, ip.Config{})
	n.settle()
	n.s.udp("10.1.0.1:9", "10.2.0.255:7", 0, 9, "x")
	n.run(time.Second)
	n.r.wantCounter("drop/forward-scope", 1)
}
