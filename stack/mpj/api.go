package mpj

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/winsock"
	wire "github.com/mpstack/mpstack/wire/mpj"
)

// listener is a Listener that is open.
type listener struct {
	Listener
	id        ListenerID
	undecided int // requests in the backlog
}

// nameKey finds a listener. The address is unspecified for "any of its
// family"; zone counts for link-local ones.
type nameKey struct {
	name netip.AddrPort
	zone int
}

// Listen opens a listener. Refusals: WSAEADDRNOTAVAIL (no port, multicast, or a
// link-local name without interface), WSAEADDRINUSE (the name is taken),
// WSAEINVAL (roles, planes or session), WSAENOBUFS (too many listeners).
func (e *Endpoint) Listen(now machine.Time, l Listener) (ListenerID, error) {
	e.begin(now)
	l.Name = plain(l.Name)
	addr := l.Name.Addr()
	if !addr.IsValid() || l.Name.Port() == 0 || addr.IsMulticast() || zoneless(addr, l.IfIndex) {
		return 0, refuse("Listen", winsock.WSAEADDRNOTAVAIL, "name %v", l.Name)
	}
	if err := l.check(); err != nil {
		return 0, err
	}
	key := nameKey{l.Name, zoneOf(addr, l.IfIndex)}
	switch {
	case e.byName[key] != nil:
		return 0, refuse("Listen", winsock.WSAEADDRINUSE, "name %v", l.Name)
	case len(e.listeners) >= e.cfg.MaxListeners:
		return 0, refuse("Listen", winsock.WSAENOBUFS, "%d listeners", len(e.listeners))
	}
	l.Session = copyOf(l.Session)
	l.Backlog = min(max(l.Backlog, 1), MaxBacklog)
	e.lastListener++
	open := &listener{Listener: l, id: e.lastListener}
	e.listeners[open.id], e.byName[key] = open, open
	return open.id, nil
}

// check checks the planes and, of a root, the session.
func (l *Listener) check() error {
	if l.Planes&^(wire.RootedControl|wire.RootedData) != 0 || l.DataRoot && l.Planes&wire.RootedData == 0 {
		return refuse("Listen", winsock.WSAEINVAL, "planes %v, data root %v", l.Planes, l.DataRoot)
	}
	if !l.ControlRoot && l.Session != nil {
		return refuse("Listen", winsock.WSAEINVAL, "a leaf has no session")
	}
	return nil
}

// CloseListener closes a listener: its undecided requests are refused with
// NO_LISTENER and have no further event. What was accepted goes on. An unknown
// id does nothing.
func (e *Endpoint) CloseListener(now machine.Time, id ListenerID) {
	e.begin(now)
	l := e.listeners[id]
	if l == nil {
		return
	}
	e.each(evListenerClosed, input{}, func(a *assoc) bool { return a.listener == id && a.state.undecided() })
	delete(e.listeners, id)
	delete(e.byName, nameKey{l.Name, zoneOf(l.Name.Addr(), l.IfIndex)})
}

// Join asks to join, and returns the association whose EventJoined or
// EventRefused will follow. Refusals: WSAEADDRNOTAVAIL (an address or port
// that cannot be), WSAEAFNOSUPPORT (families differ), WSAEINVAL (role or
// session), WSAEFAULT (caller data too long), WSAEALREADY and WSAEISCONN (the
// same pair of names is joining or joined), WSAENOBUFS (too many
// associations), WSASYSNOTREADY (no entropy).
func (e *Endpoint) Join(now machine.Time, j Join) (AssocID, error) {
	now = e.begin(now)
	j.Local, j.Target = plain(j.Local), plain(j.Target)
	if err := j.check(); err != nil {
		return 0, err
	}
	key := pairKey{j.Local, j.Target, zoneOf(j.Local.Addr(), j.IfIndex), true}
	if err := e.checkPair(key); err != nil {
		return 0, err
	}
	if e.live >= e.cfg.MaxAssociations {
		return 0, refuse("Join", winsock.WSAENOBUFS, "%d associations", e.live)
	}
	tag, ok := e.newTag()
	if !ok {
		return 0, refuse("Join", winsock.WSASYSNOTREADY, "no entropy")
	}
	if j.Timeout <= 0 {
		j.Timeout = JoinLimit
	}
	j.CallerData = append([]byte(nil), j.CallerData...)
	j.QOS, j.Session = copyOf(j.QOS), copyOf(j.Session)
	a := &assoc{
		asker: true, root: j.Role.Control == wire.ControlRoot, role: j.Role,
		local: j.Local, peer: j.Target, ifIndex: j.IfIndex, tag: tag, txSeq: 1, joinTx: 1, proved: true,
		src:     netip.AddrPortFrom(j.Local.Addr(), wire.Port),
		dst:     netip.AddrPortFrom(j.Target.Addr(), wire.Port),
		pending: &pending{join: j, room: j.CalleeRoom, deadline: now.Add(j.Timeout)},
	}
	if a.root {
		a.least = j.HelloInterval
		a.hello = e.helloInterval(a.least)
		a.hold = holdOf(a.hello)
	}
	if _, err := e.joinMessage(a).AppendTo(nil); err != nil {
		return 0, refuse("Join", winsock.WSAEINVAL, "%v", err)
	}
	e.add(a)
	e.step(a, evAsk, input{})
	return a.id, nil
}

// check checks what does not depend on the endpoint.
func (j *Join) check() error {
	local, target := j.Local.Addr(), j.Target.Addr()
	switch {
	case !target.IsValid() || target.IsUnspecified() || target.IsMulticast() || j.Target.Port() == 0:
		return refuse("Join", winsock.WSAEADDRNOTAVAIL, "target %v", j.Target)
	case zoneless(target, j.IfIndex) || zoneless(local, j.IfIndex):
		return refuse("Join", winsock.WSAEADDRNOTAVAIL, "link-local %v without interface", j.Target)
	case !local.IsValid() || local.IsUnspecified() || local.IsMulticast() || j.Local.Port() == 0:
		return refuse("Join", winsock.WSAEADDRNOTAVAIL, "local address %v", j.Local)
	case local.Is4() != target.Is4():
		return refuse("Join", winsock.WSAEAFNOSUPPORT, "%v asks %v", local, target)
	case !j.Role.Valid():
		return refuse("Join", winsock.WSAEINVAL, "role %v", j.Role)
	case (j.Role.Control == wire.ControlRoot) != (j.Session != nil):
		return refuse("Join", winsock.WSAEINVAL, "%v with session %v", j.Role.Control, j.Session)
	case len(j.CallerData) > wire.MaxUserData:
		return refuse("Join", winsock.WSAEFAULT, "%d bytes of caller data", len(j.CallerData))
	}
	return nil
}

// checkPair refuses a second join of the same names.
func (e *Endpoint) checkPair(key pairKey) error {
	a := e.byPair[key]
	if a == nil {
		key.asker = !key.asker
		if a = e.byPair[key]; a == nil || a.state != stateMember {
			return nil
		}
	}
	if a.state == stateMember {
		return refuse("Join", winsock.WSAEISCONN, "%v is joined to %v", a.local, a.peer)
	}
	return refuse("Join", winsock.WSAEALREADY, "%v is joining %v", a.local, a.peer)
}

// Accept admits a request. EventEstablished follows when the asker confirms,
// or EventClosed. Refusals: WSAEACCES (the request is over or decided),
// WSAEFAULT (callee data too long for the protocol), WSAEINVAL (a root without
// a proper session), WSAECONNABORTED (the callee data does not fit the asker's
// buffer: the request is refused with CALLEE_ROOM).
func (e *Endpoint) Accept(now machine.Time, id AssocID, ans Answer) error {
	e.begin(now)
	a := e.byID[id]
	if a == nil || !a.state.undecided() {
		return refuse("Accept", winsock.WSAEACCES, "request %d is over", id)
	}
	if len(ans.CalleeData) > wire.MaxUserData {
		return refuse("Accept", winsock.WSAEFAULT, "%d bytes of callee data", len(ans.CalleeData))
	}
	if room := a.pending.room; !a.pending.fits(ans.CalleeData) {
		e.step(a, evCalleeRoom, input{})
		return refuse("Accept", winsock.WSAECONNABORTED, "%d bytes of callee data, room for %d", len(ans.CalleeData), room)
	}
	payload, err := e.acceptMessage(a, &ans).AppendTo(nil)
	if err != nil {
		return refuse("Accept", winsock.WSAEINVAL, "%v", err)
	}
	e.step(a, evAccept, input{payload: payload})
	return nil
}

// fits reports whether the asker takes so much callee data; one that wants
// none is never given too much.
func (p *pending) fits(data []byte) bool {
	return p.room == wire.RoomDiscard || len(data) <= int(p.room)
}

// Reject refuses a request with a REJECT code; 0 is REFUSED. Callee data goes
// with it where the asker has room. Refusals: WSAEACCES (the request is over or
// decided), WSAEINVAL (no code of REJECT), WSAEFAULT (callee data too long).
func (e *Endpoint) Reject(now machine.Time, id AssocID, code wire.Code, calleeData []byte) error {
	e.begin(now)
	if code == 0 {
		code = wire.Refused
	}
	a := e.byID[id]
	switch {
	case a == nil || !a.state.undecided():
		return refuse("Reject", winsock.WSAEACCES, "request %d is over", id)
	case wire.ReasonInfoOf(code) == nil || code.Message() != wire.TypeReject:
		return refuse("Reject", winsock.WSAEINVAL, "code %v", code)
	case len(calleeData) > wire.MaxUserData:
		return refuse("Reject", winsock.WSAEFAULT, "%d bytes of callee data", len(calleeData))
	}
	e.step(a, evReject, input{code: code, data: calleeData})
	return nil
}

// Defer leaves a request undecided at the head of the backlog. It fails with
// WSAEACCES where the request is over or decided.
func (e *Endpoint) Defer(now machine.Time, id AssocID) error {
	e.begin(now)
	a := e.byID[id]
	if a == nil || !a.state.undecided() {
		return refuse("Defer", winsock.WSAEACCES, "request %d is over", id)
	}
	e.step(a, evDefer, input{})
	return nil
}

// Leave ends an association in any state, without an event: a pending join is
// called off, an undecided request refused, a standing one left with the given
// LEAVE code. It fails with WSAENOTCONN where the association is over, and
// with WSAEINVAL where code is none of LEAVE's.
func (e *Endpoint) Leave(now machine.Time, id AssocID, code wire.Code) error {
	e.begin(now)
	if wire.ReasonInfoOf(code) == nil || code.Message() != wire.TypeLeave {
		return refuse("Leave", winsock.WSAEINVAL, "code %v", code)
	}
	a := e.byID[id]
	if a == nil || a.state >= stateLeaving {
		return refuse("Leave", winsock.WSAENOTCONN, "association %d is over", id)
	}
	e.step(a, evLeave, input{code: code})
	return nil
}

// plain returns the address and port without zone and not in mapped form.
func plain(ap netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
}

// zoneless reports whether an address needs an interface and has none.
func zoneless(addr netip.Addr, ifIndex int) bool {
	return ifIndex == 0 && zoneOf(addr, 1) != 0
}

// refuse returns the error of an API call.
func refuse(call string, errno winsock.Errno, format string, args ...any) error {
	return fmt.Errorf("mpj: %s: %s: %w", call, fmt.Sprintf(format, args...), errno)
}

func copyOf[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// errno returns the Winsock error for a pending join.
func (r UnreachableReason) errno() winsock.Errno {
	if r == UnreachablePort {
		return winsock.WSAECONNREFUSED
	}
	return winsock.WSAENETUNREACH
}

// ms returns a duration in the wire's milliseconds, at least 1.
func ms(d time.Duration) uint32 {
	return uint32(min(max(d.Milliseconds(), 1), 1<<32-1))
}
