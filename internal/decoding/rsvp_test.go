package decoding

import (
	"encoding/binary"
	"testing"

	"github.com/mpstack/mpstack/capture/dissect"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/wire/object"
)

// rsvpObjects are the readers of what a message keeps as it is.
var rsvpObjects = []decoder{
	{name: "rsvp.ParsePolicyData", reads: "a POLICY_DATA object", fuzz: "FuzzPolicyData", decode: withObject(rsvp.ParsePolicyData),
		seeds: objectsOf(policyFloods()...)},
	{name: "rsvp.ParsePreemption", reads: "a PREEMPTION_PRI policy element", fuzz: "FuzzPolicyElement", decode: withElement(rsvp.ParsePreemption),
		seeds: vectors(element(rsvp.Preemption{Strategy: rsvp.MergeHighest, Priority: 5, Defending: 9}.Element()))},
	{name: "rsvp.ParseIdentity", reads: "an AUTH_DATA policy element", fuzz: "FuzzPolicyElement", decode: withElement(rsvp.ParseIdentity),
		seeds: vectors(element(identity.Element()), many([]byte{5, 0xdc, 0, 2}, 374, 0, 4, 1, 1), many([]byte{0xff, 0xfc, 0, 3}, 16382, 0, 4, 1, 1))},
	{name: "rsvp.ParseLocator", reads: "the text of a policy locator",
		decode: value(func(b []byte) ([]rsvp.LocatorPart, error) { return rsvp.ParseLocator(string(b)) }),
		seeds: vectors([]byte(`GUID=http://www.microsoft.com/apps, APP="a, b;", VER=1\.1, SAPP=Print`), many(nil, 500, 'a', '=', ','), many(nil, 500, 'a', '=', 'b', ';'),
			many([]byte("A="), 1000, '\\', ','), many([]byte("A=1,"), 3000, 0xff), many(nil, 20000, 'a', '=', ','), many([]byte("A="), 20000, '='))},
	{name: "rsvp.ParseSessionOfInterest", reads: "a SESSION-OF-INTEREST object", fuzz: "FuzzObject", decode: withObject(rsvp.ParseSessionOfInterest),
		seeds: objectsOf(encoded(rsvp.AppendSessionOfInterest(nil, rsvp.Session{Kind: rsvp.SessionGeneric, Dst: src4, PHB: 46, DstPort: 7})),
			encoded(rsvp.AppendSessionOfInterest(nil, rsvp.Session{Kind: rsvp.SessionGeneric, Dst: src6, PHB: 46, DstPort: 7})))},
	{name: "rsvp.ParseLabel", reads: "an object of a label", fuzz: "FuzzObject", decode: withObject(rsvp.ParseLabel),
		seeds: objectsOf(encoded(rsvp.Label{CType: 1, Value: 17}.AppendAs(nil, rsvp.ClassLabel)), encoded(rsvp.Label{CType: 2, Opaque: make([]byte, 8)}.AppendAs(nil, rsvp.ClassUpstreamLabel)),
			encoded(rsvp.Label{CType: 3, Band: [3]uint32{1, 2, 3}}.AppendAs(nil, rsvp.ClassSuggestedLabel)))},
	{name: "rsvp.ParseLabelSet", reads: "a LABEL_SET object", fuzz: "FuzzObject", decode: withObject(rsvp.ParseLabelSet),
		seeds: objectsOf(encoded(rsvp.LabelSet{Action: 2, LabelType: 1, Subchannels: make([]byte, 400)}.AppendAs(nil, rsvp.ClassLabelSet)))},
	{name: "rsvp.ParseLabelRequest", reads: "a LABEL_REQUEST object", fuzz: "FuzzObject", decode: withObject(rsvp.ParseLabelRequest),
		seeds: objectsOf(encoded(rsvp.LabelRequest{CType: 1, L3PID: 0x0800}.AppendTo(nil)), encoded(rsvp.LabelRequest{CType: 2, L3PID: 0x0800, Merge: true, MaxVPI: 9, MaxVCI: 9}.AppendTo(nil)),
			encoded(rsvp.LabelRequest{CType: 3, L3PID: 0x0800, DLCILen: 2, MaxDLCI: 9}.AppendTo(nil)), encoded(rsvp.LabelRequest{CType: 4, L3PID: 0x0800, Encoding: 1, Switch: 51}.AppendTo(nil)))},
	{name: "rsvp.ParseSessionAttribute", reads: "a SESSION_ATTRIBUTE object", fuzz: "FuzzObject", decode: withObject(rsvp.ParseSessionAttribute),
		seeds: objectsOf(encoded(rsvp.SessionAttribute{Setup: 7, Hold: 7, Name: []byte("tunnel")}.AppendTo(nil)), encoded(rsvp.SessionAttribute{Affinities: true, IncludeAny: 1, Name: []byte("tunnel")}.AppendTo(nil)))},
	{name: "rsvp.ParseRestartCap", reads: "a RESTART_CAP object", fuzz: "FuzzObject", decode: withObject(rsvp.ParseRestartCap),
		seeds: objectsOf(encoded(rsvp.RestartCap{RestartMS: 60000, RecoveryMS: 1}.AppendTo(nil)))},
	{name: "rsvp.ParseNotifyRequest", reads: "a NOTIFY_REQUEST object", fuzz: "FuzzObject", decode: withObject(rsvp.ParseNotifyRequest),
		seeds: objectsOf(encoded(rsvp.AppendNotifyRequest(nil, src4)), encoded(rsvp.AppendNotifyRequest(nil, src6)))},
	{name: "rsvp.ParseAdminStatus", reads: "an ADMIN_STATUS object", fuzz: "FuzzObject", decode: withObject(rsvp.ParseAdminStatus),
		seeds: objectsOf(encoded((rsvp.AdminReflect | rsvp.AdminDown).AppendTo(nil)))},
	{name: "rsvp.ParseProtection", reads: "a PROTECTION object", fuzz: "FuzzObject", decode: withObject(rsvp.ParseProtection),
		seeds: objectsOf(encoded(rsvp.Protection{Secondary: true, Links: 4}.AppendTo(nil)))},
	{name: "rsvp.ParseDClass", reads: "a DCLASS object", fuzz: "FuzzObject", decode: withObject(parseDClass),
		seeds: objectsOf(encoded(rsvp.AppendDClass(nil, []uint8{46, 0, 63})))},
	{name: "rsvp.ParseUserError", reads: "a USER_ERROR_SPEC object", fuzz: "FuzzObject", decode: withObject(rsvp.ParseUserError),
		seeds: objectsOf(encoded(rsvp.UserError{Enterprise: 9, Value: 1, Description: []byte("no"), Subobjects: []byte{1, 8, 0, 0, 0, 0, 0, 1}}.AppendTo(nil)))},
	{name: "rsvp.ParseTLV", reads: "TLVs of an IF_ID object", decode: withRest(rsvp.ParseTLV),
		seeds: vectors(encoded(rsvp.TLV{Type: 3, Value: make([]byte, 8)}.AppendTo(nil)), encoded(rsvp.TLV{Type: 77, Value: []byte{1}}.AppendTo(nil)), many(nil, 300, 0, 9, 0, 4))},
}

// withObject makes a decoder of one that takes an object out of its framing.
func withObject[T any](f func(object.Object) (T, error)) func([]byte) (any, error) {
	return func(b []byte) (any, error) {
		o, _, err := object.Parse(b)
		if err != nil {
			return nil, &object.DecodeError{Layer: "rsvp", Field: "object", Err: err}
		}
		return f(o)
	}
}

// withElement makes a decoder of one that takes a policy element: what the input
// is in the framing of one, the data of its type.
func withElement[T any](f func(rsvp.PolicyElement) (T, error)) func([]byte) (any, error) {
	return func(b []byte) (any, error) {
		if len(b) < 4 {
			return f(rsvp.PolicyElement{})
		}
		return f(rsvp.PolicyElement{Type: rsvp.PolicyType(binary.BigEndian.Uint16(b[2:])), Data: b[4:]})
	}
}

// encoded returns what an encoder of a seed returns.
func encoded(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// element returns a policy element as it is sent.
func element(e rsvp.PolicyElement, err error) []byte {
	if err != nil {
		panic(err)
	}
	return encoded(e.AppendTo(nil))
}

// objectsOf returns seeds given as objects, and the objects that our goldens and
// captures by others have, one a class and C-Type.
func objectsOf(all ...[]byte) func(testing.TB) [][]byte {
	return func(t testing.TB) [][]byte {
		seeds := append([][]byte(nil), all...)
		seen := make(map[[2]byte]bool)
		for _, b := range layer(dissect.LayerRSVP, rsvp.HeaderLen)(t) {
			for {
				o, rest, err := object.Parse(b)
				if err != nil {
					break
				}
				if kind := [2]byte{o.Class, o.CType}; !seen[kind] {
					seen[kind] = true
					seeds = append(seeds, b[:len(b)-len(rest)])
				}
				b = rest
			}
		}
		return seeds
	}
}

var identity = rsvp.Identity{Type: rsvp.PolicyApplication, Attributes: []rsvp.Attribute{
	{Type: rsvp.AttributeLocator, SubType: rsvp.LocatorASCII, Value: []byte("APP=SAP, VER=1.1")},
	{Type: rsvp.AttributeError, Value: []byte{0, 0, 0, 4, 'o', 'l', 'd'}},
	{Type: rsvp.AttributeCredential, SubType: rsvp.CredentialASCII, Value: []byte("SAP.EXE")}}}

// policyFloods are POLICY_DATA objects: one of everything, and some of very many
// small parts.
func policyFloods() [][]byte {
	pri, _ := rsvp.Preemption{Strategy: rsvp.MergeHighest, Priority: 5, Defending: 9}.Element()
	id, _ := identity.Element()
	whole := rsvp.PolicyData{
		Filters: []rsvp.FilterSpec{{Src: src4, Port: 4000}}, Origin: rsvp.Hop{Addr: src4, LIH: 1}, Target: rsvp.Hop{Addr: dst4, LIH: 2},
		Integrity: rsvp.Integrity{Digest: make([]byte, 16)}, Refresh: rsvp.TimeValues{RefreshMS: 60000}, Elements: []rsvp.PolicyElement{pri, id},
	}
	floods := [][]byte{encoded(whole.AppendTo(nil))}
	for _, n := range []int{100, 373, 820, 4097, 16000} {
		elements := many([]byte{0, 0, 14, 1, 0, 8, 0, 0}, n, 0, 4, 0, 9)
		options := many([]byte{0, 0, 14, 1, 0, 0, 0, 0}, n, 0, 4, 99, 1)
		filters := many([]byte{0, 0, 14, 1, 0, 0, 0, 0}, n/2, 0, 8, 10, 9, 1, 1, 1, 1)
		for _, b := range [][]byte{elements, options, filters} {
			binary.BigEndian.PutUint16(b, uint16(len(b)))
			if b[5] == 0 {
				binary.BigEndian.PutUint16(b[4:], uint16(len(b)))
			}
			floods = append(floods, b)
		}
	}
	return floods
}

// rsvpFloods are messages of very many small parts, also of lengths at which
// memory is handed out in the least fitting sizes.
var rsvpFloods = append([][]byte{
	many([]byte{0x10, 1, 0, 0, 64, 0, 0, 0}, 350, 0, 4, 0, 0),
	many([]byte{0x10, 2, 0, 0, 64, 0, 0, 0, 0, 8, 8, 1, 0, 0, 0, 0x0a}, 100, 0, 12, 10, 1, 10, 0, 0, 1, 0, 0, 0, 9),
	many([]byte{0x10, 2, 0, 0, 64, 0, 5, 0xe4, 5, 0xdc, 7, 1}, 374, 10, 0, 0, 1),
}, longFloods()...)

// longFloods are messages of one kind of object.
func longFloods() (all [][]byte) {
	style := []byte{0, 8, 8, 1, 0, 0, 0, 0x0a}
	for _, n := range []int{100, 373, 513, 683, 820, 1025, 4097, 8000} {
		for _, b := range [][]byte{
			many(append([]byte{0x10, 6, 0, 0, 64, 0, 0, 0}, style...), n, 0, 8, 10, 9, 10, 0, 0, 1),                            // FF, filters of aggregates
			many(append([]byte{0x10, 6, 0, 0, 64, 0, 0, 0}, style...), n/2, 0, 8, 10, 9, 10, 0, 0, 1, 0, 8, 16, 1, 0, 0, 0, 9), // and a label for each
			many([]byte{0x10, 1, 0, 0, 64, 0, 0, 0}, n, 0, 4, 0x81, 9),                                                         // unknown
			many([]byte{0x10, 1, 0, 0, 64, 0, 0, 0}, n, 0, 4, 20, 1),                                                           // kept
			many([]byte{0x10, 1, 0, 0, 64, 0, 0, 0}, n, 0, 4, 14, 1),                                                           // of policy
			many([]byte{0x10, 13, 0, 0, 64, 0, 0, 0}, n/2, 0, 12, 24, 1, 0, 0, 0, 1, 0, 0, 0, 1),                               // acknowledgments
			many([]byte{0x10, 15, 0, 0, 64, 0, 0, 0}, n/2, 0, 12, 25, 1, 0, 0, 0, 1, 0, 0, 0, 1),                               // lists of identifiers
		} {
			mendRSVP(b)
			all = append(all, b)
		}
	}
	return all
}

func parseDClass(o object.Object) ([]uint8, error) { return rsvp.ParseDClass(nil, o) }
