package stack

import (
	"time"

	"github.com/mpstack/mpstack/stack/winsock"
)

// Event is a manual-reset event object (WSACreateEvent).
type Event struct {
	st  *Stack
	set bool
}

// NewEvent creates an event object, not set.
func (st *Stack) NewEvent() *Event { return &Event{st: st} }

// Reset clears the event (WSAResetEvent).
func (e *Event) Reset() {
	e.st.drv.Lock()
	e.set = false
	e.st.drv.Unlock()
}

// WaitForMultipleEvents waits until one of events is set and returns its
// index. It fails with WSAETIMEDOUT after timeout (never where that is 0), and
// with WSAEINTR when the stack is closed.
func (st *Stack) WaitForMultipleEvents(timeout time.Duration, events ...*Event) (int, error) {
	now := st.begin()
	defer st.end(now)
	found := -1
	ok := st.wait(func() bool {
		for i, e := range events {
			if e.set {
				found = i
				return true
			}
		}
		return st.closed
	}, timeout)
	switch {
	case found >= 0:
		return found, nil
	case ok:
		return -1, fail("WSAWaitForMultipleEvents", winsock.WSAEINTR, "the stack was closed")
	}
	return -1, fail("WSAWaitForMultipleEvents", winsock.WSAETIMEDOUT, "")
}

// NetworkEvents is WSANETWORKEVENTS: which events were recorded, and their
// codes, by bit number.
type NetworkEvents struct {
	Events uint32 // FD_ bits
	Codes  [winsock.FD_MAX_EVENTS]winsock.Errno
}

// Code returns the code recorded with the event fd, one FD_ bit.
func (n NetworkEvents) Code(fd uint32) winsock.Errno {
	for i := range n.Codes {
		if fd == 1<<i {
			return n.Codes[i]
		}
	}
	return 0
}

// events is a socket's event record: a condition that became true is posted
// once and then silent until its re-enabling call (E4).
type events struct {
	object   *Event
	mask     uint32
	recorded NetworkEvents
	happened NetworkEvents // conditions met while nobody was interested (E9)
	disabled uint32        // posted, and not re-enabled since
}

// EventSelect registers interest in the events of mask, to be recorded and
// signalled through e. It makes the socket nonblocking, replaces an earlier
// registration and clears what was recorded (E1, E2).
func (s *Socket) EventSelect(e *Event, mask uint32) error {
	now := s.st.begin()
	defer s.st.end(now)
	if err := s.check("WSAEventSelect"); err != nil {
		return err
	}
	if mask&^uint32(winsock.FD_ALL_EVENTS) != 0 {
		return fail("WSAEventSelect", winsock.WSAEINVAL, "the mask has unknown bits")
	}
	s.nonblocking = true
	s.ev.object, s.ev.mask, s.ev.disabled = e, mask, 0
	s.ev.recorded = NetworkEvents{}
	for i := range s.ev.happened.Codes {
		if bit := uint32(1) << i; s.ev.happened.Events&mask&bit != 0 {
			s.post(bit, s.ev.happened.Codes[i])
		}
	}
	s.repost()
	return nil
}

// EnumNetworkEvents returns and clears the record and resets e, where it is
// not nil, in one step (E8).
func (s *Socket) EnumNetworkEvents(e *Event) (NetworkEvents, error) {
	now := s.st.begin()
	defer s.st.end(now)
	if err := s.check("WSAEnumNetworkEvents"); err != nil {
		return NetworkEvents{}, err
	}
	r := s.ev.recorded
	s.ev.recorded = NetworkEvents{}
	if e != nil {
		e.set = false
	}
	return r, nil
}

// post records the event fd with its code.
func (s *Socket) post(fd uint32, code winsock.Errno) {
	bit := 0
	for fd>>bit != 1 {
		bit++
	}
	if s.ev.mask&fd == 0 {
		s.ev.happened.Events |= fd
		s.ev.happened.Codes[bit] = code
		return
	}
	s.ev.happened.Events &^= fd
	if s.ev.disabled&fd != 0 {
		return
	}
	s.ev.disabled |= fd
	s.ev.recorded.Events |= fd
	s.ev.recorded.Codes[bit] = code
	if s.ev.object != nil {
		s.ev.object.set = true
	}
}

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
