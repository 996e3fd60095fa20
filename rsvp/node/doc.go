// Package node is RSVP's soft state for one node, host or router: path,
// reservation and traffic-control state (RFC 2205 sections 2 and 3), processed
// by the rules of RFC 2209, with admission by each interface's reservable
// share.
//
// It is a machine without I/O (see internal/machine): no goroutine, clock or
// socket. Messages, API calls, route and link changes and results of traffic
// control come in with their instant; messages to send, upcalls and requests to
// traffic control go out through one queue, drained by [Node.Next] after every
// call. Routes are pure reads through [Routes].
//
// Each rule of RFC 2209 is one function with the rule's name: pathArrives,
// pathTearArrives, pathErrArrives, resvArrives, resvTearArrives, resvErrArrives,
// resvConfArrives, updateTrafficControl, pathRefresh, resvRefresh, routeChange.
// How flowspecs of a style are merged is in merge.go alone.
//
// Where RFC 2209 leaves room or was overtaken:
//
//   - An ADSPEC that changed is forwarded at once, as RFC 2205 section 2.3 says
//     of every change of forwarded state.
//   - A change that leaves what goes upstream as it was is not sent upstream
//     (RFC 2205 section 2.3): each path state block remembers what its previous
//     hop was last asked for. The same memory tells what a ResvTear must take
//     back.
//   - New outgoing interfaces get a Path at once, without the settling time W:
//     routes come from an in-memory table that has settled.
//   - A reservation of a local receiver outlives the sender's path state: when
//     the sender returns, Resv goes out again.
//
// Interfaces can be secured (RFC 2747): [Interface].Auth and Signer, and
// [Config].Verifier, which the node drives.
//
// Refreshes can be reduced (RFC 2961): [Config].RefreshReduction. Where RFC 2961
// leaves room:
//
//   - MESSAGE_ID goes to neighbors that are known to be capable only, so that
//     nobody refuses it: what is sent to a session's destination has one where
//     every neighbor that was heard of on the interface is capable.
//   - Summaries are gathered for a second, or a tenth of R if that is less.
//   - What one call sends to one neighbor is bundled; nothing is delayed for it.
//   - Tears are acknowledged and sent again as Path and Resv are.
//
// What is not here: diagnostics, policy, preemption, and a
// kernel's traffic control, which answers [TCRequest].
package node
