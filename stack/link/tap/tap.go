// Package tap is a link whose other end is a TAP device: what the link sends
// arrives at the device, and what the device's namespace sends on it is
// received. The device is the other side's port, a router's for example; the
// stack on the link has an address of its own. The device lives as long as the
// link.
//
// What is not here: TUN (no Ethernet), several queues, offloads.
package tap

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/inet"
)

// Options of Open.
type Options struct {
	Port string   // the link's name, "node/port"; the device's name where empty
	MAC  inet.MAC // the stack's address, not the device's; required
	MTU  int      // of both ends; 0 means DefaultMTU
}

// DefaultMTU is what the kernel gives a TAP device.
const DefaultMTU = 1500

// Link is the descriptor of a TAP device. Its methods may be called from
// several goroutines.
type Link struct {
	info   link.Info
	file   *os.File
	closed atomic.Bool
	counts struct{ sent, received, sendErrors, oversize, own atomic.Uint64 }
}

var _ link.Reader = (*Link)(nil)

// vlanTag is how much longer than MTU and header a received frame may be.
const vlanTag = 4

// Namespace is where the device is to be. An *netns.NS is one, and a nil
// *netns.NS is the process's own.
type Namespace interface {
	Name() string
	// Do runs fn on a thread that is inside.
	Do(fn func() error) error
}

// Open makes the TAP device ifname in namespace ns. The device is down until
// its owner configures it (netns.NS.Configure; the MTU is set already). Without
// access to /dev/net/tun, and without CAP_NET_ADMIN in the namespace, the error
// matches os.ErrPermission.
func Open(ns Namespace, ifname string, o Options) (*Link, error) {
	if o.MAC.IsZero() || o.MAC.IsMulticast() {
		return nil, fmt.Errorf("tap: %s: the stack cannot have the address %s", ifname, o.MAC)
	}
	if o.MTU == 0 {
		o.MTU = DefaultMTU
	}
	if o.Port == "" {
		o.Port = ifname
	}
	var file *os.File
	err := ns.Do(func() (err error) {
		file, err = create(ifname, o.MTU)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("tap: making %s in %s: %w", ifname, ns.Name(), err)
	}
	return &Link{file: file, info: link.Info{Port: o.Port, MAC: o.MAC, MTU: o.MTU}}, nil
}

// create makes the device in the namespace of the thread. It vanishes with its
// descriptor.
func create(ifname string, mtu int) (*os.File, error) {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = ifname
	t := &netlink.Tuntap{
		LinkAttrs:  attrs,
		Mode:       netlink.TUNTAP_MODE_TAP,
		Flags:      netlink.TUNTAP_NO_PI | netlink.TUNTAP_TUN_EXCL,
		NonPersist: true,
		Queues:     1, // keeps the descriptor in Fds
	}
	if err := netlink.LinkAdd(t); err != nil {
		return nil, privilege(err)
	}
	if err := netlink.LinkSetMTU(t, mtu); err != nil {
		_ = t.Fds[0].Close()
		return nil, fmt.Errorf("setting the MTU to %d: %w", mtu, err)
	}
	return t.Fds[0], nil
}

// privilege makes an error match os.ErrPermission where it is one: netlink
// tells the ioctl's error in words only.
func privilege(err error) error {
	switch {
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("opening /dev/net/tun: %w (run it as root)", err)
	case strings.Contains(err.Error(), unix.EPERM.Error()):
		return fmt.Errorf("%w: %w (run it as root, or with CAP_NET_ADMIN)", err, unix.EPERM)
	}
	return err
}

// Info implements [link.Link].
func (l *Link) Info() link.Info { return l.info }

// limit is the greatest length of a received frame.
func (l *Link) limit() int { return l.info.MTU + inet.HeaderLenEthernet + vlanTag }

// Send implements [link.Link]. A frame longer than the MTU allows is refused
// with an error matching EMSGSIZE; while the device is down, frames fail with
// EIO.
func (l *Link) Send(f wire.Frame) error {
	err := l.send(f.Data)
	if err == nil {
		l.counts.sent.Add(1)
		return nil
	}
	l.counts.sendErrors.Add(1)
	if l.closed.Load() {
		err = net.ErrClosed
	}
	return fmt.Errorf("tap: sending on %s: %w", l.info.Port, err)
}

func (l *Link) send(frame []byte) error {
	if len(frame) > l.info.MTU+inet.HeaderLenEthernet {
		return fmt.Errorf("%d bytes, MTU %d: %w", len(frame), l.info.MTU, unix.EMSGSIZE)
	}
	_, err := l.file.Write(frame)
	return err
}

// Recv implements [link.Reader]. While the device is down it waits.
func (l *Link) Recv(buf []byte) (int, error) {
	// The kernel cuts what does not fit: one byte more than allowed tells.
	read := buf
	if limit := l.limit(); len(buf) > limit {
		read = buf[:limit+1]
	} else {
		read = make([]byte, limit+1)
	}
	for {
		n, err := l.file.Read(read)
		switch {
		case l.closed.Load():
			return 0, fmt.Errorf("tap: receiving on %s: %w", l.info.Port, net.ErrClosed)
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return 0, fmt.Errorf("tap: receiving on %s: %w", l.info.Port, err)
		case l.take(read[:n], len(buf)):
			return copy(buf, read[:n]), nil
		}
	}
}

// take decides whether a frame goes up, and counts it.
func (l *Link) take(frame []byte, room int) bool {
	switch {
	case len(frame) > min(room, l.limit()):
		l.counts.oversize.Add(1)
		return false
	case len(frame) < inet.HeaderLenEthernet: // the device sends none
		return false
	case inet.MAC(frame[6:12]) == l.info.MAC:
		l.counts.own.Add(1)
		return false
	}
	l.counts.received.Add(1)
	return true
}

// Close implements [link.Link]: the device vanishes, and a Recv that is under
// way ends. A second Close does nothing.
func (l *Link) Close() error {
	if l.closed.Swap(true) {
		return nil
	}
	return l.file.Close()
}

// Counters returns what was counted so far. What the device drops because the
// reader is slow is in the device's own statistics.
func (l *Link) Counters() link.Counters {
	return link.Counters{
		Sent:       l.counts.sent.Load(),
		Received:   l.counts.received.Load(),
		SendErrors: l.counts.sendErrors.Load(),
		Oversize:   l.counts.oversize.Load(),
		Own:        l.counts.own.Load(),
	}
}
