package neigh

import "testing"

// TestStep states every pair of state and event (RFC 4861 sections 7.2 and
// 7.3 and its appendix C).
func TestStep(t *testing.T) {
	t.Parallel()
	type want struct {
		to  State
		act Action
	}
	learnConfirm := ActLearn | ActReachable
	table := map[State][numEvents]want{
		None: {
			EventSend:    {Incomplete, ActQueue | ActSolicit | ActRetrans},
			EventChanged: {Stale, ActLearn},
		},
		Incomplete: {
			EventSend:         {Incomplete, ActQueue},
			EventConfirmed:    {Reachable, learnConfirm | ActStop | ActRelease},
			EventRepeated:     {Incomplete, 0},
			EventChanged:      {Stale, ActLearn | ActStop | ActRelease},
			EventContradicted: {Incomplete, 0},
			EventTimeout:      {Incomplete, ActSolicit | ActRetrans},
			EventExhausted:    {None, ActFail},
			EventExpired:      {Incomplete, 0},
			EventFlushed:      {None, ActStop | ActFail},
		},
		Reachable: {
			EventSend:         {Reachable, ActTransmit},
			EventConfirmed:    {Reachable, learnConfirm},
			EventRepeated:     {Reachable, 0},
			EventChanged:      {Stale, ActLearn},
			EventContradicted: {Stale, 0},
			EventTimeout:      {Reachable, 0},
			EventExhausted:    {Reachable, 0},
			EventExpired:      {Stale, 0},
			EventFlushed:      {None, ActStop | ActFail},
		},
		Stale: {
			EventSend:         {Delay, ActTransmit | ActDelay},
			EventConfirmed:    {Reachable, learnConfirm},
			EventRepeated:     {Stale, 0},
			EventChanged:      {Stale, ActLearn},
			EventContradicted: {Stale, 0},
			EventTimeout:      {Stale, 0},
			EventExhausted:    {Stale, 0},
			EventExpired:      {Stale, 0},
			EventFlushed:      {None, ActStop | ActFail},
		},
		Delay: {
			EventSend:         {Delay, ActTransmit},
			EventConfirmed:    {Reachable, learnConfirm | ActStop},
			EventRepeated:     {Delay, 0},
			EventChanged:      {Stale, ActLearn | ActStop},
			EventContradicted: {Delay, 0},
			EventTimeout:      {Probe, ActProbe | ActRetrans},
			EventExhausted:    {Probe, ActProbe | ActRetrans},
			EventExpired:      {Delay, 0},
			EventFlushed:      {None, ActStop | ActFail},
		},
		Probe: {
			EventSend:         {Probe, ActTransmit},
			EventConfirmed:    {Reachable, learnConfirm | ActStop},
			EventRepeated:     {Probe, 0},
			EventChanged:      {Stale, ActLearn | ActStop},
			EventContradicted: {Probe, 0},
			EventTimeout:      {Probe, ActProbe | ActRetrans},
			EventExhausted:    {None, 0},
			EventExpired:      {Probe, 0},
			EventFlushed:      {None, ActStop | ActFail},
		},
	}
	for s := range numStates {
		row, ok := table[s]
		if !ok {
			t.Fatalf("no row for %v", s)
		}
		for e := range numEvents {
			to, act, reason := Step(s, e)
			if (want{to, act}) != row[e] {
				t.Errorf("Step(%v, %v) = %v, %#x; want %v, %#x", s, e, to, act, row[e].to, row[e].act)
			}
			if reason == "" {
				t.Errorf("Step(%v, %v) gives no reason", s, e)
			}
		}
	}
}

func TestStepUnknownState(t *testing.T) {
	t.Parallel()
	if to, act, _ := Step(numStates, EventSend); to != numStates || act != 0 {
		t.Errorf("an unknown state moved to %v with %#x", to, act)
	}
	if got := numStates.String() + numEvents.String(); got != "State(6)Event(9)" {
		t.Errorf("names beyond the tables: %q", got)
	}
}
