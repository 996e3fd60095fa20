package pcapng

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/object"
)

// frame returns a frame whose n bytes differ from each other.
func frame(port string, at machine.Time, n int) wire.Frame {
	f := wire.Frame{Data: make([]byte, n), At: at, Port: port, Dir: wire.DirOut, Cause: "test/cause"}
	for i := range f.Data {
		f.Data[i] = byte(i)
	}
	return f
}

// write returns the capture of the frames.
func write(t testing.TB, frames ...wire.Frame) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range frames {
		if err := w.WriteFrame(f); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestWriterBytes pins every byte of a capture: goldens depend on them.
func TestWriterBytes(t *testing.T) {
	got := write(t,
		wire.Frame{Data: []byte{1, 2, 3, 4, 5}, At: machine.VirtualEpoch + 7, Port: "a/eth0", Dir: wire.DirOut, Cause: "x/y", Fate: "lost"},
		wire.Frame{Data: []byte{6, 7, 8, 9}, At: machine.VirtualEpoch + 8, Port: "b/eth0", Dir: wire.DirIn},
		wire.Frame{Data: []byte{10}, At: machine.VirtualEpoch + 9, Port: "a/eth0"},
	)
	want := unhex(t, `
		0a0d0d0a 2c000000 4d3c2b1a 0100 0000 ffffffffffffffff
		0400 0700 6d70737461636b00 0000 0000 2c000000
		01000000 2c000000 0100 0000 00000000
		0200 0600 612f657468300000 0900 0100 09000000 0000 0000 2c000000
		06000000 44000000 00000000 cf4c230d 07004352 05000000 05000000 0102030405000000
		0200 0400 02000000 0100 0900 782f793b206c6f7374000000 0000 0000 44000000
		01000000 2c000000 0100 0000 00000000
		0200 0600 622f657468300000 0900 0100 09000000 0000 0000 2c000000
		06000000 30000000 01000000 cf4c230d 08004352 04000000 04000000 06070809
		0200 0400 01000000 0000 0000 30000000
		06000000 24000000 00000000 cf4c230d 09004352 01000000 01000000 0a000000 24000000`)
	if !bytes.Equal(got, want) {
		t.Errorf("got\n%swant\n%s", hex.Dump(got), hex.Dump(want))
	}
}

// writes records how the bytes came.
type writes struct{ calls [][]byte }

func (w *writes) Write(b []byte) (int, error) {
	w.calls = append(w.calls, bytes.Clone(b))
	return len(b), nil
}

// TestWriterStreams checks that each call ends in one Write with whole blocks:
// a reader of what is there so far sees every frame.
func TestWriterStreams(t *testing.T) {
	var out writes
	w, err := NewWriter(&out, Options{Application: "other"})
	if err != nil || len(out.calls) != 1 {
		t.Fatalf("NewWriter: %v after %d writes", err, len(out.calls))
	}
	for i := range 5 {
		port := "a/eth0"
		if i%2 == 1 {
			port = "b/eth0"
		}
		if err := w.WriteFrame(frame(port, machine.Time(i), 60+i)); err != nil {
			t.Fatal(err)
		}
		if len(out.calls) != 2+i {
			t.Fatalf("frame %d: %d writes", i, len(out.calls))
		}
		if n := count(t, bytes.Join(out.calls, nil)); n != i+1 {
			t.Fatalf("after frame %d: %d can be read", i+1, n)
		}
	}
	if !bytes.Contains(out.calls[0], []byte("other")) {
		t.Error("the application's name is missing")
	}
}

func count(t *testing.T, b []byte) int {
	t.Helper()
	r := NewReader(bytes.NewReader(b))
	for n := 0; ; n++ {
		if _, err := r.Next(); err == io.EOF {
			return n
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestWriterRefusals(t *testing.T) {
	long := strings.Repeat("x", maxOptionLength+1)
	for _, tt := range []struct {
		name    string
		frame   wire.Frame
		comment string
		want    error
	}{
		{"frame", wire.Frame{Data: make([]byte, MaxPacket+1)}, "", object.ErrTooLong},
		{"port", wire.Frame{Port: long[:MaxName+1]}, "", object.ErrTooLong},
		{"comment", wire.Frame{}, long, object.ErrTooLong},
		{"time", wire.Frame{At: -1}, "", ErrTime},
	} {
		var out bytes.Buffer
		w, err := NewWriter(&out, Options{})
		if err != nil {
			t.Fatal(err)
		}
		before := out.Len()
		if err := w.Write(tt.frame, tt.comment); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		if out.Len() != before {
			t.Errorf("%s: %d bytes were written", tt.name, out.Len()-before)
		}
		if err := w.WriteFrame(frame("a/b", 1, 60)); err != nil {
			t.Errorf("%s: a good frame after it: %v", tt.name, err)
		}
	}
	if _, err := NewWriter(io.Discard, Options{Application: long}); !errors.Is(err, object.ErrTooLong) {
		t.Errorf("application: %v", err)
	}
}

func TestWriterLimits(t *testing.T) {
	f := frame(strings.Repeat("p", MaxName), 1, MaxPacket)
	f.Cause = machine.Cause(strings.Repeat("c", maxOptionLength))
	p, err := NewReader(bytes.NewReader(write(t, f))).Next()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(p.Data, f.Data) || p.Interface.Name != f.Port || p.Comment != string(f.Cause) {
		t.Error("the greatest frame differs after reading")
	}
}

func TestWriterInterfaceLimit(t *testing.T) {
	w, err := NewWriter(io.Discard, Options{})
	if err != nil {
		t.Fatal(err)
	}
	name := make([]byte, 2)
	for i := range MaxInterfaces {
		name[0], name[1] = byte(i), byte(i>>8)
		if err := w.WriteFrame(wire.Frame{Port: string(name)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.WriteFrame(wire.Frame{Port: "one more"}); !errors.Is(err, object.ErrTooLong) {
		t.Errorf("one port too many: %v", err)
	}
	if err := w.WriteFrame(wire.Frame{Port: string(name)}); err != nil {
		t.Errorf("a known port after it: %v", err)
	}
}

// failing is a writer that takes n bytes.
type failing struct{ n int }

func (f *failing) Write(b []byte) (int, error) {
	if len(b) > f.n {
		n := f.n
		f.n = 0
		return n, io.ErrClosedPipe
	}
	f.n -= len(b)
	return len(b), nil
}

// short is a writer that takes less and says nothing.
type short struct{ good int }

func (s *short) Write(b []byte) (int, error) {
	if s.good--; s.good >= 0 {
		return len(b), nil
	}
	return len(b) - 1, nil
}

func TestWriterErrorStays(t *testing.T) {
	if _, err := NewWriter(&failing{}, Options{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("NewWriter: %v", err)
	}
	w, err := NewWriter(&failing{n: 100}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := w.WriteFrame(frame("a/b", 1, 60)); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("WriteFrame: %v", err)
		}
	}
	w, err = NewWriter(&short{good: 1}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.WriteFrame(frame("a/b", 1, 60)); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("short write: %v", err)
	}
}

// TestWriterAllocates nothing once its ports are known: captures run beside
// live traffic.
func TestWriterAllocates(t *testing.T) {
	w, err := NewWriter(io.Discard, Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := frame("a/b", 1, 1400)
	if err := w.WriteFrame(f); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { _ = w.WriteFrame(f) }); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}
