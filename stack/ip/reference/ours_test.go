//go:build netns

package reference_test

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/internal/netns"
	"github.com/mpstack/mpstack/stack"
	"github.com/mpstack/mpstack/stack/ip"
	"github.com/mpstack/mpstack/stack/ip/group"
	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/stack/link/raw"
	"github.com/mpstack/mpstack/wire"
)

// ifIndex is the host's only interface.
const ifIndex = 1

// ours is stack/ip on a packet socket, driven in real time by the driver of
// package stack. Its clock can be moved ahead.
type ours struct {
	drv  *stack.RealTime
	link link.Reader

	// What follows is guarded by the driver's lock.

	m       *ip.Machine
	ahead   time.Duration
	sockets map[ip.UDPHandle]*ourSocket
	err     error
}

// ourHost is the subject that we are.
func ourHost(wire *netns.NS, prober netns.Interface, k knobs) (host, error) {
	end := netns.Interface{Name: "h" + prober.Name, MAC: hostMAC}
	if err := netns.Veth(netns.Port{NS: wire, Interface: prober}, netns.Port{NS: wire, Interface: end}); err != nil {
		return nil, err
	}
	l, err := raw.Open(wire, end.Name, raw.Options{Port: "host/" + end.Name})
	if err != nil {
		return nil, err
	}
	h := &ours{drv: stack.NewRealTime(), link: l, sockets: make(map[ip.UDPHandle]*ourSocket)}
	h.m = ip.New(ip.Config{Node: "host", Rand: machine.Rand(uint64(time.Now().UnixNano()), "host", "ip"), ICMPRate: 1000, ICMPBurst: 1000})
	h.drv.Attach(func() { h.call(h.m.Advance) })
	h.call(func(now machine.Time) {
		err = h.m.AddInterface(now, ip.Interface{Index: ifIndex, Name: end.Name, MAC: hostMAC, MTU: l.Info().MTU,
			Addrs: []netip.Prefix{hostNet4, hostNet6}, Up: true, DetectConflicts: k.detect, Autoconf: k.autoconf})
	})
	if err == nil {
		err = h.drv.Serve(l, func(data []byte) {
			h.call(func(now machine.Time) { h.m.HandleFrame(now, ifIndex, data) })
		})
	}
	if err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

// call lets fn at the machine and sends what it asks for.
func (h *ours) call(fn func(now machine.Time)) {
	h.drv.Lock()
	defer h.drv.Unlock()
	fn(h.now())
	h.drain()
}

func (h *ours) now() machine.Time { return h.drv.Now().Add(h.ahead) }

func (h *ours) drain() {
	for o, ok := h.m.Next(); ok; o, ok = h.m.Next() {
		switch o.Kind {
		case ip.KindFrame:
			if err := h.link.Send(wire.Frame{Data: o.Data}); err != nil && h.err == nil {
				h.err = err
			}
		case ip.KindDatagram:
			if s := h.sockets[o.Handle]; s != nil && s.accepts(o) {
				s.in = append(s.in, datagram{src: o.Datagram.Src, data: slices.Clone(o.Datagram.Payload)})
			}
		}
	}
	at, ok := h.m.Deadline()
	h.drv.Wake(at.Add(-h.ahead), ok)
}

// wait moves the clock ahead from one deadline to the next.
func (h *ours) wait(_, protocol time.Duration) {
	h.call(func(now machine.Time) {
		end := now.Add(protocol)
		for {
			at, ok := h.m.Deadline()
			if !ok || at > end {
				break
			}
			h.ahead += max(0, at.Sub(h.now()))
			h.m.Advance(h.now())
			h.drain()
		}
		h.ahead += max(0, end.Sub(h.now()))
		h.m.Advance(h.now())
	})
}

func (h *ours) setLink(up bool) error {
	h.call(func(now machine.Time) { h.m.HandleLinkChange(now, ifIndex, up) })
	return nil
}

func (h *ours) close() {
	_ = h.link.Close()
	h.drv.Close()
}

// ourSocket is a binding with its membership.
type ourSocket struct {
	h      *ours
	local  netip.AddrPort
	handle ip.UDPHandle
	in     []datagram
}

func (h *ours) listen(a netip.AddrPort) (s socket, err error) {
	h.call(func(now machine.Time) {
		var handle ip.UDPHandle
		if handle, err = h.m.BindUDP(now, ip.Bind{Local: a, Reuse: true}); err == nil {
			o := &ourSocket{h: h, local: a, handle: handle}
			h.sockets[handle], s = o, o
		}
	})
	return s, err
}

func (s *ourSocket) send(dst netip.AddrPort, data []byte) (err error) {
	s.h.call(func(now machine.Time) {
		err = s.h.m.HandleSendUDP(now, ip.Datagram{Src: s.local, Dst: dst, Payload: data})
	})
	if errors.Is(err, ip.ErrNoRoute) {
		return errNoRoute
	}
	return err
}

func (s *ourSocket) received() ([]datagram, error) {
	s.h.drv.Lock()
	defer s.h.drv.Unlock()
	in := s.in
	s.in = nil
	return in, s.h.err
}

// key names the socket's filters.
func (s *ourSocket) key() ip.SocketKey { return ip.SocketKey(s.handle) }

// accepts is what package stack asks before it gives a datagram to a socket.
func (s *ourSocket) accepts(o *ip.Output) bool {
	dst := o.Datagram.Dst.Addr()
	return !dst.IsMulticast() || s.h.m.Accepts(s.key(), o.InIf, dst, o.Datagram.Src.Addr())
}

func (s *ourSocket) filter(grp netip.Addr, f filter) (err error) {
	mode := group.Include
	if f.exclude {
		mode = group.Exclude
	}
	s.h.call(func(now machine.Time) { err = s.h.m.SetFilter(now, s.key(), ifIndex, grp, mode, f.sources) })
	return err
}
