package group

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire/igmp"
)

// fireQuerier puts a link's querier through stepQuerier and does what it asks
// for. It is the only place where its state changes.
func (r *Router) fireQuerier(now machine.Time, l *routerLink, e querierEvent, q *igmp.Query) {
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
	key := routerTimer{kind: timerQuerier, link: l.link}
	if act&querierStartup != 0 {
		l.startup = Robustness
	}
	if act&querierSend != 0 {
		r.sendGeneral(now, l)
	}
	if act&querierAdopt != 0 {
		l.adopt(q)
		r.timers.Set(key, now.Add(l.values.otherPresent()))
	}
	if act&querierStop != 0 {
		r.timers.Stop(key)
	}
}

// adopt takes over the values of the querier (RFC 3376 sections 4.1.6 and
// 4.1.7).
func (l *routerLink) adopt(q *igmp.Query) {
	l.values = ownTiming
	if q.QRV > 0 {
		l.values.robustness = int(q.QRV)
	}
	if q.QQI > 0 {
		l.values.interval = q.QQI
	}
}

// sendGeneral sends a general query and sets the timer of the next.
func (r *Router) sendGeneral(now machine.Time, l *routerLink) {
	l.values = ownTiming
	cause, interval := causesOf(l.V6).general, QueryInterval
	if l.startup > 0 {
		l.startup--
		cause = causesOf(l.V6).startup
	}
	if l.startup > 0 {
		interval = StartupQueryInterval
	}
	r.counters.GeneralQueries++
	r.emitQuery(l.link, igmp.Query{MaxResp: QueryResponseInterval}, cause)
	r.timers.Set(routerTimer{kind: timerQuerier, link: l.link}, now.Add(interval))
}

// emitQuery emits q, in several queries where its sources do not fit one.
func (r *Router) emitQuery(l link, q igmp.Query, cause machine.Cause) {
	q.Version, q.QRV, q.QQI = 3, Robustness, QueryInterval
	room, each := r.links[l].mtu-queryOverhead4, 4
	if l.V6 {
		q.Version = 2
		room, each = r.links[l].mtu-queryOverhead6, 16
	}
	most := max(room/each, 1)
	for rest := q.Sources; ; {
		n := min(len(rest), most)
		q.Sources, rest = sources(rest[:n]), rest[n:]
		r.out.Push(Output{Kind: KindQuery, If: l.If, V6: l.V6, Query: q, Cause: cause})
		if len(rest) == 0 {
			return
		}
	}
}

// fire puts a group's record through step and does what it asks for. It is the
// only place where a record's state changes.
func (r *Router) fire(now machine.Time, l *routerLink, rec *record, e routerEvent, b set) {
	from := rec.state
	to, eff := step(from, e, b)
	rec.state = to
	if r.cfg.Trace != nil {
		r.cfg.Trace(machine.Transition{At: now, Machine: "ip/group/listener", Subject: fmt.Sprintf("%d/%v", rec.If, rec.Group),
			From: from.String(), Event: e.String(), To: to.String(), Reason: eff.reason})
	}
	r.setTimers(now, l, rec, from, eff)
	if l.state == Querier && (eff.query || len(eff.ask) > 0) {
		r.query(now, rec, eff)
	}
	if to.idle() {
		r.remove(l, rec)
	}
	r.tellChange(rec.member, from, to)
}

func (r *Router) setTimers(now machine.Time, l *routerLink, rec *record, from routerState, eff effect) {
	group := rec.timer(timerMember, netip.Addr{})
	for _, s := range from.active.minus(rec.state.active) {
		r.timers.Stop(rec.timer(timerSource, s))
		addRef(&rec.sourcesLeft, s, -refs(rec.sourcesLeft, s))
	}
	end := now.Add(l.values.membershipInterval())
	for _, s := range eff.renew {
		r.timers.Set(rec.timer(timerSource, s), end)
	}
	if at, ok := r.timers.At(group); ok {
		for _, s := range eff.follow {
			r.timers.Set(rec.timer(timerSource, s), at)
		}
	}
	switch {
	case eff.groupTimer:
		r.timers.Set(group, end)
	case rec.state.mode == Include:
		r.timers.Stop(group)
		rec.groupLeft = 0
	}
}

func (r *Router) remove(l *routerLink, rec *record) {
	r.timers.Stop(rec.timer(timerRepeat, netip.Addr{}))
	delete(r.records, rec.member)
	if i, ok := slices.BinarySearchFunc(l.records, rec.Group, compareRecord); ok {
		l.records = slices.Delete(l.records, i, i+1)
	}
}

// tellChange emits what is forwarded differently in state b than in a.
func (r *Router) tellChange(m member, a, b routerState) {
	srcs, any := difference(a, b)
	if any {
		r.out.Push(Output{Kind: KindChange, If: m.If, V6: m.Group.Is6(), Group: m.Group})
		return
	}
	for _, s := range srcs {
		r.out.Push(Output{Kind: KindChange, If: m.If, V6: m.Group.Is6(), Src: s, Group: m.Group})
	}
}

// query begins the queries that a transition asks for (RFC 3376 section
// 6.6.3): timers are lowered, the first query goes out at once.
func (r *Router) query(now machine.Time, rec *record, eff effect) {
	limit := now.Add(LastMemberQueryTime)
	if eff.query {
		rec.groupLeft = Robustness
		r.lower(now, rec, true, nil)
	}
	for _, s := range eff.ask {
		if at, ok := r.timers.At(rec.timer(timerSource, s)); ok && at > limit {
			addRef(&rec.sourcesLeft, s, Robustness-refs(rec.sourcesLeft, s))
			r.lower(now, rec, false, set{s})
		}
	}
	r.sendQueries(now, rec)
}

// repeatQueries sends the next queries for a group unless another router is
// the querier by now.
func (r *Router) repeatQueries(now machine.Time, l *routerLink, rec *record) {
	if l.state != Querier {
		rec.groupLeft, rec.sourcesLeft = 0, nil
		return
	}
	r.sendQueries(now, rec)
}

// sendQueries sends the queries left for a group and sets the timer of the
// next.
func (r *Router) sendQueries(now machine.Time, rec *record) {
	limit := now.Add(LastMemberQueryTime)
	c := causesOf(rec.Group.Is6())
	q := igmp.Query{Group: rec.Group, MaxResp: LastMemberQueryInterval}
	sentGroup := rec.groupLeft > 0
	if sentGroup {
		rec.groupLeft--
		at, ok := r.timers.At(rec.timer(timerMember, netip.Addr{}))
		q.Suppress = ok && at > limit
		r.counters.GroupQueries++
		r.emitQuery(rec.link(), q, c.groupQuery)
	}
	suppressed, plain := r.takeSources(rec, limit)
	if len(suppressed) > 0 && !sentGroup { // RFC 3376 section 6.6.3.2, last note
		q.Suppress, q.Sources = true, suppressed
		r.counters.SourceQueries++
		r.emitQuery(rec.link(), q, c.sourceQuery)
	}
	if len(plain) > 0 {
		q.Suppress, q.Sources = false, plain
		r.counters.SourceQueries++
		r.emitQuery(rec.link(), q, c.sourceQuery)
	}
	if rec.groupLeft > 0 || len(rec.sourcesLeft) > 0 {
		r.timers.Set(rec.timer(timerRepeat, netip.Addr{}), now.Add(LastMemberQueryInterval))
	}
}

// takeSources counts one query about each source that has queries left. Those
// whose timer was renewed since go into a query with the S flag.
func (r *Router) takeSources(rec *record, limit machine.Time) (suppressed, plain set) {
	kept := rec.sourcesLeft[:0]
	for _, s := range rec.sourcesLeft {
		if at, ok := r.timers.At(rec.timer(timerSource, s.addr)); ok && at > limit {
			suppressed = append(suppressed, s.addr)
		} else {
			plain = append(plain, s.addr)
		}
		if s.n--; s.n > 0 {
			kept = append(kept, s)
		}
	}
	rec.sourcesLeft = kept
	return suppressed, plain
}
