package ip

import "testing"

// TestStepAddr states every pair of state and event.
func TestStepAddr(t *testing.T) {
	t.Parallel()
	type want struct {
		to  AddrState
		act addrAction
	}
	stay := func(s AddrState) (row [numAddrEvents]want) {
		for e := range row {
			row[e] = want{s, 0}
		}
		return row
	}
	with := func(row [numAddrEvents]want, changes map[addrEvent]want) [numAddrEvents]want {
		for e, w := range changes {
			row[e] = w
		}
		return row
	}
	check := want{AddrTentative, actUnuse | actStop | actSchedule}
	lost := want{AddrDuplicate, actUnuse | actStop | actConflict}
	remove := want{AddrNone, actUnuse | actStop | actGone}
	table := [numAddrStates][numAddrEvents]want{
		AddrNone: with(stay(AddrNone), map[addrEvent]want{
			evAssign: {AddrPreferred, actUse},
			evCheck:  {AddrTentative, actSchedule},
		}),
		AddrTentative: with(stay(AddrTentative), map[addrEvent]want{
			evCheck:    {AddrTentative, actStop | actSchedule},
			evTimeout:  {AddrTentative, actProbe},
			evChecked:  {AddrPreferred, actUse | actReady | actAnnounce},
			evConflict: {AddrDuplicate, actStop | actConflict},
			evLost:     {AddrDuplicate, actStop | actConflict},
			evRemove:   {AddrNone, actStop | actGone},
		}),
		AddrPreferred: with(stay(AddrPreferred), map[addrEvent]want{
			evCheck:    check,
			evTimeout:  {AddrPreferred, actAnnounce},
			evConflict: {AddrPreferred, actDefend},
			evLost:     lost,
			evAged:     {AddrDeprecated, actReorder},
			evRemove:   remove,
		}),
		AddrDeprecated: with(stay(AddrDeprecated), map[addrEvent]want{
			evCheck:    check,
			evTimeout:  {AddrDeprecated, actAnnounce},
			evConflict: {AddrDeprecated, actDefend},
			evLost:     lost,
			evRenewed:  {AddrPreferred, actReorder},
			evRemove:   remove,
		}),
		AddrDuplicate: with(stay(AddrDuplicate), map[addrEvent]want{
			evCheck:  {AddrTentative, actSchedule},
			evRemove: {AddrNone, actStop},
		}),
	}
	for s := range numAddrStates {
		for e := range numAddrEvents {
			to, act, reason := stepAddr(s, e)
			if w := table[s][e]; to != w.to || act != w.act {
				t.Errorf("%v on %v: %v, actions %b, want %v, %b", s, e, to, act, w.to, w.act)
			}
			if reason == "" {
				t.Errorf("%v on %v: no reason", s, e)
			}
			if s.usable() != to.usable() && act&(actUse|actUnuse) == 0 {
				t.Errorf("%v on %v: it becomes %v without a word", s, e, to)
			}
		}
	}
	if to, act, _ := stepAddr(numAddrStates, evCheck); to != numAddrStates || act != 0 {
		t.Errorf("no such state: %v", to)
	}
}

// TestAddrNames: every state and event has a name of its own.
func TestAddrNames(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for s := range numAddrStates + 1 {
		seen[s.String()] = true
	}
	for e := range numAddrEvents + 1 {
		seen["event "+e.String()] = true
	}
	if len(seen) != int(numAddrStates)+int(numAddrEvents)+2 {
		t.Errorf("names %v", seen)
	}
}
