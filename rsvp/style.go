package rsvp

import (
	"encoding/binary"
	"fmt"

	"github.com/mpstack/mpstack/wire/object"
)

// Style is the STYLE object: class 8, C-Type 1 (RFC 2205 A.7): flags in the
// high 8 bits, the option vector in the low 24. The zero value is no object.
type Style uint32

// Styles.
const (
	WF Style = 0b10_001 // wildcard filter: one reservation shared by all senders
	FF Style = 0b01_010 // fixed filter: one reservation a sender
	SE Style = 0b10_010 // shared explicit: one reservation shared by listed senders
)

// styleMask covers the two option fields that are assigned: sharing (2 bits)
// and sender selection (3 bits).
const styleMask = 0x1f

// Base returns the style without flags and without options that are not
// assigned yet, which a node may ignore (RFC 2205 A.7).
func (s Style) Base() Style { return s & styleMask }

// Known reports whether s is WF, FF or SE.
func (s Style) Known() bool { b := s.Base(); return b == WF || b == FF || b == SE }

// Shared reports whether senders share one reservation.
func (s Style) Shared() bool { return s>>3&3 == 2 }

// Wildcard reports whether the style selects all senders.
func (s Style) Wildcard() bool { return s&7 == 1 }

// String returns "WF", "FF", "SE" or the number.
func (s Style) String() string {
	switch s.Base() {
	case WF:
		return "WF"
	case FF:
		return "FF"
	case SE:
		return "SE"
	}
	return fmt.Sprintf("style %#x", uint32(s))
}

// WireLen returns the length of the object.
func (s Style) WireLen() int { return object.HeaderLen + 4 }

// AppendTo appends the object. It fails for the zero value.
func (s Style) AppendTo(b []byte) ([]byte, error) {
	if s == 0 {
		return b, fail("STYLE", len(b), ErrValue)
	}
	b = append(b, 0, 8, uint8(ClassStyle), 1)
	return binary.BigEndian.AppendUint32(b, uint32(s)), nil
}

func parseStyle(m *Message, _ uint8, body []byte) *object.DecodeError {
	m.Style = Style(binary.BigEndian.Uint32(body))
	if m.Style == 0 {
		return fail("STYLE", 0, ErrValue)
	}
	return nil
}
