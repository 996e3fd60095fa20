package inet

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// NDP option types (RFC 4861 section 4.6 where nothing else is said).
const (
	NDPOptSourceLink uint8 = 1
	NDPOptTargetLink uint8 = 2
	NDPOptPrefix     uint8 = 3  // PrefixInformation
	NDPOptRedirected uint8 = 4  // Redirect.Packet
	NDPOptMTU        uint8 = 5  // RouterAdvertisement.MTU
	NDPOptNonce      uint8 = 14 // RFC 3971 section 5.3.2
	NDPOptRouteInfo  uint8 = 24 // RFC 4191 section 2.3
	NDPOptRDNSS      uint8 = 25 // RFC 8106 section 5.1: RecursiveDNS
	NDPOptDNSSL      uint8 = 31 // RFC 8106 section 5.2
)

// NDPOption is one option of a neighbor discovery message.
type NDPOption struct {
	Type uint8
	Data []byte // without type and length, 8n+6 bytes; aliases the input
}

// NextNDPOption returns the first option of b and what follows it. Errors are
// ErrTruncated and, for a length of 0, ErrLength (RFC 4861 section 4.6: the
// packet is to be discarded), at an offset from the start of b.
func NextNDPOption(b []byte) (o NDPOption, rest []byte, err error) {
	if o, rest, err = nextNDPOption(b); err != nil {
		return NDPOption{}, nil, decodeError(LayerICMPv6, "option", 0, err)
	}
	return o, rest, nil
}

// nextNDPOption is NextNDPOption with the bare reason as its error.
func nextNDPOption(b []byte) (o NDPOption, rest []byte, err error) {
	if len(b) < 2 {
		return NDPOption{}, nil, ErrTruncated
	}
	n := int(b[1]) * 8
	if n == 0 {
		return NDPOption{}, nil, ErrLength
	}
	if n > len(b) {
		return NDPOption{}, nil, ErrTruncated
	}
	return NDPOption{Type: b[0], Data: b[2:n:n]}, b[n:], nil
}

// AppendTo appends the option. It fails with ErrLength where the data do not
// fill units of 8 bytes, of which the first has 6, and with ErrTooLong above
// 2038 bytes.
func (o NDPOption) AppendTo(b []byte) ([]byte, error) {
	n := len(o.Data) + 2
	switch {
	case n%8 != 0:
		return b, encodeError(LayerICMPv6, "option", ErrLength)
	case n > 255*8:
		return b, encodeError(LayerICMPv6, "option", ErrTooLong)
	}
	return append(append(b, o.Type, byte(n/8)), o.Data...), nil
}

// PrefixInformation is the option of a router advertisement that tells an
// on-link prefix or one to form addresses from (RFC 4861 section 4.6.2).
type PrefixInformation struct {
	Prefix            netip.Prefix
	OnLink            bool
	Autonomous        bool
	ValidLifetime     time.Duration // NDPInfinite stands for no end
	PreferredLifetime time.Duration // NDPInfinite stands for no end
}

// NDPInfinite is the lifetime without end, 0xffffffff seconds on the wire.
const NDPInfinite = 0xffffffff * time.Second

// ParsePrefixInformation reads a Prefix Information option. Bits of the prefix
// after its length are cleared, as RFC 4861 section 4.6.2 says to ignore them.
func ParsePrefixInformation(o NDPOption) (PrefixInformation, error) {
	switch {
	case o.Type != NDPOptPrefix:
		return PrefixInformation{}, decodeError(LayerICMPv6, "option type", 0, ErrUnsupported)
	case len(o.Data) != 30:
		return PrefixInformation{}, decodeError(LayerICMPv6, "Prefix Information", 1, ErrLength)
	case o.Data[0] > 128:
		return PrefixInformation{}, decodeError(LayerICMPv6, "prefix length", 2, ErrRange)
	}
	seconds := func(at int) time.Duration {
		return time.Duration(binary.BigEndian.Uint32(o.Data[at:])) * time.Second
	}
	return PrefixInformation{
		Prefix:            netip.PrefixFrom(netip.AddrFrom16([16]byte(o.Data[14:30])), int(o.Data[0])).Masked(),
		OnLink:            o.Data[1]&0x80 != 0,
		Autonomous:        o.Data[1]&0x40 != 0,
		ValidLifetime:     seconds(2),
		PreferredLifetime: seconds(6),
	}, nil
}

// AppendTo appends the option, for RouterAdvertisement.Options. It fails with
// ErrAddress unless the prefix is IPv6 and with ErrRange where a lifetime does
// not fit.
func (p PrefixInformation) AppendTo(b []byte) ([]byte, error) {
	if !p.Prefix.IsValid() || !p.Prefix.Addr().Is6() {
		return b, encodeError(LayerICMPv6, "prefix", ErrAddress)
	}
	if p.ValidLifetime < 0 || p.ValidLifetime > NDPInfinite || p.PreferredLifetime < 0 || p.PreferredLifetime > NDPInfinite {
		return b, encodeError(LayerICMPv6, "prefix lifetime", ErrRange)
	}
	var flags byte
	if p.OnLink {
		flags |= 0x80
	}
	if p.Autonomous {
		flags |= 0x40
	}
	a := p.Prefix.Masked().Addr().As16()
	b = append(b, NDPOptPrefix, 4, byte(p.Prefix.Bits()), flags)
	b = binary.BigEndian.AppendUint32(b, uint32(p.ValidLifetime/time.Second))
	b = binary.BigEndian.AppendUint32(b, uint32(p.PreferredLifetime/time.Second))
	b = append(b, 0, 0, 0, 0)
	return append(b, a[:]...), nil
}

// RecursiveDNS is the Recursive DNS Server option of a router advertisement
// (RFC 8106 section 5.1).
type RecursiveDNS struct {
	Lifetime time.Duration // NDPInfinite stands for no end, 0 for servers not to be used any more
	Servers  []byte        // addresses of 16 bytes, at least one; aliases the input
}

// ParseRecursiveDNS reads a Recursive DNS Server option. It fails with ErrLength
// where its data are not addresses.
func ParseRecursiveDNS(o NDPOption) (RecursiveDNS, error) {
	switch {
	case o.Type != NDPOptRDNSS:
		return RecursiveDNS{}, decodeError(LayerICMPv6, "option type", 0, ErrUnsupported)
	case len(o.Data) < 22 || len(o.Data)%16 != 6:
		return RecursiveDNS{}, decodeError(LayerICMPv6, "Recursive DNS Server", 1, ErrLength)
	}
	return RecursiveDNS{
		Lifetime: time.Duration(binary.BigEndian.Uint32(o.Data[2:])) * time.Second,
		Servers:  o.Data[6:],
	}, nil
}

// Len returns the number of servers.
func (d RecursiveDNS) Len() int { return len(d.Servers) / 16 }

// Server returns the address number i, from 0 to Len()-1.
func (d RecursiveDNS) Server(i int) netip.Addr {
	return netip.AddrFrom16([16]byte(d.Servers[16*i:]))
}

// AppendTo appends the option, for RouterAdvertisement.Options. It fails with
// ErrRange where the lifetime does not fit, and with ErrLength or ErrTooLong
// where the servers are not addresses, none or more than 127.
func (d RecursiveDNS) AppendTo(b []byte) ([]byte, error) {
	switch {
	case d.Lifetime < 0 || d.Lifetime > NDPInfinite:
		return b, encodeError(LayerICMPv6, "Recursive DNS Server lifetime", ErrRange)
	case len(d.Servers) == 0 || len(d.Servers)%16 != 0:
		return b, encodeError(LayerICMPv6, "Recursive DNS Server", ErrLength)
	case d.Len() > 127:
		return b, encodeError(LayerICMPv6, "Recursive DNS Server", ErrTooLong)
	}
	b = append(b, NDPOptRDNSS, byte(1+2*d.Len()), 0, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(d.Lifetime/time.Second))
	return append(b, d.Servers...), nil
}
