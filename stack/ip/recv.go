package ip

import (
	"errors"
	"net/netip"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire/inet"
)

// packet is an IP packet received, or sent to ourselves.
type packet struct {
	in          *iface
	raw         []byte // from the IP header to the end of the packet
	payload     []byte // of proto
	src, dst    netip.Addr
	proto       uint8
	ttl, tos    uint8
	routerAlert bool
	df          bool
	fragment    bool // one of several
	later       bool // a fragment, and not the first one
	fragmented  bool // IPv6: has or had a Fragment header
	group       bool // came in a multicast or broadcast frame
	looped      bool // never left this machine
	sourceRoute bool // IPv4: has a source route, finished or not
	hopProblem  inet.OptionProblem
	dstProblem  inet.OptionProblem
	routing     inet.RoutingHeader
}

func (p *packet) v6() bool { return p.dst.Is6() }

// HandleFrame takes in one Ethernet frame without FCS received on interface
// inIf. data is valid until the outputs of the call are drained.
func (m *Machine) HandleFrame(now machine.Time, inIf int, data []byte) {
	now = m.begin(now)
	m.counters.FramesIn++
	f := m.iface(inIf)
	switch {
	case f == nil:
		m.counters.DropUnknownIf++
		return
	case !f.up:
		m.counters.DropInterfaceDown++
		return
	}
	eth, payload, err := inet.ParseEthernet(data)
	switch {
	case err != nil || eth.Type.IsLength() || eth.Src.IsMulticast():
		m.counters.DropEthernet++
		return
	case eth.Tags[0].Type != 0:
		m.counters.DropVLAN++
		return
	case eth.Src == f.mac:
		m.counters.DropOwnMAC++
		return
	case eth.Dst != f.mac && !eth.Dst.IsMulticast():
		m.counters.DropOtherMAC++
		return
	}
	switch eth.Type {
	case inet.EtherTypeARP:
		m.handleARP(now, f, payload)
	case inet.EtherTypeIPv4:
		m.handleIPv4(now, f, payload, eth.Dst.IsMulticast())
	case inet.EtherTypeIPv6:
		m.handleIPv6(now, f, payload, eth.Dst.IsMulticast())
	default:
		m.counters.DropEtherType++
	}
	m.drain(now)
}

func (m *Machine) handleIPv4(now machine.Time, f *iface, b []byte, grouped bool) {
	p := packet{in: f, group: grouped}
	if err := p.parse4(b); err != nil {
		m.countHeader(err)
		return
	}
	if !f.v4 {
		m.counters.DropFamily++
		return
	}
	m.input(now, &p)
}

func (m *Machine) handleIPv6(now machine.Time, f *iface, b []byte, grouped bool) {
	p := packet{in: f, group: grouped}
	if err := p.parse6(b); err != nil {
		m.countHeader(err)
		if errors.Is(err, inet.ErrUnsupported) && f.v6 {
			m.misplaced(now, f, b)
		}
		return
	}
	if !f.v6 {
		m.counters.DropFamily++
		return
	}
	m.input(now, &p)
}

// parse sets what b, an IPv4 or IPv6 packet, says of itself.
func (p *packet) parse(b []byte) error {
	if len(b) > 0 && b[0]>>4 == 4 {
		return p.parse4(b)
	}
	return p.parse6(b)
}

func (p *packet) parse4(b []byte) error {
	h, payload, err := inet.ParseIPv4(b)
	if err != nil {
		return err
	}
	p.raw, p.payload = b[:h.TotalLen:h.TotalLen], payload
	p.src, p.dst, p.proto, p.ttl, p.tos = h.Src, h.Dst, h.Proto, h.TTL, h.TOS
	p.routerAlert, p.df, p.fragment, p.later = h.RouterAlert, h.DF, h.Fragment(), h.FragOffset > 0
	p.sourceRoute = len(h.Options) > 0 && hasSourceRoute(h.Options)
	return nil
}

// Source routes (RFC 791 section 3.1).
const (
	optLooseRoute  = 131
	optStrictRoute = 137
)

func hasSourceRoute(options []byte) bool {
	for len(options) > 0 {
		o, rest, err := inet.NextIPv4Option(options)
		if err != nil || o.Type == inet.IPv4OptEnd {
			return false
		}
		if o.Type == optLooseRoute || o.Type == optStrictRoute {
			return true
		}
		options = rest
	}
	return false
}

func (p *packet) parse6(b []byte) error {
	h, payload, err := inet.ParseIPv6(b)
	if err != nil {
		return err
	}
	n := inet.HeaderLenIPv6 + h.PayloadLen
	p.raw, p.payload = b[:n:n], payload
	p.src, p.dst, p.proto, p.ttl, p.tos = h.Src, h.Dst, h.NextHeader, h.HopLimit, h.TrafficClass
	p.routerAlert, p.df = h.RouterAlert, true
	p.later = h.Fragment.Offset > 0
	p.fragment = h.Fragment.More || p.later
	p.fragmented = p.fragmented || h.Fragment.Present
	p.hopProblem, p.dstProblem, p.routing = h.HopByHopProblem, h.DestinationProblem, h.Routing
	return nil
}

func (m *Machine) countHeader(err error) {
	switch {
	case errors.Is(err, inet.ErrChecksum):
		m.counters.DropHeaderChecksum++
	case errors.Is(err, inet.ErrTruncated):
		m.counters.DropTruncated++
	default:
		m.counters.DropHeader++
	}
}

// misplaced tells the sender of an IPv6 packet to this node about a Hop-by-Hop
// header that is not the first: it counts as an unknown next header (RFC 8200
// section 4.1).
func (m *Machine) misplaced(now machine.Time, f *iface, b []byte) {
	b = b[:min(inet.HeaderLenIPv6+int(b[4])<<8+int(b[5]), len(b))]
	p := packet{in: f, raw: b, proto: inet.ProtoHopByHop, src: netip.AddrFrom16([16]byte(b[8:24])), dst: netip.AddrFrom16([16]byte(b[24:40]))}
	if m.owner(p.dst, f) == nil || !m.checkAddresses(&p) {
		return
	}
	at, next, rest := 6, b[6], b[inet.HeaderLenIPv6:]
	for first := true; first || next != inet.ProtoHopByHop; first = false {
		x, after, err := inet.NextExtension(next, rest)
		if err != nil {
			return
		}
		at, next, rest = len(b)-len(rest), x.Next, after
	}
	m.sendParamProblem(now, &p, inet.ICMPv6UnknownNextHeader, at)
}

// input sorts a packet: to this node, to a group, or to be forwarded.
func (m *Machine) input(now machine.Time, p *packet) {
	if !m.checkAddresses(p) {
		return
	}
	m.counters.PacketsIn++
	if p.sourceRoute { // RFC 7126 sections 4.3 and 4.4
		m.counters.DropSourceRoute++
		return
	}
	if m.optionProblem(now, p, p.hopProblem) {
		return
	}
	switch {
	case p.dst.IsMulticast():
		m.inputMulticast(now, p)
	case m.owner(p.dst, p.in) != nil:
		if p.group { // RFC 1122 section 3.3.6
			m.counters.DropDestination++
			return
		}
		m.deliver(now, p)
	case p.in.isBroadcast(p.dst):
		p.group = true
		m.deliver(now, p)
	case m.router == nil || p.group:
		m.counters.DropNotOurs++
	default:
		m.forward(now, p)
	}
}

// checkAddresses drops packets whose addresses cannot be (RFC 1122 section
// 3.2.1.3, RFC 1812 section 5.3.7, RFC 4291 section 2.5). A source may be
// unspecified where the protocol provides for it: membership reports and, in
// IPv6, solicitations.
func (m *Machine) checkAddresses(p *packet) bool {
	switch {
	case p.looped:
		return true
	case p.src.IsMulticast(), p.src.IsLoopback(), p.src.Is4In6(), p.in.isBroadcast(p.src),
		reserved4(p.src) && !p.src.IsUnspecified(), p.src.IsUnspecified() && !mayBeUnspecified(p):
		m.counters.DropSource++
		return false
	case m.owner(p.src, p.in) != nil:
		m.counters.DropOwnSource++
		return false
	case p.dst.IsUnspecified(), p.dst.IsLoopback(), p.dst.Is4In6(), reserved4(p.dst) && !p.in.isBroadcast(p.dst),
		p.dst.Is6() && p.dst.IsMulticast() && p.dst.As16()[1]&0x0f <= 1: // RFC 4291 section 2.7: interface-local and reserved scopes
		m.counters.DropDestination++
		return false
	}
	return true
}

// reserved4 reports whether an IPv4 address is of no host or group: 0/8 and
// 240/4 (RFC 1122 section 3.2.1.3, RFC 1112 section 4).
func reserved4(a netip.Addr) bool {
	if !a.Is4() {
		return false
	}
	first := a.As4()[0]
	return first == 0 || first >= 240
}

func mayBeUnspecified(p *packet) bool {
	if p.v6() {
		return p.proto == inet.ProtoICMPv6
	}
	return p.proto == inet.ProtoIGMP
}

// inputMulticast delivers a multicast packet to the members here and, on a
// router, intercepts or forwards it.
func (m *Machine) inputMulticast(now machine.Time, p *packet) {
	if !(p.v6() && p.fragment) && m.isMembershipMessage(p) {
		m.handleMembership(now, p)
		return
	}
	member := isAllHosts(p.dst) || m.host.Receives(p.in.index, p.dst, p.src)
	if m.router != nil && m.intercepts(p) {
		m.intercept(now, p, member)
		return
	}
	if member {
		own := *p // which may become a whole packet, while p is one fragment of it
		m.deliver(now, &own)
	}
	switch {
	case m.router != nil:
		m.forwardMulticast(now, p, member)
	case !member:
		m.counters.DropNotMember++
	}
}

// intercepts reports whether the packet is one that Config.Intercept names.
func (m *Machine) intercepts(p *packet) bool {
	for _, i := range m.cfg.Intercept {
		if i.Proto == p.proto && (p.routerAlert || !i.RouterAlert) {
			return true
		}
	}
	return false
}

// intercept hands up a packet that is to be intercepted, when it is whole.
func (m *Machine) intercept(now machine.Time, p *packet, toUs bool) {
	if p.fragment && !m.reassemble(now, p) {
		return
	}
	if !m.intercepts(p) { // an IPv6 fragment named another protocol than the first one does
		m.counters.DropFragment++
		return
	}
	m.pushPacket(p, toUs)
}

// registered reports whether packets of proto to this node are handed up.
func (m *Machine) registered(proto uint8) bool {
	for _, i := range m.cfg.Intercept {
		if i.Proto == proto {
			return true
		}
	}
	return false
}

func (m *Machine) pushPacket(p *packet, toUs bool) {
	if toUs {
		m.counters.Delivered++
	} else {
		m.counters.Intercepted++
	}
	m.out.Push(Output{Kind: KindPacket, InIf: p.in.index, Src: p.src, Dst: p.dst, Proto: p.proto, TTL: p.ttl, TOS: p.tos,
		RouterAlert: p.routerAlert, ToUs: toUs, Payload: p.payload})
}

// deliver hands a packet to this node's own protocols.
func (m *Machine) deliver(now machine.Time, p *packet) {
	switch {
	case p.fragment && !m.reassemble(now, p):
		return
	case p.routing.Present && p.routing.SegmentsLeft > 0: // RFC 5095
		m.counters.DropOption++
		m.sendParamProblem(now, p, inet.ICMPv6ErroneousField, p.routing.Offset)
		return
	case m.optionProblem(now, p, p.dstProblem):
		return
	}
	switch {
	case p.proto == inet.ProtoUDP:
		m.deliverUDP(now, p)
	case p.proto == inet.ProtoICMP && !p.v6():
		m.handleICMPv4(now, p)
	case p.proto == inet.ProtoICMPv6 && p.v6():
		m.handleICMPv6(now, p)
	case p.proto == inet.ProtoIGMP && !p.v6():
		m.handleMembership(now, p)
	case m.registered(p.proto):
		m.pushPacket(p, true)
	case p.proto == inet.ProtoNoNext && p.v6(): // RFC 8200 section 4.7: what follows is ignored
		m.counters.DropNoNext++
	default:
		m.counters.DropProtocol++
		m.sendProtocolUnreachable(now, p)
	}
}

// optionProblem drops a packet with an IPv6 option that is not known and says
// that it has to be (RFC 8200 section 4.2).
func (m *Machine) optionProblem(now machine.Time, p *packet, problem inet.OptionProblem) bool {
	if problem == (inet.OptionProblem{}) {
		return false
	}
	m.counters.DropOption++
	switch inet.OptionAction(problem.Type) {
	case inet.ActionReport:
		m.sendParamProblem(now, p, inet.ICMPv6UnknownOption, problem.Offset)
	case inet.ActionReportIfUnicast:
		if !p.dst.IsMulticast() {
			m.sendParamProblem(now, p, inet.ICMPv6UnknownOption, problem.Offset)
		}
	}
	return true
}
