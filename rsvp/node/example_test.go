package node_test

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/intserv"
	"github.com/mpstack/mpstack/rsvp/node"
	"github.com/mpstack/mpstack/rsvp/node/nodetest"
)

// A sender announces its flow through a router, the receiver reserves for it and
// has that confirmed.
func Example() {
	net := nodetest.New(1)
	left, right := net.Segment(), net.Segment()
	sender, router, receiver := net.Host("sender", nodetest.EndHost, nil), net.Host("router", nodetest.Router, nil), net.Host("receiver", nodetest.EndHost, nil)
	sender.Attach(left, "10.0.1.1")
	router.Attach(left, "10.0.1.254")
	router.Attach(right, "10.0.2.254")
	receiver.Attach(right, "10.0.2.1")

	session := node.SessionSpec{Dst: netip.MustParseAddr("10.0.2.1"), Proto: 17, DstPort: 5000}
	source := netip.MustParseAddrPort("10.0.1.1:4000")
	traffic := intserv.TSpec{Rate: 10000, Depth: 3000, Peak: intserv.Infinity(), MinUnit: 64, MaxPacket: 1500}

	sender.Do(func(now machine.Time, n *node.Node) {
		id, _ := n.Session(now, session)
		if err := n.Sender(now, id, node.SenderSpec{Src: source, TSpec: traffic}); err != nil {
			fmt.Println(err)
		}
	})
	receiver.Do(func(now machine.Time, n *node.Node) {
		id, _ := n.Session(now, session)
		err := n.Reserve(now, id, node.ReserveSpec{Style: rsvp.FF, Confirm: true, Flows: []node.FlowDescriptor{{
			Filters: []netip.AddrPort{source},
			Flow:    intserv.FlowSpec{Service: intserv.ControlledLoad, TSpec: traffic},
		}}})
		if err != nil {
			fmt.Println(err)
		}
	})
	net.RunFor(time.Second)
	for _, line := range net.Take() {
		fmt.Println(line)
	}
	for _, u := range receiver.Upcalls {
		fmt.Println(u.Kind, u.FlowSpec.Service)
	}
	// Output:
	// 0s sender>1 Path 10.0.2.1/17:5000 10.0.1.1:4000 [rsvp/path/new]
	// 1ms router>2 Path 10.0.2.1/17:5000 10.0.1.1:4000 [rsvp/path/new]
	// 2ms receiver>0 Resv 10.0.2.1/17:5000 FF [10.0.1.1:4000]{10000} confirm 10.0.2.1 [rsvp/resv/new]
	// 3ms router>0 Resv 10.0.2.1/17:5000 FF [10.0.1.1:4000]{10000} confirm 10.0.2.1 [rsvp/resv/new]
	// 4ms sender>0 ResvConf 10.0.2.1/17:5000 FF [10.0.1.1:4000]{10000} confirm 10.0.2.1 [rsvp/resvconf/send]
	// 5ms router>0 ResvConf 10.0.2.1/17:5000 FF [10.0.1.1:4000]{10000} confirm 10.0.2.1 [rsvp/resvconf/forward]
	// PathEvent none
	// ResvConfirm controlled-load
}
