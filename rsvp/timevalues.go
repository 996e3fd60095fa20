package rsvp

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/mpstack/mpstack/wire/object"
)

// TimeValues is the TIME_VALUES object: class 5, C-Type 1 (RFC 2205 A.4). The
// zero value is no object.
type TimeValues struct {
	RefreshMS uint32 // refresh period R of the sender in milliseconds
}

// NewTimeValues returns the object for a refresh period, in whole milliseconds.
func NewTimeValues(r time.Duration) TimeValues {
	return TimeValues{uint32(min(max(r.Milliseconds(), 1), math.MaxUint32))}
}

// Refresh returns the refresh period.
func (t TimeValues) Refresh() time.Duration { return time.Duration(t.RefreshMS) * time.Millisecond }

// WireLen returns the length of the object.
func (t TimeValues) WireLen() int { return object.HeaderLen + 4 }

// AppendTo appends the object. It fails for a period of 0.
func (t TimeValues) AppendTo(b []byte) ([]byte, error) {
	if t.RefreshMS == 0 {
		return b, fail("TIME_VALUES", len(b), ErrValue)
	}
	b = append(b, 0, 8, uint8(ClassTimeValues), 1)
	return binary.BigEndian.AppendUint32(b, t.RefreshMS), nil
}

func parseTimeValues(m *Message, _ uint8, body []byte) *object.DecodeError {
	m.TimeValues.RefreshMS = binary.BigEndian.Uint32(body)
	if m.TimeValues.RefreshMS == 0 {
		return fail("TIME_VALUES", 0, ErrValue)
	}
	return nil
}
