package igmp_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/mpstack/mpstack/wire/igmp"
	"github.com/mpstack/mpstack/wire/inet"
)

const second = time.Second

// The messages below were built by a program that shares no code with this
// package, and read by tshark without a complaint and with the same values.

const group6Hex = "ff3e0000000000000000000080000001"
const source6Hex = "20010db8000000000000000000000001"

func TestIGMPBytes(t *testing.T) {
	any4 := netip.IPv4Unspecified()
	tests := []struct {
		name string
		m    igmp.Message
		hex  string
	}{
		{"v1 query", igmp.Message{Kind: igmp.KindQuery, Type: igmp.TypeQuery,
			Query: igmp.Query{Version: 1, Group: any4}}, "1100 eeff 00000000"},
		{"v2 general query", igmp.Message{Kind: igmp.KindQuery, Type: igmp.TypeQuery,
			Query: igmp.Query{Version: 2, Group: any4, MaxResp: 10 * second}}, "1164 ee9b 00000000"},
		{"v2 group query", igmp.Message{Kind: igmp.KindQuery, Type: igmp.TypeQuery,
			Query: igmp.Query{Version: 2, Group: addr("239.1.1.1"), MaxResp: second}}, "110a fef2 ef010101"},
		{"v2 query, a plain number above 127", igmp.Message{Kind: igmp.KindQuery, Type: igmp.TypeQuery,
			Query: igmp.Query{Version: 2, Group: any4, MaxResp: 25500 * time.Millisecond}}, "11ff ee00 00000000"},
		{"v3 general query", igmp.Message{Kind: igmp.KindQuery, Type: igmp.TypeQuery,
			Query: igmp.Query{Version: 3, Group: any4, MaxResp: 10 * second, QRV: 2, QQI: 125 * second}},
			"1164 ec1e 00000000 027d 0000"},
		{"v3 group and source query", igmp.Message{Kind: igmp.KindQuery, Type: igmp.TypeQuery,
			Query: igmp.Query{Version: 3, Group: group4, MaxResp: 20800 * time.Millisecond, Suppress: true, QRV: 2,
				QQI: 125 * second, Sources: []netip.Addr{source4, addr("10.0.0.9")}}},
			"118a e5e7 e8010203 0a7d 0002 0a000001 0a000009"},
		{"v1 report", igmp.Message{Kind: igmp.KindReport, Type: igmp.TypeV1Report,
			Report: igmp.Report{Version: 1, Group: addr("239.1.1.1")}}, "1200 fdfc ef010101"},
		{"v2 report", igmp.Message{Kind: igmp.KindReport, Type: igmp.TypeV2Report,
			Report: igmp.Report{Version: 2, Group: addr("239.1.1.1")}}, "1600 f9fc ef010101"},
		{"v2 leave", igmp.Message{Kind: igmp.KindLeave, Type: igmp.TypeV2Leave,
			Leave: igmp.Leave{Group: addr("239.1.1.1")}}, "1700 f8fc ef010101"},
		{"v3 report", igmp.Message{Kind: igmp.KindReport, Type: igmp.TypeV3Report,
			Report: igmp.Report{Version: 3, Records: []igmp.Record{
				{Type: igmp.AllowNewSources, Group: group4, Sources: []netip.Addr{source4}},
				{Type: igmp.ChangeToExclude, Group: addr("239.1.1.1")},
			}}},
			"2200 f0f3 0000 0002  0500 0001 e8010203 0a000001  0400 0000 ef010101"},
		{"v3 report with aux data and an unknown type", igmp.Message{Kind: igmp.KindReport, Type: igmp.TypeV3Report,
			Report: igmp.Report{Version: 3, Records: []igmp.Record{
				{Type: igmp.ModeIsInclude, Group: group4, Sources: []netip.Addr{source4, addr("10.0.0.9")}, Aux: []byte{1, 2, 3, 4, 5, 6, 7, 8}},
				{Type: 99, Group: addr("239.1.1.1")},
			}}},
			"2200 7bd3 0000 0002  0102 0002 e8010203 0a000001 0a000009 0102030405060708  6300 0000 ef010101"},
		{"v3 report without records", igmp.Message{Kind: igmp.KindReport, Type: igmp.TypeV3Report,
			Report: igmp.Report{Version: 3}}, "2200 ddff 0000 0000"},
		{"unknown type", igmp.Message{Type: 0x13, Code: 1, Body: []byte{0, 0xa, 3, 0xff, 1}},
			"1301 e7f5 000a03ff 01"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { checkBytes(t, igmp4, tt.m, unhex(t, tt.hex)) })
	}
}

// checkBytes encodes m and decodes wire, both ways exactly.
func checkBytes(t *testing.T, p protocol, m igmp.Message, wire []byte) {
	t.Helper()
	sameBytes(t, "encoded", appended(t, func(b []byte) ([]byte, error) { return p.encode(m, b) }), wire)
	got, err := p.parse(wire)
	noError(t, err)
	same(t, "decoded", got, m)
}

func TestMLDBytes(t *testing.T) {
	any6 := netip.IPv6Unspecified()
	tests := []struct {
		name string
		dst  string
		m    igmp.Message
		hex  string
	}{
		{"v1 query", "ff02::1", igmp.Message{Kind: igmp.KindQuery, Type: igmp.TypeMLDQuery,
			Query: igmp.Query{Version: 1, Group: any6, MaxResp: 10 * second}},
			"8200 5a17 2710 0000 00000000000000000000000000000000"},
		{"v1 report", "ff3e::8000:1", igmp.Message{Kind: igmp.KindReport, Type: igmp.TypeMLDv1Report,
			Report: igmp.Report{Version: 1, Group: group6}}, "8300 80aa 0000 0000" + group6Hex},
		{"v1 done", "ff02::2", igmp.Message{Kind: igmp.KindLeave, Type: igmp.TypeMLDv1Done,
			Leave: igmp.Leave{Group: group6}}, "8400 ffe5 0000 0000" + group6Hex},
		{"v2 general query", "ff02::1", igmp.Message{Kind: igmp.KindQuery, Type: igmp.TypeMLDQuery,
			Query: igmp.Query{Version: 2, Group: any6, MaxResp: 40768 * time.Millisecond, QRV: 2, QQI: 125 * second}},
			"8200 fabd 83e8 0000 00000000000000000000000000000000 027d 0000"},
		{"v2 group and source query", "ff3e::8000:1", igmp.Message{Kind: igmp.KindQuery, Type: igmp.TypeMLDQuery,
			Query: igmp.Query{Version: 2, Group: group6, MaxResp: second, Suppress: true, QRV: 2, QQI: 208 * second,
				Sources: []netip.Addr{source6}}},
			"8200 4569 03e8 0000" + group6Hex + "0a8a 0001" + source6Hex},
		{"v2 report", "ff02::16", igmp.Message{Kind: igmp.KindReport, Type: igmp.TypeMLDv2Report,
			Report: igmp.Report{Version: 2, Records: []igmp.Record{
				{Type: igmp.AllowNewSources, Group: group6, Sources: []netip.Addr{source6}},
			}}},
			"8f00 c201 0000 0001  0500 0001" + group6Hex + source6Hex},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := mld6
			dst := addr(tt.dst)
			p.parse = func(b []byte) (igmp.Message, error) { return igmp.ParseMLD(b, ll1, dst) }
			p.encode = func(m igmp.Message, b []byte) ([]byte, error) { return m.AppendMLD(b, ll1, dst) }
			checkBytes(t, p, tt.m, unhex(t, tt.hex))
		})
	}
}

// fixed returns the message with the right checksum.
func (p protocol) fixed(t testing.TB, s string) []byte {
	b := unhex(t, s)
	p.fix(b)
	return b
}

const zeros16 = "00000000000000000000000000000000"

// The lengths that tell the versions of a query apart (RFC 3376 section 7.1,
// RFC 3810 section 8.1).
func TestQueryVersions(t *testing.T) {
	for n := range 40 {
		b := make([]byte, n)
		if n > 0 {
			b[0] = igmp.TypeQuery
		}
		if n >= 4 {
			b[1] = 10
			igmp4.fix(b)
		}
		m, err := igmp.ParseIGMP(b)
		checkVersion(t, "igmp", n, m, err, map[bool]uint8{n == 8: 2, n >= 12: 3}[true])
		if n > 0 {
			b[0] = igmp.TypeMLDQuery
		}
		if n >= 4 {
			mld6.fix(b)
		}
		m, err = igmp.ParseMLD(b, ll1, mldDst)
		checkVersion(t, "mld", n, m, err, map[bool]uint8{n == 24: 1, n >= 28: 2}[true])
	}
}

func checkVersion(t *testing.T, name string, n int, m igmp.Message, err error, want uint8) {
	t.Helper()
	if want == 0 {
		if err == nil || m.Kind != igmp.KindUnknown {
			t.Errorf("%s query of %d bytes: %+v, %v", name, n, m, err)
		}
		return
	}
	if err != nil || m.Kind != igmp.KindQuery || m.Query.Version != want {
		t.Errorf("%s query of %d bytes: %+v, %v; want version %d", name, n, m.Query, err, want)
	}
}

func TestAdditionalData(t *testing.T) {
	tests := []struct {
		p    protocol
		name string
		hex  string
	}{
		{igmp4, "v3 query", "1164 0000 00000000 027d 0000 aabb"},
		{igmp4, "v3 report", "2200 0000 0000 0001 0400 0000 ef010101 aabb"},
		{igmp4, "v2 report", "1600 0000 ef010101 aabb"},
		{igmp4, "v2 leave", "1700 0000 ef010101 aabb"},
		{mld6, "v2 query", "8200 0000 0000 0000" + zeros16 + "027d 0000 aabb"},
		{mld6, "v2 report", "8f00 0000 0000 0000 aabb"},
		{mld6, "v1 report", "8300 0000 0000 0000" + group6Hex + "aabb"},
		{mld6, "v1 done", "8400 0000 0000 0000" + group6Hex + "aabb"},
	}
	for _, tt := range tests {
		t.Run(tt.p.name+" "+tt.name, func(t *testing.T) {
			b := tt.p.fixed(t, tt.hex)
			m, err := tt.p.parse(b)
			noError(t, err)
			sameBytes(t, "additional data", m.Additional, []byte{0xaa, 0xbb})
			// It is not sent.
			out, err := tt.p.encode(m, nil)
			noError(t, err)
			if len(out) != len(b)-2 {
				t.Errorf("encoded with %d bytes of %d", len(out), len(b))
			}
			// It is under the checksum.
			b[len(b)-1]++
			_, err = tt.p.parse(b)
			wantDecodeError(t, err, tt.p.name, "checksum", 2, inet.ErrChecksum)
		})
	}
}

func TestErrors(t *testing.T) {
	tests := []struct {
		p      protocol
		name   string
		hex    string
		field  string
		offset int
		err    error
	}{
		{igmp4, "7 bytes", "1600 0000 ef0101", "message", 7, inet.ErrTruncated},
		{igmp4, "query of 10 bytes", "1164 0000 00000000 027d", "query", 10, inet.ErrLength},
		{igmp4, "a source too few", "1164 0000 e8010203 027d 0002 0a000001 0a0000", "number of sources", 10, inet.ErrTruncated},
		{igmp4, "65535 sources", "1164 0000 e8010203 027d ffff 0a000001", "number of sources", 10, inet.ErrTruncated},
		{igmp4, "a record too few", "2200 0000 0000 0003 0400 0000 ef010101", "record", 16, inet.ErrTruncated},
		{igmp4, "65535 records", "2200 0000 0000 ffff", "record", 8, inet.ErrTruncated},
		{igmp4, "half a record", "2200 0000 0000 0001 0400 0000 ef01", "record", 8, inet.ErrTruncated},
		{igmp4, "a record's source too few", "2200 0000 0000 0001 0400 0002 ef010101 0a000001", "record", 8, inet.ErrTruncated},
		{igmp4, "aux data past the end", "2200 0000 0000 0002 0400 0000 ef010101 0401 0000 ef010101", "record", 16, inet.ErrTruncated},
		{mld6, "7 bytes", "8f00 0000 0000 00", "message", 7, inet.ErrTruncated},
		{mld6, "query of 23 bytes", "8200 0000 0000 0000 000000000000000000000000000000", "message", 23, inet.ErrTruncated},
		{mld6, "query of 26 bytes", "8200 0000 0000 0000" + zeros16 + "027d", "query", 26, inet.ErrLength},
		{mld6, "report of 23 bytes", "8300 0000 0000 0000 000000000000000000000000000000", "message", 23, inet.ErrTruncated},
		{mld6, "done of 8 bytes", "8400 0000 0000 0000", "message", 8, inet.ErrTruncated},
		{mld6, "a source too few", "8200 0000 0000 0000" + group6Hex + "027d 0001 20010db8", "number of sources", 26, inet.ErrTruncated},
		{mld6, "a record too few", "8f00 0000 0000 0002 0400 0000" + group6Hex, "record", 28, inet.ErrTruncated},
		{mld6, "aux data past the end", "8f00 0000 0000 0001 04ff 0000" + group6Hex + "00000000", "record", 8, inet.ErrTruncated},
	}
	for _, tt := range tests {
		t.Run(tt.p.name+" "+tt.name, func(t *testing.T) {
			b := unhex(t, tt.hex)
			tt.p.fix(b)
			m, err := tt.p.parse(b)
			wantDecodeError(t, err, tt.p.name, tt.field, tt.offset, tt.err)
			if m.Kind != igmp.KindUnknown {
				t.Errorf("kind %v", m.Kind)
			}
		})
	}
	for _, p := range protocols {
		_, err := p.parse(nil)
		wantDecodeError(t, err, p.name, "message", 0, inet.ErrTruncated)
	}
}

func TestWrongChecksumKeepsTheMessage(t *testing.T) {
	m, err := igmp.ParseIGMP(unhex(t, "1600 f9fd ef010101"))
	wantDecodeError(t, err, "igmp", "checksum", 2, inet.ErrChecksum)
	if m.Kind != igmp.KindReport || m.Report.Group != addr("239.1.1.1") {
		t.Errorf("%+v", m)
	}
	// Right, but for another destination.
	m, err = igmp.ParseMLD(unhex(t, "8300 80aa 0000 0000"+group6Hex), ll1, igmp.AllNodes6)
	wantDecodeError(t, err, "mld", "checksum", 2, inet.ErrChecksum)
	if m.Kind != igmp.KindReport || m.Report.Group != group6 {
		t.Errorf("%+v", m)
	}
}

// Reserved fields are ignored on receipt and zero when sent.
func TestReservedFields(t *testing.T) {
	tests := []struct {
		p            protocol
		received, to string
	}{
		{igmp4, "1164 0000 00000000 f27d 0000", "1164 0000 00000000 027d 0000"},
		{igmp4, "22ff 0000 ffff 0001 0400 0000 ef010101", "2200 0000 0000 0001 0400 0000 ef010101"},
		{igmp4, "12ff 0000 ef010101", "1200 0000 ef010101"},
		{mld6, "82ff 0000 03e8 ffff" + zeros16 + "f27d 0000", "8200 0000 03e8 0000" + zeros16 + "027d 0000"},
		{mld6, "83ff 0000 ffff ffff" + group6Hex, "8300 0000 0000 0000" + group6Hex},
		{mld6, "8fff 0000 ffff 0000", "8f00 0000 0000 0000"},
	}
	for _, tt := range tests {
		m, err := tt.p.parse(tt.p.fixed(t, tt.received))
		noError(t, err)
		out, err := tt.p.encode(m, nil)
		noError(t, err)
		sameBytes(t, "encoded", out, tt.p.fixed(t, tt.to))
	}
}

func TestRounding(t *testing.T) {
	q := igmp.Query{Version: 3, MaxResp: 20*second + 899*time.Millisecond, QRV: 8, QQI: 129*second + 999*time.Millisecond}
	b, err := q.AppendIGMP(nil)
	noError(t, err)
	m, err := igmp.ParseIGMP(b)
	noError(t, err)
	want := igmp.Query{Version: 3, Group: netip.IPv4Unspecified(), MaxResp: 20*second + 800*time.Millisecond, QRV: 0, QQI: 128 * second}
	same(t, "decoded", m, igmp.Message{Kind: igmp.KindQuery, Type: igmp.TypeQuery, Query: want})
	if !q.General() || !m.Query.General() || (igmp.Query{Group: group4}).General() {
		t.Error("General")
	}
}

func TestAuxIsPadded(t *testing.T) {
	for n := range 9 {
		aux := make([]byte, n)
		for i := range aux {
			aux[i] = 0xff
		}
		r := igmp.Report{Version: 3, Records: []igmp.Record{{Type: igmp.ModeIsExclude, Group: group4, Aux: aux}}}
		b := appended(t, r.AppendIGMP)
		if len(b) != 16+(n+3)/4*4 || int(b[9]) != (n+3)/4 {
			t.Errorf("%d bytes of aux data: % x", n, b)
		}
		m, err := igmp.ParseIGMP(b)
		noError(t, err)
		got := m.Report.Records[0].Aux
		if len(got)%4 != 0 || string(got[:n]) != string(aux) || len(got) > n && got[len(got)-1] != 0 {
			t.Errorf("% x from % x", got, aux)
		}
	}
}

func TestRefusals(t *testing.T) {
	record := func(r igmp.Record) igmp.Report { return igmp.Report{Version: 3, Records: []igmp.Record{r}} }
	many := make([]netip.Addr, 0x10000)
	for i := range many {
		many[i] = source4
	}
	tests := []struct {
		name   string
		encode func([]byte) ([]byte, error)
		err    error
	}{
		{"query of version 0", igmp.Query{}.AppendIGMP, inet.ErrRange},
		{"query of version 4", igmp.Query{Version: 4}.AppendIGMP, inet.ErrRange},
		{"v2 query that would be v1", igmp.Query{Version: 2, MaxResp: 99 * time.Millisecond}.AppendIGMP, inet.ErrRange},
		{"v2 query with sources", igmp.Query{Version: 2, MaxResp: second, Group: group4, Sources: []netip.Addr{source4}}.AppendIGMP, inet.ErrRange},
		{"query for an IPv6 group", igmp.Query{Version: 3, Group: group6}.AppendIGMP, inet.ErrAddress},
		{"query for IPv6 sources", igmp.Query{Version: 3, Group: group4, Sources: []netip.Addr{source6}}.AppendIGMP, inet.ErrAddress},
		{"query for 65536 sources", igmp.Query{Version: 3, Group: group4, Sources: many}.AppendIGMP, inet.ErrTooLong},
		{"report of version 0", igmp.Report{Group: group4}.AppendIGMP, inet.ErrRange},
		{"v1 report without a group", igmp.Report{Version: 1}.AppendIGMP, inet.ErrAddress},
		{"v2 report for an IPv6 group", igmp.Report{Version: 2, Group: group6}.AppendIGMP, inet.ErrAddress},
		{"leave without a group", igmp.Leave{}.AppendIGMP, inet.ErrAddress},
		{"record without a group", record(igmp.Record{}).AppendIGMP, inet.ErrAddress},
		{"record for a mapped group", record(igmp.Record{Group: addr("::ffff:232.1.2.3")}).AppendIGMP, inet.ErrAddress},
		{"record with an invalid source", record(igmp.Record{Group: group4, Sources: make([]netip.Addr, 1)}).AppendIGMP, inet.ErrAddress},
		{"record with 65536 sources", record(igmp.Record{Group: group4, Sources: many}).AppendIGMP, inet.ErrTooLong},
		{"1021 bytes of aux data", record(igmp.Record{Group: group4, Aux: make([]byte, 1021)}).AppendIGMP, inet.ErrTooLong},
		{"65536 records", igmp.Report{Version: 3, Records: make([]igmp.Record, 0x10000)}.AppendIGMP, inet.ErrTooLong},
		{"a refusal through Message", func(b []byte) ([]byte, error) {
			m := igmp.Message{Kind: igmp.KindLeave}
			return m.AppendIGMP(b)
		}, inet.ErrAddress},
	}
	for _, tt := range tests {
		t.Run("IGMP "+tt.name, func(t *testing.T) { wantRefused(t, tt.encode, tt.err) })
	}
}

func TestMLDRefusals(t *testing.T) {
	type appender interface {
		AppendMLD(b []byte, src, dst netip.Addr) ([]byte, error)
	}
	unknown := &igmp.Message{Type: 200}
	tests := []struct {
		name     string
		m        appender
		src, dst netip.Addr
		err      error
	}{
		{"query of version 3", igmp.Query{Version: 3}, ll1, mldDst, inet.ErrRange},
		{"v1 query with sources", igmp.Query{Version: 1, Group: group6, Sources: []netip.Addr{source6}}, ll1, mldDst, inet.ErrRange},
		{"query for an IPv4 group", igmp.Query{Version: 2, Group: group4}, ll1, mldDst, inet.ErrAddress},
		{"report of version 3", igmp.Report{Version: 3}, ll1, mldDst, inet.ErrRange},
		{"v1 report without a group", igmp.Report{Version: 1}, ll1, mldDst, inet.ErrAddress},
		{"record for an IPv4 group", igmp.Report{Version: 2, Records: []igmp.Record{{Group: group4}}}, ll1, mldDst, inet.ErrAddress},
		{"done for an IPv4 group", igmp.Leave{Group: group4}, ll1, mldDst, inet.ErrAddress},
		{"query from IPv4", igmp.Query{Version: 2}, source4, mldDst, inet.ErrAddress},
		{"report to nowhere", igmp.Report{Version: 2}, ll1, netip.Addr{}, inet.ErrAddress},
		{"done from nowhere", igmp.Leave{Group: group6}, netip.Addr{}, mldDst, inet.ErrAddress},
		{"unknown message from nowhere", unknown, netip.Addr{}, mldDst, inet.ErrAddress},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantRefused(t, func(b []byte) ([]byte, error) { return tt.m.AppendMLD(b, tt.src, tt.dst) }, tt.err)
		})
	}
}

func TestNames(t *testing.T) {
	kinds := map[igmp.Kind]string{igmp.KindUnknown: "unknown", igmp.KindQuery: "query", igmp.KindReport: "report",
		igmp.KindLeave: "leave", 9: "kind 9"}
	for k, want := range kinds {
		if k.String() != want {
			t.Errorf("%v, want %s", k, want)
		}
	}
	types := map[igmp.RecordType]string{0: "record type 0", 1: "IS_IN", 2: "IS_EX", 3: "TO_IN", 4: "TO_EX", 5: "ALLOW", 6: "BLOCK", 7: "record type 7"}
	for typ, want := range types {
		if typ.String() != want || typ.Known() != (typ >= 1 && typ <= 6) {
			t.Errorf("%v, want %s", typ, want)
		}
	}
	records := map[string]igmp.Record{
		"TO_EX(232.1.2.3)":                     {Type: 4, Group: group4},
		"ALLOW(232.1.2.3; 10.0.0.1)":           {Type: 5, Group: group4, Sources: []netip.Addr{source4}},
		"IS_IN(232.1.2.3; 10.0.0.1, 10.0.0.1)": {Type: 1, Group: group4, Sources: []netip.Addr{source4, source4}},
	}
	for want, r := range records {
		if r.String() != want {
			t.Errorf("%v, want %s", r, want)
		}
	}
}
