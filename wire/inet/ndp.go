package inet

import (
	"encoding/binary"
	"iter"
	"net/netip"
	"time"
)

// NeighborSolicitation asks for a neighbor's link address (RFC 4861 section
// 4.3). Its IP packet has hop limit 255.
type NeighborSolicitation struct {
	Target      netip.Addr
	LinkAddr    MAC // the sender's: Source Link-Layer Address option
	HasLinkAddr bool
	// Options are the raw options; parsed ones alias the input and nil stands
	// for none. AppendTo writes them as they are where they are not nil, and
	// otherwise builds what HasLinkAddr asks for.
	Options []byte
}

// NeighborAdvertisement tells a link address (RFC 4861 section 4.4). Its IP
// packet has hop limit 255.
type NeighborAdvertisement struct {
	Router, Solicited, Override bool
	Target                      netip.Addr
	LinkAddr                    MAC // the target's: Target Link-Layer Address option
	HasLinkAddr                 bool
	Options                     []byte // as in NeighborSolicitation
}

// RouterSolicitation asks for router advertisements (RFC 4861 section 4.1).
type RouterSolicitation struct {
	LinkAddr    MAC // the sender's: Source Link-Layer Address option
	HasLinkAddr bool
	Options     []byte // as in NeighborSolicitation
}

// RouterAdvertisement tells what a router has to say (RFC 4861 section 4.2).
// Of its options, prefixes and those not named here are in Options alone.
type RouterAdvertisement struct {
	HopLimit       uint8 // current hop limit; 0 is unspecified
	Flags          uint8 // NDPManaged, NDPOtherConfig and later ones, as they are
	RouterLifetime time.Duration
	ReachableTime  time.Duration // 0 is unspecified
	RetransTimer   time.Duration // 0 is unspecified
	LinkAddr       MAC           // the sender's: Source Link-Layer Address option
	HasLinkAddr    bool
	MTU            uint32 // MTU option; 0 is none
	Options        []byte // as in NeighborSolicitation
}

// Redirect tells of a better first hop to a destination (RFC 4861 section 4.5).
// Its IP packet has hop limit 255.
type Redirect struct {
	Target      netip.Addr // the better hop: a router's link-local address, or Destination itself
	Destination netip.Addr
	LinkAddr    MAC // the target's: Target Link-Layer Address option
	HasLinkAddr bool
	// Packet is the start of the packet that was redirected, from its IP header
	// on: Redirected Header option. It aliases the input; nil is none. AppendTo
	// keeps of it what fits 1280 bytes and units of 8.
	Packet  []byte
	Options []byte // as in NeighborSolicitation
}

// Flags of a router advertisement (RFC 4861 section 4.2).
const (
	NDPManaged     uint8 = 0x80 // addresses by DHCPv6
	NDPOtherConfig uint8 = 0x40 // other configuration by DHCPv6
)

const (
	naRouter    = 0x80
	naSolicited = 0x40
	naOverride  = 0x20
)

// checkNDP does the checks of RFC 4861 sections 6.1 and 7.1 that need nothing
// but the message: type, code 0, length of the fixed part.
func checkNDP(m ICMP, typ uint8, fixed int) error {
	switch {
	case m.Type != typ:
		return decodeError(LayerICMPv6, "type", 0, ErrUnsupported)
	case m.Code != 0:
		return decodeError(LayerICMPv6, "code", 1, ErrRange)
	case len(m.Body) < fixed:
		return short(LayerICMPv6, HeaderLenICMP+len(m.Body), HeaderLenICMP+fixed)
	}
	return nil
}

// ndpOptions walks the options of m after fixed bytes of body. It returns them
// raw, nil where there are none, and gives each to take.
func ndpOptions(m ICMP, fixed int, take func(NDPOption)) ([]byte, error) {
	raw := m.Body[fixed:]
	if len(raw) == 0 {
		return nil, nil
	}
	for rest := raw; len(rest) > 0; {
		o, next, err := nextNDPOption(rest)
		if err != nil {
			return nil, decodeError(LayerICMPv6, "option", HeaderLenICMP+len(m.Body)-len(rest), err)
		}
		take(o)
		rest = next
	}
	return raw, nil
}

// linkAddr sets mac to the link address in o, if o is of that type, is an
// Ethernet address and is the first one.
func linkAddr(o NDPOption, typ uint8, mac *MAC, has *bool) {
	if o.Type == typ && len(o.Data) == 6 && !*has {
		*mac, *has = MAC(o.Data), true
	}
}

// ndpTarget returns the target of an NS or NA; it must not be multicast.
func ndpTarget(m ICMP) (netip.Addr, error) {
	target := netip.AddrFrom16([16]byte(m.Body[:16]))
	if target.IsMulticast() {
		return netip.Addr{}, decodeError(LayerICMPv6, "target", HeaderLenICMP, ErrAddress)
	}
	return target, nil
}

// ParseNeighborSolicitation reads a neighbor solicitation with the checks of
// RFC 4861 section 7.1.1 that need no IP header.
func ParseNeighborSolicitation(m ICMP) (ns NeighborSolicitation, err error) {
	if err = checkNDP(m, ICMPv6NeighborSolicitation, 16); err != nil {
		return NeighborSolicitation{}, err
	}
	if ns.Target, err = ndpTarget(m); err != nil {
		return NeighborSolicitation{}, err
	}
	ns.Options, err = ndpOptions(m, 16, func(o NDPOption) {
		linkAddr(o, NDPOptSourceLink, &ns.LinkAddr, &ns.HasLinkAddr)
	})
	if err != nil {
		return NeighborSolicitation{}, err
	}
	return ns, nil
}

// ParseNeighborAdvertisement reads a neighbor advertisement with the checks of
// RFC 4861 section 7.1.2 that need no IP header.
func ParseNeighborAdvertisement(m ICMP) (na NeighborAdvertisement, err error) {
	if err = checkNDP(m, ICMPv6NeighborAdvertisement, 16); err != nil {
		return NeighborAdvertisement{}, err
	}
	if na.Target, err = ndpTarget(m); err != nil {
		return NeighborAdvertisement{}, err
	}
	na.Router = m.Rest[0]&naRouter != 0
	na.Solicited = m.Rest[0]&naSolicited != 0
	na.Override = m.Rest[0]&naOverride != 0
	na.Options, err = ndpOptions(m, 16, func(o NDPOption) {
		linkAddr(o, NDPOptTargetLink, &na.LinkAddr, &na.HasLinkAddr)
	})
	if err != nil {
		return NeighborAdvertisement{}, err
	}
	return na, nil
}

// ParseRouterSolicitation reads a router solicitation with the checks of RFC
// 4861 section 6.1.1 that need no IP header.
func ParseRouterSolicitation(m ICMP) (rs RouterSolicitation, err error) {
	if err = checkNDP(m, ICMPv6RouterSolicitation, 0); err != nil {
		return RouterSolicitation{}, err
	}
	rs.Options, err = ndpOptions(m, 0, func(o NDPOption) {
		linkAddr(o, NDPOptSourceLink, &rs.LinkAddr, &rs.HasLinkAddr)
	})
	if err != nil {
		return RouterSolicitation{}, err
	}
	return rs, nil
}

// ParseRouterAdvertisement reads a router advertisement with the checks of RFC
// 4861 section 6.1.2 that need no IP header.
func ParseRouterAdvertisement(m ICMP) (ra RouterAdvertisement, err error) {
	if err = checkNDP(m, ICMPv6RouterAdvertisement, 8); err != nil {
		return RouterAdvertisement{}, err
	}
	ra.HopLimit, ra.Flags = m.Rest[0], m.Rest[1]
	ra.RouterLifetime = time.Duration(binary.BigEndian.Uint16(m.Rest[2:])) * time.Second
	ra.ReachableTime = time.Duration(binary.BigEndian.Uint32(m.Body)) * time.Millisecond
	ra.RetransTimer = time.Duration(binary.BigEndian.Uint32(m.Body[4:])) * time.Millisecond
	ra.Options, err = ndpOptions(m, 8, func(o NDPOption) {
		linkAddr(o, NDPOptSourceLink, &ra.LinkAddr, &ra.HasLinkAddr)
		if o.Type == NDPOptMTU && len(o.Data) == 6 && ra.MTU == 0 {
			ra.MTU = binary.BigEndian.Uint32(o.Data[2:])
		}
	})
	if err != nil {
		return RouterAdvertisement{}, err
	}
	return ra, nil
}

// ParseRedirect reads a redirect with the checks of RFC 4861 section 8.1 that
// need no IP header.
func ParseRedirect(m ICMP) (r Redirect, err error) {
	if err = checkNDP(m, ICMPv6Redirect, 32); err != nil {
		return Redirect{}, err
	}
	if r.Target, err = ndpTarget(m); err != nil {
		return Redirect{}, err
	}
	r.Destination = netip.AddrFrom16([16]byte(m.Body[16:32]))
	switch {
	case r.Destination.IsMulticast():
		return Redirect{}, decodeError(LayerICMPv6, "destination", HeaderLenICMP+16, ErrAddress)
	case !r.Target.IsLinkLocalUnicast() && r.Target != r.Destination:
		return Redirect{}, decodeError(LayerICMPv6, "target", HeaderLenICMP, ErrAddress)
	}
	r.Options, err = ndpOptions(m, 32, func(o NDPOption) {
		linkAddr(o, NDPOptTargetLink, &r.LinkAddr, &r.HasLinkAddr)
		if o.Type == NDPOptRedirected && len(o.Data) > 6 && r.Packet == nil {
			r.Packet = o.Data[6:]
		}
	})
	if err != nil {
		return Redirect{}, err
	}
	return r, nil
}

// Prefixes yields the prefixes that ra tells, without those that break the rules
// of their option.
func (ra RouterAdvertisement) Prefixes() iter.Seq[PrefixInformation] {
	return func(yield func(PrefixInformation) bool) {
		for rest := ra.Options; len(rest) > 0; {
			o, next, err := nextNDPOption(rest)
			if err != nil {
				return
			}
			rest = next
			if o.Type != NDPOptPrefix {
				continue
			}
			if p, err := ParsePrefixInformation(o); err == nil && !yield(p) {
				return
			}
		}
	}
}

// AppendTo appends the ICMPv6 message, with the checksum for a packet from src
// to dst. It fails with ErrAddress where an address is not IPv6 or the target
// is multicast.
func (ns NeighborSolicitation) AppendTo(b []byte, src, dst netip.Addr) ([]byte, error) {
	o := ndpBuild{options: ns.Options, linkType: NDPOptSourceLink, link: ns.LinkAddr, hasLink: ns.HasLinkAddr}
	return appendNDPTarget(b, ICMPv6NeighborSolicitation, 0, ns.Target, o, src, dst)
}

// AppendTo appends the ICMPv6 message, with the checksum for a packet from src
// to dst. It fails with ErrAddress where an address is not IPv6 or the target
// is multicast.
func (na NeighborAdvertisement) AppendTo(b []byte, src, dst netip.Addr) ([]byte, error) {
	var flags byte
	if na.Router {
		flags |= naRouter
	}
	if na.Solicited {
		flags |= naSolicited
	}
	if na.Override {
		flags |= naOverride
	}
	o := ndpBuild{options: na.Options, linkType: NDPOptTargetLink, link: na.LinkAddr, hasLink: na.HasLinkAddr}
	return appendNDPTarget(b, ICMPv6NeighborAdvertisement, flags, na.Target, o, src, dst)
}

// AppendTo appends the ICMPv6 message, with the checksum for a packet from src
// to dst. It fails with ErrAddress where an address is not IPv6.
func (rs RouterSolicitation) AppendTo(b []byte, src, dst netip.Addr) ([]byte, error) {
	start := len(b)
	b = append(b, ICMPv6RouterSolicitation, 0, 0, 0, 0, 0, 0, 0)
	o := ndpBuild{options: rs.Options, linkType: NDPOptSourceLink, link: rs.LinkAddr, hasLink: rs.HasLinkAddr}
	return o.finish(b, start, src, dst)
}

// AppendTo appends the ICMPv6 message, with the checksum for a packet from src
// to dst. Times are rounded down to the units of their fields. It fails with
// ErrAddress where an address is not IPv6 and with ErrRange where a time does
// not fit its field.
func (ra RouterAdvertisement) AppendTo(b []byte, src, dst netip.Addr) ([]byte, error) {
	lifetime := ra.RouterLifetime / time.Second
	reachable, retrans := ra.ReachableTime/time.Millisecond, ra.RetransTimer/time.Millisecond
	switch {
	case lifetime < 0 || lifetime > 0xffff:
		return b, encodeError(LayerICMPv6, "router lifetime", ErrRange)
	case reachable < 0 || reachable > 0xffffffff:
		return b, encodeError(LayerICMPv6, "reachable time", ErrRange)
	case retrans < 0 || retrans > 0xffffffff:
		return b, encodeError(LayerICMPv6, "retransmission timer", ErrRange)
	}
	start := len(b)
	b = append(b, ICMPv6RouterAdvertisement, 0, 0, 0, ra.HopLimit, ra.Flags)
	b = binary.BigEndian.AppendUint16(b, uint16(lifetime))
	b = binary.BigEndian.AppendUint32(b, uint32(reachable))
	b = binary.BigEndian.AppendUint32(b, uint32(retrans))
	o := ndpBuild{options: ra.Options, linkType: NDPOptSourceLink, link: ra.LinkAddr, hasLink: ra.HasLinkAddr, mtu: ra.MTU}
	return o.finish(b, start, src, dst)
}

// AppendTo appends the ICMPv6 message, with the checksum for a packet from src
// to dst. It fails with ErrAddress where an address is not IPv6 and for what
// ParseRedirect refuses of target and destination.
func (r Redirect) AppendTo(b []byte, src, dst netip.Addr) ([]byte, error) {
	if !r.Destination.Is6() || r.Destination.IsMulticast() {
		return b, encodeError(LayerICMPv6, "destination", ErrAddress)
	}
	if !r.Target.IsLinkLocalUnicast() && r.Target != r.Destination {
		return b, encodeError(LayerICMPv6, "target", ErrAddress)
	}
	d := r.Destination.As16()
	o := ndpBuild{options: r.Options, linkType: NDPOptTargetLink, link: r.LinkAddr, hasLink: r.HasLinkAddr,
		destination: d[:], packet: r.Packet}
	return appendNDPTarget(b, ICMPv6Redirect, 0, r.Target, o, src, dst)
}

func appendNDPTarget(b []byte, typ, flags byte, target netip.Addr, o ndpBuild, src, dst netip.Addr) ([]byte, error) {
	if !target.Is6() || target.IsMulticast() {
		return b, encodeError(LayerICMPv6, "target", ErrAddress)
	}
	start := len(b)
	t := target.As16()
	b = append(b, typ, 0, 0, 0, flags, 0, 0, 0)
	b = append(b, t[:]...)
	return o.finish(b, start, src, dst)
}

// ndpBuild is what the end of a neighbor discovery message is built from.
type ndpBuild struct {
	destination []byte // of a redirect; before the options
	options     []byte // raw; where not nil, no other option counts
	linkType    uint8
	link        MAC
	hasLink     bool
	mtu         uint32
	packet      []byte // redirected
}

// finish appends the options to the message that starts at b[start:] and sets
// its checksum.
func (o ndpBuild) finish(b []byte, start int, src, dst netip.Addr) ([]byte, error) {
	if !src.Is6() || !dst.Is6() {
		return b[:start], encodeError(LayerICMPv6, "addresses", ErrAddress)
	}
	b = append(b, o.destination...)
	if o.options != nil {
		b = append(b, o.options...)
	} else {
		b = o.build(b, start)
	}
	PutICMPv6Checksum(b[start:], src, dst)
	return b, nil
}

// build appends the options that the typed fields ask for to the message that
// starts at b[start:].
func (o ndpBuild) build(b []byte, start int) []byte {
	if o.hasLink {
		b = append(b, o.linkType, 1)
		b = append(b, o.link[:]...)
	}
	if o.mtu != 0 {
		b = append(b, NDPOptMTU, 1, 0, 0)
		b = binary.BigEndian.AppendUint32(b, o.mtu)
	}
	const reserved = 8 // type, length and 6 bytes before the redirected packet
	room := minMTU - HeaderLenIPv6 - (len(b) - start) - reserved
	if n := min(len(o.packet), room) &^ 7; n > 0 {
		b = append(b, NDPOptRedirected, byte((reserved+n)/8), 0, 0, 0, 0, 0, 0)
		b = append(b, o.packet[:n]...)
	}
	return b
}
