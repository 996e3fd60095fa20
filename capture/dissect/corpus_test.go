package dissect_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mpstack/mpstack/capture"
	"github.com/mpstack/mpstack/capture/dissect"
)

// TestCorpus dissects every capture that others wrote: trees hold together, and
// of the kinds of messages that the manifest counts there are as many.
func TestCorpus(t *testing.T) {
	dir := os.Getenv("MPSTACK_CORPUS")
	if dir == "" {
		t.Log("MPSTACK_CORPUS is not set: captures by others were not dissected")
		return
	}
	manifest, err := os.ReadFile(filepath.Join(dir, "MANIFEST.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(manifest)), "\n")
	head := strings.Split(lines[0], "\t")
	column := func(row []string, name string) string {
		if i := slices.Index(head, name); i >= 0 && i < len(row) {
			return row[i]
		}
		return ""
	}
	files := 0
	for _, l := range lines[1:] {
		row := strings.Split(l, "\t")
		if strings.HasSuffix(row[0], ".tsv") || strings.HasSuffix(row[0], ".out") {
			continue
		}
		files++
		counts := countKinds(t, filepath.Join(dir, row[0]))
		if column(row, "linktype") != "EN10MB" || column(row, "malformed") != "no" || notDissected[row[0]] != "" {
			continue
		}
		compareCounts(t, row[0], column(row, "protocols")+";"+column(row, "rsvp_msgs"), counts)
	}
	if files < 50 {
		t.Errorf("%d files", files)
	}
}

// notDissected says why we count less than the manifest.
var notDissected = map[string]string{
	"OISF+suricata-verify/arp-encap.pcap":             "ARP inside GRE",
	"ajbanjara+Wireshark/mpls-basic.cap":              "RSVP below an MPLS label",
	"ajbanjara+Wireshark/mpls-exp.cap":                "RSVP below an MPLS label",
	"ajbanjara+Wireshark/rarp_request_response.pcap":  "RARP, counted as ARP",
	"the-tcpdump-group+tcpdump/arp-too-long-tha.pcap": "ARP of another hardware",
	"zeek+zeek/vxlan-encapsulated-igmp-v2.pcap":       "IGMP inside VXLAN",
}

// countKinds dissects a capture and counts its frames by what they are, in the
// manifest's words.
func countKinds(t *testing.T, file string) map[string]int {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	counts := make(map[string]int)
	var tree dissect.Tree
	for rec, err := range capture.Open(f) {
		if err != nil {
			t.Errorf("%s: %v", file, err)
			break
		}
		tree.Dissect(rec.LinkType, rec.Data)
		checkTree(t, rec.Data, &tree)
		if top := tree.Top(); top != nil {
			counts[strings.TrimSpace(top.Name+" "+top.Type)]++
		}
	}
	return counts
}

// manifestKinds are the manifest's words for what we count.
var manifestKinds = map[string]string{
	"arp": "arp request", "rsvp": "",
	"igmp:query-v1": "igmp v1-query", "igmp:query-v2": "igmp v2-query", "igmp:query-v3": "igmp v3-query",
	"igmp:v1report": "igmp v1-report", "igmp:v2report": "igmp v2-report", "igmp:v3report": "igmp v3-report", "igmp:leave": "igmp leave",
	"mld:v1report": "mld v1-report", "mld:v2report": "mld v2-report", "mld:done": "mld leave",
	"ndp:ns": "icmpv6 neighbor-solicitation", "ndp:na": "icmpv6 neighbor-advertisement",
	"ndp:rs": "icmpv6 router-solicitation", "ndp:ra": "icmpv6 router-advertisement",
}

func compareCounts(t *testing.T, file, manifest string, counts map[string]int) {
	t.Helper()
	for _, part := range strings.Split(manifest, ";") {
		name, count, ok := strings.Cut(part, "=")
		want, err := strconv.Atoi(count)
		if !ok || err != nil {
			continue
		}
		ours, known := manifestKinds[name]
		got := counts[ours]
		switch {
		case name == "arp":
			got += counts["arp reply"]
		case known && ours == "":
			continue
		case !known:
			got = counts["rsvp "+name]
			if strings.ContainsAny(name, ":-") || strings.ToLower(name) == name {
				continue
			}
		}
		if got != want {
			t.Errorf("%s: %d of %s, the manifest says %d: %v", file, got, name, want, fmt.Sprint(counts))
		}
	}
}
