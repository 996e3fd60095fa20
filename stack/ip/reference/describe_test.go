//go:build netns

package reference_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/mpstack/mpstack/wire/igmp"
	"github.com/mpstack/mpstack/wire/inet"
)

func parseARP(frame []byte) (inet.ARP, bool) {
	h, b, err := inet.ParseEthernet(frame)
	if err != nil || h.Type != inet.EtherTypeARP {
		return inet.ARP{}, false
	}
	a, err := inet.ParseARP(b)
	return a, err == nil
}

func parseNS(frame []byte) (inet.IPv6, inet.NeighborSolicitation, bool) {
	h, m, ok := parseICMPv6(frame)
	if !ok {
		return h, inet.NeighborSolicitation{}, false
	}
	ns, err := inet.ParseNeighborSolicitation(m)
	return h, ns, err == nil
}

func parseICMPv6(frame []byte) (inet.IPv6, inet.ICMP, bool) {
	e, b, err := inet.ParseEthernet(frame)
	if err != nil || e.Type != inet.EtherTypeIPv6 {
		return inet.IPv6{}, inet.ICMP{}, false
	}
	h, payload, err := inet.ParseIPv6(b)
	if err != nil || h.NextHeader != inet.ProtoICMPv6 {
		return h, inet.ICMP{}, false
	}
	m, err := inet.ParseICMPv6(payload, h.Src, h.Dst)
	return h, m, err == nil
}

// parseEchoReply returns the identifier and number of an echo reply, whatever
// its family.
func parseEchoReply(frame []byte) (id, seq uint16, ok bool) {
	if _, m, ok := parseICMPv6(frame); ok && m.Type == inet.ICMPv6EchoReply {
		id, seq = m.Echo()
		return id, seq, true
	}
	e, b, err := inet.ParseEthernet(frame)
	if err != nil || e.Type != inet.EtherTypeIPv4 {
		return 0, 0, false
	}
	h, payload, err := inet.ParseIPv4(b)
	if err != nil || h.Proto != inet.ProtoICMP {
		return 0, 0, false
	}
	m, err := inet.ParseICMPv4(payload)
	if err != nil || m.Type != inet.ICMPv4EchoReply {
		return 0, 0, false
	}
	id, seq = m.Echo()
	return id, seq, true
}

// none is the answer of a host that says nothing.
const none = "none"

// view says what of the record a row is about.
type view struct {
	neighbors bool // ARP requests and neighbour solicitations of the host too
	own       bool // memberships in the groups that IP itself needs too
	header    bool // TTL and DF of datagrams too
	sent      [][]byte
}

// summary says in one line what was heard: the same once with its count, in the
// order in which each came first.
func (v view) summary(frames []heard) string {
	var texts []string
	count := make(map[string]int)
	add := func(s string) {
		if count[s]++; count[s] == 1 {
			texts = append(texts, s)
		}
	}
	parts := make(map[fragmentKey]*reassembly)
	for _, f := range frames {
		for _, s := range v.frame(f.data, parts) {
			add(s)
		}
	}
	for range parts {
		add("incomplete fragments")
	}
	if len(texts) == 0 {
		return none
	}
	for i, s := range texts {
		if n := count[s]; n > 1 {
			texts[i] = fmt.Sprintf("%d × %s", n, s)
		}
	}
	return strings.Join(texts, "; ")
}

// frame says what one frame is; nothing where the row is not about it.
func (v view) frame(frame []byte, parts map[fragmentKey]*reassembly) []string {
	e, b, err := inet.ParseEthernet(frame)
	if err != nil {
		return []string{"malformed frame"}
	}
	var texts []string
	switch e.Type {
	case inet.EtherTypeARP:
		texts = v.arp(e, b)
	case inet.EtherTypeIPv4, inet.EtherTypeIPv6:
		p, err := parsePacket(e, b)
		if err != nil {
			return []string{"malformed packet: " + err.Error()}
		}
		if p = assemble(parts, p); p == nil {
			return nil
		}
		texts = v.packet(p)
	}
	if e.Src != hostMAC {
		for i := range texts {
			texts[i] += " from " + stationOf(e.Src)
		}
	}
	return texts
}

func (v view) arp(e inet.Ethernet, b []byte) []string {
	a, err := inet.ParseARP(b)
	if err != nil {
		return []string{"malformed ARP"}
	}
	target := nameOf(a.TargetIP)
	switch {
	case a.Op == inet.ARPReply:
		s := "ARP reply to " + nameOf(a.TargetIP)
		if e.Dst != a.TargetMAC {
			s += ", sent to " + stationOf(e.Dst)
		}
		if a.SenderIP != host4 || a.SenderMAC != hostMAC {
			s += fmt.Sprintf(", %s is at %s", nameOf(a.SenderIP), a.SenderMAC)
		}
		return []string{s}
	case a.SenderIP == a.TargetIP:
		return []string{"ARP announcement of " + target}
	case a.SenderIP.IsUnspecified():
		return []string{"ARP probe for " + target}
	case !v.neighbors:
		return nil
	case e.Dst == inet.Broadcast:
		return []string{"ARP request for " + target}
	}
	return []string{"unicast ARP request for " + target}
}

// ipPacket is a packet of either family, with the names that both share.
type ipPacket struct {
	eth         inet.Ethernet
	v6          bool
	src, dst    netip.Addr
	proto, ttl  uint8
	tos         uint8
	routerAlert bool
	df          bool
	options     []byte // IPv4
	length      int    // of the whole packet
	payload     []byte
	key         fragmentKey
	offset      int
	more        bool
	fragments   int // that it came in, 0 for a whole packet
	sizes       []int
}

type fragmentKey struct {
	src netip.Addr
	id  uint32
}

func parsePacket(e inet.Ethernet, b []byte) (*ipPacket, error) {
	p := &ipPacket{eth: e}
	if e.Type == inet.EtherTypeIPv4 {
		h, payload, err := inet.ParseIPv4(b)
		p.src, p.dst, p.proto, p.ttl, p.tos, p.payload = h.Src, h.Dst, h.Proto, h.TTL, h.TOS, payload
		p.routerAlert, p.df, p.options, p.length = h.RouterAlert, h.DF, h.Options, h.TotalLen
		p.key, p.offset, p.more = fragmentKey{h.Src, uint32(h.ID)}, h.FragOffset, h.MF
		return p, err
	}
	h, payload, err := inet.ParseIPv6(b)
	p.v6 = true
	p.src, p.dst, p.proto, p.ttl, p.tos, p.payload = h.Src, h.Dst, h.NextHeader, h.HopLimit, h.TrafficClass, payload
	p.routerAlert, p.length = h.RouterAlert, inet.HeaderLenIPv6+h.PayloadLen
	p.key, p.offset, p.more = fragmentKey{h.Src, h.Fragment.ID}, h.Fragment.Offset, h.Fragment.More
	if h.Fragment.Present && !p.more && p.offset == 0 {
		p.fragments = 1
	}
	return p, err
}

// reassembly is what has come of a packet. Hosts are asked to send fragments
// that follow each other; anything else stays incomplete.
type reassembly struct {
	payload []byte
	sizes   []int
}

// assemble returns a whole packet, or nil where more must come.
func assemble(parts map[fragmentKey]*reassembly, p *ipPacket) *ipPacket {
	if !p.more && p.offset == 0 {
		return p
	}
	r := parts[p.key]
	if r == nil {
		r = new(reassembly)
		parts[p.key] = r
	}
	if p.offset != len(r.payload) {
		return nil
	}
	r.payload = append(r.payload, p.payload...)
	r.sizes = append(r.sizes, p.length)
	if p.more {
		return nil
	}
	delete(parts, p.key)
	p.payload, p.fragments, p.sizes = r.payload, len(r.sizes), r.sizes
	return p
}

// packet says what a whole packet is.
func (v view) packet(p *ipPacket) []string {
	var texts []string
	switch {
	case p.proto == inet.ProtoIGMP && !p.v6:
		m, err := igmp.ParseIGMP(p.payload)
		texts = v.membership(p, m, err)
	case p.proto == inet.ProtoICMP && !p.v6:
		m, err := inet.ParseICMPv4(p.payload)
		if err != nil {
			return []string{"malformed ICMP"}
		}
		texts = v.icmpv4(p, m)
	case p.proto == inet.ProtoICMPv6 && p.v6:
		m, err := inet.ParseICMPv6(p.payload, p.src, p.dst)
		if err != nil {
			return []string{"malformed ICMPv6"}
		}
		texts = v.icmpv6(p, m)
	case p.proto == inet.ProtoUDP:
		texts = v.udp(p)
	default:
		texts = []string{"protocol " + inet.ProtoName(p.proto)}
	}
	for i := range texts {
		if p.fragments > 0 {
			texts[i] += fmt.Sprintf(" in %d fragments", p.fragments)
			if len(p.sizes) > 0 {
				texts[i] += fmt.Sprintf(", the largest of %d bytes", slices.Max(p.sizes))
			}
		}
	}
	return texts
}

func (v view) udp(p *ipPacket) []string {
	_, data, err := inet.ParseUDP(p.payload, p.src, p.dst)
	if err != nil {
		return []string{"malformed UDP"}
	}
	s := fmt.Sprintf("datagram to %s (%s)", nameOf(p.dst), size(data))
	if v.header {
		s += fmt.Sprintf(", TTL %d", p.ttl)
		if p.df {
			s += ", DF"
		}
	}
	if p.eth.Dst != proberMAC && !p.dst.IsMulticast() {
		s += ", by " + stationOf(p.eth.Dst)
	}
	return []string{s}
}

// size says how long data is and whether it is as pattern made it.
func size(data []byte) string {
	if !bytes.Equal(data, pattern(len(data))) {
		return fmt.Sprintf("%d bytes, altered", len(data))
	}
	return fmt.Sprintf("%d bytes", len(data))
}

func (v view) icmpv4(p *ipPacket, m inet.ICMP) []string {
	switch {
	case m.Type == inet.ICMPv4EchoReply:
		return v.echoReply(p, m)
	case m.IsErrorV4():
		return []string{v.icmpError(p, m)}
	case m.Type == 14:
		return []string{"timestamp reply"}
	}
	return []string{fmt.Sprintf("ICMP %d/%d", m.Type, m.Code)}
}

func (v view) icmpv6(p *ipPacket, m inet.ICMP) []string {
	switch m.Type {
	case inet.ICMPv6EchoReply:
		return v.echoReply(p, m)
	case inet.ICMPv6MLDQuery, inet.ICMPv6MLDv1Report, inet.ICMPv6MLDv1Done, inet.ICMPv6MLDv2Report:
		msg, err := igmp.ParseMLD(p.payload, p.src, p.dst)
		return v.membership(p, msg, err)
	case inet.ICMPv6NeighborSolicitation:
		return v.solicitation(p, m)
	case inet.ICMPv6NeighborAdvertisement:
		return []string{advertisement(p, m)}
	case inet.ICMPv6RouterSolicitation:
		return []string{"router solicitation"}
	}
	if m.IsErrorV6() {
		return []string{v.icmpError(p, m)}
	}
	return []string{fmt.Sprintf("ICMPv6 %d/%d", m.Type, m.Code)}
}

// echoReply leaves out the replies to the prober's own requests.
func (v view) echoReply(p *ipPacket, m inet.ICMP) []string {
	id, _ := m.Echo()
	if id == pingID {
		return nil
	}
	s := fmt.Sprintf("echo reply (%s)", size(m.Body))
	if p.src != host4 && p.src != host6 && p.src != hostLL {
		s += " from " + nameOf(p.src)
	}
	if id != echoID {
		s += ", another identifier"
	}
	if len(p.options) > 0 {
		s += fmt.Sprintf(", options % x", p.options)
	}
	if p.tos != 0 {
		s += fmt.Sprintf(", TOS 0x%02x", p.tos)
	}
	if p.eth.Dst != proberMAC {
		s += ", sent to " + stationOf(p.eth.Dst)
	}
	return []string{s}
}

// icmpErrors names the errors of both families.
var icmpErrors = map[bool]map[[2]uint8]string{
	false: {
		{3, 0}: "net unreachable", {3, 1}: "host unreachable", {3, 2}: "protocol unreachable", {3, 3}: "port unreachable",
		{3, 4}: "fragmentation needed", {11, 0}: "TTL exceeded", {11, 1}: "reassembly time exceeded", {12, 0}: "parameter problem",
	},
	true: {
		{1, 0}: "no route", {1, 3}: "address unreachable", {1, 4}: "port unreachable", {2, 0}: "packet too big",
		{3, 0}: "hop limit exceeded", {3, 1}: "reassembly time exceeded", {4, 0}: "erroneous header field",
		{4, 1}: "unrecognized next header", {4, 2}: "unrecognized option", {4, 3}: "incomplete header chain",
	},
}

func (v view) icmpError(p *ipPacket, m inet.ICMP) string {
	name := icmpErrors[p.v6][[2]uint8{m.Type, m.Code}]
	if name == "" {
		name = "ICMP error"
	}
	s := fmt.Sprintf("%s (%d/%d)", name, m.Type, m.Code)
	switch {
	case p.v6 && m.Type == inet.ICMPv6ParamProblem:
		s += fmt.Sprintf(" at %d", m.Pointer())
	case !p.v6 && m.Type == inet.ICMPv4ParamProblem:
		s += fmt.Sprintf(" at %d", m.PointerV4())
	}
	if n := p.length; n > 500 {
		s += fmt.Sprintf(" of %d bytes", n)
	}
	if !slices.ContainsFunc(v.sent, func(sent []byte) bool { return bytes.HasPrefix(sent, m.Body) }) {
		s += ", quoting what was not sent"
	}
	if p.src != host4 && p.src != host6 && p.src != hostLL {
		s += " from " + nameOf(p.src)
	}
	return s
}

func (v view) solicitation(p *ipPacket, m inet.ICMP) []string {
	ns, err := inet.ParseNeighborSolicitation(m)
	if err != nil {
		return []string{"malformed neighbour solicitation"}
	}
	s := "NS for " + nameOf(ns.Target)
	switch {
	case p.src.IsUnspecified():
		s = "DAD " + s
		if ns.HasLinkAddr {
			s += " with a link-layer address"
		}
	case !v.neighbors:
		return nil
	case !p.dst.IsMulticast():
		s = "unicast " + s
	case !ns.HasLinkAddr:
		s += " without a link-layer address"
	}
	if p.dst.IsMulticast() && p.dst != inet.SolicitedNode(ns.Target) {
		s += " sent to " + p.dst.String()
	}
	if p.ttl != 255 {
		s += fmt.Sprintf(" with hop limit %d", p.ttl)
	}
	return []string{s}
}

func advertisement(p *ipPacket, m inet.ICMP) string {
	na, err := inet.ParseNeighborAdvertisement(m)
	if err != nil {
		return "malformed neighbour advertisement"
	}
	s := "NA"
	for _, f := range []struct {
		set  bool
		text string
	}{{na.Router, " R"}, {na.Solicited, " S"}, {na.Override, " O"}} {
		if f.set {
			s += f.text
		}
	}
	switch {
	case !na.HasLinkAddr:
		s += ", no link-layer address"
	case na.LinkAddr != hostMAC:
		s += ", link-layer address " + stationOf(na.LinkAddr)
	}
	s += ", to "
	if p.dst == igmp.AllNodes6 {
		s += "all nodes"
	} else {
		s += nameOf(p.dst)
	}
	if t := nameOf(na.Target); t != "host" {
		s += ", for " + t
	}
	if p.ttl != 255 {
		s += fmt.Sprintf(", hop limit %d", p.ttl)
	}
	return s
}
