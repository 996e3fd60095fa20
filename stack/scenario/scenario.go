package scenario

import (
	"net/netip"
	"time"
)

// Scenario is a network, what goes wrong in it, and what its nodes do. Read
// one with [Parse] or [Load], or build one in Go; [Run] checks it.
type Scenario struct {
	Name    string        `yaml:"name"`    // letters, digits and dashes: the golden's file name
	About   string        `yaml:"about"`   // for a reader, one paragraph
	Seed    uint64        `yaml:"seed"`    // of every random stream
	Refresh time.Duration `yaml:"refresh"` // RSVP's refresh period R; 0 is 30 s
	Links   []Link        `yaml:"links"`
	Nodes   []Node        `yaml:"nodes"`
	Faults  []Fault       `yaml:"faults"`
	Steps   []Step        `yaml:"steps"`

	file string              // where it was read
	at   map[string]position // of every value, by path
}

// Link is an Ethernet segment.
type Link struct {
	Name  string        `yaml:"name"`
	Delay time.Duration `yaml:"delay"` // one way; netns takes what the kernel has
	MTU   int           `yaml:"mtu"`   // greatest IP packet in bytes; 0 is 1500
}

// Kinds of nodes.
const (
	KindHost   = "host"   // a stack
	KindRouter = "router" // a stack that forwards, queries and takes part in RSVP
	KindKernel = "kernel" // Linux's own IP stack; on mem a stack with plain UDP sockets
)

// Node is a host or router.
type Node struct {
	Name     string       `yaml:"name"`
	Kind     string       `yaml:"kind"` // a Kind constant; empty is KindHost
	Ports    []Port       `yaml:"ports"`
	Gateways []netip.Addr `yaml:"gateways"` // default routes, one a family
	Routes   []Route      `yaml:"routes"`
}

// Backends of a port on netns.
const (
	BackendAuto = "auto" // raw
	BackendRaw  = "raw"  // an AF_PACKET socket on a veth
	BackendTap  = "tap"  // the descriptor of a TAP device that lies in the peer's namespace
)

// Port is an interface of a node.
type Port struct {
	Name    string         `yaml:"name"`
	Link    string         `yaml:"link"`
	Addrs   []netip.Prefix `yaml:"addrs"`   // host addresses with their networks' prefix lengths
	Backend string         `yaml:"backend"` // a Backend constant; empty is BackendAuto
}

// Route is a route of a node.
type Route struct {
	To  netip.Prefix `yaml:"to"`
	Via netip.Addr   `yaml:"via"`
}

// Fault drops one frame on a link.
type Fault struct {
	Link string `yaml:"link"`
	Drop string `yaml:"drop"` // which frames: a matcher of package stack/link/fault
	Nth  int    `yaml:"nth"`  // the how many-th of them, from 1; 0 is 1
}

// Step is one thing that one node does. Exactly one action is set.
type Step struct {
	About string `yaml:"about"` // goes to the timeline as a heading
	On    string `yaml:"on"`    // the node; not for Sleep and Link

	Listen *Listen       `yaml:"listen"`
	Join   *Join         `yaml:"join"`
	Invite *Invite       `yaml:"invite"`
	Open   *Open         `yaml:"open"`
	Member *Member       `yaml:"member"`
	Send   *Send         `yaml:"send"`
	Expect *Expect       `yaml:"expect"`
	Close  *Close        `yaml:"close"`
	Sleep  time.Duration `yaml:"sleep"`
	Link   *SetLink      `yaml:"link"`
}

// Names of protocol entries.
const (
	MPJ4 = "mpj4"
	MPJ6 = "mpj6"
	UDP4 = "udp4"
	UDP6 = "udp6"
)

// Roles of a multipoint socket.
const (
	RoleRoot = "root"
	RoleLeaf = "leaf"
)

// Open makes a socket and binds it. Steps that take a Protocol of their own
// open the socket first.
type Open struct {
	Socket   string         `yaml:"socket"`
	Protocol string         `yaml:"protocol"` // MPJ4, …
	Role     string         `yaml:"role"`     // of a multipoint socket: RoleRoot, RoleLeaf; empty: a plain UDP socket
	Bind     netip.AddrPort `yaml:"bind"`
	TTL      int            `yaml:"ttl"` // multicast scope; 0 leaves the protocol's
	QOS      *QOS           `yaml:"qos"` // SIO_SET_QOS
}

// Listen makes a root take joins, or a leaf take invitations.
type Listen struct {
	Socket   string         `yaml:"socket"`
	Protocol string         `yaml:"protocol"` // opens the socket; empty: it is open
	Role     string         `yaml:"role"`     // empty is RoleRoot
	Bind     netip.AddrPort `yaml:"bind"`
	Backlog  int            `yaml:"backlog"` // 0 is 8
	TTL      int            `yaml:"ttl"`
	QOS      *QOS           `yaml:"qos"`
	Accept   []Accept       `yaml:"accept"` // the first rule that fits decides; none: accept
}

// Verdicts of an accept rule.
const (
	VerdictAccept = "accept"
	VerdictReject = "reject"
	VerdictDefer  = "defer" // CF_DEFER at first, accept after Delay
)

// Accept is one rule of a condition function.
type Accept struct {
	From    string        `yaml:"from"`    // the asking node; empty: any
	Verdict string        `yaml:"verdict"` // a Verdict constant; empty is VerdictAccept
	Delay   time.Duration `yaml:"delay"`   // of VerdictDefer
	Caller  *string       `yaml:"caller"`  // expectation: the caller data
	Callee  *string       `yaml:"callee"`  // callee data to give back
	Lower   *Flow         `yaml:"lower"`   // members that replace those of the leaf's receiving flowspec
}

// Directions of a join.
const (
	FlagsSender   = "sender"
	FlagsReceiver = "receiver"
	FlagsBoth     = "both"
)

// Join is JoinLeaf on a c_leaf socket: to a root, or to a group.
type Join struct {
	Socket   string         `yaml:"socket"`
	Protocol string         `yaml:"protocol"` // opens the socket; empty: it is open
	Bind     netip.AddrPort `yaml:"bind"`
	TTL      int            `yaml:"ttl"`
	To       netip.AddrPort `yaml:"to"`     // the root's name, or the group
	Flags    string         `yaml:"flags"`  // a Flags constant; empty is FlagsBoth
	Caller   *string        `yaml:"caller"` // caller data
	Room     int            `yaml:"room"`   // room for callee data; 0: it is discarded
	QOS      *QOS           `yaml:"qos"`
	Callee   *string        `yaml:"callee"` // expectation: the callee data
	Fails    Code           `yaml:"fails"`  // expectation: the error
	Within   time.Duration  `yaml:"within"` // bound; 0 is 40 s
}

// Invite is JoinLeaf on a c_root socket: it asks the listening leaf To, with
// Flags seen from the root. The new socket is named SOCKET@NODE.
type Invite Join

// Member opens a plain UDP socket that receives one source's datagrams to a
// group. It is what nodes of KindKernel do.
type Member struct {
	Socket  string         `yaml:"socket"`
	Session string         `yaml:"session"` // "NODE/SOCKET" of a root: its group and source; or:
	Group   netip.AddrPort `yaml:"group"`
	Source  netip.Addr     `yaml:"source"`
	Within  time.Duration  `yaml:"within"` // bound for the session to be known; 0 is 10 s
}

// Send sends numbered datagrams.
type Send struct {
	Socket   string         `yaml:"socket"`
	To       netip.AddrPort `yaml:"to"`       // invalid: to the session
	Count    int            `yaml:"count"`    // 0 is 1
	Size     int            `yaml:"size"`     // bytes of payload; 0 is 64
	Interval time.Duration  `yaml:"interval"` // between datagrams
	Fails    Code           `yaml:"fails"`    // expectation: the error of the first
}

// Expect waits until everything that it names has come true for the socket
// since it was made.
type Expect struct {
	Socket   string        `yaml:"socket"`
	Received *int          `yaml:"received"` // this many different datagrams, none of them lost, twice or foreign
	QOS      []Code        `yaml:"qos"`      // these indications came
	Closed   *Code         `yaml:"closed"`   // FD_CLOSE came with this code
	Within   time.Duration `yaml:"within"`   // bound; 0 is 10 s
}

// Close closes a socket: a leaf leaves its session, a root ends it.
type Close struct {
	Socket string `yaml:"socket"`
}

// SetLink takes a port's link up or down.
type SetLink struct {
	Port string `yaml:"port"` // "NODE/PORT"
	Up   *bool  `yaml:"up"`
}

// QOS is the quality of service of both directions. A direction left out has
// no traffic.
type QOS struct {
	Sending   *Flow `yaml:"sending"`
	Receiving *Flow `yaml:"receiving"`
	Confirm   bool  `yaml:"confirm"` // ask for a confirmation (RSVP_RESERVE_INFO.ConfirmRequest)
}

// Service types of a Flow.
const (
	ServiceNone           = "no-traffic"
	ServiceBestEffort     = "best-effort"
	ServiceControlledLoad = "controlled-load"
	ServiceGuaranteed     = "guaranteed"
)

// Flow is a FLOWSPEC. Members left out are not specified.
type Flow struct {
	Service        string  `yaml:"service"`         // a Service constant
	Rate           *uint32 `yaml:"rate"`            // bytes per second
	Bucket         *uint32 `yaml:"bucket"`          // bytes
	Peak           *uint32 `yaml:"peak"`            // bytes per second
	Latency        *uint32 `yaml:"latency"`         // microseconds
	DelayVariation *uint32 `yaml:"delay-variation"` // microseconds
	MaxSDU         *uint32 `yaml:"max-sdu"`         // bytes
	MinPoliced     *uint32 `yaml:"min-policed"`     // bytes
}
