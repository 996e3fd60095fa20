package tap

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/stack/link/internal/nic"
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

// MaxQueues is the greatest number of queues of a device (MAX_TAP_QUEUES of the
// kernel).
const MaxQueues = 256

// Link is a descriptor of a TAP device, one of its queues. Its methods may be
// called from several goroutines.
type Link struct{ stream *nic.Stream }

var _ link.Reader = (*Link)(nil)

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
	links, err := open(ns, ifname, 0, o)
	if err != nil {
		return nil, err
	}
	return links[0], nil
}

// OpenQueues makes a device as Open does, with n queues, 1 to MaxQueues, and
// returns a link for each. They have the same Info, and each wants a reader:
// the kernel gives every flow to one queue, by the hash of its addresses and
// ports, and keeps the order of frames within it. A flow that is answered on
// another queue moves there.
func OpenQueues(ns Namespace, ifname string, n int, o Options) ([]*Link, error) {
	if n < 1 || n > MaxQueues {
		return nil, fmt.Errorf("tap: %s: %d queues; a device has 1 to %d", ifname, n, MaxQueues)
	}
	return open(ns, ifname, n, o)
}

// open makes a device with so many queues; 0 stands for a device that can have
// one only.
func open(ns Namespace, ifname string, queues int, o Options) ([]*Link, error) {
	if o.MAC.IsZero() || o.MAC.IsMulticast() {
		return nil, fmt.Errorf("tap: %s: the stack cannot have the address %s", ifname, o.MAC)
	}
	if o.MTU == 0 {
		o.MTU = DefaultMTU
	}
	if o.Port == "" {
		o.Port = ifname
	}
	var files []*os.File
	err := ns.Do(func() (err error) {
		files, err = create(ifname, queues, o.MTU)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("tap: making %s in %s: %w", ifname, ns.Name(), err)
	}
	var links []*Link
	for _, f := range files {
		info := link.Info{Port: o.Port, MAC: o.MAC, MTU: o.MTU}
		links = append(links, &Link{stream: nic.NewStream("tap", info, f)})
	}
	return links, nil
}

// create makes the device in the namespace of the thread. It vanishes with the
// last of its descriptors.
func create(ifname string, queues, mtu int) (files []*os.File, err error) {
	defer func() {
		if err != nil {
			for _, f := range files {
				_ = f.Close()
			}
		}
	}()
	flags := netlink.TUNTAP_NO_PI
	if queues > 0 {
		flags |= netlink.TUNTAP_MULTI_QUEUE
	}
	// The first descriptor makes the device, and must not get at one that is
	// there; the others are for the one that it made.
	t, err := attach(ifname, flags|netlink.TUNTAP_TUN_EXCL, 1)
	if err != nil {
		return nil, err
	}
	files = t.Fds
	if err := netlink.LinkSetMTU(t, mtu); err != nil {
		return files, fmt.Errorf("setting the MTU to %d: %w", mtu, err)
	}
	if queues > 1 {
		if t, err = attach(ifname, flags, queues-1); err != nil {
			return files, fmt.Errorf("adding queues: %w", err)
		}
		files = append(files, t.Fds...)
	}
	return files, nil
}

// attach opens descriptors of the device.
func attach(ifname string, flags netlink.TuntapFlag, n int) (*netlink.Tuntap, error) {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = ifname
	t := &netlink.Tuntap{LinkAttrs: attrs, Mode: netlink.TUNTAP_MODE_TAP, Flags: flags, NonPersist: true, Queues: n}
	if err := netlink.LinkAdd(t); err != nil {
		return nil, privilege(err)
	}
	return t, nil
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
func (l *Link) Info() link.Info { return l.stream.Info }

// Send implements [link.Link]. A frame longer than the MTU allows is refused
// with an error matching EMSGSIZE; while the device is down, frames fail with
// EIO.
func (l *Link) Send(f wire.Frame) error { return l.stream.Send(f) }

// Recv implements [link.Reader]. While the device is down it waits.
func (l *Link) Recv(buf []byte) (int, error) { return l.stream.Recv(buf) }

// Close implements [link.Link]: a Recv that is under way ends, and the device
// vanishes with its last queue. A second Close does nothing.
func (l *Link) Close() error { return l.stream.Close() }

// Counters returns what was counted so far, on this queue. What the device
// drops because the reader is slow is in the device's own statistics.
func (l *Link) Counters() link.Counters { return l.stream.Counters() }
