package stack

import (
	"errors"

	"github.com/mpstack/mpstack/stack/ip"
	"github.com/mpstack/mpstack/stack/ip/group"
	"github.com/mpstack/mpstack/stack/winsock"
)

// Error is a refused or failed call. errors.Is matches the Winsock error and
// the syscall.Errno that corresponds to it.
type Error struct {
	Call   string        // "WSAJoinLeaf", "bind", …
	Code   winsock.Errno // Winsock's number
	Reason string        // which behaviour refused what, or what happened
}

// Error returns "call: reason: WSAEXXX (number): text".
func (e *Error) Error() string {
	if e.Reason == "" {
		return e.Call + ": " + e.Code.Error()
	}
	return e.Call + ": " + e.Reason + ": " + e.Code.Error()
}

// Unwrap returns the Winsock error.
func (e *Error) Unwrap() error { return e.Code }

// Timeout reports whether a time limit was reached, as net.Error has it.
func (e *Error) Timeout() bool { return e.Code.Timeout() }

// Temporary reports whether the call may succeed when it is repeated later.
func (e *Error) Temporary() bool { return e.Code.Temporary() }

func fail(call string, code winsock.Errno, reason string) *Error {
	return &Error{Call: call, Code: code, Reason: reason}
}

// codeOf returns the Winsock error that err wraps, or otherwise.
func codeOf(err error, otherwise winsock.Errno) winsock.Errno {
	if code, ok := errors.AsType[winsock.Errno](err); ok {
		return code
	}
	return otherwise
}

// refusals is the one table from the IP layer's refusals to Winsock's numbers.
var refusals = [...]struct {
	err  error
	code winsock.Errno
}{
	{ip.ErrMessageTooBig, winsock.WSAEMSGSIZE},
	{ip.ErrNoRoute, winsock.WSAENETUNREACH},
	{ip.ErrAddressInUse, winsock.WSAEADDRINUSE},
	{ip.ErrAddressNotAvailable, winsock.WSAEADDRNOTAVAIL},
	{ip.ErrAddress, winsock.WSAEADDRNOTAVAIL},
	{ip.ErrInterfaceDown, winsock.WSAENETDOWN},
	{ip.ErrNoInterface, winsock.WSAENETUNREACH},
	{ip.ErrNoPorts, winsock.WSAENOBUFS},
	{ip.ErrLimit, winsock.WSAENOBUFS},
	{group.ErrLimit, winsock.WSAENOBUFS},
	{group.ErrSSM, winsock.WSAEADDRNOTAVAIL},
}

// errno returns Winsock's number for a refusal of the IP layer.
func errno(err error) winsock.Errno {
	for _, r := range refusals {
		if errors.Is(err, r.err) {
			return r.code
		}
	}
	return winsock.WSAEINVAL
}
