package object_test

import (
	"fmt"

	"github.com/mpstack/mpstack/wire/object"
)

func Example() {
	b, err := object.Object{Class: 1, CType: 1, Body: []byte{10, 1, 2, 3, 17, 0, 0x13}}.AppendTo(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%x\n", b)

	for len(b) > 0 {
		var o object.Object
		if o, b, err = object.Parse(b); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("class %d, ctype %d, %d bytes; unknown: %v\n", o.Class, o.CType, len(o.Body), object.UnknownPolicy(o.Class))
	}
	// Output:
	// 000c01010a01020311001300
	// class 1, ctype 1, 8 bytes; unknown: reject
}
