package stack

import (
	"fmt"
	"net/netip"
	"sync/atomic"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp/node"
	"github.com/mpstack/mpstack/stack/ip"
	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/stack/winsock"
)

// Port is one interface of a stack.
type Port struct {
	st     *Stack
	link   link.Link
	name   string
	index  int
	served bool // the stack closes link; guarded by the driver's lock
	lost   atomic.Uint64
}

// AddPort gives the stack an interface on l with addrs, host addresses with
// the length of their networks' prefixes, and starts to take its frames. The
// stack closes l when it is closed; where AddPort fails, l stays the caller's.
func (st *Stack) AddPort(l link.Link, addrs ...netip.Prefix) (*Port, error) {
	p, err := st.addPort(l, addrs)
	if err != nil {
		return nil, err
	}
	if err := st.drv.Serve(l, p.handle); err != nil {
		p.abandon()
		return nil, err
	}
	return p, nil
}

func (st *Stack) addPort(l link.Link, addrs []netip.Prefix) (*Port, error) {
	now := st.begin()
	defer st.end()
	if st.closed {
		return nil, fail("AddPort", winsock.WSANOTINITIALISED, "the stack is closed")
	}
	if err := st.bindMPJ(now, addrs); err != nil {
		return nil, err
	}
	info := l.Info()
	p := &Port{st: st, link: l, name: info.Port, index: len(st.ports) + 1, served: true}
	err := st.ip.AddInterface(now, ip.Interface{
		Index: p.index, Name: info.Port, MAC: info.MAC, MTU: info.MTU, Addrs: addrs, Up: true,
	})
	if err != nil {
		return nil, fmt.Errorf("stack: port %s: %w", info.Port, err)
	}
	st.ports = append(st.ports, p)
	return p, nil
}

// abandon takes a port down whose link cannot be served.
func (p *Port) abandon() {
	now := p.st.begin()
	defer p.st.end()
	p.served = false
	p.setUp(now, false)
}

// Name returns the port's name, "node/port".
func (p *Port) Name() string { return p.name }

// Lost returns how many frames the port's link refused to send.
func (p *Port) Lost() uint64 { return p.lost.Load() }

// SetCapacity tells RSVP how much the port carries, in bytes per second (0:
// unknown, reservations are not limited), and which share of it, above 0 to 1
// (0: all), reservations may take. Those in place stay.
func (p *Port) SetCapacity(rate uint64, share float64) {
	now := p.st.begin()
	defer p.st.end()
	p.st.node.Configure(now, node.Interface{Index: p.index, Rate: rate, Share: share})
}

// SetUp takes the port down or up, as its owner learns of its medium. What goes
// down ends the associations that use it with WSAENETDOWN; group memberships
// stay, and are reported anew when it is up.
func (p *Port) SetUp(up bool) {
	now := p.st.begin()
	defer p.st.end()
	p.setUp(now, up)
}

func (p *Port) setUp(now machine.Time, up bool) {
	p.st.ip.HandleLinkChange(now, p.index, up)
	p.st.node.HandleLinkChange(now, p.index, up)
	if !up {
		p.st.mpj.HandleAddressGone(now, netip.Addr{}, p.index)
	}
}

// handle takes a frame from the port's link.
func (p *Port) handle(data []byte) {
	now := p.st.begin()
	defer p.st.end()
	if !p.st.closed {
		p.st.ip.HandleFrame(now, p.index, data)
	}
}

func (st *Stack) port(index int) *Port { return st.ports[index-1] }

// batch is frames to send: each is buf[from:to].
type batch struct {
	frames []txFrame
	buf    []byte
}

type txFrame struct {
	port     *Port
	from, to int
	cause    machine.Cause
}

// maxBatch is how much memory a stack keeps for frames between calls.
const maxBatch = 1 << 16

func (b *batch) add(p *Port, data []byte, cause machine.Cause) {
	from := len(b.buf)
	b.buf = append(b.buf, data...)
	b.frames = append(b.frames, txFrame{port: p, from: from, to: len(b.buf), cause: cause})
}

// reuse makes the memory of old, whose frames are sent, b's where b is new.
func (b *batch) reuse(old batch) {
	if b.frames != nil || b.buf != nil || cap(old.buf) > maxBatch {
		return
	}
	clear(old.frames)
	b.frames, b.buf = old.frames[:0], old.buf[:0]
}
