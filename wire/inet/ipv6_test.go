package inet_test

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/mpstack/mpstack/wire/inet"
)

const (
	doc1 = "20010db8000000000000000000000001"
	doc2 = "20010db8000000000000000000000002"
)

// base is what the IPv6 tests have in common.
func base() inet.IPv6 {
	return inet.IPv6{HopLimit: 64, Src: addr("2001:db8::1"), Dst: addr("2001:db8::2"), NextHeader: inet.ProtoUDP}
}

func TestIPv6Bytes(t *testing.T) {
	tests := []struct {
		name    string
		set     func(h *inet.IPv6)
		payload string
		hex     string
	}{
		{"plain", func(h *inet.IPv6) {
			h.TrafficClass, h.FlowLabel, h.PayloadLen = 0xb8, 0x12345, 13
		}, "1388cbed000d811768656c6c6f", "6b812345 000d 11 40" + doc1 + doc2},
		{"MLD with Router Alert", func(h *inet.IPv6) {
			h.HopLimit, h.NextHeader, h.PayloadLen = 1, inet.ProtoICMPv6, 9
			h.HasHopByHop, h.RouterAlert = true, true
		}, "ff", "60000000 0009 00 01" + doc1 + doc2 + "3a00 05020000 0100"},
		{"RSVP with Router Alert", func(h *inet.IPv6) {
			h.NextHeader, h.PayloadLen = inet.ProtoRSVP, 8
			h.HasHopByHop, h.RouterAlert, h.RouterAlertValue = true, true, inet.RouterAlertRSVP
		}, "", "60000000 0008 00 40" + doc1 + doc2 + "2e00 05020001 0100"},
		{"empty Hop-by-Hop", func(h *inet.IPv6) {
			h.PayloadLen, h.HasHopByHop = 8, true
		}, "", "60000000 0008 00 40" + doc1 + doc2 + "1100 010400000000"},
		{"middle fragment", func(h *inet.IPv6) {
			h.PayloadLen = 16
			h.Fragment = inet.FragmentHeader{Present: true, More: true, Offset: 176, ID: 0xdeadbeef}
		}, "7878787878787878", "60000000 0010 2c 40" + doc1 + doc2 + "1100 00b1 deadbeef"},
		{"last fragment", func(h *inet.IPv6) {
			h.PayloadLen = 9
			h.Fragment = inet.FragmentHeader{Present: true, Offset: 65528, ID: 1}
		}, "78", "60000000 0009 2c 40" + doc1 + doc2 + "1100 fff8 00000001"},
		{"fragment of a packet with Destination Options", func(h *inet.IPv6) {
			h.PayloadLen, h.NextHeader = 16, inet.ProtoDestination
			h.Fragment = inet.FragmentHeader{Present: true, More: true, ID: 1}
		}, "1100010400000000", "60000000 0010 2c 40" + doc1 + doc2 + "3c00 0001 00000001"},
		{"Router Alert and fragment", func(h *inet.IPv6) {
			h.PayloadLen = 16
			h.HasHopByHop, h.RouterAlert, h.RouterAlertValue = true, true, 1
			h.Fragment = inet.FragmentHeader{Present: true, More: true, ID: 2}
		}, "", "60000000 0010 00 40" + doc1 + doc2 + "2c00 05020001 0100 1100 0001 00000002"},
		{"atomic fragment", func(h *inet.IPv6) {
			h.PayloadLen = 8
			h.Fragment = inet.FragmentHeader{Present: true, ID: 3}
		}, "", "60000000 0008 2c 40" + doc1 + doc2 + "1100 0000 00000003"},
		{"no next header", func(h *inet.IPv6) {
			h.NextHeader, h.PayloadLen = inet.ProtoNoNext, 2
		}, "0000", "60000000 0002 3b 40" + doc1 + doc2},
		{"AH is an upper protocol", func(h *inet.IPv6) {
			h.NextHeader, h.PayloadLen = inet.ProtoAH, 1
		}, "00", "60000000 0001 33 40" + doc1 + doc2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := base()
			tt.set(&h)
			checkIPv6(t, h, unhex(t, tt.hex), unhex(t, tt.payload))
		})
	}
}

// checkIPv6 encodes h and decodes header and payload, both ways exactly.
func checkIPv6(t *testing.T, h inet.IPv6, header, payload []byte) {
	t.Helper()
	encode := func(b []byte) ([]byte, error) { return h.AppendTo(b, len(payload)) }
	sameBytes(t, "encoded", appended(t, encode), header)
	if h.WireLen() != len(header) {
		t.Errorf("WireLen %d, want %d", h.WireLen(), len(header))
	}
	packet := append(append([]byte(nil), header...), payload...)
	got, rest, err := inet.ParseIPv6(append(packet, 0xaa, 0xbb)) // Ethernet padding
	noError(t, err)
	same(t, "decoded", got, h)
	sameBytes(t, "payload", rest, payload)
}

// What AppendTo would not build itself is kept, byte by byte.
func TestIPv6RawExtensions(t *testing.T) {
	tests := []struct {
		name    string
		ext     string
		extType uint8
		set     func(h *inet.IPv6)
	}{
		{"PadN before Router Alert", "1100 0100 05020001", inet.ProtoHopByHop, func(h *inet.IPv6) {
			h.HasHopByHop, h.RouterAlert, h.RouterAlertValue = true, true, 1
		}},
		{"two Pad1 before Router Alert", "1100 0000 05020001", inet.ProtoHopByHop, func(h *inet.IPv6) {
			h.HasHopByHop, h.RouterAlert, h.RouterAlertValue = true, true, 1
		}},
		{"Router Alert and two Pad1", "1100 05020000 0000", inet.ProtoHopByHop, func(h *inet.IPv6) {
			h.HasHopByHop, h.RouterAlert = true, true
		}},
		{"16 bytes, Router Alert last", "1101 0108ffffffffffffffff 05020003", inet.ProtoHopByHop, func(h *inet.IPv6) {
			h.HasHopByHop, h.RouterAlert, h.RouterAlertValue = true, true, 3
		}},
		{"an option to skip", "1100 1e0411223344", inet.ProtoHopByHop, func(h *inet.IPv6) {
			h.HasHopByHop = true
		}},
		{"options to discard", "1101 4102aabb 8100 c1040000ffff 0000", inet.ProtoHopByHop, func(h *inet.IPv6) {
			h.HasHopByHop, h.HopByHopProblem = true, inet.OptionProblem{Type: 0x41, Offset: 42}
		}},
		{"an option for the destination to refuse", "1100 0000 c202aabb", inet.ProtoDestination, func(h *inet.IPv6) {
			h.DestinationProblem = inet.OptionProblem{Type: 0xc2, Offset: 44}
		}},
		{"Router Alert among Destination Options is none", "1100 05020000 0100", inet.ProtoDestination, func(h *inet.IPv6) {}},
		{"Routing", "1100 0302 00000000", inet.ProtoRouting, func(h *inet.IPv6) {
			h.Routing = inet.RoutingHeader{Present: true, Type: 3, SegmentsLeft: 2, Offset: 42}
		}},
		{"reserved bits of Fragment", "11ff 0006 00000009", inet.ProtoFragment, func(h *inet.IPv6) {
			h.Fragment = inet.FragmentHeader{Present: true, ID: 9}
		}},
		{"all kinds", "3c00 05020001 0100  2b00 010400000000  3c00 0000 00000000  2c00 010400000000  1100 0000 00000007",
			inet.ProtoHopByHop, func(h *inet.IPv6) {
				h.HasHopByHop, h.RouterAlert, h.RouterAlertValue = true, true, 1
				h.Routing = inet.RoutingHeader{Present: true, Offset: 58}
				h.Fragment = inet.FragmentHeader{Present: true, ID: 7}
			}},
		{"the walk ends at a fragment", "2c00 05020000 0100  3c00 0001 00000007", inet.ProtoHopByHop, func(h *inet.IPv6) {
			h.HasHopByHop, h.RouterAlert = true, true
			h.Fragment = inet.FragmentHeader{Present: true, More: true, ID: 7}
			h.NextHeader = inet.ProtoDestination
		}},
		{"two Fragment headers", "2c00 0000 00000007 1100 0009 00000008", inet.ProtoFragment, func(h *inet.IPv6) {
			h.Fragment = inet.FragmentHeader{Present: true, More: true, Offset: 8, ID: 8}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ext := unhex(t, tt.ext)
			payload := unhex(t, "1100010400000000")
			fixed := unhex(t, "60000000 0000 00 40"+doc1+doc2)
			fixed[5], fixed[6] = byte(len(ext)+len(payload)), tt.extType
			h := base()
			tt.set(&h)
			h.PayloadLen = len(ext) + len(payload)
			if !builds(h, tt.extType, ext) {
				h.Extensions, h.ExtensionType = ext, tt.extType
			}
			checkIPv6(t, h, append(fixed, ext...), payload)
		})
	}
}

// builds reports whether h's typed fields alone make ext.
func builds(h inet.IPv6, first uint8, ext []byte) bool {
	b, err := h.AppendTo(nil, 0)
	return err == nil && b[6] == first && string(b[inet.HeaderLenIPv6:]) == string(ext)
}

func TestIPv6Errors(t *testing.T) {
	packet := func(next uint8, ext string) []byte {
		b := unhex(t, "60000000 0000 00 40"+doc1+doc2+ext)
		b[5], b[6] = byte(len(b)-40), next
		return b
	}
	plain := packet(17, "1122")
	tests := []struct {
		name   string
		b      []byte
		field  string
		offset int
		err    error
		kept   bool
	}{
		{"empty", nil, "header", 0, inet.ErrTruncated, false},
		{"39 bytes", plain[:39], "header", 39, inet.ErrTruncated, false},
		{"version 4", broken(plain, set(0, 0x45)), "version", 0, inet.ErrVersion, false},
		{"payload cut short", plain[:41], "payload length", 4, inet.ErrTruncated, true},
		{"no extension header", packet(0, ""), "Hop-by-Hop", 40, inet.ErrTruncated, false},
		{"7 bytes of one", packet(60, "11000000000000"), "Destination Options", 40, inet.ErrTruncated, false},
		{"a length past the end", packet(0, "1101010400000000"), "Hop-by-Hop", 40, inet.ErrTruncated, false},
		{"payload length ends inside", broken(packet(0, "1100010400000000"), set(5, 7)), "Hop-by-Hop", 40, inet.ErrTruncated, false},
		{"Hop-by-Hop second", packet(60, "0000010400000000 1100010400000000"), "Hop-by-Hop", 48, inet.ErrUnsupported, false},
		{"option without a length", packet(0, "1100 0103000000 05"), "Hop-by-Hop option", 47, inet.ErrTruncated, false},
		{"option one byte past the end", packet(0, "1100 05020000 0101"), "Hop-by-Hop option", 46, inet.ErrTruncated, false},
		{"Router Alert of 3 bytes", packet(0, "1100 0503000000 00"), "Router Alert", 42, inet.ErrLength, false},
		{"second header cut", packet(0, "2c00010400000000 11000000"), "Fragment", 48, inet.ErrTruncated, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, payload, err := inet.ParseIPv6(tt.b)
			wantDecodeError(t, err, "ipv6", tt.field, tt.offset, tt.err)
			if h.Src.IsValid() != tt.kept || (payload != nil) != tt.kept {
				t.Errorf("header %+v, payload % x", h, payload)
			}
		})
	}
}

func TestIPv6Refuses(t *testing.T) {
	tests := []struct {
		name    string
		change  func(h *inet.IPv6)
		payload int
		err     error
	}{
		{"no source", func(h *inet.IPv6) { h.Src = netip.Addr{} }, 0, inet.ErrAddress},
		{"IPv4 destination", func(h *inet.IPv6) { h.Dst = addr("10.0.0.1") }, 0, inet.ErrAddress},
		{"flow label", func(h *inet.IPv6) { h.FlowLabel = 1 << 20 }, 0, inet.ErrRange},
		{"odd offset", func(h *inet.IPv6) { h.Fragment.Offset = 4 }, 0, inet.ErrRange},
		{"offset below 0", func(h *inet.IPv6) { h.Fragment.Offset = -8 }, 0, inet.ErrRange},
		{"offset too great", func(h *inet.IPv6) { h.Fragment.Offset = 65536 }, 0, inet.ErrRange},
		{"negative payload", func(h *inet.IPv6) {}, -1, inet.ErrRange},
		{"too long", func(h *inet.IPv6) { h.RouterAlert = true }, 65528, inet.ErrTooLong},
		{"Extensions cut", func(h *inet.IPv6) { h.Extensions = make([]byte, 7) }, 0, inet.ErrTruncated},
		{"Extensions and more", func(h *inet.IPv6) {
			h.Extensions = unhex(t, "1100010400000000 00")
		}, 0, inet.ErrLength},
		{"Extensions of another protocol", func(h *inet.IPv6) {
			h.Extensions = unhex(t, "3a00010400000000")
		}, 0, inet.ErrLength},
		{"Extensions without any", func(h *inet.IPv6) {
			h.Extensions, h.ExtensionType = unhex(t, "1100010400000000"), 17
		}, 0, inet.ErrLength},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := base()
			tt.change(&h)
			wantRefused(t, func(b []byte) ([]byte, error) { return h.AppendTo(b, tt.payload) }, tt.err)
		})
	}
	h := base()
	h.RouterAlert = true
	if _, err := h.AppendTo(nil, 65527); err != nil {
		t.Errorf("65535 bytes: %v", err)
	}
}

// RouterAlert alone is enough to ask for a Hop-by-Hop header.
func TestIPv6RouterAlertImpliesHopByHop(t *testing.T) {
	h := base()
	h.RouterAlert = true
	b, err := h.AppendTo(nil, 0)
	noError(t, err)
	got, _, err := inet.ParseIPv6(b)
	noError(t, err)
	h.HasHopByHop, h.PayloadLen = true, 8
	same(t, "decoded", got, h)
}

func TestIPv6ZoneStaysHome(t *testing.T) {
	h := base()
	h.Src = addr("fe80::1%eth0")
	b, err := h.AppendTo(nil, 0)
	noError(t, err)
	got, _, err := inet.ParseIPv6(b)
	noError(t, err)
	if got.Src != addr("fe80::1") {
		t.Errorf("source %v", got.Src)
	}
}

func TestOptionAction(t *testing.T) {
	tests := map[uint8]inet.Action{
		0x05: inet.ActionSkip, 0x3f: inet.ActionSkip, 0x40: inet.ActionDiscard,
		0x80: inet.ActionReport, 0xc2: inet.ActionReportIfUnicast,
	}
	for typ, want := range tests {
		if got := inet.OptionAction(typ); got != want || got.String() == "" {
			t.Errorf("%#x: %v, want %v", typ, got, want)
		}
	}
}

func TestNextExtension(t *testing.T) {
	b := unhex(t, "1101 010c00000000000000000000 0000 99")
	x, rest, err := inet.NextExtension(inet.ProtoDestination, b)
	noError(t, err)
	same(t, "header", x, inet.ExtensionHeader{Type: 60, Next: 17, Data: b[2:16:16]})
	sameBytes(t, "rest", rest, []byte{0x99})
	// A Fragment header's second byte is reserved, not a length.
	x, _, err = inet.NextExtension(inet.ProtoFragment, unhex(t, "11ff 0000 00000001"))
	noError(t, err)
	if len(x.Data) != 6 {
		t.Errorf("Fragment header with %d bytes", len(x.Data))
	}
	if _, _, err := inet.NextExtension(inet.ProtoUDP, b); !errors.Is(err, inet.ErrUnsupported) {
		t.Errorf("UDP: %v", err)
	}
	if _, _, err := inet.NextIPv6Option(nil); !errors.Is(err, inet.ErrTruncated) {
		t.Errorf("no option: %v", err)
	}
}

func TestProtoName(t *testing.T) {
	seen := map[string]bool{}
	for p := range 256 {
		name := inet.ProtoName(uint8(p))
		if name == "" || seen[name] {
			t.Errorf("protocol %d is %q, as another is", p, name)
		}
		seen[name] = true
	}
}
