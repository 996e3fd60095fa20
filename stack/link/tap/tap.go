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

	"github.com/mpstack/mpstack/internal/netns"
	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/inet"
)

// Options of Open.
type Options struct {
	Port string   // the link's name, "node/port"; the device's name where empty
	MAC  inet.MAC // the stack's address, not the device's; required
}

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

// defaultMTU is what the kernel gives a TAP device.
const defaultMTU = 1500

// Open makes a TAP device in namespace ns (nil: the process's own), configured
// as device says and up. It needs access to /dev/net/tun and CAP_NET_ADMIN in
// the namespace; where the system refuses, the error matches
// netns.ErrUnavailable.
func Open(ns *netns.NS, device netns.Interface, o Options) (*Link, error) {
	if err := check(&device, &o); err != nil {
		return nil, err
	}
	if err := netns.CanTAP(); err != nil {
		return nil, fmt.Errorf("tap: making %s in %s: %w", device.Name, ns.Name(), err)
	}
	file, err := create(ns, device.Name)
	if err == nil {
		if err = ns.Configure(device); err != nil {
			_ = file.Close()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("tap: making %s in %s: %w", device.Name, ns.Name(), err)
	}
	return &Link{file: file, info: link.Info{Port: o.Port, MAC: o.MAC, MTU: device.MTU}}, nil
}

func check(device *netns.Interface, o *Options) error {
	if err := device.Check(); err != nil {
		return err
	}
	if o.MAC.IsZero() || o.MAC.IsMulticast() || o.MAC == device.MAC {
		return fmt.Errorf("tap: %s: the stack cannot have the address %s", device.Name, o.MAC)
	}
	if device.MTU == 0 {
		device.MTU = defaultMTU
	}
	if o.Port == "" {
		o.Port = device.Name
	}
	return nil
}

// create makes the device. It belongs to the namespace in which the descriptor
// was opened, and vanishes with the descriptor.
func create(ns *netns.NS, name string) (*os.File, error) {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	t := &netlink.Tuntap{
		LinkAttrs:  attrs,
		Mode:       netlink.TUNTAP_MODE_TAP,
		Flags:      netlink.TUNTAP_NO_PI | netlink.TUNTAP_TUN_EXCL,
		NonPersist: true,
		Queues:     1, // keeps the descriptor in Fds
	}
	err := ns.Do(func() error { return netlink.LinkAdd(t) })
	switch {
	case err == nil:
		return t.Fds[0], nil
	case strings.Contains(err.Error(), unix.EPERM.Error()): // netlink does not wrap it
		return nil, fmt.Errorf("%w: run as root, or with CAP_NET_ADMIN: %w", netns.ErrUnavailable, err)
	}
	return nil, err
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
