package qos

import "github.com/mpstack/mpstack/stack/winsock"

// Overlay returns base with what q changes: its directions that are not
// NOCHANGE (Q31), and its provider-specific objects, in bytes of their own.
func Overlay(base, q winsock.QOS) winsock.QOS {
	if q.Sending.ServiceType != winsock.SERVICETYPE_NOCHANGE {
		base.Sending = q.Sending
	}
	if q.Receiving.ServiceType != winsock.SERVICETYPE_NOCHANGE {
		base.Receiving = q.Receiving
	}
	base.ProviderSpecific = q.ProviderSpecific
	return base.Clone()
}

// Lower returns what is asked for, lowered to what the other side answered
// (A12): an answer may lower amounts and end a direction, no more. The
// provider-specific objects are those of the asker.
func Lower(asked, answered winsock.QOS) winsock.QOS {
	asked = asked.Clone()
	asked.Sending = lower(asked.Sending, answered.Sending, checkSending)
	asked.Receiving = lower(asked.Receiving, answered.Receiving, checkReceiving)
	return asked
}

// lower lowers one direction, of which something is asked for. An answer that
// would make the flowspec an impossible one changes nothing.
func lower(asked, answered winsock.FlowSpec, check func(winsock.FlowSpec) winsock.Errno) winsock.FlowSpec {
	plain, _, _ := winsock.ServiceTypeOf(answered.ServiceType)
	switch {
	case !signals(asked.ServiceType) || plain == winsock.SERVICETYPE_NOCHANGE:
		return asked
	case plain == winsock.SERVICETYPE_NOTRAFFIC, plain == winsock.SERVICETYPE_BESTEFFORT:
		asked.ServiceType = answered.ServiceType
		return asked
	}
	l := asked // what is not specified is greater than every amount
	l.TokenRate = min(asked.TokenRate, answered.TokenRate)
	l.TokenBucketSize = min(asked.TokenBucketSize, answered.TokenBucketSize)
	l.PeakBandwidth = min(asked.PeakBandwidth, answered.PeakBandwidth)
	l.MaxSduSize = min(asked.MaxSduSize, answered.MaxSduSize)
	l.MinimumPolicedSize = min(asked.MinimumPolicedSize, answered.MinimumPolicedSize)
	if check(l) != 0 {
		return asked
	}
	return l
}

// Mirror returns what the other side's QoS asks of this side: what it sends is
// what we receive. A direction in which it asks for nothing that can be a
// request here is NOCHANGE.
func Mirror(q winsock.QOS) winsock.QOS {
	m := winsock.DefaultQOS
	if checkReceiving(q.Sending) == 0 {
		m.Receiving = q.Sending
	}
	if checkSending(q.Receiving) == 0 {
		m.Sending = q.Receiving
	}
	return m
}
