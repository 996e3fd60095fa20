package ip_test

import (
	"fmt"
	"net/netip"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/ip"
	"github.com/mpstack/mpstack/wire/inet"
)

// Two hosts on a wire: a frame that comes out of one goes into the other.
func Example() {
	now := machine.VirtualEpoch
	var hosts [2]*ip.Machine
	for i := range hosts {
		hosts[i] = ip.New(ip.Config{})
		err := hosts[i].AddInterface(now, ip.Interface{
			Index: 1, MAC: inet.MAC{2, 0, 0, 0, 0, byte(i + 1)}, MTU: 1500, Up: true,
			Addrs: []netip.Prefix{netip.MustParsePrefix(fmt.Sprintf("192.0.2.%d/24", i+1))},
		})
		if err != nil {
			fmt.Println(err)
		}
	}
	if _, err := hosts[1].BindUDP(now, ip.Bind{Local: netip.MustParseAddrPort("192.0.2.2:7")}); err != nil {
		fmt.Println(err)
	}
	err := hosts[0].HandleSendUDP(now, ip.Datagram{
		Src: netip.MustParseAddrPort("192.0.2.1:1000"), Dst: netip.MustParseAddrPort("192.0.2.2:7"),
		Payload: []byte("hello"), Cause: "example/hello",
	})
	if err != nil {
		fmt.Println(err)
	}
	for moved := true; moved; {
		moved = false
		for i, h := range hosts {
			for o, ok := h.Next(); ok; o, ok = h.Next() {
				moved = true
				switch o.Kind {
				case ip.KindFrame:
					fmt.Printf("host %d sends %d bytes: %s\n", i+1, len(o.Data), o.Cause)
					hosts[1-i].HandleFrame(now, 1, o.Data)
				case ip.KindDatagram:
					fmt.Printf("host %d receives %q from %v\n", i+1, o.Datagram.Payload, o.Datagram.Src)
				}
			}
		}
	}
	// Output:
	// host 1 sends 42 bytes: ip/arp/request
	// host 2 sends 42 bytes: ip/arp/reply
	// host 1 sends 47 bytes: example/hello
	// host 2 receives "hello" from 192.0.2.1:1000
}
