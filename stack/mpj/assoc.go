package mpj

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/winsock"
	wire "github.com/mpstack/mpstack/wire/mpj"
)

// assoc is one association, from its first JOIN to the end of its tombstone.
type assoc struct {
	id    AssocID
	asker bool // we sent the JOIN
	root  bool // we are the root
	state state
	role  wire.Role // the asker's

	local, peer netip.AddrPort // names: CALLER and TARGET
	src, dst    netip.AddrPort // of our datagrams
	ifIndex     int            // 0: not known yet

	tag, peerTag uint64 // peerTag is 0 until it is known
	txSeq        uint32 // transaction of our last request
	rxSeq        uint32 // of the peer's last request
	joinTx       uint32
	leaveTx      uint32
	leaveCode    wire.Code
	tries        uint8 // transmissions of JOIN, ACCEPT or LEAVE so far

	heard       machine.Time // last message with both tags
	hello, hold time.Duration
	least       time.Duration // root: the interval that was configured
	acked       uint32        // root: the last HELLO's transaction

	// Until the asker has shown that it has our tag it gets no more bytes than
	// it sent.
	proved         bool
	received, sent int

	answer   []byte   // to JOIN and its duplicates
	pending  *pending // what only the handshake needs
	listener ListenerID

	buried machine.Time // end of the tombstone
	next   *assoc       // the tombstone buried after this one
}

// pending is what an association needs until its handshake is over.
type pending struct {
	join     Join // asker
	room     uint16
	deadline machine.Time
}

// family returns the family whose table the association's state is in.
func (a *assoc) family() *family {
	switch {
	case a.state >= stateMember && a.root:
		return rootFamily
	case a.state >= stateMember:
		return leafFamily
	case a.asker:
		return askerFamily
	}
	return askedFamily
}

// String names the association in traces.
func (a *assoc) String() string { return fmt.Sprintf("#%d %v>%v", a.id, a.local, a.peer) }

// retransmitAfter returns the pause after the n-th transmission (from 1).
func retransmitAfter(n uint8) time.Duration {
	return min(FirstRetransmit<<min(n-1, 8), MaxRetransmit)
}

// joinKey finds the association of a JOIN that carries no tag of ours.
type joinKey struct {
	local   netip.Addr
	ifIndex int
	peer    netip.AddrPort
	tag     uint64
}

// pairKey finds the association between two names, in one direction.
type pairKey struct {
	local, peer netip.AddrPort
	zone        int // interface, where an address is link-local
	asker       bool
}

func (a *assoc) pairKey(asker bool) pairKey {
	return pairKey{a.local, a.peer, zoneOf(a.local.Addr(), a.ifIndex), asker}
}

func (a *assoc) joinKey() joinKey {
	return joinKey{a.src.Addr(), a.ifIndex, a.dst, a.peerTag}
}

// zoneOf returns the interface where it is part of the address's meaning.
func zoneOf(addr netip.Addr, ifIndex int) int {
	if addr.IsLinkLocalUnicast() && !addr.Is4() {
		return ifIndex
	}
	return 0
}

// AssocInfo describes an association for show commands.
type AssocInfo struct {
	ID          AssocID
	Family      string // "asker", "asked", "root", "leaf"
	State       string
	Asker, Root bool
	Local, Peer netip.AddrPort
	IfIndex     int
	Tag         uint64
	PeerTag     uint64
	Heard       machine.Time
	Hello, Hold time.Duration
}

// Snapshot returns up to n associations with an id above cursor, by id. Their
// tombstones are among them.
func (e *Endpoint) Snapshot(cursor AssocID, n int) []AssocInfo {
	var all []*assoc
	for id, a := range e.byID {
		if id > cursor {
			all = append(all, a)
		}
	}
	slices.SortFunc(all, func(a, b *assoc) int { return cmp.Compare(a.id, b.id) })
	infos := make([]AssocInfo, 0, min(n, len(all)))
	for _, a := range all[:min(n, len(all))] {
		infos = append(infos, AssocInfo{
			ID: a.id, Family: a.family().name, State: a.state.String(), Asker: a.asker, Root: a.root,
			Local: a.local, Peer: a.peer, IfIndex: a.ifIndex, Tag: a.tag, PeerTag: a.peerTag,
			Heard: a.heard, Hello: a.hello, Hold: a.hold,
		})
	}
	return infos
}

// ErrnoOf returns the Winsock error that a received reason means to this
// side, the one table of reasons (wire/mpj, Reasons) applied: an asker sees
// WSAEOPNOTSUPP where the reservation failed, an accepted socket
// WSAECONNABORTED. A code that the table does not know counts as the error that
// came with it, or as refused or reset.
func ErrnoOf(r wire.Reason, asker bool) winsock.Errno {
	if r.Code == wire.QOSFailed && !asker {
		return winsock.WSAECONNABORTED
	}
	if info := wire.ReasonInfoOf(r.Code); info != nil {
		return info.Errno
	}
	if r.Errno.Sys() != 0 {
		return r.Errno
	}
	if r.Code.Message() == wire.TypeReject {
		return winsock.WSAECONNREFUSED
	}
	return winsock.WSAECONNRESET
}
