package link_test

import (
	"errors"
	"fmt"
	"net"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/wire"
)

// plain is a link with nothing but what every one has.
type plain struct {
	sent []string
	in   []string
}

func (*plain) Info() link.Info { return link.Info{Port: "a/0"} }
func (*plain) Close() error    { return nil }

func (p *plain) Send(f wire.Frame) error {
	if strings.HasPrefix(string(f.Data), "bad") {
		return errors.New(string(f.Data))
	}
	p.sent = append(p.sent, string(f.Data))
	return nil
}

func (p *plain) Recv(buf []byte) (int, error) {
	if len(p.in) == 0 {
		return 0, net.ErrClosed
	}
	n := copy(buf, p.in[0])
	p.in = p.in[1:]
	return n, nil
}

// informed knows of checksums.
type informed struct{ plain }

func (p *informed) RecvInfo(buf []byte) (link.FrameInfo, error) {
	n, err := p.Recv(buf)
	return link.FrameInfo{Len: n, Checksum: link.ChecksumPartial}, err
}

// counting counts.
type counting struct{ plain }

func (*counting) Counters() link.Counters { return link.Counters{Sent: 7} }

// wrapper is around a link.
type wrapper struct{ link.Link }

func (w wrapper) Unwrap() link.Link { return w.Link }

func frames(data ...string) []wire.Frame {
	var all []wire.Frame
	for _, d := range data {
		all = append(all, wire.Frame{Data: []byte(d)})
	}
	return all
}

func TestSendBatchWithoutBatches(t *testing.T) {
	var p plain
	n, err := link.SendBatch(&p, frames("a", "bad 1", "b", "bad 2", "c"))
	if n != 3 || err == nil || err.Error() != "bad 1" || !slices.Equal(p.sent, []string{"a", "b", "c"}) {
		t.Errorf("%d, %v, %v", n, err, p.sent)
	}
	if n, err := link.SendBatch(&p, nil); n != 0 || err != nil {
		t.Errorf("nothing: %d, %v", n, err)
	}
}

func TestRecvWithoutBatches(t *testing.T) {
	for _, tt := range []struct {
		r    link.Reader
		want link.ChecksumState
	}{
		{&plain{in: []string{"one", "two!"}}, link.ChecksumComplete},
		{&informed{plain{in: []string{"one", "two!"}}}, link.ChecksumPartial},
	} {
		bufs, infos := [][]byte{make([]byte, 9), make([]byte, 9)}, make([]link.FrameInfo, 2)
		n, err := link.RecvBatch(tt.r, bufs, infos)
		if n != 1 || err != nil || infos[0] != (link.FrameInfo{Len: 3, Checksum: tt.want}) || string(bufs[0][:3]) != "one" {
			t.Errorf("%T: %d frames, %v, %v", tt.r, n, err, infos)
		}
		info, err := link.RecvInfo(tt.r, bufs[0])
		if err != nil || info != (link.FrameInfo{Len: 4, Checksum: tt.want}) {
			t.Errorf("%T: %+v, %v", tt.r, info, err)
		}
		if n, err = link.RecvBatch(tt.r, bufs, infos); n != 0 || !errors.Is(err, net.ErrClosed) {
			t.Errorf("%T at its end: %d, %v", tt.r, n, err)
		}
	}
}

func TestCountersOf(t *testing.T) {
	var none plain
	for _, tt := range []struct {
		l    link.Link
		want bool
	}{
		{&counting{}, true},
		{wrapper{wrapper{&counting{}}}, true},
		{&none, false},
		{wrapper{&none}, false},
		{nil, false},
		{wrapper{nil}, false},
	} {
		c, ok := link.CountersOf(tt.l)
		if ok != tt.want || ok && c.Sent != 7 {
			t.Errorf("%T: %+v, %v", tt.l, c, ok)
		}
	}
}

// Every counter has its line in the table, under a name of its own.
func TestCountersTable(t *testing.T) {
	var c link.Counters
	v := reflect.ValueOf(&c).Elem()
	for i := range v.NumField() {
		v.Field(i).SetUint(uint64(i) + 1)
	}
	names, values := map[string]bool{}, map[uint64]bool{}
	for _, line := range c.Table() {
		names[line.Name], values[line.Value] = true, true
	}
	if len(names) != v.NumField() || len(values) != v.NumField() || values[0] {
		t.Errorf("%d counters, the table has %v", v.NumField(), c.Table())
	}
}

func TestChecksumStateString(t *testing.T) {
	for s, want := range []string{"complete", "partial", "valid", "unknown"} {
		if got := link.ChecksumState(s).String(); got != want {
			t.Errorf("%d is %q, want %q", s, got, want)
		}
	}
}

// A driver that knows nothing of its link asks through the functions: batches
// where the link has them, single frames elsewhere.
func Example() {
	var l link.Reader = &plain{in: []string{"hello", "world"}}
	bufs, infos := [][]byte{make([]byte, 1514), make([]byte, 1514)}, make([]link.FrameInfo, 2)
	for {
		n, err := link.RecvBatch(l, bufs, infos)
		if err != nil {
			break
		}
		for i, info := range infos[:n] {
			fmt.Printf("%s, checksum %s\n", bufs[i][:info.Len], info.Checksum)
		}
	}
	// Output:
	// hello, checksum complete
	// world, checksum complete
}
