package rsvp_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/wire/object"
)

// corpus returns the folder of captures by others, or "" with one line that
// says what was not run. Under CI its absence is a failure.
func corpus(t *testing.T) string {
	dir := os.Getenv("MPSTACK_CORPUS")
	if dir != "" {
		return dir
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("MPSTACK_CORPUS is not set")
	}
	t.Log("MPSTACK_CORPUS is not set: RSVP messages of the corpus were not decoded")
	return ""
}

// rsvpFiles lists the captures whose manifest line names RSVP messages.
func rsvpFiles(t *testing.T, dir string) []string {
	f, err := os.Open(filepath.Join(dir, "MANIFEST.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma, r.FieldsPerRecord, r.LazyQuotes = '\t', -1, true
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, row := range rows[1:] {
		line := strings.Join(row, "\t")
		if (strings.Contains(line, "rsvp") || strings.HasPrefix(row[0], "independent-stacks/")) && !strings.HasSuffix(row[0], ".out") && !strings.HasSuffix(row[0], ".tsv") {
			files = append(files, filepath.Join(dir, row[0]))
		}
	}
	return files
}

// rsvpMessages calls f with every RSVP message of a capture that is a whole IP
// datagram of its own.
func rsvpMessages(t *testing.T, file string, f func(n int, msg []byte)) {
	h, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	var src gopacket.PacketDataSource
	var link layers.LinkType
	if r, err := pcapgo.NewReader(h); err == nil {
		src, link = r, r.LinkType()
	} else {
		if _, err := h.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		r, err := pcapgo.NewNgReader(h, pcapgo.DefaultNgReaderOptions)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		src, link = r, r.LinkType()
	}
	for n := 1; ; n++ {
		data, _, err := src.ReadPacketData()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Logf("%s: frame %d: %v", filepath.Base(file), n, err)
			return
		}
		p := gopacket.NewPacket(data, link, gopacket.Default)
		if ip, ok := p.NetworkLayer().(*layers.IPv4); ok && ip.Protocol == 46 && ip.FragOffset == 0 {
			f(n, ip.Payload)
		}
	}
}

func TestCorpus(t *testing.T) {
	dir := corpus(t)
	if dir == "" {
		return
	}
	var m rsvp.Message
	whole, refused, malformed, other := 0, 0, 0, 0
	for _, file := range rsvpFiles(t, dir) {
		rsvpMessages(t, file, func(n int, msg []byte) {
			err := m.Decode(msg)
			t.Logf("%s %d %v %v", filepath.Base(file), n, m.Type, err)
			var de *object.DecodeError
			switch {
			case err == nil:
				whole++
			case errors.Is(err, rsvp.ErrUnknownClass), errors.Is(err, rsvp.ErrUnknownCType):
				refused++
			case errors.Is(err, rsvp.ErrType):
				other++
				return
			default:
				malformed++
				if !errors.As(err, &de) {t.Errorf("untyped %v", err)}
				return
			}
			out, err := m.AppendAsReceived(nil)
			if err != nil || !bytes.Equal(out, msg) {
				t.Errorf("%s frame %d: %v\n got %x\nwant %x", filepath.Base(file), n, err, out, msg)
			}
			if m.Unknown==nil || len(m.Unknown)==0 {
			out, err := m.AppendTo(nil)
			if err != nil || !bytes.Equal(out, msg) {
				t.Logf("CANON %s frame %d: %v\n got %x\nwant %x", filepath.Base(file), n, err, out, msg)
			}
			}
		})
	}
	t.Log(whole, refused, malformed, other)
}
