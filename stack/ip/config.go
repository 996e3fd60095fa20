package ip

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/ip/group"
	"github.com/mpstack/mpstack/stack/ip/neigh"
	"github.com/mpstack/mpstack/stack/ip/reasm"
	"github.com/mpstack/mpstack/wire/inet"
)

// Refusals of API calls. Join and Leave also return those of package group.
var (
	ErrInterface           = errors.New("ip: bad interface")
	ErrNoInterface         = errors.New("ip: no such interface")
	ErrInterfaceDown       = errors.New("ip: interface is down")
	ErrAddress             = errors.New("ip: bad address")
	ErrAddressInUse        = errors.New("ip: address in use")
	ErrAddressNotAvailable = errors.New("ip: no such local address")
	ErrNoRoute             = errors.New("ip: no route")
	ErrRouteExists         = errors.New("ip: route exists")
	ErrMessageTooBig       = errors.New("ip: message does not fit the MTU")
	ErrNoPorts             = errors.New("ip: no free port")
	ErrLimit               = errors.New("ip: limit reached")
	ErrHandle              = errors.New("ip: no such binding")
)

// Default lifetimes of packets.
const (
	DefaultTTL          = 64 // RFC 1122 section 3.2.1.7 and its successors
	DefaultMulticastTTL = 1  // RFC 1112 section 6.1
)

// Limits where Config names none.
const (
	DefaultMaxBindings = 4096
	DefaultMaxRoutes   = 4096
	DefaultMaxPathMTUs = 1024
	DefaultMaxRouters  = 8
	DefaultMaxPrefixes = 16
	DefaultICMPRate    = 100 // errors a second, RFC 4443 section 2.4 (f)
	DefaultICMPBurst   = 20
)

// Intercept names packets that a router hands up instead of forwarding:
// protocol Proto, and with a Router Alert where RouterAlert is set.
type Intercept struct {
	Proto       uint8
	RouterAlert bool
}

// Config of a machine. Zero limits stand for the defaults.
type Config struct {
	Node  string     // whose machine it is, for a reader of the configuration
	Rand  *rand.Rand // report delays, reachable times, ports; nil: fixed choices
	Trace machine.Tracer

	// Forwarding makes a router: packets are forwarded, membership is
	// queried.
	Forwarding bool

	// Intercept names what is intercepted (on a router), and thereby the
	// protocols whose packets to this node come out as KindPacket.
	Intercept []Intercept

	// AnnounceOwnGroups makes the membership in the groups that IP itself
	// needs (solicited-node, all routers) be reported unasked when an
	// interface comes up, as RFC 4861 section 7.2.1 has it. Otherwise
	// queries alone are answered with them, which suffices on links without
	// switches that watch MLD.
	AnnounceOwnGroups bool

	MaxBindings   int
	MaxRoutes     int // static ones
	MaxPathMTUs   int // destinations whose path MTU is remembered
	MaxRouters    int // advertised default routers of an interface
	MaxPrefixes   int // advertised prefixes of an interface, and addresses formed from them
	MaxNeighbors  int // entries of the neighbour table
	MaxQueue      int // packets waiting for one neighbour
	MaxWaiting    int // packets waiting for neighbours in all
	MaxGroups     int // memberships of this node
	MaxSources    int // sources of one membership
	MaxListeners  int // group records of a router
	MaxListenSrcs int // sources of one group record
	ICMPRate      int // ICMP errors a second
	ICMPBurst     int // ICMP errors at once

	MaxReassembly       int // memory of packets that arrive in fragments, in bytes
	MaxSourceReassembly int // the same of one source
	MaxFragments        int // fragments of one packet

	ReachableTime time.Duration // mean, RFC 4861; 0: 30 s
}

func (c *Config) setDefaults() {
	def := func(p *int, d int) { *p = cmp.Or(max(*p, 0), d) }
	def(&c.MaxBindings, DefaultMaxBindings)
	def(&c.MaxRoutes, DefaultMaxRoutes)
	def(&c.MaxRouters, DefaultMaxRouters)
	def(&c.MaxPrefixes, DefaultMaxPrefixes)
	def(&c.MaxPathMTUs, DefaultMaxPathMTUs)
	def(&c.ICMPRate, DefaultICMPRate)
	def(&c.ICMPBurst, DefaultICMPBurst)
}

func (c *Config) neighbors() neigh.Config {
	return neigh.Config{Rand: c.Rand, Trace: c.Trace, MaxEntries: c.MaxNeighbors, MaxQueue: c.MaxQueue,
		MaxWaiting: c.MaxWaiting, ReachableTime: c.ReachableTime}
}

func (c *Config) reassembly() reasm.Config {
	return reasm.Config{MaxBytes: c.MaxReassembly, MaxSourceBytes: c.MaxSourceReassembly, MaxFragments: c.MaxFragments}
}

func (c *Config) host() group.HostConfig {
	return group.HostConfig{Rand: c.Rand, MaxGroups: c.MaxGroups, MaxSources: c.MaxSources}
}

func (c *Config) router() group.RouterConfig {
	return group.RouterConfig{Trace: c.Trace, MaxRecords: c.MaxListeners, MaxSources: c.MaxListenSrcs}
}

// Interface describes an interface to add. Addrs are host addresses with the
// length of their link's prefix; each makes a connected route. An IPv6 address
// turns IPv6 on; the link-local address is made from MAC unless Addrs has one.
type Interface struct {
	Index int // 1 or more, unique
	Name  string
	MAC   inet.MAC
	MTU   int // greatest IP packet in bytes; at least 576, with IPv6 at least 1280
	Addrs []netip.Prefix
	Up    bool

	// DetectConflicts makes addresses be checked before they are used, and
	// whenever the link comes up, and defended afterwards (RFC 5227; RFC 4862
	// section 5.4). KindAddress tells when they can be used.
	DetectConflicts bool

	// Autoconf makes a host look for routers and take from their
	// advertisements default routes, prefixes, addresses, MTU and hop limit
	// (RFC 4861 section 6.3, RFC 4862). It turns IPv6 on.
	Autoconf bool

	// Boundary lists groups that a router does not forward over the interface,
	// in either direction: administratively scoped ones (RFC 2365). IPv6 groups
	// of a scope up to ScopeBoundary are not forwarded either; scopes up to
	// link-local never are (RFC 4007 section 9).
	Boundary      []netip.Prefix
	ScopeBoundary uint8

	// TTLThreshold is what the lifetime of a multicast packet must exceed for a
	// router to send it on by the interface.
	TTLThreshold uint8

	// Advertise makes a router advertise itself; nil: it does not.
	Advertise *Advertise
}

// Route is a static route: to Dst by the gateway Via, or on the link where Via
// is invalid. OutIf may be 0 where Via is on a connected link. Of several
// routes to one prefix the least Metric counts, as long as its interface is up
// and its gateway answers.
type Route struct {
	Dst    netip.Prefix
	Via    netip.Addr
	OutIf  int
	Metric int // 0 or more; that of connected routes is 0, that of advertised ones 1024
}
