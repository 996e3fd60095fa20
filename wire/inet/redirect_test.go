package inet_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/mpstack/mpstack/wire/inet"
)

// redirectHex is a redirect from ll1 to v6a: ll2 is the way to v6b. Its packet
// is quoted6 but for the last bytes, which do not fill a unit of 8.
const redirectHex = "8900 1c18 00000000 fe80000000000000000000fffe000002" + doc2 + targetLink2

func TestRedirectBytes(t *testing.T) {
	packet := unhex(t, quoted6)
	kept := packet[:48]
	r := inet.Redirect{Target: ll2, Destination: v6b, LinkAddr: mac2, HasLinkAddr: true}
	encode := func(b []byte) ([]byte, error) { return r.AppendTo(b, ll1, v6a) }
	wire := unhex(t, redirectHex)
	sameBytes(t, "without a packet", appended(t, encode), wire)
	bare := parseNDP(t, wire, ll1, v6a, inet.ParseRedirect)
	r.Options = wire[40:]
	same(t, "decoded", bare, r)

	r.Options, r.Packet = nil, packet
	wire = appended(t, encode)
	sameBytes(t, "with a packet", wire[4:], append(unhex(t, redirectHex)[4:], append(unhex(t, "0407 000000000000"), kept...)...))
	got := parseNDP(t, wire, ll1, v6a, inet.ParseRedirect)
	r.Options, r.Packet = wire[40:], kept
	same(t, "decoded", got, r)
	sameBytes(t, "encoded again", appended(t, encode), wire)
}

// The packet is cut to what 1280 bytes hold.
func TestRedirectOfALongPacket(t *testing.T) {
	for n, want := range map[int]int{0: 48, 7: 48, 8: 64, 1152: 1208, 1184: 1240, 1191: 1240, 1192: 1240, 9000: 1240} {
		r := inet.Redirect{Target: v6b, Destination: v6b, LinkAddr: mac2, HasLinkAddr: true, Packet: make([]byte, n)}
		b, err := r.AppendTo(nil, ll1, v6a)
		noError(t, err)
		if n < 8 {
			want = 48
		}
		if len(b) != want {
			t.Errorf("a packet of %d bytes in a redirect of %d, want %d", n, len(b), want)
		}
	}
}

func TestRedirectErrors(t *testing.T) {
	body := unhex(t, redirectHex)[8:]
	group := unhex(t, "ff020000000000000000000000000001")
	for _, tt := range []struct {
		name   string
		m      inet.ICMP
		field  string
		offset int
		err    error
	}{
		{"type", inet.ICMP{Type: 136, Body: body}, "type", 0, inet.ErrUnsupported},
		{"code", inet.ICMP{Type: 137, Code: 1, Body: body}, "code", 1, inet.ErrRange},
		{"cut", inet.ICMP{Type: 137, Body: body[:31]}, "header", 39, inet.ErrTruncated},
		{"target", inet.ICMP{Type: 137, Body: append(group[:16:16], body[16:]...)}, "target", 8, inet.ErrAddress},
		{"destination", inet.ICMP{Type: 137, Body: append(body[:16:16], group...)}, "destination", 24, inet.ErrAddress},
		{"another node", inet.ICMP{Type: 137, Body: append(unhex(t, doc1), body[16:]...)}, "target", 8, inet.ErrAddress},
		{"option", inet.ICMP{Type: 137, Body: append(body[:32:32], 1, 0)}, "option", 40, inet.ErrLength},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := inet.ParseRedirect(tt.m)
			wantDecodeError(t, err, "icmpv6", tt.field, tt.offset, tt.err)
		})
	}
	for _, r := range []inet.Redirect{{}, {Target: ll2}, {Destination: v6b}, {Target: addr("ff02::1"), Destination: v6b},
		{Target: ll2, Destination: addr("ff02::1")}, {Target: v6a, Destination: v6b}, {Target: v4a, Destination: v6b}} {
		wantRefused(t, func(b []byte) ([]byte, error) { return r.AppendTo(b, ll1, ll2) }, inet.ErrAddress)
	}
	good := inet.Redirect{Target: ll2, Destination: v6b}
	wantRefused(t, func(b []byte) ([]byte, error) { return good.AppendTo(b, v4a, ll2) }, inet.ErrAddress)
}

func TestRecursiveDNS(t *testing.T) {
	d := inet.RecursiveDNS{Lifetime: 600 * time.Second, Servers: unhex(t, doc1+doc2)}
	wire := unhex(t, "1905 0000 00000258"+doc1+doc2)
	sameBytes(t, "encoded", appended(t, d.AppendTo), wire)
	o, _, err := inet.NextNDPOption(wire)
	noError(t, err)
	got, err := inet.ParseRecursiveDNS(o)
	noError(t, err)
	same(t, "decoded", got, d)
	if got.Len() != 2 || got.Server(0) != v6a || got.Server(1) != v6b {
		t.Errorf("%d servers: %v, %v", got.Len(), got.Server(0), got.Server(1))
	}
	_, err = inet.ParseRecursiveDNS(inet.NDPOption{Type: 1, Data: make([]byte, 6)})
	wantDecodeError(t, err, "icmpv6", "option type", 0, inet.ErrUnsupported)
	for _, n := range []int{6, 14, 30} {
		_, err = inet.ParseRecursiveDNS(inet.NDPOption{Type: inet.NDPOptRDNSS, Data: make([]byte, n)})
		wantDecodeError(t, err, "icmpv6", "Recursive DNS Server", 1, inet.ErrLength)
	}
	for _, tt := range []struct {
		d   inet.RecursiveDNS
		err error
	}{
		{inet.RecursiveDNS{}, inet.ErrLength}, {inet.RecursiveDNS{Servers: make([]byte, 8)}, inet.ErrLength},
		{inet.RecursiveDNS{Servers: make([]byte, 16*128)}, inet.ErrTooLong},
		{inet.RecursiveDNS{Servers: make([]byte, 16), Lifetime: -1}, inet.ErrRange},
		{inet.RecursiveDNS{Servers: make([]byte, 16), Lifetime: inet.NDPInfinite + time.Second}, inet.ErrRange},
	} {
		wantRefused(t, tt.d.AppendTo, tt.err)
	}
}

func TestNDPOptionBytes(t *testing.T) {
	for _, s := range []string{sourceLink1, "0e01 aabbccddeeff", "fe02 0102030405060708090a0b0c0d0e"} {
		wire := unhex(t, s)
		o, rest, err := inet.NextNDPOption(wire)
		noError(t, err)
		if len(rest) != 0 {
			t.Errorf("%d bytes left", len(rest))
		}
		sameBytes(t, "encoded", appended(t, o.AppendTo), wire)
	}
	wantRefused(t, inet.NDPOption{}.AppendTo, inet.ErrLength)
	wantRefused(t, inet.NDPOption{Data: make([]byte, 7)}.AppendTo, inet.ErrLength)
	wantRefused(t, inet.NDPOption{Data: make([]byte, 2046)}.AppendTo, inet.ErrTooLong)
}

// Prefixes passes over what is no prefix, breaks the option's rules, or is cut.
func TestPrefixes(t *testing.T) {
	var want []inet.PrefixInformation
	options := unhex(t, sourceLink1+"0301 000000000000")
	for _, p := range []string{"2001:db8::/64", "2001:db8:1::/48"} {
		info := inet.PrefixInformation{Prefix: netip.MustParsePrefix(p), OnLink: true}
		want = append(want, info)
		var err error
		options, err = info.AppendTo(options)
		noError(t, err)
	}
	ra := inet.RouterAdvertisement{Options: append(options, 3)}
	var got []inet.PrefixInformation
	for p := range ra.Prefixes() {
		got = append(got, p)
	}
	same(t, "prefixes", got, want)
	for p := range ra.Prefixes() {
		same(t, "the first", p, want[0])
		break
	}
}
