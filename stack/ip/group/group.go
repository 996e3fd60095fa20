package group

import (
	"errors"
	"net/netip"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire/igmp"
)

// Refusals of calls.
var (
	ErrInterface = errors.New("group: no such interface")
	ErrGroup     = errors.New("group: not a multicast group that can be joined")
	ErrSource    = errors.New("group: not a unicast source of the group's family")
	ErrMode      = errors.New("group: neither INCLUDE nor EXCLUDE")
	ErrSSM       = errors.New("group: a source-specific group needs a source")
	ErrNotMember = errors.New("group: not a member")
	ErrLimit     = errors.New("group: too many groups or sources")
	ErrSettings  = errors.New("group: impossible settings")
)

// Protocol values of RFC 3376 section 8 and RFC 3810 section 9: the defaults
// of Settings and HostSettings.
const (
	Robustness                = 2                 // Robustness Variable
	QueryInterval             = 125 * time.Second // Query Interval
	QueryResponseInterval     = 10 * time.Second  // Query Response Interval
	StartupQueryInterval      = QueryInterval / 4 // Startup Query Interval
	LastMemberQueryInterval   = time.Second       // Last Member (Listener) Query Interval
	LastMemberQueryTime       = 2 * time.Second   // interval times count, the count being Robustness
	UnsolicitedReportInterval = time.Second       // Unsolicited Report Interval

	// UnsolicitedReportIntervalOld is the Unsolicited Report Interval of
	// IGMPv2 and MLDv1 (RFC 2236 section 8.10, RFC 2710 section 7.10).
	UnsolicitedReportIntervalOld = 10 * time.Second
)

// Newest versions of the two protocols, in which routers and hosts begin.
const (
	VersionIGMP uint8 = 3
	VersionMLD  uint8 = 2
)

// newest returns the newest version of a family.
func newest(v6 bool) uint8 {
	if v6 {
		return VersionMLD
	}
	return VersionIGMP
}

// Mode is a filter mode.
type Mode uint8

// Filter modes. A group without state is in mode Include with no source.
const (
	Include Mode = iota
	Exclude
)

// String returns "INCLUDE" or "EXCLUDE".
func (m Mode) String() string {
	if m == Exclude {
		return "EXCLUDE"
	}
	return "INCLUDE"
}

// SocketKey names a socket among those of a node. What it counts is the
// caller's business.
type SocketKey uint64

// OutputKind says what an Output is.
type OutputKind uint8

// Kinds of outputs.
const (
	KindReport OutputKind = iota + 1 // send a report of Version: of Records to all IGMPv3 or MLDv2 routers, or an older one of Group to Group
	KindQuery                        // send Query to its group, or to all hosts
	KindChange                       // what is forwarded of Group from Src changed on If
	KindLeave                        // send IGMPv2's Leave or MLDv1's Done for Group to all routers
)

// Output is a message to send on interface If, or a change. Its slices are
// valid until the next call.
type Output struct {
	Kind    OutputKind
	If      int
	V6      bool
	Version uint8         // of a report
	Records []igmp.Record // of an IGMPv3 or MLDv2 report
	Query   igmp.Query
	Src     netip.Addr // of a change; invalid: any source
	Group   netip.Addr // of a change, an older report, or a leave
	Cause   machine.Cause
}

// IsSSM reports whether group is in the source-specific ranges: 232/8 and
// ff3x::/32 (RFC 4607 section 1).
func IsSSM(group netip.Addr) bool {
	if group.Is4() {
		return group.As4()[0] == 232
	}
	b := group.As16()
	return b[0] == 0xff && b[1]>>4 == 3 && b[2] == 0 && b[3] == 0
}

// IsReported reports whether membership in group is told to routers: not that
// of all hosts, nor of scopes that never leave a node (RFC 3376 section 5, RFC
// 3810 section 6).
func IsReported(group netip.Addr) bool {
	if !group.IsMulticast() {
		return false
	}
	if group.Is4() {
		return group != igmp.AllSystems
	}
	return group != igmp.AllNodes6 && group.As16()[1]&0x0f > 1
}

// isAllHosts reports whether every node listens to group at all times (RFC
// 3376 section 5, RFC 3810 section 6).
func isAllHosts(group netip.Addr) bool {
	return group == igmp.AllSystems || group == igmp.AllNodes6
}

// causes of one family's messages.
type causes struct {
	join, leave, again, answer                machine.Cause
	startup, general, groupQuery, sourceQuery machine.Cause
}

var (
	igmpCauses = causes{
		join: "ip/igmp/join", leave: "ip/igmp/leave", again: "ip/igmp/report-again", answer: "ip/igmp/answer",
		startup: "ip/igmp/query-startup", general: "ip/igmp/query", groupQuery: "ip/igmp/query-group", sourceQuery: "ip/igmp/query-source",
	}
	mldCauses = causes{
		join: "ip/mld/join", leave: "ip/mld/leave", again: "ip/mld/report-again", answer: "ip/mld/answer",
		startup: "ip/mld/query-startup", general: "ip/mld/query", groupQuery: "ip/mld/query-group", sourceQuery: "ip/mld/query-source",
	}
)

func causesOf(v6 bool) *causes {
	if v6 {
		return &mldCauses
	}
	return &igmpCauses
}

// link names one family on one interface.
type link struct {
	If int
	V6 bool
}

// member names a group on an interface; the address says the family.
type member struct {
	If    int
	Group netip.Addr
}

func (m member) link() link { return link{If: m.If, V6: m.Group.Is6()} }

// Counter is one row of a table of counters.
type Counter struct {
	Name  string
	Value uint64
}
