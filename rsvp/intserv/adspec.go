package intserv

import (
	"fmt"
	"math"
)

// Numbers of general parameters as composed along a path, and of guaranteed
// service's parameters (RFC 2215 section 3, RFC 2212 "Exported Information").
const (
	ParamHops      = 4   // NUMBER_OF_IS_HOPS
	ParamBandwidth = 6   // AVAILABLE_PATH_BANDWIDTH
	ParamLatency   = 8   // MINIMUM_PATH_LATENCY
	ParamMTU       = 10  // PATH_MTU
	ParamTSpec     = 127 // TOKEN_BUCKET_TSPEC
	ParamNullTSpec = 128 // of the Null service (RFC 2997 section 4.3)
	ParamRSpec     = 130
	ParamCtot      = 133
	ParamDtot      = 134
	ParamCsum      = 135
	ParamDsum      = 136
)

// Indeterminate is the latency that says "not known" (RFC 2215 section 3.4).
const Indeterminate = math.MaxUint32

// ParamSet says which general parameters a Params holds.
type ParamSet uint8

// Members of a ParamSet.
const (
	HasHops ParamSet = 1 << iota
	HasBandwidth
	HasLatency
	HasMTU
	HasAll = HasHops | HasBandwidth | HasLatency | HasMTU
)

// Params are general characterization parameters, composed along the path: the
// path's own in the general fragment, or those that override them for one
// service (RFC 2215 section 2). Values not in Set are zero.
type Params struct {
	Set       ParamSet
	Hops      uint32  // nodes that know integrated services
	Bandwidth float32 // bytes per second; 0 is unknown
	Latency   uint32  // least latency in microseconds; Indeterminate is unknown
	MTU       uint32  // bytes of IP datagram
}

// GuaranteedAd is the guaranteed-service fragment (RFC 2210 section 3.3.3).
type GuaranteedAd struct {
	Present  bool   // without the fragment receivers must not choose the service
	Break    bool   // some node on the path does not offer the service
	Filled   bool   // false: header only, as an application that leaves it to the network sends it
	Ctot     uint32 // bytes, end to end
	Dtot     uint32 // microseconds, end to end
	Csum     uint32 // bytes since the last reshaping point
	Dsum     uint32 // microseconds since the last reshaping point
	Override Params
}

// ControlledLoadAd is the controlled-load fragment (RFC 2210 section 3.3.4).
type ControlledLoadAd struct {
	Present  bool
	Break    bool
	Override Params
}

// NullAd is the Null service's fragment, which has no parameters of its own
// (RFC 2997 section 4.2).
type NullAd struct {
	Present  bool
	Break    bool
	Override Params
}

// AdSpec is what a path says about itself (RFC 2210 section 3.3).
type AdSpec struct {
	Break          bool // some node on the path knows no integrated services: everything here may be wrong
	General        Params
	Guaranteed     GuaranteedAd
	ControlledLoad ControlledLoadAd
	Null           NullAd
	// Other holds the fragments of other services, headers included, as they
	// are on the wire, in order of service number.
	Other string
}

// Path returns the parameters that hold for a service: its overrides where it
// has them, else the general ones (RFC 2215 section 2).
func (a AdSpec) Path(s Service) Params {
	p := a.General
	switch s {
	case Guaranteed:
		p.override(a.Guaranteed.Override)
	case ControlledLoad:
		p.override(a.ControlledLoad.Override)
	case Null:
		p.override(a.Null.Override)
	}
	return p
}

// Usable reports whether receivers may expect the service at every node: its
// fragment is there, and neither its break bit nor the global one is set.
func (a AdSpec) Usable(s Service) bool {
	switch s {
	case Guaranteed:
		return !a.Break && a.Guaranteed.Present && !a.Guaranteed.Break
	case ControlledLoad:
		return !a.Break && a.ControlledLoad.Present && !a.ControlledLoad.Break
	case Null:
		return !a.Break && a.Null.Present && !a.Null.Break
	}
	return false
}

// override sets the values that o has.
func (p *Params) override(o Params) {
	if o.Set&HasHops != 0 {
		p.Hops = o.Hops
	}
	if o.Set&HasBandwidth != 0 {
		p.Bandwidth = o.Bandwidth
	}
	if o.Set&HasLatency != 0 {
		p.Latency = o.Latency
	}
	if o.Set&HasMTU != 0 {
		p.MTU = o.MTU
	}
	p.Set |= o.Set
}

// Check reports whether a's values are possible: bandwidths are neither
// negative, infinite nor NaN (RFC 2215 section 3.3).
func (a AdSpec) Check() error {
	for _, p := range [...]Params{a.General, a.Guaranteed.Override, a.ControlledLoad.Override, a.Null.Override} {
		if b := float64(p.Bandwidth); math.Signbit(b) || math.IsInf(b, 0) || math.IsNaN(b) {
			return fmt.Errorf("%w: bandwidth %v", ErrBadAdSpec, p.Bandwidth)
		}
	}
	return nil
}

// NewAdSpec returns what a sender starts with: no hop yet, and for each service
// offered a fragment that the first node fills in.
func NewAdSpec(offer ...Service) AdSpec {
	a := AdSpec{General: Params{Set: HasAll, Bandwidth: math.MaxFloat32, MTU: math.MaxUint32}}
	for _, s := range offer {
		switch s {
		case Guaranteed:
			a.Guaranteed = GuaranteedAd{Present: true, Filled: true}
		case ControlledLoad:
			a.ControlledLoad.Present = true
		case Null:
			a.Null.Present = true
		}
	}
	return a
}

// Local is what one node exports for one outgoing interface.
type Local struct {
	NonRSVP        bool    // a hop without RSVP lies before this node: sets the global break bit
	Bandwidth      float32 // bytes per second; 0 is unknown
	Latency        uint32  // microseconds; Indeterminate where unknown
	MTU            uint32  // bytes of IP datagram
	Guaranteed     bool    // the service is offered
	C              uint32  // bytes: error term that depends on the rate (RFC 2212)
	D              uint32  // microseconds: error term that does not
	Reshapes       bool    // Csum and Dsum start anew here
	ControlledLoad bool    // the service is offered
	Null           bool    // the service is offered
}

// Compose returns a as it leaves a node that exports l (RFC 2215 section 2,
// RFC 2210 section 3.3): hops counted, bandwidth and MTU lowered, latency and
// error terms added up, break bits set where a service is not offered. A
// fragment that is absent stays absent.
func (a AdSpec) Compose(l Local) AdSpec {
	a.Break = a.Break || l.NonRSVP
	a.General = a.General.compose(l)
	if g := &a.Guaranteed; g.Present && !l.Guaranteed {
		g.Break = true
	} else if g.Present {
		g.compose(l)
	}
	if c := &a.ControlledLoad; c.Present {
		c.Break = c.Break || !l.ControlledLoad
		if l.ControlledLoad {
			c.Override = c.Override.compose(l)
		}
	}
	if z := &a.Null; z.Present {
		z.Break = z.Break || !l.Null
		if l.Null {
			z.Override = z.Override.compose(l)
		}
	}
	a.Other = breakAll(a.Other)
	return a
}

// compose applies the composition rules of RFC 2215 section 3 to the values
// that p has.
func (p Params) compose(l Local) Params {
	if p.Set&HasHops != 0 {
		p.Hops = addClamped(p.Hops, 1)
	}
	if p.Set&HasBandwidth != 0 {
		p.Bandwidth = min(p.Bandwidth, l.Bandwidth)
	}
	if p.Set&HasLatency != 0 {
		p.Latency = addClamped(p.Latency, l.Latency)
	}
	if p.Set&HasMTU != 0 {
		p.MTU = min(p.MTU, l.MTU)
	}
	return p
}

// compose adds l's error terms; a header-only fragment is filled in first (RFC
// 2210 section 3.3.3).
func (g *GuaranteedAd) compose(l Local) {
	g.Filled = true
	g.Ctot, g.Dtot = addClamped(g.Ctot, l.C), addClamped(g.Dtot, l.D)
	if l.Reshapes {
		g.Csum, g.Dsum = 0, 0
	}
	g.Csum, g.Dsum = addClamped(g.Csum, l.C), addClamped(g.Dsum, l.D)
	g.Override = g.Override.compose(l)
}

// addClamped adds with a clamp at 2^32-1 (RFC 2212, RFC 2215 section 3.4).
func addClamped(a, b uint32) uint32 {
	if s := uint64(a) + uint64(b); s < math.MaxUint32 {
		return uint32(s)
	}
	return math.MaxUint32
}

// breakBit is bit 23 of a fragment's header word, in its second byte.
const breakBit = 0x80

// breakAll sets the break bit of every fragment of other services: we do not
// offer them (RFC 2210 section 3.3).
func breakAll(s string) string {
	var b []byte
	for i := 0; i+4 <= len(s); {
		if s[i+1]&breakBit == 0 {
			if b == nil {
				b = []byte(s)
			}
			b[i+1] |= breakBit
		}
		i += 4 + 4*(int(s[i+2])<<8|int(s[i+3]))
	}
	if b == nil {
		return s
	}
	return string(b)
}
