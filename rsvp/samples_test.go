package rsvp_test

import (
	"net/netip"

	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/intserv"
	"github.com/mpstack/mpstack/wire/object"
)

var (
	tspec = intserv.TSpec{Rate: 125000, Depth: 1000, Peak: 250000, MinUnit: 100, MaxPacket: 1500}
	load  = intserv.FlowSpec{Service: intserv.ControlledLoad, TSpec: tspec}
	rate  = intserv.FlowSpec{Service: intserv.Guaranteed, TSpec: tspec, RSpec: intserv.RSpec{Rate: 187500, Slack: 7}}
)

// family is the addresses of one IP version.
type family struct {
	name                                 string
	group, sender, other, hop, node, rcv netip.Addr
}

func families() []family {
	a := netip.MustParseAddr
	return []family{
		{"4", a("232.1.2.3"), a("10.0.1.1"), a("10.0.1.2"), a("10.0.1.254"), a("10.0.2.254"), a("10.0.2.1")},
		{"6", a("ff3e::8000:1"), a("2001:db8:1::1"), a("2001:db8:1::2"), a("2001:db8:1::fe"), a("2001:db8:2::fe"), a("2001:db8:2::1")},
	}
}

// sample is a message with a name.
type sample struct {
	name string
	msg  rsvp.Message
}

func adSpec() intserv.AdSpec {
	return intserv.AdSpec{
		General:        intserv.Params{Set: intserv.HasAll, Hops: 2, Bandwidth: 1.25e6, Latency: 30, MTU: 1500},
		Guaranteed:     intserv.GuaranteedAd{Present: true, Filled: true, Ctot: 100, Dtot: 200, Csum: 10, Dsum: 20},
		ControlledLoad: intserv.ControlledLoadAd{Present: true, Break: true, Override: intserv.Params{Set: intserv.HasBandwidth, Bandwidth: 5e5}},
	}
}

// samples returns messages of every type in both address families, with every
// object that the type allows.
func samples() (list []sample) {
	for _, f := range families() {
		session := rsvp.Session{Dst: f.group, Proto: 17, DstPort: 5000}
		hop := rsvp.Hop{Addr: f.hop, LIH: 3}
		s1, s2 := rsvp.FilterSpec{Src: f.sender, Port: 4000}, rsvp.FilterSpec{Src: f.other, Port: 4001}
		add := func(name string, m rsvp.Message) {
			m.SendTTL, m.Session = 64, session
			list = append(list, sample{name + "-v" + f.name, m})
		}
		times := rsvp.TimeValues{RefreshMS: 30000}
		add("path", rsvp.Message{Type: rsvp.Path, Hop: hop, TimeValues: times, Sender: s1, HasTSpec: true, TSpec: tspec, HasAdSpec: true, AdSpec: adSpec()})
		add("path-bare", rsvp.Message{Type: rsvp.Path, Hop: hop, TimeValues: times, Sender: s1, HasTSpec: true, TSpec: tspec})
		add("path-raw", rsvp.Message{Type: rsvp.Path, NoChecksum: true, Hop: hop, TimeValues: times, Sender: s1, HasTSpec: true, TSpec: tspec,
			Integrity: raw(4, 1, 32), Policy: []rsvp.Raw{raw(14, 1, 8), raw(14, 1, 4)}, Unknown: []rsvp.Raw{raw(0xc7, 1, 8), raw(0x87, 1, 4)}})
		add("path-tear", rsvp.Message{Type: rsvp.PathTear, Hop: hop, Sender: s1, HasTSpec: true, TSpec: tspec})
		add("path-err", rsvp.Message{Type: rsvp.PathErr, Error: rsvp.ErrorSpec{Node: f.node, Code: rsvp.CodeTrafficControl, Value: rsvp.ValueBadTSpec},
			Sender: s1, HasTSpec: true, TSpec: tspec, HasAdSpec: true, AdSpec: adSpec()})
		add("resv-ff", rsvp.Message{Type: rsvp.Resv, Hop: hop, TimeValues: times, Confirm: f.rcv, Style: rsvp.FF, Flows: []rsvp.FlowDescriptor{
			{FlowSpec: load, Filters: []rsvp.FilterSpec{s1}}, {FlowSpec: load, Omitted: true, Filters: []rsvp.FilterSpec{s2}}}})
		add("resv-se", rsvp.Message{Type: rsvp.Resv, Hop: hop, TimeValues: times, Style: rsvp.SE, Flows: []rsvp.FlowDescriptor{
			{FlowSpec: rate, Filters: []rsvp.FilterSpec{s1, s2}}}})
		add("resv-wf", rsvp.Message{Type: rsvp.Resv, Hop: hop, TimeValues: times, HasScope: true, Scope: []netip.Addr{f.sender, f.other},
			Style: rsvp.WF, Flows: []rsvp.FlowDescriptor{{FlowSpec: load}}})
		add("resv-tear-ff", rsvp.Message{Type: rsvp.ResvTear, Hop: hop, Style: rsvp.FF, Flows: []rsvp.FlowDescriptor{
			{Filters: []rsvp.FilterSpec{s1}}, {Filters: []rsvp.FilterSpec{s2}}}})
		add("resv-tear-wf", rsvp.Message{Type: rsvp.ResvTear, Hop: hop, Style: rsvp.WF})
		add("resv-err", rsvp.Message{Type: rsvp.ResvErr, Hop: hop, Style: rsvp.FF,
			Error: rsvp.ErrorSpec{Node: f.node, Flags: rsvp.InPlace, Code: rsvp.CodeAdmission, Value: rsvp.ValueBandwidth},
			Flows: []rsvp.FlowDescriptor{{FlowSpec: rate, Filters: []rsvp.FilterSpec{s1}}}})
		add("resv-conf", rsvp.Message{Type: rsvp.ResvConf, Error: rsvp.ErrorSpec{Node: f.node}, Confirm: f.rcv, Style: rsvp.FF,
			Flows: []rsvp.FlowDescriptor{{FlowSpec: load, Filters: []rsvp.FilterSpec{s1}}}})
	}
	label := rsvp.FilterSpec{Src: families()[1].sender, Labeled: true, Label: 0xabcde}
	list = append(list, sample{"path-label-v6", rsvp.Message{Type: rsvp.Path, SendTTL: 64, Session: rsvp.Session{Dst: families()[1].group, Proto: 17},
		Hop: rsvp.Hop{Addr: families()[1].hop}, TimeValues: rsvp.TimeValues{RefreshMS: 5000}, Sender: label, HasTSpec: true, TSpec: tspec}})
	return list
}

// raw returns an object of an opaque body: bytes that count up.
func raw(class, ctype uint8, n int) rsvp.Raw {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i + 1)
	}
	return rsvp.Raw{Object: object.Object{Class: class, CType: ctype, Body: b}}
}
