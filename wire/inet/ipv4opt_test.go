package inet_test

import (
	"net/netip"
	"testing"

	"github.com/mpstack/mpstack/wire/inet"
)

// option returns the first option of wire.
func option(t testing.TB, wire []byte) inet.Option {
	t.Helper()
	o, _, err := inet.NextIPv4Option(wire)
	noError(t, err)
	return o
}

func TestIPv4OptionBytes(t *testing.T) {
	for _, tt := range []struct {
		name string
		o    inet.Option
		hex  string
	}{
		{"End of Options", inet.Option{Type: inet.IPv4OptEnd}, "00"},
		{"No Operation", inet.Option{Type: inet.IPv4OptNop}, "01"},
		{"Router Alert", inet.Option{Type: inet.IPv4OptRouterAlert, Data: []byte{0, 0}}, "94040000"},
		{"Stream ID", inet.Option{Type: inet.IPv4OptStreamID, Data: []byte{1, 2}}, "88040102"},
		{"Security", inet.Option{Type: inet.IPv4OptSecurity, Data: []byte{0xab}}, "8203ab"},
		{"option 90", inet.Option{Type: 90, Data: []byte{}}, "5a02"},
	} {
		wire := unhex(t, tt.hex)
		sameBytes(t, tt.name, appended(t, tt.o.AppendIPv4), wire)
		same(t, tt.name, option(t, wire), tt.o)
		if got := inet.IPv4OptName(tt.o.Type); got != tt.name {
			t.Errorf("%q is called %q", tt.name, got)
		}
		if inet.IPv4OptCopied(tt.o.Type) != (tt.o.Type >= 128) {
			t.Errorf("%s: copied or not", tt.name)
		}
	}
	wantRefused(t, inet.Option{Type: inet.IPv4OptNop, Data: []byte{1}}.AppendIPv4, inet.ErrLength)
	wantRefused(t, inet.Option{Type: 90, Data: make([]byte, 39)}.AppendIPv4, inet.ErrTooLong)
}

func TestIPv4RouteBytes(t *testing.T) {
	two := unhex(t, "0a000001 0a000002")
	for _, tt := range []struct {
		name  string
		r     inet.IPv4Route
		hex   string
		n, at int
	}{
		{"Record Route", inet.IPv4Route{Type: inet.IPv4OptRecordRoute, Pointer: 4, Route: make([]byte, 8)}, "070b04 0000000000000000", 2, 0},
		{"Loose Source Route", inet.IPv4Route{Type: inet.IPv4OptLooseRoute, Pointer: 8, Route: two}, "830b08 0a0000010a000002", 2, 1},
		{"Strict Source Route", inet.IPv4Route{Type: inet.IPv4OptStrictRoute, Pointer: 12, Route: two}, "890b0c 0a0000010a000002", 2, 2},
		{"no room", inet.IPv4Route{Type: inet.IPv4OptRecordRoute, Pointer: 4, Route: []byte{}}, "070304", 0, 0},
	} {
		wire := unhex(t, tt.hex)
		sameBytes(t, tt.name, appended(t, tt.r.AppendTo), wire)
		got, err := inet.ParseIPv4Route(option(t, wire))
		noError(t, err)
		same(t, tt.name, got, tt.r)
		if got.Len() != tt.n || got.Next() != tt.at {
			t.Errorf("%s: %d addresses, next is %d", tt.name, got.Len(), got.Next())
		}
	}
	r, _ := inet.ParseIPv4Route(option(t, unhex(t, "830b08 0a0000010a000002")))
	if r.Addr(0) != v4a || r.Addr(1) != v4b {
		t.Errorf("%v, %v", r.Addr(0), r.Addr(1))
	}
}

func TestIPv4TimestampBytes(t *testing.T) {
	for _, tt := range []struct {
		name  string
		s     inet.IPv4Timestamp
		hex   string
		n, at int
		addr  netip.Addr
		time  uint32
	}{
		{"times", inet.IPv4Timestamp{Pointer: 9, Overflow: 2, Entries: unhex(t, "01020304 00000000")}, "440c0920 0102030400000000", 2, 1, netip.Addr{}, 0x01020304},
		{"addresses", inet.IPv4Timestamp{Pointer: 13, Flag: inet.TimestampAddress, Entries: unhex(t, "0a000001 05265bff")}, "440c0d01 0a00000105265bff", 1, 1, v4a, 86399999},
		{"prespecified", inet.IPv4Timestamp{Pointer: 5, Overflow: 15, Flag: inet.TimestampPrespecified, Entries: unhex(t, "0a000002 00000000")}, "440c05f3 0a00000200000000", 1, 0, v4b, 0},
	} {
		wire := unhex(t, tt.hex)
		sameBytes(t, tt.name, appended(t, tt.s.AppendTo), wire)
		got, err := inet.ParseIPv4Timestamp(option(t, wire))
		noError(t, err)
		same(t, tt.name, got, tt.s)
		addr, at := got.Entry(0)
		if got.Len() != tt.n || got.Next() != tt.at || addr != tt.addr || at != tt.time {
			t.Errorf("%s: %d entries, next is %d; %v, %d", tt.name, got.Len(), got.Next(), addr, at)
		}
	}
	if none := (inet.IPv4Timestamp{Flag: 2, Pointer: 9, Entries: make([]byte, 8)}); none.Len() != 0 || none.Next() != 0 {
		t.Error("entries of an unknown flag")
	}
}

func TestIPv4OptionErrors(t *testing.T) {
	route := func(o inet.Option) error { _, err := inet.ParseIPv4Route(o); return err }
	stamp := func(o inet.Option) error { _, err := inet.ParseIPv4Timestamp(o); return err }
	for _, tt := range []struct {
		name   string
		parse  func(inet.Option) error
		o      inet.Option
		field  string
		offset int
		err    error
	}{
		{"no route", route, inet.Option{Type: inet.IPv4OptNop}, "option type", 0, inet.ErrUnsupported},
		{"no pointer", route, inet.Option{Type: inet.IPv4OptRecordRoute}, "Record Route", 1, inet.ErrLength},
		{"half an address", route, inet.Option{Type: inet.IPv4OptLooseRoute, Data: make([]byte, 4)}, "Loose Source Route", 1, inet.ErrLength},
		{"pointer before", route, inet.Option{Type: inet.IPv4OptStrictRoute, Data: []byte{3}}, "Strict Source Route pointer", 2, inet.ErrRange},
		{"pointer between", route, inet.Option{Type: inet.IPv4OptStrictRoute, Data: []byte{6}}, "Strict Source Route pointer", 2, inet.ErrRange},
		{"no timestamp", stamp, inet.Option{Type: inet.IPv4OptRecordRoute}, "option type", 0, inet.ErrUnsupported},
		{"no flag", stamp, inet.Option{Type: inet.IPv4OptTimestamp, Data: []byte{5}}, "Timestamp", 1, inet.ErrLength},
		{"flag 2", stamp, inet.Option{Type: inet.IPv4OptTimestamp, Data: []byte{5, 2}}, "Timestamp flag", 3, inet.ErrUnsupported},
		{"half an entry", stamp, inet.Option{Type: inet.IPv4OptTimestamp, Data: []byte{5, 1, 0, 0, 0, 0}}, "Timestamp", 1, inet.ErrLength},
		{"timestamp pointer before", stamp, inet.Option{Type: inet.IPv4OptTimestamp, Data: []byte{4, 0}}, "Timestamp pointer", 2, inet.ErrRange},
		{"timestamp pointer between", stamp, inet.Option{Type: inet.IPv4OptTimestamp, Data: []byte{9, 3}}, "Timestamp pointer", 2, inet.ErrRange},
	} {
		t.Run(tt.name, func(t *testing.T) { wantDecodeError(t, tt.parse(tt.o), "ipv4", tt.field, tt.offset, tt.err) })
	}
	wantRefused(t, inet.IPv4Route{Type: inet.IPv4OptRecordRoute, Pointer: 4, Route: make([]byte, 40)}.AppendTo, inet.ErrTooLong)
	wantRefused(t, inet.IPv4Route{Type: inet.IPv4OptRecordRoute, Pointer: 5}.AppendTo, inet.ErrRange)
	wantRefused(t, inet.IPv4Timestamp{Pointer: 5, Entries: make([]byte, 40)}.AppendTo, inet.ErrTooLong)
	wantRefused(t, inet.IPv4Timestamp{Pointer: 5, Overflow: 16}.AppendTo, inet.ErrRange)
	wantRefused(t, inet.IPv4Timestamp{Pointer: 5, Flag: 4}.AppendTo, inet.ErrUnsupported)
}

// A header with every option survives, and what the walk finds in it is what
// was put there.
func TestIPv4AllOptions(t *testing.T) {
	var raw []byte
	put := func(b []byte, err error) {
		noError(t, err)
		raw = b
	}
	put(inet.Option{Type: inet.IPv4OptRouterAlert, Data: []byte{0, 0}}.AppendIPv4(raw))
	put(inet.Option{Type: inet.IPv4OptNop}.AppendIPv4(raw))
	put(inet.IPv4Route{Type: inet.IPv4OptLooseRoute, Pointer: 4, Route: unhex(t, "0a000002")}.AppendTo(raw))
	put(inet.IPv4Timestamp{Pointer: 5, Entries: make([]byte, 8)}.AppendTo(raw))
	put(inet.Option{Type: inet.IPv4OptStreamID, Data: []byte{0, 9}}.AppendIPv4(raw))
	put(inet.Option{Type: inet.IPv4OptSecurity, Data: []byte{0xab}}.AppendIPv4(raw))
	raw = inet.PadIPv4Options(raw)
	h := inet.IPv4{TTL: 9, Proto: inet.ProtoUDP, Src: v4a, Dst: v4b, Options: raw}
	wire := appended(t, func(b []byte) ([]byte, error) { return h.AppendTo(b, 0) })
	got, _, err := inet.ParseIPv4(wire)
	noError(t, err)
	if !got.RouterAlert {
		t.Error("Router Alert is not found")
	}
	var types []uint8
	for rest := got.Options; len(rest) > 0; {
		var o inet.Option
		o, rest, err = inet.NextIPv4Option(rest)
		noError(t, err)
		types = append(types, o.Type)
		if o.Type == inet.IPv4OptEnd {
			break
		}
	}
	same(t, "types", types, []uint8{148, 1, 131, 68, 136, 130, 0})
	if len(raw)%4 != 0 || len(inet.PadIPv4Options(raw)) != len(raw) {
		t.Errorf("%d bytes of options", len(raw))
	}
}
