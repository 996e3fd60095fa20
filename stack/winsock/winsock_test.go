package winsock

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestErrnosAreInOrderAndComplete(t *testing.T) {
	for i, e := range errnos {
		if i > 0 && e.num <= errnos[i-1].num {
			t.Errorf("%s does not follow %s", e.name, errnos[i-1].name)
		}
		if e.name == "" || e.text == "" {
			t.Errorf("%d has no name or text", e.num)
		}
		if got, want := e.num.Error(), fmt.Sprintf("%s (%d): %s", e.name, e.num, e.text); got != want {
			t.Errorf("Error() = %q, want %q", got, want)
		}
		if e.sys != 0 && !errors.Is(e.num, e.sys) {
			t.Errorf("%s does not match %v", e.name, e.sys)
		}
	}
	if !slices.IsSorted(Errnos()) || len(Errnos()) != len(errnos) {
		t.Error("Errnos is not the table")
	}
}

func TestErrnoNumbers(t *testing.T) {
	for e, want := range map[Errno]uint32{
		WSAEINTR: 10004, WSAEACCES: 10013, WSAEFAULT: 10014, WSAEINVAL: 10022, WSAEMFILE: 10024,
		WSAEWOULDBLOCK: 10035, WSAEINPROGRESS: 10036, WSAEALREADY: 10037, WSAENOTSOCK: 10038,
		WSAEDESTADDRREQ: 10039, WSAEMSGSIZE: 10040, WSAENOPROTOOPT: 10042, WSAEPROTONOSUPPORT: 10043,
		WSAEOPNOTSUPP: 10045, WSAEAFNOSUPPORT: 10047, WSAEADDRINUSE: 10048, WSAEADDRNOTAVAIL: 10049,
		WSAENETDOWN: 10050, WSAENETUNREACH: 10051, WSAECONNABORTED: 10053, WSAECONNRESET: 10054,
		WSAENOBUFS: 10055, WSAEISCONN: 10056, WSAENOTCONN: 10057, WSAESHUTDOWN: 10058,
		WSAETIMEDOUT: 10060, WSAECONNREFUSED: 10061, WSAEHOSTUNREACH: 10065, WSANOTINITIALISED: 10093,
		WSAEDISCON: 10101, WSATRY_AGAIN: 11002, WSA_IO_PENDING: 997,
		WSA_QOS_RECEIVERS: 11005, WSA_QOS_GENERIC_ERROR: 11015, WSA_QOS_ESERVICETYPE: 11016,
		WSA_QOS_EUNKNOWNPSOBJ: 11024, WSA_QOS_RESERVED_PETYPE: 11031,
	} {
		if uint32(e) != want {
			t.Errorf("%s = %d, want %d", e.Name(), e, want)
		}
	}
}

func TestErrnoMatching(t *testing.T) {
	err := fmt.Errorf("join: %w", WSAECONNREFUSED)
	for _, target := range []error{WSAECONNREFUSED, syscall.ECONNREFUSED} {
		if !errors.Is(err, target) {
			t.Errorf("%v does not match %v", err, target)
		}
	}
	for _, target := range []error{WSAECONNRESET, syscall.ECONNRESET, syscall.Errno(0), fs.ErrNotExist} {
		if errors.Is(err, target) {
			t.Errorf("%v matches %v", err, target)
		}
	}
	if !errors.Is(WSAEACCES, fs.ErrPermission) || !errors.Is(WSAEOPNOTSUPP, errors.ErrUnsupported) {
		t.Error("the portable errors do not match")
	}
	if errors.Is(WSANOTINITIALISED, syscall.Errno(0)) {
		t.Error("a code without a counterpart matches errno 0")
	}
	if got := WSAECONNREFUSED.Error(); !strings.HasPrefix(got, "WSAECONNREFUSED (10061): ") {
		t.Errorf("text %q", got)
	}
	if got := Errno(4711).Error(); got != "Winsock error 4711" || Errno(4711).Name() != "" || Errno(4711).Sys() != 0 {
		t.Errorf("unknown number: %q", got)
	}
	if !WSAETIMEDOUT.Timeout() || WSAEINVAL.Timeout() || !WSATRY_AGAIN.Temporary() || WSAEINVAL.Temporary() {
		t.Error("Timeout or Temporary is wrong")
	}
}

func TestFromSys(t *testing.T) {
	for sys, want := range map[syscall.Errno]Errno{
		syscall.ECONNREFUSED: WSAECONNREFUSED, syscall.EAGAIN: WSAEWOULDBLOCK, syscall.ENOBUFS: WSAENOBUFS,
	} {
		if got, ok := FromSys(sys); got != want || !ok {
			t.Errorf("FromSys(%v) = %v, %v", sys, got, ok)
		}
	}
	for _, sys := range []syscall.Errno{0, syscall.EXDEV} {
		if got, ok := FromSys(sys); ok || got != WSAENETDOWN {
			t.Errorf("FromSys(%v) = %v, %v", sys, got, ok)
		}
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{EventName(0), "0"},
		{EventName(FD_CONNECT | FD_CLOSE), "FD_CONNECT|FD_CLOSE"},
		{EventName(FD_READ | 0x8000), "FD_READ|0x8000"},
		{JoinFlagsName(JL_BOTH), "JL_BOTH"},
		{JoinFlagsName(3), "JL_SENDER_ONLY|JL_RECEIVER_ONLY"},
		{ServiceTypeName(SERVICETYPE_GUARANTEED), "SERVICETYPE_GUARANTEED"},
		{ServiceTypeName(SERVICE_GUARANTEED), "SERVICETYPE_GUARANTEED"},
		{ServiceTypeName(SERVICETYPE_CONTROLLEDLOAD | SERVICE_NO_QOS_SIGNALING), "SERVICETYPE_CONTROLLEDLOAD|SERVICE_NO_QOS_SIGNALING"},
		{ServiceTypeName(QOS_NOT_SPECIFIED), "QOS_NOT_SPECIFIED"},
		{ServiceTypeName(7), "service type 0x7"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestServiceTypeOf(t *testing.T) {
	for _, c := range []struct {
		in                uint32
		plain             uint32
		noTC, noSignaling bool
	}{
		{SERVICETYPE_NOTRAFFIC, 0, false, false},
		{SERVICETYPE_QUALITATIVE, 0xD, false, false},
		{SERVICE_BESTEFFORT, 1, false, false},
		{SERVICE_CONTROLLEDLOAD, 2, false, false},
		{SERVICE_GUARANTEED, 3, false, false},
		{SERVICE_QUALITATIVE, 0xD, false, false},
		{SERVICETYPE_GUARANTEED | SERVICE_NO_TRAFFIC_CONTROL, 3, true, false},
		{SERVICETYPE_GUARANTEED | SERVICE_NO_QOS_SIGNALING, 3, false, true},
		{SERVICE_GUARANTEED | SERVICE_NO_QOS_SIGNALING | SERVICE_NO_TRAFFIC_CONTROL, 3, true, true},
		{QOS_NOT_SPECIFIED, QOS_NOT_SPECIFIED, false, false},
	} {
		plain, noTC, noSignaling := ServiceTypeOf(c.in)
		if plain != c.plain || noTC != c.noTC || noSignaling != c.noSignaling {
			t.Errorf("ServiceTypeOf(%#x) = %#x, %v, %v", c.in, plain, noTC, noSignaling)
		}
	}
}

func TestIoctlNumbers(t *testing.T) {
	for _, c := range []struct {
		name      string
		got, want uint32
	}{
		{"SIO_GET_QOS", SIO_GET_QOS, IOC_INOUT | IOC_WS2 | 7},
		{"SIO_MULTIPOINT_LOOPBACK", SIO_MULTIPOINT_LOOPBACK, IOC_IN | IOC_WS2 | 9},
		{"SIO_MULTICAST_SCOPE", SIO_MULTICAST_SCOPE, IOC_IN | IOC_WS2 | 10},
		{"SIO_SET_QOS", SIO_SET_QOS, IOC_IN | IOC_WS2 | 11},
		{"SIO_ADDRESS_LIST_QUERY", SIO_ADDRESS_LIST_QUERY, IOC_OUT | IOC_WS2 | 22},
		{"SIO_ADDRESS_LIST_CHANGE", SIO_ADDRESS_LIST_CHANGE, IOC_VOID | IOC_WS2 | 23},
		{"SIO_CHK_QOS", SIO_CHK_QOS, IOC_INOUT | 0x04000000 | IOC_VENDOR | 1},
		{"FD_ALL_EVENTS", FD_ALL_EVENTS, 0x3FF},
		{"FD_QOS", FD_QOS, 0x40},
		{"FD_ADDRESS_LIST_CHANGE", FD_ADDRESS_LIST_CHANGE, 0x200},
		{"END_TO_END_QOSABILITY", END_TO_END_QOSABILITY, 50006},
	} {
		if c.got != c.want {
			t.Errorf("%s = %#x, want %#x", c.name, c.got, c.want)
		}
	}
}

func TestFlowSpecLayout(t *testing.T) {
	f := FlowSpec{1, 2, 3, 4, 5, 6, 7, 0x01020304}
	b, err := f.AppendTo(nil)
	want := []byte{1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0, 7, 0, 0, 0, 4, 3, 2, 1}
	if err != nil || !bytes.Equal(b, want) || f.WireLen() != len(b) {
		t.Fatalf("AppendTo: % x, %v", b, err)
	}
	got, rest, err := ParseFlowSpec(append(b, 9))
	if err != nil || got != f || len(rest) != 1 {
		t.Fatalf("ParseFlowSpec: %v, %v, %v", got, rest, err)
	}
	if _, _, err := ParseFlowSpec(b[:31]); !errors.Is(err, WSAEFAULT) {
		t.Errorf("31 bytes: %v", err)
	}
	if got := DefaultFlowSpec.String(); got != "{- - - - - SERVICETYPE_NOCHANGE - -}" {
		t.Errorf("String() = %s", got)
	}
	if got := f.String(); got != "{1 2 3 4 5 SERVICETYPE_NOCHANGE 7 16909060}" {
		t.Errorf("String() = %s", got)
	}
}

func TestDefaultQOS(t *testing.T) {
	for _, f := range []FlowSpec{DefaultQOS.Sending, DefaultQOS.Receiving} {
		for i, w := range f.Words() {
			want := uint32(QOS_NOT_SPECIFIED)
			if i == 5 {
				want = SERVICETYPE_NOCHANGE
			}
			if w != want {
				t.Errorf("member %d = %#x", i, w)
			}
		}
	}
}

func TestQOSLayout(t *testing.T) {
	list, _ := ReserveInfo{Style: RSVP_FIXED_FILTER_STYLE, ConfirmRequest: true}.AppendTo(nil)
	for _, q := range []QOS{DefaultQOS, {Sending: FlowSpec{TokenRate: 1}, Receiving: NoTraffic, ProviderSpecific: list}} {
		b, err := q.AppendTo(nil)
		if err != nil || len(b) != q.WireLen() {
			t.Fatalf("AppendTo: %d bytes, WireLen %d, %v", len(b), q.WireLen(), err)
		}
		got, rest, err := ParseQOS(append(b, 1, 2))
		if err != nil || len(rest) != 2 || got.Sending != q.Sending || got.Receiving != q.Receiving || !bytes.Equal(got.ProviderSpecific, q.ProviderSpecific) {
			t.Errorf("ParseQOS = %+v, % x, %v", got, rest, err)
		}
		clone := got.Clone()
		clear(b)
		if !bytes.Equal(clone.ProviderSpecific, q.ProviderSpecific) {
			t.Error("Clone shares bytes")
		}
	}
}

func TestParseQOSRefusals(t *testing.T) {
	good, _ := QOS{ProviderSpecific: make([]byte, 8)}.AppendTo(nil)
	set := func(offset int, v byte) []byte { b := bytes.Clone(good); b[offset] = v; return b }
	for name, c := range map[string]struct {
		b    []byte
		want Errno
	}{
		"short":               {good[:QOSLen-1], WSAEFAULT},
		"list cut":            {good[:len(good)-1], WSA_QOS_EPROVSPECBUF},
		"list into the QOS":   {set(68, 4), WSA_QOS_EPROVSPECBUF},
		"list length too big": {set(67, 0xff), WSA_QOS_EPROVSPECBUF},
		"offset too big":      {set(71, 0xff), WSA_QOS_EPROVSPECBUF},
	} {
		if _, _, err := ParseQOS(c.b); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestObjects(t *testing.T) {
	status := StatusInfo{StatusCode: WSA_QOS_ADMISSION_FAILURE, ExtendedStatus1: GQOS_NET_ADMISSION, ExtendedStatus2: GQOS_BANDWIDTH}
	list, _ := status.AppendTo(nil)
	want := []byte{0xe8, 3, 0, 0, 20, 0, 0, 0, 0x02, 0x2b, 0, 0, 0x24, 0xdb, 0, 0, 0x27, 0xdb, 0, 0}
	if !bytes.Equal(list, want) {
		t.Errorf("RSVP_STATUS_INFO: % x, want % x", list, want)
	}
	reserve := ReserveInfo{Style: RSVP_SHARED_EXPLICIT_STYLE, ConfirmRequest: true}
	list, _ = reserve.AppendTo(list)
	list, _ = AppendSDMode(list, TC_NONCONF_SHAPE)
	list, _ = AppendObject(list, QOS_OBJECT_END_OF_LIST, nil)

	body, ok, err := FindObject(list, RSVP_OBJECT_STATUS_INFO)
	if got, perr := ParseStatusInfo(body); !ok || err != nil || perr != nil || got != status {
		t.Errorf("status: %v %v %v %v", got, ok, err, perr)
	}
	body, ok, err = FindObject(list, RSVP_OBJECT_RESERVE_INFO)
	if got, perr := ParseReserveInfo(body); !ok || err != nil || perr != nil || got != reserve {
		t.Errorf("reserve: %v %v %v %v", got, ok, err, perr)
	}
	body, ok, err = FindObject(list, QOS_OBJECT_SD_MODE)
	if got, perr := ParseSDMode(body); !ok || err != nil || perr != nil || got != TC_NONCONF_SHAPE {
		t.Errorf("mode: %v %v %v %v", got, ok, err, perr)
	}
	for _, l := range [][]byte{nil, list, list[:48]} {
		if _, ok, err := FindObject(l, QOS_OBJECT_DESTADDR); ok || err != nil {
			t.Errorf("an object that is not there: %v, %v", ok, err)
		}
	}
}

func TestObjectRefusals(t *testing.T) {
	if _, _, _, err := ParseObject(make([]byte, 7)); !errors.Is(err, WSA_QOS_EPROVSPECBUF) {
		t.Errorf("7 bytes: %v", err)
	}
	for _, n := range []byte{0, 7, 9, 0xff} {
		if _, _, err := FindObject([]byte{1, 0, 0, 0, n, 0, 0, 0}, 1); !errors.Is(err, WSA_QOS_EOBJLENGTH) {
			t.Errorf("length %d: %v", n, err)
		}
	}
	reserve := func(offset int, v byte) []byte { b := make([]byte, 20); b[offset] = v; return b }
	for name, c := range map[string]struct {
		err  error
		want Errno
	}{
		"status length":  {second(ParseStatusInfo(make([]byte, 11))), WSA_QOS_EOBJLENGTH},
		"reserve length": {second(ParseReserveInfo(make([]byte, 24))), WSA_QOS_EOBJLENGTH},
		"style":          {second(ParseReserveInfo(reserve(0, 4))), WSA_QOS_EFILTERSTYLE},
		"policy":         {second(ParseReserveInfo(reserve(8, 1))), WSA_QOS_EPOLICYOBJ},
		"flows":          {second(ParseReserveInfo(reserve(12, 1))), WSA_QOS_EFLOWDESC},
		"mode length":    {second(ParseSDMode(nil)), WSA_QOS_EOBJLENGTH},
		"mode":           {second(ParseSDMode([]byte{4, 0, 0, 0})), WSA_QOS_ESDMODEOBJ},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v, want %v", name, c.err, c.want)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func FuzzParseQOS(f *testing.F) {
	for _, q := range []QOS{DefaultQOS, {ProviderSpecific: []byte{0xd1, 7, 0, 0, 8, 0, 0, 0}}} {
		b, _ := q.AppendTo(nil)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		q, _, err := ParseQOS(b)
		if err != nil {
			return
		}
		_, _, _ = FindObject(q.ProviderSpecific, RSVP_OBJECT_RESERVE_INFO)
		out, _ := q.AppendTo(nil)
		again, rest, err := ParseQOS(out)
		if err != nil || len(rest) != 0 || again.Sending != q.Sending || !bytes.Equal(again.ProviderSpecific, q.ProviderSpecific) {
			t.Fatalf("not stable: %+v, %+v, %v", q, again, err)
		}
	})
}
