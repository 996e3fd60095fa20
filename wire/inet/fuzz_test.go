package inet_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/mpstack/mpstack/capture/capturetest"
	"github.com/mpstack/mpstack/capture/dissect"
	"github.com/mpstack/mpstack/wire/inet"
)

// Each decoder has a target of its own. Their seeds are the frames of this
// package's tests, the project's goldens and, while MPSTACK_CORPUS is set,
// captures by others, cut to the layer.

// seeds adds what stands from a layer on: of the frames here, and of captures.
func seeds(f *testing.F, layer string) {
	for _, b := range frames(f) {
		if l := dissect.Frame(b).Layer(layer); l != nil {
			f.Add(b[l.Offset:])
		}
	}
	for _, b := range capturetest.Seeds(f, layer) {
		f.Add(b)
	}
}

// after adds what follows n bytes of a layer.
func after(f *testing.F, layer string, n int) {
	for _, b := range capturetest.Seeds(f, layer) {
		f.Add(b[min(n, len(b)):])
	}
}

// refused fails the test where err is none that a decoder may return for b.
func refused(t *testing.T, b []byte, err error) {
	t.Helper()
	de, ok := errors.AsType[*inet.DecodeError](err)
	if !ok || de.Layer == "" || de.Field == "" || de.Err == nil || de.Offset < 0 || de.Offset > len(b) {
		t.Errorf("%d bytes: error %v", len(b), err)
	}
}

func FuzzParseEthernet(f *testing.F) {
	seeds(f, dissect.LayerEthernet)
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _, err := tripEthernet(b)
		noError(t, err)
	})
}

func FuzzParseARP(f *testing.F) {
	seeds(f, dissect.LayerARP)
	f.Fuzz(func(t *testing.T, b []byte) { noError(t, tripARP(b)) })
}

func FuzzParseIPv4(f *testing.F) {
	seeds(f, dissect.LayerIPv4)
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _, err := tripIPv4(b)
		noError(t, err)
		if len(b) >= 20 && int(b[0]&15)*4 <= len(b) { // get past the checksum
			_, _, err = tripIPv4(fixSum(append([]byte(nil), b...)))
			noError(t, err)
		}
	})
}

func FuzzParseIPv6(f *testing.F) {
	seeds(f, dissect.LayerIPv6)
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _, err := tripIPv6(b)
		noError(t, err)
	})
}

func FuzzParseUDP(f *testing.F) {
	seeds(f, dissect.LayerUDP)
	f.Fuzz(func(t *testing.T, b []byte) {
		noError(t, tripUDP(b, v4a, v4b))
		noError(t, tripUDP(b, v6a, v6b))
	})
}

func FuzzParseUDPHeader(f *testing.F) {
	seeds(f, dissect.LayerUDP)
	f.Fuzz(func(t *testing.T, b []byte) {
		u, payload, err := inet.ParseUDPHeader(b)
		if err != nil {
			refused(t, b, err)
		} else if len(payload) != u.Length-inet.HeaderLenUDP {
			t.Errorf("%+v with %d bytes of payload", u, len(payload))
		}
	})
}

func FuzzParseICMPv4(f *testing.F) {
	seeds(f, dissect.LayerICMP)
	f.Fuzz(func(t *testing.T, b []byte) {
		noError(t, tripICMPv4(b))
		if len(b) >= inet.HeaderLenICMP {
			b = append([]byte(nil), b...)
			b[2], b[3] = 0, 0
			binary.BigEndian.PutUint16(b[2:], reference(b, 0))
			noError(t, tripICMPv4(b))
		}
	})
}

func FuzzParseICMPv6(f *testing.F) {
	seeds(f, dissect.LayerICMPv6)
	f.Fuzz(func(t *testing.T, b []byte) {
		h := inet.IPv6{Src: v6a, Dst: v6b}
		_, err := tripICMPv6(b, h)
		noError(t, err)
		if len(b) >= inet.HeaderLenICMP {
			b = append([]byte(nil), b...)
			inet.PutICMPv6Checksum(b, h.Src, h.Dst)
			_, err := tripICMPv6(b, h)
			noError(t, err)
		}
	})
}

func FuzzParseQuote(f *testing.F) {
	for _, layer := range []string{dissect.LayerIPv4, dissect.LayerIPv6} {
		seeds(f, layer)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		q, err := inet.ParseQuote(b)
		if err != nil {
			refused(t, b, err)
		} else if !q.Src.IsValid() || !q.Dst.IsValid() {
			t.Errorf("%+v", q)
		}
		q.Ports()
	})
}

// fuzzNDP feeds one parser of neighbor discovery with messages of its type.
func fuzzNDP[T any](f *testing.F, typ uint8, parse func(inet.ICMP) (T, error)) {
	seeds(f, dissect.LayerICMPv6)
	f.Fuzz(func(t *testing.T, b []byte) {
		m := inet.ICMP{Type: typ}
		if len(b) >= inet.HeaderLenICMP {
			m.Code, m.Rest, m.Body = b[1]&1, [4]byte(b[4:8]), b[8:]
		}
		if _, err := parse(m); err != nil {
			refused(t, b[:max(len(b), inet.HeaderLenICMP)], err)
			return
		}
		noError(t, tripNDP(m, inet.IPv6{Src: ll1, Dst: ll2}))
	})
}

func FuzzParseNeighborSolicitation(f *testing.F) {
	fuzzNDP(f, inet.ICMPv6NeighborSolicitation, inet.ParseNeighborSolicitation)
}

func FuzzParseNeighborAdvertisement(f *testing.F) {
	fuzzNDP(f, inet.ICMPv6NeighborAdvertisement, inet.ParseNeighborAdvertisement)
}

func FuzzParseRouterSolicitation(f *testing.F) {
	fuzzNDP(f, inet.ICMPv6RouterSolicitation, inet.ParseRouterSolicitation)
}

func FuzzParseRouterAdvertisement(f *testing.F) {
	fuzzNDP(f, inet.ICMPv6RouterAdvertisement, inet.ParseRouterAdvertisement)
}

func FuzzParseRedirect(f *testing.F) { fuzzNDP(f, inet.ICMPv6Redirect, inet.ParseRedirect) }

// fuzzParts feeds a walker: it gets on by no less than the data that it returns,
// and what it returns encodes to what was there.
func fuzzParts(f *testing.F, next func(b []byte) (data int, rest []byte, out []byte, err error)) {
	f.Fuzz(func(t *testing.T, b []byte) {
		for rest := b; len(rest) > 0; {
			n, left, out, err := next(rest)
			if err != nil {
				refused(t, rest, err)
				return
			}
			if len(left) >= len(rest) || len(rest)-len(left) < n {
				t.Fatalf("%d bytes of data, from %d bytes to %d", n, len(rest), len(left))
			}
			sameBytes(t, "encoded", out, rest[:len(rest)-len(left)])
			rest = left
		}
	})
}

func FuzzNextIPv4Option(f *testing.F) {
	after(f, dissect.LayerIPv4, 20)
	f.Add(unhex(f, "94040000 01 830704 0a000002 440c05000000000000000000 88040009 8203ab 00"))
	fuzzParts(f, func(b []byte) (int, []byte, []byte, error) {
		o, rest, err := inet.NextIPv4Option(b)
		if err != nil || len(o.Data) > inet.MaxIPv4Options-2 { // longer than a header has room for
			return len(o.Data), rest, b[:len(b)-len(rest)], err
		}
		out, err := o.AppendIPv4(nil)
		return len(o.Data), rest, out, err
	})
}

func FuzzNextIPv6Option(f *testing.F) {
	after(f, dissect.LayerIPv6, inet.HeaderLenIPv6+2)
	f.Add(unhex(f, "0108ffffffffffffffff 05020003 00"))
	fuzzParts(f, func(b []byte) (int, []byte, []byte, error) {
		o, rest, err := inet.NextIPv6Option(b)
		if err != nil {
			return 0, nil, nil, err
		}
		out, err := o.AppendIPv6(nil)
		return len(o.Data), rest, out, err
	})
}

func FuzzNextNDPOption(f *testing.F) {
	after(f, dissect.LayerICMPv6, inet.HeaderLenICMP+16)
	fuzzParts(f, func(b []byte) (int, []byte, []byte, error) {
		o, rest, err := inet.NextNDPOption(b)
		if err != nil {
			return 0, nil, nil, err
		}
		out, err := o.AppendTo(nil)
		return len(o.Data), rest, out, err
	})
}

func FuzzNextExtension(f *testing.F) {
	after(f, dissect.LayerIPv6, inet.HeaderLenIPv6)
	for _, s := range []string{"3c00 05020001 0100 2b00 010400000000 3c00 0300 00000000 1100 010400000000", "11ff 0006 00000009"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, proto := range []uint8{inet.ProtoHopByHop, inet.ProtoFragment} {
			x, rest, err := inet.NextExtension(proto, b)
			if err != nil {
				refused(t, b, err)
				continue
			}
			out, err := x.AppendTo(nil)
			noError(t, err)
			if proto == inet.ProtoFragment {
				out[1] = b[1] // reserved
			}
			sameBytes(t, "encoded", out, b[:len(b)-len(rest)])
		}
	})
}

// fuzzOption feeds the parser of one kind of option; what it accepts encodes to
// what was there, but for the bits that a receiver ignores.
func fuzzOption[T interface {
	AppendTo([]byte) ([]byte, error)
}](f *testing.F, parse func(b []byte) (T, error)) {
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := parse(b)
		if err != nil {
			refused(t, b, err)
			return
		}
		out, err := v.AppendTo(nil)
		noError(t, err)
		again, err := parse(out)
		if err != nil || !reflect.DeepEqual(again, v) {
			t.Errorf("% x: %+v, again %+v, %v", b, v, again, err)
		}
	})
}

// ndpOption returns the option that b is, as one of a type.
func ndpOption(typ uint8, b []byte) (inet.NDPOption, error) {
	o, _, err := inet.NextNDPOption(b)
	o.Type = typ
	return o, err
}

func FuzzParsePrefixInformation(f *testing.F) {
	after(f, dissect.LayerICMPv6, inet.HeaderLenICMP+8)
	f.Add(unhex(f, "0304 40c0 00278d00 00093a80 00000000 20010db8000000000000000000000000"))
	fuzzOption(f, func(b []byte) (inet.PrefixInformation, error) {
		o, err := ndpOption(inet.NDPOptPrefix, b)
		if err != nil {
			return inet.PrefixInformation{}, err
		}
		return inet.ParsePrefixInformation(o)
	})
}

func FuzzParseRecursiveDNS(f *testing.F) {
	f.Add(unhex(f, "1905 0000 00000258"+doc1+doc2))
	fuzzOption(f, func(b []byte) (inet.RecursiveDNS, error) {
		o, err := ndpOption(inet.NDPOptRDNSS, b)
		if err != nil {
			return inet.RecursiveDNS{}, err
		}
		return inet.ParseRecursiveDNS(o)
	})
}

func FuzzParseIPv4Route(f *testing.F) {
	f.Add(unhex(f, "830b08 0a0000010a000002"))
	f.Add(unhex(f, "072704"+fmt.Sprintf("%072x", 0)))
	fuzzOption(f, func(b []byte) (inet.IPv4Route, error) {
		o, _, err := inet.NextIPv4Option(b[:min(len(b), inet.MaxIPv4Options)])
		if err != nil {
			return inet.IPv4Route{}, err
		}
		r, err := inet.ParseIPv4Route(o)
		for i := range r.Len() {
			r.Addr(i)
		}
		return r, err
	})
}

func FuzzParseIPv4Timestamp(f *testing.F) {
	f.Add(unhex(f, "440c0920 0102030400000000"))
	f.Add(unhex(f, "440c05f3 0a00000200000000"))
	fuzzOption(f, func(b []byte) (inet.IPv4Timestamp, error) {
		o, _, err := inet.NextIPv4Option(b[:min(len(b), inet.MaxIPv4Options)])
		if err != nil {
			return inet.IPv4Timestamp{}, err
		}
		s, err := inet.ParseIPv4Timestamp(o)
		for i := range s.Len() {
			s.Entry(i)
		}
		return s, err
	})
}

func FuzzChecksum(f *testing.F) {
	f.Add([]byte("0001f203f4f5f6f7"), uint32(0))
	f.Fuzz(func(t *testing.T, b []byte, initial uint32) {
		if got, want := inet.Checksum(b, initial), reference(b, initial); got != want {
			t.Errorf("%#04x, want %#04x", got, want)
		}
	})
}

func FuzzParseMAC(f *testing.F) {
	f.Add("02:00:00:00:00:01")
	f.Add("FF-ff-FF-ff-FF-ff")
	f.Fuzz(func(t *testing.T, s string) {
		m, err := inet.ParseMAC(s)
		if err != nil {
			return
		}
		if again, err := inet.ParseMAC(m.String()); err != nil || again != m {
			t.Errorf("%q: %v, %v", s, again, err)
		}
	})
}
