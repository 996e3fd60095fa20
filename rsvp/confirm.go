package rsvp

import (
	"net/netip"

	"github.com/mpstack/mpstack/wire/object"
)

// AppendConfirm appends a RESV_CONFIRM object: class 15, C-Type 1 or 2 (RFC
// 2205 A.14), with the address of the receiver that asks for confirmation.
func AppendConfirm(b []byte, receiver netip.Addr) ([]byte, error) {
	if !receiver.IsValid() {
		return b, fail("RESV_CONFIRM", len(b), ErrValue)
	}
	start := len(b)
	return object.End(appendAddr(beginAddr(b, ClassResvConfirm, receiver), receiver), start)
}

func parseConfirm(m *Message, ctype uint8, body []byte) *object.DecodeError {
	m.Confirm, _ = splitAddr(body, ctype == 2)
	if m.Confirm.IsUnspecified() || m.Confirm.IsMulticast() {
		return failf("RESV_CONFIRM", 0, ErrValue, "receiver %v", m.Confirm)
	}
	return nil
}
