package rsvp_test

import (
	"fmt"
	"net/netip"

	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/intserv"
)

// A receiver asks for controlled load on one sender's flow.
func Example() {
	m := rsvp.Message{
		Type: rsvp.Resv, SendTTL: 255,
		Session:    rsvp.Session{Dst: netip.MustParseAddr("232.1.2.3"), Proto: 17, DstPort: 5000},
		Hop:        rsvp.Hop{Addr: netip.MustParseAddr("10.0.2.1"), LIH: 1},
		TimeValues: rsvp.TimeValues{RefreshMS: 30000},
		Style:      rsvp.FF,
		Flows: []rsvp.FlowDescriptor{{
			FlowSpec: intserv.FlowSpec{Service: intserv.ControlledLoad, TSpec: intserv.TSpec{
				Rate: 10000, Depth: 1500, Peak: intserv.Infinity(), MinUnit: 64, MaxPacket: 1500}},
			Filters: []rsvp.FilterSpec{{Src: netip.MustParseAddr("10.0.1.1"), Port: 4000}},
		}},
	}
	wire, err := m.AppendTo(nil)
	fmt.Println(len(wire), err)

	var got rsvp.Message
	err = got.Decode(wire)
	fmt.Println(got.Type, got.Style, got.Flows[0].Filters[0], got.Flows[0].FlowSpec, err)

	fmt.Println(got.Decode(wire[:len(wire)-4]))
	// Output:
	// 96 <nil>
	// Resv FF 10.0.1.1:4000 controlled-load r=10000 b=1500 p=inf m=64 M=1500 <nil>
	// rsvp: RSVP Length at offset 6: bad length: 96 in a datagram of 92 bytes
}
