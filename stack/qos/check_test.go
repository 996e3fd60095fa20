package qos

import (
	"errors"
	"fmt"
	"testing"

	"github.com/mpstack/mpstack/rsvp/node"
	"github.com/mpstack/mpstack/stack/winsock"
)

// TestCheckFlowSpecs: Q29, Q30: every way in which a flowspec is refused.
func TestCheckFlowSpecs(t *testing.T) {
	const (
		service = winsock.WSA_QOS_ESERVICETYPE
		flow    = winsock.WSA_QOS_EFLOWSPEC
	)
	for _, c := range []struct {
		name               string
		f                  winsock.FlowSpec
		sending, receiving winsock.Errno
	}{
		{"no traffic", spec(0, 0, 0, 0, 0, winsock.SERVICETYPE_NOTRAFFIC, 0, 0), 0, 0},
		{"best effort", spec(0, 0, 0, 0, 0, winsock.SERVICETYPE_BESTEFFORT, 0, 0), 0, 0},
		{"no change", none(winsock.SERVICETYPE_NOCHANGE), 0, 0},
		{"network control", none(winsock.SERVICETYPE_NETWORK_CONTROL), 0, 0},
		{"qualitative", none(winsock.SERVICETYPE_QUALITATIVE), 0, 0},
		{"older best effort", none(winsock.SERVICE_BESTEFFORT), 0, 0},
		{"older qualitative", none(winsock.SERVICE_QUALITATIVE), 0, 0},
		{"network unavailable", none(winsock.SERVICETYPE_NETWORK_UNAVAILABLE), service, service},
		{"nonconforming", none(winsock.SERVICETYPE_NONCONFORMING), service, service},
		{"unknown", none(77), service, service},
		{"no service type", none(ns), service, service},

		{"service alone", none(cl), flow, 0},
		{"service alone, G", none(gs), flow, 0},
		{"all services", spec(1000, ns, ns, ns, ns, gi, ns, ns), 0, service},
		{"no signalling", none(cl | winsock.SERVICE_NO_QOS_SIGNALING), 0, 0},
		{"no traffic control", spec(1000, ns, ns, ns, ns, winsock.SERVICE_NO_TRAFFIC_CONTROL|cl, ns, ns), 0, 0},
		{"rate", spec(1000, ns, ns, ns, ns, cl, ns, ns), 0, 0},
		{"all", spec(8500, 680, 17000, ns, ns, cl, 340, 340), 0, 0},
		{"rate 0", spec(0, ns, ns, ns, ns, cl, ns, ns), flow, flow},
		{"infinite rate", spec(inf, ns, ns, ns, ns, cl, ns, ns), flow, flow},
		{"bucket 0", spec(1000, 0, ns, ns, ns, cl, ns, ns), flow, flow},
		{"infinite bucket", spec(1000, inf, ns, ns, ns, cl, ns, ns), flow, flow},
		{"peak 0", spec(1000, ns, 0, ns, ns, cl, ns, ns), flow, flow},
		{"peak below the rate", spec(1000, ns, 999, ns, ns, cl, ns, ns), flow, flow},
		{"peak at the rate", spec(1000, ns, 1000, ns, ns, cl, ns, ns), 0, 0},
		{"infinite peak", spec(1000, ns, inf, ns, ns, cl, ns, ns), 0, 0},
		{"maximum size 0", spec(1000, ns, ns, ns, ns, cl, 0, ns), flow, flow},
		{"minimum policed size 0", spec(1000, ns, ns, ns, ns, cl, ns, 0), flow, flow},
		{"minimum over maximum", spec(1000, ns, ns, ns, ns, cl, 100, 101), flow, flow},
		{"minimum over the default maximum", spec(1000, ns, ns, ns, ns, cl, ns, 1501), flow, 0},
		{"Q28: G, rate and delay variation", spec(1000, ns, ns, ns, 10, gs, ns, ns), 0, 0},
		{"Q28: G, rate and latency", spec(1000, ns, ns, 10, ns, gs, ns, ns), 0, flow},
		{"CL and latency", spec(1000, ns, ns, 10, ns, cl, ns, ns), 0, 0},
	} {
		sending, receiving := winsock.DefaultQOS, winsock.DefaultQOS
		sending.Sending, receiving.Receiving = c.f, c.f
		if got := Check(&sending); got != c.sending {
			t.Errorf("%s, sending: %v, want %v", c.name, got, c.sending)
		}
		if got := Check(&receiving); got != c.receiving {
			t.Errorf("%s, receiving: %v, want %v", c.name, got, c.receiving)
		}
	}
}

// object returns one provider-specific object.
func object(objectType uint32, body ...byte) []byte {
	b, err := winsock.AppendObject(nil, objectType, body)
	if err != nil {
		panic(err)
	}
	return b
}

func reserve(style uint32, confirm bool) []byte {
	b, err := winsock.ReserveInfo{Style: style, ConfirmRequest: confirm}.AppendTo(nil)
	if err != nil {
		panic(err)
	}
	return b
}

func list(objects ...[]byte) (all []byte) {
	for _, o := range objects {
		all = append(all, o...)
	}
	return all
}

// TestCheckObjects: Q37, Q38, Q40: every way in which a provider-specific list
// is refused.
func TestCheckObjects(t *testing.T) {
	status, _ := winsock.StatusInfo{StatusCode: winsock.WSA_QOS_SENDERS}.AppendTo(nil)
	end := object(winsock.QOS_OBJECT_END_OF_LIST)
	wf := reserve(winsock.RSVP_WILDCARD_STYLE, true)
	policy, flows := reserve(0, false), reserve(0, false)
	policy[winsock.ObjectHeaderLen+8] = 1
	flows[winsock.ObjectHeaderLen+12] = 1
	long := object(winsock.QOS_OBJECT_SD_MODE, 0, 0, 0, 0)
	long[4] = 200
	for _, c := range []struct {
		name string
		list []byte
		want winsock.Errno
	}{
		{"none", nil, 0},
		{"the end alone", end, 0},
		{"default style", list(reserve(winsock.RSVP_DEFAULT_STYLE, false), end), 0},
		{"Q38: no end", wf, 0},
		{"Q37: an answer passed back", list(status, object(winsock.RSVP_OBJECT_ADSPEC, 1, 2, 3, 4), object(winsock.RSVP_OBJECT_FILTERSPEC_LIST), wf, end), 0},
		{"nothing after the end counts", list(end, object(9999)), 0},
		{"borrow", object(winsock.QOS_OBJECT_SD_MODE, winsock.TC_NONCONF_BORROW, 0, 0, 0), 0},
		{"shape", object(winsock.QOS_OBJECT_SD_MODE, winsock.TC_NONCONF_SHAPE, 0, 0, 0), winsock.WSA_QOS_ESDMODEOBJ},
		{"unknown mode", object(winsock.QOS_OBJECT_SD_MODE, 9, 0, 0, 0), winsock.WSA_QOS_ESDMODEOBJ},
		{"mode of a wrong length", object(winsock.QOS_OBJECT_SD_MODE, 0, 0), winsock.WSA_QOS_EOBJLENGTH},
		{"shaping rate", object(winsock.QOS_OBJECT_SHAPING_RATE, 1, 0, 0, 0), winsock.WSA_QOS_ESHAPERATEOBJ},
		{"policy", object(winsock.RSVP_OBJECT_POLICY_INFO, 0, 0, 0, 0), winsock.WSA_QOS_EPOLICYOBJ},
		{"unknown object", list(wf, object(9999)), winsock.WSA_QOS_EUNKNOWNPSOBJ},
		{"destination", object(winsock.QOS_OBJECT_DESTADDR, 0, 0, 0, 0, 0, 0, 0, 0), winsock.WSA_QOS_EUNKNOWNPSOBJ},
		{"short header", []byte{1, 2, 3}, winsock.WSA_QOS_EPROVSPECBUF},
		{"length beyond the buffer", long, winsock.WSA_QOS_EOBJLENGTH},
		{"length below the header", []byte{1, 0, 0, 0, 7, 0, 0, 0}, winsock.WSA_QOS_EOBJLENGTH},
		{"reserve info of a wrong length", object(winsock.RSVP_OBJECT_RESERVE_INFO, 1, 0, 0, 0), winsock.WSA_QOS_EOBJLENGTH},
		{"unknown style", reserve(4, false), winsock.WSA_QOS_EFILTERSTYLE},
		{"Q25: FF without descriptors", reserve(winsock.RSVP_FIXED_FILTER_STYLE, false), winsock.WSA_QOS_EFLOWCOUNT},
		{"Q25: SE without descriptors", reserve(winsock.RSVP_SHARED_EXPLICIT_STYLE, false), winsock.WSA_QOS_EFLOWCOUNT},
		{"policy elements", policy, winsock.WSA_QOS_EPOLICYOBJ},
		{"flow descriptors", flows, winsock.WSA_QOS_EFLOWDESC},
	} {
		q := winsock.DefaultQOS
		q.ProviderSpecific = c.list
		if got := Check(&q); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestReserveInfo: what RSVP_RESERVE_INFO asks for, and the lack of it.
func TestReserveInfo(t *testing.T) {
	if reserveInfo(nil).ConfirmRequest || reserveInfo([]byte{1}).ConfirmRequest {
		t.Error("a confirmation that nobody asked for")
	}
	if !reserveInfo(list(object(winsock.RSVP_OBJECT_ADSPEC), reserve(0, true))).ConfirmRequest {
		t.Error("the confirmation was not seen")
	}
}

// TestErrnoOf: the node's refusals.
func TestErrnoOf(t *testing.T) {
	for _, c := range []struct {
		err  error
		want winsock.Errno
	}{
		{fmt.Errorf("x: %w", node.ErrLimit), winsock.WSA_QOS_ADMISSION_FAILURE},
		{node.ErrStyle, winsock.WSA_QOS_BAD_STYLE},
		{node.ErrService, winsock.WSA_QOS_TRAFFIC_CTRL_ERROR},
		{node.ErrFlows, winsock.WSA_QOS_BAD_OBJECT},
		{node.ErrSession, winsock.WSA_QOS_GENERIC_ERROR},
		{errors.New("other"), winsock.WSA_QOS_GENERIC_ERROR},
		{winsock.WSAENOBUFS, winsock.WSAENOBUFS},
	} {
		if got := ErrnoOf(c.err); got != c.want {
			t.Errorf("%v: %v, want %v", c.err, got, c.want)
		}
	}
}

// TestLower: A12.
func TestLower(t *testing.T) {
	best, nothing := winsock.DefaultFlowSpec, winsock.NoTraffic
	best.ServiceType = winsock.SERVICETYPE_BESTEFFORT
	asked := spec(1000, 2000, ns, ns, ns, cl, 1500, ns)
	off := asked
	off.ServiceType = winsock.SERVICETYPE_BESTEFFORT
	gone := asked
	gone.ServiceType = winsock.SERVICETYPE_NOTRAFFIC
	for _, c := range []struct {
		name                  string
		asked, answered, want winsock.FlowSpec
	}{
		{"the same", asked, asked, asked},
		{"lower", asked, spec(500, 1000, 800, ns, ns, cl, 1000, 100), spec(500, 1000, 800, ns, ns, cl, 1000, 100)},
		{"higher", asked, spec(9999, 9999, ns, 1, 1, gs, 9999, ns), asked},
		{"some of both", asked, spec(9999, 1000, ns, ns, ns, cl, ns, ns), spec(1000, 1000, ns, ns, ns, cl, 1500, ns)},
		{"impossible", asked, spec(0, 0, 0, 0, 0, cl, 0, 0), asked},
		{"inconsistent", asked, spec(ns, ns, 999, ns, ns, cl, ns, ns), asked},
		{"best effort", asked, best, off},
		{"no traffic", asked, nothing, gone},
		{"no change", asked, winsock.DefaultFlowSpec, asked},
		{"nothing was asked for", winsock.DefaultFlowSpec, asked, winsock.DefaultFlowSpec},
		{"nothing was asked for, and refused", winsock.DefaultFlowSpec, nothing, winsock.DefaultFlowSpec},
		{"best effort stays", best, nothing, best},
	} {
		q := winsock.QOS{Sending: c.asked, Receiving: c.asked, ProviderSpecific: []byte{1}}
		got := Lower(q, winsock.QOS{Sending: c.answered, Receiving: c.answered, ProviderSpecific: []byte{2}})
		if got.Sending != c.want || got.Receiving != c.want {
			t.Errorf("%s: %v and %v, want %v", c.name, got.Sending, got.Receiving, c.want)
		}
		if len(got.ProviderSpecific) != 1 || got.ProviderSpecific[0] != 1 {
			t.Errorf("%s: provider-specific %v", c.name, got.ProviderSpecific)
		}
	}
}

// TestMirror: what the other side sends is what we receive, where that can be a
// request.
func TestMirror(t *testing.T) {
	full := spec(1000, 2000, ns, ns, ns, cl, 1500, ns)
	for _, c := range []struct {
		name              string
		sending, recv     winsock.FlowSpec
		ourSend, ourRecvd winsock.FlowSpec
	}{
		{"both", full, full, full, full},
		{"a receiver's open request is none for a sender", full, none(cl), winsock.DefaultFlowSpec, full},
		{"all services is no request", spec(1000, ns, ns, ns, ns, gi, ns, ns), full, full, winsock.DefaultFlowSpec},
		{"nothing", winsock.DefaultFlowSpec, winsock.NoTraffic, winsock.NoTraffic, winsock.DefaultFlowSpec},
	} {
		got := Mirror(winsock.QOS{Sending: c.sending, Receiving: c.recv, ProviderSpecific: []byte{1}})
		if got.Sending != c.ourSend || got.Receiving != c.ourRecvd || got.ProviderSpecific != nil {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

// TestOverlay: Q31: NOCHANGE leaves a direction alone, the objects are the
// latest.
func TestOverlay(t *testing.T) {
	a, b := spec(1, 2, 3, 4, 5, cl, 7, 8), spec(9, 9, 9, 9, 9, gs, 9, 9)
	base := winsock.QOS{Sending: a, Receiving: a, ProviderSpecific: []byte{1}}
	q := winsock.DefaultQOS
	q.Receiving, q.ProviderSpecific = b, []byte{2, 3}
	got := Overlay(base, q)
	if got.Sending != a || got.Receiving != b || string(got.ProviderSpecific) != "\x02\x03" {
		t.Errorf("%+v", got)
	}
	got.ProviderSpecific[0] = 7
	if q.ProviderSpecific[0] != 2 {
		t.Error("bytes are shared")
	}
}
