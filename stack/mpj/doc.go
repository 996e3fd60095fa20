// Package mpj is one node's endpoint of the multipoint join protocol
// (docs/mpj.md): it asks to join and answers those who ask, in both
// directions, keeps associations alive, and ends them.
//
// An [Endpoint] is a sans-I/O machine (package internal/machine): datagrams,
// API calls and the passing of time go in; datagrams and events come out of
// one ordered queue. It never blocks, starts no goroutine and reads no clock.
//
//	e.Join(now, Join{…})              -> JOIN …           -> EventJoined or EventRefused
//	e.Listen(now, Listener{…})        -> EventRequest     -> e.Accept, e.Reject or e.Defer
//	e.Accept(now, id, Answer{…})      -> ACCEPT …         -> EventEstablished or EventClosed
//	e.Leave(now, id, wire.Left)       -> LEAVE …
//	                                     EventClosed where the peer ended it or fell silent
//
// An association passes through a handshake family, asker or asked, and then
// through a lifetime family, root or leaf:
//
//	asker:       New -> Joining -> Waiting -+
//	                        |               +-> Member -> Leaving -> Closed -> Gone
//	asked:       New -> Requested -> Accepted-+              |
//	                      Deferred                           +-> Lost -> Gone
//
// Closed and Lost are tombstones of 60 s: in Closed the peer knows that it is
// over, in Lost it may not, and is told whenever it speaks. Every step is one
// row of a table ([Families]) and is traced and counted.
//
// Concurrency: an Endpoint is not safe for concurrent use; its owner
// serialises the calls. The payload of an output is valid until the next call.
//
// What is not here yet: CHALLENGE and cookies, STATUS, SIDE, INTEGRITY and the
// root's beacon. Their messages decode and are counted. Until cookies are
// there, a JOIN proves its address only by what follows it; see
// [Endpoint.HandleDatagram] for what that forbids.
package mpj
