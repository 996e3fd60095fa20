package pcapng

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/object"
)

// builder makes pcapng blocks in either byte order, good and bad.
type builder struct {
	binary.AppendByteOrder
	b []byte
}

func (m *builder) block(typ uint32, body ...[]byte) *builder {
	all := bytes.Join(body, nil)
	n := uint32(len(all) + blockOverhead)
	m.b = m.AppendUint32(m.b, typ)
	m.b = m.AppendUint32(m.b, n)
	m.b = append(m.b, all...)
	m.b = m.AppendUint32(m.b, n)
	return m
}

func (m *builder) u16(v ...uint16) (b []byte) {
	for _, v := range v {
		b = m.AppendUint16(b, v)
	}
	return b
}

func (m *builder) u32(v ...uint32) (b []byte) {
	for _, v := range v {
		b = m.AppendUint32(b, v)
	}
	return b
}

func (m *builder) option(code uint16, v []byte) []byte {
	return appendPadded(m.u16(code, uint16(len(v))), v)
}

func (m *builder) section() *builder {
	return m.block(blockSection, m.u32(byteOrderMagic), m.u16(1, 0), m.u32(0xffffffff, 0xffffffff))
}

func (m *builder) iface(link uint16, snap uint32, options ...[]byte) *builder {
	return m.block(blockInterface, m.u16(link, 0), m.u32(snap), bytes.Join(options, nil))
}

func (m *builder) enhanced(id uint32, ts uint64, data []byte, options ...[]byte) *builder {
	n := uint32(len(data))
	return m.block(blockEnhanced, m.u32(id, uint32(ts>>32), uint32(ts), n, n), appendPadded(nil, data), bytes.Join(options, nil))
}

func little() *builder { return &builder{AppendByteOrder: binary.LittleEndian} }
func big() *builder    { return &builder{AppendByteOrder: binary.BigEndian} }

// readAll returns copies of all packets, and the error that ended them (nil
// for io.EOF).
func readAll(b []byte) (all []Packet, err error) {
	r := NewReader(bytes.NewReader(b))
	for {
		p, err := r.Next()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		p.Data = bytes.Clone(p.Data)
		all = append(all, p)
	}
}

func TestRoundTrip(t *testing.T) {
	var frames []wire.Frame
	for i := range 40 {
		f := frame([]string{"h1/eth0", "h2/eth0", "r/p1", ""}[i%4], machine.VirtualEpoch+machine.Time(i*1_000_000_007), 14+i*37)
		f.Dir = wire.Dir(i % 3)
		if i%5 == 0 {
			f.Cause = ""
		}
		frames = append(frames, f)
	}
	got, err := readAll(write(t, frames...))
	if err != nil || len(got) != len(frames) {
		t.Fatalf("%d frames of %d, %v", len(got), len(frames), err)
	}
	for i, p := range got {
		f := frames[i]
		if p.Interface.Name != f.Port || p.At != f.At || p.Dir != f.Dir || p.Comment != f.Comment() || !bytes.Equal(p.Data, f.Data) ||
			p.OrigLen != len(f.Data) || p.Interface.LinkType != LinkTypeEthernet {
			t.Errorf("frame %d: %+v of %+v", i, p, f)
		}
	}
}

// TestByteOrders reads two sections of either order with several interfaces,
// resolutions, comments, and blocks that are to be skipped.
func TestByteOrders(t *testing.T) {
	for _, m := range []*builder{little(), big()} {
		m.section().
			iface(1, 0, m.option(optIfName, []byte("one"))).
			block(blockNames, m.u32(0, 0)).
			iface(113, 96, m.option(optIfName, []byte("two")), m.option(optIfTsResol, []byte{9}), m.option(optIfDescr, []byte("any")), m.u16(optEnd, 0)).
			enhanced(0, 1_000_001, []byte("abcde"), m.option(optComment, []byte("hello")), m.option(optComment, []byte("again")), m.option(2988, []byte("?")), m.u16(optEnd, 0)).
			block(blockStatistics, m.u32(0, 0, 0)).
			enhanced(1, 5, []byte("f"), m.option(optPacketFlags, m.u32(0xfffc|flagsInbound))).
			block(0x80001234, []byte("mine")).
			section().
			iface(1, 4).
			block(blockSimple, m.u32(6), []byte("ghij")).
			block(blockPacket, m.u16(0, 9), m.u32(0, 7, 2, 60), []byte("kl\x00\x00"), m.option(optPacketFlags, m.u32(flagsOutbound)), m.u16(optEnd, 0))
		got, err := readAll(m.b)
		if err != nil || len(got) != 4 {
			t.Fatalf("%v: %d packets, %v", m.AppendByteOrder, len(got), err)
		}
		want := []struct {
			name, data, comment string
			link                uint16
			at                  machine.Time
			dir                 wire.Dir
			orig                int
		}{
			{"one", "abcde", "hello\nagain", 1, 1_000_001_000, wire.DirUnknown, 5},
			{"two", "f", "", 113, 5, wire.DirIn, 1},
			{"", "ghij", "", 1, 0, wire.DirUnknown, 6},
			{"", "kl", "", 1, 7000, wire.DirOut, 60},
		}
		for i, w := range want {
			p := got[i]
			if p.Interface.Name != w.name || string(p.Data) != w.data || p.Comment != w.comment || p.Interface.LinkType != w.link ||
				p.At != w.at || p.Dir != w.dir || p.OrigLen != w.orig {
				t.Errorf("%v: packet %d: %+v of %q, want %+v", m.AppendByteOrder, i, p, p.Interface.Name, w)
			}
		}
	}
}

// TestMixedOrders reads a little-endian section and then a big-endian one, as
// concatenated captures have them.
func TestMixedOrders(t *testing.T) {
	l, b := little(), big()
	l.section().iface(1, 0).enhanced(0, 1, []byte("one"))
	b.section().iface(1, 0).enhanced(0, 2, []byte("two"))
	got, err := readAll(append(l.b, b.b...))
	if err != nil || len(got) != 2 || string(got[0].Data) != "one" || string(got[1].Data) != "two" || got[1].At != 2000 {
		t.Errorf("%+v, %v", got, err)
	}
	if got[1].Offset != int64(len(l.b)+28+20) {
		t.Errorf("offset %d of the second packet", got[1].Offset)
	}
}

func TestResolutions(t *testing.T) {
	for _, tt := range []struct {
		resol  uint8
		offset int64
		ts     uint64
		want   machine.Time
		err    error
	}{
		{0, 0, 3, 3_000_000_000, nil},
		{3, 0, 1234, 1_234_000_000, nil},
		{6, 0, 1_500_000, 1_500_000_000, nil},
		{9, 0, uint64(machine.VirtualEpoch) + 1, machine.VirtualEpoch + 1, nil},
		{9, 0, 1<<63 - 1_000_000_000, 1<<63 - 1_000_000_000, nil},
		{9, 0, 1 << 63, 0, ErrTime},
		{12, 0, 1_999_999_999_999, 1_999_999_999, nil},
		{19, 0, 18_446_744_073_709_551_615, 1_844_674_407, nil},
		{20, 0, 0, 0, ErrTime},
		{0x80, 0, 3, 3_000_000_000, nil},
		{0x80 | 10, 0, 1024 + 512, 1_500_000_000, nil},
		{0x80 | 30, 0, 1<<31 + 1, 2_000_000_000, nil},
		{0x80 | 32, 0, 1<<33 | 1<<31, 2_500_000_000, nil},
		{0x80 | 63, 0, 1<<63 | 1<<62, 1_500_000_000, nil},
		{0x80 | 64, 0, 0, 0, ErrTime},
		{0xff, 0, 0, 0, ErrTime},
		{6, 100, 1, 100_000_001_000, nil},
		{6, -1, 1_000_000, 0, nil},
		{6, -2, 1_000_000, -1_000_000_000, nil},
		{6, 1 << 62, 0, 0, ErrTime},
		{6, -1 << 63, 0, 0, ErrTime},
		{0, 0, 1<<64 - 1, 0, ErrTime},
		{0, 9_000_000_000, 9_000_000_000, 0, ErrTime},
	} {
		m := little()
		offset := binary.LittleEndian.AppendUint64(nil, uint64(tt.offset))
		m.section().iface(1, 0, m.option(optIfTsResol, []byte{tt.resol}), m.option(optIfTsOffset, offset)).enhanced(0, tt.ts, []byte("x"))
		got, err := readAll(m.b)
		if !errors.Is(err, tt.err) || err == nil && (len(got) != 1 || got[0].At != tt.want) {
			t.Errorf("resolution %#x, offset %d, time %d: %v, %v, want %d, %v", tt.resol, tt.offset, tt.ts, got, err, tt.want, tt.err)
		}
	}
}

// TestReaderErrors breaks captures in one place each: the error must say where.
func TestReaderErrors(t *testing.T) {
	good := func() *builder { return little().section().iface(1, 0) }
	at := len(good().b) // where the block after the interface begins
	m := little()
	for _, tt := range []struct {
		name   string
		b      []byte
		offset int
		want   error
		text   string
	}{
		{"empty", nil, 0, object.ErrTruncated, "block 0"},
		{"not pcapng", []byte("GET / HTTP/1.1\r\n"), 0, ErrFormat, "magic"},
		{"few bytes", []byte{0x0a, 0x0d}, 0, object.ErrTruncated, "block 1"},
		{"no magic", good().b[:8], 8, object.ErrTruncated, "byte-order magic"},
		{"bad magic", patch(good().b, 8, 1, 2, 3, 4), 8, ErrFormat, "byte-order magic"},
		{"version", patch(good().b, 12, 2, 0), 12, ErrVersion, "major version"},
		{"length 0", patch(good().b, 4, 0, 0, 0, 0), 4, object.ErrLength, "total length"},
		{"length 13", patch(good().b, 4, 13, 0, 0, 0), 4, object.ErrLength, "total length"},
		{"section short", little().block(blockSection, m.u32(byteOrderMagic)).b, 8, object.ErrLength, "block 1 (section header): fixed part"},
		{"huge block", good().block(blockEnhanced, make([]byte, MaxBlock)).b, at + 4, object.ErrTooLong, "block 3 (enhanced packet): total length"},
		{"claimed length", patch(good().enhanced(0, 0, nil).b, at+4, 0xfc, 0xff, 0x0f, 0), at + 8 + 24, object.ErrTruncated, "body"},
		{"second length", patch(good().enhanced(0, 0, nil).b, at+28, 9), at + 28, object.ErrLength, "second total length"},
		{"interface short", little().section().block(blockInterface, m.u32(1)).b, 28 + 8, object.ErrLength, "interface description"},
		{"no interface", good().enhanced(1, 0, nil).b, at + 8, ErrInterface, "1 of 1"},
		{"interface of the section before", good().section().enhanced(0, 0, nil).b, at + 28 + 8, ErrInterface, "block 4"},
		{"simple without interface", little().section().block(blockSimple, m.u32(0)).b, 28 + 8, ErrInterface, "simple"},
		{"simple short", good().block(blockSimple).b, at + 8, object.ErrLength, "simple packet"},
		{"enhanced short", good().block(blockEnhanced, m.u32(0, 0)).b, at + 8, object.ErrLength, "fixed part"},
		{"obsolete short", good().block(blockPacket, m.u32(0, 0)).b, at + 8, object.ErrLength, "obsolete packet"},
		{"captured beyond", patch(good().enhanced(0, 0, []byte("abcd")).b, at+20, 5), at + 20, object.ErrLength, "captured length"},
		{"captured huge", patch(good().enhanced(0, 0, []byte("abcd")).b, at+20, 0xff, 0xff, 0xff, 0xff), at + 20, object.ErrTooLong, "captured length"},
		{"simple beyond", good().block(blockSimple, m.u32(5), []byte("abcd")).b, at + 8, object.ErrLength, "captured length"},
		{"simple huge", good().block(blockSimple, m.u32(0xffffffff), []byte("abcd")).b, at + 8, object.ErrTooLong, "captured length"},
		{"option beyond", good().enhanced(0, 0, nil, m.u16(1, 4)).b, at + 30, object.ErrTruncated, "option 1 of 4 bytes"},
		{"flags length", good().enhanced(0, 0, nil, m.option(optPacketFlags, []byte{1})).b, at + 28, object.ErrLength, "flags"},
		{"tsresol length", little().section().iface(1, 0, m.option(optIfTsResol, nil)).b, 28 + 16, object.ErrLength, "if_tsresol"},
		{"tsoffset length", little().section().iface(1, 0, m.option(optIfTsOffset, nil)).b, 28 + 16, object.ErrLength, "if_tsoffset"},
		{"name length", little().section().iface(1, 0, m.option(optIfName, make([]byte, MaxName+1))).b, 28 + 16, object.ErrTooLong, "if_name"},
		{"skipped block cut", good().block(blockNames, make([]byte, 100)).b[:at+50], at + 50, object.ErrTruncated, "name resolution"},
	} {
		_, err := readAll(tt.b)
		var de *object.DecodeError
		if !errors.As(err, &de) || !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
			continue
		}
		if de.Layer != "pcapng" || de.Offset != tt.offset || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: %v, want %q at offset %d", tt.name, err, tt.text, tt.offset)
		}
	}
}

// patch returns b with bytes replaced.
func patch(b []byte, at int, with ...byte) []byte {
	copy(b[at:], with)
	return b
}

// TestTruncated cuts a capture at every byte: the frames before the cut are
// read, and only a cut between blocks is a good end.
func TestTruncated(t *testing.T) {
	whole := write(t, frame("a/b", 1, 20), frame("a/c", 2, 21), frame("a/b", 3, 22))
	ends := map[int]int{} // frames by good length
	n, frames := 0, 0
	for n < len(whole) {
		if binary.LittleEndian.Uint32(whole[n:]) == blockEnhanced {
			frames++
		}
		n += int(binary.LittleEndian.Uint32(whole[n+4:]))
		ends[n] = frames
	}
	last := 0
	for cut := range whole {
		got, err := readAll(whole[:cut])
		if f, ok := ends[cut]; ok {
			last = f
			if err != nil {
				t.Errorf("cut at %d between blocks: %v", cut, err)
			}
		} else if !errors.Is(err, object.ErrTruncated) {
			t.Errorf("cut at %d: %v", cut, err)
		}
		if len(got) != last {
			t.Errorf("cut at %d: %d frames, want %d", cut, len(got), last)
		}
	}
}

// TestReaderErrorStays and other failures of reading are passed on.
func TestReaderErrorStays(t *testing.T) {
	r := NewReader(bytes.NewReader(write(t)[:20]))
	_, first := r.Next()
	_, second := r.Next()
	if first == nil || first != second {
		t.Errorf("%v, then %v", first, second)
	}
	broken := io.MultiReader(bytes.NewReader(write(t)), iotest.ErrReader(io.ErrClosedPipe))
	if _, err := NewReader(broken).Next(); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("%v", err)
	}
	if _, err := NewReader(iotest.OneByteReader(bytes.NewReader(write(t, frame("a/b", 1, 60))))).Next(); err != nil {
		t.Errorf("byte by byte: %v", err)
	}
}

// endless is a stream of one section and then the same block for ever.
type endless struct {
	first, block []byte
	left         int64
	sent         int64
}

func (e *endless) Read(b []byte) (n int, err error) {
	for n < len(b) {
		if e.left <= 0 {
			return n, io.EOF
		}
		src := e.first
		if src == nil {
			src = e.block[e.sent%int64(len(e.block)):]
		}
		k := copy(b[n:], src)
		n += k
		e.left -= int64(k)
		if e.first != nil {
			e.first = nil
			continue
		}
		e.sent += int64(k)
	}
	return n, nil
}

// TestMemory reads a long stream: what is held does not grow with it.
func TestMemory(t *testing.T) {
	first := little().section().iface(1, 0).b
	m := little()
	block := m.enhanced(0, 1, make([]byte, 4000), m.option(optPacketFlags, m.u32(2))).b
	r := NewReader(&endless{first: first, block: block, left: 64 << 20})
	n := 0
	allocs := testing.AllocsPerRun(1, func() {
		for range 5000 {
			if _, err := r.Next(); err != nil {
				t.Fatal(err)
			}
			n++
		}
	})
	if n < 5000 || allocs > 50 {
		t.Errorf("%v allocations for 5000 frames", allocs)
	}
}

// TestInterfaceFlood checks that interface descriptions without end stop.
func TestInterfaceFlood(t *testing.T) {
	r := NewReader(&endless{first: little().section().b, block: little().iface(1, 0).b, left: 1 << 40})
	if _, err := r.Next(); !errors.Is(err, object.ErrTooLong) {
		t.Errorf("%v", err)
	}
}
