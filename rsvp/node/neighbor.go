package node

import (
	"encoding/binary"
	"io"
	"net/netip"
	"time"

	"github.com/mpstack/mpstack/rsvp"
)

// Refresh overhead reduction (RFC 2961) is in this file, messageid.go, srefresh.go
// and bundle.go. All of it is off, and none of it costs anything, unless
// Config.RefreshReduction is set; then it is used with neighbors that set the
// flag of the common header too, and with those alone.

// Times of refresh reduction.
const (
	rapidInterval = 500 * time.Millisecond // Rf: before an unacknowledged message is sent again; doubled each time (RFC 2961 section 6.2)
	rapidLimit    = 3                      // Rl: how often a message is sent without being acknowledged
	ackDelay      = 10 * time.Millisecond  // an acknowledgment waits for a message to travel in
	ackSpread     = 200 * time.Millisecond // at most, for messages to a group (RFC 2961 section 4.7)
	maxAcks       = 32                     // acknowledgments in one message
)

// neighbor is an RSVP neighbor on an interface.
type neighbor struct {
	num     uint32
	ifIndex int
	addr    netip.Addr
	capable bool // its last message had the flag
	refuses bool // it called MESSAGE_ID an unknown class
	silent  bool // it was not heard of for the lifetime of state
	acks    []rsvp.MessageAck
}

// reduces reports whether refresh reduction may be used with the neighbor.
func (b *neighbor) reduces() bool { return b.capable && !b.refuses && !b.silent }

type neighborKey struct {
	ifIndex int
	addr    netip.Addr
}

// reduction is what the node holds for refresh reduction.
type reduction struct {
	on        bool
	epoch     uint32
	last      uint32 // Message_Identifier that was used last
	neighbors map[neighborKey]*neighbor
	list      []*neighbor // by number
	heard     int         // of these, those that are not silent: each has a timer
	sent      map[uint32]ref
	got       map[gotKey]ref
	pending   map[uint32]*pending
	targets   map[targetKey]*target
	lastList  uint32 // number of the target made last
	byNumber  map[uint32]*target
	held      []held
	full      []int // scratch of pathRefreshDue
	now       gotID // of the message that is processed
	bundled   int   // Send_TTL of the Bundle whose sub-message is processed; -1: none
}

// startReduction sets up what refresh reduction needs.
func (n *Node) startReduction() {
	n.red.bundled = -1
	if !n.cfg.RefreshReduction {
		return
	}
	n.red = reduction{
		on: true, bundled: -1, neighbors: map[neighborKey]*neighbor{}, sent: map[uint32]ref{}, got: map[gotKey]ref{},
		pending: map[uint32]*pending{}, targets: map[targetKey]*target{}, byNumber: map[uint32]*target{},
	}
	// The epoch tells this start from the one before (RFC 2961 section 4.2).
	var b [4]byte
	if n.cfg.Entropy == nil || !filled(n.cfg.Entropy, b[:]) {
		binary.BigEndian.PutUint32(b[:], n.cfg.Rand.Uint32())
	}
	n.red.epoch = binary.BigEndian.Uint32(b[:]) & rsvp.MaxEpoch
}

func filled(r io.Reader, b []byte) bool {
	_, err := io.ReadFull(r, b)
	return err == nil
}

// keyOf names the neighbor that sent a message: the address in RSVP_HOP, or where
// there is none the IP source.
func keyOf(in Incoming, m *rsvp.Message) neighborKey {
	if m.Hop.Addr.IsValid() {
		return neighborKey{in.InIf, m.Hop.Addr}
	}
	return neighborKey{in.InIf, in.Src}
}

// meet returns the neighbor that sent a message, with the capability that the
// message shows (RFC 2961 section 2). It returns nil at the limit, and for a
// ResvConf, which may come from afar, unless the neighbor is known.
func (n *Node) meet(in Incoming, m *rsvp.Message) *neighbor {
	key := keyOf(in, m)
	b := n.red.neighbors[key]
	switch {
	case m.Type == rsvp.ResvConf:
		return b
	case b == nil && len(n.red.list) >= n.cfg.Limits.Neighbors:
		n.drop(DropNeighbors)
		return nil
	case b == nil:
		b = &neighbor{num: uint32(len(n.red.list)), ifIndex: key.ifIndex, addr: key.addr, silent: true}
		n.red.neighbors[key] = b
		n.red.list = append(n.red.list, b)
	}
	if b.silent {
		n.red.heard++
	}
	n.timers.Set(timer{timerNeighbor, b.num}, n.now().Add(n.lifetime(rsvp.NewTimeValues(n.cfg.RefreshPeriod))))
	n.setNeighbor(b, neighbor{capable: m.Flags&rsvp.RefreshReduction != 0, refuses: b.refuses})
	return b
}

// setNeighbor notes what is known of a neighbor, and counts it for its interface.
func (n *Node) setNeighbor(b *neighbor, now neighbor) {
	f := n.iface(b.ifIndex)
	count := func(by int) {
		if !b.silent {
			f.neighbors += by
		}
		if b.reduces() {
			f.reducing += by
		}
	}
	count(-1)
	b.capable, b.refuses, b.silent = now.capable, now.refuses, now.silent
	count(1)
}

// neighborSilent is the end of a neighbor that was not heard of for long. It keeps
// its number, for state may name it.
func (n *Node) neighborSilent(b *neighbor) {
	n.red.heard--
	n.setNeighbor(b, neighbor{capable: b.capable, refuses: b.refuses, silent: true})
}

// neighborAt returns a neighbor with which refresh reduction may be used, or nil.
func (n *Node) neighborAt(ifIndex int, a netip.Addr) *neighbor {
	if !n.red.on {
		return nil
	}
	if b := n.red.neighbors[neighborKey{ifIndex, a}]; b != nil && b.reduces() {
		return b
	}
	return nil
}

// allReduce reports whether messages that reach every neighbor on an interface
// may use refresh reduction: some neighbor is known there, and all that are known
// are capable. One that is not known and is not capable will say so.
func (n *Node) allReduce(ifIndex int) bool {
	if !n.red.on {
		return false
	}
	f := n.iface(ifIndex)
	return f.neighbors > 0 && f.reducing == f.neighbors
}

// reduce takes from a decoded message what belongs to refresh reduction. It
// reports false if nothing is left to process.
func (n *Node) reduce(in Incoming, m *rsvp.Message) bool {
	b := n.meet(in, m)
	if n.red.now = n.gotOf(in, m); b == nil {
		return m.Type != rsvp.Ack && m.Type != rsvp.Srefresh
	}
	for _, a := range m.Acks {
		n.acknowledged(a)
	}
	if m.HasMessageID {
		if n.outOfOrder(in, m) {
			n.drop(DropOutOfOrder)
			return false
		}
		if m.MessageID.Flags&rsvp.AckDesired != 0 {
			n.oweAck(b, rsvp.MessageAck{Epoch: m.MessageID.Epoch, ID: m.MessageID.ID}, in.Dst.IsMulticast())
		}
	}
	switch m.Type {
	case rsvp.Ack:
		n.count.Received[m.Type]++
		return false
	case rsvp.Srefresh:
		n.count.Received[m.Type]++
		n.srefreshArrives(in, m, b)
		return false
	}
	return true
}

// oweAck queues an acknowledgment. It goes with the next message to the neighbor,
// or alone after a short while (RFC 2961 section 4.6); for what came to a group,
// after a random one (section 4.7).
func (n *Node) oweAck(b *neighbor, a rsvp.MessageAck, group bool) {
	delay := ackDelay
	if group {
		delay = time.Duration(n.cfg.Rand.Int64N(int64(ackSpread)))
	}
	key := timer{timerAck, b.num}
	if _, armed := n.timers.At(key); !armed {
		n.timers.Set(key, n.now().Add(delay))
	}
	b.acks = append(b.acks, a)
	if len(b.acks) >= maxAcks {
		n.sendAck(b)
	}
}

// takeAcks moves acknowledgments that are owed into a message for the neighbor.
func (n *Node) takeAcks(b *neighbor, m *rsvp.Message) {
	if len(b.acks) == 0 {
		return
	}
	m.Acks = append(m.Acks, b.acks...)
	b.acks = b.acks[:0]
	n.timers.Stop(timer{timerAck, b.num})
}

// sendAck sends what is owed to a neighbor in an Ack message (RFC 2961 section
// 4.4).
func (n *Node) sendAck(b *neighbor) {
	src, ok := n.address(b.ifIndex, b.addr)
	if !ok || len(b.acks) == 0 {
		b.acks = b.acks[:0]
		n.timers.Stop(timer{timerAck, b.num})
		return
	}
	m := &n.rsp
	m.Reset()
	m.Type = rsvp.Ack
	n.takeAcks(b, m)
	n.send(Send{Src: src, Dst: b.addr, OutIf: viaIf(b.addr, b.ifIndex), TTL: hopTTL, Cause: CauseAck})
}

// refusedReduction deals with an error that says that the neighbor which sent it
// does not know a class of refresh reduction: what it refused is sent again
// without (RFC 2961 section 4.8). It reports whether that is what the error is.
func (n *Node) refusedReduction(in Incoming, m *rsvp.Message) bool {
	if !n.red.on || m.Error.Code != rsvp.CodeUnknownClass {
		return false
	}
	switch rsvp.Class(m.Error.Value >> 8) {
	case rsvp.ClassMessageID, rsvp.ClassMessageIDAck:
	default:
		return false
	}
	if b := n.red.neighbors[keyOf(in, m)]; b != nil {
		n.setNeighbor(b, neighbor{capable: b.capable, refuses: true, silent: b.silent})
	}
	s := n.session(m.Session)
	if s == nil {
		return true
	}
	if m.Type == rsvp.PathErr {
		for _, p := range s.psbsOf(m.Sender) {
			if p.routesTo(in.InIf) {
				n.pathRefresh(p, []int{in.InIf}, CausePathFallback)
			}
		}
		return true
	}
	for _, h := range s.hops {
		if h.inIf == in.InIf && h.hop.Addr == m.Hop.Addr {
			n.resvRefresh(h, true)
		}
	}
	return true
}

// retain copies bytes that must outlive the call.
func retain(b []byte) []byte { return append([]byte(nil), b...) }
