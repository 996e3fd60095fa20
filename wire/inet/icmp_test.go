package inet_test

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/mpstack/mpstack/wire/inet"
)

// A UDP packet that the errors below quote.
const quoted4 = "4500 0021 1234 4000 4011 1496 0a000001 0a000002 1388 cbed 000d c889 68656c6c6f"
const quoted6 = "6b812345 000d 11 40" + doc1 + doc2 + "1388 cbed 000d 8117 68656c6c6f"

func TestICMPv4Bytes(t *testing.T) {
	packet := unhex(t, quoted4)
	tests := []struct {
		name string
		m    inet.ICMP
		hex  string
	}{
		{"echo", inet.NewEcho(inet.ICMPv4Echo, 0x1234, 1, []byte("ping")), "0800 06fa 1234 0001 70696e67"},
		{"port unreachable", inet.ICMP{Type: inet.ICMPv4Unreachable, Code: inet.ICMPv4PortUnreachable, Body: packet},
			"0303 111e 00000000" + quoted4},
		{"fragmentation needed", inet.NewFragNeeded(1500, packet), "0304 0b41 000005dc" + quoted4},
		{"time exceeded", inet.NewErrorV4(inet.ICMPv4TimeExceeded, inet.ICMPv4TTLExceeded, packet), "0b00 0921 00000000" + quoted4},
		{"parameter problem", inet.NewParamProblemV4(inet.ICMPv4ErroneousField, 20, packet), "0c00 f420 14000000" + quoted4},
		{"redirect", redirectV4(t, packet), "0501 0422 0a0000fe" + quoted4},
		{"no body", inet.ICMP{Type: inet.ICMPv4EchoReply, Body: []byte{}}, "0000 ffff 00000000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wire := unhex(t, tt.hex)
			sameBytes(t, "encoded", appended(t, func(b []byte) ([]byte, error) { return tt.m.AppendV4(b), nil }), wire)
			got, err := inet.ParseICMPv4(wire)
			noError(t, err)
			same(t, "decoded", got, tt.m)
			if got.WireLen() != len(wire) {
				t.Errorf("WireLen %d", got.WireLen())
			}
		})
	}
}

func redirectV4(t *testing.T, packet []byte) inet.ICMP {
	m, err := inet.NewRedirectV4(inet.ICMPv4RedirectHost, addr("10.0.0.254"), packet)
	noError(t, err)
	if m.Gateway() != addr("10.0.0.254") {
		t.Errorf("gateway %v", m.Gateway())
	}
	if _, err := inet.NewRedirectV4(1, v6a, packet); !errors.Is(err, inet.ErrAddress) {
		t.Errorf("redirect to an IPv6 address: %v", err)
	}
	return m
}

func TestICMPv6Bytes(t *testing.T) {
	packet := unhex(t, quoted6)
	tests := []struct {
		name     string
		src, dst netip.Addr
		m        inet.ICMP
		hex      string
	}{
		{"packet too big", v6b, v6a, inet.NewPacketTooBig(1280, packet), "0200 fd1d 00000500" + quoted6},
		{"parameter problem", v6b, v6a, inet.NewParamProblem(inet.ICMPv6UnknownNextHeader, 6, packet), "0401 0017 00000006" + quoted6},
		{"time exceeded", v6b, v6a, inet.NewErrorV6(inet.ICMPv6TimeExceeded, inet.ICMPv6HopLimitExceeded, packet), "0300 011e 00000000" + quoted6},
		{"unreachable", v6b, v6a, inet.NewErrorV6(inet.ICMPv6Unreachable, inet.ICMPv6PortUnreachable, packet), "0104 031a 00000000" + quoted6},
		{"echo", v6a, v6b, inet.NewEcho(inet.ICMPv6Echo, 0x1234, 1, []byte("ping")), "8000 333e 1234 0001 70696e67"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wire := unhex(t, tt.hex)
			encode := func(b []byte) ([]byte, error) { return tt.m.AppendV6(b, tt.src, tt.dst) }
			sameBytes(t, "encoded", appended(t, encode), wire)
			got, err := inet.ParseICMPv6(wire, tt.src, tt.dst)
			noError(t, err)
			same(t, "decoded", got, tt.m)
		})
	}
}

func TestICMPFields(t *testing.T) {
	if id, seq := inet.NewEcho(8, 0x1234, 0xfffe, nil).Echo(); id != 0x1234 || seq != 0xfffe {
		t.Errorf("echo %#x, %#x", id, seq)
	}
	if mtu := inet.NewFragNeeded(1400, nil).FragNeededMTU(); mtu != 1400 {
		t.Errorf("ICMPv4 MTU %d", mtu)
	}
	if mtu := inet.NewPacketTooBig(0x10500, nil).PacketTooBigMTU(); mtu != 0x10500 {
		t.Errorf("ICMPv6 MTU %d", mtu)
	}
	if p := inet.NewParamProblem(0, 40, nil).Pointer(); p != 40 {
		t.Errorf("pointer %d", p)
	}
	if p := inet.NewParamProblemV4(0, 200, nil).PointerV4(); p != 200 {
		t.Errorf("ICMPv4 pointer %d", p)
	}
	errors4 := map[uint8]bool{3: true, 4: true, 5: true, 11: true, 12: true}
	for typ := range 256 {
		m := inet.ICMP{Type: uint8(typ)}
		if m.IsErrorV4() != errors4[uint8(typ)] || m.IsErrorV6() != (typ < 128) {
			t.Errorf("type %d: error %v, %v", typ, m.IsErrorV4(), m.IsErrorV6())
		}
	}
}

func TestICMPErrors(t *testing.T) {
	wire4 := unhex(t, "0800 06fa 1234 0001 70696e67")
	wire6 := unhex(t, "8000 333e 1234 0001 70696e67")
	for n := range 8 {
		_, err := inet.ParseICMPv4(wire4[:n])
		wantDecodeError(t, err, "icmpv4", "header", n, inet.ErrTruncated)
		_, err = inet.ParseICMPv6(wire6[:n], v6a, v6b)
		wantDecodeError(t, err, "icmpv6", "header", n, inet.ErrTruncated)
	}
	m, err := inet.ParseICMPv4(broken(wire4, set(9, 0)))
	wantDecodeError(t, err, "icmpv4", "checksum", 2, inet.ErrChecksum)
	if m.Type != inet.ICMPv4Echo || len(m.Body) != 4 {
		t.Errorf("not kept: %+v", m)
	}
	m, err = inet.ParseICMPv6(wire6, v6a, v6a) // the pseudo-header counts
	wantDecodeError(t, err, "icmpv6", "checksum", 2, inet.ErrChecksum)
	if m.Type != inet.ICMPv6Echo || len(m.Body) != 4 {
		t.Errorf("not kept: %+v", m)
	}
	for _, bad := range []netip.Addr{{}, v4a} {
		wantRefused(t, func(b []byte) ([]byte, error) { return m.AppendV6(b, bad, v6b) }, inet.ErrAddress)
		wantRefused(t, func(b []byte) ([]byte, error) { return m.AppendV6(b, v6a, bad) }, inet.ErrAddress)
	}
}

func TestQuoteLimits(t *testing.T) {
	long := make([]byte, 2000)
	if n := inet.HeaderLenICMP + 20 + len(inet.QuoteIPv4(long)); n != 576 {
		t.Errorf("ICMPv4 error of %d bytes", n)
	}
	if n := inet.HeaderLenICMP + 40 + len(inet.QuoteIPv6(long)); n != 1280 {
		t.Errorf("ICMPv6 error of %d bytes", n)
	}
	if n := len(inet.QuoteIPv4(long[:100])); n != 100 {
		t.Errorf("short packet quoted with %d bytes", n)
	}
	if n := len(inet.NewPacketTooBig(1280, long).Body); n != 1232 {
		t.Errorf("NewPacketTooBig quotes %d bytes", n)
	}
}

func TestParseQuote(t *testing.T) {
	v4, v6 := unhex(t, quoted4), unhex(t, quoted6)
	tests := []struct {
		name  string
		b     []byte
		want  inet.Quote
		ports bool
	}{
		{"IPv4", v4, inet.Quote{Src: v4a, Dst: v4b, Proto: 17, Payload: v4[20:]}, true},
		{"IPv4, header and 8 bytes", v4[:28], inet.Quote{Src: v4a, Dst: v4b, Proto: 17, Payload: v4[20:28]}, true},
		{"IPv4 with a changed TTL", broken(v4, set(8, 1)), inet.Quote{Src: v4a, Dst: v4b, Proto: 17, Payload: v4[20:]}, true},
		{"IPv4 header alone", v4[:20], inet.Quote{Src: v4a, Dst: v4b, Proto: 17, Payload: []byte{}}, false},
		{"IPv4 fragment", broken(v4, set(7, 1)), inet.Quote{Src: v4a, Dst: v4b, Proto: 17, FragOffset: 8, Payload: v4[20:]}, false},
		{"IPv4 RSVP", broken(v4, set(9, 46)), inet.Quote{Src: v4a, Dst: v4b, Proto: 46, Payload: v4[20:]}, false},
		{"IPv6", v6, inet.Quote{Src: v6a, Dst: v6b, Proto: 17, Payload: v6[40:]}, true},
		{"IPv6, cut short", v6[:44], inet.Quote{Src: v6a, Dst: v6b, Proto: 17, Payload: v6[40:44]}, true},
		{"IPv6 header alone", v6[:40], inet.Quote{Src: v6a, Dst: v6b, Proto: 17, Payload: []byte{}}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q, err := inet.ParseQuote(tt.b)
			noError(t, err)
			same(t, "quote", q, tt.want)
			src, dst, ok := q.Ports()
			if ok != tt.ports || ok && (src != 5000 || dst != 52205) {
				t.Errorf("ports %d, %d, %v", src, dst, ok)
			}
		})
	}
	for name, b := range map[string][]byte{"empty": nil, "19 bytes": v4[:19], "version 5": broken(v4, set(0, 0x55)), "39 bytes": v6[:39]} {
		if q, err := inet.ParseQuote(b); err == nil {
			t.Errorf("%s: %+v", name, q)
		}
	}
}
