package replay

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/inet"
)

const ms = time.Millisecond

var (
	ours   = inet.MAC{2, 0, 0, 0, 0, 1}
	theirs = inet.MAC{2, 0, 0, 0, 0, 2}
	epoch  = machine.VirtualEpoch
	info   = link.Info{Port: "a/eth0", MAC: ours}
)

// frame is a recorded frame that ends with a mark.
func frame(at machine.Time, mark byte) wire.Frame {
	b := inet.Ethernet{Dst: ours, Src: theirs, Type: inet.EtherTypeIPv4}.AppendTo(nil)
	return wire.Frame{Data: append(b, mark), At: at, Port: "x/y", Dir: wire.DirOut, Cause: "mpj/join", Fate: "delayed"}
}

// at returns a recording with a frame at each of some times after a day in 2024.
func at(times ...time.Duration) iter.Seq[wire.Frame] {
	day := machine.FromTime(time.Date(2024, 5, 6, 0, 0, 0, 0, time.UTC))
	return func(yield func(wire.Frame) bool) {
		for i, d := range times {
			if !yield(frame(day.Add(d), byte(i))) {
				return
			}
		}
	}
}

func open(t testing.TB, cfg Config) *Link {
	t.Helper()
	cfg.Info = info
	l, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// play advances l from deadline to deadline and tells what arrives.
func play(l *Link) (told []string) {
	for {
		due, ok := l.Deadline()
		if !ok {
			return told
		}
		l.Advance(due)
		for f, ok := l.Next(); ok; f, ok = l.Next() {
			told = append(told, fmt.Sprintf("%v #%d", f.At.Sub(epoch), f.Data[len(f.Data)-1]))
		}
	}
}

func TestTimes(t *testing.T) {
	recorded := []time.Duration{0, 10 * ms, 10 * ms, 7 * ms, 40 * ms}
	for _, tt := range []struct {
		name  string
		speed float64
		want  []string
	}{
		{"as recorded", 0, []string{"0s #0", "10ms #1", "10ms #2", "10ms #3", "40ms #4"}},
		{"one", 1, []string{"0s #0", "10ms #1", "10ms #2", "10ms #3", "40ms #4"}},
		{"four times as fast", 4, []string{"0s #0", "2.5ms #1", "2.5ms #2", "2.5ms #3", "10ms #4"}},
		{"half as fast", 0.5, []string{"0s #0", "20ms #1", "20ms #2", "20ms #3", "80ms #4"}},
		{"as fast as can be", AsFast, []string{"0s #0", "0s #1", "0s #2", "0s #3", "0s #4"}},
	} {
		l := open(t, Config{Frames: at(recorded...), Start: epoch, Speed: tt.speed})
		if diff := cmp.Diff(tt.want, play(l)); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
		if !l.Quiet() || l.Counters() != (link.Counters{Received: 5}) {
			t.Errorf("%s: quiet %v, %+v", tt.name, l.Quiet(), l.Counters())
		}
	}
}

func TestStartAsRecorded(t *testing.T) {
	l := open(t, Config{Frames: at(0, ms)})
	want := machine.FromTime(time.Date(2024, 5, 6, 0, 0, 0, 0, time.UTC))
	for i := range 2 {
		want := want.Add(time.Duration(i) * ms)
		if due, ok := l.Deadline(); !ok || due != want {
			t.Fatalf("deadline %v, %v; want %v", due, ok, want)
		}
		l.Advance(want)
		if f, ok := l.Next(); !ok || f.At != want {
			t.Errorf("frame %+v", f)
		}
	}
}

// A recording over centuries, slowed down, neither wraps nor goes back.
func TestTimesAreBounded(t *testing.T) {
	const century = 100 * 365 * 24 * time.Hour
	for _, speed := range []float64{1e-9, math.SmallestNonzeroFloat64, 1e300} {
		l := open(t, Config{Frames: at(0, century, 2*century, -century), Start: epoch, Speed: speed})
		last := epoch
		for range 4 {
			due, ok := l.Deadline()
			if !ok || due < last {
				t.Fatalf("speed %v: deadline %d, %v after %d", speed, due, ok, last)
			}
			last = due
			l.Advance(due)
			l.Next()
		}
	}
}

func TestNothingBeforeItsTime(t *testing.T) {
	l := open(t, Config{Frames: at(0, 10*ms), Start: epoch})
	for _, step := range []struct {
		now  time.Duration
		want int
	}{{-ms, 0}, {0, 1}, {0, 0}, {9 * ms, 0}, {3 * ms, 0}, {50 * ms, 1}, {60 * ms, 0}} {
		l.Advance(epoch.Add(step.now))
		n := 0
		for _, ok := l.Next(); ok; _, ok = l.Next() {
			n++
		}
		if n != step.want {
			t.Errorf("at %v: %d frames, want %d", step.now, n, step.want)
		}
	}
}

func TestFrameAsItArrives(t *testing.T) {
	l := open(t, Config{Frames: at(0), Start: epoch})
	l.Advance(epoch.Add(ms)) // later than due
	f, ok := l.Next()
	want := wire.Frame{Data: frame(0, 0).Data, At: epoch, Port: "a/eth0", Dir: wire.DirIn, Cause: "mpj/join"}
	if diff := cmp.Diff(&want, f); !ok || diff != "" {
		t.Error(diff)
	}
}

// Nothing is read ahead, so that a sequence may reuse its buffer.
func TestSequenceMayReuseItsBytes(t *testing.T) {
	yielded := 0
	l := open(t, Config{Start: epoch, Speed: AsFast, Frames: func(yield func(wire.Frame) bool) {
		f := frame(epoch, 0)
		for i := range 5 {
			f.Data[len(f.Data)-1] = byte(i)
			yielded++
			if !yield(f) {
				return
			}
			clear(f.Data)
			copy(f.Data[6:], theirs[:])
		}
	}})
	if yielded != 0 {
		t.Errorf("New reads %d frames", yielded)
	}
	l.Advance(epoch)
	for i := range 5 {
		f, ok := l.Next()
		if !ok || f.Data[len(f.Data)-1] != byte(i) || yielded != i+1 {
			t.Fatalf("frame %d: %+v, %d read", i, f, yielded)
		}
		// what the frame causes is sent while it is read
		if err := l.Send(wire.Frame{Data: make([]byte, 60)}); err != nil || f.Data[len(f.Data)-1] != byte(i) {
			t.Errorf("frame %d after Send: %+v, %v", i, f, err)
		}
	}
}

func TestDrops(t *testing.T) {
	own, long, runt := frame(epoch.Add(ms), 0), frame(epoch, 0), frame(epoch, 0)
	copy(own.Data[6:], ours[:])
	long.Data = append(long.Data, make([]byte, 1500)...)
	runt.Data = runt.Data[:13]
	frames := []wire.Frame{own, long, runt, frame(epoch.Add(3*ms), 7), own, {}}
	l := open(t, Config{Frames: slices.Values(frames), Start: epoch})
	// the first frame sets the time, though it does not arrive
	if diff := cmp.Diff([]string{"2ms #7"}, play(l)); diff != "" {
		t.Error(diff)
	}
	if c := l.Counters(); c != (link.Counters{Received: 1, Own: 2, SuperFrames: 1, Runts: 2}) {
		t.Errorf("%+v", c)
	}
}

func TestSend(t *testing.T) {
	var sent []wire.Frame
	l := open(t, Config{Sent: func(f wire.Frame) { sent = append(sent, f.Clone()) }})
	f := wire.Frame{Data: make([]byte, 1514), At: 5, Port: "other", Cause: "ip/send"}
	if err := l.Send(f); err != nil {
		t.Error(err)
	}
	if err := l.Send(wire.Frame{Data: make([]byte, 1515)}); !errors.Is(err, link.ErrTooLong) {
		t.Errorf("1515 bytes: %v", err)
	}
	f.Port, f.Dir = "a/eth0", wire.DirOut
	if diff := cmp.Diff([]wire.Frame{f}, sent); diff != "" {
		t.Error(diff)
	}
	if c := l.Counters(); c != (link.Counters{Sent: 1, SendErrors: 1}) {
		t.Errorf("%+v", c)
	}
	if err := open(t, Config{}).Send(f); err != nil {
		t.Errorf("to nobody: %v", err)
	}
}

func TestClose(t *testing.T) {
	ended := false
	l := open(t, Config{Start: epoch, Frames: func(yield func(wire.Frame) bool) {
		defer func() { ended = true }()
		for yield(frame(epoch, 0)) {
		}
	}})
	l.Advance(epoch)
	if _, ok := l.Next(); !ok || l.Quiet() {
		t.Error("nothing arrives")
	}
	for range 2 {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if _, ok := l.Next(); ok || !l.Quiet() || !ended {
			t.Error("it plays on after Close")
		}
		if err := l.Send(frame(0, 0)); !errors.Is(err, ErrClosed) {
			t.Errorf("Send after Close: %v", err)
		}
	}
}

func TestNew(t *testing.T) {
	for _, speed := range []float64{-1, math.NaN(), math.Inf(-1)} {
		if _, err := New(Config{Speed: speed}); err == nil || !strings.Contains(err.Error(), "speed") {
			t.Errorf("speed %v: %v", speed, err)
		}
	}
	l := open(t, Config{}) // nothing to play
	if _, ok := l.Deadline(); ok || !l.Quiet() || l.Info().MTU != DefaultMTU {
		t.Errorf("an empty recording: %+v", l.Info())
	}
}

// Two playings of one recording are alike.
func TestDeterministic(t *testing.T) {
	times := []time.Duration{0, 1, 333 * time.Microsecond, 7 * ms, 1234567}
	run := func() []string { return play(open(t, Config{Frames: at(times...), Start: epoch, Speed: 3})) }
	if diff := cmp.Diff(run(), run()); diff != "" {
		t.Error(diff)
	}
}

// A recording of two frames, ten milliseconds apart, is played twice as fast to
// whoever answers each with a frame of its own.
func Example() {
	recorded := machine.FromTime(time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC))
	l, err := New(Config{
		Info:   link.Info{Port: "leaf/eth0", MAC: inet.MAC{2, 0, 0, 0, 0, 1}},
		Frames: slices.Values([]wire.Frame{frame(recorded, 1), frame(recorded.Add(10*ms), 2)}),
		Start:  machine.VirtualEpoch,
		Speed:  2,
		Sent:   func(f wire.Frame) { fmt.Println(f.Port, "sends", len(f.Data), "bytes") },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for now, ok := l.Deadline(); ok; now, ok = l.Deadline() {
		l.Advance(now)
		for f, ok := l.Next(); ok; f, ok = l.Next() {
			fmt.Println(f.At, f.Port, "gets", len(f.Data), "bytes")
			if err := l.Send(wire.Frame{Data: make([]byte, 60), At: now}); err != nil {
				fmt.Println(err)
			}
		}
	}
	// Output:
	// 2000-01-01T00:00:00.000000000Z leaf/eth0 gets 15 bytes
	// leaf/eth0 sends 60 bytes
	// 2000-01-01T00:00:00.005000000Z leaf/eth0 gets 15 bytes
	// leaf/eth0 sends 60 bytes
}
