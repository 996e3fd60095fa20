// Package stack is mpstack's socket layer: multipoint sockets with Winsock's
// calls, meanings and numbers over a userspace IP layer, the join protocol and
// RSVP.
//
// A [Stack] is a host or a router: its interfaces ([Stack.AddPort]), its
// machines (IP, join protocol, RSVP) and its sockets. A [Driver] gives it time
// and a way to block: [RealTime] for programs, package sim for virtual time.
//
//	root, _ := st.Socket(stack.MPJIPv4, winsock.WSA_FLAG_MULTIPOINT_C_ROOT|winsock.WSA_FLAG_MULTIPOINT_D_ROOT)
//	root.Bind(netip.MustParseAddrPort("10.0.1.10:5000"))
//	root.Listen(8)
//	leaf, err := root.Accept(func(r *stack.Request) winsock.Verdict { … })
//
// and on another host
//
//	s, _ := st.Socket(stack.MPJIPv4, winsock.WSA_FLAG_MULTIPOINT_C_LEAF|winsock.WSA_FLAG_MULTIPOINT_D_LEAF)
//	_, err := s.JoinLeaf(stack.Join{Name: name, CallerData: data, SQOS: qos, Flags: winsock.JL_RECEIVER_ONLY})
//
// Every call may be made from any goroutine. Calls fail with a
// [winsock.Errno], wrapped in an [Error] that says what refused.
//
// Not here: NAT traversal, stream sockets, socket groups.
package stack
