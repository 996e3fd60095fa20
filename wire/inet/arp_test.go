package inet_test

import (
	"net/netip"
	"testing"

	"github.com/mpstack/mpstack/wire/inet"
)

const arpRequest = "0001 0800 06 04 0001 020000000001 0a000001 000000000000 0a000002"

func TestARPBytes(t *testing.T) {
	tests := []struct {
		name string
		a    inet.ARP
		hex  string
	}{
		{"request", inet.ARP{Op: inet.ARPRequest, SenderMAC: mac1, SenderIP: addr("10.0.0.1"), TargetIP: addr("10.0.0.2")}, arpRequest},
		{"reply", inet.ARP{Op: inet.ARPReply, SenderMAC: mac2, SenderIP: addr("10.0.0.2"), TargetMAC: mac1, TargetIP: addr("10.0.0.1")},
			"0001 0800 06 04 0002 020000000002 0a000002 020000000001 0a000001"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wire := unhex(t, tt.hex)
			sameBytes(t, "encoded", appended(t, tt.a.AppendTo), wire)
			if tt.a.WireLen() != len(wire) {
				t.Errorf("WireLen %d", tt.a.WireLen())
			}
			got, err := inet.ParseARP(append(wire, make([]byte, 18)...)) // padded to Ethernet's minimum
			noError(t, err)
			same(t, "decoded", got, tt.a)
		})
	}
}

func TestARPErrors(t *testing.T) {
	wire := unhex(t, arpRequest)
	tests := []struct {
		name   string
		b      []byte
		field  string
		offset int
		err    error
	}{
		{"empty", nil, "header", 0, inet.ErrTruncated},
		{"no addresses", wire[:27], "header", 27, inet.ErrTruncated},
		{"other hardware", broken(wire, set(1, 6)), "hardware type", 0, inet.ErrUnsupported},
		{"other protocol", broken(wire, set(3, 1)), "protocol type", 2, inet.ErrUnsupported},
		{"hardware length", broken(wire, set(4, 8)), "hardware address length", 4, inet.ErrLength},
		{"protocol length", broken(wire, set(5, 16)), "protocol address length", 5, inet.ErrLength},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := inet.ParseARP(tt.b)
			wantDecodeError(t, err, "arp", tt.field, tt.offset, tt.err)
		})
	}
	good := inet.ARP{Op: 1, SenderIP: addr("10.0.0.1"), TargetIP: addr("10.0.0.2")}
	for _, bad := range []netip.Addr{{}, addr("fe80::1"), addr("::ffff:10.0.0.1")} {
		a, b := good, good
		a.SenderIP, b.TargetIP = bad, bad
		wantRefused(t, a.AppendTo, inet.ErrAddress)
		wantRefused(t, b.AppendTo, inet.ErrAddress)
	}
}
