package reasm

import (
	"cmp"
	"net/netip"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire/inet"
)

// Defaults where Config names nothing.
const (
	DefaultTimeout4       = 30 * time.Second
	DefaultTimeout6       = 60 * time.Second // RFC 8200 section 4.5
	DefaultMaxBytes       = 4 << 20
	DefaultMaxSourceBytes = 1 << 20
	DefaultMaxFragments   = 256
)

// Config of a table. Zero values stand for the defaults.
type Config struct {
	Timeout4, Timeout6 time.Duration // from a packet's first arrived fragment on

	MaxBytes       int // memory of all packets
	MaxSourceBytes int // memory of one source's packets
	MaxFragments   int // fragments of one packet
}

// Key names a packet in fragments (RFC 791 section 3.2, RFC 8200 section 4.5).
type Key struct {
	If       int // of link-local and multicast packets; 0 of others, whose fragments may come by several interfaces
	Src, Dst netip.Addr
	Proto    uint8 // IPv4 only
	ID       uint32
}

// Fate says what became of a fragment.
type Fate uint8

// Fates.
const (
	Held         Fate = iota // waits for the others
	Complete                 // the packet is whole
	Duplicate                // it is there already
	Empty                    // it carries nothing
	Misaligned               // more follow, but its length is no multiple of 8
	TooLong                  // the packet would exceed 65,535 bytes
	NoHeaders                // a first fragment without all headers (RFC 7112)
	Overlap                  // it overlaps another: the packet is refused
	Inconsistent             // it contradicts the packet's end: the packet is refused
	Refused                  // of a packet that is refused already
	TooMany                  // the packet has too many fragments: it is refused
	NoRoom                   // its packet alone takes more memory than there may be: it is given up
	MixedECN                 // complete, but congestion marks contradict each other (RFC 3168 section 5.3)
	numFates
)

// String returns the fate in words.
func (f Fate) String() string {
	if f < numFates {
		return [...]string{"held", "complete", "duplicate", "empty", "misaligned", "too long", "headers missing", "overlap",
			"inconsistent", "packet refused", "too many fragments", "no room", "mixed ECN"}[f]
	}
	return "unknown"
}

// Result is what became of a fragment. Whole is the whole packet of a Complete
// one, valid until the next call. Pointer is the offset, in the fragment's own
// packet, of the field at fault of an IPv6 fragment that is Misaligned or
// TooLong, about which the sender is told (RFC 8200 section 4.5).
type Result struct {
	Fate    Fate
	Whole   []byte
	Pointer int
}

// Output tells that a packet did not become whole in time. Packet is its first
// fragment, as much of it as an ICMP error could quote. It is the receiver's to
// keep.
type Output struct {
	Key    Key
	If     int // by which the first fragment came
	Packet []byte
}

// Counters of a table.
type Counters struct {
	Fragments  uint64 // taken in
	Whole      uint64 // packets that became whole
	Duplicates uint64 // fragments dropped: exact copies
	Empty      uint64 // fragments dropped: without payload
	Misaligned uint64 // fragments dropped: a length that is no multiple of 8
	TooLong    uint64 // fragments dropped: beyond 65,535 bytes
	NoHeaders  uint64 // fragments dropped: first ones without all headers
	Refused    uint64 // fragments dropped: of a packet that is refused

	Overlaps      uint64 // packets refused: overlapping fragments
	Inconsistent  uint64 // packets refused: fragments beyond the end, or two ends
	TooMany       uint64 // packets refused: too many fragments
	MixedECN      uint64 // packets refused: contradicting congestion marks
	Evicted       uint64 // packets that gave way: memory in all
	EvictedSource uint64 // packets that gave way: memory of their source
	NoRoom        uint64 // packets given up: too much for all the memory there may be
	TimedOut      uint64 // packets that did not become whole
}

// Table is the machine. It is not safe for concurrent use.
type Table struct {
	cfg      Config
	clock    machine.Clock
	packets  map[Key]*packet
	sources  map[netip.Addr]*source
	byAge    [2]list // IPv4 and IPv6: each has one timeout, so that age is order
	bytes    int
	pool     pool
	free     []*packet
	freeSrc  []*source
	whole    []byte // the last whole packet
	out      machine.Queue[Output]
	counters Counters
}

// source is what one source has in the table.
type source struct {
	bytes int
	byAge list
}

// New returns an empty table.
func New(cfg Config) *Table {
	cfg.Timeout4 = cmp.Or(max(cfg.Timeout4, 0), DefaultTimeout4)
	cfg.Timeout6 = cmp.Or(max(cfg.Timeout6, 0), DefaultTimeout6)
	cfg.MaxBytes = cmp.Or(max(cfg.MaxBytes, 0), DefaultMaxBytes)
	cfg.MaxSourceBytes = cmp.Or(max(cfg.MaxSourceBytes, 0), DefaultMaxSourceBytes)
	cfg.MaxFragments = cmp.Or(max(cfg.MaxFragments, 0), DefaultMaxFragments)
	return &Table{cfg: cfg, packets: make(map[Key]*packet), sources: make(map[netip.Addr]*source)}
}

// fragment is one fragment of either family.
type fragment struct {
	key     Key
	ifIndex int
	off     int // of payload in the fragmented part
	more    bool
	head    []byte // all headers, IPv6's Fragment header last
	next    uint8  // IPv6: protocol of the fragmented part
	nextAt  int    // IPv6: where head names the Fragment header
	tos     uint8
	payload []byte
}

func (f *fragment) end() int { return f.off + len(f.payload) }

// fixed returns how many bytes stand before the fragmented part, as far as
// they count against 65,535.
func (f *fragment) fixed() int {
	if f.key.Src.Is6() {
		return len(f.head) - inet.HeaderLenIPv6 - fragmentHeaderLen
	}
	return len(f.head)
}

// maxLength is the greatest total length of IPv4, and payload length of IPv6.
const maxLength = 0xffff

// keyIf returns the interface for a key.
func keyIf(ifIndex int, src, dst netip.Addr) int {
	if dst.IsMulticast() || src.IsLinkLocalUnicast() || dst.IsLinkLocalUnicast() {
		return ifIndex
	}
	return 0
}

// HandleIPv4 takes in a fragment received on an interface: packet, whose
// header is h. Its bytes are copied.
func (t *Table) HandleIPv4(now machine.Time, ifIndex int, h *inet.IPv4, packet []byte) Result {
	n := h.WireLen()
	f := fragment{
		key: Key{If: keyIf(ifIndex, h.Src, h.Dst), Src: h.Src, Dst: h.Dst, Proto: h.Proto, ID: uint32(h.ID)}, ifIndex: ifIndex,
		off: h.FragOffset, more: h.MF, head: packet[:n], tos: h.TOS, payload: packet[n:],
	}
	return t.handle(now, &f)
}

// HandleIPv6 takes in a fragment received on an interface: packet, whose
// header is h. Its bytes are copied.
func (t *Table) HandleIPv6(now machine.Time, ifIndex int, h *inet.IPv6, packet []byte) Result {
	n := h.WireLen()
	f := fragment{
		key: Key{If: keyIf(ifIndex, h.Src, h.Dst), Src: h.Src, Dst: h.Dst, ID: h.Fragment.ID}, ifIndex: ifIndex,
		off: h.Fragment.Offset, more: h.Fragment.More, head: packet[:n], next: h.NextHeader, nextAt: fragmentNamedAt(packet[:n]),
		tos: h.TrafficClass, payload: packet[n:],
	}
	return t.handle(now, &f)
}

func (t *Table) handle(now machine.Time, f *fragment) Result {
	now = t.clock.At(now)
	t.counters.Fragments++
	if r, bad := t.check(f); bad {
		return r
	}
	p := t.packets[f.key]
	if p == nil {
		if p = t.open(now, f); p == nil {
			return Result{Fate: NoRoom}
		}
	}
	return t.insert(p, f)
}

// check drops a fragment that is wrong whatever the others are.
func (t *Table) check(f *fragment) (Result, bool) {
	switch {
	case len(f.payload) == 0:
		t.counters.Empty++
		return Result{Fate: Empty}, true
	case f.more && len(f.payload)%8 != 0:
		t.counters.Misaligned++
		return Result{Fate: Misaligned, Pointer: payloadLengthAt}, true
	case f.fixed()+f.end() > maxLength:
		t.counters.TooLong++
		return Result{Fate: TooLong, Pointer: len(f.head) - fragmentHeaderLen + 2}, true
	case f.key.Src.Is6() && f.off == 0 && !completeChain(f.next, f.payload):
		t.counters.NoHeaders++
		return Result{Fate: NoHeaders}, true
	}
	return Result{}, false
}

// Advance gives up what is due. Early and stale calls do nothing.
func (t *Table) Advance(now machine.Time) {
	now = t.clock.At(now)
	for {
		p := t.oldest(nil)
		if p == nil || p.until > now {
			return
		}
		if !p.refused {
			t.counters.TimedOut++
			if p.head != nil {
				t.out.Push(Output{Key: p.key, If: p.ifIndex, Packet: p.quote()})
			}
		}
		t.close(p)
	}
}

// oldest returns the packet whose time is up first, of all but one.
func (t *Table) oldest(but *packet) *packet {
	a, b := t.byAge[0].first, t.byAge[1].first
	if but != nil && a == but {
		a = but.nxt
	}
	if but != nil && b == but {
		b = but.nxt
	}
	if a == nil || b != nil && b.until < a.until {
		return b
	}
	return a
}

// Deadline returns when Advance has something to do.
func (t *Table) Deadline() (machine.Time, bool) {
	if p := t.oldest(nil); p != nil {
		return p.until, true
	}
	return 0, false
}

// Next returns the oldest output.
func (t *Table) Next() (*Output, bool) { return t.out.Pop() }

// Quiet reports whether no packet is in parts and no output is left.
func (t *Table) Quiet() bool { return len(t.packets) == 0 && t.out.Len() == 0 }

// Len returns how many packets are in parts or refused.
func (t *Table) Len() int { return len(t.packets) }

// Bytes returns how much memory they take.
func (t *Table) Bytes() int { return t.bytes }

// Counters returns a copy of the counters.
func (t *Table) Counters() Counters { return t.counters }
