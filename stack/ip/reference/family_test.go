//go:build netns

package reference_test

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/mpstack/mpstack/wire/igmp"
)

// family is what IGMP and MLD call differently. One set of rows serves both.
type family struct {
	v6         bool
	name       string
	current    string // the version with source lists
	older      string // the one before it
	host       netip.Addr
	router     netip.Addr // who queries: in MLD a link-local address
	prober     netip.Addr
	group      netip.Addr
	group2     netip.Addr
	s1, s2, s3 netip.Addr
}

var families = [...]*family{
	{name: "IGMP", current: "IGMPv3", older: "IGMPv2", host: addr("192.0.2.1"), router: addr("192.0.2.2"), prober: addr("192.0.2.2"),
		group: addr("233.252.0.1"), group2: addr("233.252.0.2"),
		s1: addr("192.0.2.11"), s2: addr("192.0.2.12"), s3: addr("192.0.2.13")},
	{name: "MLD", current: "MLDv2", older: "MLDv1", v6: true, host: addr("2001:db8::1"), router: addr("fe80::ff:fe00:2"), prober: addr("2001:db8::2"),
		group: addr("ff1e::1:1"), group2: addr("ff1e::1:2"),
		s1: addr("2001:db8::11"), s2: addr("2001:db8::12"), s3: addr("2001:db8::13")},
}

var igmpFamily, mldFamily = families[0], families[1]

// membership says what a message of IGMP or MLD tells, one text for each
// record.
func (v view) membership(p *ipPacket, m igmp.Message, err error) []string {
	if err != nil {
		return []string{"malformed membership message"}
	}
	f := igmpFamily
	if p.v6 {
		f = mldFamily
	}
	switch m.Kind {
	case igmp.KindReport:
		if len(m.Report.Records) > 0 {
			return v.records(f, p, m.Report)
		}
		if !v.about(m.Report.Group) {
			return nil
		}
		version := f.older
		if !f.v6 && m.Report.Version == 1 {
			version = "IGMPv1"
		}
		s := version + " report " + nameOf(m.Report.Group)
		return []string{s + envelope(f, p, m.Report.Group, version != "IGMPv1")}
	case igmp.KindLeave:
		if !v.about(m.Leave.Group) {
			return nil
		}
		to, what := igmp.AllRouters, " leave "
		if f.v6 {
			to, what = igmp.AllRouters6, " done "
		}
		return []string{f.older + what + nameOf(m.Leave.Group) + envelope(f, p, to, true)}
	}
	return []string{f.name + " message of another kind"}
}

// about reports whether a row is about a group.
func (v view) about(g netip.Addr) bool {
	_, named := names[g]
	return v.own || named
}

func (v view) records(f *family, p *ipPacket, r igmp.Report) []string {
	to := igmp.AllV3Routers
	if f.v6 {
		to = igmp.AllV2Routers6
	}
	var texts []string
	for _, x := range r.Records {
		if !v.about(x.Group) {
			continue
		}
		s := f.current + " " + x.Type.String() + "(" + nameOf(x.Group)
		if len(x.Sources) > 0 {
			list := make([]string, len(x.Sources))
			for i, a := range x.Sources {
				list[i] = nameOf(a)
			}
			s += ": " + strings.Join(list, ",")
		}
		texts = append(texts, s+")"+envelope(f, p, to, true))
	}
	return texts
}

// envelope says what is wrong with the IP header of a message.
func envelope(f *family, p *ipPacket, to netip.Addr, routerAlert bool) string {
	s := ""
	if p.dst != to {
		s += ", sent to " + p.dst.String()
	}
	if p.ttl != igmp.TTL {
		s += fmt.Sprintf(", TTL %d", p.ttl)
	}
	if routerAlert && !p.routerAlert {
		s += ", without Router Alert"
	}
	if want := f.host; !f.v6 && p.src != want || f.v6 && p.src != hostLL {
		s += ", from " + nameOf(p.src)
	}
	return s
}
