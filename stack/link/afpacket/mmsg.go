package afpacket

import (
	"encoding/binary"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/mpstack/mpstack/stack/link/internal/nic"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/inet"
)

// messages are the arguments of recvmmsg and sendmmsg: each message is a
// virtio_net_hdr and a frame.
type messages struct {
	hdrs [MaxBatch]unix.Mmsghdr
	iovs [MaxBatch][2]unix.Iovec
}

// init ties message i to its parts.
func (m *messages) init(i int, vnet *[vnetLen]byte) {
	m.iovs[i][0].Base = &vnet[0]
	m.iovs[i][0].SetLen(vnetLen)
	m.hdrs[i].Hdr.Iov = &m.iovs[i][0]
	m.hdrs[i].Hdr.SetIovlen(2)
}

// set makes message i hold or take frame.
func (m *messages) set(i int, frame []byte) {
	m.iovs[i][1].Base = unsafe.SliceData(frame)
	m.iovs[i][1].SetLen(len(frame))
}

// forget lets go of the frames of the first n messages.
func (m *messages) forget(n int) {
	for i := range n {
		m.iovs[i][1].Base = nil
	}
}

// call does recvmmsg or sendmmsg on messages from to to. It reports false
// where the descriptor is not ready.
func (m *messages) call(trap, fd uintptr, from, to int, flags uintptr) (n int, errno syscall.Errno, ready bool) {
	for {
		r, _, errno := unix.Syscall6(trap, fd, uintptr(unsafe.Pointer(&m.hdrs[from])), uintptr(to-from), flags, 0, 0)
		switch errno {
		case 0:
			return int(r), 0, true
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, 0, false
		default:
			return 0, errno, true
		}
	}
}

// receiver reads batches. mu is held by whoever reads.
type receiver struct {
	mu     sync.Mutex
	conn   syscall.RawConn
	msgs   messages
	vnet   [MaxBatch][vnetLen]byte
	aux    [MaxBatch][auxSpace]byte
	tagged bool

	want, got int
	errno     syscall.Errno
	ready     func(fd uintptr) bool // receive, as a value made once
}

// auxSpace holds a control message with a struct tpacket_auxdata.
const auxSpace = 64

func newReceiver(conn syscall.RawConn, tagged bool) *receiver {
	r := &receiver{conn: conn, tagged: tagged}
	r.ready = r.receive
	for i := range r.vnet {
		r.msgs.init(i, &r.vnet[i])
	}
	return r
}

// prepare makes bufs take the next frames.
func (r *receiver) prepare(bufs [][]byte) {
	r.want = len(bufs)
	for i, b := range bufs {
		r.msgs.set(i, b)
		if r.tagged {
			r.msgs.hdrs[i].Hdr.Control = &r.aux[i][0]
			r.msgs.hdrs[i].Hdr.SetControllen(auxSpace)
		}
	}
}

// read waits for frames and reads as many as there are into bufs.
func (r *receiver) read(bufs [][]byte) (int, error) {
	r.prepare(bufs)
	defer r.msgs.forget(len(bufs))
	r.got, r.errno = 0, 0
	if err := r.conn.Read(r.ready); err != nil {
		return 0, err
	}
	if r.errno != 0 {
		return 0, r.errno
	}
	return r.got, nil
}

// receive reads without waiting. The lengths are those of the whole frames.
func (r *receiver) receive(fd uintptr) (ready bool) {
	r.got, r.errno, ready = r.msgs.call(unix.SYS_RECVMMSG, fd, 0, r.want, unix.MSG_DONTWAIT|unix.MSG_TRUNC)
	return ready
}

// header returns what the kernel says of message i, and its frame's length.
func (r *receiver) header(i int) (vnetHeader, int) {
	return parseVnet(&r.vnet[i]), int(r.msgs.hdrs[i].Len) - vnetLen
}

// tag returns the VLAN tag that the kernel took off the frame of message i.
func (r *receiver) tag(i int) (inet.Tag, bool) {
	if !r.tagged {
		return inet.Tag{}, false
	}
	n := int(r.msgs.hdrs[i].Hdr.Controllen)
	return auxTag(r.aux[i][:min(n, auxSpace)])
}

// auxTag returns the VLAN tag of a control message.
func auxTag(control []byte) (inet.Tag, bool) {
	// struct tpacket_auxdata: status, len, snaplen, mac, net, vlan_tci, vlan_tpid
	if len(control) < unix.SizeofCmsghdr {
		return inet.Tag{}, false
	}
	h, b, _, err := unix.ParseOneSocketControlMessage(control)
	if err != nil || h.Level != unix.SOL_PACKET || h.Type != unix.PACKET_AUXDATA || len(b) < 20 {
		return inet.Tag{}, false
	}
	status := binary.NativeEndian.Uint32(b)
	if status&unix.TP_STATUS_VLAN_VALID == 0 {
		return inet.Tag{}, false
	}
	t := inet.Tag{Type: inet.EtherTypeVLAN, TCI: binary.NativeEndian.Uint16(b[16:])}
	if status&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
		t.Type = inet.EtherType(binary.NativeEndian.Uint16(b[18:]))
	}
	return t, true
}

// insertTag puts a tag into the frame that fills b but for the tag's length.
func insertTag(b []byte, t inet.Tag) {
	const at = 12 // behind the addresses
	copy(b[at+nic.VLANTag:], b[at:len(b)-nic.VLANTag])
	binary.BigEndian.PutUint16(b[at:], uint16(t.Type))
	binary.BigEndian.PutUint16(b[at+2:], t.TCI)
}

// sender writes batches. mu is held by whoever writes.
type sender struct {
	mu   sync.Mutex
	conn syscall.RawConn
	msgs messages
	vnet [vnetLen]byte // all zero: nothing is left to offload

	want, sent int
	errno      syscall.Errno
	ready      func(fd uintptr) bool // send, as a value made once
}

func newSender(conn syscall.RawConn) *sender {
	s := &sender{conn: conn}
	s.ready = s.send
	for i := range s.msgs.hdrs {
		s.msgs.init(i, &s.vnet)
	}
	return s
}

// one sends one frame.
func (s *sender) one(f wire.Frame) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.msgs.set(0, f.Data)
	_, err := s.write(1)
	return err
}

// batch sends at most MaxBatch frames. It returns how many were sent, at least
// one without an error, and with it why the next was not.
func (s *sender) batch(frames []wire.Frame) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range frames {
		s.msgs.set(i, f.Data)
	}
	return s.write(len(frames))
}

// write sends the first n messages.
func (s *sender) write(n int) (int, error) {
	defer s.msgs.forget(n)
	s.want, s.sent, s.errno = n, 0, 0
	if err := s.conn.Write(s.ready); err != nil {
		return s.sent, err
	}
	if s.errno != 0 {
		return s.sent, s.errno
	}
	return s.sent, nil
}

// send sends what is left without waiting. It reports false where the rest has
// to wait for room.
func (s *sender) send(fd uintptr) bool {
	for s.sent < s.want {
		n, errno, ready := s.msgs.call(unix.SYS_SENDMMSG, fd, s.sent, s.want, unix.MSG_DONTWAIT)
		s.sent, s.errno = s.sent+n, errno
		if !ready {
			return false
		}
		if errno != 0 {
			break
		}
	}
	return true
}
