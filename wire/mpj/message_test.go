package mpj

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/mpstack/mpstack/stack/winsock"
	"github.com/mpstack/mpstack/wire/object"
)

var (
	target4 = netip.MustParseAddrPort("192.0.2.1:5000")
	caller4 = netip.MustParseAddrPort("192.0.2.2:40000")
	group4  = netip.MustParseAddrPort("232.1.2.3:50000")
	target6 = netip.MustParseAddrPort("[2001:db8::1]:5000")
	caller6 = netip.MustParseAddrPort("[2001:db8::2]:40000")
	group6  = netip.MustParseAddrPort("[ff3e::8000:1]:50000")
	rooted  = RootedControl | RootedData
	leafAsk = Role{ControlLeaf, DataLeaf, rooted, ReceiverOnly}
	rootAsk = Role{ControlRoot, DataRoot, rooted, SenderOnly}
	someQOS = QOS{
		Sending:   winsock.FlowSpec{TokenRate: 8500, TokenBucketSize: 680, PeakBandwidth: 17000, Latency: 1, DelayVariation: 2, ServiceType: 3, MaxSduSize: 340, MinimumPolicedSize: 341},
		Receiving: winsock.DefaultFlowSpec,
	}
)

// unhex reads hexadecimal digits; blanks and what follows ";" do not count.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	var digits strings.Builder
	for line := range strings.Lines(s) {
		line, _, _ = strings.Cut(line, ";")
		digits.WriteString(strings.Join(strings.Fields(line), ""))
	}
	b, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// samples has every message type and every object, with its exact bytes.
var samples = []struct {
	name string
	m    Message
	hex  string
}{
	{"JOIN of a leaf", Message{
		Type: TypeJoin, Flags: FlagQ, SrcTag: 0x1112131415161718, Transaction: 1,
		Has:    HasTarget | HasCaller | HasRole | HasQOS | HasCallerData | HasJoinLimits | HasCookie | HasPad,
		Target: target4, Caller: caller4, Role: leafAsk, QOS: someQOS, CallerData: []byte("hello"),
		JoinLimits: JoinLimits{RemainingMS: 30000, CalleeRoom: 896}, Cookie: []byte("kook"), PadLen: 8,
	}, `01 01 0001 00b4 0000  0000000000000000 1112131415161718 00000001 00000000
		000c 60 01  c0000201 1388 0000          ; TARGET
		000c 61 01  c0000202 9c40 0000          ; CALLER
		0008 62 01  02 02 03 02                 ; ROLE
		0044 63 01  00002134 000002a8 00004268 00000001 00000002 00000003 00000154 00000155
		            ffffffff ffffffff ffffffff ffffffff ffffffff 00000006 ffffffff ffffffff
		0010 64 01  0005 0000 68656c6c 6f000000 ; USER_DATA, caller
		000c 65 01  00007530 0380 0000          ; JOIN_LIMITS
		0008 69 01  6b6f6f6b                    ; COOKIE
		000c 6c 01  0000000000000000            ; PAD`},
	{"JOIN of a root", Message{
		Type: TypeJoin, DstTag: 5, SrcTag: 6, Transaction: 2,
		Has:    HasTarget | HasCaller | HasRole | HasJoinLimits | HasSession | HasRootData | HasTimers,
		Target: target6, Caller: caller6, Role: rootAsk, JoinLimits: JoinLimits{RemainingMS: 1, CalleeRoom: RoomDiscard},
		Session: Session{Group: group6, TTL: 32, Mode: Multicast}, RootData: caller6, Timers: Timers{10000, 35000},
	}, `01 01 0000 00a0 0000  0000000000000005 0000000000000006 00000002 00000000
		0018 60 02  20010db8000000000000000000000001 1388 0000
		0018 61 02  20010db8000000000000000000000002 9c40 0000
		0008 62 01  01 01 03 01
		000c 65 01  00000001 ffff 0000
		0018 66 02  ff3e0000000000000000000080000001 c350 20 01
		0018 67 02  20010db8000000000000000000000002 9c40 0000
		000c 68 01  00002710 000088b8`},
	{"CHALLENGE", Message{Type: TypeChallenge, DstTag: 1, SrcTag: 2, Transaction: 3, Has: HasCookie, Cookie: []byte{1, 2, 3, 4}},
		`01 02 0000 0028 0000  0000000000000001 0000000000000002 00000003 00000000  0008 69 01 01020304`},
	{"PENDING", Message{Type: TypePending, DstTag: 1, SrcTag: 2, Transaction: 3},
		`01 03 0000 0020 0000  0000000000000001 0000000000000002 00000003 00000000`},
	{"ACCEPT", Message{Type: TypeAccept, DstTag: 1, SrcTag: 2, Transaction: 3,
		Has:        HasCalleeData | HasSession | HasRootData | HasTimers,
		CalleeData: []byte{}, Session: Session{Group: group4, TTL: 1, Mode: UnicastCopies}, RootData: target4, Timers: Timers{1, 1}},
		`01 04 0000 004c 0000  0000000000000001 0000000000000002 00000003 00000000
		0008 64 02  0000 0000
		000c 66 01  e8010203 c350 01 02
		000c 67 01  c0000201 1388 0000
		000c 68 01  00000001 00000001`},
	{"REJECT", Message{Type: TypeReject, DstTag: 1, SrcTag: 2, Transaction: 3, Has: HasReason | HasCalleeData,
		CalleeData: []byte("no"), Reason: ReasonOf(Refused)},
		`01 05 0000 0038 0000  0000000000000001 0000000000000002 00000003 00000000
		000c 64 02  0002 0000 6e6f0000
		000c 6a 01  0002 0000 0000274d`},
	{"CONFIRM", Message{Type: TypeConfirm, DstTag: 1, SrcTag: 2, Transaction: 3},
		`01 06 0000 0020 0000  0000000000000001 0000000000000002 00000003 00000000`},
	{"STATUS", Message{Type: TypeStatus, DstTag: 1, SrcTag: 2, Transaction: 3, Has: HasReservation,
		Reservation: Reservation{Code: 1, Flags: 2, Value: 3, Node: target4.Addr()}},
		`01 07 0000 002c 0000  0000000000000001 0000000000000002 00000003 00000000
		000c 6b 01  01 02 0003 c0000201`},
	{"STATUS, IPv6", Message{Type: TypeStatus, DstTag: 1, SrcTag: 2, Transaction: 3, Has: HasReservation,
		Reservation: Reservation{Node: target6.Addr()}},
		`01 07 0000 0038 0000  0000000000000001 0000000000000002 00000003 00000000
		0018 6b 02  00 00 0000 20010db8000000000000000000000001`},
	{"STATUS-ACK", Message{Type: TypeStatusAck, DstTag: 1, SrcTag: 2, Transaction: 3},
		`01 08 0000 0020 0000  0000000000000001 0000000000000002 00000003 00000000`},
	{"LEAVE", Message{Type: TypeLeave, Flags: FlagT, DstTag: 1, SrcTag: 2, Transaction: 3, Has: HasReason, Reason: ReasonOf(Unknown)},
		`01 09 0002 002c 0000  0000000000000001 0000000000000002 00000003 00000000
		000c 6a 01  0025 0000 00002746`},
	{"LEAVE-ACK", Message{Type: TypeLeaveAck, DstTag: 1, SrcTag: 2, Transaction: 3},
		`01 0a 0000 0020 0000  0000000000000001 0000000000000002 00000003 00000000`},
	{"HELLO", Message{Type: TypeHello, DstTag: 1, SrcTag: 2, Transaction: 3},
		`01 0b 0000 0020 0000  0000000000000001 0000000000000002 00000003 00000000`},
	{"beacon", Message{Type: TypeHello, Flags: FlagB, SrcTag: 2, Transaction: 3, Has: HasTimers, Timers: Timers{10000, 35000}},
		`01 0b 0004 002c 0000  0000000000000000 0000000000000002 00000003 00000000
		000c 68 01  00002710 000088b8`},
	{"HELLO-ACK", Message{Type: TypeHelloAck, DstTag: 1, SrcTag: 2, Transaction: 3, Has: HasTimers, Timers: Timers{10000, 35000}},
		`01 0c 0000 002c 0000  0000000000000001 0000000000000002 00000003 00000000
		000c 68 01  00002710 000088b8`},
	{"SIDE", Message{Type: TypeSide, DstTag: 1, SrcTag: 2, Transaction: 3, Has: HasSideData | HasIntegrity,
		SideData: []byte{1, 2, 3, 4}, Integrity: bytes.Repeat([]byte{9, 0}, 10)},
		`01 0d 0000 0044 0000  0000000000000001 0000000000000002 00000003 00000000
		0018 04 01  0900090009000900090009000900090009000900
		000c 64 03  0004 0000 01020304`},
	{"unknown objects", Message{Type: TypeConfirm, DstTag: 1, SrcTag: 2, Transaction: 3,
		Unknown: []object.Object{{Class: 0x90, CType: 7, Body: []byte{1, 2, 3, 4}}, {Class: 0xf0, CType: 1, Body: []byte{}}}},
		`01 06 0000 002c 0000  0000000000000001 0000000000000002 00000003 00000000
		0008 90 07 01020304  0004 f0 01`},
}

func TestSamples(t *testing.T) {
	seen := [NumTypes]bool{}
	var objects Present
	for _, s := range samples {
		t.Run(s.name, func(t *testing.T) {
			want := unhex(t, s.hex)
			got, err := s.m.AppendTo([]byte("before"))
			if err != nil {
				t.Fatal(err)
			}
			if got = got[len("before"):]; !bytes.Equal(got, want) {
				t.Errorf("encoded\n%s\nwant\n%s", hex.Dump(got), hex.Dump(want))
			}
			if n := s.m.WireLen(); n != len(want) {
				t.Errorf("WireLen() = %d, want %d", n, len(want))
			}
			m, err := Parse(want)
			if err != nil {
				t.Fatal(err)
			}
			if !sameMessage(m, s.m) {
				t.Errorf("decoded\n%+v\nwant\n%+v", m, s.m)
			}
			c := m.Clone()
			clear(want)
			if !sameMessage(c, s.m) {
				t.Errorf("the clone shares bytes: %+v", c)
			}
		})
		seen[s.m.Type] = true
		objects |= s.m.Has
	}
	for _, info := range Messages {
		if !seen[info.Type] {
			t.Errorf("no sample of %s", info.Name)
		}
	}
	if want := HasPad<<1 - 1; objects != want {
		t.Errorf("no sample of %s", (want &^ objects).Names())
	}
}

// sameMessage compares but for the difference between nil and empty among the
// unknown objects.
func sameMessage(a, b Message) bool {
	same := slices.EqualFunc(a.Unknown, b.Unknown, func(x, y object.Object) bool {
		return x.Class == y.Class && x.CType == y.CType && bytes.Equal(x.Body, y.Body)
	})
	a.Unknown, b.Unknown = nil, nil
	return same && reflect.DeepEqual(a, b)
}

func TestDecodeResets(t *testing.T) {
	var m Message
	for _, first := range samples {
		for _, second := range samples {
			if err := m.Decode(unhex(t, first.hex)); err != nil {
				t.Fatal(err)
			}
			if err := m.Decode(unhex(t, second.hex)); err != nil {
				t.Fatal(err)
			}
			if !sameMessage(m, second.m) {
				t.Errorf("%s after %s: %+v", second.name, first.name, m)
			}
		}
		if err := m.Decode([]byte{1}); err == nil || !sameMessage(m, Message{}) {
			t.Errorf("after an error (%v) m is %+v", err, m)
		}
	}
}

func TestDecodeRefusals(t *testing.T) {
	const (
		confirm = "01 06 0000 LLLL 0000  0000000000000001 0000000000000002 00000003 00000000"
		join    = "01 01 0000 LLLL 0000  0000000000000000 0000000000000002 00000003 00000000"
		leave   = "01 09 0000 LLLL 0000  0000000000000001 0000000000000002 00000003 00000000"
		reject  = "01 05 0000 LLLL 0000  0000000000000001 0000000000000002 00000003 00000000"
		accept  = "01 04 0000 LLLL 0000  0000000000000001 0000000000000002 00000003 00000000"
		target  = "000c 60 01 c0000201 1388 0000"
		caller  = "000c 61 01 c0000202 9c40 0000"
		role    = "0008 62 01 02020302"
		limits  = "000c 65 01 00007530 0380 0000"
		session = "000c 66 01 e8010203 c350 01 01"
		data    = "000c 67 01 c0000202 9c40 0000"
		timers  = "000c 68 01 00002710 000088b8"
	)
	for _, c := range []struct {
		name, hex string
		want      error
		field     string
		offset    int
	}{
		{"empty", "", object.ErrTruncated, "length", 0},
		{"short header", "01 06 0000 001f 0000", object.ErrTruncated, "length", 0},
		{"version", strings.Replace(confirm, "01", "02", 1), ErrVersion, "version", 0},
		{"type 0", strings.Replace(confirm, "06", "00", 1), ErrType, "type", 1},
		{"type 14", strings.Replace(confirm, "06", "0e", 1), ErrType, "type", 1},
		{"flag of another message", strings.Replace(confirm, "0000", "0001", 1), ErrFlags, "flags", 2},
		{"unknown flag", strings.Replace(join, "0000", "8000", 1), ErrFlags, "flags", 2},
		{"length too small", strings.Replace(confirm, "LLLL", "001c", 1), object.ErrLength, "length", 4},
		{"length too great", strings.Replace(confirm, "LLLL", "0024", 1), object.ErrLength, "length", 4},
		{"first zero field", strings.Replace(confirm, "LLLL 0000", "LLLL 0001", 1), ErrZero, "zero", 6},
		{"second zero field", strings.Replace(confirm, "00000003 00000000", "00000003 00000001", 1), ErrZero, "zero", 28},
		{"no destination tag", strings.Replace(confirm, "0000000000000001", "0000000000000000", 1), ErrTag, "destination tag", 8},
		{"no source tag", strings.Replace(confirm, "0000000000000002", "0000000000000000", 1), ErrTag, "source tag", 16},
		{"beacon with a tag", "01 0b 0004 LLLL 0000 0000000000000001 0000000000000002 00000003 00000000", ErrTag, "destination tag", 8},
		{"transaction", strings.Replace(confirm, "00000003", "00000000", 1), ErrTransaction, "transaction", 24},
		{"object cut", confirm + "0008", object.ErrTruncated, "object", 32},
		{"object length 3", confirm + "0003 f0 01", object.ErrLength, "object", 32},
		{"object length odd", confirm + "0005 f0 01 00", object.ErrLength, "object", 32},
		{"object beyond the end", confirm + "000c f0 01 00000000", object.ErrTruncated, "object", 32},
		{"unknown class", confirm + "0004 7f 01", ErrUnknownClass, "object class", 34},
		{"unknown C-Type", leave + "000c 6a 02 0020 0000 00000000", ErrUnknownCType, "object C-Type", 35},
		{"body too short", leave + "0008 6a 01 0020 0000", object.ErrLength, "REASON", 32},
		{"body too long", leave + "0010 6a 01 0020 0000 00000000 00000000", object.ErrLength, "REASON", 32},
		{"zero in REASON", leave + "000c 6a 01 0020 0100 00000000", ErrZero, "REASON zero", 38},
		{"twice", leave + "000c 6a 01 0020 0000 00000000 000c 6a 01 0020 0000 00000000", ErrDuplicate, "REASON", 44},
		{"no REASON", leave, ErrMissing, "REASON", 32},
		{"code 0", leave + "000c 6a 01 0000 0000 00000000", ErrValue, "REASON", 36},
		{"code of REJECT in LEAVE", leave + "000c 6a 01 0001 0000 00000000", ErrValue, "REASON", 32},
		{"code of LEAVE in REJECT", reject + "000c 6a 01 0020 0000 00000000", ErrValue, "REASON", 32},
		{"object out of place", confirm + timers, ErrUnexpected, "TIMERS", 32},
		{"PAD outside of JOIN", confirm + "0004 6c 01", ErrUnexpected, "PAD", 32},
		{"no CALLER", join + target + role + limits, ErrMissing, "CALLER", 32},
		{"TARGET port 0", join + "000c 60 01 c0000201 0000 0000", ErrValue, "TARGET", 36},
		{"TARGET multicast", join + "000c 60 01 e8000001 1388 0000", ErrValue, "TARGET", 36},
		{"TARGET unspecified", join + "000c 60 01 00000000 1388 0000", ErrValue, "TARGET", 36},
		{"TARGET IPv4 in IPv6", join + "0018 60 02 00000000000000000000ffffc0000201 1388 0000", ErrValue, "TARGET", 36},
		{"TARGET zero", join + "000c 60 01 c0000201 1388 0001", ErrZero, "TARGET zero", 43},
		{"both forms", join + target + "0018 60 02 20010db8000000000000000000000001 1388 0000", ErrDuplicate, "TARGET", 44},
		{"families differ", join + target + "0018 61 02 20010db8000000000000000000000002 9c40 0000" + role + limits, ErrFamily, "CALLER", 32},
		{"control role", join + "0008 62 01 03020302", ErrValue, "ROLE", 36},
		{"data role", join + "0008 62 01 02000302", ErrValue, "ROLE", 36},
		{"planes", join + "0008 62 01 02020402", ErrValue, "ROLE", 36},
		{"JL 3", join + "0008 62 01 02020303", ErrValue, "ROLE", 36},
		{"SESSION from a leaf", join + target + caller + role + limits + session, ErrUnexpected, "SESSION", 32},
		{"no SESSION from a root", join + target + caller + "0008 62 01 01010301" + limits + data + timers, ErrMissing, "SESSION", 32},
		{"no ROOT_DATA from a root", join + target + caller + "0008 62 01 01010301" + limits + session + timers, ErrMissing, "ROOT_DATA", 32},
		{"group is unicast", accept + "000c 66 01 c0000201 c350 01 01", ErrValue, "SESSION", 36},
		{"session port 0", accept + "000c 66 01 e8010203 0000 01 01", ErrValue, "SESSION", 36},
		{"mode 3", accept + "000c 66 01 e8010203 c350 01 03", ErrValue, "SESSION", 36},
		{"SESSION and ROOT_DATA differ", accept + session + "0018 67 02 20010db8000000000000000000000002 9c40 0000", ErrFamily, "ROOT_DATA", 32},
		{"interval 0", accept + "000c 68 01 00000000 000088b8", ErrValue, "TIMERS", 36},
		{"hold below interval", accept + "000c 68 01 00002710 0000270f", ErrValue, "TIMERS", 36},
		{"data length beyond the body", reject + "000c 64 02 0005 0000 6e6f0000", object.ErrLength, "USER_DATA", 36},
		{"data length far below the body", reject + "000c 64 02 0000 0000 00000000", object.ErrLength, "USER_DATA", 36},
		{"data padding", reject + "000c 64 02 0002 0000 6e6f0001", ErrZero, "USER_DATA", 36},
		{"data zero field", reject + "000c 64 02 0002 0001 6e6f0000", ErrZero, "USER_DATA zero", 39},
		{"PAD not zero", join + "000c 6c 01 0000000000000001", ErrZero, "PAD zeros", 43},
		{"too long", join + target + caller + role + limits + "0490 6c 01" + strings.Repeat("00", 0x48c), object.ErrTooLong, "length", 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := unhex(t, strings.Replace(c.hex, "LLLL", "ffff", 1))
			if strings.Contains(c.hex, "LLLL") {
				b[4], b[5] = byte(len(b)>>8), byte(len(b))
			}
			_, err := Parse(b)
			var de *object.DecodeError
			if !errors.Is(err, c.want) || !errors.As(err, &de) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			if de.Layer != "mpj" || de.Field != c.field || de.Offset != c.offset {
				t.Errorf("%v: want %s at %d", err, c.field, c.offset)
			}
		})
	}
}

func TestHeaderIsReadableDespiteTheVersion(t *testing.T) {
	b := unhex(t, "09 01 0001 0020 0000  0000000000000001 0000000000000002 00000003 00000000")
	h, _, err := ParseHeader(b)
	if !errors.Is(err, ErrVersion) || h.Type != TypeJoin || h.DstTag != 1 || h.SrcTag != 2 || h.Transaction != 3 {
		t.Errorf("%+v, %v", h, err)
	}
}

func TestEncodeRefusals(t *testing.T) {
	good := samples[0].m
	for name, c := range map[string]struct {
		change func(m *Message)
		want   error
	}{
		"type":             {func(m *Message) { m.Type = 0 }, ErrType},
		"flags":            {func(m *Message) { m.Flags = FlagT }, ErrFlags},
		"no tag":           {func(m *Message) { m.SrcTag = 0 }, ErrTag},
		"transaction":      {func(m *Message) { m.Transaction = 0 }, ErrTransaction},
		"missing":          {func(m *Message) { m.Has &^= HasRole }, ErrMissing},
		"unexpected":       {func(m *Message) { m.Has |= HasCalleeData }, ErrUnexpected},
		"no address":       {func(m *Message) { m.Target, m.Caller = netip.AddrPort{}, netip.AddrPort{} }, ErrValue},
		"zone":             {func(m *Message) { m.Target = zoned; m.Caller = caller6 }, ErrValue},
		"IPv4 in IPv6":     {func(m *Message) { m.Target = mapped; m.Caller = caller6 }, ErrValue},
		"families":         {func(m *Message) { m.Caller = caller6 }, ErrFamily},
		"role":             {func(m *Message) { m.Role.JL = 3 }, ErrValue},
		"caller data":      {func(m *Message) { m.CallerData = make([]byte, MaxUserData+1) }, object.ErrLength},
		"cookie":           {func(m *Message) { m.Cookie = make([]byte, 6) }, object.ErrLength},
		"long cookie":      {func(m *Message) { m.Cookie = make([]byte, 68) }, object.ErrLength},
		"integrity":        {func(m *Message) { m.Has |= HasIntegrity; m.Integrity = bytes.Repeat([]byte{9}, 20) }, ErrZero},
		"too long":         {func(m *Message) { m.PadLen = 1100 }, object.ErrTooLong},
		"known as unknown": {func(m *Message) { m.Unknown = []object.Object{{Class: ClassRole, CType: 1}} }, ErrUnexpected},
		"class to refuse":  {func(m *Message) { m.Unknown = []object.Object{{Class: 1}} }, ErrUnexpected},
	} {
		m := good.Clone()
		c.change(&m)
		b, err := m.AppendTo([]byte{7})
		if !errors.Is(err, c.want) || len(b) != 1 {
			t.Errorf("%s: %d bytes, %v; want %v", name, len(b), err, c.want)
		}
	}
}

var (
	zoned  = netip.MustParseAddrPort("[fe80::1%eth0]:5000")
	mapped = netip.MustParseAddrPort("[::ffff:192.0.2.1]:5000")
)

// TestLongestMessagesFit: the limits on data and cookies leave room for
// everything that a message may have; INTEGRITY stands in for the cookie.
func TestLongestMessagesFit(t *testing.T) {
	m := samples[1].m
	m.Has |= HasQOS | HasCallerData | HasCookie
	m.CallerData = make([]byte, MaxUserData)
	m.Cookie = make([]byte, MaxCookie)
	if n := m.WireLen(); n != 1200 {
		t.Errorf("the longest JOIN has %d bytes", n)
	}
	m.PadTo(MaxLen)
	if b, err := m.AppendTo(nil); err != nil || len(b) != MaxLen {
		t.Errorf("padded: %d bytes, %v", len(b), err)
	}
	m.Has = m.Has&^(HasCookie|HasPad) | HasIntegrity
	m.Integrity = make([]byte, 48)
	if b, err := m.AppendTo(nil); err != nil {
		t.Errorf("with INTEGRITY: %d bytes, %v", len(b), err)
	}
}

func TestPadTo(t *testing.T) {
	m := samples[0].m
	for _, c := range []struct{ to, want int }{{MaxLen, MaxLen}, {200, 200}, {202, 200}, {168, 168}, {172, 172}, {175, 172}, {167, 168}, {0, 168}, {171, 168}} {
		m.PadTo(c.to)
		if got := m.WireLen(); got != c.want {
			t.Errorf("PadTo(%d) gives %d bytes, want %d", c.to, got, c.want)
		}
	}
}

func TestDecodeDoesNotAllocate(t *testing.T) {
	var m Message
	for _, s := range samples {
		b := unhex(t, s.hex)
		_ = m.Decode(b)
		if n := testing.AllocsPerRun(10, func() { _ = m.Decode(b) }); n != 0 {
			t.Errorf("decoding %s allocates %v times", s.name, n)
		}
		out := make([]byte, 0, MaxLen)
		if n := testing.AllocsPerRun(10, func() { _, _ = m.AppendTo(out) }); n != 0 {
			t.Errorf("encoding %s allocates %v times", s.name, n)
		}
	}
}
