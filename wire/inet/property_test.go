package inet_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/mpstack/mpstack/wire/inet"
)

// random makes values that a decoder could return.
type random struct{ *rand.Rand }

func (r random) bool() bool         { return r.IntN(2) == 0 }
func (r random) u8() uint8          { return uint8(r.Uint32()) }
func (r random) u16() uint16        { return uint16(r.Uint32()) }
func (r random) bytes(n int) []byte { return randomBytes(r.Rand, n) }
func (r random) mac() inet.MAC      { return inet.MAC(r.bytes(6)) }
func (r random) v4() netip.Addr     { return netip.AddrFrom4([4]byte(r.bytes(4))) }
func (r random) v6() netip.Addr     { return netip.AddrFrom16([16]byte(r.bytes(16))) }

func (r random) seconds(limit int64) time.Duration {
	return time.Duration(r.Int64N(limit+1)) * time.Second
}

func (r random) ms() time.Duration { return time.Duration(r.Uint32()) * time.Millisecond }

// unicast returns an address that is no group.
func (r random) unicast() netip.Addr {
	b := r.bytes(16)
	b[0] = 0x20
	return netip.AddrFrom16([16]byte(b))
}

func (r random) ethernet() inet.Ethernet {
	h := inet.Ethernet{Dst: r.mac(), Src: r.mac(), Type: inet.EtherType(0x0600 + r.IntN(0x2000))}
	for i := range r.IntN(inet.MaxTags + 1) {
		h.Tags[i] = inet.Tag{Type: inet.EtherTypeVLAN, TCI: r.u16()}
		if r.bool() {
			h.Tags[i].Type = inet.EtherTypeQinQ
		}
	}
	return h
}

func (r random) arp() inet.ARP {
	return inet.ARP{Op: r.u16(), SenderMAC: r.mac(), TargetMAC: r.mac(), SenderIP: r.v4(), TargetIP: r.v4()}
}

// ipv4 returns a header and the length of its payload.
func (r random) ipv4() (inet.IPv4, int) {
	h := inet.IPv4{TOS: r.u8(), ID: r.u16(), Reserved: r.bool(), DF: r.bool(), MF: r.bool(), FragOffset: r.IntN(0x2000) * 8,
		TTL: r.u8(), Proto: r.u8(), Src: r.v4(), Dst: r.v4()}
	switch r.IntN(3) {
	case 0:
		h.RouterAlert, h.RouterAlertValue = true, r.u16()
		h.Options = []byte{inet.IPv4OptRouterAlert, 4, byte(h.RouterAlertValue >> 8), byte(h.RouterAlertValue)}
	case 1:
		for range 1 + r.IntN(3) {
			o := inet.Option{Type: 200 + uint8(r.IntN(50)), Data: r.bytes(r.IntN(10))}
			h.Options, _ = o.AppendIPv4(h.Options)
		}
		h.Options = inet.PadIPv4Options(h.Options)
	}
	n := r.IntN(100)
	h.TotalLen = h.WireLen() + n
	return h, n
}

func (r random) ipv6() (inet.IPv6, int) {
	h := inet.IPv6{TrafficClass: r.u8(), FlowLabel: r.Uint32() & 0xfffff, HopLimit: r.u8(), Src: r.v6(), Dst: r.v6(), NextHeader: inet.ProtoUDP}
	if r.bool() {
		h.HasHopByHop = true
		if h.RouterAlert = r.bool(); h.RouterAlert {
			h.RouterAlertValue = r.u16()
		}
	}
	if r.bool() {
		h.Fragment = inet.FragmentHeader{Present: true, More: r.bool(), Offset: r.IntN(0x2000) * 8, ID: r.Uint32()}
	}
	n := r.IntN(100)
	h.PayloadLen = h.WireLen() - inet.HeaderLenIPv6 + n
	return h, n
}

func (r random) icmp(typ uint8) inet.ICMP {
	return inet.ICMP{Type: typ, Code: r.u8(), Rest: [4]byte(r.bytes(4)), Body: r.bytes(r.IntN(60))}
}

// ndpOptions returns raw options with a link address of the type, or none.
func (r random) ndpOptions(typ uint8) (raw []byte, mac inet.MAC, has bool) {
	if r.bool() {
		mac, has = r.mac(), true
		raw, _ = inet.NDPOption{Type: typ, Data: mac[:]}.AppendTo(raw)
	}
	for range r.IntN(3) {
		raw, _ = inet.NDPOption{Type: 100 + uint8(r.IntN(100)), Data: r.bytes(6 + 8*r.IntN(3))}.AppendTo(raw)
	}
	return raw, mac, has
}

func (r random) prefix() inet.PrefixInformation {
	return inet.PrefixInformation{Prefix: netip.PrefixFrom(r.v6(), r.IntN(129)).Masked(), OnLink: r.bool(), Autonomous: r.bool(),
		ValidLifetime: r.seconds(0xffffffff), PreferredLifetime: r.seconds(0xffffffff)}
}

// property is a value, how to encode it, and how to decode it again.
type property struct {
	want   any
	encode func(b []byte) ([]byte, error)
	decode func(b []byte) (any, error)
}

// ndpCase returns the property of a neighbor discovery message.
func ndpCase[T any](v T, encode func(b []byte, src, dst netip.Addr) ([]byte, error), decode func(inet.ICMP) (T, error)) property {
	return property{v, func(b []byte) ([]byte, error) { return encode(b, ll1, ll2) }, func(b []byte) (any, error) {
		m, err := inet.ParseICMPv6(b, ll1, ll2)
		if err != nil {
			return nil, err
		}
		return decode(m)
	}}
}

// properties are makers of cases, one for each type.
var properties = map[string]func(r random) property{
	"Ethernet": func(r random) property {
		h := r.ethernet()
		return property{h, func(b []byte) ([]byte, error) { return h.AppendTo(b), nil },
			func(b []byte) (any, error) { h, _, err := inet.ParseEthernet(b); return h, err }}
	},
	"ARP": func(r random) property {
		a := r.arp()
		return property{a, a.AppendTo, func(b []byte) (any, error) { return inet.ParseARP(b) }}
	},
	"IPv4": func(r random) property {
		h, n := r.ipv4()
		payload := r.bytes(n)
		return property{h, func(b []byte) ([]byte, error) { b, err := h.AppendTo(b, n); return append(b, payload...), err },
			func(b []byte) (any, error) { h, _, err := inet.ParseIPv4(b); return h, err }}
	},
	"IPv6": func(r random) property {
		h, n := r.ipv6()
		payload := r.bytes(n)
		return property{h, func(b []byte) ([]byte, error) { b, err := h.AppendTo(b, n); return append(b, payload...), err },
			func(b []byte) (any, error) { h, _, err := inet.ParseIPv6(b); return h, err }}
	},
	"UDP": func(r random) property {
		src, dst := r.v4(), r.v4()
		if r.bool() {
			src, dst = r.v6(), r.v6()
		}
		u, data := inet.UDP{SrcPort: r.u16(), DstPort: r.u16()}, r.bytes(r.IntN(100))
		return property{u, func(b []byte) ([]byte, error) { return u.AppendTo(b, src, dst, data) }, func(b []byte) (any, error) {
			got, payload, err := inet.ParseUDP(b, src, dst)
			if string(payload) != string(data) || got.Length != len(b) || got.Checksum == 0 {
				return nil, fmt.Errorf("%+v with % x", got, payload)
			}
			got.Checksum, got.Length = 0, 0
			return got, err
		}}
	},
	"ICMPv4": func(r random) property {
		m := r.icmp(r.u8())
		return property{m, func(b []byte) ([]byte, error) { return m.AppendV4(b), nil }, func(b []byte) (any, error) { return inet.ParseICMPv4(b) }}
	},
	"ICMPv6": func(r random) property {
		m, src, dst := r.icmp(r.u8()), r.v6(), r.v6()
		return property{m, func(b []byte) ([]byte, error) { return m.AppendV6(b, src, dst) },
			func(b []byte) (any, error) { return inet.ParseICMPv6(b, src, dst) }}
	},
	"neighbor solicitation": func(r random) property {
		v := inet.NeighborSolicitation{Target: r.unicast()}
		v.Options, v.LinkAddr, v.HasLinkAddr = r.ndpOptions(inet.NDPOptSourceLink)
		return ndpCase(v, v.AppendTo, inet.ParseNeighborSolicitation)
	},
	"neighbor advertisement": func(r random) property {
		v := inet.NeighborAdvertisement{Target: r.unicast(), Router: r.bool(), Solicited: r.bool(), Override: r.bool()}
		v.Options, v.LinkAddr, v.HasLinkAddr = r.ndpOptions(inet.NDPOptTargetLink)
		return ndpCase(v, v.AppendTo, inet.ParseNeighborAdvertisement)
	},
	"router solicitation": func(r random) property {
		var v inet.RouterSolicitation
		v.Options, v.LinkAddr, v.HasLinkAddr = r.ndpOptions(inet.NDPOptSourceLink)
		return ndpCase(v, v.AppendTo, inet.ParseRouterSolicitation)
	},
	"router advertisement": func(r random) property {
		v := inet.RouterAdvertisement{HopLimit: r.u8(), Flags: r.u8(), RouterLifetime: r.seconds(0xffff), ReachableTime: r.ms(), RetransTimer: r.ms()}
		v.Options, v.LinkAddr, v.HasLinkAddr = r.ndpOptions(inet.NDPOptSourceLink)
		if r.bool() {
			v.MTU = 1 + uint32(r.u16())
			v.Options, _ = inet.NDPOption{Type: inet.NDPOptMTU, Data: []byte{0, 0, byte(v.MTU >> 24), byte(v.MTU >> 16), byte(v.MTU >> 8), byte(v.MTU)}}.AppendTo(v.Options)
		}
		return ndpCase(v, v.AppendTo, inet.ParseRouterAdvertisement)
	},
	"redirect": func(r random) property {
		v := inet.Redirect{Target: r.unicast()}
		v.Destination = v.Target
		v.Options, v.LinkAddr, v.HasLinkAddr = r.ndpOptions(inet.NDPOptTargetLink)
		if r.bool() {
			v.Packet = r.bytes(8 * (1 + r.IntN(9)))
			v.Options, _ = inet.NDPOption{Type: inet.NDPOptRedirected, Data: append(make([]byte, 6), v.Packet...)}.AppendTo(v.Options)
		}
		return ndpCase(v, v.AppendTo, inet.ParseRedirect)
	},
	"NDP option": func(r random) property {
		o := inet.NDPOption{Type: r.u8(), Data: r.bytes(6 + 8*r.IntN(5))}
		return property{o, o.AppendTo, func(b []byte) (any, error) { o, _, err := inet.NextNDPOption(b); return o, err }}
	},
	"prefix": func(r random) property {
		p := r.prefix()
		return property{p, p.AppendTo, func(b []byte) (any, error) {
			o, _, err := inet.NextNDPOption(b)
			if err != nil {
				return nil, err
			}
			return inet.ParsePrefixInformation(o)
		}}
	},
	"recursive DNS": func(r random) property {
		d := inet.RecursiveDNS{Lifetime: r.seconds(0xffffffff), Servers: r.bytes(16 * (1 + r.IntN(4)))}
		return property{d, d.AppendTo, func(b []byte) (any, error) {
			o, _, err := inet.NextNDPOption(b)
			if err != nil {
				return nil, err
			}
			return inet.ParseRecursiveDNS(o)
		}}
	},
	"IPv4 option": func(r random) property {
		o := inet.Option{Type: 2 + uint8(r.IntN(250)), Data: r.bytes(r.IntN(38))}
		return property{o, o.AppendIPv4, func(b []byte) (any, error) { o, _, err := inet.NextIPv4Option(b); return o, err }}
	},
	"IPv4 route": func(r random) property {
		v := inet.IPv4Route{Type: []uint8{7, 131, 137}[r.IntN(3)], Pointer: uint8(4 * (1 + r.IntN(10))), Route: r.bytes(4 * r.IntN(10))}
		return property{v, v.AppendTo, func(b []byte) (any, error) {
			o, _, err := inet.NextIPv4Option(b)
			if err != nil {
				return nil, err
			}
			return inet.ParseIPv4Route(o)
		}}
	},
	"IPv4 timestamp": func(r random) property {
		v := inet.IPv4Timestamp{Pointer: uint8(5 + 8*r.IntN(5)), Overflow: uint8(r.IntN(16)), Flag: []uint8{0, 1, 3}[r.IntN(3)], Entries: r.bytes(8 * r.IntN(5))}
		return property{v, v.AppendTo, func(b []byte) (any, error) {
			o, _, err := inet.NextIPv4Option(b)
			if err != nil {
				return nil, err
			}
			return inet.ParseIPv4Timestamp(o)
		}}
	},
	"IPv6 option": func(r random) property {
		o := inet.Option{Type: 1 + uint8(r.IntN(255)), Data: r.bytes(r.IntN(256))}
		return property{o, o.AppendIPv6, func(b []byte) (any, error) { o, _, err := inet.NextIPv6Option(b); return o, err }}
	},
	"extension header": func(r random) property {
		x := inet.ExtensionHeader{Type: []uint8{0, 43, 60}[r.IntN(3)], Next: r.u8(), Data: r.bytes(6 + 8*r.IntN(20))}
		return property{x, x.AppendTo, func(b []byte) (any, error) { x, _, err := inet.NextExtension(x.Type, b); return x, err }}
	},
}

// What is encoded is decoded as it was, and encoded again to the same bytes.
func TestEncodeDecode(t *testing.T) {
	for name, next := range properties {
		t.Run(name, func(t *testing.T) {
			r := random{rand.New(rand.NewPCG(5, 5))}
			for range 400 {
				c := next(r)
				b, err := c.encode(nil)
				noError(t, err)
				got, err := c.decode(b)
				noError(t, err)
				if !reflect.DeepEqual(got, c.want) {
					t.Fatalf("encoded % x\n got %+v\nwant %+v", b, got, c.want)
				}
				again, err := c.encode([]byte{0xee})
				noError(t, err)
				sameBytes(t, "encoded again", again[1:], b)
			}
		})
	}
}
