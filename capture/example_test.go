package capture_test

import (
	"bytes"
	"fmt"

	"github.com/mpstack/mpstack/capture"
	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire"
)

func Example() {
	var file bytes.Buffer
	w, err := capture.NewWriter(&file)
	if err != nil {
		fmt.Println(err)
		return
	}
	frame := wire.Frame{Data: make([]byte, 60), At: machine.VirtualEpoch, Port: "leaf/eth0", Dir: wire.DirOut, Cause: "mpj/asker/Idle/Join"}
	if err := w.WriteFrame(frame); err != nil {
		fmt.Println(err)
		return
	}
	for rec, err := range capture.Open(&file) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(rec.Number, rec.At, rec.Port, rec.Dir, len(rec.Data), rec.Comment)
	}
	// Output:
	// 1 2000-01-01T00:00:00.000000000Z leaf/eth0 out 60 mpj/asker/Idle/Join
}
