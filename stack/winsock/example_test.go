package winsock_test

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/mpstack/mpstack/stack/winsock"
)

func ExampleErrno() {
	err := fmt.Errorf("stack: JoinLeaf: %w", winsock.WSAECONNREFUSED)
	fmt.Println(err)
	fmt.Println(errors.Is(err, winsock.WSAECONNREFUSED), errors.Is(err, syscall.ECONNREFUSED))
	// Output:
	// stack: JoinLeaf: WSAECONNREFUSED (10061): the peer refused
	// true true
}
