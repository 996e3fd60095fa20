package wire_test

import (
	"fmt"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire"
)

// A link hands over a frame that is valid during the call alone; who keeps it
// clones it.
func ExampleFrame() {
	buffer := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x08, 0x06}
	f := wire.Frame{Data: buffer, At: machine.VirtualEpoch, Port: "leaf/eth0", Dir: wire.DirOut, Cause: "arp/request", Fate: "lost"}
	kept := f.Clone()
	clear(buffer) // the link reads the next frame into it
	fmt.Println(kept.At, kept.Port, kept.Dir, len(kept.Data), "bytes:", kept.Comment())
	fmt.Printf("% x\n", kept.Data[6:12])
	// Output:
	// 2000-01-01T00:00:00.000000000Z leaf/eth0 out 14 bytes: arp/request; lost
	// 02 00 00 00 00 01
}
