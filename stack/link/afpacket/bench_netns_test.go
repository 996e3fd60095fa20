//go:build netns

package afpacket_test

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/stack/link/afpacket"
	"github.com/mpstack/mpstack/stack/link/linktest"
)

// Links on veth, both ends on the machine that runs this: what counts is how
// they compare in one run.
//
//	go test -tags netns -run '^$' -bench . ./stack/link/afpacket

// ways are the links under comparison, and how many frames a call takes.
var ways = []struct {
	name  string
	open  linktest.OpenPacket
	batch int
}{
	{"raw", openRaw, 1},
	{"afpacket", plain, 1},
	{"afpacket-batch", plain, afpacket.MaxBatch},
	{"afpacket-batch-bypass", with(afpacket.Options{BypassQdisc: true}), afpacket.MaxBatch},
}

// sizes are lengths of frames in bytes.
var sizes = []int{64, 1400}

// kpps reports n frames since the benchmark's timer started.
func kpps(b *testing.B, n int) {
	b.ReportMetric(float64(n)/b.Elapsed().Seconds()/1e3, "kpps")
	b.ReportMetric(0, "ns/op")
}

func BenchmarkSend(b *testing.B) {
	for _, size := range sizes {
		for _, w := range ways {
			b.Run(fmt.Sprintf("%d/%s", size, w.name), func(b *testing.B) {
				l, other := w.open.Pair(b)
				_ = other.Close() // the kernel drops what arrives
				frames := linktest.Frames(l, other, size, make([]byte, w.batch)...)
				b.ReportAllocs()
				n := 0
				for b.Loop() {
					if w.batch == 1 {
						linktest.Send(b, l, frames[0])
						n++
						continue
					}
					sent, err := link.SendBatch(l, frames)
					if err != nil {
						b.Fatal(err)
					}
					n += sent
				}
				kpps(b, n)
			})
		}
	}
}

// flood sends on l until it is stopped, as fast as batches go.
func flood(l, to link.Reader, size int) (stop func()) {
	frames := linktest.Frames(l, to, size, make([]byte, afpacket.MaxBatch)...)
	var over atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		for !over.Load() {
			_, _ = link.SendBatch(l, frames) // ENOBUFS is what a flood meets
		}
	}()
	return func() {
		over.Store(true)
		<-done
	}
}

// What a receiver gets of a flood, and how much of it the kernel drops.
func BenchmarkReceive(b *testing.B) {
	for _, size := range sizes {
		for _, w := range ways[:3] {
			b.Run(fmt.Sprintf("%d/%s", size, w.name), func(b *testing.B) {
				sender, receiver := linktest.OnVeth(plain, w.open)(b)
				bufs, infos := linktest.Buffers(w.batch)
				stop := flood(sender, receiver, size)
				b.ReportAllocs()
				n := 0
				for b.Loop() {
					got, err := link.RecvBatch(receiver, bufs, infos)
					if err != nil {
						b.Fatal(err)
					}
					n += got
				}
				kpps(b, n)
				c, _ := link.CountersOf(receiver)
				b.ReportMetric(100*float64(c.KernelDrops)/float64(c.KernelDrops+uint64(n)), "%lost")
				stop()
			})
		}
	}
}

// The cost of receiving what waits already, without a sender that competes for
// the processor. A burst fits into the smallest of the receive buffers.
func BenchmarkDrain(b *testing.B) {
	const burst = afpacket.MaxBatch
	for _, size := range sizes {
		for _, w := range ways[:3] {
			b.Run(fmt.Sprintf("%d/%s", size, w.name), func(b *testing.B) {
				sender, receiver := linktest.OnVeth(plain, w.open)(b)
				frames := linktest.Frames(sender, receiver, size, make([]byte, burst)...)
				bufs, infos := linktest.Buffers(w.batch)
				var spent time.Duration
				n := 0
				for b.Loop() {
					if _, err := link.SendBatch(sender, frames); err != nil {
						b.Fatal(err)
					}
					start := time.Now()
					for left := burst; left > 0; {
						got, err := link.RecvBatch(receiver, bufs, infos)
						if err != nil {
							b.Fatal(err)
						}
						left -= got
					}
					spent += time.Since(start)
					n += burst
				}
				b.ReportMetric(float64(spent.Nanoseconds())/float64(n), "ns/frame")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// The time from one end to the other and back, one frame at a time.
func BenchmarkRoundTrip(b *testing.B) {
	for _, w := range ways[:3] {
		b.Run(w.name, func(b *testing.B) {
			l, other := w.open.Pair(b)
			go func() { // ends with the link
				bufs, infos := linktest.Buffers(w.batch)
				for {
					n, err := link.RecvBatch(other, bufs, infos)
					if err != nil {
						return
					}
					for range n {
						_ = other.Send(linktest.Between(other, l, 200, 0))
					}
				}
			}()
			bufs, infos := linktest.Buffers(w.batch)
			f := linktest.Between(l, other, 200, 0)
			var times []time.Duration
			for b.Loop() {
				start := time.Now()
				linktest.Send(b, l, f)
				if _, err := link.RecvBatch(l, bufs, infos); err != nil {
					b.Fatal(err)
				}
				times = append(times, time.Since(start))
			}
			slices.Sort(times)
			for _, q := range []struct {
				percent int
				name    string
			}{{50, "µs-p50"}, {99, "µs-p99"}} {
				b.ReportMetric(float64(times[len(times)*q.percent/100].Nanoseconds())/1e3, q.name)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}
