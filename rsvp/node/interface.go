package node

import (
	"math"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/auth"
	"github.com/mpstack/mpstack/rsvp/intserv"
)

// Interface is what the node is told about an interface. The zero value beside
// Index is what holds for interfaces that were not configured: unlimited
// reservations, both services, nothing known of bandwidth and latency.
type Interface struct {
	Index int
	// Rate is the capacity in bytes per second; 0: unknown, and reservations are
	// not limited.
	Rate uint64
	// Share of Rate that reservations may take, above 0 to 1; 0 means 1.
	Share   float64
	Latency time.Duration // least delay of the link and this node; 0: unknown
	// C and D are guaranteed service's error terms (RFC 2212): bytes, and
	// microseconds.
	C, D uint32
	// Services that are not offered here; ADSPEC gets their break bits.
	NoGuaranteed, NoControlledLoad bool
	// Auth is what is asked of messages that come in here, and whether those that
	// go out are signed (RFC 2747 section 4). Anything but auth.Off needs Signer,
	// with the keys of this interface, and Config.Verifier.
	Auth   auth.Policy
	Signer *auth.Signer
}

// iface is an interface's configuration and the sum of what is admitted.
type iface struct {
	Interface
	used uint64 // bytes per second
	down bool

	neighbors, reducing int // RSVP neighbors that are known, and those with refresh reduction
}

// reservable returns the rate that reservations may sum up to.
func (f *iface) reservable() uint64 {
	switch {
	case f.Rate == 0:
		return math.MaxUint64
	case f.Share <= 0 || f.Share >= 1:
		return f.Rate
	}
	return uint64(float64(float64(f.Rate) * f.Share))
}

// iface returns an interface's record; one that was not configured gets the
// zero configuration.
func (n *Node) iface(index int) *iface {
	f := n.ifs[index]
	if f == nil {
		f = &iface{Interface: Interface{Index: index}}
		n.ifs[index] = f
	}
	return f
}

// Configure describes an interface. Reservations that are in place stay, even
// above a smaller share. ADSPECs change with the next Path.
func (n *Node) Configure(now machine.Time, f Interface) {
	n.begin(now)
	defer n.end()
	n.iface(f.Index).Interface = f
	n.secured = n.secured || f.Auth != auth.Off
}

// advertise is TC_Advertise of RFC 2205 section 3.11.2: p's ADSPEC as it leaves
// through an interface.
func (n *Node) advertise(p *psb, oi int) intserv.AdSpec {
	f := n.iface(oi)
	l := intserv.Local{
		NonRSVP: p.nonRSVP, Latency: intserv.Indeterminate, MTU: math.MaxUint32,
		Guaranteed: !f.NoGuaranteed, ControlledLoad: !f.NoControlledLoad, Null: true, C: f.C, D: f.D,
	}
	if f.Rate != 0 {
		l.Bandwidth = float32(f.reservable())
	}
	if f.Latency > 0 {
		l.Latency = uint32(min(f.Latency.Microseconds(), math.MaxUint32))
	}
	if mtu := n.cfg.Routes.MTU(oi); mtu > 0 {
		l.MTU = uint32(mtu)
	}
	return p.adspec.Compose(l)
}

// charge makes rate what a reservation counts against its interface's share.
func (n *Node) charge(t *tcsb, rate uint64) {
	if t.oi > apiAny {
		f := n.iface(t.oi)
		f.used += rate - t.counted
	}
	t.counted = rate
}

// admit decides whether want may replace what t counts now (RFC 2205 section
// 2.2, RFC 2211, RFC 2212). A request that does not grow is never refused.
func (n *Node) admit(t *tcsb, want reservation) (code rsvp.ErrorCode, value uint16, ok bool) {
	if t.oi <= apiAny {
		return 0, 0, true
	}
	mtu := n.cfg.Routes.MTU(t.oi)
	if mtu > 0 && uint64(want.flow.TSpec.MaxPacket) > uint64(mtu) {
		return rsvp.CodeAdmission, rsvp.ValueMTU, false
	}
	f := n.iface(t.oi)
	if f.NoGuaranteed && want.flow.Service == intserv.Guaranteed || f.NoControlledLoad && want.flow.Service == intserv.ControlledLoad {
		return rsvp.CodeTrafficControl, rsvp.ValueUnsupported, false
	}
	others := f.used - t.counted
	if limit := f.reservable(); want.rate > t.counted && (want.rate > limit || others > limit-want.rate) {
		return rsvp.CodeAdmission, rsvp.ValueBandwidth, false
	}
	return 0, 0, true
}
