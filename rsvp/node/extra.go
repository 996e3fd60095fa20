package node

import (
	"strings"

	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/wire/object"
)

// keepExtra returns the objects of a message that its state must carry without
// reading them: POLICY_DATA, DCLASS, and classes that the node does not know and
// whose high bits ask for it (RFC 2205 section 3.10). The result is their wire form; it is empty, and nothing
// is allocated, for a message without such objects.
func keepExtra(m *rsvp.Message) string {
	var b []byte
	for _, o := range m.Policy {
		b, _ = o.AppendTo(b)
	}
	for _, list := range [...][]rsvp.Raw{m.Unknown, m.Other} {
		for _, o := range list {
			if object.UnknownPolicy(o.Class) == object.Forward {
				b, _ = o.AppendTo(b)
			}
		}
	}
	if len(m.DClass) > 0 {
		b, _ = rsvp.AppendDClass(b, m.DClass)
	}
	return string(b)
}

// rawObjects is the opposite of keepExtra.
func rawObjects(extra string) []rsvp.Raw {
	var list []rsvp.Raw
	for b := []byte(extra); len(b) > 0; {
		o, rest, err := object.Parse(b)
		if err != nil {
			break
		}
		list, b = append(list, rsvp.Raw{Object: o}), rest
	}
	return list
}

// mergeExtra returns the union of two lists: one copy of each unique object
// (RFC 2205 section 3.10).
func mergeExtra(a, b string) string {
	if a == b || b == "" {
		return a
	}
	for _, o := range rawObjects(b) {
		one, _ := o.AppendTo(nil)
		if !hasObject(a, string(one)) {
			a += string(one)
		}
	}
	return a
}

func hasObject(list, one string) bool {
	for _, o := range rawObjects(list) {
		if b, _ := o.AppendTo(nil); strings.Compare(string(b), one) == 0 {
			return true
		}
	}
	return false
}
