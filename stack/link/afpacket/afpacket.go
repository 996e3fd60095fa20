package afpacket

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/stack/link/internal/nic"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/inet"
)

// MaxBatch is how many frames one call to the kernel sends or receives. Longer
// batches are sent with several calls; of longer ones to receive no more is
// used.
const MaxBatch = 64

// DefaultReceiveBuffer is the size of the receive buffer in bytes. The kernel
// counts a frame with its bookkeeping, twice the length and more for a short
// one.
const DefaultReceiveBuffer = 8 << 20

// Options of Open. The zero value is good.
type Options struct {
	// Port is the link's name, "node/port"; the interface's name where empty.
	Port string
	// ReceiveBuffer is how many bytes may wait in the kernel; 0 means
	// DefaultReceiveBuffer. Without CAP_NET_ADMIN it is at most what
	// net.core.rmem_max allows: Link.ReceiveBuffer tells.
	ReceiveBuffer int
	// KeepPartial hands up frames whose checksum the sender left to offload as
	// they are. Otherwise the checksum is computed.
	KeepPartial bool
	// CheckOffloads refuses an interface where offloads spoil what we see, as
	// package raw does. Otherwise checksums are mended and super-frames
	// counted as they come.
	CheckOffloads bool
	// MendOffloads switches such offloads off when the link is opened. It
	// needs CAP_NET_ADMIN. The sending side of a veth whose other end is in
	// another namespace is left to its owner.
	MendOffloads bool
	// Tagged receives frames with VLAN tags too, tags included.
	Tagged bool
	// BypassQdisc sends past the interface's queueing discipline.
	BypassQdisc bool
	// Promiscuous makes a network card receive everything.
	Promiscuous bool
	// AllMulticast makes a network card receive every group.
	AllMulticast bool
}

// Namespace is the network namespace of an interface. An *netns.NS is one, and
// a nil *netns.NS is the process's own.
type Namespace = nic.Namespace

// Link is an interface that is sent to and read through a packet socket. Its
// methods may be called from several goroutines, one of which sends and one
// receives at a time.
type Link struct {
	port  *nic.Port
	index int // of the interface
	o     Options
	file  *os.File
	conn  syscall.RawConn
	rx    *receiver
	tx    *sender
}

var (
	_ link.InfoReader  = (*Link)(nil)
	_ link.BatchReader = (*Link)(nil)
	_ link.BatchLink   = (*Link)(nil)
)

// Open opens the interface ifname of namespace ns. The interface must have an
// Ethernet address, and be up to be of use. Without CAP_NET_RAW in the
// namespace the error matches os.ErrPermission.
func Open(ns Namespace, ifname string, o Options) (*Link, error) {
	offloads := nic.Offloads{Mend: o.MendOffloads, Check: o.CheckOffloads}
	return nic.Open("afpacket", ns, ifname, offloads, func() (*Link, error) { return open(ifname, o) })
}

// open acts in the namespace of the thread.
func open(ifname string, o Options) (*Link, error) {
	index, info, err := nic.Interface(ifname, o.Port)
	if err != nil {
		return nil, err
	}
	fd, err := socket(index, o)
	if err != nil {
		return nil, nic.Privilege(err)
	}
	file := os.NewFile(uintptr(fd), "packet:"+ifname)
	conn, err := file.SyscallConn()
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return &Link{
		port:  nic.NewPort("afpacket", info),
		index: index,
		o:     o,
		file:  file,
		conn:  conn,
		rx:    newReceiver(conn, o.Tagged),
		tx:    newSender(conn),
	}, nil
}

// Info implements [link.Link]. The MTU is the one at the time of opening.
func (l *Link) Info() link.Info { return l.port.Info }

// Send implements [link.Link]. A frame longer than the MTU allows is refused
// with an error matching EMSGSIZE, one that the queueing discipline drops with
// ENOBUFS, an interface that is down with ENETDOWN.
func (l *Link) Send(f wire.Frame) error {
	err := l.port.Fits(f.Data)
	if err == nil {
		err = l.tx.one(f)
	}
	if err != nil {
		return l.port.Sending(err)
	}
	l.port.Sent(1)
	return nil
}

// SendBatch implements [link.BatchLink]. Errors are those of Send.
func (l *Link) SendBatch(frames []wire.Frame) (sent int, err error) {
	for len(frames) > 0 {
		n, e := l.sendSome(frames)
		l.port.Sent(n)
		sent, frames = sent+n, frames[n:]
		if e == nil {
			continue
		}
		if e = l.port.Sending(e); err == nil {
			err = e
		}
		frames = frames[1:]
	}
	return sent, err
}

// sendSome sends the first n frames; the error is that of the next one.
func (l *Link) sendSome(frames []wire.Frame) (n int, err error) {
	frames = frames[:min(len(frames), MaxBatch)]
	for i, f := range frames {
		if err = l.port.Fits(f.Data); err != nil {
			if i == 0 {
				return 0, err
			}
			frames = frames[:i]
			break
		}
	}
	return l.tx.batch(frames)
}

// Recv implements [link.Reader]. While the interface is down, and after it was
// removed, it waits.
func (l *Link) Recv(buf []byte) (int, error) {
	info, err := l.RecvInfo(buf)
	return info.Len, err
}

// RecvInfo implements [link.InfoReader]. The checksum is partial with
// Options.KeepPartial only, or where the frame does not hold the place for it.
func (l *Link) RecvInfo(buf []byte) (link.FrameInfo, error) {
	bufs, infos := [1][]byte{buf}, [1]link.FrameInfo{}
	_, err := l.RecvBatch(bufs[:], infos[:])
	return infos[0], err
}

// RecvBatch implements [link.BatchReader]. It takes at most MaxBatch frames.
func (l *Link) RecvBatch(bufs [][]byte, infos []link.FrameInfo) (int, error) {
	room := min(len(bufs), len(infos), MaxBatch)
	if room == 0 {
		return 0, nil
	}
	l.rx.mu.Lock()
	defer l.rx.mu.Unlock()
	for {
		got, err := l.rx.read(bufs[:room])
		switch {
		case l.port.Closed():
			return 0, l.port.Receiving(err)
		case err == unix.EINVAL: // what socket tried out is not our fault
			l.port.SuperFrame()
		case nic.Passing(err):
		case err != nil:
			return 0, l.port.Receiving(err)
		}
		if n := l.sift(bufs[:got], infos); n > 0 {
			return n, nil
		}
	}
}

// sift moves the frames that go up to the front.
func (l *Link) sift(bufs [][]byte, infos []link.FrameInfo) (n int) {
	for i := range bufs {
		info, ok := l.take(i, bufs[i])
		if !ok {
			continue
		}
		bufs[n], bufs[i] = bufs[i], bufs[n]
		infos[n] = info
		n++
	}
	return n
}

// take decides whether message i, read into buf, goes up, and makes it whole.
func (l *Link) take(i int, buf []byte) (info link.FrameInfo, ok bool) {
	h, size := l.rx.header(i)
	if h.super() {
		l.port.SuperFrame()
		return info, false
	}
	tag, tagged := l.rx.tag(i)
	info.Len = size
	if tagged {
		info.Len += nic.VLANTag
	}
	if !l.port.Take(buf, info.Len, len(buf)) {
		return info, false
	}
	info.Checksum = h.checksum()
	if info.Checksum == link.ChecksumPartial {
		completed := !l.o.KeepPartial && h.complete(buf[:size])
		l.port.Partial(completed)
		if completed {
			info.Checksum = link.ChecksumValid
		}
	}
	if tagged {
		insertTag(buf[:info.Len], tag)
	}
	return info, true
}

// Close implements [link.Link]. It ends a Recv that is under way. A second
// Close does nothing.
func (l *Link) Close() error {
	l.collect()
	if !l.port.Close() {
		return nil
	}
	return l.file.Close()
}

// Counters returns what was counted so far. Own counts frames with our source
// address that came in from the wire; what this host sends itself never gets
// here.
func (l *Link) Counters() link.Counters {
	l.collect()
	return l.port.Counters()
}

// collect takes over what the kernel has counted since the last time. It fails
// on a closed link only.
func (l *Link) collect() {
	_ = l.control(func(fd int) error {
		s, err := unix.GetsockoptTpacketStats(fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
		if err == nil {
			l.port.KernelDrops(uint64(s.Drops))
		}
		return err
	})
}

// ReceiveBuffer returns the size of the receive buffer in bytes, as the kernel
// counts; 0 once the link is closed.
func (l *Link) ReceiveBuffer() int {
	var n int
	_ = l.control(func(fd int) (err error) {
		n, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
		return err
	})
	return n / 2 // the kernel doubles what it is given
}

// JoinGroup makes a network card receive frames for a group. The kernel counts:
// every JoinGroup wants its LeaveGroup, or the link's end.
func (l *Link) JoinGroup(group inet.MAC) error {
	return l.membership(unix.PACKET_ADD_MEMBERSHIP, group)
}

// LeaveGroup takes one JoinGroup back.
func (l *Link) LeaveGroup(group inet.MAC) error {
	return l.membership(unix.PACKET_DROP_MEMBERSHIP, group)
}

func (l *Link) membership(opt int, group inet.MAC) error {
	err := l.control(func(fd int) error {
		return setMembership(fd, opt, l.index, unix.PACKET_MR_MULTICAST, group)
	})
	if err != nil {
		return l.port.Failed("membership of "+group.String(), err)
	}
	return nil
}

func (l *Link) control(fn func(fd int) error) error {
	var err error
	if cerr := l.conn.Control(func(fd uintptr) { err = fn(int(fd)) }); cerr != nil {
		return cerr
	}
	return err
}
