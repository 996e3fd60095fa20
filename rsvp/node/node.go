package node

import (
	"io"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/auth"
)

// Defaults of Config.
const (
	DefaultRefreshPeriod = 30 * time.Second // RFC 2205 section 3.7
	DefaultK             = 3                // RFC 2205 section 3.7
	DefaultKb            = 3                // blockade time in refresh periods
	DefaultTTL           = 64
)

// MaxFastRefresh is the most that Config.FastRefresh counts for.
const MaxFastRefresh = 3

// Times of messages that do not wait for the refresh period.
const (
	fastRefresh    = 500 * time.Millisecond // first staged refresh; each next one doubles it
	promptInterval = time.Second            // between the Paths that RefreshPath sends for one sender
)

// DefaultTOS marks RSVP's own messages as internetwork control (CS6): RFC 2205
// section 3.3 asks for a preferred class of service.
const DefaultTOS = 0xc0

// Routes answers the node's questions about routing; RFC 2205 section 3.11.4
// calls them route queries and interface list discovery. Every method is a pure
// read of state in memory.
type Routes interface {
	// Unicast returns the interface through which dst is reached.
	Unicast(dst netip.Addr) (outIf int, ok bool)
	// Multicast returns the interfaces through which data from src to group
	// leaves when it comes in through inIf, ascending, inIf not among them. inIf
	// is 0 for a local sender. An incoming interface that is not src's gives none.
	Multicast(src, group netip.Addr, inIf int) []int
	// Address returns our address on an interface: for IPv6 a global one where
	// there is one, since hops and receivers may be reached from beyond the link.
	Address(ifIndex int, v6 bool) (netip.Addr, bool)
	// IsLocal reports whether a is an address of this node.
	IsLocal(a netip.Addr) bool
	// MTU returns the greatest IP packet of an interface in bytes; 0 is unknown.
	MTU(ifIndex int) int
}

// Limits bound what remote input can make the node hold. A zero member means
// its default.
type Limits struct {
	Sessions               int // default 1,048,576
	Paths                  int // path state blocks; default 2,097,152
	Reservations           int // reservation state blocks; default 2,097,152
	PathsPerSession        int // default 131,072
	ReservationsPerSession int // filters in all reservations of a session; default 131,072
	Neighbors              int // with refresh reduction; default 65,536
	Pending                int // messages that wait for an acknowledgment; default 1,048,576
}

// DefaultLimits are the limits that hold where Config has zeros.
var DefaultLimits = Limits{
	Sessions: 1 << 20, Paths: 1 << 21, Reservations: 1 << 21, PathsPerSession: 1 << 17, ReservationsPerSession: 1 << 17,
	Neighbors: 1 << 16, Pending: 1 << 20,
}

func (l Limits) withDefaults() Limits {
	set := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	set(&l.Sessions, DefaultLimits.Sessions)
	set(&l.Paths, DefaultLimits.Paths)
	set(&l.Reservations, DefaultLimits.Reservations)
	set(&l.PathsPerSession, DefaultLimits.PathsPerSession)
	set(&l.ReservationsPerSession, DefaultLimits.ReservationsPerSession)
	set(&l.Neighbors, DefaultLimits.Neighbors)
	set(&l.Pending, DefaultLimits.Pending)
	return l
}

// Config makes a node. Zero members get defaults; Rand and Routes are required.
type Config struct {
	Node          string // name, for traces
	Rand          *rand.Rand
	Trace         machine.Tracer // may be nil
	Router        bool           // forwards Path state
	Routes        Routes
	RefreshPeriod time.Duration // R, the same for every interface
	K             int           // lifetime is (K+0.5)*1.5*R
	Kb            int           // blockade time is Kb*R
	TOS           uint8         // of our messages; DefaultTOS if 0
	// TrafficControl: accepted reservations go to traffic control as TCRequest
	// outputs and stand only when HandleTCResult says so. Without it admission by
	// share alone decides.
	TrafficControl bool
	// FastRefresh is how often a Path or Resv that said something new is sent
	// again soon, against the loss of the first: about 0.5 s after it, then 1 s
	// and 2 s after the one before, each jittered as a refresh is; then the
	// period R holds (RFC 2205 section 3.7 rule 6; the stages are those of RFC
	// 2961 section 6, but without acknowledgements that end them). 0 is off; more than MaxFastRefresh counts as that; a stage that
	// is not shorter than R is left out.
	FastRefresh int
	// RefreshReduction says that the node is willing and able to reduce refreshes
	// (RFC 2961): identifiers and acknowledgments, summary refreshes and bundles,
	// with each neighbor that says the same.
	RefreshReduction bool
	// Entropy gives the epoch of message identifiers, which must differ from that
	// of the start before; nil: Rand.
	Entropy io.Reader
	// Verifier checks signed messages. The node drives it; keys are added to it
	// directly. nil: interfaces cannot be secured.
	Verifier *auth.Verifier
	Limits   Limits
}

// Node is the RSVP machine of one host or router. It is not safe for concurrent
// use.
type Node struct {
	cfg    Config
	clock  machine.Clock
	out    machine.Queue[Output]
	timers machine.Timers[timer]

	sessions map[rsvp.Session]*session
	byDst    map[netip.Addr]*session // first of a list through session.next
	psbs     slab[psb]
	rsbs     slab[rsb]
	tcsbs    slab[tcsb]
	hops     slab[hop]
	apps     map[SessionID]*session
	lastApp  SessionID
	lastTC   uint32

	ifs     map[int]*iface
	lihs    []int // interface of each logical interface handle, from 1
	red     reduction
	secured bool // some interface has, or had, another policy than auth.Off
	count   Counters

	msg rsvp.Message // the message that came in
	rsp rsvp.Message // the message that goes out
	buf []byte       // outputs' bytes

	senders []rsvp.FilterSpec // scratch of resvDescriptor
	refresh refresh           // scratch of resvRefresh
}

// New returns a node without state.
func New(cfg Config) *Node {
	if cfg.RefreshPeriod <= 0 {
		cfg.RefreshPeriod = DefaultRefreshPeriod
	}
	if cfg.K <= 0 {
		cfg.K = DefaultK
	}
	if cfg.Kb <= 0 {
		cfg.Kb = DefaultKb
	}
	if cfg.TOS == 0 {
		cfg.TOS = DefaultTOS
	}
	cfg.FastRefresh = min(max(cfg.FastRefresh, 0), MaxFastRefresh)
	cfg.Limits = cfg.Limits.withDefaults()
	n := &Node{
		cfg: cfg, sessions: map[rsvp.Session]*session{}, byDst: map[netip.Addr]*session{},
		apps: map[SessionID]*session{}, ifs: map[int]*iface{},
	}
	n.startReduction()
	return n
}

// begin starts a call: time does not go back, and the bytes of outputs that
// were drained are free again.
func (n *Node) begin(now machine.Time) {
	n.clock.At(now)
	if n.out.Len() == 0 {
		n.buf = n.buf[:0]
	}
}

func (n *Node) now() machine.Time { return n.clock.Now() }

// Next removes and returns the oldest output. It is valid, with all its bytes,
// until the next call into the node.
func (n *Node) Next() (*Output, bool) { return n.out.Pop() }

// Quiet reports that nothing is left: no state, timer or pending output. That
// neighbors are remembered for a while does not count.
func (n *Node) Quiet() bool {
	return len(n.sessions) == 0 && len(n.apps) == 0 && n.timers.Len() == n.red.heard && n.out.Len() == 0 &&
		(n.cfg.Verifier == nil || n.cfg.Verifier.Quiet())
}

// Counters returns the counters as they are now.
func (n *Node) Counters() Counters {
	c := n.count
	c.Sessions, c.Paths, c.Reservations = len(n.sessions), n.psbs.used, n.rsbs.used
	return c
}

// Incoming is a message of protocol 46 that reached the node: addressed to it,
// or taken out of the forwarding path.
type Incoming struct {
	InIf        int
	Src, Dst    netip.Addr
	TTL         uint8 // IP TTL or hop limit as received
	RouterAlert bool
	Payload     []byte // not kept
}

// HandleMessage processes a received message (RFC 2209 section 2, "MESSAGE
// ARRIVES"). What is wrong with it shows in Counters.
func (n *Node) HandleMessage(now machine.Time, in Incoming) {
	n.begin(now)
	defer n.end()
	n.message(in)
}

// message processes a message, or one of a Bundle.
func (n *Node) message(in Incoming) {
	h, _, err := rsvp.ParseHeader(in.Payload)
	if err != nil {
		n.drop(dropOf(err))
		return
	}
	if !n.intercepts(h.Type) && !n.cfg.Routes.IsLocal(in.Dst) {
		n.forward(in)
		return
	}
	if !n.takesPart(h.Type) {
		n.drop(DropType)
		return
	}
	m := &n.msg
	err = m.Decode(in.Payload)
	if h.Type == rsvp.Bundle && err == nil {
		n.bundleArrives(in, m)
		return
	}
	if n.secured && !n.authentic(in, m, err) {
		return
	}
	if err == nil {
		err = n.unsupported(m)
	}
	if err != nil {
		n.malformed(in, m, err)
		return
	}
	if n.red.bundled >= 0 {
		m.SendTTL = uint8(n.red.bundled)
	}
	if !n.consistent(m) || n.red.on && !n.reduce(in, m) {
		return
	}
	n.count.Received[m.Type]++
	switch m.Type {
	case rsvp.Path:
		n.pathArrives(in, m)
	case rsvp.PathTear:
		n.pathTearArrives(in, m)
	case rsvp.PathErr:
		if !n.refusedReduction(in, m) {
			n.pathErrArrives(m)
		}
	case rsvp.Resv:
		n.resvArrives(in, m)
	case rsvp.ResvTear:
		n.resvTearArrives(in, m)
	case rsvp.ResvErr:
		if !n.refusedReduction(in, m) {
			n.resvErrArrives(in, m)
		}
	case rsvp.ResvConf:
		n.resvConfArrives(in, m)
	case rsvp.ResvTearConf: // the answer to a request that we do not make
	case rsvp.IntegrityChallenge:
		n.challengeArrives(in, m)
	}
}

// takesPart reports whether the node processes messages of a type.
func (n *Node) takesPart(t rsvp.MessageType) bool {
	switch t {
	case rsvp.IntegrityChallenge, rsvp.IntegrityResponse:
		return n.secured
	case rsvp.Bundle:
		return n.red.on && n.red.bundled < 0
	case rsvp.Ack, rsvp.Srefresh:
		return n.red.on
	}
	return t <= rsvp.ResvConf || t == rsvp.ResvTearConf
}

// intercepts reports whether messages of a type are processed although they are
// addressed to somebody else.
func (n *Node) intercepts(t rsvp.MessageType) bool {
	return t == rsvp.Path || t == rsvp.PathTear || t == rsvp.ResvConf || t == rsvp.Srefresh && n.red.on
}

// forward passes on a message that is addressed to another node: it took a way
// that RSVP's state does not know (RFC 2205 section 2.9).
func (n *Node) forward(in Incoming) {
	switch oi, ok := n.cfg.Routes.Unicast(in.Dst); {
	case !n.cfg.Router || in.Dst.IsMulticast():
		n.drop(DropNotForUs)
	case !ok:
		n.drop(DropNoRoute)
	case in.TTL <= 1:
		n.drop(DropTTL)
	default:
		start := len(n.buf)
		n.buf = append(n.buf, in.Payload...)
		n.count.Forwarded++
		n.out.Push(Output{Kind: KindSend, Send: Send{
			Src: in.Src, Dst: in.Dst, OutIf: oi, TTL: in.TTL - 1, TOS: n.cfg.TOS, RouterAlert: in.RouterAlert,
			Payload: n.buf[start:len(n.buf):len(n.buf)], Cause: CauseForward,
		}})
	}
}

// consistent checks what no codec can know: that addresses are of one family,
// and the port rule "if DstPort is zero, all SrcPorts are" (RFC 2205 section
// 3.2), whose violation is discarded silently (RFC 2209).
func (n *Node) consistent(m *rsvp.Message) bool {
	v4 := m.Session.Dst.Is4()
	ok := !m.Hop.Addr.IsValid() || m.Hop.Addr.Is4() == v4
	ok = ok && (!m.Sender.IsValid() || m.Sender.Src.Is4() == v4) && (!m.Confirm.IsValid() || m.Confirm.Is4() == v4)
	ports := m.Session.DstPort != 0 || m.Sender.Port == 0
	for i := range m.Flows {
		for _, f := range m.Flows[i].Filters {
			ok = ok && f.Src.Is4() == v4
			ports = ports && (m.Session.DstPort != 0 || f.Port == 0)
		}
	}
	switch {
	case !ok:
		n.drop(DropFamily)
	case !ports:
		n.drop(DropPorts)
	case m.Hop.Addr.IsValid() && n.cfg.Routes.IsLocal(m.Hop.Addr):
		n.drop(DropOwn)
	default:
		return true
	}
	return false
}

// Advance fires what is due. Early or stale calls do nothing.
func (n *Node) Advance(now machine.Time) {
	n.begin(now)
	defer n.end()
	if n.cfg.Verifier != nil {
		n.cfg.Verifier.Advance(n.now())
		n.sendChallenges()
	}
	for {
		t, _, ok := n.timers.Pop(n.now())
		if !ok {
			return
		}
		n.fire(t)
	}
}

// Deadline returns when to call Advance next.
func (n *Node) Deadline() (machine.Time, bool) {
	at, ok := n.timers.Next()
	if n.cfg.Verifier != nil {
		if v, more := n.cfg.Verifier.Deadline(); more && (!ok || v < at) {
			return v, true
		}
	}
	return at, ok
}

// timer names a timer by what it is for and the number of the block it is for.
type timer struct {
	kind timerKind
	id   uint32
}

type timerKind uint8

// Kinds of timers.
const (
	timerPathRefresh timerKind = iota // psb: send Path
	timerPathCleanup                  // psb: its lifetime is over
	timerResvCleanup                  // rsb: a filter's lifetime is over
	timerResvRefresh                  // hop: send Resv
	timerPathPrompt                   // psb: send the Path that RefreshPath asked for
	timerAck                          // neighbor: send what acknowledgments are owed
	timerRapid                        // Message_Identifier: send it again
	timerSummary                      // target: send the summary refresh
	timerNeighbor                     // neighbor: it was not heard of for long
)

func (n *Node) fire(t timer) {
	switch t.kind {
	case timerPathRefresh:
		n.pathRefreshDue(n.psbs.at(t.id))
	case timerPathCleanup:
		n.pathExpires(n.psbs.at(t.id))
	case timerResvCleanup:
		n.resvExpires(n.rsbs.at(t.id))
	case timerResvRefresh:
		n.resvRefreshDue(n.hops.at(t.id))
	case timerPathPrompt:
		n.promptPath(n.psbs.at(t.id))
	case timerAck:
		n.sendAck(n.red.list[t.id])
	case timerRapid:
		n.rapidDue(t.id)
	case timerSummary:
		n.summaryDue(n.red.byNumber[t.id])
	case timerNeighbor:
		n.neighborSilent(n.red.list[t.id])
	}
}

// jitter returns a random time in [0.5d, 1.5d] (RFC 2205 section 3.7 rule 1).
func (n *Node) jitter(d time.Duration) time.Duration {
	return d/2 + time.Duration(n.cfg.Rand.Int64N(int64(d)+1))
}

// refreshIn returns when to send a message again that goes out now, and moves
// its stage on: 0 stands for the period R, others for the staged refreshes that
// follow a message which said something new.
func (n *Node) refreshIn(stage *uint8, news bool) time.Duration {
	switch {
	case news && n.cfg.FastRefresh > 0:
		*stage = 1
	case *stage > 0 && int(*stage) < n.cfg.FastRefresh:
		*stage++
	default:
		*stage = 0
	}
	if d := fastRefresh << *stage / 2; *stage > 0 && d < n.cfg.RefreshPeriod {
		return n.jitter(d)
	}
	*stage = 0
	return n.jitter(n.cfg.RefreshPeriod)
}

// lifetime returns how long state lives without refresh, for the refresh period
// that came with it: (K+0.5)*1.5*R (RFC 2205 section 3.7 rule 2), as (2K+1)*3*R/4.
func (n *Node) lifetime(tv rsvp.TimeValues) time.Duration {
	return time.Duration(2*n.cfg.K+1) * 3 * tv.Refresh() / 4
}
