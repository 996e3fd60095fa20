package mpj_test

import (
	"fmt"
	"net/netip"

	"github.com/mpstack/mpstack/wire/mpj"
)

func ExampleMessage() {
	join := mpj.Message{
		Type: mpj.TypeJoin, SrcTag: 0x1122334455667788, Transaction: 1,
		Has:        mpj.HasTarget | mpj.HasCaller | mpj.HasRole | mpj.HasJoinLimits | mpj.HasCallerData,
		Target:     netip.MustParseAddrPort("192.0.2.1:5000"),
		Caller:     netip.MustParseAddrPort("192.0.2.2:40000"),
		Role:       mpj.Role{Control: mpj.ControlLeaf, Data: mpj.DataLeaf, Planes: mpj.RootedControl | mpj.RootedData, JL: mpj.ReceiverOnly},
		JoinLimits: mpj.JoinLimits{RemainingMS: 30000, CalleeRoom: mpj.RoomDiscard},
		CallerData: []byte("hello"),
	}
	join.PadTo(mpj.MaxLen)
	b, err := join.AppendTo(nil)
	fmt.Println(len(b), err)

	m, err := mpj.Parse(b)
	fmt.Println(m.Type, m.Target, m.Role.Control, string(m.CallerData), err)
	fmt.Println(m.Has.Names())
	// Output:
	// 1232 <nil>
	// JOIN 192.0.2.1:5000 c_leaf hello <nil>
	// TARGET, CALLER, ROLE, USER_DATA (caller), JOIN_LIMITS, PAD
}
