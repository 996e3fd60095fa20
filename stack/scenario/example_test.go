package scenario_test

import (
	"context"
	"fmt"

	"github.com/mpstack/mpstack/stack/scenario"
)

const handshake = `
name: handshake
links: [{name: lan, delay: 1ms}]
nodes:
  - {name: root, ports: [{name: eth0, link: lan, addrs: [10.0.1.10/24]}]}
  - {name: leaf, ports: [{name: eth0, link: lan, addrs: [10.0.1.11/24]}]}
steps:
  - {on: root, listen: {socket: s, protocol: mpj4, bind: "10.0.1.10:5000", accept: [{callee: welcome}]}}
  - {on: leaf, join: {socket: s, protocol: mpj4, to: "10.0.1.10:5000", caller: hello, room: 16, callee: welcome}}
  - {on: root, send: {socket: s, count: 3}}
  - {on: leaf, expect: {socket: s, received: 3}}
  - {on: leaf, close: {socket: s}}
  - {on: root, expect: {socket: s@leaf, closed: 0}}
  - {on: root, close: {socket: s}}
`

func ExampleRun() {
	sc, err := scenario.Parse("handshake.yaml", []byte(handshake))
	if err != nil {
		fmt.Println(err)
		return
	}
	res, err := scenario.Run(context.Background(), sc, scenario.Options{
		Line: func(e scenario.Entry) { fmt.Println(e) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("all as expected:", res.OK())
	// Output:
	// root: s listens at 10.0.1.10:5000 for leaves
	// root: s admits leaf as s@leaf: caller data "hello", callee data "welcome"
	// leaf: s joined 10.0.1.10:5000 with caller data "hello"; callee data "welcome"
	// leaf: as expected, callee data "welcome"
	// root: s sent 3 datagrams of 64 bytes
	// leaf: as expected, s received 3 datagrams
	// leaf: s is closed
	// root: s@leaf: the session is over
	// root: as expected, the session of s@leaf ended with 0
	// root: s is closed
	// all as expected: true
}
