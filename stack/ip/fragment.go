package ip

import (
	"encoding/binary"
	"net/netip"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/ip/reasm"
	"github.com/mpstack/mpstack/wire/inet"
)

// CauseReassembly is the cause of the ICMP error about a packet whose
// fragments did not all arrive in time.
const CauseReassembly machine.Cause = "ip/icmp/reassembly-time-exceeded"

// reassemble takes in the fragment p and reports whether it completes its
// packet, which then takes the place of p.
func (m *Machine) reassemble(now machine.Time, p *packet) bool {
	var r reasm.Result
	if p.v6() {
		h, _, err := inet.ParseIPv6(p.raw)
		if err != nil { // it was parsed before
			m.countHeader(err)
			return false
		}
		r = m.reasm.HandleIPv6(now, p.in.index, &h, p.raw)
	} else {
		h, _, err := inet.ParseIPv4(p.raw)
		if err != nil {
			m.countHeader(err)
			return false
		}
		r = m.reasm.HandleIPv4(now, p.in.index, &h, p.raw)
	}
	switch r.Fate {
	case reasm.Complete:
	case reasm.Misaligned, reasm.TooLong: // RFC 8200 section 4.5
		m.sendParamProblem(now, p, inet.ICMPv6ErroneousField, r.Pointer)
		return false
	case reasm.NoHeaders: // RFC 7112 section 5
		m.sendParamProblem(now, p, inet.ICMPv6IncompleteFragments, 0)
		return false
	default:
		return false
	}
	if err := p.parse(r.Whole); err != nil {
		m.countHeader(err)
		return false
	}
	if p.fragment { // a Fragment header within fragments
		m.counters.DropFragment++
		return false
	}
	return true
}

// incomplete tells the source of a packet that its fragments did not all
// arrive in time.
func (m *Machine) incomplete(now machine.Time, o *reasm.Output) {
	q, err := inet.ParseQuote(o.Packet)
	if err != nil {
		m.counters.DropEncode++
		return
	}
	p := packet{in: m.iface(o.If), raw: o.Packet, payload: q.Payload, src: q.Src, dst: q.Dst, proto: q.Proto}
	p.group = p.in != nil && p.in.isBroadcast(p.dst) // no error about a broadcast (RFC 1122 section 3.2.2)
	msg := inet.ICMP{Type: inet.ICMPv4TimeExceeded, Code: inet.ICMPv4ReassemblyExceeded, Body: inet.QuoteIPv4(p.raw)}
	if p.v6() {
		msg = inet.ICMP{Type: inet.ICMPv6TimeExceeded, Code: inet.ICMPv6ReassemblyExceeded, Body: inet.QuoteIPv6(p.raw)}
	}
	m.sendError(now, &p, msg, CauseReassembly)
}

// packetDst returns the destination of an IP packet that was built here.
func packetDst(b []byte) netip.Addr {
	if b[0]>>4 == 4 {
		return netip.AddrFrom4([4]byte(b[16:20]))
	}
	return netip.AddrFrom16([16]byte(b[24:40]))
}

// pushFragments emits an IP packet in fragments of at most mtu bytes: of ours,
// or an IPv4 packet without DF that is forwarded.
func (m *Machine) pushFragments(out *iface, mac inet.MAC, packet []byte, mtu int, cause machine.Cause) {
	m.counters.Fragmented++
	if packet[0]>>4 == 6 {
		m.pushFragments6(out, mac, packet, mtu, cause)
	} else {
		m.pushFragments4(out, mac, packet, mtu, cause)
	}
}

// pushFragments4 cuts an IPv4 packet, which may be a fragment itself (RFC 791
// section 3.2).
func (m *Machine) pushFragments4(out *iface, mac inet.MAC, packet []byte, mtu int, cause machine.Cause) {
	h, payload, err := inet.ParseIPv4(packet)
	if err != nil {
		m.counters.DropEncode++
		return
	}
	more := h.MF
	for len(payload) > 0 {
		n := min((mtu-h.WireLen())&^7, len(payload))
		h.MF = more || n < len(payload)
		start := m.frame(out, false)
		if m.arena, err = h.AppendTo(m.arena, n); err != nil {
			m.counters.DropEncode++
			return
		}
		m.arena = append(m.arena, payload[:n]...)
		m.push(out, mac, m.arena[start:len(m.arena):len(m.arena)], cause)
		m.counters.FragmentsSent++
		payload = payload[n:]
		h.Options = copiedOptions(h.Options)
		h.FragOffset += n
	}
}

// copiedOptions returns those of raw options that all fragments carry, padded;
// the others stand in the first fragment alone (RFC 791 section 3.1).
func copiedOptions(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	for rest := raw; len(rest) > 0; {
		o, after, err := inet.NextIPv4Option(rest)
		if err != nil || o.Type == inet.IPv4OptEnd {
			break
		}
		if o.Type&0x80 != 0 {
			out = append(out, rest[:len(rest)-len(after)]...)
		}
		rest = after
	}
	for len(out)%4 != 0 {
		out = append(out, inet.IPv4OptEnd)
	}
	return out
}

// pushFragments6 cuts an IPv6 packet of ours (RFC 8200 section 4.5). A
// Hop-by-Hop header stands before every fragment.
func (m *Machine) pushFragments6(out *iface, mac inet.MAC, packet []byte, mtu int, cause machine.Cause) {
	const header = 8
	fixed, named := inet.HeaderLenIPv6, 6
	if packet[named] == inet.ProtoHopByHop {
		fixed, named = fixed+8*(1+int(packet[inet.HeaderLenIPv6+1])), inet.HeaderLenIPv6
	}
	id := m.fragmentID()
	payload := packet[fixed:]
	for off := 0; off < len(payload); {
		n := min((mtu-fixed-header)&^7, len(payload)-off)
		field := uint16(off)
		if off+n < len(payload) {
			field |= 1
		}
		start := m.frame(out, true)
		at := len(m.arena)
		m.arena = append(m.arena, packet[:fixed]...)
		m.arena[at+named] = inet.ProtoFragment
		binary.BigEndian.PutUint16(m.arena[at+4:], uint16(fixed-inet.HeaderLenIPv6+header+n))
		m.arena = append(m.arena, packet[named], 0)
		m.arena = binary.BigEndian.AppendUint16(m.arena, field)
		m.arena = binary.BigEndian.AppendUint32(m.arena, id)
		m.arena = append(m.arena, payload[off:off+n]...)
		m.push(out, mac, m.arena[start:len(m.arena):len(m.arena)], cause)
		m.counters.FragmentsSent++
		off += n
	}
}

// fragmentID returns an identification for the fragments of an IPv6 packet: a
// random one, which others cannot foretell (RFC 7739 section 5.3).
func (m *Machine) fragmentID() uint32 {
	if m.cfg.Rand != nil {
		return m.cfg.Rand.Uint32()
	}
	m.ip6ID++
	return m.ip6ID
}
