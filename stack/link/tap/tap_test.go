package tap

import (
	"strings"
	"testing"

	"github.com/mpstack/mpstack/internal/netns"
	"github.com/mpstack/mpstack/wire/inet"
)

func TestCheck(t *testing.T) {
	leaf, router := inet.MAC{2, 0, 0, 0, 0, 1}, inet.MAC{2, 0, 0, 0, 0, 2}
	good := netns.Interface{Name: "tap0", MAC: router}
	tests := []struct {
		name   string
		device netns.Interface
		o      Options
		want   string // "" is good
	}{
		{"good", good, Options{MAC: leaf}, ""},
		{"no name", netns.Interface{}, Options{MAC: leaf}, "1 to 15 bytes"},
		{"no address", good, Options{}, "cannot have the address 00:00:00:00:00:00"},
		{"group address", good, Options{MAC: inet.Broadcast}, "cannot have the address ff:"},
		{"the device's address", good, Options{MAC: router}, "cannot have the address 02:"},
	}
	for _, tt := range tests {
		err := check(&tt.device, &tt.o)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v; want it to say %q", tt.name, err, tt.want)
		}
	}
	device, o := good, Options{MAC: leaf}
	if err := check(&device, &o); err != nil || device.MTU != 1500 || o.Port != "tap0" {
		t.Errorf("defaults: MTU %d, port %q, %v", device.MTU, o.Port, err)
	}
}
