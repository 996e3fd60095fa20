package pcapng_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"github.com/mpstack/mpstack/capture/pcapng"
	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire"
)

// TestOracleReadsOurs has pcapgo read what the Writer wrote.
func TestOracleReadsOurs(t *testing.T) {
	var file bytes.Buffer
	w, err := pcapng.NewWriter(&file, pcapng.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var frames []wire.Frame
	for i := range 30 {
		frames = append(frames, wire.Frame{
			Data:  bytes.Repeat([]byte{byte(i)}, 14+i),
			At:    machine.VirtualEpoch + machine.Time(i)*1_234_567_891,
			Port:  []string{"a/x", "b/x", "c/x"}[i%3],
			Dir:   wire.Dir(i % 3),
			Cause: machine.Cause(strings.Repeat("c", i%4)),
		})
		if err := w.WriteFrame(frames[i]); err != nil {
			t.Fatal(err)
		}
	}
	r, err := pcapgo.NewNgReader(&file, pcapgo.NgReaderOptions{WantMixedLinkType: true})
	if err != nil {
		t.Fatal(err)
	}
	if s := r.SectionInfo(); s.Application != "mpstack" || s.Hardware != "" || s.OS != "" || s.Comment != "" {
		t.Errorf("section %+v", s)
	}
	for i, f := range frames {
		data, ci, err := r.ReadPacketData()
		if err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
		in, err := r.Interface(ci.InterfaceIndex)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(data, f.Data) || machine.FromTime(ci.Timestamp) != f.At || in.Name != f.Port || in.LinkType != layers.LinkTypeEthernet ||
			in.TimestampResolution != 9 || in.OS != "" || ci.Length != len(f.Data) {
			t.Errorf("frame %d: %+v at %+v", i, ci, in)
		}
	}
	if _, _, err := r.ReadPacketData(); err != io.EOF {
		t.Errorf("after the last frame: %v", err)
	}
}

// TestWeReadOracle reads what pcapgo wrote.
func TestWeReadOracle(t *testing.T) {
	var file bytes.Buffer
	w, err := pcapgo.NewNgWriter(&file, layers.LinkTypeEthernet)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		data := bytes.Repeat([]byte{byte(i)}, i)
		ci := gopacket.CaptureInfo{Timestamp: time.Unix(int64(i), 5), CaptureLength: i, Length: i + 3}
		if err := w.WritePacket(ci, data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	r := pcapng.NewReader(&file)
	for i := range 10 {
		p, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Data) != i || p.OrigLen != i+3 || p.At != machine.Time(i)*1e9+5 || p.Interface.Name != "intf0" {
			t.Errorf("frame %d: %+v", i, p)
		}
	}
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("after the last frame: %v", err)
	}
}

// TestCorpus compares us with pcapgo on captures that others wrote.
func TestCorpus(t *testing.T) {
	dir := os.Getenv("MPSTACK_CORPUS")
	if dir == "" {
		t.Log("MPSTACK_CORPUS is not set: captures by others were not read")
		return
	}
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".pcapng") {
			files++
			sameAsOracle(t, path)
		}
		return err
	})
	if err != nil || files == 0 {
		t.Fatalf("%d files, %v", files, err)
	}
}

func sameAsOracle(t *testing.T, path string) {
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	oracle, err := pcapgo.NewNgReader(bytes.NewReader(b), pcapgo.NgReaderOptions{WantMixedLinkType: true})
	if err != nil {
		t.Logf("%s: pcapgo: %v", filepath.Base(path), err)
		return
	}
	r := pcapng.NewReader(bytes.NewReader(b))
	for n := 1; ; n++ {
		data, ci, werr := oracle.ReadPacketData()
		p, err := r.Next()
		if errors.Is(werr, io.EOF) && err == io.EOF {
			return
		}
		if werr != nil || err != nil {
			t.Errorf("%s: frame %d: %v, pcapgo: %v", path, n, err, werr)
			return
		}
		if !bytes.Equal(p.Data, data) || p.OrigLen != ci.Length || p.ID != ci.InterfaceIndex || p.At != machine.FromTime(ci.Timestamp) {
			t.Errorf("%s: frame %d: %d bytes at %v, pcapgo: %+v", path, n, len(p.Data), p.At, ci)
		}
	}
}
