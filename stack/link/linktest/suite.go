package linktest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/inet"
)

// Run tests what holds on every medium, each time with a fresh pair.
func Run(t *testing.T, open Open) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, a, b link.Reader)
	}{
		{"Info", testInfo},
		{"BytesArriveAsSent", testBytes},
		{"MulticastArrives", testMulticast},
		{"TooLongIsRefused", testTooLong},
		{"OwnFramesAreNotReceived", testOwn},
		{"LongerThanTheBuffer", testOversize},
		{"BatchesKeepOrder", testBatchOrder},
		{"BatchGoesOnAfterAFailure", testBatchFailure},
		{"BatchWithoutRoom", testBatchNoRoom},
		{"BatchDropsAmongOthers", testBatchDrops},
		{"SeveralSenders", testSenders},
		{"CloseEndsRecv", testClose},
		{"PingPong", testPingPong},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, b := open(t)
			t.Cleanup(func() { _, _ = a.Close(), b.Close() })
			test.run(t, a, b)
		})
	}
}

func testInfo(t *testing.T, a, b link.Reader) {
	if a.Info().MAC == b.Info().MAC || a.Info().MTU != MTU || b.Info().MTU != MTU || a.Info().Port == b.Info().Port {
		t.Errorf("%+v and %+v", a.Info(), b.Info())
	}
}

func testBytes(t *testing.T, a, b link.Reader) {
	for _, n := range []int{15, 42, 60, 61, 1000, MTU + 14} {
		for _, pair := range [][2]link.Reader{{a, b}, {b, a}} {
			f := Between(pair[0], pair[1], n, byte(n))
			for _, room := range []int{n, 65536} { // exact room, and more than enough
				Send(t, pair[0], f)
				got, info := RecvInfo(t, pair[1], room)
				if !bytes.Equal(got, f.Data) {
					t.Errorf("%d bytes: sent %x, received %x", n, f.Data, got)
				}
				if info.Checksum != link.ChecksumComplete {
					t.Errorf("the checksum of a frame from a stack is %s", info.Checksum)
				}
			}
		}
	}
}

func testMulticast(t *testing.T, a, b link.Reader) {
	for i, dst := range []inet.MAC{
		inet.Broadcast,
		inet.MulticastMAC(netip.MustParseAddr("232.1.2.3")),
		inet.MulticastMAC(netip.MustParseAddr("ff3e::8000:1")),
	} {
		Send(t, a, Frame(dst, a.Info().MAC, inet.EtherTypeIPv4, 60, byte(i)))
		if got := Recv(t, b); got[59] != byte(i) || inet.MAC(got[:6]) != dst {
			t.Errorf("to %s: received %x", dst, got)
		}
	}
}

func testTooLong(t *testing.T, a, b link.Reader) {
	for _, n := range []int{MTU + 15, 9000, 65535} {
		if err := a.Send(Between(a, b, n, 1)); !errors.Is(err, link.ErrTooLong) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	Send(t, a, Between(a, b, 60, 2))
	if got := Mark(t, b); got != 2 {
		t.Errorf("received frame %d", got)
	}
	expectCounters(t, "sender", a, link.Counters{Sent: 1, SendErrors: 3})
}

func testOwn(t *testing.T, a, b link.Reader) {
	Send(t, a, Between(a, b, 60, 1))
	Send(t, a, Frame(inet.Broadcast, a.Info().MAC, inet.EtherTypeIPv4, 60, 2))
	Send(t, b, Between(b, a, 60, 3))
	if got := Mark(t, a); got != 3 {
		t.Errorf("a received frame %d", got)
	}
}

func testOversize(t *testing.T, a, b link.Reader) {
	Send(t, a, Between(a, b, 101, 1))
	Send(t, a, Between(a, b, 100, 2))
	if got := RecvIn(t, b, 100); len(got) != 100 || got[99] != 2 {
		t.Errorf("received %d bytes", len(got))
	}
	expectCounters(t, "receiver", b, link.Counters{Received: 1, Oversize: 1})
	expectCounters(t, "sender", a, link.Counters{Sent: 2})
}

// many is more than a link sends or receives with one call.
const many = 150

func testBatchOrder(t *testing.T, a, b link.Reader) {
	var marks []byte
	for i := range many {
		marks = append(marks, byte(i))
	}
	for _, size := range []int{1, 7, many} { // of the batches to receive
		frames := Frames(a, b, 200, marks...)
		frames[0] = Between(a, b, MTU+14, 0) // not all of one length
		if n, err := link.SendBatch(a, frames[:many/2]); n != many/2 || err != nil {
			t.Fatalf("sent %d frames, %v", n, err)
		}
		for _, f := range frames[many/2 : many/2+3] { // and some without a batch
			Send(t, a, f)
		}
		if n, err := link.SendBatch(a, frames[many/2+3:]); n != many/2-3 || err != nil {
			t.Fatalf("sent %d frames, %v", n, err)
		}
		expectMarks(t, fmt.Sprintf("by %d", size), RecvMarks(t, b, many, size), marks...)
	}
	expectCounters(t, "sender", a, link.Counters{Sent: 3 * many})
	expectCounters(t, "receiver", b, link.Counters{Received: 3 * many})
}

func testBatchFailure(t *testing.T, a, b link.Reader) {
	frames := Frames(a, b, 60, 0, 1, 2, 3, 4)
	for _, i := range []int{0, 2, 3} {
		frames[i] = Between(a, b, MTU+15+i, byte(i))
	}
	n, err := link.SendBatch(a, frames)
	if n != 2 || !errors.Is(err, link.ErrTooLong) {
		t.Errorf("sent %d frames, %v", n, err)
	}
	if n, err := link.SendBatch(a, nil); n != 0 || err != nil {
		t.Errorf("an empty batch: %d, %v", n, err)
	}
	expectMarks(t, "b", RecvMarks(t, b, 2, 8), 1, 4)
	expectCounters(t, "sender", a, link.Counters{Sent: 2, SendErrors: 3})
}

func testBatchNoRoom(t *testing.T, a, b link.Reader) {
	bufs, infos := Buffers(1)
	for _, room := range []struct {
		bufs  [][]byte
		infos []link.FrameInfo
	}{{nil, infos}, {bufs, nil}, {nil, nil}} {
		if n, err := link.RecvBatch(b, room.bufs, room.infos); n != 0 || err != nil {
			t.Errorf("without room: %d, %v", n, err)
		}
	}
}

// What a reader drops leaves no gap in a batch.
func testBatchDrops(t *testing.T, a, b link.Reader) {
	frames := Frames(a, b, 60, 0, 1, 2, 3, 4, 5)
	frames[0], frames[3] = Between(a, b, 1000, 0), Between(a, b, 1000, 3)
	if _, err := link.SendBatch(a, frames); err != nil {
		t.Fatal(err)
	}
	defer Guard(b).Stop()
	var marks []byte
	for len(marks) < 4 {
		bufs, infos := Buffers(8)
		for i := range bufs {
			bufs[i] = bufs[i][:100]
		}
		n, err := link.RecvBatch(b, bufs, infos)
		if err != nil {
			t.Fatal(err)
		}
		for i, info := range infos[:n] {
			marks = append(marks, bufs[i][info.Len-1])
		}
	}
	expectMarks(t, "b", marks, 1, 2, 4, 5)
	expectCounters(t, "receiver", b, link.Counters{Received: 4, Oversize: 2})
}

// Senders do not wait for each other's batches, nor mix up their frames.
func testSenders(t *testing.T, a, b link.Reader) {
	const senders, each = 4, 20
	var sent sync.WaitGroup
	for s := range senders {
		sent.Go(func() {
			for i := range each {
				f := Between(a, b, 60+s*100, byte(s*each+i))
				var err error
				if s%2 == 0 {
					err = a.Send(f)
				} else {
					_, err = link.SendBatch(a, []wire.Frame{f})
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	defer Guard(b).Stop()
	next := make([]int, senders)
	buf := make([]byte, 2000)
	for range senders * each {
		n, err := b.Recv(buf)
		if err != nil {
			t.Fatal(err)
		}
		s, i := int(buf[n-1])/each, int(buf[n-1])%each
		if n != 60+s*100 || i != next[s] {
			t.Errorf("sender %d: frame %d with %d bytes, want frame %d", s, i, n, next[s])
		}
		next[s] = i + 1
	}
	sent.Wait()
}

func testClose(t *testing.T, a, b link.Reader) {
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
			expectClosed(t, "Recv", err)
		case <-time.After(Deadline):
			t.Fatal("Recv does not end")
		}
	}
	bufs, infos := Buffers(2)
	_, err := b.Recv(bufs[0])
	expectClosed(t, "Recv after Close", err)
	_, err = link.RecvBatch(b, bufs, infos)
	expectClosed(t, "RecvBatch after Close", err)
	expectClosed(t, "Send after Close", b.Send(Between(b, a, 60, 1)))
	n, err := link.SendBatch(b, Frames(b, a, 60, 1, 2))
	if n != 0 {
		t.Errorf("SendBatch after Close sends %d frames", n)
	}
	expectClosed(t, "SendBatch after Close", err)
	if err := b.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if c, ok := link.CountersOf(b); ok && c.SendErrors != 3 {
		t.Errorf("counters after Close: %+v", c)
	}
}

func expectClosed(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, net.ErrClosed) {
		t.Errorf("%s: %v", what, err)
	}
}

// Two endpoints, each a goroutine, throw a frame to and fro. The time is only
// reported: it says how far signalling over this medium can be from the wire.
func testPingPong(t *testing.T, a, b link.Reader) {
	const rounds = 500
	served := make(chan error, 1)
	go func() { served <- serve(b, a, rounds) }()
	defer Guard(a, b).Stop()
	buf := make([]byte, 65536)
	times := make([]time.Duration, 0, rounds)
	for i := range rounds {
		start := time.Now()
		Send(t, a, Between(a, b, 200, byte(i)))
		n, err := a.Recv(buf)
		if err != nil || n != 200 || buf[199] != byte(i) {
			t.Fatalf("round %d: %d bytes, %v", i, n, err)
		}
		times = append(times, time.Since(start))
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	t.Log(Summary(times))
}

// serve sends each frame back.
func serve(l, to link.Reader, rounds int) error {
	buf := make([]byte, 65536)
	for range rounds {
		n, err := l.Recv(buf)
		if err != nil {
			return err
		}
		if err := l.Send(Between(l, to, n, buf[n-1])); err != nil {
			return err
		}
	}
	return nil
}

// Summary says how times are spread.
func Summary(times []time.Duration) string {
	sorted := slices.Sorted(slices.Values(times))
	n := len(sorted)
	return fmt.Sprintf("%d round trips: median %v, 99th percentile %v, greatest %v", n, sorted[n/2], sorted[n*99/100], sorted[n-1])
}
