package decoding

import (
	"bytes"
	"testing"

	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/wire/object"
)

// rsvpObjects are the readers of objects that a message keeps as they are.
var rsvpObjects = []decoder{
	rsvpObject("ParseRestartCap", rsvp.ClassRestartCap, rsvp.ParseRestartCap),
	rsvpObject("ParseNotifyRequest", rsvp.ClassNotifyRequest, rsvp.ParseNotifyRequest),
	rsvpObject("ParseAdminStatus", rsvp.ClassAdminStatus, rsvp.ParseAdminStatus),
	rsvpObject("ParseProtection", rsvp.ClassProtection, rsvp.ParseProtection),
	rsvpObject("ParseLabel", rsvp.ClassLabel, rsvp.ParseLabel),
	rsvpObject("ParseLabelSet", rsvp.ClassLabelSet, rsvp.ParseLabelSet),
	rsvpObject("ParseLabelRequest", rsvp.ClassLabelRequest, rsvp.ParseLabelRequest),
	rsvpObject("ParseSessionAttribute", rsvp.ClassSessionAttribute, rsvp.ParseSessionAttribute),
	rsvpObject("ParseSessionOfInterest", rsvp.ClassSessionOfInterest, rsvp.ParseSessionOfInterest),
	rsvpObject("ParseUserError", rsvp.ClassUserErrorSpec, rsvp.ParseUserError),
	rsvpObject("ParsePolicyData", rsvp.ClassPolicyData, rsvp.ParsePolicyData, policyData...),

	{name: "rsvp.ParseIdentity", reads: "an AUTH_DATA policy element", fuzz: "FuzzPolicyElement", seeds: vectors(authData),
		factor: 24, why: "an attribute of four bytes is a value of 32, and the list of them grows",
		decode: value(func(b []byte) (rsvp.Identity, error) {
			return rsvp.ParseIdentity(rsvp.PolicyElement{Type: rsvp.PolicyApplication, Data: b})
		})},
	{name: "rsvp.ParsePreemption", reads: "a PREEMPTION_PRI policy element", fuzz: "FuzzPolicyElement", seeds: vectors(preemption),
		decode: value(func(b []byte) (rsvp.Preemption, error) {
			return rsvp.ParsePreemption(rsvp.PolicyElement{Type: rsvp.PolicyPreemption, Data: b})
		})},
	{name: "rsvp.ParseLocator", reads: "the text of a policy locator", seeds: vectors([]byte(`APP=SAP, VER=1.1, SAPP="Print, out"`), []byte("A=1,B=2")),
		factor: 64, why: "a part of three bytes is two strings, and the list of them grows",
		decode: value(func(b []byte) ([]rsvp.LocatorPart, error) { return rsvp.ParseLocator(string(b)) })},
	{name: "rsvp.ParseTLV", reads: "an element of IF_ID", seeds: vectors([]byte{0, 1, 0, 8, 10, 0, 0, 1, 0, 3, 0, 12}), decode: withRest(rsvp.ParseTLV)},
}

// Policy elements and POLICY_DATA bodies (RFC 2750, 3181, 3182).
var (
	preemption = []byte{0, 1, 0, 0, 0, 5, 0, 9}
	authData   = []byte{0, 8, 1, 1, 'A', '=', 'b', 0, 0, 12, 4, 0, 0, 0, 0, 1, 1, 2, 3, 4}
	policyData = [][]byte{
		{1, 0, 8, 0, 0, 0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 9},
		{1, 0, 16, 0, 0, 0, 8, 5, 1, 0, 0, 117, 48, 0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 9},
	}
)

// rsvpObject returns the row of a reader of objects of one class: the input is
// the C-Type and the body, and seeds are added to the least body of each C-Type.
func rsvpObject[T any](name string, class rsvp.Class, parse func(object.Object) (T, error), seeds ...[]byte) decoder {
	for _, ct := range rsvp.Classes[class].CTypes {
		for _, part := range [][]byte{{0, 0}, {0, 1}} {
			seeds = append(seeds, append([]byte{ct.CType}, bytes.Repeat(part, ct.Min/2)...))
		}
	}
	return decoder{
		name: "rsvp." + name, reads: "an object " + class.String(), fuzz: "FuzzObject",
		seeds: func(testing.TB) [][]byte { return seeds },
		decode: func(b []byte) (any, error) {
			o := object.Object{Class: uint8(class)}
			if len(b) > 0 {
				o.CType, o.Body = b[0], b[1:]
			}
			return parse(o)
		},
	}
}
