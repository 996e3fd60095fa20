package stack

import (
	"errors"

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
