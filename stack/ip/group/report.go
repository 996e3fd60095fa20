package group

import (
	"net/netip"
	"slices"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire/igmp"
)

// filter is the reception state of a membership. In mode Exclude its source
// list is empty: nothing above asks to exclude sources.
type filter struct {
	mode    Mode
	sources set
}

func (f filter) idle() bool { return f.mode == Include && len(f.sources) == 0 }

func (m *membership) filter() filter {
	if m.any > 0 {
		return filter{mode: Exclude}
	}
	f := filter{mode: Include}
	for _, s := range m.sources {
		f.sources = append(f.sources, s.addr)
	}
	return f
}

// private reports whether the IP layer alone listens to m.
func (m *membership) private() bool { return m.own && m.any == 1 && len(m.sources) == 0 }

// speaks reports whether m has something to answer a query with.
func (m *membership) speaks() bool {
	return IsReported(m.Group) && (m.any > 0 || len(m.sources) > 0)
}

// changed reports the change of m from before to what it is now, at once and
// Robustness-1 times more (RFC 3376 section 5.1).
func (h *Host) changed(now machine.Time, l *hostLink, m *membership, before filter) {
	after := m.filter()
	joined := h.note(m, before, after)
	if m.modeLeft == 0 && len(m.sourcesLeft) == 0 || before.mode == after.mode && before.sources.equal(after.sources) {
		h.dropIdle(l, m)
		return
	}
	if !l.up {
		m.modeLeft, m.sourcesLeft = 0, nil
		h.dropIdle(l, m)
		return
	}
	cause := causesOf(l.V6).leave
	if joined {
		cause = causesOf(l.V6).join
	}
	h.report(l, m.changeRecords(nil), cause)
	h.scheduleChanges(now, l, m)
}

// note marks what the next reports have to say of a change, and reports
// whether more is received than before.
func (h *Host) note(m *membership, before, after filter) (more bool) {
	if !IsReported(m.Group) {
		return false
	}
	if before.mode != after.mode {
		m.modeLeft = Robustness
		return after.mode == Exclude
	}
	allow, block := after.sources.minus(before.sources), before.sources.minus(after.sources)
	for _, s := range allow.plus(block) {
		addRef(&m.sourcesLeft, s, Robustness-refs(m.sourcesLeft, s))
	}
	return len(allow) > 0
}

// changeRecords appends the records of m's next state-change report and counts
// it as sent.
func (m *membership) changeRecords(recs []igmp.Record) []igmp.Record {
	f := m.filter()
	switch {
	case m.modeLeft > 0 && f.mode == Exclude:
		recs = append(recs, igmp.Record{Type: igmp.ChangeToExclude, Group: m.Group})
	case m.modeLeft > 0:
		recs = append(recs, igmp.Record{Type: igmp.ChangeToInclude, Group: m.Group, Sources: f.sources})
	default:
		recs = m.listRecords(recs, f)
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
// reports are left. That is in mode Include alone: a change to Exclude leaves
// at least as many reports about the mode.
func (m *membership) listRecords(recs []igmp.Record, f filter) []igmp.Record {
	var allow, block set
	for _, s := range m.sourcesLeft {
		if f.sources.has(s.addr) {
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

// scheduleChanges sets the timer of the next state-change report where m has
// one to come, and forgets m where it is done with.
func (h *Host) scheduleChanges(now machine.Time, l *hostLink, m *membership) {
	if m.modeLeft > 0 || len(m.sourcesLeft) > 0 {
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
		if m.modeLeft > 0 || len(m.sourcesLeft) > 0 {
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
		if !m.private() {
			h.note(m, filter{}, m.filter())
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
	f := m.filter()
	if f.mode == Exclude {
		return igmp.Record{Type: igmp.ModeIsExclude, Group: m.Group}
	}
	return igmp.Record{Type: igmp.ModeIsInclude, Group: m.Group, Sources: f.sources}
}

// answerGroup answers what was asked about m (the table of RFC 3376 section
// 5.2). m may have been left meanwhile.
func (h *Host) answerGroup(l *hostLink, m *membership) {
	if m == nil || !m.speaks() {
		return
	}
	rec := m.currentRecord()
	if asked := m.asked; len(asked) > 0 {
		m.asked = nil
		if rec.Type == igmp.ModeIsInclude {
			asked = asked.and(set(rec.Sources))
		}
		if len(asked) == 0 {
			return
		}
		rec = igmp.Record{Type: igmp.ModeIsInclude, Group: m.Group, Sources: asked}
	}
	h.report(l, []igmp.Record{rec}, causesOf(l.V6).answer)
}

// dropIdle forgets m where it is neither joined nor has anything to report.
func (h *Host) dropIdle(l *hostLink, m *membership) {
	if m.any > 0 || len(m.sources) > 0 || m.modeLeft > 0 || len(m.sourcesLeft) > 0 {
		return
	}
	h.timers.Stop(hostTimer{kind: timerGroup, link: l.link, group: m.Group})
	delete(h.members, m.member)
	if i, ok := slices.BinarySearchFunc(l.groups, m.Group, compareGroup); ok {
		l.groups = slices.Delete(l.groups, i, i+1)
	}
}

// Bytes before the records of a report, of a record before its sources, and
// before the sources of a query.
const (
	overhead4 = 24 + 8     // IPv4 with Router Alert, report header
	overhead6 = 40 + 8 + 8 // IPv6, Hop-by-Hop with Router Alert, report header
	record4   = 8
	record6   = 20

	queryOverhead4 = 24 + 12     // IPv4 with Router Alert, query
	queryOverhead6 = 40 + 8 + 28 // IPv6, Hop-by-Hop with Router Alert, query
)

// report emits recs in as few reports as the link's MTU allows. A record that
// fits none is split: that is right for every type but EXCLUDE lists, which we
// never have (RFC 3376 section 4.2.16).
func (h *Host) report(l *hostLink, recs []igmp.Record, cause machine.Cause) {
	room, head, each := l.mtu-overhead4, record4, 4
	if l.V6 {
		room, head, each = l.mtu-overhead6, record6, 16
	}
	most := max((room-head)/each, 1) // sources in one record
	var batch []igmp.Record
	left := room
	for _, r := range recs {
		for {
			n := min(len(r.Sources), most)
			if size := head + n*each; size > left && len(batch) > 0 {
				h.emit(l, batch, cause)
				batch, left = nil, room
			}
			part := r
			part.Sources = sources(r.Sources[:n])
			batch, left = append(batch, part), left-head-n*each
			if r.Sources = r.Sources[n:]; len(r.Sources) == 0 {
				break
			}
		}
	}
	if len(batch) > 0 {
		h.emit(l, batch, cause)
	}
}

// sources returns s, nil where it is empty.
func sources(s []netip.Addr) []netip.Addr {
	if len(s) == 0 {
		return nil
	}
	return s
}

func (h *Host) emit(l *hostLink, recs []igmp.Record, cause machine.Cause) {
	h.counters.Reports++
	h.out.Push(Output{Kind: KindReport, If: l.If, V6: l.V6, Records: recs, Cause: cause})
}
