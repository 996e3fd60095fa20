package igmp

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"github.com/mpstack/mpstack/wire/inet"
)

// maxAux is the most auxiliary data that a record can name, in bytes.
const maxAux = 255 * 4

func (f *family) refuse(field string, err error) error {
	return fmt.Errorf("%s: %s: %w", f.layer, field, err)
}

// appendAddr appends an address of f's family.
func (f *family) appendAddr(b []byte, a netip.Addr) []byte {
	if f.addrLen == 4 {
		v := a.As4()
		return append(b, v[:]...)
	}
	v := a.As16()
	return append(b, v[:]...)
}

func (f *family) is(a netip.Addr) bool { return a.IsValid() && a.BitLen() == f.addrLen*8 }

// finish sets the checksum of the message that starts at b[start:]; src and
// dst count in MLD alone.
func (f *family) finish(b []byte, start int, src, dst netip.Addr) []byte {
	if f == mld6 {
		inet.PutICMPv6Checksum(b[start:], src, dst)
		return b
	}
	binary.BigEndian.PutUint16(b[start+2:], inet.Checksum(b[start:], 0))
	return b
}

func checkMLD(src, dst netip.Addr) error {
	if !src.Is6() || !dst.Is6() {
		return mld6.refuse("addresses", inet.ErrAddress)
	}
	return nil
}

// AppendIGMP appends m as IGMP, with its checksum. It fails as the AppendIGMP
// of what m holds does.
func (m *Message) AppendIGMP(b []byte) ([]byte, error) {
	switch m.Kind {
	case KindQuery:
		return m.Query.AppendIGMP(b)
	case KindReport:
		return m.Report.AppendIGMP(b)
	case KindLeave:
		return m.Leave.AppendIGMP(b)
	}
	return m.appendUnknown(igmp4, b, netip.Addr{}, netip.Addr{}), nil
}

// AppendMLD appends m as MLD, with the checksum for a packet from src to dst.
// It fails as the AppendMLD of what m holds does.
func (m *Message) AppendMLD(b []byte, src, dst netip.Addr) ([]byte, error) {
	switch m.Kind {
	case KindQuery:
		return m.Query.AppendMLD(b, src, dst)
	case KindReport:
		return m.Report.AppendMLD(b, src, dst)
	case KindLeave:
		return m.Leave.AppendMLD(b, src, dst)
	}
	if err := checkMLD(src, dst); err != nil {
		return b, err
	}
	return m.appendUnknown(mld6, b, src, dst), nil
}

func (m *Message) appendUnknown(f *family, b []byte, src, dst netip.Addr) []byte {
	start := len(b)
	b = append(b, m.Type, m.Code, 0, 0)
	b = append(b, m.Body...)
	return f.finish(b, start, src, dst)
}

// AppendIGMP appends the query in the form of its version, with its checksum.
// It fails with inet.ErrRange for another version, a time that does not fit,
// an IGMPv2 query whose MaxResp is below 100 ms (which would be an IGMPv1
// query), and sources before IGMPv3; with inet.ErrAddress for addresses that
// are not IPv4; with inet.ErrTooLong above 65535 sources.
func (q Query) AppendIGMP(b []byte) ([]byte, error) {
	if q.Version < 1 || q.Version > 3 {
		return b, igmp4.refuse("version", inet.ErrRange)
	}
	code, err := q.code4()
	if err != nil {
		return b, err
	}
	start := len(b)
	out := append(b, TypeQuery, code, 0, 0)
	out, err = q.appendGroup(igmp4, out, q.Version == 3)
	if err != nil {
		return b, err
	}
	return igmp4.finish(out, start, netip.Addr{}, netip.Addr{}), nil
}

// code4 returns Max Resp Code.
func (q Query) code4() (uint8, error) {
	switch q.Version {
	case 1:
		return 0, nil
	case 2:
		v, err := units(LayerIGMP, "max resp time", q.MaxResp, igmp4.unit, MaxRespV2)
		if err == nil && v == 0 {
			err = igmp4.refuse("max resp time", inet.ErrRange)
		}
		return uint8(v), err
	}
	v, err := units(LayerIGMP, "max resp time", q.MaxResp, igmp4.unit, MaxRespV3)
	code, _ := EncodeCode8(v)
	return code, err
}

// AppendMLD appends the query in the form of its version, with the checksum
// for a packet from src to dst. It fails with inet.ErrRange for another
// version, a time that does not fit, and sources before MLDv2; with
// inet.ErrAddress for addresses that are not IPv6; with inet.ErrTooLong above
// 65535 sources.
func (q Query) AppendMLD(b []byte, src, dst netip.Addr) ([]byte, error) {
	if err := checkMLD(src, dst); err != nil {
		return b, err
	}
	if q.Version < 1 || q.Version > 2 {
		return b, mld6.refuse("version", inet.ErrRange)
	}
	code, err := q.code6()
	if err != nil {
		return b, err
	}
	start := len(b)
	out := append(b, TypeMLDQuery, 0, 0, 0)
	out = binary.BigEndian.AppendUint16(out, code)
	out = append(out, 0, 0)
	out, err = q.appendGroup(mld6, out, q.Version == 2)
	if err != nil {
		return b, err
	}
	return mld6.finish(out, start, src, dst), nil
}

// code6 returns Maximum Response Code.
func (q Query) code6() (uint16, error) {
	if q.Version == 1 {
		v, err := units(LayerMLD, "max resp delay", q.MaxResp, mld6.unit, MaxRespMLD1)
		return uint16(v), err
	}
	v, err := units(LayerMLD, "max resp delay", q.MaxResp, mld6.unit, MaxRespMLD2)
	code, _ := EncodeCode16(v)
	return code, err
}

// appendGroup appends the group and, in a query with sources, what follows it.
func (q Query) appendGroup(f *family, b []byte, withSources bool) ([]byte, error) {
	var zero [16]byte
	switch {
	case !q.Group.IsValid():
		b = append(b, zero[:f.addrLen]...)
	case f.is(q.Group):
		b = f.appendAddr(b, q.Group)
	default:
		return b, f.refuse("group", inet.ErrAddress)
	}
	if !withSources {
		if len(q.Sources) > 0 {
			return b, f.refuse("sources", inet.ErrRange)
		}
		return b, nil
	}
	qqi, err := units(f.layer, "query interval", q.QQI, time.Second, MaxQQI)
	if err != nil {
		return b, err
	}
	qqic, _ := EncodeCode8(qqi)
	return f.appendSources(append(b, q.resvSQRV(), qqic), q.Sources, nil)
}

// resvSQRV returns the byte with the S flag and QRV, which is 0 where the
// robustness variable exceeds 7 (RFC 3376 section 4.1.6).
func (q Query) resvSQRV() byte {
	var v byte
	if q.QRV <= 7 {
		v = q.QRV
	}
	if q.Suppress {
		v |= 0x08
	}
	return v
}

// appendSources appends the number of sources, the group that stands between
// where there is one, and the sources.
func (f *family) appendSources(b []byte, sources []netip.Addr, group *netip.Addr) ([]byte, error) {
	if len(sources) > 0xffff {
		return b, f.refuse("sources", inet.ErrTooLong)
	}
	b = binary.BigEndian.AppendUint16(b, uint16(len(sources)))
	if group != nil {
		b = f.appendAddr(b, *group)
	}
	for _, s := range sources {
		if !f.is(s) {
			return b, f.refuse("source", inet.ErrAddress)
		}
		b = f.appendAddr(b, s)
	}
	return b, nil
}

// AppendIGMP appends the report in the form of its version, with its checksum.
// It fails with inet.ErrRange for another version, inet.ErrAddress for
// addresses that are not IPv4, and inet.ErrTooLong for what its counts cannot
// name: above 65535 records or sources, or 1020 bytes of aux data.
func (r Report) AppendIGMP(b []byte) ([]byte, error) {
	switch r.Version {
	case 1:
		return appendGroupMessage(igmp4, b, TypeV1Report, r.Group, netip.Addr{}, netip.Addr{})
	case 2:
		return appendGroupMessage(igmp4, b, TypeV2Report, r.Group, netip.Addr{}, netip.Addr{})
	case 3:
		return r.appendRecords(igmp4, b, TypeV3Report, netip.Addr{}, netip.Addr{})
	}
	return b, igmp4.refuse("version", inet.ErrRange)
}

// AppendMLD appends the report in the form of its version, with the checksum
// for a packet from src to dst. It fails as AppendIGMP does, for addresses
// that are not IPv6.
func (r Report) AppendMLD(b []byte, src, dst netip.Addr) ([]byte, error) {
	if err := checkMLD(src, dst); err != nil {
		return b, err
	}
	switch r.Version {
	case 1:
		return appendGroupMessage(mld6, b, TypeMLDv1Report, r.Group, src, dst)
	case 2:
		return r.appendRecords(mld6, b, TypeMLDv2Report, src, dst)
	}
	return b, mld6.refuse("version", inet.ErrRange)
}

// AppendIGMP appends IGMPv2's Leave Group. It fails with inet.ErrAddress where
// the group is not IPv4.
func (l Leave) AppendIGMP(b []byte) ([]byte, error) {
	return appendGroupMessage(igmp4, b, TypeV2Leave, l.Group, netip.Addr{}, netip.Addr{})
}

// AppendMLD appends MLDv1's Done, with the checksum for a packet from src to
// dst. It fails with inet.ErrAddress for addresses that are not IPv6.
func (l Leave) AppendMLD(b []byte, src, dst netip.Addr) ([]byte, error) {
	if err := checkMLD(src, dst); err != nil {
		return b, err
	}
	return appendGroupMessage(mld6, b, TypeMLDv1Done, l.Group, src, dst)
}

func appendGroupMessage(f *family, b []byte, typ uint8, group, src, dst netip.Addr) ([]byte, error) {
	if !f.is(group) {
		return b, f.refuse("group", inet.ErrAddress)
	}
	var fixed [8]byte
	fixed[0] = typ
	start := len(b)
	b = append(b, fixed[:f.fixedLen]...)
	return f.finish(f.appendAddr(b, group), start, src, dst), nil
}

func (r Report) appendRecords(f *family, b []byte, typ uint8, src, dst netip.Addr) ([]byte, error) {
	if len(r.Records) > 0xffff {
		return b, f.refuse("records", inet.ErrTooLong)
	}
	start := len(b)
	out := append(b, typ, 0, 0, 0, 0, 0)
	out = binary.BigEndian.AppendUint16(out, uint16(len(r.Records)))
	var err error
	for i := range r.Records {
		if out, err = r.Records[i].append(f, out); err != nil {
			return b, err
		}
	}
	return f.finish(out, start, src, dst), nil
}

func (r *Record) append(f *family, b []byte) ([]byte, error) {
	if !f.is(r.Group) {
		return b, f.refuse("record group", inet.ErrAddress)
	}
	if len(r.Aux) > maxAux {
		return b, f.refuse("aux data", inet.ErrTooLong)
	}
	words := (len(r.Aux) + 3) / 4
	b = append(b, byte(r.Type), byte(words))
	b, err := f.appendSources(b, r.Sources, &r.Group)
	if err != nil {
		return b, err
	}
	b = append(b, r.Aux...)
	for n := len(r.Aux); n%4 != 0; n++ {
		b = append(b, 0)
	}
	return b, nil
}
