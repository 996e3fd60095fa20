package dissect

import (
	"net/netip"

	"github.com/mpstack/mpstack/wire/inet"
)

// packet is what an IP header tells the layer above.
type packet struct {
	src, dst netip.Addr
	proto    uint8
	at, end  int  // where the payload lies in the frame
	fragment bool // the payload is not whole
}

// ipv4 adds an IPv4 packet and what it carries.
func (d *builder) ipv4(at int) {
	h, payload, err := inet.ParseIPv4(d.b[at:])
	d.fail(LayerIPv4, at, err)
	if err != nil && !h.Src.IsValid() {
		d.data(at, len(d.b))
		return
	}
	hlen := int(d.b[at]&0x0f) * 4
	d.layer(LayerIPv4, at)
	d.field("version", at, 1, Uint(4))
	d.field("header_length", at, 1, Uint(uint64(hlen)))
	d.hex("tos", at+1, 1)
	d.uint("total_length", at+2, 2)
	d.hex("id", at+4, 2)
	d.flag("reserved", at+6, 0x80)
	d.flag("df", at+6, 0x40)
	d.flag("mf", at+6, 0x20)
	d.field("fragment_offset", at+6, 2, Uint(uint64(h.FragOffset)))
	d.uint("ttl", at+8, 1)
	d.uint("protocol", at+9, 1)
	d.text(inet.ProtoName(h.Proto))
	d.checksum(at+10, inet.Checksum(d.b[at:at+hlen], 0) == 0)
	d.addr4("src", at+12)
	d.addr4("dst", at+16)
	d.ipv4Options(at+20, at+hlen)
	d.end(at + hlen)
	p := packet{src: h.Src, dst: h.Dst, proto: h.Proto, at: at + hlen, end: at + hlen + len(payload)}
	p.fragment = h.Fragment() || h.TotalLen > hlen+len(payload)
	d.upper(p)
}

// ipv4Options adds the options: Router Alert and all bytes as fields of the
// layer, and each option as an object.
func (d *builder) ipv4Options(at, end int) {
	if at == end {
		return
	}
	d.eachIPv4Option(at, end, func(o inet.Option, at int) {
		if o.Type == inet.IPv4OptRouterAlert && len(o.Data) == 2 {
			d.uint("router_alert", at+2, 2)
		}
	})
	d.bytes("options", at, end-at)
	d.eachIPv4Option(at, end, d.ipv4Option)
}

// eachIPv4Option calls f with the options that have data or could have some, and
// where they are.
func (d *builder) eachIPv4Option(at, end int, f func(o inet.Option, at int)) {
	for rest := d.b[at:end]; len(rest) > 0; {
		o, next, err := inet.NextIPv4Option(rest)
		if err != nil || o.Type == inet.IPv4OptEnd {
			return
		}
		if o.Type != inet.IPv4OptNop {
			f(o, end-len(rest))
		}
		rest = next
	}
}

func (d *builder) ipv4Option(o inet.Option, at int) {
	d.object("option", 0, 0, at, 2+len(o.Data))
	d.form(inet.IPv4OptName(o.Type))
	d.uint("type", at, 1)
	d.uint("length", at+1, 1)
	route, err := inet.ParseIPv4Route(o)
	if err == nil {
		d.uint("pointer", at+2, 1)
		for i := range route.Len() {
			d.addr4("address", at+3+4*i)
		}
		return
	}
	stamp, err := inet.ParseIPv4Timestamp(o)
	if err == nil {
		d.timestamp(stamp, at)
		return
	}
	d.bytes("data", at+2, len(o.Data))
}

// timestamp adds the inside of a Timestamp option.
func (d *builder) timestamp(s inet.IPv4Timestamp, at int) {
	d.uint("pointer", at+2, 1)
	d.field("overflow", at+3, 1, Uint(uint64(s.Overflow)))
	d.field("flag", at+3, 1, Uint(uint64(s.Flag)))
	at += 4
	for range s.Len() {
		if s.Flag != inet.TimestampOnly {
			d.addr4("address", at)
			at += 4
		}
		d.uint("time", at, 4)
		at += 4
	}
}

// ipv6 adds an IPv6 packet with its extension headers, and what it carries.
func (d *builder) ipv6(at int) {
	h, payload, err := inet.ParseIPv6(d.b[at:])
	d.fail(LayerIPv6, at, err)
	if err != nil && !h.Src.IsValid() {
		d.data(at, len(d.b))
		return
	}
	d.layer(LayerIPv6, at)
	d.field("version", at, 1, Uint(6))
	d.field("traffic_class", at, 2, Hex(uint64(h.TrafficClass), 1))
	d.field("flow_label", at+1, 3, Hex(uint64(h.FlowLabel), 3))
	d.uint("payload_length", at+4, 2)
	d.uint("next_header", at+6, 1)
	d.text(inet.ProtoName(d.b[at+6]))
	d.uint("hop_limit", at+7, 1)
	d.addr16("src", at+8)
	d.addr16("dst", at+24)
	end := d.eachExtension(at, h.PayloadLen, d.extensionFields)
	d.end(end)
	d.eachExtension(at, h.PayloadLen, d.extension)
	p := packet{src: h.Src, dst: h.Dst, proto: h.NextHeader, at: end, end: end + len(payload)}
	p.fragment = h.Fragment.More || h.Fragment.Offset != 0 || inet.HeaderLenIPv6+h.PayloadLen > len(d.b)-at
	d.upper(p)
}

// eachExtension calls f with each extension header of the packet at an offset,
// and where it is, and returns where they end. ParseIPv6 found them well-formed.
func (d *builder) eachExtension(at, payload int, f func(x inet.ExtensionHeader, at int)) int {
	proto := d.b[at+6]
	at += inet.HeaderLenIPv6
	end := min(at+payload, len(d.b))
	for inet.IsExtension(proto) {
		x, rest, err := inet.NextExtension(proto, d.b[at:end])
		if err != nil {
			break
		}
		f(x, at)
		at = end - len(rest)
		if proto == inet.ProtoFragment && u16(d.b, at-6)&^6 != 0 {
			break // what follows is part of a packet; only an atomic one is whole
		}
		proto = x.Next
	}
	return at
}

// extensionFields adds what of an extension header is worth a field of the layer.
func (d *builder) extensionFields(x inet.ExtensionHeader, at int) {
	switch x.Type {
	case inet.ProtoHopByHop:
		d.eachIPv6Option(x, at, func(o inet.Option, at int) {
			if o.Type == inet.IPv6OptRouterAlert && len(o.Data) == 2 {
				d.uint("router_alert", at+2, 2)
			}
		})
	case inet.ProtoRouting:
		d.uint("routing_type", at+2, 1)
		d.uint("segments_left", at+3, 1)
	case inet.ProtoFragment:
		d.field("fragment_offset", at+2, 2, Uint(uint64(u16(d.b, at+2)&^7)))
		d.flag("mf", at+3, 1)
		d.hex("fragment_id", at+4, 4)
	}
}

// eachIPv6Option calls f with the options of a header that are no padding, and
// where they are.
func (d *builder) eachIPv6Option(x inet.ExtensionHeader, at int, f func(o inet.Option, at int)) {
	end := at + 2 + len(x.Data)
	for rest := x.Data; len(rest) > 0; {
		o, next, err := inet.NextIPv6Option(rest)
		if err != nil {
			return
		}
		if o.Type != inet.IPv6OptPad1 && o.Type != inet.IPv6OptPadN {
			f(o, end-len(rest))
		}
		rest = next
	}
}

// extension adds an extension header as an object, with what extensionFields has
// left out.
func (d *builder) extension(x inet.ExtensionHeader, at int) {
	d.object(extensionName(x.Type), 0, 0, at, 2+len(x.Data))
	d.uint("next_header", at, 1)
	d.text(inet.ProtoName(x.Next))
	if x.Type != inet.ProtoFragment {
		d.field("length", at+1, 1, Uint(uint64(2+len(x.Data))))
	}
	switch x.Type {
	case inet.ProtoHopByHop, inet.ProtoDestination:
		d.eachIPv6Option(x, at, func(o inet.Option, at int) {
			d.hex("option", at, 1)
			d.text(ipv6OptionText(o.Type))
			d.bytes("data", at+2, len(o.Data))
		})
	case inet.ProtoRouting:
		d.routing(x, at)
	}
}

func extensionName(proto uint8) string {
	switch proto {
	case inet.ProtoHopByHop:
		return "hop_by_hop"
	case inet.ProtoRouting:
		return "routing"
	case inet.ProtoFragment:
		return "fragment"
	}
	return "destination"
}

// routing adds the addresses of a Routing header of a type that has them, else
// its data.
func (d *builder) routing(x inet.ExtensionHeader, at int) {
	const addresses = 8 // after the fixed part and four reserved bytes
	body := len(x.Data) + 2 - addresses
	if typ := x.Data[0]; typ != 0 && typ != 2 || body%16 != 0 { // RFC 5095, RFC 6275
		d.bytes("data", at+4, len(x.Data)-2)
		return
	}
	for i := 0; i < body; i += 16 {
		d.addr16("address", at+addresses+i)
	}
}

// ipv6OptionText names an option, or says what becomes of it where it is not
// known.
func ipv6OptionText(typ uint8) string {
	if typ == inet.IPv6OptRouterAlert {
		return "Router Alert"
	}
	return inet.OptionAction(typ).String()
}

// upper adds what an IP packet carries. Of fragments and of packets that were
// cut nothing is looked into.
func (d *builder) upper(p packet) {
	if p.at == p.end {
		return
	}
	v6 := p.dst.Is6()
	switch {
	case p.fragment:
		d.data(p.at, p.end)
		d.kind("fragment")
	case p.proto == inet.ProtoUDP:
		d.udp(p)
	case p.proto == inet.ProtoRSVP:
		d.rsvp(p.at, p.end)
	case p.proto == inet.ProtoIGMP && !v6:
		d.igmp(p)
	case p.proto == inet.ProtoICMP && !v6:
		d.icmpv4(p)
	case p.proto == inet.ProtoICMPv6 && v6:
		d.icmpv6(p)
	default:
		d.data(p.at, p.end)
	}
}

func (d *builder) udp(p packet) {
	u, payload, err := inet.ParseUDP(d.b[p.at:p.end], p.src, p.dst)
	d.fail(LayerUDP, p.at, err)
	if err != nil && u.Length == 0 {
		d.data(p.at, p.end)
		return
	}
	d.layer(LayerUDP, p.at)
	d.uint("src_port", p.at, 2)
	d.uint("dst_port", p.at+2, 2)
	d.uint("length", p.at+4, 2)
	d.checksum(p.at+6, !survivable(err))
	if u.Checksum == 0 {
		d.text(checksumNone)
	}
	at := p.at + inet.HeaderLenUDP
	d.end(at)
	if d.isMPJ(u) {
		d.mpj(at, at+len(payload))
		return
	}
	d.data(at, at+len(payload))
}
