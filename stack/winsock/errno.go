package winsock

import (
	"fmt"
	"sort"
	"syscall"
)

// Errno is a Winsock error or status number. The zero value is no error; it
// is used where an event carries its outcome, never returned as an error.
type Errno uint32

// Error returns name, number and meaning: "WSAECONNREFUSED (10061): …".
func (e Errno) Error() string {
	if i := e.find(); i >= 0 {
		return fmt.Sprintf("%s (%d): %s", errnos[i].name, uint32(e), errnos[i].text)
	}
	return fmt.Sprintf("Winsock error %d", uint32(e))
}

// Name returns the constant's name, or "" where the number is unknown.
func (e Errno) Name() string {
	if i := e.find(); i >= 0 {
		return errnos[i].name
	}
	return ""
}

// Sys returns the syscall.Errno that means the same, or 0 where there is none.
func (e Errno) Sys() syscall.Errno {
	if i := e.find(); i >= 0 {
		return errnos[i].sys
	}
	return 0
}

// Is reports whether target is the syscall.Errno that means the same, or one
// of the portable errors which that stands for (fs.ErrPermission, …).
func (e Errno) Is(target error) bool {
	sys := e.Sys()
	if sys == 0 {
		return false
	}
	if t, ok := target.(syscall.Errno); ok {
		return t == sys
	}
	return sys.Is(target)
}

// Timeout reports whether the error is a time limit that was reached, as
// net.Error has it.
func (e Errno) Timeout() bool { return e == WSAETIMEDOUT }

// Temporary reports whether the call may succeed when it is repeated later.
func (e Errno) Temporary() bool {
	switch e {
	case WSAEINTR, WSAEMFILE, WSAEWOULDBLOCK, WSAETIMEDOUT, WSATRY_AGAIN, WSAENOBUFS:
		return true
	}
	return false
}

// FromSys returns the Errno for a system error, and WSAENETDOWN, false where
// nothing corresponds.
func FromSys(s syscall.Errno) (Errno, bool) {
	if s != 0 {
		for i := range errnos {
			if errnos[i].sys == s {
				return errnos[i].num, true
			}
		}
	}
	return WSAENETDOWN, false
}

// Errnos returns every known number in rising order.
func Errnos() []Errno {
	all := make([]Errno, len(errnos))
	for i := range errnos {
		all[i] = errnos[i].num
	}
	return all
}

// find returns the index of e in errnos, or -1.
func (e Errno) find() int {
	i := sort.Search(len(errnos), func(i int) bool { return errnos[i].num >= e })
	if i == len(errnos) || errnos[i].num != e {
		return -1
	}
	return i
}
