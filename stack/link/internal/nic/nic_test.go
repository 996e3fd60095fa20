package nic

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/inet"
)

var (
	ours = inet.MAC{2, 0, 0, 0, 0, 1}
	info = link.Info{Port: "a/eth0", MAC: ours, MTU: 100}
)

// device gives what it has been given, an error or a frame a call.
type device struct {
	reads   []any
	written [][]byte
	err     error // of Write
	closed  int
}

func (d *device) Read(b []byte) (int, error) {
	if len(d.reads) == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	next := d.reads[0]
	d.reads = d.reads[1:]
	if err, ok := next.(error); ok {
		return 0, err
	}
	return copy(b, next.([]byte)), nil
}

func (d *device) Write(b []byte) (int, error) {
	d.written = append(d.written, bytes.Clone(b))
	return len(b), d.err
}

func (d *device) Close() error { d.closed++; return nil }

func TestTake(t *testing.T) {
	mine := frame(0x0800, 60)
	copy(mine[6:], ours[:])
	for _, tt := range []struct {
		name       string
		frame      []byte
		size, room int
		want       bool
		counters   link.Counters
	}{
		{"good", frame(0x0800, 60), 60, 60, true, link.Counters{Received: 1}},
		{"the longest, with a tag", frame(0x0800, 118), 118, 200, true, link.Counters{Received: 1}},
		{"longer", frame(0x0800, 119), 119, 200, false, link.Counters{SuperFrames: 1}},
		{"longer than MTU and buffer, read in part", frame(0x0800, 14)[:10], 9000, 10, false, link.Counters{SuperFrames: 1}},
		{"longer than the buffer", frame(0x0800, 60), 61, 60, false, link.Counters{Oversize: 1}},
		{"no header", frame(0x0800, 14)[:13], 13, 60, false, link.Counters{Runts: 1}},
		{"nothing", nil, 0, 60, false, link.Counters{Runts: 1}},
		{"own", mine, 60, 60, false, link.Counters{Own: 1}},
	} {
		p := NewPort("test", info)
		if got := p.Take(tt.frame, tt.size, tt.room); got != tt.want || p.Counters() != tt.counters {
			t.Errorf("%s: %v, %+v", tt.name, got, p.Counters())
		}
	}
}

func TestPortCounters(t *testing.T) {
	p := NewPort("test", info)
	p.Sent(3)
	p.KernelDrops(4)
	p.KernelDrops(5)
	p.Partial(true)
	p.Partial(false)
	p.SuperFrame()
	if got, want := p.Counters(), (link.Counters{Sent: 3, KernelDrops: 9, ChecksumsPartial: 2, ChecksumsCompleted: 1, SuperFrames: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestStreamSend(t *testing.T) {
	d := &device{}
	s := NewStream("test", info, d)
	if err := s.Send(wire.Frame{Data: frame(0x0800, 114)}); err != nil || len(d.written) != 1 {
		t.Errorf("the longest: %v", err)
	}
	err := s.Send(wire.Frame{Data: frame(0x0800, 115)})
	if !errors.Is(err, link.ErrTooLong) || !errors.Is(err, unix.EMSGSIZE) || len(d.written) != 1 {
		t.Errorf("longer: %v", err)
	}
	d.err = unix.ENOBUFS
	err = s.Send(wire.Frame{Data: frame(0x0800, 60)})
	if !errors.Is(err, unix.ENOBUFS) || !strings.HasPrefix(err.Error(), "test: sending on a/eth0: ") {
		t.Errorf("a full queue: %v", err)
	}
	if got := s.Counters(); got != (link.Counters{Sent: 1, SendErrors: 2}) {
		t.Errorf("%+v", got)
	}
}

// What passes is waited out, what is not taken is read over, what is final is
// told.
func TestStreamRecv(t *testing.T) {
	d := &device{reads: []any{
		unix.ENETDOWN, os.NewSyscallError("read", unix.EINTR), frame(0x0800, 50), unix.ENOBUFS,
		frame(0x0800, 5000), frame(0x86dd, 40), unix.ENOMEM, frame(0x0806, 42), unix.EBADF,
	}}
	s := NewStream("test", info, d)
	for _, want := range []int{40, 42} {
		buf := make([]byte, 42) // shorter than the longest frame
		if n, err := s.Recv(buf); n != want || err != nil {
			t.Errorf("%d bytes, %v; want %d", n, err, want)
		}
	}
	if _, err := s.Recv(make([]byte, 9000)); !errors.Is(err, unix.EBADF) {
		t.Errorf("%v", err)
	}
	if got := s.Counters(); got != (link.Counters{Received: 2, Oversize: 1, SuperFrames: 1}) {
		t.Errorf("%+v", got)
	}
}

func TestStreamClose(t *testing.T) {
	d := &device{reads: []any{frame(0x0800, 60)}}
	s := NewStream("test", info, d)
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if d.closed != 1 || !s.Closed() {
		t.Errorf("closed %d times", d.closed)
	}
	d.err = unix.EBADF
	if err := s.Send(wire.Frame{Data: frame(0x0800, 60)}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Send: %v", err)
	}
	if n, err := s.Recv(make([]byte, 200)); n != 0 || !errors.Is(err, net.ErrClosed) {
		t.Errorf("Recv: %d, %v", n, err)
	}
}

// space is a namespace that notes what is asked of it.
type space struct {
	log                      []string
	doErr, mendErr, checkErr error
}

func (*space) Name() string { return "lan" }

func (s *space) Do(fn func() error) error {
	s.log = append(s.log, "do")
	return errors.Join(s.doErr, fn())
}

func (s *space) MendOffloads(ifname string) error {
	s.log = append(s.log, "mend "+ifname)
	return s.mendErr
}

func (s *space) CheckOffloads(ifname string) error {
	s.log = append(s.log, "check "+ifname)
	return s.checkErr
}

func TestOpen(t *testing.T) {
	bad := errors.New("bad")
	for _, tt := range []struct {
		name    string
		space   space
		o       Offloads
		openErr error
		want    string // what was done
		closed  int
		err     bool
	}{
		{"whatever they are", space{mendErr: bad, checkErr: bad}, Offloads{}, nil, "do", 0, false},
		{"checked", space{mendErr: bad}, Offloads{Check: true}, nil, "do,check x0", 0, false},
		{"refused", space{checkErr: bad}, Offloads{Check: true}, nil, "do,check x0", 1, true},
		{"mended", space{checkErr: bad}, Offloads{Mend: true}, nil, "do,mend x0", 0, false},
		{"mended and checked", space{}, Offloads{Mend: true, Check: true}, nil, "do,mend x0,check x0", 0, false},
		{"not mended", space{mendErr: bad}, Offloads{Mend: true, Check: true}, nil, "do,mend x0", 1, true},
		{"not opened", space{}, Offloads{Mend: true, Check: true}, bad, "do", 0, true},
	} {
		d := &device{}
		got, err := Open("test", &tt.space, "x0", tt.o, func() (*device, error) {
			if tt.openErr != nil {
				return nil, tt.openErr
			}
			return d, nil
		})
		if log := strings.Join(tt.space.log, ","); log != tt.want || d.closed != tt.closed {
			t.Errorf("%s: %s, closed %d times", tt.name, log, d.closed)
		}
		if tt.err != (err != nil) || tt.err != (got == nil) {
			t.Errorf("%s: %v, %v", tt.name, got, err)
		}
		if err != nil && (!errors.Is(err, bad) || err.Error() != "test: opening x0 in lan: bad") {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestInterface(t *testing.T) {
	if _, _, err := Interface("lo", ""); err == nil || !strings.Contains(err.Error(), "not Ethernet's") {
		t.Errorf("loopback: %v", err)
	}
	if _, _, err := Interface("no-such-interface", ""); err == nil {
		t.Error("a missing interface")
	}
}

func TestPrivilege(t *testing.T) {
	if err := Privilege(os.NewSyscallError("socket", unix.EPERM)); !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), "CAP_NET_RAW") {
		t.Errorf("%v", err)
	}
	if err := Privilege(unix.ENODEV); err != unix.ENODEV {
		t.Errorf("%v", err)
	}
	if err := Privilege(nil); err != nil {
		t.Errorf("%v", err)
	}
}
