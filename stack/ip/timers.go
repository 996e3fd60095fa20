package ip

import (
	"net/netip"

	"github.com/mpstack/mpstack/internal/machine"
)

// timerKind says what a timer of the machine itself is for.
type timerKind uint8

const (
	timerProbe     timerKind = iota // the next probe or announcement of an address
	timerLifetime                   // an address ages or expires
	timerSolicit                    // the next router solicitation
	timerRouter                     // a default router expires
	timerOnLink                     // an advertised on-link prefix expires
	timerAdvertise                  // the next router advertisement
)

// timer names a timer: of an interface, and of an address, router or prefix.
type timer struct {
	kind   timerKind
	index  int
	prefix netip.Prefix
}

// own is the machine's own timers as a part of it.
type own struct{ m *Machine }

// Deadline returns when Advance has something to do.
func (o own) Deadline() (machine.Time, bool) { return o.m.timers.Next() }

// Advance fires the timers that are due.
func (o own) Advance(now machine.Time) {
	m := o.m
	for {
		t, _, ok := m.timers.Pop(now)
		if !ok {
			return
		}
		f := m.iface(t.index)
		switch t.kind {
		case timerProbe:
			m.probeTimer(now, f, f.address(t.prefix.Addr()))
		case timerLifetime:
			m.checkLifetime(now, f, f.address(t.prefix.Addr()))
		case timerSolicit:
			m.solicitRouters(now, f)
		case timerRouter:
			m.removeRouter(f, t.prefix.Addr())
		case timerOnLink:
			m.removeOnLink(f, t.prefix)
		case timerAdvertise:
			m.advertise(now, f)
		}
	}
}

// settling reports whether an address is being checked or routers are asked
// for.
func (m *Machine) settling() bool {
	for _, f := range m.ifaces {
		if _, armed := m.timers.At(timer{kind: timerSolicit, index: f.index}); armed {
			return true
		}
		for _, a := range f.all {
			if _, armed := m.timers.At(timer{timerProbe, f.index, a.prefix}); armed {
				return true
			}
		}
	}
	return false
}
