package mpj_test

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/mpstack/mpstack/stack/winsock"
	"github.com/mpstack/mpstack/wire/mpj"
	"github.com/mpstack/mpstack/wire/object"
)

// random makes messages that a decoder could return.
type random struct {
	*rand.Rand
	v6 bool
}

func (r random) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// addr returns an address that begins with the byte: which makes it unicast or
// multicast.
func (r random) addr(v4, v6 byte) netip.Addr {
	b := r.bytes(16)
	if !r.v6 {
		b[0] = v4
		return netip.AddrFrom4([4]byte(b[:4]))
	}
	b[0] = v6
	return netip.AddrFrom16([16]byte(b))
}

func (r random) port() uint16 { return 1 + uint16(r.IntN(0xffff)) }

func (r random) unicast() netip.AddrPort { return netip.AddrPortFrom(r.addr(10, 0x20), r.port()) }

func (r random) flowSpec() winsock.FlowSpec {
	var w [8]uint32
	for i := range w {
		w[i] = r.Uint32()
	}
	return winsock.FlowSpecOf(w)
}

// some returns a subset.
func (r random) some(p mpj.Present) mpj.Present { return p & mpj.Present(r.Uint32()) }

func (r random) role() mpj.Role {
	return mpj.Role{Control: mpj.ControlRole(1 + r.IntN(2)), Data: mpj.DataRole(1 + r.IntN(2)), Planes: mpj.Planes(r.IntN(4)),
		JL: []mpj.Direction{mpj.SenderOnly, mpj.ReceiverOnly, mpj.Both}[r.IntN(3)]}
}

func (r random) message() mpj.Message {
	info := mpj.Messages[r.IntN(len(mpj.Messages))]
	m := mpj.Message{Type: info.Type, Flags: info.Flags & mpj.Flags(r.Uint32()), DstTag: 1 + r.Uint64()>>1, SrcTag: 1 + r.Uint64()>>1,
		Transaction: 1 + r.Uint32()>>1, Has: info.Required | r.some(info.Optional)}
	if m.Flags&mpj.FlagB != 0 || m.Type == mpj.TypeJoin && r.IntN(2) == 0 {
		m.DstTag = 0
	}
	m.Role = r.role()
	if m.Type == mpj.TypeJoin {
		m.Has &^= mpj.HasSession | mpj.HasRootData | mpj.HasTimers
		if m.Role.Control == mpj.ControlRoot {
			m.Has |= m.Role.OfSession()
		}
	}
	r.fill(&m)
	for range r.IntN(3) {
		m.Unknown = append(m.Unknown, object.Object{Class: uint8(0x80 + r.IntN(0x80)), CType: uint8(r.Uint32()), Body: r.bytes(4 * r.IntN(4))})
	}
	return m
}

// fill sets the objects that m has.
func (r random) fill(m *mpj.Message) {
	all := *m
	all.Integrity, all.Target, all.Caller = r.bytes(20+4*r.IntN(10)), r.unicast(), r.unicast()
	all.Integrity[1] = 0
	all.QOS = mpj.QOS{Sending: r.flowSpec(), Receiving: r.flowSpec()}
	all.CallerData, all.CalleeData, all.SideData = r.bytes(r.IntN(200)), r.bytes(r.IntN(200)), r.bytes(r.IntN(200))
	all.JoinLimits = mpj.JoinLimits{RemainingMS: r.Uint32(), CalleeRoom: uint16(r.Uint32())}
	all.Session = mpj.Session{Group: netip.AddrPortFrom(r.addr(232, 0xff), r.port()), TTL: uint8(r.Uint32()), Mode: mpj.Mode(1 + r.IntN(2))}
	all.RootData = r.unicast()
	all.Timers.HelloMS = 1 + uint32(r.IntN(1<<20))
	all.Timers.HoldMS = all.Timers.HelloMS * uint32(1+r.IntN(4))
	all.Cookie = r.bytes(4 * (1 + r.IntN(16)))
	for code := r.IntN(len(mpj.Reasons)); ; code = r.IntN(len(mpj.Reasons)) {
		if c := mpj.Reasons[code].Code; m.Has&mpj.HasReason == 0 || c.Message() == m.Type {
			all.Reason = mpj.Reason{Code: c, Errno: winsock.Errno(r.Uint32())}
			break
		}
	}
	all.Reservation = mpj.Reservation{Code: uint8(r.Uint32()), Flags: uint8(r.Uint32()), Value: uint16(r.Uint32()), Node: r.addr(10, 0x20)}
	all.PadLen = 4 * r.IntN(20)
	only(m, &all)
}

// only copies the objects that m has from all.
func only(m, all *mpj.Message) {
	for bit, copyIt := range map[mpj.Present]func(){
		mpj.HasIntegrity: func() { m.Integrity = all.Integrity }, mpj.HasTarget: func() { m.Target = all.Target },
		mpj.HasCaller: func() { m.Caller = all.Caller }, mpj.HasQOS: func() { m.QOS = all.QOS },
		mpj.HasCallerData: func() { m.CallerData = all.CallerData }, mpj.HasCalleeData: func() { m.CalleeData = all.CalleeData },
		mpj.HasSideData: func() { m.SideData = all.SideData }, mpj.HasJoinLimits: func() { m.JoinLimits = all.JoinLimits },
		mpj.HasSession: func() { m.Session = all.Session }, mpj.HasRootData: func() { m.RootData = all.RootData },
		mpj.HasTimers: func() { m.Timers = all.Timers }, mpj.HasCookie: func() { m.Cookie = all.Cookie },
		mpj.HasReason: func() { m.Reason = all.Reason }, mpj.HasReservation: func() { m.Reservation = all.Reservation },
		mpj.HasPad: func() { m.PadLen = all.PadLen },
	} {
		if m.Has&bit != 0 {
			copyIt()
		}
	}
	if m.Has&mpj.HasRole == 0 {
		m.Role = mpj.Role{}
	}
}

// What is encoded is decoded as it was, also into a message that held another
// one before, and encoded again to the same bytes.
func TestEncodeDecode(t *testing.T) {
	var reused mpj.Message
	var types [mpj.NumTypes]int
	for _, v6 := range []bool{false, true} {
		r := random{rand.New(rand.NewPCG(5, 5)), v6}
		for range 3000 {
			m := r.message()
			types[m.Type]++
			b, err := m.AppendTo(nil)
			if err != nil {
				t.Fatalf("%+v: %v", m, err)
			}
			got, err := mpj.Parse(b)
			if err != nil || !same(got, m) {
				t.Fatalf("%v\n got %+v\nwant %+v", err, got, m)
			}
			if err := reused.Decode(b); err != nil || !same(reused, m) {
				t.Fatalf("into a used message: %v\n got %+v\nwant %+v", err, reused, m)
			}
			again, err := reused.AppendTo([]byte{0xee})
			if err != nil || !bytes.Equal(again[1:], b) {
				t.Fatalf("again: %v\n got % x\nwant % x", err, again, b)
			}
		}
	}
	for _, info := range mpj.Messages {
		if types[info.Type] < 100 {
			t.Errorf("%d of %s", types[info.Type], info.Name)
		}
	}
}
