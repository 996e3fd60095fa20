package pcapng_test

import (
	"bytes"
	"fmt"

	"github.com/mpstack/mpstack/capture/pcapng"
	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire"
)

func Example() {
	var file bytes.Buffer
	w, err := pcapng.NewWriter(&file, pcapng.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = w.WriteFrame(wire.Frame{Data: []byte("an Ethernet frame"), At: machine.VirtualEpoch, Port: "root/eth0", Dir: wire.DirOut, Cause: "ip/arp/request", Fate: "lost"})
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := pcapng.NewReader(&file).Next()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Interface.Name, p.At, p.Dir, p.Comment, len(p.Data))
	// Output:
	// root/eth0 2000-01-01T00:00:00.000000000Z out ip/arp/request; lost 17
}
