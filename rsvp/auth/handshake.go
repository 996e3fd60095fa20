package auth

// State is what a receiver knows of a sender's sequence numbers under one key.
type State uint8

// States.
const (
	Unknown    State = iota // no number: the first message decides what to do
	Challenged              // a challenge is out; messages are not taken
	Open                    // messages with new numbers are taken
	numStates
)

var stateNames = [numStates]string{"Unknown", "Challenged", "Open"}

// String returns the state's name.
func (s State) String() string { return stateNames[s] }

// event is what happens to a state. Every message has a good digest.
type event uint8

const (
	eventPlain    event = iota // a message; no handshake is asked for
	eventWilling               // a message of a sender with whom to shake hands first
	eventRefusing              // a message of a sender that must shake hands and says that it will not
	eventStart                 // the caller wants a handshake now
	eventResponse              // a response that matches the challenge
	eventStray                 // a response that matches nothing
	eventTimeout               // no response in time
	eventGiveUp                // no response to the last challenge
	numEvents
)

var eventNames = [numEvents]string{"Message", "WillingMessage", "RefusingMessage", "Start", "Response", "StrayResponse", "Timeout", "GiveUp"}

func (e event) String() string { return eventNames[e] }

// action is what a transition asks for.
type action uint8

const (
	actNothing   action = iota
	actTake             // give the number to the window
	actChallenge        // send a challenge with a new cookie
	actRepeat           // send the challenge again
	actOpen             // open the window at the number
	actHold             // drop the message: the handshake is not over
	actRefuse           // drop the message: its sender does not shake hands
	actForget           // the handshake has failed
)

// step is the receiver's handshake (RFC 2747 section 4.3) as one function.
func step(s State, e event) (next State, do action, reason string) {
	switch s {
	case Unknown:
		switch e {
		case eventPlain:
			return Open, actTake, "first number"
		case eventWilling, eventStart:
			return Challenged, actChallenge, "the number is asked for"
		case eventRefusing:
			return Unknown, actRefuse, "the sender does not shake hands"
		}
	case Challenged:
		switch e {
		case eventPlain, eventWilling:
			return Challenged, actHold, "no response yet"
		case eventRefusing:
			return Challenged, actRefuse, "the sender does not shake hands"
		case eventResponse:
			return Open, actOpen, "the response matches"
		case eventTimeout:
			return Challenged, actRepeat, "no response in time"
		case eventGiveUp:
			return Unknown, actForget, "no response at all"
		}
	case Open:
		switch e {
		case eventPlain, eventWilling, eventRefusing:
			return Open, actTake, "known sender"
		case eventStart:
			return Challenged, actChallenge, "the number is asked for again"
		}
	}
	return s, actNothing, "ignored"
}
