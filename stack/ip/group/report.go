package group

import (
	"slices"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire/igmp"
)

// changed settles the interface's state after a change of what sockets want,
// and reports the change at once and Robustness-1 times more (RFC 3376 section
// 5.1, RFC 3810 section 6.1).
func (h *Host) changed(now machine.Time, l *hostLink, m *membership) {
	before, after := m.state, m.merge()
	m.state = after
	switch {
	case before.equal(after) || !l.up || !IsReported(m.Group):
		h.dropIdle(l, m)
		return
	case l.fallenBack():
		h.changedOlder(now, l, m, before)
		return
	}
	cause := causesOf(l.V6).leave
	if m.note(before, l.robustness) {
		cause = causesOf(l.V6).join
	}
	h.report(l, m.changeRecords(nil), cause)
	h.scheduleChanges(now, l, m)
}

// note marks what the next reports have to say of the change of m's state from
// before, and reports whether more is received than before.
func (m *membership) note(before filter, robustness int) (more bool) {
	if before.mode != m.state.mode {
		m.modeLeft = robustness
		return m.state.mode == Exclude
	}
	added, removed := m.state.sources.minus(before.sources), before.sources.minus(m.state.sources)
	for _, s := range added.plus(removed) {
		addRef(&m.sourcesLeft, s, robustness-refs(m.sourcesLeft, s))
	}
	if m.state.mode == Exclude {
		return len(removed) > 0
	}
	return len(added) > 0
}

// changeRecords appends the records of m's next state-change report and counts
// it as sent.
func (m *membership) changeRecords(recs []igmp.Record) []igmp.Record {
	switch {
	case m.modeLeft > 0 && m.state.mode == Exclude:
		recs = append(recs, igmp.Record{Type: igmp.ChangeToExclude, Group: m.Group, Sources: m.state.sources})
	case m.modeLeft > 0:
		recs = append(recs, igmp.Record{Type: igmp.ChangeToInclude, Group: m.Group, Sources: m.state.sources})
	default:
		recs = m.listRecords(recs)
	}
	m.modeLeft = max(m.modeLeft-1, 0)
	kept := m.sourcesLeft[:0]
	for _, s := range m.sourcesLeft {
		if s.n--; s.n > 0 {
			kept = append(kept, s)
		}
	}
	m.sourcesLeft = kept
	return recs
}

// listRecords appends ALLOW and BLOCK records for the sources about which
// reports are left: what is forwarded or blocked by the state as it is now.
func (m *membership) listRecords(recs []igmp.Record) []igmp.Record {
	var allow, block set
	for _, s := range m.sourcesLeft {
		if m.state.accepts(s.addr) {
			allow = append(allow, s.addr)
		} else {
			block = append(block, s.addr)
		}
	}
	if len(allow) > 0 {
		recs = append(recs, igmp.Record{Type: igmp.AllowNewSources, Group: m.Group, Sources: allow})
	}
	if len(block) > 0 {
		recs = append(recs, igmp.Record{Type: igmp.BlockOldSources, Group: m.Group, Sources: block})
	}
	return recs
}

// pending reports whether state-change reports are left to send.
func (m *membership) pending() bool { return m.modeLeft > 0 || len(m.sourcesLeft) > 0 }

// scheduleChanges sets the timer of the next state-change report where m has
// one to come, and forgets m where it is done with. One timer serves all
// groups of a link, so that their reports go out together.
func (h *Host) scheduleChanges(now machine.Time, l *hostLink, m *membership) {
	if m.pending() {
		key := hostTimer{kind: timerChange, link: l.link}
		if _, ok := h.timers.At(key); !ok {
			h.timers.Set(key, now.Add(h.delay(UnsolicitedReportInterval)))
		}
		return
	}
	h.dropIdle(l, m)
}

// repeatChanges sends one report about all groups that changed lately.
func (h *Host) repeatChanges(now machine.Time, l *hostLink) {
	var recs []igmp.Record
	for _, m := range slices.Clone(l.groups) {
		if m.pending() {
			recs = m.changeRecords(recs)
			h.scheduleChanges(now, l, m)
		}
	}
	h.report(l, recs, causesOf(l.V6).again)
}

// reportAnew reports all memberships of a link as if just joined.
func (h *Host) reportAnew(now machine.Time, l *hostLink) {
	var recs []igmp.Record
	for _, m := range l.groups {
		switch {
		case !m.speaks():
		case m.private() && l.fallenBack():
			h.fireOlder(now, l, m, olderFallback, 0)
		case m.private():
		case l.fallenBack():
			h.fireOlder(now, l, m, olderJoin, UnsolicitedReportIntervalOld)
		default:
			m.note(filter{}, l.robustness)
			recs = m.changeRecords(recs)
			h.scheduleChanges(now, l, m)
		}
	}
	h.report(l, recs, causesOf(l.V6).join)
}

// answerGeneral answers a general query with the state of every group.
func (h *Host) answerGeneral(l *hostLink) {
	var recs []igmp.Record
	for _, m := range l.groups {
		if m.speaks() {
			recs = append(recs, m.currentRecord())
		}
	}
	h.report(l, recs, causesOf(l.V6).answer)
}

// currentRecord returns the current-state record of m.
func (m *membership) currentRecord() igmp.Record {
	r := igmp.Record{Type: igmp.ModeIsInclude, Group: m.Group, Sources: m.state.sources}
	if m.state.mode == Exclude {
		r.Type = igmp.ModeIsExclude
	}
	return r
}

// answerGroup answers what was asked about m, which may have been left
// meanwhile.
func (h *Host) answerGroup(now machine.Time, l *hostLink, m *membership) {
	switch {
	case m == nil || !m.speaks():
		return
	case l.fallenBack():
		h.fireOlder(now, l, m, olderTimer, 0)
		return
	}
	if rec, ok := m.answer(); ok {
		h.report(l, []igmp.Record{rec}, causesOf(l.V6).answer)
	}
}

// answer returns the answer to what was asked (the table of RFC 3376 section
// 5.2 and RFC 3810 section 6.3), and false where that is nothing.
func (m *membership) answer() (igmp.Record, bool) {
	asked := m.asked
	m.asked = nil
	if len(asked) == 0 {
		return m.currentRecord(), true
	}
	if m.state.mode == Include {
		asked = asked.and(m.state.sources)
	} else {
		asked = asked.minus(m.state.sources)
	}
	return igmp.Record{Type: igmp.ModeIsInclude, Group: m.Group, Sources: asked}, len(asked) > 0
}

// dropIdle forgets m where it is neither joined nor has anything to report.
func (h *Host) dropIdle(l *hostLink, m *membership) {
	if m.wanted() || m.pending() {
		return
	}
	h.timers.Stop(m.timer())
	delete(h.members, m.member)
	if i, ok := slices.BinarySearchFunc(l.groups, m.Group, compareGroup); ok {
		l.groups = slices.Delete(l.groups, i, i+1)
	}
}

// Bytes of the IP header of a message: IPv4 with Router Alert; IPv6,
// Hop-by-Hop with Router Alert.
const (
	header4 = 24
	header6 = 40 + 8
)

// minReport has room for a record with one source in either family.
const minReport = 8 + 20 + 16

// reportLimit returns the greatest report for an MTU.
func reportLimit(mtu int, v6 bool) int {
	if v6 {
		return max(mtu-header6, minReport)
	}
	return max(mtu-header4, minReport)
}

// report emits recs in as few reports as the link's MTU allows (RFC 3376
// section 4.2.16, RFC 3810 section 5.2.15).
func (h *Host) report(l *hostLink, recs []igmp.Record, cause machine.Cause) {
	// Split fails below minReport alone.
	parts, _ := igmp.Report{Version: newest(l.V6), Records: recs}.Split(l.limit)
	for _, p := range parts {
		h.counters.Reports++
		h.out.Push(Output{Kind: KindReport, If: l.If, V6: l.V6, Version: p.Version, Records: p.Records, Cause: cause})
	}
}
