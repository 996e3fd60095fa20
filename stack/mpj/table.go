package mpj

import (
	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/winsock"
	wire "github.com/mpstack/mpstack/wire/mpj"
)

// state is the state of an association.
type state uint8

const (
	stateNew state = iota
	// Handshake, asker.
	stateJoining // JOIN sent; the asked side's tag is unknown
	stateWaiting // PENDING has come
	// Handshake, asked.
	stateRequested // in the backlog
	stateDeferred  // the condition function deferred it
	stateAccepted  // ACCEPT sent
	// Lifetime, root or leaf.
	stateMember  // the association stands
	stateLeaving // LEAVE sent
	stateLost    // over; the peer may not know
	stateClosed  // over; the peer knows
	stateGone    // forgotten
	numStates
)

var stateNames = [numStates]string{
	"New", "Joining", "Waiting", "Requested", "Deferred", "Accepted",
	"Member", "Leaving", "Lost", "Closed", "Gone",
}

func (s state) String() string { return stateNames[s] }

// undecided reports whether the state counts against the backlog.
func (s state) undecided() bool { return s == stateRequested || s == stateDeferred }

// over reports whether nothing but a tombstone is left.
func (s state) over() bool { return s >= stateLost }

// event is what can happen to an association.
type event uint8

const (
	// API.
	evAsk event = iota // Join
	evAccept
	evCalleeRoom // Accept with more callee data than there is room for
	evReject
	evDefer
	evLeave
	// Messages with both tags right, and JOIN.
	evJOIN
	evPENDING
	evACCEPT
	evBadACCEPT // does not say what it must
	evREJECT
	evCONFIRM
	evLEAVE
	evCANCEL // LEAVE with the code CANCEL
	evLEAVET // LEAVE with flag T
	evLEAVEACK
	evHELLO
	evHELLOACK
	evOther // CHALLENGE, STATUS, STATUS-ACK, SIDE
	// Time.
	evRetransmit
	evLimit
	evHello
	evHold
	evExpire
	// Surroundings.
	evUnreachable
	evAddressGone
	evListenerClosed
	evRival // a crossing join of the same pair was first
	numEvents
)

var eventNames = [numEvents]string{
	"join", "accept", "callee-room", "reject", "defer", "leave",
	"JOIN", "PENDING", "ACCEPT", "ACCEPT(bad)", "REJECT", "CONFIRM",
	"LEAVE", "LEAVE(CANCEL)", "LEAVE(T)", "LEAVE-ACK", "HELLO", "HELLO-ACK", "other",
	"retransmit", "limit", "hello-due", "hold-over", "expire",
	"unreachable", "address-gone", "listener-closed", "rival",
}

func (e event) String() string { return eventNames[e] }

// action is a set of things to do. They are done in the order of the bits.
type action uint32

const (
	doLearn       action = 1 << iota // keep the peer's tag
	doSendJoin                       // with the tag of the asked side, where known
	doPending                        // PENDING, kept as the answer to JOIN
	doSendMade                       // the answer that the call made, kept as the answer to JOIN
	doReject                         // REJECT, kept as the answer to JOIN
	doAgain                          // the kept answer again
	doConfirm                        // CONFIRM
	doLeave                          // LEAVE, a new one
	doLeaveAgain                     // the same LEAVE again
	doLeaveAck                       // LEAVE-ACK
	doHello                          // HELLO
	doHelloAck                       // HELLO-ACK
	doRelease                        // stop the timers, free the pair and what only the handshake needs
	doBackoff                        // retransmit after the next interval
	doSlow                           // retransmit after MaxRetransmit
	doLimit                          // limit the handshake
	doRequest                        // EventRequest
	doWithdrawn                      // EventWithdrawn
	doJoined                         // EventJoined
	doRefused                        // EventRefused
	doMember                         // start the lifetime; free what only the handshake needs
	doEstablished                    // EventEstablished
	doClosed                         // EventClosed
	doAdopt                          // take over the timers that HELLO-ACK brings
	doSettle                         // end the crossing join of the same pair
	doSettleLeaf                     // the same where this side is the leaf
	doBury                           // release, and keep a tombstone
	doForget                         // forget the tombstone
	endActions
)

var actionNames = [...]string{
	"learn tag", "send JOIN", "send PENDING", "send ACCEPT", "send REJECT", "answer again", "send CONFIRM",
	"send LEAVE", "send LEAVE again", "send LEAVE-ACK", "send HELLO", "send HELLO-ACK", "release", "back off", "slow down",
	"set limit", "event request", "event withdrawn", "event joined", "event refused", "start lifetime",
	"event established", "event closed", "adopt timers", "settle crossing", "settle crossing (leaf)",
	"bury", "forget",
}

// names returns the names of the actions in their order.
func (do action) names() []string {
	var names []string
	for i, name := range actionNames {
		if do&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// step is what a family's table says for a state and an event.
type step struct {
	to     state
	do     action
	reason string        // why, for a reader
	code   wire.Code     // of the REJECT or LEAVE sent, or of the LEAVE that a tombstone sends; 0: the call's
	wsa    winsock.Errno // of the event; 0: what the message or call says
	cause  machine.Cause // filled in by newFamily
}

// pair is a state and an event.
type pair struct {
	state state
	event event
}

// family is one family of states: a table with one entry for each pair of
// state and event.
type family struct {
	index  int
	name   string // "asker"
	states []state
	table  [numStates][numEvents]step
	listed [numStates][numEvents]bool
}

// rows is a table in the making.
type rows map[pair]step

// newFamily makes a family from its rows. A pair that has none is ignored and
// leaves the state as it is.
func newFamily(index int, name string, states []state, all ...rows) *family {
	f := &family{index: index, name: name, states: states}
	for s := range numStates {
		for e := range numEvents {
			f.table[s][e] = step{to: s, reason: "ignored"}
		}
	}
	for _, rs := range all {
		for p, st := range rs {
			st.cause = machine.Cause("mpj/" + name + "/" + p.state.String() + "/" + p.event.String())
			f.table[p.state][p.event] = st
			f.listed[p.state][p.event] = true
		}
	}
	return f
}

// next is the family's transition function: (state, event) to (state, actions,
// reason), whole in the step.
func (f *family) next(s state, e event) *step { return &f.table[s][e] }

// Transition is one row of a family's table, in words.
type Transition struct {
	State, Event, To, Reason string
	Actions                  []string
	Code                     wire.Code     // of the REJECT or LEAVE that it sends by itself
	WSA                      winsock.Errno // of the event that it raises by itself
}

// Family is a family of states, in words.
type Family struct {
	Name        string
	States      []string
	Transitions []Transition // those that are not ignored, by state and event
}

// Families returns the tables of the handshake families (asker, asked) and
// the lifetime families (root, leaf).
func Families() []Family {
	var all []Family
	for _, f := range [...]*family{askerFamily, askedFamily, rootFamily, leafFamily} {
		out := Family{Name: f.name}
		for _, s := range f.states {
			out.States = append(out.States, s.String())
			for e := range numEvents {
				if !f.listed[s][e] {
					continue
				}
				st := f.next(s, e)
				out.Transitions = append(out.Transitions, Transition{
					State: s.String(), Event: e.String(), To: st.to.String(), Reason: st.reason,
					Actions: st.do.names(), Code: st.code, WSA: st.wsa,
				})
			}
		}
		all = append(all, out)
	}
	return all
}
