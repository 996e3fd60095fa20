package mem

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/inet"
)

const t0 = machine.VirtualEpoch

func mac(n byte) inet.MAC { return inet.MAC{2, 0, 0, 0, 0, n} }

var group = inet.MAC{1, 0, 0x5e, 0, 0, 1}

// frame is an Ethernet frame of n bytes whose payload begins with tag.
func frame(dst, src inet.MAC, n int, tag byte) wire.Frame {
	b := make([]byte, n)
	copy(b, dst[:])
	copy(b[6:], src[:])
	b[12], b[14] = 8, tag
	return wire.Frame{Data: b, Cause: machine.Cause(fmt.Sprintf("test/%d", tag))}
}

// three returns a segment with the ports a/0, b/0 and c/0, addresses 1 to 3.
func three(cfg Config) (s *Segment, a, b, c PortID) {
	s = New(cfg)
	return s, s.Attach("a/0", mac(1)), s.Attach("b/0", mac(2)), s.Attach("c/0", mac(3))
}

// drain advances to now and writes "port:tag@delay" for each delivery.
func drain(s *Segment, now machine.Time) []string {
	s.Advance(now)
	var got []string
	for {
		d, ok := s.Next()
		if !ok {
			return got
		}
		got = append(got, fmt.Sprintf("%s:%d@%v", d.Frame.Port, d.Frame.Data[14], d.Frame.At.Sub(t0)))
	}
}

func TestWhoGetsAFrame(t *testing.T) {
	tests := []struct {
		name string
		dst  inet.MAC
		want []string
	}{
		{"known unicast", mac(2), []string{"b/0:7@1ms"}},
		{"unknown unicast", mac(99), []string{"b/0:7@1ms", "c/0:7@1ms"}},
		{"multicast", group, []string{"b/0:7@1ms", "c/0:7@1ms"}},
		{"broadcast", inet.Broadcast, []string{"b/0:7@1ms", "c/0:7@1ms"}},
		{"own address", mac(1), nil},
		{"second address", mac(30), []string{"c/0:7@1ms"}},
		{"address of two ports", mac(40), []string{"b/0:7@1ms", "c/0:7@1ms"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, a, b, c := three(Config{Delay: time.Millisecond})
			s.AddMAC(c, mac(30))
			s.AddMAC(b, mac(40))
			s.AddMAC(c, mac(40))
			s.AddMAC(c, mac(40)) // once more changes nothing
			s.HandleSend(t0, a, frame(tt.dst, mac(1), 60, 7))
			if s.Quiet() {
				t.Error("Quiet with a frame on its way")
			}
			if got := drain(s, t0.Add(999_999)); got != nil {
				t.Errorf("too early: %v", got)
			}
			if diff := cmp.Diff(tt.want, drain(s, t0.Add(time.Millisecond))); diff != "" {
				t.Error(diff)
			}
			if !s.Quiet() {
				t.Error("not Quiet at the end")
			}
		})
	}
}

func TestDeliveryCarriesCauseAndArrival(t *testing.T) {
	s, a, _, _ := three(Config{Delay: time.Millisecond})
	f := frame(mac(2), mac(1), 20, 1)
	want := append([]byte(nil), f.Data...)
	s.HandleSend(t0, a, f)
	clear(f.Data) // the segment has its own bytes
	s.Advance(t0.Add(time.Hour))
	d, ok := s.Next()
	if !ok || d.Port != 2 {
		t.Fatalf("got %+v, %v", d, ok)
	}
	got := d.Frame
	if got.At != t0.Add(time.Millisecond) || got.Port != "b/0" || got.Dir != wire.DirIn || got.Cause != "test/1" || got.Fate != "" {
		t.Errorf("got %+v", got)
	}
	if !bytes.Equal(got.Data, want) {
		t.Errorf("bytes %x, want %x", got.Data, want)
	}
}

func TestFIFOAmongEquals(t *testing.T) {
	s, a, b, c := three(Config{Delay: time.Millisecond})
	for i, from := range []PortID{c, a, b, a, c} {
		s.HandleSend(t0, from, frame(mac(50), mac(9), 60, byte(i)))
	}
	want := []string{
		"a/0:0@1ms", "b/0:0@1ms", "b/0:1@1ms", "c/0:1@1ms", "a/0:2@1ms", "c/0:2@1ms",
		"b/0:3@1ms", "c/0:3@1ms", "a/0:4@1ms", "b/0:4@1ms",
	}
	if diff := cmp.Diff(want, drain(s, t0.Add(time.Millisecond))); diff != "" {
		t.Error(diff)
	}
}

func TestDeadline(t *testing.T) {
	s, a, _, _ := three(Config{Delay: time.Millisecond})
	if at, ok := s.Deadline(); ok {
		t.Errorf("idle segment has deadline %v", at)
	}
	s.HandleSend(t0, a, frame(mac(2), mac(1), 60, 0))
	s.HandleSend(t0.Add(time.Microsecond), a, frame(mac(2), mac(1), 60, 1))
	for i, want := range []time.Duration{time.Millisecond, 1001 * time.Microsecond} {
		at, ok := s.Deadline()
		if !ok || at != t0.Add(want) {
			t.Errorf("deadline %d is %v, %v; want %v", i, at, ok, t0.Add(want))
		}
		if got := drain(s, at); len(got) != 1 {
			t.Errorf("delivery %d: %v", i, got)
		}
	}
}

func TestTimeNeverGoesBack(t *testing.T) {
	s, a, _, _ := three(Config{Delay: time.Millisecond})
	s.Advance(t0.Add(time.Second))
	s.HandleSend(t0, a, frame(mac(2), mac(1), 60, 5))
	if diff := cmp.Diff([]string{"b/0:5@1.001s"}, drain(s, t0.Add(2*time.Second))); diff != "" {
		t.Error(diff)
	}
}

func TestRateQueuesPerPort(t *testing.T) {
	// 125 bytes at 1 Mbit/s take 1 ms.
	s, a, b, _ := three(Config{Delay: time.Millisecond, Rate: 1_000_000})
	s.HandleSend(t0, a, frame(mac(3), mac(1), 125, 1))
	s.HandleSend(t0, a, frame(mac(3), mac(1), 125, 2))
	s.HandleSend(t0, b, frame(mac(3), mac(2), 125, 3)) // has a wire of its own
	want := []string{"c/0:1@2ms", "c/0:3@2ms", "c/0:2@3ms"}
	if diff := cmp.Diff(want, drain(s, t0.Add(time.Second))); diff != "" {
		t.Error(diff)
	}
	s.HandleSend(t0.Add(time.Second), a, frame(mac(3), mac(1), 125, 4))
	if diff := cmp.Diff([]string{"c/0:4@1.002s"}, drain(s, t0.Add(2*time.Second))); diff != "" {
		t.Error(diff)
	}
}

func TestRateRoundsUp(t *testing.T) {
	s, a, _, _ := three(Config{Rate: 3_000_000_000})
	s.HandleSend(t0, a, frame(mac(2), mac(1), 20, 1)) // 53.3 ns
	if at, _ := s.Deadline(); at != t0+54 {
		t.Errorf("arrives after %v, want 54ns", at.Sub(t0))
	}
}

type dropTag byte

func (d dropTag) Apply(_ machine.Time, f wire.Frame) link.Verdict {
	if f.Data[14] != byte(d) {
		return link.Verdict{}
	}
	return link.Verdict{Drop: true, Fate: "lost: on purpose"}
}

type dropAll struct{}

func (dropAll) Apply(machine.Time, wire.Frame) link.Verdict { return link.Verdict{Drop: true} }

func TestTapSeesEachFrameOnceWithItsFate(t *testing.T) {
	type seen struct {
		Port  string
		At    time.Duration
		Dir   wire.Dir
		Cause machine.Cause
		Fate  string
	}
	var got []seen
	s, a, b, c := three(Config{MTU: 100, Delay: time.Millisecond, Fault: dropTag(2), InFlight: 2,
		Tap: func(f wire.Frame) {
			got = append(got, seen{f.Port, f.At.Sub(t0), f.Dir, f.Cause, f.Fate})
		}})
	s.HandleSend(t0, a, frame(inet.Broadcast, mac(1), 60, 1))
	s.HandleSend(t0, a, frame(inet.Broadcast, mac(1), 60, 2))
	s.HandleSend(t0, a, frame(inet.Broadcast, mac(1), 115, 3))
	s.HandleSend(t0, a, frame(inet.Broadcast, mac(1), 114, 4))
	s.HandleSend(t0, a, frame(inet.Broadcast, mac(1), 60, 5)) // the third on its way
	s.HandleSend(t0, b, wire.Frame{Data: make([]byte, 13)})
	s.SetLink(t0+5, c, false)
	s.HandleSend(t0+5, c, frame(inet.Broadcast, mac(3), 60, 6))
	s.HandleSend(t0+5, 0, frame(inet.Broadcast, mac(3), 60, 7))
	s.HandleSend(t0+5, 4, frame(inet.Broadcast, mac(3), 60, 7))
	s.SetFault(dropAll{})
	s.HandleSend(t0+6, b, frame(inet.Broadcast, mac(2), 60, 8))
	want := []seen{
		{"a/0", 0, wire.DirOut, "test/1", ""},
		{"a/0", 0, wire.DirOut, "test/2", "lost: on purpose"},
		{"a/0", 0, wire.DirOut, "test/3", link.FateOversize},
		{"a/0", 0, wire.DirOut, "test/4", ""},
		{"a/0", 0, wire.DirOut, "test/5", link.FateQueueFull},
		{"b/0", 0, wire.DirOut, "", link.FateRunt},
		{"c/0", 5, wire.DirOut, "test/6", link.FatePortDown},
		{"b/0", 6, wire.DirOut, "test/8", link.FateLost},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"b/0:1@1ms", "b/0:4@1ms"}, drain(s, t0.Add(time.Millisecond))); diff != "" {
		t.Error(diff)
	}
	wantCounters := Counters{
		Carried: 2, Faulted: 2, PortDown: 1, Oversize: 1, Runt: 1, QueueFull: 1, NoPort: 2,
		Delivered: 2, ReceiverDown: 2,
	}
	if diff := cmp.Diff(wantCounters, s.Counters()); diff != "" {
		t.Error(diff)
	}
}

func TestLinkStateCountsAtArrival(t *testing.T) {
	s, a, b, _ := three(Config{Delay: time.Millisecond})
	s.SetLink(t0, b, false)
	s.HandleSend(t0, a, frame(mac(2), mac(1), 60, 1))
	s.SetLink(t0, b, true)
	if diff := cmp.Diff([]string{"b/0:1@1ms"}, drain(s, t0.Add(time.Millisecond))); diff != "" {
		t.Error(diff)
	}
	s.SetLink(t0, 17, true) // nobody's port
}

// A stack answers a frame while it still reads it.
func TestSendWhileReading(t *testing.T) {
	s, a, b, _ := three(Config{})
	s.HandleSend(t0, a, frame(inet.Broadcast, mac(1), 60, 1))
	s.Advance(t0)
	var got []byte
	for {
		d, ok := s.Next()
		if !ok {
			break
		}
		for i := range 20 {
			s.HandleSend(t0, b, frame(mac(1), mac(2), 60, byte(100+i)))
		}
		s.Advance(t0)
		got = append(got, d.Frame.Data[14])
		if len(got) > 2 {
			break
		}
	}
	if !bytes.Equal(got, []byte{1, 1, 100}) {
		t.Errorf("got % d", got)
	}
}

func TestInfo(t *testing.T) {
	s, a, _, _ := three(Config{Name: "lan"})
	if got := s.Info(a); got != (link.Info{Port: "a/0", MAC: mac(1), MTU: DefaultMTU}) {
		t.Errorf("Info = %+v", got)
	}
	if got := s.Info(9); got != (link.Info{}) {
		t.Errorf("Info of no port = %+v", got)
	}
	if s.Name() != "lan" || s.Ports() != 3 {
		t.Errorf("Name %q, Ports %d", s.Name(), s.Ports())
	}
	s.AddMAC(9, mac(9)) // nobody's port
	s.AddMAC(a, group)  // a group has no owner
	s.HandleSend(t0, 2, frame(group, mac(2), 60, 1))
	if got := drain(s, t0); len(got) != 2 {
		t.Errorf("group frame went to %v", got)
	}
}

func TestNoGarbageInSteadyState(t *testing.T) {
	s, a, _, _ := three(Config{Delay: time.Millisecond})
	f := frame(inet.Broadcast, mac(1), 1000, 1)
	now := t0
	step := func() {
		for range 8 {
			s.HandleSend(now, a, f)
		}
		now = now.Add(time.Millisecond)
		s.Advance(now)
		for {
			if _, ok := s.Next(); !ok {
				break
			}
		}
	}
	for range 100 {
		step()
	}
	if n := testing.AllocsPerRun(200, step); n != 0 {
		t.Errorf("%v allocations for 8 frames", n)
	}
}

func Example() {
	seg := New(Config{Name: "lan", Delay: time.Millisecond})
	root := seg.Attach("root/eth0", inet.MAC{2, 0, 0, 0, 0, 1})
	seg.Attach("leaf/eth0", inet.MAC{2, 0, 0, 0, 0, 2})

	now := machine.VirtualEpoch
	seg.HandleSend(now, root, wire.Frame{Data: []byte("\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01\x88\xb5hello")})
	for {
		at, ok := seg.Deadline()
		if !ok {
			break
		}
		seg.Advance(at)
		for d, ok := seg.Next(); ok; d, ok = seg.Next() {
			fmt.Println(d.Frame.At, d.Frame.Port, string(d.Frame.Data[14:]))
		}
	}
	// Output: 2000-01-01T00:00:00.001000000Z leaf/eth0 hello
}
