// Package machine holds what every sans-I/O machine of mpstack shares: the
// instant type, the timer queue, ordered output queues, seeded random streams,
// and the record of a state transition.
//
// A machine has no goroutine, channel, clock, socket or global random source.
// Its surface is
//
//	Handle…(now, input)        one method per kind of input
//	Advance(now)               fires what is due; early or stale calls do nothing
//	Deadline() (Time, bool)    when to call Advance next
//	Next() (*Output, bool)     one ordered queue, drained after every call
//	Quiet() bool               no state, timer or pending output is left
//
// A now earlier than the last one counts as the last one ([Clock]). Output
// bytes are valid until the next call into the machine.
//
// What is not here: anything that knows a protocol.
package machine
