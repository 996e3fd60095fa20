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
	d.uint("header_length", at, 1)
	d.fields[len(d.fields)-1].Value = Uint(uint64(hlen))
	d.hex("tos", at+1, 1)
	d.uint("total_length", at+2, 2)
	d.hex("id", at+4, 2)
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

func (d *builder) ipv4Options(at, end int) {
	if at == end {
		return
	}
	for rest := d.b[at:end]; len(rest) > 0; {
		o, next, err := inet.NextIPv4Option(rest)
		if err != nil || o.Type == inet.IPv4OptEnd {
			break
		}
		if o.Type == inet.IPv4OptRouterAlert && len(o.Data) == 2 {
			d.uint("router_alert", end-len(rest)+2, 2)
		}
		rest = next
	}
	d.bytes("options", at, end-at)
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
	d.field("traffic_class", at, 2, Hex(uint64(h.TrafficClass), 1))
	d.field("flow_label", at+1, 3, Hex(uint64(h.FlowLabel), 3))
	d.uint("payload_length", at+4, 2)
	d.uint("next_header", at+6, 1)
	d.text(inet.ProtoName(d.b[at+6]))
	d.uint("hop_limit", at+7, 1)
	d.addr16("src", at+8)
	d.addr16("dst", at+24)
	end := d.extensions(d.b[at+6], at+inet.HeaderLenIPv6, at+inet.HeaderLenIPv6+h.PayloadLen)
	d.end(end)
	p := packet{src: h.Src, dst: h.Dst, proto: h.NextHeader, at: end, end: end + len(payload)}
	p.fragment = h.Fragment.More || h.Fragment.Offset != 0 || inet.HeaderLenIPv6+h.PayloadLen > len(d.b)-at
	d.upper(p)
}

// extensions adds what is worth a field of the extension headers between at
// and end, and returns where they end. ParseIPv6 found them well-formed.
func (d *builder) extensions(proto uint8, at, end int) int {
	end = min(end, len(d.b))
	for inet.IsExtension(proto) {
		x, rest, err := inet.NextExtension(proto, d.b[at:end])
		if err != nil {
			break
		}
		next := end - len(rest)
		switch proto {
		case inet.ProtoHopByHop:
			d.hopByHop(at+2, next)
		case inet.ProtoRouting:
			d.uint("routing_type", at+2, 1)
			d.uint("segments_left", at+3, 1)
		case inet.ProtoFragment:
			d.field("fragment_offset", at+2, 2, Uint(uint64(u16(d.b, at+2)&^7)))
			d.flag("mf", at+3, 1)
			d.hex("fragment_id", at+4, 4)
		}
		at = next
		if proto == inet.ProtoFragment && u16(d.b, at-6)&^6 != 0 {
			break // what follows is part of a packet; only an atomic one is whole
		}
		proto = x.Next
	}
	return at
}

func (d *builder) hopByHop(at, end int) {
	for rest := d.b[at:end]; len(rest) > 0; {
		o, next, err := inet.NextIPv6Option(rest)
		if err != nil {
			return
		}
		if o.Type == inet.IPv6OptRouterAlert && len(o.Data) == 2 {
			d.uint("router_alert", end-len(rest)+2, 2)
		}
		rest = next
	}
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
