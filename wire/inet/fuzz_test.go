package inet_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/mpstack/mpstack/wire/inet"
)

// seeds adds the parts of all frames from layer to layer: the frames, their
// packets and their segments.
func seeds(f *testing.F, take func(eth inet.Ethernet, frame, packet, segment []byte)) {
	for _, b := range frames(f) {
		eth, packet, err := inet.ParseEthernet(b)
		noError(f, err)
		var segment []byte
		switch eth.Type {
		case inet.EtherTypeIPv4:
			_, segment, err = inet.ParseIPv4(packet)
		case inet.EtherTypeIPv6:
			_, segment, err = inet.ParseIPv6(packet)
		}
		noError(f, err)
		take(eth, b, packet, segment)
	}
}

func FuzzParseEthernet(f *testing.F) {
	seeds(f, func(_ inet.Ethernet, frame, _, _ []byte) { f.Add(frame) })
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _, err := tripEthernet(b)
		noError(t, err)
	})
}

func FuzzParseARP(f *testing.F) {
	seeds(f, func(_ inet.Ethernet, _, packet, _ []byte) { f.Add(packet) })
	f.Fuzz(func(t *testing.T, b []byte) { noError(t, tripARP(b)) })
}

func FuzzParseIPv4(f *testing.F) {
	seeds(f, func(_ inet.Ethernet, _, packet, _ []byte) { f.Add(packet) })
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
	seeds(f, func(_ inet.Ethernet, _, packet, _ []byte) { f.Add(packet) })
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _, err := tripIPv6(b)
		noError(t, err)
	})
}

func FuzzParseUDP(f *testing.F) {
	seeds(f, func(_ inet.Ethernet, _, _, segment []byte) { f.Add(segment) })
	f.Fuzz(func(t *testing.T, b []byte) {
		noError(t, tripUDP(b, v4a, v4b))
		noError(t, tripUDP(b, v6a, v6b))
		if u, payload, err := inet.ParseUDPHeader(b); err == nil && len(payload) != u.Length-inet.HeaderLenUDP {
			t.Errorf("%+v with %d bytes of payload", u, len(payload))
		}
	})
}

func FuzzParseICMPv4(f *testing.F) {
	seeds(f, func(_ inet.Ethernet, _, _, segment []byte) { f.Add(segment) })
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
	seeds(f, func(_ inet.Ethernet, _, _, segment []byte) { f.Add(segment) })
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
	seeds(f, func(_ inet.Ethernet, _, packet, _ []byte) { f.Add(packet) })
	f.Fuzz(func(t *testing.T, b []byte) {
		q, err := inet.ParseQuote(b)
		if err == nil && (!q.Src.IsValid() || !q.Dst.IsValid()) {
			t.Errorf("%+v", q)
		}
		q.Ports()
	})
}

func FuzzOptions(f *testing.F) {
	seeds(f, func(_ inet.Ethernet, _, packet, segment []byte) {
		f.Add(packet)
		f.Add(segment)
	})
	f.Fuzz(func(t *testing.T, b []byte) {
		noError(t, walk("IPv4", b, func(b []byte) (int, []byte, error) {
			o, rest, err := inet.NextIPv4Option(b)
			return len(o.Data), rest, err
		}))
		noError(t, walk("IPv6", b, func(b []byte) (int, []byte, error) {
			o, rest, err := inet.NextIPv6Option(b)
			return len(o.Data), rest, err
		}))
		noError(t, walk("NDP", b, func(b []byte) (int, []byte, error) {
			o, rest, err := inet.NextNDPOption(b)
			if err == nil {
				inet.ParsePrefixInformation(o)
			}
			return len(o.Data), rest, err
		}))
		for _, proto := range []uint8{inet.ProtoHopByHop, inet.ProtoFragment} {
			noError(t, walk("extension", b, func(b []byte) (int, []byte, error) {
				x, rest, err := inet.NextExtension(proto, b)
				return len(x.Data), rest, err
			}))
		}
	})
}

// walk takes parts off b until nothing is left or next fails; each step must
// get on, and by no less than the data that it returned.
func walk(what string, b []byte, next func([]byte) (n int, rest []byte, err error)) error {
	for len(b) > 0 {
		n, rest, err := next(b)
		if err != nil {
			return nil
		}
		if len(rest) >= len(b) || len(b)-len(rest) < n {
			return fmt.Errorf("%s: %d bytes of data, from %d bytes to %d", what, n, len(b), len(rest))
		}
		b = rest
	}
	return nil
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
