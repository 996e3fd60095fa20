//go:build netns

package reference_test

import (
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/mpstack/mpstack/internal/netns"
	"github.com/mpstack/mpstack/stack/link/raw"
	"github.com/mpstack/mpstack/wire/igmp"
	"github.com/mpstack/mpstack/wire/inet"
)

// Who is on the wire. The prober speaks for S1, S2 and S3 too.
var (
	hostMAC   = inet.MAC{2, 0, 0, 0, 0, 1}
	proberMAC = inet.MAC{2, 0, 0, 0, 0, 2}
	otherMAC  = inet.MAC{2, 0, 0, 0, 0, 9}

	host4, host6, hostLL       = addr("192.0.2.1"), addr("2001:db8::1"), inet.LinkLocal(hostMAC)
	prober4, prober6, proberLL = addr("192.0.2.2"), addr("2001:db8::2"), inet.LinkLocal(proberMAC)
	other4, other6             = addr("192.0.2.99"), addr("2001:db8::99") // on the link, and silent
	broadcast4                 = addr("192.0.2.255")
	limited4                   = addr("255.255.255.255")

	hostNet4, hostNet6 = netip.PrefixFrom(host4, 24), netip.PrefixFrom(host6, 64)
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// names are what the table calls addresses.
var names = map[netip.Addr]string{
	host4: "host", host6: "host", hostLL: "host's link-local address",
	prober4: "prober", prober6: "prober", proberLL: "prober's link-local address",
	other4: "other", other6: "other",
	broadcast4: "link broadcast", limited4: "limited broadcast",
	igmp.AllSystems: "all hosts", igmp.AllNodes6: "all hosts",
}

func init() {
	for _, f := range families {
		names[f.group], names[f.group2] = "G", "G2"
		names[f.s1], names[f.s2], names[f.s3] = "S1", "S2", "S3"
	}
}

func nameOf(a netip.Addr) string {
	if n, ok := names[a]; ok {
		return n
	}
	return a.String()
}

// stationOf is what the table calls an Ethernet address.
func stationOf(m inet.MAC) string {
	switch m {
	case proberMAC:
		return "prober's address"
	case otherMAC:
		return "other's address"
	case inet.Broadcast:
		return "all stations"
	}
	return m.String()
}

// host is who is asked. Both make the same calls to it.
type host interface {
	// listen binds a UDP port; several sockets may share it.
	listen(a netip.AddrPort) (socket, error)
	// wait lets real time pass on a host whose timers the testbed shortened,
	// and the protocol's own time on one whose clock can be moved.
	wait(shortened, protocol time.Duration)
	// setLink tells the host that its link went down or came up.
	setLink(up bool) error
	close()
}

// socket is a UDP socket of a host.
type socket interface {
	send(dst netip.AddrPort, data []byte) error
	// received takes the datagrams that have arrived.
	received() ([]datagram, error)
	// filter sets whom the socket hears of a group (RFC 3376 section 2).
	filter(group netip.Addr, f filter) error
}

// errNoRoute is a socket's refusal to send.
var errNoRoute = errors.New("no route")

// datagram is what a socket received.
type datagram struct {
	src  netip.AddrPort
	data []byte
}

// filter is a filter mode with its sources. The zero value, INCLUDE of nobody,
// is no membership at all.
type filter struct {
	exclude bool
	sources []netip.Addr
}

func include(sources ...netip.Addr) filter { return filter{sources: sources} }
func exclude(sources ...netip.Addr) filter { return filter{exclude: true, sources: sources} }

var (
	nobody  = include()
	anybody = exclude()
)

// knobs differ from row to row.
type knobs struct {
	detect   bool // duplicate address detection, otherwise off
	autoconf bool // routers and prefixes are taken from router advertisements, otherwise ignored
}

// bed is a wire with the prober on one end and a host on the other.
type bed struct {
	*prober
	host host
}

// failure is how bed.fail unwinds a row; bench.ask catches it.
type failure struct{ error }

// fail ends the row: its question could not be asked.
func (b *bed) fail(err error) { panic(failure{err}) }

// check ends the row where err is one.
func (b *bed) check(err error) {
	if err != nil {
		b.fail(err)
	}
}

func (b *bed) close() {
	if b.host != nil {
		b.host.close()
	}
	if b.prober != nil {
		b.prober.close()
	}
}

// subject makes a host, and the wire to it with the prober's end in a namespace.
type subject func(wire *netns.NS, prober netns.Interface, k knobs) (host, error)

var beds atomic.Int64

// newBed makes a wire whose prober's end is in ns.
func newBed(ns *netns.NS, s subject, k knobs) (_ *bed, err error) {
	b := new(bed)
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	near := netns.Interface{Name: fmt.Sprintf("p%d", beds.Add(1)), MAC: proberMAC}
	if b.host, err = s(ns, near, k); err != nil {
		return nil, err
	}
	l, err := raw.Open(ns, near.Name, raw.Options{Port: "prober/" + near.Name})
	if err != nil {
		return nil, err
	}
	b.prober = newProber(l)
	b.host.wait(settledShort, time.Minute) // until the addresses can be used and their groups are reported
	return b, b.greet()
}

// greet waits until both families of the host answer, so that each knows the
// other's Ethernet address.
func (b *bed) greet() error {
	for _, src := range []netip.Addr{prober6, proberLL} {
		dst := host6
		if src == proberLL {
			dst = hostLL
		}
		if !b.retry(func() bool { return b.ping(src, dst, 100*time.Millisecond) }) {
			return fmt.Errorf("the host does not answer %v from %v", dst, src)
		}
	}
	if !b.retry(func() bool { return b.ping(prober4, host4, 100*time.Millisecond) }) {
		return errors.New("the host does not answer IPv4")
	}
	return nil
}

func (b *bed) retry(do func() bool) bool {
	for range 30 {
		if do() {
			return true
		}
	}
	return false
}

// slack is how long the prober listens on after the host has answered the
// request that ends a row: answers that need one of the prober's come later.
const slack = 20 * time.Millisecond

// look does something and says what it brought about.
func (b *bed) look(v view, do func()) string {
	mark := b.mark()
	do()
	b.barrier()
	b.watch(slack)
	v.sent = b.quotable()
	return v.summary(b.since(mark))
}

// ask sends frames and says what came back.
func (b *bed) ask(v view, frames ...[]byte) string {
	return b.look(v, func() {
		for _, f := range frames {
			b.send(f)
		}
	})
}

// asked is a row's question of frames alone.
func asked(frames ...[]byte) func(*bed) string {
	return func(b *bed) string { return b.ask(view{}, frames...) }
}

// listen opens a socket for the family of an address.
func (b *bed) listen(family netip.Addr) socket {
	any := netip.IPv4Unspecified()
	if family.Is6() {
		any = netip.IPv6Unspecified()
	}
	s, err := b.host.listen(netip.AddrPortFrom(any, openPort))
	b.check(err)
	return s
}
