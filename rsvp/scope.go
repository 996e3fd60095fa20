package rsvp

import (
	"net/netip"

	"github.com/mpstack/mpstack/wire/object"
)

// scopeLen returns the length of a SCOPE object: class 7, C-Type 1 or 2 (RFC
// 2205 A.6).
func scopeLen(scope []netip.Addr) int {
	if len(scope) == 0 {
		return object.HeaderLen
	}
	return object.HeaderLen + len(scope)*addrLen(scope[0])
}

// AppendScope appends a SCOPE object. The addresses must be of one family and
// in ascending order.
func AppendScope(b []byte, scope []netip.Addr) ([]byte, error) {
	start := len(b)
	if len(scope) == 0 {
		return object.End(object.Begin(b, uint8(ClassScope), 1), start)
	}
	b = beginAddr(b, ClassScope, scope[0])
	for i, a := range scope {
		if a.Is4() != scope[0].Is4() || i > 0 && !scope[i-1].Less(a) {
			return b[:start], failf("SCOPE", start, ErrValue, "address %d: %v", i, a)
		}
		b = appendAddr(b, a)
	}
	return object.End(b, start)
}

// parseScope takes the addresses in whatever order they come: the order is a
// duty of the sender.
func parseScope(m *Message, ctype uint8, body []byte) *object.DecodeError {
	m.HasScope = true
	m.Scope = withRoom(m.Scope, len(body)/addrLen(familyAddr(ctype == 2)))
	for len(body) > 0 {
		var a netip.Addr
		a, body = splitAddr(body, ctype == 2)
		m.Scope = append(m.Scope, a)
	}
	return nil
}
