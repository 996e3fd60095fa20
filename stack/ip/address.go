package ip

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire/inet"
)

// Causes of KindAddress.
const (
	CauseAddressReady    machine.Cause = "ip/address/ready"
	CauseAddressConflict machine.Cause = "ip/address/conflict"
	CauseAddressGone     machine.Cause = "ip/address/gone"
)

// AddressChange says what became of an address.
type AddressChange uint8

// Changes.
const (
	AddressReady    AddressChange = iota + 1 // it was checked, or formed, and can be used
	AddressConflict                          // somebody else has it: it cannot be used
	AddressGone                              // it was taken away
)

// String returns the change's name.
func (c AddressChange) String() string {
	if c >= AddressReady && c <= AddressGone {
		return [...]string{"ready", "conflict", "gone"}[c-1]
	}
	return "unknown"
}

// address is an address of an interface, whatever its state.
type address struct {
	prefix    netip.Prefix // with the length of the link's prefix
	linkLocal bool         // the one IPv6 link-local address
	auto      bool         // formed from an advertised prefix
	state     AddrState
	left      int          // probes or announcements still to send
	defended  machine.Time // when last, 0 for never
	preferred machine.Time // until when, 0 for ever
	valid     machine.Time // until when, 0 for ever
}

func (a *address) addr() netip.Addr { return a.prefix.Addr() }

// onLink returns the prefix that the address says is on the link. A prefix
// from which an address was formed need not be on the link (RFC 5942).
func (a *address) onLink() netip.Prefix {
	if a.auto {
		return netip.PrefixFrom(a.addr(), a.addr().BitLen())
	}
	return a.prefix
}

// address returns the record of an address, or nil.
func (f *iface) address(addr netip.Addr) *address {
	for _, a := range f.all {
		if a.addr() == addr {
			return a
		}
	}
	return nil
}

// AddressInfo is an address of an interface for a reader.
type AddressInfo struct {
	Prefix    netip.Prefix
	State     AddrState
	Auto      bool         // formed from an advertised prefix
	Preferred machine.Time // until when, 0 for ever
	Valid     machine.Time // until when, 0 for ever
}

// Addresses returns all addresses of an interface, the link-local one too, in
// the order in which they were added.
func (m *Machine) Addresses(index int) []AddressInfo {
	f := m.iface(index)
	if f == nil {
		return nil
	}
	all := make([]AddressInfo, len(f.all))
	for i, a := range f.all {
		all[i] = AddressInfo{Prefix: a.prefix, State: a.state, Auto: a.auto, Preferred: a.preferred, Valid: a.valid}
	}
	return all
}

// AddAddress gives an interface another address, with the length of its link's
// prefix. The first one of a family turns the family on; there is one
// link-local address. It can be used at once unless the interface detects
// conflicts; then KindAddress tells.
func (m *Machine) AddAddress(now machine.Time, index int, p netip.Prefix) error {
	now = m.begin(now)
	f := m.iface(index)
	if f == nil {
		return ErrNoInterface
	}
	if err := m.checkAddr(p); err != nil {
		return err
	}
	v6, linkLocal := p.Addr().Is6(), p.Addr().Is6() && p.Addr().IsLinkLocalUnicast()
	switch {
	case f.address(p.Addr()) != nil || linkLocal && f.v6:
		return ErrAddressInUse
	case v6 && f.mtu < minMTU6:
		return ErrInterface
	case len(f.all) >= maxAddresses:
		return ErrLimit
	}
	a := &address{prefix: p, linkLocal: linkLocal}
	if !f.has(v6) {
		f.enable(v6, a)
		m.startFamily(now, f, v6)
		if v6 {
			m.assign(now, f, f.all[len(f.all)-1])
		}
	}
	if !linkLocal {
		m.addAddress(now, f, a)
	}
	m.drain(now)
	return nil
}

// maxAddresses is how many addresses an interface has at most.
const maxAddresses = 256

// addAddress adds an address to an interface that speaks its family.
func (m *Machine) addAddress(now machine.Time, f *iface, a *address) {
	f.all = append(f.all, a)
	m.joinOwn(now, f, inet.SolicitedNode(a.addr()))
	m.assign(now, f, a)
}

// assign takes a new address in use, or begins to check it.
func (m *Machine) assign(now machine.Time, f *iface, a *address) {
	switch {
	case !f.detect:
		m.fireAddr(now, f, a, evAssign)
	case f.up:
		m.fireAddr(now, f, a, evCheck)
	}
}

// RemoveAddress takes an address from an interface. The bindings to it hear of
// it by KindAddress and stay until they are closed. The link-local address
// stays as long as the interface.
func (m *Machine) RemoveAddress(now machine.Time, index int, addr netip.Addr) error {
	now = m.begin(now)
	f := m.iface(index)
	if f == nil {
		return ErrNoInterface
	}
	a := f.address(addr)
	switch {
	case a == nil:
		return ErrAddressNotAvailable
	case a.linkLocal:
		return ErrAddress
	}
	m.removeAddress(now, f, a)
	m.drain(now)
	return nil
}

func (m *Machine) removeAddress(now machine.Time, f *iface, a *address) {
	m.fireAddr(now, f, a, evRemove)
	f.all = slices.DeleteFunc(f.all, func(x *address) bool { return x == a })
	grp := inet.SolicitedNode(a.addr())
	if grp.IsValid() && !slices.ContainsFunc(f.all, func(x *address) bool { return inet.SolicitedNode(x.addr()) == grp }) {
		m.leaveOwn(now, f, grp)
	}
}

// fireAddr puts an address through stepAddr and does what it asks for. It is
// the only place where an address's state changes.
func (m *Machine) fireAddr(now machine.Time, f *iface, a *address, ev addrEvent) {
	from := a.state
	to, act, reason := stepAddr(from, ev)
	a.state = to
	if m.cfg.Trace != nil && (from != to || act != 0) {
		m.cfg.Trace(machine.Transition{At: now, Machine: "ip/address", Subject: fmt.Sprintf("%d/%v", f.index, a.addr()),
			From: from.String(), Event: ev.String(), To: to.String(), Reason: reason})
	}
	if act&actStop != 0 {
		m.timers.Stop(timer{timerProbe, f.index, a.prefix})
		if to == AddrNone {
			m.timers.Stop(timer{timerLifetime, f.index, a.prefix})
		}
	}
	if act&actUnuse != 0 {
		m.unuse(now, f, a)
	}
	if act&actUse != 0 {
		m.use(now, f, a)
	}
	if act&actReorder != 0 {
		f.order()
	}
	m.probeAddr(now, f, a, act)
	m.tellAddress(f, a, act)
}

// use makes an address usable.
func (m *Machine) use(now machine.Time, f *iface, a *address) {
	f.order()
	if a.linkLocal {
		f.linkLocal = a.addr()
	} else {
		m.local[a.addr()] = f
		if !a.auto && m.routes.add(a.prefix.Masked(), route{out: f, origin: RouteConnected}) && f.added {
			m.routeChanged(a.prefix.Masked())
		}
	}
	if !f.added { // AddInterface does the rest
		return
	}
	m.setQuerier(now, f, a.addr().Is6())
	if a.linkLocal {
		m.host.ReportAnew(now, f.index, true)
		m.startDiscovery(now, f)
		m.startAdvertising(now, f)
	}
}

// unuse takes back use.
func (m *Machine) unuse(now machine.Time, f *iface, a *address) {
	f.order()
	if a.linkLocal {
		f.linkLocal = netip.IPv6Unspecified()
		m.timers.Stop(timer{kind: timerSolicit, index: f.index})
		m.timers.Stop(timer{kind: timerAdvertise, index: f.index})
		return
	}
	delete(m.local, a.addr())
	m.setQuerier(now, f, a.addr().Is6())
	dst := a.prefix.Masked()
	if a.auto || slices.ContainsFunc(f.addrs, func(p netip.Prefix) bool { return p.Masked() == dst }) {
		return
	}
	if m.routes.remove(dst, netip.Addr{}, f, RouteConnected) {
		m.routeChanged(dst)
	}
}

// order lists the addresses that can be used, the deprecated ones last.
func (f *iface) order() {
	f.addrs = f.addrs[:0]
	for _, s := range [...]AddrState{AddrPreferred, AddrDeprecated} {
		for _, a := range f.all {
			if a.state == s && !a.linkLocal {
				f.addrs = append(f.addrs, a.onLink())
			}
		}
	}
}

// tellAddress says what became of an address: once to the caller, and once for
// each binding to it.
func (m *Machine) tellAddress(f *iface, a *address, act addrAction) {
	o := Output{Kind: KindAddress, If: f.index, Prefix: a.prefix}
	switch {
	case act&actReady != 0:
		o.Address, o.Cause = AddressReady, CauseAddressReady
		m.counters.AddressesReady++
	case act&actConflict != 0:
		o.Address, o.Cause = AddressConflict, CauseAddressConflict
		m.counters.AddressConflicts++
	case act&actGone != 0:
		o.Address, o.Cause = AddressGone, CauseAddressGone
	default:
		return
	}
	m.out.Push(o)
	if o.Address == AddressReady {
		return
	}
	for _, h := range m.udp.boundTo(a.addr()) {
		o.Handle = h
		m.out.Push(o)
	}
}
