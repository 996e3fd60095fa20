package igmp_test

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"testing"

	"github.com/mpstack/mpstack/wire/igmp"
	"github.com/mpstack/mpstack/wire/inet"
)

// The payload of an Ethernet's 1500 bytes after an IPv4 header with Router
// Alert, and after an IPv6 header with Hop-by-Hop.
const (
	limit4 = 1500 - 24
	limit6 = 1500 - 48
)

func record(typ igmp.RecordType, sources int) igmp.Record {
	r := igmp.Record{Type: typ, Group: group4}
	if sources > 0 {
		r.Sources = make4(sources)
	}
	return r
}

func TestSplit(t *testing.T) {
	// RFC 3376 section 4.2.16 with 1476 bytes: 1468 are left for records, 365
	// sources in a record of their own.
	all := make4(800)
	part := func(typ igmp.RecordType, from, to int) igmp.Record {
		return igmp.Record{Type: typ, Group: group4, Sources: all[from:to]}
	}
	const allow, exclude, include = igmp.AllowNewSources, igmp.ChangeToExclude, igmp.ModeIsInclude
	tests := []struct {
		name string
		in   []igmp.Record
		want [][]igmp.Record
	}{
		{"nothing", nil, nil},
		{"one", []igmp.Record{record(allow, 1)}, [][]igmp.Record{{record(allow, 1)}}},
		{"exactly full", []igmp.Record{record(allow, 365)}, [][]igmp.Record{{record(allow, 365)}}},
		{"one source too many", []igmp.Record{part(allow, 0, 366)}, [][]igmp.Record{{part(allow, 0, 365)}, {part(allow, 365, 366)}}},
		{"three parts", []igmp.Record{part(allow, 0, 800)},
			[][]igmp.Record{{part(allow, 0, 365)}, {part(allow, 365, 730)}, {part(allow, 730, 800)}}},
		{"exclude is cut", []igmp.Record{part(exclude, 0, 800)}, [][]igmp.Record{{part(exclude, 0, 365)}}},
		{"records stay whole", []igmp.Record{record(include, 200), record(include, 200)},
			[][]igmp.Record{{record(include, 200)}, {record(include, 200)}}},
		{"and in order", []igmp.Record{record(include, 1), part(allow, 0, 366), record(exclude, 2), record(exclude, 0)},
			[][]igmp.Record{{record(include, 1)}, {part(allow, 0, 365)}, {part(allow, 365, 366)}, {record(exclude, 2), record(exclude, 0)}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := igmp.Report{Version: 3, Records: tt.in}.Split(limit4)
			noError(t, err)
			var records [][]igmp.Record
			for _, r := range got {
				if r.Version != 3 {
					t.Errorf("version %d", r.Version)
				}
				records = append(records, r.Records)
			}
			if !reflect.DeepEqual(records, tt.want) {
				t.Errorf("got %v\nwant %v", records, tt.want)
			}
		})
	}
}

func TestSplitRefuses(t *testing.T) {
	tests := map[string]igmp.Record{
		"no room for a source":   {Type: igmp.AllowNewSources, Group: group4, Sources: make4(1)},
		"no room for aux data":   {Type: igmp.ModeIsExclude, Group: group4, Aux: make([]byte, 8)},
		"no room for the record": {Type: igmp.ModeIsExclude, Group: group6},
	}
	for name, r := range tests {
		if got, err := (igmp.Report{Version: 3, Records: []igmp.Record{r}}).Split(16); !errors.Is(err, inet.ErrTooLong) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// Whatever the records: every message keeps to the limit, and together they
// say the same.
func TestSplitKeeps(t *testing.T) {
	for _, p := range protocols {
		r := random{rand.New(rand.NewPCG(9, 9)), p.name == "mld"}
		version, limit := uint8(3), limit4
		if r.mld {
			version, limit = 2, limit6
		}
		for range 200 {
			var in []igmp.Record
			for range r.IntN(40) {
				in = append(in, igmp.Record{Type: igmp.RecordType(1 + r.IntN(6)), Group: r.addr(), Sources: r.addrs(r.IntN(500))})
			}
			reports, err := igmp.Report{Version: version, Records: in}.Split(limit)
			noError(t, err)
			var out []igmp.Record
			for _, rep := range reports {
				m := igmp.Message{Kind: igmp.KindReport, Report: rep}
				b, err := p.encode(m, nil)
				noError(t, err)
				if len(b) > limit || len(rep.Records) == 0 {
					t.Fatalf("a message of %d bytes with %d records", len(b), len(rep.Records))
				}
				out = append(out, rep.Records...)
			}
			sameRecords(t, join(out), in)
		}
	}
}

// join puts the parts of a record together again.
func join(records []igmp.Record) []igmp.Record {
	var out []igmp.Record
	for _, r := range records {
		if n := len(out); n > 0 && out[n-1].Group == r.Group && out[n-1].Type == r.Type {
			out[n-1].Sources = append(append([]netip.Addr(nil), out[n-1].Sources...), r.Sources...)
			continue
		}
		out = append(out, r)
	}
	return out
}

func sameRecords(t *testing.T, got, want []igmp.Record) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i, w := range want {
		g := got[i]
		cut := w.Type == igmp.ModeIsExclude || w.Type == igmp.ChangeToExclude
		if cut && len(g.Sources) < len(w.Sources) {
			w.Sources = w.Sources[:len(g.Sources)]
		}
		if g.Type != w.Type || g.Group != w.Group || len(g.Sources) != len(w.Sources) ||
			len(w.Sources) > 0 && !reflect.DeepEqual(g.Sources, w.Sources) {
			t.Fatalf("record %d: %v, want %v", i, g, w)
		}
	}
}
