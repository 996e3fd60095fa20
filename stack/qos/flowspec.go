package qos

import (
	"github.com/mpstack/mpstack/rsvp/intserv"
	"github.com/mpstack/mpstack/rsvp/node"
	"github.com/mpstack/mpstack/stack/winsock"
)

// Defaults for a sender's unspecified members (Q10). The bucket's depth has no
// documented default: one datagram of the maximum size.
const (
	defaultMaxSDU  = 1500
	defaultMinUnit = 128
)

// or returns v, or otherwise where v is not specified.
func or(v, otherwise uint32) uint32 {
	if v == winsock.QOS_NOT_SPECIFIED {
		return otherwise
	}
	return v
}

// rate returns a Winsock rate or depth as RSVP's, otherwise where it is not
// specified.
func rate(v uint32, otherwise float32) float32 {
	switch v {
	case winsock.QOS_NOT_SPECIFIED:
		return otherwise
	case winsock.POSITIVE_INFINITY_RATE:
		return intserv.Infinity()
	}
	return float32(v)
}

// senderTSpec maps a SendingFlowspec to the Tspec of PATH (Q10).
func senderTSpec(f winsock.FlowSpec) intserv.TSpec {
	m := or(f.MaxSduSize, defaultMaxSDU)
	return intserv.TSpec{
		Rate:      float32(f.TokenRate),
		Depth:     float32(or(f.TokenBucketSize, m)),
		Peak:      rate(f.PeakBandwidth, intserv.Infinity()),
		MinUnit:   or(f.MinimumPolicedSize, min(defaultMinUnit, m)),
		MaxPacket: m,
	}
}

// receiverFlowSpec maps a ReceivingFlowspec to the flowspec of RESV; what it
// leaves open comes from the sender's Tspec (Q27, Q28), whose largest packet is
// bounded by the path's MTU where that is known (RFC 2210 section 3.3).
func receiverFlowSpec(f winsock.FlowSpec, t intserv.TSpec, mtu uint32) intserv.FlowSpec {
	if mtu > 0 && mtu < t.MaxPacket {
		t.MaxPacket, t.MinUnit = mtu, min(t.MinUnit, mtu)
	}
	if service(f.ServiceType) == intserv.Guaranteed {
		return intserv.FlowSpec{Service: intserv.Guaranteed, TSpec: t, RSpec: intserv.RSpec{
			Rate:  max(rate(f.TokenRate, t.Rate), t.Rate),
			Slack: or(f.DelayVariation, 0),
		}}
	}
	own := intserv.TSpec{
		Rate:      rate(f.TokenRate, t.Rate),
		Depth:     rate(f.TokenBucketSize, t.Depth),
		Peak:      rate(f.PeakBandwidth, t.Peak),
		MinUnit:   or(f.MinimumPolicedSize, t.MinUnit),
		MaxPacket: or(f.MaxSduSize, t.MaxPacket),
	}
	own.Peak = max(own.Peak, own.Rate)
	own.MinUnit = min(own.MinUnit, own.MaxPacket)
	return intserv.FlowSpec{Service: intserv.ControlledLoad, TSpec: own}
}

// service returns the service that a receiver's service type asks for.
func service(serviceType uint32) intserv.Service {
	if plain, _, _ := winsock.ServiceTypeOf(serviceType); plain == winsock.SERVICETYPE_GUARANTEED {
		return intserv.Guaranteed
	}
	return intserv.ControlledLoad
}

// pathMTU returns the MTU of the path that an ADSPEC came along, for the
// service that a receiver asks for; 0 where it is unknown.
func pathMTU(u *node.Upcall, f winsock.FlowSpec) uint32 {
	if !u.HasAdSpec || u.AdSpec.Break {
		return 0
	}
	p := u.AdSpec.Path(service(f.ServiceType))
	if p.Set&intserv.HasMTU == 0 {
		return 0
	}
	return p.MTU
}

// flowSpecOf maps a Tspec back to a Winsock flowspec, for indications (Q35).
func flowSpecOf(t intserv.TSpec, serviceType uint32) winsock.FlowSpec {
	f := winsock.DefaultFlowSpec
	f.ServiceType = serviceType
	f.TokenRate = word(t.Rate)
	f.TokenBucketSize = word(t.Depth)
	f.PeakBandwidth = word(t.Peak)
	f.MaxSduSize, f.MinimumPolicedSize = t.MaxPacket, t.MinUnit
	return f
}

// word rounds a rate or depth down to 32 bits; more than they hold is
// Winsock's infinity.
func word(v float32) uint32 {
	if !(v < winsock.POSITIVE_INFINITY_RATE) {
		return winsock.POSITIVE_INFINITY_RATE
	}
	return uint32(v)
}

// offered returns the services that a sender's ADSPEC offers: the one of its
// service type, or both (nil) with SERVICETYPE_GENERAL_INFORMATION.
func offered(serviceType uint32) []intserv.Service {
	plain, _, _ := winsock.ServiceTypeOf(serviceType)
	switch plain {
	case winsock.SERVICETYPE_CONTROLLEDLOAD:
		return []intserv.Service{intserv.ControlledLoad}
	case winsock.SERVICETYPE_GUARANTEED:
		return []intserv.Service{intserv.Guaranteed}
	}
	return nil
}
