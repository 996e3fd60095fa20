package node

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/intserv"
)

// Refusals of the API.
var (
	ErrSession   = errors.New("rsvp: no such session")
	ErrAddress   = errors.New("rsvp: address does not fit the session")
	ErrPorts     = errors.New("rsvp: ports conflict")
	ErrStyle     = errors.New("rsvp: style conflicts with a reservation of the session")
	ErrService   = errors.New("rsvp: service conflicts with a reservation of the session")
	ErrFlows     = errors.New("rsvp: flow descriptors do not fit the style")
	ErrLimit     = errors.New("rsvp: limit reached")
	ErrInUse     = errors.New("rsvp: sender belongs to another registration")
	ErrNoSender  = errors.New("rsvp: no such sender")
	ErrInterface = errors.New("rsvp: no outgoing interface")
)

// SessionID names a registration of a session by an application; it is never
// 0 and never used again.
type SessionID uint64

// SessionSpec names a session (RFC 2205 section 3.2).
type SessionSpec struct {
	Dst     netip.Addr
	Proto   uint8
	DstPort uint16 // 0 for protocols without ports
}

// Session registers an application for a session (RFC 2205 section 3.11.1,
// SESSION). Several registrations of one session are independent. Path state
// that is there already is reported by PathEvent upcalls.
func (n *Node) Session(now machine.Time, spec SessionSpec) (SessionID, error) {
	n.begin(now)
	defer n.end()
	dst := spec.Dst.WithZone("").Unmap()
	if !dst.IsValid() || dst.IsUnspecified() || spec.Proto == 0 {
		return 0, fmt.Errorf("%w: %v protocol %d", ErrAddress, spec.Dst, spec.Proto)
	}
	s := n.makeSession(rsvp.Session{Dst: dst, Proto: spec.Proto, DstPort: spec.DstPort})
	if s == nil {
		return 0, fmt.Errorf("%w: %d sessions", ErrLimit, n.cfg.Limits.Sessions)
	}
	n.lastApp++
	id := n.lastApp
	n.apps[id] = s
	s.apps = append(s.apps, id)
	for _, p := range s.psbs {
		if p.app == 0 {
			n.pathEventTo(id, p)
		}
	}
	return id, nil
}

// Release ends a registration (RFC 2205 section 3.11.1, RELEASE): its
// reservation and its senders are torn down. With the last registration of a
// session, a host also forgets what it learned of senders elsewhere, for a host
// that has left a group hears of their end no more; nothing is sent for it.
func (n *Node) Release(now machine.Time, id SessionID) error {
	n.begin(now)
	defer n.end()
	s, ok := n.apps[id]
	if !ok {
		return ErrSession
	}
	n.releaseReservation(s, id)
	for i := len(s.psbs) - 1; i >= 0; i-- {
		if p := s.psbs[i]; p.app == id {
			n.removePSB(p, CausePathTearRelease, "Release")
		}
	}
	delete(n.apps, id)
	s.apps = remove(s.apps, id)
	if len(s.apps) == 0 && !n.cfg.Router {
		n.forgetPaths(s)
	}
	n.sweepSession(s)
	return nil
}

// forgetPaths drops the path state of a host. It leads nowhere, and nobody asks
// for it: nothing is sent or reported.
func (n *Node) forgetPaths(s *session) {
	for i := len(s.psbs) - 1; i >= 0; i-- {
		n.removePSB(s.psbs[i], "", "Release")
	}
}

// SenderSpec describes a flow that this node sends (RFC 2205 section 3.11.1,
// SENDER).
type SenderSpec struct {
	Src   netip.AddrPort // our address and source port; port 0 only in a session without ports
	TSpec intserv.TSpec
	// Null is M of the Null service's Tspec (RFC 2997 section 3.2), 0 for none. A
	// sender that offers no other service has it alone, and a zero TSpec.
	Null  uint32
	TTL   uint8 // of the data, so that Path reaches no farther; 0: DefaultTTL
	OutIf int   // 0: by route
	// NoAdSpec: Path carries no ADSPEC. Else it offers Services; nil: guaranteed
	// and controlled load, as far as TSpec is there, and the Null service where
	// Null is.
	NoAdSpec bool
	Services []intserv.Service
}

// Sender declares or changes a sender. Path goes out at once and then
// periodically.
func (n *Node) Sender(now machine.Time, id SessionID, spec SenderSpec) error {
	n.begin(now)
	defer n.end()
	s, ok := n.apps[id]
	if !ok {
		return ErrSession
	}
	f := rsvp.FilterSpec{Src: spec.Src.Addr().WithZone("").Unmap(), Port: spec.Src.Port()}
	if err := n.checkSender(s, f, spec); err != nil {
		return err
	}
	p := s.findPSB(f, 0)
	switch {
	case p != nil && p.app != id:
		return ErrInUse
	case p == nil && n.psbs.used >= n.cfg.Limits.Paths, p == nil && len(s.psbs) >= n.cfg.Limits.PathsPerSession:
		return ErrLimit
	}
	c := pathChange{created: p == nil, path: true}
	if p == nil {
		var pid uint32
		pid, p = n.psbs.alloc()
		*p = psb{id: pid, s: s, sender: f, app: id, ePolice: true}
		s.psbs = insert(s.psbs, p, (*psb).compare)
	}
	p.fixed, p.tspec, p.null = spec.OutIf, spec.TSpec, rsvp.NullTSpec{Present: spec.Null != 0, MaxPacket: spec.Null}
	if p.ttl = spec.TTL; p.ttl == 0 {
		p.ttl = DefaultTTL
	}
	p.hasAd, p.adspec = !spec.NoAdSpec, initialAdSpec(spec)
	n.pathUpdated(p, c)
	return nil
}

func initialAdSpec(spec SenderSpec) intserv.AdSpec {
	switch {
	case spec.NoAdSpec:
		return intserv.AdSpec{}
	case spec.Services != nil:
		return intserv.NewAdSpec(spec.Services...)
	}
	var a intserv.AdSpec
	if spec.TSpec == (intserv.TSpec{}) {
		a = intserv.NewAdSpec()
	} else {
		a = intserv.NewAdSpec(intserv.Guaranteed, intserv.ControlledLoad)
	}
	a.Null.Present = spec.Null != 0
	return a
}

// checkSender applies the rules that a Path from the network would be refused
// by.
func (n *Node) checkSender(s *session, f rsvp.FilterSpec, spec SenderSpec) error {
	switch {
	case f.Src.Is4() != s.key.Dst.Is4() || f.Src.IsUnspecified() || f.Src.IsMulticast():
		return fmt.Errorf("%w: sender %v", ErrAddress, f.Src)
	case s.key.DstPort == 0 && f.Port != 0, s.senderPortConflict(f), n.dstPortConflict(s.key):
		return ErrPorts
	}
	if spec.Null != 0 && spec.TSpec == (intserv.TSpec{}) {
		return nil
	}
	if err := spec.TSpec.CheckStrict(); err != nil {
		return fmt.Errorf("rsvp: %w", err)
	}
	return nil
}

// ReleaseSender takes a sender back: PathTear goes out.
func (n *Node) ReleaseSender(now machine.Time, id SessionID, src netip.AddrPort) error {
	n.begin(now)
	defer n.end()
	p, err := n.senderOf(id, src)
	if err == nil {
		n.removePSB(p, CausePathTearRelease, "Release")
	}
	return err
}

// RefreshPath sends Path for a sender now instead of when its refresh is due:
// for a receiver that is known to be new and that would otherwise wait for up to
// 1.5 refresh periods. A node may send refreshes more often than R where that makes
// it more robust (RFC 2205 section 3.7 rule 6). At most one such Path goes out a
// second for each sender; a request that comes earlier is served at the end of
// that second.
func (n *Node) RefreshPath(now machine.Time, id SessionID, src netip.AddrPort) error {
	n.begin(now)
	defer n.end()
	p, err := n.senderOf(id, src)
	if err == nil {
		n.promptPath(p)
	}
	return err
}

// senderOf returns the path state of a registration's sender.
func (n *Node) senderOf(id SessionID, src netip.AddrPort) (*psb, error) {
	s, ok := n.apps[id]
	if !ok {
		return nil, ErrSession
	}
	p := s.findPSB(rsvp.FilterSpec{Src: src.Addr().WithZone("").Unmap(), Port: src.Port()}, 0)
	if p == nil || p.app != id {
		return nil, ErrNoSender
	}
	return p, nil
}

// FlowDescriptor is one element of a reservation: FF has one filter in each, SE
// has one element with many filters, WF one without.
type FlowDescriptor struct {
	Filters []netip.AddrPort
	Flow    intserv.FlowSpec
}

// ReserveSpec describes a reservation that this node asks for (RFC 2205 section
// 3.11.1, RESERVE).
type ReserveSpec struct {
	Style rsvp.Style
	InIf  int // where the data comes in; 0: anywhere
	Flows []FlowDescriptor
	// Confirm asks for a ResvConfirm upcall, one for each call.
	Confirm bool
}

// Reserve makes or changes the reservation of a registration; it replaces what
// an earlier call asked for. Flowspecs may repeat what a sender states in its
// Tspec, m and M of 0 included. Resv goes out for senders that have path state, and
// for others as soon as they have. A change of style takes the old reservation
// down first.
func (n *Node) Reserve(now machine.Time, id SessionID, spec ReserveSpec) error {
	n.begin(now)
	defer n.end()
	s, ok := n.apps[id]
	if !ok {
		return ErrSession
	}
	if err := n.checkReserve(s, id, spec); err != nil {
		return err
	}
	if s.style != 0 && s.style != spec.Style.Base() {
		n.releaseReservation(s, id)
	}
	s.style = spec.Style.Base()
	kept := make([]*rsb, 0, len(spec.Flows))
	for _, d := range spec.Flows {
		kept = append(kept, n.reserve(s, id, spec, d))
	}
	for i := len(s.rsbs) - 1; i >= 0; i-- {
		if r := s.rsbs[i]; r.app == id && !slices.Contains(kept, r) {
			oi, key := r.oi, r.key()
			n.removeRSB(r, "replaced")
			n.updateTrafficControl(s, oi, key)
			i = min(i, len(s.rsbs))
		}
	}
	for _, r := range kept {
		n.updateTrafficControl(s, r.oi, r.key())
	}
	n.flush(s)
	return nil
}

// reserve makes or changes the block for one flow descriptor.
func (n *Node) reserve(s *session, id SessionID, spec ReserveSpec, d FlowDescriptor) *rsb {
	probe := rsb{s: s, oi: -spec.InIf, app: id}
	for _, a := range d.Filters {
		probe.addLocal(rsvp.FilterSpec{Src: a.Addr().WithZone("").Unmap(), Port: a.Port()})
	}
	r := s.findRSB(probe.name())
	created := r == nil
	if created {
		var rid uint32
		rid, r = n.rsbs.alloc()
		*r = probe
		r.id = rid
		s.rsbs = insert(s.rsbs, r, (*rsb).compare)
	} else {
		s.used -= max(1, len(r.filters))
		r.filters = probe.filters
	}
	s.used += max(1, len(r.filters))
	r.flow, r.ask = d.Flow, spec.Confirm
	n.traceResv(r, created, "Reserve")
	return r
}

func (r *rsb) addLocal(f rsvp.FilterSpec) {
	if r.find(f) < 0 {
		r.filters = insert(r.filters, filter{spec: f}, func(a, b filter) int { return a.spec.Compare(b.spec) })
	}
}

// checkReserve applies the rules of styles and services.
func (n *Node) checkReserve(s *session, id SessionID, spec ReserveSpec) error {
	if err := checkFlows(s, spec); err != nil {
		return err
	}
	room, service := 0, spec.Flows[0].Flow.Service
	for _, d := range spec.Flows {
		room += max(1, len(d.Filters))
		if d.Flow.Service != service {
			return ErrService
		}
	}
	for _, r := range s.rsbs {
		switch {
		case r.app == id:
		case s.style != spec.Style.Base():
			return fmt.Errorf("%w: %v", ErrStyle, s.style)
		case r.flow.Service != service:
			return fmt.Errorf("%w: %v", ErrService, r.flow.Service)
		}
	}
	if n.rsbs.used+len(spec.Flows) > n.cfg.Limits.Reservations || s.used+room > n.cfg.Limits.ReservationsPerSession {
		return ErrLimit
	}
	return nil
}

// checkFlows checks flow descriptors against their style.
func checkFlows(s *session, spec ReserveSpec) error {
	if !spec.Style.Known() || len(spec.Flows) == 0 || spec.Style.Shared() && len(spec.Flows) > 1 || spec.InIf < 0 || spec.InIf > math.MaxInt32 {
		return ErrFlows
	}
	var seen []netip.AddrPort
	for _, d := range spec.Flows {
		if err := d.Flow.Check(); err != nil {
			return fmt.Errorf("rsvp: %w", err)
		}
		many := len(d.Filters)
		if spec.Style.Wildcard() != (many == 0) || spec.Style.Base() == rsvp.FF && many != 1 {
			return ErrFlows
		}
		for _, a := range d.Filters {
			switch {
			case a.Addr().Unmap().Is4() != s.key.Dst.Is4() || !a.Addr().IsValid():
				return fmt.Errorf("%w: filter %v", ErrAddress, a)
			case s.key.DstPort == 0 && a.Port() != 0:
				return ErrPorts
			case spec.Style.Base() == rsvp.FF && slices.Contains(seen, a):
				return ErrFlows
			}
			seen = append(seen, a)
		}
	}
	return nil
}

// ReleaseReservation takes the reservation of a registration back: ResvTear
// goes out. Without one it does nothing.
func (n *Node) ReleaseReservation(now machine.Time, id SessionID) error {
	n.begin(now)
	defer n.end()
	s, ok := n.apps[id]
	if !ok {
		return ErrSession
	}
	n.releaseReservation(s, id)
	return nil
}

func (n *Node) releaseReservation(s *session, id SessionID) {
	for i := len(s.rsbs) - 1; i >= 0; i-- {
		if r := s.rsbs[i]; r.app == id {
			oi, key := r.oi, r.key()
			n.removeRSB(r, "Release")
			n.updateTrafficControl(s, oi, key)
			i = min(i, len(s.rsbs))
		}
	}
	n.flush(s)
}
