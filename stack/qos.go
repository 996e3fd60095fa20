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
// is kept for it; afterwards it changes the running session (Q12).
func (s *Socket) SetQOS(q winsock.QOS) error {
	now := s.st.begin()
	defer s.st.end(now)
	if err := s.check("SIO_SET_QOS"); err != nil {
		return err
	}
	if !s.proto.has(winsock.XP1_QOS_SUPPORTED) {
		return fail("SIO_SET_QOS", winsock.WSAENOPROTOOPT, "I1: the protocol has no QoS")
	}
	if code := qos.Check(&q); code != 0 {
		return fail("SIO_SET_QOS", code, "the flowspecs")
	}
	q = q.Clone()
	s.qos = &q
	if s.flow != 0 {
		if err := s.st.qos.Set(now, s.flow, q); err != nil {
			return fail("SIO_SET_QOS", qos.ErrnoOf(err), err.Error())
		}
		return nil
	}
	if s.sess != nil {
		return s.openRootFlow(now)
	}
	return nil
}

// GetQOS returns the oldest QoS indication (SIO_GET_QOS) and re-enables FD_QOS.
// It fails with WSAEWOULDBLOCK where there is none (D18).
func (s *Socket) GetQOS() (QOSStatus, error) {
	now := s.st.begin()
	defer s.st.end(now)
	if err := s.check("SIO_GET_QOS"); err != nil {
		return QOSStatus{}, err
	}
	s.ev.disabled &^= winsock.FD_QOS
	p, ok := s.indications.Pop()
	if !ok {
		return QOSStatus{}, fail("SIO_GET_QOS", winsock.WSAEWOULDBLOCK, "D18: no indication waits")
	}
	return *p, nil
}

// openRootFlow starts the root's part in its session's reservation, once both
// the group and the sending flowspec are known (Q7).
func (s *Socket) openRootFlow(now machine.Time) error {
	if s.qos == nil || s.flow != 0 || s.sess == nil {
		return nil
	}
	ss := s.sess
	return s.openFlow(now, qos.Endpoint{Session: ss.group, Sender: ss.data, If: ss.ifIndex, TTL: ss.ttl}, s.qos)
}

func (s *Socket) openFlow(now machine.Time, e qos.Endpoint, q *winsock.QOS) error {
	id, err := s.st.qos.Open(now, e, *q)
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

// indicate queues a QoS indication and posts FD_QOS with its code (E12).
func (s *Socket) indicate(i qos.Indication) {
	if s.indications.Len() >= maxIndications {
		s.indications.Pop()
	}
	s.indications.Push(QOSStatus{Status: i.Status, Extended1: i.Extended1, Extended2: i.Extended2, QOS: i.QOS})
	s.post(winsock.FD_QOS, i.Status)
}
