//go:build netns

package netns

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A thread that could not be brought back must not serve anyone again.
func TestThreadIsThrownAway(t *testing.T) {
	for range 20 {
		tid := 0
		if err := onThread(func() (bool, error) { tid = unix.Gettid(); return false, nil }); err != nil {
			t.Fatal(err)
		}
		if tid == os.Getpid() {
			continue // the main thread cannot end; the runtime parks it
		}
		for until := time.Now().Add(5 * time.Second); ; runtime.Gosched() {
			_, err := os.Stat(fmt.Sprintf("/proc/self/task/%d", tid))
			if errors.Is(err, os.ErrNotExist) {
				return
			}
			if time.Now().After(until) {
				t.Fatalf("thread %d still exists", tid)
			}
		}
	}
	t.Error("always on the main thread")
}
