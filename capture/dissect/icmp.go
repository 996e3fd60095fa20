package dissect

import (
	"fmt"

	"github.com/mpstack/mpstack/wire/igmp"
	"github.com/mpstack/mpstack/wire/inet"
)

// What a type of ICMP is called.
var (
	icmpv4Types = map[uint8]string{
		inet.ICMPv4EchoReply: "echo-reply", inet.ICMPv4Unreachable: "unreachable", inet.ICMPv4Redirect: "redirect",
		inet.ICMPv4Echo: "echo", inet.ICMPv4TimeExceeded: "time-exceeded", inet.ICMPv4ParamProblem: "parameter-problem",
	}
	icmpv6Types = map[uint8]string{
		inet.ICMPv6Unreachable: "unreachable", inet.ICMPv6PacketTooBig: "packet-too-big", inet.ICMPv6TimeExceeded: "time-exceeded",
		inet.ICMPv6ParamProblem: "parameter-problem", inet.ICMPv6Echo: "echo", inet.ICMPv6EchoReply: "echo-reply",
		inet.ICMPv6RouterSolicitation: "router-solicitation", inet.ICMPv6RouterAdvertisement: "router-advertisement",
		inet.ICMPv6NeighborSolicitation: "neighbor-solicitation", inet.ICMPv6NeighborAdvertisement: "neighbor-advertisement",
		inet.ICMPv6Redirect: "redirect",
	}
)

// icmpHead adds the fields that all ICMP messages have.
func (d *builder) icmpHead(layer string, p packet, m inet.ICMP, names map[uint8]string, good bool) {
	d.layer(layer, p.at)
	name := names[m.Type]
	if name == "" {
		name = fmt.Sprintf("type-%d", m.Type)
	}
	d.kind(name)
	d.uint("type", p.at, 1)
	d.uint("code", p.at+1, 1)
	d.checksum(p.at+2, good)
}

func (d *builder) icmpv4(p packet) {
	m, err := inet.ParseICMPv4(d.b[p.at:p.end])
	d.fail(LayerICMP, p.at, err)
	if err != nil && !survivable(err) {
		d.data(p.at, p.end)
		return
	}
	d.icmpHead(LayerICMP, p, m, icmpv4Types, err == nil)
	body := p.at + inet.HeaderLenICMP
	switch {
	case m.Type == inet.ICMPv4Echo || m.Type == inet.ICMPv4EchoReply:
		d.echo(p)
	case m.IsErrorV4():
		d.errorV4(p, m)
		d.quote(body, p.end)
	default:
		d.bytes("body", p.at+4, p.end-p.at-4)
	}
	d.end(p.end)
}

// errorV4 adds what an ICMPv4 error puts before the quote.
func (d *builder) errorV4(p packet, m inet.ICMP) {
	switch {
	case m.Type == inet.ICMPv4Unreachable && m.Code == inet.ICMPv4FragNeeded:
		d.uint("mtu", p.at+6, 2)
	case m.Type == inet.ICMPv4Redirect:
		d.addr4("gateway", p.at+4)
	case m.Type == inet.ICMPv4ParamProblem:
		d.uint("pointer", p.at+4, 1)
	default:
		d.hex("unused", p.at+4, 4)
	}
}

// quote adds the packet that an error quotes: its bytes, and what of it says
// whose error it is. It is no layer: nothing of it arrived here.
func (d *builder) quote(at, end int) {
	d.bytes("quote", at, end-at)
	q, err := inet.ParseQuote(d.b[at:end])
	if err != nil {
		return
	}
	payload, protocol := at+int(d.b[at]&0x0f)*4, at+9
	if q.Src.Is6() {
		payload = d.eachExtension(at, u16(d.b, at+4), func(inet.ExtensionHeader, int) {})
		protocol = at + 6
	}
	d.field("quote_protocol", protocol, 1, Uint(uint64(q.Proto)))
	d.text(inet.ProtoName(q.Proto))
	d.field("quote_fragment_offset", at, payload-at, Uint(uint64(q.FragOffset)))
	n := q.Src.BitLen() / 8
	addresses := at + inet.HeaderLenIPv6 - 32
	if n == 4 {
		addresses = at + 12
	}
	d.address("quote_src", addresses, n)
	d.address("quote_dst", addresses+n, n)
	if _, _, ok := q.Ports(); ok {
		d.uint("quote_src_port", payload, 2)
		d.uint("quote_dst_port", payload+2, 2)
	}
}

func (d *builder) echo(p packet) {
	d.hex("id", p.at+4, 2)
	d.uint("sequence", p.at+6, 2)
	d.bytes("bytes", p.at+8, p.end-p.at-8)
}

// icmpv6 adds an ICMPv6 message, or an MLD one, which is a layer of its own.
func (d *builder) icmpv6(p packet) {
	m, err := inet.ParseICMPv6(d.b[p.at:p.end], p.src, p.dst)
	if err == nil || survivable(err) {
		switch m.Type {
		case inet.ICMPv6MLDQuery, inet.ICMPv6MLDv1Report, inet.ICMPv6MLDv1Done, inet.ICMPv6MLDv2Report:
			d.mld(p)
			return
		}
	}
	d.fail(LayerICMPv6, p.at, err)
	if err != nil && !survivable(err) {
		d.data(p.at, p.end)
		return
	}
	d.icmpHead(LayerICMPv6, p, m, icmpv6Types, err == nil)
	d.icmpv6Body(p, m)
	d.end(p.end)
}

func (d *builder) icmpv6Body(p packet, m inet.ICMP) {
	body := p.at + inet.HeaderLenICMP
	switch m.Type {
	case inet.ICMPv6Echo, inet.ICMPv6EchoReply:
		d.echo(p)
	case inet.ICMPv6PacketTooBig:
		d.uint("mtu", p.at+4, 4)
		d.quote(body, p.end)
	case inet.ICMPv6ParamProblem:
		d.uint("pointer", p.at+4, 4)
		d.quote(body, p.end)
	case inet.ICMPv6RouterSolicitation:
		_, err := inet.ParseRouterSolicitation(m)
		d.ndp(p, body, err)
	case inet.ICMPv6RouterAdvertisement:
		_, err := inet.ParseRouterAdvertisement(m)
		if len(m.Body) >= 8 {
			d.routerAdvertisement(p.at)
			body += 8
		}
		d.ndp(p, body, err)
	case inet.ICMPv6NeighborSolicitation:
		_, err := inet.ParseNeighborSolicitation(m)
		d.ndpTarget(p, m, err)
	case inet.ICMPv6NeighborAdvertisement:
		_, err := inet.ParseNeighborAdvertisement(m)
		d.flag("router", p.at+4, 0x80)
		d.flag("solicited", p.at+4, 0x40)
		d.flag("override", p.at+4, 0x20)
		d.ndpTarget(p, m, err)
	case inet.ICMPv6Redirect:
		_, err := inet.ParseRedirect(m)
		d.redirect(p, m, err)
	default:
		if m.IsErrorV6() {
			d.hex("unused", p.at+4, 4)
			d.quote(body, p.end)
			return
		}
		d.bytes("body", p.at+4, p.end-p.at-4)
	}
}

func (d *builder) routerAdvertisement(at int) {
	d.uint("hop_limit", at+4, 1)
	d.hex("flags", at+5, 1)
	d.uint("router_lifetime", at+6, 2)
	d.text("s")
	d.uint("reachable_time", at+8, 4)
	d.text("ms")
	d.uint("retrans_timer", at+12, 4)
	d.text("ms")
}

func (d *builder) ndpTarget(p packet, m inet.ICMP, err error) {
	body := p.at + inet.HeaderLenICMP
	if len(m.Body) >= 16 {
		d.addr16("target", body)
		body += 16
	}
	d.ndp(p, body, err)
}

func (d *builder) redirect(p packet, m inet.ICMP, err error) {
	body := p.at + inet.HeaderLenICMP
	if len(m.Body) >= 32 {
		d.addr16("target", body)
		d.addr16("destination", body+16)
		body += 32
	}
	d.ndp(p, body, err)
}

// What an option of neighbor discovery is called.
var ndpOptions = map[uint8]string{
	inet.NDPOptSourceLink: "source_link", inet.NDPOptTargetLink: "target_link", inet.NDPOptPrefix: "prefix",
	inet.NDPOptRedirected: "redirected", inet.NDPOptMTU: "mtu", inet.NDPOptNonce: "nonce", inet.NDPOptRouteInfo: "route_info",
	inet.NDPOptRDNSS: "rdnss", inet.NDPOptDNSSL: "dnssl",
}

// ndp adds the options of a neighbor discovery message, as far as they go, and
// the verdict on the message.
func (d *builder) ndp(p packet, at int, err error) {
	d.fail(LayerICMPv6, p.at, err)
	for rest := d.b[at:p.end]; len(rest) > 0; {
		o, next, err := inet.NextNDPOption(rest)
		if err != nil {
			return
		}
		at := p.end - len(rest)
		name := ndpOptions[o.Type]
		if name == "" {
			name = fmt.Sprintf("option-%d", o.Type)
		}
		d.object(name, 0, 0, at, len(o.Data)+2)
		d.ndpOption(o, at+2)
		rest = next
	}
}

func (d *builder) ndpOption(o inet.NDPOption, at int) {
	switch {
	case (o.Type == inet.NDPOptSourceLink || o.Type == inet.NDPOptTargetLink) && len(o.Data) == 6:
		d.mac("link_address", at)
	case o.Type == inet.NDPOptMTU && len(o.Data) == 6:
		d.uint("mtu", at+2, 4)
	case o.Type == inet.NDPOptPrefix && len(o.Data) == 30:
		d.uint("prefix_length", at, 1)
		d.flag("on_link", at+1, 0x80)
		d.flag("autonomous", at+1, 0x40)
		d.uint("valid_lifetime", at+2, 4)
		d.text("s")
		d.uint("preferred_lifetime", at+6, 4)
		d.text("s")
		d.addr16("prefix", at+14)
	case o.Type == inet.NDPOptRedirected && len(o.Data) > 6:
		d.quote(at+6, at+len(o.Data))
	case o.Type == inet.NDPOptRDNSS && len(o.Data) >= 6 && len(o.Data)%16 == 6:
		d.uint("lifetime", at+2, 4)
		d.text("s")
		for i := 6; i < len(o.Data); i += 16 {
			d.addr16("server", at+i)
		}
	default:
		d.bytes("bytes", at, len(o.Data))
	}
}

// igmp adds an IGMP message.
func (d *builder) igmp(p packet) {
	m := &d.scratch.igmp
	err := m.DecodeIGMP(d.b[p.at:p.end])
	d.fail(LayerIGMP, p.at, err)
	if p.end-p.at < 8 {
		d.data(p.at, p.end)
		return
	}
	d.layer(LayerIGMP, p.at)
	d.hex("type", p.at, 1)
	d.hex("code", p.at+1, 1)
	if m.Kind == igmp.KindQuery && m.Query.Version > 1 {
		d.text(m.Query.MaxResp.String())
	}
	d.checksum(p.at+2, inet.Checksum(d.b[p.at:p.end], 0) == 0)
	d.membership(m, membershipForm{at: p.at, end: p.end, group: p.at + 4, addrLen: 4})
	d.end(p.end)
}

// mld adds an MLD message.
func (d *builder) mld(p packet) {
	m := &d.scratch.igmp
	err := m.DecodeMLD(d.b[p.at:p.end], p.src, p.dst)
	d.fail(LayerMLD, p.at, err)
	d.layer(LayerMLD, p.at)
	d.uint("type", p.at, 1)
	d.uint("code", p.at+1, 1)
	d.checksum(p.at+2, inet.Checksum(d.b[p.at:p.end], inet.PseudoHeaderSum(p.src, p.dst, inet.ProtoICMPv6, p.end-p.at)) == 0)
	if m.Kind == igmp.KindQuery {
		d.uint("max_response_code", p.at+4, 2)
		d.text(m.Query.MaxResp.String())
	}
	d.membership(m, membershipForm{at: p.at, end: p.end, group: p.at + 8, addrLen: 16})
	d.end(p.end)
}

// membershipForm is what differs between IGMP and MLD on the wire.
type membershipForm struct{ at, end, group, addrLen int }

func (d *builder) address(name string, at, n int) {
	if n == 4 {
		d.addr4(name, at)
		return
	}
	d.addr16(name, at)
}

// versionName returns "v3-report" and its kin.
func versionName(version uint8, kind igmp.Kind) string {
	const versions = 4
	names := [...][versions]string{
		igmp.KindQuery:  {1: "v1-query", 2: "v2-query", 3: "v3-query"},
		igmp.KindReport: {1: "v1-report", 2: "v2-report", 3: "v3-report"},
	}
	return names[kind][version%versions]
}

// membership adds what a message of IGMP or MLD says, and what follows it in
// its packet.
func (d *builder) membership(m *igmp.Message, f membershipForm) {
	d.message(m, f)
	if n := len(m.Additional); n > 0 {
		d.object("additional", 0, 0, f.end-n, n)
		d.bytes("bytes", f.end-n, n)
	}
}

func (d *builder) message(m *igmp.Message, f membershipForm) {
	switch m.Kind {
	case igmp.KindQuery:
		d.query(&m.Query, f)
	case igmp.KindReport:
		d.kind(versionName(m.Report.Version, m.Kind))
		if m.Report.Group.IsValid() {
			d.address("group", f.group, f.addrLen)
			return
		}
		d.uint("records", f.at+6, 2)
		d.records(m.Report.Records, f)
	case igmp.KindLeave:
		d.kind("leave")
		d.address("group", f.group, f.addrLen)
	default:
		d.kind("unknown")
		d.bytes("body", f.at+4, f.end-f.at-4)
	}
}

func (d *builder) query(q *igmp.Query, f membershipForm) {
	d.kind(versionName(q.Version, igmp.KindQuery))
	d.address("group", f.group, f.addrLen)
	at := f.group + f.addrLen
	if f.end-at < 4 {
		return
	}
	d.flag("suppress", at, 8)
	d.field("qrv", at, 1, Uint(uint64(q.QRV)))
	d.uint("qqic", at+1, 1)
	d.text(q.QQI.String())
	d.uint("sources", at+2, 2)
	for i := range q.Sources {
		d.address("source", at+4+i*f.addrLen, f.addrLen)
	}
}

func (d *builder) records(records []igmp.Record, f membershipForm) {
	at := f.at + 8
	for i := range records {
		r := &records[i]
		fixed := 4 + f.addrLen
		aux := at + fixed + len(r.Sources)*f.addrLen
		d.object("record", 0, 0, at, aux+len(r.Aux)-at)
		d.uint("type", at, 1)
		d.text(r.Type.String())
		d.field("aux_length", at+1, 1, Uint(uint64(len(r.Aux))))
		d.uint("sources", at+2, 2)
		d.address("group", at+4, f.addrLen)
		for j := range r.Sources {
			d.address("source", at+fixed+j*f.addrLen, f.addrLen)
		}
		if len(r.Aux) > 0 {
			d.bytes("aux", aux, len(r.Aux))
		}
		at = aux + len(r.Aux)
	}
}
