package dissect_test

import (
	"bytes"
	"fmt"

	"github.com/mpstack/mpstack/capture"
	"github.com/mpstack/mpstack/capture/capturetest"
	"github.com/mpstack/mpstack/capture/dissect"
)

// A capture is read frame by frame into one tree, which is used again.
func ExampleTree() {
	file, err := capturetest.Capture()
	if err != nil {
		fmt.Println(err)
		return
	}
	var tree dissect.Tree
	for rec, err := range capture.Open(bytes.NewReader(file)) {
		if err != nil {
			fmt.Println(err)
			return
		}
		tree.Dissect(rec.LinkType, rec.Data)
		if f := tree.Field("mpj.SESSION.group"); f != nil {
			fmt.Println(rec.Number, tree.Summary(), f.Value)
		}
	}
	// Output:
	// 6 mpj JOIN 10.0.0.1 > 10.0.0.9 232.1.2.3
	// 9 mpj ACCEPT 10.0.0.1 > 10.0.0.9 232.1.2.3
	// 33 mpj JOIN 2001:db8::1 > 2001:db8::9 ff3e::8000:1
	// 36 mpj ACCEPT 2001:db8::1 > 2001:db8::9 ff3e::8000:1
}
