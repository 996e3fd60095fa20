package ip

import (
	"errors"
	"net/netip"
	"slices"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire/inet"
)

// Dynamic ports (RFC 6335 section 6).
const (
	firstDynamic = 49152
	numDynamic   = 65536 - firstDynamic
)

// Bind asks for the datagrams to Local. An unspecified address stands for
// every address of its family and for the groups joined; a group is allowed.
// Port 0 stands for a free dynamic port. With Reuse the port may be shared with
// other bindings that have it: each gets every multicast and broadcast
// datagram, and the one bound first gets the unicast ones.
type Bind struct {
	Local netip.AddrPort
	Reuse bool
}

type binding struct {
	handle UDPHandle
	local  netip.AddrPort
	reuse  bool
}

// overlaps reports whether one datagram could be for b and for a binding to
// addr.
func (b *binding) overlaps(addr netip.Addr) bool {
	return b.local.Addr() == addr || b.local.Addr().IsUnspecified() || addr.IsUnspecified()
}

type portKey struct {
	v6   bool
	port uint16
}

// bindings are the bindings of a machine: by port in the order in which they
// were made.
type bindings struct {
	last     UDPHandle
	byPort   map[portKey][]*binding
	byHandle map[UDPHandle]*binding
}

func (t *bindings) len() int { return len(t.byHandle) }

func (t *bindings) add(local netip.AddrPort, reuse bool) UDPHandle {
	if t.byPort == nil {
		t.byPort, t.byHandle = make(map[portKey][]*binding), make(map[UDPHandle]*binding)
	}
	t.last++
	b := &binding{handle: t.last, local: local, reuse: reuse}
	key := keyOf(local)
	t.byPort[key] = append(t.byPort[key], b)
	t.byHandle[b.handle] = b
	return b.handle
}

func keyOf(a netip.AddrPort) portKey { return portKey{v6: a.Addr().Is6(), port: a.Port()} }

func (t *bindings) remove(b *binding) {
	key := keyOf(b.local)
	list := t.byPort[key]
	list = slices.DeleteFunc(list, func(x *binding) bool { return x == b })
	if len(list) == 0 {
		delete(t.byPort, key)
	} else {
		t.byPort[key] = list
	}
	delete(t.byHandle, b.handle)
}

// free reports whether a binding to local is possible.
func (t *bindings) free(local netip.AddrPort, reuse bool) bool {
	return !slices.ContainsFunc(t.byPort[keyOf(local)], func(b *binding) bool {
		return b.overlaps(local.Addr()) && !(reuse && b.reuse)
	})
}

// lookup returns the binding for unicast datagrams to local: the first that
// names the address, else the first that names none.
func (t *bindings) lookup(local netip.AddrPort) *binding {
	var wild *binding
	for _, b := range t.byPort[keyOf(local)] {
		switch {
		case b.local.Addr() == local.Addr():
			return b
		case wild == nil && b.local.Addr().IsUnspecified():
			wild = b
		}
	}
	return wild
}

// boundTo returns the bindings to an address, in the order in which they were
// made.
func (t *bindings) boundTo(addr netip.Addr) (list []UDPHandle) {
	for h, b := range t.byHandle {
		if b.local.Addr() == addr {
			list = append(list, h)
		}
	}
	slices.Sort(list)
	return list
}

// BindUDP binds a UDP port.
func (m *Machine) BindUDP(now machine.Time, b Bind) (UDPHandle, error) {
	m.begin(now)
	addr := b.Local.Addr()
	switch {
	case !addr.IsValid() || addr.Is4In6() || addr.Zone() != "":
		return 0, ErrAddress
	case !addr.IsUnspecified() && !addr.IsMulticast() && !m.IsLocal(addr):
		return 0, ErrAddressNotAvailable
	case m.udp.len() >= m.cfg.MaxBindings:
		return 0, ErrLimit
	}
	if b.Local.Port() == 0 {
		port, ok := m.freePort(addr)
		if !ok {
			return 0, ErrNoPorts
		}
		b.Local = netip.AddrPortFrom(addr, port)
	}
	if !m.udp.free(b.Local, b.Reuse) {
		return 0, ErrAddressInUse
	}
	return m.udp.add(b.Local, b.Reuse), nil
}

// freePort returns a dynamic port that nobody uses at addr: the first from a
// random one on.
func (m *Machine) freePort(addr netip.Addr) (uint16, bool) {
	start := 0
	if m.cfg.Rand != nil {
		start = m.cfg.Rand.IntN(numDynamic)
	}
	for i := range numDynamic {
		port := uint16(firstDynamic + (start+i)%numDynamic)
		if m.udp.free(netip.AddrPortFrom(addr, port), false) {
			return port, true
		}
	}
	return 0, false
}

// CloseUDP releases a binding.
func (m *Machine) CloseUDP(now machine.Time, handle UDPHandle) error {
	m.begin(now)
	b := m.udp.byHandle[handle]
	if b == nil {
		return ErrHandle
	}
	m.udp.remove(b)
	return nil
}

// LocalAddr returns the address and port of a binding.
func (m *Machine) LocalAddr(handle UDPHandle) (netip.AddrPort, bool) {
	b := m.udp.byHandle[handle]
	if b == nil {
		return netip.AddrPort{}, false
	}
	return b.local, true
}

// deliverUDP hands a datagram to its bindings.
func (m *Machine) deliverUDP(now machine.Time, p *packet) {
	u, payload, err := inet.ParseUDP(p.payload, p.src, p.dst)
	switch {
	case errors.Is(err, inet.ErrChecksum):
		m.counters.DropUDPChecksum++
		return
	case err != nil:
		m.counters.DropUDP++
		return
	}
	d := Datagram{Src: netip.AddrPortFrom(p.src, u.SrcPort), Dst: netip.AddrPortFrom(p.dst, u.DstPort),
		TTL: p.ttl, TOS: p.tos, DF: p.df, Payload: payload}
	if p.dst.IsMulticast() || p.in.isBroadcast(p.dst) {
		m.deliverToAll(p, &d, u.Checksum == 0)
		return
	}
	b := m.udp.lookup(d.Dst)
	if b == nil {
		m.counters.DropNoPort++
		m.sendUnreachable(now, p, inet.ICMPv4PortUnreachable, inet.ICMPv6PortUnreachable)
		return
	}
	m.pushDatagram(p, b, &d, u.Checksum == 0)
}

// deliverToAll hands a multicast or broadcast datagram to every binding of its
// port that names its destination or no address, and whose filter lets it pass.
func (m *Machine) deliverToAll(p *packet, d *Datagram, noChecksum bool) {
	found := false
	for _, b := range m.udp.byPort[keyOf(d.Dst)] {
		if a := b.local.Addr(); a != p.dst && !a.IsUnspecified() {
			continue
		}
		found = true
		if p.dst.IsMulticast() && !isAllHosts(p.dst) && !m.host.Accepts(SocketKey(b.handle), p.in.index, p.dst, p.src) {
			m.counters.DropFiltered++
			continue
		}
		m.pushDatagram(p, b, d, noChecksum)
	}
	if !found {
		m.counters.DropNoGroupPort++
	}
}

func (m *Machine) pushDatagram(p *packet, b *binding, d *Datagram, noChecksum bool) {
	m.counters.Delivered++
	m.out.Push(Output{Kind: KindDatagram, Handle: b.handle, Datagram: *d, InIf: p.in.index, TTL: p.ttl, TOS: p.tos,
		ChecksumZero: noChecksum})
}
