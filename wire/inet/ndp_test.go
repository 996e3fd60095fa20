package inet_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/mpstack/mpstack/wire/inet"
)

var (
	ll1, ll2 = addr("fe80::ff:fe00:1"), addr("fe80::ff:fe00:2")
	target   = addr("fe80::ff:fe00:2")
)

const (
	targetHex   = "fe8000000000000000 00 00 ff fe 00 00 02"
	sourceLink1 = "0101 020000000001"
	targetLink2 = "0201 020000000002"
)

// parseNDP reads an ICMPv6 message from src to dst and gives it to parse.
func parseNDP[T any](t *testing.T, wire []byte, src, dst netip.Addr, parse func(inet.ICMP) (T, error)) T {
	t.Helper()
	m, err := inet.ParseICMPv6(wire, src, dst)
	noError(t, err)
	v, err := parse(m)
	noError(t, err)
	return v
}

func TestNeighborSolicitationBytes(t *testing.T) {
	dst := inet.SolicitedNode(target)
	wire := unhex(t, "8700 7c97 00000000"+targetHex+sourceLink1)
	ns := inet.NeighborSolicitation{Target: target, LinkAddr: mac1, HasLinkAddr: true}
	encode := func(b []byte) ([]byte, error) { return ns.AppendTo(b, ll1, dst) }
	sameBytes(t, "built", appended(t, encode), wire)
	ns.Options = wire[24:]
	sameBytes(t, "from raw options", appended(t, encode), wire)
	same(t, "decoded", parseNDP(t, wire, ll1, dst, inet.ParseNeighborSolicitation), ns)

	// Duplicate address detection: no options.
	ns = inet.NeighborSolicitation{Target: target}
	wire = appended(t, func(b []byte) ([]byte, error) { return ns.AppendTo(b, netip.IPv6Unspecified(), dst) })
	if len(wire) != 24 {
		t.Errorf("%d bytes", len(wire))
	}
	same(t, "decoded", parseNDP(t, wire, netip.IPv6Unspecified(), dst, inet.ParseNeighborSolicitation), ns)
}

func TestNeighborAdvertisementBytes(t *testing.T) {
	wire := unhex(t, "8800 1b1a 60000000"+targetHex+targetLink2)
	na := inet.NeighborAdvertisement{Solicited: true, Override: true, Target: target, LinkAddr: mac2, HasLinkAddr: true}
	encode := func(b []byte) ([]byte, error) { return na.AppendTo(b, ll2, ll1) }
	sameBytes(t, "built", appended(t, encode), wire)
	na.Options = wire[24:]
	same(t, "decoded", parseNDP(t, wire, ll2, ll1, inet.ParseNeighborAdvertisement), na)
	for flags := range 8 {
		na := inet.NeighborAdvertisement{Router: flags&4 != 0, Solicited: flags&2 != 0, Override: flags&1 != 0, Target: target}
		wire, err := na.AppendTo(nil, ll2, ll1)
		noError(t, err)
		if wire[4] != byte(flags)<<5 {
			t.Errorf("flags %#x, want %#x", wire[4], flags<<5)
		}
		same(t, "decoded", parseNDP(t, wire, ll2, ll1, inet.ParseNeighborAdvertisement), na)
	}
}

func TestRouterSolicitationBytes(t *testing.T) {
	dst := addr("ff02::2")
	wire := unhex(t, "8500 7b2c 00000000"+sourceLink1)
	rs := inet.RouterSolicitation{LinkAddr: mac1, HasLinkAddr: true}
	encode := func(b []byte) ([]byte, error) { return rs.AppendTo(b, ll1, dst) }
	sameBytes(t, "built", appended(t, encode), wire)
	rs.Options = wire[8:]
	same(t, "decoded", parseNDP(t, wire, ll1, dst, inet.ParseRouterSolicitation), rs)
}

func TestRouterAdvertisementBytes(t *testing.T) {
	dst := addr("ff02::1")
	const prefix = "03044 0c0 00278d00 00093a80 00000000 20010db8000000000000000000000000"
	wire := unhex(t, "8600 75b5 4080 0708 00007530 000003e8"+sourceLink1+"0501 0000 00000578"+prefix)
	ra := inet.RouterAdvertisement{
		HopLimit: 64, Flags: inet.NDPManaged, RouterLifetime: 30 * time.Minute,
		ReachableTime: 30 * time.Second, RetransTimer: time.Second,
		LinkAddr: mac1, HasLinkAddr: true, MTU: 1400,
	}
	p := inet.PrefixInformation{
		Prefix: netip.MustParsePrefix("2001:db8::/64"), OnLink: true, Autonomous: true,
		ValidLifetime: 30 * 24 * time.Hour, PreferredLifetime: 7 * 24 * time.Hour,
	}
	built, err := ra.AppendTo(nil, ll1, dst)
	noError(t, err)
	sameBytes(t, "built", built[4:], wire[4:32]) // all but the prefix and the checksum
	option := appended(t, p.AppendTo)
	sameBytes(t, "prefix", option, wire[32:])

	ra.Options = append(built[16:], option...)
	sameBytes(t, "with a prefix", appended(t, func(b []byte) ([]byte, error) { return ra.AppendTo(b, ll1, dst) }), wire)
	got := parseNDP(t, wire, ll1, dst, inet.ParseRouterAdvertisement)
	same(t, "decoded", got, ra)

	var prefixes []inet.PrefixInformation
	for rest := got.Options; len(rest) > 0; {
		var o inet.NDPOption
		o, rest, err = inet.NextNDPOption(rest)
		noError(t, err)
		if o.Type == inet.NDPOptPrefix {
			p, err := inet.ParsePrefixInformation(o)
			noError(t, err)
			prefixes = append(prefixes, p)
		}
	}
	same(t, "prefixes", prefixes, []inet.PrefixInformation{p})
}

func TestPrefixInformation(t *testing.T) {
	for _, p := range []inet.PrefixInformation{
		{Prefix: netip.MustParsePrefix("::/0")},
		{Prefix: netip.MustParsePrefix("2001:db8::1/128"), ValidLifetime: inet.NDPInfinite, PreferredLifetime: inet.NDPInfinite},
	} {
		b, err := p.AppendTo(nil)
		noError(t, err)
		o, rest, err := inet.NextNDPOption(b)
		noError(t, err)
		got, err := inet.ParsePrefixInformation(o)
		noError(t, err)
		same(t, "decoded", got, p)
		if len(rest) != 0 {
			t.Errorf("%d bytes left", len(rest))
		}
	}
	p64 := netip.MustParsePrefix("2001:db8::/64")
	for _, tt := range []struct {
		p   inet.PrefixInformation
		err error
	}{
		{inet.PrefixInformation{}, inet.ErrAddress},
		{inet.PrefixInformation{Prefix: netip.MustParsePrefix("10.0.0.0/8")}, inet.ErrAddress},
		{inet.PrefixInformation{Prefix: p64, ValidLifetime: -1}, inet.ErrRange},
		{inet.PrefixInformation{Prefix: p64, PreferredLifetime: inet.NDPInfinite + time.Second}, inet.ErrRange},
	} {
		wantRefused(t, tt.p.AppendTo, tt.err)
	}
	_, err := inet.ParsePrefixInformation(inet.NDPOption{Type: inet.NDPOptMTU, Data: make([]byte, 6)})
	wantDecodeError(t, err, "icmpv6", "option type", 0, inet.ErrUnsupported)
	_, err = inet.ParsePrefixInformation(inet.NDPOption{Type: inet.NDPOptPrefix, Data: make([]byte, 6)})
	wantDecodeError(t, err, "icmpv6", "Prefix Information", 1, inet.ErrLength)
	_, err = inet.ParsePrefixInformation(inet.NDPOption{Type: inet.NDPOptPrefix, Data: append([]byte{129}, make([]byte, 29)...)})
	wantDecodeError(t, err, "icmpv6", "prefix length", 2, inet.ErrRange)
}

func TestNDPErrors(t *testing.T) {
	body := unhex(t, targetHex)
	with := func(s string) []byte { return append(append([]byte(nil), body...), unhex(t, s)...) }
	multicast := unhex(t, "ff02 0000 0000 0000 0000 0000 0000 0001")
	type result struct {
		field  string
		offset int
		err    error
	}
	tests := []struct {
		name  string
		m     inet.ICMP
		parse func(inet.ICMP) (any, error)
		want  result
	}{
		{"type", inet.ICMP{Type: 136, Body: body}, parseNS, result{"type", 0, inet.ErrUnsupported}},
		{"code", inet.ICMP{Type: 135, Code: 1, Body: body}, parseNS, result{"code", 1, inet.ErrRange}},
		{"NS cut", inet.ICMP{Type: 135, Body: body[:15]}, parseNS, result{"header", 23, inet.ErrTruncated}},
		{"NA cut", inet.ICMP{Type: 136, Body: body[:15]}, parseNA, result{"header", 23, inet.ErrTruncated}},
		{"RA cut", inet.ICMP{Type: 134, Body: body[:7]}, parseRA, result{"header", 15, inet.ErrTruncated}},
		{"NS for a group", inet.ICMP{Type: 135, Body: multicast}, parseNS, result{"target", 8, inet.ErrAddress}},
		{"NA for a group", inet.ICMP{Type: 136, Body: multicast}, parseNA, result{"target", 8, inet.ErrAddress}},
		{"option of length 0", inet.ICMP{Type: 135, Body: with("0100 020000000001")}, parseNS, result{"option", 24, inet.ErrLength}},
		{"one byte of an option", inet.ICMP{Type: 136, Body: with("02")}, parseNA, result{"option", 24, inet.ErrTruncated}},
		{"option past the end", inet.ICMP{Type: 133, Body: unhex(t, "0e01 000000000000 0102 020000000001")}, parseRS, result{"option", 16, inet.ErrTruncated}},
		{"RA's option of length 0", inet.ICMP{Type: 134, Body: make([]byte, 10)}, parseRA, result{"option", 16, inet.ErrLength}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.parse(tt.m)
			wantDecodeError(t, err, "icmpv6", tt.want.field, tt.want.offset, tt.want.err)
		})
	}
}

func parseNS(m inet.ICMP) (any, error) { return inet.ParseNeighborSolicitation(m) }
func parseNA(m inet.ICMP) (any, error) { return inet.ParseNeighborAdvertisement(m) }
func parseRS(m inet.ICMP) (any, error) { return inet.ParseRouterSolicitation(m) }
func parseRA(m inet.ICMP) (any, error) { return inet.ParseRouterAdvertisement(m) }

// Options that are not known, of unexpected lengths or repeated do no harm and
// survive.
func TestNDPUnknownOptions(t *testing.T) {
	options := "0e01 aabbccddeeff" + // nonce
		"0102 0200000000000000000000000000" + // a link address of 14 bytes
		sourceLink1 + "0101 020000000009" + "fe01 000000000000"
	ns := inet.NeighborSolicitation{Target: target, LinkAddr: mac1, HasLinkAddr: true, Options: unhex(t, options)}
	wire := appended(t, func(b []byte) ([]byte, error) { return ns.AppendTo(b, ll1, ll2) })
	same(t, "decoded", parseNDP(t, wire, ll1, ll2, inet.ParseNeighborSolicitation), ns)
}

func TestNextNDPOption(t *testing.T) {
	for name, tt := range map[string]struct {
		b   []byte
		err error
	}{
		"empty": {nil, inet.ErrTruncated}, "one byte": {[]byte{1}, inet.ErrTruncated},
		"length 0": {[]byte{1, 0, 0, 0, 0, 0, 0, 0}, inet.ErrLength}, "cut": {[]byte{1, 1, 0, 0, 0, 0, 0}, inet.ErrTruncated},
	} {
		if _, _, err := inet.NextNDPOption(tt.b); !errors.Is(err, tt.err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNDPRefuses(t *testing.T) {
	encoders := map[string]func(b []byte, target, src, dst netip.Addr) ([]byte, error){
		"NS": func(b []byte, target, src, dst netip.Addr) ([]byte, error) {
			return inet.NeighborSolicitation{Target: target}.AppendTo(b, src, dst)
		},
		"NA": func(b []byte, target, src, dst netip.Addr) ([]byte, error) {
			return inet.NeighborAdvertisement{Target: target}.AppendTo(b, src, dst)
		},
		"RS": func(b []byte, _, src, dst netip.Addr) ([]byte, error) {
			return inet.RouterSolicitation{}.AppendTo(b, src, dst)
		},
		"RA": func(b []byte, _, src, dst netip.Addr) ([]byte, error) {
			return inet.RouterAdvertisement{}.AppendTo(b, src, dst)
		},
	}
	for name, encode := range encoders {
		t.Run(name, func(t *testing.T) {
			wantRefused(t, func(b []byte) ([]byte, error) { return encode(b, target, v4a, ll1) }, inet.ErrAddress)
			wantRefused(t, func(b []byte) ([]byte, error) { return encode(b, target, ll1, netip.Addr{}) }, inet.ErrAddress)
			if name[0] == 'N' {
				for _, bad := range []netip.Addr{{}, v4a, addr("ff02::1")} {
					wantRefused(t, func(b []byte) ([]byte, error) { return encode(b, bad, ll1, ll2) }, inet.ErrAddress)
				}
			}
		})
	}
	for _, ra := range []inet.RouterAdvertisement{
		{RouterLifetime: -time.Second}, {RouterLifetime: 65536 * time.Second},
		{ReachableTime: -time.Millisecond}, {ReachableTime: 1 << 32 * time.Millisecond},
		{RetransTimer: -time.Millisecond}, {RetransTimer: 1 << 32 * time.Millisecond},
	} {
		wantRefused(t, func(b []byte) ([]byte, error) { return ra.AppendTo(b, ll1, ll2) }, inet.ErrRange)
	}
}
