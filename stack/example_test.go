package stack_test

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack"
	"github.com/mpstack/mpstack/stack/link/mem"
	"github.com/mpstack/mpstack/stack/sim"
	"github.com/mpstack/mpstack/stack/winsock"
	"github.com/mpstack/mpstack/wire/inet"
)

// A leaf joins a root's session with connect data in both directions, hears the
// session's data, and leaves; in virtual time, so that every run is the same.
func Example() {
	world := sim.New(sim.Config{})
	lan := world.Segment(mem.Config{Name: "lan", Delay: time.Millisecond})
	host := func(i byte) *stack.Stack {
		name := fmt.Sprint("host", i)
		st := must(stack.New(stack.Config{
			Name: name, Driver: world.Driver(), Seed: 1, Entropy: machine.SeededEntropy(1, name, "entropy"),
		}))
		addr := netip.AddrFrom4([4]byte{10, 0, 0, i})
		must(st.AddPort(lan.Port(name+"/eth0", inet.MAC{2, 0, 0, 0, 0, i}), netip.PrefixFrom(addr, 24)))
		return st
	}
	one, two := host(1), host(2)
	name := netip.MustParseAddrPort("10.0.0.1:5000")
	say := func(format string, args ...any) {
		fmt.Printf("%4v  %s\n", world.Now().Sub(machine.VirtualEpoch), fmt.Sprintf(format, args...))
	}

	world.Go("root", func() {
		root := must(one.Socket(stack.MPJIPv4, winsock.WSA_FLAG_MULTIPOINT_C_ROOT|winsock.WSA_FLAG_MULTIPOINT_D_ROOT))
		ok(root.Bind(name))
		ok(root.Listen(8))
		leaf := must(root.Accept(func(r *stack.Request) int {
			say("root: %v asks with %q", r.CallerID.Addr(), r.CallerData)
			r.CalleeData = []byte("welcome")
			return winsock.CF_ACCEPT
		}))
		world.Sleep(10 * time.Millisecond)
		must(root.Send([]byte("to every leaf")))
		code, _ := leaf.Wait(0) // FD_CLOSE
		say("root: the leaf left with code %d, %d leaves remain", code, root.Leaves())
		ok(leaf.Close())
		ok(root.Close())
	})
	world.Go("leaf", func() {
		leaf := must(two.Socket(stack.MPJIPv4, winsock.WSA_FLAG_MULTIPOINT_C_LEAF|winsock.WSA_FLAG_MULTIPOINT_D_LEAF))
		callee := stack.WSABuf{Len: 16, Buf: make([]byte, 16)}
		must(leaf.JoinLeaf(stack.Join{
			Name: name, CallerData: []byte("hello"), CalleeData: &callee, Flags: winsock.JL_RECEIVER_ONLY,
		}))
		say("leaf: joined, the root says %q", callee.Buf[:callee.Len])
		b := make([]byte, 100)
		n, from, err := leaf.RecvFrom(b, time.Second)
		ok(err)
		say("leaf: %q from %v", b[:n], from)
		ok(leaf.Close())
	})
	ok(world.Run(time.Minute))
	// Output:
	//  3ms  root: 10.0.0.2 asks with "hello"
	//  4ms  leaf: joined, the root says "welcome"
	// 14ms  leaf: "to every leaf" from 10.0.0.1:5000
	// 15ms  root: the leaf left with code 0, 0 leaves remain
}

// A nonblocking join shows its outcome as FD_CONNECT on the socket that asked.
func ExampleSocket_EventSelect() {
	world := sim.New(sim.Config{})
	lan := world.Segment(mem.Config{Name: "lan", Delay: time.Millisecond})
	st := must(stack.New(stack.Config{Name: "host", Driver: world.Driver(), Seed: 1}))
	must(st.AddPort(lan.Port("host/eth0", inet.MAC{2, 0, 0, 0, 0, 1}), netip.MustParsePrefix("10.0.0.1/24")))

	world.Go("leaf", func() {
		s := must(st.Socket(stack.MPJIPv4, winsock.WSA_FLAG_MULTIPOINT_C_LEAF|winsock.WSA_FLAG_MULTIPOINT_D_LEAF))
		event := st.NewEvent()
		ok(s.EventSelect(event, winsock.FD_CONNECT|winsock.FD_CLOSE))
		join := stack.Join{Name: netip.MustParseAddrPort("10.0.0.2:5000"), Flags: winsock.JL_BOTH} // where nobody is
		must(s.JoinLeaf(join))
		_, err := s.JoinLeaf(join)
		fmt.Println(err)
		must(st.WaitForMultipleEvents(0, event))
		got := must(s.EnumNetworkEvents(event))
		fmt.Println(got.Events == winsock.FD_CONNECT, got.Code(winsock.FD_CONNECT).Name())
		ok(s.Close())
	})
	ok(world.Run(time.Minute))
	// Output:
	// WSAJoinLeaf: W11: a join is pending: WSAEALREADY (10037): an operation is already in progress on this socket
	// true WSAENETUNREACH
}
