package sim_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack"
	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/stack/link/mem"
	"github.com/mpstack/mpstack/stack/link/tee"
	"github.com/mpstack/mpstack/stack/sim"
	"github.com/mpstack/mpstack/stack/winsock"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/inet"
)

// host makes a stack with the address 10.0.0.i on a segment.
func host(t testing.TB, w *sim.World, seg *sim.Segment, i byte) (*stack.Stack, *sim.Port) {
	t.Helper()
	name := fmt.Sprint("h", i)
	st, err := stack.New(stack.Config{
		Name: name, Driver: w.Driver(), Seed: 1, Entropy: machine.SeededEntropy(1, name, "entropy"),
	})
	if err != nil {
		t.Fatal(err)
	}
	p := seg.Port(name+"/eth0", inet.MAC{2, 0, 0, 0, 0, i})
	if _, err := st.AddPort(p, netip.PrefixFrom(addr(i), 24)); err != nil {
		t.Fatal(err)
	}
	return st, p
}

func addr(i byte) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, i}) }

// socket makes a UDP socket at port 9.
func socket(t testing.TB, st *stack.Stack, i byte) *stack.Socket {
	t.Helper()
	s, err := st.Socket(stack.UDPIPv4, 0)
	if err == nil {
		err = s.Bind(netip.AddrPortFrom(addr(i), 9))
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestOrder: applications run in the order in which they were started, and time
// passes only while all of them wait.
func TestOrder(t *testing.T) {
	w := sim.New(sim.Config{})
	if w.Now() != machine.VirtualEpoch {
		t.Errorf("begins at %v", w.Now())
	}
	var log strings.Builder
	note := func(s string) { fmt.Fprintf(&log, "%s@%v ", s, w.Now().Sub(machine.VirtualEpoch)) }
	flag := false
	w.Go("a", func() {
		note("a1")
		w.Sleep(2 * time.Second)
		note("a2")
		flag = true
		w.Sleep(0) // which does not wait
		note("a3")
		w.Go("d", func() { note("d") })
	})
	w.Go("b", func() {
		note("b1")
		w.Sleep(time.Second)
		note("b2")
		w.Sleep(time.Second)
		note("b3")
	})
	w.Go("c", func() {
		if !w.Wait(func() bool { return flag }, 0) {
			t.Error("the condition does not hold")
		}
		note("c")
		if w.Wait(func() bool { return false }, 3*time.Second) {
			t.Error("the condition holds")
		}
		note("c2")
	})
	if err := w.Run(time.Minute); err != nil {
		t.Fatal(err)
	}
	want := "a1@0s b1@0s b2@1s a2@2s a3@2s b3@2s c@2s d@2s c2@5s "
	if log.String() != want {
		t.Errorf("%s\nwant %s", log.String(), want)
	}
	w.Settle(time.Hour)
	if d := w.Now().Sub(machine.VirtualEpoch); d != time.Hour+5*time.Second {
		t.Errorf("settled at %v", d)
	}
}

// TestStart: a world may begin at any instant.
func TestStart(t *testing.T) {
	if w := sim.New(sim.Config{Start: 42}); w.Now() != 42 {
		t.Errorf("begins at %v", w.Now())
	}
}

// TestStuckAndLimit: what Run says where applications do not end, and that it
// goes on afterwards.
func TestStuckAndLimit(t *testing.T) {
	w := sim.New(sim.Config{})
	done := false
	w.Go("waits", func() { w.Wait(func() bool { return done }, 0) })
	if err := w.Run(time.Minute); !errors.Is(err, sim.ErrStuck) || !strings.Contains(err.Error(), "waits") {
		t.Errorf("%v", err)
	}
	w.Go("sleeps", func() {
		w.Sleep(time.Hour)
		done = true
	})
	if err := w.Run(time.Minute); !errors.Is(err, sim.ErrLimit) || !strings.Contains(err.Error(), "waits, sleeps") {
		t.Errorf("%v", err)
	}
	if err := w.Run(2 * time.Hour); err != nil {
		t.Error(err)
	}
}

// TestWaitOutside: there is nobody to suspend.
func TestWaitOutside(t *testing.T) {
	w := sim.New(sim.Config{})
	if !w.Wait(func() bool { return true }, 0) {
		t.Error("a condition that holds waits for nothing")
	}
	defer func() {
		if v := fmt.Sprint(recover()); !strings.Contains(v, "World.Go") {
			t.Errorf("%s", v)
		}
	}()
	w.Sleep(1)
}

// TestPanic: an application's panic comes out of Run.
func TestPanic(t *testing.T) {
	w := sim.New(sim.Config{})
	w.Go("a", func() { panic("oops") })
	defer func() {
		if v := recover(); v != "oops" {
			t.Errorf("%v", v)
		}
	}()
	t.Error(w.Run(time.Second))
}

// TestClose: every wait gives up, those that come afterwards too, and blocking
// calls of stacks end with WSAEINTR.
func TestClose(t *testing.T) {
	w := sim.New(sim.Config{})
	seg := w.Segment(mem.Config{Name: "lan"})
	st, _ := host(t, w, seg, 1)
	ended := 0
	w.Go("receives", func() {
		s := socket(t, st, 1)
		for range 2 {
			if _, _, err := s.RecvFrom(nil, 0); !errors.Is(err, winsock.WSAEINTR) {
				t.Errorf("RecvFrom: %v", err)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		ended++
	})
	w.Go("sleeps", func() {
		w.Sleep(time.Hour)
		w.Sleep(time.Hour)
		ended++
	})
	if err := w.Run(time.Second); !errors.Is(err, sim.ErrLimit) {
		t.Errorf("%v", err)
	}
	w.Go("never runs", func() { t.Error("an application was started by Close") })
	w.Close()
	if ended != 2 {
		t.Errorf("%d applications ended", ended)
	}
	if err := w.Run(time.Second); err != nil {
		t.Errorf("a closed world: %v", err)
	}
}

// TestTap: each frame is seen once, at its sender's port, with its cause and
// its fate; a port that is down neither sends nor receives.
func TestTap(t *testing.T) {
	var seen []string
	w := sim.New(sim.Config{Tap: func(f wire.Frame) {
		seen = append(seen, fmt.Sprintf("%v %s %v %s", f.At.Sub(machine.VirtualEpoch), f.Port, f.Dir, f.Comment()))
	}})
	seg := w.Segment(mem.Config{Name: "lan", Delay: time.Millisecond})
	st1, p1 := host(t, w, seg, 1)
	st2, p2 := host(t, w, seg, 2)
	host(t, w, seg, 3)
	w.Go("a", func() {
		a, b := socket(t, st1, 1), socket(t, st2, 2)
		send := func() {
			if _, err := a.SendTo([]byte("x"), netip.AddrPortFrom(addr(2), 9)); err != nil {
				t.Error(err)
			}
			w.Sleep(10 * time.Millisecond)
		}
		send()
		p1.SetUp(false)
		send()
		p1.SetUp(true)
		p2.SetUp(false)
		send()
		n := 0
		for {
			if _, _, err := b.RecvFrom(make([]byte, 1), time.Millisecond); err != nil {
				break
			}
			n++
		}
		if n != 1 {
			t.Errorf("%d datagrams arrived", n)
		}
	})
	if err := w.Run(time.Second); err != nil {
		t.Fatal(err)
	}
	want := `0s h1/eth0 out ip/arp/request
1ms h2/eth0 out ip/arp/reply
2ms h1/eth0 out data/unicast
10ms h1/eth0 out data/unicast; lost: port down
20ms h1/eth0 out data/unicast`
	if got := strings.Join(seen, "\n"); got != want {
		t.Errorf("seen\n%s\nwant\n%s", got, want)
	}
}

// TestServe: only ports of the same world are taken, also through wrappers,
// which then see what arrives.
func TestServe(t *testing.T) {
	w := sim.New(sim.Config{})
	seg := w.Segment(mem.Config{Name: "lan"})
	foreign := sim.New(sim.Config{}).Segment(mem.Config{Name: "lan"}).Port("x/eth0", inet.MAC{2})
	d := w.Driver()
	for _, l := range []link.Link{foreign, alien{}} {
		if err := d.Serve(l, func([]byte) {}); err == nil {
			t.Errorf("%T of another world is served", l)
		}
	}
	var dirs []wire.Dir
	l := tee.New(seg.Port("tee/eth0", inet.MAC{2, 0, 0, 0, 0, 9}), func(f wire.Frame) { dirs = append(dirs, f.Dir) })
	st, err := stack.New(stack.Config{Name: "tee", Driver: w.Driver(), Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.AddPort(l, netip.PrefixFrom(addr(9), 24)); err != nil {
		t.Fatal(err)
	}
	st1, _ := host(t, w, seg, 1)
	w.Go("a", func() {
		s := socket(t, st1, 1)
		if _, err := s.SendTo(nil, netip.AddrPortFrom(addr(9), 9)); err != nil {
			t.Error(err)
		}
		w.Sleep(time.Second)
	})
	if err := w.Run(time.Minute); err != nil {
		t.Fatal(err)
	}
	// ARP request and reply, the datagram, and ICMP's answer.
	if fmt.Sprint(dirs) != "[in out in out]" {
		t.Errorf("the wrapper saw %v", dirs)
	}
}

// alien is a link that has nothing to do with any world.
type alien struct{}

func (alien) Info() link.Info       { return link.Info{Port: "alien"} }
func (alien) Send(wire.Frame) error { return nil }
func (alien) Close() error          { return nil }

// TestClosedPort: a stack that is closed takes and sends nothing any more, and
// keeps no timer running.
func TestClosedPort(t *testing.T) {
	w := sim.New(sim.Config{})
	seg := w.Segment(mem.Config{Name: "lan"})
	st1, p1 := host(t, w, seg, 1)
	st2, _ := host(t, w, seg, 2)
	w.Go("a", func() {
		s1, s2 := socket(t, st1, 1), socket(t, st2, 2)
		if _, err := s1.SendTo(nil, netip.AddrPortFrom(addr(2), 9)); err != nil {
			t.Error(err)
		}
		if err := st1.Close(); err != nil {
			t.Error(err)
		}
		if err := p1.Send(wire.Frame{}); err == nil {
			t.Error("a closed port sends")
		}
		if err := s1.Close(); err != nil { // which arms no timer
			t.Error(err)
		}
		if _, err := s2.SendTo(nil, netip.AddrPortFrom(addr(1), 9)); err != nil {
			t.Error(err)
		}
		w.Sleep(time.Minute)
		if _, err := st1.AddPort(seg.Port("h1/eth1", inet.MAC{2, 1})); !errors.Is(err, winsock.WSANOTINITIALISED) {
			t.Errorf("a closed stack takes a port: %v", err)
		}
	})
	if err := w.Run(time.Hour); err != nil {
		t.Fatal(err)
	}
}
