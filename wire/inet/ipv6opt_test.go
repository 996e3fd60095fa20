package inet_test

import (
	"testing"

	"github.com/mpstack/mpstack/wire/inet"
)

func TestIPv6OptionBytes(t *testing.T) {
	for _, tt := range []struct {
		o   inet.Option
		hex string
	}{
		{inet.Option{Type: inet.IPv6OptPad1}, "00"},
		{inet.Option{Type: inet.IPv6OptPadN, Data: []byte{}}, "0100"},
		{inet.Option{Type: inet.IPv6OptRouterAlert, Data: []byte{0, 1}}, "05020001"},
		{inet.Option{Type: 0xc2, Data: []byte{1, 2, 3, 4}}, "c20401020304"},
	} {
		wire := unhex(t, tt.hex)
		sameBytes(t, "encoded", appended(t, tt.o.AppendIPv6), wire)
		o, rest, err := inet.NextIPv6Option(append(wire, 0xee))
		noError(t, err)
		same(t, "decoded", o, tt.o)
		sameBytes(t, "rest", rest, []byte{0xee})
	}
	wantRefused(t, inet.Option{Type: inet.IPv6OptPad1, Data: []byte{1}}.AppendIPv6, inet.ErrLength)
	wantRefused(t, inet.Option{Type: 9, Data: make([]byte, 256)}.AppendIPv6, inet.ErrTooLong)
}

func TestPadIPv6Options(t *testing.T) {
	for n := range 20 {
		b := inet.PadIPv6Options(make([]byte, n)) // Pad1, n times
		if (len(b)+2)%8 != 0 || len(b) > n+7 {
			t.Errorf("%d bytes become %d", n, len(b))
		}
		for rest := b; len(rest) > 0; {
			var err error
			if _, rest, err = inet.NextIPv6Option(rest); err != nil {
				t.Errorf("%d bytes: %v", n, err)
				break
			}
		}
	}
}

// Every extension header is built and read again, and a packet with all of them
// is what the walk says.
func TestExtensionHeaderBytes(t *testing.T) {
	alert, err := inet.Option{Type: inet.IPv6OptRouterAlert, Data: []byte{0, 1}}.AppendIPv6(nil)
	noError(t, err)
	headers := []struct {
		x   inet.ExtensionHeader
		hex string
	}{
		{inet.ExtensionHeader{Type: inet.ProtoHopByHop, Next: inet.ProtoDestination, Data: inet.PadIPv6Options(alert)}, "3c00 05020001 0100"},
		{inet.ExtensionHeader{Type: inet.ProtoDestination, Next: inet.ProtoRouting, Data: inet.PadIPv6Options(nil)}, "2b00 010400000000"},
		{inet.ExtensionHeader{Type: inet.ProtoRouting, Next: inet.ProtoFragment, Data: unhex(t, "0001 00000000"+doc2)}, "2c02 0001 00000000" + doc2},
		{inet.ExtensionHeader{Type: inet.ProtoFragment, Next: inet.ProtoUDP, Data: unhex(t, "0000 00000007")}, "1100 0000 00000007"},
	}
	var raw []byte
	for _, tt := range headers {
		wire := unhex(t, tt.hex)
		sameBytes(t, "encoded", appended(t, tt.x.AppendTo), wire)
		x, rest, err := inet.NextExtension(tt.x.Type, append(wire, 0xee))
		noError(t, err)
		same(t, "decoded", x, tt.x)
		sameBytes(t, "rest", rest, []byte{0xee})
		raw = append(raw, wire...)
	}
	h := base()
	h.Extensions, h.ExtensionType = raw, inet.ProtoHopByHop
	wire := appended(t, func(b []byte) ([]byte, error) { return h.AppendTo(b, 0) })
	got, _, err := inet.ParseIPv6(wire)
	noError(t, err)
	if !got.RouterAlert || got.RouterAlertValue != inet.RouterAlertRSVP || !got.Routing.Present || got.Routing.SegmentsLeft != 1 || got.Fragment.ID != 7 {
		t.Errorf("%+v", got)
	}
	for _, tt := range []struct {
		x   inet.ExtensionHeader
		err error
	}{
		{inet.ExtensionHeader{Type: inet.ProtoUDP, Data: make([]byte, 6)}, inet.ErrUnsupported},
		{inet.ExtensionHeader{Type: inet.ProtoRouting}, inet.ErrLength},
		{inet.ExtensionHeader{Type: inet.ProtoRouting, Data: make([]byte, 8)}, inet.ErrLength},
		{inet.ExtensionHeader{Type: inet.ProtoFragment, Data: make([]byte, 14)}, inet.ErrLength},
		{inet.ExtensionHeader{Type: inet.ProtoRouting, Data: make([]byte, 2054)}, inet.ErrTooLong},
	} {
		wantRefused(t, tt.x.AppendTo, tt.err)
	}
}
