package igmp

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"github.com/mpstack/mpstack/wire/inet"
)

// family is what differs between IGMP and MLD.
type family struct {
	layer    string
	addrLen  int
	fixedLen int // up to the group, which follows it in all but v3/v2 reports
	unit     time.Duration
}

var (
	igmp4 = &family{layer: LayerIGMP, addrLen: 4, fixedLen: 4, unit: 100 * time.Millisecond}
	mld6  = &family{layer: LayerMLD, addrLen: 16, fixedLen: 8, unit: time.Millisecond}
)

// reportHeaderLen is the length of an IGMPv3 or MLDv2 report before its
// records.
const reportHeaderLen = 8

// addr returns the address at the start of b.
func (f *family) addr(b []byte) netip.Addr {
	if f.addrLen == 4 {
		return netip.AddrFrom4([4]byte(b))
	}
	return netip.AddrFrom16([16]byte(b))
}

// shortLen is the length of a message with a group and nothing more: v1 and v2
// messages of IGMP, v1 messages of MLD.
func (f *family) shortLen() int { return f.fixedLen + f.addrLen }

// recordLen is the length of a record without sources and aux data.
func (f *family) recordLen() int { return 4 + f.addrLen }

func (f *family) fail(field string, offset int, err error) error {
	return &inet.DecodeError{Layer: f.layer, Field: field, Offset: offset, Err: err}
}

// ParseIGMP reads an IGMP message, the whole payload of its IP packet, and
// verifies its checksum. A type that is not known gives KindUnknown without an
// error. With inet.ErrChecksum as much of the message as can be read is
// returned as well.
func ParseIGMP(b []byte) (Message, error) {
	var m Message
	err := m.DecodeIGMP(b)
	return m, err
}

// ParseMLD reads an MLD message, the whole ICMPv6 message of a packet from src
// to dst, and verifies its checksum. ICMPv6 types other than MLD's give
// KindUnknown without an error. With inet.ErrChecksum as much of the message
// as can be read is returned as well.
func ParseMLD(b []byte, src, dst netip.Addr) (Message, error) {
	var m Message
	err := m.DecodeMLD(b, src, dst)
	return m, err
}

// DecodeIGMP is ParseIGMP into m. It sets every field and reuses the memory of
// m's earlier records and sources, which it thereby overwrites.
func (m *Message) DecodeIGMP(b []byte) error {
	m.reset()
	if len(b) < igmp4.shortLen() {
		return igmp4.short(b, igmp4.shortLen())
	}
	err := m.decode4(b)
	if inet.Checksum(b, 0) != 0 {
		return igmp4.fail("checksum", 2, inet.ErrChecksum)
	}
	return err
}

// DecodeMLD is ParseMLD into m. It sets every field and reuses the memory of
// m's earlier records and sources, which it thereby overwrites.
func (m *Message) DecodeMLD(b []byte, src, dst netip.Addr) error {
	m.reset()
	if len(b) < reportHeaderLen {
		return mld6.short(b, reportHeaderLen)
	}
	err := m.decode6(b)
	if inet.Checksum(b, inet.PseudoHeaderSum(src, dst, inet.ProtoICMPv6, len(b))) != 0 {
		return mld6.fail("checksum", 2, inet.ErrChecksum)
	}
	return err
}

// reset clears m but for its memory.
func (m *Message) reset() {
	records, sources := m.records[:0], m.sources[:0]
	*m = Message{} // in place: a literal with both would be built elsewhere and copied
	m.records, m.sources = records, sources
}

func (f *family) short(b []byte, want int) error {
	return f.fail("message", len(b), fmt.Errorf("%d bytes of %d: %w", len(b), want, inet.ErrTruncated))
}

func (m *Message) decode4(b []byte) error {
	m.Type = b[0]
	switch m.Type {
	case TypeQuery:
		return m.query4(b)
	case TypeV1Report:
		return m.groupReport(igmp4, b, 1)
	case TypeV2Report:
		return m.groupReport(igmp4, b, 2)
	case TypeV2Leave:
		return m.leave(igmp4, b)
	case TypeV3Report:
		return m.recordReport(igmp4, b, 3)
	}
	m.Code, m.Body = b[1], b[4:]
	return nil
}

func (m *Message) decode6(b []byte) error {
	m.Type = b[0]
	switch m.Type {
	case TypeMLDQuery:
		return m.query6(b)
	case TypeMLDv1Report:
		return m.groupReport(mld6, b, 1)
	case TypeMLDv1Done:
		return m.leave(mld6, b)
	case TypeMLDv2Report:
		return m.recordReport(mld6, b, 2)
	}
	m.Code, m.Body = b[1], b[4:]
	return nil
}

// query4 tells the versions apart as RFC 3376 section 7.1 does.
func (m *Message) query4(b []byte) error {
	q := Query{Version: 3, Group: igmp4.addr(b[4:8])}
	switch {
	case len(b) == 8 && b[1] == 0:
		q.Version = 1
	case len(b) == 8: // RFC 2236 section 2.2: a plain number
		q.Version = 2
		q.MaxResp = time.Duration(b[1]) * igmp4.unit
	case len(b) < 12:
		return igmp4.fail("query", len(b), fmt.Errorf("%d bytes: %w", len(b), inet.ErrLength))
	default:
		q.MaxResp = time.Duration(DecodeCode8(b[1])) * igmp4.unit
		if err := m.querySources(igmp4, &q, b); err != nil {
			return err
		}
	}
	m.Kind, m.Query = KindQuery, q
	return nil
}

// query6 tells the versions apart as RFC 3810 section 8.1 does.
func (m *Message) query6(b []byte) error {
	if len(b) < mld6.shortLen() {
		return mld6.short(b, mld6.shortLen())
	}
	code := binary.BigEndian.Uint16(b[4:])
	q := Query{Version: 2, Group: mld6.addr(b[8:24])}
	switch {
	case len(b) == 24: // RFC 2710 section 3.4: a plain number
		q.Version = 1
		q.MaxResp = time.Duration(code) * mld6.unit
	case len(b) < 28:
		return mld6.fail("query", len(b), fmt.Errorf("%d bytes: %w", len(b), inet.ErrLength))
	default:
		q.MaxResp = time.Duration(DecodeCode16(code)) * mld6.unit
		if err := m.querySources(mld6, &q, b); err != nil {
			return err
		}
	}
	m.Kind, m.Query = KindQuery, q
	return nil
}

// querySources reads what IGMPv3 and MLDv2 put after the group: S, QRV, QQIC
// and the sources.
func (m *Message) querySources(f *family, q *Query, b []byte) error {
	at := f.shortLen()
	q.Suppress = b[at]&0x08 != 0
	q.QRV = b[at] & 0x07
	q.QQI = time.Duration(DecodeCode8(b[at+1])) * time.Second
	n := int(binary.BigEndian.Uint16(b[at+2:]))
	end := at + 4 + n*f.addrLen
	if end > len(b) {
		return f.fail("number of sources", at+2,
			fmt.Errorf("%d, %d bytes left: %w", n, len(b)-at-4, inet.ErrTruncated))
	}
	m.growSources(n)
	q.Sources = m.takeSources(f, b[at+4:end])
	m.Additional = additional(b[end:])
	return nil
}

func additional(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

func (m *Message) groupReport(f *family, b []byte, version uint8) error {
	if len(b) < f.shortLen() {
		return f.short(b, f.shortLen())
	}
	m.Kind = KindReport
	m.Report = Report{Version: version, Group: f.addr(b[f.fixedLen:f.shortLen()])}
	m.Additional = additional(b[f.shortLen():])
	return nil
}

func (m *Message) leave(f *family, b []byte) error {
	if len(b) < f.shortLen() {
		return f.short(b, f.shortLen())
	}
	m.Kind = KindLeave
	m.Leave = Leave{Group: f.addr(b[f.fixedLen:f.shortLen()])}
	m.Additional = additional(b[f.shortLen():])
	return nil
}

// recordReport reads an IGMPv3 or MLDv2 report: once to check and count, and
// once more to take the records.
func (m *Message) recordReport(f *family, b []byte, version uint8) error {
	n := int(binary.BigEndian.Uint16(b[6:]))
	sources, err := f.countSources(b, n)
	if err != nil {
		return err
	}
	if cap(m.records) < n {
		m.records = make([]Record, 0, n)
	}
	m.growSources(sources)
	at := reportHeaderLen
	for range n {
		h := f.recordHeader(b[at:])
		start := at + f.recordLen()
		end := start + h.sources*f.addrLen
		r := Record{Type: RecordType(b[at]), Group: f.addr(b[at+4 : start]), Sources: m.takeSources(f, b[start:end])}
		if h.aux > 0 {
			r.Aux = b[end : end+h.aux : end+h.aux]
		}
		m.records = append(m.records, r)
		at = end + h.aux
	}
	m.Kind = KindReport
	m.Report = Report{Version: version}
	if n > 0 {
		m.Report.Records = m.records[:n:n]
	}
	m.Additional = additional(b[at:])
	return nil
}

// recordHeader is what a record says about its own length.
type recordHeader struct{ sources, aux int }

func (f *family) recordHeader(b []byte) recordHeader {
	return recordHeader{sources: int(binary.BigEndian.Uint16(b[2:])), aux: int(b[1]) * 4}
}

// countSources checks that b holds n records and returns how many sources they
// have in all.
func (f *family) countSources(b []byte, n int) (total int, err error) {
	at := reportHeaderLen
	for i := range n {
		if len(b)-at < f.recordLen() {
			return 0, f.fail("record", at, fmt.Errorf("%d of %d, %d bytes left: %w", i+1, n, len(b)-at, inet.ErrTruncated))
		}
		h := f.recordHeader(b[at:])
		size := f.recordLen() + h.sources*f.addrLen + h.aux
		if size > len(b)-at {
			return 0, f.fail("record", at, fmt.Errorf("%d bytes, %d left: %w", size, len(b)-at, inet.ErrTruncated))
		}
		total += h.sources
		at += size
	}
	return total, nil
}

// growSources makes room for n sources. What they are is bounded by the
// message: n has been checked against its length.
func (m *Message) growSources(n int) {
	if cap(m.sources) < n {
		m.sources = make([]netip.Addr, 0, n)
	}
}

// takeSources copies the addresses that are all of b to m's memory, for which
// growSources made room, and returns them there, or nil.
func (m *Message) takeSources(f *family, b []byte) []netip.Addr {
	if len(b) == 0 {
		return nil
	}
	start := len(m.sources)
	for ; len(b) > 0; b = b[f.addrLen:] {
		m.sources = append(m.sources, f.addr(b[:f.addrLen]))
	}
	return m.sources[start:len(m.sources):len(m.sources)]
}
