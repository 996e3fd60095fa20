package igmp

import (
	"fmt"
	"net/netip"

	"github.com/mpstack/mpstack/wire/inet"
)

// WireLen returns the length of the record in bytes, in the family of its
// group: IPv6, or else IPv4.
func (r Record) WireLen() int { return r.headLen() + len(r.Sources)*groupFamily(r.Group).addrLen }

// headLen is the length of the record without its sources.
func (r Record) headLen() int { return groupFamily(r.Group).recordLen() + (len(r.Aux)+3)/4*4 }

func groupFamily(group netip.Addr) *family {
	if group.Is6() {
		return mld6
	}
	return igmp4
}

// excludes reports whether r lists the sources that are not wanted: what it
// leaves out is heard in vain, but not lost.
func (r Record) excludes() bool { return r.Type == ModeIsExclude || r.Type == ChangeToExclude }

// Split returns the reports that it takes to send the records of r, an IGMPv3
// or MLDv2 report, in messages of at most limit bytes (the MTU without the IP
// header and its options) by the rules of RFC 3376 section 4.2.16 and RFC 3810
// section 5.2.15: records stay in order and whole where they can; one that is
// too long for a report of its own becomes several, each in another report;
// and one of IS_EX or TO_EX is cut to the sources that fit. The reports share
// r's memory. Split fails with inet.ErrTooLong where a record does not fit
// with one source.
func (r Report) Split(limit int) ([]Report, error) {
	var out []Report
	first, used := 0, reportHeaderLen // the report being filled: Records[first:i]
	flush := func(end int) {
		if end > first {
			out = append(out, Report{Version: r.Version, Records: r.Records[first:end:end]})
		}
		first, used = end, reportHeaderLen
	}
	for i, rec := range r.Records {
		size := rec.WireLen()
		if used+size > limit || i-first == 0xffff {
			flush(i)
		}
		if used+size <= limit {
			used += size
			continue
		}
		parts, err := rec.split(limit - reportHeaderLen)
		if err != nil {
			return nil, err
		}
		for _, p := range parts {
			out = append(out, Report{Version: r.Version, Records: []Record{p}})
		}
		first = i + 1
	}
	flush(len(r.Records))
	return out, nil
}

// split returns the records, each of at most limit bytes, that r becomes when
// it is too long for one report.
func (r Record) split(limit int) ([]Record, error) {
	f := groupFamily(r.Group)
	room := (limit - r.headLen()) / f.addrLen
	if room < 1 {
		return nil, fmt.Errorf("%s: record of %d bytes in %d: %w", f.layer, r.WireLen(), limit, inet.ErrTooLong)
	}
	var out []Record
	for rest := r.Sources; len(rest) > 0; {
		n := min(room, len(rest))
		part := r
		part.Sources = rest[:n:n]
		out = append(out, part)
		if r.excludes() {
			break
		}
		rest = rest[n:]
	}
	return out, nil
}
