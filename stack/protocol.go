package stack

import (
	"net/netip"

	"github.com/mpstack/mpstack/stack/winsock"
	wirempj "github.com/mpstack/mpstack/wire/mpj"
)

// Protocol is one entry of the catalogue (WSAPROTOCOL_INFO): what
// WSAEnumProtocols lists and WSASocket takes (W86-W89).
type Protocol struct {
	Name          string
	IPv6          bool   // AF_INET6; else AF_INET
	ServiceFlags1 uint32 // XP1 bits
}

// xp1UDP and xp1MPJ are the service flags of the two kinds of entries.
const (
	xp1UDP = winsock.XP1_CONNECTIONLESS | winsock.XP1_MESSAGE_ORIENTED |
		winsock.XP1_SUPPORT_BROADCAST | winsock.XP1_SUPPORT_MULTIPOINT | winsock.XP1_QOS_SUPPORTED
	xp1MPJ = winsock.XP1_CONNECTIONLESS | winsock.XP1_MESSAGE_ORIENTED | winsock.XP1_CONNECT_DATA |
		winsock.XP1_SUPPORT_MULTIPOINT | winsock.XP1_MULTIPOINT_CONTROL_PLANE |
		winsock.XP1_MULTIPOINT_DATA_PLANE | winsock.XP1_QOS_SUPPORTED
)

// The catalogue's entries.
var (
	// UDPIPv4 and UDPIPv6 are IP multicast: nonrooted control and data, no
	// connect data.
	UDPIPv4 = Protocol{Name: "UDP/IP multicast", ServiceFlags1: xp1UDP}
	UDPIPv6 = Protocol{Name: "UDP/IPv6 multicast", IPv6: true, ServiceFlags1: xp1UDP}
	// MPJIPv4 and MPJIPv6 are the join protocol: rooted control and data,
	// connect data.
	MPJIPv4 = Protocol{Name: "MPJ/IP rooted multipoint", ServiceFlags1: xp1MPJ}
	MPJIPv6 = Protocol{Name: "MPJ/IPv6 rooted multipoint", IPv6: true, ServiceFlags1: xp1MPJ}
)

// EnumProtocols returns the catalogue.
func EnumProtocols() []Protocol {
	return []Protocol{UDPIPv4, UDPIPv6, MPJIPv4, MPJIPv6}
}

func (p Protocol) has(flag uint32) bool { return p.ServiceFlags1&flag != 0 }

// rooted reports whether control is rooted: joins are made by MPJ.
func (p Protocol) rooted() bool { return p.has(winsock.XP1_MULTIPOINT_CONTROL_PLANE) }

// planes returns the planes of the join protocol.
func (p Protocol) planes() (planes wirempj.Planes) {
	if p.has(winsock.XP1_MULTIPOINT_CONTROL_PLANE) {
		planes |= wirempj.RootedControl
	}
	if p.has(winsock.XP1_MULTIPOINT_DATA_PLANE) {
		planes |= wirempj.RootedData
	}
	return planes
}

// takes reports whether a is an address of the entry's family.
func (p Protocol) takes(a netip.Addr) bool {
	return a.IsValid() && !a.Is4In6() && a.Is6() == p.IPv6
}

// any returns the family's unspecified address.
func (p Protocol) any() netip.Addr {
	if p.IPv6 {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}

// multipoint flags of WSASocket (W94).
const (
	controlFlags = winsock.WSA_FLAG_MULTIPOINT_C_ROOT | winsock.WSA_FLAG_MULTIPOINT_C_LEAF
	dataFlags    = winsock.WSA_FLAG_MULTIPOINT_D_ROOT | winsock.WSA_FLAG_MULTIPOINT_D_LEAF
)

// checkFlags applies W90-W96: exactly one role in each plane, roots only where
// the plane is rooted, no role at all without multipoint support. Flags
// without any role make a plain socket, which the UDP entries allow.
func (p Protocol) checkFlags(flags uint32) (rule string, ok bool) {
	c, d := flags&controlFlags, flags&dataFlags
	switch {
	case c == 0 && d == 0 && !p.rooted():
		return "", true
	case !p.has(winsock.XP1_SUPPORT_MULTIPOINT):
		return "W96: the protocol has no multipoint support", false
	case c == 0 || d == 0 || c == controlFlags || d == dataFlags:
		return "W94: one control role and one data role are needed", false
	case c == winsock.WSA_FLAG_MULTIPOINT_C_ROOT && !p.has(winsock.XP1_MULTIPOINT_CONTROL_PLANE):
		return "W90: the control plane is not rooted", false
	case d == winsock.WSA_FLAG_MULTIPOINT_D_ROOT && !p.has(winsock.XP1_MULTIPOINT_DATA_PLANE):
		return "W92: the data plane is not rooted", false
	}
	return "", true
}
