package group

import (
	"bytes"
	"fmt"
	"net/netip"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire/igmp"
)

// fireQuerier puts a link's querier through stepQuerier and does what it asks
// for. It is the only place where its state changes. src and q are those of a
// query.
func (r *Router) fireQuerier(now machine.Time, l *routerLink, e querierEvent, src netip.Addr, q *igmp.Query) {
	from := l.state
	to, act, reason := stepQuerier(from, e)
	l.state = to
	if from != to && from != QuerierDown && to != QuerierDown {
		r.counters.Elections++
	}
	if r.cfg.Trace != nil && from != to {
		r.cfg.Trace(machine.Transition{At: now, Machine: "ip/group/querier", Subject: fmt.Sprintf("%d/%v", l.If, l.addr),
			From: from.String(), Event: e.String(), To: to.String(), Reason: reason})
	}
	if act&querierStartup != 0 {
		l.startup = l.settings.StartupQueryCount
		l.values = l.settings.timing()
	}
	if act&querierSend != 0 {
		r.sendGeneral(now, l)
	}
	if act&querierAdopt != 0 {
		l.querier, l.startup = src, 0
		l.adopt(q, true)
		r.timers.Set(l.timer(), now.Add(l.values.otherPresent()))
	}
	if act&querierStop != 0 {
		l.querier = netip.Addr{}
		r.timers.Stop(l.timer())
	}
}

// sendGeneral sends a general query and sets the timer of the next.
func (r *Router) sendGeneral(now machine.Time, l *routerLink) {
	// The intervals are our own again; the robustness stays that of the most
	// recent query heard (RFC 3376 sections 4.1.6 and 4.1.7).
	l.querier = l.addr
	l.values.interval, l.values.response = l.settings.QueryInterval, l.settings.QueryResponseInterval
	cause, interval := causesOf(l.V6).general, l.settings.QueryInterval
	if l.startup > 0 {
		l.startup--
		cause = causesOf(l.V6).startup
	}
	if l.startup > 0 {
		interval = l.settings.StartupQueryInterval
	}
	r.counters.GeneralQueries++
	r.emitQuery(l, igmp.Query{MaxResp: l.settings.QueryResponseInterval}, cause)
	r.timers.Set(l.timer(), now.Add(interval))
}

// emitQuery emits q, in several queries where its sources do not fit one.
func (r *Router) emitQuery(l *routerLink, q igmp.Query, cause machine.Cause) {
	q.Version = l.settings.Version
	if q.Version < newest(l.V6) {
		q.Suppress = false // which older versions do not have, nor what follows
	} else {
		q.QQI = l.settings.QueryInterval
		if l.values.robustness <= 7 { // RFC 3376 section 4.1.6
			q.QRV = uint8(l.values.robustness)
		}
	}
	most := max(l.querySources(), 1)
	for rest := q.Sources; ; {
		n := min(len(rest), most)
		q.Sources, rest = rest[:n:n], rest[n:]
		if n == 0 {
			q.Sources = nil
		}
		r.out.Push(Output{Kind: KindQuery, If: l.If, V6: l.V6, Query: q, Cause: cause})
		if len(rest) == 0 {
			return
		}
	}
}

// querySources returns how many sources fit a query (RFC 3376 section 4.1.8,
// RFC 3810 section 5.1.10).
func (l *routerLink) querySources() int {
	if l.V6 {
		return (l.mtu - header6 - 28) / 16
	}
	return (l.mtu - header4 - 12) / 4
}

// HandleQuery takes in another router's query on an interface. q is not kept.
func (r *Router) HandleQuery(now machine.Time, ifIndex int, src netip.Addr, q *igmp.Query) {
	now = r.clock.At(now)
	l := r.links[link{ifIndex, src.Is6()}]
	if l == nil || l.state == QuerierDown {
		return
	}
	r.counters.QueriesHeard++
	r.compareVersions(l, q)
	l.adopt(q, false)
	e := querierOther
	if beats(src, l.addr) {
		e = querierLower
	}
	r.fireQuerier(now, l, e, src, q)
	if q.General() || q.Suppress {
		return
	}
	if rec := r.records[member{ifIndex, q.Group}]; rec != nil {
		limit := l.lastMemberTime()
		if q.MaxResp > 0 { // what the querier takes for the interval, sections 8.8 and 8.10
			limit = q.MaxResp * time.Duration(l.lastMemberCount())
		}
		r.lower(now.Add(limit), rec, len(q.Sources) == 0, newSet(q.Sources))
	}
}

// compareVersions counts queries of another version than ours: all routers of
// a link have to be told to speak the same (RFC 3376 section 7.3.1, RFC 3810
// section 8.3.1).
func (r *Router) compareVersions(l *routerLink, q *igmp.Query) {
	switch {
	case q.Version == 0:
	case q.Version < l.settings.Version:
		r.drops.QueriesOlder++
	case q.Version > l.settings.Version:
		r.drops.QueriesNewer++
	}
}

// beats reports whether the router at a is to be querier before that at b (RFC
// 3376 section 6.6.2, RFC 3810 section 7.6.2, where the interface identifiers
// are compared). A querier without an address, such as a switch, never is.
func beats(a, b netip.Addr) bool {
	switch {
	case a.IsUnspecified():
		return false
	case a.Is4():
		return a.Less(b)
	}
	x, y := a.As16(), b.As16()
	return bytes.Compare(x[8:], y[8:]) < 0
}

// lower lowers timers to an instant (RFC 3376 section 6.6.1).
func (r *Router) lower(at machine.Time, rec *record, group bool, sources set) {
	if group {
		r.lowerTimer(rec.timer(timerMember, netip.Addr{}), at)
	}
	for _, s := range sources {
		r.lowerTimer(rec.timer(timerSource, s), at)
	}
}

func (r *Router) lowerTimer(key routerTimer, at machine.Time) {
	if t, ok := r.timers.At(key); ok && t > at {
		r.timers.Set(key, at)
	}
}
