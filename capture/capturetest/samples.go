package capturetest

import (
	"bytes"
	"net/netip"
	"time"

	"github.com/mpstack/mpstack/capture"
	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/intserv"
	"github.com/mpstack/mpstack/stack/winsock"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/igmp"
	"github.com/mpstack/mpstack/wire/inet"
	"github.com/mpstack/mpstack/wire/mpj"
)

// Net is a family's addresses in the samples: a root, a leaf, and the group of
// their session.
type Net struct{ Root, Leaf, Group netip.Addr }

// Nets are the IPv4 and the IPv6 addresses of the samples.
var Nets = [2]Net{
	{netip.MustParseAddr("10.0.0.9"), netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("232.1.2.3")},
	{netip.MustParseAddr("2001:db8::9"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("ff3e::8000:1")},
}

// Link-local addresses of the leaf, for neighbor discovery and MLD.
var leafLocal = netip.MustParseAddr("fe80::1")

// Ports of the samples' session.
const (
	NamePort = 5000
	DataPort = 50001
)

// Samples returns frames of every kind that the stack sends, in both families,
// a millisecond apart, at the ports "leaf/eth0" and "root/eth0".
func Samples() ([]wire.Frame, error) {
	s := sampler{at: machine.VirtualEpoch}
	for _, n := range Nets {
		s.resolution(n)
		s.membership(n)
		s.joins(n)
		s.reservation(n)
		s.data(n)
	}
	return s.frames, s.Err
}

// Capture returns the samples as a pcapng file.
func Capture() ([]byte, error) {
	frames, err := Samples()
	if err != nil {
		return nil, err
	}
	return File(frames...)
}

// File returns a pcapng file of the frames.
func File(frames ...wire.Frame) ([]byte, error) {
	var b bytes.Buffer
	w, err := capture.NewWriter(&b)
	if err != nil {
		return nil, err
	}
	for _, f := range frames {
		if err := w.WriteFrame(f); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// sampler collects frames.
type sampler struct {
	Builder
	frames []wire.Frame
	at     machine.Time
}

// add adds a frame that a port sent.
func (s *sampler) add(port string, cause machine.Cause, data []byte) {
	if s.Err != nil {
		return
	}
	s.at = s.at.Add(time.Millisecond)
	s.frames = append(s.frames, wire.Frame{Data: data, At: s.at, Port: port, Dir: wire.DirOut, Cause: cause})
}

const (
	leaf = "leaf/eth0"
	root = "root/eth0"
)

func (s *sampler) resolution(n Net) {
	if n.Leaf.Is4() {
		s.add(leaf, "sample/arp/request", s.ARP(inet.ARP{Op: inet.ARPRequest, SenderMAC: MAC(n.Leaf), SenderIP: n.Leaf, TargetIP: n.Root}))
		s.add(root, "sample/arp/reply", s.ARP(inet.ARP{Op: inet.ARPReply, SenderMAC: MAC(n.Root), SenderIP: n.Root, TargetMAC: MAC(n.Leaf), TargetIP: n.Leaf}))
		return
	}
	ns := inet.NeighborSolicitation{Target: n.Root, LinkAddr: MAC(n.Leaf), HasLinkAddr: true}
	na := inet.NeighborAdvertisement{Solicited: true, Override: true, Target: n.Root, LinkAddr: MAC(n.Root), HasLinkAddr: true}
	s.add(leaf, "sample/ndp/solicitation", s.ICMPv6(n.Leaf, inet.SolicitedNode(n.Root), 255, ns.AppendTo))
	s.add(root, "sample/ndp/advertisement", s.ICMPv6(n.Root, n.Leaf, 255, na.AppendTo))
}

func (s *sampler) membership(n Net) {
	src, all, routers, version := n.Leaf, igmp.AllSystems, igmp.AllV3Routers, uint8(3)
	if n.Leaf.Is6() {
		src, all, routers, version = leafLocal, igmp.AllNodes6, igmp.AllV2Routers6, 2
	}
	query := igmp.Message{Kind: igmp.KindQuery, Query: igmp.Query{Version: version, MaxResp: 10 * time.Second, QRV: 2, QQI: 125 * time.Second}}
	report := igmp.Message{Kind: igmp.KindReport, Report: igmp.Report{Version: version, Records: []igmp.Record{
		{Type: igmp.AllowNewSources, Group: n.Group, Sources: []netip.Addr{n.Root}},
		{Type: igmp.ModeIsExclude, Group: n.Group},
	}}}
	s.add(leaf, "sample/group/query", s.Membership(src, all, &query))
	s.add(leaf, "sample/group/report", s.Membership(src, routers, &report))
}

// FlowSpec is the samples' Winsock flowspec.
var FlowSpec = winsock.FlowSpec{
	TokenRate: 125_000, TokenBucketSize: 3000, PeakBandwidth: 250_000, Latency: winsock.QOS_NOT_SPECIFIED,
	DelayVariation: winsock.QOS_NOT_SPECIFIED, ServiceType: winsock.SERVICETYPE_CONTROLLEDLOAD, MaxSduSize: 1200, MinimumPolicedSize: 64,
}

// Messages returns one MPJ message of each type between the hosts of a family,
// with every object that it may carry.
func Messages(n Net) []mpj.Message {
	const leafTag, rootTag = 0x1122334455667788, 0x99aabbccddeeff01
	session := mpj.Session{Group: netip.AddrPortFrom(n.Group, DataPort), TTL: 32, Mode: mpj.Multicast}
	qos := mpj.QOS{Sending: FlowSpec, Receiving: FlowSpec}
	timers := mpj.Timers{HelloMS: 10_000, HoldMS: 35_000}
	ofRoot := mpj.HasSession | mpj.HasRootData | mpj.HasTimers
	messages := []mpj.Message{
		{Type: mpj.TypeJoin, Flags: mpj.FlagQ, Has: mpj.HasTarget | mpj.HasCaller | mpj.HasRole | mpj.HasQOS | mpj.HasCallerData | mpj.HasJoinLimits | mpj.HasCookie | mpj.HasPad,
			Target: netip.AddrPortFrom(n.Root, NamePort), Caller: netip.AddrPortFrom(n.Leaf, NamePort),
			Role:       mpj.Role{Control: mpj.ControlLeaf, Data: mpj.DataLeaf, Planes: mpj.RootedControl | mpj.RootedData, JL: mpj.Both},
			CallerData: []byte("hello, root"), JoinLimits: mpj.JoinLimits{RemainingMS: 30_000, CalleeRoom: 256}, Cookie: []byte("0123456789abcdef"), PadLen: 64},
		{Type: mpj.TypeJoin, Has: mpj.HasTarget | mpj.HasCaller | mpj.HasRole | mpj.HasJoinLimits | ofRoot,
			Target: netip.AddrPortFrom(n.Root, NamePort), Caller: netip.AddrPortFrom(n.Leaf, NamePort),
			Role: mpj.Role{Control: mpj.ControlRoot, Data: mpj.DataRoot, Planes: mpj.RootedControl | mpj.RootedData, JL: mpj.SenderOnly}},
		{Type: mpj.TypeChallenge, Has: mpj.HasCookie, Cookie: []byte("0123456789abcdef")},
		{Type: mpj.TypePending},
		{Type: mpj.TypeAccept, Has: mpj.HasQOS | mpj.HasCalleeData | ofRoot, CalleeData: []byte("welcome")},
		{Type: mpj.TypeReject, Has: mpj.HasReason | mpj.HasCalleeData, Reason: mpj.ReasonOf(mpj.Refused), CalleeData: []byte{0, 1, 2, 0xff}},
		{Type: mpj.TypeConfirm},
		{Type: mpj.TypeStatus, Has: mpj.HasReservation, Reservation: mpj.Reservation{Code: 1, Flags: 1, Value: 2, Node: n.Root}},
		{Type: mpj.TypeStatusAck},
		{Type: mpj.TypeLeave, Has: mpj.HasReason | mpj.HasIntegrity, Reason: mpj.ReasonOf(mpj.Left), Integrity: bytes.Repeat([]byte{0, 0, 0x5a, 0xa5}, 9)},
		{Type: mpj.TypeLeaveAck},
		{Type: mpj.TypeHello},
		{Type: mpj.TypeHelloAck, Has: mpj.HasTimers},
		{Type: mpj.TypeSide, Has: mpj.HasSideData, SideData: []byte("aside")},
	}
	for i := range messages {
		m := &messages[i]
		m.DstTag, m.SrcTag, m.Transaction = rootTag, leafTag, uint32(i+1)
		m.Session, m.RootData, m.QOS, m.Timers = session, netip.AddrPortFrom(n.Root, DataPort), qos, timers
	}
	messages[0].DstTag = 0
	return messages
}

func (s *sampler) joins(n Net) {
	messages := Messages(n)
	for i := range messages {
		s.add(leaf, machine.Cause("sample/mpj/"+messages[i].Type.String()), s.MPJ(n.Leaf, n.Root, &messages[i]))
	}
}

// TSpec is the samples' token bucket.
var TSpec = intserv.TSpec{Rate: 125_000, Depth: 3000, Peak: 250_000, MinUnit: 92, MaxPacket: 1228}

// Reservation returns one RSVP message of each type that RFC 2205 defines, for
// the session of a family.
func Reservation(n Net) []rsvp.Message {
	session := rsvp.Session{Dst: n.Group, Proto: inet.ProtoUDP, DstPort: DataPort}
	sender := rsvp.NewFilterSpec(netip.AddrPortFrom(n.Root, DataPort))
	ad := intserv.NewAdSpec(intserv.ControlledLoad, intserv.Guaranteed)
	ad = ad.Compose(intserv.Local{Bandwidth: 1.25e6, Latency: 10, MTU: 1500, ControlledLoad: true, Guaranteed: true, C: 1500, D: 20})
	flows := []rsvp.FlowDescriptor{{FlowSpec: intserv.FlowSpec{Service: intserv.ControlledLoad, TSpec: TSpec}, Filters: []rsvp.FilterSpec{sender}}}
	failure := rsvp.ErrorSpec{Node: n.Root, Flags: rsvp.InPlace, Code: rsvp.CodeAdmission, Value: rsvp.ValueBandwidth}
	guaranteed := []rsvp.FlowDescriptor{{Filters: []rsvp.FilterSpec{sender}, FlowSpec: intserv.FlowSpec{
		Service: intserv.Guaranteed, TSpec: TSpec, RSpec: intserv.RSpec{Rate: 130_000, Slack: 40}}}}
	times := rsvp.NewTimeValues(30 * time.Second)
	down, up := rsvp.Hop{Addr: n.Root, LIH: 2}, rsvp.Hop{Addr: n.Leaf, LIH: 2}
	messages := []rsvp.Message{
		{Type: rsvp.Path, Hop: down, TimeValues: times, Sender: sender, HasTSpec: true, TSpec: TSpec, HasAdSpec: true, AdSpec: ad},
		{Type: rsvp.Resv, Hop: up, TimeValues: times, Confirm: n.Leaf, Style: rsvp.FF, Flows: flows},
		{Type: rsvp.Resv, Hop: up, TimeValues: times, HasScope: true, Scope: []netip.Addr{n.Leaf, n.Root}, Style: rsvp.SE, Flows: guaranteed},
		{Type: rsvp.PathErr, Error: failure, Sender: sender, HasTSpec: true, TSpec: TSpec},
		{Type: rsvp.ResvErr, Hop: down, Error: failure, Style: rsvp.FF, Flows: flows},
		{Type: rsvp.PathTear, Hop: down, Sender: sender},
		{Type: rsvp.ResvTear, Hop: up, Style: rsvp.FF, Flows: flows},
		{Type: rsvp.ResvConf, Error: rsvp.ErrorSpec{Node: n.Root}, Confirm: n.Leaf, Style: rsvp.FF, Flows: flows},
	}
	for i := range messages {
		messages[i].Session, messages[i].SendTTL = session, 63
	}
	return messages
}

func (s *sampler) reservation(n Net) {
	messages := Reservation(n)
	for i := range messages {
		m := &messages[i]
		dst := n.Root
		if m.Type == rsvp.Path || m.Type == rsvp.PathTear {
			dst = n.Group
		}
		s.add(leaf, machine.Cause("sample/rsvp/"+m.Type.String()), s.RSVP(n.Leaf, dst, m))
	}
}

func (s *sampler) data(n Net) {
	data := s.UDP(netip.AddrPortFrom(n.Root, DataPort), netip.AddrPortFrom(n.Group, DataPort), 32, []byte("datagram 1"))
	s.add(root, "sample/data", data)
}
