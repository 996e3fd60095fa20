package group_test

import (
	"fmt"
	"net/netip"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/ip/group"
	"github.com/mpstack/mpstack/wire/igmp"
)

// Two sockets listen to a group: what is reported is what both need, and each
// gets what it asked for.
func ExampleHost_SetFilter() {
	h := group.NewHost(group.HostConfig{})
	now := machine.VirtualEpoch
	h.AddInterface(now, 1, false, 1500, true)
	grp := netip.MustParseAddr("225.1.2.3")
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for key, f := range []struct {
		mode    group.Mode
		sources []netip.Addr
	}{{group.Exclude, []netip.Addr{a, b}}, {group.Include, []netip.Addr{b}}} {
		if err := h.SetFilter(now, group.SocketKey(key), 1, grp, f.mode, f.sources); err != nil {
			fmt.Println(err)
		}
		for o, ok := h.Next(); ok; o, ok = h.Next() {
			fmt.Println(o.Cause, o.Records)
		}
	}
	fmt.Println(h.Accepts(0, 1, grp, b), h.Accepts(1, 1, grp, b))
	// Output:
	// ip/igmp/join [TO_EX(225.1.2.3; 192.0.2.1, 192.0.2.2)]
	// ip/igmp/join [TO_EX(225.1.2.3; 192.0.2.1)]
	// false true
}

// A router hears that a host listens, and that it does not any more.
func ExampleRouter() {
	r := group.NewRouter(group.RouterConfig{})
	now := machine.VirtualEpoch
	r.AddInterface(now, 1, netip.MustParseAddr("fe80::1"), 1500, true)
	grp, source := netip.MustParseAddr("ff3e::8000:1"), netip.MustParseAddr("2001:db8::1")
	for _, typ := range []igmp.RecordType{igmp.AllowNewSources, igmp.BlockOldSources} {
		rec := igmp.Record{Type: typ, Group: grp, Sources: []netip.Addr{source}}
		r.HandleReport(now, 1, true, &igmp.Report{Version: 2, Records: []igmp.Record{rec}})
	}
	for range 3 {
		for o, ok := r.Next(); ok; o, ok = r.Next() {
			what := string(o.Cause)
			if o.Kind == group.KindChange {
				what = "change"
			}
			fmt.Println(now.Sub(machine.VirtualEpoch), what, "forwards:", r.Forwards(1, grp, source))
		}
		now, _ = r.Deadline()
		r.Advance(now)
	}
	// Output:
	// 0s ip/mld/query-startup forwards: true
	// 0s change forwards: true
	// 0s ip/mld/query-source forwards: true
	// 1s ip/mld/query-source forwards: true
	// 2s change forwards: false
}
