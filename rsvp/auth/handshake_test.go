package auth

import "testing"

// TestStep: every pair of state and event.
func TestStep(t *testing.T) {
	type result struct {
		next State
		do   action
	}
	want := map[State][numEvents]result{
		Unknown: {
			eventPlain: {Open, actTake}, eventWilling: {Challenged, actChallenge}, eventRefusing: {Unknown, actRefuse}, eventStart: {Challenged, actChallenge},
			eventResponse: {Unknown, actNothing}, eventStray: {Unknown, actNothing}, eventTimeout: {Unknown, actNothing}, eventGiveUp: {Unknown, actNothing},
		},
		Challenged: {
			eventPlain: {Challenged, actHold}, eventWilling: {Challenged, actHold}, eventRefusing: {Challenged, actRefuse}, eventStart: {Challenged, actNothing},
			eventResponse: {Open, actOpen}, eventStray: {Challenged, actNothing}, eventTimeout: {Challenged, actRepeat}, eventGiveUp: {Unknown, actForget},
		},
		Open: {
			eventPlain: {Open, actTake}, eventWilling: {Open, actTake}, eventRefusing: {Open, actTake}, eventStart: {Challenged, actChallenge},
			eventResponse: {Open, actNothing}, eventStray: {Open, actNothing}, eventTimeout: {Open, actNothing}, eventGiveUp: {Open, actNothing},
		},
	}
	for s := range numStates {
		for e := range numEvents {
			next, do, reason := step(s, e)
			if w := want[s][e]; next != w.next || do != w.do || reason == "" {
				t.Errorf("%v, %v: %v %d %q, want %v %d", s, e, next, do, reason, w.next, w.do)
			}
		}
	}
}
