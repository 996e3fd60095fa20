package machine

import "time"

// Time is an instant: nanoseconds since 1970-01-01T00:00:00Z. Machines never
// read a clock; every call brings its instant.
type Time int64

// VirtualEpoch is where simulated time begins: 2000-01-01T00:00:00Z.
const VirtualEpoch Time = 946_684_800_000_000_000

// layout is RFC 3339 in UTC with nine digits of fraction.
const layout = "2006-01-02T15:04:05.000000000Z"

// FromTime converts t to an instant. It reads no clock.
func FromTime(t time.Time) Time { return Time(t.UnixNano()) }

// Add returns t+d.
func (t Time) Add(d time.Duration) Time { return t + Time(d) }

// Sub returns t-u.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t - u) }

// UTC returns t as a time.Time in UTC.
func (t Time) UTC() time.Time { return time.Unix(0, int64(t)).UTC() }

// String returns t in RFC 3339, UTC, with nine digits of fraction.
func (t Time) String() string { return t.UTC().Format(layout) }

// Clock keeps a machine's time from going back.
type Clock struct{ last Time }

// At returns now, or the latest instant seen where now is earlier.
func (c *Clock) At(now Time) Time {
	if now > c.last {
		c.last = now
	}
	return c.last
}

// Now returns the latest instant seen.
func (c *Clock) Now() Time { return c.last }
