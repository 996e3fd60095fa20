package rsvp_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/intserv"
	"github.com/mpstack/mpstack/wire/object"
)

var (
	v4 = netip.MustParseAddr("10.1.2.3")
	v6 = netip.MustParseAddr("2001:db8::1:2")
)

const a4 = 0x0a010203

// six is the words of v6 and what follows.
func six(w ...uint32) []uint32 { return append([]uint32{0x20010db8, 0, 0, 0x00010002}, w...) }

// join is one list of words.
func join(lists ...[]uint32) []uint32 { return slices.Concat(lists...) }

// text is the words of a string that is padded with zeros.
func text(s string) (w []uint32) {
	for b := []byte(s + "\x00\x00\x00"); len(b) >= 4; b = b[4:] {
		w = append(w, binary.BigEndian.Uint32(b))
	}
	return w
}

// keptCase is an object without a field in Message: bytes, what its Parse
// function returns, and how it is appended again.
type keptCase struct {
	name  string
	want  []byte
	parse func(object.Object) (any, error)
	value any
	make  func([]byte) ([]byte, error)
}

func kept[T any](name string, want []byte, parse func(object.Object) (T, error), value T, make func([]byte) ([]byte, error)) keptCase {
	return keptCase{name, want, func(o object.Object) (any, error) { return parse(o) }, value, make}
}

// routeOf collects the subobjects of an object.
func routeOf(o object.Object) ([]rsvp.Subobject, error) {
	seq, err := rsvp.Subobjects(o)
	if err != nil {
		return nil, err
	}
	return slices.Collect(seq), nil
}

func keptObjects() []keptCase {
	mpls, opaque := rsvp.Label{CType: 1, Value: 17}, rsvp.Label{CType: 2, Opaque: []byte{1, 2, 3, 4, 5, 6, 7, 8}}
	band := rsvp.Label{CType: 3, Band: [3]uint32{1, 2, 3}}
	list := []keptCase{}
	for _, c := range []rsvp.Class{rsvp.ClassLabel, rsvp.ClassRecoveryLabel, rsvp.ClassUpstreamLabel, rsvp.ClassSuggestedLabel} {
		as := func(l rsvp.Label) func([]byte) ([]byte, error) {
			return func(b []byte) ([]byte, error) { return l.AppendAs(b, c) }
		}
		list = append(list,
			kept(c.String(), words(byte(c), 1, 17), rsvp.ParseLabel, mpls, as(mpls)),
			kept(c.String()+" generalized", words(byte(c), 2, 0x01020304, 0x05060708), rsvp.ParseLabel, opaque, as(opaque)),
			kept(c.String()+" waveband", words(byte(c), 3, 1, 2, 3), rsvp.ParseLabel, band, as(band)))
	}
	set := rsvp.LabelSet{Action: 2, LabelType: 1, Subchannels: []byte{0, 0, 0, 16, 0, 0, 0, 99}}
	for _, c := range []rsvp.Class{rsvp.ClassLabelSet, rsvp.ClassAcceptableLabelSet} {
		list = append(list, kept(c.String(), words(byte(c), 1, 2<<24|1, 16, 99), rsvp.ParseLabelSet, set,
			func(b []byte) ([]byte, error) { return set.AppendAs(b, c) }))
	}
	for _, r := range []struct {
		want []byte
		v    rsvp.LabelRequest
	}{
		{words(19, 1, 0x0800), rsvp.LabelRequest{CType: 1, L3PID: 0x0800}},
		{words(19, 2, 0x0800, 0x80<<24|5<<16|32, 0xfff<<16|65535), rsvp.LabelRequest{CType: 2, L3PID: 0x0800, Merge: true, MinVPI: 5, MinVCI: 32, MaxVPI: 0xfff, MaxVCI: 65535}},
		{words(19, 3, 0x0800, 2<<23|16, 1007), rsvp.LabelRequest{CType: 3, L3PID: 0x0800, DLCILen: 2, MinDLCI: 16, MaxDLCI: 1007}},
		{words(19, 4, 1<<24|100<<16|33), rsvp.LabelRequest{CType: 4, Encoding: 1, Switch: 100, L3PID: 33}},
	} {
		list = append(list, kept("LABEL_REQUEST", r.want, rsvp.ParseLabelRequest, r.v, r.v.AppendTo))
	}
	ero := []rsvp.Subobject{
		{Type: rsvp.SubobjectIPv4, Loose: true, Prefix: netip.PrefixFrom(v4, 24)},
		{Type: rsvp.SubobjectIPv6, Prefix: netip.PrefixFrom(v6, 128)},
		{Type: rsvp.SubobjectAS, AS: 65001},
		{Type: rsvp.SubobjectLabel, Up: true, Label: mpls},
		{Type: 64, Raw: []byte{9, 8, 7, 6, 5, 4}},
	}
	rro := []rsvp.Subobject{{Type: rsvp.SubobjectIPv4, Prefix: netip.PrefixFrom(v4, 32), Flags: 3}, {Type: rsvp.SubobjectLabel, Flags: 1, Label: mpls}}
	attr := rsvp.SessionAttribute{Setup: 7, Hold: 6, Flags: 4, Name: []byte("R1_t1")}
	affine := rsvp.SessionAttribute{Affinities: true, ExcludeAny: 1, IncludeAny: 2, IncludeAll: 3, Setup: 1, Hold: 2, Flags: 3, Name: []byte{}}
	soi4 := rsvp.Session{Kind: rsvp.SessionGeneric, Dst: v4, Flags: 1, PHB: 0xb800, DstPort: 7, Extended: [16]byte{1, 2, 3, 4}}
	soi6 := soi4
	soi6.Dst, soi6.Extended = v6, [16]byte{15: 9}
	user := rsvp.UserError{Enterprise: 9, Org: 1, Value: 700, Description: []byte("no way"), Subobjects: []byte{1, 4, 0, 9}}
	return append(list,
		kept("EXPLICIT_ROUTE", words(20, 1, 0x8108<<16|0x0a01, 0x0203<<16|24<<8, 0x0214<<16|0x2001, 0x0db80000, 0, 1, 2<<16|128<<8, 32<<24|4<<16|65001,
			3<<24|8<<16|0x80<<8|1, 17, 64<<24|8<<16|0x0908, 0x07060504), routeOf, ero, func(b []byte) ([]byte, error) { return rsvp.AppendExplicitRoute(b, ero) }),
		kept("RECORD_ROUTE", words(21, 1, 0x0108<<16|0x0a01, 0x0203<<16|32<<8|3, 3<<24|8<<16|1<<8|1, 17), routeOf, rro,
			func(b []byte) ([]byte, error) { return rsvp.AppendRecordRoute(b, rro) }),
		kept("SESSION_ATTRIBUTE", words(207, 7, join([]uint32{7<<24 | 6<<16 | 4<<8 | 5}, text("R1_t1"))...), rsvp.ParseSessionAttribute, attr, attr.AppendTo),
		kept("SESSION_ATTRIBUTE with affinities", words(207, 1, 1, 2, 3, 1<<24|2<<16|3<<8), rsvp.ParseSessionAttribute, affine, affine.AppendTo),
		kept("SESSION-OF-INTEREST v4", words(132, 1, a4, 1<<16|0xb800, 7, 0x01020304), rsvp.ParseSessionOfInterest, soi4,
			func(b []byte) ([]byte, error) { return rsvp.AppendSessionOfInterest(b, soi4) }),
		kept("SESSION-OF-INTEREST v6", words(132, 2, six(1<<16|0xb800, 7, 0, 0, 0, 9)...), rsvp.ParseSessionOfInterest, soi6,
			func(b []byte) ([]byte, error) { return rsvp.AppendSessionOfInterest(b, soi6) }),
		kept("USER_ERROR_SPEC", words(194, 1, join([]uint32{9, 1<<24 | 6<<16 | 700}, text("no way"), []uint32{0x01040009})...), rsvp.ParseUserError, user, user.AppendTo),
		kept("RESTART_CAP", words(131, 1, 60000, 0), rsvp.ParseRestartCap, rsvp.RestartCap{RestartMS: 60000}, rsvp.RestartCap{RestartMS: 60000}.AppendTo),
		kept("NOTIFY_REQUEST v4", words(195, 1, a4), rsvp.ParseNotifyRequest, v4, func(b []byte) ([]byte, error) { return rsvp.AppendNotifyRequest(b, v4) }),
		kept("NOTIFY_REQUEST v6", words(195, 2, six()...), rsvp.ParseNotifyRequest, v6, func(b []byte) ([]byte, error) { return rsvp.AppendNotifyRequest(b, v6) }),
		kept("ADMIN_STATUS", words(196, 1, 0x80000003), rsvp.ParseAdminStatus, rsvp.AdminReflect|rsvp.AdminDown|rsvp.AdminDeletion,
			(rsvp.AdminReflect|rsvp.AdminDown|rsvp.AdminDeletion).AppendTo),
		kept("PROTECTION", words(37, 1, 0x80000008), rsvp.ParseProtection, rsvp.Protection{Secondary: true, Links: 8}, rsvp.Protection{Secondary: true, Links: 8}.AppendTo),
	)
}

// policyData is a POLICY_DATA with every option of its kind and element.
func policyData() rsvp.PolicyData {
	pri, _ := rsvp.Preemption{Strategy: rsvp.MergeHighest, Priority: 5, Defending: 9}.Element()
	id, _ := rsvp.Identity{Type: rsvp.PolicyApplication, Attributes: []rsvp.Attribute{
		{Type: rsvp.AttributeLocator, SubType: rsvp.LocatorASCII, Value: []byte("APP=SAP, VER=1.1")},
		{Type: rsvp.AttributeCredential, SubType: rsvp.CredentialASCII, Value: []byte("SAP.EXE")}}}.Element()
	return rsvp.PolicyData{
		Filters: []rsvp.FilterSpec{{Src: v4, Port: 4000}}, Origin: rsvp.Hop{Addr: v4, LIH: 1}, Target: rsvp.Hop{Addr: v4, LIH: 2},
		Integrity: integrity(16), Refresh: rsvp.TimeValues{RefreshMS: 60000}, Elements: []rsvp.PolicyElement{pri, id},
	}
}

// extensionObjects are the objects of the RFCs that extend RFC 2205.
func extensionObjects() []objectCase {
	tunnel6 := [16]byte{15: 7}
	diag := func(a netip.Addr) rsvp.DiagHeader {
		return rsvp.DiagHeader{MaxHops: 9, Hops: 2, More: true, RequestID: 0xdeadbeef, PathMTU: 1500, Offset: 40, LastHop: a,
			Sender: rsvp.FilterSpec{Src: a, Port: 1}, Requester: rsvp.FilterSpec{Src: a, Port: 2}}
	}
	diagHead := []uint32{9<<24 | 2<<16 | 1, 0xdeadbeef, 1500<<16 | 40}
	response := rsvp.DiagResponse{Arrival: 1, Incoming: v4, TTL: 1, Merged: true, Error: rsvp.DiagNoPath | rsvp.DiagRouteBig, K: 3, Timer: 30, Objects: words(8, 1, 10)}
	response6 := rsvp.DiagResponse{V6: true, Arrival: 1, Outgoing: v6, PHop: v6, TTL: 1, K: 3, Timer: 30}
	list := func(ctype uint8, entries ...rsvp.IDEntry) func([]byte) ([]byte, error) {
		l := rsvp.IDList{CType: ctype, Epoch: 0xabcdef}
		var bad error
		for _, e := range entries {
			bad = errors.Join(bad, l.Append(e))
		}
		return func(b []byte) ([]byte, error) {
			if bad != nil {
				return b, bad
			}
			return l.AppendTo(b)
		}
	}
	none := rsvp.NullTSpec{Present: true, MaxPacket: 1400}
	null := intserv.FlowSpec{Service: intserv.Null, TSpec: intserv.TSpec{MaxPacket: 1400}}
	ad := intserv.NewAdSpec(intserv.Null)
	ad.General = intserv.Params{Set: intserv.HasAll, Hops: 3, Bandwidth: 1e6, Latency: 40, MTU: 1400}
	ad.Null.Break = true
	cases := []objectCase{
		{"SESSION v4 GPI", rsvp.Session{Kind: rsvp.SessionGPI, Dst: v4, Proto: 50, DstPort: 9000}.AppendTo, words(1, 3, a4, 50<<24|9000)},
		{"SESSION v6 GPI", rsvp.Session{Kind: rsvp.SessionGPI, Dst: v6, Proto: 51, Flags: 1, DstPort: 11}.AppendTo, words(1, 4, six(51<<24|1<<16|11)...)},
		{"SESSION v4 tunnel", rsvp.Session{Kind: rsvp.SessionTunnel, Dst: v4, DstPort: 7, Extended: [16]byte{10, 0, 0, 1}}.AppendTo, words(1, 7, a4, 7, 0x0a000001)},
		{"SESSION v6 tunnel", rsvp.Session{Kind: rsvp.SessionTunnel, Dst: v6, DstPort: 7, Extended: tunnel6}.AppendTo, words(1, 8, six(7, 0, 0, 0, 7)...)},
		{"SESSION v4 aggregate", rsvp.Session{Kind: rsvp.SessionAggregate, Dst: v4, Flags: 1, PHB: 46}.AppendTo, words(1, 9, a4, 1<<16|46)},
		{"SESSION v6 aggregate", rsvp.Session{Kind: rsvp.SessionAggregate, Dst: v6, PHB: 46}.AppendTo, words(1, 10, six(46)...)},
		{"SESSION v4 generic", rsvp.Session{Kind: rsvp.SessionGeneric, Dst: v4, Flags: 1, PHB: 0xb800, DstPort: 5, Extended: [16]byte{10, 0, 0, 1}}.AppendTo,
			words(1, 17, a4, 1<<16|0xb800, 5, 0x0a000001)},
		{"SESSION v6 generic", rsvp.Session{Kind: rsvp.SessionGeneric, Dst: v6, PHB: 0xb800, DstPort: 5, Extended: tunnel6}.AppendTo,
			words(1, 18, six(0xb800, 5, 0, 0, 0, 7)...)},
		{"RSVP_HOP v4 IF_ID", with(rsvp.Message{Hop: rsvp.Hop{Addr: v4, LIH: 7, IFID: true}, HopTLVs: words(0, 1, a4)[:0]}, rsvp.ClassHop), words(3, 3, a4, 7)},
		{"RSVP_HOP v6 IF_ID", rsvp.Hop{Addr: v6, LIH: 7, IFID: true}.AppendTo, words(3, 4, six(7)...)},
		{"ERROR_SPEC v4 IF_ID", rsvp.ErrorSpec{Node: v4, Code: 24, Value: 5, IFID: true}.AppendTo, words(6, 3, a4, 24<<16|5)},
		{"ERROR_SPEC v6 IF_ID", rsvp.ErrorSpec{Node: v6, Code: 24, Value: 5, IFID: true}.AppendTo, words(6, 4, six(24<<16|5)...)},
		{"INTEGRITY", integrity(16).AppendTo, words(4, 1, 0x80000a00, 0x01010203, 0x01020304, 0x05060708, 0x01020304, 0x05060708, 0x090a0b0c, 0x0d0e0f10)},
		{"CHALLENGE", rsvp.Challenge{KeyID: 0x0a0001010203, Cookie: [8]byte{1, 2, 3, 4, 5, 6, 7, 8}}.AppendTo, words(64, 1, 0x0a00, 0x01010203, 0x01020304, 0x05060708)},
		{"MESSAGE_ID", rsvp.MessageID{Flags: rsvp.AckDesired, Epoch: 0xabcdef, ID: 9}.AppendTo, words(23, 1, 0x01abcdef, 9)},
		{"MESSAGE_ID_ACK", rsvp.MessageAck{Epoch: 0xabcdef, ID: 9}.AppendTo, words(24, 1, 0xabcdef, 9)},
		{"MESSAGE_ID_NACK", rsvp.MessageAck{Nack: true, Epoch: 0xabcdef, ID: 9}.AppendTo, words(24, 2, 0xabcdef, 9)},
		{"MESSAGE_ID LIST", list(1, rsvp.IDEntry{ID: 1}, rsvp.IDEntry{ID: 2}), words(25, 1, 0xabcdef, 1, 2)},
		{"MESSAGE_ID SRC_LIST v4", list(2, rsvp.IDEntry{ID: 1, Src: v4}), words(25, 2, 0xabcdef, 1, a4)},
		{"MESSAGE_ID SRC_LIST v6", list(3, rsvp.IDEntry{ID: 1, Src: v6}), words(25, 3, append([]uint32{0xabcdef, 1}, six()...)...)},
		{"MESSAGE_ID MCAST_LIST v4", list(4, rsvp.IDEntry{ID: 1, Src: v4, Dst: v4.Next()}), words(25, 4, 0xabcdef, 1, a4, a4+1)},
		{"MESSAGE_ID MCAST_LIST v6", list(5, rsvp.IDEntry{ID: 1, Src: v6, Dst: v6}), words(25, 5, join([]uint32{0xabcdef, 1}, six(), six())...)},
		{"DIAGNOSTIC v4", diag(v4).AppendTo, words(30, 1, join(diagHead, []uint32{a4, 12<<16 | 11<<8 | 1, a4, 1, 12<<16 | 10<<8 | 1, a4, 2})...)},
		{"DIAGNOSTIC v6", diag(v6).AppendTo, words(30, 2, join(diagHead, six(24<<16|11<<8|2), six(1, 24<<16|10<<8|2), six(2))...)},
		{"ROUTE v4", (&rsvp.DiagRoute{Pointer: 1, Nodes: []netip.Addr{v4}}).AppendTo, words(31, 1, 1, a4)},
		{"ROUTE v6, empty", (&rsvp.DiagRoute{V6: true}).AppendTo, words(31, 2, 0)},
		{"DIAG_RESPONSE v4", response.AppendTo, words(32, 1, 1, a4, 0, 0, 1<<24|0xd3<<16|30, 8<<16|8<<8|1, 10)},
		{"DIAG_RESPONSE v6", response6.AppendTo, words(32, 2, join([]uint32{1, 0, 0, 0, 0}, six(), six(1<<24|3<<16|30))...)},
		{"DIAG_SELECT", func(b []byte) ([]byte, error) {
			return rsvp.AppendDiagSelect(b, []rsvp.DiagSelect{{Class: rsvp.ClassFlowSpec, CType: 2}, {Class: rsvp.ClassStyle}, {Class: rsvp.ClassAdSpec}})
		}, words(33, 1, 9<<24|2<<16|8<<8, 13<<24)},
		{"DCLASS", func(b []byte) ([]byte, error) { return rsvp.AppendDClass(b, []uint8{10, 12, 14}) }, words(225, 1, 10<<2, 12<<2, 14<<2)},
		{"HELLO REQUEST", rsvp.HelloObject{Src: 1, Dst: 2}.AppendTo, words(22, 1, 1, 2)},
		{"HELLO ACK", rsvp.HelloObject{Ack: true, Src: 1}.AppendTo, words(22, 2, 1, 0)},
		{"SENDER_TSPEC, Null service", func(b []byte) ([]byte, error) { return rsvp.AppendSenderTSpecs(b, nil, none) }, words(12, 2, 3, 6<<24|2, 128<<24|1, 1400)},
		{"SENDER_TSPEC, both", func(b []byte) ([]byte, error) { return rsvp.AppendSenderTSpecs(b, &tspec, none) },
			words(12, 2, 10, 1<<24|6, 127<<24|5, bits(125000), bits(1000), bits(250000), 100, 1500, 6<<24|2, 128<<24|1, 1400)},
		{"FLOWSPEC, Null service", func(b []byte) ([]byte, error) { return rsvp.AppendFlowSpec(b, null) }, words(9, 2, 3, 6<<24|2, 128<<24|1, 1400)},
		{"ADSPEC of RFC 2997 section 4.2", func(b []byte) ([]byte, error) { return rsvp.AppendAdSpec(b, ad) },
			words(13, 2, 10, 1<<24|8, 4<<24|1, 3, 6<<24|1, bits(1e6), 8<<24|1, 40, 10<<24|1, 1400, 6<<24|1<<23)},
		{"POLICY_DATA", policyData().AppendTo, words(14, 1, join([]uint32{(8 + 12 + 12 + 12 + 36 + 8) << 16},
			[]uint32{12<<16 | 10<<8 | 1, a4, 4000, 12<<16 | 3<<8 | 1, a4, 1, 12<<16 | 3<<8 | 1, a4, 2},
			[]uint32{36<<16 | 4<<8 | 1, 0x80000a00, 0x01010203, 0x01020304, 0x05060708, 0x01020304, 0x05060708, 0x090a0b0c, 0x0d0e0f10, 8<<16 | 5<<8 | 1, 60000},
			[]uint32{12<<16 | 1, 2 << 16, 5<<16 | 9, 36<<16 | 3, 20<<16 | 1<<8 | 1}, text("APP=SAP, VER=1.1"), []uint32{11<<16 | 2<<8 | 1}, text("SAP.EXE"))...)},
	}
	for _, f := range []struct {
		f     rsvp.FilterSpec
		ctype byte
		w     []uint32
	}{
		{rsvp.FilterSpec{Kind: rsvp.FilterGPI, Src: v4, ID: 0xcafe0001}, 4, []uint32{a4, 0xcafe0001}},
		{rsvp.FilterSpec{Kind: rsvp.FilterGPI, Src: v6, ID: 0xcafe0001}, 5, six(0xcafe0001)},
		{rsvp.FilterSpec{Kind: rsvp.FilterTunnel, Src: v4, Port: 3}, 7, []uint32{a4, 3}},
		{rsvp.FilterSpec{Kind: rsvp.FilterTunnel, Src: v6, Port: 3}, 8, six(3)},
		{rsvp.FilterSpec{Kind: rsvp.FilterAggregate, Src: v4}, 9, []uint32{a4}},
		{rsvp.FilterSpec{Kind: rsvp.FilterAggregate, Src: v6}, 10, six()},
	} {
		cases = append(cases, objectCase{"FILTER_SPEC " + f.f.String(), f.f.AppendTo, words(10, f.ctype, f.w...)},
			objectCase{"SENDER_TEMPLATE " + f.f.String(), f.f.AppendTemplate, words(11, f.ctype, f.w...)})
	}
	for _, k := range keptObjects() {
		cases = append(cases, objectCase{k.name, k.make, k.want})
	}
	return cases
}

// with is an encoder that gives one object of a message.
func with(m rsvp.Message, class rsvp.Class) func([]byte) ([]byte, error) {
	m.Type, m.Session, m.TimeValues = rsvp.Path, rsvp.Session{Dst: v4, Proto: 17}, rsvp.TimeValues{RefreshMS: 1}
	m.Sender, m.HasTSpec, m.TSpec = rsvp.FilterSpec{Src: v4}, true, tspec
	return func(b []byte) ([]byte, error) {
		all, err := m.AppendTo(nil)
		if err != nil {
			return b, err
		}
		for rest := all[rsvp.HeaderLen:]; len(rest) > 0; {
			o, next, err := object.Parse(rest)
			if err != nil {
				return b, err
			}
			if o.Class == uint8(class) {
				return append(b, rest[:o.WireLen()]...), nil
			}
			rest = next
		}
		return b, errors.New("not there")
	}
}

// TestKeptObjects: the Parse functions give the values back; they refuse other
// classes, unknown C-Types and wrong lengths.
func TestKeptObjects(t *testing.T) {
	for _, k := range keptObjects() {
		o, _, err := object.Parse(k.want)
		if err != nil {
			t.Fatal(err)
		}
		v, err := k.parse(o)
		if err != nil {
			t.Errorf("%s: %v", k.name, err)
			continue
		}
		if d := cmp.Diff(k.value, v, cmpopts.EquateEmpty(), cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
			cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); d != "" {
			t.Errorf("%s (-want +got):\n%s", k.name, d)
		}
		for what, bad := range map[string]object.Object{
			"class": {Class: 1, CType: o.CType, Body: o.Body}, "C-Type": {Class: o.Class, CType: 99, Body: o.Body},
		} {
			if _, err := k.parse(bad); err == nil {
				t.Errorf("%s: another %s was taken", k.name, what)
			}
		}
		ct, _ := rsvp.Lookup(rsvp.Class(o.Class), o.CType)
		if ct.Min > 0 {
			if _, err := k.parse(object.Object{Class: o.Class, CType: o.CType, Body: o.Body[:ct.Min-4]}); !errors.Is(err, object.ErrLength) {
				t.Errorf("%s: too short: %v", k.name, err)
			}
		}
	}
}

// TestTLVs: the TLVs of IF_ID objects.
func TestTLVs(t *testing.T) {
	var tlvs []byte
	for _, v := range []rsvp.TLV{{Type: 3, Value: []byte{10, 1, 2, 3, 0, 0, 0, 7}}, {Type: 99, Value: []byte{1, 2, 3}}} {
		var err error
		if tlvs, err = v.AppendTo(tlvs); err != nil {
			t.Fatal(err)
		}
	}
	if want := []byte{0, 3, 0, 12, 10, 1, 2, 3, 0, 0, 0, 7, 0, 99, 0, 7, 1, 2, 3, 0}; !bytes.Equal(tlvs, want) {
		t.Errorf("%x", tlvs)
	}
	m := samples()[0].msg
	m.Hop.IFID, m.HopTLVs = true, tlvs
	b, err := m.AppendTo(nil)
	if err != nil || len(b) != m.WireLen() {
		t.Fatalf("%v, %d bytes of %d", err, len(b), m.WireLen())
	}
	var got rsvp.Message
	if err := got.Decode(b); err != nil || !got.Hop.IFID || !bytes.Equal(got.HopTLVs, tlvs) {
		t.Errorf("%v %+v %x", err, got.Hop, got.HopTLVs)
	}
	first, rest, err := rsvp.ParseTLV(got.HopTLVs)
	if err != nil || first.Type != 3 || len(rest) != 8 {
		t.Errorf("%+v %x %v", first, rest, err)
	}
	m.Hop.IFID = false
	if _, err := m.AppendTo(nil); !errors.Is(err, rsvp.ErrNotAllowed) {
		t.Errorf("TLVs without IF_ID: %v", err)
	}
	for _, bad := range [][]byte{{0, 1}, {0, 1, 0, 3}, {0, 1, 0, 9, 1, 2, 3, 4}} {
		if _, _, err := rsvp.ParseTLV(bad); err == nil {
			t.Errorf("%x was taken", bad)
		}
	}
	if _, err := (rsvp.TLV{Value: make([]byte, 65532)}).AppendTo(nil); !errors.Is(err, object.ErrTooLong) {
		t.Errorf("%v", err)
	}
}

// TestInvalidExtensions: values that are no object are refused and leave the
// buffer as it was.
func TestInvalidExtensions(t *testing.T) {
	tests := map[string]func([]byte) ([]byte, error){
		"GPI session without virtual port": rsvp.Session{Kind: rsvp.SessionGPI, Dst: v4, Proto: 50}.AppendTo,
		"tunnel without end":               rsvp.Session{Kind: rsvp.SessionTunnel}.AppendTo,
		"aggregate with a long DSCP":       rsvp.Session{Kind: rsvp.SessionAggregate, Dst: v4, PHB: 256}.AppendTo,
		"session of no kind":               rsvp.Session{Kind: 9, Dst: v4}.AppendTo,
		"filter of no kind":                rsvp.FilterSpec{Kind: 9, Src: v4}.AppendTo,
		"interest in a session with ports": func(b []byte) ([]byte, error) {
			return rsvp.AppendSessionOfInterest(b, rsvp.Session{Dst: v4, Proto: 17})
		},
		"no digest":                      rsvp.Integrity{}.AppendTo,
		"digest of 3":                    rsvp.Integrity{Digest: []byte{1, 2, 3}}.AppendTo,
		"key of 49 bits":                 rsvp.Integrity{KeyID: 1 << 48, Digest: make([]byte, 16)}.AppendTo,
		"challenge for a key of 49 bits": rsvp.Challenge{KeyID: 1 << 48}.AppendTo,
		"epoch of 25 bits":               rsvp.MessageID{Epoch: 1 << 24}.AppendTo,
		"ack of an epoch of 25 bits":     rsvp.MessageAck{Epoch: 1 << 24}.AppendTo,
		"list without entries":           rsvp.IDList{CType: 1}.AppendTo,
		"list of no kind":                rsvp.IDList{CType: 6, Entries: make([]byte, 36)}.AppendTo,
		"list with half an entry":        rsvp.IDList{CType: 2, Entries: make([]byte, 12)}.AppendTo,
		"list of an epoch of 25 bits":    rsvp.IDList{CType: 1, Epoch: 1 << 24, Entries: make([]byte, 4)}.AppendTo,
		"no code points":                 func(b []byte) ([]byte, error) { return rsvp.AppendDClass(b, nil) },
		"code point of 7 bits":           func(b []byte) ([]byte, error) { return rsvp.AppendDClass(b, []uint8{1, 64}) },
		"hello of instance 0":            rsvp.HelloObject{}.AppendTo,
		"nobody to notify":               func(b []byte) ([]byte, error) { return rsvp.AppendNotifyRequest(b, netip.Addr{}) },
		"7 link flags":                   rsvp.Protection{Links: 64}.AppendTo,
		"label of no kind":               func(b []byte) ([]byte, error) { return rsvp.Label{}.AppendAs(b, rsvp.ClassLabel) },
		"label of 3 bytes": func(b []byte) ([]byte, error) {
			return rsvp.Label{CType: 2, Opaque: []byte{1, 2, 3}}.AppendAs(b, rsvp.ClassLabel)
		},
		"labels of 3 bytes": func(b []byte) ([]byte, error) {
			return rsvp.LabelSet{Subchannels: []byte{1, 2, 3}}.AppendAs(b, rsvp.ClassLabelSet)
		},
		"label request of no kind": rsvp.LabelRequest{}.AppendTo,
		"VPI of 13 bits":           rsvp.LabelRequest{CType: 2, MinVPI: 1 << 12}.AppendTo,
		"DLCI of 24 bits":          rsvp.LabelRequest{CType: 3, MaxDLCI: 1 << 23}.AppendTo,
		"empty route record":       func(b []byte) ([]byte, error) { return rsvp.AppendRecordRoute(b, nil) },
		"hop of the other family": func(b []byte) ([]byte, error) {
			return rsvp.AppendExplicitRoute(b, []rsvp.Subobject{{Type: 1, Prefix: netip.PrefixFrom(v6, 64)}})
		},
		"label in a hop of no kind": func(b []byte) ([]byte, error) { return rsvp.AppendExplicitRoute(b, []rsvp.Subobject{{Type: 3}}) },
		"subobject of 5 bytes": func(b []byte) ([]byte, error) {
			return rsvp.AppendExplicitRoute(b, []rsvp.Subobject{{Type: 64, Raw: []byte{1, 2, 3}}})
		},
		"subobject of 256 bytes": func(b []byte) ([]byte, error) {
			return rsvp.AppendExplicitRoute(b, []rsvp.Subobject{{Type: 64, Raw: make([]byte, 254)}})
		},
		"name of 256 bytes":                 rsvp.SessionAttribute{Name: make([]byte, 256)}.AppendTo,
		"description of 256 bytes":          rsvp.UserError{Description: make([]byte, 256)}.AppendTo,
		"user error with half a subobject":  rsvp.UserError{Subobjects: []byte{1, 8, 0, 0}}.AppendTo,
		"diagnostic of two families":        rsvp.DiagHeader{LastHop: v4, Sender: rsvp.FilterSpec{Src: v6}, Requester: rsvp.FilterSpec{Src: v4}}.AppendTo,
		"diagnostic for no sender":          rsvp.DiagHeader{LastHop: v4}.AppendTo,
		"route of two families":             (&rsvp.DiagRoute{V6: true, Nodes: []netip.Addr{v4}}).AppendTo,
		"selection of nothing":              func(b []byte) ([]byte, error) { return rsvp.AppendDiagSelect(b, nil) },
		"selection of class 0":              func(b []byte) ([]byte, error) { return rsvp.AppendDiagSelect(b, []rsvp.DiagSelect{{}}) },
		"response of two families":          rsvp.DiagResponse{PHop: v6}.AppendTo,
		"response with K of 5 bits":         rsvp.DiagResponse{K: 16}.AppendTo,
		"response with half an object":      rsvp.DiagResponse{Objects: []byte{0, 8, 1, 1}}.AppendTo,
		"no Tspec":                          func(b []byte) ([]byte, error) { return rsvp.AppendSenderTSpecs(b, nil, rsvp.NullTSpec{}) },
		"policy with filters and scope":     rsvp.PolicyData{Filters: []rsvp.FilterSpec{{Src: v4}}, HasScope: true}.AppendTo,
		"policy with a target alone":        rsvp.PolicyData{Target: rsvp.Hop{Addr: v4}}.AppendTo,
		"policy with a filter of no kind":   rsvp.PolicyData{Filters: []rsvp.FilterSpec{{}}}.AppendTo,
		"policy with an element of 5 bytes": rsvp.PolicyData{Elements: []rsvp.PolicyElement{{Data: []byte{1}}}}.AppendTo,
		"policy with options of 64 KiB":     rsvp.PolicyData{Unknown: []rsvp.Raw{raw(99, 1, 40000), raw(99, 1, 40000)}}.AppendTo,
	}
	for name, f := range tests {
		if b, err := f([]byte("x")); !refusedWhole(b, err) {
			t.Errorf("%s: %v, %q", name, err, b)
		}
	}
	var l rsvp.IDList
	for _, e := range []rsvp.IDEntry{{}, {Src: v4}, {Src: v6, Dst: v6}, {Src: v4, Dst: v6}} {
		for c := uint8(0); c < 7; c++ {
			l.CType = c
			if fits := c == 1 && e == (rsvp.IDEntry{}) || c == 2 && e == (rsvp.IDEntry{Src: v4}) || c == 5 && e.Src == v6; (l.Append(e) == nil) != fits {
				t.Errorf("%+v in C-Type %d", e, c)
			}
		}
	}
}
