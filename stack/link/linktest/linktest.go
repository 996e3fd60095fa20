package linktest

import (
	"slices"
	"testing"
	"time"

	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/inet"
)

// Deadline bounds every wait of these tests.
const Deadline = 5 * time.Second

// MTU is that of every link under test.
const MTU = 1500

// Addresses of the two ends.
var MACA, MACB = inet.MAC{2, 0, 0, 0, 0, 1}, inet.MAC{2, 0, 0, 0, 0, 2}

// Open returns two links of MTU 1500 that are connected to each other. Their
// addresses differ.
type Open func(t testing.TB) (a, b link.Reader)

// Wrap returns open with a wrapper around each end.
func (open Open) Wrap(wrap func(link.Reader) link.Reader) Open {
	return func(t testing.TB) (a, b link.Reader) {
		a, b = open(t)
		return wrap(a), wrap(b)
	}
}

// Swap returns open with its ends exchanged.
func (open Open) Swap() Open {
	return func(t testing.TB) (a, b link.Reader) {
		b, a = open(t)
		return a, b
	}
}

// Frame is an Ethernet frame of n bytes, at least 15, that ends with a mark.
func Frame(dst, src inet.MAC, etherType inet.EtherType, n int, mark byte) wire.Frame {
	b := inet.Ethernet{Dst: dst, Src: src, Type: etherType}.AppendTo(make([]byte, 0, n))
	for i := len(b); i < n; i++ {
		b = append(b, byte(i))
	}
	b[n-1] = mark
	return wire.Frame{Data: b}
}

// Between is a frame from l to the other end of the pair.
func Between(l, other link.Link, n int, mark byte) wire.Frame {
	return Frame(other.Info().MAC, l.Info().MAC, inet.EtherTypeIPv4, n, mark)
}

// Frames are frames from l to the other end with the given marks.
func Frames(l, other link.Link, n int, marks ...byte) []wire.Frame {
	var frames []wire.Frame
	for _, m := range marks {
		frames = append(frames, Between(l, other, n, m))
	}
	return frames
}

// Send sends f, which must succeed.
func Send(t testing.TB, l link.Link, f wire.Frame) {
	t.Helper()
	if err := l.Send(f); err != nil {
		t.Fatal(err)
	}
}

// Recv reads one frame. Where that takes too long it closes the link and the
// test has failed.
func Recv(t testing.TB, l link.Reader) []byte {
	t.Helper()
	return RecvIn(t, l, 65536)
}

// RecvIn reads one frame into so many bytes.
func RecvIn(t testing.TB, l link.Reader, room int) []byte {
	t.Helper()
	b, _ := RecvInfo(t, l, room)
	return b
}

// RecvInfo reads one frame into so many bytes, with what the link says of it.
func RecvInfo(t testing.TB, l link.Reader, room int) ([]byte, link.FrameInfo) {
	t.Helper()
	buf := make([]byte, room)
	defer Guard(l).Stop()
	info, err := link.RecvInfo(l, buf)
	if err != nil {
		t.Fatal(err)
	}
	return buf[:info.Len], info
}

// RecvMarks reads n frames by batches of up to size and returns their marks.
func RecvMarks(t testing.TB, l link.Reader, n, size int) []byte {
	t.Helper()
	defer Guard(l).Stop()
	bufs, infos := Buffers(size)
	var marks []byte
	for len(marks) < n {
		got, err := link.RecvBatch(l, bufs, infos)
		if err != nil {
			t.Fatalf("after %d frames: %v", len(marks), err)
		}
		for i, info := range infos[:got] {
			marks = append(marks, bufs[i][info.Len-1])
		}
	}
	return marks
}

// Buffers returns what link.RecvBatch needs for n frames.
func Buffers(n int) ([][]byte, []link.FrameInfo) {
	bufs := make([][]byte, n)
	for i := range bufs {
		bufs[i] = make([]byte, MTU+100)
	}
	return bufs, make([]link.FrameInfo, n)
}

// Mark reads a frame and returns its mark.
func Mark(t testing.TB, l link.Reader) byte {
	t.Helper()
	b := Recv(t, l)
	return b[len(b)-1]
}

// Guard closes links, so that their Recv ends, unless it is stopped in time.
func Guard(links ...link.Link) *time.Timer {
	return time.AfterFunc(Deadline, func() {
		for _, l := range links {
			_ = l.Close()
		}
	})
}

// expectMarks compares the marks of received frames.
func expectMarks(t testing.TB, what string, got []byte, want ...byte) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: received %v, want %v", what, got, want)
	}
}

// expectCounters compares a link's counters where it has some.
func expectCounters(t testing.TB, what string, l link.Link, want link.Counters) {
	t.Helper()
	if got, ok := link.CountersOf(l); ok && got != want {
		t.Errorf("%s: counters %+v, want %+v", what, got, want)
	}
}
