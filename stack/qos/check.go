package qos

import (
	"errors"

	"github.com/mpstack/mpstack/rsvp/intserv"
	"github.com/mpstack/mpstack/stack/winsock"
)

// Defaults for a sender's unspecified members (Q10). The bucket's depth has no
// documented default: one datagram of the maximum size.
const (
	defaultMaxSDU  = 1500
	defaultMinUnit = 128
)

// Check returns the code with which a call refuses q, or 0 (Q29, Q30, Q40).
func Check(q *winsock.QOS) winsock.Errno {
	if code := checkSending(q.Sending); code != 0 {
		return code
	}
	if code := checkReceiving(q.Receiving); code != 0 {
		return code
	}
	_, code := reserveInfo(q.ProviderSpecific)
	return code
}

// signals reports whether a flowspec's service type starts signalling (Q3, Q5).
func signals(serviceType uint32) bool {
	plain, _, off := winsock.ServiceTypeOf(serviceType)
	switch plain {
	case winsock.SERVICETYPE_CONTROLLEDLOAD, winsock.SERVICETYPE_GUARANTEED, winsock.SERVICETYPE_GENERAL_INFORMATION:
		return !off
	}
	return false
}

// known reports whether a service type may stand in a flowspec.
func known(serviceType uint32) bool {
	plain, _, _ := winsock.ServiceTypeOf(serviceType)
	switch plain {
	case winsock.SERVICETYPE_NOTRAFFIC, winsock.SERVICETYPE_BESTEFFORT, winsock.SERVICETYPE_CONTROLLEDLOAD,
		winsock.SERVICETYPE_GUARANTEED, winsock.SERVICETYPE_GENERAL_INFORMATION, winsock.SERVICETYPE_NOCHANGE,
		winsock.SERVICETYPE_NETWORK_CONTROL, winsock.SERVICETYPE_QUALITATIVE:
		return true
	}
	return false
}

func checkSending(f winsock.FlowSpec) winsock.Errno {
	const none = winsock.QOS_NOT_SPECIFIED
	switch {
	case !known(f.ServiceType):
		return winsock.WSA_QOS_ESERVICETYPE
	case !signals(f.ServiceType):
		return 0
	case f.TokenRate == 0 || f.TokenRate == none,
		f.PeakBandwidth != none && f.PeakBandwidth < f.TokenRate,
		f.MinimumPolicedSize == 0, f.TokenBucketSize == 0, f.MaxSduSize == 0:
		return winsock.WSA_QOS_EFLOWSPEC
	}
	if senderTSpec(f).Check() != nil {
		return winsock.WSA_QOS_EFLOWSPEC
	}
	return 0
}

func checkReceiving(f winsock.FlowSpec) winsock.Errno {
	plain, _, _ := winsock.ServiceTypeOf(f.ServiceType)
	switch {
	case !known(f.ServiceType), plain == winsock.SERVICETYPE_GENERAL_INFORMATION:
		return winsock.WSA_QOS_ESERVICETYPE
	case !signals(f.ServiceType):
		return 0
	case f.TokenRate == 0, f.MinimumPolicedSize == 0, f.TokenBucketSize == 0, f.MaxSduSize == 0:
		return winsock.WSA_QOS_EFLOWSPEC
	}
	return 0
}

// reserveInfo returns what RSVP_RESERVE_INFO asks for; its absence asks for
// the default style without confirmation.
func reserveInfo(list []byte) (winsock.ReserveInfo, winsock.Errno) {
	body, ok, err := winsock.FindObject(list, winsock.RSVP_OBJECT_RESERVE_INFO)
	if err != nil {
		return winsock.ReserveInfo{}, codeOf(err, winsock.WSA_QOS_EPROVSPECBUF)
	}
	if !ok {
		return winsock.ReserveInfo{}, 0
	}
	info, err := winsock.ParseReserveInfo(body)
	if err != nil {
		return winsock.ReserveInfo{}, codeOf(err, winsock.WSA_QOS_EPROVSPECBUF)
	}
	return info, 0
}

// codeOf returns the Winsock error that err wraps, or otherwise.
func codeOf(err error, otherwise winsock.Errno) winsock.Errno {
	if code, ok := errors.AsType[winsock.Errno](err); ok {
		return code
	}
	return otherwise
}

// ErrnoOf returns the Winsock number of an error of this package.
func ErrnoOf(err error) winsock.Errno { return codeOf(err, winsock.WSA_QOS_GENERIC_ERROR) }

// or returns v, or otherwise where v is not specified.
func or(v, otherwise uint32) uint32 {
	if v == winsock.QOS_NOT_SPECIFIED {
		return otherwise
	}
	return v
}

// rate returns a Winsock rate as RSVP's, otherwise where it is not specified.
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
		MinUnit:   min(or(f.MinimumPolicedSize, defaultMinUnit), m),
		MaxPacket: m,
	}
}

// receiverFlowSpec maps a ReceivingFlowspec to the flowspec of RESV; what it
// leaves open comes from the sender's Tspec (Q27, Q28).
func receiverFlowSpec(f winsock.FlowSpec, t intserv.TSpec) intserv.FlowSpec {
	plain, _, _ := winsock.ServiceTypeOf(f.ServiceType)
	if plain == winsock.SERVICETYPE_GUARANTEED {
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
