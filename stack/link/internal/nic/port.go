package nic

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/wire/inet"
)

// VLANTag is the length of a VLAN tag: how much longer than MTU and header a
// received frame may be.
const VLANTag = 4

// Port is one link's view of its interface: it judges frames, counts them, and
// words errors. Its methods may be called from several goroutines. Make one
// with NewPort.
type Port struct {
	Info   link.Info
	kind   string // the package of the link, for errors
	closed atomic.Bool
	counts struct {
		sent, received, sendErrors                     atomic.Uint64
		oversize, superFrames, runts, own, kernelDrops atomic.Uint64
		partial, completed                             atomic.Uint64
	}
}

// NewPort returns a port whose errors begin with kind.
func NewPort(kind string, info link.Info) *Port { return &Port{kind: kind, Info: info} }

// Limit is the greatest length of a received frame; what is longer was not cut
// to the MTU.
func (p *Port) Limit() int { return p.Info.MTU + inet.HeaderLenEthernet + VLANTag }

// Fits returns an error matching link.ErrTooLong and EMSGSIZE for a frame that
// is too long to be sent.
func (p *Port) Fits(frame []byte) error {
	if len(frame) <= p.Info.MTU+inet.HeaderLenEthernet {
		return nil
	}
	return fmt.Errorf("%w: %d bytes, MTU %d: %w", link.ErrTooLong, len(frame), p.Info.MTU, unix.EMSGSIZE)
}

// Sent counts n frames that were sent.
func (p *Port) Sent(n int) { p.counts.sent.Add(uint64(n)) }

// Sending returns in full the error of one frame's sending, and counts it.
func (p *Port) Sending(err error) error {
	p.counts.sendErrors.Add(1)
	return p.Failed("sending", err)
}

// Receiving returns in full the error that ends a Recv.
func (p *Port) Receiving(err error) error { return p.Failed("receiving", err) }

// Failed returns in full an error of what was done.
func (p *Port) Failed(doing string, err error) error {
	if p.closed.Load() {
		err = net.ErrClosed
	}
	return fmt.Errorf("%s: %s on %s: %w", p.kind, doing, p.Info.Port, err)
}

// Take decides whether a frame that came in goes up, and counts it. frame is
// what was read of it, size its whole length, room the reader's.
func (p *Port) Take(frame []byte, size, room int) bool {
	switch {
	case size > p.Limit():
		p.SuperFrame()
		return false
	case size > room:
		p.counts.oversize.Add(1)
		return false
	case size < inet.HeaderLenEthernet:
		p.counts.runts.Add(1)
		return false
	case inet.MAC(frame[6:12]) == p.Info.MAC:
		p.counts.own.Add(1)
		return false
	}
	p.counts.received.Add(1)
	return true
}

// SuperFrame counts a frame that was dropped because offloads left it in one
// piece.
func (p *Port) SuperFrame() { p.counts.superFrames.Add(1) }

// Partial counts a received frame whose checksum its sender had left out, and
// whether it was completed here.
func (p *Port) Partial(completed bool) {
	p.counts.partial.Add(1)
	if completed {
		p.counts.completed.Add(1)
	}
}

// Close marks the port as closed, and reports whether it was open.
func (p *Port) Close() bool { return !p.closed.Swap(true) }

// Closed reports whether Close was called.
func (p *Port) Closed() bool { return p.closed.Load() }

// KernelDrops adds frames that the kernel says it dropped since it was last
// asked.
func (p *Port) KernelDrops(n uint64) { p.counts.kernelDrops.Add(n) }

// Counters returns what was counted so far.
func (p *Port) Counters() link.Counters {
	c := &p.counts
	return link.Counters{
		Sent:               c.sent.Load(),
		Received:           c.received.Load(),
		SendErrors:         c.sendErrors.Load(),
		Oversize:           c.oversize.Load(),
		SuperFrames:        c.superFrames.Load(),
		Runts:              c.runts.Load(),
		Own:                c.own.Load(),
		KernelDrops:        c.kernelDrops.Load(),
		ChecksumsPartial:   c.partial.Load(),
		ChecksumsCompleted: c.completed.Load(),
	}
}

// Passing reports an error after which reading goes on: the kernel reports
// once that the interface went down.
func Passing(err error) bool {
	return errors.Is(err, unix.ENETDOWN) || errors.Is(err, unix.EINTR) ||
		errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.ENOMEM)
}

// Interface returns what the kernel says about an interface in the namespace
// of the thread. An empty port stands for the interface's name.
func Interface(ifname, port string) (index int, info link.Info, err error) {
	ifi, err := net.InterfaceByName(ifname)
	if err != nil {
		return 0, link.Info{}, err
	}
	if len(ifi.HardwareAddr) != len(inet.MAC{}) {
		return 0, link.Info{}, fmt.Errorf("its address %q is not Ethernet's", ifi.HardwareAddr)
	}
	if port == "" {
		port = ifname
	}
	return ifi.Index, link.Info{Port: port, MAC: inet.MAC(ifi.HardwareAddr), MTU: ifi.MTU}, nil
}

// Privilege adds what to do about it to an error that matches os.ErrPermission.
func Privilege(err error) error {
	if errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("%w (run it as root, or with CAP_NET_RAW)", err)
	}
	return err
}
