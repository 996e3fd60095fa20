package stack_test

import (
	"context"
	"errors"
	"net"
	"syscall"
	"testing"

	"github.com/mpstack/mpstack/stack"
	"github.com/mpstack/mpstack/stack/winsock"
)

// TestErrors: an error is its Winsock number, the syscall.Errno of the same
// meaning, and a net.Error; its text says who refused what.
func TestErrors(t *testing.T) {
	for _, c := range []struct {
		err                *stack.Error
		sys                syscall.Errno
		timeout, temporary bool
		text               string
	}{
		{&stack.Error{Call: "WSAJoinLeaf", Code: winsock.WSAETIMEDOUT, Reason: "W71"}, syscall.ETIMEDOUT, true, true,
			"WSAJoinLeaf: W71: WSAETIMEDOUT (10060): no answer in time"},
		{&stack.Error{Call: "bind", Code: winsock.WSAEADDRINUSE}, syscall.EADDRINUSE, false, false,
			"bind: WSAEADDRINUSE (10048): address already in use"},
		{&stack.Error{Call: "recvfrom", Code: winsock.WSAEWOULDBLOCK}, syscall.EWOULDBLOCK, false, true,
			"recvfrom: WSAEWOULDBLOCK (10035): the operation would block"},
	} {
		var ne net.Error
		switch {
		case !errors.Is(c.err, c.err.Code), !errors.Is(c.err, c.sys), errors.Is(c.err, syscall.EPERM), errors.Is(c.err, context.Canceled):
			t.Errorf("%v: errors.Is", c.err)
		case !errors.As(c.err, &ne) || ne.Timeout() != c.timeout || c.err.Temporary() != c.temporary:
			t.Errorf("%v: as net.Error", c.err)
		case c.err.Error() != c.text:
			t.Errorf("%q, want %q", c.err.Error(), c.text)
		}
	}
}
