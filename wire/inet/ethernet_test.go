package inet_test

import (
	"testing"

	"github.com/mpstack/mpstack/wire/inet"
)

var (
	mac1 = inet.MAC{2, 0, 0, 0, 0, 1}
	mac2 = inet.MAC{2, 0, 0, 0, 0, 2}
)

func TestEthernetBytes(t *testing.T) {
	tests := []struct {
		name string
		h    inet.Ethernet
		hex  string
	}{
		{"IPv4", inet.Ethernet{Dst: mac2, Src: mac1, Type: inet.EtherTypeIPv4},
			"020000000002 020000000001 0800"},
		{"tagged", inet.Ethernet{Dst: mac2, Src: mac1, Type: inet.EtherTypeIPv4,
			Tags: [inet.MaxTags]inet.Tag{{Type: inet.EtherTypeVLAN, TCI: 0xa064}}},
			"020000000002 020000000001 8100 a064 0800"},
		{"two tags", inet.Ethernet{Dst: inet.Broadcast, Src: mac1, Type: inet.EtherTypeARP,
			Tags: [inet.MaxTags]inet.Tag{{Type: inet.EtherTypeQinQ, TCI: 1}, {Type: inet.EtherTypeVLAN, TCI: 2}}},
			"ffffffffffff 020000000001 88a8 0001 8100 0002 0806"},
		{"three tags", inet.Ethernet{Dst: mac2, Src: mac1, Type: inet.EtherTypeVLAN,
			Tags: [inet.MaxTags]inet.Tag{{Type: inet.EtherTypeVLAN, TCI: 1}, {Type: inet.EtherTypeVLAN, TCI: 2}}},
			"020000000002 020000000001 8100 0001 8100 0002 8100"},
		{"length", inet.Ethernet{Dst: mac2, Src: mac1, Type: 38}, "020000000002 020000000001 0026"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wire := unhex(t, tt.hex)
			sameBytes(t, "encoded", appended(t, func(b []byte) ([]byte, error) { return tt.h.AppendTo(b), nil }), wire)
			if tt.h.WireLen() != len(wire) {
				t.Errorf("WireLen %d, want %d", tt.h.WireLen(), len(wire))
			}
			got, payload, err := inet.ParseEthernet(append(wire, 0xaa, 0xbb))
			noError(t, err)
			same(t, "decoded", got, tt.h)
			sameBytes(t, "payload", payload, []byte{0xaa, 0xbb})
		})
	}
}

func TestEthernetErrors(t *testing.T) {
	plain := unhex(t, "020000000002 020000000001 0800")
	tagged := unhex(t, "020000000002 020000000001 8100 0001 8100 0002 0800")
	for n := range plain {
		_, _, err := inet.ParseEthernet(plain[:n])
		wantDecodeError(t, err, "ethernet", "header", n, inet.ErrTruncated)
	}
	for n := len(plain); n < len(tagged); n++ {
		_, _, err := inet.ParseEthernet(tagged[:n])
		at := 14
		if n >= 18 {
			at = 18
		}
		wantDecodeError(t, err, "ethernet", "VLAN tag", at, inet.ErrTruncated)
	}
}

func TestEtherTypeNames(t *testing.T) {
	tests := map[inet.EtherType]string{
		inet.EtherTypeIPv4: "IPv4", inet.EtherTypeARP: "ARP", inet.EtherTypeIPv6: "IPv6",
		inet.EtherTypeVLAN: "VLAN", inet.EtherTypeQinQ: "QinQ", 0x88cc: "0x88cc",
	}
	for typ, want := range tests {
		if typ.String() != want || typ.IsLength() {
			t.Errorf("%d: %s, length %v", uint16(typ), typ, typ.IsLength())
		}
	}
	if !inet.EtherType(1500).IsLength() {
		t.Error("1500 is no length")
	}
	if v := (inet.Tag{TCI: 0xa064}).VLAN(); v != 0x064 {
		t.Errorf("VLAN %d", v)
	}
}
