package node_test

import (
	"encoding/csv"
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/intserv"
	"github.com/mpstack/mpstack/rsvp/node"
	"github.com/mpstack/mpstack/rsvp/node/nodetest"
)

// through is the routes of a router between interface 2, upstream, and 1,
// downstream.
type through struct{}

var onlyOne = []int{1}

func (through) Unicast(netip.Addr) (int, bool)         { return 1, true }
func (through) Multicast(_, _ netip.Addr, _ int) []int { return onlyOne }
func (through) IsLocal(a netip.Addr) bool              { b := a.As4(); return b[0] == 10 && b[1] == 0 }
func (through) MTU(int) int                            { return 1500 }
func (through) Address(index int, v6 bool) (a netip.Addr, ok bool) {
	return netip.AddrFrom4([4]byte{10, 0, 0, byte(index)}), !v6
}

// refresher sends a router the Path and Resv of one session after another.
type refresher struct {
	n          *node.Node
	path, resv rsvp.Message
	buf        []byte
	outputs    int
}

func newRefresher() *refresher {
	return &refresher{
		n: node.New(node.Config{Node: "R", Rand: machine.Rand(1, "R", "rsvp"), Router: true, Routes: through{}}),
		path: rsvp.Message{Type: rsvp.Path, SendTTL: 64, Hop: rsvp.Hop{Addr: addr("10.9.0.1"), LIH: 1}, TimeValues: rsvp.TimeValues{RefreshMS: 30000},
			Sender: rsvp.NewFilterSpec(port("10.9.0.1:4000")), HasTSpec: true, TSpec: tspec(1000), HasAdSpec: true, AdSpec: intserv.NewAdSpec(intserv.Guaranteed, intserv.ControlledLoad)},
		resv: rsvp.Message{Type: rsvp.Resv, SendTTL: 255, Hop: rsvp.Hop{Addr: addr("10.8.0.1"), LIH: 1}, TimeValues: rsvp.TimeValues{RefreshMS: 30000},
			Style: rsvp.FF, Flows: []rsvp.FlowDescriptor{{FlowSpec: load(1000), Filters: []rsvp.FilterSpec{rsvp.NewFilterSpec(port("10.9.0.1:4000"))}}}},
	}
}

// give delivers Path and Resv of session i.
func (r *refresher) give(now machine.Time, i int) {
	dst := netip.AddrFrom4([4]byte{232, byte(i >> 16), byte(i >> 8), byte(i)})
	r.path.Session = rsvp.Session{Dst: dst, Proto: 17, DstPort: 5000}
	r.resv.Session = r.path.Session
	r.buf, _ = r.path.AppendTo(r.buf[:0])
	r.n.HandleMessage(now, node.Incoming{InIf: 2, Src: r.path.Sender.Src, Dst: dst, TTL: 64, RouterAlert: true, Payload: r.buf})
	r.drain()
	r.buf, _ = r.resv.AppendTo(r.buf[:0])
	r.n.HandleMessage(now, node.Incoming{InIf: 1, Src: r.resv.Hop.Addr, Dst: netip.AddrFrom4([4]byte{10, 0, 0, 1}), TTL: 255, Payload: r.buf})
	r.drain()
}

func (r *refresher) drain() {
	for {
		if _, ok := r.n.Next(); !ok {
			return
		}
		r.outputs++
	}
}

// TestRefreshAllocatesNothing: in the steady state, messages that come in and
// refreshes that go out.
func TestRefreshAllocatesNothing(t *testing.T) {
	r := newRefresher()
	now := machine.VirtualEpoch
	for i := range 100 {
		r.give(now, i)
	}
	round := func() {
		now = now.Add(20 * time.Second)
		for i := range 100 {
			r.give(now, i)
		}
		r.n.Advance(now)
		r.drain()
	}
	for range 10 {
		round()
	}
	r.outputs = 0
	if n := testing.AllocsPerRun(20, round); n != 0 {
		t.Errorf("%v allocations for 200 messages", n)
	}
	if c := r.n.Counters(); r.outputs < 1000 || c.Installed != 100 || c.PathExpired+c.ResvExpired != 0 {
		t.Errorf("%d outputs, %+v", r.outputs, c)
	}
}

// TestManySessions: many sessions come and go, and nothing stays.
func TestManySessions(t *testing.T) {
	r := newRefresher()
	now := machine.VirtualEpoch
	for i := range 5000 {
		r.give(now, i)
	}
	if c := r.n.Counters(); c.Installed != 5000 || c.Sessions != 5000 {
		t.Errorf("%+v", c)
	}
	if used, _ := r.n.Reserved(1); used != 5_000_000 {
		t.Errorf("%d bytes/s", used)
	}
	r.n.Advance(now.Add(time.Hour))
	r.drain()
	if used, _ := r.n.Reserved(1); !r.n.Quiet() || used != 0 {
		t.Errorf("%d bytes/s, %+v", used, r.n.Counters())
	}
}

// TestCorpusReplay gives a router every RSVP message of the captures by others,
// as they come: nothing panics, and in time nothing is left of them.
func TestCorpusReplay(t *testing.T) {
	dir := os.Getenv("MPSTACK_CORPUS")
	if dir == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("MPSTACK_CORPUS is not set")
		}
		t.Log("MPSTACK_CORPUS is not set: the RSVP messages of 24 captures were not given to a node")
		return
	}
	n := nodetest.New(1)
	h := n.Host("R", nodetest.Router, nil)
	h.Attach(n.Segment(), "10.0.2.254")
	h.Attach(n.Segment(), "10.0.1.254")
	messages := 0
	for _, file := range captures(t, dir) {
		packets(t, file, func(ip *layers.IPv4) {
			messages++
			h.Do(func(now machine.Time, x *node.Node) {
				src, _ := netip.AddrFromSlice(ip.SrcIP)
				dst, _ := netip.AddrFromSlice(ip.DstIP)
				x.HandleMessage(now, node.Incoming{InIf: 1 + messages%2, Src: src, Dst: dst, TTL: ip.TTL, RouterAlert: len(ip.Options) > 0, Payload: ip.Payload})
			})
			n.RunFor(time.Second)
		})
	}
	c := h.Node.Counters()
	t.Logf("%d messages, %+v", messages, c)
	if messages < 150 || c.Received[rsvp.Path] < 50 || c.Drops[node.DropUnknownCType] < 40 || c.Drops[node.DropLength] == 0 {
		t.Errorf("%d messages, %+v", messages, c)
	}
	n.RunFor(time.Hour)
	if !n.Quiet() {
		t.Errorf("left over: %+v", h.Node.Snapshot(rsvp.Session{}, 10))
	}
}

// captures lists the capture files of the manifest that may hold RSVP.
func captures(t *testing.T, dir string) (files []string) {
	f, err := os.Open(filepath.Join(dir, "MANIFEST.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma, r.FieldsPerRecord, r.LazyQuotes = '\t', -1, true
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		rsvp := strings.Contains(strings.Join(row, " "), "rsvp") || strings.HasPrefix(row[0], "independent-stacks/")
		if rsvp && !strings.HasSuffix(row[0], ".out") && !strings.HasSuffix(row[0], ".tsv") {
			files = append(files, filepath.Join(dir, row[0]))
		}
	}
	return files
}

// packets calls f with each unfragmented IPv4 packet of protocol 46.
func packets(t *testing.T, file string, f func(*layers.IPv4)) {
	h, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	r, err := pcapgo.NewReader(h)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	for {
		data, _, err := r.ReadPacketData()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return
		}
		if err != nil {
			t.Logf("%s: %v", filepath.Base(file), err)
			return
		}
		p := gopacket.NewPacket(data, r.LinkType(), gopacket.Default)
		if ip, ok := p.NetworkLayer().(*layers.IPv4); ok && ip.Protocol == 46 && ip.FragOffset == 0 {
			f(ip)
		}
	}
}
