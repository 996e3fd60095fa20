package tee

import (
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/wire"
)

// pipe is a link that notes what happens to it.
type pipe struct {
	log    *[]string
	closed bool
	err    error
}

func (p *pipe) Info() link.Info { return link.Info{Port: "a/0", MTU: 1500} }
func (p *pipe) Send(f wire.Frame) error {
	*p.log = append(*p.log, "send "+string(f.Data))
	return p.err
}
func (p *pipe) Close() error          { p.closed = true; return nil }
func (p *pipe) Received(f wire.Frame) { *p.log = append(*p.log, "below "+string(f.Data)) }
func (p *pipe) Recv(buf []byte) (int, error) {
	if p.closed {
		return 0, net.ErrClosed
	}
	return copy(buf, "in"), nil
}

func show(log *[]string) func(wire.Frame) {
	return func(f wire.Frame) {
		*log = append(*log, fmt.Sprintf("see %s %s %s at %d by %s", f.Data, f.Dir, f.Port, f.At, f.Cause))
	}
}

func TestReader(t *testing.T) {
	var log []string
	inner := &pipe{log: &log, err: errors.New("no buffer space")}
	l := NewReader(inner, show(&log))
	if err := l.Send(wire.Frame{Data: []byte("out"), At: 1, Cause: "ip/send"}); !errors.Is(err, inner.err) {
		t.Errorf("Send: %v", err)
	}
	buf := make([]byte, 10)
	n, err := l.Recv(buf)
	if err != nil {
		t.Fatal(err)
	}
	now := machine.Time(2) // the driver's clock
	link.Received(l, wire.Frame{Data: buf[:n], At: now})
	want := []string{
		"see out out a/0 at 1 by ip/send", "send out",
		"see in in a/0 at 2 by ", "below in",
	}
	if diff := cmp.Diff(want, log); diff != "" {
		t.Error(diff)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := l.Recv(buf); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Recv after Close: %v", err)
	}
	if l.Info() != inner.Info() || l.Unwrap() != link.Link(inner) {
		t.Error("Info or Unwrap differ")
	}
}

// batch is a pipe that takes and gives batches, and knows of checksums.
type batch struct{ pipe }

func (b *batch) SendBatch(frames []wire.Frame) (int, error) {
	*b.log = append(*b.log, fmt.Sprintf("send %d", len(frames)))
	return len(frames) - 1, b.err
}

func (b *batch) RecvInfo(buf []byte) (link.FrameInfo, error) {
	return link.FrameInfo{Len: copy(buf, "info"), Checksum: link.ChecksumPartial}, nil
}

func (b *batch) RecvBatch(bufs [][]byte, infos []link.FrameInfo) (int, error) {
	for i := range bufs {
		infos[i], _ = b.RecvInfo(bufs[i])
	}
	return len(bufs), nil
}

// A batch is shown frame by frame and handed on whole.
func TestBatches(t *testing.T) {
	var log []string
	inner := &batch{pipe{log: &log, err: errors.New("no buffer space")}}
	l := NewReader(inner, show(&log))
	n, err := link.SendBatch(l, []wire.Frame{{Data: []byte("x"), At: 1}, {Data: []byte("y"), At: 2}})
	if n != 1 || !errors.Is(err, inner.err) {
		t.Errorf("SendBatch: %d, %v", n, err)
	}
	want := []string{"see x out a/0 at 1 by ", "see y out a/0 at 2 by ", "send 2"}
	if diff := cmp.Diff(want, log); diff != "" {
		t.Error(diff)
	}
	bufs, infos := [][]byte{make([]byte, 9), make([]byte, 9)}, make([]link.FrameInfo, 2)
	if n, err := link.RecvBatch(l, bufs, infos); n != 2 || err != nil || infos[1].Checksum != link.ChecksumPartial {
		t.Errorf("RecvBatch: %d, %v, %v", n, err, infos)
	}
	if info, err := link.RecvInfo(l, bufs[0]); err != nil || info != infos[0] {
		t.Errorf("RecvInfo: %+v, %v", info, err)
	}
}

func TestLinkKeepsPortAndNests(t *testing.T) {
	var log []string
	l := New(New(&pipe{log: &log}, show(&log)), show(&log))
	if err := l.Send(wire.Frame{Data: []byte("x"), Port: "b/1", Dir: wire.DirIn}); err != nil {
		t.Error(err)
	}
	l.Received(wire.Frame{Data: []byte("y"), Dir: wire.DirOut})
	want := []string{
		"see x out b/1 at 0 by ", "see x out b/1 at 0 by ", "send x",
		"see y in a/0 at 0 by ", "see y in a/0 at 0 by ", "below y",
	}
	if diff := cmp.Diff(want, log); diff != "" {
		t.Error(diff)
	}
}

// A link that does not observe is left alone.
func TestReceivedOnPlainLink(t *testing.T) {
	var log []string
	link.Received(struct{ link.Link }{&pipe{log: &log}}, wire.Frame{})
	if len(log) != 0 {
		t.Errorf("log %v", log)
	}
}
