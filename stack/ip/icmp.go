package ip

import (
	"net/netip"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire/inet"
)

// Causes of ICMP messages, and of KindUnreachable.
const (
	CauseEchoReply       machine.Cause = "ip/icmp/echo-reply"
	CausePortUnreachable machine.Cause = "ip/icmp/port-unreachable"
	CauseUnreachable     machine.Cause = "ip/icmp/unreachable"
	CauseTimeExceeded    machine.Cause = "ip/icmp/time-exceeded"
	CauseTooBig          machine.Cause = "ip/icmp/too-big"
	CauseParamProblem    machine.Cause = "ip/icmp/parameter-problem"
	CauseErrorReceived   machine.Cause = "ip/icmp/error-received"
	CauseNoNeighbor      machine.Cause = "ip/neigh/no-answer"
)

func (m *Machine) handleICMPv4(now machine.Time, p *packet) {
	msg, err := inet.ParseICMPv4(p.payload)
	if err != nil {
		m.counters.DropICMP++
		return
	}
	switch msg.Type {
	case inet.ICMPv4Echo:
		m.echo(now, p, msg)
	case inet.ICMPv4Unreachable:
		if msg.Code == inet.ICMPv4FragNeeded {
			m.tooBig4(now, msg)
			return
		}
		m.icmpError(msg, unreachable4(msg.Code))
	case inet.ICMPv4TimeExceeded:
		m.icmpError(msg, timeExceeded(msg.Code))
	case inet.ICMPv4ParamProblem:
		m.icmpError(msg, ReasonParamProblem)
	case inet.ICMPv4Redirect: // RFC 1122 section 3.2.2.2 lets hosts ignore them
		m.counters.DropRedirect++
	default:
		m.counters.DropICMPType++
	}
}

// unreachable4 classifies an ICMPv4 destination unreachable (RFC 792, RFC 1122
// section 3.2.2.1, RFC 1812 section 5.2.7.1).
func unreachable4(code uint8) Reason {
	switch code {
	case inet.ICMPv4ProtocolUnreachable:
		return ReasonProtocol
	case inet.ICMPv4PortUnreachable:
		return ReasonPort
	case inet.ICMPv4NetUnreachable, inet.ICMPv4SourceRouteFailed, 6, 11: // 6: unknown; 11: for the type of service
		return ReasonNet
	case 9, 10, inet.ICMPv4AdminProhibited, 14, 15: // 9, 10: net and host prohibited; 14, 15: precedence
		return ReasonAdmin
	}
	return ReasonHost // 1, 7: unknown, 8: isolated, 12: for the type of service
}

// timeExceeded classifies a time exceeded of either family.
func timeExceeded(code uint8) Reason {
	if code == inet.ICMPv4ReassemblyExceeded {
		return ReasonReassembly
	}
	return ReasonTTL
}

func (m *Machine) handleICMPv6(now machine.Time, p *packet) {
	msg, err := inet.ParseICMPv6(p.payload, p.src, p.dst)
	if err != nil {
		m.counters.DropICMP++
		return
	}
	if p.src.IsUnspecified() && msg.Type != inet.ICMPv6NeighborSolicitation && msg.Type != inet.ICMPv6RouterSolicitation {
		m.counters.DropSource++
		return
	}
	if p.fragmented && isNDP(msg.Type) { // RFC 6980
		m.counters.DropNDP++
		return
	}
	switch msg.Type {
	case inet.ICMPv6Echo:
		m.echo(now, p, msg)
	case inet.ICMPv6Unreachable:
		m.icmpError(msg, unreachable6(msg.Code))
	case inet.ICMPv6PacketTooBig:
		m.tooBig6(now, msg)
	case inet.ICMPv6TimeExceeded:
		m.icmpError(msg, timeExceeded(msg.Code))
	case inet.ICMPv6ParamProblem:
		m.icmpError(msg, paramProblem6(msg.Code))
	case inet.ICMPv6NeighborSolicitation:
		m.handleSolicitation(now, p, msg)
	case inet.ICMPv6NeighborAdvertisement:
		m.handleAdvertisement(now, p, msg)
	case inet.ICMPv6RouterSolicitation:
		m.handleRouterSolicitation(now, p, msg)
	case inet.ICMPv6RouterAdvertisement:
		m.handleRouterAdvertisement(now, p, msg)
	case inet.ICMPv6Redirect:
		m.counters.DropRedirect++
	case inet.ICMPv6MLDQuery, inet.ICMPv6MLDv1Report, inet.ICMPv6MLDv1Done, inet.ICMPv6MLDv2Report:
		m.handleMembership(now, p)
	default:
		m.counters.DropICMPType++
	}
}

// isNDP reports whether a type is neighbour discovery's.
func isNDP(typ uint8) bool {
	return typ >= inet.ICMPv6RouterSolicitation && typ <= inet.ICMPv6Redirect
}

// unreachable6 classifies an ICMPv6 destination unreachable (RFC 4443 section
// 3.1).
func unreachable6(code uint8) Reason {
	switch code {
	case inet.ICMPv6PortUnreachable:
		return ReasonPort
	case inet.ICMPv6NoRoute, inet.ICMPv6BeyondScope, 6: // 6: reject route
		return ReasonNet
	case inet.ICMPv6AdminProhibited, 5: // 5: source address failed policy
		return ReasonAdmin
	}
	return ReasonHost
}

// paramProblem6 classifies an ICMPv6 parameter problem: an unknown next header
// is IPv6's protocol unreachable (RFC 4443 section 3.4).
func paramProblem6(code uint8) Reason {
	if code == inet.ICMPv6UnknownNextHeader {
		return ReasonProtocol
	}
	return ReasonParamProblem
}

// echo answers an echo request to this node, and in IPv6 also one to a group
// (RFC 4443 section 4.2; RFC 1122 section 3.2.2.6 lets IPv4's be discarded).
func (m *Machine) echo(now machine.Time, p *packet, msg inet.ICMP) {
	group := p.group || p.dst.IsMulticast()
	if group && !p.v6() {
		m.counters.DropEcho++
		return
	}
	id, seq := msg.Echo()
	h := header{src: p.dst, dst: p.src, proto: p.proto, tos: p.tos}
	if group {
		h.src, _ = p.in.source(p.src, p.src) // invalid: the route's
	}
	if p.v6() {
		msg = inet.NewEcho(inet.ICMPv6EchoReply, id, seq, msg.Body)
	} else {
		msg = inet.NewEcho(inet.ICMPv4EchoReply, id, seq, msg.Body)
	}
	if m.sendICMP(now, p.in, &h, msg, CauseEchoReply) {
		m.counters.EchoReplies++
	}
}

// sendICMP routes and sends an ICMP message. It answers what came in by an
// interface, which says where a link-local destination is.
func (m *Machine) sendICMP(now machine.Time, in *iface, h *header, msg inet.ICMP, cause machine.Cause) bool {
	var on *iface
	if h.dst.Is6() && h.dst.IsLinkLocalUnicast() {
		on = in
	}
	t, err := m.route(h.dst, on)
	if err != nil {
		m.counters.DropEncode++
		return false
	}
	if !h.src.IsValid() {
		ok := false
		if h.src, ok = t.out.source(h.dst, t.hop); !ok {
			m.counters.DropEncode++
			return false
		}
	}
	if h.dst.Is4() {
		m.scratch = msg.AppendV4(m.scratch[:0])
	} else if m.scratch, err = msg.AppendV6(m.scratch[:0], h.src, h.dst); err != nil {
		m.counters.DropEncode++
		return false
	}
	start, err := m.build(t.out, h, len(m.scratch))
	if err != nil {
		m.counters.DropEncode++
		return false
	}
	m.arena = append(m.arena, m.scratch...)
	m.dispatch(now, t, start, cause, tagOwn)
	return true
}

// icmpError tells the binding that sent the packet quoted in an ICMP error.
func (m *Machine) icmpError(msg inet.ICMP, reason Reason) {
	q, err := inet.ParseQuote(msg.Body)
	if err != nil {
		m.counters.DropICMP++
		return
	}
	b, sent := m.sender(&q)
	switch {
	case !sent:
		m.counters.DropICMPUnmatched++
	case b != nil:
		m.pushUnreachable(b, &q, reason, 0, CauseErrorReceived)
	}
}

// sender returns who sent a quoted packet, and whether it may have been sent
// here: from one of our addresses, and by a binding, by a registered protocol
// or as the answer to an echo request, for which there is nobody to tell.
func (m *Machine) sender(q *inet.Quote) (b *binding, sent bool) {
	if !m.IsLocal(q.Src) {
		return nil, false
	}
	switch {
	case q.Proto == inet.ProtoUDP:
		if src, _, ok := q.Ports(); ok {
			b = m.udp.lookup(netip.AddrPortFrom(q.Src, src))
		}
		return b, b != nil
	case q.Proto == inet.ProtoICMP && q.Src.Is4():
		return nil, len(q.Payload) > 0 && q.Payload[0] == inet.ICMPv4EchoReply && q.FragOffset == 0
	case q.Proto == inet.ProtoICMPv6 && q.Src.Is6():
		return nil, len(q.Payload) > 0 && q.Payload[0] == inet.ICMPv6EchoReply && q.FragOffset == 0
	}
	return nil, m.registered(q.Proto)
}

// pushUnreachable tells a binding what became of a packet that it sent.
func (m *Machine) pushUnreachable(b *binding, q *inet.Quote, reason Reason, mtu int, cause machine.Cause) {
	src, dst, _ := q.Ports()
	m.counters.UnreachablesDelivered++
	m.out.Push(Output{Kind: KindUnreachable, Handle: b.handle, Local: netip.AddrPortFrom(q.Src, src),
		Remote: netip.AddrPortFrom(q.Dst, dst), Reason: reason, Soft: reason.soft(), MTU: mtu, Cause: cause})
}

// sendUnreachable answers p by destination unreachable with the code of its
// family.
func (m *Machine) sendUnreachable(now machine.Time, p *packet, code4, code6 uint8) {
	cause := CauseUnreachable
	if code4 == inet.ICMPv4PortUnreachable {
		cause = CausePortUnreachable
	}
	if p.v6() {
		m.sendError(now, p, inet.ICMP{Type: inet.ICMPv6Unreachable, Code: code6, Body: inet.QuoteIPv6(p.raw)}, cause)
		return
	}
	m.sendError(now, p, inet.ICMP{Type: inet.ICMPv4Unreachable, Code: code4, Body: inet.QuoteIPv4(p.raw)}, cause)
}

func (m *Machine) sendTimeExceeded(now machine.Time, p *packet) {
	msg := inet.ICMP{Type: inet.ICMPv4TimeExceeded, Body: inet.QuoteIPv4(p.raw)}
	if p.v6() {
		msg = inet.ICMP{Type: inet.ICMPv6TimeExceeded, Body: inet.QuoteIPv6(p.raw)}
	}
	m.sendError(now, p, msg, CauseTimeExceeded)
}

// sendTooBig answers p by Packet Too Big, or fragmentation needed.
func (m *Machine) sendTooBig(now machine.Time, p *packet, mtu int) {
	if p.v6() {
		m.sendError(now, p, inet.NewPacketTooBig(uint32(mtu), p.raw), CauseTooBig)
		return
	}
	m.sendError(now, p, inet.NewFragNeeded(uint16(min(mtu, 0xffff)), p.raw), CauseTooBig)
}

// sendParamProblem answers an IPv6 packet by Parameter Problem.
func (m *Machine) sendParamProblem(now machine.Time, p *packet, code uint8, pointer int) {
	if p.v6() {
		m.sendError(now, p, inet.NewParamProblem(code, uint32(pointer), p.raw), CauseParamProblem)
	}
}

// sendProtocolUnreachable answers a packet of an unknown protocol: in IPv6 by
// Parameter Problem that points at the last Next Header (RFC 8200 section 4).
func (m *Machine) sendProtocolUnreachable(now machine.Time, p *packet) {
	if !p.v6() {
		m.sendUnreachable(now, p, inet.ICMPv4ProtocolUnreachable, 0)
		return
	}
	at, next, rest := 6, p.raw[6], p.raw[inet.HeaderLenIPv6:]
	for next != p.proto {
		x, after, err := inet.NextExtension(next, rest)
		if err != nil {
			return
		}
		at, next, rest = len(p.raw)-len(rest), x.Next, after
	}
	m.sendParamProblem(now, p, inet.ICMPv6UnknownNextHeader, at)
}

// sendError sends an ICMP error about p where one is allowed (RFC 1122 section
// 3.2.2, RFC 4443 section 2.4 e) and the rate allows it.
func (m *Machine) sendError(now machine.Time, p *packet, msg inet.ICMP, cause machine.Cause) {
	if !answerable(p, msg) {
		return
	}
	if !m.allowICMP(now) {
		m.counters.DropICMPLimited++
		return
	}
	h := header{dst: p.src, proto: inet.ProtoICMP}
	if p.v6() {
		h.proto = inet.ProtoICMPv6
	}
	if p.in != nil && m.owner(p.dst, p.in) != nil {
		h.src = p.dst
	}
	if m.sendICMP(now, p.in, &h, msg, cause) {
		m.counters.ICMPErrorsSent++
	}
}

// answerable reports whether msg may be sent about p.
func answerable(p *packet, msg inet.ICMP) bool {
	switch {
	case p.src.IsUnspecified(), p.src.IsMulticast():
		return false
	case p.later: // RFC 1122 section 3.2.2; in IPv6 each may be answered, and none is of an error, which fits any link
		return p.v6() && !p.group && !p.dst.IsMulticast()
	case p.proto == inet.ProtoICMP && !p.v6():
		if len(p.payload) == 0 || (inet.ICMP{Type: p.payload[0]}).IsErrorV4() {
			return false
		}
	case p.proto == inet.ProtoICMPv6 && p.v6():
		if len(p.payload) == 0 || (inet.ICMP{Type: p.payload[0]}).IsErrorV6() || p.payload[0] == inet.ICMPv6Redirect {
			return false
		}
	}
	if !p.group && !p.dst.IsMulticast() {
		return true
	}
	// RFC 4443 section 2.4 (e.3): two errors may be about a group.
	return p.v6() && (msg.Type == inet.ICMPv6PacketTooBig ||
		msg.Type == inet.ICMPv6ParamProblem && msg.Code == inet.ICMPv6UnknownOption)
}

// allowICMP takes one error off the allowance: ICMPBurst at once, ICMPRate a
// second on average. icmpFree is when the errors sent are worked off.
func (m *Machine) allowICMP(now machine.Time) bool {
	each := time.Second / time.Duration(m.cfg.ICMPRate)
	free := max(m.icmpFree, now)
	if free.Sub(now) > each*time.Duration(m.cfg.ICMPBurst-1) {
		return false
	}
	m.icmpFree = free.Add(each)
	return true
}
