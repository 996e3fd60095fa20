package mpj_test

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/mpj"
	wire "github.com/mpstack/mpstack/wire/mpj"
)

// A leaf joins a root; each output goes to the other endpoint, and both are
// told.
func Example() {
	node := func(name string) *mpj.Endpoint {
		return mpj.New(mpj.Config{Node: name, Rand: machine.Rand(1, name, "mpj"), Entropy: machine.SeededEntropy(1, name, "mpj")})
	}
	root, leaf := node("root"), node("leaf")
	now := machine.VirtualEpoch
	const planes = wire.RootedControl | wire.RootedData
	name := netip.MustParseAddrPort("192.0.2.1:5000")

	_, err := root.Listen(now, mpj.Listener{
		Name: name, ControlRoot: true, DataRoot: true, Planes: planes, Backlog: 5,
		Session: &mpj.Session{
			Group: netip.MustParseAddrPort("232.1.2.3:50000"), TTL: 32, Mode: wire.Multicast,
			Root: netip.MustParseAddrPort("192.0.2.1:50001"),
		},
	})
	fmt.Println("listen:", err)
	id, err := leaf.Join(now, mpj.Join{
		Local: netip.MustParseAddrPort("192.0.2.2:40000"), Target: name,
		Role:       wire.Role{Control: wire.ControlLeaf, Data: wire.DataLeaf, Planes: planes, JL: wire.ReceiverOnly},
		CallerData: []byte("it is me"), HasCallerData: true, CalleeRoom: 100,
	})
	fmt.Println("join:", err)

	// pass hands the outputs of one endpoint to the other until there are none.
	pass := func(who string, from, to *mpj.Endpoint) (more bool) {
		for out, ok := from.Next(); ok; out, ok = from.Next() {
			more = true
			if out.Kind == mpj.KindDatagram {
				fmt.Println(who, "sends", wire.Type(out.Datagram.Payload[1]))
				to.HandleDatagram(now, out.Datagram)
				continue
			}
			fmt.Println(who, "is told:", out.Event.Kind)
			if ev := out.Event; ev.Kind == mpj.EventRequest {
				fmt.Printf("caller data: %s\n", ev.CallerData)
				fmt.Println("accept:", from.Accept(now, ev.Assoc, mpj.Answer{}))
			}
		}
		return more
	}
	exchange := func() {
		for pass("leaf", leaf, root) || pass("root", root, leaf) {
		}
	}
	exchange()
	now = now.Add(time.Second)
	fmt.Println("leave:", leaf.Leave(now, id, wire.Left))
	exchange()
	// Output:
	// listen: <nil>
	// join: <nil>
	// leaf sends JOIN
	// root sends PENDING
	// root is told: request
	// caller data: it is me
	// accept: <nil>
	// root sends ACCEPT
	// leaf sends CONFIRM
	// leaf is told: joined
	// root is told: established
	// leave: <nil>
	// leaf sends LEAVE
	// root sends LEAVE-ACK
	// root is told: closed
}
