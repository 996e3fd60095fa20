package stack_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mpstack/mpstack/stack"
	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/stack/winsock"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/inet"
)

// The real-time driver is tested in bubbles of testing/synctest: its clock is
// then a fake one, so that no test waits, and a bubble ends only when every
// goroutine has, so that each test also shows that none is left.

// pipe is one end of an in-process cable. Like a network interface it drops
// what its peer does not read in time.
type pipe struct {
	info   link.Info
	in     chan []byte
	peer   *pipe
	closed chan struct{}
	once   sync.Once
	closes int
	fail   error // what Send returns
	final  error // what Recv returns when closed; nil is net.ErrClosed
}

var _ link.Reader = (*pipe)(nil)

func newPipe(a, b string) (*pipe, *pipe) {
	ends := [2]*pipe{}
	for i, name := range []string{a, b} {
		ends[i] = &pipe{
			info:   link.Info{Port: name, MAC: inet.MAC{2, 0, 0, 0, 0, byte(i + 1)}, MTU: 1500},
			in:     make(chan []byte, 4096),
			closed: make(chan struct{}),
		}
	}
	ends[0].peer, ends[1].peer = ends[1], ends[0]
	return ends[0], ends[1]
}

func (p *pipe) Info() link.Info { return p.info }

func (p *pipe) Send(f wire.Frame) error {
	select {
	case <-p.closed:
		return net.ErrClosed
	default:
	}
	if p.fail != nil {
		return p.fail
	}
	select {
	case p.peer.in <- append([]byte(nil), f.Data...):
	default:
	}
	return nil
}

func (p *pipe) Recv(buf []byte) (int, error) {
	select {
	case b := <-p.in:
		return copy(buf, b), nil
	case <-p.closed:
		if p.final != nil {
			return 0, p.final
		}
		return 0, net.ErrClosed
	}
}

func (p *pipe) Close() error {
	p.closes++
	p.once.Do(func() { close(p.closed) })
	return nil
}

// pair is two stacks in real time on one cable: 10.0.0.1 and 10.0.0.2.
type pair struct {
	t          testing.TB
	root, leaf *stack.Stack
	ends       [2]*pipe
	ports      [2]*stack.Port
}

var (
	pairRoot  = netip.MustParseAddrPort("10.0.0.1:5000")
	pairLeaf  = netip.MustParseAddrPort("10.0.0.2:7000")
	pairGroup = netip.MustParseAddrPort("239.1.2.3:6000")
)

func newPair(t testing.TB) *pair {
	t.Helper()
	p := &pair{t: t}
	p.ends[0], p.ends[1] = newPipe("root/eth0", "leaf/eth0")
	p.root, p.leaf = newRealTime(t, "root"), newRealTime(t, "leaf")
	for i, st := range []*stack.Stack{p.root, p.leaf} {
		p.ports[i] = must(st.AddPort(p.ends[i], netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}), 24)))
	}
	return p
}

func newRealTime(t testing.TB, name string) *stack.Stack {
	t.Helper()
	st, err := stack.New(stack.Config{Name: name, Driver: stack.NewRealTime(), Refresh: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// close lets the stacks come to rest, checks that nothing is left, and closes
// them.
func (p *pair) close() {
	p.t.Helper()
	time.Sleep(restsIn)
	for _, st := range []*stack.Stack{p.root, p.leaf} {
		if !st.Quiet() {
			p.t.Errorf("%s is not quiet: %v", st.Name(), st.Counters())
		}
		ok(st.Close())
	}
}

// TestRealTimeJoin: a join with its reservation, data in both directions, and
// goodbye, over two stacks.
func TestRealTimeJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		s := must(p.root.Socket(stack.MPJIPv4, cRoot))
		ok(s.SetQOS(sendControlledLoad(10_000)))
		ok(s.Bind(pairRoot))
		ok(s.Listen(1))
		var wg sync.WaitGroup
		wg.Go(func() {
			leaf := must(s.Accept(func(r *stack.Request) int {
				r.CalleeData = append([]byte("to "), r.CallerData...)
				return winsock.CF_ACCEPT
			}))
			time.Sleep(5 * time.Second) // PATH reaches a new member of the link when it is refreshed
			must(s.Send([]byte("down")))
			b := make([]byte, 10)
			n, from, err := s.RecvFrom(b, 0)
			if err != nil || string(b[:n]) != "up" || from != must(leaf.PeerAddr()) {
				t.Errorf("%q from %v, %v", b[:n], from, err)
			}
			if code, over := leaf.Wait(0); code != 0 || !over {
				t.Errorf("FD_CLOSE %v %v", code, over)
			}
			time.Sleep(time.Second)
			if got := statuses(s); got != "RECEIVERS NO_RECEIVERS" {
				t.Errorf("root: %s", got)
			}
			ok(leaf.Close())
			ok(s.Close())
		})
		wg.Go(func() {
			s := must(p.leaf.Socket(stack.MPJIPv4, cLeaf))
			callee, q := stack.WSABuf{Len: 20, Buf: make([]byte, 20)}, receiveControlledLoad()
			must(s.JoinLeaf(stack.Join{
				Name: pairRoot, CallerData: []byte("leaf"), CalleeData: &callee, SQOS: &q, Flags: winsock.JL_BOTH,
			}))
			if got := string(callee.Buf[:callee.Len]); got != "to leaf" {
				t.Errorf("callee data %q", got)
			}
			b := make([]byte, 10)
			n, from, err := s.RecvFrom(b, time.Minute)
			if err != nil || string(b[:n]) != "down" || from != pairRoot {
				t.Errorf("%q from %v, %v", b[:n], from, err)
			}
			if got := statuses(s); got != "SENDERS REQUEST_CONFIRMED" {
				t.Errorf("leaf: %s", got)
			}
			must(s.Send([]byte("up")))
			start := time.Now()
			_, _, err = s.RecvFrom(b, 3*time.Second)
			checkCode(t, "nothing comes", err, winsock.WSAETIMEDOUT)
			if d := time.Since(start); d != 3*time.Second {
				t.Errorf("timed out after %v", d)
			}
			ok(s.Close())
			if !p.leaf.Linger(time.Minute) {
				t.Error("the goodbye was not answered")
			}
		})
		wg.Wait()
		p.close()
	})
}

// TestRealTimeSilence: timers run: a peer that is gone is given up.
func TestRealTimeSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		s := must(p.root.Socket(stack.MPJIPv4, cRoot))
		ok(s.Bind(pairRoot))
		ok(s.Listen(1))
		var wg sync.WaitGroup
		wg.Go(func() {
			must(must(p.leaf.Socket(stack.MPJIPv4, cLeaf)).JoinLeaf(stack.Join{Name: pairRoot, Flags: winsock.JL_BOTH}))
		})
		leaf := must(s.Accept(nil))
		wg.Wait()
		ok(p.leaf.Close()) // without a goodbye
		start := time.Now()
		if code, over := leaf.Wait(0); code != winsock.WSAECONNRESET || !over {
			t.Errorf("FD_CLOSE %v %v", code, over)
		}
		if d := time.Since(start); d < 20*time.Second || d > 36*time.Second {
			t.Errorf("given up after %v", d)
		}
		ok(leaf.Close())
		ok(s.Close())
		if p.root.Linger(time.Second) {
			t.Error("somebody answered")
		}
		ok(p.root.Close())
	})
}

// TestCloseWhileBlocked: W63: whatever blocks on a socket ends when it is closed
// by another goroutine, and whatever blocks in a stack when that is.
func TestCloseWhileBlocked(t *testing.T) {
	for _, whole := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p := newPair(t)
			listening := must(p.root.Socket(stack.MPJIPv4, cRoot))
			ok(listening.Bind(pairRoot))
			ok(listening.Listen(1))
			bound := must(p.root.Socket(stack.UDPIPv4, 0))
			ok(bound.Bind(netip.AddrPortFrom(pairRoot.Addr(), 9)))
			deaf := must(p.leaf.Socket(stack.MPJIPv4, cLeaf))
			ok(deaf.Bind(pairLeaf))
			ok(deaf.Listen(1)) // and does not accept
			inviting := must(p.root.Socket(stack.MPJIPv4, cRoot))
			ok(inviting.Bind(netip.AddrPortFrom(pairRoot.Addr(), 5001)))
			event := p.root.NewEvent()
			var wg sync.WaitGroup
			blocked := func(what string, f func() error) {
				wg.Go(func() { checkCode(t, what, f(), winsock.WSAEINTR) })
			}
			blocked("Accept", func() error { _, err := listening.Accept(nil); return err })
			blocked("another Accept", func() error { _, err := listening.Accept(nil); return err })
			blocked("RecvFrom", func() error { _, _, err := bound.RecvFrom(nil, 0); return err })
			blocked("JoinLeaf", func() error {
				_, err := inviting.JoinLeaf(stack.Join{Name: pairLeaf, Flags: winsock.JL_BOTH})
				return err
			})
			wg.Go(func() {
				if code, over := bound.Wait(0); code != 0 || over == whole {
					t.Errorf("Wait: %v %v", code, over)
				}
			})
			if whole {
				blocked("events", func() error { _, err := p.root.WaitForMultipleEvents(0, event); return err })
			}
			time.Sleep(time.Second)
			if whole {
				ok(p.root.Close())
			} else {
				for _, s := range []*stack.Socket{listening, bound, inviting} {
					ok(s.Close())
				}
			}
			wg.Wait()
			ok(deaf.Close())
			if whole {
				ok(p.leaf.Close())
			} else {
				p.close()
			}
		})
	}
}

// TestConditionPanics: a condition function's panic reaches the caller of
// Accept; the stack goes on, and so does the request.
func TestConditionPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		s := must(p.root.Socket(stack.MPJIPv4, cRoot))
		ok(s.Bind(pairRoot))
		ok(s.Listen(1))
		var wg sync.WaitGroup
		wg.Go(func() {
			s := must(p.leaf.Socket(stack.MPJIPv4, cLeaf))
			must(s.JoinLeaf(stack.Join{Name: pairRoot, Flags: winsock.JL_BOTH}))
			ok(s.Close())
		})
		func() {
			defer func() {
				if v := recover(); v != "oops" {
					t.Errorf("recovered %v", v)
				}
			}()
			_, _ = s.Accept(func(*stack.Request) int { panic("oops") })
		}()
		leaf := must(s.Accept(nil))
		wg.Wait()
		leaf.Wait(0)
		ok(leaf.Close())
		ok(s.Close())
		p.close()
	})
}

// TestSendOrder: frames leave in the order in which they were caused, whole,
// whoever sends.
func TestSendOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		to := must(p.leaf.Socket(stack.UDPIPv4, 0))
		ok(to.Bind(pairLeaf))
		warm := must(p.root.Socket(stack.UDPIPv4, 0))
		must(warm.SendTo([]byte("resolves the neighbour"), pairLeaf))
		time.Sleep(time.Second)
		ok(warm.Close())
		const senders, each = 8, 200
		var wg sync.WaitGroup
		for i := range senders {
			wg.Go(func() {
				s := must(p.root.Socket(stack.UDPIPv4, 0))
				for n := range each {
					must(s.SendTo(fmt.Appendf(nil, "%d %d %0*d", i, n, 10+n%50, n), pairLeaf))
				}
				ok(s.Close())
			})
		}
		wg.Wait()
		synctest.Wait()
		ok(to.SetNonblocking(true))
		next, got, b := [senders]int{}, -1, make([]byte, 100)
		for {
			n, _, err := to.RecvFrom(b, 0)
			if err != nil {
				break
			}
			var i, k, again int
			if _, err := fmt.Sscanf(string(b[:n]), "%d %d %d", &i, &k, &again); err == nil && k == again && k == next[i] {
				next[i]++
			} else if got >= 0 {
				t.Fatalf("received %q, expected number %d", b[:n], next[i])
			}
			got++
		}
		if got != senders*each {
			t.Errorf("%d datagrams arrived", got)
		}
		ok(to.Close())
		p.close()
	})
}

// TestSendFails: frames that a link refuses are counted.
func TestSendFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		p.ends[0].fail = errors.New("no carrier")
		s := must(p.root.Socket(stack.UDPIPv4, cLeaf))
		must(s.JoinLeaf(stack.Join{Name: pairGroup, Flags: winsock.JL_SENDER_ONLY}))
		must(s.Send([]byte("x")))
		if n := p.ports[0].Lost(); n != 1 || counter(p.root, "port/lost/root/eth0") != 1 {
			t.Errorf("%d frames lost", n)
		}
		if p.ports[0].Name() != "root/eth0" {
			t.Error(p.ports[0].Name())
		}
		p.ends[0].fail = nil
		ok(s.Close())
		p.close()
	})
}

// wired is a link that cannot be read.
type wired struct{ closes int }

func (*wired) Info() link.Info       { return link.Info{Port: "x/eth0", MTU: 1500, MAC: inet.MAC{2}} }
func (*wired) Send(wire.Frame) error { return nil }
func (w *wired) Close() error        { w.closes++; return nil }

// TestAddPortFails: a link that cannot be served stays its owner's.
func TestAddPortFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, l := newRealTime(t, "x"), &wired{}
		if _, err := st.AddPort(l, netip.MustParsePrefix("10.0.0.9/24")); err == nil {
			t.Error("a link that cannot be read is taken")
		}
		s := must(st.Socket(stack.UDPIPv4, cLeaf))
		_, err := s.JoinLeaf(stack.Join{Name: pairGroup, Flags: winsock.JL_BOTH})
		checkCode(t, "its interface is down", err, winsock.WSAENETUNREACH)
		small := &pipe{info: link.Info{Port: "x/eth1", MTU: 100, MAC: inet.MAC{2}}}
		if _, err := st.AddPort(small, netip.MustParsePrefix("10.0.1.9/24")); err == nil {
			t.Error("an MTU of 100 is taken")
		}
		ok(s.Close())
		ok(st.Close())
		if l.closes != 0 || small.closes != 0 {
			t.Error("somebody else's link was closed")
		}
		end, _ := newPipe("x/eth2", "y/eth2")
		_, err = st.AddPort(end, netip.MustParsePrefix("10.0.2.9/24"))
		checkCode(t, "a closed stack", err, winsock.WSANOTINITIALISED)
	})
}
