package afpacket

import (
	"errors"
	"net"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/stack/link/internal/nic"
	"github.com/mpstack/mpstack/wire/inet"
)

// script is a socket whose receptions come out as told: an errno, or frames
// with their headers.
type script struct {
	syscall.RawConn
	l     *Link
	bufs  [][]byte // the reader's, in the order in which it gives them
	steps []any
}

type reception struct {
	vnet  [vnetLen]byte
	frame []byte
}

func (s *script) Read(func(uintptr) bool) error {
	step := s.steps[0]
	s.steps = s.steps[1:]
	switch step := step.(type) {
	case error:
		if errno, ok := step.(syscall.Errno); ok {
			s.l.rx.errno = errno
			return nil
		}
		return step
	case []reception:
		for i, r := range step {
			s.l.rx.vnet[i] = r.vnet
			s.l.rx.msgs.hdrs[i].Len = uint32(vnetLen + len(r.frame))
			copy(s.bufs[i], r.frame)
		}
		s.l.rx.got = len(step)
	}
	return nil
}

func scripted(bufs [][]byte, steps ...any) *Link {
	s := &script{steps: steps, bufs: slices.Clone(bufs)}
	s.l = &Link{port: nic.NewPort("afpacket", link.Info{Port: "a/0", MAC: inet.MAC{2}, MTU: 100}), rx: newReceiver(s, false)}
	return s.l
}

// good is a reception that ends with a mark.
func good(mark byte) reception {
	b := inet.Ethernet{Dst: inet.MAC{2}, Src: inet.MAC{2, 2}, Type: inet.EtherTypeIPv4}.AppendTo(nil)
	return reception{frame: append(b, mark)}
}

// What the kernel cannot name is a super-frame; what passes is waited out; what
// is final is told.
func TestReceiveErrors(t *testing.T) {
	bufs := [][]byte{make([]byte, 50)}
	l := scripted(bufs, unix.EINVAL, unix.ENETDOWN, unix.EINVAL, []reception{good(7)}, unix.ENXIO)
	infos := make([]link.FrameInfo, 1)
	if n, err := l.RecvBatch(bufs, infos); n != 1 || err != nil || bufs[0][14] != 7 {
		t.Errorf("%d frames, %v", n, err)
	}
	if got := l.port.Counters(); got != (link.Counters{Received: 1, SuperFrames: 2}) {
		t.Errorf("%+v", got)
	}
	if n, err := l.RecvBatch(bufs, infos); n != 0 || !errors.Is(err, unix.ENXIO) {
		t.Errorf("%d frames, %v", n, err)
	}
}

func TestReceiveAfterClose(t *testing.T) {
	l := scripted(nil, errors.New("use of closed file"))
	l.port.Close()
	if n, err := l.RecvBatch([][]byte{make([]byte, 50)}, make([]link.FrameInfo, 1)); n != 0 || !errors.Is(err, net.ErrClosed) {
		t.Errorf("%d frames, %v", n, err)
	}
}

// A batch of which the link drops the most is closed up in order; one of which
// it drops all is not the end.
func TestReceiveSifts(t *testing.T) {
	own, super, long, runt := good(0), good(0), good(0), good(0)
	copy(own.frame[6:], []byte{2, 0, 0, 0, 0, 0})
	super.vnet = vnet(0, unix.VIRTIO_NET_HDR_GSO_UDP_L4, 0, 0)
	long.frame = make([]byte, 51)
	runt.frame = runt.frame[:13]
	partial := good(3)
	partial.vnet = vnet(unix.VIRTIO_NET_HDR_F_NEEDS_CSUM, 0, 14, 90) // a place outside
	valid := good(4)
	valid.vnet = vnet(unix.VIRTIO_NET_HDR_F_DATA_VALID, 0, 0, 0)

	var bufs [][]byte
	for range 8 {
		bufs = append(bufs, make([]byte, 50))
	}
	infos := make([]link.FrameInfo, 8)
	// what is dropped at first leaves the buffers where they are
	l := scripted(bufs, []reception{own, super}, []reception{long, good(1), own, runt, good(2), super, partial, valid})
	n, err := l.RecvBatch(bufs, infos)
	if n != 4 || err != nil {
		t.Fatalf("%d frames, %v", n, err)
	}
	states := []link.ChecksumState{link.ChecksumComplete, link.ChecksumComplete, link.ChecksumPartial, link.ChecksumValid}
	for i := range n {
		if bufs[i][14] != byte(i+1) || infos[i] != (link.FrameInfo{Len: 15, Checksum: states[i]}) {
			t.Errorf("frame %d: %x, %+v", i, bufs[i][:15], infos[i])
		}
	}
	want := link.Counters{Received: 4, Own: 2, SuperFrames: 2, Oversize: 1, Runts: 1, ChecksumsPartial: 1}
	if got := l.port.Counters(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	// no buffer is lost or handed out twice
	seen := map[*byte]bool{}
	for _, b := range bufs {
		seen[&b[0]] = true
	}
	if len(seen) != 8 {
		t.Errorf("%d buffers of 8", len(seen))
	}
}
