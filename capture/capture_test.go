package capture

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"github.com/mpstack/mpstack/capture/pcapng"
	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/object"
)

// readAll returns clones of all records and the error that ended them.
func readAll(r io.Reader) (all []Record, err error) {
	for rec, err := range Open(r) {
		if err != nil {
			return all, err
		}
		all = append(all, rec.Clone())
	}
	return all, nil
}

func zipped(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// classic builds a classic capture of the frames, one second and five units apart.
func classic(order binary.AppendByteOrder, magic, link uint32, frames ...[]byte) []byte {
	b := order.AppendUint32(nil, magic)
	b = order.AppendUint16(b, 2)
	b = order.AppendUint16(b, 4)
	for _, v := range []uint32{0, 0, 0, link} {
		b = order.AppendUint32(b, v)
	}
	for i, f := range frames {
		for _, v := range []uint32{uint32(i), 5, uint32(len(f)), uint32(len(f) + i)} {
			b = order.AppendUint32(b, v)
		}
		b = append(b, f...)
	}
	return b
}

const (
	micro = 0xa1b2c3d4
	nano  = 0xa1b23c4d
)

func TestOpenPcap(t *testing.T) {
	frames := [][]byte{[]byte("first"), {}, []byte("third")}
	for _, tt := range []struct {
		name  string
		order binary.AppendByteOrder
		magic uint32
		unit  machine.Time
	}{
		{"little, micro", binary.LittleEndian, micro, 1000},
		{"big, micro", binary.BigEndian, micro, 1000},
		{"little, nano", binary.LittleEndian, nano, 1},
		{"big, nano", binary.BigEndian, nano, 1},
	} {
		file := classic(tt.order, tt.magic, 0x50000000|276, frames...)
		for _, b := range [][]byte{file, zipped(t, file)} {
			got, err := readAll(iotest.OneByteReader(bytes.NewReader(b)))
			if err != nil || len(got) != len(frames) {
				t.Errorf("%s: %d frames, %v", tt.name, len(got), err)
				continue
			}
			for i, rec := range got {
				if !bytes.Equal(rec.Data, frames[i]) || rec.Number != i+1 || rec.LinkType != 276 || rec.OrigLen != len(frames[i])+i ||
					rec.At != machine.Time(i)*1e9+5*tt.unit || rec.Port != "" || rec.Dir != wire.DirUnknown || rec.Comment != "" {
					t.Errorf("%s: frame %d: %+v", tt.name, i+1, rec)
				}
				if rec.Truncated() != (i > 0) {
					t.Errorf("%s: frame %d: truncated is %v", tt.name, i+1, rec.Truncated())
				}
			}
		}
	}
}

func TestWriteAndOpen(t *testing.T) {
	frames := []wire.Frame{
		{Data: []byte("one"), At: 1, Port: "a/x", Dir: wire.DirOut, Cause: "mpj/asker/Idle/Join"},
		{Data: []byte("two"), At: 2, Port: "b/x", Dir: wire.DirIn, Cause: "ip/arp/request", Fate: "lost; for good"},
		{Data: []byte("three"), At: 3, Port: "a/x"},
		{Data: []byte("four"), At: 4, Port: "a/x", Fate: "lost"},
	}
	var file bytes.Buffer
	w, err := NewWriter(&file)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range frames {
		if err := w.WriteFrame(f); err != nil {
			t.Fatal(err)
		}
	}
	for _, b := range [][]byte{file.Bytes(), zipped(t, file.Bytes())} {
		got, err := readAll(bytes.NewReader(b))
		if err != nil || len(got) != len(frames) {
			t.Fatalf("%d frames, %v", len(got), err)
		}
		for i, rec := range got {
			f := frames[i]
			if rec.Comment != f.Comment() || rec.Number != i+1 || rec.LinkType != LinkTypeEthernet || rec.Truncated() {
				t.Errorf("frame %d: %+v", i+1, rec)
			}
			if f.Cause == "" { // a fate alone is not told from another's comment
				f.Fate = ""
			}
			if rec.At != f.At || rec.Port != f.Port || rec.Dir != f.Dir || rec.Cause != f.Cause || rec.Fate != f.Fate || !bytes.Equal(rec.Data, f.Data) {
				t.Errorf("frame %d: %+v, want %+v", i+1, rec.Frame, f)
			}
		}
		if again := rewrite(t, got); !bytes.Equal(again, file.Bytes()) {
			t.Error("a capture differs after reading and writing")
		}
	}
}

func rewrite(t *testing.T, records []Record) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := NewWriter(&file)
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range records {
		if err := w.WriteRecord(rec); err != nil {
			t.Fatal(err)
		}
	}
	return file.Bytes()
}

func TestComments(t *testing.T) {
	for _, tt := range []struct {
		comment string
		cause   machine.Cause
		fate    string
	}{
		{"", "", ""},
		{"mpj/asked/Pending/Accept", "mpj/asked/Pending/Accept", ""},
		{"a/b; lost", "a/b", "lost"},
		{"a/b; c; d", "a/b", "c; d"},
		{"see http://example.org", "", ""},
		{"lost", "", ""},
		{"two\nlines/here", "", ""},
	} {
		var rec Record
		rec.setComment(tt.comment)
		if rec.Comment != tt.comment || rec.Cause != tt.cause || rec.Fate != tt.fate {
			t.Errorf("%q: %q, %q, %q", tt.comment, rec.Comment, rec.Cause, rec.Fate)
		}
		if tt.cause != "" && rec.Frame.Comment() != tt.comment {
			t.Errorf("%q becomes %q", tt.comment, rec.Frame.Comment())
		}
	}
}

func TestOpenErrors(t *testing.T) {
	good := classic(binary.LittleEndian, micro, 1, []byte("first"), []byte("second"))
	patched := func(at int, v uint32) []byte {
		b := bytes.Clone(good)
		binary.LittleEndian.PutUint32(b[at:], v)
		return b
	}
	for _, tt := range []struct {
		name   string
		b      []byte
		want   error
		text   string
		frames int
	}{
		{"empty", nil, object.ErrTruncated, "capture: magic", 0},
		{"three bytes", good[:3], object.ErrTruncated, "capture: magic", 0},
		{"text", []byte("hello, world"), ErrFormat, "0x68656c6c", 0},
		{"header cut", good[:23], object.ErrTruncated, "pcap: file header", 0},
		{"version", patched(4, 0x00040003), pcapng.ErrVersion, "pcap: major version at offset 4: 3", 0},
		{"frame header cut", good[:24+15], object.ErrTruncated, "pcap: frame 1: header at offset 24", 0},
		{"frame cut", good[:24+16], object.ErrTruncated, "pcap: frame 1: data at offset 40", 0},
		{"second frame cut", good[:len(good)-1], object.ErrTruncated, "pcap: frame 2: data at offset 66", 1},
		{"huge frame", patched(24+8, 0xffffffff), object.ErrTooLong, "captured length at offset 32: 4294967295", 0},
		{"frame over the limit", patched(24+8, pcapng.MaxPacket+1), object.ErrTooLong, "frame 1", 0},
		{"pcapng cut", []byte{0x0a, 0x0d, 0x0d, 0x0a, 0}, object.ErrTruncated, "block 1", 0},
		{"gzip cut", zipped(t, good)[:20], object.ErrTruncated, "", 0},
		{"gzip header", []byte{0x1f, 0x8b}, object.ErrTruncated, "capture: ", 0},
		{"not gzip", append([]byte{0x1f, 0x8b}, make([]byte, 30)...), gzip.ErrHeader, "capture: ", 0},
		{"gzip of gzip", zipped(t, zipped(t, good)), ErrFormat, "0x1f8b", 0},
		{"gzip of text", zipped(t, []byte("hello, world")), ErrFormat, "0x68656c6c", 0},
	} {
		got, err := readAll(bytes.NewReader(tt.b))
		if err == nil || tt.want != nil && !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) || len(got) != tt.frames {
			t.Errorf("%s: %d frames, %v, want %d, %v with %q", tt.name, len(got), err, tt.frames, tt.want, tt.text)
		}
	}
}

// TestCorruptGzip finds damage in the middle of a compressed capture.
func TestCorruptGzip(t *testing.T) {
	var frames [][]byte
	for i := range 2000 {
		frames = append(frames, bytes.Repeat([]byte{byte(i), byte(i >> 8), byte(i * 7)}, 30))
	}
	b := zipped(t, classic(binary.LittleEndian, micro, 1, frames...))
	b[len(b)/2] ^= 0xff
	if _, err := readAll(bytes.NewReader(b)); err == nil {
		t.Error("no error")
	}
}

// TestStop ends an iteration early, of each format.
func TestStop(t *testing.T) {
	var ng bytes.Buffer
	w, err := NewWriter(&ng)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := w.WriteFrame(wire.Frame{Data: []byte("x")}); err != nil {
			t.Fatal(err)
		}
	}
	for _, b := range [][]byte{ng.Bytes(), classic(binary.BigEndian, nano, 1, []byte("x"), []byte("y"))} {
		n := 0
		for range Open(bytes.NewReader(b)) {
			n++
			break
		}
		if n != 1 {
			t.Errorf("%d frames", n)
		}
	}
}

func TestReadFailure(t *testing.T) {
	head := classic(binary.LittleEndian, micro, 1, []byte("x"))
	_, err := readAll(io.MultiReader(bytes.NewReader(head), iotest.ErrReader(io.ErrClosedPipe)))
	if !errors.Is(err, io.ErrClosedPipe) || errors.Is(err, object.ErrTruncated) {
		t.Errorf("%v", err)
	}
}

func TestWriterRefuses(t *testing.T) {
	w, err := NewWriter(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		rec  Record
		want error
	}{
		{Record{LinkType: 113}, ErrLinkType},
		{Record{LinkType: LinkTypeEthernet, OrigLen: 1}, ErrCut},
		{Record{LinkType: LinkTypeEthernet}, nil},
	} {
		if err := w.WriteRecord(tt.rec); !errors.Is(err, tt.want) {
			t.Errorf("%+v: %v", tt.rec, err)
		}
	}
	if _, err := NewWriter(brokenWriter{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("NewWriter: %v", err)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// TestPcapgoWritesWeRead is the oracle for classic pcap.
func TestPcapgoWritesWeRead(t *testing.T) {
	for _, fine := range []bool{false, true} {
		var file bytes.Buffer
		w := pcapgo.NewWriter(&file)
		if fine {
			w = pcapgo.NewWriterNanos(&file)
		}
		if err := w.WriteFileHeader(65535, layers.LinkTypeEthernet); err != nil {
			t.Fatal(err)
		}
		at := machine.VirtualEpoch + 123_456_789
		if err := w.WritePacket(gopacket.CaptureInfo{Timestamp: at.UTC(), CaptureLength: 4, Length: 4}, []byte("data")); err != nil {
			t.Fatal(err)
		}
		got, err := readAll(&file)
		if err != nil || len(got) != 1 {
			t.Fatalf("%v, %v", got, err)
		}
		if !fine {
			at -= 789
		}
		if got[0].At != at || string(got[0].Data) != "data" {
			t.Errorf("%+v", got[0])
		}
	}
}

// TestCorpus opens every capture that others wrote and counts its frames
// against the manifest.
func TestCorpus(t *testing.T) {
	dir := os.Getenv("MPSTACK_CORPUS")
	if dir == "" {
		t.Log("MPSTACK_CORPUS is not set: captures by others were not read")
		return
	}
	frames := manifest(t, dir)
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		want, listed := frames[rel]
		if err != nil || !listed || strings.HasSuffix(rel, ".tsv") {
			return err
		}
		files++
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		n := 0
		for _, err := range Open(f) {
			if err != nil {
				t.Errorf("%s: %v", rel, err)
				return nil
			}
			n++
		}
		if n != want {
			t.Errorf("%s: %d frames, the manifest says %d", rel, n, want)
		}
		return nil
	})
	if err != nil || files < 50 {
		t.Errorf("%d files, %v", files, err)
	}
}

// TestOrigLenBelowCaptured reads what sloppy writers leave in the original
// length.
func TestOrigLenBelowCaptured(t *testing.T) {
	b := classic(binary.LittleEndian, micro, 1, []byte("first"))
	copy(b[24+12:], make([]byte, 4))
	got, err := readAll(bytes.NewReader(b))
	if err != nil || len(got) != 1 || got[0].OrigLen != 5 || got[0].Truncated() {
		t.Errorf("%+v, %v", got, err)
	}
}

// manifest returns the number of frames by file, of the captures with any.
func manifest(t *testing.T, dir string) map[string]int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "MANIFEST.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(b), "\n")
	column := func(name string) int {
		for i, c := range strings.Split(lines[0], "\t") {
			if c == name {
				return i
			}
		}
		t.Fatalf("the manifest has no column %q", name)
		return 0
	}
	file, frames, link := column("file"), column("frames"), column("linktype")
	all := make(map[string]int)
	for _, line := range lines[1:] {
		c := strings.Split(line, "\t")
		if len(c) > frames && c[frames] != "" && c[link] != "" {
			n := 0
			for _, d := range c[frames] {
				n = n*10 + int(d-'0')
			}
			all[c[file]] = n
		}
	}
	return all
}

// FuzzOpen reads anything: no panic, and no frame longer than what was read,
// unless it came out of compression.
func FuzzOpen(f *testing.F) {
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		f.Add(classic(order, micro, 1, []byte("first"), []byte("second")))
		f.Add(classic(order, nano, 276, []byte("first")))
	}
	var ng bytes.Buffer
	w, err := NewWriter(&ng)
	if err != nil {
		f.Fatal(err)
	}
	if err := w.WriteFrame(wire.Frame{Data: []byte("data"), Cause: "a/b"}); err != nil {
		f.Fatal(err)
	}
	f.Add(ng.Bytes())
	patterns := []string{"../testdata/pcaps/*.pcapng"}
	if dir := os.Getenv("MPSTACK_CORPUS"); dir != "" {
		patterns = append(patterns, filepath.Join(dir, "*", "*.[cp]*ap*"))
	}
	for _, pattern := range patterns {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range paths {
			if b, err := os.ReadFile(path); err == nil && len(b) <= 4<<10 {
				f.Add(b)
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n := 0
		for rec, err := range Open(bytes.NewReader(b)) {
			if err != nil {
				continue
			}
			n++
			if rec.Number != n || rec.OrigLen < len(rec.Data) || b[0] != 0x1f && len(rec.Data) > len(b) {
				t.Fatalf("record %d of %d bytes: %+v", n, len(b), rec)
			}
		}
	})
}
