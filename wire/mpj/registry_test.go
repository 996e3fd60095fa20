package mpj

import (
	"testing"

	"github.com/mpstack/mpstack/stack/winsock"
)

func TestMessagesAreIndexedByType(t *testing.T) {
	if len(Messages) != NumTypes-1 {
		t.Errorf("%d messages", len(Messages))
	}
	for i, m := range Messages {
		if int(m.Type) != i+1 || MessageInfoOf(m.Type) != &Messages[i] || m.Type.String() != m.Name {
			t.Errorf("row %d is %v", i, m.Type)
		}
		if m.Required&m.Optional != 0 {
			t.Errorf("%s: %s is required and optional", m.Name, (m.Required & m.Optional).Names())
		}
	}
	if MessageInfoOf(0) != nil || MessageInfoOf(NumTypes) != nil || Type(14).String() != "type 14" {
		t.Error("a type that is none has a row")
	}
}

// TestObjectFields: the fields of a body follow one another without a gap and
// fill its least length.
func TestObjectFields(t *testing.T) {
	var last *ObjectInfo
	for i := range Objects {
		o := &Objects[i]
		if last != nil && (o.Class < last.Class || o.Class == last.Class && o.CType <= last.CType || o.Bit < last.Bit) {
			t.Errorf("%s %s is out of order", o.Name, o.Form)
		}
		last = o
		if got, known := ObjectInfoOf(o.Class, o.CType); got != o || !known {
			t.Errorf("%s is not found", o.Name)
		}
		if o.decode == nil || o.encode == nil || o.MaxLen%4 != 0 || o.MinLen%4 != 0 || o.MinLen > o.MaxLen {
			t.Errorf("%s: row %+v", o.Name, o)
		}
		checkFields(t, o.Name, o.Fields, o.MinLen, o.MinLen == o.MaxLen)
	}
	checkFields(t, "header", HeaderFields, HeaderLen, true)
	if info, known := ObjectInfoOf(ClassRole, 9); info != nil || !known {
		t.Error("an unknown C-Type of a known class")
	}
	if info, known := ObjectInfoOf(200, 1); info != nil || known {
		t.Error("an unknown class")
	}
}

func checkFields(t *testing.T, name string, fields []Field, length int, exact bool) {
	t.Helper()
	end := 0
	for i, f := range fields {
		if f.Offset != end {
			t.Errorf("%s: %s is at %d, want %d", name, f.Name, f.Offset, end)
		}
		end += f.Size
		open := f.Kind == KindBytes || f.Kind == KindCounted || f.Kind == KindZeros
		if open != (f.Size == 0) || open && i != len(fields)-1 {
			t.Errorf("%s: %s has size %d", name, f.Name, f.Size)
		}
		if (len(f.Values) > 0) != (f.Kind == KindEnum || f.Kind == KindFlags) {
			t.Errorf("%s: %s has %d values", name, f.Name, len(f.Values))
		}
	}
	if exact && end != length || end > length {
		t.Errorf("%s: the fields have %d bytes, the body %d", name, end, length)
	}
}

// TestShow renders every field of the samples: none may be unreadable.
func TestShow(t *testing.T) {
	want := map[string]string{
		"TARGET address":          "192.0.2.1",
		"TARGET port":             "5000",
		"ROLE control role":       "c_leaf",
		"ROLE planes":             "rooted control, rooted data",
		"ROLE JL":                 "JL_RECEIVER_ONLY",
		"QOS sending ServiceType": "0x00000003",
		"QOS sending TokenRate":   "8500",
		"USER_DATA data":          "68656c6c6f",
		"USER_DATA length":        "5",
		"JOIN_LIMITS callee room": "896",
		"COOKIE cookie":           "6b6f6f6b",
		"PAD zeros":               "8 bytes",
	}
	b := unhex(t, samples[0].hex)
	for _, f := range HeaderFields {
		if f.Bytes(b[:HeaderLen]) == nil {
			t.Errorf("header: no bytes for %s", f.Name)
		}
	}
	shown := map[string]string{}
	for rest := b[HeaderLen:]; len(rest) > 0; {
		info, _ := ObjectInfoOf(rest[2], rest[3])
		n := int(rest[0])<<8 | int(rest[1])
		for _, f := range info.Fields {
			shown[info.Name+" "+f.Name] = f.Show(f.Bytes(rest[4:n]))
		}
		rest = rest[n:]
	}
	for name, text := range want {
		if shown[name] != text {
			t.Errorf("%s is shown as %q, want %q", name, shown[name], text)
		}
	}
}

func TestShowKinds(t *testing.T) {
	flags := HeaderFields[2]
	for _, c := range []struct {
		f    Field
		raw  []byte
		want string
	}{
		{flags, []byte{0, 0}, "none"},
		{flags, []byte{0, 5}, "Q, B"},
		{flags, []byte{1, 1}, "Q, 0x100"},
		{Field{Kind: KindTag, Size: 8}, []byte{0, 1, 2, 3, 4, 5, 6, 7}, "0001020304050607"},
		{Field{Kind: KindMS, Size: 4}, []byte{0, 0, 0x27, 0x10}, "10000 ms"},
		{Field{Kind: KindErrno, Size: 4}, []byte{0, 0, 0x27, 0x4d}, "WSAECONNREFUSED"},
		{Field{Kind: KindErrno, Size: 4}, []byte{0, 0, 0, 9}, "9"},
		{Field{Kind: KindEnum, Size: 1, Values: modeValues}, []byte{3}, "3"},
		{Field{Kind: KindAddr, Size: 4}, []byte{1, 2, 3}, "bad address"},
		{Field{Kind: KindHex, Size: 6}, []byte{0, 0, 0, 0, 1, 2}, "0x000000000102"},
	} {
		if got := c.f.Show(c.raw); got != c.want {
			t.Errorf("Show(%x) = %q, want %q", c.raw, got, c.want)
		}
	}
}

func TestFieldBytesOutOfRange(t *testing.T) {
	counted := Field{Offset: 4, Kind: KindCounted}
	for _, f := range []Field{{Offset: 2, Size: 4}, counted, {Offset: 9, Kind: KindBytes}} {
		if got := f.Bytes([]byte{0, 9, 0}); got != nil {
			t.Errorf("%+v gives % x", f, got)
		}
	}
	if got := counted.Bytes([]byte{0, 9, 0, 0, 1, 2}); got != nil {
		t.Errorf("a count beyond the body gives % x", got)
	}
	if got := counted.Bytes([]byte{0, 1, 0, 0, 1, 2}); len(got) != 1 {
		t.Errorf("a count of 1 gives % x", got)
	}
}

func TestReasons(t *testing.T) {
	for i, r := range Reasons {
		if i > 0 && r.Code <= Reasons[i-1].Code {
			t.Errorf("%v is out of order", r.Code)
		}
		if r.Code.String() != r.Name || ReasonOf(r.Code) != (Reason{r.Code, r.Errno}) {
			t.Errorf("%v", r)
		}
		if r.Errno != 0 && r.Errno.Name() == "" {
			t.Errorf("%v: unknown error %d", r.Code, r.Errno)
		}
	}
	for c, want := range map[Code]winsock.Errno{NoListener: winsock.WSAECONNREFUSED, CalleeRoom: winsock.WSAEFAULT,
		AlreadyMember: winsock.WSAEISCONN, Left: 0, Dropped: 0, Dismantled: 0, Silent: winsock.WSAECONNRESET} {
		if got := ReasonInfoOf(c).Errno; got != want {
			t.Errorf("%v: %v, want %v", c, got, want)
		}
	}
	if NoListener.Message() != TypeReject || Malformed.Message() != TypeReject || Left.Message() != TypeLeave {
		t.Error("a code is in the wrong message")
	}
	if Code(99).String() != "reason 99" || ReasonOf(99) != (Reason{Code: 99}) {
		t.Error("an unknown code")
	}
}

func TestValueNames(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{ControlRoot.String(), "c_root"}, {ControlLeaf.String(), "c_leaf"}, {ControlRole(7).String(), "7"},
		{DataRoot.String(), "d_root"}, {DataLeaf.String(), "d_leaf"},
		{Planes(0).String(), "none"}, {rooted.String(), "rooted control, rooted data"},
		{Both.String(), "JL_BOTH"}, {Multicast.String(), "multicast"}, {UnicastCopies.String(), "unicast copies"},
		{(FlagQ | FlagB).String(), "QB"}, {Flags(0).String(), ""}, {Flags(0x11).String(), "Q+0x10"},
		{(HasTarget | HasCallerData).Names(), "TARGET, USER_DATA (caller)"}, {Present(0).Names(), ""},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
	for d, want := range map[Direction]Direction{SenderOnly: ReceiverOnly, ReceiverOnly: SenderOnly, Both: Both} {
		if d.Mirror() != want {
			t.Errorf("the mirror of %v is %v", d, d.Mirror())
		}
	}
	if got := (Role{Planes: RootedControl}).OfSession(); got != HasSession|HasTimers {
		t.Errorf("a nonrooted data plane needs %s", got.Names())
	}
}
