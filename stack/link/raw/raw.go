package raw

import (
	"net"

	//lint:ignore SA1019 mdlayher/raw is the project's default backend for signalling
	"github.com/mdlayher/raw"
	"golang.org/x/sys/unix"

	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/stack/link/internal/nic"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/inet"
)

// Options of Open. The zero value is good.
type Options struct {
	// Port is the link's name, "node/port"; the interface's name where empty.
	Port string
	// AnyOffloads opens the interface whatever its offloads are.
	AnyOffloads bool
	// MendOffloads switches off what offloads spoil what we see, before they
	// are verified. It needs CAP_NET_ADMIN. The sending side of a veth whose
	// other end is in another namespace is left to its owner.
	MendOffloads bool
}

// Namespace is the network namespace of an interface. An *netns.NS is one, and
// a nil *netns.NS is the process's own.
type Namespace = nic.Namespace

// Link is an interface that is sent to and read through a packet socket. Its
// methods may be called from several goroutines.
type Link struct {
	stream *nic.Stream
	conn   *raw.Conn
}

var _ link.Reader = (*Link)(nil)

// Open opens the interface ifname of namespace ns. The interface must have an
// Ethernet address, and be up to be of use. Without CAP_NET_RAW in the
// namespace the error matches os.ErrPermission.
func Open(ns Namespace, ifname string, o Options) (*Link, error) {
	offloads := nic.Offloads{Mend: o.MendOffloads, Check: !o.AnyOffloads}
	return nic.Open("raw", ns, ifname, offloads, func() (*Link, error) { return open(ifname, o.Port) })
}

// open acts in the namespace of the thread.
func open(ifname, port string) (*Link, error) {
	index, info, err := nic.Interface(ifname, port)
	if err != nil {
		return nil, err
	}
	program, err := nic.Filter(false)
	if err != nil {
		return nil, err
	}
	conn, err := raw.ListenPacket(&net.Interface{Index: index}, unix.ETH_P_ALL, &raw.Config{Filter: program, NoCumulativeStats: true})
	if err != nil {
		return nil, nic.Privilege(err)
	}
	return &Link{stream: nic.NewStream("raw", info, frames{conn}), conn: conn}, nil
}

// frames is a socket as a Stream wants it.
type frames struct{ *raw.Conn }

func (f frames) Read(b []byte) (int, error) {
	n, _, err := f.ReadFrom(b)
	return n, err
}

// everyone is the address given with each frame. The kernel does not look at
// it, because the frame holds its own; raw insists.
var everyone = &raw.Addr{HardwareAddr: net.HardwareAddr(inet.Broadcast[:])}

func (f frames) Write(b []byte) (int, error) { return f.WriteTo(b, everyone) }

// Info implements [link.Link]. The MTU is the one at the time of opening.
func (l *Link) Info() link.Info { return l.stream.Info }

// Send implements [link.Link]. A frame longer than the MTU allows is refused
// with an error matching EMSGSIZE, an interface that is down with ENETDOWN.
func (l *Link) Send(f wire.Frame) error { return l.stream.Send(f) }

// Recv implements [link.Reader]. While the interface is down, and after it was
// removed, it waits.
func (l *Link) Recv(buf []byte) (int, error) { return l.stream.Recv(buf) }

// Close implements [link.Link]. It ends a Recv that is under way. A second
// Close does nothing.
func (l *Link) Close() error {
	l.collect()
	return l.stream.Close()
}

// Counters returns what was counted so far. Own counts frames with our source
// address that came in from the wire; what this host sends itself never gets
// here.
func (l *Link) Counters() link.Counters {
	l.collect()
	return l.stream.Counters()
}

// collect takes over what the kernel has counted since the last time. It fails
// on a closed link only.
func (l *Link) collect() {
	if s, err := l.conn.Stats(); err == nil {
		l.stream.KernelDrops(s.Drops)
	}
}
