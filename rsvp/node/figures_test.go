package node_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/node"
	"github.com/mpstack/mpstack/rsvp/node/nodetest"
)

// figure4 is the router of RFC 2205 Figure 4: S1 behind interface (a), S2 and
// S3 behind (b), R1 behind (c), R2 and R3 on the LAN behind (d).
type figure4 struct {
	*nodetest.Net
	router     *nodetest.Host
	s1, s2, s3 *app
	r1, r2, r3 *app
}

const (
	group = "224.2.2.2:5000"
	addr1 = "10.0.1.1:1"
	addr2 = "10.0.2.2:2"
	addr3 = "10.0.2.3:3"
	B     = 1000 // the figures' unit
)

func newFigure4(t *testing.T) *figure4 {
	n := nodetest.New(4)
	f := &figure4{Net: n, router: n.Host("R", nodetest.Router, nil)}
	a, b, c, d := n.Segment(), n.Segment(), n.Segment(), n.Segment()
	for i, s := range []*nodetest.Segment{a, b, c, d} {
		f.router.Attach(s, []string{"10.0.1.254", "10.0.2.254", "10.0.3.254", "10.0.4.254"}[i])
	}
	host := func(name, ip string, s *nodetest.Segment, member bool) *app {
		h := n.Host(name, nodetest.EndHost, nil)
		h.Attach(s, ip)
		if member {
			h.Join(1, port(group).Addr())
		}
		return register(t, h, group)
	}
	f.s1, f.s2, f.s3 = host("S1", "10.0.1.1", a, false), host("S2", "10.0.2.2", b, false), host("S3", "10.0.2.3", b, false)
	f.r1, f.r2, f.r3 = host("R1", "10.0.3.1", c, true), host("R2", "10.0.4.2", d, true), host("R3", "10.0.4.3", d, true)
	f.s1.sender(addr1, B)
	f.s2.sender(addr2, B)
	f.s3.sender(addr3, B)
	f.RunFor(time.Second)
	f.Log = nil
	return f
}

// asked returns what the router asks of its previous hops at the end: for each
// destination the last Resv or ResvTear, ascending by destination.
func (f *figure4) asked() []string {
	f.RunFor(100 * time.Second) // past a refresh of everything
	last := map[string]string{}
	for _, s := range f.Log {
		if s.From == "R" && (rsvp.MessageType(s.Payload[1]) == rsvp.Resv || rsvp.MessageType(s.Payload[1]) == rsvp.ResvTear) {
			last[s.Dst.String()] = nodetest.Text(s.Payload)
		}
	}
	var list []string
	for _, dst := range []string{"10.0.1.1", "10.0.2.2", "10.0.2.3"} {
		if s, ok := last[dst]; ok {
			list = append(list, dst+" "+s)
		}
	}
	return list
}

// reserves returns what is installed at the router.
func (f *figure4) reserves() string { return state(f.router) }

const sess = "224.2.2.2/17:5000"

// TestFigure5 is RFC 2205 Figure 5: wildcard filter. S2 and S3 are two previous
// hops here, so that SCOPE objects are needed (section 3.4).
func TestFigure5(t *testing.T) {
	f := newFigure4(t)
	f.r1.reserve(rsvp.WF, flow(load(4*B), ""))
	f.r2.reserve(rsvp.WF, flow(load(3*B), ""))
	f.r3.reserve(rsvp.WF, flow(load(2*B), ""))
	expect(t, "sends", f.asked(),
		"10.0.1.1 Resv "+sess+" WF []{4000} scope [10.0.1.1]",
		"10.0.2.2 Resv "+sess+" WF []{4000} scope [10.0.2.2]",
		"10.0.2.3 Resv "+sess+" WF []{4000} scope [10.0.2.3]")
	expect(t, "reserves", []string{f.reserves()}, "WF paths=3 resvs=3 if3[]{4000} if4[]{3000}")
	f.end(t)
}

// TestFigure6 is RFC 2205 Figure 6: fixed filter.
func TestFigure6(t *testing.T) {
	f := newFigure4(t)
	f.figure6()
	expect(t, "sends", f.asked(),
		"10.0.1.1 Resv "+sess+" FF [10.0.1.1:1]{4000}",
		"10.0.2.2 Resv "+sess+" FF [10.0.2.2:2]{5000}",
		"10.0.2.3 Resv "+sess+" FF [10.0.2.3:3]{1000}")
	expect(t, "reserves", []string{f.reserves()},
		"FF paths=3 resvs=5 if3[10.0.1.1:1]{4000} if3[10.0.2.2:2]{5000} if4[10.0.1.1:1]{3000} if4[10.0.2.3:3]{1000}")
	f.end(t)
}

func (f *figure4) figure6() {
	f.r1.reserve(rsvp.FF, flow(load(4*B), addr1), flow(load(5*B), addr2))
	f.r2.reserve(rsvp.FF, flow(load(3*B), addr1), flow(load(B), addr3))
	f.r3.reserve(rsvp.FF, flow(load(B), addr1))
	f.RunFor(time.Second)
}

// TestFigure7 is RFC 2205 Figure 7: shared explicit.
func TestFigure7(t *testing.T) {
	f := newFigure4(t)
	f.r1.reserve(rsvp.SE, flow(load(B), addr1+" "+addr2))
	f.r2.reserve(rsvp.SE, flow(load(3*B), addr1+" "+addr3))
	f.r3.reserve(rsvp.SE, flow(load(2*B), addr2))
	expect(t, "sends", f.asked(),
		"10.0.1.1 Resv "+sess+" SE [10.0.1.1:1]{3000}",
		"10.0.2.2 Resv "+sess+" SE [10.0.2.2:2]{3000}",
		"10.0.2.3 Resv "+sess+" SE [10.0.2.3:3]{3000}")
	expect(t, "reserves", []string{f.reserves()},
		"SE paths=3 resvs=3 if3[10.0.1.1:1 10.0.2.2:2]{1000} if4[10.0.1.1:1 10.0.2.2:2 10.0.2.3:3]{3000}")
	f.end(t)
}

// TestPartialRouting is RFC 2205 Figure 8: what only reaches (d) is asked for
// only what is reserved there.
func TestPartialRouting(t *testing.T) {
	n := nodetest.New(8)
	cfg := func(c *node.Config) { c.Routes = figure8{c.Routes} }
	r := n.Host("R", nodetest.Router, cfg)
	a, b, c, d := n.Segment(), n.Segment(), n.Segment(), n.Segment()
	r.Attach(a, "10.0.1.254")
	r.Attach(b, "10.0.2.254")
	r.Attach(c, "10.0.3.254")
	r.Attach(d, "10.0.4.254")
	var apps []*app
	host := func(name, ip string, s *nodetest.Segment) *app {
		h := n.Host(name, nodetest.EndHost, nil)
		h.Attach(s, ip)
		h.Join(1, port(group).Addr())
		apps = append(apps, register(t, h, group))
		return apps[len(apps)-1]
	}
	host("S1", "10.0.1.1", a).sender(addr1, B)
	host("S2", "10.0.2.2", b).sender(addr2, B)
	r1, r2 := host("R1", "10.0.3.1", c), host("R2", "10.0.4.2", d)
	n.RunFor(time.Second)
	r1.reserve(rsvp.WF, flow(load(4*B), ""))
	r2.reserve(rsvp.WF, flow(load(3*B), ""))
	n.RunFor(time.Second)
	got := slices.DeleteFunc(texts(n, rsvp.Resv), func(s string) bool { return s[:2] != "R " })
	expect(t, "sends", got[len(got)-2:],
		"R Resv "+sess+" WF []{4000} scope [10.0.1.1]",
		"R Resv "+sess+" WF []{3000} scope [10.0.2.2]")
	finish(t, n, apps...)
}

// figure8 keeps S2's data off interface (c).
type figure8 struct{ node.Routes }

func (r figure8) Multicast(src, group netip.Addr, inIf int) []int {
	if out := r.Routes.Multicast(src, group, inIf); inIf == 1 {
		return []int{3, 4}
	} else if inIf == 2 && len(out) > 0 {
		return []int{4}
	}
	return nil
}

// TestResvTearCases is RFC 2205 section 3.1.6: three tears in Figure 6.
func TestResvTearCases(t *testing.T) {
	f := newFigure4(t)
	f.figure6()
	fromRouter := func() []string {
		f.RunFor(time.Second)
		return slices.DeleteFunc(texts(f.Net, rsvp.Resv, rsvp.ResvTear), func(s string) bool { return s[:2] != "R " })
	}
	fromRouter()
	f.r2.reserve(rsvp.FF, flow(load(3*B), addr1)) // gives S3{B} up
	expect(t, "S3{B} of R2", fromRouter(), "R ResvTear "+sess+" FF [10.0.2.3:3]{0}")
	f.r1.reserve(rsvp.FF, flow(load(5*B), addr2)) // gives S1{4B} up
	expect(t, "S1{4B} of R1", fromRouter(), "R Resv "+sess+" FF [10.0.1.1:1]{3000}")
	f.r3.unreserve()
	expect(t, "S1{B} of R3", fromRouter())
	f.end(t)
}

// end tears everything down: receivers first, then senders.
func (f *figure4) end(t *testing.T) {
	t.Helper()
	noDrops(t, f.Net)
	finish(t, f.Net, f.r1, f.r2, f.r3, f.s1, f.s2, f.s3)
}
