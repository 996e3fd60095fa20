package group

import (
	"cmp"
	"time"

	"github.com/mpstack/mpstack/wire/igmp"
)

// Settings are how a router queries one family of one interface (RFC 3376
// section 8, RFC 3810 section 9). Zero fields stand for the defaults. All
// routers of a link should have the same.
type Settings struct {
	// Version is that of the queries: 1 to 3 in IGMP, 1 or 2 in MLD. It has
	// to be the oldest that any router of the link speaks (RFC 3376 section
	// 7.3.1, RFC 3810 section 8.3.1).
	Version uint8
	// IgnoreOlder makes reports and leaves of older versions be ignored, so
	// that nobody takes source filters away from a group (RFC 3376 section
	// 9.2, RFC 3810 section 10.2).
	IgnoreOlder bool

	Robustness              int
	QueryInterval           time.Duration
	QueryResponseInterval   time.Duration // less than QueryInterval
	StartupQueryInterval    time.Duration // default: a quarter of QueryInterval
	StartupQueryCount       int           // default: Robustness
	LastMemberQueryInterval time.Duration
	LastMemberQueryCount    int // default: the robustness in force
}

// settle returns s with its defaults, and ErrSettings where it is impossible.
func (s Settings) settle(v6 bool) (Settings, error) {
	s.Version = cmp.Or(s.Version, newest(v6))
	s.Robustness = cmp.Or(s.Robustness, Robustness)
	s.QueryInterval = cmp.Or(s.QueryInterval, QueryInterval)
	s.QueryResponseInterval = cmp.Or(s.QueryResponseInterval, QueryResponseInterval)
	s.StartupQueryInterval = cmp.Or(s.StartupQueryInterval, s.QueryInterval/4)
	s.StartupQueryCount = cmp.Or(s.StartupQueryCount, s.Robustness)
	s.LastMemberQueryInterval = cmp.Or(s.LastMemberQueryInterval, LastMemberQueryInterval)
	most, unit := maxRespOf(s.Version, v6)
	switch {
	case s.Version > newest(v6),
		s.Robustness < 1, s.Robustness > maxRobustness,
		s.QueryInterval < time.Second, s.QueryInterval > igmp.MaxQQI,
		s.QueryResponseInterval < unit, s.QueryResponseInterval > most, s.QueryResponseInterval >= s.QueryInterval,
		s.LastMemberQueryInterval < unit, s.LastMemberQueryInterval > most,
		s.StartupQueryInterval < time.Second,
		s.StartupQueryCount < 1, s.StartupQueryCount > maxRobustness,
		s.LastMemberQueryCount < 0, s.LastMemberQueryCount > maxRobustness:
		return s, ErrSettings
	}
	return s, nil
}

// maxRespOf returns the greatest and the least response time that queries of a
// version can name.
func maxRespOf(version uint8, v6 bool) (most, unit time.Duration) {
	switch {
	case v6 && version == 1:
		return igmp.MaxRespMLD1, time.Millisecond
	case v6:
		return igmp.MaxRespMLD2, time.Millisecond
	case version < 3:
		return igmp.MaxRespV2, 100 * time.Millisecond
	}
	return igmp.MaxRespV3, 100 * time.Millisecond
}

// timing are the values in force on a link: the querier's.
type timing struct {
	robustness int
	interval   time.Duration // Query Interval
	response   time.Duration // Query Response Interval
}

func (s *Settings) timing() timing {
	return timing{robustness: s.Robustness, interval: s.QueryInterval, response: s.QueryResponseInterval}
}

// membershipInterval is how long a report counts: the Group Membership
// Interval (RFC 3376 section 8.4, RFC 3810 section 9.4). It is also how long a
// host of an older version counts as present (sections 8.13 and 9.13).
func (t timing) membershipInterval() time.Duration {
	return time.Duration(t.robustness)*t.interval + t.response
}

// otherPresent is how long a silent querier is believed in (RFC 3376 section
// 8.5, RFC 3810 section 9.5).
func (t timing) otherPresent() time.Duration {
	return time.Duration(t.robustness)*t.interval + t.response/2
}

// lastMemberCount is the Last Member Query Count (RFC 3376 section 8.9).
func (l *routerLink) lastMemberCount() int {
	return cmp.Or(l.settings.LastMemberQueryCount, l.values.robustness)
}

// lastMemberTime is the Last Member Query Time of own queries (section 8.10).
func (l *routerLink) lastMemberTime() time.Duration {
	return l.settings.LastMemberQueryInterval * time.Duration(l.lastMemberCount())
}

// adopt takes over what another router's query says: its robustness in any
// case (RFC 3376 section 4.1.6), its intervals where it is the querier (section
// 4.1.7). Queries of older versions do not say.
func (l *routerLink) adopt(q *igmp.Query, querier bool) {
	_, older := heard(q.Version, l.V6)
	if !older {
		l.values.robustness = cmp.Or(int(q.QRV), l.settings.Robustness)
	}
	if !querier {
		return
	}
	l.values.interval = l.settings.QueryInterval
	if !older {
		l.values.interval = cmp.Or(q.QQI, l.settings.QueryInterval)
	}
	if q.General() {
		l.values.response = cmp.Or(maxResp(q, l.V6), l.settings.QueryResponseInterval)
	}
}
