// Package winsock holds the numbers, names and memory layouts of Winsock 2 that
// mpstack keeps: error codes, the flags of multipoint sockets and joins,
// network events, ioctl codes, service types, and the FLOWSPEC, QOS and
// provider-specific structures. Names follow the headers (winsock2.h, qos.h,
// qossp.h), so that a Winsock programmer finds them; the flag and code
// constants are untyped, so that they fit whatever integer a caller keeps.
//
// An [Errno] is the error type: its text gives name, number and meaning, and
// errors.Is matches both the constant and the syscall.Errno that means the same
// on Linux:
//
//	errors.Is(err, winsock.WSAECONNREFUSED) // true
//	errors.Is(err, syscall.ECONNREFUSED)    // true as well
//
// Structures have the layout of a 32-bit little-endian process, the only one
// that GQoS ever ran in (Windows 2000). Pointers inside them are offsets from
// the start of the buffer, 0 where there is none.
//
// What is not here: any behaviour. Which call returns which code, and what a
// flowspec does, is in packages stack and stack/qos.
//
// Sources: the public headers winsock2.h, winerror.h, qos.h, qossp.h,
// qosobjs.h and traffic.h, and the API pages of WSAJoinLeaf, WSAIoctl and
// WSAEventSelect.
package winsock
