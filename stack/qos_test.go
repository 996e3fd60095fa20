package stack_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/mpstack/mpstack/stack"
	"github.com/mpstack/mpstack/stack/winsock"
)

// runReservation has every leaf join the root with a reservation, receive data
// and leave; it returns the network's log.
func runReservation(nw *network, f family) string {
	ready := 0
	nw.Go("root", func() {
		s := must(nw.root.Socket(f.mpj, cRoot))
		ok(s.SetQOS(sendControlledLoad(100_000)))
		ok(s.Bind(f.root()))
		ok(s.Listen(4))
		var leaves []*stack.Socket
		for range nw.leaves {
			leaves = append(leaves, must(s.Accept(nil)))
		}
		nw.Wait(func() bool { return ready == len(nw.leaves) }, 0)
		nw.Sleep(50 * time.Millisecond) // the last report reaches the router
		if got := statuses(s); got != "RECEIVERS" {
			nw.t.Errorf("root: QoS %s", got)
		}
		for i := range 5 {
			must(s.Send([]byte(fmt.Sprint(i))))
			nw.Sleep(20 * time.Millisecond)
		}
		for _, l := range leaves {
			nw.over("left", l, 0)
			ok(l.Close())
		}
		nw.Sleep(time.Second)
		if got := statuses(s); got != "NO_RECEIVERS" {
			nw.t.Errorf("Q33: root: QoS %s", got)
		}
		ok(s.Close())
	})
	for i, st := range nw.leaves {
		nw.Go(st.Name(), func() {
			nw.Sleep(time.Duration(i+1) * 100 * time.Millisecond)
			s := nw.leafSocket(f, i+1)
			q := receiveControlledLoad()
			must(s.JoinLeaf(stack.Join{Name: f.root(), SQOS: &q, Flags: winsock.JL_RECEIVER_ONLY}))
			ready++
			for n := range 5 {
				nw.receive(s, fmt.Sprint(n))
			}
			if got := statuses(s); got != "SENDERS REQUEST_CONFIRMED" {
				nw.t.Errorf("%s: QoS %s", st.Name(), got)
			}
			ok(s.Close())
		})
	}
	nw.run()
	return nw.log.String()
}

// TestReservation: Q7, Q15, Q16, Q32, Q33: PATH from the root, RESV from the
// leaves, confirmed, and all of it torn down.
func TestReservation(t *testing.T) {
	inFamilies(t, 2, func(nw *network, f family) {
		runReservation(nw, f)
		for _, words := range [][]string{
			{"root/eth0 rsvp Path "}, {"leaf1/eth0 rsvp Resv "}, {"leaf2/eth0 rsvp Resv "}, {"r1/eth0 rsvp Resv "},
			{"leaf1/eth0 rsvp ResvTear"}, {"leaf2/eth0 rsvp ResvTear"}, {"r1/eth0 rsvp ResvTear"}, {"root/eth0 rsvp PathTear"},
		} {
			if nw.seen(words...) == 0 {
				t.Errorf("no %s", words)
			}
		}
	})
}

// TestSameSeedSameFrames: the same inputs and seed give the same frames at the
// same instants; another seed gives others.
func TestSameSeedSameFrames(t *testing.T) {
	inFamilies(t, 2, func(nw *network, f family) {
		first := runReservation(nw, f)
		if runReservation(newNetwork(t, 2, 1), f) != first {
			t.Error("two runs with one seed differ")
		}
		if runReservation(newNetwork(t, 2, 8), f) == first {
			t.Error("two seeds give the same frames")
		}
	})
}

// TestQOSEvents: FD_QOS, E4, E6, E12: recorded with its code once, and again
// only for what comes after SIO_GET_QOS; Q34: several answers wait; Q35: each
// concerns one direction.
func TestQOSEvents(t *testing.T) {
	inFamilies(t, 1, func(nw *network, f family) {
		st := nw.leaves[0]
		nw.Go("root", func() {
			s := must(nw.root.Socket(f.mpj, cRoot))
			ok(s.Bind(f.root()))
			ok(s.Listen(1))
			leaf := must(s.Accept(nil))
			nw.Sleep(time.Second)
			ok(s.SetQOS(sendControlledLoad(50_000))) // Q12: after the join
			nw.Sleep(time.Second)
			nothing := winsock.DefaultQOS
			nothing.Sending.ServiceType = winsock.SERVICETYPE_NOTRAFFIC
			ok(s.SetQOS(nothing)) // Q44
			nw.Sleep(time.Second)
			ok(leaf.Close())
			ok(s.Close())
		})
		nw.Go("leaf", func() {
			s, e := nw.join(f, 1), st.NewEvent()
			ok(s.SetQOS(receiveControlledLoad())) // Q12: after the join
			ok(s.EventSelect(e, fdQOS))
			nw.await("SENDERS", st, e, s, recorded(fdQOS, winsock.WSA_QOS_SENDERS))
			nw.Sleep(500 * time.Millisecond)
			nw.events("E4: silent until SIO_GET_QOS", s, stack.NetworkEvents{})
			i := must(s.GetQOS())
			if i.Status != winsock.WSA_QOS_SENDERS || i.QOS.Receiving.TokenRate != 50_000 ||
				i.QOS.Receiving.ServiceType != winsock.SERVICETYPE_GENERAL_INFORMATION ||
				i.QOS.Sending.ServiceType != winsock.SERVICETYPE_NOCHANGE {
				t.Errorf("Q35: %+v", i)
			}
			nw.events("E6: edge", s, stack.NetworkEvents{})
			if i := must(s.GetQOS()); i.Status != winsock.WSA_QOS_REQUEST_CONFIRMED {
				t.Errorf("Q32, Q34: %v", i.Status)
			}
			_, err := s.GetQOS()
			nw.fails("D18", err, winsock.WSAEWOULDBLOCK)
			nw.await("NO_SENDERS", st, e, s, recorded(fdQOS, winsock.WSA_QOS_NO_SENDERS))
			nw.over("dropped", s, 0)
			ok(s.Close())
			_, err = s.GetQOS()
			nw.fails("W68", err, winsock.WSAENOTSOCK)
			nw.fails("W68", s.SetQOS(winsock.DefaultQOS), winsock.WSAENOTSOCK)
		})
		nw.run()
		if nw.seen("root/eth0 rsvp PathTear") == 0 {
			t.Error("Q44: NOTRAFFIC does not tear")
		}
	})
}

// TestReceiverStops: Q44: NOTRAFFIC at the receiver tears its reservation, and
// a sender that comes back does not bring it back.
func TestReceiverStops(t *testing.T) {
	nw, f := newNetwork(t, 1, 1), families[0]
	nothing := winsock.DefaultQOS
	nothing.Sending.ServiceType, nothing.Receiving.ServiceType = winsock.SERVICETYPE_NOTRAFFIC, winsock.SERVICETYPE_NOTRAFFIC
	var s *stack.Socket
	nw.Go("root", func() {
		s = must(nw.root.Socket(f.mpj, cRoot))
		ok(s.Bind(f.root()))
		ok(s.SetQOS(sendControlledLoad(50_000)))
		ok(s.Listen(1))
		leaf := must(s.Accept(nil))
		nw.over("left", leaf, 0)
		ok(leaf.Close())
		ok(s.Close())
	})
	nw.Go("leaf", func() {
		leaf := nw.leafSocket(f, 1)
		q := receiveControlledLoad()
		must(leaf.JoinLeaf(stack.Join{Name: f.root(), SQOS: &q, Flags: winsock.JL_RECEIVER_ONLY}))
		nw.Sleep(time.Second)
		ok(s.SetQOS(nothing)) // the sender stops
		nw.Sleep(time.Second)
		resvs := nw.seen("leaf1/eth0 rsvp Resv ")
		if resvs == 0 {
			t.Error("no reservation")
		}
		ok(leaf.SetQOS(nothing))
		ok(s.SetQOS(sendControlledLoad(60_000))) // and comes back
		nw.Sleep(time.Minute)
		if n := nw.seen("leaf1/eth0 rsvp Resv "); n != resvs {
			t.Errorf("%d reservations by one who asked for none", n-resvs)
		}
		if got := statuses(leaf); got != "SENDERS REQUEST_CONFIRMED NO_SENDERS SENDERS" {
			t.Errorf("Q39: %s", got)
		}
		ok(leaf.SetQOS(receiveControlledLoad()))
		nw.Sleep(time.Second)
		if n := nw.seen("leaf1/eth0 rsvp Resv "); n == resvs {
			t.Error("no reservation after asking again")
		}
		ok(leaf.SetQOS(nothing))
		nw.Sleep(time.Second)
		if nw.seen("leaf1/eth0 rsvp ResvTear") == 0 {
			t.Error("Q44: no tear")
		}
		ok(leaf.Close())
	})
	nw.run()
}

// TestAdmissionFailure: a router without room refuses: FD_QOS at the receiver,
// WSA_QOS_ADMISSION_FAILURE with its extended codes; the join stands, and a
// smaller request goes through (Q54).
func TestAdmissionFailure(t *testing.T) {
	inFamilies(t, 1, func(nw *network, f family) {
		nw.stacks["r1/eth1"].SetCapacity(100_000, 0.5)
		nw.Go("root", func() {
			s := must(nw.root.Socket(f.mpj, cRoot))
			ok(s.SetQOS(sendControlledLoad(60_000)))
			ok(s.Bind(f.root()))
			ok(s.Listen(1))
			leaf := must(s.Accept(nil))
			nw.Sleep(500 * time.Millisecond)
			must(s.Send([]byte("all the same")))
			nw.over("left", leaf, 0)
			ok(leaf.Close())
			ok(s.Close())
		})
		nw.Go("leaf", func() {
			s := nw.leafSocket(f, 1)
			q := receiveControlledLoad()
			must(s.JoinLeaf(stack.Join{Name: f.root(), SQOS: &q, Flags: winsock.JL_RECEIVER_ONLY}))
			nw.receive(s, "all the same")
			if i := must(s.GetQOS()); i.Status != winsock.WSA_QOS_SENDERS {
				t.Errorf("%v", i.Status)
			}
			i := must(s.GetQOS())
			if i.Status != winsock.WSA_QOS_ADMISSION_FAILURE ||
				i.Extended1 != winsock.GQOS_NET_ADMISSION || i.Extended2 != winsock.GQOS_BANDWIDTH {
				t.Errorf("%+v", i)
			}
			q.Receiving.TokenRate = 40_000
			ok(s.SetQOS(q))
			nw.Sleep(time.Second)
			if got := statuses(s); got != "REQUEST_CONFIRMED" {
				t.Errorf("Q54: %s", got)
			}
			ok(s.Close())
		})
		nw.run()
	})
}

// TestNegotiation: A12: the condition function sees the caller's QoS and may
// lower it, not raise it; what it leaves is what the leaf reserves.
func TestNegotiation(t *testing.T) {
	for _, c := range []struct {
		name        string
		answer      func(q *winsock.QOS)
		rate        uint32 // of the reservation
		reservation bool
	}{
		{"as asked", func(*winsock.QOS) {}, 40_000, true},
		{"lowered", func(q *winsock.QOS) { q.Receiving.TokenRate = 20_000 }, 20_000, true},
		{"raised", func(q *winsock.QOS) { q.Receiving.TokenRate = 90_000 }, 40_000, true},
		{"made impossible", func(q *winsock.QOS) { q.Receiving.TokenRate = 0 }, 40_000, true},
		{"turned off", func(q *winsock.QOS) { q.Receiving.ServiceType = winsock.SERVICETYPE_BESTEFFORT }, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			nw, f := newNetwork(t, 1, 1), families[0]
			nw.Go("root", func() {
				s := must(nw.root.Socket(f.mpj, cRoot))
				ok(s.SetQOS(sendControlledLoad(100_000)))
				ok(s.Bind(f.root()))
				ok(s.Listen(1))
				leaf := must(s.Accept(func(r *stack.Request) int {
					if r.SQOS == nil || r.SQOS.Receiving.TokenRate != 40_000 || r.SQOS.ProviderSpecific != nil {
						t.Errorf("A12: %+v", r.SQOS)
						return winsock.CF_REJECT
					}
					c.answer(r.SQOS)
					return winsock.CF_ACCEPT
				}))
				nw.over("left", leaf, 0)
				ok(leaf.Close())
				ok(s.Close())
			})
			nw.Go("leaf", func() {
				s := nw.leafSocket(f, 1)
				q := receiveControlledLoad()
				q.Receiving.TokenRate = 40_000
				must(s.JoinLeaf(stack.Join{Name: f.root(), SQOS: &q, Flags: winsock.JL_RECEIVER_ONLY}))
				nw.Sleep(time.Second)
				var rate uint32
				for {
					i, err := s.GetQOS()
					if err != nil {
						break
					}
					if i.Status == winsock.WSA_QOS_REQUEST_CONFIRMED {
						rate = i.QOS.Receiving.TokenRate
					}
				}
				if rate != c.rate || (nw.seen("leaf1/eth0 rsvp Resv ") > 0) != c.reservation {
					t.Errorf("reserved %d, want %d", rate, c.rate)
				}
				ok(s.Close())
			})
			nw.run()
		})
	}
}

// TestInvitedQOS: Q45: the accepted socket has the listener's QoS, and what the
// caller states of the direction that arrives here wins.
func TestInvitedQOS(t *testing.T) {
	inFamilies(t, 1, func(nw *network, f family) {
		nw.Go("leaf", func() {
			s := nw.leafSocket(f, 1)
			ok(s.Bind(f.leaf(1)))
			ok(s.SetQOS(receiveControlledLoad())) // with confirmation, no rate
			ok(s.Listen(1))
			member := must(s.Accept(nil))
			nw.Sleep(time.Second)
			i := must(member.GetQOS())
			if i.Status != winsock.WSA_QOS_SENDERS {
				t.Errorf("%v", i.Status)
			}
			i = must(member.GetQOS())
			if i.Status != winsock.WSA_QOS_REQUEST_CONFIRMED || i.QOS.Receiving.TokenRate != 70_000 {
				t.Errorf("%+v", i)
			}
			nw.over("root closed", member, 0)
			ok(member.Close())
			ok(s.Close())
		})
		nw.Go("root", func() {
			nw.Sleep(10 * time.Millisecond)
			s := must(nw.root.Socket(f.mpj, cRoot))
			ok(s.Bind(f.root()))
			q := sendControlledLoad(70_000)
			leaf := must(s.JoinLeaf(stack.Join{Name: f.leaf(1), SQOS: &q, Flags: winsock.JL_BOTH}))
			nw.Sleep(2 * time.Second)
			if got := statuses(s); got != "RECEIVERS" {
				t.Errorf("root: %s", got)
			}
			ok(s.Close())
			ok(leaf.Close())
		})
		nw.run()
	})
}

// TestGroupReservation: Q8, Q9, Q17, Q20, Q23: a nonrooted session: PATH from
// each sender, RESV with the wildcard style from the receivers.
func TestGroupReservation(t *testing.T) {
	inFamilies(t, 3, func(nw *network, f family) {
		ready := 0
		for i := range 3 {
			st := nw.leaves[i]
			nw.Go(st.Name(), func() {
				s := must(st.Socket(f.udp, cLeaf))
				s.SetMulticastScope(8)
				q, flags := receiveControlledLoad(), uint32(winsock.JL_RECEIVER_ONLY)
				if i > 0 {
					q, flags = sendControlledLoad(10_000), winsock.JL_SENDER_ONLY
				}
				must(s.JoinLeaf(stack.Join{Name: f.grp, SQOS: &q, Flags: flags}))
				ready++
				nw.Wait(func() bool { return ready == 3 }, 0)
				nw.Sleep(time.Second)
				want := "RECEIVERS"
				if i == 0 {
					want = "SENDERS REQUEST_CONFIRMED"
				}
				if got := statuses(s); got != want {
					t.Errorf("%s: %s", st.Name(), got)
				}
				nw.Sleep(time.Duration(i) * time.Second)
				ok(s.Close())
			})
		}
		nw.run()
	})
}

// TestOneGroupTwice: two receivers of one RSVP session on one host have flows of
// their own: one ends, the other's reservation stays.
func TestOneGroupTwice(t *testing.T) {
	nw, f := newNetwork(t, 1, 1), families[0]
	nw.Go("root", func() {
		s := must(nw.root.Socket(f.mpj, cRoot))
		ok(s.SetQOS(sendControlledLoad(100_000)))
		ok(s.Bind(f.root()))
		ok(s.Listen(2))
		one, two := must(s.Accept(nil)), must(s.Accept(nil))
		nw.over("one left", one, 0)
		nw.Sleep(time.Second)
		if got := statuses(s); got != "RECEIVERS" {
			t.Errorf("while one is left: %s", got)
		}
		nw.over("two left", two, 0)
		nw.Sleep(time.Second)
		if got := statuses(s); got != "NO_RECEIVERS" {
			t.Errorf("when all left: %s", got)
		}
		for _, s := range []*stack.Socket{one, two, s} {
			ok(s.Close())
		}
	})
	nw.Go("leaf", func() {
		var both []*stack.Socket
		for range 2 {
			s := nw.leafSocket(f, 1)
			q := receiveControlledLoad()
			must(s.JoinLeaf(stack.Join{Name: f.root(), SQOS: &q, Flags: winsock.JL_RECEIVER_ONLY}))
			both = append(both, s)
		}
		nw.Sleep(time.Second)
		for i, s := range both {
			if got := statuses(s); got != "SENDERS REQUEST_CONFIRMED" {
				t.Errorf("leaf %d: %s", i, got)
			}
			ok(s.Close())
			nw.Sleep(2 * time.Second)
		}
	})
	nw.run()
}

// TestRefusedQOS: Q29, Q30, Q40: bad QoS is refused by the call and changes
// nothing; I1.
func TestRefusedQOS(t *testing.T) {
	nw, f := newNetwork(t, 1, 1), families[0]
	nw.Go("root", func() {
		s := must(nw.root.Socket(f.mpj, cRoot))
		ok(s.SetQOS(sendControlledLoad(100_000)))
		nw.fails("Q40", s.SetQOS(wrongQOS), winsock.WSA_QOS_EFLOWSPEC)
		ok(s.Bind(f.root()))
		ok(s.Listen(1))
		nw.fails("Q40, running", s.SetQOS(wrongQOS), winsock.WSA_QOS_EFLOWSPEC)
		nw.Sleep(time.Second)
		ok(s.Close())
		p := f.udp
		p.ServiceFlags1 &^= winsock.XP1_QOS_SUPPORTED
		plain := must(nw.root.Socket(p, cLeaf))
		nw.fails("I1", plain.SetQOS(sendControlledLoad(1)), winsock.WSAENOPROTOOPT)
		q := sendControlledLoad(1)
		_, err := plain.JoinLeaf(stack.Join{Name: f.grp, SQOS: &q, Flags: winsock.JL_BOTH})
		nw.fails("W43", err, winsock.WSAEOPNOTSUPP)
		ok(plain.Close())
	})
	nw.run()
	if n := nw.seen("root/eth0 rsvp Path "); n != 1 {
		t.Errorf("%d PATHs", n)
	}
}

// TestUnsatisfiedQOS: W43, W69: what the local node cannot give fails the join,
// and nothing of it stays: no membership, session, flow or association.
func TestUnsatisfiedQOS(t *testing.T) {
	inFamilies(t, 1, func(nw *network, f family) {
		st := nw.leaves[0]
		nw.Go("leaf", func() {
			// Two senders with one template cannot be: the second one is refused.
			join := stack.Join{Name: f.grp, Flags: winsock.JL_BOTH}
			q := sendControlledLoad(1000)
			join.SQOS = &q
			var all []*stack.Socket
			for i := range 2 {
				s := must(st.Socket(f.udp, cLeaf))
				s.SetReuseAddr(true)
				ok(s.Bind(f.group(6000)))
				_, err := s.JoinLeaf(join)
				if i == 0 {
					ok(err)
				} else {
					nw.fails("W69", err, winsock.WSAEOPNOTSUPP)
					_, err = s.PeerAddr()
					nw.fails("not joined", err, winsock.WSAENOTCONN)
					_, err = s.Send([]byte("x"))
					nw.fails("not joined", err, winsock.WSAENOTCONN)
					join.SQOS = nil
					must(s.JoinLeaf(join)) // without QoS the same socket may
				}
				all = append(all, s)
			}
			must(all[0].Send([]byte("x")))
			for _, s := range all {
				nw.receive(s, "x")
				ok(s.Close())
			}
		})
		nw.run()
	})
}

// TestManyIndications: Q34: what nobody fetches is bounded, the oldest goes.
func TestManyIndications(t *testing.T) {
	nw, f := newNetwork(t, 1, 1), families[0]
	nothing := winsock.DefaultQOS
	nothing.Sending.ServiceType = winsock.SERVICETYPE_NOTRAFFIC
	nw.Go("root", func() {
		s := nw.listen(f)
		leaf := must(s.Accept(nil))
		nw.Sleep(time.Second)
		for range 50 {
			for _, q := range []winsock.QOS{sendControlledLoad(1000), nothing} {
				ok(s.SetQOS(q))
				nw.Sleep(100 * time.Millisecond)
			}
		}
		nw.over("left", leaf, 0)
		ok(leaf.Close())
		ok(s.Close())
	})
	nw.Go("leaf", func() {
		s := nw.leafSocket(f, 1)
		q := receiveControlledLoad()
		must(s.JoinLeaf(stack.Join{Name: f.root(), SQOS: &q, Flags: winsock.JL_BOTH}))
		nw.Sleep(time.Minute)
		n, first := 0, winsock.Errno(0)
		for {
			i, err := s.GetQOS()
			if err != nil {
				break
			}
			if n++; n == 1 {
				first = i.Status
			}
		}
		if n != 64 || first == winsock.WSA_QOS_REQUEST_CONFIRMED {
			t.Errorf("%d indications, the first %v", n, first)
		}
		ok(s.Close())
	})
	nw.run()
}
