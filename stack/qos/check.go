package qos

import (
	"errors"

	"github.com/mpstack/mpstack/rsvp/node"
	"github.com/mpstack/mpstack/stack/winsock"
)

// Check returns the code with which a call refuses q, or 0: WSA_QOS_ESERVICETYPE
// and WSA_QOS_EFLOWSPEC for a flowspec, one of the others for a
// provider-specific object (Q29, Q30, Q40).
func Check(q *winsock.QOS) winsock.Errno {
	if code := checkSending(q.Sending); code != 0 {
		return code
	}
	if code := checkReceiving(q.Receiving); code != 0 {
		return code
	}
	return checkObjects(q.ProviderSpecific)
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

// checkSending checks a sender's flowspec: a service and a token rate are
// needed (Q29).
func checkSending(f winsock.FlowSpec) winsock.Errno {
	switch {
	case !known(f.ServiceType):
		return winsock.WSA_QOS_ESERVICETYPE
	case !signals(f.ServiceType):
		return 0
	case f.TokenRate == winsock.QOS_NOT_SPECIFIED || !possible(f) || senderTSpec(f).Check() != nil:
		return winsock.WSA_QOS_EFLOWSPEC
	}
	return 0
}

// checkReceiving checks a receiver's flowspec: the service alone is needed
// (Q27). Guaranteed service is asked for by a rate and a slack; a Latency, which
// calls for a rate to be computed from it and ADSPEC, is not taken (Q28).
func checkReceiving(f winsock.FlowSpec) winsock.Errno {
	plain, _, _ := winsock.ServiceTypeOf(f.ServiceType)
	switch {
	case !known(f.ServiceType), plain == winsock.SERVICETYPE_GENERAL_INFORMATION:
		return winsock.WSA_QOS_ESERVICETYPE
	case !signals(f.ServiceType):
		return 0
	case !possible(f), plain == winsock.SERVICETYPE_GUARANTEED && f.Latency != winsock.QOS_NOT_SPECIFIED:
		return winsock.WSA_QOS_EFLOWSPEC
	}
	return 0
}

// possible reports whether the members that are specified can be and fit
// together. Members that are not specified are greater than all others, but
// the peak rate may be infinite too.
func possible(f winsock.FlowSpec) bool {
	const none, infinite = winsock.QOS_NOT_SPECIFIED, winsock.POSITIVE_INFINITY_RATE
	switch {
	case f.TokenRate == 0, f.TokenBucketSize == 0, f.MaxSduSize == 0, f.MinimumPolicedSize == 0:
		return false
	case f.TokenRate == infinite, f.TokenBucketSize == infinite:
		return false
	case f.TokenRate != none && f.PeakBandwidth < f.TokenRate:
		return false
	case f.MinimumPolicedSize != none && f.MaxSduSize < f.MinimumPolicedSize:
		return false
	}
	return f.PeakBandwidth != 0
}

// checkObjects checks the provider-specific objects, each once. Those that
// SIO_GET_QOS returns may be passed back and are ignored (Q37). What is not
// built is refused: to shape or discard, policy, and what belongs to traffic
// control.
func checkObjects(list []byte) winsock.Errno {
	for len(list) > 0 {
		objectType, body, rest, err := winsock.ParseObject(list)
		if err != nil {
			return codeOf(err, winsock.WSA_QOS_EPROVSPECBUF)
		}
		if objectType == winsock.QOS_OBJECT_END_OF_LIST {
			return 0
		}
		if code := checkObject(objectType, body); code != 0 {
			return code
		}
		list = rest
	}
	return 0
}

func checkObject(objectType uint32, body []byte) winsock.Errno {
	switch objectType {
	case winsock.RSVP_OBJECT_STATUS_INFO, winsock.RSVP_OBJECT_ADSPEC, winsock.RSVP_OBJECT_FILTERSPEC_LIST:
		return 0
	case winsock.RSVP_OBJECT_RESERVE_INFO:
		return checkReserveInfo(body)
	case winsock.RSVP_OBJECT_POLICY_INFO:
		return winsock.WSA_QOS_EPOLICYOBJ
	case winsock.QOS_OBJECT_SD_MODE:
		mode, err := winsock.ParseSDMode(body)
		if err == nil && mode != winsock.TC_NONCONF_BORROW {
			err = winsock.WSA_QOS_ESDMODEOBJ
		}
		return codeOf(err, 0)
	case winsock.QOS_OBJECT_SHAPING_RATE:
		return winsock.WSA_QOS_ESHAPERATEOBJ
	}
	return winsock.WSA_QOS_EUNKNOWNPSOBJ
}

// checkReserveInfo checks RSVP_RESERVE_INFO. The explicit styles name their
// senders in flow descriptors, of which this layout has none (Q25).
func checkReserveInfo(body []byte) winsock.Errno {
	info, err := winsock.ParseReserveInfo(body)
	switch {
	case err != nil:
		return codeOf(err, winsock.WSA_QOS_EPROVSPECBUF)
	case info.Style == winsock.RSVP_FIXED_FILTER_STYLE, info.Style == winsock.RSVP_SHARED_EXPLICIT_STYLE:
		return winsock.WSA_QOS_EFLOWCOUNT
	}
	return 0
}

// reserveInfo returns what RSVP_RESERVE_INFO asks for; its absence asks for
// the default style without confirmation. The list has passed Check.
func reserveInfo(list []byte) winsock.ReserveInfo {
	body, ok, err := winsock.FindObject(list, winsock.RSVP_OBJECT_RESERVE_INFO)
	if err != nil || !ok {
		return winsock.ReserveInfo{}
	}
	info, _ := winsock.ParseReserveInfo(body)
	return info
}

// codeOf returns the Winsock error that err wraps, or otherwise.
func codeOf(err error, otherwise winsock.Errno) winsock.Errno {
	if code, ok := errors.AsType[winsock.Errno](err); ok {
		return code
	}
	return otherwise
}

// refusals is the one table from the node's refusals to Winsock's status.
var refusals = [...]struct {
	err  error
	code winsock.Errno
}{
	{node.ErrLimit, winsock.WSA_QOS_ADMISSION_FAILURE},
	{node.ErrStyle, winsock.WSA_QOS_BAD_STYLE},
	{node.ErrService, winsock.WSA_QOS_TRAFFIC_CTRL_ERROR},
	{node.ErrFlows, winsock.WSA_QOS_BAD_OBJECT},
}

// ErrnoOf returns the Winsock number of an error of this package.
func ErrnoOf(err error) winsock.Errno {
	for _, r := range refusals {
		if errors.Is(err, r.err) {
			return r.code
		}
	}
	return codeOf(err, winsock.WSA_QOS_GENERIC_ERROR)
}
