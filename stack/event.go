package stack

import (
	"math/bits"
	"time"

	"github.com/mpstack/mpstack/stack/winsock"
)

// Event is a manual-reset event object (WSACreateEvent) of one stack. Waiting
// for it does not reset it (E15).
type Event struct {
	st  *Stack
	set bool
}

// NewEvent creates an event object, not set.
func (st *Stack) NewEvent() *Event { return &Event{st: st} }

// Reset clears the event (WSAResetEvent).
func (e *Event) Reset() {
	e.st.drv.Lock()
	defer e.st.drv.Unlock()
	e.set = false
}

// IsSet reports whether the event is set.
func (e *Event) IsSet() bool {
	e.st.drv.Lock()
	defer e.st.drv.Unlock()
	return e.set
}

// WaitForMultipleEvents waits until one of events is set and returns the index
// of the first that is. It fails with WSAETIMEDOUT after timeout (never where
// that is 0), with WSAEINTR when the stack is closed, and with WSAEINVAL where
// there is no event or one of another stack.
func (st *Stack) WaitForMultipleEvents(timeout time.Duration, events ...*Event) (int, error) {
	const call = "WSAWaitForMultipleEvents"
	st.begin()
	defer st.end()
	for _, e := range events {
		if e == nil || e.st != st {
			return -1, fail(call, winsock.WSAEINVAL, "an event of another stack")
		}
	}
	if len(events) == 0 {
		return -1, fail(call, winsock.WSAEINVAL, "no event to wait for")
	}
	found := -1
	st.wait(func() bool {
		found = firstSet(events)
		return found >= 0 || st.closed
	}, timeout)
	switch {
	case found >= 0:
		return found, nil
	case st.closed || timeout <= 0:
		return -1, fail(call, winsock.WSAEINTR, "the stack was closed")
	}
	return -1, fail(call, winsock.WSAETIMEDOUT, "")
}

func firstSet(events []*Event) int {
	for i, e := range events {
		if e.set {
			return i
		}
	}
	return -1
}

// NetworkEvents is WSANETWORKEVENTS: which events were recorded, and their
// codes, by bit number.
type NetworkEvents struct {
	Events uint32 // FD_ bits
	Codes  [winsock.FD_MAX_EVENTS]winsock.Errno
}

// Code returns the code recorded with the event fd, one FD_ bit.
func (n NetworkEvents) Code(fd uint32) winsock.Errno {
	if i := bits.TrailingZeros32(fd); i < len(n.Codes) {
		return n.Codes[i]
	}
	return 0
}

func (n *NetworkEvents) add(fd uint32, code winsock.Errno) {
	n.Events |= fd
	n.Codes[bits.TrailingZeros32(fd)] = code
}

func (n *NetworkEvents) remove(fd uint32) {
	n.Events &^= fd
	n.Codes[bits.TrailingZeros32(fd)] = 0
}

// each calls f for every event, in the order of their numbers.
func (n NetworkEvents) each(f func(fd uint32, code winsock.Errno)) {
	for set := n.Events; set != 0; set &= set - 1 {
		f(set&-set, n.Codes[bits.TrailingZeros32(set)])
	}
}

// levelEvents are those that hold as long as their condition does (E6). All
// others say that something happened.
const levelEvents = winsock.FD_READ | winsock.FD_ACCEPT

// events is a socket's event record: an event is recorded once and then silent
// until its re-enabling call (E4).
type events struct {
	object   *Event
	mask     uint32
	recorded NetworkEvents
	happened NetworkEvents // what nobody was interested in (E9); none of levelEvents
	disabled uint32        // recorded, and not re-enabled since
}

// EventSelect registers interest in the events of mask, to be recorded and
// signalled through e (WSAEventSelect). It makes the socket nonblocking,
// replaces an earlier registration and clears what was recorded (E1, E2); what
// has happened and was not fetched is recorded anew (E9). It fails with
// WSAEINVAL where mask has unknown bits, or e is of another stack or nil with a
// mask.
func (s *Socket) EventSelect(e *Event, mask uint32) error {
	const call = "WSAEventSelect"
	s.st.begin()
	defer s.st.end()
	if err := s.check(call); err != nil {
		return err
	}
	switch {
	case mask&^uint32(winsock.FD_ALL_EVENTS) != 0:
		return fail(call, winsock.WSAEINVAL, "the mask has unknown bits")
	case e == nil && mask != 0, e != nil && e.st != s.st:
		return fail(call, winsock.WSAEINVAL, "the event is not one of this stack")
	}
	s.nonblocking = true
	s.ev.reselect(e, mask)
	s.repost()
	return nil
}

// reselect takes a new registration.
func (v *events) reselect(e *Event, mask uint32) {
	missed := v.happened
	v.recorded.each(func(fd uint32, code winsock.Errno) {
		if fd&levelEvents == 0 {
			missed.add(fd, code)
		}
	})
	*v = events{object: e, mask: mask}
	missed.each(v.post)
}

// EnumNetworkEvents returns and clears the record and resets e, where it is
// not nil, in one step (E8).
func (s *Socket) EnumNetworkEvents(e *Event) (NetworkEvents, error) {
	const call = "WSAEnumNetworkEvents"
	s.st.begin()
	defer s.st.end()
	if err := s.check(call); err != nil {
		return NetworkEvents{}, err
	}
	if e != nil {
		if e.st != s.st {
			return NetworkEvents{}, fail(call, winsock.WSAEINVAL, "the event is not one of this stack")
		}
		e.set = false
	}
	r := s.ev.recorded
	s.ev.recorded = NetworkEvents{}
	return r, nil
}

// post records the event fd with its code.
func (v *events) post(fd uint32, code winsock.Errno) {
	switch {
	case v.mask&fd == 0:
		if fd&levelEvents == 0 {
			v.happened.add(fd, code)
		}
	case v.disabled&fd == 0:
		v.disabled |= fd
		v.recorded.add(fd, code)
		if v.object != nil {
			v.object.set = true
		}
	}
}

// renew makes fd as if it had never happened: a new attempt begins.
func (v *events) renew(fd uint32) {
	v.disabled &^= fd
	v.recorded.remove(fd)
	v.happened.remove(fd)
}

func (s *Socket) post(fd uint32, code winsock.Errno) { s.ev.post(fd, code) }

// rearm re-enables fd, as its re-enabling call does even when it fails (E5),
// and records level-like events again whose condition still holds (E6).
func (s *Socket) rearm(fd uint32) {
	s.ev.disabled &^= fd
	s.repost()
}

// repost records the level-like events whose condition holds (E6).
func (s *Socket) repost() {
	if s.inbox.len() > 0 {
		s.post(winsock.FD_READ, 0)
	}
	if s.lis != nil && s.lis.acceptable() {
		s.post(winsock.FD_ACCEPT, 0)
	}
}
