package capturetest_test

import (
	"testing"

	"github.com/mpstack/mpstack/capture/capturetest"
	"github.com/mpstack/mpstack/capture/dissect"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/wire/mpj"
)

// TestSeeds: the goldens hold every layer that the stack speaks but ICMP, whole
// and each kind once.
func TestSeeds(t *testing.T) {
	for _, layer := range []string{
		dissect.LayerEthernet, dissect.LayerARP, dissect.LayerIPv4, dissect.LayerIPv6, dissect.LayerUDP,
		dissect.LayerICMPv6, dissect.LayerIGMP, dissect.LayerMLD, dissect.LayerMPJ, dissect.LayerRSVP,
	} {
		seeds := capturetest.Seeds(t, layer)
		seen := make(map[string]bool)
		for _, b := range seeds {
			seen[string(b)] = true
		}
		if len(seeds) == 0 || len(seen) != len(seeds) {
			t.Errorf("%s: %d seeds, %d of them differ", layer, len(seeds), len(seen))
		}
		t.Logf("%s: %d", layer, len(seeds))
	}
	if _, err := mpj.Parse(capturetest.Seeds(t, dissect.LayerMPJ)[0]); err != nil {
		t.Errorf("MPJ: %v", err)
	}
	var m rsvp.Message
	if err := m.Decode(capturetest.Seeds(t, dissect.LayerRSVP)[0]); err != nil {
		t.Errorf("RSVP: %v", err)
	}
	if capturetest.Seeds(t, "none") != nil {
		t.Error("seeds of no layer")
	}
	if len(capturetest.Files(t, 1<<20)) < 10 || len(capturetest.Files(t, 8)) != 0 {
		t.Error("files")
	}
}
