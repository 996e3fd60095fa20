package afpacket

import (
	"errors"
	"os"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/mpstack/mpstack/stack/link/internal/nic"
	"github.com/mpstack/mpstack/wire/inet"
)

// socket returns a descriptor that is bound to an interface and hears nothing
// that came before its filter.
func socket(index int, o Options) (fd int, err error) {
	// With protocol 0 it receives nothing until it is bound.
	fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	defer func() {
		if err != nil {
			_ = unix.Close(fd)
		}
	}()
	if err = setFilter(fd, o.Tagged); err != nil {
		return -1, err
	}
	if err = setReceiveBuffer(fd, o.ReceiveBuffer); err != nil {
		return -1, err
	}
	if err = setOptions(fd, o); err != nil {
		return -1, err
	}
	if err = try(fd); err != nil {
		return -1, err
	}
	err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: ethPAll, Ifindex: index})
	if err != nil {
		return -1, os.NewSyscallError("bind", err)
	}
	for typ, on := range map[uint16]bool{unix.PACKET_MR_PROMISC: o.Promiscuous, unix.PACKET_MR_ALLMULTI: o.AllMulticast} {
		if !on {
			continue
		}
		if err = setMembership(fd, unix.PACKET_ADD_MEMBERSHIP, index, typ, inet.MAC{}); err != nil {
			return -1, err
		}
	}
	return fd, nil
}

// ethPAll is ETH_P_ALL in the order of the network: every protocol, and before
// the ingress queueing discipline.
const ethPAll = unix.ETH_P_ALL << 8

func setFilter(fd int, tagged bool) error {
	program, err := nic.Filter(tagged)
	if err != nil {
		return err
	}
	prog := unix.SockFprog{
		Len: uint16(len(program)),
		// both are struct sock_filter: code, jt, jf, k
		Filter: (*unix.SockFilter)(unsafe.Pointer(unsafe.SliceData(program))),
	}
	return os.NewSyscallError("setsockopt SO_ATTACH_FILTER", unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &prog))
}

// The compiler refuses negative lengths: the two instructions are of one size.
var (
	_ [unsafe.Sizeof(bpf.RawInstruction{}) - unsafe.Sizeof(unix.SockFilter{})]struct{}
	_ [unsafe.Sizeof(unix.SockFilter{}) - unsafe.Sizeof(bpf.RawInstruction{})]struct{}
)

// setReceiveBuffer asks for n bytes whatever the system's limit, or without the
// privilege for as much as it allows.
func setReceiveBuffer(fd, n int) error {
	if n == 0 {
		n = DefaultReceiveBuffer
	}
	err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, n)
	if errors.Is(err, os.ErrPermission) {
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, n)
	}
	return os.NewSyscallError("setsockopt SO_RCVBUF", err)
}

// setOptions sets the socket's own options.
func setOptions(fd int, o Options) error {
	for _, s := range []struct {
		name string
		opt  int
		on   bool
		old  bool // a kernel that does not know it is none to refuse
	}{
		// without it the filter drops what this host sends
		{"PACKET_IGNORE_OUTGOING", unix.PACKET_IGNORE_OUTGOING, true, true},
		{"PACKET_VNET_HDR", unix.PACKET_VNET_HDR, true, false},
		{"PACKET_AUXDATA", unix.PACKET_AUXDATA, o.Tagged, false},
		{"PACKET_QDISC_BYPASS", unix.PACKET_QDISC_BYPASS, o.BypassQdisc, false},
	} {
		if !s.on {
			continue
		}
		err := unix.SetsockoptInt(fd, unix.SOL_PACKET, s.opt, 1)
		if err != nil && !(s.old && errors.Is(err, unix.ENOPROTOOPT)) {
			return os.NewSyscallError("setsockopt "+s.name, err)
		}
	}
	return nil
}

// try receives on a socket that nothing has come to yet. When that is right,
// EINVAL later on means a super-frame of a kind that PACKET_VNET_HDR has no
// number for.
func try(fd int) error {
	r := newReceiver(nil, false)
	r.prepare([][]byte{make([]byte, 1)})
	if !r.receive(uintptr(fd)) {
		return nil
	}
	return os.NewSyscallError("recvmmsg", r.errno)
}

// setMembership adds or drops a membership of the socket; mac is a group's
// address where typ asks for one.
func setMembership(fd, opt, index int, typ uint16, mac inet.MAC) error {
	m := unix.PacketMreq{Ifindex: int32(index), Type: typ}
	if !mac.IsZero() {
		m.Alen = uint16(copy(m.Address[:], mac[:]))
	}
	return os.NewSyscallError("setsockopt membership", unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, opt, &m))
}
