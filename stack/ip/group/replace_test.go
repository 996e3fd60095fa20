package group

import (
	"net/netip"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire/igmp"
)

// TestReplacedListHasRoom: a full exclude list may be replaced by another.
func TestReplacedListHasRoom(t *testing.T) {
	r := NewRouter(RouterConfig{})
	now := machine.VirtualEpoch
	r.AddInterface(now, 1, netip.MustParseAddr("10.0.0.1"), 1500, true)
	g := netip.MustParseAddr("239.1.1.1")
	for b := range byte(2) {
		var sources []netip.Addr
		for i := range r.cfg.MaxSources {
			sources = append(sources, netip.AddrFrom4([4]byte{10, 1 + b, byte(i >> 8), byte(i)}))
		}
		r.HandleReport(now, 1, false, &igmp.Report{Version: 3, Records: []igmp.Record{{Type: igmp.ChangeToExclude, Group: g, Sources: sources}}})
		now = now.Add(600 * time.Millisecond)
	}
	s := r.records[member{1, g}].state
	if s.size() != r.cfg.MaxSources || r.Counters().SourcesFull != 0 {
		t.Errorf("%d sources, %d refused, want %d and none", s.size(), r.Counters().SourcesFull, r.cfg.MaxSources)
	}
}
