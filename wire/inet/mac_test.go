package inet_test

import (
	"encoding/json"
	"net/netip"
	"testing"

	"github.com/mpstack/mpstack/wire/inet"
)

func TestParseMAC(t *testing.T) {
	tests := []struct {
		in   string
		want inet.MAC
		ok   bool
	}{
		{"02:00:00:00:00:01", inet.MAC{2, 0, 0, 0, 0, 1}, true},
		{"AB-cd-EF-01-23-45", inet.MAC{0xab, 0xcd, 0xef, 0x01, 0x23, 0x45}, true},
		{"ff:ff:ff:ff:ff:ff", inet.Broadcast, true},
		{"", inet.MAC{}, false},
		{"02:00:00:00:00", inet.MAC{}, false},
		{"02:00:00:00:00:01:02", inet.MAC{}, false},
		{"02:00-00:00:00:01", inet.MAC{}, false},
		{"02.00.00.00.00.01", inet.MAC{}, false},
		{"0g:00:00:00:00:01", inet.MAC{}, false},
		{"0:000:00:00:00:01", inet.MAC{}, false},
		{"02:00:00:00:00:0 ", inet.MAC{}, false},
	}
	for _, tt := range tests {
		got, err := inet.ParseMAC(tt.in)
		if got != tt.want || (err == nil) != tt.ok {
			t.Errorf("ParseMAC(%q) = %v, %v", tt.in, got, err)
		}
	}
}

func TestMACText(t *testing.T) {
	type config struct{ A inet.MAC }
	in := config{inet.MAC{0x02, 0xab, 0, 0, 0, 0xff}}
	text, err := json.Marshal(in)
	noError(t, err)
	if string(text) != `{"A":"02:ab:00:00:00:ff"}` {
		t.Errorf("JSON %s", text)
	}
	var out config
	noError(t, json.Unmarshal(text, &out))
	same(t, "JSON round trip", out, in)
	if err := json.Unmarshal([]byte(`{"A":"nonsense"}`), &out); err == nil {
		t.Error("nonsense accepted")
	}
	same(t, "after a failed read", out, in)
	b, err := in.A.AppendText([]byte("mac "))
	noError(t, err)
	if string(b) != "mac 02:ab:00:00:00:ff" {
		t.Errorf("AppendText: %s", b)
	}
}

func TestMACKinds(t *testing.T) {
	tests := []struct {
		m               inet.MAC
		multicast, zero bool
	}{
		{inet.MAC{}, false, true},
		{inet.MAC{2, 0, 0, 0, 0, 1}, false, false},
		{inet.MAC{0x01, 0, 0x5e, 0, 0, 1}, true, false},
		{inet.Broadcast, true, false},
	}
	for _, tt := range tests {
		if tt.m.IsMulticast() != tt.multicast || tt.m.IsZero() != tt.zero {
			t.Errorf("%v: multicast %v, zero %v", tt.m, tt.m.IsMulticast(), tt.m.IsZero())
		}
	}
}

func TestMulticastMAC(t *testing.T) {
	tests := []struct{ addr, want string }{
		{"224.0.0.1", "01:00:5e:00:00:01"},
		{"232.1.2.3", "01:00:5e:01:02:03"},
		{"239.255.255.255", "01:00:5e:7f:ff:ff"}, // the 24th bit is not the group's
		{"224.128.0.1", "01:00:5e:00:00:01"},     // 32 groups share an address
		{"255.255.255.255", "ff:ff:ff:ff:ff:ff"},
		{"ff02::1", "33:33:00:00:00:01"},
		{"ff02::1:ff00:2%eth0", "33:33:ff:00:00:02"},
		{"ff3e::8000:1", "33:33:80:00:00:01"},
		{"10.0.0.1", "00:00:00:00:00:00"},
		{"10.0.0.255", "00:00:00:00:00:00"},
		{"fe80::1", "00:00:00:00:00:00"},
	}
	for _, tt := range tests {
		if got := inet.MulticastMAC(addr(tt.addr)); got.String() != tt.want {
			t.Errorf("MulticastMAC(%s) = %v, want %s", tt.addr, got, tt.want)
		}
	}
	if got := inet.MulticastMAC(netip.Addr{}); !got.IsZero() {
		t.Errorf("MulticastMAC of the invalid address = %v", got)
	}
}

func TestDerivedAddresses(t *testing.T) {
	// RFC 2464 section 4 and 5: EUI-64 of 34-56-78-9A-BC-DE.
	if got := inet.LinkLocal(inet.MAC{0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde}); got != addr("fe80::3656:78ff:fe9a:bcde") {
		t.Errorf("LinkLocal = %v", got)
	}
	// RFC 4291 section 2.7.1: the node 4037::01:800:200E:8C6C.
	if got := inet.SolicitedNode(addr("4037::01:800:200e:8c6c")); got != addr("ff02::1:ff0e:8c6c") {
		t.Errorf("SolicitedNode = %v", got)
	}
	if got := inet.SolicitedNode(addr("10.0.0.1")); got.IsValid() {
		t.Errorf("SolicitedNode of an IPv4 address = %v", got)
	}
}
