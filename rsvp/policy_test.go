package rsvp_test

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/wire/object"
)

var samePolicy = cmp.Options{cmpopts.EquateEmpty(), cmpopts.IgnoreFields(rsvp.Raw{}, "Offset"), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })}

// TestPolicyData: options and elements come back, and go out in the same bytes.
func TestPolicyData(t *testing.T) {
	scoped := rsvp.PolicyData{HasScope: true, Scope: []netip.Addr{v6}, Unknown: []rsvp.Raw{raw(99, 1, 4), raw(5, 9, 4)}}
	for _, p := range []rsvp.PolicyData{policyData(), scoped, {}} {
		b, err := p.AppendTo(nil)
		if err != nil {
			t.Fatal(err)
		}
		o, _, err := object.Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		got, err := rsvp.ParsePolicyData(o)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(p, got, samePolicy); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
		if again, err := got.AppendTo(nil); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%v\n got %x\nwant %x", err, again, b)
		}
	}
}

// TestPolicyDataErrors: RFC 2750: offsets count from the start of the body.
func TestPolicyDataErrors(t *testing.T) {
	filter := []uint32{12<<16 | 10<<8 | 1, a4, 4000}
	hop := []uint32{12<<16 | 3<<8 | 1, a4, 1}
	tests := []struct {
		name  string
		body  []byte
		want  error
		field string
		off   int
	}{
		{"nothing", words(14, 1), object.ErrLength, "POLICY_DATA", 0},
		{"offset 4", words(14, 1, 4<<16), object.ErrLength, "POLICY_DATA Data Offset", 0},
		{"offset 10", words(14, 1, 10<<16, 0), object.ErrLength, "POLICY_DATA Data Offset", 0},
		{"offset past the end", words(14, 1, 12<<16), object.ErrLength, "POLICY_DATA Data Offset", 0},
		{"option past the options", words(14, 1, 12<<16, 8<<16|5<<8|1, 1), object.ErrTruncated, "POLICY_DATA option", 4},
		{"hop of 8", words(14, 1, 16<<16, 8<<16|3<<8|1, a4), object.ErrLength, "POLICY_DATA RSVP_HOP", 4},
		{"filter 0", words(14, 1, 20<<16, filter[0], 0, 0), rsvp.ErrValue, "POLICY_DATA FILTER_SPEC", 8},
		{"scope and filter", words(14, 1, append([]uint32{28 << 16, 8<<16 | 7<<8 | 1, a4}, filter...)...), rsvp.ErrNotAllowed, "POLICY_DATA FILTER_SPEC", 12},
		{"filter and scope", words(14, 1, append(append([]uint32{28 << 16}, filter...), 8<<16|7<<8|1, a4)...), rsvp.ErrNotAllowed, "POLICY_DATA SCOPE", 16},
		{"three hops", words(14, 1, join([]uint32{44 << 16}, hop, hop, hop)...), rsvp.ErrDuplicate, "POLICY_DATA RSVP_HOP", 28},
		{"refresh 0", words(14, 1, 16<<16, 8<<16|5<<8|1, 0), rsvp.ErrValue, "TIME_VALUES", 8},
		{"element of 3", words(14, 1, 8<<16, 3<<16|1), object.ErrLength, "policy element length", 4},
		{"element of 6", words(14, 1, 8<<16, 6<<16|1, 0), object.ErrLength, "policy element length", 4},
		{"element past the end", words(14, 1, 8<<16, 12<<16|1, 0), object.ErrLength, "policy element length", 4},
	}
	for _, tc := range tests {
		o, _, err := object.Parse(tc.body)
		if err != nil {
			t.Fatal(err)
		}
		_, err = rsvp.ParsePolicyData(o)
		de, ok := errors.AsType[*object.DecodeError](err)
		if !ok || !errors.Is(err, tc.want) || de.Field != tc.field || de.Offset != tc.off {
			t.Errorf("%s: %v; want %q at %d: %v", tc.name, err, tc.field, tc.off, tc.want)
		}
	}
	if _, err := rsvp.ParsePolicyData(object.Object{Class: 13, CType: 1}); !errors.Is(err, rsvp.ErrUnknownClass) {
		t.Errorf("another class: %v", err)
	}
}

// TestPolicyDataIsOpaque: to RSVP itself the contents do not matter (RFC 2750
// section 4.2), nor does the C-Type.
func TestPolicyDataIsOpaque(t *testing.T) {
	p := objects(t, encoded(t, "path-v4"))
	var m rsvp.Message
	for _, o := range [][]byte{words(14, 1), words(14, 1, 0xffffffff), words(14, 9, 1)} {
		b := message(rsvp.Path, append([][]byte{o}, p...)...)
		if err := m.Decode(b); err != nil || len(m.Policy) != 1 {
			t.Errorf("%x: %v", o, err)
		}
		if got, err := m.AppendAsReceived(nil); err != nil || !bytes.Equal(got, b) {
			t.Errorf("%x: %v %x", o, err, got)
		}
	}
}

func TestPreemption(t *testing.T) {
	want := rsvp.Preemption{Strategy: rsvp.MergeHighestQoS, Error: rsvp.PriorityPreempted, Priority: 3, Defending: 7}
	e, err := want.Element()
	if err != nil || e.Type != rsvp.PolicyPreemption || !bytes.Equal(e.Data, []byte{0, 1, 1, 0, 0, 3, 0, 7}) {
		t.Fatalf("%+v %v", e, err)
	}
	if got, err := rsvp.ParsePreemption(e); err != nil || got != want {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := (rsvp.Preemption{Strategy: 1, Priority: 2, Defending: 1}).Element(); !errors.Is(err, rsvp.ErrValue) {
		t.Errorf("priority above the defending one: %v", err)
	}
	for name, tc := range map[string]struct {
		e    rsvp.PolicyElement
		want error
	}{
		"type":       {rsvp.PolicyElement{Type: rsvp.PolicyUser, Data: e.Data}, rsvp.ErrPolicyType},
		"length":     {rsvp.PolicyElement{Type: rsvp.PolicyPreemption, Data: e.Data[:4]}, object.ErrLength},
		"strategy":   {rsvp.PolicyElement{Type: rsvp.PolicyPreemption, Data: []byte{0, 4, 0, 0, 0, 1, 0, 1}}, rsvp.ErrValue},
		"priorities": {rsvp.PolicyElement{Type: rsvp.PolicyPreemption, Data: []byte{0, 1, 0, 0, 0, 2, 0, 1}}, rsvp.ErrValue},
	} {
		if _, err := rsvp.ParsePreemption(tc.e); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestIdentity(t *testing.T) {
	want := rsvp.Identity{Type: rsvp.PolicyUser, Attributes: []rsvp.Attribute{
		{Type: rsvp.AttributeLocator, SubType: rsvp.LocatorASCII, Value: []byte("CN=somebody")},
		{Type: rsvp.AttributeError, Value: []byte{0, 0, 0, 4, 'o', 'l', 'd'}},
		{Type: rsvp.AttributeSignature, Value: []byte{1, 2, 3, 4}},
	}}
	e, err := want.Element()
	if err != nil || len(e.Data) != 16+12+8 {
		t.Fatalf("%x %v", e.Data, err)
	}
	got, err := rsvp.ParseIdentity(e)
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("%v %s", err, d)
	}
	if v, text, ok := got.Attributes[1].PolicyError(); !ok || v != rsvp.IdentityExpired || string(text) != "old" {
		t.Errorf("%d %q", v, text)
	}
	if _, _, ok := got.Attributes[0].PolicyError(); ok {
		t.Error("an error in a locator")
	}
	for name, tc := range map[string]struct {
		id   rsvp.Identity
		want error
	}{
		"type":            {rsvp.Identity{Type: rsvp.PolicyPreemption}, rsvp.ErrPolicyType},
		"signature first": {rsvp.Identity{Type: 2, Attributes: []rsvp.Attribute{{Type: rsvp.AttributeSignature}, {}}}, rsvp.ErrOrder},
		"error of 2":      {rsvp.Identity{Type: 2, Attributes: []rsvp.Attribute{{Type: rsvp.AttributeError, Value: []byte{1, 2}}}}, object.ErrLength},
		"too long":        {rsvp.Identity{Type: 2, Attributes: []rsvp.Attribute{{Value: make([]byte, 65532)}}}, object.ErrTooLong},
	} {
		if _, err := tc.id.Element(); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, tc := range map[string]struct {
		data []byte
		want error
	}{
		"half a header":      {[]byte{0, 8}, object.ErrTruncated},
		"length 3":           {[]byte{0, 3, 1, 1}, object.ErrLength},
		"past the end":       {[]byte{0, 5, 1, 1}, object.ErrLength},
		"error of 4":         {[]byte{0, 4, 4, 0}, object.ErrLength},
		"signature not last": {[]byte{0, 4, 3, 0, 0, 4, 1, 1}, rsvp.ErrOrder},
	} {
		if _, err := rsvp.ParseIdentity(rsvp.PolicyElement{Type: rsvp.PolicyApplication, Data: tc.data}); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := rsvp.ParseIdentity(rsvp.PolicyElement{Type: rsvp.PolicyPreemption}); !errors.Is(err, rsvp.ErrPolicyType) {
		t.Errorf("%v", err)
	}
}

// TestLocator: the examples of RFC 2872 section 2, and the quoting of RFC 1779.
func TestLocator(t *testing.T) {
	for text, want := range map[string][]rsvp.LocatorPart{
		"APP=SAP, VER=1.1, SAPP=Print":                                     {{"APP", "SAP"}, {"VER", "1.1"}, {"SAPP", "Print"}},
		"GUID=http://www.microsoft.com/apps, APP=MyApplication, VER=1.2.3": {{"GUID", "http://www.microsoft.com/apps"}, {"APP", "MyApplication"}, {"VER", "1.2.3"}},
		`APP="a, b; c=\"d\""`:                                              {{"APP", `a, b; c="d"`}},
		`APP=" x "`:                                                        {{"APP", " x "}},
		"":                                                                 nil,
	} {
		got, err := rsvp.ParseLocator(text)
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Errorf("%q: %v %s", text, err, d)
		}
		if back := rsvp.FormatLocator(got); back != text {
			t.Errorf("%q comes back as %q", text, back)
		}
	}
	for _, text := range []string{`APP = a\, b ;VER=1`, "APP=a;VER=1"} {
		if got, err := rsvp.ParseLocator(text); err != nil || len(got) != 2 || got[1] != (rsvp.LocatorPart{Key: "VER", Value: "1"}) {
			t.Errorf("%q: %v %v", text, got, err)
		}
	}
	for _, text := range []string{"APP", "=x", `APP="x`, `APP=x\`, "A,B=x"} {
		if got, err := rsvp.ParseLocator(text); !errors.Is(err, rsvp.ErrValue) {
			t.Errorf("%q: %v %v", text, got, err)
		}
	}
}

// FuzzPolicyData: no input panics; what is read is written and read again the
// same.
func FuzzPolicyData(f *testing.F) {
	b, _ := policyData().AppendTo(nil)
	f.Add(b[4:])
	f.Add([]byte{0, 8, 0, 0})
	f.Add([]byte{0, 16, 0, 0, 0, 8, 7, 1, 10, 0, 0, 1})
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := rsvp.ParsePolicyData(object.Object{Class: 14, CType: 1, Body: body})
		if err != nil {
			return
		}
		for _, e := range p.Elements {
			rsvp.ParsePreemption(e)
			if id, err := rsvp.ParseIdentity(e); err == nil {
				again, err := id.Element()
				if err != nil || len(again.Data) != len(e.Data) {
					t.Fatalf("%+v: %v", id, err)
				}
				for _, a := range id.Attributes {
					if parts, err := rsvp.ParseLocator(string(a.Value)); err == nil {
						rsvp.FormatLocator(parts)
					}
				}
			}
		}
		out, err := p.AppendTo(nil)
		if err != nil {
			return // scope out of order
		}
		o, _, err := object.Parse(out)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := rsvp.ParsePolicyData(o); err != nil || cmp.Diff(p, again, samePolicy) != "" {
			t.Fatalf("%v\n%s", err, cmp.Diff(p, again, samePolicy))
		}
	})
}
