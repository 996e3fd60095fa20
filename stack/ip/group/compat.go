package group

import (
	"strconv"

	"github.com/mpstack/mpstack/wire/igmp"
)

// compat says which older versions are present: among the queriers of a host's
// link (RFC 3376 section 7.2.1, RFC 3810 section 8.2.1), or among the members
// of a router's group (RFC 3376 section 7.3.2, RFC 3810 section 8.3.2). Each
// is present as long as its timer runs. MLDv1 stands where IGMPv2 does.
type compat uint8

const (
	compatNewest compat = 0
	compatV2     compat = 1                   // IGMPv2, or MLDv1
	compatV1     compat = 2                   // IGMPv1
	compatBoth   compat = compatV1 | compatV2 // IGMPv1, and IGMPv2 when that is gone
	numCompats   compat = 4
)

// String returns the names of what is present.
func (c compat) String() string {
	if c < numCompats {
		return [...]string{"Newest", "V2", "V1", "V1+V2"}[c]
	}
	return "compat(" + strconv.Itoa(int(c)) + ")"
}

// version returns the version to speak: the oldest that is present.
func (c compat) version(v6 bool) uint8 {
	switch {
	case c == compatNewest:
		return newest(v6)
	case v6 || c&compatV1 != 0:
		return 1
	}
	return 2
}

// compatEvent is what happens to a compat.
type compatEvent uint8

const (
	compatHeardV2 compatEvent = iota // IGMPv2 or MLDv1 was heard
	compatHeardV1                    // IGMPv1 was heard
	compatGoneV2                     // the timer of IGMPv2 or MLDv1 expired
	compatGoneV1                     // the timer of IGMPv1 expired
	compatReset                      // the link went down
	numCompatEvents
)

func (e compatEvent) String() string {
	if e < numCompatEvents {
		return [...]string{"HeardV2", "HeardV1", "GoneV2", "GoneV1", "Reset"}[e]
	}
	return "compatEvent(" + strconv.Itoa(int(e)) + ")"
}

// heard returns the event of a message of an older version.
func heard(version uint8, v6 bool) (e compatEvent, older bool) {
	switch {
	case version == 0 || version >= newest(v6):
		return 0, false
	case version == 1 && !v6:
		return compatHeardV1, true
	}
	return compatHeardV2, true
}

// stepCompat is the transition function of a compat.
func stepCompat(c compat, e compatEvent) (compat, string) {
	switch e {
	case compatHeardV2:
		return c | compatV2, "an older version is present"
	case compatHeardV1:
		return c | compatV1, "version 1 is present"
	case compatGoneV2:
		return c &^ compatV2, "the older version is gone"
	case compatGoneV1:
		return c &^ compatV1, "version 1 is gone"
	case compatReset:
		return compatNewest, "link down"
	}
	return c, "nothing to do"
}

// translate turns what a router hears of a group into what it means in the
// group's compatibility mode; ok is false for what is ignored in it. Older
// reports and leaves come as IS_EX and TO_IN without sources, which is what
// they are translated to (RFC 3376 section 7.3.2, RFC 3810 section 8.3.2).
func translate(version uint8, v6 bool, typ igmp.RecordType, sources set) (set, bool) {
	if version == newest(v6) {
		return sources, true
	}
	switch typ {
	case igmp.BlockOldSources:
		return nil, false
	case igmp.ChangeToExclude:
		return nil, true
	case igmp.ChangeToInclude:
		return sources, v6 || version == 2
	}
	return sources, true
}
