package mpj

// Leaving reports whether a LEAVE still waits for its answer. It looks at
// every association.
func (e *Endpoint) Leaving() bool {
	for _, a := range e.byID {
		if a.state == stateLeaving {
			return true
		}
	}
	return false
}
