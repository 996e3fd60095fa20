package golden_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mpstack/mpstack/capture/capturetest"
	"github.com/mpstack/mpstack/capture/dissect"
	"github.com/mpstack/mpstack/capture/golden"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/igmp"
	"github.com/mpstack/mpstack/wire/inet"
	"github.com/mpstack/mpstack/wire/mpj"
)

func structural(t testing.TB, want, got []byte, r golden.Rules) []golden.Finding {
	t.Helper()
	findings, err := golden.Structural(want, got, r)
	if err != nil {
		t.Fatal(err)
	}
	return findings
}

// TestStructuralSame finds nothing between a capture and itself, played twice,
// later, in another order of flows, with other MAC addresses.
func TestStructuralSame(t *testing.T) {
	frames := samples(t)
	want := file(t, frames...)
	later := make([]wire.Frame, 0, 2*len(frames))
	for range 2 {
		for _, f := range frames {
			f = f.Clone()
			f.At = f.At.Add(time.Hour)
			f.Cause = "another/cause"
			copy(f.Data[6:12], "\x02host!")
			later = append(later, f)
		}
	}
	byPort := slices.Clone(frames)
	slices.SortStableFunc(byPort, func(a, b wire.Frame) int { return strings.Compare(b.Port, a.Port) })
	for name, got := range map[string][]byte{"same": want, "twice": file(t, later...), "by port": file(t, byPort...)} {
		if f := structural(t, want, got, golden.DefaultRules()); len(f) != 0 {
			t.Errorf("%s: %s", name, golden.Report(f))
		}
	}
}

// world builds the frames of a small scenario with what varies from run to run.
type world struct {
	capturetest.Builder
	frames       []wire.Frame
	group        netip.Addr
	port         uint16
	tag          uint64
	local        netip.Addr
	refresh      time.Duration
	callerData   string
	probes       int // ARP requests
	repeats      int // retransmissions and refreshes
	kernelExtras bool
}

func (w *world) add(port string, dir wire.Dir, data []byte) {
	w.frames = append(w.frames, wire.Frame{Data: data, Port: port, Dir: dir})
}

// file plays the scenario.
func (w *world) file(t *testing.T) []byte {
	t.Helper()
	n := capturetest.Nets[0]
	for range w.probes {
		w.add("leaf/p", wire.DirOut, w.ARP(inet.ARP{Op: inet.ARPRequest, SenderMAC: inet.MAC{5: byte(w.tag)}, SenderIP: n.Leaf, TargetIP: n.Root}))
	}
	w.add("root/p", wire.DirOut, w.ARP(inet.ARP{Op: inet.ARPReply, SenderIP: n.Root, TargetIP: n.Leaf}))
	for i := range w.repeats {
		join := capturetest.Messages(n)[0]
		join.SrcTag, join.JoinLimits.RemainingMS, join.Caller = w.tag, uint32(30000-i*250), netip.AddrPortFrom(n.Leaf, w.port+1)
		join.CallerData = []byte(w.callerData)
		w.add("leaf/p", wire.DirOut, w.MPJ(n.Leaf, n.Root, &join))
	}
	accept := capturetest.Messages(n)[4]
	accept.SrcTag, accept.DstTag = w.tag+1, w.tag
	accept.Session.Group = netip.AddrPortFrom(w.group, w.port)
	w.add("root/p", wire.DirOut, w.MPJ(n.Root, n.Leaf, &accept))
	for range w.repeats {
		path := capturetest.Reservation(n)[0]
		path.Session = rsvp.Session{Dst: w.group, Proto: inet.ProtoUDP, DstPort: w.port}
		path.TimeValues = rsvp.NewTimeValues(w.refresh)
		path.Hop.LIH = uint32(w.tag)
		w.add("root/p", wire.DirOut, w.RSVP(n.Root, w.group, &path))
	}
	report := igmp.Message{Kind: igmp.KindReport, Report: igmp.Report{Version: 2, Records: []igmp.Record{
		{Type: igmp.AllowNewSources, Group: netip.MustParseAddr("ff3e::8000:1"), Sources: []netip.Addr{capturetest.Nets[1].Root}}}}}
	w.add("leaf/p", wire.DirOut, w.Membership(w.local, igmp.AllV2Routers6, &report))
	w.add("root/p", wire.DirOut, w.UDP(netip.AddrPortFrom(n.Root, w.port), netip.AddrPortFrom(w.group, w.port), 32, []byte("datagram")))
	if w.kernelExtras {
		w.add("router/k", wire.DirIn, w.UDP(netip.MustParseAddrPort("10.0.0.77:5353"), netip.MustParseAddrPort("224.0.0.251:5353"), 255, []byte("mdns")))
	}
	if w.Err != nil {
		t.Fatal(w.Err)
	}
	return file(t, w.frames...)
}

func base() *world {
	return &world{group: netip.MustParseAddr("232.1.2.3"), port: 50001, tag: 7, local: netip.MustParseAddr("fe80::1"), refresh: 30 * time.Second,
		callerData: "hello", probes: 1, repeats: 1}
}

// TestStructuralVolatile changes what may vary, one thing at a time and all
// together: nothing is found.
func TestStructuralVolatile(t *testing.T) {
	want := base().file(t)
	changes := map[string]func(w *world){
		"group":   func(w *world) { w.group = netip.MustParseAddr("232.77.8.9") },
		"port":    func(w *world) { w.port = 61000 },
		"tags":    func(w *world) { w.tag = 0x1234567890 },
		"local":   func(w *world) { w.local = netip.MustParseAddr("fe80::5054:ff:fe12:3456") },
		"refresh": func(w *world) { w.refresh = 45 * time.Second },
		"probes":  func(w *world) { w.probes = 3 },
		"repeats": func(w *world) { w.repeats = 4 },
	}
	all := base()
	for name, change := range changes {
		w := base()
		change(w)
		change(all)
		if f := structural(t, want, w.file(t), golden.DefaultRules()); len(f) != 0 {
			t.Errorf("%s: %s", name, golden.Report(f))
		}
	}
	if f := structural(t, want, all.file(t), golden.DefaultRules()); len(f) != 0 {
		t.Errorf("all: %s", golden.Report(f))
	}
}

// TestStructuralFindings changes what may not vary.
func TestStructuralFindings(t *testing.T) {
	want := base().file(t)
	for name, tt := range map[string]struct {
		change func(w *world)
		want   string
	}{
		"caller data": {func(w *world) { w.callerData = "hullo" },
			`frame 3 at leaf/p differs: mpj JOIN 10.0.0.1 port 52205 > 10.0.0.9 port 52205: mpj.USER_DATA.data: golden 68656c6c6f ("hello"), got 68756c6c6f ("hullo")` + "\n"},
		"group outside of the range": {func(w *world) { w.group = netip.MustParseAddr("239.1.2.3") },
			"frame 4 at root/p differs: mpj ACCEPT 10.0.0.9 port 52205 > 10.0.0.1 port 52205: mpj.SESSION.group: golden 232.1.2.3, got 239.1.2.3\n" +
				"golden frame 5 at root/p is missing: rsvp Path 10.0.0.9 > group\n" +
				"golden frame 7 at root/p is missing: udp 10.0.0.9 port port > group port port\n" +
				"frame 5 at root/p is not in the golden: rsvp Path 10.0.0.9 > 239.1.2.3\n" +
				"frame 7 at root/p is not in the golden: udp 10.0.0.9 port port > 239.1.2.3 port port\n"},
		"kernel host": {func(w *world) { w.kernelExtras = true },
			"frame 8 at router/k is not in the golden: udp 10.0.0.77 port 5353 > 224.0.0.251 port 5353\n"},
	} {
		w := base()
		tt.change(w)
		got := w.file(t)
		if l := lines(structural(t, want, got, golden.DefaultRules())); l != tt.want {
			t.Errorf("%s: got\n%swant\n%s", name, l, tt.want)
		}
	}
	none := base()
	none.probes = 0
	if l := lines(structural(t, want, none.file(t), golden.DefaultRules())); l != "golden frame 1 at leaf/p is missing: address resolution\n" {
		t.Errorf("no ARP: %q", l)
	}
}

// TestIgnoredPorts leaves out flows of kernel hosts that only one side has.
func TestIgnoredPorts(t *testing.T) {
	plain := base().file(t)
	w := base()
	w.kernelExtras = true
	extra := w.file(t)
	r := golden.DefaultRules()
	r.IgnoreExtra = []string{"router/*"}
	if f := structural(t, plain, extra, r); len(f) != 0 {
		t.Errorf("%s", golden.Report(f))
	}
	if f := structural(t, extra, plain, r); len(f) != 1 {
		t.Errorf("%s", golden.Report(f))
	}
	r = golden.DefaultRules()
	r.IgnoreMissing = []string{"other", "router/k"}
	if f := structural(t, extra, plain, r); len(f) != 0 {
		t.Errorf("%s", golden.Report(f))
	}
	if f := structural(t, plain, extra, r); len(f) != 1 {
		t.Errorf("%s", golden.Report(f))
	}
}

// TestOwnRules adds a volatile field and takes the default ones away.
func TestOwnRules(t *testing.T) {
	w := base()
	w.callerData = "hullo"
	r := golden.DefaultRules()
	r.Volatile = append(r.Volatile, golden.Volatile{Path: "mpj.USER_DATA.data", Why: "drawn by the scenario"})
	if f := structural(t, base().file(t), w.file(t), r); len(f) != 0 {
		t.Errorf("%s", golden.Report(f))
	}
	other := base()
	other.tag++
	f := structural(t, base().file(t), other.file(t), golden.Rules{})
	var text strings.Builder
	for _, finding := range f {
		text.WriteString(finding.String())
	}
	for _, want := range []string{"arp.sender_mac: ", "mpj.src_tag: ", "rsvp.RSVP_HOP.logical_interface_handle: ", "udp.checksum: "} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no rules, but no %q in\n%s", want, text.String())
		}
	}
}

// TestMPJPortIsNotDynamic: the protocol's own port lies among the dynamic
// ones, and counts.
func TestMPJPortIsNotDynamic(t *testing.T) {
	var b capturetest.Builder
	n := capturetest.Nets[0]
	frame := func(port uint16) []byte {
		return file(t, wire.Frame{Port: "a/b", Data: b.UDP(netip.AddrPortFrom(n.Leaf, 50000), netip.AddrPortFrom(n.Root, port), 1, []byte("x"))})
	}
	if f := structural(t, frame(50000), frame(50001), golden.DefaultRules()); len(f) != 0 {
		t.Errorf("%s", golden.Report(f))
	}
	for _, port := range []uint16{mpj.Port, 5000} {
		if f := structural(t, frame(50000), frame(port), golden.DefaultRules()); len(f) != 2 {
			t.Errorf("port %d: %s", port, golden.Report(f))
		}
	}
}

// TestRulesNameRealFields: each volatile path but the capture's own and those
// of objects that come later is a field of some sample, so that none is a
// mistake in writing.
func TestRulesNameRealFields(t *testing.T) {
	later := map[string]bool{"rsvp.INTEGRITY.*": true} // not sent yet
	var paths []string
	for _, f := range samples(t) {
		for p := range dissect.Frame(f.Data).Walk() {
			paths = append(paths, p)
		}
	}
	for _, v := range golden.DefaultRules().Volatile {
		if v.Why == "" {
			t.Errorf("%s: no reason", v.Path)
		}
		found := strings.HasPrefix(v.Path, "frame.") || later[v.Path]
		for _, p := range paths {
			found = found || dissect.Match(v.Path, p)
		}
		if !found {
			t.Errorf("%s: no sample has such a field", v.Path)
		}
	}
}

// TestStructuralLayers compares frames that no layer claims.
func TestStructuralLayers(t *testing.T) {
	a := file(t, wire.Frame{Data: []byte("short"), Port: "a/b"})
	b := file(t, wire.Frame{Data: []byte("other"), Port: "a/b"})
	if f := structural(t, a, a, golden.DefaultRules()); len(f) != 0 {
		t.Errorf("%s", golden.Report(f))
	}
	f := structural(t, a, b, golden.DefaultRules())
	if len(f) != 1 || f[0].Fields[0].Path != "data.bytes" || f[0].Dump == "" {
		t.Errorf("%s", golden.Report(f))
	}
}
