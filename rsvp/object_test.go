package rsvp_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mpstack/mpstack/capture/capturetest"
	"github.com/mpstack/mpstack/capture/dissect"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/intserv"
	"github.com/mpstack/mpstack/wire/object"
)

// words builds an object's bytes from its header and the words that the RFC's
// picture shows.
func words(class, ctype byte, w ...uint32) []byte {
	b := []byte{0, byte(4 + 4*len(w)), class, ctype}
	for _, v := range w {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return b
}

func bits(v float32) uint32 { return math.Float32bits(v) }

// objectCase is an object, made from its value, and its bytes.
type objectCase struct {
	name string
	make func([]byte) ([]byte, error)
	want []byte
}

// TestObjects: the exact bytes of every object, as RFC 2205 Appendix A and RFC
// 2210 section 3 picture them, and of those that extend them.
func TestObjects(t *testing.T) {
	v4, v6 := netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("2001:db8::1:2")
	const a4 = 0x0a010203
	a6 := []uint32{0x20010db8, 0, 0, 0x00010002}
	six := func(w ...uint32) []uint32 { return append(append([]uint32(nil), a6...), w...) }
	bucket := []uint32{127<<24 | 5, bits(125000), bits(1000), bits(250000), 100, 1500}
	ad := intserv.AdSpec{General: intserv.Params{Set: intserv.HasAll, Hops: 3, Bandwidth: 1e6, Latency: 40, MTU: 1400},
		Guaranteed:     intserv.GuaranteedAd{Present: true, Filled: true, Ctot: 1, Dtot: 2, Csum: 3, Dsum: 4},
		ControlledLoad: intserv.ControlledLoadAd{Present: true}}
	general := []uint32{1<<24 | 8, 4<<24 | 1, 3, 6<<24 | 1, bits(1e6), 8<<24 | 1, 40, 10<<24 | 1, 1400}
	empty := ad
	empty.Break, empty.Guaranteed = true, intserv.GuaranteedAd{Present: true, Break: true}
	empty.ControlledLoad.Override = intserv.Params{Set: intserv.HasBandwidth, Bandwidth: 5}
	empty.Other = "\x03\x00\x00\x01abcd\x06\x80\x00\x00"
	tests := append(extensionObjects(), []objectCase{
		{"SESSION v4", rsvp.Session{Dst: v4, Proto: 17, Flags: rsvp.EPolice, DstPort: 5000}.AppendTo, words(1, 1, a4, 17<<24|1<<16|5000)},
		{"SESSION v6", rsvp.Session{Dst: v6, Proto: 6, DstPort: 80}.AppendTo, words(1, 2, six(6<<24|80)...)},
		{"RSVP_HOP v4", rsvp.Hop{Addr: v4, LIH: 7}.AppendTo, words(3, 1, a4, 7)},
		{"RSVP_HOP v6", rsvp.Hop{Addr: v6, LIH: 0xdeadbeef}.AppendTo, words(3, 2, six(0xdeadbeef)...)},
		{"TIME_VALUES", rsvp.NewTimeValues(30 * time.Second).AppendTo, words(5, 1, 30000)},
		{"ERROR_SPEC v4", rsvp.ErrorSpec{Node: v4, Flags: rsvp.InPlace | rsvp.NotGuilty, Code: 1, Value: 2}.AppendTo, words(6, 1, a4, 3<<24|1<<16|2)},
		{"ERROR_SPEC v6", rsvp.ErrorSpec{Node: v6, Code: 21, Value: 3}.AppendTo, words(6, 2, six(21<<16|3)...)},
		{"SCOPE v4", func(b []byte) ([]byte, error) { return rsvp.AppendScope(b, []netip.Addr{v4, v4.Next()}) }, words(7, 1, a4, a4+1)},
		{"SCOPE v6", func(b []byte) ([]byte, error) { return rsvp.AppendScope(b, []netip.Addr{v6}) }, words(7, 2, a6...)},
		{"STYLE WF", rsvp.WF.AppendTo, words(8, 1, 0x11)},
		{"STYLE FF", rsvp.FF.AppendTo, words(8, 1, 0x0a)},
		{"STYLE SE", rsvp.SE.AppendTo, words(8, 1, 0x12)},
		{"FLOWSPEC controlled load", func(b []byte) ([]byte, error) { return rsvp.AppendFlowSpec(b, load) },
			words(9, 2, append([]uint32{7, 5<<24 | 6}, bucket...)...)},
		{"FLOWSPEC guaranteed", func(b []byte) ([]byte, error) { return rsvp.AppendFlowSpec(b, rate) },
			words(9, 2, append(append([]uint32{10, 2<<24 | 9}, bucket...), 130<<24|2, bits(187500), 7)...)},
		{"FILTER_SPEC v4", rsvp.FilterSpec{Src: v4, Port: 4000}.AppendTo, words(10, 1, a4, 4000)},
		{"FILTER_SPEC v6", rsvp.FilterSpec{Src: v6, Port: 4000}.AppendTo, words(10, 2, six(4000)...)},
		{"FILTER_SPEC label", rsvp.FilterSpec{Src: v6, Kind: rsvp.FilterLabel, ID: 0xabcdef}.AppendTo, words(10, 3, six(0xabcdef)...)},
		{"SENDER_TEMPLATE v4", rsvp.FilterSpec{Src: v4, Port: 4000}.AppendTemplate, words(11, 1, a4, 4000)},
		{"SENDER_TEMPLATE v6", rsvp.FilterSpec{Src: v6, Port: 4000}.AppendTemplate, words(11, 2, six(4000)...)},
		{"SENDER_TEMPLATE label", rsvp.FilterSpec{Src: v6, Kind: rsvp.FilterLabel, ID: 1}.AppendTemplate, words(11, 3, six(1)...)},
		{"SENDER_TSPEC", func(b []byte) ([]byte, error) { return rsvp.AppendSenderTSpec(b, tspec) },
			words(12, 2, append([]uint32{7, 1<<24 | 6}, bucket...)...)},
		{"SENDER_TSPEC, peak unknown", func(b []byte) ([]byte, error) {
			return rsvp.AppendSenderTSpec(b, intserv.TSpec{Rate: 1, Depth: 2, Peak: intserv.Infinity(), MinUnit: 3, MaxPacket: 4})
		}, words(12, 2, 7, 1<<24|6, 127<<24|5, bits(1), bits(2), 0x7f800000, 3, 4)},
		{"ADSPEC of RFC 2210 section 3.3.6", func(b []byte) ([]byte, error) { return rsvp.AppendAdSpec(b, ad) },
			words(13, 2, append(append([]uint32{19}, general...), 2<<24|8, 133<<24|1, 1, 134<<24|1, 2, 135<<24|1, 3, 136<<24|1, 4, 5<<24)...)},
		{"ADSPEC, empty guaranteed fragment, other services, override", func(b []byte) ([]byte, error) { return rsvp.AppendAdSpec(b, empty) },
			words(13, 2, append(append([]uint32{16, 1<<24 | 1<<23 | 8}, general[1:]...), 2<<24|1<<23, 3<<24|1, 0x61626364, 5<<24|2, 6<<24|1, bits(5), 6<<24|1<<23)...)},
		{"RESV_CONFIRM v4", func(b []byte) ([]byte, error) { return rsvp.AppendConfirm(b, v4) }, words(15, 1, a4)},
		{"RESV_CONFIRM v6", func(b []byte) ([]byte, error) { return rsvp.AppendConfirm(b, v6) }, words(15, 2, a6...)},
	}...)
	seen := map[[2]byte]bool{}
	for _, tc := range tests {
		got, err := tc.make([]byte("x"))
		if err != nil || !bytes.Equal(got[1:], tc.want) {
			t.Errorf("%s: %v\n got %x\nwant %x", tc.name, err, got[1:], tc.want)
		}
		seen[[2]byte(tc.want[2:4])] = true
	}
	for class, info := range rsvp.Classes {
		for _, ct := range info.CTypes {
			if !seen[[2]byte{byte(class), ct.CType}] {
				t.Errorf("%s C-Type %d has no exact bytes here", info.Name, ct.CType)
			}
		}
	}
}

// TestInvalidObjects: values that are no object are refused and leave the
// buffer as it was.
func TestInvalidObjects(t *testing.T) {
	tests := map[string]func([]byte) ([]byte, error){
		"session":  rsvp.Session{}.AppendTo,
		"hop":      rsvp.Hop{}.AppendTo,
		"times":    rsvp.TimeValues{}.AppendTo,
		"error":    rsvp.ErrorSpec{}.AppendTo,
		"style":    rsvp.Style(0).AppendTo,
		"filter":   rsvp.FilterSpec{}.AppendTo,
		"v4 label": rsvp.FilterSpec{Src: netip.MustParseAddr("10.0.0.1"), Kind: rsvp.FilterLabel}.AppendTemplate,
		"confirm":  func(b []byte) ([]byte, error) { return rsvp.AppendConfirm(b, netip.Addr{}) },
		"two kinds": func(b []byte) ([]byte, error) {
			return rsvp.AppendScope(b, []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()})
		},
		"twice": func(b []byte) ([]byte, error) {
			return rsvp.AppendScope(b, []netip.Addr{netip.IPv4Unspecified(), netip.IPv4Unspecified()})
		},
		"service": func(b []byte) ([]byte, error) { return rsvp.AppendFlowSpec(b, intserv.FlowSpec{}) },
	}
	for name, f := range tests {
		if b, err := f([]byte("x")); !refusedWhole(b, err) {
			t.Errorf("%s: %v, %q", name, err, b)
		}
	}
}

// refusedWhole reports whether an encoder that was given "x" failed and left it
// as it was.
func refusedWhole(b []byte, err error) bool { return err != nil && string(b) == "x" }

// TestRegistry: the table is whole: fields lie within the least length, do not
// overlap, and fixed objects are described to the last byte.
func TestRegistry(t *testing.T) {
	for class, info := range rsvp.Classes {
		c := rsvp.Class(class)
		if c.Known() != (info.Name != "") {
			t.Errorf("class %d: Known %v", class, c.Known())
		}
		last := uint8(0)
		for _, ct := range info.CTypes {
			if ct.CType <= last {
				t.Errorf("%v: C-Type %d after %d", c, ct.CType, last)
			}
			last = ct.CType
			if got, ok := rsvp.Lookup(c, ct.CType); !ok || got.CType != ct.CType {
				t.Errorf("%v C-Type %d is not found", c, ct.CType)
			}
			end := 0
			for _, f := range ct.Fields {
				if f.Offset != end || f.Size <= 0 || f.Name == "" {
					t.Errorf("%v C-Type %d: field %+v begins where %d was due", c, ct.CType, f, end)
				}
				end = f.Offset + f.Size
			}
			item := 0
			for _, f := range ct.Items {
				if f.Offset != item || f.Size <= 0 || f.Name == "" {
					t.Errorf("%v C-Type %d: item's field %+v begins where %d was due", c, ct.CType, f, item)
				}
				item = f.Offset + f.Size
			}
			if whole := len(ct.Items) == 0 && ct.Tail == rsvp.TailNone; whole != (ct.Min == ct.Max) && c != rsvp.ClassDiagnostic {
				t.Errorf("%v C-Type %d: lengths from %d to %d", c, ct.CType, ct.Min, ct.Max)
			} else if whole && end != ct.Min || end > ct.Min {
				t.Errorf("%v C-Type %d: fields end at %d of %d", c, ct.CType, end, ct.Min)
			}
			if info.Allowed == 0 || info.RFC == "" || info.Required&^info.Allowed != 0 {
				t.Errorf("%v: allowed %b, required %b, %q", c, info.Allowed, info.Required, info.RFC)
			}
		}
	}
	if _, ok := rsvp.Lookup(200, 1); ok || rsvp.Class(200).String() != "class 200" {
		t.Error("class 200 is known")
	}
}

// TestFields: the fields of every object of every sample cover its body once,
// without gaps.
func TestFields(t *testing.T) {
	for _, s := range samples() {
		b, err := s.msg.AppendTo(nil)
		if err != nil {
			t.Fatal(err)
		}
		if s.msg.Type == rsvp.Bundle {
			continue
		}
		for _, o := range objects(t, b) {
			end := 0
			for _, f := range rsvp.AppendFields(nil, rsvp.Class(o[2]), o[3], o[4:]) {
				if f.Offset != end {
					t.Errorf("%s %v: %+v, expected at %d", s.name, rsvp.Class(o[2]), f, end)
				}
				end = f.Offset + f.Size
			}
			if end != len(o)-4 {
				t.Errorf("%s %v: fields end at %d of %d\n%s", s.name, rsvp.Class(o[2]), end, len(o)-4, hex.Dump(o))
			}
		}
	}
}

// TestFieldNames shows what a dissector shows of an ADSPEC.
func TestFieldNames(t *testing.T) {
	var names []string
	for _, f := range rsvp.AppendFields(nil, rsvp.ClassAdSpec, 2, words(13, 2, 3, 1<<24|2, 4<<24|1, 9)[4:]) {
		names = append(names, f.Name)
	}
	const want = "Version,unused,Length in words,Service,Break bit,Service length in words,Parameter,Parameter flags,Parameter length in words,IS hop count"
	if got := strings.Join(names, ","); got != want {
		t.Errorf("%s", got)
	}
}

func TestStyle(t *testing.T) {
	for _, tc := range []struct {
		s                rsvp.Style
		name             string
		known, shared, w bool
	}{
		{rsvp.WF, "WF", true, true, true}, {rsvp.FF, "FF", true, false, false}, {rsvp.SE, "SE", true, true, false},
		{0x5a000012, "SE", true, true, false}, {0x1b, "style 0x1b", false, false, false},
	} {
		if tc.s.String() != tc.name || tc.s.Known() != tc.known || tc.s.Shared() != tc.shared || tc.s.Wildcard() != tc.w {
			t.Errorf("%#x: %v %v %v %v", uint32(tc.s), tc.s, tc.s.Known(), tc.s.Shared(), tc.s.Wildcard())
		}
	}
}

func TestNames(t *testing.T) {
	for got, want := range map[string]string{
		rsvp.Path.String(): "Path", rsvp.MessageType(99).String(): "type 99", rsvp.IntegrityChallenge.String(): "IntegrityChallenge",
		rsvp.CodeAdmission.String(): "admission control failure", rsvp.ErrorCode(99).String(): "code 99",
		rsvp.ClassFilterSpec.String():                                                               "FILTER_SPEC",
		rsvp.FilterSpec{Src: netip.MustParseAddr("10.0.0.1"), Port: 5}.String():                     "10.0.0.1:5",
		rsvp.FilterSpec{Src: netip.MustParseAddr("::1"), Kind: rsvp.FilterLabel, ID: 5}.String():    "::1 label 0x5",
		rsvp.Session{Dst: netip.MustParseAddr("10.0.0.1"), Proto: 17, DstPort: 5}.String():          "10.0.0.1/17:5",
		rsvp.Hop{Addr: netip.MustParseAddr("10.0.0.1"), LIH: 2}.String():                            "10.0.0.1 lih 2",
		rsvp.ErrorSpec{Node: netip.MustParseAddr("10.0.0.1"), Code: 1, Value: 2, Flags: 1}.String(): "admission control failure (1/2) at 10.0.0.1 flags 0x1",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for _, typ := range []rsvp.MessageType{rsvp.Path, rsvp.PathTear, rsvp.ResvConf} {
		if !typ.RouterAlert() {
			t.Errorf("%v without Router Alert", typ)
		}
	}
	if rsvp.Resv.RouterAlert() || !rsvp.Hello.Typed() || rsvp.MessageType(11).Typed() || rsvp.MessageType(99).Typed() {
		t.Error("types")
	}
	if rsvp.NewTimeValues(0).RefreshMS != 1 || rsvp.NewTimeValues(1<<62).RefreshMS != math.MaxUint32 || rsvp.NewTimeValues(time.Second).Refresh() != time.Second {
		t.Error("time values")
	}
}

// registrySeeds returns a message with one object of each class and C-Type, of
// its least length, in the first message that allows it.
func registrySeeds() (seeds [][]byte) {
	for c, info := range rsvp.Classes {
		for _, ct := range info.CTypes {
			for typ := rsvp.Path; typ <= rsvp.IntegrityResponse; typ++ {
				if !info.Allowed.Has(typ) {
					continue
				}
				o := append([]byte{0, byte(4 + ct.Min), byte(c), ct.CType}, bytes.Repeat([]byte{0, 1}, ct.Min/2)...)
				seeds = append(seeds, message(typ, o))
				break
			}
		}
	}
	return seeds
}

// readKept reads every object of a decoded message that has no field: what the
// registry let pass can be read.
func readKept(t *testing.T, m *rsvp.Message) {
	kept := slices.Clone(m.Other)
	for _, a := range m.Attached {
		kept = append(kept, a.Raw)
	}
	if m.Type == rsvp.Notify {
		return // the session list is not read
	}
	for _, o := range kept {
		var err error
		switch rsvp.Class(o.Class) {
		case rsvp.ClassLabel, rsvp.ClassRecoveryLabel, rsvp.ClassUpstreamLabel, rsvp.ClassSuggestedLabel:
			_, err = rsvp.ParseLabel(o.Object)
		case rsvp.ClassLabelSet, rsvp.ClassAcceptableLabelSet:
			_, err = rsvp.ParseLabelSet(o.Object)
		case rsvp.ClassLabelRequest:
			_, err = rsvp.ParseLabelRequest(o.Object)
		case rsvp.ClassExplicitRoute, rsvp.ClassRecordRoute:
			_, err = routeOf(o.Object)
		case rsvp.ClassSessionAttribute:
			_, err = rsvp.ParseSessionAttribute(o.Object)
		case rsvp.ClassSessionOfInterest:
			_, err = rsvp.ParseSessionOfInterest(o.Object)
		case rsvp.ClassUserErrorSpec:
			_, err = rsvp.ParseUserError(o.Object)
		case rsvp.ClassRestartCap:
			_, err = rsvp.ParseRestartCap(o.Object)
		case rsvp.ClassNotifyRequest:
			_, err = rsvp.ParseNotifyRequest(o.Object)
		case rsvp.ClassAdminStatus:
			_, err = rsvp.ParseAdminStatus(o.Object)
		case rsvp.ClassProtection:
			_, err = rsvp.ParseProtection(o.Object)
		default:
			t.Fatalf("%v is kept, and nothing reads it", rsvp.Class(o.Class))
		}
		if err != nil {
			t.Fatalf("%v: %v", rsvp.Class(o.Class), err)
		}
	}
}

// FuzzDecode: no input panics; what decodes encodes to a message of the same
// value, and in the order received to the same bytes where unused fields are
// zero; fields stay inside the body.
func FuzzDecode(f *testing.F) {
	for _, s := range samples() {
		b, err := s.msg.AppendTo(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	for _, b := range append(registrySeeds(), capturetest.Seeds(f, dissect.LayerRSVP)...) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= rsvp.HeaderLen { // let most inputs past the header
			b = bytes.Clone(b)
			b[0], b[2], b[3] = 0x10|b[0]&0x0f, 0, 0
			binary.BigEndian.PutUint16(b[6:], uint16(len(b)))
		}
		var m, again rsvp.Message
		err := m.Decode(b)
		for rest := b[min(rsvp.HeaderLen, len(b)):]; len(rest) > 0; {
			o, next, err := object.Parse(rest)
			if err != nil {
				break
			}
			end := 0
			for _, f := range rsvp.AppendFields(nil, rsvp.Class(o.Class), o.CType, o.Body) {
				if f.Offset < end || f.Size <= 0 || f.Offset+f.Size > len(o.Body) {
					t.Fatalf("field %+v in %d bytes", f, len(o.Body))
				}
				end = f.Offset + f.Size
			}
			rest = next
		}
		if !json.Valid(rsvp.AppendMessageJSON(nil, b)) {
			t.Fatalf("%s", rsvp.AppendMessageJSON(nil, b))
		}
		rsvp.AppendMessageText(nil, b)
		if _, e := m.AppendAsReceived(nil); err != nil {
			return
		} else if e != nil && len(m.Scope) == 0 {
			t.Fatalf("as received: %v", e)
		}
		readKept(t, &m)
		out, e := m.AppendTo(nil)
		if e != nil {
			return // SCOPE out of order, or an empty ADSPEC: not sent, though accepted
		}
		if n := m.WireLen(); n != len(out) {
			t.Fatalf("WireLen %d, length %d", n, len(out))
		}
		if err := again.Decode(out); err != nil {
			t.Fatalf("second decoding: %v\n%x", err, out)
		}
		out2, err := again.AppendTo(nil)
		if err != nil || !bytes.Equal(out, out2) {
			t.Fatalf("not stable: %v\n%x\n%x", err, out, out2)
		}
	})
}
