// Package netns makes throwaway network namespaces and what is in them: veth
// pairs, addresses, routes, sysctls, offload settings. It runs no program and
// mounts nothing: a namespace made here is anonymous, lives by the descriptors
// and sockets that refer to it, and is removed by the kernel with the last of
// them, whatever ends the process.
//
// A network namespace belongs to a thread. [NS.Do] runs a function on a thread
// that is locked and inside the namespace; sockets opened there stay there and
// may be used from anywhere. Inside Do:
//
//   - start no goroutine: it would run on another thread, outside;
//   - package-level calls of vishvananda/netlink and of net, and the files
//     below /proc/sys/net, mean this namespace;
//   - do not call Fatal or Skip of a test.
//
// A thread that cannot be brought back is thrown away. A nil *NS stands for the
// namespace that the process runs in; every method works on it.
//
// Where the process lacks the privilege, [ReexecInUserNS] runs the program again
// in a user namespace of its own. Errors that mean "not here, whatever you try"
// match [ErrUnavailable] and say what to do.
//
// What is not here: named namespaces (they belong to the lasting testbeds),
// bridges, traffic control, packet sockets, TAP devices.
package netns
