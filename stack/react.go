package stack

import (
	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/mpj"
	wirempj "github.com/mpstack/mpstack/wire/mpj"
)

// react takes an event of the join protocol. That of an association whose
// socket is gone means nothing.
func (st *Stack) react(now machine.Time, e *mpj.Event) {
	switch e.Kind {
	case mpj.EventRequest:
		st.requested(now, e)
		return
	case mpj.EventWithdrawn:
		st.withdrawn(e)
		return
	}
	s := st.assocs[e.Assoc]
	if s == nil {
		return
	}
	switch e.Kind {
	case mpj.EventJoined:
		s.joined(now, e)
		s.promptPath(now)
	case mpj.EventEstablished:
		s.promptPath(now)
	case mpj.EventRefused:
		s.refused(now, e)
	case mpj.EventClosed:
		s.breakOff(now, e.WSA)
	}
}

// requested puts a request into its listener's backlog.
func (st *Stack) requested(now machine.Time, e *mpj.Event) {
	s := st.listens[e.Listener]
	if s == nil {
		_ = st.mpj.Reject(now, e.Assoc, wirempj.NoListener, nil)
		return
	}
	s.lis.add(&request{ev: *e})
	s.repost()
}

// withdrawn marks a waiting request as gone: WSAAccept reports it (A8).
func (st *Stack) withdrawn(e *mpj.Event) {
	s := st.listens[e.Listener]
	if s == nil {
		return
	}
	for _, r := range s.lis.backlog {
		if r.ev.Assoc == e.Assoc {
			r.gone = e.WSA
			r.deferred = false
		}
	}
	s.repost()
}
