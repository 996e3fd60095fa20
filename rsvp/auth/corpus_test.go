package auth_test

import (
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
	"github.com/mpstack/mpstack/rsvp/auth"
)

// corpus returns the folder of captures by others, or "" with one line that
// says what was not run. Under CI its absence is a failure.
func corpus(t *testing.T) string {
	dir := os.Getenv("MPSTACK_CORPUS")
	if dir == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("MPSTACK_CORPUS is not set")
		}
		t.Log("MPSTACK_CORPUS is not set: the INTEGRITY objects of Cisco's routers were not verified")
	}
	return dir
}

// table reads a file of tab-separated values without its heading.
func table(t *testing.T, file string) [][]string {
	t.Helper()
	h, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	r := csv.NewReader(h)
	r.Comma, r.FieldsPerRecord, r.LazyQuotes = '\t', -1, true
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}

// signedMessages calls f with every RSVP message of a capture that has an
// INTEGRITY.
func signedMessages(t *testing.T, file string, f func(frame int, b []byte, m *rsvp.Message)) {
	h, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	r, err := pcapgo.NewReader(h)
	if err != nil {
		t.Fatal(err)
	}
	var m rsvp.Message
	for n := 1; ; n++ {
		data, _, err := r.ReadPacketData()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		p := gopacket.NewPacket(data, r.LinkType(), gopacket.Default)
		ip, ok := p.NetworkLayer().(*layers.IPv4)
		if ok && ip.Protocol == 46 && m.Decode(ip.Payload) == nil && m.Has(rsvp.ClassIntegrity) {
			f(n, ip.Payload, &m)
		}
	}
}

// TestCorpus: every digest that a Cisco router made verifies with one of its
// capture's keys, under the algorithm of its length, and with no other secret.
func TestCorpus(t *testing.T) {
	dir := corpus(t)
	if dir == "" {
		return
	}
	algorithms := map[int]auth.Algorithm{16: auth.HMACMD5, 20: auth.HMACSHA1}
	count := map[string]int{}
	for _, row := range table(t, filepath.Join(dir, "KEYS.tsv")) {
		signedMessages(t, filepath.Join(dir, row[0]), func(frame int, b []byte, m *rsvp.Message) {
			a := algorithms[len(m.Integrity.Digest)]
			good := 0
			for _, secret := range strings.Split(row[1], ",") {
				if auth.VerifyRSVP(newKey(t, auth.KeySpec{ID: 1, Algorithm: a, Secret: []byte(secret)}), b) {
					good++
					count[a.String()+" "+secret]++
				}
				if auth.VerifyRSVP(newKey(t, auth.KeySpec{ID: 1, Algorithm: a, Secret: []byte(secret + "x")}), b) {
					t.Errorf("%s frame %d: another secret verifies", row[0], frame)
				}
			}
			if good != 1 || m.Integrity.Flags != rsvp.HandshakeLow || !m.NoChecksum {
				t.Errorf("%s frame %d: %d keys verify, %v", row[0], frame, good, m.Integrity)
			}
		})
	}
	t.Log(count)
	total := 0
	for _, n := range count {
		total += n
	}
	if len(count) < 2 || total != 65 {
		t.Errorf("%d digests: %v", total, count)
	}
	for _, row := range table(t, filepath.Join(dir, "openwall+john", "rsvp_integrity_hmac_vectors.tsv")) {
		a, err := auth.ParseAlgorithm(strings.ToLower(row[0]))
		if err != nil {
			t.Fatal(err)
		}
		b := unhex(t, row[2])
		copy(b[rsvp.HeaderLen+rsvp.DigestOffset:], unhex(t, row[3]))
		if !auth.VerifyRSVP(newKey(t, auth.KeySpec{Algorithm: a, Secret: []byte(row[1])}), b) {
			t.Errorf("%v does not verify", row[:2])
		}
	}
}
