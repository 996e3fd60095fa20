package stack

import (
	"bytes"
	"runtime"
	"strconv"
)

// goroutineID returns the number of the calling goroutine; 0 where it is not
// known. Winsock tells a call from inside a condition function by its thread
// (W64), and so do we, for that alone: a call by another goroutine while such a
// function runs is no mistake.
func goroutineID() uint64 {
	var buf [40]byte
	line := buf[:runtime.Stack(buf[:], false)] // "goroutine 7 [running]:…"
	line = bytes.TrimPrefix(line, []byte("goroutine "))
	number, _, _ := bytes.Cut(line, []byte(" "))
	id, err := strconv.ParseUint(string(number), 10, 64)
	if err != nil {
		return 0
	}
	return id
}
