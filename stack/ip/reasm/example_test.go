package reasm_test

import (
	"fmt"
	"net/netip"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/ip/reasm"
	"github.com/mpstack/mpstack/wire/inet"
)

// A packet in two fragments, the second of which comes first.
func Example() {
	first := inet.IPv4{ID: 7, MF: true, TTL: 64, Proto: 253, Src: netip.MustParseAddr("192.0.2.1"), Dst: netip.MustParseAddr("192.0.2.2")}
	second := first
	second.MF, second.FragOffset = false, 16
	table := reasm.New(reasm.Config{})
	for _, f := range []struct {
		header  inet.IPv4
		payload string
	}{{second, "comes whole."}, {first, "What was in two "}} {
		packet, err := f.header.AppendTo(nil, len(f.payload))
		if err != nil {
			fmt.Println(err)
		}
		packet = append(packet, f.payload...)
		got := table.HandleIPv4(machine.VirtualEpoch, 1, &f.header, packet)
		fmt.Printf("%v: %d bytes\n", got.Fate, len(got.Whole))
		if got.Fate == reasm.Complete {
			fmt.Printf("%s\n", got.Whole[20:])
		}
	}
	// Output:
	// held: 0 bytes
	// complete: 48 bytes
	// What was in two comes whole.
}
