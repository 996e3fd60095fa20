package intserv

import "fmt"

// Service is a service number (RFC 2210 section 3, RFC 2215 section 2.2).
type Service uint8

// Service numbers.
const (
	General        Service = 1 // default and global information
	Guaranteed     Service = 2 // RFC 2212
	ControlledLoad Service = 5 // RFC 2211
	Null           Service = 6 // RFC 2997: nothing is quantified; only M is stated
)

// String returns the service's name.
func (s Service) String() string {
	switch s {
	case 0:
		return "none"
	case General:
		return "general"
	case Guaranteed:
		return "guaranteed"
	case ControlledLoad:
		return "controlled-load"
	case Null:
		return "null"
	}
	return fmt.Sprintf("service %d", uint8(s))
}

// RSpec is what guaranteed service is asked for beside the traffic (RFC 2212).
type RSpec struct {
	Rate  float32 // R: bytes of IP datagrams per second
	Slack uint32  // S: microseconds
}

// FlowSpec is a request for a service. RSpec counts for guaranteed service
// only and is zero otherwise. Of the Tspec, the Null service has MaxPacket alone.
type FlowSpec struct {
	Service Service
	TSpec   TSpec
	RSpec   RSpec
}

// IsZero reports that f asks for nothing.
func (f FlowSpec) IsZero() bool { return f.Service == 0 }

// Check reports whether f is a possible request: a known service, a possible
// Tspec and, for guaranteed service, R at least r (RFC 2212). For the Null
// service there is nothing to check (RFC 2997).
func (f FlowSpec) Check() error {
	if f.Service == Null {
		return nil
	}
	if f.Service != ControlledLoad && f.Service != Guaranteed {
		return fmt.Errorf("%w: %d", ErrBadService, uint8(f.Service))
	}
	if err := f.TSpec.Check(); err != nil {
		return err
	}
	if f.Service == Guaranteed && (!inRange(f.RSpec.Rate, MaxRate) || f.RSpec.Rate < f.TSpec.Rate) {
		return fmt.Errorf("%w: R = %v with r = %v", ErrBadRSpec, f.RSpec.Rate, f.TSpec.Rate)
	}
	return nil
}

// CheckStrict is Check for a request of our own: m and M must be positive too.
func (f FlowSpec) CheckStrict() error {
	if err := f.Check(); err != nil {
		return err
	}
	if f.Service == Null {
		if f.TSpec != (TSpec{MaxPacket: f.TSpec.MaxPacket}) || f.TSpec.MaxPacket == 0 {
			return fmt.Errorf("%w: %v for the Null service", ErrBadTSpec, f.TSpec)
		}
		return nil
	}
	return f.TSpec.CheckStrict()
}

// Bandwidth returns the rate in bytes per second that f needs on a link: R for
// guaranteed service, r for controlled load, 0 for the Null service.
func (f FlowSpec) Bandwidth() float32 {
	if f.Service == Guaranteed {
		return f.RSpec.Rate
	}
	return f.TSpec.Rate
}

// String returns f in one line.
func (f FlowSpec) String() string {
	if f.Service == Guaranteed {
		return fmt.Sprintf("%v %v R=%s S=%d", f.Service, f.TSpec, number(f.RSpec.Rate), f.RSpec.Slack)
	}
	if f.Service == Null {
		return fmt.Sprintf("%v M=%d", f.Service, f.TSpec.MaxPacket)
	}
	return fmt.Sprintf("%v %v", f.Service, f.TSpec)
}

// Order is the result of a comparison (RFC 2205 section 3.11.6).
type Order uint8

// Results of Compare.
const (
	Equal        Order = iota
	Greater            // the first is strictly greater
	Less               // the second is strictly greater
	Incomparable       // neither, but a least upper bound exists
	Incompatible       // different services: they cannot be merged
)

// String returns the result's name.
func (o Order) String() string {
	return [...]string{"equal", "greater", "less", "incomparable", "incompatible"}[o]
}

// Compare orders two flowspecs (RFC 2205 section 3.11.6): by their Tspecs and,
// for guaranteed service, a larger R and a smaller S being greater (RFC 2212).
// In RSVP version 1 all receivers of a session choose one service (RFC 2210
// section 2.2), so different services are incompatible.
func Compare(a, b FlowSpec) Order {
	if a.Service != b.Service {
		return Incompatible
	}
	ge, le := a.atLeast(b), b.atLeast(a)
	switch {
	case ge && le:
		return Equal
	case ge:
		return Greater
	case le:
		return Less
	}
	return Incomparable
}

func (f FlowSpec) atLeast(g FlowSpec) bool {
	if !f.TSpec.AtLeast(g.TSpec) {
		return false
	}
	return f.Service != Guaranteed || f.RSpec.Rate >= g.RSpec.Rate && f.RSpec.Slack <= g.RSpec.Slack
}

// LUB returns the least upper bound of a and b: merged Tspecs and, for
// guaranteed service, the largest R and the smallest S (RFC 2212). The zero
// FlowSpec is neutral. It reports false for different services.
//
// The merged M is the smaller one, although a larger M orders as greater: RFC
// 2211 and 2212 say so, so that packets fit every branch.
func LUB(a, b FlowSpec) (FlowSpec, bool) {
	switch {
	case a.IsZero():
		return b, true
	case b.IsZero():
		return a, true
	case a.Service != b.Service:
		return FlowSpec{}, false
	}
	f := FlowSpec{Service: a.Service, TSpec: a.TSpec.Merge(b.TSpec)}
	if f.Service == Guaranteed {
		f.RSpec = RSpec{Rate: max(a.RSpec.Rate, b.RSpec.Rate), Slack: min(a.RSpec.Slack, b.RSpec.Slack)}
	}
	return f, true
}

// GLB returns the greatest lower bound of a and b: the smallest r, b, p, M and
// R, the largest m and S. The zero FlowSpec is neutral. It reports false for
// different services.
//
// With the largest m beside the smallest M the result can have m above M; then
// m is lowered to M, which every request allows for.
func GLB(a, b FlowSpec) (FlowSpec, bool) {
	switch {
	case a.IsZero():
		return b, true
	case b.IsZero():
		return a, true
	case a.Service != b.Service:
		return FlowSpec{}, false
	}
	t, u := a.TSpec, b.TSpec
	f := FlowSpec{Service: a.Service, TSpec: TSpec{
		Rate: min(t.Rate, u.Rate), Depth: min(t.Depth, u.Depth), Peak: min(t.Peak, u.Peak),
		MinUnit: max(t.MinUnit, u.MinUnit), MaxPacket: stated(min(t.limit(), u.limit())),
	}}
	f.TSpec.MinUnit = min(f.TSpec.MinUnit, f.TSpec.limit())
	if f.Service == Guaranteed {
		f.RSpec = RSpec{Rate: min(a.RSpec.Rate, b.RSpec.Rate), Slack: max(a.RSpec.Slack, b.RSpec.Slack)}
	}
	return f, true
}
