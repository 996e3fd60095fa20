package raw

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"

	//lint:ignore SA1019 mdlayher/raw is the project's default backend for signalling
	"github.com/mdlayher/raw"
	"golang.org/x/sys/unix"

	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/inet"
)

// Options of Open. The zero value is good.
type Options struct {
	// Port is the link's name, "node/port"; the interface's name where empty.
	Port string
	// AnyOffloads opens the interface whatever its offloads are.
	AnyOffloads bool
}

// vlanTag is how much longer than MTU and header a frame may be: a tag that
// the kernel left in place.
const vlanTag = 4

// Link is an interface that is sent to and read through a packet socket. Its
// methods may be called from several goroutines.
type Link struct {
	info   link.Info
	conn   *raw.Conn
	closed atomic.Bool
	counts struct{ sent, received, sendErrors, oversize, own atomic.Uint64 }
}

var _ link.Reader = (*Link)(nil)

// everyone is the address given with each frame. The kernel does not look at
// it, because the frame holds its own; raw insists.
var everyone = &raw.Addr{HardwareAddr: net.HardwareAddr(inet.Broadcast[:])}

// Namespace is the network namespace of an interface. An *netns.NS is one, and
// a nil *netns.NS is the process's own.
type Namespace interface {
	Name() string
	// Do runs fn on a thread that is inside.
	Do(fn func() error) error
	// CheckOffloads says which offloads of an interface spoil what packet
	// sockets see, and the command that switches them off.
	CheckOffloads(ifname string) error
}

// Open opens the interface ifname of namespace ns. The interface must have an
// Ethernet address, and be up to be of use. Without CAP_NET_RAW in the
// namespace the error matches os.ErrPermission.
func Open(ns Namespace, ifname string, o Options) (*Link, error) {
	var l *Link
	err := ns.Do(func() (err error) {
		l, err = open(ifname, o)
		return err
	})
	if err == nil && !o.AnyOffloads {
		if err = ns.CheckOffloads(ifname); err != nil {
			_ = l.Close()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("raw: opening %s in %s: %w", ifname, ns.Name(), err)
	}
	return l, nil
}

// open acts in the namespace of the thread.
func open(ifname string, o Options) (*Link, error) {
	ifi, err := net.InterfaceByName(ifname)
	if err != nil {
		return nil, err
	}
	if len(ifi.HardwareAddr) != len(inet.MAC{}) {
		return nil, fmt.Errorf("its address %q is not Ethernet's", ifi.HardwareAddr)
	}
	program, err := filter()
	if err != nil {
		return nil, err
	}
	conn, err := raw.ListenPacket(ifi, unix.ETH_P_ALL, &raw.Config{Filter: program})
	if err != nil {
		if errors.Is(err, os.ErrPermission) {
			err = fmt.Errorf("%w (run it as root, or with CAP_NET_RAW)", err)
		}
		return nil, err
	}
	if o.Port == "" {
		o.Port = ifname
	}
	return &Link{conn: conn, info: link.Info{Port: o.Port, MAC: inet.MAC(ifi.HardwareAddr), MTU: ifi.MTU}}, nil
}

// Info implements [link.Link]. The MTU is the one at the time of opening.
func (l *Link) Info() link.Info { return l.info }

// limit is the greatest length of a frame.
func (l *Link) limit() int { return l.info.MTU + inet.HeaderLenEthernet + vlanTag }

// Send implements [link.Link]. A frame longer than the MTU allows is refused
// with an error matching EMSGSIZE, an interface that is down with ENETDOWN.
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
	return fmt.Errorf("raw: sending on %s: %w", l.info.Port, err)
}

func (l *Link) send(frame []byte) error {
	if len(frame) > l.info.MTU+inet.HeaderLenEthernet {
		return fmt.Errorf("%d bytes, MTU %d: %w", len(frame), l.info.MTU, unix.EMSGSIZE)
	}
	_, err := l.conn.WriteTo(frame, everyone)
	return err
}

// Recv implements [link.Reader]. While the interface is down, and after it was
// removed, it waits.
func (l *Link) Recv(buf []byte) (int, error) {
	// The kernel cuts what does not fit: one byte more than allowed tells.
	read := buf
	if limit := l.limit(); len(buf) > limit {
		read = buf[:limit+1]
	} else {
		read = make([]byte, limit+1)
	}
	for {
		n, _, err := l.conn.ReadFrom(read)
		switch {
		case l.closed.Load():
			return 0, fmt.Errorf("raw: receiving on %s: %w", l.info.Port, net.ErrClosed)
		case passing(err):
			continue
		case err != nil:
			return 0, fmt.Errorf("raw: receiving on %s: %w", l.info.Port, err)
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
	case len(frame) < inet.HeaderLenEthernet: // the filter lets none through
		return false
	case inet.MAC(frame[6:12]) == l.info.MAC:
		l.counts.own.Add(1)
		return false
	}
	l.counts.received.Add(1)
	return true
}

// passing reports an error after which the socket goes on: the kernel reports
// once that the interface went down.
func passing(err error) bool {
	return errors.Is(err, unix.ENETDOWN) || errors.Is(err, unix.EINTR) ||
		errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.ENOMEM)
}

// Close implements [link.Link]. It ends a Recv that is under way. A second
// Close does nothing.
func (l *Link) Close() error {
	if l.closed.Swap(true) {
		return nil
	}
	return l.conn.Close()
}

// Counters returns what was counted so far. KernelDrops stays 0 once the link
// is closed. Own counts frames with our source address that came in from the
// wire; what this host sends itself never gets here.
func (l *Link) Counters() link.Counters {
	c := link.Counters{
		Sent:       l.counts.sent.Load(),
		Received:   l.counts.received.Load(),
		SendErrors: l.counts.sendErrors.Load(),
		Oversize:   l.counts.oversize.Load(),
		Own:        l.counts.own.Load(),
	}
	if s, err := l.conn.Stats(); err == nil {
		c.KernelDrops = s.Drops
	}
	return c
}
