package rsvp_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
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
	t.Log("MPSTACK_CORPUS is not set: the RSVP messages of 24 captures were not decoded")
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

// TestCorpus: every well-formed RSVP message by others decodes, with a type for
// each of its objects, and encodes to the same bytes, in the order received and
// in the order that we send. What is not well-formed gives an error that names the
// object; nothing panics.
func TestCorpus(t *testing.T) {
	dir := corpus(t)
	if dir == "" {
		return
	}
	var m rsvp.Message
	count := map[string]int{}
	for _, file := range rsvpFiles(t, dir) {
		rsvpMessages(t, file, func(n int, msg []byte) {
			name := fmt.Sprintf("%s frame %d", filepath.Base(file), n)
			switch err := m.Decode(msg); {
			case err == nil:
				count["whole"]++
				if len(m.Unknown) != 0 {
					t.Errorf("%s: %v is not typed", name, rsvp.Class(m.Unknown[0].Class))
				}
				same(t, name, "AppendAsReceived", m.AppendAsReceived, msg)
				if name != "mpls-te.cap frame 99" { // has RESV_CONFIRM behind the flow descriptors
					same(t, name, "AppendTo", m.AppendTo, msg)
				}
			default:
				count["malformed"]++
				if de, ok := errors.AsType[*object.DecodeError](err); !ok || de.Field == "" {
					t.Errorf("%s: %v", name, err)
				}
				if want := corpusErrors[filepath.Base(file)]; err.Error() != want {
					t.Errorf("%s: %v; want %s", name, err, want)
				}
			}
		})
	}
	t.Logf("RSVP messages of the corpus: %v", count)
	if count["whole"] < 182 || count["malformed"] != 11 {
		t.Errorf("fewer messages than the corpus had: %v", count)
	}
}

// corpusErrors are the malformed messages of the corpus and what is wrong.
var corpusErrors = map[string]string{
	"rsvp-infinite-loop.pcap":     "rsvp: EXPLICIT_ROUTE at offset 8: not allowed in this message: Hello",
	"rsvp_cap.pcap":               "rsvp: RSVP Checksum at offset 2: bad checksum: 0x7d4d",
	"rsvp_fast_reroute-oobr.pcap": "rsvp: RSVP Length at offset 6: bad length: 41218 in a datagram of 17 bytes",
	"rsvp_uni-oobr-1.pcap":        "rsvp: RSVP Length at offset 6: bad length: 65527 in a datagram of 20 bytes",
	"click-sender-to-kom-r0.pcap": "rsvp: SENDER_TSPEC parameter length at offset 66: bad length: 5124 bytes, 24 left",
}

func same(t *testing.T, name, what string, f func([]byte) ([]byte, error), want []byte) {
	if got, err := f(nil); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s %s: %v\n got %x\nwant %x", name, what, err, got, want)
	}
}
