package stack

import (
	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/qos"
	"github.com/mpstack/mpstack/stack/winsock"
)

// QOSStatus is one answer of SIO_GET_QOS: an RSVP_STATUS_INFO and the flowspecs
// it concerns; the other direction has ServiceType NOCHANGE (Q35).
type QOSStatus struct {
	Status    winsock.Errno // WSA_QOS_ code
	Extended1 uint32        // GQOS class
	Extended2 uint32        // GQOS value
	QOS       winsock.QOS
}

// maxIndications bounds the indications that wait in one socket; the oldest
// make room.
const maxIndications = 64

// SetQOS states the socket's quality of service (SIO_SET_QOS). Before a join it
// is kept for it; afterwards it changes the running session (Q12). A direction
// with ServiceType NOCHANGE stays as it is (Q31), NOTRAFFIC and BESTEFFORT end
// its reservation (Q44). It fails with a WSA_QOS code where q is wrong (Q40),
// and then nothing changes.
func (s *Socket) SetQOS(q winsock.QOS) error {
	const call = "SIO_SET_QOS"
	now := s.st.begin()
	defer s.st.end()
	if err := s.check(call); err != nil {
		return err
	}
	if !s.proto.has(winsock.XP1_QOS_SUPPORTED) {
		return fail(call, winsock.WSAENOPROTOOPT, "I1: the protocol has no QoS")
	}
	if code := qos.Check(&q); code != 0 {
		return fail(call, code, "Q40: the flowspecs")
	}
	before := s.qos
	s.qos = overlay(s.qos, &q)
	if err := s.applyQOS(now, &q); err != nil {
		s.qos = before
		return err
	}
	return nil
}

// overlay returns a QOS of its own: base, nil for a fresh socket's, with what q
// changes.
func overlay(base, q *winsock.QOS) *winsock.QOS {
	v := winsock.DefaultQOS
	if base != nil {
		v = *base
	}
	v = qos.Overlay(v, *q)
	return &v
}

// applyQOS makes q, which s.qos has taken in, count for a session that runs; nil
// changes nothing.
func (s *Socket) applyQOS(now machine.Time, q *winsock.QOS) error {
	if s.flow == 0 {
		return s.openFlow(now)
	}
	if q == nil {
		return nil
	}
	if err := s.st.qos.Set(now, s.flow, *q); err != nil {
		return fail("QoS", qos.ErrnoOf(err), err.Error())
	}
	return nil
}

// openFlow starts the socket's part in its session's reservation, once its
// place there and its QoS are both known, in either order (Q7).
func (s *Socket) openFlow(now machine.Time) error {
	if s.qos == nil || s.flow != 0 || !s.place.Session.IsValid() {
		return nil
	}
	id, err := s.st.qos.Open(now, s.place, *s.qos)
	if err != nil {
		return fail("QoS", qos.ErrnoOf(err), err.Error())
	}
	s.flow = id
	s.st.flows[id] = s
	return nil
}

// closeFlow ends the socket's QoS: tears are sent (Q44).
func (s *Socket) closeFlow(now machine.Time) {
	if s.flow == 0 {
		return
	}
	s.st.qos.Close(now, s.flow)
	delete(s.st.flows, s.flow)
	s.flow = 0
}

// GetQOS returns the oldest QoS indication (SIO_GET_QOS) and re-enables FD_QOS.
// It never waits: it fails with WSAEWOULDBLOCK where there is none, so that a
// loop over it ends (Q34).
func (s *Socket) GetQOS() (QOSStatus, error) {
	const call = "SIO_GET_QOS"
	s.st.begin()
	defer s.st.end()
	if err := s.check(call); err != nil {
		return QOSStatus{}, err
	}
	s.rearm(winsock.FD_QOS)
	p, ok := s.indications.Pop()
	if !ok {
		return QOSStatus{}, fail(call, winsock.WSAEWOULDBLOCK, "D18: no indication waits")
	}
	return *p, nil
}

// indicate queues a QoS indication and posts FD_QOS with its code (E12).
func (s *Socket) indicate(i *qos.Indication) {
	if s.indications.Len() >= maxIndications {
		s.indications.Pop()
	}
	s.indications.Push(QOSStatus{Status: i.Status, Extended1: i.Extended1, Extended2: i.Extended2, QOS: i.QOS})
	s.post(winsock.FD_QOS, i.Status)
}

// promptPath has the root's PATH sent early for a leaf, s at the root, that
// has just joined.
func (s *Socket) promptPath(now machine.Time) {
	if s.root != nil && s.root.flow != 0 {
		s.st.qos.Prompt(now, s.root.flow)
	}
}
