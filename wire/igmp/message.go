package igmp

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/mpstack/mpstack/wire/inet"
)

// IGMP message types (RFC 3376 section 4).
const (
	TypeQuery    uint8 = 0x11
	TypeV1Report uint8 = 0x12
	TypeV2Report uint8 = 0x16
	TypeV2Leave  uint8 = 0x17
	TypeV3Report uint8 = 0x22
)

// MLD message types (RFC 3810 section 5).
const (
	TypeMLDQuery    = inet.ICMPv6MLDQuery
	TypeMLDv1Report = inet.ICMPv6MLDv1Report
	TypeMLDv1Done   = inet.ICMPv6MLDv1Done
	TypeMLDv2Report = inet.ICMPv6MLDv2Report
)

// The IP header of a message (RFC 3376 section 4, RFC 3810 section 5).
const (
	TTL uint8 = 1
	TOS uint8 = 0xc0 // Internetwork Control; IGMP only
)

// Destinations of messages. They are not to be changed.
var (
	AllSystems   = netip.AddrFrom4([4]byte{224, 0, 0, 1})  // general queries, RFC 3376 section 4.1.12
	AllRouters   = netip.AddrFrom4([4]byte{224, 0, 0, 2})  // IGMPv2 leaves, RFC 2236 section 9
	AllV3Routers = netip.AddrFrom4([4]byte{224, 0, 0, 22}) // IGMPv3 reports, RFC 3376 section 4.2.14

	AllNodes6     = netip.AddrFrom16([16]byte{0: 0xff, 1: 2, 15: 1})    // general queries, RFC 3810 section 5.1.15
	AllRouters6   = netip.AddrFrom16([16]byte{0: 0xff, 1: 2, 15: 2})    // MLDv1 dones, RFC 2710 section 5
	AllV2Routers6 = netip.AddrFrom16([16]byte{0: 0xff, 1: 2, 15: 0x16}) // MLDv2 reports, RFC 3810 section 5.2.14
)

// Layer names, as in DecodeError.Layer.
const (
	LayerIGMP = "igmp"
	LayerMLD  = "mld"
)

// RespV1 is what a receiver assumes as a query's response time where it is
// IGMPv1 (RFC 2236 section 4), which has no field for it.
const RespV1 = 10 * time.Second

// Kind says what a Message is.
type Kind uint8

// Kinds of messages.
const (
	KindUnknown Kind = iota // to be ignored: RFC 3376 section 4
	KindQuery
	KindReport
	KindLeave // IGMPv2 Leave, MLDv1 Done
)

// String returns the kind's name.
func (k Kind) String() string {
	switch k {
	case KindUnknown:
		return "unknown"
	case KindQuery:
		return "query"
	case KindReport:
		return "report"
	case KindLeave:
		return "leave"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// RecordType is the type of a group record (RFC 3376 section 4.2.12, RFC 3810
// section 5.2.12).
type RecordType uint8

// Types of group records.
const (
	ModeIsInclude   RecordType = 1 // IS_IN(x): the current filter mode and sources
	ModeIsExclude   RecordType = 2 // IS_EX(x)
	ChangeToInclude RecordType = 3 // TO_IN(x): the new filter mode and sources
	ChangeToExclude RecordType = 4 // TO_EX(x)
	AllowNewSources RecordType = 5 // ALLOW(x): sources to hear as well
	BlockOldSources RecordType = 6 // BLOCK(x): sources to hear no longer
)

// Known reports whether t is one of the types above; a receiver ignores
// records of others.
func (t RecordType) Known() bool { return t >= ModeIsInclude && t <= BlockOldSources }

// String returns the RFC's notation: "IS_IN", "TO_EX", "ALLOW", …
func (t RecordType) String() string {
	if t.Known() {
		return [...]string{"IS_IN", "IS_EX", "TO_IN", "TO_EX", "ALLOW", "BLOCK"}[t-1]
	}
	return fmt.Sprintf("record type %d", uint8(t))
}

// Record is one group record of an IGMPv3 or MLDv2 report.
type Record struct {
	Type    RecordType
	Group   netip.Addr
	Sources []netip.Addr
	// Aux is auxiliary data; it aliases the input. No version defines any:
	// senders leave it out and receivers ignore it (RFC 3376 section 4.2.10).
	// A length that is no multiple of 4 is padded with zeros.
	Aux []byte
}

// String returns the record as "TO_EX(232.1.2.3; 10.0.0.1, 10.0.0.2)".
func (r Record) String() string {
	b := append([]byte(r.Type.String()), '(')
	b = r.Group.AppendTo(b)
	for i, s := range r.Sources {
		b = append(b, ";,"[min(i, 1)], ' ')
		b = s.AppendTo(b)
	}
	return string(append(b, ')'))
}

// Query asks for membership: a general query where Group is unspecified, one
// for a group, or one for a group and sources (RFC 3376 section 4.1.11).
type Query struct {
	// Version is 1 to 3 in IGMP, 1 or 2 in MLD; it decides the form.
	Version uint8
	// Group is the group asked for. The unspecified address is a general
	// query; for AppendIGMP and AppendMLD the invalid Addr is one too.
	Group netip.Addr
	// MaxResp is the time within which to answer, in tenths of a second
	// (IGMP) or milliseconds (MLD). Encoding rounds it down to what the
	// field can say. IGMPv1 has none: RespV1.
	MaxResp time.Duration

	// The rest is in IGMPv3 and MLDv2 alone; but for Sources, which are
	// refused, the forms of earlier versions leave it out.

	Suppress bool          // S: routers do not update their timers
	QRV      uint8         // the querier's robustness variable, 0 to 7; encoding writes 0 above that
	QQI      time.Duration // the querier's query interval, in seconds; rounded down like MaxResp
	Sources  []netip.Addr
}

// General reports whether q is a general query.
func (q Query) General() bool { return !q.Group.IsValid() || q.Group.IsUnspecified() }

// Report tells membership.
type Report struct {
	// Version is 1 to 3 in IGMP, 1 or 2 in MLD; it decides the form.
	Version uint8
	Group   netip.Addr // IGMPv1, IGMPv2, MLDv1
	Records []Record   // IGMPv3, MLDv2
}

// Leave tells the end of membership: IGMPv2's Leave and MLDv1's Done. Later
// versions put it in a Report.
type Leave struct{ Group netip.Addr }

// Message is any message of IGMP or MLD.
type Message struct {
	Kind Kind
	Type uint8 // as on the wire; encoding looks at it for KindUnknown alone

	Query  Query  // KindQuery
	Report Report // KindReport
	Leave  Leave  // KindLeave
	Code   uint8  // KindUnknown: the byte after the type
	Body   []byte // KindUnknown: what follows the checksum; aliases the input

	// Additional is what followed the message inside its packet. It is under
	// the checksum, is to be ignored, and is never encoded (RFC 3376 sections
	// 4.1.10 and 4.2.11). It aliases the input.
	Additional []byte

	// Memory kept for the next decode.
	records []Record
	sources []netip.Addr
}
