package group

import (
	"net/netip"
	"slices"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire/igmp"
)

// round is a series of queries about a group, or about one of its sources
// (RFC 3376 section 6.6.3, RFC 3810 section 7.6.3).
type round struct {
	left int          // queries to send
	next machine.Time // when the next of them is due
}

// due reports whether a query of the round is to be sent.
func (r *round) due(now machine.Time) bool { return r.left > 0 && r.next <= now }

// sent counts a query.
func (r *round) sent(now machine.Time, interval time.Duration) {
	r.left--
	r.next = now.Add(interval)
}

// sourceRound is the round of a source: its retransmission state.
type sourceRound struct {
	addr netip.Addr
	round
}

func compareRound(r sourceRound, addr netip.Addr) int { return r.addr.Compare(addr) }

// forget ends the round of a source.
func (r *record) forget(source netip.Addr) {
	if i, ok := slices.BinarySearchFunc(r.sources, source, compareRound); ok {
		r.sources = slices.Delete(r.sources, i, i+1)
	}
}

// query begins the queries that a transition asks for: timers are lowered, the
// first query goes out at once. What is being asked for already goes on as it
// is, once every last member query interval (RFC 3376 section 6.4.2): queries
// that follow each other sooner get one answer, whose loss would not be borne.
func (r *Router) query(now machine.Time, l *routerLink, rec *record, eff effect) {
	if l.settings.Version == 1 && !l.V6 { // IGMPv1 asks for no group
		return
	}
	limit := now.Add(l.lastMemberTime())
	begun := eff.query && r.askGroup(now, l, rec, limit)
	for _, s := range eff.ask {
		if r.askSource(now, l, rec, s, limit) {
			begun = true
		}
	}
	if begun {
		r.sendQueries(now, l, rec)
	}
}

// askGroup begins to ask for a group, unless that is under way.
func (r *Router) askGroup(now machine.Time, l *routerLink, rec *record, limit machine.Time) bool {
	key := rec.timer(timerMember, netip.Addr{})
	if at, ok := r.timers.At(key); ok && at <= limit && rec.group.left > 0 {
		return false
	}
	rec.group = round{left: l.lastMemberCount(), next: now}
	r.lowerTimer(key, limit)
	return true
}

// askSource begins to ask for a source of a group, unless its timer is low
// already. Older queries cannot name sources, so that they ask for the group.
func (r *Router) askSource(now machine.Time, l *routerLink, rec *record, source netip.Addr, limit machine.Time) bool {
	key := rec.timer(timerSource, source)
	if at, ok := r.timers.At(key); !ok || at <= limit {
		return false
	}
	r.lowerTimer(key, limit)
	begun := round{left: l.lastMemberCount(), next: now}
	if l.settings.Version < newest(l.V6) {
		rec.group = begun
		return true
	}
	i, ok := slices.BinarySearchFunc(rec.sources, source, compareRound)
	if !ok {
		rec.sources = slices.Insert(rec.sources, i, sourceRound{addr: source})
	}
	rec.sources[i].round = begun
	return true
}

// askAnew makes the rounds under way ones that the link's version knows.
func (r *Router) askAnew(now machine.Time, l *routerLink) {
	for _, rec := range l.records {
		switch {
		case l.settings.Version == newest(l.V6):
			continue
		case l.settings.Version == 1 && !l.V6:
			rec.group = round{}
		case len(rec.sources) > 0:
			rec.group = round{left: l.lastMemberCount(), next: now}
		}
		rec.sources = nil
		r.timeQueries(rec)
	}
}

// repeatQueries sends the next queries for a group unless another router is
// the querier by now.
func (r *Router) repeatQueries(now machine.Time, l *routerLink, rec *record) {
	if l.state != Querier {
		rec.group, rec.sources = round{}, nil
		return
	}
	r.sendQueries(now, l, rec)
}

// sendQueries sends the queries that are due for a group and sets the timer of
// the next.
func (r *Router) sendQueries(now machine.Time, l *routerLink, rec *record) {
	limit := now.Add(l.lastMemberTime())
	c := causesOf(l.V6)
	q := igmp.Query{Group: rec.Group, MaxResp: l.settings.LastMemberQueryInterval}
	sentGroup := rec.group.due(now)
	if sentGroup {
		rec.group.sent(now, l.settings.LastMemberQueryInterval)
		at, ok := r.timers.At(rec.timer(timerMember, netip.Addr{}))
		q.Suppress = ok && at > limit
		r.counters.GroupQueries++
		r.emitQuery(l, q, c.groupQuery)
	}
	suppressed, plain := r.takeSources(now, l, rec, limit)
	if len(suppressed) > 0 && !sentGroup { // RFC 3376 section 6.6.3.2, last note
		q.Suppress, q.Sources = true, suppressed
		r.counters.SourceQueries++
		r.emitQuery(l, q, c.sourceQuery)
	}
	if len(plain) > 0 {
		q.Suppress, q.Sources = false, plain
		r.counters.SourceQueries++
		r.emitQuery(l, q, c.sourceQuery)
	}
	r.timeQueries(rec)
}

// timeQueries sets the timer of the next query for a group.
func (r *Router) timeQueries(rec *record) {
	key := rec.timer(timerRepeat, netip.Addr{})
	next, waits := rec.group.next, rec.group.left > 0
	for _, s := range rec.sources {
		if !waits || s.next < next {
			next, waits = s.next, true
		}
	}
	if waits {
		r.timers.Set(key, next)
	} else {
		r.timers.Stop(key)
	}
}

// takeSources returns the sources of a group's next queries, where any is due:
// all that have queries left (RFC 3376 section 6.6.3.2), those whose timers
// were renewed since apart. Only those that are due are counted.
func (r *Router) takeSources(now machine.Time, l *routerLink, rec *record, limit machine.Time) (suppressed, plain set) {
	if !slices.ContainsFunc(rec.sources, func(s sourceRound) bool { return s.due(now) }) {
		return nil, nil
	}
	kept := rec.sources[:0]
	for _, s := range rec.sources {
		if at, ok := r.timers.At(rec.timer(timerSource, s.addr)); ok && at > limit {
			suppressed = append(suppressed, s.addr)
		} else {
			plain = append(plain, s.addr)
		}
		if s.due(now) {
			s.sent(now, l.settings.LastMemberQueryInterval)
		}
		if s.left > 0 {
			kept = append(kept, s)
		}
	}
	rec.sources = kept
	return suppressed, plain
}
