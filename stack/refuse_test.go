package stack_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mpstack/mpstack/stack"
	"github.com/mpstack/mpstack/stack/sim"
	"github.com/mpstack/mpstack/stack/winsock"
)

// wrongQOS is refused with WSA_QOS_EFLOWSPEC.
var wrongQOS = winsock.QOS{
	Sending:   winsock.FlowSpec{ServiceType: winsock.SERVICETYPE_GUARANTEED},
	Receiving: winsock.DefaultFlowSpec,
}

// TestRefusedJoins: every synchronous refusal of JoinLeaf, and their order
// (D16): each case has all the faults of those below it.
func TestRefusedJoins(t *testing.T) {
	inFamilies(t, 1, func(nw *network, f family) {
		other := families[0].root()
		if f.name == "IPv4" {
			other = families[1].root()
		}
		st := nw.leaves[0]
		// joinable is a socket to which nothing is wrong; broken, joined and
		// pending are in their states.
		var broken, joined, pending, listening *stack.Socket
		nw.Go("root", func() {
			s := nw.listen(f)
			one, two := must(s.Accept(nil)), must(s.Accept(nil))
			nw.Sleep(time.Second)
			for _, s := range []*stack.Socket{s, one, two} {
				ok(s.Close())
			}
		})
		nw.Go("leaf", func() {
			joinable := must(st.Socket(f.mpj, cLeaf))
			plain := must(st.Socket(f.udp, 0))
			udp := must(st.Socket(f.udp, cLeaf))
			listening = nw.leafSocket(f, 1)
			ok(listening.Bind(f.leaf(1)))
			ok(listening.Listen(1))
			joined = must(st.Socket(f.udp, cLeaf))
			must(joined.JoinLeaf(stack.Join{Name: f.grp, Flags: winsock.JL_BOTH}))
			broken = nw.join(f, 1)
			member := nw.join(f, 1)
			nw.over("root closed", broken, 0)
			nw.Sleep(time.Second)
			pending = nw.leafSocket(f, 1)
			ok(pending.SetNonblocking(true))
			must(pending.JoinLeaf(stack.Join{Name: netip.AddrPortFrom(f.host(0).Next(), 5000), Flags: winsock.JL_BOTH}))
			closed := nw.leafSocket(f, 1)
			ok(closed.Close())

			name, group := f.root(), f.grp
			anyName := netip.AddrPortFrom(f.any, 5000)
			long := make([]byte, 897)
			short := &stack.WSABuf{Len: 2, Buf: make([]byte, 1)}
			wrong := func(name netip.AddrPort, flags uint32) stack.Join {
				return stack.Join{Name: name, CallerData: long, CalleeData: short, SQOS: &wrongQOS, Flags: flags}
			}
			for _, c := range []struct {
				what string
				s    *stack.Socket
				j    stack.Join
				code winsock.Errno
			}{
				{"W68: closed", closed, wrong(netip.AddrPort{}, 0), winsock.WSAENOTSOCK},
				{"W55: no name", plain, wrong(netip.AddrPort{}, 0), winsock.WSAEFAULT},
				{"W61: no multipoint socket", plain, wrong(other, 0), winsock.WSAEINVAL},
				{"D6: flags 0", pending, wrong(other, 0), winsock.WSAEINVAL},
				{"D6: unknown flags", pending, wrong(other, 8|winsock.JL_BOTH), winsock.WSAEINVAL},
				{"D14: listening leaf", listening, wrong(other, winsock.JL_BOTH), winsock.WSAEINVAL},
				{"W47: broken", broken, wrong(other, winsock.JL_BOTH), winsock.WSAEINVAL},
				{"W52: family, pending", pending, wrong(other, winsock.JL_BOTH), winsock.WSAEAFNOSUPPORT},
				{"W52: family, joined", joined, wrong(other, winsock.JL_BOTH), winsock.WSAEAFNOSUPPORT},
				{"W51: any", pending, wrong(anyName, winsock.JL_BOTH), winsock.WSAEADDRNOTAVAIL},
				{"W51: any, joined", joined, wrong(anyName, winsock.JL_BOTH), winsock.WSAEADDRNOTAVAIL},
				{"W51: no group", udp, wrong(name, winsock.JL_BOTH), winsock.WSAEADDRNOTAVAIL},
				{"W51: a group", joinable, wrong(group, winsock.JL_BOTH), winsock.WSAEADDRNOTAVAIL},
				{"W51: no port", joinable, wrong(netip.AddrPortFrom(name.Addr(), 0), winsock.JL_BOTH), winsock.WSAEADDRNOTAVAIL},
				{"D5: sender without a port", udp, wrong(netip.AddrPortFrom(group.Addr(), 0), winsock.JL_SENDER_ONLY), winsock.WSAEADDRNOTAVAIL},
				{"W11: pending", pending, wrong(name, winsock.JL_BOTH), winsock.WSAEALREADY},
				{"W13: joined", joined, wrong(group, winsock.JL_BOTH), winsock.WSAEISCONN},
				{"W70: caller data on UDP", udp, wrong(group, winsock.JL_BOTH), winsock.WSAEPROTONOSUPPORT},
				{"W60: caller data too long", joinable, wrong(name, winsock.JL_BOTH), winsock.WSAEFAULT},
				{"W57: callee buffer shorter than it says", joinable,
					stack.Join{Name: name, CalleeData: short, SQOS: &wrongQOS, Flags: winsock.JL_BOTH}, winsock.WSAEFAULT},
				{"Q40: flowspec", joinable, stack.Join{Name: name, SQOS: &wrongQOS, Flags: winsock.JL_BOTH}, winsock.WSA_QOS_EFLOWSPEC},
				{"Q40: flowspec, UDP", udp, stack.Join{Name: group, SQOS: &wrongQOS, Flags: winsock.JL_BOTH}, winsock.WSA_QOS_EFLOWSPEC},
			} {
				got, err := c.s.JoinLeaf(c.j)
				nw.fails(c.what, err, c.code)
				if got != nil {
					t.Errorf("%s: a descriptor", c.what)
				}
			}
			for _, s := range []*stack.Socket{joinable, udp} { // nothing stuck
				if _, err := s.LocalAddr(); err == nil {
					t.Error("a refused join bound its socket")
				}
			}
			for _, s := range []*stack.Socket{joinable, plain, udp, listening, joined, broken, member, pending} {
				ok(s.Close())
			}
		})
		nw.run()
	})
}

// TestLinkLocalNames: a name that needs a zone is none of the join protocol's.
func TestLinkLocalNames(t *testing.T) {
	nw, f := newNetwork(t, 1, 1), families[1]
	nw.Go("leaf", func() {
		s := nw.leafSocket(f, 1)
		_, err := s.JoinLeaf(stack.Join{Name: netip.MustParseAddrPort("[fe80::1]:5000"), Flags: winsock.JL_BOTH})
		nw.fails("link-local", err, winsock.WSAEADDRNOTAVAIL)
		ok(s.Close())
	})
	nw.run()
}

// TestNoRoute: W66: a host without a default route.
func TestNoRoute(t *testing.T) {
	nw, f := newNetwork(t, 1, 1), families[0]
	lone := nw.stack("lone", 1, false)
	nw.port(nw.segs["l2"], lone, "eth0", [6]byte{2, 0, 0, 0, 9, 9}, "10.0.2.99/24")
	nw.Go("lone", func() {
		s := must(lone.Socket(f.mpj, cLeaf))
		_, err := s.JoinLeaf(stack.Join{Name: f.root(), Flags: winsock.JL_BOTH})
		nw.fails("W66", err, winsock.WSAENETUNREACH)
		if _, err := s.LocalAddr(); err == nil {
			t.Error("bound without a route")
		}
		ok(s.Close())
		s = must(lone.Socket(families[1].udp, cLeaf))
		_, err = s.JoinLeaf(stack.Join{Name: families[1].grp, Flags: winsock.JL_BOTH})
		nw.fails("W66: no IPv6 at all", err, winsock.WSAENETUNREACH)
		ok(s.Close())
	})
	nw.run()
	if !lone.Quiet() {
		t.Error("lone is not quiet")
	}
}

// TestSocketRoles: W90-W96: which roles each entry takes.
func TestSocketRoles(t *testing.T) {
	nw := newNetwork(t, 0, 1)
	const (
		cr, cl = winsock.WSA_FLAG_MULTIPOINT_C_ROOT, winsock.WSA_FLAG_MULTIPOINT_C_LEAF
		dr, dl = winsock.WSA_FLAG_MULTIPOINT_D_ROOT, winsock.WSA_FLAG_MULTIPOINT_D_LEAF
	)
	for _, c := range []struct {
		flags    uint32
		mpj, udp bool
	}{
		{0, false, true}, {winsock.WSA_FLAG_OVERLAPPED, false, true},
		{cr, false, false}, {cl, false, false}, {dr, false, false}, {dl, false, false},
		{cr | cl, false, false}, {dr | dl, false, false},
		{cr | dr, true, false}, {cr | dl, true, false}, {cl | dr, true, false}, {cl | dl, true, true},
		{cr | cl | dl, false, false}, {cl | dr | dl, false, false}, {cl | dl | winsock.WSA_FLAG_OVERLAPPED, true, true},
	} {
		for _, f := range families {
			for _, e := range []struct {
				p  stack.Protocol
				ok bool
			}{{f.mpj, c.mpj}, {f.udp, c.udp}} {
				s, err := nw.root.Socket(e.p, c.flags)
				if (err == nil) != e.ok {
					t.Errorf("%s with flags %#x: %v", e.p.Name, c.flags, err)
				}
				if err == nil {
					ok(s.Close())
				} else {
					nw.fails("roles", err, winsock.WSAEINVAL)
				}
			}
		}
	}
	p := stack.UDPIPv4
	p.ServiceFlags1 &^= winsock.XP1_SUPPORT_MULTIPOINT
	_, err := nw.root.Socket(p, cLeaf)
	nw.fails("W96", err, winsock.WSAEINVAL)
	if n := len(stack.EnumProtocols()); n != 4 {
		t.Errorf("%d catalogue entries", n)
	}
}

// TestBind: bind's refusals, and getsockname.
func TestBind(t *testing.T) {
	inFamilies(t, 0, func(nw *network, f family) {
		other := families[0]
		if f.name == "IPv4" {
			other = families[1]
		}
		s := must(nw.root.Socket(f.udp, 0))
		_, err := s.LocalAddr()
		nw.fails("getsockname before bind", err, winsock.WSAEINVAL)
		_, err = s.PeerAddr()
		nw.fails("getpeername before a join", err, winsock.WSAENOTCONN)
		nw.fails("no address", s.Bind(netip.AddrPort{}), winsock.WSAEFAULT)
		nw.fails("W52", s.Bind(other.root()), winsock.WSAEAFNOSUPPORT)
		nw.fails("D17", s.Bind(f.grp), winsock.WSAEADDRNOTAVAIL)
		nw.fails("foreign", s.Bind(f.leaf(9)), winsock.WSAEADDRNOTAVAIL)
		ok(s.Bind(f.root()))
		if a := must(s.LocalAddr()); a != f.root() {
			t.Errorf("bound to %v", a)
		}
		nw.fails("W18", s.Bind(f.root()), winsock.WSAEINVAL)
		second := must(nw.root.Socket(f.udp, 0))
		nw.fails("in use", second.Bind(f.root()), winsock.WSAEADDRINUSE)
		ok(second.Bind(netip.AddrPortFrom(f.any, 0)))
		if a := must(second.LocalAddr()); a.Port() < 49152 {
			t.Errorf("port %d is no dynamic one", a.Port())
		}
		ok(s.Close())
		nw.fails("W68", s.Close(), winsock.WSAENOTSOCK)
		_, err = s.LocalAddr()
		nw.fails("W68", err, winsock.WSAENOTSOCK)
		third := must(nw.root.Socket(f.udp, 0))
		ok(third.Bind(f.root())) // free again
		ok(third.Close())
		ok(second.Close())
	})
}

// TestListenAndAcceptRefusals: A9 and listen's refusals.
func TestListenAndAcceptRefusals(t *testing.T) {
	inFamilies(t, 1, func(nw *network, f family) {
		udp := must(nw.root.Socket(f.udp, cLeaf))
		ok(udp.Bind(netip.AddrPortFrom(f.any, 0)))
		nw.fails("listen on UDP", udp.Listen(1), winsock.WSAEOPNOTSUPP)
		_, err := udp.Accept(nil)
		nw.fails("A9: accept on UDP", err, winsock.WSAEOPNOTSUPP)
		ok(udp.Close())

		s := must(nw.root.Socket(f.mpj, cRoot))
		nw.fails("listen unbound", s.Listen(1), winsock.WSAEINVAL)
		_, err = s.Accept(nil)
		nw.fails("A9: accept without listen", err, winsock.WSAEINVAL)
		ok(s.Bind(f.root()))
		ok(s.Listen(1))
		ok(s.SetNonblocking(true))
		_, err = s.Accept(nil)
		nw.fails("A9: nothing pending", err, winsock.WSAEWOULDBLOCK)
		ok(s.Close())
		_, err = s.Accept(nil)
		nw.fails("W68", err, winsock.WSAENOTSOCK)
		nw.fails("W68", s.Listen(1), winsock.WSAENOTSOCK)

		nw.Go("root", func() {
			s := nw.listen(f)
			leaf := must(s.Accept(nil))
			nw.fails("listen on a member", leaf.Listen(1), winsock.WSAEISCONN)
			nw.over("left", leaf, 0)
			ok(leaf.Close())
			ok(s.Close())
		})
		nw.Go("leaf", func() {
			s := nw.join(f, 1)
			nw.fails("listen on a member", s.Listen(1), winsock.WSAEISCONN)
			ok(s.Close())
		})
		nw.run()
	})
}

// TestDataRefusals: D7, W24, W97, W131, and what sendto and recvfrom refuse.
func TestDataRefusals(t *testing.T) {
	inFamilies(t, 2, func(nw *network, f family) {
		b := make([]byte, 10)
		other := families[0].root()
		if f.name == "IPv4" {
			other = families[1].root()
		}
		nw.Go("root", func() {
			s := nw.listen(f)
			_, err := s.SendTo(b, f.leaf(1))
			nw.fails("W97: the root to one leaf", err, winsock.WSAEOPNOTSUPP)
			one, two := must(s.Accept(nil)), must(s.Accept(nil))
			for _, leaf := range []*stack.Socket{one, two} {
				nw.over("left", leaf, 0)
				ok(leaf.Close())
			}
			ok(s.Close())
		})
		nw.Go("leaf1", func() {
			s := nw.leafSocket(f, 1)
			_, err := s.Send(b)
			nw.fails("send outside a session", err, winsock.WSAENOTCONN)
			_, err = s.SendTo(b, f.root())
			nw.fails("sendto outside a session", err, winsock.WSAENOTCONN)
			_, err = s.SendTo(b, other)
			nw.fails("W52: sendto", err, winsock.WSAEAFNOSUPPORT)
			_, err = s.SendTo(b, netip.AddrPortFrom(f.host(0), 0))
			nw.fails("port 0", err, winsock.WSAEADDRNOTAVAIL)
			_, _, err = s.RecvFrom(b, 0)
			nw.fails("recvfrom unbound", err, winsock.WSAEINVAL)
			must(s.JoinLeaf(stack.Join{Name: f.root(), Flags: winsock.JL_RECEIVER_ONLY}))
			_, err = s.Send(b)
			nw.fails("W131: a receiver sends", err, winsock.WSAEOPNOTSUPP)
			nw.Sleep(time.Second)
			ok(s.Close())
			_, err = s.Send(b)
			nw.fails("W68", err, winsock.WSAENOTSOCK)
			_, _, err = s.RecvFrom(b, 0)
			nw.fails("W68", err, winsock.WSAENOTSOCK)
		})
		nw.Go("leaf2", func() {
			s := nw.join(f, 2)
			_, err := s.SendTo(b, f.leaf(1))
			nw.fails("W97: leaf to leaf", err, winsock.WSAEOPNOTSUPP)
			must(s.SendTo(b, f.root()))
			_, err = s.Send(make([]byte, 1473))
			nw.fails("too long for the MTU", err, winsock.WSAEMSGSIZE)
			ok(s.SetNonblocking(true))
			_, _, err = s.RecvFrom(b, 0)
			nw.fails("nothing there", err, winsock.WSAEWOULDBLOCK)
			nw.Sleep(time.Second)
			ok(s.Close())
		})
		nw.run()
	})
}

// TestConfig: a stack needs a driver, and entropy where it has to draw a seed.
func TestConfig(t *testing.T) {
	if _, err := stack.New(stack.Config{Name: "x"}); err == nil {
		t.Error("a stack without a driver")
	}
	w := sim.New(sim.Config{})
	if _, err := stack.New(stack.Config{Name: "x", Driver: w.Driver(), Entropy: strings.NewReader("short")}); err == nil {
		t.Error("a seed without entropy")
	}
	st, err := stack.New(stack.Config{Name: "x", Driver: w.Driver(), Seed: 1, Entropy: strings.NewReader("")})
	if err != nil || st.Name() != "x" || !st.Quiet() {
		t.Errorf("%v %v", st, err)
	}
}
