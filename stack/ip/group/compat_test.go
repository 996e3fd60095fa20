package group

import (
	"testing"

	"github.com/mpstack/mpstack/wire/igmp"
)

// TestCompatStep states every transition of compat: the tables of RFC 3376
// sections 7.2.1 and 7.3.2.
func TestCompatStep(t *testing.T) {
	t.Parallel()
	table := [numCompats][numCompatEvents]compat{
		compatNewest: {compatHeardV2: compatV2, compatHeardV1: compatV1, compatGoneV2: compatNewest, compatGoneV1: compatNewest, compatReset: compatNewest},
		compatV2:     {compatHeardV2: compatV2, compatHeardV1: compatBoth, compatGoneV2: compatNewest, compatGoneV1: compatV2, compatReset: compatNewest},
		compatV1:     {compatHeardV2: compatBoth, compatHeardV1: compatV1, compatGoneV2: compatV1, compatGoneV1: compatNewest, compatReset: compatNewest},
		compatBoth:   {compatHeardV2: compatBoth, compatHeardV1: compatBoth, compatGoneV2: compatV1, compatGoneV1: compatV2, compatReset: compatNewest},
	}
	for c := range numCompats {
		for e := range numCompatEvents {
			to, reason := stepCompat(c, e)
			if to != table[c][e] || reason == "" {
				t.Errorf("stepCompat(%v, %v) = %v, %q; want %v", c, e, to, reason, table[c][e])
			}
		}
		if to, _ := stepCompat(c, numCompatEvents); to != c {
			t.Errorf("an unknown event takes %v to %v", c, to)
		}
	}
	if got := numCompats.String() + numCompatEvents.String(); got != "compat(4)compatEvent(5)" {
		t.Errorf("names beyond the tables: %s", got)
	}
}

// TestCompatVersion is the last table of RFC 3376 sections 7.2.1 and 7.3.2, and
// RFC 3810's two states.
func TestCompatVersion(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		c        compat
		igmp     uint8
		mld      uint8
		wantName string
	}{
		{compatNewest, 3, 2, "Newest"},
		{compatV2, 2, 1, "V2"},
		{compatV1, 1, 1, "V1"},
		{compatBoth, 1, 1, "V1+V2"},
	} {
		if got4, got6 := c.c.version(false), c.c.version(true); got4 != c.igmp || got6 != c.mld || c.c.String() != c.wantName {
			t.Errorf("%v: versions %d and %d, want %d and %d", c.c, got4, got6, c.igmp, c.mld)
		}
	}
}

func TestHeard(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		version uint8
		v6      bool
		event   compatEvent
		older   bool
	}{
		{0, false, 0, false}, {1, false, compatHeardV1, true}, {2, false, compatHeardV2, true}, {3, false, 0, false}, {4, false, 0, false},
		{0, true, 0, false}, {1, true, compatHeardV2, true}, {2, true, 0, false}, {3, true, 0, false},
	} {
		if e, older := heard(c.version, c.v6); older != c.older || older && e != c.event {
			t.Errorf("heard(%d, %v) = %v, %v", c.version, c.v6, e, older)
		}
	}
}

// TestTranslate states what each message means in each compatibility mode: RFC
// 3376 section 7.3.2 and RFC 3810 section 8.3.2. "-" is ignored.
func TestTranslate(t *testing.T) {
	t.Parallel()
	types := []igmp.RecordType{igmp.ModeIsInclude, igmp.ModeIsExclude, igmp.ChangeToInclude, igmp.ChangeToExclude, igmp.AllowNewSources, igmp.BlockOldSources}
	for _, c := range []struct {
		name    string
		version uint8
		v6      bool
		want    [6]string // of a record with sources ab
	}{
		{"RFC 3376 7.3.2 IGMPv3", 3, false, [6]string{"ab", "ab", "ab", "ab", "ab", "ab"}},
		{"RFC 3376 7.3.2 IGMPv2", 2, false, [6]string{"ab", "ab", "ab", "", "ab", "-"}},
		{"RFC 3376 7.3.2 IGMPv1", 1, false, [6]string{"ab", "ab", "-", "", "ab", "-"}},
		{"RFC 3810 8.3.2 MLDv2", 2, true, [6]string{"ab", "ab", "ab", "ab", "ab", "ab"}},
		{"RFC 3810 8.3.2 MLDv1", 1, true, [6]string{"ab", "ab", "ab", "", "ab", "-"}},
	} {
		for i, typ := range types {
			got, ok := translate(c.version, c.v6, typ, letters("ab"))
			if want := c.want[i]; ok != (want != "-") || ok && !same(got, letters(want)) {
				t.Errorf("%s: %v(ab) is %v, %v, want %q", c.name, typ, got, ok, want)
			}
		}
	}
}
