package igmp_test

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"runtime"
	"testing"
	"time"

	"github.com/mpstack/mpstack/wire/igmp"
	"github.com/mpstack/mpstack/wire/inet"
)

// random makes messages that a decoder could return.
type random struct {
	*rand.Rand
	mld bool
}

func (r random) addr() netip.Addr {
	var b [16]byte
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	if r.mld {
		return netip.AddrFrom16(b)
	}
	return netip.AddrFrom4([4]byte(b[:4]))
}

func (r random) addrs(n int) []netip.Addr {
	var out []netip.Addr
	for range r.IntN(n + 1) {
		out = append(out, r.addr())
	}
	return out
}

func (r random) bytes(n int) []byte {
	var out []byte
	for range n {
		out = append(out, byte(r.Uint32()))
	}
	return out
}

func (r random) message() igmp.Message {
	last := uint8(3)
	if r.mld {
		last = 2
	}
	version := 1 + uint8(r.IntN(int(last)))
	switch r.IntN(4) {
	case 0:
		return igmp.Message{Kind: igmp.KindQuery, Query: r.query(version, last)}
	case 1:
		report := igmp.Report{Version: version}
		if version < last {
			report.Group = r.addr()
			return igmp.Message{Kind: igmp.KindReport, Report: report}
		}
		for range r.IntN(6) {
			report.Records = append(report.Records, igmp.Record{
				Type: igmp.RecordType(r.IntN(9)), Group: r.addr(), Sources: r.addrs(5), Aux: r.bytes(4 * max(0, r.IntN(6)-3)),
			})
		}
		return igmp.Message{Kind: igmp.KindReport, Report: report}
	case 2:
		return igmp.Message{Kind: igmp.KindLeave, Leave: igmp.Leave{Group: r.addr()}}
	}
	return igmp.Message{Type: 200 + uint8(r.IntN(40)), Code: uint8(r.Uint32()), Body: r.bytes(4 + r.IntN(30))}
}

func (r random) query(version, last uint8) igmp.Query {
	q := igmp.Query{Version: version, Group: r.addr()}
	switch {
	case version == last && r.mld:
		q.MaxResp = time.Duration(igmp.DecodeCode16(uint16(r.Uint32()))) * time.Millisecond
	case version == last:
		q.MaxResp = time.Duration(igmp.DecodeCode8(uint8(r.Uint32()))) * 100 * time.Millisecond
	case r.mld:
		q.MaxResp = time.Duration(r.IntN(0x10000)) * time.Millisecond
	case version == 2:
		q.MaxResp = time.Duration(1+r.IntN(255)) * 100 * time.Millisecond
	}
	if version == last {
		q.Suppress, q.QRV = r.IntN(2) == 0, uint8(r.IntN(8))
		q.QQI = time.Duration(igmp.DecodeCode8(uint8(r.Uint32()))) * time.Second
		q.Sources = r.addrs(20)
	}
	return q
}

// What is encoded is decoded as it was, also into a message that held another
// one before.
func TestEncodeDecode(t *testing.T) {
	for _, p := range protocols {
		r := random{rand.New(rand.NewPCG(5, 5)), p.name == "mld"}
		var reused igmp.Message
		for range 3000 {
			m := r.message()
			b, err := p.encode(m, nil)
			noError(t, err)
			m.Type = b[0]
			fresh, err := p.parse(b)
			noError(t, err)
			same(t, "decoded", fresh, m)
			noError(t, p.decode(&reused, b))
			same(t, "decoded into a used message", reused, m)
			again, err := p.encode(reused, nil)
			noError(t, err)
			sameBytes(t, "encoded again", again, b)
			if m.Kind == igmp.KindReport && len(m.Report.Records) > 0 {
				n := 8
				for _, rec := range m.Report.Records {
					n += rec.WireLen()
				}
				if n != len(b) {
					t.Fatalf("records of %d bytes in a report of %d", n, len(b))
				}
			}
			if t.Failed() {
				return
			}
		}
	}
}

// A message cut anywhere is refused, or is an earlier version's query; one
// with a changed byte is refused or decoded to what encodes again.
func TestDamage(t *testing.T) {
	for _, p := range protocols {
		r := random{rand.New(rand.NewPCG(6, 6)), p.name == "mld"}
		for range 60 {
			b, err := p.encode(r.message(), nil)
			noError(t, err)
			for n := range b {
				c := append([]byte(nil), b[:n]...)
				if n >= 4 {
					p.fix(c)
				}
				trip(t, p, c)
			}
			for i := range b {
				c := append([]byte(nil), b...)
				c[i] ^= byte(1 << r.IntN(8))
				trip(t, p, c) // the checksum notices
				p.fix(c)
				trip(t, p, c)
			}
		}
	}
}

// trip decodes b, fresh and into a used message, and where that works encodes
// and decodes again: the values agree.
func trip(t testing.TB, p protocol, b []byte) {
	t.Helper()
	m, err := p.parse(b)
	used := igmp.Message{}
	noError(t, p.decode(&used, usedMessage(t, p)))
	usedErr := p.decode(&used, b)
	same(t, "decoded into a used message", used, m)
	if !reflect.DeepEqual(err, usedErr) {
		t.Errorf("error %v, into a used message %v", err, usedErr)
	}
	if err != nil {
		if _, ok := errors.AsType[*inet.DecodeError](err); !ok {
			t.Errorf("error %v is no *DecodeError", err)
		}
		return
	}
	out, err := p.encode(m, nil)
	if err != nil {
		t.Fatalf("%+v was decoded from % x and is not encoded: %v", m, b, err)
	}
	again, err := p.parse(out)
	noError(t, err)
	m.Additional = nil // never sent
	same(t, "decoded again", again, m)
	stable, err := p.encode(again, nil)
	noError(t, err)
	sameBytes(t, "encoded again", stable, out)
}

// usedMessage returns a report with records, sources and aux data to leave
// traces in the memory of a message.
func usedMessage(t testing.TB, p protocol) []byte {
	m := igmp.Message{Kind: igmp.KindReport, Report: igmp.Report{Version: 3}}
	group, sources := group4, []netip.Addr{source4, source4, source4}
	if p.name == "mld" {
		m.Report.Version = 2
		group, sources = group6, []netip.Addr{source6, source6, source6}
	}
	for range 4 {
		m.Report.Records = append(m.Report.Records,
			igmp.Record{Type: igmp.ModeIsExclude, Group: group, Sources: sources, Aux: []byte("used")})
	}
	b, err := p.encode(m, nil)
	noError(t, err)
	return b
}

// Decoding into a message with enough memory allocates nothing, and encoding
// into a slice with enough room neither.
func TestNoAllocations(t *testing.T) {
	for _, p := range protocols {
		r := random{rand.New(rand.NewPCG(8, 8)), p.name == "mld"}
		var messages [][]byte
		for range 40 {
			b, err := p.encode(r.message(), nil)
			noError(t, err)
			messages = append(messages, b)
		}
		var m igmp.Message
		buf := make([]byte, 0, 4096)
		var err error
		all := func() {
			for _, b := range messages {
				if err = p.decode(&m, b); err != nil {
					return
				}
				if p.name == "mld" {
					_, err = m.AppendMLD(buf, ll1, mldDst)
				} else {
					_, err = m.AppendIGMP(buf)
				}
			}
		}
		all() // for the memory
		if n := testing.AllocsPerRun(50, all); n != 0 {
			t.Errorf("%s: %v allocations", p.name, n)
		}
		noError(t, err)
	}
}

// Counts that claim more than there is cost no memory, and true ones no more
// than a multiple of the input.
func TestAllocationBound(t *testing.T) {
	const factor = 16 // an 8-byte record becomes one of less than 128 bytes
	big := igmp.Report{Version: 3}
	for range 180 {
		big.Records = append(big.Records, igmp.Record{Type: 2, Group: group4})
	}
	records, err := big.AppendIGMP(nil)
	noError(t, err)
	sources, err := igmp.Query{Version: 3, Group: group4, Sources: make4(366)}.AppendIGMP(nil)
	noError(t, err)
	tests := map[string]struct {
		p protocol
		b []byte
	}{
		"180 records":         {igmp4, records},
		"366 sources":         {igmp4, sources},
		"65535 records claim": {igmp4, igmp4.fixed(t, "2200 0000 0000 ffff 0400 ffff ef010101")},
		"65535 sources claim": {igmp4, igmp4.fixed(t, "1164 0000 e8010203 027d ffff 0a000001")},
		"MLD records claim":   {mld6, mld6.fixed(t, "8f00 0000 0000 ffff 0400 ffff"+group6Hex)},
	}
	for name, tt := range tests {
		got := allocated(20, func() { tt.p.parse(tt.b) })
		if limit := uint64(factor*len(tt.b) + 512); got > limit {
			t.Errorf("%s: %d bytes for %d, more than %d", name, got, len(tt.b), limit)
		}
	}
}

// allocated returns how many bytes a call of f takes, over n calls.
func allocated(n int, f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range n {
		f()
	}
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) / uint64(n)
}

func make4(n int) []netip.Addr {
	out := make([]netip.Addr, n)
	for i := range out {
		out[i] = netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
	}
	return out
}
