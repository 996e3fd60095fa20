package sim_test

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/benchratio"
	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack"
	"github.com/mpstack/mpstack/stack/link/mem"
	"github.com/mpstack/mpstack/stack/sim"
	"github.com/mpstack/mpstack/stack/winsock"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/inet"
)

// star is a root and leaves, each on a segment of its own, around a router.
type star struct {
	*sim.World
	b     *testing.B
	hosts []*stack.Stack // the root, then the leaves
}

// newStar builds a star of a root and n leaves; count sees every frame.
func newStar(b *testing.B, n byte, count func(wire.Frame)) *star {
	w := &star{World: sim.New(sim.Config{Tap: count}), b: b}
	router := w.stack("r1", true)
	for i := range n + 1 {
		seg := w.Segment(mem.Config{Name: fmt.Sprint("l", i), Delay: time.Millisecond})
		host := w.stack(fmt.Sprint("h", i), false)
		net := netip.AddrFrom4([4]byte{10, 0, i, 1})
		w.port(router, seg.Port(fmt.Sprint("r1/eth", i), inet.MAC{2, 0, 0, 0, 1, i}), net)
		w.port(host, seg.Port(fmt.Sprintf("h%d/eth0", i), inet.MAC{2, 0, 0, 0, 2, i}), hostAddr(i))
		w.ok(host.AddRoute(netip.MustParsePrefix("0.0.0.0/0"), net))
		w.hosts = append(w.hosts, host)
	}
	return w
}

func hostAddr(i byte) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, i, 10}) }

func (w *star) stack(name string, router bool) *stack.Stack {
	st, err := stack.New(stack.Config{Name: name, Driver: w.Driver(), Seed: 1, Router: router, Entropy: machine.SeededEntropy(1, name, "entropy")})
	w.ok(err)
	return st
}

func (w *star) port(st *stack.Stack, p *sim.Port, a netip.Addr) {
	_, err := st.AddPort(p, netip.PrefixFrom(a, 24))
	w.ok(err)
}

func (w *star) ok(err error) {
	if err != nil {
		w.b.Fatal(err)
	}
}

// stream has every leaf join the root, which then sends datagrams to them all.
func (w *star) stream(datagrams int) {
	name := netip.AddrPortFrom(hostAddr(0), 5000)
	joined := 0
	w.Go("root", func() {
		s, err := w.hosts[0].Socket(stack.MPJIPv4, winsock.WSA_FLAG_MULTIPOINT_C_ROOT|winsock.WSA_FLAG_MULTIPOINT_D_ROOT)
		w.ok(err)
		w.ok(s.Bind(name))
		w.ok(s.Listen(len(w.hosts)))
		for range w.hosts[1:] {
			_, err := s.Accept(nil)
			w.ok(err)
		}
		w.Wait(func() bool { return joined == len(w.hosts)-1 }, 0)
		w.Sleep(time.Second) // the reports reach the router
		payload := make([]byte, 1000)
		for range datagrams {
			_, err := s.Send(payload)
			w.ok(err)
			w.Sleep(100 * time.Microsecond)
		}
	})
	for _, st := range w.hosts[1:] {
		w.Go(st.Name(), func() {
			s, err := st.Socket(stack.MPJIPv4, winsock.WSA_FLAG_MULTIPOINT_C_LEAF|winsock.WSA_FLAG_MULTIPOINT_D_LEAF)
			w.ok(err)
			_, err = s.JoinLeaf(stack.Join{Name: name, Flags: winsock.JL_RECEIVER_ONLY})
			w.ok(err)
			joined++
			buf := make([]byte, 2000)
			for range datagrams {
				_, _, err := s.RecvFrom(buf, time.Minute)
				w.ok(err)
			}
		})
	}
	w.ok(w.Run(10 * time.Minute))
	w.Close()
}

// BenchmarkFrames measures the simulator with everything that stands on it: a
// root streams to eight leaves through a router. A frame counts once, at its
// sender.
func BenchmarkFrames(b *testing.B) {
	var rate, each float64
	b.Run("star", func(b *testing.B) {
		const leaves, datagrams = 8, 2000
		frames := 0
		var took time.Duration
		var mallocs uint64
		for b.Loop() {
			w := newStar(b, leaves, func(wire.Frame) { frames++ })
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			w.stream(datagrams)
			took += time.Since(start)
			runtime.ReadMemStats(&after)
			mallocs += after.Mallocs - before.Mallocs
		}
		if frames < leaves*datagrams {
			b.Fatalf("%d frames", frames)
		}
		rate, each = float64(frames)/took.Seconds(), float64(mallocs)/float64(frames)
		b.ReportMetric(rate, "frames/s")
		b.ReportMetric(each, "allocs/frame")
	})
	benchratio.Line("sim/frames-per-second", fmt.Sprintf("%.0f", rate), "-", "INFO")
	benchratio.Line("sim/allocations-per-frame", fmt.Sprintf("%.2f", each), "-", "INFO")
}
