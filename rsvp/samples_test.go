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
			Integrity: integrity(16), Policy: []rsvp.Raw{raw(14, 1, 8), raw(14, 1, 4)}, Unknown: []rsvp.Raw{raw(0xc7, 1, 8), raw(0x87, 1, 4)}})
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
	for _, f := range families() {
		list = append(list, extensionSamples(f)...)
	}
	label := rsvp.FilterSpec{Src: families()[1].sender, Kind: rsvp.FilterLabel, ID: 0xabcde}
	list = append(list, sample{"path-label-v6", rsvp.Message{Type: rsvp.Path, SendTTL: 64, Session: rsvp.Session{Dst: families()[1].group, Proto: 17},
		Hop: rsvp.Hop{Addr: families()[1].hop}, TimeValues: rsvp.TimeValues{RefreshMS: 5000}, Sender: label, HasTSpec: true, TSpec: tspec}})
	return list
}

// integrity returns an INTEGRITY with a digest that counts up.
func integrity(n int) rsvp.Integrity {
	return rsvp.Integrity{Flags: rsvp.Handshake, KeyID: 0x0a0001010203, Sequence: 0x0102030405060708, Digest: raw(4, 1, n).Body}
}

// raw returns an object of an opaque body: bytes that count up.
func raw(class, ctype uint8, n int) rsvp.Raw {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i + 1)
	}
	return rsvp.Raw{Object: object.Object{Class: class, CType: ctype, Body: b}}
}

// extensionSamples returns messages of the RFCs that extend RFC 2205.
func extensionSamples(f family) (list []sample) {
	session := rsvp.Session{Dst: f.group, Proto: 17, DstPort: 5000}
	hop, times := rsvp.Hop{Addr: f.hop, LIH: 3}, rsvp.TimeValues{RefreshMS: 30000}
	s1 := rsvp.FilterSpec{Src: f.sender, Port: 4000}
	add := func(name string, m rsvp.Message) {
		m.SendTTL = 64
		list = append(list, sample{name + "-v" + f.name, m})
	}
	path := func(name string, s rsvp.Session, from rsvp.FilterSpec, change func(*rsvp.Message)) {
		m := rsvp.Message{Type: rsvp.Path, Session: s, Hop: hop, TimeValues: times, Sender: from, HasTSpec: true, TSpec: tspec}
		change(&m)
		add(name, m)
	}
	resv := func(name string, s rsvp.Session, style rsvp.Style, flows []rsvp.FlowDescriptor, change func(*rsvp.Message)) {
		m := rsvp.Message{Type: rsvp.Resv, Session: s, Hop: hop, TimeValues: times, Style: style, Flows: flows}
		change(&m)
		add(name, m)
	}
	nothing := func(*rsvp.Message) {}
	v6 := !f.sender.Is4()

	gpi := rsvp.FilterSpec{Kind: rsvp.FilterGPI, Src: f.sender, ID: 0xcafe0001}
	ipsec := rsvp.Session{Kind: rsvp.SessionGPI, Dst: f.rcv, Proto: 50, DstPort: 9000}
	path("path-gpi", ipsec, gpi, nothing)
	resv("resv-gpi", ipsec, rsvp.FF, []rsvp.FlowDescriptor{{FlowSpec: load, Filters: []rsvp.FilterSpec{gpi}}}, nothing)

	aggr := rsvp.FilterSpec{Kind: rsvp.FilterAggregate, Src: f.sender}
	path("path-aggregate", rsvp.Session{Kind: rsvp.SessionAggregate, Dst: f.rcv, PHB: 46}, aggr, nothing)
	generic := rsvp.Session{Kind: rsvp.SessionGeneric, Dst: f.rcv, PHB: 0xb800, DstPort: 7, Extended: [16]byte{10, 0, 0, 1}}
	resv("resv-generic", generic, rsvp.SE, []rsvp.FlowDescriptor{{FlowSpec: load, Filters: []rsvp.FilterSpec{aggr}}}, nothing)

	path("path-null", session, s1, func(m *rsvp.Message) {
		m.HasTSpec, m.TSpec, m.NullTSpec = false, intserv.TSpec{}, rsvp.NullTSpec{Present: true, MaxPacket: 1400}
		m.HasAdSpec, m.AdSpec = true, intserv.NewAdSpec(intserv.Null)
	})
	path("path-null-too", session, s1, func(m *rsvp.Message) { m.NullTSpec = rsvp.NullTSpec{Present: true, MaxPacket: 1400} })
	null := intserv.FlowSpec{Service: intserv.Null, TSpec: intserv.TSpec{MaxPacket: 1400}}
	resv("resv-null", session, rsvp.FF, []rsvp.FlowDescriptor{{FlowSpec: null, Filters: []rsvp.FilterSpec{s1}}}, func(m *rsvp.Message) { m.DClass = []uint8{10, 12} })

	path("path-ids", session, s1, func(m *rsvp.Message) {
		m.Flags, m.Integrity, m.NoChecksum = rsvp.RefreshReduction, integrity(16), true
		m.Acks = []rsvp.MessageAck{{Epoch: 5, ID: 1}, {Nack: true, Epoch: 5, ID: 2}}
		m.HasMessageID, m.MessageID = true, rsvp.MessageID{Flags: rsvp.AckDesired, Epoch: 7, ID: 9}
	})
	add("ack", rsvp.Message{Type: rsvp.Ack, Acks: []rsvp.MessageAck{{Epoch: 5, ID: 1}}})
	ids := func(ctype uint8, entries ...rsvp.IDEntry) rsvp.IDList {
		l := rsvp.IDList{CType: ctype, Epoch: 7}
		for _, e := range entries {
			if err := l.Append(e); err != nil {
				panic(err)
			}
		}
		return l
	}
	src, mcast := uint8(2), uint8(4)
	if v6 {
		src, mcast = 3, 5
	}
	add("srefresh", rsvp.Message{Type: rsvp.Srefresh, Flags: rsvp.RefreshReduction, HasMessageID: true, MessageID: rsvp.MessageID{Epoch: 7, ID: 10},
		IDLists: []rsvp.IDList{ids(1, rsvp.IDEntry{ID: 1}, rsvp.IDEntry{ID: 2}), ids(mcast, rsvp.IDEntry{ID: 3, Src: f.sender, Dst: f.group})}})
	add("srefresh-src", rsvp.Message{Type: rsvp.Srefresh, IDLists: []rsvp.IDList{ids(src, rsvp.IDEntry{ID: 3, Src: f.sender})}})
	var bundled []byte
	for _, s := range list[:2] {
		bundled, _ = s.msg.AppendTo(bundled)
	}
	add("bundle", rsvp.Message{Type: rsvp.Bundle, Bundled: bundled})

	add("challenge", rsvp.Message{Type: rsvp.IntegrityChallenge, HasChallenge: true, Challenge: rsvp.Challenge{KeyID: 5, Cookie: [8]byte{1, 2, 3}}})
	add("response", rsvp.Message{Type: rsvp.IntegrityResponse, NoChecksum: true, Integrity: integrity(32), HasChallenge: true, Challenge: rsvp.Challenge{KeyID: 5, Cookie: [8]byte{1, 2, 3}}})

	diag := rsvp.DiagHeader{MaxHops: 9, RequestID: 1, PathMTU: 1500, LastHop: f.rcv, Sender: s1, Requester: rsvp.FilterSpec{Src: f.rcv, Port: 700}}
	add("diag-request", rsvp.Message{Type: rsvp.Diagnostic, Session: session, Hop: hop, Diag: diag, Route: rsvp.DiagRoute{Present: true, V6: v6, Pointer: 1, Nodes: []netip.Addr{f.rcv}},
		DiagSelect: []rsvp.DiagSelect{{Class: rsvp.ClassStyle}}})
	diag.More, diag.Offset = true, 80
	style, _ := rsvp.FF.AppendTo(nil)
	add("diag-reply", rsvp.Message{Type: rsvp.DiagnosticReply, Session: session, Hop: hop, Diag: diag, Responses: []rsvp.DiagResponse{
		{V6: v6, Arrival: 1, Incoming: f.hop, Outgoing: f.node, PHop: f.sender, TTL: 1, K: 3, Timer: 30, Objects: style}, {V6: v6, Error: rsvp.DiagNoPath}}})

	return append(list, teSamples(f)...)
}

// teSamples returns messages of RFC 3209 and RFC 3473.
func teSamples(f family) (list []sample) {
	hop, times := rsvp.Hop{Addr: f.hop, LIH: 3}, rsvp.TimeValues{RefreshMS: 30000}
	tunnel := rsvp.Session{Kind: rsvp.SessionTunnel, Dst: f.rcv, DstPort: 7, Extended: [16]byte{10, 0, 0, 1}}
	l1, l2 := rsvp.FilterSpec{Kind: rsvp.FilterTunnel, Src: f.sender, Port: 1}, rsvp.FilterSpec{Kind: rsvp.FilterTunnel, Src: f.sender, Port: 2}
	add := func(name string, m rsvp.Message) {
		m.SendTTL = 64
		list = append(list, sample{name + "-v" + f.name, m})
	}
	rawOf := func(b []byte, err error) rsvp.Raw {
		if err != nil {
			panic(err)
		}
		o, _, _ := object.Parse(b)
		return rsvp.Raw{Object: o}
	}
	typ := rsvp.SubobjectIPv4
	if !f.hop.Is4() {
		typ = rsvp.SubobjectIPv6
	}
	here := rsvp.Subobject{Type: typ, Prefix: netip.PrefixFrom(f.hop, f.hop.BitLen())}
	rro := rawOf(rsvp.AppendRecordRoute(nil, []rsvp.Subobject{here}))
	label := rawOf(rsvp.Label{CType: 1, Value: 17}.AppendAs(nil, rsvp.ClassLabel))
	add("path-te", rsvp.Message{Type: rsvp.Path, Session: tunnel, Hop: hop, TimeValues: times, Sender: l1, HasTSpec: true, TSpec: tspec, Other: []rsvp.Raw{
		rawOf(rsvp.AppendExplicitRoute(nil, []rsvp.Subobject{here, {Type: rsvp.SubobjectAS, Loose: true, AS: 5}})), rawOf(rsvp.LabelRequest{CType: 1, L3PID: 0x0800}.AppendTo(nil)),
		rawOf(rsvp.SessionAttribute{Setup: 7, Hold: 7, Name: []byte("tunnel")}.AppendTo(nil)), rro}})
	add("resv-te-ff", rsvp.Message{Type: rsvp.Resv, Session: tunnel, Hop: hop, TimeValues: times, Style: rsvp.FF,
		Flows:    []rsvp.FlowDescriptor{{FlowSpec: load, Filters: []rsvp.FilterSpec{l1}}, {FlowSpec: load, Omitted: true, Filters: []rsvp.FilterSpec{l2}}},
		Attached: []rsvp.Attached{{Raw: label}, {Raw: rro}, {Flow: 1, Raw: label}}})
	add("resv-te-se", rsvp.Message{Type: rsvp.Resv, Session: tunnel, Hop: hop, TimeValues: times, Style: rsvp.SE, Flows: []rsvp.FlowDescriptor{
		{FlowSpec: load, Filters: []rsvp.FilterSpec{l1, l2}}}, Attached: []rsvp.Attached{{Raw: label}, {Filter: 1, Raw: label}, {Filter: 1, Raw: rro}}})
	add("path-err-user", rsvp.Message{Type: rsvp.PathErr, Session: tunnel, Error: rsvp.ErrorSpec{Node: f.node, Code: rsvp.CodeUserError},
		Sender: l1, HasTSpec: true, TSpec: tspec, Other: []rsvp.Raw{rawOf(rsvp.UserError{Enterprise: 9, Value: 1, Description: []byte("no")}.AppendTo(nil))}})
	add("hello", rsvp.Message{Type: rsvp.Hello, Hello: rsvp.HelloObject{Src: 1, Dst: 2}, Other: []rsvp.Raw{rawOf(rsvp.RestartCap{RestartMS: 60000}.AppendTo(nil))}})
	add("hello-ack", rsvp.Message{Type: rsvp.Hello, Hello: rsvp.HelloObject{Ack: true, Src: 2, Dst: 1}})
	template := rawOf(l1.AppendTemplate(nil))
	add("notify", rsvp.Message{Type: rsvp.Notify, Error: rsvp.ErrorSpec{Node: f.node, Code: rsvp.CodeNotify, Value: 4}, HasMessageID: true, MessageID: rsvp.MessageID{Epoch: 1, ID: 2},
		Other: []rsvp.Raw{rawOf(tunnel.AppendTo(nil)), template, rawOf(tunnel.AppendTo(nil)), template}})
	add("resv-tear-conf", rsvp.Message{Type: rsvp.ResvTearConf, Session: tunnel, Error: rsvp.ErrorSpec{Node: f.node}, Confirm: f.rcv, Style: rsvp.SE, Flows: []rsvp.FlowDescriptor{
		{FlowSpec: load, Filters: []rsvp.FilterSpec{l1}}}})
	return list
}
