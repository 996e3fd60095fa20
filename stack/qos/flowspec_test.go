package qos

import (
	"math"
	"testing"

	"github.com/mpstack/mpstack/rsvp/intserv"
	"github.com/mpstack/mpstack/rsvp/node"
	"github.com/mpstack/mpstack/stack/winsock"
)

const (
	ns  = winsock.QOS_NOT_SPECIFIED
	inf = winsock.POSITIVE_INFINITY_RATE
	cl  = winsock.SERVICETYPE_CONTROLLEDLOAD
	gs  = winsock.SERVICETYPE_GUARANTEED
	gi  = winsock.SERVICETYPE_GENERAL_INFORMATION
)

// spec is a flowspec in FLOWSPEC's order: rate, bucket, peak, latency, delay
// variation, service type, maximum SDU, minimum policed size.
func spec(words ...uint32) winsock.FlowSpec { return winsock.FlowSpecOf([8]uint32(words)) }

// none is a flowspec of a service type alone.
func none(serviceType uint32) winsock.FlowSpec {
	return spec(ns, ns, ns, ns, ns, serviceType, ns, ns)
}

var infinity = float32(math.Inf(1))

// TestSenderTSpec: Q10, exact values.
func TestSenderTSpec(t *testing.T) {
	for _, c := range []struct {
		name string
		f    winsock.FlowSpec
		want intserv.TSpec
	}{
		{"all given", spec(8500, 680, 17000, ns, ns, cl, 340, 340), intserv.TSpec{Rate: 8500, Depth: 680, Peak: 17000, MinUnit: 340, MaxPacket: 340}},
		{"rate alone", spec(1000, ns, ns, ns, ns, cl, ns, ns), intserv.TSpec{Rate: 1000, Depth: 1500, Peak: infinity, MinUnit: 128, MaxPacket: 1500}},
		{"infinite peak", spec(1000, 2000, inf, ns, ns, gs, ns, ns), intserv.TSpec{Rate: 1000, Depth: 2000, Peak: infinity, MinUnit: 128, MaxPacket: 1500}},
		{"small packets", spec(1000, ns, ns, ns, ns, gi, 100, ns), intserv.TSpec{Rate: 1000, Depth: 100, Peak: infinity, MinUnit: 100, MaxPacket: 100}},
		{"m given", spec(1000, ns, 2000, ns, ns, cl, ns, 64), intserv.TSpec{Rate: 1000, Depth: 1500, Peak: 2000, MinUnit: 64, MaxPacket: 1500}},
		{"large rate", spec(4_000_000_000, ns, ns, ns, ns, cl, ns, ns), intserv.TSpec{Rate: 4e9, Depth: 1500, Peak: infinity, MinUnit: 128, MaxPacket: 1500}},
	} {
		if got := senderTSpec(c.f); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if err := senderTSpec(c.f).Check(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestReceiverFlowSpec: Q27, Q28, exact values.
func TestReceiverFlowSpec(t *testing.T) {
	path := intserv.TSpec{Rate: 1000, Depth: 3000, Peak: 5000, MinUnit: 128, MaxPacket: 1500}
	open := path
	open.Peak = infinity
	clOf := func(t intserv.TSpec) intserv.FlowSpec {
		return intserv.FlowSpec{Service: intserv.ControlledLoad, TSpec: t}
	}
	gsOf := func(t intserv.TSpec, rate float32, slack uint32) intserv.FlowSpec {
		return intserv.FlowSpec{Service: intserv.Guaranteed, TSpec: t, RSpec: intserv.RSpec{Rate: rate, Slack: slack}}
	}
	for _, c := range []struct {
		name string
		f    winsock.FlowSpec
		path intserv.TSpec
		mtu  uint32
		want intserv.FlowSpec
	}{
		{"CL, nothing given", none(cl), path, 0, clOf(path)},
		{"CL, nothing given, peak unknown", none(cl), open, 0, clOf(open)},
		{"CL, all given", spec(500, 600, 700, 1, 2, cl, 800, 90), path, 0,
			clOf(intserv.TSpec{Rate: 500, Depth: 600, Peak: 700, MinUnit: 90, MaxPacket: 800})},
		{"CL, older bit form", none(winsock.SERVICE_CONTROLLEDLOAD), path, 0, clOf(path)},
		{"CL, rate over the path's peak", spec(9000, ns, ns, ns, ns, cl, ns, ns), path, 0,
			clOf(intserv.TSpec{Rate: 9000, Depth: 3000, Peak: 9000, MinUnit: 128, MaxPacket: 1500})},
		{"CL, packets smaller than the path's m", spec(ns, ns, ns, ns, ns, cl, 100, ns), path, 0,
			clOf(intserv.TSpec{Rate: 1000, Depth: 3000, Peak: 5000, MinUnit: 100, MaxPacket: 100})},
		{"CL, path MTU", none(cl), path, 1280, clOf(intserv.TSpec{Rate: 1000, Depth: 3000, Peak: 5000, MinUnit: 128, MaxPacket: 1280})},
		{"CL, larger path MTU", none(cl), path, 9000, clOf(path)},
		{"CL, own packets beyond the path MTU", spec(ns, ns, ns, ns, ns, cl, 1400, ns), path, 1280,
			clOf(intserv.TSpec{Rate: 1000, Depth: 3000, Peak: 5000, MinUnit: 128, MaxPacket: 1400})},
		{"CL, tiny path MTU", none(cl), path, 68, clOf(intserv.TSpec{Rate: 1000, Depth: 3000, Peak: 5000, MinUnit: 68, MaxPacket: 68})},
		{"G, nothing given", none(gs), path, 0, gsOf(path, 1000, 0)},
		{"G, rate and slack", spec(4000, 1, 1, ns, 250, gs, 1, 1), path, 0, gsOf(path, 4000, 250)},
		{"G, rate below the path's", spec(10, ns, ns, ns, ns, gs, ns, ns), path, 0, gsOf(path, 1000, 0)},
		{"G, older bit form, path MTU", none(winsock.SERVICE_GUARANTEED), path, 1000,
			gsOf(intserv.TSpec{Rate: 1000, Depth: 3000, Peak: 5000, MinUnit: 128, MaxPacket: 1000}, 1000, 0)},
	} {
		got := receiverFlowSpec(c.f, c.path, c.mtu)
		if got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if err := got.Check(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestFlowSpecOf: a Tspec back to Winsock's members.
func TestFlowSpecOf(t *testing.T) {
	for _, c := range []struct {
		t    intserv.TSpec
		want winsock.FlowSpec
	}{
		{intserv.TSpec{Rate: 1000, Depth: 2000, Peak: infinity, MinUnit: 128, MaxPacket: 1500}, spec(1000, 2000, inf, ns, ns, gi, 1500, 128)},
		{intserv.TSpec{Rate: 1.9, Depth: 2.5, Peak: 3, MinUnit: 1, MaxPacket: 1}, spec(1, 2, 3, ns, ns, gi, 1, 1)},
		{intserv.TSpec{Rate: 40e12, Depth: 250e9, Peak: 4_294_967_296, MinUnit: 1, MaxPacket: 1}, spec(inf, inf, inf, ns, ns, gi, 1, 1)},
	} {
		if got := flowSpecOf(c.t, gi); got != c.want {
			t.Errorf("%v: %v, want %v", c.t, got, c.want)
		}
	}
	if got := word(float32(math.NaN())); got != inf {
		t.Errorf("NaN is %d", got)
	}
}

// TestThereAndBack: what a sender states comes back to a receiver's indication.
func TestThereAndBack(t *testing.T) {
	for _, f := range []winsock.FlowSpec{
		spec(8500, 680, 17000, ns, ns, gi, 340, 340),
		spec(17000, 1260, 34000, ns, ns, gi, 340, 340),
		spec(1, 1, inf, ns, ns, gi, 1, 1),
	} {
		if got := flowSpecOf(senderTSpec(f), gi); got != f {
			t.Errorf("%v came back as %v", f, got)
		}
	}
}

// TestPathMTU: only what a whole path says counts.
func TestPathMTU(t *testing.T) {
	ad := intserv.NewAdSpec(intserv.Guaranteed, intserv.ControlledLoad)
	ad.General.MTU = 1400
	ad.Guaranteed.Override = intserv.Params{Set: intserv.HasMTU, MTU: 1200}
	broken, silent := ad, ad
	broken.Break = true
	silent.General.Set &^= intserv.HasMTU
	for _, c := range []struct {
		u    node.Upcall
		kind uint32
		want uint32
	}{
		{node.Upcall{HasAdSpec: true, AdSpec: ad}, cl, 1400},
		{node.Upcall{HasAdSpec: true, AdSpec: ad}, gs, 1200},
		{node.Upcall{HasAdSpec: true, AdSpec: broken}, cl, 0},
		{node.Upcall{HasAdSpec: true, AdSpec: silent}, cl, 0},
		{node.Upcall{AdSpec: ad}, cl, 0},
	} {
		if got := pathMTU(&c.u, none(c.kind)); got != c.want {
			t.Errorf("%+v: %d, want %d", c, got, c.want)
		}
	}
	for _, c := range [][3]uint32{{0, 0, 0}, {0, 5, 5}, {5, 0, 5}, {5, 6, 5}, {6, 5, 5}} {
		if got := lowerMTU(c[0], c[1]); got != c[2] {
			t.Errorf("lowerMTU(%d, %d) = %d", c[0], c[1], got)
		}
	}
}
