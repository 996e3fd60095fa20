// Package nic is what the links on the kernel's interfaces (raw, afpacket, tap)
// have in common: which frames they take and how they count them, the words of
// their errors, the filter in the kernel, what they do about offloads, and for
// links that read and write one frame a call the whole of the rest.
//
// What is not here: sockets and devices. Each link opens its own.
package nic
