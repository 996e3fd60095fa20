package inet_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"reflect"
	"testing"

	"github.com/mpstack/mpstack/wire/inet"
)

// The round trips below take any bytes. Where a parser accepts them they check
// that encoding what it returned gives the same bytes again, and that decoding
// those gives the same value; else that nothing is wrong with the refusal.
// Fuzz targets, the frames of frames_test.go and the corpus all run them.

func diff(what string, got, want []byte) error {
	if bytes.Equal(got, want) {
		return nil
	}
	return fmt.Errorf("%s: encoded % x from % x", what, got, want)
}

func tripEthernet(b []byte) (inet.Ethernet, []byte, error) {
	h, payload, err := inet.ParseEthernet(b)
	if err != nil {
		return h, nil, nil
	}
	if h.WireLen()+len(payload) != len(b) {
		return h, nil, fmt.Errorf("ethernet: %d and %d bytes of %d", h.WireLen(), len(payload), len(b))
	}
	return h, payload, diff("ethernet", h.AppendTo(nil), b[:h.WireLen()])
}

func tripARP(b []byte) error {
	a, err := inet.ParseARP(b)
	if err != nil {
		return nil
	}
	out, err := a.AppendTo(nil)
	if err != nil {
		return err
	}
	return diff("arp", out, b[:inet.ARPLen])
}

func tripIPv4(b []byte) (inet.IPv4, []byte, error) {
	h, payload, err := inet.ParseIPv4(b)
	if err != nil {
		return h, nil, nil
	}
	out, err := h.AppendTo(nil, len(payload))
	if err != nil {
		return h, nil, err
	}
	if h.TotalLen != len(out)+len(payload) || h.WireLen() != len(out) {
		return h, nil, fmt.Errorf("ipv4: total length %d, WireLen %d, encoded %d, payload %d", h.TotalLen, h.WireLen(), len(out), len(payload))
	}
	// A checksum of 0xffff for 0x0000 is accepted and sent as the other.
	if b[10] == out[10]^0xff && b[11] == out[11]^0xff && (out[10] == 0 || out[10] == 0xff) && out[10] == out[11] {
		out[10], out[11] = b[10], b[11]
	}
	return h, payload, diff("ipv4", out, b[:len(out)])
}

func tripIPv6(b []byte) (inet.IPv6, []byte, error) {
	h, payload, err := inet.ParseIPv6(b)
	if err != nil {
		return h, nil, nil
	}
	out, err := h.AppendTo(nil, len(payload))
	if err != nil {
		return h, nil, err
	}
	if inet.HeaderLenIPv6+h.PayloadLen != len(out)+len(payload) || h.WireLen() != len(out) {
		return h, nil, fmt.Errorf("ipv6: payload length %d, WireLen %d, encoded %d, payload %d", h.PayloadLen, h.WireLen(), len(out), len(payload))
	}
	if err := diff("ipv6", out, b[:len(out)]); err != nil {
		return h, nil, err
	}
	again, _, err := inet.ParseIPv6(append(out, payload...))
	if err != nil || !reflect.DeepEqual(again, h) {
		return h, nil, fmt.Errorf("ipv6: decoded again %+v, %v from %+v", again, err, h)
	}
	return h, payload, nil
}

func tripUDP(b []byte, src, dst netip.Addr) error {
	u, payload, err := inet.ParseUDP(b, src, dst)
	if err != nil || u.Checksum == 0 {
		return nil
	}
	out, err := u.AppendTo(nil, src, dst, payload)
	if err != nil {
		return err
	}
	return diff("udp", out, b[:u.Length])
}

func tripICMPv4(b []byte) error {
	m, err := inet.ParseICMPv4(b)
	if err != nil {
		return nil
	}
	if m.IsErrorV4() {
		if q, err := inet.ParseQuote(m.Body); err == nil {
			q.Ports()
		}
	}
	return diff("icmpv4", m.AppendV4(nil)[4:], b[4:])
}

func tripICMPv6(b []byte, h inet.IPv6) (inet.ICMP, error) {
	m, err := inet.ParseICMPv6(b, h.Src, h.Dst)
	if err != nil {
		return m, nil
	}
	out, err := m.AppendV6(nil, h.Src, h.Dst)
	if err != nil {
		return m, err
	}
	if err := diff("icmpv6", out[4:], b[4:]); err != nil {
		return m, err
	}
	return m, tripNDP(m, h)
}

// tripNDP takes what carries flags or reserved bytes that are not kept by its
// value and not by its bytes.
func tripNDP(m inet.ICMP, h inet.IPv6) error {
	encode := func(v any, out []byte, err error) (any, error) {
		if err != nil {
			return nil, fmt.Errorf("ndp: %+v is decoded but not encoded: %w", v, err)
		}
		again, err := inet.ParseICMPv6(out, h.Src, h.Dst)
		if err != nil {
			return nil, err
		}
		again2, err := decodeNDP(again)
		if err != nil {
			return nil, err
		}
		return again2, nil
	}
	v, err := decodeNDP(m)
	if err != nil || v == nil {
		return nil
	}
	var out []byte
	switch v := v.(type) {
	case inet.NeighborSolicitation:
		out, err = v.AppendTo(nil, h.Src, h.Dst)
	case inet.NeighborAdvertisement:
		out, err = v.AppendTo(nil, h.Src, h.Dst)
	case inet.RouterSolicitation:
		out, err = v.AppendTo(nil, h.Src, h.Dst)
	case inet.RouterAdvertisement:
		out, err = v.AppendTo(nil, h.Src, h.Dst)
	case inet.Redirect:
		out, err = v.AppendTo(nil, h.Src, h.Dst)
	}
	again, err := encode(v, out, err)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(again, v) {
		return fmt.Errorf("ndp: %+v from %+v", again, v)
	}
	return nil
}

// decodeNDP returns nil for what is not neighbor discovery.
func decodeNDP(m inet.ICMP) (any, error) {
	switch m.Type {
	case inet.ICMPv6NeighborSolicitation:
		return inet.ParseNeighborSolicitation(m)
	case inet.ICMPv6NeighborAdvertisement:
		return inet.ParseNeighborAdvertisement(m)
	case inet.ICMPv6RouterSolicitation:
		return inet.ParseRouterSolicitation(m)
	case inet.ICMPv6RouterAdvertisement:
		return inet.ParseRouterAdvertisement(m)
	case inet.ICMPv6Redirect:
		return inet.ParseRedirect(m)
	}
	return nil, nil
}

// tripFrame takes a frame through all layers.
func tripFrame(b []byte) error {
	eth, packet, err := tripEthernet(b)
	if err != nil {
		return err
	}
	switch eth.Type {
	case inet.EtherTypeARP:
		return tripARP(packet)
	case inet.EtherTypeIPv4:
		h, payload, err := tripIPv4(packet)
		if err != nil || h.Fragment() {
			return err
		}
		switch h.Proto {
		case inet.ProtoUDP:
			return tripUDP(payload, h.Src, h.Dst)
		case inet.ProtoICMP:
			return tripICMPv4(payload)
		}
	case inet.EtherTypeIPv6:
		h, payload, err := tripIPv6(packet)
		if err != nil || h.Fragment.More || h.Fragment.Offset != 0 {
			return err
		}
		switch h.NextHeader {
		case inet.ProtoUDP:
			return tripUDP(payload, h.Src, h.Dst)
		case inet.ProtoICMPv6:
			_, err := tripICMPv6(payload, h)
			return err
		}
	}
	return nil
}

func TestFramesRoundTrip(t *testing.T) {
	for name, b := range frames(t) {
		if !readFrame(b) {
			t.Errorf("%s: not read", name)
		}
		if err := tripFrame(b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for n := range b { // cut anywhere: no panic, and round trips of what is left
			if err := tripFrame(b[:n:n]); err != nil {
				t.Errorf("%s cut to %d bytes: %v", name, n, err)
			}
		}
	}
}

// One changed byte anywhere is noticed, or makes another frame that survives.
func TestChangedFramesRoundTrip(t *testing.T) {
	for name, b := range frames(t) {
		for i := range b {
			for _, v := range []byte{0, 1, 0x7f, 0x80, 0xff, b[i] ^ 1, b[i] + 1} {
				if err := tripFrame(broken(b, set(i, v))); err != nil {
					t.Errorf("%s with byte %d = %#x: %v", name, i, v, err)
				}
			}
		}
	}
}
