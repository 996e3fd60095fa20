//go:build netns

package raw_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mpstack/mpstack/internal/netns"
	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/stack/link/fault"
	"github.com/mpstack/mpstack/stack/link/mem"
	"github.com/mpstack/mpstack/stack/link/tap"
	"github.com/mpstack/mpstack/stack/link/tee"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/inet"
)

const mtu = 1500

// media are the ways to connect two links; every test below runs on each.
var media = map[string]func(t *testing.T) (a, b link.Reader){
	"mem":        onMem,
	"raw on raw": onVeth,
	"tap on raw": onTAP,
	"raw on tap": func(t *testing.T) (a, b link.Reader) { b, a = onTAP(t); return a, b },
	"wrapped": func(t *testing.T) (a, b link.Reader) {
		a, b = onVeth(t)
		wrap := func(l link.Reader) link.Reader {
			return fault.NewReader(tee.NewReader(l, func(wire.Frame) {}), fault.New(), nil)
		}
		return wrap(a), wrap(b)
	},
}

// each runs test with a fresh pair on every medium. a has the address macA and
// b macB on "mem" and veth; on TAP they may be exchanged.
func each(t *testing.T, test func(t *testing.T, a, b link.Reader)) {
	for name, open := range media {
		t.Run(name, func(t *testing.T) {
			a, b := open(t)
			t.Cleanup(func() { _, _ = a.Close(), b.Close() })
			test(t, a, b)
		})
	}
}

func onMem(*testing.T) (a, b link.Reader) {
	s := newMemLinks(mem.Config{Name: "test", MTU: mtu})
	return s.attach("a/eth0", macA), s.attach("b/eth0", macB)
}

func onVeth(t *testing.T) (a, b link.Reader) {
	nsA, nsB := veth(t, netns.Interface{}, netns.Interface{})
	return open(t, nsA, "eth0"), open(t, nsB, "eth0")
}

// onTAP returns the descriptor's end and a packet socket on the device.
func onTAP(t *testing.T) (a, b link.Reader) {
	router := newNS(t, "router")
	l, err := tap.Open(router, "tap0", tap.Options{Port: "leaf/eth0", MAC: macA})
	if err != nil {
		t.Fatal(err)
	}
	if err := router.Configure(netns.Interface{Name: "tap0", MAC: macB}); err != nil {
		t.Fatal(err)
	}
	return l, open(t, router, "tap0")
}

// between is a frame from l to the other end of the pair.
func between(l, other link.Link, n int, mark byte) wire.Frame {
	return frame(other.Info().MAC, l.Info().MAC, inet.EtherTypeIPv4, n, mark)
}

func TestInfo(t *testing.T) {
	each(t, func(t *testing.T, a, b link.Reader) {
		if a.Info().MAC == b.Info().MAC || a.Info().MTU != mtu || b.Info().MTU != mtu || a.Info().Port == b.Info().Port {
			t.Errorf("%+v and %+v", a.Info(), b.Info())
		}
	})
}

func TestBytesArriveAsSent(t *testing.T) {
	each(t, func(t *testing.T, a, b link.Reader) {
		for _, n := range []int{15, 42, 60, 61, 1000, mtu + 14} {
			for _, pair := range [][2]link.Reader{{a, b}, {b, a}} {
				f := between(pair[0], pair[1], n, byte(n))
				send(t, pair[0], f)
				// exact room, and more than enough
				for _, room := range []int{n, 65536} {
					if room > n {
						send(t, pair[0], f)
					}
					if got := recvIn(t, pair[1], room); !bytes.Equal(got, f.Data) {
						t.Errorf("%d bytes: sent %x, received %x", n, f.Data, got)
					}
				}
			}
		}
	})
}

func TestMulticastArrives(t *testing.T) {
	each(t, func(t *testing.T, a, b link.Reader) {
		for i, dst := range []inet.MAC{
			inet.Broadcast,
			inet.MulticastMAC(netip.MustParseAddr("232.1.2.3")),
			inet.MulticastMAC(netip.MustParseAddr("ff3e::8000:1")),
		} {
			send(t, a, frame(dst, a.Info().MAC, inet.EtherTypeIPv4, 60, byte(i)))
			if got := recv(t, b); got[59] != byte(i) || inet.MAC(got[:6]) != dst {
				t.Errorf("to %s: received %x", dst, got)
			}
		}
	})
}

func TestTooBigIsRefused(t *testing.T) {
	each(t, func(t *testing.T, a, b link.Reader) {
		for _, n := range []int{mtu + 15, 9000, 65535} {
			if err := a.Send(between(a, b, n, 1)); !errors.Is(err, unix.EMSGSIZE) {
				t.Errorf("%d bytes: %v", n, err)
			}
		}
		send(t, a, between(a, b, 60, 2))
		if got := recv(t, b); got[len(got)-1] != 2 {
			t.Errorf("received %d bytes", len(got))
		}
	})
}

func TestOwnFramesAreNotReceived(t *testing.T) {
	each(t, func(t *testing.T, a, b link.Reader) {
		send(t, a, between(a, b, 60, 1))
		send(t, a, frame(inet.Broadcast, a.Info().MAC, inet.EtherTypeIPv4, 60, 2))
		send(t, b, between(b, a, 60, 3))
		if got := recv(t, a); got[59] != 3 {
			t.Errorf("a received %x", got)
		}
	})
}

type counter interface{ Counters() link.Counters }

func TestFramesBiggerThanTheBufferAreDropped(t *testing.T) {
	each(t, func(t *testing.T, a, b link.Reader) {
		send(t, a, between(a, b, 101, 1))
		send(t, a, between(a, b, 100, 2))
		if got := recvIn(t, b, 100); len(got) != 100 || got[99] != 2 {
			t.Errorf("received %d bytes", len(got))
		}
		if c, ok := b.(counter); ok {
			if got := c.Counters(); got != (link.Counters{Received: 1, Oversize: 1}) {
				t.Errorf("counters %+v", got)
			}
			if got := a.(counter).Counters(); got != (link.Counters{Sent: 2}) {
				t.Errorf("sender's counters %+v", got)
			}
		}
	})
}

func TestCloseEndsRecv(t *testing.T) {
	each(t, func(t *testing.T, a, b link.Reader) {
		const readers = 3
		entered := make(chan struct{}, readers)
		ended := make(chan error, readers)
		for range readers {
			go func() {
				entered <- struct{}{}
				_, err := b.Recv(make([]byte, 2000))
				ended <- err
			}()
		}
		for range readers {
			<-entered
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		for range readers {
			select {
			case err := <-ended:
				if !errors.Is(err, net.ErrClosed) {
					t.Errorf("Recv: %v", err)
				}
			case <-time.After(deadline):
				t.Fatal("Recv does not end")
			}
		}
		if _, err := b.Recv(make([]byte, 2000)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Recv after Close: %v", err)
		}
		if err := b.Send(between(b, a, 60, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Send after Close: %v", err)
		}
		if err := b.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
	})
}

// Two endpoints, each a goroutine, throw a frame to and fro. The time is only
// reported: it says how far signalling over this medium can be from the wire.
func TestPingPong(t *testing.T) {
	each(t, func(t *testing.T, a, b link.Reader) {
		const rounds = 500
		served := make(chan error, 1)
		go func() { served <- serve(b, a.Info().MAC, rounds) }()
		timer := time.AfterFunc(deadline, func() { _, _ = a.Close(), b.Close() })
		defer timer.Stop()
		buf := make([]byte, 65536)
		times := make([]time.Duration, 0, rounds)
		for i := range rounds {
			start := time.Now()
			send(t, a, between(a, b, 200, byte(i)))
			n, err := a.Recv(buf)
			if err != nil || n != 200 || buf[199] != byte(i) {
				t.Fatalf("round %d: %d bytes, %v", i, n, err)
			}
			times = append(times, time.Since(start))
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
		t.Log(summary(times))
	})
}

// serve sends each frame back.
func serve(l link.Reader, to inet.MAC, rounds int) error {
	buf := make([]byte, 65536)
	for range rounds {
		n, err := l.Recv(buf)
		if err != nil {
			return err
		}
		f := frame(to, l.Info().MAC, inet.EtherTypeIPv4, n, buf[n-1])
		if err := l.Send(f); err != nil {
			return err
		}
	}
	return nil
}

func summary(times []time.Duration) string {
	sorted := slices.Sorted(slices.Values(times))
	n := len(sorted)
	return fmt.Sprintf("%d round trips: median %v, 99th percentile %v, greatest %v", n, sorted[n/2], sorted[n*99/100], sorted[n-1])
}
