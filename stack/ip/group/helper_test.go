package group

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire/igmp"
)

// family is one of the two protocols, for tests that hold for both.
type family struct {
	name       string
	v6         bool
	rfc        string // of the newest version
	older      uint8  // the version before
	groups     [3]netip.Addr
	ssm        netip.Addr
	low, self  netip.Addr // of routers
	high       netip.Addr
	sourceBase netip.Addr
}

var families = []family{
	{
		name: "IGMP", rfc: "RFC 3376", older: 2,
		groups: [3]netip.Addr{netip.MustParseAddr("225.1.1.1"), netip.MustParseAddr("225.1.1.2"), netip.MustParseAddr("225.1.1.3")},
		ssm:    netip.MustParseAddr("232.1.1.1"),
		low:    netip.MustParseAddr("10.9.0.1"), self: netip.MustParseAddr("10.9.0.5"), high: netip.MustParseAddr("10.9.0.9"),
		sourceBase: netip.MustParseAddr("10.0.0.0"),
	},
	{
		name: "MLD", v6: true, rfc: "RFC 3810", older: 1,
		groups: [3]netip.Addr{netip.MustParseAddr("ff1e::1"), netip.MustParseAddr("ff1e::2"), netip.MustParseAddr("ff1e::3")},
		ssm:    netip.MustParseAddr("ff3e::8000:1"),
		low:    netip.MustParseAddr("fe80::1"), self: netip.MustParseAddr("fe80::5"), high: netip.MustParseAddr("fe80::9"),
		sourceBase: netip.MustParseAddr("2001:db8::"),
	},
}

// inBoth runs a test once for each family.
func inBoth(t *testing.T, test func(t *testing.T, f family)) {
	t.Helper()
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			test(t, f)
		})
	}
}

// section returns the section of f's RFC that says what one of RFC 3376 does.
func (f family) section(igmp string) string {
	if !f.v6 {
		return igmp
	}
	for from, to := range map[string]string{"5.1": "6.1", "5.2": "6.3", "6.4.1": "7.4.1", "6.4.2": "7.4.2", "7.3.2": "8.3.2"} {
		if from == igmp {
			return to
		}
	}
	return igmp + " of RFC 3376"
}

// src returns the sources that letters name.
func (f family) src(letters string) []netip.Addr {
	var all []netip.Addr
	for _, c := range []byte(letters) {
		b := f.sourceBase.AsSlice()
		b[len(b)-1] = c
		a, _ := netip.AddrFromSlice(b)
		all = append(all, a)
	}
	return all
}

// lettersOf is the inverse of src.
func lettersOf(addrs []netip.Addr) string {
	var b strings.Builder
	for _, a := range addrs {
		s := a.AsSlice()
		b.WriteByte(s[len(s)-1])
	}
	return b.String()
}

// short writes an output without its group: the last part of its cause and
// "TO_EX(ab)" for a record, "v2" for an older report, "leave", "Q(G)", "S
// Q(G,ab)" for a query, "change" and sources.
func short(o *Output) string {
	cause := string(o.Cause)
	words := []string{cause[strings.LastIndexByte(cause, '/')+1:]}
	switch {
	case o.Kind == KindReport && o.Group.IsValid():
		words = append(words, fmt.Sprintf("v%d", o.Version))
	case o.Kind == KindReport:
		for _, r := range o.Records {
			words = append(words, fmt.Sprintf("%v(%s)", r.Type, lettersOf(r.Sources)))
		}
	case o.Kind == KindLeave:
		words = append(words, "Leave")
	case o.Kind == KindChange:
		words = []string{"change", "*"}
		if o.Src.IsValid() {
			words[1] = lettersOf([]netip.Addr{o.Src})
		}
	default:
		words = []string{shortQuery(&o.Query)}
	}
	return strings.Join(words, " ")
}

func shortQuery(q *igmp.Query) string {
	s := "Q()"
	switch {
	case len(q.Sources) > 0:
		s = "Q(G," + lettersOf(q.Sources) + ")"
	case !q.General():
		s = "Q(G)"
	}
	if q.Suppress {
		s = "S " + s
	}
	return s
}

// machineOf is what hosts and routers share.
type machineOf interface {
	Advance(machine.Time)
	Deadline() (machine.Time, bool)
	Next() (*Output, bool)
}

// drain takes what a machine said.
func drain(m machineOf) (said []string) {
	for {
		o, ok := m.Next()
		if !ok {
			return said
		}
		said = append(said, short(o))
	}
}

// advance lets time pass for one machine.
func advance(m machineOf, now *machine.Time, d time.Duration) {
	end := now.Add(d)
	for {
		at, ok := m.Deadline()
		if !ok || at > end {
			break
		}
		*now = max(*now, at)
		m.Advance(*now)
	}
	*now = end
}

func wantSaid(t *testing.T, step string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n\t%s\nwant\n\t%s", step, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
