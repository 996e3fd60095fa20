package stack

import "time"

// Linger waits until the goodbyes of closed sockets have been answered or
// given up, at most for the time given, and reports whether they were. A
// program calls it before Close.
func (st *Stack) Linger(limit time.Duration) bool {
	now := st.begin()
	defer st.end(now)
	return st.wait(func() bool { return !st.mpj.Leaving() || st.closed }, limit)
}

// Leaves returns how many leaves the session of a c_root has.
func (s *Socket) Leaves() int {
	s.st.drv.Lock()
	defer s.st.drv.Unlock()
	if s.sess == nil {
		return 0
	}
	return len(s.sess.leaves)
}
