// Package stack is mpstack's socket layer: multipoint sockets with Winsock's
// calls, meanings and numbers over a userspace IP layer, the join protocol and
// RSVP.
//
// A [Stack] is a host or a router: its interfaces ([Stack.AddPort]), its
// machines (IP, join protocol, RSVP) and its sockets. A [Driver] gives it time
// and a way to block: [RealTime] for programs, package sim for virtual time.
//
// A root opens a session by listening, and admits the leaves that ask:
//
//	root, err := st.Socket(stack.MPJIPv4, winsock.WSA_FLAG_MULTIPOINT_C_ROOT|winsock.WSA_FLAG_MULTIPOINT_D_ROOT)
//	err = root.Bind(netip.MustParseAddrPort("10.0.1.10:5000"))
//	err = root.Listen(8)
//	leaf, err := root.Accept(func(r *stack.Request) int { return winsock.CF_ACCEPT })
//	n, err := root.Send(data) // to every leaf
//
// and on another host a leaf asks:
//
//	s, err := st.Socket(stack.MPJIPv4, winsock.WSA_FLAG_MULTIPOINT_C_LEAF|winsock.WSA_FLAG_MULTIPOINT_D_LEAF)
//	_, err = s.JoinLeaf(stack.Join{Name: name, CallerData: data, SQOS: &qos, Flags: winsock.JL_RECEIVER_ONLY})
//	n, from, err := s.RecvFrom(buf, 0)
//
// Or the leaf listens, and the root invites it with JoinLeaf; either way the
// root has a socket of its own for each leaf, on which the leaf's leaving shows
// ([Socket.Wait], FD_CLOSE), and which drops the leaf when it is closed. On the
// UDP entries ([UDPIPv4], [UDPIPv6]) JoinLeaf joins a multicast group.
//
// # Calls
//
// Every call may be made from any goroutine. Calls fail with an [Error] that
// wraps a [winsock.Errno] and says which behaviour refused what; errors.Is
// matches the number, and the syscall.Errno that means the same. A call that
// blocks ends with WSAEINTR when its socket or the stack is closed. Sockets are
// blocking until [Socket.SetNonblocking] or [Socket.EventSelect]; then outcomes
// show as events, which [Stack.WaitForMultipleEvents] waits for and
// [Socket.EnumNetworkEvents] fetches.
//
// The rules in comments (W28, A4, E6, Q12, D16) number the behaviours of
// Winsock's documents.
//
// # Inside
//
// The driver's lock guards all machines of a stack. A call, a frame or a timer
// locks, drives a machine, hands the outputs of
// each machine to the next until nothing is left, and sends what came of it in
// order when the lock is let go.
//
// Not here: NAT traversal, stream sockets, socket groups, names with a zone,
// upstream reservations, unicast copies, shaping of what is sent.
package stack
