package group

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
)

// fireOlder puts a membership through stepOlder and does what it asks for. It
// is the only place where its state changes. most bounds the delay of a timer
// that is started.
func (h *Host) fireOlder(now machine.Time, l *hostLink, m *membership, e olderEvent, most time.Duration) {
	from := m.older
	to, act, reason := stepOlder(from, e)
	m.older = to
	if from != to && h.cfg.Trace != nil {
		h.cfg.Trace(machine.Transition{At: now, Machine: "ip/group/older", Subject: fmt.Sprintf("%d/%v", m.If, m.Group),
			From: from.String(), Event: e.String(), To: to.String(), Reason: reason})
	}
	if act&olderStop != 0 {
		h.timers.Stop(m.timer())
	}
	if act&olderSend != 0 {
		h.sendOlder(l, m, e)
	}
	if act&olderSendLeave != 0 {
		h.leaveOlder(l, m)
	}
	switch {
	case act&olderSetFlag != 0:
		m.last = true
	case act&olderClearFlag != 0:
		m.last = false
	}
	h.timeOlder(now, l, m, e, act, most)
}

// timeOlder sets the timer as a transition asks for.
func (h *Host) timeOlder(now machine.Time, l *hostLink, m *membership, e olderEvent, act olderAction, most time.Duration) {
	switch {
	case act&olderStart != 0:
	case act&olderSooner != 0:
		if at, ok := h.timers.At(m.timer()); ok && now.Add(most) >= at {
			h.counters.QueriesMerged++
			return
		}
	default:
		return
	}
	m.why = causesOf(l.V6).answer
	if e == olderJoin {
		m.why = causesOf(l.V6).again
	}
	h.timers.Set(m.timer(), now.Add(h.delay(most)))
}

// sendOlder sends an older report.
func (h *Host) sendOlder(l *hostLink, m *membership, e olderEvent) {
	cause := m.why
	if e == olderJoin {
		cause = causesOf(l.V6).join
	}
	h.counters.Reports++
	h.out.Push(Output{Kind: KindReport, If: l.If, V6: l.V6, Version: l.version(), Group: m.Group, Cause: cause})
}

// leaveOlder sends an older leave, which IGMPv1 does not have, if this host
// reported last (RFC 2236 section 3, RFC 2710 section 4).
func (h *Host) leaveOlder(l *hostLink, m *membership) {
	if !m.last || l.version() == 1 && !l.V6 {
		h.drops.LeavesUnsent++
		return
	}
	h.counters.Reports++
	h.out.Push(Output{Kind: KindLeave, If: l.If, V6: l.V6, Group: m.Group, Cause: causesOf(l.V6).leave})
}

// scheduleOlder starts the timer of m, or of all that have something to say
// where m is nil (RFC 2236 section 3, RFC 2710 section 4).
func (h *Host) scheduleOlder(now machine.Time, l *hostLink, m *membership, most time.Duration) {
	if m != nil {
		h.fireOlder(now, l, m, olderQuery, most)
		return
	}
	for _, m := range l.groups {
		if m.speaks() {
			h.fireOlder(now, l, m, olderQuery, most)
		}
	}
}

// HandleReport takes in another host's report of an older version. Where this
// host speaks one too, its own report is suppressed.
func (h *Host) HandleReport(now machine.Time, ifIndex int, group netip.Addr) {
	now = h.clock.At(now)
	l, m := h.links[link{ifIndex, group.Is6()}], h.members[member{ifIndex, group}]
	if l == nil || m == nil || !l.up || !l.fallenBack() {
		return
	}
	if m.older == olderDelaying {
		h.drops.Suppressed++
	}
	h.fireOlder(now, l, m, olderReport, 0)
}

// changedOlder reports a change of m in an older version: all that those can
// tell is whether anyone listens at all.
func (h *Host) changedOlder(now machine.Time, l *hostLink, m *membership, before filter) {
	switch {
	case before.idle():
		h.fireOlder(now, l, m, olderJoin, UnsolicitedReportIntervalOld)
	case m.state.idle():
		h.fireOlder(now, l, m, olderLeave, 0)
	}
	h.dropIdle(l, m)
}
